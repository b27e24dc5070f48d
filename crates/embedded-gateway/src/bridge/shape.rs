//! Reduces the real gateway's answers to what the dialects show.

use crate::agent::{Line, foreign_tokens};
use crate::backend::BackendSession;
use crate::core::agent_of;
use crate::runs::Reply;
use crate::time::now_ms;
use clawtray_gateway_client::Attachment;
use serde_json::{Map, Value};

/// A row of `sessions.list`.
pub(super) fn session(row: &Value) -> Option<BackendSession> {
    let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
    let number = |name: &str| row.get(name).and_then(Value::as_i64);
    let key = text("key")?;
    let updated = number("lastActivityAt").or(number("updatedAt")).unwrap_or(0);
    let tokens = |name: &str| foreign_tokens(row.get(name));
    let model = match (text("modelProvider"), text("model")) {
        (Some(provider), Some(model)) => Some(format!("{provider}/{model}")),
        (_, model) => model,
    };
    Some(BackendSession {
        agent: text("agentId").unwrap_or_else(|| agent_of(&key).to_owned()),
        label: text("label").or(text("displayName")),
        channel: text("channel"),
        model,
        thinking: text("thinkingLevel"),
        active: row.get("hasActiveRun").and_then(Value::as_bool).unwrap_or(false),
        created_at: number("createdAt").unwrap_or(updated),
        updated_at: updated,
        messages: 0,
        tokens_in: tokens("inputTokens"),
        tokens_out: tokens("outputTokens"),
        cost_usd: row.get("estimatedCostUsd").and_then(Value::as_f64).unwrap_or(0.0),
        key,
    })
}

/// A session that was not used yet.
pub(super) fn empty_session(key: &str) -> BackendSession {
    let now = now_ms();
    BackendSession {
        key: key.to_owned(),
        agent: agent_of(key).to_owned(),
        created_at: now,
        updated_at: now,
        ..BackendSession::default()
    }
}

/// Channels by name, in one word each.
pub(super) fn channels(health: &Value) -> Value {
    let list = health.get("channels").and_then(Value::as_object);
    let word = |channel: &Value| {
        let on = |name: &str| channel.get(name).and_then(Value::as_bool);
        match (on("connected"), on("running"), on("linked"), on("configured")) {
            (Some(true), ..) | (None, Some(true), ..) | (None, None, Some(true), _) => "connected",
            (None, None, None, Some(false)) => "not configured",
            _ => "disconnected",
        }
    };
    let shown: Map<String, Value> = list
        .into_iter()
        .flatten()
        .map(|(name, channel)| (name.clone(), word(channel).into()))
        .collect();
    Value::Object(shown)
}

/// Name and description of the tools in a catalogue.
pub(super) fn tools(catalog: &Value) -> Vec<(String, String)> {
    let groups = catalog.get("groups").and_then(Value::as_array);
    let tools = groups
        .into_iter()
        .flatten()
        .filter_map(|g| g.get("tools").and_then(Value::as_array))
        .flatten();
    tools
        .filter_map(|t| {
            let text = |name: &str| t.get(name).and_then(Value::as_str);
            let name = text("id").or(text("name"))?;
            Some((
                name.to_owned(),
                text("description")
                    .or(text("label"))
                    .unwrap_or_default()
                    .to_owned(),
            ))
        })
        .collect()
}

/// A picture of a conversation as an attachment.
pub(super) fn attachment(at: usize, url: &str) -> Option<Attachment> {
    let (mime, content) = url.strip_prefix("data:")?.split_once(";base64,")?;
    let ending = mime.strip_prefix("image/")?;
    Some(Attachment {
        mime_type: mime.to_owned(),
        file_name: Some(format!("picture-{}.{ending}", at + 1)),
        content: content.to_owned(),
    })
}

/// Turns the conversation of an OpenAI call into one prompt.
pub(super) fn conversation(history: &[Line], prompt: &str) -> String {
    if history.is_empty() {
        return prompt.to_owned();
    }
    let mut out = String::new();
    for line in history.iter().filter(|l| l.role == "system") {
        out.push_str(&line.text);
        out.push_str("\n\n");
    }
    let mut said = history.iter().filter(|l| l.role != "system").peekable();
    if said.peek().is_some() {
        out.push_str("The conversation so far:\n\n");
    }
    for line in said {
        let who = if line.role == "assistant" {
            "Assistant"
        } else {
            "User"
        };
        out.push_str(&format!("{who}: {}\n\n", line.text));
    }
    out.push_str(prompt);
    out
}

/// Messages that are looked at to count those of a session.
pub(super) const COUNTED: u32 = 20;

