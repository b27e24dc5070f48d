//! The policy, as tables.
#![allow(clippy::wildcard_enum_match_arm)]

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

fn error(code: &str, details: Value) -> GatewayError {
    GatewayError {
        code: code.into(),
        message: "no".into(),
        details: Some(details),
        retryable: None,
        retry_after_ms: None,
    }
}

#[test]
fn what_a_refused_connect_means() {
    let auth = |code: &str, step: Option<&str>| {
        Verdict::Pause(PauseReason::AuthRequired {
            code: code.into(),
            next_step: step.map(Into::into),
        })
    };
    let pairing = |reason: &str| PauseReason::PairingPending {
        request_id: Some("req-1".into()),
        reason: Some(reason.into()),
        hint: Some("approve".into()),
    };
    let pairing_details = |reason: &str| json!({"code": "PAIRING_REQUIRED", "reason": reason, "requestId": "req-1", "remediationHint": "approve"});
    let table = [
        (
            error(
                "INVALID_REQUEST",
                json!({"code": "AUTH_TOKEN_MISMATCH", "canRetryWithDeviceToken": false, "recommendedNextStep": "update_auth_credentials"}),
            ),
            auth("AUTH_TOKEN_MISMATCH", Some("update_auth_credentials")),
        ),
        (
            error(
                "INVALID_REQUEST",
                json!({"code": "AUTH_TOKEN_MISMATCH", "canRetryWithDeviceToken": true, "recommendedNextStep": "retry_with_device_token"}),
            ),
            auth("AUTH_TOKEN_MISMATCH", Some("retry_with_device_token")),
        ),
        (
            error("INVALID_REQUEST", json!({"code": "AUTH_TOKEN_MISSING"})),
            auth("AUTH_TOKEN_MISSING", None),
        ),
        (
            error("INVALID_REQUEST", json!({"code": "AUTH_PASSWORD_MISMATCH"})),
            auth("AUTH_PASSWORD_MISMATCH", None),
        ),
        (
            error("INVALID_REQUEST", json!({"code": "AUTH_DEVICE_TOKEN_MISMATCH"})),
            auth("AUTH_DEVICE_TOKEN_MISMATCH", None),
        ),
        (
            error("INVALID_REQUEST", json!({"code": "AUTH_SCOPE_MISMATCH"})),
            auth("AUTH_SCOPE_MISMATCH", None),
        ),
        (
            error("NOT_PAIRED", json!({"code": "DEVICE_IDENTITY_REQUIRED"})),
            auth("DEVICE_IDENTITY_REQUIRED", None),
        ),
        (
            GatewayError {
                retry_after_ms: Some(9992),
                retryable: Some(true),
                ..error("INVALID_REQUEST", json!({"code": "AUTH_RATE_LIMITED"}))
            },
            Verdict::Pause(PauseReason::RateLimited {
                retry_after: Some(Duration::from_millis(9992)),
            }),
        ),
        (
            error("NOT_PAIRED", pairing_details("not-paired")),
            Verdict::Pause(pairing("not-paired")),
        ),
        (
            error("NOT_PAIRED", pairing_details("scope-upgrade")),
            Verdict::Pause(pairing("scope-upgrade")),
        ),
        (
            error("NOT_PAIRED", {
                let mut details = pairing_details("not-paired");
                details["recommendedNextStep"] = json!("wait_then_retry");
                details
            }),
            Verdict::PauseAndLook(pairing("not-paired")),
        ),
        (
            error("NOT_PAIRED", {
                let mut details = pairing_details("not-paired");
                details["pauseReconnect"] = json!(false);
                details
            }),
            Verdict::PauseAndLook(pairing("not-paired")),
        ),
        (
            error(
                "INVALID_REQUEST",
                json!({"code": "PROTOCOL_MISMATCH", "expectedProtocol": 5}),
            ),
            Verdict::Pause(PauseReason::ProtocolMismatch { expected: Some(5) }),
        ),
        (
            GatewayError {
                retryable: Some(true),
                retry_after_ms: Some(500),
                ..error("UNAVAILABLE", json!({"reason": "startup-sidecars"}))
            },
            Verdict::SoonBack {
                after: Some(Duration::from_millis(500)),
            },
        ),
        (error("UNAVAILABLE", json!({})), Verdict::Retry { after: None }),
        (
            error(
                "INVALID_REQUEST",
                json!({"code": "DEVICE_AUTH_SIGNATURE_INVALID"}),
            ),
            Verdict::Pause(PauseReason::Refused {
                code: "DEVICE_AUTH_SIGNATURE_INVALID".into(),
                message: "no".into(),
            }),
        ),
        (
            error(
                "INVALID_REQUEST",
                json!({"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED"}),
            ),
            Verdict::Pause(PauseReason::Refused {
                code: "CONTROL_UI_ORIGIN_NOT_ALLOWED".into(),
                message: "no".into(),
            }),
        ),
    ];
    for (error, verdict) in table {
        assert_eq!(refused(&error, Attempt::default()), verdict, "{error:?}");
    }
    let mismatch = |may: bool| {
        error(
            "INVALID_REQUEST",
            json!({"code": "AUTH_TOKEN_MISMATCH", "canRetryWithDeviceToken": may}),
        )
    };
    let left = Attempt {
        device_token_left: true,
    };
    assert_eq!(refused(&mismatch(true), left), Verdict::RetryWithDeviceToken);
    assert_eq!(refused(&mismatch(false), left), auth("AUTH_TOKEN_MISMATCH", None));
}

