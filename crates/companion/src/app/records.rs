//! The local copy of the conversations.
//!
//! The gateway's answers are stored outside of the loop, and shown until the gateway answers again.
//! A failure here never delays a conversation.

use super::handle::Reply;
use super::{App, Then};
use crate::gateway::{History, HistoryQuery};
use crate::request_error::RequestError;
use crate::sessions::title;
use crate::store::{Coverage, PageKind, Store, StoreError};
use crate::transcript::MESSAGE_LIMIT;
use clawtray_gateway_protocol::{Message, SessionRow};
use serde_json::Value;
use std::collections::HashSet;

/// Sessions whose newest messages are fetched after a connect, at most: the most recent ones.
const BACKFILL: usize = 40;
/// The stamp of a session's row may be a little later than that of its last message.
const STAMP_SLACK_MS: i64 = 2_000;

/// Megabytes as bytes.
pub(super) fn bytes(megabytes: u32) -> u64 {
    u64::from(megabytes) << 20
}

impl App {
    /// Keeps something, after everything that was to be kept before.
    fn keep(&mut self, job: impl FnOnce(&Store) -> Result<(), StoreError> + Send + 'static) {
        let Some(records) = &self.records else { return };
        let done = records.begin_write(job);
        self.spawn(async move {
            let done = done.await;
            Box::new(move |app: &mut Self| {
                app.noted(done);
            }) as Then
        });
    }

    /// Says what became of a job: the result, when there is one.
    pub(super) fn noted<R>(&mut self, result: Result<R, StoreError>) -> Option<R> {
        if self.say_repairs() {
            let all: Vec<String> = self.links.keys().cloned().collect();
            for id in all {
                self.resync(&id);
            }
        }
        match result {
            Ok(done) => {
                self.withdraw_notice("cache-full");
                Some(done)
            }
            Err(StoreError::Superseded) => None,
            Err(error) => {
                tracing::warn!(%error, help = error.next_step(), "the local copy of the conversations was not read or written");
                if matches!(error, StoreError::Full { .. }) {
                    self.plain_notice("cache-full", |words| words.disk_full);
                }
                None
            }
        }
    }

    /// The sessions as they were last known, until the gateway lists them.
    pub(super) fn show_stored_sessions(&mut self, id: &str) {
        let Some(records) = self.records.clone() else {
            return;
        };
        let id = id.to_owned();
        self.spawn(async move {
            let gateway = id.clone();
            let rows = records.read(move |store| store.sessions(&gateway)).await;
            Box::new(move |app: &mut Self| {
                let Some(rows) = app.noted(rows) else { return };
                let Some(link) = app.links.get_mut(&id).filter(|link| !link.sessions_loaded) else {
                    return;
                };
                for mut row in rows {
                    if link.sessions.get(row.key.as_str()).is_none() {
                        // What ran then says nothing about now.
                        row.has_active_run = None;
                        row.active_run_ids = None;
                        link.sessions.replace(row);
                    }
                }
                app.publisher.dirty.sessions = true;
                app.settle_targets(&id);
            }) as Then
        });
    }

    /// A transcript as it was last known, until the gateway gives it.
    pub(super) fn show_stored_transcript(&mut self, id: &str, session: &str) {
        let Some(records) = self.records.clone() else {
            return;
        };
        let (id, session) = (id.to_owned(), session.to_owned());
        let limit = u32::try_from(MESSAGE_LIMIT).unwrap_or(u32::MAX);
        self.spawn(async move {
            let (gateway, key) = (id.clone(), session.clone());
            let page = records
                .read(move |store| store.newest_page(&gateway, &key, limit))
                .await;
            Box::new(move |app: &mut Self| {
                let Some(page) = app.noted(page) else { return };
                let Some(link) = app.links.get_mut(&id) else {
                    return;
                };
                let awaited = link.is_ready();
                let Some(open) = link.transcripts.get_mut(&session) else {
                    return;
                };
                let changes = open.load_stored(&page.into_history(&session), awaited);
                if !changes.is_empty() {
                    app.transcript_changed(&id, &session, changes);
                    app.go_on_revealing(&id, &session);
                }
            }) as Then
        });
    }

    /// Keeps rows as the gateway gave them.
    pub(super) fn keep_session_rows(&mut self, id: &str, rows: Vec<SessionRow>) {
        let (id, language) = (id.to_owned(), self.language());
        self.keep(move |store| store.upsert_sessions(&id, &rows, |row| title(row, language)));
    }

    /// The gateway's list is complete: of the sessions here that are not archived, those that are not in it are gone.
    pub(super) fn keep_sessions_of(&mut self, id: &str, listed: HashSet<String>) {
        let id = id.to_owned();
        self.keep(move |store| {
            for row in store.sessions(&id)? {
                if row.archived != Some(true) && !listed.contains(row.key.as_str()) {
                    store.delete_session(&id, row.key.as_str())?;
                }
            }
            Ok(())
        });
    }

    /// Keeps the row of a session as it is known now.
    pub(super) fn keep_session(&mut self, id: &str, session: &str) {
        let Some(row) = self.links.get(id).and_then(|link| link.sessions.get(session)) else {
            return;
        };
        let (id, row): (String, SessionRow) = (id.to_owned(), row.clone());
        let language = self.language();
        self.keep(move |store| store.upsert_sessions(&id, &[row], |row| title(row, language)));
    }

    pub(super) fn keep_message(&mut self, id: &str, session: &str, message: &Message) {
        // Messages without a place and an id cannot be told from their stored twins; they come with the next page.
        if message.meta.id.is_none() || self.records.is_none() {
            return;
        }
        let (id, session, message) = (id.to_owned(), session.to_owned(), message.clone());
        self.keep(move |store| store.upsert_messages(&id, &session, &[message]).map(drop));
    }

