//! The HTTP transport of one gateway: sends requests, reads statuses, and obeys waits.

use super::spec::Call;
use crate::config::{ClientConfig, WallClock};
use crate::endpoint::Endpoint;
use crate::proxy;
use crate::resolve::{self, HttpResolver, Lookup, PublicAddress};
use crate::session::backoff::named_wait;
use crate::size::is_crowded;
use crate::tls::{Offered, client_config};
use crate::{CallError, PauseReason, Secret};
use clawtray_gateway_protocol::GatewayError;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Proxy, Response, StatusCode};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Time for a connection to be made.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// The largest answer that is read, in bytes.
const ANSWER_MAX: usize = 16 * 1024 * 1024;
/// Attempts of a request that changes nothing, and the first pause between them; it doubles.
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that a request waits out by itself.
const PAUSE_MAX: Duration = Duration::from_secs(8);

/// The address, the token and the current wait of one gateway.
pub(crate) struct Wire {
    http: Client,
    base: String,
    token: Option<Secret>,
    offered: Offered,
    pinned: bool,
    wall_clock: WallClock,
    /// Over a limit until then.
    blocked: Mutex<Option<Instant>>,
    /// A path that refused the token, until something is accepted again.
    refused: Mutex<bool>,
}

/// Why a request got no usable answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Trouble {
    /// The connection was not made, or was lost.
    Unreachable { written: bool, what: String },
    /// The certificate is not trusted.
    Certificate {
        message: String,
        fingerprint: Option<String>,
    },
    /// No answer in time.
    Timeout(Duration),
    /// The answer has no end.
    TooLarge,
    /// Not asked: the gateway wants to be left alone.
    Blocked(Duration),
    /// Not asked: plain, and the name leads to an address where others could listen.
    Insecure(String),
    /// Not asked: the address would be another one than was built.
    Path,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    /// What was in it, where it is JSON.
    pub(crate) json: Option<Value>,
    /// A web page.
    pub(crate) page: bool,
    pub(crate) text: String,
}

impl Answer {
    /// 200 to 299, and no web page.
    pub(crate) fn is_good(&self) -> bool {
        (200..300).contains(&self.status) && !self.page
    }

    /// The JSON of a good answer; a bare text is a string.
    pub(crate) fn value(&self, call: &str) -> Result<Value, CallError> {
        if !(200..300).contains(&self.status) {
            return Err(self.error());
        }
        let unreadable = |reason: &str| CallError::Decode {
            method: call.to_owned(),
            reason: reason.to_owned(),
        };
        match &self.json {
            _ if self.page => Err(unreadable("the gateway sent a web page instead of JSON")),
            Some(value) => Ok(value.clone()),
            None if self.text.trim().is_empty() => Ok(Value::Null),
            None => Ok(Value::String(self.text.clone())),
        }
    }

    /// What a status other than 200 means to a caller.
    pub(crate) fn error(&self) -> CallError {
        let status = self.status;
        let (code, retryable) = match status {
            400 | 409 | 413 | 415 | 422 => ("INVALID_REQUEST", None),
            401 => ("UNAUTHORIZED", None),
            403 => ("FORBIDDEN", None),
            404 | 405 => ("NOT_FOUND", None),
            429 => ("RATE_LIMITED", Some(true)),
            501 => ("NOT_IMPLEMENTED", None),
            // The gateway did not take it: it may be sent again.
            503 => ("UNAVAILABLE", Some(true)),
            // Somebody in between gave up: the gateway may be at work.
            502 | 504 => return CallError::Disconnected { written: true },
            _ => ("INTERNAL", Some(false)),
        };
        let said = self.json.as_ref().and_then(|body| {
            ["/message", "/error/message", "/error", "/detail"]
                .iter()
                .find_map(|path| body.pointer(path).and_then(Value::as_str))
        });
        let message = said.map_or_else(
            || match status {
                401 => "the token is not valid".to_owned(),
                403 => "the token does not allow this".to_owned(),
                404 => "the gateway did not find what was asked for".to_owned(),
                429 => "too many requests; try again later".to_owned(),
                503 => "the gateway is starting".to_owned(),
                _ => format!("the gateway answered with HTTP {status}"),
            },
            |said| said.chars().filter(|c| !c.is_control()).take(300).collect(),
        );
        GatewayError {
            code: code.to_owned(),
            message,
            details: None,
            retryable,
            retry_after_ms: self
                .retry_after
                .and_then(|after| u64::try_from(after.as_millis()).ok()),
        }
        .into()
    }
}

