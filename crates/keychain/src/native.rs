//! macOS Keychain and Windows Credential Manager, through their keyring stores.

use crate::{SERVICE, Vault};
use clawtray_companion::ports::{Secret, SecretError};
use keyring_core::{CredentialStore, Error};
use std::sync::Arc;

#[cfg(target_os = "macos")]
fn open() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}
#[cfg(windows)]
fn open() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(windows_native_keyring_store::Store::new()?)
}
#[cfg(not(any(target_os = "macos", windows)))]
fn open() -> keyring_core::Result<Arc<CredentialStore>> {
    Err(Error::NoDefaultStore)
}

pub(crate) struct NativeVault {
    store: Option<Arc<CredentialStore>>,
}

impl NativeVault {
    pub(crate) const fn new() -> Self {
        Self { store: None }
    }

    fn entry(&mut self, user: &str) -> Result<keyring_core::Entry, SecretError> {
        let store = match &self.store {
            Some(store) => store.clone(),
            None => self
                .store
                .insert(open().map_err(|error| explain(&error))?)
                .clone(),
        };
        store.build(SERVICE, user, None).map_err(|error| explain(&error))
    }
}

fn explain(error: &Error) -> SecretError {
    match error {
        Error::NoStorageAccess(_) => SecretError::Locked,
        Error::NoDefaultStore => SecretError::Absent,
        // The error's own text may name the value; its kind is enough.
        Error::PlatformFailure(inner) => SecretError::Refused(inner.to_string()),
        _ => SecretError::Refused("the entry could not be used".into()),
    }
}

impl Vault for NativeVault {
    fn get(&mut self, user: &str) -> Result<Option<Secret>, SecretError> {
        match self.entry(user)?.get_password() {
            Ok(value) => Ok(Some(Secret::new(value))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(explain(&error)),
        }
    }

    fn set(&mut self, user: &str, value: &Secret) -> Result<(), SecretError> {
        self.entry(user)?
            .set_password(value.expose())
            .map_err(|error| explain(&error))
    }

    fn delete(&mut self, user: &str) -> Result<(), SecretError> {
        match self.entry(user)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(explain(&error)),
        }
    }

    fn is_open(&mut self) -> bool {
        // Neither system tells without an attempt.
        true
    }

    fn name(&self) -> String {
        if cfg!(target_os = "macos") {
            "macOS Keychain".into()
        } else {
            "Windows Credential Manager".into()
        }
    }
}
