use super::wire::MAX_LINE_BYTES;
use super::{Action, Address, AppStatus, GatewayCall, GatewayInfo, Line, Op, Question, Refusal};
use crate::api::{Request, UiError};
use crate::gateway::{ConnectionState, Gateway};
use async_trait::async_trait;
use serde::Serialize;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Connections at once; a 33rd waits.
const MAX_CLIENTS: usize = 32;
/// Questions of one connection at once; the next one is read when one of them is answered.
const MAX_IN_FLIGHT: usize = 16;
/// Lines that wait for a client that reads slowly; beyond that its watches wait too.
const LINES: usize = 64;

/// What the control socket needs of the app.
#[async_trait]
pub trait Host: Send + Sync + 'static {
    /// Does something to the app itself. `Quit` answers first and ends the app after that.
    async fn act(&self, action: Action) -> Result<(), UiError>;
    /// How things stand.
    async fn status(&self) -> AppStatus;
    /// Anything a window may ask for, for the window with that label or for none.
    async fn request(&self, window: Option<String>, request: Request) -> Result<Value, UiError>;
    /// The app's connection to a gateway profile: the active one when not named. None when the app holds no such
    /// connection; the command line then connects by itself.
    fn gateway(&self, profile: Option<&str>) -> Option<Arc<dyn Gateway>>;
    /// The id of the active profile.
    fn active(&self) -> Option<String>;
}

/// Why the socket could not be had.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another app of this user with the same data listens there.
    #[error("the app is already running")]
    AlreadyRunning,
    /// The system said no.
    #[error("the control socket cannot be made: {0}")]
    Io(#[from] io::Error),
}

/// The app's end of the control socket. The socket goes when this is dropped.
#[derive(Debug)]
pub struct Listener {
    #[cfg(windows)]
    address: Address,
    /// The socket's file, and then the lock on the address. A process that is killed loses the lock, too.
    #[cfg(unix)]
    #[expect(dead_code, reason = "kept for their Drop")]
    kept: (Socket, std::fs::File),
    #[cfg(unix)]
    inner: tokio::net::UnixListener,
    #[cfg(windows)]
    inner: tokio::net::windows::named_pipe::NamedPipeServer,
}

impl Listener {
    /// Takes the address. A socket that a dead app left behind is replaced.
    ///
    /// # Errors
    /// Another app has it, or the system refuses.
    #[cfg(unix)]
    pub fn bind(address: &Address) -> Result<Self, BindError> {
        use std::os::unix::fs::PermissionsExt;
        address.prepare()?;
        // Before anything is looked at or removed: of two that start at once, one gets the lock.
        let lock = address.lock()?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(BindError::AlreadyRunning),
            Err(std::fs::TryLockError::Error(error)) => return Err(error.into()),
        }
        // An app of an earlier version has no lock.
        if std::os::unix::net::UnixStream::connect(&address.socket).is_ok() {
            return Err(BindError::AlreadyRunning);
        }
        match std::fs::remove_file(&address.socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        let inner = tokio::net::UnixListener::bind(&address.socket)?;
        let socket = Socket::at(&address.socket)?;
        std::fs::set_permissions(&address.socket, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self {
            kept: (socket, lock),
            inner,
        })
    }

    /// Takes the address.
    ///
    /// # Errors
    /// Another app listens there, or the system refuses.
    #[cfg(windows)]
    pub fn bind(address: &Address) -> Result<Self, BindError> {
        use tokio::net::windows::named_pipe::ServerOptions;
        let inner = ServerOptions::new()
            .first_pipe_instance(true)
            .reject_remote_clients(true)
            .create(&address.socket)
            .map_err(|error| {
                if error.kind() == io::ErrorKind::PermissionDenied {
                    BindError::AlreadyRunning
                } else {
                    BindError::Io(error)
                }
            })?;
        Ok(Self {
            address: address.clone(),
            inner,
        })
    }

