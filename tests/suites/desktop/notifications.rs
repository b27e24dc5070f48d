//! Every kind of notification, with capable and simple daemons, and the effect of each button at
//! the real gateway.

use super::Report;
use clawtray_gateway_client::{Client, Decision, Gateway, GatewayEvent};
use clawtray_lab::Relay;
use product_tests::live::{Watched, prompt, wait_for_ready};
use product_tests::notifications::{NotificationDaemon, Shown};
use product_tests::stage::StageConfig;
use product_tests::waiting::{Asked, PATIENCE, asked};
use product_tests::{Live, Stage};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// A prompt of another client, and the notification that its end is told with.
pub(super) async fn told_of(
    client: &Client,
    daemon: &NotificationDaemon,
    name: &str,
    said: &str,
    told: &str,
) -> Shown {
    let session = format!("agent:main:{name}").as_str().into();
    client
        .send(prompt(&session, name, &format!("[[say:{said}]] Hello")))
        .await
        .unwrap();
    daemon
        .wait_for(name, |shown| shown.body.contains(told))
        .await
        .unwrap()
}

/// From a notification the app itself starts a run that wants to use a tool, in a session that asks before it does. The
/// gateway asks the device that started the run.
pub(super) async fn ask_for(client: &Client, daemon: &NotificationDaemon, name: &str, command: &str) {
    let said = format!("Ready for {name}.");
    let ready = told_of(client, daemon, name, &said, &said).await;
    let guarded = json!({ "key": format!("agent:main:{name}"), "permissionMode": "guarded" });
    // The gateway changes permissions only once the run is wholly over, which is a moment after its last word.
    asked("a guarded session", || async {
        Ok(match client.call_raw("sessions.patch", guarded.clone()).await {
            Ok(_) => Asked::There(()),
            Err(error) => Asked::NotYet(error.to_string()),
        })
    })
    .await
    .unwrap();
    let call = json!({ "command": command });
    let text = format!("[[tool:exec {call}]] [[say:That was {name}.]] Go on.");
    daemon.reply(ready.id, &text).await.unwrap();
}

/// The decision that the gateway tells everybody of.
pub(super) async fn decision(events: &mut mpsc::Receiver<GatewayEvent>) -> Option<Decision> {
    loop {
        let event = tokio::time::timeout(PATIENCE, events.recv()).await;
        if let GatewayEvent::ApprovalResolved { decision, .. } = event.unwrap().unwrap() {
            return decision;
        }
    }
}

/// Another client of the gateway, which may see and do everything.
pub(super) async fn neighbour(live: &Live) -> Client {
    let mut config = live.new_device("another client");
    config.scopes.push("operator.admin".to_owned());
    let client = Client::connect(config);
    wait_for_ready(&client).await.unwrap();
    client
}

/// Denies what waits, as another client does.
async fn decide_elsewhere(client: &Client) {
    for waiting in client.approvals().await.unwrap() {
        client
            .resolve_approval(&waiting.id, waiting.kind, Decision::Deny)
            .await
            .unwrap();
    }
}

fn keys(shown: &Shown) -> Vec<&str> {
    shown.actions.iter().map(|(key, _)| key.as_str()).collect()
}

/// The app in the tray, connected, and another client of the same gateway.
async fn connected(stage: &Stage, live: &Live) -> (product_tests::App, Client) {
    let app = stage
        .start_app(&["--accept-environment", "--hidden"], &live.env())
        .unwrap();
    stage.wait_for_connection().await.unwrap();
    (app, neighbour(live).await)
}

#[tokio::test]
async fn answers_decisions_and_replies_go_through_from_a_notification() {
    let live = Live::start(Value::Null).unwrap();
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    let (_app, client) = connected(&stage, &live).await;
    let daemon = stage.notifications().unwrap();

    // Somebody else's run is told too; what is written into the notification is sent.
    let (said, told) = (
        "Shall I <b>go on</b> & on?",
        "Shall I &lt;b&gt;go on&lt;/b&gt; &amp; on?",
    );
    let reply = told_of(&client, daemon, "inline", said, told).await;
    assert!(keys(&reply).contains(&"inline-reply"), "{:?}", reply.actions);
    daemon
        .reply(reply.id, "[[say:Then I go on.]] Yes, from the notification.")
        .await
        .unwrap();
    daemon
        .wait_for("the answer to it", |shown| shown.body.contains("Then I go on."))
        .await
        .unwrap();
    let seen = live.model.seen();
    let sent = seen
        .iter()
        .filter(|seen| seen.user_text.contains("Yes, from the notification."));
    assert_eq!(sent.count(), 1);

    let mut events = client.events();
    for (name, key, expected) in [
        ("approved", "approve", Decision::AllowOnce),
        ("denied", "deny", Decision::Deny),
    ] {
        let command = format!("echo {name}");
        ask_for(&client, daemon, name, &command).await;
        let asked = daemon
            .wait_for(name, |shown| shown.body.contains(&command))
            .await
            .unwrap();
        assert!(keys(&asked).contains(&"approve") && keys(&asked).contains(&"deny"));
        daemon.activate(asked.id, key).await.unwrap();
        assert_eq!(decision(&mut events).await, Some(expected));
    }

    // Decided by another client: nothing is left to decide here.
    ask_for(&client, daemon, "elsewhere", "echo elsewhere").await;
    let asked = daemon
        .wait_for("a third", |shown| shown.body.contains("echo elsewhere"))
        .await
        .unwrap();
    decide_elsewhere(&client).await;
    daemon.wait_for_taken_back(asked.id).await.unwrap();

    // A run that fails says so.
    let session = "agent:main:failing".into();
    client
        .send(prompt(&session, "failing", "[[err:400]] Fail, please."))
        .await
        .unwrap();
    let failed = daemon
        .wait_for("a failure", |shown| {
            shown.summary.contains("failed") || shown.body.contains("failed")
        })
        .await
        .unwrap();
    daemon.activate(failed.id, "default").await.unwrap();
    stage.wait_for_popup().unwrap();
}