#[test]
fn what_a_closed_connection_means() {
    let soon = Verdict::SoonBack { after: None };
    let retry = Verdict::Retry { after: None };
    let table = [
        (1012, "service restart", true, soon.clone()),
        (1013, "gateway starting", false, soon.clone()),
        (1006, "", true, retry.clone()),
        (1000, "", false, retry.clone()),
        (1009, "", true, retry.clone()),
        (1011, "internal", true, retry.clone()),
        (1008, "slow consumer", true, retry.clone()),
        (
            1008,
            "invalid request frame",
            false,
            Verdict::Pause(PauseReason::Refused {
                code: "POLICY".into(),
                message: "invalid request frame".into(),
            }),
        ),
        (
            1002,
            "protocol mismatch",
            false,
            Verdict::Pause(PauseReason::ProtocolMismatch { expected: None }),
        ),
        (
            4001,
            "device removed",
            true,
            Verdict::Pause(PauseReason::DeviceRevoked {
                reason: "device removed".into(),
            }),
        ),
    ];
    for (code, reason, was_ready, verdict) in table {
        assert_eq!(
            closed(CloseCode::from(code), reason, was_ready),
            verdict,
            "{code} {reason}"
        );
    }
}

#[test]
fn what_a_socket_that_does_not_open_means() {
    let http = |status| OpenError::Http {
        status,
        retry_after: None,
    };
    assert_eq!(not_opened(&http(503)), Verdict::SoonBack { after: None });
    for status in [429, 500, 502, 504] {
        assert_eq!(
            not_opened(&http(status)),
            Verdict::Retry { after: None },
            "{status}"
        );
    }
    for status in [200, 301, 401, 403, 404] {
        let Verdict::Pause(PauseReason::Refused { code, .. }) = not_opened(&http(status)) else {
            panic!("{status} pauses")
        };
        assert_eq!(code, format!("HTTP_{status}"));
    }
    assert_eq!(
        not_opened(&OpenError::Unreachable("x".into())),
        Verdict::Retry { after: None }
    );
    let certificate = OpenError::Certificate {
        message: "m".into(),
        fingerprint: Some("ab".into()),
    };
    assert_eq!(
        not_opened(&certificate),
        Verdict::Pause(PauseReason::InsecureTransport {
            message: "m".into(),
            fingerprint: Some("ab".into())
        })
    );
}

