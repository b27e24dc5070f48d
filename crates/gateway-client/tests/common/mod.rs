//! Helpers for the tests of this crate.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

use clawtray_gateway_client::session::{Command, Effect, Now, Reading, Session};
use clawtray_gateway_client::{
    ClientConfig, ConnectionState, Credentials, DeviceIdentity, GatewayEvent, RunStep, protocol::RunId,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub const NONCE: &str = "55ca6cf3-ef40-413e-8506-6f2dbaa30f31";

pub fn challenge() -> String {
    format!(
        r#"{{"type":"event","event":"connect.challenge","payload":{{"nonce":"{NONCE}","ts":1795175379880}}}}"#
    )
}

/// A `hello-ok` with what a client acts on.
pub fn hello(id: &str, boot: &str) -> String {
    format!(
        r#"{{"type":"res","id":"{id}","ok":true,"payload":{{"type":"hello-ok","protocol":4,"server":{{"version":"2026.9.6","bootId":"{boot}","connId":"c"}},"features":{{"methods":["health"],"events":["chat"]}},"snapshot":{{"sessionDefaults":{{"defaultAgentId":"main","mainSessionKey":"agent:main:main"}}}},"auth":{{"role":"operator","scopes":["operator.read","operator.write","operator.approvals"],"deviceToken":"device-token-1"}},"policy":{{"maxPayload":1000000,"maxBufferedBytes":52428800,"tickIntervalMs":30000,"attachments":{{"maxBytes":19464192,"maxImageBytes":6291456}}}}}}}}"#
    )
}

pub fn config() -> ClientConfig {
    let mut config = ClientConfig::new("ws://127.0.0.1:18789", Credentials::token("canary-token"))
        .with_identity(DeviceIdentity::from_secret_bytes(&[7; 32]));
    config.rng_seed = Some(1);
    config
}

pub fn at(ms: u64) -> Now {
    let mono = Duration::from_millis(ms);
    Now {
        mono,
        wall: Duration::from_secs(1_795_175_379) + mono,
    }
}

/// All effects that wait.
pub fn effects(session: &mut Session) -> Vec<Effect> {
    std::iter::from_fn(|| session.next_effect()).collect()
}

/// The events among the effects that wait.
pub fn events(session: &mut Session) -> Vec<GatewayEvent> {
    effects(session)
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Emit(event) => Some(event),
            _ => None,
        })
        .collect()
}

/// The id of the request in a frame.
pub fn request_id(frame: &str) -> String {
    serde_json::from_str::<Value>(frame).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A session that has shaken hands and announced itself.
pub fn ready_session() -> Session {
    let mut session = Session::new(config(), 1);
    session.on_command(at(0), Command::Connect);
    session.on_opened(at(1));
    session.on_text(at(2), &challenge());
    let sent = sent(&effects(&mut session));
    session.on_text(at(3), &hello(&request_id(&sent[0]), "boot-1"));
    let effects = effects(&mut session);
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::State(ConnectionState::Ready(_)))),
        "{effects:?}"
    );
    let subscribe = &self::sent(&effects)[0];
    assert!(subscribe.contains("sessions.subscribe"), "{subscribe}");
    session.on_text(
        at(4),
        &format!(
            r#"{{"type":"res","id":"{}","ok":true,"payload":{{}}}}"#,
            request_id(subscribe)
        ),
    );
    assert_eq!(
        events(&mut session),
        [GatewayEvent::Connected { new_boot: false }]
    );
    session
}

/// Gives a session a frame as a driver does that may skip the middle of frames: offers it more and more of the beginning.
/// Whether the middle was skipped.
pub fn give_ends(session: &mut Session, now: Now, frame: &str) -> bool {
    let mut offered = 48.min(frame.len());
    loop {
        match session.reading(&frame.as_bytes()[..offered], frame.len()) {
            Reading::More if offered < frame.len() => offered = (2 * offered).min(frame.len()),
            Reading::Ends { head, tail } if head <= offered && head + tail <= frame.len() => {
                let end = frame.len() - tail;
                let (head, tail) = (&frame.as_bytes()[..head], &frame.as_bytes()[end..]);
                session.on_ends(now, head, end - head.len(), tail);
                return true;
            }
            Reading::More | Reading::Whole | Reading::Ends { .. } => {
                session.on_text(now, frame);
                return false;
            }
        }
    }
}

pub fn sent(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send(text) => Some(text.clone()),
            _ => None,
        })
        .collect()
}

/// The recordings, by name.
pub fn fixtures() -> BTreeMap<String, Vec<String>> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "jsonl"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            (name, text.lines().map(str::to_owned).collect())
        })
        .collect()
}

/// Frames of a recording that the gateway sent.
pub fn incoming(frames: &[String]) -> impl Iterator<Item = &String> {
    frames
        .iter()
        .filter(|frame| !frame.starts_with(r#"{"type":"req""#))
}

/// What a consumer has in its hands after some events: the text of every run, and how it ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folded {
    pub runs: BTreeMap<String, FoldedRun>,
    pub order: Vec<RunId>,
    /// Events were lost on the way, so that deltas need not add up to the reply.
    pub lossy: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoldedRun {
    pub text: String,
    pub thinking: String,
    pub tools: Vec<String>,
    pub phases: Vec<String>,
    pub end: Option<String>,
    pub last_seq: u64,
}

impl Folded {
    /// Folds an event as a simple consumer would, and checks what the contract promises.
    pub fn add(&mut self, event: &GatewayEvent) {
        let GatewayEvent::Run(event) = event else { return };
        if !self.runs.contains_key(event.run.as_str()) {
            self.order.push(event.run.clone());
        }
        let run = self.runs.entry(event.run.0.clone()).or_default();
        assert!(
            event.seq > run.last_seq,
            "numbers rise: {} after {}",
            event.seq,
            run.last_seq
        );
        assert_eq!(run.end, None, "nothing follows the end of a run");
        run.last_seq = event.seq;
        match &event.step {
            RunStep::Status { phase } => run.phases.push(phase.clone()),
            RunStep::Delta {
                text,
                replace,
                total_bytes,
            } => {
                if *replace {
                    run.text.clear();
                }
                run.text.push_str(text);
                assert_eq!(
                    *total_bytes,
                    Some(run.text.len()),
                    "the gateway and we have the same text"
                );
            }
            RunStep::Thinking { text } => run.thinking.push_str(text),
            RunStep::Tool {
                name,
                phase,
                arguments,
                output,
                is_error,
                ..
            } => {
                let arguments = arguments.as_ref().map(ToString::to_string).unwrap_or_default();
                let output = output.clone().unwrap_or_default();
                let mark = if *is_error { " FAILED" } else { "" };
                run.tools
                    .push(format!("{phase} {name} {arguments}{output}{mark}"));
            }
            RunStep::Final { message, stop_reason } => {
                if let Some(message) = message {
                    if !self.lossy && !run.text.is_empty() {
                        assert_eq!(run.text, message.text(), "the deltas add up to the reply");
                    }
                    run.text = message.text();
                }
                let none = if message.is_none() {
                    " without a message"
                } else {
                    ""
                };
                run.end = Some(format!("final{none}, stop reason {stop_reason:?}"));
            }
            RunStep::Aborted { message } => {
                if let Some(message) = message {
                    run.text = message.text();
                }
                run.end = Some("aborted".to_owned());
            }
            RunStep::Error { message } => run.end = Some(format!("error: {message}")),
        }
    }
}
