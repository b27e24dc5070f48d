//! What the app runs of this crate: the built-in gateway, and the bridge for the user's scripts.

use crate::{AgentBackend, Bridged, Config, EmbeddedGateway, Running, StartError, random_token};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};
use tokio::sync::Mutex;

/// The gateway and the bridge of one app; neither runs before it is asked for.
#[derive(Debug)]
pub struct InApp {
    data_dir: PathBuf,
    agent: AgentBackend,
    gateway: Mutex<Option<(Running, String)>>,
    bridge: Mutex<Option<Running>>,
}

impl InApp {
    /// `agent` answers for the built-in gateway. Its sessions, and the API keys of the bridge, are in `data_dir`.
    #[must_use]
    pub fn new(data_dir: PathBuf, agent: AgentBackend) -> Self {
        Self {
            data_dir,
            agent,
            gateway: Mutex::default(),
            bridge: Mutex::default(),
        }
    }

    /// The built-in gateway's URL and a token that lives as long as the process; starts it at the first call.
    ///
    /// # Errors
    /// It cannot listen, or its database cannot be opened.
    pub async fn gateway(&self) -> Result<(String, String), StartError> {
        let mut gateway = self.gateway.lock().await;
        let (running, token) = match gateway.take() {
            Some(there) => there,
            None => {
                let token = random_token();
                let mut config = Config::new(&self.data_dir, Some(token.clone()));
                config.agent = self.agent.clone();
                (EmbeddedGateway::start(config).await?, token)
            }
        };
        let (running, token) = gateway.insert((running, token));
        Ok((running.url(), token.clone()))
    }

    /// Serves the HTTP APIs on that port of 127.0.0.1, each call carried out on that gateway, in the place of what was
    /// served before; `None` ends it. Answers where. Callers need an API key: its token is known to nobody.
    ///
    /// # Errors
    /// It cannot listen there, or the database with the keys cannot be opened; then nothing is served.
    pub async fn bridge(&self, to: Option<(u16, Bridged)>) -> Result<Option<String>, StartError> {
        let mut bridge = self.bridge.lock().await;
        if let Some(before) = bridge.take() {
            before.shutdown().await;
        }
        let Some((port, behind)) = to else {
            return Ok(None);
        };
        let mut config = Config::new(&self.data_dir, Some(random_token()));
        config.bind = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        config.bridge = Some(behind);
        let running = EmbeddedGateway::start(config).await?;
        let url = running.http_url();
        *bridge = Some(running);
        Ok(Some(url))
    }
}
