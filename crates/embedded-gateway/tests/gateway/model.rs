//! The agent with a model server, against prepared event streams.

use crate::common::{Socket, lab_with};
use clawtray_embedded_gateway::{AgentBackend, ModelServer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// A model server that answers each completion with the next of `answers` (status, body); gives the requests.
async fn model(answers: Vec<(u16, String)>) -> (String, mpsc::UnboundedReceiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tx, rx) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut answers = answers.into_iter();
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut bytes, mut chunk) = (Vec::new(), [0u8; 65536]);
            let (head, body) = loop {
                let n = stream.read(&mut chunk).await.unwrap_or(0);
                bytes.extend_from_slice(&chunk[..n]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let length = head
                        .lines()
                        .find_map(|l| l.strip_prefix("content-length: "))
                        .unwrap_or("0");
                    if body.len() >= length.parse::<usize>().unwrap() {
                        break (head.to_owned(), body.to_owned());
                    }
                }
                if n == 0 {
                    break (String::new(), String::new());
                }
            };
            let (status, body) = if head.starts_with("GET /v1/models") {
                (200, json!({"data": [{"id": "tiny"}]}).to_string())
            } else {
                let _ = tx.send(serde_json::from_str(&body).unwrap_or_default());
                answers.next().unwrap_or((500, "{}".into()))
            };
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, rx)
}

fn stream(deltas: &[Value], finish: &str) -> String {
    let mut out = String::new();
    for delta in deltas {
        out.push_str(&format!(
            "data: {}\n\n",
            json!({"model": "tiny-1", "choices": [{"index": 0, "delta": delta}]})
        ));
    }
    out.push_str(&format!(
        "data: {}\n\n",
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    ));
    out.push_str(&format!(
        "data: {}\n\ndata: [DONE]\n\n",
        json!({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7}})
    ));
    out
}

fn server(url: String) -> AgentBackend {
    AgentBackend::OpenAi(ModelServer {
        url,
        model: None,
        key: None,
    })
}

