use super::*;
use crate::gateway::Attachment;
use crate::store::StoreOptions;

fn shelf(folder: &tempfile::TempDir) -> StoreShelf {
    let store = Store::open(folder.path(), StoreOptions::default()).unwrap();
    StoreShelf::new(StoreHandle::new(store).unwrap())
}
fn item(id: &str, session: &str) -> Item {
    Item {
        id: id.into(),
        gateway: "g".into(),
        session: session.into(),
        text: format!("text of {id}"),
        attachments: vec![Attachment {
            mime_type: "text/plain".into(),
            file_name: Some("f.txt".into()),
            content: "aGk=".into(),
        }],
        at_ms: 5,
        ..Item::default()
    }
}
async fn states(shelf: &StoreShelf) -> Vec<(String, ItemState)> {
    shelf
        .outbox("g")
        .await
        .unwrap()
        .into_iter()
        .map(|item| (item.id, item.state))
        .collect()
}

#[tokio::test]
async fn prompts_come_back_whole_and_in_their_state() {
    let folder = tempfile::tempdir().unwrap();
    let first = shelf(&folder);
    for (id, session) in [("a", "s"), ("b", "s"), ("c", "t")] {
        first.put_item(&item(id, session)).await.unwrap();
    }
    first
        .put_item(&Item {
            state: ItemState::Sending,
            ..item("c", "t")
        })
        .await
        .unwrap();
    first
        .put_item(&Item {
            state: ItemState::Failed,
            error: Some("no".into()),
            ..item("c", "t")
        })
        .await
        .unwrap();
    first
        .put_item(&Item {
            state: ItemState::Sending,
            ..item("a", "s")
        })
        .await
        .unwrap();
    drop(first);
    let again = shelf(&folder);
    let expected = [
        ("a", ItemState::Sending),
        ("b", ItemState::Queued),
        ("c", ItemState::Failed),
    ];
    assert_eq!(
        states(&again).await,
        expected.map(|(id, state)| (id.to_owned(), state))
    );
    let back = again.outbox("g").await.unwrap();
    assert_eq!(
        (back[0].attachments.clone(), back[2].error.as_deref()),
        (item("a", "s").attachments, Some("no"))
    );
    // Looked up and not found: it is queued again, by another process than the one that sent it.
    assert_eq!(again.claim(&item("a", "s")).await.unwrap(), Turn::Ours);
    again
        .put_item(&Item {
            state: ItemState::Queued,
            ..item("a", "s")
        })
        .await
        .unwrap();
    again
        .put_item(&Item {
            state: ItemState::Queued,
            ..item("c", "t")
        })
        .await
        .unwrap();
    assert!(
        states(&again)
            .await
            .iter()
            .all(|(_, state)| *state == ItemState::Queued)
    );
    again.remove_item("b").await.unwrap();
    again
        .put_item(&Item {
            state: ItemState::Sending,
            ..item("a", "s")
        })
        .await
        .unwrap();
    again.remove_item("a").await.unwrap();
    assert_eq!(states(&again).await, [("c".to_owned(), ItemState::Queued)]);
    assert_eq!(again.prompts("g", 2).await.unwrap(), ["text of c", "text of b"]);
    again.forget("g").await.unwrap();
    assert!(states(&again).await.is_empty());
}

#[tokio::test]
async fn of_two_processes_one_sends_a_prompt() {
    let folder = tempfile::tempdir().unwrap();
    let (app, ctl) = (shelf(&folder), shelf(&folder));
    app.put_item(&item("a", "s")).await.unwrap();
    assert_eq!(ctl.outbox("g").await.unwrap().len(), 1);
    assert_eq!(ctl.claim(&item("a", "s")).await.unwrap(), Turn::Ours);
    assert_eq!(app.claim(&item("a", "s")).await.unwrap(), Turn::Elsewhere);
    assert!(
        app.outbox("g").await.unwrap().is_empty(),
        "it is not the app's to look up"
    );
    // Giving back what one does not have changes nothing.
    app.put_item(&item("a", "s")).await.unwrap();
    assert_eq!(app.claim(&item("a", "s")).await.unwrap(), Turn::Elsewhere);
    drop(ctl);
    assert_eq!(
        app.claim(&item("a", "s")).await.unwrap(),
        Turn::Ours,
        "a dead sender's prompt is free at once"
    );
    app.remove_item("a").await.unwrap();
    assert_eq!(shelf(&folder).claim(&item("a", "s")).await.unwrap(), Turn::Done);
}

#[tokio::test]
async fn what_was_told_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let first = shelf(&folder);
    assert!(!first.load(&["g".to_owned()]).told["g"].begun);
    first
        .set_told(
            "g",
            &Told {
                begun: true,
                until_ms: 7,
                ..Told::default()
            },
        )
        .await
        .unwrap();
    first.set_told_session("g", "s", "r1", 9).await.unwrap();
    first.set_told_session("g", "t", "", 11).await.unwrap();
    first.set_draft("g", "s", "half").await.unwrap();
    drop(first);
    let again = shelf(&folder);
    let kept = again.load(&["g".to_owned()]);
    let told = kept.told["g"].clone();
    assert!(told.begun && told.until_ms == 7);
    assert_eq!(
        (
            told.known_until("s"),
            told.known_until("t"),
            told.known_until("u")
        ),
        (9, 11, 7)
    );
    assert!(told.runs.contains(&"r1".to_owned()));
    assert_eq!(kept.drafts[&("g".to_owned(), "s".to_owned())], "half");
}

#[tokio::test]
async fn what_was_asked_for_is_done_in_that_order_though_nobody_waits() {
    let folder = tempfile::tempdir().unwrap();
    let first = shelf(&folder);
    for n in 0..50 {
        drop(first.set_draft("g", "s", &format!("draft {n}")));
        drop(first.put_item(&item(&format!("p{n:02}"), "s")));
    }
    first.flush().await.unwrap();
    let kept = shelf(&folder).load(&["g".to_owned()]);
    assert_eq!(kept.drafts[&("g".to_owned(), "s".to_owned())], "draft 49");
    let ids: Vec<String> = kept.outbox.into_iter().map(|item| item.id).collect();
    let expected: Vec<String> = (0..50).map(|n| format!("p{n:02}")).collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn a_prompt_that_was_never_written_is_written_only_while_it_waits() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = shelf(&folder);
    for state in [ItemState::Sending, ItemState::Uncertain, ItemState::Failed] {
        let item = Item {
            state,
            ..item("a", "s")
        };
        shelf.put_item(&item).await.unwrap();
        assert!(states(&shelf).await.is_empty(), "{state:?}");
    }
    shelf.put_item(&item("a", "s")).await.unwrap();
    assert_eq!(states(&shelf).await, [("a".to_owned(), ItemState::Queued)]);
}
