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
