//! What a companion needs of a gateway, whatever protocol it speaks.

use crate::SessionDelta;
use async_trait::async_trait;
use clawtray_gateway_protocol::{AgentId, ApprovalId, GatewayError, Message, RunId, SessionKey, SessionRow};
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
    /// Replies that nobody here asked for are pushed.
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

/// Where a connection stands.
#[derive(Clone, Debug, PartialEq)]
pub enum ConnectionState {
    /// Not started.
    Idle,
    /// The socket is being opened.
    Connecting,
    /// Open; `connect` is under way.
    Handshaking,
    /// Ready for requests.
    Ready(Box<ServerInfo>),
    /// Lost or refused for now; the next attempt comes by itself.
    Backoff {
        /// Attempts since the last success.
        attempt: u32,
        /// Time until the next attempt, from when this state was entered.
        delay: Duration,
        /// The gateway announced that it is restarting or starting up.
        soon_back: bool,
        /// What happened, in a sentence without secrets.
        error: String,
    },
    /// Stopped until the user acts. No attempt is made in this state.
    Paused(PauseReason),
    /// Shut down by us.
    Closed,
}

/// What the gateway said about itself in `hello-ok`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServerInfo {
    /// The gateway's version, for example `2026.9.6`.
    pub version: String,
    /// The protocol in use.
    pub protocol: u32,
    /// The scopes granted.
    pub scopes: Vec<String>,
    /// The methods offered.
    pub methods: Vec<String>,
    /// The main session of the default agent.
    pub main_session_key: Option<SessionKey>,
    /// The default agent.
    pub default_agent_id: Option<AgentId>,
    /// The largest frame the gateway takes, in bytes.
    pub max_payload_bytes: u64,
    /// The largest attachment, in bytes.
    pub max_attachment_bytes: Option<u64>,
    /// The largest image, in bytes.
    pub max_image_bytes: Option<u64>,
    /// Changes with every start of the gateway.
    pub boot_id: Option<String>,
}

impl ServerInfo {
    /// Whether the gateway has a method.
    #[must_use]
    pub fn offers(&self, method: &str) -> bool {
        self.methods.iter().any(|offered| offered == method)
    }
}

/// Why a connection waits for the user. Each names the next step.
#[derive(Clone, Debug, PartialEq)]
pub enum PauseReason {
    /// The token, password or device token is missing or wrong.
    AuthRequired {
        /// `details.code`, for example `AUTH_TOKEN_MISMATCH`.
        code: String,
        /// The gateway's own `recommendedNextStep`.
        next_step: Option<String>,
    },
    /// The gateway's owner has to approve this device, or its wider scopes.
    PairingPending {
        /// Named in `openclaw devices approve <id>`.
        request_id: Option<String>,
        /// `not-paired`, `scope-upgrade`, `metadata-upgrade`.
        reason: Option<String>,
        /// The gateway's own remediation hint.
        hint: Option<String>,
    },
    /// Too many requests or failed attempts; the gateway lets us wait.
    RateLimited {
        /// How long the gateway asked us to wait.
        retry_after: Option<Duration>,
    },
    /// No protocol version in common.
    ProtocolMismatch {
        /// The version the gateway wants, where it said so.
        expected: Option<u32>,
    },
    /// Plain `ws://` to a public address, or a certificate that is not trusted.
    InsecureTransport {
        /// What is wrong, in a sentence.
        message: String,
        /// SHA-256 of the certificate offered, lowercase hex, when the user may pin it.
        fingerprint: Option<String>,
    },
    /// `ssh` needs the user before it can lead to the gateway.
    Tunnel {
        /// What is wrong, in a sentence.
        message: String,
        /// What the user can do about it in a terminal.
        command: String,
    },
    /// The gateway removed this device or changed its authentication (close code 4001).
    DeviceRevoked {
        /// The close reason.
        reason: String,
    },
    /// The keychain does not give out what the connection needs.
    SecretsUnavailable {
        /// What is wrong, in a sentence.
        message: String,
    },
    /// The user switched the connection off.
    UserOffline,
    /// Something else that a retry cannot mend.
    Refused {
        /// The error's code.
        code: String,
        /// The gateway's own sentence.
        message: String,
    },
}

