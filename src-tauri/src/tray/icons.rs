//! The icons of the signs, rendered from `icons/tray/*.svg` by `icons/render.sh`.

use super::panel::Panel;
use clawtray_companion::ports::TraySign;
use std::io::Cursor;

/// A sign in all its sizes, smallest first, as PNG.
type Sizes = [&'static [u8]; 5];

/// An image: four bytes a pixel, red, green, blue and alpha.
pub(crate) struct Bitmap {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) rgba: Vec<u8>,
}

/// The sign for a panel in all its sizes, smallest first.
pub(crate) fn bitmaps(of: TraySign, panel: Panel) -> impl Iterator<Item = Bitmap> {
    sign(of, panel).iter().filter_map(|png| decode(png))
}

/// A PNG of eight bits a channel with alpha, as `icons/render.sh` makes them.
fn decode(png: &[u8]) -> Option<Bitmap> {
    let mut reader = png::Decoder::new(Cursor::new(png)).read_info().ok()?;
    let mut rgba = vec![0; reader.output_buffer_size()?];
    let frame = reader.next_frame(&mut rgba).ok()?;
    let whole = (frame.color_type, frame.bit_depth) == (png::ColorType::Rgba, png::BitDepth::Eight);
    whole.then_some(Bitmap {
        width: frame.width,
        height: frame.height,
        rgba,
    })
}

/// What needs the user has a colour.
const fn sign(sign: TraySign, panel: Panel) -> &'static Sizes {
    match (sign, panel) {
        (TraySign::Well, Panel::Dark) => &WELL_ON_DARK,
        (TraySign::Well, Panel::Light) => &WELL_ON_LIGHT,
        (TraySign::Working, Panel::Dark) => &WORKING_ON_DARK,
        (TraySign::Working, Panel::Light) => &WORKING_ON_LIGHT,
        (TraySign::NeedsYou, Panel::Dark) => &NEEDS_YOU_COLOR_ON_DARK,
        (TraySign::NeedsYou, Panel::Light) => &NEEDS_YOU_COLOR_ON_LIGHT,
        (TraySign::Offline, Panel::Dark) => &OFFLINE_ON_DARK,
        (TraySign::Offline, Panel::Light) => &OFFLINE_ON_LIGHT,
        (TraySign::NeedsSignIn, Panel::Dark) => &NEEDS_SIGN_IN_ON_DARK,
        (TraySign::NeedsSignIn, Panel::Light) => &NEEDS_SIGN_IN_ON_LIGHT,
    }
}

static WELL_ON_DARK: Sizes = [
    include_bytes!("../../../icons/tray/png/well-on-dark-16.png"),
    include_bytes!("../../../icons/tray/png/well-on-dark-22.png"),
    include_bytes!("../../../icons/tray/png/well-on-dark-24.png"),
    include_bytes!("../../../icons/tray/png/well-on-dark-32.png"),
    include_bytes!("../../../icons/tray/png/well-on-dark-44.png"),
];

static WELL_ON_LIGHT: Sizes = [
    include_bytes!("../../../icons/tray/png/well-on-light-16.png"),
    include_bytes!("../../../icons/tray/png/well-on-light-22.png"),
    include_bytes!("../../../icons/tray/png/well-on-light-24.png"),
    include_bytes!("../../../icons/tray/png/well-on-light-32.png"),
    include_bytes!("../../../icons/tray/png/well-on-light-44.png"),
];

static WORKING_ON_DARK: Sizes = [
    include_bytes!("../../../icons/tray/png/working-on-dark-16.png"),
    include_bytes!("../../../icons/tray/png/working-on-dark-22.png"),
    include_bytes!("../../../icons/tray/png/working-on-dark-24.png"),
    include_bytes!("../../../icons/tray/png/working-on-dark-32.png"),
    include_bytes!("../../../icons/tray/png/working-on-dark-44.png"),
];

static WORKING_ON_LIGHT: Sizes = [
    include_bytes!("../../../icons/tray/png/working-on-light-16.png"),
    include_bytes!("../../../icons/tray/png/working-on-light-22.png"),
    include_bytes!("../../../icons/tray/png/working-on-light-24.png"),
    include_bytes!("../../../icons/tray/png/working-on-light-32.png"),
    include_bytes!("../../../icons/tray/png/working-on-light-44.png"),
];

