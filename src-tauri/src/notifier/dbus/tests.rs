//! The notifier on a bus of its own, with other programs beside the notification server.

use super::*;
use crate::inbox::Outside;
use clawtray_companion::ports::NotificationTarget;
use clawtray_companion::words::Language;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use zbus::{connection, interface};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

struct Bus {
    daemon: Child,
    address: String,
}

impl Bus {
    fn start() -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("dbus-daemon, which every desktop has");
        let mut address = String::new();
        let said = daemon.stdout.take().unwrap();
        BufReader::new(said).read_line(&mut address).unwrap();
        Self {
            daemon,
            address: address.trim().to_owned(),
        }
    }

    async fn connect(&self) -> Connection {
        let builder = connection::Builder::address(self.address.as_str()).unwrap();
        builder.build().await.unwrap()
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// What the server was asked to do.
#[derive(Debug, PartialEq)]
enum Asked {
    Show {
        id: u32,
        icon: String,
        keys: Vec<String>,
    },
    Close(u32),
}

struct Server {
    capabilities: Vec<&'static str>,
    last_id: u32,
    asked: mpsc::UnboundedSender<Asked>,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Server {
    #[expect(clippy::too_many_arguments, reason = "the interface is given")]
    fn notify(
        &mut self,
        _app_name: String,
        replaces: u32,
        icon: String,
        _summary: String,
        _body: String,
        actions: Vec<String>,
        _hints: HashMap<String, zbus::zvariant::OwnedValue>,
        _timeout_ms: i32,
    ) -> u32 {
        let id = if replaces == 0 { self.last_id + 1 } else { replaces };
        self.last_id = self.last_id.max(id);
        let keys = actions.into_iter().step_by(2).collect();
        let _ = self.asked.send(Asked::Show { id, icon, keys });
        id
    }
    fn close_notification(&self, id: u32) {
        let _ = self.asked.send(Asked::Close(id));
    }
    fn get_capabilities(&self) -> Vec<&'static str> {
        self.capabilities.clone()
    }
}

/// A notification server, and what it was asked for.
struct Shows {
    connection: Connection,
    asked: mpsc::UnboundedReceiver<Asked>,
}

impl Shows {
    async fn start(bus: &Bus, capabilities: &[&'static str], last_id: u32) -> Self {
        let (sender, asked) = mpsc::unbounded_channel();
        let connection = bus.connect().await;
        let server = Server {
            capabilities: capabilities.to_vec(),
            last_id,
            asked: sender,
        };
        connection.object_server().at(PATH, server).await.unwrap();
        connection.request_name(NAME).await.unwrap();
        Self { connection, asked }
    }

    async fn asked(&mut self) -> Asked {
        let asked = tokio::time::timeout(PATIENCE, self.asked.recv()).await;
        asked.unwrap().unwrap()
    }

    async fn shown(&mut self) -> (u32, Vec<String>) {
        loop {
            if let Asked::Show { id, keys, .. } = self.asked().await {
                return (id, keys);
            }
        }
    }
}

/// Sends a signal of the notification server's, to all or to one program, and waits until the bus has passed it on.
async fn signal<B>(from: &Connection, to: Option<&str>, member: &str, body: &B)
where
    B: serde::Serialize + zbus::zvariant::DynamicType,
{
    from.emit_signal(to, PATH, NAME, member, body).await.unwrap();
    let bus = "org.freedesktop.DBus";
    from.call_method(Some(bus), "/org/freedesktop/DBus", Some(bus), "GetId", &())
        .await
        .unwrap();
}

/// The notifier under test.
struct Notifying {
    notifier: DbusNotifier,
    name: String,
    outside: Outside,
    activation: Activation,
}

impl Notifying {
    async fn start(bus: &Bus) -> Self {
        let connection = bus.connect().await;
        let name = connection.unique_name().unwrap().to_string();
        let (wishes, wished) = mpsc::unbounded_channel();
        let (inbox, outside) = Inbox::new();
        let activation = Activation::default();
        let given = activation.clone();
        tokio::spawn(async move { serve(connection, wished, &inbox, given).await });
        Self {
            notifier: DbusNotifier { wishes },
            name,
            outside,
            activation,
        }
    }

    fn show(&self, tag: &str) {
        self.notifier.show(Notification {
            tag: tag.to_owned(),
            title: "Molty asks for approval".to_owned(),
            body: "ls".to_owned(),
            on_click: NotificationTarget::Popup,
            actions: vec![NotificationAction::ApproveOnce, NotificationAction::Deny],
            urgent: true,
            language: Language::English,
        });
    }

    /// The next thing that the user did with a notification.
    async fn response(&mut self) -> (String, NotificationResponseKind) {
        loop {
            let input = tokio::time::timeout(PATIENCE, self.outside.recv()).await;
            if let Input::Notification(response) = input.unwrap().unwrap() {
                return (response.tag, response.kind);
            }
        }
    }
}

const DENY: NotificationResponseKind = NotificationResponseKind::Action(NotificationAction::Deny);

#[tokio::test]
async fn only_the_server_says_what_the_user_did() {
    let bus = Bus::start();
    let mut server = Shows::start(&bus, &["actions", "body"], 0).await;
    let mut app = Notifying::start(&bus).await;
    app.show("a");
    let (id, keys) = server.shown().await;
    assert_eq!(keys, ["default", "approve", "deny"]);

    let other = bus.connect().await;
    let name = app.name.clone();
    for to in [None, Some(name.as_str())] {
        signal(&other, to, "ActivationToken", &(id, "stolen")).await;
        signal(&other, to, "ActionInvoked", &(id, "approve")).await;
        signal(&other, to, "NotificationReplied", &(id, "words of nobody")).await;
        signal(&other, to, "NotificationClosed", &(id, 2_u32)).await;
    }
    signal(&server.connection, None, "ActionInvoked", &(id, "deny")).await;
    assert_eq!(app.response().await, ("a".to_owned(), DENY));
    assert_eq!(app.activation.take(), None);
    // Some servers keep a notification that was answered.
    assert_eq!(server.asked().await, Asked::Close(id));
}

#[tokio::test]
async fn another_server_takes_over_and_the_one_before_says_nothing_more() {
    let bus = Bus::start();
    let mut first = Shows::start(&bus, &["actions", "body"], 0).await;
    let mut app = Notifying::start(&bus).await;
    app.show("a");
    let (old, _) = first.shown().await;
    first.connection.release_name(NAME).await.unwrap();
    let mut second = Shows::start(&bus, &["actions"], old - 1).await;
    app.show("b");
    let (id, mut keys) = second.shown().await;
    assert_eq!(id, old, "both count from one");
    if keys.contains(&"approve".to_owned()) {
        // It was asked before the change was heard of, and is asked again.
        keys = second.shown().await.1;
    }
    assert_eq!(keys, ["default", "review", "deny"], "it shows no body");

    for to in [None, Some(app.name.as_str())] {
        signal(&first.connection, to, "ActionInvoked", &(id, "deny")).await;
    }
    // A button that was never there is a click.
    signal(&second.connection, None, "ActionInvoked", &(id, "approve")).await;
    assert_eq!(
        app.response().await,
        ("b".to_owned(), NotificationResponseKind::Clicked)
    );

    app.show("c");
    let (id, _) = second.shown().await;
    signal(&second.connection, None, "ActionInvoked", &(id, "deny")).await;
    assert_eq!(app.response().await, ("c".to_owned(), DENY));
}

#[tokio::test]
async fn what_was_withdrawn_before_the_end_has_reached_the_server() {
    let bus = Bus::start();
    let mut server = Shows::start(&bus, &["actions", "body"], 0).await;
    let app = Notifying::start(&bus).await;
    app.show("a");
    let Asked::Show { id, icon, .. } = server.asked().await else {
        panic!("nothing was shown");
    };
    let is_file = std::path::Path::new(&icon).is_file();
    assert!(
        icon == APP_ID || is_file,
        "{icon} is a name that packages bring, or a file"
    );
    app.notifier.withdraw("a");
    app.notifier.flush().await;
    assert_eq!(server.asked.try_recv(), Ok(Asked::Close(id)));
}
