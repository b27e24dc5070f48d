//! Sends prompts, and follows their state in the transcript.

use super::handle::Reply;
use super::{App, Then, Timer};
use crate::api::{AttachmentInput, AttachmentView, MessageState, Signal};
use crate::gateway::{Attachment, CallError, ConnectionState, Gateway, Prompt, RunEvent, RunStep, SendAck};
use crate::ids::{GatewayId, SessionRef};
use crate::outbox::{Item, ItemState, Step, Verdict, look_up, verdict};
use crate::ports::WindowKind;
use crate::request_error::{MB, RequestError};
use clawtray_gateway_protocol::{ContentPart, Message, Role, RunId};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The largest small picture that goes to windows, in base64 characters.
const PREVIEW: usize = 60_000;

/// An attachment as a window shows it.
#[must_use]
pub fn attachment_view(attachment: &Attachment) -> AttachmentView {
    let image = attachment.mime_type.starts_with("image/") && !attachment.mime_type.contains("svg");
    let small = image && attachment.content.len() <= PREVIEW;
    AttachmentView {
        name: attachment.file_name.clone().unwrap_or_else(|| "File".to_owned()),
        mime_type: attachment.mime_type.clone(),
        bytes: decoded_size(&attachment.content),
        preview: small.then(|| format!("data:{};base64,{}", attachment.mime_type, attachment.content)),
        artifact: None,
    }
}

fn decoded_size(base64: &str) -> u64 {
    let padding = base64.bytes().rev().take_while(|byte| *byte == b'=').count();
    (base64.len() / 4 * 3).saturating_sub(padding) as u64
}

impl App {
    pub(super) fn send_message(
        &mut self,
        window: Option<WindowKind>,
        session: Option<SessionRef>,
        gateway: Option<GatewayId>,
        text: String,
        attachments: Vec<AttachmentInput>,
    ) -> Result<String, RequestError> {
        let here = window.unwrap_or(WindowKind::Popup);
        let (named, session) = match session {
            Some(SessionRef { gateway, session }) => (Some(gateway), Some(session)),
            None => (gateway, None),
        };
        let profile = match named {
            Some(gateway) => self.known(&gateway).map(|()| gateway)?,
            None => self.profiles.active().ok_or(RequestError::NoGateway)?.into(),
        };
        let known = session
            .or_else(|| self.target_on(&profile, here))
            .filter(|session| !session.is_empty());
        let session = match known {
            Some(session) => session,
            // A gateway that was never reached: what is written waits in a session of its own.
            None => {
                let fresh = self.new_session_key(&profile, None)?;
                self.set_target_to(here, &SessionRef::new(profile.clone(), fresh.clone()));
                fresh
            }
        };
        let id = self.enqueue(&profile, &session, text, attachments, None)?;
        self.stay(here, &SessionRef::new(profile.clone(), session.clone()));
        // What was written in a window is sent now; a reply from a notification leaves what waits there alone. On the disk
        // it stays until the outbox has it.
        self.shelf.show_draft(&profile, &session, "");
        Ok(id)
    }

    /// Puts a prompt in the outbox, shows it, and sends it when it can be sent.
    pub(super) fn enqueue(
        &mut self,
        profile: &str,
        session: &str,
        text: String,
        attachments: Vec<AttachmentInput>,
        timeout_ms: Option<u64>,
    ) -> Result<String, RequestError> {
        if text.trim().is_empty() && attachments.is_empty() {
            return Err(RequestError::NothingToSend);
        }
        self.check_attachments(profile, &attachments)?;
        let attachments: Vec<Attachment> = attachments
            .into_iter()
            .map(|file| Attachment {
                mime_type: file.mime_type,
                file_name: Some(file.name),
                content: file.content,
            })
            .collect();
        let item = Item {
            id: uuid::Uuid::new_v4().to_string(),
            gateway: profile.to_owned(),
            session: session.to_owned(),
            text,
            attachments,
            timeout_ms,
            at_ms: self.now_ms(),
            ..Item::default()
        };
        // It is sent once it is written.
        self.shelf.put_item(&item);
        self.echo(&item);
        let id = item.id.clone();
        self.outbox.push_new(item);
        self.publisher.dirty.outbox = true;
        Ok(id)
    }

    fn check_attachments(&self, profile: &str, attachments: &[AttachmentInput]) -> Result<(), RequestError> {
        let Some(link) = self.links.get(profile) else {
            return Ok(());
        };
        if attachments.is_empty() {
            return Ok(());
        }
        if link
            .gateway
            .as_ref()
            .is_some_and(|gateway| !gateway.capabilities().attachments)
        {
            return Err(RequestError::NoFiles);
        }
        let ConnectionState::Ready(info) = &link.state else {
            return Ok(());
        };
        for file in attachments {
            let image = file.mime_type.starts_with("image/");
            let limit = if image {
                info.max_image_bytes
            } else {
                info.max_attachment_bytes
            };
            if let Some(limit) = limit.filter(|limit| decoded_size(&file.content) > *limit) {
                let megabytes = limit / MB;
                return Err(if image {
                    RequestError::ImageTooLarge(megabytes)
                } else {
                    RequestError::FileTooLarge(megabytes)
                });
            }
        }
        let all: u64 = attachments.iter().map(|file| file.content.len() as u64).sum();
        if info.max_payload_bytes > 0 && all + 65_536 > info.max_payload_bytes {
            // In base64, four bytes stand for three.
            return Err(RequestError::FilesTooLarge(info.max_payload_bytes / 4 * 3 / MB));
        }
        Ok(())
    }

