//! Packages of other languages for tests, in the user's cache folder, downloaded once per machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test stops where a package cannot be had"
)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where packages are kept; outside the tree, so that a clean clone does not load them again.
fn cache() -> PathBuf {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let home = || absolute("HOME").map(|home| home.join(".cache"));
    let dir = absolute("XDG_CACHE_HOME").or_else(home).expect("a cache folder");
    let dir = dir.join("clawtray/packages");
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// A folder that `fill` fills, once per machine; `proof` is in it when it is whole.
pub fn kept(name: &str, proof: &str, fill: impl FnOnce(&Path)) -> PathBuf {
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

/// Runs a command that has to succeed.
pub fn succeed(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
}

/// A folder with one package from npm (`name@version`) in its `node_modules`.
#[must_use]
pub fn npm_package(package: &str) -> PathBuf {
    let (name, _) = package.split_once('@').expect("a version");
    kept(
        &package.replace('@', "-"),
        &format!("node_modules/{name}/package.json"),
        |dir| {
            let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
            let flags = [
                "install",
                "--no-save",
                "--ignore-scripts",
                "--omit=optional",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
            ];
            succeed(
                Command::new(npm)
                    .args(flags)
                    .arg("--prefix")
                    .arg(dir)
                    .arg(package)
                    .current_dir(dir),
            );
        },
    )
}
