//! The handshake: challenge, `connect`, `hello-ok`.

use super::verdict::{Attempt, Verdict};
use super::{Effect, Now, Pending, Phase, Ready, SUBSCRIBE_LIMIT, Session, Show, Waiter, verdict};
use crate::config::{IssuedToken, PLATFORM};
use crate::{ConnectionState, GatewayEvent, PauseReason, Secret, ServerInfo};
use clawtray_gateway_protocol::handshake::{
    CONNECT_METHOD, Challenge, ClientInfo, ConnectAuth, ConnectDevice, ConnectParams, HelloOk, MAX_PROTOCOL,
    MIN_PROTOCOL, SignFields, sign_payload_v3,
};
use clawtray_gateway_protocol::{GatewayError, Scope, bounds, frame};
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
        // The nonce is signed and sent back: it is an identifier, not a load.
        let Some(challenge) = challenge.filter(|challenge| bounds::is_id(&challenge.nonce)) else {
            let message =
                "the server is not an OpenClaw gateway, or its version is not supported; check the address";
            self.not_a_gateway(now, "BAD_CHALLENGE", message);
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

    /// What answers does not speak the protocol.
    fn not_a_gateway(&mut self, now: Now, code: &str, message: &str) {
        self.drop_socket(1002);
        let reason = PauseReason::Refused {
            code: code.to_owned(),
            message: message.to_owned(),
        };
        self.act(now, Verdict::Pause(reason), message.to_owned());
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
                self.not_a_gateway(now, "BAD_HELLO", "the gateway's handshake could not be read");
                return;
            }
        };
        if !(MIN_PROTOCOL..=MAX_PROTOCOL).contains(&hello.protocol) {
            self.drop_socket(1002);
            let reason = PauseReason::ProtocolMismatch {
                expected: Some(hello.protocol),
            };
            self.act(now, Verdict::Pause(reason), String::new());
            return;
        }
        self.backoff.reset();
        self.look.ready();
        self.approvals.clear();
        self.soon_until = None;
        self.restart_hint = None;
        self.keep_token(&hello);
        let boot_id = hello.server.boot_id.clone().filter(|id| bounds::is_id(id));
        let new_boot = self.was_connected && self.boot_id != boot_id;
        if new_boot {
            self.runs.clear();
        }
        self.was_connected = true;
        self.boot_id = boot_id;
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
            .filter(|token| !token.is_empty() && token.len() <= TOKEN_MAX)
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
            role: hello
                .auth
                .role
                .clone()
                .filter(|role| role.len() <= NAME_MAX)
                .unwrap_or_else(|| "operator".to_owned()),
            scopes: names(hello.auth.scopes.clone()),
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

/// The longest device token that is kept, in bytes. The gateway's own have 43.
const TOKEN_MAX: usize = 8 * 1024;
/// Methods and scopes that are kept, and bytes of the name of each. The gateway has about 200 methods. With the sentences
/// of [`bounds`] the state of a connection is below 600 KiB.
const NAMES_MAX: usize = 4096;
const NAME_MAX: usize = 128;

fn names(mut names: Vec<String>) -> Vec<String> {
    names.retain(|name| name.len() <= NAME_MAX);
    names.truncate(NAMES_MAX);
    names.shrink_to_fit();
    names
}

/// What is kept of a greeting. It is copied with every look at the state, so it is small whatever the gateway says.
fn info(hello: HelloOk) -> ServerInfo {
    let attachments = hello.policy.attachments;
    let defaults = hello.snapshot.session_defaults;
    ServerInfo {
        version: bounds::cut(&hello.server.version, NAME_MAX).to_owned(),
        protocol: hello.protocol,
        scopes: names(hello.auth.scopes),
        methods: names(hello.features.methods),
        main_session_key: defaults
            .main_session_key
            .filter(|key| bounds::is_id(key.as_str())),
        default_agent_id: defaults.default_agent_id.filter(|id| bounds::is_id(id.as_str())),
        max_payload_bytes: hello.policy.max_payload,
        max_attachment_bytes: attachments.and_then(|policy| policy.max_bytes),
        max_image_bytes: attachments.and_then(|policy| policy.max_image_bytes),
        boot_id: hello.server.boot_id.filter(|id| bounds::is_id(id)),
    }
}
