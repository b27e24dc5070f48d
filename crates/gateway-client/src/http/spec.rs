//! The differences between the dialects, as data and small functions.

use super::{Dialect, d1, d2, d3, d4, d5, openai};
use crate::{CallError, Capabilities, Prompt};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

/// Time for an answer that needs no agent.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);
/// Time for an agent's reply where the prompt names none.
pub(crate) const REPLY_LIMIT: Duration = Duration::from_secs(600);
/// The longest time for an agent's reply.
pub(crate) const REPLY_LIMIT_MAX: Duration = Duration::from_secs(24 * 3_600);
/// The longest reply that is kept, in bytes, and the tools at work at once.
pub(crate) const REPLY_MAX: usize = 16 * 1024 * 1024;
pub(crate) const TOOLS_MAX: usize = 256;

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Percent-encoded, from the address of the gateway on.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Option<Value>,
    pub(crate) limit: Duration,
}

impl Call {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            body: None,
            limit: LIMIT,
        }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: impl Into<String>, body: Value) -> Self {
        Self {
            body: Some(body),
            ..Self::new(Method::POST, path)
        }
    }

    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// It may be sent twice without harm.
    pub(crate) fn is_harmless(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }
}

/// What may stand in a part of a path as it is (RFC 3986, 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A part of a path. That it is not `.` or `..` is checked where the request goes out.
pub(crate) fn part(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// A session as the gateway knows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Place {
    /// As this client calls it.
    pub(crate) key: String,
    /// What the gateway calls it; none for a session that it has not made yet.
    pub(crate) id: Option<String>,
    pub(crate) agent: String,
    pub(crate) workspace: String,
    /// The session of the agent that is always there.
    pub(crate) main: bool,
}

impl Place {
    /// The gateway's word, else ours.
    pub(crate) fn name(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.key)
    }

    /// The key without the agent in front of it.
    pub(crate) fn short(&self) -> &str {
        let mut parts = self.key.splitn(3, ':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("agent"), Some(_), Some(rest)) => rest,
            _ => &self.key,
        }
    }
}

/// A piece of a streamed reply.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    /// More text.
    Text(String),
    /// A tool began.
    Tool { name: String, input: Value },
    /// The tool that began last, or the last one of this name, ended.
    Result {
        name: Option<String>,
        output: String,
        failed: bool,
    },
    /// The reply is whole.
    End { stop_reason: Option<String> },
    /// It failed.
    Error(String),
    /// The session that the reply belongs to.
    Session(String),
    /// What the gateway calls the reply.
    Message(String),
}

/// The turns of a conversation that the gateway does not keep.
pub(crate) type Turns = Vec<(&'static str, String)>;

/// A native method that a dialect can do: the request, and the answer in the native shape.
pub(crate) type Mapped = (Call, fn(Value) -> Value);

/// How a prompt is sent, after the turns before it, with a time limit.
type Sending = fn(&Place, &Prompt, &Turns, Duration) -> Call;

/// A dialect.
pub(crate) struct Spec {
    pub(crate) dialect: Dialect,
    pub(crate) can: Capabilities,
    /// Whether the gateway lives.
    pub(crate) health: &'static str,
    /// Whether an answer to it is one of this dialect.
    pub(crate) is_health: fn(&super::wire::Answer) -> bool,
    /// The sessions of an agent; none where they cannot be listed.
    pub(crate) sessions: Option<fn(agent: &str, limit: u32) -> Call>,
    /// The newest messages of a session.
    pub(crate) history: Option<fn(&Place, limit: u32) -> Call>,
    /// Sends a prompt; `Turns` are those before it.
    pub(crate) send: Sending,
    /// The same, to be streamed.
    pub(crate) stream: Option<Sending>,
    /// One event of a stream.
    pub(crate) piece: fn(&Value) -> Vec<Piece>,
    /// A native method that this dialect has under another name.
    pub(crate) method: fn(name: &str, params: &Value, place: &Place) -> Option<Mapped>,
    /// Sessions get their name from the gateway on first use.
    pub(crate) names_sessions: bool,
}

impl Spec {
    pub(crate) fn of(dialect: Dialect) -> &'static Self {
        match dialect {
            Dialect::Sessions => &d1::SPEC,
            Dialect::SessionsList => &d2::SPEC,
            Dialect::Gateway => &d3::SPEC,
            Dialect::Chat => &d4::SPEC,
            Dialect::Messages => &d5::SPEC,
            Dialect::OpenAi => &openai::SPEC,
        }
    }
}

/// What every dialect can do that keeps sessions.
pub(crate) const SESSIONS: Capabilities = Capabilities {
    streaming: false,
    abort: false,
    push: false,
    history: true,
    sessions: true,
    manage_sessions: false,
    approvals: false,
    attachments: false,
    native: false,
};

/// A dialect without streams.
pub(crate) fn no_piece(_: &Value) -> Vec<Piece> {
    Vec::new()
}

/// A dialect without other methods.
pub(crate) fn no_method(_: &str, _: &Value, _: &Place) -> Option<Mapped> {
    None
}

/// The answer as it is.
pub(crate) fn as_it_is(value: Value) -> Value {
    value
}

/// A request that is written out: `GET /path`, with its fields as query or body.
pub(crate) fn written_out(method: &str, params: &Value) -> Option<Result<Call, CallError>> {
    let (verb, path) = method.split_once(' ')?;
    let verb = match verb {
        "GET" => Method::GET,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        _ => return None,
    };
    let plain = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if !plain {
        return Some(Err(CallError::Unsupported(
            "a path begins with / and has no spaces",
        )));
    }
    let mut call = Call::new(verb, path).within(REPLY_LIMIT);
    let fields = params.as_object().filter(|fields| !fields.is_empty());
    if matches!(call.method, Method::GET | Method::DELETE) {
        for (name, value) in fields.into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            call = call.with(name, value);
        }
    } else {
        call.body = Some(params.clone()).filter(|params| !params.is_null());
    }
    Some(Ok(call))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requests_can_be_written_out() {
        let call = written_out("GET /api/v1/stats", &json!({"from": "2026-01-01", "limit": 3}));
        let call = call.unwrap().unwrap();
        assert_eq!(
            call.query,
            [("from".into(), "2026-01-01".into()), ("limit".into(), "3".into())]
        );
        let call = written_out("POST /api/x", &json!({"a": 1})).unwrap().unwrap();
        assert_eq!(call.body, Some(json!({"a": 1})));
        assert_eq!(written_out("sessions.list", &json!({})), None);
        assert_eq!(written_out("BREW /pot", &json!({})), None);
        assert!(written_out("GET http://elsewhere", &json!({})).unwrap().is_err());
    }

    #[test]
    fn a_session_key_is_one_part_of_a_path() {
        assert_eq!(part("agent:main:a/b?c ä"), "agent%3Amain%3Aa%2Fb%3Fc%20%C3%A4");
    }
}
