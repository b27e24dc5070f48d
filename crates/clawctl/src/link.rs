//! Chooses the gateway and connects to it: through the running app if there is one, else directly.

use crate::cli::Global;
use crate::exit::{Exit, Failure, Outcome, connection, keychain};
use crate::term::Term;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clawtray_companion::connection::{Facts, view};
use clawtray_companion::control::{self, AppGateway, TellError};
use clawtray_companion::discovery::is_placeholder;
use clawtray_companion::identity::device_key;
use clawtray_companion::paths::Paths;
use clawtray_companion::ports::{Secret, SecretError, SecretKind, SecretStore};
use clawtray_companion::profiles::{ENVIRONMENT, Profile, Profiles, clean_url};
use clawtray_gateway_client::protocol::SessionKey;
use clawtray_gateway_client::{
    CallError, ClientConfig, ConnectionState, Credentials, Detected, DeviceIdentity, Gateway, IssuedToken,
    PauseReason, Protocol, ServerInfo, connect as to_gateway,
};
use clawtray_keychain::Keychain;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Time for a gateway that answers.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Between looks for news on a gateway that cannot push.
const POLL_EVERY: Duration = Duration::from_secs(10);
/// Time for a gateway that says that it is starting.
const START_LIMIT: Duration = Duration::from_secs(30);
/// The scopes that nearly every command needs, and the ones a paired companion has: asking for fewer would gain nothing,
/// asking for more may need an approval. Other scopes are asked for when the gateway misses them, [`ADMIN`] only where the user
/// allows it.
const SCOPES: [&str; 3] = ["operator.read", "operator.write", "operator.approvals"];

/// Full control of a gateway: with `--full-control`, or for a gateway that was given it in the app's settings.
const ADMIN: &str = "operator.admin";

/// What a command needs of its connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wants {
    /// Changes and messages of all sessions.
    pub sessions: bool,
    /// Tools of a run.
    pub tools: bool,
    /// Approvals as they come.
    pub approvals: bool,
    /// Approvals of runs that others started: those are shown to administrators alone.
    pub decide: bool,
    /// Calls of others, for as long as it lives: jobs and deleted sessions are for administrators alone.
    pub bridge: bool,
    /// The user allows full control for this command.
    pub full_control: bool,
}

/// A gateway that is connected.
pub(crate) struct Link {
    pub gateway: Arc<dyn Gateway>,
    /// Our own connection, when it is not the app's.
    client: Option<Detected>,
    pub name: String,
    pub url: String,
    pub server: ServerInfo,
    /// The profile, when it is a configured one.
    pub profile: Option<Profile>,
    /// Whether full control may be asked for.
    full_control: bool,
}

/// A gateway to connect to.
pub(crate) struct Target {
    pub name: String,
    pub url: String,
    pub profile: Option<Profile>,
    /// What to speak there.
    pub protocol: Protocol,
    pub token: Option<Secret>,
    pub device_token: Option<Secret>,
    /// Where secrets go: the keychain's name for this gateway; none for the process alone.
    pub keep: Option<String>,
    pub identity: DeviceIdentity,
}

/// The gateway that the environment names.
pub(crate) fn from_environment() -> Outcome<Option<(String, Option<Secret>)>> {
    let filled = |value: &String| !value.trim().is_empty() && !is_placeholder(value);
    let var = |name: &str| std::env::var(name).ok().filter(filled);
    let Some(url) = var("OPENCLAW_GATEWAY_URL") else {
        return Ok(None);
    };
    let (url, in_url) =
        clean_url(&url).map_err(|error| Failure::usage(format!("OPENCLAW_GATEWAY_URL: {error}")))?;
    let token = var("OPENCLAW_GATEWAY_TOKEN")
        .or_else(|| var("OPENCLAW_GATEWAY_PASSWORD"))
        .or_else(|| var("OPENCLAW_AUTH_TOKEN"))
        .or(in_url);
    Ok(Some((url, token.map(|token| Secret::new(token.trim())))))
}

/// The configured gateways.
pub(crate) fn profiles() -> Profiles {
    let now = jiff::Timestamp::now().as_millisecond();
    Profiles::open(Paths::from_environment().profiles(), now).0
}

/// A profile by id, or by name.
pub(crate) fn find<'a>(profiles: &'a Profiles, name: &str) -> Option<&'a Profile> {
    profiles.get(name).or_else(|| {
        let name = name.to_lowercase();
        profiles
            .all()
            .iter()
            .find(|profile| profile.name.to_lowercase() == name)
    })
}

