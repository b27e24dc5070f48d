//! The size of the cache, and how it is trimmed.

use super::{Store, StoreError, cache::gateway_id, lock};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use std::sync::atomic::Ordering;

/// The size is looked at again after that many bytes were written.
const LOOK_AFTER_BYTES: u64 = 4 << 20;
/// Rows deleted per step.
const ROWS_PER_STEP: i64 = 500;
/// Pages merged in the index, and pages given back to the file system, per step.
const PAGES_PER_STEP: i64 = 500;
/// Trimming goes down to this part of the budget. The index is written anew when a part of it is gone, so that this
/// should not happen often.
const GOAL_PERCENT: u64 = 80;
/// Freed pages only show once the index has merged, so trimming goes by proportion, in a few rounds.
const ROUNDS: u32 = 6;

/// The progress of a trim. It goes in small steps, so that writers get a turn in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Trim {
    #[default]
    Idle,
    /// Is there too much?
    Look { round: u32 },
    /// So many rows are still to go.
    Delete { round: u32, rows: u64 },
    /// The index drops what was deleted.
    Merge { round: u32 },
    /// Free pages go back to the file system.
    Shrink { round: u32 },
}

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

    /// Changes the budget, in bytes. A [`StoreHandle`](super::StoreHandle) trims to it when it has nothing else to
    /// write; else call [`Self::trim`].
    pub fn set_cache_bytes(&self, bytes: u64) -> Result<(), StoreError> {
        self.cache_bytes.store(bytes, Ordering::Relaxed);
        self.look_soon();
        Ok(())
    }

    /// Deletes the oldest messages until the cache fits its budget. Only what the gateway can give again is here, so
    /// nothing is lost for good; session rows stay. Answers how many messages went.
    pub fn trim(&self) -> Result<u64, StoreError> {
        self.look_soon();
        let mut gone = 0;
        while let (true, rows) = self.trim_step()? {
            gone += rows;
        }
        Ok(gone)
    }

    /// One step of trimming, if any is due: whether there is more to do, and how many messages went.
    pub(super) fn trim_step(&self) -> Result<(bool, u64), StoreError> {
        let mut trim = lock(&self.cache.trim);
        // A step that fails ends it; it is due again after more was written.
        let now = std::mem::take(&mut *trim);
        let mut gone = 0;
        *trim = match now {
            Trim::Idle => return Ok((false, 0)),
            Trim::Look { round } => match self.rows_over()? {
                0 => Trim::Idle,
                _ if round >= ROUNDS => Trim::Idle,
                rows => Trim::Delete { round, rows },
            },
            Trim::Delete { round, rows } => {
                let chunk = i64::try_from(rows).unwrap_or(ROWS_PER_STEP).min(ROWS_PER_STEP);
                gone = self.write(|db| {
                    db.execute(
                        "DELETE FROM message WHERE id IN (SELECT id FROM message ORDER BY id LIMIT ?)",
                        [chunk],
                    )
                })? as u64;
                match rows.saturating_sub(gone) {
                    left if left > 0 && gone > 0 => Trim::Delete { round, rows: left },
                    _ => Trim::Merge { round },
                }
            }
            Trim::Merge { round } if self.write(|db| merge_some(db))? => Trim::Merge { round },
            Trim::Merge { round } => Trim::Shrink { round },
            Trim::Shrink { round } if self.write(|db| shrink_some(db))? => Trim::Shrink { round },
            Trim::Shrink { round } => {
                self.write(|db| empty_log(db))?;
                Trim::Look { round: round + 1 }
            }
        };
        Ok((*trim != Trim::Idle, gone))
    }

    /// How many of the oldest messages have to go, by proportion.
    fn rows_over(&self) -> Result<u64, StoreError> {
        let budget = self.cache_bytes.load(Ordering::Relaxed);
        self.write(|db| {
            let used = used_bytes(db)?;
            if used <= budget {
                return Ok(0);
            }
            let rows: i64 = db.query_row("SELECT count(*) FROM message", [], |row| row.get(0))?;
            let rows = u64::try_from(rows).unwrap_or(0);
            let goal = u128::from(budget) * u128::from(GOAL_PERCENT) / 100;
            let keep = u128::from(rows) * goal / u128::from(used.max(1));
            Ok(rows.saturating_sub(u64::try_from(keep).unwrap_or(rows)))
        })
    }

    /// The size is looked at with the next step.
    pub(super) fn look_soon(&self) {
        self.cache.written.store(0, Ordering::Relaxed);
        let mut trim = lock(&self.cache.trim);
        if *trim == Trim::Idle {
            *trim = Trim::Look { round: 0 };
        }
    }

    /// Counts what was written; after enough of it the size is looked at.
    pub(super) fn wrote(&self, bytes: u64) {
        let before = self.cache.written.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes >= LOOK_AFTER_BYTES {
            self.look_soon();
        }
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
                            [id, ROWS_PER_STEP],
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
}

/// Bytes of the pages that hold something.
fn used_bytes(db: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = pragma("page_count")? - pragma("freelist_count")?;
    Ok(u64::try_from(pages * pragma("page_size")?).unwrap_or(0))
}

/// Drops some of what was deleted from the index. Answers whether there is more.
///
/// Left to itself, the index writes a whole segment anew each time a few percent of it were deleted, which is many times
/// during one trim. So it is told to leave that until here.
fn merge_some(db: &Connection) -> rusqlite::Result<bool> {
    set_delete_merge(db, 5)?;
    let more = merge_pages(db)?;
    if !more {
        set_delete_merge(db, 60)?;
    }
    Ok(more)
}

/// From which part of deleted rows on, in percent, a segment of the index is written anew. The file keeps this.
fn set_delete_merge(db: &Connection, percent: i64) -> rusqlite::Result<()> {
    let now: Option<i64> = db
        .prepare_cached("SELECT v FROM message_words_config WHERE k = 'deletemerge'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    if now != Some(percent) {
        db.execute(
            "INSERT INTO message_words (message_words, rank) VALUES ('deletemerge', ?)",
            [percent],
        )?;
    }
    Ok(())
}

fn merge_pages(db: &Connection) -> rusqlite::Result<bool> {
    let before = db.total_changes();
    db.execute(
        "INSERT INTO message_words (message_words, rank) VALUES ('merge', ?)",
        [PAGES_PER_STEP],
    )?;
    // The command itself counts as one change.
    Ok(db.total_changes() - before >= 2)
}

/// Gives some free pages back to the file system. Answers whether there are more.
fn shrink_some(db: &Connection) -> rusqlite::Result<bool> {
    let mut vacuum = db.prepare_cached(&format!("PRAGMA incremental_vacuum({PAGES_PER_STEP})"))?;
    let mut freed = vacuum.query([])?;
    // Each row that is asked for frees a page.
    while freed.next()?.is_some() {}
    Ok(db.pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0))? > 0)
}

/// Folds the log into the file and empties it. When another process reads just now, that happens later.
fn empty_log(db: &Connection) -> rusqlite::Result<()> {
    let _ = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    Ok(())
}

/// All of it at once.
fn settle(db: &Connection) -> rusqlite::Result<()> {
    while merge_some(db)? {}
    while shrink_some(db)? {}
    empty_log(db)
}
