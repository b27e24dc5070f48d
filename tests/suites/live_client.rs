//! A client's life with the real gateway: pairing, revocation, a kill in the middle of a reply, a
//! restart, a lock-out.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    missing_docs,
    reason = "a test stops where something is wrong"
)]

#[path = "live_client/access.rs"]
mod access;
#[path = "live_client/killed.rs"]
mod killed;

use clawtray_gateway_client::protocol::method::NoParams;
use clawtray_gateway_client::protocol::method::sessions::{
    GroupsDefaults, GroupsList, GroupsPut, GroupsPutParams, GroupsUpdate, GroupsUpdateParams,
};
use clawtray_gateway_client::protocol::{Message, Role, SessionKey};
use clawtray_gateway_client::{
    Client, ClientConfig, ConnectionState, Credentials, Gateway, GatewayEvent, History, HistoryQuery,
    PauseReason, RunStep,
};
use clawtray_lab::Relay;
use clawtray_lab::scripted_model::Ending;
use product_tests::live::{Live, Watched, prompt, wait_for_ready, wait_for_state};
use product_tests::waiting::{Asked, PATIENCE, asked};
use serde_json::json;
use std::sync::OnceLock;
use std::time::Duration;

/// Longer than the first retry of a lost connection waits.
const QUIET: Duration = Duration::from_secs(4);

/// A gateway that takes the tests themselves for a reverse proxy: what has a forwarded address comes from afar.
fn gateway() -> &'static Live {
    static LIVE: OnceLock<Live> = OnceLock::new();
    LIVE.get_or_init(|| Live::start(json!({ "gateway": { "trustedProxies": ["127.0.0.1"] } })).unwrap())
}

fn remote(live: &Live, name: &str) -> ClientConfig {
    let mut config = live.new_device(name);
    config
        .headers
        .push(("X-Forwarded-For".to_owned(), "203.0.113.7".into()));
    config
}

async fn admin(live: &Live, name: &str) -> Client {
    let mut config = live.new_device(name);
    config.scopes = vec!["operator.admin".to_owned()];
    let admin = Client::connect(config);
    wait_for_ready(&admin).await.unwrap();
    admin
}

async fn paused(client: &Client) -> PauseReason {
    let state = wait_for_state(client, |state| matches!(state, ConnectionState::Paused(_))).await;
    let ConnectionState::Paused(reason) = state.unwrap() else {
        panic!("not paused")
    };
    reason
}

/// The request that the gateway keeps for a client that waits.
async fn pending(client: &Client) -> (String, PauseReason) {
    let reason = paused(client).await;
    let PauseReason::PairingPending {
        request_id: Some(id), ..
    } = &reason
    else {
        panic!("{reason:?}")
    };
    (id.clone(), reason)
}

/// Nothing happens to the connection for a while.
async fn stays(client: &Client) {
    let mut state = client.state();
    state.mark_unchanged();
    let change = tokio::time::timeout(QUIET, state.changed()).await;
    assert!(change.is_err(), "by itself: {:?}", state.borrow());
}

async fn history(client: &Client, session: &SessionKey) -> History {
    let query = HistoryQuery {
        session: session.clone(),
        limit: Some(200),
        ..HistoryQuery::default()
    };
    client.history(query).await.unwrap()
}

/// The whole reply to a prompt.
async fn reply(client: &Client, session: &SessionKey, key: &str, text: &str) -> String {
    let events = client.events();
    let ack = client.send(prompt(session, key, text)).await.unwrap();
    match Watched::new(events, ack.run_id).end().await.unwrap() {
        RunStep::Final {
            message: Some(message),
            ..
        } => message.text(),
        other => panic!("no reply: {other:?}"),
    }
}

#[tokio::test]
async fn groups_are_kept_with_their_defaults() {
    let live = gateway();
    if !live.has("groups of sessions", (2026, 8)) {
        return;
    }
    let client = Client::connect(live.new_device("groups"));
    wait_for_ready(&client).await.unwrap();
    let names = ["Home", "Work"].map(str::to_owned).to_vec();
    let all = GroupsPutParams { names: names.clone() };
    client.call::<GroupsPut>(&all).await.unwrap();
    let listed = client.call::<GroupsList>(&NoParams {}).await.unwrap().groups;
    let listed: Vec<String> = listed.into_iter().map(|group| group.name).collect();
    assert_eq!(listed, names);
    let work = GroupsUpdateParams {
        name: "Work".to_owned(),
        cwd: Some(
            live.gateway
                .dir()
                .join("workspace")
                .to_string_lossy()
                .into_owned(),
        ),
        worktree: false,
    };
    client.call::<GroupsUpdate>(&work).await.unwrap();
    let kept = client
        .call::<GroupsDefaults>(&NoParams {})
        .await
        .unwrap()
        .defaults;
    let kept = kept.iter().find(|group| group.name == "Work").unwrap();
    assert_eq!(kept.cwd, work.cwd);
    client.shutdown().await;
}

