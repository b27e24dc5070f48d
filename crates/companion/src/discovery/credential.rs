//! A token or a password as a gateway's configuration writes it: as text, with the name of a
//! variable, or as a reference to a secret.

use super::Surroundings;
use super::variables::{Variables, is_name, under};
use serde_json::Value;
use std::path::Path;

/// What the gateway's commands print where a secret stands.
const PLACEHOLDER: &str = "__OPENCLAW_REDACTED__";

/// Whether a text is what a program prints instead of a token.
#[must_use]
pub fn is_placeholder(text: &str) -> bool {
    matches!(text.trim(), PLACEHOLDER | "undefined" | "null")
}

/// What became of a credential in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Credential {
    /// The configuration has none.
    Absent,
    /// It is here.
    Text(String),
    /// The gateway gets it from a place that is not read here, which is named.
    Elsewhere(String),
    /// The file has a placeholder in its place.
    Placeholder,
}

impl Credential {
    /// Another one where the configuration has none.
    pub(super) fn or(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Absent => other(),
            Self::Text(_) | Self::Elsewhere(_) | Self::Placeholder => self,
        }
    }

    pub(super) fn from_variable(value: Option<String>) -> Self {
        value.map_or(Self::Absent, Self::Text)
    }
}

/// Reads the credentials of one configuration.
pub(super) struct Reader<'a> {
    pub(super) around: &'a dyn Surroundings,
    pub(super) variables: &'a Variables<'a>,
    pub(super) home: Option<&'a Path>,
    pub(super) config: &'a Value,
}

impl Reader<'_> {
    pub(super) fn read(&self, input: Option<&Value>) -> Credential {
        match input {
            Some(Value::String(text)) => self.text(text.trim()),
            Some(Value::Number(number)) => Credential::Text(number.to_string()),
            Some(Value::Object(reference)) => {
                let field = |name: &str| reference.get(name).and_then(Value::as_str).unwrap_or_default();
                self.reference(field("source"), field("provider"), field("id"))
            }
            Some(Value::Null | Value::Bool(_) | Value::Array(_)) | None => Credential::Absent,
        }
    }

    fn text(&self, text: &str) -> Credential {
        if text.is_empty() {
            return Credential::Absent;
        }
        if is_placeholder(text) {
            return Credential::Placeholder;
        }
        if let Some(name) = text.strip_prefix('$').filter(|name| is_name(name)) {
            return self.variable(name);
        }
        match self.variables.expand(text) {
            Ok(text) => Credential::Text(text),
            Err(name) => Credential::Elsewhere(format!("${name}")),
        }
    }

    fn variable(&self, name: &str) -> Credential {
        match self.variables.get(name) {
            Some(value) if is_placeholder(&value) => Credential::Placeholder,
            Some(value) => Credential::Text(value.trim().to_owned()),
            None => Credential::Elsewhere(format!("${name}")),
        }
    }

    fn reference(&self, source: &str, provider: &str, id: &str) -> Credential {
        let known = self
            .config
            .get("secrets")
            .and_then(|secrets| secrets.get("providers"))
            .and_then(|providers| providers.get(provider))
            .filter(|entry| entry.get("source").and_then(Value::as_str) == Some(source));
        let field = |name: &str| known.and_then(|entry| entry.get(name));
        match source {
            "env" => {
                let allowed = field("allowlist")
                    .and_then(Value::as_array)
                    .is_none_or(|names| names.iter().any(|name| name.as_str() == Some(id)));
                if allowed {
                    self.variable(id)
                } else {
                    Credential::Elsewhere(format!("${id}"))
                }
            }
            "file" => {
                let Some(path) = field("path").and_then(Value::as_str) else {
                    return Credential::Elsewhere(provider.to_owned());
                };
                let single = field("mode").and_then(Value::as_str) == Some("singleValue");
                self.file(path, single, id)
                    .map_or_else(|| Credential::Elsewhere(path.to_owned()), Credential::Text)
            }
            // A program of the owner, which is run by the gateway alone.
            "exec" => {
                let command = field("command").and_then(Value::as_str).unwrap_or(provider);
                Credential::Elsewhere(command.to_owned())
            }
            "" => Credential::Absent,
            other => Credential::Elsewhere(format!("{other}:{id}")),
        }
    }

    fn file(&self, path: &str, single: bool, id: &str) -> Option<String> {
        let text = self.around.read(&under(self.home, path))?;
        if single {
            let value = text.strip_suffix('\n').unwrap_or(&text);
            return Some(value.strip_suffix('\r').unwrap_or(value).to_owned()).filter(|_| id == "value");
        }
        let values: Value = serde_json::from_str(&text).ok()?;
        values.pointer(id)?.as_str().map(str::to_owned)
    }
}
