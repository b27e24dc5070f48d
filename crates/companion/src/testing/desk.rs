use super::FakeGateway;
use crate::discovery::Surroundings;
use crate::gateway::Gateway;
use crate::ports::{
    Autostart, Clock, ConnectRequest, Connector, HotkeyState, Hotkeys, Notification, Notifier, Opener, Ports,
    Secret, SecretError, SecretKind, SecretStore, Tray, TrayModel, WindowKind, Windows,
};
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// All ports, recording. Clones share everything.
#[derive(Clone)]
pub struct Desk {
    inner: Arc<Mutex<Inner>>,
    changed: Arc<Notify>,
    start: Instant,
}

/// What the ports saw and how they answer.
#[derive(Default)]
pub struct Inner {
    /// The tray's models, newest last.
    pub tray: Vec<TrayModel>,
    /// Notifications shown, newest last.
    pub shown: Vec<Notification>,
    /// Tags withdrawn, newest last.
    pub withdrawn: Vec<String>,
    /// How many were withdrawn when the app last waited for the server.
    pub flushed: Option<usize>,
    /// Windows that are visible.
    pub visible: BTreeSet<&'static str>,
    /// The window that has the focus.
    pub focused: Option<&'static str>,
    /// Windows let go of.
    pub released: Vec<&'static str>,
    /// Links opened.
    pub opened: Vec<String>,
    /// Keys bound, newest last.
    pub keys: Vec<String>,
    /// What starting with the session was switched to, newest last.
    pub autostart: Vec<bool>,
    /// Why it cannot be switched.
    pub autostart_refused: Option<String>,
    /// How the hotkey answers; active when not said.
    pub hotkey: Option<HotkeyState>,
    /// The keychain.
    pub secrets: BTreeMap<(String, &'static str), String>,
    /// How the keychain fails.
    pub keychain: Option<SecretError>,
    /// It is open all the same.
    pub keychain_open: bool,
    /// How often something was read from the keychain.
    pub keychain_reads: u32,
    /// How often a person was said to ask for what came next.
    pub person_asked: u32,
    /// Connections asked for, newest last. Their secrets print as dots.
    pub requests: Vec<ConnectRequest>,
    /// Ports that the HTTP APIs were served on, newest last; `None` where they ended.
    pub bridges: Vec<Option<u16>>,
    /// Ports that another program has.
    pub taken_ports: BTreeSet<u16>,
    /// Gateways by URL.
    pub gateways: BTreeMap<String, FakeGateway>,
    /// Minutes since local midnight.
    pub local_minutes: u32,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            inner: Arc::new(Mutex::new(Inner {
                local_minutes: 600,
                ..Inner::default()
            })),
            changed: Arc::new(Notify::new()),
            start: Instant::now(),
        }
    }
}

impl Desk {
    /// What was recorded, and how the ports answer.
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Waits until the ports have seen something.
    pub async fn until<T>(&self, what: &str, mut look: impl FnMut(&Inner) -> Option<T>) -> T {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(found) = look(&self.lock()) {
                    return found;
                }
                changed.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(3600), wait)
            .await
            .unwrap_or_else(|_| panic!("never: {what}"))
    }

    /// Puts a gateway at a URL.
    pub fn put_gateway(&self, url: &str, gateway: &FakeGateway) {
        self.lock().gateways.insert(url.to_owned(), gateway.clone());
    }

    /// The ports.
    #[must_use]
    pub fn ports(&self) -> Ports {
        let all = Arc::new(self.clone());
        Ports {
            secrets: all.clone(),
            tray: all.clone(),
            notifier: all.clone(),
            windows: all.clone(),
            hotkeys: all.clone(),
            autostart: all.clone(),
            opener: all.clone(),
            clock: all.clone(),
            connector: all,
        }
    }

    fn record<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_waiters();
        result
    }
}

#[async_trait]
impl SecretStore for Desk {
    async fn get(&self, profile: &str, kind: SecretKind) -> Result<Option<Secret>, SecretError> {
        let mut inner = self.lock();
        inner.keychain_reads += 1;
        if let Some(error) = &inner.keychain {
            return Err(error.clone());
        }
        Ok(inner
            .secrets
            .get(&(profile.to_owned(), kind.word()))
            .map(Secret::new))
    }
    async fn set(&self, profile: &str, kind: SecretKind, value: Secret) -> Result<(), SecretError> {
        self.record(|inner| {
            if let Some(error) = &inner.keychain {
                return Err(error.clone());
            }
            inner
                .secrets
                .insert((profile.to_owned(), kind.word()), value.expose().to_owned());
            Ok(())
        })
    }
    async fn delete(&self, profile: &str, kind: SecretKind) -> Result<(), SecretError> {
        self.record(|inner| {
            if let Some(error) = &inner.keychain {
                return Err(error.clone());
            }
            inner.secrets.remove(&(profile.to_owned(), kind.word()));
            Ok(())
        })
    }
    async fn is_open(&self) -> bool {
        let inner = self.lock();
        inner.keychain.is_none() || inner.keychain_open
    }
    fn person_asks(&self) {
        self.record(|inner| inner.person_asked += 1);
    }
    fn name(&self) -> String {
        "Test keychain".to_owned()
    }
}

