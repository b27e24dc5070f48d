//! The signs, rendered from `icons/tray/*.svg` by `icons/render.sh`.

use super::panel::Panel;
use clawtray_companion::ports::TraySign;
use tauri::{image::Image, include_image};

/// A sign in all its sizes, smallest first.
pub(crate) type Sizes = [Image<'static>; 5];

/// The sign for a panel. What needs the user has a colour.
pub(crate) const fn sign(sign: TraySign, panel: Panel) -> &'static Sizes {
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
    include_image!("icons/tray/png/well-on-dark-16.png"),
    include_image!("icons/tray/png/well-on-dark-22.png"),
    include_image!("icons/tray/png/well-on-dark-24.png"),
    include_image!("icons/tray/png/well-on-dark-32.png"),
    include_image!("icons/tray/png/well-on-dark-44.png"),
];

static WELL_ON_LIGHT: Sizes = [
    include_image!("icons/tray/png/well-on-light-16.png"),
    include_image!("icons/tray/png/well-on-light-22.png"),
    include_image!("icons/tray/png/well-on-light-24.png"),
    include_image!("icons/tray/png/well-on-light-32.png"),
    include_image!("icons/tray/png/well-on-light-44.png"),
];

static WORKING_ON_DARK: Sizes = [
    include_image!("icons/tray/png/working-on-dark-16.png"),
    include_image!("icons/tray/png/working-on-dark-22.png"),
    include_image!("icons/tray/png/working-on-dark-24.png"),
    include_image!("icons/tray/png/working-on-dark-32.png"),
    include_image!("icons/tray/png/working-on-dark-44.png"),
];

static WORKING_ON_LIGHT: Sizes = [
    include_image!("icons/tray/png/working-on-light-16.png"),
    include_image!("icons/tray/png/working-on-light-22.png"),
    include_image!("icons/tray/png/working-on-light-24.png"),
    include_image!("icons/tray/png/working-on-light-32.png"),
    include_image!("icons/tray/png/working-on-light-44.png"),
];

static NEEDS_YOU_COLOR_ON_DARK: Sizes = [
    include_image!("icons/tray/png/needs-you-color-on-dark-16.png"),
    include_image!("icons/tray/png/needs-you-color-on-dark-22.png"),
    include_image!("icons/tray/png/needs-you-color-on-dark-24.png"),
    include_image!("icons/tray/png/needs-you-color-on-dark-32.png"),
    include_image!("icons/tray/png/needs-you-color-on-dark-44.png"),
];

static NEEDS_YOU_COLOR_ON_LIGHT: Sizes = [
    include_image!("icons/tray/png/needs-you-color-on-light-16.png"),
    include_image!("icons/tray/png/needs-you-color-on-light-22.png"),
    include_image!("icons/tray/png/needs-you-color-on-light-24.png"),
    include_image!("icons/tray/png/needs-you-color-on-light-32.png"),
    include_image!("icons/tray/png/needs-you-color-on-light-44.png"),
];

static OFFLINE_ON_DARK: Sizes = [
    include_image!("icons/tray/png/offline-on-dark-16.png"),
    include_image!("icons/tray/png/offline-on-dark-22.png"),
    include_image!("icons/tray/png/offline-on-dark-24.png"),
    include_image!("icons/tray/png/offline-on-dark-32.png"),
    include_image!("icons/tray/png/offline-on-dark-44.png"),
];

static OFFLINE_ON_LIGHT: Sizes = [
    include_image!("icons/tray/png/offline-on-light-16.png"),
    include_image!("icons/tray/png/offline-on-light-22.png"),
    include_image!("icons/tray/png/offline-on-light-24.png"),
    include_image!("icons/tray/png/offline-on-light-32.png"),
    include_image!("icons/tray/png/offline-on-light-44.png"),
];

static NEEDS_SIGN_IN_ON_DARK: Sizes = [
    include_image!("icons/tray/png/needs-sign-in-on-dark-16.png"),
    include_image!("icons/tray/png/needs-sign-in-on-dark-22.png"),
    include_image!("icons/tray/png/needs-sign-in-on-dark-24.png"),
    include_image!("icons/tray/png/needs-sign-in-on-dark-32.png"),
    include_image!("icons/tray/png/needs-sign-in-on-dark-44.png"),
];

static NEEDS_SIGN_IN_ON_LIGHT: Sizes = [
    include_image!("icons/tray/png/needs-sign-in-on-light-16.png"),
    include_image!("icons/tray/png/needs-sign-in-on-light-22.png"),
    include_image!("icons/tray/png/needs-sign-in-on-light-24.png"),
    include_image!("icons/tray/png/needs-sign-in-on-light-32.png"),
    include_image!("icons/tray/png/needs-sign-in-on-light-44.png"),
];