impl From<Trouble> for CallError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unreachable { written, .. } => Self::Disconnected { written },
            Trouble::Certificate { .. } | Trouble::Insecure(_) => Self::Disconnected { written: false },
            Trouble::Path => Self::Unsupported("a name cannot be . or .. in an address"),
            Trouble::Timeout(limit) => Self::Timeout(limit),
            Trouble::TooLarge => Self::Decode {
                method: "the request".to_owned(),
                reason: format!("the answer is larger than {} MB", ANSWER_MAX / 1_000_000),
            },
            Trouble::Blocked(left) => Self::Gateway(GatewayError {
                code: "RATE_LIMITED".to_owned(),
                message: "too many requests; try again later".to_owned(),
                details: None,
                retryable: Some(true),
                retry_after_ms: u64::try_from(left.as_millis()).ok(),
            }),
        }
    }
}

impl Wire {
    pub(crate) fn new(config: &ClientConfig) -> Result<Self, PauseReason> {
        Self::looking_up(config, resolve::system())
    }

    fn looking_up(config: &ClientConfig, lookup: Lookup) -> Result<Self, PauseReason> {
        let endpoint = Endpoint::parse(&config.url, config.allow_insecure)?;
        let refused = |message: &str| PauseReason::Refused {
            code: "INVALID_CONFIGURATION".to_owned(),
            message: message.to_owned(),
        };
        if endpoint.tunnel().is_some() {
            return Err(refused(
                "an SSH address supports only the native protocol; choose the native protocol or another address",
            ));
        }
        let mut url = endpoint.url().clone();
        // The scheme of a special URL may be changed to another special one.
        let _ = url.set_scheme(if endpoint.is_tls() { "https" } else { "http" });
        let offered = Offered::default();
        let pin = config.pinned_certificate_sha256.as_deref();
        let tls = client_config(pin, offered.clone()).map_err(|_| refused("TLS is not available"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &config.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_str(value.expose());
            let (Ok(name), Ok(mut value)) = (name, value) else {
                return Err(refused("a header in the configuration is not valid"));
            };
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let credentials = &config.credentials;
        let token = credentials.token.clone().or_else(|| credentials.password.clone());
        let token = token.filter(|token| !token.is_empty());
        if let Some(token) = &token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
                .map_err(|_| refused("the token has invalid characters; enter the token again"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = Client::builder()
            .default_headers(headers)
            .user_agent("clawtray")
            .connect_timeout(CONNECT_LIMIT)
            // A redirect leads to a login page, or the token elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .tls_backend_preconfigured(tls);
        // The same rules as for WebSockets, in place of the library's own.
        builder = builder.no_proxy();
        let found = config
            .proxy_from_env
            .then(|| proxy::proxy_for(&endpoint, proxy::variable))
            .flatten();
        if let Some(found) = found {
            let mut proxy = Proxy::all(found.uri().to_string())
                .map_err(|_| refused("the proxy's address cannot be read"))?;
            if let Some(auth) = found.basic_auth() {
                proxy = proxy.custom_http_auth(auth.clone());
            }
            builder = builder.proxy(proxy);
        }
        builder = builder.dns_resolver(Arc::new(HttpResolver { lookup, endpoint }));
        Ok(Self {
            http: builder.build().map_err(|_| refused("HTTP is not available"))?,
            base: url.as_str().trim_end_matches('/').to_owned(),
            token,
            offered,
            pinned: pin.is_some(),
            wall_clock: config.wall_clock.clone(),
            blocked: Mutex::new(None),
            refused: Mutex::new(false),
        })
    }

    pub(crate) fn token(&self) -> Option<&Secret> {
        self.token.as_ref()
    }

    /// Milliseconds since the epoch.
    pub(crate) fn now_ms(&self) -> i64 {
        i64::try_from((self.wall_clock)().as_millis()).unwrap_or(i64::MAX)
    }

    /// The token was refused by the last call that needed one.
    pub(crate) fn is_refused(&self) -> bool {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the gateway still wants to be left alone.
    pub(crate) fn blocked_for(&self) -> Option<Duration> {
        let blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        blocked
            .and_then(|until| until.checked_duration_since(Instant::now()))
            .filter(|left| !left.is_zero())
    }

    /// Forgets a limit: the user wants to try now.
    pub(crate) fn unblock(&self) {
        *self.blocked.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Sends a request once and gives the answer with its body still to come.
    pub(crate) async fn open(&self, call: &Call, accept: &'static str) -> Result<Response, Trouble> {
        if let Some(left) = self.blocked_for() {
            return Err(Trouble::Blocked(left));
        }
        if has_dot_segment(&call.path) {
            return Err(Trouble::Path);
        }
        let mut request = self
            .http
            .request(call.method.clone(), format!("{}{}", self.base, call.path))
            .header(ACCEPT, accept);
        if !call.query.is_empty() {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(&call.query);
            request = self
                .http
                .request(
                    call.method.clone(),
                    format!("{}{}?{}", self.base, call.path, query.finish()),
                )
                .header(ACCEPT, accept);
        }
        if let Some(body) = &call.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        let response = match tokio::time::timeout(call.limit, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.trouble(&error)),
            Err(_) => return Err(Trouble::Timeout(call.limit)),
        };
        self.note_limits(&response);
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED || status.is_success() {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = status == StatusCode::UNAUTHORIZED;
        }
        Ok(response)
    }

    /// Sends a request once.
    pub(crate) async fn once(&self, call: &Call) -> Result<Answer, Trouble> {
        let begun = Instant::now();
        let response = self.open(call, "application/json").await?;
        self.read(response, call.limit.saturating_sub(begun.elapsed()))
            .await
    }

    /// Sends a request that changes nothing, again after a failure that may pass.
    pub(crate) async fn patiently(&self, call: &Call) -> Result<Answer, Trouble> {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let result = self.once(call).await;
            let wait = match &result {
                Ok(answer) => match answer.status {
                    500 | 502 | 504 => Some(pause),
                    503 => Some(answer.retry_after.unwrap_or(pause)),
                    _ => None,
                },
                Err(Trouble::Unreachable { written: true, .. }) => Some(pause),
                Err(
                    Trouble::Unreachable { written: false, .. }
                    | Trouble::Certificate { .. }
                    | Trouble::Timeout(_)
                    | Trouble::TooLarge
                    | Trouble::Blocked(_)
                    | Trouble::Insecure(_)
                    | Trouble::Path,
                ) => None,
            };
            match wait {
                Some(wait) if attempt < ATTEMPTS && wait <= PAUSE_MAX => tokio::time::sleep(wait).await,
                Some(_) | None => return result,
            }
            pause *= 2;
        }
        Err(Trouble::Timeout(call.limit))
    }

    /// Reads the body of an answer.
    pub(crate) async fn read(&self, mut response: Response, limit: Duration) -> Result<Answer, Trouble> {
        let status = response.status().as_u16();
        let retry_after = self.retry_after(&response);
        let kind = content_type(&response);
        let mut body = Vec::new();
        let reading = async {
            while let Some(chunk) = response.chunk().await.map_err(|error| self.lost(&error))? {
                if body.len() + chunk.len() > ANSWER_MAX {
                    return Err(Trouble::TooLarge);
                }
                body.extend_from_slice(&chunk);
            }
            Ok(())
        };
        match tokio::time::timeout(limit, reading).await {
            Ok(read) => read?,
            Err(_) => return Err(Trouble::Timeout(limit)),
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        let page = kind.contains("html") || text.trim_start().starts_with('<');
        let json = if page || is_crowded(&text) {
            None
        } else {
            serde_json::from_str(&text).ok()
        };
        Ok(Answer {
            status,
            retry_after,
            json,
            page,
            text,
        })
    }

    /// An error while a body was read: the request had its effect.
    pub(crate) fn lost(&self, error: &reqwest::Error) -> Trouble {
        match self.trouble(error) {
            Trouble::Unreachable { what, .. } => Trouble::Unreachable { written: true, what },
            other @ (Trouble::Certificate { .. }
            | Trouble::Timeout(_)
            | Trouble::TooLarge
            | Trouble::Blocked(_)
            | Trouble::Insecure(_)
            | Trouble::Path) => other,
        }
    }

    fn trouble(&self, error: &reqwest::Error) -> Trouble {
        if error.is_timeout() && !error.is_connect() {
            return Trouble::Timeout(CONNECT_LIMIT);
        }
        let mut source: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
        let mut kind = None;
        while let Some(cause) = source {
            let io = cause.downcast_ref::<std::io::Error>();
            let tls = cause.downcast_ref::<rustls::Error>().or_else(|| {
                io.and_then(std::io::Error::get_ref)
                    .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            });
            if let Some(rustls::Error::InvalidCertificate(reason)) = tls {
                let message = if self.pinned {
                    "the gateway's certificate is not the trusted one".to_owned()
                } else {
                    format!("the gateway's certificate is not trusted ({reason})")
                };
                return Trouble::Certificate {
                    message,
                    fingerprint: self.offered.take(),
                };
            }
            let public = cause.downcast_ref::<PublicAddress>().or_else(|| {
                io.and_then(std::io::Error::get_ref)
                    .and_then(|inner| inner.downcast_ref())
            });
            if let Some(public) = public {
                return Trouble::Insecure(public.to_string());
            }
            kind = kind.or(io.map(std::io::Error::kind));
            source = cause.source();
        }
        let host = reqwest::Url::parse(&self.base)
            .ok()
            .and_then(|url| Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?)))
            .unwrap_or_default();
        let what = match (error.is_connect(), kind) {
            (true, Some(kind)) => format!("{host} cannot be reached: {kind}"),
            (true, None) => format!("{host} cannot be reached"),
            (false, _) => "the connection was lost".to_owned(),
        };
        Trouble::Unreachable {
            // Only a connection that was never made is known to have carried nothing.
            written: !error.is_connect(),
            what,
        }
    }

    fn retry_after(&self, response: &Response) -> Option<Duration> {
        let text = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::trim)
        };
        let seconds = |text: &str| text.parse::<u64>().ok().map(Duration::from_secs);
        let now = (self.wall_clock)();
        let named = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| {
                seconds(value.trim()).or_else(|| {
                    let at = super::read::time(&Value::String(value.to_owned()))?;
                    Duration::from_millis(at.try_into().ok()?).checked_sub(now)
                })
            });
        let reset = || {
            let used_up = response.status() == StatusCode::TOO_MANY_REQUESTS
                || text("x-ratelimit-remaining").is_some_and(|left| left == "0");
            let reset = text("x-ratelimit-reset").and_then(seconds)?;
            // Unix seconds; some send how many seconds are left.
            used_up.then(|| {
                reset
                    .checked_sub(now)
                    .unwrap_or(if reset < Duration::from_secs(86_400) {
                        reset
                    } else {
                        Duration::ZERO
                    })
            })
        };
        named.or_else(reset).map(named_wait)
    }

