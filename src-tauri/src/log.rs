//! The log file: facts for a bug report. It never contains message text, tokens or addresses with a
//! query.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};
use tracing_subscriber::EnvFilter;

const NAME: &str = "clawtray.log";
const OLD: &str = "clawtray.old.log";
/// A log of this size is put aside, at the start and while the app runs; one older log is kept.
const MOST_BYTES: u64 = 2 * 1024 * 1024;

/// Logs into `clawtray.log` in the folder. `CLAWTRAY_LOG` sets the level, for example `clawtray=debug`.
pub(crate) fn start(folder: &Path) -> io::Result<()> {
    log_into(Rotating::open(folder, Some(MOST_BYTES))?)
}

/// Logs into the file that another process of the app has started.
///
/// # Errors
/// The file cannot be opened, or this process has a log already.
pub fn join(folder: &Path) -> io::Result<()> {
    log_into(Rotating::open(folder, None)?)
}

fn log_into(file: Rotating) -> io::Result<()> {
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

/// The file at a place, whatever file that is by now: one process puts a full log aside, and all go on in the new one.
struct Rotating {
    path: PathBuf,
    /// When this process puts the file aside, in bytes; the process that only joined never does.
    most: Option<u64>,
    file: File,
}

impl Rotating {
    fn open(folder: &Path, most: Option<u64>) -> io::Result<Self> {
        let path = folder.join(NAME);
        let file = open(&path)?;
        let mut this = Self { path, most, file };
        this.turn()?;
        Ok(this)
    }

    /// Puts a full log aside, and opens the file anew where another is in its place.
    fn turn(&mut self) -> io::Result<()> {
        let there = std::fs::metadata(&self.path).ok();
        let is_full = there
            .as_ref()
            .zip(self.most)
            .is_some_and(|(there, most)| there.len() > most);
        if is_full {
            std::fs::rename(&self.path, self.path.with_file_name(OLD))?;
        }
        let is_ours =
            there.is_some_and(|there| self.file.metadata().is_ok_and(|ours| is_same(&ours, &there)));
        if is_full || !is_ours {
            self.file = open(&self.path)?;
        }
        Ok(())
    }
}

impl Write for Rotating {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A log that cannot be turned is better than none.
        let _ = self.turn();
        self.file.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(unix)]
fn is_same(ours: &std::fs::Metadata, there: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}

/// Elsewhere one process logs, and nobody else moves its file.
#[cfg(not(unix))]
fn is_same(_: &std::fs::Metadata, _: &std::fs::Metadata) -> bool {
    true
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::{NAME, OLD, Rotating};
    use std::io::Write;

    #[test]
    fn a_log_is_put_aside_while_it_is_written_and_all_processes_go_on_in_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        let mut app = Rotating::open(folder.path(), Some(20)).unwrap();
        let mut windows = Rotating::open(folder.path(), None).unwrap();
        app.write_all(b"one: 0123456789\n").unwrap();
        windows.write_all(b"two\nthree\n").unwrap();
        assert_eq!(read(OLD), "");
        // Only the process that started the log puts it aside.
        windows.write_all(b"four\n").unwrap();
        app.write_all(b"five\n").unwrap();
        windows.write_all(b"six\n").unwrap();
        assert_eq!(read(OLD), "one: 0123456789\ntwo\nthree\nfour\n");
        assert_eq!(read(NAME), "five\nsix\n");
        // A full one is put aside at the start, too; what was old goes.
        app.write_all(b"0123456789abcdef\n").unwrap();
        drop(Rotating::open(folder.path(), Some(20)).unwrap());
        assert_eq!((read(NAME).as_str(), read(OLD).starts_with("five")), ("", true));
    }
}
