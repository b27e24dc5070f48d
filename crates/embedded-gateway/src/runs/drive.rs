//! Drives one run from its start to its end.

use super::emit::{Emitter, merge, user_body};
use super::{Order, Progress, RUN_MAX, Reply, Run};
use crate::agent::{AgentError, Ending, Line, Step, Turn, estimate_tokens};
use crate::backend::ReportKind;
use crate::core::Core;
use crate::error::StoreError;
use crate::rows;
use crate::store::sessions::SessionRecord;
use crate::time::now_ms;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Messages of the transcript that the agent gets to see.
const MEMORY: u32 = 60;
/// The time limit of a run that names none.
const RUN_LIMIT: Duration = Duration::from_secs(600);
/// How long a full sink may hold a run up before it is cut off.
const SINK_PATIENCE: Duration = Duration::from_secs(5);

/// What is said of a run whose code panicked.
const BROKEN: &str = "the agent broke down";

/// How the agent's part of a run ended.
enum Outcome {
    Done(Ending),
    Failed(AgentError),
    Stopped(&'static str),
}

/// Takes the run off the table at the latest when it is dropped: a run that breaks down must not count as active.
struct Listed {
    core: Arc<Core>,
    run: Arc<Run>,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.core.runs.finish(&self.run);
    }
}

/// Carries a run through; it always ends, and always says how.
pub(super) async fn drive(
    core: Arc<Core>,
    run: Arc<Run>,
    mut order: Order,
    gate: Arc<tokio::sync::Mutex<()>>,
) {
    let _listed = Listed {
        core: core.clone(),
        run: run.clone(),
    };
    let turn = tokio::select! {
        turn = gate.lock_owned() => Some(turn),
        _ = run.stopped() => None,
    };
    let mut sink = Sink {
        tx: order.sink.take(),
    };
    core.report(&run.session, &run.id, || ReportKind::Received {
        text: order.text.clone(),
    });
    let last = match turn {
        Some(_turn) => {
            let conducted = AssertUnwindSafe(conduct(&core, &run, &order, &mut sink)).catch_unwind();
            let broken = match conducted.await {
                Ok(Ok(last)) => Ok(last),
                Ok(Err(error)) => {
                    tracing::error!(%error, "a run could not be written down");
                    Err("the gateway could not reach its database")
                }
                Err(_) => Err(BROKEN),
            };
            broken.unwrap_or_else(|message| {
                core.runs.finish(&run);
                Emitter::new(&core, &run, String::new()).failed(message, "internal");
                Progress::Failed(message.into())
            })
        }
        None => {
            Emitter::new(&core, &run, String::new()).aborted("", "rpc");
            core.runs.finish(&run);
            Progress::Aborted(String::new())
        }
    };
    core.report(&run.session, &run.id, || match &last {
        Progress::Done(reply) => ReportKind::Sent {
            text: reply.text.clone(),
            tokens: reply.input_tokens + reply.output_tokens,
            latency_ms: u64::try_from(now_ms() - run.began).unwrap_or(0),
        },
        Progress::Failed(message) => ReportKind::Failed {
            message: message.clone(),
        },
        Progress::Aborted(_) | Progress::Step(_) => ReportKind::Failed {
            message: "the run was stopped".into(),
        },
    });
    sink.send(last).await;
}

