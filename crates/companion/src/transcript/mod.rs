//! One session's messages: history, the events of its runs and the prompts sent from here, folded into what a window
//! shows. Pure: events in, [`Change`]s out.
//!
//! Ids are stable by construction. A prompt sent from here has its idempotency key as id, and the gateway names that
//! key on the stored message. A reply has the id of its run (`run:<id>`), in the live stream and in history alike.

mod fold;
mod live;
#[cfg(test)]
mod tests;

pub use fold::{fold, message_id, tool_summary};

use crate::api::{AttachmentView, Change, MessageRole, MessageState, MessageView, RunView, TranscriptView};
use crate::gateway::History;
use clawtray_gateway_protocol::{Message, Role};
use std::collections::{HashMap, HashSet};

/// Messages that stay in memory and in a window before older ones have to be asked for.
pub const MESSAGE_LIMIT: usize = 200;

/// A message with what is needed to page and to recognise it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What a window shows.
    pub view: MessageView,
    /// The transcript position of its first row.
    pub seq: Option<u64>,
}

/// A session's transcript.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    session: String,
    entries: Vec<Entry>,
    runs: HashMap<String, live::Run>,
    /// Active runs in the order they began.
    active: Vec<String>,
    /// The gateway's ids of the rows that are here, with the ids of the messages that show them.
    rows: HashMap<String, String>,
    /// Messages and runs that changed since history was asked for.
    touched: HashSet<String>,
    newest_seq: u64,
    limit: usize,
    has_older: bool,
    loading: bool,
    /// The gateway has answered.
    loaded: bool,
    shown_run: Option<RunView>,
    waiting_approval: bool,
    reload: bool,
}

impl Transcript {
    /// An empty transcript that has not been loaded.
    #[must_use]
    pub fn new(session: impl Into<String>) -> Self {
        Self {
            session: session.into(),
            limit: MESSAGE_LIMIT,
            loading: true,
            ..Self::default()
        }
    }

    /// The session's key.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Whether events went missing, so that history has to be read again. Asking resets it.
    pub fn take_reload(&mut self) -> bool {
        std::mem::take(&mut self.reload)
    }

    /// Everything, for a snapshot.
    #[must_use]
    pub fn view(&self) -> TranscriptView {
        TranscriptView {
            session: self.session.clone(),
            messages: self.entries.iter().map(|entry| entry.view.clone()).collect(),
            has_older: self.has_older,
            loading: self.loading,
            run: self.run_view(),
        }
    }

    /// The message with this id.
    #[must_use]
    pub fn message(&self, id: &str) -> Option<&MessageView> {
        self.entries
            .iter()
            .map(|entry| &entry.view)
            .find(|view| view.id == id)
    }

    /// The message that is meant: by its own id, or by the gateway's id of one of its rows (`msg:<id>`).
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&MessageView> {
        self.message(id).or_else(|| {
            let row = id.strip_prefix("msg:")?;
            self.message(self.rows.get(row)?)
        })
    }

    /// The transcript position of the oldest message.
    #[must_use]
    pub fn oldest_seq(&self) -> Option<u64> {
        self.entries.iter().filter_map(|entry| entry.seq).min()
    }

    /// Whether older messages can be asked for.
    #[must_use]
    pub fn has_older(&self) -> bool {
        self.has_older
    }

