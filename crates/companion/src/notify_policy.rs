//! Decides what deserves a notification, and how much the notification says.
//!
//! Live arrivals come here, and the approvals and questions that still wait after a connect. History and echoes never do.

mod burst;
#[cfg(test)]
mod tests;
mod undone;

pub use burst::{BURST_MS, Burst};
pub use undone::{ReplyText, Undone, undone};

use crate::api::NotificationSettings;
use crate::approval::ApprovalText;
use crate::ports::{ApprovalRef, Notification, NotificationAction, NotificationTarget};
use crate::text::{one_line, plain_line, visible_line};
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

/// What a session is called on a notification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionName {
    /// Its title, which may be made of words of the conversation.
    pub title: String,
    /// What stands for it where no word of the conversation may: a name that the user gave, a channel, an agent.
    pub sender: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum OccasionKind {
    /// A reply ended.
    Reply {
        /// The session.
        session: String,
        /// Its name.
        name: SessionName,
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
        /// Its name.
        name: SessionName,
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
        /// The session's name.
        name: SessionName,
        /// What is asked.
        text: ApprovalText,
    },
    /// A question waits.
    Question {
        /// Its id.
        id: String,
        /// The session.
        session: String,
        /// The session's name.
        name: SessionName,
        /// The question.
        question: String,
    },
    /// More approvals and questions came than are told one by one.
    NeedsYou {
        /// How many wait.
        waiting: u32,
    },
    /// The gateway has been away for a while.
    GatewayDown,
    /// It is back.
    GatewayBack,
    /// The gateway waits until this device is approved, or another device asks.
    Pairing {
        /// What the other device calls itself; none where it is this one.
        device: Option<String>,
    },
    /// Several replies ended without a notification.
    Digest {
        /// Session and name of each.
        replies: Vec<(String, SessionName)>,
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
/// The tag of the notification that stands for many approvals and questions.
#[must_use]
pub fn needs_tag(gateway: &str) -> String {
    format!("needs:{gateway}")
}

/// What a tag is about, among these gateways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tagged {
    /// A session.
    Session {
        /// The profile.
        gateway: String,
        /// The session.
        session: String,
    },
    /// An approval.
    Approval(ApprovalRef),
}

/// Reads a tag of a session or an approval.
#[must_use]
pub fn read_tag<'a>(tag: &str, mut gateways: impl Iterator<Item = &'a str>) -> Option<Tagged> {
    let (kind, rest) = tag.split_once(':')?;
    let (gateway, rest) = gateways.find_map(|gateway| {
        let rest = rest.strip_prefix(gateway)?.strip_prefix(':')?;
        Some((gateway.to_owned(), rest.to_owned()))
    })?;
    match kind {
        "session" => Some(Tagged::Session {
            gateway,
            session: rest,
        }),
        "approval" => Some(Tagged::Approval(ApprovalRef { gateway, id: rest })),
        _ => None,
    }
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
        OccasionKind::NeedsYou { .. } => settings.approvals || settings.questions,
        OccasionKind::GatewayDown | OccasionKind::GatewayBack => settings.gateway,
        OccasionKind::Pairing { .. } => settings.pairing,
    };
    let muted = session_of(&occasion.kind).is_some_and(|session| {
        let session = crate::ids::SessionRef::new(occasion.gateway.as_str(), session);
        let mut entries = settings.muted_sessions.iter();
        entries.any(|entry| crate::settings::mutes(entry, &session))
    });
    if !settings.enabled
        || !switched_on
        || muted
        || now.in_view
        || is_quiet(settings, now.now_ms, now.local_minutes)
    {
        return None;
    }
    Some(compose(occasion, Privacy::of(settings), now.language))
}

fn session_of(kind: &OccasionKind) -> Option<&str> {
    match kind {
        OccasionKind::Reply { session, .. }
        | OccasionKind::Failure { session, .. }
        | OccasionKind::Approval { session, .. }
        | OccasionKind::Question { session, .. } => Some(session),
        OccasionKind::NeedsYou { .. }
        | OccasionKind::GatewayDown
        | OccasionKind::GatewayBack
        | OccasionKind::Pairing { .. }
        | OccasionKind::Digest { .. } => None,
    }
}

/// How much is said outside of the windows: in notifications, and in the tray and its menu.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Privacy {
    /// Titles and texts.
    #[default]
    Full,
    /// From whom; no word of the conversation.
    Sender,
    /// That there is something.
    Nothing,
}

