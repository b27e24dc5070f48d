//! Scheduled jobs.

pub(crate) mod expr;

use crate::core::Core;
use crate::error::{StoreError, invalid, invalid_with};
use crate::hub::Audience;
use crate::runs::{Order, Progress, RUN_MAX, start};
use crate::time::{now_ms, parse_ms};
use crate::ws::merge;
use clawtray_gateway_protocol::GatewayError;
use expr::CronExpr;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// The shortest interval of an `every` schedule, in milliseconds.
const EVERY_MIN_MS: u64 = 1_000;
/// The clock is looked at again after this long at the latest, for it may have been set.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// When a job is due next after `after`, in milliseconds since the epoch; `None` when never again.
pub(crate) fn next_run(schedule: &Value, after: i64) -> Result<Option<i64>, GatewayError> {
    let bad = |what: &str| invalid(format!("invalid cron schedule: {what}"));
    let text = |name: &str| schedule.get(name).and_then(Value::as_str);
    match text("kind") {
        Some("at") => {
            let at = text("at")
                .and_then(parse_ms)
                .ok_or_else(|| bad("at must be a timestamp"))?;
            Ok((at > after).then_some(at))
        }
        Some("every") => {
            let every = schedule
                .get("everyMs")
                .and_then(Value::as_u64)
                .filter(|ms| *ms >= EVERY_MIN_MS);
            let every = every.ok_or_else(|| bad("everyMs must be at least 1000"))?;
            // Wide enough for any two numbers that a caller may name.
            let every = i128::from(every);
            let anchor = schedule.get("anchorMs").and_then(Value::as_i64).unwrap_or(after);
            let (anchor, after) = (i128::from(anchor), i128::from(after));
            let past = (after - anchor).max(0) / every;
            Ok(i64::try_from(anchor + every * (past + 1)).ok())
        }
        Some("cron") => {
            let expr = text("expr")
                .and_then(CronExpr::parse)
                .ok_or_else(|| bad("expr is not a cron expression"))?;
            let tz = match text("tz") {
                Some(name) => TimeZone::get(name).map_err(|_| bad("tz is not a known time zone"))?,
                None => TimeZone::system(),
            };
            Ok(expr.next(after, &tz))
        }
        Some(other) => Err(bad(&format!(
            "kind \"{other}\" is not supported by the embedded gateway"
        ))),
        None => Err(bad("kind is missing")),
    }
}

fn check_payload(payload: &Value) -> Result<(), GatewayError> {
    let text = |name: &str| {
        payload
            .get(name)
            .and_then(Value::as_str)
            .filter(|t| !t.trim().is_empty())
    };
    match payload.get("kind").and_then(Value::as_str) {
        Some("systemEvent") if text("text").is_some() => Ok(()),
        Some("agentTurn") if text("message").is_some() => Ok(()),
        Some("systemEvent") => Err(invalid("invalid cron payload: text is missing")),
        Some("agentTurn") => Err(invalid("invalid cron payload: message is missing")),
        Some(other) => Err(invalid(format!(
            "cron payload kind \"{other}\" is not supported by the embedded gateway"
        ))),
        None => Err(invalid("invalid cron payload: kind is missing")),
    }
}

fn not_found(id: &str) -> GatewayError {
    invalid_with(
        format!("Automation not found: {id}. List automations and retry with a current job id."),
        json!({"code": "CRON_JOB_NOT_FOUND", "jobId": id}),
    )
}

/// Adds a job; `job` holds `name`, `schedule`, `payload` and what else the protocol names.
pub(crate) fn add(core: &Core, mut job: Value) -> Result<Value, GatewayError> {
    let now = now_ms();
    if let Some(schedule) = job.get_mut("schedule")
        && schedule.get("kind").and_then(Value::as_str) == Some("every")
        && schedule.get("anchorMs").is_none()
    {
        merge(schedule, json!({ "anchorMs": now }));
    }
    check_payload(job.get("payload").unwrap_or(&Value::Null))?;
    let next = next_run(job.get("schedule").unwrap_or(&Value::Null), now)?;
    let target = job
        .get("sessionTarget")
        .and_then(Value::as_str)
        .unwrap_or("isolated")
        .to_owned();
    let enabled = job.get("enabled").and_then(Value::as_bool).unwrap_or(true);
    let id = uuid::Uuid::new_v4().to_string();
    merge(
        &mut job,
        json!({"id": id, "enabled": enabled, "createdAtMs": now,
        "updatedAtMs": now, "sessionTarget": target, "state": {}}),
    );
    if job.get("wakeMode").is_none() {
        merge(&mut job, json!({"wakeMode": "now"}));
    }
    let next = next.filter(|_| enabled);
    set_next(&mut job, next);
    core.store.put_job(&id, next, &job)?;
    tell(core, &job, "added", Value::Null);
    core.cron_wake.notify_one();
    Ok(job)
}

