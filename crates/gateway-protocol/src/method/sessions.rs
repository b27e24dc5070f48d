//! `sessions.*`: the list, the subscriptions, and the actions on a session.

use super::{NoParams, Scope, method};
use crate::{AgentId, MessageId, RunId, SessionKey, SessionRow};
use serde::{Deserialize, Serialize};
use serde_json::Value;

method!(
    /// Sessions, most recent first.
    List = "sessions.list", Some(Scope::Read), ListParams => ListResult
);
method!(
    /// From now on this connection receives `sessions.changed`, `session.message` and `session.tool` of all sessions.
    Subscribe = "sessions.subscribe", Some(Scope::Read), NoParams => Value
);
method!(
    /// The messages of one session.
    MessagesSubscribe = "sessions.messages.subscribe", Some(Scope::Read), KeyParams => Value
);
method!(
    /// No longer the messages of one session.
    MessagesUnsubscribe = "sessions.messages.unsubscribe", Some(Scope::Read), KeyParams => Value
);
method!(
    /// The last lines of some sessions.
    Preview = "sessions.preview", Some(Scope::Read), PreviewParams => PreviewResult
);
method!(
    /// One session's row.
    Describe = "sessions.describe", Some(Scope::Read), DescribeParams => DescribeResult
);
method!(
    /// Full-text search over transcripts.
    Search = "sessions.search", Some(Scope::Read), SearchParams => SearchResult
);
method!(
    /// Creates a session. The scope depends on what is asked for.
    Create = "sessions.create", None, CreateParams => CreateResult
);
method!(
    /// Changes fields of a session. The scope depends on the fields.
    Patch = "sessions.patch", None, PatchParams => Value
);
method!(
    /// Begins the transcript anew.
    Reset = "sessions.reset", Some(Scope::Admin), ResetParams => Value
);
method!(
    /// Deletes a session. The scope depends on whether it is archived.
    Delete = "sessions.delete", None, DeleteParams => Value
);
method!(
    /// Shortens the context.
    Compact = "sessions.compact", Some(Scope::Admin), CompactParams => Value
);
method!(
    /// A new session that continues from a message of this one.
    Fork = "sessions.fork", Some(Scope::Write), ForkParams => ForkResult
);
method!(
    /// The groups of the list.
    GroupsList = "sessions.groups.list", Some(Scope::Read), NoParams => GroupsResult
);
method!(
    /// Replaces the groups.
    GroupsPut = "sessions.groups.put", Some(Scope::Write), GroupsPutParams => Value
);
method!(
    /// Where new sessions of the groups begin. From 2026.8 on.
    GroupsDefaults = "sessions.groups.defaults", Some(Scope::Write), NoParams => GroupsDefaultsResult
);
method!(
    /// Sets where new sessions of a group begin. From 2026.8 on.
    GroupsUpdate = "sessions.groups.update", Some(Scope::Write), GroupsUpdateParams => GroupsDefaultsResult
);
method!(
    /// Renames a group.
    GroupsRename = "sessions.groups.rename", Some(Scope::Write), GroupsRenameParams => Value
);
method!(
    /// Deletes a group; its sessions stay.
    GroupsDelete = "sessions.groups.delete", Some(Scope::Write), GroupsDeleteParams => Value
);
method!(
    /// Tokens and cost, per session and day.
    Usage = "sessions.usage", Some(Scope::Read), UsageParams => Value
);
method!(
    /// Stops runs by session or run.
    Abort = "sessions.abort", Some(Scope::Write), AbortParams => Value
);

/// Parameters of `sessions.list`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListParams {
    /// At most this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Skip this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
    /// Only those of this agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    /// Only those whose title or key has this text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Archived ones instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<Archived>,
    /// Titles made from the first message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_derived_titles: Option<bool>,
    /// The last message, shortened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_last_message: Option<bool>,
}

/// Which sessions by whether they are archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archived {
    /// Only those that are not.
    No,
    /// Only those that are.
    Only,
    /// Both.
    All,
}

impl Serialize for Archived {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::No => s.serialize_bool(false),
            Self::Only => s.serialize_bool(true),
            Self::All => s.serialize_str("all"),
        }
    }
}

/// Result of `sessions.list`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListResult {
    /// The rows.
    #[serde(deserialize_with = "crate::lenient::rows")]
    pub sessions: Vec<SessionRow>,
    /// All that match.
    #[serde(alias = "total")]
    pub total_count: Option<u64>,
    /// There are more.
    pub has_more: bool,
    /// Where they begin.
    pub next_offset: Option<u32>,
}

/// A session's key.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyParams {
    /// The session.
    pub key: SessionKey,
    /// The agent, where the key alone does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
}

/// Parameters of `sessions.preview`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviewParams {
    /// The sessions.
    pub keys: Vec<SessionKey>,
    /// Lines of each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Characters of each line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_chars: Option<u32>,
}

/// Result of `sessions.preview`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PreviewResult {
    /// One for each key.
    pub previews: Vec<SessionPreview>,
}

