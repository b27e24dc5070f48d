//! Runs one command after the other, prints each with its time, and stops at the first failure.

use clawtray_lab::{Context, Error, Result};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// The steps of a task.
pub(crate) struct Steps {
    task: &'static str,
    started: Instant,
}

impl Steps {
    pub(crate) fn new(task: &'static str) -> Self {
        Self {
            task,
            started: Instant::now(),
        }
    }

    /// Runs a command that shares our terminal.
    pub(crate) fn run(&self, name: &str, command: &mut Command) -> Result<()> {
        self.say(name, &line_of(command));
        let start = Instant::now();
        attempt(name, command)?;
        println!("    {name}: {:.1} s", start.elapsed().as_secs_f64());
        Ok(())
    }

    /// Runs the last command of a task. Nothing is printed after it, so that a test runner has the last word.
    pub(crate) fn run_last(&self, name: &str, command: &mut Command) -> Result<()> {
        println!(
            "\n    {} so far: {:.0} s",
            self.task,
            self.started.elapsed().as_secs_f64()
        );
        self.say(name, &line_of(command));
        attempt(name, command)
    }

    /// Says why something is not done.
    pub(crate) fn skip(&self, name: &str, reason: &str) {
        println!("\n==> {name}: skipped, {reason}");
    }

    /// Says that a step begins.
    pub(crate) fn say(&self, name: &str, what: &str) {
        println!("\n==> {name}: {what}");
    }
}

fn attempt(name: &str, command: &mut Command) -> Result<()> {
    let status = command.status().context(format!(
        "{name}: cannot start {}",
        command.get_program().display()
    ))?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::new(format!(
            "{name} failed: {} ended with {status}",
            line_of(command)
        )))
    }
}

fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    words.join(" ")
}

/// The root of the source tree.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The cargo that runs us, at the root.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// npm, in the folder of the UI.
pub(crate) fn npm(args: &[&str]) -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.args(args).current_dir(root().join("ui"));
    command
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    let named = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    root().join(named.unwrap_or_else(|| "target".into()))
}