static NEEDS_YOU_COLOR_ON_DARK: Sizes = [
    include_bytes!("../../../icons/tray/png/needs-you-color-on-dark-16.png"),
    include_bytes!("../../../icons/tray/png/needs-you-color-on-dark-22.png"),
    include_bytes!("../../../icons/tray/png/needs-you-color-on-dark-24.png"),
    include_bytes!("../../../icons/tray/png/needs-you-color-on-dark-32.png"),
    include_bytes!("../../../icons/tray/png/needs-you-color-on-dark-44.png"),
];

static NEEDS_YOU_COLOR_ON_LIGHT: Sizes = [
    include_bytes!("../../../icons/tray/png/needs-you-color-on-light-16.png"),
    include_bytes!("../../../icons/tray/png/needs-you-color-on-light-22.png"),
    include_bytes!("../../../icons/tray/png/needs-you-color-on-light-24.png"),
    include_bytes!("../../../icons/tray/png/needs-you-color-on-light-32.png"),
    include_bytes!("../../../icons/tray/png/needs-you-color-on-light-44.png"),
];

static OFFLINE_ON_DARK: Sizes = [
    include_bytes!("../../../icons/tray/png/offline-on-dark-16.png"),
    include_bytes!("../../../icons/tray/png/offline-on-dark-22.png"),
    include_bytes!("../../../icons/tray/png/offline-on-dark-24.png"),
    include_bytes!("../../../icons/tray/png/offline-on-dark-32.png"),
    include_bytes!("../../../icons/tray/png/offline-on-dark-44.png"),
];

static OFFLINE_ON_LIGHT: Sizes = [
    include_bytes!("../../../icons/tray/png/offline-on-light-16.png"),
    include_bytes!("../../../icons/tray/png/offline-on-light-22.png"),
    include_bytes!("../../../icons/tray/png/offline-on-light-24.png"),
    include_bytes!("../../../icons/tray/png/offline-on-light-32.png"),
    include_bytes!("../../../icons/tray/png/offline-on-light-44.png"),
];

static NEEDS_SIGN_IN_ON_DARK: Sizes = [
    include_bytes!("../../../icons/tray/png/needs-sign-in-on-dark-16.png"),
    include_bytes!("../../../icons/tray/png/needs-sign-in-on-dark-22.png"),
    include_bytes!("../../../icons/tray/png/needs-sign-in-on-dark-24.png"),
    include_bytes!("../../../icons/tray/png/needs-sign-in-on-dark-32.png"),
    include_bytes!("../../../icons/tray/png/needs-sign-in-on-dark-44.png"),
];

static NEEDS_SIGN_IN_ON_LIGHT: Sizes = [
    include_bytes!("../../../icons/tray/png/needs-sign-in-on-light-16.png"),
    include_bytes!("../../../icons/tray/png/needs-sign-in-on-light-22.png"),
    include_bytes!("../../../icons/tray/png/needs-sign-in-on-light-24.png"),
    include_bytes!("../../../icons/tray/png/needs-sign-in-on-light-32.png"),
    include_bytes!("../../../icons/tray/png/needs-sign-in-on-light-44.png"),
];

#[cfg(test)]
mod tests {
    use super::{Panel, TraySign, bitmaps};

    #[test]
    fn every_sign_is_there_in_all_sizes() {
        for panel in [Panel::Dark, Panel::Light] {
            for sign in [
                TraySign::Well,
                TraySign::Working,
                TraySign::NeedsYou,
                TraySign::Offline,
                TraySign::NeedsSignIn,
            ] {
                let all: Vec<_> = bitmaps(sign, panel).collect();
                let sizes: Vec<_> = all.iter().map(|bitmap| (bitmap.width, bitmap.height)).collect();
                assert_eq!(
                    sizes,
                    [16, 22, 24, 32, 44].map(|edge| (edge, edge)),
                    "{sign:?} {panel:?}"
                );
                for bitmap in &all {
                    assert_eq!(bitmap.rgba.len() as u32, 4 * bitmap.width * bitmap.height);
                    assert!(
                        bitmap.rgba.chunks(4).any(|pixel| pixel[3] == 255),
                        "{sign:?} {panel:?}"
                    );
                }
            }
        }
    }
}
