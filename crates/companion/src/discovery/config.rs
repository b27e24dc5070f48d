//! Gateways in the gateway's own configuration files.
//!
//! The rules are those of the gateway's documentation: which file counts, where its variables come
//! from, and which credential wins.

use super::credential::{Credential, Reader};
use super::variables::{Variables, home, is_name, set, under};
use super::{D1_PORT, DEFAULT_PORT, Found, HTTP_PORT, Note, Source, Surroundings, found, include};
use crate::ports::Secret;
use crate::profiles::clean_url;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// A configuration file.
struct Place {
    path: PathBuf,
    /// How it is called.
    shown: String,
    /// The folder of the gateway that reads it.
    state: PathBuf,
    /// The gateway that runs in this environment reads it, so that the environment's variables are meant for it.
    active: bool,
}

/// The gateways of all configurations, those that this environment means first.
pub(super) fn from_files(around: &dyn Surroundings) -> Vec<Found> {
    let home = home(around);
    let mut all: Vec<Found> = places(around, home.as_deref())
        .iter()
        .filter_map(|place| read(around, place, home.as_deref()))
        .collect();
    if all.is_empty()
        && let Some(home) = &home
        && let Some(old) = old_folder(around, home)
    {
        all.push(old);
    }
    all
}

/// The variables that the configurations on this computer take a gateway's secrets from: `"${MY_TOKEN}"`, `"$MY_TOKEN"`, and
/// references with the source `env`. Programs that we start must not inherit them.
#[must_use]
pub fn secret_variables(around: &dyn Surroundings) -> Vec<String> {
    let mut names = Vec::new();
    for place in places(around, home(around).as_deref()) {
        let config = include::load(around, &place.path, &[]);
        let gateway = config.as_ref().and_then(|config| config.get("gateway"));
        for section in ["auth", "remote", "token", "apiKeys"] {
            collect_variables(gateway.and_then(|gateway| gateway.get(section)), &mut names);
        }
    }
    names.sort();
    names.dedup();
    names
}

fn collect_variables(value: Option<&Value>, names: &mut Vec<String>) {
    match value {
        Some(Value::String(text)) => {
            let whole = text.trim().strip_prefix('$').filter(|name| is_name(name));
            let within = text.split("${").skip(1).filter_map(|rest| {
                let (name, _) = rest.split_once('}')?;
                Some(name).filter(|name| is_name(name))
            });
            names.extend(whole.into_iter().chain(within).map(str::to_owned));
        }
        Some(Value::Array(all)) => all.iter().for_each(|value| collect_variables(Some(value), names)),
        Some(Value::Object(fields)) => {
            let text = |name: &str| fields.get(name).and_then(Value::as_str);
            if text("source") == Some("env") {
                names.extend(text("id").filter(|name| is_name(name)).map(str::to_owned));
            }
            fields
                .values()
                .for_each(|value| collect_variables(Some(value), names));
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => {}
    }
}

fn places(around: &dyn Surroundings, home: Option<&Path>) -> Vec<Place> {
    let shown = |path: &Path| match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    };
    let profile = set(around, "OPENCLAW_PROFILE").filter(|name| name != "default");
    let state = set(around, "OPENCLAW_STATE_DIR")
        .map(|path| under(home, &path))
        .or_else(|| {
            let folder = profile.map_or_else(|| ".openclaw".to_owned(), |name| format!(".openclaw-{name}"));
            Some(home?.join(folder))
        });
    let mut all: Vec<Place> = Vec::new();
    if let Some(path) = set(around, "OPENCLAW_CONFIG_PATH") {
        let path = under(home, &path);
        all.push(Place {
            state: state
                .clone()
                .or_else(|| path.parent().map(Path::to_owned))
                .unwrap_or_default(),
            path,
            shown: "OPENCLAW_CONFIG_PATH".to_owned(),
            active: true,
        });
    }
    let named = !all.is_empty();
    if let Some(state) = state {
        for name in ["openclaw.json", "openclaw.yml", "openclaw.yaml", "openclaw.json5"] {
            let path = state.join(name);
            all.push(Place {
                shown: shown(&path),
                path,
                state: state.clone(),
                active: !named,
            });
        }
    }
    // Other profiles of this user, and the usual one where the environment names another.
    if let Some(home) = home {
        let mut folders = around.folders(home);
        folders.retain(|name| name == ".openclaw" || name.starts_with(".openclaw-"));
        folders.sort();
        for folder in folders {
            let state = home.join(folder);
            let path = state.join("openclaw.json");
            if !all.iter().any(|known| known.path == path) {
                all.push(Place {
                    shown: shown(&path),
                    path,
                    state,
                    active: false,
                });
            }
        }
    }
    all
}

