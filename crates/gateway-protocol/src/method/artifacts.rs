//! `artifacts.*`: files and images that agents made.

use super::{Scope, method};
use crate::{AgentId, SessionKey};
use serde::{Deserialize, Serialize};

method!(
    /// An artifact: inline, or as a URL of the gateway that is valid for a short while.
    Download = "artifacts.download", Some(Scope::Read), DownloadParams => DownloadResult
);

/// Parameters of `artifacts.download`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DownloadParams {
    /// The artifact.
    pub artifact_id: String,
    /// The session it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_key: Option<SessionKey>,
    /// The agent, where the key alone does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
}

/// Result of `artifacts.download`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DownloadResult {
    /// `base64` when the bytes are here.
    pub encoding: Option<String>,
    /// The bytes.
    pub data: Option<String>,
    /// Or where they are, relative to the gateway.
    pub url: Option<String>,
}
