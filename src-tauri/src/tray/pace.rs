//! How often the tray's menu may change.
//!
//! Hosts read a menu in several calls. The library of many of them (libdbusmenu) shows an empty submenu when the layout
//! changes in between, because the entries that it asks for are gone. So a menu is first shown when the app has settled,
//! and changes come with a pause between them. Sign and tooltip are shown at once.

use super::panel::Panel;
use clawtray_companion::ports::{TrayItem, TrayModel};
use std::time::Duration;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// The most that the first menu waits for a state that changes on.
const SETTLING: Duration = Duration::from_millis(500);
/// A state that has not changed for this long has settled.
const QUIET: Duration = Duration::from_millis(200);
/// Between two menus.
const PAUSE: Duration = Duration::from_millis(500);

/// What is to be shown.
pub(super) type Wanted = (TrayModel, Panel);

/// What is wanted of the tray; no model before the app has made one.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) model: Option<TrayModel>,
    pub(super) panel: Panel,
}

/// What is wanted next. None when there is nothing any more.
pub(super) async fn next(changes: &mut watch::Receiver<Asked>) -> Option<Wanted> {
    loop {
        changes.changed().await.ok()?;
        let Asked { model, panel } = changes.borrow_and_update().clone();
        if let Some(model) = model {
            return Some((model, panel));
        }
    }
}

/// The first state that stays for a moment. None when there is none any more.
pub(super) async fn settled(changes: &mut watch::Receiver<Asked>) -> Option<Wanted> {
    let mut latest = next(changes).await?;
    let start = Instant::now();
    while let Ok(more) = timeout_at(settled_at(start, Instant::now()), next(changes)).await {
        latest = more?;
    }
    Some(latest)
}

/// When a state that was first there at `start` and changed last at `now` has settled.
fn settled_at(start: Instant, now: Instant) -> Instant {
    (start + SETTLING).min(now + QUIET)
}

/// What is shown, and the menu that waits for its time.
pub(super) struct Pace {
    shown: Wanted,
    /// When the menu was shown.
    since: Instant,
    waiting: Option<Vec<TrayItem>>,
}

impl Pace {
    /// These are shown at `now`.
    pub(super) fn new(shown: Wanted, now: Instant) -> Self {
        Self {
            shown,
            since: now,
            waiting: None,
        }
    }

    /// What to show now.
    pub(super) fn shown(&self) -> &Wanted {
        &self.shown
    }

    /// Something else is wanted.
    pub(super) fn want(&mut self, (mut model, panel): Wanted, now: Instant) {
        let before = &self.shown.0.menu;
        self.waiting = if model.menu == *before {
            None
        } else if now < self.since + PAUSE {
            Some(std::mem::replace(&mut model.menu, before.clone()))
        } else {
            self.since = now;
            None
        };
        self.shown = (model, panel);
    }

    /// When the menu that waits is shown; none when none does.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.as_ref().map(|_| self.since + PAUSE)
    }

    /// Shows the menu that waits.
    pub(super) fn show_waiting(&mut self, now: Instant) {
        if let Some(menu) = self.waiting.take() {
            self.shown.0.menu = menu;
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clawtray_companion::ports::TraySign;

    fn wanted(entry: &str, sign: TraySign) -> Wanted {
        let model = TrayModel {
            sign,
            tooltip: String::new(),
            menu: vec![TrayItem::Label(entry.into())],
        };
        (model, Panel::Dark)
    }

    fn is(wanted: &Wanted, entry: &str, sign: TraySign) -> bool {
        wanted.0.sign == sign && wanted.0.menu == [TrayItem::Label(entry.into())]
    }

    #[test]
    fn a_state_has_settled_when_it_stays_or_after_half_a_second() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        assert_eq!(settled_at(start, start), start + QUIET);
        assert_eq!(settled_at(start, start + ms(50)), start + ms(50) + QUIET);
        assert_eq!(settled_at(start, start + ms(450)), start + SETTLING);
    }

    #[test]
    fn menus_are_half_a_second_apart_and_signs_are_not() {
        let start = Instant::now();
        let mut pace = Pace::new(wanted("a", TraySign::Well), start);
        let soon = start + Duration::from_millis(100);
        pace.want(wanted("b", TraySign::Working), soon);
        assert!(is(pace.shown(), "a", TraySign::Working));
        pace.want(wanted("c", TraySign::Working), soon);
        assert_eq!(pace.due(), Some(start + PAUSE));
        pace.show_waiting(start + PAUSE);
        assert!(
            is(pace.shown(), "c", TraySign::Working),
            "the latest, in one change"
        );
        assert_eq!(pace.due(), None);
        let later = start + PAUSE + Duration::from_millis(1);
        pace.want(wanted("d", TraySign::Working), later);
        assert_eq!(pace.due(), Some(start + 2 * PAUSE));
        pace.want(wanted("c", TraySign::Well), later);
        assert_eq!(pace.due(), None, "what is shown already does not wait");
        assert!(is(pace.shown(), "c", TraySign::Well));
        pace.want(wanted("e", TraySign::Well), start + 3 * PAUSE);
        assert!(is(pace.shown(), "e", TraySign::Well), "at once after a pause");
    }
}
