use super::*;
use serde_json::json;

fn row(value: Value) -> SessionRow {
    serde_json::from_value(value).unwrap()
}

#[test]
fn titles_are_for_people() {
    for (value, expected) in [
        (json!({"key":"agent:main:x1","label":"Trip"}), "Trip"),
        (
            json!({"key":"agent:main:x1","displayName":"agent:main:x1","derivedTitle":"Book a train"}),
            "Book a train",
        ),
        (
            json!({"key":"agent:main:x1","label":"","autoLabel":"Auto"}),
            "Auto",
        ),
        (json!({"key":"agent:main:main"}), "Main chat"),
        (json!({"key":"main"}), "Main chat"),
        (json!({"key":"agent:ops:main"}), "Main chat of Ops"),
        (json!({"key":"agent:main:telegram:direct:42"}), "Telegram chat"),
        (json!({"key":"agent:main:discord:channel:42"}), "Discord group"),
        (json!({"key":"agent:main:cron:c95f:run:1"}), "Automation"),
        (json!({"key":"agent:main:weekly-report"}), "Weekly report"),
        (
            json!({"key":"agent:main:5b2f3c0e-7a1d-4a8e-9a5f-000000000001"}),
            "Chat",
        ),
        (json!({"key":"sess_abc12345"}), "Chat"),
    ] {
        let row = row(value);
        assert_eq!(title(&row, Language::English), expected);
        assert_ne!(title(&row, Language::English), row.key.0);
    }
}

#[test]
fn absence_null_and_lists_differ_in_a_change() {
    let key = "agent:main:a";
    let full = json!({"key":key,"label":"A","unread":true,"hasActiveRun":true,"activeRunIds":["r1","r2"],"status":"running"});
    for (change, label, runs) in [
        (json!({"unread":false}), Some("A"), Some(2)),
        (json!({"label":null}), None, Some(2)),
        (json!({"activeRunIds":[]}), Some("A"), Some(0)),
        (json!({"activeRunIds":null}), Some("A"), None),
        (json!({"activeRunIds":["r9"]}), Some("A"), Some(1)),
        (json!({"session":{"key":key,"label":"B"}}), Some("B"), Some(2)),
        (
            json!({"session":{"key":key,"label":"B"},"label":null}),
            None,
            Some(2),
        ),
        (json!({"somethingNew":{"x":1}}), Some("A"), Some(2)),
    ] {
        let mut sessions = Sessions::default();
        sessions.snapshot(vec![row(full.clone())]);
        assert_eq!(sessions.merge(key, None, &change), Merged::Done);
        let row = sessions.get(key).unwrap();
        assert_eq!(row.label.as_deref(), label, "{change}");
        assert_eq!(row.active_run_ids.as_ref().map(Vec::len), runs, "{change}");
    }
}

#[test]
fn a_snapshot_clears_what_it_leaves_out() {
    let mut sessions = Sessions::default();
    sessions.snapshot(vec![
        row(json!({"key":"a","activeRunIds":["r"]})),
        row(json!({"key":"b"})),
    ]);
    sessions.snapshot(vec![row(json!({"key":"a"}))]);
    assert!(sessions.get("b").is_none());
    assert_eq!(sessions.get("a").unwrap().active_run_ids, None);
}

#[test]
fn unknown_rows_and_broad_changes_ask_for_the_list() {
    let mut sessions = Sessions::default();
    assert_eq!(sessions.merge("", None, &json!({})), Merged::Refresh);
    assert_eq!(
        sessions.merge("x", None, &json!({"unread":true})),
        Merged::Refresh
    );
    assert_eq!(
        sessions.merge("x", None, &json!({"session":{"key":"x","label":"X"}})),
        Merged::Done
    );
    assert_eq!(
        sessions.merge("x", None, &json!({"label":{"odd":1}})),
        Merged::Refresh
    );
    assert_eq!(sessions.merge("x", Some("delete"), &json!({})), Merged::Removed);
    assert!(sessions.get("x").is_none());
}

#[test]
fn views_carry_what_a_list_shows() {
    let mut sessions = Sessions::default();
    sessions.snapshot(vec![
        row(
            json!({"key":"agent:main:telegram:direct:1","updatedAt":5,"lastInteractionAt":9,"unread":true,
            "modelProvider":"fake","model":"f1","status":"failed","lastMessagePreview":"a\nb"}),
        ),
        row(json!({"key":"agent:ops:main","updatedAt":20,"activeRunIds":["r"]})),
    ]);
    let overlay = Overlay {
        muted: ["agent:ops:main".to_owned()].into(),
        needs_you: ["agent:ops:main".to_owned()].into(),
        agents: [("ops".to_owned(), "Ops".to_owned())].into(),
    };
    let views = sessions.views(&overlay);
    assert_eq!(views[0].key, "agent:ops:main");
    assert!(views[0].muted && views[0].needs_approval && views[0].running);
    assert_eq!(views[0].agent, "Ops");
    let telegram = &views[1];
    assert_eq!(
        (telegram.channel.as_str(), telegram.preview.as_str()),
        ("telegram", "a b")
    );
    assert_eq!(
        (telegram.updated_at_ms, telegram.model.as_deref()),
        (9, Some("fake/f1"))
    );
    assert!(telegram.failed && telegram.unread);
    assert_eq!(sessions.unread(), 1);
}
