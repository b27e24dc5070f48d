//! The control socket: `clawctl`, key bindings and status bars reach the running app through it.
//!
//! It is a Unix socket in a folder that only its owner can enter, or a named pipe on Windows. Each
//! line is one JSON object. [`Listener`] is the app's end and asks a [`Host`]. [`tell`] and
//! [`AppGateway`] are the ends of the command line.
//!
//! ```text
//! → {"id":1,"op":"toggle"}
//! ← {"id":1,"ok":true,"result":null}
//! → {"id":2,"op":"gateway","call":"ping"}
//! ← {"id":2,"ok":false,"error":{"code":"not-connected","message":"the gateway is not connected"}}
//! → {"id":3,"op":"watch"}
//! ← {"id":3,"event":{"type":"run",…}}
//! ```

mod address;
mod app_gateway;
mod client;
mod server;
mod wire;

#[cfg(test)]
mod tests;

pub use address::{Address, address};
pub use app_gateway::AppGateway;
pub use client::{TellError, tell};
pub use server::{BindError, Host, Listener};
pub use wire::{Action, AppStatus, GatewayCall, GatewayInfo, Line, Op, Question, Refusal};
