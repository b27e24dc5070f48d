//! Measures one run of a program.
//!
//! Each run has a small process around it (`xtask measure PROGRAM …`), because the system reports
//! CPU time and peak memory only for all finished children together.

use clawtray_lab::{Context, Error, Result};
use serde_json::Value;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// One run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    /// From its start to its end, in milliseconds.
    pub(super) wall_ms: f64,
    /// User and system time, in milliseconds, with that of its children.
    pub(super) cpu_ms: f64,
    /// The largest resident set, in MiB.
    pub(super) peak_mib: f64,
}

/// Runs a program once, its output thrown away.
pub(super) fn cost(command: &Command) -> Result<Cost> {
    let me = std::env::current_exe().context("this program has no path")?;
    let mut wrapped = Command::new(me);
    wrapped
        .arg("measure")
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            wrapped.env(name, value);
        }
    }
    if let Some(dir) = command.get_current_dir() {
        wrapped.current_dir(dir);
    }
    let output = wrapped.output().context("cannot measure")?;
    if !output.status.success() {
        return Err(Error::new(format!(
            "{:?} {:?} failed: {}",
            command.get_program(),
            command.get_args().collect::<Vec<_>>(),
            String::from_utf8_lossy(&output.stderr)
        )));
    }
    let said: Value = serde_json::from_slice(&output.stdout).context("the wrapper said something else")?;
    let number = |name: &str| said.get(name).and_then(Value::as_f64).unwrap_or_default();
    Ok(Cost {
        wall_ms: number("wallMs"),
        cpu_ms: number("cpuMs"),
        peak_mib: number("peakMib"),
    })
}

/// The process around a run.
pub(crate) fn as_wrapper(args: &[&str]) -> ExitCode {
    let Some((program, rest)) = args.split_first() else {
        return ExitCode::FAILURE;
    };
    let start = Instant::now();
    let status = Command::new(program).args(rest).stdout(Stdio::null()).status();
    let wall_ms = start.elapsed().as_secs_f64() * 1000.0;
    match (status, spent()) {
        (Ok(status), Some((cpu_ms, peak_mib))) if status.success() => {
            println!(r#"{{"wallMs":{wall_ms},"cpuMs":{cpu_ms},"peakMib":{peak_mib}}}"#);
            ExitCode::SUCCESS
        }
        (status, _) => {
            eprintln!("it ended with {status:?}");
            ExitCode::FAILURE
        }
    }
}

/// What all finished children took: CPU milliseconds, and MiB of the largest.
#[cfg(unix)]
fn spent() -> Option<(f64, f64)> {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    // Kilobytes on Linux, bytes on macOS.
    let unit = if cfg!(target_os = "macos") {
        1024.0 * 1024.0
    } else {
        1024.0
    };
    Some((micros as f64 / 1000.0, usage.max_rss() as f64 / unit))
}

#[cfg(not(unix))]
fn spent() -> Option<(f64, f64)> {
    None
}
