//! The phases before a connection is ready: opening, waiting, pausing.

use super::verdict::Verdict;
use super::{Effect, Now, OPEN_LIMIT, PAIRING_LOOK, Phase, SOON_WINDOW, Session, Show, TUNNEL_LOOK};
use crate::{ConnectionState, PauseReason};
use std::time::Duration;

impl Session {
    pub(super) fn connect(&mut self, now: Now) {
        match self.phase {
            Phase::Idle | Phase::Backoff { .. } | Phase::Paused { .. } => self.open(now),
            Phase::Ready(_) => self.probe(now),
            Phase::Opening { .. } | Phase::Challenge { .. } | Phase::Hello | Phase::Closed => {}
        }
    }

    /// Begins anew, with what was just changed.
    pub(super) fn restart(&mut self, now: Now) {
        match self.phase {
            Phase::Closed | Phase::Idle => {}
            Phase::Opening { .. }
            | Phase::Challenge { .. }
            | Phase::Hello
            | Phase::Ready(_)
            | Phase::Backoff { .. }
            | Phase::Paused { .. } => {
                self.drop_socket(1000);
                self.fail_pending();
                self.open(now);
            }
        }
    }

    pub(super) fn open(&mut self, now: Now) {
        self.clocks = Some(now);
        if let Err(reason) = &self.endpoint {
            let reason = reason.clone();
            self.pause(reason, None);
            return;
        }
        self.phase = Phase::Opening {
            deadline: now.mono + OPEN_LIMIT,
        };
        self.effects.push_back(Effect::State(ConnectionState::Connecting));
        self.effects.push_back(Effect::Open);
    }

    /// Closes the socket if there is one.
    pub(super) fn drop_socket(&mut self, code: u16) {
        let open = matches!(
            self.phase,
            Phase::Opening { .. } | Phase::Challenge { .. } | Phase::Hello | Phase::Ready(_)
        );
        if open {
            self.effects.push_back(Effect::Close { code });
        }
    }

    pub(super) fn pause(&mut self, reason: PauseReason, look_at: Option<Duration>) {
        self.phase = Phase::Paused { look_at };
        self.effects
            .push_back(Effect::State(ConnectionState::Paused(reason)));
    }

    pub(super) fn act(&mut self, now: Now, verdict: Verdict, error: String) {
        // During a restart the port is refused, the proxy answers 502, and so on: all of it is part of coming back.
        let coming_back = self.soon_until.is_some_and(|until| now.mono < until);
        match verdict {
            Verdict::Pause(reason) => {
                let look_at = self.look.after(&reason).map(|wait| now.mono.saturating_add(wait));
                self.pause(reason, look_at);
            }
            Verdict::PauseAndLook(reason) => {
                // Servers put those aside who try to sign in too often.
                let by_ssh = matches!(reason, PauseReason::Tunnel { .. });
                let wait = if by_ssh { TUNNEL_LOOK } else { PAIRING_LOOK };
                self.pause(reason, Some(now.mono.saturating_add(wait)));
            }
            Verdict::Retry { after } if !coming_back => {
                let delay = self.backoff.next(after);
                self.wait(now, delay, false, error);
            }
            Verdict::Retry { after } | Verdict::SoonBack { after } => {
                self.soon_until.get_or_insert(now.mono + SOON_WINDOW);
                let after = after.or(self.restart_hint.take());
                let delay = self.backoff.soon(after);
                self.wait(now, delay, true, error);
            }
            Verdict::RetryWithDeviceToken => {
                self.show = Show::DeviceToken;
                self.open(now);
            }
        }
    }

    pub(super) fn wait(&mut self, now: Now, delay: Duration, soon_back: bool, error: String) {
        self.clocks = Some(now);
        self.phase = Phase::Backoff {
            until: now.mono.saturating_add(delay),
        };
        let attempt = self.backoff.attempts();
        self.effects.push_back(Effect::State(ConnectionState::Backoff {
            attempt,
            delay,
            soon_back,
            error,
        }));
    }
}
