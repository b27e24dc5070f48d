//! The folders and files of the app.

use std::path::PathBuf;

/// The folders of this app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Settings and profiles.
    pub config: PathBuf,
    /// The local copy of sessions, the outbox, drafts.
    pub data: PathBuf,
}

impl Paths {
    /// `CLAWTRAY_CONFIG_DIR` and `CLAWTRAY_DATA_DIR`, else the platform's folders.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::from_variables(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// The same, with the environment passed in.
    #[must_use]
    pub fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let path = |name: &str| variable(name).map(PathBuf::from);
        let home = || {
            path("HOME")
                .or_else(|| path("USERPROFILE"))
                .unwrap_or_else(|| PathBuf::from("."))
        };
        let (config, data) = if cfg!(target_os = "macos") {
            let support = home().join("Library/Application Support/clawtray");
            (support.clone(), support)
        } else if cfg!(windows) {
            let roaming = path("APPDATA").unwrap_or_else(|| home().join("AppData/Roaming"));
            let local = path("LOCALAPPDATA").unwrap_or_else(|| home().join("AppData/Local"));
            (roaming.join("clawtray"), local.join("clawtray"))
        } else {
            let absolute = |name: &str| path(name).filter(|path| path.is_absolute());
            (
                absolute("XDG_CONFIG_HOME")
                    .unwrap_or_else(|| home().join(".config"))
                    .join("clawtray"),
                absolute("XDG_DATA_HOME")
                    .unwrap_or_else(|| home().join(".local/share"))
                    .join("clawtray"),
            )
        };
        Self {
            config: path("CLAWTRAY_CONFIG_DIR").unwrap_or(config),
            data: path("CLAWTRAY_DATA_DIR").unwrap_or(data),
        }
    }

    /// Both under one folder, for tests.
    #[must_use]
    pub fn under(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self {
            config: folder.join("config"),
            data: folder.join("data"),
        }
    }

    /// The settings file.
    #[must_use]
    pub fn settings(&self) -> PathBuf {
        self.config.join("settings.json")
    }

    /// The profiles file.
    #[must_use]
    pub fn profiles(&self) -> PathBuf {
        self.config.join("gateways.json")
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data.join("clawtray.sqlite")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn variables_decide() {
        for (variables, config, data) in [
            (
                &[("HOME", "/h")][..],
                "/h/.config/clawtray",
                "/h/.local/share/clawtray",
            ),
            (
                &[
                    ("HOME", "/h"),
                    ("XDG_CONFIG_HOME", "/c"),
                    ("XDG_DATA_HOME", "rel"),
                ][..],
                "/c/clawtray",
                "/h/.local/share/clawtray",
            ),
            (
                &[
                    ("HOME", "/h"),
                    ("CLAWTRAY_CONFIG_DIR", "/x"),
                    ("CLAWTRAY_DATA_DIR", "/y"),
                ][..],
                "/x",
                "/y",
            ),
        ] {
            let paths = Paths::from_variables(&|name| {
                variables
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            });
            assert_eq!(
                (paths.config, paths.data),
                (PathBuf::from(config), PathBuf::from(data))
            );
        }
    }
}
