//! API keys: statuses 401, 403 and 429, and their headers.

use crate::common::api::Api;
use crate::common::{Lab, TOKEN, lab, lab_with};
use clawtray_embedded_gateway::ConfigFile;
use clawtray_embedded_gateway::keys::{Keys, NewKey, Permission};
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

fn keys(lab: &Lab) -> Keys {
    Keys::open(lab.dir.path()).unwrap()
}

fn api(lab: &Lab, key: &str) -> Api {
    Api::new(lab.gateway.http_url(), Some(key))
}

#[tokio::test]
async fn a_key_works_until_it_is_revoked() {
    let lab = lab().await;
    let keys = keys(&lab);
    let key = keys.create(NewKey::labelled("app")).unwrap();
    let api = api(&lab, &key.secret);
    assert_eq!(api.get("/api/sessions").await.status, 200);
    let rotated = keys.rotate(&key.key.id).unwrap().unwrap();
    assert_eq!(api.get("/api/sessions").await.status, 401);
    let api = api.with_token(Some(&rotated.secret));
    assert_eq!(api.get("/api/sessions").await.status, 200);
    keys.revoke(&rotated.secret).unwrap().unwrap();
    let refused = api.get("/api/sessions").await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("www-authenticate")),
        (401, "Bearer")
    );
}

#[tokio::test]
async fn each_permission_opens_its_own_doors() {
    let lab = lab().await;
    let keys = keys(&lab);
    let doors = [
        (
            Permission::MessagesWrite,
            Method::POST,
            "/api/v1/messages",
            Some(json!({"workspace": "default", "userId": "u", "message": "x"})),
        ),
        (
            Permission::MessagesRead,
            Method::GET,
            "/api/sessions/history?sessionKey=main",
            None,
        ),
        (Permission::SessionsRead, Method::GET, "/api/v1/sessions", None),
        (
            Permission::SessionsDelete,
            Method::DELETE,
            "/api/v1/sessions?workspace=none",
            None,
        ),
        (
            Permission::WorkspacesRead,
            Method::GET,
            "/api/v1/workspaces",
            None,
        ),
        (
            Permission::WorkspacesWrite,
            Method::PATCH,
            "/api/v1/workspaces/default/allowlist",
            Some(json!({})),
        ),
        (Permission::StatsRead, Method::GET, "/api/v1/stats", None),
    ];
    for (permission, ..) in &doors {
        let new = NewKey {
            permissions: vec![*permission],
            ..NewKey::labelled("one")
        };
        let api = api(&lab, &keys.create(new).unwrap().secret);
        for (needed, method, path, body) in &doors {
            let answer = api.call(method.clone(), path, body.clone()).await;
            let expect = if needed == permission { 200 } else { 403 };
            assert_eq!(
                answer.status, expect,
                "{permission:?} at {method} {path}: {}",
                answer.text
            );
        }
    }
}

#[tokio::test]
async fn a_key_for_one_workspace_sees_nothing_of_another() {
    let lab = lab().await;
    let keys = keys(&lab);
    let for_workspace = |id: &str| {
        let new = NewKey {
            workspaces: vec![id.into()],
            ..NewKey::labelled(id)
        };
        api(&lab, &keys.create(new).unwrap().secret)
    };
    let (a, b) = (for_workspace("a"), for_workspace("b"));
    let sent = a
        .posted(
            "/api/v1/messages",
            json!({"workspace": "a", "userId": "u", "message": "secret of a"}),
        )
        .await;
    let sid = sent["sessionId"].as_str().unwrap().to_owned();
    assert_eq!(a.got("/api/v1/sessions").await.as_array().unwrap().len(), 1);
    assert_eq!(b.got("/api/v1/sessions").await, json!([]));
    for path in [
        format!("/api/v1/sessions/{sid}"),
        format!("/api/v1/sessions/{sid}/history"),
        format!("/api/sessions/history?sessionKey={sid}"),
        "/api/sessions/agent:main:api:a:u/history".to_owned(),
        format!("/api/v1/agents/main/sessions/{sid}"),
    ] {
        assert_eq!(b.get(&path).await.status, 404, "{path}");
    }
    for (path, body) in [
        (
            "/api/v1/messages",
            json!({"workspace": "a", "userId": "u", "message": "x"}),
        ),
        ("/api/sessions/main/messages", json!({"message": "x"})),
        (
            "/api/sessions/agent:main:api:a:u/messages",
            json!({"message": "x"}),
        ),
        ("/api/v1/chat", json!({"agentId": "main", "message": "x"})),
        (
            "/v1/chat/completions",
            json!({"model": "m", "messages": [{"role": "user", "content": "x"}]}),
        ),
        (
            "/api/cron",
            json!({"name": "n", "cron": "* * * * *", "message": "x"}),
        ),
    ] {
        assert_eq!(b.post(path, body).await.status, 403, "{path}");
    }
    let stolen = b
        .post(
            "/api/v1/messages",
            json!({"workspace": "b", "userId": "u", "message": "x", "sessionId": sid}),
        )
        .await;
    assert_eq!(stolen.status, 404);
    assert_eq!(b.got("/api/v1/stats").await["totals"]["messages"], 0);
    assert_eq!(b.get("/api/v1/stats/users?workspace=a").await.status, 403);
}