fn read(around: &dyn Surroundings, place: &Place, home: Option<&Path>) -> Option<Found> {
    let roots: Vec<PathBuf> = set(around, "OPENCLAW_INCLUDE_ROOTS")
        .map(|roots| std::env::split_paths(&roots).collect())
        .unwrap_or_default();
    let config = include::load(around, &place.path, &roots)?;
    let beside = place.path.parent().unwrap_or(&place.path);
    let variables = Variables::new(around, &[&place.state, beside], &config);
    let gateway = config.get("gateway")?.as_object()?;
    let reader = Reader {
        around,
        variables: &variables,
        home,
        config: &config,
    };
    let config = Config {
        around,
        place,
        home,
        variables: &variables,
        reader,
        gateway,
    };
    if config.text(gateway.get("mode")).as_deref() == Some("remote") {
        config.remote()
    } else {
        config.local()
    }
}

struct Config<'a> {
    around: &'a dyn Surroundings,
    place: &'a Place,
    home: Option<&'a Path>,
    variables: &'a Variables<'a>,
    reader: Reader<'a>,
    gateway: &'a serde_json::Map<String, Value>,
}

impl Config<'_> {
    fn text(&self, value: Option<&Value>) -> Option<String> {
        self.variables
            .expand(value?.as_str()?.trim())
            .ok()
            .filter(|text| !text.is_empty())
    }

    fn number(&self, value: Option<&Value>) -> Option<u16> {
        let number = match value? {
            Value::Number(number) => number.as_u64(),
            text @ (Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                self.text(Some(text))?.parse().ok()
            }
        };
        number
            .and_then(|port| u16::try_from(port).ok())
            .filter(|port| *port > 0)
    }

    /// A credential of the environment, which is meant for the gateway that this environment names.
    fn variable(&self, name: &str) -> Credential {
        Credential::from_variable(set(self.around, name).filter(|_| self.place.active))
    }

    fn field(&self, section: &str, name: &str) -> Option<&Value> {
        self.gateway.get(section)?.get(name)
    }

    /// The gateway that this computer's `openclaw` uses, on another one.
    fn remote(&self) -> Option<Found> {
        let url = self.text(self.field("remote", "url"));
        let url = self.over_ssh(url.as_deref()).or(url)?;
        let (url, in_url) = clean_url(&url).ok()?;
        let token = self
            .reader
            .read(self.field("remote", "token"))
            .or(|| self.variable("OPENCLAW_GATEWAY_TOKEN"))
            .or(|| self.reader.read(self.field("auth", "token")));
        let password = || {
            self.variable("OPENCLAW_GATEWAY_PASSWORD")
                .or(|| self.reader.read(self.field("remote", "password")))
                .or(|| self.reader.read(self.field("auth", "password")))
        };
        let mut found = self.found(url, token.or(password), in_url);
        found.certificate = self
            .text(self.field("remote", "tlsFingerprint"))
            .and_then(|text| fingerprint(&text));
        Some(found)
    }

    /// The address behind SSH, where the URL is the near end of a tunnel that the gateway's desktop app opens.
    fn over_ssh(&self, url: Option<&str>) -> Option<String> {
        let target = self.text(self.field("remote", "sshTarget"))?;
        if self.text(self.field("remote", "transport")).as_deref() == Some("direct") {
            return None;
        }
        let of_url = || url::Url::parse(url?).ok()?.port();
        let port = self
            .number(self.field("remote", "remotePort"))
            .or_else(of_url)
            .unwrap_or(DEFAULT_PORT);
        Some(format!("ssh://{target}/{port}"))
    }

    fn local(&self) -> Option<Found> {
        let server = self.gateway.get("server");
        let name = self.place.path.file_name().and_then(|name| name.to_str());
        // The gateway that is usually installed has neither: these are the write-ups' own, and speak HTTP.
        let http = match server {
            Some(_) => Some(D1_PORT),
            None if self.place.shown == "OPENCLAW_CONFIG_PATH" => None,
            None => {
                let theirs = ["openclaw.yml", "openclaw.yaml", "openclaw.json5"];
                name.is_some_and(|name| theirs.contains(&name))
                    .then_some(HTTP_PORT)
            }
        };
        let of_environment = set(self.around, "OPENCLAW_GATEWAY_PORT")
            .filter(|_| self.place.active)
            .and_then(|port| port.parse().ok());
        let port = of_environment
            .or_else(|| self.number(self.gateway.get("port")))
            .or_else(|| self.number(server?.get("port")))
            .unwrap_or(http.unwrap_or(DEFAULT_PORT));
        let host = self
            .text(self.gateway.get("host"))
            .or_else(|| self.text(server?.get("host")))
            // "Every address" is where it listens, not where it is.
            .filter(|host| !matches!(host.as_str(), "0.0.0.0" | "::" | "localhost"))
            .unwrap_or_else(|| "127.0.0.1".to_owned());
        let tls = self.field("tls", "enabled").and_then(Value::as_bool) == Some(true);
        let scheme = match (http.is_some(), tls) {
            (true, false) => "http",
            (true, true) => "https",
            (false, false) => "ws",
            (false, true) => "wss",
        };
        let (url, _) = clean_url(&format!("{scheme}://{host}:{port}")).ok()?;
        let mut found = self.found(url, self.local_credential(), None);
        if let Some(other) = set(self.around, "OPENCLAW_GATEWAY_TOKEN").filter(|_| self.place.active)
            && found.token.as_ref().is_some_and(|token| token.expose() != other)
        {
            found.spare = Some(Secret::new(other));
        }
        if tls {
            let path = match self.text(self.field("tls", "certPath")) {
                Some(path) => under(self.home, &path),
                None => self.place.state.join("gateway/tls/gateway-cert.pem"),
            };
            found.certificate = self.around.read(&path).and_then(|pem| of_certificate(&pem));
        }
        Some(found)
    }

    fn local_credential(&self) -> Credential {
        let token = || {
            self.reader
                .read(self.field("auth", "token"))
                .or(|| self.variable("OPENCLAW_GATEWAY_TOKEN"))
                .or(|| self.reader.read(self.field("remote", "token")))
        };
        let password = || {
            self.reader
                .read(self.field("auth", "password"))
                .or(|| self.variable("OPENCLAW_GATEWAY_PASSWORD"))
                .or(|| self.reader.read(self.field("remote", "password")))
        };
        match self.text(self.field("auth", "mode")).as_deref() {
            Some("none") => Credential::Absent,
            Some("token") => token(),
            // Behind a proxy the password is what programs on the same computer use.
            Some("password" | "trusted-proxy") => password(),
            Some(_) | None => token().or(password).or(|| self.of_the_write_ups()),
        }
    }

    fn of_the_write_ups(&self) -> Credential {
        self.reader.read(self.gateway.get("token")).or(|| {
            let keys = self.gateway.get("apiKeys").and_then(Value::as_array);
            let read = |key: &Value| match key.get("key") {
                Some(key) => self.reader.read(Some(key)),
                None => self.reader.read(key.as_str().map(|_| key)),
            };
            keys.into_iter()
                .flatten()
                .map(read)
                .find(|key| *key != Credential::Absent)
                .unwrap_or(Credential::Absent)
        })
    }

    fn found(&self, url: String, credential: Credential, in_url: Option<String>) -> Found {
        let source = Source::Named(self.place.shown.clone());
        let (token, note) = match credential {
            Credential::Text(text) => (Some(text), None),
            Credential::Absent => (in_url, None),
            Credential::Elsewhere(place) => (in_url, Some(Note::TokenElsewhere(place))),
            Credential::Placeholder => (in_url, Some(Note::TokenPlaceholder)),
        };
        let mut found = found(url, source, token);
        found.note = note;
        found
    }
}

