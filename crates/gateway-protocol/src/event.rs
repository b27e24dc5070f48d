//! Events that a companion understands, borrowed from the frame where they are large.

use crate::GatewayError;
use crate::{AgentId, ApprovalId, Message, RunId, SessionKey};
use memchr::memmem::{Finder, FinderRev};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::LazyLock;

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
            .map(|whole| whole.len)
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
            Some(whole) => serde_json::from_str(whole.quoted).ok(),
            None => full_text(self.message?),
        }
    }
}

/// The text of a message, still as it came.
#[derive(Clone, Copy, Debug)]
pub struct WholeText<'a> {
    /// The JSON string, quotes included.
    quoted: &'a str,
    /// Bytes that it decodes to.
    len: usize,
}

impl WholeText<'_> {
    /// Bytes of the text as it came, escapes included.
    #[must_use]
    pub const fn raw_len(&self) -> usize {
        self.quoted.len() - 2
    }
}

/// The parts of a `chat` delta in the gateway's usual layout, found without parsing the text that it repeats.
///
/// Over a long reply that text is nearly all of the traffic. Who knows how much of it came before does not even have to
/// look at it: what JSON makes of a text is what it makes of its pieces, one after the other.
#[derive(Debug)]
pub struct DeltaParts<'a> {
    /// The payload without its message, as JSON.
    pub head: String,
    /// The frame's place among the events of this connection.
    pub seq: u64,
    /// The JSON string of the message's text, quotes included, if it is one string.
    quoted: &'a str,
}

impl<'a> DeltaParts<'a> {
    /// The text of the message when it is `before` with what was added, so many bytes as they came and decoded; else nothing.
    #[must_use]
    pub fn grown(&self, before: WholeLen, added: usize) -> Option<WholeText<'a>> {
        const ADDED: &str = r#""deltaText":""#;
        let at = self.head.find(ADDED)? + ADDED.len();
        let raw = self.head.get(at..)?.strip_suffix("\"}")?.len();
        (before.raw + raw + 2 == self.quoted.len()).then_some(WholeText {
            quoted: self.quoted,
            len: before.decoded + added,
        })
    }

    /// The text of the message, passed over once to find its escapes; nothing when the message has other parts.
    #[must_use]
    pub fn measured(&self) -> Option<WholeText<'a>> {
        let text = self.quoted.get(1..self.quoted.len() - 1)?;
        Some(WholeText {
            quoted: self.quoted,
            len: unescaped_len(text.as_bytes())?,
        })
    }
}

/// How long a text is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WholeLen {
    /// As it came, escapes included.
    pub raw: usize,
    /// Decoded.
    pub decoded: usize,
}

/// Takes a `chat` frame apart by its layout; nothing when the layout is another, or it is no delta.
#[must_use]
pub fn delta_parts(frame: &str) -> Option<DeltaParts<'_>> {
    // An unescaped quote ends a JSON string, so none of these can be part of one.
    const START: &str = r#"{"type":"event","event":"chat","payload":"#;
    const MESSAGE: &str = r#","message":{"role":"assistant","content":[{"type":"text","text":""#;
    const END: &str = r#""}],"timestamp":"#;
    static FIND_MESSAGE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(MESSAGE));
    static FIND_END: LazyLock<FinderRev<'_>> = LazyLock::new(|| FinderRev::new(END));
    let payload = frame.strip_prefix(START)?;
    let message = FIND_MESSAGE.find(payload.as_bytes())?;
    let head = payload.get(..message)?;
    if !head.contains(r#""state":"delta""#) {
        return None;
    }
    let from = message + MESSAGE.len();
    let rest = payload.get(from..)?;
    let end = FIND_END.rfind(rest.as_bytes())?;
    let tail = rest
        .get(end + END.len()..)?
        .trim_start_matches(|digit: char| digit.is_ascii_digit());
    let seq = tail.strip_prefix(r#"}},"seq":"#)?;
    let digits = seq.find(|digit: char| !digit.is_ascii_digit())?;
    Some(DeltaParts {
        head: format!("{head}}}"),
        seq: seq.get(..digits)?.parse().ok()?,
        quoted: payload.get(from - 1..=from + end)?,
    })
}

/// The parts of a `chat` frame that ends a run with a reply, in the gateway's usual layout.
#[derive(Debug)]
pub struct ReplyParts {
    /// The payload without its message, as JSON.
    pub head: String,
    /// The frame's place among the events of this connection.
    pub seq: u64,
    /// The message.
    pub reply: Box<Message>,
}

