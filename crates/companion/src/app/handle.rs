//! The handle of the app. Windows, tray, hotkey and command line use it.

use crate::api::{Request, UiError, Update};
use crate::control::{Action, AppStatus, Host};
use crate::gateway::Gateway;
use crate::ids::GatewayId;
use crate::ports::{HotkeyState, NoWindows, NotificationResponse, TrayAction, WindowKind};
use crate::request_error::RequestError;
use crate::words::Language;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// Where a window's updates go. Called from the loop; it must not block.
pub type Sink = Box<dyn Fn(Update) + Send>;

/// Where a request's answer goes. Dropped without one, it answers [`RequestError::Internal`] and logs, so that a branch
/// that forgets to answer is seen.
pub(super) struct Reply {
    to: Option<oneshot::Sender<Result<Value, RequestError>>>,
    /// The app ends: what was not answered by then is no mistake.
    stopping: Arc<AtomicBool>,
}

impl Reply {
    /// For what the app does by itself: nobody waits for the answer.
    pub(super) fn to_nobody() -> Self {
        Self {
            to: None,
            stopping: Arc::default(),
        }
    }

    /// Answers. Whoever asked may be gone.
    pub(super) fn send(mut self, answer: Result<Value, RequestError>) {
        if let Some(to) = self.to.take() {
            let _ = to.send(answer);
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let Some(to) = self.to.take() else { return };
        let error = if self.stopping.load(Ordering::Acquire) {
            RequestError::Stopping
        } else {
            tracing::error!("a request was let go of without an answer");
            RequestError::Internal
        };
        let _ = to.send(Err(error));
    }
}

/// What the loop is told.
pub(super) enum Input {
    Request(Option<WindowKind>, Box<Request>, Reply),
    Subscribe(WindowKind, Sink),
    Unsubscribe(WindowKind),
    Tray(TrayAction),
    Notification(NotificationResponse),
    Hotkey,
    HotkeyState(HotkeyState),
    Focused(WindowKind),
    Blurred(WindowKind),
    Closed(WindowKind),
    DeepLink(String),
    Open(Option<GatewayId>, Option<String>),
    Suspend,
    Resume,
    TrayHost(bool),
    Notifications(bool),
    DoNotDisturb(bool),
    NoWindows(NoWindows),
    SettingsFile,
    Quit,
}

/// What can be read without asking the loop.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) gateways: BTreeMap<String, Arc<dyn Gateway>>,
    pub(super) active: Option<String>,
    pub(super) status: AppStatus,
    /// What windows are told in.
    pub(super) language: Language,
    /// The loop has ended.
    pub(super) stopping: Arc<AtomicBool>,
}

/// A handle on the running app. Clones are cheap; every call returns at once unless it is `async`.
#[derive(Clone)]
pub struct AppHandle {
    inbox: mpsc::UnboundedSender<Input>,
    shared: Arc<Mutex<Shared>>,
}

impl fmt::Debug for AppHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppHandle").finish_non_exhaustive()
    }
}

impl AppHandle {
    pub(super) fn new(inbox: mpsc::UnboundedSender<Input>, shared: Arc<Mutex<Shared>>) -> Self {
        Self { inbox, shared }
    }

    /// Asks for something on behalf of a window, or of none (the command line, which speaks English).
    ///
    /// # Errors
    /// What a window shows: a code, a sentence and a next step.
    pub async fn request(
        &self,
        window: impl Into<Option<WindowKind>>,
        request: Request,
    ) -> Result<Value, UiError> {
        let window = window.into();
        let (to, answer) = oneshot::channel();
        let reply = Reply {
            to: Some(to),
            stopping: Arc::clone(&self.lock().stopping),
        };
        self.tell(Input::Request(window, Box::new(request), reply));
        let answer = answer.await.unwrap_or(Err(RequestError::Stopping));
        answer.map_err(|error| {
            let language = window.map_or(Language::English, |_| self.lock().language);
            error.told(language)
        })
    }

