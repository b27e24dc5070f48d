//! Decides what deserves a notification, and how much the notification says.
//!
//! Only live arrivals come here. History and echoes never do.

#[cfg(test)]
mod tests;

use crate::api::NotificationSettings;
use crate::ports::{Notification, NotificationAction, NotificationTarget};
use crate::text::{one_line, plain_line};
use crate::words::Language;

/// Something that may deserve a notification.
#[derive(Clone, Debug, PartialEq)]
pub struct Occasion {
    /// The profile.
    pub gateway: String,
    /// The gateway's name.
    pub gateway_name: String,
    /// What happened.
    pub kind: OccasionKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum OccasionKind {
    /// A reply ended.
    Reply {
        /// The session.
        session: String,
        /// Its title.
        title: String,
        /// What it says.
        text: String,
        /// The message.
        message: Option<String>,
        /// An automation wrote it.
        cron: bool,
    },
    /// A run failed.
    Failure {
        /// The session.
        session: String,
        /// Its title.
        title: String,
        /// The gateway's sentence.
        error: String,
        /// The message.
        message: Option<String>,
    },
    /// An approval waits.
    Approval {
        /// Its id.
        id: String,
        /// The session, where there is one.
        session: String,
        /// The session's title.
        title: String,
        /// The command.
        command: String,
        /// Whether approving once is on offer.
        may_allow: bool,
    },
    /// A question waits.
    Question {
        /// Its id.
        id: String,
        /// The session.
        session: String,
        /// The session's title.
        title: String,
        /// The question.
        question: String,
    },
    /// The gateway has been away for a while.
    GatewayDown,
    /// It is back.
    GatewayBack,
    /// The gateway waits until this device is approved, or another device asks.
    Pairing {
        /// One sentence.
        sentence: String,
    },
    /// Several replies ended without a notification.
    Digest {
        /// Session and title of each.
        replies: Vec<(String, String)>,
    },
}

/// What the decision depends on besides the occasion.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The user's switches.
    pub settings: &'a NotificationSettings,
    /// Milliseconds since the epoch.
    pub now_ms: i64,
    /// Minutes since local midnight.
    pub local_minutes: u32,
    /// The conversation is in view.
    pub in_view: bool,
    /// The language of its text.
    pub language: Language,
}

/// The tag of a session's notification; a new one replaces the old.
#[must_use]
pub fn session_tag(gateway: &str, session: &str) -> String {
    format!("session:{gateway}:{session}")
}
/// The tag of an approval's notification.
#[must_use]
pub fn approval_tag(gateway: &str, id: &str) -> String {
    format!("approval:{gateway}:{id}")
}
/// The tag of a question's notification.
#[must_use]
pub fn question_tag(gateway: &str, id: &str) -> String {
    format!("question:{gateway}:{id}")
}
/// The tag of a gateway's own notification.
#[must_use]
pub fn gateway_tag(gateway: &str) -> String {
    format!("gateway:{gateway}")
}

