#![allow(missing_docs, reason = "fields whose name says it all")]

use super::view::*;
use crate::ids::SessionRef;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a window's channel carries: one snapshot, then patches with rising revisions. A gap asks for a new snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "../../../ui/src/api/")]
pub enum Update {
    /// The whole state.
    Snapshot {
        #[ts(type = "number")]
        revision: u64,
        view: Box<View>,
    },
    /// What changed since `revision - 1`.
    Patch {
        #[ts(type = "number")]
        revision: u64,
        changes: Vec<Change>,
    },
    /// Something to do once, without state.
    Signal { signal: Signal },
}

/// A part of the view that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "../../../ui/src/api/")]
pub enum Change {
    Connection {
        connection: ConnectionView,
    },
    Gateways {
        gateways: Vec<GatewayView>,
    },
    Found {
        found: Vec<FoundGateway>,
    },
    Agents {
        agents: Vec<AgentView>,
    },
    /// Sessions added or changed, and those that are gone.
    Sessions {
        upsert: Vec<SessionView>,
        remove: Vec<String>,
    },
    Target {
        target: TargetView,
    },
    /// The transcript was replaced (another session, or reloaded).
    Transcript {
        transcript: TranscriptView,
    },
    /// Older messages to put before the first one.
    OlderMessages {
        messages: Vec<MessageView>,
        has_older: bool,
    },
    /// A message was added or replaced (same id).
    Message {
        message: MessageView,
    },
    /// Text was added to the end of a message's text: the cheap path of streaming.
    AppendText {
        id: String,
        text: String,
    },
    /// Reasoning was added to the end of a message's thinking.
    AppendThinking {
        id: String,
        text: String,
    },
    RemoveMessage {
        id: String,
    },
    /// The run of the shown session, `null` when none is active.
    Run {
        run: Option<RunView>,
    },
    Outbox {
        outbox: Vec<QueuedView>,
    },
    Approvals {
        approvals: Vec<ApprovalView>,
    },
    Questions {
        questions: Vec<QuestionView>,
    },
    Notices {
        notices: Vec<Notice>,
    },
    Settings {
        settings: Box<crate::api::Settings>,
    },
    Hotkey {
        hotkey: HotkeyView,
    },
    Bridge {
        bridge: BridgeView,
    },
}

/// Something to do once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "../../../ui/src/api/")]
pub enum Signal {
    /// The window was shown: focus the composer.
    Shown,
    /// The window was hidden: stop timers.
    Hidden,
    /// Offer this text in the composer of a session (deep link, cancelled prompt): below what is written there, and never
    /// sent by itself.
    Prefill { session: SessionRef, text: String },
    /// Scroll to a message.
    Reveal { message: String },
}
