//! Prints and stores the figures of a benchmark.

use crate::steps::target_dir;
use clawtray_lab::{Context, Result};
use serde_json::{Value, json};

/// Rows of figures, ours beside another's.
#[derive(Debug, Default)]
pub(super) struct Report {
    rows: Vec<Value>,
}

impl Report {
    /// Adds a row. The ratio is how many times smaller ours is; the peer may be a goal.
    pub(super) fn row(&mut self, name: &str, unit: &str, ours: f64, peer: f64, peer_name: &str) {
        let ratio = if ours > 0.0 { peer / ours } else { f64::INFINITY };
        self.rows.push(json!({
            "name": name, "unit": unit, "ours": ours, "peer": peer, "peer_name": peer_name, "ratio": ratio,
        }));
    }

    /// Adds a row with nothing to compare with.
    pub(super) fn alone(&mut self, name: &str, unit: &str, ours: f64) {
        self.rows
            .push(json!({ "name": name, "unit": unit, "ours": ours }));
    }

    /// Prints the table and writes `target/bench/NAME.json`, with the load of the machine.
    pub(super) fn finish(self, name: &str) -> Result<()> {
        println!("\n{:<62} {:>10} {:>10} {:>8}  peer", "", "ours", "peer", "ratio");
        for row in &self.rows {
            let number = |key: &str| {
                row.get(key)
                    .and_then(Value::as_f64)
                    .map_or(String::new(), |number| format!("{number:.2}"))
            };
            let text = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default();
            println!(
                "{:<62} {:>10} {:>10} {:>8}  {}",
                format!("{} ({})", text("name"), text("unit")),
                number("ours"),
                number("peer"),
                number("ratio"),
                text("peer_name"),
            );
        }
        let load = load();
        println!("load of the machine: {load}");
        let dir = target_dir().join("bench");
        std::fs::create_dir_all(&dir).context("cannot make the folder for figures")?;
        let file = dir.join(format!("{name}.json"));
        let text = format!("{:#}\n", json!({ "rows": self.rows, "load": load }));
        std::fs::write(&file, text).context(format!("cannot write {}", file.display()))
    }
}

/// The load averages over 1, 5 and 15 minutes; empty where the system does not say.
pub(super) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The middle of some figures.
pub(super) fn median(figures: &[f64]) -> f64 {
    percentile(figures, 50)
}

/// The figure that so many percent are not above.
pub(super) fn percentile(figures: &[f64], percent: usize) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len().saturating_sub(1) * percent).div_ceil(100);
    sorted.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_in_the_middle_and_near_the_end() {
        let figures: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!((percentile(&figures, 95), median(&[3.0, 1.0, 2.0])), (96.0, 2.0));
        assert_eq!(median(&[]), 0.0);
    }
}
