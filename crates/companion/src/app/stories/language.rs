use super::*;

fn labels(items: &[TrayItem]) -> Vec<String> {
    let mut all = Vec::new();
    for item in items {
        match item {
            TrayItem::Action { label, .. } | TrayItem::Check { label, .. } | TrayItem::Label(label) => {
                all.push(label.clone());
            }
            TrayItem::Submenu { label, items } => {
                all.push(label.clone());
                all.extend(labels(items));
            }
            TrayItem::Separator => {}
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn tray_and_notifications_speak_the_system_s_language_until_another_is_chosen() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    desk.put_gateway("ws://home", &gateway);
    gateway.store(MAIN, json!({"role": "user", "content": "Hi."}));
    let shelf = Box::new(MemoryShelf::default());
    let stage = Stage::start_with(folder.path(), &desk, Bare::default(), shelf, |options| {
        options.system_language = Some("de_AT.UTF-8".to_owned());
    });
    let none = desk.until("a tray", |d| d.tray.last().cloned()).await;
    assert_eq!(none.tooltip, "Es ist noch kein Gateway eingerichtet.");
    stage.add("Home", "ws://home", "secret").await;
    stage.ask(Request::HideWindow).await;
    let tray = desk
        .until("connected", |d| {
            d.tray
                .last()
                .filter(|t| t.tooltip.starts_with("Home: verbunden"))
                .cloned()
        })
        .await;
    assert!(
        labels(&tray.menu).iter().any(|label| label == "Beenden"),
        "{:?}",
        tray.menu
    );

    gateway.ask("ap-1", MAIN, "rm -rf /tmp/x");
    let note = desk.until("asked", |d| d.shown.last().cloned()).await;
    assert_eq!(note.title, "Hauptchat bittet um Freigabe");
    let buttons: Vec<&str> = note.actions.iter().map(|action| note.label(action)).collect();
    assert_eq!(buttons, ["Einmal erlauben", "Ablehnen"]);

    let mut browser = stage.subscribe(WindowKind::Browser);
    stage.set(json!({ "language": "ja" })).await;
    let tray = desk
        .until("Japanese", |d| {
            d.tray
                .last()
                .filter(|t| t.tooltip.starts_with("Home: 接続済み"))
                .cloned()
        })
        .await;
    assert!(
        labels(&tray.menu).iter().any(|label| label == "一度だけ承認"),
        "{:?}",
        tray.menu
    );
    browser
        .until("its title", |m| {
            m.view.sessions.iter().any(|row| row.title == "メインチャット")
        })
        .await;

    // What nobody speaks here is said in English.
    stage.set(json!({ "language": "en" })).await;
    desk.until("English", |d| {
        d.tray
            .last()
            .filter(|t| t.tooltip.starts_with("Home: connected"))
            .map(|_| ())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn windows_are_told_in_their_language_why_a_request_fails_and_the_command_line_in_english() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    stage.set(json!({ "language": "es" })).await;
    let nothing = || Request::SendMessage {
        session: Some(stage.session(MAIN)),
        gateway: None,
        text: " ".to_owned(),
        attachments: Vec::new(),
    };
    let told = stage.app.request(WindowKind::Popup, nothing()).await.unwrap_err();
    assert_eq!(
        (told.code.as_str(), told.message.as_str()),
        ("invalid", "No hay nada que enviar.")
    );
    let told = stage.app.request(None, nothing()).await.unwrap_err();
    assert_eq!(told.message, "There is nothing to send.");

    let add = Request::TestGateway {
        url: "ftp://home".to_owned(),
        token: None,
        dialect: None,
    };
    let answer = stage.app.request(WindowKind::Settings, add).await.unwrap();
    assert_eq!(
        answer["message"],
        "La dirección debe empezar por ws, wss, http, https o ssh."
    );

    // Why a prompt was not taken stays with it.
    let larger = CallError::TooLarge {
        size: 9_000_000,
        limit: 8_000_000,
    };
    gateway.lock().sends.push_back((false, larger));
    stage.send("hm").await;
    popup
        .until("failed", |m| {
            let failed = m.view.outbox.first().and_then(|queued| queued.error.clone());
            failed.as_deref() == Some("El mensaje supera los 8 MB que admite el gateway.")
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_shown_already_is_said_again_in_another_language() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    stage.app.tray_host(false);
    stage.app.hotkey_state(crate::ports::HotkeyState::Taken);
    let said = |m: &crate::testing::Mirror, id: &str, word: &str| {
        let mut notices = m.view.notices.iter();
        notices.any(|notice| notice.id == id && notice.sentence.contains(word))
    };
    popup
        .until("both", |m| {
            said(m, "no-tray-host", "shows no tray icons") && said(m, "hotkey-taken", "Another program uses")
        })
        .await;
    stage.set(json!({ "language": "de" })).await;
    popup
        .until("both in German", |m| {
            said(m, "no-tray-host", "keine Symbole")
                && said(m, "hotkey-taken", "Ein anderes Programm")
                && m.view.hotkey.sentence.contains("Ein anderes Programm")
        })
        .await;
    // What was dismissed stays away.
    let dismiss = Request::DismissNotice {
        id: "no-tray-host".to_owned(),
    };
    stage.ask(dismiss).await;
    stage.set(json!({ "language": "es" })).await;
    popup
        .until("the other in Spanish", |m| {
            said(m, "hotkey-taken", "Otro programa") && !said(m, "no-tray-host", "")
        })
        .await;
}
