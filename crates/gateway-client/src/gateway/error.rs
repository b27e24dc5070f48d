//! The reasons why a call failed.

use clawtray_gateway_protocol::GatewayError;
use std::time::Duration;

/// Why a call did not succeed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CallError {
    /// There is no connection.
    #[error("the gateway is not connected")]
    NotConnected,
    /// The connection went while the call was under way.
    #[error("the connection was lost")]
    Disconnected {
        /// The request had been handed to the socket: it may have taken effect.
        written: bool,
    },
    /// No answer in time. The request may have taken effect.
    #[error("the gateway did not answer within {0:?}")]
    Timeout(Duration),
    /// The gateway said no.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The request is larger than the gateway takes.
    #[error("the request has {size} bytes; the gateway accepts {limit}")]
    TooLarge {
        /// Bytes of the request.
        size: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// This gateway's dialect cannot do it.
    #[error("this gateway cannot do that: {0}")]
    Unsupported(&'static str),
    /// The answer could not be read.
    #[error("the gateway's answer to {method} could not be read: {reason}")]
    Decode {
        /// The method.
        method: String,
        /// What was wrong with it.
        reason: String,
    },
}

impl CallError {
    /// Whether the request certainly had no effect, so that it may be sent again.
    #[must_use]
    pub fn is_safe_to_retry(&self) -> bool {
        match self {
            Self::NotConnected | Self::Disconnected { written: false } => true,
            Self::Gateway(error) => error.retryable == Some(true),
            Self::Disconnected { written: true }
            | Self::Timeout(_)
            | Self::TooLarge { .. }
            | Self::Unsupported(_)
            | Self::Decode { .. } => false,
        }
    }
}
