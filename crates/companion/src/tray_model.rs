//! The model of the tray: one of five signs, the facts in the tooltip, and the menu as data.

use crate::api::ConnectionWord;
use crate::ports::{TrayAction, TrayItem, TrayModel, TraySign};
use crate::text::one_line;
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

/// An approval as the tray sees it.
#[derive(Clone, Debug, Default)]
pub struct ApprovalFacts {
    /// Its id.
    pub id: String,
    /// The command.
    pub title: String,
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
    /// Questions that wait: session and title.
    pub questions: Vec<(String, String)>,
    /// Things that need the user on other gateways.
    pub needs_elsewhere: u32,
    /// Sessions with something unread.
    pub unread: u32,
    /// Recent sessions of the active gateway, key and title, most recent first.
    pub recent: Vec<(String, String)>,
    /// Do-not-disturb is on.
    pub quiet: bool,
    /// What it speaks.
    pub language: Language,
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

fn status(facts: &TrayFacts, words: &Words) -> String {
    match facts.gateways.iter().find(|gateway| gateway.active) {
        None => words.no_gateway.to_owned(),
        Some(gateway) if gateway.word == ConnectionWord::Ready => {
            (words.connected)(&gateway.name, gateway.latency_ms)
        }
        Some(gateway) => one_line(&gateway.sentence, 90),
    }
}

fn tooltip(facts: &TrayFacts, words: &Words) -> String {
    let mut lines = vec![status(facts, words)];
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

fn menu(facts: &TrayFacts, words: &Words) -> Vec<TrayItem> {
    let mut menu = vec![TrayItem::Label(status(facts, words))];
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
        for approval in facts.approvals.iter().take(3) {
            menu.push(TrayItem::Submenu {
                label: (words.approve)(&one_line(&approval.title, 40)),
                items: vec![
                    TrayItem::Label(one_line(&approval.title, 120)),
                    action(words.approve_once, TrayAction::Approve(approval.id.clone())),
                    action(words.deny, TrayAction::Deny(approval.id.clone())),
                ],
            });
        }
        for (session, title) in facts.questions.iter().take(3) {
            menu.push(action(
                (words.answer)(&one_line(title, 40)),
                TrayAction::OpenSession(session.clone()),
            ));
        }
    }
    if !facts.recent.is_empty() {
        menu.push(TrayItem::Separator);
        for (key, title) in facts.recent.iter().take(5) {
            menu.push(action(one_line(title, 40), TrayAction::OpenSession(key.clone())));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(word: ConnectionWord) -> GatewayFacts {
        GatewayFacts {
            id: "g1".into(),
            name: "Home".into(),
            active: true,
            word,
            sentence: "Home is not reachable.".into(),
            latency_ms: Some(12),
        }
    }
    fn approval() -> ApprovalFacts {
        ApprovalFacts {
            id: "a1".into(),
            title: "rm -rf /tmp/x".into(),
        }
    }

    #[test]
    fn the_most_urgent_sign_wins() {
        use ConnectionWord as W;
        for (word, runs, approvals, expected) in [
            (W::Ready, 0, 0, TraySign::Well),
            (W::Ready, 2, 0, TraySign::Working),
            (W::Ready, 2, 1, TraySign::NeedsYou),
            (W::Offline, 0, 0, TraySign::Offline),
            (W::Offline, 2, 1, TraySign::Offline),
            (W::Connecting, 0, 0, TraySign::Offline),
            (W::SignIn, 1, 1, TraySign::NeedsSignIn),
            (W::Pairing, 0, 0, TraySign::NeedsSignIn),
            (W::KeychainLocked, 0, 0, TraySign::NeedsSignIn),
            (W::KeychainUnreadable, 0, 0, TraySign::NeedsSignIn),
            (W::None, 0, 0, TraySign::NeedsSignIn),
        ] {
            let facts = TrayFacts {
                gateways: vec![gateway(word)],
                runs,
                approvals: vec![approval(); approvals],
                ..TrayFacts::default()
            };
            assert_eq!(sign(&facts), expected, "{word:?} {runs} {approvals}");
        }
        assert_eq!(sign(&TrayFacts::default()), TraySign::NeedsSignIn);
    }

    #[test]
    fn the_sign_stays_for_two_seconds() {
        let mut steady = SteadySign::default();
        let mut shown = Vec::new();
        for (now, wanted) in [
            (10_000, TraySign::Well),
            (10_100, TraySign::Working),
            (11_000, TraySign::Well),
            (11_500, TraySign::Working),
            (12_000, TraySign::Working),
            (12_100, TraySign::Well),
            (14_000, TraySign::Well),
        ] {
            shown.push(steady.settle(wanted, now));
        }
        assert_eq!(
            shown,
            [
                (TraySign::Well, None),
                (TraySign::Well, Some(12_000)),
                (TraySign::Well, None),
                (TraySign::Well, Some(12_000)),
                (TraySign::Working, None),
                (TraySign::Working, Some(14_000)),
                (TraySign::Well, None),
            ]
        );
    }

    #[test]
    fn tooltip_and_menu_say_the_facts() {
        let facts = TrayFacts {
            gateways: vec![
                gateway(ConnectionWord::Ready),
                GatewayFacts {
                    id: "g2".into(),
                    name: "Ops".into(),
                    ..GatewayFacts::default()
                },
            ],
            runs: 1,
            approvals: vec![approval()],
            questions: vec![("s1".into(), "Which one".into())],
            unread: 3,
            recent: (0..8)
                .map(|n| (format!("k{n}"), format!("Session {n}")))
                .collect(),
            ..TrayFacts::default()
        };
        let model = model(&facts, sign(&facts));
        assert_eq!(
            model.tooltip,
            "Home: connected, 12 ms\n1 run\n2 requests need you\n3 unread"
        );
        let text = format!("{:?}", model.menu);
        for wanted in [
            "Approve once",
            "Deny(\"a1\")",
            "Answer: Which one",
            "Session 4",
            "Quick chat",
            "Gateways",
            "For 1 hour",
            "Quit",
        ] {
            assert!(text.contains(wanted), "{wanted}");
        }
        assert!(!text.contains("Session 5"), "five recent sessions, not more");
        let offline = TrayFacts {
            gateways: vec![gateway(ConnectionWord::Offline)],
            quiet: true,
            ..TrayFacts::default()
        };
        let text = format!("{:?}", super::model(&offline, TraySign::Offline));
        assert!(text.contains("Try now") && text.contains("Turn off do not disturb"));
    }
}
