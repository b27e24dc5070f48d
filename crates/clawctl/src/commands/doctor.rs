//! `doctor`: checks everything that the companion needs, with one line and one next step each.

use crate::cli::{Doctor, Global};
use crate::exit::{Exit, Failure, Outcome};
use crate::link::{self, Wants};
use crate::term::{Paint, Term};
use clawtray_companion::control::{self, Op, TellError, tell};
use clawtray_companion::ports::{SecretError, SecretKind, SecretStore};
use clawtray_keychain::Keychain;
use serde::Serialize;
use std::time::Duration;

/// Time for one part of the desktop to answer.
const LIMIT: Duration = Duration::from_secs(3);

/// How a part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Grade {
    Ok,
    /// Something is missed, the rest works.
    Warn,
    Bad,
}

#[derive(Debug, Serialize)]
struct Check {
    part: &'static str,
    grade: Grade,
    fact: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Check {
    fn ok(part: &'static str, fact: impl Into<String>) -> Self {
        Self {
            part,
            grade: Grade::Ok,
            fact: fact.into(),
            next: None,
        }
    }
    fn warn(part: &'static str, fact: impl Into<String>, next: &str) -> Self {
        Self {
            part,
            grade: Grade::Warn,
            fact: fact.into(),
            next: Some(next.to_owned()),
        }
    }
}

/// `doctor`
pub(crate) async fn doctor(global: &Global, args: &Doctor, term: &mut Term) -> Outcome {
    term.progress("checking…");
    let (gateway, exit) = gateway(global, term).await;
    let mut checks = vec![gateway, network(global).await, keychain().await, app()];
    checks.extend(desktop().await);
    if args.json {
        term.json(&checks)?;
    } else {
        for check in &checks {
            let sign = match check.grade {
                Grade::Ok => term.paint(Paint::Green, "ok  "),
                Grade::Warn => term.paint(Paint::Yellow, "warn"),
                Grade::Bad => term.paint(Paint::Red, "bad "),
            };
            term.line(&format!("{sign} {:<14} {}", check.part, check.fact))?;
            if let Some(next) = &check.next {
                let next = term.paint(Paint::Dim, &format!("{:20}next: {next}", ""));
                term.line(&next)?;
            }
        }
    }
    if exit == Exit::Done {
        return Ok(());
    }
    Err(Failure::silent(exit))
}

async fn gateway(global: &Global, term: &mut Term) -> (Check, Exit) {
    match link::open(global, Wants::default(), term).await {
        Ok(link) => {
            let check = match link.gateway.ping().await {
                Ok(time) => {
                    let (name, version) = (&link.name, &link.server.version);
                    let fact = format!("{name} {version}, answers in {} ms", time.as_millis());
                    Check::ok("gateway", fact)
                }
                Err(error) => Check::warn(
                    "gateway",
                    format!("{} is connected, but does not answer: {error}", link.name),
                    "clawctl logs -n 20",
                ),
            };
            (check, Exit::Done)
        }
        Err(failure) => {
            let check = Check {
                part: "gateway",
                grade: Grade::Bad,
                fact: failure.message,
                next: failure.next,
            };
            (check, failure.exit)
        }
    }
}

/// Whether the gateway's host can be reached at all.
async fn network(global: &Global) -> Check {
    const PART: &str = "network";
    let environment = if global.gateway.is_none() {
        link::from_environment().ok().flatten()
    } else {
        None
    };
    let profiles = link::profiles();
    let url = match environment {
        Some((url, _)) => Some(url),
        None => match &global.gateway {
            Some(name) => link::find(&profiles, name),
            None => profiles.active().and_then(|id| profiles.get(id)),
        }
        .map(|profile| profile.url.clone()),
    };
    let Some(url) = url.and_then(|url| url::Url::parse(&url).ok()) else {
        return Check::warn(
            PART,
            "no address to try",
            "clawctl gateway add ws://127.0.0.1:18789",
        );
    };
    let host = url.host_str().unwrap_or_default().to_owned();
    let port = url.port_or_known_default().unwrap_or(18_789);
    let address = format!("{host}:{port}");
    match tokio::time::timeout(LIMIT, tokio::net::TcpStream::connect(&address)).await {
        Ok(Ok(_)) => Check::ok(PART, format!("{address} can be reached")),
        Ok(Err(error)) => Check::warn(
            PART,
            format!("{address}: {error}"),
            "start the gateway (openclaw gateway start), or check its address",
        ),
        Err(_) => Check::warn(
            PART,
            format!("{address} does not answer"),
            "check the network, VPN or firewall",
        ),
    }
}

async fn keychain() -> Check {
    const PART: &str = "keychain";
    let store = Keychain::system();
    match store.get("doctor", SecretKind::GatewayToken).await {
        Ok(_) => Check::ok(PART, store.name()),
        Err(error @ (SecretError::Locked | SecretError::Timeout)) => {
            Check::warn(PART, error.to_string(), "unlock the keychain to read the tokens")
        }
        Err(error @ (SecretError::Absent | SecretError::Refused(_))) => Check::warn(
            PART,
            error.to_string(),
            "install gnome-keyring or KWallet, or use OPENCLAW_GATEWAY_URL and OPENCLAW_GATEWAY_TOKEN",
        ),
    }
}

fn app() -> Check {
    const PART: &str = "app";
    match control::address().map(|address| tell(&address, Op::Status, LIMIT)) {
        Ok(Ok(_)) => Check::ok(PART, "running"),
        Ok(Err(TellError::NotRunning)) => Check::warn(
            PART,
            "not running",
            "start clawtray to get the tray and the popup",
        ),
        Ok(Err(error)) => Check::warn(PART, error.to_string(), "restart clawtray"),
        Err(error) => Check::warn(PART, error.to_string(), "restart clawtray"),
    }
}

#[cfg(not(target_os = "linux"))]
async fn desktop() -> Vec<Check> {
    std::future::ready(
        ["tray host", "notifications", "hotkey"]
            .map(|part| Check::ok(part, "part of the system"))
            .into(),
    )
    .await
}

#[cfg(target_os = "linux")]
async fn desktop() -> Vec<Check> {
    let bus = tokio::time::timeout(LIMIT, zbus::Connection::session()).await;
    let Ok(Ok(bus)) = bus else {
        let next = "log in to a desktop, or start with dbus-run-session";
        return ["tray host", "notifications", "hotkey", "portal"]
            .map(|part| Check::warn(part, "no D-Bus session", next))
            .into();
    };
    let shortcuts = portal_shortcuts(&bus).await;
    vec![
        tray_host(&bus).await,
        notifications(&bus).await,
        hotkey(shortcuts),
        match shortcuts {
            Some(version) => Check::ok("portal", format!("global shortcuts, version {version}")),
            None => Check::warn(
                "portal",
                "no global shortcuts",
                "needed only on Wayland: update xdg-desktop-portal and its backend",
            ),
        },
    ]
}

#[cfg(target_os = "linux")]
async fn property<T>(
    bus: &zbus::Connection,
    name: &str,
    path: &str,
    interface: &str,
    property: &str,
) -> Option<T>
where
    T: TryFrom<zbus::zvariant::OwnedValue>,
{
    let proxy = zbus::Proxy::new(bus, name.to_owned(), path.to_owned(), interface.to_owned());
    let proxy = tokio::time::timeout(LIMIT, proxy).await.ok()?.ok()?;
    let value = tokio::time::timeout(LIMIT, proxy.get_property::<zbus::zvariant::OwnedValue>(property));
    T::try_from(value.await.ok()?.ok()?).ok()
}

#[cfg(target_os = "linux")]
async fn tray_host(bus: &zbus::Connection) -> Check {
    const WATCHER: &str = "org.kde.StatusNotifierWatcher";
    let registered = property::<bool>(
        bus,
        WATCHER,
        "/StatusNotifierWatcher",
        WATCHER,
        "IsStatusNotifierHostRegistered",
    )
    .await;
    match registered {
        Some(true) => Check::ok("tray host", "found"),
        Some(false) | None => Check::warn(
            "tray host",
            "this desktop shows no tray icons",
            "GNOME: install the AppIndicator extension; bars: add a tray module; until then the app opens a window",
        ),
    }
}

#[cfg(target_os = "linux")]
async fn notifications(bus: &zbus::Connection) -> Check {
    const NAME: &str = "org.freedesktop.Notifications";
    let call = bus.call_method(
        Some(NAME),
        "/org/freedesktop/Notifications",
        Some(NAME),
        "GetServerInformation",
        &(),
    );
    let answer = tokio::time::timeout(LIMIT, call).await;
    let name = match answer {
        Ok(Ok(message)) => message
            .body()
            .deserialize::<(String, String, String, String)>()
            .map(|(name, ..)| name)
            .ok(),
        Ok(Err(_)) | Err(_) => None,
    };
    match name {
        Some(name) => Check::ok("notifications", crate::term::one_line(&name)),
        None => Check::warn(
            "notifications",
            "no notification daemon",
            "install one, for example dunst or mako; the tray shows what is new",
        ),
    }
}

#[cfg(target_os = "linux")]
async fn portal_shortcuts(bus: &zbus::Connection) -> Option<u32> {
    property::<u32>(
        bus,
        "org.freedesktop.portal.Desktop",
        "/org/freedesktop/portal/desktop",
        "org.freedesktop.portal.GlobalShortcuts",
        "version",
    )
    .await
}

#[cfg(target_os = "linux")]
fn hotkey(shortcuts: Option<u32>) -> Check {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if set("WAYLAND_DISPLAY") {
        return match shortcuts {
            Some(_) => Check::ok("hotkey", "through the desktop portal"),
            None => Check::warn(
                "hotkey",
                "Wayland, and no portal for global shortcuts",
                "assign a key to \"clawctl toggle\" in your compositor",
            ),
        };
    }
    if set("DISPLAY") {
        return Check::ok("hotkey", "X11");
    }
    Check::warn("hotkey", "no display", "assign a key to \"clawctl toggle\"")
}
