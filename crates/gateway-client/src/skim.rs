//! Skips the middle of large frames.
//!
//! The gateway repeats the whole text in every delta, twice. For a long reply this is most of the
//! traffic. A frame starts with its length (RFC 6455, 5.2). So the middle can be skipped if start
//! and end tell everything. On Linux the middle then never leaves the kernel.
//!
//! A [`Skimmer`] stands between a transport and the WebSocket. It passes small frames through
//! unchanged. For a large text frame it first shows the start to the reader. The reader then takes
//! the whole frame, which passes through as usual, or only its ends, which come out separately. The
//! skimmer knows frame boundaries and does not read the content.

use crate::dial::Transport;
use crate::session::Reading;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Smaller frames are read whole, because little could be skipped. Bytes.
const LARGE: usize = 4 * 1024;
/// Bytes of a large frame that are offered at first.
const BEGINNING: usize = 768;
/// Bytes of a large frame that are offered at most.
const BEGINNING_LIMIT: usize = 32 * 1024;
/// Bytes that are read at a time while frames are looked for.
const CHUNK: usize = 64 * 1024;
/// Bytes. A middle of at least this size is skipped in the transport, or read directly into the
/// reader's buffer.
const FAR: usize = 48 * 1024;
/// Bytes to read after a skipped middle: the end of the frame and the start of the next one. Another
/// large frame is likely to follow.
const NEAR: usize = 8 * 1024;
/// A final text frame without a mask.
const TEXT: u8 = 0x81;

/// The ends of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    bytes: Vec<u8>,
    head: usize,
    /// Bytes between them.
    pub(crate) skipped: usize,
}

impl Ends {
    /// Beginning and end.
    pub(crate) fn parts(&self) -> (&[u8], &[u8]) {
        self.bytes.split_at(self.head)
    }
}

/// Where in what comes we are.
#[derive(Debug)]
enum At {
    /// In the answer to the upgrade; so many bytes of the empty line at its end have come.
    Upgrade(usize),
    /// In front of a frame.
    Frame,
    /// In a frame that is handed on, so many bytes before its end.
    Passing(u64),
    /// At the beginning of a large text frame.
    Beginning {
        /// Bytes of its header.
        header: usize,
        /// Bytes of its payload.
        len: usize,
        /// Bytes of the payload to offer next.
        wanted: usize,
    },
    /// In the middle of one whose ends are wanted.
    Skipping {
        /// The ends so far.
        ends: Ends,
        /// Bytes to pass over.
        left: usize,
        /// Bytes of its end.
        tail: usize,
    },
    /// The peer is gone.
    Ended,
}

/// What keeps a [`Skimmer`] from handing on more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// The reader has no room.
    Room,
    /// Nothing more has come.
    Bytes,
    /// The reader has to look to the side.
    Attention,
}

/// A transport whose large frames need not be read whole.
pub(crate) struct Skimmer {
    wire: Box<dyn Transport>,
    /// What came and was not handed on is in `room`, from `start` to `end`.
    room: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes to read next.
    chunk: usize,
    at: At,
}

impl Skimmer {
    /// Before the upgrade.
    pub(crate) fn new(wire: Box<dyn Transport>) -> Self {
        Self {
            wire,
            room: Vec::new(),
            start: 0,
            end: 0,
            chunk: CHUNK,
            at: At::Upgrade(0),
        }
    }

    /// The beginning of a large text frame and the length of its payload, once everything in front of it was handed on.
    pub(crate) fn beginning(&self) -> Option<(&[u8], usize)> {
        let At::Beginning { header, len, wanted } = self.at else {
            return None;
        };
        let payload = self.held().get(header..)?;
        (payload.len() >= wanted).then(|| (payload.get(..len).unwrap_or(payload), len))
    }

    /// Says how much of the frame that was offered is wanted.
    pub(crate) fn want(&mut self, reading: Reading) {
        let At::Beginning { header, len, .. } = self.at else {
            return;
        };
        let held = self.held().len() - header;
        let whole = At::Passing((header + len) as u64);
        self.at = match reading {
            Reading::More if held < len.min(BEGINNING_LIMIT) => At::Beginning {
                header,
                len,
                wanted: (held * 2).min(len),
            },
            Reading::Ends { head, tail } if head <= held && head + tail <= len => {
                let bytes = self.held().get(header..header + head).unwrap_or_default();
                let mut kept = Vec::with_capacity(head + tail);
                kept.extend_from_slice(bytes);
                self.start += header + head;
                let skipped = len - head - tail;
                At::Skipping {
                    ends: Ends {
                        bytes: kept,
                        head,
                        skipped,
                    },
                    left: skipped,
                    tail,
                }
            }
            Reading::Whole | Reading::More | Reading::Ends { .. } => whole,
        };
    }

    /// The ends of a frame, once they have come.
    pub(crate) fn take_ends(&mut self) -> Option<Ends> {
        let At::Skipping { ends, left: 0, tail } = &mut self.at else {
            return None;
        };
        let rest = self.room.get(self.start..self.end)?.get(..*tail)?;
        ends.bytes.extend_from_slice(rest);
        self.start += *tail;
        let At::Skipping { ends, .. } = std::mem::replace(&mut self.at, At::Frame) else {
            return None;
        };
        Some(ends)
    }

    fn held(&self) -> &[u8] {
        self.room.get(self.start..self.end).unwrap_or_default()
    }

