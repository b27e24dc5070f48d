//! The real fonts behind the generic names of the desktop.
//!
//! WebKitGTK resolves `system-ui` and `monospace` again for each size and weight. Each time it asks
//! fontconfig some hundred questions, which costs 40 ms of a popup's first paint. A real family
//! name needs one question.

use gtk::{gdk, pango, prelude::*};
use serde::Serialize;

/// Families by their own names, as far as the desktop tells.
#[derive(Debug, Serialize)]
pub(crate) struct Fonts {
    /// What the desktop's programs are labelled with.
    ui: Option<String>,
    /// What has letters of one width.
    mono: Option<String>,
}

/// Asks the toolkit. On the main thread.
pub(crate) fn find() -> Fonts {
    let desktops = gtk::Settings::default().and_then(|settings| settings.gtk_font_name());
    Fonts {
        ui: desktops.and_then(|name| family(&name)),
        mono: family("monospace"),
    }
}

/// The family that a description in Pango's words leads to.
fn family(description: &str) -> Option<String> {
    let context = gdk::pango_context_get()?;
    let font = context.load_font(&pango::FontDescription::from_string(description))?;
    font.describe().family().map(Into::into)
}
