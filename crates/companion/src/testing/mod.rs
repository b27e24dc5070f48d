//! Fakes for tests: a desk of ports that record, a gateway that does what a script says, and a mirror that applies
//! updates as a window does.

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
pub use gateway::FakeGateway;
pub use mirror::Mirror;
pub use stage::Stage;
