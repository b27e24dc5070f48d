//! Desktop entries. Through them the desktop knows the program, opens `clawtray://` links and
//! starts it with the session.
//!
//! A package installs the entry. If there is none, the app writes one for this user. Portals find
//! the app by its entry.

#[cfg(test)]
mod tests;

use crate::environment::APP_ID;
use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};
use tokio::sync::SetOnce;

const ICON: &[u8] = include_bytes!("../../icons/app-icon.svg");
/// The entry that packages bring; `clawtray` in it is found in the path.
const ENTRY: &str = include_str!("../linux/dev.clawtray.Clawtray.desktop");
/// Where the icon lies in a folder of data.
const ICON_PLACE: &str = "icons/hicolor/scalable/apps/dev.clawtray.Clawtray.svg";
const LINKS: &str = "x-scheme-handler/clawtray";

/// The user's folders, after the XDG base directory specification.
#[derive(Clone, Debug)]
pub(crate) struct Folders {
    pub(crate) data: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) system_data: Vec<PathBuf>,
}

impl Folders {
    fn from_environment() -> Option<Self> {
        let home = env::var_os("HOME").map(PathBuf::from);
        let folder = |name: &str, below: &str| {
            let named = env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute());
            named.or_else(|| home.as_ref().map(|home| home.join(below)))
        };
        let system = env::var_os("XDG_DATA_DIRS").filter(|dirs| !dirs.is_empty());
        let system = system.unwrap_or_else(|| "/usr/local/share:/usr/share".into());
        Some(Self {
            data: folder("XDG_DATA_HOME", ".local/share")?,
            config: folder("XDG_CONFIG_HOME", ".config")?,
            system_data: env::split_paths(&system).collect(),
        })
    }

    fn entry(&self) -> PathBuf {
        self.data.join("applications").join(format!("{APP_ID}.desktop"))
    }

    fn autostart(&self) -> PathBuf {
        self.config.join("autostart").join(format!("{APP_ID}.desktop"))
    }

    fn icon(&self) -> PathBuf {
        self.data.join(ICON_PLACE)
    }
}

/// Makes the program known to the desktop, where nobody has yet. In the background; what is given is set once that is done or
/// cannot be: whether an entry was written. The portal wants the entry to be there.
pub(crate) fn make_known() -> Arc<SetOnce<bool>> {
    let known = Arc::new(SetOnce::new());
    let done = Arc::clone(&known);
    let made = std::thread::Builder::new()
        .name("desktop entry".into())
        .spawn(move || {
            let set = |written| {
                // Nobody else sets it.
                let _ = done.set(written);
            };
            let (Some(folders), Ok(program)) = (Folders::from_environment(), program()) else {
                tracing::info!("no place for a desktop entry");
                return set(false);
            };
            match write(&folders, &program) {
                Ok(written) => {
                    set(written);
                    if written {
                        register_links(&folders);
                    }
                }
                Err(error) => {
                    tracing::warn!(kind = ?error.kind(), "the desktop entry could not be written");
                    set(false);
                }
            }
        });
    if made.is_err() {
        tracing::warn!("no thread for the desktop entry");
        let _ = known.set(false);
    }
    known
}

/// The app's icon for a place that wants a name or a file. The file where no package brings the icon: programs that were
/// started before the app wrote it do not find it by its name.
pub(crate) fn icon() -> String {
    Folders::from_environment().map_or_else(|| APP_ID.to_owned(), |folders| icon_in(&folders))
}

fn icon_in(folders: &Folders) -> String {
    let own = folders.icon();
    let brought = folders
        .system_data
        .iter()
        .any(|dir| dir.join(ICON_PLACE).is_file());
    match own.to_str() {
        Some(file) if !brought && own.is_file() => file.to_owned(),
        Some(_) | None => APP_ID.to_owned(),
    }
}

/// Starts the program with the session, with this argument, or no longer.
pub(crate) fn autostart(argument: Option<&str>) -> io::Result<()> {
    let folders = Folders::from_environment().ok_or(io::ErrorKind::NotFound)?;
    set_autostart(&folders, &program()?, argument)
}

