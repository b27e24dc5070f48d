use crate::gateway::{
    AgentInfo, Agents, Approval, ApprovalKind, CallError, Capabilities, CommandFacts, ConnectionState,
    Decision, Gateway, GatewayEvent, History, HistoryQuery, InFlightRun, PauseReason, Prompt, RunEvent,
    RunStep, SendAck, ServerInfo, SessionsPage, SessionsQuery, complete,
};
use async_trait::async_trait;
use clawtray_gateway_protocol::{ApprovalId, GatewayError, Message, RunId, SessionKey, SessionRow};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};

/// A gateway that does what a test says. Clones share everything. It stores prompts under their idempotency key and
/// starts one run per key, as the real one does.
#[derive(Clone)]
pub struct FakeGateway {
    inner: Arc<Mutex<Inner>>,
    state: Arc<watch::Sender<ConnectionState>>,
}

/// What the gateway holds.
pub struct Inner {
    /// Prompts that arrived, with repetitions.
    pub received: Vec<Prompt>,
    /// Runs that were started: idempotency keys, each once.
    pub runs: BTreeSet<String>,
    /// How the next sends end; the prompt is taken first when the flag says so.
    pub sends: VecDeque<(bool, CallError)>,
    /// Stored messages by session.
    pub stored: BTreeMap<String, Vec<Message>>,
    /// The run under way by session.
    pub in_flight: BTreeMap<String, InFlightRun>,
    /// Session rows.
    pub rows: BTreeMap<String, SessionRow>,
    /// Approvals that wait.
    pub approvals: Vec<Approval>,
    /// Decisions that arrived.
    pub decisions: Vec<(String, Decision)>,
    /// Runs that were stopped.
    pub aborted: Vec<(String, Option<String>)>,
    /// Raw calls that arrived.
    pub calls: Vec<(String, Value)>,
    /// Answers to raw calls by method; an empty object where none is named.
    pub answers: BTreeMap<String, Result<Value, CallError>>,
    /// How often a transcript was read.
    pub histories: u32,
    /// How often a reconnect was asked for.
    pub reconnects: u32,
    /// The longest text that pages and events bring in full, in bytes.
    pub display_cap: usize,
    /// Messages above so many bytes are left out, and not given in full either.
    pub largest: usize,
    /// It was shut down.
    pub closed: bool,
    /// What it can do.
    pub capabilities: Capabilities,
    listeners: Vec<mpsc::Sender<GatewayEvent>>,
    /// Calls that are answered later, by method.
    held: BTreeMap<String, (Arc<Notify>, watch::Receiver<bool>)>,
    /// Why decisions fail.
    pub refused: Option<CallError>,
    /// The gateway's clock, in milliseconds since the epoch.
    pub now_ms: i64,
}

impl Default for FakeGateway {
    fn default() -> Self {
        let inner = Inner {
            received: Vec::new(),
            runs: BTreeSet::new(),
            sends: VecDeque::new(),
            stored: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            rows: BTreeMap::new(),
            approvals: Vec::new(),
            decisions: Vec::new(),
            aborted: Vec::new(),
            calls: Vec::new(),
            answers: BTreeMap::new(),
            histories: 0,
            reconnects: 0,
            display_cap: usize::MAX,
            largest: usize::MAX,
            closed: false,
            capabilities: Capabilities::NATIVE,
            listeners: Vec::new(),
            held: BTreeMap::new(),
            refused: None,
            now_ms: 1_790_000_000_000,
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            state: Arc::new(watch::Sender::new(ConnectionState::Idle)),
        }
    }
}

impl Inner {
    /// The message as pages and events bring it.
    fn displayed(&self, message: &Message) -> Message {
        let mut shown = message.clone();
        let text = message.text();
        if text.len() > self.display_cap.min(self.largest) {
            let omitted = text.len() > self.largest;
            shown.meta.truncated = true;
            shown.meta.reason = Some(if omitted { "oversized" } else { "display-cap" }.to_owned());
            let text = if omitted {
                "[chat.history omitted: message too large]".to_owned()
            } else {
                format!(
                    "{}\n...(truncated)...",
                    text.get(..self.display_cap).expect("ASCII")
                )
            };
            shown.content = vec![clawtray_gateway_protocol::ContentPart::Text { text }];
            shown.remove_cut_marks();
        }
        shown
    }

