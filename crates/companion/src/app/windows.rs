//! Windows: what each one shows, and when it appears and goes.

use super::{App, Sink, Timer};
use crate::api::{Change, Signal, TargetView, Update};
use crate::ids::{GatewayId, SessionRef};
use crate::ports::{HotkeyState, WindowKind};
use crate::profiles::ENVIRONMENT;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

/// What is kept of a window, shown or not.
#[derive(Default)]
pub(super) struct Window {
    pub(super) subscriber: Option<Subscriber>,
    /// The session per profile.
    targets: BTreeMap<String, String>,
    /// A session that a link shows, over the target of its gateway and without taking its place.
    visited: Option<SessionRef>,
    pub(super) shown: bool,
    pub(super) focused: bool,
    /// Signals for a webview that is not there yet.
    signals: Vec<Signal>,
}

/// A webview that listens.
pub(super) struct Subscriber {
    pub(super) sink: Sink,
    pub(super) revision: u64,
    pub(super) pending: Vec<Change>,
    /// Sessions that it does not know yet.
    pub(super) rest: VecDeque<String>,
}

impl App {
    pub(super) fn window(&mut self, kind: WindowKind) -> &mut Window {
        self.windows.entry(kind.label()).or_default()
    }

    /// The session a window shows, on the active gateway.
    pub(super) fn target(&self, window: Option<WindowKind>) -> Option<String> {
        self.target_on(self.profiles.active()?, window.unwrap_or(WindowKind::Popup))
    }

    /// The session a window shows whenever this gateway is the active one.
    pub(super) fn target_on(&self, profile: &str, kind: WindowKind) -> Option<String> {
        let window = self.windows.get(kind.label());
        let visited = window
            .and_then(|window| window.visited.as_ref())
            .filter(|visited| visited.gateway.as_str() == profile)
            .map(|visited| &visited.session);
        let own = visited.or_else(|| window?.targets.get(profile));
        own.cloned().or_else(|| self.default_target(profile))
    }

    /// The active profile, and the session of it that a window shows.
    pub(super) fn in_window(&self, kind: WindowKind) -> Option<(String, String)> {
        Some((self.profiles.active()?.to_owned(), self.target(Some(kind))?))
    }

    fn default_target(&self, profile: &str) -> Option<String> {
        let chosen = self
            .profiles
            .get(profile)
            .and_then(|profile| profile.session.clone());
        chosen.or_else(|| {
            let link = self.links.get(profile)?;
            let newest = || {
                let rows = link.sessions.rows().filter(|row| row.archived != Some(true));
                rows.max_by_key(|row| row.last_interaction_at.max(row.updated_at))
                    .map(|row| row.key.0.clone())
            };
            let usual = || link.sessions_loaded.then(|| "main".to_owned());
            let remembered = || self.profiles.get(profile)?.main_session.clone();
            link.main_session()
                .map(|key| key.0)
                .or_else(remembered)
                .or_else(newest)
                .or_else(usual)
        })
    }

    /// All sessions of a profile that windows show.
    pub(super) fn targets_of(&self, profile: &str) -> HashSet<String> {
        let mut all: HashSet<String> = HashSet::new();
        for window in self.windows.values() {
            all.extend(window.targets.get(profile).cloned());
            let visited = window.visited.as_ref();
            all.extend(
                visited
                    .filter(|visited| visited.gateway.as_str() == profile)
                    .map(|visited| visited.session.clone()),
            );
        }
        all.extend(self.default_target(profile));
        all
    }

    /// Windows that show a session now or would when opened.
    fn shows(&self, kind: WindowKind, profile: &str, session: &str) -> bool {
        self.profiles.active() == Some(profile) && self.target(Some(kind)).as_deref() == Some(session)
    }

    /// Whether a person sees the session now. Without a page a window was only asked for.
    pub(super) fn in_view(&self, profile: &str, session: &str) -> bool {
        [WindowKind::Popup, WindowKind::Browser].into_iter().any(|kind| {
            let Some(window) = self.windows.get(kind.label()) else {
                return false;
            };
            // The popup stays on top; another window may be covered unless it has the focus.
            let visible = window.shown
                && window.subscriber.is_some()
                && self.ports.windows.is_visible(kind)
                && (kind == WindowKind::Popup || window.focused || self.ports.windows.is_focused(kind));
            visible && self.shows(kind, profile, session)
        })
    }

    pub(super) fn target_view(&self, kind: WindowKind) -> TargetView {
        let nowhere = TargetView {
            gateway: self.profiles.active().unwrap_or_default().into(),
            ..TargetView::default()
        };
        let Some((profile, session)) = self.in_window(kind) else {
            return nowhere;
        };
        let Some(link) = self.links.get(&profile) else {
            return nowhere;
        };
        let row = link.sessions.view(&session, &self.overlay(&profile));
        let agent = row.as_ref().map(|row| row.agent.clone()).or_else(|| {
            let id = crate::sessions::agent_of(&session)?;
            Some(
                self.agent_names(&profile)
                    .get(id)
                    .cloned()
                    .unwrap_or_else(|| id.to_owned()),
            )
        });
        TargetView {
            title: link.sessions.title(&session),
            agent: agent.unwrap_or_default(),
            model: row.as_ref().and_then(|row| row.model.clone()),
            thinking: row.and_then(|row| row.thinking),
            draft: self.shelf.draft(&profile, &session),
            gateway: profile.into(),
            session,
        }
    }

