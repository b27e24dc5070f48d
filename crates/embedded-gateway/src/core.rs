//! The state that sockets, HTTP dialects and scheduler share.

use crate::agent::{Agent, AgentBackend};
use crate::backend::{Report, ReportKind};
use crate::error::{StartError, StoreError};
use crate::hub::{Audience, Hub};
use crate::keys::{ApiKey, GivenKeys};
use crate::pairing::Pairings;
use crate::runs::Runs;
use crate::server::Config;
use crate::store::Store;
use crate::store::sessions::{SessionRecord, sid_of};
use crate::time::now_ms;
use crate::{AgentProfile, rows};
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::broadcast;

/// The agent that is there without configuration.
pub(crate) const MAIN_AGENT: &str = "main";

/// The gateway's state.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) store: Store,
    pub(crate) hub: Hub,
    pub(crate) agent: Agent,
    pub(crate) agents: Vec<AgentProfile>,
    /// Never empty.
    pub(crate) token: Option<String>,
    pub(crate) given_keys: GivenKeys,
    pub(crate) origins: Vec<String>,
    pub(crate) boot_id: String,
    pub(crate) started: Instant,
    pub(crate) data_dir: PathBuf,
    pub(crate) runs: Runs,
    pub(crate) pairings: Pairings,
    /// Shortest time between two deltas of a run on the sockets.
    pub(crate) pacing: Duration,
    pub(crate) tick: Duration,
    pub(crate) health_every: Duration,
    pub(crate) ask_pairing: bool,
    pub(crate) cron_wake: tokio::sync::Notify,
    /// What happens in any run, for webhooks.
    pub(crate) reports: broadcast::Sender<Report>,
}

impl Core {
    /// Opens the database.
    ///
    /// # Errors
    /// Nothing guards the gateway, or the database or the model server cannot be used.
    pub(crate) fn open(config: &Config) -> Result<Self, StartError> {
        let secrets = config
            .token
            .iter()
            .chain(config.keys.iter().map(|key| &key.secret));
        if secrets.into_iter().any(|secret| secret.trim().is_empty()) {
            return Err(StartError::EmptySecret);
        }
        let store = Store::open(&config.data_dir)?;
        let has_keys = !config.keys.is_empty() || store.keys()?.iter().any(ApiKey::is_live);
        if config.token.is_none() && !has_keys {
            return Err(StartError::NeedsKey);
        }
        // Behind the bridge nobody asks the agent.
        let agent = match config.bridge {
            Some(_) => AgentBackend::default(),
            None => config.agent.clone(),
        };
        let mut agents = config.agents.clone();
        if agents.is_empty() {
            agents.push(AgentProfile {
                id: MAIN_AGENT.into(),
                name: Some("Clawtray".into()),
                emoji: Some("🦞".into()),
            });
        }
        Ok(Self {
            store,
            hub: Hub::new(4_096),
            agent: Agent::new(agent).map_err(StartError::Model)?,
            agents,
            token: config.token.clone(),
            given_keys: GivenKeys::new(&config.keys),
            origins: config.origins.clone(),
            boot_id: uuid::Uuid::new_v4().to_string(),
            started: Instant::now(),
            data_dir: config.data_dir.clone(),
            runs: Runs::default(),
            pairings: Pairings::default(),
            pacing: config.pacing,
            tick: config.tick,
            health_every: config.health_every,
            ask_pairing: config.ask_pairing,
            cron_wake: tokio::sync::Notify::new(),
            reports: broadcast::Sender::new(1_024),
        })
    }

    pub(crate) fn default_agent(&self) -> &str {
        self.agents.first().map_or(MAIN_AGENT, |a| a.id.as_str())
    }

    pub(crate) fn main_key(&self) -> String {
        format!("agent:{}:main", self.default_agent())
    }

    pub(crate) fn has_agent(&self, id: &str) -> bool {
        self.agents.iter().any(|a| a.id == id)
    }