/// What a key for another workspace may not do with the session of a user, before that user ever wrote and after.
async fn is_kept_out(stranger: &Api, key: &str) {
    let prompt = json!({"message": "mine now"});
    let by_key = json!({"message": "mine now", "sessionKey": key});
    let d4 = json!({"agentId": "main", "message": "mine now", "sessionId": key});
    let path = format!("/api/sessions/{key}/messages");
    for (path, body) in [
        ("/api/sessions/send", &by_key),
        (path.as_str(), &prompt),
        ("/api/v1/chat", &d4),
        ("/api/v1/chat/stream", &d4),
    ] {
        let answer = stranger.post(path, body.clone()).await;
        assert_eq!(answer.status, 403, "{path} {body}: {}", answer.text);
    }
    for path in [
        format!("/api/sessions/{key}/history"),
        format!("/api/sessions/history?sessionKey={key}"),
        format!("/api/session/status?sessionKey={key}"),
        format!("/api/v1/sessions/{key}/history"),
        format!("/api/v1/agents/main/sessions/{key}"),
    ] {
        assert_eq!(stranger.get(&path).await.status, 404, "{path}");
    }
}

/// The sequence of somebody who wants the sessions of another workspace by writing into them first.
pub(crate) async fn workspaces_cannot_be_taken_over(owner: &Api, keys: &Keys) {
    let limited = |id: &str| {
        let new = NewKey {
            workspaces: vec![id.into()],
            ..NewKey::labelled(id)
        };
        owner.with_token(Some(&keys.create(new).unwrap().secret))
    };
    let (stranger, support) = (limited("default"), limited("support"));
    for key in ["agent:main:api:support:ann", "agent:main:API:Support:ann"] {
        is_kept_out(&stranger, key).await;
    }
    // The owner may; it does not make the session the owner's.
    let ann = "agent:main:api:support:ann";
    owner
        .posted(
            "/api/sessions/send",
            json!({"message": "hello", "sessionKey": ann}),
        )
        .await;
    is_kept_out(&stranger, ann).await;
    assert_eq!(
        stranger.got("/api/v1/sessions?workspace=support").await,
        json!([])
    );
    let sent = json!({"workspace": "support", "userId": "ann", "message": "my card number is 4111"});
    let sent = support.posted("/api/v1/messages", sent).await;
    is_kept_out(&stranger, ann).await;
    let mine = support.got("/api/v1/sessions").await;
    assert_eq!(mine[0]["id"], sent["sessionId"], "{mine}");
    assert_eq!(
        (&mine[0]["userId"], &mine[0]["workspace"]),
        (&json!("ann"), &json!("support"))
    );
    let listed =
        stranger.got("/api/sessions").await.to_string() + &stranger.got("/api/v1/sessions").await.to_string();
    assert!(!listed.contains(sent["sessionId"].as_str().unwrap()), "{listed}");
}

