//! The test bench: a real gateway from npm, a scripted model behind it, and a virtual desktop
//! session.
//!
//! Everything here blocks and uses std threads, so any style of test can use it. Each started
//! process lives in its own process group. It ends when its owner is dropped, or when the process
//! that started it ends in any way.

#![forbid(unsafe_code)]

pub mod desktop;
mod error;
mod guardian;
#[cfg(feature = "hostile-gateway")]
pub mod hostile_gateway;
mod http;
pub mod process;
pub mod real_gateway;
mod relay;
mod scratch;
pub mod scripted_model;

pub use desktop::{Desktop, DesktopConfig, Keyring};
pub use error::{Context, Error, Result};
pub use http::get_status;
pub use process::Running;
pub use real_gateway::{GatewayConfig, RealGateway};
pub use relay::Relay;
pub use scratch::Scratch;
pub use scripted_model::ScriptedModel;
