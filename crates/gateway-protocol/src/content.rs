//! Messages and their content parts, as in `chat.history` and `session.message`.

use crate::{MessageId, RunId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who wrote a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// The person.
    User,
    /// The agent.
    Assistant,
    /// The output of a tool.
    #[serde(alias = "tool")]
    ToolResult,
    /// The gateway itself.
    System,
    /// A role that this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// One part of a message's content. Unknown kinds are kept whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum ContentPart {
    /// Text, Markdown by convention.
    #[serde(rename = "text")]
    Text {
        /// The text.
        #[serde(default)]
        text: String,
    },
    /// The model's reasoning.
    #[serde(rename = "thinking")]
    Thinking {
        /// The reasoning text.
        #[serde(default)]
        thinking: String,
    },
    /// A tool the agent called.
    #[serde(rename = "toolCall", alias = "tool_use", alias = "tool_call")]
    ToolCall {
        /// The call's id; the matching result names it.
        #[serde(default)]
        id: String,
        /// The tool's name.
        #[serde(default)]
        name: String,
        /// The arguments as given.
        #[serde(default, alias = "input")]
        arguments: Value,
    },
    /// An inline or referenced image.
    #[serde(rename = "image")]
    Image(Value),
    /// A part that this version does not know.
    #[serde(untagged)]
    Other(Value),
}

/// A message of a transcript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Who wrote it.
    pub role: Role,
    /// What it says. The gateway sends a bare string for user messages and a list for the agent's.
    #[serde(default, deserialize_with = "parts")]
    pub content: Vec<ContentPart>,
    /// When it was written, in milliseconds since the epoch.
    #[serde(default)]
    pub timestamp: Option<i64>,
    /// `<idempotency key>:user` on a message that a client sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Why the agent stopped: `stop`, `toolUse`, `aborted`, `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<String>,
    /// What went wrong, on an assistant message that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// On a tool result: the call it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// On a tool result: the tool's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_name: Option<String>,
    /// On a tool result: whether the tool failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_error: Option<bool>,
    /// The model that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The gateway's own annotations.
    #[serde(default, rename = "__openclaw")]
    pub meta: MessageMeta,
}

/// `__openclaw` of a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageMeta {
    /// The message's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// The run that produced it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// Its place in the transcript, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The gateway shows less of the message than it has.
    #[serde(default, skip_serializing_if = "is_false")]
    pub truncated: bool,
    /// Why it shows less: `display-cap` for a text that was shortened, `oversized` for one that was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What the gateway did to a message that is longer than it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It shows the beginning.
    Shortened,
    /// It shows nothing.
    Omitted,
}

/// What the gateway writes in place of a message that is too large for a page.
const OMITTED: &str = "[chat.history omitted: message too large]";
/// What the gateway writes in place of a page that is too large. It names no message.
const UNAVAILABLE: &str =
    "[chat.history unavailable: transcript too large to display; the full history is preserved on disk]";
/// What the gateway writes behind a text that it shortened.
const SHORTENED: &str = "\n...(truncated)...";

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Message {
    /// The text parts, joined.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for part in &self.content {
            if let ContentPart::Text { text } = part {
                out.push_str(text);
            }
        }
        out
    }

    /// What the gateway did to the message, when it shows less than it has.
    #[must_use]
    pub fn cut(&self) -> Option<Cut> {
        match self.meta.reason.as_deref() {
            _ if !self.meta.truncated => None,
            Some("oversized") => Some(Cut::Omitted),
            Some(_) | None => Some(Cut::Shortened),
        }
    }

    /// Removes the gateway's own words from a message that it cut: nobody in the conversation said them. What was done
    /// to the message stays readable in [`Self::cut`].
    pub fn remove_cut_marks(&mut self) {
        if self.meta.id.is_none() && self.text() == UNAVAILABLE {
            self.meta.truncated = true;
            self.meta.reason = Some("oversized".to_owned());
        }
        match self.cut() {
            None => {}
            Some(Cut::Omitted) => self.content.retain(
                |part| !matches!(part, ContentPart::Text { text } if text == OMITTED || text == UNAVAILABLE),
            ),
            Some(Cut::Shortened) => {
                for part in &mut self.content {
                    if let ContentPart::Text { text } | ContentPart::Thinking { thinking: text } = part
                        && let Some(said) = text.strip_suffix(SHORTENED)
                    {
                        text.truncate(said.len());
                    }
                }
            }
        }
    }
}

/// A bare string, a list of parts, or, leniently, anything else as one part.
fn parts<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<ContentPart>, D::Error> {
    struct Parts;

    impl<'de> serde::de::Visitor<'de> for Parts {
        type Value = Vec<ContentPart>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("text or content parts")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }

        fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
            Ok(vec![ContentPart::Other(value.into())])
        }

        fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
            Ok(vec![ContentPart::Other(value.into())])
        }

        fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
            Ok(vec![ContentPart::Other(value.into())])
        }

        fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
            Ok(vec![ContentPart::Other(value.into())])
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(vec![ContentPart::Text {
                text: text.to_owned(),
            }])
        }

        fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
            Ok(vec![ContentPart::Text { text }])
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut parts = Vec::new();
            while let Some(part) = items.next_element()? {
                parts.push(part);
            }
            Ok(parts)
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
            let object = Value::deserialize(serde::de::value::MapAccessDeserializer::new(fields))?;
            Ok(vec![ContentPart::Other(object)])
        }
    }

    d.deserialize_any(Parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_gateways_words_are_taken_out_of_a_message_that_it_cut() {
        let read = |text: &str, meta: Value| {
            let mut message: Message = serde_json::from_value(
                json!({"role": "assistant", "content": [{"type": "text", "text": text}], "__openclaw": meta}),
            )
            .unwrap();
            message.remove_cut_marks();
            (message.text(), message.cut())
        };
        let shortened = json!({"id": "m", "truncated": true, "reason": "display-cap"});
        let omitted = json!({"id": "m", "truncated": true, "reason": "oversized"});
        assert_eq!(
            read("begin\n...(truncated)...", shortened),
            ("begin".to_owned(), Some(Cut::Shortened))
        );
        assert_eq!(read(OMITTED, omitted), (String::new(), Some(Cut::Omitted)));
        assert_eq!(read(UNAVAILABLE, json!({})), (String::new(), Some(Cut::Omitted)));
        // An agent that speaks of these words says them.
        for said in [OMITTED, UNAVAILABLE, "x\n...(truncated)..."] {
            assert_eq!(read(said, json!({"id": "m"})), (said.to_owned(), None));
        }
    }

    #[test]
    fn content_is_text_or_parts_or_anything() {
        for (content, expected) in [
            (json!("hi"), vec![ContentPart::Text { text: "hi".into() }]),
            (json!(null), vec![]),
            (
                json!([{"type": "text", "text": "a"}]),
                vec![ContentPart::Text { text: "a".into() }],
            ),
            (
                json!([{"type": "new", "x": 1}]),
                vec![ContentPart::Other(json!({"type": "new", "x": 1}))],
            ),
            (
                json!({"odd": true}),
                vec![ContentPart::Other(json!({"odd": true}))],
            ),
            (json!(3), vec![ContentPart::Other(json!(3))]),
        ] {
            let message: Message =
                serde_json::from_value(json!({"role": "user", "content": content})).unwrap();
            assert_eq!(message.content, expected);
        }
        let message: Message = serde_json::from_value(json!({"role": "newcomer"})).unwrap();
        assert_eq!(
            (message.role, message.content),
            (Role::Other("newcomer".into()), vec![])
        );
    }
}