impl Privacy {
    /// The user's choice.
    #[must_use]
    pub fn of(settings: &NotificationSettings) -> Self {
        match settings.privacy.as_str() {
            "nothing" => Self::Nothing,
            "sender" => Self::Sender,
            _ => Self::Full,
        }
    }

    /// What a session is called under it; none where nothing is said.
    #[must_use]
    pub fn name(self, name: &SessionName) -> Option<&str> {
        match self {
            Self::Full => Some(&name.title),
            Self::Sender => Some(&name.sender),
            Self::Nothing => None,
        }
    }
}

/// The buttons of an approval. A command that is not shown whole cannot be approved from here.
fn approval_actions(text: &ApprovalText, privacy: Privacy) -> Vec<NotificationAction> {
    let first = if privacy == Privacy::Full && text.can_be_approved_here() {
        NotificationAction::ApproveOnce
    } else {
        NotificationAction::Review
    };
    let deny = text.may_deny.then_some(NotificationAction::Deny);
    std::iter::once(first).chain(deny).collect()
}

fn compose(occasion: &Occasion, privacy: Privacy, language: Language) -> Notification {
    let words = language.words();
    let gateway = &occasion.gateway;
    let name_of_gateway = &occasion.gateway_name;
    let to_session = |session: &str, message: Option<&String>| NotificationTarget::Session {
        gateway: gateway.clone(),
        session: session.to_owned(),
        message: message.cloned(),
    };
    let full = privacy == Privacy::Full;
    let called = |name: &SessionName| privacy.name(name).unwrap_or_default().to_owned();
    let (tag, title, body, on_click, actions, urgent) = match &occasion.kind {
        OccasionKind::Reply {
            session,
            name,
            text,
            message,
            ..
        } => (
            session_tag(gateway, session),
            called(name),
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
            name,
            error,
            message,
        } => (
            session_tag(gateway, session),
            called(name),
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
            name,
            text,
        } => (
            approval_tag(gateway, id),
            (words.asks_for_approval)(&called(name)),
            if full {
                text.lines(words).join("\n")
            } else {
                words.approval_waits.to_owned()
            },
            to_session(session, None),
            approval_actions(text, privacy),
            true,
        ),
        OccasionKind::Question {
            id,
            session,
            name,
            question,
        } => (
            question_tag(gateway, id),
            (words.asks)(&called(name)),
            if full {
                one_line(question, 240)
            } else {
                words.question_waits.to_owned()
            },
            to_session(session, None),
            Vec::new(),
            true,
        ),
        OccasionKind::NeedsYou { waiting } => (
            needs_tag(gateway),
            (words.things_need_you)(*waiting),
            words.open_to_decide.to_owned(),
            NotificationTarget::Gateway(gateway.clone()),
            Vec::new(),
            true,
        ),
        OccasionKind::GatewayDown => (
            gateway_tag(gateway),
            (words.gateway_down)(name_of_gateway),
            words.waits_until_back.to_owned(),
            NotificationTarget::Popup,
            Vec::new(),
            false,
        ),
        OccasionKind::GatewayBack => (
            gateway_tag(gateway),
            (words.gateway_back)(name_of_gateway),
            words.connected_again.to_owned(),
            NotificationTarget::Popup,
            Vec::new(),
            false,
        ),
        OccasionKind::Pairing { device } => (
            gateway_tag(gateway),
            (words.pairing)(name_of_gateway),
            match device {
                Some(device) if full => (words.asks_to_be_paired)(&visible_line(device, 60), name_of_gateway),
                Some(_) => (words.asks_to_be_paired)(words.some_device, name_of_gateway),
                None => (words.pairing_once)(name_of_gateway),
            },
            NotificationTarget::Popup,
            Vec::new(),
            true,
        ),
        OccasionKind::Digest { replies } => {
            let mut names: Vec<String> = Vec::new();
            for name in replies.iter().map(|(_, name)| called(name)) {
                // Several sessions may be of one sender.
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            let more = if names.len() > 4 { ", …" } else { "" };
            names.truncate(4);
            (
                format!("digest:{gateway}"),
                (words.replies_while_away)(u32::try_from(replies.len()).unwrap_or(u32::MAX)),
                format!("{}{more}", names.join(", ")),
                NotificationTarget::Popup,
                Vec::new(),
                false,
            )
        }
    };
    let notification = Notification {
        tag,
        title,
        body,
        on_click,
        actions,
        urgent,
        language,
    };
    match privacy {
        Privacy::Full | Privacy::Sender => notification,
        Privacy::Nothing => Notification {
            title: "Clawtray".to_owned(),
            body: words.something_new.to_owned(),
            actions: Vec::new(),
            ..notification
        },
    }
}
