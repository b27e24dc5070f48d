//! Devices that ask for admission, and devices that lose their token.

use super::{admin, gateway, paused, pending, remote, reply, stays};
use clawtray_gateway_client::protocol::SessionKey;
use clawtray_gateway_client::protocol::method::devices::{
    PairApprove, PairList, PairReject, RequestParams, ScopesParams, ScopesRequestUpgrade, ScopesWaitUpgrade,
    TokenParams, TokenRotate,
};
use clawtray_gateway_client::protocol::method::{Method, NoParams};
use clawtray_gateway_client::{Client, ConnectionState, Gateway, PauseReason};
use clawtray_lab::Relay;
use product_tests::live::{wait_for_ready, wait_for_state};
use product_tests::waiting::PATIENCE;
use serde_json::json;

#[tokio::test]
async fn remote_device_is_let_in_while_it_waits() {
    let live = gateway();
    let admin = admin(live, "pairing admin").await;
    let client = Client::connect(remote(live, "remote, approved"));
    let (id, reason) = pending(&client).await;
    let PauseReason::PairingPending { reason: why, .. } = &reason else {
        panic!("{reason:?}")
    };
    assert_eq!(why.as_deref(), Some("not-paired"));
    assert_eq!(
        reason.approval_command(),
        Some(format!("openclaw devices approve {id}"))
    );
    let list = admin.call::<PairList>(&NoParams {}).await.unwrap();
    assert!(format!("{list:?}").contains(&id), "{list:?}");

    // Asking again does not make a second request.
    client.reconnect();
    wait_for_state(&client, |state| !matches!(state, ConnectionState::Paused(_)))
        .await
        .unwrap();
    assert_eq!(pending(&client).await.0, id);

    let request = RequestParams { request_id: id };
    admin.call::<PairApprove>(&request).await.unwrap();
    client.reconnect();
    let ConnectionState::Ready(server) = wait_for_ready(&client).await.unwrap() else {
        panic!("not ready")
    };
    assert!(
        server.scopes.iter().any(|scope| scope == "operator.write"),
        "{server:?}"
    );
    let session = SessionKey::from("agent:main:from-afar");
    assert_eq!(reply(&client, &session, "afar", "[[say:let in]]").await, "let in");

    if server.offers(ScopesRequestUpgrade::NAME) {
        upgrade_without_leaving(&client, &server.scopes, &admin).await;
    } else {
        println!(
            "{} cannot widen scopes of a connection that stands",
            server.version
        );
    }

    // Wider scopes are a request of their own; this one is decided with the very command that the user is shown.
    client.set_scopes(["operator.read", "operator.admin"].map(String::from).to_vec());
    let (_, reason) = pending(&client).await;
    let PauseReason::PairingPending { reason: why, .. } = &reason else {
        panic!("{reason:?}")
    };
    assert_eq!(why.as_deref(), Some("scope-upgrade"));
    let command = reason.approval_command().unwrap();
    let mut openclaw = live.gateway.command();
    openclaw.args(command.split(' ').skip(1));
    clawtray_lab::process::run("openclaw devices approve", &mut openclaw, PATIENCE * 2).unwrap();
    client.reconnect();
    let ConnectionState::Ready(server) = wait_for_ready(&client).await.unwrap() else {
        panic!("not ready")
    };
    assert!(
        server.scopes.iter().any(|scope| scope == "operator.admin"),
        "{server:?}"
    );
    client.shutdown().await;
    admin.shutdown().await;
}

/// Asks for wider scopes twice; the owner says no, then yes.
async fn upgrade_without_leaving(client: &Client, scopes: &[String], admin: &Client) {
    let mut wider = scopes.to_vec();
    wider.push("operator.pairing".to_owned());
    let ask = ScopesParams { scopes: wider };
    for (decision, status) in [(PairReject::NAME, "rejected"), (PairApprove::NAME, "approved")] {
        let asked = client.call::<ScopesRequestUpgrade>(&ask).await.unwrap();
        assert!(!asked.request_id.is_empty());
        let request = RequestParams {
            request_id: asked.request_id.clone(),
        };
        let (decided, answer) = tokio::join!(
            client.call_within::<ScopesWaitUpgrade>(&request, PATIENCE),
            admin.call_raw(decision, json!({ "requestId": asked.request_id })),
        );
        answer.unwrap();
        let decided = decided.unwrap();
        assert_eq!(
            (decided.status.as_str(), &decided.request_id),
            (status, &asked.request_id)
        );
        assert_eq!(decided.device_token.is_some(), status == "approved");
        let granted = decided.scopes.iter().any(|scope| scope == "operator.pairing");
        assert_eq!(granted, status == "approved", "{decided:?}");
    }
}

#[tokio::test]
async fn rejected_device_stays_outside() {
    let live = gateway();
    let admin = admin(live, "rejecting admin").await;
    let relay = Relay::start(live.gateway.port()).unwrap();
    let mut config = remote(live, "remote, rejected");
    config.url = format!("ws://127.0.0.1:{}", relay.port());
    let client = Client::connect(config);
    let (first, _) = pending(&client).await;
    let request = RequestParams {
        request_id: first.clone(),
    };
    admin.call::<PairReject>(&request).await.unwrap();
    stays(&client).await;
    assert_eq!(relay.connections(), 1, "it does not knock by itself");

    // When the user tries once more, it is a new request.
    client.reconnect();
    wait_for_state(&client, |state| !matches!(state, ConnectionState::Paused(_)))
        .await
        .unwrap();
    let (second, _) = pending(&client).await;
    assert_ne!(first, second);
    client.shutdown().await;
    admin.shutdown().await;
}

#[tokio::test]
async fn token_rotated_by_somebody_else_pauses_and_is_not_tried_again() {
    let live = gateway();
    let admin = admin(live, "rotating admin").await;
    let relay = Relay::start(live.gateway.port()).unwrap();
    let mut config = live.new_device("to be rotated");
    config.url = format!("ws://127.0.0.1:{}", relay.port());
    let device = config.identity.as_ref().unwrap().id().clone();
    let client = Client::connect(config);
    wait_for_ready(&client).await.unwrap();

    let params = TokenParams {
        device_id: device,
        role: "operator".to_owned(),
    };
    let rotated = admin.call::<TokenRotate>(&params).await.unwrap();
    assert_eq!(rotated.token, None, "the new token is not for others");
    let reason = paused(&client).await;
    assert!(matches!(reason, PauseReason::DeviceRevoked { .. }), "{reason:?}");
    stays(&client).await;
    assert_eq!(relay.connections(), 1);

    // The user says so: the shared token is still good.
    client.reconnect();
    wait_for_ready(&client).await.unwrap();
    client.shutdown().await;
    admin.shutdown().await;
}
