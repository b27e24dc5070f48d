//! Handles the requests of windows, one match arm each.

use super::App;
use super::decisions::decision;
use super::gateways::protocol;
use super::handle::Reply;
use crate::api::Request;
use crate::ports::{ApprovalRef, WindowKind};
use crate::profiles::Profile;
use crate::request_error::RequestError;
use crate::store::SearchQuery;
use serde_json::{Value, json};

impl App {
    pub(super) fn on_request(&mut self, window: Option<WindowKind>, request: Request, reply: Reply) {
        let here = window.unwrap_or(WindowKind::Popup);
        let now = match request {
            Request::SendMessage {
                session,
                text,
                attachments,
            } => self.send_message(window, session, text, attachments),
            Request::CancelQueued { id } => self.cancel_queued(window, &id),
            Request::RetryQueued { id } => self.retry_queued(&id),
            Request::Stop { session } => return self.stop_run(session, reply),
            Request::NewSession { agent } => match self.new_session_key(agent.as_deref()) {
                Some(session) => {
                    self.set_target(here, &session);
                    Ok(json!({ "session": session }))
                }
                None => Err(RequestError::NoGateway),
            },
            Request::SetTarget { session } => {
                self.set_target(here, &session);
                Ok(Value::Null)
            }
            Request::LoadOlder { session } => return self.load_older(session, reply),
            Request::SaveDraft { session, text } => {
                if let Some(profile) = self.profiles.active() {
                    self.shelf.set_draft(profile, &session, &text);
                }
                Ok(Value::Null)
            }
            Request::PromptHistory { limit } => {
                let profile = self.profiles.active().unwrap_or_default();
                Ok(json!(self.shelf.prompts(profile, limit.min(500))))
            }
            Request::ListCommands => return self.list_commands(here, reply),
            Request::ListModels => return self.list_models(reply),
            Request::SetSessionModel {
                session,
                model,
                thinking,
            } => {
                return self.set_session_model(&session, model, thinking, reply);
            }
            Request::SendInBackground {
                text,
                model,
                timeout_seconds,
            } => {
                return self.send_in_background(text, model, timeout_seconds, reply);
            }
            Request::ResolveApproval {
                gateway,
                id,
                decision: word,
            } => match decision(&word) {
                Some(chosen) => {
                    return self.resolve_approval(ApprovalRef { gateway, id }, chosen, Some(reply));
                }
                None => Err(RequestError::Malformed("There is no such decision")),
            },
            Request::AnswerQuestion { gateway, id, answers } => {
                return self.answer_question(gateway, id, answers, reply);
            }
            Request::MarkRead { session } => {
                if let Some(profile) = self.profiles.active().map(str::to_owned) {
                    self.mark_read(&profile, &session);
                }
                Ok(Value::Null)
            }
            Request::RenameSession { session, label } => {
                let label = Some(label.trim()).filter(|label| !label.is_empty());
                return self.patch_session(&session, json!({ "label": label }), reply);
            }
            Request::PinSession { session, pinned } => {
                return self.patch_session(&session, json!({ "pinned": pinned }), reply);
            }
            Request::ArchiveSession { session, archived } => {
                return self.patch_session(&session, json!({ "archived": archived }), reply);
            }
            Request::MuteSession { session, muted } => self.mute_session(&session, muted),
            Request::ResetSession { session } => return self.reset_session(&session, reply),
            Request::CompactSession { session } => return self.compact_session(&session, reply),
            Request::DeleteSession { session } => return self.delete_session(&session, reply),
            Request::ForkSession { session } => return self.fork_session(here, &session, reply),
            Request::Search {
                query,
                agent,
                session,
                from_ms,
                until_ms,
                limit,
            } => {
                let wanted = SearchQuery {
                    text: query.trim().to_owned(),
                    gateway: String::new(),
                    agent,
                    session,
                    from_ms,
                    until_ms,
                    limit: limit.clamp(1, 200),
                };
                return self.search(window, wanted, reply);
            }
            Request::RevealMessage { session, message } => {
                self.reveal(here, &session, message);
                Ok(Value::Null)
            }
            Request::ExportSession { session, format } => return self.export_session(session, format, reply),
            Request::UseGateway { id } => {
                if self.profiles.get(&id).is_none() {
                    Err(RequestError::NoSuchGateway)
                } else {
                    self.use_gateway(&id);
                    Ok(Value::Null)
                }
            }
            Request::Reconnect { id } => {
                self.reconnect(&id);
                Ok(Value::Null)
            }
            Request::DiscoverGateways => return self.discover(Some(reply)),
            Request::TestGateway { url, token, dialect } => {
                return self.test_gateway(&url, token, dialect.as_deref(), reply);
            }
            Request::AddGateway {
                name,
                url,
                token,
                session_only,
                dialect,
            } => match protocol(dialect.as_deref()) {
                Ok(protocol) => {
                    let profile = Profile {
                        name,
                        url,
                        session_only,
                        ..Profile::default()
                    };
                    return self.add_gateway(profile.speaking(protocol), token, reply);
                }
                Err(error) => Err(error),
            },
            Request::SetGatewayWebhook { id, port, secret } => {
                return self.set_webhook(&id, port, secret, reply);
            }
            Request::SetGatewayDialect { id, dialect } => self.set_dialect(&id, &dialect),
            Request::AcceptFoundGateway { id, session_only } => {
                return self.accept_found(&id, session_only, reply);
            }
            Request::UseEmbeddedGateway => self.use_embedded(),
            Request::RenameGateway { id, name } => self.rename_gateway(&id, &name),
            Request::SetGatewayToken {
                id,
                token,
                session_only,
            } => {
                return self.set_token(&id, token, session_only, reply);
            }
            Request::TrustCertificate { id, fingerprint } => self.trust_certificate(&id, &fingerprint),
            Request::SetFullControl { id, on } => self.set_full_control(&id, on),
            Request::RemoveGateway { id } => return self.remove_gateway(&id, reply),
            Request::ClearCache { id } => return self.clear_cache(&id, reply),
            Request::RetryKeychain { id } => {
                self.connect(&id);
                Ok(Value::Null)
            }
            Request::Diagnostics => return self.diagnostics(reply),
            Request::SaveDiagnostics => return self.save_diagnostics(reply),
            Request::ChangeSettings { patch } => self.change_settings(&patch),
            Request::ShowWindow { window, session } => match WindowKind::from_label(&window) {
                Some(kind) => {
                    if let Some(session) = session {
                        self.set_target(kind, &session);
                    }
                    self.show_window(kind);
                    Ok(Value::Null)
                }
                None => Err(RequestError::Malformed("There is no such window")),
            },
            Request::HideWindow => {
                self.hide_window(here);
                Ok(Value::Null)
            }
            Request::PinPopup { pinned } => self.change_settings(&json!({ "popupPinned": pinned })),
            Request::FitPopup { height } => {
                if height.is_finite() {
                    self.ports.windows.fit_popup(height.clamp(48.0, 2000.0));
                }
                Ok(Value::Null)
            }
            Request::OpenLink { url } => self.open_link(&url),
            Request::DoNotDisturb { until_ms } => {
                self.do_not_disturb(until_ms);
                Ok(Value::Null)
            }
            Request::DismissNotice { id } => {
                self.dismiss_notice(id);
                Ok(Value::Null)
            }
            Request::CallGateway { method, params } => return self.call_gateway(method, params, reply),
            Request::Quit => {
                self.stopping = true;
                Ok(Value::Null)
            }
        };
        let _ = reply.send(now);
    }

