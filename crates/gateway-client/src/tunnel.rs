//! A gateway behind SSH: the user's own `ssh` carries the connection, with their keys, agent, settings and known hosts.
//!
//! One `ssh -W` per connection, over its standard input and output: no port is opened here that others could use, and
//! a new connection, after sleep or a cut, starts a new one.

use crate::config::SECRET_VARIABLES;
use crate::dial::Transport;
use crate::endpoint::Tunnel;
use crate::session::verdict::OpenError;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;

/// What of `ssh`'s complaints is looked at, in bytes.
const COMPLAINT: usize = 8 * 1024;

/// Starts `ssh` towards a gateway's port on the other computer.
pub(crate) fn start(tunnel: &Tunnel, gateway_port: u16) -> Result<SshPipe, OpenError> {
    let mut child = command(tunnel, gateway_port)
        .spawn()
        .map_err(|error| missing(tunnel, &error))?;
    let (Some(input), Some(output), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(OpenError::Unreachable("SSH could not be connected".to_owned()));
    };
    let (tell, complaint) = oneshot::channel();
    tokio::spawn(listen(errors, tunnel.clone(), tell));
    Ok(SshPipe {
        input,
        output,
        heard: false,
        complaint,
        _child: child,
    })
}

fn command(tunnel: &Tunnel, gateway_port: u16) -> Command {
    let mut command = Command::new("ssh");
    command
        .args(arguments(tunnel, gateway_port))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // What `ssh` starts (`ProxyCommand`, `Match exec`, agents) inherits its environment.
    for name in SECRET_VARIABLES {
        command.env_remove(name);
    }
    #[cfg(windows)]
    {
        // No console window beside the app.
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        command.creation_flags(CREATE_NO_WINDOW);
    }
    command
}

/// `ssh`'s arguments. It never asks (there is nobody to ask), and notices by itself when the other side is gone.
fn arguments(tunnel: &Tunnel, gateway_port: u16) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "-T",
        "-o",
        "BatchMode=yes",
        "-o",
        "ConnectTimeout=15",
        "-o",
        "ServerAliveInterval=15",
        "-o",
        "ServerAliveCountMax=2",
        // A connection that stays behind as a master would keep the pipes open.
        "-o",
        "ControlMaster=no",
        "-W",
    ]
    .map(str::to_owned)
    .into();
    arguments.push(format!("127.0.0.1:{gateway_port}"));
    if let Some(port) = tunnel.port() {
        arguments.extend(["-p".to_owned(), port.to_string()]);
    }
    if let Some(user) = tunnel.user() {
        arguments.extend(["-l".to_owned(), user.to_owned()]);
    }
    arguments.extend(["--".to_owned(), tunnel.host().to_owned()]);
    arguments
}

fn missing(tunnel: &Tunnel, error: &io::Error) -> OpenError {
    let message = if error.kind() == io::ErrorKind::NotFound {
        "the program ssh is not installed on this computer".to_owned()
    } else {
        format!("SSH could not be started: {}", error.kind())
    };
    OpenError::Tunnel {
        message,
        command: tunnel.command(),
    }
}

async fn listen(mut errors: ChildStderr, tunnel: Tunnel, tell: oneshot::Sender<Complaint>) {
    let mut said = Vec::new();
    let mut piece = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut piece).await {
        said.extend_from_slice(piece.get(..count).unwrap_or_default());
        let over = said.len().saturating_sub(COMPLAINT);
        said.drain(..over);
    }
    let _ = tell.send(explain(&String::from_utf8_lossy(&said), &tunnel));
}

/// Why `ssh` ended before a word came through. Carried as the cause of an [`io::Error`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Complaint(pub(crate) OpenError);

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SSH ended before the connection was open")
    }
}

impl std::error::Error for Complaint {}

