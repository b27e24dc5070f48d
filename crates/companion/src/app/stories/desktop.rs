use super::*;

#[tokio::test(start_paused = true)]
async fn what_ended_while_away_is_told_once() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let shelf = MemoryShelf::default();
    desk.put_gateway("ws://home", &gateway);
    gateway.store(
        "agent:main:old",
        json!({"role":"assistant","content":"History.","__openclaw":{"runId":"r0"}}),
    );
    let stage = Stage::start(folder.path(), &desk, Bare::default(), shelf.clone());
    stage.add("Home", "ws://home", "secret").await;
    stage.ask(Request::HideWindow).await;
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup.until("sessions", |m| m.view.sessions.len() == 1).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(desk.lock().shown.is_empty(), "history is not news");

    // One reply: told as itself.
    gateway.go_offline();
    popup
        .until("offline", |m| m.view.connection.word == ConnectionWord::Offline)
        .await;
    gateway.reply("agent:main:telegram:direct:7", "r1", "Missed you.");
    gateway.go_online();
    let note = desk.until("told", |d| d.shown.last().cloned()).await;
    assert_eq!(
        (note.title.as_str(), note.body.as_str()),
        ("Telegram chat", "Missed you.")
    );

    // Told live just before the cut, stored with an earlier stamp: not told again.
    gateway.reply(MAIN, "r2", "Live.");
    desk.until("live", |d| (d.shown.last()?.body == "Live.").then_some(()))
        .await;
    for _ in 0..3 {
        gateway.go_offline();
        popup
            .until("offline", |m| m.view.connection.word == ConnectionWord::Offline)
            .await;
        gateway.go_online();
        popup
            .until("online", |m| m.view.connection.word == ConnectionWord::Ready)
            .await;
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert_eq!(desk.lock().shown.len(), 2);

    // Not running at all, and several: one digest.
    stage.quit().await;
    gateway.reply("agent:main:alpha", "r3", "A");
    gateway.reply("agent:main:beta", "r4", "B");
    gateway.reply(MAIN, "r5", "C");
    gateway.lock().closed = false;
    let stage = Stage::start(folder.path(), &desk, Bare::default(), shelf);
    let digest = desk.until("digest", |d| d.shown.get(2).cloned()).await;
    assert_eq!(digest.title, "3 replies while you were away");
    assert!(
        digest.body.contains("Alpha") && digest.body.contains("Beta"),
        "{}",
        digest.body
    );
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(desk.lock().shown.len(), 3);
    stage.quit().await;
}

#[tokio::test(start_paused = true)]
async fn read_elsewhere_withdraws() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (_stage, _popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let session = "agent:main:telegram:direct:7";
    let changed = |unread: bool| crate::gateway::GatewayEvent::SessionChanged {
        session: session.into(),
        reason: None,
        delta: json!({"session": {"key": session, "unread": unread}, "unread": unread}).into(),
    };
    gateway.reply(session, "r1", "Hi.");
    let note = desk.until("told", |d| d.shown.last().cloned()).await;
    // The change that comes right after the end of a run says "not unread" and withdraws nothing.
    gateway.emit(changed(false));
    gateway.emit(changed(true));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(desk.lock().withdrawn.is_empty());
    gateway.emit(changed(false));
    desk.until("withdrawn", |d| d.withdrawn.contains(&note.tag).then_some(()))
        .await;
}

#[tokio::test(start_paused = true)]
async fn quiet_mute_and_privacy_are_obeyed() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let session = "agent:main:telegram:direct:7";
    stage.set(json!({"keepWarmMinutes": 600})).await;
    stage.app.hotkey_pressed();
    stage.ask(Request::HideWindow).await;
    stage
        .ask(Request::MuteSession {
            session: stage.session(session),
            muted: true,
        })
        .await;
    gateway.reply(session, "r1", "muted");
    stage.app.tray(TrayAction::DoNotDisturbHour);
    gateway.reply("agent:main:b", "r2", "disturbed");
    desk.until("the tray says so", |d| {
        d.tray.last()?.tooltip.contains("Do not disturb").then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3601)).await;
    stage
        .set(json!({"notifications": {"quietFrom": "22:00", "quietTo": "07:00"}}))
        .await;
    desk.lock().local_minutes = 23 * 60;
    gateway.reply("agent:main:b", "r3", "night");
    popup
        .until("all heard", |m| {
            m.view.sessions.iter().any(|s| s.preview == "night")
        })
        .await;
    desk.lock().local_minutes = 600;
    assert!(desk.lock().shown.is_empty());
    stage.set(json!({"notifications": {"privacy": "sender"}})).await;
    gateway.reply("agent:main:b", "r4", "day");
    let note = desk.until("told", |d| d.shown.last().cloned()).await;
    assert_eq!(note.body, "New reply");
    assert!(popup.view.sessions.iter().any(|s| s.key == session && s.muted) || popup.patches > 0);
}

