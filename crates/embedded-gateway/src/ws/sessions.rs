//! `sessions.*`.

use super::{Connection, Params};
use crate::core::agent_of;
use crate::error::invalid;
use crate::rows;
use crate::runs::{Order, start};
use crate::store::sessions::SessionRecord;
use crate::time::now_ms;
use clawtray_gateway_protocol::GatewayError;
use serde_json::{Value, json};

const LIST_DEFAULT: u32 = 100;

pub(super) const LIST_OPTIONAL: [&str; 21] = [
    "limit",
    "offset",
    "activeMinutes",
    "activeOnly",
    "requireLastInteraction",
    "sortBy",
    "includeGlobal",
    "includeUnknown",
    "configuredAgentsOnly",
    "includeDerivedTitles",
    "includeLastMessage",
    "label",
    "boardFace",
    "creatorId",
    "ownerId",
    "ownerFirst",
    "involvingMe",
    "spawnedBy",
    "agentId",
    "search",
    "archived",
];
pub(super) const PATCH_OPTIONAL: [&str; 17] = [
    "agentId",
    "expectedSessionId",
    "label",
    "icon",
    "color",
    "category",
    "archived",
    "pinned",
    "unread",
    "thinkingLevel",
    "fastMode",
    "verboseLevel",
    "reasoningLevel",
    "permissionMode",
    "model",
    "sendPolicy",
    "statusNote",
];

pub(super) fn list(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    let core = &connection.core;
    let limit = p.opt_u32("limit")?.unwrap_or(LIST_DEFAULT).max(1);
    let offset = p.opt_u32("offset")?.unwrap_or(0);
    let agent = p.opt_str("agentId")?;
    let search = p.opt_str("search")?.map(str::to_lowercase);
    let since = p
        .opt_u32("activeMinutes")?
        .map(|m| now_ms() - i64::from(m) * 60_000);
    let active_only = p.opt_bool("activeOnly")?.unwrap_or(false);
    let archived = match p.get("archived") {
        None | Some(Value::Bool(false)) => Some(false),
        Some(Value::Bool(true)) => Some(true),
        Some(Value::String(all)) if all == "all" => None,
        Some(_) => {
            return Err(invalid(
                "invalid sessions.list params: at /archived: must match a schema in anyOf",
            ));
        }
    };
    let by_interaction = p.opt_str("sortBy")? == Some("lastInteractionAt");
    let mut all = core.store.sessions()?;
    // The main session is always there, also before its first message.
    let main = core.main_key();
    if !all.iter().any(|s| s.key == main) {
        all.push(SessionRecord {
            updated_at: 0,
            ..core.new_session(&main)
        });
    }
    all.retain(|s| {
        agent.is_none_or(|a| s.agent_id == a)
            && archived.is_none_or(|want| s.archived == want)
            && since.is_none_or(|t| s.updated_at >= t)
            && (!active_only || !core.runs.active_ids(&s.key).is_empty())
            && search.as_ref().is_none_or(|text| {
                [Some(&s.key), s.label.as_ref(), s.title.as_ref()]
                    .into_iter()
                    .flatten()
                    .any(|field| field.to_lowercase().contains(text))
            })
    });
    all.sort_by_key(|s| {
        let at = if by_interaction {
            s.last_interaction_at.unwrap_or(0)
        } else {
            s.updated_at
        };
        (std::cmp::Reverse(s.pinned_at.is_some()), std::cmp::Reverse(at))
    });
    let total = all.len();
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(total);
    let end = start
        .saturating_add(usize::try_from(limit).unwrap_or(usize::MAX))
        .min(total);
    let page: Vec<Value> = all
        .get(start..end)
        .unwrap_or_default()
        .iter()
        .map(|s| rows::row(core, s))
        .collect();
    let has_more = end < total;
    Ok(json!({
        "ts": now_ms(),
        "path": core.data_dir.join("gateway.sqlite"),
        "count": page.len(),
        "totalCount": total,
        "limitApplied": limit,
        "nextOffset": has_more.then_some(end),
        "hasMore": has_more,
        "owners": [],
        "defaults": rows::defaults(core),
        "sessions": page,
    }))
}

pub(super) fn subscribe(connection: &mut Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    let with_list = p.get("limit").is_some();
    let list = if with_list {
        Some(list(connection, p)?)
    } else {
        None
    };
    connection.subs.sessions = true;
    let mut out = json!({"subscribed": true});
    if let Some(list) = list {
        super::merge(&mut out, json!({ "list": list }));
    }
    Ok(out)
}

pub(super) fn unsubscribe(connection: &mut Connection) -> Value {
    connection.subs.sessions = false;
    json!({"subscribed": false})
}

pub(super) fn follow(connection: &mut Connection, p: &Params<'_>, on: bool) -> Result<Value, GatewayError> {
    let key = connection.core.canonical_key(p.str("key")?);
    if on {
        connection.subs.messages.insert(key.clone());
    } else {
        connection.subs.messages.remove(&key);
    }
    Ok(json!({"subscribed": on, "key": key}))
}

