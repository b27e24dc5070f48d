//! `gateway`.

use crate::cli::{GatewayAction, Global};
use crate::exit::{Exit, Failure, Outcome, keychain};
use crate::link::{self, Target, Wants, failed, find, from_environment, profiles};
use crate::term::{Paint, Term, one_line, table};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clawtray_companion::api::Request;
use clawtray_companion::control::{Op, TellError, address, tell};
use clawtray_companion::discovery::is_placeholder;
use clawtray_companion::ports::{Secret, SecretError, SecretKind, SecretStore};
use clawtray_companion::profiles::{Profile, clean_url};
use clawtray_companion::request_error::RequestError;
use clawtray_companion::words::Language;
use clawtray_embedded_gateway::random_token;
use clawtray_gateway_client::{
    ConnectionState, DeviceIdentity, Gateway, PauseReason, Protocol, UnknownProtocol,
};
use clawtray_keychain::Keychain;
use serde_json::{Value, json};
use std::io::{IsTerminal, Read};
use std::time::Duration;

/// Between looks whether a pairing was approved.
const PAIR_POLL: Duration = Duration::from_secs(2);
/// How long a person may take to unlock the keychain.
const UNLOCK_LIMIT: Duration = Duration::from_secs(180);
/// Between looks whether it is unlocked.
const UNLOCK_POLL: Duration = Duration::from_millis(500);
const APP_LIMIT: Duration = Duration::from_secs(20);

/// `gateway`
pub(crate) async fn gateway(global: &Global, action: GatewayAction, term: &mut Term) -> Outcome {
    match action {
        GatewayAction::Add {
            url,
            name,
            no_token,
            no_test,
            dialect,
        } => {
            let protocol = dialect
                .parse()
                .map_err(|error: UnknownProtocol| Failure::usage(error.to_string()))?;
            add(&url, name, no_token, no_test, protocol, term).await
        }
        GatewayAction::List { json } => list(json, term),
        GatewayAction::Use { name } => {
            let mut profiles = profiles();
            let id = find(&profiles, &name).ok_or_else(|| unknown(&name))?.id.clone();
            if app(Request::UseGateway { id: id.clone() })?.is_none() {
                profiles.activate(&id);
            }
            term.note(&format!("{name} is the active gateway"));
            Ok(())
        }
        GatewayAction::Remove { name } => remove(&name, term).await,
        GatewayAction::Webhook { name, port, off } => webhook(&name, Some(port).filter(|_| !off), term).await,
        GatewayAction::Test { name, json } => test(global, name, json, term).await,
        GatewayAction::Pair { name, timeout } => pair(global, name, timeout, term).await,
    }
}

fn unknown(name: &str) -> Failure {
    Failure::usage(format!("no gateway has the name {name}")).next("clawctl gateway list")
}

/// Asks the running app, which keeps the list itself; none when it is not running.
fn app(request: Request) -> Outcome<Option<Value>> {
    let op = Op::Request {
        window: None,
        request: Box::new(request),
    };
    match address().map(|address| tell(&address, op, APP_LIMIT)) {
        Ok(Ok(answer)) => Ok(Some(answer)),
        Ok(Err(TellError::NotRunning)) | Err(_) => Ok(None),
        Ok(Err(error)) => Err(error.into()),
    }
}

/// The token, never from an argument: those are seen by everybody on the computer.
fn read_token() -> Outcome<Secret> {
    let mut text = String::new();
    if std::io::stdin().is_terminal() {
        text = rpassword::prompt_password("Token: ")?;
    } else {
        std::io::stdin()
            .lock()
            .take(64 * 1024)
            .read_to_string(&mut text)?;
    }
    if text.trim().is_empty() {
        return Err(Failure::usage("no token was given")
            .next("echo \"$TOKEN\" | clawctl gateway add URL, or --no-token"));
    }
    if is_placeholder(&text) {
        let error = RequestError::TokenPlaceholder;
        return Err(Failure::usage(error.sentence(Language::English))
            .next("openclaw gateway auth-token --show (on the gateway's computer)"));
    }
    Ok(Secret::new(text.trim()))
}

