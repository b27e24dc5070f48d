//! Signs of life: silence, probes, and waking from sleep.

use super::verdict::Verdict;
use super::{CLOCK_CHECK, Now, PROBE_LIMIT, Phase, SLEEP_GAP, Session, Waiter};
use serde_json::json;

impl Session {
    /// No sign of life: begin anew.
    pub(super) fn silent(&mut self, now: Now) {
        if !matches!(self.phase, Phase::Ready(_)) {
            return;
        }
        self.drop_socket(4000);
        self.fail_pending();
        self.act(
            now,
            Verdict::Retry { after: None },
            "the gateway stopped responding".to_owned(),
        );
    }

    /// Asks for a sign of life.
    pub(super) fn probe(&mut self, now: Now) {
        if !self
            .pending
            .values()
            .any(|pending| pending.waiter == Waiter::Probe)
        {
            self.request(now, Waiter::Probe, "health", &json!({}), PROBE_LIMIT);
        }
    }

    /// Notices that the computer slept: the wall clock went on while the monotonic one stood still, or both went past
    /// a timer by far. True when it did and something was done about it.
    pub(super) fn compare_clocks(&mut self, now: Now) -> bool {
        let Some(before) = self.clocks.replace(now) else {
            return false;
        };
        let mono = now.mono.saturating_sub(before.mono);
        let wall = now.wall.saturating_sub(before.wall);
        let slept = wall.saturating_sub(mono) >= SLEEP_GAP || mono >= CLOCK_CHECK + SLEEP_GAP * 3;
        if !slept {
            return false;
        }
        match &mut self.phase {
            Phase::Ready(ready) => {
                // Silence while asleep says nothing; the probe will.
                ready.last_heard = now.mono;
                self.probe(now);
                true
            }
            // The network may be another one.
            Phase::Backoff { .. } | Phase::Paused { look_at: Some(_) } => {
                self.open(now);
                true
            }
            Phase::Idle
            | Phase::Opening { .. }
            | Phase::Challenge { .. }
            | Phase::Hello
            | Phase::Paused { look_at: None }
            | Phase::Closed => false,
        }
    }
}
