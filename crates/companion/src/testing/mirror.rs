use crate::api::{Change, Signal, Update, View};
use std::time::Duration;
use tokio::sync::mpsc;

/// What a window knows: the snapshot with all patches applied, as a window applies them.
pub struct Mirror {
    updates: mpsc::UnboundedReceiver<Update>,
    /// The view.
    pub view: View,
    /// The last revision.
    pub revision: u64,
    /// Signals, newest last.
    pub signals: Vec<Signal>,
    /// All updates as JSON, as they cross to a window.
    pub wire: Vec<String>,
    /// How many patches came.
    pub patches: usize,
}

impl Mirror {
    /// A mirror, and the sink that feeds it.
    #[must_use]
    pub fn new() -> (Self, crate::app::Sink) {
        let (sender, updates) = mpsc::unbounded_channel();
        let mirror = Self {
            updates,
            view: View::default(),
            revision: 0,
            signals: Vec::new(),
            wire: Vec::new(),
            patches: 0,
        };
        let sink = Box::new(move |update| {
            let _ = sender.send(update);
        });
        (mirror, sink)
    }

    /// Waits until the view looks as it should.
    pub async fn until(&mut self, what: &str, mut look: impl FnMut(&Self) -> bool) {
        self.drain();
        let wait = async {
            while !look(self) {
                match self.updates.recv().await {
                    Some(update) => self.apply(update),
                    None => panic!(
                        "the window was let go of before: {what}\n{}",
                        serde_json::to_string_pretty(&self.view).expect("json")
                    ),
                }
            }
        };
        if tokio::time::timeout(Duration::from_secs(3600), wait)
            .await
            .is_err()
        {
            panic!(
                "never: {what}\n{}",
                serde_json::to_string_pretty(&self.view).expect("json")
            );
        }
    }

    /// Applies what is there.
    pub fn drain(&mut self) {
        while let Ok(update) = self.updates.try_recv() {
            self.apply(update);
        }
    }

    fn apply(&mut self, update: Update) {
        self.wire.push(serde_json::to_string(&update).expect("json"));
        match update {
            Update::Snapshot { revision, view } => {
                self.revision = revision;
                self.view = *view;
            }
            Update::Patch { revision, changes } => {
                assert_eq!(revision, self.revision + 1, "revisions rise by one");
                assert!(!changes.is_empty(), "a patch changes something");
                self.revision = revision;
                self.patches += 1;
                for change in changes {
                    self.change(change);
                }
            }
            Update::Signal { signal } => self.signals.push(signal),
        }
    }

    fn change(&mut self, change: Change) {
        let view = &mut self.view;
        match change {
            Change::Connection { connection } => view.connection = connection,
            Change::Gateways { gateways } => view.gateways = gateways,
            Change::Found { found } => view.found = found,
            Change::Agents { agents } => view.agents = agents,
            Change::Sessions { upsert, remove } => {
                view.sessions.retain(|session| !remove.contains(&session.key));
                for session in upsert {
                    match view.sessions.iter_mut().find(|known| known.key == session.key) {
                        Some(known) => *known = session,
                        None => view.sessions.push(session),
                    }
                }
            }
            Change::Target { target } => view.target = target,
            Change::Transcript { transcript } => view.transcript = transcript,
            Change::OlderMessages { messages, has_older } => {
                view.transcript.messages.splice(0..0, messages);
                view.transcript.has_older = has_older;
            }
            Change::Message { message } => {
                match view
                    .transcript
                    .messages
                    .iter_mut()
                    .find(|known| known.id == message.id)
                {
                    Some(known) => *known = message,
                    None => view.transcript.messages.push(message),
                }
            }
            Change::AppendText { id, text } => self.message(&id).text.push_str(&text),
            Change::AppendThinking { id, text } => self.message(&id).thinking.push_str(&text),
            Change::RemoveMessage { id } => view.transcript.messages.retain(|message| message.id != id),
            Change::Run { run } => view.transcript.run = run,
            Change::Outbox { outbox } => view.outbox = outbox,
            Change::Approvals { approvals } => view.approvals = approvals,
            Change::Questions { questions } => view.questions = questions,
            Change::Notices { notices } => view.notices = notices,
            Change::Settings { settings } => view.settings = *settings,
            Change::Hotkey { hotkey } => view.hotkey = hotkey,
            Change::Bridge { bridge } => view.bridge = bridge,
        }
    }

    fn message(&mut self, id: &str) -> &mut crate::api::MessageView {
        let known = self
            .view
            .transcript
            .messages
            .iter_mut()
            .find(|message| message.id == id);
        known.unwrap_or_else(|| panic!("text for a message that is not there: {id}"))
    }

    /// The transcript in short: role, state and text of each message.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let lines = self.view.transcript.messages.iter();
        lines
            .map(|message| format!("{:?} {:?}: {}", message.role, message.state, message.text))
            .collect()
    }
}