/// Changes a job.
pub(crate) fn update(core: &Core, id: &str, patch: &Value) -> Result<Value, GatewayError> {
    let fields = patch
        .as_object()
        .ok_or_else(|| invalid("invalid cron.update params: at /patch: must be object"))?;
    for name in fields.keys() {
        let known = [
            "name",
            "displayName",
            "agentId",
            "sessionKey",
            "description",
            "enabled",
            "deleteAfterRun",
            "schedule",
            "sessionTarget",
            "wakeMode",
            "payload",
            "delivery",
        ];
        if !known.contains(&name.as_str()) {
            return Err(invalid(format!(
                "invalid cron.update params: at /patch: unexpected property '{name}'"
            )));
        }
    }
    let changed = core.store.edit_job(id, |job| {
        for (name, value) in fields {
            match (name.as_str(), job.get_mut("payload")) {
                ("payload", Some(payload)) => merge(payload, value.clone()),
                _ => merge(job, json!({ name.as_str(): value })),
            }
        }
        check_payload(job.get("payload").unwrap_or(&Value::Null))?;
        let now = now_ms();
        let next = next_run(job.get("schedule").unwrap_or(&Value::Null), now)?;
        let enabled = job.get("enabled").and_then(Value::as_bool).unwrap_or(true);
        merge(job, json!({ "updatedAtMs": now }));
        set_next(job, next.filter(|_| enabled));
        Ok::<_, GatewayError>(())
    })?;
    let job = changed.ok_or_else(|| not_found(id))?;
    tell(core, &job, "updated", Value::Null);
    core.cron_wake.notify_one();
    Ok(job)
}

/// Removes a job.
pub(crate) fn remove(core: &Core, id: &str) -> Result<(), GatewayError> {
    let job = core.store.job(id)?.ok_or_else(|| not_found(id))?;
    core.store.delete_job(id)?;
    tell(core, &job, "removed", Value::Null);
    Ok(())
}

pub(crate) fn get(core: &Core, id: &str) -> Result<Value, GatewayError> {
    core.store.job(id)?.ok_or_else(|| not_found(id))
}

/// Runs a job now; gives the run's id.
pub(crate) fn run_now(core: &Arc<Core>, id: &str) -> Result<String, GatewayError> {
    let job = core.store.job(id)?.ok_or_else(|| not_found(id))?;
    let run_id = format!("manual:{id}:{}", uuid::Uuid::new_v4());
    fire(core, job, run_id.clone())?;
    Ok(run_id)
}

/// Writes down when a job is due next, in both of the places where the protocol has it.
fn set_next(job: &mut Value, next: Option<i64>) {
    if let Some(state) = job.get_mut("state") {
        merge(state, json!({ "nextRunAtMs": next }));
    }
    merge(job, json!({ "nextRunAtMs": next }));
}

fn tell(core: &Core, job: &Value, action: &str, more: Value) {
    core.hub.publish("cron", Audience::Readers, || {
        let mut payload = json!({"jobId": job.get("id"), "action": action, "job": job});
        merge(&mut payload, more);
        payload
    });
}

/// Starts a job's run and waits for it in a task of its own.
fn fire(core: &Arc<Core>, mut job: Value, run_id: String) -> Result<(), GatewayError> {
    let began = now_ms();
    let text = |v: &Value, name: &str| v.get(name).and_then(Value::as_str).map(str::to_owned);
    let id = text(&job, "id").unwrap_or_default();
    let agent = text(&job, "agentId").unwrap_or_else(|| core.default_agent().to_owned());
    let payload = job.get("payload").cloned().unwrap_or_default();
    let prompt = text(&payload, "message")
        .or_else(|| text(&payload, "text"))
        .unwrap_or_default();
    let session = match text(&job, "sessionKey") {
        Some(key) => core.canonical_key(&key),
        None if text(&job, "sessionTarget").as_deref() == Some("main") => format!("agent:{agent}:main"),
        None => format!("agent:{agent}:cron:{id}:run:{}", uuid::Uuid::new_v4()),
    };
    let (tx, rx) = mpsc::channel(256);
    let order = Order {
        session: session.clone(),
        text: prompt,
        run_id: run_id.clone(),
        timeout: payload
            .get("timeoutSeconds")
            .and_then(Value::as_u64)
            .map(|seconds| Duration::from_secs(seconds).min(RUN_MAX)),
        channel: Some("cron".into()),
        sink: Some(tx),
        ..Order::default()
    };
    start(core, order)?;
    if let Some(state) = job.get_mut("state") {
        merge(state, json!({ "runningAtMs": began }));
    }
    tell(core, &job, "started", json!({ "runAtMs": began }));
    let core = core.clone();
    tokio::spawn(async move {
        let outcome = wait(rx).await;
        if let Err(error) = settle(&core, &id, Some(&session), &run_id, began, &outcome) {
            tracing::error!(%error, "a job's run could not be written down");
        }
    });
    Ok(())
}

