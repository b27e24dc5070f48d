//! Stories about the local copy of the conversations. Its threads work in real time, so these
//! stories do too.

use super::*;
use crate::ids::SessionRef;
use crate::testing::Mirror;

const TRIP: &str = "agent:main:trip";

fn with_store(folder: &std::path::Path, desk: &Desk) -> Stage {
    let shelf = Box::new(MemoryShelf::default());
    Stage::start_with(folder, desk, Bare::default(), shelf, |options| {
        options.shelf = None
    })
}

async fn online(folder: &std::path::Path, desk: &Desk, gateway: &FakeGateway) -> (Stage, Mirror) {
    desk.put_gateway("ws://home", gateway);
    let stage = with_store(folder, desk);
    stage.add("Home", "ws://home", "secret").await;
    let mut popup = stage.subscribe(WindowKind::Popup);
    // The agents are the last that is read after a connect: the sessions and the transcript are there by then.
    popup
        .until("connected", |m| {
            m.view.connection.version.is_some() && !m.view.agents.is_empty() && !m.view.transcript.loading
        })
        .await;
    (stage, popup)
}

/// Two sessions with something in them; the second is never opened.
fn talk(gateway: &FakeGateway) {
    gateway.store(MAIN, json!({"role": "user", "content": "What is for lunch?"}));
    gateway.store(
        MAIN,
        json!({"role": "assistant", "content": "Soup with bread.", "__openclaw": {"runId": "r1"}}),
    );
    gateway.store(
        TRIP,
        json!({"role": "user", "content": "Find a train to Lisbon."}),
    );
    gateway.store(
        TRIP,
        json!({"role": "assistant", "content": "The night train leaves at nine.", "__openclaw": {"runId": "r2"}}),
    );
    let mut held = gateway.lock();
    held.rows.get_mut(TRIP).unwrap().label = Some("The trip".to_owned());
}

async fn find(stage: &Stage, query: &str) -> Vec<crate::api::SearchHit> {
    let request = Request::Search {
        gateway: stage.active(),
        query: query.to_owned(),
        agent: None,
        session: None,
        from_ms: None,
        until_ms: None,
        limit: 20,
    };
    serde_json::from_value(stage.ask(request).await).unwrap()
}

/// Asks until the copy has something: it is filled beside the conversation.
async fn found(stage: &Stage, query: &str) -> Vec<crate::api::SearchHit> {
    for _ in 0..1000 {
        let hits = find(stage, query).await;
        if !hits.is_empty() {
            return hits;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never found: {query}");
}

#[tokio::test]
async fn a_restart_offline_shows_what_was_there_and_a_reconnect_doubles_nothing() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    talk(&gateway);
    let (stage, popup) = online(folder.path(), &desk, &gateway).await;
    let there = popup.lines();
    assert_eq!(there.len(), 2);
    stage.quit().await;

    gateway.go_offline();
    let stage = with_store(folder.path(), &desk);
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("what was there", |m| {
            m.lines() == there
                && m.view.sessions.len() == 2
                && m.view.connection.word == ConnectionWord::Offline
        })
        .await;
    assert!(!popup.view.transcript.loading);
    assert!(
        popup
            .view
            .sessions
            .iter()
            .any(|session| session.title == "The trip")
    );

    // In the meantime the conversation went on, and the other session was deleted.
    gateway.store(MAIN, json!({"role": "user", "content": "And for dinner?"}));
    gateway.lock().rows.remove(TRIP);
    gateway.go_online();
    popup
        .until("the gateway's own", |m| {
            m.lines().len() == 3 && m.view.sessions.len() == 1
        })
        .await;
    assert_eq!(popup.lines()[..2], there[..]);
    let mut ids: Vec<_> = popup
        .view
        .transcript
        .messages
        .iter()
        .map(|m| m.id.clone())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    stage.quit().await;

    gateway.go_offline();
    let stage = with_store(folder.path(), &desk);
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("the later state", |m| {
            m.lines().len() == 3 && m.view.sessions.len() == 1
        })
        .await;
    assert_eq!(find(&stage, "lisbon").await, [], "a deleted session is not found");
}

#[tokio::test]
async fn a_search_offline_finds_a_session_that_was_never_opened() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    talk(&gateway);
    let (stage, _popup) = online(folder.path(), &desk, &gateway).await;
    found(&stage, "lisbon").await;
    // Live, without a page.
    gateway.store(
        "agent:main:new",
        json!({"role": "user", "content": "Water the orchid."}),
    );
    found(&stage, "orchid").await;
    stage.quit().await;

    gateway.go_offline();
    let stage = with_store(folder.path(), &desk);
    let mut popup = stage.subscribe(WindowKind::Popup);
    let hits = found(&stage, "night tra").await;
    assert_eq!((hits.len(), hits[0].session.session.as_str()), (1, TRIP));
    assert_eq!(hits[0].session_title, "The trip");
    let message = hits[0].message.clone().unwrap();
    assert_eq!(message, "run:r2", "the id that the transcript uses");
    stage
        .ask(Request::RevealMessage {
            session: stage.session(TRIP),
            message: message.clone(),
        })
        .await;
    popup
        .until("scrolled to", |m| {
            m.signals.contains(&Signal::Reveal {
                message: message.clone(),
            })
        })
        .await;
    assert_eq!(popup.view.transcript.session, TRIP);
    assert!(popup.view.transcript.messages.iter().any(|m| m.id == message));
    assert_eq!(find(&stage, "orchid").await.len(), 1);
}

