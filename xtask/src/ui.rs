//! Installs the UI's packages and builds the UI, when something changed. A UI that is built anew has cargo compile the app
//! anew.

use crate::steps::{Steps, npm, root};
use clawtray_lab::{Context, Result};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

/// Folders of `ui` that the UI is not built from.
const NO_SOURCES: [&str; 7] = [
    "node_modules",
    "dist",
    "dist-fake",
    "dist-host",
    "test-results",
    "e2e",
    "e2e-host",
];

/// `cargo xtask ui`
pub(crate) fn task(args: &[&str]) -> Result<()> {
    crate::flag(args, "", &[])?;
    let steps = Steps::new("ui");
    crate::setup::node()?;
    ready(&steps)?;
    println!("\nThe UI is in ui/dist.");
    Ok(())
}

/// The UI's packages as its lock file has them, and the UI in `ui/dist`.
pub(crate) fn ready(steps: &Steps) -> Result<()> {
    packages(steps)?;
    let ui = root().join("ui");
    let (mark, sources) = (ui.join("node_modules/.clawtray-built"), sources(&ui)?);
    if is_marked(&mark, sources) && ui.join("dist/popup.html").is_file() {
        steps.say("ui", "is built, and its sources are the same");
        return Ok(());
    }
    steps.run("ui", &mut npm(&["run", "build"]))?;
    leave_mark(&mark, sources)
}

/// The UI for a plain browser with `ui-host` behind it, in `ui/dist-host`. What ships has no WebSocket.
pub(crate) fn for_a_browser(steps: &Steps) -> Result<()> {
    steps.run("ui for a browser", &mut npm(&["run", "build:host"]))
}

/// The UI's packages as its lock file has them.
pub(crate) fn packages(steps: &Steps) -> Result<()> {
    let ui = root().join("ui");
    let lock = hash_of(&[ui.join("package-lock.json"), ui.join("package.json")])?;
    // npm removes the whole folder before it installs, and the mark with it.
    let mark = ui.join("node_modules/.clawtray-installed");
    if is_marked(&mark, lock) {
        steps.say("ui packages", "are there, as the lock file has them");
        return Ok(());
    }
    steps.run("ui packages", &mut npm(&["ci", "--no-audit", "--no-fund"]))?;
    leave_mark(&mark, lock)
}

fn is_marked(mark: &Path, hash: u64) -> bool {
    fs::read_to_string(mark).is_ok_and(|text| text == hash.to_string())
}

fn leave_mark(mark: &Path, hash: u64) -> Result<()> {
    fs::write(mark, hash.to_string()).context(format!("cannot write {}", mark.display()))
}

/// Changes when a file does that the UI is built from.
fn sources(ui: &Path) -> Result<u64> {
    let mut files = Vec::new();
    let mut folders = vec![ui.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).context(format!("{}", folder.display()))? {
            let path = entry.context(format!("{}", folder.display()))?.path();
            let is_source = folder != ui || !NO_SOURCES.iter().any(|name| path.ends_with(name));
            if path.is_dir() && is_source {
                folders.push(path);
            } else if path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    hash_of(&files)
}

fn hash_of(files: &[PathBuf]) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.hash(&mut hasher);
        fs::read(file)
            .context(format!("cannot read {}", file.display()))?
            .hash(&mut hasher);
    }
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clawtray_lab::Scratch;

    #[test]
    fn a_changed_or_new_source_has_the_ui_built_anew_and_a_made_file_does_not() {
        let place = Scratch::new("ui-sources").expect("a folder");
        let ui = place.path();
        for folder in ["src/windows", "dist", "node_modules/preact"] {
            fs::create_dir_all(ui.join(folder)).expect("a folder");
        }
        fs::write(ui.join("src/windows/a.ts"), "1").expect("written");
        let first = sources(ui).expect("read");
        fs::write(ui.join("dist/a.js"), "1").expect("written");
        fs::write(ui.join("node_modules/preact/a.js"), "1").expect("written");
        assert_eq!(sources(ui).expect("read"), first);
        fs::write(ui.join("src/windows/a.ts"), "2").expect("written");
        let changed = sources(ui).expect("read");
        assert_ne!(changed, first);
        fs::write(ui.join("popup.html"), "").expect("written");
        assert_ne!(sources(ui).expect("read"), changed);
        let mark = ui.join("mark");
        assert!(!is_marked(&mark, first));
        leave_mark(&mark, first).expect("written");
        assert!(is_marked(&mark, first) && !is_marked(&mark, changed));
    }
}
