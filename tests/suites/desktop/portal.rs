//! The hotkey through the portal of a Wayland session.
//!
//! The windows are on X11 all the same, because the toolkit goes there when the named compositor
//! does not answer.

use super::{NOTE, Report};
use product_tests::Stage;
use product_tests::portal::{Answer, Portal};
use product_tests::stage::StageConfig;

fn wayland() -> [(&'static str, String); 2] {
    [
        ("WAYLAND_DISPLAY", "clawtray-no-compositor".to_owned()),
        ("GDK_BACKEND", "*".to_owned()),
    ]
}

#[tokio::test]
async fn the_portal_is_asked_by_name_and_its_key_brings_the_popup() {
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    let portal = Portal::start(stage.desktop.bus_address(), Answer::GrantOther("Super+Space"))
        .await
        .unwrap();
    let _app = stage.start_app(&["--embedded", "--hidden"], &wayland()).unwrap();
    let asked = portal.wait_for_shortcut().await.unwrap();
    assert_eq!(
        (asked.id.as_str(), asked.preferred.as_str()),
        ("toggle", "CTRL+SHIFT+space")
    );
    assert!(asked.description.contains("Clawtray"), "{asked:?}");
    assert_eq!(portal.record().registered, ["dev.clawtray.Clawtray"]);
    stage.tray().unwrap().wait_for_item().await.unwrap();
    product_tests::waiting::asked("the popup", || async {
        // The answer is on its way to the app when the shortcut is known here.
        portal.press("toggle").await?;
        Ok(
            match stage
                .desktop
                .visible_windows(product_tests::stage::POPUP)?
                .first()
            {
                Some(_) => product_tests::waiting::Asked::There(()),
                None => product_tests::waiting::Asked::NotYet("no popup".into()),
            },
        )
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_refused_portal_shortcut_is_said_with_the_other_way() {
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    let portal = Portal::start(stage.desktop.bus_address(), Answer::Refuse)
        .await
        .unwrap();
    let popup = stage.start_controlled(&["--embedded"], &wayland()).await.unwrap();
    portal.wait_for_shortcut().await.unwrap();
    popup
        .wait_for_text(NOTE, "The hotkey could not be registered")
        .await
        .unwrap();
    popup.wait_for_text(NOTE, "clawctl toggle").await.unwrap();
    stage.picture("portal-refused").unwrap();
    popup.close().await.unwrap();
}
