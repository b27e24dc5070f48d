//! The settings file. It has a version, survives edits by hand, keeps unknown keys, and is read
//! again when it changes.

use crate::api::{NotificationSettings, Settings};
use crate::file;
pub use crate::file::Unreadable;
use crate::ids::SessionRef;
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// The shortest interval for polling a gateway, in seconds.
const POLL_SECONDS_MIN: u64 = 5;

/// Ports that a program of the user may listen on.
const PORTS: std::ops::RangeInclusive<u64> = 1024..=65_535;

/// Where the HTTP APIs for scripts are served: beside the gateway's own port, and where `docs/API.md` has it.
const BRIDGE_PORT: u32 = 18_790;

/// The version that this app writes.
pub const VERSION: u32 = 1;

/// The settings of a new installation.
#[must_use]
pub fn defaults() -> Settings {
    Settings {
        version: VERSION,
        hotkey: "Ctrl+Shift+Space".to_owned(),
        theme: "system".to_owned(),
        language: "system".to_owned(),
        hide_on_blur: true,
        popup_pinned: false,
        send_key: "enter".to_owned(),
        autostart: false,
        start_hidden: true,
        keep_warm_minutes: 3,
        notifications: NotificationSettings {
            enabled: true,
            replies: true,
            approvals: true,
            questions: true,
            failures: true,
            gateway: true,
            pairing: true,
            cron: true,
            privacy: "full".to_owned(),
            ..NotificationSettings::default()
        },
        cache_megabytes: 200,
        poll_seconds: 60,
        bridge: false,
        bridge_port: BRIDGE_PORT,
    }
}

/// How often gateways that cannot push are asked for news; never when it is switched off.
#[must_use]
pub fn poll_every(settings: &Settings) -> Option<Duration> {
    let seconds = u64::from(settings.poll_seconds);
    (seconds > 0).then(|| Duration::from_secs(seconds.max(POLL_SECONDS_MIN)))
}

/// How `mutedSessions` names a session: its gateway's id, a slash and its key.
#[must_use]
pub fn mute_entry(session: &SessionRef) -> String {
    format!("{}/{}", session.gateway, session.session)
}

/// The key of the session that an entry of `mutedSessions` mutes on this gateway. Earlier versions wrote the key alone,
/// which mutes it on every gateway; an entry of another gateway is given back whole and matches no key.
#[must_use]
pub fn muted_key<'a>(entry: &'a str, gateway: &str) -> &'a str {
    entry
        .strip_prefix(gateway)
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(entry)
}

/// Whether an entry of `mutedSessions` mutes this session.
#[must_use]
pub fn mutes(entry: &str, session: &SessionRef) -> bool {
    muted_key(entry, &session.gateway) == session.session
}

/// Why a change of the settings does not count, or does not last.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetting {
    /// A change is an object with the settings that change.
    #[error("settings must be an object")]
    NotAnObject,
    /// A setting, by its name in the file, cannot have this value.
    #[error("the setting {0} does not accept this value")]
    Value(String),
    /// It counts, and the file could not be written.
    #[error("the settings file could not be written")]
    NotWritten,
    /// It counts, and the file is not to be written: it is read-only.
    #[error("the settings file is read-only")]
    ReadOnly,
    /// It counts, and the file is left alone: it could not be read, or a newer version wrote it.
    #[error("the settings file is left alone")]
    LeftAlone,
}

impl InvalidSetting {
    /// Whether the change counts until the app ends.
    #[must_use]
    pub const fn counts(&self) -> bool {
        match self {
            Self::NotAnObject | Self::Value(_) => false,
            Self::NotWritten | Self::ReadOnly | Self::LeftAlone => true,
        }
    }
}

/// The settings and the file they live in.
#[derive(Debug)]
pub struct SettingsFile {
    path: PathBuf,
    raw: Map<String, Value>,
    settings: Settings,
    modified: Option<SystemTime>,
    /// What is wrong with the file now; it is not written over.
    left_alone: Option<Unreadable>,
}

impl SettingsFile {
    /// Reads the file. One that makes no sense is set aside; one that cannot be read now, or that a newer version wrote, is
    /// left alone. The answer says so.
    #[must_use]
    pub fn open(path: PathBuf, now_ms: i64) -> (Self, Option<Unreadable>) {
        let (value, problem) = file::open(&path, now_ms, VERSION);
        let raw = match value {
            Some(Value::Object(raw)) => raw,
            Some(_) | None => Map::new(),
        };
        let mut this = Self {
            path,
            raw,
            settings: defaults(),
            modified: None,
            left_alone: problem.filter(|problem| *problem != Unreadable::SetAside),
        };
        this.settings = effective(&this.raw);
        this.modified = this.stamp();
        (this, problem)
    }

