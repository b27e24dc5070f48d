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
    let end = Instant::now() + SETTLING;
    while let Ok(more) = timeout_at(end.min(Instant::now() + QUIET), next(changes)).await {
        latest = more?;
    }
    Some(latest)
}

/// What is shown, and the menu that waits for its time.
pub(super) struct Pace {
    shown: Wanted,
    /// When the menu was shown.
    since: Instant,
    waiting: Option<Vec<TrayItem>>,
}

impl Pace {
    /// These are shown now.
    pub(super) fn new(shown: Wanted) -> Self {
        Self {
            shown,
            since: Instant::now(),
            waiting: None,
        }
    }

    /// What to show now.
    pub(super) fn shown(&self) -> &Wanted {
        &self.shown
    }

    /// Something else is wanted.
    pub(super) fn want(&mut self, (mut model, panel): Wanted) {
        let before = &self.shown.0.menu;
        self.waiting = if model.menu == *before {
            None
        } else if Instant::now() < self.since + PAUSE {
            Some(std::mem::replace(&mut model.menu, before.clone()))
        } else {
            self.since = Instant::now();
            None
        };
        self.shown = (model, panel);
    }

    /// Waits until the menu that waits is shown; for ever when none does.
    pub(super) async fn menu_due(&mut self) {
        if self.waiting.is_none() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep_until(self.since + PAUSE).await;
        if let Some(menu) = self.waiting.take() {
            self.shown.0.menu = menu;
            self.since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clawtray_companion::ports::TraySign;
    use tokio::time::sleep;

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

    /// A tray that is asked for these, each so many milliseconds after the one before.
    fn asked(changes: impl IntoIterator<Item = (u64, &'static str)>) -> watch::Receiver<Asked> {
        let nothing = Asked {
            model: None,
            panel: Panel::Dark,
        };
        let (sender, receiver) = watch::channel(nothing);
        let changes: Vec<_> = changes.into_iter().collect();
        tokio::spawn(async move {
            for (after, entry) in changes {
                sleep(Duration::from_millis(after)).await;
                let (model, panel) = wanted(entry, TraySign::Well);
                let model = Some(model);
                sender.send_replace(Asked { model, panel });
            }
            sender.closed().await;
        });
        receiver
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_menu_is_the_one_that_stays() {
        // Sessions come 50 ms after the connection.
        let mut changes = asked([(0, "connected"), (50, "sessions"), (1000, "later")]);
        let start = Instant::now();
        let first = settled(&mut changes).await.unwrap();
        assert!(is(&first, "sessions", TraySign::Well));
        assert_eq!(start.elapsed(), Duration::from_millis(250));
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_that_never_settles_is_shown_all_the_same() {
        let mut changes = asked((0..20).map(|_| (90, "busy")));
        let start = Instant::now();
        settled(&mut changes).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_millis(590));
    }

    #[tokio::test(start_paused = true)]
    async fn menus_are_half_a_second_apart_and_signs_are_not() {
        let mut pace = Pace::new(wanted("a", TraySign::Well));
        let start = Instant::now();
        sleep(Duration::from_millis(100)).await;
        pace.want(wanted("b", TraySign::Working));
        assert!(is(pace.shown(), "a", TraySign::Working));
        pace.want(wanted("c", TraySign::Working));
        pace.menu_due().await;
        assert!(
            is(pace.shown(), "c", TraySign::Working),
            "the latest, in one change"
        );
        assert_eq!(start.elapsed(), PAUSE);
        pace.want(wanted("d", TraySign::Working));
        pace.want(wanted("c", TraySign::Well));
        assert!(is(pace.shown(), "c", TraySign::Well));
        let due = tokio::time::timeout(PAUSE * 2, pace.menu_due()).await;
        assert!(due.is_err(), "what is shown does not wait");
        pace.want(wanted("e", TraySign::Well));
        assert!(is(pace.shown(), "e", TraySign::Well), "at once after a pause");
    }
}