#[tokio::test]
async fn a_key_cannot_take_over_sessions_of_another_workspace() {
    let lab = lab().await;
    workspaces_cannot_be_taken_over(&api(&lab, TOKEN), &keys(&lab)).await;
    let new = NewKey {
        workspaces: vec!["default".into()],
        ..NewKey::labelled("socket")
    };
    let stranger = keys(&lab).create(new).unwrap().secret;
    let url = format!("{}/ws?token={stranger}", lab.gateway.url());
    let (mut ws, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    let prompt = json!({"type": "message", "session": "agent:main:api:support:bob", "content": "mine now"});
    ws.send(Message::Text(prompt.to_string().into())).await.unwrap();
    let said = ws.next().await.unwrap().unwrap().into_text().unwrap();
    assert!(said.contains("not for the workspace"), "{said}");
}

#[tokio::test]
async fn a_key_leaves_prompts_and_nothing_else_as_jobs() {
    let lab = lab().await;
    let api = api(&lab, TOKEN);
    let job = |payload: serde_json::Value| json!({"job": {"name": "n", "schedule": {"kind": "every", "everyMs": 3_600_000}, "payload": payload}});
    let good = json!({"kind": "agentTurn", "message": "hello", "timeoutSeconds": 60});
    api.posted("/api/cron/add", job(good)).await;
    for (payload, what) in [
        (json!({"kind": "command", "message": "x"}), "payload.kind"),
        (
            json!({"kind": "agentTurn", "message": "x", "toolsAllow": ["*"]}),
            "payload.toolsAllow",
        ),
    ] {
        let refused = api.post("/api/cron/add", job(payload)).await;
        assert_eq!(refused.status, 400);
        assert!(refused.text.contains(what), "{}", refused.text);
    }
}

#[tokio::test]
async fn tokens_count_for_a_caller_who_hangs_up() {
    let lab = lab().await;
    let new = NewKey {
        tokens_per_day: Some(60),
        ..NewKey::labelled("small")
    };
    let key = keys(&lab).create(new).unwrap();
    let api = api(&lab, &key.secret);
    let ask = json!({"model": "openclaw", "stream": true, "messages": [{"role": "user", "content": "a long story"}]});
    let request = api.request(Method::POST, "/v1/chat/completions").json(&ask);
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let mut read = 0;
    while read < 12_000 {
        read += response.chunk().await.unwrap().expect("a long story").len();
    }
    // Another one does not pass while this one is under way.
    assert_eq!(api.post("/v1/chat/completions", ask.clone()).await.status, 429);
    drop(response);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while api.got("/api/v1/stats").await["totals"]["tokensOut"] == 0 {
        assert!(tokio::time::Instant::now() < deadline, "it was never counted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let spent = api.post("/v1/chat/completions", ask).await;
    assert_eq!(spent.status, 429);
    assert!(spent.text.contains("has used"), "{}", spent.text);
}

#[tokio::test]
async fn a_rate_limit_is_told_and_kept() {
    let lab = lab().await;
    let new = NewKey {
        rate_limit_per_minute: 3,
        ..NewKey::labelled("slow")
    };
    let api = api(&lab, &keys(&lab).create(new).unwrap().secret);
    let mut seen = Vec::new();
    for _ in 0..7 {
        let answer = api.get("/api/v1/workspaces").await;
        assert_eq!(answer.header("x-ratelimit-limit"), "3");
        let now = jiff::Timestamp::now().as_second();
        let reset: i64 = answer.header("x-ratelimit-reset").parse().unwrap();
        assert!((-1..=60).contains(&(reset - now)), "{reset} at {now}");
        if answer.status == 429 {
            assert_eq!(answer.header("x-ratelimit-remaining"), "0");
            assert!((1..=60).contains(&answer.header("retry-after").parse::<u64>().unwrap()));
        }
        seen.push(answer.status.as_u16());
    }
    // A minute may end in between; seven requests are too many for two.
    assert!(seen.contains(&429) && seen.first() == Some(&200), "{seen:?}");
}

#[tokio::test]
async fn tokens_a_day_run_out() {
    let lab = lab().await;
    let new = NewKey {
        tokens_per_day: Some(1),
        ..NewKey::labelled("small")
    };
    let api = api(&lab, &keys(&lab).create(new).unwrap().secret);
    let send = json!({"workspace": "default", "userId": "u", "message": "hello"});
    api.posted("/api/v1/messages", send.clone()).await;
    let refused = api.post("/api/v1/messages", send).await;
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() <= 86_400);
}

#[tokio::test]
async fn wrong_keys_of_any_length_are_just_wrong() {
    let lab = lab().await;
    for key in [
        "",
        "x",
        "oclaw_live_",
        &"x".repeat(255),
        &"x".repeat(257),
        &"x".repeat(20_000),
    ] {
        let answer = api(&lab, key).get("/api/status").await;
        assert_eq!(answer.status, 401, "{} bytes", key.len());
    }
    let api = api(&lab, "ignored").with_token(None);
    let basic = api
        .request(Method::GET, "/api/status")
        .header("authorization", "Basic dTpw");
    assert_eq!(api.send(basic).await.status, 401);
}

#[tokio::test]
async fn cors_follows_the_list() {
    let lab = lab_with(|c| c.origins = vec!["https://app.example".into()]).await;
    let api = Api::new(lab.gateway.http_url(), None);
    let preflight = |origin: &'static str| {
        let request = api.request(Method::OPTIONS, "/api/v1/messages");
        api.send(
            request
                .header("origin", origin)
                .header("access-control-request-method", "POST"),
        )
    };
    let good = preflight("https://app.example").await;
    assert_eq!(good.status, 204);
    assert_eq!(good.header("access-control-allow-origin"), "https://app.example");
    assert!(good.header("access-control-allow-methods").contains("POST"));
    assert!(
        good.header("access-control-allow-headers")
            .contains("authorization")
    );
    let sdk = api
        .request(Method::OPTIONS, "/v1/chat/completions")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,X-Stainless-OS, x-stainless-lang,x-evil",
        );
    let sdk = api.send(sdk).await;
    let allowed: Vec<&str> = sdk.header("access-control-allow-headers").split(", ").collect();
    for name in [
        "authorization",
        "content-type",
        "x-stainless-os",
        "x-stainless-lang",
    ] {
        assert!(allowed.contains(&name), "{name}: {allowed:?}");
    }
    assert!(!allowed.contains(&"x-evil"));
    assert_eq!(
        preflight("https://evil.example")
            .await
            .header("access-control-allow-origin"),
        ""
    );
}

