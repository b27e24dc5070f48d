//! API keys for the HTTP dialects. The server and `clawctl api-key` make, list, rotate and revoke
//! them here.
//!
//! A key is 32 random bytes. So its plain SHA-256 is stored: a slow hash protects only secrets that
//! can be guessed. The key itself is shown once.

use crate::error::StoreError;
use crate::store::Store;
use crate::time::now_ms;
use rand::RngCore;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;
use subtle::ConstantTimeEq;

const PREFIX: &str = "oclaw_live_";
/// No key is longer; what is longer is not looked at in full.
const LONGEST: usize = 256;
/// Requests a minute of a key that names no limit.
pub const DEFAULT_RATE_LIMIT: u32 = 600;

/// What a key allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Permission {
    /// Send messages.
    #[serde(rename = "messages:write")]
    MessagesWrite,
    /// Read transcripts.
    #[serde(rename = "messages:read")]
    MessagesRead,
    /// List sessions, agents and jobs.
    #[serde(rename = "sessions:read")]
    SessionsRead,
    /// Clear and delete sessions.
    #[serde(rename = "sessions:delete")]
    SessionsDelete,
    /// List workspaces.
    #[serde(rename = "workspaces:read")]
    WorkspacesRead,
    /// Make, change and delete workspaces.
    #[serde(rename = "workspaces:write")]
    WorkspacesWrite,
    /// Read statistics.
    #[serde(rename = "stats:read")]
    StatsRead,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::MessagesWrite,
        Self::MessagesRead,
        Self::SessionsRead,
        Self::SessionsDelete,
        Self::WorkspacesRead,
        Self::WorkspacesWrite,
        Self::StatsRead,
    ];

    /// Its name, for example `messages:write`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MessagesWrite => "messages:write",
            Self::MessagesRead => "messages:read",
            Self::SessionsRead => "sessions:read",
            Self::SessionsDelete => "sessions:delete",
            Self::WorkspacesRead => "workspaces:read",
            Self::WorkspacesWrite => "workspaces:write",
            Self::StatsRead => "stats:read",
        }
    }

    /// The permission of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == name)
    }
}

/// An API key without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// Names the key in lists, logs and statistics.
    pub id: String,
    /// What the user calls it.
    pub label: String,
    /// The workspaces it is limited to; empty: all.
    pub workspaces: Vec<String>,
    /// What it allows.
    pub permissions: Vec<Permission>,
    /// Requests a minute.
    pub rate_limit_per_minute: u32,
    /// Tokens a day, in and out; `None`: no limit.
    #[serde(default)]
    pub tokens_per_day: Option<u64>,
    /// The key with its middle left out.
    pub masked: String,
    /// When it was made, in milliseconds since the epoch.
    pub created_at_ms: i64,
    /// When it lapses, in milliseconds since the epoch.
    #[serde(default)]
    pub expires_at_ms: Option<i64>,
    /// When it was revoked, in milliseconds since the epoch.
    #[serde(default)]
    pub revoked_at_ms: Option<i64>,
}

impl ApiKey {
    /// Whether it may be used now.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.revoked_at_ms.is_none() && self.expires_at_ms.is_none_or(|at| at > now_ms())
    }
}

/// What a new key is to allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// What the user calls it.
    pub label: String,
    /// The workspaces it is limited to; empty: all.
    pub workspaces: Vec<String>,
    /// What it allows.
    pub permissions: Vec<Permission>,
    /// Requests a minute.
    pub rate_limit_per_minute: u32,
    /// Tokens a day, in and out.
    pub tokens_per_day: Option<u64>,
    /// When it lapses, in milliseconds since the epoch.
    pub expires_at_ms: Option<i64>,
}

impl NewKey {
    /// A key for everything, at the usual rate.
    #[must_use]
    pub fn labelled(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            workspaces: Vec::new(),
            permissions: Permission::ALL.to_vec(),
            rate_limit_per_minute: DEFAULT_RATE_LIMIT,
            tokens_per_day: None,
            expires_at_ms: None,
        }
    }
}

