//! Five-field cron expressions, in a time zone.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// A parsed expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CronExpr {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Day of month and day of week are both restricted: either may match.
    either_day: bool,
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// How far ahead a match is looked for: February 29th comes at least once in eight years.
const DAYS_AHEAD: u32 = 366 * 9;

impl CronExpr {
    /// Reads `minute hour day month weekday`, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = match text.trim() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other => other,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return None;
        };
        let mut weekdays = field(weekday, 0, 7, &WEEKDAYS)?;
        if weekdays & (1 << 7) != 0 {
            weekdays = (weekdays | 1) & 0x7f;
        }
        Some(Self {
            minutes: field(minute, 0, 59, &[])?,
            hours: field(hour, 0, 23, &[])?,
            days: field(day, 1, 31, &[])?,
            months: field(month, 1, 12, &MONTHS)?,
            weekdays,
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
        })
    }

    /// The first match after `after_ms`, in milliseconds since the epoch.
    pub(crate) fn next(&self, after_ms: i64, tz: &TimeZone) -> Option<i64> {
        let after = Timestamp::from_millisecond(after_ms).ok()?;
        let mut date = after.to_zoned(tz.clone()).date();
        for _ in 0..DAYS_AHEAD {
            if self.matches_day(date)
                && let Some(ms) = self.first_on(date, after, tz)
            {
                return Some(ms);
            }
            date = date.checked_add(Span::new().days(1)).ok()?;
        }
        None
    }

    fn matches_day(&self, date: Date) -> bool {
        let has = |set: u64, n: i8| set & (1 << n) != 0;
        let by_month_day = has(self.days, date.day());
        let by_weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        has(self.months, date.month())
            && if self.either_day {
                by_month_day || by_weekday
            } else {
                by_month_day && by_weekday
            }
    }

    fn first_on(&self, date: Date, after: Timestamp, tz: &TimeZone) -> Option<i64> {
        for hour in (0..24i8).filter(|h| self.hours & (1 << h) != 0) {
            for minute in (0..60i8).filter(|m| self.minutes & (1 << m) != 0) {
                let time = Time::new(hour, minute, 0, 0).ok()?;
                // A time that the clocks skip counts as the moment after the gap.
                let at = tz
                    .to_ambiguous_zoned(date.to_datetime(time))
                    .compatible()
                    .ok()?
                    .timestamp();
                if at > after {
                    return Some(at.as_millisecond());
                }
            }
        }
        None
    }
}

/// One field as a set of bits.
fn field(text: &str, min: u8, max: u8, names: &[&str]) -> Option<u64> {
    let mut set = 0u64;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u8>().ok().filter(|s| *s > 0)?)),
            None => (part, None),
        };
        let (from, to) = match range {
            "*" => (min, max),
            _ => match range.split_once('-') {
                Some((a, b)) => (value(a, min, names)?, value(b, min, names)?),
                None => {
                    let n = value(range, min, names)?;
                    (n, if step.is_some() { max } else { n })
                }
            },
        };
        if from < min || to > max || from > to {
            return None;
        }
        for n in (from..=to).step_by(usize::from(step.unwrap_or(1))) {
            set |= 1 << n;
        }
    }
    Some(set)
}

fn value(text: &str, min: u8, names: &[&str]) -> Option<u8> {
    if let Ok(n) = text.parse() {
        return Some(n);
    }
    let lower = text.to_lowercase();
    let at = names.iter().position(|n| *n == lower)?;
    u8::try_from(at).ok().map(|n| n + min)
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
                "2026-03-08T07:30:00Z",
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
        ] {
            assert_eq!(CronExpr::parse(expr), None, "{expr}");
        }
    }
}
