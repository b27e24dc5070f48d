//! The handle of a connection; the rest of the workspace uses this type.

use crate::config::{ClientConfig, Credentials};
use crate::dial::{Dialer, Network};
use crate::driver::{Driver, Request, Tables};
use crate::fanout::Fanout;
use crate::session::{CallId, Command, Session};
use crate::{CallError, ConnectionState, GatewayEvent};
use crate::{size, supervisor};
use clawtray_gateway_protocol::Method;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

/// Time for a connection to close.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(3);

/// A connection to one gateway over its WebSocket protocol. Cheap to clone; the last one to be dropped closes it.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    requests: mpsc::UnboundedSender<Request>,
    state: watch::Receiver<ConnectionState>,
    fanout: Arc<Fanout>,
    in_flight: Semaphore,
    next_call: AtomicU64,
    request_timeout: Duration,
}

impl Client {
    /// Begins to connect, and goes on by itself; how it goes is told by [`crate::Gateway::state`]. Must be called
    /// inside a tokio runtime.
    #[must_use]
    pub fn connect(config: ClientConfig) -> Self {
        let network = Network::new(&config);
        Self::connect_over(config, Arc::new(network))
    }

    /// The same over transports of one's own.
    #[must_use]
    pub fn connect_over(config: ClientConfig, dialer: Arc<dyn Dialer>) -> Self {
        let (requests, inbox) = mpsc::unbounded_channel();
        let (state, watcher) = watch::channel(ConnectionState::Idle);
        let fanout = Arc::new(Fanout::new(config.event_buffer));
        let inner = Inner {
            requests,
            state: watcher,
            fanout: Arc::clone(&fanout),
            in_flight: Semaphore::new(config.max_in_flight.max(1)),
            next_call: AtomicU64::new(1),
            request_timeout: config.request_timeout,
        };
        let seed = config.rng_seed.unwrap_or_else(rand::random);
        let driver = Driver {
            dialer,
            requests: inbox,
            state,
            fanout,
            tokens: config.on_device_token.clone(),
            wall_clock: Arc::clone(&config.wall_clock),
            session: Session::new(config, seed),
            anew: false,
        };
        tokio::spawn(supervisor::drive(driver));
        let client = Self {
            inner: Arc::new(inner),
        };
        client.command(Command::Connect);
        client
    }

    /// Calls a method by its type.
    ///
    /// # Errors
    /// When there is no connection, the gateway refuses, does not answer in time, or answers in an unexpected shape.
    pub async fn call<M: Method>(&self, params: &M::Params) -> Result<M::Result, CallError> {
        self.call_within::<M>(params, self.inner.request_timeout).await
    }

    /// Calls a method by its type, with a time limit of one's own.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn call_within<M: Method>(
        &self,
        params: &M::Params,
        limit: Duration,
    ) -> Result<M::Result, CallError> {
        let payload = self.raw(M::NAME, params, limit, false).await?;
        decode(M::NAME, &payload)
    }

    /// Calls a method that answers twice (`agent`), and waits for the second answer.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn call_until_final(
        &self,
        method: &str,
        params: &Value,
        limit: Duration,
    ) -> Result<Value, CallError> {
        let payload = self.raw(method, params, limit, true).await?;
        decode(method, &payload)
    }

    /// Uses other credentials from now on, and tries at once.
    pub fn set_credentials(&self, credentials: Credentials) {
        self.command(Command::Credentials(credentials));
    }

    /// Asks for other scopes from now on, and tries at once. Wider ones may have to be approved.
    pub fn set_scopes(&self, scopes: Vec<String>) {
        self.command(Command::Scopes(scopes));
    }

    /// Closes the connection and stays away until [`crate::Gateway::reconnect`].
    pub fn go_offline(&self) {
        self.command(Command::Offline);
    }

    /// How many calls wait; for tests and bug reports. Nothing after the end.
    pub async fn waiting(&self) -> Option<Tables> {
        let (to, tables) = oneshot::channel();
        self.inner.requests.send(Request::Tables(to)).ok()?;
        tables.await.ok()
    }

    pub(crate) fn reconnect_now(&self) {
        self.command(Command::Connect);
    }

    pub(crate) fn watch_state(&self) -> watch::Receiver<ConnectionState> {
        self.inner.state.clone()
    }

    pub(crate) fn subscribe(&self) -> mpsc::Receiver<GatewayEvent> {
        // Whoever comes late learns that there is a connection; whoever comes early is told when there is one.
        let ready = matches!(*self.inner.state.borrow(), ConnectionState::Ready(_));
        self.inner
            .fanout
            .subscribe(ready.then_some(GatewayEvent::Connected { new_boot: false }))
    }

    pub(crate) async fn close(&self) {
        self.command(Command::Shutdown);
        let mut state = self.inner.state.clone();
        // Ends when the state is `Closed` or the driver, which holds the sender, is gone.
        let _ = tokio::time::timeout(
            SHUTDOWN_LIMIT,
            state.wait_for(|state| matches!(state, ConnectionState::Closed)),
        )
        .await;
    }

    pub(crate) fn default_timeout(&self) -> Duration {
        self.inner.request_timeout
    }

    pub(crate) async fn raw<P: Serialize + ?Sized>(
        &self,
        method: &str,
        params: &P,
        limit: Duration,
        until_final: bool,
    ) -> Result<Box<RawValue>, CallError> {
        if !matches!(*self.inner.state.borrow(), ConnectionState::Ready(_)) {
            return Err(CallError::NotConnected);
        }
        let params = serde_json::to_string(params).map_err(|error| CallError::Decode {
            method: method.to_owned(),
            reason: error.to_string(),
        })?;
        let waiting = tokio::time::timeout(limit, self.inner.in_flight.acquire());
        let _permit = match waiting.await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(CallError::NotConnected),
            Err(_) => return Err(CallError::Timeout(limit)),
        };
        let id = self.inner.next_call.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        let request = Request::Call {
            id,
            method: method.to_owned(),
            params,
            timeout: limit,
            until_final,
            reply,
        };
        self.inner
            .requests
            .send(request)
            .map_err(|_| CallError::NotConnected)?;
        let mut guard = Forget {
            client: self,
            call: Some(id),
        };
        let result = answer.await;
        guard.call = None;
        result.unwrap_or(Err(CallError::Disconnected { written: true }))
    }

    fn command(&self, command: Command) {
        let _ = self.inner.requests.send(Request::Command(command));
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// Takes a call out of the table when its caller is dropped.
struct Forget<'a> {
    client: &'a Client,
    call: Option<CallId>,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.call {
            self.client.command(Command::Forget(call));
        }
    }
}

pub(crate) fn decode<T: serde::de::DeserializeOwned>(
    method: &str,
    payload: &RawValue,
) -> Result<T, CallError> {
    if size::is_crowded(payload.get()) {
        return Err(CallError::Decode {
            method: method.to_owned(),
            reason: "it has too many values".to_owned(),
        });
    }
    serde_json::from_str(payload.get()).map_err(|error| CallError::Decode {
        method: method.to_owned(),
        reason: error.to_string(),
    })
}
