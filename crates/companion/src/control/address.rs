use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// Where the control socket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The folder that only its owner can enter.
    pub dir: PathBuf,
    /// The socket in it; on Windows the pipe's name.
    pub socket: PathBuf,
}

/// The socket of this user's app, in `XDG_RUNTIME_DIR`. Where that is not set (cron, `su`), it is the folder that logind
/// makes for the user, else one in the user's own cache: in a folder for everybody, somebody else could take the name first.
/// With `CLAWTRAY_DATA_DIR` set it is one of its own, so that an app with moved data is another app.
///
/// # Errors
/// There is no folder that is the user's own.
pub fn address() -> io::Result<Address> {
    from_env(
        |name| std::env::var_os(name).filter(|value| !value.is_empty()),
        Path::is_dir,
    )
}

pub(super) fn from_env(
    var: impl Fn(&str) -> Option<OsString>,
    #[cfg_attr(not(unix), expect(unused_variables, reason = "pipes live in no folder"))]
    is_folder: impl Fn(&Path) -> bool,
) -> io::Result<Address> {
    let name = match var("CLAWTRAY_DATA_DIR") {
        Some(data) => format!("control-{:016x}", fnv1a(absolute(Path::new(&data)))),
        None => "control".to_owned(),
    };
    #[cfg(unix)]
    {
        let logind =
            || Some(PathBuf::from(format!("/run/user/{}", user()))).filter(|folder| is_folder(folder));
        let cache = || {
            let named = var("XDG_CACHE_HOME").map(PathBuf::from);
            named.or_else(|| Some(PathBuf::from(var("HOME")?).join(".cache")))
        };
        let parent = var("XDG_RUNTIME_DIR").map(PathBuf::from);
        let parent = parent.or_else(logind).or_else(cache).ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, "neither XDG_RUNTIME_DIR nor HOME is set")
        })?;
        let dir = parent.join("clawtray");
        let socket = dir.join(format!("{name}.sock"));
        Ok(Address { dir, socket })
    }
    #[cfg(not(unix))]
    {
        let user = var("USERNAME").unwrap_or_default();
        let user = user.to_string_lossy().to_lowercase();
        let socket = PathBuf::from(format!(
            r"\\.\pipe\clawtray-{:016x}-{name}",
            fnv1a(user.as_bytes())
        ));
        Ok(Address {
            dir: PathBuf::new(),
            socket,
        })
    }
}

fn absolute(path: &Path) -> Vec<u8> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.to_string_lossy().into_owned().into_bytes()
}

/// A name from a path, not a secret: FNV-1a is enough and the same in every build.
fn fnv1a(bytes: impl AsRef<[u8]>) -> u64 {
    bytes.as_ref().iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(unix)]
pub(super) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

impl Address {
    /// Makes the folder, for this user alone.
    ///
    /// # Errors
    /// It cannot be made, or belongs to somebody else.
    #[cfg(unix)]
    pub fn prepare(&self) -> io::Result<()> {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)?;
        let metadata = std::fs::symlink_metadata(&self.dir)?;
        if metadata.permissions().mode() & 0o077 != 0 && owned(&metadata) && metadata.is_dir() {
            std::fs::set_permissions(&self.dir, std::fs::Permissions::from_mode(0o700))?;
        }
        self.check()
    }

    /// The file that the app holds a lock on for as long as it lives. It stays: a lock on a file that is gone from its place
    /// would be nobody's.
    #[cfg(unix)]
    pub(super) fn lock(&self) -> io::Result<std::fs::File> {
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = std::fs::File::options();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        options.open(self.socket.with_extension("lock"))
    }

    /// Checks that the folder is a real one, of this user, and closed to everybody else: anybody who could put a socket
    /// there could read what is sent to it.
    ///
    /// # Errors
    /// It is not there or not safe.
    #[cfg(unix)]
    pub fn check(&self) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let metadata = std::fs::symlink_metadata(&self.dir)?;
        if metadata.is_dir() && owned(&metadata) && metadata.permissions().mode() & 0o077 == 0 {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("other users have access to {}", self.dir.display()),
        ))
    }

    /// Nothing to make: pipes live in no folder.
    ///
    /// # Errors
    /// Never.
    #[cfg(not(unix))]
    pub fn prepare(&self) -> io::Result<()> {
        Ok(())
    }

    /// Nothing to check: pipes live in no folder.
    ///
    /// # Errors
    /// Never.
    #[cfg(not(unix))]
    pub fn check(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(unix)]
fn owned(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(metadata) == user()
}
