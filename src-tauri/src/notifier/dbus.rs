//! Notifications over D-Bus, `org.freedesktop.Notifications`.
//!
//! One connection and one task serve all notifications, clicks and inline replies. A library call
//! per notification would hold a thread until the user reacts, and it has no inline reply.

use super::{Abilities, action, terms};
use crate::{
    activation::Activation,
    environment::APP_ID,
    inbox::{Inbox, Input},
};
use clawtray_companion::ports::{
    Notification, NotificationAction, NotificationResponse, NotificationResponseKind, Notifier,
};
use futures_util::StreamExt;
use std::{collections::HashMap, time::Duration};
use tokio::sync::mpsc;
use zbus::{Connection, MatchRule, Message, MessageStream, zvariant::Value};

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
            if let Err(error) = serve(wished, &inbox, activation).await {
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

impl Notifier for DbusNotifier {
    fn show(&self, notification: Notification) {
        self.wish(Wish::Show(notification));
    }

    fn withdraw(&self, tag: &str) {
        self.wish(Wish::Withdraw(tag.to_owned()));
    }
}

/// What is on the screen: tags with the server's ids, oldest first.
#[derive(Default)]
struct Shown(Vec<(String, u32)>);

impl Shown {
    fn id(&self, tag: &str) -> Option<u32> {
        self.0.iter().find(|(known, _)| known == tag).map(|(_, id)| *id)
    }

    fn put(&mut self, tag: String, id: u32) {
        self.0.retain(|(known, _)| *known != tag);
        self.0.push((tag, id));
        if self.0.len() > MOST_SHOWN {
            self.0.remove(0);
        }
    }

    fn take(&mut self, id: u32) -> Option<String> {
        let place = self.0.iter().position(|(_, known)| *known == id)?;
        Some(self.0.remove(place).0)
    }
}

async fn serve(
    mut wishes: mpsc::UnboundedReceiver<Wish>,
    inbox: &Inbox,
    activation: Activation,
) -> zbus::Result<()> {
    let bus = zbus::connection::Builder::session()?
        .method_timeout(LIMIT)
        .build()
        .await?;
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
                None => return Ok(()),
            },
            Some(Ok(signal)) = signals.next() => server.signalled(&signal),
            Some(Ok(_)) = changes.next() => server.ask_whether_inhibited().await,
            Some(Ok(changed)) = owners.next() => {
                // Another server: other abilities, other ids.
                let gone = changed.body().deserialize::<(String, String, String)>().is_ok_and(|(_, _, new)| new.is_empty());
                server.shown = Shown::default();
                server.abilities = None;
                if gone {
                    server.say_inhibited(false);
                } else {
                    server.ask().await;
                }
            }
        }
    }
}

struct Server {
    bus: Connection,
    inbox: Inbox,
    activation: Activation,
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

    /// Asks what the server can do; the bus starts one if the desktop has one.
    async fn ask(&mut self) -> Option<Abilities> {
        if self.abilities.is_none() {
            let words = self.call("GetCapabilities", &()).await;
            let words = words.and_then(|reply| reply.body().deserialize::<Vec<String>>());
            match words {
                Ok(words) => {
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
        let Some(abilities) = self.ask().await else { return };
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
        let replaces = self.shown.id(&notification.tag).unwrap_or_default();
        // Until dismissed, or as long as the server thinks right.
        let timeout_ms = if notification.urgent { 0 } else { -1 };
        let call = (
            "Clawtray", replaces, "clawtray", title, body, actions, hints, timeout_ms,
        );
        match self
            .call("Notify", &call)
            .await
            .and_then(|reply| reply.body().deserialize::<u32>())
        {
            Ok(id) => self.shown.put(notification.tag.clone(), id),
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

    fn signalled(&mut self, signal: &Message) {
        let body = signal.body();
        let member = signal
            .header()
            .member()
            .map(ToString::to_string)
            .unwrap_or_default();
        match member.as_str() {
            "ActionInvoked" => {
                if let Ok((id, key)) = body.deserialize::<(u32, String)>() {
                    let kind = action(&key).map_or(
                        NotificationResponseKind::Clicked,
                        NotificationResponseKind::Action,
                    );
                    self.respond(id, kind);
                }
            }
            "ActivationToken" => {
                if let Ok((_, token)) = body.deserialize::<(u32, String)>() {
                    self.activation.give(Some(token));
                }
            }
            "NotificationReplied" => {
                if let Ok((id, text)) = body.deserialize::<(u32, String)>() {
                    self.respond(id, NotificationResponseKind::Replied(text));
                }
            }
            "NotificationClosed" => {
                if let Ok((id, reason)) = body.deserialize::<(u32, u32)>() {
                    // 1: time is up, 2: the user closed it, 3: we did.
                    if reason == 2 {
                        self.respond(id, NotificationResponseKind::Dismissed);
                    } else {
                        self.shown.take(id);
                    }
                }
            }
            _ => {}
        }
    }

    /// Tells the app once; a notification that was answered is done with, and closed where the server keeps it.
    fn respond(&mut self, id: u32, kind: NotificationResponseKind) {
        if let Some(tag) = self.shown.take(id) {
            self.inbox
                .put(Input::Notification(NotificationResponse { tag, kind }));
        }
    }
}