async fn add(
    url: &str,
    name: Option<String>,
    no_token: bool,
    no_test: bool,
    protocol: Protocol,
    term: &mut Term,
) -> Outcome {
    let (url, in_url) = clean_url(url).map_err(|error| {
        Failure::usage(error.to_string().trim_end_matches('.')).next("for example ws://127.0.0.1:18789")
    })?;
    if in_url.is_some() {
        return Err(
            Failure::usage("the address contains a token; other users can see arguments")
                .next("give only the address, and the token on standard input"),
        );
    }
    let token = if no_token { None } else { Some(read_token()?) };
    let name = name.unwrap_or_else(|| host_of(&url));
    let known = profiles();
    let renewed = find(&known, &name).filter(|profile| profile.url == url).cloned();
    if renewed.is_none() && find(&known, &name).is_some() {
        return Err(
            Failure::usage(format!("a gateway with the name {name} already exists")).next("--name OTHER"),
        );
    }
    let mut target = Target {
        name: name.clone(),
        url: url.clone(),
        profile: None,
        protocol,
        token: token.clone(),
        device_token: None,
        keep: None,
        identity: DeviceIdentity::generate(),
    };
    let mut pairing = None;
    let mut version = String::new();
    if !no_test {
        term.progress(&format!("connecting to {url}…"));
        match link::test(&target, term).await {
            Ok(server) => version = server.version,
            // Its owner has to approve this device: it has to be remembered for that.
            Err((failure, Some(PauseReason::PairingPending { .. }))) => pairing = Some(failure),
            Err((failure, _)) => return Err(failure),
        }
    }
    let for_app = token.as_ref().map(|token| token.expose().to_owned());
    if let Some(profile) = renewed {
        if profile.protocol() != protocol {
            let request = Request::SetGatewayDialect {
                id: profile.id.clone(),
                dialect: protocol.to_string(),
            };
            if app(request)?.is_none() {
                profiles().change(&profile.id, |profile| profile.speak(protocol));
            }
        }
        // The same gateway again: a new token for it.
        if let Some(token) = token {
            let request = Request::SetGatewayToken {
                id: profile.id.clone(),
                token: for_app.unwrap_or_default(),
                session_only: false,
            };
            if app(request)?.is_none() {
                keep_secret(
                    &Keychain::system(),
                    &profile.id,
                    SecretKind::GatewayToken,
                    token,
                    term,
                )
                .await?;
            }
        }
        return pairing.map_or_else(|| term.line(&format!("{} has a new token", one_line(&name))), Err);
    }
    let request = Request::AddGateway {
        name: name.clone(),
        url: url.clone(),
        token: for_app,
        session_only: false,
        dialect: Some(protocol.to_string()),
    };
    if app(request)?.is_none() {
        let id = uuid::Uuid::new_v4().simple().to_string();
        target.keep = Some(id.clone());
        keep(&target, &id, term).await?;
        let mut known = profiles();
        let profile = Profile {
            id,
            name: name.clone(),
            url,
            ..Profile::default()
        };
        known.put(profile.speaking(protocol));
    }
    if let Some(failure) = pairing {
        return Err(failure);
    }
    let version = if version.is_empty() {
        String::new()
    } else {
        format!(" ({})", one_line(&version))
    };
    term.line(&format!("added {}{version}", one_line(&name)))
}

async fn keep(target: &Target, id: &str, term: &mut Term) -> Outcome {
    let store = Keychain::system();
    let key = Secret::new(STANDARD.encode(target.identity.to_secret_bytes()));
    let mut entries = vec![(SecretKind::DeviceKey, key)];
    if let Some(token) = &target.token {
        entries.push((SecretKind::GatewayToken, token.clone()));
    }
    for (kind, secret) in entries {
        keep_secret(&store, id, kind, secret, term).await?;
    }
    Ok(())
}

