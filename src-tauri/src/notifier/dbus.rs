//! Notifications over D-Bus, `org.freedesktop.Notifications`.
//!
//! One connection and one task serve all notifications, clicks and inline replies. A library call
//! per notification would hold a thread until the user reacts, and it has no inline reply.

#[cfg(test)]
mod tests;

use super::{Abilities, action, terms};
use crate::{
    activation::Activation,
    desktop_entry,
    environment::APP_ID,
    inbox::{Inbox, Input},
};
use async_trait::async_trait;
use clawtray_companion::ports::{
    Notification, NotificationAction, NotificationResponse, NotificationResponseKind, Notifier,
};
use futures_util::StreamExt;
use std::{collections::HashMap, time::Duration};
use tokio::sync::{mpsc, oneshot};
use zbus::{Connection, MatchRule, Message, MessageStream, names::OwnedUniqueName, zvariant::Value};

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// Whether the user wants no notifications now; Plasma's server has it, others do not.
const INHIBITED: &str = "Inhibited";
/// A server that takes longer is treated as if it were not there.
const LIMIT: Duration = Duration::from_secs(5);
/// Notifications whose clicks are waited for; the oldest is forgotten beyond that.
const MOST_SHOWN: usize = 100;

enum Wish {
    Show(Notification),
    Withdraw(String),
    /// Says when all that was wished before is done.
    Flush(oneshot::Sender<()>),
}

/// Notifications on Linux.
pub(crate) struct DbusNotifier {
    wishes: mpsc::UnboundedSender<Wish>,
}

impl DbusNotifier {
    /// Starts the task that speaks to the notification server and asks what it can do.
    pub(crate) fn start(inbox: Inbox, activation: Activation) -> Self {
        let (wishes, wished) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let served = async { serve(connect().await?, wished, &inbox, activation).await };
            if let Err(error) = served.await {
                tracing::warn!(%error, "no notifications");
                inbox.put(Input::Notifications(false));
            }
        });
        Self { wishes }
    }

    fn wish(&self, wish: Wish) {
        // Nobody receives: there is no bus, which was said already.
        let _ = self.wishes.send(wish);
    }
}

#[async_trait]
impl Notifier for DbusNotifier {
    fn show(&self, notification: Notification) {
        self.wish(Wish::Show(notification));
    }

    fn withdraw(&self, tag: &str) {
        self.wish(Wish::Withdraw(tag.to_owned()));
    }

    async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        self.wish(Wish::Flush(done));
        // Nobody answers where there is no bus: then nothing is left to be done.
        let _ = flushed.await;
    }
}

/// A notification on the screen.
struct Entry {
    tag: String,
    /// The server's id.
    id: u32,
    /// The keys of the actions that are offered on it.
    keys: Vec<String>,
}

/// What is on the screen, oldest first.
#[derive(Default)]
struct Shown(Vec<Entry>);

impl Shown {
    fn id(&self, tag: &str) -> Option<u32> {
        self.0.iter().find(|entry| entry.tag == tag).map(|entry| entry.id)
    }

    fn knows(&self, id: u32) -> bool {
        self.0.iter().any(|entry| entry.id == id)
    }

    fn put(&mut self, entry: Entry) {
        self.0.retain(|known| known.tag != entry.tag);
        self.0.push(entry);
        if self.0.len() > MOST_SHOWN {
            self.0.remove(0);
        }
    }

    fn take(&mut self, id: u32) -> Option<Entry> {
        let place = self.0.iter().position(|entry| entry.id == id)?;
        Some(self.0.remove(place))
    }
}

async fn connect() -> zbus::Result<Connection> {
    zbus::connection::Builder::session()?
        .method_timeout(LIMIT)
        .build()
        .await
}

