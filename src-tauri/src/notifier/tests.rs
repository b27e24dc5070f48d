use super::{Abilities, action, escape, key, terms};
use clawtray_companion::ports::{Notification, NotificationAction, NotificationTarget};
use clawtray_companion::words::Language;

fn approval() -> Notification {
    Notification {
        tag: "approval:1".into(),
        title: "Run <it>?".into(),
        body: "rm \"a\" && echo <b>'x'</b>".into(),
        on_click: NotificationTarget::Popup,
        actions: vec![
            NotificationAction::Reply,
            NotificationAction::ApproveOnce,
            NotificationAction::Deny,
        ],
        urgent: true,
        language: Language::English,
    }
}

fn abilities(words: &[&str]) -> Abilities {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    Abilities::from_words(&words)
}

#[test]
fn text_is_escaped_only_for_servers_with_markup() {
    let (title, body, _) = terms(&approval(), abilities(&["body", "body-markup"]));
    // The summary never has markup.
    assert_eq!(title, "Run <it>?");
    assert_eq!(
        body,
        "rm &quot;a&quot; &amp;&amp; echo &lt;b&gt;&#39;x&#39;&lt;/b&gt;"
    );
    let (_, body, _) = terms(&approval(), abilities(&["body"]));
    assert_eq!(body, approval().body);
    assert_eq!(escape("ä → ✓"), "ä → ✓");
}

#[test]
fn actions_follow_what_the_server_can_do() {
    let (_, _, none) = terms(&approval(), abilities(&["body"]));
    assert!(none.is_empty());
    let (_, _, plain) = terms(&approval(), abilities(&["actions", "body"]));
    assert_eq!(
        plain,
        [
            "default",
            "Open",
            "reply",
            "Reply",
            "approve",
            "Approve once",
            "deny",
            "Deny"
        ]
    );
    let (_, body, unseen) = terms(&approval(), abilities(&["actions"]));
    assert_eq!(body, "");
    assert!(
        !unseen.contains(&"approve".to_owned()),
        "nobody could read what is approved"
    );
    assert!(unseen.contains(&"review".to_owned()) && unseen.contains(&"deny".to_owned()));
    let (_, _, inline) = terms(&approval(), abilities(&["actions", "inline-reply"]));
    assert_eq!(inline.get(2).map(String::as_str), Some("inline-reply"));
}

#[test]
fn every_key_leads_back_to_its_action() {
    for abilities in [abilities(&["actions"]), abilities(&["actions", "inline-reply"])] {
        for known in approval().actions.into_iter().chain([NotificationAction::Review]) {
            assert_eq!(action(key(&known, abilities)), Some(known));
        }
    }
    assert_eq!(action("default"), None);
}
