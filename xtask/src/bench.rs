//! `cargo xtask bench NAME`: runs the binary `bench-NAME` of `product-tests`, built for release.

use crate::steps::{Steps, cargo, root};
use clawtray_lab::{Context, Error, Result};

pub(crate) fn run(args: &[&str]) -> Result<()> {
    let manifest = root().join("tests/Cargo.toml");
    let manifest = std::fs::read_to_string(&manifest).context("cannot read tests/Cargo.toml")?;
    let known = names(&manifest);
    let list = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    let Some((name, rest)) = args.split_first() else {
        println!("Benchmarks: {list}");
        return Ok(());
    };
    if !known.iter().any(|one| one == name) {
        return Err(Error::new(format!(
            "there is no benchmark {name:?}; there are: {list}"
        )));
    }
    let binary = format!("bench-{name}");
    let mut command = cargo(&["run", "--release", "-p", "product-tests", "--bin", &binary, "--"]);
    Steps::new("bench").run_last(&binary, command.args(rest))
}

/// The benchmarks that a manifest declares: its `[[bin]]`s called `bench-…`.
fn names(manifest: &str) -> Vec<String> {
    let quoted = manifest
        .lines()
        .filter_map(|line| line.trim().strip_prefix("name = \"bench-")?.strip_suffix('"'));
    quoted.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn benchmarks_are_found_in_the_manifest() {
        let manifest = "[package]\nname = \"product-tests\"\n[[bin]]\nname = \"demo\"\n[[bin]]\nname = \"bench-start\"\n";
        assert_eq!(names(manifest), ["start"]);
    }
}
