//! Invented conversations for tests and benchmarks. A fixed seed gives the same ones every time.

use super::{Store, StoreError, cache::ensure_session, messages::Writer};
use clawtray_gateway_protocol::{ContentPart, Message, MessageId, MessageMeta, Role, SessionKey, SessionRow};
use rusqlite::TransactionBehavior;

/// The time of the newest made-up message, in milliseconds since the epoch.
pub const NEWEST_MS: i64 = 1_795_000_000_000;
/// Distance between two made-up messages, over all sessions.
const STEP_MS: i64 = 61_000;

/// Fills a gateway's cache with sessions and messages, newest last. Sessions differ in size as they do in life: the
/// first holds a twentieth of all messages, most hold a few dozen.
pub fn fill(store: &Store, gateway: &str, sessions: u32, messages: u32) -> Result<(), StoreError> {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let vocabulary = Vocabulary::new();
    let rows: Vec<SessionRow> = (0..sessions.max(1))
        .map(|n| row(n, sessions.max(1), &vocabulary, &mut dice))
        .collect();
    store.upsert_sessions(gateway, &rows, |row| row.label.clone().unwrap_or_default())?;
    let mut next_seq = vec![0_u64; rows.len()];
    let first_ms = NEWEST_MS - i64::from(messages) * STEP_MS;
    for from in (0..messages).step_by(5_000) {
        store.write(|db| {
            let db = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for n in from..messages.min(from + 5_000) {
                let which = pick_session(rows.len(), &mut dice);
                let (Some(row), Some(seq)) = (rows.get(which), next_seq.get_mut(which)) else {
                    continue;
                };
                *seq += 1;
                let session = row.key.as_str();
                let id = ensure_session(&db, gateway, session)?;
                let at_ms = first_ms + i64::from(n) * STEP_MS;
                let message = message(n, *seq, at_ms, &vocabulary, &mut dice);
                Writer {
                    db: &db,
                    gateway,
                    session,
                    id,
                    bytes: 0,
                    last: None,
                }
                .put(&message)?;
            }
            db.commit()
        })?;
    }
    Ok(())
}

/// The key of the made-up session with that number; 0 is the largest.
#[must_use]
pub fn session_key(n: u32) -> String {
    let agent = match n % 3 {
        0 => "main",
        1 => "ops",
        _ => "research",
    };
    format!("agent:{agent}:made-{n}")
}

fn row(n: u32, of: u32, vocabulary: &Vocabulary, dice: &mut Dice) -> SessionRow {
    let title: Vec<&str> = (0..3 + dice.below(3)).map(|_| vocabulary.word(dice)).collect();
    let updated = NEWEST_MS - i64::from(n) * (i64::from(of) * 3_000) / i64::from(of);
    SessionRow {
        key: SessionKey(session_key(n)),
        label: Some(title.join(" ")),
        last_message_preview: Some(vocabulary.sentence(8, dice)),
        channel: (n % 4 == 1).then(|| "telegram".to_owned()),
        updated_at: Some(updated),
        last_interaction_at: Some(updated),
        unread: Some(n.is_multiple_of(17)),
        archived: Some(n % 11 == 10),
        pinned: Some(n < 3),
        total_tokens: Some(dice.below(128_000)),
        context_tokens: Some(128_000),
        model: Some("fake-1".to_owned()),
        ..SessionRow::default()
    }
}

fn pick_session(count: usize, dice: &mut Dice) -> usize {
    if dice.below(20) == 0 {
        return 0;
    }
    // Two throws, the lower one: early sessions are larger.
    let throw = |dice: &mut Dice| usize::try_from(dice.below(count as u64)).unwrap_or(0);
    throw(dice).min(throw(dice))
}