    /// Gives a window its updates: a snapshot at once, then patches, at most one per frame. A second subscription of
    /// the same window replaces the first.
    pub fn subscribe(&self, window: WindowKind, sink: Sink) {
        self.tell(Input::Subscribe(window, sink));
    }
    /// Ends a window's updates.
    pub fn unsubscribe(&self, window: WindowKind) {
        self.tell(Input::Unsubscribe(window));
    }
    /// The tray or its menu was clicked.
    pub fn tray(&self, action: TrayAction) {
        self.tell(Input::Tray(action));
    }
    /// The user did something with a notification.
    pub fn notification(&self, response: NotificationResponse) {
        self.tell(Input::Notification(response));
    }
    /// The global hotkey was pressed.
    pub fn hotkey_pressed(&self) {
        self.tell(Input::Hotkey);
    }
    /// The hotkey's state changed by itself (the portal may report late).
    pub fn hotkey_state(&self, state: HotkeyState) {
        self.tell(Input::HotkeyState(state));
    }
    /// A window got the focus.
    pub fn window_focused(&self, window: WindowKind) {
        self.tell(Input::Focused(window));
    }
    /// A window lost the focus.
    pub fn window_blurred(&self, window: WindowKind) {
        self.tell(Input::Blurred(window));
    }
    /// A window was closed or hidden by the user.
    pub fn window_closed(&self, window: WindowKind) {
        self.tell(Input::Closed(window));
    }
    /// A `clawtray://` link was opened.
    pub fn deep_link(&self, url: impl Into<String>) {
        self.tell(Input::DeepLink(url.into()));
    }
    /// Shows the popup: on a session of a gateway profile, or of the active one.
    pub fn open(&self, gateway: Option<GatewayId>, session: Option<String>) {
        self.tell(Input::Open(gateway, session));
    }
    /// The system goes to sleep.
    pub fn suspend(&self) {
        self.tell(Input::Suspend);
    }
    /// The system woke up, or the network came back.
    pub fn resume(&self) {
        self.tell(Input::Resume);
    }
    /// Whether there is a place for the tray icon. Told at start and at every change.
    pub fn tray_host(&self, present: bool) {
        self.tell(Input::TrayHost(present));
    }
    /// Whether there is a notification server. Told at start and at every change.
    pub fn notifications_available(&self, available: bool) {
        self.tell(Input::Notifications(available));
    }
    /// The desktop's own do-not-disturb was switched.
    pub fn do_not_disturb(&self, on: bool) {
        self.tell(Input::DoNotDisturb(on));
    }
    /// No window can be opened.
    pub fn no_windows(&self, why: NoWindows) {
        self.tell(Input::NoWindows(why));
    }
    /// The settings file may be another.
    pub fn settings_file_changed(&self) {
        self.tell(Input::SettingsFile);
    }
    /// Ends the app: connections are closed, then the `run` future is done.
    pub fn quit(&self) {
        self.tell(Input::Quit);
    }

    /// The connection to a profile, the active one when not named.
    #[must_use]
    pub fn gateway(&self, profile: Option<&str>) -> Option<Arc<dyn Gateway>> {
        let shared = self.lock();
        let id = profile.or(shared.active.as_deref())?;
        shared.gateways.get(id).cloned()
    }

    /// How things stand.
    #[must_use]
    pub fn status(&self) -> AppStatus {
        self.lock().status.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, input: Input) {
        // After the loop has ended there is nobody left to tell.
        let _ = self.inbox.send(input);
    }
}

#[async_trait::async_trait]
impl Host for AppHandle {
    async fn act(&self, action: Action) -> Result<(), UiError> {
        match action {
            // The compositor's token is the window adapter's business; it is handed over before this call.
            Action::Toggle { activation: _ } => self.hotkey_pressed(),
            Action::Open {
                gateway,
                session,
                activation: _,
            } => self.open(gateway.map(GatewayId), session),
            Action::DoNotDisturb { until_ms } => {
                Self::request(self, None, Request::DoNotDisturb { until_ms }).await?;
            }
            Action::Link { url, activation: _ } => self.deep_link(url),
            Action::Quit => self.quit(),
        }
        Ok(())
    }
    async fn status(&self) -> AppStatus {
        Self::status(self)
    }
    async fn request(&self, window: Option<String>, request: Request) -> Result<Value, UiError> {
        let window = window.as_deref().and_then(WindowKind::from_label);
        Self::request(self, window, request).await
    }
    fn gateway(&self, profile: Option<&str>) -> Option<Arc<dyn Gateway>> {
        Self::gateway(self, profile)
    }
    fn active(&self) -> Option<String> {
        self.lock().active.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_that_nobody_answers_is_answered_all_the_same() {
        let dropped = |stopping: bool| {
            let (to, answer) = oneshot::channel();
            drop(Reply {
                to: Some(to),
                stopping: Arc::new(AtomicBool::new(stopping)),
            });
            answer
        };
        assert_eq!(dropped(false).await, Ok(Err(RequestError::Internal)));
        assert_eq!(dropped(true).await, Ok(Err(RequestError::Stopping)));
        let (to, answer) = oneshot::channel();
        let reply = Reply {
            to: Some(to),
            stopping: Arc::default(),
        };
        reply.send(Ok(Value::Null));
        assert_eq!(answer.await, Ok(Ok(Value::Null)), "answered once");
    }
}
