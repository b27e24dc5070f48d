//! A short run of the fuzz target over recorded frames, shuffled and damaged, and over noise.
//!
//! The long run is `cargo +nightly fuzz run session` in `fuzz/`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;
#[path = "common/drive.rs"]
mod drive;

use drive::drive;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

const STEPS: &[&str] = &[
    "c",
    "o",
    "f",
    "h503",
    "h404",
    "x",
    "X1012 service restart",
    "X4001 device removed",
    "X1008 slow consumer",
    "t1",
    "t20",
    "t70",
    "z3600",
    "rhealth",
    "ragent",
    "g",
    "knew",
    "soperator.read",
    "q",
];

/// Lines that get a session through its handshake.
fn handshake() -> String {
    format!(
        "c\no\n-{}\n-{}\n-{}\n",
        common::challenge(),
        common::hello("@ID", "b"),
        r#"{"type":"res","id":"@ID","ok":true,"payload":{}}"#
    )
}

#[test]
fn nothing_that_comes_in_breaks_the_session() {
    let frames: Vec<String> = common::fixtures()
        .into_values()
        .flatten()
        .filter(|frame| frame.len() < 4_000)
        .collect();
    let mut rng = StdRng::seed_from_u64(20_261_120);
    let mut ready = 0;
    for _ in 0..400 {
        let mut script = String::new();
        for _ in 0..rng.random_range(1..4) {
            if rng.random_bool(0.8) {
                script.push_str(&handshake());
            }
            for _ in 0..rng.random_range(0..40) {
                if rng.random_bool(0.4) {
                    script.push_str(STEPS.choose(&mut rng).unwrap());
                } else {
                    script.push(if rng.random_bool(0.5) { '-' } else { 'e' });
                    script.push_str(frames.choose(&mut rng).unwrap());
                }
                script.push('\n');
            }
        }
        let mut bytes = script.into_bytes();
        for _ in 0..rng.random_range(0..20).min(bytes.len()) {
            let at = rng.random_range(0..bytes.len());
            bytes[at] = rng.random();
        }
        ready += drive(&bytes);
    }
    // Or else it looked at nothing but closed doors.
    assert!(ready > 200, "{ready} handshakes");
}
