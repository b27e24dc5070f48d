//! Session records.

use super::Store;
use crate::error::StoreError;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A session as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SessionRecord {
    pub(crate) key: String,
    /// `sess_…`: the name that the HTTP dialects use.
    pub(crate) sid: String,
    /// The transcript; changes on reset.
    pub(crate) session_id: String,
    pub(crate) agent_id: String,
    pub(crate) label: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) preview: Option<String>,
    pub(crate) category: Option<String>,
    pub(crate) icon: Option<String>,
    pub(crate) color: Option<String>,
    pub(crate) thinking_level: Option<String>,
    pub(crate) permission_mode: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) archived: bool,
    pub(crate) pinned_at: Option<i64>,
    pub(crate) unread: bool,
    pub(crate) background: bool,
    pub(crate) channel: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) last_interaction_at: Option<i64>,
    pub(crate) status: Option<String>,
    pub(crate) started_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    pub(crate) last_run_id: Option<String>,
    pub(crate) last_error: Option<String>,
    pub(crate) aborted_last_run: bool,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) message_count: u64,
}

/// The HTTP name of a session: derived from its key, so that it needs no table and is the same behind the bridge.
pub(crate) fn sid_of(key: &str) -> String {
    let hash = Sha256::digest(key.as_bytes());
    let mut out = String::from("sess_");
    for byte in hash.iter().take(6) {
        out.push_str(&format!("{byte:02x}"));
    }
    out
}

impl Store {
    pub(crate) fn session(&self, key: &str) -> Result<Option<SessionRecord>, StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare_cached("SELECT body FROM sessions WHERE key = ?1")?;
        let body: Option<String> = st.query_row([key], |r| r.get(0)).optional()?;
        Ok(body.map(|b| serde_json::from_str(&b)).transpose()?)
    }

    pub(crate) fn session_key_by_sid(&self, sid: &str) -> Result<Option<String>, StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare_cached("SELECT key FROM sessions WHERE sid = ?1")?;
        Ok(st.query_row([sid], |r| r.get(0)).optional()?)
    }

    pub(crate) fn put_session(&self, record: &SessionRecord) -> Result<(), StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare_cached(
            "INSERT INTO sessions (key, sid, agent, updated_at, body) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (key) DO UPDATE SET agent = excluded.agent, updated_at = excluded.updated_at, body = excluded.body",
        )?;
        st.execute(params![
            record.key,
            record.sid,
            record.agent_id,
            record.updated_at,
            serde_json::to_string(record)?
        ])?;
        Ok(())
    }

    /// All sessions, most recent first.
    pub(crate) fn sessions(&self) -> Result<Vec<SessionRecord>, StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare_cached("SELECT body FROM sessions ORDER BY updated_at DESC")?;
        let rows = st.query_map([], |r| r.get::<_, String>(0))?;
        let mut out = Vec::new();
        for row in rows {
            out.push(serde_json::from_str(&row?)?);
        }
        Ok(out)
    }

    pub(crate) fn delete_session(&self, key: &str) -> Result<bool, StoreError> {
        let conn = self.conn();
        conn.execute("DELETE FROM messages WHERE session = ?1", [key])?;
        Ok(conn.execute("DELETE FROM sessions WHERE key = ?1", [key])? > 0)
    }
}
