//! Replies that ended while no notification was possible or wanted.

use super::notify::by_run;
use super::{App, Then, Timer};
use crate::gateway::{History, HistoryQuery};
use crate::ids::SessionRef;
use crate::notify_policy::OccasionKind;
use crate::silence::{is_heartbeat_session, is_wake_message, says_nothing};
use clawtray_gateway_protocol::Role;
use std::time::Duration;

/// Sessions whose history is read after a gap, at most.
const MISSED_SESSIONS: usize = 40;
/// Replies that are held back at a time.
const MOST_HELD: usize = 500;
/// Time for all of them to be found before they are told together.
const DIGEST_AFTER: Duration = Duration::from_millis(400);

/// A reply that ended while no notification was possible or wanted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Missed {
    session: String,
    text: String,
    /// The message, where it can be told apart.
    message: Option<String>,
}

impl App {
    /// What comes while the desktop wants no disturbance: replies are told together when it is over. Everything else is
    /// in the tray for as long as it waits.
    pub(super) fn hold(&mut self, id: &str, kind: OccasionKind) {
        let OccasionKind::Reply {
            session,
            text,
            message,
            ..
        } = kind
        else {
            return;
        };
        let missed = Missed {
            session,
            // A notification shows less.
            text: text.chars().take(4000).collect(),
            message,
        };
        if let Some(link) = self.links.get_mut(id) {
            // One of each session, the newest.
            link.missed.retain(|held| held.session != missed.session);
            if link.missed.len() < MOST_HELD {
                link.missed.push(missed);
            }
        }
    }

    pub(super) fn on_do_not_disturb(&mut self, on: bool) {
        if std::mem::replace(&mut self.undisturbed, on) && !on {
            let waiting = self.links.iter().filter(|(_, link)| !link.missed.is_empty());
            for id in waiting.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
                self.after_once(Timer::Digest(id), DIGEST_AFTER);
            }
        }
    }

    /// After a gap: sessions that moved on since, and whose replies were not told.
    pub(super) fn look_for_missed(&mut self, id: &str) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let newest = |row: &clawtray_gateway_protocol::SessionRow| {
            row.last_interaction_at.max(row.updated_at).unwrap_or_default()
        };
        if !link.told.begun {
            // Never seen before: everything that is there is history.
            link.told.begun = true;
            link.told.until_ms = link.sessions.rows().map(newest).max().unwrap_or_default();
            self.shelf.set_told(id, &link.told);
            return;
        }
        let mut moved: Vec<(String, i64)> = link
            .sessions
            .rows()
            .filter(|row| row.archived != Some(true) && newest(row) > link.told.known_until(row.key.as_str()))
            // Read elsewhere in the meantime. A failed last run hides what is unread before it.
            .filter(|row| {
                let read = row.last_read_at.is_some_and(|at| at >= newest(row));
                !(read && row.unread == Some(false)) || row.status.as_deref() == Some("failed")
            })
            .map(|row| (row.key.0.clone(), newest(row)))
            .collect();
        moved.sort_by_key(|(_, at)| std::cmp::Reverse(*at));
        moved.truncate(MISSED_SESSIONS);
        let Some(gateway) = link.ready().filter(|gateway| gateway.capabilities().history) else {
            return;
        };
        for (session, _) in moved {
            let (gateway, id) = (std::sync::Arc::clone(&gateway), id.to_owned());
            self.spawn(async move {
                let query = HistoryQuery {
                    session: session.as_str().into(),
                    limit: Some(30),
                    offset: None,
                };
                let history = gateway.history(query).await;
                Box::new(move |app: &mut Self| {
                    if let Ok(history) = history {
                        app.on_history_after_gap(&id, &session, &history);
                    }
                }) as Then
            });
        }
    }

    fn on_history_after_gap(&mut self, id: &str, session: &str, history: &History) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let known = link.told.known_until(session);
        let running = history
            .in_flight
            .as_ref()
            .map(|flight| flight.run_id.as_str().to_owned());
        let newest = history
            .messages
            .iter()
            .rev()
            .enumerate()
            .filter(|(at, message)| {
                let before = history.messages.iter().rev().skip(at + 1);
                let asked = before.clone().find(|before| before.role == Role::User);
                let woken = is_heartbeat_session(session) || asked.is_some_and(is_wake_message);
                let text = message.text();
                message.role == Role::Assistant && !text.trim().is_empty() && !says_nothing(&text, woken)
            })
            .map(|(_, message)| message)
            .find(|message| {
                message.meta.run_id.as_ref().map(|run| run.as_str()) != running.as_deref()
                    || running.is_none()
            });
        let Some(message) = newest else { return };
        let at_ms = message.timestamp.unwrap_or_default();
        let run = message
            .meta
            .run_id
            .as_ref()
            .map(|run| run.0.clone())
            .filter(|run| run.len() <= crate::sessions::LONGEST_KEY)
            .unwrap_or_default();
        let told = if run.is_empty() {
            at_ms <= known
        } else {
            !link.told.note_run(&run)
        };
        // Told live, with a later stamp than the stored message has; or older than this app's first sight of it.
        if told || at_ms <= link.told.until_ms && !link.told.sessions.contains_key(session) {
            return;
        }
        link.told.note(session, at_ms);
        if at_ms <= known && run.is_empty() {
            return;
        }
        self.shelf.set_told_session(id, session, &run, at_ms);
        link.missed.push(Missed {
            session: session.to_owned(),
            text: message.text(),
            message: (!run.is_empty()).then(|| by_run(&run)),
        });
        self.after_once(Timer::Digest(id.to_owned()), DIGEST_AFTER);
    }

    /// One reply is told as a reply, several as one digest.
    pub(super) fn tell_digest(&mut self, id: &str) {
        if self.undisturbed {
            return;
        }
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let mut missed = std::mem::take(&mut link.missed);
        let muted = &self.settings.get().notifications.muted_sessions;
        missed.retain(|missed| {
            let session = SessionRef::new(id, missed.session.as_str());
            let is_muted = muted.iter().any(|entry| crate::settings::mutes(entry, &session));
            !is_muted && !self.in_view(id, &missed.session)
        });
        if missed.len() == 1 {
            if let Some(Missed {
                session,
                text,
                message,
            }) = missed.pop()
            {
                let kind = self.reply_kind(id, &session, text, message);
                self.tell(id, kind);
            }
            return;
        }
        if missed.is_empty() {
            return;
        }
        let replies = missed
            .into_iter()
            .map(|missed| {
                let name = self.session_name(id, &missed.session);
                (missed.session, name)
            })
            .collect();
        self.tell(id, OccasionKind::Digest { replies });
    }
}
