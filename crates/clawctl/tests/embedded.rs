//! The program `clawctl` against the built-in gateway, and without any gateway.

mod common;

use clawtray_lab::ScriptedModel;
use common::{Served, Shell, TOKEN};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;

fn shell() -> Shell {
    Shell::new(env!("CARGO_BIN_EXE_clawctl"))
}

fn snapshot(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/snapshots")
        .join(name)
}

#[test]
fn every_command_says_what_was_reviewed() {
    let model = ScriptedModel::start().unwrap();
    let mut shell = shell();
    let _served = Served::start(&mut shell, &model.base_url());
    common::every_command(&mut shell);
    shell.note(&["cron", "list"]);
    shell.compare(&snapshot("embedded.txt"));
}

#[test]
fn keys_are_made_once_and_end() {
    let mut shell = shell();
    shell.note(&["api-key", "list"]);
    shell.note(&["api-key", "create", "--label", "Script", "--workspaces", "a, b"]);
    let made = shell.run(&["api-key", "create", "--label", "second", "--json"]);
    let made: Value = serde_json::from_str(&made.out).unwrap();
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("oclaw_live_"), "{made}");
    let listed = shell.note(&["api-key", "list"]);
    assert!(!listed.out.contains(key), "a list shows no key in full");
    let rotated = shell.run(&["api-key", "rotate", key, "--json"]);
    let rotated: Value = serde_json::from_str(&rotated.out).unwrap();
    assert_ne!(rotated["key"], made["key"]);
    assert_eq!(
        shell.run(&["api-key", "rotate", key]).code,
        Some(4),
        "the old key is worthless"
    );
    shell.note(&["api-key", "revoke", "second"]);
    shell.note(&["api-key", "create", "--label", "x", "--permissions", "everything"]);
    shell.compare(&snapshot("api-key.txt"));
}

#[test]
fn without_a_gateway_each_command_says_what_to_do() {
    let mut shell = shell();
    shell.note(&["status"]);
    shell.note(&["ask", "hi"]);
    shell.note(&["status", "--waybar"]);
    shell.set("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:9");
    shell.note(&["sessions"]);
    shell.note(&["status", "--json"]);
    shell.note(&["doctor"]);
    shell.compare(&snapshot("no-gateway.txt"));
}

#[test]
fn a_wrong_token_is_refused_with_the_next_step() {
    let model = ScriptedModel::start().unwrap();
    let mut shell = shell();
    let _served = Served::start(&mut shell, &model.base_url());
    shell.set("OPENCLAW_GATEWAY_TOKEN", "wrong");
    let said = shell.run(&["ask", "hi"]);
    assert_eq!((said.code, said.out.as_str()), (Some(4), ""), "{said:?}");
    assert!(
        said.err.contains("AUTH_TOKEN_MISMATCH") && said.err.contains("next:"),
        "{}",
        said.err
    );
    assert!(
        !said.err.contains(TOKEN) && !said.err.contains("wrong\n"),
        "{}",
        said.err
    );
}

#[test]
fn standard_input_is_a_prompt() {
    let model = ScriptedModel::start().unwrap();
    let mut shell = shell();
    let _served = Served::start(&mut shell, &model.base_url());
    let said = shell.run_with(&["ask", "-"], "[[say:From a pipe.]]\n");
    assert_eq!(
        (said.code, said.out.as_str()),
        (Some(0), "From a pipe.\n"),
        "{said:?}"
    );
    let said = shell.run_with(&["ask"], "");
    assert_eq!(said.code, Some(2), "{said:?}");
}

#[test]
fn steps_come_as_json_lines() {
    let model = ScriptedModel::start().unwrap();
    let mut shell = shell();
    let _served = Served::start(&mut shell, &model.base_url());
    let said = shell.run(&["ask", "--jsonl", "[[say:one two three four]] [[n:4]] [[d:100]]"]);
    let lines: Vec<Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(
        (kinds.first(), kinds.last()),
        (Some(&"started"), Some(&"result")),
        "{kinds:?}"
    );
    let pieces: String = lines
        .iter()
        .filter(|line| line["step"]["kind"] == "delta")
        .map(|line| line["step"]["text"].as_str().unwrap())
        .collect();
    assert!(
        "one two three four".starts_with(&pieces) && !pieces.is_empty(),
        "{pieces}"
    );
    assert_eq!(lines.last().unwrap()["text"], "one two three four");
}

