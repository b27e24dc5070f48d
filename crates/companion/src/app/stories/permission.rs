//! Every request, from every window: what its window is not for is refused, and what it may do goes no further than the
//! table says.

use super::*;
use crate::api::NewJob;
use crate::gateway::protocol::Scope;
use crate::gateway::protocol::method::{Method, agents, artifacts, cron, questions, sessions, status};
use std::collections::BTreeSet;

/// One of each request.
fn all(stage: &Stage) -> Vec<Request> {
    let gateway = || stage.active();
    let session = || stage.session(MAIN);
    let (id, text) = (|| "x".to_owned(), || "hello".to_owned());
    vec![
        Request::SendMessage {
            session: Some(session()),
            gateway: None,
            text: text(),
            attachments: Vec::new(),
        },
        Request::CancelQueued { id: id() },
        Request::RetryQueued { id: id() },
        Request::Stop { session: session() },
        Request::NewSession {
            gateway: gateway(),
            agent: None,
        },
        Request::SetTarget { session: session() },
        Request::LoadOlder { session: session() },
        Request::WholeMessage {
            session: session(),
            message: String::new(),
        },
        Request::SaveDraft {
            session: session(),
            text: text(),
        },
        Request::PromptHistory {
            gateway: gateway(),
            limit: 5,
        },
        Request::ListCommands { gateway: gateway() },
        Request::ListModels { gateway: gateway() },
        Request::SetSessionModel {
            session: session(),
            model: Some("f/1".into()),
            thinking: None,
        },
        Request::SendInBackground {
            gateway: gateway(),
            text: text(),
            model: Some("f/1".into()),
            timeout_seconds: None,
        },
        Request::ResolveApproval {
            gateway: gateway(),
            id: "ap-1".into(),
            decision: "deny".into(),
        },
        Request::AnswerQuestion {
            gateway: gateway(),
            id: "q-1".into(),
            answers: [("a".to_owned(), vec!["b".to_owned()])].into(),
        },
        Request::MarkRead { session: session() },
        Request::RenameSession {
            session: session(),
            label: text(),
        },
        Request::PinSession {
            session: session(),
            pinned: true,
        },
        Request::ArchiveSession {
            session: session(),
            archived: true,
        },
        Request::MuteSession {
            session: session(),
            muted: true,
        },
        Request::ResetSession { session: session() },
        Request::CompactSession { session: session() },
        Request::DeleteSession { session: session() },
        Request::ForkSession { session: session() },
        Request::Search {
            gateway: gateway(),
            query: text(),
            agent: None,
            session: None,
            from_ms: None,
            until_ms: None,
            limit: 5,
        },
        Request::RevealMessage {
            session: session(),
            message: id(),
        },
        Request::ExportSession {
            session: session(),
            format: "json".into(),
        },
        Request::UseGateway {
            id: gateway().to_string(),
        },
        Request::Reconnect {
            id: gateway().to_string(),
        },
        Request::DiscoverGateways,
        Request::TestGateway {
            url: "ws://home".into(),
            token: None,
            dialect: None,
        },
        Request::AddGateway {
            name: text(),
            url: "ws://home".into(),
            token: None,
            session_only: true,
            dialect: None,
        },
        Request::SetGatewayDialect {
            id: id(),
            dialect: "native".into(),
        },
        Request::SetGatewayWebhook {
            id: id(),
            port: None,
            secret: None,
        },
        Request::AcceptFoundGateway {
            id: id(),
            session_only: false,
        },
        Request::UseEmbeddedGateway,
        Request::RenameGateway {
            id: id(),
            name: text(),
        },
        Request::SetGatewayToken {
            id: id(),
            token: text(),
            session_only: true,
        },
        Request::TrustCertificate {
            id: id(),
            fingerprint: id(),
        },
        Request::SetFullControl { id: id(), on: true },
        Request::RemoveGateway { id: id() },
        Request::ClearCache {
            id: gateway().to_string(),
        },
        Request::RetryKeychain { id: id() },
        Request::ListJobs { gateway: gateway() },
        Request::AddJob {
            gateway: gateway(),
            job: NewJob::default(),
        },
        Request::UpdateJob {
            gateway: gateway(),
            id: id(),
            enabled: false,
        },
        Request::RemoveJob {
            gateway: gateway(),
            id: id(),
        },
        Request::RunJob {
            gateway: gateway(),
            id: id(),
        },
        Request::UsageReport {
            gateway: gateway(),
            days: 30,
        },
        Request::SessionUsage {
            gateway: gateway(),
            limit: 5,
        },
        Request::ListChannels { gateway: gateway() },
        Request::ListNodes { gateway: gateway() },
        Request::ListPresence { gateway: gateway() },
        Request::ListTools {
            gateway: gateway(),
            agent: "main".into(),
        },
        Request::TailLog {
            gateway: gateway(),
            limit: 5,
            cursor: None,
        },
        Request::ListArtifacts { session: session() },
        Request::DownloadArtifact {
            session: session(),
            artifact: id(),
        },
        Request::Diagnostics,
        Request::SaveDiagnostics,
        Request::ChangeSettings { patch: json!({}) },
        Request::ShowWindow {
            window: "popup".into(),
            session: Some(session()),
        },
        Request::HideWindow,
        Request::PinPopup { pinned: true },
        Request::FitPopup { height: 100.0 },
        Request::OpenLink {
            url: "https://example.org/".into(),
        },
        Request::DoNotDisturb { until_ms: None },
        Request::DismissNotice { id: id() },
        Request::Quit,
    ]
}

fn name(request: &Request) -> String {
    let written = serde_json::to_value(request).unwrap();
    written["type"].as_str().unwrap().to_owned()
}

