use super::*;
use crate::store::PageKind::{Newest, Older};
use serde_json::json;

#[test]
fn the_same_page_twice_changes_nothing() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let first = page(MAIN, run_of(1..=30), false);
    assert_eq!(store.upsert_page(HOME, &first, Newest).unwrap(), 30);
    assert_eq!(store.upsert_page(HOME, &first, Newest).unwrap(), 0);
    assert_eq!(store.upsert_messages(HOME, MAIN, &first.messages).unwrap(), 0);
    assert_eq!(all(&store, MAIN), first.messages);
    assert_index_is_sound(&store);
}

#[test]
fn events_and_history_meet_without_doubling() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store
        .upsert_page(HOME, &page(MAIN, run_of(1..=4), false), Newest)
        .unwrap();
    // An event that had no id yet, then the same message from history with its id.
    let live = message("", 5, 300_000, "text 5");
    assert_eq!(
        store
            .upsert_messages(HOME, MAIN, std::slice::from_ref(&live))
            .unwrap(),
        1
    );
    assert_eq!(
        store
            .upsert_page(HOME, &page(MAIN, run_of(1..=5), false), Newest)
            .unwrap(),
        1
    );
    assert_eq!(all(&store, MAIN), run_of(1..=5));
    // Its text changed (a reply that was still growing).
    let grown = message("m5", 5, 300_000, "text five, grown");
    assert_eq!(
        store
            .upsert_messages(HOME, MAIN, std::slice::from_ref(&grown))
            .unwrap(),
        1
    );
    assert_eq!(texts(&all(&store, MAIN)).last().unwrap(), "text five, grown");
    assert_index_is_sound(&store);
}

#[test]
fn a_page_is_the_truth_within_its_range() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store
        .upsert_page(HOME, &page(MAIN, run_of(1..=20), false), Newest)
        .unwrap();
    // A page from the middle without m8: only m8 is gone.
    let mut middle = run_of(6..=10);
    middle.remove(2);
    store.upsert_page(HOME, &page(MAIN, middle, true), Older).unwrap();
    let seqs: Vec<u64> = all(&store, MAIN).iter().filter_map(|m| m.meta.seq).collect();
    assert_eq!(seqs, (1..=20).filter(|seq| *seq != 8).collect::<Vec<_>>());
    // The whole session has only two messages now: it was compacted.
    let compacted = vec![
        message("c1", 19, 2_000_000, "summary"),
        message("m20", 20, 2_060_000, "text 20"),
    ];
    store
        .upsert_page(HOME, &page(MAIN, compacted.clone(), false), Newest)
        .unwrap();
    assert_eq!(all(&store, MAIN), compacted);
    assert_index_is_sound(&store);
}

#[test]
fn after_a_reset_the_old_numbers_are_gone() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store
        .upsert_page(HOME, &page(MAIN, run_of(1..=50), false), Newest)
        .unwrap();
    let anew = vec![
        message("n1", 1, 9_000_000, "anew"),
        message("n2", 2, 9_060_000, "yes"),
    ];
    store
        .upsert_page(HOME, &page(MAIN, anew.clone(), false), Newest)
        .unwrap();
    assert_eq!(all(&store, MAIN), anew);
    store
        .upsert_page(HOME, &page(MAIN, Vec::new(), false), Newest)
        .unwrap();
    assert!(all(&store, MAIN).is_empty());
    store.upsert_messages(HOME, MAIN, &anew).unwrap();
    store.reset_session(HOME, MAIN).unwrap();
    assert!(all(&store, MAIN).is_empty());
}

#[test]
fn what_arrives_while_a_page_is_under_way_stays() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let under_way = page(MAIN, run_of(1..=5), false);
    store.upsert_messages(HOME, MAIN, &run_of(6..=7)).unwrap();
    store.upsert_page(HOME, &under_way, Newest).unwrap();
    assert_eq!(all(&store, MAIN), run_of(1..=7));
}

#[test]
fn pages_join_without_a_gap_in_both_directions() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let everything = run_of(1..=457);
    // Backfill comes newest first.
    for chunk in everything.chunks(100).rev() {
        store.upsert_messages(HOME, MAIN, chunk).unwrap();
    }
    let mut read = Vec::new();
    let mut page = store.newest_page(HOME, MAIN, 100).unwrap();
    assert_eq!(page.newer, None);
    loop {
        assert!(page.gapless);
        read.splice(0..0, page.messages);
        let Some(cursor) = page.older else { break };
        page = store.page_before(HOME, MAIN, cursor, 100).unwrap();
    }
    assert_eq!(read, everything);
    let middle = store.page_around(HOME, MAIN, &everything[199], 50).unwrap();
    assert_eq!(middle.messages, everything[174..224]);
    let newer = store.page_after(HOME, MAIN, middle.newer.unwrap(), 10).unwrap();
    assert_eq!(newer.messages, everything[224..234]);
    let older = store.page_before(HOME, MAIN, middle.older.unwrap(), 10).unwrap();
    assert_eq!(older.messages, everything[164..174]);
    let ends = store.page_around(HOME, MAIN, &everything[456], 50).unwrap();
    assert_eq!((ends.messages.len(), ends.newer), (26, None));
    assert!(
        store
            .page_around(HOME, MAIN, &message("x", 999, 1, ""), 50)
            .unwrap()
            .messages
            .is_empty()
    );
    assert!(
        store
            .newest_page(HOME, "nowhere", 10)
            .unwrap()
            .messages
            .is_empty()
    );
    let history = store.newest_page(HOME, MAIN, 10).unwrap().into_history(MAIN);
    assert!(history.has_more);
    assert_eq!(history.messages, everything[447..]);
}

