//! The app in a desktop session: keyboard, popup, notifications, tray, keyring.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a test stops where something is wrong"
)]

#[path = "desktop/hostile.rs"]
mod hostile;
#[path = "desktop/hotkey.rs"]
mod hotkey;
#[path = "desktop/keyring.rs"]
mod keyring;
#[path = "desktop/notifications.rs"]
mod notifications;
#[path = "desktop/portal.rs"]
mod portal;
#[path = "desktop/session_end.rs"]
mod session_end;
#[path = "desktop/start_up.rs"]
mod start_up;
#[path = "desktop/tray.rs"]
mod tray;
#[path = "desktop/windows.rs"]
mod windows;

use clawtray_lab::{DesktopConfig, Keyring};
use product_tests::stage::StageConfig;
use product_tests::waiting::{Asked, asked};
use product_tests::{Live, Stage, Webview, app, leaks};
use serde_json::Value;

/// A reply that is complete.
const ANSWER: &str = "article.answer:not([aria-busy=true])";
/// A line that says what is missing.
const NOTE: &str = ".note";

/// Takes the gateway that the app found, as the first run offers it.
async fn accept_found_gateway(popup: &Webview) {
    popup.wait_for_text(".first .offer", "127.0.0.1").await.unwrap();
    popup.click(".first .offer button").await.unwrap();
}

/// Shows what the app said when a test fails.
struct Report<'a>(&'a Stage);

impl Drop for Report<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.picture(&format!(
                "failed-{}",
                std::thread::current().name().unwrap_or("test")
            ));
            println!("--- what the app said:\n{}", app::said(&self.0.desktop));
        }
    }
}

/// The page uses families that are there, not names that the engine has to look up for each size and weight.
async fn assert_fonts_have_their_own_names(stage: &Stage, page: &Webview) {
    let mono = fixed_width_family(stage);
    let look = "const style = getComputedStyle(document.documentElement);
        return ['ui', 'mono'].map((kind) => style.getPropertyValue(`--font-${kind}`).replaceAll('\\\\', ''));";
    asked("fonts by their own names", || async {
        // The page may not have started yet.
        let fonts: Vec<String> = serde_json::from_value(page.run(look, Vec::new()).await?)?;
        let named = fonts[0].ends_with(", system-ui, sans-serif") && fonts[1].starts_with(&mono);
        Ok(if named {
            Asked::There(())
        } else {
            Asked::NotYet(format!("{mono}: {fonts:?}"))
        })
    })
    .await
    .unwrap();
}

/// What fontconfig has for letters of one width.
fn fixed_width_family(stage: &Stage) -> String {
    let mut command = stage.desktop.command("fc-match");
    let found = command
        .args(["--format=%{family[0]}", "monospace"])
        .output()
        .unwrap();
    let mono = String::from_utf8(found.stdout).unwrap();
    assert!(!mono.is_empty(), "fc-match says nothing");
    mono
}

