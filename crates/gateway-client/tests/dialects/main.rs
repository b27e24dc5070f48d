//! The HTTP dialects against stand-ins: raw answers, written down from the write-ups' own examples, so that nothing of
//! the embedded gateway's reading of them is in the way.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

mod detection;
mod rows;
mod stand_in;
mod trouble;
mod webhooks;
