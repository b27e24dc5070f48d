//! Jobs, with the paths and fields of D2 (`/api/cron/add`) and of D3 (`/api/cron`).

use super::Http;
use super::auth::Caller;
use super::body::{Fields, PathMap, object};
use super::error::Refused;
use crate::keys::Permission;
use crate::time::iso;
use crate::ws::merge;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

/// The fields of a payload that may be set over HTTP.
const PAYLOAD: [&str; 6] = ["kind", "message", "text", "model", "thinking", "timeoutSeconds"];

/// A job as both dialects read it: the protocol's fields, and D3's `cron`, `tz` and `message` beside them.
fn view(job: &Value) -> Value {
    let mut out = json!({});
    for name in [
        "id",
        "name",
        "enabled",
        "schedule",
        "payload",
        "sessionTarget",
        "createdAtMs",
        "nextRunAtMs",
        "state",
    ] {
        if let Some(value) = job.get(name) {
            merge(&mut out, json!({ name: value }));
        }
    }
    let text = |path: &str| job.pointer(path).and_then(Value::as_str);
    let next = job.get("nextRunAtMs").and_then(Value::as_i64).map(iso);
    let last = job.pointer("/state/lastRunAtMs").and_then(Value::as_i64).map(iso);
    let message = text("/payload/message").or(text("/payload/text"));
    merge(
        &mut out,
        json!({"cron": text("/schedule/expr"), "tz": text("/schedule/tz"), "message": message,
        "nextRunAt": next, "lastRunAt": last, "lastStatus": job.pointer("/state/lastStatus")}),
    );
    out
}

/// `GET /api/cron`.
pub(crate) async fn list(State(http): State<Arc<Http>>, caller: Caller) -> Result<Json<Vec<Value>>, Refused> {
    caller.need(Permission::SessionsRead)?;
    caller.need_default()?;
    Ok(Json(http.backend.cron_list().await?.iter().map(view).collect()))
}

/// `POST /api/cron`: `{"name","cron","tz","message"}`.
pub(crate) async fn create(
    State(http): State<Arc<Http>>,
    caller: Caller,
    request: Request,
) -> Result<Json<Value>, Refused> {
    may_add(&caller)?;
    let fields = object(&http, request.into_body()).await?;
    let mut schedule = json!({"kind": "cron", "expr": fields.str("cron")?});
    if let Some(tz) = fields.opt_str("tz")?.filter(|tz| !tz.is_empty()) {
        merge(&mut schedule, json!({ "tz": tz }));
    }
    let job = json!({"name": fields.str("name")?, "schedule": schedule, "sessionTarget": "isolated", "wakeMode": "now",
        "payload": {"kind": "agentTurn", "message": fields.str("message")?}});
    Ok(Json(view(&http.backend.cron_add(job).await?)))
}

/// `POST /api/cron/add`: `{"job":{…}}`.
pub(crate) async fn add(
    State(http): State<Arc<Http>>,
    caller: Caller,
    request: Request,
) -> Result<Json<Value>, Refused> {
    may_add(&caller)?;
    let fields = object(&http, request.into_body()).await?;
    let job = fields
        .opt_object("job")?
        .ok_or_else(|| Refused::bad("\"job\" is missing"))?;
    let job = Fields(job.clone());
    let target = match job.opt_str("sessionTarget")?.unwrap_or("isolated") {
        target @ ("main" | "isolated") => target,
        _ => return Err(Refused::bad("\"sessionTarget\" must be \"main\" or \"isolated\"")),
    };
    let schedule = job
        .opt_object("schedule")?
        .ok_or_else(|| Refused::bad("\"schedule\" is missing"))?;
    let payload = job
        .opt_object("payload")?
        .ok_or_else(|| Refused::bad("\"payload\" is missing"))?;
    // A bridge carries this out with the owner's rights: prompts are all that a key may leave there.
    let mut clean = json!({});
    for (name, value) in payload {
        if !PAYLOAD.contains(&name.as_str()) {
            return Err(Refused::bad(format!("\"payload.{name}\" is not supported here")));
        }
        merge(&mut clean, json!({ name.as_str(): value }));
    }
    if !matches!(
        payload.get("kind").and_then(Value::as_str),
        Some("agentTurn" | "systemEvent")
    ) {
        return Err(Refused::bad(
            "\"payload.kind\" must be \"agentTurn\" or \"systemEvent\"",
        ));
    }
    let payload = clean;
    let clean = json!({"name": job.str("name")?, "schedule": schedule, "payload": payload, "sessionTarget": target,
        "wakeMode": "now"});
    Ok(Json(view(&http.backend.cron_add(clean).await?)))
}

/// A job runs prompts: who adds one must be allowed to send.
fn may_add(caller: &Caller) -> Result<(), Refused> {
    caller.need(Permission::MessagesWrite)?;
    caller.need_default()
}

/// `DELETE /api/cron/{id}`.
pub(crate) async fn remove(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Path(path): PathMap,
) -> Result<StatusCode, Refused> {
    may_add(&caller)?;
    http.backend
        .cron_remove(path.get("id").map(String::as_str).unwrap_or_default())
        .await?;
    Ok(StatusCode::OK)
}
