//! The whole client over an in-memory transport with a paused clock.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

mod common;

use clawtray_gateway_client::session::verdict::OpenError;
use clawtray_gateway_client::{
    CallError, Client, ClientConfig, ConnectionState, Dialer, Endpoint, Gateway, GatewayEvent, PauseReason,
    Transport,
};
use common::{challenge, config, hello, request_id};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Hands the far end of every dial to the test.
struct Memory {
    dials: mpsc::UnboundedSender<DuplexStream>,
    buffer: usize,
}

#[async_trait::async_trait]
impl Dialer for Memory {
    async fn dial(&self, _: &Endpoint) -> Result<Box<dyn Transport>, OpenError> {
        let (near, far) = tokio::io::duplex(self.buffer);
        self.dials
            .send(far)
            .map_err(|_| OpenError::Unreachable("nobody listens".into()))?;
        Ok(Box::new(near))
    }
}

/// A gateway that does what a test says.
struct Fake {
    dials: mpsc::UnboundedReceiver<DuplexStream>,
    boot: u32,
}

struct Peer {
    socket: WebSocketStream<DuplexStream>,
    seq: u64,
}

impl Fake {
    fn client(config: ClientConfig) -> (Client, Self) {
        Self::client_with_buffer(config, 1 << 20)
    }

    fn client_with_buffer(config: ClientConfig, buffer: usize) -> (Client, Self) {
        let (sender, dials) = mpsc::unbounded_channel();
        let client = Client::connect_over(
            config,
            Arc::new(Memory {
                dials: sender,
                buffer,
            }),
        );
        (client, Self { dials, boot: 1 })
    }

    async fn accept(&mut self) -> Peer {
        let stream = self.dials.recv().await.expect("a dial");
        Peer {
            socket: tokio_tungstenite::accept_async(stream).await.unwrap(),
            seq: 0,
        }
    }

    /// Shakes hands and confirms the subscription.
    async fn welcome(&mut self) -> Peer {
        let mut peer = self.accept().await;
        peer.send(&challenge()).await;
        let connect = peer.request().await;
        assert_eq!(connect["method"], "connect");
        let boot = format!("boot-{}", self.boot);
        peer.send(&hello(connect["id"].as_str().unwrap(), &boot)).await;
        let subscribe = peer.request().await;
        assert_eq!(subscribe["method"], "sessions.subscribe");
        peer.answer(&subscribe, json!({"subscribed": true})).await;
        peer
    }

    /// No dial within a virtual hour, or ever.
    async fn nobody_comes(&mut self) {
        let dial = timeout(Duration::from_secs(3_600), self.dials.recv()).await;
        assert!(!matches!(dial, Ok(Some(_))), "another attempt was made");
    }
}

impl Peer {
    async fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    async fn event(&mut self, name: &str, payload: Value) {
        self.seq += 1;
        let seq = self.seq;
        self.send(&format!(
            r#"{{"type":"event","event":"{name}","payload":{payload},"seq":{seq}}}"#
        ))
        .await;
    }

    async fn request(&mut self) -> Value {
        loop {
            match self
                .socket
                .next()
                .await
                .expect("a frame")
                .expect("a readable frame")
            {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(frame) => panic!("closed with {frame:?}"),
                _ => {}
            }
        }
    }

    async fn answer(&mut self, request: &Value, payload: Value) {
        let answer = json!({"type": "res", "id": request["id"], "ok": true, "payload": payload});
        self.send(&answer.to_string()).await;
    }

    async fn refuse(&mut self, request: &Value, error: Value) {
        let answer = json!({"type": "res", "id": request["id"], "ok": false, "error": error});
        self.send(&answer.to_string()).await;
    }

    async fn close(mut self, code: u16, reason: &'static str) {
        let _ = self
            .socket
            .close(Some(CloseFrame {
                code: code.into(),
                reason: reason.into(),
            }))
            .await;
    }

    /// How the client said goodbye.
    async fn closed(mut self) -> Option<u16> {
        while let Some(Ok(message)) = self.socket.next().await {
            if let Message::Close(frame) = message {
                return frame.map(|frame| frame.code.into());
            }
        }
        None
    }
}

