//! Notifications on Windows and macOS through `notify-rust`.
//!
//! Waiting for a click holds a thread until the notification ends. So only a few notifications wait
//! for a click.

use super::{Abilities, action, terms};
use crate::{
    activation::Activation,
    inbox::{Inbox, Input},
};
use clawtray_companion::ports::{Notification, NotificationResponse, NotificationResponseKind, Notifier};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Notifications whose click is waited for at a time.
const MOST_WAITING: usize = 8;

const ABILITIES: Abilities = Abilities {
    actions: true,
    body: true,
    markup: false,
    inline_reply: false,
};

/// Notifications on Windows and macOS.
pub(crate) struct NativeNotifier {
    inbox: Inbox,
    waiting: Arc<AtomicUsize>,
}

impl NativeNotifier {
    pub(crate) fn start(inbox: Inbox, _activation: Activation) -> Self {
        inbox.put(Input::Notifications(true));
        Self {
            inbox,
            waiting: Arc::default(),
        }
    }
}

impl Notifier for NativeNotifier {
    fn show(&self, notification: Notification) {
        let (inbox, waiting) = (self.inbox.clone(), self.waiting.clone());
        let wait = waiting.fetch_add(1, Ordering::Relaxed) < MOST_WAITING;
        let spawned = std::thread::Builder::new()
            .name("notification".into())
            .spawn(move || {
                show(&notification, wait, &inbox);
                waiting.fetch_sub(1, Ordering::Relaxed);
            });
        if spawned.is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn withdraw(&self, _tag: &str) {
        // Neither system lets this library take one back; they leave by themselves.
    }
}

fn show(notification: &Notification, wait: bool, inbox: &Inbox) {
    let (title, body, actions) = terms(notification, ABILITIES);
    let mut toast = notify_rust::Notification::new();
    toast.appname("Clawtray").summary(&title).body(&body);
    for pair in actions.chunks_exact(2) {
        if let [key, label] = pair {
            toast.action(key, label);
        }
    }
    match toast.show() {
        Ok(shown) if wait => {
            let tag = notification.tag.clone();
            let waited = shown.wait_for_response(|response: &notify_rust::NotificationResponse| {
                let kind = match response {
                    notify_rust::NotificationResponse::Default => NotificationResponseKind::Clicked,
                    notify_rust::NotificationResponse::Action(key) => action(key).map_or(
                        NotificationResponseKind::Clicked,
                        NotificationResponseKind::Action,
                    ),
                    notify_rust::NotificationResponse::Reply(text) => {
                        NotificationResponseKind::Replied(text.clone())
                    }
                    notify_rust::NotificationResponse::Closed(_) => NotificationResponseKind::Dismissed,
                };
                inbox.put(Input::Notification(NotificationResponse {
                    tag: tag.clone(),
                    kind,
                }));
            });
            if waited.is_err() {
                tracing::warn!("a notification's answer was lost");
            }
        }
        Ok(_) => {}
        Err(error) => {
            tracing::warn!(%error, "a notification was not shown");
            inbox.put(Input::Notifications(false));
        }
    }
}
