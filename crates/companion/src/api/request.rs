#![allow(missing_docs, reason = "fields whose name says it all")]

use crate::ids::{GatewayId, SessionRef};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Everything a window (or the command line through the running app) may ask for.
///
/// A request about a session names its gateway too, as the window showed it when the person acted. Another gateway may
/// have become the active one by the time the request arrives, and the same session keys exist there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "../../../ui/src/api/")]
pub enum Request {
    // Chat
    /// Sends a prompt to a session through the outbox. Answers `{id}`: the outbox id, which is the idempotency key.
    SendMessage {
        /// The session. When absent: the window's target on `gateway`, or a new session where there is none.
        #[serde(default)]
        #[ts(optional)]
        session: Option<SessionRef>,
        /// The gateway, for a window that knows no session of it yet; the active one when absent. `session` counts more.
        #[serde(default)]
        #[ts(optional)]
        gateway: Option<GatewayId>,
        text: String,
        #[serde(default)]
        #[ts(as = "Option<Vec<AttachmentInput>>", optional)]
        attachments: Vec<AttachmentInput>,
    },
    /// Takes a queued prompt back; its text returns to the draft.
    CancelQueued {
        id: String,
    },
    /// Tries a failed prompt again with the same idempotency key.
    RetryQueued {
        id: String,
    },
    /// Stops the active run of a session.
    Stop {
        session: SessionRef,
    },
    /// Starts a new session for the agent and makes it the target. Answers `{session}`, a `SessionRef`.
    NewSession {
        gateway: GatewayId,
        #[ts(optional)]
        agent: Option<String>,
    },
    /// Points the window at a session; the choice stays until changed. Does not change which gateway is active.
    SetTarget {
        session: SessionRef,
    },
    /// Loads older messages of the window's session.
    LoadOlder {
        session: SessionRef,
    },
    /// Reads a message in full that the gateway cut; `message` is the id in [`super::CutView`].
    WholeMessage {
        session: SessionRef,
        message: String,
    },
    /// Keeps the unsent text of a session.
    SaveDraft {
        session: SessionRef,
        text: String,
    },
    /// Earlier prompts, newest first. Answers `string[]`.
    PromptHistory {
        gateway: GatewayId,
        limit: u32,
    },
    /// Slash commands of the target's agent. Answers `CommandView[]`.
    ListCommands {
        gateway: GatewayId,
    },
    /// Models on offer. Answers `ModelView[]`.
    ListModels {
        gateway: GatewayId,
    },
    /// Chooses model and thinking level of a session; `null` leaves as is.
    SetSessionModel {
        session: SessionRef,
        #[ts(optional)]
        model: Option<String>,
        #[ts(optional)]
        thinking: Option<String>,
    },
    /// Sends in a new isolated session and tells when done. Answers `{id, session}`; the session is a `SessionRef`.
    SendInBackground {
        gateway: GatewayId,
        text: String,
        #[ts(optional)]
        model: Option<String>,
        #[ts(optional, type = "number")]
        timeout_seconds: Option<u32>,
    },

    // Needs you
    /// Decides an approval: `allow-once`, `allow-always`, `deny`.
    ResolveApproval {
        /// The gateway that asks.
        gateway: GatewayId,
        id: String,
        decision: String,
    },
    /// Answers an agent's question: question id → chosen labels or free text.
    AnswerQuestion {
        /// The gateway that asks.
        gateway: GatewayId,
        id: String,
        answers: std::collections::BTreeMap<String, Vec<String>>,
    },

