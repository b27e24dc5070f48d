//! The same APIs from the app, switched on in its settings.

use super::{Curl, Stage};
use clawtray_embedded_gateway::keys::{Keys, NewKey};
use clawtray_lab::Scratch;
use product_tests::WindowHost;
use serde_json::{Value, json};
use std::net::TcpListener;

/// How the bridge stands, in what the app says.
fn bridge(said: &Value) -> Option<Value> {
    let changes = said["update"]["changes"].as_array()?;
    let bridge = changes.iter().find(|change| change["type"] == "bridge")?;
    Some(bridge["bridge"].clone())
}

async fn settle(app: &mut WindowHost, patch: Value, state: &str) -> Value {
    let request = json!({ "type": "changeSettings", "patch": patch });
    app.request_in_settings(1, request).await.unwrap();
    app.wait_for(state, |said| {
        bridge(said).filter(|bridge| bridge["state"] == state)
    })
    .await
    .unwrap()
}

/// Two free ports, and one that is taken for as long as its listener lives.
fn ports() -> ([u16; 2], TcpListener) {
    let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (one, two, taken) = (listen(), listen(), listen());
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    ([port(&one), port(&two)], taken)
}

#[tokio::test]
async fn the_switch_in_settings_serves_scripts_from_the_app() {
    let gateway = &Stage::shared().gateway;
    let place = Scratch::new("switch").unwrap();
    let env = [
        ("OPENCLAW_GATEWAY_URL", gateway.url()),
        ("OPENCLAW_GATEWAY_TOKEN", gateway.token().to_owned()),
    ];
    let mut app = WindowHost::start(env!("CARGO_BIN_EXE_ui-host"), place.path(), &env)
        .await
        .unwrap();
    let ready = |said: &Value| said.to_string().contains(r#""word":"ready""#).then_some(());
    app.wait_for("connected", ready).await.unwrap();

    let ([first, second], taken) = ports();
    let port = taken.local_addr().unwrap().port();
    let failed = settle(&mut app, json!({ "bridge": true, "bridgePort": port }), "failed").await;
    assert!(
        failed["sentence"].as_str().unwrap().contains(&port.to_string()),
        "{failed}"
    );

    let served = settle(&mut app, json!({ "bridgePort": first }), "listening").await;
    let url = served["url"].as_str().unwrap().to_owned();
    assert_eq!(url, format!("http://127.0.0.1:{first}"));
    let keys = Keys::open(&place.path().join("embedded")).unwrap();
    let key = keys.create(NewKey::labelled("scripts")).unwrap();
    let curl = Curl::new(&url, &key.secret);
    let sent = json!({ "sessionKey": "switch", "message": "[[say:By the app.]] Who answers?" });
    assert_eq!(
        curl.post("/api/sessions/send", &sent).ok()["response"],
        "By the app."
    );
    // What a script does is seen in the app as what any client does.
    let seen = |said: &Value| said.to_string().contains("agent:main:switch").then_some(());
    app.wait_for("the script's session", seen).await.unwrap();
    Curl::new(&url, gateway.token())
        .get("/api/sessions")
        .refused(401, "unauthorized");

    let moved = settle(&mut app, json!({ "bridgePort": second }), "listening").await;
    assert_eq!(moved["url"], format!("http://127.0.0.1:{second}"));
    assert!(
        std::net::TcpStream::connect(("127.0.0.1", first)).is_err(),
        "the old port is free again"
    );
    settle(&mut app, json!({ "bridge": false }), "off").await;
    assert!(
        std::net::TcpStream::connect(("127.0.0.1", second)).is_err(),
        "nothing listens"
    );
}
