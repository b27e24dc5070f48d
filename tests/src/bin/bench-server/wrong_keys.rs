//! How long a wrong key takes to be refused. The time must not depend on the key or its length.

use crate::servers::Handle;
use anyhow::{Result, ensure};
use reqwest::StatusCode;
use std::time::Instant;

/// Requests with each key, in turn, so that what else the machine does meets all of them alike.
const ROUNDS: usize = 1_500;
/// Two keys of the same kind: how much they differ is the noise of this measurement.
const NOISE: [&str; 2] = ["16 characters", "16 others"];

/// The refusals of one kind of key.
pub(crate) struct Refusals {
    pub(crate) kind: &'static str,
    micros: Vec<f64>,
}

impl Refusals {
    /// The median time from request to answer, in microseconds.
    pub(crate) fn median(&mut self) -> f64 {
        self.micros.sort_by(f64::total_cmp);
        self.micros
            .get(self.micros.len() / 2)
            .copied()
            .unwrap_or_default()
    }
}

/// The token with one character changed.
fn changed(token: &str, at: usize) -> String {
    let other = |c: char| if c == 'x' { 'y' } else { 'x' };
    let change = |(i, c)| if i == at { other(c) } else { c };
    token.chars().enumerate().map(change).collect()
}

/// Asks with wrong keys of any length, one request after the other.
///
/// # Errors
/// One is not refused with 401.
pub(crate) async fn refusals(server: &Handle) -> Result<Vec<Refusals>> {
    let token = &server.token;
    let last = token.len().saturating_sub(1);
    let keys = [
        ("1 character", "a".to_owned()),
        (NOISE[0], "a".repeat(16)),
        (NOISE[1], "b".repeat(16)),
        ("the token but for its first", changed(token, 0)),
        ("the token but for its last", changed(token, last)),
        ("the token but for its end", token[..last].to_owned()),
        ("1,000 characters", "a".repeat(1_000)),
        ("8,000 characters", "a".repeat(8_000)),
    ];
    let mut all: Vec<Refusals> = keys
        .iter()
        .map(|&(kind, _)| Refusals {
            kind,
            micros: Vec::with_capacity(ROUNDS),
        })
        .collect();
    let url = format!("{}/api/sessions", server.base);
    for round in 0..=ROUNDS {
        for (refusals, (kind, key)) in all.iter_mut().zip(&keys) {
            let request = server.client.get(&url).bearer_auth(key).build()?;
            let began = Instant::now();
            let answer = server.client.execute(request).await?;
            let took = began.elapsed();
            let status = answer.status();
            answer.bytes().await?;
            ensure!(
                status == StatusCode::UNAUTHORIZED,
                "a wrong key ({kind}) was answered {status}"
            );
            // The first round makes the connection.
            if round > 0 {
                refusals.micros.push(took.as_secs_f64() * 1e6);
            }
        }
    }
    Ok(all)
}
