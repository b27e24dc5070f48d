//! The windows' end of the socket to the app.

use crate::toolkit::{Happened, Owner, Text, ToolkitWindows, clipboard};
use async_trait::async_trait;
use clawtray::webview_process::wire::{self, Order, Report, VERSION};
use clawtray_companion::{
    api::{Request, UiError},
    ports::WindowKind,
    request_error::RequestError,
    words::Language,
};
use rustix::{
    io::{Errno, retry_on_intr},
    net::{RecvFlags, recv},
};
use std::{
    collections::HashMap,
    fs::File,
    io,
    os::{fd::AsFd, unix::net::UnixStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    io::BufReader,
    net::unix::OwnedReadHalf,
    sync::{mpsc, oneshot},
};

/// Takes the socket that the app gave as standard input. Children inherit nothing of it.
///
/// # Errors
/// Standard input is no socket.
pub(crate) fn take() -> io::Result<UnixStream> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.peer_addr()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(socket)
}

/// Whether the app has said something already, be it that it ended. It is left there.
///
/// # Errors
/// The socket is broken.
pub(crate) fn is_wanted(socket: &UnixStream) -> io::Result<bool> {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    match retry_on_intr(|| recv(socket, &mut [0_u8; 1], flags)) {
        Ok(_) => Ok(true),
        Err(error) if error == Errno::AGAIN => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Waits until the app wants something, and leaves it there. Whether it does: the app may end before.
///
/// # Errors
/// The socket is broken.
pub(crate) fn wait_for_order(socket: &UnixStream) -> io::Result<bool> {
    let (_, there) = retry_on_intr(|| recv(socket, &mut [0_u8; 1], RecvFlags::PEEK))?;
    Ok(there > 0)
}

type Sink = Arc<dyn Fn(Text) + Send + Sync>;
type Reply = oneshot::Sender<Result<Text, UiError>>;

/// The app, at the other end.
pub(crate) struct App {
    reports: mpsc::UnboundedSender<Vec<u8>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Of the last request.
    id: u64,
    asked: HashMap<u64, Reply>,
    pages: HashMap<WindowKind, Sink>,
}

impl App {
    /// The app at the other end of the socket, and the end that it speaks through.
    ///
    /// # Errors
    /// The socket is broken.
    pub(crate) fn new(socket: UnixStream) -> io::Result<(Arc<Self>, OwnedReadHalf)> {
        let (from, to) = tokio::net::UnixStream::from_std(socket)?.into_split();
        let (reports, lines) = mpsc::unbounded_channel();
        tokio::spawn(wire::write(to, lines));
        let state = Mutex::default();
        Ok((Arc::new(Self { reports, state }), from))
    }

    /// Obeys what the app says, and ends the windows with it.
    pub(crate) fn follow(self: &Arc<Self>, from: OwnedReadHalf, windows: ToolkitWindows) {
        let app = self.clone();
        tokio::spawn(async move {
            let mut from = BufReader::new(from);
            loop {
                match wire::read(&mut from, wire::MOST_ORDER).await {
                    Ok(Some(order)) => app.obey(order, &windows),
                    Ok(None) => break,
                    Err(error) => {
                        tracing::error!(kind = ?error.kind(), "the app said something that is not understood");
                        break;
                    }
                }
            }
            windows.exit();
        });
    }

    /// Windows can be made. On the main thread.
    pub(crate) fn ready(self: &Arc<Self>) {
        let app = self.clone();
        clipboard::when_lost(move || app.tell(&Report::ClipboardLost));
        self.tell(&Report::Ready {
            version: VERSION.to_owned(),
        });
    }

    /// Tells the app what happened to a window.
    pub(crate) fn happened(self: &Arc<Self>, window: WindowKind, happened: Happened) {
        self.tell(&match happened {
            Happened::Focus(focused) => Report::Focus { window, focused },
            Happened::Closed => Report::Closed { window },
            Happened::NotShown => Report::NotShown { window },
            Happened::Released => {
                self.state().pages.remove(&window);
                let app = self.clone();
                // The toolkit may run its loop in it, which it cannot while it tells of an event.
                glib::idle_add_once(move || {
                    let keeps_clipboard = clipboard::hand_over();
                    app.tell(&Report::Released {
                        window,
                        keeps_clipboard,
                    });
                });
                return;
            }
        });
    }

    fn obey(&self, order: Order, windows: &ToolkitWindows) {
        match order {
            Order::Show { window, activation } => windows.show(window, activation),
            Order::Hide { window } => windows.hide(window),
            Order::Release { window } => windows.release(window),
            Order::FitPopup { height } => windows.fit_popup(height),
            Order::Answer { id, outcome } => {
                let reply = self.state().asked.remove(&id);
                // A page that is gone waits for nothing.
                let _ = reply.map(|reply| reply.send(outcome));
            }
            Order::Update { window, update } => {
                let page = self.state().pages.get(&window).cloned();
                if let Some(page) = page {
                    page(update);
                }
            }
        }
    }

    fn tell(&self, report: &Report) {
        // Nobody receives: the app is gone, and this program is ending.
        let _ = self.reports.send(wire::line(report));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Owner for App {
    async fn request(&self, window: Option<WindowKind>, request: Request) -> Result<Text, UiError> {
        let (reply, answer) = oneshot::channel();
        let id = {
            let mut state = self.state();
            state.id += 1;
            let id = state.id;
            state.asked.insert(id, reply);
            id
        };
        let request = Box::new(request);
        let line = wire::line(&Report::Request { id, window, request });
        if u64::try_from(line.len()).is_ok_and(|length| length > wire::MOST_REPORT) {
            self.state().asked.remove(&id);
            return Err(RequestError::CallTooLarge(wire::MOST_REPORT / 1_000_000).told(Language::English));
        }
        // Nobody receives: the app is gone, and this program is ending.
        let _ = self.reports.send(line);
        // The app is gone, and with it what its language is.
        answer
            .await
            .unwrap_or_else(|_| Err(RequestError::Stopping.told(Language::English)))
    }

    fn subscribe(&self, window: WindowKind, sink: Box<dyn Fn(Text) + Send + Sync>) {
        self.state().pages.insert(window, sink.into());
        self.tell(&Report::Subscribe { window });
    }
}