    fn whole(&self, params: &Value) -> Value {
        let wanted = params.get("messageId").and_then(Value::as_str);
        let found = self
            .stored
            .values()
            .flatten()
            .find(|message| message.meta.id.as_ref().map(|id| id.as_str()) == wanted);
        match found {
            Some(message) if message.text().len() <= self.largest => json!({"ok": true, "message": message}),
            Some(_) => json!({"ok": false, "unavailableReason": "oversized"}),
            None => json!({"ok": false, "unavailableReason": "not_found"}),
        }
    }
}

/// A stored message from JSON.
fn message(value: Value) -> Message {
    serde_json::from_value(value).expect("a message")
}

impl FakeGateway {
    /// A gateway that is connected.
    #[must_use]
    pub fn online() -> Self {
        let gateway = Self::default();
        gateway.go_online();
        gateway
    }

    /// What it holds.
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Connects, or connects again.
    pub fn go_online(&self) {
        self.state
            .send_replace(ConnectionState::Ready(Box::new(ServerInfo {
                version: "2026.9.6".to_owned(),
                protocol: 4,
                main_session_key: Some("agent:main:main".into()),
                default_agent_id: Some("main".into()),
                max_payload_bytes: 26_214_400,
                max_attachment_bytes: Some(1_000_000),
                max_image_bytes: Some(500_000),
                ..ServerInfo::default()
            })));
        self.emit(GatewayEvent::Connected { new_boot: false });
    }

    /// Loses the connection.
    pub fn go_offline(&self) {
        self.state.send_replace(ConnectionState::Backoff {
            attempt: 1,
            delay: Duration::from_secs(2),
            soon_back: false,
            error: "connection refused".to_owned(),
        });
    }

    /// Stops until the user acts.
    pub fn pause(&self, reason: PauseReason) {
        self.state.send_replace(ConnectionState::Paused(reason));
    }

    /// Tells everybody who listens, if connected. Without a connection nothing is heard.
    pub fn emit(&self, event: GatewayEvent) {
        if !matches!(*self.state.borrow(), ConnectionState::Ready(_)) {
            return;
        }
        self.lock()
            .listeners
            .retain(|listener| match listener.try_send(event.clone()) {
                Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => true,
                Err(mpsc::error::TrySendError::Closed(_)) => false,
            });
    }

    /// A step of a run.
    pub fn step(&self, session: &str, run: &str, seq: u64, step: RunStep) {
        {
            let mut inner = self.lock();
            let started_at = Some(inner.now_ms);
            match &step {
                RunStep::Delta { text, replace, .. } => {
                    let flight = inner.in_flight.entry(session.to_owned()).or_default();
                    flight.run_id = run.into();
                    flight.started_at = flight.started_at.or(started_at);
                    if *replace {
                        flight.text.clear();
                    }
                    flight.text.push_str(text);
                }
                RunStep::Final { .. } | RunStep::Aborted { .. } | RunStep::Error { .. } => {
                    inner.in_flight.retain(|_, flight| flight.run_id.as_str() != run);
                }
                RunStep::Status { .. } | RunStep::Thinking { .. } | RunStep::Tool { .. } => {}
            }
        }
        self.emit(GatewayEvent::Run(RunEvent {
            run: run.into(),
            session: session.into(),
            agent: Some("main".into()),
            seq,
            step,
        }));
    }

    /// Puts a message into a transcript and tells of it.
    pub fn store(&self, session: &str, value: Value) {
        let stored = {
            let mut inner = self.lock();
            inner.now_ms += 1000;
            let now_ms = inner.now_ms;
            let transcript = inner.stored.entry(session.to_owned()).or_default();
            let mut stored = message(value);
            let seq = transcript.len() as u64 + 1;
            stored.timestamp = Some(now_ms);
            stored.meta.seq = Some(seq);
            stored.meta.id = Some(format!("{session}-{seq}").into());
            transcript.push(stored.clone());
            let unread = stored.role == clawtray_gateway_protocol::Role::Assistant;
            let row = inner.rows.entry(session.to_owned()).or_default();
            row.key = session.into();
            row.last_interaction_at = Some(now_ms);
            row.updated_at = Some(now_ms);
            row.unread = Some(unread);
            inner.displayed(&stored)
        };
        self.emit(GatewayEvent::Message {
            session: session.into(),
            message: Box::new(stored),
        });
    }

