//! The SQLite file: sessions, transcripts, devices, jobs, API keys and the ledger.
//!
//! One connection is behind a mutex. Every statement here takes microseconds. The write-ahead log
//! with `synchronous = NORMAL` never waits for the disk on commit.

pub(crate) mod cron;
pub(crate) mod devices;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod messages;
pub(crate) mod sessions;

use crate::error::StoreError;
use rusqlite::Connection;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The database.
#[derive(Debug)]
pub(crate) struct Store {
    conn: Mutex<Connection>,
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS sessions (
  key TEXT PRIMARY KEY, sid TEXT NOT NULL UNIQUE, agent TEXT NOT NULL, updated_at INTEGER NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_recent ON sessions (updated_at DESC);
CREATE TABLE IF NOT EXISTS messages (
  session TEXT NOT NULL, seq INTEGER NOT NULL, id TEXT NOT NULL, run TEXT, role TEXT NOT NULL, ts INTEGER NOT NULL,
  text TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (session, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS devices (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cron_jobs (id TEXT PRIMARY KEY, next_run INTEGER, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cron_runs (id INTEGER PRIMARY KEY, job TEXT NOT NULL, ts INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS cron_runs_job ON cron_runs (job, ts DESC);
CREATE TABLE IF NOT EXISTS api_keys (id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS workspaces (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS api_sessions (
  sid TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, workspace TEXT NOT NULL, user TEXT NOT NULL, created_at INTEGER NOT NULL,
  last_active INTEGER NOT NULL, messages INTEGER NOT NULL, tokens INTEGER NOT NULL, channel TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS api_sessions_workspace ON api_sessions (workspace);
CREATE TABLE IF NOT EXISTS ledger (
  id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, day TEXT NOT NULL, key TEXT NOT NULL, workspace TEXT NOT NULL, user TEXT NOT NULL,
  tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, latency_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS ledger_day ON ledger (day, workspace);
CREATE INDEX IF NOT EXISTS ledger_key ON ledger (key, day);
";

impl Store {
    /// Opens or makes `gateway.sqlite` in `dir`, readable by its owner only.
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        make_private_dir(dir).map_err(StoreError::Directory)?;
        let path = dir.join("gateway.sqlite");
        make_private_file(&path).map_err(StoreError::Directory)?;
        let conn = Connection::open(&path)?;
        conn.busy_timeout(std::time::Duration::from_secs(5))?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "NORMAL")?;
        conn.execute_batch(SCHEMA)?;
        conn.set_prepared_statement_cache_capacity(64);
        Ok(Self {
            conn: Mutex::new(conn),
        })
    }

    pub(crate) fn conn(&self) -> MutexGuard<'_, Connection> {
        // A panic while the lock was held leaves SQLite itself consistent.
        self.conn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(dir)
}

fn make_private_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        options.mode(0o600);
        options.open(path)?;
        // SQLite gives its journal files the mode of the database file.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
    }
    #[cfg(not(unix))]
    options.open(path).map(drop)
}
