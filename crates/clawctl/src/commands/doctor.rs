//! `doctor`: checks everything that the companion needs, with one line and one next step each.

use crate::cli::{Doctor, Global};
use crate::exit::{Exit, Failure, Outcome};
use crate::link::{self, Wants};
use crate::term::{Paint, Term, one_line};
use clawtray_companion::api::HotkeyView;
use clawtray_companion::control::{self, AppStatus, Op, TellError, tell};
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
    let app = ask_app();
    let mut checks = vec![gateway];
    checks.extend(network(global).await);
    checks.push(keychain().await);
    checks.push(self::app(&app));
    checks.extend(desktop(app.ok().map(|status| status.hotkey).as_ref()).await);
    if args.json {
        term.json(&checks)?;
    } else {
        for check in &checks {
            let sign = match check.grade {
                Grade::Ok => term.paint(Paint::Green, "ok  "),
                Grade::Warn => term.paint(Paint::Yellow, "warn"),
                Grade::Bad => term.paint(Paint::Red, "bad "),
            };
            term.line(&format!("{sign} {:<14} {}", check.part, one_line(&check.fact)))?;
            if let Some(next) = &check.next {
                let next = term.paint(Paint::Dim, &format!("{:20}next: {}", "", one_line(next)));
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

/// Whether the gateway's host can be reached at all. Nothing to say of the built-in gateway, which the app has in itself.
async fn network(global: &Global) -> Option<Check> {
    const PART: &str = "network";
    let environment = if global.gateway.is_none() {
        link::from_environment().ok().flatten()
    } else {
        None
    };
    let profiles = link::profiles();
    let url = match environment {
        Some((url, _)) => Some(url),
        None => {
            let profile = match &global.gateway {
                Some(name) => link::find(&profiles, name),
                None => profiles.active().and_then(|id| profiles.get(id)),
            };
            if profile.is_some_and(|profile| profile.embedded) {
                return None;
            }
            profile.map(|profile| profile.url.clone())
        }
    };
    let Some(url) = url.and_then(|url| url::Url::parse(&url).ok()) else {
        return Some(Check::warn(
            PART,
            "no address to try",
            "clawctl gateway add ws://127.0.0.1:18789",
        ));
    };
    let host = url.host_str().unwrap_or_default().to_owned();
    let port = url.port_or_known_default().unwrap_or(18_789);
    let address = format!("{host}:{port}");
    Some(
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
        },
    )
}

async fn keychain() -> Check {
    const PART: &str = "keychain";
    let store = Keychain::system();
    match store.get("doctor", SecretKind::GatewayToken).await {
        Ok(_) if !has_collection().await => Check::warn(
            PART,
            format!("{}: there is no keyring yet", store.name()),
            "the desktop makes one when Clawtray stores the first token, and asks for its password",
        ),
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

/// Whether the Secret Service has a default collection to keep anything in. True where there is no Secret Service: then it is
/// not this that is missing.
#[cfg(target_os = "linux")]
async fn has_collection() -> bool {
    let asked = async {
        let bus = zbus::Connection::session().await?;
        let answer = bus
            .call_method(
                Some("org.freedesktop.secrets"),
                "/org/freedesktop/secrets",
                Some("org.freedesktop.Secret.Service"),
                "ReadAlias",
                &("default",),
            )
            .await?;
        let path = answer.body().deserialize::<zbus::zvariant::OwnedObjectPath>()?;
        // The specification's word for none.
        zbus::Result::Ok(path.as_str() != "/")
    };
    !matches!(tokio::time::timeout(LIMIT, asked).await, Ok(Ok(false)))
}

#[cfg(not(target_os = "linux"))]
async fn has_collection() -> bool {
    std::future::ready(true).await
}

/// What the running app says.
fn ask_app() -> Result<AppStatus, TellError> {
    let answer = tell(&control::address()?, Op::Status, LIMIT)?;
    serde_json::from_value(answer).map_err(|error| TellError::Io(error.into()))
}

fn app(status: &Result<AppStatus, TellError>) -> Check {
    const PART: &str = "app";
    match status {
        Ok(_) => Check::ok(PART, "running"),
        Err(TellError::NotRunning) => Check::warn(
            PART,
            "not running",
            "start clawtray to get the tray and the popup",
        ),
        Err(error) => Check::warn(PART, error.to_string(), "restart clawtray"),
    }
}

/// How the running app's hotkey stands. It is never guessed from what the session could offer.
fn hotkey(app: Option<&HotkeyView>) -> Check {
    const PART: &str = "hotkey";
    const BY_HAND: &str = "assign keys to the command \"clawctl toggle\" in the desktop's keyboard settings";
    let Some(hotkey) = app else {
        return Check::warn(
            PART,
            "not watched, because the app is not running",
            "start clawtray",
        );
    };
    let says = |otherwise: &str| {
        if hotkey.sentence.is_empty() {
            otherwise.to_owned()
        } else {
            hotkey.sentence.trim_end_matches('.').to_owned()
        }
    };
    match hotkey.state.as_str() {
        "active" => Check::ok(PART, &hotkey.keys),
        "off" => Check::ok(PART, "turned off in the settings"),
        "pending" => Check::warn(
            PART,
            "the desktop has not answered yet",
            "run clawctl doctor again in a moment",
        ),
        "asking" => Check::warn(PART, "the desktop asks in a dialog", "answer the dialog"),
        "unset" => Check::warn(
            PART,
            says("granted, but no key is set for it"),
            "choose one under keyboard shortcuts in the system settings",
        ),
        "taken" => Check::warn(
            PART,
            says("another program has the keys"),
            "choose other keys in clawtray's settings",
        ),
        "refused" | "unavailable" => Check::warn(PART, says("there is none"), BY_HAND),
        _ => Check::warn(
            PART,
            "the running app does not tell its state",
            "restart clawtray",
        ),
    }
}

#[cfg(not(target_os = "linux"))]
async fn desktop(app: Option<&HotkeyView>) -> Vec<Check> {
    let mut checks: Vec<Check> = ["tray host", "notifications"]
        .map(|part| Check::ok(part, "part of the system"))
        .into();
    checks.push(hotkey(app));
    std::future::ready(checks).await
}

#[cfg(target_os = "linux")]
async fn desktop(app: Option<&HotkeyView>) -> Vec<Check> {
    let bus = tokio::time::timeout(LIMIT, zbus::Connection::session()).await;
    let Ok(Ok(bus)) = bus else {
        let next = "log in to a desktop, or start with dbus-run-session";
        let mut checks: Vec<Check> = ["tray host", "notifications"]
            .map(|part| Check::warn(part, "no D-Bus session", next))
            .into();
        checks.push(hotkey(app));
        return checks;
    };
    let mut checks = vec![tray_host(&bus).await, notifications(&bus).await, hotkey(app)];
    // On X11 the app needs no portal, and where there is none on Wayland the hotkey has said so.
    let shortcuts = portal_shortcuts(&bus).await;
    checks
        .extend(shortcuts.map(|version| Check::ok("portal", format!("global shortcuts, version {version}"))));
    checks
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
            "GNOME: install the AppIndicator extension (gnome-shell-extension-appindicator); waybar and swaybar: add a tray \
             module; i3bar and polybar: start snixembed; until then the app opens a window",
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
        Some(name) => Check::ok("notifications", one_line(&name)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hotkey_is_what_the_app_says() {
        let view = |state: &str, sentence: &str| HotkeyView {
            state: state.into(),
            keys: "Super+K".into(),
            sentence: sentence.into(),
        };
        for (state, sentence, grade, fact) in [
            ("active", "", Grade::Ok, "Super+K"),
            ("off", "", Grade::Ok, "turned off in the settings"),
            ("asking", "", Grade::Warn, "the desktop asks in a dialog"),
            ("unset", "No key is set.", Grade::Warn, "No key is set"),
            ("refused", "Refused by X.", Grade::Warn, "Refused by X"),
            ("unavailable", "No portal.", Grade::Warn, "No portal"),
            ("taken", "", Grade::Warn, "another program has the keys"),
            ("", "", Grade::Warn, "the running app does not tell its state"),
        ] {
            let check = hotkey(Some(&view(state, sentence)));
            assert_eq!((check.grade, check.fact.as_str()), (grade, fact), "{state}");
            assert_eq!(check.next.is_some(), grade != Grade::Ok, "{state}");
        }
        assert_eq!(hotkey(None).grade, Grade::Warn);
    }
}
