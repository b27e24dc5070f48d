//! The connection policy as tables.
#![allow(clippy::wildcard_enum_match_arm)]

mod calls;
mod events;
mod handshake;
mod liveness;
mod verdicts;

use super::verdict::{Attempt, OpenError, Verdict, closed, not_opened, refused};
use super::*;
use crate::DeviceIdentity;
use crate::config::PLATFORM;
use clawtray_gateway_protocol::GatewayError;
use serde_json::{Value, json};

const CHALLENGE: &str = r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n-1","ts":1795175379880,"capabilities":[]}}"#;

fn at(ms: u64) -> Now {
    let mono = Duration::from_millis(ms);
    Now {
        mono,
        wall: Duration::from_secs(1_795_175_379) + mono,
    }
}

fn config() -> ClientConfig {
    ClientConfig::new("ws://127.0.0.1:18789", Credentials::token("canary-token"))
        .with_identity(DeviceIdentity::from_secret_bytes(&[7; 32]))
}

fn drain(session: &mut Session) -> Vec<Effect> {
    std::iter::from_fn(|| session.next_effect()).collect()
}

fn sent(effects: &[Effect]) -> Vec<Value> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send(text) => Some(serde_json::from_str(text).unwrap()),
            _ => None,
        })
        .collect()
}

fn states(effects: &[Effect]) -> Vec<ConnectionState> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::State(state) => Some(state.clone()),
            _ => None,
        })
        .collect()
}

fn replies(effects: &[Effect]) -> Vec<(CallId, Result<String, CallError>)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Reply { call, result } => Some((
                *call,
                result
                    .as_ref()
                    .map(|raw| raw.get().to_owned())
                    .map_err(Clone::clone),
            )),
            _ => None,
        })
        .collect()
}

fn opens(effects: &[Effect]) -> usize {
    effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Open))
        .count()
}

/// A session that has sent `connect`; gives its request.
fn greeted(config: ClientConfig) -> (Session, Value) {
    let mut session = Session::new(config, 1);
    session.on_command(at(0), Command::Connect);
    session.on_opened(at(1));
    session.on_text(at(2), CHALLENGE);
    let sent = sent(&drain(&mut session));
    assert_eq!(sent.len(), 1);
    let connect = sent[0].clone();
    (session, connect)
}

fn hello(connect: &Value, changes: Value) -> String {
    let mut payload = json!({
        "type": "hello-ok", "protocol": 4,
        "server": {"version": "2026.9.6", "bootId": "b1"},
        "auth": {"role": "operator", "scopes": ["operator.read", "operator.write"]},
        "policy": {"maxPayload": 2000, "tickIntervalMs": 30000},
    });
    for (key, value) in changes.as_object().unwrap() {
        payload[key] = value.clone();
    }
    json!({"type": "res", "id": connect["id"], "ok": true, "payload": payload}).to_string()
}

fn refusal(connect: &Value, error: Value) -> String {
    json!({"type": "res", "id": connect["id"], "ok": false, "error": error}).to_string()
}

fn ready() -> Session {
    let mut config = config();
    config.subscribe_sessions = false;
    let (mut session, connect) = greeted(config);
    session.on_text(at(3), &hello(&connect, json!({})));
    drain(&mut session);
    session
}

fn call(session: &mut Session, now: Now, id: CallId, method: &str, timeout_s: u64) -> Option<Value> {
    let timeout = Duration::from_secs(timeout_s);
    let command = Command::Call {
        id,
        method: method.into(),
        params: "{}".into(),
        timeout,
        until_final: method == "agent",
    };
    session.on_command(now, command);
    sent(&drain(session)).pop()
}
