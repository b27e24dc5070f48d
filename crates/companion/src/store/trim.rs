//! The cache's size, and making room in it.

use super::{Store, StoreError, cache::gateway_id};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use std::sync::atomic::Ordering;

/// The size is looked at again after that many bytes were written.
const LOOK_AFTER_BYTES: u64 = 4 << 20;
/// Rows deleted in one transaction, so that readers and other processes get their turn.
const ROWS_AT_ONCE: i64 = 2_000;
/// Trimming goes down to this part of the budget, so that it is not due again at once.
const GOAL_PERCENT: u64 = 90;
/// Pages merged in the index per step.
const MERGE_PAGES: i64 = 500;

/// What the cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Bytes in use.
    pub bytes: u64,
    /// Sessions.
    pub sessions: u64,
    /// Messages.
    pub messages: u64,
    /// Time of the oldest message, in milliseconds since the epoch.
    pub oldest_at_ms: Option<i64>,
}

impl Store {
    /// What the cache holds, of all gateways. Counts every message: not for every keystroke.
    pub fn cache_stats(&self) -> Result<CacheStats, StoreError> {
        self.read(|db| {
            let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0));
            let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
            Ok(CacheStats {
                bytes: used_bytes(db)?,
                sessions: unsigned(count("SELECT count(*) FROM session WHERE row IS NOT NULL")?),
                messages: unsigned(count("SELECT count(*) FROM message")?),
                oldest_at_ms: db
                    .query_row("SELECT at_ms FROM message ORDER BY id LIMIT 1", [], |row| {
                        row.get(0)
                    })
                    .optional()?,
            })
        })
    }

    /// Changes the budget, in bytes, and trims to it.
    pub fn set_cache_bytes(&self, bytes: u64) -> Result<u64, StoreError> {
        self.cache_bytes.store(bytes, Ordering::Relaxed);
        self.trim()
    }

    /// Deletes the oldest messages until the cache fits its budget. Only what the gateway can give again is here, so
    /// nothing is lost for good; session rows stay. Answers how many messages went.
    pub fn trim(&self) -> Result<u64, StoreError> {
        self.cache.written.store(0, Ordering::Relaxed);
        let budget = self.cache_bytes.load(Ordering::Relaxed);
        let mut gone = 0;
        // Freed pages only show once the index has merged, so a few rounds by proportion, not one row at a time.
        for _ in 0..6 {
            let (used, rows) = self.write(|db| {
                let rows: i64 = db.query_row("SELECT count(*) FROM message", [], |row| row.get(0))?;
                Ok((used_bytes(db)?, u64::try_from(rows).unwrap_or(0)))
            })?;
            let enough = if gone == 0 {
                budget
            } else {
                budget / 100 * (GOAL_PERCENT + 5)
            };
            if used <= enough || rows == 0 {
                break;
            }
            let goal = u128::from(budget) * u128::from(GOAL_PERCENT) / 100;
            let keep = u128::from(rows) * goal / u128::from(used);
            let mut delete = rows - u64::try_from(keep).unwrap_or(rows).min(rows);
            while delete > 0 {
                let chunk = i64::try_from(delete).unwrap_or(ROWS_AT_ONCE).min(ROWS_AT_ONCE);
                let done = self.write(|db| {
                    db.execute(
                        "DELETE FROM message WHERE id IN (SELECT id FROM message ORDER BY id LIMIT ?)",
                        [chunk],
                    )
                })?;
                if done == 0 {
                    break;
                }
                gone += done as u64;
                delete = delete.saturating_sub(done as u64);
            }
            self.write(settle)?;
        }
        Ok(gone)
    }

    /// Forgets all sessions and messages of a gateway. What waits in the outbox stays.
    pub fn clear_gateway(&self, gateway: &str) -> Result<(), StoreError> {
        let alone = self.write(|db| {
            let Some(id) = gateway_id(db, gateway)? else {
                return Ok(None);
            };
            let others: i64 =
                db.query_row("SELECT count(*) FROM session WHERE gateway <> ?", [id], |row| {
                    row.get(0)
                })?;
            Ok(Some((id, others == 0)))
        })?;
        match alone {
            None => Ok(()),
            Some((_, true)) => self.clear_cache(),
            Some((id, false)) => {
                loop {
                    let done = self.write(|db| {
                        db.execute(
                            "DELETE FROM message WHERE id IN (
                                 SELECT message.id FROM session CROSS JOIN message ON message.session = session.id
                                 WHERE session.gateway = ? LIMIT ?)",
                            [id, ROWS_AT_ONCE],
                        )
                    })?;
                    if done == 0 {
                        break;
                    }
                }
                self.write(|db| {
                    db.execute("DELETE FROM gateway WHERE id = ?", [id])?;
                    settle(db)
                })
            }
        }
    }

    /// Forgets the sessions and messages of all gateways.
    pub fn clear_cache(&self) -> Result<(), StoreError> {
        self.write(|db| {
            let db_ = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            // Row by row through the trigger would take minutes for a million messages.
            db_.execute_batch(
                "DROP TRIGGER message_gone;
                 INSERT INTO message_words (message_words) VALUES ('delete-all');
                 DELETE FROM message;
                 DELETE FROM session;
                 DELETE FROM gateway;
                 CREATE TRIGGER message_gone AFTER DELETE ON message BEGIN
                     DELETE FROM message_words WHERE rowid = old.id;
                 END;",
            )?;
            db_.commit()?;
            settle(db)
        })
    }

    /// Trims when enough was written since the size was looked at.
    pub(super) fn trim_if_due(&self) -> Result<(), StoreError> {
        if self.cache.written.load(Ordering::Relaxed) < LOOK_AFTER_BYTES {
            return Ok(());
        }
        self.cache.written.store(0, Ordering::Relaxed);
        let budget = self.cache_bytes.load(Ordering::Relaxed);
        if self.write(|db| used_bytes(db))? > budget {
            self.trim()?;
        }
        Ok(())
    }
}

/// Bytes of the pages that hold something.
fn used_bytes(db: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = pragma("page_count")? - pragma("freelist_count")?;
    Ok(u64::try_from(pages * pragma("page_size")?).unwrap_or(0))
}

/// Drops what was deleted from the index, gives free pages back to the file system and empties the log.
fn settle(db: &mut Connection) -> rusqlite::Result<()> {
    for _ in 0..400 {
        let before = db.total_changes();
        db.execute(
            "INSERT INTO message_words (message_words, rank) VALUES ('merge', ?)",
            [MERGE_PAGES],
        )?;
        if db.total_changes() - before < 2 {
            break;
        }
    }
    // Each step of the pragma frees one page.
    let mut vacuum = db.prepare("PRAGMA incremental_vacuum")?;
    let mut freed = vacuum.query([])?;
    while freed.next()?.is_some() {}
    drop(freed);
    drop(vacuum);
    // Another process may be reading; then the log is emptied later.
    let _ = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    Ok(())
}
