//! The error object of a response frame.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `error` of a response with `ok: false`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{code}: {message}")]
pub struct GatewayError {
    /// The class of the error, for example `INVALID_REQUEST`, `UNAVAILABLE`, `NOT_PAIRED`, `FORBIDDEN`.
    /// At most [`crate::bounds::CODE_MAX`] printable ASCII characters, so that it may be logged.
    #[serde(deserialize_with = "crate::bounds::code")]
    pub code: String,
    /// The gateway's own sentence, at most [`crate::bounds::SENTENCE_MAX`] bytes.
    #[serde(default, deserialize_with = "crate::bounds::sentence")]
    pub message: String,
    /// Facts that depend on the code; `details.code` names the precise cause (`AUTH_TOKEN_MISMATCH`, `PAIRING_REQUIRED`).
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::bounds::details"
    )]
    pub details: Option<Value>,
    /// Whether the gateway says that the same request may succeed later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// How long to wait before the next attempt, in milliseconds; at most [`crate::bounds::WAIT_MAX_MS`].
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::bounds::wait_ms"
    )]
    pub retry_after_ms: Option<u64>,
}

impl GatewayError {
    /// A string under `details`.
    #[must_use]
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.details.as_ref()?.get(name)?.as_str()
    }

    /// `details.code`, the precise cause where the gateway names one.
    #[must_use]
    pub fn detail_code(&self) -> Option<&str> {
        self.detail("code")
    }
}
