//! What a connection does, without doing it: frames, timers and commands go in, effects come out.
//!
//! Nothing here opens a socket, reads a clock or draws entropy. The driver performs the effects; tests look at them.

mod backoff;
mod runs;
mod shallow;
mod translate;
pub mod verdict;

#[cfg(test)]
mod tests;

use crate::config::{ClientConfig, Credentials, IssuedToken, PLATFORM};
use crate::endpoint::Endpoint;
use crate::{CallError, ConnectionState, GatewayEvent, PauseReason, Secret, ServerInfo};
use backoff::Backoff;
use clawtray_gateway_protocol::event::{ChatEvent, ChatFrame, DeltaParts, delta_parts};
use clawtray_gateway_protocol::frame::{self, Event, Glance, Incoming, Response};
use clawtray_gateway_protocol::handshake::{
    CHALLENGE_EVENT, CONNECT_METHOD, Challenge, ClientInfo, ConnectAuth, ConnectDevice, ConnectParams,
    HelloOk, MAX_PROTOCOL, MIN_PROTOCOL, SignFields, sign_payload_v3,
};
use clawtray_gateway_protocol::{CloseCode, GatewayError, Scope};
use runs::Runs;
use serde_json::json;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
pub(crate) use translate::{approval, decision_name};
use verdict::{Attempt, OpenError, Verdict};

/// Time for the socket to open.
const OPEN_LIMIT: Duration = Duration::from_secs(15);
/// Time for the handshake, once it is open; the gateway's own limit is the same.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(15);
/// Time for the answer to a probe.
const PROBE_LIMIT: Duration = Duration::from_secs(5);
/// A jump of the wall clock against the monotonic one that means that the computer slept.
const SLEEP_GAP: Duration = Duration::from_secs(5);
/// How often the clocks are compared.
const CLOCK_CHECK: Duration = Duration::from_secs(15);
/// How long after a restart was announced a failure still counts as part of it.
const SOON_WINDOW: Duration = Duration::from_secs(90);
/// How often to look whether a pairing was approved, where the gateway says that waiting is right.
const PAIRING_LOOK: Duration = Duration::from_secs(10);
/// Time for subscriptions to be confirmed before the connection counts as usable without them.
const SUBSCRIBE_LIMIT: Duration = Duration::from_secs(10);
/// Silence of this many tick intervals ends a connection.
const SILENT_TICKS: u32 = 2;

/// A moment, by two clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Since some moment in the past; never jumps, may stand still while the computer sleeps.
    pub mono: Duration,
    /// Since the epoch; jumps.
    pub wall: Duration,
}

/// A call of a caller.
pub type CallId = u64;

/// What a caller wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Connect now: at the start, after a pause, or to cut a back-off short. When connected: see whether it still is so.
    Connect,
    /// Call a method.
    Call {
        /// Named again in [`Effect::Reply`].
        id: CallId,
        /// The method.
        method: String,
        /// Its parameters, as JSON.
        params: String,
        /// Time for the answer.
        timeout: Duration,
        /// The method answers twice, `accepted` first; wait for the second.
        until_final: bool,
    },
    /// Nobody waits for this call any more.
    Forget(CallId),
    /// Use these from the next attempt on, and try now.
    Credentials(Credentials),
    /// Ask for these from the next attempt on, and try now.
    Scopes(Vec<String>),
    /// Stay away until told to connect.
    Offline,
    /// Close for good.
    Shutdown,
}

/// What is to be done.
#[derive(Debug)]
pub enum Effect {
    /// Open a socket, in place of any other.
    Open,
    /// Send a text frame.
    Send(String),
    /// Close the socket, or give up opening it.
    Close {
        /// The close code.
        code: u16,
    },
    /// The state changed.
    State(ConnectionState),
    /// Tell the consumers.
    Emit(GatewayEvent),
    /// Answer a call.
    Reply {
        /// The call.
        call: CallId,
        /// The payload, or why there is none.
        result: Result<Box<RawValue>, CallError>,
    },
    /// Store a device token.
    StoreToken(IssuedToken),
    /// It is over.
    Stop,
}

