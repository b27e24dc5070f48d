//! The app's end of the control socket, and the message of a second start to the first.

use crate::{
    activation::{self, Activation},
    args::Arguments,
};
use async_trait::async_trait;
use clawtray_companion::{
    api::{Request, UiError},
    app::AppHandle,
    control::{Action, AppStatus, Host, Op},
    gateway::Gateway,
};
use serde_json::Value;
use std::sync::Arc;

/// Answers the control socket: the app does, once the windows have the compositor's leave.
pub(crate) struct ControlHost {
    pub(crate) app: AppHandle,
    pub(crate) activation: Activation,
}

#[async_trait]
impl Host for ControlHost {
    async fn act(&self, action: Action) -> Result<(), UiError> {
        match &action {
            Action::Toggle { activation }
            | Action::Open { activation, .. }
            | Action::Link { activation, .. } => {
                self.activation.give(activation.clone());
            }
            Action::DoNotDisturb { .. } | Action::Quit => {}
        }
        self.app.act(action).await
    }

    async fn status(&self) -> AppStatus {
        self.app.status()
    }

    async fn request(&self, window: Option<String>, request: Request) -> Result<Value, UiError> {
        Host::request(&self.app, window, request).await
    }

    fn gateway(&self, profile: Option<&str>) -> Option<Arc<dyn Gateway>> {
        self.app.gateway(profile)
    }

    fn active(&self) -> Option<String> {
        Host::active(&self.app)
    }
}

/// What a second start asks of the app that runs already.
pub(crate) fn second_start(arguments: &Arguments) -> Op {
    let activation = activation::own();
    match &arguments.link {
        Some(url) => Op::Link {
            url: url.clone(),
            activation,
        },
        None if arguments.toggle => Op::Toggle { activation },
        None => Op::Open {
            gateway: None,
            session: arguments.open.clone(),
            activation,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{Op, second_start};
    use crate::args::Arguments;

    #[test]
    fn a_second_start_hands_on_what_it_was_asked() {
        let link = Arguments {
            link: Some("clawtray://new".into()),
            toggle: true,
            ..Arguments::default()
        };
        assert!(matches!(second_start(&link), Op::Link { url, .. } if url == "clawtray://new"));
        let toggle = Arguments {
            toggle: true,
            ..Arguments::default()
        };
        assert!(matches!(second_start(&toggle), Op::Toggle { .. }));
        let open = Arguments {
            open: Some("agent:main:main".into()),
            ..Arguments::default()
        };
        assert!(
            matches!(second_start(&open), Op::Open { session: Some(key), .. } if key == "agent:main:main")
        );
        assert!(matches!(
            second_start(&Arguments::default()),
            Op::Open { session: None, .. }
        ));
    }
}