#[tokio::test]
async fn an_old_message_is_revealed_by_either_id_online_and_offline() {
    for offline in [false, true] {
        let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
        for n in 0..450 {
            gateway.store(MAIN, json!({"role": "user", "content": format!("Line {n}")}));
            gateway.store(
                MAIN,
                json!({"role": "assistant", "content": format!("Reply {n}"), "__openclaw": {"runId": format!("run{n}")}}),
            );
        }
        let (stage, mut popup) = online(folder.path(), &desk, &gateway).await;
        // The gateway names the row; it is kept here as part of a run.
        let row = format!("{MAIN}-600");
        gateway.lock().answers.insert(
            "sessions.search".to_owned(),
            Ok(json!({"results": [{"sessionKey": MAIN, "messageId": row, "snippet": "Reply 299"}]})),
        );
        let hits = found(&stage, "Reply 299").await;
        assert_eq!(hits[0].message.as_deref(), Some(format!("msg:{row}").as_str()));
        let (mut message, mut pages) = (hits[0].message.clone().unwrap(), 0);
        if offline {
            // Everything is read once, so that it is here.
            while popup.view.transcript.has_older {
                let before = popup.view.transcript.messages.len();
                stage
                    .ask(Request::LoadOlder {
                        session: stage.session(MAIN),
                    })
                    .await;
                popup
                    .until("more", |m| m.view.transcript.messages.len() > before)
                    .await;
                pages += 1;
            }
            assert_eq!(pages, 7);
            let hits = found(&stage, "Reply 299").await;
            assert_eq!(hits.len(), 1, "the gateway's hit is the same message");
            message = hits[0].message.clone().unwrap();
            assert_eq!(message, "run:run299");
            gateway.go_offline();
            stage.quit().await;
            let stage = with_store(folder.path(), &desk);
            let mut popup = stage.subscribe(WindowKind::Popup);
            reveal(&stage, &mut popup, &message).await;
        } else {
            reveal(&stage, &mut popup, &message).await;
        }
    }
}

async fn reveal(stage: &Stage, popup: &mut Mirror, message: &str) {
    let request = Request::RevealMessage {
        session: stage.session(MAIN),
        message: message.to_owned(),
    };
    stage.ask(request).await;
    let there = Signal::Reveal {
        message: "run:run299".to_owned(),
    };
    popup.until("there", |m| m.signals.contains(&there)).await;
    let shown = &popup.view.transcript.messages;
    assert!(
        shown
            .iter()
            .any(|m| m.id == "run:run299" && m.text == "Reply 299")
    );
    assert!(shown.windows(2).all(|pair| pair[0].at_ms <= pair[1].at_ms));
}

