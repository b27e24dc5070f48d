//! The key asked of the desktop through `org.freedesktop.portal.GlobalShortcuts`, for Wayland.
//!
//! The desktop shows its own dialog and may choose other keys. What it says is what is reported, and it may say so late.

use super::keys::{self, Keys};
use crate::{
    inbox::{Inbox, Input},
    portal::{self, LIMIT, Portal},
};
use ashpd::desktop::{
    CreateSessionOptions, Session,
    global_shortcuts::{BindShortcutsOptions, GlobalShortcuts, ListShortcutsOptions, NewShortcut, Shortcut},
};
use clawtray_companion::ports::HotkeyState;
use futures_util::{Stream, StreamExt as _, stream::BoxStream};
use std::{future::Future, time::Duration};
use tokio::sync::watch;
use zbus::{Connection, fdo::DBusProxy};

const SHORTCUT: &str = "toggle";
/// A session that cannot be closed any more is not waited for.
const GOODBYE: Duration = Duration::from_secs(2);

/// One task holds the session with the portal; this tells it which keys are wanted.
pub(crate) struct PortalHotkeys {
    wanted: watch::Sender<Option<Keys>>,
}

impl PortalHotkeys {
    pub(crate) fn new(inbox: Inbox, portal: Portal) -> Self {
        let (wanted, changes) = watch::channel(None);
        tokio::spawn(serve(changes, inbox, portal));
        Self { wanted }
    }

    /// How it stands comes into the inbox.
    pub(crate) fn bind(&self, keys: Keys) -> HotkeyState {
        self.wanted.send_replace(Some(keys));
        HotkeyState::Pending
    }

    pub(crate) fn unbind(&self) {
        self.wanted.send_replace(None);
    }
}

