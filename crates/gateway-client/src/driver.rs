//! The only task that touches a gateway's socket. It performs the session's effects and decides nothing.

use crate::config::{IssuedToken, WallClock};
use crate::dial::Dialer;
use crate::endpoint::Endpoint;
use crate::fanout::Fanout;
use crate::session::verdict::OpenError;
use crate::session::{self, CallId, Command, Effect, Now, Reading, Session};
use crate::skim::{Ends, Skimmer};
use crate::tunnel::Complaint;
use crate::{CallError, ConnectionState, PauseReason, Secret};
use futures_util::{Sink, Stream};
use serde_json::value::RawValue;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// The largest frame and message taken. The gateway's own limit is 25 MiB.
pub(crate) const MAX_INCOMING: usize = 32 * 1024 * 1024;
/// Bytes of the WebSocket's own buffer, which it fills with zeros before it reads into it.
const READ_BUFFER: usize = 16 * 1024;
/// Time for a close frame to leave.
const CLOSE_LIMIT: Duration = Duration::from_millis(250);

/// The answer to a call.
pub(crate) type Reply = oneshot::Sender<Result<Box<RawValue>, CallError>>;
type Opening = Pin<Box<dyn Future<Output = Result<Socket, OpenError>> + Send>>;

/// What the handles send.
pub(crate) enum Request {
    Command(Command),
    Call {
        id: CallId,
        method: String,
        params: String,
        timeout: Duration,
        until_final: bool,
        reply: Reply,
    },
    Tables(oneshot::Sender<Tables>),
}

/// How many calls wait, by each of the two tables that know of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Requests that wait for an answer of the gateway, our own included.
    pub session: usize,
    /// Callers that wait for the answer.
    pub driver: usize,
}

/// What the driver works with.
pub(crate) struct Driver {
    pub(crate) session: Session,
    pub(crate) dialer: Arc<dyn Dialer>,
    pub(crate) requests: mpsc::UnboundedReceiver<Request>,
    pub(crate) state: watch::Sender<ConnectionState>,
    pub(crate) fanout: Arc<Fanout>,
    pub(crate) tokens: Option<mpsc::UnboundedSender<IssuedToken>>,
    pub(crate) wall_clock: WallClock,
    /// It was started again after a panic, and has to connect by itself.
    pub(crate) anew: bool,
}

impl Driver {
    /// After a panic: a new session with what the last one knew of credentials and scopes.
    pub(crate) fn start_anew(&mut self) {
        self.session = self.session.successor(rand::random());
        self.anew = true;
    }

    /// Answers requests while nothing runs. True when it is time to start again, false when it is time to stop.
    pub(crate) async fn rest(&mut self, wait: Duration) -> bool {
        let mut until = Instant::now().checked_add(wait);
        loop {
            let request = tokio::select! {
                () = async {
                    match until {
                        Some(until) => sleep_until(until).await,
                        None => std::future::pending().await,
                    }
                } => return true,
                request = self.requests.recv() => request,
            };
            match request {
                None | Some(Request::Command(Command::Shutdown)) => {
                    self.state.send_replace(ConnectionState::Closed);
                    return false;
                }
                Some(Request::Command(Command::Connect)) => return true,
                Some(Request::Command(Command::Credentials(credentials))) => {
                    self.session.use_credentials(credentials);
                    return true;
                }
                Some(Request::Command(Command::Scopes(scopes))) => {
                    self.session.use_scopes(scopes);
                    return true;
                }
                Some(Request::Command(Command::Offline)) => {
                    self.state
                        .send_replace(ConnectionState::Paused(PauseReason::UserOffline));
                    until = None;
                }
                Some(Request::Command(Command::Call { .. } | Command::Forget(_))) => {}
                Some(Request::Call { reply, .. }) => {
                    let _ = reply.send(Err(CallError::NotConnected));
                }
                Some(Request::Tables(to)) => {
                    let _ = to.send(Tables::default());
                }
            }
        }
    }