/// The scope that a method of the gateway needs.
fn needs(method: &str) -> Scope {
    fn of<M: Method>() -> (&'static str, Scope) {
        (M::NAME, M::SCOPE.unwrap())
    }
    let known = [
        of::<agents::List>(),
        of::<agents::Models>(),
        of::<agents::Commands>(),
        of::<artifacts::Download>(),
        of::<cron::List>(),
        of::<cron::Add>(),
        of::<cron::Update>(),
        of::<cron::Run>(),
        of::<cron::Remove>(),
        of::<questions::Resolve>(),
        of::<sessions::Search>(),
        of::<sessions::Reset>(),
        of::<sessions::Compact>(),
        of::<sessions::Usage>(),
        of::<status::UsageCost>(),
        of::<status::ChannelsStatus>(),
        of::<status::Presence>(),
        of::<status::LogsTail>(),
        // What these need depends on their parameters.
        ("sessions.create", Scope::Write),
        ("sessions.patch", Scope::Write),
        ("sessions.delete", Scope::Admin),
        // These have no type in the protocol crate; all of them only read.
        ("artifacts.list", Scope::Read),
        ("node.list", Scope::Read),
        ("tools.catalog", Scope::Read),
    ];
    let found = known.iter().find(|(name, _)| *name == method);
    found
        .unwrap_or_else(|| panic!("{method} is not among the methods that requests call"))
        .1
}

#[tokio::test(start_paused = true)]
async fn the_list_of_this_test_is_whole() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, _popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    let listed: BTreeSet<String> = all(&stage).iter().map(name).collect();
    // As TypeScript, each is `{ "type": "name", … }`.
    let declared = <Request as ts_rs::TS>::inline(&ts_rs::Config::new());
    let declared: BTreeSet<String> = declared
        .split("\"type\": \"")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
        .collect();
    assert_eq!(listed, declared);
}

#[tokio::test(start_paused = true)]
async fn a_window_that_a_request_is_not_for_is_refused() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let (stage, _popup) = Stage::connected(folder.path(), &desk, &gateway).await;
    gateway.lock().calls.clear();
    let mut refused = 0;
    for request in all(&stage) {
        for window in [WindowKind::Popup, WindowKind::Browser, WindowKind::Settings] {
            if request.permission().windows.contains(&window) {
                continue;
            }
            let shown = format!("{} from {window:?}", name(&request));
            let error = stage.app.request(window, request.clone()).await.unwrap_err();
            assert_eq!(error.code, "not-allowed", "{shown}");
            refused += 1;
        }
    }
    assert!(refused > 60, "{refused}");
    let inner = gateway.lock();
    assert!(inner.calls.is_empty() && inner.received.is_empty() && inner.decisions.is_empty());
    drop(inner);
    // The settings window speaks with no session and no job; the popup with no job.
    for (window, request) in [
        (WindowKind::Settings, "sendMessage"),
        (WindowKind::Settings, "resolveApproval"),
        (WindowKind::Settings, "addJob"),
        (WindowKind::Popup, "addJob"),
        (WindowKind::Popup, "deleteSession"),
        (WindowKind::Popup, "setFullControl"),
        (WindowKind::Browser, "setGatewayToken"),
    ] {
        let found = all(&stage).into_iter().find(|known| name(known) == request);
        assert!(
            !found.unwrap().permission().windows.contains(&window),
            "{request}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_calls_no_method_beyond_its_scope() {
    let count = {
        let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
        let (stage, _popup) = Stage::connected(folder.path(), &desk, &gateway).await;
        all(&stage).len()
    };
    for at in 0..count {
        let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
        gateway.store(MAIN, json!({"role": "user", "content": "Hello."}));
        gateway.lock().answers.insert(
            "question.list".into(),
            Ok(json!({"questions": [{"id": "q-1", "status": "pending", "questions": []}]})),
        );
        let (stage, mut popup) = Stage::connected(folder.path(), &desk, &gateway).await;
        popup
            .until("the question", |m| !m.view.questions.is_empty())
            .await;
        let request = all(&stage).remove(at);
        let (shown, permission) = (name(&request), request.permission());
        {
            let mut inner = gateway.lock();
            inner.calls.clear();
            inner.received.clear();
            inner.aborted.clear();
            inner.decisions.clear();
            inner.histories = 0;
        }
        if matches!(
            request,
            Request::UseEmbeddedGateway
                | Request::AddGateway { .. }
                | Request::TestGateway { .. }
                | Request::ClearCache { .. }
        ) {
            // They reach gateways through connections of their own.
            assert_eq!(permission.scope, None, "{shown}");
            continue;
        }
        // What comes of it counts in other tests; here, that it was let through and how far it went.
        let answer = stage
            .app
            .request(permission.windows.first().copied(), request)
            .await;
        assert_ne!(
            answer.err().map(|error| error.code).as_deref(),
            Some("not-allowed"),
            "{shown}"
        );
        let inner = gateway.lock();
        let mut used: Vec<Scope> = inner.calls.iter().map(|(method, _)| needs(method)).collect();
        used.extend((inner.received.len() + inner.aborted.len() > 0).then_some(Scope::Write));
        used.extend((!inner.decisions.is_empty()).then_some(Scope::Approvals));
        used.extend((inner.histories > 0).then_some(Scope::Read));
        let granted: Vec<String> = permission
            .scope
            .iter()
            .map(|scope| scope.as_str().to_owned())
            .collect();
        for scope in used {
            assert!(
                scope.is_in(&granted),
                "{shown} used {scope:?}, and has {granted:?}"
            );
        }
    }
}
