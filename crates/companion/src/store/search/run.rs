//! Runs a search.

use super::{
    SearchQuery, StoreHit,
    query::{Query, Reach, Term},
    rank::{self, Found},
    text::{agent_tag, gateway_tag, session_tag, shown_text},
    words::composed,
};
use crate::store::{
    cache::{gateway_id, session_id},
    messages::row_id,
};
use clawtray_gateway_protocol::{Message, Role};
use rusqlite::{Connection, params};
use std::{
    borrow::Cow,
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

/// Messages looked at closely per query.
const CANDIDATES: usize = 96;
/// Messages read per query, when many do not pass the check (one-letter beginnings, filters).
const READ: usize = 4_000;
/// The same, where the index was asked for more than what was typed.
const LOOSE_READ: usize = 256;
/// The words are tried as a phrase when one of them is in fewer messages than that. SQLite cannot be stopped while it
/// finds nothing, and words that are everywhere but never side by side would keep it busy for long.
const PHRASE_MESSAGES: f64 = 10_000.0;
/// Matches from which the frequency of a word is estimated.
const SAMPLE: i64 = 48;

/// One search on one connection.
pub(super) struct Run<'a> {
    pub(super) db: &'a Connection,
    pub(super) query: &'a SearchQuery,
    pub(super) typed: &'a Query,
    pub(super) ends: Instant,
    /// Whether running out of time ends the statement under way.
    pub(super) bounded: &'a AtomicBool,
}

struct Scope {
    gateway: i64,
    session: Option<i64>,
    /// Narrows the index to the filter; exact filters follow.
    tag: Option<String>,
    first: i64,
    last: i64,
}

/// Which part of all messages has a term, estimated; and all messages.
struct Shares {
    of_messages: Vec<f64>,
    messages: f64,
}

impl Shares {
    /// Rare terms count more.
    fn weights(&self) -> Vec<f64> {
        self.of_messages
            .iter()
            .map(|share| (1.0 + 1.0 / share.max(1e-6)).ln())
            .collect()
    }

    /// Messages that have the rarest term.
    fn rarest_messages(&self) -> f64 {
        self.of_messages.iter().copied().fold(1.0, f64::min) * self.messages
    }
}

/// Why reading matches ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    NoMore,
    FoundEnough,
    ReadEnough,
}

struct Candidate {
    session: i64,
    message: Message,
    at_ms: i64,
    text: String,
    found: Found,
}

