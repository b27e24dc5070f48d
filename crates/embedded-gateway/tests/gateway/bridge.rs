//! The bridge: HTTP in front, our client behind it, and a gateway with the native protocol at the
//! end.

use crate::common::api::Api;
use crate::common::{Lab, SCOPES, Socket, TOKEN, lab, lab_with};
use clawtray_embedded_gateway::Bridged;
use clawtray_gateway_client::{Client, ClientConfig, ConnectionState, Credentials, DeviceIdentity, Gateway};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;

struct Front {
    real: Lab,
    front: Lab,
    client: Arc<Client>,
}

async fn front() -> Front {
    let real = lab().await;
    let mut config = ClientConfig::new(real.gateway.url(), Credentials::token(TOKEN))
        .with_identity(DeviceIdentity::from_secret_bytes(&[9; 32]));
    config.scopes = SCOPES.map(String::from).to_vec();
    let client = Arc::new(Client::connect(config));
    let mut state = client.state();
    state
        .wait_for(|s| matches!(s, ConnectionState::Ready(_)))
        .await
        .unwrap();
    let behind: Arc<dyn Gateway> = client.clone();
    let front = lab_with(|c| c.bridge = Some(Bridged(behind))).await;
    Front { real, front, client }
}

#[tokio::test]
async fn every_dialect_reaches_the_gateway_behind() {
    let f = front().await;
    let api = Api::new(f.front.gateway.http_url(), Some(TOKEN));
    // D3
    assert_eq!(api.got("/api/status").await["ok"], true);
    let reply = api
        .posted(
            "/api/sessions/work/messages",
            json!({"message": "through the bridge"}),
        )
        .await;
    assert!(
        reply["response"]
            .as_str()
            .unwrap()
            .contains("> through the bridge")
    );
    // It really is in the other gateway.
    let mut socket = Socket::connected(&f.real.gateway.url()).await;
    let history = socket
        .call("chat.history", json!({"sessionKey": "agent:main:work"}))
        .await;
    assert_eq!(history["totalMessages"], 2);
    // D1
    let sessions = api.got("/api/sessions").await;
    assert_eq!(sessions[0]["key"], "agent:main:work");
    assert_eq!(sessions[0]["messageCount"], 2);
    assert_eq!(
        api.got("/api/sessions/history?sessionKey=work&limit=5")
            .await
            .as_array()
            .unwrap()
            .len(),
        2
    );
    // D2
    let task = api.posted("/api/sessions/spawn", json!({"task": "a task"})).await;
    assert!(task["reply"].as_str().unwrap().contains("> a task"));
    // D4
    let events = api
        .post(
            "/api/v1/chat/stream",
            json!({"agentId": "main", "message": "a tool please"}),
        )
        .await
        .events();
    let kinds: Vec<&str> = events.iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"start"), Some(&"end")));
    assert!(
        kinds.contains(&"tool_use") && kinds.contains(&"tool_result"),
        "{kinds:?}"
    );
    let said: String = events
        .iter()
        .filter(|e| e["type"] == "text")
        .map(|e| e["content"].as_str().unwrap())
        .collect();
    assert!(said.contains("> a tool please"));
    assert!(events.last().unwrap()["usage"]["outputTokens"].as_u64().unwrap() > 0);
    assert_eq!(
        api.post("/api/v1/chat", json!({"agentId": "nobody", "message": "x"}))
            .await
            .status,
        404
    );
    // D5
    let sent = api
        .posted(
            "/api/v1/messages",
            json!({"workspace": "w", "userId": "ann", "message": "hello"}),
        )
        .await;
    let sid = sent["sessionId"].as_str().unwrap();
    assert!(sent["tokensUsed"].as_u64().unwrap() > 0);
    assert_eq!(api.got(&format!("/api/v1/sessions/{sid}")).await["userId"], "ann");
    assert_eq!(
        api.got(&format!("/api/v1/sessions/{sid}/history"))
            .await
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(api.delete(&format!("/api/v1/sessions/{sid}")).await.status, 200);
    // OpenAI
    let body = json!({"model": "openclaw/main", "messages": [{"role": "user", "content": "hello"}]});
    assert!(
        api.posted("/v1/chat/completions", body).await["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .contains("> hello")
    );
    let picture = json!([{"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]);
    let body = json!({"model": "openclaw", "messages": [{"role": "user", "content": picture}]});
    let seen = api.posted("/v1/chat/completions", body).await;
    let said = seen["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(said.contains("You attached 1 image(s)"), "{said}");
    let unknown = json!({"model": "openclaw/nobody", "messages": [{"role": "user", "content": "x"}]});
    let unknown = api.post("/v1/chat/completions", unknown).await;
    assert_eq!(
        unknown.json()["error"]["code"],
        "model_not_found",
        "{}",
        unknown.text
    );
    // Jobs
    let job = api
        .posted(
            "/api/cron",
            json!({"name": "n", "cron": "0 8 * * *", "message": "x"}),
        )
        .await;
    let id = job["id"].as_str().unwrap();
    assert_eq!(socket.call("cron.list", json!({})).await["jobs"][0]["id"], id);
    assert_eq!(api.delete(&format!("/api/cron/{id}")).await.status, 200);
    assert_eq!(api.delete(&format!("/api/cron/{id}")).await.status, 404);
    f.client.shutdown().await;
}

#[tokio::test]
async fn without_the_gateway_behind_it_says_503_and_when_to_come_back() {
    let f = front().await;
    let api = Api::new(f.front.gateway.http_url(), Some(TOKEN));
    let mut state = f.client.state();
    f.real.gateway.shutdown().await;
    state
        .wait_for(|s| !matches!(s, ConnectionState::Ready(_)))
        .await
        .unwrap();
    for (method, path, body) in [
        (Method::GET, "/api/health", Value::Null),
        (Method::GET, "/api/sessions", Value::Null),
        (
            Method::POST,
            "/api/sessions/main/messages",
            json!({"message": "x"}),
        ),
    ] {
        let answer = api.call(method, path, Some(body).filter(|b| !b.is_null())).await;
        assert_eq!(answer.status, 503, "{path}: {}", answer.text);
        assert!(answer.header("retry-after").parse::<u64>().is_ok());
    }
    assert_eq!(api.get("/health").await.status, 200);
    let native = tokio_tungstenite::connect_async(f.front.gateway.url()).await;
    let Err(tokio_tungstenite::tungstenite::Error::Http(response)) = native else {
        panic!("let in")
    };
    assert_eq!(response.status(), 501);
    f.client.shutdown().await;
}

#[tokio::test]
async fn what_the_gateway_behind_does_not_allow_is_501_with_a_sentence() {
    let real = lab().await;
    let mut config = ClientConfig::new(real.gateway.url(), Credentials::token(TOKEN))
        .with_identity(DeviceIdentity::from_secret_bytes(&[8; 32]));
    config.scopes = vec!["operator.read".into(), "operator.write".into()];
    let client = Arc::new(Client::connect(config));
    client
        .state()
        .wait_for(|s| matches!(s, ConnectionState::Ready(_)))
        .await
        .unwrap();
    let behind: Arc<dyn Gateway> = client.clone();
    let front = lab_with(|c| c.bridge = Some(Bridged(behind))).await;
    let api = Api::new(front.gateway.http_url(), Some(TOKEN));
    let refused = api
        .post(
            "/api/cron",
            json!({"name": "n", "cron": "0 8 * * *", "message": "x"}),
        )
        .await;
    assert_eq!(refused.status, 501);
    assert!(
        refused.json()["message"]
            .as_str()
            .unwrap()
            .contains("operator.admin")
    );
    client.shutdown().await;
}

#[tokio::test]
async fn a_key_cannot_take_over_sessions_of_another_workspace_behind_the_bridge() {
    let f = front().await;
    let api = Api::new(f.front.gateway.http_url(), Some(TOKEN));
    let keys = clawtray_embedded_gateway::keys::Keys::open(f.front.dir.path()).unwrap();
    crate::keys::workspaces_cannot_be_taken_over(&api, &keys).await;
    f.client.shutdown().await;
}

#[tokio::test]
async fn a_bridge_leaves_the_jobs_of_the_built_in_gateway_alone() {
    let real = lab().await;
    let config = ClientConfig::new(real.gateway.url(), Credentials::token(TOKEN))
        .with_identity(DeviceIdentity::from_secret_bytes(&[7; 32]));
    let client = Arc::new(Client::connect(config));
    let behind: Arc<dyn Gateway> = client.clone();
    // A built-in gateway made a job that is due, and stopped; then a bridge starts on the same folder.
    let lab = lab().await;
    let mut socket = Socket::connected(&lab.gateway.url()).await;
    let job = json!({"name": "n", "schedule": {"kind": "every", "everyMs": 1_000},
        "payload": {"kind": "agentTurn", "message": "hello"}});
    let id = socket.call("cron.add", job).await["id"].clone();
    socket
        .until(|e| e["event"] == "cron" && e["payload"]["action"] == "finished")
        .await;
    drop(socket);
    let Lab { dir, gateway } = lab;
    gateway.shutdown().await;
    let before = due(&dir, id.as_str().unwrap());
    let front = crate::common::start(dir.path(), |c| c.bridge = Some(Bridged(behind))).await;
    // The built-in gateway looks for due jobs before it listens: long since done when this is answered.
    let api = Api::new(front.http_url(), Some(TOKEN));
    while i64::try_from(before).unwrap() + 200 > jiff::Timestamp::now().as_millisecond() {
        assert_eq!(api.get("/health").await.status, 200);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(due(&dir, id.as_str().unwrap()), before, "nobody claimed it");
    client.shutdown().await;
}

/// When a job is due, as the database has it.
fn due(dir: &tempfile::TempDir, id: &str) -> u64 {
    let conn = rusqlite::Connection::open(dir.path().join("gateway.sqlite")).unwrap();
    conn.query_row("SELECT next_run FROM cron_jobs WHERE id = ?1", [id], |r| {
        r.get::<_, i64>(0)
    })
    .unwrap()
    .unsigned_abs()
}
