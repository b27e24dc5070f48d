//! What the app keeps on this machine, as its loop sees it: drafts and marks are read from memory, and everything that is
//! written goes to the shelf beside the loop. A disk that is slow, full or locked never holds up windows, tray or stream;
//! what became of a write comes back as [`Saved`].

use super::handle::Reply;
use super::shelf::{Kept, Shelf, Told, Turn};
use super::{App, Timer};
use crate::outbox::{Item, Outbox, Step, Verdict};
use crate::store::StoreError;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// How often it is tried again to write prompts that could not be written.
const SAVE_AGAIN: Duration = Duration::from_secs(30);
/// How long a prompt waits whose turn the store could not say.
const CLAIM_AGAIN: Duration = Duration::from_secs(2);

/// What became of something that the shelf was asked for.
pub(super) enum Saved {
    /// A prompt, or its new state, was to be written.
    Item(String, Result<(), StoreError>),
    /// A prompt is to be sent, or looked for.
    Claimed(Box<Step>, Result<Turn, StoreError>),
    /// The prompts that another process left to this gateway.
    Left(String, Result<Vec<Item>, StoreError>),
    /// Earlier prompts, for a window.
    Prompts(Reply, Result<Vec<String>, StoreError>),
    /// An unsent text was to be written.
    Draft(Result<(), StoreError>),
    /// Something whose loss costs little.
    Other(&'static str, Result<(), StoreError>),
}

/// The shelf, and what of it is in memory.
pub(super) struct LocalState {
    shelf: Box<dyn Shelf>,
    drafts: BTreeMap<(String, String), String>,
    told: BTreeMap<String, Told>,
    under_way: FuturesUnordered<BoxFuture<'static, Saved>>,
    /// Answers to those who sent prompts, by the prompts' ids.
    unanswered: HashMap<String, (Value, Reply)>,
}

impl LocalState {
    /// What is kept of these gateways, and the prompts among it.
    pub(super) fn load(shelf: Box<dyn Shelf>, gateways: &[String]) -> (Self, Vec<Item>) {
        let Kept { outbox, drafts, told } = shelf.load(gateways);
        let this = Self {
            shelf,
            drafts,
            told,
            under_way: FuturesUnordered::new(),
            unanswered: HashMap::new(),
        };
        (this, outbox)
    }

    /// What became of something, when it has.
    pub(super) async fn next(&mut self) -> Option<Saved> {
        self.under_way.next().await
    }

    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    pub(super) fn draft(&self, gateway: &str, session: &str) -> String {
        let key = (gateway.to_owned(), session.to_owned());
        self.drafts.get(&key).cloned().unwrap_or_default()
    }

    pub(super) fn set_draft(&mut self, gateway: &str, session: &str, text: &str) {
        self.show_draft(gateway, session, text);
        let done = self.shelf.set_draft(gateway, session, text);
        self.under_way.push(done.map(Saved::Draft).boxed());
    }

    /// Changes the draft that windows see; what is on the disk stays.
    pub(super) fn show_draft(&mut self, gateway: &str, session: &str, text: &str) {
        let key = (gateway.to_owned(), session.to_owned());
        if text.is_empty() {
            self.drafts.remove(&key);
        } else {
            self.drafts.insert(key, text.to_owned());
        }
    }

    pub(super) fn told(&self, gateway: &str) -> Told {
        self.told.get(gateway).cloned().unwrap_or_default()
    }

    pub(super) fn set_told(&mut self, gateway: &str, told: &Told) {
        let done = self.shelf.set_told(gateway, told);
        self.other("what was told", done);
    }

    pub(super) fn set_told_session(&mut self, gateway: &str, session: &str, run: &str, at_ms: i64) {
        let done = self.shelf.set_told_session(gateway, session, run, at_ms);
        self.other("what was told", done);
    }

    pub(super) fn put_item(&mut self, item: &Item) {
        let id = item.id.clone();
        let done = self.shelf.put_item(item);
        self.under_way
            .push(done.map(move |result| Saved::Item(id, result)).boxed());
    }

    /// Answers when a new prompt is written, or is known not to be: who has the answer may rely on it.
    pub(super) fn answer_when_written(&mut self, id: String, answer: Value, reply: Reply) {
        self.unanswered.insert(id, (answer, reply));
    }

    pub(super) fn remove_item(&mut self, id: &str) {
        let done = self.shelf.remove_item(id);
        self.other("that a prompt is gone", done);
    }

    pub(super) fn claim(&mut self, step: Step) {
        let (Step::Send(item) | Step::LookUp(item)) = &step;
        let done = self.shelf.claim(item);
        self.under_way.push(
            done.map(move |result| Saved::Claimed(Box::new(step), result))
                .boxed(),
        );
    }

    pub(super) fn left(&mut self, gateway: &str) {
        let done = self.shelf.outbox(gateway);
        let gateway = gateway.to_owned();
        self.under_way
            .push(done.map(move |result| Saved::Left(gateway, result)).boxed());
    }

    pub(super) fn prompts(&mut self, gateway: &str, limit: u32, reply: Reply) {
        let done = self.shelf.prompts(gateway, limit);
        self.under_way
            .push(done.map(move |result| Saved::Prompts(reply, result)).boxed());
    }

    pub(super) fn forget(&mut self, gateway: &str) {
        self.drafts.retain(|(owner, _), _| owner != gateway);
        self.told.remove(gateway);
        let done = self.shelf.forget(gateway);
        self.other("that a gateway is gone", done);
    }