    /// Runs until it is told to stop or the last handle is gone.
    pub(crate) async fn run(&mut self) {
        let epoch = Instant::now();
        let wall_clock = Arc::clone(&self.wall_clock);
        let now = || Now {
            mono: epoch.elapsed(),
            wall: wall_clock(),
        };
        if std::mem::take(&mut self.anew) {
            self.session.on_command(now(), Command::Connect);
        }
        let mut socket: Option<Socket> = None;
        let mut opening: Option<Opening> = None;
        let mut replies: HashMap<CallId, Reply> = HashMap::new();
        let timer = sleep_until(epoch);
        tokio::pin!(timer);
        loop {
            while let Some(effect) = self.session.next_effect() {
                match effect {
                    Effect::Open => {
                        socket = None;
                        opening =
                            self.session.endpoint().cloned().map(|at| {
                                open(Arc::clone(&self.dialer), at, self.session.headers().to_vec())
                            });
                    }
                    Effect::Send(text) => {
                        if let Some(socket) = &mut socket {
                            socket.outbox.push_back(Message::text(text));
                        }
                    }
                    Effect::Close { code } => {
                        opening = None;
                        if let Some(socket) = socket.take() {
                            socket.close(code).await;
                        }
                    }
                    Effect::State(state) => {
                        self.state.send_replace(state);
                    }
                    Effect::Emit(event) => self.fanout.emit(event),
                    Effect::Reply { call, result } => {
                        if let Some(reply) = replies.remove(&call) {
                            let _ = reply.send(result);
                        }
                    }
                    Effect::StoreToken(token) => {
                        if let Some(tokens) = &self.tokens {
                            let _ = tokens.send(token);
                        }
                    }
                    Effect::Stop => return,
                }
            }
            // The watchdog's deadline moves with every frame; the timer follows only when it fires or comes too late.
            let deadline = self.session.deadline().and_then(|at| epoch.checked_add(at));
            if let Some(deadline) = deadline
                && (timer.is_elapsed() || deadline < timer.deadline())
            {
                timer.as_mut().reset(deadline);
            }
            tokio::select! {
                request = self.requests.recv() => match request {
                    None => self.session.on_command(now(), Command::Shutdown),
                    Some(Request::Command(command)) => {
                        if let Command::Forget(call) = &command {
                            replies.remove(call);
                        }
                        self.session.on_command(now(), command);
                    }
                    Some(Request::Call { id, method, params, timeout, until_final, reply }) => {
                        if !reply.is_closed() {
                            replies.insert(id, reply);
                            self.session.on_command(now(), Command::Call { id, method, params, timeout, until_final });
                        }
                    }
                    Some(Request::Tables(to)) => {
                        let _ = to.send(Tables { session: self.session.pending(), driver: replies.len() });
                    }
                },
                opened = maybe(&mut opening) => {
                    opening = None;
                    match opened {
                        Ok(opened) => {
                            socket = Some(opened);
                            self.session.on_opened(now());
                        }
                        Err(error) => self.session.on_open_failed(now(), &error),
                    }
                },
                incoming = next(&mut socket, &self.session) => match incoming {
                    Incoming::Text(text) => {
                        self.session.on_text(now(), &text);
                        // One read of the socket may hold hundreds of frames: let the consumers keep up.
                        tokio::task::coop::consume_budget().await;
                    }
                    Incoming::Ends(ends) => {
                        let (head, tail) = ends.parts();
                        self.session.on_ends(now(), head, ends.skipped, tail);
                        tokio::task::coop::consume_budget().await;
                    }
                    Incoming::Heard => self.session.on_heard(now()),
                    Incoming::Closed(close) => {
                        socket = None;
                        self.session.on_closed(now(), close);
                    }
                },
                () = timer.as_mut(), if deadline.is_some() => self.session.on_timer(now()),
            }
        }
    }
}

async fn maybe(opening: &mut Option<Opening>) -> Result<Socket, OpenError> {
    match opening {
        Some(opening) => opening.await,
        None => std::future::pending().await,
    }
}

async fn next(socket: &mut Option<Socket>, session: &Session) -> Incoming {
    let reading = |head: &[u8], len| session.reading(head, len);
    match socket {
        Some(socket) => std::future::poll_fn(|cx| socket.poll(cx, &reading)).await,
        None => std::future::pending().await,
    }
}

/// Opens a transport and upgrades it. No `Origin` is sent: the gateway would take us for a browser.
fn open(dialer: Arc<dyn Dialer>, endpoint: Endpoint, headers: Vec<(String, Secret)>) -> Opening {
    Box::pin(async move {
        let mut request = endpoint
            .url()
            .as_str()
            .into_client_request()
            .map_err(|_| OpenError::NotAWebSocket("the gateway's address is not valid".to_owned()))?;
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_str(value.expose());
            let (Ok(name), Ok(mut value)) = (name, value) else {
                return Err(OpenError::NotAWebSocket(
                    "a header in the configuration is not valid".to_owned(),
                ));
            };
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        let transport = dialer.dial(&endpoint).await?;
        let config = WebSocketConfig::default()
            .max_frame_size(Some(MAX_INCOMING))
            .max_message_size(Some(MAX_INCOMING))
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0);
        match client_async_with_config(request, Skimmer::new(transport), Some(config)).await {
            Ok((stream, _)) => Ok(Socket {
                stream,
                outbox: VecDeque::new(),
            }),
            Err(error) => Err(open_error(&error)),
        }
    })
}