/// How many messages a transcript has. The gateway counts its own marks, such as the one that a reset leaves; those of
/// the page are taken off.
pub(super) fn count(page: &Value) -> u64 {
    let total = page.get("totalMessages").and_then(Value::as_u64).unwrap_or(0);
    let messages = page.get("messages").and_then(Value::as_array);
    let marks = messages
        .into_iter()
        .flatten()
        .filter(|message| message.get("role").and_then(Value::as_str) == Some("system"));
    total.saturating_sub(marks.count() as u64)
}

/// What a transcript says of a run: its text, tokens and model. `None` when the run said nothing yet.
pub(super) fn reply(messages: &[Value], run_id: &str) -> Option<Reply> {
    let asked = format!("{run_id}:user");
    let from = messages
        .iter()
        .position(|m| m.get("idempotencyKey").and_then(Value::as_str) == Some(&asked));
    let role = |m: &Value, wanted: &str| m.get("role").and_then(Value::as_str) == Some(wanted);
    let of_run = |m: &Value| m.pointer("/__openclaw/runId").and_then(Value::as_str) == Some(run_id);
    let after: Vec<&Value> = match from {
        // Up to the next prompt: a steered prompt is answered under another run's id.
        Some(at) => messages
            .iter()
            .skip(at + 1)
            .take_while(|m| !role(m, "user"))
            .collect(),
        None => messages.iter().filter(|m| of_run(m)).collect(),
    };
    let mut out = Reply::default();
    let mut found = false;
    for message in after.into_iter().filter(|m| role(m, "assistant")) {
        found = true;
        let parts = message
            .get("content")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        for part in parts {
            match part.get("type").and_then(Value::as_str) {
                Some("text") => out
                    .text
                    .push_str(part.get("text").and_then(Value::as_str).unwrap_or_default()),
                Some("toolCall") => out
                    .tools
                    .extend(part.get("name").and_then(Value::as_str).map(str::to_owned)),
                Some(_) | None => {}
            }
        }
        let count = |path: &str| foreign_tokens(message.pointer(path));
        out.input_tokens += count("/usage/input");
        out.output_tokens += count("/usage/output");
        let text = |name: &str| message.get(name).and_then(Value::as_str);
        if let Some(model) = text("model") {
            out.model = match text("provider") {
                Some(provider) => format!("{provider}/{model}"),
                None => model.to_owned(),
            };
        }
        out.stop_reason = text("stopReason").unwrap_or("stop").to_owned();
    }
    found.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_run_is_found_in_its_transcript() {
        let messages = [
            json!({"role": "user", "content": "old", "idempotencyKey": "r0:user"}),
            json!({"role": "assistant", "content": [{"type": "text", "text": "old"}], "__openclaw": {"runId": "r0"}}),
            json!({"role": "user", "content": "x", "idempotencyKey": "r1:user"}),
            json!({"role": "assistant", "content": [{"type": "toolCall", "name": "exec"}], "usage": {"input": 5, "output": 1}}),
            json!({"role": "toolResult", "content": [{"type": "text", "text": "out"}]}),
            json!({"role": "assistant", "content": [{"type": "text", "text": "done"}], "provider": "p", "model": "m",
                "usage": {"input": 7, "output": 2}, "stopReason": "stop"}),
            json!({"role": "user", "content": "next"}),
            json!({"role": "assistant", "content": [{"type": "text", "text": "other"}]}),
        ];
        let found = reply(&messages, "r1").expect("found");
        assert_eq!((found.text.as_str(), found.model.as_str()), ("done", "p/m"));
        assert_eq!(
            (found.input_tokens, found.output_tokens, found.tools.as_slice()),
            (12, 3, &["exec".to_owned()][..])
        );
        assert_eq!(reply(&messages, "nobody"), None);
    }

    #[test]
    fn a_conversation_becomes_one_prompt() {
        let line = |role: &str, text: &str| Line {
            role: role.into(),
            text: text.into(),
            ..Line::default()
        };
        assert_eq!(conversation(&[], "hi"), "hi");
        let out = conversation(
            &[
                line("system", "Be brief"),
                line("user", "a"),
                line("assistant", "b"),
            ],
            "c",
        );
        assert_eq!(
            out,
            "Be brief\n\nThe conversation so far:\n\nUser: a\n\nAssistant: b\n\nc"
        );
    }

    #[test]
    fn marks_are_no_messages() {
        let said = |roles: &[&str], total: u64| {
            let messages: Vec<Value> = roles.iter().map(|role| json!({ "role": role })).collect();
            count(&json!({"totalMessages": total, "messages": messages}))
        };
        assert_eq!(said(&["system"], 1), 0, "just cleared");
        assert_eq!(said(&["system", "user", "assistant"], 3), 2);
        assert_eq!(said(&["user", "assistant"], 40), 40);
        assert_eq!(count(&json!({})), 0);
    }
}