    /// The settings in force.
    #[must_use]
    pub const fn get(&self) -> &Settings {
        &self.settings
    }

    /// Merges a partial settings object and writes the file.
    pub fn change(&mut self, patch: &Value) -> Result<(), InvalidSetting> {
        let Some(patch) = patch.as_object() else {
            return Err(InvalidSetting::NotAnObject);
        };
        let mut raw = self.raw.clone();
        merge(&mut raw, patch);
        check(&raw, patch)?;
        if self.left_alone != Some(Unreadable::Newer) {
            raw.insert("version".to_owned(), VERSION.into());
        }
        self.settings = effective(&raw);
        self.raw = raw;
        if self.left_alone.is_some() {
            return Err(InvalidSetting::LeftAlone);
        }
        if let Err(error) = file::write(&self.path, &Value::Object(self.raw.clone())) {
            if file::is_read_only(&error) {
                return Err(InvalidSetting::ReadOnly);
            }
            tracing::warn!(kind = ?error.kind(), "settings could not be written");
            return Err(InvalidSetting::NotWritten);
        }
        self.modified = self.stamp();
        Ok(())
    }

    /// Reads the file again when somebody else changed it. Answers whether the settings differ. A file that is half
    /// written or broken is left alone until it can be read.
    pub fn reload_if_changed(&mut self) -> bool {
        let stamp = self.stamp();
        // A file that could not be read is the same when it can be.
        if stamp == self.modified && self.left_alone != Some(Unreadable::InPlace) {
            return false;
        }
        let raw = match file::read(&self.path) {
            Ok(Some(Value::Object(raw))) => raw,
            // It is known not to be there: nothing is written over.
            Ok(None) if self.left_alone == Some(Unreadable::InPlace) => {
                self.left_alone = None;
                return false;
            }
            Ok(Some(_) | None) | Err(_) => return false,
        };
        let newer = file::is_newer(&Value::Object(raw.clone()), VERSION);
        self.left_alone = newer.then_some(Unreadable::Newer);
        self.modified = stamp;
        self.raw = raw;
        let settings = effective(&self.raw);
        let differs = settings != self.settings;
        self.settings = settings;
        differs
    }

    /// What is wrong with the file now, so that it is not written over.
    #[must_use]
    pub const fn left_alone(&self) -> Option<Unreadable> {
        self.left_alone
    }

    fn stamp(&self) -> Option<SystemTime> {
        std::fs::metadata(&self.path)
            .and_then(|data| data.modified())
            .ok()
    }
}

/// Defaults, with what the file says over them. A value of the wrong kind counts as not said.
fn effective(raw: &Map<String, Value>) -> Settings {
    let Ok(Value::Object(mut merged)) = serde_json::to_value(defaults()) else {
        return defaults();
    };
    overlay(&mut merged, raw);
    merged.insert("version".to_owned(), VERSION.into());
    serde_json::from_value(Value::Object(merged)).unwrap_or_else(|_| defaults())
}

fn overlay(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (name, value) in over {
        let accepted = match (base.get_mut(name), value) {
            (Some(Value::Object(inner)), Value::Object(value)) => {
                overlay(inner, value);
                continue;
            }
            (Some(Value::Number(_)), Value::Number(number)) => number.as_u64().is_some_and(|number| {
                u32::try_from(number).is_ok() && (name != "bridgePort" || PORTS.contains(&number))
            }),
            (Some(Value::Array(_)), Value::Array(items)) => items.iter().all(Value::is_string),
            (Some(Value::Bool(_)), Value::Bool(_)) => true,
            (Some(Value::String(_)), Value::String(text)) => is_valid(name, text),
            (None | Some(Value::Null), Value::Number(number)) => number.is_i64(),
            _ => false,
        };
        if accepted {
            base.insert(name.clone(), value.clone());
        }
    }
}

/// `null` removes, objects merge, everything else replaces.
fn merge(base: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                base.remove(name);
            }
            Value::Object(inner) => {
                let slot = base
                    .entry(name.clone())
                    .or_insert_with(|| Value::Object(Map::new()));
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Some(slot) = slot.as_object_mut() {
                    merge(slot, inner);
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                base.insert(name.clone(), value.clone());
            }
        }
    }
}

