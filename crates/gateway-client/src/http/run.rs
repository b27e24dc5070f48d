//! One prompt and its reply, whole or streamed.

use super::names::{Exchange, Names};
use super::spec::{Piece, Place, REPLY_LIMIT, REPLY_LIMIT_MAX, REPLY_MAX, TOOLS_MAX, Turns};
use super::sse::Events;
use super::wire::content_type;
use super::{Dialect, Inner, read, socket};
use crate::{CallError, Prompt, RunStep, SendAck};
use clawtray_gateway_protocol::thinking::{Part, Splitter, split};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A reply that takes longer than this is shown as being under way.
const SHOW_AFTER: Duration = Duration::from_millis(300);
/// Silence after which a stream counts as broken off.
const SILENCE: Duration = Duration::from_secs(300);

/// Marks a session as having a prompt of ours under way.
pub(crate) struct Busy {
    inner: Arc<Inner>,
    session: String,
}

impl Busy {
    fn new(inner: &Arc<Inner>, session: &str) -> Self {
        inner.names().begin(session);
        Self {
            inner: Arc::clone(inner),
            session: session.to_owned(),
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.inner.names().end(&self.session);
    }
}

/// Sends a prompt, once.
pub(crate) async fn send(inner: &Arc<Inner>, prompt: Prompt) -> Result<SendAck, CallError> {
    let key = prompt.session.0.clone();
    let (place, turns) = {
        let names: &Names = &inner.names();
        (names.place(&key), names.turns(&key))
    };
    let limit = prompt.timeout_ms.map_or(REPLY_LIMIT, Duration::from_millis);
    let limit = limit.min(REPLY_LIMIT_MAX);
    let mut reply = Reply::new(inner, &place, &prompt);
    if inner.spec.dialect == Dialect::Gateway && inner.can().streaming {
        match socket::send(&place, &prompt, reply, limit).await? {
            socket::Sent::Ack(ack) => return Ok(ack),
            socket::Sent::NoSocket(back) => {
                inner.set_can(|can| can.streaming = false);
                reply = *back;
            }
        }
    }
    match inner.spec.stream.filter(|_| inner.can().streaming) {
        Some(stream) => streamed(inner, &stream(&place, &prompt, &turns, limit), reply).await,
        None => whole(inner, &place, &prompt, &turns, limit, reply).await,
    }
}

/// The reply is the answer.
async fn whole(
    inner: &Arc<Inner>,
    place: &Place,
    prompt: &Prompt,
    turns: &Turns,
    limit: Duration,
    mut reply: Reply,
) -> Result<SendAck, CallError> {
    let call = (inner.spec.send)(place, prompt, turns, limit);
    let asking = inner.wire.once(&call);
    tokio::pin!(asking);
    let mut shown = false;
    let answer = tokio::select! {
        answer = &mut asking => answer,
        () = tokio::time::sleep(SHOW_AFTER) => {
            shown = true;
            reply.emit(RunStep::Status { phase: "waiting".to_owned() });
            asking.await
        }
    };
    inner.judge(&answer);
    let value = answer
        .map_err(CallError::from)
        .and_then(|answer| answer.value(&call.path));
    let value = match value {
        Ok(value) => value,
        Err(error) => {
            if shown {
                // The run is over; what became of the prompt is told by the error.
                reply.emit(RunStep::Final {
                    message: None,
                    stop_reason: None,
                });
            }
            return Err(error);
        }
    };
    Ok(reply.whole(&value))
}

/// The reply comes as events.
async fn streamed(
    inner: &Arc<Inner>,
    call: &super::spec::Call,
    mut reply: Reply,
) -> Result<SendAck, CallError> {
    let begun = Instant::now();
    let opened = inner.wire.open(call, "text/event-stream").await;
    let response = match opened {
        Ok(response) => response,
        Err(trouble) => {
            let answer = Err(trouble);
            inner.judge(&answer);
            return Err(answer.err().map_or(CallError::NotConnected, CallError::from));
        }
    };
    let is_stream = content_type(&response).starts_with("text/event-stream");
    if !response.status().is_success() || !is_stream {
        let left = call.limit.saturating_sub(begun.elapsed());
        let answer = inner.wire.read(response, left).await;
        inner.judge(&answer);
        // Asked for a stream, it gave the whole reply.
        return Ok(reply.whole(&answer?.value(&call.path)?));
    }
    let ack = reply.ack("started", None);
    let until = begun + call.limit;
    let mut closed = inner.closed.subscribe();
    let wire = Arc::clone(inner);
    tokio::spawn(async move {
        let reading = read_events(&wire, response, &mut reply, until);
        let ended = tokio::select! {
            ended = reading => ended,
            _ = closed.wait_for(|closed| *closed) => return,
        };
        if let Err(sentence) = ended {
            reply.fail(sentence);
        }
    });
    Ok(ack)
}

async fn read_events(
    inner: &Inner,
    mut response: reqwest::Response,
    reply: &mut Reply,
    until: Instant,
) -> Result<(), String> {
    let mut events = Events::default();
    loop {
        let next = tokio::time::timeout(SILENCE, response.chunk());
        let chunk = match tokio::time::timeout_at(until, next).await {
            Err(_) => return Err("The reply took too long.".to_owned()),
            Ok(Err(_)) => {
                return Err("The gateway stopped responding before the reply was complete.".to_owned());
            }
            Ok(Ok(Err(error))) => {
                let _ = inner.wire.lost(&error);
                inner.worry.notify_one();
                return Err("The connection was lost before the reply was complete.".to_owned());
            }
            Ok(Ok(Ok(chunk))) => chunk,
        };
        let over = chunk.is_none();
        let data = match chunk {
            Some(bytes) => events
                .feed(&bytes)
                .map_err(|_| "The reply has an event that is too long.".to_owned())?,
            None => events.end().into_iter().collect(),
        };
        for text in data {
            if reply.event(inner, &text) {
                return Ok(());
            }
        }
        if over {
            return Err("The gateway stopped before the reply was complete.".to_owned());
        }
    }
}

/// A reply as it grows.
pub(crate) struct Reply {
    inner: Arc<Inner>,
    run: String,
    session: String,
    prompt: String,
    pub(crate) text: String,
    /// What the gateway calls the reply.
    id: Option<String>,
    /// The session's newest message when the prompt went out, in milliseconds since the epoch by the gateway's clock.
    after_ms: Option<i64>,
    /// Takes reasoning out of the text, where a model server behind the gateway writes it there.
    splitter: Splitter,
    seq: u64,
    /// Tools that are at work: the call and the tool.
    tools: Vec<(String, String)>,
    calls: u32,
    ended: bool,
    _busy: Busy,
}

impl Reply {
    fn new(inner: &Arc<Inner>, place: &Place, prompt: &Prompt) -> Self {
        // A statement of its own: the names are locked again below.
        let after_ms = inner.names().newest(&place.key);
        Self {
            inner: Arc::clone(inner),
            run: prompt.idempotency_key.clone(),
            session: place.key.clone(),
            prompt: prompt.text.clone(),
            text: String::new(),
            id: None,
            after_ms,
            splitter: Splitter::default(),
            seq: 0,
            tools: Vec::new(),
            calls: 0,
            ended: false,
            _busy: Busy::new(inner, &place.key),
        }
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    pub(crate) fn ack(&self, status: &str, reply: Option<String>) -> SendAck {
        SendAck {
            run_id: self.run.as_str().into(),
            status: status.to_owned(),
            reply,
        }
    }

    fn emit(&mut self, step: RunStep) {
        self.seq += 1;
        self.inner.emit_run(&self.run, &self.session, self.seq, step);
    }

    /// A reply that came whole.
    fn whole(&mut self, value: &Value) -> SendAck {
        let id = ["/sessionKey", "/sessionId", "/session/id", "/response/sessionId"]
            .iter()
            .find_map(|path| value.pointer(path).and_then(Value::as_str));
        if let Some(id) = id.filter(|_| self.inner.spec.names_sessions) {
            self.inner.names().learn(&self.session, id);
        }
        self.id = ["/messageId", "/response/messageId", "/message/id"]
            .iter()
            .find_map(|path| value.pointer(path).and_then(Value::as_str))
            .map(str::to_owned);
        let late = read::text(value, &["status"]).is_some_and(|status| status == "timeout");
        match read::reply(value).filter(|_| !late) {
            Some(text) => {
                self.text = split(&text).1;
                self.note();
                self.ack("ok", Some(self.text.clone()))
            }
            None => {
                // The run goes on without us: what it says is found in the transcript.
                self.emit(RunStep::Final {
                    message: None,
                    stop_reason: late.then(|| "timeout".to_owned()),
                });
                self.remember(None);
                self.ack(if late { "timeout" } else { "ok" }, None)
            }
        }
    }

    /// An event of a stream. Answers whether the reply has ended.
    fn event(&mut self, inner: &Inner, data: &str) -> bool {
        if data.trim() == "[DONE]" {
            return self.end(None);
        }
        match serde_json::from_str::<Value>(data) {
            Ok(event) => (inner.spec.piece)(&event)
                .into_iter()
                .any(|piece| self.piece(piece)),
            Err(_) => {
                tracing::debug!("an event of a stream could not be read");
                false
            }
        }
    }

    /// A piece. Answers whether the reply has ended.
    pub(crate) fn piece(&mut self, piece: Piece) -> bool {
        match piece {
            Piece::Text(text) => {
                if self.text.len().saturating_add(text.len()) > REPLY_MAX {
                    self.fail("The reply is longer than what can be kept.".to_owned());
                    return true;
                }
                for part in self.splitter.push(&text) {
                    self.part(part);
                }
            }
            Piece::Tool { name, input } => {
                if self.tools.len() >= TOOLS_MAX {
                    // None of them will end any more.
                    self.tools.remove(0);
                }
                self.calls = self.calls.saturating_add(1);
                let call_id = format!("{}-tool-{}", self.run, self.calls);
                self.tools.push((call_id.clone(), name.clone()));
                self.emit(RunStep::Tool {
                    call_id,
                    name,
                    phase: "start".to_owned(),
                    arguments: Some(input),
                    output: None,
                    is_error: false,
                });
            }
            Piece::Result { name, output, failed } => {
                let of_name = |wanted: &str| self.tools.iter().rposition(|(_, tool)| tool == wanted);
                let at = match &name {
                    Some(name) => of_name(name),
                    None => self.tools.len().checked_sub(1),
                };
                let (call_id, name) = match at {
                    Some(at) => self.tools.remove(at),
                    None => return false,
                };
                self.emit(RunStep::Tool {
                    call_id,
                    name,
                    phase: "result".to_owned(),
                    arguments: None,
                    output: Some(output),
                    is_error: failed,
                });
            }
            Piece::Session(id) => {
                if self.inner.spec.names_sessions {
                    self.inner.names().learn(&self.session, &id);
                }
            }
            Piece::Message(id) => self.id = Some(id),
            Piece::End { stop_reason } => return self.end(stop_reason),
            Piece::Error(message) => {
                self.fail(message);
                return true;
            }
        }
        false
    }

    fn part(&mut self, part: Part) {
        match part {
            Part::Thinking(text) => self.emit(RunStep::Thinking { text }),
            Part::Text(text) => {
                self.text.push_str(&text);
                let total_bytes = Some(self.text.len());
                self.emit(RunStep::Delta {
                    text,
                    replace: false,
                    total_bytes,
                });
            }
        }
    }

    /// The reply is whole.
    pub(crate) fn end(&mut self, stop_reason: Option<String>) -> bool {
        if std::mem::replace(&mut self.ended, true) {
            return true;
        }
        if let Some(rest) = self.splitter.finish() {
            self.part(rest);
        }
        self.note();
        let message = (!self.text.is_empty()).then(|| {
            let mut message = read::said(self.text.clone(), self.inner.wire.now_ms());
            message.meta.run_id = Some(self.run.as_str().into());
            Box::new(message)
        });
        self.emit(RunStep::Final {
            message,
            stop_reason: stop_reason.or_else(|| Some("stop".to_owned())),
        });
        true
    }

    /// The reply will not be whole.
    pub(crate) fn fail(&mut self, message: String) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.remember(Some(&self.text).filter(|text| !text.is_empty()));
        self.emit(RunStep::Error { message });
    }

    fn remember(&self, reply: Option<&String>) {
        let exchange = Exchange::ours(&self.session, &self.run, &self.prompt, self.after_ms);
        let exchange = match reply {
            Some(text) => exchange.with_reply(text, self.inner.wire.now_ms()),
            None => exchange,
        };
        self.inner
            .names()
            .exchanged(exchange.known_as(self.id.as_deref()));
    }

    fn note(&self) {
        self.remember(Some(&self.text));
        let mut names = self.inner.names();
        if self.inner.spec.history.is_none() {
            names.turn(&self.session, &self.prompt, &self.text);
        }
    }
}
