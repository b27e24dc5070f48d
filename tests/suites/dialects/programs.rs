//! Python and Node, with the packages that scripts use, in the user's cache folder.

use crate::Stage;
use crate::common::finish;
use clawtray_lab::real_gateway;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const REQUESTS: &str = "requests==2.34.2";
const OPENAI: &str = "openai@7.55.0";

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("suites/dialects")
        .join(name)
}

/// Runs a script, which asserts by itself and says `done` at its end.
fn run(stage: &Stage, mut command: Command, name: &str) {
    command
        .env("BASE", &stage.base)
        .env("TOKEN", stage.gateway.token())
        .env("KEY", &stage.key)
        .env("CLAWCTL", &stage.shell.program)
        .envs(stage.shell.env.iter().cloned())
        .env("NO_PROXY", "*")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let said = finish(command.spawn().unwrap(), &[name]);
    assert!(
        said.code == Some(0) && said.out.ends_with("done\n"),
        "{name}:\n{}\n{}",
        said.out,
        said.err
    );
}

/// Where packages are kept; outside the tree, so that a clean clone does not load them again.
fn cache() -> PathBuf {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let home = || absolute("HOME").map(|home| home.join(".cache"));
    let dir = absolute("XDG_CACHE_HOME").or_else(home).expect("a cache folder");
    let dir = dir.join("clawtray/dialects");
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// A folder that `fill` fills, once per machine; `proof` is in it when it is whole.
fn kept(name: &str, proof: &str, fill: impl FnOnce(&Path)) -> PathBuf {
    let dir = cache().join(name);
    let lock = File::create(cache().join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    if !dir.join(proof).exists() {
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        fill(&dir);
        assert!(
            dir.join(proof).exists(),
            "{name} was installed, and yet there is no {proof}"
        );
    }
    dir
}

fn succeed(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
}

pub(crate) fn python(stage: &Stage) {
    let probe = Command::new("python3")
        .args(["-c", "import venv, ensurepip"])
        .stderr(Stdio::null())
        .status();
    if !probe.is_ok_and(|status| status.success()) {
        return eprintln!(
            "not shown here: Python's requests; python3-venv is missing (cargo xtask setup --all)"
        );
    }
    let dir = kept(&REQUESTS.replace("==", "-"), "whole", |dir| {
        succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(dir));
        let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        succeed(Command::new(dir.join("bin/python")).args(quiet).arg(REQUESTS));
        std::fs::write(dir.join("whole"), REQUESTS).unwrap();
    });
    let mut command = Command::new(dir.join("bin/python"));
    command.arg(script("published.py"));
    run(stage, command, "published.py");
}

fn node_command() -> Command {
    Command::new(real_gateway::install().unwrap().node())
}

pub(crate) fn node(stage: &Stage) {
    let mut command = node_command();
    command.arg(script("published.mjs"));
    run(stage, command, "published.mjs");
}

pub(crate) fn openai(stage: &Stage) {
    let dir = kept(
        &OPENAI.replace('@', "-"),
        "node_modules/openai/package.json",
        |dir| {
            let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
            let flags = [
                "install",
                "--no-save",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
            ];
            succeed(
                Command::new(npm)
                    .args(flags)
                    .arg("--prefix")
                    .arg(dir)
                    .arg(OPENAI)
                    .current_dir(dir),
            );
        },
    );
    let mut command = node_command();
    command.arg(script("openai.mjs")).arg(&dir);
    run(stage, command, "openai.mjs");
}
