//! Every call of the dialects, compared with the write-ups.
use crate::common::api::Api;
use crate::common::{Lab, TOKEN, lab, lab_with};
use clawtray_embedded_gateway::AgentProfile;
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

fn api(lab: &Lab) -> Api {
    Api::new(lab.gateway.http_url(), Some(TOKEN))
}

fn has(value: &Value, fields: &[(&str, char)]) {
    for (name, kind) in fields {
        let field = value
            .pointer(&format!("/{}", name.replace('.', "/")))
            .unwrap_or_else(|| panic!("no {name}: {value}"));
        let good = match kind {
            's' => field.is_string(),
            'n' => field.is_number(),
            'b' => field.is_boolean(),
            'a' => field.is_array(),
            'o' => field.is_object(),
            't' => field
                .as_str()
                .is_some_and(|t| t.parse::<jiff::Timestamp>().is_ok()),
            _ => false,
        };
        assert!(good, "{name} is no '{kind}': {value}");
    }
}

const D1_SESSION: [(&str, char); 8] = [
    ("id", 's'),
    ("agentId", 's'),
    ("status", 's'),
    ("lastActivity", 't'),
    ("messageCount", 'n'),
    ("createdAt", 't'),
    ("metadata.channel", 's'),
    ("metadata.userId", 's'),
];

