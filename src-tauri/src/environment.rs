//! The environment of the process: folders, and variables that child processes must not get.

use async_trait::async_trait;
use clawtray_companion::{
    discovery::{Surroundings, System, secret_variables},
    gateway::SECRET_VARIABLES,
    nearby::Nearby,
    paths::Paths,
    ports::Secret,
};
use std::{io, path::Path};

/// The app's id: its desktop file, its D-Bus names, its identity towards portals.
pub const APP_ID: &str = "dev.clawtray.Clawtray";

/// Whether there is a display to show windows on.
pub(crate) fn has_display() -> bool {
    !cfg!(target_os = "linux")
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Whether windows go to a Wayland compositor.
#[cfg(target_os = "linux")]
#[must_use]
pub fn is_wayland() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let backend = set("GDK_BACKEND");
    let backend = backend.as_ref().and_then(|value| value.to_str());
    set("WAYLAND_DISPLAY").is_some() && !backend.is_some_and(|backend| backend.starts_with("x11"))
}

#[cfg(target_os = "linux")]
fn forget(name: &str) {
    glib::unsetenv(name);
}
#[cfg(not(target_os = "linux"))]
fn forget(_name: &str) {
    // There is no safe way to; the webviews of these systems are not children of this process.
}

/// The surroundings that discovery looks at: the process's own, with the variables that name secrets as they were at the
/// start.
#[derive(Debug)]
pub(crate) struct StartedIn {
    secrets: Vec<(String, Secret)>,
}

impl StartedIn {
    /// Takes the secrets out of the environment. Before any thread and any child process.
    pub(crate) fn take() -> Self {
        let fixed = SECRET_VARIABLES.into_iter().map(str::to_owned);
        // A configuration of the gateway names more.
        let names: Vec<String> = fixed.chain(secret_variables(&System)).collect();
        let taken = names.into_iter().filter_map(|name| {
            let value = std::env::var(&name).ok()?;
            forget(&name);
            Some((name, Secret::new(value)))
        });
        Self {
            secrets: taken.collect(),
        }
    }
}

#[async_trait]
impl Surroundings for StartedIn {
    fn variable(&self, name: &str) -> Option<String> {
        let taken = self.secrets.iter().find(|(known, _)| *known == name);
        taken
            .map(|(_, value)| value.expose().to_owned())
            .or_else(|| System.variable(name))
    }

    fn read(&self, path: &Path) -> Option<String> {
        System.read(path)
    }

    fn folders(&self, folder: &Path) -> Vec<String> {
        System.folders(folder)
    }

    async fn answers(&self, host: &str, port: u16) -> bool {
        System.answers(host, port).await
    }

    async fn nearby(&self) -> Vec<Nearby> {
        System.nearby().await
    }
}

/// Makes the folders, for this user alone.
pub(crate) fn make_folders(paths: &Paths) -> io::Result<()> {
    for folder in [&paths.data, &paths.config] {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    Ok(())
}
