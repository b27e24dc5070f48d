use super::*;
use crate::paths::Paths;
use crate::profiles::Profiles;

const TRIP: &str = "agent:main:trip";

/// An app whose gateway lists a session beside the main one.
async fn with_trip(desk: &Desk, folder: &tempfile::TempDir) -> (Stage, crate::testing::Mirror, FakeGateway) {
    let gateway = FakeGateway::online();
    gateway.store(TRIP, json!({"role": "user", "content": "Find a train."}));
    let (stage, mut popup) = Stage::connected(folder.path(), desk, &gateway).await;
    // The list was read when there is a row of it.
    popup
        .until("listed", |m| m.view.sessions.iter().any(|s| s.key == TRIP))
        .await;
    stage
        .ask(Request::SetTarget {
            session: stage.session(MAIN),
        })
        .await;
    popup.until("main", |m| m.view.target.session == MAIN).await;
    (stage, popup, gateway)
}

fn stored_session(folder: &tempfile::TempDir) -> Option<String> {
    let (profiles, _) = Profiles::open(Paths::under(folder.path()).profiles(), 0);
    profiles.all()[0].session.clone()
}

#[tokio::test(start_paused = true)]
async fn deep_links_fill_in_and_never_send() {
    let (folder, desk) = (folder(), Desk::default());
    let (stage, mut popup, gateway) = with_trip(&desk, &folder).await;
    stage
        .app
        .deep_link("clawtray://session/agent:main:trip?text=book%20it");
    let prefill = Signal::Prefill {
        session: stage.session(TRIP),
        text: "book it".to_owned(),
    };
    popup.until("filled in", |m| m.signals.contains(&prefill)).await;
    assert_eq!(popup.view.target.session, TRIP);
    stage.app.deep_link("clawtray://quit");
    stage.app.deep_link("https://example.org/");
    stage.app.deep_link(format!("clawtray://session/{MAIN}"));
    popup.until("the other", |m| m.view.target.session == MAIN).await;
    assert!(gateway.lock().received.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_link_shows_a_session_and_does_not_choose_it() {
    let (folder, desk) = (folder(), Desk::default());
    let (stage, mut popup, gateway) = with_trip(&desk, &folder).await;
    stage.app.deep_link("clawtray://session/agent:main:trip");
    popup.until("shown", |m| m.view.target.session == TRIP).await;
    assert_eq!(stored_session(&folder).as_deref(), Some(MAIN));

    // Called up by hand, the popup is where it was.
    stage.ask(Request::HideWindow).await;
    stage.app.hotkey_pressed();
    popup.until("main again", |m| m.view.target.session == MAIN).await;

    // What is begun there is not lost from sight.
    stage.app.deep_link("clawtray://session/agent:main:trip");
    popup
        .until("shown again", |m| m.view.target.session == TRIP)
        .await;
    stage
        .ask(Request::SaveDraft {
            session: stage.session(TRIP),
            text: "a seat".to_owned(),
        })
        .await;
    stage.ask(Request::HideWindow).await;
    let shown = popup.signals.len();
    stage.app.hotkey_pressed();
    popup
        .until("up again", |m| m.signals[shown..].contains(&Signal::Shown))
        .await;
    assert_eq!(popup.view.target.session, TRIP);

    // Who sends something there stays there; what scripts send to does not change.
    stage.send("a seat").await;
    stage.ask(Request::HideWindow).await;
    let shown = popup.signals.len();
    stage.app.hotkey_pressed();
    popup
        .until("and again", |m| m.signals[shown..].contains(&Signal::Shown))
        .await;
    assert_eq!(popup.view.target.session, TRIP);
    assert_eq!(gateway.lock().received[0].session.as_str(), TRIP);
    assert_eq!(stored_session(&folder).as_deref(), Some(MAIN));
}

#[tokio::test(start_paused = true)]
async fn a_link_to_a_session_that_is_not_listed_changes_nothing_and_says_so() {
    let (folder, desk) = (folder(), Desk::default());
    let (stage, mut popup, _gateway) = with_trip(&desk, &folder).await;
    stage
        .app
        .deep_link("clawtray://session/agent:main:telegram:group:-100?text=hello");
    popup
        .until("told", |m| m.view.notices.iter().any(|n| n.id == "link-unknown"))
        .await;
    assert_eq!(popup.view.target.session, MAIN);
    let is_prefill = |signal: &Signal| matches!(signal, Signal::Prefill { .. });
    assert!(!popup.signals.iter().any(is_prefill), "{:?}", popup.signals);
}

#[tokio::test(start_paused = true)]
async fn a_link_waits_for_the_list_of_sessions() {
    let (folder, desk) = (folder(), Desk::default());
    let gateway = FakeGateway::online();
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    stage.app.deep_link("clawtray://session/agent:main:trip");
    desk.until("the popup", |d| d.visible.contains("popup").then_some(()))
        .await;
    assert_eq!(popup.view.target.session, MAIN);
    gateway.store(TRIP, json!({"role": "user", "content": "Find a train."}));
    popup.until("there", |m| m.view.target.session == TRIP).await;
    assert!(popup.view.notices.iter().all(|n| n.id != "link-unknown"));
}

#[tokio::test(start_paused = true)]
async fn a_link_names_one_of_the_persons_own_gateways() {
    let (folder, desk) = (folder(), Desk::default());
    let (stage, mut popup, _gateway) = with_trip(&desk, &folder).await;
    let home = stage.active();
    let ops = FakeGateway::online();
    ops.store(TRIP, json!({"role": "user", "content": "Of ops."}));
    desk.put_gateway("ws://ops", &ops);
    stage.add("Ops", "ws://ops", "t").await;
    popup
        .until("ops", |m| {
            m.view.connection.gateway == "Ops" && m.view.sessions.iter().any(|s| s.key == TRIP)
        })
        .await;
    // One that nobody has: the active one is meant.
    stage
        .app
        .deep_link("clawtray://session/agent:main:trip?gateway=g-000");
    popup
        .until("of ops", |m| m.lines() == ["User Done: Of ops."])
        .await;
    stage
        .app
        .deep_link(format!("clawtray://session/agent:main:trip?gateway={home}"));
    popup
        .until("of home", |m| m.lines() == ["User Done: Find a train."])
        .await;
    assert_eq!(popup.view.target.gateway, home);
}

#[tokio::test(start_paused = true)]
async fn a_link_to_a_message_opens_the_browser_there() {
    let (folder, desk) = (folder(), Desk::default());
    let (stage, _popup, _gateway) = with_trip(&desk, &folder).await;
    let mut browser = stage.subscribe(WindowKind::Browser);
    stage
        .app
        .deep_link("clawtray://session/agent:main:trip?message=msg%3Aagent%3Amain%3Atrip-1");
    let message = "msg:agent:main:trip-1".to_owned();
    browser
        .until("revealed", |m| {
            m.view.target.session == TRIP
                && m.signals.contains(&Signal::Reveal {
                    message: message.clone(),
                })
        })
        .await;
}
