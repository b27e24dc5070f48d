use super::*;
use crate::store::{PageKind, SearchQuery, StoreHandle, lock, testing, trim::Trim};

fn filled(dir: &TempDir) -> Store {
    let options = StoreOptions {
        cache_bytes: u64::MAX / 200,
        ..StoreOptions::default()
    };
    let store = Store::open(dir.path().join("data"), options).unwrap();
    testing::fill(&store, HOME, 40, 6_000).unwrap();
    store
}

#[test]
fn the_oldest_messages_go_first_and_the_size_is_kept() {
    let dir = TempDir::new().unwrap();
    let store = filled(&dir);
    store.outbox_insert(HOME, &prompt("p", MAIN, "waits"), 1).unwrap();
    store.save_draft(HOME, MAIN, "draft", 1).unwrap();
    let before = store.cache_stats().unwrap();
    assert_eq!((before.messages, before.sessions), (6_000, 40));
    let newest = store.newest_page(HOME, &testing::session_key(0), 20).unwrap();
    let budget = before.bytes * 6 / 10;
    store.set_cache_bytes(budget).unwrap();
    let gone = store.trim().unwrap();
    let after = store.cache_stats().unwrap();
    assert!(after.bytes <= budget, "{after:?} {budget}");
    assert_eq!(after.messages, 6_000 - gone);
    assert!(after.messages > 1_500, "not more than needed: {after:?}");
    assert!(after.oldest_at_ms > before.oldest_at_ms);
    assert_eq!(after.sessions, 40, "the list stays");
    assert_eq!(
        store
            .newest_page(HOME, &testing::session_key(0), 20)
            .unwrap()
            .messages,
        newest.messages
    );
    assert_eq!(store.outbox(HOME).unwrap().len(), 1);
    assert_eq!(store.draft(HOME, MAIN).unwrap(), "draft");
    let until_ms = after.oldest_at_ms;
    let old = SearchQuery {
        text: "the ".to_owned(),
        gateway: HOME.to_owned(),
        until_ms,
        limit: 50,
        ..SearchQuery::default()
    };
    assert!(store.search(&old).unwrap().is_empty());
    let file = std::fs::metadata(store.cache_path()).unwrap().len();
    assert!(
        file <= budget + (1 << 20),
        "the file itself shrank: {file} {budget}"
    );
    assert_eq!(store.trim().unwrap(), 0);
    assert_index_is_sound(&store);
}

#[tokio::test]
async fn writing_past_the_budget_trims_when_there_is_nothing_else_to_write() {
    let dir = TempDir::new().unwrap();
    let budget = 6 << 20;
    let options = StoreOptions {
        cache_bytes: budget,
        ..StoreOptions::default()
    };
    let store = StoreHandle::new(Store::open(dir.path().join("data"), options).unwrap()).unwrap();
    let vocabulary = testing::Vocabulary::new();
    let mut dice = testing::Dice(3);
    for chunk in 0..60_u64 {
        let messages: Vec<Message> = (1..=100)
            .map(|n| {
                let seq = chunk * 100 + n;
                let at_ms = i64::try_from(seq).unwrap() * 60_000;
                message(
                    &format!("m{seq}"),
                    seq,
                    at_ms,
                    &vocabulary.sentence(200, &mut dice),
                )
            })
            .collect();
        let page = page(MAIN, messages, true);
        store
            .write(move |store| store.upsert_page(HOME, &page, PageKind::Newest))
            .await
            .unwrap();
    }
    // Between two jobs the lane does one step.
    while store
        .write(|store| Ok(*lock(&store.cache.trim) != Trim::Idle))
        .await
        .unwrap()
    {}
    let store = store.blocking();
    let stats = store.cache_stats().unwrap();
    // What was written since the size was looked at last may come on top.
    assert!(
        stats.messages < 6_000 && stats.bytes < budget + (8 << 20),
        "{stats:?}"
    );
    assert_eq!(all(store, MAIN).last().unwrap().meta.seq, Some(6_000));
    assert_index_is_sound(store);
}

#[test]
fn a_gateway_is_cleared_and_the_other_stays() {
    let dir = TempDir::new().unwrap();
    let store = filled(&dir);
    testing::fill(&store, "work", 5, 300).unwrap();
    store.outbox_insert(HOME, &prompt("p", MAIN, "waits"), 1).unwrap();
    store.clear_gateway(HOME).unwrap();
    assert!(store.sessions(HOME).unwrap().is_empty());
    assert_eq!(store.cache_stats().unwrap().messages, 300);
    assert_eq!(store.sessions("work").unwrap().len(), 5);
    assert_eq!(
        store.outbox(HOME).unwrap().len(),
        1,
        "prompts are not part of the copy"
    );
    assert_index_is_sound(&store);
    store.clear_gateway("work").unwrap();
    store.clear_gateway("unknown").unwrap();
    let stats = store.cache_stats().unwrap();
    assert_eq!((stats.messages, stats.sessions), (0, 0));
    assert!(std::fs::metadata(store.cache_path()).unwrap().len() < 1 << 20);
    testing::fill(&store, HOME, 3, 20).unwrap();
    assert_eq!(store.cache_stats().unwrap().messages, 20);
    assert_index_is_sound(&store);
}
