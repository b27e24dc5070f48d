//! Jobs and their runs.

use super::Store;
use crate::error::StoreError;
use rusqlite::{OptionalExtension, params};
use serde_json::Value;

/// Runs kept per job.
const RUNS_KEPT: u32 = 200;

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

    pub(crate) fn due_jobs(&self, now: i64) -> Result<Vec<Value>, StoreError> {
        let conn = self.conn();
        let mut st =
            conn.prepare_cached("SELECT body FROM cron_jobs WHERE next_run <= ?1 ORDER BY next_run")?;
        let rows = st.query_map([now], |r| r.get::<_, String>(0))?;
        let mut out = Vec::new();
        for row in rows {
            out.push(serde_json::from_str(&row?)?);
        }
        Ok(out)
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
