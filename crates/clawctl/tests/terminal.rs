//! `clawctl` on a real terminal, which `script` provides.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;
#[path = "common/hostile.rs"]
mod hostile;

use clawtray_lab::ScriptedModel;
use common::{LIMIT, Said, Served, Shell, finish};
use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::Instant;

fn shell() -> Shell {
    Shell::new(env!("CARGO_BIN_EXE_clawctl"))
}

/// Runs words of a shell on a terminal; what both outputs show is in `out`, as the terminal gets it.
fn on_terminal(shell: &Shell, words: &str) -> Child {
    let line = format!("{} {words}", shell.program.display());
    let mut script = std::process::Command::new("script");
    script
        .args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TERM", "xterm")
        .env("SHELL", "/bin/sh");
    script
        .envs(shell.env.iter().cloned())
        .current_dir(shell.dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    script
        .spawn()
        .expect("script (of util-linux) gives the test a terminal")
}

fn said(shell: &Shell, words: &str) -> Said {
    let mut child = on_terminal(shell, words);
    // An open input, as a person's keyboard is.
    let keyboard = child.stdin.take();
    let said = finish(child, &[words]);
    drop(keyboard);
    said
}

const COLOURS: [&str; 6] = [
    "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m",
];

fn has_colours(text: &str) -> bool {
    COLOURS.iter().any(|colour| text.contains(colour))
}

#[test]
fn markdown_is_drawn_and_progress_is_shown_and_taken_away() {
    let model = ScriptedModel::start().unwrap();
    let mut shell = shell();
    let _served = Served::start(&mut shell, &model.base_url());
    let prompt = "ask '[[say:# Title\n\nSome **bold** and `code`.]]'";
    let drawn = said(&shell, prompt);
    assert_eq!(drawn.code, Some(0), "{drawn:?}");
    assert!(
        drawn.out.contains("Title") && drawn.out.contains("bold"),
        "{drawn:?}"
    );
    assert!(
        !drawn.out.contains("**") && !drawn.out.contains("# Title"),
        "it is drawn: {drawn:?}"
    );
    assert!(has_colours(&drawn.out), "{drawn:?}");
    assert!(drawn.out.contains("connecting…"), "progress is shown: {drawn:?}");
    let (_, after) = drawn.out.rsplit_once("…").unwrap();
    assert!(after.contains("\r\x1b[2K"), "and taken away: {drawn:?}");

    for plain in [
        format!("--color never {prompt}"),
        format!("--quiet --color never {prompt}"),
    ] {
        let plain = said(&shell, &plain);
        assert!(plain.code == Some(0) && !has_colours(&plain.out), "{plain:?}");
    }
    let quiet = said(&shell, &format!("--quiet {prompt}"));
    assert!(!quiet.out.contains("connecting"), "{quiet:?}");
    shell.set("NO_COLOR", "1");
    let plain = said(&shell, prompt);
    assert!(plain.code == Some(0) && !has_colours(&plain.out), "{plain:?}");
    assert!(plain.out.contains("**bold**"), "as the agent wrote it: {plain:?}");
}

#[test]
fn ctrl_c_from_the_keyboard_stops_at_any_moment() {
    let model = ScriptedModel::start().unwrap();
    let mut shell = shell();
    let _served = Served::start(&mut shell, &model.base_url());
    // In the middle of the reply.
    let mut child = on_terminal(&shell, "ask '[[say:begun and held back]] [[n:2]] [[hold:never]]'");
    assert!(model.wait_for(LIMIT, |_| true).is_some(), "the model was asked");
    let mut keyboard = child.stdin.take().unwrap();
    keyboard.write_all(b"\x03").unwrap();
    let stopped = finish(child, &["ask"]);
    assert_eq!(stopped.code, Some(130), "{stopped:?}");
    let last = stopped
        .out
        .trim_end()
        .rsplit("\r\x1b[2K")
        .next()
        .unwrap_or_default();
    assert!(
        last.ends_with("stopped") || last.ends_with("interrupted"),
        "the progress line is gone: {stopped:?}"
    );

    // Before there is a connection: somebody takes the call and says nothing.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    shell.set(
        "OPENCLAW_GATEWAY_URL",
        &format!("ws://{}", mute.local_addr().unwrap()),
    );
    let mut child = on_terminal(&shell, "ask hi");
    let (_call, _) = mute.accept().unwrap();
    let mut keyboard = child.stdin.take().unwrap();
    let end = Instant::now() + LIMIT;
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "Ctrl+C is not heard");
        // The terminal is there before the program listens: press until it does.
        let _ = keyboard.write_all(b"\x03");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let stopped = finish(child, &["ask"]);
    assert_eq!(stopped.code, Some(130), "{stopped:?}");
}