async fn conduct(
    core: &Arc<Core>,
    run: &Arc<Run>,
    order: &Order,
    sink: &mut Sink,
) -> Result<Progress, StoreError> {
    let began = now_ms();
    let history = core.store.messages(&run.session, MEMORY, 0)?;
    let mut fresh = false;
    let record = core.update_session(&run.session, "send", |s| {
        if s.title.is_none() {
            s.title = Some(clip(&order.text, 60));
        }
        if s.channel.is_none() {
            s.channel.clone_from(&order.channel);
        }
        s.preview = Some(clip(&order.text, 120));
        s.updated_at = began;
        s.last_interaction_at = Some(began);
        s.status = Some("running".into());
        s.started_at = Some(began);
        s.ended_at = None;
        s.last_run_id = Some(run.id.clone());
        s.message_count += 1;
        if matches!(order.text.trim(), "/new" | "/reset") {
            fresh = true;
            s.session_id = uuid::Uuid::new_v4().to_string();
            s.message_count = 0;
        }
    })?;
    let mut emit = Emitter::new(core, run, record.session_id.clone());
    emit.status("preparing_workspace");
    emit.status("preparing_context");
    if fresh {
        core.store.clear_messages(&run.session)?;
    } else {
        emit.record("user", &order.text, user_body(order))?;
    }
    if let Some(text) = rows::command_reply(core, &record, &order.text) {
        return command(core, &mut emit, &text);
    }
    emit.agent("lifecycle", json!({"phase": "start", "startedAt": began}));
    emit.status("starting_model");
    core.session_changed(&record, "agent.run.started");
    let (provider, model) = (core.agent.provider(), core.agent.model());
    emit.agent(
        "lifecycle",
        json!({"phase": "model", "provider": provider, "model": model}),
    );
    let turn = Turn {
        session: run.session.clone(),
        history: history
            .iter()
            .filter(|m| matches!(m.role.as_str(), "user" | "assistant") && !m.text.is_empty())
            .map(|m| Line {
                role: m.role.clone(),
                text: m.text.clone(),
                ..Line::default()
            })
            .collect(),
        prompt: order.text.clone(),
        images: order.images.clone(),
        model: record.model.clone(),
        thinking: order.thinking.clone().or_else(|| record.thinking_level.clone()),
        max_tokens: None,
    };
    let mut talk = Talk {
        said: String::new(),
        pending: String::new(),
        thought: String::new(),
        tools: Vec::new(),
    };
    let outcome = listen(core, run, order, &turn, &mut emit, &mut talk, sink).await?;
    close(core, run, &turn, emit, talk, outcome)
}

/// What the agent said since the last message that was written down.
struct Talk {
    said: String,
    pending: String,
    thought: String,
    tools: Vec<String>,
}

async fn listen(
    core: &Core,
    run: &Run,
    order: &Order,
    turn: &Turn,
    emit: &mut Emitter<'_>,
    talk: &mut Talk,
    sink: &mut Sink,
) -> Result<Outcome, StoreError> {
    let (tx, mut rx) = mpsc::channel(64);
    // A panic of the agent is a failed run, with its place in the transcript like any other.
    let answer = AssertUnwindSafe(core.agent.answer(turn, &tx)).catch_unwind();
    tokio::pin!(answer);
    let deadline = Instant::now() + order.timeout.unwrap_or(RUN_LIMIT).min(RUN_MAX);
    let mut next_delta = Instant::now();
    let outcome = loop {
        tokio::select! {
            biased;
            reason = run.stopped() => break Outcome::Stopped(reason),
            Some(step) = rx.recv() => {
                take(step, run, emit, talk, sink).await?;
                if !talk.pending.is_empty() && Instant::now() >= next_delta {
                    flush(emit, talk);
                    next_delta = Instant::now() + core.pacing;
                }
            }
            ending = &mut answer => break match ending {
                Ok(Ok(ending)) => Outcome::Done(ending),
                Ok(Err(error)) => Outcome::Failed(error),
                Err(_) => Outcome::Failed(AgentError {
                    message: BROKEN.into(),
                    reason: "internal",
                }),
            },
            () = tokio::time::sleep_until(next_delta), if !talk.pending.is_empty() => {
                flush(emit, talk);
                next_delta = Instant::now() + core.pacing;
            }
            () = tokio::time::sleep_until(deadline) => break Outcome::Failed(AgentError {
                message: "the run took longer than its time limit".into(),
                reason: "timeout",
            }),
        }
    };
    if !matches!(outcome, Outcome::Stopped(_)) {
        while let Ok(step) = rx.try_recv() {
            take(step, run, emit, talk, sink).await?;
        }
    }
    flush(emit, talk);
    Ok(outcome)
}

fn flush(emit: &mut Emitter<'_>, talk: &mut Talk) {
    if !talk.pending.is_empty() {
        emit.delta(&talk.pending);
        talk.pending.clear();
    }
}