fn message(n: u32, seq: u64, at_ms: i64, vocabulary: &Vocabulary, dice: &mut Dice) -> Message {
    let role = match n % 5 {
        0 | 2 => Role::User,
        4 if n % 10 == 4 => Role::ToolResult,
        _ => Role::Assistant,
    };
    let length = match role {
        Role::User => 6 + dice.below(20),
        _ if dice.below(20) == 0 => 200 + dice.below(400),
        Role::Assistant | Role::ToolResult | Role::System | Role::Other(_) => 15 + dice.below(60),
    };
    let text = match dice.below(10) {
        0 => vocabulary.chinese(length * 2, dice),
        _ => vocabulary.sentence(length, dice),
    };
    let run = format!("run-{:08x}", n / 2);
    Message {
        content: vec![ContentPart::Text { text }],
        timestamp: Some(at_ms),
        idempotency_key: (role == Role::User).then(|| format!("{run}:user")),
        stop_reason: (role == Role::Assistant).then(|| "stop".to_owned()),
        error_message: None,
        tool_call_id: (role == Role::ToolResult).then(|| format!("call-{n}")),
        tool_name: (role == Role::ToolResult).then(|| "exec".to_owned()),
        is_error: None,
        model: (role == Role::Assistant).then(|| "fake-1".to_owned()),
        meta: MessageMeta {
            id: Some(MessageId(format!(
                "{:08x}-0000-4000-8000-{n:012x}",
                n.wrapping_mul(0x9E37_79B1)
            ))),
            run_id: (role != Role::User).then(|| run.as_str().into()),
            seq: Some(seq),
            ..MessageMeta::default()
        },
        role,
    }
}

/// A small generator of random numbers (`splitmix64`).
#[derive(Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// The next number.
    pub fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.throw() % bound }
    }
}

/// Forty thousand words, used as often as words are: the n-th with a frequency of 1/n.
#[derive(Debug)]
pub struct Vocabulary(Vec<String>);

impl Default for Vocabulary {
    fn default() -> Self {
        Self::new()
    }
}

impl Vocabulary {
    /// Makes the words.
    #[must_use]
    pub fn new() -> Self {
        const COMMON: &str = "the to of and a in is it you that for on with this be are as have not can was or will if \
            from at we an by do your when but there all use file run error code test build server config data time \
            please what how one new out so up my has no which more then set get into only just message agent gateway \
            session token model deploy docker rust python function return value update check open close read write \
            für die und der das nicht mit ein ist wird über Größe Straße Überprüfung Änderung Prüfung müssen können";
        const PARTS: [&str; 40] = [
            "con", "pre", "in", "re", "de", "pro", "dis", "un", "trans", "sub", "ver", "ge", "be", "ent",
            "auf", "port", "form", "duct", "ject", "scribe", "spect", "tract", "vert", "mit", "cede", "ra",
            "lo", "mi", "tu", "ne", "ka", "so", "ing", "er", "tion", "ment", "ung", "heit", "lich", "al",
        ];
        let mut words: Vec<String> = COMMON.split_whitespace().map(str::to_owned).collect();
        let mut dice = Dice(7);
        while words.len() < 40_000 {
            let parts = 2 + dice.below(3);
            words.push((0..parts).map(|_| *dice.choose(&PARTS).unwrap_or(&"x")).collect());
        }
        Self(words)
    }

    /// A word.
    pub fn word(&self, dice: &mut Dice) -> &str {
        // The inverse of the harmonic sum: rank = size^u.
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let rank = {
            let u = dice.below(1 << 52) as f64 / (1_u64 << 52) as f64;
            (self.0.len() as f64).powf(u) as usize - 1
        };
        self.0.get(rank).map_or("x", String::as_str)
    }

    /// Words in a row, with some punctuation.
    pub fn sentence(&self, words: u64, dice: &mut Dice) -> String {
        let mut out = String::new();
        for n in 0..words {
            if n > 0 {
                out.push_str(match dice.below(14) {
                    0 => ". ",
                    1 => ", ",
                    2 => "\n",
                    _ => " ",
                });
            }
            out.push_str(self.word(dice));
        }
        out
    }

    /// Chinese characters, the common ones more often.
    pub fn chinese(&self, characters: u64, dice: &mut Dice) -> String {
        const COMMON: &str = "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里";
        let common: Vec<char> = COMMON.chars().collect();
        (0..characters)
            .map(|n| match dice.below(12) {
                0 if n > 0 => '，',
                1..=6 => dice.choose(&common).copied().unwrap_or('的'),
                _ => {
                    let spread = dice.below(3_000) * dice.below(3_000) / 3_000;
                    char::from_u32(0x4E00 + u32::try_from(spread).unwrap_or(0)).unwrap_or('的')
                }
            })
            .collect()
    }
}

impl Dice {
    /// One of several.
    pub fn choose<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = usize::try_from(self.below(from.len() as u64)).ok()?;
        from.get(at)
    }
}
