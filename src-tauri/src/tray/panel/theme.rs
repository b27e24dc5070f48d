//! Reads the desktop's theme without a toolkit.
//!
//! GTK's theme name comes from a variable, XSETTINGS or `settings.ini`. Dark or light comes from
//! the portal.

use super::Panel;
use crate::portal::Portal;
use ashpd::desktop::settings::{ColorScheme, Settings};
use futures_util::StreamExt as _;
use std::path::PathBuf;
use x11rb::{
    connection::Connection as _,
    protocol::xproto::{AtomEnum, ConnectionExt as _},
    rust_connection::RustConnection,
};
use zbus::Connection;

/// The theme's name, and whether it was asked to be dark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Theme {
    name: String,
    prefers_dark: bool,
}

/// What can be said at once.
pub(crate) fn guess() -> Panel {
    decide(&desktop(), &named().unwrap_or_default())
}

/// Says what the panel looks like, once everything was asked, and again when the desktop goes dark or light.
pub(crate) async fn follow(portal: Portal, tell: impl Fn(Panel)) {
    let desktop = desktop();
    let mut theme = match std::env::var("GTK_THEME") {
        Ok(_) => named(),
        Err(_) => tokio::task::spawn_blocking(xsettings)
            .await
            .ok()
            .flatten()
            .or_else(named),
    }
    .unwrap_or_default();
    let own = theme.prefers_dark;
    tell(decide(&desktop, &theme));
    let mut on_scheme = |scheme| {
        theme.prefers_dark = own || matches!(scheme, ColorScheme::PreferDark);
        tell(decide(&desktop, &theme));
    };
    let mut number = None;
    loop {
        if let Some(joined) = portal.joined().await {
            number = Some(joined.number);
            // A desktop without the portal has said all it can.
            if let Err(error) = follow_scheme(joined.bus, &mut on_scheme).await {
                tracing::debug!(%error, "no Settings portal");
            }
        }
        portal.another_bus_than(number).await;
    }
}

/// What the portal says of dark and light, until its bus is gone.
async fn follow_scheme(bus: Connection, mut tell: impl FnMut(ColorScheme)) -> ashpd::Result<()> {
    let portal = Settings::with_connection(bus).await?;
    let changes = portal.receive_color_scheme_changed().await?;
    let now = portal.color_scheme().await.ok();
    let mut schemes = std::pin::pin!(futures_util::stream::iter(now).chain(changes));
    while let Some(scheme) = schemes.next().await {
        tell(scheme);
    }
    Ok(())
}

fn desktop() -> String {
    std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default()
}

/// The bar of some desktops is dark in every theme; elsewhere the panel goes with the theme.
fn decide(desktop: &str, theme: &Theme) -> Panel {
    const DARK_BAR: [&str; 5] = ["GNOME", "Unity", "Budgie", "Pantheon", "X-Cinnamon"];
    let dark_bar = desktop.split(':').any(|name| DARK_BAR.contains(&name));
    if dark_bar || theme.prefers_dark || theme.name.to_ascii_lowercase().contains("dark") {
        Panel::Dark
    } else {
        Panel::Light
    }
}

/// By variable or by the user's file.
fn named() -> Option<Theme> {
    if let Ok(name) = std::env::var("GTK_THEME") {
        return Some(Theme {
            name,
            prefers_dark: false,
        });
    }
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))?;
    let text = std::fs::read_to_string(config.join("gtk-3.0/settings.ini")).ok()?;
    Some(from_ini(&text))
}

fn from_ini(text: &str) -> Theme {
    let mut theme = Theme::default();
    let lines = text.lines().filter_map(|line| line.split_once('='));
    for (key, value) in lines.map(|(key, value)| (key.trim(), value.trim())) {
        match key {
            "gtk-theme-name" => value.clone_into(&mut theme.name),
            "gtk-application-prefer-dark-theme" => {
                theme.prefers_dark = matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "yes");
            }
            _ => {}
        }
    }
    theme
}

/// What the X server's settings program says, where there is one.
fn xsettings() -> Option<Theme> {
    if crate::environment::is_wayland() {
        return None;
    }
    let (x, screen) = RustConnection::connect(None).ok()?;
    let atom = |name: String| Some(x.intern_atom(true, name.as_bytes()).ok()?.reply().ok()?.atom);
    let (selection, property) = (
        atom(format!("_XSETTINGS_S{screen}"))?,
        atom("_XSETTINGS_SETTINGS".into())?,
    );
    let owner = x.get_selection_owner(selection).ok()?.reply().ok()?.owner;
    x.setup().roots.get(screen)?;
    let value = x.get_property(false, owner, property, AtomEnum::ANY, 0, 1 << 16);
    from_xsettings(&value.ok()?.reply().ok()?.value)
}

