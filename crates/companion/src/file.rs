//! Our files, most of them JSON. Each is written completely or not at all, and only the owner can
//! read it.

use serde_json::Value;
use std::io::{self, Write};
use std::path::Path;

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

/// Writes a file beside the target and moves it there, mode 0600.
pub(crate) fn write(path: &Path, value: &Value) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    write_text(path, &text)
}

/// The same for a text.
pub(crate) fn write_text(path: &Path, text: &str) -> io::Result<()> {
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

/// Moves a file that cannot be read out of the way, so that nothing of the user's is lost.
pub(crate) fn set_aside(path: &Path, now_ms: i64) -> io::Result<()> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    std::fs::rename(path, path.with_file_name(format!("{name}.unreadable-{now_ms}")))
}

fn create_private(path: &Path) -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
