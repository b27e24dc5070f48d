//! Full-text search over everything that is here.
//!
//! The index gives matching messages newest first. The newest few hundred are looked at closely: BM25 over their real
//! text, a bonus for words in a row, and for recency. When a query matches fewer messages than that (nearly always, from
//! the second word on), all of them are ranked; a word that is everywhere is ranked among its newest. The words typed
//! are also tried as one phrase, so that an old sentence is found among many newer messages that have its words.

mod query;
mod rank;
mod words;

use super::{Store, StoreError, cache::hash, messages::row_id};
use clawtray_gateway_protocol::{ContentPart, Message, Role};
use query::{Query, Term};
use rank::Found;
use rusqlite::{Connection, params};
use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

/// Messages looked at closely per query.
const CANDIDATES: usize = 128;
/// Messages read per query, when many do not pass the check (one-letter beginnings, filters).
const READ: usize = 4_000;
/// After that, what was found so far is the answer.
const TIME: Duration = Duration::from_millis(250);
/// SQLite asks so often whether to go on, in its own steps.
const STEPS: i32 = 2_000;
/// Matches from which the frequency of a word is estimated.
const SAMPLE: i64 = 48;
/// Text indexed of one message, in bytes; of a tool's output and of thinking, less.
const TEXT_BYTES: usize = 256 * 1024;
const ASIDE_BYTES: usize = 16 * 1024;

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

    /// Searches until `stale` says that nobody wants the answer any more.
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
            let asked = Arc::clone(&stale);
            db.progress_handler(STEPS, Some(move || asked() || Instant::now() > ends))?;
            let result = Run {
                db,
                query,
                typed: &typed,
                ends,
            }
            .hits();
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

struct Run<'a> {
    db: &'a Connection,
    query: &'a SearchQuery,
    typed: &'a Query,
    ends: Instant,
}

struct Scope {
    gateway: i64,
    session: Option<i64>,
    /// Narrows the index to the filter; exact filters follow.
    tag: Option<String>,
    first: i64,
    last: i64,
}

struct Candidate {
    session: i64,
    message: Message,
    at_ms: i64,
    text: String,
    found: Found,
}

