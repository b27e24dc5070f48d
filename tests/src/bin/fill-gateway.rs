//! Fills a gateway with sessions: `fill-gateway SESSIONS MESSAGES`.
//!
//! It makes sessions with one line each, and one session with many lines. The gateway is the one in
//! `OPENCLAW_GATEWAY_URL` and `OPENCLAW_GATEWAY_TOKEN`.

use anyhow::{Context, Result};
use clawtray_gateway_client::{Client, ClientConfig, Credentials, DeviceIdentity, Gateway};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use product_tests::live::wait_for_ready;
use serde_json::json;

/// Calls under way at once.
const AT_ONCE: usize = 8;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let variable = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
    let count = |at: usize| -> Result<u32> {
        let text = std::env::args()
            .nth(at)
            .context("usage: fill-gateway SESSIONS MESSAGES")?;
        Ok(text.parse()?)
    };
    let (sessions, messages) = (count(1)?, count(2)?);
    let token = Credentials::token(variable("OPENCLAW_GATEWAY_TOKEN")?);
    let mut config =
        ClientConfig::new(variable("OPENCLAW_GATEWAY_URL")?, token).with_identity(DeviceIdentity::generate());
    config.scopes = vec!["operator.admin".to_owned()];
    let client = &Client::connect(config);
    wait_for_ready(client).await?;
    stream::iter(0..sessions)
        .map(|n| async move {
            let key = format!("agent:main:bench-{n}");
            let label = format!("Bench session {n}");
            client
                .call_raw("sessions.create", json!({"key": key, "label": label}))
                .await?;
            let line = format!("What was said in session {n}.");
            client
                .call_raw("chat.inject", json!({"sessionKey": key, "message": line}))
                .await
        })
        .buffer_unordered(AT_ONCE)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    let long = "agent:main:bench-long";
    let label = json!({"key": long, "label": "Bench session, long"});
    client.call_raw("sessions.create", label).await?;
    for n in 0..messages {
        let line = format!("Line {n} of the **long** session, with `code` in it.");
        client
            .call_raw("chat.inject", json!({"sessionKey": long, "message": line}))
            .await?;
    }
    client.shutdown().await;
    Ok(())
}
