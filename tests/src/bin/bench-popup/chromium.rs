//! A page in a headless Chromium.

use anyhow::{Context, Result, ensure};
use clawtray_lab::Running;
use product_tests::{figures, leaks};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};

const SCRIPT: &str = include_str!("page.mjs");

pub(crate) struct Page {
    driver: Running,
    said: BufReader<ChildStdout>,
}

impl Page {
    /// Opens an address and waits for what `ready` selects. The script goes in as a file: its input is ours.
    pub(crate) fn open(address: &str, ready: &str, scratch: &Path, picture: &Path) -> Result<Self> {
        let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let script = scratch.join("page.mjs");
        std::fs::write(&script, SCRIPT)?;
        let mut command = Command::new("node");
        command
            .arg(&script)
            .args([address, ready])
            .arg(picture)
            .arg(crate::IN_SIGHT)
            .env(
                "PLAYWRIGHT",
                root.join("ui/node_modules/@playwright/test/index.mjs"),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut driver = Running::start("chromium", &mut command)?;
        let said = driver.child().stdout.take().context("no output")?;
        let mut page = Self {
            driver,
            said: BufReader::new(said),
        };
        let said = page.line()?;
        ensure!(said == "ready", "the page at {address} is not ready");
        Ok(page)
    }

    /// All processes of the browser, without the one that drives it.
    pub(crate) fn processes(&self) -> Result<Vec<u32>> {
        let below = leaks::below(self.driver.id())?;
        Ok(below
            .into_iter()
            .filter(|id| figures::name(*id).starts_with("chrom"))
            .collect())
    }

    /// Where the page shows a text, see `in_sight.js`.
    pub(crate) fn shows(&mut self, text: &str) -> Result<String> {
        self.ask(text)
    }

    pub(crate) fn picture(&mut self) -> Result<()> {
        let said = self.ask("picture")?;
        ensure!(said == "taken", "no picture of the page");
        Ok(())
    }

    fn ask(&mut self, line: &str) -> Result<String> {
        let input = self.driver.child().stdin.as_mut().context("no input")?;
        writeln!(input, "{line}")?;
        self.line()
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}
