//! Ctrl+C and other signals that end a command.

use crate::exit::Outcome;

/// Ctrl+C (SIGINT) and SIGTERM.
pub(crate) struct Interrupt {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
    pub(crate) was_pressed: bool,
}

impl Interrupt {
    pub(crate) fn new() -> Outcome<Self> {
        Ok(Self {
            #[cfg(unix)]
            signals: {
                use tokio::signal::unix::{SignalKind, signal};
                [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?]
            },
            was_pressed: false,
        })
    }

    #[cfg(unix)]
    /// Resolves when it is pressed; from the first call on, the system's own answer to it is off.
    pub(crate) async fn pressed(&mut self) {
        let [interrupt, terminate] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        self.was_pressed = true;
    }

    #[cfg(not(unix))]
    /// Resolves when it is pressed; from the first call on, the system's own answer to it is off.
    pub(crate) async fn pressed(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
        self.was_pressed = true;
    }
}
