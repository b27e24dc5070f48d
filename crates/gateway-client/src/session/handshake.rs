//! The handshake: challenge, `connect`, `hello-ok`.

use super::verdict::{Attempt, Verdict};
use super::{Effect, Now, Pending, Phase, Ready, SUBSCRIBE_LIMIT, Session, Show, Waiter, verdict};
use crate::config::{IssuedToken, PLATFORM};
use crate::{ConnectionState, GatewayEvent, PauseReason, Secret, ServerInfo};
use clawtray_gateway_protocol::handshake::{
    CONNECT_METHOD, Challenge, ClientInfo, ConnectAuth, ConnectDevice, ConnectParams, HelloOk, MAX_PROTOCOL,
    MIN_PROTOCOL, SignFields, sign_payload_v3,
};
use clawtray_gateway_protocol::{GatewayError, Scope, frame};
use serde_json::json;
use serde_json::value::RawValue;
use std::time::Duration;

impl Session {
    pub(super) fn handshake_timed_out(&mut self, now: Now) {
        self.drop_socket(1000);
        self.act(
            now,
            Verdict::Retry { after: None },
            "the gateway did not complete the handshake".to_owned(),
        );
    }

    pub(super) fn on_challenge(&mut self, now: Now, deadline: Duration, payload: Option<&RawValue>) {
        let challenge = payload.and_then(|payload| serde_json::from_str::<Challenge>(payload.get()).ok());
        let Some(challenge) = challenge else {
            self.drop_socket(1002);
            let message =
                "the server is not an OpenClaw gateway, or its version is not supported; check the address"
                    .to_owned();
            self.pause(
                PauseReason::Refused {
                    code: "BAD_CHALLENGE".to_owned(),
                    message,
                },
                None,
            );
            return;
        };
        let text = self.connect_request(&challenge);
        let id = self.next_id;
        self.pending.insert(
            id,
            Pending {
                waiter: Waiter::Connect,
                deadline,
                timeout: deadline.saturating_sub(now.mono),
            },
        );
        self.phase = Phase::Hello;
        match text {
            Ok(text) => self.effects.push_back(Effect::Send(text)),
            Err(error) => tracing::error!(%error, "the handshake could not be written"),
        }
    }

    pub(super) fn connect_request(&mut self, challenge: &Challenge) -> Result<String, serde_json::Error> {
        self.next_id += 1;
        let id = self.next_id.to_string();
        let config = &self.config;
        let given = |secret: &'_ Option<Secret>| secret.as_ref().filter(|secret| !secret.is_empty()).cloned();
        let token = given(&config.credentials.token).filter(|_| self.show == Show::Usual);
        let password = given(&config.credentials.password).filter(|_| self.show == Show::Usual);
        let device_token =
            given(&config.credentials.device_token).filter(|_| token.is_none() && password.is_none());
        let signed = token
            .as_ref()
            .or(device_token.as_ref())
            .map_or("", Secret::expose);
        let (client_id, mode, role) = ("gateway-client", "ui", "operator");
        let device = config.identity.as_ref().map(|identity| ConnectDevice {
            id: identity.id().clone(),
            public_key: identity.public_key(),
            signature: identity.sign(&sign_payload_v3(&SignFields {
                device_id: identity.id().as_str(),
                client_id,
                client_mode: mode,
                role,
                scopes: &config.scopes,
                signed_at_ms: challenge.ts,
                token: signed,
                nonce: &challenge.nonce,
                platform: PLATFORM,
                device_family: "",
            })),
            signed_at: challenge.ts,
            nonce: challenge.nonce.clone(),
        });
        let auth = (token.is_some() || password.is_some() || device_token.is_some()).then(|| ConnectAuth {
            token: token.as_ref().map(Secret::expose),
            password: password.as_ref().map(Secret::expose),
            device_token: device_token.as_ref().map(Secret::expose),
        });
        let params = ConnectParams {
            min_protocol: MIN_PROTOCOL,
            max_protocol: MAX_PROTOCOL,
            client: ClientInfo {
                id: client_id,
                display_name: &config.display_name,
                version: env!("CARGO_PKG_VERSION"),
                platform: PLATFORM,
                mode,
                instance_id: config.instance_id.as_deref(),
            },
            role,
            scopes: &config.scopes,
            caps: &config.caps,
            locale: config.locale.as_deref(),
            user_agent: Some(concat!("clawtray/", env!("CARGO_PKG_VERSION"))),
            auth,
            device,
        };
        frame::request(&id, CONNECT_METHOD, &params)
    }

