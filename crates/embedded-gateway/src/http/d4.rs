//! D4 `chat-v1`.

use super::Http;
use super::auth::Caller;
use super::body::{Fields, PathMap, object, query};
use super::d1::agent_main;
use super::error::Refused;
use super::sessions::{
    HISTORY_DEFAULT, HISTORY_MAX, Known, find, key_of, may_write, slug, transcript, visible,
};
use super::sse::{self, Dialect};
use super::turn::{Prompt, ask, begin};
use crate::agent::Step;
use crate::keys::Permission;
use crate::runs::Progress;
use crate::store::sessions::sid_of;
use crate::time::now_ms;
use crate::ws::merge;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// The prompt of a chat call. Without `sessionId` it goes to the agent's main session; a `sessionId` that is new is
/// made on first use.
async fn prompt(http: &Arc<Http>, caller: &Caller, fields: &Fields) -> Result<Prompt, Refused> {
    caller.need(Permission::MessagesWrite)?;
    let message = fields.str("message")?;
    fields.opt_bool("stream")?;
    let default = http.backend.default_agent();
    let agent = fields
        .opt_str("agentId")?
        .filter(|a| !a.is_empty())
        .unwrap_or(&default);
    let main = agent_main(agent)?;
    let key = match fields.opt_str("sessionId")?.filter(|s| !s.is_empty()) {
        None => main,
        Some(id) if id.starts_with("agent:") => http.backend.canonical_key(id),
        Some(id) => match id.starts_with("sess_") {
            true => key_of(http, id)
                .await?
                .unwrap_or_else(|| format!("agent:{agent}:{}", slug(id))),
            false => format!("agent:{agent}:{}", slug(id)),
        },
    };
    may_write(http, caller, &key)?;
    Ok(Prompt::plain(key, message))
}

