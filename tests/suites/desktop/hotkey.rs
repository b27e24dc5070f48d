//! The hotkey on X11: the same key in another layout, under CapsLock, and after a change of the
//! setting.

use super::Report;
use product_tests::Webview;
use product_tests::waiting::{Asked, asked};
use product_tests::{Stage, stage::StageConfig};
use x11rb::errors::ReplyError;
use x11rb::protocol::ErrorKind;
use x11rb::protocol::xkb::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{ConnectionExt, GrabMode, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, ModMask};
use x11rb::protocol::xtest::ConnectionExt as _;

/// The key of K on a keyboard of the United States, as a keycode of evdev.
const K: u8 = 45;
/// The key of V there, where Dvorak has its K.
const V: u8 = 55;

/// Runs a program of the X server's in the session.
fn run(stage: &Stage, program: &str, arguments: &[&str]) {
    let status = stage.desktop.command(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}: {status}");
}

/// Writes settings with this hotkey.
fn set_hotkey(stage: &Stage, keys: &str) {
    let text = format!(r#"{{"version":1,"hotkey":"{keys}"}}"#);
    stage.write_settings(&text).unwrap();
}

/// Waits until Ctrl, Alt and a key are grabbed by somebody, or by nobody. Asking takes the keys for a moment, and the server
/// serves nobody else meanwhile: to the app they would be another program's.
async fn wait_for_grab(stage: &Stage, keycode: u8, wanted: bool) {
    let (x, root) = stage.other_program().unwrap();
    let held = ModMask::CONTROL | ModMask::M1;
    asked(&format!("a grab of {keycode}: {wanted}"), || async {
        x.grab_server()?;
        let grab = x.grab_key(false, root, held, keycode, GrabMode::ASYNC, GrabMode::ASYNC)?;
        x.ungrab_key(keycode, root, held)?;
        x.ungrab_server()?;
        let is = match grab.check() {
            Ok(()) => false,
            Err(ReplyError::X11Error(error)) if error.error_kind == ErrorKind::Access => true,
            Err(error) => return Err(error.into()),
        };
        Ok(if is == wanted {
            Asked::There(())
        } else {
            Asked::NotYet(format!("{is}"))
        })
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_hotkey_goes_along_with_the_keyboards_layout_and_the_settings() {
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    run(&stage, "setxkbmap", &["us"]);
    set_hotkey(&stage, "Ctrl+Alt+K");
    let _app = stage.start_app(&["--embedded", "--hidden"], &[]).unwrap();
    wait_for_grab(&stage, K, true).await;
    stage.desktop.press("ctrl+alt+k").unwrap();
    stage.wait_for_popup().unwrap();
    stage.desktop.press("ctrl+alt+k").unwrap();
    stage.wait_for_no_popup().unwrap();

    // Locks are modifiers to the X server.
    for lock in ["Caps_Lock", "Num_Lock"] {
        run(&stage, "xdotool", &["key", lock]);
        run(&stage, "xdotool", &["key", "ctrl+alt+k"]);
        stage.wait_for_popup().unwrap();
        run(&stage, "xdotool", &["key", "ctrl+alt+k"]);
        stage.wait_for_no_popup().unwrap();
    }
    run(&stage, "xdotool", &["key", "Caps_Lock"]);

    // Dvorak has its K where the United States have their V.
    run(&stage, "setxkbmap", &["us", "dvorak"]);
    wait_for_grab(&stage, K, false).await;
    stage.desktop.press("ctrl+alt+k").unwrap();
    stage.wait_for_popup().unwrap();
    stage.desktop.press("ctrl+alt+k").unwrap();
    stage.wait_for_no_popup().unwrap();
    run(&stage, "setxkbmap", &["us"]);
    wait_for_grab(&stage, K, true).await;

    set_hotkey(&stage, "Ctrl+Alt+J");
    wait_for_grab(&stage, K, false).await;
    wait_for_grab(&stage, K - 1, true).await;
    stage.desktop.press("ctrl+alt+j").unwrap();
    stage.wait_for_popup().unwrap();
}

/// Who writes in two scripts has two layouts at once, and switches between them without the server telling of another one.
#[tokio::test]
async fn the_hotkey_is_the_same_key_in_the_second_of_two_layouts() {
    /// Left Control and left Alt, as keycodes of evdev.
    const HELD: [u8; 2] = [37, 64];
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    run(&stage, "setxkbmap", &["us,ru"]);
    set_hotkey(&stage, "Ctrl+Alt+K");
    let _app = stage.start_app(&["--embedded", "--hidden"], &[]).unwrap();
    wait_for_grab(&stage, K, true).await;

    let (x, root) = stage.other_program().unwrap();
    x.xkb_use_extension(1, 0).unwrap().reply().unwrap();
    let press = || {
        let keys = HELD.iter().chain([&K]).map(|key| (KEY_PRESS_EVENT, *key));
        let back = [K].into_iter().chain(HELD).map(|key| (KEY_RELEASE_EVENT, key));
        for (kind, key) in keys.chain(back) {
            let fake = x.xtest_fake_input(kind, key, 0, root, 0, 0, 0);
            fake.unwrap().check().unwrap();
        }
    };
    for group in [xkb::Group::M2, xkb::Group::M1] {
        let (keyboard, none) = (u16::from(xkb::ID::USE_CORE_KBD), ModMask::default());
        x.xkb_latch_lock_state(keyboard, none, none, true, group, none, false, 0)
            .unwrap()
            .check()
            .unwrap();
        let state = x.xkb_get_state(keyboard).unwrap().reply().unwrap();
        assert_eq!(state.locked_group, group);
        press();
        stage.wait_for_popup().unwrap();
        press();
        stage.wait_for_no_popup().unwrap();
    }
}

#[tokio::test]
async fn a_hotkey_that_another_program_has_in_a_new_layout_is_told_and_taken_back() {
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    run(&stage, "setxkbmap", &["us"]);
    set_hotkey(&stage, "Ctrl+Alt+K");
    let popup = stage.start_controlled(&["--embedded"], &[]).await.unwrap();
    wait_for_grab(&stage, K, true).await;

    let (other, root) = stage.other_program().unwrap();
    let held = ModMask::CONTROL | ModMask::M1;
    let grab = other.grab_key(false, root, held, V, GrabMode::ASYNC, GrabMode::ASYNC);
    grab.unwrap().check().unwrap();
    run(&stage, "setxkbmap", &["us", "dvorak"]);
    wait_for_sentence(&popup, "Another program uses Ctrl+Alt+K.", true).await;

    run(&stage, "setxkbmap", &["us"]);
    wait_for_grab(&stage, K, true).await;
    wait_for_sentence(&popup, "Another program uses Ctrl+Alt+K.", false).await;
}

/// Waits until the popup says a sentence, or says it no longer.
async fn wait_for_sentence(popup: &Webview, sentence: &str, wanted: bool) {
    asked(sentence, || async {
        let text = popup.run("return document.body.innerText;", Vec::new()).await?;
        let text = text.as_str().unwrap_or_default().to_owned();
        Ok(if text.contains(sentence) == wanted {
            Asked::There(())
        } else {
            Asked::NotYet(text)
        })
    })
    .await
    .unwrap();
}
