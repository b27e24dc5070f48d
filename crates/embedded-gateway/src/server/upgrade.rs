//! WebSockets: the answer to the request, and a reader that is frugal until the peer has said who it is.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// An open socket.
pub(crate) type Socket = WebSocketStream<Frugal<TokioIo<Upgraded>>>;

/// The longest head of a frame from a client, in bytes.
const HEAD_MAX: usize = 14;
/// How long a peer that is told off may go on sending.
const DISCARD_FOR: Duration = Duration::from_secs(1);

/// Answers a request for a WebSocket; the socket is there once the answer is out. `None` when it is no such request.
/// `message_max` and `greeting_max` are in bytes: the largest message, and all that a peer may send before
/// [`Frugal::trust`].
pub(crate) fn upgrade(
    request: Request,
    message_max: usize,
    greeting_max: Option<usize>,
) -> Option<(Response, impl Future<Output = Option<Socket>> + Send + 'static)> {
    let (mut parts, _) = request.into_parts();
    let upgrade = parts.extensions.remove::<OnUpgrade>()?;
    let answer = create_response(&axum::http::Request::from_parts(parts, ())).ok()?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(message_max))
        .max_frame_size(Some(message_max));
    let socket = async move {
        let stream = Frugal {
            inner: TokioIo::new(upgrade.await.ok()?),
            meter: greeting_max.map(Meter::new),
        };
        Some(WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await)
    };
    Some((answer.map(|()| Body::empty()), socket))
}

/// More was sent than a peer may send before it is trusted.
#[derive(Debug, thiserror::Error)]
#[error("the greeting is too large")]
pub(crate) struct TooLarge;

/// A stream that looks at the heads of WebSocket frames on their way in, and stops at the first byte of a frame that is
/// too large: nothing of it is kept in memory, whatever length it claims.
#[derive(Debug)]
pub(crate) struct Frugal<S> {
    inner: S,
    meter: Option<Meter>,
}

impl<S: AsyncRead + Unpin> Frugal<S> {
    /// From now on only the size of a message is limited.
    pub(crate) fn trust(&mut self) {
        self.meter = None;
    }

    /// Takes what still comes in and forgets it, so that the peer gets to read why it is told off.
    pub(crate) async fn discard(&mut self) {
        let reading = async {
            let mut rest = [0; 4096];
            while self.inner.read(&mut rest).await.is_ok_and(|n| n > 0) {}
        };
        let _ = tokio::time::timeout(DISCARD_FOR, reading).await;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Frugal<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        if let Some(meter) = &mut self.meter
            && let Err(error) = meter.take(buf.filled().get(before..).unwrap_or_default())
        {
            buf.set_filled(before);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Frugal<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Counts frames by what their heads claim.
#[derive(Debug)]
struct Meter {
    /// Bytes that may still come, heads and bodies.
    budget: u64,
    head: Vec<u8>,
    /// Bytes that are left of the body of the frame at hand.
    body: u64,
}

impl Meter {
    fn new(most: usize) -> Self {
        Self {
            budget: (most + HEAD_MAX) as u64,
            head: Vec::with_capacity(HEAD_MAX),
            body: 0,
        }
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<(), TooLarge> {
        while let Some((first, rest)) = bytes.split_first() {
            if self.body > 0 {
                let skipped = usize::try_from(self.body).unwrap_or(usize::MAX).min(bytes.len());
                self.body -= skipped as u64;
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            self.head.push(*first);
            bytes = rest;
            if let Some((head, body)) = lengths(&self.head) {
                let claimed = body.saturating_add(head as u64);
                self.budget = self.budget.checked_sub(claimed).ok_or(TooLarge)?;
                self.head.clear();
                self.body = body;
            }
        }
        Ok(())
    }
}

/// The lengths of a frame's head and body (RFC 6455, 5.2), once the head is whole.
fn lengths(head: &[u8]) -> Option<(usize, u64)> {
    let second = *head.get(1)?;
    let mask = if second & 0x80 != 0 { 4 } else { 0 };
    let (size, body) = match second & 0x7f {
        126 => (4, u64::from(u16::from_be_bytes(head.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(head.get(2..10)?.try_into().ok()?)),
        short => (2, u64::from(short)),
    };
    (head.len() >= size + mask).then_some((size + mask, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(body: usize, claimed: u64) -> Vec<u8> {
        let mut out = vec![0x81];
        match claimed {
            0..126 => out.push(0x80 | claimed as u8),
            126..65_536 => {
                out.push(0x80 | 126);
                out.extend((claimed as u16).to_be_bytes());
            }
            _ => {
                out.push(0x80 | 127);
                out.extend(claimed.to_be_bytes());
            }
        }
        out.extend([1, 2, 3, 4]);
        out.extend(vec![0x81; body]);
        out
    }

    fn take(bytes: &[u8], chunk: usize) -> bool {
        let mut meter = Meter::new(1_000);
        bytes.chunks(chunk).all(|piece| meter.take(piece).is_ok())
    }

    #[test]
    fn frames_are_counted_by_their_heads() {
        for chunk in [1, 3, 4_096] {
            assert!(take(&frame(1_000, 1_000), chunk));
            assert!(!take(&frame(0, 1_011), chunk), "the head alone says it");
            assert!(!take(&frame(0, u64::MAX), chunk));
            let fragments: Vec<u8> = (0..30).flat_map(|_| frame(100, 100)).collect();
            assert!(!take(&fragments, chunk), "many small ones are a large one");
            let empty: Vec<u8> = (0..1_000).flat_map(|_| frame(0, 0)).collect();
            assert!(!take(&empty, chunk), "so are empty ones");
        }
    }
}
