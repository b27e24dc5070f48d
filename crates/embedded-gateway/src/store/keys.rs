//! Stored API keys, by the hash of their secret.

use super::Store;
use crate::error::StoreError;
use crate::keys::ApiKey;
use rusqlite::{OptionalExtension, params};

impl Store {
    pub(crate) fn put_key(&self, hash: &[u8; 32], key: &ApiKey) -> Result<(), StoreError> {
        self.conn().execute(
            "INSERT INTO api_keys (id, hash, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, body = excluded.body",
            params![key.id, hash.as_slice(), serde_json::to_string(key)?],
        )?;
        Ok(())
    }

    /// The key with this hash, together with the hash that is stored.
    pub(crate) fn key_by_hash(&self, hash: &[u8; 32]) -> Result<Option<(Vec<u8>, ApiKey)>, StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare_cached("SELECT hash, body FROM api_keys WHERE hash = ?1")?;
        let row: Option<(Vec<u8>, String)> = st
            .query_row([hash.as_slice()], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        Ok(match row {
            Some((hash, body)) => Some((hash, serde_json::from_str(&body)?)),
            None => None,
        })
    }

    pub(crate) fn update_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        self.conn().execute(
            "UPDATE api_keys SET body = ?2 WHERE id = ?1",
            params![key.id, serde_json::to_string(key)?],
        )?;
        Ok(())
    }

    pub(crate) fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare("SELECT body FROM api_keys")?;
        let rows = st.query_map([], |r| r.get::<_, String>(0))?;
        let mut out: Vec<ApiKey> = Vec::new();
        for row in rows {
            out.push(serde_json::from_str(&row?)?);
        }
        out.sort_by(|a, b| {
            a.created_at_ms
                .cmp(&b.created_at_ms)
                .then_with(|| a.id.cmp(&b.id))
        });
        Ok(out)
    }
}
