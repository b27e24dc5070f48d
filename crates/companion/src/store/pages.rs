//! Reads a transcript in pages.

use super::{
    Store, StoreError,
    cache::session_id,
    messages::{FIRST_TIME_POS, key_of},
};
use crate::gateway::History;
use clawtray_gateway_protocol::{Message, SessionKey};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// A place between two messages of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    pos: i64,
    id: i64,
}

impl Cursor {
    /// Just before the message that the gateway gave this number.
    #[must_use]
    pub fn before_seq(seq: u64) -> Self {
        Self {
            pos: i64::try_from(seq).unwrap_or(i64::MAX),
            id: i64::MIN,
        }
    }
}

/// Some messages of a session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Oldest first.
    pub messages: Vec<Message>,
    /// Where the page before begins; `None`: nothing older is here (the gateway may have more).
    pub older: Option<Cursor>,
    /// Where the page after begins; `None`: these are the newest known here.
    pub newer: Option<Cursor>,
    /// No numbered message is missing within the page.
    pub gapless: bool,
}

impl Page {
    /// As if the gateway had answered.
    #[must_use]
    pub fn into_history(self, session: &str) -> History {
        History {
            session: SessionKey::from(session),
            has_more: self.older.is_some(),
            messages: self.messages,
            ..History::default()
        }
    }
}

/// How much of a session is here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Messages.
    pub messages: u64,
    /// The gateway's number of the newest one.
    pub newest_seq: Option<u64>,
    /// From this number to the newest, nothing is missing. 1: everything is here.
    pub gapless_from: Option<u64>,
}

struct Found {
    at: Cursor,
    body: String,
}

impl Store {
    /// The newest messages of a session.
    pub fn newest_page(&self, gateway: &str, session: &str, limit: u32) -> Result<Page, StoreError> {
        self.page(gateway, session, |db, session| {
            before(
                db,
                session,
                Cursor {
                    pos: i64::MAX,
                    id: i64::MAX,
                },
                limit,
            )
            .map(|(rows, more)| (rows, more, false))
        })
    }

    /// The messages before a cursor.
    pub fn page_before(
        &self,
        gateway: &str,
        session: &str,
        cursor: Cursor,
        limit: u32,
    ) -> Result<Page, StoreError> {
        self.page(gateway, session, |db, session| {
            before(db, session, cursor, limit).map(|(rows, more)| (rows, more, true))
        })
    }

    /// The messages after a cursor.
    pub fn page_after(
        &self,
        gateway: &str,
        session: &str,
        cursor: Cursor,
        limit: u32,
    ) -> Result<Page, StoreError> {
        self.page(gateway, session, |db, session| {
            after(db, session, cursor, limit).map(|(rows, more)| (rows, true, more))
        })
    }

    /// A message with those around it, half of the limit on each side. Empty when it is not here.
    pub fn page_around(
        &self,
        gateway: &str,
        session: &str,
        message: &Message,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let key = key_of(message);
        self.page(gateway, session, |db, session| {
            let Some(at) = db
                .prepare_cached("SELECT pos, id FROM message WHERE session = ? AND key = ?")?
                .query_row(params![session, key], |row| {
                    Ok(Cursor {
                        pos: row.get(0)?,
                        id: row.get(1)?,
                    })
                })
                .optional()?
            else {
                return Ok((Vec::new(), false, false));
            };
            let (mut rows, older) = before(db, session, at, limit / 2)?;
            let from = Cursor { id: at.id - 1, ..at };
            let (rest, newer) = after(db, session, from, limit - limit / 2)?;
            rows.extend(rest);
            Ok((rows, older, newer))
        })
    }

    /// How much of a session is here.
    pub fn coverage(&self, gateway: &str, session: &str) -> Result<Coverage, StoreError> {
        self.read(|db| {
            let Some(session) = session_id(db, gateway, session)? else {
                return Ok(Coverage::default());
            };
            let (messages, newest): (i64, Option<i64>) = db
                .prepare_cached("SELECT count(*), max(pos) FROM message WHERE session = ?")?
                .query_row([session], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let mut gapless: Option<i64> = None;
            let mut look =
                db.prepare_cached("SELECT pos FROM message WHERE session = ? ORDER BY pos DESC")?;
            let mut rows = look.query([session])?;
            while let Some(row) = rows.next()? {
                let pos: i64 = row.get(0)?;
                if gapless.is_some_and(|last| pos < last - 1) {
                    break;
                }
                gapless = Some(pos);
            }
            let numbered = newest.is_some_and(|pos| pos < FIRST_TIME_POS);
            let seq = |pos: Option<i64>| pos.filter(|_| numbered).and_then(|pos| u64::try_from(pos).ok());
            Ok(Coverage {
                messages: u64::try_from(messages).unwrap_or(0),
                newest_seq: seq(newest),
                gapless_from: seq(gapless),
            })
        })
    }

    fn page(
        &self,
        gateway: &str,
        session: &str,
        look: impl FnOnce(&Connection, i64) -> rusqlite::Result<(Vec<Found>, bool, bool)>,
    ) -> Result<Page, StoreError> {
        self.read(|db| {
            let Some(session) = session_id(db, gateway, session)? else {
                return Ok(Page::default());
            };
            let (rows, older, newer) = look(db, session)?;
            let gapless = rows.windows(2).all(|pair| match pair {
                [a, b] => b.at.pos - a.at.pos <= 1 || b.at.pos >= FIRST_TIME_POS,
                _ => true,
            });
            Ok(Page {
                older: rows.first().map(|row| row.at).filter(|_| older),
                newer: rows.last().map(|row| row.at).filter(|_| newer),
                messages: rows
                    .iter()
                    .filter_map(|row| serde_json::from_str(&row.body).ok())
                    .collect(),
                gapless,
            })
        })
    }
}

/// Rows before a place, oldest first, and whether there are more.
fn before(db: &Connection, session: i64, at: Cursor, limit: u32) -> rusqlite::Result<(Vec<Found>, bool)> {
    let mut rows = db
        .prepare_cached(
            "SELECT pos, id, body FROM message WHERE session = ? AND (pos, id) < (?, ?)
             ORDER BY pos DESC, id DESC LIMIT ?",
        )?
        .query_map(params![session, at.pos, at.id, i64::from(limit) + 1], found)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let more = cut(&mut rows, limit);
    rows.reverse();
    Ok((rows, more))
}

/// Rows after a place, oldest first, and whether there are more.
fn after(db: &Connection, session: i64, at: Cursor, limit: u32) -> rusqlite::Result<(Vec<Found>, bool)> {
    let mut rows = db
        .prepare_cached(
            "SELECT pos, id, body FROM message WHERE session = ? AND (pos, id) > (?, ?)
             ORDER BY pos, id LIMIT ?",
        )?
        .query_map(params![session, at.pos, at.id, i64::from(limit) + 1], found)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let more = cut(&mut rows, limit);
    Ok((rows, more))
}

fn cut(rows: &mut Vec<Found>, limit: u32) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    more
}

fn found(row: &Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found {
        at: Cursor {
            pos: row.get(0)?,
            id: row.get(1)?,
        },
        body: row.get(2)?,
    })
}
