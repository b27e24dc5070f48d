//! Reads `chat` frames by their byte layout instead of parsing them.
//!
//! The gateway repeats the whole text in every delta. For a long reply this is most of the traffic.
//! A frame with another layout gives nothing; the caller then parses it.

#[cfg(test)]
mod tests;

use crate::Message;
use crate::frame::{self, Stream};
use memchr::memmem::{Finder, FinderRev};
use serde_json::value::RawValue;
use std::sync::LazyLock;

/// The text of a message, still as it came.
#[derive(Clone, Copy, Debug)]
pub struct WholeText<'a> {
    /// The JSON string, quotes included, if it was read.
    quoted: Option<&'a str>,
    /// Bytes between its quotes.
    raw: usize,
    /// Bytes that it decodes to.
    len: usize,
}

impl WholeText<'_> {
    /// Bytes of the text as it came, escapes included.
    #[must_use]
    pub const fn raw_len(&self) -> usize {
        self.raw
    }

    /// Bytes of the text.
    #[must_use]
    pub const fn decoded_len(&self) -> usize {
        self.len
    }

    /// The text, if it was read.
    #[must_use]
    pub fn decoded(&self) -> Option<String> {
        serde_json::from_str(self.quoted?).ok()
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
    /// The JSON string of the message's text, quotes included, if it is one string and was read.
    quoted: Option<&'a str>,
    /// Bytes between its quotes.
    raw: usize,
}

impl<'a> DeltaParts<'a> {
    /// The text of the message when it is `before` with what was added, so many bytes as they came and decoded; else nothing.
    #[must_use]
    pub fn grown(&self, before: WholeLen, added: usize) -> Option<WholeText<'a>> {
        let at = self.head.find(ADDED)? + ADDED.len();
        let raw = self.head.get(at..)?.strip_suffix("\"}")?.len();
        (before.raw + raw == self.raw).then_some(WholeText {
            quoted: self.quoted,
            raw: self.raw,
            len: before.decoded + added,
        })
    }

    /// The text of the message, passed over once to find its escapes; nothing when the message has other parts, or was not
    /// read.
    #[must_use]
    pub fn measured(&self) -> Option<WholeText<'a>> {
        let quoted = self.quoted?;
        let text = quoted.get(1..quoted.len() - 1)?;
        Some(WholeText {
            quoted: self.quoted,
            raw: self.raw,
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

// An unescaped quote ends a JSON string, so none of these can be part of one.
/// In front of a `chat` event's payload.
const START: &str = r#"{"type":"event","event":"chat","payload":"#;
/// In front of what a delta added.
const ADDED: &str = r#""deltaText":""#;
/// In front of the whole text.
const MESSAGE: &str = r#","message":{"role":"assistant","content":[{"type":"text","text":""#;
/// Behind it.
const END: &str = r#""}],"timestamp":"#;
static FIND_MESSAGE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(MESSAGE));
static FIND_END: LazyLock<FinderRev<'_>> = LazyLock::new(|| FinderRev::new(END));

/// Takes a `chat` frame apart by its layout; nothing when the layout is another, or it is no delta.
#[must_use]
pub fn delta_parts(frame: &str) -> Option<DeltaParts<'_>> {
    let payload = frame.strip_prefix(START)?;
    let message = FIND_MESSAGE.find(payload.as_bytes())?;
    let head = payload.get(..message)?;
    if !head.contains(r#""state":"delta""#) {
        return None;
    }
    let from = message + MESSAGE.len();
    let rest = payload.get(from..)?;
    let end = FIND_END.rfind(rest.as_bytes())?;
    Some(DeltaParts {
        head: format!("{head}}}"),
        seq: seq_behind(rest.get(end..)?)?,
        quoted: Some(payload.get(from - 1..=from + end)?),
        raw: end,
    })
}

/// The outer `seq` behind the text of a delta, from the text's closing quote on.
fn seq_behind(text: &str) -> Option<u64> {
    let tail = text
        .strip_prefix(END)?
        .trim_start_matches(|digit: char| digit.is_ascii_digit());
    let seq = tail.strip_prefix(r#"}},"seq":"#)?;
    let digits = seq.find(|digit: char| !digit.is_ascii_digit())?;
    seq.get(..digits)?.parse().ok()
}

/// What the first bytes of a large frame tell about the rest of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning<'a> {
    /// An `agent` event that repeats a `chat` delta: but for its number, at its end, it is not wanted.
    Assistant,
    /// A `chat` delta: what it added is here, what follows is the whole text again.
    Delta {
        /// The run.
        run: &'a str,
        /// Bytes of what was added, escapes included.
        added: usize,
        /// Bytes in front of the whole text.
        head: usize,
    },
    /// More of it would tell.
    Short,
    /// It has to be read.
    Other,
}

/// Looks at the first bytes of a frame. One that is laid out in an unexpected way is `Other`, never wrong.
#[must_use]
pub fn beginning(bytes: &[u8]) -> Beginning<'_> {
    const STATE: &[u8] = br#","state":""#;
    static FIND_STATE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(STATE));
    match frame::agent_stream(bytes) {
        Some(Stream::Assistant) => return Beginning::Assistant,
        Some(Stream::Other) => return Beginning::Other,
        Some(Stream::Short) => return Beginning::Short,
        None => {}
    }
    let Some(payload) = bytes.strip_prefix(START.as_bytes()) else {
        return Beginning::Other;
    };
    let state = FIND_STATE.find(payload).map(|at| at + STATE.len());
    if state.is_some_and(|at| !payload.get(at..).unwrap_or_default().starts_with(br#"delta""#)) {
        return Beginning::Other;
    }
    let Some(message) = FIND_MESSAGE.find(payload) else {
        return Beginning::Short;
    };
    delta_beginning(payload.get(..message).unwrap_or_default()).unwrap_or(Beginning::Other)
}

/// A delta by its payload up to its message.
fn delta_beginning(head: &[u8]) -> Option<Beginning<'_>> {
    static FIND_ADDED: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(ADDED));
    let run = head.strip_prefix(br#"{"runId":""#)?;
    let run = run.get(..memchr::memchr2(b'"', b'\\', run)?)?;
    let added = head
        .get(FIND_ADDED.find(head)? + ADDED.len()..)?
        .strip_suffix(b"\"")?;
    // With another field behind it, what looks like its end is that of the other one.
    let is_last = memchr::memmem::find(added, b",\"").is_none();
    is_last.then_some(Beginning::Delta {
        run: std::str::from_utf8(run).ok()?,
        added: added.len(),
        head: START.len() + head.len() + MESSAGE.len(),
    })
}

/// A delta by its ends, without what is between them; nothing when they are those of another frame. The end of the whole
/// text has to be in `tail`.
#[must_use]
pub fn delta_ends<'a>(head: &[u8], skipped: usize, tail: &[u8]) -> Option<DeltaParts<'a>> {
    let head = head
        .strip_prefix(START.as_bytes())?
        .strip_suffix(MESSAGE.as_bytes())?;
    let end = FIND_END.rfind(tail)?;
    Some(DeltaParts {
        head: format!("{}}}", std::str::from_utf8(head).ok()?),
        seq: seq_behind(std::str::from_utf8(tail.get(end..)?).ok()?)?,
        quoted: None,
        raw: skipped + end,
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
    // Nor can this be part of one.
    const MESSAGE: &str = r#","message":{"#;
    static FIND: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(MESSAGE));
    let (payload, seq) = frame::payload_and_seq(frame, "chat")?;
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
