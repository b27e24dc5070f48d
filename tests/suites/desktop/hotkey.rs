//! The hotkey on X11: the same key in another layout, under CapsLock, and after it was changed.

use super::Report;
use product_tests::waiting::{Asked, asked};
use product_tests::{Stage, stage::StageConfig};
use x11rb::connection::Connection;
use x11rb::errors::ReplyError;
use x11rb::protocol::ErrorKind;
use x11rb::protocol::xproto::{ConnectionExt, GrabMode, ModMask};

/// The key of K on a keyboard of the United States, as a keycode of evdev.
const K: u8 = 45;

/// Runs a program of the X server's in the session.
fn run(stage: &Stage, program: &str, arguments: &[&str]) {
    let status = stage.desktop.command(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}: {status}");
}

/// Writes settings with this hotkey, as a user would by hand.
fn set_hotkey(stage: &Stage, keys: &str) {
    let settings = stage.desktop.home().join(".config/clawtray/settings.json");
    std::fs::create_dir_all(settings.parent().unwrap()).unwrap();
    std::fs::write(&settings, format!(r#"{{"version":1,"hotkey":"{keys}"}}"#)).unwrap();
}

/// Waits until Ctrl, Alt and a key are grabbed by somebody, or by nobody.
async fn wait_for_grab(stage: &Stage, keycode: u8, wanted: bool) {
    let display = stage.desktop.env().iter().find(|(name, _)| *name == "DISPLAY");
    let display = display.map(|(_, value)| value.as_str());
    let (x, screen) = x11rb::connect(display).unwrap();
    let root = x.setup().roots[screen].root;
    let held = ModMask::CONTROL | ModMask::M1;
    asked(&format!("a grab of {keycode}: {wanted}"), || async {
        let grab = x.grab_key(false, root, held, keycode, GrabMode::ASYNC, GrabMode::ASYNC)?;
        let is = match grab.check() {
            Ok(()) => {
                x.ungrab_key(keycode, root, held)?.check()?;
                false
            }
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