    pub(super) fn echo(&mut self, item: &Item) {
        let state = match item.state {
            ItemState::Queued => MessageState::Queued,
            ItemState::Sending | ItemState::Uncertain => MessageState::Sending,
            ItemState::Failed => MessageState::Failed,
        };
        let views = item.attachments.iter().map(attachment_view).collect();
        let Some(link) = self.links.get_mut(&item.gateway) else {
            return;
        };
        let Some(open) = link.transcripts.get_mut(&item.session) else {
            return;
        };
        let mut changes = open.echo(&item.id, &item.text, views, state, item.at_ms);
        if item.error.is_some() {
            changes.extend(open.set_state(&item.id, state, item.error.clone()));
        }
        self.transcript_changed(&item.gateway, &item.session, changes);
    }

    /// Sends what can be sent now, once it is known to be ours to send.
    pub(super) fn pump(&mut self, profile: &str) {
        if self
            .links
            .get(profile)
            .and_then(super::link::Link::ready)
            .is_none()
        {
            return;
        }
        for step in self.outbox.next(profile) {
            let (Step::Send(item) | Step::LookUp(item)) = &step;
            if self.outbox.is_unsaved(&item.id) {
                // No other process knows of it.
                self.carry_out(step);
            } else {
                self.shelf.claim(step);
            }
            self.publisher.dirty.outbox = true;
        }
    }

    /// Sends a prompt that is ours to send, or looks for it. False: there is no connection any more.
    pub(super) fn carry_out(&mut self, step: Step) -> bool {
        let (Step::Send(item) | Step::LookUp(item)) = &step;
        let Some(gateway) = self.links.get(&item.gateway).and_then(super::link::Link::ready) else {
            return false;
        };
        match step {
            Step::Send(item) => {
                self.echo(&item);
                self.send_item(gateway, item);
            }
            Step::LookUp(item) => self.look_up(gateway, item),
        }
        true
    }

    fn send_item(&mut self, gateway: Arc<dyn Gateway>, item: Item) {
        let prompt = Prompt {
            session: item.session.as_str().into(),
            text: item.text,
            idempotency_key: item.id.clone(),
            thinking: item.thinking,
            attachments: item.attachments,
            timeout_ms: item.timeout_ms,
        };
        let id = item.id;
        self.spawn(async move {
            let sent = gateway.send(prompt).await;
            Box::new(move |app: &mut Self| app.on_sent(&id, sent)) as Then
        });
    }

    /// The answer was lost: the transcript says whether the gateway has the prompt.
    fn look_up(&mut self, gateway: Arc<dyn Gateway>, item: Item) {
        self.spawn(async move {
            let verdict = look_up(&*gateway, &item.session, &item.id).await;
            Box::new(move |app: &mut Self| {
                let go_on = verdict != Verdict::Uncertain;
                app.settle(&item.id, &verdict);
                if go_on {
                    app.pump(&item.gateway);
                } else {
                    app.after_once(Timer::Pump(item.gateway), Duration::from_secs(3));
                }
            }) as Then
        });
    }

    fn on_sent(&mut self, id: &str, sent: Result<SendAck, CallError>) {
        let Some(item) = self.outbox.get(id).cloned() else {
            return;
        };
        match sent {
            Ok(ack) => {
                self.settle(id, &Verdict::Delivered);
                if let Some(reply) = ack.reply {
                    self.on_reply_in_answer(&item, ack.run_id, reply);
                }
                self.pump(&item.gateway);
            }
            Err(error) => {
                let verdict = verdict(&error);
                self.settle(id, &verdict);
                let wait = match &error {
                    CallError::Gateway(error) => error
                        .retry_after_ms
                        .map_or(Duration::from_secs(2), Duration::from_millis),
                    CallError::NotConnected
                    | CallError::Disconnected { .. }
                    | CallError::Timeout(_)
                    | CallError::TooLarge { .. }
                    | CallError::Unsupported(_)
                    | CallError::Decode { .. } => Duration::from_secs(2),
                };
                if matches!(verdict, Verdict::Failed(_)) {
                    self.pump(&item.gateway);
                } else {
                    self.after_once(Timer::Pump(item.gateway), wait);
                }
            }
        }
    }

