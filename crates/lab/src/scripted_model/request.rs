//! Reads a request.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::time::Duration;

/// The gateway's own note after the user's message has this at its beginning, 2026.8.2 after two sentences for the model.
const INTERNAL_CONTEXT: &str = "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT";
const MAX_BODY: u64 = 64 << 20;
const READ_LIMIT: Duration = Duration::from_secs(30);

pub(super) struct Request {
    pub method: String,
    pub path: String,
    pub body: Vec<u8>,
}

impl Request {
    /// `None` when the peer sends something that is not a request.
    pub(super) fn read(stream: &TcpStream) -> Option<Self> {
        stream.set_read_timeout(Some(READ_LIMIT)).ok()?;
        stream.set_nodelay(true).ok()?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let path = target.split('?').next()?.to_owned();
        let mut length: u64 = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let header = header.trim();
            if header.is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok()?;
            }
        }
        if length > MAX_BODY {
            return None;
        }
        let mut body = Vec::new();
        reader.take(length).read_to_end(&mut body).ok()?;
        Some(Self { method, path, body })
    }
}

/// What a chat completion is asked for.
#[derive(Debug)]
pub(super) struct Prompt {
    pub model: String,
    pub stream: bool,
    pub user_text: String,
    pub message_count: usize,
    pub tools: Vec<String>,
    /// Tool results after the user's message: how many of its tools were called already.
    pub tool_results: usize,
    pub bytes: usize,
}

impl Prompt {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let json: Value = serde_json::from_slice(body).ok()?;
        let messages = json.get("messages")?.as_array()?;
        let is_users = |message: &Value| {
            role(message) == "user" && !text(message.get("content")).contains(INTERNAL_CONTEXT)
        };
        let user = messages.iter().rposition(is_users);
        let after = messages.get(user.map_or(0, |index| index + 1)..)?;
        let tools = json
            .get("tools")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        Some(Self {
            model: json
                .get("model")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            stream: json.get("stream").and_then(Value::as_bool).unwrap_or(false),
            user_text: user
                .and_then(|index| messages.get(index))
                .map(|m| text(m.get("content")))
                .unwrap_or_default(),
            message_count: messages.len(),
            tools: tools
                .iter()
                .filter_map(|tool| tool.pointer("/function/name")?.as_str())
                .map(str::to_owned)
                .collect(),
            tool_results: after.iter().filter(|message| role(message) == "tool").count(),
            bytes: body.len(),
        })
    }
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

/// A message's text, whether it came as a string or in parts.
fn text(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts
            .iter()
            .filter_map(|part| part.get("text").and_then(Value::as_str))
            .collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => String::new(),
    }
}