    /// Everything that was to be written is.
    pub(super) fn flush(&self) -> BoxFuture<'static, Result<(), StoreError>> {
        self.shelf.flush()
    }

    fn other(&mut self, what: &'static str, done: BoxFuture<'static, Result<(), StoreError>>) {
        self.under_way
            .push(done.map(move |result| Saved::Other(what, result)).boxed());
    }
}

impl App {
    pub(super) fn on_saved(&mut self, saved: Saved) {
        match saved {
            Saved::Item(id, result) => self.on_item_saved(&id, result),
            Saved::Claimed(step, result) => self.on_claimed(*step, result),
            Saved::Left(gateway, Ok(items)) => self.adopt(&gateway, items),
            Saved::Left(_, Err(error)) => not_kept("the prompts that others left", &error),
            Saved::Prompts(reply, result) => {
                let prompts = result.unwrap_or_else(|error| {
                    not_kept("earlier prompts", &error);
                    Vec::new()
                });
                reply.send(Ok(json!(prompts)));
            }
            Saved::Draft(Ok(())) => self.withdraw_notice("drafts-unsaved"),
            Saved::Draft(Err(error)) => {
                not_kept("a draft", &error);
                self.plain_notice("drafts-unsaved", |words| words.drafts_unsaved);
            }
            Saved::Other(what, result) => {
                if let Err(error) = result {
                    not_kept(what, &error);
                }
            }
        }
    }

    fn on_item_saved(&mut self, id: &str, result: Result<(), StoreError>) {
        if let Some((answer, reply)) = self.shelf.unanswered.remove(id) {
            reply.send(Ok(answer));
        }
        let Some(item) = self.outbox.get(id).cloned() else {
            // Taken back or delivered in the meantime.
            return self.say_unsaved();
        };
        match result {
            Ok(()) => {
                let first = self.outbox.is_saving(id);
                self.outbox.saved(id);
                // It is in the outbox now; until then the disk had it as the draft.
                if first && self.shelf.draft(&item.gateway, &item.session).is_empty() {
                    self.shelf.set_draft(&item.gateway, &item.session, "");
                }
            }
            Err(error) => {
                not_kept("a prompt", &error);
                self.outbox.not_saved(id);
                if self.outbox.is_unsaved(id) {
                    self.after_once(Timer::Save, SAVE_AGAIN);
                }
            }
        }
        self.publisher.dirty.outbox = true;
        self.say_unsaved();
        self.pump(&item.gateway);
    }

    /// Tries again to write what could not be written.
    pub(super) fn save_again(&mut self) {
        for item in self.outbox.unsaved_and_waiting() {
            self.shelf.put_item(&item);
        }
    }

    /// Says how many prompts would be lost with the app.
    pub(super) fn say_unsaved(&mut self) {
        let count = super::views::count(self.outbox.unsaved());
        if count == 0 {
            self.withdraw_notice("not-saved");
            self.withdraw_notice("quit-loses");
            self.quit_asked = false;
        } else {
            self.notice("not-saved", move |words| {
                ((words.prompts_unsaved)(count), words.prompts_unsaved_hint)
            });
        }
    }

    /// Ends the app. With prompts that would be lost it asks first, by a notice: the second time counts.
    pub(super) fn quit(&mut self) {
        let count = super::views::count(self.outbox.unsaved());
        if count == 0 || std::mem::replace(&mut self.quit_asked, true) {
            self.stopping = true;
            return;
        }
        self.notice("quit-loses", move |words| {
            ((words.prompts_unsaved)(count), words.quit_again)
        });
        self.show_window(crate::ports::WindowKind::Popup);
    }

    fn on_claimed(&mut self, step: Step, result: Result<Turn, StoreError>) {
        let (Step::Send(item) | Step::LookUp(item)) = &step;
        let (id, profile) = (item.id.clone(), item.gateway.clone());
        // Not done yet: it may have arrived where it was to be looked for.
        let later = match &step {
            Step::Send(_) => Verdict::Again,
            Step::LookUp(_) => Verdict::Uncertain,
        };
        if result.is_ok() {
            self.withdraw_notice("outbox-stuck");
        }
        match result {
            Ok(Turn::Ours) => {
                if !self.carry_out(step) {
                    self.settle(&id, &later);
                }
            }
            Ok(Turn::Done) => {
                self.settle(&id, &Verdict::Delivered);
                self.after_once(Timer::Pump(profile), Duration::ZERO);
            }
            Ok(Turn::Elsewhere) => {
                // Looked up before it is ours to send: it may have arrived by then.
                self.settle(&id, &Verdict::Uncertain);
                self.after_once(Timer::Pump(profile), CLAIM_AGAIN);
            }
            Err(error) => {
                // Another process may be sending it: it waits until the store says whose turn it is.
                not_kept("whose turn it is", &error);
                self.plain_notice("outbox-stuck", |words| words.outbox_stuck);
                self.settle(&id, &later);
                self.after_once(Timer::Pump(profile), CLAIM_AGAIN);
            }
        }
    }

    /// Takes up prompts that another process has left: it was killed, or had no connection.
    fn adopt(&mut self, profile: &str, items: Vec<Item>) {
        for item in Outbox::left_over(items) {
            if self.outbox.get(&item.id).is_none() {
                self.echo(&item);
                self.outbox.push(item);
                self.publisher.dirty.outbox = true;
            }
        }
        self.pump(profile);
    }
}

fn not_kept(what: &'static str, error: &StoreError) {
    tracing::warn!(%error, what, help = error.next_step(), "the store did not keep something");
}