/// Connects to the gateway that is meant, and waits until it is ready.
pub(crate) async fn open(global: &Global, wants: Wants, term: &mut Term) -> Outcome<Link> {
    let environment = global.gateway.is_none() && from_environment()?.is_some();
    // The app's connection may do what the profile allows, whatever this command is called with.
    if !environment
        && !global.direct
        && !global.full_control
        && let Some(link) = through_app(global).await?
    {
        return Ok(link);
    }
    let wants = Wants {
        full_control: global.full_control,
        ..wants
    };
    connect(target(global.gateway.as_deref()).await?, wants, term).await
}

async fn through_app(global: &Global) -> Outcome<Option<Link>> {
    let Ok(address) = control::address() else {
        return Ok(None);
    };
    if cfg!(unix) && !address.socket.exists() {
        return Ok(None);
    }
    let profiles = profiles();
    let profile = match &global.gateway {
        Some(name) => Some(find(&profiles, name).cloned().ok_or_else(|| unknown(name))?),
        None => profiles.active().and_then(|id| profiles.get(id)).cloned(),
    };
    let wanted = global
        .gateway
        .as_ref()
        .and_then(|_| profile.as_ref().map(|p| p.id.clone()));
    match AppGateway::connect(&address, wanted).await {
        Ok(app) => {
            let ConnectionState::Ready(server) = app.state().borrow().clone() else {
                return Ok(None);
            };
            // What the app has as the active one counts: it may be one of this session only.
            let profile = match app.profile() {
                Some(id) => profiles.get(id).cloned(),
                None => profile,
            };
            Ok(Some(Link {
                gateway: Arc::new(app),
                client: None,
                name: profile.as_ref().map(|p| p.name.clone()).unwrap_or_default(),
                url: profile.as_ref().map(|p| p.url.clone()).unwrap_or_default(),
                server: *server,
                full_control: false,
                profile,
            }))
        }
        // Not running, or not connected itself: our own connection says why better than the app can.
        Err(TellError::NotRunning | TellError::Refused(_) | TellError::Io(_)) => Ok(None),
    }
}

/// The id of the profile with that id or name.
pub(crate) fn profile_id(name: &str) -> Outcome<String> {
    let profiles = profiles();
    let profile = find(&profiles, name).ok_or_else(|| unknown(name))?;
    Ok(profile.id.clone())
}

fn unknown(name: &str) -> Failure {
    Failure::usage(format!("no gateway has the name {name}")).next("clawctl gateway list")
}

