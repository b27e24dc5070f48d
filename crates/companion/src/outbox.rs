//! Prompts that the gateway does not have yet. They are sent in order per session, and each is sent
//! exactly once.
//!
//! The id of a prompt is its idempotency key. So a second send after a lost answer starts no second
//! run. If an answer was lost, the transcript is searched for the prompt first. If that is not
//! possible, the prompt waits for the user.

use crate::api::{MessageState, QueuedView};
use crate::gateway::{Attachment, CallError, Gateway, HistoryQuery};
use crate::request_error::RequestError;
use crate::words::Language;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Where a prompt stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemState {
    /// Waits.
    #[default]
    Queued,
    /// Handed to the gateway; the answer is not there yet. Found after a restart, it counts as uncertain.
    Sending,
    /// It may have been taken: look before sending again.
    Uncertain,
    /// Refused; waits for the user.
    Failed,
}

/// A prompt on its way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Item {
    /// Its id and idempotency key.
    pub id: String,
    /// The profile.
    pub gateway: String,
    /// The session.
    pub session: String,
    /// The text.
    pub text: String,
    /// What goes with it.
    pub attachments: Vec<Attachment>,
    /// A thinking level for this turn.
    pub thinking: Option<String>,
    /// Time limit of the run, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Where it stands.
    pub state: ItemState,
    /// One sentence, when it failed.
    pub error: Option<String>,
    /// When it was written, in milliseconds since the epoch.
    pub at_ms: i64,
}

impl Item {
    /// As a window shows it.
    #[must_use]
    pub fn view(&self, unsaved: bool) -> QueuedView {
        QueuedView {
            unsaved,
            id: self.id.clone(),
            session: self.session.clone(),
            text: self.text.clone(),
            attachments: self.attachments.iter().map(crate::app::attachment_view).collect(),
            state: match self.state {
                ItemState::Queued => MessageState::Queued,
                ItemState::Sending | ItemState::Uncertain => MessageState::Sending,
                ItemState::Failed => MessageState::Failed,
            },
            error: self.error.clone(),
            at_ms: self.at_ms,
        }
    }
}

/// What to do about a prompt next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Send it.
    Send(Item),
    /// Look whether the gateway has it.
    LookUp(Item),
}

/// What an answer means for a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The gateway has it; it leaves the outbox.
    Delivered,
    /// It had no effect: it stays queued until there is a connection.
    Again,
    /// It may have been taken.
    Uncertain,
    /// It was not taken.
    Failed(RequestError),
}

/// What an error of `send` means.
#[must_use]
pub fn verdict(error: &CallError) -> Verdict {
    if error.is_safe_to_retry() {
        return Verdict::Again;
    }
    match error {
        CallError::NotConnected => Verdict::Again,
        CallError::Disconnected { .. } | CallError::Timeout(_) | CallError::Decode { .. } => {
            Verdict::Uncertain
        }
        CallError::Gateway(_) | CallError::TooLarge { .. } | CallError::Unsupported(_) => {
            Verdict::Failed(error.clone().into())
        }
    }
}

/// Messages of a transcript that are looked through.
const LOOK_BACK: u32 = 200;

/// Looks whether the gateway has a prompt whose answer was lost: its key is in the transcript, or its run is under way.
pub async fn look_up(gateway: &dyn Gateway, session: &str, id: &str) -> Verdict {
    if !gateway.capabilities().native {
        return Verdict::Failed(RequestError::AnswerLost);
    }
    let query = HistoryQuery {
        session: session.into(),
        limit: Some(LOOK_BACK),
        offset: None,
    };
    let Ok(history) = gateway.history(query).await else {
        return Verdict::Uncertain;
    };
    let key = format!("{id}:user");
    let mut messages = history.messages.iter();
    let stored = messages.any(|message| message.idempotency_key.as_deref() == Some(key.as_str()));
    if stored || history.in_flight.is_some_and(|run| run.run_id.as_str() == id) {
        Verdict::Delivered
    } else {
        Verdict::Again
    }
}

/// All prompts on their way, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    items: Vec<Item>,
    /// Prompts whose answer is awaited by this process.
    in_flight: HashSet<String>,
    /// Prompts that are being written for the first time: none is sent before it is written.
    saving: HashSet<String>,
    /// Prompts that could not be written: they are lost with the process.
    unsaved: HashSet<String>,
}

impl Outbox {
    /// What was kept from an earlier process.
    #[must_use]
    pub fn restored(items: Vec<Item>) -> Self {
        Self {
            items: Self::left_over(items),
            ..Self::default()
        }
    }

