//! `cargo xtask test`: the whole bar.

use crate::build;
use crate::disk;
use crate::setup::{self, Level};
use crate::steps::{Steps, cargo, npm};
use clawtray_lab::Result;
use std::process::Command;

pub(crate) fn run() -> Result<()> {
    let steps = Steps::new("test");
    // Measured: 7.7 from a clean clone, 2.9 of them for incremental builds.
    disk::warn(&steps, 8_000);
    setup::run(&steps, Level::Tests)?;
    let has_ui = build::ui(&steps)?;
    steps.run("format", &mut cargo(&["fmt", "--all", "--check"]))?;
    steps.run(
        "lint",
        &mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    )?;
    // All of it in one go: the app that the product tests start is built once, with the same features as everything else.
    steps.run("build", &mut cargo(&["build", "--workspace", "--all-targets"]))?;
    for (name, script, mut command) in [
        ("ui unit tests", "test", npm(&["test"])),
        ("ui in a browser", "e2e", npm(&["run", "e2e"])),
        ("ui on the companion", "e2e:host", on_the_companion()),
    ] {
        if has_ui && build::ui_has_script(script)? {
            steps.run(name, &mut command)?;
        } else {
            steps.skip(name, &format!("ui/package.json has no script {script:?}"));
        }
    }
    steps.run(
        "examples in the documentation",
        &mut cargo(&["test", "--workspace", "--doc"]),
    )?;
    let mut tests = cargo(&["test", "--workspace", "--all-targets"]);
    tests.env("CLAWTRAY_BIN", build::app("debug"));
    steps.run_last("tests", &mut tests)
}

/// The windows in a browser with the companion and the built-in gateway behind them.
fn on_the_companion() -> Command {
    let mut command = npm(&["run", "e2e:host"]);
    command.env("CLAWTRAY_UI_HOST", build::program("debug", "ui-host"));
    command
}
