//! D1 `sessions`. D2 shares its `send` and `history`.

use super::Http;
use super::auth::Caller;
use super::body::{object, of_get};
use super::error::Refused;
use super::sessions::{HISTORY_DEFAULT, HISTORY_MAX, find, key_of, may_write, transcript, visible};
use super::turn::{Prompt, Waited, begin, wait};
use crate::backend::is_agent_id;
use crate::keys::Permission;
use crate::store::sessions::sid_of;
use crate::time::now_ms;
use axum::Json;
use axum::extract::{Request, State};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// `GET /api/health`.
pub(crate) async fn health(State(http): State<Arc<Http>>) -> Result<Json<Value>, Refused> {
    Ok(Json(
        json!({"ok": true, "status": "ok", "uptime": http.core.uptime_ms() / 1_000}),
    ))
}

/// `GET /api/sessions`, also D3's.
pub(crate) async fn sessions(
    State(http): State<Arc<Http>>,
    caller: Caller,
    request: Request,
) -> Result<Json<Vec<Value>>, Refused> {
    caller.need(Permission::SessionsRead)?;
    caller.need_default()?;
    let (parts, body) = request.into_parts();
    let fields = of_get(&http, &parts, body).await?;
    let now = now_ms();
    let since = fields
        .opt_u32("activeMinutes")?
        .map(|m| now - i64::from(m) * 60_000);
    let limit = usize::try_from(fields.limit(100, 1_000)?).unwrap_or(100);
    let all = visible(&http, &caller).await?;
    let recent = all
        .iter()
        .filter(|k| since.is_none_or(|t| k.session.active || k.session.updated_at >= t));
    Ok(Json(recent.take(limit).map(|k| k.d1(now)).collect()))
}

/// `POST /api/sessions/send`: D1 by `agentId` or `sessionKey`, D2 by `sessionKey` with a time limit.
pub(crate) async fn send(
    State(http): State<Arc<Http>>,
    caller: Caller,
    request: Request,
) -> Result<Json<Value>, Refused> {
    caller.need(Permission::MessagesWrite)?;
    let fields = object(&http, request.into_body()).await?;
    let message = fields.str("message")?;
    let limit = fields.opt_u32("timeoutSeconds")?;
    let key = match (fields.opt_str("sessionKey")?, fields.opt_str("agentId")?) {
        (Some(name), _) if !name.is_empty() => key_of(&http, name)
            .await?
            .ok_or_else(|| Refused::not_found("there is no such session"))?,
        (_, Some(agent)) => agent_main(agent)?,
        _ => agent_main(&http.backend.default_agent())?,
    };
    may_write(&http, &caller, &key)?;
    let started = begin(&http, &caller, Prompt::plain(key.clone(), message)).await?;
    let mut out = json!({"runId": started.message_id, "messageId": started.message_id, "sessionKey": key,
        "sessionId": sid_of(&key), "agentId": crate::core::agent_of(&key)});
    let more = match limit {
        Some(0) => json!({"status": "accepted"}),
        limit => match wait(started.steps, limit.map(|s| Duration::from_secs(s.into()))).await? {
            Waited::Done(reply) => {
                json!({"status": "ok", "response": reply.text, "reply": reply.text, "model": reply.model})
            }
            Waited::TimedOut => json!({"status": "timeout"}),
        },
    };
    crate::ws::merge(&mut out, more);
    Ok(Json(out))
}

/// The main session of an agent.
pub(crate) fn agent_main(agent: &str) -> Result<String, Refused> {
    if !is_agent_id(agent) {
        return Err(Refused::not_found("there is no such agent"));
    }
    Ok(format!("agent:{agent}:main"))
}

/// `GET /api/sessions/history`: the array itself.
pub(crate) async fn history(
    State(http): State<Arc<Http>>,
    caller: Caller,
    request: Request,
) -> Result<Json<Vec<Value>>, Refused> {
    caller.need(Permission::MessagesRead)?;
    let (parts, body) = request.into_parts();
    let fields = of_get(&http, &parts, body).await?;
    let limit = fields.limit(HISTORY_DEFAULT, HISTORY_MAX)?;
    let with_tools = fields.opt_bool("includeTools")?.unwrap_or(false);
    let known = find(&http, &caller, fields.str("sessionKey")?).await?;
    Ok(Json(
        transcript(&http, &known.session.key, limit, 0, with_tools).await?,
    ))
}
