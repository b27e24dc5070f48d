//! The portal as it is served.
#![allow(missing_docs, reason = "the macro makes public items of methods")]

use super::{Answer, Asked, BoundSession, Manners, PATH, Record};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use zbus::message::Header;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, fdo, interface};

type Recorder = Arc<watch::Sender<Record>>;

/// Notes a call.
fn called(record: &Recorder, header: &Header<'_>, method: &'static str) {
    let caller = header.sender().map(ToString::to_string).unwrap_or_default();
    record.send_modify(|record| record.calls.push((caller, method)));
}

pub(super) struct Registry {
    pub(super) record: Recorder,
    pub(super) entry: Option<PathBuf>,
}

/// As xdg-desktop-portal's `handle_register` refuses.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop.portal.Error")]
pub(super) enum Refusal {
    #[zbus(error)]
    ZBus(zbus::Error),
    Failed(String),
}

#[interface(name = "org.freedesktop.host.portal.Registry")]
impl Registry {
    fn register(
        &self,
        app_id: String,
        _options: HashMap<String, OwnedValue>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), Refusal> {
        let caller = header.sender().map(ToString::to_string).unwrap_or_default();
        let known = self.record.borrow().calls.iter().any(|(name, _)| *name == caller);
        called(&self.record, &header, "Register");
        if known {
            let why = "Could not register app ID: Connection already associated with an application ID";
            return Err(Refusal::Failed(why.into()));
        }
        if self.entry.as_ref().is_some_and(|entry| !entry.is_file()) {
            let why = format!("Could not register app ID: App info not found for '{app_id}'");
            return Err(Refusal::Failed(why));
        }
        self.record.send_modify(|record| record.registered.push(app_id));
        Ok(())
    }
}

pub(super) struct Settings(pub(super) Recorder);

#[interface(name = "org.freedesktop.portal.Settings")]
impl Settings {
    /// No preference, for every setting there is.
    fn read(&self, _namespace: String, _key: String, #[zbus(header)] header: Header<'_>) -> OwnedValue {
        called(&self.0, &header, "Read");
        OwnedValue::from(0_u32)
    }

    fn read_one(&self, _namespace: String, _key: String, #[zbus(header)] header: Header<'_>) -> OwnedValue {
        called(&self.0, &header, "Read");
        OwnedValue::from(0_u32)
    }

    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        2
    }
}

pub(super) struct Shortcuts {
    pub(super) manners: Manners,
    pub(super) answer: Arc<watch::Sender<Answer>>,
    pub(super) record: Recorder,
}

