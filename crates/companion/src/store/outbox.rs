//! The stored outbox.
//!
//! A prompt is written here before anything else happens to it. One process at a time may send it:
//! the process claims the prompt with a lease. Only the owner of the lease reports the result.
//!
//! Any process can claim a lease that ran out or whose owner is dead ([`super::Sender`]). The claim
//! then says that the prompt may have arrived already.

use super::{Store, StoreError};
use crate::gateway::{Attachment, Prompt};
use clawtray_gateway_protocol::SessionKey;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use std::time::Duration;

/// Where a prompt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutboxState {
    /// Waits to be sent.
    Queued,
    /// Somebody is sending it, or was when it was killed.
    Sending,
    /// Refused; it stays until the person tries again or takes it back.
    Failed,
    /// The gateway has it. The row stays a while so that the same id is not sent twice.
    Taken,
}

impl OutboxState {
    fn from_word(word: &str) -> Self {
        match word {
            "sending" => Self::Sending,
            "failed" => Self::Failed,
            "taken" => Self::Taken,
            _ => Self::Queued,
        }
    }
}

/// A prompt in the outbox, without the bytes of its attachments.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxEntry {
    /// The idempotency key.
    pub id: String,
    /// The gateway profile.
    pub gateway: String,
    /// The session's key.
    pub session: String,
    /// The text.
    pub text: String,
    /// What goes with it.
    pub attachments: Vec<AttachmentFacts>,
    /// Where it stands.
    pub state: OutboxState,
    /// One sentence, when it failed.
    pub error: Option<String>,
    /// When it was written, in milliseconds since the epoch.
    pub created_at_ms: i64,
    /// How often it was claimed.
    pub attempt: u32,
    /// No attempt before then, in milliseconds since the epoch.
    pub not_before_ms: i64,
    /// Who sends it.
    pub owner: Option<String>,
    /// When that lease ends, in milliseconds since the epoch.
    pub lease_until_ms: i64,
}

/// An attachment without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentFacts {
    /// The file's name.
    pub name: Option<String>,
    /// The MIME type.
    pub mime_type: String,
    /// Size in bytes, decoded.
    pub bytes: u64,
}

/// What became of an insert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is on the disk now.
    New,
    /// It was there already, with the same content.
    Known(OutboxState),
}

/// What became of a claim for one prompt.
#[derive(Clone, Debug, PartialEq)]
pub enum Claimed {
    /// It is ours to send.
    Ours(Box<Claim>),
    /// Another process sends it.
    Elsewhere,
    /// The gateway has it already.
    Taken,
    /// It is not here: taken back, or never written.
    Unknown,
}

/// The right to send a prompt, until the lease ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The gateway profile.
    pub gateway: String,
    /// What to send.
    pub prompt: Prompt,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// When the first attempt of several was made, in milliseconds since the epoch. The prompt may have arrived then.
    /// The gateway knows an idempotency key for five minutes; past that, look for the key in the session's history
    /// before sending again.
    pub first_attempt_at_ms: Option<i64>,
    /// When the lease ends, in milliseconds since the epoch.
    pub lease_until_ms: i64,
}

