//! The table and the file of the server benchmark.

use crate::Outcome;
use anyhow::Result;
use product_tests::figures::Figures;

/// Rows of figures.
#[derive(Default)]
pub(crate) struct Report {
    figures: Figures,
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
                    self.figures.row(&name, unit, ours, theirs, peer_name);
                }
                None => self.alone(&name, unit, read(ours)),
            }
        }
    }

    /// A figure with nothing to compare with.
    pub(crate) fn alone(&mut self, name: &str, unit: &str, ours: f64) {
        self.figures.alone(name, unit, ours);
    }

    /// Prints the table and writes `target/bench/server.json`.
    pub(crate) fn finish(&self) -> Result<()> {
        self.figures.finish("server")
    }
}
