use super::*;
use crate::core::testing::core;

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

/// A job that was due at 1 ms past the epoch.
fn due_job(core: &Core, id: &str) {
    let mut job = json!({"id": id, "name": id, "state": {}, "payload": {"kind": "agentTurn", "message": "hello"},
        "schedule": {"kind": "every", "everyMs": 3_600_000}});
    set_next(&mut job, Some(1));
    core.store.put_job(id, Some(1), &job).expect("put");
}

#[tokio::test]
async fn two_processes_on_one_folder_fire_each_job_once() {
    let dir = tempfile::tempdir().expect("dir");
    let (one, two) = (core(dir.path(), |_| {}), core(dir.path(), |_| {}));
    for n in 0..50 {
        due_job(&one, &format!("job-{n}"));
    }
    // Both look before either acts: what the clock would do once in a while.
    let (seen_by_one, seen_by_two) = (
        one.store.due_jobs(now_ms()).expect("due"),
        two.store.due_jobs(now_ms()).expect("due"),
    );
    assert_eq!((seen_by_one.len(), seen_by_two.len()), (50, 50));
    let claimed = |core: &Core, jobs: &[crate::store::cron::DueJob]| {
        jobs.iter()
            .filter(|due| {
                core.store
                    .claim_job(due, Some(i64::MAX))
                    .expect("claim")
                    .is_some()
            })
            .count()
    };
    assert_eq!(claimed(&one, &seen_by_one[..20]), 20);
    assert_eq!(claimed(&two, &seen_by_two), 30);
    assert_eq!(claimed(&one, &seen_by_one), 0);
    let job = one.store.job("job-7").expect("job").expect("there");
    assert_eq!(job["nextRunAtMs"], i64::MAX, "the job says so too");
    assert_eq!(job["state"]["nextRunAtMs"], i64::MAX);
}

#[tokio::test]
async fn what_is_wrong_with_one_job_does_not_hold_up_the_others() {
    let dir = tempfile::tempdir().expect("dir");
    let core = core(dir.path(), |_| {});
    due_job(&core, "a-broken");
    due_job(&core, "b-good");
    core.store
        .edit_job("a-broken", |job| {
            merge(
                job,
                json!({"schedule": {"kind": "cron", "expr": "no such thing"}}),
            );
            Ok::<_, StoreError>(())
        })
        .expect("edit");
    fire_due(&core).expect("fired");
    let (entries, _) = core.store.cron_runs(Some("a-broken"), 10, 0).expect("runs");
    assert_eq!(entries[0]["status"], "error", "{entries:?}");
    assert_eq!(
        core.store.next_due().expect("due").map(|at| at > now_ms()),
        Some(true)
    );
    let run = core.store.job("b-good").expect("job").expect("there");
    assert!(run["nextRunAtMs"].as_i64().expect("next") > now_ms());
    assert_eq!(core.runs.count(), 1, "the good one runs");
}
