//! The tray's signs, tooltip, clicks and menu, as a host reads them.

use super::Report;
use super::notifications::{ask_for, decision, neighbour};
use clawtray_companion::tray_model::SIGN_PAUSE_MS;
use clawtray_gateway_client::{Client, Decision, Gateway};
use product_tests::live::{Watched, prompt};
use product_tests::stage::{BROWSER, SETTINGS, StageConfig};
use product_tests::tray::{ItemAddress, ItemLook, MenuEntry, Pixels, TrayHost};
use product_tests::waiting::{Asked, PATIENCE, asked};
use product_tests::{Live, Stage, Webview};
use serde_json::Value;
use std::time::Duration;

/// Chooses the entry of the menu whose text has `part`, once it is there. A menu that changed meanwhile is read again: its
/// entries have other ids, and one that is gone cannot be chosen.
async fn choose(tray: &TrayHost, item: &ItemAddress, part: &str) {
    asked(part, || async {
        let menu = tray.menu(item).await?;
        let found = menu.find(part).filter(|entry| entry.enabled);
        let Some(id) = found.map(|entry| entry.id) else {
            return Ok(Asked::NotYet(format!("{:?}", menu.labels())));
        };
        Ok(match tray.choose(item, id).await {
            Ok(()) => Asked::There(()),
            Err(error) if error.to_string().contains("id not found") => Asked::NotYet(error.to_string()),
            Err(error) => return Err(error),
        })
    })
    .await
    .unwrap();
}

/// The menu once it is as wanted: changes of it come with a pause between them, and later than the look.
async fn menu_where(
    tray: &TrayHost,
    item: &ItemAddress,
    what: &str,
    is: impl Fn(&MenuEntry) -> bool,
) -> MenuEntry {
    asked(what, || async {
        let menu = tray.menu(item).await?;
        Ok(if is(&menu) {
            Asked::There(menu)
        } else {
            Asked::NotYet(format!("{:?}", menu.labels()))
        })
    })
    .await
    .unwrap()
}

/// Name and pixels.
type Icon = (String, Pixels);

fn icon(look: &ItemLook) -> Icon {
    let (name, pixels) = look.icon();
    (name.to_owned(), pixels.clone())
}

/// The look once the sign has followed the tooltip: signs change at most every [`SIGN_PAUSE_MS`].
async fn settled(tray: &TrayHost, item: &ItemAddress) -> ItemLook {
    let pause = Duration::from_millis(SIGN_PAUSE_MS.unsigned_abs() + 500);
    let mut before = tray.look(item).await.unwrap();
    loop {
        tokio::time::sleep(pause).await;
        let now = tray.look(item).await.unwrap();
        if icon(&now) == icon(&before) {
            return now;
        }
        before = now;
    }
}

#[tokio::test]
async fn five_signs_that_differ_and_a_menu_that_does_what_it_says() {
    let mut live = Live::start(Value::Null).unwrap();
    let mut stage = Stage::set(StageConfig::default()).await.unwrap();
    let mut icons = Vec::new();

    // A wrong token: nothing goes on without the user.
    let mut wrong = live.env().to_vec();
    wrong[1].1 = "not-the-token".to_owned();
    let mut app = stage
        .start_app(&["--accept-environment", "--hidden"], &wrong)
        .unwrap();
    {
        let _report = Report(&stage);
        let tray = stage.tray().unwrap();
        let item = tray.wait_for_item().await.unwrap();
        tray.wait_for_look("sign-in", &item, |look| look.tooltip().contains("token"))
            .await
            .unwrap();
        let look = settled(tray, &item).await;
        icons.push(icon(&look));
    }
    app.terminate().unwrap();
    stage.tray().unwrap().wait_for_no_item().await.unwrap();

    let mut app = stage
        .start_app(&["--accept-environment", "--hidden"], &live.env())
        .unwrap();
    let neighbour = neighbour(&live).await;
    {
        let _report = Report(&stage);
        signs(&mut live, &stage, &neighbour, &mut icons).await;
        windows(&stage).await;
        do_not_disturb(&stage).await;
    }

    // The panel restarts: the item is there again, and still answers.
    stage.take_tray().await.unwrap();
    stage.bring_tray().await.unwrap();
    let _report = Report(&stage);
    let tray = stage.tray().unwrap();
    let item = tray.wait_for_item().await.unwrap();
    tray.click(&item).await.unwrap();
    stage.wait_for_popup().unwrap();
    choose(tray, &item, "Quit").await;
    tray.wait_for_no_item().await.unwrap();
    assert!(app.wait_for_end().await.unwrap().success());
}

