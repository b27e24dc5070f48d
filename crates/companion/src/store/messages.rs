//! Stores messages from history pages and live events. They may come in any order and more than
//! once.

use super::{
    Store, StoreError,
    cache::{agent_of, ensure_session, hash, session_id},
    search::{index_text, tags},
};
use crate::gateway::History;
use clawtray_gateway_protocol::{ContentPart, Message};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde_json::Value;
use std::{borrow::Cow, collections::HashSet};

/// Positions from here on are times, of sessions whose gateway does not number messages.
pub(super) const FIRST_TIME_POS: i64 = 100_000_000_000;
/// A part of an image's or an unknown part's value that is longer is its data, which is not kept.
const PART_VALUE_BYTES: usize = 32 * 1024;

/// Which part of a session's transcript a history page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// It ends with the newest message.
    Newest,
    /// It lies somewhere before.
    Older,
}

impl Store {
    /// Keeps a history page. Within its range the page is the truth: messages known here that it does not have are gone
    /// (a reset, a compaction). Answers how many messages were new or changed.
    pub fn upsert_page(&self, gateway: &str, page: &History, kind: PageKind) -> Result<usize, StoreError> {
        let session = page.session.as_str();
        let (changed, bytes) = self.write(|db| {
            let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let id = ensure_session(&db, gateway, session)?;
            let mut writer = Writer {
                db: &db,
                gateway,
                session,
                id,
                bytes: 0,
                last: None,
            };
            let mut changed = 0;
            let mut keys = HashSet::new();
            for message in &page.messages {
                let row = writer.put(message)?;
                changed += usize::from(row.changed);
                keys.insert(row.key);
            }
            let bytes = writer.bytes;
            drop_stale(&db, id, page, kind, &keys)?;
            db.commit()?;
            Ok((changed, bytes))
        })?;
        self.wrote(bytes);
        Ok(changed)
    }

    /// Keeps messages that came as events. Answers how many were new or changed.
    pub fn upsert_messages(
        &self,
        gateway: &str,
        session: &str,
        messages: &[Message],
    ) -> Result<usize, StoreError> {
        let (changed, bytes) = self.write(|db| {
            let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let id = ensure_session(&db, gateway, session)?;
            let mut writer = Writer {
                db: &db,
                gateway,
                session,
                id,
                bytes: 0,
                last: None,
            };
            let mut changed = 0;
            for message in messages {
                changed += usize::from(writer.put(message)?.changed);
            }
            let bytes = writer.bytes;
            db.commit()?;
            Ok((changed, bytes))
        })?;
        self.wrote(bytes);
        Ok(changed)
    }

    /// Forgets one message.
    pub fn delete_message(
        &self,
        gateway: &str,
        session: &str,
        message: &Message,
    ) -> Result<bool, StoreError> {
        self.write(|db| {
            let Some(id) = session_id(db, gateway, session)? else {
                return Ok(false);
            };
            let gone = db
                .prepare_cached("DELETE FROM message WHERE session = ? AND key = ?")?
                .execute(params![id, key_of(message)])?;
            Ok(gone > 0)
        })
    }
}

/// Writes messages of one session within a transaction.
pub(super) struct Writer<'a> {
    pub(super) db: &'a Connection,
    pub(super) gateway: &'a str,
    pub(super) session: &'a str,
    pub(super) id: i64,
    pub(super) bytes: u64,
    /// The last row id given out, for many messages at one moment.
    pub(super) last: Option<i64>,
}

pub(super) struct Put {
    pub(super) key: i64,
    pub(super) changed: bool,
}

struct Known {
    id: i64,
    pos: i64,
    body: String,
}

