//! Replays recorded frames through the session. Every frame is classified, none panics, and the
//! results match reviewed snapshots.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

mod common;

use clawtray_gateway_client::protocol::event::delta_parts;
use clawtray_gateway_client::protocol::frame::{Glance, Incoming, glance, payload_and_seq};
use clawtray_gateway_client::{Decision, GatewayEvent, RunStep};
use common::{Folded, at, events, fixtures, incoming, ready_session};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Everything that the recordings tell a consumer. Frames of several recordings carry the numbers of their own
/// connections, so each gets a session of its own.
fn replay(frames: &[String]) -> Vec<GatewayEvent> {
    let mut session = ready_session();
    let mut seen = Vec::new();
    for frame in incoming(frames) {
        session.on_text(at(10), frame);
        seen.extend(events(&mut session));
    }
    seen
}

#[test]
fn every_frame_is_classified() {
    let mut names = BTreeSet::new();
    let mut frames_read = 0;
    for (name, frames) in fixtures() {
        for frame in incoming(&frames) {
            frames_read += 1;
            match Incoming::parse(frame) {
                Ok(Incoming::Response(_)) => assert_eq!(glance(frame), Glance::Other, "{name}"),
                Ok(Incoming::Event(event)) => {
                    names.insert(event.name.to_string());
                    let assistant = frame.contains(r#""stream":"assistant""#) && event.name == "agent";
                    match glance(frame) {
                        Glance::Chat => {
                            assert_eq!(event.name, "chat", "{name}");
                            let delta = frame.contains(r#""state":"delta""#);
                            assert_eq!(
                                delta_parts(frame).is_some(),
                                delta,
                                "{name}: the slow path was taken"
                            );
                        }
                        Glance::AgentAssistant { seq } => {
                            assert!(assistant, "{name}");
                            assert_eq!(seq, event.seq, "{name}");
                        }
                        Glance::Large(large) => {
                            assert_eq!(event.name, large, "{name}");
                            let usual = event.payload.map(serde_json::value::RawValue::get);
                            assert_eq!(
                                payload_and_seq(frame, large),
                                usual.zip(event.seq),
                                "{name}: the slow path was taken"
                            );
                        }
                        Glance::Other => assert!(
                            event.name != "chat" && !assistant,
                            "{name}: the slow path was taken"
                        ),
                    }
                }
                Ok(Incoming::Unknown) | Err(_) => panic!("{name}: not classified: {frame}"),
            }
        }
    }
    assert!(frames_read > 800, "{frames_read}");
    for name in [
        "chat",
        "agent",
        "sessions.changed",
        "session.message",
        "cron",
        "shutdown",
        "health",
        "tick",
    ] {
        assert!(names.contains(name), "{name} is not among the recordings");
    }
}

#[test]
fn every_event_reaches_consumers_in_the_houses_words() {
    let mut others = BTreeSet::new();
    let mut messages = 0;
    let mut changes = 0;
    for frames in fixtures().values() {
        for event in replay(frames) {
            match event {
                GatewayEvent::Other { name, .. } => {
                    others.insert(name);
                }
                GatewayEvent::Message { .. } => messages += 1,
                GatewayEvent::SessionChanged { session, .. } => {
                    assert!(!session.as_str().is_empty());
                    changes += 1;
                }
                _ => {}
            }
        }
    }
    let expected = [
        "chat.metadata.changed",
        "config.changed",
        "connect.challenge",
        "cron",
        "device.pair.requested",
        "device.pair.resolved",
        "heartbeat",
        "presence",
        "question.requested",
        "session.approval",
        "session.operation",
        "task",
    ];
    assert_eq!(others.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert!(
        messages >= 30 && changes >= 100,
        "{messages} messages, {changes} changes"
    );
}

#[test]
fn transcripts_are_the_reviewed_ones() {
    let mut report = String::new();
    for (name, frames) in fixtures() {
        let mut folded = Folded::default();
        for event in replay(&frames) {
            folded.add(&event);
        }
        for id in &folded.order {
            let run = &folded.runs[id.as_str()];
            writeln!(
                report,
                "== {name} · run {}",
                &id.as_str()[..8.min(id.as_str().len())]
            )
            .unwrap();
            writeln!(report, "phases: {}", run.phases.join(", ")).unwrap();
            if !run.thinking.is_empty() {
                writeln!(report, "thinking: {}", run.thinking).unwrap();
            }
            for tool in &run.tools {
                writeln!(report, "tool: {}", tool.replace('\n', "\\n")).unwrap();
            }
            let text = run.text.replace('\n', "\\n");
            if text.len() > 400 {
                writeln!(report, "text: {}… ({} bytes)", &text[..100], run.text.len()).unwrap();
            } else {
                writeln!(report, "text: {text}").unwrap();
            }
            writeln!(report, "end: {}\n", run.end.as_deref().unwrap_or("still running")).unwrap();
        }
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/transcripts.txt");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &report).unwrap();
    }
    let reviewed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        report == reviewed,
        "{} differs; look at it with UPDATE_SNAPSHOTS=1 and git diff",
        path.display()
    );
}

#[test]
fn a_failed_run_is_reported_once_with_its_first_sentence() {
    let frames = &fixtures()["42-chat-error-400"];
    let errors_sent = frames
        .iter()
        .filter(|frame| frame.contains(r#""state":"error""#))
        .count();
    assert_eq!(errors_sent, 2, "the gateway said it twice");
    let errors: Vec<String> = replay(frames)
        .into_iter()
        .filter_map(|event| match event {
            GatewayEvent::Run(event) => match event.step {
                RunStep::Error { message } => Some(message),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
}

#[test]
fn a_steered_prompt_ends_without_a_message_and_its_answer_comes_in_the_first_run() {
    let mut folded = Folded::default();
    for event in replay(&fixtures()["54-chat-first-of-two"]) {
        folded.add(&event);
    }
    let without: Vec<_> = folded
        .runs
        .values()
        .filter(|run| run.end.as_deref().unwrap_or("").contains("without"))
        .collect();
    assert_eq!(without.len(), 1);
    assert!(without[0].text.is_empty());
    assert!(
        folded.runs.values().any(|run| run.text.contains("\n\n")),
        "the first run answers both"
    );
}

#[test]
fn a_provider_that_is_tried_again_replaces_the_text() {
    let events = replay(&fixtures()["42d-chat-cut"]);
    let replaced = events
        .iter()
        .filter(|event| {
            matches!(event, GatewayEvent::Run(event) if matches!(event.step, RunStep::Delta { replace: true, .. }))
        })
        .count();
    assert!(replaced >= 1);
    let mut folded = Folded::default();
    for event in &events {
        folded.add(event);
    }
    let run = folded.runs.values().next().unwrap();
    assert_eq!(run.end.as_deref(), Some("aborted"));
    assert!(run.text.starts_with("word0 word1"), "{}", run.text);
    assert_eq!(run.text.matches("word0").count(), 1, "not doubled: {}", run.text);
}

#[test]
fn a_change_without_a_session_is_about_the_list_alone() {
    let frames = &fixtures()["56-cron-events"];
    let keyless: Vec<String> = frames
        .iter()
        .filter(|frame| frame.contains(r#""event":"sessions.changed","payload":{"reason":"delete","ts":"#))
        .cloned()
        .collect();
    assert_eq!(keyless.len(), 1, "the recording has one");
    let reason = Some("delete".to_owned());
    assert_eq!(replay(&keyless), [GatewayEvent::SessionsChanged { reason }]);
}

#[test]
fn approvals_come_with_what_may_be_answered() {
    let events = replay(&fixtures()["60-exec-approval-allow"]);
    let asked: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            GatewayEvent::ApprovalRequested(approval) => Some(approval),
            _ => None,
        })
        .collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].title, "echo approved-cmd");
    assert_eq!(asked[0].allowed, [Decision::AllowOnce, Decision::Deny]);
    assert_eq!(asked[0].session.as_ref().unwrap().as_str(), "agent:main:appr1");
    assert!(events.contains(&GatewayEvent::ApprovalResolved {
        id: asked[0].id.clone(),
        decision: Some(Decision::AllowOnce)
    }));
    let lapsed = replay(&fixtures()["64-exec.approval-expired"]);
    assert!(
        lapsed.iter().any(|e| matches!(
            e,
            GatewayEvent::ApprovalResolved {
                decision: Some(Decision::Deny),
                ..
            }
        )),
        "an approval that lapsed was denied"
    );
}
