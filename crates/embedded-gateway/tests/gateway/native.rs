//! The native protocol, with frames written by hand.
use crate::common::{Device, Socket, TOKEN, connect_params, lab, lab_with, start};
use serde_json::{Value, json};
use std::time::Duration;

fn text_of(message: &Value) -> String {
    let content = &message["content"];
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    content
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|p| p["text"].as_str())
        .collect()
}

#[tokio::test]
async fn hello_has_what_a_client_reads() {
    let lab = lab().await;
    let mut socket = Socket::open(&lab.gateway.url()).await;
    let hello = socket
        .connect(connect_params(json!({"token": TOKEN})), Some(&Device::new(1)))
        .await;
    let payload = &hello["payload"];
    assert_eq!(payload["type"], "hello-ok");
    assert_eq!(payload["protocol"], 4);
    assert_eq!(payload["auth"]["method"], "token");
    assert_eq!(payload["auth"]["scopes"].as_array().unwrap().len(), 5);
    assert_eq!(payload["policy"]["maxPayload"], 26_214_400);
    assert_eq!(payload["policy"]["tickIntervalMs"], 30_000);
    assert_eq!(
        payload["snapshot"]["sessionDefaults"]["mainSessionKey"],
        "agent:main:main"
    );
    assert_eq!(payload["snapshot"]["health"]["ok"], true);
    for method in payload["features"]["methods"].as_array().unwrap() {
        let answer = socket.request(method.as_str().unwrap(), json!({})).await;
        let said = answer["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(!said.starts_with("unknown method"), "{method}: {said}");
    }
    let unknown = socket.request("no.such.method", json!({})).await;
    assert_eq!(
        unknown["error"],
        json!({"code": "INVALID_REQUEST", "message": "unknown method: no.such.method"})
    );
}

#[tokio::test]
async fn refusals_name_the_cause_and_the_next_step() {
    let lab = lab().await;
    let device = Device::new(2);
    let good = json!({"token": TOKEN});
    let edit = |f: &dyn Fn(&mut Value)| {
        let mut params = connect_params(good.clone());
        f(&mut params);
        params
    };
    let cases: Vec<(&str, Value, bool, u16, &str, Value)> = vec![
        (
            "wrong token with device",
            connect_params(json!({"token": "nope"})),
            true,
            1008,
            "unauthorized: gateway token mismatch (provide gateway auth token)",
            json!({"code": "AUTH_TOKEN_MISMATCH", "authReason": "token_mismatch", "canRetryWithDeviceToken": true,
                "recommendedNextStep": "retry_with_device_token"}),
        ),
        (
            "wrong token without device",
            connect_params(json!({"token": "nope"})),
            false,
            1008,
            "unauthorized: gateway token mismatch (provide gateway auth token)",
            json!({"code": "AUTH_TOKEN_MISMATCH", "authReason": "token_mismatch", "canRetryWithDeviceToken": false,
                "recommendedNextStep": "update_auth_credentials"}),
        ),
        (
            "no token",
            connect_params(json!({})),
            true,
            1008,
            "unauthorized: gateway token missing (provide gateway auth token)",
            json!({"code": "AUTH_TOKEN_MISSING", "authReason": "token_missing", "canRetryWithDeviceToken": false,
                "recommendedNextStep": "update_auth_configuration"}),
        ),
        (
            "bad device token",
            connect_params(json!({"deviceToken": "nope"})),
            true,
            1008,
            "unauthorized: device token mismatch (rotate/reissue device token)",
            json!({"code": "AUTH_DEVICE_TOKEN_MISMATCH", "authReason": "device_token_mismatch",
                "canRetryWithDeviceToken": false, "recommendedNextStep": "update_auth_credentials"}),
        ),
        (
            "protocol 3..3",
            edit(&|p| p["maxProtocol"] = json!(3)),
            true,
            1002,
            "protocol mismatch",
            json!({"code": "PROTOCOL_MISMATCH", "clientMinProtocol": 3, "clientMaxProtocol": 3, "expectedProtocol": 4,
                "minimumProbeProtocol": 3}),
        ),
        (
            "client id",
            edit(&|p| p["client"]["id"] = json!("me")),
            true,
            1008,
            "invalid connect params: at /client/id: must be equal to one of the allowed values",
            Value::Null,
        ),
        (
            "client mode",
            edit(&|p| p["client"]["mode"] = json!("operator")),
            true,
            1008,
            "invalid connect params: at /client/mode: must be equal to one of the allowed values",
            Value::Null,
        ),
        (
            "extra param",
            edit(&|p| p["foo"] = json!(1)),
            true,
            1008,
            "invalid connect params: at root: unexpected property 'foo'",
            Value::Null,
        ),
        (
            "role",
            edit(&|p| p["role"] = json!("bogus")),
            true,
            1008,
            "invalid role",
            Value::Null,
        ),
    ];
    for (name, params, with_device, code, message, details) in cases {
        let mut socket = Socket::open(&lab.gateway.url()).await;
        let answer = socket.connect(params, with_device.then_some(&device)).await;
        assert_eq!(answer["error"]["code"], "INVALID_REQUEST", "{name}: {answer}");
        assert_eq!(answer["error"]["message"], message, "{name}");
        assert_eq!(answer["error"]["details"], details, "{name}");
        assert_eq!(socket.closed().await, (code, message.to_owned()), "{name}");
    }
}

#[tokio::test]
async fn device_signatures_are_checked() {
    let lab = lab().await;
    let device = Device::new(3);
    type Edit = fn(&mut Value);
    let cases: [(&str, Edit, &str); 5] = [
        (
            "signature",
            |d| d["signature"] = json!("A".repeat(86)),
            "DEVICE_AUTH_SIGNATURE_INVALID",
        ),
        (
            "nonce",
            |d| d["nonce"] = json!("other"),
            "DEVICE_AUTH_NONCE_MISMATCH",
        ),
        (
            "stale",
            |d| d["signedAt"] = json!(d["signedAt"].as_i64().unwrap() - 600_000),
            "DEVICE_AUTH_SIGNATURE_EXPIRED",
        ),
        ("id", |d| d["id"] = json!("00"), "DEVICE_AUTH_DEVICE_ID_MISMATCH"),
        (
            "key",
            |d| d["publicKey"] = json!("AAAA"),
            "DEVICE_AUTH_DEVICE_ID_MISMATCH",
        ),
    ];
    for (name, edit, code) in cases {
        let mut socket = Socket::open(&lab.gateway.url()).await;
        let mut params = connect_params(json!({"token": TOKEN}));
        let nonce = socket.challenge["nonce"].as_str().unwrap().to_owned();
        params["device"] = device.sign(&params, &nonce, socket.challenge["ts"].as_i64().unwrap());
        edit(&mut params["device"]);
        let answer = socket.connect(params, None).await;
        assert_eq!(answer["error"]["details"]["code"], code, "{name}: {answer}");
        assert_eq!(socket.closed().await.0, 1008, "{name}");
    }
}

#[tokio::test]
async fn device_token_works_alone_and_dies_with_the_gateway_token() {
    let lab = lab().await;
    let device = Device::new(4);
    let mut socket = Socket::open(&lab.gateway.url()).await;
    let hello = socket
        .connect(connect_params(json!({"token": TOKEN})), Some(&device))
        .await;
    let token = hello["payload"]["auth"]["deviceToken"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_ne!(token, TOKEN);
    let by_token = |auth: Value, device: &'static str, url: String| async move {
        let mut socket = Socket::open(&url).await;
        let device = Device::new(if device == "same" { 4 } else { 5 });
        socket.connect(connect_params(auth), Some(&device)).await
    };
    let again = by_token(json!({"deviceToken": token}), "same", lab.gateway.url()).await;
    assert_eq!(again["payload"]["auth"]["method"], "device-token", "{again}");
    let other = by_token(json!({"deviceToken": token}), "other", lab.gateway.url()).await;
    assert_eq!(other["error"]["details"]["code"], "AUTH_DEVICE_TOKEN_MISMATCH");
    lab.gateway.shutdown().await;
    let changed = start(lab.dir.path(), |c| c.token = Some("another-token".into())).await;
    let dead = by_token(json!({"deviceToken": token}), "same", changed.url()).await;
    assert_eq!(dead["error"]["details"]["code"], "AUTH_DEVICE_TOKEN_MISMATCH");
}

#[tokio::test]
async fn platform_is_pinned_and_pairing_can_be_asked_for() {
    let lab = lab_with(|c| c.ask_pairing = true).await;
    let (owner, device) = (
        json!({"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}),
        Device::new(6),
    );
    let mut socket = Socket::open(&lab.gateway.url()).await;
    let refused = socket
        .connect(connect_params(json!({"token": TOKEN})), Some(&device))
        .await;
    assert_eq!(refused["error"]["code"], "NOT_PAIRED");
    assert_eq!(refused["error"]["details"]["reason"], "not-paired");
    let request = refused["error"]["details"]["requestId"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut admin = Socket::open(&lab.gateway.url()).await;
    let mut params = connect_params(json!({"token": TOKEN}));
    params["client"] = owner;
    assert_eq!(admin.connect(params, None).await["ok"], true);
    let list = admin.call("device.pair.list", json!({})).await;
    assert_eq!(list["pending"][0]["requestId"], request.as_str());
    admin
        .call("device.pair.approve", json!({"requestId": request}))
        .await;
    let mut socket = Socket::open(&lab.gateway.url()).await;
    let hello = socket
        .connect(connect_params(json!({"token": TOKEN})), Some(&device))
        .await;
    assert_eq!(hello["ok"], true, "{hello}");
    let mut params = connect_params(json!({"token": TOKEN}));
    params["client"]["platform"] = json!("macos");
    let mut socket = Socket::open(&lab.gateway.url()).await;
    let changed = socket.connect(params, Some(&device)).await;
    assert_eq!(
        changed["error"]["details"]["reason"], "metadata-upgrade",
        "{changed}"
    );
}

#[tokio::test]
async fn a_prompt_streams_and_is_in_the_history() {
    let lab = lab().await;
    let mut socket = Socket::connected(&lab.gateway.url()).await;
    socket.call("sessions.subscribe", json!({})).await;
    let ack = socket
        .call(
            "chat.send",
            json!({"sessionKey": "main", "message": "show me a tool please", "idempotencyKey": "k1"}),
        )
        .await;
    assert_eq!(ack, json!({"runId": "k1", "status": "started"}));
    let last = socket.chat("k1", "final").await;
    let said = text_of(&last["message"]);
    assert!(said.contains("> show me a tool please"), "{said}");
    let deltas: Vec<&Value> = socket
        .events
        .iter()
        .filter(|e| e["event"] == "chat" && e["payload"]["state"] == "delta")
        .collect();
    assert!(deltas.len() > 3, "{} deltas", deltas.len());
    let mut so_far = String::new();
    for delta in &deltas {
        so_far.push_str(delta["payload"]["deltaText"].as_str().unwrap());
        assert_eq!(text_of(&delta["payload"]["message"]), so_far);
    }
    assert_eq!(so_far, said);
    let seqs: Vec<u64> = socket.events.iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    assert!(seqs.windows(2).all(|w| w[1] == w[0] + 1), "{seqs:?}");
    let tools: Vec<&str> = socket
        .events
        .iter()
        .filter(|e| e["event"] == "agent" && e["payload"]["stream"] == "tool")
        .map(|e| e["payload"]["data"]["phase"].as_str().unwrap())
        .collect();
    assert_eq!(tools, ["start", "result"]);
    let roles: Vec<String> = socket
        .events
        .iter()
        .filter(|e| e["event"] == "session.message")
        .map(|e| e["payload"]["message"]["role"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(roles, ["user", "assistant", "toolResult", "assistant"]);
    let history = socket.call("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(history["sessionKey"], "agent:main:main");
    assert_eq!(history["totalMessages"], 4);
    assert_eq!(history["messages"][0]["idempotencyKey"], "k1:user");
    assert_eq!(history["messages"][3]["__openclaw"]["runId"], "k1");
    assert!(history.get("inFlightRun").is_none());
    let page = socket
        .call(
            "chat.history",
            json!({"sessionKey": "main", "limit": 1, "offset": 1}),
        )
        .await;
    assert_eq!(page["messages"][0]["role"], "toolResult");
    assert_eq!(page["hasMore"], true);
    let row = &socket.call("sessions.list", json!({})).await["sessions"][0];
    assert_eq!(row["key"], "agent:main:main");
    assert_eq!(row["status"], "done");
    assert_eq!(row["hasActiveRun"], false);
}

#[tokio::test]
async fn the_same_key_starts_one_run() {
    let lab = lab_with(|c| {
        c.agent = clawtray_embedded_gateway::AgentBackend::Demo {
            word_delay: Duration::from_millis(30),
        };
    })
    .await;
    let mut socket = Socket::connected(&lab.gateway.url()).await;
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "same"});
    assert_eq!(socket.call("chat.send", send.clone()).await["status"], "started");
    assert_eq!(
        socket.call("chat.send", send.clone()).await["status"],
        "in_flight"
    );
    let other = socket
        .request(
            "chat.send",
            json!({"sessionKey": "main", "message": "x", "idempotencyKey": "same"}),
        )
        .await;
    assert_eq!(other["error"]["details"]["reason"], "chat-request-conflict");
    socket.chat("same", "final").await;
    assert_eq!(socket.call("chat.send", send).await["status"], "ok");
    let history = socket.call("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(history["totalMessages"], 2);
}

#[tokio::test]
async fn an_abort_keeps_what_was_said_and_history_shows_the_run_meanwhile() {
    let lab = lab_with(|c| {
        c.agent = clawtray_embedded_gateway::AgentBackend::Demo {
            word_delay: Duration::from_millis(20),
        };
    })
    .await;
    let mut socket = Socket::connected(&lab.gateway.url()).await;
    let send = json!({"sessionKey": "agent:main:lab", "message": "a long story", "idempotencyKey": "long"});
    socket.call("chat.send", send).await;
    socket.chat("long", "delta").await;
    let history = socket
        .call("chat.history", json!({"sessionKey": "agent:main:lab"}))
        .await;
    assert_eq!(history["inFlightRun"]["runId"], "long");
    assert!(!history["inFlightRun"]["text"].as_str().unwrap().is_empty());
    assert_eq!(history["sessionInfo"]["hasActiveRun"], true);
    let aborted = socket
        .call(
            "chat.abort",
            json!({"sessionKey": "agent:main:lab", "runId": "long"}),
        )
        .await;
    assert_eq!(aborted, json!({"ok": true, "aborted": true, "runIds": ["long"]}));
    let end = socket.chat("long", "aborted").await;
    assert_eq!(end["stopReason"], "rpc");
    let history = socket
        .call("chat.history", json!({"sessionKey": "agent:main:lab"}))
        .await;
    assert_eq!(text_of(&history["messages"][1]), text_of(&end["message"]));
    assert!(history.get("inFlightRun").is_none());
    let nothing = socket
        .call("chat.abort", json!({"sessionKey": "agent:main:lab"}))
        .await;
    assert_eq!(nothing, json!({"ok": true, "aborted": false, "runIds": []}));
}

#[tokio::test]
async fn a_failed_run_says_so_twice_like_the_gateway() {
    let lab = lab().await;
    let mut socket = Socket::connected(&lab.gateway.url()).await;
    socket
        .call(
            "chat.send",
            json!({"sessionKey": "main", "message": "please fail", "idempotencyKey": "f"}),
        )
        .await;
    socket
        .until(|e| e["event"] == "chat" && e["payload"]["state"] == "error" && e["payload"]["seq"] == 1)
        .await;
    let errors: Vec<&Value> = socket
        .events
        .iter()
        .filter(|e| e["event"] == "chat" && e["payload"]["state"] == "error")
        .collect();
    assert_eq!(errors.len(), 2);
    assert_eq!(errors[0]["payload"]["errorDetail"]["failoverReason"], "demo");
    let history = socket.call("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(history["messages"][1]["stopReason"], "error");
}

#[tokio::test]
async fn sessions_survive_a_restart_in_a_private_file() {
    let lab = lab().await;
    let mut socket = Socket::connected(&lab.gateway.url()).await;
    socket
        .call(
            "sessions.create",
            json!({"key": "agent:main:kept", "label": "Kept"}),
        )
        .await;
    socket
        .call(
            "chat.send",
            json!({"sessionKey": "agent:main:kept", "message": "hello", "idempotencyKey": "r"}),
        )
        .await;
    socket.chat("r", "final").await;
    lab.gateway.shutdown().await;
    let bye = socket.until(|e| e["event"] == "shutdown").await;
    assert_eq!(bye["payload"], json!({"reason": "gateway stopping"}));
    assert_eq!(socket.closed().await, (1012, "service restart".to_owned()));
    #[cfg(unix)]
    for entry in std::fs::read_dir(lab.dir.path()).unwrap() {
        use std::os::unix::fs::PermissionsExt;
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o077,
            0,
            "{:?}",
            entry.path()
        );
    }
    let again = start(lab.dir.path(), |_| {}).await;
    let mut socket = Socket::connected(&again.url()).await;
    let list = socket.call("sessions.list", json!({"search": "kept"})).await;
    assert_eq!(list["sessions"][0]["label"], "Kept");
    let history = socket
        .call("chat.history", json!({"sessionKey": "agent:main:kept"}))
        .await;
    assert_eq!(history["totalMessages"], 2);
    again.shutdown_for_restart(Duration::from_millis(1500)).await;
    let bye = socket.until(|e| e["event"] == "shutdown").await;
    assert_eq!(bye["payload"]["restartExpectedMs"], 1500);
}

#[tokio::test]
async fn sessions_are_patched_reset_and_deleted() {
    let lab = lab().await;
    let mut socket = Socket::connected(&lab.gateway.url()).await;
    socket.call("sessions.subscribe", json!({})).await;
    socket
        .call(
            "sessions.patch",
            json!({"key": "agent:main:x", "label": "Renamed", "pinned": true}),
        )
        .await;
    let changed = socket
        .until(|e| e["event"] == "sessions.changed" && e["payload"]["reason"] == "patch")
        .await;
    assert_eq!(changed["payload"]["session"]["label"], "Renamed");
    assert_eq!(changed["payload"]["pinned"], true);
    socket
        .call(
            "chat.send",
            json!({"sessionKey": "agent:main:x", "message": "hello", "idempotencyKey": "p"}),
        )
        .await;
    socket.chat("p", "final").await;
    let preview = socket
        .call(
            "sessions.preview",
            json!({"keys": ["agent:main:x", "agent:main:nope"]}),
        )
        .await;
    assert_eq!(preview["previews"][0]["status"], "ok");
    assert_eq!(preview["previews"][1]["status"], "missing");
    socket
        .call("sessions.reset", json!({"key": "agent:main:x"}))
        .await;
    let history = socket
        .call("chat.history", json!({"sessionKey": "agent:main:x"}))
        .await;
    assert_eq!(history["totalMessages"], 0);
    assert_eq!(history["sessionInfo"]["label"], "Renamed");
    let gone = socket
        .call("sessions.delete", json!({"key": "agent:main:x"}))
        .await;
    assert_eq!(gone["deleted"], true);
    let main = socket
        .request("sessions.delete", json!({"key": "agent:main:main"}))
        .await;
    assert_eq!(
        main["error"]["message"],
        "Cannot delete the main session (agent:main:main)."
    );
}

#[tokio::test]
async fn scopes_are_enforced() {
    let lab = lab().await;
    let mut socket = Socket::open(&lab.gateway.url()).await;
    let mut params = connect_params(json!({"token": TOKEN}));
    params["scopes"] = json!(["operator.read"]);
    assert_eq!(socket.connect(params, Some(&Device::new(7))).await["ok"], true);
    let refused = socket
        .request(
            "chat.send",
            json!({"sessionKey": "main", "message": "x", "idempotencyKey": "1"}),
        )
        .await;
    assert_eq!(
        refused["error"],
        json!({"code": "FORBIDDEN", "message": "missing scope: operator.write",
            "details": {"code": "MISSING_SCOPE", "missingScope": "operator.write", "requiredScopes": ["operator.write"]}})
    );
    let mut bare = Socket::open(&lab.gateway.url()).await;
    let hello = bare.connect(connect_params(json!({"token": TOKEN})), None).await;
    assert_eq!(hello["payload"]["auth"]["scopes"], json!([]));
    assert_eq!(bare.request("health", json!({})).await["ok"], true);
    assert_eq!(
        bare.request("sessions.list", json!({})).await["error"]["code"],
        "FORBIDDEN"
    );
}

#[tokio::test]
async fn jobs_really_run() {
    let lab = lab().await;
    let mut socket = Socket::connected(&lab.gateway.url()).await;
    let job = socket
        .call("cron.add", json!({"name": "beat", "schedule": {"kind": "every", "everyMs": 1000}, "sessionTarget": "isolated",
            "wakeMode": "now", "payload": {"kind": "agentTurn", "message": "cron says hello"}}))
        .await;
    let id = job["id"].as_str().unwrap().to_owned();
    assert!(job["nextRunAtMs"].as_i64().unwrap() > job["createdAtMs"].as_i64().unwrap());
    let done = socket
        .until(|e| e["event"] == "cron" && e["payload"]["action"] == "finished")
        .await;
    assert_eq!(done["payload"]["status"], "ok", "{done}");
    let off = socket
        .call("cron.update", json!({"id": id, "patch": {"enabled": false}}))
        .await;
    assert_eq!(off["nextRunAtMs"], Value::Null);
    let ran = socket.call("cron.run", json!({"id": id, "mode": "force"})).await;
    let run = ran["runId"].as_str().unwrap().to_owned();
    socket
        .until(|e| {
            e["event"] == "cron"
                && e["payload"]["action"] == "finished"
                && e["payload"]["runId"] == run.as_str()
        })
        .await;
    let runs = socket.call("cron.runs", json!({"id": id})).await;
    assert!(runs["total"].as_u64().unwrap() >= 2);
    assert!(
        runs["entries"][0]["summary"]
            .as_str()
            .unwrap()
            .contains("cron says hello")
    );
    assert_eq!(
        socket.call("cron.remove", json!({"id": id})).await["removed"],
        true
    );
    let gone = socket.request("cron.remove", json!({"id": id})).await;
    assert_eq!(gone["error"]["details"]["code"], "CRON_JOB_NOT_FOUND");
}

#[tokio::test]
async fn commands_answer_without_deltas() {
    let lab = lab().await;
    let mut socket = Socket::connected(&lab.gateway.url()).await;
    socket
        .call(
            "chat.send",
            json!({"sessionKey": "main", "message": "/status", "idempotencyKey": "s"}),
        )
        .await;
    let last = socket.chat("s", "final").await;
    assert!(text_of(&last["message"]).contains("agent:main:main"));
    assert!(!socket.events.iter().any(|e| e["payload"]["state"] == "delta"));
}

#[tokio::test]
async fn ticks_and_health_come_by_themselves() {
    let lab = lab_with(|c| {
        c.tick = Duration::from_millis(20);
        c.health_every = Duration::from_millis(30);
    })
    .await;
    let mut socket = Socket::connected(&lab.gateway.url()).await;
    assert!(socket.until(|e| e["event"] == "tick").await["payload"]["ts"].is_i64());
    assert_eq!(
        socket.until(|e| e["event"] == "health").await["payload"]["ok"],
        true
    );
}

#[tokio::test]
async fn bad_frames_are_answered_like_the_gateway_does() {
    let lab = lab().await;
    let url = lab.gateway.url();
    for (text, expect) in [
        ("not json".to_owned(), (1000, "")),
        (json!({"hello": 1}).to_string(), (1008, "invalid request frame")),
        (
            json!({"type": "req", "id": "1", "method": "health"}).to_string(),
            (1008, "invalid handshake: first request must be connect"),
        ),
        ("x".repeat(70 * 1024), (1009, "")),
        (
            json!({"type": "req", "id": "1", "method": "connect", "params": {}}).to_string(),
            (
                1008,
                "invalid connect params: must have required property 'minProtocol'",
            ),
        ),
    ] {
        let mut socket = Socket::open(&url).await;
        socket.send_text(text.clone()).await;
        let (code, reason) = socket.closed().await;
        assert_eq!((code, reason.as_str()), expect, "{:.60}", text);
    }
    let mut socket = Socket::connected(&url).await;
    socket.send_text("{bad json").await;
    socket
        .send_text(json!({"type": "req", "id": "x1", "method": "health", "foo": 1}).to_string())
        .await;
    let extra = socket.response("x1").await;
    assert_eq!(
        extra["error"]["message"],
        "invalid request frame: at root: unexpected property 'foo'"
    );
    socket
        .send_text(json!({"type": "req", "method": "health"}).to_string())
        .await;
    let no_id = socket.response("invalid").await;
    assert_eq!(
        no_id["error"]["message"],
        "invalid request frame: must have required property 'id'"
    );
    let again = socket.request("connect", json!({})).await;
    assert_eq!(
        again["error"]["message"],
        "connect is only valid as the first request"
    );
    assert_eq!(socket.request("health", json!({})).await["ok"], true);
}

#[tokio::test]
async fn nothing_listens_without_a_token_or_a_key() {
    use clawtray_embedded_gateway::{Config, EmbeddedGateway, StartError};
    let dir = tempfile::tempdir().unwrap();
    for bind in ["127.0.0.1:0", "0.0.0.0:0"] {
        let mut config = Config::new(dir.path(), None);
        config.bind = bind.parse().unwrap();
        let refused = EmbeddedGateway::start(config).await;
        assert!(
            matches!(refused, Err(StartError::NeedsKey)),
            "{bind}: {refused:?}"
        );
        for empty in ["", "  "] {
            let mut config = Config::new(dir.path(), Some(empty.into()));
            config.bind = bind.parse().unwrap();
            let refused = EmbeddedGateway::start(config).await;
            assert!(
                matches!(refused, Err(StartError::EmptySecret)),
                "{bind}: {refused:?}"
            );
        }
    }
}

#[tokio::test]
async fn with_keys_alone_only_http_is_served() {
    use crate::common::api::Api;
    use clawtray_embedded_gateway::keys::{Keys, NewKey};
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::open(dir.path()).unwrap();
    let key = keys.create(NewKey::labelled("only")).unwrap();
    let gateway = start(dir.path(), |c| c.token = None).await;
    let api = Api::new(gateway.http_url(), None);
    assert_eq!(api.get("/api/status").await.status, 401);
    assert_eq!(
        api.with_token(Some(&key.secret)).get("/api/status").await.status,
        200
    );
    let mut socket = Socket::open(&gateway.url()).await;
    let refused = socket
        .connect(connect_params(json!({})), Some(&Device::new(1)))
        .await;
    assert_eq!(refused["error"]["details"]["code"], "AUTH_TOKEN_MISSING");
    keys.revoke(&key.key.id).unwrap();
    assert_eq!(
        api.get("/api/status").await.status,
        401,
        "nothing guards it, and nobody gets in"
    );
}

#[tokio::test]
async fn an_unfinished_large_frame_before_connect_is_told_off_at_its_head() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let lab = lab().await;
    let mut stream = tokio::net::TcpStream::connect(lab.gateway.addr()).await.unwrap();
    let ask = "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream.write_all(ask.as_bytes()).await.unwrap();
    // A text frame of 1 MiB, of which nothing but the head and some bytes come.
    let mut frame = vec![0x81, 0x80 | 127];
    frame.extend((1024u64 * 1024).to_be_bytes());
    frame.extend([0; 4]);
    frame.extend([b'x'; 100]);
    stream.write_all(&frame).await.unwrap();
    let mut answer = Vec::new();
    // The end comes when we close, or when the gateway gives up; the close frame comes before.
    let closed = [0x88, 0x02, 0x03, 0xf1];
    while !answer.windows(4).any(|w| w == closed) {
        let mut chunk = [0; 4096];
        let n = stream.read(&mut chunk).await.unwrap();
        assert!(n > 0, "closed without 1009: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&chunk[..n]);
    }
    // After the greeting a frame of that size is welcome.
    let mut socket = Socket::connected(&lab.gateway.url()).await;
    let long = "x".repeat(1024 * 1024);
    let answer = socket
        .request(
            "chat.send",
            json!({"sessionKey": "main", "message": long, "idempotencyKey": "long"}),
        )
        .await;
    assert_eq!(answer["ok"], true, "{answer}");
}

#[tokio::test]
async fn numbers_that_nobody_can_mean_are_answered() {
    let lab = lab().await;
    let device = Device::new(8);
    for signed_at in [i64::MIN, i64::MAX, 0] {
        let mut socket = Socket::open(&lab.gateway.url()).await;
        let mut params = connect_params(json!({"token": TOKEN}));
        let nonce = socket.challenge["nonce"].as_str().unwrap().to_owned();
        params["device"] = device.sign(&params, &nonce, signed_at);
        let answer = socket.connect(params, None).await;
        assert_eq!(
            answer["error"]["details"]["code"], "DEVICE_AUTH_SIGNATURE_EXPIRED",
            "{signed_at}: {answer}"
        );
    }
    let mut socket = Socket::connected(&lab.gateway.url()).await;
    let every = json!({"kind": "every", "everyMs": 3_600_000, "anchorMs": i64::MIN});
    let payload = json!({"kind": "agentTurn", "message": "hello", "timeoutSeconds": u64::MAX});
    let job = socket
        .call(
            "cron.add",
            json!({"name": "n", "schedule": every, "payload": payload}),
        )
        .await;
    assert!(job["nextRunAtMs"].as_i64().unwrap() > job["createdAtMs"].as_i64().unwrap());
    let run = socket.call("cron.run", json!({"id": job["id"]})).await;
    let done = socket
        .until(|e| e["event"] == "cron" && e["payload"]["action"] == "finished")
        .await;
    assert_eq!(done["payload"]["runId"], run["runId"]);
    assert_eq!(done["payload"]["status"], "ok", "{done}");
    assert_eq!(socket.call("status", json!({})).await["tasks"]["active"], 0);
}