    /// Begins a run: a status and the first words.
    pub fn begin(&self, session: &str, run: &str, words: &[&str]) {
        self.step(
            session,
            run,
            1,
            RunStep::Status {
                phase: "starting_model".to_owned(),
            },
        );
        let mut total = 0;
        for (n, word) in words.iter().enumerate() {
            total += word.len();
            let text = (*word).to_owned();
            let step = RunStep::Delta {
                text,
                replace: false,
                total_bytes: Some(total),
            };
            self.step(session, run, n as u64 + 2, step);
        }
    }

    /// Ends a run with its whole text.
    pub fn finish(&self, session: &str, run: &str, text: &str) {
        self.lock().in_flight.remove(session);
        let content = json!({"role": "assistant", "content": [{"type": "text", "text": text}], "stopReason": "stop",
            "__openclaw": {"runId": run}});
        self.store(session, content.clone());
        let mut told = message(content);
        // The stamp of the event is a little later than that of the stored message.
        told.timestamp = Some(self.lock().now_ms + 200);
        let step = RunStep::Final {
            message: Some(Box::new(told)),
            stop_reason: Some("stop".to_owned()),
        };
        self.step(session, run, 99, step);
    }

    /// A whole run.
    pub fn reply(&self, session: &str, run: &str, text: &str) {
        self.begin(session, run, &[text]);
        self.finish(session, run, text);
    }

    /// Asks for an approval.
    pub fn ask(&self, id: &str, session: &str, command: &str) {
        self.ask_until(id, session, command, None);
    }

    /// Asks for an approval that lapses then, in milliseconds since the epoch.
    pub fn ask_until(&self, id: &str, session: &str, command: &str, expires_at_ms: Option<i64>) {
        let approval = Approval {
            id: id.into(),
            kind: ApprovalKind::Exec,
            title: command.to_owned(),
            detail: None,
            command: CommandFacts {
                cwd: Some("/tmp".to_owned()),
                ..CommandFacts::default()
            },
            session: Some(session.into()),
            agent: Some("main".into()),
            run: None,
            allowed: vec![Decision::AllowOnce, Decision::Deny],
            created_at_ms: self.lock().now_ms,
            expires_at_ms,
        };
        self.lock().approvals.push(approval.clone());
        self.emit(GatewayEvent::ApprovalRequested(Box::new(approval)));
    }

    /// Holds back the answers to a method (`approvals`, or that of a raw call). What they say is what is so when they
    /// are asked for.
    #[must_use]
    pub fn hold(&self, method: &str) -> Held {
        let (released, release) = watch::channel(false);
        let arrived = Arc::new(Notify::new());
        let held = (Arc::clone(&arrived), release);
        self.lock().held.insert(method.to_owned(), held);
        Held { arrived, released }
    }

    async fn held(&self, method: &str) {
        let held = self.lock().held.get(method).cloned();
        if let Some((arrived, mut release)) = held {
            arrived.notify_one();
            let _ = release.wait_for(|released| *released).await;
        }
    }

    fn page(&self, query: &HistoryQuery) -> History {
        let mut inner = self.lock();
        inner.histories += 1;
        let all = inner
            .stored
            .get(query.session.as_str())
            .cloned()
            .unwrap_or_default();
        let end = all
            .len()
            .saturating_sub(query.offset.unwrap_or_default() as usize);
        let start = end.saturating_sub(query.limit.unwrap_or(200) as usize);
        let shown = all.get(start..end).unwrap_or_default();
        let shown = shown.iter().map(|message| inner.displayed(message)).collect();
        History {
            session: query.session.clone(),
            messages: shown,
            has_more: start > 0,
            total: Some(all.len() as u64),
            in_flight: inner.in_flight.get(query.session.as_str()).cloned(),
            row: None,
        }
    }

