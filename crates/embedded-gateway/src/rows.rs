//! Sessions and snapshots in their wire format.

use crate::agent::tools::TOOLS;
use crate::core::Core;
use crate::store::sessions::SessionRecord;
use crate::time::now_ms;
use serde_json::{Map, Value, json};

/// Size of the context window that rows announce, in tokens.
pub(crate) const CONTEXT_TOKENS: u64 = 128_000;

/// A session as `sessions.list` shows it.
pub(crate) fn row(core: &Core, s: &SessionRecord) -> Value {
    let active = core.runs.active_ids(&s.key);
    let is_main = s.key == format!("agent:{}:main", s.agent_id);
    let status = if active.is_empty() {
        s.status.as_deref()
    } else {
        Some("running")
    };
    let model = s.model.clone().unwrap_or_else(|| core.agent.model());
    let mut out = json!({
        "key": s.key,
        "sessionId": s.session_id,
        "agentId": s.agent_id,
        "visibility": "shared",
        "createdVia": "operator",
        "createdAt": s.created_at,
        "kind": "direct",
        "classification": if is_main { "main" } else { "direct" },
        "chatType": "direct",
        "isMain": is_main,
        "isBackground": s.background,
        "updatedAt": s.updated_at,
        "archived": s.archived,
        "pinned": s.pinned_at.is_some(),
        "unread": s.unread,
        "abortedLastRun": s.aborted_last_run,
        "inputTokens": s.input_tokens,
        "outputTokens": s.output_tokens,
        "totalTokens": s.input_tokens + s.output_tokens,
        "totalTokensFresh": true,
        "contextTokens": CONTEXT_TOKENS,
        "effectiveQueueMode": "followup",
        "modelProvider": core.agent.provider(),
        "model": model,
        "snapshotAt": now_ms(),
        "hasActiveRun": !active.is_empty(),
        "activeRunIds": active,
        "sharingRole": "admin",
    });
    if let Some(map) = out.as_object_mut() {
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                map.insert(name.to_owned(), value);
            }
        };
        let text = |v: &Option<String>| v.clone().map(Value::from);
        put("label", text(&s.label));
        put("displayName", text(&s.label));
        put("category", text(&s.category));
        put("icon", text(&s.icon));
        put("color", text(&s.color));
        put("thinkingLevel", text(&s.thinking_level));
        put("permissionMode", text(&s.permission_mode));
        put("channel", text(&s.channel));
        put("lastRunId", text(&s.last_run_id));
        put("lastRunError", text(&s.last_error));
        put(
            "derivedTitle",
            s.label.clone().or_else(|| s.title.clone()).map(Value::from),
        );
        put("lastMessagePreview", text(&s.preview));
        put("pinnedAt", s.pinned_at.map(Value::from));
        put("lastInteractionAt", s.last_interaction_at.map(Value::from));
        put("lastActivityAt", s.last_interaction_at.map(Value::from));
        put("status", status.map(Value::from));
        put("startedAt", s.started_at.map(Value::from));
        put("endedAt", s.ended_at.map(Value::from));
        put(
            "runtimeMs",
            s.started_at
                .zip(s.ended_at)
                .map(|(a, b)| Value::from((b - a).max(0))),
        );
    }
    out
}

/// The payload of `sessions.changed`: the row, and its fields once more beside it, null where there is nothing.
pub(crate) fn changed(core: &Core, s: &SessionRecord, reason: &str) -> Value {
    let row = row(core, s);
    let mut out = Map::new();
    for name in [
        "label",
        "displayName",
        "category",
        "icon",
        "color",
        "thinkingLevel",
        "permissionMode",
        "channel",
        "lastRunId",
        "lastRunError",
        "pinnedAt",
        "startedAt",
        "endedAt",
        "runtimeMs",
        "status",
        "lastInteractionAt",
    ] {
        out.insert(name.to_owned(), Value::Null);
    }
    if let Some(fields) = row.as_object() {
        for (name, value) in fields.iter().filter(|(name, _)| name.as_str() != "key") {
            out.insert(name.clone(), value.clone());
        }
    }
    out.insert("sessionKey".into(), s.key.clone().into());
    out.insert("reason".into(), reason.into());
    out.insert("ts".into(), now_ms().into());
    out.insert("session".into(), row);
    Value::Object(out)
}

/// The record behind `sessions.patch`, `sessions.create` and `sessions.reset`.
pub(crate) fn entry(s: &SessionRecord) -> Value {
    json!({
        "sessionId": s.session_id,
        "updatedAt": s.updated_at,
        "sessionStartedAt": s.created_at,
        "createdAt": s.created_at,
        "label": s.label,
        "category": s.category,
        "thinkingLevel": s.thinking_level,
        "permissionMode": s.permission_mode,
        "pinnedAt": s.pinned_at,
        "archived": s.archived,
        "status": s.status,
        "inputTokens": s.input_tokens,
        "outputTokens": s.output_tokens,
        "totalTokens": s.input_tokens + s.output_tokens,
        "totalTokensFresh": true,
        "chatType": "direct",
    })
}

