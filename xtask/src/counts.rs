//! What test runners say in their closing lines.

/// How many tests a runner counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Counts {
    /// Takes in a line of a runner's output. Each closing line of cargo's, Vitest's and Playwright's runners counts.
    pub(crate) fn hear(&mut self, line: &str) {
        let line = without_colours(line);
        let line = line.trim();
        let counted = if let Some(closing) = line.strip_prefix("test result: ") {
            // ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s
            closing
                .split_once(". ")
                .map_or(closing, |(_, counts)| counts)
                .split(';')
        } else if let Some(closing) = line.strip_prefix("Tests ") {
            // 1 failed | 119 passed (120)
            return self.add(closing.split('|'));
        } else {
            // Playwright gives each count a line of its own: 20 passed (1.2m)
            let mut words = line.split(' ');
            let (_, word) = (words.next(), words.next());
            let time = words.next();
            let is_closing = matches!(word, Some("passed")) && time.is_some_and(|time| time.starts_with('('))
                || matches!(word, Some("failed" | "skipped" | "interrupted")) && time.is_none();
            if is_closing {
                self.add(std::iter::once(line));
            }
            return;
        };
        self.add(counted);
    }

    /// A runner failed. Where it named no test that failed, it counts as one itself.
    pub(crate) fn fail(&mut self) {
        self.failed = self.failed.max(1);
    }

    fn add<'a>(&mut self, counts: impl Iterator<Item = &'a str>) {
        for count in counts {
            let mut words = count.split_ascii_whitespace();
            let (Some(number), Some(what)) = (
                words.next().and_then(|word| word.parse::<u64>().ok()),
                words.next(),
            ) else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" | "interrupted" => self.failed += number,
                "ignored" | "skipped" | "todo" => self.ignored += number,
                _ => {}
            }
        }
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// The text without the escape sequences that colour it.
fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let after = part.split_once(|letter: char| letter.is_ascii_alphabetic());
        text.push_str(after.map_or("", |(_, text)| text));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(output: &str) -> (u64, u64, u64) {
        let mut counts = Counts::default();
        output.lines().for_each(|line| counts.hear(line));
        (counts.passed, counts.failed, counts.ignored)
    }

    #[test]
    fn closing_lines_of_every_runner_are_counted() {
        let cargo = "running 3 tests\ntest a ... ok\n\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 7 filtered \
                     out; finished in 0.01s\ntest result: FAILED. 4 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(counted(cargo), (6, 3, 1));
        let vitest = " Test Files  12 passed (12)\n      Tests  1 failed | 119 passed | 2 skipped (122)\n";
        assert_eq!(counted(vitest), (119, 1, 2));
        let coloured = "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[32m263 passed\u{1b}[39m\u{1b}[22m\u{1b}[90m (263)\u{1b}[39m";
        assert_eq!(counted(coloured), (263, 0, 0));
        let playwright = "Running 23 tests using 2 workers\n  1 failed\n    [chromium] › a.spec.ts:1:1 › 3 passed\n  2 \
                          skipped\n  20 passed (1.2m)\n";
        assert_eq!(counted(playwright), (20, 1, 2));
    }

    #[test]
    fn what_a_test_prints_is_no_closing_line() {
        assert_eq!(
            counted("12 failed attempts\n3 passed\nTests run: many\n5 skipped lines"),
            (0, 0, 0)
        );
    }

    #[test]
    fn a_runner_that_dies_counts_as_a_failure() {
        let mut counts = Counts::default();
        counts.fail();
        assert_eq!(counts.failed, 1);
        counts.hear("test result: FAILED. 4 passed; 3 failed; 0 ignored");
        counts.fail();
        assert_eq!(counts.failed, 4);
    }
}
