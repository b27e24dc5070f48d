//! Windows: what each shows, when it shows and when it goes.

use super::{App, Sink, Timer};
use crate::api::{Change, HotkeyView, Signal, TargetView, Update};
use crate::ports::{HotkeyState, NoWindows, Notification, NotificationTarget, WindowKind};
use crate::profiles::ENVIRONMENT;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// What is kept of a window, shown or not.
#[derive(Default)]
pub(super) struct Window {
    pub(super) subscriber: Option<Subscriber>,
    /// The session per profile.
    targets: BTreeMap<String, String>,
    pub(super) shown: bool,
    focused: bool,
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

    /// Whether a person sees the session now.
    pub(super) fn in_view(&self, profile: &str, session: &str) -> bool {
        [WindowKind::Popup, WindowKind::Browser].into_iter().any(|kind| {
            let Some(window) = self.windows.get(kind.label()) else {
                return false;
            };
            // The popup stays on top; another window may be covered unless it has the focus.
            let visible = window.shown
                && self.ports.windows.is_visible(kind)
                && (kind == WindowKind::Popup || window.focused || self.ports.windows.is_focused(kind));
            visible && self.shows(kind, profile, session)
        })
    }

    pub(super) fn target_view(&self, kind: WindowKind) -> TargetView {
        let (Some(profile), Some(session)) = (self.profiles.active(), self.target(Some(kind))) else {
            return TargetView::default();
        };
        let Some(link) = self.links.get(profile) else {
            return TargetView::default();
        };
        let row = link.sessions.view(&session, &self.overlay(profile));
        let agent = row.as_ref().map(|row| row.agent.clone()).or_else(|| {
            let id = crate::sessions::agent_of(&session)?;
            Some(
                self.agent_names(profile)
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
            draft: self.shelf.draft(profile, &session),
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
        if let (Some(profile), Some(session)) =
            (self.profiles.active().map(str::to_owned), self.target(Some(kind)))
        {
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
        if let (Some(profile), Some(session)) =
            (self.profiles.active().map(str::to_owned), self.target(Some(kind)))
            && kind != WindowKind::Settings
        {
            self.open(&profile, &session);
            self.mark_seen(&profile, &session);
        }
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
        if let (Some(profile), Some(session)) =
            (self.profiles.active().map(str::to_owned), self.target(Some(kind)))
        {
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
        self.tray_host != Some(false) || self.hotkey.state == "active"
    }

    pub(super) fn on_closed(&mut self, kind: WindowKind) {
        self.on_hidden(kind);
    }

    pub(super) fn on_tray_host(&mut self, present: bool) {
        let first = self.tray_host.is_none();
        self.tray_host = Some(present);
        if present {
            self.withdraw_notice("no-tray-host");
            self.publisher.tray_dirty = true;
            return;
        }
        self.notice(
            "no-tray-host",
            "This desktop shows no tray icons.",
            "Starting Clawtray again opens this window; the hotkey does too.",
        );
        let any = self.windows.values().any(|window| window.shown);
        if first && !any {
            self.show_window(WindowKind::Popup);
        }
    }

    pub(super) fn on_notifications_available(&mut self, available: bool) {
        if available {
            self.withdraw_notice("no-notifications");
        } else {
            self.notice(
                "no-notifications",
                "This desktop shows no notifications.",
                "The tray and the session list tell what is new.",
            );
        }
    }

    /// There is no window to say it in. A click on what is said tries again.
    pub(super) fn on_no_windows(&mut self, why: &NoWindows) {
        for kind in [WindowKind::Popup, WindowKind::Browser, WindowKind::Settings] {
            let window = self.window(kind);
            (window.shown, window.focused) = (false, false);
        }
        let body = match why {
            NoWindows::Broken(why) => {
                let why = crate::text::one_line(why, 160);
                format!("{why}. Install Clawtray again. Until then clawctl can do all that windows do.")
            }
            NoWindows::OtherVersion => {
                "It was updated while it ran. Quit it in the tray and start it again.".to_owned()
            }
        };
        self.show_notification(Notification {
            tag: "no-windows".into(),
            title: "Clawtray cannot open its windows".into(),
            body,
            on_click: NotificationTarget::Popup,
            actions: Vec::new(),
            urgent: false,
        });
    }

    pub(super) fn bind_hotkey(&mut self) {
        let keys = self.settings.get().hotkey.clone();
        let hotkeys = Arc::clone(&self.ports.hotkeys);
        self.hotkey.keys.clone_from(&keys);
        self.spawn(async move {
            let state = hotkeys.bind(&keys).await;
            Box::new(move |app: &mut Self| app.on_hotkey_state(state)) as super::Then
        });
    }

    /// Makes starting with the session what the settings say. At the start only when it is on: the program may lie elsewhere
    /// since, and an entry that somebody made by hand is not ours to remove.
    pub(super) fn switch_autostart(&mut self) {
        let on = self.settings.get().autostart;
        if std::mem::replace(&mut self.autostart, on) == on {
            return;
        }
        let autostart = Arc::clone(&self.ports.autostart);
        self.spawn(async move {
            let switched = tokio::task::spawn_blocking(move || autostart.set(on)).await;
            let problem = match switched {
                Ok(Ok(())) => None,
                Ok(Err(reason)) => Some(reason),
                Err(_) => Some("the system did not answer".to_owned()),
            };
            Box::new(move |app: &mut Self| app.on_autostart(on, problem)) as super::Then
        });
    }

    fn on_autostart(&mut self, on: bool, problem: Option<String>) {
        const NOTICE: &str = "autostart";
        let Some(reason) = problem else {
            return self.withdraw_notice(NOTICE);
        };
        let reason = crate::text::one_line(&reason, 160);
        let sentence = if on {
            format!("Clawtray could not be set to start with the system: {reason}.")
        } else {
            format!("Clawtray still starts with the system: {reason}.")
        };
        self.notice(NOTICE, &sentence, "Change it in the desktop's own settings.");
    }

    pub(super) fn on_hotkey_state(&mut self, state: HotkeyState) {
        let wanted = self.settings.get().hotkey.clone();
        let by_hand = "Bind `clawctl toggle` to keys in the desktop's own settings.";
        let (word, keys, sentence) = match state {
            HotkeyState::Active { keys } => ("active", keys, String::new()),
            HotkeyState::Taken => ("taken", wanted.clone(), format!("Another program has {wanted}.")),
            HotkeyState::Refused(reason) => {
                let reason = crate::text::one_line(&reason, 160);
                (
                    "refused",
                    wanted.clone(),
                    format!("The desktop did not give the keys: {reason}"),
                )
            }
            HotkeyState::Unavailable(reason) => {
                ("unavailable", wanted.clone(), crate::text::one_line(&reason, 200))
            }
            HotkeyState::Off => ("off", String::new(), String::new()),
        };
        self.withdraw_notice("hotkey-taken");
        self.withdraw_notice("hotkey-unavailable");
        match word {
            "taken" => self.notice("hotkey-taken", &sentence, "Choose other keys in settings."),
            "refused" | "unavailable" => self.notice("hotkey-unavailable", &sentence, by_hand),
            _ => {}
        }
        self.hotkey = HotkeyView {
            state: word.to_owned(),
            keys,
            sentence,
        };
        self.publisher.dirty.hotkey = true;
    }

    /// `clawtray://session/KEY?text=…`, `clawtray://new?text=…`: shows and fills in, never sends.
    pub(super) fn on_deep_link(&mut self, text: &str) {
        let Ok(url) = url::Url::parse(text) else { return };
        if url.scheme() != "clawtray" {
            return;
        }
        let decode = |part: &str| {
            url::form_urlencoded::parse(format!("p={}", part.replace('+', "%2B")).as_bytes())
                .next()
                .map(|(_, value)| value.into_owned())
                .unwrap_or_default()
        };
        let session = match url.host_str() {
            Some("session") => Some(decode(url.path().trim_start_matches('/'))),
            Some("new") => self.new_session_key(None),
            _ => None,
        };
        let sane =
            |session: &String| (1..=256).contains(&session.len()) && !session.chars().any(char::is_control);
        let message = url.query_pairs().find(|(name, _)| name == "message");
        let message = message.map(|(_, id)| id.into_owned()).filter(sane);
        if let (Some(session), Some(message)) = (session.clone().filter(sane), message) {
            self.show_window(WindowKind::Browser);
            self.reveal(WindowKind::Browser, &session, message);
            return;
        }
        if let Some(session) = session.filter(sane) {
            self.set_target(WindowKind::Popup, &session);
        }
        self.show_window(WindowKind::Popup);
        let prefill = url
            .query_pairs()
            .find(|(name, _)| name == "text")
            .map(|(_, text)| text.into_owned());
        if let Some(text) = prefill.filter(|text| !text.is_empty()) {
            self.signal(
                WindowKind::Popup,
                Signal::Prefill {
                    text: text.chars().take(20_000).collect(),
                },
            );
        }
    }

    pub(super) fn on_second_instance(&mut self, arguments: &[String]) {
        let after = |name: &str| {
            arguments
                .iter()
                .position(|argument| argument == name)
                .and_then(|at| arguments.get(at + 1))
        };
        let has = |name: &str| arguments.iter().any(|argument| argument == name);
        if let Some(link) = arguments
            .iter()
            .find(|argument| argument.starts_with("clawtray://"))
        {
            self.on_deep_link(link);
        } else if has("--quit") {
            self.stopping = true;
        } else if has("--toggle") {
            self.toggle_popup();
        } else if has("--settings") {
            self.show_window(WindowKind::Settings);
        } else if has("--browser") {
            self.show_window(WindowKind::Browser);
        } else if !has("--hidden") {
            if let Some(session) = after("--session").cloned() {
                self.set_target(WindowKind::Popup, &session);
            }
            self.show_window(WindowKind::Popup);
        }
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
            self.show_window(WindowKind::Popup);
        }
    }
}