    fn note_limits(&self, response: &Response) {
        let remaining = response
            .headers()
            .get("x-ratelimit-remaining")
            .and_then(|value| value.to_str().ok());
        let limited = response.status() == StatusCode::TOO_MANY_REQUESTS;
        if !limited && remaining.is_none_or(|left| left.trim() != "0") {
            return;
        }
        let after = self
            .retry_after(response)
            .or(limited.then_some(Duration::from_secs(2)));
        if let Some(after) = after {
            let until = Instant::now().checked_add(named_wait(after));
            *self.blocked.lock().unwrap_or_else(PoisonError::into_inner) = until;
        }
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

/// The content type, in lower case.
pub(crate) fn content_type(response: &Response) -> String {
    response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase()
}

/// Whether a part of a path is `.` or `..`, however it is written. What reads addresses leaves such parts out, together
/// with the part in front of them.
fn has_dot_segment(path: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path.split(['/', '\\']).any(|part| {
        let part = part.to_ascii_lowercase().replace("%2e", ".");
        part == "." || part == ".."
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Credentials;

    #[test]
    fn a_name_of_dots_is_no_part_of_a_path() {
        for path in [
            "/api/..",
            "/a/../b",
            "/a/%2E%2e/b",
            "/a/.",
            "/a/.%2E?x=1",
            "/a\\..\\b",
            "..",
        ] {
            assert!(has_dot_segment(path), "{path}");
        }
        for path in ["/api/v1/a", "/a/...", "/a/.b", "/a/b..?x=/../", "/%2Ea"] {
            assert!(!has_dot_segment(path), "{path}");
        }
    }

    #[tokio::test]
    async fn a_plain_name_that_leads_out_is_not_asked() {
        let config = ClientConfig::new("http://nas", Credentials::token("canary"));
        let wire = Wire::looking_up(&config, resolve::stand_in::knows(&["203.0.113.7"])).unwrap();
        let Err(Trouble::Insecure(message)) = wire.once(&Call::get("/api/health")).await else {
            panic!("it was asked")
        };
        assert!(message.contains("203.0.113.7"), "{message}");
    }

    #[tokio::test]
    async fn a_named_wait_is_capped_whatever_its_form() {
        let config = ClientConfig::new("http://127.0.0.1:1", Credentials::default());
        let wire = Wire::new(&config).unwrap();
        let answer = |status: u16, headers: &[(&str, &str)]| {
            let mut response = hyper::Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(*name, *value);
            }
            Response::from(response.body("").unwrap())
        };
        let hour = Duration::from_secs(3_600);
        for value in [
            "18446744073709551615",
            "31536000",
            "3601",
            "Tue, 31 Dec 2999 23:59:59 GMT",
        ] {
            let limited = answer(429, &[("retry-after", value)]);
            assert_eq!(wire.retry_after(&limited), Some(hour), "{value}");
            wire.note_limits(&limited);
            assert!(wire.blocked_for().is_some_and(|left| left <= hour), "{value}");
            wire.unblock();
            let reset = answer(429, &[("x-ratelimit-reset", value)]);
            assert!(
                wire.retry_after(&reset).is_none_or(|after| after <= hour),
                "{value}"
            );
        }
        assert_eq!(wire.retry_after(&answer(429, &[("retry-after", "-1")])), None);
    }
}