    /// Points a window at a session of the active gateway.
    pub(super) fn set_target(&mut self, kind: WindowKind, session: &str) {
        if let Some(profile) = self.profiles.active() {
            let session = SessionRef::new(profile, session);
            self.set_target_to(kind, &session);
        }
    }

    /// Points a window at a session. Where another gateway is the active one, it is shown when its own is active again.
    pub(super) fn set_target_to(&mut self, kind: WindowKind, session: &SessionRef) {
        let SessionRef { gateway, session } = session;
        if self.profiles.get(gateway).is_none() {
            return;
        }
        let window = self.window(kind);
        window.targets.insert(gateway.0.clone(), session.clone());
        window.visited = None;
        if kind == WindowKind::Popup {
            let session = session.clone();
            self.profiles
                .change(gateway, |profile| profile.session = Some(session));
        }
        self.open(gateway, session);
        if self.profiles.active() == Some(gateway.as_str()) {
            self.show_target(kind);
            self.mark_seen_if_in_view(gateway, session);
        }
    }

    /// Shows a session of the active gateway in a window, and keeps nothing of it for later.
    pub(super) fn visit(&mut self, kind: WindowKind, session: &SessionRef) {
        self.window(kind).visited = Some(session.clone());
        self.open(&session.gateway, &session.session);
        self.show_target(kind);
        self.mark_seen_if_in_view(&session.gateway, &session.session);
    }

    /// Something was sent from a window: a session that a link showed is this window's target from now on.
    pub(super) fn stay(&mut self, kind: WindowKind, session: &SessionRef) {
        let window = self.window(kind);
        if window.visited.as_ref() == Some(session) {
            window.visited = None;
            let (gateway, key) = (session.gateway.0.clone(), session.session.clone());
            window.targets.insert(gateway, key);
        }
    }

    /// A window that is called up by hand shows its own target again, unless something is written in the other session.
    fn end_visit(&mut self, kind: WindowKind) {
        let visited = self.window(kind).visited.as_ref();
        let Some(SessionRef { gateway, session }) = visited.cloned() else {
            return;
        };
        if self.shelf.draft(&gateway, &session).is_empty() {
            self.window(kind).visited = None;
            self.show_target(kind);
        }
    }

    /// Gives a window its target and transcript anew.
    pub(super) fn show_target(&mut self, kind: WindowKind) {
        let target = self.target_view(kind);
        let transcript = self.transcript_view(kind);
        let Some(subscriber) = self.window(kind).subscriber.as_mut() else {
            return;
        };
        subscriber
            .pending
            .retain(|change| !super::publish::is_of_transcript(change));
        subscriber.pending.push(Change::Target { target });
        subscriber.pending.push(Change::Transcript { transcript });
    }

    /// A session is gone: windows that showed it show the usual one.
    pub(super) fn drop_target(&mut self, profile: &str, session: &str) {
        for window in self.windows.values_mut() {
            if window
                .targets
                .get(profile)
                .is_some_and(|target| target == session)
            {
                window.targets.remove(profile);
            }
            let visited = window.visited.as_ref();
            if visited.is_some_and(|known| known.gateway.as_str() == profile && known.session == session) {
                window.visited = None;
            }
        }
        for kind in [WindowKind::Popup, WindowKind::Browser, WindowKind::Settings] {
            if let Some(session) = self.target(Some(kind)) {
                self.open(profile, &session);
            }
            self.show_target(kind);
        }
    }

    /// Sessions became known: windows without a choice get the usual one.
    pub(super) fn settle_targets(&mut self, profile: &str) {
        if let Some(main) = self.links.get(profile).and_then(super::link::Link::main_session) {
            self.profiles
                .change(profile, |profile| profile.main_session = Some(main.0));
        }
        if self.profiles.active() != Some(profile) {
            return;
        }
        let kinds: Vec<WindowKind> = self
            .windows
            .keys()
            .filter_map(|label| WindowKind::from_label(label))
            .collect();
        for kind in kinds {
            if let Some(session) = self.target(Some(kind)) {
                let unknown = self
                    .links
                    .get(profile)
                    .is_some_and(|link| !link.transcripts.contains_key(&session));
                if unknown {
                    self.open(profile, &session);
                    self.show_target(kind);
                }
            }
        }
        if let Some(session) = self.target(Some(WindowKind::Popup)) {
            self.open(profile, &session);
        }
        self.follow_pending_link();
        self.publisher.dirty.target = true;
    }

