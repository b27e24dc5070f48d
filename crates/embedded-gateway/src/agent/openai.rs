//! Streams answers from a model server that speaks the OpenAI protocol.

use super::{AgentError, Ending, Line, ModelServer, Step, Turn, estimate_tokens, foreign_tokens, tools};
use clawtray_gateway_protocol::thinking::{Part, Splitter};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::mpsc;

/// Rounds of tool calls in one turn before the agent is stopped.
const MAX_TOOL_ROUNDS: usize = 5;
/// A server that says nothing for this long is given up.
const SILENCE: Duration = Duration::from_secs(180);
/// The longest line of an event stream that is accepted, in bytes.
const MAX_LINE: usize = 4 * 1024 * 1024;

/// A model server, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct OpenAi {
    http: reqwest::Client,
    base: String,
    server: ModelServer,
    first_model: Arc<OnceLock<String>>,
}

#[derive(Debug, Default)]
struct Round {
    text: String,
    calls: BTreeMap<u64, Call>,
    finish: Option<String>,
    usage: Option<(u64, u64)>,
    model: Option<String>,
    /// Takes reasoning out of the text, where the server writes it there.
    splitter: Splitter,
}

#[derive(Clone, Debug, Default)]
struct Call {
    id: String,
    name: String,
    arguments: String,
}

impl OpenAi {
    pub(crate) fn new(server: ModelServer) -> Result<Self, String> {
        let mut url =
            url::Url::parse(server.url.trim()).map_err(|_| "the address is not a URL".to_owned())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("the address must begin with http:// or https://".into());
        }
        let path = url
            .path()
            .trim_end_matches('/')
            .trim_end_matches("/chat/completions")
            .to_owned();
        url.set_path(if path.is_empty() { "/v1" } else { &path });
        // Another provider may be in place already; either will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(SILENCE)
            .build()
            .map_err(|e| e.to_string())?;
        Ok(Self {
            http,
            base: url.as_str().trim_end_matches('/').to_owned(),
            server,
            first_model: Arc::default(),
        })
    }

    pub(crate) fn model_name(&self) -> String {
        self.server
            .model
            .clone()
            .or_else(|| self.first_model.get().cloned())
            .unwrap_or_else(|| "default".into())
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.server.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    async fn model(&self) -> Result<String, AgentError> {
        if let Some(model) = self
            .server
            .model
            .clone()
            .or_else(|| self.first_model.get().cloned())
        {
            return Ok(model);
        }
        let answer: Value = self
            .request(reqwest::Method::GET, "/models")
            .timeout(Duration::from_secs(15))
            .send()
            .await
            .map_err(|e| unreachable_server(&e))?
            .json()
            .await
            .map_err(|_| {
                failed(
                    "the model server did not list its models; set CLAWTRAY_MODEL_NAME",
                    "format",
                )
            })?;
        let id = answer.pointer("/data/0/id").and_then(Value::as_str);
        let id = id.ok_or_else(|| {
            failed(
                "the model server has no model; set CLAWTRAY_MODEL_NAME",
                "model_not_found",
            )
        })?;
        Ok(self.first_model.get_or_init(|| id.to_owned()).clone())
    }

    pub(crate) async fn answer(&self, turn: &Turn, out: &mpsc::Sender<Step>) -> Result<Ending, AgentError> {
        let model = match &turn.model {
            Some(model) => model.rsplit('/').next().unwrap_or(model).to_owned(),
            None => self.model().await?,
        };
        let mut messages: Vec<Value> = turn.history.iter().map(line).collect();
        messages.push(prompt(turn));
        let mut ending = Ending {
            model: model.clone(),
            ..Ending::default()
        };
        let (mut said, mut with_tools) = (String::new(), true);
        for _ in 0..MAX_TOOL_ROUNDS {
            let response = self
                .open(&model, &messages, turn.max_tokens, &mut with_tools)
                .await?;
            let round = read(response, out).await?;
            said.push_str(&round.text);
            if let Some((input, output)) = round.usage {
                ending.input_tokens += input;
                ending.output_tokens += output;
            }
            if let Some(model) = round.model {
                ending.model = model;
            }
            if round.calls.is_empty() {
                ending.stop_reason = round.finish.unwrap_or_else(|| "stop".into());
                if ending.output_tokens == 0 {
                    ending.output_tokens = estimate_tokens(&said);
                    ending.input_tokens = messages.iter().map(|m| estimate_tokens(&m.to_string())).sum();
                }
                return Ok(ending);
            }
            let calls: Vec<Call> = round.calls.into_values().collect();
            messages.push(json!({
                "role": "assistant",
                "content": round.text,
                "tool_calls": calls.iter().map(|c| json!({
                    "id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments},
                })).collect::<Vec<_>>(),
            }));
            for call in calls {
                let input: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
                let start = Step::ToolStart {
                    id: call.id.clone(),
                    name: call.name.clone(),
                    input: input.clone(),
                };
                let _ = out.send(start).await;
                let (output, is_error) = tools::call(&call.name, &input);
                messages.push(json!({"role": "tool", "tool_call_id": call.id, "content": output}));
                let _ = out
                    .send(Step::ToolResult {
                        id: call.id,
                        name: call.name,
                        output,
                        is_error,
                    })
                    .await;
            }
        }
        Err(failed("the model called tools too many times", "tool_loop"))
    }

    async fn open(
        &self,
        model: &str,
        messages: &[Value],
        max_tokens: Option<u32>,
        with_tools: &mut bool,
    ) -> Result<reqwest::Response, AgentError> {
        loop {
            let mut body = json!({"model": model, "messages": messages, "stream": true,
                "stream_options": {"include_usage": true}});
            if let (Some(most), Some(object)) = (max_tokens, body.as_object_mut()) {
                // The name that servers of all ages know.
                object.insert("max_tokens".into(), most.into());
            }
            if *with_tools && let Some(object) = body.as_object_mut() {
                let list = tools::TOOLS.iter().map(|t| {
                    json!({"type": "function", "function":
                        {"name": t.name, "description": t.description, "parameters": t.parameters()}})
                });
                object.insert("tools".into(), list.collect());
            }
            let response = self
                .request(reqwest::Method::POST, "/chat/completions")
                .json(&body)
                .send()
                .await
                .map_err(|e| unreachable_server(&e))?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            let text = response.text().await.unwrap_or_default();
            // Models without tools are common; the conversation does not depend on them.
            if *with_tools && status.is_client_error() && text.to_lowercase().contains("tool") {
                *with_tools = false;
                continue;
            }
            return Err(refused(status.as_u16(), &text));
        }
    }
}