fn set_autostart(folders: &Folders, program: &Path, argument: Option<&str>) -> io::Result<()> {
    let file = folders.autostart();
    match argument {
        Some(argument) => put(&file, at_login(program, argument).as_bytes()).map(|_| ()),
        None => match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        },
    }
}

/// Writes the entry and its icon. Answers whether anything changed.
fn write(folders: &Folders, program: &Path) -> io::Result<bool> {
    let name = format!("applications/{APP_ID}.desktop");
    if folders.system_data.iter().any(|dir| dir.join(&name).is_file()) {
        return Ok(false);
    }
    put(&folders.icon(), ICON)?;
    put(&folders.entry(), here(program).as_bytes())
}

/// The program as a user would start it again.
fn program() -> io::Result<PathBuf> {
    let folder = |name| env::var_os(name).map(PathBuf::from);
    let program = start_of(env::current_exe()?, folder("APPIMAGE"), folder("APPDIR"));
    // A line break would end the `Exec` line and begin another key.
    if program.to_string_lossy().chars().any(char::is_control) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidFilename,
            "the program's path has control characters",
        ));
    }
    Ok(program)
}

/// An `AppImage` is mounted somewhere else each time, so its own file is what can be started again. All that is started from
/// another `AppImage`, such as an editor's terminal, has the same variables: they count where we lie in the mounted folder.
fn start_of(own: PathBuf, image: Option<PathBuf>, mounted: Option<PathBuf>) -> PathBuf {
    match (image, mounted) {
        (Some(image), Some(mounted)) if own.starts_with(&mounted) => image,
        (Some(_) | None, _) => own,
    }
}

/// The entry of a program that is where no path leads.
fn here(program: &Path) -> String {
    let quoted = quoted(&program.to_string_lossy());
    let lines = ENTRY.lines().map(|line| match line.split_once("=clawtray") {
        Some(("Exec", arguments)) => format!("Exec={quoted}{arguments}\n"),
        Some(("TryExec", _)) => format!("TryExec={}\n", escaped(&program.to_string_lossy())),
        Some(_) | None => format!("{line}\n"),
    });
    lines.collect()
}

/// The entry that starts the program with the session, and is left alone once there is no program.
fn at_login(program: &Path, argument: &str) -> String {
    let program = program.to_string_lossy();
    format!(
        "[Desktop Entry]\nType=Application\nName=Clawtray\nComment=The OpenClaw gateway in your system tray\n\
         Exec={} {argument}\nTryExec={}\nIcon={APP_ID}\nTerminal=false\n",
        quoted(&program),
        escaped(&program)
    )
}

/// A value of an entry, after the desktop entry specification.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\")
}

/// A word of an `Exec` line, after the desktop entry specification: quoted for the command, then escaped for the string.
fn quoted(word: &str) -> String {
    let mut quoted = String::from("\"");
    for character in word.chars() {
        match character {
            '"' | '`' | '$' => quoted.extend(["\\\\", character.encode_utf8(&mut [0; 4])]),
            '\\' => quoted.push_str("\\\\\\\\"),
            '%' => quoted.push_str("%%"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Writes a file whole or not at all. Answers whether it is another than before.
fn put(file: &Path, contents: &[u8]) -> io::Result<bool> {
    if fs::read(file).is_ok_and(|known| known == contents) {
        return Ok(false);
    }
    let folder = file.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let half = file.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&half, contents)
        .and_then(|()| fs::rename(&half, file))
        .inspect_err(|_| {
            // The first error is what counts.
            let _ = fs::remove_file(&half);
        })?;
    Ok(true)
}

/// Tells the desktop who opens `clawtray://` links. The tools may be missing; then its next look finds the entry.
fn register_links(folders: &Folders) {
    let entry = format!("{APP_ID}.desktop");
    let applications = folders.data.join("applications");
    run(Command::new("update-desktop-database").arg(applications));
    run(Command::new("xdg-mime").args(["default", &entry, LINKS]));
}

fn run(command: &mut Command) {
    let ended = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !ended.is_ok_and(|status| status.success()) {
        tracing::debug!(program = ?command.get_program(), "links may need a new session");
    }
}
