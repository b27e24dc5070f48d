//! `cargo xtask bench client`: the cost of following a long reply.
//!
//! One server on loopback plays the same stream to three programs in turn: our client, the official
//! Node client, and a bare loop that receives and discards. CPU time and peak memory come from
//! `/proc`. They count from the request for the stream until its end. Without arguments the program
//! measures. With `ours URL` or `bare URL` it is measured.
#![allow(clippy::print_stdout)]

use anyhow::{Context, Result, bail, ensure};
use clawtray_gateway_client::{
    Client, ClientConfig, ConnectionState, Credentials, Gateway, GatewayEvent, RunStep,
};
use futures_util::{SinkExt, StreamExt};
use product_tests::figures;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

const PEER: &str = "@openclaw/gateway-client";
const PEER_VERSION: &str = "2026.9.1";
/// How often each program follows each stream.
const TIMES: usize = 5;
/// Clock ticks per second in `/proc/PID/stat`; fixed at 100 on Linux.
const TICKS: f64 = 100.0;

/// A stream: frames of one reply, and how often it is played.
struct Stream {
    name: &'static str,
    frames: Vec<String>,
    run: String,
    rounds: usize,
}

struct Cost {
    cpu_s: f64,
    peak_mib: f64,
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match words.as_slice() {
        [] => measure(),
        ["ours", url] => runtime.block_on(ours(url)),
        ["bare", url] => runtime.block_on(bare(url)),
        _ => bail!("usage: bench-client"),
    }
}

