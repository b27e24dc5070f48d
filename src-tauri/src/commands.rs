//! What windows may call. All hand on what they get, unread.

use crate::capture::Captured;
use clawtray_companion::{
    api::{Request, UiError, Update},
    app::AppHandle,
    ports::WindowKind,
};
use tauri::{State, WebviewWindow, ipc::Channel};

/// Asks the app for something.
#[tauri::command]
pub(crate) async fn request(
    window: WebviewWindow,
    app: State<'_, AppHandle>,
    request: Request,
) -> Result<serde_json::Value, UiError> {
    app.request(WindowKind::from_label(window.label()), request).await
}

/// From now on the window's updates go into the channel.
#[tauri::command]
pub(crate) fn subscribe(window: WebviewWindow, app: State<'_, AppHandle>, channel: Channel<Update>) {
    let Some(kind) = WindowKind::from_label(window.label()) else {
        return;
    };
    app.subscribe(
        kind,
        Box::new(move |update| {
            if let Err(error) = channel.send(update) {
                tracing::debug!(%error, "a window is gone");
            }
        }),
    );
}

/// Something of the desktop that goes with a prompt, when the person asks for it.
#[tauri::command]
pub(crate) async fn capture(app: tauri::AppHandle, kind: String) -> Result<Option<Captured>, UiError> {
    crate::capture::take(app, &kind).await
}
