//! `clawctl` against the real gateway.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops where something is wrong"
)]

#[path = "../../crates/clawctl/tests/common/mod.rs"]
mod common;

use clawtray_companion::app::{App, Options};
use clawtray_companion::control::{Address, Listener};
use clawtray_companion::paths::Paths;
use clawtray_companion::ports::{Secret, SecretKind};
use clawtray_companion::profiles::{Profile, Profiles};
use clawtray_companion::store::{OutboxState, Store, StoreOptions};
use clawtray_gateway_client::Prompt;
use clawtray_lab::{GatewayConfig, RealGateway, Relay, ScriptedModel};
use common::{Served, Shell};
use product_tests::{Live, host_ports};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// One gateway for everything here: it takes ten seconds to start.
#[test]
fn every_command_works_with_the_real_gateway() {
    let model = ScriptedModel::start().unwrap();
    let gateway = RealGateway::start(GatewayConfig::with_model(model.base_url())).unwrap();
    let mut shell = Shell::new(common::program());
    shell.gateway(&gateway.url(), gateway.token());
    shell.hide(&gateway.dir().display().to_string(), "GATEWAY");
    common::every_command(&mut shell);
    shell.compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("suites/snapshots/clawctl-real.txt"));

    ctrl_c_stops_the_run(&shell, &model);
    an_approval_is_listed_and_decided(&shell);
    a_question_is_answered(&shell);
    let jobs = shell.run(&["cron", "list"]);
    assert!(jobs.out.contains("\tN\t0 8 * * *\t"), "{jobs:?}");
    the_log_and_the_cost_can_be_read(&shell);
    a_file_goes_with_a_prompt(&shell, &model);
    what_is_followed_goes_on(&shell);
    a_wrong_token_is_refused(&mut shell);
}

fn json(shell: &Shell, args: &[&str]) -> Value {
    let said = shell.run(args);
    assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{args:?}: {error}: {}", said.out))
}

fn ctrl_c_stops_the_run(shell: &Shell, model: &ScriptedModel) {
    if cfg!(not(unix)) {
        return eprintln!("not shown here: Ctrl+C needs a Unix signal");
    }
    let args = &["ask", "--session", "stopped", "[[hang]] stop me"];
    let child = shell.command(args).spawn().unwrap();
    let asked = model.wait_for(common::LIMIT, |seen| seen.user_text.contains("stop me"));
    assert!(asked.is_some(), "the model was asked");
    #[cfg(unix)]
    common::interrupt(&child);
    let said = common::finish(child, args);
    assert_eq!(said.code, Some(130), "{said:?}");
    let history = json(shell, &["history", "stopped", "--json"]);
    assert!(history["inFlight"].is_null(), "{history}");
}

/// Needs no model: an approval is asked for by hand. The gateway takes it only while somebody is there to be asked, who
/// is `clawctl watch` here.
fn an_approval_is_listed_and_decided(shell: &Shell) {
    let args = &[
        "--full-control",
        "watch",
        "--type",
        "connected",
        "--type",
        "approvalRequested",
    ];
    let mut watcher = shell.command(args).spawn().unwrap();
    let mut seen = BufReader::new(watcher.stdout.take().unwrap());
    let mut next = |kind: &str| {
        loop {
            let mut line = String::new();
            assert!(
                seen.read_line(&mut line).unwrap() > 0,
                "watch ended before {kind}"
            );
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["type"] == kind {
                return event;
            }
        }
    };
    next("connected");
    for (action, decision) in [("approve", "allow-once"), ("deny", "deny")] {
        let params = format!(r#"{{"command":"echo {action}","timeoutMs":600000}}"#);
        let asking = ["call", "exec.approval.request", &params];
        let asker = shell.command(&asking).spawn().unwrap();
        let asked = next("approvalRequested");
        assert_eq!(asked["title"], format!("echo {action}"));
        let listed = json(shell, &["--full-control", "approvals", "--json"]);
        let id = listed[0]["id"].as_str().unwrap();
        assert_eq!(asked["id"], id);
        let said = shell.run(&["--full-control", "approvals", action, &id[..12]]);
        assert!(said.code == Some(0) && said.err.contains(decision), "{said:?}");
        let answer = common::finish(asker, &asking);
        assert!(
            answer.out.contains(&format!("\"decision\": \"{decision}\"")),
            "{answer:?}"
        );
        assert_eq!(
            json(shell, &["--full-control", "approvals", "--json"]),
            serde_json::json!([])
        );
    }
    watcher.kill().unwrap();
    watcher.wait().unwrap();
}

fn a_question_is_answered(shell: &Shell) {
    let params = r#"{"questions":[{"questionId":"q1","header":"Colour","question":"Which colour?",
        "options":[{"label":"red","description":"warm"},{"label":"blue","description":"cold"}]}]}"#;
    let asked = shell.run(&["--full-control", "call", "question.request", params]);
    assert_eq!(asked.code, Some(0), "{asked:?}");
    let listed = json(shell, &["--full-control", "questions", "--json"]);
    let id = listed[0]["id"].as_str().expect("the question waits");
    let said = shell.run(&["--full-control", "questions", "answer", id, "blue"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(
        json(shell, &["--full-control", "questions", "--json"]),
        serde_json::json!([])
    );
}

fn the_log_and_the_cost_can_be_read(shell: &Shell) {
    let log = shell.run(&["logs", "-n", "5"]);
    assert!(log.code == Some(0) && log.out.lines().count() == 5, "{log:?}");
    let usage = shell.run(&["usage", "--days", "2"]);
    assert!(usage.code == Some(0) && usage.out.contains("total"), "{usage:?}");
}

fn a_file_goes_with_a_prompt(shell: &Shell, model: &ScriptedModel) {
    std::fs::write(shell.dir.path().join("notes.txt"), "The word is heliotrope.").unwrap();
    let said = shell.run(&[
        "ask",
        "--session",
        "files",
        "--attach",
        "notes.txt",
        "[[say:Read.]]",
    ]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), "Read.\n"), "{said:?}");
    let seen = model.seen();
    assert!(
        seen.iter().any(|seen| seen.user_text.contains("heliotrope")),
        "{seen:?}"
    );
    let said = shell.run(&["ask", "--attach", "missing.txt", "hi"]);
    assert!(
        said.code == Some(2) && said.err.contains("missing.txt"),
        "{said:?}"
    );
}

