//! The native protocol, one task per socket.

mod chat;
mod cron;
mod devices;
mod handshake;
mod methods;
mod params;
mod sessions;

use crate::core::Core;
use crate::error::invalid;
use crate::hub::{Audience, Event};
use crate::rows;
use crate::server::door::Visitor;
use crate::server::upgrade::{Socket, TooLarge};
use crate::time::now_ms;
use clawtray_gateway_protocol::GatewayError;
use futures_util::{Sink, SinkExt, StreamExt, stream::SplitSink, stream::SplitStream};
use handshake::{Arrival, Peer, connect};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};

pub(crate) use params::Params;

/// The largest frame after the handshake, in bytes.
pub(crate) const MAX_PAYLOAD: usize = 26_214_400;
/// All that may come before it.
pub(crate) const MAX_GREETING: usize = 64 * 1024;
/// How long a client may take to say `connect`.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(15);
const PING_EVERY: Duration = Duration::from_secs(25);
/// A peer that takes nothing for this long is dropped.
const WRITE_LIMIT: Duration = Duration::from_secs(30);
/// A peer that says nothing, not even pong, for this long is dropped.
const SILENCE_LIMIT: Duration = Duration::from_secs(75);

/// How the gateway goes away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// It stays.
    #[default]
    No,
    /// It stops.
    Stopping,
    /// It will be back after about this long.
    Restarting(Duration),
}

/// Waits until the gateway goes away; gives how.
pub(crate) async fn gone(leaving: &mut watch::Receiver<Leaving>) -> Leaving {
    match leaving.wait_for(|l| *l != Leaving::No).await {
        Ok(how) => *how,
        Err(_) => Leaving::Stopping,
    }
}

/// Puts the members of `from` into `into`.
pub(crate) fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}

/// What a connection follows.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    pub(crate) sessions: bool,
    pub(crate) messages: HashSet<String>,
}

/// A connection past its handshake.
pub(crate) struct Connection {
    pub(crate) core: Arc<Core>,
    pub(crate) peer: Peer,
    pub(crate) subs: Subscriptions,
    out: SplitSink<Socket, Message>,
    seq: u64,
}

/// Serves one socket until it ends.
pub(crate) async fn serve(
    core: Arc<Core>,
    mut socket: Socket,
    visitor: Visitor,
    origin: Option<String>,
    mut leaving: watch::Receiver<Leaving>,
) {
    let greeted = tokio::select! {
        greeted = timeout(HANDSHAKE_LIMIT, greet(&core, &mut socket, visitor.addr.ip(), origin.as_deref())) => greeted,
        _ = gone(&mut leaving) => {
            close(&mut socket, 1012, "service restart").await;
            return;
        }
    };
    let (peer, reply) = match greeted {
        Ok(Some(greeted)) => greeted,
        Ok(None) => return,
        Err(_) => return close(&mut socket, 1000, "").await,
    };
    visitor.keep_place();
    socket.get_mut().trust();
    let (out, mut input) = socket.split();
    // Subscribed before the answer goes out: no event after hello-ok is missed.
    let events = core.hub.subscribe();
    let mut connection = Connection {
        core,
        peer,
        subs: Subscriptions::default(),
        out,
        seq: 0,
    };
    if connection.send(reply).await {
        connection.run(&mut input, events, leaving).await;
    }
}

async fn close(out: &mut (impl Sink<Message> + Unpin), code: u16, reason: &str) {
    // A close reason holds 123 bytes.
    let mut reason = reason.to_owned();
    while reason.len() > 123 {
        reason.pop();
    }
    let frame = CloseFrame {
        code: code.into(),
        reason: reason.into(),
    };
    let _ = timeout(WRITE_LIMIT, out.send(Message::Close(Some(frame)))).await;
    let _ = timeout(Duration::from_secs(1), out.flush()).await;
}

/// Whether a frame, or all that came before the greeting, was larger than allowed.
fn is_too_large(error: &tungstenite::Error) -> bool {
    if let tungstenite::Error::Io(error) = error {
        return error.get_ref().is_some_and(|error| error.is::<TooLarge>());
    }
    matches!(error, tungstenite::Error::Capacity(_))
}