#[tokio::test]
async fn refusals_have_the_rate_headers_too() {
    let lab = lab().await;
    let new = NewKey {
        permissions: vec![Permission::StatsRead],
        rate_limit_per_minute: 40,
        ..NewKey::labelled("narrow")
    };
    let narrow = keys(&lab).create(new).unwrap().secret;
    for (token, path, status, limit) in [
        (Some("oclaw_live_wrong"), "/api/v1/sessions", 401, "60000"),
        (None, "/api/v1/sessions", 401, "60000"),
        (Some(narrow.as_str()), "/api/v1/sessions", 403, "40"),
        (Some(narrow.as_str()), "/api/v1/nothing", 404, "60000"),
    ] {
        let answer = api(&lab, "").with_token(token).get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("x-ratelimit-limit"), limit, "{status} at {path}");
        let left: u32 = answer.header("x-ratelimit-remaining").parse().unwrap();
        assert!(left < limit.parse().unwrap(), "{left} of {limit}");
        let reset: i64 = answer.header("x-ratelimit-reset").parse().unwrap();
        assert!((-1..=60).contains(&(reset - jiff::Timestamp::now().as_second())));
    }
}

#[tokio::test]
async fn a_key_is_good_until_its_time_and_refused_after_it() {
    let lab = lab().await;
    let in_an_hour = jiff::Timestamp::now().as_millisecond() + 3_600_000;
    let new = NewKey {
        expires_at_ms: Some(in_an_hour),
        ..NewKey::labelled("short")
    };
    let api = api(&lab, &keys(&lab).create(new).unwrap().secret);
    assert_eq!(api.get("/api/sessions").await.status, 200);
    // The hour goes by.
    let conn = rusqlite::Connection::open(lab.dir.path().join("gateway.sqlite")).unwrap();
    let passed = "UPDATE api_keys SET body = json_set(body, '$.expiresAtMs', ?1)";
    let now = jiff::Timestamp::now().as_millisecond();
    assert_eq!(conn.execute(passed, [now]).unwrap(), 1);
    assert_eq!(api.get("/api/sessions").await.status, 401);
}

