//! Runs one command after the other, prints each with its time, and stops at the first failure.

use crate::counts::Counts;
use clawtray_lab::{Context, Error, Result};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The steps of a task.
pub(crate) struct Steps {
    task: &'static str,
    started: Instant,
    done: Mutex<Vec<Done>>,
}

/// A step that ended well or badly.
#[derive(Clone)]
pub(crate) struct Done {
    pub(crate) name: String,
    pub(crate) took: Duration,
    /// What a test runner counted; none for a step that is no test runner.
    pub(crate) tests: Option<Counts>,
}

impl Steps {
    pub(crate) fn new(task: &'static str) -> Self {
        Self {
            task,
            started: Instant::now(),
            done: Mutex::default(),
        }
    }

    /// Runs a command that shares our terminal.
    pub(crate) fn run(&self, name: &str, command: &mut Command) -> Result<()> {
        self.say(name, &line_of(command));
        let start = Instant::now();
        let status = command.status().context(cannot_start(name, command))?;
        self.note(name, start.elapsed(), None);
        println!("    {name}: {:.1} s", start.elapsed().as_secs_f64());
        ended_well(name, command, status)
    }

    /// Runs the last command of a task. Nothing is printed after it.
    pub(crate) fn run_last(&self, name: &str, command: &mut Command) -> Result<()> {
        println!("\n    {} so far: {:.0} s", self.task, self.took().as_secs_f64());
        self.say(name, &line_of(command));
        let status = command.status().context(cannot_start(name, command))?;
        ended_well(name, command, status)
    }

    /// Runs a test runner. Its output is shown as it comes, and its closing lines are counted.
    pub(crate) fn run_tests(&self, name: &str, command: &mut Command) -> Result<()> {
        self.say(name, &line_of(command));
        let start = Instant::now();
        let mut counts = Counts::default();
        let status = read_lines(name, command, |line| {
            println!("{line}");
            counts.hear(line);
        })?;
        if !status.success() {
            counts.fail();
        }
        self.note(name, start.elapsed(), Some(counts));
        println!("    {name}: {:.1} s", start.elapsed().as_secs_f64());
        ended_well(name, command, status)
    }

    /// Runs a cargo command that reports what it builds, and hands on each message of its report.
    pub(crate) fn run_reporting(
        &self,
        name: &str,
        command: &mut Command,
        mut hear: impl FnMut(&Value),
    ) -> Result<()> {
        self.say(name, &line_of(command));
        let start = Instant::now();
        let status = read_lines(name, command, |line| match serde_json::from_str(line) {
            Ok(message) => hear(&message),
            Err(_) => println!("{line}"),
        })?;
        self.note(name, start.elapsed(), None);
        println!("    {name}: {:.1} s", start.elapsed().as_secs_f64());
        ended_well(name, command, status)
    }

    /// Says why something is not done.
    pub(crate) fn skip(&self, name: &str, reason: &str) {
        println!("\n==> {name}: skipped, {reason}");
    }

    /// Says that a step begins.
    pub(crate) fn say(&self, name: &str, what: &str) {
        println!("\n==> {name}: {what}");
    }

    /// Keeps what a step took for the table at the end.
    pub(crate) fn note(&self, name: &str, took: Duration, tests: Option<Counts>) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let name = name.to_owned();
        done.push(Done { name, took, tests });
    }

    /// Every step so far, in the order in which they ended.
    pub(crate) fn done(&self) -> Vec<Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The time since the task began.
    pub(crate) fn took(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Runs a command and hands on each line of its standard output. Its standard error shares our terminal.
fn read_lines(name: &str, command: &mut Command, mut hear: impl FnMut(&str)) -> Result<ExitStatus> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context(cannot_start(name, command))?;
    let stdout = child.stdout.take().context("no output")?;
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.context(format!("{name}: unreadable output"))?;
        hear(String::from_utf8_lossy(&line).trim_end_matches('\r'));
    }
    child.wait().context(format!("{name} does not end"))
}

fn cannot_start(name: &str, command: &Command) -> String {
    format!("{name}: cannot start {}", command.get_program().display())
}

fn ended_well(name: &str, command: &Command, status: ExitStatus) -> Result<()> {
    if status.success() {
        Ok(())
    } else {
        Err(Error::new(format!(
            "{name} failed: {} ended with {status}",
            line_of(command)
        )))
    }
}

/// A command as a person would type it.
pub(crate) fn line_of(command: &Command) -> String {
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

/// A cargo that reports what it builds, one JSON message a line; see [`Steps::run_reporting`].
pub(crate) fn cargo_reporting(task: &str, line: &[&str]) -> Command {
    let mut command = cargo(&[task, "--message-format=json-render-diagnostics"]);
    command.args(line);
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
