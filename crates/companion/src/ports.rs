//! The traits for what the system offers. The desktop app and the command line bring adapters;
//! tests bring fakes.

use crate::gateway::{Gateway, Protocol};
use crate::words::Language;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc, time::Duration};

/// A secret that prints as dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }
    /// The secret itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Which secret of a gateway profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// The gateway's shared token or password.
    GatewayToken,
    /// The Ed25519 private key of this device, base64.
    DeviceKey,
    /// The token that the gateway issued to this device.
    DeviceToken,
    /// What the gateway signs its webhooks with.
    WebhookSecret,
}

impl SecretKind {
    /// All that a profile may have.
    pub const ALL: [Self; 4] = [
        Self::GatewayToken,
        Self::DeviceKey,
        Self::DeviceToken,
        Self::WebhookSecret,
    ];
}

impl SecretKind {
    /// The word in the keychain entry's name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::GatewayToken => "gateway-token",
            Self::DeviceKey => "device-key",
            Self::DeviceToken => "device-token",
            Self::WebhookSecret => "webhook-secret",
        }
    }
}

/// Why the keychain did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It is locked; the user can unlock it.
    #[error("the keychain is locked")]
    Locked,
    /// There is none.
    #[error("there is no keychain service")]
    Absent,
    /// It did not answer in time.
    #[error("the keychain did not answer in time")]
    Timeout,
    /// It said something else.
    #[error("the keychain refused: {0}")]
    Refused(String),
}

/// The OS keychain. Entries are kept per gateway profile and kind.
#[async_trait]
pub trait SecretStore: Send + Sync + 'static {
    /// Reads; `None` when there is no entry.
    async fn get(&self, profile: &str, kind: SecretKind) -> Result<Option<Secret>, SecretError>;
    /// Writes.
    async fn set(&self, profile: &str, kind: SecretKind, value: Secret) -> Result<(), SecretError>;
    /// Deletes; fine when there is none.
    async fn delete(&self, profile: &str, kind: SecretKind) -> Result<(), SecretError>;
    /// Whether entries can be read now. Never asks for a password, and a keychain that does not exist yet is not open.
    async fn is_open(&self) -> bool;
    /// A person asks for what comes next: a password may be asked for again, also where that was declined before.
    fn person_asks(&self) {}
    /// The store's name for settings ("GNOME Keyring (Secret Service)", "macOS Keychain").
    fn name(&self) -> String;
}

/// The five signs of the tray.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TraySign {
    /// Connected.
    Well,
    /// Connected, a run is active.
    Working,
    /// An approval or question waits.
    NeedsYou,
    /// Not connected.
    Offline,
    /// Token or pairing is missing.
    NeedsSignIn,
}

/// The tray as data; the adapter diffs and applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrayModel {
    /// The icon.
    pub sign: TraySign,
    /// Facts, one per line: gateway, latency, runs, approvals, unread.
    pub tooltip: String,
    /// The menu.
    pub menu: Vec<TrayItem>,
}

/// An item of the tray menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrayItem {
    /// A line between groups.
    Separator,
    /// A line that cannot be clicked.
    Label(String),
    /// A line that does something.
    Action {
        /// What it says.
        label: String,
        /// What it does.
        action: TrayAction,
    },
    /// A line that is on or off.
    Check {
        /// What it says.
        label: String,
        /// On.
        checked: bool,
        /// What it does.
        action: TrayAction,
    },
    /// A menu within.
    Submenu {
        /// What it says.
        label: String,
        /// Its items.
        items: Vec<TrayItem>,
    },
}

/// An approval of one gateway. Ids are the gateway's own, so two gateways may use the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApprovalRef {
    /// The gateway's profile.
    pub gateway: String,
    /// The gateway's id for it.
    pub id: String,
}

/// What a click in the tray means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TrayAction {
    /// Left click: show or hide the popup.
    TogglePopup,
    /// Show the popup on a session; as it is where the session is empty.
    OpenSession {
        /// The gateway's profile.
        gateway: String,
        /// The session.
        session: String,
    },
    /// Show the session browser.
    OpenBrowser,
    /// Show settings.
    OpenSettings,
    /// Approve once.
    Approve(ApprovalRef),
    /// Deny.
    Deny(ApprovalRef),
    /// Switch the active gateway.
    UseGateway(String),
    /// Try to connect now.
    Reconnect,
    /// Do not disturb for an hour.
    DoNotDisturbHour,
    /// Do not disturb until tomorrow, 08:00 local time.
    DoNotDisturbTomorrow,
    /// Notifications again.
    EndDoNotDisturb,
    /// Quit.
    Quit,
}

