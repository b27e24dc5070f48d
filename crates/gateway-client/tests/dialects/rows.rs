//! One test per dialect: the requests that are sent, and the result of each answer.

use crate::stand_in::{StandIn, TOKEN, events, json, prompt, steps, text};
use clawtray_gateway_client::protocol::Role;
use clawtray_gateway_client::{
    Capabilities, ConnectionState, Dialect, Gateway, HistoryQuery, Protocol, RunStep, SessionsQuery,
};
use serde_json::{Value, json as value};

const D1_SESSION: &str = r#"[{"id":"sess_abc123","agentId":"duplex","status":"active","lastActivity":"2026-02-22T18:30:00Z","messageCount":45,"createdAt":"2026-02-20T10:00:00Z","metadata":{"channel":"discord","userId":"user123"}}]"#;
const HISTORY: &str = r#"[{"timestamp":"2026-02-22T18:29:00Z","role":"user","content":"Status?"},{"timestamp":"2026-02-22T18:30:00Z","role":"assistant","content":"All well."}]"#;

fn bearer(asked: &crate::stand_in::Asked) {
    assert!(
        asked.head.contains(&format!("authorization: bearer {TOKEN}")),
        "{}",
        asked.head
    );
    assert!(
        !asked.line.contains(TOKEN),
        "no token in an address: {}",
        asked.line
    );
}

fn history(session: &str) -> HistoryQuery {
    HistoryQuery {
        session: session.into(),
        limit: Some(20),
        offset: None,
    }
}

