//! `cache.db`: sessions, messages and their full-text index.
//!
//! The row id of a message is its time in quarters of a second, or the next free number. So "newest
//! first" is the order of the table and of the index. A search reads the index backwards and stops
//! early. A date filter is a range of row ids, and trimming removes the low end.
//!
//! Within a session, messages are ordered by `pos`, the gateway's own `seq` where it has one.

use super::{
    Repair, Store,
    error::{Part, StoreError},
    files::{self, Spec},
    lock,
};
use rusqlite::{Connection, OptionalExtension};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// `synchronous=NORMAL`: consistent after anything, and what a loss of power takes is asked for again.
pub(super) const SPEC: Spec = Spec {
    part: Part::Cache,
    steps: &[SCHEMA_1],
    pragmas: "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;
              PRAGMA cache_size=-8000; PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=16777216;",
    at_birth: "PRAGMA auto_vacuum=INCREMENTAL;",
};

/// `message_words` keeps no text (it is in `message.body`), only the index; a row can be deleted without its text.
/// Its words are made in `search::words`, so the `ascii` tokenizer has only to split at blanks. Lists for beginnings of
/// two to four characters make searching while typing cheap.
const SCHEMA_1: &str = "
    CREATE TABLE gateway (id INTEGER PRIMARY KEY, profile TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE session (
        id INTEGER PRIMARY KEY,
        gateway INTEGER NOT NULL REFERENCES gateway (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        agent TEXT NOT NULL,
        title TEXT NOT NULL DEFAULT '',
        title_words TEXT NOT NULL DEFAULT '',
        updated_at_ms INTEGER NOT NULL DEFAULT 0,
        row TEXT,
        UNIQUE (gateway, key)
    ) STRICT;
    CREATE INDEX session_recent ON session (gateway, updated_at_ms DESC, id);
    CREATE INDEX session_words ON session (gateway, title_words, agent, updated_at_ms);
    CREATE TABLE message (
        id INTEGER PRIMARY KEY,
        session INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
        key INTEGER NOT NULL,
        pos INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX message_key ON message (session, key);
    CREATE INDEX message_pos ON message (session, pos);
    CREATE VIRTUAL TABLE message_words USING fts5 (
        words, content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '2 3 4'
    );
    INSERT INTO message_words (message_words, rank) VALUES ('deletemerge', 60);
    CREATE TRIGGER message_gone AFTER DELETE ON message BEGIN
        DELETE FROM message_words WHERE rowid = old.id;
    END;
";

/// The connections to the cache.
#[derive(Debug, Default)]
pub(super) struct Cache {
    /// One writer; `None` until it is needed, or after an error that a fresh look may mend.
    pub(super) writer: std::sync::Mutex<Option<Connection>>,
    /// Readers that nobody uses, with the generation in which they were opened.
    readers: std::sync::Mutex<Vec<(u64, Connection)>>,
    /// Rises when the file starts anew; readers of an earlier generation are closed.
    generation: AtomicU64,
    /// The file was set up once, so that readers need not wait for the writer to ask.
    ready: AtomicBool,
    pub(super) trim: std::sync::Mutex<super::trim::Trim>,
    /// Bytes written since the size was looked at.
    pub(super) written: AtomicU64,
}

impl Store {
    pub(super) fn cache_path(&self) -> std::path::PathBuf {
        self.dir.join("cache.db")
    }

    /// Runs on the writer. A cache that is found damaged is emptied at once; the call that found it still fails, so that
    /// its caller knows that everything has to be asked for again.
    pub(super) fn write<R>(
        &self,
        run: impl FnOnce(&mut Connection) -> rusqlite::Result<R>,
    ) -> Result<R, StoreError> {
        let mut slot = lock(&self.cache.writer);
        let connection = match slot.as_mut() {
            Some(connection) => connection,
            None => slot.insert(self.open_writer()?),
        };
        self.cache.ready.store(true, Ordering::Release);
        let result = run(connection).map_err(|error| StoreError::sql(Part::Cache, error));
        if result.as_ref().is_err_and(StoreError::is_corrupt) {
            *slot = None;
            *slot = Some(self.rebuild_cache()?);
        }
        result
    }

    /// Runs on a reader of its own.
    pub(super) fn read<R>(
        &self,
        run: impl FnOnce(&mut Connection) -> rusqlite::Result<R>,
    ) -> Result<R, StoreError> {
        let generation = self.cache.generation.load(Ordering::Acquire);
        let idle = lock(&self.cache.readers)
            .pop()
            .filter(|(opened, _)| *opened == generation);
        let mut connection = match idle {
            Some((_, connection)) => connection,
            None => {
                if !self.cache.ready.load(Ordering::Acquire) {
                    // The writer sets the file up.
                    self.write(|_| Ok(()))?;
                }
                files::open_reader(&self.cache_path(), &SPEC, self.options.busy)?
            }
        };
        let result = run(&mut connection).map_err(|error| StoreError::sql(Part::Cache, error));
        match &result {
            Err(error) if error.is_corrupt() => {
                drop(connection);
                let mut slot = lock(&self.cache.writer);
                // Another reader may have been faster.
                if self.cache.generation.load(Ordering::Acquire) == generation {
                    *slot = None;
                    *slot = Some(self.rebuild_cache()?);
                }
            }
            Err(_) | Ok(_) => lock(&self.cache.readers).push((generation, connection)),
        }
        result
    }

    fn open_writer(&self) -> Result<Connection, StoreError> {
        let setup = files::setup_lock(&self.dir)?;
        match files::open(&self.cache_path(), &SPEC, self.options.busy) {
            Ok(connection) => Ok(connection),
            Err(error) if error.is_corrupt() => {
                drop(setup);
                self.rebuild_cache()
            }
            Err(error) => Err(error),
        }
    }

    /// Starts the cache anew. The caller has closed the writer.
    fn rebuild_cache(&self) -> Result<Connection, StoreError> {
        let _setup = files::setup_lock(&self.dir)?;
        lock(&self.cache.readers).clear();
        let path = self.cache_path();
        let opened = match files::reset(&path, self.options.busy) {
            Ok(()) => files::open(&path, &SPEC, self.options.busy),
            Err(error) => Err(StoreError::sql(Part::Cache, error)),
        };
        let connection = match opened {
            Ok(connection) => connection,
            Err(StoreError::Locked { part, source }) => return Err(StoreError::Locked { part, source }),
            Err(StoreError::Full { part, source }) => return Err(StoreError::Full { part, source }),
            Err(_) => {
                files::remove(&path);
                files::open(&path, &SPEC, self.options.busy)?
            }
        };
        self.cache.generation.fetch_add(1, Ordering::AcqRel);
        self.repaired(Repair::CacheRebuilt);
        Ok(connection)
    }
}

/// The number of a gateway profile, where it has one.
pub(super) fn gateway_id(db: &Connection, profile: &str) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached("SELECT id FROM gateway WHERE profile = ?")?
        .query_row([profile], |row| row.get(0))
        .optional()
}

/// The number of a gateway profile, which is made when it is new.
pub(super) fn ensure_gateway(db: &Connection, profile: &str) -> rusqlite::Result<i64> {
    if let Some(id) = gateway_id(db, profile)? {
        return Ok(id);
    }
    db.prepare_cached("INSERT INTO gateway (profile) VALUES (?)")?
        .execute([profile])?;
    Ok(db.last_insert_rowid())
}

/// The number of a session, where it has one.
pub(super) fn session_id(db: &Connection, profile: &str, key: &str) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached(
        "SELECT session.id FROM session JOIN gateway ON gateway.id = session.gateway
         WHERE gateway.profile = ? AND session.key = ?",
    )?
    .query_row([profile, key], |row| row.get(0))
    .optional()
}

/// The number of a session, which is made when it is new.
pub(super) fn ensure_session(db: &Connection, profile: &str, key: &str) -> rusqlite::Result<i64> {
    if let Some(id) = session_id(db, profile, key)? {
        return Ok(id);
    }
    let gateway = ensure_gateway(db, profile)?;
    db.prepare_cached("INSERT INTO session (gateway, key, agent) VALUES (?, ?, ?)")?
        .execute(rusqlite::params![gateway, key, agent_of(key)])?;
    Ok(db.last_insert_rowid())
}

/// `agent:main:lab` → `main`.
pub(super) fn agent_of(key: &str) -> &str {
    key.strip_prefix("agent:")
        .and_then(|rest| rest.split(':').next())
        .unwrap_or_default()
}

/// FNV-1a, 64 bits: stable over versions, which the standard hasher is not.
pub(super) fn hash(parts: &[&str]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}
