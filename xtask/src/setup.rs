//! Installs what is missing, and prints what it installs.

use crate::steps::{Steps, cargo};
use clawtray_lab::{Error, Result};
use std::process::{Command, Stdio};

/// What a task needs of the system.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(crate) enum Level {
    /// To build the app.
    Build,
    /// To run it in a virtual desktop too.
    Desktop,
    /// To run every test too.
    Tests,
}

/// How to see that something is there.
enum Probe {
    Program(&'static str),
    AnyProgram(&'static [&'static str]),
    PkgConfig(&'static str),
    /// What Python must be able to do.
    Python(&'static str),
}

/// What the system has to offer on Linux, by its Debian and Ubuntu package, in the order of need.
const LINUX: [(Level, &str, Probe); 21] = [
    (Level::Build, "build-essential", Probe::Program("c++")),
    (Level::Build, "pkg-config", Probe::Program("pkg-config")),
    (
        Level::Build,
        "libwebkit2gtk-4.1-dev",
        Probe::PkgConfig("webkit2gtk-4.1"),
    ),
    (Level::Desktop, "xvfb", Probe::Program("Xvfb")),
    (Level::Desktop, "dbus", Probe::Program("dbus-daemon")),
    (Level::Desktop, "dbus", Probe::Program("dbus-send")),
    (
        Level::Desktop,
        "gnome-keyring",
        Probe::Program("gnome-keyring-daemon"),
    ),
    (Level::Desktop, "libsecret-tools", Probe::Program("secret-tool")),
    (Level::Desktop, "openbox", Probe::Program("openbox")),
    (Level::Desktop, "xdotool", Probe::Program("xdotool")),
    (Level::Desktop, "imagemagick", Probe::Program("import")),
    (Level::Desktop, "x11-utils", Probe::Program("xprop")),
    (
        Level::Desktop,
        "webkit2gtk-driver",
        Probe::Program("WebKitWebDriver"),
    ),
    (
        Level::Tests,
        "chromium",
        Probe::AnyProgram(&["chromium", "chromium-browser", "google-chrome"]),
    ),
    (Level::Tests, "curl", Probe::Program("curl")),
    (Level::Tests, "openssh-client", Probe::Program("ssh")),
    (Level::Tests, "dpkg-dev", Probe::Program("dpkg-shlibdeps")),
    (Level::Tests, "rpm", Probe::Program("rpmbuild")),
    (
        Level::Tests,
        "desktop-file-utils",
        Probe::Program("desktop-file-validate"),
    ),
    (Level::Tests, "appstream", Probe::Program("appstreamcli")),
    (
        Level::Tests,
        "python3-venv",
        Probe::Python("import ensurepip, venv"),
    ),
];

/// `cargo xtask setup`
pub(crate) fn task(args: &[&str]) -> Result<()> {
    let all = crate::flag(args, "--all", &["--all"])?;
    run(
        &Steps::new("setup"),
        if all { Level::Tests } else { Level::Build },
    )
}

/// Installs what `level` needs.
pub(crate) fn run(steps: &Steps, level: Level) -> Result<()> {
    if cfg!(target_os = "linux") {
        system_packages(steps, level)?;
    }
    node()?;
    if level == Level::Tests {
        rust_components(steps)?;
    }
    Ok(())
}

/// Whether what builds the app is there. Installs nothing.
pub(crate) fn ready_to_build() -> Result<()> {
    let missing = if cfg!(target_os = "linux") {
        needed_still(Level::Build)
    } else {
        Vec::new()
    };
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!(
        "{} must be installed first: cargo xtask setup does it",
        missing.join(" ")
    )))
}

/// Whether Node and npm are new enough.
pub(crate) fn node() -> Result<()> {
    at_least(
        "node",
        (20, 19),
        "Install Node 20.19 or newer, with npm: the packages of old systems are too old.",
    )?;
    at_least(
        "npm",
        (10, 0),
        "Install npm 10 or newer; it comes with Node 20.19 or newer.",
    )
}

fn system_packages(steps: &Steps, level: Level) -> Result<()> {
    let needed = LINUX.iter().filter(|(from, _, _)| *from <= level);
    let mut missing: Vec<&str> = needed
        .filter(|(_, _, probe)| !probe.is_there())
        .map(|entry| entry.1)
        .collect();
    missing.dedup();
    if missing.is_empty() {
        steps.say("system packages", "all there");
        return Ok(());
    }
    let list = missing.join(" ");
    if !Probe::Program("apt-get").is_there() {
        return Err(Error::new(format!(
            "this system has no apt-get; install what Debian calls {list}, then run this again"
        )));
    }
    steps.say("system packages", &format!("installing {list}"));
    steps.run("package lists", &mut apt_get(&["update", "-q"]))?;
    let mut install = apt_get(&["install", "-q", "-y", "--no-install-recommends"]);
    steps.run("packages", install.args(&missing))?;
    match needed_still(level).as_slice() {
        [] => Ok(()),
        still => Err(Error::new(format!(
            "apt-get succeeded, and yet these are missing: {}",
            still.join(" ")
        ))),
    }
}

fn needed_still(level: Level) -> Vec<&'static str> {
    LINUX
        .iter()
        .filter(|(from, _, probe)| *from <= level && !probe.is_there())
        .map(|entry| entry.1)
        .collect()
}

fn apt_get(args: &[&str]) -> Command {
    let is_root = output(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    let mut command = Command::new(if is_root { "env" } else { "sudo" });
    if !is_root {
        command.arg("env");
    }
    command
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
        .args(args);
    command
}

fn rust_components(steps: &Steps) -> Result<()> {
    for (component, tool) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if output(&mut cargo(&[tool, "--version"])).is_none() {
            steps.run(
                component,
                Command::new("rustup").args(["component", "add", component]),
            )?;
        }
    }
    Ok(())
}

fn at_least(program: &str, wanted: (u32, u32), advice: &str) -> Result<()> {
    let file = if cfg!(windows) && program == "npm" {
        "npm.cmd"
    } else {
        program
    };
    let found = output(Command::new(file).arg("--version"));
    match found.as_deref().and_then(version) {
        Some(version) if version >= wanted => Ok(()),
        Some((major, minor)) => Err(Error::new(format!(
            "{program} {major}.{minor} is too old. {advice}"
        ))),
        None => Err(Error::new(format!("{program} is missing. {advice}"))),
    }
}

/// Major and minor number of `v20.19.1` or `11.2.0`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().trim_start_matches('v').split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

impl Probe {
    fn is_there(&self) -> bool {
        let in_path = |name: &&str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).any(|dir| dir.join(name).is_file())
        };
        match self {
            Self::Program(name) => in_path(name),
            Self::AnyProgram(names) => names.iter().any(in_path),
            Self::Python(code) => output(Command::new("python3").args(["-c", code])).is_some(),
            Self::PkgConfig(name) => output(Command::new("pkg-config").args(["--exists", name])).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_and_npm_are_read() {
        assert_eq!(version("v20.19.1\n"), Some((20, 19)));
        assert_eq!(version("11.2.0"), Some((11, 2)));
        assert_eq!(version("none"), None);
        assert!(version("v18.20.4").is_some_and(|found| found < (20, 19)));
    }

    #[test]
    fn programs_are_found_in_the_path() {
        assert!(Probe::AnyProgram(&["clawtray-no-such-program", "cargo"]).is_there());
        assert!(!Probe::Program("clawtray-no-such-program").is_there());
    }
}
