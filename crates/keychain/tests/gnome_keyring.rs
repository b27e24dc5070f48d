//! The keychain against a real gnome-keyring on a private bus: open, locked, absent, late,
//! restarted, stuck.
//!
//! The Secret Service is found through the environment of the process. So each test starts this
//! program again inside the session and talks to it line by line.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test stops where something is wrong"
)]

use clawtray_companion::ports::{Secret, SecretKind, SecretStore};
use clawtray_keychain::Keychain;
use clawtray_lab::{Desktop, DesktopConfig, Keyring};
use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

const KIND: SecretKind = SecretKind::GatewayToken;

/// What runs inside the session: one line in, one answer out.
#[tokio::test]
#[ignore = "started by the other tests, inside a session"]
async fn inside() {
    let keychain = Keychain::system();
    let mut line = String::new();
    while std::io::stdin().read_line(&mut line).unwrap() > 0 {
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words.as_slice() {
            ["get", profile] => {
                format!(
                    "{:?}",
                    keychain
                        .get(profile, KIND)
                        .await
                        .map(|it| it.map(|it| it.expose().to_owned()))
                )
            }
            ["set", profile, value] => {
                format!("{:?}", keychain.set(profile, KIND, Secret::new(*value)).await)
            }
            ["delete", profile] => format!("{:?}", keychain.delete(profile, KIND).await),
            ["name"] => keychain.name(),
            ["open"] => keychain.is_open().await.to_string(),
            ["person"] => {
                keychain.person_asks();
                "noted".to_owned()
            }
            _ => "not understood".to_owned(),
        };
        println!("\nanswer {answer}");
        line.clear();
    }
}

