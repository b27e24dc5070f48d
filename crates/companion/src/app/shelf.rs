//! The state that survives a restart, besides settings and profiles: prompts, drafts, marks.

use crate::outbox::Item;
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

/// Durable keeping. Calls are short and answer at once.
pub trait Shelf: Send + 'static {
    /// Prompts on their way to these gateways, whole; without those that another process is sending.
    fn outbox(&self, gateways: &[String]) -> Vec<Item>;
    /// Takes the right to send a prompt, or to look whether it arrived.
    fn claim(&self, item: &Item) -> Turn;
    /// Keeps a prompt, or its new state.
    fn put_item(&self, item: &Item);
    /// Forgets a prompt.
    fn remove_item(&self, id: &str);
    /// The unsent text of a session.
    fn draft(&self, gateway: &str, session: &str) -> String;
    /// Keeps the unsent text of a session; empty forgets it.
    fn set_draft(&self, gateway: &str, session: &str, text: &str);
    /// Earlier prompts to a gateway, newest first.
    fn prompts(&self, gateway: &str, limit: u32) -> Vec<String>;
    /// What was told of a gateway's replies.
    fn told(&self, gateway: &str) -> Told;
    /// Keeps from when on replies are news.
    fn set_told(&self, gateway: &str, told: &Told);
    /// Keeps that a session's reply was told.
    fn set_told_session(&self, gateway: &str, session: &str, run: &str, at_ms: i64);
    /// Forgets everything of a gateway.
    fn forget(&self, gateway: &str);
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
}

impl Shelf for MemoryShelf {
    fn outbox(&self, gateways: &[String]) -> Vec<Item> {
        self.lock()
            .items
            .values()
            .filter(|item| gateways.contains(&item.gateway))
            .cloned()
            .collect()
    }
    fn claim(&self, _: &Item) -> Turn {
        Turn::Ours
    }
    fn put_item(&self, item: &Item) {
        let mut contents = self.lock();
        if contents.items.insert(item.id.clone(), item.clone()).is_none() && !item.text.is_empty() {
            contents.prompts.push((item.gateway.clone(), item.text.clone()));
        }
    }
    fn remove_item(&self, id: &str) {
        self.lock().items.remove(id);
    }
    fn draft(&self, gateway: &str, session: &str) -> String {
        self.lock()
            .drafts
            .get(&(gateway.to_owned(), session.to_owned()))
            .cloned()
            .unwrap_or_default()
    }
    fn set_draft(&self, gateway: &str, session: &str, text: &str) {
        let key = (gateway.to_owned(), session.to_owned());
        if text.is_empty() {
            self.lock().drafts.remove(&key);
        } else {
            self.lock().drafts.insert(key, text.to_owned());
        }
    }
    fn prompts(&self, gateway: &str, limit: u32) -> Vec<String> {
        let contents = self.lock();
        let of_gateway = contents
            .prompts
            .iter()
            .rev()
            .filter(|(owner, _)| owner == gateway);
        of_gateway
            .take(limit as usize)
            .map(|(_, text)| text.clone())
            .collect()
    }
    fn told(&self, gateway: &str) -> Told {
        self.lock().told.get(gateway).cloned().unwrap_or_default()
    }
    fn set_told(&self, gateway: &str, told: &Told) {
        self.lock().told.insert(gateway.to_owned(), told.clone());
    }
    fn set_told_session(&self, gateway: &str, session: &str, run: &str, at_ms: i64) {
        let mut contents = self.lock();
        let told = contents.told.entry(gateway.to_owned()).or_default();
        told.begun = true;
        told.note(session, at_ms);
        told.note_run(run);
    }
    fn forget(&self, gateway: &str) {
        let mut contents = self.lock();
        contents.items.retain(|_, item| item.gateway != gateway);
        contents.drafts.retain(|(owner, _), _| owner != gateway);
        contents.told.remove(gateway);
    }
}
