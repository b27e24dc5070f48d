//! Hostile requests. Each is refused with a status, and the gateway continues.

use crate::common::api::Api;
use crate::common::{Lab, TOKEN, lab, lab_with};
use clawtray_embedded_gateway::AgentBackend;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn api(lab: &Lab) -> Api {
    Api::new(lab.gateway.http_url(), Some(TOKEN))
}

/// Sends bytes and gives the status that comes back, 0 for none.
async fn raw(lab: &Lab, bytes: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(lab.gateway.addr()).await.unwrap();
    // The gateway may stop reading half-way: that is the point.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let mut chunk = [0u8; 4096];
    loop {
        match tokio::time::timeout(Duration::from_secs(20), stream.read(&mut chunk))
            .await
            .expect("an answer in time")
        {
            Ok(0) | Err(_) => break,
            Ok(n) => answer.extend_from_slice(&chunk[..n]),
        }
        if answer.windows(4).any(|w| w == b"\r\n\r\n") {
            break;
        }
    }
    let text = String::from_utf8_lossy(&answer);
    text.split_whitespace()
        .nth(1)
        .and_then(|s| s.parse().ok())
        .unwrap_or(0)
}

fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let mut out = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    out.extend_from_slice(body);
    out
}

#[tokio::test]
async fn bad_bodies_get_a_status() {
    let lab = lab().await;
    let deep = format!("{{\"message\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let large = json!({"message": "x".repeat(2 * 1024 * 1024)}).to_string();
    for (name, body, status) in [
        ("empty", &b""[..], 400),
        ("no JSON", b"hello", 400),
        ("no object", b"[1,2]", 400),
        ("bad UTF-8", b"{\"message\":\"\xff\xfe\"}", 400),
        ("half a surrogate", b"{\"message\":\"\\ud800\"}", 400),
        ("deep", deep.as_bytes(), 400),
        ("large", large.as_bytes(), 413),
        ("wrong type", b"{\"message\":{\"a\":1}}", 400),
    ] {
        assert_eq!(
            raw(&lab, &post("/api/sessions/send", body)).await,
            status,
            "{name}"
        );
    }
    assert_eq!(api(&lab).get("/health").await.status, 200);
}

#[tokio::test]
async fn bad_heads_get_a_status() {
    let lab = lab().await;
    let flood: String = (0..500).map(|n| format!("x-{n}: y\r\n")).collect();
    let fat = format!("x: {}\r\n", "y".repeat(200_000));
    for (name, head, status) in [
        ("no HTTP", "hello\r\n\r\n".to_owned(), 400),
        (
            "many headers",
            format!("GET /health HTTP/1.1\r\nhost: x\r\n{flood}\r\n"),
            431,
        ),
        (
            "a fat header",
            format!("GET /health HTTP/1.1\r\nhost: x\r\n{fat}\r\n"),
            431,
        ),
        (
            "two lengths",
            "POST /api/sessions/send HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"
                .to_owned(),
            400,
        ),
        (
            "bad escape",
            format!(
                "GET /api/sessions/%ff%fe/history HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n\r\n"
            ),
            400,
        ),
    ] {
        assert_eq!(raw(&lab, head.as_bytes()).await, status, "{name}");
    }
    assert_eq!(api(&lab).get("/health").await.status, 200);
}

#[tokio::test]
async fn a_slow_loris_is_told_off() {
    let lab = lab_with(|c| c.read_limit = Duration::from_millis(300)).await;
    assert_eq!(
        raw(&lab, b"GET /health HTTP/1.1\r\nhost: x\r\nx-slow: ").await,
        408,
        "head"
    );
    let mut half = post("/api/sessions/send", b"{\"message\":\"0123456789\"}");
    half.truncate(half.len() - 5);
    assert_eq!(raw(&lab, &half).await, 408, "body");
    assert_eq!(api(&lab).get("/health").await.status, 200);
}

#[tokio::test]
async fn one_byte_at_a_time_is_no_way_around_the_limit() {
    let lab = lab_with(|c| c.read_limit = Duration::from_millis(600)).await;
    let head = b"GET /health HTTP/1.1\r\nhost: x\r\nx-slow: ".to_vec();
    let mut body = post("/api/sessions/send", &[b' '; 4_000]);
    body.truncate(body.len() - 3_900);
    for (name, start) in [("head", head), ("body", body)] {
        let mut stream = TcpStream::connect(lab.gateway.addr()).await.unwrap();
        stream.write_all(&start).await.unwrap();
        let (mut read, mut write) = stream.into_split();
        let trickle = tokio::spawn(async move {
            while write.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await
            }
        });
        let mut answer = [0; 64];
        let read = tokio::time::timeout(Duration::from_secs(20), read.read(&mut answer));
        let length = read.await.expect("told off in time").unwrap();
        let said = String::from_utf8_lossy(&answer[..length]);
        assert!(said.starts_with("HTTP/1.1 408"), "{name}: {said}");
        trickle.abort();
    }
    assert_eq!(api(&lab).get("/health").await.status, 200);
}

