//! `cron.*`.

use super::{Connection, Params};
use crate::cron;
use clawtray_gateway_protocol::GatewayError;
use serde_json::{Value, json};

pub(super) const ADD_OPTIONAL: [&str; 12] = [
    "declarationKey",
    "displayName",
    "owner",
    "agentId",
    "sessionKey",
    "description",
    "enabled",
    "deleteAfterRun",
    "delivery",
    "sessionTarget",
    "wakeMode",
    "failureAlert",
];

fn id<'a>(p: &Params<'a>) -> Result<&'a str, GatewayError> {
    match p.opt_str("jobId")? {
        Some(id) => Ok(id),
        None => p.str("id"),
    }
}

pub(super) fn list(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    let limit = usize::try_from(p.opt_u32("limit")?.unwrap_or(200)).unwrap_or(200);
    let offset = usize::try_from(p.opt_u32("offset")?.unwrap_or(0)).unwrap_or(0);
    let with_disabled =
        p.opt_bool("includeDisabled")?.unwrap_or(true) && p.opt_str("enabled")? != Some("enabled");
    let mut jobs = connection.core.store.jobs()?;
    jobs.retain(|j| with_disabled || j.get("enabled").and_then(Value::as_bool).unwrap_or(true));
    let total = jobs.len();
    let jobs: Vec<Value> = jobs.into_iter().skip(offset).take(limit).collect();
    let end = offset + jobs.len();
    Ok(
        json!({"jobs": jobs, "total": total, "offset": offset, "limit": limit, "hasMore": end < total,
        "nextOffset": (end < total).then_some(end)}),
    )
}

pub(super) fn get(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    cron::get(&connection.core, id(p)?)
}

pub(super) fn status(connection: &Connection) -> Result<Value, GatewayError> {
    Ok(
        json!({"enabled": true, "triggersEnabled": false, "storage": "sqlite",
        "jobs": connection.core.store.jobs()?.len(), "nextWakeAtMs": connection.core.store.next_due()?}),
    )
}

pub(super) fn add(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    p.str("name")?;
    cron::add(&connection.core, p.to_value())
}

pub(super) fn update(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    cron::update(&connection.core, id(p)?, p.get("patch").unwrap_or(&Value::Null))
}

pub(super) fn remove(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    cron::remove(&connection.core, id(p)?)?;
    Ok(json!({"ok": true, "removed": true}))
}

pub(super) fn run(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    let run_id = cron::run_now(&connection.core, id(p)?)?;
    Ok(json!({"ok": true, "enqueued": true, "runId": run_id, "processInstanceId": connection.core.boot_id}))
}

pub(super) fn runs(connection: &Connection, p: &Params<'_>) -> Result<Value, GatewayError> {
    let limit = p.opt_u32("limit")?.unwrap_or(50).max(1);
    let offset = p.opt_u32("offset")?.unwrap_or(0);
    let job = match p.opt_str("jobId")? {
        Some(id) => Some(id),
        None => p.opt_str("id")?,
    };
    let (entries, total) = connection.core.store.cron_runs(job, limit, offset)?;
    let end = u64::from(offset) + entries.len() as u64;
    Ok(
        json!({"entries": entries, "total": total, "offset": offset, "limit": limit, "hasMore": end < total,
        "nextOffset": (end < total).then_some(end)}),
    )
}
