//! The methods: one table of their names, scopes, parameters and handlers.

use super::{Connection, Params, chat, cron, devices, sessions};
use crate::core::agent_of;
use crate::error::invalid;
use crate::time::now_ms;
use crate::{agent, rows};
use clawtray_gateway_protocol::GatewayError;
use serde_json::{Value, json};

/// Which parameters a method takes.
enum Accepts {
    /// All of the first, some of the second, and no others, as strictly as the gateway.
    Only(&'static [&'static str], &'static [&'static str]),
    /// It looks at none.
    Anything,
}

/// A method of the protocol.
pub(super) struct Method {
    pub(super) name: &'static str,
    /// The scope that a connection needs for it.
    scope: Option<&'static str>,
    accepts: Accepts,
    run: fn(&mut Connection, &Params<'_>) -> Result<Value, GatewayError>,
}

const READ: Option<&str> = Some("operator.read");
const WRITE: Option<&str> = Some("operator.write");
const ADMIN: Option<&str> = Some("operator.admin");
const APPROVALS: Option<&str> = Some("operator.approvals");
const PAIRING: Option<&str> = Some("operator.pairing");

/// All methods, in the order in which `hello-ok` announces them.
pub(super) static METHODS: &[Method] = &[
    Method {
        name: "health",
        scope: None,
        accepts: Accepts::Anything,
        run: |c, _| Ok(rows::health(&c.core)),
    },
    Method {
        name: "status",
        scope: READ,
        accepts: Accepts::Anything,
        run: |c, _| status(c),
    },
    Method {
        name: "gateway.identity.get",
        scope: READ,
        accepts: Accepts::Anything,
        run: |c, _| Ok(json!({"name": "Clawtray", "bootId": c.core.boot_id})),
    },
    Method {
        name: "agents.list",
        scope: READ,
        accepts: Accepts::Only(&[], &[]),
        run: |c, _| Ok(rows::agents(&c.core)),
    },
    Method {
        name: "agent.identity.get",
        scope: READ,
        accepts: Accepts::Only(&[], &["agentId", "sessionKey"]),
        run: |c, p| identity(c, p),
    },
    Method {
        name: "models.list",
        scope: READ,
        accepts: Accepts::Only(
            &[],
            &[
                "agentId",
                "includeProviderCapabilities",
                "preparedOnly",
                "refresh",
                "view",
            ],
        ),
        run: |c, _| Ok(rows::models(&c.core)),
    },
    Method {
        name: "commands.list",
        scope: READ,
        accepts: Accepts::Only(
            &[],
            &["sessionKey", "agentId", "provider", "scope", "includeArgs"],
        ),
        run: |_, _| Ok(rows::commands()),
    },
    Method {
        name: "tools.catalog",
        scope: READ,
        accepts: Accepts::Only(&[], &["agentId", "includePlugins"]),
        run: |c, _| Ok(tools(c)),
    },
    Method {
        name: "sessions.list",
        scope: READ,
        accepts: Accepts::Only(&[], &sessions::LIST_OPTIONAL),
        run: |c, p| sessions::list(c, p),
    },
    Method {
        name: "sessions.subscribe",
        scope: READ,
        accepts: Accepts::Only(&[], &sessions::LIST_OPTIONAL),
        run: sessions::subscribe,
    },
    Method {
        name: "sessions.unsubscribe",
        scope: READ,
        accepts: Accepts::Anything,
        run: |c, _| Ok(sessions::unsubscribe(c)),
    },
    Method {
        name: "sessions.messages.subscribe",
        scope: READ,
        accepts: Accepts::Only(&["key"], &["agentId", "includeApprovals"]),
        run: |c, p| sessions::follow(c, p, true),
    },
    Method {
        name: "sessions.messages.unsubscribe",
        scope: READ,
        accepts: Accepts::Only(&["key"], &["agentId", "includeApprovals"]),
        run: |c, p| sessions::follow(c, p, false),
    },
    Method {
        name: "sessions.create",
        scope: WRITE,
        accepts: Accepts::Only(
            &[],
            &[
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
            ],
        ),
        run: |c, p| sessions::create(c, p),
    },
    Method {
        name: "sessions.patch",
        scope: WRITE,
        accepts: Accepts::Only(&["key"], &sessions::PATCH_OPTIONAL),
        run: |c, p| sessions::patch(c, p),
    },
    Method {
        name: "sessions.reset",
        scope: ADMIN,
        accepts: Accepts::Only(&["key"], &["agentId", "reason"]),
        run: |c, p| sessions::reset(c, p),
    },
    Method {
        name: "sessions.delete",
        scope: ADMIN,
        accepts: Accepts::Only(
            &["key"],
            &[
                "agentId",
                "deleteTranscript",
                "expectedSessionId",
                "emitLifecycleHooks",
                "archivedOnly",
            ],
        ),
        run: |c, p| sessions::delete(c, p),
    },
    Method {
        name: "sessions.preview",
        scope: READ,
        accepts: Accepts::Only(&["keys"], &["limit", "maxChars"]),
        run: |c, p| sessions::preview(c, p),
    },
    Method {
        name: "sessions.describe",
        scope: READ,
        accepts: Accepts::Only(&["key"], &["includeDerivedTitles", "includeLastMessage"]),
        run: |c, p| sessions::describe(c, p),
    },
    Method {
        name: "sessions.resolve",
        scope: READ,
        accepts: Accepts::Only(&["key"], &["agentId", "allowMissing"]),
        run: |c, p| sessions::resolve(c, p),
    },
    Method {
        name: "chat.send",
        scope: WRITE,
        accepts: Accepts::Only(&["sessionKey", "message", "idempotencyKey"], &chat::SEND_OPTIONAL),
        run: |c, p| chat::send(c, p),
    },
    Method {
        name: "chat.abort",
        scope: WRITE,
        accepts: Accepts::Only(&["sessionKey"], &["agentId", "runId", "preserveSideRuns"]),
        run: |c, p| chat::abort(c, p),
    },
    Method {
        name: "chat.history",
        scope: READ,
        accepts: Accepts::Only(
            &["sessionKey"],
            &[
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
            ],
        ),
        run: |c, p| chat::history(c, p),
    },
    Method {
        name: "chat.metadata",
        scope: READ,
        accepts: Accepts::Only(&[], &["agentId", "sessionKey"]),
        run: |c, _| Ok(chat::metadata(c)),
    },
    Method {
        name: "exec.approval.list",
        scope: APPROVALS,
        accepts: Accepts::Anything,
        run: |_, _| Ok(json!([])),
    },
    Method {
        name: "plugin.approval.list",
        scope: APPROVALS,
        accepts: Accepts::Anything,
        run: |_, _| Ok(json!([])),
    },
    Method {
        name: "question.list",
        scope: READ,
        accepts: Accepts::Anything,
        run: |_, _| Ok(json!({"questions": []})),
    },
    Method {
        name: "device.pair.list",
        scope: PAIRING,
        accepts: Accepts::Only(&[], &[]),
        run: |c, _| devices::list(c),
    },
    Method {
        name: "device.pair.approve",
        scope: PAIRING,
        accepts: Accepts::Only(&["requestId"], &[]),
        run: |c, p| devices::decide(c, p, true),
    },
    Method {
        name: "device.pair.reject",
        scope: PAIRING,
        accepts: Accepts::Only(&["requestId"], &[]),
        run: |c, p| devices::decide(c, p, false),
    },
    Method {
        name: "device.pair.remove",
        scope: PAIRING,
        accepts: Accepts::Only(&["deviceId"], &[]),
        run: |c, p| devices::remove(c, p),
    },
    Method {
        name: "cron.list",
        scope: READ,
        accepts: Accepts::Only(
            &[],
            &[
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
            ],
        ),
        run: |c, p| cron::list(c, p),
    },
    Method {
        name: "cron.get",
        scope: READ,
        accepts: Accepts::Only(&[], &["id", "jobId"]),
        run: |c, p| cron::get(c, p),
    },
    Method {
        name: "cron.status",
        scope: READ,
        accepts: Accepts::Anything,
        run: |c, _| cron::status(c),
    },
    Method {
        name: "cron.add",
        scope: ADMIN,
        accepts: Accepts::Only(&["name", "schedule", "payload"], &cron::ADD_OPTIONAL),
        run: |c, p| cron::add(c, p),
    },
    Method {
        name: "cron.update",
        scope: ADMIN,
        accepts: Accepts::Only(&["patch"], &["id", "jobId"]),
        run: |c, p| cron::update(c, p),
    },
    Method {
        name: "cron.remove",
        scope: ADMIN,
        accepts: Accepts::Only(&[], &["id", "jobId"]),
        run: |c, p| cron::remove(c, p),
    },
    Method {
        name: "cron.run",
        scope: ADMIN,
        accepts: Accepts::Only(&[], &["id", "jobId", "mode", "expectedProcessInstanceId"]),
        run: |c, p| cron::run(c, p),
    },
    Method {
        name: "cron.runs",
        scope: READ,
        accepts: Accepts::Only(
            &[],
            &[
                "agentId", "scope", "id", "jobId", "runId", "limit", "offset", "status", "query", "sortDir",
            ],
        ),
        run: |c, p| cron::runs(c, p),
    },
    Method {
        name: "usage.cost",
        scope: READ,
        accepts: Accepts::Only(&[], &["days", "startDate", "endDate", "agentId"]),
        run: |c, _| usage(c),
    },
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

/// Carries a request out.
pub(super) fn dispatch(c: &mut Connection, name: &str, params: &Value) -> Result<Value, GatewayError> {
    if name == "connect" {
        return Err(invalid("connect is only valid as the first request"));
    }
    let Some(method) = METHODS.iter().find(|m| m.name == name) else {
        return Err(invalid(format!("unknown method: {name}")));
    };
    if let Some(scope) = method.scope.filter(|scope| !c.peer.may(scope)) {
        let mut error = crate::error::invalid_with(
            format!("missing scope: {scope}"),
            json!({"code": "MISSING_SCOPE", "missingScope": scope, "requiredScopes": [scope]}),
        );
        error.code = "FORBIDDEN".into();
        return Err(error);
    }
    let params = match method.accepts {
        Accepts::Only(required, optional) => Params::read(method.name, params, required, optional)?,
        Accepts::Anything => Params::any(method.name, params),
    };
    (method.run)(c, &params)
}

fn identity(c: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
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

fn tools(c: &Connection) -> Value {
    let tools = agent::tools::TOOLS
        .iter()
        .map(|t| json!({"id": t.name, "label": t.name, "description": t.description, "source": "core"}));
    json!({"agentId": c.core.default_agent(), "profiles": [],
        "groups": [{"id": "core", "label": "Built in", "source": "core", "tools": tools.collect::<Vec<_>>()}]})
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
