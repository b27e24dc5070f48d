//! Temporary folders for one run.

use crate::{Context, Result, guardian};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A private folder below the system's temporary one, removed when dropped. `CLAWTRAY_LAB_KEEP=1` keeps it for a look.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes a folder whose name begins with `clawtray-lab-` and has `label` in it.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn new(label: &str) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let nanos = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.subsec_nanos());
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Short: sockets live below it, and their paths are limited to 107 bytes.
        let name = format!("clawtray-lab-{}-{count}-{nanos:x}-{label}", std::process::id());
        let path = std::env::temp_dir().join(name);
        make_private_dir(&path)?;
        if !kept() {
            guardian::watch_dir(&path);
        }
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder inside, made if it is not there, for this user alone.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn dir(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        make_private_dir(&path)?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !kept() {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

fn kept() -> bool {
    std::env::var_os("CLAWTRAY_LAB_KEEP").is_some_and(|value| value != "0")
}

fn make_private_dir(path: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .context(format!("cannot make {}", path.display()))
}
