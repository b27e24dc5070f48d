//! `usage`, `logs`, `watch`, `call`.

use crate::cli::{Call, Global, Logs, Usage, Watch};
use crate::exit::{Exit, Failure, Outcome};
use crate::link::{self, Wants, failed};
use crate::term::{Paint, Term, one_line, table};
use clawtray_gateway_client::GatewayEvent;
use clawtray_gateway_client::protocol::method::status::{LogsTailParams, LogsTailResult};
use serde_json::{Value, json};
use std::io::Read;
use std::time::Duration;

/// Between looks at the log.
const LOG_POLL: Duration = Duration::from_millis(700);

/// `usage`
pub(crate) async fn usage(global: &Global, args: &Usage, term: &mut Term) -> Outcome {
    let link = link::open(global, Wants::default(), term).await?;
    let usage = link.raw("usage.cost", json!({ "days": args.days }), term).await?;
    if args.json {
        return term.json(&usage);
    }
    let number = |day: &Value, name: &str| day.get(name).and_then(Value::as_f64).unwrap_or_default();
    let row = |label: String, day: &Value| {
        vec![
            label,
            format!("{:.0}", number(day, "input")),
            format!("{:.0}", number(day, "output")),
            format!("{:.0}", number(day, "cacheRead") + number(day, "cacheWrite")),
            format!("{:.0}", number(day, "totalTokens")),
            format!("{:.4}", number(day, "totalCost")),
        ]
    };
    let mut rows = Vec::new();
    if let Some(Value::Array(days)) = usage.get("daily") {
        let wanted = usize::try_from(args.days).unwrap_or(usize::MAX);
        for day in days.iter().skip(days.len().saturating_sub(wanted)) {
            let date = day.get("date").and_then(Value::as_str).unwrap_or_default();
            rows.push(row(date.to_owned(), day));
        }
    }
    if let Some(totals) = usage.get("totals") {
        rows.push(row("total".to_owned(), totals));
    }
    let text = table(term, &["DAY", "IN", "OUT", "CACHE", "TOKENS", "USD"], &rows);
    term.out(&text)
}

/// `logs`
pub(crate) async fn logs(global: &Global, args: &Logs, term: &mut Term) -> Outcome {
    let link = link::open(global, Wants::default(), term).await?;
    let mut params = LogsTailParams {
        limit: Some(args.lines),
        ..LogsTailParams::default()
    };
    loop {
        let raw = serde_json::to_value(&params).map_err(std::io::Error::from)?;
        let tail = link.raw("logs.tail", raw, term).await?;
        let tail: LogsTailResult = serde_json::from_value(tail).map_err(std::io::Error::from)?;
        for line in &tail.lines {
            if args.json {
                term.json_text(line)?;
            } else {
                let line = log_line(line, term);
                term.line(&line)?;
            }
        }
        if !args.follow {
            return Ok(());
        }
        params = LogsTailParams {
            cursor: Some(tail.cursor),
            ..LogsTailParams::default()
        };
        tokio::time::sleep(LOG_POLL).await;
    }
}

/// Time, level, part of the gateway, message.
fn log_line(line: &str, term: &Term) -> String {
    let Ok(entry) = serde_json::from_str::<Value>(line) else {
        return one_line(line);
    };
    let text = |path: &str| entry.pointer(path).and_then(Value::as_str);
    let time = text("/time").and_then(|time| time.get(..19)).unwrap_or_default();
    let level = text("/_meta/logLevelName").unwrap_or("INFO");
    let part = text("/0")
        .and_then(|name| serde_json::from_str::<Value>(name).ok())
        .and_then(|name| Some(name.get("subsystem")?.as_str()?.to_owned()))
        .unwrap_or_default();
    let message = text("/message").or(text("/1")).or(text("/0")).unwrap_or_default();
    let level = match level {
        "ERROR" | "FATAL" => term.paint(Paint::Red, level),
        "WARN" => term.paint(Paint::Yellow, level),
        _ => term.paint(Paint::Dim, &one_line(level)),
    };
    let time = term.paint(Paint::Dim, &one_line(time).replace('T', " "));
    format!(
        "{time} {level} {} {}",
        term.paint(Paint::Blue, &one_line(&part)),
        one_line(message)
    )
}

/// `watch`
pub(crate) async fn watch(global: &Global, args: &Watch, term: &mut Term) -> Outcome {
    let wants = Wants {
        sessions: true,
        tools: true,
        approvals: true,
        decide: true,
        bridge: false,
        full_control: false,
    };
    let link = link::open(global, wants, term).await?;
    let session = args.session.as_deref().map(|name| link.session_key(name, None));
    let mut events = link.gateway.events();
    let mut state = link.gateway.state();
    let mut count = 0;
    if args.limit == Some(0) {
        return Ok(());
    }
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            paused = state.wait_for(|state| matches!(state, clawtray_gateway_client::ConnectionState::Paused(_))) => {
                match paused {
                    Ok(paused) => return Err(failed(&paused, &link.name)),
                    Err(_) => None,
                }
            }
        };
        let Some(event) = event else {
            return Err(Failure::new(Exit::NotConnected, "the connection was lost"));
        };
        let line = serde_json::to_value(&event).map_err(std::io::Error::from)?;
        let kind = line.get("type").and_then(Value::as_str).unwrap_or_default();
        if !args.types.is_empty() && !args.types.iter().any(|wanted| wanted == kind) {
            continue;
        }
        if session.is_some() && session_of(&event) != session.as_ref().map(|key| key.as_str()) {
            continue;
        }
        term.json_line(&line)?;
        count += 1;
        if args.limit.is_some_and(|limit| count >= limit) {
            return Ok(());
        }
    }
}

fn session_of(event: &GatewayEvent) -> Option<&str> {
    match event {
        GatewayEvent::Run(step) => Some(step.session.as_str()),
        GatewayEvent::Message { session, .. } | GatewayEvent::SessionChanged { session, .. } => {
            Some(session.as_str())
        }
        GatewayEvent::ApprovalRequested(approval) => approval.session.as_ref().map(|key| key.as_str()),
        GatewayEvent::Other { payload, .. } => payload.get("sessionKey").and_then(Value::as_str),
        GatewayEvent::Connected { .. }
        | GatewayEvent::Resync
        | GatewayEvent::SessionsChanged { .. }
        | GatewayEvent::ApprovalResolved { .. }
        | GatewayEvent::Health(_)
        | GatewayEvent::Shutdown { .. } => None,
    }
}

/// `call`
pub(crate) async fn call(global: &Global, args: Call, term: &mut Term) -> Outcome {
    let params = match args.params.as_deref() {
        None => json!({}),
        Some("-") => {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text)?;
            parse(&text)?
        }
        Some(text) => parse(text)?,
    };
    let link = link::open(global, Wants::default(), term).await?;
    let result = link.raw(&args.method, params, term).await?;
    if args.compact {
        return term.json_line(&result);
    }
    term.json(&result)
}

fn parse(text: &str) -> Outcome<Value> {
    serde_json::from_str(text).map_err(|error| {
        Failure::usage(format!("the parameters are not JSON: {error}"))
            .next("clawctl call sessions.list '{\"limit\": 5}'")
    })
}
