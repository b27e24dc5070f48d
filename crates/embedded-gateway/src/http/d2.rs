//! D2 `sessions-list`: the calls that D1 does not have.

use super::Http;
use super::auth::Caller;
use super::body::{object, of_get, query};
use super::error::Refused;
use super::sessions::{HISTORY_MAX, find, kind, transcript, visible};
use super::turn::{Prompt, Waited, begin, wait};
use crate::keys::Permission;
use crate::runs::RUN_MAX;
use crate::store::sessions::sid_of;
use crate::time::now_ms;
use crate::ws::merge;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The time limit of a task that names none.
const TASK_LIMIT: Duration = Duration::from_secs(300);

/// `GET /api/sessions/list`.
pub(crate) async fn list(
    State(http): State<Arc<Http>>,
    caller: Caller,
    request: Request,
) -> Result<Json<Vec<Value>>, Refused> {
    caller.need(Permission::SessionsRead)?;
    caller.need_default()?;
    let (parts, body) = request.into_parts();
    let fields = of_get(&http, &parts, body).await?;
    let kinds = fields.opt_words("kinds")?;
    let limit = usize::try_from(fields.limit(100, 1_000)?).unwrap_or(100);
    let messages = fields.opt_u32("messageLimit")?.unwrap_or(0).min(HISTORY_MAX);
    if messages > 0 {
        caller.need(Permission::MessagesRead)?;
    }
    let all = visible(&http, &caller).await?;
    let wanted = all.iter().filter(|k| {
        kinds
            .as_ref()
            .is_none_or(|l| l.iter().any(|w| w == kind(&k.session.key)))
    });
    let (mut out, now) = (Vec::new(), now_ms());
    for known in wanted.take(limit) {
        let mut row = known.d1(now);
        merge(&mut row, json!({"sessionKey": known.session.key}));
        if messages > 0 {
            let last = transcript(&http, &known.session.key, messages, 0, false).await?;
            merge(&mut row, json!({ "messages": last }));
        }
        out.push(row);
    }
    Ok(Json(out))
}

/// `POST /api/sessions/spawn`: a task in a session of its own; the text is in `reply`.
pub(crate) async fn spawn(
    State(http): State<Arc<Http>>,
    caller: Caller,
    request: Request,
) -> Result<Json<Value>, Refused> {
    caller.need(Permission::MessagesWrite)?;
    caller.need_default()?;
    let fields = object(&http, request.into_body()).await?;
    let task = fields.str("task")?;
    let agent = http.backend.default_agent();
    let key = format!("agent:{agent}:subagent:{}", uuid::Uuid::new_v4());
    let limit = fields.opt_u32("runTimeoutSeconds")?;
    let limit = limit
        .filter(|s| *s > 0)
        .map_or(TASK_LIMIT, |s| Duration::from_secs(s.into()).min(RUN_MAX));
    let prompt = Prompt {
        model: fields
            .opt_str("model")?
            .filter(|m| !m.is_empty())
            .map(str::to_owned),
        timeout: Some(limit),
        ..Prompt::plain(key.clone(), task)
    };
    let started = begin(&http, &caller, prompt).await?;
    let mut out =
        json!({"runId": started.message_id, "sessionKey": key, "sessionId": sid_of(&key), "agentId": agent});
    let more = match wait(started.steps, Some(limit)).await? {
        Waited::Done(reply) => json!({"status": "ok", "reply": reply.text, "model": reply.model}),
        Waited::TimedOut => json!({"status": "timeout"}),
    };
    merge(&mut out, more);
    Ok(Json(out))
}

/// `GET /api/session/status`.
pub(crate) async fn status(
    State(http): State<Arc<Http>>,
    caller: Caller,
    uri: Uri,
) -> Result<Json<Value>, Refused> {
    caller.need(Permission::SessionsRead)?;
    let fields = query(&uri);
    let name = fields
        .opt_str("sessionKey")?
        .filter(|n| !n.is_empty())
        .unwrap_or("main");
    let known = find(&http, &caller, name).await?;
    let s = &known.session;
    Ok(Json(json!({
        "sessionKey": s.key,
        "sessionId": sid_of(&s.key),
        "agentId": s.agent,
        "status": if s.active { "active" } else { "idle" },
        "messageCount": s.messages,
        "usage": {"inputTokens": s.tokens_in, "outputTokens": s.tokens_out, "totalTokens": s.tokens_in + s.tokens_out},
        "cost": {"totalUSD": s.cost_usd},
        "config": {"model": s.model, "thinkingLevel": s.thinking},
    })))
}
