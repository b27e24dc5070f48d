use super::*;
use crate::gateway::Attachment;
use crate::store::{Inserted, OutboxState, StoreError, StoreHandle};
use std::sync::{Arc, Barrier};

const LEASE: Duration = Duration::from_secs(30);

fn file(content: &str) -> Attachment {
    Attachment {
        mime_type: "image/png".to_owned(),
        file_name: Some("a.png".to_owned()),
        content: content.to_owned(),
    }
}

#[test]
fn a_prompt_goes_in_once_and_comes_out_whole() {
    let dir = TempDir::new().unwrap();
    let sent = Prompt {
        thinking: Some("high".to_owned()),
        timeout_ms: Some(9_000),
        attachments: vec![file("AAAA"), file("AAAAAA=="), file("AAA="), file("")],
        ..prompt("p1", MAIN, "hé \u{1f600}\n\0 nul")
    };
    {
        let store = open(&dir);
        assert_eq!(store.outbox_insert(HOME, &sent, 5).unwrap(), Inserted::New);
    }
    let store = open(&dir);
    assert_eq!(
        store.outbox_insert(HOME, &sent, 6).unwrap(),
        Inserted::Known(OutboxState::Queued)
    );
    let changed = Prompt {
        text: "other".to_owned(),
        ..sent.clone()
    };
    assert!(matches!(
        store.outbox_insert(HOME, &changed, 6),
        Err(StoreError::Conflict { .. })
    ));
    let changed = Prompt {
        attachments: vec![],
        ..sent.clone()
    };
    assert!(matches!(
        store.outbox_insert(HOME, &changed, 6),
        Err(StoreError::Conflict { .. })
    ));
    let listed = store.outbox(HOME).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].state, listed[0].created_at_ms),
        (OutboxState::Queued, 5)
    );
    assert_eq!(
        listed[0].attachments.iter().map(|f| f.bytes).collect::<Vec<_>>(),
        [3, 4, 2, 0]
    );
    let claim = store.outbox_claim(HOME, "app", 10, LEASE).unwrap().unwrap();
    assert_eq!(claim.prompt, sent);
    assert_eq!(
        (claim.attempt, claim.first_attempt_at_ms, claim.lease_until_ms),
        (1, None, 30_010)
    );
    assert!(store.outbox_taken("p1", 11).unwrap());
    assert!(!store.outbox_taken("p1", 12).unwrap());
    assert_eq!(
        store.outbox_insert(HOME, &sent, 13).unwrap(),
        Inserted::Known(OutboxState::Taken)
    );
    assert!(store.outbox(HOME).unwrap().is_empty());
    assert_eq!(store.outbox_forget_taken(12).unwrap(), 1);
    assert_eq!(store.outbox_entry("p1").unwrap(), None);
}

#[test]
fn prompts_of_a_session_go_in_order_and_sessions_do_not_wait_for_each_other() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    for (id, session) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
        store.outbox_insert(HOME, &prompt(id, session, id), 1).unwrap();
    }
    let next = |now| {
        store
            .outbox_claim(HOME, "app", now, LEASE)
            .unwrap()
            .map(|c| c.prompt.idempotency_key)
    };
    assert_eq!(next(10).as_deref(), Some("a1"));
    assert_eq!(next(10).as_deref(), Some("b1"));
    assert_eq!(next(10), None, "a2 waits for a1");
    assert!(store.outbox_release("a1", "app", 100).unwrap());
    assert_eq!(next(99), None, "a1 waits for its time, and a2 for a1");
    assert_eq!(next(100).as_deref(), Some("a1"));
    assert!(store.outbox_fail("a1", "app", "refused").unwrap());
    assert_eq!(
        next(101).as_deref(),
        Some("a2"),
        "a failed prompt holds nobody up"
    );
    assert_eq!(
        store.outbox_entry("a1").unwrap().unwrap().error.as_deref(),
        Some("refused")
    );
    assert!(store.outbox_retry("a1").unwrap());
    assert_eq!(next(102).as_deref(), Some("a1"));
}

#[test]
fn a_lease_that_ran_out_can_be_claimed_and_its_old_owner_is_out() {
    let dir = TempDir::new().unwrap();
    let (app, ctl) = (open(&dir), open(&dir));
    app.outbox_insert(HOME, &prompt("p", MAIN, "hi"), 1).unwrap();
    app.outbox_claim(HOME, "app", 1_000, LEASE).unwrap().unwrap();
    assert_eq!(ctl.outbox_claim(HOME, "ctl", 30_999, LEASE).unwrap(), None);
    assert!(app.outbox_renew("p", "app", 50_000).unwrap());
    assert_eq!(ctl.outbox_claim(HOME, "ctl", 31_000, LEASE).unwrap(), None);
    let claim = ctl.outbox_claim(HOME, "ctl", 50_000, LEASE).unwrap().unwrap();
    assert_eq!((claim.attempt, claim.first_attempt_at_ms), (2, Some(1_000)));
    assert!(!app.outbox_renew("p", "app", 90_000).unwrap());
    assert!(!app.outbox_fail("p", "app", "late").unwrap());
    assert!(!app.outbox_release("p", "app", 0).unwrap());
    assert_eq!(
        app.outbox_entry("p").unwrap().unwrap().owner.as_deref(),
        Some("ctl")
    );
    assert!(
        app.outbox_taken("p", 50_001).unwrap(),
        "an acknowledgement is true whoever heard it"
    );
    assert!(!ctl.outbox_fail("p", "ctl", "no").unwrap());
}

