//! Starts the app and finds its processes.

use crate::waiting::PATIENCE;
use anyhow::{Context, Result, bail};
use clawtray_lab::process::last_lines;
use clawtray_lab::{Desktop, Running};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;
use std::time::Duration;

/// The app, started as a user would. Dropping it kills it.
#[derive(Debug)]
pub struct App {
    process: Running,
}

/// The name of the app's log in its [`Desktop`].
pub const LOG: &str = "clawtray";

impl App {
    /// Starts the app in a desktop.
    ///
    /// # Errors
    /// It is not built and cannot be, or does not start.
    pub fn start(desktop: &Desktop, args: &[&str], env: &[(&str, String)]) -> Result<Self> {
        let mut command = desktop.command(binary()?);
        command
            .args(args)
            .envs(env.iter().map(|(name, value)| (name, value)));
        Ok(Self {
            process: desktop.spawn(LOG, &mut command)?,
        })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// How it ended, or `None` while it runs.
    ///
    /// # Errors
    /// The system does not say.
    pub fn exit_status(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.process.exit_status()?)
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// It runs on, or the system does not say.
    pub async fn wait_for_end(&mut self) -> Result<ExitStatus> {
        let end = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < end {
            if let Some(status) = self.exit_status()? {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the app has not ended within {PATIENCE:?}")
    }

    /// Asks it to end, as the end of a session does.
    ///
    /// # Errors
    /// It had to be killed.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        Ok(self.process.terminate(Duration::from_secs(20))?)
    }
}

/// The end of all that the app has said in a desktop: on its standard output and error, and in its log file.
#[must_use]
pub fn said(desktop: &Desktop) -> String {
    let file = desktop.home().join(".local/share/clawtray/clawtray.log");
    let file = last_lines(&std::fs::read(file).unwrap_or_default(), 60);
    let streams = [LOG, "webdriver"].map(|name| last_lines(desktop.log(name).as_bytes(), 20));
    format!("{}\n{file}", streams.concat())
}

/// The app's program file: `CLAWTRAY_BIN`, or what cargo builds once for this run.
///
/// # Errors
/// It cannot be built.
pub fn binary() -> Result<&'static Path> {
    static BINARY: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    let binary = BINARY.get_or_init(|| find_or_build().map_err(|error| format!("{error:#}")));
    match binary {
        Ok(path) => Ok(path),
        Err(error) => bail!("the app cannot be had: {error}"),
    }
}

/// Where tests leave pictures and logs for a look: `target/<kind>/`, made anew by each picture.
#[must_use]
pub fn pictures(kind: &str) -> PathBuf {
    root().join("target").join(kind)
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

fn find_or_build() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("CLAWTRAY_BIN") {
        let path = root().join(named);
        return if path.is_file() {
            Ok(path)
        } else {
            bail!("CLAWTRAY_BIN names {}, which is not there", path.display())
        };
    }
    // Tests lie in target/<profile>/deps, examples in target/<profile>/examples, binaries in target/<profile>.
    let own = std::env::current_exe().context("cannot tell where this program is")?;
    let profile = own
        .ancestors()
        .skip(1)
        .find(|dir| !dir.ends_with("deps") && !dir.ends_with("examples"))
        .context("no folder to build into")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args(["build", "--quiet", "-p", "clawtray"])
        .args(["--bin", "clawtray", "--bin", "clawtray-webview"])
        .current_dir(root());
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let status = build.status().context("cannot start cargo")?;
    let path = profile.join(format!("clawtray{}", std::env::consts::EXE_SUFFIX));
    if status.success() && path.is_file() {
        Ok(path)
    } else {
        bail!(
            "cargo build -p clawtray ended with {status} and left no {}",
            path.display()
        )
    }
}