    /// Answers until it is dropped.
    #[cfg(unix)]
    pub async fn serve(self, host: Arc<dyn Host>) {
        let mut clients = JoinSet::new();
        loop {
            while clients.len() >= MAX_CLIENTS {
                clients.join_next().await;
            }
            tokio::select! {
                accepted = self.inner.accept() => match accepted {
                    Ok((stream, _)) if same_user(&stream) => {
                        let (read, write) = stream.into_split();
                        clients.spawn(converse(read, write, Arc::clone(&host)));
                    }
                    Ok(_) => tracing::warn!("another user tried the control socket"),
                    // Out of file handles, most likely: wait for some to be closed.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                },
                Some(_) = clients.join_next() => {}
            }
        }
    }

    /// Answers until it is dropped.
    #[cfg(windows)]
    pub async fn serve(mut self, host: Arc<dyn Host>) {
        use tokio::net::windows::named_pipe::ServerOptions;
        let mut clients = JoinSet::new();
        loop {
            while clients.len() >= MAX_CLIENTS {
                clients.join_next().await;
            }
            if self.inner.connect().await.is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            let next = match ServerOptions::new()
                .reject_remote_clients(true)
                .create(&self.address.socket)
            {
                Ok(next) => next,
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (read, write) = tokio::io::split(std::mem::replace(&mut self.inner, next));
            clients.spawn(converse(read, write, Arc::clone(&host)));
        }
    }
}

/// A socket's file. It goes when this is dropped, unless another file is at its place by then.
#[cfg(unix)]
#[derive(Debug)]
struct Socket {
    path: std::path::PathBuf,
    /// Device and inode.
    file: (u64, u64),
}

#[cfg(unix)]
impl Socket {
    fn at(path: &std::path::Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: Self::file(path)?,
        })
    }

    fn file(path: &std::path::Path) -> io::Result<(u64, u64)> {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::symlink_metadata(path)?;
        Ok((metadata.dev(), metadata.ino()))
    }
}

#[cfg(unix)]
impl Drop for Socket {
    fn drop(&mut self) {
        if Self::file(&self.path).is_ok_and(|file| file == self.file) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn same_user(stream: &tokio::net::UnixStream) -> bool {
    stream
        .peer_cred()
        .is_ok_and(|peer| peer.uid() == super::address::user())
}

/// One connection, until its other end closes it.
async fn converse(
    read: impl AsyncRead + Unpin,
    mut write: impl AsyncWrite + Unpin + Send + 'static,
    host: Arc<dyn Host>,
) {
    let mut read = BufReader::new(read);
    let (lines, mut outgoing) = mpsc::channel::<Vec<u8>>(LINES);
    let (mut tasks, mut watches, mut writer) = (JoinSet::new(), JoinSet::new(), JoinSet::new());
    writer.spawn(async move {
        while let Some(line) = outgoing.recv().await {
            if write.write_all(&line).await.is_err() {
                break;
            }
        }
        let _ = write.shutdown().await;
    });
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut read).take(MAX_LINE_BYTES);
        match limited.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => break,
            Ok(_) if line.last() != Some(&b'\n') => break,
            Ok(_) => {}
        }
        let Question { id, op } = match serde_json::from_slice(&line) {
            Ok(question) => question,
            Err(error) => {
                let refusal = Refusal::new("invalid", format!("the request could not be read: {error}"));
                put(&lines, &answer(id_of(&line), Err(refusal))).await;
                continue;
            }
        };
        while tasks.len() >= MAX_IN_FLIGHT {
            tasks.join_next().await;
        }
        let lines = lines.clone();
        if let Op::Watch { profile } = op {
            // Subscribed before the next line is read: a `send` that follows misses nothing.
            match host.gateway(profile.as_deref()) {
                Some(gateway) => {
                    let events = gateway.events();
                    put(&lines, &answer(id, Ok(Value::Null))).await;
                    watches.spawn(forward(id, events, lines));
                }
                None => put(&lines, &answer(id, Err(no_gateway()))).await,
            }
        } else {
            let host = Arc::clone(&host);
            tasks.spawn(async move { put(&lines, &answer(id, perform(&*host, op).await)).await });
        }
    }
    // What was asked is still answered; watches end.
    drop(lines);
    watches.shutdown().await;
    while tasks.join_next().await.is_some() {}
    while writer.join_next().await.is_some() {}
}

