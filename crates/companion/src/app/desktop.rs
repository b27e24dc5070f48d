//! What the desktop offers and lacks: tray host, notifications, windows, hotkey, autostart.

use super::{App, Timer};
use crate::api::HotkeyView;
use crate::ports::{HotkeyState, NoWindows, Notification, NotificationTarget, WindowKind};
use crate::text::one_line;
use crate::words::Words;
use std::sync::Arc;
use std::time::Duration;

/// The global hotkey.
#[derive(Debug, Default)]
pub(super) struct Hotkey {
    /// The keys that were asked for last, as the settings name them; the system may have its own names.
    pub(super) wanted: String,
    /// What became of them; None before they were asked for.
    pub(super) state: Option<HotkeyState>,
    /// The popup is to open by itself once the system has answered: before that it could cover the desktop's dialog.
    popup_waits: bool,
    /// It has waited for [`ANSWER`] and now waits for [`DIALOG`].
    asked_for_long: bool,
}

impl Hotkey {
    /// Whether the system has said what became of the keys.
    fn is_answered(&self) -> bool {
        !matches!(
            self.state,
            None | Some(HotkeyState::Pending | HotkeyState::Asking)
        )
    }
}

/// How long the first popup waits for a desktop that has not answered at all.
const ANSWER: Duration = Duration::from_secs(3);
/// How long the first popup waits for a user whom the desktop asks.
const DIALOG: Duration = Duration::from_secs(90);

impl App {
    pub(super) fn on_tray_host(&mut self, present: bool) {
        let first = self.tray_host.is_none();
        self.tray_host = Some(present);
        if present {
            self.withdraw_notice("no-tray-host");
            self.publisher.tray_dirty = true;
            return;
        }
        self.plain_notice("no-tray-host", |words| words.no_tray);
        let any = self.windows.values().any(|window| window.shown);
        if first && !any {
            self.show_first_popup();
        }
    }

    /// Opens the popup that nobody asked for, but not over the dialog in which the desktop asks about the hotkey.
    pub(super) fn show_first_popup(&mut self) {
        if self.hotkey.is_answered() {
            self.show_window(WindowKind::Popup);
        } else if !std::mem::replace(&mut self.hotkey.popup_waits, true) {
            self.after(Timer::FirstPopup, ANSWER);
        }
    }

    /// The first popup has waited long enough, unless the user is being asked.
    pub(super) fn on_first_popup_due(&mut self) {
        if self.hotkey.state == Some(HotkeyState::Asking) && !self.hotkey.asked_for_long {
            self.hotkey.asked_for_long = true;
            self.after(Timer::FirstPopup, DIALOG);
        } else {
            self.show_waiting_popup();
        }
    }

    fn show_waiting_popup(&mut self) {
        let any = self.windows.values().any(|window| window.shown);
        if std::mem::take(&mut self.hotkey.popup_waits) && !any {
            self.show_window(WindowKind::Popup);
        }
    }

    pub(super) fn on_notifications_available(&mut self, available: bool) {
        self.no_notifications = !available;
        if available {
            self.withdraw_notice("no-notifications");
        } else {
            self.plain_notice("no-notifications", |words| words.no_notifications);
        }
    }

    /// There is no window to say it in. A click on what is said tries again.
    pub(super) fn on_no_windows(&mut self, why: &NoWindows) {
        for window in self.windows.values_mut() {
            (window.shown, window.focused) = (false, false);
        }
        let words = self.words();
        let body = match why {
            NoWindows::Broken(why) => (words.windows_broken)(&one_line(why, 160)),
            NoWindows::OtherVersion => words.windows_updated.to_owned(),
        };
        let notification = Notification {
            tag: "no-windows".into(),
            title: words.no_windows.into(),
            body,
            on_click: NotificationTarget::Popup,
            actions: Vec::new(),
            urgent: false,
            language: self.language(),
        };
        self.show_notification(notification, None);
    }

    pub(super) fn bind_hotkey(&mut self) {
        let keys = self.settings.get().hotkey.clone();
        let hotkeys = Arc::clone(&self.ports.hotkeys);
        self.hotkey.wanted.clone_from(&keys);
        self.on_hotkey_state(HotkeyState::Pending);
        self.spawn(async move {
            let state = hotkeys.bind(&keys).await;
            Box::new(move |app: &mut Self| {
                // Otherwise the answer comes by itself, and may be here already.
                if state != HotkeyState::Pending {
                    app.on_hotkey_state(state);
                }
            }) as super::Then
        });
    }