#[test]
fn connect_says_who_we_are_and_nothing_more() {
    let (_, connect) = greeted(config());
    assert_eq!(connect["method"], "connect");
    let params = &connect["params"];
    assert_eq!(
        (&params["minProtocol"], &params["maxProtocol"]),
        (&json!(3), &json!(4))
    );
    assert_eq!(params["client"]["id"], "gateway-client");
    assert_eq!(params["client"]["mode"], "ui");
    assert_eq!(params["client"]["displayName"], "Clawtray");
    assert_eq!(params["client"]["platform"], PLATFORM);
    assert_eq!(
        params["scopes"],
        json!(["operator.read", "operator.write", "operator.approvals"])
    );
    assert_eq!(params["caps"], json!(["approvals", "tool-events"]));
    assert_eq!(params["auth"], json!({"token": "canary-token"}));
    assert_eq!(params["device"]["signedAt"], 1_795_175_379_880_u64);
    assert_eq!(params["device"]["nonce"], "n-1");
    let identity = DeviceIdentity::from_secret_bytes(&[7; 32]);
    let payload = format!(
        "v3|{}|gateway-client|ui|operator|operator.read,operator.write,operator.approvals|1795175379880|canary-token|n-1|{PLATFORM}|",
        identity.id()
    );
    assert_eq!(params["device"]["signature"], identity.sign(&payload));
}

#[test]
fn which_credential_is_shown() {
    let credentials = |token: bool, password: bool, device: bool| Credentials {
        token: token.then(|| "T".into()),
        password: password.then(|| "P".into()),
        device_token: device.then(|| "D".into()),
    };
    for (given, shown) in [
        (credentials(true, false, true), json!({"token": "T"})),
        (
            credentials(true, true, true),
            json!({"token": "T", "password": "P"}),
        ),
        (credentials(false, true, true), json!({"password": "P"})),
        (credentials(false, false, true), json!({"deviceToken": "D"})),
        (credentials(false, false, false), Value::Null),
        (Credentials::token("  "), Value::Null),
    ] {
        let (_, connect) = greeted(ClientConfig {
            credentials: given,
            ..config()
        });
        assert_eq!(connect["params"]["auth"], shown);
    }
}

#[test]
fn a_wrong_token_pauses_after_one_attempt() {
    let (mut session, connect) = greeted(config());
    let details = json!({"code": "AUTH_TOKEN_MISMATCH", "canRetryWithDeviceToken": true, "recommendedNextStep": "retry_with_device_token"});
    session.on_text(
        at(3),
        &refusal(
            &connect,
            json!({"code": "INVALID_REQUEST", "message": "no", "details": details}),
        ),
    );
    let effects = drain(&mut session);
    assert_eq!(opens(&effects), 0);
    assert!(matches!(
        states(&effects)[..],
        [ConnectionState::Paused(PauseReason::AuthRequired { .. })]
    ));
    session.on_closed(at(4), Some((1008, "unauthorized".into())));
    assert_eq!(session.deadline(), None, "nothing will happen by itself");
    session.on_timer(at(10_000_000));
    assert_eq!(opens(&drain(&mut session)), 0);
    session.on_command(at(10_000_001), Command::Connect);
    assert_eq!(opens(&drain(&mut session)), 1, "but on request");
}

#[test]
fn one_bounded_retry_with_the_device_token_on_trusted_endpoints() {
    let details = json!({"code": "AUTH_TOKEN_MISMATCH", "canRetryWithDeviceToken": true});
    let wrong = |connect: &Value| {
        refusal(
            connect,
            json!({"code": "INVALID_REQUEST", "message": "no", "details": details.clone()}),
        )
    };
    let both = Credentials {
        token: Some("T".into()),
        password: None,
        device_token: Some("D".into()),
    };
    for (url, pin, retries) in [
        ("ws://127.0.0.1:1", None, 1),
        ("wss://gw.example.com", Some("ab"), 1),
        ("wss://gw.example.com", None, 0),
        ("ws://192.168.1.2:1", None, 0),
    ] {
        let config = ClientConfig {
            url: url.into(),
            credentials: both.clone(),
            pinned_certificate_sha256: pin.map(Into::into),
            ..config()
        };
        let (mut session, connect) = greeted(config);
        session.on_text(at(3), &wrong(&connect));
        let effects = drain(&mut session);
        assert_eq!(opens(&effects), retries, "{url}");
        if retries == 0 {
            continue;
        }
        session.on_opened(at(4));
        session.on_text(at(5), CHALLENGE);
        let connect = sent(&drain(&mut session)).remove(0);
        assert_eq!(connect["params"]["auth"], json!({"deviceToken": "D"}));
        session.on_text(at(6), &wrong(&connect));
        let effects = drain(&mut session);
        assert_eq!(opens(&effects), 0, "bounded: {url}");
        assert!(matches!(states(&effects)[..], [ConnectionState::Paused(_)]));
    }
}

