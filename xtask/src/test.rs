//! `cargo xtask test`: the whole bar.

use crate::build::Programs;
use crate::check::{self, CannotRun};
use crate::disk;
use crate::setup::{self, Level};
use crate::steps::{Steps, cargo, cargo_reporting, npm};
use crate::suites::{self, Built, Suite};
use crate::summary;
use clawtray_lab::Result;
use std::process::Command;

/// Every binary and every suite. The unit tests are built by `check`; `--all-targets` would build each binary as a benchmark
/// besides.
const BUILD: [&str; 5] = ["--workspace", "--bins", "--examples", "--test", "*"];

pub(crate) fn run() -> Result<()> {
    let steps = Steps::new("test");
    // Measured: 7.7 from a clean clone, 2.9 of them for incremental builds.
    disk::warn(&steps, 8_000);
    setup::run(&steps, Level::Tests)?;
    check::run(&steps, CannotRun::Fail)?;
    let result = suites::run(&steps, |suites| {
        let submit = |name: &str, command: Command| {
            // It fails only when every lane is gone, and none goes before the last suite is submitted.
            let _ = suites.send(Suite {
                name: name.to_owned(),
                command,
            });
        };
        // It needs nothing that cargo builds.
        submit("ui in a browser", npm(&["run", "e2e"]));
        let (mut programs, mut built) = (Programs::default(), Built::default());
        // All of it in one go, so that whatever a test starts is what the test was built with.
        let mut build = cargo_reporting("build", &BUILD);
        steps.run_reporting("build", &mut build, |message| {
            programs.hear(message);
            built.hear(message);
        })?;
        let (app, clawctl) = (programs.path("clawtray")?, programs.path("clawctl")?);
        for mut suite in built.suites() {
            suite.command.env("CLAWTRAY_BIN", app).env("CLAWCTL_BIN", clawctl);
            submit(&suite.name, suite.command);
        }
        let mut on_the_companion = npm(&["run", "e2e:host"]);
        on_the_companion.env("CLAWTRAY_UI_HOST", programs.path("ui-host")?);
        submit("ui on the companion", on_the_companion);
        let examples = cargo(&["test", "--workspace", "--doc"]);
        submit("examples in the documentation", examples);
        submit(
            "the bench itself",
            cargo(&["test", "-p", "clawtray-lab", "--lib"]),
        );
        Ok(())
    });
    summary::print(&steps);
    result
}
