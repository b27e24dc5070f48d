//! From state to what windows and tray show: parts that changed, at most once per frame.

use super::{App, Timer};
use crate::api::{Change, SessionView, TargetView, Update, View};
use crate::control::AppStatus;
use crate::gateway::Decision;
use crate::ports::WindowKind;
use crate::tray_model::{self, ApprovalFacts, GatewayFacts, TrayFacts};
use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;
use std::time::Duration;
use tokio::time::Instant;

/// Least time between two patches of a window.
const FRAME: Duration = Duration::from_millis(25);

/// Parts of the view that may have changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one per part of the view, each set and cleared alone"
)]
pub(super) struct Dirty {
    pub(super) connection: bool,
    pub(super) found: bool,
    pub(super) agents: bool,
    pub(super) sessions: bool,
    pub(super) target: bool,
    pub(super) outbox: bool,
    pub(super) needs: bool,
    pub(super) notices: bool,
    pub(super) settings: bool,
    pub(super) hotkey: bool,
}

/// What was published last.
#[derive(Default)]
pub(super) struct Publisher {
    pub(super) dirty: Dirty,
    pub(super) tray_dirty: bool,
    last: Option<Instant>,
    sent: View,
    sent_sessions: HashMap<String, SessionView>,
    sent_targets: BTreeMap<&'static str, TargetView>,
}

impl Publisher {
    pub(super) fn all_dirty(&mut self) {
        self.dirty = Dirty {
            connection: true,
            found: true,
            agents: true,
            sessions: true,
            target: true,
            outbox: true,
            needs: true,
            notices: true,
            settings: true,
            hotkey: true,
        };
        self.tray_dirty = true;
    }
    pub(super) fn connection_dirty(&mut self) {
        self.dirty.connection = true;
        self.tray_dirty = true;
    }
}

/// Whether a change belongs to one window's session.
pub(super) fn is_of_transcript(change: &Change) -> bool {
    matches!(
        change,
        Change::Transcript { .. }
            | Change::OlderMessages { .. }
            | Change::Message { .. }
            | Change::AppendText { .. }
            | Change::AppendThinking { .. }
            | Change::RemoveMessage { .. }
            | Change::Run { .. }
            | Change::Target { .. }
    )
}

/// Adds a change to a frame, joining what can be joined.
fn push(pending: &mut Vec<Change>, change: Change) {
    match (pending.last_mut(), change) {
        (Some(Change::AppendText { id: last, text }), Change::AppendText { id, text: more })
            if *last == id =>
        {
            text.push_str(&more);
        }
        (Some(Change::AppendThinking { id: last, text }), Change::AppendThinking { id, text: more })
            if *last == id =>
        {
            text.push_str(&more);
        }
        (_, Change::Message { message }) => {
            // What was said of this message before in the same frame is in it, unless something was put after it.
            let same = pending
                .iter()
                .rposition(|known| matches!(known, Change::Message { message: old } if old.id == message.id));
            match same.and_then(|at| pending.get_mut(at)) {
                Some(known) => {
                    let id = message.id.clone();
                    *known = Change::Message { message };
                    pending.retain(|change| {
                        !matches!(change, Change::AppendText { id: other, .. } | Change::AppendThinking { id: other, .. } if *other == id)
                    });
                }
                None => pending.push(Change::Message { message }),
            }
        }
        (_, Change::Transcript { transcript }) => {
            pending.retain(|known| matches!(known, Change::Target { .. }) || !is_of_transcript(known));
            pending.push(Change::Transcript { transcript });
        }
        (_, change) => pending.push(change),
    }
}

impl App {
    /// Sends a transcript's changes to the windows that show it.
    pub(super) fn transcript_changed(&mut self, profile: &str, session: &str, changes: Vec<Change>) {
        if changes.is_empty() || self.profiles.active() != Some(profile) {
            return;
        }
        for kind in [WindowKind::Popup, WindowKind::Browser, WindowKind::Settings] {
            if self.target(Some(kind)).as_deref() != Some(session) {
                continue;
            }
            if let Some(subscriber) = self
                .windows
                .get_mut(kind.label())
                .and_then(|window| window.subscriber.as_mut())
            {
                for change in &changes {
                    push(&mut subscriber.pending, change.clone());
                }
            }
        }
    }