#[test]
fn a_new_device_token_is_stored_once_and_used() {
    let mut config = config();
    config.credentials = Credentials {
        password: Some("P".into()),
        ..Credentials::default()
    };
    let (mut session, connect) = greeted(config);
    let auth = json!({"auth": {"role": "operator", "scopes": ["operator.read"], "deviceToken": "D2"}});
    session.on_text(at(3), &hello(&connect, auth.clone()));
    let stored: Vec<_> = drain(&mut session)
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::StoreToken(token) => Some(token),
            _ => None,
        })
        .collect();
    let expected = IssuedToken {
        token: "D2".into(),
        role: "operator".into(),
        scopes: vec!["operator.read".into()],
    };
    assert_eq!(stored, [expected]);
    session.on_closed(at(10), None);
    session.on_command(at(11), Command::Connect);
    session.on_opened(at(12));
    session.on_text(at(13), CHALLENGE);
    let connect = sent(&drain(&mut session)).remove(0);
    session.on_text(at(14), &hello(&connect, auth));
    assert!(
        !drain(&mut session)
            .iter()
            .any(|effect| matches!(effect, Effect::StoreToken(_))),
        "known already"
    );
}

#[test]
fn protocol_3_is_spoken_and_others_are_named() {
    for (protocol, fine) in [(3, true), (4, true), (2, false), (5, false)] {
        let (mut session, connect) = greeted(config());
        session.on_text(at(3), &hello(&connect, json!({"protocol": protocol})));
        let states = states(&drain(&mut session));
        match &states[..] {
            [ConnectionState::Ready(info)] if fine => assert_eq!(info.protocol, protocol),
            [ConnectionState::Paused(PauseReason::ProtocolMismatch { expected })] if !fine => {
                assert_eq!(*expected, Some(protocol));
            }
            other => panic!("{protocol}: {other:?}"),
        }
    }
}

#[test]
fn pairing_waits_and_looks_only_where_the_gateway_says_so() {
    for (next_step, looks) in [(None, false), (Some("wait_then_retry"), true)] {
        let (mut session, connect) = greeted(config());
        let details = json!({"code": "PAIRING_REQUIRED", "requestId": "r", "recommendedNextStep": next_step});
        session.on_text(
            at(3),
            &refusal(
                &connect,
                json!({"code": "NOT_PAIRED", "message": "p", "details": details}),
            ),
        );
        assert!(matches!(
            states(&drain(&mut session))[..],
            [ConnectionState::Paused(PauseReason::PairingPending { .. })]
        ));
        assert_eq!(session.deadline().is_some(), looks);
        if let Some(deadline) = session.deadline() {
            assert!(deadline >= Duration::from_secs(10), "gently");
            session.on_timer(Now {
                mono: deadline,
                wall: at(0).wall + deadline,
            });
            assert_eq!(opens(&drain(&mut session)), 1);
        }
    }
}

