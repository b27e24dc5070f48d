//! The events of a connected gateway.

use super::{Approval, Decision};
use crate::SessionDelta;
use clawtray_gateway_protocol::{AgentId, ApprovalId, Message, RunId, SessionKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

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
