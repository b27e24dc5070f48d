//! The variables that a gateway's configuration may name, from where the gateway takes them.

use super::Surroundings;
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A variable of the process. Blank counts as not set, as for the gateway, and so do `undefined` and `null`.
pub(super) fn set(around: &dyn Surroundings, name: &str) -> Option<String> {
    around
        .variable(name)
        .map(|value| value.trim().to_owned())
        .filter(|value| !matches!(value.as_str(), "" | "undefined" | "null"))
}

/// The home of the gateway's folders.
pub(super) fn home(around: &dyn Surroundings) -> Option<PathBuf> {
    let of_user = || set(around, "HOME").or_else(|| set(around, "USERPROFILE"));
    match set(around, "OPENCLAW_HOME") {
        Some(home) => Some(under(of_user().map(PathBuf::from).as_deref(), &home)),
        None => of_user().map(PathBuf::from),
    }
}

/// A path that may begin with `~`.
pub(super) fn under(home: Option<&Path>, path: &str) -> PathBuf {
    match (home, path.strip_prefix('~')) {
        (Some(home), Some(rest)) if rest.is_empty() || rest.starts_with(['/', '\\']) => {
            home.join(rest.trim_start_matches(['/', '\\']))
        }
        (_, _) => PathBuf::from(path),
    }
}

/// Where the variables of one configuration come from, in the gateway's order: the process, `.env` in the state folder,
/// `.env` beside the configuration, and the configuration's own `env`.
pub(super) struct Variables<'a> {
    around: &'a dyn Surroundings,
    files: Vec<HashMap<String, String>>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(around: &'a dyn Surroundings, folders: &[&Path], config: &Value) -> Self {
        let mut files: Vec<HashMap<String, String>> = Vec::new();
        for (at, folder) in folders.iter().enumerate() {
            if !folders.iter().take(at).any(|known| known == folder)
                && let Some(text) = around.read(&folder.join(".env"))
            {
                files.push(dotenv(&text));
            }
        }
        if let Some(env) = config.get("env").and_then(Value::as_object) {
            let named = env.get("vars").and_then(Value::as_object);
            let pairs = named.into_iter().chain([env]).flatten();
            files.push(
                pairs
                    .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                    .collect(),
            );
        }
        Self { around, files }
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        let filled = |value: &String| !value.trim().is_empty();
        self.around.variable(name).filter(filled).or_else(|| {
            self.files
                .iter()
                .find_map(|file| file.get(name))
                .cloned()
                .filter(filled)
        })
    }

    /// The text with the values of the variables it names (`${NAME}`; `$${NAME}` stands for itself). The error is the
    /// first variable that has no value.
    pub(super) fn expand(&self, text: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let (before, from) = rest.split_at(at);
            let end = from.find('}').unwrap_or(from.len());
            let name = from.get(2..end).unwrap_or_default();
            let after = from.get(end + 1..).unwrap_or_default();
            if !is_name(name) || end == from.len() {
                out.push_str(before);
                out.push_str("${");
                rest = from.get(2..).unwrap_or_default();
                continue;
            }
            match before.strip_suffix('$') {
                Some(escaped) => {
                    out.push_str(escaped);
                    out.push_str(from.get(..=end).unwrap_or_default());
                }
                None => {
                    out.push_str(before);
                    out.push_str(&self.get(name).ok_or_else(|| name.to_owned())?);
                }
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}

/// Whether the gateway takes it for a variable's name.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The pairs of a `.env` file: `NAME=value`, with `export` before it, quotes around the value and comments.
fn dotenv(text: &str) -> HashMap<String, String> {
    let mut pairs = HashMap::new();
    for line in text.lines() {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let value = value.trim();
        let quoted = ['"', '\'', '`'].into_iter().find_map(|quote| {
            let inner = value.strip_prefix(quote)?;
            let inner = inner.get(..inner.find(quote)?)?;
            Some(if quote == '"' {
                inner.replace("\\n", "\n")
            } else {
                inner.to_owned()
            })
        });
        let value = quoted.unwrap_or_else(|| value.split(" #").next().unwrap_or_default().trim().to_owned());
        pairs.insert(name.trim().to_owned(), value);
    }
    pairs
}
