//! The third-party code in the programs, with its licences.

use crate::metadata::{self, word};
use crate::steps::root;
use clawtray_lab::{Context, Error, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The programs, by their crates.
const CRATES: [&str; 2] = ["clawtray", "clawctl"];

/// A package of somebody else's.
struct Part {
    /// Name and version.
    name: String,
    /// Its licence as its manifest says, an SPDX expression.
    licence: String,
    /// The texts that come with it.
    texts: Vec<String>,
}

/// The text to hand on with the programs.
pub(super) fn third_party() -> Result<String> {
    let mut parts = crates()?;
    parts.extend(npm_packages()?);
    Ok(text(parts))
}

fn text(parts: Vec<Part>) -> String {
    let mut said = String::from("Clawtray's programs are made of these as well.\n\n");
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for part in parts {
        said.push_str(&format!("{}: {}\n", part.name, part.licence));
        for text in part.texts {
            texts.entry(text).or_default().insert(part.name.clone());
        }
    }
    for (text, names) in texts {
        let names: Vec<String> = names.into_iter().collect();
        said.push_str(&format!("\n----\n{}:\n\n{text}\n", names.join(", ")));
    }
    said
}

/// The crates that are linked into the programs on this system; neither what builds them nor what tests them.
fn crates() -> Result<Vec<Part>> {
    let metadata = metadata::of_this_system()?;
    let by_id = |list: &Value| -> BTreeMap<String, Value> {
        let all = list.as_array().into_iter().flatten();
        all.map(|item| (word(item, "id"), item.clone())).collect()
    };
    let packages = by_id(metadata.get("packages").unwrap_or(&Value::Null));
    let nodes = by_id(metadata.pointer("/resolve/nodes").unwrap_or(&Value::Null));

    let ours = packages
        .iter()
        .filter(|(_, package)| CRATES.contains(&word(package, "name").as_str()));
    let mut ahead: Vec<&String> = ours.map(|(id, _)| id).collect();
    let mut linked = BTreeSet::new();
    while let Some(id) = ahead.pop() {
        if !linked.insert(id) {
            continue;
        }
        let node = nodes
            .get(id)
            .context(format!("cargo metadata does not know {id}"))?;
        for dependency in node.get("deps").and_then(Value::as_array).into_iter().flatten() {
            let kinds = dependency
                .get("dep_kinds")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let is_linked = kinds
                .into_iter()
                .any(|kind| kind.get("kind").is_some_and(Value::is_null));
            if let (true, Some((id, _))) = (is_linked, nodes.get_key_value(&word(dependency, "pkg"))) {
                ahead.push(id);
            }
        }
    }
    let foreign = linked
        .into_iter()
        .filter_map(|id| packages.get(id))
        .filter(|package| {
            // What has a source comes from a registry; the rest is ours.
            package.get("source").is_some_and(|source| !source.is_null())
        });
    foreign
        .map(|package| {
            let manifest = word(package, "manifest_path");
            let folder = Path::new(&manifest).parent().unwrap_or(Path::new(""));
            Ok(Part {
                name: format!("{} {}", word(package, "name"), word(package, "version")),
                licence: licence(package),
                texts: texts(folder)?,
            })
        })
        .collect()
}

/// The packages that are in the UI's pages.
fn npm_packages() -> Result<Vec<Part>> {
    let ui = root().join("ui");
    let lock = fs::read_to_string(ui.join("package-lock.json")).context("cannot read the UI's lock file")?;
    let lock: Value = serde_json::from_str(&lock).context("the UI's lock file is not JSON")?;
    let listed = lock
        .get("packages")
        .and_then(Value::as_object)
        .context("the UI's lock file lists nothing")?;
    let mut parts = Vec::new();
    for (place, package) in listed {
        let Some((_, name)) = place.rsplit_once("node_modules/") else {
            continue;
        };
        if ["dev", "devOptional", "optional", "peer"]
            .iter()
            .any(|mark| package.get(mark).is_some())
        {
            continue;
        }
        let folder = ui.join(place);
        if !folder.is_dir() {
            return Err(Error::new(format!(
                "{} is not there; run npm ci in ui",
                folder.display()
            )));
        }
        parts.push(Part {
            name: format!("{name} {}", word(package, "version")),
            licence: licence(package),
            texts: texts(&folder)?,
        });
    }
    Ok(parts)
}

fn licence(package: &Value) -> String {
    let named = word(package, "license");
    if named.is_empty() {
        "see its text".to_owned()
    } else {
        named
    }
}

/// The texts of licences and notices in a folder.
fn texts(folder: &Path) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).context(format!("{}", folder.display()))? {
        let path = entry.context(format!("{}", folder.display()))?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_uppercase();
        let tells = [
            "LICENSE",
            "LICENCE",
            "COPYING",
            "NOTICE",
            "COPYRIGHT",
            "UNLICENSE",
        ];
        if path.is_file() && tells.iter().any(|word| name.starts_with(word)) {
            let text = fs::read(&path).context(format!("{}", path.display()))?;
            texts.push(
                String::from_utf8_lossy(&text)
                    .replace("\r\n", "\n")
                    .trim()
                    .to_owned(),
            );
        }
    }
    texts.sort();
    Ok(texts)
}
