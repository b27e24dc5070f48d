//! Session rows, as in `sessions.list`, `sessions.changed` and `chat.history`.

use crate::{AgentId, RunId, SessionKey};
use serde::{Deserialize, Serialize};

/// A session, reduced to what a companion shows. The gateway's row has some sixty fields more.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionRow {
    /// The session's key.
    pub key: SessionKey,
    /// The agent it belongs to.
    pub agent_id: Option<AgentId>,
    /// A name that a person gave.
    pub label: Option<String>,
    /// The gateway's display name, for example a channel's group name.
    pub display_name: Option<String>,
    /// A title derived from the first message (`includeDerivedTitles`).
    pub derived_title: Option<String>,
    /// A title that the gateway made up by itself.
    pub auto_label: Option<String>,
    /// The last message, shortened (`includeLastMessage`).
    pub last_message_preview: Option<String>,
    /// The channel it came from, for example `telegram`.
    pub channel: Option<String>,
    /// `direct`, `group`, `global`, `unknown`.
    pub kind: Option<String>,
    /// The agent's main session.
    pub is_main: Option<bool>,
    /// Automation, not a conversation.
    pub is_background: Option<bool>,
    /// The last change, in milliseconds since the epoch.
    pub updated_at: Option<i64>,
    /// The last message by a person or an agent, in milliseconds since the epoch.
    pub last_interaction_at: Option<i64>,
    /// Hidden from the list.
    pub archived: Option<bool>,
    /// Kept at the top.
    pub pinned: Option<bool>,
    /// Something in it has not been read. Without `lastReadAt` a gateway counts what comes within a new session's first
    /// run as read, though nobody has.
    pub unread: Option<bool>,
    /// When somebody last read it, in milliseconds since the epoch.
    pub last_read_at: Option<i64>,
    /// The group it was put in.
    pub category: Option<String>,
    /// `running`, `done`, `failed`, `timeout`, `killed`.
    pub status: Option<String>,
    /// Whether a run is active. Authoritative together with `active_run_ids`.
    pub has_active_run: Option<bool>,
    /// The active runs.
    pub active_run_ids: Option<Vec<RunId>>,
    /// Tokens in the context.
    pub total_tokens: Option<u64>,
    /// Size of the context window in tokens.
    pub context_tokens: Option<u64>,
    /// Cost so far, in US dollars, as estimated by the gateway.
    pub estimated_cost_usd: Option<f64>,
    /// The provider of the model.
    pub model_provider: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The thinking level that was chosen.
    pub thinking_level: Option<String>,
    /// `full`, `guarded`, …
    pub permission_mode: Option<String>,
}
