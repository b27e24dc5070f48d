//! One gateway profile and its connection.

use super::keychain::{self, Found, Read};
use super::{App, Then, Timer, shelf::Told};
use crate::api::{ConnectionView, QuestionView};
use crate::connection;
use crate::gateway::{Agents, Approval, ConnectionState, Gateway, GatewayEvent};
use crate::notify_policy::Burst;
use crate::ports::{ConnectRequest, SecretError};
use crate::sessions::Sessions;
use crate::transcript::Transcript;
use crate::words::Language;
use clawtray_gateway_protocol::SessionKey;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// After this time without a connection, the user is notified.
const DOWN_AFTER: Duration = Duration::from_secs(30);

/// Something from a connection.
pub(super) struct LinkEvent {
    pub(super) profile: String,
    pub(super) generation: u64,
    pub(super) what: What,
}

pub(super) enum What {
    State(ConnectionState),
    Event(Box<GatewayEvent>),
}

/// An active run, wherever it was started.
#[derive(Clone, Debug, Default)]
pub(super) struct LiveRun {
    pub(super) session: String,
    pub(super) text: String,
    /// Something in the session was unread when the run began.
    pub(super) had_unread: bool,
}

/// An approval that waits.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) approval: Approval,
    pub(super) resolving: bool,
}

/// A profile's connection and everything known through it.
pub(super) struct Link {
    pub(super) generation: u64,
    pub(super) gateway: Option<Arc<dyn Gateway>>,
    pub(super) state: ConnectionState,
    pub(super) since_ms: i64,
    pub(super) keychain: Option<SecretError>,
    pub(super) sessions: Sessions,
    pub(super) sessions_loaded: bool,
    pub(super) agents: Agents,
    pub(super) approvals: BTreeMap<String, Waiting>,
    pub(super) questions: BTreeMap<String, QuestionView>,
    pub(super) listings: super::needs::Listings,
    /// Which approvals and questions are told one by one.
    pub(super) burst: Burst,
    /// When one notification was last told for many of them, in milliseconds since the epoch.
    pub(super) needs_told_ms: i64,
    pub(super) latency_ms: Option<u32>,
    pub(super) runs: HashMap<String, LiveRun>,
    /// Sessions whose newest prompt is the gateway's own.
    pub(super) woken: HashSet<String>,
    /// Sessions whose newest reply says nothing, with nothing unread before it.
    pub(super) silent: HashSet<String>,
    pub(super) transcripts: BTreeMap<String, Transcript>,
    pub(super) down_told: bool,
    /// This device was connected to the gateway before, or its certificate was trusted.
    pub(super) was_ready: bool,
    pub(super) told: Told,
    /// Replies found after a gap, not told yet.
    pub(super) missed: Vec<super::missed::Missed>,
    /// Messages that windows wait to scroll to.
    pub(super) reveals: Vec<super::history::Reveal>,
    /// Sessions whose newest messages are still to be kept here, the next one last.
    pub(super) backfill: Vec<String>,
}

impl Link {
    fn new(generation: u64, told: Told, language: Language, now_ms: i64) -> Self {
        Self {
            generation,
            gateway: None,
            state: ConnectionState::Idle,
            since_ms: now_ms,
            keychain: None,
            sessions: Sessions::speaking(language),
            sessions_loaded: false,
            agents: Agents::default(),
            approvals: BTreeMap::new(),
            questions: BTreeMap::new(),
            listings: super::needs::Listings::default(),
            burst: Burst::default(),
            needs_told_ms: i64::MIN,
            latency_ms: None,
            runs: HashMap::new(),
            woken: HashSet::new(),
            silent: HashSet::new(),
            transcripts: BTreeMap::new(),
            down_told: false,
            was_ready: false,
            told,
            missed: Vec::new(),
            reveals: Vec::new(),
            backfill: Vec::new(),
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.state, ConnectionState::Ready(_))
    }

    /// The connection, when requests make sense now.
    pub(super) fn ready(&self) -> Option<Arc<dyn Gateway>> {
        self.gateway.clone().filter(|_| self.is_ready())
    }

    pub(super) fn view(&self, name: &str, language: Language) -> ConnectionView {
        let facts = connection::Facts {
            gateway: name.to_owned(),
            capabilities: self.gateway.as_ref().map(|gateway| gateway.capabilities()),
            latency_ms: self.latency_ms,
            since_ms: self.since_ms,
            was_ready: self.was_ready,
            keychain: self.keychain.clone(),
            language,
        };
        connection::view(&self.state, &facts)
    }