    pub(super) fn publish_if_due(&mut self) {
        let pending = self.publisher.dirty != Dirty::default()
            || self.publisher.tray_dirty
            || self.windows.values().any(|window| {
                window
                    .subscriber
                    .as_ref()
                    .is_some_and(|subscriber| !subscriber.pending.is_empty())
            });
        if !pending {
            return;
        }
        let now = Instant::now();
        match self.publisher.last.map(|last| last + FRAME) {
            Some(next) if next > now => {
                self.timers.entry(Timer::Frame).or_insert(next);
            }
            Some(_) | None => {
                self.timers.remove(&Timer::Frame);
                self.publish();
            }
        }
    }

    /// Sends what changed.
    pub(super) fn publish(&mut self) {
        self.publisher.last = Some(Instant::now());
        let dirty = std::mem::take(&mut self.publisher.dirty);
        let shared = self.changed_parts(dirty);
        for kind in [WindowKind::Popup, WindowKind::Browser, WindowKind::Settings] {
            let label = kind.label();
            if self
                .windows
                .get(label)
                .is_none_or(|window| window.subscriber.is_none())
            {
                continue;
            }
            let target = (dirty.target || dirty.sessions || dirty.agents || dirty.connection)
                .then(|| self.target_view(kind));
            let last = self.publisher.sent_targets.get(label);
            let target = target.filter(|now| {
                // The window knows its own draft best.
                last.is_none_or(|last| {
                    TargetView {
                        draft: last.draft.clone(),
                        ..now.clone()
                    } != *last
                })
            });
            let Some(subscriber) = self
                .windows
                .get_mut(label)
                .and_then(|window| window.subscriber.as_mut())
            else {
                continue;
            };
            let mut changes = shared.clone();
            if let Some(target) = target {
                self.publisher.sent_targets.insert(label, target.clone());
                changes.push(Change::Target { target });
            }
            changes.append(&mut subscriber.pending);
            if !changes.is_empty() {
                subscriber.revision += 1;
                (subscriber.sink)(Update::Patch {
                    revision: subscriber.revision,
                    changes,
                });
            }
        }
        if std::mem::take(&mut self.publisher.tray_dirty) || dirty.sessions || dirty.needs || dirty.settings {
            self.show_tray();
        }
        if dirty.connection {
            let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.active = self.profiles.active().map(str::to_owned);
        }
    }

    fn changed_parts(&mut self, dirty: Dirty) -> Vec<Change> {
        let mut changes = Vec::new();
        macro_rules! part {
            ($flag:expr, $field:ident, $variant:ident, $value:expr) => {
                if $flag {
                    let now = $value;
                    if self.publisher.sent.$field != now {
                        self.publisher.sent.$field.clone_from(&now);
                        changes.push(Change::$variant { $field: now });
                    }
                }
            };
        }
        if dirty.settings && self.publisher.sent.settings != *self.settings.get() {
            let settings = Box::new(self.settings.get().clone());
            self.publisher.sent.settings.clone_from(&settings);
            changes.push(Change::Settings { settings });
        }
        part!(dirty.connection, connection, Connection, self.connection_view());
        part!(
            dirty.connection || dirty.needs || dirty.sessions,
            gateways,
            Gateways,
            self.gateway_views()
        );
        part!(dirty.found, found, Found, self.found_views());
        part!(
            dirty.agents || dirty.connection,
            agents,
            Agents,
            self.agent_views()
        );
        if dirty.sessions || dirty.agents || dirty.needs || dirty.settings || dirty.connection {
            let now: HashMap<String, SessionView> = self
                .session_views()
                .into_iter()
                .map(|view| (view.key.clone(), view))
                .collect();
            let sent = &self.publisher.sent_sessions;
            let mut upsert: Vec<SessionView> = now
                .values()
                .filter(|view| sent.get(&view.key) != Some(view))
                .cloned()
                .collect();
            let remove: Vec<String> = sent
                .keys()
                .filter(|key| !now.contains_key(*key))
                .cloned()
                .collect();
            if !upsert.is_empty() || !remove.is_empty() {
                upsert.sort_by_key(|view| std::cmp::Reverse(view.updated_at_ms));
                changes.push(Change::Sessions { upsert, remove });
                self.publisher.sent_sessions = now;
            }
        }
        part!(
            dirty.outbox || dirty.connection,
            outbox,
            Outbox,
            self.outbox_views()
        );
        part!(
            dirty.needs || dirty.connection,
            approvals,
            Approvals,
            self.approval_views()
        );
        part!(
            dirty.needs || dirty.connection,
            questions,
            Questions,
            self.question_views()
        );
        part!(
            dirty.notices,
            notices,
            Notices,
            self.notices.values().cloned().collect::<Vec<_>>()
        );
        part!(dirty.hotkey, hotkey, Hotkey, self.hotkey.clone());
        changes
    }

