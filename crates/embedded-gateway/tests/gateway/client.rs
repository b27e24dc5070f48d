//! Our client of each dialect against our own server.
//!
//! The stand-ins in `gateway-client/tests/dialects` ensure that both ends do not misread a write-up
//! in the same way.
#![allow(clippy::wildcard_enum_match_arm, reason = "whatever else comes ends the test")]

use crate::common::api::Api;
use crate::common::{Lab, TOKEN, lab};
use clawtray_gateway_client::protocol::Role;
use clawtray_gateway_client::{
    ClientConfig, ConnectionState, Credentials, Detected, Dialect, Gateway, GatewayEvent, HistoryQuery,
    PauseReason, Prompt, Protocol, RunStep, ServerInfo, SessionsQuery, connect,
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(60);

fn client(lab: &Lab, protocol: Protocol, token: &str, poll_every: Option<Duration>) -> Detected {
    let mut config = ClientConfig::new(lab.gateway.http_url(), Credentials::token(token));
    config.poll_every = poll_every;
    connect(config, protocol)
}

async fn settled(client: &Detected) -> ConnectionState {
    let mut state = client.state();
    let settled =
        state.wait_for(|state| matches!(state, ConnectionState::Ready(_) | ConnectionState::Paused(_)));
    tokio::time::timeout(PATIENCE, settled)
        .await
        .unwrap()
        .unwrap()
        .clone()
}

async fn ready(lab: &Lab, dialect: Dialect) -> (Detected, ServerInfo) {
    let client = client(lab, Protocol::Http(dialect), TOKEN, None);
    match settled(&client).await {
        ConnectionState::Ready(info) => (client, *info),
        other => panic!("{dialect}: {other:?}"),
    }
}

/// Sends a prompt and gives the reply, and the number of pieces it came in.
async fn asked(
    client: &Detected,
    events: &mut mpsc::Receiver<GatewayEvent>,
    session: &str,
    text: &str,
) -> (String, usize) {
    let prompt = Prompt {
        session: session.into(),
        text: text.to_owned(),
        idempotency_key: format!("run of {text}"),
        thinking: None,
        attachments: Vec::new(),
        timeout_ms: Some(60_000),
    };
    let ack = client.send(prompt).await.unwrap();
    if let Some(reply) = ack.reply {
        return (reply, 1);
    }
    let mut pieces = 0;
    loop {
        let event = tokio::time::timeout(PATIENCE, events.recv())
            .await
            .unwrap()
            .unwrap();
        let GatewayEvent::Run(event) = event else { continue };
        if event.run != ack.run_id {
            continue;
        }
        match event.step {
            RunStep::Delta { .. } => pieces += 1,
            RunStep::Final { message, .. } => return (message.unwrap().text(), pieces),
            RunStep::Error { message } => panic!("{message}"),
            _ => {}
        }
    }
}

async fn transcript(client: &Detected, session: &str) -> Vec<(Role, String, Option<String>)> {
    let query = HistoryQuery {
        session: session.into(),
        limit: Some(20),
        offset: None,
    };
    let history = client.history(query).await.unwrap();
    let run = |message: &clawtray_gateway_client::protocol::Message| {
        let run = message.meta.run_id.as_ref().map(|run| run.0.clone());
        message.idempotency_key.clone().or(run)
    };
    history
        .messages
        .iter()
        .map(|message| (message.role.clone(), message.text(), run(message)))
        .collect()
}

#[tokio::test]
async fn every_dialect_sends_reads_and_lists() {
    let lab = lab().await;
    for dialect in Dialect::ALL {
        let (client, info) = ready(&lab, dialect).await;
        let can = client.capabilities();
        assert!(
            !can.abort && !can.native && !can.attachments,
            "{dialect}: {can:?}"
        );
        let main = info.main_session_key.unwrap().0;
        let mut events = client.events();
        let word = format!("Tell me of {dialect}");
        let (reply, pieces) = asked(&client, &mut events, &main, &word).await;
        assert!(!reply.trim().is_empty(), "{dialect}");
        assert_eq!(pieces > 1, can.streaming, "{dialect}: {pieces} pieces");
        assert!(client.ping().await.is_ok(), "{dialect}");
        if !can.history {
            continue;
        }
        let told = transcript(&client, &main).await;
        let [.., question, answer] = &told[..] else {
            panic!("{dialect}: {told:?}")
        };
        let run = format!("run of {word}");
        assert_eq!(
            question,
            &(Role::User, word, Some(format!("{run}:user"))),
            "{dialect}"
        );
        assert_eq!(answer, &(Role::Assistant, reply, Some(run)), "{dialect}");
        let rows = client.sessions(SessionsQuery::default()).await.unwrap().sessions;
        let row = rows.iter().find(|row| row.key.as_str() == main);
        assert!(
            row.is_some_and(|row| row.updated_at > Some(0)),
            "{dialect}: {rows:?}"
        );
        // Another session is made on first use, or, in D5, is the user's own.
        let (second, _) = asked(&client, &mut events, "agent:main:side", "And aside").await;
        let told = transcript(&client, "agent:main:side").await;
        assert_eq!(told.last().unwrap().1, second, "{dialect}");
    }
}

#[tokio::test]
async fn the_other_rows() {
    let lab = lab().await;
    let job = json!({"name": "Brief", "schedule": {"kind": "cron", "expr": "0 8 * * *", "tz": "Europe/Berlin"},
        "payload": {"kind": "agentTurn", "message": "News?"}, "sessionTarget": "isolated"});
    let (d2, _) = ready(&lab, Dialect::SessionsList).await;
    assert_eq!(
        d2.call_raw("cron.add", job.clone()).await.unwrap()["name"],
        "Brief"
    );
    let task = json!({"task": "Name three colours", "runTimeoutSeconds": 60});
    let done = d2.call_raw("POST /api/sessions/spawn", task).await.unwrap();
    assert!(!done["reply"].as_str().unwrap().is_empty(), "{done}");
    let (d3, _) = ready(&lab, Dialect::Gateway).await;
    let made = d3.call_raw("cron.add", job).await.unwrap();
    let jobs = d3.call_raw("cron.list", Value::Null).await.unwrap();
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 2, "{jobs}");
    d3.call_raw("cron.remove", json!({"id": made["id"]}))
        .await
        .unwrap();
    let jobs = d3.call_raw("cron.list", Value::Null).await.unwrap();
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 1, "{jobs}");
    let made = d3
        .call_raw("sessions.create", json!({"label": "Research"}))
        .await
        .unwrap();
    assert_eq!(made["label"], "Research");

    let (d4, _) = ready(&lab, Dialect::Chat).await;
    let mut events = d4.events();
    asked(&d4, &mut events, "agent:main:s-1", "Hello").await;
    let status = d2
        .call_raw("sessions.describe", json!({"key": "agent:main:s-1"}))
        .await
        .unwrap();
    assert!(status["usage"]["totalTokens"].as_u64() > Some(0), "{status}");
    assert_eq!(d4.agents().await.unwrap().default_id.as_str(), "main");
    assert!(
        d4.call_raw("tools.catalog", Value::Null)
            .await
            .unwrap()
            .is_array()
    );
    let key = json!({"key": "agent:main:s-1"});
    let one = d4.call_raw("sessions.describe", key.clone()).await.unwrap();
    assert_eq!(one["messages"].as_array().unwrap().len(), 2, "{one}");
    d4.call_raw("sessions.reset", key.clone()).await.unwrap();
    assert!(transcript(&d4, "agent:main:s-1").await.is_empty());
    d4.call_raw("sessions.delete", key.clone()).await.unwrap();
    assert!(d4.call_raw("sessions.describe", key).await.is_err());
    assert!(d4.call_raw("GET /api/v1/metrics", Value::Null).await.is_ok());

    let (d5, _) = ready(&lab, Dialect::Messages).await;
    let workspace = json!({"id": "support", "label": "Support", "agent": "main", "skills": []});
    d5.call_raw("POST /api/v1/workspaces", workspace).await.unwrap();
    let change = json!({"add": ["ann"], "remove": []});
    d5.call_raw("PATCH /api/v1/workspaces/support/allowlist", change)
        .await
        .unwrap();
    let all = d5.call_raw("GET /api/v1/workspaces", Value::Null).await.unwrap();
    assert!(
        all.as_array().unwrap().iter().any(|one| one["id"] == "support"),
        "{all}"
    );
    let stats = d5.call_raw("GET /api/v1/stats", Value::Null).await.unwrap();
    assert!(stats["totals"]["messages"].as_u64() > Some(0), "{stats}");
    let users = json!({"workspace": "default", "limit": 5});
    assert!(d5.call_raw("GET /api/v1/stats/users", users).await.is_ok());
    d5.call_raw("DELETE /api/v1/workspaces/support", Value::Null)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_gateway_that_speaks_everything_is_spoken_to_natively() {
    let lab = lab().await;
    let found = client(&lab, Protocol::Auto, TOKEN, None);
    assert!(matches!(settled(&found).await, ConnectionState::Ready(_)));
    assert_eq!(found.protocol(), Some(Protocol::Native));
    assert!(found.capabilities().abort);
    for dialect in Dialect::ALL {
        let refused = client(&lab, Protocol::Http(dialect), "wrong-token-0123456789", None);
        let state = settled(&refused).await;
        assert!(
            matches!(&state, ConnectionState::Paused(PauseReason::AuthRequired { code, .. }) if code == "AUTH_TOKEN_MISMATCH"),
            "{dialect}: {state:?}"
        );
    }
}