/// No pairing is needed on loopback, so nothing has to be remembered; elsewhere the device is kept in the keychain, when
/// there is one, because each new device has to be approved.
pub(crate) async fn environment_target(url: String, token: Option<Secret>) -> Target {
    let host = url::Url::parse(&url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    let loopback = host.as_ref().is_some_and(|host| {
        let host = host.trim_matches(['[', ']']);
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    });
    let mut target = Target {
        name: host.clone().unwrap_or_else(|| url.clone()),
        url,
        profile: None,
        protocol: Protocol::Auto,
        token,
        device_token: None,
        keep: None,
        identity: DeviceIdentity::generate(),
    };
    if !loopback && let Ok(identity) = device(&Keychain::system(), ENVIRONMENT).await {
        target.identity = identity;
    }
    target
}

/// The gateway that is meant: by name, else that of the environment, else the active one.
pub(crate) async fn target(name: Option<&str>) -> Outcome<Target> {
    match from_environment()? {
        Some((url, token)) if name.is_none() => Ok(environment_target(url, token).await),
        Some(_) | None => configured_target(name).await,
    }
}

/// Connects once and lets go; a reason why it waits for somebody is given apart.
pub(crate) async fn test(
    target: &Target,
    term: &mut Term,
) -> Result<ServerInfo, (Failure, Option<PauseReason>)> {
    let (client, _issued) = begin(target, Wants::default());
    let ready = wait_ready(&client, &target.name, term).await;
    let reason = match &*client.state().borrow() {
        ConnectionState::Paused(reason) => Some(reason.clone()),
        ConnectionState::Idle
        | ConnectionState::Connecting
        | ConnectionState::Handshaking
        | ConnectionState::Ready(_)
        | ConnectionState::Backoff { .. }
        | ConnectionState::Closed => None,
    };
    client.shutdown().await;
    ready.map_err(|failure| (failure, reason))
}

async fn configured_target(name: Option<&str>) -> Outcome<Target> {
    let profiles = profiles();
    let profile = match name {
        Some(name) => find(&profiles, name).ok_or_else(|| unknown(name))?,
        None => profiles.active().and_then(|id| profiles.get(id)).ok_or_else(|| {
            Failure::new(Exit::NotConnected, "no gateway is set up").next(
                "clawctl gateway add ws://127.0.0.1:18789, or set OPENCLAW_GATEWAY_URL and OPENCLAW_GATEWAY_TOKEN",
            )
        })?,
    };
    profile_target(profile).await
}

/// A configured gateway, with its secrets from the keychain.
pub(crate) async fn profile_target(profile: &Profile) -> Outcome<Target> {
    let store = Keychain::system();
    let secret = async |kind| {
        store
            .get(&profile.id, kind)
            .await
            .map_err(|error| keychain(&error))
    };
    let token = secret(SecretKind::GatewayToken).await?;
    let device_token = secret(SecretKind::DeviceToken).await?;
    let identity = device(&store, &profile.id)
        .await
        .map_err(|error| keychain(&error))?;
    Ok(Target {
        name: profile.name.clone(),
        url: profile.url.clone(),
        profile: Some(profile.clone()),
        protocol: profile.protocol(),
        token,
        device_token,
        keep: Some(profile.id.clone()),
        identity,
    })
}

/// This device's identity for a gateway, which the app shares; made and kept when there is none.
pub(crate) async fn device(store: &Keychain, profile: &str) -> Result<DeviceIdentity, SecretError> {
    let key = device_key(store, profile, &Paths::from_environment().data).await?;
    let bytes = STANDARD.decode(key.expose()).unwrap_or_default();
    if let Ok(bytes) = <[u8; 32]>::try_from(bytes) {
        return Ok(DeviceIdentity::from_secret_bytes(&bytes));
    }
    // What is kept is no key: a new one takes its place.
    let identity = DeviceIdentity::generate();
    let key = Secret::new(STANDARD.encode(identity.to_secret_bytes()));
    store.set(profile, SecretKind::DeviceKey, key).await?;
    Ok(identity)
}

/// Connects by ourselves and waits until the gateway is ready.
pub(crate) async fn connect(target: Target, wants: Wants, term: &mut Term) -> Outcome<Link> {
    let (client, issued) = begin(&target, wants);
    let ready = wait_ready(&client, &target.name, term).await;
    if let Some(profile) = &target.keep {
        keep_issued(issued, profile).await;
    }
    let server = ready?;
    Ok(Link {
        full_control: may_have_full_control(&target, wants),
        gateway: Arc::new(client.clone()),
        client: Some(client),
        name: target.name,
        url: target.url,
        server,
        profile: target.profile,
    })
}

fn may_have_full_control(target: &Target, wants: Wants) -> bool {
    wants.full_control
        || target
            .profile
            .as_ref()
            .is_some_and(|profile| profile.full_control)
}

/// Begins to connect.
pub(crate) fn begin(target: &Target, wants: Wants) -> (Detected, mpsc::UnboundedReceiver<IssuedToken>) {
    let exposed = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().into());
    let credentials = Credentials {
        token: exposed(&target.token),
        device_token: exposed(&target.device_token),
        ..Credentials::default()
    };
    let (on_device_token, issued) = mpsc::unbounded_channel();
    let mut caps = Vec::new();
    if wants.tools {
        caps.push("tool-events".to_owned());
    }
    if wants.approvals {
        caps.push("approvals".to_owned());
    }
    let mut scopes = SCOPES.map(str::to_owned).to_vec();
    if (wants.bridge || wants.decide) && may_have_full_control(target, wants) {
        scopes.push(ADMIN.to_owned());
    }
    let config = ClientConfig {
        // A name of its own: a gateway retires local pairings of the same name, and the app's must live.
        display_name: if wants.bridge { "clawctl bridge" } else { "clawctl" }.to_owned(),
        scopes,
        caps,
        subscribe_sessions: wants.sessions,
        pinned_certificate_sha256: target.profile.as_ref().and_then(|p| p.certificate.clone()),
        on_device_token: Some(on_device_token),
        // What comes unasked matters to those who follow all sessions.
        poll_every: wants.sessions.then_some(POLL_EVERY),
        ..ClientConfig::new(target.url.clone(), credentials)
    };
    (
        to_gateway(config.with_identity(target.identity.clone()), target.protocol),
        issued,
    )
}

/// Keeps the device tokens that the gateway has issued.
pub(crate) async fn keep_issued(mut issued: mpsc::UnboundedReceiver<IssuedToken>, profile: &str) {
    while let Ok(token) = issued.try_recv() {
        keep(&token, profile).await;
    }
}

