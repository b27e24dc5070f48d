//! Makes the client's recordings again from a real gateway: `cargo xtask record-frames [FOLDER]`.
//!
//! A recording that starts with a request is its own recipe. The request is sent again, with the
//! ids of this gateway in place of the old ones, and the answer replaces the recording. Recordings
//! without a request were made with several connections or by force. They are kept, and named at
//! the end.
#![allow(
    clippy::print_stdout,
    reason = "a command line program talks on its standard output"
)]

use anyhow::{Context, Result, bail};
use clawtray_gateway_client::{Client, Gateway};
use clawtray_lab::real_gateway::THINKING_MODEL;
use futures_util::{SinkExt, StreamExt};
use product_tests::live::{Live, wait_for_ready};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{accept_async, connect_async};

/// Time for a run to end; the gateway retries a failing model for about a minute.
const RUN_LIMIT: Duration = Duration::from_secs(180);
/// Silence after which nothing more of a run is expected; a change of the session comes up to 250 ms late.
const QUIET: Duration = Duration::from_millis(1_500);

/// Requests that are sent in the middle of another recording: which, after which words, and the requests.
const DURING: [(&str, &str, &[&str]); 5] = [
    ("25-chat-abort", DELTA, &["26-chat.abort"]),
    ("41-chat-abort-midstream", DELTA, &["41b-chat.abort-midstream"]),
    ("54-chat-first-of-two", DELTA, &["55-chat-second-while-busy"]),
    (
        "60-exec-approval-allow",
        ASKED,
        &[
            "60-exec-approval-allow-list",
            "60-exec-approval-allow-get",
            "60-exec-approval-allow-resolve",
            "60-exec-approval-allow-resolve-again",
        ],
    ),
    (
        "61-exec-approval-deny",
        ASKED,
        &[
            "61-exec-approval-deny-list",
            "61-exec-approval-deny-get",
            "61-exec-approval-deny-resolve",
            "61-exec-approval-deny-resolve-again",
        ],
    ),
];
/// Recordings whose names begin so ask for an approval that is not recorded with them.
const KEPT: [&str; 1] = ["62-"];
const DELTA: &str = r#""state":"delta""#;
const ASKED: &str = r#""event":"exec.approval.requested""#;

type Log = Arc<Mutex<Vec<String>>>;

#[tokio::main]
async fn main() -> Result<()> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/gateway-client/tests/fixtures");
    let into = std::env::args()
        .nth(1)
        .map_or_else(|| fixtures.clone(), PathBuf::from);
    std::fs::create_dir_all(&into)?;
    let old = recordings(&fixtures)?;

    let live = Live::start(Value::Null)?;
    let log = Log::default();
    let mut config = live.new_device("recorder");
    config.url = wire(live.gateway.url(), Arc::clone(&log)).await?;
    config.subscribe_sessions = false;
    config.scopes = [
        "operator.read",
        "operator.write",
        "operator.approvals",
        "operator.admin",
    ]
    .map(String::from)
    .to_vec();
    let client = Client::connect(config);
    wait_for_ready(&client).await?;
    let mut recorder = Recorder {
        client,
        log,
        ids: BTreeMap::from([("fake/fake-r".to_owned(), THINKING_MODEL.to_owned())]),
        made: BTreeSet::new(),
        into,
        old,
    };
    recorder.write("01-handshake-ok", &recorder.since(0))?;

    let mut names: Vec<String> = recorder.old.keys().cloned().collect();
    names.sort_by_key(|name| (name.starts_with("m-"), recorder.number(name), name.clone()));
    for name in &names {
        let inner = DURING.iter().any(|(_, _, inner)| inner.contains(&name.as_str()));
        let kept = KEPT.iter().any(|start| name.starts_with(start));
        if !inner && !kept && recorder.request(name).is_some() && !recorder.made.contains(name) {
            recorder.make(name).await.with_context(|| name.clone())?;
        }
    }
    let kept: Vec<&str> = names
        .iter()
        .filter(|name| !recorder.made.contains(*name))
        .map(String::as_str)
        .collect();
    println!("{} made anew in {}", recorder.made.len(), recorder.into.display());
    println!("kept, they need more than a request: {}", kept.join(", "));
    println!(
        "Look at the transcripts next: UPDATE_SNAPSHOTS=1 cargo test -p clawtray-gateway-client --test replay"
    );
    recorder.client.shutdown().await;
    Ok(())
}

