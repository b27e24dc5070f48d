//! What cargo knows of the workspace and of what it is made from.

use crate::steps::cargo;
use clawtray_lab::{Context, Result, process};
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(300);

/// The packages of the workspace. Nothing is downloaded.
pub(crate) fn of_the_workspace() -> Result<Value> {
    ask(&["--no-deps", "--offline"])
}

/// The packages of the workspace and all that they depend on, for every system.
pub(crate) fn of_everything() -> Result<Value> {
    ask(&["--locked"])
}

/// The packages of the workspace and what they depend on, for this system.
#[cfg(target_os = "linux")]
pub(crate) fn of_this_system() -> Result<Value> {
    let rustc = process::run("rustc", Command::new("rustc").arg("-vV"), LIMIT)?;
    let rustc = String::from_utf8_lossy(&rustc.stdout).into_owned();
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: "));
    ask(&[
        "--locked",
        "--filter-platform",
        host.context("rustc names no host")?,
    ])
}

/// A text of a package, empty where it has none.
pub(crate) fn word(value: &Value, name: &str) -> String {
    value
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn ask(args: &[&str]) -> Result<Value> {
    let mut command = cargo(&["metadata", "--format-version=1"]);
    let metadata = process::run("cargo metadata", command.args(args), LIMIT)?;
    serde_json::from_slice(&metadata.stdout).context("cargo metadata is not JSON")
}