pub(super) fn create(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    let core = &connection.core;
    let agent = p.opt_str("agentId")?.unwrap_or(core.default_agent()).to_owned();
    let key = match p.opt_str("key")? {
        Some(key) => core.canonical_key(key),
        None => format!("agent:{agent}:{}", uuid::Uuid::new_v4()),
    };
    if !core.has_agent(agent_of(&key)) {
        return Err(invalid(format!(
            "Agent \"{}\" no longer exists in configuration",
            agent_of(&key)
        )));
    }
    let text = |name: &str| p.opt_str(name).map(|v| v.map(str::to_owned));
    let (label, category, model, thinking) = (
        text("label")?,
        text("category")?,
        text("model")?,
        text("thinkingLevel")?,
    );
    let record = core.update_session(&key, "create", |s| {
        s.label = label.or(s.label.take());
        s.category = category.or(s.category.take());
        s.model = model.or(s.model.take());
        s.thinking_level = thinking.or(s.thinking_level.take());
        s.updated_at = now_ms();
    })?;
    let message = p
        .opt_str("message")?
        .or(p.opt_str("task")?)
        .filter(|m| !m.trim().is_empty());
    let mut out = json!({"ok": true, "key": key, "sessionId": record.session_id, "entry": rows::entry(&record),
        "runStarted": message.is_some(), "resolved": {"modelProvider": core.agent.provider(), "model": core.agent.model()}});
    if let Some(message) = message {
        let run_id = p
            .opt_str("idempotencyKey")?
            .map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned);
        let order = Order {
            session: key,
            text: message.to_owned(),
            run_id: run_id.clone(),
            ..Order::default()
        };
        start(core, order)?;
        super::merge(&mut out, json!({ "runId": run_id }));
    }
    Ok(out)
}

pub(super) fn patch(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    let core = &connection.core;
    let key = core.canonical_key(p.str("key")?);
    let (label, icon, color, category) = (
        p.nullable("label")?,
        p.nullable("icon")?,
        p.nullable("color")?,
        p.nullable("category")?,
    );
    let (thinking, permission, model) = (
        p.nullable("thinkingLevel")?,
        p.nullable("permissionMode")?,
        p.nullable("model")?,
    );
    let (archived, pinned, unread) = (
        p.opt_bool("archived")?,
        p.opt_bool("pinned")?,
        p.opt_bool("unread")?,
    );
    if let Some(Some(mode)) = &permission
        && !["read-only", "guarded", "workspace", "full"].contains(&mode.as_str())
    {
        return Err(invalid(
            "invalid sessions.patch params: at /permissionMode: must be equal to one of the allowed values",
        ));
    }
    let record = core.update_session(&key, "patch", |s| {
        let set = |field: &mut Option<String>, value: Option<Option<String>>| {
            if let Some(value) = value {
                *field = value;
            }
        };
        set(&mut s.label, label);
        set(&mut s.icon, icon);
        set(&mut s.color, color);
        set(&mut s.category, category);
        set(&mut s.thinking_level, thinking);
        set(&mut s.permission_mode, permission);
        set(&mut s.model, model);
        if let Some(on) = archived {
            s.archived = on;
        }
        if let Some(on) = pinned {
            s.pinned_at = on.then(now_ms);
        }
        if let Some(on) = unread {
            s.unread = on;
        } else {
            s.updated_at = now_ms();
        }
    })?;
    Ok(
        json!({"ok": true, "path": core.data_dir.join("gateway.sqlite"), "key": key, "entry": rows::entry(&record),
        "resolved": {"modelProvider": core.agent.provider(), "model": record.model.unwrap_or_else(|| core.agent.model())}}),
    )
}

pub(super) fn reset(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    let core = &connection.core;
    let key = core.canonical_key(p.str("key")?);
    let record = core.clear_session(&key)?;
    Ok(json!({"ok": true, "key": key, "entry": rows::entry(&record)}))
}

pub(super) fn delete(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    let core = &connection.core;
    let key = core.canonical_key(p.str("key")?);
    if key == format!("agent:{}:main", agent_of(&key)) {
        return Err(invalid(format!("Cannot delete the main session ({key}).")));
    }
    let deleted = core.delete_session(&key)?;
    Ok(json!({"ok": true, "key": key, "deleted": deleted, "archived": []}))
}

pub(super) fn preview(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    let core = &connection.core;
    let limit = p.opt_u32("limit")?.unwrap_or(5).clamp(1, 50);
    let max_chars = usize::try_from(p.opt_u32("maxChars")?.unwrap_or(240)).unwrap_or(240);
    let keys = p.get("keys").and_then(Value::as_array);
    let keys = keys.ok_or_else(|| invalid("invalid sessions.preview params: at /keys: must be array"))?;
    let mut previews = Vec::new();
    for key in keys.iter().filter_map(Value::as_str) {
        let full = core.canonical_key(key);
        let items: Vec<Value> = core
            .store
            .messages(&full, limit, 0)?
            .iter()
            .map(|m| json!({"role": m.role, "text": m.text.chars().take(max_chars).collect::<String>()}))
            .collect();
        let status = if core.store.session(&full)?.is_none() {
            "missing"
        } else if items.is_empty() {
            "empty"
        } else {
            "ok"
        };
        previews.push(json!({"key": key, "status": status, "items": items}));
    }
    Ok(json!({"ts": now_ms(), "previews": previews}))
}

pub(super) fn describe(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    let core = &connection.core;
    let key = core.canonical_key(p.str("key")?);
    let session = core.store.session(&key)?.map(|s| rows::row(core, &s));
    Ok(json!({ "session": session }))
}

pub(super) fn resolve(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    let key = connection.core.canonical_key(p.str("key")?);
    let agent = agent_of(&key).to_owned();
    Ok(json!({"ok": true, "key": key, "agentId": agent}))
}