#[tokio::test]
async fn a_daemon_without_buttons_and_markup_gets_plain_words() {
    let live = Live::shared().unwrap();
    let stage = Stage::set(StageConfig {
        capabilities: &["body"],
        ..StageConfig::default()
    })
    .await
    .unwrap();
    let _report = Report(&stage);
    let (_app, client) = connected(&stage, live).await;
    let daemon = stage.notifications().unwrap();
    let text = "Less < more & more";
    let reply = told_of(&client, daemon, "plain", text, text).await;
    assert!(reply.actions.is_empty(), "{:?}", reply.actions);
}

/// A number below `sides`, another one each time the tests run.
fn roll(sides: u64) -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(sides) % sides
}

/// Twenty cuts, each at a moment that nobody chose: before a run begins, anywhere in it, at its end, just after it.
#[tokio::test]
async fn replies_that_ended_while_the_line_was_cut_are_told_once() {
    const CUTS: u64 = 20;
    let live = Live::start(Value::Null).unwrap();
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    let relay = Relay::start(live.gateway.port()).unwrap();
    let mut env = live.env().to_vec();
    env[0].1 = format!("ws://127.0.0.1:{}", relay.port());
    let _app = stage
        .start_app(&["--accept-environment", "--hidden"], &env)
        .unwrap();
    stage.wait_for_connection().await.unwrap();
    let client = neighbour(&live).await;
    let daemon = stage.notifications().unwrap();

    let mut cuts = Vec::new();
    for round in 0..CUTS {
        let name = format!("cut-{round}");
        let text = format!("[[say:This is answer number-{round}.]] [[n:6]] [[d:60]] Go.");
        let session = format!("agent:main:{name}").as_str().into();
        let began = Instant::now();
        let at = Duration::from_millis(roll(1200));
        let cut = async {
            tokio::time::sleep(at).await;
            relay.refuse(true);
            relay.cut();
        };
        let run = async {
            let events = client.events();
            let ack = client.send(prompt(&session, &name, &text)).await.unwrap();
            Watched::new(events, ack.run_id).end().await.unwrap();
            began.elapsed()
        };
        let ((), took) = tokio::join!(cut, run);
        cuts.push(format!("{} of {} ms", at.as_millis(), took.as_millis()));
        relay.refuse(false);
        daemon
            .wait_for(&name, |shown| shown.body.contains(&format!("number-{round}.")))
            .await
            .unwrap();
    }
    stage.wait_for_connection().await.unwrap();
    for round in 0..CUTS {
        let shown = daemon.record().shown;
        let told = shown
            .iter()
            .filter(|shown| shown.body.contains(&format!("number-{round}.")));
        assert_eq!(
            told.count(),
            1,
            "answer {round}, cut at {cuts:?}, among {shown:?}"
        );
    }
    println!("cut at {cuts:?}");
}

/// Plasma's switch: nothing is shown while it is on, and what came meanwhile is told when it is off.
#[tokio::test]
async fn the_desktops_own_do_not_disturb_holds_replies_back() {
    let live = Live::shared().unwrap();
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    let (_app, client) = connected(&stage, live).await;
    let daemon = stage.notifications().unwrap();
    told_of(&client, daemon, "before", "Told before.", "Told before.").await;

    daemon.inhibit(true).await.unwrap();
    let tray = stage.tray().unwrap();
    let item = tray.wait_for_item().await.unwrap();
    let session = "agent:main:held".into();
    client
        .send(prompt(&session, "held", "[[hold:held]] [[say:Held back.]] Hello"))
        .await
        .unwrap();
    tray.wait_for_look("a run", &item, |look| look.tooltip().contains("1 run"))
        .await
        .unwrap();
    live.model.release("held");
    // The app asks for a notification, if it does, before its tray shows that the run is over.
    tray.wait_for_look("no run", &item, |look| !look.tooltip().contains("run"))
        .await
        .unwrap();
    daemon.inhibit(false).await.unwrap();
    let shown = daemon
        .wait_for("held back", |shown| shown.body.contains("Held back."))
        .await
        .unwrap();
    assert!(!shown.while_inhibited, "{shown:?}");
}
