//! What is stored on disk: two SQLite files in one directory that only the owner can read.
//!
//! - `outbox.db` has what exists nowhere else: prompts on their way, drafts, earlier prompts,
//!   marks. Every commit is on disk before the call returns. Nothing ever trims it.
//! - `cache.db` has what the gateway can give again: sessions, messages and their full-text
//!   index. It is trimmed to a size. If it is damaged, it is thrown away and filled again. A
//!   commit survives the death of the process. After a loss of power the last commits may be
//!   missing, and the gateway is asked again.
//!
//! There are two files so that a damaged, full or locked cache never affects a prompt. The desktop
//! app and the command line share both.
//!
//! [`Store`] blocks. [`StoreHandle`] runs it on its own threads.

mod cache;
mod error;
mod files;
mod handle;
mod local;
mod messages;
mod notes;
mod outbox;
mod pages;
mod search;
mod sender;
mod sessions;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod trim;

pub use error::{Part, StoreError};
pub use handle::{SearchLane, StoreHandle};
pub use messages::PageKind;
pub use notes::{Marks, PROMPT_HISTORY_LIMIT};
pub use outbox::{AttachmentFacts, Claim, Claimed, Inserted, OutboxEntry, OutboxState};
pub use pages::{Coverage, Cursor, Page};
pub use search::{SearchQuery, StoreHit};
pub use sender::Sender;
pub use trim::CacheStats;

use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::Duration,
};

/// How the store behaves.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// How long to wait for another process before [`StoreError::Locked`].
    pub busy: Duration,
    /// What the local copy of the conversations may take on the disk, in bytes.
    pub cache_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            busy: Duration::from_secs(5),
            cache_bytes: 1 << 30,
        }
    }
}

/// What the store had to repair. The user is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The outbox was damaged. What could be read was kept, and a copy of the damaged file lies beside it.
    OutboxSalvaged {
        /// Prompts that were kept and still wait.
        kept: usize,
        /// Nothing was missing.
        complete: bool,
    },
    /// The cache was damaged and starts empty; the gateway fills it.
    CacheRebuilt,
}

/// The two files. All methods block; share it behind an `Arc`, or use [`StoreHandle`].
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    options: StoreOptions,
    /// `None` after an error that a fresh look at the file may mend.
    outbox: Mutex<Option<Connection>>,
    repairs: Mutex<Vec<Repair>>,
    cache: cache::Cache,
    /// The cache's budget, in bytes.
    cache_bytes: AtomicU64,
}

impl Store {
    /// Opens the store in a directory, which is made when it is missing. A damaged outbox is salvaged. The cache is
    /// opened when it is first needed; whatever is wrong with it never keeps the outbox from working.
    pub fn open(dir: impl AsRef<Path>, options: StoreOptions) -> Result<Self, StoreError> {
        let store = Self {
            dir: dir.as_ref().to_owned(),
            options,
            outbox: Mutex::new(None),
            repairs: Mutex::new(Vec::new()),
            cache: cache::Cache::default(),
            cache_bytes: AtomicU64::new(options.cache_bytes),
        };
        files::prepare_dir(&store.dir)?;
        store.local(|_| Ok(()))?;
        Ok(store)
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What was mended since the last call.
    pub fn take_repairs(&self) -> Vec<Repair> {
        std::mem::take(&mut lock(&self.repairs))
    }

    fn outbox_path(&self) -> PathBuf {
        self.dir.join("outbox.db")
    }

    fn repaired(&self, repair: Repair) {
        tracing::warn!(?repair, "store repaired");
        lock(&self.repairs).push(repair);
    }

    /// Runs on the connection to the outbox, which is opened (and salvaged) when it is not.
    fn local<R>(&self, run: impl FnOnce(&mut Connection) -> rusqlite::Result<R>) -> Result<R, StoreError> {
        let mut slot = lock(&self.outbox);
        let connection = match slot.as_mut() {
            Some(connection) => connection,
            None => {
                let _setup = files::setup_lock(&self.dir)?;
                let (connection, salvage) = local::open(&self.outbox_path(), self.options.busy)?;
                if let Some(local::Salvage { kept, complete }) = salvage {
                    self.repaired(Repair::OutboxSalvaged { kept, complete });
                }
                slot.insert(connection)
            }
        };
        let result = run(connection).map_err(|error| StoreError::sql(Part::Outbox, error));
        if result.as_ref().is_err_and(StoreError::is_corrupt) {
            *slot = None;
        }
        result
    }
}

/// A panic while a lock was held leaves the connection usable: SQLite rolls back an open transaction.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