fn line(line: &Line) -> Value {
    message(&line.role, &line.text, &line.images)
}

fn prompt(turn: &Turn) -> Value {
    message("user", &turn.prompt, &turn.images)
}

fn message(role: &str, text: &str, images: &[String]) -> Value {
    if images.is_empty() {
        return json!({"role": role, "content": text});
    }
    let mut parts = vec![json!({"type": "text", "text": text})];
    parts.extend(
        images
            .iter()
            .map(|url| json!({"type": "image_url", "image_url": {"url": url}})),
    );
    json!({"role": role, "content": parts})
}

async fn read(mut response: reqwest::Response, out: &mpsc::Sender<Step>) -> Result<Round, AgentError> {
    let (mut round, mut buffer) = (Round::default(), Vec::new());
    let (mut done, mut any) = (false, false);
    while !done {
        let chunk = response
            .chunk()
            .await
            .map_err(|_| failed("the model server ended its answer early", "network"))?;
        let Some(chunk) = chunk else { break };
        buffer.extend_from_slice(&chunk);
        if buffer.len() > MAX_LINE {
            return Err(failed("the model server sent a line that is too long", "format"));
        }
        while let Some(end) = buffer.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let Some(data) = line.trim().strip_prefix("data:") else {
                continue;
            };
            let data = data.trim();
            if data == "[DONE]" {
                done = true;
                break;
            }
            let Ok(event) = serde_json::from_str::<Value>(data) else {
                continue;
            };
            if let Some(error) = event.get("error").filter(|e| !e.is_null()) {
                return Err(refused(500, &error.to_string()));
            }
            any = true;
            take(&event, &mut round, out).await;
        }
    }
    if !any {
        return Err(failed(
            "the model server's answer was empty or not an event stream",
            "empty_response",
        ));
    }
    let rest = round.splitter.finish();
    say(rest, &mut round, out).await;
    if round.finish.is_none() && !done {
        return Err(failed("the model server ended its answer early", "network"));
    }
    Ok(round)
}

