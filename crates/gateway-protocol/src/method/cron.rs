//! `cron.*`: scheduled jobs.

use super::{Scope, method};
use serde::{Deserialize, Serialize};
use serde_json::Value;

method!(
    /// The jobs.
    List = "cron.list", Some(Scope::Read), ListParams => ListResult
);
method!(
    /// Adds a job.
    Add = "cron.add", Some(Scope::Admin), AddParams => Job
);
method!(
    /// Changes a job.
    Update = "cron.update", Some(Scope::Admin), UpdateParams => Value
);
method!(
    /// Runs a job now.
    Run = "cron.run", Some(Scope::Admin), RunParams => RunResult
);
method!(
    /// What the jobs did.
    Runs = "cron.runs", Some(Scope::Read), RunsParams => RunsResult
);
method!(
    /// Removes a job.
    Remove = "cron.remove", Some(Scope::Admin), IdParams => Value
);

/// A job's id.
#[derive(Clone, Debug, Default, Serialize)]
pub struct IdParams {
    /// The job.
    pub id: String,
}

/// Parameters of `cron.list`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListParams {
    /// Those that are switched off, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_disabled: Option<bool>,
    /// At most this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Skip this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
}

/// Result of `cron.list`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListResult {
    /// The jobs.
    #[serde(deserialize_with = "crate::lenient::rows")]
    pub jobs: Vec<Job>,
    /// All that match.
    pub total: Option<u64>,
    /// There are more.
    pub has_more: bool,
}

/// A job.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The name to show, where it differs.
    pub display_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// When it runs: `{kind: at|every|cron|…}`.
    pub schedule: Value,
    /// What it does.
    pub payload: Value,
    /// Its next run, in milliseconds since the epoch.
    pub next_run_at_ms: Option<i64>,
    /// How it went so far.
    pub state: JobState,
}

/// How a job went so far.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JobState {
    /// Its last run, in milliseconds since the epoch.
    pub last_run_at_ms: Option<i64>,
    /// `ok`, `error`, `skipped`.
    pub last_run_status: Option<String>,
    /// What went wrong.
    pub last_error: Option<String>,
}

/// When a job runs.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum Schedule {
    /// Once.
    At {
        /// ISO 8601.
        at: String,
    },
    /// Again and again.
    Every {
        /// Milliseconds between runs.
        every_ms: u64,
    },
    /// By a cron expression.
    Cron {
        /// Five fields.
        expr: String,
        /// The time zone, for example `Europe/Prague`.
        #[serde(skip_serializing_if = "Option::is_none")]
        tz: Option<String>,
    },
}

/// What a job does.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Payload {
    /// A note in the main session.
    SystemEvent {
        /// The note.
        text: String,
    },
    /// A turn of an agent.
    AgentTurn {
        /// The prompt.
        message: String,
    },
}

/// Parameters of `cron.add`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddParams {
    /// Its name.
    pub name: String,
    /// When.
    pub schedule: Schedule,
    /// `main`, `isolated`, `current`, or a session.
    pub session_target: String,
    /// `now` or `next-heartbeat`.
    pub wake_mode: String,
    /// What.
    pub payload: Payload,
    /// Whether it is switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether it goes after its first run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_after_run: Option<bool>,
}

/// Parameters of `cron.update`.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateParams {
    /// The job.
    pub id: String,
    /// What changes.
    pub patch: JobPatch,
}

/// What changes in a job.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobPatch {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it is switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// What.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
}

/// Parameters of `cron.run`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RunParams {
    /// The job.
    pub id: String,
    /// `due`, `force`, `if-enabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

/// Result of `cron.run`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunResult {
    /// Whether it will run.
    pub enqueued: bool,
    /// The run.
    pub run_id: Option<String>,
}

/// Parameters of `cron.runs`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RunsParams {
    /// Only this job's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// At most this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Skip this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
}

/// Result of `cron.runs`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunsResult {
    /// What they did, newest first.
    #[serde(deserialize_with = "crate::lenient::rows")]
    pub entries: Vec<RunEntry>,
    /// There are more.
    pub has_more: bool,
}

/// What a job did.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunEntry {
    /// When, in milliseconds since the epoch.
    pub ts: i64,
    /// The job.
    pub job_id: String,
    /// `ok`, `error`, `skipped`.
    pub status: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// What it said.
    pub summary: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<u64>,
}
