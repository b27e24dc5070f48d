//! The key of a device, and its signature over the challenge.

use super::{Arrival, client::Client};
use crate::error::{invalid, invalid_with};
use crate::store::devices::DeviceRecord;
use crate::time::now_ms;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clawtray_gateway_protocol::GatewayError;
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// How far a signature's time may be from ours, in milliseconds.
const SKEW_MS: u64 = 120_000;

/// Checks the device's signature; gives the device without its approval.
pub(super) fn check(
    arrival: &Arrival<'_>,
    device: &Value,
    client: &Client,
    role: &str,
    scopes: &[String],
    auth: &Value,
) -> Result<DeviceRecord, GatewayError> {
    let text = |name: &str| device.get(name).and_then(Value::as_str).unwrap_or_default();
    for name in ["id", "publicKey", "signature", "signedAt", "nonce"] {
        if device.get(name).is_none() {
            return Err(invalid(format!(
                "invalid connect params: at /device: must have required property '{name}'"
            )));
        }
    }
    let refuse = |message: &str, code: &str, reason: &str| {
        invalid_with(message, json!({"code": code, "reason": reason}))
    };
    let mismatch = || {
        refuse(
            "device identity mismatch",
            "DEVICE_AUTH_DEVICE_ID_MISMATCH",
            "device-id-mismatch",
        )
    };
    let raw = URL_SAFE_NO_PAD
        .decode(text("publicKey").trim_end_matches('='))
        .map_err(|_| mismatch())?;
    let key: [u8; 32] = raw.try_into().map_err(|_| mismatch())?;
    let id: String = Sha256::digest(key).iter().map(|b| format!("{b:02x}")).collect();
    if id != text("id") {
        return Err(mismatch());
    }
    let signed_at = device.get("signedAt").and_then(Value::as_i64).unwrap_or(0);
    if now_ms().abs_diff(signed_at) > SKEW_MS {
        return Err(refuse(
            "device signature expired",
            "DEVICE_AUTH_SIGNATURE_EXPIRED",
            "device-signature-stale",
        ));
    }
    if text("nonce") != arrival.nonce {
        return Err(refuse(
            "device nonce mismatch",
            "DEVICE_AUTH_NONCE_MISMATCH",
            "device-nonce-mismatch",
        ));
    }
    let secret = ["token", "deviceToken", "bootstrapToken"]
        .iter()
        .find_map(|n| auth.get(n).and_then(Value::as_str))
        .unwrap_or_default();
    let base = [
        id.as_str(),
        &client.id,
        &client.mode,
        role,
        &scopes.join(","),
        &signed_at.to_string(),
        secret,
        arrival.nonce,
    ]
    .join("|");
    let v3 = format!("v3|{base}|{}|{}", client.platform, client.family);
    let v2 = format!("v2|{base}");
    let verified = VerifyingKey::from_bytes(&key)
        .ok()
        .zip(signature(text("signature")))
        .is_some_and(|(key, sig)| {
            key.verify_strict(v3.as_bytes(), &sig).is_ok() || key.verify_strict(v2.as_bytes(), &sig).is_ok()
        });
    if !verified {
        return Err(refuse(
            "device signature invalid",
            "DEVICE_AUTH_SIGNATURE_INVALID",
            "device-signature",
        ));
    }
    Ok(DeviceRecord {
        id,
        public_key: text("publicKey").to_owned(),
        platform: client.platform.clone(),
        device_family: client.family.clone(),
        display_name: client.display_name.clone(),
        client_id: client.id.clone(),
        client_mode: client.mode.clone(),
        ..DeviceRecord::default()
    })
}

fn signature(text: &str) -> Option<Signature> {
    let raw = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    Signature::from_slice(&raw).ok()
}
