//! `cargo xtask compat`: the live suites against older gateways.

use crate::steps::{Steps, cargo};
use clawtray_lab::real_gateway::{OPENCLAW_VERSION, VERSION_VARIABLE};
use clawtray_lab::{Context, Error, Result, process};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

/// The newest gateway that speaks protocol 3 alone.
const PROTOCOL_3: &str = "2026.4.29";
/// How many months of releases are tried.
const MONTHS: usize = 5;
const SUITES: [&str; 2] = ["live_gateway", "live_client"];

/// A release: year, month, number, and the number behind a hyphen.
type Release = (u32, u32, u32, u32);

pub(crate) fn run(args: &[&str]) -> Result<()> {
    let steps = Steps::new("compat");
    let versions = if args.is_empty() {
        let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
        command.args(["view", "openclaw", "time", "--json"]);
        let listed = process::run("npm view openclaw", &mut command, Duration::from_secs(120))?;
        let times: Value = serde_json::from_slice(&listed.stdout).context("npm's answer is not JSON")?;
        let known = times.as_object().context("npm's answer is not an object")?;
        chosen(known.keys().map(String::as_str))
    } else {
        args.iter().map(|arg| (*arg).to_owned()).collect()
    };
    steps.say("versions", &versions.join(" "));
    let mut build = cargo(&["test", "-p", "product-tests", "--no-run"]);
    for suite in SUITES {
        build.args(["--test", suite]);
    }
    steps.run("build", &mut build)?;

    let mut rows = Vec::new();
    for version in &versions {
        // Pairing, steering and restarts are promised from protocol 4 on.
        let suites = if version == PROTOCOL_3 {
            &SUITES[..1]
        } else {
            &SUITES[..]
        };
        for &suite in suites {
            let mut tests = cargo(&["test", "-p", "product-tests", "--test", suite]);
            tests.env(VERSION_VARIABLE, version);
            let start = Instant::now();
            let result = steps.run(&format!("{suite} with {version}"), &mut tests);
            rows.push((version.as_str(), suite, result.is_ok(), start.elapsed().as_secs()));
        }
    }
    println!("\n| gateway | suite | result | seconds |\n|---|---|---|---|");
    for (version, suite, passed, seconds) in &rows {
        let mark = if *version == OPENCLAW_VERSION {
            " (pinned)"
        } else {
            ""
        };
        let result = if *passed { "passed" } else { "FAILED" };
        println!("| {version}{mark} | {suite} | {result} | {seconds} |");
    }
    let failed = rows.iter().filter(|row| !row.2).count();
    if failed == 0 {
        Ok(())
    } else {
        Err(Error::new(format!("{failed} of {} suites failed", rows.len())))
    }
}

/// The newest release of each of the last months that have one, newest first, and the one for protocol 3. The month is
/// the version's own: a registry may have been filled long after.
fn chosen<'a>(versions: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut months: BTreeMap<(u32, u32), (Release, &str)> = BTreeMap::new();
    for version in versions {
        let Some(release) = release(version) else { continue };
        let newest = months.entry((release.0, release.1)).or_insert((release, version));
        *newest = (*newest).max((release, version));
    }
    let newest = months.values().rev().take(MONTHS);
    let mut chosen: Vec<String> = newest.map(|(_, version)| (*version).to_owned()).collect();
    if !chosen.iter().any(|version| version == PROTOCOL_3) {
        chosen.push(PROTOCOL_3.to_owned());
    }
    chosen
}

/// `2026.9.6` or `2026.7.1-2`; nothing that is called `beta`.
fn release(version: &str) -> Option<Release> {
    let (main, again) = version.split_once('-').unwrap_or((version, "0"));
    let mut numbers = main.split('.').map(|part| part.parse().ok());
    let release = (
        numbers.next()??,
        numbers.next()??,
        numbers.next()??,
        again.parse().ok()?,
    );
    numbers.next().is_none().then_some(release)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_release_of_each_month_is_chosen() {
        let known = [
            "created",
            "modified",
            "2026.9.6",
            "2026.9.10",
            "2026.9.11-beta.1",
            "2026.8.2",
            "2026.7.1",
            "2026.7.1-2",
            "2026.6.9",
            "2026.6.35",
            "2026.5.28",
            "2026.4.29",
            "2026.3.7",
            "1.2",
        ];
        assert_eq!(
            chosen(known.into_iter()),
            [
                "2026.9.10",
                "2026.8.2",
                "2026.7.1-2",
                "2026.6.35",
                "2026.5.28",
                "2026.4.29"
            ]
        );
        assert_eq!(chosen(["2026.4.29"].into_iter()), ["2026.4.29"]);
    }
}
