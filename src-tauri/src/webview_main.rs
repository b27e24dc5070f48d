//! The program `clawtray-webview`: the app's windows on Linux. The app starts it; see
//! `webview_process.rs`.
//!
//! It holds no token, no store and no gateway connection. It forwards the requests of pages to the
//! app, and the app's answers to the pages.

#[cfg(target_os = "linux")]
mod app_socket;
#[cfg(target_os = "linux")]
mod given_back;
#[cfg(target_os = "linux")]
mod toolkit;

// What the app's modules are to each other, they are to the toolkit's here.
#[cfg(target_os = "linux")]
use clawtray::environment;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %format!("{error:#}"), "the windows could not start");
            // Nobody may be reading; there is nothing else to tell it to.
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr(),
                format_args!("clawtray-webview: {error:#}\n"),
            );
            ExitCode::FAILURE
        }
    }
}

#[cfg(target_os = "linux")]
fn start() -> anyhow::Result<()> {
    use anyhow::Context as _;
    use std::time::Duration;

    /// How long tasks may take to end.
    const GOODBYE: Duration = Duration::from_millis(500);

    let socket = app_socket::take().context("clawtray starts this program; start clawtray instead")?;
    // Loading the libraries takes as long as half of all that follows, and little memory. The rest waits for a window.
    if !app_socket::is_wanted(&socket)?
        && let Err(error) = given_back::give_back()
    {
        // It waits as well with more.
        let _ = std::io::Write::write_fmt(
            &mut std::io::stderr(),
            format_args!("clawtray-webview: memory cannot be given back: {error}\n"),
        );
    }
    if !app_socket::wait_for_order(&socket)? {
        return Ok(());
    }
    socket.set_nonblocking(true)?;
    // Before any thread.
    toolkit::prepare();
    let data = clawtray_companion::paths::Paths::from_environment().data;
    if let Err(error) = clawtray::log::join(&data) {
        // Without a log the windows are as good as with one.
        let _ = std::io::Write::write_fmt(
            &mut std::io::stderr(),
            format_args!("clawtray-webview: the log file could not be opened: {error}\n"),
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let guard = runtime.enter();
    let (app, orders) = app_socket::App::new(socket)?;
    let told = app.clone();
    let windows =
        toolkit::ToolkitWindows::new(&data, move |window, happened| told.happened(window, happened));
    app.follow(orders, windows.clone());
    let ready = app.clone();
    let code =
        toolkit::run(app, &windows, move || ready.ready()).context("the desktop could not be reached")?;
    drop(guard);
    runtime.shutdown_timeout(GOODBYE);
    anyhow::ensure!(code == 0, "the toolkit ended with {code}");
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    // On this system the app has its windows itself.
    ExitCode::FAILURE
}
