//! D2 `sessions-list`.

use super::spec::{Call, Mapped, Place, SESSIONS, Spec, Turns, as_it_is, no_piece};
use super::{Dialect, d1};
use crate::Prompt;
use serde_json::{Value, json};
use std::time::Duration;

/// Time that the answer may take longer than the agent's own limit.
const ON_THE_WAY: Duration = Duration::from_secs(30);

pub(crate) const SPEC: Spec = Spec {
    dialect: Dialect::SessionsList,
    can: SESSIONS,
    // It has no health call; the list answers whenever the gateway lives.
    health: "/api/sessions/list",
    is_health: |answer| {
        answer.is_good()
            && answer
                .json
                .as_ref()
                .is_some_and(|body| body.is_array() || body.get("sessions").is_some_and(Value::is_array))
    },
    sessions: Some(|_, limit| {
        Call::get("/api/sessions/list")
            .with("limit", limit)
            .with("messageLimit", 1)
    }),
    history: Some(d1::history),
    send,
    stream: None,
    piece: no_piece,
    method,
    names_sessions: false,
};

fn send(place: &Place, prompt: &Prompt, _: &Turns, limit: Duration) -> Call {
    let body = json!({
        "sessionKey": place.name(), "message": prompt.text, "timeoutSeconds": limit.as_secs().max(1),
    });
    Call::post("/api/sessions/send", body).within(limit + ON_THE_WAY)
}

fn method(name: &str, params: &Value, place: &Place) -> Option<Mapped> {
    match name {
        "cron.add" => {
            let mut job = json!({});
            for field in ["name", "schedule", "payload", "sessionTarget"] {
                if let (Some(job), Some(value)) = (job.as_object_mut(), params.get(field)) {
                    job.insert(field.to_owned(), value.clone());
                }
            }
            Some((Call::post("/api/cron/add", json!({ "job": job })), as_it_is))
        }
        "sessions.describe" | "sessions.usage" => Some((
            Call::get("/api/session/status").with("sessionKey", place.name()),
            as_it_is,
        )),
        _ => None,
    }
}
