//! Asks a gateway one question: `chat URL PROMPT`. The token is in `OPENCLAW_GATEWAY_TOKEN`.

use clawtray_gateway_client::{
    Client, ClientConfig, ConnectionState, Credentials, DeviceIdentity, Gateway, GatewayEvent, Prompt,
    RunStep,
};
use std::io::Write as _;
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or_else(|| "ws://127.0.0.1:18789".to_owned());
    let text = args.next().unwrap_or_else(|| "hello".to_owned());
    let token = std::env::var("OPENCLAW_GATEWAY_TOKEN").unwrap_or_default();
    let mut config =
        ClientConfig::new(url, Credentials::token(token)).with_identity(DeviceIdentity::generate());
    config.display_name = "Clawtray example".to_owned();
    let client = Client::connect(config);
    let mut events = client.events();
    let mut out = std::io::stderr();

    let mut state = client.state();
    let session = loop {
        let now = state.borrow_and_update().clone();
        match now {
            ConnectionState::Ready(info) => {
                writeln!(out, "connected to {} (protocol {})", info.version, info.protocol)?;
                break info.main_session_key.unwrap_or_else(|| "main".into());
            }
            ConnectionState::Paused(reason) => return Err(format!("paused: {reason:?}").into()),
            other @ (ConnectionState::Idle
            | ConnectionState::Connecting
            | ConnectionState::Handshaking
            | ConnectionState::Backoff { .. }
            | ConnectionState::Closed) => writeln!(out, "{other:?}")?,
        }
        state.changed().await?;
    };

    let prompt = Prompt {
        session,
        text,
        idempotency_key: uuid::Uuid::new_v4().to_string(),
        thinking: None,
        attachments: Vec::new(),
        timeout_ms: None,
    };
    let run = client.send(prompt).await?.run_id;
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(120), events.recv()).await {
        let GatewayEvent::Run(event) = event else { continue };
        if event.run != run {
            continue;
        }
        match event.step {
            RunStep::Delta { text, .. } => write!(std::io::stdout(), "{text}")?,
            RunStep::Final { .. } | RunStep::Aborted { .. } => break,
            RunStep::Error { message } => return Err(message.into()),
            step @ (RunStep::Status { .. } | RunStep::Thinking { .. } | RunStep::Tool { .. }) => {
                writeln!(out, "{step:?}")?;
            }
        }
        std::io::stdout().flush()?;
    }
    writeln!(std::io::stdout())?;
    writeln!(out, "round trip {:?}", client.ping().await?)?;
    client.shutdown().await;
    Ok(())
}
