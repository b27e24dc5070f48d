//! Prints and stores the figures of a benchmark, and reads what a program used from the system.

use crate::leaks;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::Path;

/// Clock ticks per second in `/proc/PID/stat`; fixed at 100 on Linux.
const TICKS: f64 = 100.0;

/// Rows of figures.
#[derive(Debug, Default)]
pub struct Figures {
    rows: Vec<Value>,
}

impl Figures {
    /// A figure beside another's. The ratio is peer / ours: more is better for us.
    pub fn row(&mut self, name: &str, unit: &str, ours: f64, peer: f64, peer_name: &str) {
        let ratio = if ours > 0.0 { peer / ours } else { 0.0 };
        self.rows.push(json!({
            "name": name, "unit": unit, "ours": ours, "peer": peer, "peer_name": peer_name, "ratio": ratio,
        }));
    }

    /// A figure with nothing to compare with.
    pub fn alone(&mut self, name: &str, unit: &str, ours: f64) {
        self.rows.push(json!({"name": name, "unit": unit, "ours": ours}));
    }

    /// Prints the table with the load of the machine, and writes `target/bench/NAME.json`.
    ///
    /// # Errors
    /// The file cannot be written.
    #[allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]
    pub fn finish(&self, name: &str) -> Result<()> {
        println!("\n{:<66} {:>10} {:>10} {:>8}  peer", "", "ours", "peer", "ratio");
        for row in &self.rows {
            let number = |key: &str| {
                let number = row.get(key).and_then(Value::as_f64);
                number.map_or(String::new(), |number| format!("{number:.2}"))
            };
            let text = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default();
            let unit = match text("unit") {
                "" => String::new(),
                unit => format!(" ({unit})"),
            };
            println!(
                "{:<66} {:>10} {:>10} {:>8}  {}",
                format!("{}{unit}", text("name")),
                number("ours"),
                number("peer"),
                number("ratio"),
                text("peer_name"),
            );
        }
        let load = load();
        println!("load of the machine: {load}");
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
        std::fs::create_dir_all(&dir)?;
        let text = format!("{:#}\n", json!({"rows": self.rows, "load": load}));
        let file = dir.join(format!("{name}.json"));
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    }
}

/// The load averages over 1, 5 and 15 minutes.
#[must_use]
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The figure that so many percent are not above; NaN without any.
#[must_use]
pub fn percentile(figures: &[f64], percent: usize) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len().saturating_sub(1) * percent).div_ceil(100);
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// A program and all below it.
///
/// # Errors
/// The list of processes cannot be read.
pub fn family(process: u32) -> Result<Vec<u32>> {
    let mut all = leaks::below(process)?;
    all.push(process);
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// The name that the kernel has for a process, at most 15 letters of it.
#[must_use]
pub fn name(process: u32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    name.trim().to_owned()
}

/// Processor time of some processes so far, in seconds. One that has ended counts no more.
#[must_use]
pub fn processor_seconds(processes: &[u32]) -> f64 {
    let ticks = |process: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // The name, in brackets, may hold anything.
        let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let times = fields.split(' ').skip(11).take(2);
        times.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>()
    };
    processes.iter().map(ticks).sum::<f64>() / TICKS
}

/// Memory of some processes, in MB: proportional set size.
#[must_use]
pub fn memory(processes: &[u32]) -> f64 {
    // A process may have ended since.
    let pss = |process: &u32| {
        let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
        number_after(&text, "Pss:").unwrap_or_default()
    };
    processes.iter().map(pss).sum::<f64>() / 1000.0
}

/// The number behind a name at the start of a line, as files below `/proc` have it.
#[must_use]
pub fn number_after(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
