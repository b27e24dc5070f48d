//! Bounds on what a gateway says, applied where it is read.
//!
//! A frame is bounded by the transport (32 MiB). These bounds keep single fields small, because fields outlive their
//! frame: they end up in tables, in the connection's state, in logs and on the screen.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// The longest identifier that is taken (session key, run, agent, approval), in bytes. The gateway's own have about 100.
pub const ID_MAX: usize = 1024;
/// The longest error code that is kept, in bytes. The gateway's own have about 40.
pub const CODE_MAX: usize = 128;
/// The longest sentence of the gateway that is kept (error message, reason, hint), in bytes.
pub const SENTENCE_MAX: usize = 4 * 1024;
/// The largest `details` of an error that are kept, in bytes. The gateway's own have some hundred.
pub const DETAILS_MAX: usize = 64 * 1024;
/// The longest wait that a gateway can ask for, in milliseconds: one hour.
pub const WAIT_MAX_MS: u64 = 3_600_000;

/// Whether an identifier is short enough to be kept.
#[must_use]
pub fn is_id(id: &str) -> bool {
    id.len() <= ID_MAX
}

/// At most `most` bytes of a text, cut between characters.
#[must_use]
pub fn cut(text: &str, most: usize) -> &str {
    text.get(..boundary(text, most)).unwrap_or(text)
}

fn boundary(text: &str, most: usize) -> usize {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// As [`cut`], in place.
pub fn shorten(text: &mut String, most: usize) {
    text.truncate(boundary(text, most));
    text.shrink_to_fit();
}

/// An error code as it may be logged and shown: printable ASCII, at most [`CODE_MAX`] bytes.
#[must_use]
pub fn plain_code(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_graphic)
        .take(CODE_MAX)
        .collect()
}

pub(crate) fn code<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    Ok(plain_code(&String::deserialize(d)?))
}

pub(crate) fn sentence<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let mut sentence = String::deserialize(d)?;
    shorten(&mut sentence, SENTENCE_MAX);
    Ok(sentence)
}

/// The facts of an error; none when they are larger than [`DETAILS_MAX`].
pub(crate) fn details<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Value>, D::Error> {
    let raw = Option::<Box<RawValue>>::deserialize(d)?;
    let small = raw.filter(|raw| raw.get().len() <= DETAILS_MAX);
    Ok(small.and_then(|raw| serde_json::from_str(raw.get()).ok()))
}

/// A wait in milliseconds, at most [`WAIT_MAX_MS`]. Anything but a number is no wait.
pub(crate) fn wait_ms<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u64>, D::Error> {
    let value = Value::deserialize(d)?;
    let ms = value.as_u64().or_else(|| {
        // A cast of a float saturates: what is negative is no wait, what is huge is the longest.
        value.as_f64().map(|ms| ms as u64)
    });
    Ok(ms.map(|ms| ms.min(WAIT_MAX_MS)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GatewayError;
    use crate::event::Shutdown;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("añb", 2), "a");
        assert_eq!(cut("añb", 3), "añ");
        assert_eq!(cut("añb", 9), "añb");
    }

    #[test]
    fn an_error_is_small_whatever_the_gateway_says() {
        let text = serde_json::json!({
            "code": format!("A\u{1b}[31m\u{202e}{}", "B".repeat(5_000_000)),
            "message": "é".repeat(5_000_000),
            "retryAfterMs": u64::MAX,
            "details": {"code": "X", "rest": vec![0; 100_000]},
        });
        let error: GatewayError = serde_json::from_value(text).unwrap();
        assert!(error.code.starts_with("A[31mB") && error.code.len() <= CODE_MAX);
        assert!(error.message.len() <= SENTENCE_MAX);
        assert_eq!((error.retry_after_ms, error.details), (Some(WAIT_MAX_MS), None));
        let error: GatewayError = serde_json::from_str(r#"{"code":"X","details":{"code":"Y"}}"#).unwrap();
        assert_eq!(error.detail_code(), Some("Y"));
        let error: GatewayError = serde_json::from_str(r#"{"code":"X","details":null}"#).unwrap();
        assert_eq!(error.details, None);
    }

    #[test]
    fn a_wait_is_a_number_or_none() {
        for (ms, expected) in [
            ("500", Some(500)),
            ("0", Some(0)),
            ("18446744073709551615", Some(WAIT_MAX_MS)),
            ("1e300", Some(WAIT_MAX_MS)),
            ("1.9", Some(1)),
            ("-1", Some(0)),
            ("\"soon\"", None),
            ("null", None),
        ] {
            let error: GatewayError =
                serde_json::from_str(&format!(r#"{{"code":"X","retryAfterMs":{ms}}}"#)).unwrap();
            assert_eq!(error.retry_after_ms, expected, "{ms}");
            let shutdown: Shutdown =
                serde_json::from_str(&format!(r#"{{"restartExpectedMs":{ms}}}"#)).unwrap();
            assert_eq!(shutdown.restart_expected_ms, expected, "{ms}");
        }
    }
}