#[tokio::test]
async fn what_others_ask_is_found_and_what_we_ask_is_not_told_twice() {
    let lab = lab().await;
    let api = Api::new(lab.gateway.http_url(), Some(TOKEN));
    let send = |text: &str| json!({"sessionKey": "main", "message": text});
    api.posted("/api/sessions/send", send("Before")).await;
    let client = client(
        &lab,
        Protocol::Http(Dialect::Gateway),
        TOKEN,
        Some(Duration::from_millis(100)),
    );
    assert!(matches!(settled(&client).await, ConnectionState::Ready(_)));
    let mut events = client.events();
    asked(&client, &mut events, "agent:main:main", "Ours").await;
    // Time for looks that must not tell it again: the next event that counts is the one below.
    let other = api.posted("/api/sessions/send", send("Theirs")).await;
    let mut runs = Vec::new();
    let mut prompts = Vec::new();
    while runs.is_empty() {
        match tokio::time::timeout(PATIENCE, events.recv())
            .await
            .unwrap()
            .unwrap()
        {
            GatewayEvent::Run(event) => match event.step {
                RunStep::Final { message, .. } => runs.push(message.unwrap().text()),
                other => panic!("{other:?}"),
            },
            GatewayEvent::Message { message, .. } => prompts.push(message.text()),
            _ => {}
        }
    }
    assert_eq!(runs, [other["response"].as_str().unwrap()]);
    assert_eq!(prompts, ["Theirs"]);
}
