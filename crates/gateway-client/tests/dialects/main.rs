//! The HTTP dialects against stand-ins with raw answers.
//!
//! The answers are copied from the examples of the write-ups. So the embedded gateway's reading of
//! the write-ups cannot hide a mistake here.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
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
