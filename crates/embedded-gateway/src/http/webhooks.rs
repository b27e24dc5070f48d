//! Sends webhooks. They are signed and repeated, and they never delay a run.

use super::sessions::Known;
use crate::backend::{Backend, Report, ReportKind};
use crate::core::Core;
use crate::store::ledger::{DEFAULT_WORKSPACE, Entry};
use crate::store::sessions::sid_of;
use crate::time::{iso, now_ms};
use hmac::{Hmac, KeyInit, Mac};
use rand::Rng;
use serde_json::{Value, json};
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};

/// Events that wait for one receiver; what comes on top is dropped, with a line in the log.
const QUEUE: usize = 1_024;
/// The first pause before a repetition; it doubles.
const BACKOFF: Duration = Duration::from_secs(1);
/// The longest pause, and the longest time that one attempt may take.
const LONGEST: Duration = Duration::from_secs(3_600);

/// A receiver of events.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where events are posted.
    pub url: String,
    /// The shared secret that signs them.
    pub secret: String,
    /// The events wanted, for example `message.sent`; empty: all.
    pub events: Vec<String>,
    /// Repetitions after a failure.
    pub retries: u32,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// The first pause before a repetition; it doubles each time.
    pub backoff: Duration,
}

impl Webhook {
    /// A receiver of all events, with the dialect's own figures: three repetitions, five seconds each.
    #[must_use]
    pub fn new(url: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            secret: secret.into(),
            events: Vec::new(),
            retries: 3,
            timeout: Duration::from_secs(5),
            backoff: BACKOFF,
        }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

/// The receivers, each with its queue.
#[derive(Debug, Default)]
pub(crate) struct Webhooks {
    queues: Vec<(Webhook, mpsc::Sender<Value>)>,
}

impl Webhooks {
    pub(crate) fn start(hooks: Vec<Webhook>) -> Result<Self, String> {
        if hooks.is_empty() {
            return Ok(Self::default());
        }
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| e.to_string())?;
        let mut queues = Vec::new();
        for hook in hooks {
            let url =
                url::Url::parse(&hook.url).map_err(|_| "a webhook's address is not a URL".to_owned())?;
            if !matches!(url.scheme(), "http" | "https") {
                return Err("a webhook's address must begin with http:// or https://".into());
            }
            let (tx, rx) = mpsc::channel(QUEUE);
            tokio::spawn(deliver_all(client.clone(), hook.clone(), rx));
            queues.push((hook, tx));
        }
        Ok(Self { queues })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    fn send(&self, event: &str, data: impl FnOnce() -> Value) {
        let mut wanted = self
            .queues
            .iter()
            .filter(|(h, _)| h.events.is_empty() || h.events.iter().any(|e| e == event))
            .peekable();
        if wanted.peek().is_none() {
            return;
        }
        let body = json!({"event": event, "timestamp": iso(now_ms()), "data": data()});
        for (_, queue) in wanted {
            if queue.try_send(body.clone()).is_err() {
                tracing::warn!(event, "a webhook's queue is full; the event is dropped");
            }
        }
    }

    pub(crate) fn session_started(&self, key: &str, entry: &Entry) {
        self.send("session.started", || {
            json!({"sessionId": sid_of(key), "workspace": entry.workspace, "userId": entry.user, "channel": "api"})
        });
    }

    pub(crate) fn session_ended(&self, known: &Known) {
        self.send("session.ended", || {
            let mut row = known.d5();
            let id = row.get("id").cloned();
            crate::ws::merge(&mut row, json!({ "sessionId": id }));
            row
        });
    }

    /// Tells what happened in any session.
    fn tell(&self, core: &Core, report: &Report) {
        let api = core.store.api_session(&report.session).ok().flatten();
        let mut base = json!({
            "messageId": report.run_id,
            "sessionId": sid_of(&report.session),
            "workspace": api.as_ref().map_or(DEFAULT_WORKSPACE, |a| a.workspace.as_str()),
            "userId": api.as_ref().map_or(super::turn::NO_USER, |a| a.user.as_str()),
            "channel": api.as_ref().map_or("direct", |a| a.channel.as_str()),
        });
        let (event, more) = match &report.kind {
            ReportKind::Received { text } => ("message.received", json!({ "message": text })),
            ReportKind::Sent {
                text,
                tokens,
                latency_ms,
            } => (
                "message.sent",
                json!({"response": text, "tokensUsed": tokens, "latencyMs": latency_ms}),
            ),
            ReportKind::Failed { message } => ("error.agent", json!({ "error": message })),
            ReportKind::ChannelLost { channel } => ("channel.disconnected", json!({ "channel": channel })),
        };
        crate::ws::merge(&mut base, more);
        self.send(event, || base);
    }
}

/// Carries what the backend reports to the webhooks, until the gateway leaves.
pub(crate) async fn follow(
    http: Arc<super::Http>,
    backend: Arc<dyn Backend>,
    mut leaving: watch::Receiver<crate::ws::Leaving>,
) {
    let mut reports = backend.reports();
    loop {
        tokio::select! {
            report = reports.recv() => match report {
                Ok(report) => http.webhooks.tell(&http.core, &report),
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "webhooks fell behind");
                }
                Err(broadcast::error::RecvError::Closed) => return,
            },
            _ = crate::ws::gone(&mut leaving) => return,
        }
    }
}

async fn deliver_all(client: reqwest::Client, hook: Webhook, mut queue: mpsc::Receiver<Value>) {
    while let Some(event) = queue.recv().await {
        let body = event.to_string();
        let Some(signature) = sign(&hook.secret, body.as_bytes()) else {
            continue;
        };
        let mut pause = hook.backoff.min(LONGEST);
        for attempt in 0..=hook.retries {
            if attempt > 0 {
                let jitter = rand::rng().random_range(0.75..1.25);
                tokio::time::sleep(pause.mul_f64(jitter)).await;
                pause = pause.saturating_mul(2).min(LONGEST);
            }
            if deliver(&client, &hook, &body, &signature).await {
                break;
            }
            if attempt == hook.retries {
                tracing::warn!("a webhook could not be delivered; the event is given up");
            }
        }
    }
}

/// One attempt: true when it needs no repetition.
async fn deliver(client: &reqwest::Client, hook: &Webhook, body: &str, signature: &str) -> bool {
    let sent = client
        .post(&hook.url)
        .timeout(hook.timeout.min(LONGEST))
        .header("content-type", "application/json")
        .header("x-openclaw-signature", signature)
        .body(body.to_owned())
        .send()
        .await;
    match sent {
        Ok(response) => {
            let status = response.status();
            !(status.is_server_error() || matches!(status.as_u16(), 408 | 429))
        }
        Err(_) => false,
    }
}

/// `sha256=` and the HMAC of the raw body, hex.
fn sign(secret: &str, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(body);
    let hex: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    Some(format!("sha256={hex}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn signature_is_hmac_sha256() {
        // RFC 4231, test case 2.
        let expect = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(
            super::sign("Jefe", b"what do ya want for nothing?").as_deref(),
            Some(expect)
        );
    }
}
