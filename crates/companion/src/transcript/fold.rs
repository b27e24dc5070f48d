//! Turns stored rows into messages. Tool calls and their results become part of the reply of their
//! run.

use super::Entry;
use crate::api::{AttachmentView, CutView, MessageRole, MessageState, MessageView, ToolView};
use crate::silence::{is_wake_message, says_nothing};
use crate::text::one_line;
use clawtray_gateway_protocol::{ContentPart, Cut, Message, Role};
use serde_json::Value;

/// Folds rows, oldest first, into messages. Consecutive rows of one run become one reply.
#[must_use]
pub fn fold(rows: &[Message]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut asked_at: Option<i64> = None;
    let mut woken = false;
    for row in rows {
        match &row.role {
            Role::User => {
                asked_at = row.timestamp;
                woken = is_wake_message(row);
                if woken {
                    continue;
                }
                let entry = user(row);
                if !entry.view.text.is_empty()
                    || !entry.view.attachments.is_empty()
                    || entry.view.cut.is_some()
                {
                    entries.push(entry);
                }
            }
            Role::Assistant => {
                let mut next = assistant(row, asked_at);
                silence(&mut next.view, woken);
                let joined = entries.last_mut().filter(|last| {
                    last.view.role == MessageRole::Assistant
                        && last.view.run.is_some()
                        && last.view.run == next.view.run
                });
                match joined {
                    Some(last) => join(&mut last.view, next.view),
                    None if is_empty(&next.view) => {}
                    None => {
                        let id = unused_id(&entries, &next);
                        next.view.id = id;
                        entries.push(next);
                    }
                }
            }
            Role::ToolResult => {
                let Some(call) = row.tool_call_id.as_deref() else {
                    continue;
                };
                let holder = entries
                    .iter_mut()
                    .rev()
                    .find(|entry| entry.view.tools.iter().any(|tool| tool.id == call));
                if let Some(holder) = holder {
                    finish_tool(&mut holder.view, row, row.timestamp.unwrap_or_default());
                }
            }
            Role::System | Role::Other(_) => {
                let text = row.text();
                let told = row.meta.run_id.as_ref().is_some_and(|run| {
                    entries.iter().any(|entry| {
                        entry.view.run.as_deref() == Some(run.as_str()) && entry.view.error.is_some()
                    })
                });
                let cut = cut(row);
                let says_nothing = text.trim().is_empty() && cut.is_none();
                if !told && !says_nothing {
                    entries.push(Entry {
                        view: MessageView {
                            id: row_id(row),
                            role: MessageRole::System,
                            text,
                            cut,
                            at_ms: row.timestamp.unwrap_or_default(),
                            ..MessageView::default()
                        },
                        seq: row.meta.seq,
                    });
                }
            }
        }
    }
    entries
}

/// The id of the message that shows a stored row.
#[must_use]
pub fn message_id(row: &Message) -> String {
    let known = match &row.role {
        Role::User => row
            .idempotency_key
            .as_deref()
            .and_then(|key| key.strip_suffix(":user"))
            .map(str::to_owned),
        Role::Assistant | Role::ToolResult => row.meta.run_id.as_ref().map(|run| format!("run:{run}")),
        Role::System | Role::Other(_) => None,
    };
    known.unwrap_or_else(|| row_id(row))
}

/// Takes the text away from a reply that says nothing, and the reasoning that led to it. What it did stays.
pub(super) fn silence(view: &mut MessageView, woken: bool) {
    if says_nothing(&view.text, woken) {
        view.text.clear();
        view.thinking.clear();
    }
}

/// What is missing of a row.
fn cut(row: &Message) -> Option<CutView> {
    row.cut().map(|cut| CutView {
        message: row.meta.id.as_ref().map(ToString::to_string).unwrap_or_default(),
        omitted: cut == Cut::Omitted,
    })
}

fn user(row: &Message) -> Entry {
    Entry {
        view: MessageView {
            id: message_id(row),
            role: MessageRole::User,
            text: row.text(),
            attachments: attachments(&row.content),
            cut: cut(row),
            at_ms: row.timestamp.unwrap_or_default(),
            ..MessageView::default()
        },
        seq: row.meta.seq,
    }
}

