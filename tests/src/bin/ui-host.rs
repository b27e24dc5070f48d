//! The companion behind a plain web page. It serves the built UI and connects it to a real `App`,
//! so that a browser's test tools can drive the windows without Tauri.
//!
//! `ui-host --dist DIR [--data DIR] [--port N]` prints one JSON line with its address. Then it
//! prints one JSON line for everything that the app asks of the desktop: windows, notifications,
//! tray, links. Without `--data` it works in a temporary folder. The gateway is the built-in one,
//! or the one in `OPENCLAW_GATEWAY_URL` and `OPENCLAW_GATEWAY_TOKEN`.

#![expect(clippy::print_stdout, reason = "what is printed is what the test reads")]

use anyhow::{Context as _, anyhow};
use axum::{
    Router,
    extract::{
        Path, State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use clawtray_companion::{
    api::{Request, UiError, Update},
    app::{App, AppHandle, Options},
    paths::Paths,
    ports::WindowKind,
};
use clawtray_lab::Scratch;
use product_tests::host_ports;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use tokio::sync::mpsc;

#[derive(Clone)]
struct Host {
    app: AppHandle,
    dist: PathBuf,
}

/// What the page sends.
#[derive(Deserialize)]
#[serde(untagged)]
enum FromPage {
    Subscribe {
        subscribe: String,
    },
    Request {
        id: u64,
        request: Box<Value>,
        /// Another window than the one that it subscribed to.
        window: Option<String>,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (mut dist, mut data, mut port) = (None, None, 0_u16);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .with_context(|| format!("{name} wants a value"))?;
        match name.as_str() {
            "--dist" => dist = Some(PathBuf::from(value)),
            "--data" => data = Some(PathBuf::from(value)),
            "--port" => port = value.parse().context("--port wants a number")?,
            _ => return Err(anyhow!("there is no {name}")),
        }
    }
    let dist = dist.context("--dist names the folder of the built UI")?;
    let scratch = Scratch::new("ui-host")?;
    let data = data.unwrap_or_else(|| scratch.path().to_owned());

    let _ = rustls::crypto::ring::default_provider().install_default();
    let named = std::env::var_os("OPENCLAW_GATEWAY_URL").is_some();
    let ports = host_ports::ports(&data, |line| println!("{line}"));
    let options = Options {
        embedded: !named,
        accept_environment: named,
        ..Options::default()
    };
    let (app, ended) = App::new(ports, Paths::under(&data), options);
    app.tray_host(true);
    app.notifications_available(true);

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!(
        "{}",
        json!({ "listening": format!("http://{}", listener.local_addr()?) })
    );
    let router = Router::new()
        .route("/host", get(upgrade))
        .route("/{*path}", get(file))
        .with_state(Host { app, dist });
    tokio::select! {
        served = async { axum::serve(listener, router).await } => served?,
        () = ended => {}
    }
    Ok(())
}

async fn upgrade(State(host): State<Host>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .max_message_size(64 << 20)
        .on_upgrade(move |socket| bridge(socket, host.app))
}

/// One page: its requests in, their answers and the window's updates out.
async fn bridge(mut socket: WebSocket, app: AppHandle) {
    let (out, mut outgoing) = mpsc::unbounded_channel::<Value>();
    let mut window = None;
    loop {
        tokio::select! {
            Some(message) = outgoing.recv() => {
                if socket.send(Message::text(message.to_string())).await.is_err() { break }
            }
            incoming = socket.recv() => {
                let Some(Ok(message)) = incoming else { break };
                let Ok(text) = message.to_text() else { continue };
                match serde_json::from_str(text) {
                    Ok(FromPage::Subscribe { subscribe }) => {
                        window = WindowKind::from_label(&subscribe);
                        if let Some(window) = window {
                            let out = out.clone();
                            app.subscribe(window, Box::new(move |update: Update| {
                                let _ = out.send(json!({ "update": update }));
                            }));
                            let show = Request::ShowWindow { window: window.label().into(), session: None };
                            tokio::spawn({
                                let app = app.clone();
                                async move { app.request(None, show).await }
                            });
                            app.window_focused(window);
                        }
                    }
                    Ok(FromPage::Request { id, request, window: named }) => {
                        let asked_by = named.as_deref().and_then(WindowKind::from_label).or(window);
                        tokio::spawn(answer(app.clone(), asked_by, id, request, out.clone()));
                    }
                    Err(_) => {}
                }
            }
        }
    }
    if let Some(window) = window {
        app.window_closed(window);
        app.unsubscribe(window);
    }
}

async fn answer(
    app: AppHandle,
    window: Option<WindowKind>,
    id: u64,
    request: Box<Value>,
    out: mpsc::UnboundedSender<Value>,
) {
    let result = match serde_json::from_value::<Request>(*request) {
        Ok(request) => app.request(window, request).await,
        Err(error) => Err(UiError {
            code: "invalid".into(),
            message: error.to_string(),
            hint: None,
            retry_after_ms: None,
        }),
    };
    let _ = out.send(match result {
        Ok(ok) => json!({ "id": id, "ok": ok }),
        Err(error) => json!({ "id": id, "error": error }),
    });
}

async fn file(State(host): State<Host>, Path(path): Path<String>) -> Response {
    let kind = match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    };
    if path.split('/').any(|part| part == "..") {
        return StatusCode::NOT_FOUND.into_response();
    }
    match tokio::fs::read(host.dist.join(&path)).await {
        Ok(bytes) => ([(header::CONTENT_TYPE, kind)], bytes).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