#[tokio::test]
async fn run_is_adopted_after_a_cut_and_stopped_halfway() {
    let live = gateway();
    let relay = Relay::start(live.gateway.port()).unwrap();
    let mut config = live.new_device("cut and abort");
    config.url = format!("ws://127.0.0.1:{}", relay.port());
    let client = Client::connect(config);
    wait_for_ready(&client).await.unwrap();
    let session = SessionKey::from("agent:main:cut-and-abort");
    let events = client.events();
    let text = "[[say:this will never be said in full]] [[n:8]] [[hold:cut-and-abort]]";
    let ack = client.send(prompt(&session, "cut", text)).await.unwrap();
    let mut run = Watched::new(events, ack.run_id.clone());
    run.first_text().await.unwrap();
    relay.cut();
    wait_for_state(&client, |state| matches!(state, ConnectionState::Backoff { .. }))
        .await
        .unwrap();
    wait_for_ready(&client).await.unwrap();
    if live.has("the run under way in a transcript", (2026, 6)) {
        let adopted = history(&client, &session).await.in_flight.unwrap();
        assert_eq!(adopted.run_id, ack.run_id);
        assert!(adopted.text.starts_with("this"), "{adopted:?}");
    }

    // The same device on another connection may stop what it began.
    assert!(client.abort(&session, Some(&ack.run_id)).await.unwrap());
    let RunStep::Aborted { .. } = run.end().await.unwrap() else {
        panic!("not stopped")
    };
    let stopped = live.model.wait_for(PATIENCE, |seen| {
        seen.user_text.contains("hold:cut-and-abort") && seen.ending == Some(Ending::Abandoned)
    });
    assert!(stopped.is_some(), "the gateway went on asking the model");
    let after = history(&client, &session).await;
    assert_eq!(after.in_flight, None);
    let said: Vec<String> = after.messages.iter().map(Message::text).collect();
    assert!(!said.join(" ").contains("in full]] in full"), "{said:?}");
    let prompts = after.messages.iter().filter(|message| message.role == Role::User);
    if live.has("the prompt of every stopped run in the transcript", (2026, 8)) {
        assert_eq!(prompts.count(), 1, "{said:?}");
    } else {
        assert!(prompts.count() <= 1, "{said:?}");
    }
    client.shutdown().await;
}

#[tokio::test]
async fn second_prompt_is_steered_into_the_first_run() {
    let live = gateway();
    let client = Client::connect(live.new_device("steering"));
    wait_for_ready(&client).await.unwrap();
    let session = SessionKey::from("agent:main:steering");
    let (first_events, second_events) = (client.events(), client.events());
    let first = "[[say:first answer]] [[n:4]] [[hold:steering]]";
    let ack = client.send(prompt(&session, "steer-1", first)).await.unwrap();
    let mut first = Watched::new(first_events, ack.run_id);
    first.first_text().await.unwrap();

    let ack = client
        .send(prompt(&session, "steer-2", "[[say:second answer]]"))
        .await
        .unwrap();
    assert_eq!(ack.run_id.as_str(), "steer-2");
    if live.has("prompts steered into a run whose model is speaking", (2026, 8)) {
        let mut second = Watched::new(second_events, ack.run_id);
        // A busy gateway may miss the moment in which it can steer, and queues the prompt behind the run that we hold.
        match tokio::time::timeout(PATIENCE / 2, second.end()).await {
            Ok(end) => {
                let end = end.unwrap();
                assert!(
                    matches!(end, RunStep::Final { message: None, .. }),
                    "the second prompt has no run of its own: {end:?}"
                );
                assert_eq!(second.text, "");
            }
            Err(_) => println!("the gateway queued the second prompt instead of steering it"),
        }
        live.model.release("steering");
        let end = first.end().await.unwrap();
        assert!(matches!(end, RunStep::Final { .. }), "no reply: {end:?}");
        // 2026.8.2 puts nothing between the two.
        let text = first.text.replace("\n\n", "");
        assert!(
            ["first answer", "first answersecond answer"].contains(&text.as_str()),
            "{:?}",
            first.text
        );
    } else {
        live.model.release("steering");
    }

    // In the first run, or after it when that ended too soon: in any case once.
    let said = asked("both answers", async || {
        let messages = history(&client, &session).await.messages;
        let said: Vec<(Role, String)> = messages.iter().map(|m| (m.role.clone(), m.text())).collect();
        Ok(if said.iter().any(|(_, text)| text == "second answer") {
            Asked::There(messages)
        } else {
            Asked::NotYet(format!("{said:?}"))
        })
    })
    .await
    .unwrap();
    let answers: Vec<String> = said
        .iter()
        .filter(|message| message.role == Role::Assistant)
        .map(Message::text)
        .collect();
    assert_eq!(answers, ["first answer", "second answer"]);
    let keys = ["steer-1", "steer-2"].map(str::to_owned);
    assert_eq!(prompts(&said, &keys), [1, 1]);
    client.shutdown().await;
}

