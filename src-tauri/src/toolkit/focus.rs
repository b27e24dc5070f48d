//! Takes the focus, and returns it to the earlier window, on X11. Elsewhere the compositor does
//! this.

use gtk::prelude::{Cast, GtkWindowExt, WidgetExt};
use std::{
    error::Error,
    sync::{Mutex, PoisonError},
};
use tauri::WebviewWindow;
use x11rb::{
    connection::Connection,
    protocol::{
        Event,
        xproto::{
            AtomEnum, ClientMessageEvent, ConnectionExt, CreateWindowAux, EventMask, PropMode, WindowClass,
        },
    },
    rust_connection::RustConnection,
    wrapper::ConnectionExt as _,
};

/// What is known of focus on the X server; nothing on Wayland.
#[derive(Default)]
pub(super) struct Focus {
    x: Mutex<Option<X>>,
}

struct X {
    connection: RustConnection,
    root: u32,
    active: u32,
    /// A window of our own that is never shown; its property tells the server's time.
    clock: u32,
    previous: Option<u32>,
}

impl Focus {
    /// Remembers the window that is active now.
    pub(super) fn remember(&self) {
        self.with(|x| {
            x.previous = x.active_window();
            Ok(())
        });
    }

    /// Shows a window with the focus. On the main thread.
    ///
    /// X11 window managers refuse the focus to a window without a recent time of a user's action, and the toolkit has
    /// none when the action was a hotkey or a click in the tray; so the X server's own time is given.
    pub(super) fn show(&self, window: &WebviewWindow) -> tauri::Result<()> {
        let gtk_window = window.gtk_window()?;
        gtk_window.realize();
        let x11 = gtk_window
            .window()
            .and_then(|window| window.downcast::<gdkx11::X11Window>().ok());
        match (x11, self.with(|x| x.time())) {
            (Some(x11), Some(now)) => {
                x11.set_user_time(now);
                gtk_window.show_all();
                gtk_window.present_with_time(now);
                Ok(())
            }
            _ => {
                window.show()?;
                window.set_focus()
            }
        }
    }

    /// Whether the X server still has the focus in this window, whatever the toolkit was told: a key that somebody has
    /// grabbed takes the focus away for as long as it is held, our own hotkey among them.
    pub(super) fn stays(&self, window: &WebviewWindow) -> bool {
        let x11 = window.gtk_window().ok().and_then(|window| window.window());
        let x11 = x11.and_then(|window| window.downcast::<gdkx11::X11Window>().ok());
        let Some(id) = x11.and_then(|window| u32::try_from(window.xid()).ok()) else {
            return false;
        };
        self.with(|x| x.focus_is_in(id)).unwrap_or(false)
    }

    /// Asks the window manager to make the remembered window the active one again.
    pub(super) fn give_back(&self) {
        self.with(|x| x.previous.take().map_or(Ok(()), |window| x.activate(window)));
    }

    fn with<T>(&self, act: impl FnOnce(&mut X) -> Result<T, Box<dyn Error>>) -> Option<T> {
        if crate::environment::is_wayland() {
            return None;
        }
        let mut x = self.x.lock().unwrap_or_else(PoisonError::into_inner);
        let done = match &mut *x {
            Some(x) => act(x),
            none => X::connect().and_then(|connected| act(none.insert(connected))),
        };
        done.inspect_err(|error| tracing::debug!(%error, "the X server does not tell about the focus"))
            .ok()
    }
}

impl X {
    fn connect() -> Result<Self, Box<dyn Error>> {
        let (connection, screen) = RustConnection::connect(None)?;
        let root = connection.setup().roots.get(screen).ok_or("no screen")?.root;
        let active = connection
            .intern_atom(false, b"_NET_ACTIVE_WINDOW")?
            .reply()?
            .atom;
        let clock = connection.generate_id()?;
        let events = CreateWindowAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        connection
            .create_window(0, clock, root, 0, 0, 1, 1, 0, WindowClass::INPUT_ONLY, 0, &events)?
            .check()?;
        Ok(Self {
            connection,
            root,
            active,
            clock,
            previous: None,
        })
    }

    /// The server's time in milliseconds.
    fn time(&self) -> Result<u32, Box<dyn Error>> {
        let (string, name) = (AtomEnum::STRING, AtomEnum::WM_NAME);
        self.connection
            .change_property8(PropMode::APPEND, self.clock, name, string, &[])?
            .check()?;
        // The notice was sent before the answer to `check`.
        while let Some(event) = self.connection.poll_for_event()? {
            if let Event::PropertyNotify(notice) = event {
                return Ok(notice.time);
            }
        }
        Err("no notice of the change".into())
    }

    /// The toolkit gives the focus to a child of its window.
    fn focus_is_in(&self, window: u32) -> Result<bool, Box<dyn Error>> {
        let focus = self.connection.get_input_focus()?.reply()?.focus;
        // 0 and 1 are "none" and "follows the pointer".
        Ok(focus == window || (focus > 1 && self.connection.query_tree(focus)?.reply()?.parent == window))
    }

    fn active_window(&self) -> Option<u32> {
        let request = self
            .connection
            .get_property(false, self.root, self.active, AtomEnum::WINDOW, 0, 1);
        let window = request.ok()?.reply().ok()?.value32()?.next()?;
        (window != 0).then_some(window)
    }

    fn activate(&self, window: u32) -> Result<(), Box<dyn Error>> {
        // 2: on the user's behalf.
        let message = ClientMessageEvent::new(32, window, self.active, [2, self.time()?, 0, 0, 0]);
        let mask = EventMask::SUBSTRUCTURE_NOTIFY | EventMask::SUBSTRUCTURE_REDIRECT;
        self.connection.send_event(false, self.root, mask, message)?;
        self.connection.flush()?;
        Ok(())
    }
}