/// A key that was just made or rotated: the only moment its secret is seen.
#[derive(Clone, PartialEq, Eq)]
pub struct FreshKey {
    /// The key in full.
    pub secret: String,
    /// What is kept of it.
    pub key: ApiKey,
}

impl std::fmt::Debug for FreshKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FreshKey")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// The keys of a data directory. Changes count at once, also for a gateway that runs on the same directory.
#[derive(Debug)]
pub struct Keys {
    store: Store,
}

impl Keys {
    /// Opens the keys of a data directory.
    ///
    /// # Errors
    /// When the directory or the database cannot be used.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            store: Store::open(data_dir)?,
        })
    }

    /// Where the copy of a damaged database lies, when opening found one: its keys are gone and have to be made again.
    #[must_use]
    pub fn damaged(&self) -> Option<&Path> {
        self.store.damaged()
    }

    /// Makes a key.
    ///
    /// # Errors
    /// When the database fails.
    pub fn create(&self, new: NewKey) -> Result<FreshKey, StoreError> {
        let mut id = [0u8; 6];
        rand::rng().fill_bytes(&mut id);
        let secret = secret();
        let key = ApiKey {
            id: format!("key_{}", hex(&id)),
            label: new.label,
            workspaces: new.workspaces,
            permissions: new.permissions,
            rate_limit_per_minute: new.rate_limit_per_minute.max(1),
            tokens_per_day: new.tokens_per_day,
            masked: mask(&secret),
            created_at_ms: now_ms(),
            expires_at_ms: new.expires_at_ms,
            revoked_at_ms: None,
        };
        self.store.put_key(&hash(&secret), &key)?;
        Ok(FreshKey { secret, key })
    }

    /// All keys, oldest first, revoked ones too.
    ///
    /// # Errors
    /// When the database fails.
    pub fn list(&self) -> Result<Vec<ApiKey>, StoreError> {
        self.store.keys()
    }

    /// Gives a key a new secret; the old one is worthless from then on. `which` is the key itself, its masked form or
    /// its id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn rotate(&self, which: &str) -> Result<Option<FreshKey>, StoreError> {
        let Some(mut key) = self.find(which)?.filter(ApiKey::is_live) else {
            return Ok(None);
        };
        let secret = secret();
        key.masked = mask(&secret);
        self.store.put_key(&hash(&secret), &key)?;
        Ok(Some(FreshKey { secret, key }))
    }

    /// Ends a key. `which` is the key itself, its masked form or its id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn revoke(&self, which: &str) -> Result<Option<ApiKey>, StoreError> {
        let Some(mut key) = self.find(which)? else {
            return Ok(None);
        };
        if key.revoked_at_ms.is_none() {
            key.revoked_at_ms = Some(now_ms());
            self.store.update_key(&key)?;
        }
        Ok(Some(key))
    }

    fn find(&self, which: &str) -> Result<Option<ApiKey>, StoreError> {
        if let Some((_, key)) = self.store.key_by_hash(&hash(which))? {
            return Ok(Some(key));
        }
        Ok(self
            .store
            .keys()?
            .into_iter()
            .find(|k| k.id == which || k.masked == which))
    }
}

/// A key that its user wrote into a configuration: it is held in memory, and taken back by taking it out there.
pub(crate) fn given(id: String, secret: String, new: NewKey) -> FreshKey {
    let key = ApiKey {
        id,
        label: new.label,
        workspaces: new.workspaces,
        permissions: new.permissions,
        rate_limit_per_minute: new.rate_limit_per_minute,
        tokens_per_day: new.tokens_per_day,
        masked: mask(&secret),
        created_at_ms: now_ms(),
        expires_at_ms: new.expires_at_ms,
        revoked_at_ms: None,
    };
    FreshKey { secret, key }
}

/// The keys of a configuration, by the hash of their secrets.
#[derive(Debug, Default)]
pub(crate) struct GivenKeys(Vec<([u8; 32], ApiKey)>);