impl Writer<'_> {
    pub(super) fn put(&mut self, message: &Message) -> rusqlite::Result<Put> {
        let key = key_of(message);
        let message = without_data(message);
        let body = serde_json::to_string(message.as_ref())
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let at_ms = message.timestamp.unwrap_or_default().max(0);
        let seq = message.meta.seq.and_then(|seq| i64::try_from(seq).ok());
        let known = self.known(key)?;
        if let Some(known) = &known
            && (known.body == body || has_more(&known.body, &message))
            && seq.is_none_or(|seq| seq == known.pos)
        {
            return Ok(Put { key, changed: false });
        }
        let pos = match (seq, &known) {
            (Some(seq), _) => seq,
            (None, Some(known)) => known.pos,
            (None, None) => self.position(at_ms)?,
        };
        if seq.is_some() {
            // One place, one message: another that stood there is from before a reset, or had no id yet.
            self.db
                .prepare_cached("DELETE FROM message WHERE session = ? AND pos = ? AND key <> ?")?
                .execute(params![self.id, pos, key])?;
        }
        let id = match &known {
            Some(known) => {
                self.db
                    .prepare_cached("UPDATE message SET pos = ?2, at_ms = ?3, body = ?4 WHERE id = ?1")?
                    .execute(params![known.id, pos, at_ms, body])?;
                known.id
            }
            None => {
                let id = self.free_id(at_ms)?;
                self.db
                    .prepare_cached(
                        "INSERT INTO message (id, session, key, pos, at_ms, body) VALUES (?, ?, ?, ?, ?, ?)",
                    )?
                    .execute(params![id, self.id, key, pos, at_ms, body])?;
                id
            }
        };
        let words = index_text(&message, &tags(self.gateway, agent_of(self.session), self.id));
        let sql = if known.is_some() {
            "INSERT OR REPLACE INTO message_words (rowid, words) VALUES (?, ?)"
        } else {
            "INSERT INTO message_words (rowid, words) VALUES (?, ?)"
        };
        self.db.prepare_cached(sql)?.execute(params![id, words])?;
        self.bytes += (body.len() + words.len()) as u64;
        Ok(Put { key, changed: true })
    }

    fn known(&self, key: i64) -> rusqlite::Result<Option<Known>> {
        self.db
            .prepare_cached("SELECT id, pos, body FROM message WHERE session = ? AND key = ?")?
            .query_row(params![self.id, key], |row| {
                Ok(Known {
                    id: row.get(0)?,
                    pos: row.get(1)?,
                    body: row.get(2)?,
                })
            })
            .optional()
    }

    /// The place of a message that the gateway did not number: behind the numbered ones, or by its time.
    fn position(&self, at_ms: i64) -> rusqlite::Result<i64> {
        let newest: Option<i64> = self
            .db
            .prepare_cached("SELECT max(pos) FROM message WHERE session = ?")?
            .query_row([self.id], |row| row.get(0))?;
        Ok(match newest {
            Some(newest) if newest < FIRST_TIME_POS => newest + 1,
            _ => at_ms.max(FIRST_TIME_POS),
        })
    }

    fn free_id(&mut self, at_ms: i64) -> rusqlite::Result<i64> {
        let wanted = row_id(at_ms);
        let from = match self.last {
            Some(last) if (wanted..wanted + 4096).contains(&last) => last + 1,
            _ => wanted,
        };
        let id = self
            .db
            .prepare_cached(
                "SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM message WHERE id = ?1) THEN ?1 ELSE (
                     SELECT taken.id + 1 FROM message AS taken WHERE taken.id >= ?1
                       AND NOT EXISTS (SELECT 1 FROM message AS next WHERE next.id = taken.id + 1)
                     ORDER BY taken.id LIMIT 1) END",
            )?
            .query_row([from], |row| row.get(0))?;
        self.last = Some(id);
        Ok(id)
    }
}

/// The row id of a message at that time, when nobody else has it.
pub(super) fn row_id(at_ms: i64) -> i64 {
    at_ms.max(0) / 250 + 1
}