/// Who waits for an answer.
#[derive(Debug, PartialEq)]
enum Waiter {
    Caller { call: CallId, until_final: bool },
    Connect,
    Subscribe,
    Probe,
}

#[derive(Debug)]
struct Pending {
    waiter: Waiter,
    deadline: Duration,
    timeout: Duration,
}

#[derive(Debug)]
enum Phase {
    Idle,
    Opening { deadline: Duration },
    Challenge { deadline: Duration },
    Hello,
    Ready(Box<Ready>),
    Backoff { until: Duration },
    Paused { look_at: Option<Duration> },
    Closed,
}

#[derive(Debug)]
struct Ready {
    tick: Duration,
    last_heard: Duration,
    last_seq: Option<u64>,
    max_payload: u64,
    /// Consumers were told, or the subscription that comes first is under way.
    announced: bool,
    new_boot: bool,
}

/// Which credential goes into `connect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Show {
    /// The shared token or password, else the device token.
    Usual,
    /// The device token, though there is a shared one that the gateway did not take.
    DeviceToken,
}

/// One connection's mind.
#[derive(Debug)]
pub struct Session {
    config: ClientConfig,
    endpoint: Result<Endpoint, PauseReason>,
    phase: Phase,
    pending: BTreeMap<u64, Pending>,
    next_id: u64,
    runs: Runs,
    backoff: Backoff,
    show: Show,
    soon_until: Option<Duration>,
    restart_hint: Option<Duration>,
    boot_id: Option<String>,
    was_connected: bool,
    clocks: Option<Now>,
    effects: VecDeque<Effect>,
}

impl Session {
    /// A session that waits for [`Command::Connect`].
    #[must_use]
    pub fn new(config: ClientConfig, seed: u64) -> Self {
        Self {
            endpoint: Endpoint::parse(&config.url, config.allow_insecure),
            config,
            phase: Phase::Idle,
            pending: BTreeMap::new(),
            next_id: 0,
            runs: Runs::default(),
            backoff: Backoff::new(seed),
            show: Show::Usual,
            soon_until: None,
            restart_hint: None,
            boot_id: None,
            was_connected: false,
            clocks: None,
            effects: VecDeque::new(),
        }
    }

