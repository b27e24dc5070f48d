//! The real gateway from npm, with all its files in a folder of its own.
//!
//! It needs npm 10 or later in `PATH`. The Node for the gateway comes from npm too. The first start
//! on a machine downloads about 270 MB and takes a minute. Later starts take about ten seconds.

mod config;
mod install;
#[cfg(test)]
mod tests;

pub use config::{AUTH_MODEL, GatewayConfig, MODEL, THINKING_MODEL};
pub use install::{
    Installation, NODE_VERSION, OPENCLAW_VERSION, VERSION_VARIABLE, install, openclaw_version,
};

use crate::process::last_lines;
use crate::{Context, Error, Result, Running, Scratch, http};
use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const READY_LIMIT: Duration = Duration::from_secs(180);
/// The same for a gateway that fetches parts of itself first, once per machine.
const FIRST_READY_LIMIT: Duration = Duration::from_secs(900);
/// How a program finds its way out, where that takes more than a cable.
const NETWORK_VARIABLES: [&str; 5] = [
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
];
/// The gateway gives up a start when a thread of its own takes more than five seconds to come up, which happens on a
/// machine that is busy with other gateways.
const TOO_BUSY: &str = "state lease heartbeat did not become ready";
/// How many times such a start is repeated.
const BUSY_RETRIES: usize = 3;
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A gateway on loopback. Dropping it kills it and removes its folder.
#[derive(Debug)]
pub struct RealGateway {
    // Before the folder: fields are dropped in order, and the process still writes.
    process: Option<Running>,
    scratch: Scratch,
    installation: Installation,
    config: GatewayConfig,
    port: u16,
}

impl RealGateway {
    /// Installs the gateway if need be, starts it on a free port and waits until it is ready.
    ///
    /// # Errors
    /// It cannot be installed, or does not become ready; the end of its log is in the message.
    pub fn start(config: GatewayConfig) -> Result<Self> {
        let installation = install()?;
        let scratch = Scratch::new("gateway")?;
        for name in ["home", "state", "workspace", "tmp"] {
            scratch.dir(name)?;
        }
        let port = match config.port {
            Some(port) => port,
            None => free_port()?,
        };
        let file = config.file(port, scratch.path()).to_string();
        std::fs::write(scratch.path().join("openclaw.json"), file)
            .context("cannot write the gateway's config")?;
        let mut gateway = Self {
            process: None,
            scratch,
            installation,
            config,
            port,
        };
        gateway.start_again()?;
        Ok(gateway)
    }

    /// Starts it after [`kill`](Self::kill) or [`stop`](Self::stop): same port, token and state.
    ///
    /// # Errors
    /// It does not become ready.
    pub fn start_again(&mut self) -> Result<()> {
        let mut result = self.start_once();
        for _ in 0..BUSY_RETRIES {
            if result.is_ok() || !self.log_tail().contains(TOO_BUSY) {
                break;
            }
            result = self.start_once();
        }
        result
    }

    fn start_once(&mut self) -> Result<()> {
        self.kill();
        let log = self.log_file()?;
        let errors = log.try_clone().context("cannot share the gateway's log")?;
        let mut command = self.command();
        command
            .args(["gateway", "run"])
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        let process = self
            .process
            .insert(Running::start("the real gateway", &mut command)?);
        let limit = match self.installation.stage() {
            Some(_) => FIRST_READY_LIMIT,
            None => READY_LIMIT,
        };
        let end = Instant::now() + limit;
        let problem = loop {
            if let Some(status) = process.exit_status()? {
                break format!("ended with {status}");
            }
            if http::get_status(loopback(self.port), "/readyz", Duration::from_secs(5)) == Some(200) {
                return Ok(());
            }
            if Instant::now() >= end {
                break format!("was not ready within {limit:?}");
            }
            thread::sleep(Duration::from_millis(50));
        };
        self.kill();
        Err(Error::new(format!(
            "the real gateway {problem}; its log ends with:\n{}",
            self.log_tail()
        )))
    }

    /// Kills it at once (SIGKILL): no goodbye to its clients.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Ends it in good order (SIGTERM), as a service manager would.
    ///
    /// # Errors
    /// It was not running, or had to be killed.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        let mut process = self.process.take().context("the real gateway is not running")?;
        process.terminate(STOP_LIMIT)
    }

    /// Its WebSocket address, without the token.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// The shared token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.config.token
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether its version is older than the first one of a month.
    #[must_use]
    pub fn is_before(&self, year: u32, month: u32) -> bool {
        self.installation.month() < (year, month)
    }

    /// The process id while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Running::id)
    }

    /// Whether it answers as ready right now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        http::get_status(loopback(self.port), "/readyz", Duration::from_secs(5)) == Some(200)
    }

    /// How it ended by itself, or `None` while it runs.
    ///
    /// # Errors
    /// It was killed or stopped from here, or the system does not say.
    pub fn exit_status(&mut self) -> Result<Option<ExitStatus>> {
        self.process
            .as_mut()
            .context("the real gateway is not running")?
            .exit_status()
    }

    /// The folder with all it writes: `state`, `home`, `workspace`, `openclaw.json`, `gateway.log`.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.scratch.path()
    }

    /// What it says on its standard output and error.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.scratch.path().join("gateway.log")
    }

    /// The last lines of its log, without the token.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = std::fs::read(self.log_path()).unwrap_or_default();
        last_lines(&log, 30).replace(&self.config.token, "<token>")
    }

    /// The gateway's command line with this gateway's config and state; add a subcommand and run it.
    #[must_use]
    pub fn command(&self) -> Command {
        let dir = self.scratch.path();
        let mut command = Command::new(self.installation.node());
        command
            .arg(self.installation.openclaw())
            .current_dir(dir)
            .env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
            .envs([
                ("HOME", dir.join("home")),
                ("OPENCLAW_HOME", dir.join("home")),
                ("TMPDIR", dir.join("tmp")),
            ])
            .envs([
                ("OPENCLAW_STATE_DIR", dir.join("state")),
                ("OPENCLAW_CONFIG_PATH", dir.join("openclaw.json")),
            ])
            .envs([
                ("LANG", "C.UTF-8"),
                ("OPENCLAW_DISABLE_BONJOUR", "1"),
                ("OPENCLAW_NO_RESPAWN", "1"),
            ])
            .envs([
                ("OPENCLAW_EXEC_SHELL_SNAPSHOT", "0"),
                ("OPENCLAW_SKIP_CHANNELS", "1"),
            ]);
        if let Some(stage) = self.installation.stage() {
            command.env("OPENCLAW_PLUGIN_STAGE_DIR", stage);
            // Its npm has to reach the registry from here.
            for name in NETWORK_VARIABLES {
                if let Some(value) = std::env::var_os(name) {
                    command.env(name, value);
                }
            }
        }
        command
    }

    fn log_file(&self) -> Result<File> {
        let path = self.log_path();
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .context(format!("cannot open {}", path.display()))
    }
}

/// A loopback port that was free a moment ago.
///
/// # Errors
/// There is none.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr().context("no free port")?.port())
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
