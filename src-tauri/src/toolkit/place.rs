//! The position of the popup.

use tauri::{AppHandle, Monitor, PhysicalPosition, WebviewWindow};

/// The popup's top edge, as a part of the monitor's height.
const TOP: f64 = 0.22;

/// Centres the popup on the monitor with the pointer. Where the compositor places windows itself (Wayland), it does.
pub(super) fn popup(app: &AppHandle, window: &WebviewWindow, width: f64) -> tauri::Result<()> {
    match monitor(app)? {
        Some(monitor) => {
            let area = (
                monitor.position().x,
                monitor.position().y,
                monitor.size().width,
                monitor.size().height,
            );
            let (x, y) = position(area, monitor.scale_factor(), width);
            window.set_position(PhysicalPosition::new(x, y))
        }
        None => window.center(),
    }
}

fn monitor(app: &AppHandle) -> tauri::Result<Option<Monitor>> {
    let pointed = match app.cursor_position() {
        Ok(pointer) => app.monitor_from_point(pointer.x, pointer.y)?,
        Err(_) => None,
    };
    match pointed {
        Some(monitor) => Ok(Some(monitor)),
        None => app.primary_monitor(),
    }
}

/// The top left corner, in physical pixels, for a width in logical ones.
#[allow(clippy::cast_possible_truncation)]
fn position(area: (i32, i32, u32, u32), scale: f64, width: f64) -> (i32, i32) {
    let (left, top, across, down) = area;
    let free = (f64::from(across) - width * scale).max(0.0);
    (
        left + (free / 2.0).round() as i32,
        top + (f64::from(down) * TOP).round() as i32,
    )
}

#[cfg(test)]
mod tests {
    use super::position;

    #[test]
    fn the_popup_is_centred_with_its_top_at_22_percent() {
        let check =
            |area, scale, expected| assert_eq!(position(area, scale, 620.0), expected, "{area:?} × {scale}");
        check((0, 0, 1280, 800), 1.0, (330, 176));
        check((1280, 0, 1920, 1080), 1.0, (1930, 238));
        check((-3840, 100, 3840, 2160), 2.0, (-2540, 575));
        check((0, 0, 600, 400), 1.0, (0, 88));
    }
}