#[interface(name = "org.freedesktop.portal.GlobalShortcuts")]
impl Shortcuts {
    async fn create_session(
        &self,
        options: HashMap<String, OwnedValue>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> fdo::Result<OwnedObjectPath> {
        called(&self.record, &header, "CreateSession");
        let path = path(&header, "session", &text(&options, "session_handle_token"))?;
        let record = Arc::clone(&self.record);
        let own = path.clone();
        connection
            .object_server()
            .at(path.clone(), Session { record, own })
            .await?;
        let knows = self.manners.knows.iter();
        let bound = knows.map(|(id, keys)| ((*id).to_owned(), String::new(), (*keys).to_owned()));
        let bound = bound.collect();
        let session = BoundSession {
            path: path.clone(),
            bound,
        };
        self.record.send_modify(|record| record.sessions.push(session));
        let results = HashMap::from([("session_handle", Value::from(path.as_str()))]);
        respond(connection, &header, &options, 0, results).await
    }

    async fn list_shortcuts(
        &self,
        session: OwnedObjectPath,
        options: HashMap<String, OwnedValue>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> fdo::Result<OwnedObjectPath> {
        called(&self.record, &header, "ListShortcuts");
        let bound = bound_in(&self.record, &session);
        let results = HashMap::from([("shortcuts", Value::new(described(&bound)))]);
        respond(connection, &header, &options, 0, results).await
    }

    fn bind_shortcuts(
        &self,
        session: OwnedObjectPath,
        shortcuts: Vec<(String, HashMap<String, OwnedValue>)>,
        _parent: String,
        options: HashMap<String, OwnedValue>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> fdo::Result<OwnedObjectPath> {
        called(&self.record, &header, "BindShortcuts");
        let asked = shortcuts.iter().map(|(id, properties)| Asked {
            id: id.clone(),
            description: text(properties, "description"),
            preferred: text(properties, "preferred_trigger"),
        });
        let asked: Vec<_> = asked.collect();
        self.record
            .send_modify(|record| record.asked.extend(asked.iter().cloned()));
        let request = path(&header, "request", &text(&options, "handle_token"))?;
        let caller = header.sender().map(|name| name.to_owned());
        let (record, says_failed) = (Arc::clone(&self.record), self.manners.says_failed);
        let (mut answers, connection, at) = (self.answer.subscribe(), connection.clone(), request.clone());
        // The user takes their time; the call itself is answered at once.
        tokio::spawn(async move {
            let answer = answers.wait_for(|answer| *answer != Answer::NotYet).await;
            let Ok(answer) = answer.map(|answer| *answer) else {
                return;
            };
            bind(&record, &session, &asked, answer);
            let bound = bound_in(&record, &session);
            let code = match answer {
                Answer::Refuse | Answer::NotYet => 1_u32,
                Answer::Grant | Answer::GrantOther(_) if says_failed => 2,
                Answer::Grant | Answer::GrantOther(_) => 0,
            };
            let results = HashMap::from([("shortcuts", Value::new(described(&bound)))]);
            let caller = caller.as_ref().map(zbus::names::UniqueName::as_str);
            // A program that has gone hears nothing.
            let _ = emit_response(&connection, caller, &at, code, results).await;
        });
        Ok(request)
    }

    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        1
    }
}

fn bind(record: &Recorder, session: &OwnedObjectPath, asked: &[Asked], answer: Answer) {
    let bound = asked.iter().filter_map(|asked| {
        let keys = match answer {
            Answer::Grant => asked.preferred.as_str(),
            Answer::GrantOther(keys) => keys,
            Answer::Refuse | Answer::NotYet => return None,
        };
        Some((asked.id.clone(), asked.description.clone(), keys.to_owned()))
    });
    let bound: Vec<_> = bound.collect();
    record.send_modify(|record| {
        if let Some(session) = record.sessions.iter_mut().find(|known| known.path == *session) {
            session.bound = bound;
        }
    });
}

fn bound_in(record: &Recorder, session: &OwnedObjectPath) -> Vec<(String, String, String)> {
    let record = record.borrow();
    let session = record.sessions.iter().find(|known| known.path == *session);
    session.map(|session| session.bound.clone()).unwrap_or_default()
}

/// Shortcuts as the interface has them: `a(sa{sv})`.
pub(super) fn described(
    bound: &[(String, String, String)],
) -> Vec<(String, HashMap<String, Value<'static>>)> {
    let described = bound.iter().map(|(id, description, keys)| {
        let properties = [("description", description), ("trigger_description", keys)];
        let properties = properties.map(|(name, value)| (name.to_owned(), Value::from(value.clone())));
        (id.clone(), properties.into())
    });
    described.collect()
}

struct Session {
    record: Recorder,
    own: OwnedObjectPath,
}

#[interface(name = "org.freedesktop.portal.Session")]
impl Session {
    fn close(&self, #[zbus(header)] header: Header<'_>) {
        called(&self.record, &header, "Close");
        self.record
            .send_modify(|record| record.sessions.retain(|known| known.path != self.own));
    }

    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        1
    }
}

fn text(values: &HashMap<String, OwnedValue>, name: &str) -> String {
    let text = values
        .get(name)
        .and_then(|value| value.downcast_ref::<&str>().ok());
    text.unwrap_or_default().to_owned()
}

/// Where a caller expects its request or session, after the portal documentation.
fn path(header: &Header<'_>, kind: &str, token: &str) -> fdo::Result<OwnedObjectPath> {
    let sender = header.sender().map(ToString::to_string).unwrap_or_default();
    let sender = sender.trim_start_matches(':').replace('.', "_");
    let path = ObjectPath::try_from(format!("{PATH}/{kind}/{sender}/{token}"))
        .map_err(|error| fdo::Error::InvalidArgs(error.to_string()))?;
    Ok(path.into())
}

/// Answers on the request's own object, which is what the call itself returns.
async fn respond(
    connection: &Connection,
    header: &Header<'_>,
    options: &HashMap<String, OwnedValue>,
    code: u32,
    results: HashMap<&str, Value<'_>>,
) -> fdo::Result<OwnedObjectPath> {
    let request = path(header, "request", &text(options, "handle_token"))?;
    let caller = header.sender().map(zbus::names::UniqueName::as_str);
    emit_response(connection, caller, &request, code, results).await?;
    Ok(request)
}

async fn emit_response(
    connection: &Connection,
    caller: Option<&str>,
    request: &OwnedObjectPath,
    code: u32,
    results: HashMap<&str, Value<'_>>,
) -> zbus::Result<()> {
    let response = (code, results);
    connection
        .emit_signal(
            caller,
            request,
            "org.freedesktop.portal.Request",
            "Response",
            &response,
        )
        .await
}
