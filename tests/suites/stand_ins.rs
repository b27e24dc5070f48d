//! Checks the stand-ins: programs of the other side talk to them over a real bus.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test stops where something is wrong"
)]

use clawtray_lab::{Desktop, DesktopConfig, Keyring};
use futures_util::StreamExt;
use product_tests::notifications::{CAPABILITIES, CloseReason};
use product_tests::stage::StageConfig;
use product_tests::tray::Pixels;
use product_tests::{NotificationDaemon, Stage, TrayHost, Webview};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use zbus::zvariant::{ObjectPath, OwnedValue, Value};
use zbus::{Connection, Proxy, connection, interface};

fn bus_only() -> Desktop {
    let config = DesktopConfig {
        window_manager: false,
        keyring: Keyring::None,
        ..DesktopConfig::default()
    };
    Desktop::start(&config).unwrap()
}

async fn connect(desktop: &Desktop) -> Connection {
    connection::Builder::address(desktop.bus_address())
        .unwrap()
        .build()
        .await
        .unwrap()
}

#[tokio::test]
async fn notification_daemon_records_and_plays_the_user() {
    let desktop = bus_only();
    let client = connect(&desktop).await;
    let name = "org.freedesktop.Notifications";
    let server = Proxy::new(&client, name, "/org/freedesktop/Notifications", name)
        .await
        .unwrap();
    assert!(
        server
            .call::<_, _, Vec<String>>("GetCapabilities", &())
            .await
            .is_err(),
        "nobody is there yet"
    );

    let daemon = NotificationDaemon::start(desktop.bus_address(), &CAPABILITIES)
        .await
        .unwrap();
    let capabilities: Vec<String> = server.call("GetCapabilities", &()).await.unwrap();
    assert!(capabilities.contains(&"inline-reply".to_owned()));

    let mut signals = server.receive_all_signals().await.unwrap();
    let hints = HashMap::from([("urgency", Value::from(2_u8))]);
    let actions = vec!["default", "Open", "deny", "Deny"];
    let arguments = ("app", 0_u32, "icon", "Summary", "Body", actions, hints, 5000_i32);
    let id: u32 = server.call("Notify", &arguments).await.unwrap();
    let shown = daemon
        .wait_for("the one just sent", |shown| shown.summary == "Summary")
        .await
        .unwrap();
    assert_eq!((shown.id, shown.replaces, shown.timeout_ms), (id, false, 5000));
    assert_eq!(
        shown.actions,
        [("default".into(), "Open".into()), ("deny".into(), "Deny".into())]
    );
    assert_eq!(shown.hints.get("urgency").map(String::as_str), Some("byte 0x02"));

    daemon.activate(id, "default").await.unwrap();
    let mut seen = Vec::new();
    while seen.last().map(String::as_str) != Some("NotificationClosed") {
        seen.push(
            signals
                .next()
                .await
                .unwrap()
                .header()
                .member()
                .unwrap()
                .to_string(),
        );
    }
    assert_eq!(seen, ["ActivationToken", "ActionInvoked", "NotificationClosed"]);

    daemon.reply(id, "an answer").await.unwrap();
    let replied = signals.next().await.unwrap();
    assert_eq!(
        replied.body().deserialize::<(u32, String)>().unwrap(),
        (id, "an answer".to_owned())
    );

    let arguments = (
        "app",
        id,
        "icon",
        "Other",
        "",
        Vec::<&str>::new(),
        HashMap::<&str, Value<'_>>::new(),
        -1_i32,
    );
    let same: u32 = server.call("Notify", &arguments).await.unwrap();
    assert_eq!((same, daemon.record().shown.last().unwrap().replaces), (id, true));
    server
        .call::<_, _, ()>("CloseNotification", &(id,))
        .await
        .unwrap();
    daemon.wait_for_taken_back(id).await.unwrap();
    daemon.close(id, CloseReason::Expired).await.unwrap();

    daemon.stop().await.unwrap();
    assert!(
        server
            .call::<_, _, Vec<String>>("GetCapabilities", &())
            .await
            .is_err(),
        "it is gone"
    );
}

#[derive(Clone, Default)]
struct Item {
    clicks: Arc<AtomicI32>,
    chosen: Arc<Mutex<Vec<i32>>>,
    state: Arc<Mutex<&'static str>>,
}

#[interface(name = "org.kde.StatusNotifierItem")]
impl Item {
    fn activate(&self, _x: i32, _y: i32) {
        self.clicks.fetch_add(1, Ordering::SeqCst);
    }
    fn secondary_activate(&self, _x: i32, _y: i32) {
        self.clicks.fetch_add(100, Ordering::SeqCst);
    }
    #[zbus(property)]
    fn id(&self) -> &'static str {
        "item"
    }
    #[zbus(property)]
    fn icon_pixmap(&self) -> Pixels {
        vec![(1, 1, vec![255, 1, 2, 3])]
    }
    #[zbus(property)]
    fn tool_tip(&self) -> (String, Pixels, String, String) {
        (
            String::new(),
            Vec::new(),
            "Headline".into(),
            (*self.state.lock().unwrap()).into(),
        )
    }
    #[zbus(property)]
    fn menu(&self) -> ObjectPath<'_> {
        ObjectPath::from_static_str("/Menu").unwrap()
    }
}

struct Menu(Item);

type Properties = HashMap<&'static str, Value<'static>>;

