//! Merges history from a gateway or from the local copy into a transcript.

use super::{Transcript, fold, is_waiting};
use crate::api::{Change, MessageRole, MessageState, MessageView};
use crate::gateway::History;
use clawtray_gateway_protocol::Message;

impl Transcript {
    /// Notes that history is being asked for: what changes from now on may be newer than the answer.
    pub fn begin_load(&mut self) {
        self.touched.clear();
    }

    /// Replaces what history knows. Prompts that the gateway does not have yet stay, the run under way is adopted,
    /// what happened since [`Self::begin_load`] stays, and nothing is doubled.
    pub fn load(&mut self, history: &History, now_ms: i64) -> Vec<Change> {
        let mut fresh = fold(&history.messages);
        let touched = std::mem::take(&mut self.touched);
        let old = std::mem::take(&mut self.entries);
        // After a reset the gateway counts anew.
        self.newest_seq = old
            .iter()
            .filter(|entry| touched.contains(&entry.view.id))
            .filter_map(|entry| entry.seq)
            .max()
            .unwrap_or_default();
        if !self.loaded {
            // The local copy may have had rows that the gateway does not give.
            self.rows.clear();
        }
        self.note_rows(&history.messages);
        let (going_on, ended): (Vec<_>, Vec<_>) = std::mem::take(&mut self.active)
            .into_iter()
            .partition(|run| touched.contains(run));
        for run in &ended {
            self.runs.remove(run);
        }
        self.active = going_on;
        let in_flight = history
            .in_flight
            .as_ref()
            .filter(|flight| !flight.run_id.as_str().is_empty());
        let adopted = in_flight.filter(|flight| !self.active.iter().any(|run| run == flight.run_id.as_str()));
        let mut live: Option<MessageView> = None;
        let mut late = Vec::new();
        let mut waiting = Vec::new();
        for mut entry in old {
            let of_run = |run: &str| entry.view.run.as_deref() == Some(run);
            let goes_on = self.active.iter().any(|run| of_run(run));
            if let Some(known) = fresh.iter_mut().find(|known| known.view.id == entry.view.id) {
                if goes_on {
                    known.view = entry.view;
                } else {
                    fold::carry_over(&mut known.view, &entry.view);
                    if adopted.is_some_and(|flight| entry.view.run.as_deref() == Some(flight.run_id.as_str()))
                    {
                        live = Some(entry.view);
                    }
                }
            } else if adopted.is_some_and(|flight| of_run(flight.run_id.as_str())) {
                live = Some(entry.view);
            } else if is_waiting(&entry.view) {
                waiting.push(entry);
            } else if goes_on || touched.contains(&entry.view.id) {
                late.push(entry);
            } else if entry.seq.is_none() && entry.view.role == MessageRole::Assistant {
                let was_cut = entry.view.state == MessageState::Streaming
                    && !entry.view.text.is_empty()
                    && !fresh.iter().any(|other| other.view.run == entry.view.run);
                if was_cut {
                    entry.view.state = MessageState::Failed;
                    entry.view.error = Some("The gateway stopped before this reply was complete.".to_owned());
                }
                if was_cut || matches!(entry.view.state, MessageState::Failed | MessageState::Stopped) {
                    fold::place(&mut fresh, entry);
                }
            }
        }
        self.entries = fresh;
        self.entries.append(&mut late);
        self.has_older = history.has_more;
        self.loading = false;
        self.loaded = true;
        if let Some(flight) = adopted {
            self.adopt(flight, live.as_ref(), now_ms);
        }
        self.entries.append(&mut waiting);
        self.trim();
        self.shown_run = self.run_view();
        vec![Change::Transcript {
            transcript: self.view(),
        }]
    }

    /// Shows the local copy until the gateway answers. `awaited`: the gateway was asked.
    pub fn load_stored(&mut self, history: &History, awaited: bool) -> Vec<Change> {
        if self.loaded || !self.loading {
            return Vec::new();
        }
        let mut stored = fold(&history.messages);
        if stored.is_empty() {
            return Vec::new();
        }
        self.note_rows(&history.messages);
        stored.retain(|entry| self.position(&entry.view.id).is_none());
        stored.append(&mut self.entries);
        self.entries = stored;
        self.has_older = history.has_more;
        self.loading = awaited;
        self.trim();
        vec![Change::Transcript {
            transcript: self.view(),
        }]
    }

    /// Puts an older page before what is there.
    pub fn load_older(&mut self, history: &History) -> Vec<Change> {
        let oldest = self.entries.iter().filter_map(|entry| entry.seq).min();
        let page: Vec<Message> = history
            .messages
            .iter()
            .filter(|message| match (message.meta.seq, oldest) {
                (Some(seq), Some(oldest)) => seq < oldest,
                _ => message
                    .meta
                    .id
                    .as_ref()
                    .is_none_or(|id| !self.rows.contains_key(id.as_str())),
            })
            .cloned()
            .collect();
        self.note_rows(&page);
        let mut older = fold(&page);
        for entry in &mut older {
            // The page may cut a run in two; both halves stay, under different ids.
            if self.position(&entry.view.id).is_some() {
                entry.view.id = format!("{}@{}", entry.view.id, entry.seq.unwrap_or_default());
            }
        }
        self.limit = self.limit.max(self.entries.len() + older.len());
        self.has_older = history.has_more && !page.is_empty();
        let messages = older.iter().map(|entry| entry.view.clone()).collect();
        older.append(&mut self.entries);
        self.entries = older;
        vec![Change::OlderMessages {
            messages,
            has_older: self.has_older,
        }]
    }
}
