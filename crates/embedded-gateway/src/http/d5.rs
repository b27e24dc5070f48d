//! D5 `messages-v1`: health and sessions. D4 shares `/api/v1/health`.

use super::Http;
use super::auth::Caller;
use super::body::{PathMap, query};
use super::error::Refused;
use super::sessions::{HISTORY_DEFAULT, HISTORY_MAX, Known, find, transcript, visible};
use crate::keys::Permission;
use crate::store::sessions::sid_of;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /api/v1/health`.
pub(crate) async fn health(State(http): State<Arc<Http>>) -> Result<Json<Value>, Refused> {
    let status = http.backend.status().await?;
    Ok(Json(json!({
        "status": "ok",
        "version": status.version,
        "uptime": http.core.uptime_ms() / 1_000,
        "channels": status.channels,
        // There is no Redis in this house; the field is the dialect's.
        "redis": "not used",
        "memoryMB": super::stats::memory_mb(),
    })))
}

/// `GET /api/v1/sessions`.
pub(crate) async fn sessions(
    State(http): State<Arc<Http>>,
    caller: Caller,
    uri: Uri,
) -> Result<Json<Vec<Value>>, Refused> {
    caller.need(Permission::SessionsRead)?;
    let fields = query(&uri);
    let limit = usize::try_from(fields.limit(100, 1_000)?).unwrap_or(100);
    let workspace = fields.opt_str("workspace")?;
    let user = fields.opt_str("userId")?;
    let all = visible(&http, &caller).await?;
    let wanted = all
        .iter()
        .filter(|k| workspace.is_none_or(|w| k.workspace() == w))
        .map(Known::d5);
    let of_user = |row: &Value| user.is_none_or(|u| row.get("userId").and_then(Value::as_str) == Some(u));
    Ok(Json(wanted.filter(of_user).take(limit).collect()))
}

/// `GET /api/v1/sessions/{id}`.
pub(crate) async fn session(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Path(path): PathMap,
) -> Result<Json<Value>, Refused> {
    caller.need(Permission::SessionsRead)?;
    let id = path.get("id").map(String::as_str).unwrap_or_default();
    Ok(Json(find(&http, &caller, id).await?.d5()))
}

/// `GET /api/v1/sessions/{id}/history`. `offset` skips the newest.
pub(crate) async fn history(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Path(path): PathMap,
    uri: Uri,
) -> Result<Json<Vec<Value>>, Refused> {
    caller.need(Permission::MessagesRead)?;
    let fields = query(&uri);
    let limit = fields.limit(HISTORY_DEFAULT, HISTORY_MAX)?;
    let offset = fields.opt_u32("offset")?.unwrap_or(0);
    let id = path.get("id").map(String::as_str).unwrap_or_default();
    let known = find(&http, &caller, id).await?;
    Ok(Json(
        transcript(&http, &known.session.key, limit, offset, false).await?,
    ))
}

/// `DELETE /api/v1/sessions/{id}`.
pub(crate) async fn delete(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Path(path): PathMap,
) -> Result<Json<Value>, Refused> {
    caller.need(Permission::SessionsDelete)?;
    let id = path.get("id").map(String::as_str).unwrap_or_default();
    let known = find(&http, &caller, id).await?;
    end(&http, &known).await?;
    Ok(Json(
        json!({"cleared": 1, "sessionId": sid_of(&known.session.key)}),
    ))
}

/// `DELETE /api/v1/sessions?workspace=`.
pub(crate) async fn clear_workspace(
    State(http): State<Arc<Http>>,
    caller: Caller,
    uri: Uri,
) -> Result<Json<Value>, Refused> {
    caller.need(Permission::SessionsDelete)?;
    let fields = query(&uri);
    let workspace = fields.str("workspace")?;
    caller.need_workspace(workspace)?;
    let mut cleared = 0u32;
    for known in visible(&http, &caller)
        .await?
        .iter()
        .filter(|k| k.workspace() == workspace)
    {
        end(&http, known).await?;
        cleared += 1;
    }
    Ok(Json(json!({"cleared": cleared, "workspace": workspace})))
}

/// Ends a session and tells the webhooks.
pub(crate) async fn end(http: &Http, known: &Known) -> Result<(), Refused> {
    http.backend.delete_session(&known.session.key).await?;
    http.core.store.delete_api_session(&known.session.key)?;
    http.webhooks.session_ended(known);
    Ok(())
}
