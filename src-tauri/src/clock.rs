use chrono::Timelike;
use clawtray_companion::ports::Clock;

/// The computer's clock and its time zone.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        chrono::Utc::now().timestamp_millis()
    }

    fn local_minutes(&self) -> u32 {
        let now = chrono::Local::now();
        now.hour() * 60 + now.minute()
    }
}
