//! Outgoing webhooks, received by a plain socket.

use crate::common::api::Api;
use crate::common::{TOKEN, lab_with};
use clawtray_embedded_gateway::Webhook;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Receives posts; answers the first `failures` of them with 500. Gives signature and body of each.
async fn receiver(failures: usize) -> (String, mpsc::UnboundedReceiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (tx, rx) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut seen = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = Vec::new();
            let mut chunk = [0u8; 8192];
            let (head, body) = loop {
                let n = stream.read(&mut chunk).await.unwrap_or(0);
                bytes.extend_from_slice(&chunk[..n]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let length = head.lines().find_map(|l| l.strip_prefix("content-length: "));
                    if n == 0 || length.is_some_and(|l| l.parse::<usize>().is_ok_and(|l| body.len() >= l)) {
                        break (head.to_owned(), body.to_owned());
                    }
                }
                if n == 0 {
                    break (String::new(), String::new());
                }
            };
            seen += 1;
            let status = if seen <= failures { "500 Oops" } else { "200 OK" };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
            let signature = head
                .lines()
                .find_map(|l| l.strip_prefix("x-openclaw-signature: "))
                .unwrap_or_default();
            let _ = tx.send((signature.to_owned(), body));
        }
    });
    (url, rx)
}

async fn next(rx: &mut mpsc::UnboundedReceiver<(String, String)>) -> (String, String) {
    tokio::time::timeout(Duration::from_secs(20), rx.recv())
        .await
        .expect("a delivery in time")
        .unwrap()
}

#[tokio::test]
async fn events_are_signed_and_repeated_until_taken() {
    let (url, mut rx) = receiver(2).await;
    let hook = Webhook {
        backoff: Duration::from_millis(10),
        ..Webhook::new(url, "shared")
    };
    let lab = lab_with(|c| c.webhooks = vec![hook]).await;
    let api = Api::new(lab.gateway.http_url(), Some(TOKEN));
    let sent = api
        .posted(
            "/api/v1/messages",
            json!({"workspace": "w", "userId": "ann", "message": "hello"}),
        )
        .await;
    let (first, second) = (next(&mut rx).await, next(&mut rx).await);
    assert_eq!(first, second);
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let (signature, body) = next(&mut rx).await;
        let mut mac = Hmac::<Sha256>::new_from_slice(b"shared").unwrap();
        mac.update(body.as_bytes());
        let hex: String = mac
            .finalize()
            .into_bytes()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(signature, format!("sha256={hex}"));
        seen.push(serde_json::from_str::<Value>(&body).unwrap());
    }
    let of = |name: &str| {
        seen.iter()
            .find(|e| e["event"] == name)
            .unwrap_or_else(|| panic!("no {name}: {seen:?}"))
    };
    assert_eq!(of("message.received")["data"]["message"], "hello");
    assert_eq!(of("session.started")["data"]["workspace"], "w");
    let reply = of("message.sent");
    assert!(
        reply["timestamp"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .is_ok()
    );
    let data = &reply["data"];
    assert_eq!(data["messageId"], sent["messageId"]);
    assert_eq!(data["response"], sent["response"]);
    assert_eq!(
        (
            data["workspace"].as_str(),
            data["userId"].as_str(),
            data["channel"].as_str()
        ),
        (Some("w"), Some("ann"), Some("api"))
    );
    assert!(data["tokensUsed"].is_u64() && data["latencyMs"].is_u64());
}

#[tokio::test]
async fn only_wanted_events_are_sent_also_for_runs_that_nobody_asked_for_here() {
    let (url, mut rx) = receiver(0).await;
    let hook = Webhook {
        events: vec!["error.agent".into(), "session.ended".into()],
        ..Webhook::new(url, "s")
    };
    let lab = lab_with(|c| c.webhooks = vec![hook]).await;
    let mut socket = crate::common::Socket::connected(&lab.gateway.url()).await;
    socket
        .call(
            "chat.send",
            json!({"sessionKey": "main", "message": "hello", "idempotencyKey": "a"}),
        )
        .await;
    socket
        .call(
            "chat.send",
            json!({"sessionKey": "main", "message": "please fail", "idempotencyKey": "b"}),
        )
        .await;
    let event: Value = serde_json::from_str(&next(&mut rx).await.1).unwrap();
    assert_eq!(
        (event["event"].as_str(), event["data"]["messageId"].as_str()),
        (Some("error.agent"), Some("b"))
    );
}
