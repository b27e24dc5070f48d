//! The session rows of a gateway, as it last sent them.

use super::{
    Store, StoreError,
    cache::{agent_of, ensure_gateway, gateway_id, session_id},
    search::words_of,
};
use clawtray_gateway_protocol::SessionRow;
use rusqlite::{Connection, TransactionBehavior, params};
use std::collections::HashSet;

impl Store {
    /// Keeps session rows; known ones are replaced. `title` makes the title that a person sees, for the search.
    pub fn upsert_sessions(
        &self,
        gateway: &str,
        rows: &[SessionRow],
        title: impl Fn(&SessionRow) -> String,
    ) -> Result<(), StoreError> {
        self.write(|db| {
            let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let gateway = ensure_gateway(&db, gateway)?;
            for row in rows {
                upsert(&db, gateway, row, &title(row))?;
            }
            db.commit()
        })
    }

    /// Keeps the complete list of a gateway: sessions that are not in it are gone, with their messages.
    pub fn replace_sessions(
        &self,
        gateway: &str,
        rows: &[SessionRow],
        title: impl Fn(&SessionRow) -> String,
    ) -> Result<(), StoreError> {
        self.write(|db| {
            let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let gateway = ensure_gateway(&db, gateway)?;
            let listed: HashSet<&str> = rows.iter().map(|row| row.key.as_str()).collect();
            let known: Vec<(i64, String)> = db
                .prepare_cached("SELECT id, key FROM session WHERE gateway = ?")?
                .query_map([gateway], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            for (id, key) in known {
                if !listed.contains(key.as_str()) {
                    db.prepare_cached("DELETE FROM session WHERE id = ?")?
                        .execute([id])?;
                }
            }
            for row in rows {
                upsert(&db, gateway, row, &title(row))?;
            }
            db.commit()
        })
    }

    /// The session rows of a gateway, most recent first.
    pub fn sessions(&self, gateway: &str) -> Result<Vec<SessionRow>, StoreError> {
        self.read(|db| {
            let Some(gateway) = gateway_id(db, gateway)? else {
                return Ok(Vec::new());
            };
            let rows = db
                .prepare_cached(
                    "SELECT row FROM session WHERE gateway = ? AND row IS NOT NULL
                     ORDER BY updated_at_ms DESC, id",
                )?
                .query_map([gateway], |row| row.get::<_, String>(0))?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            // A row that an earlier version wrote and this one cannot read is left out; the gateway gives it again.
            Ok(rows
                .iter()
                .filter_map(|row| serde_json::from_str(row).ok())
                .collect())
        })
    }

    /// Forgets a session with its messages.
    pub fn delete_session(&self, gateway: &str, session: &str) -> Result<(), StoreError> {
        self.write(|db| {
            let Some(id) = session_id(db, gateway, session)? else {
                return Ok(());
            };
            db.prepare_cached("DELETE FROM session WHERE id = ?")?
                .execute([id])
                .map(drop)
        })
    }

    /// Forgets the messages of a session (it was reset).
    pub fn reset_session(&self, gateway: &str, session: &str) -> Result<(), StoreError> {
        self.write(|db| {
            let Some(id) = session_id(db, gateway, session)? else {
                return Ok(());
            };
            db.prepare_cached("DELETE FROM message WHERE session = ?")?
                .execute([id])
                .map(drop)
        })
    }
}

fn upsert(db: &Connection, gateway: i64, row: &SessionRow, title: &str) -> rusqlite::Result<()> {
    let key = row.key.as_str();
    let agent = match (agent_of(key), &row.agent_id) {
        ("", Some(agent)) => agent.as_str(),
        (agent, _) => agent,
    };
    let body =
        serde_json::to_string(row).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    // Rows that did not change are not written: a list of ten thousand comes with every connection.
    db.prepare_cached(
        "INSERT INTO session (gateway, key, agent, title, title_words, updated_at_ms, row)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (gateway, key) DO UPDATE SET agent = excluded.agent, title = excluded.title,
             title_words = excluded.title_words, updated_at_ms = excluded.updated_at_ms, row = excluded.row
         WHERE excluded.row IS NOT row OR excluded.title <> title",
    )?
    .execute(params![
        gateway,
        key,
        agent,
        title,
        words_of(title),
        row.last_interaction_at.or(row.updated_at).unwrap_or_default(),
        body
    ])
    .map(drop)
}
