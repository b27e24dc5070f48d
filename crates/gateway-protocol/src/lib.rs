//! Wire types of the OpenClaw gateway's WebSocket protocol, versions 3 and 4.
//!
//! This crate does no I/O, reads no clock and holds no policy. Reading is lenient: unknown fields
//! and events survive. Writing is strict, because the gateway refuses unknown properties.
//!
//! The contract is the JSON Schema in the npm package `@openclaw/gateway-protocol`. Where the
//! running gateway differs, the running gateway wins, and the doc comment says so.

#![forbid(unsafe_code)]

pub mod bounds;
pub mod close;
pub mod content;
pub mod error;
pub mod event;
pub mod frame;
pub mod handshake;
pub mod ids;
mod lenient;
pub mod method;
pub mod session;
pub mod thinking;

pub use close::CloseCode;
pub use content::{ContentPart, Cut, Message, MessageMeta, Role};
pub use error::GatewayError;
pub use ids::{AgentId, ApprovalId, DeviceId, MessageId, RunId, SessionKey};
pub use method::{Method, Scope};
pub use session::SessionRow;
