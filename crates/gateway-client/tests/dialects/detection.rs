//! Tests of dialect detection.

use crate::stand_in::{StandIn, TOKEN, json, status, until};
use clawtray_gateway_client::{
    ClientConfig, ConnectionState, Credentials, Dialect, Gateway, PauseReason, Protocol, connect,
};

const PAGE: &str = "<!doctype html><html><body>OpenClaw Control</body></html>";

fn page() -> String {
    status("200 OK", "text/html; charset=utf-8", PAGE)
}

#[tokio::test]
async fn each_is_known_by_what_it_answers() {
    let d3 = ("GET /api/status", json(r#"{"ok":true,"version":"2026.2.23"}"#));
    let v1 = ("GET /api/v1/health", json(r#"{"status":"ok"}"#));
    let v1_sessions = ("GET /api/v1/sessions", json("[]"));
    let no_sessions = (
        "GET /api/v1/sessions",
        status("403 Forbidden", "application/json", r#"{"error":"forbidden"}"#),
    );
    let d1 = ("GET /api/health", status("200 OK", "text/plain", "OK"));
    let d1_list = ("GET /api/sessions", json("[]"));
    let d2 = ("GET /api/sessions/list", json("[]"));
    let openai = ("GET /v1/models", json(r#"{"data":[]}"#));
    let elsewhere = ("GET /", page());
    let table = [
        (vec![d3.clone(), d1_list.clone()], Dialect::Gateway),
        (
            vec![v1.clone(), v1_sessions.clone(), d1.clone()],
            Dialect::Messages,
        ),
        (vec![v1.clone(), no_sessions], Dialect::Messages),
        (vec![v1.clone(), d1.clone()], Dialect::Chat),
        (vec![d1.clone(), d1_list.clone()], Dialect::Sessions),
        (vec![d2.clone(), elsewhere.clone()], Dialect::SessionsList),
        (vec![openai, elsewhere.clone()], Dialect::OpenAi),
        // A gateway that shows its web page on every path it does not know.
        (
            vec![("GET /api/status", page()), v1, elsewhere.clone()],
            Dialect::Chat,
        ),
        (
            vec![("GET /api/health", page()), d2, elsewhere],
            Dialect::SessionsList,
        ),
    ];
    for (said, dialect) in table {
        let gateway = StandIn::start(&said).await;
        let client = gateway.ready(Protocol::Auto).await;
        assert_eq!(client.protocol(), Some(Protocol::Http(dialect)), "{said:?}");
        let first = gateway.asked("GET").remove(0);
        assert!(
            first.head.contains("upgrade: websocket"),
            "the WebSocket protocol is asked for first"
        );
    }
}

#[tokio::test]
async fn a_web_page_is_never_health() {
    for protocol in Dialect::ALL
        .map(Protocol::Http)
        .into_iter()
        .chain([Protocol::Auto])
    {
        // One that says that it is a page, and one that pretends to be JSON.
        for kind in ["text/html", "application/json"] {
            let gateway = StandIn::start(&[("GET /", status("200 OK", kind, PAGE))]).await;
            let client = gateway.client(protocol);
            let state = until(&client, |state| {
                matches!(state, ConnectionState::Ready(_) | ConnectionState::Paused(_))
            })
            .await;
            match state {
                ConnectionState::Paused(PauseReason::Refused { code, message }) => {
                    assert_eq!(code, "NOT_A_GATEWAY");
                    assert!(message.contains("web page"), "{message}");
                }
                other => panic!("{protocol}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_gateway_that_wants_a_token_is_not_asked_further() {
    let gateway = StandIn::start(&[(
        "GET /api/status",
        status(
            "401 Unauthorized",
            "application/json",
            r#"{"error":"unauthorized"}"#,
        ),
    )])
    .await;
    let client = gateway.client(Protocol::Auto);
    let paused = |code: &str| {
        let code = code.to_owned();
        move |state: &ConnectionState| matches!(state, ConnectionState::Paused(PauseReason::AuthRequired { code: of, .. }) if *of == code)
    };
    until(&client, paused("AUTH_TOKEN_MISMATCH")).await;
    let client = connect(
        ClientConfig::new(&*gateway.url, Credentials::default()),
        Protocol::Auto,
    );
    until(&client, paused("AUTH_TOKEN_MISSING")).await;
    assert!(gateway.asked("GET /api/sessions").is_empty());
    assert!(gateway.asked("").iter().all(|asked| !asked.line.contains(TOKEN)));
}

#[tokio::test]
async fn health_without_a_token_is_no_sign_in() {
    let gateway = StandIn::start(&[
        ("GET /api/health", json(r#"{"ok":true}"#)),
        (
            "GET /api/sessions",
            status("401 Unauthorized", "application/json", "{}"),
        ),
    ])
    .await;
    let client = gateway.client(Protocol::Http(Dialect::Sessions));
    until(&client, |state| {
        matches!(state, ConnectionState::Paused(PauseReason::AuthRequired { .. }))
    })
    .await;
    gateway.say("GET /api/sessions", &[json("[]")]);
    client.reconnect();
    until(&client, |state| matches!(state, ConnectionState::Ready(_))).await;
}

#[tokio::test]
async fn a_gateway_that_is_away_is_waited_for() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let config = ClientConfig::new(format!("http://{address}"), Credentials::token(TOKEN));
    let client = connect(config, Protocol::Auto);
    let state = until(&client, |state| matches!(state, ConnectionState::Backoff { .. })).await;
    let ConnectionState::Backoff { error, soon_back, .. } = state else {
        unreachable!()
    };
    assert!(error.contains("cannot be reached") && !soon_back, "{error}");
}

#[tokio::test]
async fn plain_http_to_a_public_address_is_refused() {
    let config = ClientConfig::new("http://gateway.example.com", Credentials::token(TOKEN));
    for protocol in [Protocol::Auto, Protocol::Http(Dialect::Chat)] {
        let client = connect(config.clone(), protocol);
        until(&client, |state| {
            matches!(
                state,
                ConnectionState::Paused(PauseReason::InsecureTransport { .. })
            )
        })
        .await;
    }
}
