//! What a request for a completion says: the conversation with its pictures, and the options that are kept or refused.

use crate::agent::{Line, estimate_tokens};
use crate::http::body::Fields;
use crate::http::error::Refused;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The largest picture, in bytes of base64; it is the gateway's own limit for one.
const PICTURE_MAX: usize = 8_400_000;
/// Pictures of one conversation.
const PICTURES_MAX: usize = 16;
/// Tokens that a picture is taken to cost.
const PICTURE_TOKENS: u64 = 1_000;

/// A request for a completion.
#[derive(Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) model: String,
    /// All messages but the last.
    pub(super) history: Vec<Line>,
    /// The last one, by the user.
    pub(super) prompt: Line,
    pub(super) stream: bool,
    pub(super) with_usage: bool,
    pub(super) max_tokens: Option<u32>,
}

impl Wanted {
    /// # Errors
    /// 400 for a conversation that cannot be understood, and for every option that would change the answer and is not
    /// supported: it is never left out in silence.
    pub(super) fn read(fields: &Fields) -> Result<Self, Refused> {
        check(fields)?;
        let model = fields.str("model").map_err(|r| r.about("model"))?.to_owned();
        let (history, prompt) = conversation(fields).map_err(|r| r.about("messages"))?;
        let options = fields
            .opt_object("stream_options")
            .map_err(|r| r.about("stream_options"))?;
        Ok(Self {
            model,
            history,
            prompt,
            stream: fields
                .opt_bool("stream")
                .map_err(|r| r.about("stream"))?
                .unwrap_or(false),
            with_usage: options.and_then(|o| o.get("include_usage")) == Some(&Value::Bool(true)),
            max_tokens: max_tokens(fields)?,
        })
    }

    /// The size of the conversation in tokens, estimated.
    pub(super) fn size(&self) -> u64 {
        let lines = self.history.iter().chain([&self.prompt]);
        lines
            .map(|line| estimate_tokens(&line.text) + PICTURE_TOKENS * line.images.len() as u64)
            .sum()
    }
}

/// `max_completion_tokens`, and its older name.
fn max_tokens(fields: &Fields) -> Result<Option<u32>, Refused> {
    for name in ["max_completion_tokens", "max_tokens"] {
        match fields.opt_u32(name).map_err(|r| r.about(name))? {
            Some(0) => return Err(Refused::bad(format!("\"{name}\" must be at least 1")).about(name)),
            Some(n) => return Ok(Some(n)),
            None => {}
        }
    }
    Ok(None)
}

/// Refuses what would change the answer and is not supported.
fn check(fields: &Fields) -> Result<(), Refused> {
    let there = |name: &str| {
        fields.0.get(name).filter(|value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::Array(list) => !list.is_empty(),
            Value::String(text) => !text.is_empty(),
            Value::Bool(true) | Value::Number(_) | Value::Object(_) => true,
        })
    };
    let kind = |value: &Value| value.get("type").and_then(Value::as_str).map(str::to_owned);
    let refuse =
        |name: &'static str, message: &str| Err(Refused::bad(format!("\"{name}\" {message}")).about(name));
    if there("n").is_some_and(|n| n.as_u64() != Some(1)) {
        return refuse("n", "must be 1: one answer is given");
    }
    if there("stop").is_some() {
        return refuse("stop", "is not supported; leave it out");
    }
    let no_tools = fields.0.get("tool_choice").and_then(Value::as_str) == Some("none");
    for name in ["tools", "functions"] {
        if there(name).is_some() && !no_tools {
            return refuse(
                name,
                "are not supported: the agent has tools of its own and runs them itself",
            );
        }
    }
    if there("response_format").is_some_and(|format| kind(format).as_deref() != Some("text")) {
        return refuse("response_format", "must be of type \"text\"");
    }
    if there("logprobs").is_some() {
        return refuse("logprobs", "are not supported");
    }
    let modalities = fields.0.get("modalities").and_then(Value::as_array);
    if there("audio").is_some() || modalities.is_some_and(|list| list.iter().any(|m| m != "text")) {
        return refuse("modalities", "must be [\"text\"]");
    }
    Ok(())
}

/// The messages: all but the last as history, the last as prompt.
fn conversation(fields: &Fields) -> Result<(Vec<Line>, Line), Refused> {
    let bad = || {
        Refused::bad("\"messages\" must be a list of messages with role and content, the last by the user")
    };
    let list = fields
        .0
        .get("messages")
        .and_then(Value::as_array)
        .ok_or_else(bad)?;
    let mut lines = Vec::new();
    for (at, message) in list.iter().enumerate() {
        let at = format!("messages[{at}]");
        let role = match message.get("role").and_then(Value::as_str) {
            Some("system" | "developer") => "system",
            Some("user") => "user",
            Some("assistant") => "assistant",
            Some(other @ ("tool" | "function")) => {
                return Err(Refused::bad(format!(
                    "{at}: the role \"{other}\" is not supported"
                )));
            }
            Some(_) | None => return Err(bad()),
        };
        let mut line = Line {
            role: role.to_owned(),
            ..Line::default()
        };
        match message.get("content") {
            Some(Value::String(text)) => line.text.clone_from(text),
            Some(Value::Array(parts)) => {
                for part in parts {
                    add(&mut line, part).map_err(|what| Refused::bad(format!("{at}: {what}")))?;
                }
            }
            None | Some(Value::Null) if role != "user" => {}
            None | Some(_) => return Err(bad()),
        }
        lines.push(line);
    }
    if lines.iter().map(|line| line.images.len()).sum::<usize>() > PICTURES_MAX {
        return Err(Refused::bad(format!(
            "there are more than {PICTURES_MAX} pictures"
        )));
    }
    match lines.pop() {
        Some(last) if last.role == "user" && !(last.text.is_empty() && last.images.is_empty()) => {
            Ok((lines, last))
        }
        Some(_) | None => Err(bad()),
    }
}

