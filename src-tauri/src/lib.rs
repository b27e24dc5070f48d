//! The desktop app: adapters between the companion and the system. Nothing is decided here.

#![forbid(unsafe_code)]

mod activation;
mod args;
mod autostart;
mod clock;
mod connector;
mod control;
#[cfg(target_os = "linux")]
mod desktop_entry;
#[cfg(target_os = "linux")]
mod display;
pub mod environment;
mod hotkeys;
#[cfg(not(target_os = "linux"))]
mod in_process;
mod inbox;
pub mod log;
mod notifier;
mod opener;
mod pages;
#[cfg(target_os = "linux")]
pub mod portal;
#[cfg(target_os = "linux")]
mod session_bus;
mod settings_file;
mod sleep;
#[cfg(not(target_os = "linux"))]
mod toolkit;
mod tray;
#[cfg(target_os = "linux")]
pub mod webview_process;

#[cfg(not(target_os = "linux"))]
use toolkit::ToolkitWindows as SystemWindows;
#[cfg(target_os = "linux")]
use webview_process::WebviewProcess as SystemWindows;

use activation::Activation;
use anyhow::Context as _;
use args::{Arguments, Parsed};
use clawtray_companion::{
    app::{App, AppHandle, Options},
    control::{Address, BindError, Listener},
    discovery::Surroundings,
    paths::Paths,
    ports::Ports,
};
use clawtray_embedded_gateway::AgentBackend;
use clawtray_keychain::Keychain;
use environment::StartedIn;
use inbox::{Inbox, Input, Outside};
use std::{
    ffi::OsString,
    io::Write as _,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

/// How long a second start waits for the first one's answer.
const SECOND_START: Duration = Duration::from_secs(3);
/// How long to wait before looking again whether an app has ended.
const ENDING: Duration = Duration::from_millis(50);
/// How long tasks may take to end.
const GOODBYE: Duration = Duration::from_secs(2);

/// Runs the app with the arguments after the program's name, until it is quit.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let (text, code) = match args::parse(arguments) {
        Parsed::Run(arguments) => match start(arguments) {
            Ok(code) => return code,
            Err(error) => {
                tracing::error!(error = %format!("{error:#}"), "the app could not start");
                (format!("clawtray: {error:#}\n"), ExitCode::FAILURE)
            }
        },
        Parsed::Version => (
            format!("clawtray {}\n", env!("CARGO_PKG_VERSION")),
            ExitCode::SUCCESS,
        ),
        Parsed::Help => (args::HELP.to_owned(), ExitCode::SUCCESS),
        Parsed::Wrong(sentence) => (format!("clawtray: {sentence}\n"), ExitCode::from(2)),
    };
    // Nobody may be reading; there is nothing else to tell it to.
    let _ = if code == ExitCode::SUCCESS {
        std::io::stdout().write_all(text.as_bytes())
    } else {
        std::io::stderr().write_all(text.as_bytes())
    };
    code
}

