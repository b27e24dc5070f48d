use super::*;
use crate::gateway::GatewayEvent;
use crate::ports::{ApprovalRef, Notification};
use crate::testing::Mirror;

fn actions(items: &[TrayItem]) -> Vec<TrayAction> {
    let mut all = Vec::new();
    for item in items {
        match item {
            TrayItem::Action { action, .. } | TrayItem::Check { action, .. } => all.push(action.clone()),
            TrayItem::Submenu { items, .. } => all.extend(actions(items)),
            TrayItem::Separator | TrayItem::Label(_) => {}
        }
    }
    all
}

/// An approval of the first gateway.
fn of_home(popup: &Mirror, id: &str) -> ApprovalRef {
    ApprovalRef {
        gateway: popup.view.gateways[0].id.as_str().into(),
        id: id.to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn an_approval_is_decided_from_its_notification() {
    for (action, decision) in [
        (NotificationAction::ApproveOnce, Decision::AllowOnce),
        (NotificationAction::Deny, Decision::Deny),
    ] {
        let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
        let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
        gateway.ask("ap-1", MAIN, "rm -rf /tmp/x");
        let note = desk.until("asked", |d| d.shown.last().cloned()).await;
        assert_eq!(note.body, "rm -rf /tmp/x\nFolder: /tmp");
        popup.until("a card", |m| m.view.approvals.len() == 1).await;
        let tray = desk
            .until("tray", |d| {
                d.tray.last().filter(|t| t.sign == TraySign::NeedsYou).cloned()
            })
            .await;
        assert!(actions(&tray.menu).contains(&TrayAction::Approve(of_home(&popup, "ap-1"))));
        respond(&stage, &note.tag, NotificationResponseKind::Action(action));
        desk.until("withdrawn", |d| d.withdrawn.contains(&note.tag).then_some(()))
            .await;
        assert_eq!(gateway.lock().decisions, [("ap-1".to_owned(), decision)]);
        popup.until("gone", |m| m.view.approvals.is_empty()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_approval_decided_elsewhere_is_withdrawn() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    gateway.ask("ap-1", MAIN, "ls");
    let note = desk.until("asked", |d| d.shown.last().cloned()).await;
    popup.until("a card", |m| m.view.approvals.len() == 1).await;
    gateway.lock().approvals.clear();
    gateway.emit(crate::gateway::GatewayEvent::ApprovalResolved {
        id: "ap-1".into(),
        decision: Some(Decision::Deny),
    });
    desk.until("withdrawn", |d| d.withdrawn.contains(&note.tag).then_some(()))
        .await;
    popup.until("gone", |m| m.view.approvals.is_empty()).await;
    let late = Request::ResolveApproval {
        gateway: popup.view.gateways[0].id.as_str().into(),
        id: "ap-1".to_owned(),
        decision: "allow-once".to_owned(),
    };
    assert_eq!(
        stage.app.request(WindowKind::Popup, late).await.unwrap_err().code,
        "not-found"
    );
    assert!(gateway.lock().decisions.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_lapses_is_gone_then_and_what_does_not_stays() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let asked = tokio::time::Instant::now();
    let now_ms = Clock::now_ms(&desk);
    gateway.ask("stays", MAIN, "ls");
    for (id, after_ms) in [("late", 200_000), ("soon", 90_000)] {
        gateway.ask_until(id, MAIN, "ls", Some(now_ms + after_ms));
    }
    popup.until("three cards", |m| m.view.approvals.len() == 3).await;
    for (id, seconds) in [(":soon", 92), (":late", 202)] {
        desk.until(id, |d| {
            d.withdrawn.iter().any(|tag| tag.ends_with(id)).then_some(())
        })
        .await;
        let waited = asked.elapsed();
        assert_eq!(waited.as_secs(), seconds, "{waited:?}");
    }
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let left = desk.lock().tray.last().map(|tray| actions(&tray.menu)).unwrap();
    assert!(
        left.contains(&TrayAction::Approve(of_home(&popup, "stays"))),
        "{left:?}"
    );
    drop(stage);
}

#[tokio::test(start_paused = true)]
async fn a_question_is_answered() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let payload = json!({"id":"q-1","sessionKey":MAIN,"status":"pending","questions":[
        {"questionId":"which","header":"Pick","question":"Which one?","options":[{"label":"A"},{"label":"B"}]}]});
    gateway.emit(crate::gateway::GatewayEvent::Other {
        name: "question.requested".to_owned(),
        payload,
    });
    let note = desk.until("asked", |d| d.shown.last().cloned()).await;
    assert_eq!(note.body, "Which one?");
    popup.until("a card", |m| m.view.questions.len() == 1).await;
    let answers = [("which".to_owned(), vec!["B".to_owned()])].into();
    stage
        .ask(Request::AnswerQuestion {
            gateway: popup.view.gateways[0].id.as_str().into(),
            id: "q-1".to_owned(),
            answers,
        })
        .await;
    let last = gateway.lock().calls.last().cloned().unwrap();
    assert_eq!(
        last,
        (
            "question.resolve".to_owned(),
            json!({"id":"q-1","answers":{"answers":{"which":["B"]}}})
        )
    );
    popup.until("gone", |m| m.view.questions.is_empty()).await;
    assert!(desk.lock().withdrawn.contains(&note.tag));
}

/// Lets everything that is due happen.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}

fn question(id: &str, status: &str) -> serde_json::Value {
    json!({"id": id, "sessionKey": MAIN, "status": status, "questions": [
        {"questionId": "which", "header": "Pick", "question": format!("Which {id}?"), "options": [{"label": "A"}]}]})
}

fn ask_question(gateway: &FakeGateway, id: &str) {
    gateway.emit(GatewayEvent::Other {
        name: "question.requested".to_owned(),
        payload: question(id, "pending"),
    });
}

fn list_questions(gateway: &FakeGateway, rows: &[serde_json::Value]) {
    let list = Ok(json!({ "questions": rows }));
    gateway.lock().answers.insert("question.list".to_owned(), list);
}

fn resolved(gateway: &FakeGateway, id: &str) {
    gateway
        .lock()
        .approvals
        .retain(|approval| approval.id.as_str() != id);
    gateway.emit(GatewayEvent::ApprovalResolved {
        id: id.into(),
        decision: Some(Decision::Deny),
    });
}

fn approvals(mirror: &Mirror) -> Vec<&str> {
    mirror
        .view
        .approvals
        .iter()
        .map(|view| view.id.as_str())
        .collect()
}

fn bodies(desk: &Desk, text: &str) -> usize {
    desk.lock()
        .shown
        .iter()
        .filter(|note| note.body.contains(text))
        .count()
}

fn titled(desk: &Desk, title: &str) -> Option<Notification> {
    desk.lock()
        .shown
        .iter()
        .find(|note| note.title.starts_with(title))
        .cloned()
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_older_than_the_events_changes_nothing_that_they_said() {
    for held in ["question.list", "approvals"] {
        let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
        let (_stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
        gateway.ask("over", MAIN, "echo over");
        gateway.ask("stays", MAIN, "echo stays");
        ask_question(&gateway, "q-over");
        popup
            .until("all", |m| {
                m.view.approvals.len() == 2 && m.view.questions.len() == 1
            })
            .await;
        list_questions(&gateway, &[question("q-over", "pending")]);

        let answer = gateway.hold(held);
        gateway.emit(GatewayEvent::Resync);
        answer.arrived().await;
        // The list was made; now things move on.
        gateway.ask("new", MAIN, "echo new");
        ask_question(&gateway, "q-new");
        resolved(&gateway, "over");
        gateway.emit(GatewayEvent::Other {
            name: "question.resolved".to_owned(),
            payload: json!({ "id": "q-over" }),
        });
        popup
            .until("moved on", |m| {
                approvals(m) == ["new", "stays"] && m.view.questions[0].id == "q-new"
            })
            .await;
        answer.release();
        settle().await;
        popup.drain();
        assert_eq!(approvals(&popup), ["new", "stays"], "{held}");
        assert_eq!(popup.view.questions.len(), 1, "{held}");
        assert_eq!(popup.view.questions[0].id, "q-new");
        for command in [
            "echo over",
            "echo stays",
            "echo new",
            "Which q-over?",
            "Which q-new?",
        ] {
            assert_eq!(bodies(&desk, command), 1, "{held}: {command} is told once");
        }
        let withdrawn = desk.lock().withdrawn.clone();
        assert!(withdrawn.iter().all(|tag| tag.ends_with("over")), "{withdrawn:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_decided_while_the_line_was_cut_is_gone_afterwards() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (_stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    gateway.ask("ap-1", MAIN, "ls");
    ask_question(&gateway, "q-1");
    ask_question(&gateway, "q-2");
    popup
        .until("all", |m| {
            m.view.approvals.len() == 1 && m.view.questions.len() == 2
        })
        .await;
    gateway.go_offline();
    popup
        .until("offline", |m| m.view.connection.word == ConnectionWord::Offline)
        .await;
    gateway.lock().approvals.clear();
    list_questions(
        &gateway,
        &[question("q-1", "answered"), question("q-3", "pending")],
    );
    gateway.go_online();
    popup
        .until("as the gateway says", |m| {
            m.view.approvals.is_empty() && m.view.questions.len() == 1 && m.view.questions[0].id == "q-3"
        })
        .await;
    let withdrawn = desk.lock().withdrawn.clone();
    for end in [":ap-1", ":q-1", ":q-2"] {
        assert!(
            withdrawn.iter().any(|tag| tag.ends_with(end)),
            "{end} in {withdrawn:?}"
        );
    }
    // A gateway without such a list takes nothing away.
    gateway.lock().answers.clear();
    gateway.emit(GatewayEvent::Resync);
    settle().await;
    popup.drain();
    assert_eq!(popup.view.questions.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_question_that_is_over_says_so_and_the_question_goes() {
    let refused = |code: &str| {
        CallError::Gateway(clawtray_gateway_protocol::GatewayError {
            code: code.to_owned(),
            message: "no".to_owned(),
            details: None,
            retryable: None,
            retry_after_ms: None,
        })
    };
    let (pending, over) = (
        vec![question("q-1", "pending")],
        vec![question("q-1", "answered")],
    );
    for (code, listed, answer, left) in [
        ("QUESTION_NOT_FOUND", Vec::new(), "not-found", 0),
        ("INVALID_REQUEST", over, "not-found", 0),
        ("INVALID_REQUEST", Vec::new(), "not-found", 0),
        ("INVALID_REQUEST", pending, "refused", 1),
    ] {
        let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
        let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
        ask_question(&gateway, "q-1");
        popup.until("a card", |m| m.view.questions.len() == 1).await;
        list_questions(&gateway, &listed);
        gateway
            .lock()
            .answers
            .insert("question.resolve".to_owned(), Err(refused(code)));
        let request = Request::AnswerQuestion {
            gateway: popup.view.gateways[0].id.as_str().into(),
            id: "q-1".to_owned(),
            answers: [("which".to_owned(), vec!["A".to_owned()])].into(),
        };
        let error = stage.app.request(WindowKind::Popup, request).await.unwrap_err();
        assert_eq!(error.code, answer, "{code}");
        settle().await;
        popup.drain();
        assert_eq!(popup.view.questions.len(), left, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_gateways_with_equal_ids_are_never_mixed_up() {
    let (folder, desk, home) = (folder(), Desk::default(), FakeGateway::online());
    let work = FakeGateway::online();
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &home).await;
    let first = popup.view.gateways[0].id.clone();
    desk.put_gateway("ws://work", &work);
    let second = stage.add("Work", "ws://work", "secret").await;
    stage.ask(Request::UseGateway { id: first.clone() }).await;
    stage.ask(Request::HideWindow).await;
    popup
        .until("both", |m| {
            m.view
                .gateways
                .iter()
                .all(|g| g.connection.word == ConnectionWord::Ready)
        })
        .await;
    home.ask("same", MAIN, "echo home");
    work.ask("same", MAIN, "echo work");
    for gateway in [&home, &work] {
        ask_question(gateway, "q-same");
    }
    let note = desk
        .until("asked", |d| {
            d.shown
                .iter()
                .find(|note| note.body.starts_with("echo work"))
                .cloned()
        })
        .await;
    popup
        .until("cards", |m| {
            m.view.approvals.len() == 1 && m.view.questions.len() == 1
        })
        .await;
    assert_eq!(popup.view.approvals[0].gateway.as_str(), first);
    assert_eq!(popup.view.questions[0].gateway.as_str(), first);

    respond(
        &stage,
        &note.tag,
        NotificationResponseKind::Action(NotificationAction::Deny),
    );
    desk.until("withdrawn", |d| d.withdrawn.contains(&note.tag).then_some(()))
        .await;
    assert_eq!(work.lock().decisions, [("same".to_owned(), Decision::Deny)]);
    assert!(home.lock().decisions.is_empty());

    // A menu that was open while the other gateway became the active one.
    work.ask("again", MAIN, "echo again");
    home.ask("again", MAIN, "echo again");
    desk.until("both ask", |d| {
        (d.shown
            .iter()
            .filter(|note| note.body.starts_with("echo again"))
            .count()
            == 2)
            .then_some(())
    })
    .await;
    stage.app.tray(TrayAction::Approve(ApprovalRef {
        gateway: second.as_str().into(),
        id: "again".to_owned(),
    }));
    settle().await;
    assert_eq!(work.lock().decisions.len(), 2);
    assert!(home.lock().decisions.is_empty());
    let answers = std::collections::BTreeMap::from([("which".to_owned(), vec!["A".to_owned()])]);
    stage
        .ask(Request::AnswerQuestion {
            gateway: second.as_str().into(),
            id: "q-same".to_owned(),
            answers,
        })
        .await;
    let resolves = |gateway: &FakeGateway| {
        gateway
            .lock()
            .calls
            .iter()
            .filter(|(method, _)| method == "question.resolve")
            .count()
    };
    assert_eq!((resolves(&home), resolves(&work)), (0, 1));
    stage.app.tray(TrayAction::OpenSession {
        gateway: second.as_str().into(),
        session: "agent:main:other".to_owned(),
    });
    popup
        .until("the other gateway's session", |m| {
            m.view.target.session == "agent:main:other"
        })
        .await;
    assert!(popup.view.gateways.iter().any(|g| g.id == second && g.active));
}

#[tokio::test(start_paused = true)]
async fn a_decision_that_was_not_taken_is_told() {
    let refused = CallError::Gateway(clawtray_gateway_protocol::GatewayError {
        code: "FORBIDDEN".to_owned(),
        message: "missing scope".to_owned(),
        details: None,
        retryable: None,
        retry_after_ms: None,
    });
    for (deny, title) in [
        (true, "Not denied: rm -rf /tmp/x"),
        (false, "Not approved: rm -rf /tmp/x"),
    ] {
        for (from_tray, away) in [(false, false), (false, true), (true, false), (true, true)] {
            let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
            let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
            gateway.ask("ap-1", MAIN, "rm -rf /tmp/x");
            let note = desk.until("asked", |d| d.shown.last().cloned()).await;
            popup.until("a card", |m| m.view.approvals.len() == 1).await;
            if away {
                gateway.go_offline();
                popup
                    .until("away", |m| m.view.connection.word == ConnectionWord::Offline)
                    .await;
            } else {
                gateway.lock().refused = Some(refused.clone());
            }
            // The user acts although nothing else may be told now.
            stage.app.tray(TrayAction::DoNotDisturbHour);
            if from_tray {
                let approval = of_home(&popup, "ap-1");
                stage.app.tray(if deny {
                    TrayAction::Deny(approval)
                } else {
                    TrayAction::Approve(approval)
                });
            } else {
                let action = if deny {
                    NotificationAction::Deny
                } else {
                    NotificationAction::ApproveOnce
                };
                respond(&stage, &note.tag, NotificationResponseKind::Action(action));
            }
            settle().await;
            let told = titled(&desk, title).unwrap_or_else(|| panic!("{title}, {from_tray}, {away}"));
            let reason = if away { "not connected" } else { "missing scope" };
            assert!(
                told.body.contains(reason) && told.body.contains('\n'),
                "{}",
                told.body
            );
            popup.drain();
            assert!(!popup.view.approvals[0].resolving, "it can be decided again");
            respond(&stage, &told.tag, NotificationResponseKind::Clicked);
            desk.until("the popup", |d| d.visible.contains("popup").then_some(()))
                .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_decision_that_came_too_late_is_told() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    for (id, told_by_event) in [("ap-1", true), ("ap-2", false)] {
        gateway.ask(id, MAIN, &format!("echo {id}"));
        let tag = desk
            .until("asked", |d| {
                let asked = d.shown.iter().find(|note| note.body.contains(id));
                asked.map(|note| note.tag.clone())
            })
            .await;
        if told_by_event {
            resolved(&gateway, id);
            desk.until("withdrawn", |d| d.withdrawn.contains(&tag).then_some(()))
                .await;
        } else {
            gateway.lock().approvals.clear();
        }
        respond(
            &stage,
            &tag,
            NotificationResponseKind::Action(NotificationAction::Deny),
        );
        desk.until("told", |d| {
            let told = |note: &&Notification| note.tag == tag && note.body.contains("no longer waiting");
            d.shown.iter().find(told).map(drop)
        })
        .await;
        popup.until("gone", |m| m.view.approvals.is_empty()).await;
    }
    assert!(gateway.lock().decisions.is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_notifications_windows_say_what_was_not_done() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    stage.app.notifications_available(false);
    gateway.ask("ap-1", MAIN, "ls");
    popup.until("a card", |m| m.view.approvals.len() == 1).await;
    gateway.go_offline();
    popup
        .until("away", |m| m.view.connection.word == ConnectionWord::Offline)
        .await;
    for _ in 0..2 {
        stage.app.tray(TrayAction::Deny(of_home(&popup, "ap-1")));
        popup
            .until("a notice", |m| {
                m.view
                    .notices
                    .iter()
                    .any(|notice| notice.sentence.starts_with("Not denied: ls. "))
            })
            .await;
        // Dismissed once is not dismissed for the next time.
        stage
            .ask(Request::DismissNotice {
                id: "not-done".to_owned(),
            })
            .await;
        popup
            .until("dismissed", |m| {
                m.view.notices.iter().all(|notice| notice.id != "not-done")
            })
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_button_that_was_not_there_decides_nothing() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, _popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    gateway.ask("ap-1", MAIN, "ls\nrm -rf ~");
    let note = desk.until("asked", |d| d.shown.last().cloned()).await;
    assert_eq!(
        note.actions,
        [NotificationAction::Review, NotificationAction::Deny]
    );
    respond(
        &stage,
        &note.tag,
        NotificationResponseKind::Action(NotificationAction::ApproveOnce),
    );
    desk.until("the popup", |d| d.visible.contains("popup").then_some(()))
        .await;
    settle().await;
    assert!(gateway.lock().decisions.is_empty());
}

#[tokio::test(start_paused = true)]
async fn another_command_under_the_same_id_is_told_anew() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (_stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    gateway.ask("ap-1", MAIN, "ls");
    popup.until("a card", |m| m.view.approvals.len() == 1).await;
    assert_eq!(popup.view.approvals[0].facts.len(), 1, "its folder");
    gateway.lock().approvals.clear();
    gateway.ask("ap-1", MAIN, "rm -rf ~");
    let note = desk
        .until("told anew", |d| {
            d.shown
                .iter()
                .find(|note| note.body.starts_with("rm -rf ~"))
                .cloned()
        })
        .await;
    assert_eq!(note.tag, desk.lock().shown[0].tag, "in the place of the other");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_approvals_is_told_as_one_and_held_within_bounds() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (_stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    for n in 0..130 {
        gateway.ask(&format!("ap-{n:03}"), MAIN, &format!("echo {n}"));
    }
    popup
        .until("as many as are held", |m| m.view.approvals.len() == 100)
        .await;
    settle().await;
    {
        let shown = &desk.lock().shown;
        let titles: Vec<&str> = shown.iter().map(|note| note.title.as_str()).collect();
        assert_eq!(titles.len(), 6, "{titles:?}");
        assert_eq!(titles[5], "100 requests need you");
    }
    // More of them within the same ten seconds are told together, once.
    for n in 0..10 {
        resolved(&gateway, &format!("ap-{n:03}"));
    }
    // What was not held before is listed then.
    popup
        .until("the others", |m| {
            m.view.approvals.iter().any(|view| view.id == "ap-109")
        })
        .await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let shown = desk.lock().shown.len();
    assert!(shown <= 8, "{shown}");
    let tag = desk.lock().shown[5].tag.clone();
    let all: Vec<String> = gateway
        .lock()
        .approvals
        .iter()
        .map(|approval| approval.id.0.clone())
        .collect();
    for id in all {
        resolved(&gateway, &id);
    }
    desk.until("nothing waits", |d| d.withdrawn.contains(&tag).then_some(()))
        .await;
}

#[tokio::test(start_paused = true)]
async fn any_end_that_a_gateway_names_is_taken_as_it_is() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (_stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    for (id, end) in [
        ("never", i64::MAX),
        ("long over", i64::MIN),
        ("later", i64::MAX - 1),
    ] {
        gateway.ask_until(id, MAIN, "ls", Some(end));
    }
    popup.until("two of them", |m| m.view.approvals.len() == 2).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    popup.drain();
    assert_eq!(approvals(&popup).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reply_from_a_notification_that_was_refused_is_told_and_kept() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let session = "agent:main:telegram:direct:7";
    gateway.reply(session, "r1", "Shall I?");
    let note = desk.until("told", |d| d.shown.last().cloned()).await;
    gateway.lock().sends.push_back((
        false,
        CallError::Gateway(clawtray_gateway_protocol::GatewayError {
            code: "FORBIDDEN".to_owned(),
            message: "this session is read-only".to_owned(),
            details: None,
            retryable: None,
            retry_after_ms: None,
        }),
    ));
    respond(
        &stage,
        &note.tag,
        NotificationResponseKind::Replied("Yes, go on.".to_owned()),
    );
    let told = desk
        .until("told", |d| {
            d.shown
                .iter()
                .find(|note| note.title == "Reply not sent")
                .cloned()
        })
        .await;
    assert!(
        told.body.starts_with("this session is read-only\n"),
        "{}",
        told.body
    );
    popup
        .until("kept", |m| {
            m.view.outbox.iter().any(|item| item.text == "Yes, go on.")
        })
        .await;
    respond(&stage, &told.tag, NotificationResponseKind::Clicked);
    popup
        .until("its session", |m| m.view.target.session == session)
        .await;

    // What was written in a window is said there alone.
    stage.ask(Request::HideWindow).await;
    let shown = desk.lock().shown.len();
    gateway
        .lock()
        .sends
        .push_back((false, CallError::Unsupported("that")));
    stage.send("From a window.").await;
    popup
        .until("failed", |m| {
            m.view
                .outbox
                .iter()
                .any(|item| item.text == "From a window." && item.state == MessageState::Failed)
        })
        .await;
    assert_eq!(desk.lock().shown.len(), shown);
}

#[tokio::test(start_paused = true)]
async fn a_reply_finds_its_session_after_its_notification_was_withdrawn() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let session = "agent:main:b";
    gateway.reply(session, "r1", "Shall I?");
    let note = desk.until("told", |d| d.shown.last().cloned()).await;
    respond(&stage, &note.tag, NotificationResponseKind::Dismissed);
    respond(
        &stage,
        &note.tag,
        NotificationResponseKind::Replied("Late yes.".to_owned()),
    );
    settle().await;
    assert!(
        gateway
            .lock()
            .received
            .iter()
            .any(|prompt| prompt.text == "Late yes.")
    );

    // Of a gateway that was removed: the text is shown, because nothing else can keep it.
    let id = popup.view.gateways[0].id.clone();
    gateway.reply(session, "r2", "And now?");
    desk.until("told", |d| (d.shown.last()?.body == "And now?").then_some(()))
        .await;
    let removed = Request::RemoveGateway { id };
    stage.ask(removed).await;
    assert!(
        desk.lock().withdrawn.contains(&note.tag),
        "nobody is there to answer"
    );
    respond(
        &stage,
        &note.tag,
        NotificationResponseKind::Replied("Too late.".to_owned()),
    );
    let told = desk
        .until("told", |d| {
            d.shown
                .iter()
                .find(|note| note.title == "Reply not sent")
                .cloned()
        })
        .await;
    assert!(told.body.contains("Too late."), "{}", told.body);
}

#[tokio::test(start_paused = true)]
async fn no_more_notifications_are_out_than_are_known_and_quitting_withdraws_them() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, _popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    for n in 0..120 {
        gateway.reply(&format!("agent:main:s{n}"), &format!("r{n}"), "Hello.");
    }
    desk.until("all told", |d| (d.shown.len() == 120).then_some(()))
        .await;
    {
        let desk = desk.lock();
        let oldest: Vec<_> = desk.shown.iter().take(20).map(|note| note.tag.clone()).collect();
        assert_eq!(desk.withdrawn, oldest);
    }
    stage.quit().await;
    let desk = desk.lock();
    assert_eq!(desk.withdrawn.len(), 120);
    assert_eq!(desk.flushed, Some(120), "before the app ended");
}

#[tokio::test(start_paused = true)]
async fn under_privacy_no_word_of_the_conversation_leaves_the_windows() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    stage.set(json!({"notifications": {"privacy": "sender"}})).await;
    popup.until("its agents", |m| !m.view.agents.is_empty()).await;
    let row = |key: &str, more: serde_json::Value| {
        let mut delta = json!({"key": key, "derivedTitle": "canary title", "displayName": "canary name"});
        delta
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let row = serde_json::from_value(delta).unwrap();
        gateway.lock().rows.insert(key.to_owned(), row);
    };
    let (derived, given, sub) = (
        "agent:main:canary-words",
        "agent:main:x1",
        "agent:main:subagent:y",
    );
    let channel = "agent:main:telegram:group:-100";
    row(derived, json!({}));
    row(given, json!({"label": "My trip"}));
    row(sub, json!({"label": "canary task"}));
    row(channel, json!({}));
    gateway.emit(GatewayEvent::Resync);
    popup.until("listed", |m| m.view.sessions.len() == 4).await;
    for (n, (session, sender)) in [
        (derived, "Molty"),
        (given, "My trip"),
        (sub, "Molty"),
        (channel, "Telegram group"),
    ]
    .into_iter()
    .enumerate()
    {
        gateway.reply(session, &format!("r{n}"), "canary reply");
        let tag = crate::notify_policy::session_tag(&popup.view.gateways[0].id, session);
        let note = desk
            .until("told", |d| d.shown.iter().find(|note| note.tag == tag).cloned())
            .await;
        assert_eq!(note.title, sender);
    }
    gateway.step(
        derived,
        "r9",
        1,
        crate::gateway::RunStep::Error {
            message: "canary error".to_owned(),
        },
    );
    gateway.ask("ap-1", derived, "canary command");
    let payload = json!({"id":"q-1","sessionKey":derived,"status":"pending",
        "questions":[{"questionId":"w","question":"canary question"}]});
    gateway.emit(GatewayEvent::Other {
        name: "question.requested".to_owned(),
        payload,
    });
    popup
        .until("cards", |m| {
            m.view.approvals.len() == 1 && m.view.questions.len() == 1
        })
        .await;
    // And a digest.
    gateway.go_offline();
    popup
        .until("offline", |m| m.view.connection.word == ConnectionWord::Offline)
        .await;
    gateway.reply(derived, "r10", "canary");
    gateway.reply("agent:main:canary-too", "r11", "canary");
    gateway.go_online();
    desk.until("a digest", |d| {
        d.shown
            .iter()
            .find(|note| note.title.starts_with("2 replies"))
            .map(drop)
    })
    .await;
    settle().await;
    let desk = desk.lock();
    assert!(desk.shown.len() >= 8, "{:?}", desk.shown);
    for note in &desk.shown {
        let text = format!("{} {}", note.title, note.body);
        assert!(!text.contains("canary") && !text.contains("Canary"), "{text}");
    }
    let menu = desk.tray.last().unwrap();
    // Keys go along with the lines, and are shown nowhere.
    let labels = format!("{} {:?}", menu.tooltip, labels(&menu.menu));
    assert!(!labels.to_lowercase().contains("canary"), "{labels}");
    assert!(
        labels.contains("My trip") && labels.contains("Molty asks for approval"),
        "{labels}"
    );
}

fn labels(items: &[TrayItem]) -> Vec<&str> {
    let mut all = Vec::new();
    for item in items {
        match item {
            TrayItem::Action { label, .. } | TrayItem::Check { label, .. } | TrayItem::Label(label) => {
                all.push(label.as_str());
            }
            TrayItem::Submenu { label, items } => {
                all.push(label);
                all.extend(labels(items));
            }
            TrayItem::Separator => {}
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn names_without_end_are_not_kept() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (_stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let long = "x".repeat(1000);
    gateway.reply("agent:main:a", &format!("run-{long}"), "of a long run");
    gateway.reply(&format!("agent:main:{long}"), "r1", "in a long session");
    gateway.ask(&long, MAIN, "echo long");
    gateway.reply("agent:main:b", "r2", "of a usual run");
    desk.until("told", |d| {
        d.shown
            .iter()
            .find(|note| note.body == "of a usual run")
            .map(drop)
    })
    .await;
    gateway.emit(GatewayEvent::Resync);
    settle().await;
    let told: Vec<String> = desk.lock().shown.iter().map(|note| note.body.clone()).collect();
    assert!(
        !told
            .iter()
            .any(|body| body == "in a long session" || body == "echo long"),
        "{told:?}"
    );
    popup.drain();
    assert!(popup.view.approvals.is_empty());
    assert!(popup.view.sessions.iter().all(|session| session.key.len() < 100));
}
