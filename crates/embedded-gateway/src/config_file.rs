//! Reads the configuration files of the write-ups: D1's `openclaw.json`, D2's `openclaw.yml` and
//! D4's `openclaw.json5`.
//!
//! All of them have one object `gateway`. Fields for other programs are ignored. The files hold
//! secrets, so no message repeats a value.

#[cfg(test)]
mod tests;

use crate::Webhook;
use crate::keys::{FreshKey, NewKey, Permission, given};
use crate::server::Config;
use axum::http::Method;
use serde_json::{Map, Value};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// No configuration is larger, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// What a file says about the gateway.
#[derive(Clone, Default)]
pub struct ConfigFile {
    /// Where to listen.
    pub host: Option<IpAddr>,
    /// The port.
    pub port: Option<u16>,
    /// The gateway's own token.
    pub token: Option<String>,
    /// The API keys it lists; they are held in memory only.
    pub keys: Vec<FreshKey>,
    /// The web pages that may call, by origin.
    pub origins: Vec<String>,
    /// The methods that these pages may use; empty: all.
    pub methods: Vec<Method>,
    /// Receivers of events.
    pub webhooks: Vec<Webhook>,
}

impl fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigFile")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("keys", &self.keys)
            .field("origins", &self.origins)
            .field("methods", &self.methods)
            .finish_non_exhaustive()
    }
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    /// It could not be read.
    #[error("{} cannot be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It is no configuration by far.
    #[error("{} is too large for a configuration file", .0.display())]
    TooLarge(PathBuf),
    /// It is no JSON5 or YAML.
    #[error("{} has a syntax error at line {line}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// A field has a value that it cannot have.
    #[error("{}: {field} {problem}", .path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The field, by its path in the file.
        field: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// A field and what is wrong with it.
