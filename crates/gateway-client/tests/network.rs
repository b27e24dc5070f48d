//! The client over real sockets on loopback: TLS, pins, refused upgrades, and a proxy.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

mod common;

use clawtray_gateway_client::{
    Client, ClientConfig, ConnectionState, Gateway, GatewayEvent, PauseReason, RunStep,
};
use common::{challenge, config, hello, request_id};
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;

/// Plays the gateway on a stream until the client goes.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else {
        return;
    };
    socket.send(Message::text(challenge())).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let id = request_id(&text);
        if text.contains(r#""method":"long.reply""#) {
            for frame in long_reply() {
                socket.send(Message::text(frame)).await.unwrap();
            }
        }
        let answer = if text.contains(r#""method":"connect""#) {
            hello(&id, "b")
        } else {
            format!(r#"{{"type":"res","id":"{id}","ok":true,"payload":{{}}}}"#)
        };
        if socket.send(Message::text(answer)).await.is_err() {
            return;
        }
    }
}

const PIECES: usize = 60;
const PIECE: &str = "a line of the reply, with \"quotes\" and ž in it\n";

/// A reply of 300 kB as the gateway sends it: every piece with the whole text so far, in `agent` and in `chat`.
fn long_reply() -> Vec<String> {
    let (mut whole, mut frames) = (String::new(), Vec::new());
    let message = |whole: &str| {
        let whole = json!(whole);
        format!(r#"{{"role":"assistant","content":[{{"type":"text","text":{whole}}}],"timestamp":1}}"#)
    };
    let chat = |seq: usize, state: &str, rest: &str| {
        format!(
            r#"{{"type":"event","event":"chat","payload":{{"runId":"r","sessionKey":"s","seq":{seq},"state":"{state}",{rest}}},"seq":{},"recipientProfileId":"o"}}"#,
            2 * seq + usize::from(state == "final")
        )
    };
    for seq in 1..=PIECES {
        let piece = PIECE.repeat(100);
        whole.push_str(&piece);
        let (text, delta) = (json!(whole), json!(piece));
        frames.push(format!(
            r#"{{"type":"event","event":"agent","payload":{{"runId":"r","stream":"assistant","data":{{"text":{text},"delta":{delta}}},"sessionKey":"s","seq":{seq},"ts":1}},"seq":{},"recipientProfileId":"o"}}"#,
            2 * seq - 1
        ));
        frames.push(chat(
            seq,
            "delta",
            &format!(r#""deltaText":{delta},"message":{}"#, message(&whole)),
        ));
    }
    frames.push(chat(
        PIECES,
        "final",
        &format!(r#""message":{}"#, message(&whole)),
    ));
    frames
}

/// Asks for the long reply, and reads it.
async fn read_long_reply(client: &Client) {
    let mut events = client.events();
    client.call_raw("long.reply", json!({})).await.unwrap();
    let mut whole = String::new();
    loop {
        match events.recv().await {
            Some(GatewayEvent::Connected { .. }) => {}
            Some(GatewayEvent::Run(event)) => match event.step {
                RunStep::Delta {
                    text,
                    replace: false,
                    total_bytes,
                } => {
                    whole.push_str(&text);
                    assert_eq!(total_bytes, Some(whole.len()));
                }
                RunStep::Final { message, .. } => {
                    assert!(message.unwrap().text() == whole && whole == PIECE.repeat(100 * PIECES));
                    return;
                }
                step => panic!("{step:?}"),
            },
            other => panic!("{other:?}"),
        }
    }
}

struct Tls {
    url: String,
    fingerprint: String,
    connections: Arc<AtomicUsize>,
}

/// A gateway with a certificate that nobody vouches for.
async fn tls_gateway() -> Tls {
    let certified =
        rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let der = certified.cert.der().clone();
    let fingerprint = Sha256::digest(&der)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("wss://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream).await;
                }
            });
        }
    });
    Tls {
        url,
        fingerprint,
        connections,
    }
}

async fn settled(client: &Client) -> ConnectionState {
    let mut state = client.state();
    let settled =
        |state: &ConnectionState| matches!(state, ConnectionState::Ready(_) | ConnectionState::Paused(_));
    tokio::time::timeout(Duration::from_secs(30), state.wait_for(settled))
        .await
        .expect("it settles")
        .unwrap()
        .clone()
}

