//! Secrets in the keychain of the system: Secret Service on Linux, Keychain on macOS, Credential
//! Manager on Windows.
//!
//! A keychain call blocks, sometimes until a user types a password. So calls run on their own
//! thread with a time limit. The rest of the workspace uses [`Keychain`]. Nothing here falls back
//! to a file.

#![forbid(unsafe_code)]

#[cfg(not(target_os = "linux"))]
mod native;
#[cfg(target_os = "linux")]
mod secret_service;
mod vault;
mod worker;

use async_trait::async_trait;
use clawtray_companion::ports::{Secret, SecretError, SecretKind, SecretStore};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use worker::{Job, Worker};

pub use vault::Vault;

/// The service that all entries carry; `secret-tool lookup service clawtray username home:gateway-token` finds one.
pub const SERVICE: &str = "clawtray";

/// How long a call may take before it is answered with [`SecretError::Timeout`].
pub const TIME_LIMIT: Duration = Duration::from_secs(5);

/// The OS keychain behind a thread and a time limit.
pub struct Keychain {
    worker: Worker,
    asking: Arc<Asking>,
}

/// What is known of asking the person for a password. It outlives the threads.
#[derive(Debug, Default)]
struct Asking {
    /// The person asked for what comes next.
    by_person: AtomicBool,
    /// Whether to make a keyring was asked since the start.
    about_new: AtomicBool,
}

impl Keychain {
    /// The keychain of this system. Nothing is opened before the first call.
    #[must_use]
    pub fn system() -> Self {
        #[cfg(target_os = "linux")]
        {
            let asking = Arc::<Asking>::default();
            let shared = Arc::clone(&asking);
            let open = move || -> Box<dyn Vault> {
                let asking = Arc::clone(&shared);
                Box::new(secret_service::SecretServiceVault::new(TIME_LIMIT, asking))
            };
            Self {
                worker: Worker::new(open, TIME_LIMIT),
                asking,
            }
        }
        #[cfg(not(target_os = "linux"))]
        return Self::with(|| Box::new(native::NativeVault::new()), TIME_LIMIT);
    }

    /// A keychain over vaults that `open` makes, one for each worker thread. A thread whose call outlives `limit` is left
    /// behind and another one takes the next calls.
    #[must_use]
    pub fn with(open: impl Fn() -> Box<dyn Vault> + Send + Sync + 'static, limit: Duration) -> Self {
        Self {
            worker: Worker::new(open, limit),
            asking: Arc::default(),
        }
    }
}

/// The entry's user: profile and kind.
fn user(profile: &str, kind: SecretKind) -> String {
    format!("{profile}:{}", kind.word())
}

#[async_trait]
impl SecretStore for Keychain {
    async fn get(&self, profile: &str, kind: SecretKind) -> Result<Option<Secret>, SecretError> {
        self.worker
            .call(|answer| Job::Get {
                user: user(profile, kind),
                answer,
            })
            .await
    }

    async fn set(&self, profile: &str, kind: SecretKind, value: Secret) -> Result<(), SecretError> {
        self.worker
            .call(|answer| Job::Set {
                user: user(profile, kind),
                value,
                answer,
            })
            .await
    }

    async fn delete(&self, profile: &str, kind: SecretKind) -> Result<(), SecretError> {
        self.worker
            .call(|answer| Job::Delete {
                user: user(profile, kind),
                answer,
            })
            .await
    }

    async fn is_open(&self) -> bool {
        self.worker.call(|answer| Job::Look { answer }).await == Ok(true)
    }

    fn person_asks(&self) {
        self.asking.by_person.store(true, Ordering::Release);
    }

    fn name(&self) -> String {
        self.worker.store_name()
    }
}
