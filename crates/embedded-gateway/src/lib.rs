//! A gateway inside the process, for the first run, for tests and for the local bridge.
//!
//! It speaks the gateway's own WebSocket protocol, so the client needs no special case. It keeps
//! its sessions in SQLite. [`AgentBackend`] chooses the agent that answers.

#![forbid(unsafe_code)]

mod agent;
mod backend;
mod bridge;
mod config_file;
mod core;
mod cron;
mod error;
mod http;
mod hub;
mod in_app;
pub mod keys;
mod local;
mod pairing;
mod rows;
mod runs;
mod server;
mod store;
mod time;
mod ws;

pub use agent::{AgentBackend, ModelServer};
pub use config_file::{ConfigFile, ConfigFileError};
pub use error::{StartError, StoreError};
pub use http::webhooks::Webhook;
pub use in_app::InApp;
pub use server::{Bridged, Config, EmbeddedGateway, Running};

use base64::Engine;
use rand::RngCore;

/// An agent of the gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentProfile {
    /// Its id, for example `main`.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Its emoji.
    pub emoji: Option<String>,
}

/// A fresh gateway token: 32 random bytes, base64url.
#[must_use]
pub fn random_token() -> String {
    let mut bytes = [0u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
