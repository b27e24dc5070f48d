//! D5 `messages-v1`.

use super::Dialect;
use super::read::text;
use super::spec::{Call, Mapped, Piece, Place, SESSIONS, Spec, Turns, as_it_is, part};
use super::{d4, wire::Answer};
use crate::{Capabilities, Prompt};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// The user that this client speaks for.
pub(crate) const USER: &str = "owner";
/// The workspace of a gateway that lists none.
pub(crate) const WORKSPACE: &str = "default";

pub(crate) const SPEC: Spec = Spec {
    dialect: Dialect::Messages,
    can: Capabilities {
        streaming: true,
        ..SESSIONS
    },
    health: "/api/v1/health",
    is_health: |answer: &Answer| answer.is_good() && answer.json.is_some(),
    sessions: Some(|_, limit| Call::get("/api/v1/sessions").with("limit", limit)),
    history: Some(|place, limit| {
        Call::get(format!("/api/v1/sessions/{}/history", part(place.name()))).with("limit", limit)
    }),
    send: |place, prompt, _, limit| Call::post("/api/v1/messages", body(place, prompt)).within(limit),
    stream: Some(|place, prompt, _: &Turns, limit: Duration| {
        Call::post("/api/v1/messages/stream", body(place, prompt)).within(limit)
    }),
    piece,
    method,
    names_sessions: true,
};

/// A session gets its id from the gateway: one that has none yet is asked for by leaving it out.
fn body(place: &Place, prompt: &Prompt) -> Value {
    let mut body = json!({"workspace": place.workspace, "userId": USER, "message": prompt.text});
    if let (Some(body), Some(id)) = (body.as_object_mut(), &place.id) {
        body.insert("sessionId".to_owned(), id.as_str().into());
    }
    body
}

fn piece(event: &Value) -> Vec<Piece> {
    match text(event, &["type"]) {
        Some("token") => vec![Piece::Text(
            text(event, &["content"]).unwrap_or_default().to_owned(),
        )],
        Some("tool_use") => vec![Piece::Tool {
            name: text(event, &["tool", "name"]).unwrap_or("tool").to_owned(),
            input: event.get("input").cloned().unwrap_or_default(),
        }],
        Some("tool_result") => vec![d4::result(event)],
        Some("done") => {
            let session = text(event, &["sessionId"]).map(|id| Piece::Session(id.to_owned()));
            let end = Piece::End {
                stop_reason: text(event, &["finishReason"]).map(str::to_owned),
            };
            let message = text(event, &["messageId"]).map(|id| Piece::Message(id.to_owned()));
            session.into_iter().chain(message).chain([end]).collect()
        }
        Some("error") => vec![d4::failed(event)],
        Some(_) | None => Vec::new(),
    }
}

fn method(name: &str, _: &Value, place: &Place) -> Option<Mapped> {
    let path = format!("/api/v1/sessions/{}", part(place.name()));
    Some(match name {
        "sessions.describe" => (Call::get(path), as_it_is),
        "sessions.delete" | "sessions.reset" => (Call::new(Method::DELETE, path), as_it_is),
        "usage.cost" => (Call::get("/api/v1/stats"), as_it_is),
        _ => return None,
    })
}
