//! The configuration of a client.

use crate::{DeviceIdentity, Secret, WebhookConfig};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;

/// The platform in `connect.client`. The gateway pins it when the device is paired, so it names the system alone.
pub const PLATFORM: &str = if cfg!(target_os = "macos") {
    "macos"
} else if cfg!(target_os = "windows") {
    "windows"
} else {
    "linux"
};

/// Variables of the environment that hold a secret, or an address that may carry one (`?token=`). Programs that we start,
/// such as `ssh`, a browser or the webview, do not get them.
pub const SECRET_VARIABLES: [&str; 5] = [
    "OPENCLAW_GATEWAY_TOKEN",
    "OPENCLAW_GATEWAY_PASSWORD",
    "OPENCLAW_AUTH_TOKEN",
    "OPENCLAW_GATEWAY_URL",
    "CLAWTRAY_MODEL_KEY",
];

/// What the gateway may ask for at the door. Any of them may be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Credentials {
    /// The gateway's shared token.
    pub token: Option<Secret>,
    /// The gateway's password.
    pub password: Option<Secret>,
    /// The token that the gateway issued to this device.
    pub device_token: Option<Secret>,
}

impl Credentials {
    /// The shared token alone.
    #[must_use]
    pub fn token(token: impl Into<Secret>) -> Self {
        Self {
            token: Some(token.into()),
            ..Self::default()
        }
    }
}

/// A device token that the gateway issued, to be stored per gateway and role.
#[derive(Clone, Debug, PartialEq)]
pub struct IssuedToken {
    /// The token.
    pub token: Secret,
    /// The role it is for.
    pub role: String,
    /// What it grants.
    pub scopes: Vec<String>,
}

/// The wall clock: time since the epoch.
pub type WallClock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// What a [`crate::Client`] needs to know.
#[derive(Clone)]
pub struct ClientConfig {
    /// The gateway's address, for example `ws://127.0.0.1:18789`.
    pub url: String,
    /// What it may ask for at the door.
    pub credentials: Credentials,
    /// Who we are. Without one a gateway grants no scopes to a client of mode `ui`.
    pub identity: Option<DeviceIdentity>,
    /// What people see in the gateway's device list. A gateway retires older local pairings of the same name, so two
    /// programs on one computer need two names.
    pub display_name: String,
    /// What we want to be allowed.
    pub scopes: Vec<String>,
    /// What we can consume.
    pub caps: Vec<String>,
    /// Ask to be told of changes and messages of all sessions.
    pub subscribe_sessions: bool,
    /// The user's locale, for example `en-US`.
    pub locale: Option<String>,
    /// Tells two instances of one installation apart.
    pub instance_id: Option<String>,
    /// Plain `ws://` even to public addresses.
    pub allow_insecure: bool,
    /// The only certificate to trust: its SHA-256, hex, colons allowed.
    pub pinned_certificate_sha256: Option<String>,
    /// Headers for the upgrade request, for a reverse proxy that wants some (`CF-Access-Client-Id`, …).
    pub headers: Vec<(String, Secret)>,
    /// Where newly issued device tokens go.
    pub on_device_token: Option<mpsc::UnboundedSender<IssuedToken>>,
    /// How long a call may take.
    pub request_timeout: Duration,
    /// Calls under way at once; the rest wait.
    pub max_in_flight: usize,
    /// Events kept for a consumer that is slow.
    pub event_buffer: usize,
    /// Seed of the jitter; random without one.
    pub rng_seed: Option<u64>,
    /// The wall clock, to notice that the computer slept.
    pub wall_clock: WallClock,
    /// How often to look for replies to other clients, on a gateway that cannot push. `None`: never.
    pub poll_every: Option<Duration>,
    /// Where webhooks of a gateway of the dialect `messages-v1` arrive.
    pub webhook: Option<WebhookConfig>,
    /// Proxies from the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`). A plain connection never goes
    /// through one, unless `allow_insecure`: the proxy would see the token.
    pub proxy_from_env: bool,
    /// This gateway was connected before. Then a connection that is stopped, by whatever but a refused sign-in, looks again
    /// by itself. A device token in `credentials` says the same.
    pub was_ready: bool,
}

impl ClientConfig {
    /// The usual configuration for a gateway at an address.
    #[must_use]
    pub fn new(url: impl Into<String>, credentials: Credentials) -> Self {
        Self {
            url: url.into(),
            credentials,
            identity: None,
            display_name: "Clawtray".into(),
            scopes: ["operator.read", "operator.write", "operator.approvals"]
                .map(String::from)
                .to_vec(),
            caps: ["approvals", "tool-events"].map(String::from).to_vec(),
            subscribe_sessions: true,
            locale: None,
            instance_id: None,
            allow_insecure: false,
            pinned_certificate_sha256: None,
            headers: Vec::new(),
            on_device_token: None,
            request_timeout: Duration::from_secs(30),
            max_in_flight: 64,
            event_buffer: 1024,
            rng_seed: None,
            wall_clock: Arc::new(system_wall_clock),
            poll_every: Some(Duration::from_secs(30)),
            webhook: None,
            proxy_from_env: true,
            was_ready: false,
        }
    }

    /// The same, as this device.
    #[must_use]
    pub fn with_identity(mut self, identity: DeviceIdentity) -> Self {
        self.identity = Some(identity);
        self
    }
}

impl std::fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientConfig")
            .field("identity", &self.identity)
            .field("display_name", &self.display_name)
            .field("scopes", &self.scopes)
            .field("caps", &self.caps)
            .finish_non_exhaustive()
    }
}

fn system_wall_clock() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}
