//! Profiles: add, sign in, change, switch, remove.

use super::handle::Reply;
use super::{App, Then};
use crate::discovery::is_placeholder;
use crate::gateway::{ConnectionState, Protocol};
use crate::ports::{Secret, SecretKind, WindowKind};
use crate::profiles::{EMBEDDED, Profile, clean_url};
use crate::request_error::RequestError;
use serde_json::{Value, json};
use std::sync::Arc;

impl App {
    pub(super) fn use_gateway(&mut self, id: &str) {
        if self.profiles.active() == Some(id) || !self.profiles.activate(id) {
            return;
        }
        if !self.links.contains_key(id) {
            self.connect(id);
        }
        self.publisher.all_dirty();
        for kind in [WindowKind::Popup, WindowKind::Browser, WindowKind::Settings] {
            if let Some(session) = self.target(Some(kind)) {
                self.open(id, &session);
            }
            self.show_target(kind);
        }
        self.settle_targets(id);
    }

    pub(super) fn reconnect(&mut self, id: &str) {
        let Some(link) = self.links.get(id) else {
            self.connect(id);
            return;
        };
        match &link.gateway {
            Some(gateway) if link.state != ConnectionState::Closed && link.keychain.is_none() => {
                gateway.reconnect()
            }
            Some(_) | None => self.connect(id),
        }
    }

    pub(super) fn use_embedded(&mut self) -> Result<Value, RequestError> {
        if self.profiles.get(EMBEDDED).is_none() {
            self.profiles.put(self.embedded_profile());
            self.connect(EMBEDDED);
        }
        self.after_adding(EMBEDDED);
        Ok(json!({ "id": EMBEDDED }))
    }

    fn after_adding(&mut self, id: &str) {
        let url = self.profiles.get(id).map(|profile| profile.url.clone());
        self.found.retain(|found| Some(&found.url) != url.as_ref());
        if self.profiles.active() == Some(id) {
            self.publisher.all_dirty();
        }
        self.use_gateway(id);
        self.publisher.dirty.found = true;
        self.publisher.connection_dirty();
    }

    pub(super) fn add_gateway(&mut self, wanted: Profile, token: Option<String>, reply: Reply) {
        let (url, in_url) = match clean_url(&wanted.url) {
            Ok(clean) => clean,
            Err(error) => {
                reply.send(Err(error.into()));
                return;
            }
        };
        let token = token
            .map(|token| token.trim().to_owned())
            .filter(|token| !token.is_empty())
            .or(in_url);
        if token.as_deref().is_some_and(is_placeholder) {
            reply.send(Err(RequestError::TokenPlaceholder));
            return;
        }
        let name = if wanted.name.trim().is_empty() {
            self.host_name(&url)
        } else {
            crate::text::one_line(&wanted.name, 60)
        };
        let profile = Profile {
            id: format!("g-{}", uuid::Uuid::new_v4().simple()),
            name,
            url,
            ..wanted
        };
        self.store_profile(profile, token.map(Secret::new), reply);
    }

    pub(super) fn accept_found(&mut self, id: &str, session_only: bool, reply: Reply) {
        let Some(found) = self.found.iter().find(|found| found.id == id).cloned() else {
            reply.send(Err(RequestError::FoundGone));
            return;
        };
        let profile = Profile {
            id: format!("g-{}", uuid::Uuid::new_v4().simple()),
            name: found.called(self.language()),
            url: found.url,
            certificate: found.certificate,
            session_only,
            ..Profile::default()
        };
        if let Some(spare) = found.spare {
            self.spare_tokens.insert(profile.id.clone(), spare);
        }
        self.store_profile(profile, found.token, reply);
    }