    /// The gateway's address, when it is one.
    #[must_use]
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.as_ref().ok()
    }

    /// Headers for the upgrade request.
    pub(crate) fn headers(&self) -> &[(String, Secret)] {
        &self.config.headers
    }

    /// Calls that wait for an answer, our own included.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The next thing to do.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Self::on_timer`] wants to be called, by the monotonic clock.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let phase = match &self.phase {
            Phase::Idle | Phase::Hello | Phase::Closed => None,
            Phase::Opening { deadline } | Phase::Challenge { deadline } => Some(*deadline),
            Phase::Ready(ready) => Some(ready.last_heard + ready.tick * SILENT_TICKS),
            Phase::Backoff { until } => Some(*until),
            Phase::Paused { look_at } => *look_at,
        };
        let check = match self.phase {
            Phase::Ready(_) | Phase::Backoff { .. } => self.clocks.map(|at| at.mono + CLOCK_CHECK),
            Phase::Idle
            | Phase::Opening { .. }
            | Phase::Challenge { .. }
            | Phase::Hello
            | Phase::Paused { .. }
            | Phase::Closed => None,
        };
        let pending = self.pending.values().map(|pending| pending.deadline).min();
        [phase, check, pending].into_iter().flatten().min()
    }

    /// A caller wants something.
    pub fn on_command(&mut self, now: Now, command: Command) {
        self.compare_clocks(now);
        match command {
            Command::Connect => self.connect(now),
            Command::Call {
                id,
                method,
                params,
                timeout,
                until_final,
            } => {
                self.call(now, id, &method, &params, timeout, until_final);
            }
            Command::Forget(call) => {
                self.pending.retain(
                    |_, pending| !matches!(pending.waiter, Waiter::Caller { call: c, .. } if c == call),
                );
            }
            Command::Credentials(credentials) => {
                self.config.credentials = credentials;
                self.show = Show::Usual;
                self.restart(now);
            }
            Command::Scopes(scopes) => {
                self.config.scopes = scopes;
                self.restart(now);
            }
            Command::Offline => {
                self.drop_socket(1000);
                self.fail_pending();
                self.pause(PauseReason::UserOffline, None);
            }
            Command::Shutdown => {
                if matches!(self.phase, Phase::Closed) {
                    return;
                }
                self.drop_socket(1000);
                self.fail_pending();
                self.phase = Phase::Closed;
                self.effects.push_back(Effect::State(ConnectionState::Closed));
                self.effects.push_back(Effect::Stop);
            }
        }
    }

    /// The socket is open.
    pub fn on_opened(&mut self, now: Now) {
        if matches!(self.phase, Phase::Opening { .. }) {
            self.phase = Phase::Challenge {
                deadline: now.mono + HANDSHAKE_LIMIT,
            };
            self.effects
                .push_back(Effect::State(ConnectionState::Handshaking));
        }
    }

    /// The socket could not be opened.
    pub fn on_open_failed(&mut self, now: Now, error: &OpenError) {
        if matches!(self.phase, Phase::Opening { .. }) {
            let verdict = verdict::not_opened(error);
            self.act(now, verdict, verdict::sentence(error));
        }
    }

    /// The socket was closed, by a close frame or without one.
    pub fn on_closed(&mut self, now: Now, close: Option<(u16, String)>) {
        let was_ready = matches!(self.phase, Phase::Ready(_));
        let connected = was_ready || matches!(self.phase, Phase::Challenge { .. } | Phase::Hello);
        if !connected {
            return;
        }
        let (code, reason) = close.map_or((1006, String::new()), |(code, reason)| (code, reason));
        let code = CloseCode::from(code);
        let verdict = verdict::closed(code, &reason, was_ready);
        let sentence = match code {
            CloseCode::ServiceRestart => "the gateway is restarting".to_owned(),
            CloseCode::TryAgainLater => "the gateway is starting".to_owned(),
            CloseCode::Normal
            | CloseCode::Protocol
            | CloseCode::Abnormal
            | CloseCode::Policy
            | CloseCode::TooBig
            | CloseCode::TickTimeout
            | CloseCode::AccessChanged
            | CloseCode::Other(_) => {
                if reason.is_empty() {
                    "the connection was lost".to_owned()
                } else {
                    format!("the gateway closed the connection: {reason}")
                }
            }
        };
        self.fail_pending();
        self.act(now, verdict, sentence);
    }

    /// Something that is not text arrived: proof of life.
    pub fn on_heard(&mut self, now: Now) {
        if let Phase::Ready(ready) = &mut self.phase {
            ready.last_heard = now.mono;
        }
    }

    /// A text frame arrived.
    pub fn on_text(&mut self, now: Now, text: &str) {
        self.on_heard(now);
        if matches!(self.phase, Phase::Ready(_)) {
            match frame::glance(text) {
                Glance::AgentAssistant { seq } => {
                    self.follow(seq);
                    return;
                }
                Glance::Chat => {
                    if let Some(DeltaParts { head, whole, seq }) = delta_parts(text)
                        && let Ok(mut event) = serde_json::from_str::<ChatEvent<'_>>(&head)
                    {
                        event.whole = Some(whole);
                        self.on_chat(&event, Some(seq));
                        return;
                    }
                    if let Ok(ChatFrame { payload, seq }) = serde_json::from_str::<ChatFrame<'_>>(text) {
                        self.on_chat(&payload, seq);
                        return;
                    }
                }
                Glance::Other => {}
            }
        }
        match Incoming::parse(text) {
            Ok(Incoming::Response(response)) => self.on_response(now, response),
            Ok(Incoming::Event(event)) => self.on_event(now, &event),
            Ok(Incoming::Unknown) => {}
            Err(error) => tracing::debug!(line = error.line(), column = error.column(), "unreadable frame"),
        }
    }

    /// Time went by.
    pub fn on_timer(&mut self, now: Now) {
        if self.compare_clocks(now) {
            return;
        }
        self.expire_calls(now);
        match &self.phase {
            Phase::Opening { deadline } if *deadline <= now.mono => {
                self.drop_socket(1000);
                let verdict = Verdict::Retry { after: None };
                self.act(now, verdict, "the gateway does not answer".to_owned());
            }
            Phase::Challenge { deadline } if *deadline <= now.mono => self.handshake_timed_out(now),
            Phase::Ready(ready) if ready.last_heard + ready.tick * SILENT_TICKS <= now.mono => {
                self.silent(now)
            }
            Phase::Backoff { until } if *until <= now.mono => self.open(now),
            Phase::Paused { look_at: Some(at) } if *at <= now.mono => self.open(now),
            Phase::Idle
            | Phase::Opening { .. }
            | Phase::Challenge { .. }
            | Phase::Hello
            | Phase::Ready(_)
            | Phase::Backoff { .. }
            | Phase::Paused { .. }
            | Phase::Closed => {}
        }
    }

    // ---- connecting

    fn connect(&mut self, now: Now) {
        match self.phase {
            Phase::Idle | Phase::Backoff { .. } | Phase::Paused { .. } => self.open(now),
            Phase::Ready(_) => self.probe(now),
            Phase::Opening { .. } | Phase::Challenge { .. } | Phase::Hello | Phase::Closed => {}
        }
    }

    /// Begins anew, with what was just changed.
    fn restart(&mut self, now: Now) {
        match self.phase {
            Phase::Closed | Phase::Idle => {}
            Phase::Opening { .. }
            | Phase::Challenge { .. }
            | Phase::Hello
            | Phase::Ready(_)
            | Phase::Backoff { .. }
            | Phase::Paused { .. } => {
                self.drop_socket(1000);
                self.fail_pending();
                self.open(now);
            }
        }
    }

    fn open(&mut self, now: Now) {
        self.clocks = Some(now);
        if let Err(reason) = &self.endpoint {
            let reason = reason.clone();
            self.pause(reason, None);
            return;
        }
        self.phase = Phase::Opening {
            deadline: now.mono + OPEN_LIMIT,
        };
        self.effects.push_back(Effect::State(ConnectionState::Connecting));
        self.effects.push_back(Effect::Open);
    }

    /// Closes the socket if there is one.
    fn drop_socket(&mut self, code: u16) {
        let open = matches!(
            self.phase,
            Phase::Opening { .. } | Phase::Challenge { .. } | Phase::Hello | Phase::Ready(_)
        );
        if open {
            self.effects.push_back(Effect::Close { code });
        }
    }

    fn pause(&mut self, reason: PauseReason, look_at: Option<Duration>) {
        self.phase = Phase::Paused { look_at };
        self.effects
            .push_back(Effect::State(ConnectionState::Paused(reason)));
    }

    fn act(&mut self, now: Now, verdict: Verdict, error: String) {
        // During a restart the port is refused, the proxy answers 502, and so on: all of it is part of coming back.
        let coming_back = self.soon_until.is_some_and(|until| now.mono < until);
        match verdict {
            Verdict::Pause(reason) => self.pause(reason, None),
            Verdict::PauseAndLook(reason) => self.pause(reason, Some(now.mono + PAIRING_LOOK)),
            Verdict::Retry { after } if !coming_back => {
                let delay = self.backoff.next(after);
                self.wait(now, delay, false, error);
            }
            Verdict::Retry { after } | Verdict::SoonBack { after } => {
                self.soon_until.get_or_insert(now.mono + SOON_WINDOW);
                let after = after.or(self.restart_hint.take());
                let delay = self.backoff.soon(after);
                self.wait(now, delay, true, error);
            }
            Verdict::RetryWithDeviceToken => {
                self.show = Show::DeviceToken;
                self.open(now);
            }
        }
    }

    fn wait(&mut self, now: Now, delay: Duration, soon_back: bool, error: String) {
        self.clocks = Some(now);
        self.phase = Phase::Backoff {
            until: now.mono + delay,
        };
        let attempt = self.backoff.attempts();
        self.effects.push_back(Effect::State(ConnectionState::Backoff {
            attempt,
            delay,
            soon_back,
            error,
        }));
    }

    // ---- handshake

    fn handshake_timed_out(&mut self, now: Now) {
        self.drop_socket(1000);
        self.act(
            now,
            Verdict::Retry { after: None },
            "the gateway did not complete the handshake".to_owned(),
        );
    }

    fn on_challenge(&mut self, now: Now, deadline: Duration, payload: Option<&RawValue>) {
        let challenge = payload.and_then(|payload| serde_json::from_str::<Challenge>(payload.get()).ok());
        let Some(challenge) = challenge else {
            self.drop_socket(1002);
            let message = "the challenge could not be read; is this an OpenClaw gateway?".to_owned();
            self.pause(
                PauseReason::Refused {
                    code: "BAD_CHALLENGE".to_owned(),
                    message,
                },
                None,
            );
            return;
        };
        let text = self.connect_request(&challenge);
        let id = self.next_id;
        self.pending.insert(
            id,
            Pending {
                waiter: Waiter::Connect,
                deadline,
                timeout: deadline.saturating_sub(now.mono),
            },
        );
        self.phase = Phase::Hello;
        match text {
            Ok(text) => self.effects.push_back(Effect::Send(text)),
            Err(error) => tracing::error!(%error, "the handshake could not be written"),
        }
    }

    fn connect_request(&mut self, challenge: &Challenge) -> Result<String, serde_json::Error> {
        self.next_id += 1;
        let id = self.next_id.to_string();
        let config = &self.config;
        let given = |secret: &'_ Option<Secret>| secret.as_ref().filter(|secret| !secret.is_empty()).cloned();
        let token = given(&config.credentials.token).filter(|_| self.show == Show::Usual);
        let password = given(&config.credentials.password).filter(|_| self.show == Show::Usual);
        let device_token =
            given(&config.credentials.device_token).filter(|_| token.is_none() && password.is_none());
        let signed = token
            .as_ref()
            .or(device_token.as_ref())
            .map_or("", Secret::expose);
        let (client_id, mode, role) = ("gateway-client", "ui", "operator");
        let device = config.identity.as_ref().map(|identity| ConnectDevice {
            id: identity.id().clone(),
            public_key: identity.public_key(),
            signature: identity.sign(&sign_payload_v3(&SignFields {
                device_id: identity.id().as_str(),
                client_id,
                client_mode: mode,
                role,
                scopes: &config.scopes,
                signed_at_ms: challenge.ts,
                token: signed,
                nonce: &challenge.nonce,
                platform: PLATFORM,
                device_family: "",
            })),
            signed_at: challenge.ts,
            nonce: challenge.nonce.clone(),
        });
        let auth = (token.is_some() || password.is_some() || device_token.is_some()).then(|| ConnectAuth {
            token: token.as_ref().map(Secret::expose),
            password: password.as_ref().map(Secret::expose),
            device_token: device_token.as_ref().map(Secret::expose),
        });
        let params = ConnectParams {
            min_protocol: MIN_PROTOCOL,
            max_protocol: MAX_PROTOCOL,
            client: ClientInfo {
                id: client_id,
                display_name: &config.display_name,
                version: env!("CARGO_PKG_VERSION"),
                platform: PLATFORM,
                mode,
                instance_id: config.instance_id.as_deref(),
            },
            role,
            scopes: &config.scopes,
            caps: &config.caps,
            locale: config.locale.as_deref(),
            user_agent: Some(concat!("clawtray/", env!("CARGO_PKG_VERSION"))),
            auth,
            device,
        };
        frame::request(&id, CONNECT_METHOD, &params)
    }

    fn on_refused(&mut self, now: Now, error: &GatewayError) {
        let credentials = &self.config.credentials;
        let trusted = self.endpoint().is_some_and(|endpoint| {
            endpoint.is_loopback() || (endpoint.is_tls() && self.config.pinned_certificate_sha256.is_some())
        });
        let shown_shared =
            self.show == Show::Usual && (credentials.token.is_some() || credentials.password.is_some());
        let attempt = Attempt {
            device_token_left: trusted && shown_shared && credentials.device_token.is_some(),
        };
        let verdict = verdict::refused(error, attempt);
        self.drop_socket(1000);
        self.act(now, verdict, error.message.clone());
    }

    fn on_hello(&mut self, now: Now, payload: Option<&RawValue>) {
        let hello = match serde_json::from_str::<HelloOk>(payload.map_or("null", RawValue::get)) {
            Ok(hello) => hello,
            Err(error) => {
                tracing::debug!(
                    line = error.line(),
                    column = error.column(),
                    "unreadable hello-ok"
                );
                self.drop_socket(1002);
                let message = "the gateway's greeting could not be read".to_owned();
                self.pause(
                    PauseReason::Refused {
                        code: "BAD_HELLO".to_owned(),
                        message,
                    },
                    None,
                );
                return;
            }
        };
        if !(MIN_PROTOCOL..=MAX_PROTOCOL).contains(&hello.protocol) {
            self.drop_socket(1002);
            self.pause(
                PauseReason::ProtocolMismatch {
                    expected: Some(hello.protocol),
                },
                None,
            );
            return;
        }
        self.backoff.reset();
        self.soon_until = None;
        self.restart_hint = None;
        self.keep_token(&hello);
        let new_boot = self.was_connected && self.boot_id != hello.server.boot_id;
        if new_boot {
            self.runs.clear();
        }
        self.was_connected = true;
        self.boot_id.clone_from(&hello.server.boot_id);
        let subscribe = self.config.subscribe_sessions && Scope::Read.is_in(&hello.auth.scopes);
        let tick_ms = hello.policy.tick_interval_ms.clamp(1_000, 600_000);
        self.phase = Phase::Ready(Box::new(Ready {
            tick: Duration::from_millis(tick_ms),
            last_heard: now.mono,
            last_seq: None,
            max_payload: hello.policy.max_payload,
            announced: false,
            new_boot,
        }));
        self.clocks = Some(now);
        self.effects
            .push_back(Effect::State(ConnectionState::Ready(Box::new(info(hello)))));
        if subscribe {
            self.request(
                now,
                Waiter::Subscribe,
                "sessions.subscribe",
                &json!({}),
                SUBSCRIBE_LIMIT,
            );
        } else {
            self.announce();
        }
    }

    /// A token that is new goes to storage, and into the next attempt.
    fn keep_token(&mut self, hello: &HelloOk) {
        let Some(token) = hello
            .auth
            .device_token
            .as_deref()
            .filter(|token| !token.is_empty())
        else {
            return;
        };
        let token = Secret::new(token);
        if self.config.credentials.device_token.as_ref() == Some(&token) {
            return;
        }
        self.config.credentials.device_token = Some(token.clone());
        self.effects.push_back(Effect::StoreToken(IssuedToken {
            token,
            role: hello.auth.role.clone().unwrap_or_else(|| "operator".to_owned()),
            scopes: hello.auth.scopes.clone(),
        }));
    }

    fn announce(&mut self) {
        if let Phase::Ready(ready) = &mut self.phase
            && !ready.announced
        {
            ready.announced = true;
            let new_boot = ready.new_boot;
            self.emit(GatewayEvent::Connected { new_boot });
        }
    }

    // ---- frames

    fn on_chat(&mut self, event: &ChatEvent<'_>, seq: Option<u64>) {
        if self.follow(seq)
            && let Some(event) = self.runs.chat(event)
        {
            self.emit(GatewayEvent::Run(event));
        }
    }

    fn on_event(&mut self, now: Now, event: &Event<'_>) {
        match self.phase {
            Phase::Challenge { deadline } if event.name == CHALLENGE_EVENT => {
                self.on_challenge(now, deadline, event.payload);
            }
            Phase::Ready(_) => {
                if !self.follow(event.seq) {
                    return;
                }
                let Some(event) = translate::event(&mut self.runs, &event.name, event.payload) else {
                    return;
                };
                if let GatewayEvent::Shutdown {
                    restart_expected: Some(expected),
                    ..
                } = &event
                {
                    self.restart_hint = Some(*expected);
                    self.soon_until = Some(now.mono + SOON_WINDOW);
                }
                self.emit(event);
            }
            Phase::Idle
            | Phase::Opening { .. }
            | Phase::Challenge { .. }
            | Phase::Hello
            | Phase::Backoff { .. }
            | Phase::Paused { .. }
            | Phase::Closed => {}
        }
    }

    /// Keeps up with the numbers of a connection's events. False for a repetition. A gap means that the gateway left
    /// events out because we were slow: what consumers show may be stale.
    fn follow(&mut self, seq: Option<u64>) -> bool {
        let (Phase::Ready(ready), Some(seq)) = (&mut self.phase, seq) else {
            return true;
        };
        let gap = match ready.last_seq {
            Some(last) if seq <= last => return false,
            Some(last) => seq > last + 1,
            None => false,
        };
        ready.last_seq = Some(seq);
        if gap {
            self.emit(GatewayEvent::Resync);
        }
        true
    }

    fn on_response(&mut self, now: Now, response: Response<'_>) {
        let Ok(id) = response.id.parse::<u64>() else {
            // The gateway answers a frame it could not read with the id `invalid`; the call's own deadline ends it.
            tracing::debug!(known = false, "an answer to no request");
            return;
        };
        let Some(pending) = self.pending.get(&id) else {
            tracing::trace!(id, "a late answer");
            return;
        };
        if let Waiter::Caller {
            until_final: true, ..
        } = pending.waiter
            && let Ok(Some(payload)) = &response.result
            && is_interim(payload)
        {
            return;
        }
        let Some(pending) = self.pending.remove(&id) else {
            return;
        };
        match (pending.waiter, response.result) {
            (Waiter::Caller { call, .. }, result) => {
                let result = match result {
                    Ok(payload) => Ok(payload.map_or_else(null, ToOwned::to_owned)),
                    Err(error) => Err(CallError::Gateway(*error)),
                };
                self.effects.push_back(Effect::Reply { call, result });
            }
            (Waiter::Connect, Ok(payload)) => self.on_hello(now, payload),
            (Waiter::Connect, Err(error)) => self.on_refused(now, &error),
            (Waiter::Subscribe, result) => {
                if let Err(error) = result {
                    tracing::warn!(code = error.code, "no subscription to sessions");
                }
                self.announce();
            }
            (Waiter::Probe, _) => {}
        }
    }

    fn emit(&mut self, event: GatewayEvent) {
        self.effects.push_back(Effect::Emit(event));
    }

    // ---- calls

    fn call(
        &mut self,
        now: Now,
        call: CallId,
        method: &str,
        params: &str,
        timeout: Duration,
        until_final: bool,
    ) {
        let error = match &self.phase {
            Phase::Ready(ready) => {
                let limit = ready.max_payload;
                let id = self.next_id + 1;
                let text = raw_request(id, method, params);
                let size = text.len() as u64;
                if size <= limit {
                    self.next_id = id;
                    let deadline = now.mono.saturating_add(timeout);
                    let waiter = Waiter::Caller { call, until_final };
                    self.pending.insert(
                        id,
                        Pending {
                            waiter,
                            deadline,
                            timeout,
                        },
                    );
                    self.effects.push_back(Effect::Send(text));
                    return;
                }
                CallError::TooLarge { size, limit }
            }
            Phase::Idle
            | Phase::Opening { .. }
            | Phase::Challenge { .. }
            | Phase::Hello
            | Phase::Backoff { .. }
            | Phase::Paused { .. }
            | Phase::Closed => CallError::NotConnected,
        };
        self.effects.push_back(Effect::Reply {
            call,
            result: Err(error),
        });
    }

    fn request(
        &mut self,
        now: Now,
        waiter: Waiter,
        method: &str,
        params: &serde_json::Value,
        timeout: Duration,
    ) {
        self.next_id += 1;
        let id = self.next_id;
        self.pending.insert(
            id,
            Pending {
                waiter,
                deadline: now.mono + timeout,
                timeout,
            },
        );
        self.effects
            .push_back(Effect::Send(raw_request(id, method, &params.to_string())));
    }

    fn expire_calls(&mut self, now: Now) {
        let expired: Vec<u64> = self
            .pending
            .iter()
            .filter(|(_, p)| p.deadline <= now.mono)
            .map(|(id, _)| *id)
            .collect();
        for id in expired {
            let Some(pending) = self.pending.remove(&id) else {
                continue;
            };
            match pending.waiter {
                Waiter::Caller { call, .. } => {
                    let result = Err(CallError::Timeout(pending.timeout));
                    self.effects.push_back(Effect::Reply { call, result });
                }
                Waiter::Connect => self.handshake_timed_out(now),
                Waiter::Subscribe => self.announce(),
                Waiter::Probe => self.silent(now),
            }
        }
    }

    fn fail_pending(&mut self) {
        for pending in std::mem::take(&mut self.pending).into_values() {
            if let Waiter::Caller { call, .. } = pending.waiter {
                let result = Err(CallError::Disconnected { written: true });
                self.effects.push_back(Effect::Reply { call, result });
            }
        }
    }

    // ---- liveness

    /// No sign of life: begin anew.
    fn silent(&mut self, now: Now) {
        if !matches!(self.phase, Phase::Ready(_)) {
            return;
        }
        self.drop_socket(4000);
        self.fail_pending();
        self.act(
            now,
            Verdict::Retry { after: None },
            "the gateway fell silent".to_owned(),
        );
    }

    /// Asks for a sign of life.
    fn probe(&mut self, now: Now) {
        if !self
            .pending
            .values()
            .any(|pending| pending.waiter == Waiter::Probe)
        {
            self.request(now, Waiter::Probe, "health", &json!({}), PROBE_LIMIT);
        }
    }

    /// Notices that the computer slept: the wall clock went on while the monotonic one stood still, or both went past
    /// a timer by far. True when it did and something was done about it.
    fn compare_clocks(&mut self, now: Now) -> bool {
        let Some(before) = self.clocks.replace(now) else {
            return false;
        };
        let mono = now.mono.saturating_sub(before.mono);
        let wall = now.wall.saturating_sub(before.wall);
        let slept = wall.saturating_sub(mono) >= SLEEP_GAP || mono >= CLOCK_CHECK + SLEEP_GAP * 3;
        if !slept {
            return false;
        }
        match &mut self.phase {
            Phase::Ready(ready) => {
                // Silence while asleep says nothing; the probe will.
                ready.last_heard = now.mono;
                self.probe(now);
                true
            }
            Phase::Backoff { .. } => {
                self.open(now);
                true
            }
            Phase::Idle
            | Phase::Opening { .. }
            | Phase::Challenge { .. }
            | Phase::Hello
            | Phase::Paused { .. }
            | Phase::Closed => false,
        }
    }
}

