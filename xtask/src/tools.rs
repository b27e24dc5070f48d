//! Linters from the Python package index, pinned by their hashes in `xtask/tools/requirements.txt`, in an environment of their
//! own below `target`.

use crate::steps::{Steps, root, target_dir};
use clawtray_lab::{Context, Error, Result};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const REQUIREMENTS: &str = include_str!("../tools/requirements.txt");
/// zizmor is made for this and later.
const PYTHON: (u32, u32) = (3, 11);

/// The linters, installed.
pub(crate) struct Tools(PathBuf);

impl Tools {
    /// A linter, at the root of the source tree.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.0.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)));
        command.current_dir(root());
        command
    }

    /// A subcommand of cargo from a linter's program.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let mut command = self.command(&format!("cargo-{subcommand}"));
        command.arg(subcommand);
        command
    }
}

/// Installs the linters, unless these versions are there. The error says why that cannot be done here.
pub(crate) fn install(steps: &Steps) -> Result<Tools> {
    let folder = target_dir().join("tools");
    let programs = folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let mark = folder.join("installed.txt");
    if fs::read_to_string(&mark).is_ok_and(|text| text == REQUIREMENTS) {
        return Ok(Tools(programs));
    }
    let python = python()?;
    let mut environment = Command::new(python);
    environment.args(["-m", "venv", "--clear"]).arg(&folder);
    quiet(steps, "environment for linters", &mut environment)?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let mut install = Command::new(programs.join(if cfg!(windows) { "python.exe" } else { "python" }));
    install
        .args(pip)
        .args(["--require-hashes", "--only-binary", ":all:", "-r"])
        .arg(root().join("xtask/tools/requirements.txt"));
    quiet(steps, "linters", &mut install)?;
    fs::write(&mark, REQUIREMENTS).context(format!("cannot write {}", mark.display()))?;
    Ok(Tools(programs))
}

/// Runs a command and keeps its output for the error: its last line says what is wrong.
fn quiet(steps: &Steps, name: &str, command: &mut Command) -> Result<()> {
    steps.say(name, &crate::steps::line_of(command));
    let output = command
        .stdin(Stdio::null())
        .output()
        .context(format!("cannot start {}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let reason = said.lines().rev().find(|line| !line.trim().is_empty());
    Err(Error::new(format!(
        "{name}: {}",
        reason.unwrap_or("it said nothing").trim()
    )))
}

fn python() -> Result<&'static str> {
    let asks = format!("import sys, ensurepip, venv; sys.exit(sys.version_info < {PYTHON:?})");
    let is_new = |name: &&str| {
        let mut command = Command::new(name);
        command
            .args(["-c", &asks])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    ["python3", "python"].into_iter().find(is_new).context(format!(
        "no Python {}.{} or newer with venv (Debian: python3-venv)",
        PYTHON.0, PYTHON.1
    ))
}
