//! A desktop session without a screen: X server, private D-Bus, keyring, window manager, home
//! folder.
//!
//! The bus starts no service by itself, so a test can check what happens without one. Tests put
//! stand-ins for tray host and notification daemon on the bus. Linux only.

mod keyring;
#[cfg(test)]
mod tests;

pub use keyring::Keyring;

use crate::process::{last_lines, run, wait_until};
use crate::{Context, Error, Result, Running, Scratch};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const START_LIMIT: Duration = Duration::from_secs(60);
const TOOL_LIMIT: Duration = Duration::from_secs(30);

/// What the session has.
#[derive(Clone, Debug)]
pub struct DesktopConfig {
    /// A window manager (openbox).
    pub window_manager: bool,
    /// The keyring (gnome-keyring).
    pub keyring: Keyring,
    /// Keys that the window manager keeps for itself, in openbox's notation (`C-S-space`), so that nobody else gets them.
    pub taken_keys: Vec<String>,
    /// Width and height of the screen, in pixels.
    pub screen: (u32, u32),
}

impl Default for DesktopConfig {
    fn default() -> Self {
        Self {
            window_manager: true,
            keyring: Keyring::Unlocked,
            taken_keys: Vec::new(),
            screen: (1600, 1000),
        }
    }
}

/// A running session. Dropping it ends everything that was started in it.
#[derive(Debug)]
pub struct Desktop {
    // In the order they go: what was started last goes first, the folder after all of them.
    keyring: Option<Running>,
    window_manager: Option<Running>,
    bus: Running,
    x_server: Running,
    scratch: Scratch,
    env: Vec<(&'static str, String)>,
}

/// The pointer or keyboard could not be moved, or a picture not be taken, without these.
pub const PROGRAMS: [&str; 6] = [
    "Xvfb",
    "dbus-daemon",
    "gnome-keyring-daemon",
    "openbox",
    "xdotool",
    "import",
];

impl Desktop {
    /// Starts a session and waits until all its parts answer.
    ///
    /// # Errors
    /// A program is missing or does not come up.
    pub fn start(config: &DesktopConfig) -> Result<Self> {
        let scratch = Scratch::new("desk")?;
        let mut env = vec![
            ("GDK_BACKEND", "x11".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("XDG_SESSION_TYPE", "x11".to_owned()),
            ("XDG_CURRENT_DESKTOP", "X-Clawtray-Lab".to_owned()),
            // There is no accessibility bus and no settings daemon to wait for.
            ("NO_AT_BRIDGE", "1".to_owned()),
            ("GSETTINGS_BACKEND", "memory".to_owned()),
        ];
        for (name, dir) in [
            ("HOME", "home"),
            ("XDG_CONFIG_HOME", "home/.config"),
            ("XDG_DATA_HOME", "home/.local/share"),
            ("XDG_STATE_HOME", "home/.local/state"),
            ("XDG_CACHE_HOME", "home/.cache"),
            ("XDG_RUNTIME_DIR", "run"),
            ("TMPDIR", "tmp"),
        ] {
            env.push((name, scratch.dir(dir)?.display().to_string()));
        }
        let logs = scratch.dir("logs")?;

        let (x_server, display) = start_x_server(config.screen, &logs)?;
        env.push(("DISPLAY", display));
        let (bus, address) = start_bus(&scratch, &logs)?;
        env.push(("DBUS_SESSION_BUS_ADDRESS", address));

        let mut desktop = Self {
            keyring: None,
            window_manager: None,
            bus,
            x_server,
            scratch,
            env,
        };
        if config.window_manager {
            desktop.start_window_manager(&config.taken_keys)?;
        }
        desktop.start_keyring(config.keyring)?;
        Ok(desktop)
    }

    /// A command with this session's environment and nothing else of ours but `PATH` and what Rust programs log by.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.home());
        for name in ["PATH", "RUST_LOG", "RUST_BACKTRACE", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    /// Starts a program of the session; its output goes to [`log`](Self::log) under `name`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(&self, name: &str, command: &mut Command) -> Result<Running> {
        spawn_logged(name, command, &self.log_path(name))
    }

    /// Where a program of the session logs.
    #[must_use]
    pub fn log_path(&self, name: &str) -> PathBuf {
        self.scratch.path().join("logs").join(format!("{name}.log"))
    }

    /// All a program of the session has said.
    #[must_use]
    pub fn log(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log_path(name)).unwrap_or_default()).into_owned()
    }