impl GivenKeys {
    pub(crate) fn new(keys: &[FreshKey]) -> Self {
        Self(keys.iter().map(|k| (hash(&k.secret), k.key.clone())).collect())
    }

    /// The key that this secret belongs to. All are looked at, whichever it is.
    pub(crate) fn check(&self, secret: &str) -> Option<&ApiKey> {
        let wanted = hash(secret);
        let mut found = None;
        for (stored, key) in &self.0 {
            if bool::from(stored.ct_eq(&wanted)) && secret.len() <= LONGEST {
                found = Some(key);
            }
        }
        found
    }
}

/// The live key that this secret belongs to.
pub(crate) fn check(store: &Store, given: &str) -> Result<Option<ApiKey>, StoreError> {
    let wanted = hash(given);
    // The lookup by hash tells nothing about keys; the comparison after it does not depend on the index.
    Ok(store
        .key_by_hash(&wanted)?
        .filter(|(stored, _)| given.len() <= LONGEST && bool::from(stored.as_slice().ct_eq(&wanted)))
        .map(|(_, key)| key)
        .filter(ApiKey::is_live))
}

fn secret() -> String {
    format!("{PREFIX}{}", crate::random_token())
}

fn hash(secret: &str) -> [u8; 32] {
    let bytes = secret.as_bytes();
    Sha256::digest(bytes.get(..LONGEST).unwrap_or(bytes)).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn mask(secret: &str) -> String {
    let body = secret.strip_prefix(PREFIX).unwrap_or(secret);
    let prefix = &secret[..secret.len() - body.len()];
    // Of a short one, that somebody thought up, eight characters would be too much to show.
    if body.chars().count() < 24 {
        return format!("{prefix}…");
    }
    let (head, tail) = (
        body.get(..4).unwrap_or_default(),
        body.get(body.len().saturating_sub(4)..).unwrap_or_default(),
    );
    format!("{prefix}{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_lives_until_it_is_rotated_or_revoked() {
        let dir = tempfile::tempdir().expect("dir");
        let keys = Keys::open(dir.path()).expect("open");
        let first = keys.create(NewKey::labelled("app")).expect("create");
        assert!(first.secret.starts_with("oclaw_live_") && first.secret.len() >= 50);
        let seen = |secret: &str| check(&keys.store, secret).expect("check").map(|k| k.label);
        assert_eq!(seen(&first.secret).as_deref(), Some("app"));
        assert_eq!(seen("oclaw_live_wrong"), None);
        let second = keys.rotate(&first.secret).expect("rotate").expect("found");
        assert_eq!(second.key.id, first.key.id);
        assert_eq!(
            (seen(&first.secret), seen(&second.secret).is_some()),
            (None, true)
        );
        keys.revoke(&second.key.id).expect("revoke").expect("found");
        assert_eq!(seen(&second.secret), None);
        assert!(keys.rotate(&second.key.id).expect("rotate").is_none());
        let list = keys.list().expect("list");
        assert_eq!(list.len(), 1);
        assert!(!format!("{list:?}{second:?}").contains(&second.secret));
        let bytes = std::fs::read(dir.path().join("gateway.sqlite")).expect("read");
        let wal = std::fs::read(dir.path().join("gateway.sqlite-wal")).unwrap_or_default();
        for file in [bytes, wal] {
            assert!(
                !file
                    .windows(second.secret.len())
                    .any(|w| w == second.secret.as_bytes())
            );
        }
    }

    #[test]
    fn a_lapsed_key_is_no_key() {
        let dir = tempfile::tempdir().expect("dir");
        let keys = Keys::open(dir.path()).expect("open");
        let key = NewKey {
            expires_at_ms: Some(now_ms() - 1),
            ..NewKey::labelled("old")
        };
        let fresh = keys.create(key).expect("create");
        assert_eq!(check(&keys.store, &fresh.secret).expect("check"), None);
    }
}
