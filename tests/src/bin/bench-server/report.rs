//! The table and the file.

use crate::Outcome;
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Rows of figures.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Value>,
}

impl Report {
    /// The figures of a load, beside a peer's or alone.
    pub(crate) fn outcome(&mut self, what: &str, ours: &Outcome, peer: Option<(&Outcome, &str)>) {
        type Figure = (&'static str, &'static str, fn(&Outcome) -> f64);
        let figures: [Figure; 10] = [
            ("streams open during the load", "", |o| o.open_after as f64),
            ("streams byte-exact", "", |o| o.flows.exact as f64),
            ("requests answered right", "", |o| o.load.right as f64),
            ("requests failed or wrong", "", |o| {
                (o.load.failed + o.load.wrong) as f64
            }),
            ("rate", "1/s", |o| o.load.rate()),
            ("latency p50", "ms", |o| o.load.percentile(50)),
            ("latency p95", "ms", |o| o.load.percentile(95)),
            ("latency p99", "ms", |o| o.load.percentile(99)),
            ("server CPU time", "s", |o| o.cpu_s),
            ("server peak memory", "MiB", |o| o.peak_mib),
        ];
        for (name, unit, read) in figures {
            let name = format!("{what}: {name}");
            match peer {
                Some((theirs, peer_name)) => {
                    let (ours, theirs) = (read(ours), read(theirs));
                    let ratio = if ours > 0.0 { theirs / ours } else { 0.0 };
                    self.rows.push(json!({
                        "name": name, "unit": unit, "ours": ours, "peer": theirs, "peer_name": peer_name, "ratio": ratio,
                    }));
                }
                None => self.alone(&name, unit, read(ours)),
            }
        }
    }

    /// A figure with nothing to compare with.
    pub(crate) fn alone(&mut self, name: &str, unit: &str, ours: f64) {
        self.rows.push(json!({"name": name, "unit": unit, "ours": ours}));
    }

    /// Prints the table and writes `target/bench/server.json`.
    pub(crate) fn finish(&self) -> Result<()> {
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
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load: Vec<&str> = load.split(' ').take(3).collect();
        println!("load of the machine: {}", load.join(" "));
        // `target/release/bench-server`
        let me = std::env::current_exe()?;
        let dir = me
            .ancestors()
            .nth(2)
            .context("the program is not in a target folder")?
            .join("bench");
        std::fs::create_dir_all(&dir)?;
        let text = format!("{:#}\n", json!({"rows": self.rows, "load": load.join(" ")}));
        std::fs::write(dir.join("server.json"), text)?;
        Ok(())
    }
}
