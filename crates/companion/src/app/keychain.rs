//! The secrets of a profile: read from the keychain, kept in memory while the app runs, or kept for
//! the session only.

use super::{App, Then, Timer};
use crate::gateway::ConnectionState;
use crate::identity::{device_key, new_device_key};
use crate::ports::{IssuedToken, Secret, SecretError, SecretKind, SecretStore};
use crate::profiles::Profile;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How often a keychain that could not be read is looked at again. Looking never asks for its password.
const AGAIN: Duration = Duration::from_secs(3);

/// A keychain that is open and refuses all the same is tried ever less often: at most every six minutes.
fn again_after(times: u32) -> Duration {
    AGAIN * 2_u32.pow(times.saturating_sub(1).min(7))
}

/// Everything a profile keeps secret.
#[derive(Clone)]
pub(super) struct Secrets {
    pub(super) token: Option<Secret>,
    pub(super) device_token: Option<Secret>,
    pub(super) device_key: Option<Secret>,
    pub(super) webhook: Option<Secret>,
}

/// How the keychain stood when a profile's secrets were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Everything that was known is there.
    All,
    /// It lacks something that it had; what was known is used.
    Less,
    /// It cannot be read now; what was known is used.
    Unread,
    /// The profile keeps nothing there.
    ForSession,
}

/// Secrets, and where they came from.
pub(super) struct Read {
    pub(super) secrets: Secrets,
    pub(super) found: Found,
}

/// Reads a profile's secrets. A keychain that is locked, emptied or gone since they were `known` costs no connection.
pub(super) async fn read(
    store: &dyn SecretStore,
    profile: &Profile,
    data: &Path,
    known: Option<Secrets>,
) -> Result<Read, SecretError> {
    let read = match &known {
        Some(known) => again(store, profile, known).await,
        None => first(store, profile, data).await,
    };
    match (read, known) {
        (Ok(read), _) => Ok(read),
        (Err(error), Some(secrets)) => {
            tracing::info!(%error, "the keychain cannot be read; what it held is known");
            Ok(Read {
                secrets,
                found: Found::Unread,
            })
        }
        (Err(error), None) => Err(error),
    }
}

async fn first(store: &dyn SecretStore, profile: &Profile, data: &Path) -> Result<Read, SecretError> {
    let id = profile.id.as_str();
    let secrets = Secrets {
        token: store.get(id, SecretKind::GatewayToken).await?,
        device_token: store.get(id, SecretKind::DeviceToken).await?,
        device_key: Some(device_key(store, id, data).await?),
        webhook: webhook(store, profile).await?,
    };
    Ok(Read {
        secrets,
        found: Found::All,
    })
}

async fn again(store: &dyn SecretStore, profile: &Profile, known: &Secrets) -> Result<Read, SecretError> {
    let id = profile.id.as_str();
    let mut found = Found::All;
    let mut or_known = |read: Option<Secret>, known: &Option<Secret>| {
        if read.is_none() && known.is_some() {
            found = Found::Less;
        }
        read.or_else(|| known.clone())
    };
    let secrets = Secrets {
        token: or_known(store.get(id, SecretKind::GatewayToken).await?, &known.token),
        device_token: or_known(store.get(id, SecretKind::DeviceToken).await?, &known.device_token),
        // A new key would be a new device, which has to be approved again.
        device_key: or_known(store.get(id, SecretKind::DeviceKey).await?, &known.device_key),
        webhook: webhook(store, profile).await?,
    };
    Ok(Read { secrets, found })
}

async fn webhook(store: &dyn SecretStore, profile: &Profile) -> Result<Option<Secret>, SecretError> {
    match profile.webhook_port {
        Some(_) => store.get(&profile.id, SecretKind::WebhookSecret).await,
        None => Ok(None),
    }
}

impl App {
    /// A profile's secrets were had.
    pub(super) fn on_secrets(&mut self, id: &str, secrets: Secrets, found: Found) {
        self.keychain_trouble.remove(id);
        let notice = format!("keychain-emptied-{id}");
        match found {
            Found::ForSession => return,
            Found::All => self.withdraw_notice(&notice),
            Found::Unread => {}
            Found::Less => {
                let name = self.gateway_name(id);
                self.notice(&notice, move |words| {
                    ((words.keychain_emptied)(&name), words.keychain_emptied_hint)
                });
            }
        }
        self.known.insert(id.to_owned(), secrets);
    }

