//! The desktop's portal, told who we are before anything is asked of it.
//!
//! `org.freedesktop.host.portal.Registry` ties a D-Bus connection to an app. The portal refuses that once the connection has
//! made any other call, and then knows a program that nobody started from a menu under a new name at each start: shortcuts
//! and permissions that were granted are lost. So every user of the portal takes its connection from [`Portal::joined`].

use crate::{
    environment::APP_ID,
    session_bus::{Joined, SessionBus},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Mutex, SetOnce};
use zbus::Connection;

/// The portal's name on the bus.
pub(crate) const NAME: &str = "org.freedesktop.portal.Desktop";
/// The bus may have to start the portal first, and the portal what stands behind it.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);
/// How often it is tried with a desktop entry that was written just now: the portal may not have seen it yet.
const TRIES: usize = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(300);

/// The number of a bus connection and the unique name of the portal that it was registered with.
type Registration = (u64, Option<String>);

/// The way to the portal. Clones are cheap.
#[derive(Clone, Debug)]
pub(crate) struct Portal {
    bus: SessionBus,
    /// Set once the desktop entry is there: whether it was written just now.
    entry: Arc<SetOnce<bool>>,
    registered: Arc<Mutex<Option<Registration>>>,
}

impl Portal {
    pub(crate) fn new(bus: SessionBus, entry: Arc<SetOnce<bool>>) -> Self {
        Self {
            bus,
            entry,
            registered: Arc::default(),
        }
    }

    /// The bus, once we are registered with the portal on it, if it can be. None when there is no bus.
    pub(crate) async fn joined(&self) -> Option<Joined> {
        let joined = self.bus.joined().await?;
        let is_new = *self.entry.wait().await;
        // Whoever comes second waits for the first.
        let mut registered = self.registered.lock().await;
        let here = |owner| Some((joined.number, owner));
        let before = here(owner(&joined.bus).await);
        if before != *registered {
            register(&joined.bus, if is_new { TRIES } else { 1 }).await;
            // The call may have started the portal.
            *registered = here(owner(&joined.bus).await);
        }
        drop(registered);
        Some(joined)
    }

    /// The portal that [`Self::joined`] registered with last: its unique name on the bus.
    pub(crate) async fn registered_with(&self) -> Option<String> {
        self.registered.lock().await.as_ref()?.1.clone()
    }

    /// Waits for a connection that is not the one with this number.
    pub(crate) async fn another_bus_than(&self, number: Option<u64>) {
        self.bus.another_than(number).await;
    }
}

/// Who is the portal now. Not asked of the portal, so not a call that would come before the registration.
pub(crate) async fn owner(bus: &Connection) -> Option<String> {
    let name = zbus::names::BusName::try_from(NAME).ok()?;
    let bus = zbus::fdo::DBusProxy::new(bus).await.ok()?;
    bus.get_name_owner(name).await.ok().map(|name| name.to_string())
}

/// Tells the portal who this connection belongs to. Portals before 1.19.1 have no registry; they tell from the way in which a
/// program was started.
pub async fn register(bus: &Connection, tries: usize) {
    let Ok(id) = ashpd::AppID::try_from(APP_ID) else {
        return tracing::error!("the app's id is none");
    };
    for left in (0..tries).rev() {
        let asked = ashpd::register_host_app_with_connection(bus.clone(), id.clone());
        match tokio::time::timeout(LIMIT, asked).await {
            Ok(Ok(())) => return tracing::debug!("registered with the portal"),
            Ok(Err(error)) if left == 0 => tracing::info!(%error, "not registered with the portal"),
            Ok(Err(_)) => tokio::time::sleep(BETWEEN_TRIES).await,
            Err(_) => return tracing::info!("not registered with the portal: it does not answer"),
        }
    }
}