fn is_valid(name: &str, text: &str) -> bool {
    match name {
        "theme" => matches!(text, "system" | "light" | "dark"),
        "sendKey" => matches!(text, "enter" | "ctrl-enter"),
        "privacy" => matches!(text, "full" | "sender" | "nothing"),
        "quietFrom" | "quietTo" => text.is_empty() || crate::notify_policy::minutes(text).is_some(),
        _ => text.len() <= 200,
    }
}

/// Every known key that changes must get a value that counts. What else the file has is not this change's fault.
fn check(raw: &Map<String, Value>, patch: &Map<String, Value>) -> Result<(), InvalidSetting> {
    let mut changed = Map::new();
    merge(&mut changed, patch);
    let said = serde_json::to_value(effective(raw)).unwrap_or_default();
    let known = serde_json::to_value(defaults()).unwrap_or_default();
    refused(&changed, &said, &known).map_or(Ok(()), |name| Err(InvalidSetting::Value(name)))
}

fn refused(raw: &Map<String, Value>, said: &Value, known: &Value) -> Option<String> {
    raw.iter().find_map(|(name, value)| {
        let known = known.get(name)?;
        match value {
            Value::Object(inner) if known.is_object() => refused(inner, said.get(name)?, known),
            _ if name == "version" => None,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => (said.get(name) != Some(value)).then(|| name.clone()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file_with(text: Option<&str>) -> (tempfile::TempDir, SettingsFile, Option<Unreadable>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config/settings.json");
        if let Some(text) = text {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
        }
        let (file, problem) = SettingsFile::open(path, 7);
        (folder, file, problem)
    }

    #[test]
    fn a_hand_edited_file_is_read_kindly() {
        let text = "{ // mine\n theme: 'dark', keepWarmMinutes: 'soon', futureKey: {a: 1}, notifications: {replies: false, privacy: 'loud',}, }";
        let (_folder, file, problem) = file_with(Some(text));
        assert_eq!(problem, None);
        let settings = file.get();
        assert_eq!(settings.theme, "dark");
        assert_eq!(
            settings.keep_warm_minutes,
            defaults().keep_warm_minutes,
            "a wrong kind counts as not said"
        );
        assert!(!settings.notifications.replies && settings.notifications.approvals);
        assert_eq!(settings.notifications.privacy, "full");
    }

    #[test]
    fn changes_keep_unknown_keys_and_stay_private() {
        let (folder, mut file, _) =
            file_with(Some(r#"{"futureKey":{"a":1},"notifications":{"later":true}}"#));
        file.change(
            &json!({"theme":"light","notifications":{"mutedSessions":["s"],"doNotDisturbUntilMs":5}}),
        )
        .unwrap();
        let path = folder.path().join("config/settings.json");
        let stored: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(stored["futureKey"]["a"], 1);
        assert_eq!(stored["notifications"]["later"], true);
        assert_eq!(
            (stored["version"].clone(), stored["theme"].clone()),
            (json!(1), json!("light"))
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
        let (again, _) = SettingsFile::open(path, 8);
        assert_eq!(again.get(), file.get());
        assert_eq!(again.get().notifications.do_not_disturb_until_ms, Some(5));
        file.change(&json!({"notifications":{"doNotDisturbUntilMs":null}}))
            .unwrap();
        assert_eq!(file.get().notifications.do_not_disturb_until_ms, None);
    }

    #[test]
    fn a_value_that_somebody_got_wrong_in_the_file_keeps_nothing_from_changing() {
        let (_folder, mut file, _) = file_with(Some(r#"{"keepWarmMinutes":"soon"}"#));
        file.change(&json!({"theme":"light"})).unwrap();
        assert_eq!(file.get().theme, "light");
    }

    #[test]
    fn senseless_changes_are_refused_and_change_nothing() {
        let (_folder, mut file, _) = file_with(None);
        for patch in [
            json!({"theme":"blue"}),
            json!({"hideOnBlur":"yes"}),
            json!({"keepWarmMinutes":-1}),
            json!({"notifications":{"quietFrom":"7"}}),
            json!([]),
        ] {
            assert!(file.change(&patch).is_err(), "{patch}");
        }
        assert_eq!(*file.get(), defaults());
        file.change(&json!({"somethingNew":1})).unwrap();
    }

    /// A folder where the file should be cannot be read as one, and its entry is still there.
    #[test]
    fn a_file_that_cannot_be_read_now_is_left_alone_until_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        std::fs::create_dir(&path).unwrap();
        let (mut file, problem) = SettingsFile::open(path.clone(), 7);
        assert_eq!(problem, Some(Unreadable::InPlace));
        assert!(path.is_dir(), "it was not moved");
        let error = file.change(&json!({"theme":"dark"})).unwrap_err();
        assert!(error == InvalidSetting::LeftAlone && error.counts());
        assert_eq!(file.get().theme, "dark", "it counts until the app ends");
        assert!(path.is_dir() && !file.reload_if_changed());
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, r#"{"theme":"light"}"#).unwrap();
        assert!(file.reload_if_changed());
        assert_eq!(file.get().theme, "light");
        file.change(&json!({"theme":"dark"})).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains("dark"));
    }

    #[test]
    fn a_file_of_a_newer_version_is_understood_as_far_as_it_goes_and_left_alone() {
        let text = r#"{"version":2,"theme":"dark","hotkey":{"keys":["a"]}}"#;
        let (folder, mut file, problem) = file_with(Some(text));
        assert_eq!(problem, Some(Unreadable::Newer));
        assert_eq!(file.get().theme, "dark");
        assert_eq!(
            file.change(&json!({"theme":"light"})),
            Err(InvalidSetting::LeftAlone)
        );
        let path = folder.path().join("config/settings.json");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        // The newer app is gone, and its file too.
        std::fs::write(&path, r#"{"version":1,"theme":"system"}"#).unwrap();
        assert!(file.reload_if_changed());
        file.change(&json!({"theme":"light"})).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains("light"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_into_a_folder_of_dotfiles_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("dotfiles/clawtray.json");
        std::fs::create_dir(real.parent().unwrap()).unwrap();
        std::fs::write(&real, r#"{"theme":"dark"}"#).unwrap();
        let path = folder.path().join("settings.json");
        // Relative, and over another link.
        std::os::unix::fs::symlink("dotfiles/clawtray.json", folder.path().join("between.json")).unwrap();
        std::os::unix::fs::symlink("between.json", &path).unwrap();
        let (mut file, _) = SettingsFile::open(path.clone(), 7);
        file.change(&json!({"theme":"light"})).unwrap();
        assert!(std::fs::symlink_metadata(&path).unwrap().is_symlink());
        assert!(std::fs::read_to_string(&real).unwrap().contains("light"));

        // One that makes no sense is kept beside the link, and the link stays.
        std::fs::write(&real, "{ not json").unwrap();
        let (mut file, problem) = SettingsFile::open(path.clone(), 8);
        assert_eq!(problem, Some(Unreadable::SetAside));
        let aside = folder.path().join("settings.json.unreadable-8");
        assert_eq!(std::fs::read_to_string(aside).unwrap(), "{ not json");
        file.change(&json!({"theme":"dark"})).unwrap();
        assert!(std::fs::symlink_metadata(&path).unwrap().is_symlink());
        assert!(std::fs::read_to_string(&real).unwrap().contains("dark"));
    }

    #[test]
    fn a_read_only_file_is_not_replaced_and_the_change_counts() {
        let (folder, mut file, _) = file_with(Some(r#"{"theme":"dark"}"#));
        let path = folder.path().join("config/settings.json");
        let mut permissions = std::fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(&path, permissions).unwrap();
        let error = file.change(&json!({"theme":"light"})).unwrap_err();
        assert!(error == InvalidSetting::ReadOnly && error.counts());
        assert_eq!(file.get().theme, "light");
        assert!(std::fs::read_to_string(&path).unwrap().contains("dark"));
    }

    #[test]
    fn a_broken_file_is_set_aside_and_an_edit_is_seen() {
        let (folder, mut file, problem) = file_with(Some("{ not json"));
        assert_eq!(problem, Some(Unreadable::SetAside));
        assert_eq!(*file.get(), defaults());
        let config = folder.path().join("config");
        assert!(config.join("settings.json.unreadable-7").exists());
        assert!(!file.reload_if_changed());
        std::fs::write(config.join("settings.json"), "{ half").unwrap();
        assert!(!file.reload_if_changed());
        std::fs::write(config.join("settings.json"), r#"{"theme":"dark"}"#).unwrap();
        assert!(file.reload_if_changed());
        assert_eq!(file.get().theme, "dark");
        assert!(!file.reload_if_changed());
    }
}
