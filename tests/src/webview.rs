//! The app's webview, driven by WebKit's own WebDriver.

use crate::waiting::{Asked, PATIENCE, asked};
use anyhow::{Context, Result, anyhow};
use clawtray_lab::{Desktop, Running, real_gateway::free_port};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::time::Instant;

/// The app under the control of a WebDriver, which started it. Dropping it ends both.
#[derive(Debug)]
pub struct Webview {
    client: Client,
    _driver: Running,
}

impl Webview {
    /// Starts the app through the driver. A session needs a webview from the start: let the app open a window at once.
    ///
    /// # Errors
    /// There is no driver, or the app opens no window.
    pub async fn start(desktop: &Desktop, app: &Path, args: &[&str], env: &[(&str, String)]) -> Result<Self> {
        Self::drive(desktop, Some(json!({ "binary": app, "args": args })), env).await
    }

    /// The same engine without the app: a browser window with no policy but the engine's own.
    ///
    /// # Errors
    /// There is no driver, or it opens no window.
    pub async fn bare(desktop: &Desktop) -> Result<Self> {
        Self::drive(desktop, None, &[]).await
    }

    async fn drive(desktop: &Desktop, options: Option<Value>, env: &[(&str, String)]) -> Result<Self> {
        let port = free_port()?;
        let mut command = desktop.command("WebKitWebDriver");
        // The driver hands its environment on to the app.
        command
            .arg(format!("--port={port}"))
            .arg("--host=127.0.0.1")
            .envs(env.iter().map(|(name, value)| (name, value)));
        command
            .env("TAURI_AUTOMATION", "true")
            .env("TAURI_WEBVIEW_AUTOMATION", "true");
        let driver = desktop.spawn("webdriver", &mut command)?;
        let mut capabilities = Map::new();
        if let Some(options) = options {
            capabilities.insert("webkitgtk:browserOptions".into(), options);
        }
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        let url = format!("http://127.0.0.1:{port}");
        let end = Instant::now() + PATIENCE;
        let client = loop {
            match tokio::time::timeout(PATIENCE, builder.connect(&url)).await {
                Ok(Ok(client)) => break client,
                // The driver does not listen yet.
                Ok(Err(error)) if Instant::now() < end => {
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    drop(error);
                }
                Ok(Err(error)) => {
                    return Err(error).context(format!("no session; {}", desktop.log("webdriver")));
                }
                Err(_) => return Err(anyhow!("the app opened no webview; {}", desktop.log("webdriver"))),
            }
        };
        Ok(Self {
            client,
            _driver: driver,
        })
    }

    /// The driver's client, for what is not offered here.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Runs JavaScript in the current window.
    ///
    /// # Errors
    /// The script throws, or the window is gone.
    pub async fn run(&self, script: &str, args: Vec<Value>) -> Result<Value> {
        Ok(self.client.execute(script, args).await?)
    }

    /// The visible text of the first element that a CSS selector finds; empty when there is none.
    ///
    /// # Errors
    /// The window is gone.
    pub async fn text(&self, selector: &str) -> Result<String> {
        let script = "const e = document.querySelector(arguments[0]); return e ? e.innerText : '';";
        let text = self.run(script, vec![json!(selector)]).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Clicks the first element that a CSS selector finds.
    ///
    /// # Errors
    /// There is none, or it cannot be clicked.
    pub async fn click(&self, selector: &str) -> Result<()> {
        let element = self.client.find(Locator::Css(selector)).await;
        Ok(element.with_context(|| format!("no {selector}"))?.click().await?)
    }

    /// Waits until the element's text has `part`; the whole text.
    ///
    /// # Errors
    /// It did not in time.
    pub async fn wait_for_text(&self, selector: &str, part: &str) -> Result<String> {
        asked(&format!("{part:?} in {selector}"), || async {
            let text = self.text(selector).await?;
            Ok(if text.contains(part) {
                Asked::There(text)
            } else {
                Asked::NotYet(text)
            })
        })
        .await
    }

    /// Switches to the window whose page's address has `part`, waiting for it if need be.
    ///
    /// # Errors
    /// There is none in time.
    pub async fn switch_to(&self, part: &str) -> Result<()> {
        asked(&format!("a webview at {part}"), || async {
            let mut seen = Vec::new();
            for window in self.client.windows().await? {
                self.client.switch_to_window(window).await?;
                let url = self.client.current_url().await?.to_string();
                if url.contains(part) {
                    return Ok(Asked::There(()));
                }
                seen.push(url);
            }
            Ok(Asked::NotYet(format!("{seen:?}")))
        })
        .await
    }

    /// Ends the session, and the app with it.
    ///
    /// # Errors
    /// The driver does not answer.
    pub async fn close(self) -> Result<()> {
        Ok(self.client.close().await?)
    }
}
