//! Decides which large frames need only their start and end.
//!
//! The gateway repeats the whole text in every delta, in `chat` and in `agent`. If the frame's
//! length shows that the text grew by exactly the added piece, the middle holds nothing new.

use super::{Now, Phase, Session};
use crate::GatewayEvent;
use clawtray_gateway_protocol::event::{Beginning, ChatEvent, beginning, delta_ends};
use clawtray_gateway_protocol::frame;
use std::ops::RangeInclusive;

/// Bytes of the end of a frame that are looked at: its number stands there, in front of it the end of the text.
const TAIL: usize = 512;
/// What stands behind the text of a delta has some hundred bytes. Where more or less is left for it, the text did not just
/// grow, and is read.
const BEHIND: RangeInclusive<usize> = 16..=TAIL;

/// How much of a large text frame is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// All of it.
    Whole,
    /// More of its beginning, to say.
    More,
    /// Its ends.
    Ends {
        /// Bytes of its beginning.
        head: usize,
        /// Bytes of its end.
        tail: usize,
    },
}

impl Session {
    /// How much of a text frame of `len` bytes is wanted, by its first bytes. Everything in front of it has been given to
    /// [`Self::on_text`] or [`Self::on_ends`].
    #[must_use]
    pub fn reading(&self, head: &[u8], len: usize) -> Reading {
        if !self.reads_ends || !matches!(self.phase, Phase::Ready(_)) {
            return Reading::Whole;
        }
        match beginning(head) {
            Beginning::Assistant => Reading::Ends {
                head: frame::AGENT_EVENT,
                tail: TAIL.min(len.saturating_sub(frame::AGENT_EVENT)),
            },
            Beginning::Delta { run, added, head } => {
                let known = self.runs.raw_bytes(run);
                let text = known.and_then(|known| head.checked_add(known)?.checked_add(added));
                let behind = text.and_then(|text| len.checked_sub(text));
                match behind {
                    Some(behind) if BEHIND.contains(&behind) => Reading::Ends {
                        head,
                        tail: TAIL.min(len.saturating_sub(head)),
                    },
                    Some(_) | None => Reading::Whole,
                }
            }
            Beginning::Short => Reading::More,
            Beginning::Other => Reading::Whole,
        }
    }

    /// The ends of a text frame arrived, as [`Self::reading`] wanted them; `skipped` bytes between them were not read.
    pub fn on_ends(&mut self, now: Now, head: &[u8], skipped: usize, tail: &[u8]) {
        self.on_heard(now);
        if frame::is_agent_event(head) {
            if let Some(seq) = frame::trailing_seq(tail) {
                self.follow(Some(seq));
                return;
            }
        } else if let Some(parts) = delta_ends(head, skipped, tail)
            && let Ok(mut event) = serde_json::from_str::<ChatEvent<'_>>(&parts.head)
        {
            event.whole = self.runs.whole(&event, &parts);
            if event.whole.is_some() || self.runs.is_repetition(&event) {
                self.on_chat(event, Some(parts.seq));
            } else {
                // A few bytes are missing. The next delta repairs them, or an earlier request for the text.
                self.follow(Some(parts.seq));
                self.runs.forget_length(&event.run_id);
                self.emit(GatewayEvent::Resync);
            }
            return;
        }
        // This gateway lays its frames out in another way: they are read whole from now on.
        tracing::debug!(skipped, "a frame whose ends do not tell it all");
        self.reads_ends = false;
        self.emit(GatewayEvent::Resync);
    }
}
