//! The program with the windows: there while a window is, and not missed by what waits in the tray when it dies.

use super::Report;
use product_tests::app;
use product_tests::stage::{POPUP, StageConfig};
use product_tests::waiting::{Asked, PATIENCE, asked};
use product_tests::{Live, Stage, leaks};
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

/// As far as the system keeps a program's name.
const PROGRAM: &str = "clawtray-webvie";

fn name(process: u32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    name.trim().to_owned()
}

/// What runs below the app and draws.
pub(super) fn programs(app: u32) -> Vec<String> {
    let all = leaks::below(app).unwrap().into_iter().map(name);
    all.filter(|name| name == PROGRAM || name.starts_with("WebKit"))
        .collect()
}

/// The program with the windows.
pub(super) fn program(app: u32) -> anyhow::Result<Option<u32>> {
    Ok(leaks::below(app)?.into_iter().find(|id| name(*id) == PROGRAM))
}

/// Waits until nothing below the app draws.
async fn wait_for_none(app: u32) {
    asked("an app without windows", || async {
        let all = programs(app);
        Ok(if all.is_empty() {
            Asked::There(())
        } else {
            Asked::NotYet(format!("{all:?}"))
        })
    })
    .await
    .unwrap();
}

/// Types a prompt into the popup, again until the model has it: nobody tells when the page has the keys.
async fn ask(stage: &Stage, live: &Live, text: &str) {
    asked(text, || async {
        stage.desktop.press("ctrl+a")?;
        stage.desktop.press("BackSpace")?;
        stage.desktop.type_text(text)?;
        stage.desktop.press("Return")?;
        for _ in 0..100 {
            if live.model.seen().iter().any(|seen| seen.user_text.contains(text)) {
                return Ok(Asked::There(()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(Asked::NotYet("nothing came".into()))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn they_come_with_the_first_go_with_the_last_and_may_die() {
    let live = Live::start(Value::Null).unwrap();
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    let settings = stage.desktop.home().join(".config/clawtray/settings.json");
    std::fs::create_dir_all(settings.parent().unwrap()).unwrap();
    std::fs::write(&settings, r#"{"version":1,"keepWarmMinutes":0}"#).unwrap();
    let mut app = stage
        .start_app(&["--accept-environment", "--hidden"], &live.env())
        .unwrap();
    let tray = stage.tray().unwrap();
    let item = tray.wait_for_item().await.unwrap();
    let connected = |look: &product_tests::tray::ItemLook| look.tooltip().contains("connected");
    tray.wait_for_look("connected", &item, connected).await.unwrap();
    assert_eq!(programs(app.id()), [""; 0], "before the first window");

    stage.press_hotkey().unwrap();
    stage.wait_for_popup().unwrap();
    ask(&stage, &live, "[[say:One.]] The first question.").await;
    let first = program(app.id()).unwrap().expect("the windows' program");
    stage.press_hotkey().unwrap();
    stage.wait_for_no_popup().unwrap();
    wait_for_none(app.id()).await;

    // Made anew it has what it had, and it may die as no program should: what waits in the tray goes on.
    stage.press_hotkey().unwrap();
    stage.wait_for_popup().unwrap();
    ask(&stage, &live, "[[say:Two.]] The second question.").await;
    let second = program(app.id()).unwrap().expect("another one");
    assert_ne!(first, second);
    assert!(
        Command::new("kill")
            .args(["-9", &second.to_string()])
            .status()
            .unwrap()
            .success()
    );
    stage.wait_for_no_popup().unwrap();
    wait_for_none(app.id()).await;
    assert!(app.exit_status().unwrap().is_none());
    tray.wait_for_look("still connected", &item, connected)
        .await
        .unwrap();
    stage.press_hotkey().unwrap();
    stage.wait_for_popup().unwrap();
    ask(&stage, &live, "[[say:Three.]] The third question.").await;
    stage.picture("windows-after-a-death").unwrap();

    // The app itself may die, too: no window is left without it.
    let left = program(app.id()).unwrap().expect("a third one");
    assert!(
        Command::new("kill")
            .args(["-9", &app.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    stage.wait_for_no_popup().unwrap();
    asked("the end of the windows", || async {
        Ok(if name(left) == PROGRAM {
            Asked::NotYet(format!("{left} runs"))
        } else {
            Asked::There(())
        })
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn without_the_program_the_desktop_is_told() {
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    let alone = stage.desktop.dir().join("alone");
    std::fs::create_dir_all(&alone).unwrap();
    let program = alone.join("clawtray");
    std::fs::copy(app::binary().unwrap(), &program).unwrap();
    let mut command = stage.desktop.command(&program);
    command.args(["--embedded", "--hidden"]);
    let mut process = stage.desktop.spawn(app::LOG, &mut command).unwrap();
    let tray = stage.tray().unwrap();
    let item = tray.wait_for_item().await.unwrap();
    let connected = |look: &product_tests::tray::ItemLook| look.tooltip().contains("connected");
    tray.wait_for_look("connected", &item, connected).await.unwrap();

    stage.press_hotkey().unwrap();
    let notifications = stage.notifications().unwrap();
    let told = notifications
        .wait_for("what is wrong", |shown| {
            shown.summary.contains("cannot open its windows")
        })
        .await
        .unwrap();
    assert!(told.body.contains("Install Clawtray again"), "{}", told.body);
    assert!(stage.desktop.visible_windows(POPUP).unwrap().is_empty());
    assert!(process.exit_status().unwrap().is_none(), "the tray goes on");

    // Once it is there again, a click on what was said opens the window.
    let windows = app::binary().unwrap().with_file_name("clawtray-webview");
    std::fs::copy(windows, alone.join("clawtray-webview")).unwrap();
    notifications.activate(told.id, "default").await.unwrap();
    stage.desktop.wait_for_window(POPUP, PATIENCE).unwrap();

    // By hand it is of no use, and says so.
    let by_hand = stage
        .desktop
        .command(alone.join("clawtray-webview"))
        .output()
        .unwrap();
    assert!(!by_hand.status.success());
    let said = String::from_utf8_lossy(&by_hand.stderr);
    assert!(said.contains("started by clawtray"), "{said}");
}
