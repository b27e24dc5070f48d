//! Controls `clawtray-webview`, the program with the windows on Linux.
//!
//! WebKitGTK and GTK stay in memory until the process that loaded them ends. An app that waits in
//! the tray does not need them. A crash in them then ends only the windows. On Windows and macOS
//! the webview's libraries belong to the system, so `toolkit` is in this process.
//!
//! The program is started shortly after the app, and again when one ends. It waits with its
//! libraries loaded and linked: linking is a sixth of the time to a window. It keeps little memory,
//! and it connects to nothing before a window is wanted. It ends with the last window.

pub mod wire;

use crate::{
    activation::{self, Activation},
    inbox::{Inbox, Input},
    pages,
};
use clawtray_companion::{
    app::AppHandle,
    ports::{NoWindows, WindowKind, Windows},
};
use std::{
    collections::HashMap,
    io,
    os::{fd::OwnedFd, unix::net},
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::BufReader,
    net::UnixStream,
    process::{Child, Command},
    sync::{
        SetOnce,
        mpsc::{self, UnboundedReceiver, UnboundedSender},
    },
    task::JoinHandle,
};
use wire::{Order, Report, VERSION};

/// The program with the windows; it lies beside this one, or where packages put it.
const PROGRAM: &str = "clawtray-webview";
/// Where packages put what nobody starts by hand, seen from the folder of this program; after the Filesystem Hierarchy
/// Standard 3.0, 4.7.
const LIBEXEC: &str = "../libexec/clawtray";
/// When the first is started ahead, after the app has come up: what starts with the session has the disk until then.
const AHEAD: Duration = Duration::from_secs(2);
/// How long it may take to end once it is told to.
const GOODBYE: Duration = Duration::from_secs(2);

/// The windows, as this process knows them.
#[derive(Clone)]
pub(crate) struct WebviewProcess {
    inbox: Inbox,
    activation: Activation,
    app: Arc<SetOnce<AppHandle>>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    running: Option<Running>,
    /// How many were started so far.
    started: u64,
    /// The app ends; nothing is started ahead any more.
    ending: bool,
    windows: HashMap<WindowKind, Seen>,
    /// What was copied in a window would be gone with the program.
    keeps_clipboard: bool,
    /// In CSS pixels, once a page has said.
    popup_height: Option<f64>,
}

/// A program that was started. Dropped, it is told to end.
struct Running {
    number: u64,
    orders: UnboundedSender<Vec<u8>>,
    end: JoinHandle<()>,
}

/// What is known of a window.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// Asked for, and not let go of since.
    made: bool,
    visible: bool,
    focused: bool,
}

impl WebviewProcess {
    /// Nothing is started yet.
    pub(crate) fn new(inbox: Inbox, activation: Activation) -> Self {
        Self {
            inbox,
            activation,
            app: Arc::default(),
            state: Arc::default(),
        }
    }

