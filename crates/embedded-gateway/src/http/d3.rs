//! D3 `gateway`.

use super::Http;
use super::auth::Caller;
use super::body::{PathMap, object, query};
use super::error::Refused;
use super::sessions::{HISTORY_DEFAULT, HISTORY_MAX, Known, find, key_of, may_write, slug, transcript};
use super::turn::{Prompt, ask};
use crate::keys::Permission;
use crate::time::now_ms;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::Uri;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// `GET /api/status`.
pub(crate) async fn status(State(http): State<Arc<Http>>, caller: Caller) -> Result<Json<Value>, Refused> {
    caller.need(Permission::SessionsRead)?;
    let status = http.backend.status().await?;
    Ok(Json(
        json!({"ok": true, "version": status.version, "uptime": http.core.uptime_ms() / 1_000,
        "agent": status.agent, "model": status.model}),
    ))
}

fn name(path: &HashMap<String, String>) -> &str {
    path.get("key").map(String::as_str).unwrap_or_default()
}

/// `POST /api/sessions/{key}/messages`: `main` is always there, any other key is made on first use.
pub(crate) async fn send(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Path(path): PathMap,
    request: Request,
) -> Result<Json<Value>, Refused> {
    caller.need(Permission::MessagesWrite)?;
    let fields = object(&http, request.into_body()).await?;
    let message = fields.str("message")?;
    let key = key_of(&http, name(&path))
        .await?
        .ok_or_else(|| Refused::not_found("there is no such session"))?;
    may_write(&http, &caller, &key)?;
    let (started, reply) = ask(&http, &caller, Prompt::plain(key.clone(), message)).await?;
    Ok(Json(
        json!({"response": reply.text, "sessionKey": key, "messageId": started.message_id}),
    ))
}

/// `GET /api/sessions/{key}/history`.
pub(crate) async fn history(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Path(path): PathMap,
    uri: Uri,
) -> Result<Json<Vec<Value>>, Refused> {
    caller.need(Permission::MessagesRead)?;
    let fields = query(&uri);
    let limit = fields.limit(HISTORY_DEFAULT, HISTORY_MAX)?;
    let with_tools = fields.opt_bool("includeTools")?.unwrap_or(false);
    let known = find(&http, &caller, name(&path)).await?;
    Ok(Json(
        transcript(&http, &known.session.key, limit, 0, with_tools).await?,
    ))
}

/// `POST /api/sessions`.
pub(crate) async fn create(
    State(http): State<Arc<Http>>,
    caller: Caller,
    request: Request,
) -> Result<Json<Value>, Refused> {
    caller.need(Permission::MessagesWrite)?;
    caller.need_default()?;
    let fields = object(&http, request.into_body()).await?;
    let label = fields.opt_str("label")?.filter(|l| !l.is_empty());
    let agent = http.backend.default_agent();
    let key = match fields.opt_str("target")?.unwrap_or("isolated") {
        "main" => format!("agent:{agent}:main"),
        "isolated" => {
            let id = uuid::Uuid::new_v4().simple().to_string();
            let name = slug(&label.unwrap_or("session").to_lowercase().replace(' ', "-"));
            format!("agent:{agent}:{name}-{}", id.get(..8).unwrap_or_default())
        }
        _ => return Err(Refused::bad("\"target\" must be \"isolated\" or \"main\"")),
    };
    let session = http.backend.create_session(&key, label).await?;
    let mut out = Known { session, api: None }.d1(now_ms());
    crate::ws::merge(&mut out, json!({ "sessionKey": key }));
    Ok(Json(out))
}
