//! Finds gateways: in the environment, in the gateway's own configuration files, and on the default
//! port.
//!
//! A found gateway is only shown. It is stored when the user accepts it.

#[cfg(test)]
mod tests;

use crate::nearby::Nearby;
use crate::ports::Secret;
use crate::profiles::clean_url;
use crate::words::Language;
use async_trait::async_trait;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The port of a gateway that says nothing else.
pub const DEFAULT_PORT: u16 = 18789;
/// The usual port of the dialect D1.
const D1_PORT: u16 = 5050;
/// The usual port of the dialects D2, D4 and D5.
const HTTP_PORT: u16 = 3000;

/// How long announcements are listened for; they are asked for, and answers take a fraction of a second.
const LISTEN_FOR: Duration = Duration::from_secs(3);

/// What discovery looks at.
#[async_trait]
pub trait Surroundings: Send + Sync + 'static {
    /// An environment variable.
    fn variable(&self, name: &str) -> Option<String>;
    /// A file's text.
    fn read(&self, path: &Path) -> Option<String>;
    /// Whether something takes connections there.
    async fn answers(&self, host: &str, port: u16) -> bool;
    /// Gateways that announce themselves on the local network; takes [`LISTEN_FOR`].
    async fn nearby(&self) -> Vec<Nearby>;
}

/// The process's own surroundings.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

#[async_trait]
impl Surroundings for System {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
    fn read(&self, path: &Path) -> Option<String> {
        // A configuration file is small; whatever else lies there is not read.
        let small = std::fs::metadata(path).is_ok_and(|data| data.is_file() && data.len() < 4_000_000);
        small.then(|| std::fs::read_to_string(path).ok()).flatten()
    }
    async fn answers(&self, host: &str, port: u16) -> bool {
        let connect = tokio::net::TcpStream::connect((host, port));
        matches!(
            tokio::time::timeout(Duration::from_millis(700), connect).await,
            Ok(Ok(_))
        )
    }
    async fn nearby(&self) -> Vec<Nearby> {
        crate::nearby::listen(LISTEN_FOR).await
    }
}

/// Where a gateway was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In a variable of the environment or in a file, by its name.
    Named(String),
    /// Something answers at the usual port of this computer.
    UsualPort,
    /// It announces itself on the local network.
    LocalNetwork,
}

impl Source {
    /// For people.
    #[must_use]
    pub fn told(&self, language: Language) -> String {
        let words = language.words();
        match self {
            Self::Named(name) => name.clone(),
            Self::UsualPort => words.usual_port.to_owned(),
            Self::LocalNetwork => words.local_network.to_owned(),
        }
    }
}

impl Found {
    /// What it is called.
    #[must_use]
    pub fn called(&self, language: Language) -> String {
        self.name
            .clone()
            .unwrap_or_else(|| language.words().this_computer.to_owned())
    }
}

/// A gateway that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Stable for the same source and address.
    pub id: String,
    /// A name for it; None when all that is known is that it is on this computer.
    pub name: Option<String>,
    /// Where it is.
    pub url: String,
    /// Where it was found.
    pub source: Source,
    /// The token that was found with it.
    pub token: Option<Secret>,
    /// Something answers there.
    pub reachable: bool,
}

/// The gateway that the environment names, with its token.
#[must_use]
pub fn from_environment(around: &dyn Surroundings) -> Option<Found> {
    let set = |name: &str| {
        around
            .variable(name)
            .map(|value| value.trim().to_owned())
            .filter(|v| !v.is_empty())
    };
    let url = set("OPENCLAW_GATEWAY_URL");
    let token = set("OPENCLAW_GATEWAY_TOKEN").or_else(|| set("OPENCLAW_AUTH_TOKEN"));
    let source = match (&url, &token) {
        (Some(_), _) => "OPENCLAW_GATEWAY_URL",
        (None, Some(_)) if set("OPENCLAW_GATEWAY_TOKEN").is_some() => "OPENCLAW_GATEWAY_TOKEN",
        (None, Some(_)) => "OPENCLAW_AUTH_TOKEN",
        (None, None) => return None,
    };
    // `OPENCLAW_AUTH_TOKEN` is the HTTP dialects' name for it, and their port goes with it.
    let usual = match source {
        "OPENCLAW_AUTH_TOKEN" => format!("http://127.0.0.1:{}", D1_PORT),
        _ => format!("ws://127.0.0.1:{DEFAULT_PORT}"),
    };
    let (url, in_url) = clean_url(&url.unwrap_or(usual)).ok()?;
    Some(found(url, Source::Named(source.to_owned()), token.or(in_url)))
}

