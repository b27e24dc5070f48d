//! Transcripts: opened, read, paged.

use super::handle::Reply;
use super::{App, Then};
use crate::gateway::{History, HistoryQuery};
use crate::outbox::Item;
use crate::transcript::{MESSAGE_LIMIT, Transcript};
use serde_json::Value;

/// Transcripts kept warm besides those that windows show.
const WARM: usize = 6;
const PAGE: u32 = 100;

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
        if !link.transcripts.contains_key(session) {
            return;
        }
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
            }
            return;
        };
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
                Ok(history) => app.on_history(&profile, &session, &history),
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
    }

    pub(super) fn load_older(&mut self, session: String, reply: Reply) {
        let Some((id, gateway)) = self.active_ready() else {
            let _ = reply.send(Err(Self::not_connected()));
            return;
        };
        let offset = self
            .links
            .get(&id)
            .and_then(|link| link.transcripts.get(&session))
            .map(Transcript::older_offset);
        self.spawn(async move {
            let query = HistoryQuery {
                session: session.as_str().into(),
                limit: Some(PAGE),
                offset,
            };
            let history = gateway.history(query).await;
            Box::new(move |app: &mut Self| {
                let answer = match history {
                    Ok(history) => {
                        if let Some(open) = app
                            .links
                            .get_mut(&id)
                            .and_then(|link| link.transcripts.get_mut(&session))
                        {
                            let changes = open.load_older(&history);
                            app.transcript_changed(&id, &session, changes);
                        }
                        Ok(Value::Null)
                    }
                    Err(error) => Err(Self::from_call(error)),
                };
                let _ = reply.send(answer);
            }) as Then
        });
    }
}
