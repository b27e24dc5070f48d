//! One session's messages, as a window shows them: history, events of runs, and prompts sent from
//! here.
//!
//! The code is pure: events go in, [`Change`]s come out.
//!
//! Ids are stable. A prompt sent from here has its idempotency key as id, and the gateway names
//! that key on the stored message. A reply has the id of its run (`run:<id>`), in the live stream
//! and in history.

mod added;
mod fold;
mod history;
mod live;
#[cfg(test)]
mod tests;

pub use fold::{fold, message_id, tool_summary};

use crate::api::{AttachmentView, Change, MessageRole, MessageState, MessageView, RunView, TranscriptView};
use crate::ids::GatewayId;
use clawtray_gateway_protocol::Message;
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
    /// The newest prompt is the gateway's own.
    woken: bool,
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
            gateway: GatewayId::default(),
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
