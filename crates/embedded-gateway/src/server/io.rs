//! A socket that gives up on peers that stop reading. It can still send a refusal after the HTTP
//! layer gave up.

use super::door::Place;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// One side of a shared socket.
#[derive(Debug)]
pub(crate) struct PatientSocket {
    stream: Arc<TcpStream>,
    /// Bytes of a request that came in since the last byte went out.
    unanswered: Arc<AtomicU64>,
    write_limit: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    /// Its place among the connections that may be open, for as long as it lives, also as a WebSocket.
    _place: Place,
}

/// What is kept beside the HTTP layer.
#[derive(Debug)]
pub(crate) struct SocketRest {
    stream: Arc<TcpStream>,
    unanswered: Arc<AtomicU64>,
}

impl PatientSocket {
    pub(crate) fn new(stream: Arc<TcpStream>, write_limit: Duration, place: Place) -> (Self, SocketRest) {
        let _ = stream.set_nodelay(true);
        let unanswered = Arc::new(AtomicU64::new(0));
        let rest = SocketRest {
            stream: stream.clone(),
            unanswered: unanswered.clone(),
        };
        (
            Self {
                stream,
                unanswered,
                write_limit,
                stalled: None,
                _place: place,
            },
            rest,
        )
    }
}

impl SocketRest {
    /// Whether a request had begun and was not answered.
    pub(crate) fn owes_answer(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) > 0
    }

    /// Writes a last answer, as far as the socket takes it at once.
    pub(crate) fn say(&self, answer: &[u8]) {
        let _ = self.stream.try_write(answer);
    }
}

impl AsyncRead for PatientSocket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            let room = buf.initialize_unfilled();
            match self.stream.try_read(room) {
                Ok(n) => {
                    buf.advance(n);
                    self.unanswered.fetch_add(n as u64, Ordering::Relaxed);
                    return Poll::Ready(Ok(()));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
    }
}

impl AsyncWrite for PatientSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.stream.poll_write_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Pending => {
                    let limit = self.write_limit;
                    let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(limit)));
                    ready!(stalled.as_mut().poll(cx));
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
            match self.stream.try_write(data) {
                Ok(n) => {
                    self.stalled = None;
                    self.unanswered.store(0, Ordering::Relaxed);
                    return Poll::Ready(Ok(n));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The last handle that goes closes the socket.
        Poll::Ready(Ok(()))
    }
}
