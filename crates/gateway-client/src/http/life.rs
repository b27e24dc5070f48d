//! Watches an HTTP gateway: whether it answers, how often to ask, and when to stop asking.
//!
//! HTTP has no lasting connection. This module derives a connection state from the answers.

use super::spec::Call;
use super::wire::{Answer, Trouble};
use super::{Dialect, Inner, poll, read, webhook};
use crate::session::backoff::{Backoff, LookAgain, named_wait};
use crate::session::verdict::Verdict;
use crate::supervisor::keep_running;
use crate::{CallError, ConnectionState, GatewayEvent, PauseReason, ServerInfo};
use clawtray_gateway_protocol::bounds;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// Between looks at a gateway that said that waiting is right, where it named no time.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Agents whose sessions are asked for.
const AGENTS_MAX: usize = 64;

/// What a refusal means, and what happened, in a sentence.
pub(crate) struct Setback {
    pub(crate) verdict: Verdict,
    pub(crate) sentence: String,
}

impl Setback {
    pub(crate) fn new(verdict: Verdict, sentence: impl Into<String>) -> Self {
        Self {
            verdict,
            sentence: sentence.into(),
        }
    }
}

/// Runs until a stop command, or until the last handle is dropped.
pub(crate) async fn live(inner: Arc<Inner>) {
    if let Some(config) = inner
        .config
        .webhook
        .as_ref()
        .filter(|_| inner.spec.dialect == Dialect::Messages)
    {
        match webhook::listen(&inner, config).await {
            Ok(()) => inner.set_can(|can| can.push = true),
            // What it would tell is found by looking.
            Err(error) => {
                tracing::warn!(kind = ?error.kind(), port = config.port, "webhooks cannot be received")
            }
        }
    }
    let mut closed = inner.closed.subscribe();
    tokio::select! {
        _ = closed.wait_for(|closed| *closed) => {}
        () = keep_running(&inner.state, &inner.wake, || go_on(&inner)) => {}
    }
}

async fn go_on(inner: &Arc<Inner>) {
    let seed = inner.config.rng_seed.unwrap_or_else(rand::random);
    let mut backoff = Backoff::new(seed);
    let mut look_again = LookAgain::new(inner.config.was_ready);
    let mut polls = poll::Polls::default();
    loop {
        if inner.ready().is_err() {
            inner.state.send_replace(ConnectionState::Connecting);
        }
        match look(inner).await {
            Ok(info) => {
                backoff.reset();
                look_again.ready();
                let again = inner.ready().is_ok();
                inner.state.send_replace(ConnectionState::Ready(Box::new(info)));
                inner.fanout.emit(if again {
                    GatewayEvent::Resync
                } else {
                    GatewayEvent::Connected { new_boot: false }
                });
                stay(inner, &mut polls).await;
            }
            Err(setback) => rest(&inner.state, &inner.wake, &mut backoff, &mut look_again, setback).await,
        }
    }
}

/// While all is well: looks for what others did, at the rate that the user chose.
async fn stay(inner: &Arc<Inner>, polls: &mut poll::Polls) {
    let every = inner.config.poll_every;
    let mut next = Instant::now();
    loop {
        let polling = every.filter(|_| inner.can().sessions);
        tokio::select! {
            () = inner.wake.notified() => return,
            () = inner.worry.notified() => {
                // One lost answer is no lost gateway; a refused token is refused everywhere.
                if inner.wire.is_refused() {
                    return;
                }
                match inner.wire.once(&Call::get(inner.spec.health)).await {
                    Ok(answer) if answer.is_good() => {}
                    Ok(_) | Err(_) => return,
                }
            }
            () = sleep_until(next), if polling.is_some() => {
                let left = inner.wire.blocked_for();
                if left.is_none() && polls.look(inner).await.is_err() && inner.ready().is_err() {
                    return;
                }
                let wait = every.unwrap_or(LOOK_AGAIN).max(left.unwrap_or_default());
                next = Instant::now() + named_wait(wait);
            }
        }
    }
}

/// Waits as long as a refusal says, or until the user wants to try.
pub(crate) async fn rest(
    told: &watch::Sender<ConnectionState>,
    wake: &Notify,
    backoff: &mut Backoff,
    look_again: &mut LookAgain,
    setback: Setback,
) {
    let Setback { verdict, sentence } = setback;
    let (state, delay) = match verdict {
        Verdict::Pause(reason) => {
            let delay = look_again.after(&reason);
            (ConnectionState::Paused(reason), delay)
        }
        Verdict::PauseAndLook(reason) => (ConnectionState::Paused(reason), Some(LOOK_AGAIN)),
        Verdict::Retry { after } => {
            let delay = backoff.next(after);
            (waiting(backoff, delay, false, sentence), Some(delay))
        }
        Verdict::SoonBack { after } => {
            let delay = backoff.soon(after);
            (waiting(backoff, delay, true, sentence), Some(delay))
        }
        // Devices are of the native protocol.
        Verdict::RetryWithDeviceToken => (ConnectionState::Connecting, Some(LOOK_AGAIN)),
    };
    told.send_replace(state);
    match delay {
        Some(delay) => tokio::select! {
            () = sleep(delay) => {}
            () = wake.notified() => {}
        },
        None => wake.notified().await,
    }
}

