//! The Secret Service (GNOME Keyring, KWallet, KeePassXC) over D-Bus.
//!
//! With a locked collection, every call of the keyring store waits for a user. So this module first
//! asks for the state, with calls that cannot block for long. It opens the store when a service
//! exists, and opens it again when another service takes over. So the next call finds a service
//! that starts late or restarts.

use crate::{Asking, SERVICE, Vault};
use clawtray_companion::ports::{Secret, SecretError};
use keyring_core::{CredentialStore, Error as KeyringError};
use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use zbus::{
    blocking::{Connection, connection},
    zvariant::{OwnedObjectPath, OwnedValue, Value},
};

const NAME: &str = "org.freedesktop.secrets";
const PATH: &str = "/org/freedesktop/secrets";
const SERVICE_INTERFACE: &str = "org.freedesktop.Secret.Service";
const COLLECTION_INTERFACE: &str = "org.freedesktop.Secret.Collection";
const PROMPT_INTERFACE: &str = "org.freedesktop.Secret.Prompt";
const NOTHING: &str = "/";

/// The least time between two password prompts of ours.
const PROMPT_PAUSE: Duration = Duration::from_secs(30);
/// The same, where the person asks: one click makes several calls.
const CLICK_PAUSE: Duration = Duration::from_secs(3);

pub(crate) struct SecretServiceVault {
    limit: Duration,
    bus: Option<Connection>,
    /// The service's unique bus name, and the store that talks to it.
    store: Option<(String, Arc<CredentialStore>)>,
    name: String,
    prompted: Option<Instant>,
    asking: Arc<Asking>,
}

/// How the collection stands in which our entries live.
enum Collection {
    Open,
    Locked(OwnedObjectPath),
    /// There is no default collection yet.
    Missing,
}

impl SecretServiceVault {
    /// A vault whose preliminary questions are answered within `limit`.
    pub(crate) const fn new(limit: Duration, asking: Arc<Asking>) -> Self {
        Self {
            limit,
            bus: None,
            store: None,
            name: String::new(),
            prompted: None,
            asking,
        }
    }

    fn bus(&mut self) -> Result<Connection, SecretError> {
        if let Some(bus) = &self.bus {
            return Ok(bus.clone());
        }
        let bus = connection::Builder::session()
            .map(|builder| builder.method_timeout(self.limit.mul_f32(0.8)))
            .and_then(connection::Builder::build)
            .map_err(|_| SecretError::Absent)?;
        Ok(self.bus.insert(bus).clone())
    }

    /// Starts the service if need be and answers its unique name.
    fn owner(&mut self) -> Result<String, SecretError> {
        let bus = self.bus()?;
        let daemon = |method: &str| {
            let reply = bus.call_method(
                Some("org.freedesktop.DBus"),
                "/",
                Some("org.freedesktop.DBus"),
                method,
                &NAME,
            )?;
            reply.body().deserialize::<String>()
        };
        if let Ok(owner) = daemon("GetNameOwner") {
            return Ok(owner);
        }
        let started = bus.call_method(
            Some("org.freedesktop.DBus"),
            "/",
            Some("org.freedesktop.DBus"),
            "StartServiceByName",
            &(NAME, 0_u32),
        );
        if let Err(error) = started {
            if matches!(error, zbus::Error::InputOutput(_)) {
                self.bus = None;
            }
            return Err(match explain(&error) {
                SecretError::Timeout => SecretError::Timeout,
                SecretError::Locked | SecretError::Absent | SecretError::Refused(_) => SecretError::Absent,
            });
        }
        daemon("GetNameOwner").map_err(|_| SecretError::Absent)
    }

    fn store(&mut self) -> Result<Arc<CredentialStore>, SecretError> {
        let owner = self.owner()?;
        if let Some((_, store)) = self.store.as_ref().filter(|(of, _)| *of == owner) {
            return Ok(store.clone());
        }
        let store: Arc<CredentialStore> =
            zbus_secret_service_keyring_store::Store::new().map_err(|error| explain_keyring(&error))?;
        self.name = service_name(&self.bus()?, &owner);
        self.store = Some((owner, store.clone()));
        Ok(store)
    }

