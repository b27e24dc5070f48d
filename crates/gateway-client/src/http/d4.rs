//! D4 `chat-v1`.

use super::Dialect;
use super::read::{list, text};
use super::spec::{Call, Mapped, Piece, Place, SESSIONS, Spec, Turns, as_it_is, part};
use crate::{Capabilities, Prompt};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const SPEC: Spec = Spec {
    dialect: Dialect::Chat,
    can: Capabilities {
        streaming: true,
        ..SESSIONS
    },
    health: "/api/v1/health",
    is_health: |answer| answer.is_good() && answer.json.is_some(),
    sessions: Some(|agent, _| Call::get(format!("/api/v1/agents/{}/sessions", part(agent)))),
    history: Some(|place, limit| Call::get(session(place)).with("limit", limit)),
    send: |place, prompt, _, limit| Call::post("/api/v1/chat", body(place, prompt, false)).within(limit),
    stream: Some(|place, prompt, _: &Turns, limit: Duration| {
        Call::post("/api/v1/chat/stream", body(place, prompt, true)).within(limit)
    }),
    piece,
    method,
    names_sessions: false,
};

/// Without `sessionId` the prompt goes to the agent's main session.
fn body(place: &Place, prompt: &Prompt, stream: bool) -> Value {
    let mut body = json!({"agentId": place.agent, "message": prompt.text, "stream": stream});
    let session = match &place.id {
        Some(id) => Some(id.as_str()),
        None if place.main => None,
        None => Some(place.short()),
    };
    if let (Some(body), Some(session)) = (body.as_object_mut(), session) {
        body.insert("sessionId".to_owned(), session.into());
    }
    body
}

fn session(place: &Place) -> String {
    let name = place.id.as_deref().unwrap_or_else(|| place.short());
    format!("/api/v1/agents/{}/sessions/{}", part(&place.agent), part(name))
}

fn piece(event: &Value) -> Vec<Piece> {
    let content = || text(event, &["content", "text"]).unwrap_or_default().to_owned();
    match text(event, &["type"]) {
        Some("text") => vec![Piece::Text(content())],
        Some("tool_use") => vec![Piece::Tool {
            name: text(event, &["name", "tool"]).unwrap_or("tool").to_owned(),
            input: event.get("input").cloned().unwrap_or_default(),
        }],
        Some("tool_result") => vec![result(event)],
        Some("end") => vec![Piece::End { stop_reason: None }],
        Some("error") => vec![failed(event)],
        Some(_) | None => Vec::new(),
    }
}

/// Also D5's.
pub(crate) fn result(event: &Value) -> Piece {
    let output = event.get("output").unwrap_or(&Value::Null);
    Piece::Result {
        name: text(event, &["tool", "name"]).map(str::to_owned),
        output: output.as_str().map_or_else(|| output.to_string(), str::to_owned),
        failed: event.get("isError") == Some(&Value::Bool(true)),
    }
}

/// Also D5's.
pub(crate) fn failed(event: &Value) -> Piece {
    let said = text(event, &["message", "error", "content"]);
    Piece::Error(said.unwrap_or("the agent failed").to_owned())
}

fn method(name: &str, _: &Value, place: &Place) -> Option<Mapped> {
    Some(match name {
        "agents.list" => (Call::get("/api/v1/agents"), agents),
        "tools.catalog" => (
            Call::get(format!("/api/v1/agents/{}/tools", part(&place.agent))),
            as_it_is,
        ),
        "sessions.describe" => (Call::get(session(place)), as_it_is),
        "sessions.delete" => (Call::new(Method::DELETE, session(place)), as_it_is),
        "sessions.reset" => (
            Call::new(Method::POST, format!("{}/clear", session(place))),
            as_it_is,
        ),
        _ => return None,
    })
}

fn agents(value: Value) -> Value {
    let agents = list(&value, &["agents"]);
    let default = agents
        .iter()
        .find(|agent| agent.get("isDefault").or(agent.get("default")) == Some(&Value::Bool(true)))
        .or(agents.first())
        .and_then(|agent| text(agent, &["id", "agentId"]).or(agent.as_str()))
        .unwrap_or("main");
    let rows = agents.iter().filter_map(|agent| match agent.as_str() {
        Some(id) => Some(json!({ "id": id })),
        None => Some(
            json!({"id": text(agent, &["id", "agentId"])?, "name": text(agent, &["name", "label"]),
            "model": text(agent, &["model"])}),
        ),
    });
    json!({"defaultId": default, "agents": rows.collect::<Vec<_>>()})
}