#[tokio::test]
async fn the_copy_is_cleared_per_gateway_and_goes_with_it() {
    for removed in [false, true] {
        let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
        talk(&gateway);
        let (stage, popup) = online(folder.path(), &desk, &gateway).await;
        found(&stage, "lisbon").await;
        let id = popup.view.gateways[0].id.clone();
        gateway.go_offline();
        if removed {
            stage.ask(Request::RemoveGateway { id: id.clone() }).await;
        } else {
            stage.ask(Request::ClearCache { id: id.clone() }).await;
            assert_eq!(find(&stage, "lisbon").await, []);
        }
        let refused = stage
            .app
            .request(
                None,
                Request::ClearCache {
                    id: "nobody".to_owned(),
                },
            )
            .await;
        assert_eq!(refused.unwrap_err().code, "not-found");
        stage.quit().await;
        let store = crate::store::Store::open(
            crate::paths::Paths::under(folder.path()).data,
            crate::store::StoreOptions::default(),
        )
        .unwrap();
        assert_eq!(store.sessions(&id).unwrap(), []);
        assert_eq!(store.cache_stats().unwrap().messages, 0);
    }
}

#[tokio::test]
async fn a_damaged_copy_is_rebuilt_and_the_outbox_is_kept() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    talk(&gateway);
    let (stage, _popup) = online(folder.path(), &desk, &gateway).await;
    found(&stage, "lisbon").await;
    gateway.go_offline();
    stage.send("Do not lose me").await;
    stage.quit().await;
    let data = crate::paths::Paths::under(folder.path()).data;
    // The last connection takes the log away when it closes.
    for _ in 0..1000 {
        if !data.join("cache.db-wal").exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    std::fs::write(data.join("cache.db"), "not a database at all ".repeat(500)).unwrap();
    for beside in ["cache.db-wal", "cache.db-shm"] {
        let _ = std::fs::remove_file(data.join(beside));
    }

    let stage = with_store(folder.path(), &desk);
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("said", |m| {
            m.view.notices.iter().any(|notice| notice.id == "cache-rebuilt")
        })
        .await;
    assert_eq!(popup.view.outbox.len(), 1);
    assert_eq!(popup.view.outbox[0].text, "Do not lose me");
    gateway.go_online();
    let hits = found(&stage, "lisbon").await;
    assert_eq!(hits[0].session.session, TRIP, "filled again");
    desk.until("sent", |_| (gateway.lock().received.len() == 1).then_some(()))
        .await;
}

#[tokio::test]
async fn a_smaller_budget_lets_the_oldest_messages_go() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let long = "All work and no play. ".repeat(500);
    for n in 0..200 {
        let word = match n {
            0 => "Oldest",
            199 => "Newest",
            _ => "Between",
        };
        gateway.store(MAIN, json!({"role": "user", "content": format!("{word} {long}")}));
    }
    let (stage, popup) = online(folder.path(), &desk, &gateway).await;
    found(&stage, "oldest").await;
    gateway.go_offline();
    stage.set(json!({ "cacheMegabytes": 1 })).await;
    let mut tries = 0;
    while !find(&stage, "oldest").await.is_empty() {
        tries += 1;
        assert!(tries < 1000, "never let go");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(find(&stage, "newest").await.len(), 1);
    let id = popup.view.gateways[0].id.clone();
    stage.quit().await;
    let store = crate::store::Store::open(
        crate::paths::Paths::under(folder.path()).data,
        crate::store::StoreOptions::default(),
    )
    .unwrap();
    assert!(store.cache_stats().unwrap().bytes <= 1 << 20);
    assert_eq!(store.sessions(&id).unwrap().len(), 1, "the list stays");
}

