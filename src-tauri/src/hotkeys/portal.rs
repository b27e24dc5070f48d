//! The key asked of the desktop through `org.freedesktop.portal.GlobalShortcuts`, for Wayland.
//!
//! The desktop shows its own dialog and may choose other keys; what it answers is what is reported.

use super::keys::Keys;
use crate::{
    environment::APP_ID,
    inbox::{Inbox, Input},
};
use ashpd::desktop::{
    CreateSessionOptions, Session,
    global_shortcuts::{BindShortcutsOptions, GlobalShortcuts, NewShortcut},
};
use clawtray_companion::ports::HotkeyState;
use futures_util::StreamExt;
use tokio::{sync::Mutex, task::JoinHandle};

const SHORTCUT: &str = "toggle";

pub(crate) struct PortalHotkeys {
    inbox: Inbox,
    bound: Mutex<Option<Bound>>,
}

struct Bound {
    session: Session<GlobalShortcuts>,
    waiting: JoinHandle<()>,
}

impl PortalHotkeys {
    pub(crate) fn new(inbox: Inbox) -> Self {
        Self {
            inbox,
            bound: Mutex::new(None),
        }
    }

    pub(crate) async fn bind(&self, keys: &Keys) -> HotkeyState {
        self.unbind().await;
        match self.try_bind(keys).await {
            Ok(state) => state,
            Err(ashpd::Error::Response(_)) => HotkeyState::Refused("the desktop declined the request".into()),
            Err(error) => {
                tracing::info!(%error, "no GlobalShortcuts portal");
                HotkeyState::Unavailable("this desktop has no portal for global shortcuts".into())
            }
        }
    }

    pub(crate) async fn unbind(&self) {
        if let Some(bound) = self.bound.lock().await.take() {
            bound.waiting.abort();
            if bound.session.close().await.is_err() {
                tracing::debug!("the shortcut session was gone already");
            }
        }
    }

    async fn try_bind(&self, keys: &Keys) -> ashpd::Result<HotkeyState> {
        // Portals from 1.21 on want to know who asks; older ones have no registry.
        if let Ok(id) = ashpd::AppID::try_from(APP_ID)
            && let Err(error) = ashpd::register_host_app(id).await
        {
            tracing::debug!(%error, "the portal has no registry");
        }
        let portal = GlobalShortcuts::new().await?;
        let session = portal.create_session(CreateSessionOptions::default()).await?;
        let preferred = keys.xdg();
        let shortcut =
            NewShortcut::new(SHORTCUT, "Show or hide the Clawtray popup").preferred_trigger(&*preferred);
        let answer = portal
            .bind_shortcuts(&session, &[shortcut], None, BindShortcutsOptions::default())
            .await?
            .response()?;
        let Some(granted) = answer.shortcuts().iter().find(|granted| granted.id() == SHORTCUT) else {
            return Ok(HotkeyState::Refused("the desktop declined the request".into()));
        };
        let trigger = granted.trigger_description();
        let keys = if trigger.is_empty() {
            preferred.clone()
        } else {
            trigger.to_owned()
        };
        let mut presses = portal.receive_activated().await?;
        let inbox = self.inbox.clone();
        let waiting = tokio::spawn(async move {
            while let Some(press) = presses.next().await {
                if press.shortcut_id() == SHORTCUT {
                    inbox.put(Input::Hotkey);
                }
            }
        });
        *self.bound.lock().await = Some(Bound { session, waiting });
        Ok(HotkeyState::Active { keys })
    }
}