    /// The session's own variables.
    #[must_use]
    pub fn env(&self) -> &[(&'static str, String)] {
        &self.env
    }

    /// The address of its D-Bus.
    #[must_use]
    pub fn bus_address(&self) -> &str {
        self.var("DBUS_SESSION_BUS_ADDRESS")
    }

    /// Its home folder.
    #[must_use]
    pub fn home(&self) -> &Path {
        Path::new(self.var("HOME"))
    }

    /// The folder with everything of the session: home, runtime, logs.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.scratch.path()
    }

    /// Writes a picture of the whole screen, the format by `path`'s ending. Makes the folder it goes to.
    ///
    /// # Errors
    /// The picture cannot be taken or written.
    pub fn screenshot(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).context(format!("cannot make {}", folder.display()))?;
        }
        let path = std::path::absolute(path).context("cannot tell where the picture goes")?;
        self.tool("import", &["-silent", "-window", "root"], Some(&path))
            .map(drop)
    }

    /// Presses keys as a user would, for example `ctrl+shift+space`.
    ///
    /// # Errors
    /// `xdotool` fails.
    pub fn press(&self, keys: &str) -> Result<()> {
        self.tool("xdotool", &["key", "--clearmodifiers", keys], None)
            .map(drop)
    }

    /// Types text into whatever has the focus.
    ///
    /// # Errors
    /// `xdotool` fails.
    pub fn type_text(&self, text: &str) -> Result<()> {
        self.tool(
            "xdotool",
            &["type", "--clearmodifiers", "--delay", "15", "--", text],
            None,
        )
        .map(drop)
    }

    /// The ids of the visible windows whose title matches the regular expression `title`.
    ///
    /// # Errors
    /// `xdotool` cannot be started.
    pub fn visible_windows(&self, title: &str) -> Result<Vec<String>> {
        let output = self
            .command("xdotool")
            .args(["search", "--onlyvisible", "--name", title])
            .stdin(Stdio::null())
            .output()
            .context("cannot run xdotool")?;
        // No window is an exit status of 1, not an error.
        Ok(String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect())
    }

    /// Waits for a visible window with a matching title; its id.
    ///
    /// # Errors
    /// None came within `limit`.
    pub fn wait_for_window(&self, title: &str, limit: Duration) -> Result<String> {
        wait_until(&format!("a visible window titled {title}"), limit, || {
            Ok(self.visible_windows(title)?.pop())
        })
    }

    /// Waits until no visible window has a matching title.
    ///
    /// # Errors
    /// One is still there after `limit`.
    pub fn wait_for_no_window(&self, title: &str, limit: Duration) -> Result<()> {
        wait_until(&format!("no visible window titled {title}"), limit, || {
            Ok(self.visible_windows(title)?.is_empty().then_some(()))
        })
    }

    /// The title of the window with the focus; empty when there is none.
    ///
    /// # Errors
    /// `xdotool` cannot be started.
    pub fn active_window_title(&self) -> Result<String> {
        let mut command = self.command("xdotool");
        let output = command
            .args(["getactivewindow", "getwindowname"])
            .output()
            .context("cannot run xdotool")?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Ends the X server, as the end of a session does. Nothing can be shown any more.
    ///
    /// # Errors
    /// It had to be killed.
    pub fn stop_x_server(&mut self) -> Result<()> {
        self.x_server.terminate(TOOL_LIMIT).map(drop)
    }

    /// Ends the bus, as the end of a session does.
    ///
    /// # Errors
    /// It had to be killed.
    pub fn stop_bus(&mut self) -> Result<()> {
        self.bus.terminate(TOOL_LIMIT).map(drop)
    }

    /// Ends the bus and starts one at the same address; nothing that was on it is there any more.
    ///
    /// # Errors
    /// It does not end, or does not come up again.
    pub fn restart_bus(&mut self) -> Result<()> {
        self.stop_bus()?;
        let logs = self.scratch.path().join("logs");
        self.bus = start_bus(&self.scratch, &logs)?.0;
        Ok(())
    }

    /// Runs a program of the session to its end.
    ///
    /// # Errors
    /// It cannot be started or fails.
    pub fn tool(&self, program: &str, args: &[&str], path: Option<&Path>) -> Result<String> {
        let output = run(program, self.command(program).args(args).args(path), TOOL_LIMIT)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn start_window_manager(&mut self, taken_keys: &[String]) -> Result<()> {
        let action = "<action name=\"Debug\"><string>taken</string></action>";
        let binds: String = taken_keys
            .iter()
            .map(|key| format!("<keybind key=\"{key}\">{action}</keybind>"))
            .collect();
        let config = format!(
            "<openbox_config xmlns=\"http://openbox.org/3.4/rc\"><keyboard>{binds}</keyboard></openbox_config>\n"
        );
        let file = self.scratch.path().join("openbox.xml");
        std::fs::write(&file, config).context("cannot write the config of the window manager")?;
        let mut openbox = self.command("openbox");
        let running = self.spawn(
            "openbox",
            openbox.args(["--sm-disable", "--config-file"]).arg(file),
        )?;
        self.window_manager = Some(running);
        // The property names the window manager's own window; it is set when it manages the screen.
        wait_until("the window manager", START_LIMIT, || {
            let output = self
                .command("xprop")
                .args(["-root", "_NET_SUPPORTING_WM_CHECK"])
                .output();
            let output = output.context("cannot run xprop")?;
            Ok(String::from_utf8_lossy(&output.stdout)
                .contains("window id #")
                .then_some(()))
        })
    }

    fn var(&self, name: &str) -> &str {
        self.env
            .iter()
            .find(|(key, _)| *key == name)
            .map_or("", |(_, value)| value)
    }
}

fn start_x_server((width, height): (u32, u32), logs: &Path) -> Result<(Running, String)> {
    let mut command = Command::new("Xvfb");
    command
        // It finds a free display itself, and says which one when it is ready.
        .args([
            "-displayfd",
            "1",
            "-nolisten",
            "tcp",
            "-noreset",
            "-screen",
            "0",
            &format!("{width}x{height}x24"),
        ])
        .stdout(Stdio::piped());
    let (server, number) = start_and_read("Xvfb", &mut command, logs)?;
    Ok((server, format!(":{number}")))
}

fn start_bus(scratch: &Scratch, logs: &Path) -> Result<(Running, String)> {
    // No service folders: the bus starts nothing on demand.
    let config = format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#,
        scratch.path().join("run/bus").display()
    );
    let path = scratch.path().join("bus.conf");
    std::fs::write(&path, config).context("cannot write the config of the bus")?;
    let mut command = Command::new("dbus-daemon");
    command
        .args(["--nofork", "--nopidfile", "--print-address=1", "--config-file"])
        .arg(path)
        .stdout(Stdio::piped());
    let (bus, address) = start_and_read("dbus-daemon", &mut command, logs)?;
    // Without the id of this one bus, as on a desktop: one that is started again at the same place is found.
    let place = address.split(',').next().unwrap_or_default();
    Ok((bus, place.to_owned()))
}