#[tokio::test]
async fn hotkey_prompt_reply_notification_and_tray_with_the_real_gateway() {
    let mut live = Live::start(Value::Null).unwrap();
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    let popup = stage.start_controlled(&[], &live.env()).await.unwrap();
    assert_fonts_have_their_own_names(&stage, &popup).await;
    stage.picture("1-first-run").unwrap();
    accept_found_gateway(&popup).await;

    let tray = stage.tray().unwrap();
    let item = stage.wait_for_connection().await.unwrap();
    let connected = |look: &product_tests::tray::ItemLook| look.tooltip().contains("connected");

    popup.wait_for_text(".chips", "Main").await.unwrap();

    // Away first, so that it is the hotkey that brings it.
    stage.press_hotkey().unwrap();
    stage.wait_for_no_popup().unwrap();
    stage.press_hotkey().unwrap();
    stage.wait_for_popup().unwrap();
    stage.wait_for_focus(&popup).await.unwrap();

    stage
        .ask(&popup, "[[say:This came from the model.]] Hello?")
        .await
        .unwrap();
    let reply = popup
        .wait_for_text(ANSWER, "This came from the model.")
        .await
        .unwrap();
    assert!(!reply.contains("[["), "{reply}");
    assert!(
        live.model
            .seen()
            .iter()
            .any(|seen| seen.user_text.contains("Hello?"))
    );
    stage.picture("2-reply").unwrap();
    let notifications = stage.notifications().unwrap();
    assert!(
        notifications.record().shown.is_empty(),
        "nobody is told of what is in view"
    );

    // Hidden while the reply is under way: one notification when it ends.
    stage
        .ask(
            &popup,
            "[[say:The second reply has ended.]] [[n:4]] [[hold:second]] And now?",
        )
        .await
        .unwrap();
    popup
        .wait_for_text("article.answer[aria-busy=true]", "The second")
        .await
        .unwrap();
    stage.desktop.press("Escape").unwrap();
    stage.wait_for_no_popup().unwrap();
    assert!(notifications.record().shown.is_empty());
    live.model.release("second");
    let shown = notifications
        .wait_for("the second reply", |_| true)
        .await
        .unwrap();
    assert!(shown.body.contains("The second reply has ended."), "{shown:?}");
    notifications.activate(shown.id, "default").await.unwrap();
    stage.wait_for_popup().unwrap();
    popup
        .wait_for_text("article.answer:last-of-type", "The second reply has ended.")
        .await
        .unwrap();
    stage.picture("3-after-the-notification").unwrap();
    assert_eq!(
        notifications.record().shown.len(),
        1,
        "{:?}",
        notifications.record().shown
    );

    // The sign follows the tooltip after a pause of its own, so each look is compared with the one before.
    let before = tray.look(&item).await.unwrap();
    live.gateway.stop().unwrap();
    let gone = tray
        .wait_for_look("offline", &item, |look| {
            !connected(look) && look.icon() != before.icon()
        })
        .await
        .unwrap();
    stage.picture("4-gateway-stopped").unwrap();
    live.gateway.start_again().unwrap();
    tray.wait_for_look("connected again", &item, |look| {
        connected(look) && look.icon() != gone.icon()
    })
    .await
    .unwrap();
    popup.close().await.unwrap();
}

#[tokio::test]
async fn token_is_in_the_keyring_and_nowhere_else() {
    const CANARY: &str = "canary-7f3a9c51e0d24b68";
    let live = Live::start_with_token(CANARY, Value::Null).unwrap();
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    // As loud as it gets: what is not in this log is in none.
    let mut env = live.env().to_vec();
    env.push(("CLAWTRAY_LOG", "trace".to_owned()));
    let popup = stage.start_controlled(&[], &env).await.unwrap();
    assert!(
        stage
            .desktop
            .search_secrets(&[("service", "clawtray")])
            .unwrap()
            .is_empty(),
        "nothing is stored unasked"
    );
    accept_found_gateway(&popup).await;
    popup.wait_for_text(".state", "connected").await.unwrap();
    stage.wait_for_focus(&popup).await.unwrap();
    stage.ask(&popup, "[[say:Hello from the model.]]").await.unwrap();
    popup
        .wait_for_text(ANSWER, "Hello from the model.")
        .await
        .unwrap();

    let stored = stage.desktop.search_secrets(&[("service", "clawtray")]).unwrap();
    assert!(
        stored.iter().any(|secret| secret == CANARY),
        "not in the keyring, among {} entries",
        stored.len()
    );
    let app = stage.app_process().unwrap();
    for secret in &stored {
        let files = leaks::in_files(stage.desktop.dir(), secret).unwrap();
        assert!(files.is_empty(), "a secret is in {files:?}");
        assert!(
            leaks::in_arguments(secret).unwrap().is_empty(),
            "a secret is among a program's arguments"
        );
        let children = leaks::in_environment_below(app, secret).unwrap();
        assert!(
            children.is_empty(),
            "a secret is in the environment of {children:?}"
        );
        let page = "return document.documentElement.outerHTML + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)
            + document.cookie + performance.getEntries().map((entry) => entry.name).join();";
        let page = popup.run(page, Vec::new()).await.unwrap().to_string();
        assert!(page.contains("Hello from the model."), "{page}");
        assert!(!page.contains(secret.as_str()), "a secret is in the webview");
    }
    assert!(
        !leaks::below(app).unwrap().is_empty(),
        "the webview has processes of its own"
    );
    popup.close().await.unwrap();
}

