//! `cargo xtask bench clawctl [ROUNDS]`: our command line and the official one, in one run against
//! one real gateway.

use super::measure::{Cost, cost};
use super::report::{Report, load, median};
use crate::build;
use crate::steps::Steps;
use clawtray_lab::{Context, Error, GatewayConfig, RealGateway, Result, Scratch, ScriptedModel};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const PEER: &str = "openclaw";
const CONNECT_GOAL_MS: f64 = 60.0;
const TOGGLE_GOAL_MS: f64 = 20.0;

/// A task, in our words and in theirs.
const TASKS: [(&str, &[&str], &[&str]); 3] = [
    (
        "ask hi",
        &["ask", "hi"],
        &["agent", "--agent", "main", "--message", "hi", "--json"],
    ),
    ("sessions", &["sessions", "--json"], &["sessions", "--json"]),
    ("status", &["status", "--json"], &["health", "--json"]),
];

pub(super) fn run(args: &[&str]) -> Result<()> {
    let rounds = match args {
        [] => 15,
        [rounds] => rounds.parse().context("the number of rounds")?,
        [_, ..] => return Err(Error::new("usage: cargo xtask bench clawctl [ROUNDS]")),
    };
    let steps = Steps::new("bench");
    let program = match std::env::var_os("CLAWCTL_BIN") {
        Some(built) => built.into(),
        None => {
            let line = ["--release", "-p", "clawctl", "--bin", "clawctl"];
            build::programs(&steps, "clawctl", &line)?
                .path("clawctl")?
                .to_owned()
        }
    };
    steps.say("start", "the real gateway with the scripted model");
    let model = ScriptedModel::start()?;
    let gateway = RealGateway::start(GatewayConfig::with_model(model.base_url()))?;
    let place = Scratch::new("bench")?;
    let ours = |args: &[&str]| {
        let mut command = Command::new(&program);
        command
            .args(args)
            .current_dir(place.path())
            .envs([
                ("HOME", place.path()),
                ("XDG_RUNTIME_DIR", place.path()),
                // There is no bus: nothing of this machine's session plays a part.
                ("DBUS_SESSION_BUS_ADDRESS", Path::new("unix:path=/nonexistent")),
            ])
            .env("OPENCLAW_GATEWAY_URL", gateway.url())
            .env("OPENCLAW_GATEWAY_TOKEN", gateway.token());
        command
    };
    let theirs = |args: &[&str]| {
        let mut command = gateway.command();
        command.args(args);
        command
    };
    steps.say("measure", &format!("{rounds} rounds, load {}", load()));
    let model_ms = model_time(&model)?;
    let mut report = Report::default();
    for (name, our_words, their_words) in TASKS {
        // In turn, so that whatever else the machine does hits both; one of each before, so that all files are at hand.
        let (mut our_costs, mut their_costs) = (Vec::new(), Vec::new());
        for round in 0..=rounds {
            let (our_cost, their_cost) = (cost(&ours(our_words))?, cost(&theirs(their_words))?);
            if round > 0 {
                our_costs.push(our_cost);
                their_costs.push(their_cost);
            }
        }
        compare(
            &mut report,
            name,
            &our_costs,
            &their_costs,
            if name == "ask hi" { model_ms } else { 0.0 },
        );
    }
    connect(&mut report, rounds, || {
        ours(&["watch", "--type", "connected", "-n", "1"])
    })?;
    toggle(&mut report, rounds, place.path(), || ours(&["toggle"]))?;
    report.alone("the model's own time in ask, taken off above", "ms", model_ms);
    report.finish("clawctl")
}

fn compare(report: &mut Report, name: &str, ours: &[Cost], theirs: &[Cost], model_ms: f64) {
    for (what, unit, read, off) in [
        (
            "wall time",
            "ms",
            (|cost| cost.wall_ms) as fn(&Cost) -> f64,
            model_ms,
        ),
        ("CPU time", "ms", |cost| cost.cpu_ms, 0.0),
        ("peak memory", "MiB", |cost| cost.peak_mib, 0.0),
    ] {
        let middle = |costs: &[Cost]| median(&costs.iter().map(read).collect::<Vec<_>>()) - off;
        report.row(
            &format!("{name}: {what}"),
            unit,
            middle(ours),
            middle(theirs),
            PEER,
        );
    }
}

/// From the start of the program to its first word, which is that it is connected.
fn connect(report: &mut Report, rounds: usize, command: impl Fn() -> Command) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        let mut child = command()
            .stdout(std::process::Stdio::piped())
            .spawn()
            .context("cannot start clawctl")?;
        let mut line = String::new();
        let out = child.stdout.take().context("clawctl has no output")?;
        BufReader::new(out)
            .read_line(&mut line)
            .context("clawctl says nothing")?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        child.wait().context("clawctl does not end")?;
        if !line.contains("connected") {
            return Err(Error::new(format!("clawctl is not connected, it says {line:?}")));
        }
    }
    report.row(
        "start to connected",
        "ms",
        median(&times),
        CONNECT_GOAL_MS,
        "goal",
    );
    Ok(())
}

/// A key binding: the program's whole life, with a stand-in for the app at the other end of the socket.
#[cfg(unix)]
fn toggle(report: &mut Report, rounds: usize, run: &Path, command: impl Fn() -> Command) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    use std::os::unix::net::UnixListener;
    let dir = run.join("clawtray");
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&dir)
        .context("cannot make the control socket's folder")?;
    let listener = UnixListener::bind(dir.join("control.sock")).context("cannot make the control socket")?;
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut line = String::new();
            if let Ok(other) = stream.try_clone()
                && BufReader::new(other).read_line(&mut line).is_ok()
                && line.contains("toggle")
            {
                let _ = stream.write_all(b"{\"id\":1,\"ok\":true,\"result\":null}\n");
            }
        }
    });
    let costs = (0..=rounds)
        .map(|_| cost(&command()))
        .collect::<Result<Vec<_>>>()?;
    let times: Vec<f64> = costs.iter().skip(1).map(|cost| cost.wall_ms).collect();
    report.row("toggle", "ms", median(&times), TOGGLE_GOAL_MS, "goal");
    Ok(())
}

#[cfg(not(unix))]
fn toggle(_: &mut Report, _: usize, _: &Path, _: impl Fn() -> Command) -> Result<()> {
    Ok(())
}

/// How long the model takes for its answer, asked as the gateway asks it.
fn model_time(model: &ScriptedModel) -> Result<f64> {
    let body = r#"{"model":"fake-1","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let mut times = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        let mut stream = TcpStream::connect(model.addr()).context("the model does not answer")?;
        write!(
            stream,
            "POST /v1/chat/completions HTTP/1.1\r\nhost: model\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
        .context("the model does not listen")?;
        let mut answer = Vec::new();
        stream
            .read_to_end(&mut answer)
            .context("the model does not finish")?;
        if !answer.ends_with(b"data: [DONE]\n\n") && !String::from_utf8_lossy(&answer).contains("[DONE]") {
            return Err(Error::new("the model gave no whole answer"));
        }
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(median(&times))
}
