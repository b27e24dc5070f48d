//! Frames: the requests that we write, and the responses and events that we read without copying.
//!
//! Reading has two steps. [`Incoming::parse`] finds the parts of a frame and keeps the payload as
//! bytes. The payload is decoded later, and only if somebody needs it.

use crate::GatewayError;
use memchr::memmem::{Finder, FinderRev};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::LazyLock;

/// A frame from the gateway.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// The answer to a request of ours.
    Response(Response<'a>),
    /// Something that happened.
    Event(Event<'a>),
    /// A kind of frame that this version does not know.
    Unknown,
}

/// The answer to a request. `agent` answers twice on the same id.
#[derive(Debug)]
pub struct Response<'a> {
    /// The id of the request; `invalid` when the gateway could not read one.
    pub id: Cow<'a, str>,
    /// The result, or the error.
    pub result: Result<Option<&'a RawValue>, Box<GatewayError>>,
}

/// An event.
#[derive(Debug)]
pub struct Event<'a> {
    /// Its name, for example `chat`.
    pub name: Cow<'a, str>,
    /// Its place among the events of this connection, from 1. The challenge has none.
    pub seq: Option<u64>,
    /// What it says.
    pub payload: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "lenient_id")]
    id: Option<Cow<'a, str>>,
    #[serde(default)]
    ok: Option<bool>,
    #[serde(borrow, default)]
    event: Option<Cow<'a, str>>,
    #[serde(default)]
    seq: Option<u64>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<Box<GatewayError>>,
}

/// The gateway echoes the id of a malformed request as it came, so it may be a number.
fn lenient_id<'de: 'a, 'a, D: serde::Deserializer<'de>>(d: D) -> Result<Option<Cow<'a, str>>, D::Error> {
    let raw = <&RawValue>::deserialize(d)?.get();
    Ok(serde_json::from_str::<Borrowed<'de>>(raw)
        .ok()
        .map(|b| b.0)
        .or(Some(Cow::Borrowed(raw))))
}

#[derive(Deserialize)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Incoming<'a> {
    /// Finds the parts of a frame.
    ///
    /// # Errors
    /// When the text is not a JSON object, or an event has no name.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        let Envelope {
            kind,
            id,
            ok,
            event,
            seq,
            payload,
            error,
        } = serde_json::from_str(text)?;
        Ok(match &*kind {
            "res" => Self::Response(Response {
                id: id.unwrap_or(Cow::Borrowed("invalid")),
                result: match (ok, error) {
                    (Some(true), _) | (None, None) => Ok(payload),
                    (_, Some(error)) => Err(error),
                    (Some(false), None) => Err(Box::new(GatewayError {
                        code: "UNKNOWN".to_owned(),
                        message: "the gateway refused without a reason".to_owned(),
                        details: None,
                        retryable: None,
                        retry_after_ms: None,
                    })),
                },
            }),
            "event" => Self::Event(Event {
                name: event.ok_or_else(|| serde::de::Error::missing_field("event"))?,
                seq,
                payload,
            }),
            _ => Self::Unknown,
        })
    }
}

/// What the first bytes of a frame tell, before any of it is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glance {
    /// A `chat` event: parse it as [`crate::event::ChatFrame`] in one pass.
    Chat,
    /// An `agent` event of the stream `assistant`. It repeats a `chat` delta, whole text and all: not worth parsing.
    AgentAssistant {
        /// The frame's place among the events of this connection.
        seq: Option<u64>,
    },
    /// A large event that comes often: its payload is parsed once, where [`payload_and_seq`] finds it.
    Large(&'static str),
    /// Anything else.
    Other,
}

/// Events that carry whole rows of the session list, several times a turn.
const LARGE: [&str; 2] = ["sessions.changed", "session.message"];

/// Looks at a frame without parsing it. A frame that is laid out in an unexpected way is `Other`, never wrong.
#[must_use]
pub fn glance(text: &str) -> Glance {
    let Some(rest) = text.strip_prefix(r#"{"type":"event","event":""#) else {
        return Glance::Other;
    };
    if rest.starts_with(r#"chat","payload":{"#) {
        return Glance::Chat;
    }
    match agent_stream(text.as_bytes()) {
        Some(Stream::Assistant) => Glance::AgentAssistant {
            seq: trailing_seq(text.as_bytes()),
        },
        Some(Stream::Other | Stream::Short) => Glance::Other,
        None => LARGE
            .into_iter()
            .find(|name| rest.strip_prefix(name).is_some_and(|rest| rest.starts_with('"')))
            .map_or(Glance::Other, Glance::Large),
    }
}

