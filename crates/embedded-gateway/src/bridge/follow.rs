//! Turns the gateway's events into steps of the runs that HTTP callers wait for.

use super::shape;
use crate::agent::Step;
use crate::backend::{Report, ReportKind};
use crate::runs::{Progress, Reply};
use clawtray_gateway_client::{Gateway, GatewayEvent, RunEvent, RunStep, SendAck};
use clawtray_gateway_protocol::Role;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc};

/// Steps that wait for one reader.
const STEPS: usize = 1_024;
/// Runs of others whose beginning is remembered, for the webhooks' latency.
const BEGUN_MAX: usize = 1_000;
/// How long a run may be silent before the transcript is asked.
const SILENCE: Duration = Duration::from_secs(60);
/// How often the transcript is asked for a reply that comes under another run's id.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// How long such a reply is waited for.
const LOOK_FOR: Duration = Duration::from_secs(600);

/// What is passed on to somebody who waits.
#[derive(Debug)]
pub(super) enum Passed {
    Step(RunStep),
    /// Events may have been missed.
    Check,
}

#[derive(Default)]
struct Tables {
    routes: HashMap<String, mpsc::Sender<Passed>>,
    gates: HashMap<String, Arc<tokio::sync::Mutex<()>>>,
}

/// The runs that somebody here waits for.
#[derive(Default)]
pub(super) struct Runs {
    tables: Mutex<Tables>,
}

impl Runs {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self) -> usize {
        self.tables().routes.len()
    }

    /// One prompt at a time per session.
    pub(super) fn gate(&self, session: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut tables = self.tables();
        if tables.gates.len() > 1_000 {
            tables.gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        }
        tables.gates.entry(session.to_owned()).or_default().clone()
    }
}

/// A run's place in the table, for as long as somebody waits.
pub(super) struct Watched {
    runs: Arc<Runs>,
    run: String,
    rx: mpsc::Receiver<Passed>,
}