    /// The full key of a session: `main` and other short names belong to the default agent.
    pub(crate) fn canonical_key(&self, key: &str) -> String {
        let key = key.trim();
        if key.starts_with("agent:") && key.splitn(3, ':').count() == 3 {
            key.to_owned()
        } else {
            format!(
                "agent:{}:{}",
                self.default_agent(),
                if key.is_empty() { "main" } else { key }
            )
        }
    }

    /// The session, made when it is not there yet; not stored until it has something to keep.
    pub(crate) fn session_or_new(&self, key: &str) -> Result<SessionRecord, StoreError> {
        Ok(match self.store.session(key)? {
            Some(record) => record,
            None => self.new_session(key),
        })
    }

    pub(crate) fn new_session(&self, key: &str) -> SessionRecord {
        let now = now_ms();
        SessionRecord {
            key: key.to_owned(),
            sid: sid_of(key),
            session_id: uuid::Uuid::new_v4().to_string(),
            agent_id: agent_of(key).to_owned(),
            background: key.contains(":cron:") || key.contains(":subagent:"),
            created_at: now,
            updated_at: now,
            ..SessionRecord::default()
        }
    }

    /// Changes a session's record, stores it and tells the subscribers.
    pub(crate) fn update_session(
        &self,
        key: &str,
        reason: &str,
        change: impl FnOnce(&mut SessionRecord),
    ) -> Result<SessionRecord, StoreError> {
        let mut record = self.session_or_new(key)?;
        change(&mut record);
        self.store.put_session(&record)?;
        self.session_changed(&record, reason);
        Ok(record)
    }

    pub(crate) fn session_changed(&self, record: &SessionRecord, reason: &str) {
        self.hub.publish("sessions.changed", Audience::Sessions, || {
            rows::changed(self, record, reason)
        });
    }

    pub(crate) fn session_deleted(&self, key: &str) {
        self.hub.publish("sessions.changed", Audience::Sessions, || {
            json!({"sessionKey": key, "agentId": agent_of(key), "reason": "delete", "ts": now_ms(), "deleted": true})
        });
    }

    /// Empties a session: its runs end, its transcript goes, its settings stay.
    pub(crate) fn clear_session(&self, key: &str) -> Result<SessionRecord, StoreError> {
        self.runs.abort(key, None, "reset");
        self.store.clear_messages(key)?;
        self.update_session(key, "reset", |s| {
            let fresh = self.new_session(&s.key);
            *s = SessionRecord {
                label: s.label.take(),
                category: s.category.take(),
                pinned_at: s.pinned_at,
                model: s.model.take(),
                channel: s.channel.take(),
                created_at: s.created_at,
                ..fresh
            };
        })
    }

    /// Takes a session away; false when there was none.
    pub(crate) fn delete_session(&self, key: &str) -> Result<bool, StoreError> {
        self.runs.abort(key, None, "delete");
        let deleted = self.store.delete_session(key)?;
        if deleted {
            self.session_deleted(key);
        }
        Ok(deleted)
    }

    /// Tells the webhooks.
    pub(crate) fn report(&self, session: &str, run_id: &str, kind: impl FnOnce() -> ReportKind) {
        if self.reports.receiver_count() > 0 {
            let report = Report {
                session: session.to_owned(),
                run_id: run_id.to_owned(),
                kind: kind(),
            };
            let _ = self.reports.send(report);
        }
    }

    pub(crate) fn uptime_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The agent that a full key belongs to.
pub(crate) fn agent_of(key: &str) -> &str {
    key.strip_prefix("agent:")
        .and_then(|rest| rest.split(':').next())
        .unwrap_or(MAIN_AGENT)
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use std::sync::Arc;

    /// A gateway without sockets, answered at once by the demo agent.
    pub(crate) fn core(dir: &std::path::Path, change: impl FnOnce(&mut Core)) -> Arc<Core> {
        let mut config = Config::new(dir, Some("token-of-the-test".into()));
        config.agent = AgentBackend::Demo {
            word_delay: Duration::ZERO,
        };
        let mut core = Core::open(&config).expect("open");
        change(&mut core);
        Arc::new(core)
    }
}
