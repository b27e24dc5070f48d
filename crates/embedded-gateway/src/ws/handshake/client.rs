//! What a client says about itself.

use crate::error::invalid;
use clawtray_gateway_protocol::GatewayError;
use serde_json::Value;

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

#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) mode: String,
    pub(super) platform: String,
    pub(super) family: String,
    pub(super) display_name: Option<String>,
}

impl Client {
    pub(super) fn read(params: &Value) -> Result<Self, GatewayError> {
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
