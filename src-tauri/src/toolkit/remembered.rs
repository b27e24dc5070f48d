//! The positions and sizes of browser and settings, stored in `windows.json` in the data folder.

use clawtray_companion::ports::WindowKind;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};
use tauri::{PhysicalPosition, PhysicalSize, WebviewWindow};

/// A window's place, in physical pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    x: i32,
    y: i32,
    width: u32,
    height: u32,
    #[serde(default)]
    maximized: bool,
}

/// What part of a window has to lie on a monitor to be found there, in pixels.
const GRIP: i32 = 64;

impl Place {
    /// Whether somebody would find a window there: its upper edge, where it is held, is on one of the monitors
    /// (left, top, width, height).
    fn is_reachable(&self, monitors: &[(i32, i32, u32, u32)]) -> bool {
        let right = self.x.saturating_add_unsigned(self.width);
        monitors.iter().any(|&(left, top, across, down)| {
            let (end, bottom) = (
                left.saturating_add_unsigned(across),
                top.saturating_add_unsigned(down),
            );
            let seen = right.min(end).saturating_sub(self.x.max(left));
            seen >= GRIP && self.y >= top && self.y <= bottom.saturating_sub(GRIP)
        })
    }
}

/// The places of the windows.
pub(super) struct Places {
    file: PathBuf,
    known: Mutex<BTreeMap<String, Place>>,
}

impl Places {
    /// Reads the file; one that cannot be read counts as empty.
    pub(super) fn open(file: PathBuf) -> Self {
        let known = fs::read(&file).ok();
        let known = known.and_then(|text| serde_json::from_slice(&text).ok());
        Self {
            file,
            known: Mutex::new(known.unwrap_or_default()),
        }
    }

    /// Puts a new window where the last one was. On the main thread.
    pub(super) fn restore(&self, kind: WindowKind, window: &WebviewWindow) -> tauri::Result<()> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = known.get(kind.label()).copied() else {
            return Ok(());
        };
        drop(known);
        let monitors: Vec<_> = window
            .available_monitors()?
            .iter()
            .map(|monitor| {
                let (position, size) = (monitor.position(), monitor.size());
                (position.x, position.y, size.width, size.height)
            })
            .collect();
        window.set_size(PhysicalSize::new(place.width, place.height))?;
        if place.is_reachable(&monitors) {
            window.set_position(PhysicalPosition::new(place.x, place.y))?;
        }
        if place.maximized {
            window.maximize()?;
        }
        Ok(())
    }

    /// Notes where a window is, before it is hidden. On the main thread.
    pub(super) fn note(&self, kind: WindowKind, window: &WebviewWindow) -> tauri::Result<()> {
        if kind == WindowKind::Popup || !window.is_visible()? || window.is_minimized()? {
            return Ok(());
        }
        let maximized = window.is_maximized()?;
        let (position, size) = (window.outer_position()?, window.inner_size()?);
        let place = Place {
            x: position.x,
            y: position.y,
            width: size.width,
            height: size.height,
            maximized,
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get_mut(kind.label()) {
            // A maximized window goes back to the size it had before.
            Some(before) if maximized => before.maximized = true,
            Some(before) if *before == place => return Ok(()),
            Some(before) => *before = place,
            None => {
                known.insert(kind.label().to_owned(), place);
            }
        }
        let text = serde_json::to_vec_pretty(&*known).unwrap_or_default();
        drop(known);
        if let Err(error) = fs::write(&self.file, text) {
            tracing::warn!(kind = ?error.kind(), "the windows' places could not be kept");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_place_counts_only_where_a_monitor_is() {
        let two = [(0, 0, 1920, 1080), (1920, 0, 1280, 1024)];
        let check = |x, y, expected| {
            let place = Place {
                x,
                y,
                width: 1000,
                height: 700,
                maximized: false,
            };
            assert_eq!(place.is_reachable(&two), expected, "{x}, {y}");
        };
        check(100, 100, true);
        check(2000, 10, true);
        check(-900, 10, true);
        check(-980, 10, false);
        check(3300, 10, false);
        check(100, 1060, false);
        check(100, -40, false);
    }
}
