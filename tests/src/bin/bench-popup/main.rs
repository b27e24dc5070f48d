//! `cargo xtask bench popup [keys]`: the popup while a long reply arrives.
//!
//! The first half measures responsiveness. The app's own popup, in WebKitGTK, follows a reply of
//! 200 kB in pieces of 50 bytes, about a thousand a second. Keys are typed meanwhile.
//!
//! The second half measures cost. The same reply comes from the real gateway to three pages: the
//! popup in the app, the popup's page in a headless Chromium, and the gateway's own Control UI in
//! the same Chromium. Each follows the reply to its end. The processor time counts from the prompt
//! until the last words are visible, at least two seconds after the gateway's end.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

mod chromium;

use anyhow::{Context, Result, ensure};
use chromium::Page;
use clawtray_embedded_gateway::{AgentBackend, Config, EmbeddedGateway, ModelServer, random_token};
use clawtray_gateway_client::protocol::SessionKey;
use clawtray_gateway_client::{Client, ClientConfig, Credentials, DeviceIdentity, Gateway};
use clawtray_lab::{Running, Scratch, ScriptedModel};
use product_tests::figures::{self, Figures, percentile};
use product_tests::live::{Watched, prompt, wait_for_ready};
use product_tests::stage::StageConfig;
use product_tests::{Live, Stage, Webview, leaks};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const BYTES: usize = 200_000;
const PIECE: usize = 50;
const END: &str = "This is the end of the long reply.";
const SESSION: &str = "agent:main:main";
/// Until pages have drawn what they start with, and what came last.
const SETTLE: Duration = Duration::from_secs(4);
const LINGER: Duration = Duration::from_secs(2);
/// How long a page may draw after the gateway's end.
const PATIENCE: Duration = Duration::from_secs(120);
/// What the gateway's page shows when one can write to it.
const THEIR_COMPOSER: &str = "textarea, [contenteditable=true]";
/// Where a text stands: "in sight", "out of sight" or "missing".
const IN_SIGHT: &str = include_str!("in_sight.js");
const ANSWER: &str = "article.answer:not([aria-busy=true])";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let pictures = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench-popup"));
    std::fs::create_dir_all(&pictures)?;
    println!("load before: {}", figures::load());
    let mut table = Figures::default();
    keys_while_it_streams(&mut table).await?;
    if std::env::args().nth(1).as_deref() == Some("keys") {
        return table.finish("popup-keys");
    }
    let ours = in_the_app(&mut table).await?;
    let place = Scratch::new("popup")?;
    let ours_in_chromium = our_page(place.path(), &pictures).await?;
    let theirs = their_page(place.path(), &pictures).await?;
    let name = format!(
        "openclaw {}'s Control UI in Chromium",
        clawtray_lab::real_gateway::openclaw_version()?
    );
    table.row("webview's processor time (WebKitGTK)", "s", ours, theirs, &name);
    table.row(
        "the same page in the same Chromium",
        "s",
        ours_in_chromium,
        theirs,
        &name,
    );
    table.finish("popup")
}

/// A reply with everything that Markdown has, of about [`BYTES`].
fn long_reply() -> String {
    let mut text = String::new();
    let mut part = 0;
    while text.len() < BYTES {
        part += 1;
        let sentence = format!(
            "Part {part} says what the **gateway** does with `session {part}`, and *why* it matters. "
        );
        text += &format!("## Part {part}\n\n{}\n\n", sentence.repeat(5).trim_end());
        text += "- first, with a [link](https://docs.example.org/a)\n- second\n  - nested\n- third\n\n";
        text += &format!(
            "```rust\nfn part_{part}(input: &str) -> usize {{\n    let lines = input.lines().count();\n    lines * {part}\n}}\n```\n\n"
        );
        text += &format!(
            "| name | value |\n|---|---:|\n| part | {part} |\n| half | {} |\n\n",
            part / 2
        );
    }
    text + END
}

/// The same without backticks: once a reply has code between them, gateway 2026.9.6 sends no delta until its end (seen; the
/// text without them came in some forty).
fn long_reply_that_streams() -> String {
    long_reply().replace("```", "~~~").replace('`', "")
}

/// Asks for the long reply, a piece each millisecond.
fn ask() -> String {
    format!("[[text:long]] [[n:{}]] [[d:1]] Please.", BYTES / PIECE)
}

/// Sends a prompt and follows the reply to its end.
async fn reply(agent: &Client, key: &str, text: &str) -> Result<Watched> {
    let events = agent.events();
    let ack = agent
        .send(prompt(&SessionKey(SESSION.to_owned()), key, text))
        .await?;
    let mut run = Watched::new(events, ack.run_id);
    run.first_text().await?;
    run.end().await?;
    Ok(run)
}

/// The long reply; how many deltas it came in, and how long it took.
async fn stream(agent: &Client) -> Result<(usize, Duration)> {
    let began = Instant::now();
    let run = reply(agent, "bench", &ask()).await?;
    ensure!(
        run.text.ends_with(END),
        "the reply ended early, after {} bytes",
        run.text.len()
    );
    Ok((run.deltas, began.elapsed()))
}

