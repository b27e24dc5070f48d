//! What crosses to the windows: requests in, one snapshot and then patches out.
//!
//! Every type here is plain data, generated for TypeScript by `ts-rs` into `ui/src/api/` (a test fails on drift).
//! Times are milliseconds since the epoch as JSON numbers.

#[cfg(test)]
mod drift;
mod error;
mod request;
mod update;
mod view;

pub use error::*;
pub use request::*;
pub use update::*;
pub use view::*;
