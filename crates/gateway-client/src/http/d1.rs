//! D1 `sessions`.

use super::Dialect;
use super::spec::{Call, Place, SESSIONS, Spec, Turns, no_method, no_piece};
use super::wire::Answer;
use crate::Prompt;
use serde_json::json;
use std::time::Duration;

pub(crate) const SPEC: Spec = Spec {
    dialect: Dialect::Sessions,
    can: SESSIONS,
    health: "/api/health",
    // Any 200 is health; a web page is none.
    is_health: Answer::is_good,
    sessions: Some(|_, limit| Call::get("/api/sessions").with("limit", limit)),
    history: Some(history),
    send,
    stream: None,
    piece: no_piece,
    method: no_method,
    names_sessions: true,
};

/// A session that the gateway knows goes by its key; else the agent makes one.
fn send(place: &Place, prompt: &Prompt, _: &Turns, limit: Duration) -> Call {
    let body = if place.id.is_none() && place.main {
        json!({"message": prompt.text, "agentId": place.agent})
    } else {
        json!({"message": prompt.text, "sessionKey": place.name()})
    };
    Call::post("/api/sessions/send", body).within(limit)
}

/// Also D2's.
pub(crate) fn history(place: &Place, limit: u32) -> Call {
    Call::get("/api/sessions/history")
        .with("sessionKey", place.name())
        .with("limit", limit)
        .with("includeTools", false)
}
