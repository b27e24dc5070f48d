//! Ports without a desktop: each request of the app becomes a JSON line, and secrets stay in
//! memory.

use async_trait::async_trait;
use clawtray_companion::connect::connect;
use clawtray_companion::ports::{
    Autostart, Clock, ConnectRequest, Connector, HotkeyState, Hotkeys, Notification, Notifier, Opener, Ports,
    Secret, SecretError, SecretKind, SecretStore, Tray, TrayModel, WindowKind, Windows,
};
use clawtray_embedded_gateway::{AgentBackend, Bridged, InApp};
use clawtray_gateway_client::Gateway;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

type Tell = Arc<dyn Fn(Value) + Send + Sync>;

/// Ports that tell `tell` what the app wants of the desktop.
pub fn ports(data: &Path, tell: impl Fn(Value) + Send + Sync + 'static) -> Ports {
    let tell: Tell = Arc::new(tell);
    Ports {
        secrets: Arc::new(InMemory::default()),
        tray: Arc::new(Told(Arc::clone(&tell))),
        notifier: Arc::new(Told(Arc::clone(&tell))),
        windows: Arc::new(Pages {
            tell: Arc::clone(&tell),
            shown: Mutex::default(),
        }),
        hotkeys: Arc::new(Told(Arc::clone(&tell))),
        autostart: Arc::new(Told(Arc::clone(&tell))),
        opener: Arc::new(Told(tell)),
        clock: Arc::new(WallClock),
        connector: Arc::new(Connect(InApp::new(
            data.join("embedded"),
            AgentBackend::from_env(|name| std::env::var(name).ok()),
        ))),
    }
}

#[derive(Default)]
struct InMemory(Mutex<HashMap<(String, SecretKind), Secret>>);

#[async_trait]
impl SecretStore for InMemory {
    async fn get(&self, profile: &str, kind: SecretKind) -> Result<Option<Secret>, SecretError> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(entries.get(&(profile.to_owned(), kind)).cloned())
    }
    async fn set(&self, profile: &str, kind: SecretKind, value: Secret) -> Result<(), SecretError> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((profile.to_owned(), kind), value);
        Ok(())
    }
    async fn delete(&self, profile: &str, kind: SecretKind) -> Result<(), SecretError> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&(profile.to_owned(), kind));
        Ok(())
    }
    async fn is_open(&self) -> bool {
        true
    }
    fn name(&self) -> String {
        "memory".into()
    }
}

struct Told(Tell);

impl Tray for Told {
    fn show(&self, model: &TrayModel) {
        (self.0)(json!({ "tray": format!("{:?}", model.sign), "tooltip": model.tooltip }));
    }
}
impl Notifier for Told {
    fn show(&self, notification: Notification) {
        (self.0)(json!({
            "notification": notification.tag, "title": notification.title, "body": notification.body,
        }));
    }
    fn withdraw(&self, tag: &str) {
        (self.0)(json!({ "withdrawn": tag }));
    }
}
#[async_trait]
impl Hotkeys for Told {
    async fn bind(&self, keys: &str) -> HotkeyState {
        (self.0)(json!({ "hotkey": keys }));
        HotkeyState::Active {
            keys: keys.to_owned(),
        }
    }
}
impl Autostart for Told {
    fn set(&self, on: bool) -> Result<(), String> {
        (self.0)(json!({ "autostart": on }));
        Ok(())
    }
}

impl Opener for Told {
    fn open(&self, url: &str) -> Result<(), String> {
        (self.0)(json!({ "open": url }));
        Ok(())
    }
}

/// A page is a window that is shown while its page is open.
struct Pages {
    tell: Tell,
    shown: Mutex<HashSet<WindowKind>>,
}

impl Windows for Pages {
    fn show(&self, window: WindowKind) {
        self.shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(window);
        (self.tell)(json!({ "show": window.label() }));
    }
    fn hide(&self, window: WindowKind) {
        self.shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&window);
        (self.tell)(json!({ "hide": window.label() }));
    }
    fn is_visible(&self, window: WindowKind) -> bool {
        self.shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&window)
    }
    fn is_focused(&self, window: WindowKind) -> bool {
        self.is_visible(window)
    }
    fn release(&self, window: WindowKind) {
        (self.tell)(json!({ "release": window.label() }));
    }
    fn fit_popup(&self, _height: f64) {}
}

struct WallClock;

impl Clock for WallClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
    fn local_minutes(&self) -> u32 {
        720
    }
}

struct Connect(InApp);

#[async_trait]
impl Connector for Connect {
    async fn connect(&self, request: ConnectRequest) -> Arc<dyn Gateway> {
        Arc::new(connect(request))
    }

    async fn start_embedded(&self) -> Result<(String, Secret), String> {
        let (url, token) = self.0.gateway().await.map_err(|error| error.to_string())?;
        Ok((url, Secret::new(token)))
    }

    async fn bridge(&self, to: Option<(u16, Arc<dyn Gateway>)>) -> Result<Option<String>, String> {
        let to = to.map(|(port, gateway)| (port, Bridged(gateway)));
        self.0.bridge(to).await.map_err(|error| error.to_string())
    }
}