#[tokio::test]
async fn too_many_wrong_tokens_are_429_and_nobody_else_suffers() {
    let lab = lab_with(|c| c.strangers_per_minute = 5).await;
    let wrong = api(&lab, "oclaw_live_wrong");
    let mut seen = Vec::new();
    for _ in 0..11 {
        let answer = wrong.get("/api/v1/sessions").await;
        assert_eq!(answer.header("x-ratelimit-limit"), "5");
        if answer.status == 429 {
            assert!((1..=60).contains(&answer.header("retry-after").parse::<u64>().unwrap()));
        }
        seen.push(answer.status.as_u16());
    }
    // A minute may end in between; eleven are too many for two.
    assert!(seen.starts_with(&[401]) && seen.contains(&429), "{seen:?}");
    assert_eq!(api(&lab, TOKEN).get("/api/v1/sessions").await.status, 200);
}

/// Starts a gateway as the file says.
async fn lab_of(text: &str) -> Lab {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("openclaw.json5");
    std::fs::write(&path, text).unwrap();
    let file = ConfigFile::read(&path, |_| None).unwrap();
    lab_with(|config| file.apply(config)).await
}

#[tokio::test]
async fn the_keys_limits_and_origins_of_a_file_count() {
    let lab = lab_of(
        "{ gateway: { port: 0, apiKeys: ['first-of-the-file', 'second-of-the-file'],
            cors: { origins: ['https://app.example'], methods: ['GET'] },
            rateLimit: { maxRequestsPerMinute: 4, maxTokensPerDay: 1, perKey: false } } }",
    )
    .await;
    let (one, two) = (api(&lab, "first-of-the-file"), api(&lab, "second-of-the-file"));
    let send = json!({"workspace": "default", "userId": "u", "message": "hello"});
    one.posted("/api/v1/messages", send.clone()).await;
    let spent = two.post("/api/v1/messages", send).await;
    assert_eq!(spent.status, 429, "tokens are counted together: {}", spent.text);
    assert_eq!(spent.header("x-ratelimit-limit"), "4");
    let mut seen = Vec::new();
    for at in 0..9 {
        let api = if at % 2 == 0 { &one } else { &two };
        seen.push(api.get("/api/v1/sessions").await.status.as_u16());
    }
    assert!(seen.contains(&429), "requests are counted together: {seen:?}");
    assert_eq!(api(&lab, "third").get("/api/v1/sessions").await.status, 401);
    assert_eq!(api(&lab, TOKEN).get("/api/v1/sessions").await.status, 200);
    let preflight = one
        .request(Method::OPTIONS, "/api/v1/messages")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "GET");
    let allowed = one.send(preflight).await;
    assert_eq!(allowed.header("access-control-allow-methods"), "GET");
    assert!(
        keys(&lab).list().unwrap().is_empty(),
        "nothing of the file is stored"
    );
    for entry in std::fs::read_dir(lab.dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("of-the-file"), "a key is in the data");
    }
}

#[tokio::test]
async fn keys_with_a_count_each_do_not_share_it() {
    let lab = lab_of(
        "{ gateway: { apiKeys: ['first-of-the-file', 'second-of-the-file'], rateLimit: { maxTokensPerDay: 1 } } }",
    )
    .await;
    let send = json!({"workspace": "default", "userId": "u", "message": "hello"});
    for key in ["first-of-the-file", "second-of-the-file"] {
        let api = api(&lab, key);
        api.posted("/api/v1/messages", send.clone()).await;
        assert_eq!(api.post("/api/v1/messages", send.clone()).await.status, 429);
    }
}
