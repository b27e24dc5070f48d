//! Webhooks: which are accepted, which are refused, and that each is reported once.

use crate::stand_in::{StandIn, json, prompt, ready};
use clawtray_gateway_client::{Dialect, Gateway, GatewayEvent, Protocol, RunStep, WebhookConfig};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const SECRET: &str = "webhook-secret";

fn signed(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let hex: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256={hex}")
}

/// Posts a body, and gives the status.
async fn post(port: u16, signature: Option<&str>, body: &str) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let signature = signature.map(|value| format!("X-OpenClaw-Signature: {value}\r\n"));
    let request = format!(
        "POST /hooks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{}Content-Length: {}\r\n\r\n{body}",
        signature.unwrap_or_default(),
        body.len()
    );
    // It may answer, and hang up, before it has read all of it.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer
        .split(' ')
        .nth(1)
        .unwrap_or_else(|| panic!("{answer:?}"))
        .parse()
        .unwrap()
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}

fn sent(at: &str, id: &str, text: &str) -> String {
    format!(
        r#"{{"event":"message.sent","timestamp":"{at}","data":{{"messageId":"{id}","workspace":"default","userId":"ann","channel":"telegram","response":"{text}","tokensUsed":3,"latencyMs":9}}}}"#
    )
}

async fn told(events: &mut mpsc::Receiver<GatewayEvent>) -> (String, RunStep) {
    loop {
        let event = tokio::time::timeout(Duration::from_secs(60), events.recv())
            .await
            .unwrap()
            .unwrap();
        if let GatewayEvent::Run(event) = event {
            return (event.session.0, event.step);
        }
    }
}

#[tokio::test]
async fn what_is_signed_and_new_is_told_once() {
    let row = r#"[{"id":"sess_ann","workspace":"default","userId":"ann","lastActiveAt":"2026-02-22T18:30:00Z","messageCount":2}]"#;
    let gateway = StandIn::start(&[
        ("GET /api/v1/health", json(r#"{"status":"ok"}"#)),
        ("GET /api/v1/sessions", json(row)),
        (
            "POST /api/v1/messages",
            json(r#"{"messageId":"m-own","response":"Ours.","sessionId":"sess_ann"}"#),
        ),
    ])
    .await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let client = gateway.client_with(Protocol::Http(Dialect::Messages), |config| {
        config.webhook = Some(WebhookConfig {
            port,
            secret: SECRET.into(),
        });
    });
    ready(&client).await;
    assert!(client.capabilities().push);
    let mut events = client.events();

    let body = sent(&now(), "m1", "Hello.");
    assert_eq!(post(port, None, &body).await, 401, "not signed");
    assert_eq!(post(port, Some("sha256=00"), &body).await, 401, "too short");
    assert_eq!(
        post(port, Some(&signed("other", &body)), &body).await,
        401,
        "another secret"
    );
    let tampered = body.replace("Hello.", "Pay me.");
    assert_eq!(
        post(port, Some(&signed(SECRET, &body)), &tampered).await,
        401,
        "another body"
    );
    let old = sent("2026-01-01T00:00:00Z", "m0", "Old.");
    assert_eq!(
        post(port, Some(&signed(SECRET, &old)), &old).await,
        400,
        "recorded long ago"
    );
    let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(2_000_000));
    assert_eq!(post(port, Some(&signed(SECRET, &large)), &large).await, 413);
    assert_eq!(post(port, Some(&signed(SECRET, "{")), "{").await, 400, "no JSON");

    // Twice, as a sender does who got no answer.
    let signature = signed(SECRET, &body);
    assert_eq!(post(port, Some(&signature), &body).await, 200);
    assert_eq!(post(port, Some(&signature), &body).await, 200);
    // A reply that was asked for here comes by its own run, and not by its webhook.
    client.send(prompt("sess_ann", "mine")).await.unwrap();
    let own = sent(&now(), "m-own", "Ours.");
    assert_eq!(post(port, Some(&signed(SECRET, &own)), &own).await, 200);
    let failed = format!(
        r#"{{"event":"error.agent","timestamp":"{}","data":{{"sessionId":"sess_ann","error":"out of tokens"}}}}"#,
        now()
    );
    assert_eq!(post(port, Some(&signed(SECRET, &failed)), &failed).await, 200);

    let (session, step) = told(&mut events).await;
    assert_eq!(session, "sess_ann", "found by workspace and user");
    let RunStep::Final { message, .. } = step else {
        panic!("{step:?}")
    };
    assert_eq!(message.unwrap().text(), "Hello.");
    let (_, step) = told(&mut events).await;
    assert_eq!(
        step,
        RunStep::Error {
            message: "out of tokens".into()
        },
        "and nothing in between"
    );
}

#[tokio::test]
async fn equal_replies_are_told_each_and_a_repetition_never_also_on_a_new_connection() {
    let row =
        r#"[{"id":"sess_ann","workspace":"default","userId":"ann","lastActiveAt":"2026-02-22T18:30:00Z"}]"#;
    let gateway = StandIn::start(&[
        ("GET /api/v1/health", json(r#"{"status":"ok"}"#)),
        ("GET /api/v1/sessions", json(row)),
    ])
    .await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let connect = || {
        gateway.client_with(Protocol::Http(Dialect::Messages), |config| {
            config.webhook = Some(WebhookConfig {
                port,
                secret: SECRET.into(),
            });
        })
    };
    let client = connect();
    ready(&client).await;
    let mut events = client.events();
    let at = now();
    let bodies = ["m1", "m2"].map(|id| sent(&at, id, "Done."));
    for body in &bodies {
        assert_eq!(post(port, Some(&signed(SECRET, body)), body).await, 200);
    }
    for _ in 0..2 {
        assert!(matches!(told(&mut events).await.1, RunStep::Final { .. }));
    }
    client.shutdown().await;
    drop(client);
    // The listener of the old connection lets go of its port.
    while TcpListener::bind(("127.0.0.1", port)).await.is_err() {
        tokio::task::yield_now().await;
    }
    let client = connect();
    ready(&client).await;
    assert!(client.capabilities().push, "it listens again");
    let mut events = client.events();
    for body in &bodies {
        assert_eq!(post(port, Some(&signed(SECRET, body)), body).await, 200);
    }
    let end = format!(
        r#"{{"event":"error.agent","timestamp":"{}","data":{{"sessionId":"sess_ann","error":"end"}}}}"#,
        now()
    );
    assert_eq!(post(port, Some(&signed(SECRET, &end)), &end).await, 200);
    assert_eq!(
        told(&mut events).await.1,
        RunStep::Error {
            message: "end".into()
        },
        "nothing in front of it"
    );
    // A time at the end of the numbers is refused, and breaks nothing.
    for far in [i64::MIN, i64::MAX] {
        let body = format!(r#"{{"event":"message.sent","timestamp":{far},"data":{{}}}}"#);
        assert_eq!(
            post(port, Some(&signed(SECRET, &body)), &body).await,
            400,
            "{far}"
        );
    }
}