impl Watched {
    pub(super) fn new(runs: &Arc<Runs>, run: &str) -> Self {
        let (tx, rx) = mpsc::channel(STEPS);
        runs.tables().routes.insert(run.to_owned(), tx);
        Self {
            runs: runs.clone(),
            run: run.to_owned(),
            rx,
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.runs.tables().routes.remove(&self.run);
    }
}

/// Hands events out, until the gateway is shut down.
pub(super) async fn pump(
    mut events: mpsc::Receiver<GatewayEvent>,
    runs: Arc<Runs>,
    reports: broadcast::Sender<Report>,
) {
    let mut begun: HashMap<String, Instant> = HashMap::new();
    let mut channels = Value::Null;
    while let Some(event) = events.recv().await {
        match event {
            GatewayEvent::Run(event) => {
                report(&event, &mut begun, &reports);
                let route = runs.tables().routes.get(event.run.as_str()).cloned();
                if let Some(route) = route {
                    // A full queue is noticed by its reader: the sender is gone from the table then.
                    if route.try_send(Passed::Step(event.step)).is_err() {
                        runs.tables().routes.remove(event.run.as_str());
                    }
                }
            }
            GatewayEvent::Connected { .. } | GatewayEvent::Resync => {
                for route in runs.tables().routes.values() {
                    let _ = route.try_send(Passed::Check);
                }
            }
            GatewayEvent::Message { session, message } if message.role == Role::User => {
                let key = message.idempotency_key.as_deref().unwrap_or_default();
                let run_id = key.strip_suffix(":user").unwrap_or(key).to_owned();
                let kind = ReportKind::Received { text: message.text() };
                let _ = reports.send(Report {
                    session: session.0,
                    run_id,
                    kind,
                });
            }
            GatewayEvent::Health(health) => {
                let now = shape::channels(&health);
                for channel in lost(&channels, &now) {
                    let kind = ReportKind::ChannelLost { channel };
                    let _ = reports.send(Report {
                        session: String::new(),
                        run_id: String::new(),
                        kind,
                    });
                }
                channels = now;
            }
            GatewayEvent::Message { .. }
            | GatewayEvent::SessionChanged { .. }
            | GatewayEvent::SessionsChanged { .. }
            | GatewayEvent::ApprovalRequested(_)
            | GatewayEvent::ApprovalResolved { .. }
            | GatewayEvent::Shutdown { .. }
            | GatewayEvent::Other { .. } => {}
        }
    }
}

/// Channels that were connected and are no more.
fn lost(before: &Value, now: &Value) -> Vec<String> {
    let connected = |v: Option<&Value>| v.and_then(Value::as_str) == Some("connected");
    let list = before.as_object().into_iter().flatten();
    list.filter(|(name, word)| connected(Some(word)) && !connected(now.get(name)))
        .map(|(name, _)| name.clone())
        .collect()
}

fn report(event: &RunEvent, begun: &mut HashMap<String, Instant>, reports: &broadcast::Sender<Report>) {
    let run = event.run.0.clone();
    let kind = match &event.step {
        RunStep::Final {
            message: Some(message),
            ..
        } => {
            let took = begun.remove(&run).map_or(Duration::ZERO, |at| at.elapsed());
            let latency_ms = u64::try_from(took.as_millis()).unwrap_or(0);
            ReportKind::Sent {
                text: message.text(),
                tokens: 0,
                latency_ms,
            }
        }
        RunStep::Error { message } => match begun.remove(&run) {
            Some(_) => ReportKind::Failed {
                message: message.clone(),
            },
            // The gateway says it twice.
            None => return,
        },
        RunStep::Final { message: None, .. } | RunStep::Aborted { .. } => {
            begun.remove(&run);
            return;
        }
        RunStep::Status { .. } | RunStep::Delta { .. } | RunStep::Thinking { .. } | RunStep::Tool { .. } => {
            if begun.len() < BEGUN_MAX {
                begun.entry(run).or_insert_with(Instant::now);
            }
            return;
        }
    };
    let _ = reports.send(Report {
        session: event.session.0.clone(),
        run_id: run,
        kind,
    });
}

/// Passes the steps of one run on, until it ends.
pub(super) async fn relay(
    gateway: Arc<dyn Gateway>,
    mut watched: Watched,
    session: String,
    run: String,
    ack: SendAck,
    out: mpsc::Sender<Progress>,
) {
    if let Some(text) = ack.reply {
        let reply = Reply {
            text: text.clone(),
            stop_reason: "stop".into(),
            ..Reply::default()
        };
        let _ = out.send(Progress::Step(Step::Text(text))).await;
        let _ = out.send(Progress::Done(reply)).await;
        return;
    }
    let mut said = String::new();
    loop {
        let passed = tokio::time::timeout(SILENCE, watched.rx.recv()).await;
        let step = match passed {
            Ok(Some(Passed::Step(step))) => step,
            Ok(Some(Passed::Check)) | Err(_) => {
                if let Some(last) = ended(&*gateway, &session, &run).await {
                    let _ = out.send(catch_up(&said, last, &out).await).await;
                    return;
                }
                continue;
            }
            Ok(None) => {
                let _ = out
                    .send(Progress::Failed(
                        "the stream was cut off: its reader was too slow".into(),
                    ))
                    .await;
                return;
            }
        };
        let last = match step {
            RunStep::Status { .. } => continue,
            RunStep::Delta { text, replace, .. } => {
                if replace {
                    said.clear();
                }
                said.push_str(&text);
                let _ = out.send(Progress::Step(Step::Text(text))).await;
                continue;
            }
            RunStep::Thinking { text } => {
                let _ = out.send(Progress::Step(Step::Thinking(text))).await;
                continue;
            }
            RunStep::Tool {
                call_id,
                name,
                phase,
                arguments,
                output,
                is_error,
            } => {
                let step = match phase.as_str() {
                    "start" => Step::ToolStart {
                        id: call_id,
                        name,
                        input: arguments.unwrap_or_else(|| json!({})),
                    },
                    "result" => Step::ToolResult {
                        id: call_id,
                        name,
                        output: output.unwrap_or_default(),
                        is_error,
                    },
                    _ => continue,
                };
                let _ = out.send(Progress::Step(step)).await;
                continue;
            }
            RunStep::Final {
                message: Some(message),
                stop_reason,
            } => {
                let mut reply = read(&*gateway, &session, &run).await.unwrap_or_default();
                reply.text = message.text();
                reply.stop_reason = stop_reason.unwrap_or_else(|| "stop".into());
                Progress::Done(reply)
            }
            // Steered into a run of somebody else, or nothing to say.
            RunStep::Final { message: None, .. } => settled(&*gateway, &session, &run).await,
            RunStep::Aborted { message } => Progress::Aborted(
                message
                    .map(|m| m.text())
                    .unwrap_or_else(|| std::mem::take(&mut said)),
            ),
            RunStep::Error { message } => Progress::Failed(message),
        };
        let last = catch_up(&said, last, &out).await;
        let _ = out.send(last).await;
        return;
    }
}

/// Sends what a final reply has beyond what was streamed.
async fn catch_up(said: &str, last: Progress, out: &mpsc::Sender<Progress>) -> Progress {
    if let Progress::Done(reply) = &last {
        match reply.text.strip_prefix(said) {
            Some("") | None => {}
            Some(rest) => {
                let _ = out.send(Progress::Step(Step::Text(rest.to_owned()))).await;
            }
        }
    }
    last
}

async fn page(gateway: &dyn Gateway, session: &str) -> Option<Value> {
    gateway
        .call_raw("chat.history", json!({"sessionKey": session, "limit": 40}))
        .await
        .ok()
}

async fn read(gateway: &dyn Gateway, session: &str, run: &str) -> Option<Reply> {
    let page = page(gateway, session).await?;
    shape::reply(page.get("messages")?.as_array()?, run)
}

/// The end of a run as the transcript has it; `None` while it goes on or nothing is known.
async fn ended(gateway: &dyn Gateway, session: &str, run: &str) -> Option<Progress> {
    let page = page(gateway, session).await?;
    let active = page
        .pointer("/sessionInfo/hasActiveRun")
        .and_then(Value::as_bool)
        .unwrap_or(false)
        || page.get("inFlightRun").is_some_and(Value::is_object);
    if active {
        return None;
    }
    let messages = page.get("messages")?.as_array()?;
    Some(match shape::reply(messages, run) {
        Some(reply) if reply.stop_reason == "error" => Progress::Failed(reply.text),
        Some(reply) => Progress::Done(reply),
        None => Progress::Failed("the connection to the gateway was lost while it answered".into()),
    })
}

/// Waits until the session is at rest, then reads what was answered.
async fn settled(gateway: &dyn Gateway, session: &str, run: &str) -> Progress {
    let deadline = Instant::now() + LOOK_FOR;
    while Instant::now() < deadline {
        match ended(gateway, session, run).await {
            // A prompt that was handled without a word, a command for example.
            Some(Progress::Failed(_)) => {
                return Progress::Done(Reply {
                    stop_reason: "stop".into(),
                    ..Reply::default()
                });
            }
            Some(last) => return last,
            None => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
    Progress::Failed("the gateway did not answer in time".into())
}