fn main_session(client: &impl Gateway) -> String {
    match &*client.state().borrow() {
        ConnectionState::Ready(info) => info.main_session_key.clone().unwrap().0,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn d1() {
    let gateway = StandIn::start(&[
        ("GET /api/health", json("")),
        ("GET /api/sessions/history", json(HISTORY)),
        ("GET /api/sessions", json(D1_SESSION)),
        ("POST /api/sessions/send", json(r#""A bare string.""#)),
    ])
    .await;
    let client = gateway.ready(Protocol::Http(Dialect::Sessions)).await;
    let can = client.capabilities();
    assert!(
        can.history && can.sessions && !can.streaming && !can.abort && !can.push && !can.native,
        "{can:?}"
    );
    assert_eq!(
        main_session(&client),
        "sess_abc123",
        "the session that was active last"
    );

    let page = client.sessions(SessionsQuery::default()).await.unwrap();
    let row = &page.sessions[0];
    assert_eq!(row.key.as_str(), "sess_abc123");
    assert_eq!(row.agent_id.as_ref().unwrap().as_str(), "duplex");
    assert_eq!(row.updated_at, Some(1_771_785_000_000));
    assert_eq!(row.display_name.as_deref(), Some("discord · user123"));
    bearer(&gateway.last("GET /api/sessions?"));

    let ack = client.send(prompt("sess_abc123", "one")).await.unwrap();
    assert_eq!(ack.reply.as_deref(), Some("A bare string."));
    let asked = gateway.last("POST /api/sessions/send");
    assert_eq!(
        asked.body,
        value!({"message": "one", "sessionKey": "sess_abc123"})
    );
    bearer(&asked);
    gateway.say("POST /api/sessions/send", &[json(r#"{"response":"An object."}"#)]);
    let ack = client.send(prompt("main", "two")).await.unwrap();
    assert_eq!(ack.reply.as_deref(), Some("An object."));
    let asked = gateway.last("POST /api/sessions/send");
    assert_eq!(
        asked.body,
        value!({"message": "two", "agentId": "duplex"}),
        "a session is made for the agent"
    );

    let told = client.history(history("sess_abc123")).await.unwrap();
    let roles: Vec<&Role> = told.messages.iter().map(|message| &message.role).collect();
    assert_eq!(roles, [&Role::User, &Role::Assistant]);
    assert_eq!(
        (told.messages[1].text().as_str(), told.messages[1].timestamp),
        ("All well.", Some(1_771_785_000_000))
    );
    let line = gateway.last("GET /api/sessions/history").line;
    assert_eq!(
        line,
        "GET /api/sessions/history?sessionKey=sess_abc123&limit=20&includeTools=false"
    );
    assert!(client.ping().await.is_ok());
    assert!(client.abort(&"sess_abc123".into(), None).await.is_err());
}

#[tokio::test]
async fn d2() {
    let gateway = StandIn::start(&[
        ("GET /api/sessions/list", json(r#"{"sessions":[{"sessionKey":"main","kind":"main","messages":[{"role":"assistant","content":"Last."}]}]}"#)),
        ("GET /api/sessions/history", json(&format!(r#"{{"messages":{HISTORY}}}"#))),
        ("POST /api/sessions/send", json(r#"{"status":"ok","reply":"In time."}"#)),
        ("POST /api/sessions/spawn", json(r#"{"status":"ok","reply":"Done.","sessionKey":"sub-1"}"#)),
        ("POST /api/cron/add", json(r#"{"id":"job-1","name":"Morning"}"#)),
        ("GET /api/session/status", json(r#"{"usage":{"totalTokens":7},"cost":0.1,"model":"m"}"#)),
    ])
    .await;
    let client = gateway.ready(Protocol::Http(Dialect::SessionsList)).await;
    assert_eq!(main_session(&client), "main");
    let page = client.sessions(SessionsQuery::default()).await.unwrap();
    assert_eq!(page.sessions[0].last_message_preview.as_deref(), Some("Last."));

    let ack = client.send(prompt("main", "one")).await.unwrap();
    assert_eq!(ack.reply.as_deref(), Some("In time."));
    let asked = gateway.last("POST /api/sessions/send");
    assert_eq!(
        asked.body,
        value!({"sessionKey": "main", "message": "one", "timeoutSeconds": 60})
    );
    bearer(&asked);
    assert_eq!(client.history(history("main")).await.unwrap().messages.len(), 2);

    let task = value!({"task": "Name three colours", "runTimeoutSeconds": 300});
    let done = client
        .call_raw("POST /api/sessions/spawn", task.clone())
        .await
        .unwrap();
    assert_eq!(
        (&done["reply"], gateway.last("POST /api/sessions/spawn").body),
        (&value!("Done."), task)
    );
    let job = value!({"name": "Morning", "schedule": {"kind": "cron", "expr": "0 9 * * *", "tz": "America/New_York"},
        "payload": {"kind": "agentTurn", "message": "News?"}, "sessionTarget": "isolated", "wakeMode": "now"});
    assert_eq!(
        client.call_raw("cron.add", job.clone()).await.unwrap()["id"],
        "job-1"
    );
    let mut sent = job;
    sent.as_object_mut().unwrap().remove("wakeMode");
    assert_eq!(gateway.last("POST /api/cron/add").body, value!({ "job": sent }));
    let status = client
        .call_raw("sessions.describe", value!({"key": "main"}))
        .await
        .unwrap();
    assert_eq!(status["usage"]["totalTokens"], 7);
    assert!(
        gateway
            .last("GET /api/session/status")
            .line
            .ends_with("?sessionKey=main")
    );
}

#[tokio::test]
async fn d3() {
    let status = r#"{"ok":true,"version":"2026.2.23","uptime":86400,"agent":"main","model":"anthropic/claude-sonnet-4"}"#;
    let gateway = StandIn::start(&[
        ("GET /api/status", json(status)),
        (
            "POST /api/sessions/main/messages",
            json(r#"{"response":"Whole.","sessionKey":"agent:main:main"}"#),
        ),
        ("GET /api/sessions/main/history", json(HISTORY)),
        (
            "POST /api/sessions",
            json(r#"{"sessionKey":"agent:main:research","label":"Research"}"#),
        ),
        ("GET /api/sessions", json("[]")),
        (
            "GET /api/cron",
            json(r#"[{"id":"c1","name":"Brief","cron":"0 8 * * *","tz":"Europe/Berlin","message":"News?"}]"#),
        ),
        ("POST /api/cron", json(r#"{"id":"c2","name":"Brief"}"#)),
        (
            "DELETE /api/cron/c1",
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".to_owned(),
        ),
    ])
    .await;
    let client = gateway.ready(Protocol::Http(Dialect::Gateway)).await;
    match &*client.state().borrow() {
        ConnectionState::Ready(info) => assert_eq!(info.version, "2026.2.23"),
        other => panic!("{other:?}"),
    }
    assert_eq!(main_session(&client), "main", "it is always there");

    // There is no socket on this gateway: the reply comes whole, and the prompt is sent once.
    let ack = client.send(prompt("main", "one")).await.unwrap();
    assert_eq!(ack.reply.as_deref(), Some("Whole."));
    assert_eq!(gateway.asked("POST /api/sessions/main/messages").len(), 1);
    assert!(!client.capabilities().streaming, "and it is known from then on");
    bearer(&gateway.last("POST /api/sessions/main/messages"));
    assert_eq!(client.history(history("main")).await.unwrap().messages.len(), 2);

    let made = client
        .call_raw("sessions.create", value!({"label": "Research"}))
        .await
        .unwrap();
    assert_eq!(made["sessionKey"], "agent:main:research");
    assert_eq!(
        gateway.last("POST /api/sessions").body,
        value!({"label": "Research", "target": "isolated"})
    );
    let jobs = client.call_raw("cron.list", Value::Null).await.unwrap();
    assert_eq!(
        jobs["jobs"][0]["schedule"],
        value!({"kind": "cron", "expr": "0 8 * * *", "tz": "Europe/Berlin"})
    );
    let job = value!({"name": "Brief", "schedule": {"kind": "cron", "expr": "0 8 * * *", "tz": "Europe/Berlin"},
        "payload": {"kind": "agentTurn", "message": "News?"}});
    client.call_raw("cron.add", job).await.unwrap();
    let sent = value!({"name": "Brief", "cron": "0 8 * * *", "tz": "Europe/Berlin", "message": "News?"});
    assert_eq!(gateway.last("POST /api/cron").body, sent);
    client
        .call_raw("cron.remove", value!({"id": "c1"}))
        .await
        .unwrap();
    gateway.last("DELETE /api/cron/c1");
}

#[tokio::test]
async fn d3_by_its_socket() {
    let gateway = StandIn::start(&[
        ("GET /api/status", json(r#"{"ok":true,"version":"2026.2.23"}"#)),
        ("GET /api/sessions/work%2F1/history", json(r#"[{"timestamp":1,"role":"user","content":"one"},{"timestamp":2,"role":"assistant","content":"Hello there."}]"#)),
        ("GET /api/sessions", json("[]")),
    ])
    .await;
    // No frame says that it is the last one: the write-up knows none. The transcript does.
    gateway.say_on_socket(&[
        r#"{"type":"message","content":"Hello "}"#,
        r#"{"type":"message","content":"there."}"#,
    ]);
    let client = gateway.ready(Protocol::Http(Dialect::Gateway)).await;
    let mut told = client.events();
    client.send(prompt("work/1", "one")).await.unwrap();
    let steps = steps(&mut told, "run-one").await;
    assert_eq!(text(&steps), ("Hello there.".to_owned(), 2));
    assert_eq!(
        gateway.last("FRAME").body,
        value!({"type": "message", "session": "work/1", "content": "one"})
    );
    assert_eq!(gateway.last("GET /ws").line, format!("GET /ws?token={TOKEN}"));

    gateway.say_on_socket(&[r#"{"content":"Short.","done":true}"#]);
    client.send(prompt("main", "two")).await.unwrap();
    assert_eq!(
        text(&crate::stand_in::steps(&mut told, "run-two").await).0,
        "Short."
    );
}

#[tokio::test]
async fn d4() {
    let whole = r#"{"status":"ok","response":{"content":"Whole.","messageId":"msg_1","model":"m","usage":{"inputTokens":1,"outputTokens":2}}}"#;
    let gateway = StandIn::start(&[
        ("GET /api/v1/health", json(r#"{"status":"ok"}"#)),
        ("GET /api/v1/agents/helper/tools", json(r#"[{"name":"search"}]"#)),
        (
            "GET /api/v1/agents/helper/sessions/s-1",
            json(&format!(r#"{{"id":"s-1","messages":{HISTORY}}}"#)),
        ),
        (
            "GET /api/v1/agents/helper/sessions",
            json(r#"[{"id":"s-1","lastActivity":"2026-02-22T18:30:00Z"}]"#),
        ),
        ("GET /api/v1/agents", json(r#"[{"id":"helper","name":"Helper"}]"#)),
        (
            "DELETE /api/v1/agents/helper/sessions/s-1",
            json(r#"{"status":"ok"}"#),
        ),
        (
            "POST /api/v1/agents/helper/sessions/s-1/clear",
            json(r#"{"status":"ok"}"#),
        ),
        ("GET /api/v1/metrics", json(r#"{"requests":3}"#)),
        (
            "POST /api/v1/chat/stream",
            events(&[
                r#"{"type":"start","messageId":"msg_2"}"#,
                r#"{"type":"text","content":"Let me "}"#,
                r#"{"type":"tool_use","name":"search","input":{"query":"x"}}"#,
                r#"{"type":"tool_result","output":"found"}"#,
                r#"{"type":"text","content":"see."}"#,
                r#"{"type":"end","usage":{"inputTokens":1,"outputTokens":2}}"#,
            ]),
        ),
        ("POST /api/v1/chat", json(whole)),
    ])
    .await;
    let client = gateway.ready(Protocol::Http(Dialect::Chat)).await;
    assert!(client.capabilities().streaming);
    let agents = client.agents().await.unwrap();
    assert_eq!(
        (agents.default_id.as_str(), agents.agents[0].name.as_deref()),
        ("helper", Some("Helper"))
    );
    assert_eq!(main_session(&client), "agent:helper:main");
    let page = client.sessions(SessionsQuery::default()).await.unwrap();
    assert_eq!(page.sessions[0].key.as_str(), "agent:helper:s-1");

    let mut told = client.events();
    let ack = client.send(prompt("agent:helper:s-1", "one")).await.unwrap();
    assert_eq!((ack.status.as_str(), ack.reply), ("started", None));
    let seen = steps(&mut told, "run-one").await;
    assert_eq!(text(&seen), ("Let me see.".to_owned(), 2));
    let tools: Vec<(&str, &str, bool)> = seen
        .iter()
        .filter_map(|step| match step {
            RunStep::Tool {
                name, phase, output, ..
            } => Some((name.as_str(), phase.as_str(), output.is_some())),
            _ => None,
        })
        .collect();
    assert_eq!(tools, [("search", "start", false), ("search", "result", true)]);
    let asked = gateway.last("POST /api/v1/chat/stream");
    assert_eq!(
        asked.body,
        value!({"agentId": "helper", "sessionId": "s-1", "message": "one", "stream": true})
    );
    assert!(asked.head.contains("accept: text/event-stream"));
    bearer(&asked);
    client.send(prompt("agent:helper:main", "two")).await.unwrap();
    let asked = gateway.last("POST /api/v1/chat/stream");
    assert_eq!(
        asked.body,
        value!({"agentId": "helper", "message": "two", "stream": true})
    );
    client.send(prompt("agent:helper:new", "three")).await.unwrap();
    assert_eq!(
        gateway.last("POST /api/v1/chat/stream").body["sessionId"],
        "new",
        "made on first use"
    );
    // A proxy that does not stream gives the whole reply instead.
    gateway.say("POST /api/v1/chat/stream", &[json(whole)]);
    let ack = client.send(prompt("agent:helper:s-1", "four")).await.unwrap();
    assert_eq!(ack.reply.as_deref(), Some("Whole."));

    assert_eq!(
        client
            .history(history("agent:helper:s-1"))
            .await
            .unwrap()
            .messages
            .len(),
        2
    );
    for (method, line) in [
        ("tools.catalog", "GET /api/v1/agents/helper/tools"),
        ("sessions.describe", "GET /api/v1/agents/helper/sessions/s-1"),
        ("sessions.reset", "POST /api/v1/agents/helper/sessions/s-1/clear"),
        ("sessions.delete", "DELETE /api/v1/agents/helper/sessions/s-1"),
        ("GET /api/v1/metrics", "GET /api/v1/metrics"),
        ("GET /api/v1/agents/helper", "GET /api/v1/agents"),
    ] {
        let before = gateway.asked(line).len();
        client
            .call_raw(method, value!({"key": "agent:helper:s-1"}))
            .await
            .unwrap();
        assert!(gateway.asked(line).len() > before, "{method}");
    }
}

#[tokio::test]
async fn d5() {
    let session = r#"{"id":"sess_xyz789","workspace":"support","userId":"owner","createdAt":"2026-02-22T10:00:00Z","lastActiveAt":"2026-02-22T18:30:00Z","messageCount":14,"tokensUsed":8420,"channel":"api"}"#;
    let gateway = StandIn::start(&[
        ("GET /api/v1/health", json(r#"{"status":"ok","version":"1.4.2","uptime":3600,"channels":{"telegram":"connected"},"redis":"connected","memoryMB":142}"#)),
        ("GET /api/v1/sessions/sess_xyz789/history", json(HISTORY)),
        ("GET /api/v1/sessions/sess_xyz789", json(session)),
        ("GET /api/v1/sessions", json("[]")),
        ("DELETE /api/v1/sessions", json(r#"{"cleared":1}"#)),
        ("GET /api/v1/workspaces", json(r#"[{"id":"support","label":"Support","agent":"main","skills":[]}]"#)),
        ("POST /api/v1/workspaces", json(r#"{"id":"w2"}"#)),
        ("PATCH /api/v1/workspaces/support/allowlist", json(r#"{"allowlist":["ann"]}"#)),
        ("GET /api/v1/stats", json(r#"{"period":{"from":"a","to":"b"},"totals":{"messages":3}}"#)),
        (
            "POST /api/v1/messages/stream",
            events(&[
                r#"{"type":"token","content":"One "}"#,
                r#"{"type":"tool_use","tool":"github","input":{}}"#,
                r#"{"type":"tool_result","tool":"github","output":{"stars":3}}"#,
                r#"{"type":"token","content":"two."}"#,
                r#"{"type":"done","messageId":"msg_1","sessionId":"sess_xyz789","tokensUsed":12,"latencyMs":900}"#,
            ]),
        ),
    ])
    .await;
    let client = gateway.ready(Protocol::Http(Dialect::Messages)).await;
    assert_eq!(main_session(&client), "main");
    assert!(
        client.history(history("main")).await.unwrap().messages.is_empty(),
        "nothing was said yet"
    );
    let mut told = client.events();
    client.send(prompt("main", "one")).await.unwrap();
    let seen = steps(&mut told, "run-one").await;
    assert_eq!(text(&seen), ("One two.".to_owned(), 2));
    let asked = gateway.last("POST /api/v1/messages/stream");
    assert_eq!(
        asked.body,
        value!({"workspace": "support", "userId": "owner", "message": "one"})
    );
    bearer(&asked);
    // The gateway has named the session: it is the same one from now on, here and there.
    gateway.say("GET /api/v1/sessions ", &[json(&format!("[{session}]"))]);
    gateway.say("GET /api/v1/sessions?", &[json(&format!("[{session}]"))]);
    client.send(prompt("main", "two")).await.unwrap();
    assert_eq!(
        gateway.last("POST /api/v1/messages/stream").body["sessionId"],
        "sess_xyz789"
    );
    assert_eq!(client.history(history("main")).await.unwrap().messages.len(), 2);

    for (method, line) in [
        ("sessions.describe", "GET /api/v1/sessions/sess_xyz789"),
        ("sessions.delete", "DELETE /api/v1/sessions/sess_xyz789"),
        ("GET /api/v1/workspaces", "GET /api/v1/workspaces"),
        ("GET /api/v1/stats/users", "GET /api/v1/stats/users"),
    ] {
        client.call_raw(method, value!({"key": "main"})).await.unwrap();
        gateway.last(line);
    }
    client
        .call_raw("DELETE /api/v1/sessions", value!({"workspace": "support"}))
        .await
        .unwrap();
    assert_eq!(
        gateway.last("DELETE /api/v1/sessions?").line,
        "DELETE /api/v1/sessions?workspace=support"
    );
    let change = value!({"add": ["ann"], "remove": []});
    let path = "PATCH /api/v1/workspaces/support/allowlist";
    client.call_raw(path, change.clone()).await.unwrap();
    assert_eq!(gateway.last(path).body, change);
    let made = value!({"id": "w2", "label": "Two", "agent": "main", "skills": []});
    client
        .call_raw("POST /api/v1/workspaces", made.clone())
        .await
        .unwrap();
    assert_eq!(gateway.last("POST /api/v1/workspaces").body, made);
}

#[tokio::test]
async fn openai() {
    let chunk = |delta: &str, finish: &str| {
        format!(
            r#"{{"id":"c","object":"chat.completion.chunk","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}"#
        )
    };
    let gateway = StandIn::start(&[
        (
            "GET /v1/models",
            json(r#"{"object":"list","data":[{"id":"other"},{"id":"openclaw"}]}"#),
        ),
        (
            "POST /v1/chat/completions",
            events(&[
                &chunk(r#"{"role":"assistant"}"#, "null"),
                &chunk(r#"{"content":"Hi "}"#, "null"),
                &chunk(r#"{"content":"you."}"#, "null"),
                &chunk("{}", r#""stop""#),
                "[DONE]",
            ]),
        ),
    ])
    .await;
    let client = gateway.ready(Protocol::Http(Dialect::OpenAi)).await;
    assert_eq!(
        client.capabilities(),
        Capabilities {
            streaming: true,
            ..Capabilities::NONE
        },
        "it keeps neither sessions nor transcripts"
    );
    let mut told = client.events();
    for (text_of, before) in [("one", 0), ("two", 2)] {
        client.send(prompt("main", text_of)).await.unwrap();
        let seen = steps(&mut told, &format!("run-{text_of}")).await;
        assert_eq!(text(&seen), ("Hi you.".to_owned(), 2));
        let asked = gateway.last("POST /v1/chat/completions");
        let messages = asked.body["messages"].as_array().unwrap();
        assert_eq!(
            (messages.len(), &asked.body["model"]),
            (before + 1, &value!("openclaw"))
        );
        assert_eq!(
            messages.last().unwrap(),
            &value!({"role": "user", "content": text_of})
        );
    }
    assert!(client.history(history("main")).await.is_err());
}
