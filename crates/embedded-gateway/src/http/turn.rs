//! Handles a prompt from an HTTP dialect: checks it, runs it, and writes it into the ledger.

use super::Http;
use super::auth::Caller;
use super::error::Refused;
use super::meter::Meter;
use crate::agent::estimate_tokens;
use crate::backend::Ask;
use crate::core::agent_of;
use crate::runs::{Progress, RUN_MAX, Reply};
use crate::store::ledger::{DEFAULT_WORKSPACE, Entry};
use crate::time::now_ms;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Steps that wait for a reader before it is cut off.
const STEPS: usize = 512;
/// How long a reader may leave them there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// The user of dialects that name none.
pub(crate) const NO_USER: &str = "owner";

/// What is asked, and by whom.
#[derive(Clone, Debug)]
pub(crate) struct Prompt {
    pub(crate) session: String,
    pub(crate) text: String,
    pub(crate) workspace: String,
    pub(crate) user: String,
    pub(crate) model: Option<String>,
    pub(crate) timeout: Option<Duration>,
}

impl Prompt {
    /// A prompt of a dialect without workspaces and users.
    pub(crate) fn plain(session: String, text: &str) -> Self {
        Self {
            session,
            text: text.to_owned(),
            workspace: DEFAULT_WORKSPACE.into(),
            user: NO_USER.into(),
            model: None,
            timeout: None,
        }
    }
}

/// A run that was started.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) message_id: String,
    pub(crate) began: i64,
    pub(crate) steps: mpsc::Receiver<Progress>,
}

/// Starts a run. It goes on, and is written down, whether or not somebody stays to read.
pub(crate) async fn begin(http: &Arc<Http>, caller: &Caller, prompt: Prompt) -> Result<Started, Refused> {
    let agent = agent_of(&prompt.session);
    if !http.backend.knows_agent(agent).await? {
        return Err(Refused::not_found(format!("there is no agent \"{agent}\"")));
    }
    let began = now_ms();
    let message_id = format!("msg_{}", uuid::Uuid::new_v4().simple());
    let entry = Entry {
        ts: began,
        key: caller.id().to_owned(),
        workspace: prompt.workspace,
        user: prompt.user,
        ..Entry::default()
    };
    let heard = estimate_tokens(&prompt.text);
    let mut meter = Meter::open(http, caller, prompt.session.clone(), entry.clone(), heard, None)?;
    let is_new = http.core.store.open_api_session(&prompt.session, &entry, "api")?;
    let ask = Ask {
        session: prompt.session.clone(),
        text: prompt.text,
        run_id: message_id.clone(),
        model: prompt.model,
        timeout: prompt.timeout,
        attachments: Vec::new(),
        channel: "api",
    };
    let mut inner = http.backend.ask(ask).await?;
    meter.start();
    if is_new {
        http.webhooks.session_started(&prompt.session, &entry);
    }
    let (tx, steps) = mpsc::channel(STEPS);
    tokio::spawn(async move {
        let mut tx = Some(tx);
        while let Some(step) = inner.recv().await {
            meter.take(&step);
            if let Some(open) = &tx
                && open.send_timeout(step, PATIENCE).await.is_err()
            {
                tx = None;
            }
        }
    });
    Ok(Started {
        message_id,
        began,
        steps,
    })
}

/// How a run ended for somebody who waited.
#[derive(Debug)]
pub(crate) enum Waited {
    Done(Box<Reply>),
    /// It goes on without us.
    TimedOut,
}

/// Waits for the end of a run.
pub(crate) async fn wait(
    mut steps: mpsc::Receiver<Progress>,
    limit: Option<Duration>,
) -> Result<Waited, Refused> {
    let ending = async {
        while let Some(step) = steps.recv().await {
            match step {
                Progress::Done(reply) => return Ok(Waited::Done(Box::new(reply))),
                Progress::Failed(message) => return Err(Refused::failed(message)),
                Progress::Aborted(_) => {
                    return Err(Refused::failed("the run was stopped before it was done"));
                }
                Progress::Step(_) => {}
            }
        }
        Err(Refused::failed("the run ended without a result"))
    };
    match limit {
        None => ending.await,
        Some(limit) => tokio::time::timeout(limit.min(RUN_MAX), ending)
            .await
            .unwrap_or(Ok(Waited::TimedOut)),
    }
}

/// Starts a run and waits for its reply, as long as it takes.
pub(crate) async fn ask(
    http: &Arc<Http>,
    caller: &Caller,
    prompt: Prompt,
) -> Result<(Started, Reply), Refused> {
    let mut started = begin(http, caller, prompt).await?;
    let steps = std::mem::replace(&mut started.steps, mpsc::channel(1).1);
    match wait(steps, None).await? {
        Waited::Done(reply) => Ok((started, *reply)),
        Waited::TimedOut => Err(Refused::failed("the run ended without a result")),
    }
}
