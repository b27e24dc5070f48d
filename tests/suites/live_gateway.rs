//! The gateway client against the real gateway from npm, with the scripted model behind it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test stops where something is wrong"
)]

use clawtray_companion::store::{PageKind, SearchQuery, Store, StoreOptions};
use clawtray_gateway_client::protocol::{Message, Role, SessionKey};
use clawtray_gateway_client::{
    Client, ConnectionState, Credentials, Gateway, HistoryQuery, PauseReason, RunStep, SessionsQuery,
};
use clawtray_lab::Relay;
use clawtray_lab::real_gateway::openclaw_version;
use clawtray_lab::scripted_model::Ending;
use product_tests::live::{Live, Watched, prompt, wait_for_ready, wait_for_state};
use product_tests::waiting::{Asked, PATIENCE, asked};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::mpsc;

async fn history(client: &Client, session: &SessionKey) -> Vec<Message> {
    client
        .history(HistoryQuery {
            session: session.clone(),
            ..HistoryQuery::default()
        })
        .await
        .unwrap()
        .messages
}

/// What was said. Gateways of August 2026 note a stopped run with an empty message behind its text.
fn lines(messages: &[Message]) -> Vec<(Role, String)> {
    messages
        .iter()
        .filter(|message| !message.text().is_empty())
        .map(|message| (message.role.clone(), message.text()))
        .collect()
}

