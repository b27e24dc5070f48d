//! Health, status, usage, channels, presence, logs.

use super::{NoParams, Scope, method};
use serde::{Deserialize, Serialize};
use serde_json::Value;

method!(
    /// The gateway's health. The cheapest call there is.
    Health = "health", Some(Scope::Read), HealthParams => Value
);
method!(
    /// Everything about the gateway.
    Status = "status", Some(Scope::Read), NoParams => Value
);
method!(
    /// What is left of the providers' quotas.
    UsageStatus = "usage.status", Some(Scope::Read), NoParams => Value
);
method!(
    /// Cost by day.
    UsageCost = "usage.cost", Some(Scope::Read), NoParams => Value
);
method!(
    /// The channels and their accounts.
    ChannelsStatus = "channels.status", Some(Scope::Read), ChannelsStatusParams => Value
);
method!(
    /// Who is connected.
    Presence = "system-presence", Some(Scope::Read), NoParams => Vec<PresenceEntry>
);
method!(
    /// The last lines of the log, or those after a cursor.
    LogsTail = "logs.tail", Some(Scope::Read), LogsTailParams => LogsTailResult
);

/// Parameters of `health`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HealthParams {
    /// Ask the channels, too; slow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<bool>,
}

/// Parameters of `channels.status`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelsStatusParams {
    /// Ask the channels; slow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<bool>,
    /// Time limit of the probe, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Only this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// Somebody who is, or was, connected.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PresenceEntry {
    /// The computer.
    pub host: Option<String>,
    /// `gateway`, `ui`, `node`, …
    pub mode: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its platform.
    pub platform: Option<String>,
    /// The device.
    pub device_id: Option<String>,
    /// `self`, `connect`, `disconnect`, …
    pub reason: Option<String>,
    /// When, in milliseconds since the epoch.
    pub ts: i64,
}

/// Parameters of `logs.tail`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogsTailParams {
    /// The `cursor` of an earlier answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<u64>,
    /// At most this many lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// At most this many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
}

/// Result of `logs.tail`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LogsTailResult {
    /// For the next call.
    pub cursor: u64,
    /// The file was rotated or shortened: what was shown before has gone.
    pub reset: bool,
    /// The lines, each a JSON object.
    pub lines: Vec<String>,
}
