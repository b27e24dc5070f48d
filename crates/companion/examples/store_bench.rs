//! Measures the store.
//!
//! ```sh
//! cargo run --release -p clawtray-companion --features testing --example store_bench -- \
//!     [messages] [sessions] [directory] [gateway]
//! ```
//!
//! An existing directory is used as it is. Lines `figure NAME: MS` are for programs.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing)]

use clawtray_companion::{
    gateway::Prompt,
    store::{
        SearchQuery, Store, StoreOptions,
        testing::{Dice, NEWEST_MS, Vocabulary, fill, session_key},
    },
};
use std::time::Duration;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let messages: u32 = arguments.next().map_or(1_000_000, |text| text.parse().unwrap());
    let sessions: u32 = arguments.next().map_or(10_000, |text| text.parse().unwrap());
    let kept = arguments.next();
    let gateway = arguments.next().unwrap_or_else(|| "home".to_owned());
    let home = gateway.as_str();
    let temporary = std::env::temp_dir().join(format!("clawtray-store-bench-{}", std::process::id()));
    let dir = kept.as_ref().map_or_else(|| temporary.clone(), Into::into);
    let options = StoreOptions {
        cache_bytes: u64::MAX / 200,
        ..StoreOptions::default()
    };
    let store = Store::open(&dir, options).unwrap();
    if store.cache_stats().unwrap().messages == 0 {
        let begin = Stopwatch::start();
        fill(&store, home, sessions, messages).unwrap();
        println!(
            "filled {messages} messages, {sessions} sessions in {:.1?}",
            begin.elapsed()
        );
    }
    let stats = store.cache_stats().unwrap();
    println!(
        "{} messages, {} sessions, {} MB",
        stats.messages,
        stats.sessions,
        stats.bytes >> 20
    );

    let big = session_key(0);
    println!(
        "largest session: {} messages",
        store.coverage(home, &big).unwrap().messages
    );
    let mut times = Vec::new();
    for n in 0..50 {
        let key = if n % 2 == 0 { big.clone() } else { session_key(n) };
        let begin = Stopwatch::start();
        let page = store.newest_page(home, &key, 200).unwrap();
        times.push(begin.elapsed());
        assert!(!page.messages.is_empty());
    }
    report("open a session (200 newest)", times);
    let mut times = Vec::new();
    let mut cursor = store.newest_page(home, &big, 200).unwrap().older;
    while let Some(at) = cursor {
        let begin = Stopwatch::start();
        cursor = store.page_before(home, &big, at, 200).unwrap().older;
        times.push(begin.elapsed());
    }
    report("an older page of the largest", times);
    let begin = Stopwatch::start();
    let rows = store.sessions(home).unwrap().len();
    let took = begin.elapsed();
    println!("{:<44}{rows} rows in {took:.1?}", "session list");
    figure("session list", took.0);

    let rows = store.sessions(home).unwrap();
    let begin = Stopwatch::start();
    store
        .upsert_sessions(home, &rows, |row| row.label.clone().unwrap_or_default())
        .unwrap();
    println!("{:<44}{:.1?}", "the same session list again", begin.elapsed());
    let mut times = Vec::new();
    for n in 0..100_u64 {
        let mut message = store.newest_page(home, &big, 1).unwrap().messages.remove(0);
        message.meta.id = Some(format!("bench-{n}").as_str().into());
        message.meta.seq = message.meta.seq.map(|seq| seq + 1);
        let begin = Stopwatch::start();
        store
            .upsert_messages(home, &big, std::slice::from_ref(&message))
            .unwrap();
        times.push(begin.elapsed());
        store.delete_message(home, &big, &message).unwrap();
    }
    report("keep a message that arrives", times);
    let mut times = Vec::new();
    for n in 0..50 {
        let prompt = Prompt {
            session: big.as_str().into(),
            text: "hello ".repeat(40),
            idempotency_key: format!("bench-{}-{n}", std::process::id()),
            thinking: None,
            attachments: Vec::new(),
            timeout_ms: None,
        };
        let begin = Stopwatch::start();
        store.outbox_insert(home, &prompt, 1).unwrap();
        times.push(begin.elapsed());
        store.outbox_cancel(&prompt.idempotency_key).unwrap();
    }
    report("write a prompt to the outbox", times);

    let mut all = Vec::new();
    for (name, queries) in queries(home) {
        let mut times = Vec::new();
        let mut hits = 0;
        for query in &queries {
            let begin = Stopwatch::start();
            hits += store.search(query).unwrap().len();
            times.push(begin.elapsed());
        }
        all.extend(times.clone());
        report(&format!("{name} ({} hits)", hits / queries.len()), times);
    }
    report("all searches", all);
    if kept.is_none() {
        std::fs::remove_dir_all(temporary).unwrap();
    }
}