/// What was said, once so much of it is there and ends with a reply: older gateways write a stopped run down a little later.
async fn waited_for(client: &Client, session: &SessionKey, count: usize) -> Vec<(Role, String)> {
    asked("the transcript", async || {
        let said = lines(&history(client, session).await);
        let answered = matches!(said.last(), Some((Role::Assistant, _)));
        Ok(if answered && said.len() >= count {
            Asked::There(said)
        } else {
            Asked::NotYet(format!("{said:?}"))
        })
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn new_device_asks_streams_aborts_and_reads_both_back() {
    let live = Live::shared().unwrap();
    let mut config = live.new_device("chat test");
    let (tokens, mut issued) = mpsc::unbounded_channel();
    config.on_device_token = Some(tokens);
    let client = Client::connect(config);
    let ConnectionState::Ready(server) = wait_for_ready(&client).await.unwrap() else {
        panic!("not ready")
    };
    assert_eq!(server.version, openclaw_version().unwrap());
    assert_eq!(server.protocol, live.protocol());
    assert!(
        !issued.recv().await.unwrap().token.is_empty(),
        "the gateway pairs with a new device at once"
    );

    // The first half is here before the model has said the second: streamed, not delivered whole.
    let session = SessionKey::from("agent:main:chat-test");
    let first = "[[say:one two three four five six seven eight]] [[n:8]] [[hold:first]]";
    let events = client.events();
    let ack = client.send(prompt(&session, "first", first)).await.unwrap();
    assert_eq!(ack.run_id.as_str(), "first");
    let mut run = Watched::new(events, ack.run_id);
    run.first_text().await.unwrap();
    assert!(
        "one two three four".starts_with(run.text.trim_end()),
        "{}",
        run.text
    );
    live.model.release("first");
    let RunStep::Final {
        message: Some(message),
        ..
    } = run.end().await.unwrap()
    else {
        panic!("no reply")
    };
    assert_eq!(message.text(), "one two three four five six seven eight");
    assert_eq!(run.text, message.text());
    assert!(run.deltas >= 2, "{} deltas", run.deltas);

    // In a session of its own: where the first run is not quite over, the second prompt would wait for it.
    let stopped_session = SessionKey::from("agent:main:stop-test");
    let second = "[[say:never to be finished]] [[n:4]] [[hold:never]]";
    let events = client.events();
    let ack = client
        .send(prompt(&stopped_session, "second", second))
        .await
        .unwrap();
    let mut run = Watched::new(events, ack.run_id.clone());
    run.first_text().await.unwrap();
    assert!(
        client.abort(&stopped_session, Some(&ack.run_id)).await.unwrap(),
        "there was a run to stop"
    );
    let RunStep::Aborted { .. } = run.end().await.unwrap() else {
        panic!("not stopped")
    };
    let stopped = |seen: &clawtray_lab::scripted_model::SeenRequest| {
        seen.user_text.contains("hold:never") && seen.ending == Some(Ending::Abandoned)
    };
    assert!(
        live.model.wait_for(PATIENCE, stopped).is_some(),
        "the gateway went on asking the model"
    );
    assert!(
        !client.abort(&stopped_session, Some(&ack.run_id)).await.unwrap(),
        "nothing is left to stop"
    );

    let said = lines(&history(&client, &session).await);
    let [(Role::User, question), (Role::Assistant, answered)] = said.as_slice() else {
        panic!("{said:?}")
    };
    assert!(question.ends_with(first), "{said:?}");
    assert_eq!(answered, "one two three four five six seven eight");
    let noted = live.has("the prompt of every stopped run in the transcript", (2026, 8));
    let said = waited_for(&client, &stopped_session, if noted { 2 } else { 1 }).await;
    let partial = match said.as_slice() {
        [(Role::User, question), (Role::Assistant, partial)] => {
            assert!(question.ends_with(second), "{said:?}");
            partial
        }
        [(Role::Assistant, partial)] if !noted => partial,
        _ => panic!("{said:?}"),
    };
    assert!(
        partial.starts_with("never") && !partial.contains("finished"),
        "{partial}"
    );

    let listed = client.sessions(SessionsQuery::default()).await.unwrap().sessions;
    assert!(listed.iter().any(|row| row.key == session), "{listed:?}");
    client.ping().await.unwrap();
    client.shutdown().await;
}

#[tokio::test]
async fn wrong_token_pauses_with_the_gateways_next_step_and_is_not_tried_again() {
    let live = Live::shared().unwrap();
    let relay = Relay::start(live.gateway.port()).unwrap();
    let mut config = live.new_device("wrong token test");
    config.url = format!("ws://127.0.0.1:{}", relay.port());
    config.credentials = Credentials::token("not the token");
    let client = Client::connect(config);
    let paused = wait_for_state(&client, |state| matches!(state, ConnectionState::Paused(_)))
        .await
        .unwrap();
    let ConnectionState::Paused(PauseReason::AuthRequired { code, next_step }) = &paused else {
        panic!("{paused:?}")
    };
    assert_eq!(code, "AUTH_TOKEN_MISMATCH");
    assert!(
        next_step.as_deref().is_some_and(|step| !step.is_empty()),
        "the gateway names a next step"
    );

    // The first retry of a lost connection comes within a second.
    let mut state = client.state();
    state.mark_unchanged();
    assert!(
        tokio::time::timeout(Duration::from_secs(4), state.changed())
            .await
            .is_err(),
        "{:?}",
        state.borrow()
    );
    assert_eq!(relay.connections(), 1);

    client.set_credentials(Credentials::token(live.gateway.token()));
    wait_for_ready(&client).await.unwrap();
    assert_eq!(relay.connections(), 2);
    client.shutdown().await;
}

#[tokio::test]
async fn gateway_killed_and_started_again_is_connected_again_and_answers() {
    let mut live = Live::start(Value::Null).unwrap();
    let client = Client::connect(live.new_device("restart test"));
    wait_for_ready(&client).await.unwrap();
    let session = SessionKey::from("agent:main:restart-test");

    live.gateway.kill();
    wait_for_state(&client, |state| matches!(state, ConnectionState::Backoff { .. }))
        .await
        .unwrap();
    let early = client
        .send(prompt(&session, "early", "[[say:lost]]"))
        .await
        .unwrap_err();
    assert!(early.is_safe_to_retry(), "{early:?}");
    live.gateway.start_again().unwrap();
    wait_for_ready(&client).await.unwrap();

    let events = client.events();
    let ack = client
        .send(prompt(&session, "after", "[[say:back again]]"))
        .await
        .unwrap();
    let RunStep::Final {
        message: Some(message),
        ..
    } = Watched::new(events, ack.run_id).end().await.unwrap()
    else {
        panic!("no reply")
    };
    assert_eq!(message.text(), "back again");
    let said = lines(&history(&client, &session).await);
    assert_eq!(said.len(), 2, "{said:?}");
    client.shutdown().await;
}

/// The gateway shortens what it shows at 8,000 characters, and leaves out what is larger than 128 kB.
#[tokio::test]
async fn long_replies_are_whole_when_a_session_is_opened_again() {
    let live = Live::shared().unwrap();
    let session = SessionKey::from("agent:main:long-replies");
    let text = |length: usize, end: &str| {
        let words: String = (0..length / 12).map(|n| format!("word {n:05}. ")).collect();
        format!("{words}{end}")
    };
    let (long, huge) = (text(20_000, "ostrich"), text(200_000, "penguin"));
    let client = Client::connect(live.new_device("long replies"));
    wait_for_ready(&client).await.unwrap();
    for (key, reply) in [("long", &long), ("huge", &huge)] {
        live.model.teach(key, reply);
        let events = client.events();
        let asked = format!("[[text:{key}]] [[d:0]]");
        let ack = client.send(prompt(&session, key, &asked)).await.unwrap();
        let RunStep::Final { .. } = Watched::new(events, ack.run_id).end().await.unwrap() else {
            panic!("no reply")
        };
    }
    client.shutdown().await;

    let again = Client::connect(live.new_device("long replies, opened again"));
    wait_for_ready(&again).await.unwrap();
    let said = waited_for(&again, &session, 4).await;
    let replies: Vec<&String> = said
        .iter()
        .filter(|(role, _)| *role == Role::Assistant)
        .map(|(_, text)| text)
        .collect();
    let lengths: Vec<usize> = replies.iter().map(|text| text.len()).collect();
    assert_eq!(replies, [&long, &huge], "{lengths:?} characters");

    // The copy on this computer has all of it: its last word is found.
    let folder = std::env::temp_dir().join(format!("clawtray-long-{}", std::process::id()));
    let store = Store::open(folder.clone(), StoreOptions::default()).unwrap();
    let query = HistoryQuery {
        session: session.clone(),
        ..HistoryQuery::default()
    };
    let page = again.history(query).await.unwrap();
    store.upsert_page("live", &page, PageKind::Newest).unwrap();
    for word in ["ostrich", "penguin"] {
        let hits = store
            .search(&SearchQuery {
                text: word.to_owned(),
                gateway: "live".to_owned(),
                limit: 5,
                ..SearchQuery::default()
            })
            .unwrap();
        assert_eq!(hits.len(), 1, "{word}");
    }
    let kept = store.newest_page("live", session.as_str(), 50).unwrap();
    assert_eq!(lines(&kept.messages), lines(&page.messages));
    drop(store);
    std::fs::remove_dir_all(folder).unwrap();
    again.shutdown().await;
}
