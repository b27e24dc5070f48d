//! The global hotkey: grabbed from the X server, asked of the desktop portal on Wayland, through Tauri's plugin on
//! Windows and macOS.

#[cfg(target_os = "linux")]
mod keys;
#[cfg(not(target_os = "linux"))]
mod plugin;
#[cfg(target_os = "linux")]
mod portal;
#[cfg(target_os = "linux")]
mod x11;

#[cfg(not(target_os = "linux"))]
pub(crate) use plugin::PluginHotkeys as SystemHotkeys;

#[cfg(target_os = "linux")]
pub(crate) use linux::LinuxHotkeys as SystemHotkeys;

#[cfg(target_os = "linux")]
mod linux {
    use super::{keys, portal::PortalHotkeys, x11::X11Hotkeys};
    use crate::{inbox::Inbox, windows::SystemWindows};
    use async_trait::async_trait;
    use clawtray_companion::ports::{HotkeyState, Hotkeys};

    /// Hotkeys on Linux: what the session offers.
    pub(crate) enum LinuxHotkeys {
        X11(X11Hotkeys),
        Portal(PortalHotkeys),
    }

    impl LinuxHotkeys {
        pub(crate) fn new(inbox: Inbox, _windows: SystemWindows) -> Self {
            // Under Wayland an X server may be there for old programs; keys grabbed there work only while one of them
            // has the focus.
            if crate::environment::is_wayland() {
                Self::Portal(PortalHotkeys::new(inbox))
            } else {
                Self::X11(X11Hotkeys::new(inbox))
            }
        }
    }

    #[async_trait]
    impl Hotkeys for LinuxHotkeys {
        async fn bind(&self, keys: &str) -> HotkeyState {
            if keys.trim().is_empty() {
                match self {
                    Self::X11(x11) => x11.unbind().await,
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
                Self::X11(x11) => x11.bind(keys, parsed).await,
                Self::Portal(portal) => portal.bind(&parsed).await,
            }
        }
    }
}
