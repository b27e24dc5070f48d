//! API keys at the door: 401, 403, 429 and what their headers say.

use crate::common::api::Api;
use crate::common::{Lab, lab};
use clawtray_embedded_gateway::keys::{Keys, NewKey, Permission};
use reqwest::Method;
use serde_json::json;

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
    let lab = crate::common::lab_with(|c| c.origins = vec!["https://app.example".into()]).await;
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
    assert_eq!(
        preflight("https://evil.example")
            .await
            .header("access-control-allow-origin"),
        ""
    );
}