fn waiting(backoff: &Backoff, delay: Duration, soon_back: bool, error: String) -> ConnectionState {
    ConnectionState::Backoff {
        attempt: backoff.attempts(),
        delay,
        soon_back,
        error,
    }
}

/// Whether the gateway is there, lets us in, and what it says about itself.
async fn look(inner: &Inner) -> Result<ServerInfo, Setback> {
    let spec = inner.spec;
    let health = match inner.wire.once(&Call::get(spec.health)).await {
        // A key that may not ask for health may still send.
        Ok(answer) if answer.status == 403 && answer.json.is_some() => None,
        Ok(answer) if (spec.is_health)(&answer) => answer.json,
        Ok(answer) => {
            return Err(refused(
                &answer,
                inner.wire.token().is_none(),
                spec.dialect.name(),
            ));
        }
        Err(trouble) => return Err(failed(trouble)),
    };
    let health = health.unwrap_or_default();
    let mut info = ServerInfo {
        version: bounds::cut(
            read::text(&health, &["version"]).unwrap_or_default(),
            bounds::CODE_MAX,
        )
        .to_owned(),
        ..ServerInfo::default()
    };
    let mut agent = read::text(&health, &["agent"]).map(str::to_owned);
    match spec.dialect {
        Dialect::Chat => {
            if let Some((call, shape)) = (spec.method)("agents.list", &Value::Null, &Default::default())
                && let Ok(value) = inner.carry_out(&call).await
            {
                let value = shape(value);
                agent = read::text(&value, &["defaultId"]).map(str::to_owned);
                let ids = read::list(&value, &["agents"])
                    .iter()
                    .filter_map(|agent| read::text(agent, &["id"]).map(str::to_owned));
                inner.names().agents = ids.take(AGENTS_MAX).collect();
            }
        }
        Dialect::Messages => {
            if let Ok(value) = inner.carry_out(&Call::get("/api/v1/workspaces")).await {
                let all: Vec<&str> = read::list(&value, &["workspaces", "data"])
                    .iter()
                    .filter_map(|workspace| read::text(workspace, &["id"]))
                    .collect();
                if !all.contains(&super::d5::WORKSPACE) {
                    inner.names().workspace = all.first().map(|id| (*id).to_owned());
                }
            }
        }
        Dialect::OpenAi => {
            let models: Vec<&str> = read::list(&health, &["data"])
                .iter()
                .filter_map(|model| read::text(model, &["id"]))
                .collect();
            let own = models.iter().find(|id| id.starts_with("openclaw"));
            agent = own.or(models.first()).map(|id| (*id).to_owned());
        }
        Dialect::Sessions | Dialect::SessionsList | Dialect::Gateway => {}
    }
    inner.names().default_agent.clone_from(&agent);
    let mut rows = Vec::new();
    if spec.sessions.is_some() {
        // The health path needs no token; the list does.
        match inner.rows().await {
            Ok(found) => {
                inner.set_can(|can| can.sessions = true);
                rows = found.into_iter().map(|(row, user, _)| (row, user)).collect();
            }
            Err(CallError::Gateway(error)) if error.code == "UNAUTHORIZED" => {
                return Err(unauthorized(inner.wire.token().is_none()));
            }
            Err(CallError::Gateway(error)) if error.code == "RATE_LIMITED" => {
                let after = error.retry_after_ms.map(Duration::from_millis);
                return Err(limited(after));
            }
            Err(CallError::Gateway(error)) if error.code == "UNAVAILABLE" => {
                let after = error.retry_after_ms.map(Duration::from_millis);
                return Err(Setback::new(
                    Verdict::SoonBack { after },
                    "the gateway is starting",
                ));
            }
            Err(error @ (CallError::Disconnected { .. } | CallError::Timeout(_))) => {
                return Err(Setback::new(Verdict::Retry { after: None }, error.to_string()));
            }
            // It does not list, or not for this key: prompts can be sent all the same.
            Err(error) => {
                tracing::debug!(%error, "sessions cannot be listed");
                inner.set_can(|can| can.sessions = false);
            }
        }
    }
    let mut names = inner.names();
    if spec.dialect == Dialect::Sessions && agent.is_none() {
        agent = rows
            .first()
            .and_then(|(row, _)| Some(row.agent_id.as_ref()?.0.clone()));
        names.default_agent.clone_from(&agent);
    }
    if spec.dialect != Dialect::Chat {
        let mut ids: Vec<String> = Vec::new();
        for (row, _) in &rows {
            if let Some(agent) = row.agent_id.as_ref().filter(|agent| !ids.contains(&agent.0)) {
                ids.push(agent.0.clone());
            }
        }
        names.agents = ids;
    }
    info.main_session_key = Some(names.main(spec, &rows).into());
    info.default_agent_id = agent.map(Into::into);
    Ok(info)
}

