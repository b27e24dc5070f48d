//! Detects which API a gateway speaks, by asking it.

use super::life::{self, Setback};
use super::spec::{Call, Spec};
use super::wire::{Answer, Trouble, Wire};
use super::{Dialect, HttpGateway, Protocol};
use crate::config::ClientConfig;
use crate::dial::Network;
use crate::driver::challenge;
use crate::endpoint::Endpoint;
use crate::fanout::Fanout;
use crate::session::backoff::{Backoff, LookAgain};
use crate::session::verdict::{OpenError, Verdict};
use crate::supervisor::keep_running;
use crate::{
    Agents, Approval, ApprovalKind, CallError, Capabilities, Client, ConnectionState, Decision, Gateway,
    GatewayEvent, History, HistoryQuery, PauseReason, Prompt, SendAck, SessionsPage, SessionsQuery,
};
use async_trait::async_trait;
use clawtray_gateway_protocol::{ApprovalId, RunId, SessionKey};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};

/// Time for a WebSocket to say that it is a gateway's.
const CHALLENGE_LIMIT: Duration = Duration::from_secs(5);

/// A connection to a gateway, whatever it speaks. With [`Protocol::Auto`], an address of `ws` or `wss` is the WebSocket
/// protocol, and one of `http` or `https` is asked: first for the WebSocket protocol, then for each dialect.
#[must_use]
pub fn connect(config: ClientConfig, protocol: Protocol) -> Detected {
    let http = {
        let scheme = config.url.trim().split_once("://").map(|(scheme, _)| scheme);
        matches!(
            scheme.map(str::to_ascii_lowercase).as_deref(),
            Some("http" | "https")
        )
    };
    let protocol = match protocol {
        Protocol::Auto if !http => Protocol::Native,
        other @ (Protocol::Auto | Protocol::Native | Protocol::Http(_)) => other,
    };
    let closed = watch::Sender::new(false);
    let shared = Arc::new(Shared {
        found: Mutex::new(None),
        state: watch::Sender::new(ConnectionState::Idle),
        fanout: Fanout::new(config.event_buffer),
        wake: Notify::new(),
        closed: closed.clone(),
        config,
        protocol,
    });
    if protocol == Protocol::Native {
        // Nothing to find out: consumers meet the client itself.
        shared.set(Found::Native(Client::connect(shared.config.clone())));
    } else {
        tokio::spawn(live(Arc::clone(&shared)));
    }
    Detected {
        shared,
        _alive: Arc::new(Alive(closed)),
    }
}

/// A gateway whose protocol is found out. Cheap to clone; the last one to be dropped ends the connection.
#[derive(Clone)]
pub struct Detected {
    shared: Arc<Shared>,
    _alive: Arc<Alive>,
}

struct Alive(watch::Sender<bool>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

#[derive(Clone)]
enum Found {
    Native(Client),
    Http(HttpGateway),
}

impl Found {
    fn gateway(&self) -> &dyn Gateway {
        match self {
            Self::Native(client) => client,
            Self::Http(gateway) => gateway,
        }
    }
}

struct Shared {
    config: ClientConfig,
    protocol: Protocol,
    found: Mutex<Option<Found>>,
    state: watch::Sender<ConnectionState>,
    fanout: Fanout,
    wake: Notify,
    closed: watch::Sender<bool>,
}

impl Shared {
    fn found(&self) -> Option<Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, found: Found) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    }

    fn take(&self) -> Option<Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Detected {
    /// What was found; none until a gateway has answered.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol> {
        Some(match self.shared.found()? {
            Found::Native(_) => Protocol::Native,
            Found::Http(gateway) => Protocol::Http(gateway.dialect()),
        })
    }

    /// The WebSocket client, where that is what the gateway speaks.
    #[must_use]
    pub fn native(&self) -> Option<Client> {
        match self.shared.found()? {
            Found::Native(client) => Some(client),
            Found::Http(_) => None,
        }
    }

    /// The client, where nothing had to be found out.
    fn direct(&self) -> Option<Client> {
        (self.shared.protocol == Protocol::Native)
            .then(|| self.native())
            .flatten()
    }

    fn found(&self) -> Result<Found, CallError> {
        self.shared.found().ok_or(CallError::NotConnected)
    }
}

impl std::fmt::Debug for Detected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detected")
            .field("protocol", &self.protocol())
            .finish_non_exhaustive()
    }
}