fn start(arguments: Arguments) -> anyhow::Result<ExitCode> {
    // Before any thread and any secret: core dumps, the environment, and TLS's one provider.
    clawtray_companion::core_dumps::switch_off();
    let surroundings = StartedIn::take();
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        anyhow::bail!("TLS could not be set up");
    }
    let paths = Paths::from_environment();
    environment::make_folders(&paths).context("the app's folders could not be created")?;
    if let Err(error) = log::start(&paths.data) {
        // Without a log the app is as good as with one.
        let _ = writeln!(
            std::io::stderr(),
            "clawtray: the log file could not be opened: {error}"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let guard = runtime.enter();

    let address =
        clawtray_companion::control::address().context("no folder was found for the control socket")?;
    let listener = match take_place(&address, &arguments)? {
        Place::Ours(listener) => listener,
        Place::Taken => return Ok(ExitCode::SUCCESS),
    };

    if !environment::has_display() {
        anyhow::bail!("no display was found; use clawctl without a display");
    }
    let agent = AgentBackend::from_env(|name| surroundings.variable(name));
    let (inbox, outside) = Inbox::new();
    let activation = Activation::default();
    if !arguments.hidden {
        activation.give(activation::own());
    }
    #[cfg(target_os = "linux")]
    let windows = SystemWindows::new(inbox.clone(), activation.clone());
    #[cfg(not(target_os = "linux"))]
    let windows = SystemWindows::new(&paths.data, in_process::tell(inbox.clone()));
    #[cfg(target_os = "linux")]
    let bus = {
        let ending = inbox.clone();
        session_bus::SessionBus::start(move || ending.put(Input::SessionEnded))
    };
    // Before anything is asked of the portal: it knows us by the entry.
    #[cfg(target_os = "linux")]
    let portal = portal::Portal::new(bus.clone(), desktop_entry::make_known());
    #[cfg(target_os = "linux")]
    let tray = tray::SystemTray::start(inbox.clone(), activation.clone(), bus.clone(), portal.clone());
    #[cfg(not(target_os = "linux"))]
    let tray = tray::SystemTray::start(inbox.clone(), activation.clone(), windows.clone());
    #[cfg(target_os = "linux")]
    let notifier = {
        let (inbox, activation) = (inbox.clone(), activation.clone());
        session_bus::OnEachBus::new(&bus, move || {
            notifier::SystemNotifier::start(inbox.clone(), activation.clone())
        })
    };
    #[cfg(not(target_os = "linux"))]
    let notifier = notifier::SystemNotifier::start(inbox.clone(), activation.clone());
    #[cfg(target_os = "linux")]
    let hotkeys = hotkeys::SystemHotkeys::new(inbox.clone(), portal);
    #[cfg(not(target_os = "linux"))]
    let hotkeys = hotkeys::SystemHotkeys::new(inbox.clone(), &windows);
    let ports = Ports {
        secrets: Arc::new(Keychain::system()),
        tray: Arc::new(tray),
        notifier: Arc::new(notifier),
        windows: Arc::new(windows.clone()),
        hotkeys: Arc::new(hotkeys),
        autostart: Arc::new(autostart::SystemAutostart),
        opener: Arc::new(opener::SystemOpener),
        clock: Arc::new(clock::SystemClock),
        connector: Arc::new(connector::SystemConnector::new(
            paths.data.join("embedded"),
            agent,
        )),
    };
    let options = Options {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        embedded: arguments.embedded,
        accept_environment: arguments.accept_environment,
        // A link tells which window is wanted.
        hidden: arguments.hidden || arguments.link.is_some(),
        system_language: sys_locale::get_locale(),
        surroundings: Arc::new(surroundings),
        ..Options::default()
    };
    let settings = paths.settings();
    let (app, ended) = App::new(ports, paths, options);
    let told = app.clone();
    let _watch = settings_file::watch(settings, move || told.settings_file_changed());
    tokio::spawn(forward(outside, app.clone()));
    #[cfg(target_os = "linux")]
    {
        let ending = inbox.clone();
        display::watch(move || ending.put(Input::SessionEnded));
    }
    sleep::watch(inbox);
    quit_on_signal(app.clone());
    if let Some(listener) = listener {
        tokio::spawn(listener.serve(Arc::new(control::ControlHost {
            app: app.clone(),
            activation,
        })));
    }
    open_what_was_asked_for(&arguments, &app);

    #[cfg(target_os = "linux")]
    runtime.block_on(async {
        windows.serve(app);
        ended.await;
        windows.end().await;
    });
    #[cfg(not(target_os = "linux"))]
    {
        let ending = windows.clone();
        tokio::spawn(async move {
            ended.await;
            ending.exit();
        });
        let owner = Arc::new(in_process::InProcess(app));
        let code = toolkit::run(owner, &windows, || ()).context("the desktop could not be reached")?;
        anyhow::ensure!(code == 0, "the toolkit ended with {code}");
    }
    drop(guard);
    runtime.shutdown_timeout(GOODBYE);
    tracing::info!("ended");
    Ok(ExitCode::SUCCESS)
}

fn open_what_was_asked_for(arguments: &Arguments, app: &AppHandle) {
    if let Some(link) = &arguments.link {
        app.deep_link(link);
    }
    if arguments.open.is_some() || arguments.toggle || arguments.test_window {
        app.open(None, arguments.open.clone());
    }
}

/// Hands on what the system reports.
async fn forward(mut outside: Outside, app: AppHandle) {
    while let Some(input) = outside.recv().await {
        match input {
            Input::Tray(action) => app.tray(action),
            Input::TrayHost(present) => app.tray_host(present),
            Input::Notification(response) => app.notification(response),
            Input::Notifications(available) => app.notifications_available(available),
            Input::DoNotDisturb(on) => app.do_not_disturb(on),
            Input::Hotkey => app.hotkey_pressed(),
            Input::HotkeyState(state) => app.hotkey_state(state),
            Input::Focus(window, true) => app.window_focused(window),
            Input::Focus(window, false) => app.window_blurred(window),
            Input::Closed(window) => app.window_closed(window),
            Input::Released(window) => app.unsubscribe(window),
            Input::NoWindows(why) => app.no_windows(why),
            Input::SessionEnded => app.quit(),
            Input::Sleep(true) => app.suspend(),
            Input::Sleep(false) => app.resume(),
        }
    }
}

/// Whose place on this desktop it is.
enum Place {
    /// Ours, with the control socket if the system lets us have it.
    Ours(Option<Listener>),
    /// Another app's, which has taken over what was asked for.
    Taken,
}

/// Takes the control socket, or hands over to the app that has it. One that is just ending answers no more, and is waited for.
fn take_place(address: &Address, arguments: &Arguments) -> anyhow::Result<Place> {
    let end = Instant::now() + SECOND_START;
    loop {
        match Listener::bind(address) {
            Ok(listener) => return Ok(Place::Ours(Some(listener))),
            Err(BindError::AlreadyRunning) => {}
            Err(error @ BindError::Io(_)) => {
                tracing::warn!(%error, "clawctl will not reach this app");
                return Ok(Place::Ours(None));
            }
        }
        let told = clawtray_companion::control::tell(address, control::second_start(arguments), SECOND_START);
        match told {
            Ok(_) => return Ok(Place::Taken),
            Err(error) if Instant::now() >= end => {
                return Err(error).context("the running app did not answer");
            }
            Err(_) => std::thread::sleep(ENDING),
        }
    }
}

/// Ends in good order when the session ends.
#[cfg(unix)]
fn quit_on_signal(app: AppHandle) {
    use tokio::signal::unix::{SignalKind, signal};
    tokio::spawn(async move {
        let (Ok(mut terminate), Ok(mut interrupt)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return tracing::warn!("signals end the app without a goodbye");
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        app.quit();
    });
}
#[cfg(not(unix))]
fn quit_on_signal(_app: AppHandle) {}
