//! The reasons why the gateway did not start, and the error objects of the native protocol.

use clawtray_gateway_protocol::GatewayError;
use serde_json::Value;
use std::net::SocketAddr;

/// Why [`crate::EmbeddedGateway::start`] failed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A gateway that nothing guards would belong to every program and web page that reaches it.
    #[error("the gateway needs a token or an API key")]
    NeedsKey,
    /// A token or an API key has no character.
    #[error("a token or an API key is empty")]
    EmptySecret,
    /// The address could not be bound.
    #[error("cannot listen on {addr}")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The thread that an app runs it on could not be started.
    #[error("the gateway's thread cannot be started")]
    Thread(#[source] std::io::Error),
    /// The data directory or the database could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A webhook's address is not usable.
    #[error("a webhook cannot be used: {0}")]
    Webhook(String),
    /// The model server's address is not usable.
    #[error("the model server cannot be used: {0}")]
    Model(String),
}

/// The database failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory could not be made or protected.
    #[error("the data directory cannot be used")]
    Directory(#[source] std::io::Error),
    /// A newer version of Clawtray wrote the database; it was not touched.
    #[error("the gateway's database is of a newer version ({found}, known is {known}) and was left as it is")]
    TooNew {
        /// The version of the file.
        found: i64,
        /// The newest version that is known here.
        known: usize,
    },
    /// What the database says of itself cannot be.
    #[error("the gateway's database is damaged")]
    Damaged,
    /// SQLite said no.
    #[error("the database failed")]
    Sqlite(#[from] rusqlite::Error),
    /// A stored row could not be read back.
    #[error("a stored row could not be read")]
    Row(#[from] serde_json::Error),
}

pub(crate) fn invalid(message: impl Into<String>) -> GatewayError {
    GatewayError {
        code: "INVALID_REQUEST".into(),
        message: message.into(),
        details: None,
        retryable: None,
        retry_after_ms: None,
    }
}

pub(crate) fn invalid_with(message: impl Into<String>, details: Value) -> GatewayError {
    GatewayError {
        details: Some(details),
        ..invalid(message)
    }
}

pub(crate) fn unavailable(message: impl Into<String>) -> GatewayError {
    GatewayError {
        code: "UNAVAILABLE".into(),
        retryable: Some(true),
        ..invalid(message)
    }
}

impl From<StoreError> for GatewayError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "store");
        unavailable("the gateway could not reach its database")
    }
}
