//! The model of the tray: one of five signs, the facts in the tooltip, and the menu as data.

#[cfg(test)]
mod tests;

use crate::api::ConnectionWord;
use crate::approval::ApprovalText;
use crate::notify_policy::{Privacy, SessionName};
use crate::ports::{ApprovalRef, TrayAction, TrayItem, TrayModel, TraySign};
use crate::text::{one_line, visible_line};
use crate::words::{Language, Words};

/// Least time between two changes of the sign, in milliseconds.
pub const SIGN_PAUSE_MS: i64 = 2000;

/// A gateway as the tray sees it.
#[derive(Clone, Debug, Default)]
pub struct GatewayFacts {
    /// The profile's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// It is the active one.
    pub active: bool,
    /// Where its connection stands.
    pub word: ConnectionWord,
    /// One sentence; empty when ready.
    pub sentence: String,
    /// Round trip in milliseconds.
    pub latency_ms: Option<u32>,
}

/// A session as the tray sees it.
#[derive(Clone, Debug, Default)]
pub struct SessionFacts {
    /// The profile's id.
    pub gateway: String,
    /// The session; empty where there is none.
    pub session: String,
    /// Its name.
    pub name: SessionName,
}

/// An approval as the tray sees it.
#[derive(Clone, Debug)]
pub struct ApprovalFacts {
    /// The approval.
    pub approval: ApprovalRef,
    /// Its session.
    pub session: SessionFacts,
    /// What is asked.
    pub text: ApprovalText,
}

/// A question as the tray sees it.
#[derive(Clone, Debug, Default)]
pub struct QuestionFacts {
    /// Its session.
    pub session: SessionFacts,
    /// The first thing that is asked; may be empty.
    pub question: String,
}

/// Everything that the tray shows.
#[derive(Clone, Debug, Default)]
pub struct TrayFacts {
    /// All profiles.
    pub gateways: Vec<GatewayFacts>,
    /// Active runs over all gateways.
    pub runs: u32,
    /// Approvals of the active gateway that wait.
    pub approvals: Vec<ApprovalFacts>,
    /// Questions of the active gateway that wait.
    pub questions: Vec<QuestionFacts>,
    /// Things that need the user on other gateways.
    pub needs_elsewhere: u32,
    /// Sessions with something unread.
    pub unread: u32,
    /// Recent sessions of the active gateway, most recent first.
    pub recent: Vec<SessionFacts>,
    /// Do-not-disturb is on.
    pub quiet: bool,
    /// What it speaks.
    pub language: Language,
    /// How much it says.
    pub privacy: Privacy,
}

/// The sign for these facts. Needs you, then sign-in, then offline, then working, then well.
#[must_use]
pub fn sign(facts: &TrayFacts) -> TraySign {
    let connected = facts
        .gateways
        .iter()
        .any(|gateway| gateway.word == ConnectionWord::Ready);
    if connected && (!facts.approvals.is_empty() || !facts.questions.is_empty() || facts.needs_elsewhere > 0)
    {
        return TraySign::NeedsYou;
    }
    let active = facts.gateways.iter().find(|gateway| gateway.active);
    match active.map_or(ConnectionWord::None, |gateway| gateway.word) {
        ConnectionWord::None
        | ConnectionWord::SignIn
        | ConnectionWord::Pairing
        | ConnectionWord::KeychainLocked
        | ConnectionWord::KeychainUnreadable
        | ConnectionWord::Insecure => TraySign::NeedsSignIn,
        ConnectionWord::Connecting
        | ConnectionWord::Offline
        | ConnectionWord::SoonBack
        | ConnectionWord::RateLimited
        | ConnectionWord::ProtocolMismatch
        | ConnectionWord::UserOffline
        | ConnectionWord::Refused => TraySign::Offline,
        ConnectionWord::Ready if facts.runs > 0 => TraySign::Working,
        ConnectionWord::Ready => TraySign::Well,
    }
}

/// The whole model for these facts, with this sign.
#[must_use]
pub fn model(facts: &TrayFacts, sign: TraySign) -> TrayModel {
    TrayModel {
        sign,
        tooltip: tooltip(facts, facts.language.words()),
        menu: menu(facts, facts.language.words()),
    }
}

/// Where the active gateway's connection stands. The menu has no latency: it changes with every ping, and each change makes
/// hosts draw an open menu again.
fn status(facts: &TrayFacts, words: &Words, with_latency: bool) -> String {
    match facts.gateways.iter().find(|gateway| gateway.active) {
        None => words.no_gateway.to_owned(),
        Some(gateway) if gateway.word == ConnectionWord::Ready => {
            (words.connected)(&gateway.name, gateway.latency_ms.filter(|_| with_latency))
        }
        Some(gateway) => one_line(&gateway.sentence, 90),
    }
}

fn tooltip(facts: &TrayFacts, words: &Words) -> String {
    let mut lines = vec![status(facts, words, true)];
    if facts.runs > 0 {
        lines.push((words.runs)(facts.runs));
    }
    let waiting = u32::try_from(facts.approvals.len() + facts.questions.len()).unwrap_or(u32::MAX)
        + facts.needs_elsewhere;
    if waiting > 0 {
        lines.push((words.things_need_you)(waiting));
    }
    if facts.unread > 0 {
        lines.push((words.unread)(facts.unread));
    }
    if facts.quiet {
        lines.push(words.do_not_disturb.to_owned());
    }
    lines.join("\n")
}