async fn live(shared: Arc<Shared>) {
    let mut closed = shared.closed.subscribe();
    tokio::select! {
        _ = closed.wait_for(|closed| *closed) => {}
        () = keep_running(&shared.state, &shared.wake, || go_on(&shared)) => {}
    }
    if let Some(found) = shared.take() {
        found.gateway().shutdown().await;
    }
    shared.state.send_replace(ConnectionState::Closed);
}

async fn go_on(shared: &Shared) {
    let mut backoff = Backoff::new(shared.config.rng_seed.unwrap_or_else(rand::random));
    let mut look_again = LookAgain::new(shared.config.was_ready);
    loop {
        let found = match shared.found() {
            Some(found) => Ok(found),
            None => {
                shared.state.send_replace(ConnectionState::Connecting);
                find(shared).await
            }
        };
        match found {
            Ok(found) => {
                backoff.reset();
                look_again.ready();
                shared.set(found.clone());
                forward(shared, &found).await;
                // It turned out to be something else.
                shared.take();
                found.gateway().shutdown().await;
            }
            Err(setback) => {
                life::rest(
                    &shared.state,
                    &shared.wake,
                    &mut backoff,
                    &mut look_again,
                    setback,
                )
                .await;
            }
        }
    }
}

async fn find(shared: &Shared) -> Result<Found, Setback> {
    let protocol = match shared.protocol {
        Protocol::Auto => probe(&shared.config).await?,
        chosen @ (Protocol::Native | Protocol::Http(_)) => chosen,
    };
    tracing::debug!(%protocol, "the gateway's protocol");
    match protocol {
        Protocol::Http(dialect) => HttpGateway::connect(shared.config.clone(), dialect)
            .map(Found::Http)
            .map_err(|reason| Setback::new(Verdict::Pause(reason), "the configuration is not valid")),
        Protocol::Auto | Protocol::Native => Ok(Found::Native(Client::connect(shared.config.clone()))),
    }
}

/// Passes on what the connection tells, until it is none of the kind that was found and the user wants to try again.
async fn forward(shared: &Shared, found: &Found) {
    let gateway = found.gateway();
    let mut state = gateway.state();
    let mut events = gateway.events();
    state.mark_changed();
    loop {
        tokio::select! {
            biased;
            changed = state.changed() => {
                if changed.is_err() {
                    return;
                }
                shared.state.send_replace(state.borrow_and_update().clone());
            }
            event = events.recv() => {
                let Some(event) = event else { return };
                // The state was there before the event.
                if state.has_changed().unwrap_or(false) {
                    shared.state.send_replace(state.borrow_and_update().clone());
                }
                shared.fanout.emit(event);
            }
            () = shared.wake.notified() => {
                let elsewhere = shared.protocol == Protocol::Auto
                    && matches!(
                        &*shared.state.borrow(),
                        ConnectionState::Paused(PauseReason::Refused { .. } | PauseReason::ProtocolMismatch { .. })
                    );
                if elsewhere {
                    return;
                }
                gateway.reconnect();
            }
        }
    }
}