fn measure() -> Result<()> {
    ensure!(
        cfg!(target_os = "linux"),
        "CPU time and memory are read from /proc, so this runs on Linux only"
    );
    let node = clawtray_lab::real_gateway::install()?.node();
    let peer = peer_dir()?;
    let me = std::env::current_exe()?;
    let mut rows = Vec::new();
    for stream in [recorded()?, synthetic()] {
        let events = stream.frames.len() * stream.rounds;
        let name = stream.name;
        let bytes: usize = stream.frames.iter().map(String::len).sum::<usize>() * stream.rounds;
        println!("{name}: {events} events, {} MB", bytes / 1_000_000);
        let stream = Arc::new(stream);
        let per_10k = |cost: &Cost| cost.cpu_s * 10_000.0 / events as f64;
        let script = peer.join("bench-peer.mjs");
        let official = |url: &str| {
            let mut command = Command::new(&node);
            command.arg(&script).arg(url);
            command
        };
        // In turn, so that what else the machine does falls on all of them.
        let (mut ours, mut bare, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..TIMES {
            ours.push(run(&stream, |url| command(&me, &["ours", url]))?);
            bare.push(run(&stream, |url| command(&me, &["bare", url]))?);
            theirs.push(run(&stream, official)?);
        }
        let (ours, bare, official) = (median(&ours), median(&bare), median(&theirs));
        let peers = [
            (format!("{PEER} {PEER_VERSION}"), official),
            ("bare receive loop".to_owned(), bare),
        ];
        for (peer_name, cost) in peers {
            rows.push(row(
                &format!("CPU per 10,000 events, {name}"),
                "s",
                per_10k(&ours),
                per_10k(&cost),
                &peer_name,
            ));
            rows.push(row(
                &format!("peak memory, {name}"),
                "MiB",
                ours.peak_mib,
                cost.peak_mib,
                &peer_name,
            ));
        }
    }
    println!("\n{:<58} {:>10} {:>10} {:>8}  peer", "", "ours", "peer", "ratio");
    for row in &rows {
        println!(
            "{:<58} {:>10.4} {:>10.4} {:>7.2}x  {}",
            format!("{} ({})", text(row, "name"), text(row, "unit")),
            number(row, "ours"),
            number(row, "peer"),
            number(row, "ratio"),
            text(row, "peer_name"),
        );
    }
    let dir = target_dir()?.join("bench");
    std::fs::create_dir_all(&dir)?;
    std::fs::write(
        dir.join("client.json"),
        serde_json::to_string_pretty(&json!({"rows": rows}))?,
    )?;
    Ok(())
}

/// The middle of each figure.
fn median(costs: &[Cost]) -> Cost {
    let middle = |figure: fn(&Cost) -> f64| {
        let figures: Vec<f64> = costs.iter().map(figure).collect();
        figures::percentile(&figures, 50)
    };
    Cost {
        cpu_s: middle(|cost| cost.cpu_s),
        peak_mib: middle(|cost| cost.peak_mib),
    }
}

fn row(name: &str, unit: &str, ours: f64, peer: f64, peer_name: &str) -> Value {
    json!({"name": name, "unit": unit, "ours": ours, "peer": peer, "peer_name": peer_name, "ratio": peer / ours})
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(row: &Value, key: &str) -> f64 {
    row.get(key).and_then(Value::as_f64).unwrap_or_default()
}

fn command(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn target_dir() -> Result<PathBuf> {
    // `target/release/bench-client`
    let me = std::env::current_exe()?;
    Ok(me
        .ancestors()
        .nth(2)
        .context("the program is not in a target folder")?
        .to_owned())
}

/// The reply of 60 kB that was recorded from a real gateway.
fn recorded() -> Result<Stream> {
    let path = repository().join("crates/gateway-client/tests/fixtures/50-chat-long-reply.jsonl");
    let recording = std::fs::read_to_string(&path).context("the recorded stream")?;
    let mut frames = Vec::new();
    let mut run = None;
    for line in recording.lines() {
        let frame: Value = serde_json::from_str(line)?;
        if frame.pointer("/type") == Some(&json!("event")) {
            frames.push(line.to_owned());
        } else if let Some(id) = frame.pointer("/payload/runId").and_then(Value::as_str) {
            run = Some(id.to_owned());
        }
    }
    // Long enough for the clock's ticks of 10 ms.
    let rounds = 50_000_usize.div_ceil(frames.len());
    Ok(Stream {
        name: "recorded reply of 60 kB",
        frames,
        run: run.context("the recording names no run")?,
        rounds,
    })
}

/// A reply of 1 MB in the same layout: every delta repeats the whole text, in `agent` and in `chat`.
fn synthetic() -> Stream {
    const DELTAS: usize = 200;
    const PIECE: &str = "the quick brown fox jumps over the lazy dog, and \\\"again\\\"\\n";
    let (run, mut text, mut frames) = ("run-of-one-megabyte".to_owned(), String::new(), Vec::new());
    let head = format!(r#""runId":"{run}","sessionKey":"agent:main:bench","agentId":"main""#);
    for seq in 1..=DELTAS {
        let delta = PIECE.repeat(5_000 / PIECE.len());
        text.push_str(&delta);
        frames.push(format!(
            r#"{{"type":"event","event":"agent","payload":{{"runId":"{run}","stream":"assistant","data":{{"text":"{text}","delta":"{delta}"}},"sessionKey":"agent:main:bench","agentId":"main","seq":{seq},"ts":1}},"seq":0,"recipientProfileId":"o"}}"#
        ));
        frames.push(format!(
            r#"{{"type":"event","event":"chat","payload":{{{head},"seq":{seq},"state":"delta","deltaText":"{delta}","message":{{"role":"assistant","content":[{{"type":"text","text":"{text}"}}],"timestamp":1}}}},"seq":0,"recipientProfileId":"o"}}"#
        ));
    }
    frames.push(format!(
        r#"{{"type":"event","event":"chat","payload":{{{head},"seq":{DELTAS},"state":"final","stopReason":"stop","message":{{"role":"assistant","content":[{{"type":"text","text":"{text}"}}],"timestamp":1}}}},"seq":0,"recipientProfileId":"o"}}"#
    ));
    Stream {
        name: "reply of 1 MB",
        frames,
        run,
        rounds: 6,
    }
}

/// Plays a stream to a program and reads what it cost.
fn run(stream: &Arc<Stream>, program: impl FnOnce(&str) -> Command) -> Result<Cost> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let url = format!("ws://127.0.0.1:{}", listener.local_addr()?.port());
    let played = Arc::clone(stream);
    runtime.spawn(async move {
        let (socket, _) = listener.accept().await?;
        serve(socket, &played).await
    });
    let mut child = program(&url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = BufReader::new(child.stdout.take().context("its output")?).lines();
    let mut expect = |word: &str| -> Result<()> {
        let line = said.next().context("the program ended early")??;
        ensure!(line.starts_with(word), "{word} was expected, not {line}");
        Ok(())
    };
    expect("ready")?;
    let before = cpu_s(child.id())?;
    child.stdin.as_mut().context("its input")?.write_all(b"go\n")?;
    expect("done")?;
    let cost = Cost {
        cpu_s: cpu_s(child.id())? - before,
        peak_mib: peak_mib(child.id())?,
    };
    child.kill()?;
    child.wait()?;
    Ok(cost)
}

fn cpu_s(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold spaces; what follows it does not. User and system time are fields 14 and 15.
    let rest = stat.rsplit_once(')').context("an odd /proc/PID/stat")?.1;
    let ticks: f64 = rest
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    Ok(ticks / TICKS)
}

fn peak_mib(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .context("no VmHWM")?;
    let kib: f64 = line
        .split_ascii_whitespace()
        .nth(1)
        .context("an odd VmHWM")?
        .parse()?;
    Ok(kib / 1024.0)
}

/// Greets a client, and plays the stream when it asks.
async fn serve(socket: TcpStream, stream: &Stream) -> Result<()> {
    socket.set_nodelay(true)?;
    let mut socket = tokio_tungstenite::accept_async(socket).await?;
    let challenge =
        r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1795175379880}}"#;
    socket.send(Message::text(challenge)).await?;
    while let Some(message) = socket.next().await {
        let Message::Text(request) = message? else {
            continue;
        };
        let request: Value = serde_json::from_str(&request)?;
        let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
        let payload = if method == "connect" { hello() } else { json!({}) };
        let answer = json!({"type": "res", "id": request.get("id"), "ok": true, "payload": payload});
        socket.send(Message::text(answer.to_string())).await?;
        if method == "bench.go" {
            play(&mut socket, stream).await?;
        }
    }
    Ok(())
}

async fn play(socket: &mut tokio_tungstenite::WebSocketStream<TcpStream>, stream: &Stream) -> Result<()> {
    let mut seq = 0;
    for round in 0..stream.rounds {
        let run = format!("{round:0width$}", width = stream.run.len());
        for frame in &stream.frames {
            seq += 1;
            let frame = frame.replace(&stream.run, &run);
            let (head, tail) = frame
                .rsplit_once(r#","seq":"#)
                .context("a frame without a number")?;
            let tail = tail.trim_start_matches(|digit: char| digit.is_ascii_digit());
            socket
                .feed(Message::text(format!(r#"{head},"seq":{seq}{tail}"#)))
                .await?;
        }
        socket.flush().await?;
    }
    let done = format!(
        r#"{{"type":"event","event":"bench.done","payload":{{}},"seq":{}}}"#,
        seq + 1
    );
    socket.send(Message::text(done)).await?;
    Ok(())
}

fn hello() -> Value {
    json!({
        "type": "hello-ok", "protocol": 4,
        "server": {"version": "bench", "connId": "c", "bootId": "b"},
        "features": {"methods": ["bench.go"], "events": ["chat", "agent"]},
        "snapshot": {"presence": [], "health": {}, "stateVersion": {"presence": 0, "health": 0}, "uptimeMs": 1},
        "auth": {"role": "operator", "scopes": ["operator.read", "operator.write"]},
        "policy": {"maxPayload": 26_214_400, "maxBufferedBytes": 52_428_800, "tickIntervalMs": 600_000},
    })
}

/// Waits for the word to begin.
async fn wait_for_go() -> Result<()> {
    println!("ready");
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
    Ok(())
}

async fn ours(url: &str) -> Result<()> {
    let mut config = ClientConfig::new(url, Credentials::token("bench"));
    config.event_buffer = 4_096;
    let client = Client::connect(config);
    let mut events = client.events();
    client
        .state()
        .wait_for(|state| matches!(state, ConnectionState::Ready(_)))
        .await?;
    wait_for_go().await?;
    let go = {
        let client = client.clone();
        tokio::spawn(async move { client.call_raw("bench.go", json!({})).await })
    };
    let (mut text_bytes, mut ended) = (0, 0);
    while let Some(event) = events.recv().await {
        match event {
            GatewayEvent::Run(event) => match event.step {
                RunStep::Delta { text, replace, .. } => {
                    text_bytes = if replace {
                        text.len()
                    } else {
                        text_bytes + text.len()
                    }
                }
                RunStep::Final { message, .. } => {
                    ensure!(
                        message.is_some_and(|message| message.text().len() == text_bytes),
                        "the text is not whole"
                    );
                    text_bytes = 0;
                    ended += 1;
                }
                RunStep::Status { .. }
                | RunStep::Thinking { .. }
                | RunStep::Tool { .. }
                | RunStep::Aborted { .. }
                | RunStep::Error { .. } => {}
            },
            GatewayEvent::Other { name, .. } if name == "bench.done" => break,
            GatewayEvent::Resync => bail!("events were lost"),
            GatewayEvent::Connected { .. }
            | GatewayEvent::Message { .. }
            | GatewayEvent::SessionChanged { .. }
            | GatewayEvent::SessionsChanged { .. }
            | GatewayEvent::ApprovalRequested(_)
            | GatewayEvent::ApprovalResolved { .. }
            | GatewayEvent::Health(_)
            | GatewayEvent::Shutdown { .. }
            | GatewayEvent::Other { .. } => {}
        }
    }
    ensure!(ended > 0, "no run ended");
    println!("done");
    go.await??;
    std::future::pending().await
}

async fn bare(url: &str) -> Result<()> {
    let config = WebSocketConfig::default()
        .max_frame_size(Some(32 << 20))
        .max_message_size(Some(32 << 20));
    let address = url.trim_start_matches("ws://");
    let socket = TcpStream::connect(address).await?;
    let (mut socket, _) = tokio_tungstenite::client_async_with_config(url, socket, Some(config)).await?;
    socket
        .send(Message::text(
            r#"{"type":"req","id":"1","method":"connect","params":{}}"#,
        ))
        .await?;
    wait_for_go().await?;
    socket
        .send(Message::text(
            r#"{"type":"req","id":"2","method":"bench.go","params":{}}"#,
        ))
        .await?;
    while let Some(message) = socket.next().await {
        if let Message::Text(text) = message?
            && text.starts_with(r#"{"type":"event","event":"bench.done""#)
        {
            break;
        }
    }
    println!("done");
    std::future::pending().await
}

/// The official client, installed beside a script that follows the same stream with it.
fn peer_dir() -> Result<PathBuf> {
    let dir = target_dir()?.join(format!("bench/gateway-client-{PEER_VERSION}"));
    std::fs::create_dir_all(&dir)?;
    if !dir.join("node_modules").join(PEER).is_dir() {
        let status = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
            .args([
                "install",
                "--no-save",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
                "--prefix",
            ])
            .arg(&dir)
            .arg(format!("{PEER}@{PEER_VERSION}"))
            .status()
            .context("npm")?;
        ensure!(status.success(), "npm could not install {PEER}");
    }
    std::fs::write(dir.join("bench-peer.mjs"), PEER_SCRIPT)?;
    Ok(dir)
}

const PEER_SCRIPT: &str = r#"import { GatewayClient } from "@openclaw/gateway-client";
import { createInterface } from "node:readline";
let bytes = 0, ended = 0;
const client = new GatewayClient({
  url: process.argv[2], token: "bench", minProtocol: 4, maxProtocol: 4,
  onHelloOk: () => console.log("ready"),
  onConnectError: (error) => { console.log("error " + error); process.exit(1); },
  onEvent: (event) => {
    if (event.event === "chat" && event.payload.state === "delta") bytes += event.payload.deltaText.length;
    else if (event.event === "chat" && event.payload.state === "final") ended += 1;
    else if (event.event === "bench.done") console.log(ended > 0 ? "done" : "error: no run ended");
  },
});
createInterface({ input: process.stdin }).on("line", () => client.request("bench.go", {}, { timeoutMs: null }));
client.start();
"#;
