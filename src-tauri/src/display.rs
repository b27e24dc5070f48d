//! The end of the display is the end of the desktop session, and of this app: without the X server or the compositor there is
//! nowhere to show anything, and a new session starts an app of its own.

use std::{
    env, io,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, Interest},
    net::UnixStream,
    time::Instant,
};
use x11rb::{connection::Connection as _, rust_connection::RustConnection};

/// How long a compositor may be away: some are started again after a crash, behind the same socket.
const AWAY: Duration = Duration::from_secs(3);
/// Between looks whether it is back.
const LOOK: Duration = Duration::from_millis(250);

/// Calls `on_end` once the display is gone. A display that cannot be watched is not gone.
pub(crate) fn watch(on_end: impl FnOnce() + Send + 'static) {
    tokio::spawn(async move {
        // The toolkit goes to the X server, too, when the compositor that the environment names does not answer.
        let compositor = match socket() {
            Some(socket) if crate::environment::is_wayland() => UnixStream::connect(&socket)
                .await
                .ok()
                .map(|stream| (socket, stream)),
            Some(_) | None => None,
        };
        let watched = match compositor {
            Some((socket, stream)) => {
                compositor_gone(&socket, stream).await;
                Ok(())
            }
            None => x_server_gone().await,
        };
        match watched {
            Ok(()) => {
                tracing::warn!("the display is gone: the session has ended");
                on_end();
            }
            Err(error) => tracing::warn!(%error, "the display is not watched"),
        }
    });
}

/// The compositor's socket, after libwayland's `wl_display_connect`.
fn socket() -> Option<PathBuf> {
    let name = env::var_os("WAYLAND_DISPLAY").filter(|name| !name.is_empty())?;
    let name = Path::new(&name);
    if name.is_absolute() {
        return Some(name.to_owned());
    }
    Some(Path::new(&env::var_os("XDG_RUNTIME_DIR")?).join(name))
}

/// Holds a connection on which nothing is asked for, until it ends and no other can be made.
async fn compositor_gone(socket: &Path, mut stream: UnixStream) {
    let mut bytes = [0; 256];
    loop {
        while matches!(stream.read(&mut bytes).await, Ok(read) if read > 0) {}
        let end = Instant::now() + AWAY;
        stream = loop {
            tokio::time::sleep(LOOK).await;
            match UnixStream::connect(socket).await {
                Ok(again) => break again,
                Err(_) if Instant::now() < end => {}
                Err(_) => return,
            }
        };
    }
}

/// Holds a connection until the server ends it. An X server takes all its programs with it, so no other is looked for.
async fn x_server_gone() -> anyhow::Result<()> {
    let server = tokio::task::spawn_blocking(|| RustConnection::connect(None))
        .await??
        .0;
    // The same socket once more, for the runtime to wait on. It does not block already.
    let socket = server.stream().as_fd().try_clone_to_owned()?;
    let socket = UnixStream::from_std(socket.into())?;
    loop {
        socket.readable().await?;
        let read = socket.try_io(Interest::READABLE, || {
            match server.poll_for_event() {
                Ok(Some(_)) => Ok(()),
                // Read until there is nothing more.
                Ok(None) => Err(io::ErrorKind::WouldBlock.into()),
                Err(_) => Err(io::ErrorKind::ConnectionAborted.into()),
            }
        });
        if read.is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UnixListener;

    #[tokio::test]
    async fn a_compositor_that_is_started_again_has_not_ended_the_session() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("wayland-1");
        let listener = UnixListener::bind(&socket).unwrap();
        let stream = UnixStream::connect(&socket).await.unwrap();
        let path = socket.clone();
        let gone = tokio::spawn(async move { compositor_gone(&path, stream).await });
        // Its end, and its start behind the same socket.
        drop(listener.accept().await.unwrap());
        drop(listener);
        std::fs::remove_file(&socket).unwrap();
        let listener = UnixListener::bind(&socket).unwrap();
        let (again, _) = listener.accept().await.unwrap();
        assert!(!gone.is_finished());
        // Its end for good.
        drop((again, listener));
        tokio::time::timeout(AWAY * 10, gone).await.unwrap().unwrap();
    }
}