/// Everything that can be found, best first, one entry per address.
pub async fn discover(around: &dyn Surroundings) -> Vec<Found> {
    let mut all: Vec<Found> = from_environment(around).into_iter().collect();
    all.extend(from_files(around));
    let mut kept: Vec<Found> = Vec::new();
    for candidate in all {
        match kept.iter_mut().find(|known| known.url == candidate.url) {
            // The environment's address with the file's token is what a user means who set only one of them.
            Some(known) if known.token.is_none() => known.token = candidate.token,
            Some(_) => {}
            None => kept.push(candidate),
        }
    }
    let local = format!("ws://127.0.0.1:{DEFAULT_PORT}");
    if !kept.iter().any(|known| known.url == local) && around.answers("127.0.0.1", DEFAULT_PORT).await {
        let mut usual = found(local, Source::UsualPort, None);
        usual.reachable = true;
        kept.push(usual);
    }
    for candidate in &mut kept {
        if let Ok(url) = url::Url::parse(&candidate.url)
            && let (Some(host), false) = (url.host_str(), candidate.reachable)
        {
            let host = host.trim_matches(['[', ']']).to_owned();
            let port = url.port_or_known_default().unwrap_or(DEFAULT_PORT);
            candidate.reachable = around.answers(&host, port).await;
        }
    }
    kept
}

/// What announces itself on the local network, in the same terms; this takes as long as [`Surroundings::nearby`] listens.
pub async fn discover_nearby(around: &dyn Surroundings) -> Vec<Found> {
    let announced = around.nearby().await;
    let named = announced.into_iter().filter_map(|nearby| {
        let (url, _) = clean_url(&nearby.url).ok()?;
        let mut found = found(url, Source::LocalNetwork, None);
        found.reachable = true;
        if !nearby.name.is_empty() {
            found.name = Some(nearby.name);
        }
        Some(found)
    });
    named.collect()
}

fn found(url: String, source: Source, token: Option<String>) -> Found {
    Found {
        // The same in every language.
        id: format!("{} {url}", source.told(Language::English)),
        name: host_name(&url),
        url,
        source,
        token: token.filter(|token| !token.is_empty()).map(Secret::new),
        reachable: false,
    }
}

/// What a gateway may be called, by its URL; None when it is on this computer.
pub(crate) fn host_name(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    match url.host_str()? {
        "127.0.0.1" | "localhost" | "[::1]" => None,
        host if host.parse::<std::net::IpAddr>().is_ok() || host.starts_with('[') => Some(host.to_owned()),
        host => Some(crate::text::capitalised(host.split('.').next().unwrap_or(host))),
    }
}

/// The variables that a gateway's configuration on this computer takes its secrets from (`token: "${MY_TOKEN}"`).
#[must_use]
pub fn secret_variables(around: &dyn Surroundings) -> Vec<String> {
    let mut names = Vec::new();
    for (config, _) in configurations(around) {
        let gateway = config.get("gateway");
        for place in ["auth", "token", "apiKeys"] {
            collect_variables(gateway.and_then(|gateway| gateway.get(place)), &mut names);
        }
    }
    names
}

fn collect_variables(value: Option<&Value>, names: &mut Vec<String>) {
    match value {
        Some(Value::String(text)) => names.extend(variable_in(text).map(str::to_owned)),
        Some(Value::Array(all)) => all.iter().for_each(|value| collect_variables(Some(value), names)),
        Some(Value::Object(fields)) => fields
            .values()
            .for_each(|value| collect_variables(Some(value), names)),
        Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => {}
    }
}

