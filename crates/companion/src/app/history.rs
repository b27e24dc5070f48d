//! Transcripts: open, read, load older pages.

use super::handle::Reply;
use super::{App, Then};
use crate::api::Signal;
use crate::gateway::{History, HistoryQuery};
use crate::ids::SessionRef;
use crate::outbox::Item;
use crate::ports::WindowKind;
use crate::request_error::RequestError;
use crate::store::{Cursor, PageKind};
use crate::transcript::{MESSAGE_LIMIT, Transcript};
use serde_json::Value;

/// Transcripts kept warm besides those that windows show.
const WARM: usize = 6;
const PAGE: u32 = 100;
/// Older pages read to find one message, at most, and their size.
const REVEAL_PAGES: u32 = 60;
const REVEAL_PAGE: u32 = 200;

/// A message that a window waits to scroll to.
pub(super) struct Reveal {
    window: WindowKind,
    session: String,
    message: String,
    pages: u32,
}

impl App {
    /// Makes a session's transcript known and reads it.
    pub(super) fn open(&mut self, profile: &str, session: &str) {
        let needed = self.targets_of(profile);
        let Some(link) = self.links.get_mut(profile) else {
            return;
        };
        if session.is_empty() || link.transcripts.contains_key(session) {
            return;
        }
        while link.transcripts.len() >= WARM + needed.len() {
            let spare = link
                .transcripts
                .iter()
                .find(|(key, open)| !needed.contains(key.as_str()) && open.active_run().is_none())
                .map(|(key, _)| key.clone());
            match spare {
                Some(key) => link.transcripts.remove(&key),
                None => break,
            };
        }
        link.transcripts
            .insert(session.to_owned(), Transcript::new(session));
        let waiting: Vec<Item> = self
            .outbox
            .of(profile)
            .filter(|item| item.session == session)
            .cloned()
            .collect();
        for item in waiting {
            self.echo(&item);
        }
        self.load_history(profile, session);
    }

    pub(super) fn load_history(&mut self, profile: &str, session: &str) {
        let Some(link) = self.links.get(profile) else {
            return;
        };
        let Some(open) = link.transcripts.get(session) else {
            return;
        };
        let unread = !open.is_loaded();
        let Some(gateway) = link.ready().filter(|gateway| gateway.capabilities().history) else {
            let offline = History {
                session: session.into(),
                ..History::default()
            };
            if link
                .gateway
                .as_ref()
                .is_some_and(|gateway| !gateway.capabilities().history)
            {
                self.on_history(profile, session, &offline);
            } else if unread {
                self.show_stored_transcript(profile, session);
            }
            return;
        };
        if unread {
            self.show_stored_transcript(profile, session);
        }
        if let Some(open) = self
            .links
            .get_mut(profile)
            .and_then(|link| link.transcripts.get_mut(session))
        {
            open.begin_load();
        }
        let (profile, session) = (profile.to_owned(), session.to_owned());
        let limit = u32::try_from(MESSAGE_LIMIT).unwrap_or(PAGE);
        self.spawn(async move {
            let query = HistoryQuery {
                session: session.as_str().into(),
                limit: Some(limit),
                offset: None,
            };
            let history = gateway.history(query).await;
            Box::new(move |app: &mut Self| match history {
                Ok(history) => {
                    app.keep_page(&profile, &session, &history, PageKind::Newest);
                    app.on_history(&profile, &session, &history);
                }
                Err(error) => {
                    tracing::debug!(%error, "a transcript could not be read");
                    if let Some(open) = app
                        .links
                        .get_mut(&profile)
                        .and_then(|link| link.transcripts.get_mut(&session))
                    {
                        let changes = open.set_loading(false);
                        app.transcript_changed(&profile, &session, changes);
                    }
                }
            }) as Then
        });
    }

    fn on_history(&mut self, profile: &str, session: &str, history: &History) {
        let now_ms = self.now_ms();
        let Some(link) = self.links.get_mut(profile) else {
            return;
        };
        let Some(open) = link.transcripts.get_mut(session) else {
            return;
        };
        let mut history = history.clone();
        if let Some(flight) = &history.in_flight {
            link.runs
                .entry(flight.run_id.0.clone())
                .or_insert_with(|| super::link::LiveRun {
                    session: session.to_owned(),
                    text: flight.text.clone(),
                    had_unread: false,
                });
        }
        if let Some(row) = history.row.take() {
            link.sessions.replace(row);
            self.publisher.dirty.sessions = true;
        }
        let changes = open.load(&history, now_ms);
        self.transcript_changed(profile, session, changes);
        for message in &history.messages {
            self.on_delivered_elsewhere(profile, message);
        }
        let waiting: Vec<Item> = self
            .outbox
            .of(profile)
            .filter(|item| item.session == session)
            .cloned()
            .collect();
        for item in waiting {
            self.echo(&item);
        }
        self.publisher.tray_dirty = true;
        if self.in_view(profile, session) {
            self.mark_seen(profile, session);
        }
        self.go_on_revealing(profile, session);
    }