    fn change_settings(&mut self, patch: &Value) -> Result<Value, RequestError> {
        self.settings.change(patch)?;
        self.on_settings_changed();
        Ok(Value::Null)
    }

    pub(super) fn on_settings_changed(&mut self) {
        if self.settings.get().hotkey != self.hotkey.wanted {
            self.bind_hotkey();
        }
        self.switch_autostart();
        self.keep_to_size();
        if self.tell_language() {
            self.speak();
        }
        self.publisher.connection_dirty();
        self.publisher.dirty.settings = true;
        self.publisher.dirty.sessions = true;
    }

    /// Says all that is shown in another language.
    fn speak(&mut self) {
        let language = self.language();
        for link in self.links.values_mut() {
            link.sessions.speak(language);
        }
        self.publisher.dirty.hotkey = true;
        self.publisher.dirty.notices = true;
        self.publisher.dirty.found = true;
    }

    fn mute_session(&mut self, session: &str, muted: bool) -> Result<Value, RequestError> {
        let mut all = self.settings.get().notifications.muted_sessions.clone();
        all.retain(|known| known != session);
        if muted {
            all.push(session.to_owned());
        }
        self.change_settings(&json!({ "notifications": { "mutedSessions": all } }))
    }

    /// Only what a browser or a mail program opens, and nothing that hides where it leads.
    fn open_link(&mut self, text: &str) -> Result<Value, RequestError> {
        let url = url::Url::parse(text.trim()).map_err(|_| RequestError::NoWebLink)?;
        let web = matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
        let plain = url.username().is_empty() && url.password().is_none();
        let url = match url.scheme() {
            _ if web && plain => url,
            "mailto" => letter(url),
            _ => return Err(RequestError::NoWebLink),
        };
        let opened = self.ports.opener.open(url.as_str());
        opened.map(|()| Value::Null).map_err(|reason| {
            tracing::debug!(%reason, "a link could not be opened");
            RequestError::LinkNotOpened
        })
    }
}

/// A mail link with what a letter begins with. Mail programs obey other fields too: files are attached, copies sent.
fn letter(mut url: url::Url) -> url::Url {
    let is_kept = |pair: &&str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.to_ascii_lowercase();
        // A line break would begin another header.
        let is_one_line = !value.contains("%0a") && !value.contains("%0d");
        name.eq_ignore_ascii_case("body")
            || is_one_line
                && ["subject", "to"]
                    .iter()
                    .any(|kept| name.eq_ignore_ascii_case(kept))
    };
    let kept: Vec<&str> = url
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(is_kept)
        .collect();
    let query = kept.join("&");
    url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
    url.set_fragment(None);
    url
}
