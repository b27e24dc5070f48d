//! Transcripts.

use super::Store;
use crate::error::StoreError;
use rusqlite::params;
use serde_json::{Value, json};

/// A message to be stored; `body` is the message without `__openclaw`.
#[derive(Clone, Debug)]
pub(crate) struct NewMessage {
    pub(crate) session: String,
    pub(crate) run: Option<String>,
    pub(crate) role: &'static str,
    pub(crate) ts: i64,
    pub(crate) text: String,
    pub(crate) body: Value,
}

/// A message as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct StoredMessage {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) role: String,
    pub(crate) text: String,
    /// The message in the protocol's shape, with `__openclaw`.
    pub(crate) wire: Value,
}

impl Store {
    /// Appends and gives back what the wire shows.
    pub(crate) fn append_message(&self, message: NewMessage) -> Result<StoredMessage, StoreError> {
        let id = uuid::Uuid::new_v4().to_string();
        let conn = self.conn();
        let mut next =
            conn.prepare_cached("SELECT coalesce(max(seq), 0) + 1 FROM messages WHERE session = ?1")?;
        let seq: i64 = next.query_row([&message.session], |r| r.get(0))?;
        let mut st = conn.prepare_cached(
            "INSERT INTO messages (session, seq, id, run, role, ts, text, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        st.execute(params![
            message.session,
            seq,
            id,
            message.run,
            message.role,
            message.ts,
            message.text,
            message.body.to_string()
        ])?;
        let wire = wire(message.body, &id, seq, message.run.as_deref(), message.ts);
        Ok(StoredMessage {
            id,
            seq: seq.unsigned_abs(),
            role: message.role.to_owned(),
            text: message.text,
            wire,
        })
    }

    /// A page: `offset` skips the newest, `limit` counts from there backwards; the result is oldest first.
    pub(crate) fn messages(
        &self,
        session: &str,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare_cached(
            "SELECT id, seq, run, role, ts, text, body FROM messages WHERE session = ?1 ORDER BY seq DESC LIMIT ?2 OFFSET ?3",
        )?;
        let mut rows = st.query(params![session, limit, offset])?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            let (id, seq): (String, i64) = (row.get(0)?, row.get(1)?);
            let run: Option<String> = row.get(2)?;
            let ts: i64 = row.get(4)?;
            let body: Value = serde_json::from_str(&row.get::<_, String>(6)?)?;
            out.push(StoredMessage {
                wire: wire(body, &id, seq, run.as_deref(), ts),
                id,
                seq: seq.unsigned_abs(),
                role: row.get(3)?,
                text: row.get(5)?,
            });
        }
        out.reverse();
        Ok(out)
    }

    pub(crate) fn message_count(&self, session: &str) -> Result<u64, StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare_cached("SELECT count(*) FROM messages WHERE session = ?1")?;
        Ok(st.query_row([session], |r| r.get::<_, i64>(0))?.unsigned_abs())
    }

    pub(crate) fn clear_messages(&self, session: &str) -> Result<(), StoreError> {
        self.conn()
            .execute("DELETE FROM messages WHERE session = ?1", [session])?;
        Ok(())
    }
}

fn wire(mut body: Value, id: &str, seq: i64, run: Option<&str>, ts: i64) -> Value {
    let mut meta = json!({ "id": id, "seq": seq, "recordTimestampMs": ts });
    if let Some(meta) = meta.as_object_mut() {
        if let Some(run) = run {
            meta.insert("runId".into(), run.into());
        }
        if let Some(key) = body.get("idempotencyKey") {
            meta.insert("idempotencyKey".into(), key.clone());
        }
    }
    if let Some(object) = body.as_object_mut() {
        object.insert("__openclaw".into(), meta);
    }
    body
}
