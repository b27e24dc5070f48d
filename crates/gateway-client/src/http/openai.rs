//! OpenAI chat completions. The gateway stores nothing, so each prompt carries the conversation.

use super::Dialect;
use super::spec::{Call, Piece, Place, SESSIONS, Spec, Turns, no_method};
use crate::{Capabilities, Prompt};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const SPEC: Spec = Spec {
    dialect: Dialect::OpenAi,
    can: Capabilities {
        streaming: true,
        history: false,
        sessions: false,
        ..SESSIONS
    },
    health: "/v1/models",
    is_health: |answer| {
        let data = answer.json.as_ref().and_then(|body| body.get("data"));
        answer.is_good() && data.is_some_and(Value::is_array)
    },
    sessions: None,
    history: None,
    send: |place, prompt, turns, limit| call(place, prompt, turns, false).within(limit),
    stream: Some(|place, prompt, turns: &Turns, limit: Duration| {
        call(place, prompt, turns, true).within(limit)
    }),
    piece,
    method: no_method,
    names_sessions: false,
};

fn call(place: &Place, prompt: &Prompt, turns: &Turns, stream: bool) -> Call {
    let now = ("user", prompt.text.clone());
    let messages: Vec<Value> = turns
        .iter()
        .chain([&now])
        .map(|(role, content)| json!({"role": role, "content": content}))
        .collect();
    // The model that the server named first stands in for the agent.
    let body = json!({"model": place.agent, "messages": messages, "stream": stream});
    Call::post("/v1/chat/completions", body)
}

fn piece(chunk: &Value) -> Vec<Piece> {
    if let Some(error) = chunk.get("error") {
        let said = error.get("message").or(Some(error)).and_then(Value::as_str);
        return vec![Piece::Error(said.unwrap_or("the agent failed").to_owned())];
    }
    let mut out = Vec::new();
    let choice = chunk.pointer("/choices/0").unwrap_or(&Value::Null);
    if let Some(text) = choice.pointer("/delta/content").and_then(Value::as_str)
        && !text.is_empty()
    {
        out.push(Piece::Text(text.to_owned()));
    }
    if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
        out.push(Piece::End {
            stop_reason: Some(reason.to_owned()),
        });
    }
    out
}