    /// Everything a window shows.
    pub(super) fn view(&mut self, kind: WindowKind) -> View {
        let target = self.target_view(kind);
        self.publisher.sent_targets.insert(kind.label(), target.clone());
        View {
            connection: self.connection_view(),
            gateways: self.gateway_views(),
            found: self.found_views(),
            agents: self.agent_views(),
            sessions: self.session_views(),
            target,
            transcript: self.transcript_view(kind),
            outbox: self.outbox_views(),
            approvals: self.approval_views(),
            questions: self.question_views(),
            notices: self.notices.values().cloned().collect(),
            settings: self.settings.get().clone(),
            hotkey: self.hotkey.clone(),
            version: self.options.version.clone(),
        }
    }

    fn show_tray(&mut self) {
        let facts = self.tray_facts();
        let wanted = tray_model::sign(&facts);
        let (sign, again) = self.sign.settle(wanted, self.now_ms());
        if let Some(at_ms) = again {
            let wait = u64::try_from(at_ms - self.now_ms()).unwrap_or_default();
            self.after(Timer::Tray, Duration::from_millis(wait));
        }
        self.ports.tray.show(&tray_model::model(&facts, sign));
        let connection = self.connection_view();
        let active = self.profiles.active().and_then(|id| self.links.get(id));
        let status = AppStatus {
            gateway: connection.gateway,
            connection: connection.word,
            sentence: connection.sentence,
            version: connection.version,
            latency_ms: connection.latency_ms.map(u64::from),
            runs: facts.runs,
            approvals: count(facts.approvals.len()),
            questions: count(facts.questions.len()),
            unread: active.map(|link| link.sessions.unread()).unwrap_or_default(),
        };
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.active = self.profiles.active().map(str::to_owned);
        shared.status = status;
    }

    fn tray_facts(&self) -> TrayFacts {
        let gateways: Vec<GatewayFacts> = self
            .gateway_views()
            .into_iter()
            .map(|gateway| GatewayFacts {
                id: gateway.id,
                name: gateway.name,
                active: gateway.active,
                word: gateway.connection.word,
                sentence: gateway.connection.sentence,
                latency_ms: gateway.connection.latency_ms,
            })
            .collect();
        let elsewhere = self
            .links
            .iter()
            .filter(|(id, link)| self.profiles.active() != Some(id.as_str()) && link.is_ready())
            .map(|(_, link)| count(link.approvals.len() + link.questions.len()));
        let recent = self
            .session_views()
            .into_iter()
            .filter(|view| !view.archived && !view.background)
            .take(5)
            .map(|view| (view.key, view.title));
        let notifications = &self.settings.get().notifications;
        TrayFacts {
            runs: count(
                self.links
                    .values()
                    .filter(|link| link.is_ready())
                    .map(|link| link.runs.len())
                    .sum(),
            ),
            approvals: self
                .approval_views()
                .into_iter()
                .map(|view| ApprovalFacts {
                    id: view.id,
                    title: view.title,
                })
                .collect(),
            questions: self
                .question_views()
                .into_iter()
                .map(|view| {
                    let first = view
                        .questions
                        .first()
                        .map(|item| item.question.clone())
                        .unwrap_or_default();
                    (
                        view.session,
                        if first.is_empty() {
                            view.session_title
                        } else {
                            first
                        },
                    )
                })
                .collect(),
            needs_elsewhere: elsewhere.sum(),
            unread: self.links.values().map(|link| link.sessions.unread()).sum(),
            recent: recent.collect(),
            quiet: notifications
                .do_not_disturb_until_ms
                .is_some_and(|until| self.now_ms() < until),
            gateways,
        }
    }
}

/// The word of a decision.
pub(super) const fn decision_word(decision: Decision) -> &'static str {
    match decision {
        Decision::AllowOnce => "allow-once",
        Decision::AllowAlways => "allow-always",
        Decision::Deny => "deny",
    }
}

pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