    pub(super) fn on_refused(&mut self, now: Now, error: &GatewayError) {
        let credentials = &self.config.credentials;
        let trusted = self.endpoint().is_some_and(|endpoint| {
            endpoint.is_loopback() || (endpoint.is_tls() && self.config.pinned_certificate_sha256.is_some())
        });
        let shown_shared =
            self.show == Show::Usual && (credentials.token.is_some() || credentials.password.is_some());
        let attempt = Attempt {
            device_token_left: trusted && shown_shared && credentials.device_token.is_some(),
        };
        let verdict = verdict::refused(error, attempt);
        self.drop_socket(1000);
        self.act(now, verdict, error.message.clone());
    }

    pub(super) fn on_hello(&mut self, now: Now, payload: Option<&RawValue>) {
        let hello = match serde_json::from_str::<HelloOk>(payload.map_or("null", RawValue::get)) {
            Ok(hello) => hello,
            Err(error) => {
                tracing::debug!(
                    line = error.line(),
                    column = error.column(),
                    "unreadable hello-ok"
                );
                self.drop_socket(1002);
                let message = "the gateway's handshake could not be read".to_owned();
                self.pause(
                    PauseReason::Refused {
                        code: "BAD_HELLO".to_owned(),
                        message,
                    },
                    None,
                );
                return;
            }
        };
        if !(MIN_PROTOCOL..=MAX_PROTOCOL).contains(&hello.protocol) {
            self.drop_socket(1002);
            self.pause(
                PauseReason::ProtocolMismatch {
                    expected: Some(hello.protocol),
                },
                None,
            );
            return;
        }
        self.backoff.reset();
        self.soon_until = None;
        self.restart_hint = None;
        self.keep_token(&hello);
        let new_boot = self.was_connected && self.boot_id != hello.server.boot_id;
        if new_boot {
            self.runs.clear();
        }
        self.was_connected = true;
        self.boot_id.clone_from(&hello.server.boot_id);
        let subscribe = self.config.subscribe_sessions && Scope::Read.is_in(&hello.auth.scopes);
        let tick_ms = hello.policy.tick_interval_ms.clamp(1_000, 600_000);
        self.phase = Phase::Ready(Box::new(Ready {
            tick: Duration::from_millis(tick_ms),
            last_heard: now.mono,
            last_seq: None,
            max_payload: hello.policy.max_payload,
            announced: false,
            new_boot,
        }));
        self.clocks = Some(now);
        self.effects
            .push_back(Effect::State(ConnectionState::Ready(Box::new(info(hello)))));
        if subscribe {
            self.request(
                now,
                Waiter::Subscribe,
                "sessions.subscribe",
                &json!({}),
                SUBSCRIBE_LIMIT,
            );
        } else {
            self.announce();
        }
    }

    /// A token that is new goes to storage, and into the next attempt.
    pub(super) fn keep_token(&mut self, hello: &HelloOk) {
        let Some(token) = hello
            .auth
            .device_token
            .as_deref()
            .filter(|token| !token.is_empty())
        else {
            return;
        };
        let token = Secret::new(token);
        if self.config.credentials.device_token.as_ref() == Some(&token) {
            return;
        }
        self.config.credentials.device_token = Some(token.clone());
        self.effects.push_back(Effect::StoreToken(IssuedToken {
            token,
            role: hello.auth.role.clone().unwrap_or_else(|| "operator".to_owned()),
            scopes: hello.auth.scopes.clone(),
        }));
    }

    pub(super) fn announce(&mut self) {
        if let Phase::Ready(ready) = &mut self.phase
            && !ready.announced
        {
            ready.announced = true;
            let new_boot = ready.new_boot;
            self.emit(GatewayEvent::Connected { new_boot });
        }
    }
}

fn info(hello: HelloOk) -> ServerInfo {
    let attachments = hello.policy.attachments;
    ServerInfo {
        version: hello.server.version,
        protocol: hello.protocol,
        scopes: hello.auth.scopes,
        methods: hello.features.methods,
        main_session_key: hello.snapshot.session_defaults.main_session_key,
        default_agent_id: hello.snapshot.session_defaults.default_agent_id,
        max_payload_bytes: hello.policy.max_payload,
        max_attachment_bytes: attachments.and_then(|policy| policy.max_bytes),
        max_image_bytes: attachments.and_then(|policy| policy.max_image_bytes),
        boot_id: hello.server.boot_id,
    }
}
