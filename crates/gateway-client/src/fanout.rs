//! One stream of events for many consumers. A slow consumer cannot delay the others.

use crate::{GatewayEvent, size};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc;

/// Bytes of events that wait for one consumer. A single event that is larger is still given to one that has read
/// everything before it.
pub(crate) const BYTES_MAX: usize = 32 * 1024 * 1024;

#[derive(Debug)]
struct Consumer {
    queue: mpsc::Sender<GatewayEvent>,
    missed: bool,
    /// Sizes of the events in the queue, oldest first, and their sum. Those that were read leave with the next event.
    sizes: VecDeque<usize>,
    bytes: usize,
}

impl Consumer {
    fn give(&mut self, size: usize, event: impl FnOnce() -> GatewayEvent) {
        let waiting = self.queue.max_capacity() - self.queue.capacity();
        while self.sizes.len() > waiting {
            self.bytes -= self.sizes.pop_front().unwrap_or_default();
        }
        let fits = self.bytes == 0 || self.bytes.saturating_add(size) <= BYTES_MAX;
        if fits && self.queue.capacity() > 1 {
            self.missed = false;
            self.push(size, event());
        } else if !self.missed {
            self.missed = true;
            self.push(0, GatewayEvent::Resync);
        }
    }

    fn push(&mut self, size: usize, event: GatewayEvent) {
        if self.queue.try_send(event).is_ok() {
            self.sizes.push_back(size);
            self.bytes += size;
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
        let mut consumer = Consumer {
            queue,
            missed: false,
            sizes: VecDeque::new(),
            bytes: 0,
        };
        if let Some(first) = first {
            consumer.push(0, first);
        }
        self.lock().push(consumer);
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
        let size = size::of_event(&event);
        for consumer in others {
            consumer.give(size, || event.clone());
        }
        // Mostly there is one consumer, and nothing to copy.
        last.give(size, || event);
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
    fn what_waits_for_a_slow_consumer_is_bounded_in_bytes() {
        let large = |bytes: usize| GatewayEvent::Health(serde_json::json!("x".repeat(bytes)));
        let fanout = Fanout::new(1024);
        let mut slow = fanout.subscribe(None);
        for _ in 0..100 {
            fanout.emit(large(1 << 20));
        }
        let held = drain(&mut slow);
        let bytes: usize = held.iter().map(size::of_event).sum();
        assert!(
            held.len() > 20 && bytes <= BYTES_MAX + 1024,
            "{} events, {bytes} bytes",
            held.len()
        );
        assert_eq!(held.last(), Some(&GatewayEvent::Resync));
        fanout.emit(large(BYTES_MAX * 2));
        fanout.emit(numbered(1));
        fanout.emit(numbered(2));
        let held = drain(&mut slow);
        assert_eq!(held.len(), 2, "one that is larger comes alone");
        assert_eq!(held.last(), Some(&GatewayEvent::Resync));
        fanout.emit(numbered(3));
        assert_eq!(drain(&mut slow), [numbered(3)], "and then goes on");
    }

    #[test]
    fn consumers_that_left_are_forgotten() {
        let fanout = Fanout::new(4);
        drop(fanout.subscribe(None));
        fanout.emit(numbered(0));
        assert!(fanout.lock().is_empty());
    }
}
