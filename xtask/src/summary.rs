//! The closing lines of a task that runs tests.

use crate::counts::Counts;
use crate::steps::{Done, Steps};

/// Prints each step with its time, and last what all test runners counted together.
pub(crate) fn print(steps: &Steps) {
    let done = steps.done();
    println!("\n{}", table(&done));
    println!("    all of it: {:.0} s\n", steps.took().as_secs_f64());
    println!("{}", closing_line(&done));
}

/// The steps, those that took longest first.
fn table(done: &[Done]) -> String {
    let mut rows = done.to_owned();
    rows.sort_by_key(|row| std::cmp::Reverse(row.took));
    let mut lines = vec![format!(
        "{:<36} {:>9} {:>8} {:>8} {:>8}",
        "", "seconds", "passed", "failed", "ignored"
    )];
    for Done { name, took, tests } in rows {
        let mut line = format!("{name:<36} {:>9.1}", took.as_secs_f64());
        if let Some(Counts {
            passed,
            failed,
            ignored,
        }) = tests
        {
            line.push_str(&format!(" {passed:>8} {failed:>8} {ignored:>8}"));
        }
        lines.push(line);
    }
    lines.join("\n")
}

fn closing_line(done: &[Done]) -> String {
    let mut all = Counts::default();
    for counts in done.iter().filter_map(|row| row.tests) {
        all += counts;
    }
    format!("{} passed, {} failed", all.passed, all.failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_slowest_step_is_on_top_and_the_last_line_sums_up_all_runners() {
        let step = |name: &str, seconds, tests| Done {
            name: name.to_owned(),
            took: Duration::from_secs(seconds),
            tests,
        };
        let (passed, failed, ignored) = (7, 2, 1);
        let done = [
            step("format", 2, None),
            step(
                "unit tests",
                90,
                Some(Counts {
                    passed,
                    failed,
                    ignored,
                }),
            ),
            step(
                "tests/desktop",
                30,
                Some(Counts {
                    passed: 20,
                    ..Counts::default()
                }),
            ),
        ];
        let table = table(&done);
        let order: Vec<&str> = table
            .lines()
            .skip(1)
            .filter_map(|line| line.split("  ").next())
            .collect();
        assert_eq!(order, ["unit tests", "tests/desktop", "format"]);
        assert_eq!(closing_line(&done), "27 passed, 2 failed");
    }
}
