//! The table of pending calls. An entry leaves on an answer, a deadline or a disconnect, or when
//! the caller is gone.

use super::{CallId, Effect, Now, Pending, Phase, Session, Waiter};
use crate::CallError;
use std::time::Duration;

impl Session {
    pub(super) fn call(
        &mut self,
        now: Now,
        call: CallId,
        method: &str,
        params: &str,
        timeout: Duration,
        until_final: bool,
    ) {
        let error = match &self.phase {
            Phase::Ready(ready) => {
                let limit = ready.max_payload;
                let id = self.next_id + 1;
                let text = raw_request(id, method, params);
                let size = text.len() as u64;
                if size <= limit {
                    self.next_id = id;
                    let deadline = now.mono.saturating_add(timeout);
                    let waiter = Waiter::Caller { call, until_final };
                    self.pending.insert(
                        id,
                        Pending {
                            waiter,
                            deadline,
                            timeout,
                        },
                    );
                    self.effects.push_back(Effect::Send(text));
                    return;
                }
                CallError::TooLarge { size, limit }
            }
            Phase::Idle
            | Phase::Opening { .. }
            | Phase::Challenge { .. }
            | Phase::Hello
            | Phase::Backoff { .. }
            | Phase::Paused { .. }
            | Phase::Closed => CallError::NotConnected,
        };
        self.effects.push_back(Effect::Reply {
            call,
            result: Err(error),
        });
    }

    pub(super) fn request(
        &mut self,
        now: Now,
        waiter: Waiter,
        method: &str,
        params: &serde_json::Value,
        timeout: Duration,
    ) {
        self.next_id += 1;
        let id = self.next_id;
        self.pending.insert(
            id,
            Pending {
                waiter,
                deadline: now.mono + timeout,
                timeout,
            },
        );
        self.effects
            .push_back(Effect::Send(raw_request(id, method, &params.to_string())));
    }

    pub(super) fn expire_calls(&mut self, now: Now) {
        let expired: Vec<u64> = self
            .pending
            .iter()
            .filter(|(_, p)| p.deadline <= now.mono)
            .map(|(id, _)| *id)
            .collect();
        for id in expired {
            let Some(pending) = self.pending.remove(&id) else {
                continue;
            };
            match pending.waiter {
                Waiter::Caller { call, .. } => {
                    let result = Err(CallError::Timeout(pending.timeout));
                    self.effects.push_back(Effect::Reply { call, result });
                }
                Waiter::Connect => self.handshake_timed_out(now),
                Waiter::Subscribe => self.announce(),
                Waiter::Probe => self.silent(now),
            }
        }
    }

    pub(super) fn fail_pending(&mut self) {
        for pending in std::mem::take(&mut self.pending).into_values() {
            if let Waiter::Caller { call, .. } = pending.waiter {
                let result = Err(CallError::Disconnected { written: true });
                self.effects.push_back(Effect::Reply { call, result });
            }
        }
    }
}

/// A request whose parameters are JSON text already.
fn raw_request(id: u64, method: &str, params: &str) -> String {
    let method = serde_json::Value::from(method);
    format!(r#"{{"type":"req","id":"{id}","method":{method},"params":{params}}}"#)
}
