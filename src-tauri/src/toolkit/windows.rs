//! The windows: made when first shown, hidden when closed, released when the app says so.

#[cfg(target_os = "linux")]
use super::focus::Focus;
use super::{place, remembered::Places};
use clawtray_companion::ports::WindowKind;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tauri::{
    AppHandle, LogicalSize, Manager, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent,
    webview::{Color, NewWindowResponse},
};
use tokio::sync::watch;

/// The popup's width in CSS pixels, and its height before the page has said what it wants.
const POPUP_WIDTH: f64 = 620.0;
const POPUP_HEIGHT: f64 = 168.0;
/// Heights that the popup may be asked to have.
const POPUP_LEAST: f64 = 64.0;
const POPUP_MOST: f64 = 800.0;

/// How often, and how many times, the focus is looked at while somebody holds a key.
#[cfg(target_os = "linux")]
const HELD_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);
#[cfg(target_os = "linux")]
const HELD_LOOKS: u32 = 100;

/// The windows' background before the page has painted: `--surface` of the design tokens.
const LIGHT: Color = Color(255, 255, 255, 255);
const DARK: Color = Color(29, 26, 25, 255);

/// What happened to a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// It got the focus or lost it.
    Focus(bool),
    /// The user closed it; it is hidden.
    Closed,
    /// It could not be shown.
    NotShown,
    /// Its webview is gone.
    Released,
}

/// Who is told what happened.
type Tell = Arc<dyn Fn(WindowKind, Happened) + Send + Sync>;

/// The windows of the desktop app. What is asked before the toolkit is there is done when it is.
#[derive(Clone)]
pub(crate) struct ToolkitWindows {
    desktop: watch::Sender<Option<AppHandle>>,
    tell: Tell,
    /// Where webviews keep what they keep; nothing of the app's own is in there.
    webview_data: PathBuf,
    state: Arc<Mutex<State>>,
    places: Arc<Places>,
    #[cfg(target_os = "linux")]
    focus: Arc<Focus>,
}

type Wish = Box<dyn FnOnce(&AppHandle) + Send>;

struct State {
    windows: HashMap<WindowKind, Seen>,
    popup_height: f64,
    /// What waits for the toolkit.
    waiting: Vec<Wish>,
}

/// What is known of a window.
#[derive(Clone, Copy, Default)]
struct Seen {
    visible: bool,
    focused: bool,
}

impl ToolkitWindows {
    pub(crate) fn new(data: &Path, tell: impl Fn(WindowKind, Happened) + Send + Sync + 'static) -> Self {
        let state = State {
            windows: HashMap::new(),
            popup_height: POPUP_HEIGHT,
            waiting: Vec::new(),
        };
        Self {
            desktop: watch::channel(None).0,
            tell: Arc::new(tell),
            webview_data: data.join("webview"),
            places: Arc::new(Places::open(data.join("windows.json"))),
            state: Arc::new(Mutex::new(state)),
            #[cfg(target_os = "linux")]
            focus: Arc::default(),
        }
    }

    /// The toolkit is there. On the main thread.
    pub(crate) fn begin(&self, app: &AppHandle) {
        let waiting = {
            let mut state = self.state();
            self.desktop.send_replace(Some(app.clone()));
            std::mem::take(&mut state.waiting)
        };
        for wish in waiting {
            wish(app);
        }
    }

    /// Ends the process's main loop.
    pub(crate) fn exit(&self) {
        self.with_app("exit", |app| {
            #[cfg(target_os = "linux")]
            super::clipboard::hand_over();
            app.exit(0);
            Ok(())
        });
    }

    /// Shows and focuses, with the compositor's leave for it.
    pub(crate) fn show(&self, window: WindowKind, activation: Option<String>) {
        self.note(window, |seen| seen.visible = true);
        self.on_main("show", move |windows, app| {
            windows
                .show_now(app, window, activation.as_deref())
                .inspect_err(|_| {
                    windows.note(window, |seen| seen.visible = false);
                    (windows.tell)(window, Happened::NotShown);
                })
        });
    }

    /// Hides; the focus goes back.
    pub(crate) fn hide(&self, window: WindowKind) {
        self.note(window, |seen| *seen = Seen::default());
        self.on_main("hide", move |windows, app| windows.hide_now(app, window));
    }

    /// Lets go of a hidden window's webview.
    pub(crate) fn release(&self, window: WindowKind) {
        self.on_main("release", move |windows, app| {
            match app.get_webview_window(window.label()) {
                Some(found) if !windows.seen(window).visible => found.destroy(),
                Some(_) | None => Ok(()),
            }
        });
    }

    /// Gives the popup a height in CSS pixels.
    pub(crate) fn fit_popup(&self, height: f64) {
        self.state().popup_height = height.clamp(POPUP_LEAST, POPUP_MOST).ceil();
        self.on_main("fit", |windows, app| {
            app.get_webview_window(WindowKind::Popup.label())
                .map_or(Ok(()), |popup| windows.fit(&popup))
        });
    }