#[interface(name = "com.canonical.dbusmenu")]
impl Menu {
    fn get_layout(
        &self,
        _parent: i32,
        _depth: i32,
        _names: Vec<String>,
    ) -> (u32, (i32, Properties, Vec<Value<'static>>)) {
        let line = (
            1,
            Properties::from([("type", "separator".into())]),
            Vec::<Value<'_>>::new(),
        );
        let quit = Properties::from([
            ("label", "_Quit".into()),
            ("enabled", false.into()),
            ("toggle-type", "checkmark".into()),
            ("toggle-state", 1.into()),
        ]);
        let quit = (2, quit, Vec::<Value<'_>>::new());
        (
            1,
            (0, Properties::new(), vec![Value::from(line), Value::from(quit)]),
        )
    }
    fn event(&self, id: i32, event: &str, _data: OwnedValue, _timestamp: u32) {
        assert_eq!(event, "clicked");
        self.0.chosen.lock().unwrap().push(id);
    }
}

#[tokio::test]
async fn tray_host_shows_clicks_and_forgets_items() {
    let desktop = bus_only();
    let tray = TrayHost::start(desktop.bus_address()).await.unwrap();
    assert!(tray.items().is_empty());

    let item = Item::default();
    *item.state.lock().unwrap() = "Connected";
    let program = connect(&desktop).await;
    program
        .object_server()
        .at("/StatusNotifierItem", item.clone())
        .await
        .unwrap();
    program
        .object_server()
        .at("/Menu", Menu(item.clone()))
        .await
        .unwrap();
    program
        .request_name("org.kde.StatusNotifierItem-1-1")
        .await
        .unwrap();
    let watcher = "org.kde.StatusNotifierWatcher";
    let watcher = Proxy::new(&program, watcher, "/StatusNotifierWatcher", watcher)
        .await
        .unwrap();
    assert!(
        watcher
            .get_property::<bool>("IsStatusNotifierHostRegistered")
            .await
            .unwrap()
    );
    let name = "org.kde.StatusNotifierItem-1-1";
    watcher
        .call::<_, _, ()>("RegisterStatusNotifierItem", &(name,))
        .await
        .unwrap();

    let address = tray.wait_for_item().await.unwrap();
    assert_eq!(address.service, name);
    let look = tray.look(&address).await.unwrap();
    assert_eq!(
        (look.id.as_str(), look.tooltip().as_str()),
        ("item", "Headline\nConnected")
    );
    assert_eq!(look.icon(), ("", &vec![(1, 1, vec![255, 1, 2, 3])]));
    *item.state.lock().unwrap() = "Offline";
    tray.wait_for_look("offline", &address, |look| look.tooltip_text == "Offline")
        .await
        .unwrap();

    tray.click(&address).await.unwrap();
    tray.middle_click(&address).await.unwrap();
    assert_eq!(item.clicks.load(Ordering::SeqCst), 101);

    let menu = tray.menu(&address).await.unwrap();
    assert_eq!(menu.labels(), ["Quit"]);
    assert!(menu.children.first().unwrap().is_separator);
    let quit = menu.find("Quit").unwrap();
    assert_eq!((quit.id, quit.enabled, quit.checked), (2, false, Some(true)));
    tray.choose(&address, quit.id).await.unwrap();
    assert_eq!(*item.chosen.lock().unwrap(), [2]);

    drop(watcher);
    program.close().await.unwrap();
    tray.wait_for_no_item().await.unwrap();
    tray.stop().await.unwrap();
    TrayHost::start(desktop.bus_address()).await.unwrap();
}

/// The browser that comes with WebKitGTK, in place of the app.
fn mini_browser() -> Option<PathBuf> {
    let arch = std::env::consts::ARCH;
    let dir = format!("/usr/lib/{arch}-linux-gnu/webkit2gtk-4.1/MiniBrowser");
    Some(PathBuf::from(dir)).filter(|path| path.is_file())
}

#[tokio::test]
async fn webview_is_driven_and_gets_the_keys_that_are_pressed() {
    let Some(browser) = mini_browser() else {
        println!("not tried: WebKitGTK came without its MiniBrowser");
        return;
    };
    let stage = Stage::set(StageConfig {
        tray: false,
        notifications: false,
        ..StageConfig::default()
    })
    .await
    .unwrap();
    let webview = Webview::start(&stage.desktop, &browser, &["--automation"], &[])
        .await
        .unwrap();
    let page = "data:text/html,<title>popup.html</title><textarea class=prompt autofocus></textarea><p></p>";
    webview.client().goto(page).await.unwrap();
    webview.switch_to("popup.html").await.unwrap();
    webview
        .run("document.querySelector('textarea').focus()", Vec::new())
        .await
        .unwrap();
    stage.wait_for_focus(&webview).await.unwrap();
    stage.ask(&webview, "[[say:Hello, World!]]").await.unwrap();
    let copy = "document.querySelector('textarea').oninput = (e) => document.querySelector('p').textContent = e.target.value;";
    webview.run(copy, Vec::new()).await.unwrap();
    stage.desktop.type_text("x").unwrap();
    let text = webview.wait_for_text("p", "x").await.unwrap();
    assert_eq!(text.trim(), "[[say:Hello, World!]] x");
    assert_eq!(webview.text(".not-there").await.unwrap(), "");
    webview.close().await.unwrap();
}
