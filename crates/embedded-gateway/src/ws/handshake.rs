//! `connect`: who may come in, and what they are told when not.

use super::params::Params;
use crate::core::Core;
use crate::error::{invalid, invalid_with};
use crate::pairing::{device_token, same_secret};
use crate::rows;
use crate::store::devices::DeviceRecord;
use crate::time::now_ms;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clawtray_gateway_protocol::GatewayError;
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(super) const PROTOCOL: u64 = 4;
/// How far a signature's time may be from ours, in milliseconds.
const SKEW_MS: i64 = 120_000;

const CLIENT_IDS: [&str; 17] = [
    "webchat-ui",
    "openclaw-control-ui",
    "openclaw-browser-copilot",
    "openclaw-tui",
    "webchat",
    "cli",
    "gateway-client",
    "openclaw-macos",
    "openclaw-linux",
    "openclaw-ios",
    "openclaw-watchos",
    "openclaw-android",
    "node-host",
    "openclaw-worker",
    "test",
    "fingerprint",
    "openclaw-probe",
];
const CLIENT_MODES: [&str; 8] = [
    "webchat", "cli", "ui", "backend", "node", "worker", "probe", "test",
];

/// A connection that was let in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    pub(crate) scopes: Vec<String>,
    pub(crate) caps: Vec<String>,
    pub(crate) device: Option<String>,
}

impl Peer {
    pub(crate) fn may(&self, scope: &str) -> bool {
        let has = |s: &str| self.scopes.iter().any(|have| have == s);
        has(scope) || has("operator.admin") || (scope == "operator.read" && has("operator.write"))
    }

    pub(crate) fn has_cap(&self, cap: &str) -> bool {
        self.caps.iter().any(|c| c == cap)
    }
}

/// A refusal: the response's error, and the code that the socket is closed with.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: Box<GatewayError>,
    pub(crate) close: u16,
    /// The close reason, where it differs from the message.
    pub(crate) reason: Option<String>,
    /// The wrong secret was shown; counts against the address.
    pub(crate) bad_secret: bool,
}

impl From<GatewayError> for Refusal {
    fn from(error: GatewayError) -> Self {
        Self {
            error: Box::new(error),
            close: 1008,
            reason: None,
            bad_secret: false,
        }
    }
}

impl From<crate::error::StoreError> for Refusal {
    fn from(error: crate::error::StoreError) -> Self {
        GatewayError::from(error).into()
    }
}

/// What a connection brings along.
#[derive(Clone, Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) nonce: &'a str,
    pub(crate) conn_id: &'a str,
    pub(crate) origin: Option<&'a str>,
    pub(crate) from_loopback: bool,
}

/// Checks `connect` and makes `hello-ok`.
pub(crate) fn connect(core: &Core, arrival: &Arrival<'_>, params: &Value) -> Result<(Peer, Value), Refusal> {
    let p = Params::read(
        "connect",
        params,
        &["minProtocol", "maxProtocol", "client"],
        &[
            "caps",
            "commands",
            "computerUse",
            "workerRuns",
            "permissions",
            "pathEnv",
            "role",
            "scopes",
            "device",
            "auth",
            "locale",
            "userAgent",
            "modelCatalog",
        ],
    )?;
    let client = Client::read(params)?;
    let number = |name: &str| {
        p.get(name)
            .and_then(Value::as_u64)
            .ok_or_else(|| invalid(format!("invalid connect params: at /{name}: must be integer")))
    };
    let (min, max) = (number("minProtocol")?, number("maxProtocol")?);
    if min > PROTOCOL || max < PROTOCOL {
        let details = json!({"code": "PROTOCOL_MISMATCH", "clientMinProtocol": min, "clientMaxProtocol": max,
            "expectedProtocol": PROTOCOL, "minimumProbeProtocol": 3});
        return Err(Refusal {
            close: 1002,
            ..invalid_with("protocol mismatch", details).into()
        });
    }
    let role = p.opt_str("role")?.unwrap_or("operator");
    if role != "operator" {
        return Err(invalid("invalid role").into());
    }
    check_origin(core, arrival)?;
    let scopes = strings(p.get("scopes"), "scopes")?;
    let caps = strings(p.get("caps"), "caps")?;
    let auth = p.get("auth").cloned().unwrap_or(Value::Null);
    let device = match p.get("device") {
        Some(device) => Some(check_device(arrival, device, &client, role, &scopes, &auth)?),
        None => None,
    };
    let known = match &device {
        Some(device) => core.store.device(&device.id)?,
        None => None,
    };
    let method = check_secret(core, &auth, device.is_some(), known.as_ref())?;
    let granted = grant(&client, device.is_some(), &method, scopes, known.as_ref())?;
    let mut auth_out = json!({"method": method, "role": role, "scopes": granted});
    if let Some(fresh) = device.clone() {
        let stored = admit(core, fresh, known, &client, &granted)?;
        if let Some(token) = core.token.as_deref().and_then(|t| device_token(t, &stored)) {
            super::merge(
                &mut auth_out,
                json!({"deviceToken": token, "issuedAtMs": stored.approved_at}),
            );
        }
    }
    let peer = Peer {
        scopes: granted,
        caps,
        device: device.map(|d| d.id),
    };
    Ok((peer, hello(core, arrival, &auth_out)))
}

#[derive(Debug)]
struct Client {
    id: String,
    mode: String,
    platform: String,
    family: String,
    display_name: Option<String>,
}

