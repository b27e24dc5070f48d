//! Tests of the handshake: what we send, and how the gateway's answer changes the state.

use super::*;

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
