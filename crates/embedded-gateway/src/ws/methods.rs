//! The methods: their names, their scopes, and their handlers.

use super::{Connection, Params, chat, cron, devices, sessions};
use crate::core::agent_of;
use crate::error::invalid;
use crate::time::now_ms;
use crate::{agent, rows};
use clawtray_gateway_protocol::GatewayError;
use serde_json::{Value, json};

/// The methods that `hello-ok` announces: exactly those that [`dispatch`] knows.
pub(super) const METHODS: &[&str] = &[
    "health",
    "status",
    "gateway.identity.get",
    "agents.list",
    "agent.identity.get",
    "models.list",
    "commands.list",
    "tools.catalog",
    "sessions.list",
    "sessions.subscribe",
    "sessions.unsubscribe",
    "sessions.messages.subscribe",
    "sessions.messages.unsubscribe",
    "sessions.create",
    "sessions.patch",
    "sessions.reset",
    "sessions.delete",
    "sessions.preview",
    "sessions.describe",
    "sessions.resolve",
    "chat.send",
    "chat.abort",
    "chat.history",
    "chat.metadata",
    "exec.approval.list",
    "plugin.approval.list",
    "question.list",
    "device.pair.list",
    "device.pair.approve",
    "device.pair.reject",
    "device.pair.remove",
    "cron.list",
    "cron.get",
    "cron.status",
    "cron.add",
    "cron.update",
    "cron.remove",
    "cron.run",
    "cron.runs",
    "usage.cost",
];

/// The events that this gateway sends.
pub(super) const EVENTS: &[&str] = &[
    "connect.challenge",
    "chat",
    "agent",
    "session.message",
    "sessions.changed",
    "tick",
    "health",
    "shutdown",
    "cron",
    "device.pair.requested",
    "device.pair.resolved",
];

fn scope_of(method: &str) -> Option<&'static str> {
    match method {
        "health" => None,
        "chat.send" | "chat.abort" | "sessions.patch" | "sessions.create" => Some("operator.write"),
        "sessions.reset" | "sessions.delete" | "cron.add" | "cron.update" | "cron.remove" | "cron.run" => {
            Some("operator.admin")
        }
        "exec.approval.list" | "plugin.approval.list" => Some("operator.approvals"),
        "device.pair.list" | "device.pair.approve" | "device.pair.reject" | "device.pair.remove" => {
            Some("operator.pairing")
        }
        _ => Some("operator.read"),
    }
}

