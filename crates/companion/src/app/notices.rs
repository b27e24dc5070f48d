//! Notices about faults and missing parts. Every window shows them until they are dismissed or no
//! longer true.

use super::App;
use crate::api::Notice;
use crate::words::{Said, Told, Words};
use std::collections::{BTreeMap, BTreeSet};

/// Says a notice in a language.
type Say = Box<dyn Fn(&'static Words) -> Told + Send>;

/// The notices of now, by id.
#[derive(Default)]
pub(super) struct Notices {
    all: BTreeMap<String, Say>,
    /// Those that nobody wants to see again in this run.
    dismissed: BTreeSet<String>,
}

impl Notices {
    pub(super) fn ids(&self) -> Vec<&str> {
        self.all.keys().map(String::as_str).collect()
    }
}

impl App {
    /// Shows a notice, in whatever language is chosen while it is shown.
    pub(super) fn notice(&mut self, id: &str, say: impl Fn(&'static Words) -> Told + Send + 'static) {
        if !self.notices.dismissed.contains(id) {
            self.notices.all.insert(id.to_owned(), Box::new(say));
            self.publisher.dirty.notices = true;
        }
    }

    /// Shows a notice even where one of this id was dismissed: it is about something else than that one.
    pub(super) fn notice_anew(&mut self, id: &str, say: impl Fn(&'static Words) -> Told + Send + 'static) {
        self.notices.dismissed.remove(id);
        self.notice(id, say);
    }

    /// One that has no names in it.
    pub(super) fn plain_notice(&mut self, id: &str, said: impl Fn(&'static Words) -> Said + Send + 'static) {
        self.notice(id, move |words| {
            let (sentence, hint) = said(words);
            (sentence.to_owned(), hint)
        });
    }

    pub(super) fn withdraw_notice(&mut self, id: &str) {
        if self.notices.all.remove(id).is_some() {
            self.publisher.dirty.notices = true;
        }
    }

    pub(super) fn dismiss_notice(&mut self, id: String) {
        self.withdraw_notice(&id);
        self.notices.dismissed.insert(id);
    }

    pub(super) fn notice_views(&self) -> Vec<Notice> {
        let words = self.words();
        let view = |(id, say): (&String, &Say)| {
            let (sentence, hint) = say(words);
            Notice {
                id: id.clone(),
                sentence,
                hint: hint.to_owned(),
            }
        };
        self.notices.all.iter().map(view).collect()
    }
}
