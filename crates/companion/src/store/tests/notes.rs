use super::*;
use crate::store::PROMPT_HISTORY_LIMIT;

#[test]
fn drafts_are_kept_per_session_and_an_empty_one_is_forgotten() {
    let dir = TempDir::new().unwrap();
    {
        let store = open(&dir);
        store.save_draft(HOME, "a", "one", 1).unwrap();
        store.save_draft(HOME, "b", "two", 2).unwrap();
        store.save_draft(HOME, "a", "one more", 3).unwrap();
        store.save_draft("work", "a", "elsewhere", 4).unwrap();
    }
    let store = open(&dir);
    assert_eq!(store.draft(HOME, "a").unwrap(), "one more");
    assert_eq!(store.draft(HOME, "c").unwrap(), "");
    store.save_draft(HOME, "b", "", 5).unwrap();
    assert_eq!(
        store.drafts(HOME).unwrap(),
        [("a".to_owned(), "one more".to_owned())]
    );
}

#[test]
fn prompts_come_back_newest_first_once_each_and_bounded() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    for (at, text) in [(1, "one"), (2, "two"), (3, "one"), (4, "  "), (5, "three")] {
        store.remember_prompt(HOME, text, at).unwrap();
    }
    assert_eq!(store.prompt_history(HOME, 10).unwrap(), ["three", "one", "two"]);
    assert_eq!(store.prompt_history(HOME, 1).unwrap(), ["three"]);
    assert!(store.prompt_history("work", 10).unwrap().is_empty());
    let limit = i64::from(PROMPT_HISTORY_LIMIT);
    for n in 0..limit + 5 {
        store.remember_prompt("bulk", &format!("prompt {n}"), n).unwrap();
    }
    let kept = store.prompt_history("bulk", u32::MAX).unwrap();
    assert_eq!(kept.len(), usize::try_from(limit).unwrap());
    assert_eq!(kept.last().unwrap(), "prompt 5");
    store.remember_prompt(HOME, &"x".repeat(40_000), 9).unwrap();
    assert_eq!(store.prompt_history(HOME, 1).unwrap(), ["three"]);
}

#[test]
fn marks_move_forward_only() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store.set_muted(HOME, MAIN, true).unwrap();
    store.set_read(HOME, MAIN, Some("m2"), 20).unwrap();
    store.set_read(HOME, MAIN, Some("m1"), 10).unwrap();
    let marks = store.marks(HOME, MAIN).unwrap();
    assert!(marks.muted);
    assert_eq!(
        (marks.read_at_ms, marks.read_message.as_deref()),
        (20, Some("m2"))
    );
    store.set_muted(HOME, MAIN, false).unwrap();
    assert!(!store.marks(HOME, MAIN).unwrap().muted);
    assert_eq!(store.all_marks(HOME).unwrap().len(), 1);
}

#[test]
fn a_reply_is_told_once_across_restarts_and_processes() {
    let dir = TempDir::new().unwrap();
    let other = open(&dir);
    {
        let store = open(&dir);
        assert!(store.tell_once(HOME, MAIN, "run:1", 100).unwrap());
        assert!(!store.tell_once(HOME, MAIN, "run:1", 100).unwrap());
    }
    let store = open(&dir);
    assert!(!store.tell_once(HOME, MAIN, "run:1", 100).unwrap());
    assert!(
        !other.tell_once(HOME, MAIN, "run:1", 101).unwrap(),
        "the same reply with a later time"
    );
    assert!(
        !store.tell_once(HOME, MAIN, "run:0", 50).unwrap(),
        "older than the one told"
    );
    assert!(other.tell_once(HOME, MAIN, "run:2", 200).unwrap());
    assert!(!store.tell_once(HOME, MAIN, "run:2", 200).unwrap());
    assert!(store.tell_once(HOME, "other", "run:2", 1).unwrap());
}

#[test]
fn forgetting_a_gateway_leaves_the_others() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    for gateway in [HOME, "work"] {
        store
            .outbox_insert(gateway, &prompt(gateway, MAIN, "hi"), 1)
            .unwrap();
        store.save_draft(gateway, MAIN, "draft", 1).unwrap();
        store.remember_prompt(gateway, "hi", 1).unwrap();
        store.set_muted(gateway, MAIN, true).unwrap();
    }
    store.forget_gateway_notes(HOME).unwrap();
    assert!(store.outbox(HOME).unwrap().is_empty());
    assert_eq!(store.draft(HOME, MAIN).unwrap(), "");
    assert!(store.prompt_history(HOME, 5).unwrap().is_empty());
    assert!(!store.marks(HOME, MAIN).unwrap().muted);
    assert_eq!(store.outbox("work").unwrap().len(), 1);
    assert_eq!(store.draft("work", MAIN).unwrap(), "draft");
    store.forget_session_notes("work", MAIN).unwrap();
    assert_eq!(store.draft("work", MAIN).unwrap(), "");
    assert_eq!(
        store.outbox("work").unwrap().len(),
        1,
        "a prompt that waits stays"
    );
}