/// The first of two answers.
fn is_interim(payload: &RawValue) -> bool {
    #[derive(serde::Deserialize)]
    struct Status<'a> {
        #[serde(borrow, default)]
        status: std::borrow::Cow<'a, str>,
    }
    serde_json::from_str::<Status<'_>>(payload.get()).is_ok_and(|payload| payload.status == "accepted")
}

/// A request whose parameters are JSON text already.
fn raw_request(id: u64, method: &str, params: &str) -> String {
    let method = serde_json::Value::from(method);
    format!(r#"{{"type":"req","id":"{id}","method":{method},"params":{params}}}"#)
}

fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

fn info(hello: HelloOk) -> ServerInfo {
    let attachments = hello.policy.attachments;
    ServerInfo {
        version: hello.server.version,
        protocol: hello.protocol,
        scopes: hello.auth.scopes,
        methods: hello.features.methods,
        main_session_key: hello.snapshot.session_defaults.main_session_key,
        default_agent_id: hello.snapshot.session_defaults.default_agent_id,
        max_payload_bytes: hello.policy.max_payload,
        max_attachment_bytes: attachments.and_then(|policy| policy.max_bytes),
        max_image_bytes: attachments.and_then(|policy| policy.max_image_bytes),
        boot_id: hello.server.boot_id,
    }
}