    /// Prompts that another process left, oldest first. The fate of a prompt in `Sending` is unknown.
    #[must_use]
    pub fn left_over(mut items: Vec<Item>) -> Vec<Item> {
        items.sort_by_key(|item| item.at_ms);
        for item in &mut items {
            if item.state == ItemState::Sending {
                item.state = ItemState::Uncertain;
            }
        }
        items
    }

    /// Adds a prompt that is written down already.
    pub fn push(&mut self, item: Item) {
        self.items.push(item);
    }

    /// Adds a prompt that is being written down. It waits, and all after it in its session, until [`Self::saved`] or
    /// [`Self::not_saved`].
    pub fn push_new(&mut self, item: Item) {
        self.saving.insert(item.id.clone());
        self.items.push(item);
    }

    /// A prompt is written down.
    pub fn saved(&mut self, id: &str) {
        self.saving.remove(id);
        self.unsaved.remove(id);
    }

    /// A prompt could not be written. One that was written before only has an older state on the disk.
    pub fn not_saved(&mut self, id: &str) {
        if self.saving.remove(id) {
            self.unsaved.insert(id.to_owned());
        }
    }

    /// Whether a prompt is being written for the first time.
    #[must_use]
    pub fn is_saving(&self, id: &str) -> bool {
        self.saving.contains(id)
    }

    /// Whether a prompt is in memory only.
    #[must_use]
    pub fn is_unsaved(&self, id: &str) -> bool {
        self.unsaved.contains(id)
    }

    /// How many prompts are in memory only.
    #[must_use]
    pub fn unsaved(&self) -> usize {
        self.unsaved.len()
    }

    /// Prompts in memory only that are not being sent.
    #[must_use]
    pub fn unsaved_and_waiting(&self) -> Vec<Item> {
        let waits = |item: &&Item| item.state == ItemState::Queued && !self.in_flight.contains(&item.id);
        let unsaved = self.items.iter().filter(|item| self.is_unsaved(&item.id));
        unsaved.filter(waits).cloned().collect()
    }

    /// All prompts of a gateway.
    pub fn of<'a>(&'a self, gateway: &'a str) -> impl Iterator<Item = &'a Item> {
        self.items.iter().filter(move |item| item.gateway == gateway)
    }

    /// One prompt.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }

    /// Whether its answer is awaited.
    #[must_use]
    pub fn is_in_flight(&self, id: &str) -> bool {
        self.in_flight.contains(id)
    }

    /// The next steps for a gateway that is connected: at most one prompt per session at a time, in order. A failed
    /// prompt does not hold up those after it.
    pub fn next(&mut self, gateway: &str) -> Vec<Step> {
        let mut sessions = HashSet::new();
        let mut steps = Vec::new();
        for item in &mut self.items {
            if item.gateway != gateway
                || item.state == ItemState::Failed
                || !sessions.insert(item.session.clone())
            {
                continue;
            }
            if self.in_flight.contains(&item.id) || self.saving.contains(&item.id) {
                continue;
            }
            match item.state {
                ItemState::Queued => {
                    item.state = ItemState::Sending;
                    item.error = None;
                    steps.push(Step::Send(item.clone()));
                }
                ItemState::Sending | ItemState::Uncertain => {
                    item.state = ItemState::Uncertain;
                    steps.push(Step::LookUp(item.clone()));
                }
                ItemState::Failed => continue,
            }
            self.in_flight.insert(item.id.clone());
        }
        steps
    }

    /// Takes an answer. Gives the prompt as it stands now, or the last of it when it was delivered. Why it failed is kept with
    /// it, in this language.
    pub fn settle(&mut self, id: &str, verdict: &Verdict, language: Language) -> Option<Item> {
        self.in_flight.remove(id);
        let at = self.items.iter().position(|item| item.id == id)?;
        if *verdict == Verdict::Delivered {
            self.saved(id);
            return Some(self.items.remove(at));
        }
        let item = self.items.get_mut(at)?;
        match verdict {
            Verdict::Delivered => {}
            Verdict::Again => item.state = ItemState::Queued,
            Verdict::Uncertain => item.state = ItemState::Uncertain,
            Verdict::Failed(error) => {
                item.state = ItemState::Failed;
                item.error = Some(error.sentence(language));
            }
        }
        Some(item.clone())
    }

    /// Puts a failed prompt back in the queue, under the same key.
    pub fn retry(&mut self, id: &str) -> Option<Item> {
        let item = self
            .items
            .iter_mut()
            .find(|item| item.id == id && item.state == ItemState::Failed)?;
        item.state = ItemState::Queued;
        item.error = None;
        Some(item.clone())
    }

