//! Simulates a thousand crashes.
//!
//! A crash leaves the main file and some prefix of the log. In the middle of a checkpoint it leaves
//! a main file with some new and some old pages. This test makes both from the files of a real run,
//! at random places, and opens them again.

use super::*;
use crate::store::{files, testing::Dice};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// What must be there after a commit.
#[derive(Clone, Debug, Default, PartialEq)]
struct Truth {
    /// Prompt → state.
    outbox: BTreeMap<String, String>,
    drafts: BTreeMap<String, String>,
    /// Message id → text, per session.
    messages: BTreeMap<String, BTreeMap<String, String>>,
}

/// A commit: how long the logs were after it.
struct Commit {
    outbox: u64,
    cache: u64,
    truth: Truth,
}

fn length(path: &Path) -> u64 {
    fs::metadata(files::beside(path, "-wal")).map_or(0, |facts| facts.len())
}

fn seen(store: &Store) -> Truth {
    let mut truth = Truth::default();
    let rows: Vec<(String, String)> = store
        .local(|db| {
            db.prepare("SELECT id, state FROM outbox")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .unwrap();
    assert_eq!(
        rows.iter()
            .map(|(id, _)| id)
            .collect::<std::collections::BTreeSet<_>>()
            .len(),
        rows.len()
    );
    truth.outbox = rows.into_iter().collect();
    truth.drafts = store.drafts(HOME).unwrap().into_iter().collect();
    truth
}

fn seen_messages(store: &Store) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut sessions = BTreeMap::new();
    for n in 0..3 {
        let session = format!("agent:main:s{n}");
        let messages = all(store, &session);
        let count = messages.len();
        let by_id: BTreeMap<String, String> = messages
            .iter()
            .map(|m| (m.meta.id.as_ref().unwrap().to_string(), m.text()))
            .collect();
        assert_eq!(by_id.len(), count, "no message twice");
        if count > 0 {
            sessions.insert(session, by_id);
        }
    }
    sessions
}

/// Random work, each step one commit of one file.
fn live(store: &Store, dice: &mut Dice, steps: u64) -> Vec<Commit> {
    let mut truth = seen(store);
    truth.messages = seen_messages(store);
    let mut commits = Vec::new();
    let mut next = truth.outbox.len();
    for step in 0..steps {
        match dice.below(8) {
            0 | 1 => {
                let id = format!("p{next}");
                next += 1;
                let session = format!("s{}", dice.below(3));
                let text = "word ".repeat(usize::try_from(dice.below(900)).unwrap());
                store
                    .outbox_insert(HOME, &prompt(&id, &session, &text), 1)
                    .unwrap();
                truth.outbox.insert(id, "queued".to_owned());
            }
            2 => {
                if let Some(claim) = store
                    .outbox_claim(HOME, "app", 1, Duration::from_secs(1))
                    .unwrap()
                {
                    truth
                        .outbox
                        .insert(claim.prompt.idempotency_key, "sending".to_owned());
                }
            }
            3 => {
                let sending = truth.outbox.iter().find(|(_, state)| *state == "sending");
                if let Some(id) = sending.map(|(id, _)| id.clone()) {
                    store.outbox_taken(&id, 2).unwrap();
                    truth.outbox.insert(id, "taken".to_owned());
                }
            }
            4 => {
                let session = format!("s{}", dice.below(3));
                store
                    .save_draft(HOME, &session, &format!("draft {step}"), 1)
                    .unwrap();
                truth.drafts.insert(session, format!("draft {step}"));
            }
            5 => {
                let session = format!("agent:main:s{}", dice.below(3));
                store.reset_session(HOME, &session).unwrap();
                truth.messages.remove(&session);
            }
            _ => {
                let session = format!("agent:main:s{}", dice.below(3));
                let from = dice.below(40) + 1;
                let messages: Vec<Message> = (from..from + dice.below(12) + 1)
                    .map(|seq| {
                        message(
                            &format!("m{seq}"),
                            seq,
                            i64::try_from(seq).unwrap() * 1_000,
                            &format!("text {step}"),
                        )
                    })
                    .collect();
                store.upsert_messages(HOME, &session, &messages).unwrap();
                let kept = truth.messages.entry(session).or_default();
                for message in &messages {
                    kept.insert(message.meta.id.as_ref().unwrap().to_string(), message.text());
                }
            }
        }
        commits.push(Commit {
            outbox: length(&store.outbox_path()),
            cache: length(&store.cache_path()),
            truth: truth.clone(),
        });
    }
    commits
}

fn copy(from: &Path, to: &Path, log_bytes: u64) {
    fs::copy(from, to).unwrap();
    let log = files::beside(to, "-wal");
    fs::copy(files::beside(from, "-wal"), &log).unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(&log)
        .unwrap()
        .set_len(log_bytes)
        .unwrap();
}

fn quiet(store: &Store) {
    // The logs keep everything, so that a beginning of them is a moment of the past.
    store
        .local(|db| db.pragma_update(None, "wal_autocheckpoint", 0))
        .unwrap();
    store
        .write(|db| db.pragma_update(None, "wal_autocheckpoint", 0))
        .unwrap();
}

/// The state of both files after the log was cut at those lengths.
fn expected(commits: &[Commit], outbox: u64, cache: u64) -> Truth {
    let of_outbox = commits.iter().rev().find(|commit| commit.outbox <= outbox);
    let of_cache = commits.iter().rev().find(|commit| commit.cache <= cache);
    Truth {
        messages: of_cache
            .map(|commit| commit.truth.messages.clone())
            .unwrap_or_default(),
        ..of_outbox.map(|commit| commit.truth.clone()).unwrap_or_default()
    }
}

fn check(at: &Path, expected: &Truth, what: &str) {
    let store = Store::open(at, StoreOptions::default()).unwrap();
    let mut found = seen(&store);
    found.messages = seen_messages(&store);
    assert_eq!(&found, expected, "{what}");
    assert_index_is_sound(&store);
    assert!(store.take_repairs().is_empty(), "{what}: nothing was damaged");
}

#[test]
fn a_thousand_deaths_lose_nothing_and_double_nothing() {
    let dir = TempDir::new().unwrap();
    let mut dice = Dice(2026);
    let mut deaths = 0;
    let at = |name: &str| -> PathBuf { dir.path().join(name) };
    for life in 0..5 {
        let store = open(&dir);
        quiet(&store);
        let start = Commit {
            outbox: length(&store.outbox_path()),
            cache: length(&store.cache_path()),
            truth: Truth {
                messages: seen_messages(&store),
                ..seen(&store)
            },
        };
        let mut commits = vec![start];
        commits.extend(live(&store, &mut dice, 60));
        let last = commits.last().unwrap();
        let (outbox, cache) = (store.outbox_path(), store.cache_path());
        // Deaths while writing: the log ends somewhere, in the middle of a page or not.
        for _ in 0..150 {
            let cut = (
                commits[0].outbox + dice.below(last.outbox - commits[0].outbox + 1),
                commits[0].cache + dice.below(last.cache - commits[0].cache + 1),
            );
            let grave = at("grave");
            fs::create_dir(&grave).unwrap();
            copy(&outbox, &grave.join("outbox.db"), cut.0);
            copy(&cache, &grave.join("cache.db"), cut.1);
            check(
                &grave,
                &expected(&commits, cut.0, cut.1),
                &format!("life {life}, logs cut at {cut:?}"),
            );
            fs::remove_dir_all(&grave).unwrap();
            deaths += 1;
        }
        // Deaths while folding the log into the main file: some pages are there already.
        let before = (fs::read(&outbox).unwrap(), fs::read(&cache).unwrap());
        let logs = at("logs");
        fs::create_dir(&logs).unwrap();
        copy(&outbox, &logs.join("outbox.db"), last.outbox);
        copy(&cache, &logs.join("cache.db"), last.cache);
        for path in [&outbox, &cache] {
            let fold =
                |db: &mut rusqlite::Connection| db.query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(()));
            if path == &outbox {
                store.local(fold).unwrap()
            } else {
                store.write(fold).unwrap()
            }
        }
        let after = (fs::read(&outbox).unwrap(), fs::read(&cache).unwrap());
        for _ in 0..50 {
            let grave = at("grave");
            fs::create_dir(&grave).unwrap();
            for (name, before, after) in [
                ("outbox.db", &before.0, &after.0),
                ("cache.db", &before.1, &after.1),
            ] {
                let mut torn = before.clone();
                torn.resize(after.len(), 0);
                let percent = dice.below(101);
                for (old, new) in torn.chunks_mut(4_096).zip(after.chunks(4_096)) {
                    if dice.below(100) < percent {
                        old.copy_from_slice(new);
                    }
                }
                fs::write(grave.join(name), torn).unwrap();
                fs::copy(
                    logs.join(format!("{name}-wal")),
                    grave.join(format!("{name}-wal")),
                )
                .unwrap();
            }
            check(&grave, &last.truth, &format!("life {life}, torn while folding"));
            fs::remove_dir_all(&grave).unwrap();
            deaths += 1;
        }
        fs::remove_dir_all(&logs).unwrap();
        assert_eq!(
            Truth {
                messages: seen_messages(&store),
                ..seen(&store)
            },
            last.truth
        );
    }
    assert_eq!(deaths, 1_000);
}
