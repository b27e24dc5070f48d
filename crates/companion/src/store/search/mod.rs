//! Full-text search over all stored messages.
//!
//! The index gives matching messages, newest first. The newest hundred are ranked: BM25 over their
//! text, a bonus for words in a row, and a bonus for recency. From the second word on, a query
//! nearly always matches fewer messages than that, so all of them are ranked. A word that is
//! everywhere is ranked among its newest messages.
//!
//! If there are more matches, the typed words are also searched as one phrase. So an old sentence
//! is found among many newer messages with its words.

mod query;
mod rank;
mod run;
mod text;
mod words;

pub(in crate::store) use text::{index_text, tags, words_of};

use super::{Store, StoreError};
use clawtray_gateway_protocol::Message;
use query::Query;
use run::Run;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// After that, what was found so far is the answer.
const TIME: Duration = Duration::from_millis(250);
/// SQLite asks so often whether to go on, in its own steps.
const STEPS: i32 = 2_000;

/// What to look for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchQuery {
    /// As typed. Words must all be found; quotes hold words together; the last word may be unfinished.
    pub text: String,
    /// The gateway profile.
    pub gateway: String,
    /// Only sessions of this agent.
    pub agent: Option<String>,
    /// Only this session.
    pub session: Option<String>,
    /// Not before then, in milliseconds since the epoch.
    pub from_ms: Option<i64>,
    /// Before then, in milliseconds since the epoch.
    pub until_ms: Option<i64>,
    /// At most so many hits.
    pub limit: u32,
}

/// A message, or a session by its title, that matches.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreHit {
    /// The session's key.
    pub session: String,
    /// The session's title, empty when it is not known.
    pub session_title: String,
    /// The message; `None` when the session's title matches.
    pub message: Option<Message>,
    /// The text around the hit, on one line.
    pub snippet: String,
    /// Where the hit is in the snippet, as `[start, end)` in UTF-16 units.
    pub marks: Vec<(u32, u32)>,
    /// The message's time, or the session's last change, in milliseconds since the epoch.
    pub at_ms: i64,
    /// The better, the higher. Comparable within one answer only.
    pub score: f64,
}

impl Store {
    /// Searches, best first.
    pub fn search(&self, query: &SearchQuery) -> Result<Vec<StoreHit>, StoreError> {
        self.search_until(query, || false)
    }

    /// Searches until `stale` says that the answer is no longer wanted.
    pub fn search_until(
        &self,
        query: &SearchQuery,
        stale: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Result<Vec<StoreHit>, StoreError> {
        if stale() {
            return Err(StoreError::Superseded);
        }
        let typed = Query::parse(&query.text);
        if typed.is_empty() || query.limit == 0 {
            return Ok(Vec::new());
        }
        let stale = Arc::new(stale);
        let ends = Instant::now() + TIME;
        self.read(|db| {
            let (asked, bounded) = (Arc::clone(&stale), Arc::new(AtomicBool::new(false)));
            let hurry = Arc::clone(&bounded);
            let give_up = move || asked() || (hurry.load(Ordering::Relaxed) && Instant::now() > ends);
            db.progress_handler(STEPS, Some(give_up))?;
            let run = Run {
                db,
                query,
                typed: &typed,
                ends,
                bounded: &bounded,
            };
            let result = run.hits();
            db.progress_handler(0, None::<fn() -> bool>)?;
            result
        })
        .and_then(|hits| {
            if stale() {
                Err(StoreError::Superseded)
            } else {
                Ok(hits)
            }
        })
    }
}
