//! The gateway's events that a companion uses. Large parts are borrowed from the frame.

use crate::GatewayError;
use crate::{AgentId, ApprovalId, Message, RunId, SessionKey, lenient};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

mod layout;
pub use layout::{
    Beginning, DeltaParts, ReplyParts, WholeLen, WholeText, beginning, delta_ends, delta_parts, full_text,
    reply_parts, text_len,
};

/// A whole `chat` frame, read in one pass.
#[derive(Debug, Deserialize)]
pub struct ChatFrame<'a> {
    /// What it says.
    #[serde(borrow)]
    pub payload: ChatEvent<'a>,
    /// Its place among the events of this connection.
    #[serde(default)]
    pub seq: Option<u64>,
}

/// Payload of `chat`: progress of a run, as text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatEvent<'a> {
    /// The run.
    #[serde(borrow)]
    pub run_id: Cow<'a, str>,
    /// Its session.
    #[serde(borrow)]
    pub session_key: Cow<'a, str>,
    /// Its agent.
    #[serde(borrow, default)]
    pub agent_id: Option<Cow<'a, str>>,
    /// Per run. Numbers are skipped when deltas are merged, and a status may overtake a delta of lower number.
    #[serde(default)]
    pub seq: u64,
    /// `status`, `delta`, `final`, `aborted`, `error`.
    #[serde(borrow)]
    pub state: Cow<'a, str>,
    /// On a delta: what was added.
    #[serde(borrow, default)]
    pub delta_text: Option<Cow<'a, str>>,
    /// On a delta: the text so far is thrown away first.
    #[serde(default)]
    pub replace: bool,
    /// On a delta the whole text so far, every time; on `final` and `aborted` the reply. Kept unparsed.
    #[serde(borrow, default)]
    pub message: Option<&'a RawValue>,
    /// On `final` and `aborted`: why.
    #[serde(borrow, default)]
    pub stop_reason: Option<Cow<'a, str>>,
    /// On `error`: the gateway's sentence.
    #[serde(borrow, default)]
    pub error_message: Option<Cow<'a, str>>,
    /// On `status`: the phase.
    #[serde(borrow, default)]
    pub phase: Option<Cow<'a, str>>,
    /// On a delta that was read by its layout: the whole text so far, in place of `message`.
    #[serde(skip)]
    pub whole: Option<WholeText<'a>>,
    /// On a `final` or `aborted` that was read by its layout: the reply, in place of `message`.
    #[serde(skip)]
    pub reply: Option<Box<Message>>,
}

impl ChatEvent<'_> {
    /// On a delta: length in bytes of the whole text so far, without decoding it.
    #[must_use]
    pub fn whole_len(&self) -> Option<usize> {
        self.whole
            .map(|whole| whole.decoded_len())
            .or_else(|| text_len(self.message?))
    }

    /// On `final` and `aborted`: the reply.
    #[must_use]
    pub fn take_reply(&mut self) -> Option<Box<Message>> {
        let read = || serde_json::from_str(self.message?.get()).ok().map(Box::new);
        self.reply.take().or_else(read)
    }

    /// On a delta: the whole text so far.
    #[must_use]
    pub fn whole_text(&self) -> Option<String> {
        match self.whole {
            Some(whole) => whole.decoded(),
            None => full_text(self.message?),
        }
    }
}

/// Payload of `agent` and `session.tool`, for the streams that a companion shows.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentEvent<'a> {
    /// The run.
    #[serde(borrow)]
    pub run_id: Cow<'a, str>,
    /// Its session.
    #[serde(borrow, default)]
    pub session_key: Option<Cow<'a, str>>,
    /// Its agent.
    #[serde(borrow, default)]
    pub agent_id: Option<Cow<'a, str>>,
    /// Per run, over all of its streams.
    #[serde(default)]
    pub seq: u64,
    /// `assistant`, `thinking`, `tool`, `lifecycle`, `usage`, …
    #[serde(borrow, default)]
    pub stream: Cow<'a, str>,
    /// Depends on the stream; kept unparsed.
    #[serde(borrow, default)]
    pub data: Option<&'a RawValue>,
}

/// `data` of the stream `thinking`.
#[derive(Debug, Deserialize)]
pub struct ThinkingData<'a> {
    /// What was added.
    #[serde(borrow, default)]
    pub delta: Option<Cow<'a, str>>,
    /// All of it so far.
    #[serde(borrow, default)]
    pub text: Option<Cow<'a, str>>,
}

/// `data` of the stream `tool`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolData<'a> {
    /// `start`, `update`, `result`.
    #[serde(borrow, default)]
    pub phase: Cow<'a, str>,
    /// The tool.
    #[serde(borrow, default)]
    pub name: Cow<'a, str>,
    /// The call.
    #[serde(borrow, default)]
    pub tool_call_id: Cow<'a, str>,
    /// On start: the arguments.
    #[serde(default)]
    pub args: Option<Value>,
    /// On result: whether it failed.
    #[serde(default)]
    pub is_error: bool,
    /// On update: the output so far.
    #[serde(default)]
    pub partial_result: Option<ToolOutput>,
    /// On result: the output.
    #[serde(default)]
    pub result: Option<ToolOutput>,
}

