//! The gateway from outside: raw sockets, raw requests, and the client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod abuse;
mod bridge;
mod client;
mod common;
mod dialects;
mod keys;
mod model;
mod native;
mod webhooks;
