//! The app without a desktop, and one window's page: what `ui-host` serves to browsers, driven by a
//! test.

use crate::waiting::PATIENCE;
use anyhow::{Context, Result, bail};
use clawtray_lab::Running;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// The app, and its browser window. Dropping it kills it.
#[derive(Debug)]
pub struct WindowHost {
    process: Running,
    page: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl WindowHost {
    /// Starts `program`, a built `ui-host`, with everything it keeps in `data`, and opens a window.
    ///
    /// # Errors
    /// It does not start, or does not say where it listens.
    pub async fn start(program: &str, data: &Path, env: &[(&str, String)]) -> Result<Self> {
        let mut command = Command::new(program);
        command
            .arg("--data")
            .arg(data)
            // Nobody looks at the page itself.
            .arg("--dist")
            .arg(data)
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped());
        let mut process = Running::start("the app without a desktop", &mut command)?;
        let out = process.child().stdout.take().context("no output")?;
        let mut lines = BufReader::new(out).lines().map_while(std::result::Result::ok);
        let address = lines
            .by_ref()
            .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
            .find_map(|said| Some(said.get("listening")?.as_str()?.to_owned()))
            .context("it ended before it listened")?;
        // A full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let address = address.replace("http://", "ws://");
        let (page, _) = connect_async(format!("{address}/host")).await?;
        let mut host = Self { process, page };
        host.say(&json!({ "subscribe": "browser" })).await?;
        Ok(host)
    }

    /// The app's process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    async fn say(&mut self, what: &Value) -> Result<()> {
        Ok(self.page.send(Message::text(what.to_string())).await?)
    }

    /// Asks the app for something, under a number of one's own; the answer comes among what it says.
    ///
    /// # Errors
    /// It is gone.
    pub async fn request(&mut self, id: u64, request: Value) -> Result<()> {
        self.say(&json!({ "id": id, "request": request })).await
    }

    /// The same as the settings window, which asks for what others may not.
    ///
    /// # Errors
    /// It is gone.
    pub async fn request_in_settings(&mut self, id: u64, request: Value) -> Result<()> {
        self.say(&json!({ "id": id, "request": request, "window": "settings" }))
            .await
    }

    /// What the app says next; `None` when it says nothing by then, or is gone.
    pub async fn said_by(&mut self, end: Instant) -> Option<Value> {
        let frame = timeout_at(end, self.page.next()).await.ok()??.ok()?;
        serde_json::from_str(frame.to_text().ok()?).ok()
    }

    /// Waits until the app has said something that matches.
    ///
    /// # Errors
    /// It does not; what it said last is in the message.
    pub async fn wait_for<T>(&mut self, what: &str, mut find: impl FnMut(&Value) -> Option<T>) -> Result<T> {
        let end = Instant::now() + PATIENCE;
        let mut last = Value::Null;
        while let Some(said) = self.said_by(end).await {
            if let Some(found) = find(&said) {
                return Ok(found);
            }
            last = said;
        }
        bail!("{what}: not within {PATIENCE:?}; said last: {last}")
    }

    /// Kills it (SIGKILL), and answers what it had said before.
    pub async fn kill(mut self) -> Vec<Value> {
        self.process.kill();
        let end = Instant::now() + PATIENCE;
        let mut all = Vec::new();
        while let Some(said) = self.said_by(end).await {
            all.push(said);
        }
        all
    }
}
