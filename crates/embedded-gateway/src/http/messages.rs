//! D5 `messages-v1`: sending.

use super::Http;
use super::auth::Caller;
use super::body::{Fields, object};
use super::error::Refused;
use super::sessions::{find, user_session};
use super::sse::{self, Dialect};
use super::turn::{Prompt, ask, begin};
use super::workspaces::for_message;
use crate::agent::Step;
use crate::keys::Permission;
use crate::runs::Progress;
use crate::store::sessions::sid_of;
use crate::time::now_ms;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Map, Value, json};
use std::sync::Arc;

async fn prompt(http: &Arc<Http>, caller: &Caller, fields: &Fields) -> Result<Prompt, Refused> {
    caller.need(Permission::MessagesWrite)?;
    let (id, user, message) = (
        fields.str("workspace")?,
        fields.str("userId")?,
        fields.str("message")?,
    );
    let note = fields.opt_object("context")?.map(context).transpose()?.flatten();
    let session_id = fields.opt_str("sessionId")?.filter(|s| !s.is_empty());
    caller.need_workspace(id)?;
    let workspace = for_message(http, caller, id)?;
    if !workspace.allowlist.is_empty() && !workspace.allowlist.iter().any(|u| u == user) {
        return Err(Refused::forbidden(format!(
            "\"{user}\" is not on the allowlist of this workspace"
        )));
    }
    let session = match session_id {
        Some(sid) => {
            let known = find(http, caller, sid).await?;
            if known.workspace() != id {
                return Err(Refused::not_found("there is no such session in this workspace"));
            }
            known.session.key
        }
        None => {
            let key = user_session(&workspace.agent, id, user);
            // By its name it is this user's, whoever wrote into it before.
            http.core.store.assign_api_session(&key, id, user)?;
            key
        }
    };
    let text = match note {
        Some(note) => format!("{message}\n\n[{note}]"),
        None => message.to_owned(),
    };
    Ok(Prompt {
        session,
        text,
        workspace: id.to_owned(),
        user: user.to_owned(),
        model: None,
        timeout: None,
    })
}

/// The line about the user's `context` that is added to the prompt.
fn context(map: &Map<String, Value>) -> Result<Option<String>, Refused> {
    let mut parts = Vec::new();
    for (name, word) in [("timezone", "time zone"), ("language", "language")] {
        match map.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(Value::String(text)) => parts.push(format!("{word}: {text}")),
            Some(_) => return Err(Refused::bad(format!("\"context.{name}\" must be a string"))),
        }
    }
    Ok(if parts.is_empty() {
        None
    } else {
        Some(parts.join(", "))
    })
}

/// `POST /api/v1/messages`.
pub(crate) async fn send(
    State(http): State<Arc<Http>>,
    caller: Caller,
    request: Request,
) -> Result<Json<Value>, Refused> {
    let fields = object(&http, request.into_body()).await?;
    let prompt = prompt(&http, &caller, &fields).await?;
    let session = sid_of(&prompt.session);
    let (started, reply) = ask(&http, &caller, prompt).await?;
    Ok(Json(json!({
        "messageId": started.message_id,
        "response": reply.text,
        "tokensUsed": reply.input_tokens + reply.output_tokens,
        "latencyMs": (now_ms() - started.began).max(0),
        "sessionId": session,
        "toolsInvoked": reply.tools,
        "finishReason": reply.stop_reason,
    })))
}

/// `POST /api/v1/messages/stream`.
pub(crate) async fn stream(
    State(http): State<Arc<Http>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Refused> {
    let fields = object(&http, request.into_body()).await?;
    let prompt = prompt(&http, &caller, &fields).await?;
    let session = sid_of(&prompt.session);
    let started = begin(&http, &caller, prompt).await?;
    let lines = Lines {
        message_id: started.message_id,
        session,
        began: started.began,
    };
    Ok(sse::respond(lines, started.steps))
}

struct Lines {
    message_id: String,
    session: String,
    began: i64,
}

impl Dialect for Lines {
    fn opening(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn step(&mut self, step: Progress) -> Vec<String> {
        let line = match step {
            Progress::Step(Step::Text(text)) => json!({"type": "token", "content": text}),
            Progress::Step(Step::Thinking(_)) => return Vec::new(),
            Progress::Step(Step::ToolStart { name, input, .. }) => {
                json!({"type": "tool_use", "tool": name, "input": input})
            }
            Progress::Step(Step::ToolResult { name, output, .. }) => {
                json!({"type": "tool_result", "tool": name, "output": output})
            }
            Progress::Done(reply) => {
                json!({"type": "done", "messageId": self.message_id, "sessionId": self.session,
                "tokensUsed": reply.input_tokens + reply.output_tokens, "latencyMs": (now_ms() - self.began).max(0)})
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
