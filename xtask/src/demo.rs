//! `cargo xtask demo`: runs the product from a clean clone.

use crate::build;
use crate::setup::{self, Level};
use crate::steps::{Steps, cargo};
use clawtray_lab::Result;
use std::process::Command;

pub(crate) fn run(args: &[&str]) -> Result<()> {
    let known = ["--headless", "--release"];
    let has_display = !cfg!(target_os = "linux")
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()));
    let headless = crate::flag(args, "--headless", &known)? || !has_display;
    // From nothing, a debug build takes two thirds of the time of a release build.
    let profile = if args.contains(&"--release") {
        "release"
    } else {
        "debug"
    };

    let steps = Steps::new("demo");
    setup::run(&steps, if headless { Level::Desktop } else { Level::Build })?;
    build::ui(&steps)?;
    let mut compile = cargo(&["build", "-p", "clawtray"]);
    if headless {
        compile.args(["-p", "product-tests", "--bin", "demo"]);
    }
    if profile == "release" {
        compile.arg("--release");
    }
    steps.run("app", &mut compile)?;

    let app = build::app(profile);
    if headless {
        let demo = app.with_file_name(format!("demo{}", std::env::consts::EXE_SUFFIX));
        steps.run_last(
            "demo in a virtual desktop",
            Command::new(demo).env("CLAWTRAY_BIN", app),
        )
    } else {
        println!(
            "\nClawtray starts on its built-in gateway. Look for it in the tray, or press Ctrl+Shift+Space."
        );
        steps.run_last("demo", Command::new(app).arg("--embedded"))
    }
}