#[tokio::test]
async fn the_whole_list_is_read_and_what_is_gone_goes() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let key = |n: u32| format!("agent:main:chat-{n}");
    for n in 0..450 {
        let row = json!({"key": key(n), "label": format!("Chat {n}"), "updatedAt": 1_790_000_000_000_i64 + i64::from(n)});
        gateway
            .lock()
            .rows
            .insert(key(n), serde_json::from_value(row).unwrap());
    }
    let archive =
        json!({"sessions": [{"key": "agent:main:old", "label": "Old", "archived": true}], "hasMore": false});
    gateway
        .lock()
        .answers
        .insert("sessions.list".to_owned(), Ok(archive));
    let (stage, mut popup) = online(folder.path(), &desk, &gateway).await;
    popup
        .until("all of them and the archive", |m| {
            m.view.sessions.len() == 451 && m.view.sessions.iter().any(|s| s.archived && s.title == "Old")
        })
        .await;
    // Gone in the meantime, deep in the list.
    gateway.go_offline();
    gateway.lock().rows.remove(&key(3));
    popup
        .until("offline", |m| m.view.connection.word == ConnectionWord::Offline)
        .await;
    gateway.go_online();
    popup
        .until("one less", |m| {
            m.view.sessions.len() == 450 && !m.view.sessions.iter().any(|s| s.key == key(3))
        })
        .await;
    stage.quit().await;
    gateway.go_offline();
    let stage = with_store(folder.path(), &desk);
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("the same offline", |m| m.view.sessions.len() == 450)
        .await;
}

#[tokio::test]
async fn a_window_begins_with_the_newest_sessions_and_gets_the_others_at_once_after() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let key = |n: u32| format!("agent:main:chat-{n}");
    let count = 6_000;
    for n in 0..count {
        let row = json!({"key": key(n), "label": format!("Chat {n}"), "pinned": n == 7,
            "updatedAt": 1_790_000_000_000_i64 + i64::from(n)});
        let row = serde_json::from_value(row).unwrap();
        gateway.lock().rows.insert(key(n), row);
    }
    let (stage, mut popup) = online(folder.path(), &desk, &gateway).await;
    let all = |m: &crate::testing::Mirror| m.view.sessions.len() == count as usize;
    popup.until("all", all).await;
    stage
        .ask(Request::SetTarget {
            session: stage.session(&key(9)),
        })
        .await;
    let shown = |m: &crate::testing::Mirror| m.view.target.session == key(9);
    popup.until("an old one is shown", shown).await;

    let mut again = stage.subscribe(WindowKind::Popup);
    again.until("a snapshot", |m| m.revision == 1).await;
    let first: Vec<&str> = again.view.sessions.iter().map(|s| s.key.as_str()).collect();
    assert_eq!(
        first.len(),
        102,
        "a hundred, the pinned one and the one that is shown"
    );
    assert_eq!(first.first().copied(), Some(key(count - 1).as_str()));
    assert!(first.contains(&key(7).as_str()) && first.contains(&key(9).as_str()));
    // While the others are on their way, one goes and one gets another name.
    stage
        .ask(Request::DeleteSession {
            session: stage.session(&key(3)),
        })
        .await;
    stage
        .ask(Request::RenameSession {
            session: stage.session(&key(4)),
            label: "Renamed".to_owned(),
        })
        .await;
    // Under load the renamed one may have come before, and its name after.
    again
        .until("all but one, and the other by its new name", |m| {
            let mut rows = m.view.sessions.iter();
            m.view.sessions.len() == count as usize - 1
                && rows.any(|s| s.key == key(4) && s.title == "Renamed")
        })
        .await;
    assert!(!again.view.sessions.iter().any(|s| s.key == key(3)));
    let largest = again.wire.iter().map(String::len).max().unwrap_or_default();
    assert!(largest < 1_500_000, "{largest} bytes at once");
}

