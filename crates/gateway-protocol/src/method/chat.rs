//! `chat.*`: prompts, transcripts and stopping a run.

use super::{Scope, method};
use crate::{AgentId, Message, MessageId, RunId, SessionKey, SessionRow};
use serde::{Deserialize, Serialize};

method!(
    /// Sends a prompt; the reply comes as events.
    Send = "chat.send", Some(Scope::Write), SendParams => SendResult
);
method!(
    /// Stops a run, or every run of a session. Only the device that started a run, or an admin, may stop it.
    Abort = "chat.abort", Some(Scope::Write), AbortParams => AbortResult
);
method!(
    /// A page of a transcript.
    History = "chat.history", Some(Scope::Read), HistoryParams => HistoryResult
);
method!(
    /// One message in full, where `chat.history` cut it short.
    MessageGet = "chat.message.get", Some(Scope::Read), MessageGetParams => MessageGetResult
);

/// Parameters of `chat.send`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SendParams {
    /// The session; created on demand.
    pub session_key: SessionKey,
    /// The prompt.
    pub message: String,
    /// Unique per prompt; becomes the run's id.
    pub idempotency_key: String,
    /// A thinking level for this turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<String>,
    /// What happens when a run is active: `steer`, `followup`, `collect`, `interrupt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_mode: Option<String>,
    /// Files and images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<SendAttachment>,
    /// Time limit of the run, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// An attachment of `chat.send`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SendAttachment {
    /// `image` or `file`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The MIME type.
    pub mime_type: String,
    /// The file's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// The bytes, base64.
    pub content: String,
}

/// Result of `chat.send`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendResult {
    /// The run: the idempotency key.
    pub run_id: RunId,
    /// `started`, `in_flight` for a key that is under way, `ok` for one that is done.
    #[serde(default)]
    pub status: String,
}

/// Parameters of `chat.abort`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AbortParams {
    /// The session.
    pub session_key: SessionKey,
    /// The run; all of them without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
}

/// Result of `chat.abort`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AbortResult {
    /// Whether something was running and was stopped.
    pub aborted: bool,
    /// What was stopped.
    pub run_ids: Vec<RunId>,
}

/// Parameters of `chat.history`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryParams {
    /// The session.
    pub session_key: SessionKey,
    /// At most this many messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Skip this many of the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
    /// The `deltaCursor` of an earlier answer: only what came after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Around this message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// With `message_id`: the session id that named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Cut messages at this many characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_chars: Option<u32>,
}

/// Result of `chat.history`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HistoryResult {
    /// The session as the gateway names it.
    pub session_key: SessionKey,
    /// The transcript's id; changes with a reset.
    pub session_id: Option<String>,
    /// Oldest first.
    #[serde(deserialize_with = "crate::lenient::rows")]
    pub messages: Vec<Message>,
    /// There are older ones.
    pub has_more: bool,
    /// Where they begin.
    pub next_offset: Option<u32>,
    /// All of them.
    pub total_messages: Option<u64>,
    /// For the next call's `cursor`.
    pub delta_cursor: Option<String>,
    /// The run that is under way.
    pub in_flight_run: Option<InFlight>,
    /// The session's row: a snapshot, so what it leaves out is not so.
    pub session_info: Option<SessionRow>,
}

/// `inFlightRun` of `chat.history`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InFlight {
    /// The run.
    pub run_id: RunId,
    /// What it has said so far.
    pub text: String,
    /// When it began, in milliseconds since the epoch.
    pub started_at: Option<i64>,
}

/// Parameters of `chat.message.get`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageGetParams {
    /// The session.
    pub session_key: SessionKey,
    /// The message.
    pub message_id: MessageId,
    /// The agent, where the key alone does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    /// Cut it at this many characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_chars: Option<u32>,
}

/// Result of `chat.message.get`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MessageGetResult {
    /// The message; none when there is no such one.
    pub message: Option<Message>,
}
