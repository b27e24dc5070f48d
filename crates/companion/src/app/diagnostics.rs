//! The report for someone who helps: versions, state, log.
//!
//! The user reads it before saving it. It contains no token or key, no gateway's name or address,
//! no session's name and no message.

use super::handle::Reply;
use super::{App, Then};
use crate::file;
use crate::gateway::ConnectionState;
use crate::request_error::RequestError;
use crate::words::Language;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// What of the desktop matters to a tray application.
const VARIABLES: [&str; 5] = [
    "XDG_CURRENT_DESKTOP",
    "XDG_SESSION_TYPE",
    "LANG",
    "WEBKIT_DISABLE_DMABUF_RENDERER",
    "GDK_BACKEND",
];
/// The end of the log that goes along, in bytes.
const LOG_BYTES: u64 = 64 * 1024;

impl App {
    /// Answers `{text}`, and keeps it for [`Self::save_diagnostics`].
    pub(super) fn diagnostics(&mut self, reply: Reply) {
        let facts = self.facts();
        let log = self.data.join("clawtray.log");
        let store = std::sync::Arc::clone(&self.ports.secrets);
        self.spawn(async move {
            let keychain = if store.is_open().await { "open" } else { "not open" };
            let facts = facts.replace("{keychain}", &format!("{}, {keychain}", store.name()));
            let log = tokio::task::spawn_blocking(move || end_of(&log)).await;
            let log = log.ok().and_then(Result::ok).unwrap_or_else(|| "none".to_owned());
            let text = format!("{facts}\n## Log\n\n{log}");
            reply.send(Ok(json!({ "text": text })));
            Box::new(|app: &mut Self| app.report = Some(text)) as Then
        });
    }

    /// Writes the report that was shown last, as it was shown. Answers `{path}`.
    pub(super) fn save_diagnostics(&mut self, reply: Reply) {
        let Some(report) = self.report.clone() else {
            reply.send(Err(RequestError::NoReport));
            return;
        };
        let path = self.data.join("clawtray-report.txt");
        self.spawn(async move {
            let to = path.clone();
            let written = tokio::task::spawn_blocking(move || file::write_text(&to, &report)).await;
            let answer = match written {
                Ok(Ok(())) => Ok(json!({ "path": path.display().to_string() })),
                Ok(Err(error)) => Err(RequestError::ReportNotWritten(error.to_string())),
                Err(error) => Err(RequestError::ReportNotWritten(error.to_string())),
            };
            reply.send(answer);
            Box::new(|_: &mut Self| {}) as Then
        });
    }

    fn facts(&self) -> String {
        let mut text = format!(
            "# Clawtray {}\n\n- system: {} {}\n",
            self.options.version,
            std::env::consts::OS,
            std::env::consts::ARCH
        );
        for name in VARIABLES {
            if let Some(value) = self.options.surroundings.variable(name) {
                let _ = writeln!(text, "- {name}: {value}");
            }
        }
        let _ = writeln!(text, "- keychain: {{keychain}}");
        let _ = writeln!(text, "- tray host: {}", known(self.tray_host));
        let hotkey = self.hotkey_view();
        let _ = writeln!(text, "- hotkey: {} ({})", hotkey.keys, hotkey.state);
        let _ = writeln!(text, "- HTTP APIs: {}", self.bridge.view.state);
        let _ = writeln!(text, "- notices: {}", self.notices.ids().join(", "));
        text.push_str("\n## Gateways\n\n");
        for (number, profile) in self.profiles.all().iter().enumerate() {
            let active = if self.profiles.active() == Some(profile.id.as_str()) {
                ", active"
            } else {
                ""
            };
            let _ = write!(
                text,
                "{}. {}, {}{active}",
                number + 1,
                profile.protocol(),
                place(&profile.url, profile.embedded)
            );
            if let Some(link) = self.links.get(&profile.id) {
                if let ConnectionState::Ready(server) = &link.state {
                    let _ = write!(text, ", version {}, protocol {}", server.version, server.protocol);
                }
                let word = serde_json::to_value(link.view("", Language::English).word).unwrap_or_default();
                let _ = write!(
                    text,
                    ": {}, {} sessions, {} runs, {} requests waiting",
                    word.as_str().unwrap_or("unknown"),
                    link.sessions.rows().count(),
                    link.runs.len(),
                    link.approvals.len() + link.questions.len()
                );
            }
            text.push('\n');
        }
        let mut settings = serde_json::to_value(self.settings.get()).unwrap_or_default();
        if let Some(muted) = settings.pointer_mut("/notifications/mutedSessions") {
            *muted = Value::from(muted.as_array().map_or(0, Vec::len));
        }
        let settings = serde_json::to_string_pretty(&settings).unwrap_or_default();
        let _ = write!(text, "\n## Settings\n\n{settings}\n");
        text
    }
}

fn known(there: Option<bool>) -> &'static str {
    match there {
        Some(true) => "found",
        Some(false) => "not found",
        None => "not known yet",
    }
}

/// How a gateway is reached, without saying where it is.
fn place(url: &str, embedded: bool) -> &'static str {
    if embedded {
        return "built in";
    }
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let here = ["127.", "localhost", "[::1]"]
        .iter()
        .any(|host| rest.starts_with(host));
    match (here, scheme) {
        (true, _) => "on this computer",
        (false, "wss" | "https") => "elsewhere, encrypted",
        (false, _) => "elsewhere, not encrypted",
    }
}

/// The last whole lines of a file.
fn end_of(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(LOG_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(match text.split_once('\n') {
        Some((_, whole)) if from > 0 => whole.to_owned(),
        _ => text.into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_without_its_name() {
        for (url, embedded, said) in [
            ("ws://127.0.0.1:18789", false, "on this computer"),
            ("ws://localhost:1", false, "on this computer"),
            ("wss://secret.example:443", false, "elsewhere, encrypted"),
            ("http://10.0.0.7", false, "elsewhere, not encrypted"),
            ("ws://127.0.0.1", true, "built in"),
        ] {
            assert_eq!(place(url, embedded), said);
        }
    }

    #[test]
    fn the_log_ends_with_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        assert!(end_of(&path).is_err());
        std::fs::write(&path, "one\ntwo\n").unwrap();
        assert_eq!(end_of(&path).unwrap(), "one\ntwo\n");
        std::fs::write(&path, format!("{}\nlast\n", "x".repeat(70_000))).unwrap();
        assert_eq!(end_of(&path).unwrap(), "last\n");
    }
}
