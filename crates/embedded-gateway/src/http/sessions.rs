//! Sessions and transcripts in the shapes of the dialects, and which of them a caller may see.

use super::Http;
use super::auth::Caller;
use super::error::Refused;
use super::turn::NO_USER;
use crate::backend::BackendSession;
use crate::core::agent_of;
use crate::store::ledger::{ApiSession, DEFAULT_WORKSPACE};
use crate::store::sessions::sid_of;
use crate::time::iso;
use serde_json::{Value, json};
use std::collections::HashMap;

/// A session counts as active this long after its last message, in milliseconds.
const ACTIVE_MS: i64 = 300_000;
/// Messages of a transcript that names no limit, and the most that are given at once.
pub(crate) const HISTORY_DEFAULT: u32 = 50;
pub(crate) const HISTORY_MAX: u32 = 1_000;

/// A session, and who it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) session: BackendSession,
    pub(crate) api: Option<ApiSession>,
}

impl Known {
    pub(crate) fn workspace(&self) -> &str {
        self.api
            .as_ref()
            .map_or(DEFAULT_WORKSPACE, |a| a.workspace.as_str())
    }

    fn user(&self) -> &str {
        self.api.as_ref().map_or(NO_USER, |a| a.user.as_str())
    }

    fn channel(&self) -> &str {
        let api = self.api.as_ref().map(|a| a.channel.as_str());
        self.session.channel.as_deref().or(api).unwrap_or("direct")
    }

    /// D1's Session, with the key that D2 and D3 call it by.
    pub(crate) fn d1(&self, now: i64) -> Value {
        let s = &self.session;
        let active = s.active || now.saturating_sub(s.updated_at) < ACTIVE_MS;
        json!({
            "id": sid_of(&s.key),
            "key": s.key,
            "kind": kind(&s.key),
            "label": s.label,
            "agentId": s.agent,
            "status": if active { "active" } else { "idle" },
            "lastActivity": iso(s.updated_at),
            "messageCount": s.messages,
            "createdAt": iso(s.created_at),
            "metadata": {"channel": self.channel(), "userId": self.user()},
        })
    }

    /// D5's Session.
    pub(crate) fn d5(&self) -> Value {
        let s = &self.session;
        json!({
            "id": sid_of(&s.key),
            "workspace": self.workspace(),
            "userId": self.user(),
            "createdAt": iso(s.created_at),
            "lastActiveAt": iso(s.updated_at),
            "messageCount": s.messages,
            "tokensUsed": s.tokens_in + s.tokens_out,
            "channel": self.channel(),
        })
    }
}

/// `main` or `isolated`.
pub(crate) fn kind(key: &str) -> &'static str {
    if key == format!("agent:{}:main", agent_of(key)) {
        "main"
    } else {
        "isolated"
    }
}

/// The sessions that a caller may see, most recent first.
pub(crate) async fn visible(http: &Http, caller: &Caller) -> Result<Vec<Known>, Refused> {
    let mut by_key: HashMap<String, ApiSession> = http
        .core
        .store
        .api_sessions()?
        .into_iter()
        .map(|a| (a.key.clone(), a))
        .collect();
    let sessions = http.backend.sessions().await?;
    let known = sessions.into_iter().map(|session| Known {
        api: by_key.remove(&session.key),
        session,
    });
    Ok(known
        .filter(|k| may_use(caller, &k.session.key, k.api.as_ref()).is_ok())
        .collect())
}

/// One session by its key, its short name or its `sess_…` name, when the caller may see it.
pub(crate) async fn find(http: &Http, caller: &Caller, name: &str) -> Result<Known, Refused> {
    let unknown = || Refused::not_found("there is no such session");
    let key = key_of(http, name).await?.ok_or_else(unknown)?;
    let session = http.backend.session(&key).await?.ok_or_else(unknown)?;
    let known = Known {
        api: http.core.store.api_session(&key)?,
        session,
    };
    // What belongs to others does not exist for this caller.
    may_use(caller, &known.session.key, known.api.as_ref()).map_err(|_| unknown())?;
    Ok(known)
}

/// The full key of a name; `None` for an unknown `sess_…` name.
pub(crate) async fn key_of(http: &Http, name: &str) -> Result<Option<String>, Refused> {
    if !name.starts_with("sess_") {
        return Ok(Some(http.backend.canonical_key(name)));
    }
    match http.core.store.api_key_of_sid(name)? {
        Some(key) => Ok(Some(key)),
        None => Ok(http.backend.key_of_sid(name).await?),
    }
}

/// Refuses a caller who may not write into a session that is somebody else's, also when it does not exist yet.
pub(crate) fn may_write(http: &Http, caller: &Caller, key: &str) -> Result<(), Refused> {
    may_use(caller, key, http.core.store.api_session(key)?.as_ref())
}

/// Refuses a caller who is limited to other workspaces than the session's: the one that it is registered for, and the one
/// that its key names. Whoever wrote first must not own what is another's by its name.
fn may_use(caller: &Caller, key: &str, api: Option<&ApiSession>) -> Result<(), Refused> {
    let Some(list) = caller.workspaces() else {
        return Ok(());
    };
    let named = workspace_slug(key);
    match api {
        Some(api) => caller.need_workspace(&api.workspace)?,
        None if named.is_none() => caller.need_workspace(DEFAULT_WORKSPACE)?,
        None => {}
    }
    match named {
        Some(named) if !list.iter().any(|w| slug(w) == named) => Err(Refused::forbidden(
            "this key is not for the workspace of this session",
        )),
        Some(_) | None => Ok(()),
    }
}

/// The key of D5's session for a user of a workspace.
pub(crate) fn user_session(agent: &str, workspace: &str, user: &str) -> String {
    format!("agent:{agent}:api:{}:{}", slug(workspace), slug(user))
}

