//! The device key for a gateway. It is made once, even if two processes ask at the same time.

use crate::ports::{Secret, SecretError, SecretKind, SecretStore};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs::File;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// How long to wait for another process that makes a key; a keychain may wait for a password meanwhile.
const WAIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// The key, base64. It is made and kept when there is none. A lock file in `data` sees to it that two processes that
/// start together do not make two keys, of which one would have to be approved again.
///
/// # Errors
/// The keychain's.
pub async fn device_key(store: &dyn SecretStore, profile: &str, data: &Path) -> Result<Secret, SecretError> {
    if let Some(key) = store.get(profile, SecretKind::DeviceKey).await? {
        return Ok(key);
    }
    let _lock = lock(data).await;
    if let Some(key) = store.get(profile, SecretKind::DeviceKey).await? {
        return Ok(key);
    }
    let key = new_device_key();
    store.set(profile, SecretKind::DeviceKey, key.clone()).await?;
    Ok(key)
}

/// A new random key, base64.
#[must_use]
pub fn new_device_key() -> Secret {
    Secret::new(STANDARD.encode(rand::random::<[u8; 32]>()))
}

/// None where no file can be locked: a key of our own is better than no connection.
async fn lock(data: &Path) -> Option<File> {
    std::fs::create_dir_all(data).ok()?;
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(data.join("identity.lock")).ok()?;
    let end = Instant::now() + WAIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Some(file),
            Err(std::fs::TryLockError::WouldBlock) if Instant::now() < end => tokio::time::sleep(POLL).await,
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use std::sync::{Mutex, PoisonError};

    /// A keychain that takes its time.
    #[derive(Default)]
    struct Slow(Mutex<(Option<Secret>, usize)>);

    #[async_trait]
    impl SecretStore for Slow {
        async fn get(&self, _: &str, _: SecretKind) -> Result<Option<Secret>, SecretError> {
            tokio::time::sleep(Duration::from_millis(30)).await;
            Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).0.clone())
        }
        async fn set(&self, _: &str, _: SecretKind, value: Secret) -> Result<(), SecretError> {
            tokio::time::sleep(Duration::from_millis(30)).await;
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = (Some(value), kept.1 + 1);
            Ok(())
        }
        async fn delete(&self, _: &str, _: SecretKind) -> Result<(), SecretError> {
            Ok(())
        }
        async fn is_open(&self) -> bool {
            true
        }
        fn name(&self) -> String {
            "slow".into()
        }
    }

    #[tokio::test]
    async fn two_that_start_together_have_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let store = Slow::default();
        let (one, other) = tokio::join!(
            device_key(&store, "g", folder.path()),
            device_key(&store, "g", folder.path())
        );
        assert_eq!(one.unwrap().expose(), other.unwrap().expose());
        assert_eq!(store.0.lock().unwrap().1, 1, "it was made once");
    }
}
