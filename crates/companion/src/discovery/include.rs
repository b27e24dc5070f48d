//! `$include`: a configuration in several files.

use super::Surroundings;
use serde_json::{Map, Value};
use std::path::{Component, Path, PathBuf};

/// Includes in includes, at most; the gateway's own limit.
const DEPTH: usize = 10;

/// A configuration file with what it includes. None when it cannot be read.
pub(super) fn load(around: &dyn Surroundings, path: &Path, roots: &[PathBuf]) -> Option<Value> {
    let text = around.read(path)?;
    let yaml = path.extension().is_some_and(|ext| ext == "yml" || ext == "yaml");
    let config: Value = if yaml {
        serde_saphyr::from_str(&text).ok()?
    } else {
        json5::from_str(&text).ok()?
    };
    let folder = path.parent().unwrap_or(path);
    let mut all = vec![plain(folder)];
    all.extend(roots.iter().map(|root| plain(root)));
    let files = Files { around, roots: all };
    Some(files.resolve(config, folder, DEPTH))
}

struct Files<'a> {
    around: &'a dyn Surroundings,
    /// Folders that includes stay inside of.
    roots: Vec<PathBuf>,
}

impl Files<'_> {
    fn resolve(&self, value: Value, folder: &Path, depth: usize) -> Value {
        match value {
            Value::Array(items) => items
                .into_iter()
                .map(|item| self.resolve(item, folder, depth))
                .collect(),
            Value::Object(mut fields) => {
                let included = fields.remove("$include");
                let own: Map<String, Value> = fields
                    .into_iter()
                    .map(|(name, value)| (name, self.resolve(value, folder, depth)))
                    .collect();
                let mut merged = match included {
                    Some(Value::String(path)) => self.included(&path, folder, depth),
                    Some(Value::Array(paths)) => paths
                        .iter()
                        .filter_map(Value::as_str)
                        .fold(Value::Null, |before, path| {
                            merge(before, self.included(path, folder, depth))
                        }),
                    Some(_) | None => Value::Null,
                };
                if merged.is_null() {
                    return Value::Object(own);
                }
                if !own.is_empty() {
                    merged = merge(merged, Value::Object(own));
                }
                merged
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
        }
    }

    /// Nothing when the file may not be read: the gateway itself then refuses to start.
    fn included(&self, path: &str, folder: &Path, depth: usize) -> Value {
        let path = plain(&folder.join(path));
        let inside = self.roots.iter().any(|root| path.starts_with(root));
        let read = || {
            let text = self.around.read(&path)?;
            json5::from_str::<Value>(&text).ok()
        };
        match (depth.checked_sub(1), inside) {
            (Some(left), true) => read().map_or(Value::Null, |value| {
                self.resolve(value, path.parent().unwrap_or(&path), left)
            }),
            (_, _) => Value::Null,
        }
    }
}

/// The later one overrides.
fn merge(before: Value, after: Value) -> Value {
    match (before, after) {
        (Value::Object(mut before), Value::Object(after)) => {
            for (name, value) in after {
                let known = before.remove(&name).unwrap_or_default();
                before.insert(name, merge(known, value));
            }
            Value::Object(before)
        }
        (before, Value::Null) => before,
        (_, after) => after,
    }
}

/// The path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => out.push(part),
        }
    }
    out
}
