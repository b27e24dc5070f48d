//! What the user did outside of the windows, and why it came to nothing.

use super::{Privacy, approval_tag};
use crate::ports::{ApprovalRef, Notification, NotificationTarget};
use crate::request_error::RequestError;
use crate::text::visible_line;
use crate::words::Language;

/// Something that the user did outside of the windows and that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// A decision.
    Decision {
        /// The approval.
        approval: ApprovalRef,
        /// Its session, where there is one.
        session: String,
        /// The command; empty where it is not known any more.
        command: String,
        /// Denying; else approving.
        deny: bool,
    },
    /// A reply from a notification.
    Reply {
        /// The profile.
        gateway: String,
        /// The session.
        session: String,
        /// Where its text is.
        text: ReplyText,
    },
}

/// Where the text of a reply is that was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyText {
    /// In the outbox, which the session shows.
    Outbox,
    /// In the session's draft.
    Draft,
    /// Nowhere but here.
    Here(String),
}

/// The notification that says what was not done, why, and what helps. The user waits for it: no rule keeps it back.
#[must_use]
pub fn undone(what: &Undone, error: &RequestError, privacy: Privacy, language: Language) -> Notification {
    let words = language.words();
    let told = error.told(language);
    // The gateway's own words may quote the command.
    let quotes = matches!(error, RequestError::Gateway { .. });
    let reason = if quotes && privacy != Privacy::Full {
        words.gateway_refused.to_owned()
    } else {
        told.message
    };
    let hint = told.hint.unwrap_or_default();
    let (tag, title, lines, gateway, session) = match what {
        Undone::Decision {
            approval,
            session,
            command,
            deny,
        } => {
            let say = if *deny {
                words.not_denied
            } else {
                words.not_approved
            };
            let command = match privacy {
                Privacy::Full => visible_line(command, 120),
                Privacy::Sender | Privacy::Nothing => String::new(),
            };
            let next = if *error == RequestError::ApprovalGone {
                String::new()
            } else if hint.is_empty() {
                words.open_to_decide.to_owned()
            } else {
                hint
            };
            let tag = approval_tag(&approval.gateway, &approval.id);
            (tag, say(&command), vec![reason, next], &approval.gateway, session)
        }
        Undone::Reply {
            gateway,
            session,
            text,
        } => {
            let kept = match text {
                ReplyText::Outbox => words.reply_waits.to_owned(),
                ReplyText::Draft => words.reply_is_draft.to_owned(),
                // What the user has just typed; there is no other place left for it.
                ReplyText::Here(text) => text.clone(),
            };
            let tag = format!("reply:{gateway}:{session}");
            (
                tag,
                words.reply_not_sent.to_owned(),
                vec![reason, hint, kept],
                gateway,
                session,
            )
        }
    };
    let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    Notification {
        tag,
        title,
        body: lines.join("\n"),
        on_click: NotificationTarget::Session {
            gateway: gateway.clone(),
            session: session.clone(),
            message: None,
        },
        actions: Vec::new(),
        urgent: true,
        language,
    }
}
