//! The five documented HTTP dialects on one port.

pub(crate) mod auth;
mod body;
mod cron;
mod d1;
mod d2;
mod d3;
mod d4;
mod d5;
pub(crate) mod error;
pub(crate) mod guard;
mod messages;
pub(crate) mod meter;
mod openai;
mod openapi;
mod sessions;
mod socket;
mod sse;
mod stats;
mod turn;
pub(crate) mod webhooks;
mod workspaces;

use crate::backend::Backend;
use crate::core::Core;
use crate::ws::Leaving;
use auth::{Caller, Limits};
use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, patch, post};
use error::Refused;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::sync::watch;

/// What the handlers share.
pub(crate) struct Http {
    pub(crate) core: Arc<Core>,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) limits: Limits,
    pub(crate) reservations: meter::Reservations,
    pub(crate) webhooks: webhooks::Webhooks,
    /// Web pages that may call, by origin; `*` for all.
    pub(crate) origins: Vec<String>,
    /// The methods for these pages, for the CORS headers.
    pub(crate) cors_methods: HeaderValue,
    pub(crate) max_body: usize,
    pub(crate) body_limit: Duration,
    pub(crate) requests: AtomicU64,
    /// Serves the native protocol; `None` behind the bridge.
    pub(crate) native: Option<Native>,
    pub(crate) leaving: watch::Receiver<Leaving>,
}

/// Takes a WebSocket request over.
pub(crate) type Native = Arc<dyn Fn(Request) -> Response + Send + Sync>;

pub(crate) const NO_NATIVE: &str =
    "the native protocol is not served behind the bridge; connect to the real gateway itself";

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        match parts.extensions.get::<Self>() {
            Some(caller) => Ok(caller.clone()),
            None => Err(Refused::new(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "a token is needed",
            )),
        }
    }
}

/// Every path of the dialects; what is left over may ask for the native protocol.
pub(crate) fn router(http: Arc<Http>) -> Router {
    Router::new()
        .route("/health", get(live))
        .route("/healthz", get(live))
        .route("/openapi.json", get(openapi::document))
        // D1, D2, D3
        .route("/api/health", get(d1::health))
        .route("/api/status", get(d3::status))
        .route("/api/sessions", get(d1::sessions).post(d3::create))
        .route("/api/sessions/send", post(d1::send))
        .route("/api/sessions/history", get(d1::history))
        .route("/api/sessions/list", get(d2::list))
        .route("/api/sessions/spawn", post(d2::spawn))
        .route("/api/session/status", get(d2::status))
        .route("/api/sessions/{key}/messages", post(d3::send))
        .route("/api/sessions/{key}/history", get(d3::history))
        .route("/api/cron", get(cron::list).post(cron::create))
        .route("/api/cron/add", post(cron::add))
        .route("/api/cron/{id}", delete(cron::remove))
        // D4
        .route("/api/v1/chat", post(d4::chat))
        .route("/api/v1/chat/stream", post(d4::stream).get(d4::stream_query))
        .route("/api/v1/agents", get(d4::agents))
        .route("/api/v1/agents/{id}", get(d4::agent))
        .route("/api/v1/agents/{id}/tools", get(d4::tools))
        .route("/api/v1/agents/{id}/sessions", get(d4::sessions))
        .route(
            "/api/v1/agents/{id}/sessions/{sid}",
            get(d4::session).delete(d4::delete),
        )
        .route("/api/v1/agents/{id}/sessions/{sid}/clear", post(d4::clear))
        .route("/api/v1/metrics", get(stats::metrics))
        .route("/api/v1/openai/chat/completions", post(openai::completions))
        .route("/api/v1/openai/models", get(openai::models))
        .route("/api/v1/openai/models/{*id}", get(openai::model))
        .route("/v1/chat/completions", post(openai::completions))
        .route("/v1/models", get(openai::models))
        .route("/v1/models/{*id}", get(openai::model))
        // D5, and D4's health
        .route("/api/v1/health", get(d5::health))
        .route("/api/v1/messages", post(messages::send))
        .route("/api/v1/messages/stream", post(messages::stream))
        .route("/api/v1/sessions", get(d5::sessions).delete(d5::clear_workspace))
        .route("/api/v1/sessions/{id}", get(d5::session).delete(d5::delete))
        .route("/api/v1/sessions/{id}/history", get(d5::history))
        .route(
            "/api/v1/workspaces",
            get(workspaces::list).post(workspaces::create),
        )
        .route(
            "/api/v1/workspaces/{id}",
            get(workspaces::one).delete(workspaces::delete),
        )
        .route("/api/v1/workspaces/{id}/allowlist", patch(workspaces::allowlist))
        .route("/api/v1/stats", get(stats::overall))
        .route("/api/v1/stats/workspaces", get(stats::by_workspace))
        .route("/api/v1/stats/users", get(stats::by_user))
        .route("/ws", any(socket::upgrade))
        .method_not_allowed_fallback(wrong_method)
        .fallback(anything)
        .with_state(http.clone())
        .layer(from_fn_with_state(http, guard::guard))
}

/// `GET /health`, as the real gateway answers it.
async fn live() -> Response {
    axum::Json(json!({"ok": true, "status": "live"})).into_response()
}

/// Any other path: the real gateway takes a WebSocket on all of them.
async fn anything(State(http): State<Arc<Http>>, request: Request) -> Response {
    let wants_socket = request.headers().contains_key(header::UPGRADE);
    match &http.native {
        Some(native) if wants_socket => native(request),
        None if wants_socket => {
            Refused::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", NO_NATIVE).into_response()
        }
        Some(_) | None => {
            let refused = Refused::not_found("there is no such path");
            match openai::is_openai(request.uri().path()) {
                true => refused.openai(),
                false => refused.into_response(),
            }
        }
    }
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let refused = Refused::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!("{method} is not for this path"),
    );
    match openai::is_openai(uri.path()) {
        true => refused.openai(),
        false => refused.into_response(),
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// The dialects without sockets, answered by the built-in agent.
    pub(crate) fn http(core: Arc<Core>) -> Arc<Http> {
        Arc::new(Http {
            backend: Arc::new(crate::local::Local(core.clone())),
            core,
            limits: Limits::new(60_000),
            reservations: meter::Reservations::default(),
            webhooks: webhooks::Webhooks::default(),
            origins: Vec::new(),
            cors_methods: guard::cors_methods(&[]),
            max_body: 1024 * 1024,
            body_limit: Duration::from_secs(10),
            requests: AtomicU64::new(0),
            native: None,
            leaving: watch::channel(Leaving::No).1,
        })
    }
}
