//! Guesses whether the panel behind the icon is light or dark. No interface tells, so the desktop
//! and its theme decide.

#[cfg(target_os = "linux")]
mod theme;

#[cfg(target_os = "linux")]
pub(crate) use theme::{follow, guess};

/// What the panel looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Panel {
    /// Dark: light strokes.
    Dark,
    /// Light: dark strokes.
    Light,
}

/// macOS recolours the icon itself; the bar of Windows is dark unless somebody changed it.
#[cfg(not(target_os = "linux"))]
pub(crate) const fn guess() -> Panel {
    if cfg!(target_os = "macos") {
        Panel::Light
    } else {
        Panel::Dark
    }
}
