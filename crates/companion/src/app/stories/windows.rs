use super::*;
use crate::ports::{HotkeyState, NoWindows};
use crate::testing::Mirror;

#[tokio::test(start_paused = true)]
async fn the_popup_comes_goes_and_is_let_go_of() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    stage.app.hotkey_pressed();
    popup
        .until("shown", |m| m.signals.last() == Some(&Signal::Shown))
        .await;
    stage.app.window_focused(WindowKind::Popup);
    stage.app.hotkey_pressed();
    popup
        .until("hidden", |m| m.signals.last() == Some(&Signal::Hidden))
        .await;
    stage.app.tray(TrayAction::TogglePopup);
    popup
        .until("shown again", |m| m.signals.last() == Some(&Signal::Shown))
        .await;
    stage.ask(Request::PinPopup { pinned: true }).await;
    stage.app.window_blurred(WindowKind::Popup);
    popup.until("pinned", |m| m.view.settings.popup_pinned).await;
    assert!(desk.lock().visible.contains("popup"), "pinned stays");
    stage.ask(Request::PinPopup { pinned: false }).await;
    stage.app.window_blurred(WindowKind::Popup);
    popup
        .until("hidden by blur", |m| m.signals.last() == Some(&Signal::Hidden))
        .await;
    assert!(desk.lock().released.is_empty());
    let warm = Duration::from_secs(60 * u64::from(popup.view.settings.keep_warm_minutes));
    tokio::time::sleep(warm - Duration::from_secs(1)).await;
    assert!(desk.lock().released.is_empty(), "kept warm");
    desk.until("let go", |d| d.released.contains(&"popup").then_some(()))
        .await;
    // Nothing is lost with it.
    gateway.reply(MAIN, "r1", "While you slept.");
    desk.until("told", |d| d.shown.last().cloned()).await;
    stage.app.hotkey_pressed();
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("there", |m| m.lines() == ["Assistant Done: While you slept."])
        .await;
}

#[tokio::test(start_paused = true)]
async fn without_tray_host_keychain_or_keys_a_window_is_reachable() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    desk.put_gateway("ws://home", &gateway);
    desk.lock().hotkey = Some(crate::ports::HotkeyState::Unavailable(
        "the desktop has no global hotkeys".to_owned(),
    ));
    let stage = Stage::start(folder.path(), &desk, Bare::default(), MemoryShelf::default());
    stage.add("Home", "ws://home", "secret").await;
    stage.quit().await;
    desk.lock().visible.clear();
    let stage = Stage::start(folder.path(), &desk, Bare::default(), MemoryShelf::default());
    stage.app.tray_host(false);
    stage.app.notifications_available(false);
    desk.until("a window", |d| d.visible.contains("popup").then_some(()))
        .await;
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("all is said", |m| {
            ["no-tray-host", "no-notifications", "hotkey-unavailable"]
                .iter()
                .all(|id| {
                    m.view
                        .notices
                        .iter()
                        .any(|notice| notice.id == *id && !notice.hint.is_empty())
                })
        })
        .await;
    let keys = "The hotkey could not be registered: the desktop has no global hotkeys.";
    assert_eq!(popup.view.hotkey.sentence, keys);
    assert!(popup.view.notices.iter().any(|notice| notice.sentence == keys));
    stage.app.window_blurred(WindowKind::Popup);
    stage
        .ask(Request::DismissNotice {
            id: "no-tray-host".to_owned(),
        })
        .await;
    assert!(
        desk.lock().visible.contains("popup"),
        "nothing could call it back, so it stays"
    );
    stage.app.tray_host(false);
    popup.until("said once", |m| m.view.notices.len() == 2).await;
    desk.lock().visible.clear();
    stage.app.deep_link("clawtray://");
    desk.until("started again", |d| d.visible.contains("popup").then_some(()))
        .await;
}

#[tokio::test(start_paused = true)]
async fn links_open_only_where_they_may() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, _popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    for (url, ok) in [
        ("https://example.org/a?b=c", true),
        ("mailto:a@example.org", true),
        ("javascript:alert(1)", false),
        ("file:///etc/passwd", false),
        ("https://user@example.org/", false),
        ("data:text/html,x", false),
        ("not a link", false),
    ] {
        let request = Request::OpenLink { url: url.to_owned() };
        assert_eq!(
            stage.app.request(WindowKind::Popup, request).await.is_ok(),
            ok,
            "{url}"
        );
    }
    assert_eq!(
        desk.lock().opened,
        ["https://example.org/a?b=c", "mailto:a@example.org"]
    );
}

