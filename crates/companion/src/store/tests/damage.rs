use super::*;
use crate::store::{Part, Repair, SearchQuery, StoreError, files, testing};
use std::{
    fs,
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
};

fn scribble(path: &Path, from: u64, bytes: usize) {
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(from)).unwrap();
    file.write_all(&vec![0xA5; bytes]).unwrap();
}

/// A store with prompts and messages, closed so that all is in the main files.
fn closed(dir: &TempDir) -> (std::path::PathBuf, std::path::PathBuf) {
    let store = open(dir);
    for n in 0..200 {
        let text = format!("prompt {n} {}", "x".repeat(200));
        store
            .outbox_insert(HOME, &prompt(&format!("p{n}"), MAIN, &text), n)
            .unwrap();
    }
    store.save_draft(HOME, MAIN, "draft", 1).unwrap();
    store.set_muted(HOME, MAIN, true).unwrap();
    testing::fill(&store, HOME, 10, 2_000).unwrap();
    let paths = (store.outbox_path(), store.cache_path());
    drop(store);
    assert!(
        !files::beside(&paths.0, "-wal").exists(),
        "the log was folded in on closing"
    );
    paths
}

#[test]
fn a_damaged_cache_says_so_and_starts_anew_with_the_outbox_kept() {
    let dir = TempDir::new().unwrap();
    let (_, cache) = closed(&dir);
    let length = fs::metadata(&cache).unwrap().len();
    scribble(&cache, 40_960, usize::try_from(length).unwrap() - 40_960 - 4_096);
    let store = open(&dir);
    let error = store.newest_page(HOME, &testing::session_key(0), 50).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Corrupt {
                part: Part::Cache,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.next_step().contains("built anew"));
    assert_eq!(store.take_repairs(), [Repair::CacheRebuilt]);
    assert!(
        store
            .newest_page(HOME, &testing::session_key(0), 50)
            .unwrap()
            .messages
            .is_empty()
    );
    store.upsert_messages(HOME, MAIN, &run_of(1..=3)).unwrap();
    assert_eq!(all(&store, MAIN).len(), 3);
    let query = SearchQuery {
        text: "text".to_owned(),
        gateway: HOME.to_owned(),
        limit: 9,
        ..SearchQuery::default()
    };
    assert_eq!(store.search(&query).unwrap().len(), 3);
    assert_eq!(store.outbox(HOME).unwrap().len(), 200);
    assert_eq!(store.draft(HOME, MAIN).unwrap(), "draft");
    assert!(store.take_repairs().is_empty());
}

#[test]
fn a_cache_that_is_no_database_starts_anew() {
    for (from, bytes) in [(0, 100), (0, 8_192), (16, 2), (100, 3_000)] {
        let dir = TempDir::new().unwrap();
        let (_, cache) = closed(&dir);
        scribble(&cache, from, bytes);
        let store = open(&dir);
        // Found when it is opened or when it is first read: at the latest the second call works.
        let _ = store.upsert_messages(HOME, MAIN, &run_of(1..=3));
        store.upsert_messages(HOME, MAIN, &run_of(1..=3)).unwrap();
        assert_eq!(all(&store, MAIN).len(), 3, "{from} {bytes}");
        assert_eq!(store.take_repairs(), [Repair::CacheRebuilt], "{from} {bytes}");
        assert_eq!(store.outbox(HOME).unwrap().len(), 200);
    }
}

#[test]
fn another_process_survives_the_rebuild() {
    let dir = TempDir::new().unwrap();
    let (_, cache) = closed(&dir);
    let (one, two) = (open(&dir), open(&dir));
    assert!(!one.sessions(HOME).unwrap().is_empty());
    let length = fs::metadata(&cache).unwrap().len();
    scribble(&cache, 40_960, usize::try_from(length).unwrap() - 40_960 - 4_096);
    assert!(two.newest_page(HOME, &testing::session_key(0), 50).is_err());
    two.upsert_messages(HOME, MAIN, &run_of(1..=5)).unwrap();
    // Whatever the first one still believes, it ends up with what is there now.
    let _ = one.newest_page(HOME, MAIN, 10);
    one.upsert_messages(HOME, MAIN, &run_of(6..=7)).unwrap();
    assert_eq!(all(&one, MAIN), run_of(1..=7));
    assert_eq!(all(&two, MAIN), run_of(1..=7));
}

