//! Python and Node with the packages that scripts use, in the user's cache folder.

use crate::Stage;
use crate::common::finish;
use clawtray_lab::real_gateway;
use product_tests::packages::{kept, npm_package, succeed};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const REQUESTS: &str = "requests==2.34.2";
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
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

/// A folder with Python and one package; none where Python cannot make such folders.
fn python_with(package: &str) -> Option<PathBuf> {
    let probe = Command::new("python3")
        .args(["-c", "import venv, ensurepip"])
        .stderr(Stdio::null())
        .status();
    if !probe.is_ok_and(|status| status.success()) {
        eprintln!("not shown here: {package}; python3-venv is missing (cargo xtask setup --all)");
        return None;
    }
    Some(kept(&package.replace("==", "-"), "whole", |dir| {
        succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(dir));
        let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        succeed(Command::new(dir.join("bin/python")).args(quiet).arg(package));
        std::fs::write(dir.join("whole"), package).unwrap();
    }))
}

/// Requests made up from the OpenAPI document: no answer is a 5xx, and none is one that the document does not have.
pub(crate) fn schemathesis(base: &str, token: &str, folder: &Path) {
    let Some(dir) = python_with(SCHEMATHESIS) else {
        return;
    };
    let checks =
        "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
    // What it makes up depends on the seed alone; the time is what the whole may take on a slow machine.
    let flags = [
        "--phases=fuzzing",
        "--max-examples=2",
        "--seed=1",
        "--max-time=20",
        "--request-timeout=60",
        "--generation-database=none",
        "--no-shrink",
        "--no-color",
    ];
    let mut command = Command::new(dir.join("bin/schemathesis"));
    command
        .args(["run", &format!("{base}/openapi.json"), "--url", base])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--checks", checks])
        .args(flags)
        .env("NO_PROXY", "*")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let said = finish(command.spawn().unwrap(), &["schemathesis"]);
    assert!(
        said.code == Some(0) && said.out.contains(" generated, "),
        "{}\n{}",
        said.out,
        said.err
    );
}

pub(crate) fn python(stage: &Stage) {
    let Some(dir) = python_with(REQUESTS) else { return };
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
    let mut command = node_command();
    command.arg(script("openai.mjs")).arg(npm_package(OPENAI));
    run(stage, command, "openai.mjs");
}