fn assistant(row: &Message, asked_at: Option<i64>) -> Entry {
    let run = row.meta.run_id.as_ref().map(|run| run.as_str().to_owned());
    let at_ms = row.timestamp.unwrap_or_default();
    let mut view = MessageView {
        id: message_id(row),
        role: MessageRole::Assistant,
        at_ms,
        model: row.model.clone(),
        run,
        duration_ms: asked_at
            .map(|asked| at_ms - asked)
            .filter(|took| (0..86_400_000).contains(took)),
        attachments: attachments(&row.content),
        cut: cut(row),
        ..MessageView::default()
    };
    fill(&mut view, &row.content, at_ms);
    match row.stop_reason.as_deref() {
        Some("aborted") => view.state = MessageState::Stopped,
        Some("error") => {
            view.state = MessageState::Failed;
            let said = std::mem::take(&mut view.text);
            view.error = Some(row.error_message.clone().unwrap_or_else(|| one_line(&said, 300)));
        }
        _ => {}
    }
    Entry {
        view,
        seq: row.meta.seq,
    }
}

/// Adds the parts of a message's content.
pub(super) fn fill(view: &mut MessageView, content: &[ContentPart], at_ms: i64) {
    for part in content {
        match part {
            ContentPart::Text { text } => view.text.push_str(text),
            ContentPart::Thinking { thinking } => push_block(&mut view.thinking, thinking),
            ContentPart::ToolCall { id, name, arguments } => {
                if !view.tools.iter().any(|tool| tool.id == *id) {
                    view.tools.push(tool(id, name, arguments, at_ms));
                }
            }
            ContentPart::Image(_) | ContentPart::Other(_) => {}
        }
    }
}

/// A tool call as it begins.
pub(super) fn tool(id: &str, name: &str, arguments: &Value, at_ms: i64) -> ToolView {
    ToolView {
        id: id.to_owned(),
        name: name.to_owned(),
        summary: tool_summary(arguments),
        arguments: if arguments.is_null() {
            String::new()
        } else {
            serde_json::to_string_pretty(arguments).unwrap_or_default()
        },
        started_at_ms: at_ms,
        ..ToolView::default()
    }
}

/// The argument that matters most, on one line.
#[must_use]
pub fn tool_summary(arguments: &Value) -> String {
    let Some(map) = arguments.as_object() else {
        return arguments
            .as_str()
            .map(|text| one_line(text, 120))
            .unwrap_or_default();
    };
    let telling = [
        "command",
        "path",
        "file_path",
        "filePath",
        "url",
        "query",
        "pattern",
        "message",
        "prompt",
    ];
    let chosen = telling
        .iter()
        .find_map(|name| map.get(*name).and_then(Value::as_str))
        .or_else(|| map.values().find_map(Value::as_str));
    match chosen {
        Some(text) => one_line(text, 120),
        None if map.is_empty() => String::new(),
        None => one_line(&arguments.to_string(), 120),
    }
}

/// Puts a tool's output in its place. Answers whether something changed.
pub(super) fn finish_tool(view: &mut MessageView, row: &Message, now_ms: i64) -> bool {
    let Some(call) = row.tool_call_id.as_deref() else {
        return false;
    };
    let Some(tool) = view.tools.iter_mut().find(|tool| tool.id == call) else {
        return false;
    };
    let before = tool.clone();
    tool.running = false;
    tool.output = row.text();
    tool.failed = row.is_error.unwrap_or(false);
    if tool.duration_ms.is_none() && tool.started_at_ms > 0 {
        let ended = row.timestamp.unwrap_or(now_ms);
        tool.duration_ms = Some((ended - tool.started_at_ms).max(0));
    }
    *tool != before
}

/// Adds tool calls that the live stream did not bring.
pub(super) fn merge_tools(view: &mut MessageView, from: &MessageView) -> bool {
    let mut changed = false;
    for tool in &from.tools {
        if !view.tools.iter().any(|known| known.id == tool.id) {
            let mut tool = tool.clone();
            tool.running = view.state == MessageState::Streaming;
            view.tools.push(tool);
            changed = true;
        }
    }
    if view.thinking.is_empty() && !from.thinking.is_empty() {
        view.thinking.clone_from(&from.thinking);
        changed = true;
    }
    changed
}

