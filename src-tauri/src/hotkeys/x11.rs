//! The hotkey as a key grab on X11.
//!
//! Tauri's plugin polls for a press twenty times a second and loses the key when the keyboard
//! layout changes. Here one thread sleeps until the X server reports a press or a new layout.

use super::keys::Keys;
use crate::inbox::{Inbox, Input};
use clawtray_companion::ports::HotkeyState;
use std::{
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};
use x11rb::{
    connection::Connection,
    errors::ReplyError,
    protocol::{
        ErrorKind, Event,
        xkb::{self, ConnectionExt as _, EventType, MapPart, SelectEventsAux},
        xproto::{ConnectionExt, GrabMode, KeyPressEvent, Keycode, Keysym, ModMask, Window},
    },
    rust_connection::RustConnection,
};

const NUM_LOCK: Keysym = 0xff7f;

pub(crate) struct X11Hotkeys {
    inbox: Inbox,
    keyboard: Arc<Mutex<Option<Arc<Keyboard>>>>,
}

impl X11Hotkeys {
    pub(crate) fn new(inbox: Inbox) -> Self {
        Self {
            inbox,
            keyboard: Arc::default(),
        }
    }

    pub(crate) async fn bind(&self, text: &str, keys: Keys) -> HotkeyState {
        let (inbox, keyboard, text) = (self.inbox.clone(), Arc::clone(&self.keyboard), text.to_owned());
        // The server's answers are waited for.
        let bound = tokio::task::spawn_blocking(move || {
            let mut keyboard = keyboard.lock().unwrap_or_else(PoisonError::into_inner);
            let server = match &*keyboard {
                Some(server) => Arc::clone(server),
                None => match Keyboard::watch(inbox) {
                    Ok(server) => Arc::clone(keyboard.insert(server)),
                    Err(error) => {
                        tracing::warn!(%error, "no global hotkey");
                        return HotkeyState::Unavailable("the X server offers no global shortcuts".into());
                    }
                },
            };
            server.bind(text, keys)
        });
        bound
            .await
            .unwrap_or_else(|_| HotkeyState::Refused("the system did not answer".into()))
    }

    pub(crate) async fn unbind(&self) {
        let keyboard = Arc::clone(&self.keyboard);
        // Joining fails only when the task panicked; the key is off then as well.
        let _ = tokio::task::spawn_blocking(move || {
            if let Some(server) = &*keyboard.lock().unwrap_or_else(PoisonError::into_inner) {
                server.release();
            }
        })
        .await;
    }
}

/// A connection of its own, on which a thread waits.
struct Keyboard {
    connection: RustConnection,
    root: Window,
    bound: Mutex<Option<Bound>>,
}

/// The hotkey that is wanted.
struct Bound {
    /// As the user wrote it.
    text: String,
    keysym: Keysym,
    modifiers: ModMask,
    /// None while the layout does not have the key, or another program has it.
    grab: Option<Grab>,
    /// What the app was told last.
    told: HotkeyState,
}

#[derive(Clone, Copy)]
struct Grab {
    modifiers: ModMask,
    /// Where the keysym is in the layout of now.
    keycode: Keycode,
    /// What the NumLock key sets in the layout of now.
    num_lock: ModMask,
}

/// Why there is no grab.
enum Refusal {
    Taken,
    /// The layout does not have the key.
    NoKey,
    Other(Box<dyn Error + Send + Sync>),
}

impl<E: Error + Send + Sync + 'static> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

impl Keyboard {
    fn watch(inbox: Inbox) -> Result<Arc<Self>, Box<dyn Error + Send + Sync>> {
        let (connection, screen) = RustConnection::connect(None)?;
        let root = connection.setup().roots.get(screen).ok_or("no screen")?.root;
        // A key that is held down is pressed once and released once, not again and again.
        let once = xkb::PerClientFlag::DETECTABLE_AUTO_REPEAT;
        let (keyboard, none) = (u16::from(xkb::ID::USE_CORE_KBD), xkb::BoolCtrl::default());
        connection.xkb_use_extension(1, 0)?.reply()?;
        connection
            .xkb_per_client_flags(keyboard, once, once, none, none, none)?
            .reply()?;
        // Who speaks this extension is told of layouts by its events alone.
        let events = EventType::MAP_NOTIFY | EventType::NEW_KEYBOARD_NOTIFY;
        let map = MapPart::KEY_SYMS | MapPart::MODIFIER_MAP;
        connection
            .xkb_select_events(
                keyboard,
                EventType::default(),
                events,
                map,
                map,
                &SelectEventsAux::new(),
            )?
            .check()?;
        let server = Arc::new(Self {
            connection,
            root,
            bound: Mutex::new(None),
        });
        let watched = Arc::clone(&server);
        thread::Builder::new().name("hotkey".into()).spawn(move || {
            let error = watched.wait(&inbox);
            tracing::warn!(%error, "the hotkey is no longer watched for");
        })?;
        Ok(server)
    }

