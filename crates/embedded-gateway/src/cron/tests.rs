use super::*;

fn next(schedule: Value, after: i64) -> Option<i64> {
    next_run(&schedule, after).expect("a schedule")
}

#[test]
fn the_next_time_is_always_ahead_whatever_numbers_a_caller_names() {
    let now = 1_795_000_000_000;
    for every in [1_000, i64::MAX as u64, u64::MAX] {
        for anchor in [i64::MIN, -1, 0, now, i64::MAX] {
            let schedule = json!({"kind": "every", "everyMs": every, "anchorMs": anchor});
            if let Some(at) = next(schedule, now) {
                assert!(at > now, "every {every} from {anchor}: {at}");
            }
        }
    }
    let hourly = json!({"kind": "every", "everyMs": 3_600_000, "anchorMs": now - 3_600_000 * 5 - 1});
    assert_eq!(next(hourly, now), Some(now + 3_600_000 - 1));
}
