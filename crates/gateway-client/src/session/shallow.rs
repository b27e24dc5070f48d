//! Reading the outline of a large payload: `sessions.changed` carries a row of sixty fields, most of them objects that
//! no companion shows, and comes several times a turn.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// The payload with its row: scalars and lists of scalars. Objects inside the row are passed over.
pub(crate) fn outline(raw: &str) -> Option<Value> {
    let mut deserializer = serde_json::Deserializer::from_str(raw);
    Outline { depth: 2 }.deserialize(&mut deserializer).ok().flatten()
}

/// Reads objects down to a depth.
#[derive(Clone, Copy)]
struct Outline {
    depth: u8,
}

impl<'de> DeserializeSeed<'de> for Outline {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Outline {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Some(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Some(Vec::new());
        // A list with something else than scalars in it is passed over whole, but it has to be read to its end.
        while let Some(item) = items.next_element_seed(Scalar)? {
            match (item, &mut list) {
                (Some(item), Some(list)) => list.push(item),
                (None, _) => list = None,
                (Some(_), None) => {}
            }
        }
        Ok(list.map(Value::Array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        if self.depth == 0 {
            while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(None);
        }
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            if let Some(value) = fields.next_value_seed(Self {
                depth: self.depth - 1,
            })? {
                object.insert(key, value);
            }
        }
        Ok(Some(Value::Object(object)))
    }
}

/// Reads a scalar; anything else is passed over.
struct Scalar;

impl<'de> DeserializeSeed<'de> for Scalar {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let value = Outline { depth: 0 }.deserialize(deserializer)?;
        Ok(value.filter(|value| !value.is_array()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_outline_keeps_what_is_shown_and_what_was_cleared() {
        let payload = json!({
            "sessionKey": "s", "reason": "send", "label": null, "ts": 17,
            "session": {
                "key": "s", "unread": true, "estimatedCostUsd": 0.5, "label": null, "offset": -3,
                "activeRunIds": ["r1", "r2"], "idle": [], "levels": [{"id": "off"}], "nested": [["a"]],
                "owner": {"actor": {"id": "x"}},
            },
        });
        let mut expected = payload.clone();
        let row = expected["session"].as_object_mut().unwrap();
        for gone in ["levels", "nested", "owner"] {
            row.remove(gone);
        }
        assert_eq!(outline(&payload.to_string()), Some(expected));
        assert_eq!(outline("{"), None);
    }
}
