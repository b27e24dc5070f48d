//! Every task of a developer. `cargo xtask` alone lists them.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    reason = "a command line program talks on its standard output"
)]

mod bench;
mod build;
mod check;
mod compat;
mod counts;
mod demo;
mod disk;
mod gateway;
mod metadata;
#[cfg(target_os = "linux")]
mod package;
#[cfg(not(target_os = "linux"))]
mod package {
    pub(crate) fn run(_: &[&str]) -> clawtray_lab::Result<()> {
        Err(clawtray_lab::Error::new(
            "packages are made on Linux only, so far",
        ))
    }
}
mod setup;
mod steps;
mod suites;
mod summary;
mod test;
mod tools;
mod ui;

#[cfg(test)]
mod house_tests;

use clawtray_lab::{Error, Result};
use std::process::ExitCode;
use steps::{Steps, cargo};

const USAGE: &str = "\
cargo xtask TASK

  demo [--headless] [--release]   install what is missing, build, and run Clawtray on its built-in gateway;
                                  without a display, in a virtual desktop that it films with screenshots
  check                           format, lints, types, licences, and unit tests of Rust and of the UI; needs no sudo, no
                                  display and no gateway; run it before each commit
  test                            install what is missing and pass every test, after all that check does
  ui                              install the UI's packages and build the UI, when they changed
  advisories                      ask the advisory database about every dependency; the workflow does it each day
  setup [--all]                   install what building needs; with --all, what the tests need too
  package [deb] [rpm] [tar]       build what people install, into target/package; without a word, all that this system can make
          [--programs FOLDER]     pack programs that are built already
          [--out FOLDER]          put packages there
  real-gateway [--port N] [--model URL]
                                  run the real gateway from npm in the foreground, with the scripted model behind it
  compat [VERSION…]               run the live suites against older gateways: the newest release of each of the last
                                  five months, and of protocol 3
  record-frames [FOLDER]          make the client's recordings anew from the real gateway
  bench [NAME] [ARGS]             run a benchmark; without a name, list them";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let (task, result) = match words.split_first() {
        Some((&"demo", rest)) => ("demo", demo::run(rest)),
        Some((&"advisories", rest)) => ("advisories", check::advisories(rest)),
        Some((&"check", rest)) => ("check", check::task(rest)),
        Some((&"test", [])) => ("test", test::run()),
        Some((&"ui", rest)) => ("ui", ui::task(rest)),
        Some((&"setup", rest)) => ("setup", setup::task(rest)),
        Some((&"package", rest)) => ("package", package::run(rest)),
        Some((&"real-gateway", rest)) => ("real-gateway", gateway::run(rest)),
        Some((&"compat", rest)) => ("compat", compat::run(rest)),
        Some((&"record-frames", rest)) => ("record-frames", record_frames(rest)),
        Some((&"bench", rest)) => ("bench", bench::run(rest)),
        // Around each program that a benchmark runs; nothing to call by hand.
        Some((&"measure", rest)) => return bench::measure(rest),
        Some((&("help" | "--help" | "-h"), _)) | None => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some((other, _)) => ("", Err(unknown(other))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\ncargo xtask {task} stopped: {error}");
            if let Some(help) = disk::full() {
                eprintln!("{help}");
            }
            ExitCode::FAILURE
        }
    }
}

fn record_frames(args: &[&str]) -> Result<()> {
    let mut command = cargo(&["run", "-p", "product-tests", "--bin", "record-frames", "--"]);
    Steps::new("record-frames").run_last("record-frames", command.args(args))
}

fn unknown(what: &str) -> Error {
    Error::new(format!("do not know what to do with {what:?}\n\n{USAGE}"))
}

/// Whether `flag` is among the arguments; anything that is not in `known` is an error.
fn flag(args: &[&str], flag: &str, known: &[&str]) -> Result<bool> {
    match args.iter().find(|arg| !known.contains(arg)) {
        Some(other) => Err(unknown(other)),
        None => Ok(args.contains(&flag)),
    }
}
