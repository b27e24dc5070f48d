//! `cargo xtask package`: makes the packages.

mod formats;
mod notices;
mod tree;

use crate::build::{self, INSTALLED};
use crate::setup::{self, Level};
use crate::steps::{Steps, root, target_dir};
use crate::ui;
use clawtray_lab::{Context, Error, Result, process};
use formats::Format;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tree::Tree;

const NAME: &str = "clawtray";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const SUMMARY: &str = "The OpenClaw gateway in your system tray";
const DESCRIPTION: &str = "\
Clawtray is a desktop companion for people who run an OpenClaw gateway
at home or on a server. Press a hotkey, ask, and watch the reply stream
in; be notified when an agent answers or needs a decision; see in the
tray whether the gateway is well; browse and search every session. The
command line program clawctl does the same in a shell.";
/// No tool here works for longer.
const LIMIT: Duration = Duration::from_secs(300);

/// What the command line asks for.
struct Asked {
    formats: Vec<Format>,
    /// Formats were named: one that cannot be made here is an error, not skipped.
    named: bool,
    /// Where programs lie that are packed as they are; none builds them.
    programs: Option<PathBuf>,
    out: PathBuf,
}

pub(crate) fn run(args: &[&str]) -> Result<()> {
    let steps = Steps::new("package");
    let asked = asked(args)?;
    if asked.programs.is_none() {
        setup::run(&steps, Level::Build)?;
    }
    let mut formats = Vec::new();
    for format in &asked.formats {
        match format.missing() {
            None => formats.push(*format),
            Some(reason) if asked.named => return Err(Error::new(reason)),
            Some(reason) => steps.skip(format.name(), &reason),
        }
    }
    let programs = match asked.programs {
        Some(programs) => programs,
        None => {
            ui::ready(&steps)?;
            let programs = build::programs(&steps, "programs", &INSTALLED)?;
            let folder = programs.path("clawtray")?.parent();
            folder.context("clawtray is in no folder")?.to_owned()
        }
    };
    let work = Work::new(&asked.out)?;
    let notices = notices::third_party()?;
    for format in formats {
        steps.say(format.name(), "packing");
        let tree = Tree::plant(&work.0.join(format.name()), &programs, &notices, format)?;
        println!("    {}", format.pack(&tree, &work.0, &asked.out)?.display());
    }
    Ok(())
}

fn asked(args: &[&str]) -> Result<Asked> {
    let mut asked = Asked {
        formats: Vec::new(),
        named: false,
        programs: None,
        out: target_dir().join("package"),
    };
    let mut args = args.iter();
    while let Some(&arg) = args.next() {
        let mut folder = || {
            args.next()
                .map(PathBuf::from)
                .context(format!("{arg} wants a folder"))
        };
        match arg {
            "--programs" => asked.programs = Some(absolute(&folder()?)?),
            "--out" => asked.out = absolute(&folder()?)?,
            _ => match Format::ALL.into_iter().find(|format| format.name() == arg) {
                Some(format) if asked.formats.contains(&format) => {}
                Some(format) => asked.formats.push(format),
                None => return Err(crate::unknown(arg)),
            },
        }
    }
    asked.named = !asked.formats.is_empty();
    if !asked.named {
        asked.formats.extend(Format::ALL);
    }
    Ok(asked)
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).context(format!("{}", path.display()))
}

/// A folder for what is only needed meanwhile.
struct Work(PathBuf);

impl Work {
    fn new(out: &Path) -> Result<Self> {
        let work = out.join(format!("work-{}", std::process::id()));
        fs::create_dir_all(&work).context(format!("cannot make {}", work.display()))?;
        Ok(Self(work))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // What stays behind is said by its name, and is in nobody's way.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a tool and answers what it printed.
fn tool(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = process::run(&name, command, LIMIT)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// When what is packed was last changed, in seconds since the epoch: the same sources make the same bytes. After the
/// specification of `SOURCE_DATE_EPOCH`. Where neither that nor a commit tells, the changelog's own time does.
fn source_date() -> Result<u64> {
    if let Ok(given) = std::env::var("SOURCE_DATE_EPOCH") {
        return given
            .trim()
            .parse()
            .context(format!("SOURCE_DATE_EPOCH is {given:?}, not seconds"));
    }
    let committed = tool(
        Command::new("git")
            .args(["log", "-1", "--format=%ct"])
            .current_dir(root()),
    );
    if let Some(date) = committed.ok().and_then(|date| date.trim().parse().ok()) {
        return Ok(date);
    }
    let changelog = fs::metadata(root().join("CHANGELOG.md")).and_then(|file| file.modified());
    let since = changelog
        .context("CHANGELOG.md")?
        .duration_since(std::time::UNIX_EPOCH);
    Ok(since.context("CHANGELOG.md is older than 1970")?.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_may_be_called_like_a_format() {
        let all = asked(&["--out", "deb"]).expect("understood");
        assert!(!all.named && all.formats == Format::ALL && all.out.ends_with("deb"));
        let one = asked(&["rpm", "rpm"]).expect("understood");
        assert!(one.named && one.formats == [Format::ALL[1]]);
        assert!(asked(&["--out"]).is_err() && asked(&["zip"]).is_err());
    }
}