async fn wait(mut rx: mpsc::Receiver<Progress>) -> Result<crate::runs::Reply, String> {
    while let Some(step) = rx.recv().await {
        match step {
            Progress::Done(reply) => return Ok(reply),
            Progress::Failed(error) => return Err(error),
            Progress::Aborted(_) => return Err("aborted".into()),
            Progress::Step(_) => {}
        }
    }
    Err("the run ended without a result".into())
}

fn settle(
    core: &Core,
    id: &str,
    session: Option<&str>,
    run_id: &str,
    began: i64,
    outcome: &Result<crate::runs::Reply, String>,
) -> Result<(), GatewayError> {
    let now = now_ms();
    let (status, took) = (if outcome.is_ok() { "ok" } else { "error" }, (now - began).max(0));
    let changed = core.store.edit_job(id, |job| {
        if let Some(state) = job.get_mut("state") {
            merge(
                state,
                json!({"lastRunAtMs": began, "lastRunStatus": status, "lastStatus": status,
                "lastDurationMs": took, "lastError": outcome.as_ref().err()}),
            );
            if let Some(map) = state.as_object_mut() {
                map.remove("runningAtMs");
            }
        }
        Ok::<_, StoreError>(())
    })?;
    // Removed while it ran: nothing is left to write to.
    let Some(job) = changed else { return Ok(()) };
    let mut entry = json!({"ts": now, "jobId": id, "action": "finished", "status": status, "runId": run_id,
        "completionStatus": if outcome.is_ok() { "succeeded" } else { "failed" },
        "runAtMs": began, "durationMs": took, "sessionKey": session, "jobName": job.get("name"),
        "nextRunAtMs": job.get("nextRunAtMs"), "deliveryStatus": "not-requested"});
    match outcome {
        Ok(reply) => merge(
            &mut entry,
            json!({"summary": reply.text, "model": reply.model, "usage": {
            "input_tokens": reply.input_tokens, "output_tokens": reply.output_tokens,
            "total_tokens": reply.input_tokens + reply.output_tokens}}),
        ),
        Err(error) => merge(&mut entry, json!({ "error": error })),
    }
    core.store.add_cron_run(id, now, &entry)?;
    if job.get("deleteAfterRun").and_then(Value::as_bool) == Some(true) && outcome.is_ok() {
        core.store.delete_job(id)?;
    }
    tell(core, &job, "finished", entry);
    Ok(())
}

/// Runs jobs when they are due, until the gateway leaves.
pub(crate) async fn schedule(core: Arc<Core>, mut leaving: watch::Receiver<crate::ws::Leaving>) {
    loop {
        if let Err(error) = fire_due(&core) {
            tracing::warn!(code = error.code, "jobs could not be started");
        }
        let due = core.store.next_due().ok().flatten();
        let wait = due.map_or(LOOK_AGAIN, |at| {
            Duration::from_millis(u64::try_from(at.saturating_sub(now_ms())).unwrap_or(0)).min(LOOK_AGAIN)
        });
        tokio::select! {
            () = tokio::time::sleep(wait.max(Duration::from_millis(20))) => {}
            () = core.cron_wake.notified() => {}
            _ = crate::ws::gone(&mut leaving) => return,
        }
    }
}

fn fire_due(core: &Arc<Core>) -> Result<(), GatewayError> {
    let now = now_ms();
    for due in core.store.due_jobs(now)? {
        // What is wrong with one job does not hold up the others.
        let next = next_run(due.body.get("schedule").unwrap_or(&Value::Null), now);
        let Some(job) = core.store.claim_job(&due, *next.as_ref().unwrap_or(&None))? else {
            continue;
        };
        let run_id = format!("cron:{}:{}", due.id, uuid::Uuid::new_v4());
        if let Err(error) = next.and_then(|_| fire(core, job, run_id.clone())) {
            settle(core, &due.id, None, &run_id, now, &Err(error.message))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
