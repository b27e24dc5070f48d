//! Handles the events of gateways.

use super::link::{LiveRun, Waiting};
use super::{App, Then, Timer};
use crate::gateway::{GatewayEvent, RunEvent, RunStep};
use crate::notify_policy::{OccasionKind, session_tag};
use crate::sessions::{LONGEST_KEY, Merged};
use crate::silence::{is_heartbeat_session, is_wake_message, says_nothing};
use clawtray_gateway_protocol::{Message, Role};
use serde_json::Value;
use std::time::Duration;

/// Text kept of a reply that no window shows, for its notification; about this many bytes.
const KEPT_TEXT: usize = 4000;
/// Active runs that are followed at a time.
const MOST_RUNS: usize = 500;

impl App {
    pub(super) fn on_gateway_event(&mut self, id: &str, event: GatewayEvent) {
        if longest_key(&event) > LONGEST_KEY {
            tracing::debug!(gateway = id, "an event with a key that is too long was dropped");
            return;
        }
        match event {
            GatewayEvent::Connected { .. } | GatewayEvent::Resync => {
                self.timers.remove(&Timer::Resync(id.to_owned()));
                self.resync(id);
            }
            GatewayEvent::SessionsChanged { .. } => self.refresh_sessions_soon(id),
            GatewayEvent::Run(event) => self.on_run(id, &event),
            GatewayEvent::Message { session, message } => self.on_message(id, session.as_str(), &message),
            GatewayEvent::SessionChanged {
                session,
                reason,
                delta,
            } => {
                self.on_session_changed(id, session.as_str(), reason.as_deref(), &delta.fields());
            }
            GatewayEvent::ApprovalRequested(approval) => self.on_approval_requested(id, *approval),
            GatewayEvent::ApprovalResolved { id: approval, .. } => {
                self.on_approval_resolved(id, approval.as_str());
            }
            GatewayEvent::Health(_) => {}
            GatewayEvent::Shutdown { reason, .. } => {
                tracing::info!(gateway = id, ?reason, "the gateway goes away");
            }
            GatewayEvent::Other { name, payload } => self.on_other(id, &name, &payload),
        }
    }

    fn on_other(&mut self, id: &str, name: &str, payload: &Value) {
        match name {
            "question.requested" => self.on_question_requested(id, payload),
            "question.resolved" => {
                if let Some(question) = payload.get("id").and_then(Value::as_str) {
                    self.on_question_resolved(id, question);
                }
            }
            "device.pair.requested" => {
                let named = payload.get("displayName").and_then(Value::as_str);
                let device = named.unwrap_or(self.words().some_device).to_owned();
                self.tell(id, OccasionKind::Pairing { device: Some(device) });
            }
            _ => {}
        }
    }

    /// Reads again what a window may show: after every connect, and after events went missing.
    pub(super) fn resync(&mut self, id: &str) {
        let Some(gateway) = self.links.get(id).and_then(super::link::Link::ready) else {
            return;
        };
        let can = gateway.capabilities();
        if let Some(link) = self.links.get_mut(id) {
            link.runs.clear();
        }
        self.load_sessions(id, true);
        let open: Vec<String> = self
            .links
            .get(id)
            .map(|link| link.transcripts.keys().cloned().collect())
            .unwrap_or_default();
        for session in open {
            self.load_history(id, &session);
        }
        if can.approvals {
            self.load_needs(id);
        }
        let owner = id.to_owned();
        self.spawn(async move {
            let agents = gateway.agents().await;
            let latency = gateway.ping().await;
            Box::new(move |app: &mut Self| {
                let Some(link) = app.links.get_mut(&owner) else {
                    return;
                };
                if let Ok(agents) = agents {
                    link.agents = agents;
                }
                link.latency_ms = latency
                    .ok()
                    .map(|took| u32::try_from(took.as_millis()).unwrap_or(u32::MAX));
                app.publisher.dirty.agents = true;
                app.publisher.dirty.sessions = true;
                app.publisher.connection_dirty();
            }) as Then
        });
        self.shelf.left(id);
        self.pump(id);
    }

    /// One reading for a burst of changes.
    fn refresh_sessions_soon(&mut self, id: &str) {
        self.after_once(Timer::Refresh(id.to_owned()), Duration::from_millis(250));
    }

