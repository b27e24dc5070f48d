//! The windows on Windows and macOS, inside this process.

use crate::{
    inbox::{Inbox, Input},
    pages,
    toolkit::{Happened, Owner, Text},
};
use async_trait::async_trait;
use clawtray_companion::{
    api::{Request, UiError},
    app::AppHandle,
    ports::WindowKind,
};

/// The app as the owner of its windows.
pub(crate) struct InProcess(pub(crate) AppHandle);

#[async_trait]
impl Owner for InProcess {
    async fn request(&self, window: Option<WindowKind>, request: Request) -> Result<Text, UiError> {
        pages::request(&self.0, window, request).await
    }

    fn subscribe(&self, window: WindowKind, sink: Box<dyn Fn(Text) + Send + Sync>) {
        pages::subscribe(&self.0, window, sink);
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