#[tokio::test]
async fn without_a_tray_host_it_says_so_and_the_hotkey_brings_the_popup() {
    let mut stage = Stage::set(StageConfig {
        tray: false,
        ..StageConfig::default()
    })
    .await
    .unwrap();
    {
        let _report = Report(&stage);
        let popup = stage.start_controlled(&["--embedded"], &[]).await.unwrap();
        popup.wait_for_text(NOTE, "no tray icons").await.unwrap();
        stage.picture("no-tray").unwrap();
        stage.press_hotkey().unwrap();
        stage.wait_for_no_popup().unwrap();
        stage.press_hotkey().unwrap();
        stage.wait_for_popup().unwrap();
        popup.close().await.unwrap();
    }
    // Started as a user does: a window is there without being asked for, and the tray is found when it comes late.
    let mut app = stage.start_app(&["--embedded"], &[]).unwrap();
    stage.wait_for_popup().unwrap();
    stage.bring_tray().await.unwrap();
    let _report = Report(&stage);
    stage.tray().unwrap().wait_for_item().await.unwrap();
    assert!(app.exit_status().unwrap().is_none(), "it runs on");
}

#[tokio::test]
async fn without_a_notification_daemon_it_says_so_and_answers() {
    let stage = Stage::set(StageConfig {
        notifications: false,
        ..StageConfig::default()
    })
    .await
    .unwrap();
    let _report = Report(&stage);
    let popup = stage.start_controlled(&["--embedded"], &[]).await.unwrap();
    popup.wait_for_text(NOTE, "no notifications").await.unwrap();
    stage.picture("no-notifications").unwrap();
    popup.wait_for_text(".state", "connected").await.unwrap();
    stage.wait_for_focus(&popup).await.unwrap();
    stage.ask(&popup, "Are you there?").await.unwrap();
    popup.wait_for_text(ANSWER, "demo agent").await.unwrap();
    popup.close().await.unwrap();
}

#[tokio::test]
async fn without_a_keyring_it_says_so_goes_on_for_the_session_and_writes_the_token_nowhere() {
    let live = Live::shared().unwrap();
    let desktop = DesktopConfig {
        keyring: Keyring::None,
        ..DesktopConfig::default()
    };
    let stage = Stage::set(StageConfig {
        desktop,
        ..StageConfig::default()
    })
    .await
    .unwrap();
    let _report = Report(&stage);
    let popup = stage.start_controlled(&[], &live.env()).await.unwrap();
    accept_found_gateway(&popup).await;
    popup.wait_for_text("body", "no keychain").await.unwrap();
    stage.picture("no-keyring").unwrap();
    popup.click(".first .check input").await.unwrap();
    accept_found_gateway(&popup).await;
    popup.wait_for_text(".state", "connected").await.unwrap();
    stage.picture("no-keyring-session-only").unwrap();
    let files = leaks::in_files(stage.desktop.dir(), live.gateway.token()).unwrap();
    assert!(files.is_empty(), "a token went to {files:?} instead");
    popup.close().await.unwrap();
}

#[tokio::test]
async fn without_its_hotkey_it_says_so_and_the_tray_brings_the_popup() {
    let desktop = DesktopConfig {
        taken_keys: vec!["C-S-space".into()],
        ..DesktopConfig::default()
    };
    let stage = Stage::set(StageConfig {
        desktop,
        ..StageConfig::default()
    })
    .await
    .unwrap();
    let _report = Report(&stage);
    let popup = stage.start_controlled(&["--embedded"], &[]).await.unwrap();
    popup
        .wait_for_text(NOTE, "Another program uses Ctrl+Shift+Space")
        .await
        .unwrap();
    stage.picture("no-hotkey").unwrap();
    stage.desktop.press("Escape").unwrap();
    stage.wait_for_no_popup().unwrap();
    let tray = stage.tray().unwrap();
    let item = tray.wait_for_item().await.unwrap();
    tray.click(&item).await.unwrap();
    stage.wait_for_popup().unwrap();
    popup.close().await.unwrap();
}
