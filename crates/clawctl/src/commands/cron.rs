//! `cron`.

use super::local_time;
use crate::cli::{Cron, CronAction, Global};
use crate::exit::{Failure, Outcome};
use crate::link::{self, Wants};
use crate::term::{Term, one_line, table};
use clawtray_gateway_client::protocol::method::cron::{AddParams, Job, ListResult, Payload, Schedule};
use serde_json::{Value, json};

/// `cron`
pub(crate) async fn cron(global: &Global, args: Cron, term: &mut Term) -> Outcome {
    let link = link::open(global, Wants::default(), term).await?;
    match args.action {
        None => {
            let jobs = link
                .raw("cron.list", json!({ "includeDisabled": true }), term)
                .await?;
            list(jobs, args.json, term)
        }
        Some(CronAction::List { json }) => {
            let jobs = link
                .raw("cron.list", json!({ "includeDisabled": true }), term)
                .await?;
            list(jobs, json || args.json, term)
        }
        Some(CronAction::Add {
            name,
            cron,
            message,
            tz,
            json,
        }) => {
            if cron.split_whitespace().count() != 5 {
                return Err(Failure::usage(format!("\"{cron}\" does not have five fields"))
                    .next("for example --cron \"0 8 * * *\" (every day at eight)"));
            }
            let params = AddParams {
                name,
                schedule: Schedule::Cron { expr: cron, tz },
                session_target: "isolated".to_owned(),
                wake_mode: "now".to_owned(),
                payload: Payload::AgentTurn { message },
                enabled: None,
                delete_after_run: None,
            };
            let params = serde_json::to_value(params).map_err(std::io::Error::from)?;
            let job = link.raw("cron.add", params, term).await?;
            if json || args.json {
                return term.json(&job);
            }
            let job: Job = serde_json::from_value(job).map_err(std::io::Error::from)?;
            let next = next_run(&job).map(|at| format!(", next {}", local_time(at)));
            let (id, name) = (one_line(&job.id), one_line(&job.name));
            term.line(&format!("{id}  {name}{}", next.unwrap_or_default()))
        }
        Some(CronAction::Run { id }) => {
            link.raw("cron.run", json!({ "id": id, "mode": "force" }), term)
                .await?;
            term.note("started");
            Ok(())
        }
        Some(CronAction::Remove { id }) => {
            link.raw("cron.remove", json!({ "id": id }), term).await?;
            term.note("removed");
            Ok(())
        }
    }
}

fn list(raw: Value, json: bool, term: &mut Term) -> Outcome {
    if json {
        return term.json(raw.get("jobs").unwrap_or(&raw));
    }
    let jobs: ListResult = serde_json::from_value(raw).map_err(std::io::Error::from)?;
    let rows: Vec<Vec<String>> = jobs
        .jobs
        .iter()
        .map(|job| {
            let next = if job.enabled {
                next_run(job).map(local_time).unwrap_or_default()
            } else {
                "off".to_owned()
            };
            let last = job.state.last_run_status.clone().unwrap_or_default();
            let name = job.display_name.as_ref().unwrap_or(&job.name).clone();
            vec![job.id.clone(), name, when(&job.schedule), next, last]
        })
        .collect();
    let text = table(term, &["ID", "NAME", "WHEN", "NEXT", "LAST"], &rows);
    term.out(&text)?;
    if jobs.jobs.is_empty() {
        term.note("no scheduled jobs");
    }
    Ok(())
}

fn next_run(job: &Job) -> Option<i64> {
    job.next_run_at_ms
}

fn when(schedule: &Value) -> String {
    let text = |name: &str| schedule.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("kind") {
        "cron" => match text("tz") {
            "" => text("expr").to_owned(),
            tz => format!("{} {tz}", text("expr")),
        },
        "every" => {
            let ms = schedule
                .get("everyMs")
                .and_then(Value::as_u64)
                .unwrap_or_default();
            let minutes = ms / 60_000;
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("every {} s", ms / 1000),
                (hours, 0) => format!("every {hours} h"),
                (hours, minutes) => format!("every {} min", hours * 60 + minutes),
            }
        }
        "at" => format!("at {}", text("at")),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_in_words() {
        for (schedule, expected) in [
            (
                json!({"kind":"cron","expr":"0 8 * * *","tz":"Europe/Prague"}),
                "0 8 * * * Europe/Prague",
            ),
            (json!({"kind":"every","everyMs":5_400_000}), "every 90 min"),
            (json!({"kind":"every","everyMs":3_600_000}), "every 1 h"),
            (json!({"kind":"every","everyMs":30_000}), "every 30 s"),
            (
                json!({"kind":"at","at":"2026-12-01T08:00:00Z"}),
                "at 2026-12-01T08:00:00Z",
            ),
            (json!(null), ""),
        ] {
            assert_eq!(when(&schedule), expected);
        }
    }
}
