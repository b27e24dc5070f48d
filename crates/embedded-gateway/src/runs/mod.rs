//! Runs: one turn of the agent each. The runs of a session go one after the other.

mod drive;
mod emit;

use crate::agent::Step;
use crate::core::{Core, agent_of};
use crate::error::{invalid_with, unavailable};
use crate::time::now_ms;
use clawtray_gateway_protocol::GatewayError;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Runs that may be under way or waiting at once.
const ACTIVE_MAX: usize = 2_000;
/// No run takes longer, whatever time limit its caller names.
pub(crate) const RUN_MAX: Duration = Duration::from_secs(86_400);
/// How long an idempotency key is remembered after its run began.
const SEEN_FOR: Duration = Duration::from_secs(300);
/// How many idempotency keys are remembered.
const SEEN_MAX: usize = 1_000;

/// The events of a run, for its starter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    /// The agent goes on.
    Step(Step),
    Done(Reply),
    Failed(String),
    Aborted(String),
}

/// A finished answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reply {
    pub(crate) text: String,
    pub(crate) message_id: String,
    pub(crate) model: String,
    pub(crate) stop_reason: String,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) tools: Vec<String>,
}

/// A request for a run.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// The full session key.
    pub(crate) session: String,
    pub(crate) text: String,
    /// The idempotency key; becomes the run id.
    pub(crate) run_id: String,
    /// `data:` URLs.
    pub(crate) images: Vec<String>,
    /// What the transcript shows of attachments.
    pub(crate) attachment_parts: Vec<Value>,
    pub(crate) thinking: Option<String>,
    pub(crate) timeout: Option<Duration>,
    /// The device that asked.
    pub(crate) device: Option<String>,
    pub(crate) channel: Option<String>,
    /// Gets the steps; cut off when it does not keep up.
    pub(crate) sink: Option<mpsc::Sender<Progress>>,
}

/// A run that is under way or waits for its turn.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) session: String,
    pub(crate) agent: String,
    pub(crate) began: i64,
    pub(crate) device: Option<String>,
    stop: watch::Sender<Option<&'static str>>,
    live: Mutex<String>,
}

impl Run {
    /// Waits for a stop request and returns its reason.
    async fn stopped(&self) -> &'static str {
        let mut rx = self.stop.subscribe();
        match rx.wait_for(Option::is_some).await {
            Ok(reason) => reason.unwrap_or("rpc"),
            Err(_) => "rpc",
        }
    }

    pub(crate) fn stop(&self, reason: &'static str) {
        self.stop.send_if_modified(|state| {
            let first = state.is_none();
            if first {
                *state = Some(reason);
            }
            first
        });
    }

    /// What the run has said so far.
    pub(crate) fn said(&self) -> String {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn append(&self, text: &str) {
        self.live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_str(text);
    }
}

#[derive(Debug)]
struct Seen {
    key: String,
    fingerprint: u64,
    at: Instant,
}

#[derive(Debug, Default)]
struct Tables {
    active: HashMap<String, Vec<Arc<Run>>>,
    count: usize,
    gates: HashMap<String, Arc<tokio::sync::Mutex<()>>>,
    seen: VecDeque<Seen>,
}

/// The runs of the gateway.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    tables: Mutex<Tables>,
}

impl Runs {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn active_ids(&self, session: &str) -> Vec<String> {
        self.tables()
            .active
            .get(session)
            .into_iter()
            .flatten()
            .map(|r| r.id.clone())
            .collect()
    }

    pub(crate) fn active(&self, session: &str) -> Vec<Arc<Run>> {
        self.tables().active.get(session).cloned().unwrap_or_default()
    }

    pub(crate) fn count(&self) -> usize {
        self.tables().count
    }

    /// Stops one run of a session, or all; gives the ids of those that were told.
    pub(crate) fn abort(&self, session: &str, run: Option<&str>, reason: &'static str) -> Vec<String> {
        let runs = self.active(session);
        runs.iter()
            .filter(|r| run.is_none_or(|id| r.id == id))
            .map(|r| {
                r.stop(reason);
                r.id.clone()
            })
            .collect()
    }

    pub(crate) fn abort_all(&self, reason: &'static str) {
        let all: Vec<Arc<Run>> = self.tables().active.values().flatten().cloned().collect();
        all.iter().for_each(|r| r.stop(reason));
    }

    /// Takes a run off the table; the second time does nothing.
    fn finish(&self, run: &Run) {
        let mut tables = self.tables();
        if let Some(list) = tables.active.get_mut(&run.session) {
            let before = list.len();
            list.retain(|r| !std::ptr::eq(&**r, run));
            let (gone, is_empty) = (before - list.len(), list.is_empty());
            if is_empty {
                tables.active.remove(&run.session);
                tables.gates.remove(&run.session);
            }
            tables.count = tables.count.saturating_sub(gone);
        }
    }
}

/// Starts a run, or recognises one that was asked for before: `started`, `in_flight` or `ok`.
pub(crate) fn start(core: &Arc<Core>, order: Order) -> Result<&'static str, GatewayError> {
    let fingerprint = fingerprint(&order);
    let (run, gate) = {
        let mut tables = core.runs.tables();
        while tables.seen.len() >= SEEN_MAX || tables.seen.front().is_some_and(|s| s.at.elapsed() > SEEN_FOR)
        {
            tables.seen.pop_front();
        }
        if let Some(seen) = tables.seen.iter().find(|s| s.key == order.run_id) {
            if seen.fingerprint != fingerprint {
                return Err(invalid_with(
                    "idempotency key was already used for a different chat request",
                    json!({"reason": "chat-request-conflict"}),
                ));
            }
            let running = tables
                .active
                .get(&order.session)
                .is_some_and(|l| l.iter().any(|r| r.id == order.run_id));
            return Ok(if running { "in_flight" } else { "ok" });
        }
        if tables.count >= ACTIVE_MAX {
            return Err(unavailable("The server is busy. Please try again in a moment."));
        }
        let run = Arc::new(Run {
            id: order.run_id.clone(),
            session: order.session.clone(),
            agent: agent_of(&order.session).to_owned(),
            began: now_ms(),
            device: order.device.clone(),
            stop: watch::Sender::new(None),
            live: Mutex::default(),
        });
        tables.count += 1;
        tables.seen.push_back(Seen {
            key: order.run_id.clone(),
            fingerprint,
            at: Instant::now(),
        });
        tables
            .active
            .entry(order.session.clone())
            .or_default()
            .push(run.clone());
        (
            run,
            tables.gates.entry(order.session.clone()).or_default().clone(),
        )
    };
    tokio::spawn(drive::drive(core.clone(), run, order, gate));
    Ok("started")
}

fn fingerprint(order: &Order) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (&order.session, &order.text, &order.images).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
