use super::*;
use crate::gateway::CommandFacts;
use crate::words::Language;

fn asked(title: &str, change: impl FnOnce(&mut Approval)) -> ApprovalText {
    ApprovalText::of(&approval(title, change))
}

fn approval(title: &str, change: impl FnOnce(&mut Approval)) -> Approval {
    let mut approval = Approval {
        id: "a".into(),
        kind: ApprovalKind::Exec,
        title: title.to_owned(),
        detail: None,
        command: CommandFacts {
            cwd: Some("/srv".to_owned()),
            program: Some("/usr/bin/ls".to_owned()),
            ..CommandFacts::default()
        },
        session: None,
        agent: None,
        run: None,
        allowed: vec![Decision::AllowOnce, Decision::Deny],
        created_at_ms: 0,
        expires_at_ms: None,
    };
    change(&mut approval);
    approval
}

#[test]
fn only_what_every_line_shows_whole_is_approved_outside_of_windows() {
    let long = format!("ls {}", "a".repeat(300));
    for (title, expected) in [
        ("ls -la", true),
        (&"x".repeat(120), true),
        (long.as_str(), false),
        ("ls\nrm -rf ~", false),
        ("ls \u{202e}x", false),
        ("ls\u{200b}", false),
        ("", false),
    ] {
        assert_eq!(asked(title, |_| {}).can_be_approved_here(), expected, "{title:?}");
    }
    type Change = fn(&mut Approval);
    let hidden: [(&str, Change); 7] = [
        ("more rows than a notification shows", |a| {
            a.title = "x".repeat(120);
            a.command.cwd = Some("x".repeat(120));
        }),
        ("a warning", |a| a.detail = Some("Deletes files.".into())),
        ("not on offer", |a| a.allowed = vec![Decision::Deny]),
        ("a hidden folder", |a| a.command.cwd = Some("/srv\u{200b}".into())),
        ("a long program", |a| a.command.program = Some("x".repeat(121))),
        ("a hidden host", |a| a.command.host = Some("a\nb".into())),
        ("a hidden plan", |a| a.command.runs = Some("rm\u{a0}x".into())),
    ];
    for (what, change) in hidden {
        assert!(!asked("ls", change).can_be_approved_here(), "{what}");
    }
    let plugin = |detail: &str| {
        asked("Post it", |a| {
            (a.kind, a.detail) = (ApprovalKind::Plugin, Some(detail.to_owned()))
        })
    };
    assert!(plugin("To the team").can_be_approved_here());
    assert!(!plugin("To the\nteam").can_be_approved_here());
}

#[test]
fn the_facts_stand_below_the_command() {
    let text = asked("echo x", |a| {
        a.command = CommandFacts {
            cwd: Some("/srv".into()),
            host: Some("node".into()),
            node: Some("n-1".into()),
            program: Some("/home/ann/evil/echo".into()),
            runs: Some("sh -c \u{202e}x".into()),
        };
        a.detail = Some("Unusual.".into());
    });
    assert_eq!(
        text.lines(Language::English.words()),
        [
            "echo x",
            "Unusual.",
            "Really runs: sh -c U+202Ex",
            "Program: /home/ann/evil/echo",
            "Folder: /srv",
            "Host: node",
            "Node: n-1"
        ]
    );
}

#[test]
fn more_text_than_a_window_shows_can_only_be_denied() {
    let small = approval("ls", |_| {});
    assert_eq!(bounded(small.clone()), small);
    for large in [
        approval(&"x".repeat(MOST_TEXT), |_| {}),
        approval("ls", |a| a.command.runs = Some("x".repeat(MOST_TEXT))),
        approval("ls", |a| a.detail = Some("x".repeat(MOST_TEXT))),
    ] {
        let kept = bounded(large);
        assert_eq!(kept.allowed, [Decision::Deny]);
        assert!(kept.title.len() <= 4000 * 4 && kept.detail.is_none());
        assert_eq!(kept.command, CommandFacts::default());
    }
}
