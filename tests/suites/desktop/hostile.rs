//! Known attacks on Markdown renderers, in the engine of the app's windows.

use super::{ANSWER, Report, accept_found_gateway};
use clawtray_gateway_client::protocol::SessionKey;
use clawtray_gateway_client::{Client, Gateway};
use product_tests::canary::Canary;
use product_tests::live::{prompt, wait_for_ready};
use product_tests::stage::StageConfig;
use product_tests::waiting::{Asked, asked};
use product_tests::{Live, Stage, Webview};
use serde_json::{Value, json};
use std::collections::HashSet;

/// The corpus that the units of the UI use too.
const CORPUS: &str = include_str!("../../../ui/src/markdown/payloads.json");
const ARM: &str = include_str!("hostile.js");
const SESSION: &str = "agent:main:main";

/// All payloads, each in at most so many frames, with the canary in the place of the evil host.
fn corpus(canary: &Canary, frames_each: usize) -> Vec<String> {
    let kinds: Value = serde_json::from_str(CORPUS).unwrap();
    let texts = |list: &Value| -> Vec<String> { serde_json::from_value(list.clone()).unwrap() };
    let mut all = Vec::new();
    for kind in kinds.as_object().unwrap().values() {
        let frames = texts(&kind["frames"]);
        for payload in texts(&kind["payloads"]) {
            let payload = payload
                .replace("https://evil.example", &format!("http://{}", canary.host()))
                .replace("evil.example", &canary.host());
            all.extend(
                frames
                    .iter()
                    .take(frames_each)
                    .map(|frame| frame.replace('%', &payload)),
            );
        }
    }
    all
}

/// What an armed page has seen since it was armed.
async fn harm_done(page: &Webview) -> Value {
    page.run("return window.harmDone();", Vec::new()).await.unwrap()
}

/// Nothing came of what was drawn, and at least so many answers were.
async fn assert_unharmed(page: &Webview, canary: &Canary, drawn: usize, when: &str) {
    let done = harm_done(page).await;
    for what in ["refused", "foreign", "elements"] {
        assert_eq!(done[what], json!([]), "{when}: {done:#}");
    }
    assert_eq!(done["ran"], json!(0), "{when}: {done:#}");
    assert!(done["drawn"].as_u64() >= Some(drawn as u64), "{when}: {done:#}");
    assert_eq!(canary.seen(), Vec::<String>::new(), "{when}");
}

/// Raw, the corpus does its harm in this engine; otherwise its silence in the app would say nothing.
async fn assert_it_has_teeth(stage: &Stage, payloads: &[String], canary: &Canary) {
    let page = Webview::bare(&stage.desktop).await.unwrap();
    page.client().goto(&canary.page()).await.unwrap();
    page.run(ARM, Vec::new()).await.unwrap();
    let insert = "for (const payload of arguments[0]) {
        const box = document.createElement('div');
        document.body.append(box);
        box.innerHTML = payload;
    }";
    // Frames and redirections would take the page with them, and what it counts.
    let gentle = |payload: &&String| {
        !["<meta", "<iframe", "<object", "<embed"]
            .iter()
            .any(|tag| payload.contains(tag))
    };
    let payloads: Vec<&String> = payloads.iter().filter(gentle).collect();
    page.run(insert, vec![json!(payloads)]).await.unwrap();
    asked("scripts that run and requests that leave", || async {
        let ran = harm_done(&page).await["ran"].as_u64().unwrap_or_default();
        let fetched: HashSet<String> = canary.seen().into_iter().collect();
        let told = format!("{ran} scripts ran, fetched: {fetched:?}");
        Ok(if ran >= 10 && fetched.len() >= 5 {
            Asked::There(())
        } else {
            Asked::NotYet(told)
        })
    })
    .await
    .unwrap();
    page.close().await.unwrap();
}