    /// The toolkit's handle, once it is there.
    #[cfg(not(target_os = "linux"))]
    pub(crate) async fn app(&self) -> AppHandle {
        let mut desktop = self.desktop.subscribe();
        loop {
            if let Some(app) = desktop.borrow_and_update().clone() {
                return app;
            }
            if desktop.changed().await.is_err() {
                // The sender is `self`.
                std::future::pending::<()>().await;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self, window: WindowKind) -> Seen {
        self.state().windows.get(&window).copied().unwrap_or_default()
    }

    fn note(&self, window: WindowKind, change: impl FnOnce(&mut Seen)) {
        change(self.state().windows.entry(window).or_default());
    }

    /// Does something on the main thread, the only one that may touch windows and menus. Nobody waits for it.
    pub(crate) fn with_app(
        &self,
        what: &'static str,
        act: impl FnOnce(&AppHandle) -> tauri::Result<()> + Send + 'static,
    ) {
        let wish = move |app: &AppHandle| {
            if let Err(error) = act(app) {
                tracing::error!(%error, what, "the desktop did not obey");
            }
        };
        let mut state = self.state();
        let app = self.desktop.borrow().clone();
        let Some(app) = app else {
            return state.waiting.push(Box::new(wish));
        };
        drop(state);
        let inside = app.clone();
        if app.run_on_main_thread(move || wish(&inside)).is_err() {
            tracing::info!(what, "the app is ending");
        }
    }

    fn on_main(
        &self,
        what: &'static str,
        act: impl FnOnce(&Self, &AppHandle) -> tauri::Result<()> + Send + 'static,
    ) {
        let windows = self.clone();
        self.with_app(what, move |app| act(&windows, app));
    }

    fn find_or_make(&self, app: &AppHandle, kind: WindowKind) -> tauri::Result<WebviewWindow> {
        match app.get_webview_window(kind.label()) {
            Some(window) => Ok(window),
            None => self.make(app, kind),
        }
    }

    fn make(&self, app: &AppHandle, kind: WindowKind) -> tauri::Result<WebviewWindow> {
        let page = match kind {
            WindowKind::Popup => "popup.html",
            WindowKind::Browser => "browser.html",
            WindowKind::Settings => "settings.html",
        };
        let builder = WebviewWindowBuilder::new(app, kind.label(), WebviewUrl::App(page.into()))
            .visible(false)
            .initialization_script(format!("window.__CLAWTRAY__ = {};", surroundings()))
            .data_directory(self.webview_data.clone())
            // Files dropped on the window are the page's to take.
            .disable_drag_drop_handler()
            .on_navigation(|url| {
                url.scheme() == "tauri" || url.host_str().is_some_and(|host| host == "tauri.localhost")
            })
            .on_new_window(|_, _| NewWindowResponse::Deny)
            .on_download(|_, _| false);
        let builder = match kind {
            WindowKind::Popup => builder
                .title("Clawtray")
                .inner_size(POPUP_WIDTH, self.state().popup_height)
                .decorations(false)
                .skip_taskbar(true)
                .always_on_top(true)
                .maximizable(false),
            WindowKind::Browser => builder
                .title("Clawtray sessions")
                .inner_size(1120.0, 720.0)
                .min_inner_size(760.0, 480.0),
            WindowKind::Settings => builder
                .title("Clawtray settings")
                .inner_size(860.0, 620.0)
                .min_inner_size(640.0, 480.0),
        };
        let window = builder.build()?;
        paint(&window, window.theme().unwrap_or(tauri::Theme::Light))?;
        match kind {
            WindowKind::Popup => self.fit(&window)?,
            WindowKind::Browser | WindowKind::Settings => self.places.restore(kind, &window)?,
        }
        let (windows, own) = (self.clone(), window.clone());
        window.on_window_event(move |event| windows.happened(kind, &own, event));
        Ok(window)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is Tauri's and grows")]
    fn happened(&self, kind: WindowKind, window: &WebviewWindow, event: &WindowEvent) {
        match event {
            WindowEvent::Focused(true) => self.focus_changed(kind, true),
            WindowEvent::Focused(false) => self.focus_lost(kind, window),
            WindowEvent::CloseRequested { api, .. } => {
                // Closing hides; the webview is kept or let go of as the app says.
                api.prevent_close();
                self.hide(kind);
                (self.tell)(kind, Happened::Closed);
            }
            WindowEvent::Destroyed => {
                self.note(kind, |seen| *seen = Seen::default());
                (self.tell)(kind, Happened::Released);
            }
            WindowEvent::ThemeChanged(theme) => {
                if let Err(error) = paint(window, *theme) {
                    tracing::debug!(%error, "a window's background stayed as it was");
                }
            }
            _ => {}
        }
    }

    fn focus_changed(&self, kind: WindowKind, focused: bool) {
        tracing::debug!(window = kind.label(), focused, "focus");
        self.note(kind, |seen| seen.focused = focused);
        (self.tell)(kind, Happened::Focus(focused));
    }

    #[cfg(not(target_os = "linux"))]
    fn focus_lost(&self, kind: WindowKind, _window: &WebviewWindow) {
        if self.seen(kind).focused {
            self.focus_changed(kind, false);
        }
    }

    /// Tells of a focus that is gone, not of one that a held key took for a moment: that would hide the popup just before
    /// the hotkey asks to toggle it.
    #[cfg(target_os = "linux")]
    fn focus_lost(&self, kind: WindowKind, window: &WebviewWindow) {
        // Hidden by us in the meantime, perhaps shown again already: this focus belongs to the time before.
        if !self.seen(kind).focused {
            return;
        }
        if !self.focus.stays(window) {
            return self.focus_changed(kind, false);
        }
        let (windows, window) = (self.clone(), window.clone());
        tokio::spawn(async move {
            for _ in 0..HELD_LOOKS {
                tokio::time::sleep(HELD_PAUSE).await;
                let (tell, told) = tokio::sync::oneshot::channel();
                let (inside, own) = (windows.clone(), window.clone());
                windows.with_app("focus", move |_| {
                    let back = own.is_focused().unwrap_or(false);
                    // The other end waits for it.
                    let _ = tell.send((back, inside.focus.stays(&own)));
                    Ok(())
                });
                match told.await {
                    Ok((false, true)) if windows.seen(kind).focused => {}
                    Ok((false, false)) if windows.seen(kind).focused => {
                        return windows.focus_changed(kind, false);
                    }
                    Ok(_) | Err(_) => return,
                }
            }
        });
    }

    /// Gives the popup its size, and no other by dragging its edge.
    fn fit(&self, popup: &WebviewWindow) -> tauri::Result<()> {
        let size = LogicalSize::new(POPUP_WIDTH, self.state().popup_height);
        popup.set_min_size(Some(size))?;
        popup.set_max_size(Some(size))?;
        popup.set_size(size)
    }

    fn show_now(&self, app: &AppHandle, kind: WindowKind, activation: Option<&str>) -> tauri::Result<()> {
        let window = self.find_or_make(app, kind)?;
        let shown_already = window.is_visible().unwrap_or(false);
        if kind == WindowKind::Popup && !shown_already {
            #[cfg(target_os = "linux")]
            self.focus.remember();
            place::popup(app, &window, POPUP_WIDTH)?;
        }
        if window.is_minimized().unwrap_or(false) {
            window.unminimize()?;
        }
        #[cfg(target_os = "linux")]
        {
            if let Some(token) = activation {
                gtk::prelude::GtkWindowExt::set_startup_id(&window.gtk_window()?, token);
            }
            self.focus.show(&window)
        }
        #[cfg(not(target_os = "linux"))]
        {
            // Only Linux' compositors ask for leave.
            let _ = activation;
            window.show()?;
            window.set_focus()
        }
    }

    fn hide_now(&self, app: &AppHandle, kind: WindowKind) -> tauri::Result<()> {
        let Some(window) = app.get_webview_window(kind.label()) else {
            return Ok(());
        };
        if let Err(error) = self.places.note(kind, &window) {
            tracing::debug!(%error, "a window's place is not known");
        }
        // Focus goes back only from the popup that has it: a popup that lost it is hidden because the user went on.
        #[cfg(target_os = "linux")]
        if kind == WindowKind::Popup && window.is_focused().unwrap_or(false) {
            window.hide()?;
            self.focus.give_back();
            return Ok(());
        }
        window.hide()
    }
}

/// What a page is told of where it is; see `Surroundings` in the UI's host. Windows have no transparent corners.
fn surroundings() -> serde_json::Value {
    #[cfg(target_os = "linux")]
    let fonts = serde_json::json!(super::fonts::find());
    // There the names are right, and cost nothing.
    #[cfg(not(target_os = "linux"))]
    let fonts = serde_json::Value::Null;
    serde_json::json!({
        "compositor": false,
        "captures": super::capture::kinds(),
        "fonts": fonts,
        "language": sys_locale::get_locale(),
    })
}

fn paint(window: &WebviewWindow, theme: tauri::Theme) -> tauri::Result<()> {
    window.set_background_color(Some(if theme == tauri::Theme::Dark { DARK } else { LIGHT }))
}

#[cfg(not(target_os = "linux"))]
impl clawtray_companion::ports::Windows for ToolkitWindows {
    fn show(&self, window: WindowKind) {
        Self::show(self, window, None);
    }

    fn hide(&self, window: WindowKind) {
        Self::hide(self, window);
    }

    fn is_visible(&self, window: WindowKind) -> bool {
        self.seen(window).visible
    }

    fn is_focused(&self, window: WindowKind) -> bool {
        self.seen(window).focused
    }

    fn release(&self, window: WindowKind) {
        Self::release(self, window);
    }

    fn fit_popup(&self, height: f64) {
        if height.is_finite() {
            Self::fit_popup(self, height);
        }
    }
}
