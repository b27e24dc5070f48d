//! Which scopes a device gets, and whether it is paired.

use super::{Refusal, client::Client};
use crate::core::Core;
use crate::error::invalid_with;
use crate::store::devices::DeviceRecord;
use crate::time::now_ms;
use clawtray_gateway_protocol::GatewayError;
use serde_json::json;

/// The scopes that are granted: what was asked for, within what the device was approved for.
pub(super) fn grant(
    client: &Client,
    has_device: bool,
    method: &str,
    asked: Vec<String>,
    known: Option<&DeviceRecord>,
) -> Result<Vec<String>, GatewayError> {
    if !has_device {
        let trusted = matches!(
            (client.id.as_str(), client.mode.as_str()),
            ("gateway-client", "backend") | ("cli", "cli")
        );
        return Ok(if trusted { asked } else { Vec::new() });
    }
    if method == "device-token"
        && let Some(known) = known
        && asked.iter().any(|s| !known.scopes.contains(s))
    {
        return Err(invalid_with(
            "unauthorized: device token scope mismatch (re-pair device or request approved scopes)",
            json!({"code": "AUTH_SCOPE_MISMATCH", "authReason": "scope_mismatch", "canRetryWithDeviceToken": false,
                "recommendedNextStep": "review_auth_configuration"}),
        ));
    }
    Ok(asked)
}

/// Pairs the device, or files a request where somebody has to approve it first.
pub(super) fn admit(
    core: &Core,
    mut fresh: DeviceRecord,
    known: Option<DeviceRecord>,
    client: &Client,
    granted: &[String],
) -> Result<DeviceRecord, Refusal> {
    let now = now_ms();
    fresh.last_seen_at = now;
    fresh.scopes = granted.to_vec();
    let Some(known) = known else {
        if core.ask_pairing {
            return Err(pairing_required(core, fresh, None, "not-paired"));
        }
        fresh.approved_at = now;
        core.store.put_device(&fresh)?;
        return Ok(fresh);
    };
    fresh.approved_at = known.approved_at;
    fresh.generation = known.generation;
    if known.platform != client.platform || known.device_family != client.family {
        return Err(pairing_required(core, fresh, Some(&known), "metadata-upgrade"));
    }
    let wider = granted.iter().any(|s| !known.scopes.contains(s));
    if wider && core.ask_pairing {
        return Err(pairing_required(core, fresh, Some(&known), "scope-upgrade"));
    }
    for scope in &known.scopes {
        if !fresh.scopes.contains(scope) {
            fresh.scopes.push(scope.clone());
        }
    }
    core.store.put_device(&fresh)?;
    Ok(fresh)
}

fn pairing_required(
    core: &Core,
    fresh: DeviceRecord,
    known: Option<&DeviceRecord>,
    reason: &'static str,
) -> Refusal {
    let request = core.pairings.file(fresh, reason, now_ms());
    let device = &request.device;
    core.hub
        .publish("device.pair.requested", crate::hub::Audience::Readers, || {
            crate::ws::devices::pairing(&request)
        });
    let (message, hint) = match reason {
        "metadata-upgrade" => (
            "pairing required: device identity changed and must be re-approved",
            "Review the refreshed device details, then approve the pending request.",
        ),
        "scope-upgrade" => (
            "pairing required: device is asking for more scopes than currently approved",
            "Review the requested scopes, then approve the pending upgrade.",
        ),
        _ => (
            "pairing required: device is not approved yet",
            "Approve this device from the pending pairing requests.",
        ),
    };
    let mut details = json!({"code": "PAIRING_REQUIRED", "reason": reason, "requestId": request.request_id,
        "remediationHint": hint, "deviceId": device.id, "requestedRole": "operator", "requestedScopes": device.scopes});
    if let Some(known) = known {
        crate::ws::merge(
            &mut details,
            json!({"approvedRoles": ["operator"], "approvedScopes": known.scopes}),
        );
    }
    let mut error = invalid_with(message, details);
    error.code = "NOT_PAIRED".into();
    Refusal {
        reason: Some(format!("{message} (requestId: {})", request.request_id)),
        ..error.into()
    }
}