/// Keeps a secret. A keychain that is locked has asked the user by now, in a dialog of its own: that is waited for.
async fn keep_secret(
    store: &Keychain,
    id: &str,
    kind: SecretKind,
    secret: Secret,
    term: &mut Term,
) -> Outcome {
    let end = tokio::time::Instant::now() + UNLOCK_LIMIT;
    let mut told = false;
    loop {
        let error = match store.set(id, kind, secret.clone()).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if !matches!(error, SecretError::Locked | SecretError::Timeout) {
            return Err(keychain(&error));
        }
        if !std::mem::replace(&mut told, true) {
            term.note("waiting for the keychain's dialog…");
        }
        loop {
            if tokio::time::Instant::now() >= end {
                return Err(keychain(&error));
            }
            tokio::time::sleep(UNLOCK_POLL).await;
            // Asked without raising another dialog.
            if store.is_open().await {
                break;
            }
        }
    }
}

fn host_of(url: &str) -> String {
    let host = url::Url::parse(url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| url.to_owned())
}

fn list(json: bool, term: &mut Term) -> Outcome {
    let profiles = profiles();
    let active = profiles.active();
    if json {
        let all: Vec<Value> = profiles
            .all()
            .iter()
            .map(|profile| {
                json!({
                    "id": profile.id, "name": profile.name, "url": profile.url,
                    "active": Some(profile.id.as_str()) == active, "embedded": profile.embedded,
                    "dialect": profile.protocol().to_string(),
                })
            })
            .collect();
        return term.json(&all);
    }
    let rows: Vec<Vec<String>> = profiles
        .all()
        .iter()
        .map(|profile| {
            let sign = if Some(profile.id.as_str()) == active {
                "*"
            } else {
                ""
            };
            vec![
                sign.to_owned(),
                profile.name.clone(),
                profile.url.clone(),
                profile.id.clone(),
            ]
        })
        .collect();
    let text = table(term, &["", "NAME", "ADDRESS", "ID"], &rows);
    term.out(&text)?;
    if rows.is_empty() {
        term.note("no gateways; run clawctl gateway add ws://127.0.0.1:18789");
    }
    Ok(())
}

async fn remove(name: &str, term: &mut Term) -> Outcome {
    let mut profiles = profiles();
    let id = find(&profiles, name).ok_or_else(|| unknown(name))?.id.clone();
    if app(Request::RemoveGateway { id: id.clone() })?.is_none() {
        let store = Keychain::system();
        for kind in SecretKind::ALL {
            store.delete(&id, kind).await.map_err(|error| keychain(&error))?;
        }
        profiles.remove(&id);
    }
    term.note(&format!("removed {name}"));
    Ok(())
}

/// Makes a secret, keeps it, and says what the gateway has to be told.
async fn webhook(name: &str, port: Option<u16>, term: &mut Term) -> Outcome {
    let mut profiles = profiles();
    let id = find(&profiles, name).ok_or_else(|| unknown(name))?.id.clone();
    let secret = port.map(|_| random_token());
    let request = Request::SetGatewayWebhook {
        id: id.clone(),
        port,
        secret: secret.clone(),
    };
    if app(request)?.is_none() {
        let store = Keychain::system();
        let kept = match &secret {
            Some(secret) => {
                store
                    .set(&id, SecretKind::WebhookSecret, Secret::new(secret.as_str()))
                    .await
            }
            None => store.delete(&id, SecretKind::WebhookSecret).await,
        };
        kept.map_err(|error| keychain(&error))?;
        profiles.change(&id, |profile| profile.webhook_port = port);
    }
    match port.zip(secret) {
        Some((port, secret)) => {
            term.note("enter this address and this secret in the gateway; the secret is shown only once");
            term.line(&format!("URL:     http://127.0.0.1:{port}/"))?;
            term.line(&format!("Secret:  {secret}"))
        }
        None => {
            term.note(&format!("stopped receiving webhooks of {name}"));
            Ok(())
        }
    }
}

