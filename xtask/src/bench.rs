//! `cargo xtask bench NAME`.
//!
//! `clawctl` and `browser` are here. Any other name is the binary `bench-NAME` of `product-tests`,
//! built for release.

mod browser;
mod clawctl;
mod measure;
mod report;

pub(crate) use measure::as_wrapper as measure;

use crate::build;
use crate::steps::{Steps, cargo, root};
use clawtray_lab::{Context, Error, Result};

/// The benchmarks that drive programs from outside; they need nothing that takes long to build.
const OF_PROGRAMS: [&str; 2] = ["clawctl", "browser"];

pub(crate) fn run(args: &[&str]) -> Result<()> {
    let manifest = root().join("tests/Cargo.toml");
    let manifest = std::fs::read_to_string(&manifest).context("cannot read tests/Cargo.toml")?;
    let known = names(&manifest);
    let Some((name, rest)) = args.split_first() else {
        println!("Benchmarks: {}", known.join(", "));
        return Ok(());
    };
    match *name {
        "clawctl" => return clawctl::run(rest),
        "browser" => return browser::run(rest),
        _ => {}
    }
    if !known.iter().any(|one| one == name) {
        return Err(Error::new(format!(
            "there is no benchmark {name:?}; there are: {}",
            known.join(", ")
        )));
    }
    if *name == "desktop" {
        // It measures programs that lie beside it.
        let steps = Steps::new("bench");
        build::ui(&steps)?;
        let programs = ["build", "--release", "-p", "clawtray", "-p", "bare-tray"];
        steps.run("build the app and the bare one", &mut cargo(&programs))?;
    }
    if *name == "popup" {
        let steps = Steps::new("bench");
        build::ui(&steps)?;
        let app = ["build", "--release", "-p", "clawtray"];
        steps.run("build the app", &mut cargo(&app))?;
        let host = ["build", "--release", "-p", "product-tests", "--bin", "ui-host"];
        steps.run("build the window host", &mut cargo(&host))?;
    }
    if *name == "server" {
        let steps = Steps::new("bench");
        steps.run(
            "build clawctl",
            &mut cargo(&["build", "--release", "-p", "clawctl"]),
        )?;
    }
    let binary = format!("bench-{name}");
    let mut command = cargo(&["run", "--release", "-p", "product-tests", "--bin", &binary, "--"]);
    Steps::new("bench").run_last(&binary, command.args(rest))
}

/// The benchmarks: ours, and the `[[bin]]`s of a manifest that are called `bench-…`.
fn names(manifest: &str) -> Vec<String> {
    let quoted = manifest
        .lines()
        .filter_map(|line| line.trim().strip_prefix("name = \"bench-")?.strip_suffix('"'));
    OF_PROGRAMS.into_iter().chain(quoted).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn benchmarks_are_found_in_the_manifest() {
        let manifest = "[package]\nname = \"product-tests\"\n[[bin]]\nname = \"demo\"\n[[bin]]\nname = \"bench-start\"\n";
        assert_eq!(names(manifest), ["clawctl", "browser", "start"]);
    }
}
