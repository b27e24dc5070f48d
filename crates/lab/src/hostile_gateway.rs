//! A gateway that does harm: each [`Trick`] is one thing that a client must survive.
//!
//! What a trick floods ends with an event `health` whose payload is `{"done":true}`, except for the trick that has no end.

use crate::{Context, Result};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use tungstenite::{Message, WebSocket};

/// Approvals that [`Trick::ManyApprovals`] asks for.
pub const APPROVALS: usize = 100_000;
/// An escape sequence (OSC 0, the title of a terminal), a C1 control, an override of the text's direction, a space of no
/// width.
pub const ESCAPES: &str = "\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}evil\u{200b}";

/// One thing that a client must survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trick {
    /// A reply that never ends, in deltas of 64 KiB.
    EndlessDeltas,
    /// Identifiers of two megabytes, in every event.
    LongIds,
    /// A hundred thousand approvals.
    ManyApprovals,
    /// Escape sequences and bidirectional controls in every field.
    Escapes,
    /// Numbers at the ends of their ranges.
    Numbers,
    /// Events of many megabytes that hold nothing but short values.
    ManyValues,
    /// `connect` is refused with megabytes, escapes and a wait without end.
    Refusal,
    /// The upgrade is answered with a redirect.
    Redirect,
    /// The upgrade is answered with a web page.
    Page,
    /// The upgrade is answered with `Retry-After` of 2^64 - 1 seconds.
    EndlessWait,
    /// The upgrade is answered byte by byte, and never whole.
    SlowBytes,
}

impl Trick {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::EndlessDeltas,
        Self::LongIds,
        Self::ManyApprovals,
        Self::Escapes,
        Self::Numbers,
        Self::ManyValues,
        Self::Refusal,
        Self::Redirect,
        Self::Page,
        Self::EndlessWait,
        Self::SlowBytes,
    ];
}

/// A gateway on loopback that plays one trick on whoever connects. Its threads end with their connections.
#[derive(Debug)]
pub struct HostileGateway {
    addr: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl HostileGateway {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start(trick: Trick) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot open a port for a gateway")?;
        let addr = listener.local_addr().context("the gateway has no address")?;
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    // A client that goes away ends the trick.
                    let _ = play(trick, stream);
                });
            }
        });
        Ok(Self { addr, connections })
    }

    /// Its address, as `ws://`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}", self.addr)
    }

    /// Connections so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

type Played = std::result::Result<(), Box<dyn std::error::Error>>;

fn play(trick: Trick, mut stream: TcpStream) -> Played {
    let answer = match trick {
        Trick::Redirect => {
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/login\r\ncontent-length: 0\r\n\r\n"
        }
        Trick::Page => {
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 27\r\n\r\n<html>Please sign in</html>\n"
        }
        Trick::EndlessWait => {
            "HTTP/1.1 503 Service Unavailable\r\nretry-after: 18446744073709551615\r\ncontent-length: 0\r\n\r\n"
        }
        Trick::SlowBytes => return slowly(&mut stream),
        Trick::EndlessDeltas
        | Trick::LongIds
        | Trick::ManyApprovals
        | Trick::Escapes
        | Trick::Numbers
        | Trick::ManyValues
        | Trick::Refusal => return greeted(trick, stream),
    };
    let _ = stream.read(&mut [0; 4096])?;
    stream.write_all(answer.as_bytes())?;
    Ok(())
}