#[test]
fn calls_leave_the_table_on_answer_deadline_forget_and_disconnect() {
    let mut session = ready();
    let first = call(&mut session, at(10), 1, "a.b", 30).unwrap();
    assert_eq!(session.pending(), 1);
    session.on_text(
        at(11),
        &json!({"type": "res", "id": first["id"], "ok": true, "payload": {"x": 1}}).to_string(),
    );
    assert_eq!(replies(&drain(&mut session)), [(1, Ok(r#"{"x":1}"#.to_owned()))]);
    assert_eq!(session.pending(), 0);

    let late = call(&mut session, at(20), 2, "a.b", 5).unwrap();
    session.on_timer(at(5_019));
    assert!(replies(&drain(&mut session)).is_empty(), "not yet");
    session.on_timer(at(5_020));
    assert_eq!(
        replies(&drain(&mut session)),
        [(2, Err(CallError::Timeout(Duration::from_secs(5))))]
    );
    session.on_text(
        at(5_021),
        &json!({"type": "res", "id": late["id"], "ok": true}).to_string(),
    );
    assert!(drain(&mut session).is_empty(), "a late answer is nobody's");

    call(&mut session, at(5_030), 3, "a.b", 5);
    session.on_command(at(5_031), Command::Forget(3));
    assert_eq!(session.pending(), 0);

    call(&mut session, at(5_040), 4, "a.b", 5);
    session.on_closed(at(5_041), None);
    assert_eq!(
        replies(&drain(&mut session)),
        [(4, Err(CallError::Disconnected { written: true }))]
    );
    assert_eq!(session.pending(), 0);

    call(&mut session, at(5_050), 5, "a.b", 5);
    assert_eq!(session.pending(), 0, "not connected");
}

#[test]
fn a_call_without_a_connection_says_so() {
    let mut session = Session::new(config(), 1);
    let timeout = Duration::from_secs(1);
    let command = Command::Call {
        id: 9,
        method: "m".into(),
        params: "{}".into(),
        timeout,
        until_final: false,
    };
    session.on_command(at(0), command);
    assert_eq!(replies(&drain(&mut session)), [(9, Err(CallError::NotConnected))]);
}

#[test]
fn a_request_that_is_too_large_is_not_sent() {
    let mut session = ready();
    let params = json!({"message": "x".repeat(2000)}).to_string();
    let timeout = Duration::from_secs(1);
    session.on_command(
        at(9),
        Command::Call {
            id: 1,
            method: "m".into(),
            params,
            timeout,
            until_final: false,
        },
    );
    let effects = drain(&mut session);
    assert!(sent(&effects).is_empty());
    assert!(matches!(
        replies(&effects)[..],
        [(1, Err(CallError::TooLarge { limit: 2000, .. }))]
    ));
    assert_eq!(session.pending(), 0);
}

#[test]
fn a_method_that_answers_twice_is_waited_for() {
    let mut session = ready();
    let request = call(&mut session, at(10), 1, "agent", 60).unwrap();
    let answer = |payload: Value| {
        json!({"type": "res", "id": request["id"], "ok": true, "payload": payload}).to_string()
    };
    session.on_text(at(11), &answer(json!({"status": "accepted", "runId": "r"})));
    assert!(drain(&mut session).is_empty());
    session.on_text(at(12), &answer(json!({"status": "ok", "runId": "r"})));
    assert_eq!(replies(&drain(&mut session)).len(), 1);
    session.on_text(at(13), &answer(json!({"status": "ok", "runId": "r"})));
    assert!(drain(&mut session).is_empty());
}

#[test]
fn silence_of_two_ticks_ends_a_connection_and_any_frame_defers_it() {
    let mut session = ready();
    assert!(
        session.deadline().unwrap() < Duration::from_secs(16),
        "the clocks are compared"
    );
    session.on_heard(at(50_000));
    for ms in (15_000..=109_000).step_by(15_000) {
        session.on_timer(at(ms));
        assert!(drain(&mut session).is_empty(), "alive at {ms}");
    }
    session.on_timer(at(110_000));
    let effects = drain(&mut session);
    assert!(
        matches!(effects.first(), Some(Effect::Close { code: 4000 })),
        "{effects:?}"
    );
    assert!(matches!(
        states(&effects)[..],
        [ConnectionState::Backoff {
            attempt: 1,
            soon_back: false,
            ..
        }]
    ));
}

#[test]
fn a_restart_that_was_announced_is_soon_over() {
    let mut session = ready();
    session.on_text(at(10), r#"{"type":"event","event":"shutdown","payload":{"reason":"gateway restarting","restartExpectedMs":1500},"seq":1}"#);
    session.on_closed(at(12), Some((1012, "service restart".into())));
    let effects = drain(&mut session);
    let [
        ConnectionState::Backoff {
            delay,
            soon_back: true,
            ..
        },
    ] = &states(&effects)[..]
    else {
        panic!("{effects:?}")
    };
    assert!((1_500..=1_700).contains(&delay.as_millis()), "{delay:?}");
    // The port is refused, then 503, then startup-sidecars: all of it is part of coming back.
    let mut now = session.deadline().unwrap();
    for failure in [
        OpenError::Unreachable("refused".into()),
        OpenError::Http {
            status: 503,
            retry_after: None,
        },
        OpenError::Http {
            status: 502,
            retry_after: None,
        },
    ] {
        session.on_timer(Now {
            mono: now,
            wall: at(0).wall + now,
        });
        session.on_open_failed(
            Now {
                mono: now,
                wall: at(0).wall + now,
            },
            &failure,
        );
        let states = states(&drain(&mut session));
        let Some(ConnectionState::Backoff {
            soon_back: true,
            delay,
            ..
        }) = states.last()
        else {
            panic!("{states:?}")
        };
        assert!(*delay <= Duration::from_secs(4));
        now = session.deadline().unwrap();
    }
}

#[test]
fn backoff_grows_and_is_reset_only_by_hello() {
    let mut session = Session::new(config(), 42);
    session.on_command(at(0), Command::Connect);
    let mut now = Duration::ZERO;
    let wall = at(0).wall;
    for n in 1..=8_u32 {
        // The socket opens, and closes before the greeting: that is no success.
        session.on_opened(Now {
            mono: now,
            wall: wall + now,
        });
        session.on_closed(
            Now {
                mono: now,
                wall: wall + now,
            },
            None,
        );
        let states = states(&drain(&mut session));
        let Some(ConnectionState::Backoff { attempt, delay, .. }) = states.last() else {
            panic!("{states:?}")
        };
        assert_eq!(*attempt, n);
        assert!(*delay <= Backoff::ceiling(n));
        now += *delay;
        session.on_timer(Now {
            mono: now,
            wall: wall + now,
        });
        assert_eq!(opens(&drain(&mut session)), 1);
    }
    let now = Now {
        mono: now,
        wall: wall + now,
    };
    session.on_opened(now);
    session.on_text(now, CHALLENGE);
    let connect = sent(&drain(&mut session)).remove(0);
    session.on_text(now, &hello(&connect, json!({})));
    session.on_closed(now, None);
    let states = states(&drain(&mut session));
    assert!(
        matches!(states.last(), Some(ConnectionState::Backoff { attempt: 1, .. })),
        "{states:?}"
    );
}

#[test]
fn after_sleep_a_connection_is_probed_and_a_backoff_is_cut_short() {
    let mut session = ready();
    let asleep = Now {
        mono: Duration::from_secs(5),
        wall: at(0).wall + Duration::from_secs(3_600),
    };
    session.on_timer(asleep);
    let probe = sent(&drain(&mut session));
    assert_eq!(probe.len(), 1);
    assert_eq!(probe[0]["method"], "health");
    session.on_timer(Now {
        mono: asleep.mono + PROBE_LIMIT,
        wall: asleep.wall + PROBE_LIMIT,
    });
    let effects = drain(&mut session);
    assert!(
        matches!(effects.first(), Some(Effect::Close { code: 4000 })),
        "no answer: begin anew"
    );

    let mut session = Session::new(config(), 3);
    session.on_command(at(0), Command::Connect);
    for _ in 0..6 {
        session.on_open_failed(at(0), &OpenError::Unreachable("x".into()));
        session.on_command(at(0), Command::Connect);
    }
    session.on_open_failed(at(0), &OpenError::Unreachable("x".into()));
    drain(&mut session);
    session.on_timer(Now {
        mono: Duration::from_millis(1),
        wall: at(0).wall + Duration::from_secs(60),
    });
    assert_eq!(opens(&drain(&mut session)), 1, "at once");
}

#[test]
fn ssh_that_needs_its_user_is_tried_again_rarely() {
    let mut session = Session::new(config(), 3);
    session.on_command(at(0), Command::Connect);
    let (message, command) = ("ssh could not sign in".to_owned(), "ssh home".to_owned());
    session.on_open_failed(
        at(0),
        &OpenError::Tunnel {
            message: message.clone(),
            command: command.clone(),
        },
    );
    let paused = ConnectionState::Paused(PauseReason::Tunnel { message, command });
    let said = drain(&mut session);
    assert!(
        said.iter()
            .any(|effect| matches!(effect, Effect::State(state) if *state == paused))
    );
    assert_eq!(session.deadline(), Some(at(120_000).mono));
    session.on_timer(at(120_000));
    assert_eq!(opens(&drain(&mut session)), 1);
}

#[test]
fn a_clock_that_jumps_by_itself_late_is_sleep_too() {
    // On some systems the monotonic clock goes on while asleep: the timer comes late by hours, and silence says nothing.
    let mut session = ready();
    session.on_timer(at(7_200_000));
    let sent = sent(&drain(&mut session));
    assert_eq!(sent[0]["method"], "health");
}

#[test]
fn a_handshake_has_a_limit() {
    let mut session = Session::new(config(), 1);
    session.on_command(at(0), Command::Connect);
    session.on_timer(at(OPEN_LIMIT.as_millis() as u64));
    assert!(
        matches!(
            states(&drain(&mut session)).last(),
            Some(ConnectionState::Backoff { .. })
        ),
        "no socket"
    );

    let (mut session, _) = greeted(config());
    session.on_timer(at(15_001));
    let effects = drain(&mut session);
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Close { .. }))
    );
    assert!(
        matches!(states(&effects).last(), Some(ConnectionState::Backoff { .. })),
        "no greeting"
    );
    assert_eq!(session.pending(), 0);
}

#[test]
fn numbers_of_a_connection_tell_gaps_and_repetitions() {
    let mut session = ready();
    let frame = |seq: u64| format!(r#"{{"type":"event","event":"cron","payload":{{}},"seq":{seq}}}"#);
    let mut names = |text: &str| {
        session.on_text(at(10), text);
        drain(&mut session)
            .into_iter()
            .map(|effect| match effect {
                Effect::Emit(GatewayEvent::Other { name, .. }) => name,
                Effect::Emit(event) => format!("{event:?}"),
                other => format!("{other:?}"),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&frame(5)), ["cron"], "any number may be the first");
    assert_eq!(names(&frame(6)), ["cron"]);
    assert!(names(&frame(6)).is_empty());
    assert_eq!(names(&frame(9)), ["Resync", "cron"]);
    assert_eq!(
        names(r#"{"type":"event","event":"cron","payload":{}}"#),
        ["cron"],
        "some have none"
    );
}

#[test]
fn a_new_boot_is_told_apart_from_a_lost_connection() {
    let mut session = ready();
    for (boot, new) in [("b1", false), ("b2", true)] {
        session.on_closed(at(20), None);
        session.on_command(at(21), Command::Connect);
        session.on_opened(at(22));
        session.on_text(at(23), CHALLENGE);
        let connect = sent(&drain(&mut session)).remove(0);
        session.on_text(at(24), &hello(&connect, json!({"server": {"bootId": boot}})));
        let connected: Vec<_> = drain(&mut session)
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Emit(GatewayEvent::Connected { new_boot }) => Some(new_boot),
                _ => None,
            })
            .collect();
        assert_eq!(connected, [new]);
    }
}

#[test]
fn subscriptions_come_before_the_announcement() {
    let (mut session, connect) = greeted(config());
    session.on_text(at(3), &hello(&connect, json!({})));
    let effects = drain(&mut session);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Emit(_))));
    let subscribe = sent(&effects).remove(0);
    assert_eq!(subscribe["method"], "sessions.subscribe");
    // Even a refusal must not keep consumers waiting.
    session.on_text(
        at(4),
        &refusal(&subscribe, json!({"code": "FORBIDDEN", "message": "m"})),
    );
    assert!(matches!(
        drain(&mut session)[..],
        [Effect::Emit(GatewayEvent::Connected { .. })]
    ));
}

