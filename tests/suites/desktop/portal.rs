//! The hotkey through the portal of a Wayland session.
//!
//! The windows are on X11 all the same, because the toolkit goes there when the named compositor
//! does not answer.

use super::{NOTE, Report};
use clawtray_companion::api::HotkeyView;
use clawtray_companion::control::{Address, AppStatus, Op, tell};
use product_tests::Stage;
use product_tests::portal::{Answer, Manners, Portal};
use product_tests::stage::{POPUP, StageConfig};
use product_tests::waiting::{Asked, asked};
use std::time::Duration;

fn wayland() -> [(&'static str, String); 2] {
    [
        ("WAYLAND_DISPLAY", "clawtray-no-compositor".to_owned()),
        ("GDK_BACKEND", "*".to_owned()),
    ]
}

/// A desktop whose portal has these manners.
async fn desktop(tray: bool, manners: Manners) -> (Stage, Portal) {
    let config = StageConfig {
        tray,
        ..StageConfig::default()
    };
    let stage = Stage::set(config).await.unwrap();
    let portal = Portal::start(stage.desktop.bus_address(), manners).await.unwrap();
    (stage, portal)
}

/// What the running app says of its hotkey.
fn hotkey(stage: &Stage) -> anyhow::Result<HotkeyView> {
    let runtime = stage
        .desktop
        .env()
        .iter()
        .find(|(name, _)| *name == "XDG_RUNTIME_DIR");
    let dir = std::path::Path::new(&runtime.unwrap().1).join("clawtray");
    let socket = dir.join("control.sock");
    let answer = tell(&Address { dir, socket }, Op::Status, Duration::from_secs(10))?;
    Ok(serde_json::from_value::<AppStatus>(answer)?.hotkey)
}

async fn wait_for_hotkey(stage: &Stage, state: &str, keys: &str) {
    asked(&format!("the hotkey: {state} {keys}"), || async {
        Ok(match hotkey(stage) {
            Ok(view) if view.state == state && view.keys == keys => Asked::There(()),
            Ok(view) => Asked::NotYet(format!("{view:?}")),
            Err(error) => Asked::NotYet(error.to_string()),
        })
    })
    .await
    .unwrap();
}

/// Presses once, when the app says that it has the keys, and sees the popup.
async fn press_brings_popup(stage: &Stage, portal: &Portal) {
    portal.press("toggle").await.unwrap();
    stage.wait_for_popup().unwrap();
}

#[tokio::test]
async fn the_portal_is_told_who_asks_before_anything_is_asked() {
    let (stage, portal) = desktop(true, Manners::default()).await;
    let _report = Report(&stage);
    let _app = stage.start_app(&["--embedded", "--hidden"], &wayland()).unwrap();
    let shortcut = portal.wait_for_shortcut().await.unwrap();
    assert_eq!(
        (shortcut.id.as_str(), shortcut.preferred.as_str()),
        ("toggle", "CTRL+SHIFT+space")
    );
    assert!(shortcut.description.contains("Clawtray"), "{shortcut:?}");
    // The tray's look asks for dark or light on the same connection.
    portal
        .wait_for("the settings were read", |record| {
            record.calls.iter().any(|(_, call)| *call == "Read")
        })
        .await
        .unwrap();
    let record = portal.record();
    assert_eq!(record.registered, ["dev.clawtray.Clawtray"]);
    let calls = record.calls_of_caller_of("BindShortcuts");
    assert_eq!(calls.first(), Some(&"Register"), "{calls:?}");
    assert_eq!(
        calls.iter().filter(|call| **call == "Register").count(),
        1,
        "{calls:?}"
    );
    let strangers = record.calls.iter().map(|(caller, _)| caller);
    let strangers: std::collections::BTreeSet<_> = strangers.collect();
    assert_eq!(
        strangers.len(),
        1,
        "one connection, so one app: {:?}",
        record.calls
    );
}

#[tokio::test]
async fn the_desktop_entry_is_there_before_the_portal_looks_for_it() {
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    let entry = stage
        .desktop
        .home()
        .join(".local/share/applications/dev.clawtray.Clawtray.desktop");
    assert!(!entry.exists(), "the app starts for the first time");
    let manners = Manners {
        entry: Some(entry),
        ..Manners::default()
    };
    let portal = Portal::start(stage.desktop.bus_address(), manners).await.unwrap();
    let _app = stage.start_app(&["--embedded", "--hidden"], &wayland()).unwrap();
    portal.wait_for_shortcut().await.unwrap();
    let record = portal.record();
    assert_eq!(record.registered, ["dev.clawtray.Clawtray"]);
    let registrations = record.calls.iter().filter(|(_, call)| *call == "Register");
    assert_eq!(registrations.count(), 1, "{:?}", record.calls);
}

#[tokio::test]
async fn keys_that_gnome_binds_and_says_it_did_not_bring_the_popup() {
    let manners = Manners {
        answer: Answer::GrantOther("Press <Shift><Control>space"),
        says_failed: true,
        ..Manners::default()
    };
    let (stage, portal) = desktop(true, manners).await;
    let _report = Report(&stage);
    let _app = stage.start_app(&["--embedded", "--hidden"], &wayland()).unwrap();
    wait_for_hotkey(&stage, "active", "Ctrl+Shift+Space").await;
    press_brings_popup(&stage, &portal).await;
}

#[tokio::test]
async fn keys_that_plasma_knows_are_used_without_asking_again() {
    let manners = Manners {
        answer: Answer::Refuse,
        knows: Some(("toggle", "Meta+Space")),
        ..Manners::default()
    };
    let (stage, portal) = desktop(true, manners).await;
    let _report = Report(&stage);
    let _app = stage.start_app(&["--embedded", "--hidden"], &wayland()).unwrap();
    wait_for_hotkey(&stage, "active", "Meta+Space").await;
    press_brings_popup(&stage, &portal).await;
    assert!(portal.record().asked.is_empty(), "{:?}", portal.record().calls);
}

#[tokio::test]
async fn a_shortcut_without_a_key_is_not_said_to_work_until_the_user_sets_one() {
    let manners = Manners {
        answer: Answer::GrantOther(""),
        ..Manners::default()
    };
    let (stage, portal) = desktop(true, manners).await;
    let _report = Report(&stage);
    let popup = stage.start_controlled(&["--embedded"], &wayland()).await.unwrap();
    wait_for_hotkey(&stage, "unset", "").await;
    popup.wait_for_text(NOTE, "has set no key for it").await.unwrap();
    portal.set_keys("Ctrl+Alt+K").await.unwrap();
    wait_for_hotkey(&stage, "active", "Ctrl+Alt+K").await;
    popup.close().await.unwrap();
}

#[tokio::test]
async fn a_refused_shortcut_is_said_with_the_other_way_and_its_session_is_closed() {
    let manners = Manners {
        answer: Answer::Refuse,
        ..Manners::default()
    };
    let (stage, portal) = desktop(true, manners).await;
    let _report = Report(&stage);
    let popup = stage.start_controlled(&["--embedded"], &wayland()).await.unwrap();
    portal.wait_for_shortcut().await.unwrap();
    popup
        .wait_for_text(NOTE, "The desktop did not grant the hotkey.")
        .await
        .unwrap();
    popup.wait_for_text(NOTE, "clawctl toggle").await.unwrap();
    stage.picture("portal-refused").unwrap();
    // A session that is left open keeps the keys from all other programs.
    portal
        .wait_for("no session", |record| record.sessions.is_empty())
        .await
        .unwrap();
    popup.close().await.unwrap();
}

#[tokio::test]
async fn the_first_popup_waits_for_the_answer_to_the_desktops_dialog() {
    let manners = Manners {
        answer: Answer::NotYet,
        ..Manners::default()
    };
    let (stage, portal) = desktop(false, manners).await;
    let _report = Report(&stage);
    let _app = stage.start_app(&["--embedded"], &wayland()).unwrap();
    portal.wait_for_shortcut().await.unwrap();
    wait_for_hotkey(&stage, "asking", "Ctrl+Shift+Space").await;
    assert!(stage.desktop.visible_windows(POPUP).unwrap().is_empty());
    portal.answer(Answer::Grant);
    wait_for_hotkey(&stage, "active", "CTRL+SHIFT+space").await;
    stage.wait_for_popup().unwrap();
}

#[tokio::test]
async fn a_portal_that_is_started_again_is_asked_again() {
    let (stage, portal) = desktop(true, Manners::default()).await;
    let _report = Report(&stage);
    let _app = stage.start_app(&["--embedded", "--hidden"], &wayland()).unwrap();
    wait_for_hotkey(&stage, "active", "CTRL+SHIFT+space").await;
    portal.stop().await.unwrap();
    wait_for_hotkey(&stage, "unavailable", "Ctrl+Shift+Space").await;
    let portal = Portal::start(stage.desktop.bus_address(), Manners::default())
        .await
        .unwrap();
    wait_for_hotkey(&stage, "active", "CTRL+SHIFT+space").await;
    assert_eq!(portal.record().registered, ["dev.clawtray.Clawtray"]);
    press_brings_popup(&stage, &portal).await;
}