/// Asks a gateway what it speaks. A web page is an answer to nothing.
async fn probe(config: &ClientConfig) -> Result<Protocol, Setback> {
    let endpoint = Endpoint::parse(&config.url, config.allow_insecure)
        .map_err(|reason| Setback::new(Verdict::Pause(reason), "the address is not valid"))?;
    let network = Network::new(config);
    let asked = challenge(Arc::new(network), endpoint, config.headers.clone());
    match tokio::time::timeout(CHALLENGE_LIMIT, asked).await {
        Ok(Ok(true)) => return Ok(Protocol::Native),
        Ok(Err(OpenError::Insecure(message))) => return Err(life::failed(Trouble::Insecure(message))),
        Ok(Err(OpenError::Certificate { message, fingerprint })) => {
            return Err(life::failed(Trouble::Certificate { message, fingerprint }));
        }
        // A server without the WebSocket protocol may speak HTTP. An absent server speaks neither.
        Ok(
            Ok(false)
            | Err(
                OpenError::Unreachable(_)
                | OpenError::Http { .. }
                | OpenError::NotAWebSocket(_)
                | OpenError::Tunnel { .. },
            ),
        )
        | Err(_) => {}
    }
    let wire = Wire::new(config)
        .map_err(|reason| Setback::new(Verdict::Pause(reason), "the configuration is not valid"))?;
    let no_token = wire.token().is_none();
    let mut worst: Option<Setback> = None;
    let mut page = false;
    for dialect in [
        Dialect::Gateway,
        Dialect::Chat,
        Dialect::Sessions,
        Dialect::SessionsList,
        Dialect::OpenAi,
    ] {
        let spec = Spec::of(dialect);
        let answer = ask(&wire, spec.health).await?;
        page |= answer.page;
        if (spec.is_health)(&answer) {
            if dialect != Dialect::Chat {
                return Ok(Protocol::Http(dialect));
            }
            // D4 and D5 have the same health; only D5 has sessions beside it.
            let sessions = ask(&wire, "/api/v1/sessions").await?;
            let is_there = sessions.json.is_some() && (sessions.is_good() || sessions.status == 403);
            return Ok(Protocol::Http(if is_there {
                Dialect::Messages
            } else {
                Dialect::Chat
            }));
        }
        match answer.status {
            // Somebody is there, and wants something before it says what it is.
            401 => return Err(life::unauthorized(no_token)),
            429 | 503 => return Err(life::refused(&answer, no_token, "any")),
            500..=599 => worst = Some(life::refused(&answer, no_token, "any")),
            _ => {}
        }
    }
    Err(worst.unwrap_or_else(|| {
        let message = if page {
            "the address leads to a web page, not to a gateway; check the address"
        } else {
            "no known gateway API answers at this address; check the address"
        };
        let reason = PauseReason::Refused {
            code: "NOT_A_GATEWAY".to_owned(),
            message: message.to_owned(),
        };
        Setback::new(Verdict::Pause(reason), message)
    }))
}

async fn ask(wire: &Wire, path: &str) -> Result<Answer, Setback> {
    wire.once(&Call::get(path)).await.map_err(life::failed)
}

#[async_trait]
impl Gateway for Detected {
    fn capabilities(&self) -> Capabilities {
        self.shared
            .found()
            .map_or(Capabilities::NONE, |found| found.gateway().capabilities())
    }

    fn state(&self) -> watch::Receiver<ConnectionState> {
        match self.direct() {
            Some(client) => client.state(),
            None => self.shared.state.subscribe(),
        }
    }

    fn events(&self) -> mpsc::Receiver<GatewayEvent> {
        if let Some(client) = self.direct() {
            return client.events();
        }
        let ready = matches!(*self.shared.state.borrow(), ConnectionState::Ready(_));
        self.shared
            .fanout
            .subscribe(ready.then_some(GatewayEvent::Connected { new_boot: false }))
    }

    async fn send(&self, prompt: Prompt) -> Result<SendAck, CallError> {
        self.found()?.gateway().send(prompt).await
    }

    async fn abort(&self, session: &SessionKey, run: Option<&RunId>) -> Result<bool, CallError> {
        self.found()?.gateway().abort(session, run).await
    }

    async fn history(&self, query: HistoryQuery) -> Result<History, CallError> {
        self.found()?.gateway().history(query).await
    }

    async fn sessions(&self, query: SessionsQuery) -> Result<SessionsPage, CallError> {
        self.found()?.gateway().sessions(query).await
    }

    async fn agents(&self) -> Result<Agents, CallError> {
        self.found()?.gateway().agents().await
    }

    async fn approvals(&self) -> Result<Vec<Approval>, CallError> {
        self.found()?.gateway().approvals().await
    }

    async fn resolve_approval(
        &self,
        id: &ApprovalId,
        kind: ApprovalKind,
        decision: Decision,
    ) -> Result<(), CallError> {
        self.found()?.gateway().resolve_approval(id, kind, decision).await
    }

    async fn ping(&self) -> Result<Duration, CallError> {
        self.found()?.gateway().ping().await
    }

    async fn call_raw(&self, method: &str, params: Value) -> Result<Value, CallError> {
        self.found()?.gateway().call_raw(method, params).await
    }

    fn reconnect(&self) {
        match self.direct() {
            Some(client) => client.reconnect(),
            None => self.shared.wake.notify_one(),
        }
    }

    async fn shutdown(&self) {
        if let Some(found) = self.shared.found() {
            found.gateway().shutdown().await;
        }
        self.shared.closed.send_replace(true);
        self.shared.state.send_replace(ConnectionState::Closed);
    }
}
