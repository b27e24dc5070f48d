//! Jobs and their runs.

use super::Store;
use crate::error::StoreError;
use rusqlite::{OptionalExtension, TransactionBehavior, params};
use serde_json::Value;

/// Runs kept per job.
const RUNS_KEPT: u32 = 200;

/// A job whose time has come.
#[derive(Clone, Debug)]
pub(crate) struct DueJob {
    pub(crate) id: String,
    /// When it was due, in milliseconds since the epoch.
    pub(crate) at: i64,
    pub(crate) body: Value,
}

impl Store {
    pub(crate) fn put_job(&self, id: &str, next_run: Option<i64>, body: &Value) -> Result<(), StoreError> {
        self.conn().execute(
            "INSERT OR REPLACE INTO cron_jobs (id, next_run, body) VALUES (?1, ?2, ?3)",
            params![id, next_run, body.to_string()],
        )?;
        Ok(())
    }

    pub(crate) fn job(&self, id: &str) -> Result<Option<Value>, StoreError> {
        let conn = self.conn();
        let body: Option<String> = conn
            .query_row("SELECT body FROM cron_jobs WHERE id = ?1", [id], |r| r.get(0))
            .optional()?;
        Ok(body.map(|b| serde_json::from_str(&b)).transpose()?)
    }

    pub(crate) fn jobs(&self) -> Result<Vec<Value>, StoreError> {
        let conn = self.conn();
        let mut st =
            conn.prepare_cached("SELECT body FROM cron_jobs ORDER BY next_run IS NULL, next_run, id")?;
        let rows = st.query_map([], |r| r.get::<_, String>(0))?;
        let mut out = Vec::new();
        for row in rows {
            out.push(serde_json::from_str(&row?)?);
        }
        Ok(out)
    }

    pub(crate) fn delete_job(&self, id: &str) -> Result<bool, StoreError> {
        let conn = self.conn();
        conn.execute("DELETE FROM cron_runs WHERE job = ?1", [id])?;
        Ok(conn.execute("DELETE FROM cron_jobs WHERE id = ?1", [id])? > 0)
    }

    /// When the next enabled job is due, in milliseconds since the epoch.
    pub(crate) fn next_due(&self) -> Result<Option<i64>, StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare_cached("SELECT min(next_run) FROM cron_jobs")?;
        Ok(st.query_row([], |r| r.get(0))?)
    }

    pub(crate) fn due_jobs(&self, now: i64) -> Result<Vec<DueJob>, StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare_cached(
            "SELECT id, next_run, body FROM cron_jobs WHERE next_run <= ?1 ORDER BY next_run",
        )?;
        let mut rows = st.query([now])?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            out.push(DueJob {
                id: row.get(0)?,
                at: row.get(1)?,
                body: serde_json::from_str(&row.get::<_, String>(2)?)?,
            });
        }
        Ok(out)
    }

    /// Takes a due job for one run and says when the next one is; gives the job. `None` when somebody else was faster:
    /// the app, its bridge and `clawctl serve` share this file.
    pub(crate) fn claim_job(&self, due: &DueJob, next: Option<i64>) -> Result<Option<Value>, StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare_cached(
            "UPDATE cron_jobs SET next_run = ?3,
               body = json_set(body, '$.nextRunAtMs', ?3, '$.state.nextRunAtMs', ?3)
             WHERE id = ?1 AND next_run = ?2 RETURNING body",
        )?;
        let body: Option<String> = st
            .query_row(params![due.id, due.at, next], |r| r.get(0))
            .optional()?;
        Ok(body.map(|b| serde_json::from_str(&b)).transpose()?)
    }

    /// Changes a job as it is at that moment, so that a claim in between is not undone; gives the job. `None` when
    /// there is no such job. Its `nextRunAtMs` says when it is due.
    pub(crate) fn edit_job<E: From<StoreError>>(
        &self,
        id: &str,
        change: impl FnOnce(&mut Value) -> Result<(), E>,
    ) -> Result<Option<Value>, E> {
        let mut conn = self.conn();
        let tx = conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let body: Option<String> = tx
            .query_row("SELECT body FROM cron_jobs WHERE id = ?1", [id], |r| r.get(0))
            .optional()
            .map_err(StoreError::from)?;
        let Some(body) = body else { return Ok(None) };
        let mut job: Value = serde_json::from_str(&body).map_err(StoreError::from)?;
        change(&mut job)?;
        let next = job.get("nextRunAtMs").and_then(Value::as_i64);
        tx.execute(
            "UPDATE cron_jobs SET next_run = ?2, body = ?3 WHERE id = ?1",
            params![id, next, job.to_string()],
        )
        .map_err(StoreError::from)?;
        tx.commit().map_err(StoreError::from)?;
        Ok(Some(job))
    }

    pub(crate) fn add_cron_run(&self, job: &str, ts: i64, body: &Value) -> Result<(), StoreError> {
        let conn = self.conn();
        conn.execute(
            "INSERT INTO cron_runs (job, ts, body) VALUES (?1, ?2, ?3)",
            params![job, ts, body.to_string()],
        )?;
        conn.execute(
            "DELETE FROM cron_runs WHERE job = ?1 AND id NOT IN (SELECT id FROM cron_runs WHERE job = ?1 ORDER BY id DESC LIMIT ?2)",
            params![job, RUNS_KEPT],
        )?;
        Ok(())
    }

    pub(crate) fn cron_runs(
        &self,
        job: Option<&str>,
        limit: u32,
        offset: u32,
    ) -> Result<(Vec<Value>, u64), StoreError> {
        let conn = self.conn();
        let total: i64 = conn.query_row(
            "SELECT count(*) FROM cron_runs WHERE ?1 IS NULL OR job = ?1",
            [job],
            |r| r.get(0),
        )?;
        let mut st = conn.prepare(
            "SELECT body FROM cron_runs WHERE ?1 IS NULL OR job = ?1 ORDER BY id DESC LIMIT ?2 OFFSET ?3",
        )?;
        let rows = st.query_map(params![job, limit, offset], |r| r.get::<_, String>(0))?;
        let mut out = Vec::new();
        for row in rows {
            out.push(serde_json::from_str(&row?)?);
        }
        Ok((out, total.unsigned_abs()))
    }
}