/// The folder of a version before the gateway got its name.
fn old_folder(around: &dyn Surroundings, home: &Path) -> Option<Found> {
    let state = home.join(".clawdbot");
    let place = Place {
        path: state.join("clawdbot.json"),
        shown: "~/.clawdbot/clawdbot.json".to_owned(),
        state,
        active: false,
    };
    around.read(&place.path)?;
    let mut old = read(around, &place, Some(home)).unwrap_or_else(|| {
        let url = format!("ws://127.0.0.1:{DEFAULT_PORT}");
        found(url, Source::Named(place.shown.clone()), None)
    });
    old.note = Some(Note::OldFolder);
    Some(old)
}

/// The SHA-256 of the first certificate in a PEM file, lowercase hex.
fn of_certificate(pem: &str) -> Option<String> {
    let body = pem.split_once("-----BEGIN CERTIFICATE-----")?.1;
    let body: String = body
        .split_once("-----END CERTIFICATE-----")?
        .0
        .split_whitespace()
        .collect();
    let der = STANDARD.decode(body).ok()?;
    Some(
        Sha256::digest(der)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    )
}

/// A fingerprint in one form: lowercase hex without colons.
fn fingerprint(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let text = text.strip_prefix("sha256:").unwrap_or(&text);
    let hex: String = text.chars().filter(|c| *c != ':' && !c.is_whitespace()).collect();
    (hex.len() == 64 && hex.chars().all(|c| c.is_ascii_hexdigit())).then_some(hex)
}
