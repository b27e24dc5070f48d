//! Opens a database file: owner only, write-ahead log, current schema. A file beyond repair is
//! reset in place.

use super::error::{Part, StoreError};
use rusqlite::{Connection, TransactionBehavior, config::DbConfig};
use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    time::Duration,
};

/// How a file is opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    pub(super) part: Part,
    /// Schema steps; `user_version` counts those that were taken.
    pub(super) steps: &'static [&'static str],
    /// Pragmas of every connection.
    pub(super) pragmas: &'static str,
    /// Pragmas that only take effect while the file is empty.
    pub(super) at_birth: &'static str,
}

/// Makes the data directory, for its owner alone.
pub(super) fn prepare_dir(dir: &Path) -> Result<(), StoreError> {
    let fail = |error: std::io::Error| StoreError::io(Part::Outbox, &error);
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(dir).map_err(fail)?;
    restrict(dir, 0o700).map_err(fail)
}

/// Makes the file before SQLite does, so that it never was readable by others. SQLite gives `-wal` and `-shm` the
/// mode of the file.
pub(super) fn prepare_file(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)?;
    for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        match restrict(&file, 0o600) {
            // SQLite takes the log away when the last connection closes, maybe just now.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            done => done?,
        }
    }
    Ok(())
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if fs::metadata(path)?.permissions().mode() & 0o777 != mode {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Elsewhere the user's profile directory keeps others out.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)]
fn restrict(_path: &Path, _mode: u32) -> std::io::Result<()> {
    Ok(())
}

/// `outbox.db` → `outbox.db-wal`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Holds the directory's lock file, so that two processes do not set up or repair the same file at once.
pub(super) fn setup_lock(dir: &Path) -> Result<File, StoreError> {
    let fail = |error: std::io::Error| StoreError::io(Part::Outbox, &error);
    let path = dir.join("setup.lock");
    prepare_file(&path).map_err(fail)?;
    let file = OpenOptions::new().write(true).open(&path).map_err(fail)?;
    file.lock().map_err(fail)?;
    Ok(file)
}

/// Opens for reading and writing and brings the schema up to date.
pub(super) fn open(path: &Path, spec: &Spec, busy: Duration) -> Result<Connection, StoreError> {
    prepare_file(path).map_err(|error| StoreError::io(spec.part, &error))?;
    let sql = |error| StoreError::sql(spec.part, error);
    let mut connection = Connection::open(path).map_err(sql)?;
    connection.busy_timeout(busy).map_err(sql)?;
    connection.set_prepared_statement_cache_capacity(64);
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(sql)?;
    if version == 0 {
        connection.execute_batch(spec.at_birth).map_err(sql)?;
    }
    connection.execute_batch(spec.pragmas).map_err(sql)?;
    migrate(&mut connection, spec)?;
    Ok(connection)
}

/// Opens for reading only; the file must be set up.
pub(super) fn open_reader(path: &Path, spec: &Spec, busy: Duration) -> Result<Connection, StoreError> {
    let sql = |error| StoreError::sql(spec.part, error);
    let connection = Connection::open(path).map_err(sql)?;
    connection.busy_timeout(busy).map_err(sql)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch(spec.pragmas).map_err(sql)?;
    connection.pragma_update(None, "query_only", true).map_err(sql)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, spec: &Spec) -> Result<(), StoreError> {
    let sql = |error| StoreError::sql(spec.part, error);
    let known = i64::try_from(spec.steps.len()).unwrap_or(i64::MAX);
    let read = |connection: &Connection| -> rusqlite::Result<i64> {
        connection.pragma_query_value(None, "user_version", |row| row.get(0))
    };
    let found = read(connection).map_err(sql)?;
    if found > known {
        return Err(StoreError::TooNew {
            part: spec.part,
            found,
            known,
        });
    }
    if found == known {
        return Ok(());
    }
    // The version is read again inside: another process may have been faster.
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(sql)?;
    let found = read(&transaction).map_err(sql)?;
    for step in spec.steps.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(step).map_err(sql)?;
    }
    transaction
        .pragma_update(None, "user_version", known)
        .map_err(sql)?;
    transaction.commit().map_err(sql)
}

/// Empties a file that is beyond repair. SQLite does it in place, under its own locks, so that another process that has
/// the file open sees an empty database and not a foreign one.
pub(super) fn reset(path: &Path, busy: Duration) -> Result<(), rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(busy)?;
    // The handle has to touch the file once before the reset; that it fails is expected.
    let _ = connection.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0));
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, true)?;
    let done = connection.execute_batch("VACUUM");
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, false)?;
    done
}

/// Removes a file with its log.
pub(super) fn remove(path: &Path) {
    for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        let _ = fs::remove_file(file);
    }
}

/// Keeps a copy of a damaged file, with its log, under the next free number. Answers the copy's path.
pub(super) fn keep_copy(path: &Path) -> Option<PathBuf> {
    let copy = (1..100)
        .map(|n| beside(path, &format!(".damaged-{n}")))
        .find(|copy| !copy.exists())?;
    fs::copy(path, &copy).ok()?;
    let _ = restrict(&copy, 0o600);
    if beside(path, "-wal").exists() {
        let log = beside(&copy, "-wal");
        let _ = fs::copy(beside(path, "-wal"), &log);
        let _ = restrict(&log, 0o600);
    }
    Some(copy)
}
