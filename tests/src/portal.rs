//! A stand-in for the desktop's portal on the real D-Bus interfaces, as unkind as the real ones are: `Registry`, `Settings` and
//! `GlobalShortcuts` of xdg-desktop-portal 1.20 with the backends of Plasma 6.3 and GNOME 48.

#![allow(missing_docs, reason = "the macro makes public items of methods")]

mod served;

use crate::waiting::{stage_hands, watched};
use anyhow::{Context, Result};
use served::{Registry, Settings, Shortcuts};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use zbus::zvariant::{OwnedObjectPath, Value};
use zbus::{Connection, connection};

const NAME: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const SHORTCUTS: &str = "org.freedesktop.portal.GlobalShortcuts";

/// What the user says to the portal's dialog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// Yes, with the keys that were asked for.
    #[default]
    Grant,
    /// Yes, with other keys, described like this. Nothing where another program has the keys.
    GrantOther(&'static str),
    /// The dialog is dismissed.
    Refuse,
    /// The dialog is still there.
    NotYet,
}

/// What a portal does besides asking the user.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    /// What the user says; [`Portal::answer`] changes it.
    pub answer: Answer,
    /// GNOME 48: `BindShortcuts` ends with the code of a failure, though the keys are bound.
    pub says_failed: bool,
    /// Plasma: a new session has this shortcut already, bound to these keys.
    pub knows: Option<(&'static str, &'static str)>,
    /// The desktop entry without which a program is not registered.
    pub entry: Option<PathBuf>,
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

/// A session, with the shortcuts that are bound in it: id, description, keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundSession {
    /// Its object.
    pub path: OwnedObjectPath,
    /// What is bound.
    pub bound: Vec<(String, String, String)>,
}

/// All that programs asked of the portal.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// App ids that programs are registered with.
    pub registered: Vec<String>,
    /// Every call: the caller's unique name, and the method.
    pub calls: Vec<(String, &'static str)>,
    /// Shortcuts asked for, newest last.
    pub asked: Vec<Asked>,
    /// Sessions that are open, newest last.
    pub sessions: Vec<BoundSession>,
}

impl Record {
    /// The methods that were called, in order, by whoever made the first call of this one.
    #[must_use]
    pub fn calls_of_caller_of(&self, method: &str) -> Vec<&'static str> {
        let caller = self.calls.iter().find(|(_, called)| *called == method);
        let of_caller =
            |(name, _): &&(String, &'static str)| caller.is_some_and(|(caller, _)| caller == name);
        self.calls
            .iter()
            .filter(of_caller)
            .map(|(_, called)| *called)
            .collect()
    }
}

/// A running stand-in. Dropping it takes the portal off the bus.
#[derive(Debug)]
pub struct Portal {
    connection: Connection,
    record: Arc<watch::Sender<Record>>,
    answer: Arc<watch::Sender<Answer>>,
}

impl Portal {
    /// Puts a portal on the bus at `address`.
    ///
    /// # Errors
    /// The bus cannot be reached or has a portal already.
    pub async fn start(address: &str, manners: Manners) -> Result<Self> {
        let record = Arc::new(watch::Sender::new(Record::default()));
        let answer = Arc::new(watch::Sender::new(manners.answer));
        let registry = Registry {
            record: Arc::clone(&record),
            entry: manners.entry.clone(),
        };
        let shortcuts = Shortcuts {
            manners,
            answer: Arc::clone(&answer),
            record: Arc::clone(&record),
        };
        let builder = connection::Builder::address(address)?
            .serve_at(PATH, shortcuts)?
            .serve_at(PATH, registry)?
            .serve_at(PATH, Settings(Arc::clone(&record)))?
            .name(NAME)?;
        let connection = stage_hands()?
            .spawn(builder.build())
            .await?
            .context("cannot put a portal on the bus")?;
        Ok(Self {
            connection,
            record,
            answer,
        })
    }

    /// All that was asked so far.
    #[must_use]
    pub fn record(&self) -> Record {
        self.record.borrow().clone()
    }

    /// The user says this to the dialog that is there, and to each later one.
    pub fn answer(&self, answer: Answer) {
        self.answer.send_replace(answer);
    }

    /// Waits until a shortcut was asked for.
    ///
    /// # Errors
    /// None was in time.
    pub async fn wait_for_shortcut(&self) -> Result<Asked> {
        let find = |record: &Record| record.asked.last().cloned();
        watched("a shortcut", &self.record, find, |record| format!("{record:?}")).await
    }

    /// Waits until the record is as wanted.
    ///
    /// # Errors
    /// It is not in time.
    pub async fn wait_for(&self, what: &str, is: impl Fn(&Record) -> bool) -> Result<()> {
        let find = |record: &Record| is(record).then_some(());
        watched(what, &self.record, find, |record| format!("{record:?}")).await
    }

    /// The user presses the shortcut with this id. Nothing comes of it where nobody has bound it.
    ///
    /// # Errors
    /// The bus is gone.
    pub async fn press(&self, id: &str) -> Result<()> {
        for session in self.record().sessions {
            if session.bound.iter().any(|(bound, ..)| bound == id) {
                let nothing: HashMap<&str, Value<'_>> = HashMap::new();
                let signal = (session.path, id, 1_u64, nothing);
                self.emit("Activated", &signal).await?;
            }
        }
        Ok(())
    }

    /// The user sets other keys for all shortcuts in the desktop's settings.
    ///
    /// # Errors
    /// The bus is gone.
    pub async fn set_keys(&self, keys: &str) -> Result<()> {
        self.record.send_modify(|record| {
            for (.., bound) in record.sessions.iter_mut().flat_map(|session| &mut session.bound) {
                keys.clone_into(bound);
            }
        });
        for session in self.record().sessions {
            let signal = (&session.path, served::described(&session.bound));
            self.emit("ShortcutsChanged", &signal).await?;
        }
        Ok(())
    }

    /// Takes the portal off the bus, as when it crashes.
    ///
    /// # Errors
    /// The bus is gone.
    pub async fn stop(self) -> Result<()> {
        Ok(self.connection.close().await?)
    }

    async fn emit<B>(&self, signal: &str, body: &B) -> Result<()>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let nobody = None::<&str>;
        Ok(self
            .connection
            .emit_signal(nobody, PATH, SHORTCUTS, signal, body)
            .await?)
    }
}
