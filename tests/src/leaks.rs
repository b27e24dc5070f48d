//! Searches for a secret where it must not be.

use anyhow::{Context, Result};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// Files below `dir` that hold `secret`, as it is or base64.
///
/// # Errors
/// `dir` cannot be read.
pub fn in_files(dir: &Path, secret: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            // Folders come and go while a program runs.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).context(format!("cannot look into {}", dir.display())),
        };
        for entry in entries.flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(path),
                Ok(kind) if kind.is_file() && fs::read(&path).is_ok_and(|bytes| holds(&bytes, secret)) => {
                    found.push(path.display().to_string());
                }
                Ok(_) | Err(_) => {}
            }
        }
    }
    Ok(found)
}

/// Processes, of anyone, with `secret` among their arguments.
///
/// # Errors
/// The list of processes cannot be read.
pub fn in_arguments(secret: &str) -> Result<Vec<u32>> {
    let holds = |id: &u32| fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|bytes| holds(&bytes, secret));
    Ok(processes()?.into_keys().filter(holds).collect())
}

/// Processes below `parent`, without itself, with `secret` in their environment.
///
/// # Errors
/// The list of processes cannot be read.
pub fn in_environment_below(parent: u32, secret: &str) -> Result<Vec<u32>> {
    let holds = |id: &u32| fs::read(format!("/proc/{id}/environ")).is_ok_and(|bytes| holds(&bytes, secret));
    Ok(below(parent)?.into_iter().filter(holds).collect())
}

/// All descendants of a process.
///
/// # Errors
/// The list of processes cannot be read.
pub fn below(parent: u32) -> Result<Vec<u32>> {
    let parents = processes()?;
    let is_below = |id: &u32| {
        let mut at = *id;
        while let Some(&up) = parents.get(&at) {
            if up == parent {
                return true;
            }
            at = up;
        }
        false
    };
    Ok(parents.keys().copied().filter(is_below).collect())
}

/// Every process and its parent.
fn processes() -> Result<HashMap<u32, u32>> {
    let entries = fs::read_dir("/proc").context("cannot list the processes")?;
    let process = |entry: fs::DirEntry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name, in brackets, may hold anything.
        let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
        Some((id, parent))
    };
    Ok(entries.flatten().filter_map(process).collect())
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    [secret.to_owned(), base64(secret.as_bytes())].iter().any(|form| {
        let form = form.trim_end_matches('=').as_bytes();
        bytes.windows(form.len()).any(|window| window == form)
    })
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0_u32, |word, &byte| word << 8 | u32::from(byte))
            << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            let index = (word >> (18 - 6 * place)) & 63;
            out.extend(LETTERS.get(index as usize).map(|&letter| char::from(letter)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use clawtray_lab::Scratch;
    use std::process::{Command, Stdio};

    #[test]
    fn base64_is_base64() {
        assert_eq!(
            ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes())),
            ["", "Zg", "Zm8", "Zm9v", "Zm9vYg"]
        );
    }

    #[test]
    fn secrets_in_files_arguments_and_environments_are_found() {
        let scratch = Scratch::new("leaks").unwrap();
        let deep = scratch.dir("a/b").unwrap();
        fs::write(deep.join("plain"), "x canary-5e1f x").unwrap();
        fs::write(scratch.path().join("encoded"), base64(b"canary-5e1f")).unwrap();
        fs::write(deep.join("clean"), "canary").unwrap();
        let mut found = in_files(scratch.path(), "canary-5e1f").unwrap();
        found.sort();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].ends_with("a/b/plain") && found[1].ends_with("encoded"));

        let mut child = Command::new("sh");
        child
            .args(["-c", "read _; : canary-argument"])
            .env("X", "canary-variable")
            .stdin(Stdio::piped());
        let mut child = child.spawn().unwrap();
        assert_eq!(in_arguments("canary-argument").unwrap(), [child.id()]);
        assert_eq!(
            in_environment_below(std::process::id(), "canary-variable").unwrap(),
            [child.id()]
        );
        assert!(
            in_environment_below(child.id(), "canary-variable")
                .unwrap()
                .is_empty()
        );
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
