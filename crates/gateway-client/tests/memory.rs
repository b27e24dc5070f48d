//! Sends a million events through the session and the whole client, and checks that memory does not
//! grow.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

mod common;

use clawtray_gateway_client::protocol::method::NoParams;
use clawtray_gateway_client::protocol::method::status::Status;
use clawtray_gateway_client::session::verdict::OpenError;
use clawtray_gateway_client::session::{Command, Effect, Session};
use clawtray_gateway_client::{
    CallError, Client, ConnectionState, Dialer, Endpoint, Gateway, GatewayEvent, RunStep, Tables, Transport,
};
use common::{at, challenge, config, hello, ready_session};
use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncWriteExt as _, DuplexStream};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const EVENTS: u64 = 1_000_000;
/// Until here tables and allocator fill up to what they keep.
const WARM_UP: u64 = 100_000;
/// A single byte that stays of each event would be a million.
const GROWTH_KIB: u64 = 4 * 1024;
const PER_RUN: u64 = 20;

/// What this process holds in memory, in KiB.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// Event number `n`, from 1: runs of twenty events, each run and its session with names of their own.
fn event(n: u64, out: &mut String) {
    let run = (n - 1) / PER_RUN;
    let step = (n - 1) % PER_RUN;
    let ids = format!(r#""runId":"run-{run}","sessionKey":"agent:main:s{run}","agentId":"main""#);
    out.clear();
    let text = "word ".repeat(usize::try_from(step).unwrap());
    let message = format!(
        r#""message":{{"role":"assistant","content":[{{"type":"text","text":"{text}"}}],"timestamp":1}}"#
    );
    let (name, payload) = match step {
        0 => (
            "chat",
            format!(r#"{{{ids},"seq":1,"state":"status","phase":"starting_model"}}"#),
        ),
        1..=15 if step % 2 == 1 => (
            "agent",
            format!(
                r#"{{"runId":"run-{run}","stream":"assistant","data":{{"text":"{text}","delta":"word "}},"sessionKey":"agent:main:s{run}","agentId":"main","seq":{},"ts":1}}"#,
                step + 1
            ),
        ),
        1..=15 => (
            "chat",
            format!(
                r#"{{{ids},"seq":{},"state":"delta","deltaText":"word word ",{message}}}"#,
                step + 1
            ),
        ),
        16 => (
            "session.message",
            format!(r#"{{"sessionKey":"agent:main:s{run}","messageId":"m{run}",{message}}}"#),
        ),
        17 => (
            "sessions.changed",
            format!(r#"{{"sessionKey":"agent:main:s{run}","reason":"message","updatedAt":{n}}}"#),
        ),
        18 => ("tick", format!(r#"{{"ts":{n}}}"#)),
        _ => (
            "chat",
            format!(r#"{{{ids},"seq":17,"state":"final","stopReason":"stop",{message}}}"#),
        ),
    };
    write!(
        out,
        r#"{{"type":"event","event":"{name}","payload":{payload},"seq":{n}}}"#
    )
    .unwrap();
}

/// Fails when memory grew since the warm-up.
fn check(what: &str, before: Option<u64>) {
    let (Some(before), Some(after)) = (before, resident_kib()) else {
        eprintln!("{what}: memory not measured, skipped: there is no /proc/self/status here");
        return;
    };
    assert!(
        after < before + GROWTH_KIB,
        "{what}: {before} KiB after {WARM_UP} events, {after} KiB after {EVENTS}"
    );
}

fn is_final(event: &GatewayEvent) -> bool {
    matches!(event, GatewayEvent::Run(run) if matches!(run.step, RunStep::Final { .. }))
}

/// What became of the session's effects.
#[derive(Default)]
struct Seen {
    finals: u64,
    replies: u64,
    last_request: String,
}

impl Seen {
    fn drain(&mut self, session: &mut Session) {
        while let Some(effect) = session.next_effect() {
            match effect {
                Effect::Emit(event) => self.finals += u64::from(is_final(&event)),
                Effect::Reply { .. } => self.replies += 1,
                Effect::Send(sent) => self.last_request = common::request_id(&sent),
                _ => {}
            }
        }
    }
}

fn through_the_session() {
    let mut session: Session = ready_session();
    let mut seen = Seen::default();
    let (mut frame, mut before) = (String::new(), None);
    for n in 1..=EVENTS {
        event(n, &mut frame);
        let now = at(10 + n / 100);
        session.on_text(now, &frame);
        seen.drain(&mut session);
        if n % 1_000 == 0 {
            // One call is answered, one is given up, one is waited for in vain.
            for (call, milliseconds, answered) in
                [(n, 30_000, true), (n + 1, 30_000, false), (n + 2, 1, false)]
            {
                let call = Command::Call {
                    id: call,
                    method: "status".to_owned(),
                    params: "{}".to_owned(),
                    timeout: Duration::from_millis(milliseconds),
                    until_final: false,
                };
                session.on_command(now, call);
                seen.drain(&mut session);
                if answered {
                    let id = &seen.last_request;
                    let answer = format!(r#"{{"type":"res","id":"{id}","ok":true,"payload":{{}}}}"#);
                    session.on_text(now, &answer);
                }
            }
            assert_eq!(session.pending(), 2);
            session.on_command(now, Command::Forget(n + 1));
            session.on_timer(at(12 + n / 100));
            assert_eq!(session.pending(), 0);
            seen.drain(&mut session);
        }
        if n == WARM_UP {
            before = resident_kib();
        }
    }
    assert_eq!(seen.finals, EVENTS / PER_RUN);
    assert_eq!(seen.replies, 2 * EVENTS / 1_000);
    check("session", before);
}

struct Memory(mpsc::UnboundedSender<DuplexStream>);

#[async_trait::async_trait]
impl Dialer for Memory {
    async fn dial(&self, _: &Endpoint) -> Result<Box<dyn Transport>, OpenError> {
        let (near, far) = tokio::io::duplex(1 << 18);
        self.0
            .send(far)
            .map_err(|_| OpenError::Unreachable("nobody listens".into()))?;
        Ok(Box::new(near))
    }
}

async fn request(peer: &mut WebSocketStream<DuplexStream>) -> Value {
    loop {
        if let Message::Text(text) = peer.next().await.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

async fn answer(peer: &mut WebSocketStream<DuplexStream>, request: &Value) {
    let answer = json!({"type": "res", "id": request["id"], "ok": true, "payload": {}});
    peer.send(Message::text(answer.to_string())).await.unwrap();
}

/// A WebSocket text frame as a server writes it.
fn framed(text: &str, out: &mut Vec<u8>) {
    out.push(0x81);
    match u16::try_from(text.len()).unwrap() {
        short @ 0..=125 => out.push(u8::try_from(short).unwrap()),
        long => {
            out.push(126);
            out.extend(long.to_be_bytes());
        }
    }
    out.extend(text.as_bytes());
}

async fn through_the_client() {
    let (sender, mut dials) = mpsc::unbounded_channel();
    let mut config = config();
    // As many as come before the reader is waited for.
    config.event_buffer = 12_000;
    let client = Client::connect_over(config, Arc::new(Memory(sender)));
    let mut events = client.events();
    let _never_read = client.events();
    let mut peer = tokio_tungstenite::accept_async(dials.recv().await.unwrap())
        .await
        .unwrap();
    peer.send(Message::text(challenge())).await.unwrap();
    let connect = request(&mut peer).await;
    let greeting = hello(connect["id"].as_str().unwrap(), "boot-1");
    peer.send(Message::text(greeting)).await.unwrap();
    let subscribe = request(&mut peer).await;
    answer(&mut peer, &subscribe).await;
    let mut state = client.state();
    state
        .wait_for(|state| matches!(state, ConnectionState::Ready(_)))
        .await
        .unwrap();

    let (finals, mut finals_seen) = watch::channel(0);
    let reader = tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            assert_ne!(event, GatewayEvent::Resync, "the reader keeps up");
            if is_final(&event) {
                finals.send_modify(|count| *count += 1);
            }
        }
    });
    let (mut frame, mut bytes, mut before) = (String::new(), Vec::new(), None);
    for n in 1..=EVENTS {
        event(n, &mut frame);
        framed(&frame, &mut bytes);
        if n % 100 == 0 {
            peer.get_mut().write_all(&bytes).await.unwrap();
            bytes.clear();
        }
        if n % 10_000 == 0 {
            // The answer comes after all events before it: they have been dealt with.
            let (result, ()) = tokio::join!(client.call_raw("status", json!({})), async {
                let request = request(&mut peer).await;
                answer(&mut peer, &request).await;
            });
            result.unwrap();
            // The reader has them too, every one.
            finals_seen.wait_for(|count| *count == n / PER_RUN).await.unwrap();
            let mut unanswered = Box::pin(client.call_raw("status", json!({})));
            tokio::select! {
                result = &mut unanswered => panic!("answered by nobody: {result:?}"),
                _ = request(&mut peer) => {}
            }
            let waiting = client.waiting().await.unwrap();
            assert_eq!((waiting.session, waiting.driver), (1, 1));
            drop(unanswered);
            // Nobody waits for that one any more, and the gateway never answers the next.
            let (late, _) = tokio::join!(
                client.call_within::<Status>(&NoParams {}, Duration::from_millis(1)),
                request(&mut peer)
            );
            assert!(matches!(late, Err(CallError::Timeout(_))), "{late:?}");
            assert_eq!(client.waiting().await, Some(Tables::default()));
        }
        if n == WARM_UP {
            before = resident_kib();
        }
    }
    check("client", before);
    // The connection goes away under calls that wait.
    let calls = (0..8).map(|_| {
        let client = client.clone();
        async move { client.call_raw("status", json!({})).await }
    });
    let (ends, ()) = tokio::join!(join_all(calls), async {
        for _ in 0..8 {
            request(&mut peer).await;
        }
        let waiting = client.waiting().await.unwrap();
        assert_eq!((waiting.session, waiting.driver), (8, 8));
        drop(peer);
    });
    for end in ends {
        assert!(matches!(end, Err(CallError::Disconnected { .. })), "{end:?}");
    }
    assert_eq!(client.waiting().await, Some(Tables::default()));
    client.shutdown().await;
    drop(client);
    reader.await.unwrap();
}

/// One test: what another one holds would be counted too.
#[tokio::test]
async fn a_million_events_leave_nothing_behind() {
    through_the_session();
    through_the_client().await;
}
