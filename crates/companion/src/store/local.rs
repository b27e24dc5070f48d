//! `outbox.db`: prompts on their way, drafts, earlier prompts and marks.
//!
//! No gateway can give this data again. So it has its own file, and every commit reaches the disk
//! before the caller continues. A damaged file is read out row by row before it is set up again.

use super::{
    error::{Part, StoreError},
    files::{self, Spec},
};
use rusqlite::{Connection, types::Value};
use std::{path::Path, time::Duration};

/// WAL with `synchronous=FULL`: a commit is on the disk when the call returns, also after a loss of power.
/// `fullfsync` makes that true on macOS.
pub(super) const SPEC: Spec = Spec {
    part: Part::Outbox,
    steps: &[SCHEMA_1],
    pragmas: "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA fullfsync=ON;
              PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON; PRAGMA journal_size_limit=4194304;",
    at_birth: "PRAGMA auto_vacuum=FULL;",
};

const SCHEMA_1: &str = "
    CREATE TABLE outbox (
        n INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        gateway TEXT NOT NULL,
        session TEXT NOT NULL,
        text TEXT NOT NULL,
        thinking TEXT,
        timeout_ms INTEGER,
        state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'failed', 'taken')),
        error TEXT,
        created_at_ms INTEGER NOT NULL,
        attempt INTEGER NOT NULL DEFAULT 0,
        first_attempt_at_ms INTEGER,
        not_before_ms INTEGER NOT NULL DEFAULT 0,
        owner TEXT,
        lease_until_ms INTEGER NOT NULL DEFAULT 0,
        taken_at_ms INTEGER
    ) STRICT;
    CREATE INDEX outbox_open ON outbox (gateway, session, n) WHERE state <> 'taken';
    CREATE TABLE outbox_file (
        entry INTEGER NOT NULL REFERENCES outbox (n) ON DELETE CASCADE,
        place INTEGER NOT NULL,
        name TEXT,
        mime_type TEXT NOT NULL,
        content TEXT NOT NULL,
        UNIQUE (entry, place)
    ) STRICT;
    CREATE TABLE draft (
        gateway TEXT NOT NULL,
        session TEXT NOT NULL,
        text TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        PRIMARY KEY (gateway, session)
    ) STRICT;
    CREATE TABLE prompt_history (
        n INTEGER PRIMARY KEY,
        gateway TEXT NOT NULL,
        text TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        UNIQUE (gateway, text)
    ) STRICT;
    CREATE INDEX prompt_history_newest ON prompt_history (gateway, at_ms DESC, n DESC);
    CREATE TABLE mark (
        gateway TEXT NOT NULL,
        session TEXT NOT NULL,
        muted INTEGER NOT NULL DEFAULT 0,
        read_at_ms INTEGER NOT NULL DEFAULT 0,
        read_message TEXT,
        told_at_ms INTEGER NOT NULL DEFAULT 0,
        told_reply TEXT,
        PRIMARY KEY (gateway, session)
    ) STRICT;
";

/// Tables in the order in which rows must be put back.
const TABLES: [(&str, &[&str]); 5] = [
    (
        "outbox",
        &[
            "n",
            "id",
            "gateway",
            "session",
            "text",
            "thinking",
            "timeout_ms",
            "state",
            "error",
            "created_at_ms",
            "attempt",
            "first_attempt_at_ms",
            "not_before_ms",
            "owner",
            "lease_until_ms",
            "taken_at_ms",
        ],
    ),
    ("outbox_file", &["entry", "place", "name", "mime_type", "content"]),
    ("draft", &["gateway", "session", "text", "at_ms"]),
    ("prompt_history", &["n", "gateway", "text", "at_ms"]),
    (
        "mark",
        &[
            "gateway",
            "session",
            "muted",
            "read_at_ms",
            "read_message",
            "told_at_ms",
            "told_reply",
        ],
    ),
];

/// What was done to a damaged outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Salvage {
    /// Prompts that were saved and have not been taken by a gateway.
    pub(super) kept: usize,
    /// Whether every table could be read to its end.
    pub(super) complete: bool,
}

