//! Notifications: what is told, what became of it, and replies that ended while nobody could tell.

use super::{App, Then, Timer};
use crate::api::Signal;
use crate::gateway::Decision;
use crate::gateway::HistoryQuery;
use crate::notify_policy::{Circumstances, Occasion, OccasionKind, decide, session_tag};
use crate::ports::{
    Notification, NotificationAction, NotificationResponse, NotificationResponseKind, NotificationTarget,
    TrayAction, WindowKind,
};
use clawtray_gateway_protocol::Role;
use serde_json::json;
use std::time::Duration;

/// A notification that is out.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    target: NotificationTarget,
    approval: Option<String>,
}

/// A reply that ended while nobody could tell, or wanted to be told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Missed {
    session: String,
    text: String,
    /// The message, where it can be told apart.
    message: Option<String>,
}

/// Sessions whose history is read after a gap, at most.
const MISSED_SESSIONS: usize = 40;
/// Time for all of them to be found before they are told together.
const DIGEST_AFTER: Duration = Duration::from_millis(400);

/// The last message of a run, whatever the gateway calls it.
fn by_run(run: &str) -> String {
    format!("run:{run}")
}

impl App {
    /// Tells something, if it deserves it.
    pub(super) fn tell(&mut self, id: &str, kind: OccasionKind) {
        let in_view = match &kind {
            OccasionKind::Reply { session, .. }
            | OccasionKind::Failure { session, .. }
            | OccasionKind::Approval { session, .. }
            | OccasionKind::Question { session, .. } => self.in_view(id, session),
            OccasionKind::GatewayDown
            | OccasionKind::GatewayBack
            | OccasionKind::Pairing { .. }
            | OccasionKind::Digest { .. } => {
                self.profiles.active() == Some(id) && self.ports.windows.is_visible(WindowKind::Popup)
            }
        };
        let approval = match &kind {
            OccasionKind::Approval { id, .. } => Some(id.clone()),
            OccasionKind::Reply { .. }
            | OccasionKind::Failure { .. }
            | OccasionKind::Question { .. }
            | OccasionKind::GatewayDown
            | OccasionKind::GatewayBack
            | OccasionKind::Pairing { .. }
            | OccasionKind::Digest { .. } => None,
        };
        let occasion = Occasion {
            gateway: id.to_owned(),
            gateway_name: self.gateway_name(id),
            kind,
        };
        let held = self.undisturbed.then(|| occasion.kind.clone());
        let now = Circumstances {
            settings: &self.settings.get().notifications,
            now_ms: self.now_ms(),
            local_minutes: self.ports.clock.local_minutes(),
            in_view,
            language: self.language(),
        };
        let Some(notification) = decide(&occasion, now) else {
            return;
        };
        if let Some(kind) = held {
            self.hold(id, kind);
            return;
        }
        self.show_notification(notification, approval);
    }

    /// Shows what no rule or switch of the user's keeps back.
    pub(super) fn show_notification(&mut self, notification: Notification, approval: Option<String>) {
        let shown = Shown {
            target: notification.on_click.clone(),
            approval,
        };
        self.shown_notifications.insert(notification.tag.clone(), shown);
        self.ports.notifier.show(notification);
    }

