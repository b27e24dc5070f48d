//! Reports from the system. Adapters put them here, and one task forwards them to the app.

use clawtray_companion::ports::{HotkeyState, NoWindows, NotificationResponse, TrayAction, WindowKind};
use tokio::sync::mpsc;

/// Something that happened outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A click on the tray icon or in its menu.
    Tray(TrayAction),
    /// Whether there is a tray host.
    TrayHost(bool),
    /// A click, button or reply.
    Notification(NotificationResponse),
    /// Whether there is a notification server.
    Notifications(bool),
    /// Whether the desktop's own do-not-disturb is on.
    DoNotDisturb(bool),
    /// The global hotkey.
    Hotkey,
    /// How the hotkey stands now, after a change from outside.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "elsewhere a grab goes with the key")
    )]
    HotkeyState(HotkeyState),
    /// A window got the focus or lost it.
    Focus(WindowKind, bool),
    /// The user closed a window; it is hidden.
    Closed(WindowKind),
    /// A window's webview is gone.
    Released(WindowKind),
    /// No window can be opened, and why.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "elsewhere the app does not start without them")
    )]
    NoWindows(NoWindows),
    /// The display or the session's bus is gone for good.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "elsewhere the system ends its programs")
    )]
    SessionEnded,
    /// The computer goes to sleep (true) or woke up (false).
    Sleep(bool),
}

pub(crate) type Outside = mpsc::UnboundedReceiver<Input>;

/// The end that adapters hold.
#[derive(Clone, Debug)]
pub(crate) struct Inbox(mpsc::UnboundedSender<Input>);

impl Inbox {
    pub(crate) fn new() -> (Self, Outside) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    pub(crate) fn put(&self, input: Input) {
        // The app is gone when nobody receives: it is ending.
        let _ = self.0.send(input);
    }
}
