//! The identity of a process that sends prompts.
//!
//! Each process has its own name and a lock file. The system releases the lock when the process
//! ends in any way. So the prompt of a killed sender is free at once, and the prompt of a live
//! sender never is.

use super::{Store, StoreError, files};
use rusqlite::params;
use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

/// Names with this beginning have a lock file; others have a lease that runs out.
const LOCKED: &str = "lock-";
const FOLDER: &str = "senders";
/// How long prompts belong to a sender where files cannot be locked.
const LEASE: Duration = Duration::from_secs(300);

/// This process as a sender of prompts. Dropping it frees what it was sending.
#[derive(Debug)]
pub struct Sender {
    name: String,
    lock: Option<(PathBuf, File)>,
}

impl Sender {
    /// The owner of its claims.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long its claims last; for ever where the lock file says whether it lives.
    #[must_use]
    pub fn lease(&self) -> Duration {
        match self.lock {
            Some(_) => Duration::MAX,
            None => LEASE,
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        if let Some((path, _)) = &self.lock {
            let _ = fs::remove_file(path);
        }
    }
}

impl Store {
    /// A new sender. Where files cannot be locked, its claims run out by time instead.
    #[must_use]
    pub fn sender(&self) -> Sender {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let name = format!("{LOCKED}{id}");
        match take(self.dir(), &name) {
            Ok(lock) => Sender {
                name,
                lock: Some(lock),
            },
            Err(error) => {
                tracing::debug!(%error, "no lock file for the outbox");
                Sender { name: id, lock: None }
            }
        }
    }

    /// Frees prompts whose sender is dead. Their next claim says that they may have arrived.
    pub fn outbox_free_dead(&self) -> Result<(), StoreError> {
        let owners: Vec<String> = self.local(|db| {
            db.prepare_cached(
                "SELECT DISTINCT owner FROM outbox WHERE state = 'sending' AND lease_until_ms > 0",
            )?
            .query_map([], |row| row.get(0))?
            .collect()
        })?;
        for owner in owners {
            if is_dead(self.dir(), &owner) {
                self.local(|db| {
                    db.prepare_cached(
                        "UPDATE outbox SET lease_until_ms = 0 WHERE owner = ? AND state = 'sending'",
                    )?
                    .execute(params![owner])
                })?;
            }
        }
        Ok(())
    }
}

/// Whether the process with this name has certainly ended.
pub(super) fn is_dead(dir: &Path, owner: &str) -> bool {
    if !owner.starts_with(LOCKED) {
        return false;
    }
    match File::open(path(dir, owner)) {
        // Shared, so that two that look at the same time do not take each other for the owner.
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
        },
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

fn path(dir: &Path, owner: &str) -> PathBuf {
    dir.join(FOLDER).join(owner)
}

fn take(dir: &Path, name: &str) -> Result<(PathBuf, File), StoreError> {
    let fail = |error: std::io::Error| StoreError::io(super::Part::Outbox, &error);
    let folder = dir.join(FOLDER);
    files::prepare_dir(&folder)?;
    // Nobody else tidies up between making the file and locking it.
    let _setup = files::setup_lock(dir)?;
    for entry in fs::read_dir(&folder).map_err(fail)?.flatten() {
        if is_dead(dir, &entry.file_name().to_string_lossy()) {
            let _ = fs::remove_file(entry.path());
        }
    }
    let path = path(dir, name);
    files::prepare_file(&path).map_err(fail)?;
    let file = File::options().write(true).open(&path).map_err(fail)?;
    file.try_lock()
        .map_err(|error| fail(std::io::Error::other(error.to_string())))?;
    Ok((path, file))
}
