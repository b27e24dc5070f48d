//! What a prompt can carry besides files: the clipboard, the selected text, a screenshot.
//!
//! Nothing is read unless a window asks for it. The result goes to that window alone.

use clawtray_companion::request_error::RequestError;
use serde::Serialize;

/// What was found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Captured {
    /// `image/png` or `text/plain`.
    mime_type: &'static str,
    /// Base64.
    content: String,
}

/// What this desktop can give, in the words of the windows: `clipboard`, `selection`, `screenshot`.
pub(crate) fn kinds() -> &'static [&'static str] {
    if !cfg!(target_os = "linux") {
        &[]
    } else if crate::environment::is_wayland() {
        // There, another program's selection is only given to the window that has the focus, and not to its text.
        &["clipboard", "screenshot"]
    } else {
        &["clipboard", "selection", "screenshot"]
    }
}

/// Takes one. Nothing when there is nothing, or when the person called it off.
pub(crate) async fn take(app: tauri::AppHandle, kind: &str) -> Result<Option<Captured>, RequestError> {
    if !kinds().contains(&kind) {
        return Err(RequestError::NoCapture);
    }
    #[cfg(target_os = "linux")]
    return linux::take(app, kind).await;
    #[cfg(not(target_os = "linux"))]
    {
        drop(app);
        Ok(None)
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::Captured;
    use ashpd::desktop::{ResponseError, screenshot::Screenshot};
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use clawtray_companion::request_error::RequestError;
    use gtk::gdk;
    use std::time::Duration;
    use tokio::sync::{OnceCell, oneshot};

    /// The program that owns a clipboard may hang; it is not waited for longer.
    const OWNER: Duration = Duration::from_secs(5);
    /// More than any gateway takes.
    const LARGEST: usize = 64 << 20;

    type Found = Option<(&'static str, Vec<u8>)>;

    pub(super) async fn take(app: tauri::AppHandle, kind: &str) -> Result<Option<Captured>, RequestError> {
        let found = match kind {
            "screenshot" => screenshot().await?,
            "selection" => clipboard(app, true).await?,
            _ => clipboard(app, false).await?,
        };
        let found = found.filter(|(_, bytes)| !bytes.is_empty());
        match found {
            Some((_, bytes)) if bytes.len() > LARGEST => Err(RequestError::CaptureTooLarge),
            found => Ok(found.map(|(mime_type, bytes)| Captured {
                mime_type,
                content: STANDARD.encode(bytes),
            })),
        }
    }

    /// The clipboard, or the text that is selected somewhere.
    async fn clipboard(app: tauri::AppHandle, selected: bool) -> Result<Found, RequestError> {
        let (done, found) = oneshot::channel::<Found>();
        let text = |clipboard: &gtk::Clipboard, done: oneshot::Sender<Found>| {
            clipboard.request_text(move |_, text| {
                let _ = done.send(text.map(|text| ("text/plain", text.as_bytes().to_vec())));
            });
        };
        app.run_on_main_thread(move || {
            if selected {
                return text(&gtk::Clipboard::get(&gdk::SELECTION_PRIMARY), done);
            }
            let clipboard = gtk::Clipboard::get(&gdk::SELECTION_CLIPBOARD);
            clipboard.request_contents(&gdk::Atom::intern("image/png"), move |clipboard, data| {
                let bytes = data.data();
                if bytes.is_empty() {
                    text(clipboard, done);
                } else {
                    let _ = done.send(Some(("image/png", bytes)));
                }
            });
        })
        .map_err(|_| RequestError::ClipboardSilent)?;
        match tokio::time::timeout(OWNER, found).await {
            Ok(found) => Ok(found.unwrap_or_default()),
            Err(_) => Err(RequestError::ClipboardSilent),
        }
    }

    /// This process's connection to the bus, registered with the portal before anything is asked of it.
    async fn registered() -> zbus::Result<zbus::Connection> {
        static BUS: OnceCell<zbus::Connection> = OnceCell::const_new();
        let connect = || async {
            let bus = zbus::Connection::session().await?;
            clawtray::portal::register(&bus, 1).await;
            Ok(bus)
        };
        BUS.get_or_try_init(connect).await.cloned()
    }

    /// The desktop's own dialog: what is shot is chosen there.
    async fn screenshot() -> Result<Found, RequestError> {
        let failed = |why: &dyn std::fmt::Display| {
            tracing::debug!(error = %why, "no screenshot");
            RequestError::NoScreenshot
        };
        let bus = registered().await.map_err(|error| failed(&error))?;
        let request = Screenshot::request()
            .connection(Some(bus))
            .interactive(true)
            .modal(false);
        let asked = request.send().await;
        let shot = match asked.and_then(|request| request.response()) {
            Ok(shot) => shot,
            Err(ashpd::Error::Response(ResponseError::Cancelled)) => return Ok(None),
            Err(error) => return Err(failed(&error)),
        };
        let (path, _) = glib::filename_from_uri(shot.uri().as_str()).map_err(|error| failed(&error))?;
        let bytes = tokio::fs::read(path).await.map_err(|error| failed(&error))?;
        Ok(Some(("image/png", bytes)))
    }
}
