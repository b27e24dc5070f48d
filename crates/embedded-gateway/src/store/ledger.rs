//! The ledger of the HTTP dialects: workspaces, the users of each session, and figures.

use super::Store;
use super::sessions::sid_of;
use crate::error::StoreError;
use crate::time::day;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

/// The workspace of everything that names none.
pub(crate) const DEFAULT_WORKSPACE: &str = "default";

/// A workspace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Workspace {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) agent: String,
    pub(crate) skills: Vec<String>,
    pub(crate) allowlist: Vec<String>,
    pub(crate) created_at: String,
}

/// A session as the HTTP dialects know it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ApiSession {
    pub(crate) sid: String,
    pub(crate) key: String,
    pub(crate) workspace: String,
    pub(crate) user: String,
    pub(crate) created_at: i64,
    pub(crate) last_active: i64,
    pub(crate) messages: u64,
    pub(crate) tokens: u64,
    pub(crate) channel: String,
}

/// One exchange.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Entry {
    pub(crate) ts: i64,
    pub(crate) key: String,
    pub(crate) workspace: String,
    pub(crate) user: String,
    pub(crate) tokens_in: u64,
    pub(crate) tokens_out: u64,
    pub(crate) latency_ms: u64,
}

/// Sums over some entries.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sums {
    /// What the entries have in common: a day, a workspace, a user, or nothing.
    pub(crate) name: String,
    pub(crate) workspace: String,
    pub(crate) messages: u64,
    pub(crate) tokens_in: u64,
    pub(crate) tokens_out: u64,
    pub(crate) avg_latency_ms: u64,
    pub(crate) users: u64,
    pub(crate) last: i64,
}

/// Which entries, and how they are grouped.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    All,
    Day,
    Workspace,
    User,
}

/// A period in days, both included, and the workspaces that may be seen (`None`: all).
#[derive(Clone, Debug, Default)]
pub(crate) struct Period {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) workspaces: Option<Vec<String>>,
}

fn count(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, Option<i64>>(at)?.unwrap_or(0).unsigned_abs())
}