#[test]
fn a_damaged_outbox_is_read_out_and_a_copy_is_kept() {
    let dir = TempDir::new().unwrap();
    let (outbox, _) = closed(&dir);
    let mut bytes = Vec::new();
    fs::File::open(&outbox).unwrap().read_to_end(&mut bytes).unwrap();
    // A page that holds prompts from the middle.
    let hit = bytes
        .windows(11)
        .position(|window| window == b"prompt 100 ")
        .unwrap();
    scribble(&outbox, (hit / 4_096 * 4_096) as u64, 4_096);
    let store = open(&dir);
    let kept = store.outbox(HOME).unwrap();
    assert!(
        (160..200).contains(&kept.len()),
        "all but one page: {}",
        kept.len()
    );
    assert!(kept.iter().any(|entry| entry.id == "p0") && kept.iter().any(|entry| entry.id == "p199"));
    let order: Vec<i64> = kept.iter().map(|entry| entry.created_at_ms).collect();
    assert!(order.is_sorted(), "still in the order written");
    assert_eq!(store.draft(HOME, MAIN).unwrap(), "draft");
    assert!(store.marks(HOME, MAIN).unwrap().muted);
    let repairs = store.take_repairs();
    assert_eq!(
        repairs,
        [Repair::OutboxSalvaged {
            kept: kept.len(),
            complete: false
        }]
    );
    let copy = files::beside(&outbox, ".damaged-1");
    assert_eq!(fs::metadata(copy).unwrap().len(), bytes.len() as u64);
    store
        .outbox_insert(HOME, &prompt("after", MAIN, "goes on"), 1)
        .unwrap();
    drop(store);
    let store = open(&dir);
    assert_eq!(store.outbox(HOME).unwrap().len(), kept.len() + 1);
    assert!(store.take_repairs().is_empty());
}

#[test]
fn a_damaged_index_of_the_outbox_loses_nothing() {
    let dir = TempDir::new().unwrap();
    let (outbox, _) = closed(&dir);
    let root: u64 = rusqlite::Connection::open(&outbox)
        .unwrap()
        .query_row(
            "SELECT rootpage FROM sqlite_master WHERE name = 'outbox_open'",
            [],
            |row| row.get::<_, i64>(0),
        )
        .unwrap()
        .try_into()
        .unwrap();
    scribble(&outbox, (root - 1) * 4_096, 4_096);
    let store = open(&dir);
    assert_eq!(store.outbox(HOME).unwrap().len(), 200);
    assert_eq!(
        store.take_repairs(),
        [Repair::OutboxSalvaged {
            kept: 200,
            complete: true
        }]
    );
}

#[test]
fn an_outbox_that_is_no_database_is_kept_as_a_copy() {
    let dir = TempDir::new().unwrap();
    let (outbox, _) = closed(&dir);
    fs::write(&outbox, b"this is no database at all, but somebody may want it").unwrap();
    let store = open(&dir);
    assert!(store.outbox(HOME).unwrap().is_empty());
    assert_eq!(
        store.take_repairs(),
        [Repair::OutboxSalvaged {
            kept: 0,
            complete: false
        }]
    );
    let copy = fs::read(files::beside(&outbox, ".damaged-1")).unwrap();
    assert!(copy.starts_with(b"this is no database"));
    assert_eq!(
        store.sessions(HOME).unwrap().len(),
        10,
        "the cache is another file"
    );
}

#[test]
fn damage_that_shows_up_while_running_is_mended_too() {
    let dir = TempDir::new().unwrap();
    let (outbox, _) = closed(&dir);
    let store = open(&dir);
    let length = fs::metadata(&outbox).unwrap().len();
    scribble(&outbox, 8_192, usize::try_from(length).unwrap() / 2);
    // Pages in memory may still answer; a fresh look cannot.
    store
        .local(|db| db.execute_batch("PRAGMA shrink_memory"))
        .unwrap();
    let error = store.outbox(HOME).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Corrupt {
                part: Part::Outbox,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.next_step().contains("kept beside it"));
    store
        .outbox_insert(HOME, &prompt("after", MAIN, "goes on"), 1)
        .unwrap();
    assert!(
        store
            .outbox(HOME)
            .unwrap()
            .iter()
            .any(|entry| entry.id == "after")
    );
    assert_eq!(store.take_repairs().len(), 1);
}