async fn signs(live: &mut Live, stage: &Stage, neighbour: &Client, icons: &mut Vec<Icon>) {
    let tray = stage.tray().unwrap();
    let item = tray.wait_for_item().await.unwrap();
    let next = async |what: &str, word: &str, icons: &mut Vec<Icon>| {
        tray.wait_for_look(what, &item, |look| {
            look.tooltip().contains(word) && !icons.contains(&icon(look))
        })
        .await
        .unwrap();
        let look = settled(tray, &item).await;
        assert!(!icons.contains(&icon(&look)), "{what} looks like another state");
        icons.push(icon(&look));
        look
    };
    let well = next("well", "connected", icons).await;
    let at_rest = icon(&well);
    assert_eq!(well.status, "Active");
    assert!(!well.is_menu, "a left click is a click");

    let session = "agent:main:tray-test".into();
    let events = neighbour.events();
    let ask = "[[say:Done with the tray.]] [[n:3]] [[hold:tray]] Work, please.";
    let ack = neighbour.send(prompt(&session, "tray", ask)).await.unwrap();
    let mut run = Watched::new(events, ack.run_id);
    run.first_text().await.unwrap();
    next("working", "1 run", icons).await;
    live.model.release("tray");
    run.end().await.unwrap();
    tray.wait_for_look("at rest", &item, |look| icon(look) == at_rest)
        .await
        .unwrap();

    let (mut events, daemon) = (neighbour.events(), stage.notifications().unwrap());
    ask_for(neighbour, daemon, "asked", "echo from the tray").await;
    let look = next("needs you", "1 request needs you", icons).await;
    assert_eq!(look.status, "NeedsAttention");
    let asks = |menu: &MenuEntry| menu.find("Approve: echo from the tray").is_some();
    let menu = menu_where(tray, &item, "the approval", asks).await;
    let approve = menu.find("Approve: echo from the tray").unwrap();
    let labels: Vec<_> = approve
        .children
        .iter()
        .map(|entry| entry.label.as_str())
        .collect();
    assert_eq!(labels.first(), Some(&"echo from the tray"));
    assert!(
        labels.iter().any(|label| label.starts_with("Folder: /")),
        "{labels:?}"
    );
    assert!(labels.ends_with(&["Approve once", "Deny"]), "{labels:?}");
    stage.picture("tray-needs-you").unwrap();
    choose(tray, &item, "Approve once").await;
    assert_eq!(decision(&mut events).await, Some(Decision::AllowOnce));
    tray.wait_for_look("at rest again", &item, |look| {
        look.status == "Active" && icon(look) == at_rest
    })
    .await
    .unwrap();

    live.gateway.stop().unwrap();
    let look = next("offline", "", icons).await;
    assert!(!look.tooltip().contains("connected"), "{}", look.tooltip());
    // While it is away for certain: once it is back, the app may be quicker than the menu.
    choose(tray, &item, "Try now").await;
    live.gateway.start_again().unwrap();
    tray.wait_for_look("well again", &item, |look| icon(look) == at_rest)
        .await
        .unwrap();
    assert_eq!(icons.len(), 5);
}

async fn windows(stage: &Stage) {
    let tray = stage.tray().unwrap();
    let item = tray.wait_for_item().await.unwrap();
    tray.click(&item).await.unwrap();
    stage.wait_for_popup().unwrap();
    tray.click(&item).await.unwrap();
    stage.wait_for_no_popup().unwrap();
    choose(tray, &item, "Quick chat").await;
    stage.wait_for_popup().unwrap();
    choose(tray, &item, "Quick chat").await;
    stage.wait_for_no_popup().unwrap();
    choose(tray, &item, "Open sessions").await;
    stage.desktop.wait_for_window(BROWSER, PATIENCE).unwrap();
    choose(tray, &item, "Settings").await;
    stage.desktop.wait_for_window(SETTINGS, PATIENCE).unwrap();
    // A session by its title: the popup opens on it.
    choose(tray, &item, "Tray test").await;
    stage.wait_for_popup().unwrap();
    tray.middle_click(&item).await.unwrap();
    stage.desktop.wait_for_window(BROWSER, PATIENCE).unwrap();
}

async fn do_not_disturb(stage: &Stage) {
    let tray = stage.tray().unwrap();
    let item = tray.wait_for_item().await.unwrap();
    let quiet = |look: &ItemLook| look.tooltip().contains("Do not disturb");
    for way in ["For 1 hour", "Until tomorrow"] {
        choose(tray, &item, way).await;
        tray.wait_for_look("quiet", &item, quiet).await.unwrap();
        let gone = |menu: &MenuEntry| !menu.labels().iter().any(|label| label.contains(way));
        menu_where(tray, &item, "it is on already", gone).await;
        choose(tray, &item, "Turn off do not disturb").await;
        tray.wait_for_look("told again", &item, |look| !quiet(look))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn it_speaks_what_the_session_speaks() {
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    let language = [("LANG", "de_DE.UTF-8".to_owned())];
    let popup = stage.start_controlled(&["--embedded"], &language).await.unwrap();
    let tray = stage.tray().unwrap();
    let item = tray.wait_for_item().await.unwrap();
    tray.wait_for_look("connected", &item, |look| look.tooltip().contains(": verbunden"))
        .await
        .unwrap();
    let german = |menu: &MenuEntry| {
        let labels = ["Schnellchat", "Nicht stören", "Beenden"];
        labels.iter().all(|label| menu.find(label).is_some())
    };
    menu_where(tray, &item, "a German menu", german).await;
    page_speaks(&popup, "de").await;
    stage.picture("german").unwrap();

    stage.write_settings(r#"{"version":1,"language":"es"}"#).unwrap();
    tray.wait_for_look("another language", &item, |look| {
        look.tooltip().contains(": conectado")
    })
    .await
    .unwrap();
    menu_where(tray, &item, "a Spanish menu", |menu| menu.find("Salir").is_some()).await;
    page_speaks(&popup, "es").await;
    popup.close().await.unwrap();
}

/// Waits until a page says that it is in this language.
async fn page_speaks(page: &Webview, language: &str) {
    asked("the language of the page", || async {
        let spoken = page
            .run("return document.documentElement.lang", Vec::new())
            .await?;
        Ok(if spoken == language {
            Asked::There(())
        } else {
            Asked::NotYet(spoken.to_string())
        })
    })
    .await
    .unwrap();
}
