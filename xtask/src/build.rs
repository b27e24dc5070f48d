//! Builds the UI and the app.

use crate::steps::{Steps, npm, root, target_dir};
use clawtray_lab::{Context, Result};
use serde_json::Value;
use std::path::PathBuf;

/// Installs the UI's packages from its lock file and builds it. Whether there is a UI.
pub(crate) fn ui(steps: &Steps) -> Result<bool> {
    if !root().join("ui/package.json").is_file() {
        steps.skip("ui", "there is no ui/package.json");
        return Ok(false);
    }
    steps.run("ui packages", &mut npm(&["ci", "--no-audit", "--no-fund"]))?;
    steps.run("ui", &mut npm(&["run", "build"]))?;
    Ok(true)
}

/// Whether the UI has an npm script called `name`.
pub(crate) fn ui_has_script(name: &str) -> Result<bool> {
    let text =
        std::fs::read_to_string(root().join("ui/package.json")).context("cannot read ui/package.json")?;
    let package: Value = serde_json::from_str(&text).context("cannot read ui/package.json")?;
    Ok(package
        .get("scripts")
        .and_then(|scripts| scripts.get(name))
        .is_some())
}

/// The app, as built in `profile`'s folder.
pub(crate) fn app(profile: &str) -> PathBuf {
    program(profile, "clawtray")
}

/// A program of the workspace, as built in `profile`'s folder.
pub(crate) fn program(profile: &str, name: &str) -> PathBuf {
    target_dir()
        .join(profile)
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
