//! A key grabbed from the X server. One thread waits for it and sleeps meanwhile; Tauri's plugin would look twenty times a
//! second and answer up to 50 ms late.

use super::keys::Keys;
use crate::inbox::{Inbox, Input};
use clawtray_companion::ports::HotkeyState;
use std::sync::{Arc, Mutex, PoisonError};
use x11rb::{
    connection::Connection,
    errors::ReplyError,
    protocol::{
        ErrorKind, Event,
        xkb::{self, ConnectionExt as _},
        xproto::{ConnectionExt as _, GrabMode, KeyButMask, Keycode, ModMask},
    },
    rust_connection::RustConnection,
};

/// Caps Lock and Num Lock: the key counts with and without them.
const LOCKS: [ModMask; 2] = [ModMask::LOCK, ModMask::M2];

pub(crate) struct X11Hotkeys {
    inbox: Inbox,
    grabber: Mutex<Option<Arc<Grabber>>>,
}

struct Grabber {
    connection: RustConnection,
    root: u32,
    bound: Mutex<Option<Bound>>,
}

#[derive(Clone, Copy)]
struct Bound {
    keys: Keys,
    keycode: Keycode,
    modifiers: ModMask,
}

impl X11Hotkeys {
    pub(crate) const fn new(inbox: Inbox) -> Self {
        Self {
            inbox,
            grabber: Mutex::new(None),
        }
    }

    pub(crate) async fn bind(&self, text: &str, keys: Keys) -> HotkeyState {
        let grabber = match self.grabber() {
            Ok(grabber) => grabber,
            Err(reason) => return HotkeyState::Unavailable(reason),
        };
        let text = text.to_owned();
        let bound = tokio::task::spawn_blocking(move || grabber.bind(keys, text)).await;
        bound.unwrap_or_else(|_| HotkeyState::Refused("the X server did not answer".into()))
    }

    pub(crate) async fn unbind(&self) {
        let grabber = lock(&self.grabber).clone();
        if let Some(grabber) = grabber {
            // Joining fails only when the task panicked; the key is off then as well.
            let _ = tokio::task::spawn_blocking(move || grabber.unbind()).await;
        }
    }

    /// The connection to the X server, with its thread; made at the first key.
    fn grabber(&self) -> Result<Arc<Grabber>, String> {
        let mut grabber = lock(&self.grabber);
        if let Some(grabber) = &*grabber {
            return Ok(grabber.clone());
        }
        let made = Arc::new(Grabber::connect().map_err(|reason| {
            tracing::warn!(%reason, "no global hotkey");
            "there is no X server".to_owned()
        })?);
        let (inside, inbox) = (made.clone(), self.inbox.clone());
        std::thread::Builder::new()
            .name("hotkey".into())
            .spawn(move || inside.wait(&inbox))
            .map_err(|_| "no thread for the hotkey".to_owned())?;
        *grabber = Some(made.clone());
        Ok(made)
    }
}

impl Grabber {
    fn connect() -> Result<Self, Box<dyn std::error::Error>> {
        let (connection, screen) = RustConnection::connect(None)?;
        // A key that is held down is one press, not a row of presses and releases.
        connection.xkb_use_extension(1, 0)?.reply()?;
        let repeat = xkb::PerClientFlag::DETECTABLE_AUTO_REPEAT;
        let none = xkb::BoolCtrl::default();
        connection
            .xkb_per_client_flags(xkb::ID::USE_CORE_KBD.into(), repeat, repeat, none, none, none)?
            .reply()?;
        let root = connection.setup().roots.get(screen).ok_or("no screen")?.root;
        Ok(Self {
            connection,
            root,
            bound: Mutex::new(None),
        })
    }

