//! Checks parameters as strictly as the real gateway: nothing missing, nothing unknown, with its
//! own error texts.

use crate::error::invalid;
use clawtray_gateway_protocol::GatewayError;
use serde_json::{Map, Value};

/// The parameters of one request.
#[derive(Debug)]
pub(crate) struct Params<'a> {
    method: &'a str,
    map: &'a Map<String, Value>,
}

/// Parameters that were left out.
static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);

impl<'a> Params<'a> {
    pub(crate) fn read(
        method: &'a str,
        value: &'a Value,
        required: &[&str],
        optional: &[&str],
    ) -> Result<Self, GatewayError> {
        let map = match value {
            Value::Null => &*NONE,
            Value::Object(map) => map,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(invalid(format!("invalid {method} params: must be object")));
            }
        };
        let this = Self { method, map };
        if let Some(name) = required.iter().find(|name| !map.contains_key(**name)) {
            return Err(this.error(&format!("must have required property '{name}'")));
        }
        let known = |name: &str| required.contains(&name) || optional.contains(&name);
        if let Some(name) = map.keys().find(|name| !known(name)) {
            return Err(this.error(&format!("at root: unexpected property '{name}'")));
        }
        Ok(this)
    }

    /// The parameters of a method that looks at none.
    pub(crate) fn any(method: &'a str, value: &'a Value) -> Self {
        let map = value.as_object().unwrap_or(&NONE);
        Self { method, map }
    }

    /// All of them.
    pub(crate) fn to_value(&self) -> Value {
        Value::Object(self.map.clone())
    }

    fn error(&self, what: &str) -> GatewayError {
        invalid(format!("invalid {} params: {what}", self.method))
    }

    fn wrong(&self, name: &str, what: &str) -> GatewayError {
        self.error(&format!("at /{name}: must be {what}"))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name)
    }

    pub(crate) fn opt_str(&self, name: &str) -> Result<Option<&'a str>, GatewayError> {
        match self.map.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "string")),
        }
    }

    pub(crate) fn str(&self, name: &str) -> Result<&'a str, GatewayError> {
        match self.opt_str(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) => Err(self.error(&format!("at /{name}: must NOT have fewer than 1 characters"))),
            None => Err(self.error(&format!("must have required property '{name}'"))),
        }
    }

    /// A string or null: `Some(None)` takes the value away.
    pub(crate) fn nullable(&self, name: &str) -> Result<Option<Option<String>>, GatewayError> {
        match self.map.get(name) {
            Some(Value::Null) => Ok(Some(None)),
            _ => Ok(self.opt_str(name)?.map(|text| Some(text.to_owned()))),
        }
    }

    pub(crate) fn opt_bool(&self, name: &str) -> Result<Option<bool>, GatewayError> {
        match self.map.get(name) {
            None => Ok(None),
            Some(Value::Bool(on)) => Ok(Some(*on)),
            Some(_) => Err(self.wrong(name, "boolean")),
        }
    }

    pub(crate) fn opt_u32(&self, name: &str) -> Result<Option<u32>, GatewayError> {
        match self.map.get(name) {
            None => Ok(None),
            Some(value) => match value.as_u64().and_then(|n| u32::try_from(n).ok()) {
                Some(n) => Ok(Some(n)),
                None if value.is_u64() => Err(self.wrong(name, "<= 4294967295")),
                None if value.is_i64() => Err(self.wrong(name, ">= 0")),
                None => Err(self.wrong(name, "integer")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(value: Value) -> String {
        let read = Params::read("m.n", &value, &["key"], &["limit"]);
        match read.and_then(|p| p.str("key").map(drop).and_then(|()| p.opt_u32("limit").map(drop))) {
            Ok(()) => "ok".into(),
            Err(error) => error.message,
        }
    }

    #[test]
    fn words_match_the_gateway() {
        for (value, expect) in [
            (json!({"key": "a"}), "ok"),
            (json!({"key": "a", "limit": 3}), "ok"),
            (json!({}), "invalid m.n params: must have required property 'key'"),
            (
                Value::Null,
                "invalid m.n params: must have required property 'key'",
            ),
            (
                json!({"key": "a", "bogus": 1}),
                "invalid m.n params: at root: unexpected property 'bogus'",
            ),
            (json!({"key": 1}), "invalid m.n params: at /key: must be string"),
            (
                json!({"key": ""}),
                "invalid m.n params: at /key: must NOT have fewer than 1 characters",
            ),
            (
                json!({"key": "a", "limit": "x"}),
                "invalid m.n params: at /limit: must be integer",
            ),
            (
                json!({"key": "a", "limit": -1}),
                "invalid m.n params: at /limit: must be >= 0",
            ),
            (json!([1]), "invalid m.n params: must be object"),
        ] {
            assert_eq!(message(value.clone()), expect, "{value}");
        }
    }
}
