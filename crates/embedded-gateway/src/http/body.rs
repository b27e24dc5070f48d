//! Reads requests: bodies with limits for size and time, queries, and fields with their error
//! messages.

use super::Http;
use super::error::Refused;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, Uri, request::Parts};
use http_body_util::{BodyExt, Limited};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// The fields of a body, or of a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields(pub(crate) Map<String, Value>);

/// Reads a body that must be a JSON object. Whatever content type it claims: `curl -d` claims a form.
pub(crate) async fn object(http: &Http, body: Body) -> Result<Fields, Refused> {
    object_up_to(http, body, http.max_body).await
}

/// As [`object`], of at most so many bytes.
pub(crate) async fn object_up_to(http: &Http, body: Body, most: usize) -> Result<Fields, Refused> {
    let bytes = bytes(http, body, most).await?;
    if bytes.is_empty() {
        return Err(Refused::bad("the body is empty; a JSON object is wanted"));
    }
    parse(&bytes)
}

/// Reads a body that may be left out.
pub(crate) async fn optional_object(http: &Http, body: Body) -> Result<Fields, Refused> {
    let bytes = bytes(http, body, http.max_body).await?;
    if bytes.is_empty() {
        Ok(Fields::default())
    } else {
        parse(&bytes)
    }
}

fn parse(bytes: &Bytes) -> Result<Fields, Refused> {
    let text = std::str::from_utf8(bytes).map_err(|_| Refused::bad("the body is not UTF-8"))?;
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(map)) => Ok(Fields(map)),
        Ok(_) => Err(Refused::bad("the body is not a JSON object")),
        Err(error) => Err(Refused::bad(format!("the body is not JSON: {error}"))),
    }
}

async fn bytes(http: &Http, body: Body, most: usize) -> Result<Bytes, Refused> {
    let read = Limited::new(body, most).collect();
    match tokio::time::timeout(http.body_limit, read).await {
        Err(_) => Err(Refused::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            "the body did not arrive in time",
        )),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Refused::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the body is larger than {most} bytes"),
        )),
        Ok(Err(_)) => Err(Refused::bad("the body could not be read")),
    }
}

/// The query, decoded; of a name that comes twice the last counts.
pub(crate) fn query(uri: &Uri) -> Fields {
    let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    Fields(
        pairs
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect(),
    )
}

/// One value of the query.
pub(crate) fn query_value(uri: &Uri, name: &str) -> Option<String> {
    query(uri).0.get(name).and_then(Value::as_str).map(str::to_owned)
}

impl Fields {
    fn wrong(name: &str, what: &str) -> Refused {
        Refused::bad(format!("\"{name}\" must be {what}"))
    }

    pub(crate) fn opt_str(&self, name: &str) -> Result<Option<&str>, Refused> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Self::wrong(name, "a string")),
        }
    }

    /// A string that must be there and say something.
    pub(crate) fn str(&self, name: &str) -> Result<&str, Refused> {
        match self.opt_str(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) => Err(Self::wrong(name, "a string that is not empty")),
            None => Err(Refused::bad(format!("\"{name}\" is missing"))),
        }
    }

    pub(crate) fn opt_u32(&self, name: &str) -> Result<Option<u32>, Refused> {
        let wrong = || Self::wrong(name, "a whole number from 0 to 4294967295");
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => text.parse().map(Some).map_err(|_| wrong()),
            Some(value) => whole(value)
                .and_then(|n| u32::try_from(n).ok())
                .map(Some)
                .ok_or_else(wrong),
        }
    }

    /// A limit from 1 up to `most`.
    pub(crate) fn limit(&self, default: u32, most: u32) -> Result<u32, Refused> {
        match self.opt_u32("limit")? {
            Some(0) => Err(Self::wrong("limit", "at least 1")),
            Some(n) => Ok(n.min(most)),
            None => Ok(default),
        }
    }

    pub(crate) fn opt_bool(&self, name: &str) -> Result<Option<bool>, Refused> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(on)) => Ok(Some(*on)),
            Some(Value::String(text)) => match text.as_str() {
                "true" | "1" => Ok(Some(true)),
                "false" | "0" => Ok(Some(false)),
                _ => Err(Self::wrong(name, "true or false")),
            },
            Some(_) => Err(Self::wrong(name, "true or false")),
        }
    }

    /// A list of strings.
    pub(crate) fn opt_strings(&self, name: &str) -> Result<Option<Vec<String>>, Refused> {
        let wrong = || Self::wrong(name, "a list of strings");
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(list)) => {
                let read = |v: &Value| v.as_str().map(str::to_owned).ok_or_else(wrong);
                list.iter().map(read).collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Err(wrong()),
        }
    }

    /// A list of strings, or one string with commas, as a query has it.
    pub(crate) fn opt_words(&self, name: &str) -> Result<Option<Vec<String>>, Refused> {
        match self.0.get(name) {
            Some(Value::String(text)) => Ok(Some(text.split(',').map(|s| s.trim().to_owned()).collect())),
            _ => self.opt_strings(name),
        }
    }

    pub(crate) fn opt_object(&self, name: &str) -> Result<Option<&Map<String, Value>>, Refused> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(_) => Err(Self::wrong(name, "an object")),
        }
    }

    /// These fields, and those of `other` where there are none.
    pub(crate) fn or(mut self, other: Self) -> Self {
        for (name, value) in other.0 {
            self.0.entry(name).or_insert(value);
        }
        self
    }
}

/// The fields of a GET: its query, and its body where one was sent.
pub(crate) async fn of_get(http: &Arc<Http>, parts: &Parts, body: Body) -> Result<Fields, Refused> {
    Ok(query(&parts.uri).or(optional_object(http, body).await?))
}

/// A whole number, also when it is written with a fraction of zero, as JSON Schema reads integers.
fn whole(value: &Value) -> Option<u64> {
    let from_float = |f: f64| (f.fract() == 0.0 && (0.0..9e15).contains(&f)).then_some(f as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(from_float))
}

/// Path parameters by name.
pub(crate) type PathMap = axum::extract::Path<HashMap<String, String>>;
