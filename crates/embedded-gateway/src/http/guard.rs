//! The checks of every request: CORS, token, rate limit, and the headers that report them.

use super::Http;
use super::auth::{Caller, Standing, identify, token_of};
use super::body::query_value;
use super::error::Refused;
use crate::time::now_ms;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
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

const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type");
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
            Some(&http.cors_methods),
        );
    }
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map(|p| p.as_str().to_owned());
    let is_openai = path
        .as_deref()
        .is_some_and(|p| p.contains("/chat/completions") || p.ends_with("/models"));
    let (standing, checked) = admit(&http, path.as_deref(), &request);
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

fn admit(http: &Http, path: Option<&str>, request: &Request) -> (Standing, Result<Caller, Refused>) {
    let now = now_ms();
    let nobody = || http.limits.count(&Caller::Nobody, now);
    // What is left over looks after itself: 404, or the native protocol with its own handshake.
    let Some(path) = path.filter(|p| *p != "/ws") else {
        return (nobody(), Ok(Caller::Nobody));
    };
    let by_query = QUERY_TOKEN
        .iter()
        .any(|p| path.starts_with(p))
        .then(|| query_value(request.uri(), "api_key"))
        .flatten();
    let token = token_of(request.headers(), by_query.as_deref());
    let caller = match identify(http, token.as_deref()) {
        Ok(caller) => caller,
        Err(refused) => {
            let standing = nobody();
            let limited = || Refused::limited("too many wrong tokens", standing.wait(now));
            return (standing, Err(if standing.exceeded { limited() } else { refused }));
        }
    };
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

fn allowed_origin(http: &Http, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let text = origin.to_str().ok()?;
    http.origins
        .iter()
        .any(|o| o == "*" || o == text)
        .then(|| origin.clone())
}

fn finish(
    mut response: Response,
    standing: Standing,
    origin: Option<HeaderValue>,
    preflight: Option<&HeaderValue>,
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
        if let Some(methods) = preflight {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods.clone());
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        }
    }
    response
}
