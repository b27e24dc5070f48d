//! The interface between the HTTP dialects and what carries their calls out: the built-in agent, or
//! the real gateway behind the bridge.

use crate::agent::Line;
use crate::runs::Progress;
use async_trait::async_trait;
use clawtray_gateway_client::Attachment;
use clawtray_gateway_protocol::GatewayError;
use serde_json::Value;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};

/// Why a backend could not do it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum BackendError {
    /// The request makes no sense: 400.
    BadRequest(String),
    /// There is no such thing: 404.
    NotFound(String),
    /// This backend cannot do that at all: 501.
    Unsupported(String),
    /// Not now, but soon: 503.
    Starting(String),
    /// It went wrong: 500.
    Failed(String),
}

impl From<GatewayError> for BackendError {
    fn from(error: GatewayError) -> Self {
        match (error.code.as_str(), error.detail_code()) {
            (_, Some("CRON_JOB_NOT_FOUND")) => Self::NotFound(error.message),
            ("INVALID_REQUEST", _) => Self::BadRequest(error.message),
            ("NOT_FOUND", _) => Self::NotFound(error.message),
            ("UNAVAILABLE", _) => Self::Starting(error.message),
            _ => Self::Failed(error.message),
        }
    }
}

impl From<crate::error::StoreError> for BackendError {
    fn from(error: crate::error::StoreError) -> Self {
        GatewayError::from(error).into()
    }
}

/// How the backend is doing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BackendStatus {
    pub(crate) version: String,
    pub(crate) agent: String,
    /// `provider/model`.
    pub(crate) model: String,
    /// Channel → `connected` or another word.
    pub(crate) channels: Value,
}

/// An agent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BackendAgent {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) model: String,
}

/// A session.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct BackendSession {
    pub(crate) key: String,
    pub(crate) agent: String,
    pub(crate) label: Option<String>,
    pub(crate) channel: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) thinking: Option<String>,
    pub(crate) active: bool,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) messages: u64,
    pub(crate) tokens_in: u64,
    pub(crate) tokens_out: u64,
    pub(crate) cost_usd: f64,
}

/// A page of a transcript: messages in the shape of the native protocol, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Transcript {
    pub(crate) messages: Vec<Value>,
    pub(crate) total: u64,
}

/// A prompt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    /// The full session key.
    pub(crate) session: String,
    pub(crate) text: String,
    /// Becomes the run id.
    pub(crate) run_id: String,
    pub(crate) model: Option<String>,
    pub(crate) timeout: Option<Duration>,
    /// For the gateway behind the bridge.
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) channel: &'static str,
}

/// A conversation that the caller sends with its request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Completion {
    pub(crate) agent: String,
    pub(crate) history: Vec<Line>,
    pub(crate) prompt: Line,
    /// The most tokens that the answer may have; a gateway behind the bridge is not told.
    pub(crate) max_tokens: Option<u32>,
}

/// An event in any session, also one that no HTTP caller caused.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    pub(crate) session: String,
    pub(crate) run_id: String,
    pub(crate) kind: ReportKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ReportKind {
    Received {
        text: String,
    },
    Sent {
        text: String,
        tokens: u64,
        latency_ms: u64,
    },
    Failed {
        message: String,
    },
    ChannelLost {
        channel: String,
    },
}

/// Carries out the calls of the HTTP dialects.
#[async_trait]
pub(crate) trait Backend: Send + Sync + 'static {
    /// `Err` with a sentence while calls cannot be carried out for now.
    fn ready(&self) -> Result<(), String>;
    /// The full key of a session name.
    fn canonical_key(&self, name: &str) -> String;
    /// The agent that is meant when none is named.
    fn default_agent(&self) -> String;
    /// Everything that happens, as it happens.
    fn reports(&self) -> broadcast::Receiver<Report>;
    fn active_runs(&self) -> usize;

    async fn status(&self) -> Result<BackendStatus, BackendError>;
    async fn agents(&self) -> Result<Vec<BackendAgent>, BackendError>;
    /// Whether prompts for this agent will be taken.
    async fn knows_agent(&self, id: &str) -> Result<bool, BackendError>;
    /// Name and description of each tool.
    async fn tools(&self, agent: &str) -> Result<Vec<(String, String)>, BackendError>;

    /// Most recent first.
    async fn sessions(&self) -> Result<Vec<BackendSession>, BackendError>;
    async fn session(&self, key: &str) -> Result<Option<BackendSession>, BackendError>;
    /// The key of a session that is known by its `sess_…` name.
    async fn key_of_sid(&self, sid: &str) -> Result<Option<String>, BackendError>;
    /// `offset` skips the newest.
    async fn history(&self, key: &str, limit: u32, offset: u32) -> Result<Transcript, BackendError>;
    async fn create_session(&self, key: &str, label: Option<&str>) -> Result<BackendSession, BackendError>;
    /// Empties the transcript.
    async fn clear_session(&self, key: &str) -> Result<(), BackendError>;
    /// Takes the session away; the main session is emptied instead.
    async fn delete_session(&self, key: &str) -> Result<(), BackendError>;

    /// Starts a run; the steps come through the channel, the last one says how it ended.
    async fn ask(&self, ask: Ask) -> Result<mpsc::Receiver<Progress>, BackendError>;
    /// Answers a conversation that is brought along and kept nowhere.
    async fn complete(&self, completion: Completion) -> Result<mpsc::Receiver<Progress>, BackendError>;

    async fn cron_list(&self) -> Result<Vec<Value>, BackendError>;
    async fn cron_add(&self, job: Value) -> Result<Value, BackendError>;
    async fn cron_remove(&self, id: &str) -> Result<(), BackendError>;
}

/// Whether a word may be an agent's id.
pub(crate) fn is_agent_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 64
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
