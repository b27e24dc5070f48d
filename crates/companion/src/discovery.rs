//! Finds gateways: in the environment, in the gateway's own configuration files, and on the default
//! port.
//!
//! A found gateway is only shown. It is stored when the user accepts it.

mod config;
mod credential;
mod include;
#[cfg(test)]
mod tests;
mod variables;

pub use credential::is_placeholder;

use crate::nearby::Nearby;
use crate::ports::Secret;
use crate::profiles::clean_url;
use crate::words::Language;
use async_trait::async_trait;
use config::from_files;
pub use config::secret_variables;
use std::path::Path;
use std::time::Duration;
use variables::set;

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
    /// The names of the folders in a folder.
    fn folders(&self, folder: &Path) -> Vec<String>;
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
    fn folders(&self, folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect()
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

/// What keeps a found gateway from being used as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Its configuration names a place for the token that is not read here: a variable, a file, a program.
    TokenElsewhere(String),
    /// A placeholder stands where the token should be.
    TokenPlaceholder,
    /// Its folder is of an old version.
    OldFolder,
}

impl Note {
    /// For people.
    #[must_use]
    pub fn told(&self, language: Language) -> String {
        let words = language.words();
        match self {
            Self::TokenElsewhere(place) => (words.token_elsewhere)(place),
            Self::TokenPlaceholder => words.token_placeholder.to_owned(),
            Self::OldFolder => words.old_folder.to_owned(),
        }
    }

    /// The command that helps, on the gateway's computer.
    #[must_use]
    pub fn command(&self) -> &'static str {
        match self {
            Self::TokenElsewhere(_) | Self::TokenPlaceholder => SHOW_TOKEN,
            Self::OldFolder => "openclaw doctor",
        }
    }
}

/// Shows the token of a gateway, on its computer.
pub const SHOW_TOKEN: &str = "openclaw gateway auth-token --show";

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
    /// The environment's token, for when the gateway refuses the other one.
    pub spare: Option<Secret>,
    /// The SHA-256 of its certificate as it lies on this computer, lowercase hex.
    pub certificate: Option<String>,
    /// What keeps it from being used as it is.
    pub note: Option<Note>,
    /// Something answers there.
    pub reachable: bool,
}

/// The gateway that the environment names, with its token. A token alone belongs to the gateway of this computer's
/// configuration, whose own token comes first (the gateway's rule).
#[must_use]
pub fn from_environment(around: &dyn Surroundings) -> Option<Found> {
    let set = |name: &str| set(around, name);
    let secret = set("OPENCLAW_GATEWAY_TOKEN").or_else(|| set("OPENCLAW_GATEWAY_PASSWORD"));
    let named = |name: &str| Source::Named(name.to_owned());
    if let Some(url) = set("OPENCLAW_GATEWAY_URL") {
        let (url, in_url) = clean_url(&url).ok()?;
        let token = secret.or_else(|| set("OPENCLAW_AUTH_TOKEN")).or(in_url);
        return Some(found(url, named("OPENCLAW_GATEWAY_URL"), token));
    }
    if let Some(secret) = secret {
        let configured = from_files(around).into_iter().next();
        return Some(
            configured
                .filter(|found| found.token.is_some())
                .unwrap_or_else(|| {
                    let variable = match set("OPENCLAW_GATEWAY_TOKEN") {
                        Some(_) => "OPENCLAW_GATEWAY_TOKEN",
                        None => "OPENCLAW_GATEWAY_PASSWORD",
                    };
                    found(usual_url(around), named(variable), Some(secret))
                }),
        );
    }
    // The HTTP dialects' name for it, and their port goes with it.
    let token = set("OPENCLAW_AUTH_TOKEN")?;
    let url = format!("http://127.0.0.1:{D1_PORT}");
    Some(found(url, named("OPENCLAW_AUTH_TOKEN"), Some(token)))
}

fn usual_port(around: &dyn Surroundings) -> u16 {
    set(around, "OPENCLAW_GATEWAY_PORT")
        .and_then(|port| port.parse().ok())
        .unwrap_or(DEFAULT_PORT)
}

fn usual_url(around: &dyn Surroundings) -> String {
    format!("ws://127.0.0.1:{}", usual_port(around))
}

/// Everything that can be found, best first, one entry per address.
pub async fn discover(around: &dyn Surroundings) -> Vec<Found> {
    let mut all: Vec<Found> = from_environment(around).into_iter().collect();
    all.extend(from_files(around));
    let mut kept: Vec<Found> = Vec::new();
    for candidate in all {
        match kept.iter_mut().find(|known| known.url == candidate.url) {
            // The environment's address with the file's token is what a user means who set only one of them.
            Some(known) if known.token.is_none() => {
                known.token = candidate.token;
                known.note = candidate.note;
                known.certificate = known.certificate.take().or(candidate.certificate);
            }
            Some(known) => known.certificate = known.certificate.take().or(candidate.certificate),
            None => kept.push(candidate),
        }
    }
    let (port, local) = (usual_port(around), usual_url(around));
    // The same place with TLS is the same gateway.
    let tls = local.replacen("ws:", "wss:", 1);
    let known = |found: &Found| found.url == local || found.url == tls;
    if !kept.iter().any(known) && around.answers("127.0.0.1", port).await {
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
        spare: None,
        certificate: None,
        note: None,
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