/// How often each of these prompts is in the transcript, by its key. The gateway adds messages of its own.
fn prompts(messages: &[Message], keys: &[String]) -> Vec<usize> {
    let count = |key: &String| {
        let is_it = |message: &&Message| {
            let of = message.idempotency_key.as_deref();
            message.role == Role::User && of.is_some_and(|of| of.trim_end_matches(":user") == key)
        };
        messages.iter().filter(is_it).count()
    };
    keys.iter().map(count).collect()
}

#[tokio::test]
async fn lock_out_is_obeyed_and_a_restart_is_waited_for() {
    const LOCK_OUT: Duration = Duration::from_secs(10);
    let limits = json!({
        "maxAttempts": 5, "windowMs": 60_000, "lockoutMs": LOCK_OUT.as_millis(), "exemptLoopback": false,
    });
    let live = Live::start(json!({ "gateway": { "auth": { "rateLimit": limits } } })).unwrap();
    let admin = admin(&live, "restarting admin").await;
    let relay = Relay::start(live.gateway.port()).unwrap();
    let mut config = live.new_device("locked out");
    config.url = format!("ws://127.0.0.1:{}", relay.port());
    config.credentials = Credentials::token("wrong-0");
    let client = Client::connect(config);
    let mut attempts = 1;
    let retry_after = loop {
        match paused(&client).await {
            PauseReason::RateLimited { retry_after } if live.has("the length of a lock-out", (2026, 8)) => {
                break retry_after.unwrap();
            }
            PauseReason::RateLimited { .. } => break LOCK_OUT,
            PauseReason::AuthRequired { .. } => {
                assert!(attempts < 8, "the gateway does not lock anybody out");
                let mut state = client.state();
                state.mark_unchanged();
                client.set_credentials(Credentials::token(format!("wrong-{attempts}")));
                attempts += 1;
                tokio::time::timeout(PATIENCE, state.changed())
                    .await
                    .unwrap()
                    .unwrap();
            }
            other => panic!("{other:?}"),
        }
    };
    assert!(
        retry_after <= LOCK_OUT && retry_after > Duration::from_secs(1),
        "{retry_after:?}"
    );
    let before = relay.connections();
    stays(&client).await;
    assert_eq!(
        relay.connections(),
        before,
        "it does not knock while it is locked out"
    );

    tokio::time::sleep(retry_after).await;
    client.set_credentials(Credentials::token(live.gateway.token()));
    wait_for_ready(&client).await.unwrap();

    let mut events = client.events();
    let mut state = client.state();
    state.mark_unchanged();
    admin
        .call_raw("gateway.restart.request", json!({ "reason": "test" }))
        .await
        .unwrap();
    let said = async {
        loop {
            if let GatewayEvent::Shutdown { restart_expected, .. } = events.recv().await.unwrap() {
                return restart_expected;
            }
        }
    };
    let expected = tokio::time::timeout(PATIENCE, said).await.unwrap();
    assert!(expected.is_some(), "the gateway says when it will be back");
    let away = wait_for_state(&client, |state| matches!(state, ConnectionState::Backoff { .. })).await;
    assert!(
        matches!(away, Ok(ConnectionState::Backoff { soon_back: true, .. })),
        "{away:?}"
    );
    wait_for_ready(&client).await.unwrap();
    let session = SessionKey::from("agent:main:after-restart");
    assert_eq!(reply(&client, &session, "back", "[[say:back]]").await, "back");
    client.shutdown().await;
    admin.shutdown().await;
}
