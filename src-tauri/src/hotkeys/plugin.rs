//! Tauri's plugin, for Windows and macOS.

use crate::{
    inbox::{Inbox, Input},
    windows::SystemWindows,
};
use async_trait::async_trait;
use clawtray_companion::ports::{HotkeyState, Hotkeys};
use tauri::AppHandle;
use tauri_plugin_global_shortcut::{GlobalShortcutExt, Shortcut, ShortcutState};

pub(crate) struct PluginHotkeys {
    windows: SystemWindows,
    inbox: Inbox,
}

impl PluginHotkeys {
    pub(crate) const fn new(inbox: Inbox, windows: SystemWindows) -> Self {
        Self { windows, inbox }
    }
}

#[async_trait]
impl Hotkeys for PluginHotkeys {
    async fn bind(&self, keys: &str) -> HotkeyState {
        let (inbox, keys) = (self.inbox.clone(), keys.trim().to_owned());
        let app = self.windows.app().await;
        // The plugin waits for the main thread.
        let bound = tokio::task::spawn_blocking(move || bind(&app, &inbox, keys)).await;
        bound.unwrap_or_else(|_| HotkeyState::Refused("the system did not answer".into()))
    }
}

fn bind(app: &AppHandle, inbox: &Inbox, keys: String) -> HotkeyState {
    let shortcuts = app.global_shortcut();
    if let Err(error) = shortcuts.unregister_all() {
        tracing::warn!(%error, "the hotkey before could not be released");
    }
    if keys.is_empty() {
        return HotkeyState::Off;
    }
    let Ok(shortcut) = keys.parse::<Shortcut>() else {
        return HotkeyState::Refused(format!("{keys} is not a key with modifiers"));
    };
    let inbox = inbox.clone();
    let registered = shortcuts.on_shortcut(shortcut, move |_, _, event| {
        if event.state == ShortcutState::Pressed {
            inbox.put(Input::Hotkey);
        }
    });
    match registered {
        Ok(()) => HotkeyState::Active {
            route: "plugin",
            keys,
        },
        Err(error) => {
            tracing::info!(%error, "the hotkey could not be registered");
            HotkeyState::Taken
        }
    }
}
