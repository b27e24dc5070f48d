//! `agents.*`, `models.*`, `commands.*`: the agents, their models and their slash commands.

use super::{NoParams, Scope, method};
use crate::{AgentId, SessionKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

method!(
    /// The configured agents.
    List = "agents.list", Some(Scope::Read), NoParams => ListResult
);
method!(
    /// The models that can be chosen.
    Models = "models.list", Some(Scope::Read), ModelsParams => ModelsResult
);
method!(
    /// The slash commands that work in a session.
    Commands = "commands.list", Some(Scope::Read), CommandsParams => CommandsResult
);

/// Result of `agents.list`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListResult {
    /// The default agent.
    pub default_id: AgentId,
    /// All of them.
    #[serde(deserialize_with = "crate::lenient::rows")]
    pub agents: Vec<Agent>,
}

/// An agent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// Its name in the configuration.
    pub name: Option<String>,
    /// How it presents itself.
    pub identity: Option<Identity>,
    /// Its models: a name, or `{primary, fallbacks}`.
    pub model: Option<Value>,
}

/// How an agent presents itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// Its name.
    pub name: Option<String>,
    /// Its emoji.
    pub emoji: Option<String>,
}

impl Agent {
    /// Its primary model.
    #[must_use]
    pub fn primary_model(&self) -> Option<&str> {
        let model = self.model.as_ref()?;
        model.as_str().or_else(|| model.get("primary")?.as_str())
    }
}

/// Parameters of `models.list`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelsParams {
    /// For this agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    /// `default`, `configured`, `provider-config`, `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
}

/// Result of `models.list`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ModelsResult {
    /// The models.
    #[serde(deserialize_with = "crate::lenient::rows")]
    pub models: Vec<Model>,
}

/// A model.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Model {
    /// Its id with its provider.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Its provider.
    pub provider: Option<String>,
    /// Size of its context window in tokens.
    pub context_window: Option<u64>,
    /// Whether it reasons.
    pub reasoning: Option<bool>,
    /// Whether it can be used now.
    pub available: Option<bool>,
}

/// Parameters of `commands.list`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandsParams {
    /// In this session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_key: Option<SessionKey>,
    /// For this agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    /// With their arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_args: Option<bool>,
}

/// Result of `commands.list`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CommandsResult {
    /// The commands.
    #[serde(deserialize_with = "crate::lenient::rows")]
    pub commands: Vec<Command>,
}

/// A slash command.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Command {
    /// Its name, without the slash.
    pub name: String,
    /// Other ways to type it, with the slash.
    pub text_aliases: Vec<String>,
    /// What it does.
    pub description: Option<String>,
    /// Its group.
    pub category: Option<String>,
    /// Whether it takes arguments.
    pub accepts_args: Option<bool>,
}