    /// The token goes to the keychain first: a profile whose token could not be kept is not added.
    fn store_profile(&mut self, profile: Profile, token: Option<Secret>, reply: Reply) {
        let id = profile.id.clone();
        if profile.session_only {
            self.profiles.put(profile);
            self.keep_for_session(&id, SecretKind::GatewayToken, token);
            self.connect(&id);
            self.after_adding(&id);
            reply.send(Ok(json!({ "id": id })));
            return;
        }
        self.person_asks_keychain(&id);
        let store = Arc::clone(&self.ports.secrets);
        self.spawn(async move {
            let stored = match token {
                Some(token) => store.set(&id, SecretKind::GatewayToken, token).await,
                None => Ok(()),
            };
            Box::new(move |app: &mut Self| {
                let answer = match stored {
                    Ok(()) => {
                        app.profiles.put(profile);
                        app.connect(&id);
                        app.after_adding(&id);
                        Ok(json!({ "id": id }))
                    }
                    Err(error) => Err(RequestError::Keychain {
                        error,
                        gateway: profile.name,
                    }),
                };
                reply.send(answer);
            }) as Then
        });
    }

    pub(super) fn set_token(&mut self, id: &str, token: String, session_only: bool, reply: Reply) {
        let Some(profile) = self.profiles.get(id).cloned() else {
            reply.send(Err(RequestError::NoSuchGateway));
            return;
        };
        if is_placeholder(&token) {
            reply.send(Err(RequestError::TokenPlaceholder));
            return;
        }
        let token = Secret::new(token.trim());
        let id = id.to_owned();
        // What the gateway issued earlier belongs to the old sign-in.
        self.keep_for_session(&id, SecretKind::DeviceToken, None);
        if session_only || profile.transient || profile.embedded {
            self.keep_for_session(&id, SecretKind::GatewayToken, Some(token));
            self.connect(&id);
            reply.send(Ok(Value::Null));
            return;
        }
        self.person_asks_keychain(&id);
        let store = Arc::clone(&self.ports.secrets);
        self.spawn(async move {
            let mut stored = store.set(&id, SecretKind::GatewayToken, token).await;
            if stored.is_ok() {
                stored = store.delete(&id, SecretKind::DeviceToken).await;
            }
            Box::new(move |app: &mut Self| {
                let answer = match stored {
                    Ok(()) => {
                        app.session_secrets.retain(|(owner, _), _| *owner != id);
                        app.known.remove(&id);
                        app.profiles.change(&id, |profile| profile.session_only = false);
                        app.connect(&id);
                        Ok(Value::Null)
                    }
                    Err(error) => Err(RequestError::Keychain {
                        error,
                        gateway: profile.name,
                    }),
                };
                reply.send(answer);
            }) as Then
        });
    }

    /// The gateway refused the token that was found for it: the environment has another one.
    pub(super) fn try_spare_token(&mut self, id: &str) {
        if let Some(token) = self.spare_tokens.remove(id) {
            let session_only = self.profiles.get(id).is_some_and(|profile| profile.session_only);
            self.set_token(id, token.expose().to_owned(), session_only, Reply::to_nobody());
        }
    }

    pub(super) fn rename_gateway(&mut self, id: &str, name: &str) -> Result<Value, RequestError> {
        let name = crate::text::one_line(name, 60);
        if name.is_empty() {
            return Err(RequestError::NameMissing);
        }
        if !self.profiles.change(id, |profile| profile.name = name) {
            return Err(RequestError::NoSuchGateway);
        }
        self.publisher.connection_dirty();
        Ok(Value::Null)
    }

    pub(super) fn set_dialect(&mut self, id: &str, dialect: &str) -> Result<Value, RequestError> {
        let protocol = protocol(Some(dialect))?;
        if !self.profiles.change(id, |profile| profile.speak(protocol)) {
            return Err(RequestError::NoSuchGateway);
        }
        self.connect(id);
        Ok(Value::Null)
    }