    // Sessions
    /// Marks a session read.
    MarkRead {
        session: SessionRef,
    },
    /// Renames; an empty label goes back to the derived title.
    RenameSession {
        session: SessionRef,
        label: String,
    },
    PinSession {
        session: SessionRef,
        pinned: bool,
    },
    ArchiveSession {
        session: SessionRef,
        archived: bool,
    },
    MuteSession {
        session: SessionRef,
        muted: bool,
    },
    ResetSession {
        session: SessionRef,
    },
    CompactSession {
        session: SessionRef,
    },
    DeleteSession {
        session: SessionRef,
    },
    /// Copies a session. Answers `{session}`, a `SessionRef`.
    ForkSession {
        session: SessionRef,
    },
    /// Search over all local text (and the gateway's own when online). Answers `SearchHit[]`.
    Search {
        gateway: GatewayId,
        query: String,
        #[ts(optional)]
        agent: Option<String>,
        /// The key of a session of that gateway, to look in it alone.
        #[ts(optional)]
        session: Option<String>,
        /// Not before then (epoch ms).
        #[ts(optional, type = "number")]
        from_ms: Option<i64>,
        /// Before then (epoch ms).
        #[ts(optional, type = "number")]
        until_ms: Option<i64>,
        limit: u32,
    },
    /// Shows a session in this window and scrolls to a message (a search hit's), reading older ones as needed.
    /// `reveal` is signalled when it is there. The session's gateway becomes the active one.
    RevealMessage {
        session: SessionRef,
        message: String,
    },
    /// Writes a session to a file the user chose or to the clipboard. Answers `{text}`; format `markdown` or `json`.
    ExportSession {
        session: SessionRef,
        format: String,
    },

    // Gateways
    /// Makes a profile the active one.
    UseGateway {
        id: String,
    },
    /// Tries to connect now.
    Reconnect {
        id: String,
    },
    /// Looks for gateways again. Answers `FoundGateway[]`.
    DiscoverGateways,
    /// Tests without storing. Answers `{ok, message}`.
    TestGateway {
        url: String,
        #[ts(optional)]
        token: Option<String>,
        /// `auto` when absent.
        #[ts(optional)]
        dialect: Option<String>,
    },
    /// Adds a profile. The token goes to the keychain and is not kept anywhere else. Answers `{id}`.
    AddGateway {
        name: String,
        url: String,
        #[ts(optional)]
        token: Option<String>,
        /// Keep secrets for this session only.
        #[serde(default)]
        session_only: bool,
        /// What is spoken there: `auto` (also when absent), `native`, or the name of an HTTP dialect.
        #[ts(optional)]
        dialect: Option<String>,
    },
    /// Chooses what is spoken with a gateway: `auto`, `native`, or the name of an HTTP dialect.
    SetGatewayDialect {
        id: String,
        dialect: String,
    },
    /// Receives webhooks of a gateway of the dialect `messages-v1` on this port of 127.0.0.1; no port ends it. The
    /// secret goes to the keychain.
    SetGatewayWebhook {
        id: String,
        #[ts(optional)]
        port: Option<u16>,
        #[ts(optional)]
        secret: Option<String>,
    },
    /// Takes what first run found; its token is read again from where it was found. Answers `{id}`.
    AcceptFoundGateway {
        id: String,
        #[serde(default)]
        session_only: bool,
    },
    /// Starts the built-in gateway and makes it active. Answers `{id}`.
    UseEmbeddedGateway,
    RenameGateway {
        id: String,
        name: String,
    },
    /// New token for a profile (sign in again).
    SetGatewayToken {
        id: String,
        token: String,
        #[serde(default)]
        session_only: bool,
    },
    /// Trusts the certificate with this SHA-256 fingerprint (lowercase hex) for a profile.
    TrustCertificate {
        id: String,
        fingerprint: String,
    },
    /// Asks a gateway for `operator.admin` from now on, or no longer: to reset and delete sessions, to run jobs, and to
    /// decide approvals of other channels. Connects anew.
    SetFullControl {
        id: String,
        on: bool,
    },
    RemoveGateway {
        id: String,
    },
    /// Forgets the local copy of a gateway's conversations. What waits to be sent, drafts and settings stay.
    ClearCache {
        id: String,
    },
    /// Keychain was locked or absent: try again, or go on for this session only.
    RetryKeychain {
        id: String,
    },

