//! Checks token, password and device token.

use super::Refusal;
use crate::core::Core;
use crate::error::invalid_with;
use crate::pairing::{device_token, same_secret};
use crate::store::devices::DeviceRecord;
use serde_json::{Value, json};

/// Checks token, password or device token; gives the method that held.
pub(super) fn check(
    core: &Core,
    auth: &Value,
    has_device: bool,
    known: Option<&DeviceRecord>,
) -> Result<String, Refusal> {
    let text = |name: &str| auth.get(name).and_then(Value::as_str).filter(|t| !t.is_empty());
    let Some(own) = core.token.as_deref() else {
        return Err(invalid_with(
            "unauthorized: this gateway has no token; only its HTTP API can be used, with an API key",
            json!({"code": "AUTH_TOKEN_MISSING", "authReason": "token_missing_config", "canRetryWithDeviceToken": false,
                "recommendedNextStep": "update_auth_configuration"}),
        )
        .into());
    };
    let shared = text("token").or_else(|| text("password"));
    if shared.is_some_and(|given| same_secret(given, own)) {
        return Ok("token".into());
    }
    let device_secret = text("deviceToken").or(shared);
    if let (Some(given), Some(device)) = (device_secret, known)
        && device_token(own, device).is_some_and(|token| same_secret(given, &token))
    {
        return Ok("device-token".into());
    }
    let (message, code, reason, retry, step) = if shared.is_some() {
        let retry = has_device && text("deviceToken").is_none();
        let step = if retry {
            "retry_with_device_token"
        } else {
            "update_auth_credentials"
        };
        (
            "unauthorized: gateway token mismatch (provide gateway auth token)",
            "AUTH_TOKEN_MISMATCH",
            "token_mismatch",
            retry,
            step,
        )
    } else if device_secret.is_some() {
        (
            "unauthorized: device token mismatch (rotate/reissue device token)",
            "AUTH_DEVICE_TOKEN_MISMATCH",
            "device_token_mismatch",
            false,
            "update_auth_credentials",
        )
    } else {
        (
            "unauthorized: gateway token missing (provide gateway auth token)",
            "AUTH_TOKEN_MISSING",
            "token_missing",
            false,
            "update_auth_configuration",
        )
    };
    let details = json!({"code": code, "authReason": reason, "canRetryWithDeviceToken": retry, "recommendedNextStep": step});
    Err(Refusal {
        bad_secret: device_secret.is_some(),
        ..invalid_with(message, details).into()
    })
}