/// No answer.
pub(crate) fn failed(trouble: Trouble) -> Setback {
    match trouble {
        Trouble::Unreachable { what, .. } => Setback::new(Verdict::Retry { after: None }, what),
        Trouble::Certificate { message, fingerprint } => {
            let reason = PauseReason::InsecureTransport {
                message: message.clone(),
                fingerprint,
            };
            Setback::new(Verdict::Pause(reason), message)
        }
        Trouble::Insecure(message) => {
            let reason = PauseReason::InsecureTransport {
                message: message.clone(),
                fingerprint: None,
            };
            Setback::new(Verdict::Pause(reason), message)
        }
        Trouble::Timeout(_) | Trouble::TooLarge | Trouble::Path => Setback::new(
            Verdict::Retry { after: None },
            "the gateway did not answer in time",
        ),
        Trouble::Blocked(left) => limited(Some(left)),
    }
}

/// An answer that does not belong to this dialect.
pub(crate) fn refused(answer: &Answer, no_token: bool, dialect: &str) -> Setback {
    let after = answer.retry_after;
    match answer.status {
        401 => unauthorized(no_token),
        429 => limited(after),
        503 => Setback::new(Verdict::SoonBack { after }, "the gateway is starting"),
        408 | 425 | 500..=599 => Setback::new(
            Verdict::Retry { after },
            format!("the gateway answered with HTTP {}", answer.status),
        ),
        status => {
            let message = if answer.page {
                format!(
                    "the address leads to a web page, not to the dialect {dialect}; check the address and the protocol"
                )
            } else {
                format!(
                    "the server does not support the dialect {dialect} (HTTP {status}); choose another protocol"
                )
            };
            let reason = PauseReason::Refused {
                code: "NOT_A_GATEWAY".to_owned(),
                message: message.clone(),
            };
            Setback::new(Verdict::Pause(reason), message)
        }
    }
}

pub(crate) fn unauthorized(no_token: bool) -> Setback {
    let (code, message) = if no_token {
        ("AUTH_TOKEN_MISSING", "the gateway needs a token")
    } else {
        ("AUTH_TOKEN_MISMATCH", "the token is not valid")
    };
    let reason = PauseReason::AuthRequired {
        code: code.to_owned(),
        next_step: None,
    };
    Setback::new(Verdict::Pause(reason), message)
}

pub(crate) fn limited(retry_after: Option<Duration>) -> Setback {
    Setback::new(
        Verdict::Pause(PauseReason::RateLimited {
            retry_after: retry_after.map(named_wait),
        }),
        "too many requests",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long the connection rests after this refusal, by itself.
    async fn rests(look_again: &mut LookAgain, setback: Setback) -> Option<Duration> {
        let (state, _) = watch::channel(ConnectionState::Idle);
        let begun = Instant::now();
        let resting = async {
            rest(&state, &Notify::new(), &mut Backoff::new(1), look_again, setback).await;
        };
        let day = Duration::from_secs(86_400);
        tokio::time::timeout(day, resting)
            .await
            .ok()
            .map(|()| begun.elapsed())
    }

    fn page(status: u16) -> Answer {
        Answer {
            status,
            retry_after: None,
            json: None,
            page: true,
            text: "<html>".to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_portal_in_between_stops_only_what_never_was_ready() {
        for status in [200, 302, 403, 404] {
            let portal = || refused(&page(status), false, "sessions");
            assert_eq!(rests(&mut LookAgain::new(false), portal()).await, None);
            let mut known = LookAgain::new(true);
            for expected in [60, 120, 240, 480, 600, 600] {
                let took = rests(&mut known, portal()).await.unwrap();
                assert_eq!(took.as_secs(), expected, "{status}");
            }
        }
        assert_eq!(rests(&mut LookAgain::new(true), unauthorized(false)).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_named_wait_is_bounded() {
        for secs in [3_601, 31_536_000, u64::MAX] {
            let named = Some(Duration::from_secs(secs));
            let took = rests(&mut LookAgain::new(false), limited(named)).await.unwrap();
            assert_eq!(took.as_secs(), 3_600);
            for verdict in [
                Verdict::Retry { after: named },
                Verdict::SoonBack { after: named },
            ] {
                let took = rests(&mut LookAgain::new(false), Setback::new(verdict, "x")).await;
                assert!(took.is_some_and(|took| took.as_secs() <= 3_960), "{took:?}");
            }
        }
    }
}
