//! The meaning of each frame once the connection is ready.

use super::{APPROVALS_MAX, Effect, Now, Phase, SOON_WINDOW, Session, Waiter, translate};
use crate::{CallError, GatewayEvent};
use clawtray_gateway_protocol::event::ChatEvent;
use clawtray_gateway_protocol::frame::{Event, Response};
use clawtray_gateway_protocol::handshake::CHALLENGE_EVENT;
use serde_json::value::RawValue;

impl Session {
    pub(super) fn on_chat(&mut self, event: ChatEvent<'_>, seq: Option<u64>) {
        if self.follow(seq)
            && let Some(event) = self.runs.chat(event)
        {
            self.emit(GatewayEvent::Run(event));
        }
    }

    pub(super) fn on_event(&mut self, now: Now, event: &Event<'_>) {
        match self.phase {
            Phase::Challenge { deadline } if event.name == CHALLENGE_EVENT => {
                self.on_challenge(now, deadline, event.payload);
            }
            Phase::Ready(_) => {
                if !self.follow(event.seq) {
                    return;
                }
                let payload = event.payload.map_or("null", RawValue::get);
                let Some(event) = translate::event(&mut self.runs, &event.name, payload) else {
                    return;
                };
                if !self.admits(now, &event) {
                    return;
                }
                if let GatewayEvent::Shutdown {
                    restart_expected: Some(expected),
                    ..
                } = &event
                {
                    self.restart_hint = Some(*expected);
                    self.soon_until = Some(now.mono.saturating_add(SOON_WINDOW));
                }
                self.emit(event);
            }
            Phase::Idle
            | Phase::Opening { .. }
            | Phase::Challenge { .. }
            | Phase::Hello
            | Phase::Backoff { .. }
            | Phase::Paused { .. }
            | Phase::Closed => {}
        }
    }

    /// Whether an event is told. Approvals that wait are limited in number: each is told at once and asks for an answer.
    fn admits(&mut self, now: Now, event: &GatewayEvent) -> bool {
        match event {
            GatewayEvent::ApprovalRequested(approval) => {
                let id = approval.id.as_str();
                if self.approvals.len() >= APPROVALS_MAX && !self.approvals.contains_key(id) {
                    let now_ms = i64::try_from(now.wall.as_millis()).unwrap_or(i64::MAX);
                    self.approvals
                        .retain(|_, lapses| lapses.is_none_or(|at| at > now_ms));
                }
                if self.approvals.len() >= APPROVALS_MAX && !self.approvals.contains_key(id) {
                    tracing::debug!("too many approvals wait for one more");
                    return false;
                }
                self.approvals.insert(id.to_owned(), approval.expires_at_ms);
                true
            }
            GatewayEvent::ApprovalResolved { id, .. } => {
                self.approvals.remove(id.as_str());
                true
            }
            GatewayEvent::Connected { .. }
            | GatewayEvent::Resync
            | GatewayEvent::SessionsChanged { .. }
            | GatewayEvent::Run(_)
            | GatewayEvent::Message { .. }
            | GatewayEvent::SessionChanged { .. }
            | GatewayEvent::Health(_)
            | GatewayEvent::Shutdown { .. }
            | GatewayEvent::Other { .. } => true,
        }
    }

    /// Keeps up with the numbers of a connection's events. False for a repetition. A gap means that the gateway left
    /// events out because we were slow: what consumers show may be stale.
    pub(super) fn follow(&mut self, seq: Option<u64>) -> bool {
        let (Phase::Ready(ready), Some(seq)) = (&mut self.phase, seq) else {
            return true;
        };
        let gap = match ready.last_seq {
            Some(last) if seq <= last => return false,
            Some(last) => seq > last.saturating_add(1),
            None => false,
        };
        ready.last_seq = Some(seq);
        if gap {
            self.emit(GatewayEvent::Resync);
        }
        true
    }

    pub(super) fn on_response(&mut self, now: Now, response: Response<'_>) {
        let Ok(id) = response.id.parse::<u64>() else {
            // The gateway answers a frame it could not read with the id `invalid`; the call's own deadline ends it.
            tracing::debug!(known = false, "an answer to no request");
            return;
        };
        let Some(pending) = self.pending.get(&id) else {
            tracing::trace!(id, "a late answer");
            return;
        };
        if let Waiter::Caller {
            until_final: true, ..
        } = pending.waiter
            && let Ok(Some(payload)) = &response.result
            && is_interim(payload)
        {
            return;
        }
        let Some(pending) = self.pending.remove(&id) else {
            return;
        };
        match (pending.waiter, response.result) {
            (Waiter::Caller { call, .. }, result) => {
                let result = match result {
                    Ok(payload) => Ok(payload.map_or_else(null, ToOwned::to_owned)),
                    Err(error) => Err(CallError::Gateway(*error)),
                };
                self.effects.push_back(Effect::Reply { call, result });
            }
            (Waiter::Connect, Ok(payload)) => self.on_hello(now, payload),
            (Waiter::Connect, Err(error)) => self.on_refused(now, &error),
            (Waiter::Subscribe, result) => {
                if let Err(error) = result {
                    tracing::warn!(code = error.code, "no subscription to sessions");
                }
                self.announce();
            }
            (Waiter::Probe, _) => {}
        }
    }

    pub(super) fn emit(&mut self, event: GatewayEvent) {
        self.effects.push_back(Effect::Emit(event));
    }
}

/// The first of two answers.
fn is_interim(payload: &RawValue) -> bool {
    #[derive(serde::Deserialize)]
    struct Status<'a> {
        #[serde(borrow, default)]
        status: std::borrow::Cow<'a, str>,
    }
    serde_json::from_str::<Status<'_>>(payload.get()).is_ok_and(|payload| payload.status == "accepted")
}

fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}
