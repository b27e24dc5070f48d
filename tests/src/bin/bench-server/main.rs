//! `cargo xtask bench server`: the load that the embedded gateway carries as a server.
//!
//! `clawctl serve` runs as its own process with the scripted model behind it. It streams 200
//! replies over SSE and answers 2,000 requests a second at the same time. Every stream has its own
//! text, which must arrive to the byte and in order. Every answer is checked. A lost, mixed or
//! failed answer makes the program fail; speed does not. The real gateway gets the part of the load
//! that it can speak, on the same machine with the same model.
#![allow(clippy::print_stdout)]

mod load;
mod report;
mod servers;
mod slow;
mod streams;
mod wrong_keys;

use anyhow::{Result, ensure};
use clawtray_lab::ScriptedModel;
use load::{Kind, Load};
use report::Report;
use servers::Server;
use std::sync::Arc;
use std::time::Duration;
use streams::{Dialect, Flows, Stream};

/// Replies that are streamed at the same time.
const STREAMS: usize = 200;
/// Requests a second beside them, and for how long.
const RATE: u32 = 2_000;
const LOAD: Duration = Duration::from_secs(15);
/// How long streams may take to begin, and afterwards to end, before they count as failed. The peer runs them in turn.
const PATIENCE: Duration = Duration::from_secs(120);
/// Sessions whose transcripts are asked for.
const SESSIONS: usize = 20;

/// What one server did under one load.
struct Outcome {
    flows: Flows,
    load: Load,
    open_before: usize,
    open_after: usize,
    cpu_s: f64,
    peak_mib: f64,
}

fn main() -> Result<()> {
    ensure!(
        cfg!(target_os = "linux"),
        "CPU time and memory are read from /proc, so this runs on Linux only"
    );
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let model = Arc::new(ScriptedModel::start()?);
    let mut report = Report::default();
    let mut wrong = 0;

    println!("{STREAMS} streams and {RATE} requests a second, every dialect, `clawctl serve`");
    let ours = Server::ours(&model)?;
    let texts = runtime.block_on(load::prepare(&ours.at, SESSIONS))?;
    let all = runtime.block_on(under_load(&ours, &model, &Dialect::ALL, &Kind::all(texts), "all"))?;
    wrong += all.say();
    report.outcome("every dialect and request", &all, None);

    println!("wrong keys, `clawctl serve`");
    for mut refusals in runtime.block_on(wrong_keys::refusals(&ours.at))? {
        let name = format!("wrong key refused, median: {}", refusals.kind);
        report.alone(&name, "us", refusals.median());
    }

    println!("readers that never read, `clawctl serve`");
    let slow = runtime.block_on(slow::readers(&ours))?;
    println!(
        "  {} cut off of {}, {} still open; memory {:.1} MiB before, {:.1} MiB at most, after {:.0} s",
        slow.cut, slow.readers, slow.open, slow.before_mib, slow.peak_mib, slow.seconds
    );
    wrong += slow.open + usize::from(!slow.is_bounded());
    report.alone("readers that never read: cut off", "", slow.cut as f64);
    if !slow.is_bounded() {
        println!("    the server kept their replies");
    }
    report.alone("readers that never read: memory before", "MiB", slow.before_mib);
    report.alone("readers that never read: peak memory", "MiB", slow.peak_mib);
    drop(ours);

    println!("the same streams and requests for both, `clawctl serve`");
    let ours = Server::ours(&model)?;
    let same = [Dialect::OpenAi];
    let mine = runtime.block_on(under_load(&ours, &model, &same, &[Kind::Health], "ours"))?;
    wrong += mine.say();
    drop(ours);

    println!("the same for the real gateway");
    let peer = Server::peer(&model)?;
    let theirs = runtime.block_on(under_load(&peer, &model, &same, &[Kind::Health], "peer"))?;
    // What the peer loses is told and decides nothing.
    theirs.say();
    report.outcome("completions and health", &mine, Some((&theirs, &peer.name)));
    report.finish()?;
    ensure!(
        wrong == 0,
        "{wrong} streams or requests were lost, mixed up or failed, or slow readers were kept; see above"
    );
    Ok(())
}

/// Opens the streams, fires the requests while all of them are held open by the model, lets them end.
async fn under_load(
    server: &Server,
    model: &ScriptedModel,
    dialects: &[Dialect],
    kinds: &[Kind],
    round: &str,
) -> Result<Outcome> {
    let before = server.cost()?;
    server.forget_peak()?;
    let streams = (0..STREAMS).map(|number| {
        let dialect = dialects
            .get(number % dialects.len())
            .copied()
            .unwrap_or(Dialect::OpenAi);
        Stream::new(number, dialect, round, LOAD)
    });
    let running = streams::open(&server.at, streams);
    let open_before = running.all_begun(PATIENCE).await;
    let load = load::fire(&server.at, kinds, RATE, LOAD).await;
    let open_after = running.open();
    // Until here the model held every reply at its middle, so none of them can have ended.
    model.release(round);
    let flows = running.ended(PATIENCE).await;
    let after = server.cost()?;
    Ok(Outcome {
        flows,
        load,
        open_before,
        open_after,
        cpu_s: after.cpu_s - before.cpu_s,
        peak_mib: after.peak_mib,
    })
}

impl Outcome {
    /// Prints it; gives the number of things that are wrong.
    fn say(&self) -> usize {
        let (flows, load) = (&self.flows, &self.load);
        println!(
            "  streams: {} begun, {} open to the end of the load, {} byte-exact in {} events; {} lost, {} mixed up, {} out of order, {} failed",
            self.open_before,
            self.open_after,
            flows.exact,
            flows.events,
            flows.lost,
            flows.mixed,
            flows.disorder,
            flows.failed
        );
        println!(
            "  requests: {} sent, {} right, {} wrong, {} failed; {:.0} a second; {:.1} / {:.1} / {:.1} ms (p50 / p95 / p99)",
            load.sent,
            load.right,
            load.wrong,
            load.failed,
            load.rate(),
            load.percentile(50),
            load.percentile(95),
            load.percentile(99)
        );
        for reason in flows.reasons.iter().chain(&load.reasons) {
            println!("    {reason}");
        }
        println!(
            "  server: {:.1} s of CPU time, {:.1} MiB at most",
            self.cpu_s, self.peak_mib
        );
        let held = STREAMS - self.open_after.min(STREAMS);
        held + flows.lost + flows.mixed + flows.disorder + flows.failed + load.wrong + load.failed
    }
}
