//! Lenient readers. The write-ups leave shapes open, and gateways fill them in differently.

use clawtray_gateway_protocol::content::MessageMeta;
use clawtray_gateway_protocol::thinking::split;
use clawtray_gateway_protocol::{ContentPart, Message, Role, SessionRow};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// The first of some fields that is a text with something in it.
pub(crate) fn text<'a>(value: &'a Value, names: &[&str]) -> Option<&'a str> {
    names
        .iter()
        .find_map(|name| value.get(name).and_then(Value::as_str))
        .filter(|text| !text.is_empty())
}

/// The array itself, or the one under the first of some names.
pub(crate) fn list<'a>(value: &'a Value, names: &[&str]) -> &'a [Value] {
    let found = value.as_array().or_else(|| {
        names
            .iter()
            .find_map(|name| value.get(name).and_then(Value::as_array))
    });
    found.map(Vec::as_slice).unwrap_or_default()
}

/// Anything that JavaScript's `Date` reads, in milliseconds since the epoch.
pub(crate) fn time(value: &Value) -> Option<i64> {
    if let Some(number) = value.as_i64() {
        return Some(number);
    }
    if let Some(number) = value.as_f64() {
        // A cast of a float saturates.
        return number.is_finite().then_some(number as i64);
    }
    let text = value.as_str()?.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    // Without a zone a time is local and a date is UTC; that is how `Date` has it.
    if text.len() > 10
        && let Ok(at) = text.parse::<DateTime>()
    {
        return at.to_zoned(TimeZone::system()).ok().map(millis);
    }
    if let Ok(at) = text.parse::<Date>() {
        return at.to_zoned(TimeZone::UTC).ok().map(millis);
    }
    if let Ok(at) = jiff::fmt::rfc2822::parse(text) {
        return Some(millis(at));
    }
    // `Date.prototype.toString`, with the zone's name in brackets behind it.
    let bare = text.split(" (").next().unwrap_or(text);
    if let Ok(at) = jiff::Zoned::strptime("%a %b %d %Y %H:%M:%S GMT%z", bare) {
        return Some(millis(at));
    }
    text.parse::<i64>().ok()
}

fn millis(at: jiff::Zoned) -> i64 {
    at.timestamp().as_millisecond()
}

/// A session, and what the gateway calls it.
pub(crate) fn session(value: &Value) -> Option<(SessionRow, String)> {
    if let Some(name) = value.as_str() {
        let row = SessionRow {
            key: name.into(),
            ..SessionRow::default()
        };
        return Some((row, name.to_owned()));
    }
    let key = text(value, &["key", "sessionKey", "id", "sessionId"])?;
    let id = text(value, &["id", "sessionId", "key", "sessionKey"]).unwrap_or(key);
    let meta = value.get("metadata").unwrap_or(&Value::Null);
    let channel = text(value, &["channel"]).or_else(|| text(meta, &["channel"]));
    let user = text(value, &["userId"]).or_else(|| text(meta, &["userId"]));
    let at = [
        "lastActivity",
        "lastActiveAt",
        "updatedAt",
        "lastMessageAt",
        "createdAt",
    ]
    .iter()
    .find_map(|name| time(value.get(name)?));
    let label = text(value, &["label", "title", "name"]).map(str::to_owned);
    let from_outside = channel.filter(|channel| !matches!(*channel, "direct" | "api"));
    let display_name = match (from_outside, user) {
        (Some(channel), Some(user)) => Some(format!("{channel} · {user}")),
        (Some(channel), None) => Some(channel.to_owned()),
        (None, _) => None,
    };
    let last = value.get("messages").and_then(Value::as_array);
    let last = last
        .and_then(|messages| messages.last())
        .and_then(message)
        .map(|message| message.text());
    let is_main = text(value, &["kind"]).map(|kind| kind == "main");
    let row = SessionRow {
        key: key.into(),
        agent_id: text(value, &["agentId", "agent"]).map(Into::into),
        label,
        display_name,
        last_message_preview: last.filter(|text| !text.is_empty()),
        channel: channel.map(str::to_owned),
        is_main: is_main.or_else(|| (key == "main" || key.ends_with(":main")).then_some(true)),
        updated_at: at,
        last_interaction_at: at,
        total_tokens: value.get("tokensUsed").and_then(Value::as_u64),
        model: text(value, &["model"]).map(str::to_owned),
        ..SessionRow::default()
    };
    Some((row, id.to_owned()))
}