struct Recorder {
    client: Client,
    log: Log,
    /// What this gateway calls what the old one called otherwise.
    ids: BTreeMap<String, String>,
    made: BTreeSet<String>,
    into: PathBuf,
    old: BTreeMap<String, Vec<String>>,
}

impl Recorder {
    /// The request that a recording begins with.
    fn request(&self, name: &str) -> Option<Value> {
        let first: Value = serde_json::from_str(self.old.get(name)?.first()?).ok()?;
        (first.get("type")? == "req" && first.get("method")? != "connect").then_some(first)
    }

    /// Its place among the requests of its connection.
    fn number(&self, name: &str) -> u32 {
        let id = self
            .request(name)
            .and_then(|request| request.get("id")?.as_str().map(str::to_owned));
        let own = id
            .and_then(|id| id.trim_start_matches('r').parse().ok())
            .unwrap_or(0);
        let group = name
            .split(|c: char| !c.is_ascii_digit())
            .next()
            .and_then(|digits| digits.parse::<u32>().ok());
        group.unwrap_or(0) * 1_000 + own
    }

    async fn make(&mut self, name: &str) -> Result<()> {
        let mark = self.since(0).len();
        let run = self.send(name).await?;
        if let Some((_, words, inner)) = DURING.iter().find(|(outer, _, _)| *outer == name) {
            let frame = self.wait(mark, |frame| frame.contains(words)).await?;
            self.learn(self.old_frame(name, words), &frame);
            for inner in *inner {
                let mark = self.since(0).len();
                self.send(inner).await?;
                let frames = self.exchange(mark);
                self.write(inner, &frames)?;
            }
        }
        let frames = match run {
            Some(run) => {
                let end = |frame: &str| {
                    frame.contains(&run)
                        && frame.contains(r#""event":"chat""#)
                        && ["final", "aborted", "error"]
                            .iter()
                            .any(|state| frame.contains(&format!(r#""state":"{state}""#)))
                };
                self.wait(mark, end).await?;
                self.quiet().await;
                self.conversation(mark)
            }
            None => self.exchange(mark),
        };
        self.write(name, &frames)
    }

    /// Sends a recording's request. Gives the run's id when it started one.
    async fn send(&mut self, name: &str) -> Result<Option<String>> {
        let request = self.request(name).context("it has no request")?;
        let method = request
            .get("method")
            .and_then(Value::as_str)
            .context("no method")?;
        let mut params = request.get("params").map(Value::to_string).unwrap_or_default();
        for (old, new) in &self.ids {
            params = params.replace(old, new);
        }
        let params: Value = serde_json::from_str(&params)?;
        let mark = self.since(0).len();
        // A refusal is a recording too.
        let answer = self.client.call_raw(method, params).await;
        if let Some(res) = self
            .since(mark)
            .iter()
            .find(|frame| frame.starts_with(r#"{"type":"res""#))
        {
            self.learn(self.old_frame(name, r#"{"type":"res""#), res);
        }
        let run = answer
            .ok()
            .and_then(|answer| answer.get("runId")?.as_str().map(str::to_owned));
        Ok(run.filter(|_| ["chat.send", "agent"].contains(&method)))
    }

    fn old_frame(&self, name: &str, words: &str) -> Option<String> {
        self.old
            .get(name)?
            .iter()
            .find(|frame| frame.contains(words))
            .cloned()
    }

    /// Remembers under which id the gateway now keeps what the old one kept under another.
    fn learn(&mut self, old: Option<String>, new: &str) {
        let id = |frame: &str| {
            let frame: Value = serde_json::from_str(frame).ok()?;
            frame.pointer("/payload/id")?.as_str().map(str::to_owned)
        };
        if let (Some(old), Some(new)) = (old.as_deref().and_then(id), id(new)) {
            self.ids.insert(old, new);
        }
    }

    fn since(&self, mark: usize) -> Vec<String> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.get(mark..).unwrap_or_default().to_vec()
    }

    /// A request and its answers, without what happened meanwhile.
    fn exchange(&self, mark: usize) -> Vec<String> {
        let mut frames = self.since(mark);
        frames.retain(|frame| !frame.starts_with(r#"{"type":"event""#));
        frames
    }

    /// A request and all that came after it, without other requests and their answers.
    fn conversation(&self, mark: usize) -> Vec<String> {
        let mut frames = self.since(mark);
        let id = |frame: &str| {
            let frame: Value = serde_json::from_str(frame).ok()?;
            frame.get("id")?.as_str().map(str::to_owned)
        };
        let own = frames.first().and_then(|frame| id(frame));
        frames.retain(|frame| frame.starts_with(r#"{"type":"event""#) || id(frame) == own);
        frames
    }

    async fn wait(&self, mark: usize, is_it: impl Fn(&str) -> bool) -> Result<String> {
        let end = Instant::now() + RUN_LIMIT;
        loop {
            if let Some(frame) = self.since(mark).into_iter().find(|frame| is_it(frame)) {
                return Ok(frame);
            }
            if Instant::now() >= end {
                bail!(
                    "what it waits for did not come; {} frames did",
                    self.since(mark).len()
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn quiet(&self) {
        let end = Instant::now() + RUN_LIMIT;
        let mut seen = self.since(0).len();
        loop {
            tokio::time::sleep(QUIET).await;
            let now = self.since(0).len();
            if now == seen || Instant::now() >= end {
                return;
            }
            seen = now;
        }
    }

    fn write(&mut self, name: &str, frames: &[String]) -> Result<()> {
        println!("{name}: {} frames", frames.len());
        let mut text = frames.join("\n");
        text.push('\n');
        std::fs::write(self.into.join(format!("{name}.jsonl")), text)?;
        self.made.insert(name.to_owned());
        Ok(())
    }
}

fn recordings(dir: &Path) -> Result<BTreeMap<String, Vec<String>>> {
    let mut recordings = BTreeMap::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == "jsonl") {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let text = std::fs::read_to_string(&path)?;
            recordings.insert(name, text.lines().map(str::to_owned).collect());
        }
    }
    Ok(recordings)
}

/// A WebSocket that passes text on to the gateway and back, and writes it down in the order it came.
async fn wire(gateway: String, log: Log) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pass_on(stream, gateway.clone(), Arc::clone(&log)));
        }
    });
    Ok(url)
}

async fn pass_on(stream: TcpStream, gateway: String, log: Log) -> Result<()> {
    let (mut to_client, mut from_client) = accept_async(stream).await?.split();
    let (mut to_gateway, mut from_gateway) = connect_async(gateway).await?.0.split();
    let note = |text: &str| {
        log.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(text.to_owned());
    };
    loop {
        tokio::select! {
            message = from_client.next() => {
                let Some(message) = message else { return Ok(()) };
                let message = message?;
                if let Ok(text) = message.to_text() && message.is_text() {
                    note(text);
                }
                to_gateway.send(message).await?;
            }
            message = from_gateway.next() => {
                let Some(message) = message else { return Ok(()) };
                let message = message?;
                if let Ok(text) = message.to_text() && message.is_text() {
                    note(text);
                }
                to_client.send(message).await?;
            }
        }
    }
}
