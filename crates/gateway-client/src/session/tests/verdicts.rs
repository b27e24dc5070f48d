//! Tests of refusals, closed connections and failed openings.

use super::*;

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

/// A session that was ready, lost its connection and is trying again.
fn trying_again() -> (Session, u64) {
    let mut session = ready();
    session.on_closed(at(1_000), None);
    session.on_command(at(1_001), Command::Connect);
    assert_eq!(opens(&drain(&mut session)), 1);
    (session, 1_002)
}

#[test]
fn a_connection_that_was_ready_is_not_stopped_by_somebody_in_between() {
    let http = |status| OpenError::Http {
        status,
        retry_after: None,
    };
    let certificate = OpenError::Certificate {
        message: "m".into(),
        fingerprint: Some("ab".into()),
    };
    let not_opened = [
        http(302),
        http(403),
        http(404),
        http(200),
        certificate,
        OpenError::NotAWebSocket("m".into()),
        OpenError::Insecure("m".into()),
    ];
    for error in not_opened {
        let (mut session, mut ms) = trying_again();
        for wait in [60, 120, 240, 480, 600, 600] {
            session.on_open_failed(at(ms), &error);
            let effects = drain(&mut session);
            assert!(
                matches!(states(&effects)[..], [ConnectionState::Paused(_)]),
                "{error:?}: {effects:?}"
            );
            let look = session.deadline().expect("it looks again");
            assert_eq!(
                look,
                Duration::from_millis(ms) + Duration::from_secs(wait),
                "{error:?}"
            );
            ms = u64::try_from(look.as_millis()).unwrap();
            session.on_timer(at(ms));
            assert_eq!(opens(&drain(&mut session)), 1);
        }
        // The computer slept, and wakes somewhere else.
        session.on_open_failed(at(ms), &error);
        drain(&mut session);
        let mut woken = at(ms + 10);
        woken.wall += Duration::from_secs(3_600);
        session.on_timer(woken);
        assert_eq!(opens(&drain(&mut session)), 1);
    }
}

#[test]
fn what_the_gateway_says_of_its_sign_in_waits_for_the_user() {
    let refusals = [
        json!({"code": "INVALID_REQUEST", "details": {"code": "AUTH_TOKEN_MISMATCH"}}),
        json!({"code": "NOT_PAIRED", "details": {"code": "PAIRING_REQUIRED", "requestId": "r"}}),
    ];
    for error in refusals {
        let (mut session, ms) = trying_again();
        session.on_opened(at(ms));
        session.on_text(at(ms), CHALLENGE);
        let connect = sent(&drain(&mut session)).pop().unwrap();
        session.on_text(at(ms), &refusal(&connect, error));
        assert_eq!(session.deadline(), None);
    }
    // One that never was ready is set up wrongly, more likely than not.
    let mut session = Session::new(config(), 1);
    session.on_command(at(0), Command::Connect);
    let error = OpenError::Http {
        status: 302,
        retry_after: None,
    };
    session.on_open_failed(at(1), &error);
    assert_eq!(session.deadline(), None);
    // A device token is from a gateway that took us.
    let mut config = config();
    config.credentials.device_token = Some("d".into());
    let mut session = Session::new(config, 1);
    session.on_command(at(0), Command::Connect);
    session.on_open_failed(at(1), &error);
    assert!(session.deadline().is_some());
}

#[test]
fn a_handshake_that_is_none_stops_nothing_for_good() {
    for (challenge, greeting) in [
        (
            r#"{"type":"event","event":"connect.challenge","payload":{"nonce":7}}"#,
            None,
        ),
        (CHALLENGE, Some(json!({"protocol": "x"}))),
        (CHALLENGE, Some(json!({"protocol": 99}))),
    ] {
        let (mut session, ms) = trying_again();
        session.on_opened(at(ms));
        session.on_text(at(ms), challenge);
        if let Some(changes) = greeting {
            let connect = sent(&drain(&mut session)).pop().unwrap();
            session.on_text(at(ms), &hello(&connect, changes));
        }
        let look = session.deadline().expect("it looks again");
        assert_eq!(look, Duration::from_millis(ms) + Duration::from_secs(60));
    }
}

#[test]
fn a_challenge_is_known_by_its_name_and_not_by_a_word_in_it() {
    assert!(is_challenge(CHALLENGE));
    for other in [
        r#"{"type":"event","event":"note","payload":{"text":"connect.challenge"}}"#,
        r#"{"type":"res","id":"connect.challenge","ok":true}"#,
        "connect.challenge",
    ] {
        assert!(!is_challenge(other), "{other}");
    }
}
