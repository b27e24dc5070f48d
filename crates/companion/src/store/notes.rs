//! Drafts, earlier prompts, and what this computer remembers about a session.

use super::{Store, StoreError};
use rusqlite::{OptionalExtension, TransactionBehavior, params};

/// Earlier prompts kept per gateway.
pub const PROMPT_HISTORY_LIMIT: u32 = 500;
/// Longer prompts are not kept for the ↑ key; they are in the transcript.
const PROMPT_HISTORY_BYTES: usize = 32 * 1024;

/// What is remembered of a session on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Its replies do not notify.
    pub muted: bool,
    /// Read up to then, in milliseconds since the epoch. 0: never.
    pub read_at_ms: i64,
    /// Read up to this message.
    pub read_message: Option<String>,
    /// The reply that was told last.
    pub told_reply: Option<String>,
    /// When that reply was made, in milliseconds since the epoch.
    pub told_at_ms: i64,
}

impl Store {
    /// Keeps the unsent text of a session; an empty one is forgotten.
    pub fn save_draft(
        &self,
        gateway: &str,
        session: &str,
        text: &str,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.local(|db| {
            if text.is_empty() {
                db.prepare_cached("DELETE FROM draft WHERE gateway = ? AND session = ?")?
                    .execute([gateway, session])?;
            } else {
                db.prepare_cached(
                    "INSERT INTO draft (gateway, session, text, at_ms) VALUES (?, ?, ?, ?)
                     ON CONFLICT DO UPDATE SET text = excluded.text, at_ms = excluded.at_ms",
                )?
                .execute(params![gateway, session, text, now_ms])?;
            }
            Ok(())
        })
    }

    /// The unsent text of a session; empty when there is none.
    pub fn draft(&self, gateway: &str, session: &str) -> Result<String, StoreError> {
        self.local(|db| {
            Ok(db
                .prepare_cached("SELECT text FROM draft WHERE gateway = ? AND session = ?")?
                .query_row([gateway, session], |row| row.get(0))
                .optional()?
                .unwrap_or_default())
        })
    }