#[test]
fn coverage_says_from_where_nothing_is_missing() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    assert_eq!(store.coverage(HOME, MAIN).unwrap().messages, 0);
    store.upsert_messages(HOME, MAIN, &run_of(1..=10)).unwrap();
    store.upsert_messages(HOME, MAIN, &run_of(15..=20)).unwrap();
    let coverage = store.coverage(HOME, MAIN).unwrap();
    assert_eq!(
        (coverage.messages, coverage.newest_seq, coverage.gapless_from),
        (16, Some(20), Some(15))
    );
    assert!(!store.newest_page(HOME, MAIN, 100).unwrap().gapless);
    store.upsert_messages(HOME, MAIN, &run_of(11..=14)).unwrap();
    assert_eq!(store.coverage(HOME, MAIN).unwrap().gapless_from, Some(1));
    assert!(store.newest_page(HOME, MAIN, 100).unwrap().gapless);
}

#[test]
fn messages_without_numbers_keep_the_order_of_their_times() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let at = 1_795_000_000_000;
    let messages: Vec<Message> = (0..6)
        .map(|n| message("", 0, at + n * 1_000, &format!("t{n}")))
        .collect();
    store.upsert_messages(HOME, "main", &messages[3..]).unwrap();
    store.upsert_messages(HOME, "main", &messages[..3]).unwrap();
    store.upsert_messages(HOME, "main", &messages).unwrap();
    assert_eq!(texts(&all(&store, "main")), ["t0", "t1", "t2", "t3", "t4", "t5"]);
    // Behind numbered ones they come last.
    store.upsert_messages(HOME, MAIN, &run_of(1..=3)).unwrap();
    store.upsert_messages(HOME, MAIN, &messages[..1]).unwrap();
    assert_eq!(texts(&all(&store, MAIN)).last().unwrap(), "t0");
}

#[test]
fn many_messages_at_one_moment_are_all_kept() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let burst: Vec<Message> = (1..=300)
        .map(|seq| message(&format!("b{seq}"), seq, 5_000, "burst"))
        .collect();
    store.upsert_messages(HOME, MAIN, &burst).unwrap();
    store.upsert_messages(HOME, "agent:main:other", &burst).unwrap();
    let undated: Vec<Message> = (1..=50)
        .map(|seq| Message {
            timestamp: None,
            ..message(&format!("u{seq}"), seq, 0, "undated")
        })
        .collect();
    store
        .upsert_messages(HOME, "agent:main:undated", &undated)
        .unwrap();
    assert_eq!(all(&store, MAIN), burst);
    assert_eq!(all(&store, "agent:main:other"), burst);
    assert_eq!(all(&store, "agent:main:undated"), undated);
    assert_index_is_sound(&store);
}

#[test]
fn pictures_are_kept_without_their_data() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut picture = message("p", 1, 1_000, "look");
    picture.content.push(ContentPart::Image(
        json!({"type": "image", "data": "A".repeat(100_000), "mimeType": "image/png", "artifactId": "a1"}),
    ));
    store
        .upsert_messages(HOME, MAIN, std::slice::from_ref(&picture))
        .unwrap();
    assert_eq!(
        store
            .upsert_messages(HOME, MAIN, std::slice::from_ref(&picture))
            .unwrap(),
        0
    );
    let kept = all(&store, MAIN);
    let json = serde_json::to_string(&kept).unwrap();
    assert!(
        json.contains("artifactId") && json.contains("image/png") && !json.contains("AAAA"),
        "{json}"
    );
}

#[test]
fn sessions_are_listed_replaced_and_deleted() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let rows = [
        row("agent:main:a", "Alpha", 10),
        row("agent:main:b", "Beta", 30),
        row("agent:ops:c", "Gamma", 20),
    ];
    store.upsert_sessions(HOME, &rows, title).unwrap();
    store.upsert_sessions("work", &rows[..1], title).unwrap();
    let keys = |gateway: &str| -> Vec<String> {
        store
            .sessions(gateway)
            .unwrap()
            .iter()
            .map(|row| row.key.to_string())
            .collect()
    };
    assert_eq!(keys(HOME), ["agent:main:b", "agent:ops:c", "agent:main:a"]);
    store
        .upsert_sessions(HOME, &[row("agent:main:a", "Alpha 2", 40)], title)
        .unwrap();
    assert_eq!(store.sessions(HOME).unwrap()[0].label.as_deref(), Some("Alpha 2"));
    for key in ["agent:main:a", "agent:main:b", "agent:main:unlisted"] {
        store.upsert_messages(HOME, key, &run_of(1..=3)).unwrap();
    }
    assert_eq!(keys(HOME).len(), 3, "a session is listed once its row is known");
    store.replace_sessions(HOME, &rows[1..], title).unwrap();
    assert_eq!(keys(HOME), ["agent:main:b", "agent:ops:c"]);
    assert!(all(&store, "agent:main:a").is_empty());
    assert_eq!(all(&store, "agent:main:b").len(), 3);
    store.delete_session(HOME, "agent:main:b").unwrap();
    store.delete_session(HOME, "agent:main:b").unwrap();
    assert_eq!(keys(HOME), ["agent:ops:c"]);
    assert!(all(&store, "agent:main:b").is_empty());
    assert_eq!(keys("work"), ["agent:main:a"]);
    assert_index_is_sound(&store);
}
