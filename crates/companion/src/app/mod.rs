//! The app: one loop over requests of windows, events of gateways, and timers.
//!
//! Every decision is made here or in the pure modules beside it. Ports only carry decisions out.

mod bridge;
mod chat;
mod decisions;
mod deep_link;
mod desktop;
mod diagnostics;
mod events;
mod files;
mod finding;
mod gateways;
mod handle;
mod history;
mod keychain;
mod link;
mod local_state;
mod missed;
mod needs;
mod notices;
mod notify;
mod publish;
mod records;
mod requests;
mod search;
mod session_pages;
mod session_requests;
mod shelf;
mod shelf_on_disk;
#[cfg(test)]
mod stories;
mod tray;
mod trial;
mod views;
mod whole;
mod windows;

pub use chat::attachment_view;
pub use handle::{AppHandle, Sink};
pub use shelf::{Done, Kept, MemoryShelf, Shelf, Told, Turn};
pub use shelf_on_disk::StoreShelf;

use crate::discovery::{Found, Surroundings, System};
use crate::outbox::Outbox;
use crate::paths::Paths;
use crate::ports::{IssuedToken, Ports, Secret, SecretError, SecretKind, WindowKind};
use crate::profiles::{EMBEDDED, ENVIRONMENT, Profiles};
use crate::settings::SettingsFile;
use crate::store::{SearchLane, StoreHandle};
use crate::tray_model::SteadySign;
use crate::words::{Language, Words};
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, FuturesUnordered, SelectAll};
use futures_util::{FutureExt, StreamExt};
use handle::{Input, Shared};
use link::{Link, LinkEvent};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// What the binary decides.
pub struct Options {
    /// The app's version.
    pub version: String,
    /// Start on the built-in gateway.
    pub embedded: bool,
    /// Take the gateway that the environment names for this session, without asking.
    pub accept_environment: bool,
    /// Show no window at start, unless nothing else would be there to be reached by.
    pub hidden: bool,
    /// What the system speaks: a tag like `de-AT`.
    pub system_language: Option<String>,
    /// What discovery looks at.
    pub surroundings: Arc<dyn Surroundings>,
    /// Where prompts, drafts and marks are kept; the store in the data folder when not said.
    pub shelf: Option<Box<dyn Shelf>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            embedded: false,
            accept_environment: false,
            hidden: false,
            system_language: None,
            surroundings: Arc::new(System),
            shelf: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("version", &self.version)
            .field("embedded", &self.embedded)
            .field("accept_environment", &self.accept_environment)
            .field("hidden", &self.hidden)
            .finish_non_exhaustive()
    }
}

/// What the app does when an answer arrives.
type Then = Box<dyn FnOnce(&mut App) + Send>;

/// What time brings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Timer {
    /// The next frame for the windows.
    Frame,
    /// The tray's sign may change again.
    Tray,
    /// Round trips are measured.
    Ping,
    /// Approvals and questions may have lapsed.
    Lapse,
    /// The session of a link was not listed in time.
    Link,
    /// Prompts that could not be written are tried again.
    Save,
    /// The HTTP APIs are tried again.
    Bridge,
    /// The popup that nobody asked for has waited for the desktop's dialog.
    FirstPopup,
    /// A hidden window is let go of.
    Release(WindowKind),
    /// A gateway has been away for a while.
    Down(String),
    /// State is read again, though the gateway did not say that subscriptions are in place.
    Resync(String),
    /// A keychain that could not be read is looked at again.
    Keychain(String),
    /// Prompts are tried again.
    Pump(String),
    /// The session list is read again.
    Refresh(String),
    /// Replies that ended without a notification are notified now.
    Digest(String),
    /// What waits is listed again.
    ListNeeds(String),
    /// Many approvals and questions are told as one.
    NeedsYou(String),
}

const PING_EVERY: Duration = Duration::from_secs(30);

