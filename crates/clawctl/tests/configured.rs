//! `clawctl` with configured gateways: secrets in the keychain, prompts in the outbox.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use clawtray_companion::store::{OutboxState, Store, StoreOptions};
use clawtray_gateway_client::Prompt;
use clawtray_lab::{Desktop, DesktopConfig, Keyring, ScriptedModel};
use common::{LIMIT, Served, Shell, TOKEN, finish};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A desktop with a keyring, a gateway on it, and a shell that knows the gateway by its list alone.
struct Home {
    shell: Shell,
    // In the order they go.
    _served: Served,
    _server: Shell,
    _model: ScriptedModel,
    desktop: Desktop,
    url: String,
}

impl Home {
    fn new() -> Self {
        let config = DesktopConfig {
            window_manager: false,
            keyring: Keyring::Unlocked,
            ..DesktopConfig::default()
        };
        let desktop = Desktop::start(&config).unwrap();
        let model = ScriptedModel::start().unwrap();
        let mut server = Shell::new(env!("CARGO_BIN_EXE_clawctl"));
        let served = Served::start(&mut server, &model.base_url());
        let mut shell = Shell::new(env!("CARGO_BIN_EXE_clawctl"));
        shell.set("DBUS_SESSION_BUS_ADDRESS", desktop.bus_address());
        let url = served.url.clone();
        Self {
            shell,
            _served: served,
            _server: server,
            _model: model,
            desktop,
            url,
        }
    }

    /// Adds the gateway, and answers its id.
    fn add(&self) -> String {
        let said = self.shell.run_with(
            &["gateway", "add", &self.url, "--name", "Home"],
            &format!("{TOKEN}\n"),
        );
        assert_eq!(said.code, Some(0), "{said:?}");
        self.list()[0]["id"].as_str().unwrap().to_owned()
    }

    fn list(&self) -> Value {
        serde_json::from_str(&self.shell.run(&["gateway", "list", "--json"]).out).unwrap()
    }

    fn secret(&self, id: &str, kind: &str) -> Option<String> {
        let user = format!("{id}:{kind}");
        self.desktop
            .lookup_secret(&[("service", "clawtray"), ("username", &user)])
            .unwrap()
    }

    fn store(&self) -> Store {
        let data = self.shell.dir.path().join("data");
        Store::open(data, StoreOptions::default()).unwrap()
    }

    /// Waits until the gateway has begun with everything in a session; it takes one message after the other.
    fn wait_for(&self, session: &str, count: usize) -> Vec<String> {
        let end = Instant::now() + LIMIT;
        loop {
            let said = self.said_in(session);
            if said.len() >= count {
                return said;
            }
            assert!(Instant::now() < end, "only {said:?} in {session}");
        }
    }

    /// What the person said in a session, as the gateway has it.
    fn said_in(&self, session: &str) -> Vec<String> {
        let said = self.shell.run(&["history", session, "--json", "-n", "500"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        let history: Value = serde_json::from_str(&said.out).unwrap();
        let messages = history["messages"].as_array().unwrap().iter();
        messages
            .filter(|message| message["role"] == "user")
            .map(|message| {
                let text = &message["content"];
                text.as_str()
                    .or_else(|| text[0]["text"].as_str())
                    .unwrap_or_else(|| panic!("a message without text: {message}"))
                    .to_owned()
            })
            .collect()
    }
}

fn prompt(id: &str, session: &str, text: &str) -> Prompt {
    Prompt {
        session: session.into(),
        text: text.into(),
        idempotency_key: id.into(),
        thinking: None,
        attachments: Vec::new(),
        timeout_ms: None,
    }
}

/// All files below a folder.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_gateway_is_added_used_tested_paired_and_forgotten_with_its_secrets_in_the_keychain() {
    let mut home = Home::new();
    let id = home.add();
    assert_eq!(home.secret(&id, "gateway-token").as_deref(), Some(TOKEN));
    assert!(home.secret(&id, "device-key").is_some());
    for file in files(home.shell.dir.path()) {
        let bytes = std::fs::read(&file).unwrap();
        let has = bytes.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes());
        assert!(!has, "{} has the token in it", file.display());
    }
    for (args, says) in [
        (&["status"][..], "Home"),
        (&["gateway", "test"], "connected in"),
        (&["gateway", "pair"], "paired with Home"),
        (&["ask", "[[say:By the list.]]"], "By the list."),
        (&["gateway", "list"], "*\tHome\t"),
    ] {
        let said = home.shell.run(args);
        assert!(
            said.code == Some(0) && said.out.contains(says),
            "{args:?}: {said:?}"
        );
    }
    let doctor = home.shell.run(&["doctor"]);
    for part in [
        "ok   gateway        Home",
        "ok   network",
        "ok   keychain",
        "warn tray host",
    ] {
        assert!(
            doctor.code == Some(0) && doctor.out.contains(part),
            "{part}: {doctor:?}"
        );
    }
    let nexts = doctor.out.matches("next: ").count();
    assert_eq!(
        nexts,
        doctor.out.matches("warn ").count(),
        "each has a next step: {doctor:?}"
    );
    let key = home.secret(&id, "device-key");
    home.shell.run(&["status"]);
    assert_eq!(
        home.secret(&id, "device-key"),
        key,
        "one device, however often it is asked"
    );