impl Run<'_> {
    fn hits(&self) -> rusqlite::Result<Vec<StoreHit>> {
        let Some(scope) = self.scope()? else {
            return Ok(Vec::new());
        };
        let mut seen = HashSet::new();
        let mut candidates = Vec::new();
        let expression = self.typed.expression();
        if expression.is_empty() {
            self.collect(&scope, None, &mut seen, &mut candidates)?;
        } else {
            if let Some(phrase) = self.typed.as_phrase().filter(Term::is_indexed) {
                self.collect(&scope, Some(&phrase.expression()), &mut seen, &mut candidates)?;
            }
            self.collect(&scope, Some(&expression), &mut seen, &mut candidates)?;
        }
        let weights = self.weights()?;
        let now = candidates
            .iter()
            .map(|candidate| candidate.at_ms)
            .max()
            .unwrap_or_default();
        let mut ranked: Vec<(f64, Candidate)> = candidates
            .into_iter()
            .map(|candidate| {
                let score = candidate.found.score(&weights)
                    * recency(now, candidate.at_ms)
                    * standing(&candidate.message.role);
                (score, candidate)
            })
            .collect();
        ranked.sort_by(|(a, left), (b, right)| b.total_cmp(a).then(right.at_ms.cmp(&left.at_ms)));
        let limit = usize::try_from(self.query.limit).unwrap_or(usize::MAX);
        let mut hits = self.titles(&scope, &weights)?;
        for (score, candidate) in ranked.into_iter().take(limit) {
            let (snippet, marks) = rank::snippet(&candidate.text, &candidate.found);
            let (session, session_title) = self
                .db
                .prepare_cached("SELECT key, title FROM session WHERE id = ?")?
                .query_row([candidate.session], |row| Ok((row.get(0)?, row.get(1)?)))?;
            hits.push(StoreHit {
                session,
                session_title,
                message: Some(candidate.message),
                snippet,
                marks,
                at_ms: candidate.at_ms,
                score,
            });
        }
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.at_ms.cmp(&a.at_ms)));
        hits.truncate(limit);
        Ok(hits)
    }

    /// `None`: the filter names something that is not here.
    fn scope(&self) -> rusqlite::Result<Option<Scope>> {
        let query = self.query;
        let Some(gateway) = super::cache::gateway_id(self.db, &query.gateway)? else {
            return Ok(None);
        };
        let several: bool = self
            .db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM gateway WHERE id <> ?)")?
            .query_row([gateway], |row| row.get(0))?;
        let session = match &query.session {
            None => None,
            Some(key) => match super::cache::session_id(self.db, &query.gateway, key)? {
                None => return Ok(None),
                session => session,
            },
        };
        let tag = match (session, &query.agent) {
            (Some(session), _) => Some(format!("\"{}\"", session_tag(session))),
            // Keys of some dialects do not name their agent; only the session's row does.
            (None, Some(agent)) => Some(format!(
                "(\"{}\" OR \"{}\")",
                agent_tag(&query.gateway, agent),
                agent_tag(&query.gateway, "")
            )),
            (None, None) => several.then(|| format!("\"{}\"", gateway_tag(&query.gateway))),
        };
        // Row ids follow the time, but many messages at one moment push each other a little further.
        let slack = 4_096;
        Ok(Some(Scope {
            gateway,
            session,
            tag,
            first: query.from_ms.map_or(i64::MIN, |ms| row_id(ms) - 1),
            last: query.until_ms.map_or(i64::MAX, |ms| row_id(ms) + slack),
        }))
    }

    /// Reads matches, newest first, and keeps those that pass.
    fn collect(
        &self,
        scope: &Scope,
        expression: Option<&str>,
        seen: &mut HashSet<i64>,
        into: &mut Vec<Candidate>,
    ) -> rusqlite::Result<()> {
        let done = self.collect_rows(scope, expression, seen, into);
        match done {
            // Out of time: what was found so far is the answer. (When nobody wants it, the caller sees to that.)
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) => {
                Ok(())
            }
            done => done,
        }
    }

    fn collect_rows(
        &self,
        scope: &Scope,
        expression: Option<&str>,
        seen: &mut HashSet<i64>,
        into: &mut Vec<Candidate>,
    ) -> rusqlite::Result<()> {
        let (sql, matching) = match expression {
            None => (
                "SELECT id FROM message WHERE ?1 IS NULL AND id BETWEEN ?2 AND ?3 ORDER BY id DESC",
                None,
            ),
            Some(expression) => (
                "SELECT rowid FROM message_words WHERE message_words MATCH ?1 AND rowid BETWEEN ?2 AND ?3
                 ORDER BY rowid DESC",
                Some(match &scope.tag {
                    Some(tag) => format!("{tag} AND {expression}"),
                    None => expression.to_owned(),
                }),
            ),
        };
        let mut ids = self.db.prepare_cached(sql)?;
        let mut ids = ids.query(params![matching, scope.first, scope.last])?;
        let mut look = self.db.prepare_cached(
            "SELECT message.session, message.at_ms, message.body, session.agent, session.gateway
             FROM message JOIN session ON session.id = message.session WHERE message.id = ?",
        )?;
        let mut taken = 0;
        let mut read = 0;
        while let Some(row) = ids.next()? {
            if taken >= CANDIDATES || read >= READ || Instant::now() > self.ends {
                break;
            }
            let id: i64 = row.get(0)?;
            if seen.contains(&id) {
                continue;
            }
            read += 1;
            let mut rows = look.query([id])?;
            // An index entry without its message would be a leftover; it is passed over.
            let Some(row) = rows.next()? else { continue };
            let session: i64 = row.get(0)?;
            let at_ms: i64 = row.get(1)?;
            let fits = scope.gateway == row.get::<_, i64>(4)?
                && scope.session.is_none_or(|wanted| wanted == session)
                && self.query.from_ms.is_none_or(|from| at_ms >= from)
                && self.query.until_ms.is_none_or(|until| at_ms < until)
                && match &self.query.agent {
                    Some(agent) => row.get_ref(3)?.as_str()? == agent,
                    None => true,
                };
            if !fits {
                continue;
            }
            let Ok(message) = serde_json::from_str::<Message>(row.get_ref(2)?.as_str()?) else {
                continue;
            };
            let text = shown_text(&message);
            let text = match words::composed(&text) {
                std::borrow::Cow::Borrowed(_) => text,
                std::borrow::Cow::Owned(composed) => composed,
            };
            let found = rank::find(self.typed, &text);
            if found.terms() < self.typed.terms.len() {
                continue;
            }
            seen.insert(id);
            taken += 1;
            into.push(Candidate {
                session,
                message,
                at_ms,
                text,
                found,
            });
        }
        Ok(())
    }

    /// The weight of each term: how rare it has been lately, which costs a few steps in the index instead of a count.
    fn weights(&self) -> rusqlite::Result<Vec<f64>> {
        let [_, _, ..] = self.typed.terms.as_slice() else {
            return Ok(vec![1.0]);
        };
        let span = |sql: &str, term: Option<String>| -> rusqlite::Result<Option<(i64, i64, i64)>> {
            self.db
                .prepare_cached(sql)?
                .query_row(params![term, SAMPLE], |row| {
                    Ok(
                        match (row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?) {
                            (Some(first), Some(last)) => Some((first, last, row.get(2)?)),
                            _ => None,
                        },
                    )
                })
        };
        let all = span(
            "SELECT min(id), max(id), count(*) FROM
             (SELECT id FROM message WHERE ?1 IS NULL ORDER BY id DESC LIMIT ?2)",
            None,
        )?;
        let Some((first, newest, count)) = all else {
            return Ok(vec![1.0; self.typed.terms.len()]);
        };
        let density = |first: i64, count: i64| -> f64 {
            #[allow(clippy::cast_precision_loss)]
            let (gap, count) = ((newest - first).max(1) as f64, count as f64);
            count / gap
        };
        let overall = density(first, count);
        self.typed
            .terms
            .iter()
            .map(|term| {
                if !term.is_indexed() {
                    return Ok(0.1);
                }
                let found = span(
                    "SELECT min(rowid), max(rowid), count(*) FROM
                     (SELECT rowid FROM message_words WHERE message_words MATCH ?1 ORDER BY rowid DESC LIMIT ?2)",
                    Some(term.expression()),
                );
                match found {
                    Ok(Some((first, _, count))) => Ok((1.0 + overall / density(first, count)).ln().clamp(0.1, 12.0)),
                    Ok(None) => Ok(12.0),
                    Err(error)
                        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) =>
                    {
                        Ok(1.0)
                    }
                    Err(error) => Err(error),
                }
            })
            .collect()
    }

    /// Sessions whose title matches.
    fn titles(&self, scope: &Scope, weights: &[f64]) -> rusqlite::Result<Vec<StoreHit>> {
        if scope.session.is_some() {
            return Ok(Vec::new());
        }
        // `title_words` has a blank before and after each word; one matching word, and the rest is looked at here.
        let Some(term) = self
            .typed
            .terms
            .iter()
            .max_by_key(|term| term.spellings.iter().flatten().map(String::len).sum::<usize>())
        else {
            return Ok(Vec::new());
        };
        let needle = |at: usize| {
            term.spellings.get(at).map(|words| {
                let end = if term.prefix { "" } else { " " };
                format!(" {}{end}", words.join(" "))
            })
        };
        let first = needle(0).unwrap_or_default();
        let second = needle(1).unwrap_or_else(|| first.clone());
        let mut look = self.db.prepare_cached(
            "SELECT id, updated_at_ms FROM session
             WHERE gateway = ?1 AND (instr(title_words, ?2) OR instr(title_words, ?3))
               AND (?4 IS NULL OR agent = ?4) AND updated_at_ms BETWEEN ?5 AND ?6",
        )?;
        let matches = look
            .query_map(
                params![
                    scope.gateway,
                    first,
                    second,
                    self.query.agent,
                    self.query.from_ms.unwrap_or(i64::MIN),
                    self.query.until_ms.map_or(i64::MAX, |until| until - 1)
                ],
                |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
            )?
            .collect::<rusqlite::Result<Vec<_>>>();
        let mut matches = match matches {
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) => {
                Vec::new()
            }
            matches => matches?,
        };
        matches.sort_by_key(|(_, at_ms)| std::cmp::Reverse(*at_ms));
        let now = matches.first().map_or(0, |(_, at_ms)| *at_ms);
        let mut hits = Vec::new();
        for (id, at_ms) in matches.into_iter().take(CANDIDATES) {
            let (session, title): (String, String) = self
                .db
                .prepare_cached("SELECT key, title FROM session WHERE id = ?")?
                .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let text = words::composed(&title);
            let found = rank::find(self.typed, &text);
            if found.terms() < self.typed.terms.len() {
                continue;
            }
            let (snippet, marks) = rank::snippet(&text, &found);
            // A title says what a whole session is about.
            let score = 1.5 * found.score(weights) * recency(now, at_ms);
            hits.push(StoreHit {
                session,
                session_title: title,
                message: None,
                snippet,
                marks,
                at_ms,
                score,
            });
        }
        Ok(hits)
    }
}