/// What new sessions start with.
pub(crate) fn defaults(core: &Core) -> Value {
    json!({
        "modelProvider": core.agent.provider(),
        "model": core.agent.model(),
        "contextTokens": CONTEXT_TOKENS,
        "agentRuntime": {"id": "auto", "source": "implicit"},
        "thinkingLevels": [{"id": "off", "label": "off"}, {"id": "low", "label": "low"}],
        "thinkingOptions": ["off", "low"],
        "thinkingDefault": "off",
        "modelSelectionTarget": "session",
    })
}

/// The health snapshot.
pub(crate) fn health(core: &Core) -> Value {
    let began = std::time::Instant::now();
    let sessions = core.store.sessions();
    let ok = sessions.is_ok();
    let sessions = sessions.unwrap_or_default();
    let now = now_ms();
    let recent: Vec<Value> = sessions
        .iter()
        .take(5)
        .map(|s| json!({"key": s.key, "updatedAt": s.updated_at, "age": (now - s.updated_at).max(0)}))
        .collect();
    let agents: Vec<Value> = core
        .agents
        .iter()
        .map(|a| {
            let count = sessions.iter().filter(|s| s.agent_id == a.id).count();
            json!({"agentId": a.id, "isDefault": a.id == core.default_agent(),
                "heartbeat": {"enabled": false}, "sessions": {"count": count}})
        })
        .collect();
    json!({
        "ok": ok,
        "ts": now,
        "durationMs": u64::try_from(began.elapsed().as_millis()).unwrap_or(0),
        "plugins": {"loaded": [], "errors": [], "unavailable": []},
        "channels": {},
        "channelOrder": [],
        "channelLabels": {},
        "heartbeatSeconds": 0,
        "defaultAgentId": core.default_agent(),
        "agents": agents,
        "sessions": {"count": sessions.len(), "recent": recent},
    })
}

/// `agents.list`.
pub(crate) fn agents(core: &Core) -> Value {
    let agents: Vec<Value> = core
        .agents
        .iter()
        .map(|a| {
            let mut agent = json!({
                "id": a.id,
                "kind": "agent",
                "model": {"primary": format!("{}/{}", core.agent.provider(), core.agent.model())},
                "thinkingOptions": ["off", "low"],
                "thinkingDefault": "off",
                "defaultPermissionMode": "full",
                "agentRuntime": {"id": "auto", "source": "implicit"},
            });
            if let Some(map) = agent.as_object_mut()
                && let Some(name) = &a.name
            {
                map.insert("name".into(), name.clone().into());
                map.insert("identity".into(), json!({"name": name, "emoji": a.emoji}));
            }
            agent
        })
        .collect();
    json!({"defaultId": core.default_agent(), "ownership": "sole", "selectionRequired": false, "mainKey": "main",
        "scope": "per-sender", "agents": agents})
}

/// `models.list`.
pub(crate) fn models(core: &Core) -> Value {
    let id = core.agent.model();
    json!({"models": [{"id": id, "name": id, "provider": core.agent.provider(), "contextWindow": CONTEXT_TOKENS,
        "reasoning": false, "tags": ["default"], "thinkingLevels": [{"id": "off", "label": "off"}],
        "thinkingDefault": "off", "available": true}]})
}

/// The slash commands that this gateway really answers.
pub(crate) const COMMANDS: [(&str, &str, &str); 5] = [
    ("help", "Show available commands.", "status"),
    (
        "status",
        "Show the usage and the model of this session.",
        "status",
    ),
    ("tools", "Show the tools of the built-in agent.", "tools"),
    ("new", "Start a new transcript in this session.", "session"),
    ("reset", "Start a new transcript in this session.", "session"),
];

/// `commands.list`.
pub(crate) fn commands() -> Value {
    let list: Vec<Value> = COMMANDS
        .iter()
        .map(|(name, description, category)| {
            json!({"name": name, "nativeName": name, "textAliases": [format!("/{name}")], "description": description,
                "category": category, "source": "native", "scope": "both", "acceptsArgs": false})
        })
        .collect();
    json!({ "commands": list })
}

/// The answer to a slash command; `None` if the text is not one of our commands.
pub(crate) fn command_reply(core: &Core, s: &SessionRecord, text: &str) -> Option<String> {
    let name = text.trim().strip_prefix('/')?.split_whitespace().next()?;
    Some(match name {
        "help" => COMMANDS
            .iter()
            .map(|(n, d, _)| format!("- `/{n}`: {d}\n"))
            .collect(),
        "status" => format!(
            "Session `{}`\n\n- Agent: {}\n- Model: {}/{}\n- Tokens: {} in, {} out\n- Gateway: Clawtray {} (embedded)\n",
            s.key,
            s.agent_id,
            core.agent.provider(),
            core.agent.model(),
            s.input_tokens,
            s.output_tokens,
            env!("CARGO_PKG_VERSION"),
        ),
        "tools" => TOOLS
            .iter()
            .map(|t| format!("- `{}`: {}\n", t.name, t.description))
            .collect(),
        "new" | "reset" => "A new transcript begins here.".to_owned(),
        _ => return None,
    })
}
