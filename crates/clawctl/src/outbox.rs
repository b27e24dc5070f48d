//! The outbox that `clawctl` shares with the app, so that no prompt is lost and none is sent twice.
//!
//! A prompt to a configured gateway is on disk before it is sent, and leaves the outbox when the
//! gateway has it. If an earlier process was killed or lost its connection, its prompts are sent
//! first, under the same key. A gateway from the environment has no outbox, because nothing is
//! stored for it.

use crate::commands::now_ms;
use crate::exit::{Exit, Failure, Outcome};
use crate::link::Link;
use crate::term::{Term, one_line};
use clawtray_companion::outbox::{Verdict, look_up, verdict};
use clawtray_companion::paths::Paths;
use clawtray_companion::store::{Claim, Claimed, Sender, Store, StoreError, StoreOptions};
use clawtray_companion::words::Language;
use clawtray_gateway_client::{CallError, ConnectionState, Prompt, SendAck};
use std::time::Duration;
use tokio::time::Instant;

/// Time to find out what became of a prompt whose answer was lost.
const LOOK_LIMIT: Duration = Duration::from_secs(60);
/// Prompts of earlier processes that are sent before ours.
const MOST: usize = 100;
/// Taken prompts are remembered this long, so that their keys are not used again.
const REMEMBER_MS: i64 = 24 * 60 * 60 * 1000;

/// The outbox of one gateway, opened for sending.
pub(crate) struct Outbox {
    store: Store,
    sender: Sender,
    gateway: String,
}

impl Outbox {
    /// None for a gateway that is not a configured one.
    pub(crate) fn open(link: &Link) -> Outcome<Option<Self>> {
        let Some(profile) = &link.profile else {
            return Ok(None);
        };
        let store = Store::open(Paths::from_environment().data, StoreOptions::default()).map_err(local)?;
        Ok(Some(Self {
            sender: store.sender(),
            store,
            gateway: profile.id.clone(),
        }))
    }

    /// Sends what earlier processes left.
    pub(crate) async fn send_left_over(&self, link: &Link, term: &mut Term) -> Outcome {
        for _ in 0..MOST {
            let (us, lease) = (self.sender.name(), self.sender.lease());
            let claim = self
                .store
                .outbox_claim(&self.gateway, us, now_ms(), lease)
                .map_err(local)?;
            let Some(claim) = claim else { break };
            let (id, text) = (claim.prompt.idempotency_key.clone(), claim.prompt.text.clone());
            term.progress("sending waiting messages…");
            match self.deliver(link, claim).await? {
                Ok(_) => term.note(&format!("sent a waiting message: {}", one_line(&text))),
                Err(Verdict::Failed(error)) => {
                    let reason = error.sentence(Language::English);
                    self.store.outbox_fail(&id, us, &reason).map_err(local)?;
                    term.note(&format!("a waiting message was refused: {reason}"));
                }
                Err(_) => {
                    self.store.outbox_release(&id, us, 0).map_err(local)?;
                    break;
                }
            }
        }
        self.store
            .outbox_forget_taken(now_ms() - REMEMBER_MS)
            .map_err(local)?;
        Ok(())
    }

    /// One prompt, once. Its answer, when this process has seen it.
    async fn deliver(&self, link: &Link, claim: Claim) -> Outcome<Result<Option<SendAck>, Verdict>> {
        let (id, session) = (claim.prompt.idempotency_key.clone(), claim.prompt.session.clone());
        if claim.first_attempt_at_ms.is_some() {
            match look_up(&*link.gateway, session.as_str(), &id).await {
                Verdict::Delivered => {
                    self.store.outbox_taken(&id, now_ms()).map_err(local)?;
                    return Ok(Ok(None));
                }
                Verdict::Again => {}
                verdict @ (Verdict::Uncertain | Verdict::Failed(_)) => return Ok(Err(verdict)),
            }
        }
        match link.gateway.send(claim.prompt).await {
            Ok(ack) => {
                self.store.outbox_taken(&id, now_ms()).map_err(local)?;
                Ok(Ok(Some(ack)))
            }
            Err(error) => Ok(Err(verdict(&error))),
        }
    }

