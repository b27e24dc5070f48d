//! The bridge: the real gateway as a backend of the HTTP dialects. It carries out each call through
//! a [`Gateway`].

mod follow;
mod shape;

use crate::backend::{
    Ask, Backend, BackendAgent, BackendError, BackendSession, BackendStatus, Completion, Report, Transcript,
};
use crate::runs::Progress;
use crate::store::sessions::sid_of;
use async_trait::async_trait;
use clawtray_gateway_client::{CallError, ConnectionState, Gateway, Prompt, ServerInfo};
use clawtray_gateway_protocol::SessionKey;
use follow::{Runs, Watched};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc};

/// Sessions that are looked at for a list.
const SESSIONS_MAX: u32 = 500;
/// Sessions of a list whose messages are counted; the count costs a call each.
const COUNTED_MAX: usize = 50;
/// How long the list of agents is believed.
const AGENTS_FOR: Duration = Duration::from_secs(15);

/// The user's real gateway.
pub(crate) struct Bridge {
    gateway: Arc<dyn Gateway>,
    runs: Arc<Runs>,
    reports: broadcast::Sender<Report>,
    names: Mutex<HashMap<String, String>>,
    agents: Mutex<Option<(Instant, Vec<BackendAgent>)>>,
}

impl Bridge {
    /// Follows the gateway's events from now on.
    pub(crate) fn start(gateway: Arc<dyn Gateway>) -> Self {
        let reports = broadcast::Sender::new(1_024);
        let runs = Arc::new(Runs::default());
        let events = gateway.events();
        tokio::spawn(follow::pump(events, runs.clone(), reports.clone()));
        Self {
            gateway,
            runs,
            reports,
            names: Mutex::default(),
            agents: Mutex::default(),
        }
    }

    fn info(&self) -> Option<Box<ServerInfo>> {
        match &*self.gateway.state().borrow() {
            ConnectionState::Ready(info) => Some(info.clone()),
            ConnectionState::Idle
            | ConnectionState::Connecting
            | ConnectionState::Handshaking
            | ConnectionState::Backoff { .. }
            | ConnectionState::Paused(_)
            | ConnectionState::Closed => None,
        }
    }

    async fn call(&self, method: &str, params: Value) -> Result<Value, BackendError> {
        self.gateway.call_raw(method, params).await.map_err(refusal)
    }

    fn learn(&self, key: &str) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() < 10_000 {
            names.entry(sid_of(key)).or_insert_with(|| key.to_owned());
        }
    }

    async fn counted(&self, mut session: BackendSession) -> BackendSession {
        let params = json!({"sessionKey": session.key, "limit": shape::COUNTED});
        if let Ok(page) = self.call("chat.history", params).await {
            session.messages = shape::count(&page);
        }
        session
    }

    fn is_main(key: &str) -> bool {
        key.split(':').count() == 3 && key.ends_with(":main")
    }
}

/// What a failed call means to somebody who asked over HTTP.
fn refusal(error: CallError) -> BackendError {
    match error {
        CallError::NotConnected | CallError::Disconnected { written: false } => {
            BackendError::Starting("the gateway behind the bridge is not connected".into())
        }
        CallError::Disconnected { written: true } => BackendError::Failed(
            "the connection to the gateway was lost; the call may have taken effect".into(),
        ),
        CallError::Timeout(_) => BackendError::Failed("the gateway did not answer in time".into()),
        CallError::TooLarge { .. } => BackendError::BadRequest(error.to_string()),
        CallError::Unsupported(what) => {
            BackendError::Unsupported(format!("the gateway cannot do that: {what}"))
        }
        CallError::Decode { .. } => BackendError::Failed("the gateway's answer could not be read".into()),
        CallError::Gateway(error) if error.message.starts_with("unknown method") => {
            BackendError::Unsupported(format!("the gateway cannot do that: {}", error.message))
        }
        CallError::Gateway(error) if error.code == "FORBIDDEN" => BackendError::Unsupported(format!(
            "the gateway does not let this connection do that: {}",
            error.message
        )),
        CallError::Gateway(error) => error.into(),
    }
}

#[async_trait]
impl Backend for Bridge {
    fn ready(&self) -> Result<(), String> {
        match &*self.gateway.state().borrow() {
            ConnectionState::Ready(_) => Ok(()),
            ConnectionState::Paused(_) => {
                Err("the gateway behind the bridge needs an action; Clawtray shows the next step".into())
            }
            ConnectionState::Idle
            | ConnectionState::Connecting
            | ConnectionState::Handshaking
            | ConnectionState::Backoff { .. }
            | ConnectionState::Closed => Err("the gateway behind the bridge is not connected yet".into()),
        }
    }

