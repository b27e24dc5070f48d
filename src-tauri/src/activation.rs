//! Activation tokens: a click or a key binding gives the next window the right to take the focus.

use std::sync::{Arc, Mutex, PoisonError};

/// Where a desktop puts it for a program that it starts: Wayland's, and X11's.
pub(crate) const VARIABLES: [&str; 2] = ["XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID"];

/// The one that this process was started with.
pub(crate) fn own() -> Option<String> {
    let mut given = VARIABLES.into_iter().filter_map(|name| std::env::var(name).ok());
    given.find(|token| !token.is_empty())
}

/// The last one that was given and not used yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Activation(Arc<Mutex<Option<String>>>);

impl Activation {
    pub(crate) fn give(&self, token: Option<String>) {
        if token.is_some() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = token;
        }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
