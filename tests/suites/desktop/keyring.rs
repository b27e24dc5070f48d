//! A keyring that is locked, that takes half a minute, or that is emptied while the app runs.

use super::{ANSWER, Report, accept_found_gateway};
use clawtray_lab::Keyring;
use product_tests::stage::StageConfig;
use product_tests::waiting::{Asked, asked};
use product_tests::{Live, Stage, Webview};

const OURS: [(&str, &str); 1] = [("service", "clawtray")];

/// Signs in once, so that the keyring holds what the next start needs.
async fn sign_in(stage: &Stage, live: &Live) {
    let popup = stage.start_controlled(&[], &live.env()).await.unwrap();
    accept_found_gateway(&popup).await;
    popup.wait_for_text(".state", "connected").await.unwrap();
    stored(stage, true).await;
    popup.close().await.unwrap();
}

/// Waits until the keyring holds secrets of ours, or none.
async fn stored(stage: &Stage, any: bool) {
    asked("what the keyring holds", || async {
        let held = stage.desktop.search_secrets(&OURS)?.len();
        Ok(if (held > 0) == any {
            Asked::There(())
        } else {
            Asked::NotYet(format!("{held} secrets"))
        })
    })
    .await
    .unwrap();
}

async fn answers(stage: &Stage, popup: &Webview, text: &str) {
    stage.wait_for_focus(popup).await.unwrap();
    stage.ask(popup, &format!("[[say:{text}]]")).await.unwrap();
    popup.wait_for_text(ANSWER, text).await.unwrap();
}

#[tokio::test]
async fn a_keyring_that_is_locked_or_slow_is_said_and_read_when_it_can_be() {
    let live = Live::shared().unwrap();
    let mut stage = Stage::set(StageConfig::default()).await.unwrap();
    sign_in(&stage, live).await;

    stage.desktop.start_keyring(Keyring::Locked).unwrap();
    let popup = stage.start_controlled(&[], &[]).await.unwrap();
    popup.wait_for_text("body", "keychain is locked").await.unwrap();
    stage.picture("keyring-locked").unwrap();
    // Opened elsewhere, as with the desktop's own dialog: nothing has to be pressed here.
    stage.desktop.start_keyring(Keyring::Unlocked).unwrap();
    popup.wait_for_text(".state", "connected").await.unwrap();
    popup.close().await.unwrap();

    stage.desktop.halt_keyring(true).unwrap();
    let halted = std::time::Instant::now();
    let popup = stage.start_controlled(&[], &[]).await.unwrap();
    popup.wait_for_text("body", "does not respond").await.unwrap();
    popup.wait_for_text("h3", "cannot be read").await.unwrap();
    stage.picture("keyring-slow").unwrap();
    let half_a_minute = std::time::Duration::from_secs(30);
    tokio::time::sleep(half_a_minute.saturating_sub(halted.elapsed())).await;
    stage.desktop.halt_keyring(false).unwrap();
    popup.wait_for_text(".state", "connected").await.unwrap();
    answers(&stage, &popup, "Back from the slow keyring.").await;
    popup.close().await.unwrap();
}

#[tokio::test]
async fn a_keyring_emptied_while_the_app_runs_costs_nothing_until_it_ends() {
    let mut live = Live::start(serde_json::Value::Null).unwrap();
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    let popup = stage.start_controlled(&[], &live.env()).await.unwrap();
    accept_found_gateway(&popup).await;
    popup.wait_for_text(".state", "connected").await.unwrap();
    stored(&stage, true).await;

    stage.desktop.clear_secrets(&OURS).unwrap();
    stored(&stage, false).await;
    answers(&stage, &popup, "Still signed in.").await;
    live.gateway.stop().unwrap();
    asked("the gateway missed", || async {
        let state = popup.text(".state").await?;
        Ok(if state.contains("connected") {
            Asked::NotYet(state)
        } else {
            Asked::There(())
        })
    })
    .await
    .unwrap();
    live.gateway.start_again().unwrap();
    popup.wait_for_text(".state", "connected").await.unwrap();
    answers(&stage, &popup, "Signed in again with what was known.").await;
    popup.close().await.unwrap();
}
