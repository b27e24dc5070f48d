//! What has to agree across files that no compiler reads together.

use crate::metadata;
use crate::steps::root;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The commands of the first shell block below a heading of a page, without their comments.
fn commands(page: &str, heading: &str) -> Vec<String> {
    let section = page.split_once(heading).expect("the heading").1;
    let block = section.split_once("```sh\n").expect("a shell block").1;
    let block = block.split_once("```").expect("its end").0;
    without_comments(block)
}

fn without_comments(script: &str) -> Vec<String> {
    let lines = script
        .lines()
        .map(|line| line.split_once('#').map_or(line, |(line, _)| line).trim());
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn ci_runs_the_two_commands_of_the_readme_as_printed_there() {
    let readme = commands(&read("README.md"), "## Two commands");
    let ci = without_comments(&read(".ci/run"));
    let ci: Vec<&String> = ci
        .iter()
        .filter(|line| line.contains("cargo ") || line.contains("xtask"))
        .collect();
    assert_eq!(readme.len(), 2, "{readme:?}");
    assert_eq!(ci, readme.iter().collect::<Vec<_>>());
    let workflow = read(".github/workflows/ci.yml");
    let run = workflow
        .lines()
        .filter_map(|line| line.trim_start_matches(['-', ' ']).strip_prefix("run: "));
    let run: Vec<&str> = run
        .filter(|line| readme.iter().any(|command| command == line))
        .collect();
    assert_eq!(run, readme, "the workflow's Linux job runs both, in this order");
}

#[test]
fn every_task_that_a_text_names_is_there() {
    let usage = crate::USAGE;
    let texts = [
        "README.md",
        "CONTRIBUTING.md",
        "docs/TESTING.md",
        "docs/PERFORMANCE.md",
        "src-tauri/build.rs",
    ];
    for file in texts {
        let text = read(file);
        for rest in text.split("cargo xtask ").skip(1) {
            let task: String = rest
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '-')
                .collect();
            let is_there = task.is_empty()
                || usage
                    .lines()
                    .any(|line| line.trim_start().split(' ').next() == Some(&task));
            assert!(is_there, "{file} names `cargo xtask {task}`");
        }
    }
}

#[test]
fn the_maintainers_have_one_address() {
    let named = env!("CARGO_PKG_AUTHORS");
    let address = named
        .split_once('<')
        .and_then(|(_, rest)| rest.strip_suffix('>'))
        .expect("Name <address>");
    assert!(
        address.contains('@') && !address.ends_with("localhost"),
        "{address}"
    );
    let security = read("docs/SECURITY.md");
    let is_address = |word: &&str| word.contains('@') && word.contains('.');
    let words = security.split(|c: char| c.is_whitespace() || "()<>`,;[]".contains(c));
    let mut written: Vec<&str> = words
        .map(|word| word.trim_end_matches('.'))
        .filter(is_address)
        .collect();
    written.dedup();
    assert_eq!(
        written,
        [address],
        "docs/SECURITY.md names the address of Cargo.toml's workspace.package.authors"
    );
    let (name, _) = named.split_once(" <").expect("a name");
    assert!(
        read("src-tauri/linux/dev.clawtray.Clawtray.metainfo.xml").contains(&format!("<name>{name}</name>"))
    );
}

#[test]
fn the_lowest_rust_is_the_same_everywhere() {
    let lowest = env!("CARGO_PKG_RUST_VERSION");
    assert!(read("README.md").contains(lowest), "README.md");
    assert!(
        read(".github/workflows/ci.yml").contains(&format!("\"{lowest}\"")),
        "the workflow's job for it"
    );
}

/// The Rust files of a target: its file, or its folder where that is its own.
fn files_of(source: &Path) -> Vec<PathBuf> {
    if !source.ends_with("main.rs") || source.ends_with("src-tauri/src/main.rs") {
        return vec![source.to_owned()];
    }
    let folder = source.parent().expect("a folder");
    let entries = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    entries
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .collect()
}

#[test]
fn no_binary_that_is_not_tested_has_a_test() {
    let metadata = metadata::of_the_workspace().expect("cargo metadata");
    let packages = metadata["packages"].as_array().expect("packages").iter();
    let targets = packages.flat_map(|package| package["targets"].as_array().expect("targets"));
    let untested: Vec<&Value> = targets
        .filter(|target| target["kind"][0] == "bin" && target["test"] == false)
        .collect();
    assert!(
        untested.iter().any(|target| target["name"] == "ui-host"),
        "{untested:?}"
    );
    for target in untested {
        for file in files_of(Path::new(target["src_path"].as_str().expect("a path"))) {
            let text = std::fs::read_to_string(&file).expect("readable");
            let is_test =
                |line: &str| line.trim_start().starts_with("#[test]") || line.contains("#[tokio::test");
            assert!(
                !text.lines().any(is_test),
                "{} has a test that is never run",
                file.display()
            );
        }
    }
}
