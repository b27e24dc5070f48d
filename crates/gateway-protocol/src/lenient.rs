//! Lenient list reading: one row with an unexpected shape does not lose the other rows.

use serde::{Deserialize, Deserializer};

/// The rows that can be read.
pub(crate) fn rows<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Row<T> {
        Known(T),
        Other(serde::de::IgnoredAny),
    }
    let rows = Option::<Vec<Row<T>>>::deserialize(d)?.unwrap_or_default();
    Ok(rows
        .into_iter()
        .filter_map(|row| match row {
            Row::Known(row) => Some(row),
            Row::Other(_) => None,
        })
        .collect())
}

/// A value that counts as absent where it has an unexpected shape.
pub(crate) fn maybe<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Maybe<T> {
        Known(T),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Maybe::deserialize(d)? {
        Maybe::Known(value) => Some(value),
        Maybe::Other(_) => None,
    })
}
