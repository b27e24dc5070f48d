//! Emits the events of one run, in the order and shape of the protocol.

use super::{Order, Run};
use crate::core::Core;
use crate::error::StoreError;
use crate::hub::Audience;
use crate::rows;
use crate::store::messages::{NewMessage, StoredMessage};
use crate::time::now_ms;
use serde_json::{Value, json};

/// Publishes what happens in a run and writes its messages down.
pub(super) struct Emitter<'a> {
    pub(super) core: &'a Core,
    pub(super) run: &'a Run,
    session_id: String,
    seq: u64,
    /// What was said so far as the inside of a JSON string. Every delta repeats it: so it is escaped once, not every time.
    said: String,
}

impl<'a> Emitter<'a> {
    pub(super) fn new(core: &'a Core, run: &'a Run, session_id: String) -> Self {
        Self {
            core,
            run,
            session_id,
            seq: 0,
            said: String::new(),
        }
    }

    fn audience(&self, tool: bool) -> Audience {
        Audience::Run {
            session: self.run.session.clone(),
            tool,
        }
    }

    fn chat(&mut self, mut fields: Value) {
        let (run, seq) = (self.run, self.seq);
        self.core.hub.publish("chat", self.audience(false), || {
            merge(
                &mut fields,
                json!({"runId": run.id, "sessionKey": run.session, "agentId": run.agent, "seq": seq}),
            );
            fields
        });
    }

    pub(super) fn agent(&mut self, stream: &str, data: Value) {
        self.seq += 1;
        let (run, seq) = (self.run, self.seq);
        let session_id = &self.session_id;
        self.core.hub.publish("agent", self.audience(stream == "tool" || stream == "item"), || {
            json!({"runId": run.id, "sessionKey": run.session, "sessionId": session_id, "agentId": run.agent,
                "stream": stream, "data": data, "seq": seq, "ts": now_ms(), "isHeartbeat": false})
        });
    }

    pub(super) fn status(&mut self, phase: &str) {
        self.agent("run_status", json!({ "phase": phase }));
        self.chat(json!({"state": "status", "phase": phase}));
    }

    /// More text.
    pub(super) fn delta(&mut self, delta: &str) {
        self.seq += 1;
        let quoted = Value::from(delta).to_string();
        self.said.push_str(inside(&quoted));
        let (run, seq, said, now) = (self.run, self.seq, &self.said, now_ms());
        self.core.hub.publish_text("agent", self.audience(false), || {
            let rest = json!({"runId": run.id, "sessionKey": run.session, "sessionId": self.session_id, "agentId": run.agent,
                "stream": "assistant", "seq": seq, "ts": now, "isHeartbeat": false});
            let item = Value::from(format!("{}:1", run.id));
            with(&rest, &[r#""data":{"text":""#, said, r#"","delta":"#, &quoted, r#","itemId":"#, &item.to_string(), "}"])
        });
        self.core.hub.publish_text("chat", self.audience(false), || {
            let rest = json!({"runId": run.id, "sessionKey": run.session, "agentId": run.agent, "seq": seq, "state": "delta"});
            let message = r#","message":{"role":"assistant","content":[{"type":"text","text":""#;
            with(
                &rest,
                &[r#""deltaText":"#, &quoted, message, said, r#""}],"timestamp":"#, &now.to_string(), "}"],
            )
        });
    }

    pub(super) fn finals(&mut self, said: &str, stop_reason: &str) {
        let mut fields = json!({"state": "final", "stopReason": stop_reason});
        if !said.is_empty() {
            merge(&mut fields, json!({"message": assistant(said)}));
        }
        self.chat(fields);
    }

    pub(super) fn aborted(&mut self, said: &str, reason: &str) {
        let mut fields = json!({"state": "aborted", "stopReason": reason});
        if !said.is_empty() {
            merge(&mut fields, json!({"message": assistant(said)}));
        }
        self.chat(fields);
    }

    /// A failure. Like the gateway it stands in for, it says so twice: in full, and once more with a low number.
    pub(super) fn failed(&mut self, message: &str, reason: &str) {
        let detail = json!({"provider": self.core.agent.provider(), "model": self.core.agent.model(), "failoverReason": reason});
        self.chat(json!({"state": "error", "errorMessage": message, "errorDetail": detail}));
        let run = self.run;
        self.core.hub.publish("chat", self.audience(false), || {
            json!({"runId": run.id, "sessionKey": run.session, "agentId": run.agent, "seq": 1, "state": "error",
                "errorMessage": format!("⚠️ Agent failed before reply: {message}")})
        });
    }

    /// Writes a message down and shows it to those who follow the transcript.
    pub(super) fn record(
        &self,
        role: &'static str,
        text: &str,
        body: Value,
    ) -> Result<StoredMessage, StoreError> {
        let run = (role != "user").then(|| self.run.id.clone());
        let ts = now_ms();
        let mut body = body;
        merge(&mut body, json!({"role": role, "timestamp": ts}));
        let stored = self.core.store.append_message(NewMessage {
            session: self.run.session.clone(),
            run,
            role,
            ts,
            text: text.to_owned(),
            body,
        })?;
        let audience = Audience::Message {
            session: self.run.session.clone(),
        };
        self.core.hub.publish("session.message", audience, || {
            let mut payload = json!({"sessionKey": self.run.session, "agentId": self.run.agent,
                "message": stored.wire, "messageId": stored.id, "messageSeq": stored.seq});
            if let Ok(Some(record)) = self.core.store.session(&self.run.session) {
                merge(&mut payload, json!({"session": rows::row(self.core, &record)}));
            }
            payload
        });
        Ok(stored)
    }
}

/// What stands between the quotes of a JSON string.
fn inside(quoted: &str) -> &str {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
}

/// An object as text, with members that are text already.
fn with(object: &Value, members: &[&str]) -> String {
    let mut text = object.to_string();
    text.pop();
    text.reserve(members.iter().map(|part| part.len()).sum::<usize>() + 2);
    text.push(',');
    text.extend(members.iter().copied());
    text.push('}');
    text
}

fn assistant(text: &str) -> Value {
    json!({"role": "assistant", "content": [{"type": "text", "text": text}], "timestamp": now_ms()})
}

pub(super) fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}

/// The user's message as the transcript has it.
pub(super) fn user_body(order: &Order) -> Value {
    let key = format!("{}:user", order.run_id);
    if order.attachment_parts.is_empty() {
        return json!({"content": order.text, "idempotencyKey": key});
    }
    let mut parts = vec![json!({"type": "text", "text": order.text})];
    parts.extend(order.attachment_parts.iter().cloned());
    json!({"content": parts, "idempotencyKey": key})
}
