//! Tests of silence, restarts, sleep and waiting.

use super::*;

#[test]
fn silence_of_two_ticks_ends_a_connection_and_any_frame_defers_it() {
    let mut session = ready();
    assert!(
        session.deadline().unwrap() < Duration::from_secs(16),
        "the clocks are compared"
    );
    session.on_heard(at(50_000));
    for ms in (15_000..=109_000).step_by(15_000) {
        session.on_timer(at(ms));
        assert!(drain(&mut session).is_empty(), "alive at {ms}");
    }
    session.on_timer(at(110_000));
    let effects = drain(&mut session);
    assert!(
        matches!(effects.first(), Some(Effect::Close { code: 4000 })),
        "{effects:?}"
    );
    assert!(matches!(
        states(&effects)[..],
        [ConnectionState::Backoff {
            attempt: 1,
            soon_back: false,
            ..
        }]
    ));
}

#[test]
fn a_restart_that_was_announced_is_soon_over() {
    let mut session = ready();
    session.on_text(at(10), r#"{"type":"event","event":"shutdown","payload":{"reason":"gateway restarting","restartExpectedMs":1500},"seq":1}"#);
    session.on_closed(at(12), Some((1012, "service restart".into())));
    let effects = drain(&mut session);
    let [
        ConnectionState::Backoff {
            delay,
            soon_back: true,
            ..
        },
    ] = &states(&effects)[..]
    else {
        panic!("{effects:?}")
    };
    assert!((1_500..=1_700).contains(&delay.as_millis()), "{delay:?}");
    // The port is refused, then 503, then startup-sidecars: all of it is part of coming back.
    let mut now = session.deadline().unwrap();
    for failure in [
        OpenError::Unreachable("refused".into()),
        OpenError::Http {
            status: 503,
            retry_after: None,
        },
        OpenError::Http {
            status: 502,
            retry_after: None,
        },
    ] {
        session.on_timer(Now {
            mono: now,
            wall: at(0).wall + now,
        });
        session.on_open_failed(
            Now {
                mono: now,
                wall: at(0).wall + now,
            },
            &failure,
        );
        let states = states(&drain(&mut session));
        let Some(ConnectionState::Backoff {
            soon_back: true,
            delay,
            ..
        }) = states.last()
        else {
            panic!("{states:?}")
        };
        assert!(*delay <= Duration::from_secs(4));
        now = session.deadline().unwrap();
    }
}

#[test]
fn backoff_grows_and_is_reset_only_by_hello() {
    let mut session = Session::new(config(), 42);
    session.on_command(at(0), Command::Connect);
    let mut now = Duration::ZERO;
    let wall = at(0).wall;
    for n in 1..=8_u32 {
        // The socket opens, and closes before the greeting: that is no success.
        session.on_opened(Now {
            mono: now,
            wall: wall + now,
        });
        session.on_closed(
            Now {
                mono: now,
                wall: wall + now,
            },
            None,
        );
        let states = states(&drain(&mut session));
        let Some(ConnectionState::Backoff { attempt, delay, .. }) = states.last() else {
            panic!("{states:?}")
        };
        assert_eq!(*attempt, n);
        assert!(*delay <= Backoff::ceiling(n));
        now += *delay;
        session.on_timer(Now {
            mono: now,
            wall: wall + now,
        });
        assert_eq!(opens(&drain(&mut session)), 1);
    }
    let now = Now {
        mono: now,
        wall: wall + now,
    };
    session.on_opened(now);
    session.on_text(now, CHALLENGE);
    let connect = sent(&drain(&mut session)).remove(0);
    session.on_text(now, &hello(&connect, json!({})));
    session.on_closed(now, None);
    let states = states(&drain(&mut session));
    assert!(
        matches!(states.last(), Some(ConnectionState::Backoff { attempt: 1, .. })),
        "{states:?}"
    );
}

#[test]
fn after_sleep_a_connection_is_probed_and_a_backoff_is_cut_short() {
    let mut session = ready();
    let asleep = Now {
        mono: Duration::from_secs(5),
        wall: at(0).wall + Duration::from_secs(3_600),
    };
    session.on_timer(asleep);
    let probe = sent(&drain(&mut session));
    assert_eq!(probe.len(), 1);
    assert_eq!(probe[0]["method"], "health");
    session.on_timer(Now {
        mono: asleep.mono + PROBE_LIMIT,
        wall: asleep.wall + PROBE_LIMIT,
    });
    let effects = drain(&mut session);
    assert!(
        matches!(effects.first(), Some(Effect::Close { code: 4000 })),
        "no answer: begin anew"
    );

    let mut session = Session::new(config(), 3);
    session.on_command(at(0), Command::Connect);
    for _ in 0..6 {
        session.on_open_failed(at(0), &OpenError::Unreachable("x".into()));
        session.on_command(at(0), Command::Connect);
    }
    session.on_open_failed(at(0), &OpenError::Unreachable("x".into()));
    drain(&mut session);
    session.on_timer(Now {
        mono: Duration::from_millis(1),
        wall: at(0).wall + Duration::from_secs(60),
    });
    assert_eq!(opens(&drain(&mut session)), 1, "at once");
}

#[test]
fn ssh_that_needs_its_user_is_tried_again_rarely() {
    let mut session = Session::new(config(), 3);
    session.on_command(at(0), Command::Connect);
    let (message, command) = ("ssh could not sign in".to_owned(), "ssh home".to_owned());
    session.on_open_failed(
        at(0),
        &OpenError::Tunnel {
            message: message.clone(),
            command: command.clone(),
        },
    );
    let paused = ConnectionState::Paused(PauseReason::Tunnel { message, command });
    let said = drain(&mut session);
    assert!(
        said.iter()
            .any(|effect| matches!(effect, Effect::State(state) if *state == paused))
    );
    assert_eq!(session.deadline(), Some(at(120_000).mono));
    session.on_timer(at(120_000));
    assert_eq!(opens(&drain(&mut session)), 1);
}

#[test]
fn a_clock_that_jumps_by_itself_late_is_sleep_too() {
    // On some systems the monotonic clock goes on while asleep: the timer comes late by hours, and silence says nothing.
    let mut session = ready();
    session.on_timer(at(7_200_000));
    let sent = sent(&drain(&mut session));
    assert_eq!(sent[0]["method"], "health");
}

#[test]
fn a_handshake_has_a_limit() {
    let mut session = Session::new(config(), 1);
    session.on_command(at(0), Command::Connect);
    session.on_timer(at(OPEN_LIMIT.as_millis() as u64));
    assert!(
        matches!(
            states(&drain(&mut session)).last(),
            Some(ConnectionState::Backoff { .. })
        ),
        "no socket"
    );

    let (mut session, _) = greeted(config());
    session.on_timer(at(15_001));
    let effects = drain(&mut session);
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Close { .. }))
    );
    assert!(
        matches!(states(&effects).last(), Some(ConnectionState::Backoff { .. })),
        "no greeting"
    );
    assert_eq!(session.pending(), 0);
}
