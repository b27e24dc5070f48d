//! Distributes events to the sockets that listen.

use serde_json::Value;
use std::sync::Arc;
use tokio::sync::broadcast;

/// Who gets an event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Audience {
    /// Connections that may read.
    Readers,
    /// Readers that follow this session, or have not asked for session scoping.
    Run {
        /// The session the run belongs to.
        session: String,
        /// Tool detail: only for connections with the cap `tool-events`.
        tool: bool,
    },
    /// Those that subscribed to sessions, or to this session's messages.
    Message {
        /// The session.
        session: String,
    },
    /// Those that subscribed to sessions.
    Sessions,
}

/// An event as every receiver gets it; only the sequence number is put in per connection.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Its name on the wire.
    pub(crate) name: &'static str,
    /// The payload, already text: one rendering for all receivers.
    pub(crate) payload: String,
    /// Who gets it.
    pub(crate) audience: Audience,
}

/// Fans events out. Events are rendered only while somebody listens.
#[derive(Clone, Debug)]
pub(crate) struct Hub {
    tx: broadcast::Sender<Arc<Event>>,
}

impl Hub {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            tx: broadcast::Sender::new(capacity),
        }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.tx.subscribe()
    }

    pub(crate) fn is_heard(&self) -> bool {
        self.tx.receiver_count() > 0
    }

    pub(crate) fn publish(&self, name: &'static str, audience: Audience, payload: impl FnOnce() -> Value) {
        self.publish_text(name, audience, || payload().to_string());
    }

    /// As [`Self::publish`], for a payload that is text already.
    pub(crate) fn publish_text(
        &self,
        name: &'static str,
        audience: Audience,
        payload: impl FnOnce() -> String,
    ) {
        if self.is_heard() {
            // Having no receiver left by now is no error.
            let _ = self.tx.send(Arc::new(Event {
                name,
                payload: payload(),
                audience,
            }));
        }
    }
}
