//! Writes completions and manual pages from the command tree with every build.

use clap::CommandFactory;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

#[allow(dead_code, missing_docs)]
#[path = "src/cli.rs"]
mod cli;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=src/cli.rs");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let mut command = cli::Cli::command();
    for (name, shell) in [
        ("bash", clap_complete::Shell::Bash),
        ("elvish", clap_complete::Shell::Elvish),
        ("fish", clap_complete::Shell::Fish),
        ("powershell", clap_complete::Shell::PowerShell),
        ("zsh", clap_complete::Shell::Zsh),
    ] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command, "clawctl", &mut script);
        fs::write(out.join(format!("completion.{name}")), script)?;
    }
    let man = out.join("man");
    let _ = fs::remove_dir_all(&man);
    fs::create_dir_all(&man)?;
    clap_mangen::generate_to(cli::Cli::command(), &man)?;
    fs::write(out.join("man_pages.rs"), man_pages(&man)?)
}

/// The pages as a table of name and text.
fn man_pages(dir: &Path) -> io::Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let mut table = String::from("&[\n");
    for name in names {
        let path = dir.join(&name);
        table.push_str(&format!("    ({name:?}, include_str!({path:?})),\n"));
    }
    table.push(']');
    Ok(table)
}