#[tokio::test(start_paused = true)]
async fn session_requests_speak_the_gateways_words() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let key = "agent:main:trip";
    gateway.store(key, json!({"role":"user","content":"Trip"}));
    stage
        .ask(Request::Reconnect {
            id: popup.view.gateways[0].id.clone(),
        })
        .await;
    gateway.emit(crate::gateway::GatewayEvent::Resync);
    popup
        .until("listed", |m| m.view.sessions.iter().any(|s| s.key == key))
        .await;
    gateway.lock().answers.insert(
        "sessions.create".to_owned(),
        Ok(json!({"ok":true,"key":"agent:main:copy"})),
    );
    let session = || stage.session(key);
    for (request, method, params) in [
        (
            Request::RenameSession {
                session: session(),
                label: " Trip ".into(),
            },
            "sessions.patch",
            json!({"key":key,"label":"Trip"}),
        ),
        (
            Request::RenameSession {
                session: session(),
                label: String::new(),
            },
            "sessions.patch",
            json!({"key":key,"label":null}),
        ),
        (
            Request::PinSession {
                session: session(),
                pinned: true,
            },
            "sessions.patch",
            json!({"key":key,"pinned":true}),
        ),
        (
            Request::ArchiveSession {
                session: session(),
                archived: true,
            },
            "sessions.patch",
            json!({"key":key,"archived":true}),
        ),
        (
            Request::SetSessionModel {
                session: session(),
                model: Some("fake/f1".into()),
                thinking: Some("low".into()),
            },
            "sessions.patch",
            json!({"key":key,"model":"fake/f1","thinkingLevel":"low"}),
        ),
        (
            Request::ResetSession { session: session() },
            "sessions.reset",
            json!({"key":key}),
        ),
        (
            Request::CompactSession { session: session() },
            "sessions.compact",
            json!({"key":key}),
        ),
        (
            Request::ForkSession { session: session() },
            "sessions.create",
            json!({"parentSessionKey":key,"fork":true,"agentId":"main"}),
        ),
        (
            Request::DeleteSession { session: session() },
            "sessions.delete",
            json!({"key":key,"deleteTranscript":true}),
        ),
        (
            Request::ListModels {
                gateway: stage.active(),
            },
            "models.list",
            json!({}),
        ),
        (
            Request::ListCommands {
                gateway: stage.active(),
            },
            "commands.list",
            json!({"scope":"text","includeArgs":true,"agentId":"main"}),
        ),
    ] {
        stage.ask(request).await;
        let last = gateway.lock().calls.last().cloned().unwrap();
        assert_eq!(last, (method.to_owned(), params));
    }
    popup
        .until("gone", |m| {
            !m.view.sessions.iter().any(|s| s.key == key && s.pinned)
        })
        .await;
}

