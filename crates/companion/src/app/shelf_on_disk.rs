//! The implementation of [`Shelf`] with the store's files.

use super::{Shelf, Told, Turn};
use crate::gateway::Prompt;
use crate::outbox::{Item, ItemState};
use crate::store::{Claimed, OutboxState, Sender, Store, StoreError};
use std::sync::Arc;
use std::time::SystemTime;

/// The mark that carries what holds for a whole gateway. No session has an empty key.
const WHOLE: &str = "";

/// Keeps prompts, drafts and marks in the store.
#[derive(Clone, Debug)]
pub struct StoreShelf {
    store: Arc<Store>,
    sender: Arc<Sender>,
}

impl StoreShelf {
    /// A shelf in an open store.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        let sender = Arc::new(store.sender());
        Self { store, sender }
    }

    fn put(&self, item: &Item) -> Result<(), StoreError> {
        let Some(entry) = self.store.outbox_entry(&item.id)? else {
            let prompt = Prompt {
                session: item.session.as_str().into(),
                text: item.text.clone(),
                idempotency_key: item.id.clone(),
                thinking: item.thinking.clone(),
                attachments: item.attachments.clone(),
                timeout_ms: item.timeout_ms,
            };
            self.store.outbox_insert(&item.gateway, &prompt, item.at_ms)?;
            return self.store.remember_prompt(&item.gateway, &item.text, item.at_ms);
        };
        let us = self.sender.name();
        match item.state {
            ItemState::Queued => match entry.state {
                OutboxState::Failed => self.store.outbox_retry(&item.id).map(drop),
                // Nothing happens where another process has the right to send it.
                OutboxState::Sending => self.store.outbox_release(&item.id, us, 0).map(drop),
                OutboxState::Queued | OutboxState::Taken => Ok(()),
            },
            ItemState::Sending => self.take(item).map(drop),
            ItemState::Uncertain => Ok(()),
            ItemState::Failed => {
                let error = item.error.as_deref().unwrap_or_default();
                self.store.outbox_fail(&item.id, us, error).map(drop)
            }
        }
    }

    fn take(&self, item: &Item) -> Result<Turn, StoreError> {
        let (us, lease) = (self.sender.name(), self.sender.lease());
        let claimed = self.store.outbox_claim_one(&item.id, us, now_ms(), lease)?;
        Ok(match claimed {
            // One that could not be written is sent all the same.
            Claimed::Ours(_) | Claimed::Unknown => Turn::Ours,
            Claimed::Elsewhere => Turn::Elsewhere,
            Claimed::Taken => Turn::Done,
        })
    }

    fn restore(&self, gateway: &str) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        self.store.outbox_free_dead()?;
        for entry in self.store.outbox(gateway)? {
            let elsewhere = entry.state == OutboxState::Sending && entry.lease_until_ms > now_ms();
            if elsewhere && entry.owner.as_deref() != Some(self.sender.name()) {
                continue;
            }
            let prompt = self.store.outbox_prompt(&entry.id)?;
            items.push(Item {
                id: entry.id,
                gateway: entry.gateway,
                session: entry.session,
                text: entry.text,
                thinking: prompt.as_ref().and_then(|prompt| prompt.thinking.clone()),
                timeout_ms: prompt.as_ref().and_then(|prompt| prompt.timeout_ms),
                attachments: prompt.map(|prompt| prompt.attachments).unwrap_or_default(),
                state: match entry.state {
                    OutboxState::Queued => ItemState::Queued,
                    OutboxState::Sending | OutboxState::Taken => ItemState::Sending,
                    OutboxState::Failed => ItemState::Failed,
                },
                error: entry.error,
                at_ms: entry.created_at_ms,
            });
        }
        Ok(items)
    }
}

