//! The handshake: challenge, `connect`, `hello-ok`.

use crate::{AgentId, DeviceId, SessionKey};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The lowest protocol version we speak.
pub const MIN_PROTOCOL: u32 = 3;
/// The highest protocol version we speak.
pub const MAX_PROTOCOL: u32 = 4;
/// The name of the challenge event, the gateway's first frame.
pub const CHALLENGE_EVENT: &str = "connect.challenge";
/// The name of the first request.
pub const CONNECT_METHOD: &str = "connect";

/// Payload of `connect.challenge`.
#[derive(Clone, Debug, Deserialize)]
pub struct Challenge {
    /// To be signed and sent back.
    pub nonce: String,
    /// The gateway's clock in milliseconds since the epoch; becomes `signedAt`, so that our own clock does not matter.
    pub ts: u64,
}

/// Parameters of `connect`. The gateway refuses unknown properties.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectParams<'a> {
    /// The lowest version offered.
    pub min_protocol: u32,
    /// The highest version offered.
    pub max_protocol: u32,
    /// Who we are.
    pub client: ClientInfo<'a>,
    /// `operator`.
    pub role: &'a str,
    /// The scopes asked for, in the order they were signed.
    pub scopes: &'a [String],
    /// The optional behaviour we can consume.
    pub caps: &'a [String],
    /// The user's locale, for example `en-US`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<&'a str>,
    /// Product and version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<&'a str>,
    /// Credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<ConnectAuth<'a>>,
    /// The signed device identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<ConnectDevice>,
}

/// `connect.client`. `id` and `mode` are closed lists; a name of one's own goes into `display_name`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientInfo<'a> {
    /// `gateway-client` for third parties.
    pub id: &'a str,
    /// What people see in the gateway's device list. Local pairings are told apart by it, too.
    pub display_name: &'a str,
    /// Our version.
    pub version: &'a str,
    /// Pinned when the device is paired, so it must never carry an operating system's version.
    pub platform: &'a str,
    /// `ui`.
    pub mode: &'a str,
    /// Tells two instances of one installation apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<&'a str>,
}

/// `connect.auth`.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectAuth<'a> {
    /// The gateway's shared token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<&'a str>,
    /// The gateway's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<&'a str>,
    /// The token issued to this device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_token: Option<&'a str>,
}

impl std::fmt::Debug for ConnectAuth<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConnectAuth(redacted)")
    }
}

/// `connect.device`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectDevice {
    /// Lowercase hex SHA-256 of the raw public key.
    pub id: DeviceId,
    /// The raw Ed25519 public key, base64url without padding.
    pub public_key: String,
    /// The Ed25519 signature over [`sign_payload_v3`], base64url without padding.
    pub signature: String,
    /// The challenge's `ts`.
    pub signed_at: u64,
    /// The challenge's nonce.
    pub nonce: String,
}

/// What a device signs.
#[derive(Clone, Copy)]
pub struct SignFields<'a> {
    /// The device.
    pub device_id: &'a str,
    /// `connect.client.id`.
    pub client_id: &'a str,
    /// `connect.client.mode`.
    pub client_mode: &'a str,
    /// `connect.role`.
    pub role: &'a str,
    /// `connect.scopes`, in the order sent.
    pub scopes: &'a [String],
    /// The challenge's `ts`.
    pub signed_at_ms: u64,
    /// The credential sent: token, else device token; empty without one. A password is not part of it.
    pub token: &'a str,
    /// The challenge's nonce.
    pub nonce: &'a str,
    /// `connect.client.platform`.
    pub platform: &'a str,
    /// `connect.client.deviceFamily`, empty without one.
    pub device_family: &'a str,
}

/// The string that a device signs, version 3.
#[must_use]
pub fn sign_payload_v3(f: &SignFields<'_>) -> String {
    format!(
        "v3|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}",
        f.device_id,
        f.client_id,
        f.client_mode,
        f.role,
        f.scopes.join(","),
        f.signed_at_ms,
        f.token,
        f.nonce,
        plain(f.platform),
        plain(f.device_family),
    )
}

/// Trimmed, with ASCII capitals lowered: how the gateway normalises what it pins.
fn plain(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// `hello-ok`, reduced to what a client acts on.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HelloOk {
    /// The protocol version in use.
    pub protocol: u32,
    /// The gateway.
    #[serde(default)]
    pub server: HelloServer,
    /// What it offers.
    #[serde(default)]
    pub features: HelloFeatures,
    /// Its state.
    #[serde(default)]
    pub snapshot: HelloSnapshot,
    /// What we were granted.
    #[serde(default)]
    pub auth: HelloAuth,
    /// Its limits.
    #[serde(default)]
    pub policy: HelloPolicy,
}