    /// Receives a gateway's webhooks on this port from now on, or no more.
    pub(super) fn set_webhook(&mut self, id: &str, port: Option<u16>, secret: Option<String>, reply: Reply) {
        let Some(profile) = self.profiles.get(id).cloned() else {
            reply.send(Err(RequestError::NoSuchGateway));
            return;
        };
        let secret = port.and(secret).filter(|secret| !secret.trim().is_empty());
        if port.is_some() && secret.is_none() {
            reply.send(Err(RequestError::WebhookSecretMissing));
            return;
        }
        let secret = secret.map(Secret::new);
        let id = id.to_owned();
        if self.kept_for_session(&profile).is_some() {
            self.keep_for_session(&id, SecretKind::WebhookSecret, secret);
            self.profiles.change(&id, |profile| profile.webhook_port = port);
            self.connect(&id);
            reply.send(Ok(Value::Null));
            return;
        }
        self.person_asks_keychain(&id);
        let store = Arc::clone(&self.ports.secrets);
        self.spawn(async move {
            let stored = match secret {
                Some(secret) => store.set(&id, SecretKind::WebhookSecret, secret).await,
                None => store.delete(&id, SecretKind::WebhookSecret).await,
            };
            Box::new(move |app: &mut Self| {
                let answer = match stored {
                    Ok(()) => {
                        app.profiles.change(&id, |profile| profile.webhook_port = port);
                        app.connect(&id);
                        Ok(Value::Null)
                    }
                    Err(error) => Err(RequestError::Keychain {
                        error,
                        gateway: profile.name,
                    }),
                };
                reply.send(answer);
            }) as Then
        });
    }

    pub(super) fn set_full_control(&mut self, id: &str, on: bool) -> Result<Value, RequestError> {
        if !self.profiles.change(id, |profile| profile.full_control = on) {
            return Err(RequestError::NoSuchGateway);
        }
        self.connect(id);
        self.publisher.connection_dirty();
        Ok(Value::Null)
    }

    pub(super) fn trust_certificate(&mut self, id: &str, fingerprint: &str) -> Result<Value, RequestError> {
        let plain =
            fingerprint.len() == 64 && fingerprint.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
        if !plain {
            return Err(RequestError::NoFingerprint);
        }
        let fingerprint = fingerprint.to_owned();
        if !self
            .profiles
            .change(id, |profile| profile.certificate = Some(fingerprint))
        {
            return Err(RequestError::NoSuchGateway);
        }
        self.connect(id);
        Ok(Value::Null)
    }

    pub(super) fn remove_gateway(&mut self, id: &str, reply: Reply) {
        if !self.profiles.remove(id) {
            reply.send(Err(RequestError::NoSuchGateway));
            return;
        }
        self.withdraw_all(Some(id));
        let link = self.links.remove(id);
        self.session_secrets.retain(|(owner, _), _| owner != id);
        self.outbox.forget(id);
        self.shelf.forget(id);
        self.forget_records(id);
        {
            let mut shared = self
                .shared
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            shared.gateways.remove(id);
        }
        self.publisher.all_dirty();
        for kind in [WindowKind::Popup, WindowKind::Browser, WindowKind::Settings] {
            self.show_target(kind);
        }
        if self.profiles.all().is_empty() {
            self.discover(None);
        }
        self.known.remove(id);
        let store = Arc::clone(&self.ports.secrets);
        let id = id.to_owned();
        self.spawn(async move {
            if let Some(gateway) = link.and_then(|link| link.gateway) {
                gateway.shutdown().await;
            }
            let mut kept = Ok(());
            for kind in SecretKind::ALL {
                kept = kept.and(store.delete(&id, kind).await);
            }
            Box::new(move |_: &mut Self| {
                let answer = kept.map(|()| Value::Null).map_err(|error| {
                    tracing::warn!(%error, "secrets of a removed gateway are left in the keychain");
                    RequestError::SecretsLeft
                });
                reply.send(answer);
            }) as Then
        });
    }
}

/// What a window calls a protocol.
pub(super) fn protocol(word: Option<&str>) -> Result<Protocol, RequestError> {
    word.unwrap_or("auto")
        .parse()
        .map_err(|_| RequestError::Malformed("This protocol is not known"))
}