/// Adds a part of a message. What cannot be handed on is refused with a word, never dropped.
fn add(line: &mut Line, part: &Value) -> Result<(), String> {
    let kind = part.get("type").and_then(Value::as_str).unwrap_or("text");
    let text = |name: &str| part.get(name).and_then(Value::as_str);
    match kind {
        "text" => line.text.push_str(text("text").ok_or("a text part has no text")?),
        "refusal" => line.text.push_str(text("refusal").unwrap_or_default()),
        "image_url" if line.role == "user" => {
            let url = part
                .get("image_url")
                .and_then(|image| image.get("url").or(Some(image)))
                .and_then(Value::as_str)
                .ok_or("an image part has no url")?;
            line.images.push(picture(url)?.to_owned());
        }
        other => return Err(format!("parts of type \"{other}\" are not supported here")),
    }
    Ok(())
}

/// A picture, as the `data:` URL that it came as.
fn picture(url: &str) -> Result<&str, String> {
    let data = url
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(";base64,"));
    let Some((mime, content)) = data else {
        return Err("a picture must be a data: URL in base64; nothing is fetched from elsewhere".into());
    };
    if !mime.starts_with("image/") {
        return Err(format!("\"{mime}\" is not the type of a picture"));
    }
    if content.len() > PICTURE_MAX {
        return Err(format!("a picture has more than {PICTURE_MAX} bytes of base64"));
    }
    if content.is_empty() || STANDARD.decode(content).is_err() {
        return Err("a picture is not base64".into());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(more: Value) -> Result<Wanted, String> {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        crate::ws::merge(&mut body, more);
        let Value::Object(map) = body else {
            panic!("an object")
        };
        Wanted::read(&Fields(map)).map_err(|refused| {
            assert_eq!(refused.status.as_u16(), 400);
            format!("{}: {}", refused.param.unwrap_or("?"), refused.message)
        })
    }

    fn parts(parts: Value) -> Value {
        json!({"messages": [{"role": "user", "content": parts}]})
    }

    #[test]
    fn options_are_kept_or_refused_by_name() {
        for fine in [
            json!({}),
            json!({"n": 1, "stop": null, "tools": [], "response_format": {"type": "text"}, "logprobs": false}),
            json!({"stop": [], "temperature": 0.2, "top_p": 1, "user": "u", "seed": 4, "modalities": ["text"]}),
            json!({"tools": [{"type": "function"}], "tool_choice": "none"}),
            json!({"stream": true, "stream_options": null}),
        ] {
            assert!(read(fine.clone()).is_ok(), "{fine}");
        }
        for (what, param) in [
            (json!({"n": 2}), "n"),
            (json!({"stop": "END"}), "stop"),
            (json!({"stop": ["a"]}), "stop"),
            (json!({"tools": [{"type": "function"}]}), "tools"),
            (json!({"functions": [{"name": "f"}]}), "functions"),
            (
                json!({"response_format": {"type": "json_object"}}),
                "response_format",
            ),
            (json!({"logprobs": true}), "logprobs"),
            (json!({"modalities": ["text", "audio"]}), "modalities"),
            (json!({"max_tokens": 0}), "max_tokens"),
            (json!({"max_completion_tokens": "many"}), "max_completion_tokens"),
            (json!({"stream": "yes"}), "stream"),
            (json!({"model": ""}), "model"),
            (
                json!({"messages": [{"role": "tool", "content": "x"}]}),
                "messages",
            ),
        ] {
            let refused = read(what.clone()).expect_err("refused");
            assert!(refused.starts_with(&format!("{param}: ")), "{what}: {refused}");
        }
        let both = read(json!({"max_tokens": 5, "max_completion_tokens": 7})).expect("read");
        assert_eq!(both.max_tokens, Some(7));
        let usage = read(json!({"stream": true, "stream_options": {"include_usage": true}})).expect("read");
        assert!(usage.stream && usage.with_usage);
    }

    #[test]
    fn pictures_are_kept_and_what_cannot_be_kept_is_refused() {
        let url = "data:image/png;base64,aGVsbG8=";
        let two = json!([{"type": "text", "text": "what is "}, {"type": "image_url", "image_url": {"url": url}},
            {"type": "text", "text": "this?"}]);
        let wanted = read(parts(two)).expect("read");
        assert_eq!(
            (wanted.prompt.text.as_str(), wanted.prompt.images.as_slice()),
            ("what is this?", &[url.to_owned()][..])
        );
        assert!(wanted.size() > PICTURE_TOKENS);
        let alone = read(parts(json!([{"type": "image_url", "image_url": {"url": url}}]))).expect("read");
        assert_eq!(alone.prompt.text, "");
        for part in [
            json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
            json!({"type": "image_url", "image_url": {"url": "data:text/html;base64,aGVsbG8="}}),
            json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,not base64"}}),
            json!({"type": "image_url"}),
            json!({"type": "input_audio", "input_audio": {"data": "aGVsbG8=", "format": "wav"}}),
            json!({"type": "file", "file": {"file_id": "f"}}),
            json!({"type": "text"}),
        ] {
            let refused = read(parts(json!([{"type": "text", "text": "x"}, part]))).expect_err("refused");
            assert!(
                refused.starts_with("messages: messages[0]: "),
                "{part}: {refused}"
            );
        }
    }
}