#[test]
fn a_reader_that_goes_is_no_error() {
    let model = ScriptedModel::start().unwrap();
    let mut shell = shell();
    let _served = Served::start(&mut shell, &model.base_url());
    for args in [
        &["call", "health"][..],
        &["ask", "[[bytes:200000]]"],
        &["completions", "zsh"],
    ] {
        let mut child = shell.command(args).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let said = common::finish(child, args);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
#[cfg(unix)]
fn ctrl_c_stops_the_run() {
    let model = ScriptedModel::start().unwrap();
    let mut shell = shell();
    let _served = Served::start(&mut shell, &model.base_url());
    let args = &["ask", "[[say:begun and never ended]] [[n:2]] [[hang]]"];
    let child = shell.command(args).spawn().unwrap();
    assert!(
        model.wait_for(common::LIMIT, |_| true).is_some(),
        "the model was asked"
    );
    common::interrupt(&child);
    let said = common::finish(child, args);
    assert_eq!(said.code, Some(130), "{said:?}");
    let sessions: Value = serde_json::from_str(&shell.run(&["sessions", "--json"]).out).unwrap();
    assert_eq!(sessions["sessions"][0]["hasActiveRun"], false, "{sessions}");
}

/// The reader is slow: the run is over at the gateway while its last words wait in the pipe.
#[test]
#[cfg(unix)]
fn ctrl_c_after_the_last_word_loses_nothing() {
    const BYTES: usize = 150_000;
    let model = ScriptedModel::start().unwrap();
    let mut shell = shell();
    let _served = Served::start(&mut shell, &model.base_url());
    let prompt = format!("[[bytes:{BYTES}]] [[n:4]]");
    let args = &["ask", "--session", "late", &prompt];
    let child = shell.command(args).spawn().unwrap();
    let history = || {
        let said = shell.run(&["history", "late", "--json"]);
        serde_json::from_str::<Value>(&said.out).unwrap_or_default()
    };
    let end = std::time::Instant::now() + common::LIMIT;
    let over = loop {
        let now = history();
        let messages = now["messages"].as_array().map_or(0, Vec::len);
        if messages >= 2 && now["inFlight"].is_null() {
            break now;
        }
        assert!(std::time::Instant::now() < end, "the run does not end: {now}");
    };
    common::interrupt(&child);
    let said = common::finish(child, args);
    assert_eq!(said.code, Some(0), "it was done: {}", said.err);
    assert_eq!(said.out.trim_end().len(), BYTES, "the whole reply");
    assert_eq!(history(), over, "and nothing was done about it");
}

#[test]
fn out_of_time_stops_the_run() {
    let model = ScriptedModel::start().unwrap();
    let mut shell = shell();
    let _served = Served::start(&mut shell, &model.base_url());
    let said = shell.run(&["ask", "--timeout", "1", "--json", "[[hang]]"]);
    assert_eq!(said.code, Some(5), "{said:?}");
    let sessions: Value = serde_json::from_str(&shell.run(&["sessions", "--json"]).out).unwrap();
    assert_eq!(sessions["sessions"][0]["hasActiveRun"], false, "{sessions}");
}

#[test]
fn completions_and_man_pages_know_every_command() {
    let shell = shell();
    for name in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = shell.run(&["completions", name]);
        assert!(said.code == Some(0) && said.out.contains("api-key"), "{name}");
    }
    let dir = shell.dir.path().join("man");
    assert_eq!(shell.run(&["man", dir.to_str().unwrap()]).code, Some(0));
    for page in ["clawctl.1", "clawctl-ask.1", "clawctl-gateway-add.1"] {
        assert!(dir.join(page).is_file(), "{page}");
    }
    let page = std::fs::read_to_string(dir.join("clawctl.1")).unwrap();
    assert!(page.contains("Exit codes"), "{page}");
}

#[test]
fn serve_is_not_seen_by_others_without_a_key() {
    let shell = shell();
    let said = shell.run(&["serve", "--bind", "0.0.0.0"]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{said:?}");
    assert!(said.err.contains("clawctl api-key create"), "{}", said.err);
}

#[test]
fn serve_reads_a_configuration_file_and_flags_go_before_it() {
    let shell = shell();
    let (key, folder) = (
        "canary-key-of-the-file",
        clawtray_lab::Scratch::new("config").unwrap(),
    );
    let path = folder.path().join("openclaw.json5");
    std::fs::write(
        &path,
        format!("{{ gateway: {{ host: '127.0.0.2', port: 1, token: 'canary-token', apiKeys: ['{key}'] }} }} // mine"),
    )
    .unwrap();
    let args = &["serve", "--config", path.to_str().unwrap(), "--port", "0"];
    let mut child = shell.command(args).spawn().unwrap();
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    let said: Value = serde_json::from_str(&line).expect("serve prints one JSON line");
    assert!(
        !line.contains("canary"),
        "no secret of the file is repeated: {line}"
    );
    let address = said["httpUrl"].as_str().unwrap().strip_prefix("http://").unwrap();
    assert!(address.starts_with("127.0.0.2:"), "{address}");
    let status = |token: &str| {
        let request = format!(
            "GET /api/v1/sessions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        );
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        let answer = std::io::read_to_string(&mut stream).unwrap();
        answer.split(' ').nth(1).map(str::to_owned)
    };
    assert_eq!(status(key).as_deref(), Some("200"));
    assert_eq!(status("canary-token").as_deref(), Some("200"));
    assert_eq!(status("other").as_deref(), Some("401"));
    let _ = child.kill();
    let _ = child.wait();

    std::fs::write(&path, "{ gateway: { port: 'canary' } }").unwrap();
    let said = shell.run(args);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("gateway.port must be a port"), "{}", said.err);
    assert!(!said.err.contains("canary"), "{}", said.err);
    let said = shell.run(&["serve", "--config", "/nowhere/openclaw.json5"]);
    assert_eq!(said.code, Some(1), "{said:?}");

    // A variable that is not set would be a gateway that anybody may use.
    std::fs::write(
        &path,
        "{ gateway: { auth: { token: '${NO_SUCH_VARIABLE_OF_OURS}' } } }",
    )
    .unwrap();
    let said = shell.run(args);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{said:?}");
    assert!(said.err.contains("gateway.auth.token is empty"), "{}", said.err);
}

#[test]
fn a_damaged_database_is_said_and_does_not_stop_anything() {
    let shell = shell();
    let create = &["api-key", "create", "--label", "ci"];
    assert_eq!(shell.run(create).code, Some(0));
    let database = shell.dir.path().join("data/embedded/gateway.sqlite");
    assert!(database.exists());
    std::fs::write(
        &database,
        "this is no database at all, but long enough to look at".repeat(100),
    )
    .unwrap();
    let said = shell.run(&["api-key", "list"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("gateway.sqlite.damaged-1"), "{}", said.err);
    assert_eq!(shell.run(create).code, Some(0), "a new one works");
    assert!(
        !shell.run(&["api-key", "list"]).err.contains("damaged"),
        "said once"
    );
}

#[test]
fn a_key_has_an_end_and_tokens_a_day() {
    let shell = shell();
    let create = |more: &[&str]| {
        let mut args = vec!["api-key", "create", "--label", "ci", "--json"];
        args.extend(more);
        shell.run(&args)
    };
    let said = create(&["--tokens-per-day", "5000", "--expires", "30d"]);
    let key: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(key["tokensPerDay"], 5000);
    let days = (key["expiresAtMs"].as_i64().unwrap() - key["createdAtMs"].as_i64().unwrap()) / 3_600_000;
    assert!((30 * 24 - 2..=30 * 24 + 1).contains(&days), "{days} hours");
    let key: Value = serde_json::from_str(&create(&["--expires", "2999-01-31"]).out).unwrap();
    assert!(key["expiresAtMs"].as_i64().unwrap() > 32_000_000_000_000);
    for when in ["2020-01-31", "yesterday", "0s", ""] {
        let said = create(&["--expires", when]);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{when}: {said:?}");
    }
    let listed = shell.run(&["api-key", "list"]).out;
    assert!(listed.contains("until 2999-01-31"), "{listed}");
}

#[test]
fn the_bridge_says_at_once_what_the_gateway_behind_refuses() {
    let mut shell = shell();
    let said = shell.run(&["serve", "--bridge"]);
    assert_eq!(said.code, Some(3), "no gateway is set up: {said:?}");
    let model = ScriptedModel::start().unwrap();
    let _served = Served::start(&mut shell, &model.base_url());
    shell.set("OPENCLAW_GATEWAY_TOKEN", "wrong");
    let said = shell.run(&["serve", "--bridge"]);
    assert_eq!((said.code, said.out.as_str()), (Some(4), ""), "{said:?}");
    assert!(said.err.contains("AUTH_TOKEN_MISMATCH"), "{}", said.err);
}

#[test]
#[cfg(unix)]
fn the_bridge_waits_for_a_gateway_that_is_away() {
    let mut shell = shell();
    shell.gateway("ws://127.0.0.1:9", TOKEN);
    let args = &["serve", "--bridge"];
    let mut child = shell.command(args).spawn().unwrap();
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    let line: Value = serde_json::from_str(&line).expect("serve prints one JSON line");
    assert_eq!(line["bridge"], "ws://127.0.0.1:9", "{line}");
    assert!(
        line["token"].is_null(),
        "a token that is known is not shown: {line}"
    );
    let port = line["port"]
        .as_u64()
        .and_then(|port| u16::try_from(port).ok())
        .unwrap();
    let status = |path| clawtray_lab::get_status(([127, 0, 0, 1], port).into(), path, common::LIMIT);
    assert_eq!((status("/api/health"), status("/health")), (Some(503), Some(200)));
    common::interrupt(&child);
    let said = common::finish(child, args);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("not reachable"), "{}", said.err);
}

#[test]
fn a_gateway_of_an_http_dialect_is_found_and_asked() {
    let (url, asked) = common::d1_gateway();
    let mut shell = shell();
    shell.gateway(&url, "d1-token");
    let said = shell.run(&["ask", "hello", "there"]);
    assert_eq!(
        (said.code, said.out.trim()),
        (Some(0), "Hello from D1."),
        "{said:?}"
    );
    let sent: Vec<String> = asked
        .lock()
        .unwrap()
        .iter()
        .filter(|text| text.starts_with("POST"))
        .cloned()
        .collect();
    assert_eq!(sent.len(), 1, "sent once");
    assert!(
        sent[0].contains(r#""message":"hello there""#) && sent[0].contains(r#""sessionKey":"sess_abc123""#),
        "{sent:?}"
    );
    let said = shell.run(&["history", "sess_abc123", "--json"]);
    let history: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        history["messages"][0]["content"][0]["text"], "All well.",
        "{said:?}"
    );
    let said = shell.run(&["status", "--json"]);
    let status: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (&status["connected"], &status["sessions"]),
        (&Value::Bool(true), &Value::from(1)),
        "{said:?}"
    );
    // What the dialect has no call for is said, not tried.
    let said = shell.run(&["cron", "list"]);
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.err.contains("cannot do that"), "{said:?}");
    shell.gateway(&url, "wrong");
    assert_eq!(shell.run(&["ask", "hello"]).code, Some(4));
}

#[test]
#[cfg(unix)]
fn the_bridge_ends_when_what_it_waited_for_refuses() {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    // A port that is free until the command waits for it.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let behind = free.local_addr().unwrap();
    drop(free);
    let mut shell = shell();
    shell.gateway(&format!("ws://{behind}"), TOKEN);
    let args = &["serve", "--bridge"];
    let mut child = shell.command(args).spawn().unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    assert!(line.contains("\"bridge\""), "{line}");
    let listener = std::net::TcpListener::bind(behind).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let _ = stream.read(&mut [0; 4096]);
    let answer = b"HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(answer).unwrap();
    let said = common::finish(child, args);
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.err.contains("HTTP 302"), "{}", said.err);
}
