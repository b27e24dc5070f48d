//! Serves the HTTP APIs for scripts on 127.0.0.1 while the setting is on. The active gateway
//! carries out the calls.

use super::{App, Then, Timer};
use crate::api::BridgeView;
use crate::gateway::Gateway;
use std::sync::Arc;
use std::time::Duration;

/// A port that is taken may be free soon, when the program that has it is just ending.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// Later it is tried less and less often, at last so.
const TRY_AGAIN_MAX: Duration = Duration::from_secs(300);

/// What is served, and how it stands.
#[derive(Debug, Default)]
pub(super) struct Bridge {
    at: Option<Place>,
    /// The connector is at it; what is wanted by then is looked at when it is done.
    turning: bool,
    /// Time until it is tried again, after it failed.
    again: Option<Duration>,
    pub(super) view: BridgeView,
}

/// Where it is served, and the connection behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    port: u16,
    gateway: String,
    generation: u64,
}

impl App {
    /// Starts, moves or ends it, where the settings or the active gateway want something else than what is served.
    pub(super) fn settle_bridge(&mut self) {
        if self.bridge.turning {
            return;
        }
        let wanted = self.wanted_bridge();
        // A gateway whose connection is just being made anew keeps its callers waiting, not without an address. Another
        // one's is never in its place.
        let served = self.bridge.at.as_ref().map(|at| at.gateway.as_str());
        let between = wanted.is_none()
            && self.settings.get().bridge
            && served.is_some()
            && served == self.profiles.active();
        let place = wanted.as_ref().map(|(place, _)| place.clone());
        if place == self.bridge.at || between {
            if self.bridge.at.is_none() {
                self.show_bridge(self.idle_bridge());
            }
            return;
        }
        if self.bridge.at.is_some() || wanted.is_none() {
            // Another place is tried from the start.
            self.bridge.again = None;
        }
        self.bridge.at = place;
        self.bridge.turning = true;
        let connector = Arc::clone(&self.ports.connector);
        self.spawn(async move {
            let to = wanted.map(|(place, gateway)| (place.port, gateway));
            let served = connector.bridge(to).await;
            Box::new(move |app: &mut Self| app.on_bridge(served)) as Then
        });
    }

    /// Time to try again what failed; the loop does it.
    pub(super) fn try_bridge_again(&mut self) {
        if !self.bridge.turning {
            self.bridge.at = None;
        }
    }

    fn wanted_bridge(&self) -> Option<(Place, Arc<dyn Gateway>)> {
        let settings = self.settings.get();
        let port = u16::try_from(settings.bridge_port)
            .ok()
            .filter(|_| settings.bridge)?;
        let id = self.profiles.active()?;
        let link = self.links.get(id)?;
        let place = Place {
            port,
            gateway: id.to_owned(),
            generation: link.generation,
        };
        Some((place, link.gateway.clone()?))
    }

    fn on_bridge(&mut self, served: Result<Option<String>, String>) {
        self.bridge.turning = false;
        let again = match &served {
            Ok(_) => None,
            Err(_) => Some(
                self.bridge
                    .again
                    .map_or(TRY_AGAIN, |last| (last * 2).min(TRY_AGAIN_MAX)),
            ),
        };
        self.bridge.again = again;
        match again {
            Some(wait) => self.after(Timer::Bridge, wait),
            None => {
                self.timers.remove(&Timer::Bridge);
            }
        }
        let view = match served {
            Ok(Some(url)) => BridgeView {
                state: "listening".to_owned(),
                url,
                sentence: String::new(),
            },
            Ok(None) => self.idle_bridge(),
            Err(sentence) => {
                tracing::warn!(%sentence, "the HTTP APIs are not served");
                BridgeView {
                    state: "failed".to_owned(),
                    url: String::new(),
                    sentence,
                }
            }
        };
        self.show_bridge(view);
    }

    /// Switched off, or on with no gateway to carry anything out.
    fn idle_bridge(&self) -> BridgeView {
        let state = if self.settings.get().bridge {
            "waiting"
        } else {
            "off"
        };
        BridgeView {
            state: state.to_owned(),
            ..BridgeView::default()
        }
    }

    fn show_bridge(&mut self, view: BridgeView) {
        if self.bridge.view != view {
            self.bridge.view = view;
            self.publisher.dirty.bridge = true;
        }
    }
}
