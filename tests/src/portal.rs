//! A stand-in for the desktop portal's `org.freedesktop.portal.GlobalShortcuts`, on the real D-Bus interfaces.

#![allow(missing_docs, reason = "the macro makes public items of methods")]

use crate::waiting::{stage_hands, watched};
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;
use zbus::message::Header;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, connection, interface};

const NAME: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const SHORTCUTS: &str = "org.freedesktop.portal.GlobalShortcuts";

/// What the user says to the portal's dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes, with the keys that were asked for.
    Grant,
    /// Yes, with other keys, described like this.
    GrantOther(&'static str),
    /// The dialog is dismissed.
    Refuse,
}

/// A shortcut that a program asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The program's name for it.
    pub id: String,
    /// What the dialog says that it does.
    pub description: String,
    /// The keys asked for, in the XDG shortcuts format.
    pub preferred: String,
}

/// All that programs asked of the portal.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// App ids that programs registered with.
    pub registered: Vec<String>,
    /// Shortcuts asked for, newest last.
    pub asked: Vec<Asked>,
    /// Sessions that are open.
    pub sessions: Vec<OwnedObjectPath>,
}

/// A running stand-in. Dropping it takes the portal off the bus.
#[derive(Debug)]
pub struct Portal {
    connection: Connection,
    record: Arc<watch::Sender<Record>>,
}

impl Portal {
    /// Puts a portal on the bus at `address`, whose user answers like this.
    ///
    /// # Errors
    /// The bus cannot be reached or has a portal already.
    pub async fn start(address: &str, answer: Answer) -> Result<Self> {
        let record = Arc::new(watch::Sender::new(Record::default()));
        let shortcuts = Shortcuts {
            answer,
            record: Arc::clone(&record),
        };
        let builder = connection::Builder::address(address)?
            .serve_at(PATH, shortcuts)?
            .serve_at(PATH, Registry(Arc::clone(&record)))?
            .name(NAME)?;
        let connection = stage_hands()?
            .spawn(builder.build())
            .await?
            .context("cannot put a portal on the bus")?;
        Ok(Self { connection, record })
    }

    /// All that was asked so far.
    #[must_use]
    pub fn record(&self) -> Record {
        self.record.borrow().clone()
    }

    /// Waits until a shortcut was asked for.
    ///
    /// # Errors
    /// None was in time.
    pub async fn wait_for_shortcut(&self) -> Result<Asked> {
        let find = |record: &Record| record.asked.last().cloned();
        watched("a shortcut", &self.record, find, |record| format!("{record:?}")).await
    }

    /// The user presses the shortcut with this id.
    ///
    /// # Errors
    /// Nobody has a session.
    pub async fn press(&self, id: &str) -> Result<()> {
        let session = self.record().sessions.last().cloned().context("no session")?;
        let nothing: HashMap<&str, Value<'_>> = HashMap::new();
        let signal = (session, id, 1_u64, nothing);
        self.connection
            .emit_signal(None::<&str>, PATH, SHORTCUTS, "Activated", &signal)
            .await?;
        Ok(())
    }
}

struct Registry(Arc<watch::Sender<Record>>);

#[interface(name = "org.freedesktop.host.portal.Registry")]
impl Registry {
    fn register(&self, app_id: String, _options: HashMap<String, OwnedValue>) {
        self.0.send_modify(|record| record.registered.push(app_id));
    }
}

struct Shortcuts {
    answer: Answer,
    record: Arc<watch::Sender<Record>>,
}

#[interface(name = "org.freedesktop.portal.GlobalShortcuts")]
impl Shortcuts {
    async fn create_session(
        &self,
        options: HashMap<String, OwnedValue>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> zbus::fdo::Result<OwnedObjectPath> {
        let session = path(&header, "session", &text(&options, "session_handle_token"))?;
        let record = Arc::clone(&self.record);
        connection
            .object_server()
            .at(
                session.clone(),
                Session {
                    record,
                    own: session.clone(),
                },
            )
            .await?;
        self.record
            .send_modify(|record| record.sessions.push(session.clone()));
        let results = HashMap::from([("session_handle", Value::from(session.as_str()))]);
        respond(connection, &header, &options, 0, results).await
    }

    async fn bind_shortcuts(
        &self,
        _session: OwnedObjectPath,
        shortcuts: Vec<(String, HashMap<String, OwnedValue>)>,
        _parent: String,
        options: HashMap<String, OwnedValue>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> zbus::fdo::Result<OwnedObjectPath> {
        let asked = shortcuts.iter().map(|(id, properties)| Asked {
            id: id.clone(),
            description: text(properties, "description"),
            preferred: text(properties, "preferred_trigger"),
        });
        let asked: Vec<_> = asked.collect();
        self.record
            .send_modify(|record| record.asked.extend(asked.iter().cloned()));
        let (code, granted): (u32, &[Asked]) = match self.answer {
            Answer::Refuse => (1, &[]),
            Answer::Grant | Answer::GrantOther(_) => (0, &asked),
        };
        let granted = granted.iter().map(|asked| {
            let keys = match self.answer {
                Answer::GrantOther(keys) => keys,
                Answer::Grant | Answer::Refuse => asked.preferred.as_str(),
            };
            let properties = [
                ("description", asked.description.as_str()),
                ("trigger_description", keys),
            ];
            let properties: HashMap<_, _> = properties.map(|(name, value)| (name, Value::from(value))).into();
            (asked.id.as_str(), properties)
        });
        let granted: Vec<_> = granted.collect();
        let results = match code {
            0 => HashMap::from([("shortcuts", Value::new(granted))]),
            _ => HashMap::new(),
        };
        respond(connection, &header, &options, code, results).await
    }

    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        1
    }
}

struct Session {
    record: Arc<watch::Sender<Record>>,
    own: OwnedObjectPath,
}

#[interface(name = "org.freedesktop.portal.Session")]
impl Session {
    fn close(&self) {
        self.record
            .send_modify(|record| record.sessions.retain(|known| *known != self.own));
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
fn path(header: &Header<'_>, kind: &str, token: &str) -> zbus::fdo::Result<OwnedObjectPath> {
    let sender = header.sender().map(ToString::to_string).unwrap_or_default();
    let sender = sender.trim_start_matches(':').replace('.', "_");
    let path = ObjectPath::try_from(format!("{PATH}/{kind}/{sender}/{token}"))
        .map_err(|error| zbus::fdo::Error::InvalidArgs(error.to_string()))?;
    Ok(path.into())
}

/// Answers on the request's own object, which is what the call itself returns.
async fn respond(
    connection: &Connection,
    header: &Header<'_>,
    options: &HashMap<String, OwnedValue>,
    code: u32,
    results: HashMap<&str, Value<'_>>,
) -> zbus::fdo::Result<OwnedObjectPath> {
    let request = path(header, "request", &text(options, "handle_token"))?;
    connection
        .emit_signal(
            header.sender().map(zbus::names::UniqueName::as_str),
            &request,
            "org.freedesktop.portal.Request",
            "Response",
            &(code, results),
        )
        .await?;
    Ok(request)
}
