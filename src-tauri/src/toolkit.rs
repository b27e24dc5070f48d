//! The windows' toolkit, Tauri: windows, the commands of their pages, and parts of the desktop that
//! need a toolkit.
//!
//! On Linux this is the program `clawtray-webview`. Elsewhere it is part of the app. `Owner` is
//! the only difference.

mod capture;
#[cfg(target_os = "linux")]
pub(crate) mod clipboard;
mod commands;
#[cfg(target_os = "linux")]
mod focus;
#[cfg(target_os = "linux")]
mod fonts;
#[cfg(target_os = "linux")]
mod guards;
mod place;
mod remembered;
mod windows;

#[cfg(target_os = "linux")]
pub(crate) use guards::prepare;
pub(crate) use windows::{Happened, ToolkitWindows};

use async_trait::async_trait;
use clawtray_companion::{
    api::{Request, UiError},
    ports::WindowKind,
};
use serde_json::value::RawValue;
use std::sync::Arc;
use tauri::RunEvent;

/// A JSON text that this process only forwards.
pub(crate) type Text = Box<RawValue>;

/// Whose windows these are.
#[async_trait]
pub(crate) trait Owner: Send + Sync + 'static {
    /// Asks for something on behalf of a window's page.
    async fn request(&self, window: Option<WindowKind>, request: Request) -> Result<Text, UiError>;

    /// From now on the window's updates go into the sink.
    fn subscribe(&self, window: WindowKind, sink: Box<dyn Fn(Text) + Send + Sync>);
}

/// Runs the main loop, on the main thread, until the windows are told to exit; the exit code. `began` is called when windows can
/// be made. The caller has entered a tokio runtime.
///
/// # Errors
/// The desktop cannot be reached.
pub(crate) fn run(
    owner: Arc<dyn Owner>,
    windows: &ToolkitWindows,
    began: impl FnOnce() + Send + 'static,
) -> tauri::Result<i32> {
    tauri::async_runtime::set(tokio::runtime::Handle::current());
    let windows = windows.clone();
    let desktop = tauri::Builder::default()
        .manage(owner)
        .invoke_handler(tauri::generate_handler![
            commands::request,
            commands::subscribe,
            commands::capture
        ])
        .setup(move |desktop| {
            windows.begin(desktop.handle());
            began();
            Ok(())
        })
        .build(tauri::generate_context!())?;
    Ok(desktop.run_return(|_, event| {
        if let RunEvent::ExitRequested { code: None, api, .. } = event {
            // The last window was let go of; when to end is the app's to say.
            api.prevent_exit();
        }
    }))
}
