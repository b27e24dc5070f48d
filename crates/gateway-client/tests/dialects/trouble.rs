//! Limits, refusals and lost answers: what is reported, and what is never sent twice.

use crate::stand_in::{StandIn, events, json, prompt, ready, status, steps, until};
use clawtray_gateway_client::{
    CallError, ConnectionState, Dialect, Gateway, GatewayEvent, HistoryQuery, PauseReason, Protocol, RunStep,
};
use std::time::Duration;

async fn d1() -> StandIn {
    StandIn::start(&[
        ("GET /api/health", json(r#"{"ok":true}"#)),
        (
            "GET /api/sessions",
            json(r#"[{"id":"s1","lastActivity":"2026-01-01T00:00:00Z","messageCount":1}]"#),
        ),
    ])
    .await
}

fn with_headers(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn what_a_status_means_for_a_prompt_that_is_sent_once() {
    let gateway = d1().await;
    let client = gateway.ready(Protocol::Http(Dialect::Sessions)).await;
    for (raw, code, again) in [
        (
            status(
                "400 Bad Request",
                "application/json",
                r#"{"error":"bad_request","message":"no message"}"#,
            ),
            "INVALID_REQUEST",
            false,
        ),
        (
            status("403 Forbidden", "application/json", "{}"),
            "FORBIDDEN",
            false,
        ),
        (
            status("404 Not Found", "application/json", "{}"),
            "NOT_FOUND",
            false,
        ),
        (
            status(
                "500 Internal Server Error",
                "application/json",
                r#"{"error":{"message":"boom"}}"#,
            ),
            "INTERNAL",
            false,
        ),
        // Only these two say that the prompt was not taken.
        (
            status("503 Service Unavailable", "application/json", "{}"),
            "UNAVAILABLE",
            true,
        ),
        (
            with_headers("429 Too Many Requests", "Retry-After: 1\r\n", "{}"),
            "RATE_LIMITED",
            true,
        ),
    ] {
        let before = gateway.asked("POST").len();
        gateway.say("POST /api/sessions/send", &[raw]);
        let error = client.send(prompt("s1", "one")).await.unwrap_err();
        assert_eq!(error.is_safe_to_retry(), again, "{error}");
        let CallError::Gateway(error) = error else {
            panic!("{error}")
        };
        assert_eq!(error.code, code);
        assert_eq!(
            gateway.asked("POST").len(),
            before + 1,
            "sent once, whatever came back"
        );
    }
    let error = client.send(prompt("s1", "x")).await.unwrap_err();
    assert!(error.is_safe_to_retry(), "left alone for a second");
}

#[tokio::test]
async fn an_answer_that_is_lost_leaves_the_prompt_in_doubt() {
    let gateway = d1().await;
    let client = gateway.ready(Protocol::Http(Dialect::Sessions)).await;
    for raw in [
        String::new(),
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"resp".to_owned(),
        status("502 Bad Gateway", "text/html", "<html>"),
    ] {
        gateway.say("POST /api/sessions/send", &[raw]);
        let before = gateway.asked("POST").len();
        let error = client.send(prompt("s1", "one")).await.unwrap_err();
        assert_eq!(error, CallError::Disconnected { written: true });
        assert_eq!(gateway.asked("POST").len(), before + 1);
    }
    gateway.say(
        "POST /api/sessions/send",
        &[status("200 OK", "text/html", "<html>Log in</html>")],
    );
    let error = client.send(prompt("s1", "one")).await.unwrap_err();
    assert!(error.to_string().contains("web page"), "{error}");
}

#[tokio::test]
async fn a_question_that_changes_nothing_is_asked_again() {
    let gateway = d1().await;
    let client = gateway.ready(Protocol::Http(Dialect::Sessions)).await;
    let starting = with_headers("503 Service Unavailable", "Retry-After: 0\r\n", "{}");
    let history = json(r#"[{"timestamp":1,"role":"assistant","content":"There."}]"#);
    gateway.say(
        "GET /api/sessions/history",
        &[starting.clone(), starting, history],
    );
    let query = HistoryQuery {
        session: "s1".into(),
        ..HistoryQuery::default()
    };
    let told = client.history(query).await.unwrap();
    assert_eq!(told.messages[0].text(), "There.");
    assert_eq!(gateway.asked("GET /api/sessions/history").len(), 3);
}

#[tokio::test]
async fn limits_are_shown_and_kept() {
    let gateway = d1().await;
    let client = gateway.ready(Protocol::Http(Dialect::Sessions)).await;
    // Nothing is left until the reset, an hour from now.
    let reset = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs()
        + 3600;
    let headers =
        format!("X-RateLimit-Limit: 60\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: {reset}\r\n");
    gateway.say(
        "POST /api/sessions/send",
        &[with_headers("200 OK", &headers, r#"{"response":"The last."}"#)],
    );
    assert_eq!(
        client.send(prompt("s1", "one")).await.unwrap().reply.as_deref(),
        Some("The last.")
    );
    let before = gateway.asked("").len();
    let error = client.send(prompt("s1", "two")).await.unwrap_err();
    assert!(error.is_safe_to_retry());
    let CallError::Gateway(error) = error else {
        panic!("{error}")
    };
    let wait = error.retry_after_ms.unwrap();
    assert!((3_000_000..=3_600_000).contains(&wait), "{wait}");
    assert_eq!(gateway.asked("").len(), before, "nothing was sent");

    // At the door it is a state of its own, and it passes by itself.
    let busy = with_headers("429 Too Many Requests", "Retry-After: 1\r\n", "{}");
    gateway.say("GET /api/health", &[busy, json("{}")]);
    let client = gateway.client(Protocol::Http(Dialect::Sessions));
    let state = until(&client, |state| matches!(state, ConnectionState::Paused(_))).await;
    let expected = PauseReason::RateLimited {
        retry_after: Some(Duration::from_secs(1)),
    };
    assert_eq!(state, ConnectionState::Paused(expected));
    until(&client, |state| matches!(state, ConnectionState::Ready(_))).await;
}

#[tokio::test]
async fn a_gateway_that_starts_is_soon_back() {
    let gateway = d1().await;
    let starting = with_headers("503 Service Unavailable", "Retry-After: 1\r\n", "{}");
    gateway.say("GET /api/health", &[starting, json("{}")]);
    let client = gateway.client(Protocol::Http(Dialect::Sessions));
    until(&client, |state| {
        matches!(state, ConnectionState::Backoff { soon_back: true, .. })
    })
    .await;
    ready(&client).await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_a_failure() {
    let gateway = StandIn::start(&[
        ("GET /api/v1/health", json("{}")),
        ("GET /api/v1/agents/main/sessions", json("[]")),
        (
            "POST /api/v1/chat/stream",
            events(&[r#"{"type":"text","content":"Half"}"#]),
        ),
    ])
    .await;
    let client = gateway.ready(Protocol::Http(Dialect::Chat)).await;
    let mut told = client.events();
    client.send(prompt("agent:main:main", "one")).await.unwrap();
    let seen = steps(&mut told, "run-one").await;
    assert!(
        matches!(&seen[..], [RunStep::Delta { text, .. }, RunStep::Error { .. }] if text == "Half"),
        "{seen:?}"
    );
    gateway.say(
        "POST /api/v1/chat/stream",
        &[events(&[r#"{"type":"error","message":"the model is away"}"#])],
    );
    client.send(prompt("agent:main:main", "two")).await.unwrap();
    let seen = steps(&mut told, "run-two").await;
    assert_eq!(
        seen,
        [RunStep::Error {
            message: "the model is away".into()
        }]
    );
    assert_eq!(gateway.asked("POST").len(), 2, "and it is not sent again");
}

#[tokio::test]
async fn replies_that_nobody_asked_for_are_found_by_asking() {
    let row = |at: u32, count: u32| {
        json(&format!(
            r#"[{{"id":"s1","lastActivity":"2026-01-01T00:00:{at:02}Z","messageCount":{count}}}]"#
        ))
    };
    let said = |at: u32, role: &str, text: &str| {
        format!(r#"{{"timestamp":"2026-01-01T00:00:{at:02}Z","role":"{role}","content":"{text}"}}"#)
    };
    let old = [said(1, "user", "hi"), said(2, "assistant", "Old.")].join(",");
    let gateway = d1().await;
    gateway.say("GET /api/sessions?", &[row(2, 2)]);
    gateway.say("GET /api/sessions/history", &[json(&format!("[{old}]"))]);
    gateway.say("POST /api/sessions/send", &[json(r#"{"response":"Ours."}"#)]);
    let client = gateway.client_with(Protocol::Http(Dialect::Sessions), |config| {
        config.poll_every = Some(Duration::from_millis(50));
    });
    ready(&client).await;
    let mut told = client.events();
    // Two looks at what was there before.
    let looks = gateway.asked("GET /api/sessions?").len() + 2;
    while gateway.asked("GET /api/sessions?").len() < looks {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    client.send(prompt("s1", "ours")).await.unwrap();
    let all = [
        old,
        said(4, "user", "ours"),
        said(5, "assistant", "Ours."),
        said(6, "user", "by chat"),
        said(7, "assistant", "News."),
    ];
    gateway.say(
        "GET /api/sessions/history",
        &[json(&format!("[{}]", all.join(",")))],
    );
    gateway.say("GET /api/sessions?", &[row(7, 6)]);
    let mut seen = Vec::new();
    let changed = loop {
        let event = tokio::time::timeout(Duration::from_secs(60), told.recv())
            .await
            .unwrap()
            .unwrap();
        match event {
            GatewayEvent::Run(event) => match event.step {
                RunStep::Final {
                    message: Some(message),
                    ..
                } => seen.push(message.text()),
                other => panic!("{other:?}"),
            },
            GatewayEvent::Message { message, .. } => seen.push(message.text()),
            GatewayEvent::SessionChanged { session, .. } => break session,
            _ => {}
        }
    };
    assert_eq!(
        (seen, changed.as_str()),
        (vec!["by chat".to_owned(), "News.".to_owned()], "s1")
    );
}

#[tokio::test]
async fn replies_of_one_text_are_told_each() {
    let row = |at: u32| {
        json(&format!(
            r#"[{{"id":"s1","lastActivity":"2026-01-01T00:00:{at:02}Z"}}]"#
        ))
    };
    let done = |at: u32| {
        format!(r#"{{"timestamp":"2026-01-01T00:00:{at:02}Z","role":"assistant","content":"Done."}}"#)
    };
    let transcript = |times: &[u32]| {
        let rows: Vec<String> = times.iter().map(|at| done(*at)).collect();
        json(&format!("[{}]", rows.join(",")))
    };
    let gateway = d1().await;
    gateway.say("GET /api/sessions?", &[row(1)]);
    gateway.say("GET /api/sessions/history", &[transcript(&[1])]);
    let client = gateway.client_with(Protocol::Http(Dialect::Sessions), |config| {
        config.poll_every = Some(Duration::from_millis(50));
    });
    ready(&client).await;
    let mut told = client.events();
    let looks = gateway.asked("GET /api/sessions?").len() + 2;
    while gateway.asked("GET /api/sessions?").len() < looks {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut runs = std::collections::BTreeSet::new();
    // One after the other, and two at once.
    for (times, expected) in [(&[1, 2][..], 1), (&[1, 2, 3], 1), (&[1, 2, 3, 4, 5], 2)] {
        gateway.say("GET /api/sessions/history", &[transcript(times)]);
        gateway.say("GET /api/sessions?", &[row(times[times.len() - 1])]);
        let mut count = 0;
        loop {
            let event = tokio::time::timeout(Duration::from_secs(60), told.recv()).await;
            match event.unwrap().unwrap() {
                GatewayEvent::Run(event) => {
                    assert!(runs.insert(event.run.0), "told twice");
                    count += 1;
                }
                GatewayEvent::SessionChanged { .. } => break,
                _ => {}
            }
        }
        assert_eq!(count, expected, "{times:?}");
    }
}

#[tokio::test]
async fn a_task_that_panics_is_started_again() {
    let gateway = d1().await;
    let first = std::sync::atomic::AtomicBool::new(true);
    let client = gateway.client_with(Protocol::Http(Dialect::Sessions), |config| {
        let clock = std::sync::Arc::clone(&config.wall_clock);
        config.wall_clock = std::sync::Arc::new(move || {
            let fails = first.swap(false, std::sync::atomic::Ordering::SeqCst);
            assert!(!fails, "a fault in the client, as a test wants it");
            clock()
        });
    });
    ready(&client).await;
}

#[tokio::test]
async fn a_session_called_by_dots_asks_for_nothing_else() {
    let gateway = StandIn::start(&[
        ("GET /api/v1/health", json(r#"{"status":"ok"}"#)),
        ("GET /api/v1/sessions", json("[]")),
    ])
    .await;
    let client = gateway.ready(Protocol::Http(Dialect::Messages)).await;
    let before = gateway.asked("").len();
    for name in ["..", "."] {
        let query = clawtray_gateway_client::HistoryQuery {
            session: name.into(),
            ..Default::default()
        };
        let told = client.history(query).await;
        assert!(matches!(told, Err(CallError::Unsupported(_))), "{told:?}");
        let key = serde_json::json!({"key": name});
        assert!(client.call_raw("sessions.delete", key).await.is_err());
    }
    let asked: Vec<String> = gateway
        .asked("")
        .into_iter()
        .skip(before)
        .map(|asked| asked.line)
        .collect();
    assert_eq!(asked, Vec::<String>::new());
}
