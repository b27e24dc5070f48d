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
