//! D5's statistics, and D4's metrics.

use super::Http;
use super::auth::Caller;
use super::body::{Fields, query};
use super::error::Refused;
use crate::keys::Permission;
use crate::store::ledger::{By, Period, Sums};
use crate::time::{day, iso, now_ms, parse_ms};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const DAY_MS: i64 = 86_400_000;
/// Days of a period that names no beginning.
const DAYS_DEFAULT: i64 = 30;

/// The period of a query, in whole days of UTC, both included.
fn period(caller: &Caller, fields: &Fields) -> Result<Period, Refused> {
    let read = |name: &str| -> Result<Option<i64>, Refused> {
        let text = fields.opt_str(name)?;
        let bad = || Refused::bad(format!("\"{name}\" must be a date like 2026-11-20"));
        text.map(|t| parse_ms(t).ok_or_else(bad)).transpose()
    };
    let to = read("to")?.unwrap_or_else(now_ms);
    let from = read("from")?.unwrap_or(to - (DAYS_DEFAULT - 1) * DAY_MS);
    Ok(Period {
        from: day(from),
        to: day(to),
        workspaces: caller.workspaces().map(<[String]>::to_vec),
    })
}

fn totals(s: &Sums) -> Value {
    json!({"messages": s.messages, "tokensIn": s.tokens_in, "tokensOut": s.tokens_out, "costUSD": 0.0,
        "avgLatencyMs": s.avg_latency_ms, "uniqueUsers": s.users})
}

/// `GET /api/v1/stats`.
pub(crate) async fn overall(
    State(http): State<Arc<Http>>,
    caller: Caller,
    uri: Uri,
) -> Result<Json<Value>, Refused> {
    caller.need(Permission::StatsRead)?;
    let period = period(&caller, &query(&uri))?;
    let all = http
        .core
        .store
        .sums(&period, By::All, 1)?
        .into_iter()
        .next()
        .unwrap_or_default();
    let days = http.core.store.sums(&period, By::Day, 10_000)?;
    let by_day: Vec<Value> = days
        .iter()
        .map(|s| json!({"date": s.name, "messages": s.messages, "tokensIn": s.tokens_in, "tokensOut": s.tokens_out}))
        .collect();
    Ok(Json(
        json!({"period": {"from": period.from, "to": period.to}, "totals": totals(&all), "byDay": by_day}),
    ))
}

/// `GET /api/v1/stats/workspaces`.
pub(crate) async fn by_workspace(
    State(http): State<Arc<Http>>,
    caller: Caller,
    uri: Uri,
) -> Result<Json<Vec<Value>>, Refused> {
    caller.need(Permission::StatsRead)?;
    let fields = query(&uri);
    let period = period(&caller, &fields)?;
    let sums = http
        .core
        .store
        .sums(&period, By::Workspace, fields.limit(1_000, 10_000)?)?;
    let row = |s: &Sums| {
        let mut row = totals(s);
        crate::ws::merge(&mut row, json!({ "workspace": s.name }));
        row
    };
    Ok(Json(sums.iter().map(row).collect()))
}

/// `GET /api/v1/stats/users?workspace=&limit=`.
pub(crate) async fn by_user(
    State(http): State<Arc<Http>>,
    caller: Caller,
    uri: Uri,
) -> Result<Json<Vec<Value>>, Refused> {
    caller.need(Permission::StatsRead)?;
    let fields = query(&uri);
    let mut period = period(&caller, &fields)?;
    if let Some(workspace) = fields.opt_str("workspace")?.filter(|w| !w.is_empty()) {
        caller.need_workspace(workspace)?;
        period.workspaces = Some(vec![workspace.to_owned()]);
    }
    let sums = http
        .core
        .store
        .sums(&period, By::User, fields.limit(100, 10_000)?)?;
    let row = |s: &Sums| {
        json!({"userId": s.name, "workspace": s.workspace, "messages": s.messages, "tokensIn": s.tokens_in,
            "tokensOut": s.tokens_out, "avgLatencyMs": s.avg_latency_ms, "lastActiveAt": iso(s.last)})
    };
    Ok(Json(sums.iter().map(row).collect()))
}

/// `GET /api/v1/metrics`.
pub(crate) async fn metrics(State(http): State<Arc<Http>>, caller: Caller) -> Result<Json<Value>, Refused> {
    caller.need(Permission::StatsRead)?;
    let today = day(now_ms());
    let period = Period {
        from: today.clone(),
        to: today,
        workspaces: caller.workspaces().map(<[String]>::to_vec),
    };
    let sums = http
        .core
        .store
        .sums(&period, By::All, 1)?
        .into_iter()
        .next()
        .unwrap_or_default();
    Ok(Json(json!({
        "uptime": http.core.uptime_ms() / 1_000,
        "requests": http.requests.load(Ordering::Relaxed),
        "activeRuns": http.backend.active_runs(),
        "memoryMB": memory_mb(),
        "today": totals(&sums),
    })))
}

/// Resident memory of this process, where the system tells it without asking for much.
pub(crate) fn memory_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    let kib = line
        .and_then(|l| l.split_whitespace().next())
        .and_then(|n| n.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