async fn say(parts: impl IntoIterator<Item = Part>, round: &mut Round, out: &mpsc::Sender<Step>) {
    for part in parts {
        let step = match part {
            Part::Thinking(text) => Step::Thinking(text),
            Part::Text(text) => {
                round.text.push_str(&text);
                Step::Text(text)
            }
        };
        let _ = out.send(step).await;
    }
}

async fn take(event: &Value, round: &mut Round, out: &mpsc::Sender<Step>) {
    if let Some(model) = event
        .get("model")
        .and_then(Value::as_str)
        .filter(|m| !m.is_empty())
    {
        round.model = Some(model.to_owned());
    }
    if let Some(usage) = event.get("usage").filter(|u| u.is_object()) {
        let count = |name: &str| foreign_tokens(usage.get(name));
        round.usage = Some((count("prompt_tokens"), count("completion_tokens")));
    }
    let Some(choice) = event.pointer("/choices/0") else {
        return;
    };
    if let Some(finish) = choice.get("finish_reason").and_then(Value::as_str) {
        round.finish = Some(finish.to_owned());
    }
    let Some(delta) = choice.get("delta") else { return };
    for name in ["reasoning_content", "reasoning"] {
        if let Some(text) = delta.get(name).and_then(Value::as_str).filter(|t| !t.is_empty()) {
            let _ = out.send(Step::Thinking(text.to_owned())).await;
            break;
        }
    }
    if let Some(text) = delta
        .get("content")
        .and_then(Value::as_str)
        .filter(|t| !t.is_empty())
    {
        let parts = round.splitter.push(text);
        say(parts, round, out).await;
    }
    for call in delta
        .get("tool_calls")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let index = call
            .get("index")
            .and_then(Value::as_u64)
            .unwrap_or(round.calls.len() as u64);
        let entry = round.calls.entry(index).or_default();
        if let Some(id) = call.get("id").and_then(Value::as_str) {
            entry.id = id.to_owned();
        }
        if let Some(name) = call.pointer("/function/name").and_then(Value::as_str) {
            entry.name.push_str(name);
        }
        if let Some(part) = call.pointer("/function/arguments").and_then(Value::as_str) {
            entry.arguments.push_str(part);
        }
        if entry.id.is_empty() {
            entry.id = format!("call_{index}");
        }
    }
}

fn failed(message: &str, reason: &'static str) -> AgentError {
    AgentError {
        message: message.to_owned(),
        reason,
    }
}

fn unreachable_server(error: &reqwest::Error) -> AgentError {
    let message = if error.is_timeout() {
        "the model server did not answer in time"
    } else {
        "the model server cannot be reached; is it running?"
    };
    failed(message, "network")
}

fn refused(status: u16, body: &str) -> AgentError {
    let value: Option<Value> = serde_json::from_str(body).ok();
    let said = value
        .as_ref()
        .and_then(|v| {
            v.pointer("/error/message")
                .or_else(|| v.get("message"))
                .or_else(|| v.get("error"))
        })
        .and_then(Value::as_str)
        .map(|s| s.chars().take(300).collect::<String>());
    let (sentence, reason) = match status {
        401 | 403 => ("the model server refused the key", "auth"),
        404 => ("the model server does not know the model", "model_not_found"),
        429 => (
            "the model server limits the rate of requests; try again later",
            "rate_limit",
        ),
        400..=499 => ("the model server rejected the request", "format"),
        _ => ("the model server failed", "server_error"),
    };
    AgentError {
        message: match said {
            Some(said) => format!("{sentence} (HTTP {status}): {said}"),
            None => format!("{sentence} (HTTP {status})"),
        },
        reason,
    }
}
