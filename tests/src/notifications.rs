//! A stand-in for the desktop's notification daemon, on its real D-Bus interface.

mod served;

use crate::waiting::{stage_hands, watched};
use anyhow::{Context, Result};
use served::Served;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, connection};

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// What a modern daemon offers.
pub const CAPABILITIES: [&str; 5] = ["actions", "body", "body-markup", "inline-reply", "persistence"];

/// Why a notification is gone, as the specification numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Its time was over.
    Expired = 1,
    /// The user dismissed it.
    Dismissed = 2,
    /// The program took it back.
    TakenBack = 3,
}

/// A notification as a program asked for it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The daemon's number for it.
    pub id: u32,
    /// It takes the place of an earlier one.
    pub replaces: bool,
    /// The program's name.
    pub app_name: String,
    /// Icon name or path.
    pub icon: String,
    /// The headline.
    pub summary: String,
    /// The text.
    pub body: String,
    /// Key and label of each button; the key `default` is a click on the notification itself.
    pub actions: Vec<(String, String)>,
    /// Hints, each printed as D-Bus values are.
    pub hints: HashMap<String, String>,
    /// When it goes by itself, in milliseconds; -1 leaves it to the daemon, 0 is never.
    pub timeout_ms: i32,
    /// It came while the user wanted no disturbance.
    pub while_inhibited: bool,
}

/// All that programs asked of the daemon.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Notifications, oldest first; a replacement is an entry of its own.
    pub shown: Vec<Shown>,
    /// Numbers of notifications that a program took back.
    pub taken_back: Vec<u32>,
    /// How often somebody read whether notifications are inhibited; the signal that tells of a change reads it too.
    pub inhibited_asked: u64,
}

/// A running stand-in. Dropping it takes the daemon off the bus.
#[derive(Debug)]
pub struct NotificationDaemon {
    connection: Connection,
    record: Arc<watch::Sender<Record>>,
}

impl NotificationDaemon {
    /// Puts a daemon with these capabilities on the bus at `address`.
    ///
    /// # Errors
    /// The bus cannot be reached or has a daemon already.
    pub async fn start(address: &str, capabilities: &[&str]) -> Result<Self> {
        let record = Arc::new(watch::Sender::new(Record::default()));
        let capabilities = capabilities.iter().map(|&name| name.to_owned()).collect();
        let served = Served {
            capabilities,
            record: Arc::clone(&record),
            last_id: 0,
            inhibited: None,
        };
        let builder = connection::Builder::address(address)?
            .serve_at(PATH, served)?
            .name(NAME)?;
        let connection = stage_hands()?
            .spawn(builder.build())
            .await?
            .context("cannot put a notification daemon on the bus")?;
        Ok(Self { connection, record })
    }

    /// All that was asked so far.
    #[must_use]
    pub fn record(&self) -> Record {
        self.record.borrow().clone()
    }

    /// Waits for a notification that matches; those already shown count.
    ///
    /// # Errors
    /// None came in time.
    pub async fn wait_for(&self, what: &str, mut matches: impl FnMut(&Shown) -> bool) -> Result<Shown> {
        let find = |record: &Record| record.shown.iter().find(|shown| matches(shown)).cloned();
        watched(&format!("a notification: {what}"), &self.record, find, |record| {
            format!("{record:?}")
        })
        .await
    }

    /// Waits until a program took notification `id` back.
    ///
    /// # Errors
    /// It did not in time.
    pub async fn wait_for_taken_back(&self, id: u32) -> Result<()> {
        let find = |record: &Record| record.taken_back.contains(&id).then_some(());
        watched("a notification taken back", &self.record, find, |record| {
            format!("{record:?}")
        })
        .await
    }

    /// The user presses a button, or with `default` the notification itself. It closes then, as it does on a desktop.
    ///
    /// # Errors
    /// The bus is gone.
    pub async fn activate(&self, id: u32, action: &str) -> Result<()> {
        let emitter = self.emitter()?;
        Served::activation_token(&emitter, id, "lab-activation-token").await?;
        Served::action_invoked(&emitter, id, action).await?;
        self.close(id, CloseReason::Dismissed).await
    }

    /// The user writes a reply into the notification.
    ///
    /// # Errors
    /// The bus is gone.
    pub async fn reply(&self, id: u32, text: &str) -> Result<()> {
        Served::notification_replied(&self.emitter()?, id, text).await?;
        self.close(id, CloseReason::Dismissed).await
    }

    /// The notification goes.
    ///
    /// # Errors
    /// The bus is gone.
    pub async fn close(&self, id: u32, reason: CloseReason) -> Result<()> {
        Ok(Served::notification_closed(&self.emitter()?, id, reason as u32).await?)
    }

    /// The user switches do-not-disturb, as Plasma's daemon tells it. Waits until the app has asked what it is now.
    ///
    /// # Errors
    /// The bus is gone, or nobody asked in time.
    pub async fn inhibit(&self, on: bool) -> Result<()> {
        let served = self
            .connection
            .object_server()
            .interface::<_, Served>(PATH)
            .await?;
        served.get_mut().await.inhibited = Some(on);
        let before = self.record.borrow().inhibited_asked;
        served
            .get()
            .await
            .inhibited_changed(served.signal_emitter())
            .await?;
        // The signal reads it once, and then the app.
        let asked = |record: &Record| (record.inhibited_asked >= before + 2).then_some(());
        watched("a look at do-not-disturb", &self.record, asked, |record| {
            format!("{record:?}")
        })
        .await
    }

    /// Takes the daemon off the bus.
    ///
    /// # Errors
    /// The bus is gone.
    pub async fn stop(self) -> Result<()> {
        Ok(self.connection.close().await?)
    }

    fn emitter(&self) -> Result<SignalEmitter<'_>> {
        Ok(SignalEmitter::new(&self.connection, PATH)?)
    }
}