/// In front of an `agent` event's payload.
const AGENT: &[u8] = br#"{"type":"event","event":"agent","payload":{"#;
/// Bytes that tell an `agent` event.
pub const AGENT_EVENT: usize = AGENT.len();

/// Whether a frame is an `agent` event, by its first [`AGENT_EVENT`] bytes.
#[must_use]
pub fn is_agent_event(frame: &[u8]) -> bool {
    frame.starts_with(AGENT)
}

/// What the first bytes of an `agent` event tell of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// It is `assistant`.
    Assistant,
    /// It is another, or stands where it is not looked for.
    Other,
    /// More of the frame would tell.
    Short,
}

/// The stream of an `agent` event, by its first bytes; nothing when it is no `agent` event.
pub(crate) fn agent_stream(bytes: &[u8]) -> Option<Stream> {
    const STREAM: &[u8] = br#""stream":"assistant""#;
    static FIND_STREAM: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(STREAM));
    let payload = bytes.strip_prefix(AGENT)?;
    // The stream's name stands before `data`, which is the long part; it never stands behind the first brace.
    let head = memchr::memchr(b'{', payload).and_then(|end| payload.get(..end));
    Some(match head {
        Some(head) if FIND_STREAM.find(head).is_some() => Stream::Assistant,
        Some(_) => Stream::Other,
        None => Stream::Short,
    })
}

