//! `cargo xtask bench browser [MESSAGES] [SESSIONS]`: the session browser with a full store.
//!
//! It measures the store alone, then the windows in Chromium, then the gateway's own page in the
//! same Chromium.

use super::report::{Report, load};
use crate::build::{self, Programs};
use crate::steps::{Steps, root};
use crate::ui;
use clawtray_lab::{Context, Error, GatewayConfig, RealGateway, Result, Running, Scratch, ScriptedModel};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// What drives the pages; it finds Playwright among the UI's packages.
const SCRIPT: &str = include_str!("browser.mjs");
/// The profile that the app gives to the gateway of the environment.
const GATEWAY: &str = "environment";

/// What the real gateway has for the comparison; it takes a while to make.
const SESSIONS: &str = "300";
const MESSAGES: &str = "1000";

/// Figures of the scripts by name, with what the goal is, in milliseconds.
const GOALS: [(&str, &str, f64); 7] = [
    ("open a session", "store: open a session, p95", 150.0),
    ("session list", "store: list of all sessions", 300.0),
    ("keystrokes of three words", "store: search keystroke, p95", 50.0),
    ("first paint", "window open to first useful paint, median", 300.0),
    ("filter", "list filter to paint, p95", 30.0),
    ("search", "search keystroke to results, p95", 50.0),
    ("open", "opening the largest session to paint, median", 150.0),
];