#[test]
fn without_the_scope_nothing_is_subscribed() {
    let (mut session, connect) = greeted(config());
    session.on_text(at(3), &hello(&connect, json!({"auth": {"scopes": []}})));
    let effects = drain(&mut session);
    assert!(sent(&effects).is_empty());
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Emit(GatewayEvent::Connected { .. })))
    );
}

#[test]
fn revoked_offline_and_shutdown_stay_away() {
    let mut session = ready();
    session.on_closed(at(10), Some((4001, "device removed".into())));
    assert!(matches!(
        states(&drain(&mut session))[..],
        [ConnectionState::Paused(PauseReason::DeviceRevoked { .. })]
    ));
    assert_eq!(session.deadline(), None);

    let mut session = ready();
    call(&mut session, at(10), 1, "a.b", 30);
    session.on_command(at(11), Command::Offline);
    let effects = drain(&mut session);
    assert_eq!(
        states(&effects),
        [ConnectionState::Paused(PauseReason::UserOffline)]
    );
    assert_eq!(replies(&effects).len(), 1);
    session.on_command(at(12), Command::Connect);
    assert_eq!(opens(&drain(&mut session)), 1);

    session.on_command(at(13), Command::Shutdown);
    assert!(matches!(drain(&mut session).last(), Some(Effect::Stop)));
    session.on_command(at(14), Command::Connect);
    assert_eq!(opens(&drain(&mut session)), 0, "for good");
}

