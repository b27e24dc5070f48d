//! `chat.*`.

use super::{Connection, Params};
use crate::core::agent_of;
use crate::error::invalid;
use crate::rows;
use crate::runs::{Order, start};
use clawtray_gateway_protocol::GatewayError;
use serde_json::{Value, json};
use std::time::Duration;

/// Messages of a history that names no limit.
const HISTORY_DEFAULT: u32 = 200;
const HISTORY_MAX: u32 = 1_000;
/// The largest image that is passed on, in bytes of base64.
const IMAGE_MAX: usize = 8_400_000;

pub(super) const SEND_OPTIONAL: [&str; 21] = [
    "agentId",
    "sessionId",
    "intent",
    "thinking",
    "fastMode",
    "fastAutoOnSeconds",
    "queueMode",
    "deliver",
    "originatingChannel",
    "originatingTo",
    "originatingAccountId",
    "originatingThreadId",
    "replyToId",
    "attachments",
    "toolBindings",
    "timeoutMs",
    "systemInputProvenance",
    "suppressCommandInterpretation",
    "expectedLeafEntryId",
    "expectedSessionRoutingContract",
    "expectedPermissionMode",
];

pub(super) fn send(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    let core = &connection.core;
    let session = core.canonical_key(p.str("sessionKey")?);
    let run_id = p.str("idempotencyKey")?.to_owned();
    let text = p.opt_str("message")?.unwrap_or_default().to_owned();
    let agent = agent_of(&session);
    if !core.has_agent(agent) {
        return Err(invalid(format!(
            "Agent \"{agent}\" no longer exists in configuration"
        )));
    }
    let (images, attachment_parts) = attachments(p.get("attachments"))?;
    if text.trim().is_empty() && attachment_parts.is_empty() {
        return Err(invalid("message or attachment required"));
    }
    let order = Order {
        session,
        text,
        run_id: run_id.clone(),
        images,
        attachment_parts,
        thinking: p.opt_str("thinking")?.map(str::to_owned),
        timeout: p
            .opt_u32("timeoutMs")?
            .filter(|ms| *ms > 0)
            .map(|ms| Duration::from_millis(ms.into())),
        device: connection.peer.device.clone(),
        channel: None,
        sink: None,
    };
    let status = start(core, order)?;
    Ok(json!({"runId": run_id, "status": status}))
}

/// Images as `data:` URLs for the agent, and what the transcript keeps of each attachment.
fn attachments(value: Option<&Value>) -> Result<(Vec<String>, Vec<Value>), GatewayError> {
    let (mut images, mut parts) = (Vec::new(), Vec::new());
    let Some(value) = value else {
        return Ok((images, parts));
    };
    let list = value
        .as_array()
        .ok_or_else(|| invalid("invalid chat.send params: at /attachments: must be array"))?;
    for item in list {
        let text = |name: &str| item.get(name).and_then(Value::as_str);
        let mime = text("mimeType").unwrap_or("application/octet-stream");
        let content = text("content").unwrap_or_default();
        if content.len() > IMAGE_MAX {
            return Err(invalid("attachment too large"));
        }
        let is_image = mime.starts_with("image/");
        if is_image {
            images.push(format!("data:{mime};base64,{content}"));
        }
        parts.push(json!({"type": if is_image { "image" } else { "file" }, "mimeType": mime, "fileName": text("fileName"),
            "bytes": content.len() / 4 * 3, "omitted": true}));
    }
    Ok((images, parts))
}

pub(super) fn abort(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    let core = &connection.core;
    let session = core.canonical_key(p.str("sessionKey")?);
    let run = p.opt_str("runId")?;
    let foreign = |r: &std::sync::Arc<crate::runs::Run>| {
        run.is_none_or(|id| r.id == id) && r.device.is_some() && r.device != connection.peer.device
    };
    if !connection.peer.may("operator.admin") && core.runs.active(&session).iter().any(foreign) {
        return Err(invalid("unauthorized"));
    }
    let ids = core.runs.abort(&session, run, "rpc");
    Ok(json!({"ok": true, "aborted": !ids.is_empty(), "runIds": ids}))
}

pub(super) fn history(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    let core = &connection.core;
    let key = core.canonical_key(p.str("sessionKey")?);
    let limit = p.opt_u32("limit")?.unwrap_or(HISTORY_DEFAULT);
    if limit == 0 || limit > HISTORY_MAX {
        return Err(invalid(format!(
            "invalid chat.history params: at /limit: must be between 1 and {HISTORY_MAX}"
        )));
    }
    let offset = p.opt_u32("offset")?.unwrap_or(0);
    // The run is looked at first: a reply that ends in between is then in both places, never in none.
    let run = core.runs.active(&key).into_iter().next();
    let in_flight = run.map(|r| json!({"runId": r.id, "text": r.said(), "startedAt": r.began, "events": []}));
    let messages = core.store.messages(&key, limit, offset)?;
    let total = core.store.message_count(&key)?;
    let record = core.session_or_new(&key)?;
    let shown = u64::from(offset) + messages.len() as u64;
    let mut out = json!({
        "sessionKey": key,
        "sessionId": record.session_id,
        "messages": messages.into_iter().map(|m| m.wire).collect::<Vec<_>>(),
        "pendingInputs": {"items": [], "total": 0},
        "hasMore": shown < total,
        "totalMessages": total,
        "defaults": rows::defaults(core),
        "sessionInfo": rows::row(core, &record),
    });
    if shown < total {
        super::merge(&mut out, json!({ "nextOffset": shown }));
    }
    if let Some(run) = in_flight {
        super::merge(&mut out, json!({ "inFlightRun": run }));
    }
    Ok(out)
}

pub(super) fn metadata(connection: &Connection) -> Value {
    let mut out = rows::models(&connection.core);
    super::merge(&mut out, rows::commands());
    super::merge(
        &mut out,
        json!({"swarmEnabled": false, "runtimeSelectionLocked": false}),
    );
    out
}
