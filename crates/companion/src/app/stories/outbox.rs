//! A prompt is written down before it is sent, beside the loop, and what cannot be written is said.

use super::super::{Done, Kept, Shelf, Told, Turn};
use super::*;
use crate::outbox::Item;
use crate::paths::Paths;
use crate::store::{Part, StoreError};
use crate::testing::Mirror;
use futures_util::FutureExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Semaphore;

/// A shelf on a disk that may be full, locked or slow.
#[derive(Clone)]
struct Disk {
    kept: MemoryShelf,
    full: Arc<AtomicBool>,
    locked: Arc<AtomicBool>,
    /// One permit for each prompt that is written; many where it is not slow.
    writes: Arc<Semaphore>,
}

impl Default for Disk {
    fn default() -> Self {
        Self {
            kept: MemoryShelf::default(),
            full: Arc::default(),
            locked: Arc::default(),
            writes: Arc::new(Semaphore::new(1000)),
        }
    }
}

impl Disk {
    fn slow() -> Self {
        Self {
            writes: Arc::new(Semaphore::new(0)),
            ..Self::default()
        }
    }
    fn or<T: Send + 'static>(wrong: &AtomicBool, done: impl FnOnce() -> Done<T>) -> Done<T> {
        if wrong.load(Ordering::SeqCst) {
            let error = StoreError::NoAccess {
                part: Part::Outbox,
                message: "as the test wants it".into(),
            };
            return std::future::ready(Err(error)).boxed();
        }
        done()
    }
}

impl Shelf for Disk {
    fn load(&self, gateways: &[String]) -> Kept {
        self.kept.load(gateways)
    }
    fn outbox(&self, gateway: &str) -> Done<Vec<Item>> {
        self.kept.outbox(gateway)
    }
    fn claim(&self, item: &Item) -> Done<Turn> {
        Self::or(&self.locked, || self.kept.claim(item))
    }
    fn put_item(&self, item: &Item) -> Done<()> {
        let (kept, writes, item) = (self.kept.clone(), Arc::clone(&self.writes), item.clone());
        Self::or(&self.full, || {
            async move {
                writes.acquire().await.unwrap().forget();
                kept.put_item(&item).await
            }
            .boxed()
        })
    }
    fn remove_item(&self, id: &str) -> Done<()> {
        self.kept.remove_item(id)
    }
    fn set_draft(&self, gateway: &str, session: &str, text: &str) -> Done<()> {
        Self::or(&self.full, || self.kept.set_draft(gateway, session, text))
    }
    fn prompts(&self, gateway: &str, limit: u32) -> Done<Vec<String>> {
        self.kept.prompts(gateway, limit)
    }
    fn set_told(&self, gateway: &str, told: &Told) -> Done<()> {
        self.kept.set_told(gateway, told)
    }
    fn set_told_session(&self, gateway: &str, session: &str, run: &str, at_ms: i64) -> Done<()> {
        self.kept.set_told_session(gateway, session, run, at_ms)
    }
    fn forget(&self, gateway: &str) -> Done<()> {
        self.kept.forget(gateway)
    }
    fn flush(&self) -> Done<()> {
        self.kept.flush()
    }
}

async fn on(disk: &Disk, folder: &tempfile::TempDir, desk: &Desk, gateway: &FakeGateway) -> (Stage, Mirror) {
    desk.put_gateway("ws://home", gateway);
    let stage = Stage::start(folder.path(), desk, Bare::default(), disk.clone());
    stage.add("Home", "ws://home", "secret").await;
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("connected", |m| {
            m.view.connection.version.is_some() && m.view.target.session == MAIN
        })
        .await;
    (stage, popup)
}

type Answer = Result<serde_json::Value, crate::api::UiError>;

/// Sends a prompt, and gives its answer when it comes.
fn send(stage: &Stage, text: &str) -> tokio::task::JoinHandle<Answer> {
    let app = stage.app.clone();
    let request = Request::SendMessage {
        session: None,
        gateway: None,
        text: text.to_owned(),
        attachments: Vec::new(),
    };
    tokio::spawn(async move { app.request(WindowKind::Popup, request).await })
}

