//! Serves the built-in gateway until it is interrupted:
//! `cargo run -p clawtray-embedded-gateway --example serve`.
//!
//! It reads `CLAWTRAY_DATA_DIR`, `CLAWTRAY_TOKEN`, `CLAWTRAY_BIND` and `CLAWTRAY_MODEL_URL`. With
//! `OPENCLAW_GATEWAY_URL` and `OPENCLAW_GATEWAY_TOKEN` it is the bridge to that gateway. It prints
//! one JSON line when it listens.
#![allow(clippy::print_stdout)]

use clawtray_embedded_gateway::{AgentBackend, Bridged, Config, EmbeddedGateway};
use clawtray_gateway_client::{Client, ClientConfig, Credentials, DeviceIdentity};
use std::error::Error;
use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let read = |name: &str| std::env::var(name).ok();
    let dir = read("CLAWTRAY_DATA_DIR").unwrap_or_else(|| "target/serve".into());
    let token = read("CLAWTRAY_TOKEN").ok_or("CLAWTRAY_TOKEN names the token that callers need")?;
    let mut config = Config::new(dir, Some(token));
    if let Some(bind) = read("CLAWTRAY_BIND") {
        config.bind = bind.parse()?;
    }
    config.agent = AgentBackend::from_env(read);
    if let (AgentBackend::Demo { word_delay }, Some(ms)) = (&mut config.agent, read("CLAWTRAY_WORD_DELAY_MS"))
    {
        *word_delay = std::time::Duration::from_millis(ms.parse()?);
    }
    if let (Some(url), Some(token)) = (read("OPENCLAW_GATEWAY_URL"), read("OPENCLAW_GATEWAY_TOKEN")) {
        let mut client = ClientConfig::new(url, Credentials::token(token.as_str()))
            .with_identity(DeviceIdentity::generate());
        client.display_name = "Clawtray bridge".into();
        client.scopes.push("operator.admin".into());
        config.bridge = Some(Bridged(Arc::new(Client::connect(client))));
    }
    let running = EmbeddedGateway::start(config).await?;
    println!("{}", serde_json::json!({"url": running.http_url()}));
    std::future::pending::<()>().await;
    running.shutdown().await;
    Ok(())
}
