//! The gateways that the user added, without their secrets.

use crate::file;
use crate::gateway::Protocol;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io;
use std::path::PathBuf;

/// The id of the built-in gateway's profile.
pub const EMBEDDED: &str = "embedded";
/// The id of the profile that the environment names, for one session.
pub const ENVIRONMENT: &str = "environment";

/// A gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Profile {
    /// Its id, also in the keychain entries' names.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it is. Never with a token in it.
    pub url: String,
    /// The built-in gateway.
    #[serde(skip_serializing_if = "is_false")]
    pub embedded: bool,
    /// What is spoken there, when it was chosen by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
    /// The port on 127.0.0.1 where its webhooks arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_port: Option<u16>,
    /// Trusted certificate, SHA-256, lowercase hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The session that was chosen last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The gateway's usual session, as it was named last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main_session: Option<String>,
    /// Its secrets are kept for one session only; they are not in the keychain.
    #[serde(skip_serializing_if = "is_false")]
    pub session_only: bool,
    /// The person allowed this device to administer the gateway.
    #[serde(skip_serializing_if = "is_false")]
    pub full_control: bool,
    /// Known for this session only: never written.
    #[serde(skip)]
    pub transient: bool,
}

impl Profile {
    /// What to speak there. A word from a newer version counts as not said.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.dialect
            .as_deref()
            .and_then(|word| word.parse().ok())
            .unwrap_or_default()
    }

    /// Chooses what to speak there.
    pub fn speak(&mut self, protocol: Protocol) {
        self.dialect = (protocol != Protocol::Auto).then(|| protocol.to_string());
    }

    /// The same, speaking this.
    #[must_use]
    pub fn speaking(mut self, protocol: Protocol) -> Self {
        self.speak(protocol);
        self
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Stored {
    version: u32,
    active: Option<String>,
    gateways: Vec<Profile>,
}

/// All profiles and which is active.
#[derive(Debug)]
pub struct Profiles {
    path: PathBuf,
    active: Option<String>,
    all: Vec<Profile>,
}

/// Why a URL is not one of a gateway.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// It is not a URL.
    #[error("this is not a valid address")]
    NotAUrl,
    /// It has another scheme.
    #[error("the address must begin with ws, wss, http, https or ssh")]
    Scheme,
}

/// An address in one form: a scheme, no credentials, no query, no fragment. The token that came in it, if any, is
/// given back apart.
pub fn clean_url(text: &str) -> Result<(String, Option<String>), BadUrl> {
    let text = text.trim();
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("ws://{text}")
    };
    let mut url = url::Url::parse(&with_scheme).map_err(|_| BadUrl::NotAUrl)?;
    if !matches!(url.scheme(), "ws" | "wss" | "http" | "https" | "ssh") {
        return Err(BadUrl::Scheme);
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(BadUrl::NotAUrl);
    }
    let from_query = |pairs: &str| {
        url::form_urlencoded::parse(pairs.as_bytes())
            .find(|(name, _)| matches!(&**name, "token" | "api_key" | "password"))
            .map(|(_, value)| value.into_owned())
    };
    let token = url
        .query()
        .and_then(from_query)
        .or_else(|| url.fragment().and_then(from_query))
        .or_else(|| url.password().map(str::to_owned))
        .filter(|token| !token.is_empty());
    url.set_query(None);
    url.set_fragment(None);
    let _ = url.set_password(None);
    // Behind SSH it is the user there; elsewhere it belongs to a password.
    if url.scheme() != "ssh" {
        let _ = url.set_username("");
    }
    let mut text = url.to_string();
    if url.path() == "/" {
        text.truncate(text.trim_end_matches('/').len());
    }
    Ok((text, token))
}

