//! The files of a package and their places.

use super::formats::Format;
use super::tool;
use crate::steps::root;
use clawtray_lab::{Context, Result};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The app's id: of its desktop entry, its icon and its description.
const APP_ID: &str = "dev.clawtray.Clawtray";
const DOC: &str = "usr/share/doc/clawtray";
const ICONS: [(&str, &str); 4] = [
    ("app-icon.svg", "scalable"),
    ("32x32.png", "32x32"),
    ("128x128.png", "128x128"),
    ("128x128@2x.png", "256x256"),
];

/// A folder that stands for the system's root.
pub(super) struct Tree {
    pub(super) root: PathBuf,
}

impl Tree {
    pub(super) const PROGRAMS: [&'static str; 3] = [
        "usr/bin/clawtray",
        "usr/bin/clawctl",
        "usr/libexec/clawtray/clawtray-webview",
    ];

    /// Puts everything in its place, with the programs from the folder `programs`.
    pub(super) fn plant(root: &Path, programs: &Path, notices: &str, format: Format) -> Result<Self> {
        let tree = Self {
            root: root.to_owned(),
        };
        for place in Self::PROGRAMS {
            let name = Path::new(place).file_name().unwrap_or_default();
            let program = tree.copy(&programs.join(name), place)?;
            tool(Command::new("strip").arg("--strip-unneeded").arg(&program))?;
            mode(&program, 0o755)?;
        }
        tree.known_to_the_desktop()?;
        tree.known_to_shells(format)?;
        tree.documents(notices)?;
        Ok(tree)
    }

    fn known_to_the_desktop(&self) -> Result<()> {
        let linux = root().join("src-tauri/linux");
        let entry = format!("{APP_ID}.desktop");
        self.copy(&linux.join(&entry), &format!("usr/share/applications/{entry}"))?;
        let description = format!("{APP_ID}.metainfo.xml");
        self.copy(
            &linux.join(&description),
            &format!("usr/share/metainfo/{description}"),
        )?;
        for (file, size) in ICONS {
            let end = file.rsplit('.').next().unwrap_or_default();
            let place = format!("usr/share/icons/hicolor/{size}/apps/{APP_ID}.{end}");
            self.copy(&root().join("icons").join(file), &place)?;
        }
        Ok(())
    }

    fn known_to_shells(&self, format: Format) -> Result<()> {
        let clawctl = self.root.join("usr/bin/clawctl");
        for (shell, place) in [
            ("bash", "bash-completion/completions/clawctl"),
            ("fish", "fish/vendor_completions.d/clawctl.fish"),
            ("zsh", format.zsh()),
        ] {
            let script = tool(Command::new(&clawctl).args(["completions", shell]))?;
            self.write(&format!("usr/share/{place}"), script.as_bytes())?;
        }
        let pages = self.place("usr/share/man/man1/clawtray.1")?;
        let folder = pages.parent().unwrap_or(&pages);
        tool(Command::new(&clawctl).arg("man").arg(folder))?;
        self.copy(
            &root().join("src-tauri/linux/clawtray.1"),
            "usr/share/man/man1/clawtray.1",
        )?;
        for page in fs::read_dir(folder).context("the man pages cannot be read")? {
            gzip(&page.context("a man page cannot be read")?.path())?;
        }
        Ok(())
    }

    fn documents(&self, notices: &str) -> Result<()> {
        let changelog = self.copy(&root().join("CHANGELOG.md"), &format!("{DOC}/CHANGELOG.md"))?;
        gzip(&changelog)?;
        let third_party = self.write(&format!("{DOC}/third-party.txt"), notices.as_bytes())?;
        gzip(&third_party)?;
        let mut copyright = String::from(
            "Clawtray may be used under the MIT licence or the Apache License, Version 2.0, at your option.\n\
             What is built into its programs comes under licences of its own: see third-party.txt.gz.\n",
        );
        for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
            copyright.push_str("\n----\n\n");
            copyright.push_str(&fs::read_to_string(root().join(licence)).context(licence)?);
        }
        self.write(&format!("{DOC}/copyright"), copyright.as_bytes())?;
        Ok(())
    }

    /// Every file, from the root on, in order.
    pub(super) fn files(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).context(format!("{}", folder.display()))? {
                let path = entry.context(format!("{}", folder.display()))?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path.strip_prefix(&self.root).unwrap_or(&path).to_owned());
                }
            }
        }
        files.sort();
        Ok(files)
    }

    fn place(&self, place: &str) -> Result<PathBuf> {
        let path = self.root.join(place);
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).context(format!("cannot make {}", folder.display()))?;
        Ok(path)
    }

    fn copy(&self, from: &Path, place: &str) -> Result<PathBuf> {
        let path = self.place(place)?;
        fs::copy(from, &path).context(format!("cannot copy {}", from.display()))?;
        mode(&path, 0o644)?;
        Ok(path)
    }

    fn write(&self, place: &str, contents: &[u8]) -> Result<PathBuf> {
        let path = self.place(place)?;
        fs::write(&path, contents).context(format!("cannot write {}", path.display()))?;
        mode(&path, 0o644)?;
        Ok(path)
    }
}

fn mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).context(format!("{}", path.display()))
}

/// Without name and date in it: the same text makes the same bytes.
fn gzip(path: &Path) -> Result<()> {
    tool(Command::new("gzip").args(["-9", "-n", "-f"]).arg(path)).map(|_| ())
}
