//! The app and a gateway behind SSH: the system's own `ssh`, a server with the real protocol, and
//! the real gateway.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test stops where something is wrong"
)]

use clawtray_companion::profiles::ENVIRONMENT;
use clawtray_lab::{Running, Scratch, real_gateway};
use product_tests::leaks;
use product_tests::packages::npm_package;
use product_tests::waiting::{Asked, asked};
use product_tests::{Live, WindowHost, figures};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const APP: &str = env!("CARGO_BIN_EXE_ui-host");
const SSH2: &str = "ssh2@1.17.0";

/// A user with a key, a computer that knows it, and the `ssh` between them.
struct Home {
    place: Scratch,
    _server: Running,
    port: u16,
    live: &'static Live,
}

impl Home {
    fn new(live: &'static Live) -> Self {
        let place = Scratch::new("ssh").unwrap();
        let at = |name: &str| place.path().join(name);
        for key in ["host", "mine", "another"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f"])
                .arg(at(key));
            assert!(keygen.status().unwrap().success());
        }
        let mut command = Command::new(real_gateway::install().unwrap().node());
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("suites/ssh/server.mjs"))
            .arg(npm_package(SSH2))
            .args([at("host"), at("mine.pub")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut server = Running::start("an SSH server", &mut command).unwrap();
        let mut said = BufReader::new(server.child().stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&said.next().unwrap().unwrap()).unwrap();
        std::thread::spawn(move || said.for_each(drop));
        let port = first["port"].as_u64().unwrap().try_into().unwrap();
        let home = Self {
            place,
            _server: server,
            port,
            live,
        };
        home.configure("mine", true);
        home
    }

    fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Settings as in `~/.ssh`, and an `ssh` that reads them there: the system's looks into the real home.
    fn configure(&self, key: &str, knows_the_host: bool) {
        let host_key = std::fs::read_to_string(self.at("host.pub")).unwrap();
        let known = format!("[127.0.0.1]:{} {host_key}", self.port);
        std::fs::write(
            self.at("known_hosts"),
            if knows_the_host { known } else { String::new() },
        )
        .unwrap();
        let config = format!(
            "Host *\n  IdentityFile {}\n  IdentitiesOnly yes\n  IdentityAgent none\n  UserKnownHostsFile {}\n  \
             GlobalKnownHostsFile none\n",
            self.at(key).display(),
            self.at("known_hosts").display()
        );
        std::fs::write(self.at("config"), config).unwrap();
        std::fs::create_dir_all(self.at("bin")).unwrap();
        let script = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{}'\nexec /usr/bin/ssh -F '{}' \"$@\"\n",
            self.at("arguments").display(),
            self.at("config").display()
        );
        std::fs::write(self.at("bin/ssh"), script).unwrap();
        std::fs::set_permissions(self.at("bin/ssh"), PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn env(&self, gateway_port: u16) -> Vec<(&'static str, String)> {
        let mut env = self.live.env().to_vec();
        env[0].1 = format!("ssh://lab@127.0.0.1:{}/{gateway_port}", self.port);
        let path = std::env::var("PATH").unwrap();
        env.push(("PATH", format!("{}:{path}", self.at("bin").display())));
        env
    }

    async fn app(&self, name: &str, gateway_port: u16) -> WindowHost {
        WindowHost::start(APP, &self.at(name), &self.env(gateway_port))
            .await
            .unwrap()
    }
}

/// The connection, in what an app says.
fn connection(said: &Value) -> Option<&Value> {
    let update = said.get("update").unwrap_or(said);
    if let Some(connection) = update.pointer("/view/connection") {
        return Some(connection);
    }
    let changes = update.get("changes")?.as_array()?;
    changes.iter().find_map(|change| change.get("connection"))
}

async fn becomes(app: &mut WindowHost, word: &str) -> Value {
    let find = |said: &Value| connection(said).filter(|now| now["word"] == word).cloned();
    app.wait_for(word, find).await.unwrap()
}

async fn answers(app: &mut WindowHost, number: u64) {
    let (session, answer) = (
        json!({ "gateway": ENVIRONMENT, "session": format!("agent:main:ssh-{number}") }),
        format!("Answer {number} through SSH."),
    );
    let text = format!("[[say:{answer}]] Hello");
    let choose = json!({ "type": "setTarget", "session": session });
    app.request(100 + number, choose).await.unwrap();
    let request = json!({ "type": "sendMessage", "session": session, "text": text });
    app.request(number, request).await.unwrap();
    let shown = |said: &Value| {
        let text = said.to_string();
        text.contains(&answer) && text.contains("\"role\":\"assistant\"")
    };
    app.wait_for("the answer", |said| shown(said).then_some(()))
        .await
        .unwrap();
}

/// The `ssh` of an app.
fn ssh_below(app: &WindowHost) -> Option<u32> {
    let below = leaks::below(app.id()).unwrap();
    below.into_iter().find(|id| figures::name(*id) == "ssh")
}

#[tokio::test]
async fn a_gateway_behind_ssh_is_talked_to_and_its_ssh_started_anew_when_it_ends() {
    let live = Live::shared().unwrap();
    let home = Home::new(live);
    let mut app = home.app("app", live.gateway.port()).await;
    becomes(&mut app, "ready").await;
    answers(&mut app, 1).await;

    let first = ssh_below(&app).unwrap();
    assert!(
        Command::new("kill")
            .args(["-9", &first.to_string()])
            .status()
            .unwrap()
            .success()
    );
    let lost = |said: &Value| connection(said).filter(|now| now["word"] != "ready").cloned();
    app.wait_for("the cut", lost).await.unwrap();
    becomes(&mut app, "ready").await;
    let second = ssh_below(&app).unwrap();
    assert_ne!(first, second);
    answers(&mut app, 2).await;

    let arguments = std::fs::read_to_string(home.at("arguments")).unwrap();
    assert!(
        arguments.lines().count() >= 2 && arguments.contains("BatchMode=yes"),
        "{arguments}"
    );
    assert!(!arguments.contains(live.gateway.token()));
    drop(app);
    asked("no ssh stays behind", || async {
        let still = [first, second].into_iter().find(|id| figures::name(*id) == "ssh");
        Ok(still.map_or(Asked::There(()), |id| Asked::NotYet(format!("{id} runs"))))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_keeps_ssh_from_the_gateway_is_said_with_what_to_do() {
    let live = Live::shared().unwrap();
    let home = Home::new(live);
    let by_hand = format!("ssh -p {} lab@127.0.0.1", home.port);

    home.configure("mine", false);
    let said = becomes(&mut home.app("unknown", live.gateway.port()).await, "refused").await;
    assert_eq!(
        said["sentence"],
        "SSH does not know the host key of 127.0.0.1 yet."
    );
    assert_eq!(said["command"], by_hand.as_str());

    home.configure("another", true);
    let said = becomes(&mut home.app("stranger", live.gateway.port()).await, "refused").await;
    assert_eq!(
        said["sentence"],
        "SSH could not sign in to 127.0.0.1 without a prompt."
    );
    assert_eq!(said["command"], by_hand.as_str());

    // Nobody listens on port 1: `ssh` gets there, and finds no gateway.
    home.configure("mine", true);
    let mut app = home.app("nobody", 1).await;
    becomes(&mut app, "offline").await;
    let url = format!("ssh://lab@127.0.0.1:{}/1", home.port);
    app.request_in_settings(7, json!({ "type": "testGateway", "url": url }))
        .await
        .unwrap();
    let tested = app
        .wait_for("the test", |said| (said["id"] == 7).then(|| said.clone()))
        .await
        .unwrap();
    assert!(
        tested
            .to_string()
            .contains("SSH reached 127.0.0.1, but no gateway is running there"),
        "{tested}"
    );
}
