//! What the panel behind the icon looks like. Nobody tells, so the desktop and its theme have to.

/// What the panel looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Panel {
    /// Dark: light strokes.
    Dark,
    /// Light: dark strokes.
    Light,
}

/// The first guess, before the toolkit is there.
pub(crate) const fn guess() -> Panel {
    if cfg!(target_os = "macos") {
        Panel::Light
    } else {
        Panel::Dark
    }
}

/// From the desktop's theme. On the main thread.
#[cfg(target_os = "linux")]
pub(crate) fn from_theme() -> Panel {
    use gtk::prelude::GtkSettingsExt;

    let desktop = std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default();
    let (name, prefers_dark) = gtk::Settings::default().map_or_else(Default::default, |settings| {
        let name = settings.gtk_theme_name().map(String::from).unwrap_or_default();
        (name, settings.is_gtk_application_prefer_dark_theme())
    });
    decide(&desktop, &name, prefers_dark)
}

/// The bar of some desktops is dark in every theme; elsewhere the panel goes with the theme.
#[cfg(target_os = "linux")]
fn decide(desktop: &str, theme: &str, prefers_dark: bool) -> Panel {
    const DARK_BAR: [&str; 5] = ["GNOME", "Unity", "Budgie", "Pantheon", "X-Cinnamon"];
    let dark_bar = desktop.split(':').any(|name| DARK_BAR.contains(&name));
    if dark_bar || prefers_dark || theme.to_ascii_lowercase().contains("dark") {
        Panel::Dark
    } else {
        Panel::Light
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{Panel, decide};

    #[test]
    fn desktops_and_themes() {
        for (desktop, theme, prefers_dark, expected) in [
            ("ubuntu:GNOME", "Yaru", false, Panel::Dark),
            ("KDE", "Breeze", false, Panel::Light),
            ("KDE", "Breeze-Dark", false, Panel::Dark),
            ("XFCE", "Adwaita", true, Panel::Dark),
            ("", "", false, Panel::Light),
        ] {
            assert_eq!(
                decide(desktop, theme, prefers_dark),
                expected,
                "{desktop} {theme} {prefers_dark}"
            );
        }
    }
}
