//! `clawtray://` links: they show and fill in, and never send.
//!
//! Any page or program can open one, so a link chooses nothing for later: it shows a session without storing it as the
//! one that prompts go to, only sessions that the gateway lists, and its text is offered below what is written there.

use super::{App, Timer};
use crate::api::Signal;
use crate::ids::{GatewayId, SessionRef};
use crate::ports::WindowKind;
use std::time::Duration;
use url::Url;

/// The longest text that a link fills in, in characters.
const TEXT: usize = 20_000;
/// The longest session key or message id taken from a link, in bytes.
const NAME: usize = 256;
/// How long the gateway has to list the session of a link.
const LISTED_WITHIN: Duration = Duration::from_secs(5);
/// Profile ids with this beginning are random: a page cannot guess one.
const OWN: &str = "g-";

/// Where a link leads.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    session: SessionRef,
    message: Option<String>,
    text: Option<String>,
}

impl App {
    /// `clawtray://session/KEY?text=…`, `…?message=ID`, `…&gateway=PROFILE`; `clawtray://new?text=…`;
    /// `clawtray://browser`, `clawtray://settings`.
    pub(super) fn on_deep_link(&mut self, text: &str) {
        let Ok(url) = Url::parse(text) else { return };
        if url.scheme() != "clawtray" {
            return;
        }
        match url.host_str() {
            Some("browser") => self.show_window(WindowKind::Browser),
            Some("settings") => self.show_window(WindowKind::Settings),
            Some("session") => match self.place(&url) {
                Some(place) if self.is_listed(&place.session) => self.go_to_place(place),
                Some(place) => {
                    self.show_window(WindowKind::Popup);
                    // The list may be on its way, as in an app that the link has started.
                    self.pending_link = Some(place);
                    self.after(Timer::Link, LISTED_WITHIN);
                }
                None => self.show_window(WindowKind::Popup),
            },
            Some("new") => {
                let active: GatewayId = self.profiles.active().unwrap_or_default().into();
                match self.new_session_key(&active, None) {
                    Ok(key) => self.go_to_place(Place {
                        session: SessionRef::new(active, key),
                        message: None,
                        text: query(&url, "text"),
                    }),
                    Err(_) => self.show_window(WindowKind::Popup),
                }
            }
            _ => self.show_window(WindowKind::Popup),
        }
    }

    fn place(&self, url: &Url) -> Option<Place> {
        let path = url.path().trim_start_matches('/').replace('+', "%2B");
        let key = url::form_urlencoded::parse(format!("p={path}").as_bytes())
            .next()
            .map(|(_, value)| value.into_owned());
        let named = query(url, "gateway").filter(|id| id.starts_with(OWN) && self.profiles.get(id).is_some());
        let gateway = named.or_else(|| self.profiles.active().map(str::to_owned))?;
        Some(Place {
            session: SessionRef::new(gateway, key.filter(|key| is_name(key))?),
            message: query(url, "message").filter(|id| is_name(id)),
            text: query(url, "text"),
        })
    }

    fn is_listed(&self, session: &SessionRef) -> bool {
        let Some(link) = self.links.get(session.gateway.as_str()) else {
            return false;
        };
        let is_main = || {
            link.main_session()
                .is_some_and(|key| key.as_str() == session.session)
        };
        link.sessions.get(&session.session).is_some() || is_main()
    }

    /// Sessions were listed: the link that waits for one may lead somewhere now.
    pub(super) fn follow_pending_link(&mut self) {
        let waits = self.pending_link.as_ref();
        if waits.is_some_and(|place| self.is_listed(&place.session))
            && let Some(place) = self.pending_link.take()
        {
            self.timers.remove(&Timer::Link);
            self.go_to_place(place);
        }
    }

    /// No such session was listed in time.
    pub(super) fn give_up_link(&mut self) {
        if self.pending_link.take().is_some() {
            self.plain_notice("link-unknown", |words| words.link_unknown);
        }
    }

    fn go_to_place(&mut self, place: Place) {
        let Place {
            session,
            message,
            text,
        } = place;
        self.use_gateway(&session.gateway);
        if let Some(message) = message {
            self.show_window(WindowKind::Browser);
            self.reveal(WindowKind::Browser, &session, message);
            return;
        }
        self.show_window(WindowKind::Popup);
        self.visit(WindowKind::Popup, &session);
        if let Some(text) = text {
            self.signal(WindowKind::Popup, Signal::Prefill { session, text });
        }
    }
}

fn query(url: &Url, name: &str) -> Option<String> {
    let (_, value) = url.query_pairs().find(|(found, _)| found == name)?;
    Some(value.chars().take(TEXT).collect()).filter(|value: &String| !value.is_empty())
}

fn is_name(text: &str) -> bool {
    (1..=NAME).contains(&text.len()) && !text.chars().any(char::is_control)
}