/// Starts a program that says one line on its standard output when it is ready.
fn start_and_read(name: &str, command: &mut Command, logs: &Path) -> Result<(Running, String)> {
    let log = logs.join(format!("{name}.log"));
    command
        .stdin(Stdio::null())
        .stderr(File::create(&log).context("cannot make a log")?);
    let mut running = Running::start(name, command)?;
    let stdout = running.child().stdout.take().context("no pipe")?;
    let (sender, line) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = String::new();
        if reader.read_line(&mut line).is_ok() && !line.trim().is_empty() {
            let _ = sender.send(line.trim().to_owned());
        }
        // Kept open until the program ends: writing to a closed pipe would end it.
        let _ = std::io::copy(&mut reader, &mut std::io::sink());
    });
    match line.recv_timeout(START_LIMIT) {
        Ok(line) => Ok((running, line)),
        Err(_) => {
            let said = last_lines(&std::fs::read(log).unwrap_or_default(), 10);
            Err(Error::new(format!("{name} did not come up: {said}")))
        }
    }
}

fn spawn_logged(name: &str, command: &mut Command, log: &Path) -> Result<Running> {
    let mut options = File::options();
    let log = options
        .create(true)
        .append(true)
        .open(log)
        .context(format!("cannot open the log of {name}"))?;
    let errors = log
        .try_clone()
        .context(format!("cannot share the log of {name}"))?;
    Running::start(name, command.stdin(Stdio::null()).stdout(log).stderr(errors))
}
