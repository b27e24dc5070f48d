//! The tray through Tauri, for Windows and macOS.

use super::{
    icons::bitmaps,
    panel::{self, Panel},
};
use crate::{
    SystemWindows,
    activation::Activation,
    inbox::{Inbox, Input},
};
use clawtray_companion::ports::{Tray, TrayAction, TrayItem, TrayModel, TraySign};
use std::sync::{Arc, Mutex, PoisonError};
use tauri::{
    AppHandle, Wry,
    image::Image,
    menu::{CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu},
    tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent},
};

/// The tray on Windows and macOS.
pub(crate) struct NativeTray {
    windows: SystemWindows,
    inbox: Inbox,
    panel: Panel,
    shown: Arc<Mutex<Shown>>,
}

#[derive(Default)]
struct Shown {
    icon: Option<TrayIcon>,
    model: Option<TrayModel>,
    /// What the menu's items do, by their id: their place in the menu.
    actions: Vec<TrayAction>,
}

impl NativeTray {
    pub(crate) fn start(inbox: Inbox, _activation: Activation, windows: SystemWindows) -> Self {
        Self {
            windows,
            inbox,
            panel: panel::guess(),
            shown: Arc::default(),
        }
    }
}

impl Tray for NativeTray {
    fn show(&self, model: &TrayModel) {
        let (inbox, panel, shown, model) =
            (self.inbox.clone(), self.panel, self.shown.clone(), model.clone());
        // Menus are made on the main thread.
        self.windows.with_app("tray", move |app| {
            apply(app, &inbox, panel, &shown, model).inspect_err(|_| inbox.put(Input::TrayHost(false)))
        });
    }
}

fn apply(
    app: &AppHandle,
    inbox: &Inbox,
    panel: Panel,
    shown: &Arc<Mutex<Shown>>,
    model: TrayModel,
) -> tauri::Result<()> {
    let mut state = shown.lock().unwrap_or_else(PoisonError::into_inner);
    if state.icon.is_none() {
        state.icon = Some(build(app, inbox, shown)?);
        inbox.put(Input::TrayHost(true));
    }
    let Some(icon) = state.icon.clone() else {
        return Ok(());
    };
    let old = state.model.as_ref();
    if old.map(|model| model.sign) != Some(model.sign) {
        let template = cfg!(target_os = "macos") && model.sign != TraySign::NeedsYou;
        let edge = if cfg!(target_os = "macos") { 44 } else { 32 };
        let image = bitmaps(model.sign, panel).find(|image| image.width == edge);
        let image = image.map(|image| Image::new_owned(image.rgba, image.width, image.height));
        icon.set_icon_with_as_template(image, template)?;
    }
    if old.map(|model| &model.tooltip) != Some(&model.tooltip) {
        icon.set_tooltip(Some(&model.tooltip))?;
    }
    if old.map(|model| &model.menu) != Some(&model.menu) {
        let mut actions = Vec::new();
        let items = items(app, &model.menu, &mut actions)?;
        let items: Vec<&dyn IsMenuItem<Wry>> = items.iter().map(AsRef::as_ref).collect();
        icon.set_menu(Some(Menu::with_items(app, &items)?))?;
        state.actions = actions;
    }
    state.model = Some(model);
    Ok(())
}

fn build(app: &AppHandle, inbox: &Inbox, shown: &Arc<Mutex<Shown>>) -> tauri::Result<TrayIcon> {
    let (clicks, picks, shown) = (inbox.clone(), inbox.clone(), shown.clone());
    TrayIconBuilder::with_id("clawtray")
        .show_menu_on_left_click(false)
        .on_tray_icon_event(move |_, event| {
            if let TrayIconEvent::Click {
                button,
                button_state: MouseButtonState::Up,
                ..
            } = event
            {
                match button {
                    MouseButton::Left => clicks.put(Input::Tray(TrayAction::TogglePopup)),
                    MouseButton::Middle => clicks.put(Input::Tray(TrayAction::OpenBrowser)),
                    MouseButton::Right => {}
                }
            }
        })
        .on_menu_event(move |_, event| {
            let state = shown.lock().unwrap_or_else(PoisonError::into_inner);
            let action = event
                .id()
                .as_ref()
                .parse::<usize>()
                .ok()
                .and_then(|place| state.actions.get(place));
            if let Some(action) = action {
                picks.put(Input::Tray(action.clone()));
            }
        })
        .build(app)
}

fn items(
    app: &AppHandle,
    model: &[TrayItem],
    actions: &mut Vec<TrayAction>,
) -> tauri::Result<Vec<Box<dyn IsMenuItem<Wry>>>> {
    let mut made: Vec<Box<dyn IsMenuItem<Wry>>> = Vec::with_capacity(model.len());
    for item in model {
        made.push(match item {
            TrayItem::Separator => Box::new(PredefinedMenuItem::separator(app)?),
            TrayItem::Label(label) => Box::new(MenuItem::new(app, literal(label), false, None::<&str>)?),
            TrayItem::Action { label, action } => Box::new(MenuItem::with_id(
                app,
                id(actions, action),
                literal(label),
                true,
                None::<&str>,
            )?),
            TrayItem::Check {
                label,
                checked,
                action,
            } => Box::new(CheckMenuItem::with_id(
                app,
                id(actions, action),
                literal(label),
                true,
                *checked,
                None::<&str>,
            )?),
            TrayItem::Submenu { label, items: inner } => {
                let inner = items(app, inner, actions)?;
                let inner: Vec<&dyn IsMenuItem<Wry>> = inner.iter().map(AsRef::as_ref).collect();
                Box::new(Submenu::with_items(app, literal(label), true, &inner)?)
            }
        });
    }
    Ok(made)
}

/// Menus take an ampersand for a mnemonic and do not show it; two are one ampersand.
fn literal(label: &str) -> String {
    label.replace('&', "&&")
}

/// An item's id is the place of its action.
fn id(actions: &mut Vec<TrayAction>, action: &TrayAction) -> String {
    actions.push(action.clone());
    (actions.len() - 1).to_string()
}
