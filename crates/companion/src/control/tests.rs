use super::*;
use crate::api::{Request, UiError};
use crate::gateway::protocol::{ApprovalId, GatewayError, RunId, SessionKey, SessionRow};
use crate::gateway::*;
use async_trait::async_trait;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// An app that notes what it is told.
#[derive(Default)]
struct FakeApp {
    acts: Mutex<Vec<Action>>,
    gateway: Option<Arc<FakeGateway>>,
    active: Mutex<Option<String>>,
    /// The profiles that calls were made on.
    asked_for: Mutex<Vec<Option<String>>>,
}

fn models() -> Request {
    Request::ListModels {
        gateway: "home".into(),
    }
}

#[async_trait]
impl Host for FakeApp {
    async fn act(&self, action: Action) -> Result<(), UiError> {
        self.acts.lock().unwrap().push(action);
        Ok(())
    }
    async fn status(&self) -> AppStatus {
        AppStatus {
            gateway: "Home".into(),
            runs: 2,
            ..AppStatus::default()
        }
    }
    async fn request(&self, window: Option<String>, request: Request) -> Result<Value, UiError> {
        if request == models() {
            return Ok(json!({ "window": window }));
        }
        Err(UiError {
            code: "invalid".into(),
            message: "not that".into(),
            hint: Some("this".into()),
            retry_after_ms: None,
        })
    }
    fn gateway(&self, profile: Option<&str>) -> Option<Arc<dyn Gateway>> {
        let gateway = self.gateway.clone()?;
        self.asked_for.lock().unwrap().push(profile.map(str::to_owned));
        (profile != Some("other")).then_some(gateway as Arc<dyn Gateway>)
    }
    fn active(&self) -> Option<String> {
        self.active.lock().unwrap().clone()
    }
}

struct FakeGateway {
    state: watch::Sender<ConnectionState>,
    watchers: Mutex<Vec<mpsc::Sender<GatewayEvent>>>,
}

impl FakeGateway {
    fn ready() -> Arc<Self> {
        let server = ServerInfo {
            version: "2026.9.6".into(),
            ..ServerInfo::default()
        };
        Arc::new(Self {
            state: watch::Sender::new(ConnectionState::Ready(Box::new(server))),
            watchers: Mutex::default(),
        })
    }
}

#[async_trait]
impl Gateway for FakeGateway {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            attachments: false,
            ..Capabilities::NATIVE
        }
    }
    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.state.subscribe()
    }
    fn events(&self) -> mpsc::Receiver<GatewayEvent> {
        let (sender, receiver) = mpsc::channel(8);
        self.watchers.lock().unwrap().push(sender);
        receiver
    }
    /// Says the prompt back, as an event.
    async fn send(&self, prompt: Prompt) -> Result<SendAck, CallError> {
        let run = RunId(prompt.idempotency_key);
        for watcher in self.watchers.lock().unwrap().iter() {
            let event = GatewayEvent::Run(RunEvent {
                run: run.clone(),
                session: prompt.session.clone(),
                agent: None,
                seq: 1,
                step: RunStep::Delta {
                    text: prompt.text.clone(),
                    replace: false,
                    total_bytes: None,
                },
            });
            watcher.try_send(event).unwrap();
        }
        Ok(SendAck {
            run_id: run,
            status: "started".into(),
            reply: None,
        })
    }
    async fn abort(&self, _: &SessionKey, run: Option<&RunId>) -> Result<bool, CallError> {
        Ok(run.is_some())
    }
    async fn history(&self, query: HistoryQuery) -> Result<History, CallError> {
        Ok(History {
            session: query.session,
            total: Some(7),
            ..History::default()
        })
    }
    async fn sessions(&self, _: SessionsQuery) -> Result<SessionsPage, CallError> {
        let row = SessionRow {
            key: "agent:main:main".into(),
            ..SessionRow::default()
        };
        Ok(SessionsPage {
            sessions: vec![row],
            ..SessionsPage::default()
        })
    }
    async fn agents(&self) -> Result<Agents, CallError> {
        Err(CallError::Disconnected { written: true })
    }
    async fn approvals(&self) -> Result<Vec<Approval>, CallError> {
        Ok(Vec::new())
    }
    async fn resolve_approval(&self, _: &ApprovalId, _: ApprovalKind, _: Decision) -> Result<(), CallError> {
        Ok(())
    }
    async fn ping(&self) -> Result<Duration, CallError> {
        Ok(Duration::from_millis(4))
    }
    async fn call_raw(&self, method: &str, params: Value) -> Result<Value, CallError> {
        if method == "known" {
            return Ok(params);
        }
        Err(CallError::Gateway(GatewayError {
            code: "INVALID_REQUEST".into(),
            message: format!("unknown method: {method}"),
            details: None,
            retryable: None,
            retry_after_ms: None,
        }))
    }
    fn reconnect(&self) {}
    async fn shutdown(&self) {}
}