    // What a gateway says about itself. Each answers the gateway's own result.
    /// The jobs, also those that are switched off: `cron.list`.
    ListJobs {
        gateway: GatewayId,
    },
    /// `cron.add`
    AddJob {
        gateway: GatewayId,
        job: NewJob,
    },
    /// Switches a job on or off: `cron.update`.
    UpdateJob {
        gateway: GatewayId,
        id: String,
        enabled: bool,
    },
    /// `cron.remove`
    RemoveJob {
        gateway: GatewayId,
        id: String,
    },
    /// Runs a job now, due or not: `cron.run`.
    RunJob {
        gateway: GatewayId,
        id: String,
    },
    /// Tokens and money of the last days: `usage.cost`.
    UsageReport {
        gateway: GatewayId,
        days: u32,
    },
    /// Tokens and money by session: `sessions.usage`.
    SessionUsage {
        gateway: GatewayId,
        limit: u32,
    },
    /// `channels.status`
    ListChannels {
        gateway: GatewayId,
    },
    /// `node.list`
    ListNodes {
        gateway: GatewayId,
    },
    /// Who is connected: `system-presence`.
    ListPresence {
        gateway: GatewayId,
    },
    /// The tools of an agent: `tools.catalog`.
    ListTools {
        gateway: GatewayId,
        agent: String,
    },
    /// Lines of the gateway's log, from `cursor` on: `logs.tail`.
    TailLog {
        gateway: GatewayId,
        limit: u32,
        #[serde(default)]
        #[ts(optional, type = "number")]
        cursor: Option<u64>,
    },
    /// The files that the gateway keeps of a session: `artifacts.list`.
    ListArtifacts {
        session: SessionRef,
    },
    /// One of them: `artifacts.download`.
    DownloadArtifact {
        session: SessionRef,
        artifact: String,
    },

    // Settings and window
    /// A report for somebody who helps, without secrets, names or messages. Answers `{text}`.
    Diagnostics,
    /// Writes the report that was shown last to a file. Answers `{path}`.
    SaveDiagnostics,
    /// Changes settings: a partial settings object, merged.
    ChangeSettings {
        #[ts(type = "unknown")]
        patch: serde_json::Value,
    },
    /// Shows a window: `popup`, `browser`, `settings`; optionally on a session.
    ShowWindow {
        window: String,
        #[serde(default)]
        #[ts(optional)]
        session: Option<SessionRef>,
    },
    /// Hides the window that asks.
    HideWindow,
    /// Pins the popup (stays when focus goes).
    PinPopup {
        pinned: bool,
    },
    /// The height the content of the popup wants, in CSS pixels.
    FitPopup {
        height: f64,
    },
    /// Opens an `https`, `http` or `mailto` link outside.
    OpenLink {
        url: String,
    },
    /// Do not disturb until then (epoch ms); `null` ends it.
    DoNotDisturb {
        #[ts(optional, type = "number")]
        until_ms: Option<i64>,
    },
    /// Hides a notice.
    DismissNotice {
        id: String,
    },
    Quit,
}

/// A job to add: a turn of an agent in a session of its own, whose answer stays there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "../../../ui/src/api/")]
pub struct NewJob {
    /// Its name.
    pub name: String,
    /// The agent's id; the gateway's default agent when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub agent: Option<String>,
    /// What the agent is told.
    pub prompt: String,
    /// When it runs.
    pub schedule: JobSchedule,
}

/// When a job runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "../../../ui/src/api/")]
pub enum JobSchedule {
    /// Again and again.
    Every {
        /// Milliseconds between runs.
        #[ts(type = "number")]
        every_ms: u64,
    },
    /// By a cron expression, in the gateway's time zone.
    Cron {
        /// Five fields, or six with seconds.
        expr: String,
    },
}

impl Default for JobSchedule {
    fn default() -> Self {
        Self::Cron { expr: String::new() }
    }
}

/// A file that goes with a prompt. Its bytes travel base64, once, from the window to the outbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "../../../ui/src/api/")]
pub struct AttachmentInput {
    /// The file's name.
    pub name: String,
    /// The MIME type.
    pub mime_type: String,
    /// The bytes, base64.
    pub content: String,
}
