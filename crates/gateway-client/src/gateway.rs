//! The trait [`Gateway`]: what a companion needs from a gateway, in any protocol.

mod error;
mod event;
mod state;

pub use error::CallError;
pub use event::{GatewayEvent, RunEvent, RunStep};
pub use state::{ConnectionState, PauseReason, ServerInfo};

use async_trait::async_trait;
use clawtray_gateway_protocol::{AgentId, ApprovalId, Message, RunId, SessionKey, SessionRow};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// A gateway, connected or not. Handles are cheap; dropping the last one ends the connection.
#[async_trait]
pub trait Gateway: Send + Sync + 'static {
    /// What this gateway's dialect can do. Windows, tray and command line follow it.
    fn capabilities(&self) -> Capabilities;
    /// The connection's state; the receiver always holds the newest.
    fn state(&self) -> watch::Receiver<ConnectionState>;
    /// A new stream of events. It is bounded: a consumer that falls behind gets [`GatewayEvent::Resync`] in place of
    /// what it missed and reloads history.
    fn events(&self) -> mpsc::Receiver<GatewayEvent>;

    /// Sends a prompt. `idempotency_key` becomes the run id; sending the same request twice starts one run.
    async fn send(&self, prompt: Prompt) -> Result<SendAck, CallError>;
    /// Stops a run of a session, or all of them.
    async fn abort(&self, session: &SessionKey, run: Option<&RunId>) -> Result<bool, CallError>;
    /// A page of a session's transcript, oldest first, with the run that is under way.
    async fn history(&self, query: HistoryQuery) -> Result<History, CallError>;
    /// Sessions, most recent first.
    async fn sessions(&self, query: SessionsQuery) -> Result<SessionsPage, CallError>;
    /// The configured agents.
    async fn agents(&self) -> Result<Agents, CallError>;
    /// Approvals that wait for a decision.
    async fn approvals(&self) -> Result<Vec<Approval>, CallError>;
    /// Decides an approval.
    async fn resolve_approval(
        &self,
        id: &ApprovalId,
        kind: ApprovalKind,
        decision: Decision,
    ) -> Result<(), CallError>;
    /// Round trip to the gateway's health call.
    async fn ping(&self) -> Result<Duration, CallError>;
    /// Any other method of the native protocol; `Unsupported` on dialects that have none.
    async fn call_raw(&self, method: &str, params: Value) -> Result<Value, CallError>;

    /// Tries to connect now: after a pause, or to cut a back-off short.
    fn reconnect(&self);
    /// Closes the connection for good.
    async fn shutdown(&self);
}

/// What a gateway's dialect can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// Replies arrive piece by piece.
    pub streaming: bool,
    /// A run can be stopped.
    pub abort: bool,
    /// The gateway pushes replies to other clients.
    pub push: bool,
    /// Transcripts can be read back.
    pub history: bool,
    /// Sessions can be listed.
    pub sessions: bool,
    /// Sessions can be renamed, reset, deleted.
    pub manage_sessions: bool,
    /// Approvals and questions exist.
    pub approvals: bool,
    /// Attachments can be sent.
    pub attachments: bool,
    /// Any method of the native protocol can be called.
    pub native: bool,
}

impl Capabilities {
    /// Nothing: what a gateway can do is not known yet.
    pub const NONE: Self = Self {
        streaming: false,
        abort: false,
        push: false,
        history: false,
        sessions: false,
        manage_sessions: false,
        approvals: false,
        attachments: false,
        native: false,
    };

    /// The native WebSocket protocol: everything.
    pub const NATIVE: Self = Self {
        streaming: true,
        abort: true,
        push: true,
        history: true,
        sessions: true,
        manage_sessions: true,
        approvals: true,
        attachments: true,
        native: true,
    };
}

/// A prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prompt {
    /// Where it goes.
    pub session: SessionKey,
    /// The text.
    pub text: String,
    /// Unique per prompt; becomes the run id.
    pub idempotency_key: String,
    /// A thinking level for this turn.
    pub thinking: Option<String>,
    /// What goes with it.
    pub attachments: Vec<Attachment>,
    /// Time limit of the run, in milliseconds.
    pub timeout_ms: Option<u64>,
}

