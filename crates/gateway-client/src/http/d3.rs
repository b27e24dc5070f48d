//! D3 `gateway`. Its socket is in `socket.rs`.

use super::Dialect;
use super::read::text;
use super::spec::{Call, Mapped, Piece, Place, SESSIONS, Spec, Turns, as_it_is, part};
use crate::{Capabilities, Prompt};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const SPEC: Spec = Spec {
    dialect: Dialect::Gateway,
    can: Capabilities {
        // By the socket; without one replies come whole.
        streaming: true,
        ..SESSIONS
    },
    health: "/api/status",
    is_health: |answer| {
        let ok = answer.json.as_ref().and_then(|body| body.get("ok"));
        answer.is_good() && ok == Some(&Value::Bool(true))
    },
    sessions: Some(|_, limit| Call::get("/api/sessions").with("limit", limit)),
    history: Some(|place, limit| {
        Call::get(format!("/api/sessions/{}/history", part(place.name()))).with("limit", limit)
    }),
    send,
    stream: None,
    piece,
    method,
    names_sessions: false,
};

fn send(place: &Place, prompt: &Prompt, _: &Turns, limit: Duration) -> Call {
    let path = format!("/api/sessions/{}/messages", part(place.name()));
    Call::post(path, json!({ "message": prompt.text })).within(limit)
}

/// A frame of the socket. `done` is not in the write-up; where it is missing, silence and the transcript tell the end.
fn piece(frame: &Value) -> Vec<Piece> {
    if let Some(error) = text(frame, &["error"]) {
        return vec![Piece::Error(error.to_owned())];
    }
    let mut out = Vec::new();
    if let Some(content) = text(frame, &["content"]) {
        out.push(Piece::Text(content.to_owned()));
    }
    let ends = frame.get("done") == Some(&Value::Bool(true))
        || matches!(text(frame, &["type"]), Some("done" | "end"));
    if ends {
        out.push(Piece::End { stop_reason: None });
    }
    out
}

fn method(name: &str, params: &Value, _: &Place) -> Option<Mapped> {
    let field = |path: &str| params.pointer(path).and_then(Value::as_str);
    Some(match name {
        "sessions.create" => {
            let label = field("/label").or_else(|| field("/key")).unwrap_or_default();
            let body = json!({"label": label, "target": "isolated"});
            (Call::post("/api/sessions", body), as_it_is)
        }
        "cron.list" => (Call::get("/api/cron"), jobs),
        "cron.add" => {
            let message = field("/payload/message").or_else(|| field("/payload/text"));
            let mut body =
                json!({"name": field("/name"), "cron": field("/schedule/expr"), "message": message});
            if let (Some(body), Some(tz)) = (body.as_object_mut(), field("/schedule/tz")) {
                body.insert("tz".to_owned(), tz.into());
            }
            (Call::post("/api/cron", body), job)
        }
        "cron.remove" => {
            let path = format!("/api/cron/{}", part(field("/id").unwrap_or_default()));
            (Call::new(Method::DELETE, path), as_it_is)
        }
        _ => return None,
    })
}

fn jobs(value: Value) -> Value {
    let jobs = super::read::list(&value, &["jobs"]);
    json!({ "jobs": jobs.iter().cloned().map(job).collect::<Vec<_>>() })
}

/// A job in the native shape: what the write-up calls `cron`, `tz` and `message`.
fn job(mut value: Value) -> Value {
    let schedule = json!({"kind": "cron", "expr": text(&value, &["cron"]).unwrap_or_default(), "tz": text(&value, &["tz"])});
    let payload = json!({"kind": "agentTurn", "message": text(&value, &["message"]).unwrap_or_default()});
    if let Some(fields) = value.as_object_mut() {
        fields.entry("schedule").or_insert(schedule);
        fields.entry("payload").or_insert(payload);
        fields.entry("enabled").or_insert(Value::Bool(true));
        fields.entry("sessionTarget").or_insert("isolated".into());
    }
    value
}
