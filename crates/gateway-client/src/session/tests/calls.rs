//! Tests of the table of pending calls.

use super::*;

#[test]
fn calls_leave_the_table_on_answer_deadline_forget_and_disconnect() {
    let mut session = ready();
    let first = call(&mut session, at(10), 1, "a.b", 30).unwrap();
    assert_eq!(session.pending(), 1);
    session.on_text(
        at(11),
        &json!({"type": "res", "id": first["id"], "ok": true, "payload": {"x": 1}}).to_string(),
    );
    assert_eq!(replies(&drain(&mut session)), [(1, Ok(r#"{"x":1}"#.to_owned()))]);
    assert_eq!(session.pending(), 0);

    let late = call(&mut session, at(20), 2, "a.b", 5).unwrap();
    session.on_timer(at(5_019));
    assert!(replies(&drain(&mut session)).is_empty(), "not yet");
    session.on_timer(at(5_020));
    assert_eq!(
        replies(&drain(&mut session)),
        [(2, Err(CallError::Timeout(Duration::from_secs(5))))]
    );
    session.on_text(
        at(5_021),
        &json!({"type": "res", "id": late["id"], "ok": true}).to_string(),
    );
    assert!(drain(&mut session).is_empty(), "a late answer is nobody's");

    call(&mut session, at(5_030), 3, "a.b", 5);
    session.on_command(at(5_031), Command::Forget(3));
    assert_eq!(session.pending(), 0);

    call(&mut session, at(5_040), 4, "a.b", 5);
    session.on_closed(at(5_041), None);
    assert_eq!(
        replies(&drain(&mut session)),
        [(4, Err(CallError::Disconnected { written: true }))]
    );
    assert_eq!(session.pending(), 0);

    call(&mut session, at(5_050), 5, "a.b", 5);
    assert_eq!(session.pending(), 0, "not connected");
}

#[test]
fn a_call_without_a_connection_says_so() {
    let mut session = Session::new(config(), 1);
    let timeout = Duration::from_secs(1);
    let command = Command::Call {
        id: 9,
        method: "m".into(),
        params: "{}".into(),
        timeout,
        until_final: false,
    };
    session.on_command(at(0), command);
    assert_eq!(replies(&drain(&mut session)), [(9, Err(CallError::NotConnected))]);
}

#[test]
fn a_request_that_is_too_large_is_not_sent() {
    let mut session = ready();
    let params = json!({"message": "x".repeat(2000)}).to_string();
    let timeout = Duration::from_secs(1);
    session.on_command(
        at(9),
        Command::Call {
            id: 1,
            method: "m".into(),
            params,
            timeout,
            until_final: false,
        },
    );
    let effects = drain(&mut session);
    assert!(sent(&effects).is_empty());
    assert!(matches!(
        replies(&effects)[..],
        [(1, Err(CallError::TooLarge { limit: 2000, .. }))]
    ));
    assert_eq!(session.pending(), 0);
}

#[test]
fn a_method_that_answers_twice_is_waited_for() {
    let mut session = ready();
    let request = call(&mut session, at(10), 1, "agent", 60).unwrap();
    let answer = |payload: Value| {
        json!({"type": "res", "id": request["id"], "ok": true, "payload": payload}).to_string()
    };
    session.on_text(at(11), &answer(json!({"status": "accepted", "runId": "r"})));
    assert!(drain(&mut session).is_empty());
    session.on_text(at(12), &answer(json!({"status": "ok", "runId": "r"})));
    assert_eq!(replies(&drain(&mut session)).len(), 1);
    session.on_text(at(13), &answer(json!({"status": "ok", "runId": "r"})));
    assert!(drain(&mut session).is_empty());
}

#[test]
fn many_events_and_calls_leave_nothing_behind() {
    let mut session = ready();
    for n in 0..100_000_u64 {
        // Every tenth event ends a run; some runs never end.
        let state = if n % 10 == 9 && n % 7 != 0 {
            "final"
        } else {
            "delta"
        };
        session.on_text(
            at(10),
            &format!(
                r#"{{"type":"event","event":"chat","payload":{{"runId":"r{}","sessionKey":"s","seq":{n},"state":"{state}","deltaText":"x"}},"seq":{}}}"#,
                n / 10,
                n + 1
            ),
        );
        if n % 1_000 == 0 {
            let request = call(&mut session, at(10), n, "a.b", 30).unwrap();
            session.on_text(
                at(10),
                &json!({"type": "res", "id": request["id"], "ok": true}).to_string(),
            );
        }
        drain(&mut session);
    }
    assert_eq!(session.pending(), 0);
    assert!(session.runs.remembered() <= 256, "{}", session.runs.remembered());
}