/// A file or image that goes with a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// The MIME type.
    pub mime_type: String,
    /// The file's name.
    pub file_name: Option<String>,
    /// The bytes, base64.
    pub content: String,
}

/// The gateway took a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendAck {
    /// The run; events name it.
    pub run_id: RunId,
    /// `started`, `in_flight`, `ok`, `queued`.
    pub status: String,
    /// The text of the reply, if the gateway answered at once (HTTP dialects).
    pub reply: Option<String>,
}

/// Which part of a transcript.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HistoryQuery {
    /// The session.
    pub session: SessionKey,
    /// At most this many messages.
    pub limit: Option<u32>,
    /// Skip this many of the newest messages (paging backwards).
    pub offset: Option<u32>,
}

/// A part of a transcript.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct History {
    /// The session as the gateway names it.
    pub session: SessionKey,
    /// Oldest first.
    pub messages: Vec<Message>,
    /// There are older messages.
    pub has_more: bool,
    /// All messages of the session.
    pub total: Option<u64>,
    /// The run that is under way, with the text it has so far.
    pub in_flight: Option<InFlightRun>,
    /// The session's row.
    pub row: Option<SessionRow>,
}

/// A run that is under way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InFlightRun {
    /// The run.
    pub run_id: RunId,
    /// What it has said so far.
    pub text: String,
    /// When it began, in milliseconds since the epoch.
    pub started_at: Option<i64>,
}

/// Which sessions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionsQuery {
    /// At most this many.
    pub limit: Option<u32>,
    /// Skip this many.
    pub offset: Option<u32>,
    /// Only those of this agent.
    pub agent: Option<AgentId>,
    /// Only those whose title or key has this text.
    pub search: Option<String>,
    /// Archived ones too.
    pub archived: Option<bool>,
}

/// A page of sessions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionsPage {
    /// The rows, most recent first.
    pub sessions: Vec<SessionRow>,
    /// All that match.
    pub total: Option<u64>,
    /// There are more.
    pub has_more: bool,
}

/// The configured agents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Agents {
    /// The default agent.
    pub default_id: AgentId,
    /// All of them.
    pub agents: Vec<AgentInfo>,
}

/// An agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentInfo {
    /// Its id.
    pub id: AgentId,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its emoji, where it has one.
    pub emoji: Option<String>,
    /// Its primary model.
    pub model: Option<String>,
}

/// Exec or plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalKind {
    /// A command.
    Exec,
    /// A plugin's action.
    Plugin,
}

/// What the user decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// This time only.
    AllowOnce,
    /// From now on; not every approval offers it.
    AllowAlways,
    /// No.
    Deny,
}

/// An approval that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// Exec or plugin.
    pub kind: ApprovalKind,
    /// The command, or the plugin's title for its action.
    pub title: String,
    /// The gateway's warning about a command, or the plugin's description of its action.
    pub detail: Option<String>,
    /// Where and how a command would run.
    #[serde(default)]
    pub command: CommandFacts,
    /// The session it came from.
    pub session: Option<SessionKey>,
    /// The agent that asks.
    pub agent: Option<AgentId>,
    /// The run that waits.
    pub run: Option<RunId>,
    /// What may be answered.
    pub allowed: Vec<Decision>,
    /// When it was asked, in milliseconds since the epoch.
    pub created_at_ms: i64,
    /// When it lapses, in milliseconds since the epoch.
    pub expires_at_ms: Option<i64>,
}

/// What is known of a command besides its text. Each is absent where the gateway does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CommandFacts {
    /// The working directory.
    pub cwd: Option<String>,
    /// The host: `gateway`, `node`, `sandbox`.
    pub host: Option<String>,
    /// The id of the node that would run it.
    pub node: Option<String>,
    /// The file that the command's first word stands for.
    pub program: Option<String>,
    /// What would really run, where it differs from the command's text.
    pub runs: Option<String>,
}
