//! The package formats. The system's own tools make them; they know which libraries a program
//! needs.

use super::tree::Tree;
use super::{DESCRIPTION, NAME, SUMMARY, VERSION, source_date, tool};
use clawtray_lab::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Format {
    /// For Debian, Ubuntu and what comes of them.
    Deb,
    /// For Fedora, openSUSE and what comes of them.
    Rpm,
    /// For everybody else: unpacked into `~/.local` or `/usr/local`.
    Tar,
}

impl Format {
    pub(super) const ALL: [Self; 3] = [Self::Deb, Self::Rpm, Self::Tar];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Tar => "tar",
        }
    }

    /// Why it cannot be made here.
    pub(super) fn missing(self) -> Option<String> {
        let (tool, package) = match self {
            Self::Deb => ("dpkg-shlibdeps", "dpkg-dev"),
            Self::Rpm => ("rpmbuild", "rpm (Debian) or rpm-build (Fedora)"),
            Self::Tar => return None,
        };
        let there = super::tool(Command::new(tool).arg("--version")).is_ok();
        (!there).then(|| format!("it takes {tool}; install {package}"))
    }

    /// Where zsh looks for completions, below `usr/share`.
    pub(super) fn zsh(self) -> &'static str {
        match self {
            Self::Deb => "zsh/vendor-completions/_clawctl",
            Self::Rpm | Self::Tar => "zsh/site-functions/_clawctl",
        }
    }

    /// Makes the package, and answers where it is.
    pub(super) fn pack(self, tree: &Tree, work: &Path, out: &Path) -> Result<PathBuf> {
        match self {
            Self::Deb => deb(tree, work, out),
            Self::Rpm => rpm(tree, work, out),
            Self::Tar => tar(tree, out),
        }
    }
}

fn deb(tree: &Tree, work: &Path, out: &Path) -> Result<PathBuf> {
    let architecture = tool(Command::new("dpkg").arg("--print-architecture"))?;
    let architecture = architecture.trim();
    let mut bytes = 0;
    for file in tree.files()? {
        bytes += fs::metadata(tree.root.join(&file))
            .context(format!("{}", file.display()))?
            .len();
    }
    let control = format!(
        "Package: {NAME}\nVersion: {VERSION}\nArchitecture: {architecture}\nMaintainer: {}\nInstalled-Size: {}\n\
         Depends: {}\nRecommends: {}\nSuggests: openssh-client\nSection: net\nPriority: optional\n\
         Description: {SUMMARY}\n {}\n",
        maintainer(),
        bytes.div_ceil(1024),
        libraries(tree, &work.join("shlibdeps"))?,
        // A keychain, and somebody who shows notifications: without them it says what is missing and goes on.
        "gnome-keyring | keepassxc | kwalletmanager, notification-daemon, xdg-utils",
        DESCRIPTION.replace('\n', "\n "),
    );
    let debian = tree.root.join("DEBIAN");
    fs::create_dir_all(&debian).context(format!("cannot make {}", debian.display()))?;
    fs::write(debian.join("control"), control).context("cannot write the control file")?;
    let package = out.join(format!("{NAME}_{VERSION}_{architecture}.deb"));
    let mut command = Command::new("dpkg-deb");
    command
        .args(["--root-owner-group", "--build"])
        .arg(&tree.root)
        .arg(&package);
    tool(command.env("SOURCE_DATE_EPOCH", source_date()?.to_string()))?;
    Ok(package)
}

/// Who answers for the package: whoever makes it, after Debian's convention.
fn maintainer() -> String {
    let named = |name| {
        std::env::var(name)
            .ok()
            .filter(|value: &String| !value.is_empty())
    };
    match (named("DEBFULLNAME"), named("DEBEMAIL")) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        _ => env!("CARGO_PKG_AUTHORS").to_owned(),
    }
}

/// The packages with the libraries that the programs are linked with.
fn libraries(tree: &Tree, work: &Path) -> Result<String> {
    let debian = work.join("debian");
    fs::create_dir_all(&debian).context(format!("cannot make {}", debian.display()))?;
    let control = format!("Source: {NAME}\n\nPackage: {NAME}\nArchitecture: any\n");
    fs::write(debian.join("control"), control).context("cannot write a control file")?;
    let mut command = Command::new("dpkg-shlibdeps");
    command.arg("-O").current_dir(work);
    for program in Tree::PROGRAMS {
        command.arg("-e").arg(tree.root.join(program));
    }
    let said = tool(&mut command)?;
    let found = said.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
    found
        .map(str::to_owned)
        .context("dpkg-shlibdeps names no libraries")
}

fn rpm(tree: &Tree, work: &Path, out: &Path) -> Result<PathBuf> {
    let top = work.join("rpmbuild");
    fs::create_dir_all(&top).context(format!("cannot make {}", top.display()))?;
    // These two are the package's own, with all that is in them.
    let [programs, documents] = ["usr/libexec/clawtray", "usr/share/doc/clawtray"];
    let mut files = format!("/{programs}\n%doc /{documents}\n");
    for file in tree.files()? {
        if !file.starts_with(programs) && !file.starts_with(documents) {
            files.push_str(&format!("/{}\n", file.display()));
        }
    }
    // What was built is packed as it is.
    let spec = format!(
        "%global debug_package %{{nil}}\n%global __os_install_post %{{nil}}\n%global _build_id_links none\n\
         Name: {NAME}\nVersion: {VERSION}\nRelease: 1\nSummary: {SUMMARY}\nLicense: MIT OR Apache-2.0\n\
         Recommends: (gnome-keyring or keepassxc or kwalletmanager)\nRecommends: xdg-utils\nSuggests: openssh-clients\n\
         %description\n{DESCRIPTION}\n\
         %install\nmkdir -p %{{buildroot}}\ncp -a '{}'/. %{{buildroot}}/\n\
         %files\n{files}",
        tree.root.display(),
    );
    let file = top.join("clawtray.spec");
    fs::write(&file, spec).context("cannot write the spec file")?;
    let mut command = Command::new("rpmbuild");
    command
        .args(["-bb", "--quiet", "--define"])
        .arg(format!("_topdir {}", top.display()));
    for define in [
        "use_source_date_epoch_as_buildtime 1",
        "clamp_mtime_to_source_date_epoch 1",
        "_buildhost clawtray",
    ] {
        command.args(["--define", define]);
    }
    command.env("SOURCE_DATE_EPOCH", source_date()?.to_string());
    tool(command.arg(&file))?;
    let architecture = tool(Command::new("rpm").args(["--eval", "%{_target_cpu}"]))?;
    let name = format!("{NAME}-{VERSION}-1.{}.rpm", architecture.trim());
    let made = top.join("RPMS").join(architecture.trim()).join(&name);
    let package = out.join(name);
    fs::rename(&made, &package).context(format!("rpmbuild left no {}", made.display()))?;
    Ok(package)
}

fn tar(tree: &Tree, out: &Path) -> Result<PathBuf> {
    let name = format!("{NAME}-{VERSION}-{}-linux", std::env::consts::ARCH);
    let package = out.join(format!("{name}.tar.gz"));
    let mut command = Command::new("tar");
    command
        .args([
            "--sort=name",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
            "--format=gnu",
        ])
        .arg(format!("--mtime=@{}", source_date()?))
        .arg(format!("--transform=s,^usr,{name},"))
        .args(["--use-compress-program=gzip -9 -n", "-cf"])
        .arg(&package)
        .arg("-C")
        .arg(&tree.root);
    tool(command.arg("usr"))?;
    Ok(package)
}
