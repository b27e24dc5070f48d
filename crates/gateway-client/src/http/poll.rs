//! Finds replies to other clients on gateways that do not push.
//!
//! It compares the session list with the previous one and reads the sessions that changed.

use super::Inner;
use super::names::Exchange;
use crate::{CallError, GatewayEvent, RunStep};
use clawtray_gateway_protocol::{Message, Role};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

/// Messages of a session that are read when it moved.
const MESSAGES: u32 = 20;
/// Sessions that are read in one look at most; the rest waits for the next.
const SESSIONS: usize = 20;

/// What the last look saw.
#[derive(Debug, Default)]
pub(crate) struct Polls {
    /// The first look tells nothing: all that is there is history.
    begun: bool,
    seen: HashMap<String, Seen>,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    /// Changes whenever somebody says something.
    print: String,
    /// The newest message that was told, in milliseconds since the epoch.
    until_ms: i64,
}

impl Polls {
    /// Compares, reads and tells.
    pub(crate) async fn look(&mut self, inner: &Inner) -> Result<(), CallError> {
        let rows = inner.rows().await?;
        let mut gone: HashSet<String> = self.seen.keys().cloned().collect();
        let mut moved = Vec::new();
        for (row, _, value) in &rows {
            let key = row.key.as_str();
            gone.remove(key);
            let at = row.updated_at.unwrap_or_default();
            let print = print(value);
            match self.seen.get(key) {
                Some(known) if known.print == print => {}
                _ if !self.begun => {
                    self.seen.insert(key.to_owned(), Seen { print, until_ms: at });
                }
                known => {
                    let until_ms = known.map_or(0, |known| known.until_ms);
                    moved.push((key.to_owned(), print, until_ms, at));
                }
            }
        }
        // A prompt of ours is told by its own run.
        moved.retain(|(key, _, _, _)| !inner.names().busy.contains_key(key));
        moved.truncate(SESSIONS);
        for (key, print, until_ms, at) in moved {
            let place = inner.names().place(&key);
            let messages = match inner.messages(&place, MESSAGES, 0).await {
                Ok((messages, _)) => messages,
                // Not for this key: that it moved is all there is to tell.
                Err(CallError::Gateway(_) | CallError::Unsupported(_)) => Vec::new(),
                Err(error) => return Err(error),
            };
            let newest = messages
                .iter()
                .filter_map(|message| message.timestamp)
                .max()
                .unwrap_or_default();
            tell(inner, &key, messages, until_ms);
            inner.fanout.emit(GatewayEvent::SessionChanged {
                session: key.as_str().into(),
                reason: Some("message".to_owned()),
                delta: json!({"updatedAt": at, "lastInteractionAt": at}).into(),
            });
            let until_ms = newest.max(until_ms);
            self.seen.insert(key, Seen { print, until_ms });
        }
        for key in gone {
            self.seen.remove(&key);
            inner.fanout.emit(GatewayEvent::SessionChanged {
                session: key.as_str().into(),
                reason: Some("delete".to_owned()),
                delta: Value::Null.into(),
            });
        }
        self.begun = true;
        Ok(())
    }
}

/// Tells messages that are newer than what was told and not ours, as a pushing gateway would.
fn tell(inner: &Inner, key: &str, messages: Vec<Message>, until_ms: i64) {
    let ours = |message: &Message| message.meta.run_id.is_some() || message.idempotency_key.is_some();
    let news = messages
        .into_iter()
        .filter(|message| message.timestamp.is_some_and(|at| at > until_ms) && !ours(message));
    for mut message in news {
        let text = message.text();
        if message.role != Role::Assistant || text.trim().is_empty() {
            inner.fanout.emit(GatewayEvent::Message {
                session: key.into(),
                message: Box::new(message),
            });
            continue;
        }
        let run = match &message.meta.id {
            Some(id) => format!("seen-{id}"),
            None => format!("seen-{}-{}", message.timestamp.unwrap_or_default(), text.len()),
        };
        let exchange = Exchange::found(key, &run, &text, &message);
        inner.names().exchanged(exchange);
        message.meta.run_id = Some(run.as_str().into());
        let step = RunStep::Final {
            message: Some(Box::new(message)),
            stop_reason: Some("stop".to_owned()),
        };
        inner.emit_run(&run, key, 1, step);
    }
}

/// What changes in a row when somebody says something.
fn print(value: &Value) -> String {
    let fields = [
        "lastActivity",
        "lastActiveAt",
        "updatedAt",
        "lastMessageAt",
        "messageCount",
        "tokensUsed",
    ];
    let told: Vec<&Value> = fields.iter().filter_map(|name| value.get(name)).collect();
    json!(told).to_string()
}