impl Tray for Desk {
    fn show(&self, model: &TrayModel) {
        self.record(|inner| {
            if inner.tray.last() != Some(model) {
                inner.tray.push(model.clone());
            }
        });
    }
}

#[async_trait]
impl Notifier for Desk {
    fn show(&self, notification: Notification) {
        self.record(|inner| inner.shown.push(notification));
    }
    fn withdraw(&self, tag: &str) {
        self.record(|inner| inner.withdrawn.push(tag.to_owned()));
    }
    async fn flush(&self) {
        self.record(|inner| inner.flushed = Some(inner.withdrawn.len()));
    }
}

impl Windows for Desk {
    fn show(&self, window: WindowKind) {
        self.record(|inner| {
            inner.visible.insert(window.label());
            inner.focused = Some(window.label());
        });
    }
    fn hide(&self, window: WindowKind) {
        self.record(|inner| {
            inner.visible.remove(window.label());
            inner.focused = inner.focused.filter(|focused| *focused != window.label());
        });
    }
    fn is_visible(&self, window: WindowKind) -> bool {
        self.lock().visible.contains(window.label())
    }
    fn is_focused(&self, window: WindowKind) -> bool {
        self.lock().focused == Some(window.label())
    }
    fn release(&self, window: WindowKind) {
        self.record(|inner| inner.released.push(window.label()));
    }
    fn fit_popup(&self, _: f64) {}
}

#[async_trait]
impl Hotkeys for Desk {
    async fn bind(&self, keys: &str) -> HotkeyState {
        self.record(|inner| {
            inner.keys.push(keys.to_owned());
            inner.hotkey.clone().unwrap_or_else(|| HotkeyState::Active {
                keys: keys.to_owned(),
            })
        })
    }
}

impl Autostart for Desk {
    fn set(&self, on: bool) -> Result<(), String> {
        self.record(|inner| {
            inner.autostart.push(on);
            inner.autostart_refused.clone().map_or(Ok(()), Err)
        })
    }
}

impl Opener for Desk {
    fn open(&self, url: &str) -> Result<(), String> {
        self.record(|inner| inner.opened.push(url.to_owned()));
        Ok(())
    }
}

impl Clock for Desk {
    fn now_ms(&self) -> i64 {
        1_790_000_000_000 + i64::try_from(self.start.elapsed().as_millis()).unwrap()
    }
    fn local_minutes(&self) -> u32 {
        self.lock().local_minutes
    }
}

#[async_trait]
impl Connector for Desk {
    async fn connect(&self, request: ConnectRequest) -> Arc<dyn Gateway> {
        let gateway = self
            .lock()
            .gateways
            .get(&request.url)
            .cloned()
            .unwrap_or_default();
        self.record(|inner| inner.requests.push(request));
        Arc::new(gateway)
    }
    async fn start_embedded(&self) -> Result<(String, Secret), String> {
        Ok(("ws://embedded".to_owned(), Secret::new("embedded-token")))
    }
    async fn bridge(&self, to: Option<(u16, Arc<dyn Gateway>)>) -> Result<Option<String>, String> {
        let port = to.map(|(port, _)| port);
        self.record(|inner| inner.bridges.push(port));
        if port.is_some_and(|port| self.lock().taken_ports.contains(&port)) {
            return Err("cannot listen there".to_owned());
        }
        Ok(port.map(|port| format!("http://bridge:{port}")))
    }
}

/// Surroundings with nothing but what is put there.
#[derive(Clone, Debug, Default)]
pub struct Bare {
    /// Environment variables.
    pub variables: Vec<(&'static str, String)>,
    /// Files by path.
    pub files: Vec<(&'static str, String)>,
    /// Gateways that announce themselves.
    pub announced: Vec<crate::nearby::Nearby>,
}

#[async_trait]
impl Surroundings for Bare {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.clone())
    }
    fn read(&self, path: &Path) -> Option<String> {
        self.files
            .iter()
            .find(|(key, _)| Path::new(key) == path)
            .map(|(_, text)| text.clone())
    }
    fn folders(&self, _: &Path) -> Vec<String> {
        Vec::new()
    }
    async fn answers(&self, _: &str, _: u16) -> bool {
        false
    }
    async fn nearby(&self) -> Vec<crate::nearby::Nearby> {
        self.announced.clone()
    }
}
