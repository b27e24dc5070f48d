//! The implementation of [`Shelf`] with the store's files, on a thread of its own.

use super::shelf::{Done, Kept, Shelf, Told, Turn};
use crate::gateway::Prompt;
use crate::outbox::{Item, ItemState};
use crate::store::{Claimed, OutboxState, Sender, Store, StoreError, StoreHandle};
use futures_util::FutureExt;
use std::sync::Arc;
use std::time::SystemTime;

#[cfg(test)]
mod tests;

/// The mark that carries what holds for a whole gateway. No session has an empty key.
const WHOLE: &str = "";

/// Keeps prompts, drafts and marks in the store.
#[derive(Clone, Debug)]
pub struct StoreShelf {
    store: StoreHandle,
    sender: Arc<Sender>,
}

impl StoreShelf {
    /// A shelf in an open store.
    #[must_use]
    pub fn new(store: StoreHandle) -> Self {
        let sender = Arc::new(store.blocking().sender());
        Self { store, sender }
    }

    fn begin<R: Send + 'static>(
        &self,
        job: impl FnOnce(&Store, &Sender) -> Result<R, StoreError> + Send + 'static,
    ) -> Done<R> {
        let sender = Arc::clone(&self.sender);
        self.store.begin_local(move |store| job(store, &sender)).boxed()
    }
}

fn put(store: &Store, sender: &Sender, item: &Item) -> Result<(), StoreError> {
    let Some(entry) = store.outbox_entry(&item.id)? else {
        if item.state != ItemState::Queued {
            // It would be found waiting after a restart, and sent although it failed or was being sent.
            return Ok(());
        }
        let prompt = Prompt {
            session: item.session.as_str().into(),
            text: item.text.clone(),
            idempotency_key: item.id.clone(),
            thinking: item.thinking.clone(),
            attachments: item.attachments.clone(),
            timeout_ms: item.timeout_ms,
        };
        store.outbox_insert(&item.gateway, &prompt, item.at_ms)?;
        // The prompt is safe; that ↑ does not find it costs little.
        if let Err(error) = store.remember_prompt(&item.gateway, &item.text, item.at_ms) {
            tracing::debug!(%error, "an earlier prompt was not kept");
        }
        return Ok(());
    };
    let us = sender.name();
    match item.state {
        ItemState::Queued => match entry.state {
            OutboxState::Failed => store.outbox_retry(&item.id).map(drop),
            // Nothing happens where another process has the right to send it.
            OutboxState::Sending => store.outbox_release(&item.id, us, 0).map(drop),
            OutboxState::Queued | OutboxState::Taken => Ok(()),
        },
        ItemState::Sending => take(store, sender, &item.id).map(drop),
        ItemState::Uncertain => Ok(()),
        ItemState::Failed => {
            let error = item.error.as_deref().unwrap_or_default();
            store.outbox_fail(&item.id, us, error).map(drop)
        }
    }
}

fn take(store: &Store, sender: &Sender, id: &str) -> Result<Turn, StoreError> {
    let claimed = store.outbox_claim_one(id, sender.name(), now_ms(), sender.lease())?;
    Ok(match claimed {
        // The file is another one than it was written to: it is sent all the same.
        Claimed::Ours(_) | Claimed::Unknown => Turn::Ours,
        Claimed::Elsewhere => Turn::Elsewhere,
        Claimed::Taken => Turn::Done,
    })
}

fn restore(store: &Store, sender: &Sender, gateway: &str) -> Result<Vec<Item>, StoreError> {
    let mut items = Vec::new();
    store.outbox_free_dead()?;
    for entry in store.outbox(gateway)? {
        let elsewhere = entry.state == OutboxState::Sending && entry.lease_until_ms > now_ms();
        if elsewhere && entry.owner.as_deref() != Some(sender.name()) {
            continue;
        }
        let prompt = store.outbox_prompt(&entry.id)?;
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

fn remove(store: &Store, id: &str) -> Result<(), StoreError> {
    // Taken back before it was sent, or delivered.
    if store.outbox_cancel(id)?.is_none() {
        store.outbox_taken(id, now_ms())?;
    }
    Ok(())
}

fn told(store: &Store, gateway: &str) -> Result<Told, StoreError> {
    let mut told = Told::default();
    for (session, marks) in store.all_marks(gateway)? {
        let Some(run) = marks.told_reply else { continue };
        told.begun = true;
        if session == WHOLE {
            told.until_ms = marks.told_at_ms;
        } else {
            told.note(&session, marks.told_at_ms);
            told.note_run(&run);
        }
    }
    Ok(told)
}

impl Shelf for StoreShelf {
    fn load(&self, gateways: &[String]) -> Kept {
        let store = self.store.blocking();
        let mut kept = Kept::default();
        for gateway in gateways {
            kept.outbox.extend(had(restore(store, &self.sender, gateway)));
            kept.told.insert(gateway.clone(), had(told(store, gateway)));
            for (session, text) in had(store.drafts(gateway)) {
                kept.drafts.insert((gateway.clone(), session), text);
            }
        }
        kept
    }
    fn outbox(&self, gateway: &str) -> Done<Vec<Item>> {
        let gateway = gateway.to_owned();
        self.begin(move |store, sender| restore(store, sender, &gateway))
    }
    fn claim(&self, item: &Item) -> Done<Turn> {
        let id = item.id.clone();
        self.begin(move |store, sender| take(store, sender, &id))
    }
    fn put_item(&self, item: &Item) -> Done<()> {
        let item = item.clone();
        self.begin(move |store, sender| put(store, sender, &item))
    }
    fn remove_item(&self, id: &str) -> Done<()> {
        let id = id.to_owned();
        self.begin(move |store, _| remove(store, &id))
    }
    fn set_draft(&self, gateway: &str, session: &str, text: &str) -> Done<()> {
        let (gateway, session, text) = (gateway.to_owned(), session.to_owned(), text.to_owned());
        self.begin(move |store, _| store.save_draft(&gateway, &session, &text, now_ms()))
    }
    fn prompts(&self, gateway: &str, limit: u32) -> Done<Vec<String>> {
        let gateway = gateway.to_owned();
        self.begin(move |store, _| store.prompt_history(&gateway, limit))
    }
    fn set_told(&self, gateway: &str, told: &Told) -> Done<()> {
        let (gateway, until_ms) = (gateway.to_owned(), told.until_ms);
        let begun = format!("until-{until_ms}");
        self.begin(move |store, _| store.tell_once(&gateway, WHOLE, &begun, until_ms).map(drop))
    }
    fn set_told_session(&self, gateway: &str, session: &str, run: &str, at_ms: i64) -> Done<()> {
        // A reply without a run is known by its time.
        let reply = if run.is_empty() {
            format!("at-{at_ms}")
        } else {
            run.to_owned()
        };
        let (gateway, session) = (gateway.to_owned(), session.to_owned());
        self.begin(move |store, _| store.tell_once(&gateway, &session, &reply, at_ms).map(drop))
    }
    fn forget(&self, gateway: &str) -> Done<()> {
        let gateway = gateway.to_owned();
        self.begin(move |store, _| {
            for entry in store.outbox(&gateway)? {
                remove(store, &entry.id)?;
            }
            store.forget_gateway_notes(&gateway)
        })
    }
    fn flush(&self) -> Done<()> {
        self.begin(|_, _| Ok(()))
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// At the start, what cannot be read is as if it was not there: it is logged, and stays on the disk.
fn had<T: Default>(result: Result<T, StoreError>) -> T {
    result.unwrap_or_else(|error| {
        tracing::warn!(%error, "the store did not give something");
        T::default()
    })
}