impl Store {
    /// Writes a prompt. When this returns, the prompt survives a crash and a loss of power.
    pub fn outbox_insert(&self, gateway: &str, prompt: &Prompt, now_ms: i64) -> Result<Inserted, StoreError> {
        let id = &prompt.idempotency_key;
        let known =
            self.local(|db| {
                let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
                if let Some(entry) = find(&db, id)? {
                    let same = entry.gateway == gateway
                        && entry.session == prompt.session.as_str()
                        && entry.text == prompt.text
                        && (entry.state == OutboxState::Taken || files_of(&db, id)? == prompt.attachments);
                    return Ok(Some((same, entry.state)));
                }
                db.prepare_cached(
                "INSERT INTO outbox (id, gateway, session, text, thinking, timeout_ms, state, created_at_ms)
                 VALUES (?, ?, ?, ?, ?, ?, 'queued', ?)",
            )?
            .execute(params![
                id,
                gateway,
                prompt.session.as_str(),
                prompt.text,
                prompt.thinking,
                prompt.timeout_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX)),
                now_ms
            ])?;
                let entry = db.last_insert_rowid();
                for (place, file) in (0_i64..).zip(&prompt.attachments) {
                    db.prepare_cached(
                    "INSERT INTO outbox_file (entry, place, name, mime_type, content) VALUES (?, ?, ?, ?, ?)",
                )?
                .execute(params![entry, place, file.file_name, file.mime_type, file.content])?;
                }
                db.commit()?;
                Ok(None)
            })?;
        match known {
            None => Ok(Inserted::New),
            Some((true, state)) => Ok(Inserted::Known(state)),
            Some((false, _)) => Err(StoreError::Conflict { id: id.clone() }),
        }
    }

    /// The prompts of a gateway that it has not taken, in the order in which they were written.
    pub fn outbox(&self, gateway: &str) -> Result<Vec<OutboxEntry>, StoreError> {
        self.local(|db| {
            let mut entries = db
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM outbox WHERE gateway = ? AND state <> 'taken' ORDER BY n"
                ))?
                .query_map([gateway], read)?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            for entry in &mut entries {
                entry.attachments = facts(db, &entry.id)?;
            }
            Ok(entries)
        })
    }

    /// One prompt, taken or not.
    pub fn outbox_entry(&self, id: &str) -> Result<Option<OutboxEntry>, StoreError> {
        self.local(|db| {
            let Some(mut entry) = find(db, id)? else {
                return Ok(None);
            };
            entry.attachments = facts(db, id)?;
            Ok(Some(entry))
        })
    }

    /// A prompt whole, with the bytes of its attachments. Nothing about it changes.
    pub fn outbox_prompt(&self, id: &str) -> Result<Option<Prompt>, StoreError> {
        self.local(|db| Ok(claim_of(db, id)?.map(|claim| claim.prompt)))
    }

    /// Claims the next prompt of a gateway. Prompts of one session go one after the other, in the order in which they
    /// were written; a failed one does not hold up those behind it. Exactly one of several processes gets it.
    pub fn outbox_claim(
        &self,
        gateway: &str,
        owner: &str,
        now_ms: i64,
        lease: Duration,
    ) -> Result<Option<Claim>, StoreError> {
        self.outbox_free_dead()?;
        let until = lease_end(now_ms, lease);
        self.local(|db| {
            // The write lock is taken before looking, so that two processes never look at the same moment.
            let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let id: Option<String> = db
                .prepare_cached(
                    "SELECT id FROM outbox AS entry
                     WHERE gateway = ?1
                       AND ((state = 'queued' AND not_before_ms <= ?2)
                         OR (state = 'sending' AND lease_until_ms <= ?2))
                       AND NOT EXISTS (
                         SELECT 1 FROM outbox AS before
                         WHERE before.gateway = entry.gateway AND before.session = entry.session
                           AND before.n < entry.n AND before.state IN ('queued', 'sending')
                           AND before.state <> 'taken') -- names the partial index
                       AND state <> 'taken'
                     ORDER BY n LIMIT 1",
                )?
                .query_row(params![gateway, now_ms], |row| row.get(0))
                .optional()?;
            let Some(id) = id else { return Ok(None) };
            let claim = give(&db, &id, owner, until, now_ms)?;
            db.commit()?;
            Ok(claim)
        })
    }

    /// Claims one prompt, whichever is next. Asked again by its owner, the answer is the same; a failed prompt is not
    /// given.
    pub fn outbox_claim_one(
        &self,
        id: &str,
        owner: &str,
        now_ms: i64,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        self.outbox_free_dead()?;
        let until = lease_end(now_ms, lease);
        self.local(|db| {
            let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let Some(entry) = find(&db, id)? else {
                return Ok(Claimed::Unknown);
            };
            let ours = entry.owner.as_deref() == Some(owner);
            let claim = match entry.state {
                OutboxState::Taken => return Ok(Claimed::Taken),
                OutboxState::Failed => return Ok(Claimed::Elsewhere),
                OutboxState::Sending if ours => claim_of(&db, id)?,
                OutboxState::Sending if entry.lease_until_ms > now_ms => return Ok(Claimed::Elsewhere),
                OutboxState::Sending | OutboxState::Queued => give(&db, id, owner, until, now_ms)?,
            };
            db.commit()?;
            Ok(claim.map_or(Claimed::Unknown, |claim| Claimed::Ours(Box::new(claim))))
        })
    }

    /// Extends a lease. `false`: it is not ours any more, stop sending.
    pub fn outbox_renew(&self, id: &str, owner: &str, until_ms: i64) -> Result<bool, StoreError> {
        self.change(
            "UPDATE outbox SET lease_until_ms = ?3 WHERE id = ?1 AND owner = ?2 AND state = 'sending'",
            params![id, owner, until_ms],
        )
    }

    /// Gives a prompt back for a later attempt (the connection was lost). `false`: the lease is not ours any more.
    pub fn outbox_release(&self, id: &str, owner: &str, not_before_ms: i64) -> Result<bool, StoreError> {
        self.change(
            "UPDATE outbox SET state = 'queued', owner = NULL, lease_until_ms = 0, not_before_ms = ?3
             WHERE id = ?1 AND owner = ?2 AND state = 'sending'",
            params![id, owner, not_before_ms],
        )
    }

    /// The attempt did not leave this process at all, so that the next one is the first again.
    pub fn outbox_release_unsent(
        &self,
        id: &str,
        owner: &str,
        not_before_ms: i64,
    ) -> Result<bool, StoreError> {
        self.change(
            "UPDATE outbox SET state = 'queued', owner = NULL, lease_until_ms = 0, not_before_ms = ?3,
                 first_attempt_at_ms = iif(attempt <= 1, NULL, first_attempt_at_ms),
                 attempt = max(attempt - 1, 0)
             WHERE id = ?1 AND owner = ?2 AND state = 'sending'",
            params![id, owner, not_before_ms],
        )
    }

    /// The gateway refused the prompt for good. `false`: the lease is not ours any more.
    pub fn outbox_fail(&self, id: &str, owner: &str, error: &str) -> Result<bool, StoreError> {
        self.change(
            "UPDATE outbox SET state = 'failed', owner = NULL, lease_until_ms = 0, error = ?3
             WHERE id = ?1 AND owner = ?2 AND state = 'sending'",
            params![id, owner, error],
        )
    }

    /// The gateway has the prompt: it acknowledged it, or the id was seen in a transcript. That is true whoever says so,
    /// so no owner is asked. Attachments are dropped. `false`: it was known, or there is no such prompt.
    pub fn outbox_taken(&self, id: &str, now_ms: i64) -> Result<bool, StoreError> {
        self.local(|db| {
            let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let changed = db
                .prepare_cached(
                    "UPDATE outbox SET state = 'taken', taken_at_ms = ?2, owner = NULL, lease_until_ms = 0,
                         error = NULL
                     WHERE id = ?1 AND state <> 'taken'",
                )?
                .execute(params![id, now_ms])?;
            db.prepare_cached("DELETE FROM outbox_file WHERE entry = (SELECT n FROM outbox WHERE id = ?)")?
                .execute([id])?;
            db.commit()?;
            Ok(changed > 0)
        })
    }

    /// Queues a failed prompt again, under the same id.
    pub fn outbox_retry(&self, id: &str) -> Result<bool, StoreError> {
        self.change(
            "UPDATE outbox SET state = 'queued', error = NULL, not_before_ms = 0
             WHERE id = ?1 AND (state = 'failed' OR (state = 'queued' AND not_before_ms > 0))",
            params![id],
        )
    }

    /// Takes a prompt back and answers it whole. `None`: it is being sent, was taken, or is unknown.
    pub fn outbox_cancel(&self, id: &str) -> Result<Option<Prompt>, StoreError> {
        self.local(|db| {
            let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let free = find(&db, id)?
                .is_some_and(|entry| matches!(entry.state, OutboxState::Queued | OutboxState::Failed));
            if !free {
                return Ok(None);
            }
            let prompt = claim_of(&db, id)?.map(|claim| claim.prompt);
            db.prepare_cached("DELETE FROM outbox WHERE id = ?")?
                .execute([id])?;
            db.commit()?;
            Ok(prompt)
        })
    }

    /// Points the waiting prompts of a session at another one (a new session got its real key).
    pub fn outbox_redirect(&self, gateway: &str, from: &str, to: &str) -> Result<usize, StoreError> {
        self.local(|db| {
            db.prepare_cached(
                "UPDATE outbox SET session = ?3 WHERE gateway = ?1 AND session = ?2 AND state = 'queued'",
            )?
            .execute(params![gateway, from, to])
        })
    }

    /// Forgets prompts that were taken before then. Until that, their ids cannot be used again.
    pub fn outbox_forget_taken(&self, before_ms: i64) -> Result<usize, StoreError> {
        self.local(|db| {
            db.prepare_cached("DELETE FROM outbox WHERE state = 'taken' AND taken_at_ms < ?")?
                .execute([before_ms])
        })
    }

    fn change(&self, sql: &str, values: impl rusqlite::Params) -> Result<bool, StoreError> {
        self.local(|db| Ok(db.prepare_cached(sql)?.execute(values)? > 0))
    }
}

