use super::*;

#[tokio::test(start_paused = true)]
async fn first_run_shows_what_was_found_and_asks() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    desk.put_gateway("ws://127.0.0.1:4000", &gateway);
    let around = Bare {
        variables: vec![("HOME", "/h".to_owned())],
        files: vec![(
            "/h/.openclaw/openclaw.json",
            "{gateway:{port:4000,auth:{token:'canary-token-1'}}}".to_owned(),
        )],
        // It announces itself, too, and is shown once; the other one comes behind it.
        announced: [
            ("Here", "ws://127.0.0.1:4000"),
            ("Cellar", "wss://192.168.1.9:18789"),
        ]
        .map(|(name, url)| crate::nearby::Nearby {
            name: name.to_owned(),
            url: url.to_owned(),
        })
        .to_vec(),
    };
    let stage = Stage::start(folder.path(), &desk, around, MemoryShelf::default());
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup.until("found", |m| m.view.found.len() == 2).await;
    assert_eq!(
        (
            popup.view.found[1].name.as_str(),
            popup.view.found[1].source.as_str()
        ),
        ("Cellar", "the local network")
    );
    desk.until("the popup shows by itself", |d| {
        d.visible.contains("popup").then_some(())
    })
    .await;
    let found = popup.view.found[0].clone();
    assert_eq!(
        (found.url.as_str(), found.has_token),
        ("ws://127.0.0.1:4000", true)
    );
    assert_eq!(popup.view.connection.word, ConnectionWord::None);
    assert!(
        desk.lock().secrets.is_empty() && desk.lock().requests.is_empty(),
        "nothing before the user says so"
    );
    stage.set(json!({ "language": "es" })).await;
    popup
        .until("Spanish", |m| {
            let found = &m.view.found;
            found[0].name == "Este equipo" && found[1].source == "la red local"
        })
        .await;
    stage
        .ask(Request::AcceptFoundGateway {
            id: found.id,
            session_only: false,
        })
        .await;
    popup
        .until("connected", |m| {
            m.view.connection.word == ConnectionWord::Ready && m.view.found.len() == 1
        })
        .await;
    assert_eq!(popup.view.gateways[0].name, "Este equipo");
    let profile = popup.view.gateways[0].id.clone();
    let secrets = desk.lock().secrets.clone();
    assert_eq!(secrets[&(profile.clone(), "gateway-token")], "canary-token-1");
    assert!(
        !secrets[&(profile.clone(), "device-key")].is_empty(),
        "made on the first connect"
    );
    // The gateway issues a token for this device.
    let request = desk.lock().requests.last().unwrap().clone();
    let token = crate::ports::Secret::new("canary-device-token");
    request
        .issued
        .send(crate::ports::IssuedToken {
            profile: profile.clone(),
            token,
        })
        .unwrap();
    desk.until("kept", |d| {
        d.secrets.get(&(profile.clone(), "device-token")).cloned()
    })
    .await;
    stage.send("hi").await;
    popup
        .until("sent", |m| m.view.outbox.is_empty() && m.lines().len() == 1)
        .await;
    for key in [
        "canary-token-1",
        "canary-device-token",
        &secrets[&(profile, "device-key")],
    ] {
        assert!(
            !popup.wire.iter().any(|update| update.contains(key)),
            "a secret crossed to the window"
        );
        for entry in walk(folder.path()) {
            assert!(
                !std::fs::read_to_string(&entry).unwrap_or_default().contains(key),
                "a secret is in {entry:?}"
            );
        }
        let debug = format!("{:?}", desk.lock().requests);
        assert!(!debug.contains(key));
    }
    stage.quit().await;
    // The second start asks nothing.
    let stage = Stage::start(folder.path(), &desk, Bare::default(), MemoryShelf::default());
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("connected again", |m| {
            m.view.connection.word == ConnectionWord::Ready
        })
        .await;
    let requests = desk.lock().requests.clone();
    let (first, last) = (requests.first().unwrap(), requests.last().unwrap());
    assert_eq!(first.device_key, last.device_key, "the same device");
    assert_eq!(
        last.device_token.as_ref().unwrap().expose(),
        "canary-device-token"
    );
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(walk(&path))
        } else {
            all.push(path)
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn a_locked_keychain_is_said_and_can_be_gone_around() {
    for error in [SecretError::Locked, SecretError::Absent, SecretError::Timeout] {
        let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
        desk.put_gateway("ws://home", &gateway);
        let stage = Stage::start(folder.path(), &desk, Bare::default(), MemoryShelf::default());
        let id = stage.add("Home", "ws://home", "secret").await;
        stage.quit().await;
        let made = desk.lock().requests.len();
        desk.lock().keychain = Some(error.clone());
        let stage = Stage::start(folder.path(), &desk, Bare::default(), MemoryShelf::default());
        let mut popup = stage.subscribe(WindowKind::Popup);
        popup
            .until("said", |m| {
                m.view.connection.word == crate::connection::keychain_word(&error)
            })
            .await;
        assert_eq!(popup.view.connection.next_step, NextStep::UnlockKeychain);
        assert_eq!(desk.lock().requests.len(), made, "no attempt without the secrets");
        assert_eq!(
            popup.view.notices.iter().any(|n| n.id == "no-keychain"),
            error == SecretError::Absent
        );
        // Storing a new one fails with a code; for this session only it works.
        let add = |session_only| Request::SetGatewayToken {
            id: id.clone(),
            token: "t2".to_owned(),
            session_only,
        };
        let refused = stage
            .app
            .request(WindowKind::Popup, add(false))
            .await
            .unwrap_err();
        assert!(refused.code.starts_with("keychain-"), "{}", refused.code);
        if error == SecretError::Locked {
            desk.lock().keychain = None;
            stage.ask(Request::RetryKeychain { id: id.clone() }).await;
        } else {
            stage.ask(add(true)).await;
        }
        popup
            .until("connected", |m| m.view.connection.word == ConnectionWord::Ready)
            .await;
        let token = desk.lock().requests.last().unwrap().token.clone().unwrap();
        assert_eq!(
            token.expose(),
            if error == SecretError::Locked {
                "secret"
            } else {
                "t2"
            }
        );
        let files: Vec<_> = walk(folder.path());
        assert!(
            files
                .iter()
                .all(|file| !std::fs::read_to_string(file).unwrap().contains("t2\""))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_keychain_that_opens_later_is_read_without_being_asked_to() {
    for error in [SecretError::Locked, SecretError::Absent, SecretError::Timeout] {
        let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
        desk.put_gateway("ws://home", &gateway);
        let stage = Stage::start(folder.path(), &desk, Bare::default(), MemoryShelf::default());
        stage.add("Home", "ws://home", "secret").await;
        stage.quit().await;
        let word = crate::connection::keychain_word(&error);
        desk.lock().keychain = Some(error);
        let stage = Stage::start(folder.path(), &desk, Bare::default(), MemoryShelf::default());
        let mut popup = stage.subscribe(WindowKind::Popup);
        let blocked = |m: &crate::testing::Mirror| m.view.connection.word == word;
        popup.until("said", blocked).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(blocked(&popup), "it waits as long as it takes");
        desk.lock().keychain = None;
        popup
            .until("connected", |m| m.view.connection.word == ConnectionWord::Ready)
            .await;
        let token = desk.lock().requests.last().unwrap().token.clone().unwrap();
        assert_eq!(token.expose(), "secret");
    }
}

/// Counts warnings of this thread.
#[derive(Clone, Default)]
struct Warnings(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::WARN
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_keychain_that_refuses_for_good_is_asked_ever_less_and_logged_once() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    desk.put_gateway("ws://home", &gateway);
    let stage = Stage::start(folder.path(), &desk, Bare::default(), MemoryShelf::default());
    let id = stage.add("Home", "ws://home", "secret").await;
    stage.quit().await;
    {
        let mut inner = desk.lock();
        inner.keychain = Some(SecretError::Refused("two entries".into()));
        inner.keychain_open = true;
        inner.keychain_reads = 0;
        inner.person_asked = 0;
    }
    let warnings = Warnings::default();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    let logged = || warnings.0.load(std::sync::atomic::Ordering::SeqCst);
    let stage = Stage::start(folder.path(), &desk, Bare::default(), MemoryShelf::default());
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("said", |m| {
            m.view.connection.next_step == NextStep::UnlockKeychain
        })
        .await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let reads = desk.lock().keychain_reads;
    assert!((8..30).contains(&reads), "{reads} times in an hour");
    assert_eq!(logged(), 1);
    assert_eq!(desk.lock().person_asked, 0);
    // A click is a new beginning, and may ask for a password.
    stage.ask(Request::RetryKeychain { id }).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((desk.lock().person_asked, logged()), (1, 2));
    // Another reason is news.
    desk.lock().keychain = Some(SecretError::Refused("not yours".into()));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(logged(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_the_keychain_gave_once_is_known_until_the_end() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    desk.put_gateway("ws://home", &gateway);
    let stage = Stage::start(folder.path(), &desk, Bare::default(), MemoryShelf::default());
    let id = stage.add("Home", "ws://home", "secret").await;
    let mut popup = stage.subscribe(WindowKind::Popup);
    let ready = |m: &crate::testing::Mirror| m.view.connection.word == ConnectionWord::Ready;
    popup.until("connected", ready).await;
    let key = desk.lock().requests.last().unwrap().device_key.clone().unwrap();
    let signed_in_as_before = || {
        let inner = desk.lock();
        let last = inner.requests.last().unwrap();
        assert_eq!(last.token.as_ref().unwrap().expose(), "secret");
        assert_eq!(
            last.device_key.as_ref().unwrap().expose(),
            key.expose(),
            "the same device"
        );
        inner.requests.len()
    };
    let connect_again = |on| Request::SetFullControl { id: id.clone(), on };

    // Locked meanwhile: nobody notices.
    desk.lock().keychain = Some(SecretError::Locked);
    stage.ask(connect_again(true)).await;
    desk.until("a connection", |d| (d.requests.len() == 2).then_some(()))
        .await;
    signed_in_as_before();
    popup.until("connected", ready).await;
    assert!(popup.view.notices.is_empty(), "{:?}", popup.view.notices);

    // Emptied meanwhile: it works on, says so, and writes nothing back unasked.
    desk.lock().keychain = None;
    desk.lock().secrets.clear();
    stage.ask(connect_again(false)).await;
    desk.until("a connection", |d| (d.requests.len() == 3).then_some(()))
        .await;
    signed_in_as_before();
    let notice = format!("keychain-emptied-{id}");
    popup
        .until("said", |m| {
            ready(m) && m.view.notices.iter().any(|n| n.id == notice)
        })
        .await;
    assert!(desk.lock().secrets.is_empty(), "{:?}", desk.lock().secrets.keys());

    // A token entered again is stored, and that is that.
    let token = Request::SetGatewayToken {
        id: id.clone(),
        token: "new".to_owned(),
        session_only: false,
    };
    stage.ask(token).await;
    popup
        .until("settled", |m| ready(m) && m.view.notices.is_empty())
        .await;
    let token = desk.lock().requests.last().unwrap().token.clone().unwrap();
    assert_eq!(token.expose(), "new");
}

#[tokio::test(start_paused = true)]
async fn pairing_says_its_command_and_goes_on_by_itself() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::default());
    gateway.pause(PauseReason::PairingPending {
        request_id: Some("req-1".to_owned()),
        reason: None,
        hint: None,
    });
    desk.put_gateway("ws://home", &gateway);
    let stage = Stage::start(folder.path(), &desk, Bare::default(), MemoryShelf::default());
    let id = stage.add("Home", "ws://home", "secret").await;
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("pairing", |m| m.view.connection.word == ConnectionWord::Pairing)
        .await;
    assert_eq!(
        popup.view.connection.command.as_deref(),
        Some("openclaw devices approve req-1")
    );
    desk.until("the tray says so", |d| {
        (d.tray.last()?.sign == TraySign::NeedsSignIn).then_some(())
    })
    .await;
    stage.ask(Request::Reconnect { id }).await;
    assert_eq!(gateway.lock().reconnects, 1);
    gateway.go_online();
    popup
        .until("on", |m| m.view.connection.word == ConnectionWord::Ready)
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_resume_looks_at_what_may_have_passed_and_not_at_a_refused_sign_in() {
    let (folder, desk) = (folder(), Desk::default());
    let (portal, locked) = (FakeGateway::online(), FakeGateway::default());
    desk.put_gateway("ws://portal", &portal);
    desk.put_gateway("ws://locked", &locked);
    locked.pause(PauseReason::AuthRequired {
        code: "AUTH_TOKEN_MISMATCH".to_owned(),
        next_step: None,
    });
    let stage = Stage::start(folder.path(), &desk, Bare::default(), MemoryShelf::default());
    stage.add("Locked", "ws://locked", "secret").await;
    stage.add("Portal", "ws://portal", "secret").await;
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("on", |m| m.view.connection.word == ConnectionWord::Ready)
        .await;
    portal.pause(PauseReason::Refused {
        code: "HTTP_302".to_owned(),
        message: "the server answered with HTTP 302".to_owned(),
    });
    popup
        .until("stopped", |m| m.view.connection.word == ConnectionWord::Refused)
        .await;
    stage.app.resume();
    desk.until("asked for", |_| (portal.lock().reconnects == 1).then_some(()))
        .await;
    assert_eq!(locked.lock().reconnects, 0);
}

#[tokio::test(start_paused = true)]
async fn the_trays_try_now_reconnects_the_gateway_in_use_and_no_other() {
    let (folder, desk) = (folder(), Desk::default());
    let (home, cellar) = (FakeGateway::online(), FakeGateway::online());
    desk.put_gateway("ws://home", &home);
    desk.put_gateway("ws://cellar", &cellar);
    let stage = Stage::start(folder.path(), &desk, Bare::default(), MemoryShelf::default());
    let id = stage.add("Home", "ws://home", "secret").await;
    stage.add("Cellar", "ws://cellar", "secret").await;
    stage.ask(Request::UseGateway { id }).await;
    let offered = |tray: &crate::ports::TrayModel| {
        tray.menu.iter().find_map(|item| {
            let TrayItem::Action { label, action } = item else {
                return None;
            };
            (label == "Try now").then(|| action.clone())
        })
    };
    desk.until("well", |d| (d.tray.last()?.sign == TraySign::Well).then_some(()))
        .await;
    assert_eq!(offered(desk.lock().tray.last().unwrap()), None);
    home.go_offline();
    let action = desk.until("offered", |d| offered(d.tray.last()?)).await;
    stage.app.tray(action);
    desk.until("asked for", |_| (home.lock().reconnects == 1).then_some(()))
        .await;
    assert_eq!(cellar.lock().reconnects, 0);
}

#[tokio::test(start_paused = true)]
async fn the_environment_is_taken_for_one_session_only_when_told_to() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    desk.put_gateway("ws://127.0.0.1:4001", &gateway);
    let around = Bare {
        variables: vec![
            ("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:4001".to_owned()),
            ("OPENCLAW_GATEWAY_TOKEN", "canary-env".to_owned()),
        ],
        ..Bare::default()
    };
    let shelf = Box::new(MemoryShelf::default());
    let stage = Stage::start_with(folder.path(), &desk, around, shelf, |options| {
        options.accept_environment = true
    });
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("connected", |m| m.view.connection.word == ConnectionWord::Ready)
        .await;
    assert!(desk.lock().secrets.is_empty());
    assert_eq!(
        desk.lock().requests[0].token.as_ref().unwrap().expose(),
        "canary-env"
    );
    stage.quit().await;
    assert!(
        walk(folder.path())
            .iter()
            .all(|file| !std::fs::read_to_string(file).unwrap().contains("canary-env"))
    );
    let stage = Stage::start(folder.path(), &desk, Bare::default(), MemoryShelf::default());
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("nothing is left", |m| {
            m.revision == 1 && m.view.gateways.is_empty()
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_built_in_gateway_starts_by_option_and_by_request() {
    for by_option in [true, false] {
        let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
        desk.put_gateway("ws://embedded", &gateway);
        let shelf = Box::new(MemoryShelf::default());
        let stage = Stage::start_with(folder.path(), &desk, Bare::default(), shelf, |o| {
            o.embedded = by_option
        });
        if !by_option {
            stage.ask(Request::UseEmbeddedGateway).await;
        }
        let mut popup = stage.subscribe(WindowKind::Popup);
        popup
            .until("connected", |m| m.view.connection.word == ConnectionWord::Ready)
            .await;
        assert!(popup.view.gateways[0].embedded && popup.view.gateways[0].active);
        assert!(
            desk.lock().secrets.is_empty(),
            "its token lives as long as it does"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn two_gateways_are_watched_and_one_is_shown() {
    let (folder, desk) = (folder(), Desk::default());
    let (home, ops) = (FakeGateway::online(), FakeGateway::online());
    desk.put_gateway("ws://ops", &ops);
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &home).await;
    let first = popup.view.gateways[0].id.clone();
    let second = stage.add("Ops", "ws://ops", "t").await;
    popup
        .until("the new one is shown", |m| m.view.connection.gateway == "Ops")
        .await;
    stage.ask(Request::UseGateway { id: first.clone() }).await;
    popup
        .until("the first is shown", |m| m.view.connection.gateway == "Home")
        .await;
    popup
        .until("both ready", |m| {
            m.view
                .gateways
                .iter()
                .all(|g| g.connection.word == ConnectionWord::Ready)
        })
        .await;
    ops.reply(MAIN, "r1", "Deployed.");
    let note = desk.until("notified", |d| d.shown.last().cloned()).await;
    assert_eq!(note.body, "Deployed.");
    assert!(
        popup.view.transcript.messages.is_empty(),
        "it is not of this gateway"
    );
    respond(&stage, &note.tag, NotificationResponseKind::Clicked);
    popup
        .until("there", |m| {
            m.view.connection.gateway == "Ops" && m.lines() == ["Assistant Done: Deployed."]
        })
        .await;
    stage.ask(Request::RemoveGateway { id: second.clone() }).await;
    popup
        .until("one left", |m| {
            m.view.gateways.len() == 1 && m.view.connection.gateway == "Home"
        })
        .await;
    assert!(ops.lock().closed);
    assert!(desk.lock().secrets.keys().all(|(profile, _)| *profile != second));
}

#[tokio::test(start_paused = true)]
async fn down_for_long_is_told_and_so_is_back() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (_stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    gateway.go_offline();
    popup
        .until("offline", |m| m.view.connection.word == ConnectionWord::Offline)
        .await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    gateway.go_online();
    popup
        .until("online", |m| m.view.connection.word == ConnectionWord::Ready)
        .await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(desk.lock().shown.is_empty(), "a short gap is not told");
    gateway.go_offline();
    let note = desk.until("told", |d| d.shown.last().cloned()).await;
    assert_eq!(note.title, "Home is not reachable");
    gateway.go_online();
    desk.until("back", |d| {
        (d.shown.last()?.title == "Home is back").then_some(())
    })
    .await;
    assert_eq!(desk.lock().shown.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn full_control_is_asked_for_only_when_the_person_allows_it() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let id = popup.view.gateways[0].id.clone();
    assert!(!popup.view.gateways[0].full_control);
    assert!(desk.lock().requests.iter().all(|request| !request.full_control));
    for on in [true, false] {
        stage.ask(Request::SetFullControl { id: id.clone(), on }).await;
        popup
            .until("told", |m| m.view.gateways[0].full_control == on)
            .await;
        desk.until("connected anew", |d| {
            d.requests
                .last()
                .is_some_and(|request| request.full_control == on)
                .then_some(())
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_written_before_the_first_contact_waits() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::default());
    gateway.go_offline();
    desk.put_gateway("ws://home", &gateway);
    let stage = Stage::start(folder.path(), &desk, Bare::default(), MemoryShelf::default());
    stage.add("Home", "ws://home", "secret").await;
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("offline", |m| m.view.connection.word == ConnectionWord::Offline)
        .await;
    let words = Request::SendMessage {
        session: None,
        gateway: None,
        text: "Remember me".to_owned(),
        attachments: Vec::new(),
    };
    stage.app.request(WindowKind::Popup, words).await.unwrap();
    popup
        .until("it waits where it is seen", |m| {
            m.view.outbox.len() == 1 && m.view.outbox[0].session == m.view.target.session
        })
        .await;
    gateway.go_online();
    desk.until("sent once", |_| {
        (gateway.lock().received.len() == 1).then_some(())
    })
    .await;
    popup.until("taken", |m| m.view.outbox.is_empty()).await;
    assert_eq!(gateway.lock().runs.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_environments_token_is_tried_where_the_configured_one_is_refused() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::default());
    gateway.pause(PauseReason::AuthRequired {
        code: "AUTH_TOKEN_MISMATCH".to_owned(),
        next_step: None,
    });
    desk.put_gateway("ws://127.0.0.1:19001", &gateway);
    let config = "{gateway: {port: 19001, auth: {token: 'A'}}}".to_owned();
    let around = Bare {
        variables: vec![
            ("HOME", "/h".to_owned()),
            ("OPENCLAW_GATEWAY_TOKEN", "B".to_owned()),
        ],
        files: vec![("/h/.openclaw/openclaw.json", config)],
        ..Bare::default()
    };
    let stage = Stage::start(folder.path(), &desk, around, MemoryShelf::default());
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup.until("found", |m| m.view.found.len() == 1).await;
    let id = popup.view.found[0].id.clone();
    let session_only = false;
    stage.ask(Request::AcceptFoundGateway { id, session_only }).await;
    let tokens = |requests: &[crate::ports::ConnectRequest]| -> Vec<String> {
        let sent = requests.iter().filter_map(|request| request.token.as_ref());
        sent.map(|token| token.expose().to_owned()).collect()
    };
    desk.until("the other one", |d| {
        (tokens(&d.requests) == ["A", "B"]).then_some(())
    })
    .await;
    // Once: what is refused then is for the person.
    popup
        .until("the person is asked", |m| {
            m.view.connection.word == ConnectionWord::SignIn
        })
        .await;
    assert_eq!(tokens(&desk.lock().requests), ["A", "B"]);
}

#[tokio::test(start_paused = true)]
async fn a_placeholder_is_no_token_wherever_it_is_typed() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, _popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let id = stage.add("Other", "ws://other", "secret").await;
    for typed in ["__OPENCLAW_REDACTED__", " undefined ", "null"] {
        let add = Request::AddGateway {
            dialect: None,
            name: "Third".to_owned(),
            url: "ws://third".to_owned(),
            token: Some(typed.to_owned()),
            session_only: false,
        };
        let set = Request::SetGatewayToken {
            id: id.clone(),
            token: typed.to_owned(),
            session_only: false,
        };
        for request in [add, set] {
            let refused = stage.app.request(WindowKind::Popup, request).await.unwrap_err();
            let hint = refused.hint.as_deref().unwrap_or_default();
            assert!(hint.contains("openclaw gateway auth-token --show"), "{refused:?}");
        }
    }
    assert!(
        !desk
            .lock()
            .secrets
            .values()
            .any(|secret| secret.contains("REDACTED"))
    );
}