    fn call<B, R>(&mut self, method: &str, body: &B) -> Result<R, SecretError>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
        R: for<'d> zbus::zvariant::DynamicDeserialize<'d>,
    {
        let bus = self.bus()?;
        let reply = bus
            .call_method(Some(NAME), PATH, Some(SERVICE_INTERFACE), method, body)
            .map_err(|error| explain(&error))?;
        reply.body().deserialize().map_err(|error| explain(&error))
    }

    fn collection(&mut self) -> Result<Collection, SecretError> {
        let path: OwnedObjectPath = self.call("ReadAlias", &"default")?;
        if path.as_str() == NOTHING {
            return Ok(Collection::Missing);
        }
        let locked = self.bus()?.call_method(
            Some(NAME),
            &path,
            Some("org.freedesktop.DBus.Properties"),
            "Get",
            &(COLLECTION_INTERFACE, "Locked"),
        );
        match locked.and_then(|reply| reply.body().deserialize::<OwnedValue>()) {
            Ok(value) => Ok(match bool::try_from(value) {
                Ok(true) => Collection::Locked(path),
                Ok(false) | Err(_) => Collection::Open,
            }),
            Err(zbus::Error::MethodError(..)) => Ok(Collection::Missing),
            Err(error) => Err(explain(&error)),
        }
    }

    /// Asks the service to unlock. True when that needed no person; otherwise its prompt is up, at most one in a while,
    /// and a later call finds out.
    fn unlock(&mut self, collection: &OwnedObjectPath) -> Result<bool, SecretError> {
        let (unlocked, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) =
            self.call("Unlock", &vec![collection.clone()])?;
        if !unlocked.is_empty() {
            return Ok(true);
        }
        self.prompt(&prompt)?;
        Ok(false)
    }

    /// Asks the service for a default collection. That is asked once per start, and again when the person asks: a dialog that
    /// was closed stays closed.
    fn create(&mut self) -> Result<bool, SecretError> {
        let before = self.asking.about_new.swap(true, Ordering::AcqRel);
        if before && !self.asking.by_person.load(Ordering::Acquire) {
            return Ok(false);
        }
        let label = HashMap::from([(
            "org.freedesktop.Secret.Collection.Label",
            Value::from("Default keyring"),
        )]);
        let (created, prompt): (OwnedObjectPath, OwnedObjectPath) =
            self.call("CreateCollection", &(label, "default"))?;
        if created.as_str() != NOTHING {
            return Ok(true);
        }
        self.prompt(&prompt)?;
        Ok(false)
    }

    fn prompt(&mut self, prompt: &OwnedObjectPath) -> Result<(), SecretError> {
        let pause = if self.asking.by_person.swap(false, Ordering::AcqRel) {
            CLICK_PAUSE
        } else {
            PROMPT_PAUSE
        };
        let soon = self.prompted.is_some_and(|when| when.elapsed() < pause);
        if prompt.as_str() != NOTHING && !soon {
            self.prompted = Some(Instant::now());
            let shown = self
                .bus()?
                .call_method(Some(NAME), prompt, Some(PROMPT_INTERFACE), "Prompt", &"");
            if let Err(error) = shown {
                tracing::info!(error = %error_name(&error), "the keychain could not ask for its password");
            }
        }
        Ok(())
    }

    /// Makes sure that entries can be written.
    fn ensure_open(&mut self) -> Result<(), SecretError> {
        let open = match self.collection()? {
            Collection::Open => true,
            Collection::Locked(path) => self.unlock(&path)?,
            Collection::Missing => self.create()?,
        };
        if open { Ok(()) } else { Err(SecretError::Locked) }
    }