/// Every keystroke of typed words, then kinds of queries that are hard in different ways.
fn queries(gateway: &str) -> Vec<(&'static str, Vec<SearchQuery>)> {
    let ask = |text: String| SearchQuery {
        text,
        gateway: gateway.to_owned(),
        limit: 50,
        ..SearchQuery::default()
    };
    let vocabulary = Vocabulary::new();
    let mut dice = Dice(42);
    let mut keystrokes = Vec::new();
    for _ in 0..40 {
        let sentence = vocabulary.sentence(3, &mut dice).replace(['.', ',', '\n'], " ");
        let letters: Vec<char> = sentence.chars().collect();
        keystrokes.extend((1..=letters.len()).map(|end| ask(letters[..end].iter().collect())));
    }
    let list = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| ask((*text).to_owned()))
            .collect::<Vec<_>>()
    };
    let filtered = |change: fn(&mut SearchQuery)| {
        list(&[
            "the ",
            "error",
            "deploy docker ",
            "con",
            "数据",
            "的",
            "gateway session token",
        ])
        .into_iter()
        .map(|mut query| {
            change(&mut query);
            query
        })
        .collect::<Vec<_>>()
    };
    vec![
        ("keystrokes of three words", keystrokes),
        (
            "everywhere",
            list(&[
                "the ",
                "the of ",
                "to the",
                "a ",
                "of and in ",
                "\"of the\"",
                "\"the of to and\"",
            ]),
        ),
        (
            "beginnings",
            list(&[
                "t", "th", "co", "con", "conv", "pre", "prod", "trans", "transf", "disc", "a", "ver",
            ]),
        ),
        (
            "one and two CJK characters",
            list(&["的", "一", "的一", "不了", "是不", "龍", "丁七", "世", "界上"]),
        ),
        (
            "CJK phrases",
            list(&["的一是", "在人有我", "丁七万", "时要就出会", "上大为和国地到"]),
        ),
        (
            "German",
            list(&[
                "größe",
                "groesse",
                "strasse",
                "überprüfung",
                "ueberpruefung ",
                "müssen kön",
            ]),
        ),
        (
            "no match",
            list(&["qqqq", "the qqqq", "zzz zzz zzz", "龘", "\"und the of der\""]),
        ),
        (
            "in the largest session",
            filtered(|query| query.session = Some(session_key(0))),
        ),
        (
            "in a small session",
            filtered(|query| query.session = Some(session_key(9_000))),
        ),
        (
            "of one agent",
            filtered(|query| query.agent = Some("ops".to_owned())),
        ),
        (
            "an old month",
            filtered(|query| {
                query.until_ms = Some(NEWEST_MS - 20 * 30 * 86_400_000);
                query.from_ms = Some(NEWEST_MS - 21 * 30 * 86_400_000);
            }),
        ),
    ]
}

/// Time on the wall and, on Linux, on the processor: on a busy machine only the second says something.
struct Stopwatch(std::time::Instant, Duration);

impl Stopwatch {
    fn start() -> Self {
        Self(std::time::Instant::now(), on_processor())
    }
    fn elapsed(&self) -> (Duration, Duration) {
        (self.0.elapsed(), on_processor() - self.1)
    }
}

fn on_processor() -> Duration {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(
        spent
            .split(' ')
            .next()
            .and_then(|ns| ns.parse().ok())
            .unwrap_or_default(),
    )
}

/// A figure for programs, in milliseconds.
fn figure(name: &str, took: Duration) {
    println!("figure {name}: {:.3}", took.as_secs_f64() * 1000.0);
}

fn report(name: &str, times: Vec<(Duration, Duration)>) {
    let (mut times, mut busy): (Vec<_>, Vec<_>) = times.into_iter().unzip();
    times.sort_unstable();
    busy.sort_unstable();
    let at = |times: &[Duration], percent: usize| times[(times.len() - 1) * percent / 100];
    println!(
        "{name:<44}p50 {:>9.2?} ({:>9.2?})  p95 {:>9.2?} ({:>9.2?})  max {:>9.2?} ({:>9.2?})  n {}",
        at(&times, 50),
        at(&busy, 50),
        at(&times, 95),
        at(&busy, 95),
        at(&times, 100),
        at(&busy, 100),
        times.len()
    );
    let known = name.split(" (").next().unwrap_or(name);
    figure(known, at(&times, 95));
}