/// What makes a message itself, wherever it comes from.
pub(super) fn key_of(message: &Message) -> i64 {
    let seq = message.meta.seq.map(|seq| seq.to_string());
    let hash = match (&message.meta.id, &message.idempotency_key, &seq) {
        (Some(id), _, _) => hash(&["id", id.as_str()]),
        (None, Some(key), _) => hash(&["key", key]),
        (None, None, Some(seq)) => hash(&["seq", seq]),
        (None, None, None) => {
            let at = message.timestamp.unwrap_or_default().to_string();
            hash(&["text", &at, &format!("{:?}", message.role), &message.text()])
        }
    };
    i64::from_ne_bytes(hash.to_ne_bytes())
}

/// Whether the copy has the text of a message that the gateway now told of with less.
fn has_more(body: &str, message: &Message) -> bool {
    message.cut().is_some()
        && serde_json::from_str::<Message>(body)
            .is_ok_and(|kept| kept.cut().is_none() && kept.text().starts_with(&message.text()))
}

/// Deletes what the page says is gone.
fn drop_stale(
    db: &Connection,
    session: i64,
    page: &History,
    kind: PageKind,
    keys: &HashSet<i64>,
) -> rusqlite::Result<()> {
    if page.messages.is_empty() {
        if kind == PageKind::Newest && !page.has_more {
            db.prepare_cached("DELETE FROM message WHERE session = ?")?
                .execute([session])?;
        }
        return Ok(());
    }
    let seqs = || {
        page.messages
            .iter()
            .filter_map(|message| message.meta.seq)
            .filter_map(|seq| i64::try_from(seq).ok())
    };
    let (Some(mut first), Some(last)) = (seqs().min(), seqs().max()) else {
        return Ok(());
    };
    let complete = kind == PageKind::Newest && !page.has_more;
    if complete {
        first = i64::MIN;
    }
    let mut stale: Vec<i64> = Vec::new();
    let mut look =
        db.prepare_cached("SELECT id, key FROM message WHERE session = ? AND pos BETWEEN ? AND ?")?;
    let mut rows = look.query(params![session, first, last])?;
    while let Some(row) = rows.next()? {
        if !keys.contains(&row.get::<_, i64>(1)?) {
            stale.push(row.get(0)?);
        }
    }
    if kind == PageKind::Newest {
        // Behind the newest page there can only be what arrived while it was under way, and that is younger. Older rows
        // there are from before a reset.
        let newest = page
            .messages
            .iter()
            .filter_map(|message| message.timestamp)
            .max()
            .unwrap_or_default();
        let mut look =
            db.prepare_cached("SELECT id FROM message WHERE session = ? AND pos > ? AND at_ms < ?")?;
        let mut rows = look.query(params![session, last, newest])?;
        while let Some(row) = rows.next()? {
            stale.push(row.get(0)?);
        }
    }
    for id in stale {
        db.prepare_cached("DELETE FROM message WHERE id = ?")?
            .execute([id])?;
    }
    Ok(())
}

/// The message without the data of its pictures, which are loaded when they are looked at.
fn without_data(message: &Message) -> Cow<'_, Message> {
    let heavy = |value: &Value| {
        value.as_object().is_some_and(|map| {
            map.values()
                .any(|value| value.as_str().is_some_and(|text| text.len() > PART_VALUE_BYTES))
        })
    };
    let has_data = message.content.iter().any(|part| match part {
        ContentPart::Image(value) | ContentPart::Other(value) => heavy(value),
        ContentPart::Text { .. } | ContentPart::Thinking { .. } | ContentPart::ToolCall { .. } => false,
    });
    if !has_data {
        return Cow::Borrowed(message);
    }
    let mut message = message.clone();
    for part in &mut message.content {
        if let ContentPart::Image(Value::Object(map)) | ContentPart::Other(Value::Object(map)) = part {
            map.retain(|_, value| value.as_str().is_none_or(|text| text.len() <= PART_VALUE_BYTES));
        }
    }
    Cow::Owned(message)
}
