//! Requests of pages and updates for pages, as JSON text. Code that only forwards them does not
//! parse them.

use clawtray_companion::{
    api::{Request, UiError},
    app::AppHandle,
    ports::WindowKind,
};
use serde_json::value::{RawValue, to_raw_value};

/// A page's request, and the answer to it.
pub(crate) async fn request(
    app: &AppHandle,
    window: Option<WindowKind>,
    request: Request,
) -> Result<Box<RawValue>, UiError> {
    let answer = app.request(window, request).await?;
    to_raw_value(&answer).map_err(|error| UiError {
        code: "internal".into(),
        message: format!("The answer could not be written: {error}."),
        hint: None,
        retry_after_ms: None,
    })
}

/// From now on a window's updates go into the sink.
pub(crate) fn subscribe(app: &AppHandle, window: WindowKind, sink: impl Fn(Box<RawValue>) + Send + 'static) {
    let sink = move |update| match to_raw_value(&update) {
        Ok(update) => sink(update),
        Err(error) => tracing::error!(%error, "an update could not be written"),
    };
    app.subscribe(window, Box::new(sink));
}