impl Shelf for StoreShelf {
    fn outbox(&self, gateways: &[String]) -> Vec<Item> {
        gateways
            .iter()
            .flat_map(|gateway| kept(self.restore(gateway)))
            .collect()
    }
    fn claim(&self, item: &Item) -> Turn {
        self.take(item).unwrap_or_else(|error| {
            tracing::warn!(%error, "the store did not say whose turn it is");
            Turn::Ours
        })
    }
    fn put_item(&self, item: &Item) {
        kept(self.put(item));
    }
    fn remove_item(&self, id: &str) {
        // Taken back before it was sent, or delivered.
        let cancelled = kept(self.store.outbox_cancel(id));
        if cancelled.is_none() {
            kept(self.store.outbox_taken(id, now_ms()));
        }
    }
    fn draft(&self, gateway: &str, session: &str) -> String {
        kept(self.store.draft(gateway, session))
    }
    fn set_draft(&self, gateway: &str, session: &str, text: &str) {
        kept(self.store.save_draft(gateway, session, text, now_ms()));
    }
    fn prompts(&self, gateway: &str, limit: u32) -> Vec<String> {
        kept(self.store.prompt_history(gateway, limit))
    }
    fn told(&self, gateway: &str) -> Told {
        let mut told = Told::default();
        for (session, marks) in kept(self.store.all_marks(gateway)) {
            let Some(run) = marks.told_reply else { continue };
            if session == WHOLE {
                told.begun = true;
                told.until_ms = marks.told_at_ms;
            } else {
                told.begun = true;
                told.note(&session, marks.told_at_ms);
                told.note_run(&run);
            }
        }
        told
    }
    fn set_told(&self, gateway: &str, told: &Told) {
        let begun = format!("until-{}", told.until_ms);
        kept(self.store.tell_once(gateway, WHOLE, &begun, told.until_ms));
    }
    fn set_told_session(&self, gateway: &str, session: &str, run: &str, at_ms: i64) {
        // A reply without a run is known by its time.
        let reply = if run.is_empty() {
            format!("at-{at_ms}")
        } else {
            run.to_owned()
        };
        kept(self.store.tell_once(gateway, session, &reply, at_ms));
    }
    fn forget(&self, gateway: &str) {
        for entry in kept(self.store.outbox(gateway)) {
            self.remove_item(&entry.id);
        }
        kept(self.store.forget_gateway_notes(gateway));
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A store that fails costs durability, not the conversation: it is logged, and the loop goes on from memory.
fn kept<T: Default>(result: Result<T, StoreError>) -> T {
    result.unwrap_or_else(|error| {
        tracing::warn!(%error, "the store did not keep something");
        T::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Attachment;
    use crate::store::StoreOptions;

    fn shelf(folder: &tempfile::TempDir) -> StoreShelf {
        StoreShelf::new(Arc::new(
            Store::open(folder.path(), StoreOptions::default()).unwrap(),
        ))
    }
    fn item(id: &str, session: &str) -> Item {
        Item {
            id: id.into(),
            gateway: "g".into(),
            session: session.into(),
            text: format!("text of {id}"),
            attachments: vec![Attachment {
                mime_type: "text/plain".into(),
                file_name: Some("f.txt".into()),
                content: "aGk=".into(),
            }],
            at_ms: 5,
            ..Item::default()
        }
    }
    fn states(shelf: &StoreShelf) -> Vec<(String, ItemState)> {
        shelf
            .outbox(&["g".to_owned()])
            .into_iter()
            .map(|item| (item.id, item.state))
            .collect()
    }

    #[test]
    fn prompts_come_back_whole_and_in_their_state() {
        let folder = tempfile::tempdir().unwrap();
        let first = shelf(&folder);
        for (id, session) in [("a", "s"), ("b", "s"), ("c", "t")] {
            first.put_item(&item(id, session));
        }
        first.put_item(&Item {
            state: ItemState::Sending,
            ..item("c", "t")
        });
        first.put_item(&Item {
            state: ItemState::Failed,
            error: Some("no".into()),
            ..item("c", "t")
        });
        first.put_item(&Item {
            state: ItemState::Sending,
            ..item("a", "s")
        });
        drop(first);
        let again = shelf(&folder);
        let expected = [
            ("a", ItemState::Sending),
            ("b", ItemState::Queued),
            ("c", ItemState::Failed),
        ];
        assert_eq!(states(&again), expected.map(|(id, state)| (id.to_owned(), state)));
        let back = again.outbox(&["g".to_owned()]);
        assert_eq!(
            (back[0].attachments.clone(), back[2].error.as_deref()),
            (item("a", "s").attachments, Some("no"))
        );
        // Looked up and not found: it is queued again, by another process than the one that sent it.
        assert_eq!(again.claim(&item("a", "s")), Turn::Ours);
        again.put_item(&Item {
            state: ItemState::Queued,
            ..item("a", "s")
        });
        again.put_item(&Item {
            state: ItemState::Queued,
            ..item("c", "t")
        });
        assert!(
            states(&again)
                .iter()
                .all(|(_, state)| *state == ItemState::Queued)
        );
        again.remove_item("b");
        again.put_item(&Item {
            state: ItemState::Sending,
            ..item("a", "s")
        });
        again.remove_item("a");
        assert_eq!(states(&again), [("c".to_owned(), ItemState::Queued)]);
        assert_eq!(again.prompts("g", 2), ["text of c", "text of b"]);
        again.forget("g");
        assert!(states(&again).is_empty());
    }

    #[test]
    fn of_two_processes_one_sends_a_prompt() {
        let folder = tempfile::tempdir().unwrap();
        let (app, ctl) = (shelf(&folder), shelf(&folder));
        app.put_item(&item("a", "s"));
        assert_eq!(ctl.outbox(&["g".to_owned()]).len(), 1);
        assert_eq!(ctl.claim(&item("a", "s")), Turn::Ours);
        assert_eq!(app.claim(&item("a", "s")), Turn::Elsewhere);
        assert!(
            app.outbox(&["g".to_owned()]).is_empty(),
            "it is not the app's to look up"
        );
        // Giving back what one does not have changes nothing.
        app.put_item(&item("a", "s"));
        assert_eq!(app.claim(&item("a", "s")), Turn::Elsewhere);
        drop(ctl);
        assert_eq!(
            app.claim(&item("a", "s")),
            Turn::Ours,
            "a dead sender's prompt is free at once"
        );
        app.remove_item("a");
        assert_eq!(shelf(&folder).claim(&item("a", "s")), Turn::Done);
    }

    #[test]
    fn what_was_told_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let first = shelf(&folder);
        assert!(!first.told("g").begun);
        first.set_told(
            "g",
            &Told {
                begun: true,
                until_ms: 7,
                ..Told::default()
            },
        );
        first.set_told_session("g", "s", "r1", 9);
        first.set_told_session("g", "t", "", 11);
        first.set_draft("g", "s", "half");
        drop(first);
        let again = shelf(&folder);
        let told = again.told("g");
        assert!(told.begun && told.until_ms == 7);
        assert_eq!(
            (
                told.known_until("s"),
                told.known_until("t"),
                told.known_until("u")
            ),
            (9, 11, 7)
        );
        assert!(told.runs.contains(&"r1".to_owned()));
        assert_eq!(again.draft("g", "s"), "half");
    }
}