const COLUMNS: &str =
    "id, gateway, session, text, state, error, created_at_ms, attempt, not_before_ms, owner,
    lease_until_ms";

fn read(row: &Row<'_>) -> rusqlite::Result<OutboxEntry> {
    Ok(OutboxEntry {
        id: row.get(0)?,
        gateway: row.get(1)?,
        session: row.get(2)?,
        text: row.get(3)?,
        attachments: Vec::new(),
        state: OutboxState::from_word(&row.get::<_, String>(4)?),
        error: row.get(5)?,
        created_at_ms: row.get(6)?,
        attempt: row.get(7)?,
        not_before_ms: row.get(8)?,
        owner: row.get(9)?,
        lease_until_ms: row.get(10)?,
    })
}

fn lease_end(now_ms: i64, lease: Duration) -> i64 {
    now_ms.saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX))
}

fn give(
    db: &Connection,
    id: &str,
    owner: &str,
    until_ms: i64,
    now_ms: i64,
) -> rusqlite::Result<Option<Claim>> {
    db.prepare_cached(
        "UPDATE outbox SET state = 'sending', owner = ?2, lease_until_ms = ?3, attempt = attempt + 1,
             first_attempt_at_ms = coalesce(first_attempt_at_ms, ?4), error = NULL
         WHERE id = ?1",
    )?
    .execute(params![id, owner, until_ms, now_ms])?;
    claim_of(db, id)
}