    /// Takes a prompt out, unless the gateway may have it already.
    pub fn cancel(&mut self, id: &str) -> Option<Item> {
        let at = self.items.iter().position(|item| {
            item.id == id
                && matches!(item.state, ItemState::Queued | ItemState::Failed)
                && !self.in_flight.contains(id)
        })?;
        self.saved(id);
        Some(self.items.remove(at))
    }

    /// Forgets everything of a gateway.
    pub fn forget(&mut self, gateway: &str) -> Vec<Item> {
        let (gone, kept): (Vec<Item>, Vec<Item>) = std::mem::take(&mut self.items)
            .into_iter()
            .partition(|item| item.gateway == gateway);
        self.items = kept;
        for item in &gone {
            self.saved(&item.id);
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clawtray_gateway_protocol::GatewayError;
    use std::time::Duration;

    fn item(id: &str, session: &str, at_ms: i64) -> Item {
        Item {
            id: id.into(),
            gateway: "g".into(),
            session: session.into(),
            at_ms,
            ..Item::default()
        }
    }
    fn ids(steps: &[Step]) -> Vec<String> {
        steps
            .iter()
            .map(|step| match step {
                Step::Send(item) => format!("send {}", item.id),
                Step::LookUp(item) => format!("look {}", item.id),
            })
            .collect()
    }

    #[test]
    fn order_holds_within_a_session_and_not_across() {
        let mut outbox = Outbox::default();
        for (id, session) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
            outbox.push(item(id, session, 1));
        }
        assert_eq!(ids(&outbox.next("g")), ["send a1", "send b1"]);
        assert!(outbox.next("g").is_empty(), "nothing is sent twice");
        assert!(outbox.next("other").is_empty());
        assert!(outbox.cancel("a1").is_none(), "the gateway may have it");
        assert_eq!(
            outbox
                .settle("a1", &Verdict::Delivered, Language::English)
                .unwrap()
                .id,
            "a1"
        );
        assert_eq!(ids(&outbox.next("g")), ["send a2"]);
        let failed = Verdict::Failed(RequestError::AnswerLost);
        let failed = outbox.settle("a2", &failed, Language::German).unwrap();
        assert_eq!(
            failed.error.as_deref(),
            Some("Die Nachricht wurde vielleicht gesendet, aber die Antwort ging verloren.")
        );
        outbox.push(item("a3", "a", 2));
        assert_eq!(
            ids(&outbox.next("g")),
            ["send a3"],
            "a failed prompt holds up nothing"
        );
        assert_eq!(outbox.retry("a2").unwrap().id, "a2");
        assert!(outbox.cancel("a2").is_some() && outbox.get("a2").is_none());
    }

    #[test]
    fn a_lost_answer_is_looked_up_before_it_is_sent_again() {
        let mut outbox = Outbox::default();
        outbox.push(item("a1", "a", 1));
        outbox.next("g");
        outbox.settle("a1", &Verdict::Uncertain, Language::English);
        assert_eq!(ids(&outbox.next("g")), ["look a1"]);
        outbox.settle("a1", &Verdict::Again, Language::English);
        assert_eq!(ids(&outbox.next("g")), ["send a1"]);
        let mut restarted = Outbox::restored(vec![
            Item {
                state: ItemState::Queued,
                ..item("a2", "a", 2)
            },
            Item {
                state: ItemState::Sending,
                ..item("a1", "a", 1)
            },
        ]);
        assert_eq!(
            ids(&restarted.next("g")),
            ["look a1"],
            "found under way after a restart"
        );
    }

    #[test]
    fn errors_table() {
        let gateway = |retryable| {
            CallError::Gateway(GatewayError {
                code: "X".into(),
                message: "No.".into(),
                details: None,
                retryable,
                retry_after_ms: None,
            })
        };
        let refused = RequestError::Gateway {
            forbidden: false,
            message: "No.".into(),
            retry_after_ms: None,
        };
        for (error, expected) in [
            (CallError::NotConnected, Verdict::Again),
            (CallError::Disconnected { written: false }, Verdict::Again),
            (CallError::Disconnected { written: true }, Verdict::Uncertain),
            (CallError::Timeout(Duration::from_secs(1)), Verdict::Uncertain),
            (gateway(Some(true)), Verdict::Again),
            (gateway(None), Verdict::Failed(refused)),
        ] {
            assert_eq!(verdict(&error), expected, "{error:?}");
        }
        assert_eq!(
            verdict(&CallError::TooLarge {
                size: 9_000_000,
                limit: 8_000_000
            }),
            Verdict::Failed(RequestError::CallTooLarge(8))
        );
    }
}