/// A log and a status that are watched: each says something new, and goes on until it is told to stop.
fn what_is_followed_goes_on(shell: &Shell) {
    if cfg!(not(unix)) {
        return eprintln!("not shown here: what is followed ends by a Unix signal");
    }
    for (args, part) in [
        // Whatever the gateway notes of the prompt.
        (&["logs", "--follow", "-n", "1"][..], ""),
        (&["status", "--watch", "--json"], "\"runs\":1"),
    ] {
        let mut child = shell.command(args).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (say, said) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            out.lines()
                .map_while(Result::ok)
                .all(|line| say.send(line).is_ok())
        });
        let next = || {
            said.recv_timeout(common::LIMIT)
                .unwrap_or_else(|_| panic!("{args:?} says no more"))
        };
        next();
        let asked = shell.run(&[
            "ask",
            "--no-wait",
            "--session",
            "followed",
            "[[n:8]] [[d:400]] slow",
        ]);
        assert_eq!(asked.code, Some(0), "{asked:?}");
        while !next().contains(part) {}
        // A shell's background jobs ignore Ctrl+C, and so would what these tests start there.
        #[cfg(unix)]
        common::signal(&child, "-TERM");
        let said = common::finish(child, args);
        assert!(said.code != Some(0), "{said:?}");
    }
}

fn a_wrong_token_is_refused(shell: &mut Shell) {
    shell.set("OPENCLAW_GATEWAY_TOKEN", "not-the-token");
    let said = shell.run(&["status"]);
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(
        said.err.contains("AUTH_TOKEN_MISMATCH") && said.err.contains("next:"),
        "{}",
        said.err
    );
}

/// A device from elsewhere: its owner has to let it in. The proxy in front of the gateway says where it comes from.
#[test]
fn a_remote_device_waits_to_be_paired() {
    let proxies = serde_json::json!({ "gateway": { "trustedProxies": ["127.0.0.1"] } });
    let live = Live::start(proxies).unwrap();
    let proxy = Relay::start_with_header(live.gateway.port(), "X-Forwarded-For: 203.0.113.9").unwrap();
    let mut shell = Shell::new(common::program());
    shell.gateway(&format!("ws://127.0.0.1:{}", proxy.port()), live.gateway.token());
    let decide = |decision: &str, id: &str| {
        let mut openclaw = live.gateway.command();
        openclaw.args(["devices", decision, id]);
        clawtray_lab::process::run("openclaw devices", &mut openclaw, common::LIMIT).unwrap();
    };

    // Nobody answers: the time is over, and it says how the owner lets it in.
    let said = shell.run(&["gateway", "pair", "--timeout", "1"]);
    assert_eq!((said.code, said.out.as_str()), (Some(4), ""), "{said:?}");
    assert!(
        said.err
            .contains("next: on the gateway's computer: openclaw devices approve "),
        "{said:?}"
    );

    for (decision, code) in [("reject", 4), ("approve", 0)] {
        let args = [
            "gateway",
            "pair",
            "--timeout",
            if code == 0 { "120" } else { "20" },
        ];
        let mut child = shell.command(&args).spawn().unwrap();
        // The words are read while it waits; `finish` reads the rest.
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let id = loop {
            let mut line = String::new();
            assert!(
                err.read_line(&mut line).unwrap() > 0,
                "it ended before it said what it waits for"
            );
            if let Some((_, id)) = line.split_once("openclaw devices approve ") {
                break id.trim().to_owned();
            }
        };
        decide(decision, &id);
        let rest = std::thread::spawn(move || std::io::read_to_string(&mut err).unwrap());
        let said = common::finish(child, &args);
        let rest = rest.join().unwrap();
        assert_eq!(said.code, Some(code), "{said:?} {rest}");
        if decision == "approve" {
            assert!(said.out.starts_with("paired with "), "{said:?} {rest}");
        } else {
            assert!(rest.contains("was rejected") && rest.contains("next:"), "{rest}");
        }
        assert!(!rest.contains(live.gateway.token()), "no token on the terminal");
    }
}