    let other = &[
        "gateway",
        "add",
        "ws://127.0.0.1:9",
        "--name",
        "Away",
        "--no-test",
        "--no-token",
    ];
    assert_eq!(home.shell.run(other).code, Some(0));
    assert_eq!(home.shell.run(&["gateway", "use", "Away"]).code, Some(0));
    assert_eq!(home.shell.run(&["status"]).code, Some(3), "nothing listens there");
    assert_eq!(home.shell.run(&["status", "-g", "Home"]).code, Some(0));

    // Locked: said at once, with the next step; the environment goes on without a keychain.
    home.desktop.start_keyring(Keyring::Locked).unwrap();
    let said = home.shell.run(&["ask", "-g", "Home", "hi"]);
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
    assert!(
        said.err.contains("locked") && said.err.contains("next: unlock the keychain"),
        "{}",
        said.err
    );
    let doctor = home.shell.run(&["doctor", "-g", "Home"]);
    assert!(
        doctor.code == Some(1) && doctor.out.contains("warn keychain"),
        "{doctor:?}"
    );
    let mut by_environment = home.shell.command(&["status"]);
    by_environment.envs([
        ("OPENCLAW_GATEWAY_URL", home.url.as_str()),
        ("OPENCLAW_GATEWAY_TOKEN", TOKEN),
    ]);
    assert_eq!(finish(by_environment.spawn().unwrap(), &["status"]).code, Some(0));
    home.desktop.start_keyring(Keyring::Unlocked).unwrap();

    assert_eq!(home.shell.run(&["gateway", "remove", "Home"]).code, Some(0));
    assert_eq!(
        (home.secret(&id, "gateway-token"), home.secret(&id, "device-key")),
        (None, None)
    );
    assert_eq!(home.list().as_array().unwrap().len(), 1);
}