/// Takes a `chat` frame apart by its layout; nothing when the layout is another, or it ends no run with a reply. The reply is
/// nearly all of the frame and is gone through once: a parser that keeps it for later has to find its end first.
#[must_use]
pub fn reply_parts(frame: &str) -> Option<ReplyParts> {
    // An unescaped quote ends a JSON string, so this cannot be part of one.
    const MESSAGE: &str = r#","message":{"#;
    static FIND: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(MESSAGE));
    let (payload, seq) = crate::frame::payload_and_seq(frame, "chat")?;
    let at = FIND.find(payload.as_bytes())?;
    let head = payload.get(..at)?;
    if !head.contains(r#""state":"final""#) && !head.contains(r#""state":"aborted""#) {
        return None;
    }
    let message = payload.get(at + MESSAGE.len() - 1..payload.len().checked_sub(1)?)?;
    Some(ReplyParts {
        head: format!("{head}}}"),
        seq,
        reply: serde_json::from_str(message).ok()?,
    })
}

/// Length in bytes of the text in a delta's `message`, without decoding it.
///
/// The usual layout, one text part and a timestamp behind it, is measured by its escapes alone; any other is parsed.
#[must_use]
pub fn text_len(message: &RawValue) -> Option<usize> {
    const HEAD: &[u8] = br#"{"role":"assistant","content":[{"type":"text","text":""#;
    let raw = message.get().as_bytes();
    if let Some(rest) = raw.strip_prefix(HEAD)
        && let Some(tail) = memchr::memmem::rfind(rest, br#""}],"timestamp":"#)
        && let Some(text) = rest.get(..tail)
        && let Some(len) = unescaped_len(text)
    {
        return Some(len);
    }
    full_text(message).map(|text| text.len())
}

/// The text in a delta's `message`.
#[must_use]
pub fn full_text(message: &RawValue) -> Option<String> {
    serde_json::from_str::<Message>(message.get())
        .ok()
        .map(|message| message.text())
}

/// Bytes that a JSON string decodes to; nothing if it holds an unescaped quote, that is, if it is not one string.
fn unescaped_len(text: &[u8]) -> Option<usize> {
    let mut len = text.len();
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'\\', b'"', text.get(at..)?) {
        at += found;
        if text.get(at) == Some(&b'"') {
            return None;
        }
        if text.get(at + 1) == Some(&b'u') {
            let unit = hex4(text.get(at + 2..at + 6)?)?;
            at += 6;
            let (escaped, decoded) = match unit {
                0..=0x7f => (6, 1),
                0x80..=0x7ff => (6, 2),
                0xd800..=0xdbff => {
                    // The second half of the pair follows as another escape.
                    at += 6;
                    (12, 4)
                }
                _ => (6, 3),
            };
            len -= escaped - decoded;
        } else {
            at += 2;
            len -= 1;
        }
    }
    Some(len)
}