pub(super) fn run(args: &[&str]) -> Result<()> {
    let (messages, sessions) = match args {
        [] => ("1000000", "10000"),
        [messages] => (*messages, "10000"),
        [messages, sessions] => (*messages, *sessions),
        [_, _, _, ..] => {
            return Err(Error::new(
                "usage: cargo xtask bench browser [MESSAGES] [SESSIONS]",
            ));
        }
    };
    let steps = Steps::new("bench");
    ui::ready(&steps)?;
    ui::for_a_browser(&steps)?;
    let example = [
        "--release",
        "-p",
        "clawtray-companion",
        "--features",
        "testing",
        "--example",
        "store_bench",
    ];
    let store = build::programs(&steps, "the store", &example)?;
    let line = [
        "--release",
        "-p",
        "product-tests",
        "--bin",
        "ui-host",
        "--bin",
        "fill-gateway",
    ];
    let programs = build::programs(&steps, "the window host", &line)?;

    let mut report = Report::default();
    let place = Scratch::new("browser")?;
    let (config, data) = (place.dir("config")?, place.path().join("data"));
    // The store is larger than the usual budget, and is not to be trimmed meanwhile.
    std::fs::write(config.join("settings.json"), r#"{"cacheMegabytes": 4096}"#)
        .context("cannot write settings")?;
    steps.say(
        "store",
        &format!("{messages} messages, {sessions} sessions, load {}", load()),
    );
    let store = figures(
        Command::new(store.path("store_bench")?)
            .args([messages, sessions])
            .arg(&data)
            .arg(GATEWAY),
    )?;
    goals(&mut report, &store);

    steps.say("windows", &format!("in Chromium, load {}", load()));
    // The discard port: nothing listens there.
    let host = Host::start(&programs, place.path(), "ws://127.0.0.1:9", "none")?;
    goals(&mut report, &figures(script("ours").arg(&host.url))?);
    report.alone("app's memory, resident", "MiB", resident(host.process.id())?);
    drop(host);
    beside_control_ui(&steps, &programs, &mut report)?;
    report.finish("browser")
}

/// The same sessions and the same history, on a real gateway: our browser and the gateway's own page.
fn beside_control_ui(steps: &Steps, programs: &Programs, report: &mut Report) -> Result<()> {
    steps.say(
        "a real gateway",
        &format!("{SESSIONS} sessions, {MESSAGES} messages in one of them"),
    );
    let model = ScriptedModel::start()?;
    let gateway = RealGateway::start(GatewayConfig::with_model(model.base_url()))?;
    let mut fill = Command::new(programs.path("fill-gateway")?);
    fill.args([SESSIONS, MESSAGES])
        .env("OPENCLAW_GATEWAY_URL", gateway.url())
        .env("OPENCLAW_GATEWAY_TOKEN", gateway.token());
    steps.run("fill it", &mut fill)?;

    steps.say("our browser", &format!("load {}", load()));
    let place = Scratch::new("browser-live")?;
    let host = Host::start(programs, place.path(), &gateway.url(), gateway.token())?;
    let ours = figures(script("ours-live").arg(&host.url).arg(MESSAGES))?;
    drop(host);
    steps.say(
        "the gateway's own page",
        &format!("in the same Chromium, load {}", load()),
    );
    let page = format!("http://127.0.0.1:{}", gateway.port());
    let mut theirs = script("theirs");
    theirs
        .arg(page)
        .arg(MESSAGES)
        .env("GATEWAY_TOKEN", gateway.token());
    let theirs = figures(&mut theirs)?;
    for (name, ms) in ours {
        let Some((_, peer)) = theirs.iter().find(|(of, _)| *of == name) else {
            return Err(Error::new(format!("the gateway's page says nothing of {name:?}")));
        };
        report.row(&name, "ms", ms, *peer, "Control UI");
    }
    Ok(())
}

fn goals(report: &mut Report, figures: &[(String, f64)]) {
    for (name, ours) in figures {
        match GOALS.iter().find(|(of, ..)| of == name) {
            Some((_, says, goal)) => report.row(says, "ms", *ours, *goal, "goal"),
            None => report.alone(name, if name.contains("memory") { "MiB" } else { "ms" }, *ours),
        }
    }
}

fn script(what: &str) -> Command {
    let mut command = Command::new("node");
    command
        .args(["--input-type=module", "-", what])
        .current_dir(root().join("ui"))
        .env(
            "PLAYWRIGHT",
            root().join("ui/node_modules/@playwright/test/index.mjs"),
        );
    command
}

/// Runs a program that says each figure on a line `figure NAME: NUMBER`.
fn figures(command: &mut Command) -> Result<Vec<(String, f64)>> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context(format!("cannot start {:?}", command.get_program()))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let handed = stdin.context("no input")?.write_all(SCRIPT.as_bytes());
    // The store's program reads nothing.
    if let Err(error) = handed
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        return Err(Error::new(format!("cannot hand over the script: {error}")));
    }
    let mut found = Vec::new();
    for line in BufReader::new(stdout.context("no output")?).lines() {
        let line = line.context("unreadable output")?;
        println!("{line}");
        let figure = line
            .strip_prefix("figure ")
            .and_then(|rest| rest.rsplit_once(": "));
        if let Some((name, number)) = figure {
            let number = number.parse().context(format!("no number in {line:?}"))?;
            found.push((name.to_owned(), number));
        }
    }
    let status = child.wait().context("it does not end")?;
    if status.success() {
        Ok(found)
    } else {
        Err(Error::new(format!(
            "{:?} ended with {status}",
            command.get_program()
        )))
    }
}

/// The app behind a web page, with no gateway in reach: what is shown comes from the store.
struct Host {
    process: Running,
    url: String,
}

impl Host {
    fn start(programs: &Programs, place: &Path, url: &str, token: &str) -> Result<Self> {
        let mut command = Command::new(programs.path("ui-host")?);
        command
            .arg("--dist")
            .arg(root().join("ui/dist-host"))
            .arg("--data")
            .arg(place)
            .envs([("OPENCLAW_GATEWAY_URL", url), ("OPENCLAW_GATEWAY_TOKEN", token)])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = Running::start("ui-host", &mut command)?;
        let out = process.child().stdout.take().context("ui-host has no output")?;
        let mut lines = BufReader::new(out).lines();
        for line in lines.by_ref() {
            let line: Value = serde_json::from_str(&line.context("ui-host is gone")?).unwrap_or_default();
            if let Some(url) = line.get("listening").and_then(Value::as_str) {
                let url = url.to_owned();
                // Read on, so that it never waits for us.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(Self { process, url });
            }
        }
        Err(Error::new("ui-host did not listen"))
    }
}

/// The resident set of a process, in MiB.
fn resident(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("cannot read its memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<f64>().ok());
    Ok(kib.context("no VmRSS")? / 1024.0)
}
