//! Builds programs, and hands out those that cargo itself says it built.

use crate::steps::{Steps, cargo_reporting};
use clawtray_lab::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The app and its windows' process, with what drives them in a virtual desktop. `--workspace` and the example unite
/// features as the tests do: what is compiled here is not compiled again for `cargo xtask test`.
pub(crate) const DEMO: [&str; 7] = [
    "--workspace",
    "--bin",
    "clawtray",
    "--bin",
    "clawtray-webview",
    "--example",
    "demo",
];

/// The programs that people install, with the features that they are installed with.
pub(crate) const INSTALLED: [&str; 11] = [
    "--release",
    "-p",
    "clawtray",
    "-p",
    "clawctl",
    "--bin",
    "clawtray",
    "--bin",
    "clawtray-webview",
    "--bin",
    "clawctl",
];

/// The programs that one cargo call built, or found fresh. A file that an earlier build left behind is not among them.
#[derive(Debug, Default)]
pub(crate) struct Programs(BTreeMap<String, PathBuf>);

impl Programs {
    /// The program that a binary or an example of this name became.
    ///
    /// # Errors
    /// The cargo call did not name it.
    pub(crate) fn path(&self, name: &str) -> Result<&Path> {
        let path = self.0.get(name).map(PathBuf::as_path);
        path.context(format!("cargo was not told to build {name}"))
    }

    /// Takes in one message of cargo's report.
    pub(crate) fn hear(&mut self, message: &Value) {
        let is_program = message.pointer("/target/kind").is_some_and(|kinds| {
            let has = |kind: &str| {
                kinds
                    .as_array()
                    .is_some_and(|kinds| kinds.iter().any(|one| one == kind))
            };
            has("bin") || has("example")
        });
        let is_test = message.pointer("/profile/test").and_then(Value::as_bool) == Some(true);
        let name = message.pointer("/target/name").and_then(Value::as_str);
        let path = message.get("executable").and_then(Value::as_str);
        if let (true, false, Some(name), Some(path)) = (is_program, is_test, name, path) {
            self.0.insert(name.to_owned(), path.into());
        }
    }
}

/// Runs `cargo build` with `line`. Every program that the line names by `--bin` or `--example` is then there.
pub(crate) fn programs(steps: &Steps, name: &str, line: &[&str]) -> Result<Programs> {
    let mut command = cargo_reporting("build", line);
    let mut programs = Programs::default();
    steps.run_reporting(name, &mut command, |message| programs.hear(message))?;
    for named in named(line) {
        programs.path(named)?;
    }
    Ok(programs)
}

/// The targets that a cargo line names.
pub(crate) fn named<'a>(line: &[&'a str]) -> Vec<&'a str> {
    let pairs = line.iter().zip(line.iter().skip(1));
    let named = pairs.filter(|(option, _)| matches!(**option, "--bin" | "--example"));
    named.map(|(_, name)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata;
    use serde_json::json;

    /// The binaries and examples of a package of the workspace.
    fn targets(package: &str) -> Vec<String> {
        let metadata = metadata::of_the_workspace().expect("cargo metadata");
        let packages = metadata
            .pointer("/packages")
            .and_then(Value::as_array)
            .expect("packages");
        let package = packages
            .iter()
            .find(|one| one["name"] == package)
            .expect("the package");
        let targets = package["targets"].as_array().expect("targets").iter();
        let programs =
            targets.filter(|target| target["kind"] == json!(["bin"]) || target["kind"] == json!(["example"]));
        programs
            .map(|target| target["name"].as_str().expect("a name").to_owned())
            .collect()
    }

    #[test]
    fn the_demo_and_the_packages_name_every_program_of_the_app_to_cargo() {
        for line in [&DEMO[..], &INSTALLED[..]] {
            for program in targets("clawtray") {
                assert!(
                    named(line).contains(&program.as_str()),
                    "{program} is not in {line:?}"
                );
            }
        }
        assert!(named(&DEMO).contains(&"demo"));
    }

    #[test]
    fn every_program_that_is_named_to_cargo_is_in_the_workspace() {
        let all: Vec<String> = ["clawtray", "clawctl", "product-tests"]
            .into_iter()
            .flat_map(targets)
            .collect();
        for program in [&DEMO[..], &INSTALLED[..]].into_iter().flat_map(named) {
            assert!(all.iter().any(|one| one == program), "no package has {program}");
        }
    }

    #[test]
    fn only_what_cargo_reports_is_handed_out() {
        let mut programs = Programs::default();
        programs.hear(
            &json!({"reason": "compiler-artifact", "target": {"kind": ["bin"], "name": "demo"},
            "profile": {"test": false}, "executable": "/t/debug/demo"}),
        );
        programs.hear(
            &json!({"reason": "compiler-artifact", "target": {"kind": ["bin"], "name": "clawtray"},
            "profile": {"test": true}, "executable": "/t/debug/deps/clawtray-0"}),
        );
        programs.hear(
            &json!({"reason": "compiler-artifact", "target": {"kind": ["lib"], "name": "clawctl"},
            "profile": {"test": false}, "executable": null}),
        );
        assert_eq!(programs.path("demo").expect("named"), Path::new("/t/debug/demo"));
        let missing = programs
            .path("clawtray")
            .expect_err("a test is not the program")
            .to_string();
        assert!(missing.contains("clawtray"), "{missing}");
        assert!(programs.path("clawctl").is_err());
    }
}