fn hex4(digits: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
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
    /// When it expects to be back, in milliseconds from now.
    #[serde(default)]
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

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn a_reply_is_found_by_its_layout_and_nothing_else_is() {
        let frame = |state: &str, message: &str| {
            format!(
                r#"{{"type":"event","event":"chat","payload":{{"runId":"r","sessionKey":"s","seq":9,"state":"{state}","message":{message}}},"seq":12,"x":1}}"#
            )
        };
        let text = r#"a \"b\" },\"seq\":5 ,\"message\":{ é"#;
        let message = format!(r#"{{"role":"assistant","content":[{{"type":"text","text":"{text}"}}]}}"#);
        for state in ["final", "aborted"] {
            let frame = frame(state, &message);
            let parts = reply_parts(&frame).unwrap();
            let whole: ChatFrame<'_> = serde_json::from_str(&frame).unwrap();
            let mut payload = whole.payload;
            assert_eq!(Some(parts.reply), payload.take_reply());
            assert_eq!(Some(parts.seq), whole.seq);
            let head: ChatEvent<'_> = serde_json::from_str(&parts.head).unwrap();
            assert_eq!((head.seq, &*head.state), (9, state));
        }
        for other in [
            frame("delta", &message),
            frame("final", "null"),
            frame("final", r#"{"role":7}"#),
            // What stands behind the message would be lost.
            frame("final", &format!(r#"{message},"stopReason":"stop""#)),
        ] {
            assert!(reply_parts(&other).is_none(), "{other}");
        }
    }

    #[test]
    fn the_length_of_a_text_is_what_decoding_would_give() {
        for text in [
            "",
            "plain",
            "two\nlines \"quoted\" \\ back",
            "žluťoučký 🐴",
            "\u{0}\u{7f}\t",
            "\"}],\"timestamp\":",
        ] {
            let message =
                serde_json::json!({"role":"assistant","content":[{"type":"text","text":text}],"timestamp":1});
            let usual = format!(
                r#"{{"role":"assistant","content":[{{"type":"text","text":{}}}],"timestamp":1}}"#,
                serde_json::to_string(text).unwrap()
            );
            assert_eq!(text_len(&raw(&usual)), Some(text.len()), "{text:?}");
            assert_eq!(
                text_len(&raw(&message.to_string())),
                Some(text.len()),
                "{text:?} in another order"
            );
        }
        let escaped = r#"{"role":"assistant","content":[{"type":"text","text":"\u0041\u00e9\u20ac\ud83d\ude00"}],"timestamp":1}"#;
        assert_eq!(text_len(&raw(escaped)), Some("Aé€😀".len()));
        let two = r#"{"role":"assistant","content":[{"type":"text","text":"ab"},{"type":"text","text":"c"}],"timestamp":1}"#;
        assert_eq!(text_len(&raw(two)), Some(3));
    }

    #[test]
    fn a_delta_taken_apart_is_the_delta_parsed() {
        for text in [
            "",
            "plain",
            "a \"b\"\n\\",
            "é🐴",
            r#"","message":{"role":"assistant""#,
            r#""}],"timestamp":1"#,
        ] {
            let frame = format!(
                r#"{{"type":"event","event":"chat","payload":{{"runId":"r","sessionKey":"s","seq":3,"state":"delta","deltaText":{0},"message":{{"role":"assistant","content":[{{"type":"text","text":{0}}}],"timestamp":17}}}},"seq":9,"recipientProfileId":"o"}}"#,
                serde_json::to_string(text).unwrap()
            );
            let parsed: ChatFrame<'_> = serde_json::from_str(&frame).unwrap();
            let parts = delta_parts(&frame).expect(&frame);
            let mut event: ChatEvent<'_> = serde_json::from_str(&parts.head).unwrap();
            event.whole = parts.measured();
            assert_eq!(Some(parts.seq), parsed.seq);
            let (raw, decoded) = (serde_json::to_string(text).unwrap().len() - 2, text.len());
            let nothing = WholeLen { raw: 0, decoded: 0 };
            let grown = parts.grown(nothing, decoded).expect(&frame);
            assert_eq!((grown.raw_len(), grown.len), (raw, decoded), "{text:?}");
            let other = WholeLen { raw: 1, decoded: 1 };
            assert!(parts.grown(other, decoded).is_none(), "{text:?}");
            assert_eq!(
                (event.seq, &event.run_id, &event.delta_text),
                (3, &parsed.payload.run_id, &parsed.payload.delta_text)
            );
            assert_eq!(event.whole_len(), Some(text.len()), "{text:?}");
            assert_eq!(event.whole_text().as_deref(), Some(text));
            assert_eq!(event.whole_text(), parsed.payload.whole_text());
        }
        for other in [
            r#"{"type":"event","event":"chat","payload":{"runId":"r","seq":1,"state":"status","phase":"x"},"seq":1}"#,
            r#"{"type":"event","event":"chat","payload":{"runId":"r","seq":1,"state":"final","message":{"role":"assistant","content":[{"type":"text","text":"a"}],"timestamp":1}},"seq":1}"#,
        ] {
            assert!(delta_parts(other).is_none(), "{other}");
        }
        let two = r#"{"type":"event","event":"chat","payload":{"runId":"r","seq":1,"state":"delta","deltaText":"a","message":{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"timestamp":1}},"seq":1,"x":1}"#;
        let parts = delta_parts(two).unwrap();
        assert!(parts.measured().is_none(), "a message of two parts is no text");
        assert!(parts.grown(WholeLen { raw: 0, decoded: 0 }, 1).is_none());
    }

    #[test]
    fn a_tools_output_is_its_text_parts() {
        let data: ToolData<'_> = serde_json::from_str(
            r#"{"phase":"result","name":"exec","toolCallId":"c","isError":false,"result":{"content":[{"type":"text","text":"ok"}],"details":{}}}"#,
        )
        .unwrap();
        assert_eq!(data.result.and_then(ToolOutput::into_text).as_deref(), Some("ok"));
    }
}