    /// Whether nothing has been read yet, and something will come.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.loading
    }

    /// Whether the gateway has answered, so that the local copy has nothing to say any more.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// The id of the newest message of a run.
    #[must_use]
    pub fn view_of_run(&self, run: &str) -> Option<String> {
        let of_run = |entry: &&Entry| entry.view.run.as_deref() == Some(run);
        self.entries
            .iter()
            .rev()
            .find(of_run)
            .map(|entry| entry.view.id.clone())
    }

    /// The newest message.
    #[must_use]
    pub fn newest(&self) -> Option<&MessageView> {
        self.entries.last().map(|entry| &entry.view)
    }

    /// The run that is active now.
    #[must_use]
    pub fn active_run(&self) -> Option<&str> {
        self.active.first().map(String::as_str)
    }

    /// How many of the newest messages to skip when asking for older ones.
    #[must_use]
    pub fn older_offset(&self) -> u32 {
        let oldest = self.entries.iter().filter_map(|entry| entry.seq).min();
        let count = match oldest {
            Some(seq) => usize::try_from(self.newest_seq.saturating_sub(seq) + 1).unwrap_or(usize::MAX),
            None => self.rows.len().max(self.entries.len()),
        };
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Marks that history is being read.
    pub fn set_loading(&mut self, loading: bool) -> Vec<Change> {
        if self.loading == loading {
            return Vec::new();
        }
        self.loading = loading;
        vec![Change::Transcript {
            transcript: self.view(),
        }]
    }

    /// Shows a prompt at once, before the gateway has it.
    pub fn echo(
        &mut self,
        id: &str,
        text: &str,
        attachments: Vec<AttachmentView>,
        state: MessageState,
        at_ms: i64,
    ) -> Vec<Change> {
        if self.position(id).is_some() {
            return self.set_state(id, state, None);
        }
        let view = MessageView {
            id: id.to_owned(),
            role: MessageRole::User,
            state,
            text: text.to_owned(),
            attachments,
            at_ms,
            ..MessageView::default()
        };
        self.push(Entry { view, seq: None })
    }

    /// Moves a prompt through queued, sending, done and failed.
    pub fn set_state(&mut self, id: &str, state: MessageState, error: Option<String>) -> Vec<Change> {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.view.id == id) else {
            return Vec::new();
        };
        // A prompt that was steered is done; a late acknowledgement does not undo that.
        let state = if entry.view.state == MessageState::Steered && state == MessageState::Done {
            MessageState::Steered
        } else {
            state
        };
        if entry.view.state == state && entry.view.error == error {
            return Vec::new();
        }
        entry.view.state = state;
        entry.view.error = error;
        vec![Change::Message {
            message: entry.view.clone(),
        }]
    }

    /// Takes a prompt back.
    pub fn remove(&mut self, id: &str) -> Vec<Change> {
        match self.position(id) {
            Some(at) => {
                self.entries.remove(at);
                vec![Change::RemoveMessage { id: id.to_owned() }]
            }
            None => Vec::new(),
        }
    }

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

    /// A message that was added to the transcript, by anyone.
    pub fn on_message(&mut self, message: &Message, now_ms: i64) -> Vec<Change> {
        if let Some(id) = &message.meta.id
            && self
                .rows
                .insert(id.as_str().to_owned(), message_id(message))
                .is_some()
        {
            return Vec::new();
        }
        if let Some(seq) = message.meta.seq {
            self.newest_seq = self.newest_seq.max(seq);
        }
        match &message.role {
            Role::User => self.on_user_message(message, now_ms),
            Role::Assistant => self.on_assistant_message(message, now_ms),
            Role::ToolResult => self.on_tool_result(message, now_ms),
            Role::System | Role::Other(_) => {
                let failed = message.meta.run_id.as_ref().is_some_and(|run| {
                    self.entries.iter().any(|entry| {
                        entry.view.run.as_deref() == Some(run.as_str())
                            && entry.view.state != MessageState::Streaming
                            && entry.view.error.is_some()
                    })
                });
                match fold(std::slice::from_ref(message)).pop() {
                    Some(entry) if !failed => self.push(entry),
                    _ => Vec::new(),
                }
            }
        }
    }

    fn on_user_message(&mut self, message: &Message, now_ms: i64) -> Vec<Change> {
        let Some(mut entry) = fold(std::slice::from_ref(message)).pop() else {
            return Vec::new();
        };
        if entry.view.at_ms == 0 {
            entry.view.at_ms = now_ms;
        }
        let echo = self.position(&entry.view.id).or_else(|| {
            if message.idempotency_key.is_some() {
                return None;
            }
            self.entries.iter().position(|known| {
                known.seq.is_none()
                    && known.view.role == MessageRole::User
                    && known.view.text.trim() == entry.view.text.trim()
            })
        });
        if let Some(known) = echo.and_then(|at| self.entries.get_mut(at)) {
            known.seq = entry.seq;
            let state = if known.view.state == MessageState::Steered {
                MessageState::Steered
            } else {
                MessageState::Done
            };
            if known.view.state == state {
                return Vec::new();
            }
            known.view.state = state;
            known.view.error = None;
            return vec![Change::Message {
                message: known.view.clone(),
            }];
        }
        let reply = format!("run:{}", entry.view.id);
        match self.position(&reply) {
            Some(at) => {
                self.entries.insert(at, entry);
                vec![Change::Transcript {
                    transcript: self.view(),
                }]
            }
            None => self.push(entry),
        }
    }

    fn on_assistant_message(&mut self, message: &Message, now_ms: i64) -> Vec<Change> {
        let Some(mut entry) = fold(std::slice::from_ref(message)).pop() else {
            return Vec::new();
        };
        if entry.view.at_ms == 0 {
            entry.view.at_ms = now_ms;
        }
        let Some(run) = message.meta.run_id.as_ref().map(|run| run.as_str().to_owned()) else {
            let same = self.entries.iter_mut().rev().take(4).find(|known| {
                known.view.role == MessageRole::Assistant && known.view.text.trim() == entry.view.text.trim()
            });
            return match same {
                Some(known) => {
                    known.seq = known.seq.or(entry.seq);
                    Vec::new()
                }
                None => self.push(entry),
            };
        };
        let bubble = self.runs.get(&run).and_then(|known| known.bubble.clone());
        let known = bubble
            .or_else(|| Some(format!("run:{run}")))
            .and_then(|id| self.entries.iter_mut().find(|known| known.view.id == id));
        if let Some(known) = known {
            known.seq = known.seq.or(entry.seq);
            let live = known.view.state == MessageState::Streaming;
            let mut changed = fold::merge_tools(&mut known.view, &entry.view);
            if known.view.model.is_none() && entry.view.model.is_some() {
                known.view.model.clone_from(&entry.view.model);
                changed = true;
            }
            if !live
                && known.view.error.is_none()
                && known.view.text.is_empty()
                && !entry.view.text.is_empty()
            {
                known.view.text.clone_from(&entry.view.text);
                changed = true;
            }
            return if changed {
                vec![Change::Message {
                    message: known.view.clone(),
                }]
            } else {
                Vec::new()
            };
        }
        if self.active.contains(&run) {
            // Its text comes as deltas; only tools are news.
            if entry.view.tools.is_empty() {
                return Vec::new();
            }
            let mut changes = self.bubble(&run, now_ms).1;
            if let Some(id) = self.runs.get(&run).and_then(|known| known.bubble.clone())
                && let Some(known) = self.entries.iter_mut().find(|known| known.view.id == id)
                && fold::merge_tools(&mut known.view, &entry.view)
            {
                changes.push(Change::Message {
                    message: known.view.clone(),
                });
            }
            return changes;
        }
        let text_len = entry.view.text.len();
        let id = entry.view.id.clone();
        self.runs.insert(run, live::Run::told_by_message(id, text_len));
        self.push(entry)
    }

    fn on_tool_result(&mut self, message: &Message, now_ms: i64) -> Vec<Change> {
        let Some(call) = message.tool_call_id.as_deref() else {
            return Vec::new();
        };
        let Some(entry) = self
            .entries
            .iter_mut()
            .rev()
            .find(|entry| entry.view.tools.iter().any(|tool| tool.id == call))
        else {
            return Vec::new();
        };
        if fold::finish_tool(&mut entry.view, message, now_ms) {
            vec![Change::Message {
                message: entry.view.clone(),
            }]
        } else {
            Vec::new()
        }
    }

    fn note_rows(&mut self, messages: &[Message]) {
        for message in messages {
            if let Some(id) = &message.meta.id {
                self.rows.insert(id.as_str().to_owned(), message_id(message));
            }
            if let Some(seq) = message.meta.seq {
                self.newest_seq = self.newest_seq.max(seq);
            }
        }
    }

    fn position(&self, id: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.view.id == id)
    }

    fn push(&mut self, entry: Entry) -> Vec<Change> {
        self.touched.insert(entry.view.id.clone());
        let mut changes = vec![Change::Message {
            message: entry.view.clone(),
        }];
        self.entries.push(entry);
        for id in self.trim() {
            changes.push(Change::RemoveMessage { id });
        }
        changes
    }

    fn trim(&mut self) -> Vec<String> {
        let over = self.entries.len().saturating_sub(self.limit);
        if over > 0 {
            self.has_older = true;
        }
        self.entries.drain(..over).map(|entry| entry.view.id).collect()
    }
}

fn is_waiting(view: &MessageView) -> bool {
    view.role == MessageRole::User
        && matches!(
            view.state,
            MessageState::Queued | MessageState::Sending | MessageState::Failed
        )
}
