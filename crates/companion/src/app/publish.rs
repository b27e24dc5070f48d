//! Sends changed parts of the state to the windows, at most once per frame.

use super::{App, Timer};
use crate::api::{Change, SessionView, TargetView, Update, View};
use crate::ports::WindowKind;
use crate::sessions::{Overlay, Touched};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::PoisonError;
use std::time::Duration;
use tokio::time::Instant;

/// Least time between two patches of a window.
const FRAME: Duration = Duration::from_millis(25);
/// Sessions that a window gets at once when it subscribes, and how many more with each frame after it.
const FIRST_SESSIONS: usize = 100;
const MORE_SESSIONS: usize = 2_500;

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
    pub(super) bridge: bool,
}

/// What was published last.
#[derive(Default)]
pub(super) struct Publisher {
    pub(super) dirty: Dirty,
    pub(super) tray_dirty: bool,
    last: Option<Instant>,
    sent: View,
    sent_sessions: HashMap<String, SessionView>,
    /// The gateway they are of, and what was shown over their rows.
    sent_over: (String, Overlay),
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
            bridge: true,
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
                    .is_some_and(|subscriber| !subscriber.pending.is_empty() || !subscriber.rest.is_empty())
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
            let more = self.more_sessions(label);
            let Some(subscriber) = self
                .windows
                .get_mut(label)
                .and_then(|window| window.subscriber.as_mut())
            else {
                continue;
            };
            let mut changes = shared.clone();
            changes.extend(more);
            if !subscriber.rest.is_empty() {
                self.timers.insert(Timer::Frame, Instant::now() + FRAME);
            }
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
            changes.extend(self.changed_sessions());
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
        part!(dirty.notices, notices, Notices, self.notice_views());
        part!(dirty.hotkey, hotkey, Hotkey, self.hotkey_view());
        part!(dirty.bridge, bridge, Bridge, self.bridge.view.clone());
        changes
    }

    /// Everything a window shows, and the keys of the sessions that follow.
    pub(super) fn view(&mut self, kind: WindowKind) -> (View, VecDeque<String>) {
        let target = self.target_view(kind);
        self.publisher.sent_targets.insert(kind.label(), target.clone());
        let (sessions, rest) = self.first_sessions(&target.session);
        let view = View {
            connection: self.connection_view(),
            gateways: self.gateway_views(),
            found: self.found_views(),
            agents: self.agent_views(),
            sessions,
            target,
            transcript: self.transcript_view(kind),
            outbox: self.outbox_views(),
            approvals: self.approval_views(),
            questions: self.question_views(),
            notices: self.notice_views(),
            settings: self.settings.get().clone(),
            hotkey: self.hotkey_view(),
            bridge: self.bridge.view.clone(),
            version: self.options.version.clone(),
        };
        (view, rest)
    }

    /// The sessions that a window begins with, and the keys of the others.
    fn first_sessions(&self, needed: &str) -> (Vec<SessionView>, VecDeque<String>) {
        let active = self.profiles.active();
        active
            .and_then(|id| Some((id, self.links.get(id)?)))
            .map(|(id, link)| {
                link.sessions
                    .head(FIRST_SESSIONS, &self.overlay(id), Some(needed))
            })
            .unwrap_or_default()
    }

    /// The next sessions that a window does not know yet, as they are now. Those that are gone have been said to be.
    fn more_sessions(&mut self, label: &str) -> Option<Change> {
        let rest = &mut self.windows.get_mut(label)?.subscriber.as_mut()?.rest;
        let keys: Vec<String> = rest.drain(..rest.len().min(MORE_SESSIONS)).collect();
        if keys.is_empty() {
            return None;
        }
        let id = self.profiles.active()?;
        let (sessions, overlay) = (&self.links.get(id)?.sessions, self.overlay(id));
        let upsert: Vec<SessionView> = keys
            .iter()
            .filter_map(|key| sessions.view(key, &overlay))
            .collect();
        let remove = Vec::new();
        (!upsert.is_empty()).then_some(Change::Sessions { upsert, remove })
    }

    /// What is different about the sessions since it was last said. Few of many change at once, so only rows that were
    /// touched are looked at while nothing else plays a part.
    fn changed_sessions(&mut self) -> Option<Change> {
        let id = self.profiles.active().unwrap_or_default().to_owned();
        let over = (id.clone(), self.overlay(&id));
        let link = self.links.get_mut(&id);
        let touched = link.map_or(Touched::All, |link| link.sessions.take_touched());
        let (mut upsert, mut remove) = (Vec::new(), Vec::new());
        let sent = &mut self.publisher.sent_sessions;
        let sessions = self.links.get(&id).map(|link| &link.sessions);
        let now: Vec<(String, Option<SessionView>)> = match touched {
            Touched::Keys(keys) if self.publisher.sent_over == over => {
                let view = |key: &String| sessions.and_then(|all| all.view(key, &over.1));
                keys.into_iter()
                    .map(|key| (view(&key), key))
                    .map(|(view, key)| (key, view))
                    .collect()
            }
            Touched::Keys(_) | Touched::All => {
                let views = sessions.map(|all| all.views(&over.1)).unwrap_or_default();
                let known: HashSet<&str> = views.iter().map(|view| view.key.as_str()).collect();
                let gone: Vec<_> = sent
                    .keys()
                    .filter(|key| !known.contains(key.as_str()))
                    .map(|key| (key.clone(), None))
                    .collect();
                gone.into_iter()
                    .chain(views.into_iter().map(|view| (view.key.clone(), Some(view))))
                    .collect()
            }
        };
        for (key, view) in now {
            match view {
                Some(view) if sent.get(&key) != Some(&view) => {
                    sent.insert(key, view.clone());
                    upsert.push(view);
                }
                Some(_) => {}
                None if sent.remove(&key).is_some() => remove.push(key),
                None => {}
            }
        }
        self.publisher.sent_over = over;
        upsert.sort_by_key(|view| std::cmp::Reverse(view.updated_at_ms));
        (!upsert.is_empty() || !remove.is_empty()).then_some(Change::Sessions { upsert, remove })
    }
}
