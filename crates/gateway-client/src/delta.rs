//! The payload of `sessions.changed`: a row of sixty fields, sent several times a turn.
//!
//! Most fields are objects that no companion shows. So the payload is kept as bytes, and each
//! consumer reads the few fields that it needs.

use clawtray_gateway_protocol::frame::BeforeRow;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A change of a session, to be merged as a delta by the rules of `clients.md`: a field that is missing did not change,
/// `null` clears.
#[derive(Clone, Debug)]
pub struct SessionDelta(Arc<str>);

/// What is read of every change.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    /// The session; without one the change is about the list as a whole.
    #[serde(default)]
    pub(crate) session_key: Option<String>,
    /// Why, in the gateway's word.
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

impl SessionDelta {
    /// Takes a payload, after a look at what it is about.
    pub(crate) fn read(payload: &str) -> Result<(Head, Self), serde_json::Error> {
        // Both stand before the row, as a rule; many changes have a phase instead of a reason.
        let head = BeforeRow::cut(payload).and_then(|cut| {
            let head: Head = serde_json::from_str(&cut.head).ok()?;
            let whole = head.session_key.is_some() && (head.reason.is_some() || !cut.may_have_a_reason());
            whole.then_some(head)
        });
        let head = match head {
            Some(head) => head,
            None => serde_json::from_str(payload)?,
        };
        Ok((head, Self(payload.into())))
    }

    /// What it takes in memory, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.0.len()
    }

    /// The fields: scalars and lists of scalars, those of the `session` row included; objects inside the row are left out.
    /// Read anew at every call.
    #[must_use]
    pub fn fields(&self) -> Value {
        outline(&self.0).ok().flatten().unwrap_or_default()
    }
}

impl From<Value> for SessionDelta {
    fn from(fields: Value) -> Self {
        Self(fields.to_string().into())
    }
}

impl PartialEq for SessionDelta {
    fn eq(&self, other: &Self) -> bool {
        self.fields() == other.fields()
    }
}

impl Serialize for SessionDelta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SessionDelta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

/// The payload with its row: scalars and lists of scalars. Objects inside the row are passed over.
fn outline(raw: &str) -> Result<Option<Value>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(raw);
    let outline = Outline { depth: 2 }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(outline)
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
                (None, _) => {
                    list = None;
                    while items.next_element::<IgnoredAny>()?.is_some() {}
                }
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
        while let Some(Key(key)) = fields.next_key::<Key<'de>>()? {
            let value = if self.depth == 1 {
                leaf(fields.next_value::<&RawValue>()?.get())
            } else {
                fields.next_value_seed(Self {
                    depth: self.depth - 1,
                })?
            };
            if let Some(value) = value {
                object.insert(key.into_owned(), value);
            }
        }
        Ok(Some(Value::Object(object)))
    }
}

/// A field's name, borrowed: most of them are passed over.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// A scalar or a list of scalars. What is passed over was skipped in one go to find its end.
fn leaf(raw: &str) -> Option<Value> {
    let mut inner = raw.bytes();
    let nested = match inner.next() {
        Some(b'{') => true,
        Some(b'[') => inner
            .find(|byte| !byte.is_ascii_whitespace())
            .is_some_and(|byte| matches!(byte, b'{' | b'[')),
        Some(_) | None => false,
    };
    if nested {
        return None;
    }
    let value: Value = serde_json::from_str(raw).ok()?;
    let is_nested = |item: &Value| item.is_object() || item.is_array();
    (!value.as_array().is_some_and(|list| list.iter().any(is_nested))).then_some(value)
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
    fn the_head_is_found_before_the_row_and_behind_it() {
        let head = |payload: &str| {
            let (head, _) = SessionDelta::read(payload).unwrap();
            (head.session_key.unwrap(), head.reason)
        };
        let send = Some("send".to_owned());
        let before = r#"{"sessionKey":"s","reason":"send","session":{"reason":"x"},"label":null}"#;
        assert_eq!(head(before), ("s".to_owned(), send.clone()));
        let behind = r#"{"sessionKey":"s","session":{"reason":"x"},"reason":"send"}"#;
        assert_eq!(head(behind), ("s".to_owned(), send));
        let deeper = r#"{"sessionKey":"s","of":{"a":1,"session":{}},"label":null}"#;
        assert_eq!(head(deeper), ("s".to_owned(), None));
        assert!(SessionDelta::read(r#"{"sessionKey":"s","reason":7,"session":{}}"#).is_err());
    }

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
        assert_eq!(outline(&payload.to_string()).unwrap(), Some(expected));
        assert!(outline("{").is_err() && outline("{}}").is_err());
    }
}
