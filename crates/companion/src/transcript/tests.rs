use super::*;
use crate::gateway::History;
use crate::gateway::{InFlightRun, RunEvent, RunStep};
use serde_json::{Value, json};

const S: &str = "agent:main:main";

fn row(value: Value) -> Message {
    serde_json::from_value(value).unwrap()
}
fn user(seq: u64, key: &str, text: &str) -> Message {
    row(
        json!({"role":"user","content":text,"timestamp":1000*seq,"idempotencyKey":format!("{key}:user"),
        "__openclaw":{"id":format!("u{seq}"),"seq":seq}}),
    )
}
fn reply(seq: u64, run: &str, text: &str) -> Message {
    row(
        json!({"role":"assistant","content":[{"type":"text","text":text}],"timestamp":1000*seq,"stopReason":"stop",
        "__openclaw":{"id":format!("a{seq}"),"seq":seq,"runId":run}}),
    )
}
fn event(run: &str, seq: u64, step: RunStep) -> RunEvent {
    RunEvent {
        run: run.into(),
        session: S.into(),
        agent: None,
        seq,
        step,
    }
}
fn delta(run: &str, seq: u64, text: &str, total: usize) -> RunEvent {
    event(
        run,
        seq,
        RunStep::Delta {
            text: text.into(),
            replace: false,
            total_bytes: Some(total),
        },
    )
}
fn status(run: &str) -> RunEvent {
    event(
        run,
        1,
        RunStep::Status {
            phase: "starting_model".into(),
        },
    )
}
fn done(run: &str, seq: u64, text: &str) -> RunEvent {
    let message = row(json!({"role":"assistant","content":[{"type":"text","text":text}]}));
    event(
        run,
        seq,
        RunStep::Final {
            message: Some(Box::new(message)),
            stop_reason: Some("stop".into()),
        },
    )
}
fn empty_final(run: &str) -> RunEvent {
    event(
        run,
        1,
        RunStep::Final {
            message: None,
            stop_reason: None,
        },
    )
}
fn lines(t: &Transcript) -> Vec<String> {
    t.view()
        .messages
        .iter()
        .map(|m| format!("{} {:?} {:?}: {}", m.id, m.role, m.state, m.text))
        .collect()
}
fn loaded() -> Transcript {
    let mut t = Transcript::new(S);
    t.load(&History::default(), 0);
    t
}
fn reload(t: &mut Transcript, history: &History, now_ms: i64) -> Vec<Change> {
    t.begin_load();
    t.load(history, now_ms)
}
fn history(messages: Vec<Message>) -> History {
    History {
        session: S.into(),
        messages,
        ..History::default()
    }
}

#[test]
fn a_prompt_and_its_streamed_reply_keep_their_ids() {
    let mut t = loaded();
    t.echo("k1", "hello", Vec::new(), MessageState::Sending, 900);
    let changes = t.on_run(&status("k1"), 950);
    assert!(matches!(&changes[..], [Change::Run { run: Some(run) }] if run.phase == "preparing"));
    assert_eq!(
        t.on_message(&user(1, "k1", "hello"), 960).len(),
        1,
        "sending becomes done"
    );
    t.on_run(&delta("k1", 5, "Hel", 3), 1000);
    let changes = t.on_run(&delta("k1", 6, "lo", 5), 1010);
    assert_eq!(
        changes,
        vec![Change::AppendText {
            id: "run:k1".into(),
            text: "lo".into()
        }]
    );
    assert!(
        t.on_message(&reply(2, "k1", "Hello."), 1015).is_empty(),
        "the stream brings the text"
    );
    assert!(
        t.on_run(&delta("k1", 6, "lo", 5), 1020).is_empty(),
        "a repeated delta"
    );
    let changes = t.on_run(&done("k1", 7, "Hello."), 1900);
    assert!(
        matches!(&changes[..], [Change::Message { message }, Change::Run { run: None }]
        if message.text == "Hello." && message.state == MessageState::Done && message.duration_ms == Some(1000))
    );
    let live = lines(&t);
    t.load(
        &history(vec![user(1, "k1", "hello"), reply(2, "k1", "Hello.")]),
        2000,
    );
    assert_eq!(lines(&t), live, "history has the same ids and does not double");
    assert!(t.on_run(&done("k1", 7, "Hello."), 2100).len() <= 1);
    assert_eq!(
        lines(&t),
        live,
        "a final that comes after the reload does not double"
    );
}