    /// The session that prompts go to when nothing else was chosen.
    pub(super) fn main_session(&self) -> Option<SessionKey> {
        let ConnectionState::Ready(info) = &self.state else {
            return None;
        };
        info.main_session_key.clone().or_else(|| {
            let native = self
                .gateway
                .as_ref()
                .is_some_and(|gateway| gateway.capabilities().native);
            match (native, &info.default_agent_id) {
                (true, Some(agent)) => Some(SessionKey(format!("agent:{agent}:main"))),
                (true, None) => Some("agent:main:main".into()),
                (false, _) => None,
            }
        })
    }
}

impl App {
    /// Opens the connection of a profile, closing the one before.
    pub(super) fn connect(&mut self, id: &str) {
        let Some(profile) = self.profiles.get(id).cloned() else {
            return;
        };
        self.generation += 1;
        let generation = self.generation;
        let now_ms = self.now_ms();
        let language = self.language();
        let told = self.shelf.told(id);
        if !self.links.contains_key(id) {
            self.show_stored_sessions(id);
        }
        let link = self
            .links
            .entry(id.to_owned())
            .or_insert_with(|| Link::new(generation, told, language, now_ms));
        link.generation = generation;
        link.state = ConnectionState::Connecting;
        link.since_ms = now_ms;
        link.keychain = None;
        // Sessions that are kept here came from it.
        link.was_ready |= profile.certificate.is_some() || link.sessions.rows().next().is_some();
        let was_ready = link.was_ready;
        if let Some(old) = link.gateway.take() {
            self.spawn(async move {
                old.shutdown().await;
                Box::new(|_: &mut Self| {}) as Then
            });
        }
        self.publisher.connection_dirty();
        let connector = Arc::clone(&self.ports.connector);
        let store = Arc::clone(&self.ports.secrets);
        let issued = self.issued.0.clone();
        let kept = self.kept_for_session(&profile);
        let known = self.known.get(id).cloned();
        self.timers.remove(&Timer::Keychain(id.to_owned()));
        let poll_every = crate::settings::poll_every(self.settings.get());
        let (id, data) = (id.to_owned(), self.data.clone());
        self.spawn(async move {
            let mut profile = profile;
            let secrets = match kept {
                Some(secrets) => Ok(Read {
                    secrets,
                    found: Found::ForSession,
                }),
                None => keychain::read(&*store, &profile, &data, known).await,
            };
            let Read { mut secrets, found } = match secrets {
                Ok(read) => read,
                Err(error) => {
                    return Box::new(move |app: &mut Self| app.on_keychain(&id, generation, error)) as Then;
                }
            };
            let known = secrets.clone();
            if profile.embedded {
                match connector.start_embedded().await {
                    Ok((url, token)) => {
                        profile.url = url;
                        secrets.token = Some(token);
                    }
                    Err(reason) => {
                        tracing::warn!(%reason, "the built-in gateway did not start");
                        return Box::new(move |app: &mut Self| app.on_embedded_failed(&id, generation))
                            as Then;
                    }
                }
            }
            // Only a gateway that took this device has issued a token for it.
            let was_ready = was_ready || secrets.device_token.is_some();
            let gateway = connector
                .connect(ConnectRequest {
                    profile: id.clone(),
                    protocol: profile.protocol(),
                    poll_every,
                    webhook: profile.webhook_port.zip(secrets.webhook),
                    url: profile.url,
                    token: secrets.token,
                    device_token: secrets.device_token,
                    device_key: secrets.device_key,
                    pinned_certificate: profile.certificate,
                    was_ready,
                    full_control: profile.full_control,
                    issued,
                })
                .await;
            Box::new(move |app: &mut Self| {
                app.on_secrets(&id, known, found);
                app.on_linked(&id, generation, gateway, was_ready);
            }) as Then
        });
    }

    fn on_linked(&mut self, id: &str, generation: u64, gateway: Arc<dyn Gateway>, was_ready: bool) {
        let current = self
            .links
            .get_mut(id)
            .filter(|link| link.generation == generation);
        let Some(link) = current else {
            self.spawn(async move {
                gateway.shutdown().await;
                Box::new(|_: &mut Self| {}) as Then
            });
            return;
        };
        self.streams.push(listen(id.to_owned(), generation, &gateway));
        link.was_ready |= was_ready;
        link.gateway = Some(Arc::clone(&gateway));
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.gateways.insert(id.to_owned(), gateway);
        drop(shared);
        self.publisher.connection_dirty();
    }

    fn on_embedded_failed(&mut self, id: &str, generation: u64) {
        let now_ms = self.now_ms();
        let Some(link) = self
            .links
            .get_mut(id)
            .filter(|link| link.generation == generation)
        else {
            return;
        };
        link.state = ConnectionState::Paused(crate::gateway::PauseReason::Refused {
            code: "embedded-failed".to_owned(),
            message: "the built-in gateway did not start".to_owned(),
        });
        link.since_ms = now_ms;
        self.publisher.connection_dirty();
    }

