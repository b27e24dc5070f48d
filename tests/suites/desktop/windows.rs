//! The program with the windows: it draws while a window exists, and the app survives its death.

use super::Report;
use product_tests::app::{self, App};
use product_tests::stage::{POPUP, StageConfig};
use product_tests::waiting::{Asked, PATIENCE, asked};
use product_tests::{Live, Stage, figures, leaks};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt, CreateWindowAux, WindowClass};
use x11rb::rust_connection::RustConnection;
use x11rb::{CURRENT_TIME, NONE};

/// As far as the system keeps a program's name.
const PROGRAM: &str = "clawtray-webvie";
/// Less than a program that waits for a window has, in MB: 12 when it was measured, and 46 without giving anything back.
const WAITING: f64 = 25.0;

fn name(process: u32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    name.trim().to_owned()
}

/// Ends a process as no program should end.
fn kill(process: u32) {
    let status = Command::new("kill").args(["-9", &process.to_string()]).status();
    assert!(status.unwrap().success(), "kill {process}");
}

/// What runs below the app and draws. The program that waits for a window has started none of it.
fn programs(app: u32) -> Vec<String> {
    let all = leaks::below(app).unwrap().into_iter().map(name);
    all.filter(|name| name.starts_with("WebKit")).collect()
}

/// The program with the windows.
pub(super) fn program(app: u32) -> anyhow::Result<Option<u32>> {
    Ok(leaks::below(app)?.into_iter().find(|id| name(*id) == PROGRAM))
}

/// Waits until nothing below the app draws.
async fn wait_for_none(app: u32) {
    asked("an app without windows", || async {
        let all = programs(app);
        Ok(if all.is_empty() {
            Asked::There(())
        } else {
            Asked::NotYet(format!("{all:?}"))
        })
    })
    .await
    .unwrap();
}

/// Waits until another program waits for the next window, with no connection to the X server.
async fn wait_for_next(app: u32, last: u32) -> u32 {
    asked("a program that waits", || async {
        let now = program(app)?;
        let Some(id) = now.filter(|id| *id != last) else {
            return Ok(Asked::NotYet(format!("{now:?}, the last was {last}")));
        };
        // Its sockets: the one to the app. The toolkit would have opened more.
        let open = std::fs::read_dir(format!("/proc/{id}/fd"))?;
        let targets = open.flatten().filter_map(|fd| std::fs::read_link(fd.path()).ok());
        let sockets = targets.filter(|target| target.to_string_lossy().starts_with("socket:"));
        let sockets = sockets.count();
        Ok(if sockets == 1 {
            Asked::There(id)
        } else {
            Asked::NotYet(format!("{sockets} sockets"))
        })
    })
    .await
    .unwrap()
}