#[test]
fn an_attempt_that_never_left_does_not_count() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store.outbox_insert(HOME, &prompt("p", MAIN, "hi"), 1).unwrap();
    for now in [10, 20, 30] {
        let claim = store.outbox_claim(HOME, "app", now, LEASE).unwrap().unwrap();
        assert_eq!((claim.attempt, claim.first_attempt_at_ms), (1, None));
        assert!(store.outbox_release_unsent("p", "app", 0).unwrap());
    }
    store.outbox_claim(HOME, "app", 40, LEASE).unwrap().unwrap();
    store.outbox_release("p", "app", 0).unwrap();
    let claim = store.outbox_claim(HOME, "app", 50, LEASE).unwrap().unwrap();
    assert_eq!(claim.first_attempt_at_ms, Some(40));
    assert!(store.outbox_release_unsent("p", "app", 0).unwrap());
    let claim = store.outbox_claim(HOME, "app", 60, LEASE).unwrap().unwrap();
    assert_eq!(
        claim.first_attempt_at_ms,
        Some(40),
        "the earlier one may have arrived"
    );
}

#[test]
fn only_a_prompt_that_nobody_sends_can_be_taken_back() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let sent = Prompt {
        attachments: vec![file("AAAA")],
        ..prompt("p", MAIN, "hi")
    };
    store.outbox_insert(HOME, &sent, 1).unwrap();
    store.outbox_claim(HOME, "app", 1, LEASE).unwrap().unwrap();
    assert_eq!(store.outbox_cancel("p").unwrap(), None);
    assert!(!store.outbox_retry("p").unwrap());
    store.outbox_fail("p", "app", "no").unwrap();
    assert_eq!(store.outbox_cancel("p").unwrap(), Some(sent));
    assert_eq!(store.outbox_cancel("p").unwrap(), None);
    assert!(store.outbox(HOME).unwrap().is_empty());
}

#[test]
fn waiting_prompts_follow_a_session_to_its_new_key() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store.outbox_insert(HOME, &prompt("1", "new:1", "a"), 1).unwrap();
    store.outbox_insert(HOME, &prompt("2", "new:1", "b"), 1).unwrap();
    store.outbox_claim(HOME, "app", 1, LEASE).unwrap().unwrap();
    assert_eq!(store.outbox_redirect(HOME, "new:1", "agent:main:x").unwrap(), 1);
    assert_eq!(store.outbox_entry("2").unwrap().unwrap().session, "agent:main:x");
}

#[test]
fn of_many_claimants_exactly_one_wins_each_prompt() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    for n in 0..40 {
        store
            .outbox_insert(HOME, &prompt(&format!("p{n}"), &format!("s{n}"), "hi"), 1)
            .unwrap();
    }
    let barrier = Arc::new(Barrier::new(4));
    let path = store.dir().to_owned();
    let threads: Vec<_> = (0..4)
        .map(|who| {
            let (barrier, path) = (Arc::clone(&barrier), path.clone());
            std::thread::spawn(move || {
                // A store of its own, as another process would have.
                let store = Store::open(path, StoreOptions::default()).unwrap();
                barrier.wait();
                let mut won = Vec::new();
                while let Some(claim) = store
                    .outbox_claim(HOME, &format!("owner-{who}"), 1, LEASE)
                    .unwrap()
                {
                    won.push(claim.prompt.idempotency_key);
                }
                won
            })
        })
        .collect();
    let mut won: Vec<String> = threads
        .into_iter()
        .flat_map(|thread| thread.join().unwrap())
        .collect();
    won.sort();
    let claims = won.len();
    won.dedup();
    assert_eq!((claims, won.len()), (40, 40));
}

#[tokio::test]
async fn the_handle_keeps_order_and_outlives_a_job_that_panics() {
    let dir = TempDir::new().unwrap();
    let handle = StoreHandle::new(open(&dir)).unwrap();
    let lost = handle
        .local(|_| -> Result<(), StoreError> { panic!("a bug") })
        .await;
    assert!(matches!(lost, Err(StoreError::Closed)));
    let mut last = None;
    for n in 0..20 {
        last = Some(handle.local(move |store| store.save_draft(HOME, MAIN, &format!("draft {n}"), n)));
        last.take().unwrap().await.unwrap();
    }
    drop(last);
    assert_eq!(
        handle.local(|store| store.draft(HOME, MAIN)).await.unwrap(),
        "draft 19"
    );
}
