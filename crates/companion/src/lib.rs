//! The product without a screen: state, policy and storage behind ports.
//!
//! [`api`] is what crosses to the windows and the command line; [`ports`] is what the system has to offer.

pub mod api;
pub mod control;
pub mod ports;
pub mod store;

pub use clawtray_gateway_client as gateway;