#[test]
fn deltas_table() {
    // (deltas as (seq, text, replace, total), text at the end, reload wanted)
    type Row = (
        &'static [(u64, &'static str, bool, Option<usize>)],
        &'static str,
        bool,
    );
    let table: &[Row] = &[
        (
            &[(1, "ab", false, Some(2)), (2, "cd", false, Some(4))],
            "abcd",
            false,
        ),
        (
            &[(1, "ab", false, Some(2)), (1, "ab", false, Some(2))],
            "ab",
            false,
        ),
        (
            &[
                (1, "ab", false, None),
                (1, "ab", false, None),
                (2, "c", false, None),
            ],
            "abc",
            false,
        ),
        (
            &[(1, "ab", false, Some(2)), (2, "bcd", false, Some(4))],
            "abcd",
            false,
        ),
        (
            &[(1, "ab", false, Some(2)), (3, "ef", false, Some(6))],
            "ab",
            true,
        ),
        (
            &[
                (1, "wrong", false, Some(5)),
                (2, "right", true, Some(5)),
                (3, "!", false, Some(6)),
            ],
            "right!",
            false,
        ),
        (
            &[(1, "äö", false, Some(4)), (2, "ü", false, Some(6))],
            "äöü",
            false,
        ),
        (&[(7, "a", false, Some(1)), (2, "b", false, Some(2))], "ab", false),
    ];
    for (deltas, text, reload) in table {
        let mut t = loaded();
        for (seq, text, replace, total) in *deltas {
            let step = RunStep::Delta {
                text: (*text).into(),
                replace: *replace,
                total_bytes: *total,
            };
            t.on_run(&event("r", *seq, step), 10);
        }
        assert_eq!(t.newest().unwrap().text, *text, "{deltas:?}");
        assert_eq!(t.take_reload(), *reload, "{deltas:?}");
    }
}