#[tokio::test]
async fn a_reader_that_stops_is_dropped_and_the_run_is_kept() {
    let lab = lab_with(|c| {
        c.write_limit = Duration::from_millis(300);
        c.agent = AgentBackend::Demo {
            word_delay: Duration::ZERO,
        };
    })
    .await;
    // The echo of a long prompt is a long reply.
    let words = "word ".repeat(100_000);
    let body = json!({"workspace": "default", "userId": "slow", "message": words}).to_string();
    let mut stream = TcpStream::connect(lab.gateway.addr()).await.unwrap();
    stream
        .write_all(&post("/api/v1/messages/stream", body.as_bytes()))
        .await
        .unwrap();
    let mut first = [0u8; 64];
    stream.read_exact(&mut first).await.unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"));
    // Nothing is read from here on. The run ends all the same, and is written down.
    let api = api(&lab);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let stats = api.got("/api/v1/stats").await;
        if stats["totals"]["messages"] == 1 {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "the run did not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest))
        .await
        .expect("closed by the gateway");
    assert!(!String::from_utf8_lossy(&rest).contains("\"type\":\"done\""));
}

#[tokio::test]
async fn web_pages_stay_out_of_sockets_and_streams() {
    let lab = lab_with(|c| c.origins = vec!["https://app.example".into()]).await;
    let socket = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let stream = format!("/api/v1/chat/stream?message=x&api_key={TOKEN}");
    let with_token = format!("/ws?token={TOKEN}");
    for (page, allowed) in [
        ("", true),
        (
            "origin: https://app.example\r\nsec-fetch-site: cross-site\r\n",
            true,
        ),
        ("sec-fetch-site: same-origin\r\n", true),
        ("sec-fetch-site: none\r\n", true),
        ("origin: https://evil.example\r\n", false),
        ("origin: null\r\n", false),
        ("sec-fetch-site: cross-site\r\n", false),
        ("sec-fetch-site: same-site\r\n", false),
        // A name that was made to point here is another origin all the same.
        ("host: evil.example\r\norigin: http://evil.example\r\n", false),
    ] {
        for (path, more, status) in [
            (stream.as_str(), "", 200),
            (with_token.as_str(), socket, 101),
            ("/ws", socket, 101),
            ("/", socket, 101),
        ] {
            let head = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{page}{more}\r\n");
            // The second host is the one that counts for the case above; two are refused by themselves.
            let head = match page.starts_with("host:") {
                true => head.replacen("host: 127.0.0.1\r\n", "", 1),
                false => head,
            };
            let expected = if allowed { status } else { 403 };
            assert_eq!(raw(&lab, head.as_bytes()).await, expected, "{path} with {page}");
        }
    }
}

#[tokio::test]
async fn strangers_who_sit_idle_do_not_shut_the_owner_out() {
    let lab = lab_with(|config| config.max_connections = 8).await;
    let health = format!("GET /api/status HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n\r\n");
    let mut known = TcpStream::connect(lab.gateway.addr()).await.unwrap();
    known.write_all(health.as_bytes()).await.unwrap();
    let mut first = [0u8; 12];
    known.read_exact(&mut first).await.unwrap();
    let mut idle = Vec::new();
    for _ in 0..40 {
        idle.push(TcpStream::connect(lab.gateway.addr()).await.unwrap());
    }
    assert_eq!(raw(&lab, health.as_bytes()).await, 200, "the owner gets in");
    // Whoever has shown the token keeps its connection.
    known.write_all(health.as_bytes()).await.unwrap();
    let mut rest = Vec::new();
    while !String::from_utf8_lossy(&rest).contains("\"ok\":true") {
        let mut chunk = [0; 4096];
        let n = known.read(&mut chunk).await.unwrap();
        assert!(n > 0, "closed: {}", String::from_utf8_lossy(&rest));
        rest.extend_from_slice(&chunk[..n]);
    }
    drop(idle);
}

#[tokio::test]
async fn who_comes_on_top_of_the_limit_is_told_to_come_back() {
    let lab = lab_with(|config| config.max_connections = 2).await;
    let health = format!("GET /api/health HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n\r\n");
    let health = health.as_bytes();
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(lab.gateway.addr()).await.unwrap();
        stream.write_all(health).await.unwrap();
        let mut first = [0u8; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        open.push(stream);
    }
    assert_eq!(raw(&lab, health).await, 503);
    open.pop();
    // The gateway notices in its own time.
    let end = tokio::time::Instant::now() + Duration::from_secs(60);
    while raw(&lab, health).await != 200 {
        assert!(tokio::time::Instant::now() < end, "the place is free again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
