//! Sends notifications, and handles the user's responses to them.

use super::{App, Then, Timer};
use crate::api::Signal;
use crate::gateway::Decision;
use crate::notify_policy::{
    BURST_MS, Circumstances, Occasion, OccasionKind, Privacy, ReplyText, SessionName, Tagged, Undone, decide,
    needs_tag, read_tag, session_tag, undone,
};
use crate::outbox::Item;
use crate::ports::{
    ApprovalRef, Notification, NotificationAction, NotificationResponse, NotificationResponseKind,
    NotificationTarget, WindowKind,
};
use crate::request_error::RequestError;
use serde_json::json;
use std::time::Duration;

/// Notifications that are out at a time; the oldest is withdrawn beyond that.
const MOST_SHOWN: usize = 100;
/// Time for a burst of approvals to be counted before it is told as one.
const COUNT_AFTER: Duration = Duration::from_secs(1);

/// A notification that is out.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    target: NotificationTarget,
    approval: Option<ApprovalRef>,
    actions: Vec<NotificationAction>,
}

/// The notifications that are out, by their tags.
#[derive(Debug, Default)]
pub(super) struct ShownNotifications(Vec<(String, Shown)>);

impl ShownNotifications {
    fn get(&self, tag: &str) -> Option<&Shown> {
        self.0
            .iter()
            .find(|(known, _)| known == tag)
            .map(|(_, shown)| shown)
    }