    fn on_session_changed(&mut self, id: &str, session: &str, reason: Option<&str>, delta: &Value) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let was_unread = link.sessions.get(session).and_then(|row| row.unread) == Some(true);
        let merged = link.sessions.merge(session, reason, delta);
        let is_unread = link.sessions.get(session).and_then(|row| row.unread) == Some(true);
        let is_idle = link.sessions.get(session).is_some_and(|row| {
            row.active_run_ids.as_ref().is_some_and(Vec::is_empty) && row.has_active_run != Some(true)
        });
        match merged {
            Merged::Done => self.keep_session(id, session),
            Merged::Removed => {
                self.withdraw(&session_tag(id, session));
                self.drop_session_record(id, session);
            }
            Merged::Refresh => self.refresh_sessions_soon(id),
        }
        self.publisher.dirty.sessions = true;
        if was_unread && !is_unread {
            // Read here or elsewhere: nothing is left to tell.
            self.withdraw(&session_tag(id, session));
        }
        let silent = self
            .links
            .get(id)
            .is_some_and(|link| link.silent.contains(session));
        if is_unread && (self.in_view(id, session) || silent) {
            self.mark_read(id, session);
        }
        if matches!(reason, Some("reset" | "new" | "rewind" | "branch-switch")) {
            // What is still there comes with the next page.
            self.drop_message_records(id, session);
        }
        if matches!(
            reason,
            Some("reset" | "new" | "compact" | "rewind" | "branch-switch")
        ) {
            self.load_history(id, session);
        }
        // A run whose end never came: the gateway says that the session is idle.
        if is_idle && let Some(link) = self.links.get_mut(id) {
            let stuck = link
                .transcripts
                .get(session)
                .is_some_and(|open| open.active_run().is_some());
            if stuck && !link.runs.values().any(|run| run.session == session) {
                self.load_history(id, session);
            }
        }
    }

    fn on_message(&mut self, id: &str, session: &str, message: &Message) {
        let now_ms = self.now_ms();
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let is_speech = matches!(message.role, Role::User | Role::Assistant);
        let listed = link.sessions.get(session).is_some();
        if is_speech && !listed {
            // A session that was not there a moment ago; its row comes with the list.
            link.sessions.ensure(session);
            self.timers
                .entry(Timer::Refresh(id.to_owned()))
                .or_insert_with(|| tokio::time::Instant::now() + Duration::from_millis(250));
        }
        if is_speech && let Some(row) = link.sessions.get_mut(session) {
            let text = message.text();
            let woken = is_wake_message(message);
            if message.role == Role::User {
                if woken {
                    link.woken.insert(session.to_owned());
                } else {
                    link.woken.remove(session);
                }
            }
            let silent = woken || says_nothing(&text, link.woken.contains(session));
            if !text.trim().is_empty() && !silent {
                row.last_message_preview = Some(crate::text::one_line(&text, 160));
            }
            row.last_interaction_at = message.timestamp.max(row.last_interaction_at);
            self.publisher.dirty.sessions = true;
        }
        if let Some(open) = link.transcripts.get_mut(session) {
            let changes = open.on_message(message, now_ms);
            self.transcript_changed(id, session, changes);
        }
        self.keep_message(id, session, message);
        if is_speech && message.cut().is_some() {
            self.complete_told(id, session, message);
        }
        self.on_delivered_elsewhere(id, message);
    }

    pub(super) fn on_run(&mut self, id: &str, event: &RunEvent) {
        let now_ms = self.now_ms();
        let session = event.session.as_str();
        let run = event.run.as_str();
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let mut reload = false;
        let mut changes = Vec::new();
        let mut shown = None;
        if let Some(open) = link.transcripts.get_mut(session) {
            changes = open.on_run(event, now_ms);
            reload = open.take_reload();
            shown = open.view_of_run(run);
        }
        let before = link.runs.len();
        let mut read_silently = false;
        let text = match &event.step {
            RunStep::Status { .. } | RunStep::Thinking { .. } | RunStep::Tool { .. } => {
                link.begin_run(run, session);
                None
            }
            RunStep::Delta { text, replace, .. } => {
                let live = link.begin_run(run, session);
                if *replace {
                    live.text.clear();
                }
                let room = KEPT_TEXT.saturating_sub(live.text.len());
                live.text.extend(text.chars().take(room));
                None
            }
            RunStep::Final { message, .. } => {
                let live = link.runs.remove(run).unwrap_or_default();
                let text = message.as_ref().map_or(live.text, |message| message.text());
                let woken = is_heartbeat_session(session) || link.woken.contains(session);
                if !says_nothing(&text, woken) {
                    link.silent.remove(session);
                    Some(text)
                } else {
                    // What was unread before stays so.
                    if !live.had_unread {
                        link.silent.insert(session.to_owned());
                        read_silently = true;
                    }
                    None
                }
            }
            RunStep::Aborted { .. } => {
                link.runs.remove(run);
                None
            }
            RunStep::Error { .. } => {
                link.runs.remove(run);
                None
            }
        };
        let changed = link.runs.len() != before;
        if changed {
            if let Some(row) = link.sessions.get_mut(session) {
                let active: Vec<_> = link
                    .runs
                    .iter()
                    .filter(|(_, live)| live.session == session)
                    .map(|(id, _)| id.as_str().into())
                    .collect();
                row.has_active_run = Some(!active.is_empty());
                row.active_run_ids = Some(active);
            }
            self.publisher.dirty.sessions = true;
            self.publisher.tray_dirty = true;
        }
        self.transcript_changed(id, session, changes);
        if read_silently {
            self.note_told(id, session, run, now_ms);
            self.mark_read(id, session);
        }
        if reload {
            self.load_history(id, session);
        }
        match &event.step {
            RunStep::Final { message, .. } => {
                let at_ms = message
                    .as_ref()
                    .and_then(|message| message.timestamp)
                    .unwrap_or(now_ms);
                self.on_run_done(id, session, run, text.unwrap_or_default(), shown, at_ms);
            }
            RunStep::Error { message } => self.on_run_failed(id, session, run, message, shown),
            RunStep::Aborted { .. } => {
                self.note_told(id, session, run, now_ms);
            }
            RunStep::Status { .. }
            | RunStep::Thinking { .. }
            | RunStep::Delta { .. }
            | RunStep::Tool { .. } => {}
        }
    }

    /// Approvals that name a run of an open transcript show in its run line.
    pub(super) fn show_waiting(&mut self, id: &str) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let mut all = Vec::new();
        for (session, open) in &mut link.transcripts {
            let waits = link.approvals.values().any(|Waiting { approval, .. }| {
                approval
                    .session
                    .as_ref()
                    .is_some_and(|key| key.as_str() == session)
            });
            all.push((session.clone(), open.set_waiting_approval(waits)));
        }
        for (session, changes) in all {
            self.transcript_changed(id, &session, changes);
        }
    }
}

