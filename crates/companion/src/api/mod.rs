//! The interface to the windows: requests go in; one snapshot and then patches come out.
//!
//! Every type here is plain data. `ts-rs` generates TypeScript for it in `ui/src/api/`, and a test
//! fails if the two differ. Times are milliseconds since the epoch, as JSON numbers.

#[cfg(test)]
mod drift;
mod error;
mod permission;
mod request;
mod update;
mod view;

pub use crate::ids::{GatewayId, SessionRef};
pub use error::*;
pub use permission::Permission;
pub use request::*;
pub use update::*;
pub use view::*;