    /// Puts presses into the inbox until the server is gone.
    fn wait(&self, inbox: &Inbox) -> x11rb::errors::ConnectionError {
        let mut held = false;
        loop {
            match self.connection.wait_for_event() {
                Ok(Event::KeyPress(press)) if !held && self.is_ours(&press) => {
                    held = true;
                    inbox.put(Input::Hotkey);
                }
                Ok(Event::KeyRelease(_)) => held = false,
                Ok(Event::XkbMapNotify(_) | Event::XkbNewKeyboardNotify(_)) => {
                    if let Some(state) = self.follow_layout() {
                        inbox.put(Input::HotkeyState(state));
                    }
                }
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    }

    fn is_ours(&self, press: &KeyPressEvent) -> bool {
        let known = ModMask::CONTROL | ModMask::SHIFT | ModMask::M1 | ModMask::M4;
        let held = ModMask::from(press.state.bits()) & known;
        let bound = self.bound();
        let grab = bound.as_ref().and_then(|bound| bound.grab);
        grab.is_some_and(|grab| grab.keycode == press.detail && grab.modifiers == held)
    }

    fn bound(&self) -> MutexGuard<'_, Option<Bound>> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bind(&self, text: String, keys: Keys) -> HotkeyState {
        self.release();
        let Some(keysym) = keysym(keys.name) else {
            return HotkeyState::Refused(format!("{text} has a key that cannot be used in a hotkey"));
        };
        let mut bound = Bound {
            text,
            keysym,
            modifiers: modifiers(&keys),
            grab: None,
            told: HotkeyState::Off,
        };
        // Held until the key is kept: a layout that changes meanwhile is followed after it.
        let mut current = self.bound();
        let state = self.take(&mut bound);
        // Kept without a grab as well: another layout may have the key, and have it free.
        *current = Some(bound);
        state
    }

    fn release(&self) {
        let before = self.bound().take();
        if let Some(grab) = before.and_then(|bound| bound.grab) {
            self.ungrab(&grab);
        }
    }

    /// Grabs the same key where the layout of now has it. How the hotkey stands, where that is news.
    fn follow_layout(&self) -> Option<HotkeyState> {
        let mut bound = self.bound();
        let bound = bound.as_mut()?;
        if let (Some(grab), Ok(Some(now))) = (bound.grab, self.place(bound.keysym))
            && now == (grab.keycode, grab.num_lock)
        {
            return None;
        }
        if let Some(grab) = bound.grab.take() {
            self.ungrab(&grab);
        }
        let before = bound.told.clone();
        let state = self.take(bound);
        (state != before).then_some(state)
    }

    /// Grabs the key, if it can be had.
    fn take(&self, bound: &mut Bound) -> HotkeyState {
        let text = &bound.text;
        let state = match self.grab(bound.keysym, bound.modifiers) {
            Ok(grab) => {
                bound.grab = Some(grab);
                HotkeyState::Active { keys: text.clone() }
            }
            Err(Refusal::Taken) => HotkeyState::Taken,
            Err(Refusal::NoKey) => {
                HotkeyState::Refused(format!("{text} has a key that is not in this keyboard layout"))
            }
            Err(Refusal::Other(error)) => {
                tracing::warn!(%error, "the hotkey could not be grabbed");
                HotkeyState::Refused("the X server declined the request".into())
            }
        };
        bound.told.clone_from(&state);
        state
    }

    fn grab(&self, keysym: Keysym, modifiers: ModMask) -> Result<Grab, Refusal> {
        let (keycode, num_lock) = self.place(keysym)?.ok_or(Refusal::NoKey)?;
        let grab = Grab {
            modifiers,
            keycode,
            num_lock,
        };
        for held in grab.states() {
            let asked = self.connection.grab_key(
                false,
                self.root,
                held,
                keycode,
                GrabMode::ASYNC,
                GrabMode::ASYNC,
            )?;
            if let Err(error) = asked.check() {
                self.ungrab(&grab);
                let taken =
                    matches!(&error, ReplyError::X11Error(error) if error.error_kind == ErrorKind::Access);
                return Err(if taken { Refusal::Taken } else { error.into() });
            }
        }
        Ok(grab)
    }

    fn ungrab(&self, grab: &Grab) {
        for held in grab.states() {
            // A server that is gone has no grab either.
            if let Ok(asked) = self.connection.ungrab_key(grab.keycode, self.root, held) {
                asked.ignore_error();
            }
        }
        let _ = self.connection.flush();
    }

    /// Which key has the keysym, and which modifier NumLock is.
    fn place(&self, keysym: Keysym) -> Result<Option<(Keycode, ModMask)>, ReplyError> {
        let setup = self.connection.setup();
        let (first, last) = (setup.min_keycode, setup.max_keycode);
        let layout = self
            .connection
            .get_keyboard_mapping(first, last.saturating_sub(first).saturating_add(1))?;
        let modifiers = self.connection.get_modifier_mapping()?;
        let (layout, modifiers) = (layout.reply()?, modifiers.reply()?);
        let width = usize::from(layout.keysyms_per_keycode).max(1);
        // The plain key before the shifted one, the first layout before the second.
        let find = |wanted: Keysym| {
            (0..width).find_map(|column| {
                let mut keys = (first..=last).zip(layout.keysyms.chunks(width));
                keys.find_map(|(keycode, keysyms)| (keysyms.get(column) == Some(&wanted)).then_some(keycode))
            })
        };
        let num_lock = find(NUM_LOCK).and_then(|key| {
            let mut rows = modifiers
                .keycodes
                .chunks(usize::from(modifiers.keycodes_per_modifier()).max(1));
            rows.position(|keys| keys.contains(&key))
        });
        let num_lock = num_lock.map_or(ModMask::default(), |row| ModMask::from(1_u16 << row));
        Ok(find(keysym).map(|keycode| (keycode, num_lock)))
    }
}

impl Grab {
    /// The keyboard states in which the grab counts. X11 treats locks as modifiers; the hotkey ignores them.
    fn states(&self) -> [ModMask; 4] {
        let locks = [
            ModMask::default(),
            ModMask::LOCK,
            self.num_lock,
            ModMask::LOCK | self.num_lock,
        ];
        locks.map(|locks| self.modifiers | locks)
    }
}

fn modifiers(keys: &Keys) -> ModMask {
    let held = [
        (keys.ctrl, ModMask::CONTROL),
        (keys.shift, ModMask::SHIFT),
        (keys.alt, ModMask::M1),
        (keys.logo, ModMask::M4),
    ];
    let held = held.into_iter().filter(|(held, _)| *held);
    held.fold(ModMask::default(), |all, (_, modifier)| all | modifier)
}

/// The number of a keysym (`X11/keysymdef.h`) that [`super::keys`] knows by name.
fn keysym(name: &str) -> Option<Keysym> {
    if let [letter] = name.as_bytes() {
        return Some(Keysym::from(*letter));
    }
    if let Some(number) = name.strip_prefix('F') {
        return number.parse::<Keysym>().ok().map(|number| 0xffbd + number);
    }
    Some(match name {
        "space" => 0x20,
        "comma" => 0x2c,
        "minus" => 0x2d,
        "period" => 0x2e,
        "slash" => 0x2f,
        "semicolon" => 0x3b,
        "equal" => 0x3d,
        "bracketleft" => 0x5b,
        "bracketright" => 0x5d,
        "grave" => 0x60,
        "BackSpace" => 0xff08,
        "Tab" => 0xff09,
        "Return" => 0xff0d,
        "Pause" => 0xff13,
        "Escape" => 0xff1b,
        "Home" => 0xff50,
        "Left" => 0xff51,
        "Up" => 0xff52,
        "Right" => 0xff53,
        "Down" => 0xff54,
        "Page_Up" => 0xff55,
        "Page_Down" => 0xff56,
        "End" => 0xff57,
        "Insert" => 0xff63,
        "Delete" => 0xffff,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{super::keys, keysym};

    #[test]
    fn every_key_that_can_be_named_has_a_keysym() {
        let mut numbers: Vec<u32> = keys::names()
            .map(|name| keysym(name).unwrap_or_else(|| panic!("{name} has no keysym")))
            .collect();
        let all = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), all, "two names have one keysym");
        assert_eq!(keysym("F1"), Some(0xffbe));
        assert_eq!(keysym("F24"), Some(0xffd5));
        assert_eq!(keysym("nonsense"), None);
    }
}
