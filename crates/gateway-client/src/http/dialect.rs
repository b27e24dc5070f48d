//! The names of the APIs that a gateway can speak.

use std::fmt;
use std::str::FromStr;

/// One of the documented HTTP APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// D1: `/api/sessions/send`, `/api/sessions`, usually port 5050.
    Sessions,
    /// D2: `/api/sessions/send`, `/api/sessions/list`, usually port 3000.
    SessionsList,
    /// D3: `/api/sessions/{key}/messages`, `/ws?token=`, usually port 18789.
    Gateway,
    /// D4: `/api/v1/chat`, usually port 3000.
    Chat,
    /// D5: `/api/v1/messages`, usually port 3000.
    Messages,
    /// OpenAI chat completions: `/v1/chat/completions`.
    OpenAi,
}

impl Dialect {
    /// All of them, in the order in which a gateway is asked for them.
    pub const ALL: [Self; 6] = [
        Self::Gateway,
        Self::Messages,
        Self::Chat,
        Self::Sessions,
        Self::SessionsList,
        Self::OpenAi,
    ];

    /// Its name in settings and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::SessionsList => "sessions-list",
            Self::Gateway => "gateway",
            Self::Chat => "chat-v1",
            Self::Messages => "messages-v1",
            Self::OpenAi => "openai",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What to speak with a gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// The WebSocket protocol for `ws` and `wss`; for `http` and `https` whatever answers.
    #[default]
    Auto,
    /// The WebSocket protocol.
    Native,
    /// One of the HTTP APIs.
    Http(Dialect),
}

/// A word that names no protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown protocol; use one of auto, native, {}", Dialect::ALL.map(Dialect::name).join(", "))]
pub struct UnknownProtocol;

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(word: &str) -> Result<Self, UnknownProtocol> {
        let word = word.trim().to_ascii_lowercase();
        Ok(match word.as_str() {
            "" | "auto" => Self::Auto,
            "native" | "websocket" => Self::Native,
            "d1" => Self::Http(Dialect::Sessions),
            "d2" => Self::Http(Dialect::SessionsList),
            "d3" => Self::Http(Dialect::Gateway),
            "d4" => Self::Http(Dialect::Chat),
            "d5" => Self::Http(Dialect::Messages),
            other => Self::Http(
                Dialect::ALL
                    .into_iter()
                    .find(|dialect| dialect.name() == other)
                    .ok_or(UnknownProtocol)?,
            ),
        })
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Native => "native",
            Self::Http(dialect) => dialect.name(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_there_and_back() {
        for dialect in Dialect::ALL {
            assert_eq!(dialect.name().parse(), Ok(Protocol::Http(dialect)));
        }
        assert_eq!("D4".parse(), Ok(Protocol::Http(Dialect::Chat)));
        assert_eq!(" auto ".parse(), Ok(Protocol::Auto));
        assert_eq!("native".parse(), Ok(Protocol::Native));
        assert_eq!("d6".parse::<Protocol>(), Err(UnknownProtocol));
    }
}