/// The slug of the workspace that a key of [`user_session`] belongs to. The gateway behind a bridge takes keys in any
/// case, so that they count in any case here.
fn workspace_slug(key: &str) -> Option<String> {
    let key = key.to_lowercase();
    let mut parts = key.splitn(5, ':').map(str::trim);
    let is_ours = parts.next() == Some("agent") && parts.next().is_some() && parts.next() == Some("api");
    let workspace = parts.next().filter(|_| is_ours)?;
    parts.next().map(|_| workspace.to_owned())
}

/// Rows that are read at once to fill a page with messages that are shown.
const CHUNK: u32 = 200;
/// Chunks that are read for one page at most.
const CHUNKS_MAX: u32 = 50;

/// `{timestamp, role, content}` of a page, oldest first. Tool calls and results only when asked for; `limit` and
/// `offset`, which skips the newest, count what is shown.
pub(crate) async fn transcript(
    http: &Http,
    key: &str,
    limit: u32,
    offset: u32,
    with_tools: bool,
) -> Result<Vec<Value>, Refused> {
    let wanted = u64::from(limit) + u64::from(offset);
    let mut shown: Vec<Value> = Vec::new();
    for chunk in 0..CHUNKS_MAX {
        let page = http.backend.history(key, CHUNK, chunk * CHUNK).await?;
        shown.extend(page.messages.iter().rev().filter_map(|m| message(m, with_tools)));
        let done = u64::from(chunk + 1) * u64::from(CHUNK) >= page.total;
        if done || page.messages.is_empty() || shown.len() as u64 >= wanted {
            break;
        }
    }
    let skip = usize::try_from(offset).unwrap_or(usize::MAX);
    let take = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut out: Vec<Value> = shown.into_iter().skip(skip).take(take).collect();
    out.reverse();
    Ok(out)
}

fn message(message: &Value, with_tools: bool) -> Option<Value> {
    let role = message.get("role").and_then(Value::as_str)?;
    if role == "system" {
        // The real gateway's own marks, such as the one that a reset leaves: nobody said them.
        return None;
    }
    let content = message.get("content")?;
    let parts = content.as_array().map(Vec::as_slice).unwrap_or_default();
    let text: String = match content.as_str() {
        Some(text) => text.to_owned(),
        None => parts
            .iter()
            .filter_map(|p| p.get("text").and_then(Value::as_str))
            .collect(),
    };
    let is_tool = matches!(role, "toolResult" | "tool");
    let calls: Vec<&Value> = parts
        .iter()
        .filter(|p| p.get("type").and_then(Value::as_str) == Some("toolCall"))
        .collect();
    if !with_tools && (is_tool || text.is_empty()) {
        return None;
    }
    let timestamp = message.get("timestamp").and_then(Value::as_i64).unwrap_or(0);
    let mut out =
        json!({"timestamp": iso(timestamp), "role": if is_tool { "tool" } else { role }, "content": text});
    if let Some(map) = out.as_object_mut() {
        if let Some(id) = message.pointer("/__openclaw/id") {
            map.insert("id".into(), id.clone());
        }
        if is_tool {
            map.insert(
                "tool".into(),
                message.get("toolName").cloned().unwrap_or_default(),
            );
        }
        if with_tools && !calls.is_empty() {
            let calls = calls
                .iter()
                .map(|c| json!({"name": c.get("name"), "input": c.get("arguments")}));
            map.insert("toolCalls".into(), calls.collect());
        }
    }
    Some(out)
}

/// A name as a part of a session key: what keys cannot hold is written as its code.
pub(crate) fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_' {
            out.push(c);
        } else {
            // Two digits, or any number of them between marks: nothing that follows can be read as one of them.
            let escaped = match u32::from(c) {
                code @ ..0x100 => format!(".{code:02x}"),
                code => format!("._{code:x}_"),
            };
            out.push_str(&escaped);
        }
    }
    if out.len() > 96 {
        // Long names keep their beginning and stay distinct by a digest of the whole.
        let digest = sid_of(name);
        out.truncate(64);
        out.push_str(&digest.replace("sess_", "-"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{slug, user_session, workspace_slug};

    #[test]
    fn a_key_of_a_user_names_its_workspace() {
        let names = |key: &str| workspace_slug(key);
        let key = user_session("main", "Support Ä", "ann");
        assert_eq!(names(&key), Some(slug("Support Ä")));
        for key in [
            "agent:main:api:support:ann",
            "agent:x:API:Support:ann:more",
            "agent:main:api: support :a",
        ] {
            assert_eq!(names(key).as_deref(), Some("support"), "{key}");
        }
        for key in [
            "agent:main:main",
            "agent:main:api",
            "agent:main:api:support",
            "agent:main:work:api:x:y",
        ] {
            assert_eq!(names(key), None, "{key}");
        }
    }

    #[test]
    fn different_names_stay_different() {
        let names = [
            "ann", "Ann", "an.6e", "ä", "a b", "a:b", "a/b", "", "Nf", "\u{4ef}", "\n0", "\u{a0}", "\u{a0}0",
            "\u{a00}",
        ];
        let slugs: std::collections::HashSet<String> = names.iter().map(|n| slug(n)).collect();
        assert_eq!(slugs.len(), names.len());
        assert_eq!(slug("user-123"), "user-123");
        assert_eq!(slug("N f"), ".4e.20f");
        let (a, b) = (slug(&"x".repeat(500)), slug(&"x".repeat(501)));
        assert_ne!(a, b);
        assert!(a.len() < 96 && a.bytes().all(|c| c.is_ascii_graphic() && c != b':' && c != b'/'));
    }
}
