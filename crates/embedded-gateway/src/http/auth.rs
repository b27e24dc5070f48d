//! Identifies the caller of a request, and what the caller may do.

use super::Http;
use super::error::Refused;
use crate::keys::{self, ApiKey, Permission};
use crate::pairing::same_secret;
use crate::store::ledger::DEFAULT_WORKSPACE;
use axum::http::{HeaderMap, StatusCode, header};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Requests a minute of the gateway's own token: a figure for the headers, out of the way of honest use.
pub(crate) const OWNER_LIMIT: u32 = 1_000_000;
/// No token is longer, in bytes.
const TOKEN_MAX: usize = 512;
/// Callers whose windows are remembered at most.
const WINDOWS_MAX: usize = 10_000;

/// Who calls.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Caller {
    /// The gateway's own token.
    Owner,
    /// An API key.
    Key(Box<ApiKey>),
    /// No token, on a path that needs none.
    Nobody,
}

impl Caller {
    /// Names the caller in limits and in the ledger.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Owner => "owner",
            Self::Key(key) => &key.id,
            Self::Nobody => "nobody",
        }
    }

    pub(crate) fn has(&self, permission: Permission) -> bool {
        match self {
            Self::Owner => true,
            Self::Key(key) => key.permissions.contains(&permission),
            Self::Nobody => false,
        }
    }

    pub(crate) fn need(&self, permission: Permission) -> Result<(), Refused> {
        if self.has(permission) {
            return Ok(());
        }
        Err(Refused::forbidden(format!(
            "this key lacks the permission {}",
            permission.as_str()
        )))
    }

    /// The workspaces the caller is limited to.
    pub(crate) fn workspaces(&self) -> Option<&[String]> {
        match self {
            Self::Key(key) if !key.workspaces.is_empty() => Some(&key.workspaces),
            Self::Key(_) | Self::Owner | Self::Nobody => None,
        }
    }

    pub(crate) fn need_workspace(&self, id: &str) -> Result<(), Refused> {
        match self.workspaces() {
            Some(list) if !list.iter().any(|w| w == id) => Err(Refused::forbidden(format!(
                "this key is not for the workspace \"{id}\""
            ))),
            Some(_) | None => Ok(()),
        }
    }

    /// For dialects that know no workspaces.
    pub(crate) fn need_default(&self) -> Result<(), Refused> {
        self.need_workspace(DEFAULT_WORKSPACE)
    }
}

/// The token of a request: the header, or where the dialect has it the query.
pub(crate) fn token_of(headers: &HeaderMap, query: Option<&str>) -> Option<String> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let text = value.to_str().unwrap_or_default();
        let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
        return Some(if scheme.eq_ignore_ascii_case("bearer") {
            token.trim().to_owned()
        } else {
            String::new()
        });
    }
    query.map(str::to_owned)
}

/// Identifies the caller; `Nobody` without a token.
pub(crate) fn identify(http: &Http, token: Option<&str>) -> Result<Caller, Refused> {
    let wrong = || Refused::new(StatusCode::UNAUTHORIZED, "unauthorized", "the token is wrong");
    let Some(token) = token else {
        return Ok(Caller::Nobody);
    };
    // What is longer than any token is wrong; it takes no longer to say so.
    let token = if token.len() > TOKEN_MAX { "" } else { token };
    if http
        .core
        .token
        .as_deref()
        .is_some_and(|own| same_secret(token, own))
    {
        return Ok(Caller::Owner);
    }
    if let Some(key) = http.core.given_keys.check(token) {
        return Ok(Caller::Key(Box::new(key.clone())));
    }
    match keys::check(&http.core.store, token)? {
        Some(key) => Ok(Caller::Key(Box::new(key))),
        None => Err(wrong()),
    }
}

/// What the rate headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// Unix seconds.
    pub(crate) reset: i64,
    pub(crate) exceeded: bool,
}

impl Standing {
    pub(crate) fn wait(&self, now_ms: i64) -> Duration {
        Duration::from_secs(u64::try_from(self.reset - now_ms / 1_000).unwrap_or(1).max(1))
    }
}

/// Requests by caller and minute.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Requests a minute without a token or with a wrong one, from everybody together.
    nobody: u32,
    windows: Mutex<HashMap<String, (i64, u32)>>,
}

impl Limits {
    pub(crate) fn new(nobody: u32) -> Self {
        Self {
            nobody,
            windows: Mutex::default(),
        }
    }

    /// Counts a request.
    pub(crate) fn count(&self, caller: &Caller, now_ms: i64) -> Standing {
        let limit = match caller {
            Caller::Owner => OWNER_LIMIT,
            Caller::Key(key) => key.rate_limit_per_minute,
            Caller::Nobody => self.nobody,
        };
        self.count_to(caller.id(), limit, now_ms)
    }

    fn count_to(&self, caller: &str, limit: u32, now_ms: i64) -> Standing {
        let minute = now_ms.div_euclid(60_000);
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= WINDOWS_MAX {
            windows.retain(|_, (at, _)| *at == minute);
        }
        let used = match windows.get_mut(caller) {
            Some((at, used)) if *at == minute => {
                *used = used.saturating_add(1);
                *used
            }
            Some(window) => {
                *window = (minute, 1);
                1
            }
            None => {
                windows.insert(caller.to_owned(), (minute, 1));
                1
            }
        };
        Standing {
            limit,
            remaining: limit.saturating_sub(used),
            reset: (minute + 1) * 60,
            exceeded: used > limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_lasts_a_minute() {
        let limits = Limits::new(1);
        let seen: Vec<(u32, bool)> = [0, 1_000, 59_000, 60_000]
            .into_iter()
            .map(|now| limits.count_to("k", 2, now))
            .map(|s| (s.remaining, s.exceeded))
            .collect();
        assert_eq!(seen, [(1, false), (0, false), (0, true), (1, false)]);
        assert_eq!(limits.count_to("k", 2, 61_000).reset, 120);
    }
}