#[tokio::test]
async fn answers_stream_with_the_conversation_so_far() {
    let hello = stream(&[json!({"content": "Hel"}), json!({"content": "lo"})], "stop");
    let again = stream(
        &[json!({"reasoning_content": "hm"}), json!({"content": "Again"})],
        "stop",
    );
    let (url, mut asked) = model(vec![(200, hello), (200, again)]).await;
    let lab = lab_with(|c| c.agent = server(url)).await;
    let mut socket = Socket::connected(&lab.gateway.url()).await;
    socket
        .call(
            "chat.send",
            json!({"sessionKey": "main", "message": "one", "idempotencyKey": "1"}),
        )
        .await;
    let last = socket.chat("1", "final").await;
    assert_eq!(last["message"]["content"][0]["text"], "Hello");
    socket
        .call(
            "chat.send",
            json!({"sessionKey": "main", "message": "two", "idempotencyKey": "2"}),
        )
        .await;
    socket.chat("2", "final").await;
    assert!(socket.events.iter().any(|e| e["payload"]["stream"] == "thinking"));
    let first = asked.recv().await.unwrap();
    assert_eq!(
        (first["model"].as_str(), first["stream"].as_bool()),
        (Some("tiny"), Some(true))
    );
    let second = asked.recv().await.unwrap();
    let texts: Vec<&str> = second["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["content"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["one", "Hello", "two"]);
    let history = socket.call("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(history["messages"][1]["usage"]["input"], 11);
    assert_eq!(history["messages"][1]["model"], "tiny-1");
}

#[tokio::test]
async fn tool_calls_are_carried_out_and_shown() {
    let call = |part: Value| json!({"tool_calls": [part]});
    let tool = stream(
        &[
            call(json!({"index": 0, "id": "c1", "function": {"name": "word_count", "arguments": "{\"te"}})),
            call(json!({"index": 0, "function": {"arguments": "xt\":\"a b c\"}"}})),
        ],
        "tool_calls",
    );
    let (url, mut asked) = model(vec![
        (200, tool),
        (200, stream(&[json!({"content": "Three."})], "stop")),
    ])
    .await;
    let lab = lab_with(|c| c.agent = server(format!("{url}/v1"))).await;
    let mut socket = Socket::connected(&lab.gateway.url()).await;
    socket
        .call(
            "chat.send",
            json!({"sessionKey": "main", "message": "count", "idempotencyKey": "1"}),
        )
        .await;
    let last = socket.chat("1", "final").await;
    assert_eq!(last["message"]["content"][0]["text"], "Three.");
    let tools: Vec<&Value> = socket
        .events
        .iter()
        .filter(|e| e["payload"]["stream"] == "tool")
        .map(|e| &e["payload"]["data"])
        .collect();
    assert_eq!(tools[0]["args"], json!({"text": "a b c"}));
    assert_eq!(tools[1]["result"]["content"][0]["text"], "3 words, 5 characters");
    asked.recv().await.unwrap();
    let messages = asked.recv().await.unwrap()["messages"].clone();
    assert_eq!(
        messages[2],
        json!({"role": "tool", "tool_call_id": "c1", "content": "3 words, 5 characters"})
    );
}

#[tokio::test]
async fn failures_are_failed_runs_in_words() {
    let refused = json!({"error": {"message": "no such thing"}}).to_string();
    let cut = "data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n".to_owned();
    let no_tools = json!({"error": {"message": "tiny does not support tools"}}).to_string();
    let fine = stream(&[json!({"content": "fine"})], "stop");
    let (url, _asked) = model(vec![(404, refused), (200, cut), (400, no_tools), (200, fine)]).await;
    let lab = lab_with(|c| c.agent = server(url)).await;
    let mut socket = Socket::connected(&lab.gateway.url()).await;
    for (run, reason) in [("1", "model_not_found"), ("2", "network")] {
        socket
            .call(
                "chat.send",
                json!({"sessionKey": "main", "message": "x", "idempotencyKey": run}),
            )
            .await;
        let error = socket.chat(run, "error").await;
        assert_eq!(error["errorDetail"]["failoverReason"], reason, "{error}");
    }
    // A model without tools is asked again without them.
    socket
        .call(
            "chat.send",
            json!({"sessionKey": "main", "message": "x", "idempotencyKey": "3"}),
        )
        .await;
    assert_eq!(
        socket.chat("3", "final").await["message"]["content"][0]["text"],
        "fine"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_fails_the_run() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let lab = lab_with(|c| c.agent = server(format!("http://{free}"))).await;
    let mut socket = Socket::connected(&lab.gateway.url()).await;
    socket
        .call(
            "chat.send",
            json!({"sessionKey": "main", "message": "x", "idempotencyKey": "1"}),
        )
        .await;
    let error = socket.chat("1", "error").await;
    assert!(
        error["errorMessage"]
            .as_str()
            .unwrap()
            .contains("cannot be reached")
    );
}

#[tokio::test]
async fn reasoning_in_the_text_is_no_part_of_the_answer() {
    let pieces = ["<thi", "nk>plan", "</think>", "\n\nHel", "lo"].map(|piece| json!({"content": piece}));
    let (url, _asked) = model(vec![(200, stream(&pieces, "stop"))]).await;
    let lab = lab_with(|c| c.agent = server(url)).await;
    let mut socket = Socket::connected(&lab.gateway.url()).await;
    socket
        .call(
            "chat.send",
            json!({"sessionKey": "main", "message": "one", "idempotencyKey": "1"}),
        )
        .await;
    let last = socket.chat("1", "final").await;
    assert_eq!(last["message"]["content"][0]["text"], "Hello");
    let thought = |event: &Value| event["payload"]["stream"] == "thinking";
    assert!(socket.events.iter().any(thought), "the reasoning is told apart");
}