impl Run<'_> {
    /// The hits, best first.
    pub(super) fn hits(&self) -> rusqlite::Result<Vec<StoreHit>> {
        let Some(scope) = self.scope()? else {
            return Ok(Vec::new());
        };
        let mut seen = HashSet::new();
        let mut candidates = Vec::new();
        let shares = self.shares()?;
        let expression = self.typed.expression(Reach::Exact);
        if expression.is_empty() {
            self.collect(&scope, None, READ, &mut seen, &mut candidates)?;
        } else {
            // A long unfinished word costs much when many words begin so; but then most of what the cut one brings
            // passes the check, too. Where it does not, few words begin so, and the exact way is cheap.
            let mut end = End::ReadEnough;
            if self.typed.can_be_loose() {
                let loose = self.typed.expression(Reach::Loose);
                end = self.collect(&scope, Some(&loose), LOOSE_READ, &mut seen, &mut candidates)?;
            }
            if end == End::ReadEnough {
                end = self.collect(&scope, Some(&expression), READ, &mut seen, &mut candidates)?;
            }
            if end != End::NoMore
                && shares.rarest_messages() < PHRASE_MESSAGES
                && let Some(phrase) = self.typed.as_phrase().filter(Term::is_indexed)
            {
                let phrase = phrase.expression(Reach::Loose);
                self.collect(&scope, Some(&phrase), LOOSE_READ, &mut seen, &mut candidates)?;
            }
        }
        let weights = shares.weights();
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
        let Some(gateway) = gateway_id(self.db, &query.gateway)? else {
            return Ok(None);
        };
        let several: bool = self
            .db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM gateway WHERE id <> ?)")?
            .query_row([gateway], |row| row.get(0))?;
        let session = match &query.session {
            None => None,
            Some(key) => match session_id(self.db, &query.gateway, key)? {
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
        limit: usize,
        seen: &mut HashSet<i64>,
        into: &mut Vec<Candidate>,
    ) -> rusqlite::Result<End> {
        // What was found until time ran out is the answer.
        let end = self.while_time_lasts(|| self.collect_rows(scope, expression, limit, seen, into))?;
        Ok(end.unwrap_or(End::FoundEnough))
    }

    /// `None`: time ran out. (When nobody wants the answer any more, the caller sees to that.)
    fn while_time_lasts<R>(&self, run: impl FnOnce() -> rusqlite::Result<R>) -> rusqlite::Result<Option<R>> {
        self.bounded.store(true, Ordering::Relaxed);
        let done = run();
        self.bounded.store(false, Ordering::Relaxed);
        match done {
            Ok(done) => Ok(Some(done)),
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn collect_rows(
        &self,
        scope: &Scope,
        expression: Option<&str>,
        limit: usize,
        seen: &mut HashSet<i64>,
        into: &mut Vec<Candidate>,
    ) -> rusqlite::Result<End> {
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
            if taken >= CANDIDATES || Instant::now() > self.ends {
                return Ok(End::FoundEnough);
            }
            if read >= limit {
                return Ok(End::ReadEnough);
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
            let text = match composed(&text) {
                Cow::Borrowed(_) => text,
                Cow::Owned(composed) => composed,
            };
            let found = rank::find(self.typed, &text);
            if found.terms() < self.typed.parts() {
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
        Ok(End::NoMore)
    }

    /// How common the terms have been lately, which costs a few steps in the index instead of a count.
    fn shares(&self) -> rusqlite::Result<Shares> {
        let mut shares = Shares {
            of_messages: vec![1.0; self.typed.terms.len()],
            messages: 0.0,
        };
        let ([_, _, ..], Some(newest)) = (self.typed.terms.as_slice(), self.end_of_time("max")?) else {
            return Ok(shares);
        };
        // Messages per step of the row ids: among all, then among those with the term.
        let density = |(first, count): (i64, i64)| -> f64 {
            #[allow(clippy::cast_precision_loss)]
            let (gap, count) = ((newest - first).max(1) as f64, count as f64);
            count / gap
        };
        let first_of = |sql: &str, term: Option<String>| -> rusqlite::Result<Option<(i64, i64)>> {
            self.db
                .prepare_cached(sql)?
                .query_row(params![term, SAMPLE], |row| {
                    Ok(row.get::<_, Option<i64>>(0)?.zip(row.get::<_, Option<i64>>(1)?))
                })
        };
        let all = first_of(
            "SELECT min(id), count(*) FROM
             (SELECT id FROM message WHERE ?1 IS NULL ORDER BY id DESC LIMIT ?2)",
            None,
        )?;
        let overall = density(all.unwrap_or((newest, 1)));
        let oldest = self.end_of_time("min")?.unwrap_or(newest);
        #[allow(clippy::cast_precision_loss)]
        let span = (newest - oldest) as f64;
        shares.messages = overall * span;
        for (term, share) in self.typed.terms.iter().zip(&mut shares.of_messages) {
            if !term.is_indexed() {
                continue;
            }
            let found = self.while_time_lasts(|| {
                first_of(
                    "SELECT min(rowid), count(*) FROM (SELECT rowid FROM message_words
                     WHERE message_words MATCH ?1 ORDER BY rowid DESC LIMIT ?2)",
                    Some(term.expression(Reach::Loose)),
                )
            })?;
            *share = match found {
                Some(Some(found)) => (density(found) / overall).min(1.0),
                Some(None) => 0.0,
                None => 0.5,
            };
        }
        Ok(shares)
    }

    /// The oldest or newest row id.
    fn end_of_time(&self, which: &str) -> rusqlite::Result<Option<i64>> {
        self.db
            .prepare_cached(&format!("SELECT {which}(id) FROM message"))?
            .query_row([], |row| row.get(0))
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
        let second = needle(1);
        let mut look = self.db.prepare_cached(
            "SELECT id, updated_at_ms FROM session
             WHERE gateway = ?1 AND (instr(title_words, ?2) OR (?3 IS NOT NULL AND instr(title_words, ?3)))
               AND (?4 IS NULL OR agent = ?4) AND updated_at_ms BETWEEN ?5 AND ?6",
        )?;
        let matches = self.while_time_lasts(|| {
            look.query_map(
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
            .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let mut matches = matches.unwrap_or_default();
        matches.sort_by_key(|(_, at_ms)| std::cmp::Reverse(*at_ms));
        let now = matches.first().map_or(0, |(_, at_ms)| *at_ms);
        let mut hits = Vec::new();
        for (id, at_ms) in matches.into_iter().take(CANDIDATES) {
            let (session, title): (String, String) = self
                .db
                .prepare_cached("SELECT key, title FROM session WHERE id = ?")?
                .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let text = composed(&title);
            let found = rank::find(self.typed, &text);
            if found.terms() < self.typed.parts() {
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
