//! Runs `clawctl` like a shell, in its own environment, and records its output.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "each suite uses a part of it"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use clawtray_lab::Scratch;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// One time limit for everything: a command that hangs fails its test.
pub const LIMIT: Duration = Duration::from_secs(180);
pub const TOKEN: &str = "clawctl-test-token-0123456789abcdef";

/// The program, for tests of other crates: `CLAWCTL_BIN`, or what cargo builds beside the test.
pub fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("CLAWCTL_BIN") {
        return named.into();
    }
    let own = std::env::current_exe().unwrap();
    let profile = own
        .ancestors()
        .skip(1)
        .find(|dir| !dir.ends_with("deps"))
        .unwrap();
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build
        .args(["build", "--quiet", "-p", "clawctl", "--bin", "clawctl"])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success(), "cargo build -p clawctl failed");
    profile.join(format!("clawctl{}", std::env::consts::EXE_SUFFIX))
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A shell with nothing in its environment but what `clawctl` is told.
pub struct Shell {
    pub program: PathBuf,
    pub dir: Scratch,
    pub env: Vec<(String, String)>,
    /// What was said so far, made the same for every run.
    pub log: String,
    replacements: Vec<(String, String)>,
}

impl Shell {
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let dir = Scratch::new("clawctl").unwrap();
        let path = |name: &str| dir.dir(name).unwrap().display().to_string();
        let env = [
            ("HOME", path("home")),
            ("CLAWTRAY_CONFIG_DIR", path("config")),
            ("CLAWTRAY_DATA_DIR", path("data")),
            ("XDG_RUNTIME_DIR", path("run")),
            (
                "DBUS_SESSION_BUS_ADDRESS",
                format!("unix:path={}", dir.path().join("no-bus").display()),
            ),
            ("TZ", "UTC".into()),
            ("LANG", "C.UTF-8".into()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value)).into();
        let replacements = vec![(dir.path().display().to_string(), "DIR".into())];
        Self {
            program: program.into(),
            dir,
            env,
            log: String::new(),
            replacements,
        }
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// Points it at a gateway, whose port is written `PORT`.
    pub fn gateway(&mut self, url: &str, token: &str) {
        self.set("OPENCLAW_GATEWAY_URL", url);
        self.set("OPENCLAW_GATEWAY_TOKEN", token);
        let port = url.rsplit(':').next().unwrap();
        self.replacements.push((format!(":{port}"), ":PORT".into()));
    }

    /// Writes `name` where `text` is said.
    pub fn hide(&mut self, text: &str, name: &str) {
        self.replacements.push((text.to_owned(), name.to_owned()));
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .env_clear()
            .envs(self.env.iter().cloned())
            .current_dir(self.dir.path());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> Said {
        finish(self.command(args).spawn().unwrap(), args)
    }

    pub fn run_with(&self, args: &[&str], input: &str) -> Said {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        finish(child, args)
    }

    /// Runs a command and writes down what it said.
    pub fn note(&mut self, args: &[&str]) -> Said {
        let said = self.run(args);
        let words: Vec<String> = args.iter().map(|arg| quoted(arg)).collect();
        let _ = writeln!(self.log, "$ clawctl {}", words.join(" "));
        self.log.push_str(&self.same(&said.out));
        for line in self.same(&said.err).lines() {
            let _ = writeln!(self.log, "2> {line}");
        }
        let _ = writeln!(
            self.log,
            "[{}]\n",
            said.code.map_or("killed".into(), |code| code.to_string())
        );
        said
    }

    fn same(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in &self.replacements {
            text = text.replace(from, to);
        }
        normalised(&text)
    }

    /// Compares what was written down with the reviewed file; `CLAWTRAY_BLESS=1` writes the file anew.
    pub fn compare(&self, file: &Path) {
        if std::env::var_os("CLAWTRAY_BLESS").is_some() {
            std::fs::write(file, &self.log).unwrap();
        }
        let reviewed = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            reviewed == self.log,
            "what clawctl says has changed: read it, then CLAWTRAY_BLESS=1 writes {}\n{}",
            file.display(),
            difference(&reviewed, &self.log)
        );
    }
}