/// The length of the longest name that an event would leave in what the app keeps, in bytes.
fn longest_key(event: &GatewayEvent) -> usize {
    match event {
        GatewayEvent::Run(event) => event.run.as_str().len().max(event.session.as_str().len()),
        GatewayEvent::Message { session, .. } | GatewayEvent::SessionChanged { session, .. } => {
            session.as_str().len()
        }
        GatewayEvent::Connected { .. }
        | GatewayEvent::Resync
        | GatewayEvent::SessionsChanged { .. }
        | GatewayEvent::ApprovalRequested(_)
        | GatewayEvent::ApprovalResolved { .. }
        | GatewayEvent::Health(_)
        | GatewayEvent::Shutdown { .. }
        | GatewayEvent::Other { .. } => 0,
    }
}

impl super::link::Link {
    fn begin_run(&mut self, run: &str, session: &str) -> &mut LiveRun {
        if self.runs.len() >= MOST_RUNS && !self.runs.contains_key(run) {
            // Any of them: what it has said so far is all that is lost, and its end may tell it again.
            let one = self.runs.keys().next().cloned();
            one.and_then(|one| self.runs.remove(&one));
        }
        let had_unread = self.sessions.get(session).and_then(|row| row.unread) == Some(true);
        self.runs.entry(run.to_owned()).or_insert_with(|| LiveRun {
            session: session.to_owned(),
            text: String::new(),
            had_unread: had_unread && !self.silent.contains(session),
        })
    }
}