    pub(super) fn load_older(&mut self, session: &SessionRef, reply: Reply) {
        self.read_older(&session.gateway, &session.session, PAGE, move |_, read| {
            reply.send(read.map(|()| Value::Null));
        });
    }

    /// Reads the page before what a transcript has: from the gateway, offline from the local copy.
    fn read_older(
        &mut self,
        id: &str,
        session: &str,
        limit: u32,
        then: impl FnOnce(&mut Self, Result<(), RequestError>) + Send + 'static,
    ) {
        let link = self.links.get(id);
        let gateway = link.and_then(super::link::Link::ready);
        let open = link.and_then(|link| link.transcripts.get(session));
        let offset = open.map(Transcript::older_offset);
        let before = open.and_then(Transcript::oldest_seq).map(Cursor::before_seq);
        let records = self.records.clone();
        let (id, session) = (id.to_owned(), session.to_owned());
        match (gateway, records, before) {
            (Some(gateway), _, _) => self.spawn(async move {
                let query = HistoryQuery {
                    session: session.as_str().into(),
                    limit: Some(limit),
                    offset,
                };
                let history = gateway.history(query).await;
                Box::new(move |app: &mut Self| {
                    let read = history.map_err(RequestError::from).map(|history| {
                        app.keep_page(&id, &session, &history, PageKind::Older);
                        app.on_older(&id, &session, &history);
                    });
                    then(app, read);
                }) as Then
            }),
            (None, Some(records), Some(before)) => self.spawn(async move {
                let (profile, key) = (id.clone(), session.clone());
                let page = records
                    .read(move |store| store.page_before(&profile, &key, before, limit))
                    .await;
                Box::new(move |app: &mut Self| {
                    let read = app.noted(page).map(|page| {
                        app.on_older(&id, &session, &page.into_history(&session));
                    });
                    then(app, read.ok_or(RequestError::NotConnected));
                }) as Then
            }),
            (None, _, _) => then(self, Err(RequestError::NotConnected)),
        }
    }

    fn on_older(&mut self, id: &str, session: &str, history: &History) {
        let open = self
            .links
            .get_mut(id)
            .and_then(|link| link.transcripts.get_mut(session));
        if let Some(open) = open {
            let changes = open.load_older(history);
            self.transcript_changed(id, session, changes);
        }
    }

    /// Shows a session and scrolls to a message of it, as soon as it is there.
    pub(super) fn reveal(&mut self, window: WindowKind, session: &SessionRef, message: String) {
        self.use_gateway(&session.gateway);
        self.set_target_to(window, session);
        let SessionRef { gateway, session } = session;
        if let Some(link) = self.links.get_mut(gateway.as_str()) {
            // The last wish of a window counts.
            link.reveals.retain(|other| other.window != window);
            link.reveals.push(Reveal {
                window,
                session: session.to_owned(),
                message,
                pages: REVEAL_PAGES,
            });
        }
        self.go_on_revealing(gateway, session);
    }

    pub(super) fn go_on_revealing(&mut self, id: &str, session: &str) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let Some(open) = link.transcripts.get(session).filter(|open| !open.is_loading()) else {
            return;
        };
        let mut found = Vec::new();
        let mut more = false;
        link.reveals.retain_mut(|reveal| {
            if reveal.session != session {
                return true;
            }
            if let Some(view) = open.find(&reveal.message) {
                found.push((reveal.window, view.id.clone()));
                return false;
            }
            let goes_on = open.has_older() && reveal.pages > 0;
            reveal.pages = reveal.pages.saturating_sub(1);
            more |= goes_on;
            goes_on
        });
        for (window, message) in found {
            self.signal(window, Signal::Reveal { message });
        }
        if more {
            let (profile, key) = (id.to_owned(), session.to_owned());
            self.read_older(id, session, REVEAL_PAGE, move |app, read| match read {
                Ok(()) => app.go_on_revealing(&profile, &key),
                Err(error) => {
                    tracing::debug!(code = error.code(), "a message could not be shown");
                    if let Some(link) = app.links.get_mut(&profile) {
                        link.reveals.retain(|reveal| reveal.session != key);
                    }
                }
            });
        }
    }
}
