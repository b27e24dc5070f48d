//! Starts, serves and stops the gateway.

pub(crate) mod door;
mod io;
pub(crate) mod upgrade;

use crate::agent::AgentBackend;
use crate::backend::Backend;
use crate::bridge::Bridge;
use crate::core::Core;
use crate::error::StartError;
use crate::http::auth::Limits;
use crate::http::error::Refused;
use crate::http::webhooks::{self, Webhook, Webhooks};
use crate::http::{self, Http, Native};
use crate::keys::FreshKey;
use crate::local::Local;
use crate::ws::{self, Leaving};
use crate::{AgentProfile, cron};
use axum::Router;
use axum::extract::Request;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use clawtray_gateway_client::Gateway;
use door::{Door, Visitor};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use io::{PatientSocket, SocketRest};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

/// How long connections get to end by themselves when the gateway stops.
const DRAIN: Duration = Duration::from_secs(5);
/// Refusals under way at once, and how long one may take; whoever comes on top of these hears nothing.
const REFUSALS: usize = 64;
const REFUSAL_LIMIT: Duration = Duration::from_secs(1);

/// How the gateway is started.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the database lies; made when it is not there.
    pub data_dir: PathBuf,
    /// Where to listen. Port 0 takes a free one.
    pub bind: SocketAddr,
    /// The gateway token. Without one only API keys open it.
    pub token: Option<String>,
    /// Who answers.
    pub agent: AgentBackend,
    /// The agents; the first is the default. Empty: one agent, `main`.
    pub agents: Vec<AgentProfile>,
    /// API keys beside the stored ones; they are held in memory only.
    pub keys: Vec<FreshKey>,
    /// Web pages that may connect, by origin.
    pub origins: Vec<String>,
    /// The methods that these pages may use; empty: all.
    pub cors_methods: Vec<Method>,
    /// New devices wait until `device.pair.approve`; without it the token alone pairs them.
    pub ask_pairing: bool,
    /// Shortest time between two deltas of a run on the WebSocket.
    pub pacing: Duration,
    /// Time between two `tick` events.
    pub tick: Duration,
    /// Time between two `health` events.
    pub health_every: Duration,
    /// The gateway that carries the HTTP calls out instead of the built-in agent.
    pub bridge: Option<Bridged>,
    /// Requests a minute without a token or with a wrong one, from everybody together, before they are told 429.
    pub strangers_per_minute: u32,
    /// Receivers of events over HTTP.
    pub webhooks: Vec<Webhook>,
    /// The largest HTTP body, in bytes.
    pub max_body: usize,
    /// How long the head, and then the body, of a request may take to arrive.
    pub read_limit: Duration,
    /// How long a peer may take nothing before it is dropped.
    pub write_limit: Duration,
    /// Connections at once, streams and WebSockets among them. Half of them are for callers that have shown no token yet:
    /// of these the oldest gives way to the newest. Whoever comes on top of those with a token is answered 503.
    pub max_connections: usize,
}

/// A real gateway behind this one.
#[derive(Clone)]
pub struct Bridged(pub Arc<dyn Gateway>);

impl std::fmt::Debug for Bridged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bridged")
    }
}

impl Config {
    /// A gateway on a free loopback port, answered by the demo agent.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, token: Option<String>) -> Self {
        Self {
            data_dir: data_dir.into(),
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            token,
            agent: AgentBackend::default(),
            agents: Vec::new(),
            keys: Vec::new(),
            origins: Vec::new(),
            cors_methods: Vec::new(),
            ask_pairing: false,
            pacing: Duration::from_millis(75),
            tick: Duration::from_secs(30),
            health_every: Duration::from_secs(60),
            bridge: None,
            strangers_per_minute: 60_000,
            webhooks: Vec::new(),
            max_body: 1024 * 1024,
            read_limit: Duration::from_secs(10),
            write_limit: Duration::from_secs(30),
            max_connections: 512,
        }
    }
}

/// The gateway; see [`EmbeddedGateway::start`].
#[derive(Debug)]
pub struct EmbeddedGateway;

/// A gateway that runs. Dropping it ends it without a farewell; [`Running::shutdown`] says goodbye.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    core: Arc<Core>,
    leaving: watch::Sender<Leaving>,
    accept: JoinHandle<()>,
    /// Closed when the last socket is gone.
    sockets: mpsc::Receiver<()>,
}

#[derive(Clone)]
struct Shared {
    core: Arc<Core>,
    leaving: watch::Receiver<Leaving>,
    alive: mpsc::Sender<()>,
}

