//! Connections to gateways, and the gateway that runs inside the app.

use async_trait::async_trait;
use clawtray_companion::{
    connect::connect,
    gateway::Gateway,
    ports::{ConnectRequest, Connector, Secret},
};
use clawtray_embedded_gateway::{AgentBackend, Bridged, InApp, StartError};
use std::{error::Error as _, path::PathBuf, sync::Arc};

/// Connects over the network, and to the built-in gateway the same way.
pub(crate) struct SystemConnector(InApp);

impl SystemConnector {
    /// `agent` answers for the built-in gateway, which keeps its sessions in `embedded_data`.
    pub(crate) fn new(embedded_data: PathBuf, agent: AgentBackend) -> Self {
        Self(InApp::new(embedded_data, agent))
    }
}

#[async_trait]
impl Connector for SystemConnector {
    async fn connect(&self, request: ConnectRequest) -> Arc<dyn Gateway> {
        Arc::new(connect(request))
    }

    async fn start_embedded(&self) -> Result<(String, Secret), String> {
        let (url, token) = self.0.gateway().await.map_err(|error| said(&error))?;
        Ok((url, Secret::new(token)))
    }

    async fn bridge(&self, to: Option<(u16, Arc<dyn Gateway>)>) -> Result<Option<String>, String> {
        let to = to.map(|(port, gateway)| (port, Bridged(gateway)));
        self.0.bridge(to).await.map_err(|error| said(&error))
    }
}

/// With what the system said.
fn said(error: &StartError) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
