use crate::api;
use crate::api::{ConnectionWord, UiError};
use crate::gateway::protocol::{ApprovalId, GatewayError, RunId, SessionKey};
use crate::gateway::{
    ApprovalKind, CallError, Capabilities, Decision, GatewayEvent, HistoryQuery, Prompt, ServerInfo,
    SessionsQuery,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest line taken, in bytes: a prompt with the largest attachments the gateway takes, base64.
pub(super) const MAX_LINE_BYTES: u64 = 48 * 1024 * 1024;

/// A line from the command line to the app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Named in the answer.
    pub id: u64,
    /// What is asked.
    #[serde(flatten)]
    pub op: Op,
}

/// What can be asked of the app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Op {
    /// Shows or hides the popup.
    Toggle {
        /// The compositor's activation token (`XDG_ACTIVATION_TOKEN`), so that the popup may take the focus.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        activation: Option<String>,
    },
    /// Shows the popup, on a session if one is named.
    Open {
        /// The profile's id, which becomes the active one; the active one when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gateway: Option<String>,
        /// The session's key on that gateway.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<String>,
        /// As in `toggle`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        activation: Option<String>,
    },
    /// Opens a `clawtray://` link: shows and fills in, never sends.
    Link {
        /// The link.
        url: String,
        /// As in `toggle`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        activation: Option<String>,
    },
    /// No notifications until then, in milliseconds since the epoch; absent ends it.
    DoNotDisturb {
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ms: Option<i64>,
    },
    /// Ends the app.
    Quit,
    /// How things stand. Answers [`AppStatus`].
    Status,
    /// Anything a window may ask for.
    Request {
        /// The window it is asked for; none for the command line itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<String>,
        /// The request.
        request: Box<api::Request>,
    },
    /// A call on the app's own connection to a gateway.
    Gateway {
        /// The profile's id; the active one when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        profile: Option<String>,
        /// The call.
        #[serde(flatten)]
        call: GatewayCall,
    },
    /// From now on every event of that connection comes as a line with this id.
    Watch {
        /// The profile's id; the active one when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        profile: Option<String>,
    },
}

/// What the app does without a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Shows or hides the popup.
    Toggle {
        /// The compositor's activation token.
        activation: Option<String>,
    },
    /// Shows the popup.
    Open {
        /// The profile's id, which becomes the active one; the active one when absent.
        gateway: Option<String>,
        /// On this session of that gateway.
        session: Option<String>,
        /// The compositor's activation token.
        activation: Option<String>,
    },
    /// Opens a `clawtray://` link.
    Link {
        /// The link.
        url: String,
        /// The compositor's activation token.
        activation: Option<String>,
    },
    /// No notifications until then, in milliseconds since the epoch; none ends it.
    DoNotDisturb {
        /// Until when.
        until_ms: Option<i64>,
    },
    /// Ends the app, after the answer was written.
    Quit,
}

/// The calls of [`crate::gateway::Gateway`], as data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", content = "with", rename_all = "camelCase")]
pub enum GatewayCall {
    /// Which gateway it is and what it can do. Answers [`GatewayInfo`].
    Info,
    /// `send`
    Send(Prompt),
    /// `abort`
    Abort {
        /// The session.
        session: SessionKey,
        /// The run; all of them when absent.
        run: Option<RunId>,
    },
    /// `history`
    History(HistoryQuery),
    /// `sessions`
    Sessions(SessionsQuery),
    /// `agents`
    Agents,
    /// `approvals`
    Approvals,
    /// `resolve_approval`
    ResolveApproval {
        /// The approval.
        id: ApprovalId,
        /// Its kind.
        kind: ApprovalKind,
        /// The decision.
        decision: Decision,
    },
    /// `ping`; answers milliseconds.
    Ping,
    /// `call_raw`
    Raw {
        /// The method.
        method: String,
        /// Its parameters.
        params: Value,
    },
}

/// Which gateway the app is connected to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayInfo {
    /// The profile's id. Whoever asked for the active one names this from then on: another may become active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// What its dialect can do.
    pub capabilities: Capabilities,
    /// What it said about itself; absent while not connected.
    pub server: Option<ServerInfo>,
}

/// How things stand, for a status bar.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppStatus {
    /// The active gateway's name.
    pub gateway: String,
    /// Where its connection stands.
    pub connection: ConnectionWord,
    /// One sentence; empty when ready.
    pub sentence: String,
    /// The gateway's version.
    pub version: Option<String>,
    /// Round trip in milliseconds.
    pub latency_ms: Option<u64>,
    /// Active runs.
    pub runs: u32,
    /// Approvals that wait.
    pub approvals: u32,
    /// Questions that wait.
    pub questions: u32,
    /// Unread sessions.
    pub unread: u32,
    /// The global hotkey, as the system says now. Its state is empty where the app is older than this field.
    pub hotkey: api::HotkeyView,
}

/// A line from the app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// An event of a connection that is watched.
    Event {
        /// The id of the `watch`.
        id: u64,
        /// The event.
        event: GatewayEvent,
    },
    /// The answer to a question.
    Answer {
        /// The question's id.
        id: u64,
        /// Whether it was done.
        ok: bool,
        /// The answer.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        result: Value,
        /// Why it was not done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Refusal>,
    },
}

/// Why the app did not do something.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{message}")]
pub struct Refusal {
    /// A stable word: those of [`UiError`], and `not-connected`, `disconnected`, `timeout`, `refused`, `too-large`,
    /// `unsupported`, `unreadable`, `no-such-gateway`, `invalid`.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
    /// One next step for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The gateway's own error, where it was the gateway that refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Box<GatewayError>>,
}

impl Refusal {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            ..Self::default()
        }
    }
}

impl From<UiError> for Refusal {
    fn from(error: UiError) -> Self {
        Self {
            code: error.code,
            message: error.message,
            hint: error.hint,
            gateway: None,
        }
    }
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        let code = match &error {
            CallError::NotConnected | CallError::Disconnected { written: false } => "not-connected",
            CallError::Disconnected { written: true } => "disconnected",
            CallError::Timeout(_) => "timeout",
            CallError::Gateway(_) => "refused",
            CallError::TooLarge { .. } => "too-large",
            CallError::Unsupported(_) => "unsupported",
            CallError::Decode { .. } => "unreadable",
        };
        let message = error.to_string();
        let gateway = if let CallError::Gateway(error) = error {
            Some(Box::new(error))
        } else {
            None
        };
        Self {
            gateway,
            ..Self::new(code, message)
        }
    }
}

impl From<Refusal> for CallError {
    fn from(refusal: Refusal) -> Self {
        if let Some(error) = refusal.gateway {
            return Self::Gateway(*error);
        }
        match refusal.code.as_str() {
            "not-connected" => Self::NotConnected,
            "disconnected" => Self::Disconnected { written: true },
            "timeout" => Self::Timeout(std::time::Duration::ZERO),
            "unsupported" => Self::Unsupported("the gateway's API has no such call"),
            _ => Self::Gateway(GatewayError {
                code: refusal.code,
                message: refusal.message,
                details: None,
                retryable: None,
                retry_after_ms: None,
            }),
        }
    }
}
