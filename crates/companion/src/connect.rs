//! Opens a connection from a [`ConnectRequest`]. The desktop app and the tests share this code.

use crate::gateway::{
    ClientConfig, Credentials, Detected, DeviceIdentity, IssuedToken as Issued, WebhookConfig,
    connect as to_gateway,
};
use crate::ports::{ConnectRequest, IssuedToken, Secret};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::mpsc;

/// A connection over the network. Must be called inside a tokio runtime; never waits.
#[must_use]
pub fn connect(request: ConnectRequest) -> Detected {
    let exposed = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().into());
    let credentials = Credentials {
        token: exposed(&request.token),
        password: None,
        device_token: exposed(&request.device_token),
    };
    let mut config = ClientConfig::new(&*request.url, credentials);
    config.identity = Some(identity(request.device_key.as_ref()));
    if request.full_control {
        config.scopes.push("operator.admin".into());
    }
    config.pinned_certificate_sha256 = request.pinned_certificate;
    config.poll_every = request.poll_every;
    config.was_ready = request.was_ready;
    config.webhook = request.webhook.map(|(port, secret)| WebhookConfig {
        port,
        secret: secret.expose().into(),
    });
    config.on_device_token = Some(tell_issued(request.profile, request.issued));
    to_gateway(config, request.protocol)
}

/// The device that the key names; a new one, for this process alone, without a readable key.
#[must_use]
pub fn identity(key: Option<&Secret>) -> DeviceIdentity {
    let bytes = key.and_then(|key| STANDARD.decode(key.expose()).ok());
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
            let told = IssuedToken {
                profile: profile.clone(),
                token: Secret::new(issued.token.expose()),
            };
            if to.send(told).is_err() {
                return;
            }
        }
    });
    sender
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_key_is_the_same_device_every_time() {
        let key = Secret::new(STANDARD.encode([7; 32]));
        assert_eq!(identity(Some(&key)).id(), identity(Some(&key)).id());
        let other = identity(Some(&Secret::new("not a key")));
        assert_ne!(other.id(), identity(Some(&key)).id());
    }
}
