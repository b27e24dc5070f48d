//! The checks of every request: CORS, token, rate limit, and the headers that report them.

use super::Http;
use super::auth::{Caller, Standing, identify, token_of};
use super::body::query_value;
use super::error::Refused;
use crate::server::door::Visitor;
use crate::time::now_ms;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Paths that answer without a token. A token that is sent is still checked.
const PUBLIC: [&str; 5] = [
    "/health",
    "/healthz",
    "/openapi.json",
    "/api/health",
    "/api/v1/health",
];
/// Paths that answer also while the backend is not ready.
const ALWAYS: [&str; 3] = ["/health", "/healthz", "/openapi.json"];
/// D3's socket with a token in its query; without one it speaks the native protocol.
const SOCKET: &str = "/ws";
/// D4 takes the token from the query too.
const QUERY_TOKEN: [&str; 4] = [
    "/api/v1/chat",
    "/api/v1/agents",
    "/api/v1/metrics",
    "/api/v1/openai",
];

/// The methods that web pages may use, for the CORS headers. Without names, all of them.
pub(crate) fn cors_methods(named: &[Method]) -> HeaderValue {
    let names: Vec<&str> = named.iter().map(Method::as_str).collect();
    HeaderValue::from_str(&names.join(", "))
        .ok()
        .filter(|_| !names.is_empty())
        .unwrap_or(HeaderValue::from_static("GET, POST, PATCH, DELETE, OPTIONS"))
}

/// The headers that web pages may send. None but the first two means anything here.
const ALLOWED_HEADERS: [&str; 6] = [
    "authorization",
    "content-type",
    "accept",
    "idempotency-key",
    "openai-organization",
    "openai-project",
];
/// OpenAI's SDK sends headers that begin so, about itself.
const SDK_HEADERS: &str = "x-stainless-";
const EXPOSED_HEADERS: HeaderValue =
    HeaderValue::from_static("x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, retry-after");

pub(crate) async fn guard(State(http): State<Arc<Http>>, mut request: Request, next: Next) -> Response {
    http.requests.fetch_add(1, Ordering::Relaxed);
    let origin = allowed_origin(&http, request.headers());
    if request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && request.headers().contains_key(header::ORIGIN)
    {
        let standing = http.limits.count(&Caller::Nobody, now_ms());
        return finish(
            StatusCode::NO_CONTENT.into_response(),
            standing,
            origin,
            Some(Preflight {
                methods: http.cors_methods.clone(),
                headers: allowed_headers(request.headers()),
            }),
        );
    }
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map(|p| p.as_str().to_owned());
    let is_openai = super::openai::is_openai(request.uri().path());
    let (standing, checked) = admit(&http, path.as_deref(), &request, origin.is_some());
    let response = match checked {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refused) if is_openai => refused.openai(),
        Err(refused) => refused.into_response(),
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return response;
    }
    finish(response, standing, origin, None)
}

fn admit(
    http: &Http,
    path: Option<&str>,
    request: &Request,
    origin_known: bool,
) -> (Standing, Result<Caller, Refused>) {
    let now = now_ms();
    let nobody = || http.limits.count(&Caller::Nobody, now);
    let visitor = request.extensions().get::<Visitor>();
    let ip = visitor.map(|v| v.addr.ip());
    if is_open_to_pages(path, request) && is_foreign_page(request.headers(), ip, origin_known) {
        let refused = Refused::forbidden("this web page may not call: its origin is not in the CORS list");
        return (nobody(), Err(refused));
    }
    let by_query = path
        .and_then(query_token)
        .and_then(|name| query_value(request.uri(), name));
    // What is left over looks after itself: 404, or the native protocol with its own handshake.
    let Some(path) = path.filter(|p| *p != SOCKET || by_query.is_some()) else {
        return (nobody(), Ok(Caller::Nobody));
    };
    let token = token_of(request.headers(), by_query.as_deref());
    let locked = ip
        .filter(|_| token.is_some())
        .and_then(|ip| http.core.pairings.locked(ip));
    if let Some(wait) = locked {
        return (
            nobody(),
            Err(Refused::limited("too many wrong tokens from this address", wait)),
        );
    }
    let caller = match identify(http, token.as_deref()) {
        Ok(caller) => caller,
        Err(refused) => {
            if let Some(ip) = ip.filter(|_| refused.status == StatusCode::UNAUTHORIZED) {
                http.core.pairings.count_failure(ip);
            }
            let standing = nobody();
            let limited = || Refused::limited("too many wrong tokens", standing.wait(now));
            return (standing, Err(if standing.exceeded { limited() } else { refused }));
        }
    };
    if let Some(visitor) = visitor.filter(|_| caller != Caller::Nobody) {
        visitor.keep_place();
    }
    let standing = http.limits.count(&caller, now);
    if standing.exceeded {
        let message = format!("more than {} requests a minute", standing.limit);
        return (standing, Err(Refused::limited(message, standing.wait(now))));
    }
    if caller == Caller::Nobody && !PUBLIC.contains(&path) {
        return (
            standing,
            Err(Refused::new(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "a token is needed",
            )),
        );
    }
    if !ALWAYS.contains(&path)
        && let Err(reason) = http.backend.ready()
    {
        return (standing, Err(Refused::starting(reason)));
    }
    (standing, Ok(caller))
}

