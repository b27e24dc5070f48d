//! Reads the directives in a prompt.

use serde_json::Value;
use std::time::Duration;

/// The answer to `[[md]]`: one of each thing a transcript has to draw.
pub const MARKDOWN: &str = "# Heading one\n\nA paragraph with **bold**, *emphasis*, `code` and a [link](https://example.com/page).\n\n\
- first\n- second\n  - nested\n\n1. one\n2. two\n\n> A quotation.\n\n```rust\nfn main() {\n    println!(\"<b>not markup</b>\");\n}\n```\n\n\
| left | right |\n|---|---|\n| a | b |\n\n<script>alert(1)</script>\n\nThe end.";

/// The directives of one prompt, with defaults for what it does not say.
#[derive(Debug, PartialEq)]
pub(super) struct Directives {
    pub reply: String,
    /// The name of a text that was taught; it takes the place of `reply`.
    pub taught: Option<String>,
    pub chunks: usize,
    pub delay: Duration,
    pub think: bool,
    pub tools: Vec<ToolCall>,
    pub error: Option<u16>,
    pub hang: bool,
    pub cut: bool,
    pub hold: Option<String>,
}

#[derive(Debug, PartialEq)]
pub(super) struct ToolCall {
    pub name: String,
    /// JSON, as text.
    pub arguments: String,
}

impl Directives {
    pub(super) fn parse(text: &str) -> Self {
        let mut found = Self {
            reply: String::new(),
            taught: None,
            chunks: 12,
            delay: Duration::from_millis(5),
            think: false,
            tools: Vec::new(),
            error: None,
            hang: false,
            cut: false,
            hold: None,
        };
        let mut reply = None;
        let mut rest = text;
        while let Some((_, after)) = rest.split_once("[[") {
            rest = after;
            if let Some((call, after)) = tool(after) {
                found.tools.push(call);
                rest = after;
                continue;
            }
            let Some((directive, after)) = after.split_once("]]") else {
                break;
            };
            let (name, value) = directive.split_once(':').unwrap_or((directive, ""));
            match name {
                "say" => reply = Some(value.to_owned()),
                "text" => found.taught = Some(value.to_owned()),
                "md" => reply = Some(MARKDOWN.to_owned()),
                "bytes" => reply = value.parse().ok().map(|count| "x".repeat(count)),
                "n" => found.chunks = value.parse().unwrap_or(found.chunks).max(1),
                "d" => found.delay = value.parse().map_or(found.delay, Duration::from_millis),
                "think" => found.think = true,
                "err" => found.error = value.parse().ok(),
                "hang" => found.hang = true,
                "cut" => found.cut = true,
                "hold" => found.hold = Some(value.to_owned()),
                // Not a directive: brackets in a user's own text.
                _ => continue,
            }
            rest = after;
        }
        found.reply = reply.unwrap_or_else(|| words(found.chunks));
        found
    }

    /// The reply in pieces that a client gets one by one.
    pub(super) fn pieces(&self) -> Vec<String> {
        let letters: Vec<char> = self.reply.chars().collect();
        let size = letters.len().div_ceil(self.chunks).max(1);
        letters.chunks(size).map(|piece| piece.iter().collect()).collect()
    }
}

/// `tool:NAME {…}]]` at the start of `text`, and what follows it. The arguments may hold brackets themselves.
fn tool(text: &str) -> Option<(ToolCall, &str)> {
    let (name, after) = text.strip_prefix("tool:")?.split_once(' ')?;
    let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
    let arguments = values.next()?.ok()?;
    let rest = after
        .get(values.byte_offset()..)?
        .trim_start()
        .strip_prefix("]]")?;
    Some((
        ToolCall {
            name: name.to_owned(),
            arguments: arguments.to_string(),
        },
        rest,
    ))
}

fn words(count: usize) -> String {
    let words: Vec<String> = (0..count).map(|i| format!("word{i}")).collect();
    words.join(" ") + "."
}
