//! Checks every request that we send against the official JSON Schema.
//!
//! The schema comes from npm (`@openclaw/gateway-protocol`), once per machine, into the user's
//! cache folder.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use clawtray_gateway_client::protocol::handshake::CONNECT_METHOD;
use clawtray_gateway_client::protocol::method::{
    Method, NoParams, Scope, agents, approvals, artifacts, chat, cron, devices, questions, sessions, status,
};
use clawtray_gateway_client::session::{Command as SessionCommand, Session};
use clawtray_gateway_client::{Credentials, Secret};
use common::{at, challenge, effects, fixtures, hello, request_id, sent};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::process::Command;

const VERSION: &str = "2026.9.1";

/// The schema's path, after fetching it if need be.
fn fetch() -> PathBuf {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let home = if cfg!(windows) { "LOCALAPPDATA" } else { "HOME" };
    let cache = absolute("XDG_CACHE_HOME")
        .or_else(|| absolute(home).map(|home| if cfg!(windows) { home } else { home.join(".cache") }))
        .unwrap_or_else(std::env::temp_dir)
        .join("clawtray");
    let dir = cache.join(format!("gateway-protocol-{VERSION}"));
    let file = |dir: &PathBuf| dir.join("node_modules/@openclaw/gateway-protocol/protocol.schema.json");
    if !file(&dir).is_file() {
        std::fs::create_dir_all(&cache).unwrap();
        // Built beside its place and renamed, so that two runs do not meet in it.
        let partial = tempfile::Builder::new()
            .prefix("gateway-protocol-")
            .tempdir_in(&cache)
            .unwrap();
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        let output = Command::new(npm)
            .args([
                "install",
                "--no-save",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
                "--prefix",
            ])
            .arg(partial.path())
            .arg(format!("@openclaw/gateway-protocol@{VERSION}"))
            .output()
            .expect("npm, which this test needs to fetch the protocol's schema");
        assert!(
            output.status.success(),
            "npm: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        if std::fs::rename(partial.path(), &dir).is_err() {
            assert!(file(&dir).is_file(), "another run was quicker");
        }
    }
    file(&dir)
}

struct Schema {
    root: Value,
    properties: Map<String, Value>,
    requests: Vec<(String, Value)>,
}

impl Schema {
    /// Notes a request to be validated against a definition.
    fn request(&mut self, definition: &str, what: String, value: Value) {
        assert!(
            self.root["definitions"].get(definition).is_some(),
            "no definition {definition}"
        );
        self.properties.insert(
            what.clone(),
            json!({"$ref": format!("#/definitions/{definition}")}),
        );
        self.requests.push((what, value));
    }

    /// Notes a call of a method by its type; its scope is compared as well.
    fn method<M: Method>(&mut self, definition: &str, params: &M::Params) {
        let published = &self.root["methods"][M::NAME]["scope"];
        assert!(published.is_string(), "{} is not a published method", M::NAME);
        let ours = M::SCOPE.map_or("dynamic", Scope::as_str);
        assert_eq!(published, ours, "{}", M::NAME);
        let what = format!("{} #{}", M::NAME, self.requests.len());
        let params = serde_json::to_value(params).unwrap();
        let frame = json!({"type": "req", "id": "1", "method": M::NAME, "params": params});
        self.request("RequestFrame", format!("frame of {what}"), frame);
        if definition != "-" {
            self.request(definition, what, params);
        }
    }

