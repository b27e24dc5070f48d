//! OpenAI chat completions, whole and streamed.

use super::Http;
use super::auth::Caller;
use super::body::{Fields, object};
use super::error::Refused;
use super::meter::Meter;
use super::sse::{self, Dialect};
use super::turn::{NO_USER, PATIENCE, Waited, wait};
use crate::agent::{Line, Step, estimate_tokens};
use crate::keys::Permission;
use crate::runs::Progress;
use crate::store::ledger::{DEFAULT_WORKSPACE, Entry};
use crate::time::now_ms;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::mpsc;

/// `GET /v1/models`.
pub(crate) async fn models(State(http): State<Arc<Http>>, caller: Caller) -> Response {
    match list(&http, &caller).await {
        Ok(list) => Json(list).into_response(),
        Err(refused) => refused.openai(),
    }
}

async fn list(http: &Http, caller: &Caller) -> Result<Value, Refused> {
    caller.need(Permission::SessionsRead)?;
    let mut data = vec![json!({"id": "openclaw", "object": "model", "created": 0, "owned_by": "openclaw"})];
    for agent in http.backend.agents().await? {
        data.push(json!({"id": format!("openclaw/{}", agent.id), "object": "model", "created": 0, "owned_by": "openclaw"}));
    }
    Ok(json!({"object": "list", "data": data}))
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
    let fields = object(http, request.into_body()).await?;
    let stream = fields.opt_bool("stream")?.unwrap_or(false);
    let with_usage = fields
        .opt_object("stream_options")?
        .and_then(|o| o.get("include_usage"))
        == Some(&Value::Bool(true));
    let model = fields.str("model")?.to_owned();
    let (history, prompt) = conversation(&fields)?;
    // `openclaw/<agent>` names an agent, as on the real gateway; any other name is left to the agent.
    let default = http.backend.default_agent();
    let agent = model
        .strip_prefix("openclaw/")
        .map(str::to_owned)
        .unwrap_or(default);
    let entry = Entry {
        ts: now_ms(),
        key: caller.id().to_owned(),
        workspace: DEFAULT_WORKSPACE.into(),
        user: NO_USER.into(),
        ..Entry::default()
    };
    let heard = history
        .iter()
        .map(|line| estimate_tokens(&line.text))
        .sum::<u64>()
        + estimate_tokens(&prompt);
    let mut meter = Meter::open(http, caller, String::new(), entry, heard, None)?;
    let steps = http.backend.complete(history, prompt, None, &agent).await?;
    meter.start();
    let steps = metered(meter, steps);
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
            "finish_reason": "stop"}],
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

fn usage(input: u64, output: u64) -> Value {
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
}

/// The messages: all but the last as history, the last as prompt.
fn conversation(fields: &Fields) -> Result<(Vec<Line>, String), Refused> {
    let bad = || {
        Refused::bad("\"messages\" must be a list of messages with role and content, the last by the user")
    };
    let list = fields
        .0
        .get("messages")
        .and_then(Value::as_array)
        .ok_or_else(bad)?;
    let mut lines = Vec::new();
    for message in list {
        let role = message.get("role").and_then(Value::as_str).ok_or_else(bad)?;
        let text = match message.get("content") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(parts)) => parts
                .iter()
                .filter_map(|p| p.get("text").and_then(Value::as_str))
                .collect(),
            None | Some(Value::Null) if role != "user" => String::new(),
            None | Some(_) => return Err(bad()),
        };
        let role = match role {
            "system" | "developer" => "system",
            "user" => "user",
            "assistant" => "assistant",
            "tool" | "function" => continue,
            _ => return Err(bad()),
        };
        lines.push(Line {
            role: role.to_owned(),
            text,
        });
    }
    match lines.pop() {
        Some(last) if last.role == "user" && !last.text.is_empty() => Ok((lines, last.text)),
        Some(_) | None => Err(bad()),
    }
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
                let mut out = vec![self.chunk(&json!({}), Some("stop"))];
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
