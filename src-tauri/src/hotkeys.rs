//! The global hotkey: Tauri's plugin on X11, Windows and macOS, the desktop portal on Wayland.

mod keys;
mod plugin;
#[cfg(target_os = "linux")]
mod portal;

use crate::{inbox::Inbox, windows::SystemWindows};
use async_trait::async_trait;
use clawtray_companion::ports::{HotkeyState, Hotkeys};
use plugin::PluginHotkeys;

/// The hotkey by the way that the session offers.
pub(crate) enum SystemHotkeys {
    Plugin(PluginHotkeys),
    #[cfg(target_os = "linux")]
    Portal(portal::PortalHotkeys),
}

impl SystemHotkeys {
    pub(crate) fn new(inbox: Inbox, windows: SystemWindows) -> Self {
        // Under Wayland an X server may be there for old programs; keys grabbed there work only while one of them
        // has the focus.
        #[cfg(target_os = "linux")]
        if crate::environment::is_wayland() {
            return Self::Portal(portal::PortalHotkeys::new(inbox));
        }
        Self::Plugin(PluginHotkeys::new(inbox, windows))
    }
}

#[async_trait]
impl Hotkeys for SystemHotkeys {
    async fn bind(&self, keys: &str) -> HotkeyState {
        if keys.trim().is_empty() {
            match self {
                Self::Plugin(plugin) => plugin.unbind().await,
                #[cfg(target_os = "linux")]
                Self::Portal(portal) => portal.unbind().await,
            }
            return HotkeyState::Off;
        }
        let Some(parsed) = keys::parse(keys) else {
            return HotkeyState::Refused(format!(
                "{keys} is not a key with at least one of Ctrl, Alt and Super"
            ));
        };
        match self {
            Self::Plugin(plugin) => plugin.bind(keys.trim(), parsed).await,
            #[cfg(target_os = "linux")]
            Self::Portal(portal) => portal.bind(&parsed).await,
        }
    }
}
