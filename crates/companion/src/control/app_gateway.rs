use super::client::running;
use super::{Address, GatewayCall, GatewayInfo, Line, Op, Question, Refusal, TellError};
use crate::gateway::protocol::{ApprovalId, RunId, SessionKey};
use crate::gateway::{
    Agents, Approval, ApprovalKind, CallError, Capabilities, ConnectionState, Decision, Gateway,
    GatewayEvent, History, HistoryQuery, Prompt, SendAck, SessionsPage, SessionsQuery,
};
use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::sync::{mpsc, oneshot, watch};

const EVENTS: usize = 1024;

/// The running app's connection to a gateway, used over the control socket: no second connection, no second device.
#[derive(Debug)]
pub struct AppGateway {
    profile: Option<String>,
    capabilities: Capabilities,
    state: watch::Receiver<ConnectionState>,
    outgoing: mpsc::UnboundedSender<Vec<u8>>,
    next_id: AtomicU64,
    open: Arc<Open>,
}

/// What waits for lines from the app.
#[derive(Debug, Default)]
struct Open {
    questions: Mutex<HashMap<u64, oneshot::Sender<Result<Value, Refusal>>>>,
    watches: Mutex<HashMap<u64, mpsc::Sender<GatewayEvent>>>,
}

impl AppGateway {
    /// Connects to the running app and asks it about its connection to a profile (the active one when not named).
    ///
    /// # Errors
    /// The app is not running, or holds no such connection.
    pub async fn connect(address: &Address, profile: Option<String>) -> Result<Self, TellError> {
        running(address.check())?;
        #[cfg(unix)]
        let (read, mut write) = running(tokio::net::UnixStream::connect(&address.socket).await)?.into_split();
        #[cfg(windows)]
        let (read, mut write) = tokio::io::split(running(
            tokio::net::windows::named_pipe::ClientOptions::new().open(&address.socket),
        )?);
        let (outgoing, mut lines) = mpsc::unbounded_channel::<Vec<u8>>();
        tokio::spawn(async move {
            while let Some(line) = lines.recv().await {
                if write.write_all(&line).await.is_err() {
                    break;
                }
            }
        });
        let (state_is, state) = watch::channel(ConnectionState::Connecting);
        let open = Arc::new(Open::default());
        let mut gateway = Self {
            profile,
            capabilities: Capabilities::NATIVE,
            state,
            outgoing,
            next_id: AtomicU64::new(1),
            open: Arc::clone(&open),
        };
        let (ready, is_ready) = oneshot::channel();
        tokio::spawn(async move {
            tokio::pin!(is_ready);
            let mut lines = BufReader::new(read);
            let mut ready = false;
            let mut line = Vec::new();
            loop {
                tokio::select! {
                    server = &mut is_ready, if !ready => {
                        ready = true;
                        if let Ok(server) = server {
                            state_is.send_replace(server);
                        }
                    }
                    more = next_line(&mut lines, &mut line) => {
                        if !more {
                            break;
                        }
                        open.deliver(&line);
                        line.clear();
                    }
                }
            }
            // In this order: a question is either seen by `end`, or sees that nobody will answer it.
            state_is.send_replace(ConnectionState::Closed);
            open.end();
        });
        let info: GatewayInfo = gateway.call(GatewayCall::Info).await.map_err(not_here)?;
        gateway.capabilities = info.capabilities;
        // Another gateway may become the active one between two calls of a command.
        gateway.profile = info.profile.or(gateway.profile);
        let Some(server) = info.server else {
            return Err(not_here(CallError::NotConnected));
        };
        let now = ConnectionState::Ready(Box::new(server));
        let _ = ready.send(now);
        let _ = gateway.state.changed().await;
        Ok(gateway)
    }

    /// The profile that all calls go to, where the app says so.
    #[must_use]
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    fn ask(&self, id: u64, op: Op) -> Result<(), CallError> {
        let mut line = serde_json::to_vec(&Question { id, op }).map_err(|error| CallError::Decode {
            method: "control".into(),
            reason: error.to_string(),
        })?;
        line.push(b'\n');
        self.outgoing
            .send(line)
            .map_err(|_| CallError::Disconnected { written: false })
    }