/// 1.5 for the newest, 1.25 after a month, towards 1.
fn recency(now_ms: i64, at_ms: i64) -> f64 {
    const MONTH_MS: f64 = 30.0 * 86_400_000.0;
    #[allow(clippy::cast_precision_loss)]
    let age = (now_ms - at_ms).max(0) as f64 / MONTH_MS;
    1.0 + 0.5 / (1.0 + age)
}

/// What people said comes before what tools printed.
fn standing(role: &Role) -> f64 {
    match role {
        Role::User | Role::Assistant => 1.0,
        Role::System | Role::Other(_) => 0.8,
        Role::ToolResult => 0.6,
    }
}

/// The text of a message that can be found: what it says, then thinking and tools.
fn shown_text(message: &Message) -> String {
    let mut text = String::new();
    let mut aside = String::new();
    let limit = if message.role == Role::ToolResult {
        ASIDE_BYTES
    } else {
        TEXT_BYTES
    };
    for part in &message.content {
        match part {
            ContentPart::Text { text: more } => push(&mut text, more, limit),
            ContentPart::Thinking { thinking } => push(&mut aside, thinking, ASIDE_BYTES),
            ContentPart::ToolCall { name, arguments, .. } => {
                push(&mut aside, name, ASIDE_BYTES);
                push_values(&mut aside, arguments);
            }
            ContentPart::Image(_) | ContentPart::Other(_) => {}
        }
    }
    if let Some(error) = &message.error_message {
        push(&mut aside, error, ASIDE_BYTES);
    }
    if !aside.is_empty() {
        push(&mut text, &aside, TEXT_BYTES);
    }
    text
}

