//! The tray icon and its menu: a StatusNotifierItem on Linux, Tauri's tray elsewhere.

mod icons;
#[cfg(not(target_os = "linux"))]
mod native;
#[cfg(target_os = "linux")]
mod pace;
mod panel;
#[cfg(target_os = "linux")]
mod sni;

#[cfg(not(target_os = "linux"))]
pub(crate) use native::NativeTray as SystemTray;
#[cfg(target_os = "linux")]
pub(crate) use sni::SniTray as SystemTray;
