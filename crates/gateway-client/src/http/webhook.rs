//! Receives D5's webhooks. A gateway without a socket reports new messages this way.
//!
//! The listener is on loopback only. A request counts if its signature is right (HMAC-SHA256 of the
//! raw body, compared in constant time), its time is near, and it is new. The sender repeats a
//! request that got no answer.

use super::names::Exchange;
use super::{Inner, read};
use crate::{GatewayEvent, RunStep, Secret};
use clawtray_gateway_protocol::bounds;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// The largest body that is read, in bytes.
const BODY_MAX: usize = 1024 * 1024;
/// Time for a request to come in.
const READ_LIMIT: Duration = Duration::from_secs(10);
/// How far from now a request's own time may be, in milliseconds.
const WINDOW_MS: u64 = 300_000;
/// Requests that are remembered to know them again.
const REMEMBERED: usize = 4096;
/// Connections at once.
const CONNECTIONS: usize = 32;

/// Where a gateway's webhooks arrive.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookConfig {
    /// The port on 127.0.0.1.
    pub port: u16,
    /// What the gateway signs with.
    pub secret: Secret,
}

/// Signatures that were here. They belong to the process, not to a listener: a connection that is made anew must not take
/// the requests of the last minutes for new ones.
static SEEN: Seen = Seen::new(VecDeque::new());

type Seen = Mutex<VecDeque<Vec<u8>>>;

/// Listens until the connection is closed. Answers whether it could.
pub(crate) async fn listen(inner: &Arc<Inner>, config: &WebhookConfig) -> std::io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
    let secret = config.secret.clone();
    let inner = Arc::clone(inner);
    tokio::spawn(async move {
        let mut closed = inner.closed.subscribe();
        tokio::select! {
            _ = closed.wait_for(|closed| *closed) => {}
            () = accept(&inner, listener, secret) => {}
        }
    });
    Ok(())
}

async fn accept(inner: &Arc<Inner>, listener: TcpListener, secret: Secret) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (inner, secret) = (Arc::clone(inner), secret.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let (inner, secret) = (Arc::clone(&inner), secret.clone());
                async move {
                    let status = receive(&inner, &secret, &SEEN, request).await;
                    let mut response = Response::new(Empty::<Bytes>::new());
                    *response.status_mut() = status;
                    Ok::<_, Infallible>(response)
                }
            });
            let serving = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(READ_LIMIT)
                .max_headers(64)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            let _ = tokio::time::timeout(READ_LIMIT * 3, serving).await;
            drop(slot);
        });
    }
}

async fn receive(inner: &Inner, secret: &Secret, seen: &Seen, request: Request<Incoming>) -> StatusCode {
    if request.method() != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED;
    }
    let signature = request
        .headers()
        .get("x-openclaw-signature")
        .and_then(|value| unhex(value.to_str().ok()?.trim().strip_prefix("sha256=")?));
    let Some(signature) = signature else {
        return StatusCode::UNAUTHORIZED;
    };
    let reading = Limited::new(request.into_body(), BODY_MAX).collect();
    let body = match tokio::time::timeout(READ_LIMIT, reading).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE,
        Err(_) => return StatusCode::REQUEST_TIMEOUT,
    };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else {
        return StatusCode::UNAUTHORIZED;
    };
    mac.update(&body);
    if mac.verify_slice(&signature).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(event) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    let near = event
        .get("timestamp")
        .and_then(read::time)
        .is_some_and(|at| inner.wire.now_ms().abs_diff(at) <= WINDOW_MS);
    if !near {
        return StatusCode::BAD_REQUEST;
    }
    {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(&signature) {
            // Sent again because our answer was lost: it has had its effect.
            return StatusCode::OK;
        }
        if seen.len() >= REMEMBERED {
            seen.pop_front();
        }
        seen.push_back(signature);
    }
    tell(inner, &event).await;
    StatusCode::OK
}

/// Tells an event as a pushing gateway would.
async fn tell(inner: &Inner, event: &Value) {
    let data = event.get("data").cloned().unwrap_or_default();
    let name = read::text(event, &["event"]).unwrap_or_default();
    let session = session(inner, &data).await;
    let changed = |reason: &str| GatewayEvent::SessionChanged {
        session: session.as_str().into(),
        reason: Some(reason.to_owned()),
        delta: json!({}).into(),
    };
    let run = || {
        let id = read::text(&data, &["messageId"]).or(read::text(event, &["timestamp"]));
        format!("hook-{}", bounds::cut(id.unwrap_or_default(), bounds::CODE_MAX))
    };
    match name {
        "message.sent" => {
            let Some(text) = read::text(&data, &["response", "content", "message"]) else {
                return inner.fanout.emit(changed("message"));
            };
            let run = run();
            {
                let mut names = inner.names();
                let id = read::text(&data, &["messageId"]).filter(|id| bounds::is_id(id));
                let (at_ms, now_ms) = (event.get("timestamp").and_then(read::time), inner.wire.now_ms());
                // Asked for here, or found by a look at the list: told already, or about to be.
                if names.busy.contains_key(&session) || names.was_told(&session, text, id, at_ms, now_ms) {
                    return;
                }
                let after_ms = names.newest(&session);
                let exchange = Exchange::pushed(&session, &run, text, after_ms, now_ms).known_as(id);
                names.exchanged(exchange);
            }
            let mut message = read::said(text.to_owned(), inner.wire.now_ms());
            message.meta.run_id = Some(run.as_str().into());
            let step = RunStep::Final {
                message: Some(Box::new(message)),
                stop_reason: Some("stop".to_owned()),
            };
            inner.emit_run(&run, &session, 1, step);
            inner.fanout.emit(changed("message"));
        }
        "message.received" => inner.fanout.emit(changed("message")),
        "session.started" => inner.fanout.emit(changed("create")),
        "session.ended" => inner.fanout.emit(changed("delete")),
        "error.agent" => {
            let said = read::text(&data, &["error", "message"]).unwrap_or("the agent failed");
            let step = RunStep::Error {
                message: said.to_owned(),
            };
            if !inner.names().busy.contains_key(&session) {
                inner.emit_run(&run(), &session, 1, step);
            }
        }
        "channel.disconnected" => inner.fanout.emit(GatewayEvent::Other {
            name: name.to_owned(),
            payload: data.clone(),
        }),
        // From a newer gateway: it is not ours to refuse.
        _ => tracing::debug!("a webhook of an unknown kind"),
    }
}

/// The session that an event is about: the write-up names workspace and user alone.
async fn session(inner: &Inner, data: &Value) -> String {
    let known = || inner.names().of_event(data);
    if let Some(key) = known() {
        return key;
    }
    // One that was made since the last look.
    let _ = inner.rows().await;
    known().unwrap_or_else(|| "main".to_owned())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::unhex;

    #[test]
    fn a_signature_is_hexadecimal_or_none() {
        assert_eq!(unhex("00fF"), Some(vec![0, 255]));
        for wrong in ["0", "zz", "+1", "ä"] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}
