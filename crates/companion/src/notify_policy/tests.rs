use super::*;
use crate::settings::defaults;

fn reply() -> OccasionKind {
    OccasionKind::Reply {
        session: "s1".into(),
        title: "Trip".into(),
        text: "Train at **9**.\nSeat 4".into(),
        message: Some("run:r1".into()),
        cron: false,
    }
}
fn approval() -> OccasionKind {
    OccasionKind::Approval {
        id: "a1".into(),
        session: "s1".into(),
        title: "Trip".into(),
        command: "rm -rf /tmp/x".into(),
        may_allow: true,
    }
}
fn kinds() -> Vec<(&'static str, OccasionKind)> {
    let (session, title) = ("s1".to_owned(), "Trip".to_owned());
    let OccasionKind::Reply { text, message, .. } = reply() else {
        panic!()
    };
    vec![
        ("replies", reply()),
        (
            "cron",
            OccasionKind::Reply {
                session: session.clone(),
                title: title.clone(),
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
                title: title.clone(),
                question: "Which?".into(),
            },
        ),
        (
            "failures",
            OccasionKind::Failure {
                session,
                title,
                error: "no".into(),
                message: None,
            },
        ),
        ("gateway", OccasionKind::GatewayDown),
        ("gateway", OccasionKind::GatewayBack),
        (
            "pairing",
            OccasionKind::Pairing {
                sentence: "Home has to approve this device once.".into(),
            },
        ),
        (
            "replies",
            OccasionKind::Digest {
                replies: vec![("s".into(), "A".into()), ("t".into(), "B".into())],
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
        ("sender", "Trip", "New reply"),
        ("nothing", "Clawtray", "New activity"),
    ] {
        let mut settings = defaults().notifications;
        settings.privacy = privacy.into();
        let shown = told(reply(), &settings, 600, false).unwrap();
        assert_eq!((shown.title.as_str(), shown.body.as_str()), (title, body));
        assert_eq!(shown.tag, "session:g:s1");
        for (_, kind) in kinds().into_iter().filter(|(switch, _)| *switch != "pairing") {
            let text = told(kind, &settings, 600, false)
                .map(|n| format!("{} {}", n.title, n.body))
                .unwrap();
            assert!(privacy == "full" || !text.contains("Train"), "{text}");
            assert!(privacy != "nothing" || !text.contains("Trip"), "{text}");
        }
    }
}

#[test]
fn a_command_is_approved_only_where_it_can_be_read() {
    let mut settings = defaults().notifications;
    let shown = told(approval(), &settings, 600, false).unwrap();
    assert_eq!(shown.body, "rm -rf /tmp/x");
    assert_eq!(
        shown.actions,
        [NotificationAction::ApproveOnce, NotificationAction::Deny]
    );
    assert!(shown.urgent);
    settings.privacy = "sender".into();
    assert_eq!(
        told(approval(), &settings, 600, false).unwrap().actions,
        [NotificationAction::Deny]
    );
}