/// One session's preview.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SessionPreview {
    /// The session.
    pub key: SessionKey,
    /// `ok`, `empty`, `missing`, `error`.
    pub status: String,
    /// Its last lines.
    pub items: Vec<PreviewItem>,
}

/// A line of a preview.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PreviewItem {
    /// `user`, `assistant`, `tool`, …
    pub role: String,
    /// The line.
    pub text: String,
}

/// Parameters of `sessions.describe`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeParams {
    /// The session.
    pub key: SessionKey,
    /// A title made from the first message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_derived_titles: Option<bool>,
    /// The last message, shortened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_last_message: Option<bool>,
}

/// Result of `sessions.describe`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DescribeResult {
    /// The row; none when there is no such session.
    pub session: Option<SessionRow>,
}

/// Parameters of `sessions.search`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchParams {
    /// What to look for.
    pub query: String,
    /// Only this agent's sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    /// At most this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Result of `sessions.search`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SearchResult {
    /// What was found.
    pub results: Vec<SearchHit>,
}

/// Something found.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SearchHit {
    /// The session.
    pub session_key: SessionKey,
    /// The message.
    pub message_id: Option<MessageId>,
    /// `user`, `assistant`, …
    pub role: Option<String>,
    /// The text around it.
    pub snippet: Option<String>,
    /// When it was written, in milliseconds since the epoch.
    pub timestamp: Option<i64>,
}

/// Parameters of `sessions.create`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateParams {
    /// Its key; the gateway makes one up without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<SessionKey>,
    /// Its agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    /// A name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Another model than the agent's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The first prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Result of `sessions.create`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateResult {
    /// Its key.
    pub key: SessionKey,
    /// The run, when there was a first prompt.
    pub run_id: Option<RunId>,
}

/// Parameters of `sessions.patch`: the outer `None` leaves a field alone, the inner clears it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PatchParams {
    /// The session.
    pub key: SessionKey,
    /// A name that a person gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Option<String>>,
    /// The group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Option<String>>,
    /// Hidden from the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// Kept at the top.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// Marked as unread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<bool>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Option<String>>,
    /// The thinking level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_level: Option<Option<String>>,
    /// What tools may do: `read-only`, `guarded`, `workspace`, `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission_mode: Option<Option<String>>,
}

/// Parameters of `sessions.reset`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResetParams {
    /// The session.
    pub key: SessionKey,
    /// `new` or `reset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Parameters of `sessions.delete`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteParams {
    /// The session.
    pub key: SessionKey,
    /// Its transcript, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_transcript: Option<bool>,
    /// Only if it is archived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_only: Option<bool>,
}

/// Parameters of `sessions.compact`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompactParams {
    /// The session.
    pub key: SessionKey,
    /// Cut to this many lines in place of a summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_lines: Option<u32>,
}

/// Parameters of `sessions.fork`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ForkParams {
    /// The session.
    pub session_key: SessionKey,
    /// The message to continue from.
    pub entry_id: MessageId,
}

/// Result of `sessions.fork`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForkResult {
    /// The new session.
    #[serde(alias = "sessionKey")]
    pub key: SessionKey,
}

/// Result of `sessions.groups.list`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct GroupsResult {
    /// The groups, in order.
    pub groups: Vec<Group>,
}

/// A group of the list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Group {
    /// Its name.
    pub name: String,
}

/// Parameters of `sessions.groups.put`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GroupsPutParams {
    /// All groups, in order.
    pub names: Vec<String>,
}

/// Parameters of `sessions.groups.update`: both of a group's defaults, as they shall be.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GroupsUpdateParams {
    /// The group.
    pub name: String,
    /// The folder that new sessions work in; none leaves it to the agent.
    pub cwd: Option<String>,
    /// Each new session gets a worktree of its own.
    pub worktree: bool,
}

/// Result of `sessions.groups.defaults` and `sessions.groups.update`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct GroupsDefaultsResult {
    /// The groups that have any.
    #[serde(deserialize_with = "crate::lenient::rows")]
    pub defaults: Vec<GroupDefaults>,
}

/// Where new sessions of a group begin.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct GroupDefaults {
    /// The group.
    pub name: String,
    /// The folder that new sessions work in.
    pub cwd: Option<String>,
    /// Each new session gets a worktree of its own.
    pub worktree: Option<bool>,
}

/// Parameters of `sessions.groups.rename`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GroupsRenameParams {
    /// Its name.
    pub name: String,
    /// Its new name.
    pub to: String,
}

/// Parameters of `sessions.groups.delete`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GroupsDeleteParams {
    /// Its name.
    pub name: String,
}

/// Parameters of `sessions.usage`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageParams {
    /// Only this session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<SessionKey>,
    /// `7d`, `30d`, `90d`, `1y`, `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
    /// At most this many sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Parameters of `sessions.abort`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AbortParams {
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<SessionKey>,
    /// The run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// What waits in the queue, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clear_queued: Option<bool>,
}