    /// What comes while the desktop wants no disturbance: replies are told together when it is over. Everything else is
    /// in the tray for as long as it waits.
    fn hold(&mut self, id: &str, kind: OccasionKind) {
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
            text,
            message,
        };
        if let Some(link) = self.links.get_mut(id) {
            // One of each session, the newest.
            link.missed.retain(|held| held.session != missed.session);
            link.missed.push(missed);
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

    pub(super) fn withdraw(&mut self, tag: &str) {
        if self.shown_notifications.remove(tag).is_some() {
            self.ports.notifier.withdraw(tag);
        }
    }

    /// Notes that a run's end is known. Answers whether it was news.
    pub(super) fn note_told(&mut self, id: &str, session: &str, run: &str, at_ms: i64) -> bool {
        let Some(link) = self.links.get_mut(id) else {
            return false;
        };
        let news = link.told.note_run(run);
        if !std::mem::replace(&mut link.told.begun, true) {
            self.shelf.set_told(id, &link.told);
        }
        link.told.note(session, at_ms);
        self.shelf.set_told_session(id, session, run, at_ms);
        news
    }

    pub(super) fn on_run_done(
        &mut self,
        id: &str,
        session: &str,
        run: &str,
        text: String,
        message: Option<String>,
        at_ms: i64,
    ) {
        // Steered into another run, or nothing to say: that run's end is what counts.
        if text.trim().is_empty() {
            return;
        }
        if !self.note_told(id, session, run, at_ms) {
            return;
        }
        if self.in_view(id, session) {
            self.mark_seen(id, session);
        }
        let message = message.unwrap_or_else(|| by_run(run));
        let kind = self.reply_kind(id, session, text, Some(message));
        self.tell(id, kind);
    }

    fn reply_kind(&self, id: &str, session: &str, text: String, message: Option<String>) -> OccasionKind {
        let link = self.links.get(id);
        let cron = session.contains(":cron:")
            || link
                .and_then(|link| link.sessions.get(session))
                .is_some_and(|row| row.is_background == Some(true));
        OccasionKind::Reply {
            session: session.to_owned(),
            title: link.map(|link| link.sessions.title(session)).unwrap_or_default(),
            text,
            message,
            cron,
        }
    }

    pub(super) fn on_run_failed(
        &mut self,
        id: &str,
        session: &str,
        run: &str,
        error: &str,
        message: Option<String>,
    ) {
        let now_ms = self.now_ms();
        // A failed run says so twice.
        if !self.note_told(id, session, run, now_ms) {
            return;
        }
        let title = self
            .links
            .get(id)
            .map(|link| link.sessions.title(session))
            .unwrap_or_default();
        let (session, error) = (session.to_owned(), error.to_owned());
        self.tell(
            id,
            OccasionKind::Failure {
                session,
                title,
                error,
                message,
            },
        );
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

    fn on_history_after_gap(&mut self, id: &str, session: &str, history: &crate::gateway::History) {
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
            .filter(|message| message.role == Role::Assistant && !message.text().trim().is_empty())
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
        missed.retain(|missed| !muted.contains(&missed.session) && !self.in_view(id, &missed.session));
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
                let title = self
                    .links
                    .get(id)
                    .map(|link| link.sessions.title(&missed.session))
                    .unwrap_or_default();
                (missed.session, title)
            })
            .collect();
        self.tell(id, OccasionKind::Digest { replies });
    }

    pub(super) fn on_notification(&mut self, response: NotificationResponse) {
        let Some(shown) = self.shown_notifications.get(&response.tag).cloned() else {
            return;
        };
        match response.kind {
            NotificationResponseKind::Clicked
            | NotificationResponseKind::Action(NotificationAction::Reply) => {
                self.withdraw(&response.tag);
                self.go_to(&shown.target);
            }
            NotificationResponseKind::Action(NotificationAction::ApproveOnce) => {
                if let Some(approval) = shown.approval {
                    self.resolve_approval(&approval, Decision::AllowOnce, None);
                }
            }
            NotificationResponseKind::Action(NotificationAction::Deny) => {
                if let Some(approval) = shown.approval {
                    self.resolve_approval(&approval, Decision::Deny, None);
                }
            }
            NotificationResponseKind::Replied(text) => {
                self.withdraw(&response.tag);
                if let NotificationTarget::Session { gateway, session, .. } = &shown.target {
                    let (gateway, session) = (gateway.clone(), session.clone());
                    // An answer means it was read.
                    self.mark_read(&gateway, &session);
                    if let Err(error) = self.enqueue(&gateway, &session, text, Vec::new(), None) {
                        tracing::debug!(code = %error.code(), "an inline reply was not sent");
                    }
                }
            }
            NotificationResponseKind::Dismissed => {
                self.shown_notifications.remove(&response.tag);
            }
        }
    }