async fn forward(
    id: u64,
    mut events: mpsc::Receiver<crate::gateway::GatewayEvent>,
    lines: mpsc::Sender<Vec<u8>>,
) {
    while let Some(event) = events.recv().await {
        put(&lines, &Line::Event { id, event }).await;
    }
}

async fn put(lines: &mpsc::Sender<Vec<u8>>, line: &Line) {
    if let Ok(mut bytes) = serde_json::to_vec(line) {
        bytes.push(b'\n');
        let _ = lines.send(bytes).await;
    }
}

fn answer(id: u64, result: Result<Value, Refusal>) -> Line {
    match result {
        Ok(result) => Line::Answer {
            id,
            ok: true,
            result,
            error: None,
        },
        Err(error) => Line::Answer {
            id,
            ok: false,
            result: Value::Null,
            error: Some(error),
        },
    }
}

/// The id of a line that is not a question we know, so that its sender learns of it.
fn id_of(line: &[u8]) -> u64 {
    serde_json::from_slice::<Value>(line)
        .ok()
        .and_then(|line| line.get("id")?.as_u64())
        .unwrap_or(0)
}

fn no_gateway() -> Refusal {
    Refusal::new("no-such-gateway", "the app has no connection to this gateway")
}

async fn perform(host: &dyn Host, op: Op) -> Result<Value, Refusal> {
    let action = match op {
        Op::Toggle { activation } => Action::Toggle { activation },
        Op::Open {
            gateway,
            session,
            activation,
        } => Action::Open {
            gateway,
            session,
            activation,
        },
        Op::Link { url, activation } => Action::Link { url, activation },
        Op::DoNotDisturb { until_ms } => Action::DoNotDisturb { until_ms },
        Op::Quit => Action::Quit,
        Op::Status => return encode(&host.status().await),
        Op::Request { window, request } => return Ok(host.request(window, *request).await?),
        Op::Gateway { profile, call } => {
            let profile = profile.or_else(|| host.active());
            let gateway = host.gateway(profile.as_deref()).ok_or_else(no_gateway)?;
            return on_gateway(&*gateway, profile, call).await;
        }
        Op::Watch { .. } => return Ok(Value::Null),
    };
    host.act(action).await?;
    Ok(Value::Null)
}

async fn on_gateway(
    gateway: &dyn Gateway,
    profile: Option<String>,
    call: GatewayCall,
) -> Result<Value, Refusal> {
    match call {
        GatewayCall::Info => {
            let state = gateway.state().borrow().clone();
            let server = if let ConnectionState::Ready(server) = state {
                Some(*server)
            } else {
                None
            };
            encode(&GatewayInfo {
                profile,
                capabilities: gateway.capabilities(),
                server,
            })
        }
        GatewayCall::Send(prompt) => encode(&gateway.send(prompt).await?),
        GatewayCall::Abort { session, run } => Ok(json!(gateway.abort(&session, run.as_ref()).await?)),
        GatewayCall::History(query) => encode(&gateway.history(query).await?),
        GatewayCall::Sessions(query) => encode(&gateway.sessions(query).await?),
        GatewayCall::Agents => encode(&gateway.agents().await?),
        GatewayCall::Approvals => encode(&gateway.approvals().await?),
        GatewayCall::ResolveApproval { id, kind, decision } => {
            gateway.resolve_approval(&id, kind, decision).await?;
            Ok(Value::Null)
        }
        GatewayCall::Ping => {
            let round_trip = gateway.ping().await?;
            Ok(json!(u64::try_from(round_trip.as_millis()).unwrap_or(u64::MAX)))
        }
        GatewayCall::Raw { method, params } => Ok(gateway.call_raw(&method, params).await?),
    }
}

fn encode<T: Serialize>(value: &T) -> Result<Value, Refusal> {
    serde_json::to_value(value).map_err(|error| Refusal::new("unreadable", error.to_string()))
}