/// `hello-ok.server`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HelloServer {
    /// For example `2026.9.6`.
    pub version: String,
    /// Changes with every start.
    pub boot_id: Option<String>,
    /// This connection.
    pub conn_id: Option<String>,
}

/// `hello-ok.features`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct HelloFeatures {
    /// The methods advertised. Some others can be called as well.
    pub methods: Vec<String>,
    /// The events that may arrive.
    pub events: Vec<String>,
    /// Named abilities of the gateway.
    pub capabilities: Vec<String>,
}

/// `hello-ok.snapshot`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HelloSnapshot {
    /// How sessions are addressed by default.
    pub session_defaults: SessionDefaults,
    /// How the gateway checks access: `none`, `token`, `password`, `trusted-proxy`.
    pub auth_mode: Option<String>,
    /// Milliseconds since its start. Does not restart with an in-process restart.
    pub uptime_ms: Option<u64>,
}

/// `hello-ok.snapshot.sessionDefaults`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionDefaults {
    /// The default agent.
    pub default_agent_id: Option<AgentId>,
    /// Its main session, for example `agent:main:main`.
    pub main_session_key: Option<SessionKey>,
}

/// `hello-ok.auth`.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HelloAuth {
    /// `token`, `device-token`, `password`, `none`.
    pub method: Option<String>,
    /// The role.
    pub role: Option<String>,
    /// What this connection may do.
    pub scopes: Vec<String>,
    /// A token for this device and role, to be kept and used from now on.
    pub device_token: Option<String>,
}

impl std::fmt::Debug for HelloAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HelloAuth")
            .field("method", &self.method)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// `hello-ok.policy`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HelloPolicy {
    /// The largest frame taken, in bytes.
    pub max_payload: u64,
    /// How often a tick arrives, in milliseconds.
    pub tick_interval_ms: u64,
    /// Ceilings for attachments; older gateways name none.
    pub attachments: Option<AttachmentPolicy>,
}

impl Default for HelloPolicy {
    fn default() -> Self {
        Self {
            max_payload: 25 * 1024 * 1024,
            tick_interval_ms: 30_000,
            attachments: None,
        }
    }
}

/// `hello-ok.policy.attachments`: ceilings of the decoded size of one attachment.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachmentPolicy {
    /// Any attachment, in bytes.
    #[serde(default)]
    pub max_bytes: Option<u64>,
    /// An image, in bytes.
    #[serde(default)]
    pub max_image_bytes: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_string_is_the_recorded_one() {
        let scopes: Vec<String> = [
            "operator.read",
            "operator.write",
            "operator.admin",
            "operator.approvals",
            "operator.pairing",
            "operator.questions",
        ]
        .map(String::from)
        .to_vec();
        let fields = SignFields {
            device_id: "42fdae9a8e64d4da84fd1b5165e29e84f1aa5bd07222c04981a4aa4b5d29380d",
            client_id: "gateway-client",
            client_mode: "ui",
            role: "operator",
            scopes: &scopes,
            signed_at_ms: 1_795_175_379_880,
            token: "lab-token-0123456789abcdef",
            nonce: "55ca6cf3-ef40-413e-8506-6f2dbaa30f31",
            platform: " Linux ",
            device_family: "",
        };
        assert_eq!(
            sign_payload_v3(&fields),
            "v3|42fdae9a8e64d4da84fd1b5165e29e84f1aa5bd07222c04981a4aa4b5d29380d|gateway-client|ui|operator|operator.read,operator.write,operator.admin,operator.approvals,operator.pairing,operator.questions|1795175379880|lab-token-0123456789abcdef|55ca6cf3-ef40-413e-8506-6f2dbaa30f31|linux|"
        );
    }

    #[test]
    fn credentials_are_not_printed() {
        let auth = ConnectAuth {
            token: Some("canary-token"),
            password: None,
            device_token: None,
        };
        assert!(!format!("{auth:?}").contains("canary"));
        let auth = HelloAuth {
            device_token: Some("canary-token".to_owned()),
            ..HelloAuth::default()
        };
        assert!(!format!("{auth:?}").contains("canary"));
    }

    #[test]
    fn hello_survives_unknown_and_missing_fields() {
        let hello: HelloOk =
            serde_json::from_str(r#"{"type":"hello-ok","protocol":3,"later":{"a":[1]}}"#).unwrap();
        assert_eq!(
            (
                hello.protocol,
                hello.policy.max_payload,
                hello.policy.tick_interval_ms
            ),
            (3, 26_214_400, 30_000)
        );
    }
}