#[tokio::test]
async fn a_long_reply_loses_nothing_with_what_is_passed_over() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://127.0.0.1:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move { serve(listener.accept().await.unwrap().0).await });
    let client = Client::connect(ClientConfig { url, ..config() });
    assert!(matches!(settled(&client).await, ConnectionState::Ready(_)));
    read_long_reply(&client).await;
    client.shutdown().await;
}

#[tokio::test]
async fn an_unknown_certificate_pauses_with_its_fingerprint_and_a_pin_admits_it() {
    let gateway = tls_gateway().await;
    let config = ClientConfig {
        url: gateway.url.clone(),
        ..config()
    };
    let client = Client::connect(config.clone());
    let ConnectionState::Paused(PauseReason::InsecureTransport { fingerprint, message }) =
        settled(&client).await
    else {
        panic!("not trusted")
    };
    assert_eq!(fingerprint.as_deref(), Some(gateway.fingerprint.as_str()));
    assert!(message.contains("certificate"), "{message}");
    client.shutdown().await;
    assert_eq!(gateway.connections.load(Ordering::SeqCst), 1, "one attempt");

    // Written as other programs write it.
    let pin: Vec<String> = gateway
        .fingerprint
        .as_bytes()
        .chunks(2)
        .map(|pair| String::from_utf8_lossy(pair).to_uppercase())
        .collect();
    let pinned = ClientConfig {
        pinned_certificate_sha256: Some(pin.join(":")),
        ..config.clone()
    };
    let client = Client::connect(pinned);
    assert!(matches!(settled(&client).await, ConnectionState::Ready(_)));
    client.ping().await.unwrap();
    read_long_reply(&client).await;
    client.shutdown().await;

    let other = ClientConfig {
        pinned_certificate_sha256: Some("ab".repeat(32)),
        ..config
    };
    let client = Client::connect(other);
    let ConnectionState::Paused(PauseReason::InsecureTransport { fingerprint, message }) =
        settled(&client).await
    else {
        panic!("another certificate was pinned")
    };
    assert_eq!(fingerprint, Some(gateway.fingerprint));
    assert!(message.contains("not the trusted one"), "{message}");
}

/// A server that answers the upgrade with these bytes.
async fn answers(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://127.0.0.1:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 2048];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

#[tokio::test]
async fn what_is_no_gateway_is_left_alone() {
    for (answer, expected) in [
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "HTTP_404"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", "HTTP_200"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "NOT_A_GATEWAY"),
    ] {
        let client = Client::connect(ClientConfig {
            url: answers(answer).await,
            ..config()
        });
        let ConnectionState::Paused(PauseReason::Refused { code, .. }) = settled(&client).await else {
            panic!("{answer} was not refused")
        };
        assert_eq!(code, expected);
    }
}

#[tokio::test]
async fn a_gateway_that_is_starting_is_soon_back() {
    let url =
        answers("HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n").await;
    let client = Client::connect(ClientConfig { url, ..config() });
    let mut state = client.state();
    let waiting = state
        .wait_for(|state| matches!(state, ConnectionState::Backoff { .. }))
        .await
        .unwrap()
        .clone();
    let ConnectionState::Backoff { delay, soon_back, .. } = waiting else {
        panic!("waiting")
    };
    assert!(soon_back && delay >= Duration::from_secs(7), "{delay:?}");
}

#[tokio::test]
async fn headers_for_a_reverse_proxy_go_along_and_no_origin_does() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let headers = vec![("X-Access-Key".to_owned(), "canary".into())];
    let config = ClientConfig {
        url,
        headers,
        ..config()
    };
    assert!(!format!("{config:?}").contains("canary"));
    let _client = Client::connect(config);
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = vec![0; 4096];
    let read = stream.read(&mut request).await.unwrap();
    let request = String::from_utf8_lossy(&request[..read]).to_lowercase();
    assert!(request.contains("x-access-key: canary"), "{request}");
    assert!(!request.contains("origin:"), "{request}");
    assert!(
        !request.contains("canary-token"),
        "the token never is in a header"
    );
}