impl Store {
    pub(crate) fn workspace(&self, id: &str) -> Result<Option<Workspace>, StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare_cached("SELECT body FROM workspaces WHERE id = ?1")?;
        let body: Option<String> = st.query_row([id], |r| r.get(0)).optional()?;
        Ok(body.map(|b| serde_json::from_str(&b)).transpose()?)
    }

    pub(crate) fn workspaces(&self) -> Result<Vec<Workspace>, StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare("SELECT body FROM workspaces ORDER BY id")?;
        let rows = st.query_map([], |r| r.get::<_, String>(0))?;
        let mut out = Vec::new();
        for row in rows {
            out.push(serde_json::from_str(&row?)?);
        }
        Ok(out)
    }

    pub(crate) fn put_workspace(&self, workspace: &Workspace) -> Result<(), StoreError> {
        self.conn().execute(
            "INSERT OR REPLACE INTO workspaces (id, body) VALUES (?1, ?2)",
            params![workspace.id, serde_json::to_string(workspace)?],
        )?;
        Ok(())
    }

    pub(crate) fn delete_workspace(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self
            .conn()
            .execute("DELETE FROM workspaces WHERE id = ?1", [id])?
            > 0)
    }

    pub(crate) fn api_session(&self, key: &str) -> Result<Option<ApiSession>, StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare_cached("SELECT * FROM api_sessions WHERE key = ?1")?;
        Ok(st.query_row([key], api_session).optional()?)
    }

    pub(crate) fn api_key_of_sid(&self, sid: &str) -> Result<Option<String>, StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare_cached("SELECT key FROM api_sessions WHERE sid = ?1")?;
        Ok(st.query_row([sid], |r| r.get(0)).optional()?)
    }

    pub(crate) fn api_sessions(&self) -> Result<Vec<ApiSession>, StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare("SELECT * FROM api_sessions ORDER BY last_active DESC")?;
        let rows = st.query_map([], api_session)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(crate) fn delete_api_session(&self, key: &str) -> Result<(), StoreError> {
        self.conn()
            .execute("DELETE FROM api_sessions WHERE key = ?1", [key])?;
        Ok(())
    }

    /// Gives a session that somebody else has registered to a user of a workspace.
    pub(crate) fn assign_api_session(
        &self,
        key: &str,
        workspace: &str,
        user: &str,
    ) -> Result<(), StoreError> {
        self.conn().execute(
            "UPDATE api_sessions SET workspace = ?2, user = ?3 WHERE key = ?1 AND (workspace <> ?2 OR user <> ?3)",
            [key, workspace, user],
        )?;
        Ok(())
    }

    /// Notes that a session is used by somebody; true when it is new.
    pub(crate) fn open_api_session(
        &self,
        key: &str,
        entry: &Entry,
        channel: &str,
    ) -> Result<bool, StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare_cached(
            "INSERT OR IGNORE INTO api_sessions (sid, key, workspace, user, created_at, last_active, messages, tokens, channel)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, 0, 0, ?6)",
        )?;
        Ok(st.execute(params![
            sid_of(key),
            key,
            entry.workspace,
            entry.user,
            entry.ts,
            channel
        ])? > 0)
    }

    /// Writes an exchange down.
    pub(crate) fn record_exchange(&self, session: &str, entry: &Entry) -> Result<(), StoreError> {
        let mut conn = self.conn();
        let tx = conn.transaction()?;
        {
            let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            let mut st = tx.prepare_cached(
                "INSERT INTO ledger (ts, day, key, workspace, user, tokens_in, tokens_out, latency_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?;
            st.execute(params![
                entry.ts,
                day(entry.ts),
                entry.key,
                entry.workspace,
                entry.user,
                signed(entry.tokens_in),
                signed(entry.tokens_out),
                signed(entry.latency_ms)
            ])?;
            let mut st = tx.prepare_cached(
                "UPDATE api_sessions SET last_active = ?2, messages = messages + 2, tokens = tokens + ?3 WHERE key = ?1",
            )?;
            st.execute(params![
                session,
                entry.ts,
                signed(entry.tokens_in + entry.tokens_out)
            ])?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Tokens that a key has used on a day.
    pub(crate) fn tokens_of_key(&self, key: &str, day: &str) -> Result<u64, StoreError> {
        let conn = self.conn();
        let mut st = conn
            .prepare_cached("SELECT sum(tokens_in + tokens_out) FROM ledger WHERE key = ?1 AND day = ?2")?;
        Ok(st.query_row([key, day], |r| count(r, 0))?)
    }

    pub(crate) fn sums(&self, period: &Period, by: By, limit: u32) -> Result<Vec<Sums>, StoreError> {
        let (name, group) = match by {
            By::All => ("''", ""),
            By::Day => ("day", "GROUP BY day"),
            By::Workspace => ("workspace", "GROUP BY workspace"),
            By::User => ("user", "GROUP BY workspace, user"),
        };
        let order = if matches!(by, By::Day) {
            "day"
        } else {
            "count(*) DESC, 1"
        };
        let sql = format!(
            "SELECT {name}, coalesce(min(workspace), ''), count(*), sum(tokens_in), sum(tokens_out),
               cast(avg(latency_ms) AS INTEGER), count(DISTINCT workspace || char(10) || user), max(ts)
             FROM ledger WHERE day BETWEEN ?1 AND ?2
               AND (?3 IS NULL OR workspace IN (SELECT value FROM json_each(?3)))
             {group} ORDER BY {order} LIMIT ?4"
        );
        let allowed = period
            .workspaces
            .as_ref()
            .map(serde_json::to_string)
            .transpose()?;
        let conn = self.conn();
        let mut st = conn.prepare_cached(&sql)?;
        let rows = st.query_map(params![period.from, period.to, allowed, limit], |r| {
            Ok(Sums {
                name: r.get(0)?,
                workspace: r.get(1)?,
                messages: count(r, 2)?,
                tokens_in: count(r, 3)?,
                tokens_out: count(r, 4)?,
                avg_latency_ms: count(r, 5)?,
                users: count(r, 6)?,
                last: r.get::<_, Option<i64>>(7)?.unwrap_or(0),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn api_session(row: &Row<'_>) -> rusqlite::Result<ApiSession> {
    Ok(ApiSession {
        sid: row.get(0)?,
        key: row.get(1)?,
        workspace: row.get(2)?,
        user: row.get(3)?,
        created_at: row.get(4)?,
        last_active: row.get(5)?,
        messages: count(row, 6)?,
        tokens: count(row, 7)?,
        channel: row.get(8)?,
    })
}