/// The handshake; `None` when the socket was closed over it.
async fn greet(core: &Core, out: &mut Socket, ip: IpAddr, origin: Option<&str>) -> Option<(Peer, String)> {
    let (nonce, conn_id) = (uuid::Uuid::new_v4().to_string(), uuid::Uuid::new_v4().to_string());
    let challenge = json!({"type": "event", "event": "connect.challenge",
        "payload": {"nonce": nonce, "ts": now_ms(), "capabilities": []}});
    out.send(Message::Text(challenge.to_string().into())).await.ok()?;
    let text = loop {
        match out.next().await? {
            Ok(Message::Text(text)) => break text,
            Ok(Message::Binary(_)) => {
                close(out, 1000, "").await;
                return None;
            }
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
            Ok(Message::Close(_)) => return None,
            Err(error) => {
                if is_too_large(&error) {
                    close(out, 1009, "").await;
                    out.get_mut().discard().await;
                }
                return None;
            }
        }
    };
    let Ok(frame) = serde_json::from_str::<Value>(&text) else {
        close(out, 1000, "").await;
        return None;
    };
    let id = frame.get("id").and_then(Value::as_str);
    let method = frame.get("method").and_then(Value::as_str);
    let (Some("req"), Some(id), Some(method)) = (frame.get("type").and_then(Value::as_str), id, method)
    else {
        close(out, 1008, "invalid request frame").await;
        return None;
    };
    let arrival = Arrival {
        nonce: &nonce,
        conn_id: &conn_id,
        origin,
        from_loopback: ip.to_canonical().is_loopback(),
    };
    let result = if method != "connect" {
        Err(invalid("invalid handshake: first request must be connect").into())
    } else if let Some(wait) = core.pairings.locked(ip) {
        Err(locked_out(wait).into())
    } else {
        connect(core, &arrival, frame.get("params").unwrap_or(&Value::Null))
    };
    match result {
        Ok((peer, hello)) => Some((peer, response(&json!(id), Ok(hello)))),
        Err(refusal) => {
            if refusal.bad_secret {
                core.pairings.count_failure(ip);
            }
            let reason = refusal.reason.unwrap_or_else(|| refusal.error.message.clone());
            let _ = out
                .send(Message::Text(response(&json!(id), Err(*refusal.error)).into()))
                .await;
            close(out, refusal.close, &reason).await;
            None
        }
    }
}

fn locked_out(wait: Duration) -> GatewayError {
    let mut error = crate::error::invalid_with(
        "unauthorized: too many failed authentication attempts (retry later)",
        json!({"code": "AUTH_RATE_LIMITED", "authReason": "rate_limited", "canRetryWithDeviceToken": false,
            "recommendedNextStep": "wait_then_retry"}),
    );
    error.retryable = Some(true);
    error.retry_after_ms = u64::try_from(wait.as_millis()).ok();
    error
}

/// A response frame.
fn response(id: &Value, result: Result<Value, GatewayError>) -> String {
    match result {
        Ok(payload) => json!({"type": "res", "id": id, "ok": true, "payload": payload}),
        Err(error) => json!({"type": "res", "id": id, "ok": false, "error": error}),
    }
    .to_string()
}

impl Connection {
    async fn send(&mut self, text: String) -> bool {
        matches!(
            timeout(WRITE_LIMIT, self.out.send(Message::Text(text.into()))).await,
            Ok(Ok(()))
        )
    }