fn has_notice(mirror: &Mirror, id: &str) -> bool {
    mirror.view.notices.iter().any(|notice| notice.id == id)
}

#[tokio::test(start_paused = true)]
async fn a_prompt_is_sent_when_it_is_written_and_not_before() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let disk = Disk::slow();
    let (stage, mut popup) = on(&disk, &folder, &desk, &gateway).await;
    let first = send(&stage, "first");
    let second = send(&stage, "second");
    popup.until("both are shown", |m| m.view.outbox.len() == 2).await;
    // The loop goes on while the disk takes its time.
    tokio::time::sleep(Duration::from_secs(60)).await;
    stage.ask(Request::PinPopup { pinned: true }).await;
    assert!(gateway.lock().received.is_empty());
    assert!(!has_notice(&popup, "not-saved"));
    assert!(!first.is_finished(), "an answer is a promise");
    disk.writes.add_permits(1);
    assert!(first.await.unwrap().is_ok());
    assert!(!second.is_finished());
    popup
        .until("the first is sent", |m| m.view.outbox.len() == 1)
        .await;
    assert_eq!(gateway.lock().received.len(), 1);
    disk.writes.add_permits(100);
    popup.until("both are", |m| m.view.outbox.is_empty()).await;
    let texts: Vec<String> = gateway.lock().received.iter().map(|p| p.text.clone()).collect();
    assert_eq!(texts, ["first", "second"]);
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_cannot_be_written_says_so_and_quitting_asks() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let disk = Disk::default();
    let (stage, mut popup) = on(&disk, &folder, &desk, &gateway).await;
    gateway.go_offline();
    popup
        .until("offline", |m| m.view.connection.word == ConnectionWord::Offline)
        .await;
    disk.full.store(true, Ordering::SeqCst);
    stage.send("precious").await;
    popup
        .until("told", |m| has_notice(m, "not-saved") && m.view.outbox[0].unsaved)
        .await;

    stage.ask(Request::HideWindow).await;
    stage.app.tray(TrayAction::Quit);
    popup.until("asked", |m| has_notice(m, "quit-loses")).await;
    assert!(desk.lock().visible.contains("popup"), "where it can be read");
    stage.ask(Request::PinPopup { pinned: true }).await;

    // There is room again: it is written by itself, and quitting is nothing to ask about.
    disk.full.store(false, Ordering::SeqCst);
    popup
        .until("written", |m| {
            !has_notice(m, "not-saved") && !has_notice(m, "quit-loses") && !m.view.outbox[0].unsaved
        })
        .await;
    assert_eq!(disk.kept.items(&stage.active()).len(), 1);
    stage.app.tray(TrayAction::Quit);
    let stopped = stage.app.request(None, Request::HideWindow).await;
    assert_eq!(stopped.unwrap_err().code, "stopping");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_written_is_sent_all_the_same_and_the_second_quit_counts() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let disk = Disk::default();
    let (stage, mut popup) = on(&disk, &folder, &desk, &gateway).await;
    disk.full.store(true, Ordering::SeqCst);
    stage.send("at once").await;
    popup.until("sent", |m| m.lines() == ["User Done: at once"]).await;
    popup
        .until("nothing is lost any more", |m| !has_notice(m, "not-saved"))
        .await;
    gateway.go_offline();
    popup
        .until("offline", |m| m.view.connection.word == ConnectionWord::Offline)
        .await;
    stage.send("too late").await;
    popup.until("told", |m| has_notice(m, "not-saved")).await;
    stage.app.tray(TrayAction::Quit);
    stage.app.tray(TrayAction::Quit);
    let stopped = stage.app.request(None, Request::HideWindow).await;
    assert_eq!(stopped.unwrap_err().code, "stopping");
}

