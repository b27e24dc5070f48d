//! The app's side of the control socket, and what a second start says to the first.

use crate::{args::Arguments, windows::Activation};
use async_trait::async_trait;
use clawtray_companion::{
    api::{Request, UiError},
    app::AppHandle,
    control::{Action, AppStatus, Host, Op},
    gateway::Gateway,
    ports::WindowKind,
};
use serde_json::Value;
use std::sync::Arc;

/// Answers the control socket.
pub(crate) struct ControlHost {
    pub(crate) app: AppHandle,
    pub(crate) activation: Activation,
}

#[async_trait]
impl Host for ControlHost {
    async fn act(&self, action: Action) -> Result<(), UiError> {
        let request = match action {
            Action::Toggle { activation } => {
                self.activation.give(activation);
                self.app.hotkey_pressed();
                return Ok(());
            }
            Action::Open { session, activation } => {
                self.activation.give(activation);
                Request::ShowWindow {
                    window: WindowKind::Popup.label().into(),
                    session,
                }
            }
            Action::DoNotDisturb { until_ms } => Request::DoNotDisturb { until_ms },
            Action::Quit => Request::Quit,
        };
        self.app.request(None, request).await.map(drop)
    }

    async fn status(&self) -> AppStatus {
        self.app.status()
    }

    async fn request(&self, window: Option<String>, request: Request) -> Result<Value, UiError> {
        let window = window.as_deref().and_then(WindowKind::from_label);
        self.app.request(window, request).await
    }

    fn gateway(&self, profile: Option<&str>) -> Option<Arc<dyn Gateway>> {
        self.app.gateway(profile)
    }
}

/// What a second start asks of the app that runs already.
pub(crate) fn second_start(arguments: &Arguments) -> Op {
    let activation = std::env::var("XDG_ACTIVATION_TOKEN")
        .ok()
        .filter(|token| !token.is_empty());
    if arguments.toggle {
        Op::Toggle { activation }
    } else {
        Op::Open {
            session: arguments.open.clone(),
            activation,
        }
    }
}
