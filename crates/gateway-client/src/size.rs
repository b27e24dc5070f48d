//! How much memory what a gateway said takes, estimated without looking at every byte.
//!
//! The sum that one connection may hold, whatever the gateway sends:
//!
//! | what | bytes |
//! |---|---|
//! | a frame that is being read, and what is made of it | 32 MiB, and about 128 MiB ([`VALUES_MAX`]) |
//! | events for each consumer | [`crate::fanout::BYTES_MAX`] (32 MiB), or one event that is larger |
//! | the connection's state | below 600 KiB |
//! | runs that are remembered | 256 of below 4 KiB |
//! | approvals that are remembered | 1,000 of below 2 KiB |
//!
//! On HTTP an answer has 16 MiB at most, a reply under way 16 MiB, an event of a stream 8 MiB.

use crate::{Approval, GatewayEvent, RunStep};
use clawtray_gateway_protocol::{ContentPart, Message};
use serde_json::Value;

/// What an event has beside its texts, and what a JSON value takes, in bytes.
const BASE: usize = 256;
const VALUE: usize = 32;
/// JSON values in one text that is parsed to values: each takes 32 to 128 bytes, however short it is written.
pub(crate) const VALUES_MAX: usize = 1_000_000;

/// Whether a JSON text has too many values to be parsed to values. Commas inside of strings count, too.
pub(crate) fn is_crowded(text: &str) -> bool {
    text.len() > VALUES_MAX && text.bytes().filter(|byte| *byte == b',').count() > VALUES_MAX
}

/// What an event takes in memory, in bytes.
pub(crate) fn of_event(event: &GatewayEvent) -> usize {
    let own = match event {
        GatewayEvent::Connected { .. }
        | GatewayEvent::Resync
        | GatewayEvent::SessionsChanged { .. }
        | GatewayEvent::ApprovalResolved { .. }
        | GatewayEvent::Shutdown { .. } => 0,
        GatewayEvent::Run(event) => of_step(&event.step),
        GatewayEvent::Message { message, .. } => of_message(message),
        GatewayEvent::SessionChanged { delta, .. } => delta.size(),
        GatewayEvent::ApprovalRequested(approval) => of_approval(approval),
        GatewayEvent::Health(value) => of_value(value),
        GatewayEvent::Other { payload, .. } => of_value(payload),
    };
    own.saturating_add(BASE)
}

fn of_step(step: &RunStep) -> usize {
    match step {
        RunStep::Status { phase } => phase.len(),
        RunStep::Delta { text, .. } | RunStep::Thinking { text } => text.len(),
        RunStep::Tool {
            call_id,
            name,
            arguments,
            output,
            ..
        } => {
            let output = output.as_ref().map_or(0, String::len);
            call_id.len() + name.len() + arguments.as_ref().map_or(0, of_value) + output
        }
        RunStep::Final { message, .. } | RunStep::Aborted { message } => {
            message.as_deref().map_or(0, of_message)
        }
        RunStep::Error { message } => message.len(),
    }
}

fn of_message(message: &Message) -> usize {
    message
        .content
        .iter()
        .map(|part| match part {
            ContentPart::Text { text } => VALUE + text.len(),
            ContentPart::Thinking { thinking } => VALUE + thinking.len(),
            ContentPart::ToolCall { id, name, arguments } => {
                VALUE + id.len() + name.len() + of_value(arguments)
            }
            ContentPart::Image(value) | ContentPart::Other(value) => of_value(value),
        })
        .sum()
}

fn of_approval(approval: &Approval) -> usize {
    approval.title.len() + approval.detail.as_ref().map_or(0, String::len)
}

/// The parser does not go deeper than 128 levels.
fn of_value(value: &Value) -> usize {
    VALUE
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(of_value).sum(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| VALUE + name.len() + of_value(value))
                .sum(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn small_values_count_by_what_they_take() {
        let list = json!(vec![0; 1_000]);
        assert!(of_value(&list) >= 32_000);
        let health = GatewayEvent::Health(json!({"text": "x".repeat(5_000)}));
        assert!((5_000..6_000).contains(&of_event(&health)));
    }

    #[test]
    fn a_text_is_crowded_by_its_values() {
        assert!(is_crowded(&format!("[{}0]", "0,".repeat(VALUES_MAX + 1))));
        assert!(!is_crowded(&format!("\"{}\"", "prose ".repeat(VALUES_MAX))));
        assert!(!is_crowded("[0,1]"));
    }
}
