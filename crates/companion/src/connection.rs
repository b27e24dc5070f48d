//! Describes the state of a connection to the user: one sentence, one next step, and a command
//! where one helps.

#[cfg(test)]
mod tests;

use crate::api::{CapabilitiesView, ConnectionView, ConnectionWord, NextStep};
use crate::discovery::SHOW_TOKEN;
use crate::gateway::{Capabilities, ConnectionState, PauseReason};
use crate::ports::SecretError;
use crate::words::Language;

/// What the sentence needs besides the state.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The gateway's name.
    pub gateway: String,
    /// What the dialect can do.
    pub capabilities: Option<Capabilities>,
    /// Round trip in milliseconds.
    pub latency_ms: Option<u32>,
    /// When the state was entered, in milliseconds since the epoch.
    pub since_ms: i64,
    /// This device was connected to this gateway before, or the user trusted a certificate of it.
    pub was_ready: bool,
    /// The keychain did not give out what the connection needs.
    pub keychain: Option<SecretError>,
    /// What the sentence is said in.
    pub language: Language,
}

/// Words for a state.
#[must_use]
pub fn view(state: &ConnectionState, facts: &Facts) -> ConnectionView {
    let name = facts.gateway.as_str();
    let words = facts.language.words();
    let mut view = ConnectionView {
        gateway: name.to_owned(),
        language: facts.language.tag().to_owned(),
        latency_ms: facts.latency_ms,
        capabilities: capabilities(state, facts.capabilities),
        ..ConnectionView::default()
    };
    if let Some(error) = &facts.keychain {
        view.word = keychain_word(error);
        view.sentence = keychain_sentence(error, name, facts.language);
        view.next_step = NextStep::UnlockKeychain;
        return view;
    }
    match state {
        ConnectionState::Idle | ConnectionState::Connecting | ConnectionState::Handshaking => {
            view.word = ConnectionWord::Connecting;
            view.sentence = (words.connecting)(name);
        }
        ConnectionState::Ready(info) => {
            view.word = ConnectionWord::Ready;
            view.version = Some(info.version.clone()).filter(|version| !version.is_empty());
        }
        ConnectionState::Backoff { delay, soon_back, .. } => {
            let delay_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
            view.retry_at_ms = Some(facts.since_ms.saturating_add(delay_ms));
            view.next_step = NextStep::TryNow;
            if *soon_back {
                view.word = ConnectionWord::SoonBack;
                view.sentence = (words.starting)(name);
            } else {
                view.word = ConnectionWord::Offline;
                view.sentence = (words.not_reachable)(name);
            }
        }
        ConnectionState::Paused(reason) => paused(&mut view, reason, facts),
        ConnectionState::Closed => {
            view.word = ConnectionWord::UserOffline;
            view.sentence = (words.switched_off)(name);
            view.next_step = NextStep::GoOnline;
        }
    }
    view
}