/// Opens the file; when it is damaged, what can be read moves into a fresh one. The caller holds the setup lock.
pub(super) fn open(path: &Path, busy: Duration) -> Result<(Connection, Option<Salvage>), StoreError> {
    match files::open(path, &SPEC, busy).and_then(|connection| {
        check(&connection)?;
        Ok(connection)
    }) {
        Ok(connection) => Ok((connection, None)),
        Err(error) if error.is_corrupt() => salvage(path, busy).map(|(c, s)| (c, Some(s))),
        Err(error) => Err(error),
    }
}

/// Reads every page. The outbox is small, so this costs little, and a damaged page is found before it is needed.
fn check(connection: &Connection) -> Result<(), StoreError> {
    let sql = |error| StoreError::sql(Part::Outbox, error);
    let said: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(sql)?;
    if said == "ok" {
        return Ok(());
    }
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    Err(StoreError::Corrupt {
        part: Part::Outbox,
        source: rusqlite::Error::SqliteFailure(code, Some(said)),
    })
}

fn salvage(path: &Path, busy: Duration) -> Result<(Connection, Salvage), StoreError> {
    let sql = |error| StoreError::sql(Part::Outbox, error);
    let copy = files::keep_copy(path);
    let mut complete = true;
    let mut saved = Vec::new();
    // Indexes may be what is damaged: each table is read along its rows, from both ends.
    for (table, columns) in TABLES {
        let (rows, whole) = read_out(path, table, columns, busy);
        complete &= whole;
        saved.push((table, columns, rows));
    }
    if files::reset(path, busy).is_err() {
        if copy.is_none() {
            // Without a copy nothing is deleted: the person may still rescue it by hand.
            return Err(StoreError::NoAccess {
                part: Part::Outbox,
                message: "the damaged file could not be copied".to_owned(),
            });
        }
        files::remove(path);
    }
    let mut connection = files::open(path, &SPEC, busy)?;
    let transaction = connection.transaction().map_err(sql)?;
    for (table, columns, rows) in saved {
        let names = columns.join(", ");
        let marks = vec!["?"; columns.len()].join(", ");
        let mut insert = transaction
            .prepare(&format!(
                "INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"
            ))
            .map_err(sql)?;
        for row in rows {
            // A row whose values make no sense any more (a torn page) is left to the copy.
            complete &= insert.execute(rusqlite::params_from_iter(row)).is_ok();
        }
    }
    transaction.commit().map_err(sql)?;
    let kept: i64 = connection
        .query_row("SELECT count(*) FROM outbox WHERE state <> 'taken'", [], |row| {
            row.get(0)
        })
        .map_err(sql)?;
    Ok((
        connection,
        Salvage {
            kept: usize::try_from(kept).unwrap_or(0),
            complete,
        },
    ))
}

/// Reads a table forwards until it breaks, then backwards until it breaks.
fn read_out(path: &Path, table: &str, columns: &[&str], busy: Duration) -> (Vec<Vec<Value>>, bool) {
    let mut rows = Vec::new();
    let Ok(connection) = Connection::open(path) else {
        return (rows, false);
    };
    let _ = connection.busy_timeout(busy);
    let names = columns.join(", ");
    // `draft` and `mark` have an index as key, but they are rowid tables all the same.
    for order in ["ASC", "DESC"] {
        let query = format!("SELECT {names} FROM {table} NOT INDEXED ORDER BY rowid {order}");
        let Ok(mut statement) = connection.prepare(&query) else {
            return (rows, false);
        };
        let Ok(mut cursor) = statement.query([]) else {
            continue;
        };
        loop {
            match cursor.next() {
                Ok(Some(row)) => {
                    let values = (0..columns.len()).map(|at| row.get::<_, Value>(at)).collect();
                    if let Ok(values) = values {
                        rows.push(values);
                    }
                }
                Ok(None) => return (rows, true),
                Err(_) => break,
            }
        }
    }
    (rows, false)
}