#[tokio::test]
async fn d1_sessions() {
    let lab = lab().await;
    let api = api(&lab);
    assert_eq!(api.get("/api/health").await.status, 200);
    let reply = api
        .posted(
            "/api/sessions/send",
            json!({"message": "Hello", "agentId": "duplex"}),
        )
        .await;
    assert!(reply["response"].as_str().unwrap().contains("> Hello"));
    let key = reply["sessionKey"].as_str().unwrap().to_owned();
    assert_eq!(key, "agent:duplex:main");
    api.posted(
        "/api/sessions/send",
        json!({"message": "Again", "sessionKey": key}),
    )
    .await;
    let sessions = api.got("/api/sessions?activeMinutes=60&limit=10").await;
    has(&sessions[0], &D1_SESSION);
    assert_eq!(sessions[0]["agentId"], "duplex");
    assert_eq!(sessions[0]["status"], "active");
    assert_eq!(sessions[0]["messageCount"], 4);
    assert!(sessions[0]["id"].as_str().unwrap().starts_with("sess_"));
    let history = api
        .got(&format!(
            "/api/sessions/history?sessionKey={key}&limit=3&includeTools=false"
        ))
        .await;
    assert_eq!(history.as_array().unwrap().len(), 3);
    has(
        &history[0],
        &[("timestamp", 't'), ("role", 's'), ("content", 's')],
    );
    assert_eq!(history[1]["content"], "Again");
    let by_id = api
        .got(&format!(
            "/api/sessions/history?sessionKey={}",
            sessions[0]["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(by_id.as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn d2_sessions_list() {
    let lab = lab().await;
    let api = api(&lab);
    let reply = api
        .posted(
            "/api/sessions/send",
            json!({"sessionKey": "main", "message": "use a tool", "timeoutSeconds": 120}),
        )
        .await;
    assert_eq!(reply["status"], "ok");
    let queued = api
        .posted(
            "/api/sessions/send",
            json!({"sessionKey": "main", "message": "hi", "timeoutSeconds": 0}),
        )
        .await;
    assert_eq!(queued["status"], "accepted");
    let spawned = api
        .posted(
            "/api/sessions/spawn",
            json!({"task": "Summarise", "runTimeoutSeconds": 300}),
        )
        .await;
    assert!(spawned["reply"].as_str().unwrap().contains("> Summarise"));
    let body = json!({"kinds": ["main"], "limit": 10, "messageLimit": 2});
    let listed = api
        .call(Method::GET, "/api/sessions/list", Some(body))
        .await
        .json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["key"], "agent:main:main");
    assert_eq!(listed[0]["messages"].as_array().unwrap().len(), 2);
    let isolated = api.got("/api/sessions/list?kinds=isolated").await;
    assert_eq!(isolated[0]["key"], spawned["sessionKey"]);
    let without = api
        .got("/api/sessions/history?sessionKey=main&includeTools=false&limit=100")
        .await;
    let with = api
        .got("/api/sessions/history?sessionKey=main&includeTools=true&limit=100")
        .await;
    let roles = |v: &Value| {
        v.as_array()
            .unwrap()
            .iter()
            .map(|m| m["role"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(!roles(&without).contains(&"tool".to_owned()));
    assert!(roles(&with).contains(&"tool".to_owned()));
    let status = api.got("/api/session/status?sessionKey=main").await;
    has(
        &status,
        &[
            ("usage.totalTokens", 'n'),
            ("cost.totalUSD", 'n'),
            ("config", 'o'),
        ],
    );
    let job = json!({"name": "Morning", "schedule": {"kind": "cron", "expr": "0 9 * * *", "tz": "America/New_York"},
        "payload": {"kind": "agentTurn", "message": "Good morning"}, "sessionTarget": "isolated"});
    let added = api.posted("/api/cron/add", json!({ "job": job })).await;
    assert_eq!(added["payload"]["message"], "Good morning");
    has(&added, &[("id", 's'), ("nextRunAt", 't')]);
    let event = json!({"name": "Ping", "schedule": {"kind": "cron", "expr": "0 9 * * *"},
        "payload": {"kind": "systemEvent", "text": "ping"}, "sessionTarget": "main"});
    assert_eq!(
        api.posted("/api/cron/add", json!({ "job": event })).await["sessionTarget"],
        "main"
    );
}

#[tokio::test]
async fn d3_gateway() {
    let lab = lab().await;
    let api = api(&lab);
    let status = api.got("/api/status").await;
    has(
        &status,
        &[
            ("ok", 'b'),
            ("version", 's'),
            ("uptime", 'n'),
            ("agent", 's'),
            ("model", 's'),
        ],
    );
    assert_eq!(status["ok"], true);
    let reply = api
        .posted("/api/sessions/main/messages", json!({"message": "Hello"}))
        .await;
    assert_eq!(reply["sessionKey"], "agent:main:main");
    assert!(reply["response"].as_str().unwrap().contains("> Hello"));
    let other = api
        .posted(
            "/api/sessions/work/messages",
            json!({"message": "Made on first use"}),
        )
        .await;
    assert_eq!(other["sessionKey"], "agent:main:work");
    assert_eq!(api.got("/api/sessions").await.as_array().unwrap().len(), 2);
    assert_eq!(
        api.got("/api/sessions/work/history?limit=1")
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let made = api
        .posted(
            "/api/sessions",
            json!({"label": "Research", "target": "isolated"}),
        )
        .await;
    has(&made, &D1_SESSION);
    let key = made["sessionKey"].as_str().unwrap().to_owned();
    api.posted(&format!("/api/sessions/{key}/messages"), json!({"message": "x"}))
        .await;
    let job = api
        .posted(
            "/api/cron",
            json!({"name": "Brief", "cron": "0 8 * * *", "tz": "Europe/Berlin", "message": "News?"}),
        )
        .await;
    assert_eq!(
        (job["cron"].as_str(), job["tz"].as_str(), job["message"].as_str()),
        (Some("0 8 * * *"), Some("Europe/Berlin"), Some("News?"))
    );
    let jobs = api.got("/api/cron").await;
    assert_eq!(jobs[0]["id"], job["id"]);
    let path = format!("/api/cron/{}", job["id"].as_str().unwrap());
    let gone = api.delete(&path).await;
    assert_eq!((gone.status.as_u16(), gone.text.as_str()), (200, ""));
    assert_eq!(api.delete(&path).await.status, 404);
}

#[tokio::test]
async fn d3_socket() {
    let lab = lab().await;
    let url = format!("{}/ws?token={TOKEN}", lab.gateway.url());
    let (mut ws, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    let prompt = json!({"type": "message", "session": "main", "content": "Hello!"});
    ws.send(Message::Text(prompt.to_string().into())).await.unwrap();
    let (mut said, mut pieces) = (String::new(), 0);
    loop {
        let Message::Text(text) = ws.next().await.unwrap().unwrap() else {
            continue;
        };
        let frame: Value = serde_json::from_str(&text).unwrap();
        said.push_str(frame["content"].as_str().unwrap());
        pieces += 1;
        if frame["done"] == true {
            break;
        }
    }
    assert!(pieces > 3 && said.contains("> Hello!"), "{said}");
    ws.send(Message::Text("nonsense".into())).await.unwrap();
    let Message::Text(text) = ws.next().await.unwrap().unwrap() else {
        panic!("no text")
    };
    assert!(text.contains("\"error\""));
    let refused = tokio_tungstenite::connect_async(format!("{}/ws?token=wrong", lab.gateway.url())).await;
    let Err(tokio_tungstenite::tungstenite::Error::Http(response)) = refused else {
        panic!("let in")
    };
    assert_eq!(response.status(), 401);
    // Without a token in the query the same path speaks the native protocol.
    let socket = crate::common::Socket::open(&format!("{}/ws", lab.gateway.url())).await;
    assert!(socket.challenge["nonce"].is_string());
}

#[tokio::test]
async fn d4_chat_v1() {
    let lab = lab_with(|c| {
        c.agents = vec![AgentProfile {
            id: "main".into(),
            ..AgentProfile::default()
        }]
    })
    .await;
    let api = api(&lab);
    let chat = api
        .posted(
            "/api/v1/chat",
            json!({"agentId": "main", "sessionId": "s-1", "message": "Hello", "stream": false}),
        )
        .await;
    assert_eq!(chat["status"], "ok");
    has(
        &chat["response"],
        &[
            ("content", 's'),
            ("messageId", 's'),
            ("model", 's'),
            ("usage.inputTokens", 'n'),
            ("usage.outputTokens", 'n'),
        ],
    );
    let stream = api
        .post(
            "/api/v1/chat/stream",
            json!({"agentId": "main", "sessionId": "s-1", "message": "a tool please"}),
        )
        .await;
    let events = stream.events();
    let kinds: Vec<&str> = events.iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[..3], ["start", "tool_use", "tool_result"]);
    assert_eq!(kinds.last(), Some(&"end"));
    has(&events[0], &[("messageId", 's')]);
    has(&events[1], &[("name", 's'), ("input", 'o')]);
    has(&events[2], &[("output", 's')]);
    has(
        events.last().unwrap(),
        &[("usage.inputTokens", 'n'), ("usage.outputTokens", 'n')],
    );
    let said: String = events
        .iter()
        .filter(|e| e["type"] == "text")
        .map(|e| e["content"].as_str().unwrap())
        .collect();
    assert!(said.contains("> a tool please"));
    let by_query = api
        .with_token(None)
        .get(&format!(
            "/api/v1/chat/stream?agentId=main&message=hi&api_key={TOKEN}"
        ))
        .await;
    assert_eq!(by_query.events().last().unwrap()["type"], "end");
    has(&api.got("/api/v1/agents").await[0], &[("id", 's')]);
    assert_eq!(api.got("/api/v1/agents/main").await["id"], "main");
    assert_eq!(api.get("/api/v1/agents/nobody").await.status, 404);
    has(&api.got("/api/v1/agents/main/tools").await[0], &[("name", 's')]);
    let sessions = api.got("/api/v1/agents/main/sessions").await;
    assert_eq!(sessions.as_array().unwrap().len(), 2);
    let one = api.got("/api/v1/agents/main/sessions/s-1").await;
    assert_eq!(one["messages"].as_array().unwrap().len(), 4);
    assert_eq!(
        api.posted("/api/v1/agents/main/sessions/s-1/clear", json!({}))
            .await["cleared"],
        true
    );
    assert_eq!(
        api.got("/api/v1/agents/main/sessions/s-1").await["messages"],
        json!([])
    );
    assert_eq!(api.delete("/api/v1/agents/main/sessions/s-1").await.status, 200);
    assert_eq!(api.get("/api/v1/agents/main/sessions/s-1").await.status, 404);
    has(
        &api.got("/api/v1/metrics").await,
        &[("uptime", 'n'), ("requests", 'n')],
    );
}

#[tokio::test]
async fn openai_completions() {
    let lab = lab().await;
    let api = api(&lab);
    let body = json!({"model": "openclaw", "messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hello"}]});
    for path in ["/api/v1/openai/chat/completions", "/v1/chat/completions"] {
        let whole = api.posted(path, body.clone()).await;
        assert_eq!(whole["object"], "chat.completion");
        assert!(
            whole["choices"][0]["message"]["content"]
                .as_str()
                .unwrap()
                .contains("> Hello")
        );
        has(
            &whole,
            &[("id", 's'), ("created", 'n'), ("usage.total_tokens", 'n')],
        );
        let mut streamed = body.clone();
        streamed["stream"] = json!(true);
        streamed["stream_options"] = json!({"include_usage": true});
        let answer = api.post(path, streamed).await;
        assert!(answer.text.ends_with("data: [DONE]\n\n"));
        let events = answer.events();
        let said: String = events
            .iter()
            .filter_map(|e| e["choices"][0]["delta"]["content"].as_str())
            .collect();
        assert!(said.contains("> Hello"));
        assert!(events.iter().any(|e| e["choices"][0]["finish_reason"] == "stop"));
        assert!(events.last().unwrap()["usage"]["total_tokens"].as_u64().unwrap() > 0);
    }
    assert_eq!(api.got("/v1/models").await["data"][0]["id"], "openclaw");
    let bad = api
        .post("/v1/chat/completions", json!({"model": "openclaw"}))
        .await;
    assert_eq!(
        (bad.status.as_u16(), bad.json()["error"]["type"].clone()),
        (400, json!("invalid_request_error"))
    );
    // Nothing of it is kept in a session.
    assert_eq!(api.got("/api/sessions").await, json!([]));
}

#[tokio::test]
async fn openai_pictures_models_and_errors() {
    let lab = lab().await;
    let api = api(&lab);
    // More than other bodies may have.
    let picture = format!("data:image/png;base64,{}", "iVBO".repeat(400_000));
    let messages = json!([{"role": "user", "content": [{"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": picture}}]}]);
    let seen = api
        .posted(
            "/v1/chat/completions",
            json!({"model": "openclaw", "messages": messages, "max_tokens": 50, "n": 1}),
        )
        .await;
    let said = seen["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(said.contains("You attached 1 image(s)"), "{said}");
    for base in ["/v1", "/api/v1/openai"] {
        for id in ["openclaw", "openclaw/main", "openclaw%2Fmain"] {
            let model = api.got(&format!("{base}/models/{id}")).await;
            assert_eq!(model["id"], id.replace("%2F", "/"));
            assert_eq!(model["object"], "model");
        }
    }
    let body = |more: Value| {
        let mut body = json!({"model": "openclaw", "messages": [{"role": "user", "content": "Hello"}]});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        Some(body)
    };
    let tools = json!({"tools": [{"type": "function", "function": {"name": "f"}}]});
    let audio = json!({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]});
    for (method, path, body, status, param, code) in [
        (
            Method::POST,
            "/v1/chat/completions",
            body(tools),
            400,
            json!("tools"),
            "bad_request",
        ),
        (
            Method::POST,
            "/v1/chat/completions",
            body(json!({"n": 3})),
            400,
            json!("n"),
            "bad_request",
        ),
        (
            Method::POST,
            "/v1/chat/completions",
            body(json!({"stop": "x"})),
            400,
            json!("stop"),
            "bad_request",
        ),
        (
            Method::POST,
            "/v1/chat/completions",
            body(audio),
            400,
            json!("messages"),
            "bad_request",
        ),
        (
            Method::GET,
            "/v1/models/gpt-9",
            None,
            404,
            json!("model"),
            "model_not_found",
        ),
        (
            Method::POST,
            "/v1/embeddings",
            body(json!({})),
            404,
            Value::Null,
            "not_found",
        ),
        (
            Method::GET,
            "/v1/chat/completions",
            None,
            405,
            Value::Null,
            "method_not_allowed",
        ),
    ] {
        let refused = api.call(method, path, body).await;
        assert_eq!(refused.status.as_u16(), status, "{path}: {}", refused.text);
        let error = refused.json()["error"].clone();
        assert_eq!(
            (&error["param"], &error["code"]),
            (&param, &json!(code)),
            "{path}: {error}"
        );
        assert!(
            error["message"].is_string() && error["type"] == "invalid_request_error",
            "{error}"
        );
    }
    let stranger = api
        .with_token(Some("oclaw_live_wrong"))
        .get("/v1/models/openclaw")
        .await;
    assert_eq!(stranger.status, 401);
    assert_eq!(stranger.json()["error"]["type"], "authentication_error");
}

#[tokio::test]
async fn d5_messages_v1() {
    let lab = lab().await;
    let api = api(&lab);
    has(
        &api.got("/api/v1/health").await,
        &[
            ("status", 's'),
            ("version", 's'),
            ("uptime", 'n'),
            ("channels", 'o'),
            ("redis", 's'),
            ("memoryMB", 'n'),
        ],
    );
    let made = api
        .posted(
            "/api/v1/workspaces",
            json!({"id": "support", "label": "Support", "agent": "main", "skills": ["github"]}),
        )
        .await;
    has(
        &made,
        &[("id", 's'), ("label", 's'), ("agent", 's'), ("skills", 'a')],
    );
    let send = json!({"workspace": "support", "userId": "ann", "message": "use a tool",
        "context": {"timezone": "Europe/Berlin", "language": "de"}});
    let sent = api.posted("/api/v1/messages", send).await;
    has(
        &sent,
        &[
            ("messageId", 's'),
            ("response", 's'),
            ("tokensUsed", 'n'),
            ("latencyMs", 'n'),
            ("sessionId", 's'),
            ("toolsInvoked", 'a'),
            ("finishReason", 's'),
        ],
    );
    assert_eq!(sent["finishReason"], "stop");
    assert_eq!(sent["toolsInvoked"], json!(["current_time"]));
    let sid = sent["sessionId"].as_str().unwrap().to_owned();
    let stream = api
        .post(
            "/api/v1/messages/stream",
            json!({"workspace": "support", "userId": "ann", "message": "a tool again", "sessionId": sid}),
        )
        .await;
    let events = stream.events();
    let kinds: std::collections::HashSet<&str> = events.iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["token", "tool_use", "tool_result", "done"].into());
    let tool = events.iter().find(|e| e["type"] == "tool_use").unwrap();
    has(tool, &[("tool", 's'), ("input", 'o')]);
    let result = events.iter().find(|e| e["type"] == "tool_result").unwrap();
    has(result, &[("tool", 's'), ("output", 's')]);
    has(
        events.last().unwrap(),
        &[("messageId", 's'), ("tokensUsed", 'n'), ("latencyMs", 'n')],
    );
    let session = api.got(&format!("/api/v1/sessions/{sid}")).await;
    has(
        &session,
        &[
            ("id", 's'),
            ("workspace", 's'),
            ("userId", 's'),
            ("createdAt", 't'),
            ("lastActiveAt", 't'),
            ("messageCount", 'n'),
            ("tokensUsed", 'n'),
            ("channel", 's'),
        ],
    );
    assert_eq!(
        (
            session["workspace"].as_str(),
            session["userId"].as_str(),
            session["channel"].as_str()
        ),
        (Some("support"), Some("ann"), Some("api"))
    );
    let history = api
        .got(&format!("/api/v1/sessions/{sid}/history?limit=2&offset=1"))
        .await;
    assert_eq!(history.as_array().unwrap().len(), 2);
    assert_eq!(api.got("/api/v1/sessions").await.as_array().unwrap().len(), 1);
    let list = api
        .call(
            Method::PATCH,
            "/api/v1/workspaces/support/allowlist",
            Some(json!({"add": ["ann", "bob"], "remove": ["bob"]})),
        )
        .await;
    assert_eq!(list.json()["allowlist"], json!(["ann"]));
    let shut_out = api
        .post(
            "/api/v1/messages",
            json!({"workspace": "support", "userId": "eve", "message": "hi"}),
        )
        .await;
    assert_eq!(shut_out.status, 403);
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let stats = api.got(&format!("/api/v1/stats?from={today}&to={today}")).await;
    assert_eq!(stats["period"], json!({"from": today, "to": today}));
    has(
        &stats["totals"],
        &[
            ("messages", 'n'),
            ("tokensIn", 'n'),
            ("tokensOut", 'n'),
            ("costUSD", 'n'),
            ("avgLatencyMs", 'n'),
            ("uniqueUsers", 'n'),
        ],
    );
    assert_eq!(
        (
            stats["totals"]["messages"].clone(),
            stats["totals"]["uniqueUsers"].clone()
        ),
        (json!(2), json!(1))
    );
    has(
        &stats["byDay"][0],
        &[("date", 's'), ("messages", 'n'), ("tokensOut", 'n')],
    );
    assert_eq!(
        api.got("/api/v1/stats/workspaces").await[0]["workspace"],
        "support"
    );
    assert_eq!(
        api.got("/api/v1/stats/users?workspace=support&limit=5").await[0]["userId"],
        "ann"
    );
    assert_eq!(api.delete(&format!("/api/v1/sessions/{sid}")).await.status, 200);
    assert_eq!(api.get(&format!("/api/v1/sessions/{sid}")).await.status, 404);
    api.posted(
        "/api/v1/messages",
        json!({"workspace": "support", "userId": "ann", "message": "hi"}),
    )
    .await;
    let cleared = api.delete("/api/v1/sessions?workspace=support").await;
    assert_eq!(cleared.json()["cleared"], 1);
    assert_eq!(api.delete("/api/v1/workspaces/support").await.status, 200);
    assert_eq!(api.get("/api/v1/workspaces/support").await.status, 404);
    assert_eq!(api.got("/api/v1/workspaces").await[0]["id"], "default");
}

#[tokio::test]
async fn statuses_and_rate_headers_are_on_every_answer() {
    let lab = lab().await;
    let api = api(&lab);
    for (method, path, body, token, status) in [
        (
            Method::POST,
            "/api/sessions/send",
            Some(json!({"agentId": "main"})),
            Some(TOKEN),
            400,
        ),
        (
            Method::POST,
            "/api/v1/messages",
            Some(json!({"workspace": "a", "message": "x"})),
            Some(TOKEN),
            400,
        ),
        (Method::GET, "/api/sessions?limit=abc", None, Some(TOKEN), 400),
        (
            Method::GET,
            "/api/v1/stats?from=yesterday",
            None,
            Some(TOKEN),
            400,
        ),
        (Method::GET, "/api/sessions", None, Some("wrong"), 401),
        (Method::GET, "/api/v1/sessions", None, None, 401),
        (Method::GET, "/api/health", None, Some("wrong"), 401),
        (Method::GET, "/api/health", None, None, 200),
        (Method::GET, "/api/nothing", None, Some(TOKEN), 404),
        (
            Method::GET,
            "/api/v1/sessions/sess_unknown",
            None,
            Some(TOKEN),
            404,
        ),
        (
            Method::GET,
            "/api/sessions/history?sessionKey=nobody",
            None,
            Some(TOKEN),
            404,
        ),
        (Method::PUT, "/api/v1/chat", None, Some(TOKEN), 405),
        (Method::GET, "/openapi.json", None, None, 200),
        (Method::GET, "/health", None, None, 200),
    ] {
        let answer = api.with_token(token).call(method.clone(), path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
            assert!(
                answer.header(name).parse::<u64>().is_ok(),
                "{method} {path}: {name}"
            );
        }
        if status >= 400 {
            has(&answer.json(), &[("error", 's'), ("message", 's')]);
        }
    }
}