async fn until(client: &Client, what: impl Fn(&ConnectionState) -> bool) -> ConnectionState {
    let mut state = client.state();
    let found = timeout(Duration::from_secs(7_200), state.wait_for(|state| what(state))).await;
    found.expect("the state comes").expect("the driver lives").clone()
}

fn is_ready(state: &ConnectionState) -> bool {
    matches!(state, ConnectionState::Ready(_))
}

#[tokio::test(start_paused = true)]
async fn it_shakes_hands_calls_and_closes() {
    let (client, mut fake) = Fake::client(config());
    let mut events = client.events();
    let mut peer = fake.welcome().await;
    let ConnectionState::Ready(info) = until(&client, is_ready).await else {
        panic!("ready")
    };
    assert_eq!((info.version.as_str(), info.protocol), ("2026.9.6", 4));
    assert_eq!(info.main_session_key.unwrap().as_str(), "agent:main:main");
    assert_eq!(
        events.recv().await,
        Some(GatewayEvent::Connected { new_boot: false })
    );

    let calls = tokio::join!(client.call_raw("status", json!({"a": 1})), async {
        let request = peer.request().await;
        assert_eq!(
            (&request["method"], &request["params"]),
            (&json!("status"), &json!({"a": 1}))
        );
        peer.answer(&request, json!({"fine": true})).await;
    });
    assert_eq!(calls.0, Ok(json!({"fine": true})));

    let (_, code) = tokio::join!(client.shutdown(), peer.closed());
    assert_eq!(code, Some(1000));
    assert_eq!(*client.state().borrow(), ConnectionState::Closed);
    fake.nobody_comes().await;
    assert_eq!(
        client.call_raw("status", json!({})).await,
        Err(CallError::NotConnected)
    );
}