/// From the property's bytes: freedesktop's XSETTINGS specification 0.5.
fn from_xsettings(bytes: &[u8]) -> Option<Theme> {
    let (&order, _) = bytes.split_first()?;
    let mut rest = Reader {
        big: order == 1,
        left: bytes.get(8..)?,
    };
    let mut theme = None;
    for _ in 0..rest.number(4)? {
        let kind = rest.take(2)?.first().copied()?;
        let name = rest.number(2)?;
        let name = rest.padded(name)?;
        rest.take(4)?;
        match kind {
            0 => rest.take(4)?,
            1 => {
                let value = rest.number(4)?;
                let value = rest.padded(value)?;
                if name == b"Net/ThemeName" {
                    theme = Some(Theme {
                        name: String::from_utf8_lossy(value).into_owned(),
                        prefers_dark: false,
                    });
                }
                value
            }
            2 => rest.take(8)?,
            _ => return theme,
        };
    }
    theme
}

struct Reader<'a> {
    big: bool,
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.left.split_at_checked(count)?;
        self.left = left;
        Some(taken)
    }

    /// A text, and what fills it up to a multiple of four.
    fn padded(&mut self, count: usize) -> Option<&'a [u8]> {
        let text = self.take(count)?;
        self.take(count.next_multiple_of(4) - count)?;
        Some(text)
    }

    fn number(&mut self, bytes: usize) -> Option<usize> {
        let taken = self.take(bytes)?.iter();
        let add = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        Some(if self.big {
            taken.fold(0, add)
        } else {
            taken.rev().fold(0, add)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Panel, Theme, decide, from_ini, from_xsettings};

    fn theme(name: &str, prefers_dark: bool) -> Theme {
        Theme {
            name: name.into(),
            prefers_dark,
        }
    }

    #[test]
    fn desktops_and_themes() {
        for (desktop, name, prefers_dark, expected) in [
            ("ubuntu:GNOME", "Yaru", false, Panel::Dark),
            ("KDE", "Breeze", false, Panel::Light),
            ("KDE", "Breeze-Dark", false, Panel::Dark),
            ("XFCE", "Adwaita", true, Panel::Dark),
            ("", "", false, Panel::Light),
        ] {
            assert_eq!(
                decide(desktop, &theme(name, prefers_dark)),
                expected,
                "{desktop} {name} {prefers_dark}"
            );
        }
    }

    #[test]
    fn the_file_of_the_toolkit() {
        let text =
            "[Settings]\n# a note\ngtk-theme-name = Materia-dark\ngtk-application-prefer-dark-theme=0\n";
        assert_eq!(from_ini(text), theme("Materia-dark", false));
        assert_eq!(
            from_ini("[Settings]\ngtk-application-prefer-dark-theme=true"),
            theme("", true)
        );
        assert_eq!(from_ini("nonsense"), Theme::default());
    }

    #[test]
    fn the_settings_of_the_x_server() {
        // One colour, one number, then the name; little-endian as a PC's daemon writes it.
        let mut bytes = vec![0, 0, 0, 0, 9, 0, 0, 0, 3, 0, 0, 0];
        bytes.extend([2, 0, 3, 0]);
        bytes.extend(b"Hue\0\x01\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08");
        bytes.extend([0, 0, 7, 0]);
        bytes.extend(b"Xft/DPI\0\x01\0\0\0\0\x80\x01\0");
        bytes.extend([1, 0, 13, 0]);
        bytes.extend(b"Net/ThemeName\0\0\0\x01\0\0\0\x0c\0\0\0Greybird-drk");
        assert_eq!(from_xsettings(&bytes), Some(theme("Greybird-drk", false)));
        for end in 0..bytes.len() {
            assert_eq!(from_xsettings(&bytes[..end]), None, "cut at {end}");
        }
        let mut big = vec![1, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 1, 0, 0, 13];
        big.extend(b"Net/ThemeName\0\0\0\0\0\0\x01\0\0\0\x07Adwaita\0");
        assert_eq!(from_xsettings(&big), Some(theme("Adwaita", false)));
        assert_eq!(from_xsettings(&[0xff; 64]), None);
    }
}
