//! One connection to one OpenClaw gateway.
//!
//! [`Gateway`] is what the rest of the house sees; the WebSocket client and the HTTP dialects implement it.

pub mod gateway;

pub use clawtray_gateway_protocol as protocol;
pub use gateway::*;
