//! Drives a session with arbitrary bytes: the code of the fuzz target and of the short run in the
//! test suite.
#![allow(dead_code, missing_docs, unreachable_pub)]

use clawtray_gateway_client::session::verdict::OpenError;
use clawtray_gateway_client::session::{Command, Effect, Now, Reading, Session};
use clawtray_gateway_client::{ClientConfig, ConnectionState, Credentials, DeviceIdentity};
use std::collections::HashSet;
use std::time::Duration;

/// Reads the bytes as a script, one step per line, and checks what must hold whatever happens. The first byte of a
/// line chooses the step, the rest is its argument; `@ID` in a frame becomes the id of the last request.
///
/// Gives how often the session became ready.
///
/// # Panics
/// When an invariant does not hold.
pub fn drive(script: &[u8]) -> usize {
    let credentials = Credentials {
        token: Some("t".into()),
        password: None,
        device_token: Some("d".into()),
    };
    let config = ClientConfig::new("ws://127.0.0.1:1", credentials)
        .with_identity(DeviceIdentity::from_secret_bytes(&[1; 32]));
    let mut session = Session::new(config, 7);
    let mut now = Now {
        mono: Duration::from_secs(1),
        wall: Duration::from_secs(1_000_000),
    };
    let mut next_call = 0;
    let mut waiting = HashSet::new();
    let mut last_request = String::from("1");
    let mut stopped = false;
    let mut paused = false;
    let mut ready = 0;
    for line in script.split(|byte| *byte == b'\n') {
        let Some((step, argument)) = line.split_first() else {
            continue;
        };
        let text = String::from_utf8_lossy(argument);
        let asked = matches!(*step, b'c' | b'k' | b's');
        now.mono += Duration::from_millis(1);
        now.wall += Duration::from_millis(1);
        match *step {
            b'c' => session.on_command(now, Command::Connect),
            b'o' => session.on_opened(now),
            b'f' => session.on_open_failed(now, &OpenError::Unreachable(text.into_owned())),
            b'h' => {
                let status = text.trim().parse().unwrap_or(503);
                session.on_open_failed(
                    now,
                    &OpenError::Http {
                        status,
                        retry_after: None,
                    },
                );
            }
            b'x' => session.on_closed(now, None),
            b'X' => {
                let (code, reason) = text.split_once(' ').unwrap_or((&text, ""));
                session.on_closed(
                    now,
                    Some((code.trim().parse().unwrap_or(1006), reason.to_owned())),
                );
            }
            b't' => {
                let seconds = Duration::from_secs(text.trim().parse::<u16>().unwrap_or(1).into());
                now.mono += seconds;
                now.wall += seconds;
                session.on_timer(now);
            }
            b'z' => {
                now.wall += Duration::from_secs(text.trim().parse::<u16>().unwrap_or(60).into());
                session.on_timer(now);
            }
            b'r' => {
                next_call += 1;
                waiting.insert(next_call);
                session.on_command(
                    now,
                    Command::Call {
                        id: next_call,
                        method: text.into_owned(),
                        params: "{}".into(),
                        timeout: Duration::from_secs(30),
                        until_final: next_call % 3 == 0,
                    },
                );
            }
            b'g' => {
                waiting.remove(&next_call);
                session.on_command(now, Command::Forget(next_call));
            }
            b'k' => session.on_command(now, Command::Credentials(Credentials::token(&*text))),
            b's' => session.on_command(now, Command::Scopes(vec![text.into_owned()])),
            b'q' => session.on_command(now, Command::Offline),
            b'Q' => session.on_command(now, Command::Shutdown),
            b'e' => {
                let bytes = text.as_bytes();
                // What is offered is no more than what came.
                match session.reading(bytes, bytes.len()) {
                    Reading::Ends { head, tail } if head + tail <= bytes.len() => {
                        let end = bytes.len() - tail;
                        session.on_ends(now, &bytes[..head], end - head, &bytes[end..]);
                    }
                    Reading::Whole | Reading::More | Reading::Ends { .. } => session.on_text(now, &text),
                }
            }
            _ => session.on_text(now, &text.replace("@ID", &last_request)),
        }
        let mut effects = 0;
        while let Some(effect) = session.next_effect() {
            effects += 1;
            assert!(effects < 10_000, "effects without end");
            assert!(!stopped, "nothing happens after the end: {effect:?}");
            match effect {
                Effect::Open => {
                    assert!(!paused || asked, "a paused connection was opened by itself");
                    paused = false;
                }
                Effect::Send(frame) => {
                    let frame: serde_json::Value = serde_json::from_str(&frame).expect("frames are JSON");
                    last_request = frame["id"].as_str().expect("requests have ids").to_owned();
                }
                Effect::Reply { call, .. } => {
                    assert!(waiting.remove(&call), "answered twice, or though forgotten")
                }
                Effect::State(state) => {
                    ready += usize::from(matches!(state, ConnectionState::Ready(_)));
                    let looks = session.deadline().is_some();
                    paused = matches!(state, ConnectionState::Paused(_)) && !looks;
                }
                Effect::Stop => stopped = true,
                Effect::Close { .. } | Effect::Emit(_) | Effect::StoreToken(_) => {}
            }
        }
        assert!(
            session.pending() >= waiting.len(),
            "a call is neither answered nor waited for"
        );
    }
    if !stopped {
        session.on_command(now, Command::Shutdown);
        while let Some(effect) = session.next_effect() {
            if let Effect::Reply { call, .. } = effect {
                waiting.remove(&call);
            }
        }
    }
    assert!(waiting.is_empty(), "a call was left behind");
    assert_eq!(session.pending(), 0);
    ready
}