#[test]
fn a_message_is_sent_once_whoever_sends_it_and_whoever_is_killed() {
    let home = Home::new();
    let id = home.add();
    let store = home.store();

    // Left by a process that is gone; two others find it at the same time.
    for n in 0..6 {
        let left = prompt(
            &format!("left-{n}"),
            &format!("agent:main:left-{}", n % 2),
            &format!("left {n}"),
        );
        store.outbox_insert(&id, &left, 1).unwrap();
    }
    let args = ["ask", "--no-wait", "--session", "x", "one of two"];
    let both: Vec<_> = (0..2)
        .map(|_| home.shell.command(&args).spawn().unwrap())
        .collect();
    for child in both {
        let said = finish(child, &args);
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    assert_eq!(
        home.wait_for("agent:main:left-0", 3),
        ["left 0", "left 2", "left 4"]
    );
    assert_eq!(
        home.wait_for("agent:main:left-1", 3),
        ["left 1", "left 3", "left 5"]
    );
    assert_eq!(
        home.wait_for("x", 2),
        ["one of two"; 2],
        "each of the two has sent its own"
    );

    // Killed between the moment the message is on the disk and the moment the gateway's answer is, or near it.
    let mut written = BTreeSet::new();
    for kill in 0..20_u64 {
        let text = format!("killed {kill}");
        let args = ["ask", "--no-wait", "--session", "killed", &text];
        let mut child = home.shell.command(&args).spawn().unwrap();
        let end = Instant::now() + LIMIT;
        loop {
            let waiting = store.outbox(&id).unwrap();
            if waiting.iter().any(|entry| entry.text == text) {
                written.insert(text.clone());
                break;
            }
            if child.try_wait().unwrap().is_some() {
                break;
            }
            assert!(Instant::now() < end, "nothing came of {text}");
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_micros(kill * 300));
        let _ = child.kill();
        child.wait().unwrap();
    }
    let said = home
        .shell
        .run(&["ask", "--no-wait", "--session", "killed", "alive"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let mut said = home.said_in("killed");
    let end = Instant::now() + LIMIT;
    while said.last().map(String::as_str) != Some("alive") {
        assert!(Instant::now() < end, "the last message is missing: {said:?}");
        said = home.said_in("killed");
    }
    let once: BTreeSet<&String> = said.iter().collect();
    assert_eq!(once.len(), said.len(), "none is doubled: {said:?}");
    for text in &written {
        assert!(said.contains(text), "{text} was lost: {said:?}");
    }
    assert!(
        written.len() > 3,
        "the kills came too late to show anything: {written:?}"
    );
    assert!(store.outbox(&id).unwrap().is_empty(), "nothing waits any more");
    for n in 0..6 {
        let entry = store.outbox_entry(&format!("left-{n}")).unwrap().unwrap();
        assert_eq!(entry.state, OutboxState::Taken);
    }
}

/// A gateway of the `sessions` dialect that takes every message and hangs up before it answers. What it was sent.
fn forgetful_gateway() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&sent);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = Vec::new();
            let mut part = [0; 4096];
            // One request a connection; a body is whole when its last brace is there.
            while let Ok(length @ 1..) = stream.read(&mut part) {
                request.extend_from_slice(&part[..length]);
                let text = String::from_utf8_lossy(&request);
                let Some((head, body)) = text.split_once("\r\n\r\n") else {
                    continue;
                };
                if !head.starts_with("POST ") {
                    let body = r#"{"status":"ok","sessions":[],"messages":[]}"#;
                    let _ = write!(
                        stream,
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                        body.len()
                    );
                    break;
                }
                if body.ends_with('}') {
                    seen.lock().unwrap().push(body.to_owned());
                    break;
                }
            }
        }
    });
    (url, sent)
}

#[test]
fn a_message_whose_answer_an_http_gateway_lost_is_not_sent_again() {
    let home = Home::new();
    let (url, sent) = forgetful_gateway();
    let add = ["gateway", "add", &url, "--name", "Web", "--dialect", "sessions"];
    let said = home.shell.run_with(&add, &format!("{TOKEN}\n"));
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = home.shell.run(&["ask", "--session", "s", "once only"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    for part in ["may have arrived", "is not sent again", "next: clawctl history"] {
        assert!(said.err.contains(part), "{part}: {said:?}");
    }
    // What is sent next does not bring it back.
    let said = home.shell.run(&["ask", "--session", "s", "another"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    let sent = sent.lock().unwrap();
    for text in ["once only", "another"] {
        let times = sent.iter().filter(|body| body.contains(text)).count();
        assert_eq!(times, 1, "{text}: {sent:?}");
    }
}

#[test]
fn a_gateway_is_added_once_the_keychain_was_unlocked_in_its_dialog() {
    let mut home = Home::new();
    home.desktop.start_keyring(Keyring::Locked).unwrap();
    let words = [
        "gateway",
        "add",
        "ws://127.0.0.1:9",
        "--name",
        "Late",
        "--no-test",
        "--no-token",
    ];
    let mut adding = home.shell.command(&words).spawn().unwrap();
    let mut said = std::io::BufReader::new(adding.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("waiting for the keychain's dialog") {
        line.clear();
        let read = std::io::BufRead::read_line(&mut said, &mut line).unwrap();
        assert!(read > 0, "it did not wait");
    }
    assert!(adding.try_wait().unwrap().is_none(), "it waits");
    home.desktop.start_keyring(Keyring::Unlocked).unwrap();
    let added = finish(adding, &words);
    assert_eq!(
        (added.code, added.out.as_str()),
        (Some(0), "added Late\n"),
        "{added:?}"
    );
    let id = home.list()[0]["id"].as_str().unwrap().to_owned();
    assert!(home.secret(&id, "device-key").is_some());
}