    pub(super) fn on_subscribe(&mut self, kind: WindowKind, sink: Sink) {
        if let Some((profile, session)) = self.in_window(kind) {
            self.open(&profile, &session);
        }
        // What was not sent yet is in the snapshot; it must not count as sent differently.
        self.publish();
        let (view, rest) = self.view(kind);
        sink(Update::Snapshot {
            revision: 1,
            view: Box::new(view),
        });
        let visible = self.ports.windows.is_visible(kind);
        let window = self.window(kind);
        window.shown |= visible;
        let mut signals = std::mem::take(&mut window.signals);
        if window.shown && !signals.contains(&Signal::Shown) {
            signals.insert(0, Signal::Shown);
        }
        for signal in signals {
            sink(Update::Signal { signal });
        }
        window.subscriber = Some(Subscriber {
            sink,
            revision: 1,
            pending: Vec::new(),
            rest,
        });
        self.see_target(kind);
    }

    /// What a window that came up shows is seen; without a page, once there is one.
    fn see_target(&mut self, kind: WindowKind) {
        let window = self.window(kind);
        if !window.shown || window.subscriber.is_none() || kind == WindowKind::Settings {
            return;
        }
        if let Some((profile, session)) = self.in_window(kind) {
            self.mark_seen(&profile, &session);
        }
    }

    /// Something to do once, now or when the webview is there.
    pub(super) fn signal(&mut self, kind: WindowKind, signal: Signal) {
        // What a signal refers to has to be there before it.
        self.publish();
        let window = self.window(kind);
        match &window.subscriber {
            Some(subscriber) => (subscriber.sink)(Update::Signal { signal }),
            None => {
                window.signals.push(signal);
                let over = window.signals.len().saturating_sub(8);
                window.signals.drain(..over);
            }
        }
    }

    pub(super) fn show_window(&mut self, kind: WindowKind) {
        self.timers.remove(&Timer::Release(kind));
        self.window(kind).shown = true;
        self.ports.windows.show(kind);
        if self.window(kind).subscriber.is_some() {
            self.signal(kind, Signal::Shown);
        }
        if let Some((profile, session)) = self.in_window(kind)
            && kind != WindowKind::Settings
        {
            self.open(&profile, &session);
        }
        self.see_target(kind);
    }

    /// Shows the popup, as the command line or a second start asks for it.
    pub(super) fn on_open(&mut self, gateway: Option<GatewayId>, session: Option<String>) {
        if let Some(gateway) = &gateway {
            self.use_gateway(gateway);
        }
        if let Some(session) = session {
            self.set_target(WindowKind::Popup, &session);
        }
        self.show_window(WindowKind::Popup);
    }

    pub(super) fn hide_window(&mut self, kind: WindowKind) {
        self.ports.windows.hide(kind);
        self.on_hidden(kind);
    }

    fn on_hidden(&mut self, kind: WindowKind) {
        let window = self.window(kind);
        window.shown = false;
        window.focused = false;
        if window.subscriber.is_some() {
            self.signal(kind, Signal::Hidden);
        }
        let minutes = u64::from(self.settings.get().keep_warm_minutes);
        let warm = if kind == WindowKind::Popup {
            Duration::from_secs(60 * minutes)
        } else {
            Duration::ZERO
        };
        self.after(Timer::Release(kind), warm);
    }

    pub(super) fn release(&mut self, kind: WindowKind) {
        if self.window(kind).shown {
            return;
        }
        self.window(kind).subscriber = None;
        self.ports.windows.release(kind);
    }

    pub(super) fn toggle_popup(&mut self) {
        let kind = WindowKind::Popup;
        let visible = self.ports.windows.is_visible(kind);
        let focused = self.ports.windows.is_focused(kind) || self.window(kind).focused;
        // A pinned popup that lies aside is called back first.
        if visible && (focused || !self.settings.get().popup_pinned) {
            self.hide_window(kind);
        } else {
            if !visible {
                self.end_visit(kind);
            }
            self.show_window(kind);
        }
    }

    pub(super) fn on_focused(&mut self, kind: WindowKind) {
        self.window(kind).focused = true;
        self.window(kind).shown = true;
        self.timers.remove(&Timer::Release(kind));
        if let Some((profile, session)) = self.in_window(kind) {
            self.mark_seen_if_in_view(&profile, &session);
        }
    }

    pub(super) fn on_blurred(&mut self, kind: WindowKind) {
        self.window(kind).focused = false;
        let settings = self.settings.get();
        if kind == WindowKind::Popup
            && settings.hide_on_blur
            && !settings.popup_pinned
            && self.can_be_called_back()
            && self.window(kind).shown
        {
            self.hide_window(kind);
        }
    }

    /// Whether a hidden popup can be reached: by the tray or by the hotkey.
    fn can_be_called_back(&self) -> bool {
        self.tray_host != Some(false) || matches!(self.hotkey.state, Some(HotkeyState::Active { .. }))
    }

    pub(super) fn on_closed(&mut self, kind: WindowKind) {
        self.on_hidden(kind);
    }

    /// The first thing a person sees: the popup when there is something to set up or when it is wanted.
    pub(super) fn show_at_start(&mut self) {
        let known = self
            .profiles
            .all()
            .iter()
            .any(|profile| profile.id != ENVIRONMENT);
        if self.options.hidden {
            return;
        }
        if !known && self.profiles.all().is_empty() || !self.settings.get().start_hidden {
            self.show_first_popup();
        }
    }
}