    /// Hands on what may be handed on.
    fn hand_on(&mut self, out: &mut ReadBuf<'_>) -> Need {
        loop {
            let held = self.room.get(self.start..self.end).unwrap_or_default();
            match &mut self.at {
                At::Upgrade(_) | At::Passing(_) | At::Ended if held.is_empty() => return Need::Bytes,
                At::Upgrade(_) | At::Passing(_) | At::Ended if out.remaining() == 0 => return Need::Room,
                At::Upgrade(matched) => {
                    let part = held.len().min(out.remaining());
                    let part = held.get(..part).unwrap_or_default();
                    let end = end_of_head(part, matched);
                    let part = end.and_then(|end| part.get(..end)).unwrap_or(part);
                    out.put_slice(part);
                    self.start += part.len();
                    if end.is_some() {
                        self.at = At::Frame;
                    }
                }
                At::Passing(left) => {
                    let part = held.len().min(out.remaining());
                    let part = usize::try_from(*left).map_or(part, |left| part.min(left));
                    out.put_slice(held.get(..part).unwrap_or_default());
                    *left -= part as u64;
                    self.start += part;
                    if *left == 0 {
                        self.at = At::Frame;
                    }
                }
                At::Ended => {
                    let part = held.len().min(out.remaining());
                    out.put_slice(held.get(..part).unwrap_or_default());
                    self.start += part;
                }
                At::Frame => match header(held) {
                    Some(at) => self.at = at,
                    None => return Need::Bytes,
                },
                At::Beginning { header, wanted, .. } => {
                    return if held.len() < *header + *wanted {
                        Need::Bytes
                    } else {
                        Need::Attention
                    };
                }
                At::Skipping { left, tail, .. } => {
                    let over = held.len().min(*left);
                    self.start += over;
                    *left -= over;
                    return if *left == 0 && held.len() - over >= *tail {
                        Need::Attention
                    } else {
                        Need::Bytes
                    };
                }
            }
        }
    }

    /// Takes in what came: past the frame that is skipped, into the reader's own buffer, or to be looked at. False at the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let Self {
            wire,
            room,
            start,
            end,
            chunk,
            at,
        } = self;
        match at {
            At::Skipping { left, .. } if *left >= FAR => {
                let over = ready!(wire.poll_discard(cx, *left))?;
                *left -= over;
                *chunk = NEAR;
                return Poll::Ready(Ok(over > 0));
            }
            At::Passing(left) if *left >= FAR as u64 && start == end => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX).min(out.remaining());
                let mut part = ReadBuf::new(out.initialize_unfilled_to(most));
                ready!(Pin::new(wire).poll_read(cx, &mut part))?;
                let came = part.filled().len();
                out.advance(came);
                *left -= came as u64;
                return Poll::Ready(Ok(came > 0));
            }
            At::Upgrade(_)
            | At::Frame
            | At::Passing(_)
            | At::Beginning { .. }
            | At::Skipping { .. }
            | At::Ended => {}
        }
        room.copy_within(*start..*end, 0);
        (*start, *end) = (0, *end - *start);
        // Both are set back as soon as there is no other such frame.
        let most = std::mem::replace(chunk, CHUNK);
        room.resize(room.len().max(*end + most), 0);
        let mut free = ReadBuf::new(room.get_mut(*end..*end + most).unwrap_or_default());
        let read = Pin::new(wire).poll_read(cx, &mut free);
        let came = free.filled().len();
        if read.is_pending() {
            *chunk = most;
        }
        *end += came;
        ready!(read)?;
        Poll::Ready(Ok(came > 0))
    }
}

/// Where the answer to the upgrade ends, if it does here.
fn end_of_head(bytes: &[u8], matched: &mut usize) -> Option<usize> {
    const END: &[u8] = b"\r\n\r\n";
    for (at, byte) in bytes.iter().enumerate() {
        *matched = match END.get(*matched) {
            Some(next) if next == byte => *matched + 1,
            _ if *byte == b'\r' => 1,
            _ => 0,
        };
        if *matched == END.len() {
            return Some(at + 1);
        }
    }
    None
}

/// What to do with a frame, by its header; nothing before that has come.
fn header(bytes: &[u8]) -> Option<At> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let masked = second & 0x80 != 0;
    let (header, len) = match second & 0x7f {
        126 => (4, u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        len => (2, u64::from(len)),
    };
    match usize::try_from(len) {
        Ok(len) if first == TEXT && !masked && (LARGE..=crate::driver::MAX_INCOMING).contains(&len) => {
            Some(At::Beginning {
                header,
                len,
                wanted: BEGINNING.min(len),
            })
        }
        Ok(_) | Err(_) => Some(At::Passing(
            len.saturating_add(header as u64 + if masked { 4 } else { 0 }),
        )),
    }
}

impl AsyncRead for Skimmer {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = out.filled().len();
        loop {
            let need = this.hand_on(out);
            if out.filled().len() > before || need == Need::Room {
                return Poll::Ready(Ok(()));
            }
            if need == Need::Attention {
                // No wake-up is needed: the poller checks the side output next.
                return Poll::Pending;
            }
            if !ready!(this.poll_fill(cx, out))? {
                // What there is of a frame that was cut off is the WebSocket's to judge, unless its middle is missing.
                let broken = matches!(this.at, At::Skipping { .. } | At::Ended);
                this.at = At::Ended;
                if broken || this.held().is_empty() {
                    this.start = this.end;
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl AsyncWrite for Skimmer {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().wire).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