    async fn event(&mut self, name: &str, payload: &str) -> bool {
        self.seq += 1;
        // A payload can be long: room for all of it at once.
        let mut text = String::with_capacity(payload.len() + 80);
        text.push_str(r#"{"type":"event","event":""#);
        text.extend([name, r#"","payload":"#, payload, r#","seq":"#]);
        text.push_str(&self.seq.to_string());
        text.push('}');
        self.send(text).await
    }

    async fn run(
        &mut self,
        input: &mut SplitStream<Socket>,
        mut events: broadcast::Receiver<Arc<Event>>,
        mut leaving: watch::Receiver<Leaving>,
    ) {
        let beat = |every: Duration| {
            let mut interval = interval_at(Instant::now() + every, every);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        };
        let (mut tick, mut health, mut ping) = (
            beat(self.core.tick),
            beat(self.core.health_every),
            beat(PING_EVERY),
        );
        let mut heard = Instant::now();
        loop {
            let alive = tokio::select! {
                frame = input.next() => match frame {
                    Some(Ok(message)) => {
                        heard = Instant::now();
                        self.take(message).await
                    }
                    Some(Err(error)) => {
                        if is_too_large(&error) {
                            close(&mut self.out, 1009, "").await;
                        }
                        false
                    }
                    None => false,
                },
                event = events.recv() => match event {
                    Ok(event) => !self.wants(&event) || self.event(event.name, &event.payload).await,
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        close(&mut self.out, 1008, "slow consumer").await;
                        false
                    }
                    Err(broadcast::error::RecvError::Closed) => false,
                },
                _ = tick.tick() => self.event("tick", &json!({"ts": now_ms()}).to_string()).await,
                _ = health.tick() => {
                    let payload = rows::health(&self.core).to_string();
                    self.event("health", &payload).await
                }
                _ = ping.tick() => {
                    heard.elapsed() < SILENCE_LIMIT
                        && matches!(timeout(WRITE_LIMIT, self.out.send(Message::Ping(Vec::new().into()))).await, Ok(Ok(())))
                }
                how = gone(&mut leaving) => {
                    self.farewell(how).await;
                    false
                }
            };
            if !alive {
                return;
            }
        }
    }

    async fn farewell(&mut self, how: Leaving) {
        let payload = match how {
            Leaving::Restarting(back) => {
                json!({"reason": "gateway restarting", "restartExpectedMs": u64::try_from(back.as_millis()).unwrap_or(0)})
            }
            Leaving::Stopping | Leaving::No => json!({"reason": "gateway stopping"}),
        };
        if self.event("shutdown", &payload.to_string()).await {
            close(&mut self.out, 1012, "service restart").await;
        }
    }

    /// Whether this connection gets an event.
    fn wants(&self, event: &Event) -> bool {
        let reads = self.peer.may("operator.read");
        match &event.audience {
            Audience::Readers => reads,
            Audience::Run { session, tool } => {
                let scoped = self.peer.has_cap("session-scoped-events");
                reads
                    && (!scoped || self.subs.messages.contains(session))
                    && (!tool || self.peer.has_cap("tool-events"))
            }
            Audience::Message { session } => {
                reads && (self.subs.sessions || self.subs.messages.contains(session))
            }
            Audience::Sessions => reads && self.subs.sessions,
        }
    }

    async fn take(&mut self, message: Message) -> bool {
        let text = match &message {
            Message::Text(text) => text.as_str(),
            Message::Binary(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text,
                Err(_) => return true,
            },
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return true,
            Message::Close(_) => return false,
        };
        // Like the gateway: what is no JSON gets no answer.
        let Ok(frame) = serde_json::from_str::<Value>(text) else {
            return true;
        };
        let (id, result) = match check_frame(&frame) {
            Ok((id, method, params)) => (id, methods::dispatch(self, method, params)),
            Err((id, error)) => (id, Err(*error)),
        };
        let reply = response(&id, result);
        self.send(reply).await
    }
}

/// Takes a request frame apart; on error the id to answer to.
fn check_frame(frame: &Value) -> Result<(Value, &str, &Value), (Value, Box<GatewayError>)> {
    let id = frame.get("id").cloned().unwrap_or_else(|| "invalid".into());
    let mut faults = Vec::new();
    for name in ["id", "method"] {
        match frame.get(name) {
            None => faults.push(format!("must have required property '{name}'")),
            Some(Value::String(_)) => {}
            Some(_) => faults.push(format!("at /{name}: must be string")),
        }
    }
    for name in frame.as_object().into_iter().flat_map(|m| m.keys()) {
        if !["type", "id", "method", "params"].contains(&name.as_str()) {
            faults.push(format!("at root: unexpected property '{name}'"));
        }
    }
    if frame.get("type").and_then(Value::as_str) != Some("req") {
        faults.push("at /type: must be equal to constant".into());
    }
    if !faults.is_empty() {
        return Err((
            id,
            Box::new(invalid(format!("invalid request frame: {}", faults.join("; ")))),
        ));
    }
    let method = frame.get("method").and_then(Value::as_str).unwrap_or_default();
    Ok((id, method, frame.get("params").unwrap_or(&Value::Null)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, ErrorKind};
    use tokio_tungstenite::tungstenite::error::CapacityError;

    #[test]
    fn what_is_too_large_is_known_by_its_type() {
        let too_long = CapacityError::MessageTooLong { size: 2, max_size: 1 };
        assert!(is_too_large(&tungstenite::Error::Capacity(too_long)));
        let greeting = Error::new(ErrorKind::InvalidData, TooLarge);
        assert!(is_too_large(&tungstenite::Error::Io(greeting)));
        let other = Error::new(ErrorKind::InvalidData, "a word that is too long");
        assert!(!is_too_large(&tungstenite::Error::Io(other)));
    }
}