/// A gateway by name, by address, or the one that is meant anyway.
async fn target(global: &Global, name: Option<String>) -> Outcome<Target> {
    let name = name.or_else(|| global.gateway.clone());
    if let Some(address) = name.as_deref().filter(|name| name.contains("://")) {
        let (url, _) =
            clean_url(address).map_err(|error| Failure::usage(error.to_string().trim_end_matches('.')))?;
        let token = from_environment()?.and_then(|(_, token)| token);
        return Ok(link::environment_target(url, token).await);
    }
    link::target(name.as_deref()).await
}

async fn test(global: &Global, name: Option<String>, json: bool, term: &mut Term) -> Outcome {
    let target = target(global, name).await?;
    let started = tokio::time::Instant::now();
    let link = link::connect(target, Wants::default(), term).await?;
    let connected = started.elapsed();
    let ping = link.gateway.ping().await?;
    let millis = |time: Duration| (time.as_secs_f64() * 10_000.0).round() / 10.0;
    if json {
        return term.json(&json!({
            "ok": true, "url": link.url, "version": link.server.version, "protocol": link.server.protocol,
            "scopes": link.server.scopes, "connectMs": millis(connected), "pingMs": millis(ping),
        }));
    }
    let ok = term.paint(Paint::Green, "ok");
    term.line(&format!(
        "{ok} {} · {} · connected in {} ms, answers in {} ms",
        link.url,
        one_line(&link.server.version),
        millis(connected),
        millis(ping)
    ))
}

async fn pair(global: &Global, name: Option<String>, timeout: u32, term: &mut Term) -> Outcome {
    let mut target = target(global, name).await?;
    // The gateway's own tokens are what a pairing gives: the old one is of no use here.
    target.device_token = None;
    let (client, issued) = link::begin(&target, Wants::default());
    let mut state = client.state();
    let end = tokio::time::Instant::now() + Duration::from_secs(u64::from(timeout));
    let mut asked: Option<Option<String>> = None;
    loop {
        let now = state.borrow_and_update().clone();
        match &now {
            ConnectionState::Ready(_) => {
                if let Some(profile) = &target.keep {
                    link::keep_issued(issued, profile).await;
                }
                return term.line(&format!("paired with {}", one_line(&target.name)));
            }
            ConnectionState::Paused(PauseReason::PairingPending { request_id, .. }) => {
                let before = asked.get_or_insert_with(|| {
                    let failure = failed(&now, &target.name);
                    term.note(&failure.message);
                    term.note(&failure.next.unwrap_or_default());
                    request_id.clone()
                });
                // While a request waits, asking again is the same request.
                if before != request_id {
                    return Err(Failure::new(
                        Exit::Refused,
                        format!(
                            "{} did not approve this device: the request was rejected or has expired",
                            target.name
                        ),
                    )
                    .next("ask the owner of the gateway, then run clawctl gateway pair"));
                }
                term.progress("waiting for approval…");
                tokio::time::sleep(PAIR_POLL.min(end - tokio::time::Instant::now())).await;
                client.reconnect();
            }
            ConnectionState::Paused(_) | ConnectionState::Closed => return Err(failed(&now, &target.name)),
            ConnectionState::Backoff { soon_back: false, .. } => return Err(failed(&now, &target.name)),
            ConnectionState::Idle
            | ConnectionState::Connecting
            | ConnectionState::Handshaking
            | ConnectionState::Backoff { .. } => {}
        }
        if !matches!(tokio::time::timeout_at(end, state.changed()).await, Ok(Ok(()))) {
            let mut failure = failed(&now, &target.name);
            failure.exit = Exit::Refused;
            return Err(failure);
        }
    }
}
