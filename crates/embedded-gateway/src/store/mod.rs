//! The SQLite file: sessions, transcripts, devices, jobs, API keys and the ledger.
//!
//! One connection is behind a mutex. Every statement here takes microseconds. The write-ahead log
//! with `synchronous = NORMAL` never waits for the disk on commit.

pub(crate) mod cron;
pub(crate) mod devices;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod messages;
mod schema;
pub(crate) mod sessions;

use crate::error::StoreError;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The database.
#[derive(Debug)]
pub(crate) struct Store {
    conn: Mutex<Connection>,
    damaged: Option<PathBuf>,
}

impl Store {
    /// Opens or makes `gateway.sqlite` in `dir`, readable by its owner only, with its schema up to date. A damaged file
    /// is copied aside and begun anew; one that a newer version wrote is left as it is.
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        let (conn, damaged) = schema::open(dir)?;
        Ok(Self {
            conn: Mutex::new(conn),
            damaged,
        })
    }

    /// Where the copy of a damaged file lies, when this opening found one.
    pub(crate) fn damaged(&self) -> Option<&Path> {
        self.damaged.as_deref()
    }

    pub(crate) fn conn(&self) -> MutexGuard<'_, Connection> {
        // A panic while the lock was held leaves SQLite itself consistent.
        self.conn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
