//! The few tools of the built-in agent.

use serde_json::{Value, json};

/// A tool of the built-in agent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
}

pub(crate) const TOOLS: [Tool; 2] = [
    Tool {
        name: "current_time",
        description: "The current date and time, in a time zone of the IANA database (argument \"tz\", default UTC).",
    },
    Tool {
        name: "word_count",
        description: "Counts the words and characters of a text (argument \"text\").",
    },
];

impl Tool {
    /// JSON Schema of the arguments.
    pub(crate) fn parameters(&self) -> Value {
        match self.name {
            "word_count" => {
                json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]})
            }
            _ => json!({"type": "object", "properties": {"tz": {"type": "string"}}}),
        }
    }
}

/// Runs a tool: its output, and whether it failed.
pub(crate) fn call(name: &str, input: &Value) -> (String, bool) {
    match name {
        "current_time" => {
            let tz = input.get("tz").and_then(Value::as_str).unwrap_or("UTC");
            match jiff::Timestamp::now().in_tz(tz) {
                Ok(now) => (now.strftime("%A, %Y-%m-%d %H:%M:%S %Z").to_string(), false),
                Err(_) => (format!("there is no time zone \"{tz}\""), true),
            }
        }
        "word_count" => {
            let text = input.get("text").and_then(Value::as_str).unwrap_or_default();
            (
                format!(
                    "{} words, {} characters",
                    text.split_whitespace().count(),
                    text.chars().count()
                ),
                false,
            )
        }
        other => (format!("there is no tool \"{other}\" here"), true),
    }
}
