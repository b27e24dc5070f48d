//! `connect`: who is admitted, and the answer for everybody else.

mod admission;
mod client;
mod device;
mod secret;

use super::params::Params;
use crate::core::Core;
use crate::error::{invalid, invalid_with};
use crate::pairing::device_token;
use crate::rows;
use admission::{admit, grant};
use clawtray_gateway_protocol::GatewayError;
use client::Client;
use serde_json::{Value, json};

pub(super) const PROTOCOL: u64 = 4;

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
        Some(device) => Some(device::check(arrival, device, &client, role, &scopes, &auth)?),
        None => None,
    };
    let known = match &device {
        Some(device) => core.store.device(&device.id)?,
        None => None,
    };
    let method = secret::check(core, &auth, device.is_some(), known.as_ref())?;
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

fn hello(core: &Core, arrival: &Arrival<'_>, auth: &Value) -> Value {
    json!({
        "type": "hello-ok",
        "protocol": PROTOCOL,
        "server": {"version": env!("CARGO_PKG_VERSION"), "buildId": concat!("clawtray-embedded-", env!("CARGO_PKG_VERSION")),
            "bootId": core.boot_id, "connId": arrival.conn_id},
        "features": {"methods": super::methods::METHODS.iter().map(|m| m.name).collect::<Vec<_>>(), "events": super::methods::EVENTS, "capabilities": []},
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