/// The payload of an event and its place among the events of this connection, by the usual layout and without parsing
/// either; nothing when the layout is another. That the payload is JSON is for its reader to find out.
#[must_use]
pub fn payload_and_seq<'a>(text: &'a str, name: &str) -> Option<(&'a str, u64)> {
    let rest = text.strip_prefix(r#"{"type":"event","event":""#)?;
    let rest = rest.strip_prefix(name)?.strip_prefix(r#"","payload":"#)?;
    let (end, seq) = tail(rest.as_bytes())?;
    Some((rest.get(..end)?, seq))
}

/// A payload with a row of the session list, which is nearly all of it, cut in front of the row. That either is JSON is for
/// its reader to find out.
#[derive(Debug, PartialEq, Eq)]
pub struct BeforeRow<'a> {
    /// What stands before the row, as an object of its own.
    pub head: String,
    /// The row, and what stands behind it.
    pub rest: &'a str,
}

impl<'a> BeforeRow<'a> {
    /// Cuts a payload; nothing without a row.
    #[must_use]
    pub fn cut(payload: &'a str) -> Option<Self> {
        // An unescaped quote ends a JSON string, so this cannot be part of one.
        static ROW: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(br#","session":{"#));
        let (head, rest) = payload.split_at_checked(ROW.find(payload.as_bytes())?)?;
        let head = format!("{head}}}");
        Some(Self { head, rest })
    }

    /// Whether a reason may stand in what was cut off.
    #[must_use]
    pub fn may_have_a_reason(&self) -> bool {
        static REASON: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(br#""reason":"#));
        REASON.find(self.rest.as_bytes()).is_some()
    }
}

/// The outer `seq` of a frame, by its end: it stands behind the payload, `…},"seq":18,"recipientProfileId":"…"}`.
#[must_use]
pub fn trailing_seq(frame: &[u8]) -> Option<u64> {
    tail(frame).map(|(_, seq)| seq)
}

/// Where the payload ends, and the outer `seq`.
fn tail(frame: &[u8]) -> Option<(usize, u64)> {
    // Unescaped quotes do not stand within a text, and nothing but plain fields follows the number.
    static SEQ: LazyLock<FinderRev<'_>> = LazyLock::new(|| FinderRev::new(br#"},"seq":"#));
    let at = SEQ.rfind(frame)?;
    let digits = frame.get(at + 8..)?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit());
    let digits = digits.get(..end.unwrap_or(digits.len()))?;
    Some((at + 1, std::str::from_utf8(digits).ok()?.parse().ok()?))
}

/// Writes a request frame.
///
/// # Errors
/// When the parameters cannot be written as JSON.
pub fn request<P: Serialize + ?Sized>(
    id: &str,
    method: &str,
    params: &P,
) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Request<'a, P: ?Sized> {
        #[serde(rename = "type")]
        kind: &'static str,
        id: &'a str,
        method: &'a str,
        params: &'a P,
    }
    serde_json::to_string(&Request {
        kind: "req",
        id,
        method,
        params,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_and_events_are_told_apart() {
        let Incoming::Response(r) =
            Incoming::parse(r#"{"type":"res","id":"r4","ok":true,"payload":{"a":1}}"#).unwrap()
        else {
            panic!("a response")
        };
        assert_eq!((&*r.id, r.result.unwrap().unwrap().get()), ("r4", r#"{"a":1}"#));
        let Incoming::Event(e) =
            Incoming::parse(r#"{"type":"event","event":"tick","payload":{},"seq":7,"x":1}"#).unwrap()
        else {
            panic!("an event")
        };
        assert_eq!((&*e.name, e.seq), ("tick", Some(7)));
        assert!(matches!(
            Incoming::parse(r#"{"type":"later"}"#).unwrap(),
            Incoming::Unknown
        ));
        assert!(Incoming::parse("[1]").is_err());
        assert!(Incoming::parse(r#"{"type":"event"}"#).is_err());
    }

    #[test]
    fn a_numeric_id_is_read_as_text() {
        let text = r#"{"type":"res","id":12,"ok":false,"error":{"code":"INVALID_REQUEST","message":"m"}}"#;
        let Incoming::Response(r) = Incoming::parse(text).unwrap() else {
            panic!("a response")
        };
        assert_eq!(r.id, "12");
        assert_eq!(r.result.unwrap_err().code, "INVALID_REQUEST");
    }

    #[test]
    fn a_glance_never_mistakes_text_for_structure() {
        let assistant = r#"{"type":"event","event":"agent","payload":{"runId":"r","stream":"assistant","data":{"text":"},\"seq\":9"},"seq":6},"seq":17,"recipientProfileId":"o"}"#;
        assert_eq!(glance(assistant), Glance::AgentAssistant { seq: Some(17) });
        let tool = r#"{"type":"event","event":"agent","payload":{"runId":"r","stream":"tool","data":{"text":"\"stream\":\"assistant\""},"seq":6},"seq":17}"#;
        assert_eq!(glance(tool), Glance::Other);
        let late =
            r#"{"type":"event","event":"agent","payload":{"data":{"a":1},"stream":"assistant"},"seq":17}"#;
        assert_eq!(glance(late), Glance::Other);
        assert_eq!(
            glance(r#"{"type":"event","event":"chat","payload":{"runId":"r"}}"#),
            Glance::Chat
        );
        assert_eq!(glance("nonsense"), Glance::Other);
        let row = r#"{"type":"event","event":"sessions.changed","payload":{"sessionKey":"s","label":"},\"seq\":9","session":{"seq":1}},"seq":7,"recipientProfileId":"o"}"#;
        assert_eq!(glance(row), Glance::Large("sessions.changed"));
        let payload = r#"{"sessionKey":"s","label":"},\"seq\":9","session":{"seq":1}}"#;
        assert_eq!(payload_and_seq(row, "sessions.changed"), Some((payload, 7)));
        let head = r#"{"sessionKey":"s","label":"},\"seq\":9"}"#;
        let cut = BeforeRow::cut(payload).unwrap();
        assert_eq!((&*cut.head, cut.rest), (head, r#","session":{"seq":1}}"#));
        assert_eq!(BeforeRow::cut(head), None);
        assert_eq!(
            glance(r#"{"type":"event","event":"session.messages","payload":{}}"#),
            Glance::Other
        );
    }

    #[test]
    fn requests_have_the_gateways_layout() {
        let text = request("r1", "health", &serde_json::json!({})).unwrap();
        assert_eq!(text, r#"{"type":"req","id":"r1","method":"health","params":{}}"#);
    }
}
