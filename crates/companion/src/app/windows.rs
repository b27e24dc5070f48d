//! Windows: what each one shows, and when it appears and goes.

use super::{App, Sink, Timer};
use crate::api::{Change, Signal, TargetView, Update};
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
        let profile = self.profiles.active()?;
        let kind = window.unwrap_or(WindowKind::Popup);
        let own = self
            .windows
            .get(kind.label())
            .and_then(|window| window.targets.get(profile));
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
        let mut all: HashSet<String> = self
            .windows
            .values()
            .filter_map(|window| window.targets.get(profile).cloned())
            .collect();
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
        let Some((profile, session)) = self.in_window(kind) else {
            return TargetView::default();
        };
        let Some(link) = self.links.get(&profile) else {
            return TargetView::default();
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
            session,
        }
    }

    pub(super) fn set_target(&mut self, kind: WindowKind, session: &str) {
        let Some(profile) = self.profiles.active().map(str::to_owned) else {
            return;
        };
        self.window(kind)
            .targets
            .insert(profile.clone(), session.to_owned());
        if kind == WindowKind::Popup {
            let session = session.to_owned();
            self.profiles
                .change(&profile, |profile| profile.session = Some(session));
        }
        self.open(&profile, session);
        self.show_target(kind);
        self.mark_seen_if_in_view(&profile, session);
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