fn quoted(arg: &str) -> String {
    let plain = !arg.is_empty()
        && arg
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_/.:=".contains(c));
    if plain { arg.to_owned() } else { format!("'{arg}'") }
}

/// Waits for a command to end; one that does not is killed and named.
pub fn finish(mut child: Child, args: &[&str]) -> Said {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let read = |pipe: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut pipe) = pipe {
                let _ = pipe.read_to_end(&mut bytes);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let out = read(out.map(|pipe| Box::new(pipe) as _));
    let err = read(err.map(|pipe| Box::new(pipe) as _));
    let end = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
            panic!(
                "clawctl {args:?} did not end; it said {} {}",
                out.join().unwrap(),
                err.join().unwrap()
            );
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Said {
        code: status.code(),
        out: out.join().unwrap(),
        err: err.join().unwrap(),
    }
}

/// Without what differs from run to run: ids, times, durations.
pub fn normalised(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let starts_word = !out.ends_with(|c: char| c.is_ascii_alphanumeric());
        let hit = if starts_word { found(rest, &out) } else { None };
        match hit {
            Some((length, name)) => {
                out.push_str(name);
                rest = &rest[length..];
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

fn found(text: &str, before: &str) -> Option<(usize, &'static str)> {
    let matches = |pattern: &str| {
        let length = pattern.len();
        let fits = text.len() >= length
            && text.bytes().zip(pattern.bytes()).all(|(c, p)| match p {
                b'9' => c.is_ascii_digit(),
                b'f' => c.is_ascii_hexdigit(),
                p => c == p,
            });
        fits.then_some(length)
    };
    if let Some(length) = matches("ffffffff-ffff-ffff-ffff-ffffffffffff") {
        return Some((length, "<id>"));
    }
    for pattern in [
        "9999-99-99T99:99:99.999Z",
        "9999-99-99T99:99:99Z",
        "9999-99-99 99:99",
    ] {
        if let Some(length) = matches(pattern) {
            return Some((length, "<time>"));
        }
    }
    if let Some(length) = matches("9999-99-99") {
        return Some((length, "<date>"));
    }
    if text.starts_with("oclaw_live_") {
        let length = text
            .find(|c: char| !(c.is_ascii_alphanumeric() || "_-…".contains(c)))
            .unwrap_or(text.len());
        return Some((length, "<key>"));
    }
    if before.ends_with("key_") || before.ends_with("run-") || before.ends_with("clawctl-") {
        let length = text.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(text.len());
        return (length >= 8).then_some((length, "<hex>"));
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if digits >= 12 {
        return Some((digits, "<ms>"));
    }
    let number = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    if number > 0 && (text[number..].starts_with(" ms") || before.ends_with("Ms\": ")) {
        return Some((number, "<n>"));
    }
    None
}

fn difference(reviewed: &str, now: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (reviewed.lines().collect(), now.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let part = |lines: &[&str], sign: &str| {
        let mut out = String::new();
        for line in lines.iter().skip(same.saturating_sub(2)).take(12) {
            let _ = writeln!(out, "{sign} {line}");
        }
        out
    };
    format!("from line {}:\n{}{}", same + 1, part(&old, "-"), part(&new, "+"))
}

/// A `clawctl serve` with the scripted model behind it.
pub struct Served {
    child: Child,
    pub url: String,
}

impl Served {
    pub fn start(shell: &mut Shell, model_url: &str) -> Self {
        shell.set("OPENCLAW_GATEWAY_TOKEN", TOKEN);
        let mut command = shell.command(&["serve"]);
        command.env("CLAWTRAY_MODEL_URL", model_url).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).expect("serve prints one JSON line");
        let url = line["url"].as_str().unwrap().to_owned();
        shell.gateway(&url, TOKEN);
        Self { child, url }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal, as a terminal does for Ctrl+C.
#[cfg(unix)]
pub fn interrupt(child: &Child) {
    signal(child, "-INT");
}

/// Sends a signal, as `kill` names it.
pub fn signal(child: &Child, name: &str) {
    let done = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(done.success());
}

/// Every command once, in an order in which each has something to show.
pub fn every_command(shell: &mut Shell) {
    for args in [
        &["status"][..],
        &["status", "--json"],
        &["status", "--waybar"],
        &["sessions"],
        &["ask", "[[say:Hello from the model.]] one"],
        &[
            "ask",
            "--json",
            "--session",
            "second",
            "[[say:Said as JSON.]] two",
        ],
        &["ask", "[[md]] three"],
        &["ask", "--color", "always", "--quiet", "[[md]] three again"],
        &["send", "[[say:Sent.]] four", "--session", "s2"],
        &["run", "[[say:Ran.]] five"],
        &[
            "ask",
            "--no-wait",
            "--json",
            "--session",
            "later",
            "[[say:later]] six",
        ],
        &["ask", "[[err:400]] seven", "--session", "broken"],
        &["history", "s2"],
        &["history", "main", "--limit", "2"],
        &["export", "s2"],
        &["search", "Sent"],
        &["approvals"],
        &["approvals", "--json"],
        &["approvals", "approve", "nothing"],
        &["--full-control", "questions"],
        &[
            "--full-control",
            "cron",
            "add",
            "--name",
            "N",
            "--cron",
            "0 8 * * *",
            "--message",
            "hello",
        ],
        &[
            "cron",
            "add",
            "--name",
            "N",
            "--cron",
            "daily",
            "--message",
            "hello",
        ],
        &["call", "no.such.method"],
        &["call", "sessions.list", "{not json"],
        &[
            "call",
            "sessions.list",
            "{\"limit\":1,\"search\":\"nothing has this\"}",
            "--compact",
        ],
        &["watch", "--type", "connected", "-n", "1"],
        &["gateway", "test"],
        &["gateway", "list"],
        &["gateway", "add", "ftp://host"],
        &["gateway", "add", "ws://127.0.0.1:9/?token=secret"],
        &["gateway", "use", "nothing"],
        &["toggle"],
        &["quit"],
        &["open", "main"],
        &["dnd", "later"],
        &["nonsense"],
    ] {
        shell.note(args);
    }
}

/// A gateway that knows the dialect D1 and nothing else, in raw answers.
pub fn d1_gateway() -> (String, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&asked);
    // It ends with the test's process.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            let text = loop {
                let read = stream.read(&mut piece).unwrap_or_default();
                request.extend_from_slice(&piece[..read]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                    let length = head.to_lowercase();
                    let length = length
                        .lines()
                        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                    body.len() >= length.unwrap_or(0)
                });
                if whole || read == 0 {
                    break text;
                }
            };
            let said = |begins: &str| text.starts_with(begins);
            let (status, body) = if said("GET /api/health") {
                ("200 OK", r#"{"ok":true}"#)
            } else if !text.contains("d1-token") {
                ("401 Unauthorized", "{}")
            } else if said("GET /api/sessions/history") {
                (
                    "200 OK",
                    r#"[{"timestamp":"2026-02-22T18:30:00Z","role":"assistant","content":"All well."}]"#,
                )
            } else if said("GET /api/sessions?") {
                (
                    "200 OK",
                    r#"[{"id":"sess_abc123","agentId":"duplex","lastActivity":"2026-02-22T18:30:00Z","messageCount":4}]"#,
                )
            } else if said("POST /api/sessions/send") {
                ("200 OK", r#"{"response":"Hello from D1."}"#)
            } else {
                ("404 Not Found", "{}")
            };
            seen.lock().unwrap().push(text);
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    (url, asked)
}