async fn serve(mut wanted: watch::Receiver<Option<Keys>>, inbox: Inbox, portal: Portal) {
    let mut before: Option<Keys> = None;
    loop {
        let keys = *wanted.borrow_and_update();
        // Keys that were changed in our settings are the desktop's to change: it has to be asked even where it knows some.
        let ask = keys.is_some() && before.is_some() && before != keys;
        before = keys.or(before);
        let mut session = None;
        let held = async {
            match keys {
                Some(keys) => hold(&keys, ask, &mut session, &inbox, &portal).await,
                None => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            changed = wanted.changed() => changed.is_err(),
            () = held => false,
        };
        // One that is let go of without this keeps its keys from all other programs.
        if let Some(session) = session {
            close(&session).await;
        }
        if ended {
            return;
        }
        if keys.is_some() && wanted.borrow().is_none() {
            inbox.put(Input::HotkeyState(HotkeyState::Off));
        }
    }
}

async fn close(session: &Session<GlobalShortcuts>) {
    if !matches!(tokio::time::timeout(GOODBYE, session.close()).await, Ok(Ok(()))) {
        tracing::debug!("the shortcut session was gone already");
    }
}

/// Holds the keys. Returns when it is worth trying again: another portal or another bus is there.
async fn hold(
    keys: &Keys,
    ask: bool,
    session: &mut Option<Session<GlobalShortcuts>>,
    inbox: &Inbox,
    portal: &Portal,
) {
    let tell = |state| inbox.put(Input::HotkeyState(state));
    let Some(joined) = portal.joined().await else {
        tell(HotkeyState::NoPortal);
        return portal.another_bus_than(None).await;
    };
    let another_bus = portal.another_bus_than(Some(joined.number));
    let registered_with = portal.registered_with().await;
    let Ok(owners) = owners(&joined.bus).await else {
        // The bus is going.
        return another_bus.await;
    };
    let held = async {
        let state = match grant(keys, ask, session, &joined.bus, &tell).await {
            Ok(Some(granted)) => {
                granted.follow(session.as_ref(), inbox).await;
                HotkeyState::NotGranted
            }
            Ok(None) => HotkeyState::NotGranted,
            Err(error) => {
                tracing::info!(%error, "no GlobalShortcuts portal");
                HotkeyState::NoPortal
            }
        };
        tell(state);
        if let Some(session) = session.take() {
            close(&session).await;
        }
        std::future::pending::<()>().await;
    };
    let another_portal = async {
        // Asked after the subscription to changes: none is missed.
        if portal::owner(&joined.bus).await == registered_with {
            wait_for_another(owners, &tell).await;
        }
    };
    tokio::select! {
        () = held => {}
        () = another_bus => {}
        () = another_portal => {}
    }
}

/// Whether there is a portal: each change.
async fn owners(bus: &Connection) -> zbus::Result<impl Stream<Item = bool> + use<>> {
    let changes = DBusProxy::new(bus)
        .await?
        .receive_name_owner_changed_with_args(&[(0, portal::NAME)])
        .await?;
    Ok(changes.map(|change| change.args().is_ok_and(|change| change.new_owner.is_some())))
}

async fn wait_for_another(owners: impl Stream<Item = bool>, tell: &impl Fn(HotkeyState)) {
    let mut owners = std::pin::pin!(owners);
    while let Some(there) = owners.next().await {
        if there {
            return;
        }
        tell(HotkeyState::NoPortal);
    }
    // The bus is gone.
    std::future::pending().await
}

/// A granted shortcut.
struct Granted {
    portal: GlobalShortcuts,
    presses: BoxStream<'static, String>,
    /// Something about shortcuts of ours has changed.
    changes: BoxStream<'static, ()>,
}

/// Asks for the keys. None when they are not granted. The session is left in `session`, whatever comes of it.
async fn grant(
    keys: &Keys,
    ask: bool,
    session: &mut Option<Session<GlobalShortcuts>>,
    bus: &Connection,
    tell: &impl Fn(HotkeyState),
) -> ashpd::Result<Option<Granted>> {
    let portal = answered(GlobalShortcuts::with_connection(bus.clone())).await?;
    // Before anything is bound: a desktop may say that it did not bind the keys and report presses of them all the same.
    let presses = portal.receive_activated().await?;
    let changes = portal.receive_shortcuts_changed().await?;
    let session = session.insert(answered(portal.create_session(CreateSessionOptions::default())).await?);
    let granted = Granted {
        presses: presses.map(|press| press.shortcut_id().to_owned()).boxed(),
        changes: changes.map(drop).boxed(),
        portal,
    };
    // Plasma knows the keys of earlier sessions, and opens its settings each time that it is asked to bind them.
    let known = if ask {
        None
    } else {
        known_keys(&granted.portal, session).await.ok().flatten()
    };
    let known = match known {
        Some(known) => Some(known),
        None => {
            tell(HotkeyState::Asking);
            let shortcut =
                NewShortcut::new(SHORTCUT, "Show or hide the Clawtray popup").preferred_trigger(&*keys.xdg());
            // The user may take any time for it.
            let options = BindShortcutsOptions::default();
            let asked = granted
                .portal
                .bind_shortcuts(session, &[shortcut], None, options)
                .await?;
            match asked.response() {
                Ok(answer) => trigger(answer.shortcuts()),
                Err(ashpd::Error::Response(_)) => None,
                Err(error) => return Err(error),
            }
        }
    };
    // GNOME 48 answers that it failed, and has bound the keys: what it lists is what counts.
    let known = match known {
        Some(known) => Some(known),
        None => known_keys(&granted.portal, session).await?,
    };
    Ok(known.map(|known| {
        tell(state(&known));
        granted
    }))
}

impl Granted {
    /// Hands on presses and changes, until the session is closed or lists the keys no more.
    async fn follow(mut self, session: Option<&Session<GlobalShortcuts>>, inbox: &Inbox) {
        let Some(session) = session else { return };
        let Ok(closed) = session.receive_closed().await else {
            return;
        };
        let mut closed = std::pin::pin!(closed);
        loop {
            tokio::select! {
                Some(id) = self.presses.next() => if id == SHORTCUT {
                    inbox.put(Input::Hotkey);
                },
                Some(()) = self.changes.next() => match known_keys(&self.portal, session).await {
                    Ok(Some(known)) => inbox.put(Input::HotkeyState(state(&known))),
                    Ok(None) => return,
                    Err(error) => tracing::info!(%error, "the portal does not list the shortcuts"),
                },
                Some(_) = closed.next() => return,
                // The bus is gone.
                else => std::future::pending().await,
            }
        }
    }
}

async fn answered<T>(asked: impl Future<Output = ashpd::Result<T>>) -> ashpd::Result<T> {
    tokio::time::timeout(LIMIT, asked)
        .await
        .unwrap_or(Err(ashpd::Error::NoResponse))
}

/// The trigger that the session has for the shortcut; empty when no key is set, none when there is no shortcut.
async fn known_keys(
    portal: &GlobalShortcuts,
    session: &Session<GlobalShortcuts>,
) -> ashpd::Result<Option<String>> {
    let asked = answered(portal.list_shortcuts(session, ListShortcutsOptions::default())).await?;
    match asked.response() {
        Ok(answer) => Ok(trigger(answer.shortcuts())),
        Err(ashpd::Error::Response(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn trigger(shortcuts: &[Shortcut]) -> Option<String> {
    let ours = shortcuts.iter().find(|shortcut| shortcut.id() == SHORTCUT)?;
    Some(ours.trigger_description().to_owned())
}

fn state(trigger: &str) -> HotkeyState {
    let keys = keys::readable(trigger);
    if keys.is_empty() {
        HotkeyState::Unset
    } else {
        HotkeyState::Active { keys }
    }
}
