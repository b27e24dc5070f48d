//! Fakes for tests: ports that record calls, a scripted gateway, and a mirror that applies updates
//! like a window.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "only tests use these"
)]

mod desk;
mod gateway;
mod mirror;
mod stage;

pub use desk::{Bare, Desk};
pub use gateway::{FakeGateway, Held};
pub use mirror::Mirror;
pub use stage::Stage;
