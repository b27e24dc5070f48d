//! The built-in agent as a backend of the HTTP dialects.

use crate::agent::{Step, Turn, tools::TOOLS};
use crate::backend::{
    Ask, Backend, BackendAgent, BackendError, BackendSession, BackendStatus, Completion, Report, Transcript,
    is_agent_id,
};
use crate::core::{Core, agent_of};
use crate::cron;
use crate::runs::{Order, Progress, Reply, start};
use crate::store::sessions::SessionRecord;
use crate::time::now_ms;
use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc};

/// Steps that wait for a reader before it counts as slow.
const STEPS: usize = 256;

/// The built-in agent.
#[derive(Clone, Debug)]
pub(crate) struct Local(pub(crate) Arc<Core>);

impl Local {
    fn view(&self, s: SessionRecord) -> BackendSession {
        BackendSession {
            active: !self.0.runs.active_ids(&s.key).is_empty(),
            key: s.key,
            agent: s.agent_id,
            label: s.label,
            channel: s.channel,
            model: Some(
                s.model
                    .unwrap_or_else(|| format!("{}/{}", self.0.agent.provider(), self.0.agent.model())),
            ),
            thinking: s.thinking_level,
            created_at: s.created_at,
            updated_at: s.updated_at,
            messages: s.message_count,
            tokens_in: s.input_tokens,
            tokens_out: s.output_tokens,
            cost_usd: 0.0,
        }
    }
}

#[async_trait]
impl Backend for Local {
    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn canonical_key(&self, name: &str) -> String {
        self.0.canonical_key(name)
    }

    fn default_agent(&self) -> String {
        self.0.default_agent().to_owned()
    }

    fn reports(&self) -> broadcast::Receiver<Report> {
        self.0.reports.subscribe()
    }

    fn active_runs(&self) -> usize {
        self.0.runs.count()
    }

    async fn status(&self) -> Result<BackendStatus, BackendError> {
        Ok(BackendStatus {
            version: env!("CARGO_PKG_VERSION").into(),
            agent: self.default_agent(),
            model: format!("{}/{}", self.0.agent.provider(), self.0.agent.model()),
            channels: json!({}),
        })
    }

    async fn agents(&self) -> Result<Vec<BackendAgent>, BackendError> {
        let model = format!("{}/{}", self.0.agent.provider(), self.0.agent.model());
        let mut out: Vec<BackendAgent> = self
            .0
            .agents
            .iter()
            .map(|a| BackendAgent {
                id: a.id.clone(),
                name: a.name.clone().unwrap_or_else(|| a.id.clone()),
                model: model.clone(),
            })
            .collect();
        // Agents are made on first use, like sessions.
        for s in self.0.store.sessions()? {
            if !out.iter().any(|a| a.id == s.agent_id) {
                out.push(BackendAgent {
                    id: s.agent_id.clone(),
                    name: s.agent_id,
                    model: model.clone(),
                });
            }
        }
        Ok(out)
    }

    async fn knows_agent(&self, id: &str) -> Result<bool, BackendError> {
        Ok(is_agent_id(id))
    }

    async fn tools(&self, _: &str) -> Result<Vec<(String, String)>, BackendError> {
        Ok(TOOLS
            .iter()
            .map(|t| (t.name.to_owned(), t.description.to_owned()))
            .collect())
    }

    async fn sessions(&self) -> Result<Vec<BackendSession>, BackendError> {
        Ok(self
            .0
            .store
            .sessions()?
            .into_iter()
            .map(|s| self.view(s))
            .collect())
    }

    async fn session(&self, key: &str) -> Result<Option<BackendSession>, BackendError> {
        let found = self.0.store.session(key)?;
        // The main session is always there.
        let found = found.or_else(|| {
            (key == format!("agent:{}:main", agent_of(key)) && self.0.has_agent(agent_of(key)))
                .then(|| self.0.new_session(key))
        });
        Ok(found.map(|s| self.view(s)))
    }

