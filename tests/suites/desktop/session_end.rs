//! What becomes of the app when its session ends under it, or a part of it is started again.

use super::Report;
use product_tests::portal::{Manners, Portal};
use product_tests::stage::StageConfig;
use product_tests::{Stage, app};

/// The app has ended by itself and in good order: the last line of its log is its goodbye, and nothing is left behind.
async fn assert_ends(stage: &Stage, app: &mut product_tests::App) {
    let status = app.wait_for_end().await.unwrap();
    assert!(status.success(), "{status}");
    let said = app::said(&stage.desktop);
    assert!(said.trim_end().ends_with("ended"), "{said}");
    let socket = stage.desktop.dir().join("run/clawtray/control.sock");
    assert!(
        !socket.exists(),
        "a new session would find the socket of a dead app"
    );
}

#[tokio::test]
async fn the_app_ends_with_the_x_server() {
    let mut stage = Stage::set(StageConfig::default()).await.unwrap();
    let mut app = stage.start_app(&["--embedded", "--hidden"], &[]).unwrap();
    stage.wait_for_connection().await.unwrap();
    stage.desktop.stop_x_server().unwrap();
    let _report = Report(&stage);
    assert_ends(&stage, &mut app).await;
}

#[tokio::test]
async fn the_app_ends_with_the_session_bus() {
    let mut stage = Stage::set(StageConfig::default()).await.unwrap();
    let mut app = stage.start_app(&["--embedded", "--hidden"], &[]).unwrap();
    stage.wait_for_connection().await.unwrap();
    stage.desktop.stop_bus().unwrap();
    let _report = Report(&stage);
    assert_ends(&stage, &mut app).await;
}

#[tokio::test]
async fn a_bus_that_is_started_again_has_tray_notifications_and_hotkey_again() {
    let config = StageConfig {
        tray: false,
        notifications: false,
        ..StageConfig::default()
    };
    let mut stage = Stage::set(config).await.unwrap();
    let wayland = [
        ("WAYLAND_DISPLAY", "clawtray-no-compositor".to_owned()),
        ("GDK_BACKEND", "*".to_owned()),
    ];
    let first = Portal::start(stage.desktop.bus_address(), Manners::default())
        .await
        .unwrap();
    let mut app = stage.start_app(&["--embedded", "--hidden"], &wayland).unwrap();
    first.wait_for_shortcut().await.unwrap();
    stage.desktop.restart_bus().unwrap();
    stage.bring_tray().await.unwrap();
    let second = Portal::start(stage.desktop.bus_address(), Manners::default())
        .await
        .unwrap();
    let _report = Report(&stage);
    stage.tray().unwrap().wait_for_item().await.unwrap();
    second.wait_for_shortcut().await.unwrap();
    assert_eq!(second.record().registered, ["dev.clawtray.Clawtray"]);
    second
        .wait_for("bound", |record| {
            record.sessions.iter().any(|session| !session.bound.is_empty())
        })
        .await
        .unwrap();
    second.press("toggle").await.unwrap();
    stage.wait_for_popup().unwrap();
    assert!(app.exit_status().unwrap().is_none(), "it runs on");
}