impl Client {
    fn read(params: &Value) -> Result<Self, GatewayError> {
        let client = params.get("client").unwrap_or(&Value::Null);
        let bad = |what: String| invalid(format!("invalid connect params: {what}"));
        let Some(map) = client.as_object() else {
            return Err(bad("at /client: must be object".into()));
        };
        let text = |name: &str| map.get(name).and_then(Value::as_str).map(str::to_owned);
        for name in ["id", "version", "platform", "mode"] {
            match map.get(name) {
                None => return Err(bad(format!("at /client: must have required property '{name}'"))),
                Some(Value::String(_)) => {}
                Some(_) => return Err(bad(format!("at /client/{name}: must be string"))),
            }
        }
        let optional = [
            "displayName",
            "buildId",
            "deviceFamily",
            "modelIdentifier",
            "timeZone",
            "instanceId",
        ];
        if let Some(name) = map.keys().find(|n| {
            !["id", "version", "platform", "mode"].contains(&n.as_str()) && !optional.contains(&n.as_str())
        }) {
            return Err(bad(format!("at /client: unexpected property '{name}'")));
        }
        let (id, mode) = (text("id").unwrap_or_default(), text("mode").unwrap_or_default());
        if !CLIENT_IDS.contains(&id.as_str()) {
            return Err(bad(
                "at /client/id: must be equal to one of the allowed values".into()
            ));
        }
        if !CLIENT_MODES.contains(&mode.as_str()) {
            return Err(bad(
                "at /client/mode: must be equal to one of the allowed values".into()
            ));
        }
        Ok(Self {
            id,
            mode,
            platform: text("platform").unwrap_or_default().trim().to_ascii_lowercase(),
            family: text("deviceFamily")
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase(),
            display_name: text("displayName"),
        })
    }
}

fn strings(value: Option<&Value>, name: &str) -> Result<Vec<String>, GatewayError> {
    let bad = || invalid(format!("invalid connect params: at /{name}: must be array"));
    let Some(value) = value else { return Ok(Vec::new()) };
    let list = value.as_array().ok_or_else(bad)?;
    list.iter()
        .map(|v| v.as_str().map(str::to_owned).ok_or_else(bad))
        .collect()
}

fn check_origin(core: &Core, arrival: &Arrival<'_>) -> Result<(), GatewayError> {
    let Some(origin) = arrival.origin else {
        return Ok(());
    };
    let allowed =
        (origin == "tauri://localhost" && arrival.from_loopback) || core.origins.iter().any(|o| o == origin);
    if allowed {
        return Ok(());
    }
    Err(invalid_with(
        "origin not allowed (open the Control UI from the gateway host or allow it in gateway.controlUi.allowedOrigins)",
        json!({"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": "origin not allowed"}),
    ))
}

/// Checks the device's signature; gives the device without its approval.
fn check_device(
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
    if (now_ms() - signed_at).abs() > SKEW_MS {
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

/// Checks token, password or device token; gives the method that held.
fn check_secret(
    core: &Core,
    auth: &Value,
    has_device: bool,
    known: Option<&DeviceRecord>,
) -> Result<String, Refusal> {
    let text = |name: &str| auth.get(name).and_then(Value::as_str).filter(|t| !t.is_empty());
    let Some(own) = core.token.as_deref() else {
        if !core.is_open() {
            return Err(invalid_with(
                "unauthorized: this gateway has no token; only its HTTP API can be used, with an API key",
                json!({"code": "AUTH_TOKEN_MISSING", "authReason": "token_missing_config", "canRetryWithDeviceToken": false,
                    "recommendedNextStep": "update_auth_configuration"}),
            )
            .into());
        }
        if has_device {
            return Ok("none".into());
        }
        let mut error = invalid_with(
            "device identity required",
            json!({"code": "DEVICE_IDENTITY_REQUIRED"}),
        );
        error.code = "NOT_PAIRED".into();
        return Err(error.into());
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

/// The scopes that are granted: what was asked for, within what the device was approved for.
fn grant(
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
fn admit(
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
            super::devices::pairing(&request)
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
        super::merge(
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

fn hello(core: &Core, arrival: &Arrival<'_>, auth: &Value) -> Value {
    json!({
        "type": "hello-ok",
        "protocol": PROTOCOL,
        "server": {"version": env!("CARGO_PKG_VERSION"), "buildId": concat!("clawtray-embedded-", env!("CARGO_PKG_VERSION")),
            "bootId": core.boot_id, "connId": arrival.conn_id},
        "features": {"methods": super::methods::METHODS, "events": super::methods::EVENTS, "capabilities": []},
        "snapshot": {
            "presence": [],
            "health": rows::health(core),
            "stateVersion": {"presence": 1, "health": 1},
            "uptimeMs": core.uptime_ms(),
            "sessionDefaults": {"defaultAgentId": core.default_agent(), "modelConfigured": true, "ownership": "sole",
                "selectionRequired": false, "mainKey": "main", "mainSessionKey": core.main_key(), "scope": "per-sender"},
            "stateDir": core.data_dir,
            "authMode": if core.token.is_some() { "token" } else { "none" },
        },
        "auth": auth,
        "policy": {"maxPayload": super::MAX_PAYLOAD, "maxBufferedBytes": super::MAX_PAYLOAD * 2,
            "tickIntervalMs": u64::try_from(core.tick.as_millis()).unwrap_or(30_000),
            "attachments": {"maxBytes": 19_464_192, "maxImageBytes": 6_291_456}},
    })
}