/// The tray icon and its menu.
pub trait Tray: Send + Sync + 'static {
    /// Shows a model. Cheap when nothing changed.
    fn show(&self, model: &TrayModel);
}

/// A notification as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Replaces an earlier one with the same tag (one per session, one per approval).
    pub tag: String,
    /// The title, plain text.
    pub title: String,
    /// The body, plain text; the adapter escapes it for servers with markup.
    pub body: String,
    /// What clicking it does.
    pub on_click: NotificationTarget,
    /// Buttons.
    pub actions: Vec<NotificationAction>,
    /// Stays until dismissed (approvals).
    pub urgent: bool,
    /// The language of its text.
    pub language: Language,
}

impl Notification {
    /// What stands on a button.
    #[must_use]
    pub fn label(&self, action: &NotificationAction) -> &'static str {
        let words = self.language.words();
        match action {
            NotificationAction::Reply => words.reply,
            NotificationAction::ApproveOnce => words.approve_once,
            NotificationAction::Review => words.review,
            NotificationAction::Deny => words.deny,
        }
    }

    /// What a click on it is called.
    #[must_use]
    pub fn open_label(&self) -> &'static str {
        self.language.words().open
    }
}

/// Where a click leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotificationTarget {
    /// The popup on a session of a gateway profile, at a message.
    Session {
        /// The profile.
        gateway: String,
        /// The session.
        session: String,
        /// The message.
        message: Option<String>,
    },
    /// The popup on a gateway profile.
    Gateway(String),
    /// The popup as it is.
    Popup,
    /// Settings.
    Settings,
}

/// A button of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotificationAction {
    /// Reply inline where the server can, else open the popup there.
    Reply,
    /// Approve once.
    ApproveOnce,
    /// Open the popup, which shows the whole of what is asked.
    Review,
    /// Deny.
    Deny,
}

/// What the user did with a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationResponse {
    /// Its tag.
    pub tag: String,
    /// What was done.
    pub kind: NotificationResponseKind,
}

/// What the user did with a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotificationResponseKind {
    /// Clicked the body.
    Clicked,
    /// Pressed a button.
    Action(NotificationAction),
    /// Typed a reply.
    Replied(String),
    /// Closed it.
    Dismissed,
}

/// The notification server.
#[async_trait]
pub trait Notifier: Send + Sync + 'static {
    /// Shows or replaces.
    fn show(&self, notification: Notification);
    /// Withdraws.
    fn withdraw(&self, tag: &str);
    /// Waits until all that was asked so far has reached the server. Before the app ends.
    async fn flush(&self) {}
}

/// A window of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowKind {
    /// The quick-chat popup.
    Popup,
    /// The session browser.
    Browser,
    /// Settings.
    Settings,
}

impl WindowKind {
    /// The window's label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Popup => "popup",
            Self::Browser => "browser",
            Self::Settings => "settings",
        }
    }
    /// The kind with that label.
    #[must_use]
    pub fn from_label(label: &str) -> Option<Self> {
        match label {
            "popup" => Some(Self::Popup),
            "browser" => Some(Self::Browser),
            "settings" => Some(Self::Settings),
            _ => None,
        }
    }
}

/// Why no window can be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoWindows {
    /// What shows them is missing or does not start, in a few words of the system's.
    Broken(String),
    /// The program was replaced by another version while this one runs.
    OtherVersion,
}

/// The windows. Calls return at once; what happened comes back as input.
pub trait Windows: Send + Sync + 'static {
    /// Shows and focuses; the popup on the monitor with the pointer.
    fn show(&self, window: WindowKind);
    /// Hides; focus goes back to the previous window.
    fn hide(&self, window: WindowKind);
    /// Whether it is shown now.
    fn is_visible(&self, window: WindowKind) -> bool;
    /// Whether it has the focus now.
    fn is_focused(&self, window: WindowKind) -> bool;
    /// Lets go of a hidden window's webview.
    fn release(&self, window: WindowKind);
    /// The popup's height in CSS pixels.
    fn fit_popup(&self, height: f64);
}

