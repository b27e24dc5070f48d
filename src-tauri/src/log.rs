//! The log file: facts for a bug report. It never contains message text, tokens or addresses with a
//! query.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};
use tracing_subscriber::EnvFilter;

const NAME: &str = "clawtray.log";
/// A log of this size is put aside at the next start; one older log is kept.
const MOST_BYTES: u64 = 2 * 1024 * 1024;

/// Logs into `clawtray.log` in the folder. `CLAWTRAY_LOG` sets the level, for example `clawtray=debug`.
pub(crate) fn start(folder: &Path) -> io::Result<()> {
    let path = folder.join(NAME);
    if std::fs::metadata(&path).is_ok_and(|data| data.len() > MOST_BYTES) {
        std::fs::rename(&path, folder.join("clawtray.old.log"))?;
    }
    join(folder)
}

/// Logs into the file that another process of the app has started.
///
/// # Errors
/// The file cannot be opened, or this process has a log already.
pub fn join(folder: &Path) -> io::Result<()> {
    let file = open(&folder.join(NAME))?;
    let filter = std::env::var("CLAWTRAY_LOG")
        .unwrap_or_else(|_| "warn,zbus=error,clawtray=info,clawtray_companion=info".into());
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("warn")))
        .with_ansi(false)
        .with_writer(std::sync::Mutex::new(file))
        .finish();
    tracing::subscriber::set_global_default(subscriber).map_err(io::Error::other)?;
    std::panic::set_hook(Box::new(|panic| {
        // The payload may carry anything; the place does not.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(%place, thread = std::thread::current().name(), "panic");
    }));
    Ok(())
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
