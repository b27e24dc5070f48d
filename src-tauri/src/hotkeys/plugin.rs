//! The hotkey through Tauri's plugin.

use super::keys::Keys;
use crate::{
    SystemWindows,
    inbox::{Inbox, Input},
};
use clawtray_companion::ports::HotkeyState;
use tauri::{AppHandle, Manager as _};
use tauri_plugin_global_shortcut::{
    Builder, GlobalShortcut, GlobalShortcutExt as _, Shortcut, ShortcutState,
};

pub(crate) struct PluginHotkeys {
    windows: SystemWindows,
    inbox: Inbox,
}

impl PluginHotkeys {
    pub(crate) const fn new(inbox: Inbox, windows: SystemWindows) -> Self {
        Self { windows, inbox }
    }

    pub(crate) async fn bind(&self, text: &str, keys: Keys) -> HotkeyState {
        let (inbox, text) = (self.inbox.clone(), text.to_owned());
        let app = self.windows.app().await;
        // The plugin waits for the main thread.
        let bound = tokio::task::spawn_blocking(move || bind(&app, &inbox, text, keys)).await;
        bound.unwrap_or_else(|_| HotkeyState::Refused("the system did not answer".into()))
    }

    pub(crate) async fn unbind(&self) {
        let app = self.windows.app().await;
        // Joining fails only when the task panicked; the key is off then as well.
        let _ = tokio::task::spawn_blocking(move || {
            if let Some(shortcuts) = app.try_state::<GlobalShortcut<tauri::Wry>>() {
                release(&shortcuts);
            }
        })
        .await;
    }
}

fn bind(app: &AppHandle, inbox: &Inbox, text: String, keys: Keys) -> HotkeyState {
    // Loaded with the first key: it costs threads.
    if app.try_state::<GlobalShortcut<tauri::Wry>>().is_none()
        && let Err(error) = app.plugin(Builder::new().build())
    {
        tracing::warn!(%error, "no global hotkey");
        return HotkeyState::Unavailable("the system offers no global shortcuts".into());
    }
    let shortcuts = app.global_shortcut();
    release(shortcuts);
    let Ok(shortcut) = keys.accelerator().parse::<Shortcut>() else {
        return HotkeyState::Refused(format!("{text} has a key that cannot be used in a hotkey"));
    };
    let inbox = inbox.clone();
    let registered = shortcuts.on_shortcut(shortcut, move |_, _, event| {
        if event.state == ShortcutState::Pressed {
            inbox.put(Input::Hotkey);
        }
    });
    match registered {
        Ok(()) => HotkeyState::Active { keys: text },
        Err(error) => {
            tracing::info!(%error, "the hotkey could not be registered");
            // The plugin hands on the sentence alone (`global_hotkey::Error::AlreadyRegistered`).
            if error.to_string().contains("already registered") {
                HotkeyState::Taken
            } else {
                HotkeyState::Refused("the system declined the request".into())
            }
        }
    }
}

fn release(shortcuts: &GlobalShortcut<tauri::Wry>) {
    if let Err(error) = shortcuts.unregister_all() {
        tracing::warn!(%error, "the hotkey before could not be released");
    }
}
