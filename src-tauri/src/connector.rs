//! Connections to gateways, and the gateway that runs inside the app.

use async_trait::async_trait;
use clawtray_companion::{
    connect::connect,
    gateway::Gateway,
    ports::{ConnectRequest, Connector, Secret},
};
use clawtray_embedded_gateway::{AgentBackend, Config, EmbeddedGateway, Running, random_token};
use std::{path::PathBuf, sync::Arc};
use tokio::sync::Mutex;

/// Connects over the network, and to the built-in gateway the same way.
pub(crate) struct SystemConnector {
    embedded_data: PathBuf,
    agent: AgentBackend,
    embedded: Mutex<Option<(Running, Secret)>>,
}

impl SystemConnector {
    /// `agent` answers for the built-in gateway, which keeps its sessions in `embedded_data`.
    pub(crate) fn new(embedded_data: PathBuf, agent: AgentBackend) -> Self {
        Self {
            embedded_data,
            agent,
            embedded: Mutex::default(),
        }
    }
}

#[async_trait]
impl Connector for SystemConnector {
    async fn connect(&self, request: ConnectRequest) -> Arc<dyn Gateway> {
        Arc::new(connect(request))
    }

    async fn start_embedded(&self) -> Result<(String, Secret), String> {
        let mut embedded = self.embedded.lock().await;
        if embedded.is_none() {
            // The token lives as long as the process; nobody else needs it.
            let token = random_token();
            let mut config = Config::new(&self.embedded_data, Some(token.clone()));
            config.agent = self.agent.clone();
            let running = EmbeddedGateway::start(config)
                .await
                .map_err(|error| error.to_string())?;
            *embedded = Some((running, Secret::new(token)));
        }
        let (running, token) = embedded.as_ref().ok_or("the built-in gateway is gone")?;
        Ok((running.url(), token.clone()))
    }
}
