//! The faults of the store's files, and what the user can do about each.

use rusqlite::ErrorCode;
use std::fmt;

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// `outbox.db`: what exists nowhere else.
    Outbox,
    /// `cache.db`: what the gateway can give again.
    Cache,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Outbox => "the outbox",
            Self::Cache => "the local copy of the conversations",
        })
    }
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room on the disk.
    #[error("the disk is full; {part} could not be written")]
    Full {
        /// The file.
        part: Part,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file is damaged. The next call repairs it.
    #[error("the file of {part} is damaged")]
    Corrupt {
        /// The file.
        part: Part,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Another process kept the file locked for longer than the time limit.
    #[error("another program holds {part}")]
    Locked {
        /// The file.
        part: Part,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file or its directory cannot be opened or written.
    #[error("no access to {part}: {message}")]
    NoAccess {
        /// The file.
        part: Part,
        /// The system's own words.
        message: String,
    },
    /// A newer version of the app wrote the file.
    #[error("a newer version wrote {part} (schema {found}, this version knows {known})")]
    TooNew {
        /// The file.
        part: Part,
        /// The schema version in the file.
        found: i64,
        /// The newest schema version known here.
        known: i64,
    },
    /// The id is taken by a prompt with other content.
    #[error("another prompt has the id {id}")]
    Conflict {
        /// The id.
        id: String,
    },
    /// A newer search took the place of this one.
    #[error("a newer search took the place of this one")]
    Superseded,
    /// The store's threads have ended.
    #[error("the store is closed")]
    Closed,
    /// Anything else that SQLite said.
    #[error("{part} could not be read or written: {source}")]
    Sql {
        /// The file.
        part: Part,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl StoreError {
    /// Sorts an error of SQLite.
    pub(super) fn sql(part: Part, source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { part, source },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt { part, source },
            Some(
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed,
            ) => Self::Locked { part, source },
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::NoAccess {
                    part,
                    message: source.to_string(),
                }
            }
            Some(ErrorCode::OperationInterrupted) => Self::Superseded,
            _ => Self::Sql { part, source },
        }
    }

    /// Sorts an error of the file system.
    pub(super) fn io(part: Part, error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
            return Self::Full {
                part,
                source: rusqlite::Error::SqliteFailure(code, Some(error.to_string())),
            };
        }
        Self::NoAccess {
            part,
            message: error.to_string(),
        }
    }

    /// What the person can do, in one sentence for the log; windows have their own words.
    #[must_use]
    pub const fn next_step(&self) -> &'static str {
        match self {
            Self::Full {
                part: Part::Outbox, ..
            } => "Free some disk space and send again; what was queued before is safe.",
            Self::Full {
                part: Part::Cache, ..
            } => {
                "Free some disk space or lower the size of the local copy in settings; nothing queued is lost."
            }
            Self::Corrupt {
                part: Part::Outbox, ..
            } => {
                "Try again: what can be read of the outbox is saved first, and the damaged file is kept beside it."
            }
            Self::Corrupt {
                part: Part::Cache, ..
            } => "Nothing to do: the local copy is built anew from the gateway, and queued prompts are kept.",
            Self::Locked { .. } => "Wait a moment and try again; close a second Clawtray if one is stuck.",
            Self::NoAccess { .. } => {
                "Check that Clawtray's data directory exists, belongs to you and can be written."
            }
            Self::TooNew { .. } => "Update Clawtray, or move the file away to start afresh.",
            Self::Conflict { .. } => "Send the prompt again under a new id.",
            Self::Superseded => "Nothing to do.",
            Self::Closed => "Start Clawtray again.",
            Self::Sql { .. } => "Try again; if it stays, restart Clawtray and look at the log.",
        }
    }

    /// Whether the file is damaged.
    #[must_use]
    pub const fn is_corrupt(&self) -> bool {
        matches!(self, Self::Corrupt { .. })
    }
}
