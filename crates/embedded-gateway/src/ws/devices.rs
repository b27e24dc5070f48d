//! `device.pair.*`: which devices may connect.

use super::{Connection, Params};
use crate::error::invalid;
use crate::hub::Audience;
use crate::pairing::PairingRequest;
use crate::time::now_ms;
use clawtray_gateway_protocol::GatewayError;
use serde_json::{Value, json};

/// A pairing request on the wire.
pub(super) fn pairing(request: &PairingRequest) -> Value {
    let d = &request.device;
    json!({"requestId": request.request_id, "deviceId": d.id, "publicKey": d.public_key, "displayName": d.display_name,
        "platform": d.platform, "deviceFamily": d.device_family, "clientId": d.client_id, "clientMode": d.client_mode,
        "role": "operator", "roles": ["operator"], "scopes": d.scopes, "reason": request.reason, "ts": request.ts})
}

pub(super) fn list(connection: &Connection) -> Result<Value, GatewayError> {
    let pending: Vec<Value> = connection.core.pairings.list().iter().map(pairing).collect();
    let paired: Vec<Value> = connection
        .core
        .store
        .devices()?
        .iter()
        .map(|d| {
            json!({"deviceId": d.id, "displayName": d.display_name, "platform": d.platform, "clientId": d.client_id,
                "clientMode": d.client_mode, "role": "operator", "scopes": d.scopes, "approvedAtMs": d.approved_at,
                "lastSeenAtMs": d.last_seen_at})
        })
        .collect();
    Ok(json!({"pending": pending, "paired": paired}))
}

pub(super) fn decide(connection: &Connection, p: &Params<'_>, approve: bool) -> Result<Value, GatewayError> {
    let id = p.str("requestId")?;
    let request = connection
        .core
        .pairings
        .take(id)
        .ok_or_else(|| invalid("unknown requestId"))?;
    if approve {
        let mut device = request.device.clone();
        device.approved_at = now_ms();
        connection.core.store.put_device(&device)?;
    }
    let decision = if approve { "approved" } else { "rejected" };
    let device_id = request.device.id;
    connection.core.hub.publish(
        "device.pair.resolved",
        Audience::Readers,
        || json!({"requestId": id, "deviceId": device_id, "decision": decision, "ts": now_ms()}),
    );
    Ok(json!({"requestId": id, "deviceId": device_id, "decision": decision}))
}

pub(super) fn remove(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    let id = p.str("deviceId")?;
    if !connection.core.store.delete_device(id)? {
        return Err(invalid("unknown deviceId"));
    }
    Ok(json!({"deviceId": id, "removed": true}))
}
