//! Identifiers as newtypes, so that nobody mixes up a run and a session.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The identifier as the gateway spells it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self(value.to_owned())
            }
        }
        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self(value)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A session's key, for example `agent:main:main`.
    SessionKey
);
id!(
    /// A run: one turn of an agent. For `chat.send` it is the idempotency key of the request.
    RunId
);
id!(
    /// An agent configured in the gateway, for example `main`.
    AgentId
);
id!(
    /// A message of a transcript (`__openclaw.id` in history rows).
    MessageId
);
id!(
    /// An exec or plugin approval.
    ApprovalId
);
id!(
    /// A device: the lowercase hex SHA-256 of its raw Ed25519 public key.
    DeviceId
);
