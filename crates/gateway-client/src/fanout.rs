//! One stream of events for many consumers. A slow consumer cannot delay the others.

use crate::GatewayEvent;
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc;

#[derive(Debug)]
struct Consumer {
    queue: mpsc::Sender<GatewayEvent>,
    missed: bool,
}

impl Consumer {
    fn give(&mut self, event: impl FnOnce() -> GatewayEvent) {
        if self.queue.capacity() > 1 {
            self.missed = false;
            let _ = self.queue.try_send(event());
        } else if !self.missed {
            self.missed = true;
            let _ = self.queue.try_send(GatewayEvent::Resync);
        }
    }
}

/// The consumers of a connection's events.
#[derive(Debug)]
pub(crate) struct Fanout {
    consumers: Mutex<Vec<Consumer>>,
    capacity: usize,
}

impl Fanout {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            consumers: Mutex::new(Vec::new()),
            capacity: capacity.max(2),
        }
    }

    /// A new consumer, with something to begin with.
    pub(crate) fn subscribe(&self, first: Option<GatewayEvent>) -> mpsc::Receiver<GatewayEvent> {
        let (queue, receiver) = mpsc::channel(self.capacity);
        if let Some(first) = first {
            let _ = queue.try_send(first);
        }
        self.lock().push(Consumer { queue, missed: false });
        receiver
    }

    /// Tells every consumer. The last free place in a queue is kept for `Resync`: whoever reads it has read everything
    /// before it, and missed what came after.
    pub(crate) fn emit(&self, event: GatewayEvent) {
        let mut consumers = self.lock();
        consumers.retain(|consumer| !consumer.queue.is_closed());
        let Some((last, others)) = consumers.split_last_mut() else {
            return;
        };
        for consumer in others {
            consumer.give(|| event.clone());
        }
        // Mostly there is one consumer, and nothing to copy.
        last.give(|| event);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Consumer>> {
        self.consumers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clawtray_gateway_protocol::SessionKey;

    fn numbered(n: usize) -> GatewayEvent {
        GatewayEvent::SessionChanged {
            session: SessionKey(n.to_string()),
            reason: None,
            delta: serde_json::Value::Null.into(),
        }
    }

    fn drain(receiver: &mut mpsc::Receiver<GatewayEvent>) -> Vec<GatewayEvent> {
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }

    #[test]
    fn a_slow_consumer_gets_resync_and_holds_up_nobody() {
        let fanout = Fanout::new(8);
        let mut slow = fanout.subscribe(None);
        let mut quick = fanout.subscribe(None);
        let mut seen = Vec::new();
        for n in 0..100 {
            fanout.emit(numbered(n));
            seen.extend(drain(&mut quick));
        }
        assert_eq!(seen, (0..100).map(numbered).collect::<Vec<_>>());
        let mut expected: Vec<_> = (0..7).map(numbered).collect();
        expected.push(GatewayEvent::Resync);
        assert_eq!(drain(&mut slow), expected);
        fanout.emit(numbered(100));
        assert_eq!(drain(&mut slow), [numbered(100)], "and then goes on");
    }

    #[test]
    fn nothing_is_missed_without_a_resync_behind_it() {
        // Whatever the consumer reads in between: an event that it never gets is followed by a Resync.
        for read_every in 1..20 {
            let fanout = Fanout::new(4);
            let mut receiver = fanout.subscribe(None);
            let mut got = Vec::new();
            for n in 0..200 {
                fanout.emit(numbered(n));
                if n % read_every == 0 {
                    got.extend(receiver.try_recv().ok());
                }
            }
            got.extend(drain(&mut receiver));
            let mut next = 0;
            let mut resync = false;
            for event in got {
                if event == GatewayEvent::Resync {
                    resync = true;
                    continue;
                }
                let GatewayEvent::SessionChanged { session, .. } = event else {
                    panic!("another event")
                };
                let n: usize = session.0.parse().unwrap();
                assert!(
                    n == next || (resync && n > next),
                    "a silent gap before {n}, reading every {read_every}"
                );
                next = n + 1;
                resync = false;
            }
            assert!(
                next == 200 || resync,
                "the end is missing silently, reading every {read_every}"
            );
        }
    }

    #[test]
    fn consumers_that_left_are_forgotten() {
        let fanout = Fanout::new(4);
        drop(fanout.subscribe(None));
        fanout.emit(numbered(0));
        assert!(fanout.lock().is_empty());
    }
}
