//! The gateway's config file.

use serde_json::{Value, json};
use std::path::Path;

/// The default model of every agent.
pub const MODEL: &str = "fake/fake-1";
/// A model that reasons; without one the gateway refuses a thinking level.
pub const THINKING_MODEL: &str = "fake/fake-thinker";
/// A model of a second provider, with a key of its own: a refused key is put aside for a minute, and the other provider
/// must not suffer from a test of that.
pub const AUTH_MODEL: &str = "fake-auth/fake-auth-1";

/// How a gateway is set up.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// The shared token.
    pub token: String,
    /// The port; a free one when not given.
    pub port: Option<u16>,
    /// Base URL of an OpenAI-compatible model server, usually [`crate::ScriptedModel::base_url`].
    pub model_url: Option<String>,
    /// Merged over the config file: objects key by key, anything else replaces; `null` removes. `null` as a
    /// whole changes nothing.
    pub extra: Value,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            token: "lab-token-0123456789abcdef".into(),
            port: None,
            model_url: None,
            extra: json!({}),
        }
    }
}

impl GatewayConfig {
    /// The default with the model at `model_url`.
    #[must_use]
    pub fn with_model(model_url: impl Into<String>) -> Self {
        Self {
            model_url: Some(model_url.into()),
            ..Self::default()
        }
    }

    pub(super) fn file(&self, port: u16, dir: &Path) -> Value {
        // Nothing listens on the discard port: without a model the gateway runs and every prompt fails at once.
        let url = self.model_url.as_deref().unwrap_or("http://127.0.0.1:9/v1");
        let mut config = json!({
            "gateway": {
                "mode": "local",
                "port": port,
                // In a container the gateway's default is every interface.
                "bind": "loopback",
                "auth": { "mode": "token", "token": self.token },
            },
            "logging": { "file": dir.join("openclaw.log") },
            "models": {
                "mode": "replace",
                "providers": {
                    "fake": provider(url, "fake-key", &[model("fake-1", false), model("fake-thinker", true)]),
                    "fake-auth": provider(url, "fake-auth-key", &[model("fake-auth-1", false)]),
                },
            },
            "agents": {
                "defaults": {
                    "model": { "primary": MODEL },
                    "workspace": dir.join("workspace"),
                    // The first comes somewhere in the first half hour, by the device's name: a reply that no test asked for.
                    "heartbeat": { "every": "0m" },
                },
            },
        });
        if !self.extra.is_null() {
            merge(&mut config, &self.extra);
        }
        config
    }
}

fn provider(url: &str, key: &str, models: &[Value]) -> Value {
    json!({ "baseUrl": url, "apiKey": key, "api": "openai-completions", "models": models })
}

fn model(id: &str, reasoning: bool) -> Value {
    json!({
        "id": id,
        "name": id,
        "reasoning": reasoning,
        "input": ["text", "image"],
        "cost": { "input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0 },
        "contextWindow": 128_000,
        "maxTokens": 8192,
    })
}

/// Merges `patch` into `target` as JSON merge patch does.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    target.remove(key);
                } else {
                    merge(target.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}