#[tokio::test(start_paused = true)]
async fn a_prompt_waits_while_the_store_does_not_say_whose_turn_it_is() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let disk = Disk::default();
    let (stage, mut popup) = on(&disk, &folder, &desk, &gateway).await;
    disk.locked.store(true, Ordering::SeqCst);
    stage.send("mine?").await;
    popup.until("told", |m| has_notice(m, "outbox-stuck")).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    popup
        .until("it waits", |m| m.view.outbox[0].state == MessageState::Queued)
        .await;
    assert!(gateway.lock().received.is_empty());
    disk.locked.store(false, Ordering::SeqCst);
    popup
        .until("sent, and nothing is wrong", |m| {
            m.view.outbox.is_empty() && !has_notice(m, "outbox-stuck")
        })
        .await;
    assert_eq!(gateway.lock().received.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_cannot_be_written_is_said_and_stays_in_the_window() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let disk = Disk::default();
    let (stage, mut popup) = on(&disk, &folder, &desk, &gateway).await;
    disk.full.store(true, Ordering::SeqCst);
    let draft = |text: &str| Request::SaveDraft {
        session: stage.session(MAIN),
        text: text.to_owned(),
    };
    stage.ask(draft("half")).await;
    popup.until("told", |m| has_notice(m, "drafts-unsaved")).await;
    let mut again = stage.subscribe(WindowKind::Popup);
    again
        .until("it is there", |m| m.view.target.draft == "half")
        .await;
    disk.full.store(false, Ordering::SeqCst);
    stage.ask(draft("half a thought")).await;
    again
        .until("nothing is wrong", |m| !has_notice(m, "drafts-unsaved"))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_is_taken_back_stands_below_what_was_written_since() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    let disk = Disk::default();
    let (stage, mut popup) = on(&disk, &folder, &desk, &gateway).await;
    gateway.go_offline();
    popup
        .until("offline", |m| m.view.connection.word == ConnectionWord::Offline)
        .await;
    let id = stage.send("sent too soon").await;
    stage
        .ask(Request::SaveDraft {
            session: stage.session(MAIN),
            text: "the next one".to_owned(),
        })
        .await;
    stage.ask(Request::CancelQueued { id }).await;
    let mut again = stage.subscribe(WindowKind::Popup);
    again
        .until("both", |m| m.view.target.draft == "the next one\n\nsent too soon")
        .await;
    assert!(again.view.outbox.is_empty());
}

/// The real files, held by another program for a moment.
#[tokio::test]
async fn a_store_that_another_program_holds_does_not_hold_up_the_app() {
    let (folder, desk, gateway) = (folder(), Desk::default(), FakeGateway::online());
    desk.put_gateway("ws://home", &gateway);
    let start = || {
        let unused = Box::new(MemoryShelf::default());
        Stage::start_with(folder.path(), &desk, Bare::default(), unused, |options| {
            options.shelf = None
        })
    };
    let stage = start();
    stage.add("Home", "ws://home", "secret").await;
    let mut popup = stage.subscribe(WindowKind::Popup);
    popup
        .until("connected", |m| {
            m.view.connection.version.is_some() && m.view.target.session == MAIN
        })
        .await;
    let file = Paths::under(folder.path()).data.join("outbox.db");
    let other = rusqlite::Connection::open(file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let sent = send(&stage, "while it is held");
    popup.until("shown", |m| m.view.outbox.len() == 1).await;
    stage
        .ask(Request::SaveDraft {
            session: stage.session(MAIN),
            text: "half".to_owned(),
        })
        .await;
    // Had the loop waited for the lock, it would have given up on both by now.
    stage.ask(Request::PinPopup { pinned: true }).await;
    assert!(gateway.lock().received.is_empty());
    other.execute_batch("COMMIT").unwrap();
    assert!(sent.await.unwrap().is_ok());
    popup
        .until("sent", |m| m.lines() == ["User Done: while it is held"])
        .await;
    stage.quit().await;
    let again = start();
    let mut popup = again.subscribe(WindowKind::Popup);
    popup
        .until("the draft was kept", |m| m.view.target.draft == "half")
        .await;
    again.quit().await;
}