/// `POST /api/v1/chat`.
pub(crate) async fn chat(
    State(http): State<Arc<Http>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Refused> {
    let fields = object(&http, request.into_body()).await?;
    if fields.opt_bool("stream")?.unwrap_or(false) {
        return stream_of(&http, &caller, &fields).await;
    }
    let prompt = prompt(&http, &caller, &fields).await?;
    let session = sid_of(&prompt.session);
    let (started, reply) = ask(&http, &caller, prompt).await?;
    let response = json!({"content": reply.text, "messageId": started.message_id, "model": reply.model,
        "usage": {"inputTokens": reply.input_tokens, "outputTokens": reply.output_tokens}});
    Ok(Json(json!({"status": "ok", "response": response, "sessionId": session})).into_response())
}

/// `POST /api/v1/chat/stream`.
pub(crate) async fn stream(
    State(http): State<Arc<Http>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Refused> {
    let fields = object(&http, request.into_body()).await?;
    stream_of(&http, &caller, &fields).await
}

/// `GET /api/v1/chat/stream`, for EventSource.
pub(crate) async fn stream_query(
    State(http): State<Arc<Http>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Refused> {
    stream_of(&http, &caller, &query(&uri)).await
}

async fn stream_of(http: &Arc<Http>, caller: &Caller, fields: &Fields) -> Result<Response, Refused> {
    let started = begin(http, caller, prompt(http, caller, fields).await?).await?;
    Ok(sse::respond(
        Lines {
            message_id: started.message_id,
        },
        started.steps,
    ))
}

struct Lines {
    message_id: String,
}

impl Dialect for Lines {
    fn opening(&mut self) -> Vec<String> {
        vec![json!({"type": "start", "messageId": self.message_id}).to_string()]
    }

    fn step(&mut self, step: Progress) -> Vec<String> {
        let line = match step {
            Progress::Step(Step::Text(text)) => json!({"type": "text", "content": text}),
            Progress::Step(Step::Thinking(_)) => return Vec::new(),
            Progress::Step(Step::ToolStart { name, input, .. }) => {
                json!({"type": "tool_use", "name": name, "input": input})
            }
            Progress::Step(Step::ToolResult { output, .. }) => {
                json!({"type": "tool_result", "output": output})
            }
            Progress::Done(reply) => {
                json!({"type": "end", "messageId": self.message_id, "model": reply.model,
                "usage": {"inputTokens": reply.input_tokens, "outputTokens": reply.output_tokens}})
            }
            Progress::Failed(message) => json!({"type": "error", "message": message}),
            Progress::Aborted(_) => {
                json!({"type": "error", "message": "the run was stopped before it was done"})
            }
        };
        vec![line.to_string()]
    }

    fn broken(&mut self) -> Vec<String> {
        vec![json!({"type": "error", "message": "the stream was cut off"}).to_string()]
    }
}

fn part<'a>(path: &'a HashMap<String, String>, name: &str) -> &'a str {
    path.get(name).map(String::as_str).unwrap_or_default()
}

/// `GET /api/v1/agents`.
pub(crate) async fn agents(
    State(http): State<Arc<Http>>,
    caller: Caller,
) -> Result<Json<Vec<Value>>, Refused> {
    caller.need(Permission::SessionsRead)?;
    let agents = http.backend.agents().await?;
    Ok(Json(
        agents
            .into_iter()
            .map(|a| json!({"id": a.id, "name": a.name, "model": a.model, "status": "active"}))
            .collect(),
    ))
}

async fn agent_or_404(http: &Http, id: &str) -> Result<Value, Refused> {
    let agents = http.backend.agents().await?;
    let found = agents.into_iter().find(|a| a.id == id);
    let a = found.ok_or_else(|| Refused::not_found("there is no such agent"))?;
    Ok(json!({"id": a.id, "name": a.name, "model": a.model, "status": "active"}))
}

/// `GET /api/v1/agents/{id}`.
pub(crate) async fn agent(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Path(path): PathMap,
) -> Result<Json<Value>, Refused> {
    caller.need(Permission::SessionsRead)?;
    Ok(Json(agent_or_404(&http, part(&path, "id")).await?))
}

/// `GET /api/v1/agents/{id}/tools`.
pub(crate) async fn tools(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Path(path): PathMap,
) -> Result<Json<Vec<Value>>, Refused> {
    caller.need(Permission::SessionsRead)?;
    let id = part(&path, "id");
    agent_or_404(&http, id).await?;
    let tools = http.backend.tools(id).await?;
    Ok(Json(
        tools
            .into_iter()
            .map(|(name, description)| json!({"name": name, "description": description}))
            .collect(),
    ))
}

/// `GET /api/v1/agents/{id}/sessions`.
pub(crate) async fn sessions(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Path(path): PathMap,
) -> Result<Json<Vec<Value>>, Refused> {
    caller.need(Permission::SessionsRead)?;
    let id = part(&path, "id");
    agent_or_404(&http, id).await?;
    let (all, now) = (visible(&http, &caller).await?, now_ms());
    Ok(Json(
        all.iter()
            .filter(|k| k.session.agent == id)
            .map(|k| k.d1(now))
            .collect(),
    ))
}

/// The session of an agent: by its `sess_…` name, its key, or the name that a chat call gave it.
async fn of_agent(http: &Http, caller: &Caller, path: &HashMap<String, String>) -> Result<Known, Refused> {
    let (agent, sid) = (part(path, "id"), part(path, "sid"));
    let name = if sid.starts_with("sess_") || sid.starts_with("agent:") {
        sid.to_owned()
    } else {
        format!("agent:{agent}:{}", slug(sid))
    };
    let known = find(http, caller, &name).await?;
    if known.session.agent != agent {
        return Err(Refused::not_found("this agent has no such session"));
    }
    Ok(known)
}

/// `GET /api/v1/agents/{id}/sessions/{sid}`: the session with its messages.
pub(crate) async fn session(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Path(path): PathMap,
    uri: Uri,
) -> Result<Json<Value>, Refused> {
    caller.need(Permission::SessionsRead)?;
    caller.need(Permission::MessagesRead)?;
    let limit = query(&uri).limit(HISTORY_DEFAULT, HISTORY_MAX)?;
    let known = of_agent(&http, &caller, &path).await?;
    let messages = transcript(&http, &known.session.key, limit, 0, false).await?;
    let mut out = known.d1(now_ms());
    merge(&mut out, json!({ "messages": messages }));
    Ok(Json(out))
}

/// `DELETE /api/v1/agents/{id}/sessions/{sid}`.
pub(crate) async fn delete(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Path(path): PathMap,
) -> Result<Json<Value>, Refused> {
    caller.need(Permission::SessionsDelete)?;
    let known = of_agent(&http, &caller, &path).await?;
    super::d5::end(&http, &known).await?;
    Ok(Json(
        json!({"status": "ok", "deleted": true, "sessionId": sid_of(&known.session.key)}),
    ))
}

/// `POST /api/v1/agents/{id}/sessions/{sid}/clear`.
pub(crate) async fn clear(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Path(path): PathMap,
) -> Result<Json<Value>, Refused> {
    caller.need(Permission::SessionsDelete)?;
    let known = of_agent(&http, &caller, &path).await?;
    http.backend.clear_session(&known.session.key).await?;
    Ok(Json(
        json!({"status": "ok", "cleared": true, "sessionId": sid_of(&known.session.key)}),
    ))
}
