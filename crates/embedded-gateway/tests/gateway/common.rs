//! A client made of raw frames, so that one mistake cannot hide in both ends.
pub(crate) mod api;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clawtray_embedded_gateway::{AgentBackend, Config, EmbeddedGateway, Running};
use ed25519_dalek::{Signer, SigningKey};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub(crate) const TOKEN: &str = "test-token-0123456789";
pub(crate) const SCOPES: [&str; 5] = [
    "operator.read",
    "operator.write",
    "operator.admin",
    "operator.approvals",
    "operator.pairing",
];
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Lab {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) gateway: Running,
}

pub(crate) async fn lab() -> Lab {
    lab_with(|_| {}).await
}

pub(crate) async fn lab_with(change: impl FnOnce(&mut Config)) -> Lab {
    let dir = tempfile::tempdir().unwrap();
    let gateway = start(dir.path(), change).await;
    Lab { dir, gateway }
}

pub(crate) async fn start(dir: &std::path::Path, change: impl FnOnce(&mut Config)) -> Running {
    let mut config = Config::new(dir, Some(TOKEN.into()));
    config.agent = AgentBackend::Demo {
        word_delay: Duration::from_millis(2),
    };
    config.pacing = Duration::from_millis(10);
    change(&mut config);
    EmbeddedGateway::start(config).await.unwrap()
}

pub(crate) struct Device {
    key: SigningKey,
}

impl Device {
    pub(crate) fn new(seed: u8) -> Self {
        Self {
            key: SigningKey::from_bytes(&[seed; 32]),
        }
    }

    pub(crate) fn id(&self) -> String {
        Sha256::digest(self.key.verifying_key().as_bytes())
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect()
    }

    /// `device` of `connect`, signed for these parameters.
    pub(crate) fn sign(&self, params: &Value, nonce: &str, ts: i64) -> Value {
        let client = &params["client"];
        let auth = &params["auth"];
        let secret = auth["token"]
            .as_str()
            .or(auth["deviceToken"].as_str())
            .unwrap_or("");
        let scopes: Vec<&str> = params["scopes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s.as_str().unwrap())
            .collect();
        let text = format!(
            "v3|{}|{}|{}|operator|{}|{ts}|{secret}|{nonce}|{}|{}",
            self.id(),
            client["id"].as_str().unwrap(),
            client["mode"].as_str().unwrap(),
            scopes.join(","),
            client["platform"].as_str().unwrap(),
            client["deviceFamily"].as_str().unwrap_or("")
        );
        json!({
            "id": self.id(),
            "publicKey": URL_SAFE_NO_PAD.encode(self.key.verifying_key().as_bytes()),
            "signature": URL_SAFE_NO_PAD.encode(self.key.sign(text.as_bytes()).to_bytes()),
            "signedAt": ts,
            "nonce": nonce,
        })
    }
}

pub(crate) struct Socket {
    ws: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u32,
    pub(crate) events: Vec<Value>,
    pub(crate) challenge: Value,
}

pub(crate) fn connect_params(auth: Value) -> Value {
    json!({
        "minProtocol": 3, "maxProtocol": 4,
        "client": {"id": "gateway-client", "version": "0.0.1", "platform": "linux", "mode": "ui", "displayName": "test"},
        "role": "operator", "scopes": SCOPES, "caps": ["tool-events"], "auth": auth,
    })
}

impl Socket {
    pub(crate) async fn open(url: &str) -> Self {
        let (ws, _) = connect_async(url).await.unwrap();
        let mut socket = Self {
            ws,
            next: 0,
            events: Vec::new(),
            challenge: Value::Null,
        };
        let challenge = socket.frame().await.expect("a challenge");
        assert_eq!(challenge["event"], "connect.challenge");
        assert!(challenge.get("seq").is_none());
        socket.challenge = challenge["payload"].clone();
        socket
    }

    /// Opens and connects with the shared token and a device.
    pub(crate) async fn connected(url: &str) -> Self {
        let mut socket = Self::open(url).await;
        let hello = socket
            .connect(connect_params(json!({"token": TOKEN})), Some(&Device::new(1)))
            .await;
        assert_eq!(hello["ok"], true, "{hello}");
        socket
    }

    pub(crate) async fn connect(&mut self, mut params: Value, device: Option<&Device>) -> Value {
        if let Some(device) = device {
            let nonce = self.challenge["nonce"].as_str().unwrap().to_owned();
            let ts = self.challenge["ts"].as_i64().unwrap();
            params["device"] = device.sign(&params, &nonce, ts);
        }
        self.request("connect", params).await
    }

    pub(crate) async fn send_text(&mut self, text: impl Into<String>) {
        self.ws.send(Message::Text(text.into().into())).await.unwrap();
    }

    pub(crate) async fn message(&mut self) -> Option<Message> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.ws.next())
                .await
                .expect("a frame in time");
            match next {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message)) => return Some(message),
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The next JSON frame; `None` when the socket closes.
    pub(crate) async fn frame(&mut self) -> Option<Value> {
        match self.message().await? {
            Message::Text(text) => Some(serde_json::from_str(&text).unwrap()),
            Message::Binary(_)
            | Message::Ping(_)
            | Message::Pong(_)
            | Message::Close(_)
            | Message::Frame(_) => None,
        }
    }

    /// The close code and reason.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.message().await {
                Some(Message::Close(Some(frame))) => return (frame.code.into(), frame.reason.to_string()),
                Some(Message::Close(None)) | None => return (1006, String::new()),
                Some(Message::Text(text)) => self.events.push(serde_json::from_str(&text).unwrap()),
                Some(_) => {}
            }
        }
    }

    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = format!("r{}", self.next);
        self.send_text(json!({"type": "req", "id": id, "method": method, "params": params}).to_string())
            .await;
        self.response(&id).await
    }

    pub(crate) async fn response(&mut self, id: &str) -> Value {
        loop {
            let frame = self.frame().await.expect("a response before the socket closes");
            if frame["type"] == "res" {
                assert_eq!(frame["id"], id);
                return frame;
            }
            self.events.push(frame);
        }
    }

    /// Requests and gives the payload of a response that must be good.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        let response = self.request(method, params).await;
        assert_eq!(response["ok"], true, "{method}: {response}");
        response["payload"].clone()
    }

    /// Collects events until one matches; gives it.
    pub(crate) async fn until(&mut self, matches: impl Fn(&Value) -> bool) -> Value {
        if let Some(found) = self.events.iter().find(|e| matches(e)) {
            return found.clone();
        }
        loop {
            let frame = self.frame().await.expect("the event before the socket closes");
            self.events.push(frame.clone());
            if matches(&frame) {
                return frame;
            }
        }
    }

    /// Waits for a `chat` event of a run in a state; gives its payload.
    pub(crate) async fn chat(&mut self, run: &str, state: &str) -> Value {
        let event = self
            .until(|e| e["event"] == "chat" && e["payload"]["runId"] == run && e["payload"]["state"] == state)
            .await;
        event["payload"].clone()
    }
}