    fn remove(&mut self, tag: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(known, _)| known != tag);
        self.0.len() < before
    }

    /// Notes one that is shown now. Answers the tag of one that is too many.
    fn put(&mut self, tag: &str, shown: Shown) -> Option<String> {
        self.remove(tag);
        self.0.push((tag.to_owned(), shown));
        (self.0.len() > MOST_SHOWN).then(|| self.0.remove(0).0)
    }

    /// The tags of those that lead to a gateway, or of all.
    fn tags(&self, gateway: Option<&str>) -> Vec<String> {
        let leads = |shown: &Shown| match (&shown.target, gateway) {
            (_, None) => true,
            (
                NotificationTarget::Session { gateway: of, .. } | NotificationTarget::Gateway(of),
                Some(gateway),
            ) => of == gateway,
            (NotificationTarget::Popup | NotificationTarget::Settings, Some(_)) => false,
        };
        let tags = self.0.iter().filter(|(_, shown)| leads(shown));
        tags.map(|(tag, _)| tag.clone()).collect()
    }
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
            OccasionKind::NeedsYou { .. }
            | OccasionKind::GatewayDown
            | OccasionKind::GatewayBack
            | OccasionKind::Pairing { .. }
            | OccasionKind::Digest { .. } => {
                self.profiles.active() == Some(id) && self.ports.windows.is_visible(WindowKind::Popup)
            }
        };
        let approval = match &kind {
            OccasionKind::Approval { id: approval, .. } => Some(ApprovalRef {
                gateway: id.to_owned(),
                id: approval.clone(),
            }),
            OccasionKind::Reply { .. }
            | OccasionKind::Failure { .. }
            | OccasionKind::Question { .. }
            | OccasionKind::NeedsYou { .. }
            | OccasionKind::GatewayDown
            | OccasionKind::GatewayBack
            | OccasionKind::Pairing { .. }
            | OccasionKind::Digest { .. } => None,
        };
        let waits = matches!(
            kind,
            OccasionKind::Approval { .. } | OccasionKind::Question { .. }
        );
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
        if waits && !self.is_told_alone(id) {
            return;
        }
        self.show_notification(notification, approval);
    }

    /// Whether one more approval or question is told by itself; else one notification will stand for all that wait.
    fn is_told_alone(&mut self, id: &str) -> bool {
        let now_ms = self.now_ms();
        let Some(link) = self.links.get_mut(id) else {
            return false;
        };
        if link.burst.admits(now_ms) {
            return true;
        }
        let since = now_ms.saturating_sub(link.needs_told_ms);
        let wait = if (0..BURST_MS).contains(&since) {
            Duration::from_millis(u64::try_from(BURST_MS - since).unwrap_or_default())
        } else {
            COUNT_AFTER
        };
        self.after_once(Timer::NeedsYou(id.to_owned()), wait);
        false
    }

    /// Tells that many approvals and questions wait.
    pub(super) fn tell_needs(&mut self, id: &str) {
        let now_ms = self.now_ms();
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let waiting = super::views::count(link.approvals.len() + link.questions.len());
        if waiting > 0 {
            link.needs_told_ms = now_ms;
            self.tell(id, OccasionKind::NeedsYou { waiting });
        }
    }

    /// Withdraws the notification that stands for all that wait, once nothing does.
    pub(super) fn withdraw_needs(&mut self, id: &str) {
        let waits = self
            .links
            .get(id)
            .is_some_and(|link| !link.approvals.is_empty() || !link.questions.is_empty());
        if !waits {
            self.withdraw(&needs_tag(id));
        }
    }

    /// Shows what no rule or switch of the user's keeps back.
    pub(super) fn show_notification(&mut self, notification: Notification, approval: Option<ApprovalRef>) {
        let shown = Shown {
            target: notification.on_click.clone(),
            approval,
            actions: notification.actions.clone(),
        };
        if let Some(oldest) = self.shown_notifications.put(&notification.tag, shown) {
            self.ports.notifier.withdraw(&oldest);
        }
        self.ports.notifier.show(notification);
    }

    pub(super) fn withdraw(&mut self, tag: &str) {
        if self.shown_notifications.remove(tag) {
            self.ports.notifier.withdraw(tag);
        }
    }

    /// Withdraws what leads to a gateway, or everything.
    pub(super) fn withdraw_all(&mut self, gateway: Option<&str>) {
        for tag in self.shown_notifications.tags(gateway) {
            self.withdraw(&tag);
        }
    }

    /// What a session is called on a notification.
    pub(super) fn session_name(&self, id: &str, session: &str) -> SessionName {
        let gateway = self.gateway_name(id);
        let Some(link) = self.links.get(id).filter(|_| !session.is_empty()) else {
            return SessionName {
                title: gateway.clone(),
                sender: gateway,
            };
        };
        let agent = || {
            let row = link.sessions.get(session).and_then(|row| row.agent_id.as_ref());
            let agent = row
                .map(|agent| agent.as_str())
                .or_else(|| crate::sessions::agent_of(session))?;
            let name = self.agent_names(id).remove(agent);
            Some(name.unwrap_or_else(|| crate::text::capitalised(agent)))
        };
        let sender = link.sessions.sender(session).or_else(agent);
        SessionName {
            title: link.sessions.title(session),
            sender: sender.unwrap_or(gateway),
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
        let row = self.links.get(id).and_then(|link| link.sessions.get(session));
        let cron = session.contains(":cron:") || row.is_some_and(|row| row.is_background == Some(true));
        OccasionKind::Reply {
            session: session.to_owned(),
            name: self.session_name(id, session),
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
        let name = self.session_name(id, session);
        let (session, error) = (session.to_owned(), error.to_owned());
        self.tell(
            id,
            OccasionKind::Failure {
                session,
                name,
                error,
                message,
            },
        );
    }

    pub(super) fn on_notification(&mut self, response: NotificationResponse) {
        let NotificationResponse { tag, kind } = response;
        let shown = self.shown_notifications.get(&tag).cloned();
        match kind {
            NotificationResponseKind::Clicked
            | NotificationResponseKind::Action(NotificationAction::Reply | NotificationAction::Review) => {
                if let Some(shown) = shown {
                    self.withdraw(&tag);
                    self.go_to(&shown.target);
                }
            }
            NotificationResponseKind::Action(NotificationAction::ApproveOnce) => {
                self.decide_in_notification(&tag, shown.as_ref(), NotificationAction::ApproveOnce);
            }
            NotificationResponseKind::Action(NotificationAction::Deny) => {
                self.decide_in_notification(&tag, shown.as_ref(), NotificationAction::Deny);
            }
            NotificationResponseKind::Replied(text) => self.reply_in_notification(&tag, shown.as_ref(), text),
            NotificationResponseKind::Dismissed => {
                self.shown_notifications.remove(&tag);
            }
        }
    }

    fn tagged(&self, tag: &str) -> Option<Tagged> {
        read_tag(tag, self.profiles.all().iter().map(|profile| profile.id.as_str()))
    }

    fn decide_in_notification(&mut self, tag: &str, shown: Option<&Shown>, action: NotificationAction) {
        let chosen = match action {
            NotificationAction::ApproveOnce => Decision::AllowOnce,
            NotificationAction::Deny | NotificationAction::Reply | NotificationAction::Review => {
                Decision::Deny
            }
        };
        match shown {
            Some(shown) if shown.actions.contains(&action) => {
                if let Some(approval) = shown.approval.clone() {
                    self.resolve_approval(approval, chosen, None);
                }
            }
            // A button that was not on it decides nothing.
            Some(shown) => {
                let target = shown.target.clone();
                self.withdraw(tag);
                self.go_to(&target);
            }
            // Pressed just as it was withdrawn.
            None => {
                if let Some(Tagged::Approval(approval)) = self.tagged(tag) {
                    self.not_decided(&approval, chosen, &RequestError::ApprovalGone);
                }
            }
        }
    }

    fn reply_in_notification(&mut self, tag: &str, shown: Option<&Shown>, text: String) {
        self.withdraw(tag);
        // A reply may come just as its notification was withdrawn: the tag still says where it belongs.
        let target = match shown.map(|shown| shown.target.clone()) {
            Some(NotificationTarget::Session { gateway, session, .. }) => Some((gateway, session)),
            Some(_) | None => match self.tagged(tag) {
                Some(Tagged::Session { gateway, session }) => Some((gateway, session)),
                Some(Tagged::Approval(_)) | None => None,
            },
        };
        if text.trim().is_empty() {
            return;
        }
        let sent = match &target {
            Some((gateway, session)) if self.profiles.get(gateway).is_some() => {
                // An answer means it was read.
                self.mark_read(gateway, session);
                self.enqueue(gateway, session, text.clone(), Vec::new(), None)
            }
            Some(_) | None => Err(RequestError::NoSuchGateway),
        };
        match sent {
            Ok(id) => {
                let waiting = &self.outbox;
                self.inline_replies.retain(|id| waiting.get(id).is_some());
                self.inline_replies.insert(id);
            }
            Err(error) => {
                let (gateway, session) = target.unwrap_or_default();
                let text = self.keep_as_draft(&gateway, &session, text);
                self.not_sent(gateway, session, text, &error);
            }
        }
    }

    /// Adds a text to the draft of its session. Answers where it is afterwards.
    fn keep_as_draft(&mut self, gateway: &str, session: &str, text: String) -> ReplyText {
        if self.profiles.get(gateway).is_none() {
            return ReplyText::Here(text);
        }
        let draft = match self.shelf.draft(gateway, session) {
            draft if draft.is_empty() => text.clone(),
            draft => format!("{draft}\n\n{text}"),
        };
        self.shelf.set_draft(gateway, session, &draft);
        if self.shelf.draft(gateway, session) == draft {
            ReplyText::Draft
        } else {
            ReplyText::Here(text)
        }
    }

    /// A prompt was refused. Where it was written in a notification, no window says so.
    pub(super) fn on_prompt_failed(&mut self, item: &Item, error: &RequestError) {
        if self.inline_replies.remove(&item.id) {
            let (gateway, session) = (item.gateway.clone(), item.session.clone());
            self.not_sent(gateway, session, ReplyText::Outbox, error);
        }
    }

    fn not_sent(&mut self, gateway: String, session: String, text: ReplyText, error: &RequestError) {
        let undone = Undone::Reply {
            gateway,
            session,
            text,
        };
        self.tell_undone(&undone, error);
    }

    /// Tells what the user did outside of the windows and what came to nothing. Nothing else would say so.
    pub(super) fn tell_undone(&mut self, what: &Undone, error: &RequestError) {
        const NOTICE: &str = "not-done";
        tracing::debug!(code = %error.code(), "what was done outside of the windows came to nothing");
        let privacy = Privacy::of(&self.settings.get().notifications);
        if self.no_notifications {
            // Windows are the user's own place: they say it whole.
            let told = undone(what, error, Privacy::Full, self.language());
            let sentence = format!("{}. {}", told.title, told.body.replace('\n', " "));
            self.notice_anew(NOTICE, move |_| (sentence.clone(), ""));
            return;
        }
        let notification = undone(what, error, privacy, self.language());
        self.show_notification(notification, None);
    }

    pub(super) fn go_to(&mut self, target: &NotificationTarget) {
        match target {
            NotificationTarget::Session {
                gateway,
                session,
                message,
            } => {
                if self.profiles.get(gateway).is_some() {
                    self.use_gateway(gateway);
                    if !session.is_empty() {
                        self.set_target(WindowKind::Popup, session);
                    }
                }
                self.show_window(WindowKind::Popup);
                if let Some(message) = message.clone() {
                    self.signal(WindowKind::Popup, Signal::Reveal { message });
                }
            }
            NotificationTarget::Gateway(gateway) => {
                self.use_gateway(gateway);
                self.show_window(WindowKind::Popup);
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
        if let Err(error) = self.change_settings(&patch) {
            tracing::debug!(code = %error.code(), "do not disturb lasts until the app ends");
        }
    }
}
