//! The windows on Windows and macOS: in this process.

use crate::{
    inbox::{Inbox, Input},
    toolkit::{Happened, Owner, Text},
};
use async_trait::async_trait;
use clawtray_companion::{
    api::{Request, UiError},
    app::AppHandle,
    ports::WindowKind,
};
use serde_json::value::to_raw_value;

/// The app as the owner of its windows.
pub(crate) struct InProcess(pub(crate) AppHandle);

#[async_trait]
impl Owner for InProcess {
    async fn request(&self, window: Option<WindowKind>, request: Request) -> Result<Text, UiError> {
        let answer = self.0.request(window, request).await?;
        to_raw_value(&answer).map_err(|error| UiError {
            code: "internal".into(),
            message: format!("The answer could not be written: {error}."),
            hint: None,
            retry_after_ms: None,
        })
    }

    fn subscribe(&self, window: WindowKind, sink: Box<dyn Fn(Text) + Send + Sync>) {
        let sink = move |update| match to_raw_value(&update) {
            Ok(update) => sink(update),
            Err(error) => tracing::error!(%error, "an update could not be written"),
        };
        self.0.subscribe(window, Box::new(sink));
    }
}

/// Hands on what happened to a window.
pub(crate) fn tell(inbox: Inbox) -> impl Fn(WindowKind, Happened) + Send + Sync {
    move |window, happened| match happened {
        Happened::Focus(focused) => inbox.put(Input::Focus(window, focused)),
        Happened::Closed => inbox.put(Input::Closed(window)),
        Happened::Released => inbox.put(Input::Released(window)),
        // The windows know it themselves.
        Happened::NotShown => {}
    }
}
