//! `cargo xtask check`: what is worth knowing before a commit. No sudo, no display, no gateway.

use crate::metadata::{self, word};
use crate::setup;
use crate::steps::{Steps, cargo, npm};
use crate::{tools, ui};
use clawtray_lab::{Context, Error, Result};
use serde_json::Value;
use std::process::Command;

/// What to do about a check that cannot run on this machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CannotRun {
    /// Say why in one line, and go on.
    Skip,
    /// Fail: the machine is set up for every test.
    Fail,
}

/// `cargo xtask check`
pub(crate) fn task(args: &[&str]) -> Result<()> {
    crate::flag(args, "", &[])?;
    let steps = Steps::new("check");
    setup::ready_to_build()?;
    setup::node()?;
    run(&steps, CannotRun::Skip)?;
    crate::summary::print(&steps);
    Ok(())
}

/// `cargo xtask advisories`: whether a vulnerability is known in what Clawtray is made of.
pub(crate) fn advisories(args: &[&str]) -> Result<()> {
    crate::flag(args, "", &[])?;
    let steps = Steps::new("advisories");
    let tools = tools::install(&steps)?;
    steps.run_last("advisories", tools.cargo("deny").args(["check", "advisories"]))
}

/// Runs every check. The cheap ones come first.
pub(crate) fn run(steps: &Steps, cannot_run: CannotRun) -> Result<()> {
    steps.run("format", &mut cargo(&["fmt", "--all", "--check"]))?;
    ui::ready(steps)?;
    lowest_rust(steps)?;
    linters(steps, cannot_run)?;
    steps.run("workflows", &mut npm(&["run", "--silent", "actionlint"]))?;
    steps.run("ui types", &mut npm(&["run", "--silent", "check"]))?;
    steps.run("eslint", &mut npm(&["run", "--silent", "lint"]))?;
    steps.run("knip", &mut npm(&["run", "--silent", "knip"]))?;
    steps.run_tests("ui unit tests", &mut npm(&["test"]))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    steps.run("clippy", &mut cargo(&clippy))?;
    steps.run_tests("unit tests", &mut unit_tests()?)
}

/// Unit and table tests: all that need nothing but their own process. The other suites are in `tests` folders, and the
/// bench's own tests start a gateway and a desktop. Cargo's `--bins` would link binaries too that have no test, so those that
/// have are named.
fn unit_tests() -> Result<Command> {
    let metadata = metadata::of_the_workspace()?;
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .context("no packages")?;
    let mut command = cargo(&["test", "--workspace", "--exclude", "clawtray-lab", "--lib"]);
    for name in tested_binaries(packages) {
        command.args(["--bin", &name]);
    }
    Ok(command)
}

/// The binaries whose manifest does not say `test = false`.
fn tested_binaries(packages: &[Value]) -> Vec<String> {
    let targets = packages
        .iter()
        .filter_map(|package| package.get("targets")?.as_array())
        .flatten();
    let tested = targets.filter(|target| {
        target.pointer("/kind/0").and_then(Value::as_str) == Some("bin")
            && target.get("test").and_then(Value::as_bool) == Some(true)
    });
    tested.map(|target| word(target, "name")).collect()
}

fn linters(steps: &Steps, cannot_run: CannotRun) -> Result<()> {
    let tools = match tools::install(steps) {
        Ok(tools) => tools,
        Err(reason) if cannot_run == CannotRun::Skip => {
            steps.skip("typos, zizmor, cargo-shear, cargo-deny", &reason.to_string());
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    steps.run("typos", &mut tools.command("typos"))?;
    steps.run("zizmor", tools.command("zizmor").args(ZIZMOR))?;
    steps.run("unused dependencies", tools.cargo("shear").arg("--deny-warnings"))?;
    steps.run("licences and sources", tools.cargo("deny").args(DENY))
}

const ZIZMOR: [&str; 6] = [
    "--offline",
    "--quiet",
    "--no-progress",
    "--persona",
    "pedantic",
    ".github",
];
/// Advisories need a database that changes without us: the workflow asks for them, once a day.
const DENY: [&str; 6] = ["--log-level", "error", "check", "bans", "licenses", "sources"];

/// Whether everything that is linked still compiles with the Rust that the README names as the lowest.
fn lowest_rust(steps: &Steps) -> Result<()> {
    let lowest = env!("CARGO_PKG_RUST_VERSION");
    steps.say(
        "lowest Rust",
        &format!("every dependency is made for {lowest} or older"),
    );
    let metadata = metadata::of_everything()?;
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .context("no packages")?;
    match newer_than(lowest, packages).as_slice() {
        [] => Ok(()),
        newer => Err(Error::new(format!(
            "the workspace promises Rust {lowest}, and these want a newer one: {}",
            newer.join(", ")
        ))),
    }
}

/// The packages that want a newer Rust, each with the version it wants.
fn newer_than(lowest: &str, packages: &[Value]) -> Vec<String> {
    let numbers = |text: &str| {
        text.split('.')
            .map(|part| part.parse().unwrap_or(0))
            .collect::<Vec<u32>>()
    };
    let (lowest, mut newer) = (numbers(lowest), Vec::new());
    for package in packages {
        let wanted = word(package, "rust_version");
        if !wanted.is_empty() && numbers(&wanted) > padded(&lowest, numbers(&wanted).len()) {
            newer.push(format!(
                "{} {} ({wanted})",
                word(package, "name"),
                word(package, "version")
            ));
        }
    }
    newer
}

fn padded(version: &[u32], len: usize) -> Vec<u32> {
    let mut version = version.to_owned();
    version.resize(version.len().max(len), 0);
    version
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_dependency_that_wants_a_newer_rust_is_named() {
        let wants =
            |name: &str, rust: Option<&str>| json!({"name": name, "version": "1.2.3", "rust_version": rust});
        let packages = [
            wants("old", Some("1.63")),
            wants("same", Some("1.90.0")),
            wants("silent", None),
            wants("newer", Some("1.90.1")),
            wants("newest", Some("1.100")),
        ];
        assert_eq!(
            newer_than("1.90", &packages),
            ["newer 1.2.3 (1.90.1)", "newest 1.2.3 (1.100)"]
        );
    }

    #[test]
    fn binaries_with_tests_are_named_to_cargo_and_the_others_are_not() {
        let metadata = metadata::of_the_workspace().expect("cargo metadata");
        let tested = tested_binaries(metadata["packages"].as_array().expect("packages"));
        assert!(tested.iter().any(|name| name == "xtask"), "{tested:?}");
        assert!(!tested.iter().any(|name| name == "ui-host"), "{tested:?}");
    }
}