/// What `ssh` said, in a sentence (the messages of OpenSSH 9; others are not understood, and named as what they are).
fn explain(said: &str, tunnel: &Tunnel) -> Complaint {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let at = tunnel.host();
    let lasting = |message: String| {
        Complaint(OpenError::Tunnel {
            message,
            command: tunnel.command(),
        })
    };
    let passing = |message: String| Complaint(OpenError::Unreachable(message));
    if has(&["REMOTE HOST IDENTIFICATION HAS CHANGED"]) {
        lasting(format!(
            "SSH does not trust {at}, because the host key of {at} has changed"
        ))
    } else if has(&["Host key verification failed", "host key is known for"]) {
        lasting(format!("SSH does not know the host key of {at} yet"))
    } else if has(&["Permission denied", "Too many authentication failures"]) {
        lasting(format!("SSH could not sign in to {at} without a prompt"))
    } else if has(&["administratively prohibited"]) {
        lasting(format!("SSH is not allowed to forward connections on {at}"))
    } else if has(&["Bad configuration option", "Bad owner or permissions"]) {
        lasting("SSH cannot read its configuration".to_owned())
    } else if has(&["open failed: connect failed"]) {
        passing(format!("SSH reached {at}, but no gateway is running there"))
    } else if has(&["Could not resolve hostname"]) {
        passing(format!("SSH cannot find the host {at}"))
    } else {
        passing(format!("SSH cannot reach {at}"))
    }
}

/// The standard input and output of an `ssh`, which ends with it.
pub(crate) struct SshPipe {
    input: ChildStdin,
    output: ChildStdout,
    /// Something came through: from here on an end is an end like any other.
    heard: bool,
    complaint: oneshot::Receiver<Complaint>,
    _child: Child,
}

impl SshPipe {
    /// Once `ssh` has closed: why, if nothing ever came through it.
    fn poll_complaint(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let complaint = ready!(Pin::new(&mut self.complaint).poll(cx));
        Poll::Ready(complaint.map_or_else(|_| io::ErrorKind::UnexpectedEof.into(), io::Error::other))
    }
}

impl Transport for SshPipe {}

impl AsyncRead for SshPipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.output).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.heard = true;
        } else if !self.heard {
            return self.poll_complaint(cx).map(Err);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SshPipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.input).poll_write(cx, bytes)) {
            Err(_) if !self.heard => self.poll_complaint(cx).map(Err),
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;

    fn tunnel(address: &str) -> Tunnel {
        Endpoint::parse(address, false).unwrap().tunnel().unwrap().clone()
    }

    #[test]
    fn ssh_gets_what_it_needs_and_nothing_it_could_take_for_an_option() {
        let line = |address: &str| arguments(&tunnel(address), 18789).join(" ");
        assert!(line("ssh://home").ends_with("-W 127.0.0.1:18789 -- home"));
        assert!(line("ssh://pi@home:2222").ends_with("-W 127.0.0.1:18789 -p 2222 -l pi -- home"));
        assert!(line("ssh://home").contains("BatchMode=yes"));
    }

    #[test]
    fn ssh_inherits_no_secret() {
        let command = command(&tunnel("ssh://home"), 18789);
        let removed: Vec<_> = command
            .as_std()
            .get_envs()
            .filter(|(_, value)| value.is_none())
            .filter_map(|(name, _)| name.to_str())
            .collect();
        for name in SECRET_VARIABLES {
            assert!(removed.contains(&name), "{name}");
        }
    }

    #[test]
    fn what_ssh_says_becomes_a_sentence_and_says_whether_to_try_again() {
        let told = |said: &str| explain(said, &tunnel("ssh://pi@home")).0;
        let lasting = |said: &str| {
            let OpenError::Tunnel { message, command } = told(said) else {
                panic!("{said} passes by itself")
            };
            assert_eq!(command, "ssh pi@home");
            message
        };
        let passing = |said: &str| {
            let OpenError::Unreachable(message) = told(said) else {
                panic!("{said} lasts")
            };
            message
        };
        assert_eq!(
            lasting("pi@home: Permission denied (publickey,password).\n"),
            "SSH could not sign in to home without a prompt"
        );
        assert_eq!(
            lasting("No ED25519 host key is known for home.\nHost key verification failed.\n"),
            "SSH does not know the host key of home yet"
        );
        let changed = "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\n";
        assert!(lasting(changed).contains("has changed"));
        assert!(
            lasting("channel 0: open failed: administratively prohibited: open failed\n")
                .contains("is not allowed to forward")
        );
        assert!(
            passing("channel 0: open failed: connect failed: Connection refused\n")
                .contains("no gateway is running there")
        );
        assert!(
            passing("ssh: Could not resolve hostname home: Name or service not known\n")
                .contains("cannot find the host")
        );
        assert!(passing("ssh: connect to host home port 22: Connection refused\n").contains("cannot reach"));
        assert!(passing("").contains("cannot reach"));
    }
}