impl PauseReason {
    /// The command that lets this device in, to be run where the gateway runs.
    #[must_use]
    pub fn approval_command(&self) -> Option<String> {
        let Self::PairingPending {
            request_id: Some(id), ..
        } = self
        else {
            return None;
        };
        // It comes from the other side and ends up in a shell: nothing but an id.
        let plain = !id.is_empty()
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        plain.then(|| format!("openclaw devices approve {id}"))
    }
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
    /// The session as the gateway names it, when it answered at once (HTTP dialects).
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
    /// Working directory, host or the plugin's description.
    pub detail: Option<String>,
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

/// Something that happened in the gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum GatewayEvent {
    /// Connected, or connected again: subscriptions are in place, state must be reloaded.
    Connected {
        /// The gateway was started anew since the last connection.
        new_boot: bool,
    },
    /// The consumer missed events: reload what it shows.
    Resync,
    /// The list of sessions has to be read again; nothing is said about any one of them. Transcripts and runs are as
    /// they were.
    SessionsChanged {
        /// Why, in the gateway's word.
        reason: Option<String>,
    },
    /// A run's progress.
    Run(RunEvent),
    /// A message was added to a transcript (by anyone).
    Message {
        /// The session.
        session: SessionKey,
        /// The message.
        message: Box<Message>,
    },
    /// A session changed; fields follow the delta rules of `clients.md`.
    SessionChanged {
        /// The session.
        session: SessionKey,
        /// Why, in the gateway's word (`send`, `delete`, `reset`, …).
        reason: Option<String>,
        /// The payload, to be merged as a delta.
        delta: SessionDelta,
    },
    /// An approval was asked for.
    ApprovalRequested(Box<Approval>),
    /// An approval was decided or lapsed.
    ApprovalResolved {
        /// Its id.
        id: ApprovalId,
        /// The decision, where there is one.
        decision: Option<Decision>,
    },
    /// The gateway's health snapshot.
    Health(Value),
    /// The gateway is about to go away.
    Shutdown {
        /// Its own reason.
        reason: Option<String>,
        /// When it expects to be back.
        restart_expected: Option<Duration>,
    },
    /// Any other event, by its name.
    Other {
        /// The event's name.
        name: String,
        /// Its payload.
        payload: Value,
    },
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunEvent {
    /// The run.
    pub run: RunId,
    /// Its session.
    pub session: SessionKey,
    /// Its agent.
    pub agent: Option<AgentId>,
    /// Per run and rising; gaps are normal, a lower or equal number is a repetition.
    pub seq: u64,
    /// What happened.
    pub step: RunStep,
}

/// What happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RunStep {
    /// A phase before the first word: `preparing_workspace`, `preparing_context`, `starting_model`.
    Status {
        /// The phase.
        phase: String,
    },
    /// More text.
    Delta {
        /// What was added.
        text: String,
        /// The text so far is thrown away first (the provider was tried again).
        replace: bool,
        /// Length in bytes of the whole text so far, where the gateway said it; tells a lost delta.
        total_bytes: Option<usize>,
    },
    /// More reasoning.
    Thinking {
        /// What was added.
        text: String,
    },
    /// A tool began, went on or ended.
    Tool {
        /// The call.
        call_id: String,
        /// The tool.
        name: String,
        /// `start`, `update`, `result`.
        phase: String,
        /// Arguments on start.
        arguments: Option<Value>,
        /// Output on result.
        output: Option<String>,
        /// Whether it failed.
        is_error: bool,
    },
    /// The run is done. No message: the prompt was steered into another run, or the run had nothing to say.
    Final {
        /// The whole reply.
        message: Option<Box<Message>>,
        /// Why it stopped.
        stop_reason: Option<String>,
    },
    /// The run was stopped.
    Aborted {
        /// What it had said.
        message: Option<Box<Message>>,
    },
    /// The run failed.
    Error {
        /// The gateway's sentence.
        message: String,
    },
}

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
    #[error("{size} bytes are more than the gateway takes ({limit})")]
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
