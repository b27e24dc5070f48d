//! A server that sends prepared answers byte by byte and records the requests.

use clawtray_gateway_client::{
    ClientConfig, ConnectionState, Credentials, Detected, Gateway, GatewayEvent, Prompt, Protocol, RunEvent,
    RunStep, connect,
};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

pub(crate) const TOKEN: &str = "stand-in-token-0123456789";
const PATIENCE: Duration = Duration::from_secs(60);

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `POST /api/sessions/send`, with the query.
    pub(crate) line: String,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// What is said to one request: its beginning, and the raw answers, of which the last is repeated.
type Said = (&'static str, Vec<String>);

#[derive(Default)]
struct Script {
    said: Vec<Said>,
    asked: Vec<Asked>,
    /// Frames that `/ws` answers a frame with.
    frames: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct StandIn {
    script: Arc<Mutex<Script>>,
    pub(crate) url: String,
}

/// 200 with JSON.
pub(crate) fn json(body: &str) -> String {
    status("200 OK", "application/json", body)
}

pub(crate) fn status(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// A stream of these events; the connection's end is its end.
pub(crate) fn events(data: &[&str]) -> String {
    let lines: String = data.iter().map(|data| format!("data: {data}\n\n")).collect();
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n{lines}")
}

impl StandIn {
    pub(crate) async fn start(said: &[(&'static str, String)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let script = Script {
            said: said
                .iter()
                .map(|(line, raw)| (*line, vec![raw.clone()]))
                .collect(),
            ..Script::default()
        };
        let this = Self {
            script: Arc::new(Mutex::new(script)),
            url,
        };
        let server = this.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        this
    }

    /// From now on says this to such requests, one after the other; the last again and again.
    pub(crate) fn say(&self, line: &'static str, raw: &[String]) {
        let mut script = self.script.lock().unwrap();
        script.said.retain(|(known, _)| *known != line);
        script.said.push((line, raw.to_vec()));
    }

    /// Answers a frame on `/ws` with these.
    pub(crate) fn say_on_socket(&self, frames: &[&str]) {
        self.script.lock().unwrap().frames = frames.iter().map(|text| (*text).to_owned()).collect();
    }

    pub(crate) fn asked(&self, begins: &str) -> Vec<Asked> {
        let script = self.script.lock().unwrap();
        let of_it = script.asked.iter().filter(|asked| asked.line.starts_with(begins));
        of_it.cloned().collect()
    }

    /// The last such request.
    pub(crate) fn last(&self, begins: &str) -> Asked {
        let asked = self.asked(begins).pop();
        asked.unwrap_or_else(|| panic!("nobody asked {begins}: {:?}", self.asked("")))
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut seen = Vec::new();
        let mut first = [0u8; 16 * 1024];
        // Without taking it: a WebSocket library wants to read the head itself.
        let read = stream.peek(&mut first).await.unwrap_or_default();
        let head = String::from_utf8_lossy(&first[..read]).into_owned();
        let socket = head.to_ascii_lowercase().contains("upgrade: websocket");
        let frames = self.script.lock().unwrap().frames.clone();
        if socket && head.starts_with("GET /ws") && !frames.is_empty() {
            let line = head.lines().next().unwrap_or_default();
            self.note(line, &head, Value::Null);
            let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else {
                return;
            };
            while let Some(Ok(message)) = socket.next().await {
                let Message::Text(text) = message else { continue };
                self.note("FRAME", "", serde_json::from_str(&text).unwrap());
                for frame in &frames {
                    if socket.send(Message::text(frame)).await.is_err() {
                        return;
                    }
                }
            }
            return;
        }
        let end = loop {
            if let Some(at) = seen.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            match stream.read(&mut first).await {
                Ok(0) | Err(_) => return,
                Ok(read) => seen.extend_from_slice(&first[..read]),
            }
        };
        let head = String::from_utf8_lossy(&seen[..end]).into_owned();
        let length = head
            .to_ascii_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok())
            .unwrap_or_default();
        while seen.len() < end + length {
            match stream.read(&mut first).await {
                Ok(0) | Err(_) => return,
                Ok(read) => seen.extend_from_slice(&first[..read]),
            }
        }
        let line = head.lines().next().unwrap_or_default();
        let body = serde_json::from_slice(&seen[end..]).unwrap_or_default();
        self.note(line, &head, body);
        let answer = {
            let mut script = self.script.lock().unwrap();
            let known = script
                .said
                .iter_mut()
                .filter(|(begins, _)| line.starts_with(begins))
                .max_by_key(|(begins, _)| begins.len());
            match known {
                Some((_, said)) if said.len() > 1 => said.remove(0),
                Some((_, said)) => said[0].clone(),
                None => status("404 Not Found", "application/json", r#"{"error":"not found"}"#),
            }
        };
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }

    fn note(&self, line: &str, head: &str, body: Value) {
        let line = line.trim_end_matches(" HTTP/1.1").to_owned();
        self.script.lock().unwrap().asked.push(Asked {
            line,
            head: head.to_ascii_lowercase(),
            body,
        });
    }

    /// A client of it.
    pub(crate) fn client(&self, protocol: Protocol) -> Detected {
        self.client_with(protocol, |_| {})
    }

    pub(crate) fn client_with(&self, protocol: Protocol, change: impl FnOnce(&mut ClientConfig)) -> Detected {
        let mut config = ClientConfig::new(&*self.url, Credentials::token(TOKEN));
        config.poll_every = None;
        config.rng_seed = Some(1);
        change(&mut config);
        connect(config, protocol)
    }

    /// A client that is ready.
    pub(crate) async fn ready(&self, protocol: Protocol) -> Detected {
        let client = self.client(protocol);
        ready(&client).await;
        client
    }
}

pub(crate) async fn ready(client: &Detected) {
    let state = until(client, |state| {
        matches!(state, ConnectionState::Ready(_) | ConnectionState::Paused(_))
    })
    .await;
    assert!(matches!(state, ConnectionState::Ready(_)), "{state:?}");
}

pub(crate) async fn until(
    client: &Detected,
    wanted: impl FnMut(&ConnectionState) -> bool,
) -> ConnectionState {
    let mut state = client.state();
    let found = tokio::time::timeout(PATIENCE, state.wait_for(wanted)).await;
    found
        .unwrap_or_else(|_| panic!("it stays {:?}", client.state().borrow()))
        .unwrap()
        .clone()
}

pub(crate) fn prompt(session: &str, text: &str) -> Prompt {
    Prompt {
        session: session.into(),
        text: text.to_owned(),
        idempotency_key: format!("run-{text}"),
        thinking: None,
        attachments: Vec::new(),
        timeout_ms: Some(60_000),
    }
}

/// The steps of a run up to its end.
pub(crate) async fn steps(events: &mut mpsc::Receiver<GatewayEvent>, run: &str) -> Vec<RunStep> {
    let mut out = Vec::new();
    loop {
        let event = tokio::time::timeout(PATIENCE, events.recv()).await;
        let event = event
            .unwrap_or_else(|_| panic!("the run does not end: {out:?}"))
            .unwrap();
        let GatewayEvent::Run(RunEvent { run: of, step, .. }) = event else {
            continue;
        };
        if of.as_str() != run {
            continue;
        }
        let over = matches!(
            step,
            RunStep::Final { .. } | RunStep::Aborted { .. } | RunStep::Error { .. }
        );
        out.push(step);
        if over {
            return out;
        }
    }
}

/// The text of a run that ended well, and how many pieces it came in.
pub(crate) fn text(steps: &[RunStep]) -> (String, usize) {
    let pieces = steps.iter().filter(|step| matches!(step, RunStep::Delta { .. }));
    match steps.last() {
        Some(RunStep::Final {
            message: Some(message),
            ..
        }) => (message.text(), pieces.count()),
        other => panic!("no good end: {other:?}"),
    }
}
