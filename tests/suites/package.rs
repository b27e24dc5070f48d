//! The packages, and the app from one of them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a test stops where something is wrong"
)]
#![cfg(target_os = "linux")]

use product_tests::stage::{BROWSER, POPUP, SETTINGS, StageConfig};
use product_tests::waiting::PATIENCE;
use product_tests::{Stage, app, leaks};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const ENTRY: &str = "usr/share/applications/dev.clawtray.Clawtray.desktop";

/// The packages of the programs that are being tested, made once.
fn packages() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let programs = app::binary().unwrap().parent().unwrap();
        let out = programs.join("package-tests");
        let _ = std::fs::remove_dir_all(&out);
        if std::env::var_os("CLAWTRAY_BIN").is_none() {
            // What lies there may be older than its sources.
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let named = ["clawtray", "clawtray-webview", "clawctl", "xtask"].map(|name| ["--bin", name]);
            let mut build = Command::new(cargo);
            build
                .args(["build", "--quiet", "--workspace"])
                .args(named.concat());
            said(&mut build);
        }
        let xtask = programs.join("xtask");
        let mut command = Command::new(xtask);
        command
            .args(["package", "deb", "rpm", "tar", "--programs"])
            .arg(programs);
        // Debian's own compressor is thorough, which a test has no use for.
        command
            .env("DPKG_DEB_COMPRESSOR_TYPE", "gzip")
            .env("DPKG_DEB_COMPRESSOR_LEVEL", "1");
        said(command.arg("--out").arg(&out));
        out
    })
}

/// The package whose name ends so.
fn package(end: &str) -> PathBuf {
    let files = std::fs::read_dir(packages())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files = files.filter(|file| file.to_string_lossy().ends_with(end));
    let package = files
        .next()
        .unwrap_or_else(|| panic!("no {end} in {}", packages().display()));
    assert_eq!(files.next(), None, "one {end}");
    package
}

/// The files of the Debian package, unpacked into `folder`.
fn unpack(folder: &Path) {
    said(
        Command::new("dpkg-deb")
            .arg("-x")
            .arg(package(".deb"))
            .arg(folder),
    );
}

