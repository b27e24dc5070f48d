//! Notifications: D-Bus on Linux, the system's own elsewhere.

#[cfg(target_os = "linux")]
mod dbus;
#[cfg(not(target_os = "linux"))]
mod native;
#[cfg(test)]
mod tests;

#[cfg(target_os = "linux")]
pub(crate) use dbus::DbusNotifier as SystemNotifier;
#[cfg(not(target_os = "linux"))]
pub(crate) use native::NativeNotifier as SystemNotifier;

use clawtray_companion::ports::{Notification, NotificationAction};

/// Text for a place that reads markup.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// What a notification server can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Abilities {
    pub(crate) actions: bool,
    pub(crate) body: bool,
    pub(crate) markup: bool,
    pub(crate) inline_reply: bool,
}

impl Abilities {
    /// From the words of `GetCapabilities`.
    pub(crate) fn from_words(words: &[String]) -> Self {
        let has = |word: &str| words.iter().any(|known| known == word);
        Self {
            actions: has("actions"),
            body: has("body"),
            markup: has("body-markup"),
            inline_reply: has("inline-reply"),
        }
    }
}

/// The key of an action.
pub(crate) const fn key(action: &NotificationAction, abilities: Abilities) -> &'static str {
    match action {
        NotificationAction::Reply if abilities.inline_reply => "inline-reply",
        NotificationAction::Reply => "reply",
        NotificationAction::ApproveOnce => "approve",
        NotificationAction::Review => "review",
        NotificationAction::Deny => "deny",
    }
}

/// The action of a key.
pub(crate) fn action(key: &str) -> Option<NotificationAction> {
    match key {
        "reply" | "inline-reply" => Some(NotificationAction::Reply),
        "approve" => Some(NotificationAction::ApproveOnce),
        "review" => Some(NotificationAction::Review),
        "deny" => Some(NotificationAction::Deny),
        _ => None,
    }
}

/// The actions that a server may offer. One that shows no body does not show what would be approved.
fn offered(notification: &Notification, abilities: Abilities) -> Vec<NotificationAction> {
    let mut offered: Vec<NotificationAction> = Vec::new();
    for action in &notification.actions {
        let unseen = *action == NotificationAction::ApproveOnce && !abilities.body;
        let action = if unseen {
            NotificationAction::Review
        } else {
            action.clone()
        };
        if !offered.contains(&action) {
            offered.push(action);
        }
    }
    offered
}

/// A notification in a server's terms: summary, body, and keys with labels in turn.
pub(crate) fn terms(notification: &Notification, abilities: Abilities) -> (String, String, Vec<String>) {
    let body = if !abilities.body {
        String::new()
    } else if abilities.markup {
        escape(&notification.body)
    } else {
        notification.body.clone()
    };
    let mut actions = Vec::new();
    if abilities.actions {
        let offered = offered(notification, abilities);
        let keys = offered
            .iter()
            .map(|action| (key(action, abilities), notification.label(action)));
        for (key, label) in std::iter::once(("default", notification.open_label())).chain(keys) {
            actions.push(key.to_owned());
            actions.push(label.to_owned());
        }
    }
    (notification.title.clone(), body, actions)
}