impl EmbeddedGateway {
    /// Opens the database, listens, and serves until the result is shut down or dropped.
    ///
    /// # Errors
    /// When nothing guards it (no token, no API key), or the address or the data directory cannot be used.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        let core = Arc::new(Core::open(&config)?);
        let bind = |source| StartError::Bind {
            addr: config.bind,
            source,
        };
        let listener = TcpListener::bind(config.bind).await.map_err(bind)?;
        let addr = listener.local_addr().map_err(bind)?;
        let (leaving, watch) = watch::channel(Leaving::No);
        let (alive, sockets) = mpsc::channel(1);
        let shared = Shared {
            core: core.clone(),
            leaving: watch.clone(),
            alive,
        };
        let native: Native = Arc::new(move |request| native(shared.clone(), request));
        let backend: Arc<dyn Backend> = match &config.bridge {
            Some(Bridged(gateway)) => Arc::new(Bridge::start(gateway.clone())),
            None => {
                // Jobs are the built-in agent's: a bridge beside it, on the same folder, leaves them alone.
                tokio::spawn(cron::schedule(core.clone(), watch.clone()));
                Arc::new(Local(core.clone()))
            }
        };
        let http = Arc::new(Http {
            core: core.clone(),
            backend: backend.clone(),
            limits: Limits::new(config.strangers_per_minute),
            reservations: http::meter::Reservations::default(),
            webhooks: Webhooks::start(config.webhooks.clone()).map_err(StartError::Webhook)?,
            origins: config.origins.clone(),
            cors_methods: http::guard::cors_methods(&config.cors_methods),
            max_body: config.max_body,
            body_limit: config.read_limit,
            requests: AtomicU64::new(0),
            native: config.bridge.is_none().then_some(native),
            leaving: watch.clone(),
        });
        if !http.webhooks.is_empty() {
            tokio::spawn(webhooks::follow(http.clone(), backend, watch.clone()));
        }
        let router = http::router(http);
        let accept = tokio::spawn(accept(
            listener,
            router,
            watch,
            config.read_limit,
            config.write_limit,
            config.max_connections,
        ));
        Ok(Running {
            addr,
            core,
            leaving,
            accept,
            sockets,
        })
    }
}

impl Running {
    /// The address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The WebSocket address for a gateway client.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}", self.addr)
    }

    /// The base address for HTTP clients.
    #[must_use]
    pub fn http_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The gateway token, where it has one.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.core.token.as_deref()
    }

    /// Where the copy of a damaged database lies, when the start found one: sessions, jobs and API keys begin anew.
    #[must_use]
    pub fn damaged(&self) -> Option<&Path> {
        self.core.store.damaged()
    }

    /// Says goodbye to everybody and stops.
    pub async fn shutdown(self) {
        self.leave(Leaving::Stopping).await;
    }

    /// Stops, and tells everybody that it will be back after about `expected`.
    pub async fn shutdown_for_restart(self, expected: Duration) {
        self.leave(Leaving::Restarting(expected)).await;
    }

    async fn leave(mut self, how: Leaving) {
        self.core.runs.abort_all("shutdown");
        // Runs write their last words down before anybody is told to go.
        let deadline = Instant::now() + DRAIN;
        while self.core.runs.count() > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.leaving.send_replace(how);
        let _ = (&mut self.accept).await;
        let _ = tokio::time::timeout(DRAIN, self.sockets.recv()).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.leaving
            .send_if_modified(|l| std::mem::replace(l, Leaving::Stopping) == Leaving::No);
        self.accept.abort();
    }
}

async fn accept(
    listener: TcpListener,
    router: Router,
    mut leaving: watch::Receiver<Leaving>,
    read_limit: Duration,
    write_limit: Duration,
    max_connections: usize,
) {
    let door = Door::new(max_connections);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            arrived = listener.accept() => match arrived {
                Ok((stream, peer)) => {
                    let stream = Arc::new(stream);
                    match door.enter(&stream, peer.ip()) {
                        Some(place) => {
                            let visitor = place.visitor(peer);
                            let (socket, rest) = PatientSocket::new(stream, write_limit, place);
                            connections.spawn(connection(socket, rest, visitor, router.clone(), leaving.clone(), read_limit));
                        }
                        None if connections.len() < max_connections + REFUSALS => {
                            if let Some(stream) = Arc::into_inner(stream) {
                                connections.spawn(refuse(stream));
                            }
                        }
                        None => drop(stream),
                    }
                }
                // Out of file handles, most likely: give others time to end.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            _ = ws::gone(&mut leaving) => break,
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(DRAIN, drained).await;
}

/// Says that there is no room. What the peer has sent is taken first, or it would hear of a broken connection instead.
async fn refuse(mut stream: TcpStream) {
    let said = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let saying = async {
        stream.write_all(said).await?;
        stream.shutdown().await?;
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    let _ = tokio::time::timeout(REFUSAL_LIMIT, saying).await;
}

async fn connection(
    socket: PatientSocket,
    rest: SocketRest,
    visitor: Visitor,
    router: Router,
    mut leaving: watch::Receiver<Leaving>,
    read_limit: Duration,
) {
    let service = TowerToHyperService::new(router.layer(axum::Extension(visitor)));
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(read_limit)
        .max_buf_size(64 * 1024);
    let connection = builder
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = ws::gone(&mut leaving) => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    if let Err(error) = ended
        && error.is_timeout()
        && rest.owes_answer()
    {
        rest.say(b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    }
}

/// Serves the native protocol to a request that asks for a WebSocket.
fn native(shared: Shared, request: Request) -> Response {
    let visitor = request.extensions().get::<Visitor>().cloned();
    let origin = request
        .headers()
        .get(header::ORIGIN)
        .and_then(|o| o.to_str().ok())
        .map(str::to_owned);
    let upgraded = upgrade::upgrade(request, ws::MAX_PAYLOAD, Some(ws::MAX_GREETING));
    let (Some((answer, socket)), Some(visitor)) = (upgraded, visitor) else {
        return Refused::bad("this is no proper WebSocket request").into_response();
    };
    tokio::spawn(async move {
        let _alive = shared.alive;
        if let Some(socket) = socket.await {
            ws::serve(shared.core, socket, visitor, origin, shared.leaving).await;
        }
    });
    answer
}