/// Types a prompt into the popup, again until the model has it: nobody tells when the page has the keys.
async fn ask(stage: &Stage, live: &Live, text: &str) {
    asked(text, || async {
        stage.desktop.press("ctrl+a")?;
        stage.desktop.press("BackSpace")?;
        stage.desktop.type_text(text)?;
        stage.desktop.press("Return")?;
        for _ in 0..100 {
            if live.model.seen().iter().any(|seen| seen.user_text.contains(text)) {
                return Ok(Asked::There(()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(Asked::NotYet("nothing came".into()))
    })
    .await
    .unwrap();
}

/// Starts the app on the real gateway; a window that is hidden is let go of at once.
async fn start_with_nothing_kept_warm(stage: &Stage, live: &Live) -> App {
    stage
        .write_settings(r#"{"version":1,"keepWarmMinutes":0}"#)
        .unwrap();
    let args = ["--accept-environment", "--hidden"];
    let app = stage.start_app(&args, &live.env()).unwrap();
    stage.wait_for_connection().await.unwrap();
    app
}

#[tokio::test]
async fn they_wait_for_the_first_go_with_the_last_and_may_die() {
    let live = Live::start(Value::Null).unwrap();
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    let mut app = start_with_nothing_kept_warm(&stage, &live).await;
    // Before the first window: linked, of all libraries no more than what had to be written, and nothing drawn.
    let first = wait_for_next(app.id(), 0).await;
    let maps = std::fs::read_to_string(format!("/proc/{first}/maps")).unwrap();
    assert!(maps.contains("libwebkit2gtk"), "{maps}");
    asked("a program that has given memory back", || async {
        let memory = figures::memory(&[first]);
        Ok(if memory < WAITING {
            Asked::There(())
        } else {
            Asked::NotYet(format!("{memory} MB"))
        })
    })
    .await
    .unwrap();
    assert_eq!(programs(app.id()), [""; 0]);

    stage.press_hotkey().unwrap();
    stage.wait_for_popup().unwrap();
    ask(&stage, &live, "[[say:One.]] The first question.").await;
    assert_eq!(program(app.id()).unwrap(), Some(first), "the program that waited");
    stage.press_hotkey().unwrap();
    stage.wait_for_no_popup().unwrap();
    wait_for_none(app.id()).await;
    wait_for_next(app.id(), first).await;

    // Made anew it has what it had, and it may die as no program should: what waits in the tray goes on.
    stage.press_hotkey().unwrap();
    stage.wait_for_popup().unwrap();
    ask(&stage, &live, "[[say:Two.]] The second question.").await;
    let second = program(app.id()).unwrap().expect("another one");
    assert_ne!(first, second);
    kill(second);
    stage.wait_for_no_popup().unwrap();
    wait_for_none(app.id()).await;
    wait_for_next(app.id(), second).await;
    assert!(app.exit_status().unwrap().is_none());
    stage.wait_for_connection().await.unwrap();
    stage.press_hotkey().unwrap();
    stage.wait_for_popup().unwrap();
    ask(&stage, &live, "[[say:Three.]] The third question.").await;
    stage.picture("windows-after-a-death").unwrap();

    // The app itself may die, too: no window is left without it.
    let left = program(app.id()).unwrap().expect("a third one");
    kill(app.id());
    stage.wait_for_no_popup().unwrap();
    asked("the end of the windows", || async {
        Ok(if name(left) == PROGRAM {
            Asked::NotYet(format!("{left} runs"))
        } else {
            Asked::There(())
        })
    })
    .await
    .unwrap();
}

/// Another program of the desktop, with a window that nobody sees.
struct Neighbour {
    x: RustConnection,
    window: u32,
    clipboard: u32,
}

impl Neighbour {
    fn new(stage: &Stage) -> Self {
        let (x, root) = stage.other_program().unwrap();
        let window = x.generate_id().unwrap();
        let (class, values) = (WindowClass::INPUT_ONLY, CreateWindowAux::new());
        x.create_window(0, window, root, 0, 0, 1, 1, 0, class, 0, &values)
            .unwrap()
            .check()
            .unwrap();
        let clipboard = x.intern_atom(false, b"CLIPBOARD").unwrap().reply().unwrap().atom;
        Self { x, window, clipboard }
    }

    /// What it would paste.
    fn paste(&self) -> String {
        let atom = |name: &[u8]| self.x.intern_atom(false, name).unwrap().reply().unwrap().atom;
        let (text, property) = (atom(b"UTF8_STRING"), atom(b"PASTED"));
        self.x
            .convert_selection(self.window, self.clipboard, text, property, CURRENT_TIME)
            .unwrap();
        self.x.flush().unwrap();
        let came = loop {
            if let Event::SelectionNotify(notice) = self.x.wait_for_event().unwrap() {
                break notice.property;
            }
        };
        if came == NONE {
            return String::new();
        }
        let value = self
            .x
            .get_property(true, self.window, property, AtomEnum::ANY, 0, 1 << 16);
        String::from_utf8(value.unwrap().reply().unwrap().value).unwrap()
    }

    /// Copies something of its own.
    fn copy(&self) {
        let owner = self
            .x
            .set_selection_owner(self.window, self.clipboard, CURRENT_TIME);
        owner.unwrap().check().unwrap();
    }
}

#[tokio::test]
async fn what_was_copied_outlives_the_window() {
    let live = Live::start(Value::Null).unwrap();
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    let app = start_with_nothing_kept_warm(&stage, &live).await;
    stage.press_hotkey().unwrap();
    stage.wait_for_popup().unwrap();
    ask(&stage, &live, "[[say:Done.]] A question.").await;
    let neighbour = Neighbour::new(&stage);
    asked("the copy", || async {
        stage.desktop.press("ctrl+a")?;
        stage.desktop.press("BackSpace")?;
        stage.desktop.type_text("worth keeping")?;
        stage.desktop.press("ctrl+a")?;
        stage.desktop.press("ctrl+c")?;
        let pasted = neighbour.paste();
        Ok(if pasted == "worth keeping" {
            Asked::There(())
        } else {
            Asked::NotYet(pasted)
        })
    })
    .await
    .unwrap();

    // The page goes with the window, but no clipboard manager is there to take the copy.
    stage.press_hotkey().unwrap();
    stage.wait_for_no_popup().unwrap();
    asked("the end of the page", || async {
        let all = programs(app.id());
        Ok(if all.iter().any(|name| name == "WebKitWebProces") {
            Asked::NotYet(format!("{all:?}"))
        } else {
            Asked::There(())
        })
    })
    .await
    .unwrap();
    assert_eq!(neighbour.paste(), "worth keeping");
    assert!(program(app.id()).unwrap().is_some());

    neighbour.copy();
    wait_for_none(app.id()).await;
}

#[tokio::test]
async fn without_the_program_the_desktop_is_told() {
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    let alone = stage.desktop.dir().join("alone");
    std::fs::create_dir_all(&alone).unwrap();
    let program = alone.join("clawtray");
    std::fs::copy(app::binary().unwrap(), &program).unwrap();
    let mut command = stage.desktop.command(&program);
    command.args(["--embedded", "--hidden"]);
    let mut process = stage.desktop.spawn(app::LOG, &mut command).unwrap();
    stage.wait_for_connection().await.unwrap();

    stage.press_hotkey().unwrap();
    let notifications = stage.notifications().unwrap();
    let told = notifications
        .wait_for("what is wrong", |shown| {
            shown.summary.contains("cannot open its windows")
        })
        .await
        .unwrap();
    assert!(told.body.contains("Install Clawtray again"), "{}", told.body);
    assert!(stage.desktop.visible_windows(POPUP).unwrap().is_empty());
    assert!(process.exit_status().unwrap().is_none(), "the tray goes on");

    // One of another version, as an upgrade leaves it beside a program that still runs.
    let windows = alone.join("clawtray-webview");
    let other = "#!/bin/sh\nprintf '{\"Ready\":{\"version\":\"0.0.0\"}}\\n' >&0\ncat <&0 >/dev/null\n";
    std::fs::write(&windows, other).unwrap();
    std::fs::set_permissions(&windows, std::fs::Permissions::from_mode(0o755)).unwrap();
    notifications.activate(told.id, "default").await.unwrap();
    let told = notifications
        .wait_for("what helps", |shown| shown.body.contains("start it again"))
        .await
        .unwrap();
    assert!(process.exit_status().unwrap().is_none(), "the tray goes on");

    // Once it is there again, a click on what was said opens the window.
    let real = app::binary().unwrap().with_file_name("clawtray-webview");
    std::fs::remove_file(&windows).unwrap();
    std::fs::copy(real, &windows).unwrap();
    notifications.activate(told.id, "default").await.unwrap();
    stage.desktop.wait_for_window(POPUP, PATIENCE).unwrap();

    // By hand it is of no use, and says so.
    let by_hand = stage
        .desktop
        .command(alone.join("clawtray-webview"))
        .output()
        .unwrap();
    assert!(!by_hand.status.success());
    let said = String::from_utf8_lossy(&by_hand.stderr);
    assert!(said.contains("start clawtray instead"), "{said}");
}