/// Carries a request out.
pub(super) fn dispatch(c: &mut Connection, method: &str, params: &Value) -> Result<Value, GatewayError> {
    if method == "connect" {
        return Err(invalid("connect is only valid as the first request"));
    }
    if !METHODS.contains(&method) {
        return Err(invalid(format!("unknown method: {method}")));
    }
    if let Some(scope) = scope_of(method).filter(|scope| !c.peer.may(scope)) {
        let mut error = crate::error::invalid_with(
            format!("missing scope: {scope}"),
            json!({"code": "MISSING_SCOPE", "missingScope": scope, "requiredScopes": [scope]}),
        );
        error.code = "FORBIDDEN".into();
        return Err(error);
    }
    let read = |required: &[&str], optional: &[&str]| Params::read(method, params, required, optional);
    match method {
        "health" => Ok(rows::health(&c.core)),
        "status" => status(c),
        "gateway.identity.get" => Ok(json!({"name": "Clawtray", "bootId": c.core.boot_id})),
        "agents.list" => read(&[], &[]).map(|_| rows::agents(&c.core)),
        "agent.identity.get" => {
            let p = read(&[], &["agentId", "sessionKey"])?;
            let id = p.opt_str("agentId")?.map(str::to_owned);
            let id = match (id, p.opt_str("sessionKey")?) {
                (Some(id), _) => id,
                (None, Some(key)) => agent_of(&c.core.canonical_key(key)).to_owned(),
                (None, None) => c.core.default_agent().to_owned(),
            };
            let agent = c.core.agents.iter().find(|a| a.id == id);
            Ok(
                json!({"agentId": id, "name": agent.and_then(|a| a.name.clone()), "emoji": agent.and_then(|a| a.emoji.clone())}),
            )
        }
        "models.list" => {
            read(
                &[],
                &[
                    "agentId",
                    "includeProviderCapabilities",
                    "preparedOnly",
                    "refresh",
                    "view",
                ],
            )?;
            Ok(rows::models(&c.core))
        }
        "commands.list" => {
            read(
                &[],
                &["sessionKey", "agentId", "provider", "scope", "includeArgs"],
            )?;
            Ok(rows::commands())
        }
        "tools.catalog" => {
            read(&[], &["agentId", "includePlugins"])?;
            let tools = agent::tools::TOOLS.iter().map(
                |t| json!({"id": t.name, "label": t.name, "description": t.description, "source": "core"}),
            );
            Ok(json!({"agentId": c.core.default_agent(), "profiles": [],
                "groups": [{"id": "core", "label": "Built in", "source": "core", "tools": tools.collect::<Vec<_>>()}]}))
        }
        "sessions.list" => sessions::list(c, &read(&[], &sessions::LIST_OPTIONAL)?),
        "sessions.subscribe" => sessions::subscribe(c, params),
        "sessions.unsubscribe" => {
            c.subs.sessions = false;
            Ok(json!({"subscribed": false}))
        }
        "sessions.messages.subscribe" => {
            sessions::follow(c, &read(&["key"], &["agentId", "includeApprovals"])?, true)
        }
        "sessions.messages.unsubscribe" => {
            sessions::follow(c, &read(&["key"], &["agentId", "includeApprovals"])?, false)
        }
        "sessions.create" => {
            let optional = [
                "key",
                "idempotencyKey",
                "agentId",
                "label",
                "displayName",
                "category",
                "model",
                "thinkingLevel",
                "parentSessionKey",
                "task",
                "message",
            ];
            sessions::create(c, &read(&[], &optional)?)
        }
        "sessions.patch" => sessions::patch(c, &read(&["key"], &sessions::PATCH_OPTIONAL)?),
        "sessions.reset" => sessions::reset(c, &read(&["key"], &["agentId", "reason"])?),
        "sessions.delete" => {
            let optional = [
                "agentId",
                "deleteTranscript",
                "expectedSessionId",
                "emitLifecycleHooks",
                "archivedOnly",
            ];
            sessions::delete(c, &read(&["key"], &optional)?)
        }
        "sessions.preview" => sessions::preview(c, &read(&["keys"], &["limit", "maxChars"])?),
        "sessions.describe" => sessions::describe(
            c,
            &read(&["key"], &["includeDerivedTitles", "includeLastMessage"])?,
        ),
        "sessions.resolve" => sessions::resolve(c, &read(&["key"], &["agentId", "allowMissing"])?),
        "chat.send" => chat::send(
            c,
            &read(&["sessionKey", "message", "idempotencyKey"], &chat::SEND_OPTIONAL)?,
        ),
        "chat.abort" => chat::abort(
            c,
            &read(&["sessionKey"], &["agentId", "runId", "preserveSideRuns"])?,
        ),
        "chat.history" => {
            let optional = [
                "agentId",
                "cursor",
                "limit",
                "offset",
                "pendingBefore",
                "inputRunIds",
                "messageId",
                "sessionId",
                "maxChars",
                "maxBytes",
            ];
            chat::history(c, &read(&["sessionKey"], &optional)?)
        }
        "chat.metadata" => {
            read(&[], &["agentId", "sessionKey"])?;
            Ok(chat::metadata(c))
        }
        "exec.approval.list" | "plugin.approval.list" => Ok(json!([])),
        "question.list" => Ok(json!({"questions": []})),
        "device.pair.list" => devices::list(c, &read(&[], &[])?),
        "device.pair.approve" => devices::decide(c, &read(&["requestId"], &[])?, true),
        "device.pair.reject" => devices::decide(c, &read(&["requestId"], &[])?, false),
        "device.pair.remove" => devices::remove(c, &read(&["deviceId"], &[])?),
        "cron.list" => {
            let optional = [
                "includeDisabled",
                "limit",
                "offset",
                "query",
                "enabled",
                "scheduleKind",
                "lastRunStatus",
                "sortBy",
                "sortDir",
                "agentId",
                "compact",
                "includeDeliveryPreviews",
            ];
            cron::list(c, &read(&[], &optional)?)
        }
        "cron.get" => cron::get(c, &read(&[], &["id", "jobId"])?),
        "cron.status" => cron::status(c),
        "cron.add" => cron::add(c, params),
        "cron.update" => cron::update(c, &read(&["patch"], &["id", "jobId"])?),
        "cron.remove" => cron::remove(c, &read(&[], &["id", "jobId"])?),
        "cron.run" => cron::run(
            c,
            &read(&[], &["id", "jobId", "mode", "expectedProcessInstanceId"])?,
        ),
        "cron.runs" => {
            let optional = [
                "agentId", "scope", "id", "jobId", "runId", "limit", "offset", "status", "query", "sortDir",
            ];
            cron::runs(c, &read(&[], &optional)?)
        }
        "usage.cost" => {
            read(&[], &["days", "startDate", "endDate", "agentId"])?;
            usage(c)
        }
        _ => Err(invalid(format!("unknown method: {method}"))),
    }
}

fn status(c: &Connection) -> Result<Value, GatewayError> {
    let sessions = c.core.store.sessions()?;
    let recent: Vec<Value> = sessions
        .iter()
        .take(10)
        .map(|s| {
            json!({"agentId": s.agent_id, "key": s.key, "kind": "direct", "sessionId": s.session_id,
                "updatedAt": s.updated_at, "age": (now_ms() - s.updated_at).max(0), "inputTokens": s.input_tokens,
                "outputTokens": s.output_tokens, "totalTokens": s.input_tokens + s.output_tokens})
        })
        .collect();
    Ok(json!({
        "runtimeVersion": env!("CARGO_PKG_VERSION"),
        "heartbeat": {"defaultAgentId": c.core.default_agent(), "agents": []},
        "channelSummary": [],
        "queuedSystemEvents": [],
        "tasks": {"total": c.core.runs.count(), "active": c.core.runs.count()},
        "sessions": {"paths": [c.core.data_dir.join("gateway.sqlite")], "count": sessions.len(),
            "defaults": {"model": c.core.agent.model(), "contextTokens": rows::CONTEXT_TOKENS}, "recent": recent},
        "pid": std::process::id(),
    }))
}

/// `usage.cost`: tokens are counted per session; nothing here costs money that the gateway would know of.
fn usage(c: &Connection) -> Result<Value, GatewayError> {
    let sessions = c.core.store.sessions()?;
    let (input, output) = sessions
        .iter()
        .fold((0, 0), |(i, o), s| (i + s.input_tokens, o + s.output_tokens));
    let totals = json!({"input": input, "output": output, "cacheRead": 0, "cacheWrite": 0, "totalTokens": input + output,
        "totalCost": 0, "missingCostEntries": 0});
    Ok(json!({"updatedAt": now_ms(), "days": 0, "daily": [], "totals": totals}))
}