/// The app is a real one without windows. There is no keychain here: a connection of our own would fail.
#[test]
#[cfg(unix)]
fn ask_goes_over_the_running_apps_connection() {
    let model = ScriptedModel::start().unwrap();
    let mut server = Shell::new(common::program());
    let served = Served::start(&mut server, &model.base_url());
    let mut shell = Shell::new(common::program());
    let place = shell.dir.path().to_owned();
    // The socket of an app whose data were not moved: they are where the home folder says.
    shell.env.retain(|(name, _)| name != "CLAWTRAY_DATA_DIR");
    shell.set("XDG_DATA_HOME", &place.join("share").display().to_string());
    let paths = Paths {
        config: place.join("config"),
        data: place.join("share/clawtray"),
    };
    let id = "home";
    Profiles::open(paths.profiles(), 1).0.put(Profile {
        id: id.to_owned(),
        name: "Home".to_owned(),
        url: served.url.clone(),
        ..Profile::default()
    });
    // Left by a process that was killed: the app takes it up.
    let store = Store::open(&paths.data, StoreOptions::default()).unwrap();
    let left = Prompt {
        session: "agent:main:left".into(),
        text: "left behind".into(),
        idempotency_key: "left-1".into(),
        thinking: None,
        attachments: Vec::new(),
        timeout_ms: None,
    };
    store.outbox_insert(id, &left, 1).unwrap();
    let dead = store.sender();
    store
        .outbox_claim(id, dead.name(), 2, dead.lease())
        .unwrap()
        .unwrap();

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let told = Arc::<Mutex<Vec<Value>>>::default();
    let (handle, ended) = runtime.block_on(async {
        let heard = Arc::clone(&told);
        let ports = host_ports::ports(&place, move |what| heard.lock().unwrap().push(what));
        let token = Secret::new(common::TOKEN);
        ports
            .secrets
            .set(id, SecretKind::GatewayToken, token)
            .await
            .unwrap();
        App::new(ports, paths, Options::default())
    });
    let app = runtime.spawn(ended);
    let dir = place.join("run/clawtray");
    let address = Address {
        socket: dir.join("control.sock"),
        dir,
    };
    let listener = runtime.block_on(async { Listener::bind(&address).unwrap() });
    runtime.spawn(listener.serve(Arc::new(handle.clone())));

    // While the other process lives, its message is its own.
    wait(|| shell.run(&["status"]).code == Some(0));
    let asked = shell.run(&["ask", "--session", "s", "[[say:Over the app.]] one"]);
    assert_eq!(
        (asked.code, asked.out.as_str()),
        (Some(0), "Over the app.\n"),
        "{asked:?}"
    );
    assert_eq!(
        store.outbox_entry("left-1").unwrap().unwrap().state,
        OutboxState::Sending
    );
    assert!(
        !model
            .seen()
            .iter()
            .any(|seen| seen.user_text.contains("left behind"))
    );
    // It dies: the next to send takes it up.
    drop(dead);
    let asked = shell.run(&["ask", "--json", "--session", "s", "[[say:Again.]] two"]);
    assert!(asked.code == Some(0) && asked.out.contains("Again."), "{asked:?}");
    assert_eq!(
        store.outbox_entry("left-1").unwrap().unwrap().state,
        OutboxState::Taken
    );
    assert!(store.outbox(id).unwrap().is_empty());
    wait(|| {
        model
            .seen()
            .iter()
            .any(|seen| seen.user_text.contains("left behind"))
    });
    // By ourselves there is no way: no keychain.
    assert_eq!(shell.run(&["ask", "--direct", "hi"]).code, Some(1));
    // The app's connection has no more than the profile allows, so full control is not asked of it.
    assert_eq!(shell.run(&["ask", "--full-control", "hi"]).code, Some(1));

    // What a key binding says to the app.
    let has_told = |what: Value| wait(|| told.lock().unwrap().contains(&what));
    for (args, effect) in [
        (&["toggle"][..], Some(serde_json::json!({ "show": "popup" }))),
        (&["toggle"], Some(serde_json::json!({ "hide": "popup" }))),
        (&["dnd", "30m"], None),
        (&["dnd", "off"], None),
        (&["open", "s"], Some(serde_json::json!({ "show": "popup" }))),
    ] {
        told.lock().unwrap().clear();
        let said = shell.run(args);
        assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
        if let Some(effect) = effect {
            has_told(effect);
        }
    }
    let quit = shell.run(&["quit"]);
    assert_eq!(quit.code, Some(0), "{quit:?}");
    runtime.block_on(app).unwrap();
    drop(handle);
    let after = model.seen();
    let times = after
        .iter()
        .filter(|seen| seen.user_text.contains("left behind"))
        .count();
    assert_eq!(times, 1, "{after:?}");
}

#[cfg(unix)]
fn wait(mut done: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + common::LIMIT;
    while !done() {
        assert!(std::time::Instant::now() < end, "it did not come");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