/// Output of a tool: content parts, plain text, or anything.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum ToolOutput {
    /// Plain text.
    Text(String),
    /// Content parts.
    Parts {
        /// The parts; those of kind `text` carry text.
        content: Vec<ToolPart>,
    },
    /// Something else.
    Other(Value),
}

/// A part of a tool's output.
#[derive(Debug, Deserialize)]
pub struct ToolPart {
    /// The text, where it has one.
    #[serde(default)]
    pub text: Option<String>,
}

impl ToolOutput {
    /// The output as text.
    #[must_use]
    pub fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Parts { content } => {
                let texts: Vec<String> = content.into_iter().filter_map(|part| part.text).collect();
                Some(texts.join("\n"))
            }
            Self::Other(Value::Null) => None,
            Self::Other(value) => Some(value.to_string()),
        }
    }
}

/// Payload of `session.message`: a message was added to a transcript.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionMessage {
    /// The session.
    pub session_key: SessionKey,
    /// The message.
    pub message: Message,
}

/// Payload of `shutdown`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shutdown {
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// When it expects to be back, in milliseconds from now; at most [`crate::bounds::WAIT_MAX_MS`].
    #[serde(default, deserialize_with = "crate::bounds::wait_ms")]
    pub restart_expected_ms: Option<u64>,
}

/// An approval, in `*.approval.requested` and in the rows of `*.approval.list`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalRecord {
    /// Its id.
    pub id: ApprovalId,
    /// `exec` or `plugin`; rows of a list leave it out.
    #[serde(default)]
    pub approval_kind: Option<String>,
    /// What is asked.
    #[serde(default)]
    pub request: ApprovalRequest,
    /// When it was asked, in milliseconds since the epoch.
    #[serde(default)]
    pub created_at_ms: i64,
    /// When it lapses, in milliseconds since the epoch.
    #[serde(default)]
    pub expires_at_ms: Option<i64>,
}

/// What an approval is about. Exec approvals have a command, plugin approvals a title.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApprovalRequest {
    /// The command line.
    pub command: Option<String>,
    /// Where it would run.
    pub cwd: Option<String>,
    /// On which host: `gateway`, `node`, `sandbox`.
    pub host: Option<String>,
    /// The node that would run it, where the host is `node`.
    pub node_id: Option<String>,
    /// The file that the first word of the command stands for.
    pub resolved_path: Option<String>,
    /// The command in separate words, where the asker sent it so.
    #[serde(deserialize_with = "lenient::maybe")]
    pub command_argv: Option<Vec<String>>,
    /// What a node would really run.
    #[serde(deserialize_with = "lenient::maybe")]
    pub system_run_plan: Option<SystemRunPlan>,
    /// The gateway's warning.
    pub warning_text: Option<String>,
    /// The plugin.
    pub plugin_id: Option<String>,
    /// The plugin's title for its action.
    pub title: Option<String>,
    /// The plugin's description of it.
    pub description: Option<String>,
    /// What may be answered; the three usual answers where it is missing.
    pub allowed_decisions: Option<Vec<String>>,
    /// The session.
    pub session_key: Option<SessionKey>,
    /// The agent.
    pub agent_id: Option<AgentId>,
    /// The run that waits.
    pub run_id: Option<RunId>,
}

/// What a node would run, as the gateway prepared it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SystemRunPlan {
    /// The words of the command.
    pub argv: Vec<String>,
    /// The command as one text.
    pub command_text: Option<String>,
    /// Where it would run.
    pub cwd: Option<String>,
}

/// Payload of `*.approval.resolved`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalResolved {
    /// Its id.
    pub id: ApprovalId,
    /// `allow-once`, `allow-always`, `deny`. An approval that lapsed is denied.
    #[serde(default)]
    pub decision: Option<String>,
    /// Who decided; nobody when it lapsed.
    #[serde(default)]
    pub resolved_by: Option<String>,
}

/// Errors that mean "soon back" rather than "no".
#[must_use]
pub fn is_starting(error: &GatewayError) -> bool {
    error.detail("reason") == Some("startup-sidecars")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tools_output_is_its_text_parts() {
        let data: ToolData<'_> = serde_json::from_str(
            r#"{"phase":"result","name":"exec","toolCallId":"c","isError":false,"result":{"content":[{"type":"text","text":"ok"}],"details":{}}}"#,
        )
        .unwrap();
        assert_eq!(data.result.and_then(ToolOutput::into_text).as_deref(), Some("ok"));
    }
}