/// Whether a gateway's `connect.challenge` comes, first of all.
pub(crate) async fn challenge(
    dialer: Arc<dyn Dialer>,
    endpoint: Endpoint,
    headers: Vec<(String, Secret)>,
) -> Result<bool, OpenError> {
    let mut socket = open(dialer, endpoint, headers).await?;
    let is_challenge = loop {
        match std::future::poll_fn(|cx| socket.poll(cx, &|_, _| Reading::Whole)).await {
            Incoming::Text(text) => break session::is_challenge(&text),
            Incoming::Ends(_) | Incoming::Heard => {}
            Incoming::Closed(_) => break false,
        }
    };
    socket.close(1000).await;
    Ok(is_challenge)
}

/// What `ssh` had to say.
fn complaint(error: &std::io::Error) -> Option<OpenError> {
    let complaint: &Complaint = error.get_ref()?.downcast_ref()?;
    Some(complaint.0.clone())
}

fn open_error(error: &WsError) -> OpenError {
    match error {
        WsError::Http(response) => OpenError::Http {
            status: response.status().as_u16(),
            retry_after: response
                .headers()
                .get("retry-after")
                .and_then(|value| value.to_str().ok()?.trim().parse().ok())
                .map(Duration::from_secs),
        },
        WsError::Protocol(
            ProtocolError::HandshakeIncomplete | ProtocolError::ResetWithoutClosingHandshake,
        ) => OpenError::Unreachable("the server closed the connection at once".to_owned()),
        WsError::Protocol(_) | WsError::HttpFormat(_) | WsError::Utf8(_) => {
            OpenError::NotAWebSocket("the server accepts no WebSocket connections".to_owned())
        }
        WsError::Io(error) if let Some(complaint) = complaint(error) => complaint,
        WsError::Io(error) => OpenError::Unreachable(format!("the connection failed: {}", error.kind())),
        WsError::ConnectionClosed
        | WsError::AlreadyClosed
        | WsError::Tls(_)
        | WsError::Capacity(_)
        | WsError::WriteBufferFull(_)
        | WsError::AttackAttempt
        | WsError::Url(_) => OpenError::Unreachable("the connection failed".to_owned()),
    }
}

enum Incoming {
    Text(tokio_tungstenite::tungstenite::Utf8Bytes),
    /// Of a text frame that need not be read whole.
    Ends(Ends),
    Heard,
    Closed(Option<(u16, String)>),
}

/// A socket that writes while it reads: a frame that does not leave must not keep the answers from coming in.
struct Socket {
    stream: WebSocketStream<Skimmer>,
    outbox: VecDeque<Message>,
}

impl Socket {
    fn poll(&mut self, cx: &mut Context<'_>, reading: &dyn Fn(&[u8], usize) -> Reading) -> Poll<Incoming> {
        if self.poll_write(cx).is_err() {
            // Whatever the peer said before it went is still worth reading; if there is nothing, reading fails too.
            self.outbox.clear();
        }
        loop {
            let polled = self.poll_read(cx);
            if polled.is_ready() {
                return polled;
            }
            let skimmer = self.stream.get_mut();
            if let Some((head, len)) = skimmer.beginning() {
                let wanted = reading(head, len);
                skimmer.want(wanted);
            } else if let Some(ends) = skimmer.take_ends() {
                return Poll::Ready(Incoming::Ends(ends));
            } else {
                return Poll::Pending;
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        match Pin::new(&mut self.stream).poll_next(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(Message::Text(text)))) => Poll::Ready(Incoming::Text(text)),
            Poll::Ready(Some(Ok(Message::Binary(bytes)))) => Poll::Ready(match bytes.try_into() {
                Ok(text) => Incoming::Text(text),
                Err(_) => Incoming::Heard,
            }),
            Poll::Ready(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => {
                Poll::Ready(Incoming::Heard)
            }
            Poll::Ready(Some(Ok(Message::Close(frame)))) => {
                let close = frame.map(|frame| (u16::from(frame.code), frame.reason.to_string()));
                Poll::Ready(Incoming::Closed(close))
            }
            Poll::Ready(Some(Err(_)) | None) => Poll::Ready(Incoming::Closed(None)),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), WsError> {
        while !self.outbox.is_empty() {
            match Pin::new(&mut self.stream).poll_ready(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(result) => result?,
            }
            if let Some(message) = self.outbox.pop_front() {
                Pin::new(&mut self.stream).start_send(message)?;
            }
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => Ok(()),
            Poll::Ready(result) => result,
        }
    }

    async fn close(mut self, code: u16) {
        let frame = CloseFrame {
            code: code.into(),
            reason: "".into(),
        };
        // A peer that does not take it gets a broken connection instead.
        let _ = timeout(CLOSE_LIMIT, async {
            while !self.outbox.is_empty() {
                if std::future::poll_fn(|cx| match self.poll_write(cx) {
                    Ok(()) if self.outbox.is_empty() => Poll::Ready(Ok(())),
                    Ok(()) => Poll::Pending,
                    Err(error) => Poll::Ready(Err(error)),
                })
                .await
                .is_err()
                {
                    return;
                }
            }
            let _ = self.stream.close(Some(frame)).await;
        })
        .await;
    }
}