fn action(label: impl Into<String>, action: TrayAction) -> TrayItem {
    TrayItem::Action {
        label: label.into(),
        action,
    }
}

fn open(session: &SessionFacts) -> TrayAction {
    TrayAction::OpenSession {
        gateway: session.gateway.clone(),
        session: session.session.clone(),
    }
}

/// An approval with its buttons. A command that the menu does not show whole is approved in the popup.
fn approval_item(facts: &ApprovalFacts, privacy: Privacy, words: &Words) -> TrayItem {
    let text = &facts.text;
    let lines = match privacy {
        Privacy::Full => text.lines(words),
        Privacy::Sender => {
            return action(
                (words.asks_for_approval)(&facts.session.name.sender),
                open(&facts.session),
            );
        }
        Privacy::Nothing => return action(words.approval_waits, open(&SessionFacts::default())),
    };
    let approval = &facts.approval;
    let mut items: Vec<TrayItem> = lines
        .into_iter()
        .map(|line| TrayItem::Label(one_line(&line, 140)))
        .collect();
    items.push(if text.can_be_approved_here() {
        action(words.approve_once, TrayAction::Approve(approval.clone()))
    } else {
        action(words.review, open(&facts.session))
    });
    if text.may_deny {
        items.push(action(words.deny, TrayAction::Deny(approval.clone())));
    }
    TrayItem::Submenu {
        label: (words.approve)(&visible_line(&text.title, 40)),
        items,
    }
}

fn question_item(facts: &QuestionFacts, privacy: Privacy, words: &Words) -> TrayItem {
    let title = &facts.session.name.title;
    let label = match privacy {
        Privacy::Full if facts.question.is_empty() => (words.answer)(&one_line(title, 40)),
        Privacy::Full => (words.answer)(&one_line(&facts.question, 40)),
        Privacy::Sender => (words.asks)(&facts.session.name.sender),
        Privacy::Nothing => return action(words.question_waits, open(&SessionFacts::default())),
    };
    action(label, open(&facts.session))
}

fn menu(facts: &TrayFacts, words: &Words) -> Vec<TrayItem> {
    let mut menu = vec![TrayItem::Label(status(facts, words, false))];
    let active = facts.gateways.iter().find(|gateway| gateway.active);
    if active.is_some_and(|gateway| {
        matches!(
            gateway.word,
            ConnectionWord::Offline | ConnectionWord::SoonBack | ConnectionWord::Refused
        )
    }) {
        menu.push(action(words.try_now, TrayAction::Reconnect));
    }
    if !facts.approvals.is_empty() || !facts.questions.is_empty() {
        menu.push(TrayItem::Separator);
        let approvals = facts.approvals.iter().take(3);
        menu.extend(approvals.map(|approval| approval_item(approval, facts.privacy, words)));
        let questions = facts.questions.iter().take(3);
        menu.extend(questions.map(|question| question_item(question, facts.privacy, words)));
        // Where nothing is said of them, one line is like the next.
        menu.dedup();
    }
    let mut recent: Vec<TrayItem> = Vec::new();
    let mut named: Vec<&str> = Vec::new();
    for session in facts.recent.iter().take(5) {
        if let Some(name) = facts.privacy.name(&session.name)
            && (facts.privacy == Privacy::Full || !named.contains(&name))
        {
            named.push(name);
            recent.push(action(one_line(name, 40), open(session)));
        }
    }
    if !recent.is_empty() {
        menu.push(TrayItem::Separator);
        menu.append(&mut recent);
    }
    menu.push(TrayItem::Separator);
    menu.push(action(words.quick_chat, TrayAction::TogglePopup));
    menu.push(action(words.sessions, TrayAction::OpenBrowser));
    if facts.gateways.len() > 1 {
        let items = facts.gateways.iter().map(|gateway| TrayItem::Check {
            label: gateway.name.clone(),
            checked: gateway.active,
            action: TrayAction::UseGateway(gateway.id.clone()),
        });
        menu.push(TrayItem::Submenu {
            label: words.gateways.to_owned(),
            items: items.collect(),
        });
    }
    let quiet = if facts.quiet {
        vec![action(words.end_do_not_disturb, TrayAction::EndDoNotDisturb)]
    } else {
        vec![
            action(words.for_one_hour, TrayAction::DoNotDisturbHour),
            action(words.until_tomorrow, TrayAction::DoNotDisturbTomorrow),
        ]
    };
    menu.push(TrayItem::Submenu {
        label: words.do_not_disturb.to_owned(),
        items: quiet,
    });
    menu.push(TrayItem::Separator);
    menu.push(action(words.settings, TrayAction::OpenSettings));
    menu.push(action(words.quit, TrayAction::Quit));
    menu
}

/// Holds a sign for at least [`SIGN_PAUSE_MS`], so that a tray never flickers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SteadySign {
    shown: Option<(TraySign, i64)>,
}

impl SteadySign {
    /// The sign to show now, and when to ask again if another one waits.
    pub fn settle(&mut self, wanted: TraySign, now_ms: i64) -> (TraySign, Option<i64>) {
        match self.shown {
            Some((sign, _)) if sign == wanted => (sign, None),
            Some((sign, since)) if (0..SIGN_PAUSE_MS).contains(&(now_ms - since)) => {
                (sign, Some(since + SIGN_PAUSE_MS))
            }
            Some(_) | None => {
                self.shown = Some((wanted, now_ms));
                (wanted, None)
            }
        }
    }
}