#[tokio::test(start_paused = true)]
async fn starting_with_the_session_follows_the_settings() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    assert!(desk.lock().autostart.is_empty(), "nothing is touched unasked");
    let switch = |on: bool| Request::ChangeSettings {
        patch: serde_json::json!({ "autostart": on }),
    };
    stage.ask(switch(true)).await;
    desk.until("on", |d| (d.autostart == [true]).then_some(())).await;
    desk.lock().autostart_refused = Some("the folder is read-only".to_owned());
    stage.ask(switch(false)).await;
    let said = |m: &crate::testing::Mirror, sentence: &str| {
        m.view
            .notices
            .iter()
            .any(|notice| notice.id == "autostart" && notice.sentence.contains(sentence))
    };
    popup
        .until("said", |m| {
            said(m, "still starts at login: the folder is read-only")
        })
        .await;
    desk.lock().autostart_refused = None;
    stage.ask(switch(true)).await;
    popup.until("withdrawn", |m| m.view.notices.is_empty()).await;
    stage.quit().await;

    // The program may lie elsewhere since.
    desk.lock().autostart.clear();
    let _stage = Stage::start(folder.path(), &desk, Bare::default(), MemoryShelf::default());
    desk.until("on again", |d| (d.autostart == [true]).then_some(()))
        .await;
}

#[tokio::test(start_paused = true)]
async fn started_hidden_it_shows_a_window_only_where_no_tray_is() {
    let (folder, desk) = (folder(), Desk::default());
    let hidden = |options: &mut crate::app::Options| options.hidden = true;
    let start = || {
        let shelf = Box::new(MemoryShelf::default());
        Stage::start_with(folder.path(), &desk, Bare::default(), shelf, hidden)
    };
    let stage = start();
    stage.app.tray_host(true);
    desk.until("the sign", |d| d.tray.last().map(|_| ())).await;
    stage.quit().await;
    assert!(desk.lock().visible.is_empty(), "the tray says what is to be done");
    let stage = start();
    stage.app.tray_host(false);
    desk.until("a window", |d| d.visible.contains("popup").then_some(()))
        .await;
}

#[tokio::test(start_paused = true)]
async fn where_no_window_opens_the_desktop_is_told_and_a_click_tries_again() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, _popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    desk.lock().visible.clear();
    stage
        .app
        .no_windows(NoWindows::Broken("no such file\nor directory".to_owned()));
    let note = desk.until("told", |d| d.shown.last().cloned()).await;
    assert_eq!(note.title, "Clawtray cannot open its windows");
    assert!(
        note.body.starts_with("no such file or directory. Install"),
        "{}",
        note.body
    );
    respond(&stage, &note.tag, NotificationResponseKind::Clicked);
    desk.until("tried again", |d| d.visible.contains("popup").then_some(()))
        .await;
    stage.app.no_windows(NoWindows::OtherVersion);
    let note = desk
        .until("what helps", |d| {
            d.shown
                .last()
                .filter(|shown| shown.body.contains("start it again"))
                .cloned()
        })
        .await;
    assert_eq!(note.title, "Clawtray cannot open its windows");
}

