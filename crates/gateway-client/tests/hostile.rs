//! A gateway that does harm: the client stays up, holds a bounded amount of memory, and says what happened.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

mod common;

use clawtray_gateway_client::{
    Client, ClientConfig, ConnectionState, Gateway, GatewayEvent, PauseReason, RunStep,
};
use clawtray_lab::hostile_gateway::{ESCAPES, HostileGateway, Trick};
use common::config;
use serde_json::json;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);
/// What the client may hold more than before, in KiB: what waits for a consumer, one frame, and what is made of it. The
/// gateway lives in this process, too.
const GROWTH_KIB: u64 = 400 * 1024;

/// What this process holds in memory at most, in KiB.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

fn connect(gateway: &HostileGateway) -> Client {
    Client::connect(ClientConfig {
        url: gateway.url(),
        ..config()
    })
}

/// The first state that says how the connection stands.
async fn settled(client: &Client) -> ConnectionState {
    let mut state = client.state();
    let settled = state.wait_for(|state| {
        matches!(
            state,
            ConnectionState::Ready(_) | ConnectionState::Backoff { .. } | ConnectionState::Paused(_)
        )
    });
    tokio::time::timeout(PATIENCE, settled)
        .await
        .expect("it settles")
        .unwrap()
        .clone()
}

/// What the client tells of a trick, up to the mark at its end, while another consumer reads nothing.
async fn told(trick: Trick) -> Vec<GatewayEvent> {
    let gateway = HostileGateway::start(trick).unwrap();
    let client = connect(&gateway);
    let _never_read = client.events();
    let mut events = client.events();
    let mut told = Vec::new();
    loop {
        let event = tokio::time::timeout(PATIENCE, events.recv()).await;
        let event = event.expect("the trick ends").expect("the client lives");
        let ends = match &event {
            GatewayEvent::Health(payload) => payload["done"] == true,
            GatewayEvent::Run(run) => {
                trick == Trick::EndlessDeltas && matches!(run.step, RunStep::Error { .. })
            }
            _ => false,
        };
        told.push(event);
        if ends {
            break;
        }
    }
    assert!(
        matches!(*client.state().borrow(), ConnectionState::Ready(_)),
        "{trick:?}"
    );
    if trick != Trick::EndlessDeltas {
        client.call_raw("status", json!({})).await.expect("it goes on");
    }
    client.shutdown().await;
    assert_eq!(gateway.connections(), 1, "{trick:?}: one connection bore it");
    told
}

fn approvals(events: &[GatewayEvent]) -> usize {
    events
        .iter()
        .filter(|event| matches!(event, GatewayEvent::ApprovalRequested(_)))
        .count()
}

/// One test: what another one holds would be counted, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_are_borne() {
    let before = peak_kib();
    let deltas = told(Trick::EndlessDeltas).await;
    let text: usize = deltas
        .iter()
        .filter_map(|event| match event {
            GatewayEvent::Run(run) => match &run.step {
                RunStep::Delta { text, .. } => Some(text.len()),
                _ => None,
            },
            _ => None,
        })
        .sum();
    assert!(text <= 32 << 20, "{text} bytes of a reply without end");
    drop(deltas);

    let ids = told(Trick::LongIds).await;
    assert!(
        ids.iter().all(|event| matches!(
            event,
            GatewayEvent::Connected { .. } | GatewayEvent::Health(_) | GatewayEvent::Resync
        )),
        "an identifier of megabytes was taken"
    );
    assert!((1..=1_000).contains(&approvals(&told(Trick::ManyApprovals).await)));
    assert!(approvals(&told(Trick::Numbers).await) > 0);
    let values = told(Trick::ManyValues).await;
    assert!(values.len() <= 3, "{} events", values.len());
    // Words are handed on as they came; whoever shows them leaves out what does not belong there.
    let escapes = told(Trick::Escapes).await;
    assert!(escapes.iter().any(|event| format!("{event:?}").contains("evil")));
    match (before, peak_kib()) {
        (Some(before), Some(after)) => {
            assert!(
                after < before + GROWTH_KIB,
                "{before} KiB before, {after} KiB at most"
            );
        }
        _ => eprintln!("memory not measured, skipped: there is no /proc/self/status here"),
    }
}

#[tokio::test]
async fn what_is_no_upgrade_is_told_in_a_sentence() {
    for (trick, code) in [(Trick::Redirect, "HTTP_302"), (Trick::Page, "HTTP_200")] {
        let gateway = HostileGateway::start(trick).unwrap();
        let state = settled(&connect(&gateway)).await;
        let ConnectionState::Paused(PauseReason::Refused { code: told, message }) = state else {
            panic!("{trick:?}: {state:?}")
        };
        assert_eq!(told, code);
        assert!(message.len() < 200 && !message.contains('\n'), "{message}");
    }
    for trick in [Trick::EndlessWait, Trick::SlowBytes] {
        let gateway = HostileGateway::start(trick).unwrap();
        let state = settled(&connect(&gateway)).await;
        let ConnectionState::Backoff { delay, error, .. } = state else {
            panic!("{trick:?}: {state:?}")
        };
        assert!(delay <= Duration::from_secs(601), "{trick:?}: {delay:?}");
        assert!(!error.is_empty() && error.len() < 200, "{error}");
    }
}

#[tokio::test]
async fn a_refusal_is_small() {
    let gateway = HostileGateway::start(Trick::Refusal).unwrap();
    let state = settled(&connect(&gateway)).await;
    let ConnectionState::Paused(PauseReason::Refused { code, message }) = state else {
        panic!("{state:?}")
    };
    assert!(code.len() <= 128 && message.len() <= 4_096);
    assert!(!code.contains(ESCAPES), "{code:?}");
}
