//! Starts a connection's task again when it panics.
//!
//! A panic there is a fault of ours. Without a supervisor the state would keep its last value for good, and nobody would
//! answer a call or "try now".

use crate::driver::Driver;
use crate::{ConnectionState, PauseReason};
use futures_util::FutureExt as _;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

/// The wait after the first panic.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The wait after the second panic. It doubles with each further one.
const SECOND_WAIT: Duration = Duration::from_secs(60);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// A panic this long after the one before counts as the first again.
const FORGET_AFTER: Duration = Duration::from_secs(3_600);

/// Counts panics.
#[derive(Debug, Default)]
pub(crate) struct Panics {
    count: u32,
    last: Option<Instant>,
}

impl Panics {
    /// The state after one more panic, and the wait until the task is started again. The first one passes as a lost
    /// connection; the user is told of the second.
    pub(crate) fn next(&mut self, now: Instant) -> (ConnectionState, Duration) {
        let before = self.last.replace(now);
        if before.is_none_or(|before| now.saturating_duration_since(before) > FORGET_AFTER) {
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        tracing::error!(
            count = self.count,
            "the task of a connection panicked; it is started again"
        );
        if self.count == 1 {
            let state = ConnectionState::Backoff {
                attempt: 1,
                delay: FIRST_WAIT,
                soon_back: false,
                error: "the connection failed inside Clawtray and is started again".to_owned(),
            };
            return (state, FIRST_WAIT);
        }
        let doubled = 1_u32.checked_shl(self.count - 2).unwrap_or(u32::MAX);
        let wait = SECOND_WAIT.saturating_mul(doubled).min(LONGEST_WAIT);
        (ConnectionState::Paused(PauseReason::ClientFailed), wait)
    }
}

/// Runs a driver until it is told to stop, and again after each panic.
pub(crate) async fn drive(mut driver: Driver) {
    let mut panics = Panics::default();
    while AssertUnwindSafe(driver.run()).catch_unwind().await.is_err() {
        let (state, wait) = panics.next(Instant::now());
        driver.state.send_replace(state);
        if !driver.rest(wait).await {
            return;
        }
        driver.start_anew();
    }
}

/// Runs the task of an HTTP connection until it ends, and again after each panic.
pub(crate) async fn keep_running<F: Future<Output = ()>>(
    state: &watch::Sender<ConnectionState>,
    wake: &Notify,
    mut task: impl FnMut() -> F,
) {
    let mut panics = Panics::default();
    while AssertUnwindSafe(task()).catch_unwind().await.is_err() {
        let (failed, wait) = panics.next(Instant::now());
        state.send_replace(failed);
        tokio::select! {
            () = sleep(wait) => {}
            () = wake.notified() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_second_panic_is_told_and_an_old_one_is_forgotten() {
        let mut panics = Panics::default();
        let mut at = Instant::now();
        let is_first = |(state, wait): (ConnectionState, Duration)| matches!(state, ConnectionState::Backoff { delay, .. } if delay == wait);
        assert!(is_first(panics.next(at)));
        let waits = [60, 120, 240, 480, 600, 600].map(Duration::from_secs);
        for expected in waits {
            at += Duration::from_secs(1);
            let told = (ConnectionState::Paused(PauseReason::ClientFailed), expected);
            assert_eq!(panics.next(at), told);
        }
        assert!(is_first(panics.next(at + FORGET_AFTER + Duration::from_secs(1))));
    }
}
