//! Connections to gateways, and the gateway that runs inside the app.

use async_trait::async_trait;
use base64::Engine as _;
use clawtray_companion::{
    gateway::{Client, ClientConfig, Credentials, DeviceIdentity, Gateway, IssuedToken as Issued},
    ports::{ConnectRequest, Connector, IssuedToken, Secret},
};
use clawtray_embedded_gateway::{AgentBackend, Config, EmbeddedGateway, Running, random_token};
use std::{path::PathBuf, sync::Arc};
use tokio::sync::{Mutex, mpsc};

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
        let credentials = Credentials {
            token: request.token.as_ref().map(|token| token.expose().into()),
            password: None,
            device_token: request.device_token.as_ref().map(|token| token.expose().into()),
        };
        let mut config = ClientConfig::new(&*request.url, credentials);
        config.identity = Some(identity(request.device_key.as_ref()));
        config.pinned_certificate_sha256 = request.pinned_certificate;
        config.on_device_token = Some(tell_issued(request.profile, request.issued));
        Arc::new(Client::connect(config))
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

/// The device that the key names; a new one, for this process alone, without a readable key.
fn identity(key: Option<&Secret>) -> DeviceIdentity {
    let bytes = key.and_then(|key| {
        base64::engine::general_purpose::STANDARD
            .decode(key.expose())
            .ok()
    });
    let bytes: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.map_or_else(DeviceIdentity::generate, |bytes| {
        DeviceIdentity::from_secret_bytes(&bytes)
    })
}

/// Adds the profile to what the client tells.
fn tell_issued(profile: String, to: mpsc::UnboundedSender<IssuedToken>) -> mpsc::UnboundedSender<Issued> {
    let (sender, mut issued) = mpsc::unbounded_channel::<Issued>();
    tokio::spawn(async move {
        while let Some(issued) = issued.recv().await {
            let token = Secret::new(issued.token.expose());
            if to
                .send(IssuedToken {
                    profile: profile.clone(),
                    token,
                })
                .is_err()
            {
                return;
            }
        }
    });
    sender
}

#[cfg(test)]
mod tests {
    use super::identity;
    use base64::Engine as _;
    use clawtray_companion::ports::Secret;

    #[test]
    fn a_stored_key_is_the_same_device_every_time() {
        let key = Secret::new(base64::engine::general_purpose::STANDARD.encode([7; 32]));
        assert_eq!(identity(Some(&key)).id(), identity(Some(&key)).id());
        let other = identity(Some(&Secret::new("not a key")));
        assert_ne!(other.id(), identity(Some(&key)).id());
    }
}