    fn bind(&self, keys: Keys, text: String) -> HotkeyState {
        self.unbind();
        let Some(keycode) = self.keycode(keys.keysym) else {
            return HotkeyState::Refused("this keyboard has no such key".into());
        };
        let bound = Bound {
            keys,
            keycode,
            modifiers: modifiers(keys),
        };
        match self.grab(bound) {
            Ok(()) => {
                *lock(&self.bound) = Some(bound);
                HotkeyState::Active {
                    route: "x11",
                    keys: text,
                }
            }
            Err(ReplyError::X11Error(error)) if error.error_kind == ErrorKind::Access => {
                self.release(bound);
                HotkeyState::Taken
            }
            Err(error) => {
                tracing::warn!(%error, "the hotkey could not be grabbed");
                self.release(bound);
                HotkeyState::Refused("the X server refused".into())
            }
        }
    }

    fn unbind(&self) {
        if let Some(bound) = lock(&self.bound).take() {
            self.release(bound);
        }
    }

    fn grab(&self, bound: Bound) -> Result<(), ReplyError> {
        for locks in lock_states() {
            let modifiers = bound.modifiers | locks;
            let grab = GrabMode::ASYNC;
            self.connection
                .grab_key(false, self.root, modifiers, bound.keycode, grab, grab)?
                .check()?;
        }
        Ok(())
    }

    fn release(&self, bound: Bound) {
        for locks in lock_states() {
            if let Ok(cookie) = self
                .connection
                .ungrab_key(bound.keycode, self.root, bound.modifiers | locks)
            {
                cookie.ignore_error();
            }
        }
        if self.connection.flush().is_err() {
            tracing::warn!("the X server is gone");
        }
    }

    fn keycode(&self, keysym: u32) -> Option<Keycode> {
        let setup = self.connection.setup();
        let (first, last) = (setup.min_keycode, setup.max_keycode);
        let mapping = self
            .connection
            .get_keyboard_mapping(first, last - first + 1)
            .ok()?
            .reply()
            .ok()?;
        let width = usize::from(mapping.keysyms_per_keycode).max(1);
        let place = mapping
            .keysyms
            .chunks(width)
            .position(|row| row.contains(&keysym))?;
        first.checked_add(Keycode::try_from(place).ok()?)
    }

    /// The keyboard changed: the key may lie elsewhere now.
    fn remap(&self) {
        let bound = *lock(&self.bound);
        if let Some(bound) = bound {
            let keycode = self.keycode(bound.keys.keysym).unwrap_or(bound.keycode);
            if keycode != bound.keycode {
                self.release(bound);
                let moved = Bound { keycode, ..bound };
                match self.grab(moved) {
                    Ok(()) => *lock(&self.bound) = Some(moved),
                    Err(error) => tracing::warn!(%error, "the hotkey was lost with the new keyboard layout"),
                }
            }
        }
    }

    fn wait(&self, inbox: &Inbox) {
        let relevant = KeyButMask::CONTROL | KeyButMask::SHIFT | KeyButMask::MOD1 | KeyButMask::MOD4;
        let mut held = false;
        loop {
            match self.connection.wait_for_event() {
                Ok(Event::KeyPress(press)) => {
                    let state = u16::from(press.state & relevant);
                    let ours = lock(&self.bound).is_some_and(|bound| {
                        bound.keycode == press.detail && u16::from(bound.modifiers) == state
                    });
                    if ours && !held {
                        held = true;
                        inbox.put(Input::Hotkey);
                    }
                }
                Ok(Event::KeyRelease(_)) => held = false,
                Ok(Event::MappingNotify(_)) => self.remap(),
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "the hotkey ends with the X server");
                    return;
                }
            }
        }
    }
}

fn modifiers(keys: Keys) -> ModMask {
    let masks = [
        (keys.ctrl, ModMask::CONTROL),
        (keys.shift, ModMask::SHIFT),
        (keys.alt, ModMask::M1),
        (keys.logo, ModMask::M4),
    ];
    masks
        .iter()
        .filter(|(held, _)| *held)
        .fold(ModMask::from(0_u16), |all, (_, mask)| all | *mask)
}

fn lock_states() -> [ModMask; 4] {
    let [caps, num] = LOCKS;
    [ModMask::from(0_u16), caps, num, caps | num]
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
