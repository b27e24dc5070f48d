//! Property tests: any chunking, repetition and reordering that the protocol allows gives the same
//! transcript.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

mod common;

use clawtray_gateway_client::GatewayEvent;
use clawtray_gateway_client::session::verdict::OpenError;
use clawtray_gateway_client::session::{Command, Session};
use common::{Folded, at, challenge, config, effects, events, give_ends, ready_session, request_id, sent};
use proptest::prelude::*;
use serde_json::json;
use std::time::Duration;

const RUN: &str = "run-1";

/// One step of a run as the gateway would send it.
#[derive(Clone, Debug)]
enum Step {
    Status,
    Text(String),
    /// The provider is tried again: all text is thrown away.
    Restart,
    /// The event was dropped by the gateway because we were slow.
    Lost(String),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Status),
        8 => "[a-zé\u{1F600}\"\\\\\n ]{0,12}".prop_map(Step::Text),
        1 => Just(Step::Restart),
        1 => "[a-z\n]{1,12}".prop_map(Step::Lost),
    ]
}

/// How the wire treats a frame.
#[derive(Clone, Copy, Debug)]
struct Treatment {
    /// The frame comes again, with a new outer number, as after a reconnect.
    repeated: bool,
    /// A repetition of `agent assistant` comes with it.
    assistant: bool,
    /// The message comes in another layout.
    unusual: bool,
}

fn treatment() -> impl Strategy<Value = Treatment> {
    (
        prop::bool::weighted(0.2),
        any::<bool>(),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(repeated, assistant, unusual)| Treatment {
            repeated,
            assistant,
            unusual,
        })
}