#[tokio::test]
async fn a_search_keeps_to_its_dates() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    gateway.store(MAIN, json!({"role": "user", "content": "Orchid, first."}));
    let between = gateway.lock().now_ms + 500;
    gateway.store(MAIN, json!({"role": "user", "content": "Orchid, second."}));
    let (stage, _popup) = online(folder.path(), &desk, &gateway).await;
    assert_eq!(found(&stage, "orchid").await.len(), 2);
    for (from_ms, until_ms, expected) in [(Some(between), None, "second"), (None, Some(between), "first")] {
        let request = Request::Search {
            gateway: stage.active(),
            query: "orchid".to_owned(),
            agent: None,
            session: None,
            from_ms,
            until_ms,
            limit: 20,
        };
        let hits: Vec<crate::api::SearchHit> = serde_json::from_value(stage.ask(request).await).unwrap();
        assert_eq!(hits.len(), 1);
        assert!(hits[0].snippet.contains(expected), "{}", hits[0].snippet);
    }
}

/// A text of about so many bytes that ends with a word of its own.
fn long_text(bytes: usize, end: &str) -> String {
    format!("{}{end}", "all work and no play. ".repeat(bytes / 22))
}

fn export(session: SessionRef) -> Request {
    Request::ExportSession {
        session,
        format: "markdown".to_owned(),
    }
}

#[tokio::test]
async fn a_reply_that_the_gateway_cuts_for_display_is_shown_kept_found_and_exported_whole() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    gateway.lock().display_cap = 8000;
    talk(&gateway);
    let (opened, told) = (long_text(20_000, "ostrich"), long_text(200_000, "penguin"));
    let reply =
        |run: &str, text: &str| json!({"role": "assistant", "content": text, "__openclaw": {"runId": run}});
    gateway.store(MAIN, reply("r3", &opened));
    let (stage, mut popup) = online(folder.path(), &desk, &gateway).await;
    popup
        .until("the whole reply", |m| {
            m.view
                .transcript
                .messages
                .iter()
                .any(|message| message.text == opened)
        })
        .await;
    // Another device's reply, in a session that no window shows, comes as an event.
    gateway.store(TRIP, reply("r4", &told));
    assert_eq!(found(&stage, "ostrich").await.len(), 1);
    assert_eq!(found(&stage, "penguin").await.len(), 1);
    for (session, text) in [(MAIN, &opened), (TRIP, &told)] {
        let written = stage.ask(export(stage.session(session))).await;
        assert!(
            written.to_string().contains(text.as_str()),
            "the export of {session} is cut"
        );
    }
    stage.quit().await;

    // The gateway is away: the copy has all of it.
    gateway.go_offline();
    let stage = with_store(folder.path(), &desk);
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("the whole reply again", |m| {
            m.view
                .transcript
                .messages
                .iter()
                .any(|message| message.text == opened)
        })
        .await;
}

#[tokio::test]
async fn a_message_that_the_gateway_leaves_out_is_a_note_and_not_the_agents_words() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    gateway.lock().largest = 1000;
    talk(&gateway);
    gateway.store(
        MAIN,
        json!({"role": "assistant", "content": long_text(5000, "walrus"), "__openclaw": {"runId": "r3"}}),
    );
    let (stage, mut popup) = online(folder.path(), &desk, &gateway).await;
    let note = |m: &Mirror| {
        m.view
            .transcript
            .messages
            .last()
            .and_then(|last| last.cut.clone())
    };
    popup.until("the note", |m| note(m).is_some()).await;
    let cut = note(&popup).unwrap();
    assert!(cut.omitted);
    let text = format!("{:?}", popup.view);
    assert!(!text.contains("omitted: message"), "{text}");
    let written = stage.ask(export(stage.session(MAIN))).await.to_string();
    assert!(written.contains("> The gateway gave only a part"), "{written}");
    assert!(!written.contains("omitted: message"), "{written}");

    let request = Request::WholeMessage {
        session: stage.session(MAIN),
        message: cut.message,
    };
    let refused = stage.app.request(WindowKind::Popup, request.clone()).await;
    assert_eq!(refused.unwrap_err().code, "refused");
    // The owner of the gateway raised its limit: the same button gets the text.
    gateway.lock().largest = usize::MAX;
    stage.ask(request).await;
    popup
        .until("the whole text", |m| {
            let last = m.view.transcript.messages.last();
            last.is_some_and(|last| last.text.ends_with("walrus") && last.cut.is_none())
        })
        .await;
}