    /// Looks whether a keychain that could not be read can be read now, without asking anybody.
    pub(super) fn look_at_keychain(&mut self, id: &str) {
        let store = Arc::clone(&self.ports.secrets);
        let id = id.to_owned();
        self.spawn(async move {
            let open = store.is_open().await;
            Box::new(move |app: &mut Self| {
                let waits = app.links.get(&id).is_some_and(|link| link.keychain.is_some());
                match (waits, open) {
                    (true, true) => app.connect(&id),
                    (true, false) => app.after(Timer::Keychain(id), AGAIN),
                    (false, _) => {}
                }
            }) as Then
        });
    }

    pub(super) fn kept_for_session(&self, profile: &Profile) -> Option<Secrets> {
        let kept = profile.session_only
            || profile.transient
            || profile.embedded
            || self.session_secrets.keys().any(|(id, _)| *id == profile.id);
        let secret = |kind| self.session_secrets.get(&(profile.id.clone(), kind)).cloned();
        kept.then(|| Secrets {
            token: secret(SecretKind::GatewayToken),
            device_token: secret(SecretKind::DeviceToken),
            device_key: secret(SecretKind::DeviceKey),
            webhook: secret(SecretKind::WebhookSecret),
        })
    }

    /// Keeps a secret where its profile keeps them.
    pub(super) fn keep_for_session(&mut self, id: &str, kind: SecretKind, secret: Option<Secret>) {
        match secret {
            Some(secret) => self.session_secrets.insert((id.to_owned(), kind), secret),
            None => self.session_secrets.remove(&(id.to_owned(), kind)),
        };
        if kind == SecretKind::GatewayToken {
            let key = (id.to_owned(), SecretKind::DeviceKey);
            self.session_secrets.entry(key).or_insert_with(new_device_key);
        }
    }

    pub(super) fn on_keychain(&mut self, id: &str, generation: u64, error: SecretError) {
        let now_ms = self.now_ms();
        let name = self.ports.secrets.name();
        let Some(link) = self
            .links
            .get_mut(id)
            .filter(|link| link.generation == generation)
        else {
            return;
        };
        let times = match self.keychain_trouble.get(id) {
            Some((before, times)) if *before == error => times.saturating_add(1),
            Some(_) | None => 1,
        };
        // The same again is no news, and a log that only grows helps nobody.
        if times == 1 {
            tracing::warn!(%error, keychain = %name, "the secrets of a gateway could not be read");
        }
        self.keychain_trouble
            .insert(id.to_owned(), (error.clone(), times));
        link.state = ConnectionState::Idle;
        link.since_ms = now_ms;
        if matches!(error, SecretError::Absent) {
            self.plain_notice("no-keychain", |words| words.no_keychain);
        }
        if let Some(link) = self.links.get_mut(id) {
            link.keychain = Some(error);
        }
        self.after(Timer::Keychain(id.to_owned()), again_after(times));
        self.publisher.connection_dirty();
    }

    /// A person asks for something that needs the keychain, which may ask for its password again.
    pub(super) fn person_asks_keychain(&mut self, id: &str) {
        self.keychain_trouble.remove(id);
        self.ports.secrets.person_asks();
    }

    /// The gateway issued a token for this device: into the keychain, or into memory for a session-only profile.
    pub(super) fn on_issued(&mut self, issued: IssuedToken) {
        let IssuedToken { profile: id, token } = issued;
        let Some(profile) = self.profiles.get(&id) else {
            return;
        };
        if self.kept_for_session(profile).is_some() {
            self.keep_for_session(&id, SecretKind::DeviceToken, Some(token));
            return;
        }
        if let Some(known) = self.known.get_mut(&id) {
            known.device_token = Some(token.clone());
        }
        let store = Arc::clone(&self.ports.secrets);
        self.spawn(async move {
            let stored = store.set(&id, SecretKind::DeviceToken, token).await;
            Box::new(move |_: &mut Self| {
                if let Err(error) = stored {
                    tracing::warn!(%error, "the device token could not be stored");
                }
            }) as Then
        });
    }
}