/// The state of the app. Lives in the future that [`App::new`] gives.
pub struct App {
    ports: Ports,
    options: Options,
    shelf: local_state::LocalState,
    /// The local copy of the conversations, where there is a data folder.
    records: Option<StoreHandle>,
    /// Its budget, in megabytes.
    cache_megabytes: u32,
    search_lanes: HashMap<&'static str, SearchLane>,
    settings: SettingsFile,
    profiles: Profiles,
    links: BTreeMap<String, Link>,
    generation: u64,
    outbox: Outbox,
    /// Where files lie that are shared with the command line.
    data: std::path::PathBuf,
    /// Secrets of profiles that keep them for this session only.
    session_secrets: HashMap<(String, SecretKind), Secret>,
    /// Tokens of the environment, by profile, for when the gateway refuses the one that its configuration has.
    spare_tokens: HashMap<String, Secret>,
    /// What the keychain gave for each profile since the start.
    known: HashMap<String, keychain::Secrets>,
    /// Why the keychain did not give a profile's secrets, and how often in a row.
    keychain_trouble: HashMap<String, (SecretError, u32)>,
    found: Vec<Found>,
    notices: notices::Notices,
    hotkey: desktop::Hotkey,
    bridge: bridge::Bridge,
    /// What starting with the session was last switched to.
    autostart: bool,
    tray_host: Option<bool>,
    /// The desktop's own do-not-disturb is on.
    undisturbed: bool,
    /// The report that was shown last.
    report: Option<String>,
    windows: BTreeMap<&'static str, windows::Window>,
    /// A link whose session is not listed yet.
    pending_link: Option<deep_link::Place>,
    publisher: publish::Publisher,
    sign: SteadySign,
    shown_notifications: notify::ShownNotifications,
    /// There is no notification server.
    no_notifications: bool,
    /// Prompts that were written in notifications and are on their way.
    inline_replies: HashSet<String>,
    tasks: FuturesUnordered<BoxFuture<'static, Then>>,
    streams: SelectAll<BoxStream<'static, LinkEvent>>,
    timers: HashMap<Timer, Instant>,
    issued: (
        mpsc::UnboundedSender<IssuedToken>,
        mpsc::UnboundedReceiver<IssuedToken>,
    ),
    shared: Arc<Mutex<Shared>>,
    stopping: bool,
    /// Quitting was asked for, and answered with what would be lost.
    quit_asked: bool,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("profiles", &self.profiles)
            .finish_non_exhaustive()
    }
}

