//! Tests of connection events, and of what is requested first after a connect.

use super::*;

#[test]
fn numbers_of_a_connection_tell_gaps_and_repetitions() {
    let mut session = ready();
    let frame = |seq: u64| format!(r#"{{"type":"event","event":"cron","payload":{{}},"seq":{seq}}}"#);
    let mut names = |text: &str| {
        session.on_text(at(10), text);
        drain(&mut session)
            .into_iter()
            .map(|effect| match effect {
                Effect::Emit(GatewayEvent::Other { name, .. }) => name,
                Effect::Emit(event) => format!("{event:?}"),
                other => format!("{other:?}"),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&frame(5)), ["cron"], "any number may be the first");
    assert_eq!(names(&frame(6)), ["cron"]);
    assert!(names(&frame(6)).is_empty());
    assert_eq!(names(&frame(9)), ["Resync", "cron"]);
    assert_eq!(
        names(r#"{"type":"event","event":"cron","payload":{}}"#),
        ["cron"],
        "some have none"
    );
}

#[test]
fn a_new_boot_is_told_apart_from_a_lost_connection() {
    let mut session = ready();
    for (boot, new) in [("b1", false), ("b2", true)] {
        session.on_closed(at(20), None);
        session.on_command(at(21), Command::Connect);
        session.on_opened(at(22));
        session.on_text(at(23), CHALLENGE);
        let connect = sent(&drain(&mut session)).remove(0);
        session.on_text(at(24), &hello(&connect, json!({"server": {"bootId": boot}})));
        let connected: Vec<_> = drain(&mut session)
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Emit(GatewayEvent::Connected { new_boot }) => Some(new_boot),
                _ => None,
            })
            .collect();
        assert_eq!(connected, [new]);
    }
}

#[test]
fn subscriptions_come_before_the_announcement() {
    let (mut session, connect) = greeted(config());
    session.on_text(at(3), &hello(&connect, json!({})));
    let effects = drain(&mut session);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Emit(_))));
    let subscribe = sent(&effects).remove(0);
    assert_eq!(subscribe["method"], "sessions.subscribe");
    // Even a refusal must not keep consumers waiting.
    session.on_text(
        at(4),
        &refusal(&subscribe, json!({"code": "FORBIDDEN", "message": "m"})),
    );
    assert!(matches!(
        drain(&mut session)[..],
        [Effect::Emit(GatewayEvent::Connected { .. })]
    ));
}

#[test]
fn without_the_scope_nothing_is_subscribed() {
    let (mut session, connect) = greeted(config());
    session.on_text(at(3), &hello(&connect, json!({"auth": {"scopes": []}})));
    let effects = drain(&mut session);
    assert!(sent(&effects).is_empty());
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Emit(GatewayEvent::Connected { .. })))
    );
}

#[test]
fn revoked_offline_and_shutdown_stay_away() {
    let mut session = ready();
    session.on_closed(at(10), Some((4001, "device removed".into())));
    assert!(matches!(
        states(&drain(&mut session))[..],
        [ConnectionState::Paused(PauseReason::DeviceRevoked { .. })]
    ));
    assert_eq!(session.deadline(), None);

    let mut session = ready();
    call(&mut session, at(10), 1, "a.b", 30);
    session.on_command(at(11), Command::Offline);
    let effects = drain(&mut session);
    assert_eq!(
        states(&effects),
        [ConnectionState::Paused(PauseReason::UserOffline)]
    );
    assert_eq!(replies(&effects).len(), 1);
    session.on_command(at(12), Command::Connect);
    assert_eq!(opens(&drain(&mut session)), 1);

    session.on_command(at(13), Command::Shutdown);
    assert!(matches!(drain(&mut session).last(), Some(Effect::Stop)));
    session.on_command(at(14), Command::Connect);
    assert_eq!(opens(&drain(&mut session)), 0, "for good");
}

#[test]
fn a_greeting_is_small_whatever_the_gateway_says() {
    let mut config = config();
    config.subscribe_sessions = false;
    let (mut session, connect) = greeted(config);
    let long = "x".repeat(1_000_000);
    let methods: Vec<String> = (0..100_000)
        .map(|n| format!("m{n}"))
        .chain([long.clone()])
        .collect();
    let changes = json!({
        "server": {"version": long, "bootId": long},
        "features": {"methods": methods},
        "auth": {"scopes": ["operator.read", long], "deviceToken": long},
        "snapshot": {"sessionDefaults": {"mainSessionKey": long, "defaultAgentId": long}},
    });
    session.on_text(at(3), &hello(&connect, changes));
    let effects = drain(&mut session);
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::StoreToken(_)))
    );
    let states = states(&effects);
    let [ConnectionState::Ready(info)] = &states[..] else {
        panic!("{states:?}")
    };
    let text = serde_json::to_string(info).unwrap();
    assert!(text.len() < 100_000, "{} bytes", text.len());
    assert_eq!(info.scopes, ["operator.read"]);
}

#[test]
fn approvals_are_bounded_in_number_and_size() {
    let mut session = ready();
    let asked = |session: &mut Session, n: u64, request: Value| {
        let payload = json!({"id": format!("a{n}"), "request": request});
        session.on_text(
            at(10),
            &json!({"type": "event", "event": "exec.approval.requested", "payload": payload}).to_string(),
        );
        drain(session).pop()
    };
    let told = (0..5_000)
        .filter(|n| asked(&mut session, *n, json!({"command": "ls"})).is_some())
        .count();
    assert_eq!(told, APPROVALS_MAX);
    let resolved = json!({"type": "event", "event": "exec.approval.resolved", "payload": {"id": "a0"}});
    session.on_text(at(11), &resolved.to_string());
    drain(&mut session);
    let long = format!("ls {}; evil", "x".repeat(1_000_000));
    let Some(Effect::Emit(GatewayEvent::ApprovalRequested(approval))) =
        asked(&mut session, 9_999, json!({"command": long}))
    else {
        panic!("there is room for one")
    };
    assert!(approval.title.len() < 70_000);
    assert_eq!(approval.allowed, [crate::Decision::Deny], "not by its beginning");
    let other = json!({"command": "ls", "sessionKey": "s".repeat(100_000)});
    assert!(asked(&mut session, 10_000, other).is_none());
}