async fn keys_while_it_streams(table: &mut Figures) -> Result<()> {
    let model = ScriptedModel::start()?;
    model.teach("long", &long_reply());
    let data = Scratch::new("popup-gateway")?;
    let token = random_token();
    let gateway = EmbeddedGateway::start(Config {
        agent: AgentBackend::OpenAi(ModelServer {
            url: model.base_url(),
            model: None,
            key: None,
        }),
        // Every piece as it comes.
        pacing: Duration::ZERO,
        ..Config::new(data.path(), Some(token.clone()))
    })
    .await?;
    let stage = Stage::set(StageConfig {
        pictures: "bench-popup",
        ..StageConfig::default()
    })
    .await?;
    let env = [
        ("OPENCLAW_GATEWAY_URL", gateway.url()),
        ("OPENCLAW_GATEWAY_TOKEN", token.clone()),
    ];
    let popup = stage.start_controlled(&["--accept-environment"], &env).await?;
    popup.wait_for_text(".state", "connected").await?;
    let agent = Client::connect(
        ClientConfig::new(gateway.url(), Credentials::token(token.as_str()))
            .with_identity(DeviceIdentity::generate()),
    );
    wait_for_ready(&agent).await?;
    stage.wait_for_focus(&popup).await?;
    let listen = "window.keystrokes = [];
        addEventListener('keydown', (event) => requestAnimationFrame(() => requestAnimationFrame(() => {
            window.keystrokes.push(performance.timeOrigin + performance.now());
        })), true);";
    popup.run(listen, Vec::new()).await?;
    let quiet = type_until(&stage, &popup, &AtomicBool::new(true)).await?;
    let over = AtomicBool::new(false);
    let streaming = async {
        let streamed = stream(&agent).await;
        over.store(true, Ordering::SeqCst);
        streamed
    };
    let (streamed, keys) = tokio::join!(streaming, type_until(&stage, &popup, &over));
    let ((deltas, took), keys) = (streamed?, keys?);
    // Blocks out of sight have no inner text, but they are in the page.
    let drawn = "return document.querySelector(arguments[0])?.textContent.includes(arguments[1]) ?? false;";
    let limit = Instant::now() + Duration::from_secs(60);
    while popup.run(drawn, vec![json!(ANSWER), json!(END)]).await? != json!(true) {
        ensure!(Instant::now() < limit, "the popup does not show the reply's end");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    stage.picture("streamed")?;
    ensure!(
        keys.len() >= 20,
        "only {} keys were typed while it streamed",
        keys.len()
    );
    println!("{deltas} deltas in {took:?}, {} keys meanwhile", keys.len());
    let rounded: Vec<i64> = keys.iter().map(|key| key.round() as i64).collect();
    println!("from each to the frame after it, in ms: {rounded:?}");
    table.alone("deltas a second", "1/s", deltas as f64 / took.as_secs_f64());
    table.row(
        "keystroke to paint while it streams, p95",
        "ms",
        percentile(&keys, 95),
        50.0,
        "goal",
    );
    table.alone(
        "keystroke to paint while it streams, median",
        "ms",
        percentile(&keys, 50),
    );
    table.alone(
        "keystroke to paint with nothing going on, median",
        "ms",
        percentile(&quiet, 50),
    );
    popup.close().await?;
    agent.shutdown().await;
    gateway.shutdown().await;
    Ok(())
}

/// Types letters, at least thirty and until `over`; milliseconds from each key to the frame after it.
async fn type_until(stage: &Stage, popup: &Webview, over: &AtomicBool) -> Result<Vec<f64>> {
    let mut pressed: Vec<f64> = Vec::new();
    while pressed.len() < 30 || !over.load(Ordering::SeqCst) {
        pressed.push(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64() * 1e3);
        tokio::task::block_in_place(|| stage.desktop.press("k"))?;
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    // A page that is behind still answers every key; how late is what is measured.
    let end = Instant::now() + Duration::from_secs(60);
    let answered = "return window.keystrokes.length;";
    while popup.run(answered, Vec::new()).await?.as_u64() < Some(pressed.len() as u64) && Instant::now() < end
    {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let keys = popup
        .run("return window.keystrokes.splice(0);", Vec::new())
        .await?;
    let painted: Vec<f64> = serde_json::from_value(keys)?;
    ensure!(
        painted.len() == pressed.len(),
        "{} keys pressed, {} painted",
        pressed.len(),
        painted.len()
    );
    Ok(painted
        .iter()
        .zip(&pressed)
        .map(|(painted, pressed)| painted - pressed)
        .collect())
}

/// A real gateway, and a client that asks it.
async fn gateway_and_agent() -> Result<(Live, Client)> {
    let live = Live::start(Value::Null)?;
    live.model.teach("long", &long_reply_that_streams());
    let agent = Client::connect(live.new_device("bench"));
    wait_for_ready(&agent).await?;
    Ok((live, agent))
}

/// A short exchange, after which a page shows a conversation and is at its end: only then all of them follow.
async fn begin(agent: &Client) -> Result<()> {
    tokio::time::sleep(SETTLE).await;
    reply(agent, "begin", "Hello.").await?;
    tokio::time::sleep(SETTLE).await;
    Ok(())
}

/// What one stream costs some processes; `shown` tells where the page has a text, see `in_sight.js`.
async fn cost(
    agent: &Client,
    processes: &[u32],
    mut shown: impl AsyncFnMut(&str) -> Result<String>,
) -> Result<f64> {
    let before = figures::processor_seconds(processes);
    let looking = async {
        tokio::time::sleep(LINGER).await;
        shown(END).await
    };
    let (streamed, looked) = tokio::join!(stream(agent), looking);
    let (deltas, took) = streamed?;
    looked?;
    ensure!(deltas >= 20, "the gateway sent {deltas} deltas only");
    let ended = Instant::now();
    tokio::time::sleep(LINGER).await;
    let mut place = shown(END).await?;
    while place != "in sight" && ended.elapsed() < PATIENCE {
        tokio::time::sleep(LINGER).await;
        place = shown(END).await?;
    }
    println!(
        "  {deltas} deltas in {took:?}; the end is {place} after {:?}",
        ended.elapsed()
    );
    ensure!(place == "in sight", "the page does not follow to the reply's end");
    Ok(figures::processor_seconds(processes) - before)
}

async fn in_the_app(table: &mut Figures) -> Result<f64> {
    println!("the app's popup, load {}", figures::load());
    let (live, agent) = gateway_and_agent().await?;
    let stage = Stage::set(StageConfig {
        pictures: "bench-popup",
        ..StageConfig::default()
    })
    .await?;
    let popup = stage
        .start_controlled(&["--accept-environment"], &live.env())
        .await?;
    popup.wait_for_text(".state", "connected").await?;
    begin(&agent).await?;
    let app = stage.app_process()?;
    let webview = leaks::below(app)?;
    let names: Vec<String> = webview.iter().map(|id| figures::name(*id)).collect();
    ensure!(
        names.iter().any(|name| name.starts_with("WebKitWeb")),
        "no webview among {names:?}"
    );
    let app_before = figures::processor_seconds(&[app]);
    let script = format!("return ({IN_SIGHT})(arguments[0]);");
    let shown = async |text: &str| {
        let place = popup.run(&script, vec![json!(text)]).await?;
        Ok(place.as_str().unwrap_or_default().to_owned())
    };
    let webview_took = cost(&agent, &webview, shown).await?;
    let app_took = figures::processor_seconds(&[app]) - app_before;
    stage.picture("in-the-app")?;
    table.alone("the app itself (client, store, compositing)", "s", app_took);
    table.alone(
        "memory of the webview after the reply",
        "MB",
        figures::memory(&webview),
    );
    popup.close().await?;
    agent.shutdown().await;
    Ok(webview_took)
}

async fn our_page(place: &Path, pictures: &Path) -> Result<f64> {
    println!("the popup's page in Chromium, load {}", figures::load());
    let (live, agent) = gateway_and_agent().await?;
    let me = std::env::current_exe()?;
    let mut command = Command::new(me.with_file_name("ui-host"));
    command
        .arg("--dist")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../ui/dist-host"))
        .arg("--data")
        .arg(place.join("data"))
        .envs(live.env())
        .stdout(Stdio::piped());
    let mut host = Running::start("ui-host", &mut command)?;
    let mut said = BufReader::new(host.child().stdout.take().context("no output")?);
    let mut line = String::new();
    said.read_line(&mut line)?;
    // What it tells later is not wanted, but has to be taken.
    std::thread::spawn(move || said.lines().for_each(drop));
    let said: Value = serde_json::from_str(&line).context("ui-host said no address")?;
    let address = said
        .get("listening")
        .and_then(Value::as_str)
        .context("no address")?;
    let page = Page::open(
        &format!("{address}/popup.html"),
        ".chips",
        place,
        &pictures.join("ours-in-chromium.png"),
    )?;
    in_a_page(page, &agent).await
}

async fn their_page(place: &Path, pictures: &Path) -> Result<f64> {
    println!("the gateway's own page in Chromium, load {}", figures::load());
    let (live, agent) = gateway_and_agent().await?;
    let address = format!(
        "http://127.0.0.1:{}/chat?session={SESSION}#token={}",
        live.gateway.port(),
        live.gateway.token()
    );
    let page = Page::open(&address, THEIR_COMPOSER, place, &pictures.join("control-ui.png"))?;
    in_a_page(page, &agent).await
}

async fn in_a_page(mut page: Page, agent: &Client) -> Result<f64> {
    begin(agent).await?;
    let processes = page.processes()?;
    let took = cost(agent, &processes, async |text: &str| page.shows(text)).await;
    page.picture()?;
    agent.shutdown().await;
    took
}
