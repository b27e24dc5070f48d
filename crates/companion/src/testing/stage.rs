use super::{Bare, Desk, FakeGateway, Mirror};
use crate::api::Request;
use crate::app::{App, AppHandle, MemoryShelf, Options, Shelf};
use crate::ids::{GatewayId, SessionRef};
use crate::paths::Paths;
use crate::ports::WindowKind;
use crate::profiles::Profiles;
use serde_json::{Value, json};
use std::sync::Arc;

/// An app that runs on a desk, for stories.
pub struct Stage {
    /// The ports.
    pub desk: Desk,
    /// The way in.
    pub app: AppHandle,
    /// Its folders.
    pub folder: Arc<std::path::PathBuf>,
    running: tokio::task::JoinHandle<()>,
}

impl Stage {
    /// Starts an app in a folder.
    #[must_use]
    pub fn start(
        folder: impl Into<std::path::PathBuf>,
        desk: &Desk,
        around: Bare,
        shelf: impl Shelf,
    ) -> Self {
        Self::start_with(folder, desk, around, Box::new(shelf), |_| {})
    }

    /// Starts an app in a folder, with other options.
    #[must_use]
    pub fn start_with(
        folder: impl Into<std::path::PathBuf>,
        desk: &Desk,
        around: Bare,
        shelf: Box<dyn Shelf>,
        change: impl FnOnce(&mut Options),
    ) -> Self {
        let folder = folder.into();
        let mut options = Options {
            surroundings: Arc::new(around),
            shelf: Some(shelf),
            ..Options::default()
        };
        change(&mut options);
        let (app, run) = App::new(desk.ports(), Paths::under(&folder), options);
        #[allow(clippy::disallowed_methods, reason = "the one task of a test's app")]
        let running = tokio::spawn(run);
        Self {
            desk: desk.clone(),
            app,
            folder: Arc::new(folder),
            running,
        }
    }

    /// An app with one connected gateway, "Home", and its popup subscribed.
    pub async fn connected(folder: &std::path::Path, desk: &Desk, gateway: &FakeGateway) -> (Self, Mirror) {
        desk.put_gateway("ws://home", gateway);
        let stage = Self::start(folder, desk, Bare::default(), MemoryShelf::default());
        stage.add("Home", "ws://home", "secret").await;
        let mut popup = stage.subscribe(WindowKind::Popup);
        popup
            .until("connected", |m| {
                m.view.connection.version.is_some() && !m.view.transcript.loading
            })
            .await;
        stage.ask(Request::HideWindow).await;
        popup.drain();
        (stage, popup)
    }

    /// Adds a gateway; gives its id.
    pub async fn add(&self, name: &str, url: &str, token: &str) -> String {
        let request = Request::AddGateway {
            dialect: None,
            name: name.to_owned(),
            url: url.to_owned(),
            token: Some(token.to_owned()),
            session_only: false,
        };
        self.ask(request)
            .await
            .get("id")
            .and_then(Value::as_str)
            .expect("an id")
            .to_owned()
    }

    /// Subscribes a window.
    #[must_use]
    pub fn subscribe(&self, window: WindowKind) -> Mirror {
        let (mirror, sink) = Mirror::new();
        self.app.subscribe(window, sink);
        mirror
    }

    /// The gateway that is the active one, as the list of gateways has it.
    #[must_use]
    pub fn active(&self) -> GatewayId {
        let (profiles, _) = Profiles::open(Paths::under(self.folder.as_path()).profiles(), 0);
        profiles.active().unwrap_or_default().into()
    }

    /// A session of the active gateway.
    #[must_use]
    pub fn session(&self, key: &str) -> SessionRef {
        SessionRef::new(self.active(), key)
    }

    /// Asks for a window that may ask it, the popup first; the request must succeed.
    pub async fn ask(&self, request: Request) -> Value {
        let shown = format!("{request:?}");
        let windows = request.permission().windows;
        let popup = windows.iter().find(|window| **window == WindowKind::Popup);
        self.app
            .request(popup.or(windows.first()).copied(), request)
            .await
            .unwrap_or_else(|error| panic!("{shown}: {} {}", error.code, error.message))
    }

    /// Sends a prompt from the popup; gives its id.
    pub async fn send(&self, text: &str) -> String {
        let request = Request::SendMessage {
            session: None,
            gateway: None,
            text: text.to_owned(),
            attachments: Vec::new(),
        };
        self.ask(request)
            .await
            .get("id")
            .and_then(Value::as_str)
            .expect("an id")
            .to_owned()
    }

    /// Changes settings.
    pub async fn set(&self, patch: Value) {
        self.ask(Request::ChangeSettings { patch }).await;
    }

    /// Turns one notification switch.
    pub async fn switch(&self, name: &str, on: bool) {
        self.set(json!({ "notifications": { name: on } })).await;
    }

    /// Ends the app and waits for its end.
    pub async fn quit(self) {
        self.app.quit();
        self.running.await.expect("the app ended well");
    }
}
