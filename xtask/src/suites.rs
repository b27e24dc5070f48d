//! Runs several test suites at once: most of them wait for a desktop, a browser or a gateway for most of their time.

use crate::counts::Counts;
use crate::steps::{Steps, line_of, target_dir};
use clawtray_lab::{Context, Error, Result};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

/// A test runner to start.
pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) command: Command,
}

/// Runs the suites that `submit` sends, as many at once as this machine has processors and one more. What a suite says is
/// kept in `target/test-logs` and shown when it ends. All of them run, also after one failed.
pub(crate) fn run(steps: &Steps, submit: impl FnOnce(&Sender<Suite>) -> Result<()>) -> Result<()> {
    let logs = target_dir().join("test-logs");
    fs::create_dir_all(&logs).context(format!("cannot make {}", logs.display()))?;
    let lanes = thread::available_parallelism().map_or(2, usize::from) + 1;
    let (sender, receiver) = mpsc::channel();
    let (receiver, failed, screen) = (Mutex::new(receiver), Mutex::new(Vec::new()), Mutex::new(()));
    let submitted = thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                while let Some(suite) = next(&receiver) {
                    let name = suite.name.clone();
                    if let Err(error) = run_one(steps, suite, &logs, &screen) {
                        eprintln!("\n{error}");
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(name);
                    }
                }
            });
        }
        let submitted = submit(&sender);
        // The lanes end when there is nothing more to come.
        drop(sender);
        submitted
    });
    submitted?;
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Error::new(format!("failed: {}", failed.join(", "))))
    }
}

fn next(receiver: &Mutex<Receiver<Suite>>) -> Option<Suite> {
    receiver
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .recv()
        .ok()
}

fn run_one(steps: &Steps, suite: Suite, logs: &Path, screen: &Mutex<()>) -> Result<()> {
    let Suite { name, mut command } = suite;
    let log = logs.join(format!("{}.log", name.replace(['/', ' '], "-")));
    let file = File::create(&log).context(format!("cannot write {}", log.display()))?;
    let both = file
        .try_clone()
        .context(format!("cannot write {}", log.display()))?;
    println!("    {name} begins; its output goes to {}", log.display());
    let start = Instant::now();
    let status = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(both)
        .status()
        .context(format!(
            "{name}: cannot start {}",
            command.get_program().display()
        ))?;
    let took = start.elapsed();
    let output = fs::read(&log).context(format!("cannot read {}", log.display()))?;
    let output = String::from_utf8_lossy(&output);
    let mut counts = Counts::default();
    output.lines().for_each(|line| counts.hear(line));
    if !status.success() {
        counts.fail();
    }
    steps.note(&name, took, Some(counts));
    let _one_at_a_time = screen.lock().unwrap_or_else(PoisonError::into_inner);
    steps.say(&name, &line_of(&command));
    println!("{}\n    {name}: {:.1} s", output.trim_end(), took.as_secs_f64());
    if status.success() {
        Ok(())
    } else {
        Err(Error::new(format!(
            "{name} failed: {} ended with {status}",
            line_of(&command)
        )))
    }
}

/// The suites of the workspace's `tests` folders, from cargo's messages about what it built.
#[derive(Debug, Default)]
pub(crate) struct Built(Vec<(String, PathBuf, PathBuf)>);

/// Suites that take long begin first, in this order, so that none of them is left for the end.
const LONG: [&str; 6] = [
    "tests/desktop",
    "tests/live_client",
    "tests/dialects",
    "tests/kills",
    "tests/clawctl",
    "tests/ssh",
];

impl Built {
    /// Takes in one message of cargo's.
    pub(crate) fn hear(&mut self, message: &Value) {
        let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
        let is_suite = text("/target/kind/0") == Some("test");
        let (true, Some(program), Some(name), Some(manifest)) = (
            is_suite,
            text("/executable"),
            text("/target/name"),
            text("/manifest_path"),
        ) else {
            return;
        };
        let folder = Path::new(manifest).parent().unwrap_or(Path::new("")).to_owned();
        let package = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        self.0.push((format!("{package}/{name}"), program.into(), folder));
    }

    /// The suites, ready to start, as `cargo test` would start them.
    pub(crate) fn suites(mut self) -> Vec<Suite> {
        self.0.sort_by_key(|(name, ..)| (place(name), name.clone()));
        let suites = self.0.into_iter().map(|(name, program, folder)| {
            let mut command = Command::new(program);
            command.current_dir(&folder).env("CARGO_MANIFEST_DIR", &folder);
            Suite { name, command }
        });
        suites.collect()
    }
}

fn place(name: &str) -> usize {
    LONG.iter().position(|long| *long == name).unwrap_or(LONG.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::root;
    use serde_json::json;

    fn built(package: &str, kind: &str, name: &str) -> Value {
        json!({"reason": "compiler-artifact", "manifest_path": format!("/w/{package}/Cargo.toml"),
            "target": {"kind": [kind], "name": name}, "executable": format!("/w/target/debug/deps/{name}-0")})
    }

    #[test]
    fn suites_are_found_in_cargos_messages_and_long_ones_begin_first() {
        let mut heard = Built::default();
        heard.hear(&built("crates/gateway-client", "test", "driver"));
        heard.hear(&built("crates/gateway-client", "lib", "clawtray_gateway_client"));
        heard.hear(&built("tests", "test", "live_client"));
        heard.hear(&built("tests", "bin", "ui-host"));
        heard.hear(&built("tests", "test", "desktop"));
        let suites = heard.suites();
        let names: Vec<&str> = suites.iter().map(|suite| suite.name.as_str()).collect();
        assert_eq!(
            names,
            ["tests/desktop", "tests/live_client", "gateway-client/driver"]
        );
        assert_eq!(
            suites[2].command.get_current_dir(),
            Some(Path::new("/w/crates/gateway-client"))
        );
    }

    #[test]
    fn one_suite_that_fails_is_named_and_stops_no_other() {
        let steps = Steps::new("test");
        let result = run(&steps, |suites| {
            for (name, argument) in [("fails", "no-such-command"), ("tells its version", "--version")] {
                let (name, command) = (name.to_owned(), crate::steps::cargo(&[argument]));
                suites.send(Suite { name, command }).expect("a lane is there");
            }
            Ok(())
        });
        let error = result.expect_err("one failed").to_string();
        assert_eq!(error, "failed: fails");
        let done = steps.done();
        let failed = |name: &str| {
            done.iter()
                .find(|one| one.name == name)?
                .tests
                .map(|tests| tests.failed)
        };
        assert_eq!((failed("fails"), failed("tells its version")), (Some(1), Some(0)));
    }

    #[test]
    fn every_long_suite_is_in_the_manifest_of_the_product_tests() {
        let manifest = fs::read_to_string(root().join("tests/Cargo.toml")).expect("tests/Cargo.toml");
        for long in LONG {
            let name = long.strip_prefix("tests/").expect("one of the product tests");
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{long}");
        }
    }
}
