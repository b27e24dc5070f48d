//! OpenAI chat completions, whole and streamed.

mod request;

use super::Http;
use super::auth::Caller;
use super::body::{PathMap, object_up_to};
use super::error::Refused;
use super::meter::Meter;
use super::sse::{self, Dialect};
use super::turn::{NO_USER, PATIENCE, Waited, wait};
use crate::agent::Step;
use crate::backend::{BackendError, Completion};
use crate::keys::Permission;
use crate::runs::{Progress, Reply};
use crate::store::ledger::{DEFAULT_WORKSPACE, Entry};
use crate::time::now_ms;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use request::Wanted;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::mpsc;

/// The largest body, in bytes: pictures are part of it.
const BODY_MAX: usize = 16 * 1024 * 1024;

/// Whether a path answers in the shapes of OpenAI.
pub(crate) fn is_openai(path: &str) -> bool {
    path.starts_with("/v1/") || path.starts_with("/api/v1/openai/")
}

/// `GET /v1/models`.
pub(crate) async fn models(State(http): State<Arc<Http>>, caller: Caller) -> Response {
    match all(&http, &caller).await {
        Ok(all) => Json(json!({"object": "list", "data": all})).into_response(),
        Err(refused) => refused.openai(),
    }
}

/// `GET /v1/models/{id}`.
pub(crate) async fn model(State(http): State<Arc<Http>>, caller: Caller, Path(path): PathMap) -> Response {
    let id = path.get("id").map(String::as_str).unwrap_or_default();
    let found = all(&http, &caller).await.and_then(|all| {
        let found = all
            .into_iter()
            .find(|model| model.get("id").and_then(Value::as_str) == Some(id));
        found.ok_or_else(|| no_model(format!("there is no model \"{id}\"")))
    });
    match found {
        Ok(model) => Json(model).into_response(),
        Err(refused) => refused.openai(),
    }
}

fn no_model(message: String) -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "model_not_found", message).about("model")
}

async fn all(http: &Http, caller: &Caller) -> Result<Vec<Value>, Refused> {
    caller.need(Permission::SessionsRead)?;
    let agents = http.backend.agents().await?;
    let ids = agents.into_iter().map(|agent| format!("openclaw/{}", agent.id));
    let model = |id: String| json!({"id": id, "object": "model", "created": 0, "owned_by": "openclaw"});
    Ok(std::iter::once("openclaw".to_owned())
        .chain(ids)
        .map(model)
        .collect())
}

/// `POST …/chat/completions`.
pub(crate) async fn completions(State(http): State<Arc<Http>>, caller: Caller, request: Request) -> Response {
    match complete(&http, &caller, request).await {
        Ok(response) => response,
        Err(refused) => refused.openai(),
    }
}

async fn complete(http: &Arc<Http>, caller: &Caller, request: Request) -> Result<Response, Refused> {
    caller.need(Permission::MessagesWrite)?;
    caller.need_default()?;
    let fields = object_up_to(http, request.into_body(), http.max_body.max(BODY_MAX)).await?;
    let wanted = Wanted::read(&fields)?;
    let entry = Entry {
        ts: now_ms(),
        key: caller.id().to_owned(),
        workspace: DEFAULT_WORKSPACE.into(),
        user: NO_USER.into(),
        ..Entry::default()
    };
    let answer = wanted.max_tokens.map(u64::from);
    let mut meter = Meter::open(http, caller, String::new(), entry, wanted.size(), answer)?;
    // `openclaw/<agent>` names an agent, as on the real gateway; any other name is left to the agent.
    let agent = wanted.model.strip_prefix("openclaw/");
    let completion = Completion {
        agent: agent.map_or_else(|| http.backend.default_agent(), str::to_owned),
        history: wanted.history,
        prompt: wanted.prompt,
        max_tokens: wanted.max_tokens,
    };
    let steps = http
        .backend
        .complete(completion)
        .await
        .map_err(|error| match error {
            BackendError::NotFound(message) => no_model(message),
            BackendError::BadRequest(_)
            | BackendError::Unsupported(_)
            | BackendError::Starting(_)
            | BackendError::Failed(_) => error.into(),
        })?;
    meter.start();
    let steps = metered(meter, steps);
    let (model, stream, with_usage) = (wanted.model, wanted.stream, wanted.with_usage);
    let (id, created) = (
        format!("chatcmpl-{}", uuid::Uuid::new_v4().simple()),
        now_ms() / 1_000,
    );
    if stream {
        let chunks = Chunks {
            id,
            created,
            model,
            with_usage,
        };
        return Ok(sse::respond(chunks, steps));
    }
    let Waited::Done(reply) = wait(steps, None).await? else {
        return Err(Refused::failed("the run ended without a result"));
    };
    Ok(Json(json!({
        "id": id, "object": "chat.completion", "created": created, "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": reply.text, "refusal": null}, "logprobs": null,
            "finish_reason": finish(&reply)}],
        "usage": usage(reply.input_tokens, reply.output_tokens),
    }))
    .into_response())
}

/// Counts the exchange, however it ends.
fn metered(mut meter: Meter, mut inner: mpsc::Receiver<Progress>) -> mpsc::Receiver<Progress> {
    let (tx, rx) = mpsc::channel(512);
    tokio::spawn(async move {
        while let Some(step) = inner.recv().await {
            meter.take(&step);
            // A reader that is gone ends the answer: nothing is kept of it.
            if tx.send_timeout(step, PATIENCE).await.is_err() {
                return;
            }
        }
    });
    rx
}

/// Why an answer ended, in the words of OpenAI.
fn finish(reply: &Reply) -> &'static str {
    match reply.stop_reason.as_str() {
        "length" => "length",
        "content_filter" => "content_filter",
        _ => "stop",
    }
}

fn usage(input: u64, output: u64) -> Value {
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
}

struct Chunks {
    id: String,
    created: i64,
    model: String,
    with_usage: bool,
}

impl Chunks {
    fn chunk(&self, delta: &Value, finish: Option<&str>) -> String {
        json!({"id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]})
        .to_string()
    }

    fn error(message: &str) -> Vec<String> {
        let error = json!({"error": {"message": message, "type": "server_error", "param": null, "code": "agent_failed"}});
        vec![error.to_string()]
    }
}

impl Dialect for Chunks {
    fn opening(&mut self) -> Vec<String> {
        vec![self.chunk(&json!({"role": "assistant", "content": ""}), None)]
    }

    fn step(&mut self, step: Progress) -> Vec<String> {
        match step {
            Progress::Step(Step::Text(text)) => vec![self.chunk(&json!({ "content": text }), None)],
            Progress::Step(Step::Thinking(text)) => {
                vec![self.chunk(&json!({ "reasoning_content": text }), None)]
            }
            // The agent runs its tools itself. A `tool_calls` chunk would ask the caller to run them.
            Progress::Step(Step::ToolStart { .. } | Step::ToolResult { .. }) => Vec::new(),
            Progress::Done(reply) => {
                let mut out = vec![self.chunk(&json!({}), Some(finish(&reply)))];
                if self.with_usage {
                    let tail = json!({"id": self.id, "object": "chat.completion.chunk", "created": self.created,
                        "model": self.model, "choices": [], "usage": usage(reply.input_tokens, reply.output_tokens)});
                    out.push(tail.to_string());
                }
                out.push("[DONE]".into());
                out
            }
            Progress::Failed(message) => Self::error(&message),
            Progress::Aborted(_) => Self::error("the run was stopped before it was done"),
        }
    }

    fn broken(&mut self) -> Vec<String> {
        Self::error("the stream was cut off")
    }
}
