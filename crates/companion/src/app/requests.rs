//! Handles the requests of windows, one match arm each.

use super::App;
use super::decisions::decision;
use super::gateways::protocol;
use super::handle::Reply;
use super::session_requests::job_params;
use crate::api::Request;
use crate::ids::{GatewayId, SessionRef};
use crate::ports::{ApprovalRef, WindowKind};
use crate::profiles::Profile;
use crate::request_error::RequestError;
use crate::settings::{self, InvalidSetting};
use crate::store::SearchQuery;
use serde_json::{Value, json};

impl App {
    pub(super) fn on_request(&mut self, window: Option<WindowKind>, request: Request, reply: Reply) {
        if window.is_some_and(|window| !request.permission().windows.contains(&window)) {
            tracing::warn!(?window, "a page asked for something that its window is not for");
            return reply.send(Err(RequestError::NotAllowed));
        }
        let here = window.unwrap_or(WindowKind::Popup);
        let now = match request {
            Request::SendMessage {
                session,
                gateway,
                text,
                attachments,
            } => match self.send_message(window, session, gateway, text, attachments) {
                Ok(id) => {
                    let answer = json!({ "id": id });
                    return self.shelf.answer_when_written(id, answer, reply);
                }
                Err(error) => Err(error),
            },
            Request::CancelQueued { id } => self.cancel_queued(window, &id),
            Request::RetryQueued { id } => self.retry_queued(&id),
            Request::Stop { session } => return self.stop_run(session, reply),
            Request::NewSession { gateway, agent } => {
                self.new_session_key(&gateway, agent.as_deref()).map(|key| {
                    let session = SessionRef::new(gateway, key);
                    self.set_target_to(here, &session);
                    json!({ "session": session })
                })
            }
            Request::SetTarget { session } => self.known(&session.gateway).map(|()| {
                self.set_target_to(here, &session);
                Value::Null
            }),
            Request::LoadOlder { session } => return self.load_older(&session, reply),
            Request::WholeMessage { session, message } => {
                return self.whole_message(&session, message, reply);
            }
            Request::SaveDraft { session, text } => self.known(&session.gateway).map(|()| {
                self.shelf.set_draft(&session.gateway, &session.session, &text);
                Value::Null
            }),
            Request::PromptHistory { gateway, limit } => {
                return self.shelf.prompts(&gateway, limit.min(500), reply);
            }
            Request::ListCommands { gateway } => return self.list_commands(here, &gateway, reply),
            Request::ListModels { gateway } => return self.list_models(&gateway, reply),
            Request::SetSessionModel {
                session,
                model,
                thinking,
            } => {
                return self.set_session_model(&session, model, thinking, reply);
            }
            Request::SendInBackground {
                gateway,
                text,
                model,
                timeout_seconds,
            } => {
                return self.send_in_background(&gateway, text, model, timeout_seconds, reply);
            }
            Request::ResolveApproval {
                gateway,
                id,
                decision: word,
            } => match decision(&word) {
                Some(chosen) => {
                    return self.resolve_approval(
                        ApprovalRef {
                            gateway: gateway.0,
                            id,
                        },
                        chosen,
                        Some(reply),
                    );
                }
                None => Err(RequestError::Malformed("There is no such decision")),
            },
            Request::AnswerQuestion { gateway, id, answers } => {
                return self.answer_question(gateway.0, id, answers, reply);
            }
            Request::MarkRead { session } => {
                self.mark_read(&session.gateway, &session.session);
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
                gateway,
                query,
                agent,
                session,
                from_ms,
                until_ms,
                limit,
            } => {
                let wanted = SearchQuery {
                    text: query.trim().to_owned(),
                    gateway: gateway.0,
                    agent,
                    session,
                    from_ms,
                    until_ms,
                    limit: limit.clamp(1, 200),
                };
                return self.search(window, wanted, reply);
            }
            Request::RevealMessage { session, message } => self.known(&session.gateway).map(|()| {
                self.reveal(here, &session, message);
                Value::Null
            }),
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
                self.person_asks_keychain(&id);
                self.connect(&id);
                Ok(Value::Null)
            }
            Request::ListJobs { gateway } => {
                let params = json!({ "includeDisabled": true });
                return self.pass_on(&gateway, "cron.list", params, reply);
            }
            Request::AddJob { gateway, job } => {
                return self.pass_on(&gateway, "cron.add", job_params(&job), reply);
            }
            Request::UpdateJob { gateway, id, enabled } => {
                let params = json!({ "id": id, "patch": { "enabled": enabled } });
                return self.pass_on(&gateway, "cron.update", params, reply);
            }
            Request::RemoveJob { gateway, id } => {
                return self.pass_on(&gateway, "cron.remove", json!({ "id": id }), reply);
            }
            Request::RunJob { gateway, id } => {
                let params = json!({ "id": id, "mode": "force" });
                return self.pass_on(&gateway, "cron.run", params, reply);
            }
            Request::UsageReport { gateway, days } => {
                return self.pass_on(&gateway, "usage.cost", json!({ "days": days }), reply);
            }
            Request::SessionUsage { gateway, limit } => {
                return self.pass_on(&gateway, "sessions.usage", json!({ "limit": limit }), reply);
            }
            Request::ListChannels { gateway } => {
                return self.pass_on(&gateway, "channels.status", json!({}), reply);
            }
            Request::ListNodes { gateway } => {
                return self.pass_on(&gateway, "node.list", json!({}), reply);
            }
            Request::ListPresence { gateway } => {
                return self.pass_on(&gateway, "system-presence", json!({}), reply);
            }
            Request::ListTools { gateway, agent } => {
                return self.pass_on(&gateway, "tools.catalog", json!({ "agentId": agent }), reply);
            }
            Request::TailLog {
                gateway,
                limit,
                cursor,
            } => {
                let params = match cursor {
                    Some(cursor) => json!({ "limit": limit, "cursor": cursor }),
                    None => json!({ "limit": limit }),
                };
                return self.pass_on(&gateway, "logs.tail", params, reply);
            }
            Request::ListArtifacts { session } => {
                let params = json!({ "sessionKey": session.session });
                return self.pass_on(&session.gateway, "artifacts.list", params, reply);
            }
            Request::DownloadArtifact { session, artifact } => {
                let params = json!({ "sessionKey": session.session, "artifactId": artifact });
                return self.pass_on(&session.gateway, "artifacts.download", params, reply);
            }
            Request::Diagnostics => return self.diagnostics(reply),
            Request::SaveDiagnostics => return self.save_diagnostics(reply),
            Request::ChangeSettings { patch } => self.change_settings(&patch),
            Request::ShowWindow { window, session } => match WindowKind::from_label(&window) {
                Some(kind) => {
                    if let Some(session) = session {
                        self.set_target_to(kind, &session);
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
            Request::Quit => {
                self.quit();
                Ok(Value::Null)
            }
        };
        reply.send(now);
    }

    /// Whether a gateway that a request names is still there.
    pub(super) fn known(&self, gateway: &GatewayId) -> Result<(), RequestError> {
        match self.profiles.get(gateway) {
            Some(_) => Ok(()),
            None => Err(RequestError::NoSuchGateway),
        }
    }

    /// Changes settings. Where they count and cannot be written, a notice says so; only where nobody expects that is it an
    /// error, too.
    pub(super) fn change_settings(&mut self, patch: &Value) -> Result<Value, RequestError> {
        let changed = self.settings.change(patch);
        if changed.as_ref().map_or_else(InvalidSetting::counts, |()| true) {
            self.on_settings_changed();
        }
        match changed {
            Ok(()) => self.withdraw_notice("settings-read-only"),
            Err(InvalidSetting::ReadOnly) => {
                self.plain_notice("settings-read-only", |words| words.settings_read_only);
            }
            Err(InvalidSetting::LeftAlone) => self.say_what_settings_lack(self.settings.left_alone()),
            Err(error) => return Err(error.into()),
        }
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

    fn mute_session(&mut self, session: &SessionRef, muted: bool) -> Result<Value, RequestError> {
        let mut all = self.settings.get().notifications.muted_sessions.clone();
        all.retain(|entry| !settings::mutes(entry, session));
        if muted {
            all.push(settings::mute_entry(session));
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