async fn take(
    step: Step,
    run: &Run,
    emit: &mut Emitter<'_>,
    talk: &mut Talk,
    sink: &mut Sink,
) -> Result<(), StoreError> {
    match step {
        Step::Text(text) => {
            run.append(&text);
            talk.said.push_str(&text);
            talk.pending.push_str(&text);
            sink.step(Step::Text(text)).await;
        }
        Step::Thinking(text) => {
            talk.thought.push_str(&text);
            emit.agent("thinking", json!({"text": talk.thought, "delta": text}));
            sink.step(Step::Thinking(text)).await;
        }
        Step::ToolStart { id, name, input } => {
            flush(emit, talk);
            let said = std::mem::take(&mut talk.said);
            let mut parts = text_parts(&said);
            parts.push(json!({"type": "toolCall", "id": id, "name": name, "arguments": input}));
            emit.record(
                "assistant",
                &said,
                with_model(emit.core, json!({"content": parts, "stopReason": "toolUse"})),
            )?;
            emit.agent(
                "item",
                json!({"itemId": format!("tool:{id}"), "toolCallId": id, "name": name, "kind": "tool",
                "phase": "start", "title": name, "status": "running", "startedAt": now_ms()}),
            );
            emit.agent(
                "tool",
                json!({"phase": "start", "name": name, "toolCallId": id, "args": input}),
            );
            talk.tools.push(name.clone());
            sink.step(Step::ToolStart { id, name, input }).await;
        }
        Step::ToolResult {
            id,
            name,
            output,
            is_error,
        } => {
            let content = json!([{"type": "text", "text": output}]);
            emit.agent(
                "tool",
                json!({"phase": "result", "name": name, "toolCallId": id, "isError": is_error,
                "result": {"content": content}}),
            );
            emit.agent("item", json!({"itemId": format!("tool:{id}"), "toolCallId": id, "name": name, "kind": "tool",
                "phase": "end", "title": name, "status": if is_error { "failed" } else { "completed" }, "endedAt": now_ms()}));
            emit.record(
                "toolResult",
                &output,
                json!({"content": content, "toolCallId": id, "toolName": name, "isError": is_error}),
            )?;
            sink.step(Step::ToolResult {
                id,
                name,
                output,
                is_error,
            })
            .await;
        }
    }
    Ok(())
}

fn close(
    core: &Core,
    run: &Run,
    turn: &Turn,
    mut emit: Emitter<'_>,
    talk: Talk,
    outcome: Outcome,
) -> Result<Progress, StoreError> {
    let whole = run.said();
    let mut parts = Vec::new();
    if !talk.thought.is_empty() {
        parts.push(json!({"type": "thinking", "thinking": talk.thought}));
    }
    parts.extend(text_parts(&talk.said));
    match outcome {
        Outcome::Done(ending) => {
            let stop = if ending.stop_reason.is_empty() {
                "stop"
            } else {
                ending.stop_reason.as_str()
            };
            emit.agent("usage", json!({"outputTokens": ending.output_tokens}));
            let usage = json!({"input": ending.input_tokens, "output": ending.output_tokens, "cacheRead": 0, "cacheWrite": 0,
                "totalTokens": ending.input_tokens + ending.output_tokens, "cost": {"total": 0}});
            let body = json!({"content": parts, "provider": core.agent.provider(), "model": ending.model,
                "usage": usage, "stopReason": stop});
            let stored = emit.record("assistant", &talk.said, body)?;
            emit.agent(
                "lifecycle",
                json!({"phase": "finishing", "stopReason": stop, "aborted": false, "endedAt": now_ms()}),
            );
            emit.agent(
                "lifecycle",
                json!({"phase": "end", "stopReason": stop, "aborted": false, "endedAt": now_ms()}),
            );
            let record = settle(
                core,
                run,
                "done",
                &whole,
                None,
                (ending.input_tokens, ending.output_tokens),
            )?;
            emit.finals(&whole, stop);
            core.session_changed(&record, "agent.input.settled");
            Ok(Progress::Done(Reply {
                text: whole,
                message_id: stored.id,
                model: ending.model,
                stop_reason: stop.to_owned(),
                input_tokens: ending.input_tokens,
                output_tokens: ending.output_tokens,
                tools: talk.tools,
            }))
        }
        Outcome::Stopped(reason) => {
            // A session that was deleted meanwhile stays deleted.
            if !talk.said.is_empty() && core.store.session(&run.session)?.is_some() {
                let body = json!({"content": parts, "stopReason": "aborted",
                    "idempotencyKey": format!("{}:assistant", run.id),
                    "openclawAbort": {"aborted": true, "origin": reason, "runId": run.id}});
                emit.record("assistant", &talk.said, with_model(core, body))?;
            }
            let tokens = (estimate_tokens(&turn.prompt), estimate_tokens(&whole));
            let record = settle(core, run, "killed", &whole, Some("aborted"), tokens)?;
            emit.aborted(&whole, reason);
            emit.agent(
                "lifecycle",
                json!({"phase": "end", "status": "cancelled", "aborted": true, "stopReason": reason,
                "endedAt": now_ms()}),
            );
            core.session_changed(&record, "agent.input.settled");
            Ok(Progress::Aborted(whole))
        }
        Outcome::Failed(error) => {
            parts.extend(text_parts(&format!("⚠️ {}", error.message)));
            let body = json!({"content": parts, "stopReason": "error", "errorMessage": error.message,
                "idempotencyKey": format!("{}:terminal-error", run.id)});
            emit.record("assistant", &talk.said, with_model(core, body))?;
            emit.agent(
                "lifecycle",
                json!({"phase": "error", "error": error.message, "aborted": false, "endedAt": now_ms()}),
            );
            let tokens = (estimate_tokens(&turn.prompt), estimate_tokens(&whole));
            let record = settle(core, run, "failed", &whole, Some(&error.message), tokens)?;
            emit.failed(&error.message, error.reason);
            core.session_changed(&record, "agent.input.settled");
            Ok(Progress::Failed(error.message))
        }
    }
}

