//! The wait before the next connection attempt.

use crate::PauseReason;
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
/// The longest wait that somebody else can name (`Retry-After`, `retryAfterMs`).
pub(crate) const NAMED_MAX: Duration = Duration::from_secs(3_600);
/// The longest one while the gateway is on its way back (`restartExpectedMs`, a 503).
pub(crate) const NAMED_SOON_MAX: Duration = Duration::from_secs(600);
/// The first look after a stop, and the longest time between two; it doubles in between.
const LOOK: Duration = Duration::from_secs(60);
const LOOK_MAX: Duration = Duration::from_secs(600);
/// The first look at a gateway that lets us wait and names no time.
const LIMITED_LOOK: Duration = Duration::from_secs(10);

/// A wait that somebody else names, within bounds.
pub(crate) fn named_wait(wait: Duration) -> Duration {
    wait.min(NAMED_MAX)
}

/// When a stopped connection looks by itself whether it can go on.
///
/// One that was ready once does so after anything but a refused sign-in: what stopped it may have come from somebody in
/// between, such as the login page of a hotel or a proxy during a reload. One that never was ready is more likely set up
/// wrongly, and waits for its user.
#[derive(Debug)]
pub(crate) struct LookAgain {
    was_ready: bool,
    looks: u32,
}

impl LookAgain {
    /// For a gateway that this device was connected to before, or never.
    pub(crate) fn new(was_ready: bool) -> Self {
        Self { was_ready, looks: 0 }
    }

    /// The connection is ready.
    pub(crate) fn ready(&mut self) {
        self.was_ready = true;
        self.looks = 0;
    }

    /// Takes over what another one knew.
    pub(crate) fn keep(&mut self, other: &Self) {
        self.was_ready |= other.was_ready;
    }

    /// The wait until the next look; none when only the user can help.
    pub(crate) fn after(&mut self, reason: &PauseReason) -> Option<Duration> {
        let doubled = 1_u32.checked_shl(self.looks).unwrap_or(u32::MAX);
        let step = |first: Duration| first.saturating_mul(doubled).min(LOOK_MAX);
        let wait = if let PauseReason::RateLimited { retry_after } = reason {
            // It is obeyed, and a gateway that names no time or none to speak of is not asked faster and faster.
            match retry_after {
                Some(named) => named_wait(*named).max(step(BASE)),
                None => step(LIMITED_LOOK),
            }
        } else if self.was_ready && reason.may_pass() {
            step(LOOK)
        } else {
            return None;
        };
        self.looks = self.looks.saturating_add(1);
        Some(wait)
    }
}

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
        match not_before.map(named_wait) {
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
        not_before.map_or(jitter, |after| {
            after
                .min(NAMED_SOON_MAX)
                .saturating_add(jitter.min(SOON_BASE / 5))
        })
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
    fn a_named_time_is_obeyed_within_bounds() {
        for secs in [3_601, 86_400, 31_536_000, u64::MAX / 2, u64::MAX] {
            let named = Duration::from_secs(secs);
            let mut backoff = Backoff::new(secs);
            let delay = backoff.next(Some(named));
            assert!(delay >= NAMED_MAX && delay <= NAMED_MAX * 11 / 10, "{delay:?}");
            let delay = backoff.soon(Some(named));
            assert!(
                delay >= NAMED_SOON_MAX && delay <= NAMED_SOON_MAX + SOON_BASE,
                "{delay:?}"
            );
        }
    }

    #[test]
    fn a_connection_that_was_ready_looks_again_later_and_later() {
        let refused = PauseReason::Refused {
            code: "HTTP_302".into(),
            message: "m".into(),
        };
        let sign_in = PauseReason::AuthRequired {
            code: "AUTH_TOKEN_MISMATCH".into(),
            next_step: None,
        };
        let secs = |wait: Option<Duration>| wait.map(|wait| wait.as_secs());
        let mut look = LookAgain::new(false);
        assert_eq!(look.after(&refused), None, "it never was ready");
        look.ready();
        for expected in [60, 120, 240, 480, 600, 600] {
            assert_eq!(secs(look.after(&refused)), Some(expected));
        }
        assert_eq!(look.after(&sign_in), None);
        look.ready();
        assert_eq!(secs(look.after(&refused)), Some(60));
        assert_eq!(secs(LookAgain::new(true).after(&refused)), Some(60));
    }

    #[test]
    fn a_limit_is_kept_and_never_asked_about_at_once() {
        let limited = |secs: Option<u64>| PauseReason::RateLimited {
            retry_after: secs.map(Duration::from_secs),
        };
        let mut look = LookAgain::new(false);
        assert_eq!(look.after(&limited(Some(9))), Some(Duration::from_secs(9)));
        assert_eq!(look.after(&limited(Some(u64::MAX))), Some(NAMED_MAX));
        let mut look = LookAgain::new(false);
        let waits: Vec<u64> = (0..12)
            .filter_map(|_| look.after(&limited(Some(0))))
            .map(|wait| wait.as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        assert_eq!(
            LookAgain::new(false).after(&limited(None)),
            Some(Duration::from_secs(10))
        );
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