/// Keeps a device token that the gateway has issued.
pub(crate) async fn keep(token: &IssuedToken, profile: &str) {
    let token = Secret::new(token.token.expose());
    let _ = Keychain::system()
        .set(profile, SecretKind::DeviceToken, token)
        .await;
}

/// Waits until a connection is ready, or cannot become so without the user.
pub(crate) async fn wait_ready(gateway: &dyn Gateway, name: &str, term: &mut Term) -> Outcome<ServerInfo> {
    let mut state = gateway.state();
    let started = tokio::time::Instant::now();
    loop {
        let now = state.borrow_and_update().clone();
        let limit = match &now {
            ConnectionState::Ready(server) => {
                term.end_progress();
                return Ok((**server).clone());
            }
            ConnectionState::Paused(_) | ConnectionState::Closed => return Err(failed(&now, name)),
            ConnectionState::Backoff { soon_back: true, .. } => {
                term.progress(&format!("{name} is starting…"));
                START_LIMIT
            }
            ConnectionState::Backoff { .. } => return Err(failed(&now, name)),
            ConnectionState::Idle | ConnectionState::Connecting | ConnectionState::Handshaking => {
                CONNECT_LIMIT
            }
        };
        let changed = tokio::time::timeout_at(started + limit, state.changed()).await;
        if !matches!(changed, Ok(Ok(()))) {
            return Err(Failure::new(
                Exit::NotConnected,
                format!("{name} did not answer within {} s", limit.as_secs()),
            )
            .next("clawctl doctor"));
        }
    }
}

/// A state that is not ready, as the end of a command.
pub(crate) fn failed(state: &ConnectionState, name: &str) -> Failure {
    if let ConnectionState::Backoff { error, .. } = state {
        let mut failure = connection(&view(state, &facts(name)));
        failure.message = format!("{name} is not reachable: {error}");
        return failure;
    }
    let mut failure = connection(&view(state, &facts(name)));
    if let ConnectionState::Paused(PauseReason::AuthRequired { code, .. }) = state {
        failure.message = format!("{} ({code})", failure.message);
    }
    failure
}

/// What a connection's words need to know.
pub(crate) fn facts(name: &str) -> Facts {
    Facts {
        gateway: name.to_owned(),
        ..Facts::default()
    }
}

impl Link {
    /// Calls a method; asks for a wider scope and calls again when the gateway misses one.
    pub(crate) async fn raw(&self, method: &str, params: Value, term: &mut Term) -> Outcome<Value> {
        let mut scopes: Vec<String> = SCOPES.map(str::to_owned).to_vec();
        loop {
            let result = self.gateway.call_raw(method, params.clone()).await;
            let client = self.client.as_ref().and_then(Detected::native);
            let (Err(CallError::Gateway(error)), Some(client)) = (&result, client) else {
                return Ok(result?);
            };
            let missing = match error.detail("missingScope") {
                Some(missing) => missing,
                // Questions of all sessions are for the owner alone; the gateway does not say so as a scope.
                None if method.starts_with("question.") => ADMIN,
                None => return Ok(result?),
            };
            if missing == ADMIN && !self.full_control {
                let failure = result.map_or_else(Failure::from, |_| Failure::silent(Exit::Refused));
                return Err(
                    failure.next("the same command with --full-control, which asks for operator.admin")
                );
            }
            if scopes.iter().any(|scope| scope == missing) {
                return Ok(result?);
            }
            scopes.push(missing.to_owned());
            let mut state = client.state();
            state.mark_unchanged();
            client.set_scopes(scopes.clone());
            let _ = tokio::time::timeout(CONNECT_LIMIT, state.changed()).await;
            wait_ready(&client, &self.name, term).await?;
        }
    }

    /// A session's key in full: a short name belongs to an agent.
    pub(crate) fn session_key(&self, name: &str, agent: Option<&str>) -> SessionKey {
        if name.contains(':') || !self.gateway.capabilities().native {
            return name.into();
        }
        let agent = agent
            .or(self.server.default_agent_id.as_ref().map(|id| id.as_str()))
            .unwrap_or("main");
        SessionKey(format!("agent:{agent}:{name}"))
    }

    /// Where a prompt goes when nobody says.
    pub(crate) fn main_session(&self, agent: Option<&str>) -> SessionKey {
        match (&self.server.main_session_key, agent) {
            (Some(key), None) => key.clone(),
            (_, agent) => self.session_key("main", agent),
        }
    }
}