/// The page of the popup, armed, and shown to notice: what is put into it by force is refused and reported.
async fn arm(popup: &Webview, canary: &Canary) {
    popup.run(ARM, Vec::new()).await.unwrap();
    let force =
        "const image = new Image(); image.src = arguments[0]; document.body.append(image); image.remove();
        const box = document.createElement('div'); document.body.append(box);
        box.innerHTML = '<button onclick=\"alert(1)\">x</button>'; box.firstChild.click(); box.remove();";
    let address = format!("http://{}/forced", canary.host());
    popup.run(force, vec![json!(address)]).await.unwrap();
    asked("both attempts reported", || async {
        let refused = harm_done(popup).await["refused"].to_string();
        let both = refused.contains("img-src") && refused.contains("script-src");
        Ok(if both {
            Asked::There(())
        } else {
            Asked::NotYet(refused)
        })
    })
    .await
    .unwrap();
    popup
        .run(
            "window.harm.refused = []; performance.clearResourceTimings();",
            Vec::new(),
        )
        .await
        .unwrap();
}

/// Waits for a complete answer with this text. What is below the fold is not laid out, and so has no inner text.
async fn wait_for_answer(popup: &Webview, last: &str) {
    let script = "return [...document.querySelectorAll(arguments[0])].at(-1)?.textContent ?? '';";
    asked(&format!("the answer {last:?}"), || async {
        let text = popup.run(script, vec![json!(ANSWER)]).await?.to_string();
        Ok(if text.contains(last) {
            Asked::There(())
        } else {
            Asked::NotYet(text)
        })
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn nothing_that_an_agent_writes_runs_or_calls_home() {
    let loud = Canary::start().unwrap();
    let canary = Canary::start().unwrap();
    let payloads = corpus(&canary, usize::MAX);
    assert!(payloads.iter().collect::<HashSet<_>>().len() >= 300);
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    assert_it_has_teeth(&stage, &corpus(&loud, 1), &loud).await;

    let live = Live::start(Value::Null).unwrap();
    let mut config = live.new_device("hostile");
    config.scopes.push("operator.admin".to_owned());
    let agent = Client::connect(config);
    wait_for_ready(&agent).await.unwrap();
    let popup = stage.start_controlled(&[], &live.env()).await.unwrap();
    accept_found_gateway(&popup).await;
    popup.wait_for_text(".chips", "Main").await.unwrap();
    arm(&popup, &canary).await;

    // Streamed, in replies of many payloads each.
    let session = SessionKey(SESSION.to_owned());
    for (number, batch) in payloads.chunks(60).enumerate() {
        let name = format!("batch{number}");
        let last = format!("End of {name}.");
        live.model
            .teach(&name, &format!("{}\n\n{last}", batch.join("\n\n")));
        let text = format!("[[text:{name}]] [[n:60]]");
        agent.send(prompt(&session, &name, &text)).await.unwrap();
        wait_for_answer(&popup, &last).await;
        assert_unharmed(&popup, &canary, number + 1, &name).await;
    }
    stage.picture("hostile").unwrap();

    // Each in a message of its own.
    let single = corpus(&canary, 1);
    assert!(single.len() >= 150);
    for payload in &single {
        let note = json!({ "sessionKey": SESSION, "message": payload });
        agent.call_raw("chat.inject", note).await.unwrap();
    }
    let note = json!({ "sessionKey": SESSION, "message": "The last of them." });
    agent.call_raw("chat.inject", note).await.unwrap();
    wait_for_answer(&popup, "The last of them.").await;
    assert_unharmed(&popup, &canary, single.len(), "one by one").await;
    popup.close().await.unwrap();

    // And once more from what was stored.
    let popup = stage.start_controlled(&[], &live.env()).await.unwrap();
    arm(&popup, &canary).await;
    wait_for_answer(&popup, "The last of them.").await;
    assert_unharmed(&popup, &canary, 150, "from the store").await;
    popup.close().await.unwrap();
    agent.shutdown().await;
}