fn push(text: &mut String, more: &str, limit: usize) {
    if !text.is_empty() && !more.is_empty() {
        text.push('\n');
    }
    let mut end = limit.saturating_sub(text.len()).min(more.len());
    while !more.is_char_boundary(end) {
        end -= 1;
    }
    text.push_str(more.get(..end).unwrap_or_default());
}

fn push_values(text: &mut String, value: &serde_json::Value) {
    match value {
        serde_json::Value::String(more) => push(text, more, ASIDE_BYTES),
        serde_json::Value::Array(values) => values.iter().for_each(|value| push_values(text, value)),
        serde_json::Value::Object(map) => map.values().for_each(|value| push_values(text, value)),
        serde_json::Value::Number(number) => push(text, &number.to_string(), ASIDE_BYTES),
        serde_json::Value::Null | serde_json::Value::Bool(_) => {}
    }
}

/// The words of a message for the index, behind its tags.
pub(super) fn index_text(message: &Message, tags: &str) -> String {
    let text = shown_text(message);
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(tags);
    words::words(&words::composed(&text), |word, _| {
        out.push(' ');
        out.push_str(word);
        true
    });
    out
}

/// A title's words, each between blanks.
pub(super) fn words_of(title: &str) -> String {
    let mut out = String::from(" ");
    words::words(&words::composed(title), |word, _| {
        out.push_str(word);
        out.push(' ');
        true
    });
    out
}

/// Filters as words of the index: characters that no text can bring in. Several sessions or agents may share one, so
/// every match is checked exactly.
pub(super) fn tags(gateway: &str, agent: &str, session: i64) -> String {
    format!(
        "{} {} {}",
        gateway_tag(gateway),
        agent_tag(gateway, agent),
        session_tag(session)
    )
}

fn gateway_tag(gateway: &str) -> char {
    tag(0xF_0000, 0x1000, hash(&[gateway]))
}

fn agent_tag(gateway: &str, agent: &str) -> char {
    tag(0xF_1000, 0xE000, hash(&[gateway, agent]))
}

fn session_tag(session: i64) -> char {
    tag(0x10_0000, 0xFFF0, session.unsigned_abs())
}

fn tag(from: u32, room: u32, number: u64) -> char {
    let offset = u32::try_from(number % u64::from(room)).unwrap_or_default();
    char::from_u32(from + offset).unwrap_or('\u{F0000}')
}
