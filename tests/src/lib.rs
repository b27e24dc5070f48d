//! Tests of the whole product: real gateway, real desktop session.
//!
//! The suites are in `suites/`. This library has what they share: stand-ins for the parts of a
//! desktop that the app reaches over D-Bus, a driver for its webview, and the app itself.

#![forbid(unsafe_code)]

pub mod app;
pub mod canary;
pub mod figures;
pub mod host_ports;
pub mod leaks;
pub mod live;
pub mod notifications;
pub mod packages;
pub mod portal;
pub mod stage;
pub mod tray;
pub mod waiting;
pub mod webview;
pub mod window_host;

pub use app::App;
pub use live::Live;
pub use notifications::NotificationDaemon;
pub use stage::Stage;
pub use tray::TrayHost;
pub use webview::Webview;
pub use window_host::WindowHost;
