use super::*;

fn gateway(word: ConnectionWord) -> GatewayFacts {
    GatewayFacts {
        id: "g1".into(),
        name: "Home".into(),
        active: true,
        word,
        sentence: "Home is not reachable.".into(),
        latency_ms: Some(12),
    }
}
fn named(session: &str, title: &str, sender: &str) -> SessionFacts {
    SessionFacts {
        gateway: "g1".into(),
        session: session.into(),
        name: SessionName {
            title: title.into(),
            sender: sender.into(),
        },
    }
}
fn approval() -> ApprovalFacts {
    ApprovalFacts {
        approval: ApprovalRef {
            gateway: "g1".into(),
            id: "a1".into(),
        },
        session: named("s1", "canary title", "Molty"),
        text: ApprovalText {
            title: "rm -rf /tmp/x".into(),
            exec: true,
            may_allow: true,
            may_deny: true,
            ..ApprovalText::default()
        },
    }
}
fn question() -> QuestionFacts {
    QuestionFacts {
        session: named("s1", "canary title", "Molty"),
        question: "Which one".into(),
    }
}

#[test]
fn the_most_urgent_sign_wins() {
    use ConnectionWord as W;
    for (word, runs, approvals, expected) in [
        (W::Ready, 0, 0, TraySign::Well),
        (W::Ready, 2, 0, TraySign::Working),
        (W::Ready, 2, 1, TraySign::NeedsYou),
        (W::Offline, 0, 0, TraySign::Offline),
        (W::Offline, 2, 1, TraySign::Offline),
        (W::Connecting, 0, 0, TraySign::Offline),
        (W::SignIn, 1, 1, TraySign::NeedsSignIn),
        (W::Pairing, 0, 0, TraySign::NeedsSignIn),
        (W::KeychainLocked, 0, 0, TraySign::NeedsSignIn),
        (W::KeychainUnreadable, 0, 0, TraySign::NeedsSignIn),
        (W::None, 0, 0, TraySign::NeedsSignIn),
    ] {
        let facts = TrayFacts {
            gateways: vec![gateway(word)],
            runs,
            approvals: vec![approval(); approvals],
            ..TrayFacts::default()
        };
        assert_eq!(sign(&facts), expected, "{word:?} {runs} {approvals}");
    }
    assert_eq!(sign(&TrayFacts::default()), TraySign::NeedsSignIn);
}

#[test]
fn the_sign_stays_for_two_seconds() {
    let mut steady = SteadySign::default();
    let mut shown = Vec::new();
    for (now, wanted) in [
        (10_000, TraySign::Well),
        (10_100, TraySign::Working),
        (11_000, TraySign::Well),
        (11_500, TraySign::Working),
        (12_000, TraySign::Working),
        (12_100, TraySign::Well),
        (14_000, TraySign::Well),
    ] {
        shown.push(steady.settle(wanted, now));
    }
    assert_eq!(
        shown,
        [
            (TraySign::Well, None),
            (TraySign::Well, Some(12_000)),
            (TraySign::Well, None),
            (TraySign::Well, Some(12_000)),
            (TraySign::Working, None),
            (TraySign::Working, Some(14_000)),
            (TraySign::Well, None),
        ]
    );
}

#[test]
fn tooltip_and_menu_say_the_facts() {
    let facts = TrayFacts {
        gateways: vec![
            gateway(ConnectionWord::Ready),
            GatewayFacts {
                id: "g2".into(),
                name: "Ops".into(),
                ..GatewayFacts::default()
            },
        ],
        runs: 1,
        approvals: vec![approval()],
        questions: vec![question()],
        unread: 3,
        recent: (0..8)
            .map(|n| named(&format!("k{n}"), &format!("Session {n}"), "Molty"))
            .collect(),
        ..TrayFacts::default()
    };
    let model = model(&facts, sign(&facts));
    assert_eq!(
        model.tooltip,
        "Home: connected, 12 ms\n1 run\n2 requests need you\n3 unread"
    );
    assert_eq!(
        model.menu.first(),
        Some(&TrayItem::Label("Home: connected".into()))
    );
    let text = format!("{:?}", model.menu);
    for wanted in [
        "Approve once",
        "Deny(ApprovalRef { gateway: \"g1\", id: \"a1\" })",
        "Answer: Which one",
        "Session 4",
        "Quick chat",
        "Gateways",
        "For 1 hour",
        "Quit",
    ] {
        assert!(text.contains(wanted), "{wanted}");
    }
    assert!(!text.contains("Session 5"), "five recent sessions, not more");
    let offline = TrayFacts {
        gateways: vec![gateway(ConnectionWord::Offline)],
        quiet: true,
        ..TrayFacts::default()
    };
    let text = format!("{:?}", super::model(&offline, TraySign::Offline));
    assert!(text.contains("Try now") && text.contains("Turn off do not disturb"));
}

/// The lines of the menu that stand for an approval, with what they do.
fn approval_lines(change: impl FnOnce(&mut ApprovalFacts)) -> (String, Vec<TrayItem>) {
    let mut approval = approval();
    change(&mut approval);
    let item = approval_item(&approval, Privacy::Full, Language::English.words());
    let TrayItem::Submenu { label, items } = item else {
        panic!("{item:?}");
    };
    (label, items)
}

#[test]
fn a_command_is_approved_in_the_menu_only_where_the_menu_shows_it_whole() {
    let (label, items) = approval_lines(|_| {});
    assert_eq!(label, "Approve: rm -rf /tmp/x");
    let approve = |items: &[TrayItem]| format!("{items:?}").contains("Approve(");
    assert!(approve(&items));
    for command in [
        "ls -la ; ".repeat(20),
        "ls\nrm -rf ~".into(),
        "ls \u{202e}x".into(),
        "ls\u{200b}".into(),
    ] {
        let (_, items) = approval_lines(|facts| facts.text.title.clone_from(&command));
        assert!(!approve(&items), "{command:?}");
        let text = format!("{items:?}");
        assert!(text.contains("Review…") && text.contains("Deny("), "{text}");
        assert!(!text.contains('\u{202e}') && !text.contains('\u{200b}'), "{text}");
    }
    let (_, items) = approval_lines(|facts| facts.text.may_deny = false);
    assert!(!format!("{items:?}").contains("Deny("));
}

#[test]
fn the_menu_says_no_more_than_notifications_may() {
    for (privacy, said, unsaid) in [
        (Privacy::Full, vec!["rm -rf", "Which one", "canary"], vec![]),
        (
            Privacy::Sender,
            vec!["Molty asks for approval", "Molty asks", "Telegram chat"],
            vec!["rm -rf", "Which one", "canary", "Approve(", "Deny("],
        ),
        (
            Privacy::Nothing,
            vec!["Approval needed", "Answer needed"],
            vec![
                "rm -rf",
                "Which one",
                "canary",
                "Molty",
                "Telegram",
                "Approve(",
                "Deny(",
            ],
        ),
    ] {
        let facts = TrayFacts {
            gateways: vec![gateway(ConnectionWord::Ready)],
            approvals: vec![approval(), approval()],
            questions: vec![question()],
            recent: vec![
                named("k1", "canary title", "Molty"),
                named("k2", "canary", "Telegram chat"),
            ],
            privacy,
            ..TrayFacts::default()
        };
        let model = model(&facts, sign(&facts));
        let text = format!("{} {:?}", model.tooltip, model.menu);
        for word in said {
            assert!(text.contains(word), "{privacy:?} {word}: {text}");
        }
        for word in unsaid {
            assert!(!text.contains(word), "{privacy:?} {word}: {text}");
        }
    }
}
