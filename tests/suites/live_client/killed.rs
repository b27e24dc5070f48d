//! The gateway killed ten times in the middle of a reply.

use super::{history, prompts};
use clawtray_gateway_client::protocol::{Role, SessionKey};
use clawtray_gateway_client::{Client, ConnectionState, Gateway, GatewayEvent, RunStep};
use product_tests::live::{Live, prompt, wait_for_ready, wait_for_state};
use product_tests::waiting::{Asked, PATIENCE, asked};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const KILLS: usize = 10;
/// How often a prompt is sent that fails because the gateway was going on with an interrupted run.
const ATTEMPTS: usize = 4;
/// How long the interrupted run may still answer a prompt that failed: the gateway puts both together.
const TAKEN_IN: Duration = Duration::from_secs(10);

/// Waits until a text is in what a session says, whichever run says it: a prompt that comes while the gateway resumes
/// an interrupted run is answered in that one. The error is that of a run that failed, with nothing said after it.
async fn heard(
    events: &mut mpsc::Receiver<GatewayEvent>,
    session: &SessionKey,
    text: &str,
    live: &Live,
) -> Result<(), String> {
    let (mut said, mut failed) = (String::new(), None);
    let mut end = tokio::time::Instant::now() + PATIENCE;
    while !said.contains(text) {
        let Ok(event) = tokio::time::timeout_at(end, events.recv()).await else {
            if let Some(error) = failed {
                return Err(error);
            }
            let asked: Vec<String> = live.model.seen().into_iter().map(|seen| seen.user_text).collect();
            panic!("{text:?} is not in {said:?}; the model was asked {asked:#?}");
        };
        let GatewayEvent::Run(event) = event.unwrap() else {
            continue;
        };
        match event.step {
            _ if event.session != *session => {}
            RunStep::Delta { text, .. } => said.push_str(&text),
            // The last words may come with the end alone.
            RunStep::Final {
                message: Some(message),
                ..
            } => said.push_str(&message.text()),
            RunStep::Error { message } => {
                failed = Some(message);
                end = tokio::time::Instant::now() + TAKEN_IN;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Asks, and listens until the answer begins. With a gateway that lets prompts fail while it goes on with an interrupted
/// run ("Retry.", it says) the user asks again. The keys under which it was asked.
async fn ask(
    client: &Client,
    session: &SessionKey,
    key: &str,
    (text, answer): (&str, &str),
    may_fail: bool,
    live: &Live,
) -> Vec<String> {
    let mut keys = Vec::new();
    loop {
        let key = match keys.len() {
            0 => key.to_owned(),
            again => format!("{key}-again-{again}"),
        };
        let mut events = client.events();
        client.send(prompt(session, &key, text)).await.unwrap();
        keys.push(key);
        let Err(error) = heard(&mut events, session, answer, live).await else {
            return keys;
        };
        assert!(may_fail && keys.len() < ATTEMPTS, "{keys:?}: {error}");
        println!("{keys:?} failed, and it is sent again: {error}");
    }
}

fn text_of(round: usize) -> String {
    format!("[[say:{}]] [[n:2]] [[hold:round-{round}]]", reply_of(round))
}

fn reply_of(round: usize) -> String {
    format!("reply-{round} goes from its beginning to its end")
}

/// Waits until nothing runs in a session.
async fn over(client: &Client, session: &SessionKey) {
    asked("the run is over", async || {
        Ok(match history(client, session).await.in_flight {
            None => Asked::There(()),
            Some(run) => Asked::NotYet(format!("{run:?}")),
        })
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn gateway_killed_ten_times_in_the_middle_of_a_reply_loses_and_doubles_nothing() {
    // It is started eleven times: with as little as it takes.
    let bare = json!({ "plugins": { "enabled": false }, "gateway": { "controlUi": { "enabled": false } } });
    let mut live = Live::start(bare).unwrap();
    let begun = Instant::now();
    let client = Client::connect(live.new_device("killed"));
    wait_for_ready(&client).await.unwrap();
    let session = SessionKey::from("agent:main:killed");
    // Older ones lose prompts that were in the transcript before, or give the model one of them together with a note of
    // their own: with them it is shown that nothing is doubled, and that the client goes on.
    let keeps = live.has("a transcript that survives a kill", (2026, 9));
    let mut keys = Vec::new();
    for round in 0..KILLS {
        let (key, text) = (format!("round-{round}"), text_of(round));
        let what = (text.as_str(), &*format!("reply-{round}"));
        let asked_as = ask(&client, &session, &key, what, !keeps, &live).await;
        live.gateway.kill();
        wait_for_state(&client, |state| matches!(state, ConnectionState::Backoff { .. }))
            .await
            .unwrap();
        live.model.release(&key);
        live.gateway.start_again().unwrap();
        // The back-off may have grown while the gateway was away; the user would not wait either.
        client.reconnect();
        wait_for_ready(&client).await.unwrap();

        // The gateway may go on with the run by itself, now or later. Whether it does or not, the prompt is there.
        keys.extend(asked_as);
        let there = history(&client, &session).await.messages;
        let mut times = prompts(&there, &keys);
        if !keeps {
            assert!(
                times.iter().all(|times| *times <= 1),
                "after kill {round}: {times:?}"
            );
            over(&client, &session).await;
            continue;
        }
        if times.pop() == Some(0) {
            // Accepted, and gone with the process: what an outbox does then is to send it again under its key.
            println!("round {round}: the prompt was not in the transcript and is sent again");
            let mut events = client.events();
            client.send(prompt(&session, &key, &text)).await.unwrap();
            heard(&mut events, &session, "to its end", &live).await.unwrap();
            times = prompts(&history(&client, &session).await.messages, &keys);
            assert_eq!(times.pop(), Some(1), "after kill {round}");
        }
        assert_eq!(times, vec![1; round], "after kill {round}");
        println!("round {round}: {:.0} s", begun.elapsed().as_secs_f64());
    }
    let last = ("[[say:still here]]", "still here");
    let asked_as = ask(&client, &session, "last", last, !keeps, &live).await;
    over(&client, &session).await;
    let end = history(&client, &session).await;
    keys.extend(asked_as);
    let times = prompts(&end.messages, &keys);
    if keeps {
        assert_eq!(times, [1; KILLS + 1]);
    } else {
        assert!(times.iter().all(|times| *times <= 1), "{times:?}");
    }
    for round in 0..KILLS {
        let whole = reply_of(round);
        let times = end
            .messages
            .iter()
            .filter(|message| message.role == Role::Assistant && message.text() == whole)
            .count();
        let (key, again) = (format!("round-{round}"), format!("round-{round}-"));
        let asked = keys
            .iter()
            .filter(|at| **at == key || at.starts_with(&again))
            .count();
        assert!(times <= asked, "{whole:?} {times} times, asked {asked} times");
    }
    client.shutdown().await;
}