#[test]
fn a_full_disk_is_said_clearly_and_loses_nothing() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store
        .outbox_insert(HOME, &prompt("before", MAIN, "safe"), 1)
        .unwrap();
    store.upsert_messages(HOME, MAIN, &run_of(1..=5)).unwrap();
    let limit = |db: &mut rusqlite::Connection, pages: i64| {
        db.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| {
            row.get::<_, i64>(0)
        })
    };
    store.local(|db| limit(db, 1)).unwrap();
    store.write(|db| limit(db, 1)).unwrap();

    let long = "no room ".repeat(50_000);
    let error = store
        .outbox_insert(HOME, &prompt("big", MAIN, &long), 2)
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Full {
                part: Part::Outbox,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("disk is full") && error.next_step().contains("Free some disk space"));
    let error = store
        .upsert_messages(HOME, MAIN, &[message("big", 6, 1, &long)])
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Full {
                part: Part::Cache,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.next_step().contains("nothing queued is lost"));

    assert_eq!(store.outbox(HOME).unwrap().len(), 1);
    assert!(
        store
            .outbox_claim(HOME, "app", 1, Duration::from_secs(1))
            .unwrap()
            .is_some(),
        "sending goes on"
    );
    assert_eq!(all(&store, MAIN), run_of(1..=5));
    store.local(|db| limit(db, 1_000_000)).unwrap();
    store.write(|db| limit(db, 1_000_000)).unwrap();
    store.outbox_insert(HOME, &prompt("big", MAIN, &long), 2).unwrap();
    store
        .upsert_messages(HOME, MAIN, &[message("big", 6, 400_000, &long)])
        .unwrap();
    assert_eq!(all(&store, MAIN).len(), 6);
    assert_index_is_sound(&store);
}

#[test]
fn a_lock_held_by_another_is_said_clearly() {
    let dir = TempDir::new().unwrap();
    let store = impatient(&dir);
    store.upsert_messages(HOME, MAIN, &run_of(1..=2)).unwrap();
    let hold = |path: std::path::PathBuf| {
        let other = rusqlite::Connection::open(path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        other
    };
    let (outbox, cache) = (hold(store.outbox_path()), hold(store.cache_path()));
    let error = store
        .outbox_insert(HOME, &prompt("p", MAIN, "hi"), 1)
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Locked {
                part: Part::Outbox,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.next_step().contains("try again"));
    let error = store.upsert_messages(HOME, MAIN, &run_of(3..=4)).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Locked {
                part: Part::Cache,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(all(&store, MAIN).len(), 2, "reading goes on");
    drop((outbox, cache));
    store.outbox_insert(HOME, &prompt("p", MAIN, "hi"), 1).unwrap();
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let dir = TempDir::new().unwrap();
    let (outbox, _) = closed(&dir);
    rusqlite::Connection::open(&outbox)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let error = Store::open(dir.path().join("data"), StoreOptions::default()).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::TooNew {
                part: Part::Outbox,
                found: 99,
                known: 1
            }
        ),
        "{error}"
    );
    assert!(error.next_step().contains("Update Clawtray"));
    rusqlite::Connection::open(&outbox)
        .unwrap()
        .pragma_update(None, "user_version", 1)
        .unwrap();
    assert_eq!(open(&dir).outbox(HOME).unwrap().len(), 200);
}

#[test]
fn schema_steps_are_taken_once_and_keep_what_is_there() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("steps.db");
    let old = files::Spec {
        part: Part::Cache,
        steps: &["CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('one')"],
        pragmas: "PRAGMA journal_mode=WAL;",
        at_birth: "",
    };
    let new = files::Spec {
        steps: &[
            "CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('one')",
            "ALTER TABLE t ADD b TEXT DEFAULT 'two'",
        ],
        ..old
    };
    let busy = Duration::from_secs(5);
    drop(files::open(&path, &old, busy).unwrap());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || drop(files::open(&path, &new, busy).unwrap()))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let db = files::open(&path, &new, busy).unwrap();
    let row: (String, String, i64) = db
        .query_row("SELECT a, b, count(*) FROM t", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(row, ("one".to_owned(), "two".to_owned(), 1));
    // A step that fails leaves the file as it was.
    let broken = files::Spec {
        steps: &["", "", "CREATE TABLE u (x); CREATE TABLE t (y)"],
        ..old
    };
    assert!(files::open(&path, &broken, busy).is_err());
    let tables: i64 = db
        .query_row("SELECT count(*) FROM sqlite_master WHERE name = 'u'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(tables, 0);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(data.join("outbox.db"), b"").unwrap();
    fs::set_permissions(data.join("outbox.db"), fs::Permissions::from_mode(0o644)).unwrap();
    let store = open(&dir);
    store.outbox_insert(HOME, &prompt("p", MAIN, "hi"), 1).unwrap();
    store.upsert_messages(HOME, MAIN, &run_of(1..=3)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    names.sort();
    assert_eq!(
        names,
        [
            "cache.db",
            "cache.db-shm",
            "cache.db-wal",
            "outbox.db",
            "outbox.db-shm",
            "outbox.db-wal",
            "setup.lock"
        ]
    );
}
