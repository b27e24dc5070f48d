//! One connection to one OpenClaw gateway.
//!
//! The rest of the workspace uses the trait [`Gateway`]. [`Client`] implements it for the WebSocket
//! protocol, and [`HttpGateway`] for the HTTP dialects. [`connect`] detects which of them a gateway
//! speaks.
//!
//! ```no_run
//! use clawtray_gateway_client::{Client, ClientConfig, ConnectionState, Credentials, DeviceIdentity};
//! use clawtray_gateway_client::{Gateway, GatewayEvent, Prompt, RunStep};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = ClientConfig::new("ws://127.0.0.1:18789", Credentials::token("the gateway's token"))
//!     // Store it: a gateway pairs with the device, not with the program.
//!     .with_identity(DeviceIdentity::generate());
//! let client = Client::connect(config);
//! let mut events = client.events();
//! client.state().wait_for(|state| matches!(state, ConnectionState::Ready(_))).await?;
//!
//! let prompt = Prompt {
//!     session: "agent:main:main".into(),
//!     text: "hello".to_owned(),
//!     idempotency_key: "unique-per-prompt".to_owned(),
//!     thinking: None,
//!     attachments: Vec::new(),
//!     timeout_ms: None,
//! };
//! let ack = client.send(prompt).await?;
//! while let Some(event) = events.recv().await {
//!     let GatewayEvent::Run(event) = event else { continue };
//!     if event.run != ack.run_id {
//!         continue;
//!     }
//!     match event.step {
//!         RunStep::Delta { text, .. } => { /* show it */ }
//!         RunStep::Final { message, .. } => break,
//!         RunStep::Aborted { .. } | RunStep::Error { .. } => break,
//!         RunStep::Status { .. } | RunStep::Thinking { .. } | RunStep::Tool { .. } => {}
//!     }
//! }
//! client.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! For typed methods beyond the trait, use [`Client::call`] with the types of [`protocol::method`].

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods)] // But for the session core, below.

mod client;
mod config;
mod delta;
mod dial;
mod driver;
mod endpoint;
mod fanout;
pub mod gateway;
mod http;
mod identity;
mod native;
mod proxy;
mod resolve;
mod secret;
#[deny(clippy::disallowed_methods)]
pub mod session;
mod size;
mod skim;
mod supervisor;
mod tls;
mod tunnel;
mod whole;

pub use clawtray_gateway_protocol as protocol;
pub use client::Client;
pub use config::{ClientConfig, Credentials, IssuedToken, PLATFORM, SECRET_VARIABLES, WallClock};
pub use delta::SessionDelta;
pub use dial::{Dialer, Transport};
pub use driver::Tables;
pub use endpoint::{Endpoint, Tunnel};
pub use gateway::*;
pub use http::{Detected, Dialect, HttpGateway, Protocol, UnknownProtocol, WebhookConfig, connect};
pub use identity::DeviceIdentity;
pub use secret::Secret;
pub use whole::{complete, whole_message};
