use super::*;
use crate::gateway::ServerInfo;
use std::time::Duration;

#[test]
fn every_state_has_its_word_sentence_and_step() {
    use ConnectionWord as W;
    use PauseReason as P;
    let auth = |code: &str| P::AuthRequired {
        code: code.into(),
        next_step: None,
    };
    let backoff = |soon_back| ConnectionState::Backoff {
        attempt: 2,
        delay: Duration::from_secs(8),
        soon_back,
        error: "refused".into(),
    };
    let table = [
        (ConnectionState::Idle, W::Connecting, NextStep::None, None),
        (ConnectionState::Handshaking, W::Connecting, NextStep::None, None),
        (backoff(false), W::Offline, NextStep::TryNow, None),
        (backoff(true), W::SoonBack, NextStep::TryNow, None),
        (
            ConnectionState::Paused(auth("AUTH_TOKEN_MISMATCH")),
            W::SignIn,
            NextStep::SignIn,
            None,
        ),
        (
            ConnectionState::Paused(auth("AUTH_TOKEN_MISSING")),
            W::SignIn,
            NextStep::SignIn,
            None,
        ),
        (
            ConnectionState::Paused(P::PairingPending {
                request_id: Some("ab-1".into()),
                reason: None,
                hint: None,
            }),
            W::Pairing,
            NextStep::ApprovePairing,
            Some("openclaw devices approve ab-1"),
        ),
        (
            ConnectionState::Paused(P::PairingPending {
                request_id: Some("x; rm -rf /".into()),
                reason: None,
                hint: None,
            }),
            W::Pairing,
            NextStep::ApprovePairing,
            Some("openclaw devices list"),
        ),
        (
            ConnectionState::Paused(P::RateLimited {
                retry_after: Some(Duration::from_secs(8)),
            }),
            W::RateLimited,
            NextStep::TryNow,
            None,
        ),
        (
            ConnectionState::Paused(P::ProtocolMismatch { expected: Some(9) }),
            W::ProtocolMismatch,
            NextStep::UpdateGateway,
            Some("openclaw update"),
        ),
        (
            ConnectionState::Paused(P::InsecureTransport {
                message: "the certificate is not trusted".into(),
                fingerprint: Some("aa".into()),
            }),
            W::Insecure,
            NextStep::TrustCertificate,
            None,
        ),
        (
            ConnectionState::Paused(P::ClientFailed),
            W::Offline,
            NextStep::TryNow,
            None,
        ),
        (
            ConnectionState::Paused(P::DeviceRevoked {
                reason: "device removed".into(),
            }),
            W::SignIn,
            NextStep::SignIn,
            None,
        ),
        (
            ConnectionState::Paused(P::SecretsUnavailable {
                message: "locked".into(),
            }),
            W::KeychainUnreadable,
            NextStep::UnlockKeychain,
            None,
        ),
        (
            ConnectionState::Paused(P::UserOffline),
            W::UserOffline,
            NextStep::GoOnline,
            None,
        ),
        (
            ConnectionState::Paused(P::Refused {
                code: "X".into(),
                message: "no".into(),
            }),
            W::Refused,
            NextStep::TryNow,
            None,
        ),
    ];
    let facts = Facts {
        gateway: "Home".into(),
        since_ms: 1000,
        ..Facts::default()
    };
    for (state, word, step, command) in table {
        let view = view(&state, &facts);
        assert_eq!((view.word, view.next_step), (word, step), "{state:?}");
        assert_eq!(view.command.as_deref(), command, "{state:?}");
        assert!(view.sentence.ends_with('.'), "{}", view.sentence);
        let banned = ["please", "oops", "successfully", "!"];
        assert!(
            banned
                .iter()
                .all(|word| !view.sentence.to_lowercase().contains(word)),
            "{}",
            view.sentence
        );
    }
    assert_eq!(view(&backoff(false), &facts).retry_at_ms, Some(9000));
    let ready = ConnectionState::Ready(Box::new(ServerInfo {
        version: "1".into(),
        ..ServerInfo::default()
    }));
    let ready_view = view(&ready, &facts);
    assert_eq!((ready_view.word, ready_view.sentence.as_str()), (W::Ready, ""));
}

#[test]
fn a_keychain_that_does_not_answer_comes_first() {
    for (error, word) in [
        (SecretError::Locked, ConnectionWord::KeychainLocked),
        (SecretError::Absent, ConnectionWord::KeychainUnreadable),
        (SecretError::Timeout, ConnectionWord::KeychainUnreadable),
        (
            SecretError::Refused("no".into()),
            ConnectionWord::KeychainUnreadable,
        ),
    ] {
        let facts = Facts {
            gateway: "Home".into(),
            keychain: Some(error),
            ..Facts::default()
        };
        let view = view(&ConnectionState::Idle, &facts);
        assert_eq!((view.word, view.next_step), (word, NextStep::UnlockKeychain));
    }
}

#[test]
fn a_certificate_is_offered_to_be_trusted_only_by_a_gateway_that_is_new() {
    let untrusted = ConnectionState::Paused(PauseReason::InsecureTransport {
        message: "the certificate is not trusted".into(),
        fingerprint: Some("aa".into()),
    });
    for (was_ready, step, fingerprint) in [
        (false, NextStep::TrustCertificate, Some("aa")),
        (true, NextStep::TryNow, None),
    ] {
        let facts = Facts {
            gateway: "Home".into(),
            was_ready,
            ..Facts::default()
        };
        let view = view(&untrusted, &facts);
        assert_eq!((view.next_step, view.fingerprint.as_deref()), (step, fingerprint));
        let warned = view.sentence.contains("Another server may answer");
        assert_eq!(warned, was_ready, "{}", view.sentence);
    }
}

#[test]
fn words_and_command_follow_what_the_gateway_asks_for() {
    let told = |code: &str| {
        let reason = PauseReason::AuthRequired {
            code: code.to_owned(),
            next_step: Some("update_auth_configuration".to_owned()),
        };
        let facts = Facts {
            gateway: "Home".to_owned(),
            ..Facts::default()
        };
        let view = view(&ConnectionState::Paused(reason), &facts);
        (view.wants_password, view.sentence, view.command)
    };
    let show = || Some("openclaw gateway auth-token --show".to_owned());
    let (token, password) = (false, true);
    for (code, wants, sentence, command) in [
        ("AUTH_TOKEN_MISSING", token, "Home needs a token.", show()),
        (
            "AUTH_TOKEN_MISMATCH",
            token,
            "The token for Home is no longer valid.",
            show(),
        ),
        ("AUTH_PASSWORD_MISSING", password, "Home needs a password.", None),
        (
            "AUTH_PASSWORD_MISMATCH",
            password,
            "The password for Home is not valid.",
            None,
        ),
    ] {
        assert_eq!(told(code), (wants, sentence.to_owned(), command), "{code}");
    }
}