/// The content with the reasoning apart that a model server wrote into the text.
fn apart(content: Vec<ContentPart>) -> Vec<ContentPart> {
    let mut parts = Vec::new();
    for part in content {
        let ContentPart::Text { text } = part else {
            parts.push(part);
            continue;
        };
        let (thinking, text) = split(&text);
        if !thinking.is_empty() {
            parts.push(ContentPart::Thinking { thinking });
        }
        parts.push(ContentPart::Text { text });
    }
    parts
}

/// A message of a transcript.
pub(crate) fn message(value: &Value) -> Option<Message> {
    let role = match text(value, &["role", "sender", "from", "author"])?
        .to_ascii_lowercase()
        .as_str()
    {
        "user" | "human" => Role::User,
        "assistant" | "agent" | "ai" | "bot" => Role::Assistant,
        "tool" | "toolresult" => Role::ToolResult,
        "system" => Role::System,
        other => Role::Other(other.to_owned()),
    };
    let content = ["content", "text", "message"]
        .iter()
        .find_map(|name| value.get(name))
        .cloned()
        .unwrap_or_default();
    // The protocol's own reader takes a bare text, a list of parts, or anything else.
    let read: Option<Message> = serde_json::from_value(json!({"role": "user", "content": content})).ok();
    let at = ["timestamp", "createdAt", "time", "ts"]
        .iter()
        .find_map(|name| time(value.get(name)?));
    let tool_name = (role == Role::ToolResult)
        .then(|| text(value, &["tool", "name"]).map(str::to_owned))
        .flatten();
    let mut content = read.map(|message| message.content).unwrap_or_default();
    if role == Role::Assistant {
        content = apart(content);
    }
    Some(Message {
        role,
        content,
        timestamp: at,
        idempotency_key: None,
        stop_reason: None,
        error_message: None,
        tool_call_id: None,
        tool_name,
        is_error: None,
        model: text(value, &["model"]).map(str::to_owned),
        meta: MessageMeta {
            id: text(value, &["id", "messageId"]).map(Into::into),
            ..MessageMeta::default()
        },
    })
}

/// An assistant's message of this text.
pub(crate) fn said(text: String, at_ms: i64) -> Message {
    Message {
        role: Role::Assistant,
        content: vec![ContentPart::Text { text }],
        timestamp: Some(at_ms),
        idempotency_key: None,
        stop_reason: Some("stop".to_owned()),
        error_message: None,
        tool_call_id: None,
        tool_name: None,
        is_error: None,
        model: None,
        meta: MessageMeta::default(),
    }
}

/// The text of a whole reply: a bare string, or the field that holds it, however deep.
pub(crate) fn reply(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(fields) => [
            "response", "reply", "content", "message", "text", "output", "result", "choices", "data",
        ]
        .iter()
        .find_map(|name| reply(fields.get(*name)?)),
        Value::Array(parts) => {
            let texts: Vec<String> = parts.iter().filter_map(reply).collect();
            (!texts.is_empty()).then(|| texts.concat())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_a_browser_reads_them() {
        for (value, expected) in [
            (json!("2026-03-01T12:00:00Z"), Some(1_772_366_400_000)),
            (json!("2026-03-01T12:00:00.250Z"), Some(1_772_366_400_250)),
            (json!("2026-03-01T13:00:00+01:00"), Some(1_772_366_400_000)),
            (json!("2026-03-01"), Some(1_772_323_200_000)),
            (json!("Sun, 01 Mar 2026 12:00:00 GMT"), Some(1_772_366_400_000)),
            (
                json!("Sun Mar 01 2026 13:00:00 GMT+0100 (Central European Standard Time)"),
                Some(1_772_366_400_000),
            ),
            (json!(1_772_366_400_000_i64), Some(1_772_366_400_000)),
            (json!(1_772_366_400_000.5), Some(1_772_366_400_000)),
            (json!("yesterday"), None),
            (json!(null), None),
        ] {
            assert_eq!(time(&value), expected, "{value}");
        }
    }

    #[test]
    fn a_reply_is_found_wherever_it_is() {
        for (value, expected) in [
            (json!("Bare."), Some("Bare.")),
            (json!({"response": "Whole."}), Some("Whole.")),
            (
                json!({"status": "ok", "response": {"content": "Nested.", "messageId": "m"}}),
                Some("Nested."),
            ),
            (
                json!({"choices": [{"message": {"role": "assistant", "content": "Chosen."}}]}),
                Some("Chosen."),
            ),
            (json!({"reply": "Task."}), Some("Task.")),
            (
                json!({"content": [{"type": "text", "text": "In "}, {"type": "text", "text": "parts."}]}),
                Some("In parts."),
            ),
            (json!({"status": "timeout"}), None),
            (json!(7), None),
        ] {
            assert_eq!(reply(&value).as_deref(), expected, "{value}");
        }
    }
}
