//! The commands that pages may call. None of them has a branch on product state.

use super::{Owner, Text, capture::Captured};
use clawtray_companion::{
    api::{Request, UiError},
    ports::WindowKind,
    words::Language,
};
use std::sync::Arc;
use tauri::{State, WebviewWindow, ipc::Channel};

/// Asks the app for something.
#[tauri::command]
pub(crate) async fn request(
    window: WebviewWindow,
    owner: State<'_, Arc<dyn Owner>>,
    request: Request,
) -> Result<Text, UiError> {
    owner
        .request(WindowKind::from_label(window.label()), request)
        .await
}

/// From now on the window's updates go into the channel.
#[tauri::command]
pub(crate) fn subscribe(window: WebviewWindow, owner: State<'_, Arc<dyn Owner>>, channel: Channel<Text>) {
    let Some(kind) = WindowKind::from_label(window.label()) else {
        return;
    };
    let sink = move |update| {
        if let Err(error) = channel.send(update) {
            tracing::debug!(%error, "a window is gone");
        }
    };
    owner.subscribe(kind, Box::new(sink));
}

/// Gives the page something of the desktop for a prompt, when the user asks for it. An error is in the
/// language of the page, a tag like `de`.
#[tauri::command]
pub(crate) async fn capture(
    app: tauri::AppHandle,
    kind: String,
    language: String,
) -> Result<Option<Captured>, UiError> {
    let captured = super::capture::take(app, &kind).await;
    captured.map_err(|error| error.told(Language::choose(&language, None)))
}
