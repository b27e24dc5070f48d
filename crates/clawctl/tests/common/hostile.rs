//! A gateway that tries to steer the terminal of whoever reads what it says: it stands between `clawctl` and a real one.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "tests"
)]

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::HashMap;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, connect_async};

/// A title (OSC 0), the clipboard (OSC 52), a colour by C1, and a writing direction that is turned around.
const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}]52;c;b3duZWQ=\u{7}\u{9b}31m\u{202e}\u{1b}[8m";
/// Fields that are shown, by their names.
const FIELDS: [&str; 14] = [
    "version",
    "message",
    "title",
    "derivedTitle",
    "displayName",
    "label",
    "text",
    "delta",
    "snippet",
    "date",
    "name",
    "description",
    "lastRunStatus",
    "model",
];

pub struct Between {
    pub url: String,
    _runtime: tokio::runtime::Runtime,
}

impl Between {
    pub fn start(gateway: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let gateway = gateway.to_owned();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, gateway.clone()));
            }
        });
        Self {
            url,
            _runtime: runtime,
        }
    }
}

async fn carry(stream: TcpStream, gateway: String) {
    let (Ok(client), Ok((server, _))) = (accept_async(stream).await, connect_async(gateway).await) else {
        return;
    };
    let ((mut to_client, mut from_client), (mut to_server, mut from_server)) =
        (client.split(), server.split());
    let mut methods = HashMap::new();
    loop {
        let sent = tokio::select! {
            Some(Ok(message)) = from_client.next() => {
                if let Some(frame) = frame(&message)
                    && let (Some(id), Some(method)) = (frame["id"].as_str(), frame["method"].as_str())
                {
                    methods.insert(id.to_owned(), method.to_owned());
                }
                to_server.send(message).await.is_ok()
            }
            Some(Ok(message)) = from_server.next() => {
                let message = match frame(&message) {
                    Some(mut frame) => {
                        let method = frame["id"].as_str().and_then(|id| methods.remove(id));
                        if method.as_deref() == Some("logs.tail") {
                            frame = json!({ "type": "res", "id": frame["id"], "ok": true, "payload": log() });
                        } else {
                            spoil(&mut frame);
                        }
                        Message::text(frame.to_string())
                    }
                    None => message,
                };
                to_client.send(message).await.is_ok()
            }
            else => false,
        };
        if !sent {
            return;
        }
    }
}

fn frame(message: &Message) -> Option<Value> {
    serde_json::from_str(message.to_text().ok()?).ok()
}

/// Lines as the gateway writes them, and one that is no JSON.
fn log() -> Value {
    let line = json!({
        "0": json!({ "subsystem": format!("gateway{HOSTILE}") }).to_string(),
        "message": format!("started {HOSTILE}"),
        "time": format!("2026-11-30T{HOSTILE}"),
        "_meta": { "logLevelName": format!("INFO{HOSTILE}") },
    });
    json!({
        "file": "/tmp/gateway.log", "cursor": 2, "size": 2, "truncated": false, "reset": false,
        "lines": [line.to_string(), format!("raw {HOSTILE}")],
    })
}

fn spoil(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(spoil),
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Value::String(text) = value {
                    if FIELDS.contains(&name.as_str()) {
                        text.push_str(HOSTILE);
                    }
                } else {
                    spoil(value);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
