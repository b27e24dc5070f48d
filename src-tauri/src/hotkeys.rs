//! The global hotkey: a key grab on X11, the desktop portal on Wayland, Tauri's plugin on Windows
//! and macOS.

mod keys;
#[cfg(not(target_os = "linux"))]
mod plugin;
#[cfg(target_os = "linux")]
mod portal;
#[cfg(target_os = "linux")]
mod x11;

#[cfg(not(target_os = "linux"))]
use crate::SystemWindows;
use crate::inbox::Inbox;
use async_trait::async_trait;
use clawtray_companion::ports::{HotkeyState, Hotkeys};

/// The hotkey by the way that the session offers.
pub(crate) enum SystemHotkeys {
    #[cfg(not(target_os = "linux"))]
    Plugin(plugin::PluginHotkeys),
    #[cfg(target_os = "linux")]
    X11(x11::X11Hotkeys),
    #[cfg(target_os = "linux")]
    Portal(portal::PortalHotkeys),
}

impl SystemHotkeys {
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn new(inbox: Inbox, windows: &SystemWindows) -> Self {
        Self::Plugin(plugin::PluginHotkeys::new(inbox, windows.clone()))
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn new(inbox: Inbox, portal: crate::portal::Portal) -> Self {
        // Under Wayland an X server may be there for old programs; keys grabbed there work only while one of them
        // has the focus.
        if crate::environment::is_wayland() {
            Self::Portal(portal::PortalHotkeys::new(inbox, portal))
        } else {
            Self::X11(x11::X11Hotkeys::new(inbox))
        }
    }
}

#[async_trait]
impl Hotkeys for SystemHotkeys {
    async fn bind(&self, keys: &str) -> HotkeyState {
        if keys.trim().is_empty() {
            match self {
                #[cfg(not(target_os = "linux"))]
                Self::Plugin(plugin) => plugin.unbind().await,
                #[cfg(target_os = "linux")]
                Self::X11(keyboard) => keyboard.unbind().await,
                #[cfg(target_os = "linux")]
                Self::Portal(portal) => portal.unbind(),
            }
            return HotkeyState::Off;
        }
        let Some(parsed) = keys::parse(keys) else {
            return HotkeyState::Refused(format!("{keys} needs a key together with Ctrl, Alt or Super"));
        };
        match self {
            #[cfg(not(target_os = "linux"))]
            Self::Plugin(plugin) => plugin.bind(keys.trim(), parsed).await,
            #[cfg(target_os = "linux")]
            Self::X11(keyboard) => keyboard.bind(keys.trim(), parsed).await,
            #[cfg(target_os = "linux")]
            Self::Portal(portal) => portal.bind(parsed),
        }
    }
}