fn paused(view: &mut ConnectionView, reason: &PauseReason, facts: &Facts) {
    let name = facts.gateway.as_str();
    let words = facts.language.words();
    let (word, sentence, step) = match reason {
        PauseReason::AuthRequired { code, next_step } => {
            let missing = code.ends_with("_MISSING");
            let password = code.contains("PASSWORD");
            view.wants_password = password;
            let sentence = if missing && password {
                (words.wants_password)(name)
            } else if missing {
                (words.wants_token)(name)
            } else if code.contains("PASSWORD") {
                (words.password_invalid)(name)
            } else if code.contains("SCOPE") {
                (words.rights_missing)(name)
            } else {
                (words.token_invalid)(name)
            };
            // No command of the gateway shows a password: its owner chose it.
            let shared = code.contains("AUTH_TOKEN_") && next_step.is_some();
            if shared && !password {
                view.command = Some(SHOW_TOKEN.to_owned());
            }
            (ConnectionWord::SignIn, sentence, NextStep::SignIn)
        }
        PauseReason::PairingPending { reason: why, .. } => {
            let approve = reason.approval_command();
            view.command = approve.or_else(|| Some("openclaw devices list".to_owned()));
            let sentence = match why.as_deref() {
                Some("scope-upgrade") => (words.pairing_wider)(name),
                Some("metadata-upgrade") => (words.pairing_again)(name),
                _ => (words.pairing_once)(name),
            };
            (ConnectionWord::Pairing, sentence, NextStep::ApprovePairing)
        }
        PauseReason::RateLimited { retry_after } => {
            view.retry_at_ms = retry_after.map(|after| {
                facts
                    .since_ms
                    .saturating_add(i64::try_from(after.as_millis()).unwrap_or(i64::MAX))
            });
            let sentence = (words.lets_wait)(name);
            (ConnectionWord::RateLimited, sentence, NextStep::TryNow)
        }
        PauseReason::ProtocolMismatch { expected } => {
            let sentence = match expected {
                Some(version) => (words.speaks_protocol)(name, *version),
                None => (words.no_common_protocol)(name),
            };
            view.command = Some("openclaw update".to_owned());
            (
                ConnectionWord::ProtocolMismatch,
                sentence,
                NextStep::UpdateGateway,
            )
        }
        // Who trusts the certificate of a server in between, such as a hotel's login page, locks the real gateway out.
        PauseReason::InsecureTransport {
            fingerprint: Some(_), ..
        } if facts.was_ready => (
            ConnectionWord::Refused,
            (words.certificate_changed)(name),
            NextStep::TryNow,
        ),
        PauseReason::InsecureTransport { message, fingerprint } => {
            view.fingerprint.clone_from(fingerprint);
            let step = if fingerprint.is_some() {
                NextStep::TrustCertificate
            } else {
                NextStep::AddGateway
            };
            (ConnectionWord::Insecure, sentence_of(message), step)
        }
        PauseReason::Tunnel { message, command } => {
            view.command = Some(command.clone());
            (ConnectionWord::Refused, sentence_of(message), NextStep::TryNow)
        }
        PauseReason::ClientFailed => (
            ConnectionWord::Offline,
            (words.client_failed)(name),
            NextStep::TryNow,
        ),
        PauseReason::DeviceRevoked { .. } => (
            ConnectionWord::SignIn,
            (words.device_removed)(name),
            NextStep::SignIn,
        ),
        PauseReason::SecretsUnavailable { message } => (
            ConnectionWord::KeychainUnreadable,
            sentence_of(message),
            NextStep::UnlockKeychain,
        ),
        PauseReason::UserOffline => (
            ConnectionWord::UserOffline,
            (words.switched_off)(name),
            NextStep::GoOnline,
        ),
        PauseReason::Refused { message, .. } => {
            let said = sentence_of(message);
            (
                ConnectionWord::Refused,
                (words.refused)(name, &said),
                NextStep::TryNow,
            )
        }
    };
    view.word = word;
    view.sentence = sentence;
    view.next_step = step;
}

/// What keeps the keychain from being read, in a word.
#[must_use]
pub fn keychain_word(error: &SecretError) -> ConnectionWord {
    match error {
        SecretError::Locked => ConnectionWord::KeychainLocked,
        SecretError::Absent | SecretError::Timeout | SecretError::Refused(_) => {
            ConnectionWord::KeychainUnreadable
        }
    }
}

/// The keychain's answer in a sentence.
#[must_use]
pub fn keychain_sentence(error: &SecretError, gateway: &str, language: Language) -> String {
    let words = language.words();
    match error {
        SecretError::Locked => (words.keychain_locked)(gateway),
        SecretError::Absent => (words.keychain_absent)(gateway),
        SecretError::Timeout => (words.keychain_silent)(gateway),
        SecretError::Refused(_) => (words.keychain_refused)(gateway),
    }
}

/// No gateway at all.
#[must_use]
pub fn none(language: Language) -> ConnectionView {
    ConnectionView {
        word: ConnectionWord::None,
        sentence: language.words().no_gateway.to_owned(),
        language: language.tag().to_owned(),
        next_step: NextStep::AddGateway,
        ..ConnectionView::default()
    }
}

fn capabilities(state: &ConnectionState, capabilities: Option<Capabilities>) -> CapabilitiesView {
    let Some(can) = capabilities else {
        return CapabilitiesView::default();
    };
    let (attachment, image) = match state {
        ConnectionState::Ready(info) => (
            info.max_attachment_bytes.unwrap_or_default(),
            info.max_image_bytes.unwrap_or_default(),
        ),
        ConnectionState::Idle
        | ConnectionState::Connecting
        | ConnectionState::Handshaking
        | ConnectionState::Backoff { .. }
        | ConnectionState::Paused(_)
        | ConnectionState::Closed => (0, 0),
    };
    CapabilitiesView {
        streaming: can.streaming,
        abort: can.abort,
        push: can.push,
        history: can.history,
        sessions: can.sessions,
        manage_sessions: can.manage_sessions,
        approvals: can.approvals,
        attachments: can.attachments,
        native: can.native,
        max_attachment_bytes: attachment,
        max_image_bytes: image,
    }
}

fn sentence_of(message: &str) -> String {
    let line = crate::text::one_line(message, 240);
    let mut sentence = crate::text::capitalised(&line);
    if !sentence.is_empty() && !sentence.ends_with(['.', '…', '?']) {
        sentence.push('.');
    }
    sentence
}
