//! The five documented HTTP dialects, and OpenAI's, behind the trait [`Gateway`].
//!
//! Each dialect has one file with its [`spec::Spec`]: paths, shapes and small functions. Connection
//! state, prompts and replies are the same code for all. A few rules still ask for the dialect by
//! name.

mod d1;
mod d2;
mod d3;
mod d4;
mod d5;
mod detect;
mod dialect;
mod life;
mod names;
mod openai;
mod poll;
mod read;
mod run;
mod socket;
mod spec;
mod sse;
mod webhook;
mod wire;

pub use detect::{Detected, connect};
pub use dialect::{Dialect, Protocol, UnknownProtocol};
pub use webhook::WebhookConfig;

use crate::config::ClientConfig;
use crate::fanout::Fanout;
use crate::{
    AgentInfo, Agents, Approval, ApprovalKind, CallError, Capabilities, ConnectionState, Decision, Gateway,
    GatewayEvent, History, HistoryQuery, PauseReason, Prompt, RunEvent, RunStep, SendAck, SessionsPage,
    SessionsQuery,
};
use async_trait::async_trait;
use clawtray_gateway_protocol::{ApprovalId, RunId, SessionKey, SessionRow};
use names::Names;
use serde_json::{Value, json};
use spec::{Call, Place, Spec};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use wire::{Answer, Trouble, Wire};

/// Sessions that are asked for at once.
const SESSIONS_MAX: u32 = 200;
/// Messages of a transcript that names no limit, and the most that are asked for.
const HISTORY_DEFAULT: u32 = 50;
const HISTORY_MAX: u32 = 1000;

/// A gateway that speaks one of the HTTP dialects. Cheap to clone; the last one to be dropped ends what is under way.
#[derive(Clone)]
pub struct HttpGateway {
    inner: Arc<Inner>,
    _alive: Arc<Alive>,
}

/// What all tasks of a connection share.
pub(crate) struct Inner {
    pub(crate) spec: &'static Spec,
    pub(crate) config: ClientConfig,
    pub(crate) wire: Wire,
    pub(crate) state: watch::Sender<ConnectionState>,
    pub(crate) fanout: Fanout,
    can: Mutex<Capabilities>,
    names: Mutex<Names>,
    /// Try now.
    pub(crate) wake: Notify,
    /// Something went wrong: look whether the gateway lives.
    pub(crate) worry: Notify,
    pub(crate) closed: watch::Sender<bool>,
}

/// Ends the tasks when the last handle goes.
struct Alive(watch::Sender<bool>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

impl HttpGateway {
    /// Begins to look for the gateway, and goes on by itself; how it goes is told by [`Gateway::state`]. Must be
    /// called inside a tokio runtime.
    ///
    /// # Errors
    /// When the configuration cannot be used: the address, the token, a header.
    pub fn connect(config: ClientConfig, dialect: Dialect) -> Result<Self, PauseReason> {
        let spec = Spec::of(dialect);
        let wire = Wire::new(&config)?;
        let closed = watch::Sender::new(false);
        let inner = Arc::new(Inner {
            spec,
            wire,
            state: watch::Sender::new(ConnectionState::Idle),
            fanout: Fanout::new(config.event_buffer),
            can: Mutex::new(spec.can),
            names: Mutex::default(),
            wake: Notify::new(),
            worry: Notify::new(),
            closed: closed.clone(),
            config,
        });
        tokio::spawn(life::live(Arc::clone(&inner)));
        Ok(Self {
            inner,
            _alive: Arc::new(Alive(closed)),
        })
    }

    /// Which dialect it speaks.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.inner.spec.dialect
    }
}

impl std::fmt::Debug for HttpGateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpGateway")
            .field("dialect", &self.inner.spec.dialect)
            .finish_non_exhaustive()
    }
}

