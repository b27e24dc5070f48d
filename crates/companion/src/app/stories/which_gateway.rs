//! `agent:main:main` exists on every gateway: a request is about the one that its window showed.

use super::*;
use crate::ids::GatewayId;
use crate::testing::Mirror;

struct Two {
    stage: Stage,
    popup: Mirror,
    home: (GatewayId, FakeGateway),
    ops: (GatewayId, FakeGateway),
    _folder: tempfile::TempDir,
}

/// Two gateways with the same sessions; the second is the active one.
async fn two(desk: &Desk) -> Two {
    let folder = folder();
    let (home, ops) = (FakeGateway::online(), FakeGateway::online());
    for gateway in [&home, &ops] {
        gateway.store(MAIN, json!({"role": "user", "content": "Hello."}));
    }
    desk.put_gateway("ws://ops", &ops);
    let (stage, mut popup) = Stage::connected(folder.path(), desk, &home).await;
    let first = stage.active();
    let second = GatewayId(stage.add("Ops", "ws://ops", "t").await);
    popup
        .until("ops is the active one", |m| {
            m.view.target.gateway == second
                && m.view.connection.word == ConnectionWord::Ready
                && m.view.sessions.iter().any(|s| s.key == MAIN)
        })
        .await;
    Two {
        stage,
        popup,
        home: (first, home),
        ops: (second, ops),
        _folder: folder,
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_of_a_session_reaches_its_gateway_whichever_is_active() {
    let desk = Desk::default();
    let Two { stage, home, ops, .. } = two(&desk).await;
    let session = || crate::ids::SessionRef::new(home.0.clone(), MAIN);
    ops.1.lock().calls.clear();
    for (request, method) in [
        (
            Request::RenameSession {
                session: session(),
                label: "Trip".into(),
            },
            "sessions.patch",
        ),
        (
            Request::SetSessionModel {
                session: session(),
                model: Some("f/1".into()),
                thinking: None,
            },
            "sessions.patch",
        ),
        (Request::ForkSession { session: session() }, "sessions.create"),
        (Request::CompactSession { session: session() }, "sessions.compact"),
        (Request::ResetSession { session: session() }, "sessions.reset"),
        (Request::DeleteSession { session: session() }, "sessions.delete"),
        (
            Request::RunJob {
                gateway: home.0.clone(),
                id: "j".into(),
            },
            "cron.run",
        ),
        (
            Request::ListModels {
                gateway: home.0.clone(),
            },
            "models.list",
        ),
    ] {
        let create = Ok(json!({"ok": true, "key": "agent:main:copy"}));
        home.1.lock().answers.insert("sessions.create".to_owned(), create);
        stage.ask(request).await;
        let called = home.1.lock().calls.iter().any(|(name, _)| name == method);
        assert!(called, "{method}");
    }
    stage
        .ask(Request::SendMessage {
            session: Some(session()),
            gateway: None,
            text: "for home".into(),
            attachments: Vec::new(),
        })
        .await;
    let prompts = home.1.clone();
    desk.until("sent", |_| (prompts.lock().received.len() == 1).then_some(()))
        .await;
    let session = session();
    stage.ask(Request::Stop { session }).await;
    assert_eq!(home.1.lock().aborted.len(), 1);
    assert!(ops.1.lock().calls.is_empty(), "{:?}", ops.1.lock().calls);
    assert!(ops.1.lock().received.is_empty() && ops.1.lock().aborted.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_draft_and_a_target_stay_with_their_gateway() {
    let desk = Desk::default();
    let Two {
        stage,
        mut popup,
        home,
        ops,
        ..
    } = two(&desk).await;
    // Typed on home, and saved when ops has become the active one.
    stage
        .ask(Request::SaveDraft {
            session: crate::ids::SessionRef::new(home.0.clone(), MAIN),
            text: "for home".into(),
        })
        .await;
    stage
        .ask(Request::SetTarget {
            session: crate::ids::SessionRef::new(home.0.clone(), "agent:main:trip"),
        })
        .await;
    let mut again = stage.subscribe(WindowKind::Popup);
    again.until("a snapshot", |m| m.revision == 1).await;
    let target = &again.view.target;
    assert_eq!(
        (
            target.gateway.clone(),
            target.session.as_str(),
            target.draft.as_str()
        ),
        (ops.0, MAIN, "")
    );
    stage
        .ask(Request::UseGateway {
            id: home.0.to_string(),
        })
        .await;
    again
        .until("home, on what was chosen", |m| {
            m.view.target.session == "agent:main:trip"
        })
        .await;
    stage
        .ask(Request::SetTarget {
            session: stage.session(MAIN),
        })
        .await;
    again
        .until("the draft of home", |m| m.view.target.draft == "for home")
        .await;
    popup.drain();
}

#[tokio::test(start_paused = true)]
async fn a_session_is_muted_on_its_gateway_alone() {
    let desk = Desk::default();
    let Two {
        stage,
        mut popup,
        home,
        ops,
        ..
    } = two(&desk).await;
    stage.ask(Request::HideWindow).await;
    let session = crate::ids::SessionRef::new(ops.0.clone(), "agent:main:b");
    stage
        .ask(Request::MuteSession {
            session: session.clone(),
            muted: true,
        })
        .await;
    ops.1.reply("agent:main:b", "r1", "muted");
    home.1.reply("agent:main:b", "r2", "heard");
    let note = desk.until("notified", |d| d.shown.last().cloned()).await;
    assert_eq!(note.body, "heard");
    let muted = |m: &Mirror| m.view.sessions.iter().any(|s| s.key == "agent:main:b" && s.muted);
    popup.until("shown as muted", muted).await;
    stage
        .ask(Request::MuteSession {
            session,
            muted: false,
        })
        .await;
    popup.until("heard again", |m| !muted(m)).await;
    assert_eq!(desk.lock().shown.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_gone_is_asked_nothing() {
    let desk = Desk::default();
    let Two { stage, home, ops, .. } = two(&desk).await;
    stage
        .ask(Request::RemoveGateway {
            id: home.0.to_string(),
        })
        .await;
    let session = crate::ids::SessionRef::new(home.0, MAIN);
    ops.1.lock().calls.clear();
    for request in [
        Request::SendMessage {
            session: Some(session.clone()),
            gateway: None,
            text: "to whom?".into(),
            attachments: Vec::new(),
        },
        Request::DeleteSession {
            session: session.clone(),
        },
        Request::Stop {
            session: session.clone(),
        },
        Request::SaveDraft {
            session,
            text: "half".into(),
        },
    ] {
        let error = stage.app.request(None, request).await.unwrap_err();
        assert_eq!(error.code, "not-found");
    }
    let ops = ops.1.lock();
    assert!(ops.calls.is_empty() && ops.received.is_empty() && ops.aborted.is_empty());
}
