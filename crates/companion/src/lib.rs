//! The product without a screen: state, policy and storage behind ports.
//!
//! [`api`] is the interface to the windows and the command line. [`ports`] are the traits that a
//! desktop implements.

#![forbid(unsafe_code)]

pub mod api;
pub mod app;
pub mod approval;
pub mod connect;
pub mod connection;
pub mod control;
pub mod core_dumps;
pub mod discovery;
mod file;
pub mod identity;
pub mod ids;
pub mod nearby;
pub mod notify_policy;
pub mod outbox;
pub mod paths;
pub mod ports;
pub mod profiles;
pub mod request_error;
pub mod sessions;
pub mod settings;
pub mod silence;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
pub mod transcript;
pub mod tray_model;
pub mod words;

pub use clawtray_gateway_client as gateway;