/// Removes the run from the table and stores its result before the last event goes out. So a reader of
/// that event finds the same result in the store.
fn settle(
    core: &Core,
    run: &Run,
    status: &str,
    said: &str,
    error: Option<&str>,
    tokens: (u64, u64),
) -> Result<SessionRecord, StoreError> {
    core.runs.finish(run);
    let stored = core.store.session(&run.session)?;
    let deleted = stored.is_none();
    let mut s = stored.unwrap_or_else(|| core.new_session(&run.session));
    let now = now_ms();
    s.status = Some(status.into());
    s.ended_at = Some(now);
    s.updated_at = now;
    s.unread = true;
    s.last_error = error.map(str::to_owned);
    s.aborted_last_run = status == "killed";
    s.input_tokens += tokens.0;
    s.output_tokens += tokens.1;
    if !said.is_empty() {
        s.preview = Some(clip(said, 120));
        s.message_count += 1;
    }
    if !deleted {
        core.store.put_session(&s)?;
    }
    Ok(s)
}

/// A slash command: a final without deltas.
fn command(core: &Core, emit: &mut Emitter<'_>, text: &str) -> Result<Progress, StoreError> {
    let stored = emit.record(
        "assistant",
        text,
        json!({"content": text_parts(text), "provider": "clawtray",
        "model": "gateway-injected", "stopReason": "stop"}),
    )?;
    let record = settle(core, emit.run, "done", text, None, (0, 0))?;
    emit.finals(text, "stop");
    core.session_changed(&record, "agent.input.settled");
    Ok(Progress::Done(Reply {
        text: text.to_owned(),
        message_id: stored.id,
        model: "gateway-injected".into(),
        stop_reason: "stop".into(),
        ..Reply::default()
    }))
}

fn with_model(core: &Core, mut body: Value) -> Value {
    merge(
        &mut body,
        json!({"provider": core.agent.provider(), "model": core.agent.model()}),
    );
    body
}

fn text_parts(text: &str) -> Vec<Value> {
    if text.is_empty() {
        Vec::new()
    } else {
        vec![json!({"type": "text", "text": text})]
    }
}

fn clip(text: &str, max: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= max {
        return line;
    }
    let mut out: String = line.chars().take(max.saturating_sub(1)).collect();
    out.push('…');
    out
}

/// Where the steps go that somebody waits for.
struct Sink {
    tx: Option<mpsc::Sender<Progress>>,
}

impl Sink {
    async fn step(&mut self, step: Step) {
        self.send(Progress::Step(step)).await;
    }

    /// Hands a step over. A sink that stays full is cut off, so that one slow reader neither stalls the run nor fills
    /// memory.
    async fn send(&mut self, step: Progress) {
        if let Some(tx) = &self.tx {
            let alive = tx.send_timeout(step, SINK_PATIENCE).await.is_ok();
            if !alive {
                self.tx = None;
            }
        }
    }
}
