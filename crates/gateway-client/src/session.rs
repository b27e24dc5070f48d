//! The state machine of one connection. Frames, timers and commands go in; effects come out.
//!
//! Nothing here opens a socket, reads a clock or draws random numbers. The driver performs the
//! effects. Tests inspect them.

pub(crate) mod backoff;
mod calls;
mod connecting;
mod ends;
mod frames;
mod handshake;
mod liveness;
mod runs;
mod translate;
pub mod verdict;

#[cfg(test)]
mod tests;

use crate::config::{ClientConfig, Credentials, IssuedToken};
use crate::endpoint::Endpoint;
use crate::size::is_crowded;
use crate::{CallError, ConnectionState, GatewayEvent, PauseReason, Secret};
use backoff::{Backoff, LookAgain};
use clawtray_gateway_protocol::CloseCode;
use clawtray_gateway_protocol::event::{ChatEvent, ChatFrame, delta_parts, reply_parts};
use clawtray_gateway_protocol::frame::{self, Glance, Incoming};
use clawtray_gateway_protocol::handshake::CHALLENGE_EVENT;
pub use ends::Reading;
use runs::Runs;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;
pub(crate) use translate::{approval, bounded, decision_name};
use verdict::{OpenError, Verdict};

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
/// How often `ssh` is tried again that could not sign in.
const TUNNEL_LOOK: Duration = Duration::from_secs(120);
/// Time for subscriptions to be confirmed before the connection counts as usable without them.
const SUBSCRIBE_LIMIT: Duration = Duration::from_secs(10);
/// Silence of this many tick intervals ends a connection.
const SILENT_TICKS: u32 = 2;

/// Approvals that may wait at a time, and that are read from a list.
pub(crate) const APPROVALS_MAX: usize = 1_000;

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
    /// The caller no longer waits for this call.
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

/// Whether a frame is a gateway's `connect.challenge`.
pub(crate) fn is_challenge(text: &str) -> bool {
    matches!(Incoming::parse(text), Ok(Incoming::Event(event)) if event.name == CHALLENGE_EVENT)
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
    /// Large frames may be read by their ends: no gateway has laid them out otherwise so far.
    reads_ends: bool,
    show: Show,
    soon_until: Option<Duration>,
    restart_hint: Option<Duration>,
    boot_id: Option<String>,
    was_connected: bool,
    look: LookAgain,
    /// Approvals that were told and not resolved, with the time at which they lapse, in milliseconds since the epoch.
    approvals: HashMap<String, Option<i64>>,
    clocks: Option<Now>,
    effects: VecDeque<Effect>,
}

impl Session {
    /// A session that waits for [`Command::Connect`].
    #[must_use]
    pub fn new(config: ClientConfig, seed: u64) -> Self {
        // Only a gateway that took us once has issued a device token.
        let was_ready = config.was_ready || config.credentials.device_token.is_some();
        Self {
            endpoint: Endpoint::parse(&config.url, config.allow_insecure),
            look: LookAgain::new(was_ready),
            approvals: HashMap::new(),
            config,
            phase: Phase::Idle,
            pending: BTreeMap::new(),
            next_id: 0,
            runs: Runs::default(),
            backoff: Backoff::new(seed),
            reads_ends: true,
            show: Show::Usual,
            soon_until: None,
            restart_hint: None,
            boot_id: None,
            was_connected: false,
            clocks: None,
            effects: VecDeque::new(),
        }
    }

    /// A session in place of this one, which failed: the same configuration, with what was learnt since.
    pub(crate) fn successor(&self, seed: u64) -> Self {
        let mut next = Self::new(self.config.clone(), seed);
        next.look.keep(&self.look);
        next.boot_id.clone_from(&self.boot_id);
        next.was_connected = self.was_connected;
        next
    }

    pub(crate) fn use_credentials(&mut self, credentials: Credentials) {
        self.config.credentials = credentials;
        self.show = Show::Usual;
    }

    pub(crate) fn use_scopes(&mut self, scopes: Vec<String>) {
        self.config.scopes = scopes;
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
                self.use_credentials(credentials);
                self.restart(now);
            }
            Command::Scopes(scopes) => {
                self.use_scopes(scopes);
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
            let glance = frame::glance(text);
            if glance != Glance::Other && is_crowded(text) {
                tracing::debug!(bytes = text.len(), "an event with too many values");
                self.emit(GatewayEvent::Resync);
                return;
            }
            match glance {
                Glance::AgentAssistant { seq } => {
                    self.follow(seq);
                    return;
                }
                Glance::Chat => {
                    if let Some(parts) = delta_parts(text)
                        && let Ok(mut event) = serde_json::from_str::<ChatEvent<'_>>(&parts.head)
                        && let Some(whole) = self.runs.whole(&event, &parts)
                    {
                        event.whole = Some(whole);
                        self.on_chat(event, Some(parts.seq));
                        return;
                    }
                    if let Some(parts) = reply_parts(text)
                        && let Ok(mut event) = serde_json::from_str::<ChatEvent<'_>>(&parts.head)
                    {
                        event.reply = Some(parts.reply);
                        self.on_chat(event, Some(parts.seq));
                        return;
                    }
                    if let Ok(ChatFrame { payload, seq }) = serde_json::from_str::<ChatFrame<'_>>(text) {
                        self.on_chat(payload, seq);
                        return;
                    }
                }
                Glance::Large(name) => {
                    // An event that cannot be read here takes the long way, which says why.
                    if let Some((payload, seq)) = frame::payload_and_seq(text, name)
                        && let Some(event) = translate::event(&mut self.runs, name, payload)
                    {
                        if self.follow(Some(seq)) {
                            self.emit(event);
                        }
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
}