fn from_files(around: &dyn Surroundings) -> Vec<Found> {
    configurations(around)
        .into_iter()
        .filter_map(|(config, source)| from_config(&config, &source, around))
        .collect()
}

/// The configurations of gateways on this computer, and what they are called.
fn configurations(around: &dyn Surroundings) -> Vec<(Value, String)> {
    let set = |name: &str| {
        around
            .variable(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let home = set("OPENCLAW_HOME")
        .or_else(|| set("HOME"))
        .or_else(|| set("USERPROFILE"));
    let folder = set("OPENCLAW_STATE_DIR").or_else(|| home.map(|home| home.join(".openclaw")));
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    if let Some(path) = set("OPENCLAW_CONFIG_PATH") {
        files.push((path, "OPENCLAW_CONFIG_PATH".to_owned()));
    }
    if let Some(folder) = folder {
        for name in ["openclaw.json", "openclaw.yml", "openclaw.yaml", "openclaw.json5"] {
            files.push((folder.join(name), format!("~/.openclaw/{name}")));
        }
    }
    files
        .into_iter()
        .filter_map(|(path, source)| {
            let text = around.read(&path)?;
            let yaml = path.extension().is_some_and(|ext| ext == "yml" || ext == "yaml");
            let config: Value = if yaml {
                serde_saphyr::from_str(&text).ok()?
            } else {
                json5::from_str(&text).ok()?
            };
            Some((config, source))
        })
        .collect()
}

fn from_config(config: &Value, source: &str, around: &dyn Surroundings) -> Option<Found> {
    let gateway = config.get("gateway")?.as_object()?;
    let server = gateway.get("server");
    // The gateway that is usually installed has neither: these are the write-ups' own, and speak HTTP.
    let http = match (server, source.ends_with(".json")) {
        (Some(_), _) => Some(D1_PORT),
        (None, false) if source.contains(".openclaw/") => Some(HTTP_PORT),
        (None, _) => None,
    };
    let number = |value: &Value| {
        value
            .as_u64()
            .or_else(|| value.as_str()?.parse().ok())
            .and_then(|port| u16::try_from(port).ok())
    };
    let text = |value: &Value| {
        value
            .as_str()
            .map(|text| expand(text, around))
            .filter(|text| !text.is_empty())
    };
    let port = gateway
        .get("port")
        .and_then(number)
        .or_else(|| server?.get("port").and_then(number))
        .unwrap_or(http.unwrap_or(DEFAULT_PORT));
    let host = gateway
        .get("host")
        .and_then(text)
        .or_else(|| server?.get("host").and_then(text))
        // "Every address" is where it listens, not where it is.
        .filter(|host| !matches!(host.as_str(), "0.0.0.0" | "::" | "localhost"))
        .unwrap_or_else(|| "127.0.0.1".to_owned());
    let auth = gateway.get("auth");
    let token = auth
        .and_then(|auth| {
            auth.get("token")
                .and_then(text)
                .or_else(|| auth.get("password").and_then(text))
        })
        .or_else(|| gateway.get("token").and_then(text))
        .or_else(|| {
            let keys = gateway.get("apiKeys")?.as_array()?;
            keys.iter()
                .find_map(|key| text(key).or_else(|| key.get("key").and_then(text)))
        });
    let scheme = if http.is_some() { "http" } else { "ws" };
    let (url, _) = clean_url(&format!("{scheme}://{host}:{port}")).ok()?;
    Some(found(url, Source::Named(source.to_owned()), token))
}

fn variable_in(text: &str) -> Option<&str> {
    text.strip_prefix("${")?.strip_suffix('}')
}

/// `${NAME}` in a configuration means the environment's value.
fn expand(text: &str, around: &dyn Surroundings) -> String {
    match variable_in(text) {
        Some(name) => around.variable(name).unwrap_or_default(),
        None => text.trim().to_owned(),
    }
}