    fn check(self) -> usize {
        let schema = json!({
            "$schema": self.root["$schema"],
            "type": "object",
            "properties": self.properties,
            "definitions": self.root["definitions"],
        });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let mut wrong = Vec::new();
        for (what, value) in &self.requests {
            let instance = json!({what.as_str(): value});
            for error in validator.iter_errors(&instance) {
                wrong.push(format!("{what}: {error} at {}", error.instance_path()));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        // The check is able to fail: an unknown property is refused.
        let (what, value) = self
            .requests
            .iter()
            .find(|(what, _)| what.starts_with("chat.send"))
            .unwrap();
        let mut bad = value.clone();
        bad["bogus"] = json!(1);
        assert!(!validator.is_valid(&json!({what.as_str(): bad})));
        self.requests.len()
    }
}

/// Patterns about UTF-16 halves say only that a text is well-formed, which a Rust string is; the engine here has no
/// words for them.
fn drop_surrogate_patterns(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object
                .get("pattern")
                .and_then(Value::as_str)
                .is_some_and(|pattern| pattern.contains(r"\uD800"))
            {
                object.remove("pattern");
            }
            object.values_mut().for_each(drop_surrogate_patterns);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_surrogate_patterns),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn load() -> Schema {
    let text = std::fs::read_to_string(fetch()).unwrap();
    let mut root = serde_json::from_str(&text).unwrap();
    drop_surrogate_patterns(&mut root);
    Schema {
        root,
        properties: Map::new(),
        requests: Vec::new(),
    }
}

#[test]
fn every_request_is_one_that_the_schema_allows() {
    let mut schema = load();
    let s = &mut schema;
    let some = |text: &str| Some(text.to_owned());

    s.method::<chat::Send>(
        "ChatSendParams",
        &chat::SendParams {
            session_key: "agent:main:main".into(),
            message: "hi".into(),
            idempotency_key: "k".into(),
            thinking: some("low"),
            queue_mode: some("followup"),
            attachments: vec![chat::SendAttachment {
                kind: "image",
                mime_type: "image/png".into(),
                file_name: some("a.png"),
                content: "AAAA".into(),
            }],
            timeout_ms: Some(1),
        },
    );
    s.method::<chat::Abort>(
        "ChatAbortParams",
        &chat::AbortParams {
            session_key: "s".into(),
            run_id: Some("r".into()),
        },
    );
    s.method::<chat::History>(
        "ChatHistoryParams",
        &chat::HistoryParams {
            session_key: "s".into(),
            limit: Some(1),
            offset: Some(0),
            cursor: some("c"),
            message_id: Some("m".into()),
            session_id: some("i"),
            max_chars: Some(100),
        },
    );
    s.method::<chat::MessageGet>(
        "ChatMessageGetParams",
        &chat::MessageGetParams {
            session_key: "s".into(),
            message_id: "m".into(),
            agent_id: Some("main".into()),
            max_chars: Some(1),
        },
    );

    for archived in [
        sessions::Archived::No,
        sessions::Archived::Only,
        sessions::Archived::All,
    ] {
        s.method::<sessions::List>(
            "SessionsListParams",
            &sessions::ListParams {
                limit: Some(1),
                offset: Some(0),
                agent_id: Some("main".into()),
                search: some("x"),
                archived: Some(archived),
                include_derived_titles: Some(true),
                include_last_message: Some(true),
            },
        );
    }
    // The schema has no definition for these parameters; they are those of `sessions.list`, or none.
    s.method::<sessions::Subscribe>("-", &NoParams {});
    let key = sessions::KeyParams {
        key: "s".into(),
        agent_id: Some("main".into()),
    };
    s.method::<sessions::MessagesSubscribe>("SessionsMessagesSubscribeParams", &key);
    s.method::<sessions::MessagesUnsubscribe>("SessionsMessagesUnsubscribeParams", &key);
    s.method::<sessions::Preview>(
        "SessionsPreviewParams",
        &sessions::PreviewParams {
            keys: vec!["s".into()],
            limit: Some(1),
            max_chars: Some(100),
        },
    );
    s.method::<sessions::Describe>(
        "SessionsDescribeParams",
        &sessions::DescribeParams {
            key: "s".into(),
            include_derived_titles: Some(true),
            include_last_message: Some(true),
        },
    );
    s.method::<sessions::Search>(
        "SessionsSearchParams",
        &sessions::SearchParams {
            query: "q".into(),
            agent_id: Some("main".into()),
            limit: Some(1),
        },
    );
    s.method::<sessions::Create>(
        "SessionsCreateParams",
        &sessions::CreateParams {
            key: Some("s".into()),
            agent_id: Some("main".into()),
            label: some("l"),
            model: some("m"),
            message: some("hi"),
        },
    );
    s.method::<sessions::Patch>(
        "SessionsPatchParams",
        &sessions::PatchParams {
            key: "s".into(),
            label: Some(None),
            category: Some(some("g")),
            archived: Some(true),
            pinned: Some(false),
            unread: Some(false),
            model: Some(None),
            thinking_level: Some(some("low")),
            permission_mode: Some(some("guarded")),
        },
    );
    s.method::<sessions::Reset>(
        "SessionsResetParams",
        &sessions::ResetParams {
            key: "s".into(),
            reason: some("new"),
        },
    );
    s.method::<sessions::Delete>(
        "SessionsDeleteParams",
        &sessions::DeleteParams {
            key: "s".into(),
            delete_transcript: Some(true),
            archived_only: Some(true),
        },
    );
    s.method::<sessions::Compact>(
        "SessionsCompactParams",
        &sessions::CompactParams {
            key: "s".into(),
            max_lines: Some(10),
        },
    );
    s.method::<sessions::Fork>(
        "SessionsForkParams",
        &sessions::ForkParams {
            session_key: "s".into(),
            entry_id: "e".into(),
        },
    );
    s.method::<sessions::GroupsList>("SessionsGroupsListParams", &NoParams {});
    s.method::<sessions::GroupsPut>(
        "SessionsGroupsPutParams",
        &sessions::GroupsPutParams {
            names: vec!["a".into()],
        },
    );
    s.method::<sessions::GroupsDefaults>("SessionsGroupsDefaultsParams", &NoParams {});
    for cwd in [some("/src"), None] {
        s.method::<sessions::GroupsUpdate>(
            "SessionsGroupsUpdateParams",
            &sessions::GroupsUpdateParams {
                name: "a".into(),
                cwd,
                worktree: true,
            },
        );
    }
    s.method::<sessions::GroupsRename>(
        "SessionsGroupsRenameParams",
        &sessions::GroupsRenameParams {
            name: "a".into(),
            to: "b".into(),
        },
    );
    s.method::<sessions::GroupsDelete>(
        "SessionsGroupsDeleteParams",
        &sessions::GroupsDeleteParams { name: "a".into() },
    );
    s.method::<sessions::Usage>(
        "SessionsUsageParams",
        &sessions::UsageParams {
            key: Some("s".into()),
            range: some("7d"),
            limit: Some(1),
        },
    );
    s.method::<sessions::Abort>(
        "SessionsAbortParams",
        &sessions::AbortParams {
            key: Some("s".into()),
            run_id: Some("r".into()),
            clear_queued: Some(true),
        },
    );

    s.method::<agents::List>("AgentsListParams", &NoParams {});
    s.method::<agents::Models>(
        "ModelsListParams",
        &agents::ModelsParams {
            agent_id: Some("main".into()),
            view: some("configured"),
        },
    );
    s.method::<agents::Commands>(
        "CommandsListParams",
        &agents::CommandsParams {
            session_key: Some("s".into()),
            agent_id: Some("main".into()),
            include_args: Some(true),
        },
    );

    let id = approvals::IdParams { id: "a".into() };
    let resolve = approvals::ResolveParams {
        id: "a".into(),
        decision: "allow-once".into(),
    };
    s.method::<approvals::ExecList>("-", &NoParams {});
    s.method::<approvals::ExecGet>("ExecApprovalGetParams", &id);
    s.method::<approvals::ExecResolve>("ExecApprovalResolveParams", &resolve);
    s.method::<approvals::PluginList>("-", &NoParams {});
    s.method::<approvals::PluginResolve>("PluginApprovalResolveParams", &resolve);
    s.method::<approvals::Get>("ApprovalGetParams", &id);

    s.method::<questions::List>("QuestionListParams", &NoParams {});
    s.method::<questions::Get>("QuestionGetParams", &questions::IdParams { id: "q".into() });
    s.method::<questions::Resolve>(
        "QuestionResolveParams",
        &questions::ResolveParams::Answer {
            id: "q".into(),
            answers: questions::Answers {
                answers: [("q1".to_owned(), vec!["A".to_owned()])].into(),
            },
        },
    );
    s.method::<questions::Resolve>(
        "QuestionResolveParams",
        &questions::ResolveParams::Cancel {
            id: "q".into(),
            cancel: questions::True,
        },
    );

    s.method::<cron::List>(
        "CronListParams",
        &cron::ListParams {
            include_disabled: Some(true),
            limit: Some(1),
            offset: Some(0),
        },
    );
    let schedules = [
        cron::Schedule::At {
            at: "2026-11-20T12:00:00Z".into(),
        },
        cron::Schedule::Every { every_ms: 60_000 },
        cron::Schedule::Cron {
            expr: "0 7 * * *".into(),
            tz: some("Europe/Prague"),
        },
    ];
    for schedule in schedules {
        s.method::<cron::Add>(
            "CronAddParams",
            &cron::AddParams {
                name: "n".into(),
                schedule: schedule.clone(),
                session_target: "isolated".into(),
                wake_mode: "now".into(),
                payload: cron::Payload::AgentTurn { message: "hi".into() },
                enabled: Some(true),
                delete_after_run: Some(true),
            },
        );
        let patch = cron::JobPatch {
            name: some("n"),
            enabled: Some(false),
            schedule: Some(schedule),
            payload: Some(cron::Payload::SystemEvent { text: "t".into() }),
        };
        s.method::<cron::Update>(
            "CronUpdateParams",
            &cron::UpdateParams {
                id: "j".into(),
                patch,
            },
        );
    }
    s.method::<cron::Run>(
        "CronRunParams",
        &cron::RunParams {
            id: "j".into(),
            mode: some("force"),
        },
    );
    s.method::<cron::Runs>(
        "CronRunsParams",
        &cron::RunsParams {
            id: some("j"),
            limit: Some(1),
            offset: Some(0),
        },
    );
    s.method::<cron::Remove>("CronRemoveParams", &cron::IdParams { id: "j".into() });

    s.method::<status::Health>("-", &status::HealthParams { probe: Some(true) });
    s.method::<status::Status>("-", &NoParams {});
    s.method::<status::UsageStatus>("-", &NoParams {});
    s.method::<status::UsageCost>("-", &NoParams {});
    s.method::<status::Presence>("-", &NoParams {});
    s.method::<status::ChannelsStatus>(
        "ChannelsStatusParams",
        &status::ChannelsStatusParams {
            probe: Some(true),
            timeout_ms: Some(1000),
            channel: some("telegram"),
        },
    );
    s.method::<status::LogsTail>(
        "LogsTailParams",
        &status::LogsTailParams {
            cursor: Some(0),
            limit: Some(1),
            max_bytes: Some(1),
        },
    );

    let request = devices::RequestParams {
        request_id: "r".into(),
    };
    let device = devices::DeviceParams {
        device_id: "d".into(),
    };
    let token = devices::TokenParams {
        device_id: "d".into(),
        role: "operator".into(),
    };
    s.method::<devices::PairList>("DevicePairListParams", &NoParams {});
    s.method::<devices::PairApprove>("DevicePairApproveParams", &request);
    s.method::<devices::PairReject>("DevicePairRejectParams", &request);
    s.method::<devices::PairRemove>("DevicePairRemoveParams", &device);
    s.method::<devices::PairRename>(
        "DevicePairRenameParams",
        &devices::RenameParams {
            device_id: "d".into(),
            label: "l".into(),
        },
    );
    s.method::<devices::TokenRotate>("DeviceTokenRotateParams", &token);
    s.method::<devices::TokenRevoke>("DeviceTokenRevokeParams", &token);
    s.method::<devices::ScopesRequestUpgrade>(
        "ScopeUpgradeRequest",
        &devices::ScopesParams {
            scopes: vec!["operator.read".into(), "operator.admin".into()],
        },
    );
    s.method::<devices::ScopesWaitUpgrade>("ScopeUpgradeWait", &request);

    s.method::<artifacts::Download>(
        "ArtifactsDownloadParams",
        &artifacts::DownloadParams {
            artifact_id: "a".into(),
            session_key: Some("s".into()),
            agent_id: Some("main".into()),
        },
    );

    // What the session itself sends: `connect` with each kind of credential, and what follows.
    let secret = |text: &str| Some(Secret::new(text));
    for (n, credentials) in [
        Credentials {
            token: secret("t"),
            password: secret("p"),
            device_token: None,
        },
        Credentials {
            device_token: secret("d"),
            ..Credentials::default()
        },
        Credentials::default(),
    ]
    .into_iter()
    .enumerate()
    {
        let mut config = common::config();
        config.credentials = credentials;
        config.locale = some("en-US");
        config.instance_id = some("instance");
        config.identity = config.identity.filter(|_| n != 1);
        let mut session = Session::new(config, 1);
        session.on_command(at(0), SessionCommand::Connect);
        session.on_opened(at(1));
        session.on_text(at(2), &challenge());
        let connect = sent(&effects(&mut session)).remove(0);
        session.on_text(at(3), &hello(&request_id(&connect), "b"));
        let mut frames = vec![connect];
        frames.extend(sent(&effects(&mut session)));
        for frame in frames {
            let frame: Value = serde_json::from_str(&frame).unwrap();
            if frame["method"] == CONNECT_METHOD {
                s.request("ConnectParams", format!("connect {n}"), frame["params"].clone());
            }
            s.request("RequestFrame", format!("frame {n} of {}", frame["method"]), frame);
        }
    }
    assert!(schema.check() > 100);
}

#[test]
fn recorded_answers_are_read() {
    // A typed result must take what the gateway really said; a wrong name would leave it empty.
    fn read<M: Method>(name: &str) -> M::Result {
        let frames = &fixtures()[name];
        let answer = frames
            .iter()
            .find(|frame| frame.starts_with(r#"{"type":"res""#))
            .unwrap();
        let answer: Value = serde_json::from_str(answer).unwrap();
        serde_json::from_value(answer["payload"].clone()).unwrap()
    }
    let history = read::<chat::History>("30-chat.history");
    assert!(history.messages.len() > 5 && history.session_info.is_some() && history.delta_cursor.is_some());
    assert!(history.messages.iter().all(|message| message.meta.id.is_some()));
    let list = read::<sessions::List>("m-sessions.list");
    assert_eq!(list.sessions.len() as u64, list.total_count.unwrap());
    assert!(
        list.sessions
            .iter()
            .any(|row| row.status.is_some() && row.updated_at.is_some())
    );
    assert!(
        read::<sessions::Search>("m-sessions.search")
            .results
            .iter()
            .all(|hit| hit.snippet.is_some())
    );
    assert!(
        !read::<sessions::Preview>("m-sessions.preview").previews[0]
            .items
            .is_empty()
    );
    assert!(
        read::<sessions::Describe>("m-sessions.describe")
            .session
            .is_some()
    );
    assert_eq!(
        read::<sessions::Create>("43-sessions.create").key.as_str(),
        "agent:main:lab5"
    );
    let agents = read::<agents::List>("m-agents.list");
    assert_eq!(agents.agents[0].primary_model(), Some("fake/fake-1"));
    let jobs = read::<cron::List>("m-cron.list").jobs;
    assert!(
        jobs.len() >= 2
            && jobs
                .iter()
                .all(|job| !job.name.is_empty() && job.next_run_at_ms.is_some())
    );
    assert!(read::<cron::Runs>("m-cron.runs").entries[0].error.is_some());
    assert!(read::<cron::Run>("m-cron.run").enqueued);
    assert!(!read::<cron::Add>("m-cron.add").id.is_empty());
    assert!(!read::<devices::PairList>("m-device.pair.list").paired.is_empty());
    assert_eq!(read::<status::LogsTail>("m-logs.tail").lines.len(), 5);
    assert!(!read::<status::Presence>("m-system-presence").is_empty());
    assert!(read::<approvals::ExecList>("m-exec.approval.list").0.is_empty());
    assert_eq!(
        read::<approvals::ExecList>("60-exec-approval-allow-list").0.len(),
        1
    );
    assert!(read::<questions::List>("m-question.list").questions.is_empty());
    assert!(read::<chat::Abort>("26-chat.abort").aborted);
}