#[test]
fn new_credentials_and_scopes_are_used_at_once() {
    let (mut session, connect) = greeted(config());
    session.on_text(
        at(3),
        &refusal(
            &connect,
            json!({"code": "INVALID_REQUEST", "message": "m", "details": {"code": "AUTH_TOKEN_MISSING"}}),
        ),
    );
    drain(&mut session);
    session.on_command(at(4), Command::Credentials(Credentials::token("other")));
    assert_eq!(opens(&drain(&mut session)), 1);
    session.on_opened(at(5));
    session.on_command(at(6), Command::Scopes(vec!["operator.admin".into()]));
    let effects = drain(&mut session);
    assert_eq!(opens(&effects), 1, "the attempt under way is given up");
    session.on_opened(at(7));
    session.on_text(at(8), CHALLENGE);
    let connect = sent(&drain(&mut session)).remove(0);
    assert_eq!(connect["params"]["auth"]["token"], "other");
    assert_eq!(connect["params"]["scopes"], json!(["operator.admin"]));
}

#[test]
fn a_public_plain_address_is_never_dialled() {
    let mut session = Session::new(
        ClientConfig {
            url: "ws://203.0.113.7:1".into(),
            ..config()
        },
        1,
    );
    session.on_command(at(0), Command::Connect);
    let effects = drain(&mut session);
    assert_eq!(opens(&effects), 0);
    assert!(matches!(
        states(&effects)[..],
        [ConnectionState::Paused(PauseReason::InsecureTransport {
            fingerprint: None,
            ..
        })]
    ));
}

#[test]
fn many_events_and_calls_leave_nothing_behind() {
    let mut session = ready();
    for n in 0..100_000_u64 {
        // Every tenth event ends a run; some runs never end.
        let state = if n % 10 == 9 && n % 7 != 0 {
            "final"
        } else {
            "delta"
        };
        session.on_text(
            at(10),
            &format!(
                r#"{{"type":"event","event":"chat","payload":{{"runId":"r{}","sessionKey":"s","seq":{n},"state":"{state}","deltaText":"x"}},"seq":{}}}"#,
                n / 10,
                n + 1
            ),
        );
        if n % 1_000 == 0 {
            let request = call(&mut session, at(10), n, "a.b", 30).unwrap();
            session.on_text(
                at(10),
                &json!({"type": "res", "id": request["id"], "ok": true}).to_string(),
            );
        }
        drain(&mut session);
    }
    assert_eq!(session.pending(), 0);
    assert!(session.runs.remembered() <= 256, "{}", session.runs.remembered());
}