struct Inside {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Inside {
    fn start(desktop: &Desktop) -> Self {
        let mut command = desktop.command(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "--nocapture", "inside"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (questions, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self {
            child,
            questions,
            answers: BufReader::new(answers),
        }
    }

    fn ask(&mut self, question: &str) -> String {
        writeln!(self.questions, "{question}").unwrap();
        loop {
            let mut line = String::new();
            assert_ne!(
                self.answers.read_line(&mut line).unwrap(),
                0,
                "{question}: the program inside ended"
            );
            if let Some(answer) = line.trim_end().strip_prefix("answer ") {
                return answer.to_owned();
            }
        }
    }

    fn check(&mut self, question: &str, expected: &str) {
        assert_eq!(self.ask(question), expected, "{question}");
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn desktop(keyring: Keyring) -> Desktop {
    Desktop::start(&DesktopConfig {
        keyring,
        window_manager: false,
        ..DesktopConfig::default()
    })
    .unwrap()
}

#[test]
fn an_open_keyring_keeps_entries_that_other_programs_find() {
    let desktop = desktop(Keyring::Unlocked);
    let mut inside = Inside::start(&desktop);
    inside.check("get home", "Ok(None)");
    inside.check("set home first", "Ok(())");
    inside.check("set home second", "Ok(())");
    inside.check("get home", r#"Ok(Some("second"))"#);
    inside.check("get office", "Ok(None)");
    inside.check("name", "GNOME Keyring (Secret Service)");
    let entry = [("service", "clawtray"), ("username", "home:gateway-token")];
    assert_eq!(desktop.lookup_secret(&entry).unwrap().as_deref(), Some("second"));
    inside.check("delete home", "Ok(())");
    inside.check("delete home", "Ok(())");
    inside.check("get home", "Ok(None)");
    assert_eq!(desktop.lookup_secret(&entry).unwrap(), None);
}

#[test]
fn a_locked_keyring_is_said_to_be_locked_and_works_once_it_is_open() {
    let mut desktop = desktop(Keyring::Unlocked);
    let mut inside = Inside::start(&desktop);
    inside.check("set home kept", "Ok(())");
    desktop.start_keyring(Keyring::Locked).unwrap();
    inside.check("get home", "Err(Locked)");
    // Not even an entry that was never there is called absent while nobody can look.
    inside.check("get office", "Err(Locked)");
    inside.check("set home other", "Err(Locked)");
    desktop.start_keyring(Keyring::Unlocked).unwrap();
    inside.check("get home", r#"Ok(Some("kept"))"#);
}

#[test]
fn without_a_default_keyring_nothing_is_open_and_a_new_one_is_asked_for_once() {
    let mut desktop = desktop(Keyring::Empty);
    let mut inside = Inside::start(&desktop);
    let mut watch = Watch::start(&desktop);
    inside.check("open", "false");
    inside.check("get home", "Ok(None)");
    inside.check("set home kept", "Err(Locked)");
    inside.check("set home kept", "Err(Locked)");
    inside.check("set office kept", "Err(Locked)");
    assert_eq!(watch.created(&desktop), 1);
    inside.check("person", "noted");
    inside.check("set home kept", "Err(Locked)");
    assert_eq!(watch.created(&desktop), 1);
    desktop.start_keyring(Keyring::Unlocked).unwrap();
    inside.check("open", "true");
    inside.check("set home kept", "Ok(())");
    desktop.start_keyring(Keyring::Locked).unwrap();
    inside.check("open", "false");
}

#[test]
fn a_service_that_comes_late_or_goes_is_noticed_by_the_next_call() {
    let mut desktop = desktop(Keyring::None);
    let mut inside = Inside::start(&desktop);
    inside.check("get home", "Err(Absent)");
    inside.check("set home kept", "Err(Absent)");
    desktop.start_keyring(Keyring::Unlocked).unwrap();
    inside.check("set home kept", "Ok(())");
    desktop.stop_keyring();
    inside.check("get home", "Err(Absent)");
    desktop.start_keyring(Keyring::Unlocked).unwrap();
    inside.check("get home", r#"Ok(Some("kept"))"#);
}

#[test]
fn a_service_that_does_not_answer_ends_at_the_limit_and_is_found_again() {
    let desktop = desktop(Keyring::Unlocked);
    let mut inside = Inside::start(&desktop);
    inside.check("set home kept", "Ok(())");
    let daemon = daemon(&desktop);
    signal("STOP", &daemon);
    inside.check("get home", "Err(Timeout)");
    inside.check("set home other", "Err(Timeout)");
    signal("CONT", &daemon);
    inside.check("get home", r#"Ok(Some("kept"))"#);
}

/// What is asked of the service, as the bus sees it.
struct Watch {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Watch {
    fn start(desktop: &Desktop) -> Self {
        let rules = [
            "type='method_call',interface='org.freedesktop.Secret.Service'",
            "type='signal',interface='org.clawtray.Test'",
        ];
        let mut child = desktop
            .command("dbus-monitor")
            .arg("--session")
            .args(rules)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut watch = Self { child, lines };
        // It sees its own arrival when it watches.
        while !watch.line().contains("NameAcquired") {}
        while !watch.line().contains("NameLost") {}
        watch
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "dbus-monitor ended");
        line
    }

    /// How often a collection was asked for since the last call.
    fn created(&mut self, desktop: &Desktop) -> usize {
        let mark = ["--session", "--type=signal", "/", "org.clawtray.Test.Mark"];
        let sent = desktop.command("dbus-send").args(mark).status().unwrap();
        assert!(sent.success());
        let mut created = 0;
        loop {
            let line = self.line();
            if line.contains("member=Mark") {
                return created;
            }
            created += usize::from(line.contains("member=CreateCollection"));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process that owns the service's name.
fn daemon(desktop: &Desktop) -> String {
    let call = [
        "--session",
        "--dest=org.freedesktop.DBus",
        "--print-reply=literal",
        "/org/freedesktop/DBus",
    ];
    let words = [
        "org.freedesktop.DBus.GetConnectionUnixProcessID",
        "string:org.freedesktop.secrets",
    ];
    let output = desktop
        .command("dbus-send")
        .args(call)
        .args(words)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().last().expect("a process id").to_owned()
}

fn signal(name: &str, process: &str) {
    assert!(
        Command::new("kill")
            .arg(format!("-{name}"))
            .arg(process)
            .status()
            .unwrap()
            .success()
    );
}