#[test]
#[allow(clippy::wildcard_enum_match_arm, reason = "nothing else is expected")]
fn applying_changes_gives_the_view() {
    let mut t = loaded();
    let mut shown = t.view();
    let steps: Vec<Vec<Change>> = vec![
        t.echo("k", "q", Vec::new(), MessageState::Queued, 1),
        t.set_state("k", MessageState::Sending, None),
        t.on_run(&status("k"), 2),
        t.on_run(&event("k", 2, RunStep::Thinking { text: "hm".into() }), 3),
        t.on_run(&event("k", 3, RunStep::Thinking { text: " so".into() }), 3),
        t.on_run(&delta("k", 4, "one", 3), 4),
        t.on_run(&delta("k", 5, " two", 7), 5),
        t.on_run(&done("k", 6, "one two"), 6),
    ];
    for change in steps.into_iter().flatten() {
        match change {
            Change::Message { message } => match shown.messages.iter_mut().find(|m| m.id == message.id) {
                Some(known) => *known = message,
                None => shown.messages.push(message),
            },
            Change::AppendText { id, text } => {
                shown
                    .messages
                    .iter_mut()
                    .find(|m| m.id == id)
                    .unwrap()
                    .text
                    .push_str(&text);
            }
            Change::AppendThinking { id, text } => {
                shown
                    .messages
                    .iter_mut()
                    .find(|m| m.id == id)
                    .unwrap()
                    .thinking
                    .push_str(&text);
            }
            Change::Run { run } => shown.run = run,
            Change::Transcript { transcript } => shown = transcript,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(shown, t.view());
    assert_eq!(shown.messages[1].thinking, "hm so");
}

#[test]
fn a_steered_prompt_continues_in_a_new_message_of_the_first_run() {
    let mut t = loaded();
    t.echo("k1", "first", Vec::new(), MessageState::Done, 1);
    t.on_run(&status("k1"), 2);
    t.on_run(&delta("k1", 2, "A", 1), 3);
    t.echo("k2", "second", Vec::new(), MessageState::Sending, 4);
    t.on_message(&reply(2, "k1", "A"), 5);
    t.on_message(&user(3, "k2", "second"), 5);
    t.on_run(&empty_final("k2"), 6);
    t.on_run(&delta("k1", 8, "\n\nB", 4), 7);
    t.on_run(&done("k1", 9, "A\n\nB"), 8);
    let live = lines(&t);
    assert_eq!(
        live,
        [
            "k1 User Done: first",
            "run:k1 Assistant Done: A",
            "k2 User Steered: second",
            "run:k1:2 Assistant Done: B"
        ]
    );
    let rows = vec![
        user(1, "k1", "first"),
        reply(2, "k1", "A"),
        user(3, "k2", "second"),
        reply(4, "k1", "B"),
    ];
    reload(&mut t, &history(rows), 9);
    assert_eq!(lines(&t), live);
    assert!(t.active_run().is_none());
}

#[test]
fn the_first_of_two_errors_is_told() {
    let mut t = loaded();
    t.echo("k", "bad", Vec::new(), MessageState::Done, 1);
    t.on_run(&status("k"), 2);
    t.on_run(
        &event(
            "k",
            9,
            RunStep::Error {
                message: "The model refused.".into(),
            },
        ),
        3,
    );
    assert!(
        t.on_run(
            &event(
                "k",
                1,
                RunStep::Error {
                    message: "⚠️ Agent failed".into()
                }
            ),
            4
        )
        .is_empty()
    );
    let stored = row(
        json!({"role":"assistant","content":[{"type":"text","text":"⚠️ failed"}],"stopReason":"error",
        "timestamp":2,"__openclaw":{"id":"a2","seq":2,"runId":"k"}}),
    );
    assert!(t.on_message(&stored, 5).is_empty());
    let newest = t.newest().unwrap();
    assert_eq!(
        (newest.state, newest.error.as_deref()),
        (MessageState::Failed, Some("The model refused."))
    );
    assert_eq!(t.view().messages.len(), 2);
    reload(&mut t, &history(vec![user(1, "k", "bad"), stored]), 6);
    assert_eq!(t.view().messages.len(), 2);
    assert_eq!(t.newest().unwrap().error.as_deref(), Some("⚠️ failed"));
}

#[test]
fn a_stopped_reply_keeps_what_it_said() {
    for (message, expected) in [
        (None, "partial"),
        (Some("part"), "partial"),
        (Some("partial and"), "partial and"),
    ] {
        let mut t = loaded();
        t.on_run(&delta("k", 2, "partial", 7), 3);
        let message = message.map(|text| Box::new(reply(2, "k", text)));
        t.on_run(&event("k", 3, RunStep::Aborted { message }), 4);
        let newest = t.newest().unwrap();
        assert_eq!(
            (newest.state, newest.text.as_str()),
            (MessageState::Stopped, expected)
        );
        let mut stored = reply(2, "k", expected);
        stored.stop_reason = Some("stop".into());
        reload(&mut t, &history(vec![stored]), 5);
        assert_eq!(
            t.newest().unwrap().state,
            MessageState::Stopped,
            "history says stop, we know better"
        );
    }
}

#[test]
fn tools_come_from_steps_and_from_history_alike() {
    let call = row(
        json!({"role":"assistant","content":[{"type":"toolCall","id":"c1","name":"exec",
        "arguments":{"command":"echo  hi\nthere"}}],"stopReason":"toolUse","timestamp":2000,
        "__openclaw":{"id":"a2","seq":2,"runId":"k"}}),
    );
    let result = row(
        json!({"role":"toolResult","toolCallId":"c1","toolName":"exec","isError":true,
        "content":[{"type":"text","text":"hi"}],"timestamp":2500,"__openclaw":{"id":"t3","seq":3,"runId":"k"}}),
    );
    let rows = vec![
        user(1, "k", "go"),
        call.clone(),
        result.clone(),
        reply(4, "k", "Done."),
    ];
    let folded = fold(&rows);
    assert_eq!(folded.len(), 2);
    let stored = &folded[1].view;
    assert_eq!(stored.tools[0].summary, "echo hi there");
    assert_eq!(
        (stored.tools[0].output.as_str(), stored.tools[0].failed),
        ("hi", true)
    );
    assert_eq!(
        (stored.tools[0].duration_ms, stored.duration_ms),
        (Some(500), Some(3000))
    );
    assert_eq!(stored.text, "Done.");

    let mut t = loaded();
    let tool = |phase: &str, arguments: Option<Value>, output: Option<&str>| RunStep::Tool {
        call_id: "c1".into(),
        name: "exec".into(),
        phase: phase.into(),
        arguments,
        output: output.map(str::to_owned),
        is_error: phase == "result",
    };
    t.on_message(&user(1, "k", "go"), 1000);
    t.on_run(&status("k"), 1000);
    t.on_message(&call, 2000);
    t.on_run(
        &event(
            "k",
            3,
            tool("start", Some(json!({"command":"echo  hi\nthere"})), None),
        ),
        2000,
    );
    assert_eq!(t.view().run.unwrap().tool.as_deref(), Some("exec"));
    assert!(t.newest().unwrap().tools[0].running);
    t.on_run(&event("k", 4, tool("result", None, Some("hi"))), 2500);
    t.on_message(&result, 2500);
    t.on_run(&delta("k", 5, "Done.", 5), 3000);
    t.on_run(&done("k", 6, "Done."), 4000);
    let live = t.newest().unwrap();
    assert_eq!(live.tools, stored.tools);
    assert_eq!((live.text.as_str(), live.duration_ms), ("Done.", Some(3000)));
}

#[test]
fn reload_adopts_the_run_under_way_and_keeps_prompts_that_wait() {
    let mut t = loaded();
    t.on_message(&user(1, "k1", "long"), 1);
    t.on_run(&status("k1"), 1);
    t.on_run(&event("k1", 2, RunStep::Thinking { text: "hm".into() }), 2);
    t.on_run(&delta("k1", 3, "one", 3), 2);
    t.echo("k2", "later", Vec::new(), MessageState::Queued, 3);
    let mut page = history(vec![user(1, "k1", "long")]);
    page.in_flight = Some(InFlightRun {
        run_id: "k1".into(),
        text: "one two".into(),
        started_at: Some(1),
    });
    reload(&mut t, &page, 4);
    assert_eq!(
        lines(&t),
        [
            "k1 User Done: long",
            "run:k1 Assistant Streaming: one two",
            "k2 User Queued: later"
        ]
    );
    assert_eq!(t.message("run:k1").unwrap().thinking, "hm");
    assert_eq!(t.active_run(), Some("k1"));
    t.on_run(&delta("k1", 9, " three", 13), 5);
    t.on_run(&done("k1", 10, "one two three"), 6);
    assert_eq!(t.message("run:k1").unwrap().text, "one two three");

    let mut cut = loaded();
    cut.on_run(&delta("k", 3, "half", 4), 5000);
    reload(&mut cut, &history(vec![user(1, "k", "q")]), 4);
    let newest = cut.newest().unwrap();
    assert_eq!(
        (newest.text.as_str(), newest.state),
        ("half", MessageState::Failed)
    );
    assert!(newest.error.is_some() && cut.active_run().is_none());
}

#[test]
fn a_run_adopted_before_its_first_word_has_no_empty_message() {
    let mut t = loaded();
    let mut page = history(vec![user(1, "k", "q")]);
    page.in_flight = Some(InFlightRun {
        run_id: "k".into(),
        text: String::new(),
        started_at: Some(5),
    });
    reload(&mut t, &page, 9);
    assert_eq!(t.view().messages.len(), 1);
    assert_eq!(t.view().run.unwrap().started_at_ms, 5);
}

#[test]
fn a_reply_told_only_by_its_message_is_shown_once() {
    let mut t = loaded();
    t.on_message(&reply(2, "other", "From Telegram."), 1);
    assert!(
        t.on_run(&delta("other", 2, "From Telegram.", 14), 2)
            .iter()
            .all(|c| matches!(c, Change::Run { .. }))
    );
    t.on_run(&done("other", 3, "From Telegram."), 3);
    assert_eq!(lines(&t), ["run:other Assistant Done: From Telegram."]);
    // A gateway whose stored rows do not name the run.
    let mut bare = reply(4, "", "Plain.");
    bare.meta.run_id = None;
    t.on_run(&done("r2", 2, "Plain."), 4);
    t.on_message(&bare, 5);
    assert_eq!(t.view().messages.len(), 2);
}

#[test]
fn an_echo_is_recognised_by_its_text_where_the_gateway_keeps_no_key() {
    let mut t = loaded();
    t.echo("k", "hello ", Vec::new(), MessageState::Sending, 1);
    let mut stored = user(1, "x", "hello");
    stored.idempotency_key = None;
    t.on_message(&stored, 2);
    assert_eq!(lines(&t), ["k User Done: hello "]);
}

#[test]
fn older_messages_come_in_pages_and_are_not_doubled() {
    let rows: Vec<Message> = (1..=10)
        .map(|seq| {
            if seq % 2 == 1 {
                user(seq, &format!("k{seq}"), "q")
            } else {
                reply(seq, &format!("r{seq}"), "a")
            }
        })
        .collect();
    let mut t = loaded();
    let mut newest = history(rows[6..].to_vec());
    newest.has_more = true;
    t.load(&newest, 1);
    assert_eq!(t.older_offset(), 4);
    t.on_message(&user(11, "k11", "q"), 2);
    assert_eq!(t.older_offset(), 5, "a new message moves the offset");
    let changes = t.load_older(&history(rows[..8].to_vec()));
    assert!(
        matches!(&changes[..], [Change::OlderMessages { messages, has_older: false }] if messages.len() == 6)
    );
    assert_eq!(t.view().messages.len(), 11);
    let ids: HashSet<String> = t.view().messages.into_iter().map(|m| m.id).collect();
    assert_eq!(ids.len(), 11);
}

#[test]
fn a_long_session_keeps_only_the_newest_messages() {
    let mut t = loaded();
    let mut removed = Vec::new();
    for seq in 1..=(MESSAGE_LIMIT as u64 + 5) {
        for change in t.on_message(&user(seq, &format!("k{seq}"), "q"), 1) {
            if let Change::RemoveMessage { id } = change {
                removed.push(id);
            }
        }
    }
    assert_eq!(t.view().messages.len(), MESSAGE_LIMIT);
    assert_eq!(removed, ["k1", "k2", "k3", "k4", "k5"]);
    assert!(t.view().has_older);
    assert_eq!(t.older_offset() as usize, MESSAGE_LIMIT);
}

#[test]
fn the_run_waits_for_an_approval_in_words() {
    let mut t = loaded();
    t.on_run(&status("k"), 1);
    let changes = t.set_waiting_approval(true);
    assert!(matches!(&changes[..], [Change::Run { run: Some(run) }] if run.phase == "waiting-approval"));
    assert_eq!(t.set_waiting_approval(false).len(), 1);
}

#[test]
fn summaries_take_the_argument_that_matters() {
    for (arguments, expected) in [
        (json!({"command":"ls -l","cwd":"/"}), "ls -l"),
        (json!({"x":1,"url":"https://example.org"}), "https://example.org"),
        (json!({"n":1}), "{\"n\":1}"),
        (json!({}), ""),
        (json!("plain"), "plain"),
        (Value::Null, ""),
    ] {
        assert_eq!(tool_summary(&arguments), expected);
    }
}

#[test]
fn what_happens_while_history_is_read_is_newer_than_its_answer() {
    let mut t = loaded();
    t.on_message(&user(1, "k0", "old"), 1);
    t.begin_load();
    t.on_message(&user(2, "k1", "q"), 2);
    t.on_run(&status("k1"), 2);
    t.on_run(&delta("k1", 2, "one ", 4), 3);
    t.on_run(&delta("k1", 3, "two", 7), 3);
    t.on_message(&user(3, "k9", "from elsewhere"), 3);
    // The answer was made before all that, or in the middle of it.
    for in_flight in [
        None,
        Some(InFlightRun {
            run_id: "k1".into(),
            text: "one ".into(),
            started_at: Some(2),
        }),
    ] {
        let mut open = t.clone();
        let page = History {
            in_flight,
            ..history(vec![user(1, "k0", "old")])
        };
        open.load(&page, 4);
        assert_eq!(
            lines(&open),
            [
                "k0 User Done: old",
                "k1 User Done: q",
                "run:k1 Assistant Streaming: one two",
                "k9 User Done: from elsewhere"
            ]
        );
        assert_eq!(open.active_run(), Some("k1"));
        open.on_run(&delta("k1", 4, " three", 13), 5);
        assert_eq!(open.message("run:k1").unwrap().text, "one two three");
    }
}