impl Inner {
    pub(crate) fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn can(&self) -> Capabilities {
        *self.can.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something turned out to be missing, or to be there again.
    pub(crate) fn set_can(&self, change: impl FnOnce(&mut Capabilities)) {
        change(&mut self.can.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn ready(&self) -> Result<(), CallError> {
        match *self.state.borrow() {
            ConnectionState::Ready(_) => Ok(()),
            ConnectionState::Idle
            | ConnectionState::Connecting
            | ConnectionState::Handshaking
            | ConnectionState::Backoff { .. }
            | ConnectionState::Paused(_)
            | ConnectionState::Closed => Err(CallError::NotConnected),
        }
    }

    pub(crate) fn emit_run(&self, run: &str, session: &str, seq: u64, step: RunStep) {
        self.fanout.emit(GatewayEvent::Run(RunEvent {
            run: run.into(),
            session: session.into(),
            agent: None,
            seq,
            step,
        }));
    }

    /// Notes what an answer, or none, says about the connection.
    pub(crate) fn judge(&self, answer: &Result<Answer, Trouble>) {
        let worried = match answer {
            Ok(answer) => answer.status == 401,
            Err(trouble) => matches!(trouble, Trouble::Unreachable { .. } | Trouble::Certificate { .. }),
        };
        if worried {
            self.worry.notify_one();
        }
    }

    /// Carries a request out: again after a failure when it changes nothing, once otherwise.
    pub(crate) async fn carry_out(&self, call: &Call) -> Result<Value, CallError> {
        let answer = if call.is_harmless() {
            self.wire.patiently(call).await
        } else {
            self.wire.once(call).await
        };
        self.judge(&answer);
        answer?.value(&format!("{} {}", call.method, call.path))
    }

    /// The rows of the gateway's list, newest first, each with its user.
    pub(crate) async fn rows(&self) -> Result<Vec<(SessionRow, Option<String>, Value)>, CallError> {
        let Some(list) = self.spec.sessions else {
            return Err(CallError::Unsupported("it has no list of sessions"));
        };
        let agents = {
            let names = self.names();
            let of_each = self.spec.dialect == Dialect::Chat && !names.agents.is_empty();
            if of_each {
                names.agents.clone()
            } else {
                vec![names.default_agent.clone().unwrap_or_else(|| "main".to_owned())]
            }
        };
        let mut rows = Vec::new();
        for agent in agents {
            let value = self.carry_out(&list(&agent, SESSIONS_MAX)).await?;
            let mut names = self.names();
            // A gateway that gives more than was asked for is read no further.
            let listed = read::list(&value, &["sessions", "items", "data"]).iter();
            for value in listed.take(SESSIONS_MAX as usize) {
                if let Some(row) = names.row(self.spec, &agent, value) {
                    let user = read::text(value, &["userId"]).map(str::to_owned);
                    rows.push((row, user, value.clone()));
                }
            }
        }
        rows.sort_by_key(|(row, _, _)| std::cmp::Reverse(row.updated_at));
        self.names().keep_listed(&rows);
        Ok(rows)
    }

    /// The newest messages of a session, oldest first; whether there are more.
    pub(crate) async fn messages(
        &self,
        place: &Place,
        limit: u32,
        offset: u32,
    ) -> Result<(Vec<clawtray_gateway_protocol::Message>, bool), CallError> {
        let Some(history) = self.spec.history else {
            return Err(CallError::Unsupported("it keeps no transcripts"));
        };
        // A session that was not used yet has nothing in it.
        if self.spec.names_sessions && place.main && place.id.is_none() {
            return Ok((Vec::new(), false));
        }
        // Few dialects can skip the newest: what is to be skipped is asked for, too.
        let wanted = limit.saturating_add(offset).clamp(1, HISTORY_MAX);
        let value = match self.carry_out(&history(place, wanted)).await {
            Err(CallError::Gateway(error)) if error.code == "NOT_FOUND" && place.id.is_none() => Value::Null,
            other => other?,
        };
        let rows = read::list(&value, &["messages", "history", "items", "data"]);
        let more = rows.len() >= wanted as usize;
        let mut messages: Vec<_> = rows.iter().filter_map(read::message).collect();
        let (first, last) = (messages.first(), messages.last());
        if first.and_then(|message| message.timestamp) > last.and_then(|message| message.timestamp) {
            messages.reverse();
        }
        let until = messages.len().saturating_sub(offset as usize);
        messages.truncate(until);
        let from = messages.len().saturating_sub(limit as usize);
        let mut messages = messages.split_off(from);
        self.names().mark(&place.key, &mut messages);
        Ok((messages, more || from > 0))
    }
}

#[async_trait]
impl Gateway for HttpGateway {
    fn capabilities(&self) -> Capabilities {
        self.inner.can()
    }

    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.inner.state.subscribe()
    }

    fn events(&self) -> mpsc::Receiver<GatewayEvent> {
        // Whoever comes late learns that there is a connection; whoever comes early is told when there is one.
        let ready = self.inner.ready().is_ok();
        self.inner
            .fanout
            .subscribe(ready.then_some(GatewayEvent::Connected { new_boot: false }))
    }

    async fn send(&self, prompt: Prompt) -> Result<SendAck, CallError> {
        self.inner.ready()?;
        if !prompt.attachments.is_empty() {
            return Err(CallError::Unsupported("it takes no files"));
        }
        run::send(&self.inner, prompt).await
    }

    async fn abort(&self, _session: &SessionKey, _run: Option<&RunId>) -> Result<bool, CallError> {
        Err(CallError::Unsupported("it cannot stop a running reply"))
    }

    async fn history(&self, query: HistoryQuery) -> Result<History, CallError> {
        self.inner.ready()?;
        let place = self.inner.names().place(query.session.as_str());
        let limit = query.limit.unwrap_or(HISTORY_DEFAULT);
        let (messages, has_more) = self
            .inner
            .messages(&place, limit, query.offset.unwrap_or_default())
            .await?;
        Ok(History {
            session: query.session,
            messages,
            has_more,
            ..History::default()
        })
    }

    async fn sessions(&self, query: SessionsQuery) -> Result<SessionsPage, CallError> {
        self.inner.ready()?;
        let mut rows: Vec<SessionRow> = self
            .inner
            .rows()
            .await?
            .into_iter()
            .map(|(row, _, _)| row)
            .collect();
        if let Some(agent) = &query.agent {
            rows.retain(|row| row.agent_id.as_ref() == Some(agent));
        }
        if let Some(wanted) = query.search.as_deref().map(str::to_lowercase) {
            rows.retain(|row| {
                let texts = [&row.label, &row.display_name, &row.last_message_preview];
                row.key.as_str().to_lowercase().contains(&wanted)
                    || texts
                        .into_iter()
                        .flatten()
                        .any(|text| text.to_lowercase().contains(&wanted))
            });
        }
        let total = rows.len();
        let skip = query.offset.unwrap_or_default() as usize;
        let take = query.limit.unwrap_or(SESSIONS_MAX) as usize;
        let sessions: Vec<SessionRow> = rows.into_iter().skip(skip).take(take).collect();
        Ok(SessionsPage {
            has_more: skip + sessions.len() < total,
            sessions,
            total: u64::try_from(total).ok(),
        })
    }

    async fn agents(&self) -> Result<Agents, CallError> {
        self.inner.ready()?;
        if let Some((call, shape)) = (self.inner.spec.method)("agents.list", &Value::Null, &Place::default())
        {
            let value = shape(self.inner.carry_out(&call).await?);
            return serde_json::from_value(value).map_err(|error| CallError::Decode {
                method: "agents.list".to_owned(),
                reason: error.to_string(),
            });
        }
        let names = self.inner.names();
        let default_id = names.default_agent.clone().unwrap_or_else(|| "main".to_owned());
        let mut ids = names.agents.clone();
        if !ids.contains(&default_id) {
            ids.insert(0, default_id.clone());
        }
        let agents = ids.into_iter().map(|id| AgentInfo {
            id: id.into(),
            ..AgentInfo::default()
        });
        Ok(Agents {
            default_id: default_id.into(),
            agents: agents.collect(),
        })
    }

    async fn approvals(&self) -> Result<Vec<Approval>, CallError> {
        Err(CallError::Unsupported("it has no approvals"))
    }

    async fn resolve_approval(&self, _: &ApprovalId, _: ApprovalKind, _: Decision) -> Result<(), CallError> {
        Err(CallError::Unsupported("it has no approvals"))
    }

    async fn ping(&self) -> Result<Duration, CallError> {
        let begun = Instant::now();
        let call = Call::get(self.inner.spec.health);
        let answer = self.inner.wire.once(&call).await;
        self.inner.judge(&answer);
        let answer = answer?;
        if answer.status == 403 || (self.inner.spec.is_health)(&answer) {
            return Ok(begun.elapsed());
        }
        Err(answer
            .value(self.inner.spec.health)
            .err()
            .unwrap_or_else(|| CallError::Decode {
                method: self.inner.spec.health.to_owned(),
                reason: "the answer is not a health report".to_owned(),
            }))
    }

    /// The native methods that the dialect has under another name, and any request that is written out:
    /// `GET /api/v1/stats`.
    async fn call_raw(&self, method: &str, params: Value) -> Result<Value, CallError> {
        self.inner.ready()?;
        if let Some(call) = spec::written_out(method, &params) {
            return self.inner.carry_out(&call?).await;
        }
        let key = ["key", "sessionKey"]
            .iter()
            .find_map(|name| params.get(name).and_then(Value::as_str));
        let place = self.inner.names().place(key.unwrap_or("main"));
        if let Some((call, shape)) = (self.inner.spec.method)(method, &params, &place) {
            return Ok(shape(self.inner.carry_out(&call).await?));
        }
        match method {
            "health" => self.inner.carry_out(&Call::get(self.inner.spec.health)).await,
            "sessions.list" if self.inner.spec.sessions.is_some() => {
                let query = serde_json::from_value(params).unwrap_or_default();
                let page = self.sessions(query).await?;
                Ok(json!({"sessions": page.sessions, "totalCount": page.total, "hasMore": page.has_more}))
            }
            _ => Err(CallError::Unsupported("its API has no call for this")),
        }
    }

    fn reconnect(&self) {
        self.inner.wire.unblock();
        self.inner.wake.notify_one();
    }

    async fn shutdown(&self) {
        self.inner.closed.send_replace(true);
        self.inner.state.send_replace(ConnectionState::Closed);
    }
}
