//! The state that survives a restart, besides settings and profiles: prompts, drafts, marks.

use crate::outbox::Item;
use crate::store::StoreError;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which replies of a gateway were notified already, so that each is notified once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Told {
    /// The app connected to this gateway before. Since then, unseen replies count as new.
    pub begun: bool,
    /// By the gateway's clock: everything up to here is known, in sessions without an entry below.
    pub until_ms: i64,
    /// Per session: the newest reply that is known, by the gateway's clock.
    pub sessions: BTreeMap<String, i64>,
    /// Runs whose end was told, newest last.
    pub runs: VecDeque<String>,
}

impl Told {
    const RUNS: usize = 500;
    const SESSIONS: usize = 2000;

    /// Notes a run; answers whether it was news.
    pub fn note_run(&mut self, run: &str) -> bool {
        if run.is_empty() {
            return true;
        }
        if self.runs.iter().any(|known| known == run) {
            return false;
        }
        self.runs.push_back(run.to_owned());
        if self.runs.len() > Self::RUNS {
            self.runs.pop_front();
        }
        true
    }

    /// Notes that a session's replies are known up to this time.
    pub fn note(&mut self, session: &str, at_ms: i64) {
        let known = self.sessions.entry(session.to_owned()).or_default();
        *known = at_ms.max(*known);
        if self.sessions.len() > Self::SESSIONS {
            let oldest = self
                .sessions
                .iter()
                .min_by_key(|(_, at)| **at)
                .map(|(key, at)| (key.clone(), *at));
            if let Some((key, at)) = oldest {
                self.sessions.remove(&key);
                self.until_ms = self.until_ms.max(at);
            }
        }
    }

    /// Up to when a session's replies are known.
    #[must_use]
    pub fn known_until(&self, session: &str) -> i64 {
        self.sessions.get(session).copied().unwrap_or(self.until_ms)
    }
}

/// Whether a prompt may be sent by this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nobody else sends it.
    Ours,
    /// Another process, the command line, is sending it.
    Elsewhere,
    /// Another process has sent it.
    Done,
}

/// What was kept when the app began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// Prompts on their way, whole; without those that another process is sending.
    pub outbox: Vec<Item>,
    /// Unsent texts by gateway and session.
    pub drafts: BTreeMap<(String, String), String>,
    /// What was told, by gateway.
    pub told: BTreeMap<String, Told>,
}

/// What became of something that was asked of a shelf. It is done whether anybody waits for this or not.
pub type Done<T> = BoxFuture<'static, Result<T, StoreError>>;

/// Durable keeping. Every call but [`Shelf::load`] returns at once; what was asked for is done in the order of the calls.
pub trait Shelf: Send + 'static {
    /// What is kept of these gateways. Called once, before the app's loop begins; it may block.
    fn load(&self, gateways: &[String]) -> Kept;
    /// Prompts on their way to a gateway, whole; without those that another process is sending.
    fn outbox(&self, gateway: &str) -> Done<Vec<Item>>;
    /// Takes the right to send a prompt, or to look whether it arrived.
    fn claim(&self, item: &Item) -> Done<Turn>;
    /// Writes a prompt, or its new state. A prompt that is not kept yet is written while it waits, and not later.
    fn put_item(&self, item: &Item) -> Done<()>;
    /// Forgets a prompt: it was delivered, or taken back.
    fn remove_item(&self, id: &str) -> Done<()>;
    /// Keeps the unsent text of a session; an empty one is forgotten.
    fn set_draft(&self, gateway: &str, session: &str, text: &str) -> Done<()>;
    /// Earlier prompts, newest first.
    fn prompts(&self, gateway: &str, limit: u32) -> Done<Vec<String>>;
    /// Keeps from when on replies are news.
    fn set_told(&self, gateway: &str, told: &Told) -> Done<()>;
    /// Keeps that a session's reply was told.
    fn set_told_session(&self, gateway: &str, session: &str, run: &str, at_ms: i64) -> Done<()>;
    /// Forgets everything of a gateway.
    fn forget(&self, gateway: &str) -> Done<()>;
    /// Everything that was asked for before is done.
    fn flush(&self) -> Done<()>;
}

/// A shelf in memory; clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryShelf(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    items: BTreeMap<String, Item>,
    drafts: BTreeMap<(String, String), String>,
    prompts: Vec<(String, String)>,
    told: BTreeMap<String, Told>,
}

impl MemoryShelf {
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prompts on their way to a gateway.
    #[must_use]
    pub fn items(&self, gateway: &str) -> Vec<Item> {
        let contents = self.lock();
        let items = contents.items.values();
        items.filter(|item| item.gateway == gateway).cloned().collect()
    }
}

fn done<T: Send + 'static>(value: T) -> Done<T> {
    ready(Ok(value)).boxed()
}

impl Shelf for MemoryShelf {
    fn load(&self, gateways: &[String]) -> Kept {
        let outbox = gateways.iter().flat_map(|gateway| self.items(gateway)).collect();
        let contents = self.lock();
        Kept {
            outbox,
            drafts: contents.drafts.clone(),
            told: contents.told.clone(),
        }
    }
    fn outbox(&self, gateway: &str) -> Done<Vec<Item>> {
        done(self.items(gateway))
    }
    fn claim(&self, _: &Item) -> Done<Turn> {
        done(Turn::Ours)
    }
    fn put_item(&self, item: &Item) -> Done<()> {
        let mut contents = self.lock();
        if contents.items.insert(item.id.clone(), item.clone()).is_none() && !item.text.is_empty() {
            contents.prompts.push((item.gateway.clone(), item.text.clone()));
        }
        done(())
    }
    fn remove_item(&self, id: &str) -> Done<()> {
        self.lock().items.remove(id);
        done(())
    }
    fn set_draft(&self, gateway: &str, session: &str, text: &str) -> Done<()> {
        let key = (gateway.to_owned(), session.to_owned());
        if text.is_empty() {
            self.lock().drafts.remove(&key);
        } else {
            self.lock().drafts.insert(key, text.to_owned());
        }
        done(())
    }
    fn prompts(&self, gateway: &str, limit: u32) -> Done<Vec<String>> {
        let contents = self.lock();
        let of_gateway = contents
            .prompts
            .iter()
            .rev()
            .filter(|(owner, _)| owner == gateway);
        done(
            of_gateway
                .take(limit as usize)
                .map(|(_, text)| text.clone())
                .collect(),
        )
    }
    fn set_told(&self, gateway: &str, told: &Told) -> Done<()> {
        self.lock().told.insert(gateway.to_owned(), told.clone());
        done(())
    }
    fn set_told_session(&self, gateway: &str, session: &str, run: &str, at_ms: i64) -> Done<()> {
        let mut contents = self.lock();
        let told = contents.told.entry(gateway.to_owned()).or_default();
        told.begun = true;
        told.note(session, at_ms);
        told.note_run(run);
        done(())
    }
    fn forget(&self, gateway: &str) -> Done<()> {
        let mut contents = self.lock();
        contents.items.retain(|_, item| item.gateway != gateway);
        contents.drafts.retain(|(owner, _), _| owner != gateway);
        contents.told.remove(gateway);
        done(())
    }
    fn flush(&self) -> Done<()> {
        done(())
    }
}
