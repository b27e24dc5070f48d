//! Opening the file: owner only, schema up to date, and begun anew when it is damaged.

use crate::error::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(5);
/// Files up to this size are looked through at the start, in bytes; that takes some milliseconds.
const CHECKED_MAX: u64 = 64 * 1024 * 1024;

/// The steps of the schema; `user_version` counts those that a file has taken. Files from before there were steps have
/// the tables of the first one and the version 0.
const STEPS: &[&str] = &["
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
"];

/// Opens the database of a folder, and says where the copy of a damaged one lies.
pub(super) fn open(dir: &Path) -> Result<(Connection, Option<PathBuf>), StoreError> {
    make_private_dir(dir).map_err(StoreError::Directory)?;
    // One process at a time: the app, its bridge and `clawctl` may start on the same folder at once.
    let lock = dir.join("gateway.lock");
    make_private_file(&lock).map_err(StoreError::Directory)?;
    let lock = File::open(&lock).map_err(StoreError::Directory)?;
    lock.lock().map_err(StoreError::Directory)?;
    let path = dir.join("gateway.sqlite");
    make_private_file(&path).map_err(StoreError::Directory)?;
    match connect(&path) {
        Ok(conn) => Ok((conn, None)),
        Err(error) if is_damage(&error) => {
            let copy = keep_copy(&path).map_err(StoreError::Directory)?;
            tracing::warn!(%error, copy = %copy.display(), "the gateway's database is damaged and begun anew");
            reset(&path)?;
            Ok((connect(&path)?, Some(copy)))
        }
        Err(error) => Err(error),
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let mut conn = Connection::open(path)?;
    conn.busy_timeout(BUSY)?;
    // Looked at before anything is written: a newer file is not ours to change.
    version(&conn)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    if fs::metadata(path).is_ok_and(|file| file.len() <= CHECKED_MAX) {
        let said: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if said != "ok" {
            return Err(StoreError::Damaged);
        }
    }
    migrate(&mut conn)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// The steps that a file has taken.
fn version(conn: &Connection) -> Result<usize, StoreError> {
    let found: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match usize::try_from(found) {
        Ok(taken) if taken <= STEPS.len() => Ok(taken),
        Ok(_) => Err(StoreError::TooNew {
            found,
            known: STEPS.len(),
        }),
        Err(_) => Err(StoreError::Damaged),
    }
}

fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    if version(conn)? == STEPS.len() {
        return Ok(());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in STEPS.iter().skip(version(&tx)?) {
        tx.execute_batch(step)?;
    }
    tx.pragma_update(
        None,
        "user_version",
        i64::try_from(STEPS.len()).unwrap_or(i64::MAX),
    )?;
    tx.commit()?;
    Ok(())
}

fn is_damage(error: &StoreError) -> bool {
    match error {
        StoreError::Damaged => true,
        StoreError::Sqlite(error) => matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        ),
        StoreError::Directory(_) | StoreError::TooNew { .. } | StoreError::Row(_) => false,
    }
}

/// Empties a file that is beyond repair. SQLite does it in place, under its own locks, so that another process that has
/// the file open sees an empty database and not a foreign one.
fn reset(path: &Path) -> Result<(), StoreError> {
    let conn = Connection::open(path)?;
    conn.busy_timeout(BUSY)?;
    // The handle has to touch the file once before the reset; that it fails is expected.
    let _ = conn.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0));
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, true)?;
    let done = conn.execute_batch("VACUUM");
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, false)?;
    Ok(done?)
}

/// Copies a damaged file, with its log, under the next free number.
fn keep_copy(path: &Path) -> std::io::Result<PathBuf> {
    let copy = (1..100)
        .map(|n| beside(path, &format!(".damaged-{n}")))
        .find(|copy| !copy.exists())
        .ok_or(std::io::ErrorKind::AlreadyExists)?;
    make_private_file(&copy)?;
    fs::copy(path, &copy)?;
    let log = beside(path, "-wal");
    if log.exists() {
        let copy = beside(&copy, "-wal");
        make_private_file(&copy)?;
        fs::copy(log, copy)?;
    }
    Ok(copy)
}

/// `gateway.sqlite` → `gateway.sqlite-wal`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn make_private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(dir)
}

fn make_private_file(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        options.mode(0o600);
        options.open(path)?;
        // SQLite gives its journal files the mode of the database file.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))
    }
    #[cfg(not(unix))]
    options.open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Keys, NewKey};
    use std::io::{Seek as _, SeekFrom, Write as _};

    fn path(dir: &Path) -> PathBuf {
        dir.join("gateway.sqlite")
    }

    fn one_key(dir: &Path) {
        let keys = Keys::open(dir).expect("open");
        keys.create(NewKey::labelled("kept")).expect("create");
    }

    fn labels(dir: &Path) -> Vec<String> {
        let keys = Keys::open(dir).expect("open").list().expect("list");
        keys.into_iter().map(|key| key.label).collect()
    }

    #[test]
    fn a_file_from_before_versions_is_taken_over() {
        let dir = tempfile::tempdir().expect("dir");
        one_key(dir.path());
        let conn = Connection::open(path(dir.path())).expect("open");
        conn.pragma_update(None, "user_version", 0).expect("set");
        drop(conn);
        assert_eq!(labels(dir.path()), ["kept"]);
        let conn = Connection::open(path(dir.path())).expect("open");
        assert_eq!(version(&conn).expect("version"), STEPS.len());
    }

    #[test]
    fn a_newer_file_is_left_alone_and_said() {
        let dir = tempfile::tempdir().expect("dir");
        one_key(dir.path());
        let conn = Connection::open(path(dir.path())).expect("open");
        conn.pragma_update(None, "user_version", 999).expect("set");
        conn.pragma_update(None, "journal_mode", "DELETE")
            .expect("close the log");
        drop(conn);
        let before = fs::read(path(dir.path())).expect("read");
        let refused = Keys::open(dir.path()).map(drop).expect_err("newer");
        assert_eq!(
            refused.to_string(),
            format!(
                "the gateway's database is of a newer version ({}, known is {}) and was left as it is",
                999,
                STEPS.len()
            )
        );
        assert_eq!(fs::read(path(dir.path())).expect("read"), before);
        assert!(!beside(&path(dir.path()), ".damaged-1").exists());
    }

    #[test]
    fn a_damaged_file_is_kept_aside_and_begun_anew() {
        for whole in [true, false] {
            let dir = tempfile::tempdir().expect("dir");
            one_key(dir.path());
            let file = path(dir.path());
            let mut handle = OpenOptions::new().write(true).open(&file).expect("open");
            // Not a database at all, or one whose pages are damaged behind a sound head.
            let from = if whole { 0 } else { 4_096 };
            let size = handle.metadata().expect("size").len();
            handle.seek(SeekFrom::Start(from)).expect("seek");
            let length = usize::try_from(size.saturating_sub(from)).expect("length");
            handle.write_all(&vec![0xa5; length]).expect("damage");
            drop(handle);
            let damaged = fs::read(&file).expect("read");
            let keys = Keys::open(dir.path()).expect("opens all the same");
            let copy = keys.damaged().expect("said").to_owned();
            assert_eq!(copy, beside(&file, ".damaged-1"), "whole: {whole}");
            assert_eq!(fs::read(&copy).expect("the copy"), damaged);
            keys.create(NewKey::labelled("new")).expect("it works");
            drop(keys);
            assert_eq!(labels(dir.path()), ["new"]);
            let again = Keys::open(dir.path()).expect("open");
            assert_eq!(again.damaged(), None, "said once");
        }
    }
}