    /// Gateways that answer a send with the whole reply have no run to follow.
    fn on_reply_in_answer(&mut self, item: &Item, run: RunId, text: String) {
        let message = Message {
            role: Role::Assistant,
            content: vec![ContentPart::Text { text }],
            timestamp: Some(self.now_ms()),
            idempotency_key: None,
            stop_reason: Some("stop".to_owned()),
            error_message: None,
            tool_call_id: None,
            tool_name: None,
            is_error: None,
            model: None,
            meta: clawtray_gateway_protocol::content::MessageMeta::default(),
        };
        let event = RunEvent {
            run,
            session: item.session.as_str().into(),
            agent: None,
            seq: u64::MAX,
            step: RunStep::Final {
                message: Some(Box::new(message)),
                stop_reason: Some("stop".to_owned()),
            },
        };
        self.on_run(&item.gateway, &event);
    }

    pub(super) fn settle(&mut self, id: &str, verdict: &Verdict) {
        let Some(item) = self.outbox.settle(id, verdict, self.language()) else {
            return;
        };
        let (state, error) = match verdict {
            Verdict::Delivered => {
                self.shelf.remove_item(id);
                self.say_unsaved();
                (MessageState::Done, None)
            }
            Verdict::Again => {
                self.shelf.put_item(&item);
                (MessageState::Queued, None)
            }
            Verdict::Uncertain => {
                self.shelf.put_item(&item);
                (MessageState::Sending, None)
            }
            Verdict::Failed(error) => {
                self.shelf.put_item(&item);
                self.on_prompt_failed(&item, error);
                (MessageState::Failed, item.error.clone())
            }
        };
        self.publisher.dirty.outbox = true;
        let Some(link) = self.links.get_mut(&item.gateway) else {
            return;
        };
        let Some(open) = link.transcripts.get_mut(&item.session) else {
            return;
        };
        let changes = open.set_state(id, state, error);
        self.transcript_changed(&item.gateway, &item.session, changes);
    }

    /// A stored message with our key says that a prompt arrived, whatever became of the answer.
    pub(super) fn on_delivered_elsewhere(&mut self, profile: &str, message: &Message) {
        let key = message
            .idempotency_key
            .as_deref()
            .and_then(|key| key.strip_suffix(":user"));
        if let Some(id) = key.map(str::to_owned)
            && self.outbox.get(&id).is_some()
            && !self.outbox.is_in_flight(&id)
        {
            self.settle(&id, &Verdict::Delivered);
            self.pump(profile);
        }
    }

    pub(super) fn cancel_queued(
        &mut self,
        window: Option<WindowKind>,
        id: &str,
    ) -> Result<Value, RequestError> {
        let Some(item) = self.outbox.cancel(id) else {
            return Err(RequestError::PromptOnItsWay);
        };
        self.shelf.remove_item(id);
        self.say_unsaved();
        // Below what is written there by now.
        let before = self.shelf.draft(&item.gateway, &item.session);
        let draft = match before.trim_end() {
            "" => item.text.clone(),
            before => format!("{before}\n\n{}", item.text),
        };
        self.shelf.set_draft(&item.gateway, &item.session, &draft);
        self.publisher.dirty.outbox = true;
        if let Some(open) = self
            .links
            .get_mut(&item.gateway)
            .and_then(|link| link.transcripts.get_mut(&item.session))
        {
            let changes = open.remove(id);
            self.transcript_changed(&item.gateway, &item.session, changes);
        }
        if let Some(window) = window {
            let session = SessionRef::new(item.gateway, item.session);
            let text = item.text;
            self.signal(window, Signal::Prefill { session, text });
        }
        Ok(Value::Null)
    }

    pub(super) fn retry_queued(&mut self, id: &str) -> Result<Value, RequestError> {
        let Some(item) = self.outbox.retry(id) else {
            return Err(RequestError::NoSuchPrompt);
        };
        self.shelf.put_item(&item);
        self.echo(&item);
        self.publisher.dirty.outbox = true;
        self.pump(&item.gateway);
        Ok(Value::Null)
    }

    pub(super) fn stop_run(&mut self, session: SessionRef, reply: Reply) {
        let SessionRef { gateway: id, session } = session;
        let gateway = match self.ready(&id) {
            Ok(gateway) => gateway,
            Err(error) => {
                reply.send(Err(error));
                return;
            }
        };
        let run = self
            .links
            .get(id.as_str())
            .and_then(|link| link.transcripts.get(&session))
            .and_then(|open| open.active_run().map(RunId::from));
        self.spawn(async move {
            let stopped = gateway.abort(&session.as_str().into(), run.as_ref()).await;
            let answer = stopped
                .map(|stopped| json!({ "stopped": stopped }))
                .map_err(RequestError::from);
            reply.send(answer);
            Box::new(|_: &mut Self| {}) as Then
        });
    }

    /// The connection of a gateway that a request names.
    pub(super) fn ready(&self, gateway: &GatewayId) -> Result<Arc<dyn Gateway>, RequestError> {
        self.known(gateway)?;
        let link = self.links.get(gateway.as_str());
        link.and_then(super::link::Link::ready)
            .ok_or(RequestError::NotConnected)
    }
}
