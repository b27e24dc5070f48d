//! `device.pair.*` and `device.token.*`: which devices may connect.

use super::{NoParams, Scope, method};
use crate::DeviceId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

method!(
    /// Devices that wait and devices that are paired.
    PairList = "device.pair.list", Some(Scope::Pairing), NoParams => PairListResult
);
method!(
    /// Lets a device in.
    PairApprove = "device.pair.approve", Some(Scope::Pairing), RequestParams => Value
);
method!(
    /// Turns a device away.
    PairReject = "device.pair.reject", Some(Scope::Pairing), RequestParams => Value
);
method!(
    /// Removes a paired device; its connections are closed with 4001.
    PairRemove = "device.pair.remove", Some(Scope::Pairing), DeviceParams => Value
);
method!(
    /// Names a paired device.
    PairRename = "device.pair.rename", Some(Scope::Pairing), RenameParams => Value
);
method!(
    /// Issues a new token. Given back only to the device itself, on a connection that used the old one.
    TokenRotate = "device.token.rotate", Some(Scope::Pairing), TokenParams => TokenRotateResult
);
method!(
    /// Revokes a token.
    TokenRevoke = "device.token.revoke", Some(Scope::Pairing), TokenParams => Value
);

method!(
    /// Asks for wider scopes without leaving: the owner decides as about a pairing. From 2026.8 on.
    ScopesRequestUpgrade = "device.scopes.requestUpgrade", Some(Scope::Read), ScopesParams => ScopesRequested
);
method!(
    /// Waits for that decision. It lasts as long as the owner takes: give it a time limit of its own.
    ScopesWaitUpgrade = "device.scopes.waitUpgrade", Some(Scope::Read), RequestParams => ScopesDecided
);

/// A pairing request's id.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestParams {
    /// The request.
    pub request_id: String,
}

/// A device's id.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceParams {
    /// The device.
    pub device_id: DeviceId,
}

/// Parameters of `device.pair.rename`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RenameParams {
    /// The device.
    pub device_id: DeviceId,
    /// Its name.
    pub label: String,
}

/// Parameters of `device.token.*`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenParams {
    /// The device.
    pub device_id: DeviceId,
    /// `operator` or `node`.
    pub role: String,
}

/// Result of `device.token.rotate`.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TokenRotateResult {
    /// The new token, where it is given back.
    #[serde(alias = "deviceToken")]
    pub token: Option<String>,
}

impl std::fmt::Debug for TokenRotateResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenRotateResult(redacted)")
    }
}

/// Result of `device.pair.list`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PairListResult {
    /// Devices that wait.
    #[serde(deserialize_with = "crate::lenient::rows")]
    pub pending: Vec<PendingDevice>,
    /// Devices that are paired.
    #[serde(deserialize_with = "crate::lenient::rows")]
    pub paired: Vec<PairedDevice>,
}

/// A device that waits, also the payload of `device.pair.requested`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PendingDevice {
    /// The request.
    pub request_id: String,
    /// The device.
    pub device_id: DeviceId,
    /// Its name.
    pub display_name: Option<String>,
    /// Its platform.
    pub platform: Option<String>,
    /// What it asks for.
    pub scopes: Vec<String>,
    /// It was paired before and asks for something new.
    pub is_repair: bool,
}

/// A paired device.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PairedDevice {
    /// The device.
    pub device_id: DeviceId,
    /// Its name.
    pub display_name: Option<String>,
    /// Its platform.
    pub platform: Option<String>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Whether it is connected.
    pub connected: bool,
}

/// Parameters of `device.scopes.requestUpgrade`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ScopesParams {
    /// All scopes that the device wants, those of this connection included.
    pub scopes: Vec<String>,
}

/// Result of `device.scopes.requestUpgrade`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScopesRequested {
    /// Named in `openclaw devices approve <id>`.
    pub request_id: String,
}

/// Result of `device.scopes.waitUpgrade`.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScopesDecided {
    /// `approved`, `rejected`, `expired`.
    pub status: String,
    /// The request.
    pub request_id: String,
    /// When approved: the token to connect with from now on.
    pub device_token: Option<String>,
    /// When approved: what it grants.
    pub scopes: Vec<String>,
}

impl std::fmt::Debug for ScopesDecided {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScopesDecided")
            .field("status", &self.status)
            .field("request_id", &self.request_id)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}