/// The global hotkey.
#[async_trait]
pub trait Hotkeys: Send + Sync + 'static {
    /// Binds the keys in place of the ones before. Empty keys unbind. [`HotkeyState::Pending`] means that the answer comes
    /// later, through [`AppHandle::hotkey_state`](crate::app::AppHandle::hotkey_state).
    async fn bind(&self, keys: &str) -> HotkeyState;
}

/// How the hotkey stands, as the X server or the desktop's portal says now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HotkeyState {
    /// The system has been asked and has not answered yet.
    Pending,
    /// The desktop asks the user, in a dialog of its own.
    Asking,
    /// It works.
    Active {
        /// The keys as the system names them.
        keys: String,
    },
    /// The desktop granted it, but no key is set for it; another program may have the key.
    Unset,
    /// The user or the desktop did not grant it.
    NotGranted,
    /// This desktop has no portal for global shortcuts; a command must be bound by hand.
    NoPortal,
    /// Another program has it.
    Taken,
    /// The user or the system refused.
    Refused(String),
    /// This desktop offers no way; a command must be bound by hand.
    Unavailable(String),
    /// Switched off.
    Off,
}

/// Starting with the desktop session.
pub trait Autostart: Send + Sync + 'static {
    /// Switches it on or off. May touch files. The error is a sentence.
    fn set(&self, on: bool) -> Result<(), String>;
}

/// Opens links outside.
pub trait Opener: Send + Sync + 'static {
    /// Opens an already checked URL.
    fn open(&self, url: &str) -> Result<(), String>;
}

/// The time.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the epoch.
    fn now_ms(&self) -> i64;
    /// Minutes since local midnight, for quiet hours.
    fn local_minutes(&self) -> u32;
}

/// Makes connections.
#[async_trait]
pub trait Connector: Send + Sync + 'static {
    /// A connection for a profile. Never waits for the network.
    async fn connect(&self, request: ConnectRequest) -> Arc<dyn Gateway>;
    /// Starts the built-in gateway; answers its URL and token.
    async fn start_embedded(&self) -> Result<(String, Secret), String>;
    /// Serves the HTTP APIs on a port of 127.0.0.1, each call carried out on that gateway, in the place of what was
    /// served before; `None` ends it. Answers where they are.
    async fn bridge(&self, to: Option<(u16, Arc<dyn Gateway>)>) -> Result<Option<String>, String>;
}

/// What a connection needs.
#[derive(Clone, Debug)]
pub struct ConnectRequest {
    /// The profile's id.
    pub profile: String,
    /// Where the gateway is.
    pub url: String,
    /// What to speak there.
    pub protocol: Protocol,
    /// How often a gateway that cannot push is asked for news; never without it.
    pub poll_every: Option<Duration>,
    /// The port on 127.0.0.1 where the gateway's webhooks arrive, and what they are signed with.
    pub webhook: Option<(u16, Secret)>,
    /// Shared token or password.
    pub token: Option<Secret>,
    /// Token that the gateway issued to this device.
    pub device_token: Option<Secret>,
    /// This device's private key (32 bytes, base64). None: a key for this process alone.
    pub device_key: Option<Secret>,
    /// Trusted certificate, SHA-256, lowercase hex.
    pub pinned_certificate: Option<String>,
    /// This device was connected to this gateway before: a connection that is stopped looks again by itself.
    pub was_ready: bool,
    /// Ask for `operator.admin` as well: the person allowed it.
    pub full_control: bool,
    /// Where newly issued device tokens go.
    pub issued: tokio::sync::mpsc::UnboundedSender<IssuedToken>,
}

/// The gateway issued a device token.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The profile.
    pub profile: String,
    /// The token.
    pub token: Secret,
}

/// All ports together, as the `App` wants them.
#[derive(Clone)]
pub struct Ports {
    /// Keychain.
    pub secrets: Arc<dyn SecretStore>,
    /// Tray.
    pub tray: Arc<dyn Tray>,
    /// Notifications.
    pub notifier: Arc<dyn Notifier>,
    /// Windows.
    pub windows: Arc<dyn Windows>,
    /// Hotkey.
    pub hotkeys: Arc<dyn Hotkeys>,
    /// Starting with the session.
    pub autostart: Arc<dyn Autostart>,
    /// Links.
    pub opener: Arc<dyn Opener>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Connections.
    pub connector: Arc<dyn Connector>,
}
