//! Refused requests: a status, a code and a sentence each.

use crate::backend::BackendError;
use crate::error::StoreError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::time::Duration;

/// A call that is refused or failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
    /// The field that is wrong, where OpenAI's shape has it.
    pub(crate) param: Option<&'static str>,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
            param: None,
        }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "agent_failed", message)
    }

    pub(crate) fn starting(message: impl Into<String>) -> Self {
        let retry_after = Some(Duration::from_secs(2));
        Self {
            retry_after,
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "starting", message)
        }
    }

    pub(crate) fn limited(message: impl Into<String>, after: Duration) -> Self {
        Self {
            retry_after: Some(after),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
        }
    }

    /// Names the field that is wrong.
    pub(crate) fn about(self, param: &'static str) -> Self {
        Self {
            param: Some(param),
            ..self
        }
    }

    /// The same in the shape that OpenAI clients read.
    pub(crate) fn openai(self) -> Response {
        let kind = match self.status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            429 => "rate_limit_error",
            500..=599 => "server_error",
            _ => "invalid_request_error",
        };
        let body =
            json!({"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}});
        self.with_headers((self.status, axum::Json(body)).into_response())
    }

    fn with_headers(&self, mut response: Response) -> Response {
        if let Some(after) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = json!({"error": self.code, "message": self.message});
        self.with_headers((self.status, axum::Json(body)).into_response())
    }
}

impl From<BackendError> for Refused {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::BadRequest(m) => Self::bad(m),
            BackendError::NotFound(m) => Self::not_found(m),
            BackendError::Unsupported(m) => Self::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", m),
            BackendError::Starting(m) => Self::starting(m),
            BackendError::Failed(m) => Self::failed(m),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        BackendError::from(error).into()
    }
}
