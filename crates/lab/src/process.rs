//! Child processes that leave nothing behind.

use crate::{Context, Error, Result, guardian};
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(20);

/// A process in a process group of its own. Dropping it kills the whole group.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    exit: Option<ExitStatus>,
}

impl Running {
    /// Starts `command` as the leader of a new process group. `name` is for error messages.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(name: &str, command: &mut Command) -> Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let child = command.spawn().context(format!("cannot start {name}"))?;
        guardian::watch_group(child.id());
        Ok(Self {
            name: name.to_owned(),
            child,
            exit: None,
        })
    }

    /// What it was called when it was started.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id, which is the group's too.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The child itself, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, or `None` while it runs.
    ///
    /// # Errors
    /// The system does not say.
    pub fn exit_status(&mut self) -> Result<Option<ExitStatus>> {
        if self.exit.is_none() {
            self.exit = self
                .child
                .try_wait()
                .context(format!("cannot ask for the state of {}", self.name))?;
            if self.exit.is_some() {
                self.clear_group();
            }
        }
        Ok(self.exit)
    }

    /// Waits until it ends, at most `limit`; `None` when it still runs then.
    ///
    /// # Errors
    /// The system does not say.
    pub fn wait_for_exit(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let end = Instant::now() + limit;
        loop {
            let status = self.exit_status()?;
            if status.is_some() || Instant::now() >= end {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
    }

    /// Asks it to end (SIGTERM, to the leader alone), waits at most `limit`, then kills the group.
    ///
    /// # Errors
    /// It had to be killed.
    pub fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        if let Some(status) = self.exit_status()? {
            return Ok(status);
        }
        ask_to_end(&mut self.child);
        if let Some(status) = self.wait_for_exit(limit)? {
            return Ok(status);
        }
        self.kill();
        Err(Error::new(format!(
            "{} did not end within {limit:?} and was killed",
            self.name
        )))
    }

    /// Kills the whole group and waits for the leader.
    pub fn kill(&mut self) {
        if self.exit.is_none() {
            kill_group(&mut self.child);
            self.exit = self.child.wait().ok();
            guardian::forget_group(self.child.id());
        }
    }

    fn clear_group(&mut self) {
        // The leader is gone; whatever it left in its group goes too, once, before the number can be used again.
        kill_group(&mut self.child);
        guardian::forget_group(self.child.id());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(unix)]
fn ask_to_end(child: &mut Child) {
    if let Some(pid) = pid_of(child) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

#[cfg(unix)]
fn kill_group(child: &mut Child) {
    if let Some(pid) = pid_of(child) {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
}

#[cfg(unix)]
fn pid_of(child: &Child) -> Option<rustix::process::Pid> {
    i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
}

#[cfg(not(unix))]
fn ask_to_end(child: &mut Child) {
    let _ = child.kill();
}

#[cfg(not(unix))]
fn kill_group(child: &mut Child) {
    let _ = child.kill();
}

/// Runs `command` to its end, at most `limit`, and returns what it wrote. Anything but success is an error that quotes
/// the end of its output.
///
/// # Errors
/// It cannot be started, fails, or takes too long.
pub fn run(name: &str, command: &mut Command, limit: Duration) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = Running::start(name, command)?;
    let stdout = drain(running.child().stdout.take());
    let stderr = drain(running.child().stderr.take());
    let status = running.wait_for_exit(limit)?;
    running.kill();
    let join = |thread: thread::JoinHandle<Vec<u8>>| thread.join().unwrap_or_default();
    let (stdout, stderr) = (join(stdout), join(stderr));
    let Some(status) = status else {
        return Err(Error::new(format!(
            "{name} did not end within {limit:?}: {}",
            last_lines(&stderr, 10)
        )));
    };
    if status.success() {
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    } else {
        let said = if stderr.is_empty() { &stdout } else { &stderr };
        Err(Error::new(format!(
            "{name} ended with {status}: {}",
            last_lines(said, 20)
        )))
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// The last `count` lines, for an error message.
#[must_use]
pub fn last_lines(bytes: &[u8], count: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<&str> = text.lines().rev().take(count).collect();
    lines.reverse();
    lines.join("\n")
}

/// Asks `probe` again and again until it gives something or `limit` is over; for state that has no event to wait for.
///
/// # Errors
/// The time is over, or `probe` failed.
pub fn wait_until<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = probe()? {
            return Ok(found);
        }
        if Instant::now() >= end {
            return Err(Error::new(format!("{what}: not within {limit:?}")));
        }
        thread::sleep(POLL);
    }
}