    /// Makes sure that the entry can be read. False: it is not there.
    fn ensure_readable(&mut self, user: &str) -> Result<bool, SecretError> {
        let attributes = HashMap::from([("service", SERVICE), ("username", user)]);
        let (unlocked, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
            self.call("SearchItems", &attributes)?;
        if !unlocked.is_empty() {
            return Ok(true);
        }
        // An empty search in a locked collection proves nothing: not every service searches there.
        match (self.collection()?, locked.into_iter().next()) {
            (Collection::Locked(path), _) | (Collection::Open | Collection::Missing, Some(path)) => {
                if !self.unlock(&path)? {
                    return Err(SecretError::Locked);
                }
                let (unlocked, _): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
                    self.call("SearchItems", &attributes)?;
                Ok(!unlocked.is_empty())
            }
            (Collection::Open | Collection::Missing, None) => Ok(false),
        }
    }

    fn entry(&mut self, user: &str) -> Result<keyring_core::Entry, SecretError> {
        let label = format!("Clawtray: {user}");
        let modifiers = HashMap::from([("label", label.as_str())]);
        self.store()?
            .build(SERVICE, user, Some(&modifiers))
            .map_err(|error| explain_keyring(&error))
    }
}

impl Vault for SecretServiceVault {
    fn get(&mut self, user: &str) -> Result<Option<Secret>, SecretError> {
        self.owner()?;
        if !self.ensure_readable(user)? {
            return Ok(None);
        }
        match self.entry(user)?.get_password() {
            Ok(value) => Ok(Some(Secret::new(value))),
            Err(KeyringError::NoEntry) => Ok(None),
            Err(error) => Err(explain_keyring(&error)),
        }
    }

    fn set(&mut self, user: &str, value: &Secret) -> Result<(), SecretError> {
        self.owner()?;
        self.ensure_open()?;
        self.entry(user)?
            .set_password(value.expose())
            .map_err(|error| explain_keyring(&error))
    }

    fn delete(&mut self, user: &str) -> Result<(), SecretError> {
        self.owner()?;
        if !self.ensure_readable(user)? {
            return Ok(());
        }
        match self.entry(user)?.delete_credential() {
            Ok(()) | Err(KeyringError::NoEntry) => Ok(()),
            Err(error) => Err(explain_keyring(&error)),
        }
    }

    fn is_open(&mut self) -> bool {
        // Without a collection every write asks for a password for a new one.
        self.owner().is_ok() && matches!(self.collection(), Ok(Collection::Open))
    }

    fn name(&self) -> String {
        if self.name.is_empty() {
            "Secret Service".into()
        } else {
            self.name.clone()
        }
    }
}

/// What a person calls the program behind the bus name.
fn service_name(bus: &Connection, owner: &str) -> String {
    let pid = bus
        .call_method(
            Some("org.freedesktop.DBus"),
            "/",
            Some("org.freedesktop.DBus"),
            "GetConnectionUnixProcessID",
            &owner,
        )
        .and_then(|reply| reply.body().deserialize::<u32>());
    let program = pid
        .ok()
        .and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).ok());
    let known = match program.as_deref().map(str::trim) {
        Some(name) if name.starts_with("gnome-keyring") => "GNOME Keyring",
        Some(name) if name.starts_with("kwallet") || name.starts_with("ksecret") => "KWallet",
        Some(name) if name.starts_with("keepassxc") => "KeePassXC",
        Some(_) | None => return "Secret Service".into(),
    };
    format!("{known} (Secret Service)")
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the enum is another crate's and grows"
)]
fn explain(error: &zbus::Error) -> SecretError {
    match error {
        zbus::Error::MethodError(name, ..) => match name.as_str() {
            "org.freedesktop.Secret.Error.IsLocked" => SecretError::Locked,
            "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner" => {
                SecretError::Absent
            }
            "org.freedesktop.DBus.Error.NoReply" | "org.freedesktop.DBus.Error.TimedOut" => {
                SecretError::Timeout
            }
            other => SecretError::Refused(other.to_owned()),
        },
        zbus::Error::InputOutput(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            SecretError::Timeout
        }
        other => SecretError::Refused(error_name(other)),
    }
}

/// The kind of an error, without its text: that could carry parts of a message.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the enum is another crate's and grows"
)]
fn error_name(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(name, ..) => name.to_string(),
        zbus::Error::InputOutput(error) => format!("input/output: {}", error.kind()),
        _ => "D-Bus error".into(),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the enum is another crate's and grows"
)]
fn explain_keyring(error: &KeyringError) -> SecretError {
    match error {
        KeyringError::NoStorageAccess(_) => SecretError::Locked,
        KeyringError::NoDefaultStore => SecretError::Absent,
        KeyringError::Ambiguous(_) => SecretError::Refused("there are several entries with this name".into()),
        // Messages of other kinds could carry what was stored.
        _ => SecretError::Refused("the entry could not be used".into()),
    }
}