#[tokio::test(start_paused = true)]
async fn a_wrong_token_means_exactly_one_attempt() {
    let (client, mut fake) = Fake::client(config());
    let mut peer = fake.accept().await;
    peer.send(&challenge()).await;
    let connect = peer.request().await;
    let details = json!({"code": "AUTH_TOKEN_MISMATCH", "canRetryWithDeviceToken": true, "recommendedNextStep": "retry_with_device_token"});
    peer.refuse(
        &connect,
        json!({"code": "INVALID_REQUEST", "message": "unauthorized", "details": details}),
    )
    .await;
    peer.close(1008, "unauthorized").await;
    let state = until(&client, |state| matches!(state, ConnectionState::Paused(_))).await;
    assert_eq!(
        state,
        ConnectionState::Paused(PauseReason::AuthRequired {
            code: "AUTH_TOKEN_MISMATCH".into(),
            next_step: Some("retry_with_device_token".into())
        })
    );
    fake.nobody_comes().await;
    client.reconnect();
    fake.welcome().await;
    until(&client, is_ready).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_it_need_not_wait_for_the_next_attempt() {
    let (client, mut fake) = Fake::client(config());
    for _ in 0..8 {
        drop(fake.dials.recv().await.unwrap());
    }
    let long = |state: &ConnectionState| matches!(state, ConnectionState::Backoff { delay, .. } if *delay > Duration::from_secs(5));
    until(&client, long).await;
    let begun = Instant::now();
    client.reconnect();
    fake.welcome().await;
    until(&client, is_ready).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_silent_gateway_is_left_and_found_again() {
    let (client, mut fake) = Fake::client(config());
    let peer = fake.welcome().await;
    until(&client, is_ready).await;
    let begun = Instant::now();
    assert_eq!(peer.closed().await, Some(4000), "two tick intervals of silence");
    assert!(
        (60..=61).contains(&begun.elapsed().as_secs()),
        "{:?}",
        begun.elapsed()
    );
    until(&client, |state| !is_ready(state)).await;
    let mut peer = fake.welcome().await;
    until(&client, is_ready).await;
    // Ticks keep it alive.
    for n in 0..20 {
        tokio::time::sleep(Duration::from_secs(30)).await;
        peer.event("tick", json!({"ts": n})).await;
    }
    assert!(is_ready(&client.state().borrow()));
    assert!(fake.dials.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn attempts_come_later_and_later_until_one_succeeds() {
    let (client, mut fake) = Fake::client(config());
    let mut waited = Vec::new();
    for n in 1..=9_u32 {
        drop(fake.dials.recv().await.unwrap());
        let state = until(
            &client,
            |state| matches!(state, ConnectionState::Backoff { attempt, .. } if *attempt == n),
        )
        .await;
        let ConnectionState::Backoff { delay, soon_back, .. } = state else {
            panic!("backing off")
        };
        assert!(!soon_back);
        assert!(
            delay <= Duration::from_secs(30).min(Duration::from_secs(1 << (n - 1))),
            "attempt {n}: {delay:?}"
        );
        waited.push(delay);
    }
    waited.dedup();
    assert!(waited.len() > 5, "jittered: {waited:?}");
    let begun = Instant::now();
    let peer = fake.welcome().await;
    assert!(begun.elapsed() <= Duration::from_secs(31));
    until(&client, is_ready).await;
    drop(peer);
    let state = until(&client, |state| matches!(state, ConnectionState::Backoff { .. })).await;
    let ConnectionState::Backoff { attempt, delay, .. } = state else {
        panic!("backing off")
    };
    assert!(
        attempt == 1 && delay <= Duration::from_secs(1),
        "success counts from one again"
    );
}

#[tokio::test(start_paused = true)]
async fn calls_end_in_time_and_leave_nothing_behind() {
    let mut config = config();
    config.request_timeout = Duration::from_secs(5);
    config.max_in_flight = 2;
    let (client, mut fake) = Fake::client(config);
    let mut peer = fake.welcome().await;
    until(&client, is_ready).await;
    let begun = Instant::now();
    let (result, _) = tokio::join!(client.call_raw("slow", json!({})), peer.request());
    assert_eq!(result, Err(CallError::Timeout(Duration::from_secs(5))));
    assert_eq!(begun.elapsed().as_secs(), 5);

    // Dropped callers free their places: more of them than there are places.
    for _ in 0..10 {
        let call = client.call_raw("dropped", json!({}));
        assert!(timeout(Duration::from_millis(10), call).await.is_err());
    }
    let (result, _) = tokio::join!(client.call_raw("after", json!({})), async {
        loop {
            let request = peer.request().await;
            if request["method"] == "after" {
                peer.answer(&request, json!(1)).await;
                return;
            }
        }
    });
    assert_eq!(result, Ok(json!(1)));

    // A third call waits for one of two places.
    let calls = async {
        tokio::join!(
            client.call_raw("a", json!({})),
            client.call_raw("b", json!({})),
            client.call_raw("c", json!({}))
        )
    };
    let serve = async {
        let (a, b) = (peer.request().await, peer.request().await);
        assert!(
            timeout(Duration::from_secs(1), peer.request()).await.is_err(),
            "the third waits"
        );
        peer.answer(&a, json!("a")).await;
        let c = peer.request().await;
        peer.answer(&b, json!("b")).await;
        peer.answer(&c, json!("c")).await;
    };
    let ((a, b, c), ()) = tokio::join!(calls, serve);
    assert_eq!(
        [a, b, c].map(Result::unwrap),
        [json!("a"), json!("b"), json!("c")]
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_ends_calls_and_says_that_they_were_written() {
    let (client, mut fake) = Fake::client(config());
    let mut peer = fake.welcome().await;
    until(&client, is_ready).await;
    let (result, ()) = tokio::join!(client.call_raw("x", json!({})), async {
        peer.request().await;
        drop(peer);
    });
    assert_eq!(result, Err(CallError::Disconnected { written: true }));
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_falls_behind_is_told_to_resync() {
    let mut config = config();
    config.event_buffer = 4;
    let (client, mut fake) = Fake::client(config);
    let mut slow = client.events();
    let mut peer = fake.welcome().await;
    until(&client, is_ready).await;
    for n in 0..50 {
        peer.event("cron", json!({"n": n})).await;
    }
    // An answer behind them: all of them have arrived.
    let (answer, ()) = tokio::join!(client.call_raw("x", json!({})), async {
        let request = peer.request().await;
        peer.answer(&request, json!(1)).await;
    });
    assert_eq!(answer, Ok(json!(1)), "the slow consumer holds up nobody");
    let mut got = Vec::new();
    while let Ok(event) = slow.try_recv() {
        got.push(event);
    }
    assert_eq!(got.len(), 4);
    assert_eq!(got.last(), Some(&GatewayEvent::Resync));
    peer.event("cron", json!({"n": 50})).await;
    assert!(matches!(slow.recv().await, Some(GatewayEvent::Other { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_soon_over_and_known_as_a_new_boot() {
    let (client, mut fake) = Fake::client(config());
    let mut events = client.events();
    let mut peer = fake.welcome().await;
    assert_eq!(
        events.recv().await,
        Some(GatewayEvent::Connected { new_boot: false })
    );
    peer.event(
        "shutdown",
        json!({"reason": "gateway restarting", "restartExpectedMs": 1500}),
    )
    .await;
    assert!(matches!(events.recv().await, Some(GatewayEvent::Shutdown { .. })));
    peer.close(1012, "service restart").await;
    until(&client, |state| {
        matches!(state, ConnectionState::Backoff { soon_back: true, .. })
    })
    .await;
    let begun = Instant::now();
    let mut peer = fake.accept().await;
    assert!(
        (1_500..2_000).contains(&begun.elapsed().as_millis()),
        "{:?}",
        begun.elapsed()
    );
    peer.send(&challenge()).await;
    let connect = peer.request().await;
    let starting = json!({"code": "UNAVAILABLE", "message": "gateway starting", "details": {"reason": "startup-sidecars"}, "retryable": true, "retryAfterMs": 500});
    peer.refuse(&connect, starting).await;
    peer.close(1013, "gateway starting").await;
    fake.boot = 2;
    fake.welcome().await;
    assert_eq!(
        events.recv().await,
        Some(GatewayEvent::Connected { new_boot: true })
    );
}

#[tokio::test(start_paused = true)]
async fn no_named_wait_ends_a_connection() {
    let (client, mut fake) = Fake::client(config());
    for seconds in ["18446744073709551615", "31536000", "9223372036854775807"] {
        let mut stream = fake.dials.recv().await.expect("a dial");
        let mut request = [0; 4096];
        let read = stream.read(&mut request).await.unwrap();
        assert!(request[..read].ends_with(b"\r\n\r\n"));
        let answer = format!(
            "HTTP/1.1 503 Service Unavailable\r\nretry-after: {seconds}\r\ncontent-length: 0\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        let state = until(&client, |state| matches!(state, ConnectionState::Backoff { .. })).await;
        let ConnectionState::Backoff { delay, .. } = state else {
            panic!("{state:?}")
        };
        assert!(delay <= Duration::from_secs(601), "{delay:?}");
        until(&client, |state| matches!(state, ConnectionState::Connecting)).await;
    }
    fake.welcome().await;
    until(&client, is_ready).await;
}

/// Dials in memory; the first so many dials panic.
struct Panicking {
    memory: Memory,
    left: AtomicU32,
}

#[async_trait::async_trait]
impl Dialer for Panicking {
    async fn dial(&self, endpoint: &Endpoint) -> Result<Box<dyn Transport>, OpenError> {
        let left = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        assert!(left.is_err(), "a fault in the client, as a test wants it");
        self.memory.dial(endpoint).await
    }
}

fn panicking(times: u32) -> (Client, Fake) {
    let (sender, dials) = mpsc::unbounded_channel();
    let dialer = Panicking {
        memory: Memory {
            dials: sender,
            buffer: 1 << 20,
        },
        left: AtomicU32::new(times),
    };
    let client = Client::connect_over(config(), Arc::new(dialer));
    (client, Fake { dials, boot: 1 })
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_panics_is_started_again() {
    let (client, mut fake) = panicking(1);
    until(&client, |state| matches!(state, ConnectionState::Backoff { .. })).await;
    assert_eq!(
        client.call_raw("status", json!({})).await,
        Err(CallError::NotConnected)
    );
    assert_eq!(
        client.waiting().await,
        Some(clawtray_gateway_client::Tables::default())
    );
    let mut events = client.events();
    fake.welcome().await;
    until(&client, is_ready).await;
    assert_eq!(
        events.recv().await,
        Some(GatewayEvent::Connected { new_boot: false }),
        "whoever listened before listens on"
    );
    client.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_panics_twice_is_told_and_goes_on() {
    let failed = |state: &ConnectionState| *state == ConnectionState::Paused(PauseReason::ClientFailed);
    let (client, mut fake) = panicking(2);
    until(&client, failed).await;
    // The user need not wait.
    let begun = Instant::now();
    client.reconnect();
    fake.welcome().await;
    until(&client, is_ready).await;
    assert!(begun.elapsed() < Duration::from_secs(1));

    let (client, mut fake) = panicking(2);
    until(&client, failed).await;
    fake.welcome().await;
    until(&client, is_ready).await;

    // Closing works in between, and the last handle ends the supervisor, too.
    let (client, mut fake) = panicking(2);
    until(&client, failed).await;
    client.shutdown().await;
    assert_eq!(*client.state().borrow(), ConnectionState::Closed);
    assert!(fake.dials.recv().await.is_none(), "nobody dials any more");
}

#[tokio::test(start_paused = true)]
async fn revoked_devices_stay_away() {
    let (client, mut fake) = Fake::client(config());
    let peer = fake.welcome().await;
    until(&client, is_ready).await;
    peer.close(4001, "device removed").await;
    let state = until(&client, |state| matches!(state, ConnectionState::Paused(_))).await;
    assert_eq!(
        state,
        ConnectionState::Paused(PauseReason::DeviceRevoked {
            reason: "device removed".into()
        })
    );
    fake.nobody_comes().await;
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_ends_the_connection() {
    let (client, mut fake) = Fake::client(config());
    let peer = fake.welcome().await;
    let other = client.clone();
    drop(client);
    until(&other, is_ready).await;
    drop(other);
    assert_eq!(peer.closed().await, Some(1000));
    assert!(fake.dials.recv().await.is_none(), "the driver is gone");
}

#[tokio::test(start_paused = true)]
async fn a_large_request_that_does_not_leave_does_not_keep_answers_out() {
    // The pipe takes far less than the request, and the gateway does not read: events still come in.
    let (client, mut fake) = Fake::client_with_buffer(config(), 4_096);
    let mut events = client.events();
    let mut peer = fake.welcome().await;
    assert!(matches!(
        events.recv().await,
        Some(GatewayEvent::Connected { .. })
    ));
    let call = client.call_raw("chat.send", json!({"message": "x".repeat(500_000)}));
    tokio::pin!(call);
    assert!(timeout(Duration::from_secs(1), &mut call).await.is_err());
    peer.event("cron", json!({})).await;
    assert!(
        matches!(events.recv().await, Some(GatewayEvent::Other { .. })),
        "an event while writing"
    );
    let (answer, ()) = tokio::join!(call, async {
        let request = peer.request().await;
        peer.answer(&request, json!(true)).await;
    });
    assert_eq!(answer, Ok(json!(true)));
}

#[tokio::test(start_paused = true)]
async fn frames_of_twenty_five_mebibytes_come_in() {
    let (client, mut fake) = Fake::client(config());
    let mut events = client.events();
    let mut peer = fake.welcome().await;
    assert!(matches!(
        events.recv().await,
        Some(GatewayEvent::Connected { .. })
    ));
    let text = "x".repeat(25 * 1024 * 1024);
    let (event, ()) = tokio::join!(events.recv(), peer.event("big", json!({"text": text})));
    let Some(GatewayEvent::Other { payload, .. }) = event else {
        panic!("the event")
    };
    assert_eq!(payload["text"].as_str().map(str::len), Some(text.len()));
}

#[tokio::test(start_paused = true)]
async fn device_tokens_reach_the_store() {
    let (sender, mut tokens) = mpsc::unbounded_channel();
    let mut config = config();
    config.on_device_token = Some(sender);
    let (_client, mut fake) = Fake::client(config);
    fake.welcome().await;
    let issued = tokens.recv().await.unwrap();
    assert_eq!(
        (issued.token.expose(), issued.role.as_str()),
        ("device-token-1", "operator")
    );
    assert!(!format!("{issued:?}").contains("device-token-1"));
}

#[tokio::test(start_paused = true)]
async fn late_consumers_learn_that_there_is_a_connection() {
    let (client, mut fake) = Fake::client(config());
    let _peer = fake.welcome().await;
    until(&client, is_ready).await;
    assert_eq!(
        client.events().recv().await,
        Some(GatewayEvent::Connected { new_boot: false })
    );
}

#[test]
fn ids_are_read_from_requests() {
    assert_eq!(
        request_id(r#"{"type":"req","id":"7","method":"m","params":{}}"#),
        "7"
    );
}