/// Twenty cuts at arbitrary moments: before a run, in its middle, between its stored message and its end, after it.
#[tokio::test(start_paused = true)]
async fn twenty_cuts_and_every_reply_is_told_once() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (_stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let mut dice: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut roll = |sides: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % sides
    };
    for round in 0..20 {
        let (run, session) = (format!("r{round}"), format!("agent:main:talk{}", roll(3)));
        let text = format!("Reply {round}.");
        let cut = roll(5);
        let words = ["Reply ", "round"];
        for moment in 0..5 {
            if moment == cut {
                gateway.go_offline();
                popup
                    .until("cut", |m| m.view.connection.word == ConnectionWord::Offline)
                    .await;
            }
            match moment {
                0 => gateway.begin(&session, &run, &words[..1]),
                1 => gateway.begin(&session, &run, &words),
                2 => gateway.finish(&session, &run, &text),
                _ => tokio::time::sleep(Duration::from_millis(roll(700))).await,
            }
        }
        gateway.go_online();
        popup
            .until("back", |m| m.view.connection.word == ConnectionWord::Ready)
            .await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let told = desk.lock().shown.iter().filter(|note| note.body == text).count();
        assert_eq!(told, 1, "round {round}, cut at moment {cut}");
    }
    assert_eq!(desk.lock().shown.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn scripts_are_served_while_the_settings_say_so() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    assert_eq!(popup.view.bridge.state, "off");
    assert!(desk.lock().bridges.is_empty(), "nothing is served unasked");
    let change = |patch: serde_json::Value| Request::ChangeSettings { patch };
    let stands = |state: &'static str| move |m: &crate::testing::Mirror| m.view.bridge.state == state;

    desk.lock().taken_ports.insert(4000);
    stage
        .ask(change(serde_json::json!({ "bridge": true, "bridgePort": 4000 })))
        .await;
    popup.until("the port is taken", stands("failed")).await;
    assert_eq!(popup.view.bridge.sentence, "cannot listen there");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let tried = desk.lock().bridges.len();
    assert!(
        (2..10).contains(&tried),
        "now and then, {tried} times in a minute"
    );
    desk.lock().taken_ports.clear();
    popup.until("the port is free", stands("listening")).await;
    assert_eq!(popup.view.bridge.url, "http://bridge:4000");
    desk.lock().bridges.clear();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(desk.lock().bridges.is_empty(), "what is served is left alone");
    stage.ask(change(serde_json::json!({ "bridgePort": 4001 }))).await;
    popup
        .until("moved", |m| m.view.bridge.url == "http://bridge:4001")
        .await;
    let refused = stage
        .app
        .request(
            WindowKind::Settings,
            change(serde_json::json!({ "bridgePort": 80 })),
        )
        .await;
    assert_eq!(refused.unwrap_err().code, "invalid");

    // Away for a while: the same connection, and callers are told so by it.
    gateway.go_offline();
    popup
        .until("away", |m| m.view.connection.word != ConnectionWord::Ready)
        .await;
    assert_eq!(popup.view.bridge.state, "listening");
    stage.ask(change(serde_json::json!({ "bridge": false }))).await;
    popup.until("off", stands("off")).await;
    assert_eq!(desk.lock().bridges, [Some(4001), None]);
    stage.quit().await;
}

#[tokio::test(start_paused = true)]
async fn what_ends_while_the_desktop_wants_no_disturbance_is_told_after_it() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, _popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    stage.app.do_not_disturb(true);
    // Requests are taken in turn: once this one is answered, the switch was seen.
    stage.ask(Request::HideWindow).await;
    for (session, run) in [
        ("agent:main:a", "r-1"),
        ("agent:main:a", "r-2"),
        ("agent:main:b", "r-3"),
    ] {
        gateway.reply(session, run, &format!("Answer {run}."));
    }
    gateway.ask("ap-1", "agent:main:a", "ls");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(desk.lock().shown.is_empty(), "{:?}", desk.lock().shown);

    stage.app.do_not_disturb(false);
    let digest = desk.until("a digest", |d| d.shown.last().cloned()).await;
    assert_eq!(digest.title, "2 replies while you were away");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(desk.lock().shown.len(), 1);
    gateway.reply("agent:main:a", "r-4", "Told at once.");
    desk.until("as ever", |d| {
        d.shown.iter().find(|note| note.body == "Told at once.").map(drop)
    })
    .await;
    stage.quit().await;
}

#[tokio::test(start_paused = true)]
async fn a_report_tells_how_things_stand_and_nothing_that_is_anybodys() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, _popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let early = stage
        .app
        .request(WindowKind::Settings, Request::SaveDiagnostics)
        .await;
    assert_eq!(
        early.unwrap_err().code,
        "invalid",
        "it is read before it is saved"
    );
    gateway.reply("agent:main:canary-session", "r-1", "canary-message");
    desk.until("told", |d| d.shown.last().map(drop)).await;
    let mute = serde_json::json!({ "notifications": { "mutedSessions": ["agent:main:canary-session"] } });
    stage.ask(Request::ChangeSettings { patch: mute }).await;

    let report = stage.ask(Request::Diagnostics).await;
    let text = report["text"].as_str().unwrap().to_owned();
    for said in [
        "1. auto, elsewhere, not encrypted, active",
        ": ready, ",
        "\"mutedSessions\": 1",
        "## Log",
    ] {
        assert!(text.contains(said), "{said} in {text}");
    }
    for secret in ["canary", "secret", "ws://home", "Home"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let saved = stage.ask(Request::SaveDiagnostics).await;
    let path = saved["path"].as_str().unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), text);
    stage.quit().await;
}
