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
use crate::steps::{Steps, root};
use crate::ui;
use clawtray_lab::{Context, Error, Result};
use std::process::Command;

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
    let binary = format!("bench-{name}");
    let steps = Steps::new("bench");
    let line = line(name, &binary);
    if line.contains(&"clawtray") {
        ui::ready(&steps)?;
    }
    if line.contains(&"ui-host") {
        ui::for_a_browser(&steps)?;
    }
    // It looks for the other programs beside itself: all are built by one call.
    let programs = build::programs(&steps, "programs", &line)?;
    steps.run_last(
        &binary,
        Command::new(programs.path(&binary)?)
            .args(rest)
            .current_dir(root()),
    )
}

/// What cargo builds for a benchmark: its own binary, and the programs that it measures.
fn line<'a>(name: &str, binary: &'a str) -> Vec<&'a str> {
    let app = ["-p", "clawtray", "--bin", "clawtray", "--bin", "clawtray-webview"];
    let others: Vec<&str> = match name {
        "desktop" => [&app[..], &["-p", "bare-tray", "--bin", "bare-tray"]].concat(),
        "popup" => [&app[..], &["--bin", "ui-host"]].concat(),
        "server" => vec!["-p", "clawctl", "--bin", "clawctl"],
        _ => Vec::new(),
    };
    [vec!["--release", "-p", "product-tests", "--bin", binary], others].concat()
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
    use super::{line, names};
    use crate::build::named;

    #[test]
    fn a_benchmark_names_to_cargo_itself_and_every_program_that_it_starts() {
        let app = ["clawtray", "clawtray-webview"];
        for (name, starts) in [
            ("desktop", &[app[0], app[1], "bare-tray"][..]),
            ("popup", &[app[0], app[1], "ui-host"]),
            ("server", &["clawctl"]),
            ("client", &[]),
        ] {
            let binary = format!("bench-{name}");
            let line = line(name, &binary);
            let built = named(&line);
            assert!(
                built.contains(&binary.as_str()) && starts.iter().all(|program| built.contains(program)),
                "{line:?}"
            );
        }
    }

    #[test]
    fn benchmarks_are_found_in_the_manifest() {
        let manifest = "[package]\nname = \"product-tests\"\n[[bin]]\nname = \"demo\"\n[[bin]]\nname = \"bench-start\"\n";
        assert_eq!(names(manifest), ["clawctl", "browser", "start"]);
    }
}
