//! Serves the built-in gateway until it is interrupted: `cargo run -p clawtray-embedded-gateway --example serve`.
//!
//! `CLAWTRAY_DATA_DIR`, `CLAWTRAY_TOKEN`, `CLAWTRAY_BIND` and `CLAWTRAY_MODEL_URL` are read. Prints one JSON line when it
//! listens.
#![allow(clippy::print_stdout)]

use clawtray_embedded_gateway::{AgentBackend, Config, EmbeddedGateway};
use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let read = |name: &str| std::env::var(name).ok();
    let dir = read("CLAWTRAY_DATA_DIR").unwrap_or_else(|| "target/serve".into());
    let mut config = Config::new(dir, read("CLAWTRAY_TOKEN"));
    if let Some(bind) = read("CLAWTRAY_BIND") {
        config.bind = bind.parse()?;
    }
    config.agent = AgentBackend::from_env(read);
    if let (AgentBackend::Demo { word_delay }, Some(ms)) = (&mut config.agent, read("CLAWTRAY_WORD_DELAY_MS"))
    {
        *word_delay = std::time::Duration::from_millis(ms.parse()?);
    }
    let running = EmbeddedGateway::start(config).await?;
    println!("{}", serde_json::json!({"url": running.http_url()}));
    std::future::pending::<()>().await;
    running.shutdown().await;
    Ok(())
}