    async fn call<T: DeserializeOwned>(&self, call: GatewayCall) -> Result<T, CallError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (answered, answer) = oneshot::channel();
        lock(&self.open.questions).insert(id, answered);
        let profile = self.profile.clone();
        let asked = if *self.state.borrow() == ConnectionState::Closed {
            Err(CallError::NotConnected)
        } else {
            self.ask(id, Op::Gateway { profile, call })
        };
        if let Err(error) = asked {
            lock(&self.open.questions).remove(&id);
            return Err(error);
        }
        let result = answer
            .await
            .map_err(|_| CallError::Disconnected { written: true })??;
        serde_json::from_value(result).map_err(|error| CallError::Decode {
            method: "control".into(),
            reason: error.to_string(),
        })
    }
}

/// The app's own word for it, where it was the app that said no.
fn not_here(error: CallError) -> TellError {
    let refusal = if let CallError::Gateway(error) = error {
        Refusal::new(&error.code, error.message)
    } else {
        error.into()
    };
    TellError::Refused(Box::new(refusal))
}

/// Reads on until a line is whole; safe to drop in between, because what was read stays in `line`.
async fn next_line(lines: &mut BufReader<impl AsyncRead + Unpin>, line: &mut Vec<u8>) -> bool {
    matches!(lines.read_until(b'\n', line).await, Ok(read) if read > 0)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Open {
    fn deliver(&self, line: &[u8]) {
        match serde_json::from_slice(line) {
            Ok(Line::Answer {
                id,
                ok,
                result,
                error,
            }) => {
                let waiting = lock(&self.questions).remove(&id);
                if let Some(waiting) = waiting {
                    let _ = waiting.send(if ok {
                        Ok(result)
                    } else {
                        Err(error.unwrap_or_default())
                    });
                } else if !ok {
                    lock(&self.watches).remove(&id);
                }
            }
            Ok(Line::Event { id, event }) => {
                let mut watches = lock(&self.watches);
                if watches
                    .get(&id)
                    .is_some_and(|watch| watch.try_send(event).is_err())
                {
                    // Too slow or gone: its stream ends, and it knows that it has missed something.
                    watches.remove(&id);
                }
            }
            Err(_) => tracing::debug!("a line of the app was not understood"),
        }
    }

    fn end(&self) {
        lock(&self.questions).clear();
        lock(&self.watches).clear();
    }
}

#[async_trait]
impl Gateway for AppGateway {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }
    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.state.clone()
    }
    fn events(&self) -> mpsc::Receiver<GatewayEvent> {
        let (sender, receiver) = mpsc::channel(EVENTS);
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        lock(&self.open.watches).insert(id, sender);
        let profile = self.profile.clone();
        if self.ask(id, Op::Watch { profile }).is_err() {
            lock(&self.open.watches).remove(&id);
        }
        receiver
    }
    async fn send(&self, prompt: Prompt) -> Result<SendAck, CallError> {
        self.call(GatewayCall::Send(prompt)).await
    }
    async fn abort(&self, session: &SessionKey, run: Option<&RunId>) -> Result<bool, CallError> {
        self.call(GatewayCall::Abort {
            session: session.clone(),
            run: run.cloned(),
        })
        .await
    }
    async fn history(&self, query: HistoryQuery) -> Result<History, CallError> {
        self.call(GatewayCall::History(query)).await
    }
    async fn sessions(&self, query: SessionsQuery) -> Result<SessionsPage, CallError> {
        self.call(GatewayCall::Sessions(query)).await
    }
    async fn agents(&self) -> Result<Agents, CallError> {
        self.call(GatewayCall::Agents).await
    }
    async fn approvals(&self) -> Result<Vec<Approval>, CallError> {
        self.call(GatewayCall::Approvals).await
    }
    async fn resolve_approval(
        &self,
        id: &ApprovalId,
        kind: ApprovalKind,
        decision: Decision,
    ) -> Result<(), CallError> {
        let id = id.clone();
        self.call(GatewayCall::ResolveApproval { id, kind, decision })
            .await
    }
    async fn ping(&self) -> Result<Duration, CallError> {
        self.call(GatewayCall::Ping).await.map(Duration::from_millis)
    }
    async fn call_raw(&self, method: &str, params: Value) -> Result<Value, CallError> {
        let method = method.to_owned();
        self.call(GatewayCall::Raw { method, params }).await
    }
    /// The app decides when it connects.
    fn reconnect(&self) {}
    /// The app's connection stays.
    async fn shutdown(&self) {}
}