#[test]
fn control_characters_of_others_do_not_reach_the_terminal() {
    let model = ScriptedModel::start().unwrap();
    let mut shell = shell();
    let _served = Served::start(&mut shell, &model.base_url());
    shell.set("NO_COLOR", "1");
    let words = "ask \"[[say:before $(printf '\\033]0;owned\\007\\033[31m') after]]\"";
    let shown = said(&shell, words);
    assert!(shown.code == Some(0) && shown.out.contains("after"), "{shown:?}");
    assert!(
        !shown.out.contains("\x1b]0;") && !shown.out.contains("\x1b[31m"),
        "{shown:?}"
    );
}

/// What is left of an output without what `clawctl` itself tells the terminal: colours, and a progress line that goes.
fn without_our_own(text: &str) -> String {
    let mut rest = text.replace("\r\x1b[2K", "");
    for code in ["0", "1", "2", "31", "32", "33", "34", "36"] {
        rest = rest.replace(&format!("\x1b[{code}m"), "");
    }
    rest.replace('\r', "")
}

fn is_obeyed(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn no_command_lets_a_gateway_steer_the_terminal() {
    let model = ScriptedModel::start().unwrap();
    let mut shell = shell();
    let served = Served::start(&mut shell, &model.base_url());
    let seeded = shell.run(&["ask", "--session", "main", "[[say:Seeded.]]"]);
    assert_eq!(seeded.code, Some(0), "{seeded:?}");
    let between = hostile::Between::start(&served.url);
    shell.set("OPENCLAW_GATEWAY_URL", &between.url);
    // What is shown of it is the rest of its words: the text has come through.
    const SHOWN: bool = true;
    for (words, shown) in [
        ("status", SHOWN),
        ("status --json", SHOWN),
        ("status --waybar", SHOWN),
        ("doctor", SHOWN),
        ("doctor --json", SHOWN),
        ("gateway test", SHOWN),
        ("gateway test --json", SHOWN),
        ("sessions", SHOWN),
        ("sessions --json", SHOWN),
        ("history main", SHOWN),
        ("history main --json", SHOWN),
        ("search Seeded", SHOWN),
        ("search Seeded --json", SHOWN),
        ("export main", SHOWN),
        ("export main --format json", SHOWN),
        ("logs", SHOWN),
        ("logs --json", SHOWN),
        ("call no.such.method", SHOWN),
        ("call status", !SHOWN),
        ("usage", !SHOWN),
        ("usage --json", !SHOWN),
        ("approvals", !SHOWN),
        ("approvals --json", !SHOWN),
        ("questions", !SHOWN),
        ("cron", !SHOWN),
        ("cron --json", !SHOWN),
        ("watch --limit 1", !SHOWN),
        ("ask --session main '[[say:Hello.]]'", SHOWN),
        ("ask --session main --json '[[say:Hello.]]'", SHOWN),
        ("ask --session main --jsonl '[[say:Hello.]]'", SHOWN),
    ] {
        let said = said(&shell, words);
        let left = without_our_own(&said.out);
        let obeyed: Vec<char> = left.chars().filter(|c| is_obeyed(*c)).collect();
        assert!(obeyed.is_empty(), "{words} lets {obeyed:?} through: {said:?}");
        assert!(
            !shown || left.contains("owned"),
            "{words} shows nothing of it: {said:?}"
        );
    }
}
