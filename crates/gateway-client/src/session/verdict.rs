//! The reconnect policy as tables: what each refusal, close or failure leads to.

use super::backoff::named_wait;
use crate::PauseReason;
use clawtray_gateway_protocol::bounds::{SENTENCE_MAX, cut, plain_code};
use clawtray_gateway_protocol::event::is_starting;
use clawtray_gateway_protocol::{CloseCode, GatewayError};
use std::time::Duration;

/// Why the socket could not be opened.
#[derive(Clone, Debug, PartialEq)]
pub enum OpenError {
    /// No answer, refused, reset, no such host.
    Unreachable(String),
    /// The server answered the upgrade with something else.
    Http {
        /// The status.
        status: u16,
        /// Its `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// Plain, and the name leads to an address where others could listen.
    Insecure(String),
    /// The certificate is not trusted.
    Certificate {
        /// What is wrong with it.
        message: String,
        /// Its SHA-256, lowercase hex.
        fingerprint: Option<String>,
    },
    /// Not a WebSocket server.
    NotAWebSocket(String),
    /// `ssh` needs the user before it can lead there.
    Tunnel {
        /// What is wrong.
        message: String,
        /// What the user can do in a terminal.
        command: String,
    },
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Stop until the user acts.
    Pause(PauseReason),
    /// Stop, but look again now and then: the gateway said that waiting is right.
    PauseAndLook(PauseReason),
    /// Try again, later and later.
    Retry {
        /// Not before this time.
        after: Option<Duration>,
    },
    /// Try again soon: the gateway is on its way back.
    SoonBack {
        /// Not before this time.
        after: Option<Duration>,
    },
    /// Once more, with the device token in place of the shared one.
    RetryWithDeviceToken,
}

/// What is known when `connect` is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attempt {
    /// There is a device token that this attempt did not use, and the endpoint may be shown it.
    pub device_token_left: bool,
}

/// What a refused `connect` means.
#[must_use]
pub fn refused(error: &GatewayError, attempt: Attempt) -> Verdict {
    let after = error.retry_after_ms.map(Duration::from_millis).map(named_wait);
    if is_starting(error) {
        return Verdict::SoonBack { after };
    }
    let code = plain_code(error.detail_code().unwrap_or(&error.code));
    let text = |name: &str| Some(cut(error.detail(name)?, SENTENCE_MAX).to_owned());
    let flag = |name: &str| {
        error
            .details
            .as_ref()
            .and_then(|details| details.get(name)?.as_bool())
    };
    match code.as_str() {
        "AUTH_TOKEN_MISMATCH"
            if flag("canRetryWithDeviceToken") == Some(true) && attempt.device_token_left =>
        {
            Verdict::RetryWithDeviceToken
        }
        "AUTH_RATE_LIMITED" => Verdict::Pause(PauseReason::RateLimited { retry_after: after }),
        "PAIRING_REQUIRED" => {
            let reason = PauseReason::PairingPending {
                request_id: text("requestId"),
                reason: text("reason"),
                hint: text("remediationHint"),
            };
            let may_look = flag("pauseReconnect") == Some(false)
                || error.detail("recommendedNextStep") == Some("wait_then_retry");
            if may_look {
                Verdict::PauseAndLook(reason)
            } else {
                Verdict::Pause(reason)
            }
        }
        "PROTOCOL_MISMATCH" => Verdict::Pause(PauseReason::ProtocolMismatch {
            expected: error
                .details
                .as_ref()
                .and_then(|details| details.get("expectedProtocol")?.as_u64())
                .and_then(|version| version.try_into().ok()),
        }),
        code if code.starts_with("AUTH_") || code == "DEVICE_IDENTITY_REQUIRED" => {
            Verdict::Pause(PauseReason::AuthRequired {
                code: code.to_owned(),
                next_step: text("recommendedNextStep"),
            })
        }
        _ if error.code == "UNAVAILABLE" || error.retryable == Some(true) => Verdict::Retry { after },
        code => Verdict::Pause(PauseReason::Refused {
            code: code.to_owned(),
            message: error.message.clone(),
        }),
    }
}

/// What a closed connection means.
#[must_use]
pub fn closed(code: CloseCode, reason: &str, was_ready: bool) -> Verdict {
    match code {
        CloseCode::ServiceRestart | CloseCode::TryAgainLater => Verdict::SoonBack { after: None },
        CloseCode::AccessChanged => Verdict::Pause(PauseReason::DeviceRevoked {
            reason: reason.to_owned(),
        }),
        CloseCode::Protocol if !was_ready => Verdict::Pause(PauseReason::ProtocolMismatch { expected: None }),
        CloseCode::Policy if reason.contains("slow consumer") => Verdict::Retry { after: None },
        CloseCode::Policy => Verdict::Pause(PauseReason::Refused {
            code: "POLICY".to_owned(),
            message: reason.to_owned(),
        }),
        CloseCode::Normal
        | CloseCode::Protocol
        | CloseCode::Abnormal
        | CloseCode::TooBig
        | CloseCode::TickTimeout
        | CloseCode::Other(_) => Verdict::Retry { after: None },
    }
}

/// What a socket that could not be opened means.
#[must_use]
pub fn not_opened(error: &OpenError) -> Verdict {
    match error {
        OpenError::Unreachable(_) => Verdict::Retry { after: None },
        OpenError::Http {
            status: 503,
            retry_after,
        } => Verdict::SoonBack {
            after: retry_after.map(named_wait),
        },
        OpenError::Http {
            status: 408 | 425 | 429 | 500..=599,
            retry_after,
        } => Verdict::Retry {
            after: retry_after.map(named_wait),
        },
        OpenError::Http { status, .. } => Verdict::Pause(PauseReason::Refused {
            code: format!("HTTP_{status}"),
            message: format!("the server answered with HTTP {status}; check the gateway's address"),
        }),
        OpenError::Insecure(message) => Verdict::Pause(PauseReason::InsecureTransport {
            message: message.clone(),
            fingerprint: None,
        }),
        OpenError::Certificate { message, fingerprint } => Verdict::Pause(PauseReason::InsecureTransport {
            message: message.clone(),
            fingerprint: fingerprint.clone(),
        }),
        OpenError::NotAWebSocket(message) => Verdict::Pause(PauseReason::Refused {
            code: "NOT_A_GATEWAY".to_owned(),
            message: message.clone(),
        }),
        // What the user does in a terminal, or an agent that gets its keys later, mends it without a word to us.
        OpenError::Tunnel { message, command } => Verdict::PauseAndLook(PauseReason::Tunnel {
            message: message.clone(),
            command: command.clone(),
        }),
    }
}

/// A sentence about it, without secrets.
#[must_use]
pub fn sentence(error: &OpenError) -> String {
    match error {
        OpenError::Unreachable(message)
        | OpenError::NotAWebSocket(message)
        | OpenError::Insecure(message) => message.clone(),
        OpenError::Http { status: 503, .. } => "the gateway is starting".to_owned(),
        OpenError::Http { status, .. } => format!("the server answered with HTTP {status}"),
        OpenError::Certificate { message, .. } | OpenError::Tunnel { message, .. } => message.clone(),
    }
}