    /// Makes starting with the session what the settings say. At the start only when it is on: the program may lie elsewhere
    /// since, and an entry that somebody made by hand is not ours to remove.
    pub(super) fn switch_autostart(&mut self) {
        let on = self.settings.get().autostart;
        if std::mem::replace(&mut self.autostart, on) == on {
            return;
        }
        let autostart = Arc::clone(&self.ports.autostart);
        self.spawn(async move {
            let switched = tokio::task::spawn_blocking(move || autostart.set(on)).await;
            let problem = match switched {
                Ok(Ok(())) => None,
                Ok(Err(reason)) => Some(reason),
                Err(_) => Some("the system did not answer".to_owned()),
            };
            Box::new(move |app: &mut Self| app.on_autostart(on, problem)) as super::Then
        });
    }

    fn on_autostart(&mut self, on: bool, problem: Option<String>) {
        const NOTICE: &str = "autostart";
        let Some(reason) = problem else {
            return self.withdraw_notice(NOTICE);
        };
        let reason = one_line(&reason, 160);
        self.notice(NOTICE, move |words| {
            let say = if on {
                words.autostart_off
            } else {
                words.autostart_on
            };
            (say(&reason), words.autostart_hint)
        });
    }

    pub(super) fn on_hotkey_state(&mut self, state: HotkeyState) {
        self.withdraw_notice("hotkey-taken");
        self.withdraw_notice("hotkey-unavailable");
        self.withdraw_notice("hotkey-unset");
        let keys = self.hotkey.wanted.clone();
        match state.clone() {
            HotkeyState::Taken => self.notice("hotkey-taken", move |words| {
                ((words.hotkey_taken)(&keys), words.hotkey_taken_hint)
            }),
            HotkeyState::Refused(reason) | HotkeyState::Unavailable(reason) => {
                self.notice("hotkey-unavailable", move |words| {
                    (refused(&reason, words), words.hotkey_by_hand)
                });
            }
            HotkeyState::Unset => self.plain_notice("hotkey-unset", |words| words.hotkey_unset),
            HotkeyState::NotGranted => self.notice("hotkey-unavailable", |words| {
                (words.hotkey_not_granted.to_owned(), words.hotkey_by_hand)
            }),
            HotkeyState::NoPortal => self.notice("hotkey-unavailable", |words| {
                (words.hotkey_no_portal.to_owned(), words.hotkey_by_hand)
            }),
            HotkeyState::Pending | HotkeyState::Asking | HotkeyState::Active { .. } | HotkeyState::Off => {}
        }
        self.hotkey.state = Some(state);
        self.publisher.dirty.hotkey = true;
        // The status for the command line is made with the tray.
        self.publisher.tray_dirty = true;
        if self.hotkey.is_answered() {
            self.show_waiting_popup();
        }
    }

    pub(super) fn hotkey_view(&self) -> HotkeyView {
        let words = self.words();
        let Hotkey { wanted, state, .. } = &self.hotkey;
        let (word, keys, sentence) = match state {
            None | Some(HotkeyState::Pending) => ("pending", wanted.as_str(), String::new()),
            Some(HotkeyState::Asking) => ("asking", wanted.as_str(), String::new()),
            Some(HotkeyState::Unset) => ("unset", "", words.hotkey_unset.0.to_owned()),
            Some(HotkeyState::NotGranted) => {
                ("refused", wanted.as_str(), words.hotkey_not_granted.to_owned())
            }
            Some(HotkeyState::NoPortal) => {
                ("unavailable", wanted.as_str(), words.hotkey_no_portal.to_owned())
            }
            Some(HotkeyState::Active { keys }) => ("active", keys.as_str(), String::new()),
            Some(HotkeyState::Taken) => ("taken", wanted.as_str(), (words.hotkey_taken)(wanted)),
            Some(HotkeyState::Refused(reason)) => ("refused", wanted.as_str(), refused(reason, words)),
            Some(HotkeyState::Unavailable(reason)) => {
                ("unavailable", wanted.as_str(), refused(reason, words))
            }
            Some(HotkeyState::Off) => ("off", "", String::new()),
        };
        HotkeyView {
            state: word.to_owned(),
            keys: keys.to_owned(),
            sentence,
        }
    }
}

fn refused(reason: &str, words: &Words) -> String {
    (words.hotkey_refused)(&one_line(reason, 160))
}
