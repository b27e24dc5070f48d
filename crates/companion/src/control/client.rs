use super::{Address, Line, Op, Question, Refusal};
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Write};
use std::time::Duration;

/// Why the running app did not do it.
#[derive(Debug, thiserror::Error)]
pub enum TellError {
    /// It is not running.
    #[error("the app is not running")]
    NotRunning,
    /// It said no.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The socket broke, or is not private to this user.
    #[error("the app's control socket: {0}")]
    Io(#[from] io::Error),
}

/// Asks the running app for one thing and waits for the answer, without a runtime: a key binding has no time for one.
///
/// # Errors
/// The app is not running, says no, or does not answer within `limit`.
pub fn tell(address: &Address, op: Op, limit: Duration) -> Result<Value, TellError> {
    let mut stream = connect(address, limit)?;
    let mut line = serde_json::to_vec(&Question { id: 1, op }).map_err(io::Error::from)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    match serde_json::from_str(&answer) {
        Ok(Line::Answer { ok: true, result, .. }) => Ok(result),
        Ok(Line::Answer { error, .. }) => Err(TellError::Refused(Box::new(error.unwrap_or_default()))),
        Ok(Line::Event { .. }) => Err(io::Error::from(io::ErrorKind::InvalidData).into()),
        Err(_) if answer.is_empty() => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        Err(error) => Err(io::Error::from(error).into()),
    }
}

#[cfg(unix)]
fn connect(address: &Address, limit: Duration) -> Result<std::os::unix::net::UnixStream, TellError> {
    running(address.check())?;
    let stream = running(std::os::unix::net::UnixStream::connect(&address.socket))?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    Ok(stream)
}

#[cfg(not(unix))]
fn connect(address: &Address, _limit: Duration) -> Result<std::fs::File, TellError> {
    running(
        std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&address.socket),
    )
}

/// Nobody there is an answer of its own.
pub(super) fn running<T>(result: io::Result<T>) -> Result<T, TellError> {
    result.map_err(|error| {
        if matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
        ) {
            TellError::NotRunning
        } else {
            TellError::Io(error)
        }
    })
}