fn frame(outer: &mut u64, payload: &str) -> String {
    *outer += 1;
    format!(r#"{{"type":"event","event":"chat","payload":{payload},"seq":{outer},"recipientProfileId":"o"}}"#)
}

/// The frames of a run, and the text it ends with.
fn wire(steps: &[(Step, Treatment)]) -> (Vec<String>, String) {
    let (mut frames, mut text, mut seq, mut outer) = (Vec::new(), String::new(), 0, 0);
    let head = format!(r#""runId":"{RUN}","sessionKey":"agent:main:main","agentId":"main""#);
    for (step, treatment) in steps {
        seq += 1;
        let payload = match step {
            Step::Status => {
                // A status may carry a number that is higher than that of the next delta.
                format!(
                    r#"{{{head},"seq":{},"state":"status","phase":"starting_model"}}"#,
                    seq + 1
                )
            }
            Step::Text(delta) | Step::Lost(delta) => {
                text.push_str(delta);
                delta_payload(&head, seq, delta, false, &text, treatment.unusual)
            }
            Step::Restart => {
                text.clear();
                delta_payload(&head, seq, "", true, "", treatment.unusual)
            }
        };
        if matches!(step, Step::Lost(_)) {
            outer += 1;
            continue;
        }
        if treatment.assistant {
            outer += 1;
            frames.push(format!(
                r#"{{"type":"event","event":"agent","payload":{{{head},"stream":"assistant","data":{{"text":{}}},"seq":{seq}}},"seq":{outer}}}"#,
                json!(text)
            ));
        }
        frames.push(frame(&mut outer, &payload));
        if treatment.repeated {
            frames.push(frame(&mut outer, &payload));
        }
    }
    let message = json!({"role": "assistant", "content": [{"type": "text", "text": text}], "timestamp": 1});
    let end = format!(r#"{{{head},"seq":{seq},"state":"final","stopReason":"stop","message":{message}}}"#);
    frames.push(frame(&mut outer, &end));
    frames.push(frame(&mut outer, &end));
    (frames, text)
}

fn delta_payload(head: &str, seq: u64, delta: &str, replace: bool, text: &str, unusual: bool) -> String {
    let message = if unusual {
        json!({"timestamp": 1, "content": [{"text": text, "type": "text"}], "role": "assistant"}).to_string()
    } else {
        format!(
            r#"{{"role":"assistant","content":[{{"type":"text","text":{}}}],"timestamp":1}}"#,
            json!(text)
        )
    };
    let replace = if replace { r#""replace":true,"# } else { "" };
    format!(
        r#"{{{head},"seq":{seq},"state":"delta","deltaText":{},{replace}"message":{message}}}"#,
        json!(delta)
    )
}

/// What a consumer is told, by frames read whole or by their ends; and how many were not read whole.
fn told(frames: &[String], ends: bool) -> (Vec<GatewayEvent>, usize) {
    let mut session = ready_session();
    let (mut told, mut skipped) = (Vec::new(), 0);
    for frame in frames {
        if ends {
            skipped += usize::from(give_ends(&mut session, at(5), frame));
        } else {
            session.on_text(at(5), frame);
        }
        told.extend(events(&mut session));
    }
    (told, skipped)
}

#[test]
fn a_reply_is_skipped_but_for_its_first_and_its_last_frame() {
    let plain = Treatment {
        repeated: false,
        assistant: true,
        unusual: false,
    };
    let steps: Vec<_> = (0..20)
        .map(|_| (Step::Text("\"é\"\n".repeat(100)), plain))
        .collect();
    let (frames, _) = wire(&steps);
    let (_, skipped) = told(&frames, true);
    // Each of twenty pieces comes as `agent` and as `chat`. The first delta tells how much there is, the last two are the end.
    assert_eq!((skipped, frames.len()), (39, 42));
}

fn fold(frames: &[String], lossy: bool) -> Folded {
    let mut session = ready_session();
    let mut folded = Folded {
        lossy,
        ..Folded::default()
    };
    for frame in frames {
        session.on_text(at(5), frame);
        for event in events(&mut session) {
            folded.add(&event);
        }
    }
    folded
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// `Folded::add` checks on the way that numbers rise, that nothing follows the end, that the text has the length
    /// that the gateway says, and that the deltas add up to the final message.
    #[test]
    fn any_stream_folds_to_its_text(steps in prop::collection::vec((step(), treatment()), 0..40)) {
        let (frames, text) = wire(&steps);
        let lossy = steps.iter().any(|(step, _)| matches!(step, Step::Lost(_)));
        let folded = fold(&frames, lossy);
        let run = &folded.runs[RUN];
        prop_assert_eq!(&run.text, &text);
        prop_assert!(run.end.is_some());
        prop_assert_eq!(folded.runs.len(), 1);
    }

    /// However a text is cut into deltas.
    #[test]
    fn any_chunking_is_the_same(text in "[a-z\n\"é]{0,200}", cuts in prop::collection::vec(0_usize..200, 0..20)) {
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| text.is_char_boundary(*cut)).collect();
        cuts.push(text.len());
        cuts.sort_unstable();
        let mut from = 0;
        let plain = Treatment { repeated: false, assistant: true, unusual: false };
        let steps: Vec<_> = cuts
            .into_iter()
            .map(|to| {
                let piece = text[from..to].to_owned();
                from = to;
                (Step::Text(piece), plain)
            })
            .collect();
        let (frames, _) = wire(&steps);
        prop_assert_eq!(&fold(&frames, false).runs[RUN].text, &text);
    }

    /// Whether the middle of frames is read makes no difference, wherever a connection begins. What was lost may be mended
    /// later.
    #[test]
    fn the_ends_tell_what_the_whole_tells(
        steps in prop::collection::vec((step(), treatment()), 0..40), skip in 0_usize..30
    ) {
        let (frames, text) = wire(&steps);
        let frames = &frames[skip.min(frames.len() - 1)..];
        let (by_ends, _) = told(frames, true);
        if steps.iter().any(|(step, _)| matches!(step, Step::Lost(_))) {
            let mut folded = Folded { lossy: true, ..Folded::default() };
            for event in &by_ends {
                folded.add(event);
            }
            prop_assert_eq!(&folded.runs[RUN].text, &text);
        } else {
            prop_assert_eq!(by_ends, told(frames, false).0);
        }
    }

    /// A connection that begins in the middle of a run has the whole text with the next delta.
    #[test]
    fn coming_late_loses_nothing(steps in prop::collection::vec((step(), treatment()), 1..30), skip in 0_usize..30) {
        let (frames, text) = wire(&steps);
        let late = &frames[skip.min(frames.len() - 1)..];
        prop_assert_eq!(&fold(late, true).runs[RUN].text, &text);
    }

    /// No number of somebody else makes a connection wait for more than an hour and its jitter, whenever it comes.
    #[test]
    fn a_named_wait_is_bounded(
        number in prop_oneof![any::<u64>(), 0_u64..1_000_000, Just(u64::MAX)],
        status in 200_u16..600,
        ms in prop_oneof![2_000_u64..10_000_000, Just(u64::MAX / 2)],
    ) {
        let longest = Duration::from_secs(3_600 + 360);
        let now = at(ms);
        let waits = |session: &mut Session, what: &str| {
            effects(session);
            let until = session.deadline().map(|until| until.saturating_sub(now.mono));
            assert!(until.is_none_or(|wait| wait <= longest), "{what}: {until:?}");
        };
        let mut session = ready_session();
        session.on_closed(now, None);
        session.on_command(now, Command::Connect);
        session.on_open_failed(now, &OpenError::Http { status, retry_after: Some(Duration::from_secs(number)) });
        waits(&mut session, "Retry-After");

        let mut session = ready_session();
        let shutdown = json!({"reason": "restart", "restartExpectedMs": number});
        session.on_text(now, &format!(r#"{{"type":"event","event":"shutdown","payload":{shutdown},"seq":{number}}}"#));
        session.on_closed(now, Some((1012, String::new())));
        waits(&mut session, "restartExpectedMs");

        for code in ["AUTH_RATE_LIMITED", "UNAVAILABLE", "X"] {
            let mut session = Session::new(config(), number);
            session.on_command(now, Command::Connect);
            session.on_opened(now);
            session.on_text(now, &challenge());
            let id = request_id(&sent(&effects(&mut session))[0]);
            let error = json!({"code": code, "retryAfterMs": number, "retryable": true, "details": {"code": code}});
            session.on_text(now, &format!(r#"{{"type":"res","id":"{id}","ok":false,"error":{error}}}"#));
            waits(&mut session, code);
        }
    }

    /// No text makes the session panic, and none is taken for something else.
    #[test]
    fn garbage_is_ignored(text in "\\PC*", json in "[\\[\\]{}\":,a-z0-9]{0,60}") {
        let mut session = ready_session();
        for frame in [text, json.clone(), format!(r#"{{"type":"event","event":"chat","payload":{{{json}"#)] {
            session.on_text(at(5), &frame);
        }
        prop_assert!(events(&mut session).iter().all(|event| !matches!(event, GatewayEvent::Run(_))));
    }
}