    fn check(&self) -> Result<(), CallError> {
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
}

/// Answers that are held back.
pub struct Held {
    arrived: Arc<Notify>,
    released: watch::Sender<bool>,
}

impl Held {
    /// Waits until a call has arrived.
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Lets this and all later answers go.
    pub fn release(&self) {
        self.released.send_replace(true);
    }
}

#[async_trait]
impl Gateway for FakeGateway {
    fn capabilities(&self) -> Capabilities {
        self.lock().capabilities
    }
    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.state.subscribe()
    }
    fn events(&self) -> mpsc::Receiver<GatewayEvent> {
        let (sender, receiver) = mpsc::channel(4096);
        self.lock().listeners.push(sender);
        receiver
    }
    async fn send(&self, prompt: Prompt) -> Result<SendAck, CallError> {
        self.check()?;
        let fate = self.lock().sends.pop_front();
        let key = prompt.idempotency_key.clone();
        let taken = fate.as_ref().is_none_or(|(taken, _)| *taken);
        self.lock().received.push(prompt.clone());
        let mut fresh = false;
        if taken {
            fresh = self.lock().runs.insert(key.clone());
            if fresh {
                let content =
                    json!({"role": "user", "content": prompt.text, "idempotencyKey": format!("{key}:user")});
                self.store(prompt.session.as_str(), content);
            }
        }
        match fate {
            Some((_, error)) => Err(error),
            None => Ok(SendAck {
                run_id: key.as_str().into(),
                status: if fresh { "started" } else { "in_flight" }.to_owned(),
                reply: None,
            }),
        }
    }
    async fn abort(&self, session: &SessionKey, run: Option<&RunId>) -> Result<bool, CallError> {
        self.check()?;
        self.lock()
            .aborted
            .push((session.0.clone(), run.map(|run| run.0.clone())));
        Ok(true)
    }
    async fn history(&self, query: HistoryQuery) -> Result<History, CallError> {
        self.check()?;
        let mut page = self.page(&query);
        // As the client does it.
        complete(self, &query.session, &mut page.messages, |_| true).await;
        Ok(page)
    }
    async fn sessions(&self, query: SessionsQuery) -> Result<SessionsPage, CallError> {
        self.check()?;
        let mut all: Vec<SessionRow> = self.lock().rows.values().cloned().collect();
        all.retain(|row| row.archived != Some(true));
        all.sort_by_key(|row| std::cmp::Reverse(row.updated_at));
        let start = all.len().min(query.offset.unwrap_or_default() as usize);
        let end = all.len().min(start + query.limit.unwrap_or(100) as usize);
        Ok(SessionsPage {
            total: Some(all.len() as u64),
            has_more: end < all.len(),
            sessions: all.drain(start..end).collect(),
        })
    }
    async fn agents(&self) -> Result<Agents, CallError> {
        self.check()?;
        let main = AgentInfo {
            id: "main".into(),
            name: Some("Molty".to_owned()),
            ..AgentInfo::default()
        };
        Ok(Agents {
            default_id: "main".into(),
            agents: vec![main],
        })
    }
    async fn approvals(&self) -> Result<Vec<Approval>, CallError> {
        self.check()?;
        let approvals = self.lock().approvals.clone();
        self.held("approvals").await;
        Ok(approvals)
    }
    async fn resolve_approval(
        &self,
        id: &ApprovalId,
        _: ApprovalKind,
        decision: Decision,
    ) -> Result<(), CallError> {
        self.check()?;
        {
            let mut inner = self.lock();
            if let Some(refused) = &inner.refused {
                return Err(refused.clone());
            }
            let before = inner.approvals.len();
            inner.approvals.retain(|approval| approval.id != *id);
            if inner.approvals.len() == before {
                return Err(CallError::Gateway(GatewayError {
                    code: "INVALID_REQUEST".to_owned(),
                    message: "approval not found".to_owned(),
                    details: Some(json!({"reason": "APPROVAL_NOT_FOUND"})),
                    retryable: None,
                    retry_after_ms: None,
                }));
            }
            inner.decisions.push((id.0.clone(), decision));
        }
        self.emit(GatewayEvent::ApprovalResolved {
            id: id.clone(),
            decision: Some(decision),
        });
        Ok(())
    }
    async fn ping(&self) -> Result<Duration, CallError> {
        self.check().map(|()| Duration::from_millis(3))
    }
    async fn call_raw(&self, method: &str, params: Value) -> Result<Value, CallError> {
        self.check()?;
        let answer = {
            let mut inner = self.lock();
            if method == "chat.message.get" && !inner.answers.contains_key(method) {
                return Ok(inner.whole(&params));
            }
            inner.calls.push((method.to_owned(), params));
            inner.answers.get(method).cloned()
        };
        self.held(method).await;
        answer.unwrap_or_else(|| Ok(json!({ "ok": true })))
    }
    fn reconnect(&self) {
        self.lock().reconnects += 1;
    }
    async fn shutdown(&self) {
        self.lock().closed = true;
    }
}
