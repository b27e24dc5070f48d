use super::*;

#[tokio::test(start_paused = true)]
async fn a_prompt_its_streamed_reply_and_the_notification() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    stage.app.hotkey_pressed();
    popup
        .until("shown", |m| m.signals.last() == Some(&Signal::Shown))
        .await;
    assert_eq!(popup.view.target.session, MAIN);
    let id = stage.send("hello").await;
    popup
        .until("the gateway has it", |m| {
            m.lines() == ["User Done: hello"] && m.view.outbox.is_empty()
        })
        .await;
    gateway.begin(MAIN, &id, &["Hel", "lo", " you"]);
    popup
        .until("streamed", |m| {
            m.lines()
                .last()
                .is_some_and(|l| l == "Assistant Streaming: Hello you")
        })
        .await;
    assert_eq!(popup.view.transcript.run.as_ref().unwrap().phase, "replying");
    let tray = desk
        .until("working", |d| {
            d.tray.last().filter(|t| t.sign == TraySign::Working).cloned()
        })
        .await;
    assert!(tray.tooltip.contains("1 run"), "{}", tray.tooltip);
    stage.ask(Request::HideWindow).await;
    assert!(desk.lock().shown.is_empty());
    gateway.finish(MAIN, &id, "Hello you.");
    let note = desk.until("notified", |d| d.shown.last().cloned()).await;
    assert_eq!(
        (note.title.as_str(), note.body.as_str()),
        ("Main chat", "Hello you.")
    );
    assert_eq!(note.actions, [NotificationAction::Reply]);
    popup
        .until("done", |m| {
            m.lines() == ["User Done: hello", "Assistant Done: Hello you."]
        })
        .await;
    assert!(popup.view.transcript.run.is_none());
    respond(&stage, &note.tag, NotificationResponseKind::Clicked);
    let reveal = Signal::Reveal {
        message: format!("run:{id}"),
    };
    popup.until("revealed", |m| m.signals.contains(&reveal)).await;
    desk.until("the popup is open", |d| d.visible.contains("popup").then_some(()))
        .await;
    desk.until("well again", |d| {
        (d.tray.last()?.sign == TraySign::Well).then_some(())
    })
    .await;
    assert_eq!(desk.lock().shown.len(), 1, "one reply, one notification");
    stage.quit().await;
    assert!(gateway.lock().closed);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_whole_list_leaves_a_run_and_its_transcript_alone() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    stage.app.hotkey_pressed();
    popup
        .until("shown", |m| m.signals.last() == Some(&Signal::Shown))
        .await;
    gateway.begin(MAIN, "r1", &["Half"]);
    popup
        .until("streaming", |m| m.lines() == ["Assistant Streaming: Half"])
        .await;
    // What is read after every connect has been read by then; the clock is a pretended one.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = gateway.lock().histories;
    let (gone, new) = ("agent:main:gone", "agent:main:new");
    for (row, after) in [(gone, new), (new, gone)] {
        let rows = [MAIN, row].map(|key| {
            let row = clawtray_gateway_protocol::SessionRow {
                key: key.into(),
                ..Default::default()
            };
            (key.to_owned(), row)
        });
        gateway.lock().rows = rows.into();
        gateway.emit(crate::gateway::GatewayEvent::SessionsChanged {
            reason: Some("delete".to_owned()),
        });
        let has = |m: &crate::testing::Mirror, key: &str| m.view.sessions.iter().any(|s| s.key == key);
        popup
            .until("the list was read", |m| has(m, row) && !has(m, after))
            .await;
    }
    assert_eq!(gateway.lock().histories, before, "no transcript was read");
    assert_eq!(popup.lines(), ["Assistant Streaming: Half"]);
    gateway.finish(MAIN, "r1", "Half and half.");
    popup
        .until("done", |m| m.lines() == ["Assistant Done: Half and half."])
        .await;
    stage.quit().await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_in_view_is_not_notified_and_another_session_is() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    stage.app.hotkey_pressed();
    popup
        .until("shown", |m| m.signals.last() == Some(&Signal::Shown))
        .await;
    gateway.reply(MAIN, "r1", "Seen.");
    popup
        .until("seen", |m| m.lines() == ["Assistant Done: Seen."])
        .await;
    gateway.reply("agent:main:telegram:direct:7", "r2", "From afar.");
    let note = desk.until("notified", |d| d.shown.last().cloned()).await;
    assert_eq!(
        (note.title.as_str(), note.body.as_str()),
        ("Telegram chat", "From afar.")
    );
    assert_eq!(desk.lock().shown.len(), 1);
    // Replied inline: it goes to that session, the notification is gone, and what waits in the prompt there stays.
    let session = stage.session("agent:main:telegram:direct:7");
    let text = "half a thought".to_owned();
    stage
        .ask(Request::SaveDraft {
            session: session.clone(),
            text,
        })
        .await;
    respond(
        &stage,
        &note.tag,
        NotificationResponseKind::Replied("ok then".to_owned()),
    );
    desk.until("withdrawn", |d| d.withdrawn.contains(&note.tag).then_some(()))
        .await;
    for _ in 0..50 {
        if !gateway.lock().received.is_empty() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let prompt = gateway.lock().received[0].clone();
    assert_eq!(
        (prompt.session.as_str(), prompt.text.as_str()),
        ("agent:main:telegram:direct:7", "ok then")
    );
    stage.ask(Request::SetTarget { session }).await;
    popup
        .until("the draft", |m| m.view.target.draft == "half a thought")
        .await;
}