    /// Sends a prompt of ours. It is on the disk before anything goes out.
    pub(crate) async fn send(&self, link: &Link, prompt: Prompt, term: &mut Term) -> Outcome<SendAck> {
        let id = prompt.idempotency_key.clone();
        self.store
            .outbox_insert(&self.gateway, &prompt, now_ms())
            .map_err(local)?;
        let (us, lease) = (self.sender.name(), self.sender.lease());
        let claimed = self
            .store
            .outbox_claim_one(&id, us, now_ms(), lease)
            .map_err(local)?;
        let Claimed::Ours(_) = claimed else {
            return Ok(taken(&id));
        };
        let end = Instant::now() + LOOK_LIMIT;
        loop {
            let error = match link.gateway.send(prompt.clone()).await {
                Ok(ack) => {
                    self.store.outbox_taken(&id, now_ms()).map_err(local)?;
                    return Ok(ack);
                }
                Err(error) => error,
            };
            if verdict(&error) != Verdict::Uncertain {
                // It had no effect, and whoever asked is told: nothing is sent behind their back later.
                self.take_back(&id);
                return Err(error.into());
            }
            term.progress("the answer was lost, checking whether the message arrived…");
            match self.found_out(link, &prompt, end).await {
                Verdict::Delivered => {
                    self.store.outbox_taken(&id, now_ms()).map_err(local)?;
                    return Ok(taken(&id));
                }
                Verdict::Again => {}
                Verdict::Uncertain => return Err(left(&error)),
                Verdict::Failed(why) => {
                    let reason = why.sentence(Language::English);
                    self.store.outbox_fail(&id, us, &reason).map_err(local)?;
                    return Err(unknown(&error));
                }
            }
        }
    }

    /// What became of a prompt whose answer was lost; uncertain when that could not be found out in time.
    async fn found_out(&self, link: &Link, prompt: &Prompt, end: Instant) -> Verdict {
        let mut state = link.gateway.state();
        loop {
            let ready = state.wait_for(|state| {
                matches!(
                    state,
                    ConnectionState::Ready(_) | ConnectionState::Paused(_) | ConnectionState::Closed
                )
            });
            match tokio::time::timeout_at(end, ready).await {
                Ok(Ok(state)) if matches!(&*state, ConnectionState::Ready(_)) => {}
                Ok(_) | Err(_) => return Verdict::Uncertain,
            }
            match look_up(&*link.gateway, prompt.session.as_str(), &prompt.idempotency_key).await {
                Verdict::Uncertain if Instant::now() < end => {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                found @ (Verdict::Delivered | Verdict::Again | Verdict::Uncertain | Verdict::Failed(_)) => {
                    return found;
                }
            }
        }
    }

    /// The person does not want it any more, or was told that it was not sent.
    pub(crate) fn take_back(&self, id: &str) {
        let us = self.sender.name();
        let _ = self.store.outbox_release(id, us, 0);
        let _ = self.store.outbox_cancel(id);
    }
}

/// The run of a prompt that was taken without an answer to us: its key names it.
fn taken(id: &str) -> SendAck {
    SendAck {
        run_id: id.into(),
        status: "accepted".to_owned(),
        reply: None,
    }
}

fn local(error: StoreError) -> Failure {
    Failure::local(error.to_string()).next("clawctl doctor")
}

/// A gateway that cannot be asked whether it has a prompt: sending again could send it twice.
fn unknown(error: &CallError) -> Failure {
    Failure::new(
        Exit::NotConnected,
        format!("{error}; the message may have arrived and is not sent again"),
    )
    .next("clawctl history")
}

fn left(error: &CallError) -> Failure {
    Failure::new(
        Exit::NotConnected,
        format!("{error}; the message waits in the outbox until the next message or until the app sends it"),
    )
    .next("clawctl status")
}
