//! The Secret Service of a test session.

use super::{Desktop, START_LIMIT, spawn_logged};
use crate::process::wait_until;
use crate::{Context, Error, Result};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What stands behind `org.freedesktop.secrets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyring {
    /// Nothing.
    None,
    /// A service that has no keyring yet: somebody has to choose a password for one.
    Empty,
    /// A keyring that exists and waits for its password.
    Locked,
    /// A keyring that is open, as after a login.
    Unlocked,
}

const PASSWORD: &str = "lab";

impl Desktop {
    /// Brings up the keyring, or another state of it; what it holds stays.
    ///
    /// # Errors
    /// It does not come up.
    pub fn start_keyring(&mut self, state: Keyring) -> Result<()> {
        match state {
            Keyring::None => {
                self.stop_keyring();
                Ok(())
            }
            Keyring::Empty => self.run_daemon(false),
            Keyring::Unlocked => {
                self.run_daemon(true)?;
                self.wait_for_collection(false)
            }
            Keyring::Locked => {
                // Opened once, so that there is a keyring that can be locked.
                self.start_keyring(Keyring::Unlocked)?;
                self.run_daemon(false)?;
                self.wait_for_collection(true)
            }
        }
    }

    /// Takes the keyring off the bus.
    pub fn stop_keyring(&mut self) {
        self.keyring = None;
    }

    /// Halts the keyring, or lets it continue. A halted keyring accepts calls and answers none.
    ///
    /// # Errors
    /// There is none, or it cannot be signalled.
    pub fn halt_keyring(&self, halted: bool) -> Result<()> {
        let daemon = self.keyring.as_ref().context("there is no keyring")?;
        let signal = if halted { "-STOP" } else { "-CONT" };
        let sent = Command::new("kill")
            .args([signal, &daemon.id().to_string()])
            .status()
            .context("cannot run kill")?;
        if sent.success() {
            Ok(())
        } else {
            Err(Error::new(format!("kill {signal} ended with {sent}")))
        }
    }

    /// Removes all secrets stored under these attributes, as another program would.
    ///
    /// # Errors
    /// `secret-tool` does not do it.
    pub fn clear_secrets(&self, attributes: &[(&str, &str)]) -> Result<()> {
        let words = attributes.iter().flat_map(|(name, value)| [*name, *value]);
        let cleared = self
            .command("secret-tool")
            .arg("clear")
            .args(words)
            .status()
            .context("cannot run secret-tool")?;
        if cleared.success() {
            Ok(())
        } else {
            Err(Error::new(format!("secret-tool clear ended with {cleared}")))
        }
    }

    /// The secret stored under these attributes, asked through the Secret Service, as another program would.
    ///
    /// # Errors
    /// `secret-tool` cannot be started.
    pub fn lookup_secret(&self, attributes: &[(&str, &str)]) -> Result<Option<String>> {
        let words = attributes.iter().flat_map(|(name, value)| [*name, *value]);
        let output = self
            .command("secret-tool")
            .arg("lookup")
            .args(words)
            .output()
            .context("cannot run secret-tool")?;
        Ok(output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned()))
    }

    /// All secrets stored under these attributes, unlocked ones only.
    ///
    /// # Errors
    /// `secret-tool` cannot be started.
    pub fn search_secrets(&self, attributes: &[(&str, &str)]) -> Result<Vec<String>> {
        let words = attributes.iter().flat_map(|(name, value)| [*name, *value]);
        let mut command = self.command("secret-tool");
        let output = command
            .args(["search", "--all"])
            .args(words)
            .output()
            .context("cannot run secret-tool")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(text
            .lines()
            .filter_map(|line| line.strip_prefix("secret = "))
            .map(str::to_owned)
            .collect())
    }

    fn run_daemon(&mut self, unlock: bool) -> Result<()> {
        self.stop_keyring();
        wait_until("the old keyring to leave the bus", START_LIMIT, || {
            Ok((!self.has_secrets()?).then_some(()))
        })?;
        let mut command = self.command(self.daemon()?);
        command.args(["--foreground", "--components=secrets"]);
        let mut running = if unlock {
            command.arg("--unlock");
            let log = self.log_path("gnome-keyring");
            let errors = std::fs::File::create(log).context("cannot make a log")?;
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(errors);
            crate::Running::start("gnome-keyring-daemon", &mut command)?
        } else {
            spawn_logged(
                "gnome-keyring-daemon",
                &mut command,
                &self.log_path("gnome-keyring"),
            )?
        };
        if let Some(mut stdin) = running.child().stdin.take() {
            // The password ends where the pipe does.
            stdin
                .write_all(PASSWORD.as_bytes())
                .context("cannot unlock the keyring")?;
        }
        self.keyring = Some(running);
        wait_until("the keyring", START_LIMIT, || {
            Ok(self.has_secrets()?.then_some(()))
        })
    }

    fn wait_for_collection(&self, is_locked: bool) -> Result<()> {
        wait_until("the login collection", START_LIMIT, || {
            Ok(self
                .collection_is_locked()?
                .is_some_and(|locked| locked == is_locked)
                .then_some(()))
        })
    }

    /// The daemon's program file, as a copy. The installed one may carry a file capability (to lock memory), and where the
    /// session may not have that, as in many containers, the system refuses to start it. A copy carries none. Another program
    /// makes it: a file written by this one could still be open in a child that another thread is just starting, and a file
    /// open for writing cannot be run (`ETXTBSY`).
    fn daemon(&self) -> Result<PathBuf> {
        let copy = self.dir().join("gnome-keyring-daemon");
        if !copy.exists() {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let mut places = std::env::split_paths(&path).map(|dir| dir.join("gnome-keyring-daemon"));
            let original = places
                .find(|place| place.is_file())
                .context("gnome-keyring-daemon is not installed")?;
            let copied = Command::new("cp")
                .arg("--")
                .args([&original, &copy])
                .status()
                .context("cannot copy gnome-keyring-daemon")?;
            if !copied.success() {
                return Err(Error::new(format!(
                    "cannot copy gnome-keyring-daemon: cp ended with {copied}"
                )));
            }
        }
        Ok(copy)
    }

    fn has_secrets(&self) -> Result<bool> {
        let call = [
            "--session",
            "--dest=org.freedesktop.DBus",
            "--print-reply=literal",
            "/org/freedesktop/DBus",
        ];
        let words = [
            "org.freedesktop.DBus.NameHasOwner",
            "string:org.freedesktop.secrets",
        ];
        let output = self
            .command("dbus-send")
            .args(call)
            .args(words)
            .output()
            .context("cannot run dbus-send")?;
        Ok(String::from_utf8_lossy(&output.stdout).contains("true"))
    }

    /// `None` while there is no login collection.
    fn collection_is_locked(&self) -> Result<Option<bool>> {
        let path = "/org/freedesktop/secrets/collection/login";
        let call = [
            "--session",
            "--dest=org.freedesktop.secrets",
            "--print-reply=literal",
            path,
        ];
        let words = ["string:org.freedesktop.Secret.Collection", "string:Locked"];
        let mut command = self.command("dbus-send");
        let output = command
            .args(call)
            .arg("org.freedesktop.DBus.Properties.Get")
            .args(words)
            .output();
        let output = output.context("cannot run dbus-send")?;
        if !output.status.success() {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&output.stdout).contains("true")))
    }
}
