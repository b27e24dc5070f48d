//! `serve` and `api-key`: the built-in gateway without a desktop.

use super::local_time;
use crate::cli::{ApiKeyAction, Global, Serve};
use crate::exit::{Exit, Failure, Outcome};
use crate::link::{self, Wants};
use crate::term::{Term, table};
use clawtray_companion::paths::Paths;
use clawtray_companion::ports::{Secret, SecretKind, SecretStore};
use clawtray_companion::profiles::EMBEDDED;
use clawtray_embedded_gateway::keys::{ApiKey, FreshKey, Keys, NewKey, Permission};
use clawtray_embedded_gateway::{
    AgentBackend, Bridged, Config, ConfigFile, ConfigFileError, EmbeddedGateway, StoreError, random_token,
};
use clawtray_gateway_client::{ConnectionState, Detected, Gateway as _};
use clawtray_keychain::Keychain;
use jiff::civil::Date;
use jiff::{Span, Zoned};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the built-in gateway keeps its things; the app's is the same.
fn data_dir() -> PathBuf {
    Paths::from_environment().data.join("embedded")
}

/// `serve`
pub(crate) async fn serve(global: &Global, args: &Serve, term: &mut Term) -> Outcome {
    // Before it holds any secret.
    clawtray_companion::core_dumps::switch_off();
    let file = args
        .config
        .as_deref()
        .map(config_file)
        .transpose()?
        .unwrap_or_default();
    let bind = args.bind.or(file.host).unwrap_or(Ipv4Addr::LOCALHOST.into());
    if !bind.is_loopback() && file.keys.is_empty() {
        need_key(bind)?;
    }
    // Connected before it listens: what the user's gateway refuses is said here, not to each caller.
    let bridge = match args.bridge {
        true => Some(Bridge::connect(global, term).await?),
        false => None,
    };
    let (token, kept) = match from_environment().or(file.token.clone()) {
        Some(token) => (token, true),
        None => kept_token().await,
    };
    let mut config = Config::new(data_dir(), None);
    let port = args.port.or(file.port).unwrap_or(0);
    file.apply(&mut config);
    // What is said here, or in the environment, goes before the file.
    config.bind = SocketAddr::new(bind, port);
    config.token = Some(token.clone());
    // The same agent as the app's: a model server if one is named, else the demonstration.
    config.agent = AgentBackend::from_env(|name| std::env::var(name).ok());
    config.bridge = bridge
        .as_ref()
        .map(|bridge| Bridged(Arc::new(bridge.client.clone())));
    let running = EmbeddedGateway::start(config)
        .await
        .map_err(|error| Failure::local(error.to_string()))?;
    begun_anew(running.damaged(), term);
    let mut line = json!({
        "url": running.url(),
        "httpUrl": running.http_url(),
        "port": running.addr().port(),
        "pid": std::process::id(),
    });
    if let Some(fields) = line.as_object_mut() {
        if let Some(bridge) = &bridge {
            fields.insert("bridge".into(), bridge.url.clone().into());
        }
        if !kept {
            // Nobody else could know it: there is no keychain to look it up in.
            fields.insert("token".into(), token.into());
        }
    }
    term.json_line(&line)?;
    let ended = tokio::select! {
        ended = ended() => ended,
        failure = refused(bridge.as_ref()) => Err(failure),
    };
    running.shutdown().await;
    if let Some(bridge) = bridge {
        bridge.client.shutdown().await;
    }
    ended
}

