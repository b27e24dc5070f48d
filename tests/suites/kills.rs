//! The app, killed again and again while it reads from the real gateway and sends to it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test stops where something is wrong"
)]

use clawtray_companion::paths::Paths;
use clawtray_companion::profiles::ENVIRONMENT;
use clawtray_companion::store::{Store, StoreOptions};
use clawtray_gateway_client::protocol::{Message, Role, SessionKey};
use clawtray_gateway_client::{Client, Gateway, HistoryQuery};
use clawtray_lab::Scratch;
use product_tests::live::{Watched, prompt, wait_for_ready};
use product_tests::waiting::{Asked, asked};
use product_tests::{Live, WindowHost};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

const APP: &str = env!("CARGO_BIN_EXE_ui-host");
const KILLS: u64 = 20;
/// Prompts handed to the app before each kill.
const PROMPTS: u64 = 3;
/// Messages that the gateway gets from elsewhere before each kill.
const NOTES: u64 = 8;
/// Each kill comes so much later than the one before it: before the app is connected, while it is, while it sends.
const LATER_MS: u64 = 40;
const NOTED: &str = "agent:main:noted";

/// The prompts that the app says it has taken, until it is killed.
async fn taken_until(mut app: WindowHost, killed: Instant) -> BTreeSet<u64> {
    let mut said = Vec::new();
    while let Some(more) = app.said_by(killed).await {
        said.push(more);
    }
    said.extend(app.kill().await);
    let answer = |said: &Value| {
        let id = said["id"].as_u64()?;
        assert!(said.get("ok").is_some(), "{said}");
        Some(id)
    };
    said.iter().filter_map(answer).collect()
}

/// A session for each prompt: a second one would be steered into the run of the first.
fn session(number: u64) -> SessionKey {
    SessionKey(format!("agent:main:kill-{number}"))
}

fn question(number: u64) -> String {
    format!("This is question {number}, please.")
}

/// What another client asks, and the gateway answers, whatever becomes of the app.
async fn ask_elsewhere(client: &Client, key: &str) {
    let events = client.events();
    let text = format!("[[say:Noted {key}.]] Take notes.");
    let ack = client.send(prompt(&NOTED.into(), key, &text)).await.unwrap();
    Watched::new(events, ack.run_id).end().await.unwrap();
}

async fn history(client: &Client, session: SessionKey) -> Vec<Message> {
    let query = HistoryQuery {
        session,
        limit: Some(500),
        ..HistoryQuery::default()
    };
    client.history(query).await.unwrap().messages
}

fn texts(messages: &[Message]) -> Vec<String> {
    messages.iter().map(Message::text).collect()
}

/// Waits until the gateway has a prompt.
async fn sent(client: &Client, number: u64) {
    asked("the prompt at the gateway", || async {
        Ok(match history(client, session(number)).await.is_empty() {
            false => Asked::There(()),
            true => Asked::NotYet(format!("{number}")),
        })
    })
    .await
    .unwrap();
}

/// Waits until the app has sent all it had taken, and has read all that the gateway has.
async fn settled(paths: &Paths, client: &Client) {
    asked("the app at rest", || async {
        let store = Store::open(&paths.data, StoreOptions::default())?;
        let waiting = store.outbox(ENVIRONMENT)?.len();
        let here = texts(&store.newest_page(ENVIRONMENT, NOTED, 500)?.messages);
        let there = texts(&history(client, NOTED.into()).await);
        Ok(if waiting == 0 && here == there {
            Asked::There(())
        } else {
            Asked::NotYet(format!(
                "{waiting} prompts wait; here {here:#?}, there {there:#?}"
            ))
        })
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn twenty_kills_while_it_reads_and_sends_lose_nothing_and_double_nothing() {
    let live = Live::shared().unwrap();
    let mut config = live.new_device("another client");
    config.scopes.push("operator.admin".to_owned());
    let client = Client::connect(config);
    wait_for_ready(&client).await.unwrap();
    ask_elsewhere(&client, "first").await;

    let place = Scratch::new("kills").unwrap();
    let paths = Paths::under(place.path());
    let (mut taken, mut in_one_life) = (BTreeSet::new(), 0);
    for kill in 0..KILLS {
        let mut app = WindowHost::start(APP, place.path(), &live.env()).await.unwrap();
        for number in kill * PROMPTS..(kill + 1) * PROMPTS {
            let request = json!({
                "type": "sendMessage",
                "session": { "gateway": ENVIRONMENT, "session": session(number).0 },
                "text": format!("[[say:Here you are.]] {}", question(number)),
            });
            app.request(number, request).await.unwrap();
        }
        // Every other time the gateway has a prompt already, so that kills come behind the sending on any machine.
        let killed = if kill % 2 == 0 {
            Instant::now() + Duration::from_millis(kill * LATER_MS)
        } else {
            sent(&client, kill * PROMPTS).await;
            Instant::now()
        };
        let notes = async {
            for note in 0..NOTES {
                let note = json!({ "sessionKey": NOTED, "message": format!("Note {kill}.{note}.") });
                client.call_raw("chat.inject", note).await.unwrap();
            }
            // The gateway does not count notes as changes of a session, answers it does.
            ask_elsewhere(&client, &format!("round-{kill}")).await;
        };
        let (said, ()) = tokio::join!(taken_until(app, killed), notes);
        let mut sent = 0;
        for number in &said {
            sent += usize::from(!history(&client, session(*number)).await.is_empty());
        }
        in_one_life += sent;
        taken.extend(said);
    }
    assert!(in_one_life > 0, "of {taken:?}");
    println!(
        "{in_one_life} of {} prompts were sent by the app that took them, the others by one after it",
        taken.len()
    );

    let last = WindowHost::start(APP, place.path(), &live.env()).await.unwrap();
    settled(&paths, &client).await;
    drop(last);
    let mut arrived = BTreeSet::new();
    for number in 0..KILLS * PROMPTS {
        let said = history(&client, session(number)).await;
        let asked = said
            .iter()
            .filter(|message| message.role == Role::User && message.text().contains(&question(number)));
        match asked.count() {
            0 => {}
            1 => drop(arrived.insert(number)),
            more => panic!("prompt {number} was sent {more} times: {said:#?}"),
        }
    }
    let lost: Vec<_> = taken.difference(&arrived).collect();
    assert!(lost.is_empty(), "taken and lost: {lost:?}");
    client.shutdown().await;
}
