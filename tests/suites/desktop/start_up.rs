//! The start of the app: hidden, known to the desktop, with the session; and the effect of links.

use super::Report;
use product_tests::app::App;
use product_tests::stage::{POPUP, StageConfig};
use product_tests::waiting::{Asked, PATIENCE, asked};
use product_tests::{Stage, leaks};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;

const ENTRY: &str = "dev.clawtray.Clawtray.desktop";

async fn file_with(path: &Path, part: &str) -> String {
    asked(&format!("{part} in {}", path.display()), || async {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        Ok(if text.contains(part) {
            Asked::There(text)
        } else {
            Asked::NotYet(text)
        })
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn it_starts_hidden_makes_itself_known_and_opens_links() {
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    let home = stage.desktop.home();
    let mut app = stage.start_app(&["--embedded", "--hidden"], &[]).unwrap();
    stage.wait_for_connection().await.unwrap();
    assert!(stage.desktop.visible_windows(POPUP).unwrap().is_empty(), "hidden");
    // Nobody sees anything yet: whatever draws can wait.
    assert_eq!(
        super::windows::program(app.id()).unwrap(),
        None,
        "with no window open"
    );

    let entry = file_with(&home.join(".local/share/applications").join(ENTRY), "Exec=").await;
    assert!(entry.contains("MimeType=x-scheme-handler/clawtray;"), "{entry}");
    let program = product_tests::app::binary().unwrap().canonicalize().unwrap();
    assert!(
        entry.contains(&format!("Exec=\"{}\" %u", program.display())),
        "{entry}"
    );

    // Autostart follows the settings file, also when it is edited by hand.
    stage
        .write_settings(r#"{"version":1,"autostart":true,"mine":"kept"}"#)
        .unwrap();
    let autostart = home.join(".config/autostart").join(ENTRY);
    let entry = file_with(&autostart, "Exec=").await;
    assert!(entry.contains("--hidden"), "{entry}");
    stage
        .write_settings(r#"{"version":1,"autostart":false,"mine":"kept"}"#)
        .unwrap();
    asked("no autostart", || async {
        Ok(if autostart.exists() {
            Asked::NotYet("an entry".into())
        } else {
            Asked::There(())
        })
    })
    .await
    .unwrap();

    // A second start hands its link over and ends; the first one shows the popup for it.
    let link = "clawtray://new?text=From%20a%20link";
    let mut second = App::start(&stage.desktop, &[link], &[]).unwrap();
    stage.wait_for_popup().unwrap();
    assert!(second.wait_for_end().await.unwrap().success());
    stage.picture("link").unwrap();
    assert!(app.exit_status().unwrap().is_none(), "the first one runs on");
    stage.desktop.wait_for_window(POPUP, PATIENCE).unwrap();

    // WebKit's process that draws has a graphics driver. The one that shows what was drawn needs none to the end.
    asked("a process that draws", || async {
        let all = leaks::below(app.id())?;
        Ok(if all.iter().any(|id| !drivers(*id).is_empty()) {
            Asked::There(())
        } else {
            Asked::NotYet(format!("{} processes without a driver", all.len()))
        })
    })
    .await
    .unwrap();
    let windows = super::windows::program(app.id()).unwrap().unwrap();
    assert!(
        loaded(windows).contains("libwebkit2gtk"),
        "the maps of the windows"
    );
    assert_eq!(drivers(windows), [""; 0], "with the popup open");
    // The app itself waits in the tray for weeks: it has none of all that, not even now.
    let own = loaded(app.id());
    let toolkit = ["libwebkit2gtk", "libjavascriptcore", "libgtk", "libgdk", "libEGL"];
    assert!(own.contains("libc.so"), "the maps of the app");
    assert_eq!(
        toolkit.map(|library| own.contains(library)),
        [false; 5],
        "{toolkit:?}"
    );
}

/// The graphics drivers that a process has loaded. One that has ended has none.
fn drivers(process: u32) -> Vec<&'static str> {
    let loaded = loaded(process);
    let known = ["_dri.so", "libLLVM", "libgallium"];
    known
        .into_iter()
        .filter(|driver| loaded.contains(driver))
        .collect()
}

/// What a process has loaded: nothing once it has ended.
fn loaded(process: u32) -> String {
    std::fs::read_to_string(format!("/proc/{process}/maps")).unwrap_or_default()
}

#[tokio::test]
async fn an_app_that_is_just_ending_is_waited_for() {
    let stage = Stage::set(StageConfig::default()).await.unwrap();
    let _report = Report(&stage);
    let env = stage.desktop.env();
    let (_, run) = env.iter().find(|(name, _)| *name == "XDG_RUNTIME_DIR").unwrap();
    let folder = Path::new(run).join("clawtray");
    std::fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
    // The socket of an app that takes nothing any more, and is gone after the second look.
    let ending = UnixListener::bind(folder.join("control.sock")).unwrap();
    let looked_at = std::thread::spawn(move || {
        for _ in 0..4 {
            drop(ending.accept().unwrap());
        }
    });
    let mut app = stage.start_app(&["--embedded"], &[]).unwrap();
    stage.tray().unwrap().wait_for_item().await.unwrap();
    assert!(app.exit_status().unwrap().is_none(), "it is the only one now");
    looked_at.join().unwrap();
}