#[tokio::test(start_paused = true)]
async fn a_window_that_has_not_come_has_shown_nothing() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, _) = Stage::connected(folder.path(), &desk, &gateway).await;
    stage.app.unsubscribe(WindowKind::Popup);
    gateway.reply(MAIN, "r1", "First.");
    let note = desk.until("told", |d| d.shown.last().cloned()).await;
    // Asked for, and visible as far as the desktop says, but no page is there to show anything.
    stage.app.hotkey_pressed();
    desk.until("asked for", |d| d.visible.contains("popup").then_some(()))
        .await;
    gateway.reply(MAIN, "r2", "Second.");
    desk.until("told, too", |d| (d.shown.len() == 2).then_some(()))
        .await;
    assert_eq!(desk.lock().shown[1].body, "Second.");
    assert!(!desk.lock().withdrawn.contains(&note.tag));
    let _popup = stage.subscribe(WindowKind::Popup);
    desk.until("seen", |d| d.withdrawn.contains(&note.tag).then_some(()))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_hotkey_that_the_system_calls_otherwise_is_bound_once() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    desk.lock().hotkey = Some(HotkeyState::Active {
        keys: "Press Ctrl+Shift+Space".to_owned(),
    });
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    popup
        .until("bound", |m| m.view.hotkey.keys == "Press Ctrl+Shift+Space")
        .await;
    stage.set(json!({ "theme": "dark" })).await;
    stage.set(json!({ "language": "de" })).await;
    assert_eq!(desk.lock().keys, ["Ctrl+Shift+Space"]);
    stage.set(json!({ "hotkey": "Ctrl+Alt+K" })).await;
    desk.until("bound anew", |d| {
        (d.keys == ["Ctrl+Shift+Space", "Ctrl+Alt+K"]).then_some(())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_mail_link_carries_no_more_than_a_letter_begins_with() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, _popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    for (link, opened) in [
        ("mailto:ann@example.org", "mailto:ann@example.org"),
        (
            "mailto:ann@example.org?subject=C++%20%26%20Rust&body=one%0D%0Atwo&attach=/etc/passwd&bcc=eve@example.org",
            "mailto:ann@example.org?subject=C++%20%26%20Rust&body=one%0D%0Atwo",
        ),
        ("mailto:?Attach=/etc/passwd#x", "mailto:"),
        (
            "mailto:a@b.example?subject=x%0ABcc:eve@example.org&to=c@d.example",
            "mailto:a@b.example?to=c@d.example",
        ),
    ] {
        stage.ask(Request::OpenLink { url: link.to_owned() }).await;
        assert_eq!(desk.lock().opened.last().map(String::as_str), Some(opened));
    }
}

/// An app that was set up before and is started again, with its settings open.
async fn started_again(folder: &tempfile::TempDir, desk: &Desk, gateway: &FakeGateway) -> (Stage, Mirror) {
    desk.put_gateway("ws://home", gateway);
    let stage = Stage::start(folder.path(), desk, Bare::default(), MemoryShelf::default());
    stage.add("Home", "ws://home", "secret").await;
    stage.quit().await;
    desk.lock().visible.clear();
    desk.lock().hotkey = Some(HotkeyState::Pending);
    let stage = Stage::start(folder.path(), desk, Bare::default(), MemoryShelf::default());
    let settings = stage.subscribe(WindowKind::Settings);
    (stage, settings)
}

#[tokio::test(start_paused = true)]
async fn the_first_popup_does_not_cover_the_desktops_dialog_about_the_hotkey() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut settings) = started_again(&folder, &desk, &gateway).await;
    stage.app.hotkey_state(HotkeyState::Asking);
    settings.until("asked", |m| m.view.hotkey.state == "asking").await;
    // There is no tray either: the popup is the first thing that is to be seen.
    stage.app.tray_host(false);
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    assert!(!desk.lock().visible.contains("popup"));
    stage.app.hotkey_state(HotkeyState::NotGranted);
    desk.until("the popup", |d| d.visible.contains("popup").then_some(()))
        .await;
    settings
        .until("said", |m| {
            m.view.hotkey.state == "refused"
                && m.view.hotkey.sentence == "The desktop did not grant the hotkey."
        })
        .await;
    assert_eq!(stage.app.status().hotkey.state, "refused");
}

#[tokio::test(start_paused = true)]
async fn a_desktop_that_says_nothing_of_the_hotkey_does_not_hold_up_the_first_popup() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut settings) = started_again(&folder, &desk, &gateway).await;
    stage.app.tray_host(false);
    desk.until("the popup", |d| d.visible.contains("popup").then_some(()))
        .await;
    stage.app.hotkey_state(HotkeyState::Unset);
    settings
        .until("no key", |m| {
            m.view.hotkey.state == "unset" && m.view.notices.iter().any(|notice| notice.id == "hotkey-unset")
        })
        .await;
    stage.app.hotkey_state(HotkeyState::Active {
        keys: "Super+K".to_owned(),
    });
    settings
        .until("a key was chosen", |m| {
            m.view.hotkey.keys == "Super+K"
                && !m.view.notices.iter().any(|notice| notice.id == "hotkey-unset")
        })
        .await;
}
