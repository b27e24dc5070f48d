//! A real gateway with a scripted model behind it, and clients for it.

use crate::waiting::PATIENCE;
use anyhow::{Context, Result, anyhow, bail};
use clawtray_gateway_client::protocol::{RunId, SessionKey};
use clawtray_gateway_client::{
    Client, ClientConfig, ConnectionState, Credentials, DeviceIdentity, Gateway, GatewayEvent, Prompt,
    RunEvent, RunStep,
};
use clawtray_lab::{GatewayConfig, RealGateway, ScriptedModel};
use serde_json::Value;
use std::sync::OnceLock;
use tokio::sync::mpsc;

/// A real gateway and its model.
#[derive(Debug)]
pub struct Live {
    /// The gateway.
    pub gateway: RealGateway,
    /// The model behind it.
    pub model: ScriptedModel,
}

impl Live {
    /// Starts both; `extra` is merged over the gateway's config.
    ///
    /// # Errors
    /// The gateway cannot be installed or does not start.
    pub fn start(extra: Value) -> Result<Self> {
        Self::start_with_token(&GatewayConfig::default().token, extra)
    }

    /// The same with a token of one's own.
    ///
    /// # Errors
    /// The gateway cannot be installed or does not start.
    pub fn start_with_token(token: &str, extra: Value) -> Result<Self> {
        let model = ScriptedModel::start()?;
        let config = GatewayConfig {
            token: token.to_owned(),
            extra,
            ..GatewayConfig::with_model(model.base_url())
        };
        let gateway = RealGateway::start(config)?;
        Ok(Self { gateway, model })
    }

    /// One for all tests of a program that leave it as it is. It ends with the program.
    ///
    /// # Errors
    /// The gateway cannot be installed or does not start.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<std::result::Result<Live, String>> = OnceLock::new();
        let start = || Self::start(Value::Null).map_err(|error| format!("{error:#}"));
        SHARED
            .get_or_init(start)
            .as_ref()
            .map_err(|error| anyhow!("{error}"))
    }

    /// The protocol that this version of the gateway speaks.
    #[must_use]
    pub fn protocol(&self) -> u32 {
        if self.gateway.is_before(2026, 5) { 3 } else { 4 }
    }

    /// Whether this version has something that came with the first release of a month; says so where it does not.
    #[must_use]
    #[allow(
        clippy::print_stdout,
        reason = "whoever tries an older gateway reads what was left out"
    )]
    pub fn has(&self, what: &str, (year, month): (u32, u32)) -> bool {
        let has = !self.gateway.is_before(year, month);
        if !has {
            println!("DIFFERENCE: before {year}.{month} the gateway lacks {what}");
        }
        has
    }

    /// What names this gateway in the environment of the app.
    #[must_use]
    pub fn env(&self) -> [(&'static str, String); 2] {
        let (url, token) = (self.gateway.url(), self.gateway.token().to_owned());
        [("OPENCLAW_GATEWAY_URL", url), ("OPENCLAW_GATEWAY_TOKEN", token)]
    }

    /// A configuration that reaches this gateway as a device that it has not seen yet.
    #[must_use]
    pub fn new_device(&self, display_name: &str) -> ClientConfig {
        let mut config = ClientConfig::new(self.gateway.url(), Credentials::token(self.gateway.token()))
            .with_identity(DeviceIdentity::generate());
        config.display_name = display_name.to_owned();
        config
    }
}

/// A prompt with a key of its own.
#[must_use]
pub fn prompt(session: &SessionKey, key: &str, text: &str) -> Prompt {
    Prompt {
        session: session.clone(),
        text: text.to_owned(),
        idempotency_key: key.to_owned(),
        thinking: None,
        attachments: Vec::new(),
        timeout_ms: None,
    }
}

/// Waits until the connection's state matches.
///
/// # Errors
/// It did not in time; the state it was in is in the message.
pub async fn wait_for_state(
    client: &Client,
    matches: impl Fn(&ConnectionState) -> bool,
) -> Result<ConnectionState> {
    let mut state = client.state();
    let found = tokio::time::timeout(PATIENCE, state.wait_for(|state| matches(state))).await;
    match found {
        Ok(state) => Ok(state.context("the client is gone")?.clone()),
        Err(_) => bail!("the connection stayed in {:?}", client.state().borrow()),
    }
}

/// Waits until the connection is ready.
///
/// # Errors
/// It is not in time.
pub async fn wait_for_ready(client: &Client) -> Result<ConnectionState> {
    wait_for_state(client, |state| matches!(state, ConnectionState::Ready(_))).await
}

/// A run as a client sees it go by.
#[derive(Debug)]
pub struct Watched {
    events: mpsc::Receiver<GatewayEvent>,
    run: RunId,
    /// The text so far.
    pub text: String,
    /// How many pieces it came in.
    pub deltas: usize,
}

impl Watched {
    /// Watches a run in a stream of events that was opened before the run began.
    #[must_use]
    pub fn new(events: mpsc::Receiver<GatewayEvent>, run: RunId) -> Self {
        Self {
            events,
            run,
            text: String::new(),
            deltas: 0,
        }
    }

    /// The next step of the run.
    ///
    /// # Errors
    /// None came in time.
    pub async fn next(&mut self) -> Result<RunStep> {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
            let event = event.with_context(|| format!("the run went silent after {:?}", self.text))?;
            let GatewayEvent::Run(RunEvent { run, step, .. }) =
                event.context("the stream of events ended")?
            else {
                continue;
            };
            if run != self.run {
                continue;
            }
            if let RunStep::Delta { text, replace, .. } = &step {
                if *replace {
                    self.text.clear();
                }
                self.text.push_str(text);
                self.deltas += 1;
            }
            return Ok(step);
        }
    }

    /// Goes on until there is text.
    ///
    /// # Errors
    /// The run ended without any.
    pub async fn first_text(&mut self) -> Result<()> {
        while self.text.is_empty() {
            let step = self.next().await?;
            if is_end(&step) {
                bail!("the run ended before it said anything: {step:?}");
            }
        }
        Ok(())
    }

    /// Goes on until the run ends.
    ///
    /// # Errors
    /// It does not in time.
    pub async fn end(&mut self) -> Result<RunStep> {
        loop {
            let step = self.next().await?;
            if is_end(&step) {
                return Ok(step);
            }
        }
    }
}

fn is_end(step: &RunStep) -> bool {
    matches!(
        step,
        RunStep::Final { .. } | RunStep::Aborted { .. } | RunStep::Error { .. }
    )
}
