//! What the sockets, the HTTP dialects and the scheduler share.

use crate::agent::Agent;
use crate::error::StoreError;
use crate::hub::{Audience, Hub};
use crate::pairing::Pairings;
use crate::runs::Runs;
use crate::store::Store;
use crate::store::sessions::{SessionRecord, sid_of};
use crate::time::now_ms;
use crate::{AgentProfile, rows};
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The agent that is there without configuration.
pub(crate) const MAIN_AGENT: &str = "main";

/// The gateway's state.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) store: Store,
    pub(crate) hub: Hub,
    pub(crate) agent: Agent,
    pub(crate) agents: Vec<AgentProfile>,
    pub(crate) token: Option<String>,
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
}

impl Core {
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
