//! The gateways that the user added, without their secrets.

use crate::file::{self, Unreadable};
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
    /// What is wrong with the file; it is not written over.
    left_alone: Option<Unreadable>,
    /// Whether the last attempt to write the file worked, until it is asked for.
    written: Option<bool>,
}

/// The version of the file that this app writes.
const VERSION: u32 = 1;

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
    /// Reads the file. One that makes no sense is set aside; one that cannot be read now, or that a newer version wrote, is
    /// left alone. The answer says so.
    #[must_use]
    pub fn open(path: PathBuf, now_ms: i64) -> (Self, Option<Unreadable>) {
        let (value, mut problem) = file::open(&path, now_ms, VERSION);
        let stored = match value.map(serde_json::from_value) {
            None => Stored::default(),
            Some(Ok(stored)) => stored,
            Some(Err(_)) => {
                // What a newer version means by it is not known here.
                problem = problem.or_else(|| Some(file::out_of_the_way(&path, now_ms)));
                Stored::default()
            }
        };
        let mut this = Self {
            path,
            active: None,
            all: Vec::new(),
            left_alone: problem.filter(|problem| *problem != Unreadable::SetAside),
            written: None,
        };
        this.add(stored);
        (this, problem)
    }

    /// Adds what a file has, beside what is there.
    fn add(&mut self, stored: Stored) {
        for profile in stored.gateways {
            if !profile.id.is_empty() && self.get(&profile.id).is_none() {
                self.all.push(profile);
            }
        }
        let known = |id: &String| self.all.iter().any(|profile| profile.id == *id);
        let active = self.active.take().or(stored.active).filter(known);
        self.active = active.or_else(|| self.all.first().map(|profile| profile.id.clone()));
    }

    /// Reads a file again that could not be read, and adds what it has to what came since. Whether it could be read.
    pub fn read_again(&mut self) -> bool {
        if self.left_alone != Some(Unreadable::InPlace) {
            return false;
        }
        let value = match file::read(&self.path) {
            Ok(value) => value.unwrap_or_default(),
            Err(_) => return false,
        };
        let newer = file::is_newer(&value, VERSION);
        let Ok(stored) = serde_json::from_value::<Option<Stored>>(value) else {
            return false;
        };
        let came_since = self.all.iter().any(|profile| !profile.transient);
        self.left_alone = newer.then_some(Unreadable::Newer);
        self.add(stored.unwrap_or_default());
        if came_since {
            self.save();
        }
        true
    }

    /// What is wrong with the file now, so that it is not written over.
    #[must_use]
    pub const fn left_alone(&self) -> Option<Unreadable> {
        self.left_alone
    }

    /// Whether the file could be written when it was tried last; nothing where it was not tried since this was asked.
    pub fn take_written(&mut self) -> Option<bool> {
        self.written.take()
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

    fn save(&mut self) {
        if self.left_alone.is_some() {
            return;
        }
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
            version: VERSION,
            active,
            gateways,
        };
        let written: io::Result<()> = serde_json::to_value(&stored)
            .map_err(io::Error::from)
            .and_then(|value: Value| file::write(&self.path, &value));
        self.written = Some(written.is_ok());
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
        let (again, problem) = Profiles::open(path.clone(), 2);
        assert_eq!(problem, None);
        let ids: Vec<&str> = again.all().iter().map(|profile| profile.id.as_str()).collect();
        assert_eq!((ids, again.active()), (vec!["a", "b"], Some("b")));
        assert!(profiles.remove("b"));
        assert_eq!(profiles.active(), Some("a"));
        std::fs::write(&path, "[").unwrap();
        let (broken, problem) = Profiles::open(path, 3);
        assert_eq!(problem, Some(Unreadable::SetAside));
        assert!(broken.all().is_empty());
        assert!(folder.path().join("gateways.json.unreadable-3").exists());
    }

    fn named(id: &str) -> Profile {
        Profile {
            id: id.into(),
            url: "ws://h".into(),
            ..Profile::default()
        }
    }

    #[test]
    fn a_list_that_cannot_be_read_now_is_left_alone_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateways.json");
        // A folder cannot be read as a file; its entry is still there.
        std::fs::create_dir(&path).unwrap();
        let (mut profiles, problem) = Profiles::open(path.clone(), 1);
        assert_eq!(problem, Some(Unreadable::InPlace));
        profiles.put(named("new"));
        assert!(path.is_dir(), "neither moved nor written over");
        assert!(!profiles.read_again());
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(
            &path,
            r#"{"version":1,"active":"old","gateways":[{"id":"old","url":"ws://h"}]}"#,
        )
        .unwrap();
        assert!(profiles.read_again() && !profiles.read_again());
        let (again, problem) = Profiles::open(path, 2);
        assert_eq!(problem, None);
        let ids: Vec<&str> = again.all().iter().map(|profile| profile.id.as_str()).collect();
        assert_eq!((ids, again.active()), (vec!["new", "old"], Some("new")));
    }

    #[test]
    fn a_list_of_a_newer_version_is_used_as_far_as_it_goes_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateways.json");
        let text = r#"{"version":2,"gateways":[{"id":"a","url":"ws://h","future":1}]}"#;
        std::fs::write(&path, text).unwrap();
        let (mut profiles, problem) = Profiles::open(path.clone(), 1);
        assert_eq!((problem, profiles.active()), (Some(Unreadable::Newer), Some("a")));
        profiles.put(named("b"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        std::fs::write(&path, r#"{"version":2,"gateways":{"a":{}}}"#).unwrap();
        let (profiles, problem) = Profiles::open(path.clone(), 2);
        assert!(problem == Some(Unreadable::Newer) && profiles.all().is_empty());
        assert!(path.exists(), "not set aside");
    }

    #[test]
    fn that_the_list_could_not_be_written_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateways.json");
        let (mut profiles, _) = Profiles::open(path.clone(), 1);
        profiles.put(named("a"));
        assert_eq!(
            (profiles.take_written(), profiles.take_written()),
            (Some(true), None)
        );
        let mut permissions = std::fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(&path, permissions).unwrap();
        profiles.put(named("b"));
        assert_eq!(profiles.take_written(), Some(false));
        assert_eq!(profiles.all().len(), 2, "it counts all the same");
    }
}