    pub(super) fn on_link_event(&mut self, event: LinkEvent) {
        let LinkEvent {
            profile,
            generation,
            what,
        } = event;
        if self
            .links
            .get(&profile)
            .is_none_or(|link| link.generation != generation)
        {
            return;
        }
        match what {
            What::State(state) => self.on_state(&profile, state),
            What::Event(event) => self.on_gateway_event(&profile, *event),
        }
    }

    fn on_state(&mut self, id: &str, state: ConnectionState) {
        let now_ms = self.now_ms();
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let was_ready = link.is_ready();
        if link.state == state {
            return;
        }
        let pairing = matches!(
            state,
            ConnectionState::Paused(crate::gateway::PauseReason::PairingPending { .. })
        );
        let refused = matches!(
            state,
            ConnectionState::Paused(crate::gateway::PauseReason::AuthRequired { .. })
        );
        link.state = state;
        link.since_ms = now_ms;
        let is_ready = link.is_ready();
        link.was_ready |= is_ready;
        if is_ready && !was_ready {
            let back = std::mem::take(&mut link.down_told);
            self.timers.remove(&Timer::Down(id.to_owned()));
            // `Connected` follows when the subscriptions stand; where it was sent before anybody listened, this is it.
            self.after(Timer::Resync(id.to_owned()), Duration::from_millis(300));
            if back {
                self.tell(id, crate::notify_policy::OccasionKind::GatewayBack);
            }
            self.settle_targets(id);
        } else if was_ready && !is_ready {
            link.latency_ms = None;
            link.runs.clear();
            self.after_once(Timer::Down(id.to_owned()), DOWN_AFTER);
            self.publisher.dirty.sessions = true;
        }
        if is_ready {
            self.spare_tokens.remove(id);
        } else if refused {
            self.try_spare_token(id);
        }
        if pairing {
            self.tell(id, crate::notify_policy::OccasionKind::Pairing { device: None });
        }
        self.publisher.connection_dirty();
    }

    pub(super) fn on_down_for_long(&mut self, id: &str) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        if link.is_ready() || link.down_told {
            return;
        }
        link.down_told = true;
        self.tell(id, crate::notify_policy::OccasionKind::GatewayDown);
    }

    pub(super) fn on_resume(&mut self) {
        for link in self.links.values() {
            // The network may be another one, or let us through by now. What the user has to mend, waits for the user.
            let waits = match &link.state {
                ConnectionState::Backoff { .. } => true,
                ConnectionState::Paused(reason) => reason.may_pass(),
                ConnectionState::Idle
                | ConnectionState::Connecting
                | ConnectionState::Handshaking
                | ConnectionState::Ready(_)
                | ConnectionState::Closed => false,
            };
            if let Some(gateway) = link.gateway.as_ref().filter(|_| waits) {
                gateway.reconnect();
            }
        }
        self.ping_all();
    }

    pub(super) fn ping_all(&mut self) {
        let ready: Vec<_> = self
            .links
            .iter()
            .filter_map(|(id, link)| Some((id.clone(), link.ready()?)))
            .collect();
        for (id, gateway) in ready {
            self.spawn(async move {
                let took = gateway.ping().await.ok();
                Box::new(move |app: &mut Self| {
                    let Some(link) = app.links.get_mut(&id).filter(|link| link.is_ready()) else {
                        return;
                    };
                    link.latency_ms = took.map(|took| u32::try_from(took.as_millis()).unwrap_or(u32::MAX));
                    app.publisher.connection_dirty();
                }) as Then
            });
        }
    }

    pub(super) fn gateway_name(&self, id: &str) -> String {
        self.profiles
            .get(id)
            .map(|profile| profile.name.clone())
            .unwrap_or_default()
    }
}

/// State and events of a connection as one stream.
fn listen(profile: String, generation: u64, gateway: &Arc<dyn Gateway>) -> BoxStream<'static, LinkEvent> {
    let events = stream::unfold(gateway.events(), |mut events| async move {
        events
            .recv()
            .await
            .map(|event| (What::Event(Box::new(event)), events))
    });
    let states = stream::unfold((gateway.state(), true), |(mut state, first)| async move {
        if !first && state.changed().await.is_err() {
            return None;
        }
        let now = state.borrow_and_update().clone();
        Some((What::State(now), (state, false)))
    });
    stream::select(states, events)
        .map(move |what| LinkEvent {
            profile: profile.clone(),
            generation,
            what,
        })
        .boxed()
}
