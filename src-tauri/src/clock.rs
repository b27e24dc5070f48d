use clawtray_companion::ports::Clock;
use jiff::{Timestamp, Zoned};

/// The computer's clock and its time zone.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        Timestamp::now().as_millisecond()
    }

    fn local_minutes(&self) -> u32 {
        let now = Zoned::now();
        u32::from(now.hour().unsigned_abs()) * 60 + u32::from(now.minute().unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_counted_in_minutes_and_the_date_in_milliseconds() {
        assert!(SystemClock.local_minutes() < 24 * 60);
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let now = i64::try_from(since.as_millis()).unwrap();
        // Ten minutes: what else would be wrong by a unit is wrong by far more.
        assert!(SystemClock.now_ms().abs_diff(now) < 600_000);
    }
}
