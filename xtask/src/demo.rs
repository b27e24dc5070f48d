//! `cargo xtask demo`: runs the product from a clean clone.

use crate::build::{self, DEMO};
use crate::setup::{self, Level};
use crate::steps::Steps;
use crate::ui;
use clawtray_lab::Result;
use std::process::Command;

pub(crate) fn run(args: &[&str]) -> Result<()> {
    let known = ["--headless", "--release"];
    let has_display = !cfg!(target_os = "linux")
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()));
    let headless = crate::flag(args, "--headless", &known)? || !has_display;

    let steps = Steps::new("demo");
    setup::run(&steps, if headless { Level::Desktop } else { Level::Build })?;
    ui::ready(&steps)?;
    let mut line = DEMO.to_vec();
    // From nothing, a debug build takes two thirds of the time of a release build.
    if args.contains(&"--release") {
        line.push("--release");
    }
    let programs = build::programs(&steps, "app", &line)?;
    let app = programs.path("clawtray")?;
    if headless {
        let mut demo = Command::new(programs.path("demo")?);
        steps.run_last("demo in a virtual desktop", demo.env("CLAWTRAY_BIN", app))
    } else {
        println!(
            "\nClawtray starts on its built-in gateway. Look for it in the tray, or press Ctrl+Shift+Space."
        );
        steps.run_last("demo", Command::new(app).arg("--embedded"))
    }
}