#[tokio::test(start_paused = true)]
async fn written_offline_sent_once_when_back() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    gateway.go_offline();
    popup
        .until("offline", |m| m.view.connection.word == ConnectionWord::Offline)
        .await;
    assert_eq!(popup.view.connection.next_step, NextStep::TryNow);
    assert!(popup.view.connection.retry_at_ms.is_some());
    let first = stage.send("one").await;
    let second = stage.send("two").await;
    let third = stage.send("three").await;
    popup.until("queued", |m| m.view.outbox.len() == 3).await;
    assert_eq!(
        popup.lines(),
        ["User Queued: one", "User Queued: two", "User Queued: three"]
    );
    stage.ask(Request::CancelQueued { id: third }).await;
    popup.until("taken back", |m| m.view.outbox.len() == 2).await;
    assert!(popup.signals.contains(&Signal::Prefill {
        session: stage.session(MAIN),
        text: "three".to_owned()
    }));
    gateway.go_online();
    popup.until("sent", |m| m.view.outbox.is_empty()).await;
    let keys: Vec<String> = gateway
        .lock()
        .received
        .iter()
        .map(|p| p.idempotency_key.clone())
        .collect();
    assert_eq!(keys, [first, second], "in order, each once");
    popup
        .until("shown once", |m| {
            m.lines() == ["User Done: one", "User Done: two"]
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_starts_no_second_run() {
    for taken in [true, false] {
        let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
        let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
        gateway
            .lock()
            .sends
            .push_back((taken, CallError::Disconnected { written: true }));
        let id = stage.send("once").await;
        popup
            .until("delivered", |m| {
                m.view.outbox.is_empty() && m.lines() == ["User Done: once"]
            })
            .await;
        {
            let inner = gateway.lock();
            assert_eq!(inner.runs.iter().collect::<Vec<_>>(), [&id]);
            assert!(inner.received.iter().all(|prompt| prompt.idempotency_key == id));
            assert_eq!(inner.received.len(), if taken { 1 } else { 2 });
        }
        stage.quit().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_queued_prompt_survives_a_restart() {
    let (folder, desk, gateway, shelf) = (
        folder(),
        Desk::default(),
        FakeGateway::online(),
        MemoryShelf::default(),
    );
    desk.put_gateway("ws://home", &gateway);
    let stage = Stage::start(folder.path(), &desk, Bare::default(), shelf.clone());
    let known = [stage.add("Home", "ws://home", "secret").await];
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup.until("connected", |m| m.view.target.session == MAIN).await;
    gateway.go_offline();
    popup
        .until("offline", |m| m.view.connection.word == ConnectionWord::Offline)
        .await;
    let id = stage.send("later").await;
    stage
        .ask(Request::SaveDraft {
            session: stage.session(MAIN),
            text: "half a thou".to_owned(),
        })
        .await;
    stage.quit().await;
    assert_eq!(shelf.items(&known[0]).len(), 1);

    let stage = Stage::start(folder.path(), &desk, Bare::default(), shelf.clone());
    stage
        .ask(Request::SetTarget {
            session: stage.session(MAIN),
        })
        .await;
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("still queued", |m| {
            m.view.outbox.len() == 1 && m.lines() == ["User Queued: later"]
        })
        .await;
    assert_eq!(popup.view.target.draft, "half a thou");
    gateway.go_online();
    popup.until("sent", |m| m.view.outbox.is_empty()).await;
    assert_eq!(gateway.lock().received.len(), 1);
    assert_eq!(gateway.lock().received[0].idempotency_key, id);
    assert!(shelf.items(&known[0]).is_empty());
    let history = stage
        .ask(Request::PromptHistory {
            gateway: stage.active(),
            limit: 5,
        })
        .await;
    assert_eq!(history, json!(["later"]));
}

#[tokio::test(start_paused = true)]
async fn a_refused_prompt_says_why_and_can_be_tried_again() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let refusal = clawtray_gateway_protocol::GatewayError {
        code: "INVALID_REQUEST".to_owned(),
        message: "unknown agent".to_owned(),
        details: None,
        retryable: None,
        retry_after_ms: None,
    };
    gateway
        .lock()
        .sends
        .push_back((false, CallError::Gateway(refusal)));
    let id = stage.send("hm").await;
    popup
        .until("failed", |m| {
            m.view
                .outbox
                .first()
                .is_some_and(|q| q.state == MessageState::Failed)
        })
        .await;
    assert_eq!(
        popup.view.transcript.messages[0].error.as_deref(),
        Some("unknown agent")
    );
    stage.ask(Request::RetryQueued { id: id.clone() }).await;
    popup
        .until("delivered", |m| {
            m.view.outbox.is_empty() && m.lines() == ["User Done: hm"]
        })
        .await;
    assert!(
        gateway
            .lock()
            .received
            .iter()
            .all(|prompt| prompt.idempotency_key == id)
    );
    let nothing = stage.app.request(
        WindowKind::Popup,
        Request::SendMessage {
            session: None,
            gateway: None,
            text: "  ".to_owned(),
            attachments: Vec::new(),
        },
    );
    assert_eq!(nothing.await.unwrap_err().code, "invalid");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_too_large_is_refused_before_it_is_sent() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, _popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let file = |mime_type: &str, bytes: usize| crate::api::AttachmentInput {
        name: "f".to_owned(),
        mime_type: mime_type.to_owned(),
        content: "A".repeat(bytes / 3 * 4),
    };
    for (file, expected) in [
        (file("image/png", 600_000), Some("The image is larger than 0 MB.")),
        (
            file("text/plain", 1_200_000),
            Some("The file is larger than 1 MB."),
        ),
        (file("text/plain", 600_000), None),
    ] {
        let request = Request::SendMessage {
            session: None,
            gateway: None,
            text: "see".to_owned(),
            attachments: vec![file],
        };
        let answer = stage.app.request(WindowKind::Popup, request).await;
        assert_eq!(answer.err().map(|error| error.message).as_deref(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn stop_names_the_run_and_hiding_does_not_stop() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let id = stage.send("long").await;
    popup.until("sent", |m| m.view.outbox.is_empty()).await;
    gateway.begin(MAIN, &id, &["a", "b"]);
    popup.until("streams", |m| m.view.transcript.run.is_some()).await;
    stage.ask(Request::HideWindow).await;
    assert!(gateway.lock().aborted.is_empty());
    stage
        .ask(Request::Stop {
            session: stage.session(MAIN),
        })
        .await;
    assert_eq!(gateway.lock().aborted, [(MAIN.to_owned(), Some(id))]);
}

#[tokio::test(start_paused = true)]
async fn deltas_reach_a_window_once_a_frame_and_none_is_lost() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let id = stage.send("go").await;
    popup.until("sent", |m| m.view.outbox.is_empty()).await;
    let before = popup.patches;
    let words: Vec<String> = (0..1000).map(|n| format!("w{n} ")).collect();
    let mut total = 0;
    for (n, word) in words.iter().enumerate() {
        total += word.len();
        let step = crate::gateway::RunStep::Delta {
            text: word.clone(),
            replace: false,
            total_bytes: Some(total),
        };
        gateway.step(MAIN, &id, n as u64 + 2, step);
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    let whole = words.concat();
    popup
        .until("all of it", |m| {
            m.view.transcript.messages.last().is_some_and(|m| m.text == whole)
        })
        .await;
    let patches = popup.patches - before;
    assert!(
        patches <= 1000 / 16 + 5,
        "{patches} patches for a second of deltas"
    );
    assert!(patches >= 10, "{patches} patches: it streams");
}

/// In real time: the end waits for the thread that writes.
#[tokio::test]
async fn the_store_on_disk_keeps_prompts_and_drafts() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    desk.put_gateway("ws://home", &gateway);
    let start = || {
        let none = Box::new(MemoryShelf::default());
        Stage::start_with(folder.path(), &desk, Bare::default(), none, |options| {
            options.shelf = None
        })
    };
    let stage = start();
    stage.add("Home", "ws://home", "secret").await;
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup.until("connected", |m| m.view.target.session == MAIN).await;
    gateway.go_offline();
    popup
        .until("offline", |m| m.view.connection.word == ConnectionWord::Offline)
        .await;
    let id = stage.send("kept").await;
    stage
        .ask(Request::SaveDraft {
            session: stage.session(MAIN),
            text: "half".to_owned(),
        })
        .await;
    stage.quit().await;
    let stage = start();
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("queued", |m| {
            m.view.outbox.len() == 1 && m.lines() == ["User Queued: kept"]
        })
        .await;
    assert_eq!(popup.view.target.draft, "half");
    gateway.go_online();
    popup.until("sent", |m| m.view.outbox.is_empty()).await;
    assert_eq!(gateway.lock().runs.iter().collect::<Vec<_>>(), [&id]);
    assert!(popup.view.notices.iter().all(|notice| notice.id != "store"));
}

#[tokio::test(start_paused = true)]
async fn runs_that_say_nothing_are_no_replies() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    gateway.store(MAIN, json!({"role": "user", "content": "Hello"}));
    gateway.store(MAIN, json!({"role": "assistant", "content": "Good morning."}));
    gateway.lock().rows.get_mut(MAIN).unwrap().unread = Some(false);
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let before = popup.lines();
    let wake = |session: &str| {
        gateway.store(
            session,
            json!({"role": "user", "content": "[OpenClaw heartbeat poll]"}),
        )
    };
    for (run, text) in [
        ("h1", "HEARTBEAT_OK"),
        ("h2", "NO_REPLY"),
        ("h3", "HEARTBEAT_OK, all quiet."),
    ] {
        wake(MAIN);
        gateway.reply(MAIN, run, text);
    }
    let beat = "agent:main:main:heartbeat";
    wake(beat);
    gateway.reply(beat, "h4", "Nothing new. HEARTBEAT_OK");
    // One that does say something is told; by then the others are through.
    wake(MAIN);
    gateway.reply(MAIN, "h5", "Your train is late.");
    desk.until("the one that says something", |d| {
        (!d.shown.is_empty()).then_some(())
    })
    .await;
    popup.until("shown", |m| m.lines().len() > before.len()).await;
    let told: Vec<String> = desk
        .lock()
        .shown
        .iter()
        .map(|shown| format!("{shown:?}"))
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("Your train is late."), "{told:?}");
    let lines = popup.lines();
    assert_eq!(lines[..before.len()], before[..]);
    assert_eq!(lines.len(), before.len() + 1, "{lines:?}");
    drop(stage);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_not_unread_because_of_a_heartbeat() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let trip = "agent:main:trip";
    gateway.store(trip, json!({"role": "assistant", "content": "Good morning."}));
    gateway.lock().rows.get_mut(trip).unwrap().unread = Some(false);
    let (_stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let session = |m: &crate::testing::Mirror| m.view.sessions.iter().find(|s| s.key == trip).cloned();
    popup.until("listed", |m| session(m).is_some()).await;
    gateway.begin(trip, "h1", &["HEARTBEAT_", "OK"]);
    gateway.store(
        trip,
        json!({"role": "user", "content": "[OpenClaw heartbeat poll]"}),
    );
    gateway.finish(trip, "h1", "HEARTBEAT_OK");
    let fields = json!({"unread": true, "lastMessagePreview": "[OpenClaw heartbeat poll]"});
    gateway.emit(crate::gateway::GatewayEvent::SessionChanged {
        session: trip.into(),
        reason: Some("message".to_owned()),
        delta: crate::gateway::SessionDelta::from(fields),
    });
    let read = |calls: &[(String, serde_json::Value)]| {
        let patch = json!({"key": trip, "unread": false});
        calls
            .iter()
            .any(|(method, params)| method == "sessions.patch" && *params == patch)
    };
    popup
        .until("read", |m| session(m).is_some_and(|s| !s.unread && !s.running))
        .await;
    for _ in 0..1000 {
        if read(&gateway.lock().calls) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(read(&gateway.lock().calls), "the gateway was not told");
    assert!(!session(&popup).unwrap().preview.contains("heartbeat"));
}