/// The parameter of the query that has the token on this path, where there is one.
fn query_token(path: &str) -> Option<&'static str> {
    match path {
        SOCKET => Some("token"),
        _ if QUERY_TOKEN.iter().any(|p| path.starts_with(p)) => Some("api_key"),
        _ => None,
    }
}

/// Whether a browser lets any page do this without asking us first: open a socket, or start a run with a plain GET.
fn is_open_to_pages(path: Option<&str>, request: &Request) -> bool {
    request.headers().contains_key(header::UPGRADE)
        || (path == Some("/api/v1/chat/stream") && request.method() == Method::GET)
}

/// Whether the request comes from a page of another origin that may not call. An `Origin` says so, and where browsers
/// send none, `Sec-Fetch-Site` does. Programs send neither.
fn is_foreign_page(headers: &HeaderMap, ip: Option<IpAddr>, origin_known: bool) -> bool {
    match headers.get(header::ORIGIN) {
        Some(_) if origin_known => false,
        // The app's own windows.
        Some(origin) => {
            origin != "tauri://localhost" || !ip.is_some_and(|ip| ip.to_canonical().is_loopback())
        }
        None => headers
            .get("sec-fetch-site")
            .is_some_and(|site| site != "same-origin" && site != "none"),
    }
}

fn allowed_origin(http: &Http, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let text = origin.to_str().ok()?;
    http.origins
        .iter()
        .any(|o| o == "*" || o == text)
        .then(|| origin.clone())
}

/// What a page is told that it may send.
struct Preflight {
    methods: HeaderValue,
    headers: HeaderValue,
}

/// The usual headers, and those of OpenAI's SDK that the page asks for.
fn allowed_headers(asked: &HeaderMap) -> HeaderValue {
    let asked = asked.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS).into_iter();
    let mut names: Vec<String> = ALLOWED_HEADERS.map(str::to_owned).to_vec();
    for name in asked.filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')) {
        let name = name.trim().to_ascii_lowercase();
        if name.starts_with(SDK_HEADERS) && !names.contains(&name) {
            names.push(name);
        }
    }
    HeaderValue::from_str(&names.join(", "))
        .unwrap_or(HeaderValue::from_static("authorization, content-type"))
}

fn finish(
    mut response: Response,
    standing: Standing,
    origin: Option<HeaderValue>,
    preflight: Option<Preflight>,
) -> Response {
    let headers = response.headers_mut();
    let mut put = |name: &'static str, value: i64| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    };
    put("x-ratelimit-limit", standing.limit.into());
    put("x-ratelimit-remaining", standing.remaining.into());
    put("x-ratelimit-reset", standing.reset);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        if let Some(preflight) = preflight {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, preflight.methods);
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, preflight.headers);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::testing::core;
    use axum::body::Body;
    use tower::ServiceExt as _;

    async fn status(http: &Arc<Http>, from: &str, token: &str) -> (u16, Option<u64>) {
        let mut request = Request::builder()
            .uri("/api/sessions")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::empty())
            .expect("request");
        let from = Visitor::at(format!("{from}:1").parse().expect("address"));
        request.extensions_mut().insert(from);
        let response = crate::http::router(http.clone())
            .oneshot(request)
            .await
            .expect("an answer");
        let after = response.headers().get(header::RETRY_AFTER);
        let after = after.and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
        (response.status().as_u16(), after)
    }

    #[tokio::test]
    async fn ten_wrong_tokens_lock_a_network_out_as_on_the_socket() {
        let dir = tempfile::tempdir().expect("dir");
        let http = crate::http::testing::http(core(dir.path(), |_| {}));
        let right = http.core.token.clone().expect("token");
        for n in 0..10 {
            let from = format!("[2001:db8::{n}]");
            assert_eq!(status(&http, &from, "wrong").await.0, 401, "try {n}");
        }
        let (locked, after) = status(&http, "[2001:db8::99]", &right).await;
        assert_eq!(
            locked, 429,
            "another address of the same network, even with the right one"
        );
        assert!((1..=300).contains(&after.expect("when to come back")));
        assert_eq!(
            status(&http, "192.0.2.1", &right).await.0,
            200,
            "others are let in"
        );
        for _ in 0..30 {
            assert_eq!(
                status(&http, "127.0.0.1", "wrong").await.0,
                401,
                "loopback is exempt"
            );
        }
        assert_eq!(status(&http, "127.0.0.1", &right).await.0, 200);
    }
}