    /// All drafts of a gateway as (session, text), newest first.
    pub fn drafts(&self, gateway: &str) -> Result<Vec<(String, String)>, StoreError> {
        self.local(|db| {
            db.prepare_cached("SELECT session, text FROM draft WHERE gateway = ? ORDER BY at_ms DESC")?
                .query_map([gateway], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    /// Remembers a prompt for the ↑ key. The same text again moves to the front.
    pub fn remember_prompt(&self, gateway: &str, text: &str, now_ms: i64) -> Result<(), StoreError> {
        if text.trim().is_empty() || text.len() > PROMPT_HISTORY_BYTES {
            return Ok(());
        }
        self.local(|db| {
            let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            db.prepare_cached("DELETE FROM prompt_history WHERE gateway = ? AND text = ?")?
                .execute([gateway, text])?;
            db.prepare_cached("INSERT INTO prompt_history (gateway, text, at_ms) VALUES (?, ?, ?)")?
                .execute(params![gateway, text, now_ms])?;
            db.prepare_cached(
                "DELETE FROM prompt_history WHERE n IN (
                     SELECT n FROM prompt_history WHERE gateway = ?1
                     ORDER BY at_ms DESC, n DESC LIMIT -1 OFFSET ?2)",
            )?
            .execute(params![gateway, PROMPT_HISTORY_LIMIT])?;
            db.commit()
        })
    }

    /// Earlier prompts, newest first.
    pub fn prompt_history(&self, gateway: &str, limit: u32) -> Result<Vec<String>, StoreError> {
        self.local(|db| {
            db.prepare_cached(
                "SELECT text FROM prompt_history WHERE gateway = ? ORDER BY at_ms DESC, n DESC LIMIT ?",
            )?
            .query_map(params![gateway, limit], |row| row.get(0))?
            .collect()
        })
    }

    /// What is remembered of a session.
    pub fn marks(&self, gateway: &str, session: &str) -> Result<Marks, StoreError> {
        self.local(|db| {
            Ok(db
                .prepare_cached(
                    "SELECT muted, read_at_ms, read_message, told_reply, told_at_ms FROM mark
                     WHERE gateway = ? AND session = ?",
                )?
                .query_row([gateway, session], |row| marks(row, 0))
                .optional()?
                .unwrap_or_default())
        })
    }

    /// What is remembered of all sessions of a gateway.
    pub fn all_marks(&self, gateway: &str) -> Result<Vec<(String, Marks)>, StoreError> {
        self.local(|db| {
            db.prepare_cached(
                "SELECT session, muted, read_at_ms, read_message, told_reply, told_at_ms FROM mark
                 WHERE gateway = ?",
            )?
            .query_map([gateway], |row| Ok((row.get(0)?, marks(row, 1)?)))?
            .collect()
        })
    }

    /// Mutes a session, or not.
    pub fn set_muted(&self, gateway: &str, session: &str, muted: bool) -> Result<(), StoreError> {
        self.local(|db| {
            db.prepare_cached(
                "INSERT INTO mark (gateway, session, muted) VALUES (?, ?, ?)
                 ON CONFLICT DO UPDATE SET muted = excluded.muted",
            )?
            .execute(params![gateway, session, muted])
            .map(drop)
        })
    }

    /// Marks a session read up to a message. An earlier moment than the one known changes nothing.
    pub fn set_read(
        &self,
        gateway: &str,
        session: &str,
        message: Option<&str>,
        at_ms: i64,
    ) -> Result<(), StoreError> {
        self.local(|db| {
            db.prepare_cached(
                "INSERT INTO mark (gateway, session, read_at_ms, read_message) VALUES (?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET read_at_ms = excluded.read_at_ms, read_message = excluded.read_message
                 WHERE excluded.read_at_ms >= read_at_ms",
            )?
            .execute(params![gateway, session, at_ms, message])
            .map(drop)
        })
    }

    /// Whether a reply has to be told now. The first to ask gets `true`, in whatever process and after whatever restart;
    /// a reply that is older than the one told last is never told.
    pub fn tell_once(
        &self,
        gateway: &str,
        session: &str,
        reply: &str,
        made_at_ms: i64,
    ) -> Result<bool, StoreError> {
        self.local(|db| {
            Ok(db
                .prepare_cached(
                    "INSERT INTO mark (gateway, session, told_reply, told_at_ms) VALUES (?, ?, ?, ?)
                     ON CONFLICT DO UPDATE SET told_reply = excluded.told_reply, told_at_ms = excluded.told_at_ms
                     WHERE excluded.told_at_ms >= told_at_ms AND excluded.told_reply IS NOT told_reply",
                )?
                .execute(params![gateway, session, reply, made_at_ms])?
                > 0)
        })
    }

    /// Forgets what this machine remembers of a session that was deleted. Prompts that wait stay.
    pub fn forget_session_notes(&self, gateway: &str, session: &str) -> Result<(), StoreError> {
        self.local(|db| {
            let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            db.execute(
                "DELETE FROM draft WHERE gateway = ? AND session = ?",
                [gateway, session],
            )?;
            db.execute(
                "DELETE FROM mark WHERE gateway = ? AND session = ?",
                [gateway, session],
            )?;
            db.commit()
        })
    }

    /// Forgets everything of a gateway that only this machine has, unsent prompts included: the profile was removed.
    pub fn forget_gateway_notes(&self, gateway: &str) -> Result<(), StoreError> {
        self.local(|db| {
            let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for table in ["outbox", "draft", "prompt_history", "mark"] {
                db.execute(&format!("DELETE FROM {table} WHERE gateway = ?"), [gateway])?;
            }
            db.commit()
        })
    }
}

fn marks(row: &rusqlite::Row<'_>, from: usize) -> rusqlite::Result<Marks> {
    Ok(Marks {
        muted: row.get(from)?,
        read_at_ms: row.get(from + 1)?,
        read_message: row.get(from + 2)?,
        told_reply: row.get(from + 3)?,
        told_at_ms: row.get(from + 4)?,
    })
}
