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

/// The socket of this user's app: in `XDG_RUNTIME_DIR`, else below the temporary folder. With `CLAWTRAY_DATA_DIR` set
/// it is one of its own, so that an app with moved data is another app.
///
/// # Errors
/// The user cannot be told.
pub fn address() -> io::Result<Address> {
    from_env(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
}

pub(super) fn from_env(var: impl Fn(&str) -> Option<OsString>) -> io::Result<Address> {
    let name = match var("CLAWTRAY_DATA_DIR") {
        Some(data) => format!("control-{:016x}", fnv1a(absolute(Path::new(&data)))),
        None => "control".to_owned(),
    };
    #[cfg(unix)]
    {
        let dir = match var("XDG_RUNTIME_DIR") {
            Some(runtime) => PathBuf::from(runtime).join("clawtray"),
            None => {
                let temporary = var("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
                temporary.join(format!("clawtray-{}", user()))
            }
        };
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