    /// Whose windows they are. What pages ask for waits until this is known.
    pub(crate) fn serve(&self, app: AppHandle) {
        // Twice never happens, and the first would do.
        let _ = self.app.set(app);
        let windows = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(AHEAD).await;
            windows.start_ahead();
        });
    }

    /// Starts the program that will show the next window, unless one runs.
    fn start_ahead(&self) {
        let mut state = self.state();
        if state.ending || state.running.is_some() {
            return;
        }
        if let Err(error) = self.started(&mut state) {
            // The first window will say so.
            tracing::warn!(%error, program = PROGRAM, "could not be started ahead");
        }
    }

    /// Ends the program, if it runs, and waits for its end.
    pub(crate) async fn end(&self) {
        let running = {
            let mut state = self.state();
            state.ending = true;
            state.running.take()
        };
        if let Some(Running { end, orders, .. }) = running {
            drop(orders);
            if tokio::time::timeout(GOODBYE, end).await.is_err() {
                tracing::warn!("the windows are still ending");
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self, window: WindowKind) -> Seen {
        self.state().windows.get(&window).copied().unwrap_or_default()
    }

    /// Starts the program unless it runs.
    fn started(&self, state: &mut State) -> io::Result<()> {
        match state.running.take() {
            Some(running) if !running.orders.is_closed() => state.running = Some(running),
            gone => {
                if gone.is_some() {
                    self.lost(state);
                }
                state.started += 1;
                state.keeps_clipboard = false;
                state.running = Some(self.start(state.started)?);
            }
        }
        Ok(())
    }

    fn start(&self, number: u64) -> io::Result<Running> {
        let (ours, theirs) = net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut command = Command::new(program()?);
        command
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .kill_on_drop(true);
        // The first window gets it with the order to show.
        for name in activation::VARIABLES {
            command.env_remove(name);
        }
        let child = command.spawn()?;
        let socket = UnixStream::from_std(ours)?;
        let (orders, lines) = mpsc::unbounded_channel();
        let end = tokio::spawn(self.clone().follow(number, child, socket, lines));
        Ok(Running { number, orders, end })
    }

    /// From start to end of one program.
    async fn follow(
        self,
        number: u64,
        mut child: Child,
        socket: UnixStream,
        lines: UnboundedReceiver<Vec<u8>>,
    ) {
        let (from, to) = socket.into_split();
        let writing = tokio::spawn(wire::write(to, lines));
        let mut from = BufReader::new(from);
        let mut ready = false;
        loop {
            match wire::read(&mut from, wire::MOST_REPORT).await {
                Ok(Some(report)) => {
                    ready |= matches!(report, Report::Ready { .. });
                    self.hear(number, report).await;
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(kind = ?error.kind(), "the windows said something that is not understood");
                    // Killed below, when it is dropped.
                    break;
                }
            }
        }
        writing.abort();
        let ended = tokio::time::timeout(GOODBYE, child.wait()).await;
        let how = match ended {
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.kind().to_string(),
            Err(_) => "it had to be killed".to_owned(),
        };
        self.ended(number, ready, &how);
        // One that never came to a window would not the next time either.
        if ready {
            self.start_ahead();
        }
    }

    /// An upgrade may have put another program in place while this one runs.
    fn check(&self, version: &str) {
        if version != VERSION {
            tracing::error!(
                ours = VERSION,
                theirs = version,
                "the windows are of another version"
            );
            let mut state = self.state();
            state.running = None;
            self.lost(&mut state);
            self.inbox.put(Input::NoWindows(NoWindows::OtherVersion));
        }
    }

    async fn hear(&self, number: u64, report: Report) {
        if !self.state().is_running(number) {
            // Of a program that was told to end; another may be there by now.
            return;
        }
        match report {
            Report::Ready { version } => self.check(&version),
            Report::Request { id, window, request } => {
                let (app, reply) = (self.app.wait().await.clone(), self.to(number));
                tokio::spawn(async move {
                    let outcome = pages::request(&app, window, *request).await;
                    reply(&Order::Answer { id, outcome });
                });
            }
            Report::Subscribe { window } => {
                let updates = self.to(number);
                let sink = move |update| updates(&Order::Update { window, update });
                pages::subscribe(self.app.wait().await, window, sink);
            }
            Report::Focus { window, focused } => {
                let mut state = self.state();
                let seen = state.windows.entry(window).or_default();
                // Hidden in the meantime: this focus belongs to the time before.
                if seen.visible {
                    seen.focused = focused;
                    self.inbox.put(Input::Focus(window, focused));
                }
            }
            Report::Closed { window } => {
                self.note(window, |seen| (seen.visible, seen.focused) = (false, false));
                self.inbox.put(Input::Closed(window));
            }
            Report::NotShown { window } => {
                let mut state = self.state();
                state.windows.remove(&window);
                // The next time it is tried with another program.
                state.end_if_idle();
            }
            Report::Released {
                window,
                keeps_clipboard,
            } => {
                let mut state = self.state();
                state.keeps_clipboard = keeps_clipboard;
                let seen = state.windows.entry(window).or_default();
                // Asked for again in the meantime: it is being made anew.
                seen.made = seen.visible;
                self.inbox.put(Input::Released(window));
                state.end_if_idle();
            }
            Report::ClipboardLost => {
                let mut state = self.state();
                state.keeps_clipboard = false;
                state.end_if_idle();
            }
        }
    }

    fn note(&self, window: WindowKind, change: impl FnOnce(&mut Seen)) {
        change(self.state().windows.entry(window).or_default());
    }

    /// A way to tell something to the program with this number; it does not keep it running.
    fn to(&self, number: u64) -> impl Fn(&Order) + Send + use<> {
        let state = self.state();
        let running = state.running.as_ref().filter(|running| running.number == number);
        let orders = running.map(|running| running.orders.downgrade());
        move |order| {
            if let Some(orders) = orders.as_ref().and_then(mpsc::WeakUnboundedSender::upgrade) {
                // Nobody receives: it is ending.
                let _ = orders.send(wire::line(order));
            }
        }
    }

    /// A program has ended. Unless it was told to, its windows are gone with it.
    fn ended(&self, number: u64, ready: bool, how: &str) {
        let mut state = self.state();
        if !state.is_running(number) {
            return;
        }
        state.running = None;
        tracing::error!(%how, ready, "the windows ended by themselves");
        let asked_for = state.windows.values().any(|seen| seen.made);
        self.lost(&mut state);
        if asked_for && !ready {
            self.inbox
                .put(Input::NoWindows(NoWindows::Broken(how.to_owned())));
        }
    }

    /// All windows are gone with the program.
    fn lost(&self, state: &mut State) {
        for (window, seen) in std::mem::take(&mut state.windows) {
            if seen.visible {
                self.inbox.put(Input::Closed(window));
            }
            if seen.made {
                self.inbox.put(Input::Released(window));
            }
        }
    }
}

impl State {
    fn is_running(&self, number: u64) -> bool {
        self.running
            .as_ref()
            .is_some_and(|running| running.number == number)
    }

    /// Says something of a window that is there: a program that waits for its first has no use for it.
    fn tell_of(&self, window: WindowKind, order: &Order) {
        let made = self.windows.get(&window).is_some_and(|seen| seen.made);
        if let Some(running) = self.running.as_ref().filter(|_| made) {
            // Nobody receives: it is ending, and what it showed is told as lost.
            let _ = running.orders.send(wire::line(order));
        }
    }

    /// Ends the program when nothing needs it any more.
    fn end_if_idle(&mut self) {
        if !self.keeps_clipboard && !self.windows.values().any(|seen| seen.made) {
            self.running = None;
        }
    }
}

impl Windows for WebviewProcess {
    fn show(&self, window: WindowKind) {
        let activation = self.activation.take();
        let mut state = self.state();
        if let Err(error) = self.started(&mut state) {
            tracing::error!(%error, program = PROGRAM, "could not be started");
            let why = NoWindows::Broken(error.to_string());
            return self.inbox.put(Input::NoWindows(why));
        }
        let seen = state.windows.entry(window).or_default();
        let new = !std::mem::replace(&mut seen.made, true);
        seen.visible = true;
        let height = state.popup_height.filter(|_| new && window == WindowKind::Popup);
        if let Some(height) = height {
            state.tell_of(window, &Order::FitPopup { height });
        }
        state.tell_of(window, &Order::Show { window, activation });
    }

    fn hide(&self, window: WindowKind) {
        let mut state = self.state();
        let seen = state.windows.entry(window).or_default();
        (seen.visible, seen.focused) = (false, false);
        state.tell_of(window, &Order::Hide { window });
    }

    fn is_visible(&self, window: WindowKind) -> bool {
        self.seen(window).visible
    }

    fn is_focused(&self, window: WindowKind) -> bool {
        self.seen(window).focused
    }

    fn release(&self, window: WindowKind) {
        self.state().tell_of(window, &Order::Release { window });
    }

    fn fit_popup(&self, height: f64) {
        if !height.is_finite() {
            return;
        }
        let mut state = self.state();
        state.popup_height = Some(height);
        state.tell_of(WindowKind::Popup, &Order::FitPopup { height });
    }
}

fn program() -> io::Result<PathBuf> {
    // After an upgrade the system says of a running program's file that it is deleted; its folder is still right.
    let own = std::env::current_exe()?;
    let beside = own.with_file_name(PROGRAM);
    let packaged = own.parent().map(|folder| folder.join(LIBEXEC).join(PROGRAM));
    Ok(match packaged {
        Some(packaged) if !beside.is_file() && packaged.is_file() => packaged,
        Some(_) | None => beside,
    })
}