/// Runs a program that has to succeed, and answers what it printed.
fn said(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// Every file below a folder, from there on.
fn files(folder: &Path) -> BTreeSet<String> {
    let listed = said(
        Command::new("find")
            .arg(folder)
            .args(["!", "-type", "d", "-printf", "%P\\n"]),
    );
    listed.lines().map(str::to_owned).collect()
}

fn field(package: &Path, name: &str) -> String {
    said(Command::new("dpkg-deb").arg("-f").arg(package).arg(name))
        .trim()
        .to_owned()
}

#[test]
fn the_three_hold_the_same_and_name_what_they_need() {
    let deb = package(".deb");
    let folder = deb.with_file_name("whole");
    unpack(&folder);
    let in_deb = files(&folder);
    for needed in [
        "usr/bin/clawctl",
        "usr/bin/clawtray",
        "usr/libexec/clawtray/clawtray-webview",
        ENTRY,
        "usr/share/bash-completion/completions/clawctl",
        "usr/share/doc/clawtray/copyright",
        "usr/share/icons/hicolor/scalable/apps/dev.clawtray.Clawtray.svg",
        "usr/share/man/man1/clawctl-ask.1.gz",
        "usr/share/man/man1/clawtray.1.gz",
        "usr/share/metainfo/dev.clawtray.Clawtray.metainfo.xml",
    ] {
        assert!(in_deb.contains(needed), "{needed}: {in_deb:#?}");
    }
    // Debian has a place of its own for this.
    let expected: BTreeSet<String> = in_deb
        .iter()
        .map(|file| file.replace("zsh/vendor-completions", "zsh/site-functions"))
        .collect();
    let rpm = package(".rpm");
    let in_rpm = said(
        Command::new("rpm")
            .args(["-qp", "--qf", "[%{FILEMODES:perms} %{FILENAMES}\n]"])
            .arg(&rpm),
    );
    let in_rpm = in_rpm.lines().filter(|line| !line.starts_with('d'));
    let in_rpm: BTreeSet<String> = in_rpm
        .map(|line| line.split_once(" /").unwrap().1.to_owned())
        .collect();
    assert_eq!(in_rpm, expected);
    let tar = package(".tar.gz");
    let in_tar = said(Command::new("tar").arg("-tf").arg(&tar));
    let in_tar = in_tar.lines().filter(|line| !line.ends_with('/'));
    let in_tar: BTreeSet<String> = in_tar
        .map(|line| format!("usr/{}", line.split_once('/').unwrap().1))
        .collect();
    assert_eq!(in_tar, expected);

    assert_eq!(field(&deb, "Version"), env!("CARGO_PKG_VERSION"));
    let depends = field(&deb, "Depends");
    for library in ["libc6 (>= ", "libgtk-3-0", "libwebkit2gtk-4.1-0"] {
        assert!(depends.contains(library), "{library}: {depends}");
    }
    let requires = said(Command::new("rpm").args(["-qp", "--requires"]).arg(&rpm));
    assert!(requires.contains("libwebkit2gtk-4.1.so.0"), "{requires}");
    let listed = said(Command::new("dpkg-deb").arg("-c").arg(&deb));
    assert!(
        listed.lines().all(|line| line.contains(" root/root ")),
        "{listed}"
    );
}

#[test]
fn desktops_stores_shells_and_lawyers_can_read_it() {
    let folder = packages().join("read");
    unpack(&folder);
    let share = folder.join("usr/share");
    said(Command::new("desktop-file-validate").arg(folder.join(ENTRY)));
    let description = share.join("metainfo/dev.clawtray.Clawtray.metainfo.xml");
    said(
        Command::new("appstreamcli")
            .args(["validate", "--no-net"])
            .arg(description),
    );
    said(
        Command::new("bash")
            .arg("-n")
            .arg(share.join("bash-completion/completions/clawctl")),
    );
    let mut packed = 0;
    for file in files(&share) {
        if Path::new(&file).extension() == Some(OsStr::new("gz")) {
            said(Command::new("gzip").arg("-t").arg(share.join(&file)));
            packed += 1;
        }
    }
    assert!(packed > 10, "{packed}");
    let notices = said(Command::new("zcat").arg(share.join("doc/clawtray/third-party.txt.gz")));
    for part in [
        "\ntokio 1.",
        "\ntauri 2.",
        "\nrustls 0.",
        "\npreact 10.",
        "\nmarkdown-it ",
    ] {
        assert!(notices.contains(part), "{part:?}");
    }
    for absent in ["\nproptest ", "\nvitest ", "\ntauri-build ", "clawtray-companion"] {
        assert!(!notices.contains(absent), "{absent:?}");
    }
    assert!(notices.contains("Permission is hereby granted, free of charge"));
}

#[tokio::test]
async fn the_app_runs_from_where_it_was_installed() {
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let folder = stage.desktop.dir().join("installed");
    unpack(&folder);
    let path = format!(
        "{}:{}",
        folder.join("usr/bin").display(),
        std::env::var("PATH").unwrap()
    );
    let data = format!(
        "{}:/usr/local/share:/usr/share",
        folder.join("usr/share").display()
    );
    let run = |line: &str| {
        let mut command = stage.desktop.command("sh");
        command
            .args(["-c", &format!("exec {line}")])
            .env("PATH", &path)
            .env("XDG_DATA_DIRS", &data);
        command
    };

    let mut app = stage
        .desktop
        .spawn(app::LOG, &mut run("clawtray --embedded --hidden"))
        .unwrap();
    stage.wait_for_connection().await.unwrap();
    // What the desktop's menu offers, as the desktop starts it.
    let entry = std::fs::read_to_string(folder.join(ENTRY)).unwrap();
    let offered: Vec<&str> = entry
        .lines()
        .filter_map(|line| line.strip_prefix("Exec="))
        .collect();
    assert_eq!(offered.len(), 4, "{offered:?}");
    for (line, window) in offered.iter().zip([POPUP, POPUP, BROWSER, SETTINGS]) {
        said(&mut run(&line.replace("%u", "")));
        stage.desktop.wait_for_window(window, PATIENCE).unwrap();
    }
    let windows = folder.join("usr/libexec/clawtray/clawtray-webview");
    let programs = leaks::below(app.id()).unwrap().into_iter();
    let mut programs = programs.filter_map(|id| std::fs::read_link(format!("/proc/{id}/exe")).ok());
    assert!(programs.any(|program| program == windows), "the packaged windows");
    let own = stage.desktop.home().join(".local/share/applications");
    assert!(!own.exists(), "the package has brought an entry");

    let status = said(&mut run("clawctl status"));
    assert!(status.starts_with("● Built-in"), "{status}");
    said(&mut run("clawctl quit"));
    let ended = app.wait_for_exit(PATIENCE).unwrap();
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}");

    // Started by a link alone, it opens what the link leads to and nothing else.
    let mut app = stage
        .desktop
        .spawn(app::LOG, &mut run("clawtray --embedded clawtray://settings"))
        .unwrap();
    stage.desktop.wait_for_window(SETTINGS, PATIENCE).unwrap();
    stage.wait_for_connection().await.unwrap();
    assert!(stage.desktop.visible_windows(POPUP).unwrap().is_empty());
    said(&mut run("clawctl quit"));
    assert!(app.wait_for_exit(PATIENCE).unwrap().is_some());
}