    async fn key_of_sid(&self, sid: &str) -> Result<Option<String>, BackendError> {
        let main = self.0.main_key();
        if crate::store::sessions::sid_of(&main) == sid {
            return Ok(Some(main));
        }
        Ok(self.0.store.session_key_by_sid(sid)?)
    }

    async fn history(&self, key: &str, limit: u32, offset: u32) -> Result<Transcript, BackendError> {
        let messages = self.0.store.messages(key, limit, offset)?;
        Ok(Transcript {
            total: self.0.store.message_count(key)?,
            messages: messages.into_iter().map(|m| m.wire).collect(),
        })
    }

    async fn create_session(&self, key: &str, label: Option<&str>) -> Result<BackendSession, BackendError> {
        let label = label.map(str::to_owned);
        let record = self.0.update_session(key, "create", |s| {
            s.label = label;
            s.updated_at = now_ms();
        })?;
        Ok(self.view(record))
    }

    async fn clear_session(&self, key: &str) -> Result<(), BackendError> {
        self.0.clear_session(key)?;
        Ok(())
    }

    async fn delete_session(&self, key: &str) -> Result<(), BackendError> {
        if key == format!("agent:{}:main", agent_of(key)) {
            return self.clear_session(key).await;
        }
        self.0.delete_session(key)?;
        Ok(())
    }

    async fn ask(&self, ask: Ask) -> Result<mpsc::Receiver<Progress>, BackendError> {
        let (tx, rx) = mpsc::channel(STEPS);
        if let Some(model) = ask.model {
            self.0
                .update_session(&ask.session, "patch", |s| s.model = Some(model))?;
        }
        start(
            &self.0,
            Order {
                session: ask.session,
                text: ask.text,
                run_id: ask.run_id,
                timeout: ask.timeout,
                channel: Some(ask.channel.to_owned()),
                sink: Some(tx),
                ..Order::default()
            },
        )?;
        Ok(rx)
    }

    async fn complete(&self, completion: Completion) -> Result<mpsc::Receiver<Progress>, BackendError> {
        let (tx, rx) = mpsc::channel(STEPS);
        let core = self.0.clone();
        tokio::spawn(async move {
            let turn = Turn {
                history: completion.history,
                prompt: completion.prompt.text,
                images: completion.prompt.images,
                max_tokens: completion.max_tokens,
                ..Turn::default()
            };
            tokio::select! {
                () = answer_once(&core, &turn, &tx) => {}
                // Nobody reads any more, and nothing is kept: no reason to go on.
                () = tx.closed() => {}
            }
        });
        Ok(rx)
    }

    async fn cron_list(&self) -> Result<Vec<Value>, BackendError> {
        Ok(self.0.store.jobs()?)
    }

    async fn cron_add(&self, job: Value) -> Result<Value, BackendError> {
        Ok(cron::add(&self.0, job)?)
    }

    async fn cron_remove(&self, id: &str) -> Result<(), BackendError> {
        Ok(cron::remove(&self.0, id)?)
    }
}

async fn answer_once(core: &Core, turn: &Turn, out: &mpsc::Sender<Progress>) {
    let (tx, mut rx) = mpsc::channel(64);
    let answer = async {
        let ending = core.agent.answer(turn, &tx).await;
        drop(tx);
        ending
    };
    let relay = async {
        let (mut text, mut tools) = (String::new(), Vec::new());
        while let Some(step) = rx.recv().await {
            match &step {
                Step::Text(piece) => text.push_str(piece),
                Step::ToolStart { name, .. } => tools.push(name.clone()),
                Step::Thinking(_) | Step::ToolResult { .. } => {}
            }
            if out.send(Progress::Step(step)).await.is_err() {
                break;
            }
        }
        (text, tools)
    };
    let (ending, (text, tools)) = tokio::join!(answer, relay);
    let last = match ending {
        Ok(ending) => Progress::Done(Reply {
            text,
            message_id: String::new(),
            model: ending.model,
            stop_reason: ending.stop_reason,
            input_tokens: ending.input_tokens,
            output_tokens: ending.output_tokens,
            tools,
        }),
        Err(error) => Progress::Failed(error.message),
    };
    let _ = out.send(last).await;
}