async fn serve(
    bus: Connection,
    mut wishes: mpsc::UnboundedReceiver<Wish>,
    inbox: &Inbox,
    activation: Activation,
) -> zbus::Result<()> {
    let signals = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .interface(NAME)?
        .path(PATH)?
        .build();
    let mut signals = MessageStream::for_match_rule(signals, &bus, Some(64)).await?;
    let changes = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .interface(PROPERTIES)?
        .member("PropertiesChanged")?
        .path(PATH)?
        .arg(0, NAME)?
        .build();
    let mut changes = MessageStream::for_match_rule(changes, &bus, Some(8)).await?;
    let owner = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender("org.freedesktop.DBus")?
        .member("NameOwnerChanged")?
        .arg(0, NAME)?
        .build();
    let mut owners = MessageStream::for_match_rule(owner, &bus, Some(8)).await?;
    let mut server = Server {
        bus,
        inbox: inbox.clone(),
        activation,
        owner: None,
        abilities: None,
        shown: Shown::default(),
        said: None,
        inhibited: false,
    };
    server.ask().await;
    loop {
        tokio::select! {
            wish = wishes.recv() => match wish {
                Some(Wish::Show(notification)) => server.show(&notification).await,
                Some(Wish::Withdraw(tag)) => server.withdraw(&tag).await,
                Some(Wish::Flush(done)) => {
                    // Nobody waits any more when the app was in a hurry.
                    let _ = done.send(());
                }
                None => return Ok(()),
            },
            Some(Ok(signal)) = signals.next() => if server.is_from_owner(&signal) {
                server.signalled(&signal).await;
            },
            Some(Ok(change)) = changes.next() => if server.is_from_owner(&change) {
                server.ask_whether_inhibited().await;
            },
            Some(Ok(changed)) = owners.next() => {
                // The bus alone sends these: the rule names it as the sender, and no program can take its name.
                let new = changed.body().deserialize::<(String, String, String)>().map(|(_, _, new)| new);
                server.on_owner(&new.unwrap_or_default()).await;
            }
        }
    }
}

struct Server {
    bus: Connection,
    inbox: Inbox,
    activation: Activation,
    /// The program that has answered as the notification server. What is on the screen has its ids, and only it says what
    /// the user did with them: any program on the bus can send the same signals.
    owner: Option<OwnedUniqueName>,
    /// What the server can do; none while it is not known.
    abilities: Option<Abilities>,
    shown: Shown,
    /// What was last told about the server.
    said: Option<bool>,
    /// Whether it was last told that nobody wants to be disturbed.
    inhibited: bool,
}

