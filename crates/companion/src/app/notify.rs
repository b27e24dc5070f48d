//! Sends notifications, and handles the user's responses to them.

use super::{App, Then};
use crate::api::Signal;
use crate::gateway::Decision;
use crate::notify_policy::{Circumstances, Occasion, OccasionKind, decide, session_tag};
use crate::ports::{
    Notification, NotificationAction, NotificationResponse, NotificationResponseKind, NotificationTarget,
    WindowKind,
};
use serde_json::json;

/// A notification that is out.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    target: NotificationTarget,
    approval: Option<String>,
}

/// The last message of a run, whatever the gateway calls it.
pub(super) fn by_run(run: &str) -> String {
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

    pub(super) fn reply_kind(
        &self,
        id: &str,
        session: &str,
        text: String,
        message: Option<String>,
    ) -> OccasionKind {
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

    pub(super) fn do_not_disturb(&mut self, until_ms: Option<i64>) {
        let patch = json!({ "notifications": { "doNotDisturbUntilMs": until_ms } });
        if self.settings.change(&patch).is_ok() {
            self.on_settings_changed();
        }
    }
}