    pub(super) fn keep_page(&mut self, id: &str, session: &str, history: &History, kind: PageKind) {
        if self.records.is_none() {
            return;
        }
        let id = id.to_owned();
        let page = History {
            session: session.into(),
            ..history.clone()
        };
        self.keep(move |store| store.upsert_page(&id, &page, kind).map(drop));
    }

    pub(super) fn drop_session_record(&mut self, id: &str, session: &str) {
        let (id, session) = (id.to_owned(), session.to_owned());
        self.keep(move |store| store.delete_session(&id, &session));
    }

    pub(super) fn drop_message_records(&mut self, id: &str, session: &str) {
        let (id, session) = (id.to_owned(), session.to_owned());
        self.keep(move |store| store.reset_session(&id, &session));
    }

    /// Forgets all of a gateway that is not known any more.
    pub(super) fn forget_records(&mut self, id: &str) {
        let id = id.to_owned();
        self.keep(move |store| store.clear_gateway(&id));
    }

    pub(super) fn clear_cache(&mut self, id: &str, reply: Reply) {
        if self.profiles.get(id).is_none() {
            reply.send(Err(RequestError::NoSuchGateway));
            return;
        }
        if let Some(link) = self.links.get_mut(id) {
            link.backfill.clear();
            if !link.is_ready() {
                // What windows show is of the copy.
                link.sessions.snapshot(Vec::new());
                link.transcripts.clear();
                self.publisher.all_dirty();
            }
        }
        let Some(records) = &self.records else {
            reply.send(Ok(Value::Null));
            return;
        };
        let id = id.to_owned();
        let gateway = id.clone();
        let done = records.begin_write(move |store| store.clear_gateway(&gateway));
        self.spawn(async move {
            let done = done.await;
            Box::new(move |app: &mut Self| {
                app.settle_targets(&id);
                let answer = app
                    .noted(done)
                    .map(|()| Value::Null)
                    .ok_or(RequestError::CopyNotCleared);
                reply.send(answer);
            }) as Then
        });
    }

    /// The budget in the settings may have changed.
    pub(super) fn keep_to_size(&mut self) {
        let wanted = self.settings.get().cache_megabytes;
        if wanted != self.cache_megabytes {
            self.cache_megabytes = wanted;
            self.keep(move |store| store.set_cache_bytes(bytes(wanted)).map(drop));
        }
    }

    /// After a connect: the newest messages of recent sessions that nobody opens are fetched, one session after the
    /// other, so that they are there offline and for the search.
    pub(super) fn begin_backfill(&mut self, id: &str) {
        if self.records.is_none() {
            return;
        }
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let can = |gateway: &std::sync::Arc<dyn crate::gateway::Gateway>| gateway.capabilities().history;
        if link.ready().filter(can).is_none() {
            return;
        }
        let mut recent: Vec<(i64, String)> = link
            .sessions
            .rows()
            .map(|row| (last_change(row), row.key.0.clone()))
            .collect();
        recent.sort_unstable_by(|a, b| b.cmp(a));
        recent.truncate(BACKFILL);
        let idle = link.backfill.is_empty();
        link.backfill = recent.into_iter().rev().map(|(_, key)| key).collect();
        if idle {
            self.go_on_backfilling(id);
        }
    }

    fn go_on_backfilling(&mut self, id: &str) {
        let Some(records) = self.records.clone() else {
            return;
        };
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let Some(gateway) = link.ready() else {
            link.backfill.clear();
            return;
        };
        let open = &link.transcripts;
        link.backfill.retain(|session| !open.contains_key(session));
        let Some(session) = link.backfill.last().cloned() else {
            return;
        };
        let changed = link.sessions.get(&session).map(last_change).unwrap_or_default();
        let id = id.to_owned();
        self.spawn(async move {
            let (profile, key) = (id.clone(), session.clone());
            let kept = records
                .read(move |store| {
                    let newest = store.newest_page(&profile, &key, 1)?;
                    let until = newest.messages.last().and_then(|message| message.timestamp);
                    Ok((until, store.coverage(&profile, &key)?))
                })
                .await;
            let is_kept = kept.as_ref().is_ok_and(|(until, coverage)| {
                until.is_some_and(|at| at + STAMP_SLACK_MS >= changed) && !has_hole(coverage)
            });
            let history = if kept.is_err() || is_kept {
                None
            } else {
                let query = HistoryQuery {
                    session: session.as_str().into(),
                    limit: Some(u32::try_from(MESSAGE_LIMIT).unwrap_or(u32::MAX)),
                    offset: None,
                };
                gateway.history(query).await.ok()
            };
            Box::new(move |app: &mut Self| {
                app.noted(kept);
                let Some(link) = app.links.get_mut(&id) else {
                    return;
                };
                link.backfill.retain(|other| *other != session);
                let is_there = link.sessions.get(&session).is_some();
                if let Some(history) = history.filter(|_| is_there) {
                    app.keep_page(&id, &session, &history, PageKind::Newest);
                }
                app.go_on_backfilling(&id);
            }) as Then
        });
    }
}

fn last_change(row: &SessionRow) -> i64 {
    row.last_interaction_at.max(row.updated_at).unwrap_or_default()
}

/// Whether something is missing among the newest messages: the app was gone between two that it heard live.
fn has_hole(coverage: &Coverage) -> bool {
    let (Some(newest), Some(from)) = (coverage.newest_seq, coverage.gapless_from) else {
        return false;
    };
    from > 1 && newest - from + 1 < MESSAGE_LIMIT as u64
}
