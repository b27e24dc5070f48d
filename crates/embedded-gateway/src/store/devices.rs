//! Paired devices.

use super::Store;
use crate::error::StoreError;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

/// A device that was paired.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DeviceRecord {
    pub(crate) id: String,
    pub(crate) public_key: String,
    pub(crate) platform: String,
    pub(crate) device_family: String,
    pub(crate) display_name: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_mode: String,
    pub(crate) scopes: Vec<String>,
    /// Part of the device token; a new number makes the old token worthless.
    pub(crate) generation: u32,
    pub(crate) approved_at: i64,
    pub(crate) last_seen_at: i64,
}

impl Store {
    pub(crate) fn device(&self, id: &str) -> Result<Option<DeviceRecord>, StoreError> {
        let conn = self.conn();
        let body: Option<String> = conn
            .query_row("SELECT body FROM devices WHERE id = ?1", [id], |r| r.get(0))
            .optional()?;
        Ok(body.map(|b| serde_json::from_str(&b)).transpose()?)
    }

    pub(crate) fn put_device(&self, device: &DeviceRecord) -> Result<(), StoreError> {
        self.conn().execute(
            "INSERT OR REPLACE INTO devices (id, body) VALUES (?1, ?2)",
            params![device.id, serde_json::to_string(device)?],
        )?;
        Ok(())
    }

    pub(crate) fn devices(&self) -> Result<Vec<DeviceRecord>, StoreError> {
        let conn = self.conn();
        let mut st = conn.prepare("SELECT body FROM devices ORDER BY id")?;
        let rows = st.query_map([], |r| r.get::<_, String>(0))?;
        let mut out = Vec::new();
        for row in rows {
            out.push(serde_json::from_str(&row?)?);
        }
        Ok(out)
    }

    pub(crate) fn delete_device(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.conn().execute("DELETE FROM devices WHERE id = ?1", [id])? > 0)
    }
}