impl Profiles {
    /// Reads the file; one that cannot be read is set aside. The answer says whether that was so.
    #[must_use]
    pub fn open(path: PathBuf, now_ms: i64) -> (Self, bool) {
        let read = file::read(&path);
        let mut set_aside = false;
        let stored: Stored = match read.map(|value| value.map(serde_json::from_value)) {
            Ok(None) => Stored::default(),
            Ok(Some(Ok(stored))) => stored,
            Ok(Some(Err(_))) | Err(_) => {
                let _ = file::set_aside(&path, now_ms);
                set_aside = true;
                Stored::default()
            }
        };
        let all: Vec<Profile> = stored
            .gateways
            .into_iter()
            .filter(|profile| !profile.id.is_empty())
            .collect();
        let active = stored
            .active
            .filter(|id| all.iter().any(|profile| profile.id == *id))
            .or_else(|| all.first().map(|profile| profile.id.clone()));
        (Self { path, active, all }, set_aside)
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Profile] {
        &self.all
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Profile> {
        self.all.iter().find(|profile| profile.id == id)
    }

    /// The active one's id.
    #[must_use]
    pub fn active(&self) -> Option<&str> {
        self.active.as_deref()
    }

    /// Adds or replaces; the first one becomes active.
    pub fn put(&mut self, profile: Profile) {
        let id = profile.id.clone();
        match self.all.iter_mut().find(|known| known.id == id) {
            Some(known) => *known = profile,
            None => self.all.push(profile),
        }
        if self.active.is_none() {
            self.active = Some(id);
        }
        self.save();
    }

    /// Changes one; nothing when it is unknown.
    pub fn change(&mut self, id: &str, change: impl FnOnce(&mut Profile)) -> bool {
        let Some(profile) = self.all.iter_mut().find(|profile| profile.id == id) else {
            return false;
        };
        let before = profile.clone();
        change(profile);
        if *profile != before {
            self.save();
        }
        true
    }

    /// Makes one active.
    pub fn activate(&mut self, id: &str) -> bool {
        if self.get(id).is_none() {
            return false;
        }
        if self.active.as_deref() != Some(id) {
            self.active = Some(id.to_owned());
            self.save();
        }
        true
    }

    /// Forgets one; another becomes active if it was.
    pub fn remove(&mut self, id: &str) -> bool {
        let before = self.all.len();
        self.all.retain(|profile| profile.id != id);
        if self.active.as_deref() == Some(id) {
            self.active = self.all.first().map(|profile| profile.id.clone());
        }
        self.save();
        self.all.len() != before
    }

    fn save(&self) {
        let gateways: Vec<Profile> = self
            .all
            .iter()
            .filter(|profile| !profile.transient)
            .cloned()
            .collect();
        let active = self
            .active
            .clone()
            .filter(|id| gateways.iter().any(|profile| profile.id == *id));
        let stored = Stored {
            version: 1,
            active,
            gateways,
        };
        let written: io::Result<()> = serde_json::to_value(&stored)
            .map_err(io::Error::from)
            .and_then(|value: Value| file::write(&self.path, &value));
        if let Err(error) = written {
            tracing::warn!(kind = ?error.kind(), "the list of gateways could not be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_cleaned_of_secrets() {
        for (text, expected) in [
            ("127.0.0.1:18789", Ok(("ws://127.0.0.1:18789", None))),
            (" wss://host.example/ ", Ok(("wss://host.example", None))),
            (
                "wss://host.example/base?token=t%20k&x=1",
                Ok(("wss://host.example/base", Some("t k"))),
            ),
            (
                "http://host:5050/#token=abc",
                Ok(("http://host:5050", Some("abc"))),
            ),
            ("ws://me:pw@host", Ok(("ws://host", Some("pw")))),
            (
                "ssh://pi:pw@host:2222/18790?token=t",
                Ok(("ssh://pi@host:2222/18790", Some("t"))),
            ),
            ("SSH://pi@host", Ok(("ssh://pi@host", None))),
            ("ssh://host/", Ok(("ssh://host", None))),
            ("ftp://host", Err(BadUrl::Scheme)),
            ("file:///etc/passwd", Err(BadUrl::Scheme)),
            ("", Err(BadUrl::NotAUrl)),
            ("not a url", Err(BadUrl::NotAUrl)),
        ] {
            let expected = expected.map(|(url, token)| (url.to_owned(), token.map(str::to_owned)));
            assert_eq!(clean_url(text), expected, "{text}");
        }
    }

    #[test]
    fn profiles_survive_and_secrets_are_not_among_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateways.json");
        let (mut profiles, _) = Profiles::open(path.clone(), 1);
        let profile = |id: &str, transient| Profile {
            id: id.into(),
            name: id.to_uppercase(),
            url: "ws://h".into(),
            transient,
            ..Profile::default()
        };
        profiles.put(profile("a", false));
        profiles.put(profile("b", false));
        profiles.put(profile("env", true));
        assert_eq!(profiles.active(), Some("a"));
        assert!(profiles.activate("b") && !profiles.activate("zz"));
        let (again, set_aside) = Profiles::open(path.clone(), 2);
        assert!(!set_aside);
        let ids: Vec<&str> = again.all().iter().map(|profile| profile.id.as_str()).collect();
        assert_eq!((ids, again.active()), (vec!["a", "b"], Some("b")));
        assert!(profiles.remove("b"));
        assert_eq!(profiles.active(), Some("a"));
        std::fs::write(&path, "[").unwrap();
        let (broken, set_aside) = Profiles::open(path, 3);
        assert!(set_aside && broken.all().is_empty());
        assert!(folder.path().join("gateways.json.unreadable-3").exists());
    }
}
