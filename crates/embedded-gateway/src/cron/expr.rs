//! Cron expressions with five fields, in a time zone. `croner` reads them, as it does for the real gateway.

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CronExpr(Cron);

impl CronExpr {
    /// Reads `minute hour day month weekday`, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
        parser.parse(text).ok().map(Self)
    }

    /// The first match after `after_ms`, in milliseconds since the epoch. A time of day that the clocks skip counts as
    /// the first moment after the gap. Where they go back, a time of day matches once and a pattern like `*/15` in
    /// both hours.
    pub(crate) fn next(&self, after_ms: i64, tz: &TimeZone) -> Option<i64> {
        let after = Timestamp::from_millisecond(after_ms).ok()?.to_zoned(tz.clone());
        let next = self.0.find_next_occurrence(&after, false).ok()?;
        Some(next.timestamp().as_millisecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expr: &str, after: &str, tz: &str) -> String {
        let after: Timestamp = after.parse().expect("timestamp");
        let tz = TimeZone::get(tz).expect("zone");
        match CronExpr::parse(expr).and_then(|e| e.next(after.as_millisecond(), &tz)) {
            Some(ms) => Timestamp::from_millisecond(ms).expect("ms").to_string(),
            None => "none".into(),
        }
    }

    #[test]
    fn finds_the_next_time() {
        for (expr, after, tz, expect) in [
            ("0 9 * * *", "2026-11-20T10:00:00Z", "UTC", "2026-11-21T09:00:00Z"),
            ("0 9 * * *", "2026-11-20T08:59:59Z", "UTC", "2026-11-20T09:00:00Z"),
            ("0 9 * * *", "2026-11-20T09:00:00Z", "UTC", "2026-11-21T09:00:00Z"),
            (
                "0 9 * * *",
                "2026-11-20T12:00:00Z",
                "America/New_York",
                "2026-11-20T14:00:00Z",
            ),
            (
                "*/15 * * * *",
                "2026-11-20T10:01:00Z",
                "UTC",
                "2026-11-20T10:15:00Z",
            ),
            (
                "5-10/5 3 * * mon-fri",
                "2026-11-20T04:00:00Z",
                "UTC",
                "2026-11-23T03:05:00Z",
            ),
            (
                "0 0 29 2 *",
                "2026-03-01T00:00:00Z",
                "UTC",
                "2028-02-29T00:00:00Z",
            ),
            (
                "0 0 13 * fri",
                "2026-11-14T00:00:00Z",
                "UTC",
                "2026-11-20T00:00:00Z",
            ),
            ("0 0 * * 7", "2026-11-20T00:00:00Z", "UTC", "2026-11-22T00:00:00Z"),
            // Clocks go forward over 02:30 in New York on 2026-03-08.
            (
                "30 2 * * *",
                "2026-03-08T06:00:00Z",
                "America/New_York",
                "2026-03-08T07:00:00Z",
            ),
            // They go back from 01:59 to 01:00 on 2026-11-01: intervals go on, a time of day comes once.
            (
                "*/15 * * * *",
                "2026-11-01T05:45:00Z",
                "America/New_York",
                "2026-11-01T06:00:00Z",
            ),
            (
                "30 1 * * *",
                "2026-11-01T05:30:00Z",
                "America/New_York",
                "2026-11-02T06:30:00Z",
            ),
            (
                "0 0 29 2 *",
                "2096-03-01T00:00:00Z",
                "UTC",
                "2104-02-29T00:00:00Z",
            ),
            ("@daily", "2026-11-20T10:00:00Z", "UTC", "2026-11-21T00:00:00Z"),
            ("0 0 31 2 *", "2026-11-20T10:00:00Z", "UTC", "none"),
        ] {
            assert_eq!(next(expr, after, tz), expect, "{expr} after {after} in {tz}");
        }
    }

    #[test]
    fn refuses_nonsense() {
        for expr in [
            "",
            "* * * *",
            "60 * * * *",
            "* 24 * * *",
            "a * * * *",
            "*/0 * * * *",
            "5-1 * * * *",
            "* * 0 * *",
            "* * * * * *",
            "@reboot",
            "99999999999999999999 * * * *",
        ] {
            assert_eq!(CronExpr::parse(expr), None, "{expr}");
        }
    }
}