    fn go_to(&mut self, target: &NotificationTarget) {
        match target {
            NotificationTarget::Session {
                gateway,
                session,
                message,
            } => {
                self.use_gateway(gateway);
                if !session.is_empty() {
                    self.set_target(WindowKind::Popup, session);
                }
                self.show_window(WindowKind::Popup);
                if let Some(message) = message.clone() {
                    self.signal(WindowKind::Popup, Signal::Reveal { message });
                }
            }
            NotificationTarget::Popup => self.show_window(WindowKind::Popup),
            NotificationTarget::Settings => self.show_window(WindowKind::Settings),
        }
    }

    /// A session came into view: what was told of it is withdrawn, and the gateway learns that it was read.
    pub(super) fn mark_seen(&mut self, id: &str, session: &str) {
        self.withdraw(&session_tag(id, session));
        let unread = self
            .links
            .get(id)
            .and_then(|link| link.sessions.get(session))
            .and_then(|row| row.unread);
        if unread == Some(true) {
            self.mark_read(id, session);
        }
    }

    pub(super) fn mark_seen_if_in_view(&mut self, id: &str, session: &str) {
        if self.in_view(id, session) {
            self.mark_seen(id, session);
        }
    }

    pub(super) fn mark_read(&mut self, id: &str, session: &str) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let Some(row) = link.sessions.get_mut(session) else {
            return;
        };
        if row.unread != Some(true) {
            return;
        }
        row.unread = Some(false);
        self.publisher.dirty.sessions = true;
        self.withdraw(&session_tag(id, session));
        let Some(gateway) = self.links.get(id).and_then(super::link::Link::ready) else {
            return;
        };
        if !gateway.capabilities().native {
            return;
        }
        let params = json!({ "key": session, "unread": false });
        self.spawn(async move {
            if let Err(error) = gateway.call_raw("sessions.patch", params).await {
                tracing::debug!(%error, "a session could not be marked read");
            }
            Box::new(|_: &mut Self| {}) as Then
        });
    }

    pub(super) fn on_tray(&mut self, action: TrayAction) {
        match action {
            TrayAction::TogglePopup => self.toggle_popup(),
            TrayAction::OpenSession(session) => {
                self.set_target(WindowKind::Popup, &session);
                self.show_window(WindowKind::Popup);
            }
            TrayAction::OpenBrowser => self.show_window(WindowKind::Browser),
            TrayAction::OpenSettings => self.show_window(WindowKind::Settings),
            TrayAction::Approve(approval) => self.resolve_approval(&approval, Decision::AllowOnce, None),
            TrayAction::Deny(approval) => self.resolve_approval(&approval, Decision::Deny, None),
            TrayAction::UseGateway(id) => self.use_gateway(&id),
            TrayAction::Reconnect => {
                if let Some(id) = self.profiles.active().map(str::to_owned) {
                    self.reconnect(&id);
                }
            }
            TrayAction::DoNotDisturbHour => {
                let until = self.now_ms() + 3_600_000;
                self.do_not_disturb(Some(until));
            }
            TrayAction::DoNotDisturbTomorrow => {
                let minutes = i64::from(self.ports.clock.local_minutes());
                let until = self.now_ms() + (24 * 60 - minutes + 8 * 60) * 60_000;
                self.do_not_disturb(Some(until));
            }
            TrayAction::EndDoNotDisturb => self.do_not_disturb(None),
            TrayAction::Quit => self.stopping = true,
        }
    }

    pub(super) fn do_not_disturb(&mut self, until_ms: Option<i64>) {
        let patch = json!({ "notifications": { "doNotDisturbUntilMs": until_ms } });
        if self.settings.change(&patch).is_ok() {
            self.on_settings_changed();
        }
    }
}