impl Server {
    async fn call<B>(&self, method: &str, body: &B) -> zbus::Result<Message>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        self.bus
            .call_method(Some(NAME), PATH, Some(NAME), method, body)
            .await
    }

    fn is_from_owner(&self, message: &Message) -> bool {
        let header = message.header();
        let sender = header.sender();
        sender.is_some() && sender == self.owner.as_deref()
    }

    /// Notes who has answered. Another program than before knows nothing of what the one before has shown.
    fn answered(&mut self, reply: &Message) {
        let sender = reply.header().sender().map(|sender| sender.to_owned().into());
        if self.owner != sender {
            self.forget();
            self.owner = sender;
        }
    }

    fn forget(&mut self) {
        self.owner = None;
        self.abilities = None;
        self.shown = Shown::default();
    }

    /// The name has another owner now; empty is none.
    async fn on_owner(&mut self, new: &str) {
        // One that the bus has started for a call of ours has answered already.
        if self.owner.as_ref().is_some_and(|owner| owner.as_str() == new) {
            return;
        }
        self.forget();
        if new.is_empty() {
            self.say_inhibited(false);
        } else {
            self.ask().await;
        }
    }

    /// Asks what the server can do; the bus starts one if the desktop has one.
    async fn ask(&mut self) -> Option<Abilities> {
        if self.abilities.is_none() {
            let reply = self.call("GetCapabilities", &()).await;
            let words = reply.and_then(|reply| Ok((reply.body().deserialize::<Vec<String>>()?, reply)));
            match words {
                Ok((words, reply)) => {
                    self.answered(&reply);
                    self.abilities = Some(Abilities::from_words(&words));
                    self.say(true);
                    self.ask_whether_inhibited().await;
                }
                Err(error) => {
                    tracing::info!(%error, "no notification server");
                    self.say(false);
                }
            }
        }
        self.abilities
    }

    async fn ask_whether_inhibited(&mut self) {
        let asked = self
            .bus
            .call_method(Some(NAME), PATH, Some(PROPERTIES), "Get", &(NAME, INHIBITED))
            .await;
        let inhibited = asked.is_ok_and(|reply| {
            let value = reply.body().deserialize::<Value<'_>>().map(bool::try_from);
            matches!(value, Ok(Ok(true)))
        });
        self.say_inhibited(inhibited);
    }

    fn say_inhibited(&mut self, inhibited: bool) {
        if self.inhibited != inhibited {
            self.inhibited = inhibited;
            self.inbox.put(Input::DoNotDisturb(inhibited));
        }
    }

    fn say(&mut self, there: bool) {
        if self.said != Some(there) {
            self.said = Some(there);
            self.inbox.put(Input::Notifications(there));
        }
    }

    async fn show(&mut self, notification: &Notification) {
        let asked = self.ask().await;
        let owner = self.owner.clone();
        if let Some(abilities) = asked {
            self.show_with(notification, abilities).await;
        }
        // Another server took over meanwhile. It may show less, and then may not offer as much.
        if asked.is_some()
            && self.owner.is_some()
            && self.owner != owner
            && let Some(abilities) = self.ask().await
        {
            self.show_with(notification, abilities).await;
        }
    }

    async fn show_with(&mut self, notification: &Notification, abilities: Abilities) {
        let (title, body, actions) = terms(notification, abilities);
        let urgency: u8 = if notification.urgent { 2 } else { 1 };
        let mut hints = HashMap::from([
            ("desktop-entry", Value::from(APP_ID)),
            ("category", Value::from("im.received")),
            ("urgency", Value::from(urgency)),
        ]);
        if abilities.inline_reply && notification.actions.contains(&NotificationAction::Reply) {
            hints.insert(
                "x-kde-reply-placeholder-text",
                Value::from(format!("{}…", notification.label(&NotificationAction::Reply))),
            );
        }
        let keys: Vec<String> = actions.iter().step_by(2).cloned().collect();
        let replaces = self.shown.id(&notification.tag).unwrap_or_default();
        // Until dismissed, or as long as the server thinks right.
        let timeout_ms = if notification.urgent { 0 } else { -1 };
        let icon = desktop_entry::icon();
        let call = (
            "Clawtray", replaces, icon, title, body, actions, hints, timeout_ms,
        );
        match self
            .call("Notify", &call)
            .await
            .and_then(|reply| Ok((reply.body().deserialize::<u32>()?, reply)))
        {
            Ok((id, reply)) => {
                self.answered(&reply);
                let tag = notification.tag.clone();
                self.shown.put(Entry { tag, id, keys });
            }
            Err(error) => {
                // Its text could quote ours.
                let kind = matches!(error, zbus::Error::MethodError(..));
                tracing::warn!(refused = kind, "a notification was not shown");
                self.abilities = None;
                self.say(false);
            }
        }
    }

    async fn withdraw(&mut self, tag: &str) {
        if let Some(id) = self.shown.id(tag) {
            self.shown.take(id);
            // The server may have let go of it already.
            if self.call("CloseNotification", &id).await.is_err() {
                tracing::debug!("a notification was gone before it was withdrawn");
            }
        }
    }

    async fn signalled(&mut self, signal: &Message) {
        let body = signal.body();
        let member = signal
            .header()
            .member()
            .map(ToString::to_string)
            .unwrap_or_default();
        match member.as_str() {
            "ActionInvoked" => {
                if let Ok((id, key)) = body.deserialize::<(u32, String)>() {
                    self.invoked(id, &key).await;
                }
            }
            "ActivationToken" => {
                if let Ok((id, token)) = body.deserialize::<(u32, String)>()
                    && self.shown.knows(id)
                {
                    self.activation.give(Some(token));
                }
            }
            "NotificationReplied" => {
                if let Ok((id, text)) = body.deserialize::<(u32, String)>() {
                    self.respond(id, NotificationResponseKind::Replied(text)).await;
                }
            }
            "NotificationClosed" => {
                if let Ok((id, reason)) = body.deserialize::<(u32, u32)>()
                    && let Some(Entry { tag, .. }) = self.shown.take(id)
                    // 1: time is up, 2: the user closed it, 3: we did.
                    && reason == 2
                {
                    self.tell(tag, NotificationResponseKind::Dismissed);
                }
            }
            _ => {}
        }
    }

    /// A button that is not on the notification is a click on it.
    async fn invoked(&mut self, id: u32, key: &str) {
        let offered = self
            .shown
            .0
            .iter()
            .any(|entry| entry.id == id && entry.keys.iter().any(|known| known == key));
        let kind = action(key).filter(|_| offered).map_or(
            NotificationResponseKind::Clicked,
            NotificationResponseKind::Action,
        );
        self.respond(id, kind).await;
    }

    /// Tells the app once. A notification that was answered is done with; some servers would keep it.
    async fn respond(&mut self, id: u32, kind: NotificationResponseKind) {
        if let Some(Entry { tag, .. }) = self.shown.take(id) {
            self.tell(tag, kind);
            if self.call("CloseNotification", &id).await.is_err() {
                tracing::debug!("a notification was gone once it was answered");
            }
        }
    }

    fn tell(&self, tag: String, kind: NotificationResponseKind) {
        self.inbox
            .put(Input::Notification(NotificationResponse { tag, kind }));
    }
}
