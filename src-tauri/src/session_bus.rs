//! The session's D-Bus: one connection for all that speaks to the desktop's portals, watched for its end.
//!
//! A bus that comes back, as after a restart of `dbus-broker`, is joined again. A bus that stays away has taken the session
//! with it.

use clawtray_companion::ports::{Notification, Notifier};
use futures_util::StreamExt as _;
use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};
use zbus::{Connection, MessageStream};

/// How long a bus may be away before the session counts as ended.
const AWAY: Duration = Duration::from_secs(10);
/// Between looks whether it is back.
const LOOK: Duration = Duration::from_millis(250);

/// A connection, and how many there were before it: a bus that was started again gives the same unique names.
#[derive(Clone, Debug)]
pub(crate) struct Joined {
    pub(crate) bus: Connection,
    pub(crate) number: u64,
}

#[derive(Clone, Debug)]
enum State {
    Connecting,
    Up(Joined),
    Absent,
}

/// The connection to the session bus. Clones are cheap and follow the same connection.
#[derive(Clone, Debug)]
pub(crate) struct SessionBus(watch::Receiver<State>);

impl SessionBus {
    /// Connects in the background. `on_end` is called when a bus that was there is gone for good, never for one that was not
    /// there from the start: the app works without.
    pub(crate) fn start(on_end: impl FnOnce() + Send + 'static) -> Self {
        Self::with(Connection::session, on_end)
    }

    fn with<C, F>(connect: C, on_end: impl FnOnce() + Send + 'static) -> Self
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = zbus::Result<Connection>> + Send,
    {
        let (state, states) = watch::channel(State::Connecting);
        tokio::spawn(async move {
            let mut bus = match connect().await {
                Ok(bus) => bus,
                Err(error) => {
                    tracing::warn!(%error, "no session bus");
                    state.send_replace(State::Absent);
                    // Kept: who waits for another connection waits for ever.
                    return state.closed().await;
                }
            };
            for number in 0.. {
                let mut messages = MessageStream::from(&bus);
                state.send_replace(State::Up(Joined { bus, number }));
                // It ends with the connection, or fails.
                while let Some(Ok(_)) = messages.next().await {}
                tracing::warn!("the session bus is gone");
                state.send_replace(State::Absent);
                match back(&connect).await {
                    Some(again) => bus = again,
                    None => break,
                }
                tracing::info!("the session bus is back");
            }
            on_end();
        });
        Self(states)
    }

    /// The connection; none when there is none now.
    pub(crate) async fn joined(&self) -> Option<Joined> {
        let mut states = self.0.clone();
        let state = states.wait_for(|state| !matches!(state, State::Connecting)).await;
        match state.as_deref() {
            Ok(State::Up(joined)) => Some(joined.clone()),
            Ok(State::Connecting | State::Absent) | Err(_) => None,
        }
    }

    /// Waits for a connection that is not the one with this number.
    pub(crate) async fn another_than(&self, number: Option<u64>) -> Joined {
        let mut states = self.0.clone();
        let is_other = |state: &State| matches!(state, State::Up(joined) if Some(joined.number) != number);
        if let Ok(state) = states.wait_for(is_other).await
            && let State::Up(joined) = &*state
        {
            return joined.clone();
        }
        // Nobody watches any more: there is no other.
        std::future::pending().await
    }
}

async fn back<C, F>(connect: &C) -> Option<Connection>
where
    C: Fn() -> F,
    F: Future<Output = zbus::Result<Connection>>,
{
    let end = Instant::now() + AWAY;
    while Instant::now() < end {
        tokio::time::sleep(LOOK).await;
        if let Ok(bus) = connect().await {
            return Some(bus);
        }
    }
    None
}

/// A notifier that is made anew for each bus: what speaks to the server there ends with its connection.
pub(crate) struct OnEachBus<N>(Arc<Mutex<N>>);

impl<N: Notifier> OnEachBus<N> {
    pub(crate) fn new(bus: &SessionBus, make: impl Fn() -> N + Send + 'static) -> Self {
        let current = Arc::new(Mutex::new(make()));
        let (made, bus) = (Arc::clone(&current), bus.clone());
        tokio::spawn(async move {
            let mut number = bus.joined().await.map(|joined| joined.number);
            loop {
                number = Some(bus.another_than(number).await.number);
                *made.lock().unwrap_or_else(PoisonError::into_inner) = make();
            }
        });
        Self(current)
    }

    fn current(&self) -> MutexGuard<'_, N> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<N: Notifier> Notifier for OnEachBus<N> {
    fn show(&self, notification: Notification) {
        self.current().show(notification);
    }

    fn withdraw(&self, tag: &str) {
        self.current().withdraw(tag);
    }
}
