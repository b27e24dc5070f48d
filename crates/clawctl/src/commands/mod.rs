//! The commands, one module per topic.

pub(crate) mod app;
pub(crate) mod ask;
pub(crate) mod cron;
pub(crate) mod decide;
pub(crate) mod doctor;
pub(crate) mod embedded;
pub(crate) mod gateway_facts;
pub(crate) mod gateways;
pub(crate) mod sessions;
pub(crate) mod status;

use jiff::Timestamp;

/// A time for people: local, to the minute.
pub(crate) fn local_time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(
        |_| String::new(),
        |time| {
            time.to_zoned(jiff::tz::TimeZone::system())
                .strftime("%Y-%m-%d %H:%M")
                .to_string()
        },
    )
}

/// How long ago, in one unit.
pub(crate) fn ago(ms: i64, now_ms: i64) -> String {
    let seconds = (now_ms.saturating_sub(ms)).max(0) / 1000;
    match seconds {
        0..60 => "now".to_owned(),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Milliseconds since the epoch, now.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_one_unit() {
        let now = 1_000_000_000_000;
        for (seconds, expected) in [
            (-5, "now"),
            (59, "now"),
            (60, "1 min"),
            (7200, "2 h"),
            (200_000, "2 d"),
        ] {
            assert_eq!(ago(now - seconds * 1000, now), expected);
        }
    }
}
