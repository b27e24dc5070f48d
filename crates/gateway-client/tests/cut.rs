//! Messages that the gateway cut for display arrive whole. What it does not give is said, without
//! its words.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

mod common;

use clawtray_gateway_client::protocol::{Cut, Message as Row};
use clawtray_gateway_client::{Client, ConnectionState, Gateway, History, HistoryQuery};
use common::{challenge, config, hello, request_id};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

/// Characters that a page shows of a text.
const CAP: usize = 8000;

fn text(words: usize) -> String {
    let mut text: Vec<String> = (0..words).map(|n| format!("word{n}")).collect();
    text.push("END".to_owned());
    text.join(" ")
}

fn row(id: &str, role: &str, text: &str, meta: &Value) -> Value {
    let mut row = json!({"role": role, "content": [{"type": "text", "text": text}], "timestamp": 1,
        "__openclaw": {"id": id, "seq": 1}});
    for (name, value) in meta.as_object().unwrap() {
        row["__openclaw"][name] = value.clone();
    }
    row
}

fn page() -> Value {
    let long = text(2500);
    let cut = json!({"truncated": true, "reason": "display-cap"});
    let omitted = json!({"truncated": true, "reason": "oversized"});
    json!([
        row("short", "assistant", "a short reply", &json!({})),
        row(
            "long",
            "assistant",
            &format!("{}\n...(truncated)...", &long[..CAP]),
            &cut
        ),
        row("tool", "toolResult", &long[..CAP], &cut),
        row(
            "large",
            "assistant",
            "[chat.history omitted: message too large]",
            &omitted
        ),
        row(
            "huge",
            "assistant",
            "[chat.history omitted: message too large]",
            &omitted
        ),
    ])
}

fn answer(request: &Value, knows_the_method: bool) -> Value {
    let whole = |id, words| json!({"ok": true, "message": row(id, "assistant", &text(words), &json!({}))});
    match (
        request["method"].as_str().unwrap(),
        request["params"]["messageId"].as_str(),
    ) {
        ("chat.history", _) => json!({"sessionKey": "s", "messages": page()}),
        ("chat.message.get", _) if !knows_the_method => Value::Null,
        ("chat.message.get", Some("long")) => whole("long", 2500),
        ("chat.message.get", Some("large")) => whole("large", 25_000),
        ("chat.message.get", _) => json!({"ok": false, "unavailableReason": "oversized"}),
        _ => json!({}),
    }
}

/// The page that a client gets from such a gateway.
async fn read(knows_the_method: bool) -> History {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        socket.send(Message::text(challenge())).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(frame) = message else { continue };
            let id = request_id(&frame);
            let request: Value = serde_json::from_str(&frame).unwrap();
            let frame = if request["method"] == "connect" {
                hello(&id, "b")
            } else {
                let answer = match answer(&request, knows_the_method) {
                    Value::Null => json!({"type": "res", "id": id, "ok": false,
                        "error": {"code": "INVALID_REQUEST", "message": "unknown method"}}),
                    payload => json!({"type": "res", "id": id, "ok": true, "payload": payload}),
                };
                answer.to_string()
            };
            if socket.send(Message::text(frame)).await.is_err() {
                return;
            }
        }
    });
    let mut config = config();
    config.url = format!("ws://127.0.0.1:{port}");
    let client = Client::connect(config);
    let mut state = client.state();
    state
        .wait_for(|state| matches!(state, ConnectionState::Ready(_)))
        .await
        .unwrap();
    let query = HistoryQuery {
        session: "s".into(),
        ..HistoryQuery::default()
    };
    client.history(query).await.unwrap()
}

fn said(page: &History, id: &str) -> (String, Option<Cut>) {
    let has = |row: &&Row| row.meta.id.as_ref().is_some_and(|known| known.as_str() == id);
    let row = page.messages.iter().find(has).unwrap();
    (row.text(), row.cut())
}

#[tokio::test]
async fn a_page_has_the_whole_text_of_what_was_cut() {
    let page = read(true).await;
    assert_eq!(said(&page, "short"), ("a short reply".to_owned(), None));
    assert_eq!(said(&page, "long"), (text(2500), None));
    assert_eq!(said(&page, "large"), (text(25_000), None));
    assert_eq!(
        said(&page, "huge"),
        (String::new(), Some(Cut::Omitted)),
        "the gateway's words are not the agent's"
    );
    // The output of a tool stays as it is shown, and says so.
    assert_eq!(said(&page, "tool").1, Some(Cut::Shortened));
}

#[tokio::test]
async fn an_older_gateway_gives_what_it_has_and_no_words_of_its_own() {
    let page = read(false).await;
    assert_eq!(
        said(&page, "long"),
        (text(2500)[..CAP].to_owned(), Some(Cut::Shortened))
    );
    assert_eq!(said(&page, "large"), (String::new(), Some(Cut::Omitted)));
}