fn slowly(stream: &mut TcpStream) -> Played {
    let head = b"HTTP/1.1 101 Switching Protocols\r\nx: ".iter().copied();
    for byte in head.chain(std::iter::repeat(b'x')) {
        stream.write_all(&[byte])?;
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

struct Peer {
    socket: WebSocket<TcpStream>,
    seq: u64,
}

impl Peer {
    fn send(&mut self, frame: impl Into<String>) -> Played {
        Ok(self.socket.send(Message::text(frame.into()))?)
    }

    fn event(&mut self, name: &str, payload: &Value) -> Played {
        self.seq += 1;
        let seq = self.seq;
        self.send(format!(
            r#"{{"type":"event","event":"{name}","payload":{payload},"seq":{seq}}}"#
        ))
    }

    /// The next request.
    fn request(&mut self) -> std::result::Result<Value, Box<dyn std::error::Error>> {
        loop {
            if let Message::Text(text) = self.socket.read()? {
                return Ok(serde_json::from_str(&text)?);
            }
        }
    }

    fn answer(&mut self, request: &Value, ok: bool, key: &str, payload: &Value) -> Played {
        let answer = json!({"type": "res", "id": request.get("id"), "ok": ok, key: payload});
        self.send(answer.to_string())
    }
}

fn greeted(trick: Trick, stream: TcpStream) -> Played {
    let socket = tungstenite::accept(stream).map_err(|_| "no upgrade")?;
    let mut peer = Peer { socket, seq: 0 };
    peer.send(
        r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":18446744073709551615}}"#,
    )?;
    let connect = peer.request()?;
    if trick == Trick::Refusal {
        let error = json!({
            "code": format!("{ESCAPES}{}", "X".repeat(2_000_000)),
            "message": format!("{ESCAPES}{}", "no ".repeat(2_000_000)),
            "retryAfterMs": u64::MAX,
            "details": {"code": format!("{ESCAPES}{}", "Y".repeat(1_000))},
        });
        return peer.answer(&connect, false, "error", &error);
    }
    let text = if trick == Trick::LongIds {
        "x".repeat(2_000_000)
    } else {
        ESCAPES.to_owned()
    };
    let number = if trick == Trick::Numbers { u64::MAX } else { 30_000 };
    let hello = json!({
        "type": "hello-ok", "protocol": 4,
        "server": {"version": text, "bootId": text},
        "features": {"methods": [text]},
        "auth": {"role": "operator", "scopes": []},
        "policy": {"maxPayload": u64::MAX, "tickIntervalMs": number},
    });
    peer.answer(&connect, true, "payload", &hello)?;
    flood(trick, &mut peer)?;
    peer.event("health", &json!({"done": true}))?;
    loop {
        let request = peer.request()?;
        peer.answer(&request, true, "payload", &json!({}))?;
    }
}

fn flood(trick: Trick, peer: &mut Peer) -> Played {
    match trick {
        Trick::EndlessDeltas => {
            let text = "x".repeat(64 * 1024);
            for seq in 1_u64.. {
                let delta =
                    json!({"runId": "r", "sessionKey": "s", "seq": seq, "state": "delta", "deltaText": text});
                peer.event("chat", &delta)?;
            }
        }
        Trick::LongIds => {
            let id = "i".repeat(2_000_000);
            for n in 0..20 {
                let id = format!("{id}{n}");
                peer.event(
                    "chat",
                    &json!({"runId": id, "sessionKey": "s", "seq": 1, "state": "delta", "deltaText": "x"}),
                )?;
                peer.event("sessions.changed", &json!({"sessionKey": id, "reason": "send"}))?;
                peer.event(
                    "session.message",
                    &json!({"sessionKey": id, "message": {"role": "user", "content": "x"}}),
                )?;
                peer.event(
                    "exec.approval.requested",
                    &json!({"id": id, "request": {"command": "ls"}}),
                )?;
                peer.event("exec.approval.resolved", &json!({"id": id}))?;
            }
        }
        Trick::ManyApprovals => {
            for n in 0..APPROVALS {
                let asked = json!({"id": format!("a{n}"), "request": {"command": "ls"}});
                peer.event("exec.approval.requested", &asked)?;
            }
        }
        Trick::Escapes => {
            let e = ESCAPES;
            for state in ["status", "delta", "error", "final"] {
                let said = json!({
                    "runId": format!("{state}{e}"), "sessionKey": e, "agentId": e, "seq": 1, "state": state,
                    "deltaText": e, "phase": e, "errorMessage": e, "stopReason": e,
                    "message": {"role": e, "content": [{"type": "text", "text": e}]},
                });
                peer.event("chat", &said)?;
            }
            let asked =
                json!({"id": e, "request": {"command": e, "cwd": e, "warningText": e, "sessionKey": e}});
            peer.event("exec.approval.requested", &asked)?;
            peer.event(
                "sessions.changed",
                &json!({"sessionKey": e, "reason": e, "label": e}),
            )?;
            peer.event("shutdown", &json!({"reason": e}))?;
        }
        Trick::Numbers => {
            for seq in [0, 1, u64::MAX - 1, u64::MAX] {
                for at in [i64::MIN, -1, 0, i64::MAX] {
                    let delta = json!({
                        "runId": "r", "sessionKey": "s", "seq": seq, "state": "delta", "deltaText": "x",
                        "message": {"role": "assistant", "content": "x", "timestamp": at},
                    });
                    peer.event("chat", &delta)?;
                    let tool = json!({"phase": "start", "name": "t", "toolCallId": "c", "args": {"n": seq}});
                    peer.event(
                        "agent",
                        &json!({"runId": "r", "stream": "tool", "seq": seq, "ts": at, "data": tool}),
                    )?;
                    let asked = json!({
                        "id": format!("{seq}{at}"), "createdAtMs": at, "expiresAtMs": at,
                        "request": {"command": "ls"},
                    });
                    peer.event("exec.approval.requested", &asked)?;
                }
            }
            peer.event("shutdown", &json!({"restartExpectedMs": u64::MAX}))?;
            peer.event("shutdown", &json!({"restartExpectedMs": -1e300}))?;
        }
        Trick::ManyValues => {
            let values = format!("[{}0]", "0,".repeat(5_000_000));
            for _ in 0..4 {
                for name in ["other", "health"] {
                    peer.seq += 1;
                    let seq = peer.seq;
                    peer.send(format!(
                        r#"{{"type":"event","event":"{name}","payload":{values},"seq":{seq}}}"#
                    ))?;
                }
            }
        }
        Trick::Refusal | Trick::Redirect | Trick::Page | Trick::EndlessWait | Trick::SlowBytes => {}
    }
    Ok(())
}
