//! The parts of a message that are indexed, and the tags in front of them.

use super::words::{composed, words};
use crate::store::cache::hash;
use clawtray_gateway_protocol::{ContentPart, Message, Role};

/// Text indexed of one message, in bytes; of a tool's output and of thinking, less.
pub(super) const TEXT_BYTES: usize = 256 * 1024;
const ASIDE_BYTES: usize = 16 * 1024;

/// The text of a message that can be found: what it says, then thinking and tools.
pub(super) fn shown_text(message: &Message) -> String {
    let mut text = String::new();
    let mut aside = String::new();
    let limit = if message.role == Role::ToolResult {
        ASIDE_BYTES
    } else {
        TEXT_BYTES
    };
    for part in &message.content {
        match part {
            ContentPart::Text { text: more } => push(&mut text, more, limit),
            ContentPart::Thinking { thinking } => push(&mut aside, thinking, ASIDE_BYTES),
            ContentPart::ToolCall { name, arguments, .. } => {
                push(&mut aside, name, ASIDE_BYTES);
                push_values(&mut aside, arguments);
            }
            ContentPart::Image(_) | ContentPart::Other(_) => {}
        }
    }
    if let Some(error) = &message.error_message {
        push(&mut aside, error, ASIDE_BYTES);
    }
    if !aside.is_empty() {
        push(&mut text, &aside, TEXT_BYTES);
    }
    text
}

fn push(text: &mut String, more: &str, limit: usize) {
    if !text.is_empty() && !more.is_empty() {
        text.push('\n');
    }
    let mut end = limit.saturating_sub(text.len()).min(more.len());
    while !more.is_char_boundary(end) {
        end -= 1;
    }
    text.push_str(more.get(..end).unwrap_or_default());
}

fn push_values(text: &mut String, value: &serde_json::Value) {
    match value {
        serde_json::Value::String(more) => push(text, more, ASIDE_BYTES),
        serde_json::Value::Array(values) => values.iter().for_each(|value| push_values(text, value)),
        serde_json::Value::Object(map) => map.values().for_each(|value| push_values(text, value)),
        serde_json::Value::Number(number) => push(text, &number.to_string(), ASIDE_BYTES),
        serde_json::Value::Null | serde_json::Value::Bool(_) => {}
    }
}

/// The words of a message for the index, behind its tags.
pub(in crate::store) fn index_text(message: &Message, tags: &str) -> String {
    let text = shown_text(message);
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(tags);
    words(&composed(&text), |word, _| {
        out.push(' ');
        out.push_str(word);
        true
    });
    out
}

/// A title's words, each between blanks.
pub(in crate::store) fn words_of(title: &str) -> String {
    let mut out = String::from(" ");
    words(&composed(title), |word, _| {
        out.push_str(word);
        out.push(' ');
        true
    });
    out
}

/// Filters as words of the index: characters that no text can bring in. Several sessions or agents may share one, so
/// every match is checked exactly.
pub(in crate::store) fn tags(gateway: &str, agent: &str, session: i64) -> String {
    format!(
        "{} {} {}",
        gateway_tag(gateway),
        agent_tag(gateway, agent),
        session_tag(session)
    )
}

pub(super) fn gateway_tag(gateway: &str) -> char {
    tag(0xF_0000, 0x1000, hash(&[gateway]))
}

pub(super) fn agent_tag(gateway: &str, agent: &str) -> char {
    tag(0xF_1000, 0xE000, hash(&[gateway, agent]))
}

pub(super) fn session_tag(session: i64) -> char {
    tag(0x10_0000, 0xFFF0, session.unsigned_abs())
}

fn tag(from: u32, room: u32, number: u64) -> char {
    let offset = u32::try_from(number % u64::from(room)).unwrap_or_default();
    char::from_u32(from + offset).unwrap_or('\u{F0000}')
}
