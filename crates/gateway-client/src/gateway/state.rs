//! The states of a connection, and the reasons why it pauses.

use clawtray_gateway_protocol::{AgentId, SessionKey};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where a connection stands.
#[derive(Clone, Debug, PartialEq)]
pub enum ConnectionState {
    /// Not started.
    Idle,
    /// The socket is being opened.
    Connecting,
    /// Open; `connect` is under way.
    Handshaking,
    /// Ready for requests.
    Ready(Box<ServerInfo>),
    /// Lost or refused for now; the next attempt comes by itself.
    Backoff {
        /// Attempts since the last success.
        attempt: u32,
        /// Time until the next attempt, from when this state was entered.
        delay: Duration,
        /// The gateway announced that it is restarting or starting up.
        soon_back: bool,
        /// What happened, in a sentence without secrets.
        error: String,
    },
    /// Stopped until the user acts. A connection that was ready once also looks again by itself after one to ten minutes,
    /// where the reason [may pass](PauseReason::may_pass); one that the gateway lets wait looks when that time is over.
    Paused(PauseReason),
    /// Shut down by us.
    Closed,
}

/// What the gateway said about itself in `hello-ok`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServerInfo {
    /// The gateway's version, for example `2026.9.6`.
    pub version: String,
    /// The protocol in use.
    pub protocol: u32,
    /// The scopes granted.
    pub scopes: Vec<String>,
    /// The methods offered.
    pub methods: Vec<String>,
    /// The main session of the default agent.
    pub main_session_key: Option<SessionKey>,
    /// The default agent.
    pub default_agent_id: Option<AgentId>,
    /// The largest frame the gateway takes, in bytes.
    pub max_payload_bytes: u64,
    /// The largest attachment, in bytes.
    pub max_attachment_bytes: Option<u64>,
    /// The largest image, in bytes.
    pub max_image_bytes: Option<u64>,
    /// Changes with every start of the gateway.
    pub boot_id: Option<String>,
}

impl ServerInfo {
    /// Whether the gateway has a method.
    #[must_use]
    pub fn offers(&self, method: &str) -> bool {
        self.methods.iter().any(|offered| offered == method)
    }
}

/// Why a connection waits for the user. Each names the next step.
#[derive(Clone, Debug, PartialEq)]
pub enum PauseReason {
    /// The token, password or device token is missing or wrong.
    AuthRequired {
        /// `details.code`, for example `AUTH_TOKEN_MISMATCH`.
        code: String,
        /// The gateway's own `recommendedNextStep`.
        next_step: Option<String>,
    },
    /// The gateway's owner has to approve this device, or its wider scopes.
    PairingPending {
        /// Named in `openclaw devices approve <id>`.
        request_id: Option<String>,
        /// `not-paired`, `scope-upgrade`, `metadata-upgrade`.
        reason: Option<String>,
        /// The gateway's own remediation hint.
        hint: Option<String>,
    },
    /// Too many requests or failed attempts; the gateway lets us wait.
    RateLimited {
        /// How long the gateway asked us to wait.
        retry_after: Option<Duration>,
    },
    /// No protocol version in common.
    ProtocolMismatch {
        /// The version the gateway wants, where it said so.
        expected: Option<u32>,
    },
    /// Plain `ws://` to a public address, or a certificate that is not trusted.
    InsecureTransport {
        /// What is wrong, in a sentence.
        message: String,
        /// SHA-256 of the certificate offered, lowercase hex, when the user may pin it.
        fingerprint: Option<String>,
    },
    /// `ssh` needs the user before it can lead to the gateway.
    Tunnel {
        /// What is wrong, in a sentence.
        message: String,
        /// What the user can do about it in a terminal.
        command: String,
    },
    /// The gateway removed this device or changed its authentication (close code 4001).
    DeviceRevoked {
        /// The close reason.
        reason: String,
    },
    /// The keychain does not give out what the connection needs.
    SecretsUnavailable {
        /// What is wrong, in a sentence.
        message: String,
    },
    /// The client itself failed twice within an hour: a fault of ours. It is started again by itself.
    ClientFailed,
    /// The user switched the connection off.
    UserOffline,
    /// Something else that a retry cannot mend.
    Refused {
        /// The error's code.
        code: String,
        /// The gateway's own sentence.
        message: String,
    },
}

impl PauseReason {
    /// Whether it may pass without the user. What concerns the sign-in does not, and what the user did does not.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::ProtocolMismatch { .. }
            | Self::InsecureTransport { .. }
            | Self::Tunnel { .. }
            | Self::ClientFailed
            | Self::Refused { .. } => true,
            Self::AuthRequired { .. }
            | Self::PairingPending { .. }
            | Self::DeviceRevoked { .. }
            | Self::SecretsUnavailable { .. }
            | Self::UserOffline => false,
        }
    }

    /// The command that lets this device in, to be run where the gateway runs.
    #[must_use]
    pub fn approval_command(&self) -> Option<String> {
        let Self::PairingPending {
            request_id: Some(id), ..
        } = self
        else {
            return None;
        };
        is_plain_id(id).then(|| format!("openclaw devices approve {id}"))
    }
}

/// Whether a shell and a program take an id for an id, and nothing else: it comes from the other side and ends up in a
/// command that the user copies. It begins with a letter or digit, because a program takes `-…` for an option.
fn is_plain_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    id.len() <= 64
        && id.bytes().all(plain)
        && id
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_to_copy_carries_nothing_but_an_id() {
        let command = |id: &str| {
            let reason = PauseReason::PairingPending {
                request_id: Some(id.to_owned()),
                reason: None,
                hint: None,
            };
            reason.approval_command()
        };
        for plain in ["req-1", "0c9f", "a_b", "A"] {
            assert_eq!(command(plain), Some(format!("openclaw devices approve {plain}")));
        }
        let long = "a".repeat(65);
        for other in [
            "", "-", "--latest", "-rf", "_x", "a b", "a;b", "$(x)", "é", "a\n", &long,
        ] {
            assert_eq!(command(other), None, "{other}");
        }
    }
}