/// Minutes since midnight of `HH:MM`.
#[must_use]
pub fn minutes(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes) = (hours.parse::<u32>().ok()?, minutes.parse::<u32>().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// Whether notifications rest now: do-not-disturb or quiet hours, which may span midnight.
#[must_use]
pub fn is_quiet(settings: &NotificationSettings, now_ms: i64, local_minutes: u32) -> bool {
    if settings
        .do_not_disturb_until_ms
        .is_some_and(|until| now_ms < until)
    {
        return true;
    }
    match (minutes(&settings.quiet_from), minutes(&settings.quiet_to)) {
        (Some(from), Some(to)) if from < to => (from..to).contains(&local_minutes),
        (Some(from), Some(to)) if from > to => local_minutes >= from || local_minutes < to,
        _ => false,
    }
}

/// The notification for an occasion, or none.
#[must_use]
pub fn decide(occasion: &Occasion, now: Circumstances<'_>) -> Option<Notification> {
    let settings = now.settings;
    let switched_on = match &occasion.kind {
        OccasionKind::Reply { cron: true, .. } => settings.cron,
        OccasionKind::Reply { .. } | OccasionKind::Digest { .. } => settings.replies,
        OccasionKind::Failure { .. } => settings.failures,
        OccasionKind::Approval { .. } => settings.approvals,
        OccasionKind::Question { .. } => settings.questions,
        OccasionKind::GatewayDown | OccasionKind::GatewayBack => settings.gateway,
        OccasionKind::Pairing { .. } => settings.pairing,
    };
    let muted = session_of(&occasion.kind)
        .is_some_and(|session| settings.muted_sessions.iter().any(|muted| muted == session));
    if !settings.enabled
        || !switched_on
        || muted
        || now.in_view
        || is_quiet(settings, now.now_ms, now.local_minutes)
    {
        return None;
    }
    let privacy = match settings.privacy.as_str() {
        "nothing" => Privacy::Nothing,
        "sender" => Privacy::Sender,
        _ => Privacy::Full,
    };
    Some(compose(occasion, privacy, now.language))
}

fn session_of(kind: &OccasionKind) -> Option<&str> {
    match kind {
        OccasionKind::Reply { session, .. }
        | OccasionKind::Failure { session, .. }
        | OccasionKind::Approval { session, .. }
        | OccasionKind::Question { session, .. } => Some(session),
        OccasionKind::GatewayDown
        | OccasionKind::GatewayBack
        | OccasionKind::Pairing { .. }
        | OccasionKind::Digest { .. } => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Privacy {
    Full,
    Sender,
    Nothing,
}

fn compose(occasion: &Occasion, privacy: Privacy, language: Language) -> Notification {
    let words = language.words();
    let gateway = &occasion.gateway;
    let name = &occasion.gateway_name;
    let to_session = |session: &str, message: Option<&String>| NotificationTarget::Session {
        gateway: gateway.clone(),
        session: session.to_owned(),
        message: message.cloned(),
    };
    let full = privacy == Privacy::Full;
    let (tag, title, body, on_click, actions, urgent) = match &occasion.kind {
        OccasionKind::Reply {
            session,
            title,
            text,
            message,
            ..
        } => (
            session_tag(gateway, session),
            title.clone(),
            if full {
                plain_line(text, 240)
            } else {
                words.new_reply.to_owned()
            },
            to_session(session, message.as_ref()),
            vec![NotificationAction::Reply],
            false,
        ),
        OccasionKind::Failure {
            session,
            title,
            error,
            message,
        } => (
            session_tag(gateway, session),
            title.clone(),
            if full {
                (words.run_failed_because)(&one_line(error, 200))
            } else {
                words.run_failed.to_owned()
            },
            to_session(session, message.as_ref()),
            Vec::new(),
            false,
        ),
        OccasionKind::Approval {
            id,
            session,
            title,
            command,
            may_allow,
        } => {
            let mut actions = vec![NotificationAction::Deny];
            // A command that is not shown cannot be approved from here.
            if *may_allow && full {
                actions.insert(0, NotificationAction::ApproveOnce);
            }
            (
                approval_tag(gateway, id),
                (words.asks_for_approval)(title),
                if full {
                    one_line(command, 300)
                } else {
                    words.approval_waits.to_owned()
                },
                to_session(session, None),
                actions,
                true,
            )
        }
        OccasionKind::Question {
            id,
            session,
            title,
            question,
        } => (
            question_tag(gateway, id),
            (words.asks)(title),
            if full {
                one_line(question, 240)
            } else {
                words.question_waits.to_owned()
            },
            to_session(session, None),
            Vec::new(),
            true,
        ),
        OccasionKind::GatewayDown => (
            gateway_tag(gateway),
            (words.gateway_down)(name),
            words.waits_until_back.to_owned(),
            NotificationTarget::Popup,
            Vec::new(),
            false,
        ),
        OccasionKind::GatewayBack => (
            gateway_tag(gateway),
            (words.gateway_back)(name),
            words.connected_again.to_owned(),
            NotificationTarget::Popup,
            Vec::new(),
            false,
        ),
        OccasionKind::Pairing { sentence } => (
            gateway_tag(gateway),
            (words.pairing)(name),
            sentence.clone(),
            NotificationTarget::Popup,
            Vec::new(),
            true,
        ),
        OccasionKind::Digest { replies } => {
            let titles: Vec<&str> = replies.iter().take(4).map(|(_, title)| title.as_str()).collect();
            let more = if replies.len() > titles.len() { ", …" } else { "" };
            (
                format!("digest:{gateway}"),
                (words.replies_while_away)(u32::try_from(replies.len()).unwrap_or(u32::MAX)),
                format!("{}{more}", titles.join(", ")),
                NotificationTarget::Popup,
                Vec::new(),
                false,
            )
        }
    };
    match privacy {
        Privacy::Full | Privacy::Sender => Notification {
            tag,
            title,
            body,
            on_click,
            actions,
            urgent,
            language,
        },
        Privacy::Nothing => Notification {
            tag,
            title: "Clawtray".to_owned(),
            body: words.something_new.to_owned(),
            on_click,
            actions: Vec::new(),
            urgent,
            language,
        },
    }
}
