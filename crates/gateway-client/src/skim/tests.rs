//! Feeds bytes in pieces of any size and checks the output.

use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;

/// A transport on which bytes come in these pieces, with a pause after each.
#[derive(Debug)]
struct Pieces {
    pieces: VecDeque<Vec<u8>>,
    pause: bool,
}

impl Transport for Pieces {}

impl AsyncRead for Pieces {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.pause = !this.pause;
        if this.pause {
            return Poll::Pending;
        }
        let Some(mut piece) = this.pieces.pop_front() else {
            return Poll::Ready(Ok(()));
        };
        let rest = piece.split_off(piece.len().min(out.remaining()));
        out.put_slice(&piece);
        if !rest.is_empty() {
            this.pieces.push_front(rest);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What came out.
#[derive(Debug, PartialEq)]
enum Out {
    Bytes(Vec<u8>),
    Ends(Vec<u8>, usize, Vec<u8>),
}

/// Bytes that come one after the other are one.
fn push(all: &mut Vec<Out>, bytes: &[u8]) {
    match all.last_mut() {
        Some(Out::Bytes(before)) => before.extend_from_slice(bytes),
        Some(Out::Ends(..)) | None => all.push(Out::Bytes(bytes.to_vec())),
    }
}

/// Everything that a reader gets who reads so many bytes at a time.
fn read(stream: &[u8], pieces: &[usize], room: usize, reading: impl Fn(&[u8], usize) -> Reading) -> Vec<Out> {
    let mut cut = VecDeque::new();
    let (mut rest, mut sizes) = (stream, pieces.iter().cycle());
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at((*sizes.next().expect("a size")).min(rest.len()));
        cut.push_back(piece.to_vec());
        rest = behind;
    }
    let mut skimmer = Skimmer::new(Box::new(Pieces {
        pieces: cut,
        pause: false,
    }));
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let mut all = Vec::new();
    loop {
        let mut bytes = vec![0; room];
        let mut out = ReadBuf::new(&mut bytes);
        match Pin::new(&mut skimmer).poll_read(&mut cx, &mut out) {
            Poll::Ready(Ok(())) if out.filled().is_empty() => return all,
            Poll::Ready(result) => {
                result.expect("these pieces do not fail");
                push(&mut all, out.filled());
            }
            Poll::Pending => {
                if let Some((head, len)) = skimmer.beginning() {
                    let wanted = reading(head, len);
                    skimmer.want(wanted);
                } else if let Some(ends) = skimmer.take_ends() {
                    let (head, tail) = ends.parts();
                    all.push(Out::Ends(head.to_vec(), ends.skipped, tail.to_vec()));
                }
            }
        }
    }
}

const UPGRADE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\r\r\n\r\n";

/// A frame; its first byte says what a reader wants of it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(len @ ..126), _) => frame.push(len),
        (_, Ok(len)) => {
            frame.push(126);
            frame.extend(len.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

const HEAD: usize = 1_000;
const TAIL: usize = 300;

fn by_the_first_byte(head: &[u8], _: usize) -> Reading {
    match head.first() {
        Some(b'e') if head.len() < HEAD => Reading::More,
        Some(b'e') => Reading::Ends {
            head: HEAD,
            tail: TAIL,
        },
        Some(b'm') => Reading::More,
        Some(b'x') => Reading::Ends {
            head: 1,
            tail: usize::MAX - 1,
        },
        Some(_) | None => Reading::Whole,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// However the bytes come and are read: what is not wanted whole comes as its ends, in its place, everything else as
    /// it is.
    #[test]
    fn all_but_the_middle_comes_out(
        frames in prop::collection::vec(
            (
                prop::sample::select(vec![TEXT, 0x82, 0x01, 0x80, 0x89]),
                prop::sample::select(b"emxw".to_vec()),
                prop::sample::select(vec![0_usize, 1, 125, 126, 5_000, LARGE - 1, LARGE, LARGE + 1, 65_535, 65_536, 90_000]),
            ),
            0..8,
        ),
        pieces in prop::collection::vec(prop::sample::select(vec![1_usize, 2, 7, 900, 4_096, 40_000]), 1..6),
        room in prop::sample::select(vec![1_usize, 11, 4_096, 16_384]),
    ) {
        // Thousands of pieces of a byte each say no more than some.
        let slow = pieces.iter().all(|piece| *piece < 900) || room < 4_096;
        let mut stream = UPGRADE.to_vec();
        let mut expected = vec![Out::Bytes(UPGRADE.to_vec())];
        for (opcode, kind, len) in frames.into_iter().take(if slow { 2 } else { 8 }) {
            let mut payload: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            if let Some(first) = payload.first_mut() {
                *first = kind;
            }
            let frame = frame(opcode, &payload);
            if opcode == TEXT && kind == b'e' && len >= LARGE {
                let (head, rest) = payload.split_at(HEAD);
                let (middle, tail) = rest.split_at(rest.len() - TAIL);
                expected.push(Out::Ends(head.to_vec(), middle.len(), tail.to_vec()));
            } else {
                push(&mut expected, &frame);
            }
            stream.extend(frame);
        }
        prop_assert!(read(&stream, &pieces, room, by_the_first_byte) == expected, "something else came out");
    }

    /// What is cut off is handed on as far as it came, but for a middle that nobody wanted.
    #[test]
    fn a_stream_may_end_anywhere(end in 0_usize..(UPGRADE.len() + 2 * LARGE)) {
        let mut payload = vec![b'm'; LARGE];
        let mut stream = UPGRADE.to_vec();
        stream.extend(frame(TEXT, &payload));
        payload.fill(b'e');
        stream.extend(frame(TEXT, &payload));
        let whole = stream.len();
        stream.truncate(end);
        let got = read(&stream, &[4_096], 4_096, by_the_first_byte);
        let handed_on = got.iter().map(|out| match out {
            Out::Bytes(bytes) => bytes.len(),
            Out::Ends(..) => 0,
        });
        let in_the_last = end.saturating_sub(UPGRADE.len() + 4 + LARGE);
        let skipped = if in_the_last >= 4 + HEAD { in_the_last } else { 0 };
        prop_assert_eq!(handed_on.sum::<usize>(), end - skipped, "of {}", whole);
    }
}

#[test]
fn an_answer_that_is_no_upgrade_is_handed_on() {
    for answer in [
        &b"HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nnot found"[..],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x81",
        b"",
    ] {
        let got = read(answer, &[3], 64, by_the_first_byte);
        let bytes: Vec<Out> = if answer.is_empty() {
            Vec::new()
        } else {
            vec![Out::Bytes(answer.to_vec())]
        };
        assert_eq!(got, bytes);
    }
}