/// What the live stream knew and history does not say.
pub(super) fn carry_over(fresh: &mut MessageView, known: &MessageView) {
    if fresh.state == MessageState::Done
        && matches!(
            known.state,
            MessageState::Stopped | MessageState::Steered | MessageState::Failed
        )
        && !(known.state == MessageState::Failed && known.role == MessageRole::User)
    {
        fresh.state = known.state;
        fresh.error.clone_from(&known.error);
    }
    if fresh.attachments.len() < known.attachments.len() {
        fresh.attachments.clone_from(&known.attachments);
    }
    if fresh.thinking.is_empty() {
        fresh.thinking.clone_from(&known.thinking);
    }
    // The stream brings a text whole that the page may bring cut.
    if fresh.cut.is_some() && known.cut.is_none() && known.text.starts_with(&fresh.text) {
        fresh.text.clone_from(&known.text);
        fresh.cut = None;
    }
    if fresh.duration_ms.is_none() {
        fresh.duration_ms = known.duration_ms;
    }
}

/// Puts an entry that history does not know where its time says.
pub(super) fn place(entries: &mut Vec<Entry>, entry: Entry) {
    let at = entries
        .iter()
        .rposition(|other| other.view.at_ms <= entry.view.at_ms)
        .map_or(0, |at| at + 1);
    entries.insert(at, entry);
}

fn join(view: &mut MessageView, next: MessageView) {
    push_block(&mut view.text, &next.text);
    push_block(&mut view.thinking, &next.thinking);
    view.tools.extend(next.tools);
    view.attachments.extend(next.attachments);
    view.state = next.state;
    view.error = next.error;
    view.cut = next.cut.or(view.cut.take());
    view.model = next.model.or(view.model.take());
    view.duration_ms = next.duration_ms.or(view.duration_ms);
    view.at_ms = next.at_ms.max(view.at_ms);
}

fn push_block(text: &mut String, more: &str) {
    if more.is_empty() {
        return;
    }
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(more);
}

pub(super) fn is_empty(view: &MessageView) -> bool {
    view.text.trim().is_empty()
        && view.thinking.is_empty()
        && view.tools.is_empty()
        && view.attachments.is_empty()
        && view.error.is_none()
        && view.cut.is_none()
}

fn unused_id(entries: &[Entry], next: &Entry) -> String {
    let mut id = next.view.id.clone();
    let mut part = 2;
    while entries.iter().any(|entry| entry.view.id == id) {
        id = format!("{}:{part}", next.view.id);
        part += 1;
    }
    id
}

fn row_id(row: &Message) -> String {
    match (&row.meta.id, row.timestamp) {
        (Some(id), _) => format!("msg:{id}"),
        (None, Some(at)) => format!("at:{at}:{}", row.text().len()),
        (None, None) => format!("row:{}", row.meta.seq.unwrap_or_default()),
    }
}

fn attachments(content: &[ContentPart]) -> Vec<AttachmentView> {
    content
        .iter()
        .filter_map(|part| match part {
            ContentPart::Image(value) => {
                let text = |names: &[&str]| {
                    names
                        .iter()
                        .find_map(|name| value.get(*name).and_then(Value::as_str))
                        .map(str::to_owned)
                };
                Some(AttachmentView {
                    name: text(&["fileName", "alt", "name"]).unwrap_or_else(|| "Image".to_owned()),
                    mime_type: text(&["mimeType", "mediaType"]).unwrap_or_else(|| "image/*".to_owned()),
                    bytes: value.get("sizeBytes").and_then(Value::as_u64).unwrap_or_default(),
                    preview: None,
                    artifact: text(&["artifactId"]),
                })
            }
            ContentPart::Text { .. }
            | ContentPart::Thinking { .. }
            | ContentPart::ToolCall { .. }
            | ContentPart::Other(_) => None,
        })
        .collect()
}
