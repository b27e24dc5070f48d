//! Tests with real processes: the test program starts itself again and kills what it started.

use super::*;
use crate::store::{OutboxState, PageKind};
use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

const WHERE: &str = "CLAWTRAY_STORE_TEST_DIR";
const ROLE: &str = "CLAWTRAY_STORE_TEST_ROLE";
const KILLS: u64 = 20;

/// Starts a test of this program again, as the child that [`is_child`] makes of it.
fn start(test: &str, role: &str, dir: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .arg(format!("store::tests::processes::{test}"))
        .env(WHERE, dir)
        .env(ROLE, role)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "@{line}").unwrap();
    out.flush().unwrap();
}

/// The lines that a child said, without what the test harness prints.
fn heard(line: &str) -> Option<&str> {
    line.split_once('@').map(|(_, said)| said.trim_end())
}

/// Does a child's work when this process was started as one.
fn is_child() -> bool {
    let (Ok(dir), Ok(role)) = (std::env::var(WHERE), std::env::var(ROLE)) else {
        return false;
    };
    let store = Store::open(dir, StoreOptions::default()).unwrap();
    match role.split_once(' ').unwrap() {
        ("write", run) => {
            for n in 0..100_000_u64 {
                let id = format!("{run}-{n}");
                store
                    .outbox_insert(HOME, &prompt(&id, &id, &"hello ".repeat(20)), 1)
                    .unwrap();
                say(&format!("queued {id}"));
                if n % 3 == 0 {
                    let claim = store
                        .outbox_claim(HOME, run, 1, Duration::from_secs(1))
                        .unwrap()
                        .unwrap();
                    store.outbox_taken(&claim.prompt.idempotency_key, 2).unwrap();
                    say(&format!("taken {}", claim.prompt.idempotency_key));
                }
                let from = store.coverage(HOME, MAIN).unwrap().newest_seq.unwrap_or(0) + 1;
                store
                    .upsert_page(HOME, &page(MAIN, run_of(from..=from + 4), true), PageKind::Newest)
                    .unwrap();
                say(&format!("synced {}", from + 4));
            }
        }
        ("claim", owner) => {
            say("ready");
            std::io::stdin().read_line(&mut String::new()).unwrap();
            while let Some(claim) = store
                .outbox_claim(HOME, owner, 1, Duration::from_secs(60))
                .unwrap()
            {
                say(&claim.prompt.idempotency_key);
            }
        }
        _ => unreachable!(),
    }
    true
}

#[test]
fn twenty_real_kills_lose_nothing_and_double_nothing() {
    if is_child() {
        return;
    }
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let mut dice = crate::store::testing::Dice(9);
    let (mut queued, mut taken) = (BTreeSet::new(), BTreeSet::new());
    let mut synced = 0;
    for kill in 0..KILLS {
        let (mut child, mut out) = start(
            "twenty_real_kills_lose_nothing_and_double_nothing",
            &format!("write k{kill}"),
            &data,
        );
        // Killed after some lines, in the middle of whatever comes next.
        let mut lines = 1 + dice.below(60);
        let mut line = String::new();
        let mut killed = false;
        loop {
            line.clear();
            // What was said before the kill counts, too.
            if out.read_line(&mut line).unwrap() == 0 {
                break;
            }
            let Some((what, which)) = heard(&line).and_then(|said| said.split_once(' ')) else {
                continue;
            };
            match what {
                "queued" => drop(queued.insert(which.to_owned())),
                "taken" => drop(taken.insert(which.to_owned())),
                _ => synced = which.parse().unwrap(),
            }
            lines = lines.saturating_sub(1);
            if lines == 0 && !killed {
                child.kill().unwrap();
                killed = true;
            }
        }
        assert!(killed, "the child ended by itself");
        child.wait().unwrap();

        let store = open(&dir);
        assert!(store.take_repairs().is_empty());
        for id in &queued {
            let entry = store
                .outbox_entry(id)
                .unwrap()
                .unwrap_or_else(|| panic!("{id} was lost"));
            if taken.contains(id) {
                assert_eq!(entry.state, OutboxState::Taken, "{id} would be sent again");
            }
        }
        let messages = all(&store, MAIN);
        let seqs: Vec<u64> = messages.iter().filter_map(|message| message.meta.seq).collect();
        assert_eq!(
            seqs,
            (1..=messages.len() as u64).collect::<Vec<_>>(),
            "none missing, none twice"
        );
        assert!(
            messages.len() as u64 >= synced,
            "what was reported as kept is there"
        );
        assert_index_is_sound(&store);
    }
    assert!(!queued.is_empty() && synced > 0);
}

#[test]
fn of_two_processes_exactly_one_gets_each_prompt() {
    if is_child() {
        return;
    }
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let ids: BTreeSet<String> = (0..120).map(|n| format!("p{n}")).collect();
    for id in &ids {
        store.outbox_insert(HOME, &prompt(id, id, "hi"), 1).unwrap();
    }
    let mut children: Vec<_> = ["app", "ctl"]
        .into_iter()
        .map(|owner| {
            let (child, mut out) = start(
                "of_two_processes_exactly_one_gets_each_prompt",
                &format!("claim {owner}"),
                store.dir(),
            );
            let mut line = String::new();
            while heard(&line) != Some("ready") {
                line.clear();
                assert!(out.read_line(&mut line).unwrap() > 0, "the child did not start");
            }
            (child, out)
        })
        .collect();
    // Both stand ready; now both begin.
    let mut claimed = Vec::new();
    for (child, _) in &mut children {
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }
    for (mut child, out) in children {
        for line in out.lines() {
            if let Some(id) = heard(&line.unwrap()) {
                claimed.push(id.to_owned());
            }
        }
        assert!(child.wait().unwrap().success());
    }
    claimed.sort();
    assert_eq!(claimed.len(), ids.len(), "each once");
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>(), ids);
}