/// Ends when the gateway behind the bridge refuses for good: anything before it was ever ready, later a refused sign-in.
/// Whatever else stops a connection that was ready, the client looks again by itself.
async fn refused(bridge: Option<&Bridge>) -> Failure {
    let Some(bridge) = bridge else {
        return std::future::pending().await;
    };
    let mut state = bridge.client.state();
    let mut was_ready = bridge.was_ready;
    loop {
        let now = state.borrow_and_update().clone();
        match &now {
            ConnectionState::Ready(_) => was_ready = true,
            ConnectionState::Paused(reason) if !was_ready || !reason.may_pass() => {
                return Failure {
                    exit: Exit::Refused,
                    ..link::failed(&now, &bridge.name)
                };
            }
            ConnectionState::Idle
            | ConnectionState::Connecting
            | ConnectionState::Handshaking
            | ConnectionState::Backoff { .. }
            | ConnectionState::Paused(_)
            | ConnectionState::Closed => {}
        }
        if state.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// The user's own gateway, behind this one.
struct Bridge {
    client: Detected,
    name: String,
    url: String,
    /// It was connected at least once.
    was_ready: bool,
}

impl Bridge {
    /// Connects; a gateway that is merely away is waited for while callers are told 503.
    async fn connect(global: &Global, term: &mut Term) -> Outcome<Self> {
        let target = link::target(global.gateway.as_deref()).await?;
        let wants = Wants {
            tools: true,
            sessions: true,
            bridge: true,
            full_control: global.full_control,
            ..Wants::default()
        };
        let (client, mut issued) = link::begin(&target, wants);
        let was_ready = match link::wait_ready(&client, &target.name, term).await {
            Ok(_) => true,
            // Away, and not refused: it is waited for.
            Err(failure) if !matches!(*client.state().borrow(), ConnectionState::Paused(_)) => {
                term.note(&format!(
                    "{}; requests fail with 503 until the gateway is connected",
                    failure.message
                ));
                false
            }
            Err(failure) => {
                return Err(Failure {
                    exit: Exit::Refused,
                    ..failure
                });
            }
        };
        if let Some(profile) = target.keep {
            // It lives for days, and gets a new token now and then.
            tokio::spawn(async move {
                while let Some(token) = issued.recv().await {
                    link::keep(&token, &profile).await;
                }
            });
        }
        Ok(Self {
            client,
            name: target.name,
            url: target.url,
            was_ready,
        })
    }
}

/// Says that the database was damaged, where it was: whoever uses an API key finds out otherwise.
fn begun_anew(copy: Option<&Path>, term: &mut Term) {
    if let Some(copy) = copy {
        term.note(&format!(
            "the gateway's database was damaged and is empty now: API keys, jobs and sessions have to be made again; a copy is {}",
            copy.display()
        ));
    }
}

/// Refuses to be seen by other computers before there is a key that can be taken back.
fn need_key(bind: IpAddr) -> Outcome {
    let keys = Keys::open(&data_dir()).and_then(|keys| keys.list());
    let keys = keys.map_err(|error| Failure::local(error.to_string()))?;
    if keys.iter().any(ApiKey::is_live) {
        return Ok(());
    }
    let message = format!("other computers can reach {bind}, and there is no API key");
    Err(Failure::usage(message).next("clawctl api-key create --label NAME, or remove --bind"))
}

fn config_file(path: &Path) -> Outcome<ConfigFile> {
    ConfigFile::read(path, |name| std::env::var(name).ok()).map_err(|error| match error {
        ConfigFileError::Read { source, .. } => Failure::local(format!("{}: {source}", path.display())),
        other @ (ConfigFileError::TooLarge(_)
        | ConfigFileError::Syntax { .. }
        | ConfigFileError::Field { .. }) => {
            Failure::usage(other.to_string()).next("correct the file, or remove --config")
        }
    })
}

fn from_environment() -> Option<String> {
    let token = ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_AUTH_TOKEN"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|token| !token.trim().is_empty()));
    token.map(|token| token.trim().to_owned())
}

/// The token of the keychain, where a new one is put; without a keychain one for this run. And whether its user can look
/// it up.
async fn kept_token() -> (String, bool) {
    let store = Keychain::system();
    match store.get(EMBEDDED, SecretKind::GatewayToken).await {
        Ok(Some(token)) if !token.expose().trim().is_empty() => (token.expose().to_owned(), true),
        Ok(_) => {
            let token = random_token();
            let kept = store
                .set(EMBEDDED, SecretKind::GatewayToken, Secret::new(token.clone()))
                .await;
            (token, kept.is_ok())
        }
        Err(_) => (random_token(), false),
    }
}

#[cfg(unix)]
async fn ended() -> Outcome {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn ended() -> Outcome {
    Ok(tokio::signal::ctrl_c().await?)
}

/// `api-key`
pub(crate) fn api_key(action: ApiKeyAction, term: &mut Term) -> Outcome {
    let failed = |error: StoreError| Failure::local(error.to_string());
    let keys = Keys::open(&data_dir()).map_err(failed)?;
    begun_anew(keys.damaged(), term);
    match action {
        ApiKeyAction::Create {
            label,
            workspaces,
            permissions,
            rate_limit,
            tokens_per_day,
            expires,
            json,
        } => {
            let mut new = NewKey::labelled(label);
            new.workspaces = trimmed(workspaces);
            let permissions = trimmed(permissions);
            if !permissions.is_empty() {
                new.permissions = permissions
                    .iter()
                    .map(|name| Permission::parse(name).ok_or_else(|| no_permission(name)))
                    .collect::<Outcome<_>>()?;
            }
            if let Some(limit) = rate_limit {
                new.rate_limit_per_minute = limit;
            }
            new.tokens_per_day = tokens_per_day;
            new.expires_at_ms = expires.as_deref().map(end).transpose()?;
            show(&keys.create(new).map_err(failed)?, json, term)
        }
        ApiKeyAction::List { json } => {
            let all = keys.list().map_err(failed)?;
            if json {
                return term.json(&all);
            }
            let rows: Vec<Vec<String>> = all.iter().map(row).collect();
            let text = table(
                term,
                &["ID", "KEY", "LABEL", "WORKSPACES", "STATE", "CREATED"],
                &rows,
            );
            term.out(&text)?;
            if rows.is_empty() {
                term.note("no API keys");
            }
            Ok(())
        }
        ApiKeyAction::Rotate { key, json } => {
            let id = by_label(&keys, &key).map_err(failed)?;
            let fresh = keys.rotate(&id).map_err(failed)?.ok_or_else(|| no_key(&key))?;
            show(&fresh, json, term)
        }
        ApiKeyAction::Revoke { key } => {
            let id = by_label(&keys, &key).map_err(failed)?;
            let ended = keys.revoke(&id).map_err(failed)?.ok_or_else(|| no_key(&key))?;
            term.line(&format!("revoked {} ({})", ended.masked, ended.label))
        }
    }
}

/// The end of a key, in milliseconds since the epoch: after a time from now, or at the start of a day here.
fn end(text: &str) -> Outcome<i64> {
    let now = Zoned::now();
    let at = match text.parse::<Date>() {
        Ok(date) => date.to_zoned(now.time_zone().clone()).ok(),
        Err(_) => text
            .parse::<Span>()
            .ok()
            .and_then(|span| now.checked_add(span).ok()),
    };
    let at = at
        .filter(|at| *at > now)
        .map(|at| at.timestamp().as_millisecond());
    let refused = || {
        Failure::usage(format!("{text} is not a time in the future"))
            .next("--expires 30d, or --expires 2027-01-31")
    };
    at.ok_or_else(refused)
}

fn trimmed(words: Vec<String>) -> Vec<String> {
    let words = words.into_iter().map(|word| word.trim().to_owned());
    words.filter(|word| !word.is_empty()).collect()
}

fn no_permission(name: &str) -> Failure {
    let all: Vec<&str> = Permission::ALL.into_iter().map(Permission::as_str).collect();
    Failure::usage(format!("unknown permission {name}")).next(all.join(", "))
}

fn no_key(which: &str) -> Failure {
    // What was given may be a key: it is not repeated in full.
    let shown: String = which.chars().take(14).collect();
    Failure::new(Exit::Refused, format!("no active key matches {shown}…")).next("clawctl api-key list")
}

/// A label, when one live key alone has it.
fn by_label(keys: &Keys, which: &str) -> Result<String, StoreError> {
    let all = keys.list()?;
    let mut labelled = all.iter().filter(|key| key.is_live() && key.label == which);
    Ok(match (labelled.next(), labelled.next()) {
        (Some(key), None) => key.id.clone(),
        (Some(_) | None, _) => which.to_owned(),
    })
}

fn row(key: &ApiKey) -> Vec<String> {
    let state = match (key.is_live(), key.expires_at_ms) {
        (true, Some(at)) => format!("until {}", local_time(at)),
        (true, None) => "live".to_owned(),
        (false, _) => "ended".to_owned(),
    };
    vec![
        key.id.clone(),
        key.masked.clone(),
        key.label.clone(),
        workspaces(key),
        state,
        local_time(key.created_at_ms),
    ]
}

fn workspaces(key: &ApiKey) -> String {
    if key.workspaces.is_empty() {
        "all".to_owned()
    } else {
        key.workspaces.join(", ")
    }
}

/// The only time a key is shown.
fn show(fresh: &FreshKey, json: bool, term: &mut Term) -> Outcome {
    if json {
        let mut shown = serde_json::to_value(&fresh.key).map_err(std::io::Error::from)?;
        if let Some(fields) = shown.as_object_mut() {
            fields.insert("key".into(), Value::from(fresh.secret.clone()));
        }
        return term.json_line(&shown);
    }
    let ends = fresh
        .key
        .expires_at_ms
        .map(|at| format!("\nExpires: {}", local_time(at)));
    let ends = ends.unwrap_or_default();
    term.line(&format!(
        "API Key: {}\nLabel: {}\nWorkspaces: {}\nCreated: {}{ends}",
        fresh.secret,
        fresh.key.label,
        workspaces(&fresh.key),
        local_time(fresh.key.created_at_ms)
    ))?;
    term.note("Store the key now. It is not shown again.");
    Ok(())
}
