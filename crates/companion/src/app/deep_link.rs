//! `clawtray://` links: they show and fill in, and never send.

use super::App;
use crate::api::Signal;
use crate::ports::WindowKind;

impl App {
    /// `clawtray://session/KEY?text=…`, `clawtray://new?text=…`, `clawtray://browser`, `clawtray://settings`: shows and fills
    /// in, never sends.
    pub(super) fn on_deep_link(&mut self, text: &str) {
        let Ok(url) = url::Url::parse(text) else { return };
        if url.scheme() != "clawtray" {
            return;
        }
        let decode = |part: &str| {
            url::form_urlencoded::parse(format!("p={}", part.replace('+', "%2B")).as_bytes())
                .next()
                .map(|(_, value)| value.into_owned())
                .unwrap_or_default()
        };
        let session = match url.host_str() {
            Some("session") => Some(decode(url.path().trim_start_matches('/'))),
            Some("new") => self.new_session_key(None),
            Some("browser") => return self.show_window(WindowKind::Browser),
            Some("settings") => return self.show_window(WindowKind::Settings),
            _ => None,
        };
        let sane =
            |session: &String| (1..=256).contains(&session.len()) && !session.chars().any(char::is_control);
        let message = url.query_pairs().find(|(name, _)| name == "message");
        let message = message.map(|(_, id)| id.into_owned()).filter(sane);
        if let (Some(session), Some(message)) = (session.clone().filter(sane), message) {
            self.show_window(WindowKind::Browser);
            self.reveal(WindowKind::Browser, &session, message);
            return;
        }
        if let Some(session) = session.filter(sane) {
            self.set_target(WindowKind::Popup, &session);
        }
        self.show_window(WindowKind::Popup);
        let prefill = url
            .query_pairs()
            .find(|(name, _)| name == "text")
            .map(|(_, text)| text.into_owned());
        if let Some(text) = prefill.filter(|text| !text.is_empty()) {
            self.signal(
                WindowKind::Popup,
                Signal::Prefill {
                    text: text.chars().take(20_000).collect(),
                },
            );
        }
    }
}