impl App {
    /// Makes the app: a handle for everybody and the future that is the app. The future ends after
    /// [`AppHandle::quit`].
    #[expect(
        clippy::new_ret_no_self,
        reason = "the app is the future; the handle is what others hold"
    )]
    pub fn new(
        ports: Ports,
        paths: Paths,
        mut options: Options,
    ) -> (AppHandle, impl Future<Output = ()> + Send) {
        let (inbox, inputs) = mpsc::unbounded_channel();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let handle = AppHandle::new(inbox, Arc::clone(&shared));
        let now_ms = ports.clock.now_ms();
        let (settings, settings_problem) = SettingsFile::open(paths.settings(), now_ms);
        let (profiles, gateways_problem) = Profiles::open(paths.profiles(), now_ms);
        // The last two may come later in this run.
        let ids = profiles.all().iter().map(|profile| profile.id.as_str());
        let known: BTreeSet<String> = ids.chain([EMBEDDED, ENVIRONMENT]).map(str::to_owned).collect();
        let known: Vec<String> = known.into_iter().collect();
        let cache_megabytes = settings.get().cache_megabytes;
        let (shelf, records, no_store) = match options.shelf.take() {
            Some(shelf) => (shelf, None, false),
            None => files::open_shelf(&paths, cache_megabytes),
        };
        let (shelf, left) = local_state::LocalState::load(shelf, &known);
        let outbox = Outbox::restored(left);
        let mut app = Self {
            ports,
            options,
            shelf,
            records,
            cache_megabytes,
            search_lanes: HashMap::new(),
            settings,
            profiles,
            links: BTreeMap::new(),
            generation: 0,
            outbox,
            data: paths.data,
            session_secrets: HashMap::new(),
            keychain_trouble: HashMap::new(),
            spare_tokens: HashMap::new(),
            known: HashMap::new(),
            found: Vec::new(),
            notices: notices::Notices::default(),
            hotkey: desktop::Hotkey::default(),
            bridge: bridge::Bridge::default(),
            autostart: false,
            tray_host: None,
            undisturbed: false,
            report: None,
            windows: BTreeMap::new(),
            pending_link: None,
            publisher: publish::Publisher::default(),
            sign: SteadySign::default(),
            shown_notifications: notify::ShownNotifications::default(),
            no_notifications: false,
            inline_replies: HashSet::new(),
            tasks: FuturesUnordered::new(),
            streams: SelectAll::new(),
            timers: HashMap::new(),
            issued: mpsc::unbounded_channel(),
            shared,
            stopping: false,
            quit_asked: false,
        };
        app.tell_language();
        app.say_what_files_lack(settings_problem, gateways_problem, no_store);
        (handle, app.run(inputs))
    }

    async fn run(mut self, mut inputs: mpsc::UnboundedReceiver<Input>) {
        self.start();
        while !self.stopping {
            self.settle_bridge();
            self.say_if_gateways_are_not_written();
            self.publish_if_due();
            let deadline = self.timers.values().min().copied();
            let sleep = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                input = inputs.recv() => match input {
                    Some(input) => self.on_input(input),
                    None => break,
                },
                Some(then) = self.tasks.next(), if !self.tasks.is_empty() => then(&mut self),
                Some(event) = self.streams.next(), if !self.streams.is_empty() => self.on_link_event(event),
                Some(saved) = self.shelf.next(), if !self.shelf.is_idle() => self.on_saved(saved),
                Some(token) = self.issued.1.recv() => self.on_issued(token),
                () = sleep => self.on_time(),
            }
        }
        self.stop().await;
    }

    fn start(&mut self) {
        self.bind_hotkey();
        self.switch_autostart();
        self.start_gateways();
        self.after(Timer::Ping, PING_EVERY);
        self.publisher.all_dirty();
    }

    async fn stop(mut self) {
        {
            let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.stopping.store(true, Ordering::Release);
        }
        // After the app nobody hears of a click on them.
        self.withdraw_all(None);
        self.publish();
        let gateways: Vec<_> = self
            .links
            .values()
            .filter_map(|link| link.gateway.clone())
            .collect();
        {
            let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.gateways.clear();
        }
        let all = futures_util::future::join_all(gateways.iter().map(|gateway| gateway.shutdown()));
        // What could not be written has a last chance.
        self.save_again();
        // A gateway that does not say goodbye does not hold up the end.
        let kept = async {
            if let Some(records) = &self.records {
                let _ = records.write(|_| Ok(())).await;
            }
        };
        let withdrawn = self.ports.notifier.flush();
        let kept = futures_util::future::join(kept, self.shelf.flush());
        let both = futures_util::future::join3(all, kept, withdrawn);
        let _ = tokio::time::timeout(Duration::from_secs(3), both).await;
    }

    fn on_input(&mut self, input: Input) {
        match input {
            Input::Request(window, request, reply) => self.on_request(window, *request, reply),
            Input::Subscribe(window, sink) => self.on_subscribe(window, sink),
            Input::Unsubscribe(window) => self.window(window).subscriber = None,
            Input::Tray(action) => self.on_tray(action),
            Input::Notification(response) => self.on_notification(response),
            Input::Hotkey => self.toggle_popup(),
            Input::HotkeyState(state) => self.on_hotkey_state(state),
            Input::Focused(window) => self.on_focused(window),
            Input::Blurred(window) => self.on_blurred(window),
            Input::Closed(window) => self.on_closed(window),
            Input::DeepLink(url) => self.on_deep_link(&url),
            Input::Open(gateway, session) => self.on_open(gateway, session),
            Input::Suspend => {}
            Input::Resume => self.on_resume(),
            Input::TrayHost(present) => self.on_tray_host(present),
            Input::Notifications(available) => self.on_notifications_available(available),
            Input::DoNotDisturb(on) => self.on_do_not_disturb(on),
            Input::NoWindows(why) => self.on_no_windows(&why),
            Input::SettingsFile => self.read_settings(),
            Input::Quit => self.stopping = true,
        }
    }

    fn on_time(&mut self) {
        let now = Instant::now();
        let due: Vec<Timer> = self
            .timers
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(timer, _)| timer.clone())
            .collect();
        for timer in due {
            self.timers.remove(&timer);
            match timer {
                Timer::Frame => {}
                Timer::Tray => self.publisher.tray_dirty = true,
                Timer::Ping => {
                    self.ping_all();
                    // Where the system tells of no changes.
                    self.read_settings();
                    self.read_gateways_again();
                    self.after(Timer::Ping, PING_EVERY);
                }
                Timer::Lapse => self.drop_lapsed(),
                Timer::Save => self.save_again(),
                Timer::Link => self.give_up_link(),
                Timer::Bridge => self.try_bridge_again(),
                Timer::FirstPopup => self.on_first_popup_due(),
                Timer::Release(window) => self.release(window),
                Timer::Down(profile) => self.on_down_for_long(&profile),
                Timer::Resync(profile) => self.resync(&profile),
                Timer::Keychain(profile) => self.look_at_keychain(&profile),
                Timer::Pump(profile) => self.pump(&profile),
                Timer::Refresh(profile) => self.refresh_sessions(&profile),
                Timer::Digest(profile) => self.tell_digest(&profile),
                Timer::ListNeeds(profile) => self.load_needs(&profile),
                Timer::NeedsYou(profile) => self.tell_needs(&profile),
            }
        }
    }

    /// Reads the settings file again if somebody else changed it.
    fn read_settings(&mut self) {
        let before = self.settings.left_alone();
        if self.settings.reload_if_changed() {
            self.on_settings_changed();
        }
        let now = self.settings.left_alone();
        if now != before {
            self.say_what_settings_lack(now);
        }
    }

    fn after(&mut self, timer: Timer, delay: Duration) {
        self.timers.insert(timer, Instant::now() + delay);
    }

    /// Keeps a timer that is already set.
    fn after_once(&mut self, timer: Timer, delay: Duration) {
        self.timers.entry(timer).or_insert_with(|| Instant::now() + delay);
    }

    /// Runs something beside the loop; what it gives is applied in the loop.
    fn spawn(&mut self, task: impl Future<Output = Then> + Send + 'static) {
        self.tasks.push(task.boxed());
    }

    fn now_ms(&self) -> i64 {
        self.ports.clock.now_ms()
    }

    fn language(&self) -> Language {
        let setting = &self.settings.get().language;
        Language::choose(setting, self.options.system_language.as_deref())
    }

    /// Requests of windows are answered in it. Whether it is another than before.
    fn tell_language(&self) -> bool {
        let language = self.language();
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut shared.language, language) != language
    }

    fn words(&self) -> &'static Words {
        self.language().words()
    }
}
