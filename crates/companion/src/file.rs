//! Our files, most of them JSON. Each is written completely or not at all, and only the owner can
//! read it.

use serde_json::Value;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Symbolic links followed, at most.
const LINKS: usize = 32;

/// Reads a JSON file; comments and trailing commas of hand edits are fine. `None` when there is no such file.
pub(crate) fn read(path: &Path) -> io::Result<Option<Value>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    json5::from_str(&text)
        .map(Some)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
}

/// What was wrong with a file at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It is not what it should be, and lies beside the new one.
    SetAside,
    /// It could not be read now. It is left alone, and not written over.
    InPlace,
    /// A newer version of the app wrote it. What is understood of it counts, and it is not written over.
    Newer,
}

/// What a file has, and what is wrong with it. Only one that was read and makes no sense is moved out of the way: an error
/// of the disk says nothing about what the file has.
pub(crate) fn open(path: &Path, now_ms: i64, version: u32) -> (Option<Value>, Option<Unreadable>) {
    match read(path) {
        Ok(None) => (None, None),
        Ok(Some(value)) if is_newer(&value, version) => (Some(value), Some(Unreadable::Newer)),
        Ok(Some(value)) if value.is_object() => (Some(value), None),
        Ok(Some(_)) => (None, Some(out_of_the_way(path, now_ms))),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            (None, Some(out_of_the_way(path, now_ms)))
        }
        Err(error) => {
            tracing::warn!(kind = ?error.kind(), "a file of the app could not be read");
            (None, Some(Unreadable::InPlace))
        }
    }
}

/// Whether a newer version of the app wrote this.
pub(crate) fn is_newer(value: &Value, version: u32) -> bool {
    let written = value.get("version").and_then(Value::as_u64);
    written.is_some_and(|written| written > u64::from(version))
}

/// Sets a file aside that makes no sense.
pub(crate) fn out_of_the_way(path: &Path, now_ms: i64) -> Unreadable {
    match set_aside(path, now_ms) {
        Ok(()) => Unreadable::SetAside,
        Err(_) => Unreadable::InPlace,
    }
}

/// Whether an error says that the file is not to be written: it lies in a folder that something else manages, say.
pub(crate) fn is_read_only(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

/// Writes a file beside the target and moves it there, mode 0600. A symbolic link stays, and the file that it leads to is
/// written.
pub(crate) fn write(path: &Path, value: &Value) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    write_text(path, &text)
}

/// The same for a text.
pub(crate) fn write_text(path: &Path, text: &str) -> io::Result<()> {
    let path = &target(path)?;
    if std::fs::metadata(path).is_ok_and(|data| data.permissions().readonly()) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder)?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    let beside = folder.join(format!(".{name}.{}", uuid::Uuid::new_v4().simple()));
    let written = create_private(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let moved = written.and_then(|()| std::fs::rename(&beside, path));
    if moved.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    moved
}

/// Where symbolic links lead to, be there a file or not.
fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match std::fs::read_link(&path) {
            Ok(to) => path = path.parent().unwrap_or_else(|| Path::new(".")).join(to),
            // Not a link, or not there.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// Moves a file that makes no sense out of the way, so that nothing of the user's is lost. Behind a symbolic link it is
/// copied, so that the link stays.
pub(crate) fn set_aside(path: &Path, now_ms: i64) -> io::Result<()> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    let aside = path.with_file_name(format!("{name}.unreadable-{now_ms}"));
    if std::fs::symlink_metadata(path)?.is_symlink() {
        return std::fs::copy(path, aside).map(drop);
    }
    std::fs::rename(path, aside)
}

fn create_private(path: &Path) -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