type Wrong = (String, &'static str);

impl ConfigFile {
    /// Reads a file. `variable` looks up the environment for values like `${NAME}`.
    ///
    /// # Errors
    /// When it cannot be read or understood, or a field has an impossible value; the message names the field.
    pub fn read(path: &Path, variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigFileError> {
        let read = |source| ConfigFileError::Read {
            path: path.to_owned(),
            source,
        };
        if std::fs::metadata(path).map_err(read)?.len() > LARGEST {
            return Err(ConfigFileError::TooLarge(path.to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(read)?;
        let yaml = path.extension().is_some_and(|ext| ext == "yml" || ext == "yaml");
        let root = if yaml { from_yaml(&text) } else { from_json5(&text) };
        let root = root.map_err(|line| ConfigFileError::Syntax {
            path: path.to_owned(),
            line,
        })?;
        Self::from_value(&root, &variable).map_err(|(field, problem)| ConfigFileError::Field {
            path: path.to_owned(),
            field,
            problem,
        })
    }

    fn from_value(root: &Value, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Wrong> {
        let file = Section::root(root, variable)?;
        let Some(gateway) = file.section("gateway")? else {
            return Err(("gateway".into(), "is missing"));
        };
        if gateway.switch("apiEnabled")? == Some(false) {
            return Err((
                "gateway.apiEnabled".into(),
                "is false; set it to true to serve the HTTP APIs",
            ));
        }
        let server = gateway.section("server")?;
        let of_server = |name| server.as_ref().map(|server| server.text(name)).transpose();
        let host = gateway.text("host")?.or(of_server("host")?.flatten());
        let host = host.map(|host| address(&host)).transpose()?;
        let port = match gateway.count("port")? {
            Some(port) => Some(port),
            None => server
                .as_ref()
                .map(|server| server.count("port"))
                .transpose()?
                .flatten(),
        };
        let auth = gateway.section("auth")?;
        let of_auth = auth
            .as_ref()
            .map(|auth| auth.secret("token"))
            .transpose()?
            .flatten();
        let cors = gateway.section("cors")?;
        let list = |name| cors.as_ref().map_or(Ok(Vec::new()), |cors| cors.texts(name));
        Ok(Self {
            host,
            port,
            token: of_auth.or(gateway.secret("token")?),
            keys: keys(&gateway)?,
            origins: list("origins")?,
            methods: list("methods")?
                .iter()
                .map(|name| {
                    let method = Method::from_bytes(name.to_ascii_uppercase().as_bytes());
                    method.map_err(|_| ("gateway.cors.methods".into(), "has an unknown HTTP method"))
                })
                .collect::<Result<_, Wrong>>()?,
            webhooks: webhooks(&gateway)?,
        })
    }

    /// Puts what the file says into a configuration.
    pub fn apply(self, config: &mut Config) {
        let host = self.host.unwrap_or(config.bind.ip());
        config.bind = (host, self.port.unwrap_or(config.bind.port())).into();
        config.token = self.token.or(config.token.take());
        config.keys.extend(self.keys);
        config.origins.extend(self.origins);
        config.cors_methods = self.methods;
        config.webhooks.extend(self.webhooks);
    }
}

fn from_json5(text: &str) -> Result<Value, u64> {
    json5::from_str(text).map_err(|error| {
        let line = error.position().map_or(0, |at| at.line);
        u64::try_from(line).unwrap_or(u64::MAX).saturating_add(1)
    })
}

fn from_yaml(text: &str) -> Result<Value, u64> {
    serde_saphyr::from_str(text).map_err(|error| error.location().map_or(1, |at| at.line()))
}

fn address(host: &str) -> Result<IpAddr, Wrong> {
    if host == "localhost" {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    host.trim_matches(['[', ']']).parse().map_err(|_| {
        (
            "gateway.host".into(),
            "is not an address of this computer, such as 127.0.0.1",
        )
    })
}

/// D4's keys, with the limits it has for all of them. One count for all, where `perKey` is false, is one id for all.
fn keys(gateway: &Section<'_>) -> Result<Vec<FreshKey>, Wrong> {
    let limits = gateway.section("rateLimit")?;
    let limit = |name| limits.as_ref().map(|limits| limits.number(name)).transpose();
    let minute = limit("maxRequestsPerMinute")?.flatten();
    let minute = minute.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    let day = limit("maxTokensPerDay")?.flatten();
    let per_key = match &limits {
        Some(limits) => limits.switch("perKey")?.unwrap_or(true),
        None => true,
    };
    let mut all = Vec::new();
    for (at, item) in gateway.list("apiKeys")?.iter().enumerate() {
        let field = format!("gateway.apiKeys[{at}]");
        let (secret, mut new) = match item {
            Value::String(secret) => (
                gateway.expand(secret),
                NewKey::labelled(format!("key {}", at + 1)),
            ),
            Value::Object(fields) => key_object(gateway, fields, &field, at)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                return Err((field, "must be a key, or an object with the field key"));
            }
        };
        if secret.is_empty() {
            return Err((field, "is empty"));
        }
        new.rate_limit_per_minute = minute.unwrap_or(new.rate_limit_per_minute);
        new.tokens_per_day = day.or(new.tokens_per_day);
        let id = match per_key {
            true => format!("configured_{}", new.label),
            false => "configured".to_owned(),
        };
        all.push(given(id, secret, new));
    }
    Ok(all)
}

fn key_object(
    gateway: &Section<'_>,
    fields: &Map<String, Value>,
    path: &str,
    at: usize,
) -> Result<(String, NewKey), Wrong> {
    let item = Section {
        path: path.to_owned(),
        fields,
        variable: gateway.variable,
    };
    let label = item.text("label")?.unwrap_or_else(|| format!("key {}", at + 1));
    let mut new = NewKey::labelled(label);
    new.workspaces = item.texts("workspaces")?;
    let names = item.texts("permissions")?;
    if !names.is_empty() {
        new.permissions = names
            .iter()
            .map(|name| Permission::parse(name).ok_or((format!("{path}.permissions"), "has an unknown name")))
            .collect::<Result<_, Wrong>>()?;
    }
    let secret = item.secret("key")?;
    Ok((secret.ok_or_else(|| (item.name("key"), "is missing"))?, new))
}

/// D5's receivers: `url`, `secret`, `events`, `retries`, `timeoutMs`.
fn webhooks(gateway: &Section<'_>) -> Result<Vec<Webhook>, Wrong> {
    let mut all = Vec::new();
    for (at, item) in gateway.list("webhooks")?.iter().enumerate() {
        let path = format!("gateway.webhooks[{at}]");
        let Value::Object(fields) = item else {
            return Err((path, "must be an object"));
        };
        let item = Section {
            path,
            fields,
            variable: gateway.variable,
        };
        let need = |name: &str| {
            let text = item.secret(name)?;
            text.ok_or((format!("{}.{name}", item.path), "is missing"))
        };
        let mut hook = Webhook::new(need("url")?, need("secret")?);
        hook.events = item.texts("events")?;
        if let Some(retries) = item.number("retries")? {
            hook.retries = u32::try_from(retries).unwrap_or(u32::MAX);
        }
        if let Some(timeout) = item.number("timeoutMs")? {
            hook.timeout = Duration::from_millis(timeout);
        }
        all.push(hook);
    }
    Ok(all)
}

/// An object of the file, and where it stands.
struct Section<'a> {
    path: String,
    fields: &'a Map<String, Value>,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Section<'a> {
    fn root(root: &'a Value, variable: &'a dyn Fn(&str) -> Option<String>) -> Result<Self, Wrong> {
        let fields = root
            .as_object()
            .ok_or(("the file".to_owned(), "is not an object"))?;
        Ok(Self {
            path: String::new(),
            fields,
            variable,
        })
    }

    fn name(&self, field: &str) -> String {
        match self.path.as_str() {
            "" => field.to_owned(),
            path => format!("{path}.{field}"),
        }
    }

    /// A field that is there and not null, as what it has to be.
    fn get<T>(
        &self,
        field: &str,
        problem: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Wrong> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| (self.name(field), problem)),
        }
    }

    fn section(&self, field: &str) -> Result<Option<Self>, Wrong> {
        let fields = self.get(field, "must be an object", Value::as_object)?;
        Ok(fields.map(|fields| Self {
            path: self.name(field),
            fields,
            variable: self.variable,
        }))
    }

    fn text(&self, field: &str) -> Result<Option<String>, Wrong> {
        self.get(field, "must be a text", |value| {
            value.as_str().map(|text| self.expand(text))
        })
    }

    /// A text that must say something where it is there: a variable that is not set would be no guard at all.
    fn secret(&self, field: &str) -> Result<Option<String>, Wrong> {
        match self.text(field)? {
            Some(text) if text.is_empty() => Err((self.name(field), "is empty")),
            text => Ok(text),
        }
    }

    fn switch(&self, field: &str) -> Result<Option<bool>, Wrong> {
        self.get(field, "must be true or false", Value::as_bool)
    }

    fn number(&self, field: &str) -> Result<Option<u64>, Wrong> {
        self.get(field, "must be a whole number of 1 or more", |value| {
            value.as_u64().filter(|number| *number > 0)
        })
    }

    fn count(&self, field: &str) -> Result<Option<u16>, Wrong> {
        self.get(field, "must be a port, 0 to 65535", |value| {
            value.as_u64().and_then(|number| u16::try_from(number).ok())
        })
    }

    fn list(&self, field: &str) -> Result<&'a [Value], Wrong> {
        let list = self.get(field, "must be a list", Value::as_array)?;
        Ok(list.map_or(&[], Vec::as_slice))
    }

    fn texts(&self, field: &str) -> Result<Vec<String>, Wrong> {
        self.list(field)?
            .iter()
            .map(|item| {
                let text = item.as_str().map(|text| self.expand(text));
                text.ok_or_else(|| (self.name(field), "must be a list of texts"))
            })
            .collect()
    }

    /// `${NAME}` means the environment's value.
    fn expand(&self, text: &str) -> String {
        let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        match name {
            Some(name) => (self.variable)(name).unwrap_or_default().trim().to_owned(),
            None => text.trim().to_owned(),
        }
    }
}
