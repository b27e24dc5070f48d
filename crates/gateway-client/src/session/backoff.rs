//! The wait before the next connection attempt.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::time::Duration;

/// Full jitter: anything between nothing and a ceiling that doubles with each attempt.
const BASE: Duration = Duration::from_secs(1);
/// The ceiling's ceiling.
const CAP: Duration = Duration::from_secs(30);
/// While the gateway is on its way back: between these, doubling more gently.
const SOON_MIN: Duration = Duration::from_millis(200);
const SOON_BASE: Duration = Duration::from_millis(500);
const SOON_CAP: Duration = Duration::from_secs(4);

/// Counts attempts and draws delays.
#[derive(Debug)]
pub(crate) struct Backoff {
    rng: StdRng,
    attempts: u32,
    soon: u32,
}

impl Backoff {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            attempts: 0,
            soon: 0,
        }
    }

    /// After `hello-ok`, and only then.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
        self.soon = 0;
    }

    /// Attempts since the last success.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The largest delay that attempt `n` (from 1) may draw.
    pub(crate) fn ceiling(n: u32) -> Duration {
        BASE.saturating_mul(1_u32.checked_shl(n.saturating_sub(1)).unwrap_or(u32::MAX))
            .min(CAP)
    }

    /// The delay before the next attempt.
    pub(crate) fn next(&mut self, not_before: Option<Duration>) -> Duration {
        self.attempts = self.attempts.saturating_add(1);
        let jitter = self.draw(Duration::ZERO, Self::ceiling(self.attempts));
        match not_before {
            // A gateway that names a time gets it, spread a little so that clients do not come back as one.
            Some(after) => after.saturating_add(jitter.min(after / 10)),
            None => jitter,
        }
    }

    /// The delay while the gateway is on its way back.
    pub(crate) fn soon(&mut self, not_before: Option<Duration>) -> Duration {
        self.attempts = self.attempts.saturating_add(1);
        let ceiling = SOON_BASE
            .saturating_mul(1_u32.checked_shl(self.soon).unwrap_or(u32::MAX))
            .min(SOON_CAP);
        self.soon = self.soon.saturating_add(1);
        let jitter = self.draw(SOON_MIN, ceiling);
        not_before.map_or(jitter, |after| after.saturating_add(jitter.min(SOON_BASE / 5)))
    }

    fn draw(&mut self, from: Duration, to: Duration) -> Duration {
        let (from, to) = (micros(from), micros(to));
        Duration::from_micros(self.rng.random_range(from..=to.max(from)))
    }
}

fn micros(duration: Duration) -> u64 {
    duration.as_micros().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_stay_under_a_doubling_ceiling_and_use_all_of_it() {
        let ceilings: Vec<u64> = (1..=8).map(|n| Backoff::ceiling(n).as_secs()).collect();
        assert_eq!(ceilings, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(Backoff::ceiling(u32::MAX), CAP);
        let mut largest = [Duration::ZERO; 6];
        let mut smallest = [Duration::MAX; 6];
        for seed in 0..400 {
            let mut backoff = Backoff::new(seed);
            for n in 0..6 {
                let delay = backoff.next(None);
                assert!(delay <= Backoff::ceiling(n as u32 + 1));
                largest[n] = largest[n].max(delay);
                smallest[n] = smallest[n].min(delay);
            }
        }
        for n in 0..6 {
            let ceiling = Backoff::ceiling(n as u32 + 1);
            assert!(
                largest[n] > ceiling * 9 / 10 && smallest[n] < ceiling / 10,
                "attempt {n} is spread over its range"
            );
        }
    }

    #[test]
    fn a_named_time_is_obeyed() {
        let mut backoff = Backoff::new(1);
        let after = Duration::from_secs(60);
        let delay = backoff.next(Some(after));
        assert!(delay >= after && delay <= after * 11 / 10);
        assert!(backoff.soon(Some(after)) >= after);
    }

    #[test]
    fn soon_is_soon_even_after_many_attempts() {
        let mut backoff = Backoff::new(7);
        for _ in 0..40 {
            let delay = backoff.soon(None);
            assert!((SOON_MIN..=SOON_CAP).contains(&delay));
        }
        assert_eq!(backoff.attempts(), 40);
        backoff.reset();
        assert_eq!(backoff.attempts(), 0);
    }
}