/// A folder that goes with the test.
struct Place(std::path::PathBuf);
impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn place() -> (Place, Address) {
    let dir = std::env::temp_dir().join(format!("clawtray-control-{}", uuid::Uuid::new_v4().simple()));
    let runtime = dir.clone();
    std::fs::create_dir(&dir).unwrap();
    let var = move |name: &str| {
        (name == "XDG_RUNTIME_DIR" || name == "USERNAME").then(|| OsString::from(runtime.clone()))
    };
    let at = address::from_env(var, |_| true);
    (Place(dir), at.unwrap())
}

fn listen(at: &Address, app: Arc<FakeApp>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(Listener::bind(at).unwrap().serve(app))
}

async fn say(at: &Address, op: Op) -> Result<Value, TellError> {
    let at = at.clone();
    tokio::task::spawn_blocking(move || tell(&at, op, Duration::from_secs(10)))
        .await
        .unwrap()
}

#[tokio::test]
async fn the_app_is_told_what_to_do() {
    let (_place, at) = place();
    let app = Arc::new(FakeApp::default());
    let _serving = listen(&at, Arc::clone(&app));
    say(
        &at,
        Op::Toggle {
            activation: Some("token".into()),
        },
    )
    .await
    .unwrap();
    let session = Some("agent:main:main".to_owned());
    say(
        &at,
        Op::Open {
            gateway: Some("home".into()),
            session: session.clone(),
            activation: None,
        },
    )
    .await
    .unwrap();
    let url = "clawtray://session/agent:main:main?text=hello".to_owned();
    let link = Op::Link {
        url: url.clone(),
        activation: None,
    };
    say(&at, link).await.unwrap();
    say(&at, Op::DoNotDisturb { until_ms: Some(5) }).await.unwrap();
    say(&at, Op::Quit).await.unwrap();
    assert_eq!(
        *app.acts.lock().unwrap(),
        [
            Action::Toggle {
                activation: Some("token".into())
            },
            Action::Open {
                gateway: Some("home".into()),
                session,
                activation: None
            },
            Action::Link {
                url,
                activation: None
            },
            Action::DoNotDisturb { until_ms: Some(5) },
            Action::Quit,
        ]
    );
    let status = say(&at, Op::Status).await.unwrap();
    assert_eq!(
        (status.get("gateway"), status.get("runs")),
        (Some(&json!("Home")), Some(&json!(2)))
    );
    let request = |request, window| Op::Request {
        window,
        request: Box::new(request),
    };
    let models = say(&at, request(models(), Some("popup".into()))).await;
    assert_eq!(models.unwrap(), json!({ "window": "popup" }));
    let refused = say(&at, request(Request::Quit, None)).await.unwrap_err();
    assert!(
        matches!(&refused, TellError::Refused(r) if r.code == "invalid" && r.hint.as_deref() == Some("this")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn nobody_there_is_said_and_a_dead_apps_socket_is_replaced() {
    let (_place, at) = place();
    assert!(matches!(say(&at, Op::Status).await, Err(TellError::NotRunning)));
    at.prepare().unwrap();
    #[cfg(unix)]
    {
        drop(std::os::unix::net::UnixListener::bind(&at.socket).unwrap());
        assert!(at.socket.exists());
        assert!(matches!(say(&at, Op::Status).await, Err(TellError::NotRunning)));
    }
    let serving = listen(&at, Arc::default());
    say(&at, Op::Status).await.unwrap();
    assert!(matches!(Listener::bind(&at), Err(BindError::AlreadyRunning)));
    serving.abort();
    let _ = serving.await;
    assert!(matches!(say(&at, Op::Status).await, Err(TellError::NotRunning)));
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_reaches_the_socket() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let (_place, at) = place();
    let _serving = listen(&at, Arc::default());
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&at.dir), mode(&at.socket)), (0o700, 0o600));
    // A folder that others may write to could hold anybody's socket.
    std::fs::set_permissions(&at.dir, std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = say(&at, Op::Status).await.unwrap_err();
    assert!(error.to_string().contains("other users have access"), "{error}");
}

#[tokio::test]
async fn calls_and_events_go_over_the_apps_connection() {
    let (_place, at) = place();
    let app = FakeApp {
        gateway: Some(FakeGateway::ready()),
        ..FakeApp::default()
    };
    let serving = listen(&at, Arc::new(app));
    let gateway = AppGateway::connect(&at, None).await.unwrap();
    assert!(!gateway.capabilities().attachments);
    assert!(
        matches!(&*gateway.state().borrow(), ConnectionState::Ready(server) if server.version == "2026.9.6")
    );
    let mut events = gateway.events();
    let prompt = Prompt {
        session: "main".into(),
        text: "hi".into(),
        idempotency_key: "run-1".into(),
        thinking: None,
        attachments: Vec::new(),
        timeout_ms: None,
    };
    assert_eq!(gateway.send(prompt).await.unwrap().run_id, RunId::from("run-1"));
    let Some(GatewayEvent::Run(step)) = events.recv().await else {
        panic!("no run event")
    };
    assert!(matches!(step.step, RunStep::Delta { ref text, .. } if text == "hi"));
    assert!(
        gateway
            .abort(&"main".into(), Some(&"run-1".into()))
            .await
            .unwrap()
    );
    let query = HistoryQuery {
        session: "main".into(),
        ..HistoryQuery::default()
    };
    assert_eq!(gateway.history(query).await.unwrap().total, Some(7));
    assert_eq!(
        gateway
            .sessions(SessionsQuery::default())
            .await
            .unwrap()
            .sessions
            .len(),
        1
    );
    assert_eq!(gateway.ping().await.unwrap(), Duration::from_millis(4));
    assert_eq!(
        gateway.agents().await,
        Err(CallError::Disconnected { written: true })
    );
    assert_eq!(
        gateway.call_raw("known", json!({ "a": 1 })).await.unwrap(),
        json!({ "a": 1 })
    );
    let unknown = gateway.call_raw("nope", json!({})).await;
    assert!(
        matches!(unknown, Err(CallError::Gateway(ref error)) if error.message == "unknown method: nope"),
        "{unknown:?}"
    );
    let other = AppGateway::connect(&at, Some("other".into())).await.unwrap_err();
    assert!(
        matches!(&other, TellError::Refused(r) if r.code == "no-such-gateway"),
        "{other:?}"
    );

    // The app goes: calls end, the state says so, and so does the stream of events.
    serving.abort();
    let _ = serving.await;
    let mut state = gateway.state();
    let closed = state.wait_for(|state| *state == ConnectionState::Closed);
    tokio::time::timeout(Duration::from_secs(10), closed)
        .await
        .unwrap()
        .unwrap();
    assert!(events.recv().await.is_none());
    let lost = tokio::time::timeout(Duration::from_secs(10), gateway.ping()).await;
    assert!(matches!(lost, Ok(Err(_))), "{lost:?}");
}

#[tokio::test]
async fn all_calls_of_a_command_go_to_the_gateway_that_was_active_at_its_beginning() {
    let (_place, at) = place();
    let app = Arc::new(FakeApp {
        gateway: Some(FakeGateway::ready()),
        active: Mutex::new(Some("home".into())),
        ..FakeApp::default()
    });
    let _serving = listen(&at, Arc::clone(&app));
    let gateway = AppGateway::connect(&at, None).await.unwrap();
    assert_eq!(gateway.profile(), Some("home"));
    *app.active.lock().unwrap() = Some("work".into());
    gateway.ping().await.unwrap();
    let asked_for = app.asked_for.lock().unwrap().clone();
    assert_eq!(asked_for, [Some("home".to_owned()), Some("home".to_owned())]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_line_that_is_not_understood_is_answered_with_its_id() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (_place, at) = place();
    let _serving = listen(&at, Arc::default());
    let mut stream = tokio::net::UnixStream::connect(&at.socket).await.unwrap();
    stream
        .write_all(b"{\"id\":9,\"op\":\"explode\"}\nnonsense\n{\"id\":10,\"op\":\"status\"}\n")
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    let mut lines: Vec<Value> = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    lines.sort_by_key(|line| line["id"].as_u64());
    let seen: Vec<_> = lines
        .iter()
        .map(|line| (line["id"].as_u64().unwrap(), line["ok"] == json!(true)))
        .collect();
    assert_eq!(seen, [(0, false), (9, false), (10, true)], "{answers}");
}

#[test]
fn moved_data_has_a_socket_of_its_own() {
    let with = |data: Option<&'static str>| {
        let var = move |name: &str| match name {
            "XDG_RUNTIME_DIR" => Some("/run/user/1".into()),
            "CLAWTRAY_DATA_DIR" => data.map(Into::into),
            _ => None,
        };
        address::from_env(var, |_| true).unwrap().socket
    };
    assert_ne!(with(None), with(Some("/a")));
    assert_ne!(with(Some("/a")), with(Some("/b")));
    assert_eq!(with(Some("/a")), with(Some("/a")));
}

#[cfg(unix)]
#[test]
fn without_a_runtime_folder_the_socket_is_where_nobody_else_can_put_one() {
    let dir = |known: &'static [(&str, &str)], logind: bool| {
        let var = |name: &str| {
            let found = known.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        address::from_env(var, |_| logind).map(|address| address.dir.display().to_string())
    };
    let user = address::user();
    let home: &[_] = &[("HOME", "/home/ann"), ("TMPDIR", "/tmp")];
    assert_eq!(dir(home, true).unwrap(), format!("/run/user/{user}/clawtray"));
    assert_eq!(dir(home, false).unwrap(), "/home/ann/.cache/clawtray");
    let cache: &[_] = &[("HOME", "/home/ann"), ("XDG_CACHE_HOME", "/var/ann")];
    assert_eq!(dir(cache, false).unwrap(), "/var/ann/clawtray");
    assert!(dir(&[("TMPDIR", "/tmp")], false).is_err());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_start_at_once_one_has_the_socket_and_the_others_end_leaves_it() {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let (_place, at) = place();
        for round in 0..200 {
            // What a dead app has left, every other time.
            if round % 2 == 0 {
                at.prepare().unwrap();
                drop(std::os::unix::net::UnixListener::bind(&at.socket).unwrap());
            }
            let start = std::sync::Barrier::new(2);
            let bind = || {
                let _runtime = runtime.enter();
                start.wait();
                Listener::bind(&at)
            };
            let both = std::thread::scope(|scope| {
                let (one, two) = (scope.spawn(bind), scope.spawn(bind));
                [one.join().unwrap(), two.join().unwrap()]
            });
            let (have, have_not): (Vec<_>, Vec<_>) = both.into_iter().partition(Result::is_ok);
            assert_eq!((have.len(), have_not.len()), (1, 1), "round {round}");
            assert!(
                matches!(have_not[0], Err(BindError::AlreadyRunning)),
                "{have_not:?}"
            );
            drop(have_not);
            assert!(at.socket.exists(), "round {round}");
            drop(have);
            assert!(!at.socket.exists(), "round {round}");
        }
    })
    .await
    .unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_socket_that_is_not_ours_any_more_is_left_alone() {
    let (_place, at) = place();
    let ours = Listener::bind(&at).unwrap();
    // Somebody without the lock, as an earlier version is.
    std::fs::remove_file(&at.socket).unwrap();
    let _theirs = std::os::unix::net::UnixListener::bind(&at.socket).unwrap();
    drop(ours);
    assert!(at.socket.exists());
}
