//! Sends requests at a fixed rate, whether or not the earlier ones are answered.

use crate::servers::Handle;
use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc};

/// Connections for requests: with the streams below what the server lets in.
pub(crate) const CONNECTIONS: usize = 200;
/// A request that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(10);

/// A request and what its answer has to be.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Alive, as both servers say it.
    Health,
    /// D3's status.
    Status,
    /// The transcript of one of the sessions, which holds this text and no other.
    Transcript { session: String, text: String },
    /// A token that is wrong.
    Stranger,
    /// A body that is no JSON.
    Garbage,
}

impl Kind {
    /// Every kind, transcripts of all sessions among them.
    pub(crate) fn all(texts: Vec<(String, String)>) -> Vec<Self> {
        texts
            .into_iter()
            .flat_map(|(session, text)| {
                [
                    Self::Health,
                    Self::Transcript { session, text },
                    Self::Status,
                    Self::Stranger,
                    Self::Garbage,
                ]
            })
            .collect()
    }

    fn request(&self, server: &Handle) -> reqwest::RequestBuilder {
        let get = |path: &str| server.client.get(format!("{}{path}", server.base));
        match self {
            Self::Health => get("/health").bearer_auth(&server.token),
            Self::Status => get("/api/status").bearer_auth(&server.token),
            Self::Transcript { session, .. } => {
                get(&format!("/api/sessions/{session}/history?limit=10")).bearer_auth(&server.token)
            }
            Self::Stranger => get("/api/status").bearer_auth("not-the-token"),
            Self::Garbage => server
                .client
                .post(format!("{}/api/sessions/send", server.base))
                .bearer_auth(&server.token)
                .body("{\"message\":"),
        }
    }

    /// Whether the answer is the right one for this request.
    fn fits(&self, status: StatusCode, body: &Value) -> bool {
        let says = |name: &str| body.get(name).and_then(Value::as_str);
        match self {
            Self::Health => {
                status == 200 && body.get("ok") == Some(&Value::Bool(true)) && says("status") == Some("live")
            }
            Self::Status => {
                status == 200 && body.get("ok") == Some(&Value::Bool(true)) && says("agent") == Some("main")
            }
            Self::Transcript { text, .. } => {
                let reply = body.as_array().filter(|messages| messages.len() == 2);
                let reply = reply.and_then(|messages| messages.last());
                status == 200 && reply.and_then(|message| message.get("content")) == Some(&json!(text))
            }
            Self::Stranger => status == 401 && says("error") == Some("unauthorized"),
            Self::Garbage => status == 400 && says("error") == Some("bad_request"),
        }
    }
}

/// What became of the requests.
#[derive(Default)]
pub(crate) struct Load {
    pub(crate) sent: usize,
    pub(crate) right: usize,
    pub(crate) wrong: usize,
    pub(crate) failed: usize,
    pub(crate) reasons: Vec<String>,
    /// From the moment a request was due, in milliseconds.
    latencies: Vec<f64>,
    seconds: f64,
}

impl Load {
    /// Right answers a second.
    pub(crate) fn rate(&self) -> f64 {
        self.right as f64 / self.seconds.max(f64::EPSILON)
    }

    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let at = (self.latencies.len().saturating_sub(1) * percent).div_ceil(100);
        self.latencies.get(at).copied().unwrap_or_default()
    }

    fn tell(&mut self, reason: String) {
        if self.reasons.len() < 5 && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }
}

/// Makes sessions, each with a text of its own.
pub(crate) async fn prepare(server: &Handle, count: usize) -> Result<Vec<(String, String)>> {
    let mut sessions = Vec::new();
    for number in 0..count {
        let (session, text) = (
            format!("bench-{number}"),
            format!("the text of session {number}, é🦞"),
        );
        let sent = server
            .client
            .post(format!("{}/api/sessions/{session}/messages", server.base))
            .bearer_auth(&server.token)
            .json(&json!({"message": format!("[[say:{text}]][[d:0]]")}))
            .send()
            .await?;
        ensure!(
            sent.status() == 200,
            "a session could not be made: {}",
            sent.status()
        );
        let said: Value = sent.json().await?;
        ensure!(
            said.get("response") == Some(&json!(text)),
            "the model said {said}"
        );
        sessions.push((session, text));
    }
    Ok(sessions)
}

enum Answer {
    Right(f64),
    Wrong(String),
    Failed(String),
}

/// Sends so many requests a second for so long, then waits for the answers.
pub(crate) async fn fire(server: &Handle, kinds: &[Kind], rate: u32, during: Duration) -> Load {
    let (server, kinds): (_, Arc<[Kind]>) = (server.clone(), kinds.into());
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let (tx, mut answers) = mpsc::unbounded_channel();
    let count = (f64::from(rate) * during.as_secs_f64()) as usize;
    let began = Instant::now();
    let sending = tokio::spawn(async move {
        for number in 0..count {
            let due = began + Duration::from_secs_f64(number as f64 / f64::from(rate));
            tokio::time::sleep_until(due.into()).await;
            let (server, kinds, room, tx) = (server.clone(), kinds.clone(), room.clone(), tx.clone());
            tokio::spawn(async move {
                let _ = tx.send(ask(&server, &kinds, number, due, &room).await);
            });
        }
    });
    let mut load = Load {
        sent: count,
        ..Load::default()
    };
    let mut last = began;
    while let Some(answer) = answers.recv().await {
        match answer {
            Answer::Right(ms) => {
                load.right += 1;
                load.latencies.push(ms);
                last = Instant::now();
            }
            Answer::Wrong(reason) => {
                load.wrong += 1;
                load.tell(reason);
            }
            Answer::Failed(reason) => {
                load.failed += 1;
                load.tell(reason);
            }
        }
    }
    let _ = sending.await;
    // Requests that no task answered for are lost too.
    load.failed = load.sent - load.right - load.wrong;
    load.latencies.sort_by(f64::total_cmp);
    load.seconds = last.duration_since(began).as_secs_f64();
    load
}

async fn ask(server: &Handle, kinds: &[Kind], number: usize, due: Instant, room: &Semaphore) -> Answer {
    let Some(kind) = kinds.get(number % kinds.len().max(1)) else {
        return Answer::Failed("there is nothing to ask".to_owned());
    };
    let asking = async {
        let _place = room.acquire().await?;
        let answer = kind.request(server).send().await?;
        let status = answer.status();
        let body = answer.text().await?;
        anyhow::Ok((status, body))
    };
    let answered = tokio::time::timeout_at((due + LIMIT).into(), asking)
        .await
        .context("no answer within ten seconds");
    match answered.and_then(|answered| answered) {
        Ok((status, body)) => {
            let json = serde_json::from_str(&body).unwrap_or_default();
            if kind.fits(status, &json) {
                Answer::Right(due.elapsed().as_secs_f64() * 1_000.0)
            } else {
                let body: String = body.chars().take(160).collect();
                Answer::Wrong(format!("{kind:?} was answered {status}: {body}"))
            }
        }
        Err(error) => Answer::Failed(format!("{error:#}")),
    }
}
