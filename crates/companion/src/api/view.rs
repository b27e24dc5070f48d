#![allow(missing_docs, reason = "fields whose name says it all")]

use crate::ids::{GatewayId, SessionRef};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

macro_rules! view {
    ($(#[$doc:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
        #[serde(rename_all = "camelCase", default)]
        #[ts(export_to = "../../../ui/src/api/")]
        pub struct $name { $($body)* }
    };
}
macro_rules! words {
    ($(#[$doc:meta])* pub enum $name:ident { $($body:tt)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
        #[serde(rename_all = "kebab-case")]
        #[ts(export_to = "../../../ui/src/api/")]
        pub enum $name { $($body)* }
    };
}

view! {
    /// Everything a window shows.
    pub struct View {
        /// The active gateway's connection.
        pub connection: ConnectionView,
        /// All profiles.
        pub gateways: Vec<GatewayView>,
        /// What first run (or discovery) found and did not store yet.
        pub found: Vec<FoundGateway>,
        /// Agents of the active gateway.
        pub agents: Vec<AgentView>,
        /// Sessions of the active gateway, most recent first.
        pub sessions: Vec<SessionView>,
        /// Where a prompt goes.
        pub target: TargetView,
        /// The target's transcript.
        pub transcript: TranscriptView,
        /// Prompts not yet taken by the gateway.
        pub outbox: Vec<QueuedView>,
        /// Approvals that wait.
        pub approvals: Vec<ApprovalView>,
        /// Questions that wait.
        pub questions: Vec<QuestionView>,
        /// Things to say once (no tray host, no keychain, …).
        pub notices: Vec<Notice>,
        /// The settings.
        pub settings: Settings,
        /// The global hotkey as it stands.
        pub hotkey: HotkeyView,
        /// The HTTP APIs for scripts as they stand.
        pub bridge: BridgeView,
        /// The app's version.
        pub version: String,
    }
}
words! {
    /// Where a connection stands, in one word. Shape and colour follow it.
    pub enum ConnectionWord {
        /// No gateway is set up.
        #[default]
        None,
        Connecting,
        Ready,
        Offline,
        /// The gateway is restarting or starting up.
        SoonBack,
        Pairing,
        SignIn,
        RateLimited,
        ProtocolMismatch,
        Insecure,
        KeychainLocked,
        /// The keychain is absent, does not answer or refuses.
        KeychainUnreadable,
        UserOffline,
        Refused,
    }
}
words! {
    /// The one thing the user can do about a connection.
    pub enum NextStep {
        #[default]
        None,
        TryNow,
        SignIn,
        ApprovePairing,
        UpdateGateway,
        TrustCertificate,
        UnlockKeychain,
        AddGateway,
        GoOnline,
    }
}
view! {
    /// The state of a connection in words: one sentence, one next step.
    pub struct ConnectionView {
        pub word: ConnectionWord,
        /// The gateway's name ("Home").
        pub gateway: String,
        /// One sentence; empty when ready.
        pub sentence: String,
        /// What the sentence is said in: a tag like `zh-CN`.
        pub language: String,
        pub next_step: NextStep,
        /// A command to copy, for example `openclaw devices approve …`.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub command: Option<String>,
        /// The gateway asks for a password. Else for a token.
        pub wants_password: bool,
        /// When the next attempt comes by itself (epoch ms).
        #[ts(optional, type = "number")]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub retry_at_ms: Option<i64>,
        /// Certificate fingerprint offered for trust.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub fingerprint: Option<String>,
        /// The gateway's version.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub version: Option<String>,
        /// Round trip in milliseconds.
        #[ts(optional, type = "number")]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub latency_ms: Option<u32>,
        pub capabilities: CapabilitiesView,
    }
}
view! {
    /// What the gateway's dialect can do; controls that cannot work are not shown.
    pub struct CapabilitiesView {
        pub streaming: bool,
        pub abort: bool,
        pub push: bool,
        pub history: bool,
        pub sessions: bool,
        pub manage_sessions: bool,
        pub approvals: bool,
        pub attachments: bool,
        pub native: bool,
        #[ts(type = "number")]
        pub max_attachment_bytes: u64,
        #[ts(type = "number")]
        pub max_image_bytes: u64,
    }
}
view! {
    /// A gateway profile.
    pub struct GatewayView {
        pub id: String,
        pub name: String,
        pub url: String,
        pub active: bool,
        pub embedded: bool,
        /// What is spoken there: `auto`, `native`, or the name of an HTTP dialect.
        pub dialect: String,
        /// The port on 127.0.0.1 where its webhooks arrive.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub webhook_port: Option<u16>,
        pub connection: ConnectionView,
        pub unread: u32,
        pub needs_you: u32,
        /// This device may administer the gateway, as far as the gateway agrees.
        pub full_control: bool,
    }
}
view! {
    /// A gateway that was found and may be added. It never carries the token itself.
    pub struct FoundGateway {
        pub id: String,
        pub name: String,
        pub url: String,
        /// Where it was found, for example `~/.openclaw/openclaw.json` or `OPENCLAW_GATEWAY_URL`.
        pub source: String,
        /// A token was found with it.
        pub has_token: bool,
        /// Something answers at the address.
        pub reachable: bool,
        /// What keeps it from being used as it is.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub note: Option<String>,
        /// The command that helps, on the gateway's computer.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub command: Option<String>,
        /// The SHA-256 of its certificate as it lies on this computer. It is trusted when the gateway is added.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub certificate: Option<String>,
    }
}
view! {
    pub struct AgentView {
        pub id: String,
        pub name: String,
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub emoji: Option<String>,
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub model: Option<String>,
        pub is_default: bool,
    }
}
view! {
    /// A session, ready to show.
    pub struct SessionView {
        pub key: String,
        /// A human title, never a bare key.
        pub title: String,
        pub agent: String,
        /// The channel's name (`telegram`), empty for this app.
        pub channel: String,
        /// The last line, shortened.
        pub preview: String,
        #[ts(type = "number")]
        pub updated_at_ms: i64,
        pub unread: bool,
        pub running: bool,
        pub needs_approval: bool,
        pub failed: bool,
        pub pinned: bool,
        pub archived: bool,
        pub muted: bool,
        pub background: bool,
        #[ts(type = "number")]
        pub tokens: u64,
        #[ts(type = "number")]
        pub context_tokens: u64,
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub model: Option<String>,
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub thinking: Option<String>,
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub group: Option<String>,
        #[ts(optional, type = "number")]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub cost_usd: Option<f64>,
    }
}
view! {
    /// Where a prompt goes.
    pub struct TargetView {
        /// The gateway, which is the active one; empty where there is none.
        pub gateway: GatewayId,
        /// The session's key; empty before a session of the gateway is known.
        pub session: String,
        pub title: String,
        pub agent: String,
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub model: Option<String>,
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub thinking: Option<String>,
        pub draft: String,
    }
}
view! {
    /// A session's messages.
    pub struct TranscriptView {
        pub gateway: GatewayId,
        pub session: String,
        pub messages: Vec<MessageView>,
        pub has_older: bool,
        pub loading: bool,
        /// The active run.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub run: Option<RunView>,
    }
}
words! {
    pub enum MessageRole { #[default] User, Assistant, System }
}
words! {
    /// Where a message stands.
    pub enum MessageState {
        #[default]
        Done,
        /// Waits in the outbox.
        Queued,
        /// Handed to the gateway, not acknowledged.
        Sending,
        Streaming,
        Stopped,
        Failed,
        /// Steered into the run that was already active.
        Steered,
    }
}
view! {
    /// A message, ready to show.
    pub struct MessageView {
        /// Stable over its life: the local id stays when the gateway's own id becomes known.
        pub id: String,
        pub role: MessageRole,
        pub state: MessageState,
        /// Markdown.
        pub text: String,
        pub thinking: String,
        pub tools: Vec<ToolView>,
        pub attachments: Vec<AttachmentView>,
        #[ts(type = "number")]
        pub at_ms: i64,
        /// The channel or client it came from, when not this app.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub via: Option<String>,
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub model: Option<String>,
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub run: Option<String>,
        /// Time from prompt to end, in milliseconds.
        #[ts(optional, type = "number")]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub duration_ms: Option<i64>,
        /// One sentence, when it failed.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub error: Option<String>,
        /// The gateway gave less of the message than it has.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub cut: Option<CutView>,
    }
}
view! {
    /// What is missing of a message.
    pub struct CutView {
        /// The gateway's id of the message, for `wholeMessage`.
        pub message: String,
        /// Nothing of it is there. Else its beginning is.
        pub omitted: bool,
    }
}
view! {
    /// A tool call.
    pub struct ToolView {
        pub id: String,
        pub name: String,
        /// The argument that matters most, on one line (command, path, URL).
        pub summary: String,
        /// All arguments, pretty-printed JSON.
        pub arguments: String,
        pub output: String,
        pub running: bool,
        pub failed: bool,
        #[ts(type = "number")]
        pub started_at_ms: i64,
        #[ts(optional, type = "number")]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub duration_ms: Option<i64>,
    }
}
view! {
    pub struct AttachmentView {
        pub name: String,
        pub mime_type: String,
        #[ts(type = "number")]
        pub bytes: u64,
        /// A small picture as a data URL, where there is one.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub preview: Option<String>,
        /// What `artifacts.download` calls it, where the gateway keeps it.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub artifact: Option<String>,
    }
}
view! {
    /// The active run of the shown session.
    pub struct RunView {
        pub id: String,
        /// `preparing`, `thinking`, `tool`, `replying`, `waiting-approval`.
        pub phase: String,
        #[ts(type = "number")]
        pub started_at_ms: i64,
        /// The tool that runs now.
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub tool: Option<String>,
    }
}
view! {
    /// A prompt in the outbox.
    pub struct QueuedView {
        /// It could not be written to the outbox file: it is lost when the app ends before it is sent.
        pub unsaved: bool,
        pub id: String,
        pub session: String,
        pub text: String,
        pub attachments: Vec<AttachmentView>,
        pub state: MessageState,
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub error: Option<String>,
        #[ts(type = "number")]
        pub at_ms: i64,
    }
}
words! {
    /// What a fact about a command is.
    pub enum FactKind {
        /// What would really run, where it differs from the command's text.
        #[default]
        Runs,
        /// The file that the command's first word stands for.
        Program,
        /// The working directory.
        Folder,
        /// The host: `gateway`, `node`, `sandbox`.
        Host,
        /// The node that would run it.
        Node,
    }
}
view! {
    /// Something to know about a command before it is approved.
    pub struct ApprovalFact {
        pub kind: FactKind,
        pub value: String,
    }
}
view! {
    /// An approval that waits.
    pub struct ApprovalView {
        /// The gateway that asks. Ids are unique on one gateway only.
        pub gateway: GatewayId,
        pub id: String,
        /// `exec` or `plugin`.
        pub kind: String,
        /// The command, or the plugin's title for its action.
        pub title: String,
        /// The gateway's warning about a command, or the plugin's description of its action.
        pub detail: String,
        /// The facts about a command.
        pub facts: Vec<ApprovalFact>,
        pub session: String,
        pub session_title: String,
        pub agent: String,
        /// `allow-once`, `allow-always`, `deny`.
        pub allowed: Vec<String>,
        #[ts(type = "number")]
        pub created_at_ms: i64,
        #[ts(optional, type = "number")]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub expires_at_ms: Option<i64>,
        /// A decision is on its way.
        pub resolving: bool,
    }
}
view! {
    /// A question of an agent that waits.
    pub struct QuestionView {
        /// The gateway that asks. Ids are unique on one gateway only.
        pub gateway: GatewayId,
        pub id: String,
        pub session: String,
        pub session_title: String,
        pub agent: String,
        pub questions: Vec<QuestionItem>,
        #[ts(optional, type = "number")]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub expires_at_ms: Option<i64>,
    }
}
view! {
    pub struct QuestionItem {
        pub id: String,
        pub header: String,
        pub question: String,
        pub options: Vec<QuestionOption>,
        pub multiple: bool,
    }
}
view! {
    pub struct QuestionOption {
        pub label: String,
        pub description: String,
    }
}
view! {
    /// A slash command.
    pub struct CommandView {
        /// With its slash.
        pub name: String,
        pub description: String,
        /// Hint for its arguments.
        pub arguments: String,
    }
}
view! {
    pub struct ModelView {
        /// `provider/model`.
        pub id: String,
        pub name: String,
        pub thinking_levels: Vec<String>,
    }
}
view! {
    /// A hit of the search.
    pub struct SearchHit {
        pub session: SessionRef,
        pub session_title: String,
        #[ts(optional)]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub message: Option<String>,
        /// The text around the hit.
        pub snippet: String,
        /// Ranges of the hit in the snippet, as `[start, end)` in UTF-16 units.
        pub marks: Vec<(u32, u32)>,
        #[ts(type = "number")]
        pub at_ms: i64,
    }
}
view! {
    /// Something to say once, with one next step.
    pub struct Notice {
        /// Stable: `no-tray-host`, `no-notifications`, `no-keychain`, `hotkey-taken`, `hotkey-unavailable`,
        /// `hotkey-unset`, …
        pub id: String,
        pub sentence: String,
        pub hint: String,
    }
}
view! {
    /// The global hotkey as it stands.
    pub struct HotkeyView {
        /// `pending` (the system has not answered), `asking` (the desktop asks the user), `active`, `unset` (granted, but
        /// the desktop has no key for it), `taken`, `refused`, `unavailable`, `off`.
        pub state: String,
        /// The keys, for example `Ctrl+Shift+Space`.
        pub keys: String,
        pub sentence: String,
    }
}
view! {
    /// The HTTP APIs for scripts, each call carried out on the active gateway.
    pub struct BridgeView {
        /// `off`, `waiting` (for a gateway), `listening`, `failed`.
        pub state: String,
        /// Where scripts reach them, while they are served.
        pub url: String,
        /// Why they are not served.
        pub sentence: String,
    }
}
view! {
    /// The settings, as windows see them. The file keeps unknown keys beside these.
    pub struct Settings {
        pub version: u32,
        pub hotkey: String,
        /// `system`, `light`, `dark`.
        pub theme: String,
        /// `system` or a language tag.
        pub language: String,
        pub hide_on_blur: bool,
        pub popup_pinned: bool,
        /// `enter` or `ctrl-enter`.
        pub send_key: String,
        pub autostart: bool,
        pub start_hidden: bool,
        /// Minutes that a hidden popup is kept warm.
        pub keep_warm_minutes: u32,
        pub notifications: NotificationSettings,
        /// Size budget of the local copy, in megabytes.
        pub cache_megabytes: u32,
        /// Seconds between looks for news on gateways that cannot push; 0 for never.
        pub poll_seconds: u32,
        /// Whether the HTTP APIs are served to scripts on this computer.
        pub bridge: bool,
        /// The port on 127.0.0.1 where they are.
        pub bridge_port: u32,
    }
}
view! {
    pub struct NotificationSettings {
        pub enabled: bool,
        pub replies: bool,
        pub approvals: bool,
        pub questions: bool,
        pub failures: bool,
        pub gateway: bool,
        pub pairing: bool,
        pub cron: bool,
        /// `full`, `sender`, `nothing`.
        pub privacy: String,
        /// `HH:MM`, empty for none.
        pub quiet_from: String,
        pub quiet_to: String,
        pub muted_sessions: Vec<String>,
        #[ts(optional, type = "number")]
        #[serde(skip_serializing_if = "Option::is_none")]
        pub do_not_disturb_until_ms: Option<i64>,
    }
}