    fn canonical_key(&self, name: &str) -> String {
        let name = name.trim();
        if name.starts_with("agent:") && name.splitn(3, ':').count() == 3 {
            return name.to_owned();
        }
        format!(
            "agent:{}:{}",
            self.default_agent(),
            if name.is_empty() { "main" } else { name }
        )
    }

    fn default_agent(&self) -> String {
        let agent = self.info().and_then(|i| i.default_agent_id).map(|a| a.0);
        agent.filter(|a| !a.is_empty()).unwrap_or_else(|| "main".into())
    }

    fn reports(&self) -> broadcast::Receiver<Report> {
        self.reports.subscribe()
    }

    fn active_runs(&self) -> usize {
        self.runs.count()
    }

    async fn status(&self) -> Result<BackendStatus, BackendError> {
        let info = self
            .info()
            .ok_or_else(|| BackendError::Starting("the gateway is not connected".into()))?;
        let health = self.call("health", json!({})).await?;
        let agent = self.default_agent();
        let model = self
            .agents()
            .await?
            .into_iter()
            .find(|a| a.id == agent)
            .map(|a| a.model)
            .unwrap_or_default();
        Ok(BackendStatus {
            version: info.version,
            agent,
            model,
            channels: shape::channels(&health),
        })
    }

    async fn agents(&self) -> Result<Vec<BackendAgent>, BackendError> {
        if let Some((at, agents)) = &*self.agents.lock().unwrap_or_else(PoisonError::into_inner)
            && at.elapsed() < AGENTS_FOR
        {
            return Ok(agents.clone());
        }
        let listed = self.gateway.agents().await.map_err(refusal)?;
        let agents: Vec<BackendAgent> = listed
            .agents
            .into_iter()
            .map(|a| BackendAgent {
                name: a.name.unwrap_or_else(|| a.id.0.clone()),
                id: a.id.0,
                model: a.model.unwrap_or_default(),
            })
            .collect();
        *self.agents.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), agents.clone()));
        Ok(agents)
    }

    async fn knows_agent(&self, id: &str) -> Result<bool, BackendError> {
        Ok(self.agents().await?.iter().any(|a| a.id == id))
    }

    async fn tools(&self, agent: &str) -> Result<Vec<(String, String)>, BackendError> {
        Ok(shape::tools(
            &self.call("tools.catalog", json!({ "agentId": agent })).await?,
        ))
    }

    async fn sessions(&self) -> Result<Vec<BackendSession>, BackendError> {
        let list = self
            .call("sessions.list", json!({ "limit": SESSIONS_MAX }))
            .await?;
        let rows = list
            .get("sessions")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let mut sessions: Vec<BackendSession> = rows.iter().filter_map(shape::session).collect();
        sessions.iter().for_each(|s| self.learn(&s.key));
        let rest = sessions.split_off(sessions.len().min(COUNTED_MAX));
        let counted = sessions.into_iter().map(|s| self.counted(s));
        let mut sessions = futures_util::future::join_all(counted).await;
        sessions.extend(rest);
        Ok(sessions)
    }

    async fn session(&self, key: &str) -> Result<Option<BackendSession>, BackendError> {
        let found = self.call("sessions.describe", json!({ "key": key })).await?;
        self.learn(key);
        let row = found
            .get("session")
            .filter(|s| s.is_object())
            .and_then(shape::session);
        let row = row.or_else(|| Self::is_main(key).then(|| shape::empty_session(key)));
        Ok(match row {
            Some(session) => Some(self.counted(session).await),
            None => None,
        })
    }

    async fn key_of_sid(&self, sid: &str) -> Result<Option<String>, BackendError> {
        let known = |names: &HashMap<String, String>| names.get(sid).cloned();
        if let Some(key) = known(&self.names.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(Some(key));
        }
        let list = self
            .call("sessions.list", json!({ "limit": SESSIONS_MAX }))
            .await?;
        for row in list
            .get("sessions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            if let Some(key) = row.get("key").and_then(Value::as_str) {
                self.learn(key);
            }
        }
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(known(&names))
    }

    async fn history(&self, key: &str, limit: u32, offset: u32) -> Result<Transcript, BackendError> {
        let mut params = json!({"sessionKey": key, "limit": limit.clamp(1, 1_000)});
        if offset > 0 {
            crate::ws::merge(&mut params, json!({ "offset": offset }));
        }
        let page = self.call("chat.history", params).await?;
        Ok(Transcript {
            total: page.get("totalMessages").and_then(Value::as_u64).unwrap_or(0),
            messages: page
                .get("messages")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default(),
        })
    }

    async fn create_session(&self, key: &str, label: Option<&str>) -> Result<BackendSession, BackendError> {
        let mut params = json!({ "key": key });
        if let Some(label) = label {
            crate::ws::merge(&mut params, json!({ "label": label }));
        }
        self.call("sessions.create", params).await?;
        let made = self.session(key).await?;
        Ok(made.unwrap_or_else(|| shape::empty_session(key)))
    }

    async fn clear_session(&self, key: &str) -> Result<(), BackendError> {
        self.call("sessions.reset", json!({ "key": key })).await.map(drop)
    }

    async fn delete_session(&self, key: &str) -> Result<(), BackendError> {
        if Self::is_main(key) {
            return self.clear_session(key).await;
        }
        self.call("sessions.delete", json!({"key": key, "deleteTranscript": true}))
            .await
            .map(drop)
    }

    async fn ask(&self, ask: Ask) -> Result<mpsc::Receiver<Progress>, BackendError> {
        self.learn(&ask.session);
        // The gateway steers a second prompt into a run that is under way. Ours wait for each other instead.
        let turn = self.runs.gate(&ask.session).lock_owned().await;
        if let Some(model) = &ask.model {
            self.call("sessions.patch", json!({"key": ask.session, "model": model}))
                .await?;
        }
        let watched = Watched::new(&self.runs, &ask.run_id);
        let prompt = Prompt {
            session: SessionKey(ask.session.clone()),
            text: ask.text,
            idempotency_key: ask.run_id.clone(),
            thinking: None,
            attachments: ask.attachments,
            timeout_ms: ask.timeout.and_then(|t| u64::try_from(t.as_millis()).ok()),
        };
        let ack = self.gateway.send(prompt).await.map_err(refusal)?;
        let (tx, rx) = mpsc::channel(512);
        let gateway = self.gateway.clone();
        tokio::spawn(async move {
            let _turn = turn;
            follow::relay(gateway, watched, ask.session, ask.run_id, ack, tx).await;
        });
        Ok(rx)
    }

    async fn complete(&self, completion: Completion) -> Result<mpsc::Receiver<Progress>, BackendError> {
        let Completion {
            agent,
            history,
            prompt,
            ..
        } = completion;
        if !self.knows_agent(&agent).await? {
            return Err(BackendError::NotFound(format!("there is no agent \"{agent}\"")));
        }
        let id = uuid::Uuid::new_v4().to_string();
        let session = format!("agent:{agent}:completion-{id}");
        let text = shape::conversation(&history, &prompt.text);
        let pictures = history.iter().chain([&prompt]).flat_map(|line| &line.images);
        let attachments = pictures
            .enumerate()
            .filter_map(|(at, url)| shape::attachment(at, url))
            .collect();
        let mut inner = self
            .ask(Ask {
                session: session.clone(),
                text,
                run_id: id,
                attachments,
                channel: "api",
                ..Ask::default()
            })
            .await?;
        let (tx, rx) = mpsc::channel(512);
        let gateway = self.gateway.clone();
        tokio::spawn(async move {
            while let Some(step) = inner.recv().await {
                if tx.send(step).await.is_err() {
                    // Nobody reads any more, and nothing is kept: no reason to go on.
                    let _ = gateway.abort(&SessionKey(session.clone()), None).await;
                    break;
                }
            }
            // The session was ours alone. Without the right to delete it stays; that is no failure of the answer.
            let params = json!({"key": session, "deleteTranscript": true});
            let _ = gateway.call_raw("sessions.delete", params).await;
        });
        Ok(rx)
    }

    async fn cron_list(&self) -> Result<Vec<Value>, BackendError> {
        let list = self.call("cron.list", json!({"includeDisabled": true})).await?;
        Ok(list
            .get("jobs")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default())
    }

    async fn cron_add(&self, mut job: Value) -> Result<Value, BackendError> {
        // Replies of jobs made here go nowhere but into their transcript; announcing needs a channel.
        let is_turn = job.pointer("/payload/kind").and_then(Value::as_str) == Some("agentTurn");
        if is_turn {
            crate::ws::merge(&mut job, json!({"delivery": {"mode": "none"}}));
        }
        self.call("cron.add", job).await
    }

    async fn cron_remove(&self, id: &str) -> Result<(), BackendError> {
        self.call("cron.remove", json!({ "id": id })).await.map(drop)
    }
}