fn find(db: &Connection, id: &str) -> rusqlite::Result<Option<OutboxEntry>> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE id = ?"))?
        .query_row([id], read)
        .optional()
}

fn facts(db: &Connection, id: &str) -> rusqlite::Result<Vec<AttachmentFacts>> {
    // Base64 without its padding: four characters are three bytes.
    db.prepare_cached(
        "SELECT name, mime_type, length(rtrim(substr(content, -2), '=')) + max(length(content) - 2, 0)
         FROM outbox_file WHERE entry = (SELECT n FROM outbox WHERE id = ?) ORDER BY place",
    )?
    .query_map([id], |row| {
        let letters: i64 = row.get(2)?;
        Ok(AttachmentFacts {
            name: row.get(0)?,
            mime_type: row.get(1)?,
            bytes: u64::try_from(letters.max(0)).unwrap_or(0) * 3 / 4,
        })
    })?
    .collect()
}

fn files_of(db: &Connection, id: &str) -> rusqlite::Result<Vec<Attachment>> {
    db.prepare_cached(
        "SELECT name, mime_type, content FROM outbox_file
         WHERE entry = (SELECT n FROM outbox WHERE id = ?) ORDER BY place",
    )?
    .query_map([id], |row| {
        Ok(Attachment {
            file_name: row.get(0)?,
            mime_type: row.get(1)?,
            content: row.get(2)?,
        })
    })?
    .collect()
}

fn claim_of(db: &Connection, id: &str) -> rusqlite::Result<Option<Claim>> {
    let attachments = files_of(db, id)?;
    db.prepare_cached(
        "SELECT gateway, session, text, thinking, timeout_ms, attempt, first_attempt_at_ms, lease_until_ms
         FROM outbox WHERE id = ?",
    )?
    .query_row([id], |row| {
        let attempt: u32 = row.get(5)?;
        let first: Option<i64> = row.get(6)?;
        Ok(Claim {
            gateway: row.get(0)?,
            prompt: Prompt {
                session: SessionKey(row.get(1)?),
                text: row.get(2)?,
                idempotency_key: id.to_owned(),
                thinking: row.get(3)?,
                attachments,
                timeout_ms: row
                    .get::<_, Option<i64>>(4)?
                    .and_then(|ms| u64::try_from(ms).ok()),
            },
            attempt,
            first_attempt_at_ms: first.filter(|_| attempt > 1),
            lease_until_ms: row.get(7)?,
        })
    })
    .optional()
}
