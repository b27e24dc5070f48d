//! Loads the session list: the first page is shown at once, the rest follows page by page, and
//! archived sessions come last.

use super::{App, Then};
use crate::gateway::{Gateway, SessionsPage, SessionsQuery};
use clawtray_gateway_protocol::SessionRow;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;

const PAGE: u32 = 200;
/// Rows that two pages share, so that a session that goes away between them hides no other.
const OVERLAP: u32 = 5;
/// Rows read at most, of the list and of the archive each: a gateway that repeats itself must not keep us busy forever.
const MOST: u32 = 100_000;

/// One reading of the list.
struct Walk {
    generation: u64,
    /// After a connect or a gap the whole list is read; else its first page, for what moved is on top.
    whole: bool,
    archive: bool,
    offset: u32,
    /// Sessions known when it began: those of them that are not listed are gone.
    known: HashSet<String>,
    listed: HashSet<String>,
}

impl App {
    pub(super) fn refresh_sessions(&mut self, id: &str) {
        self.load_sessions(id, false);
    }

    pub(super) fn load_sessions(&mut self, id: &str, whole: bool) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let Some(gateway) = link.ready() else {
            return;
        };
        if !gateway.capabilities().sessions {
            link.sessions_loaded = true;
            self.settle_targets(id);
            return;
        }
        let walk = Walk {
            generation: link.generation,
            whole,
            archive: false,
            offset: 0,
            known: link.sessions.rows().map(|row| row.key.0.clone()).collect(),
            listed: HashSet::new(),
        };
        self.walk_on(id, gateway, walk);
    }

    fn walk_on(&mut self, id: &str, gateway: Arc<dyn Gateway>, walk: Walk) {
        let id = id.to_owned();
        self.spawn(async move {
            let page = read_page(&*gateway, &walk).await;
            Box::new(move |app: &mut Self| app.on_session_page(&id, gateway, walk, page)) as Then
        });
    }

    fn on_session_page(
        &mut self,
        id: &str,
        gateway: Arc<dyn Gateway>,
        mut walk: Walk,
        page: Option<SessionsPage>,
    ) {
        let first = walk.offset == 0 && !walk.archive;
        let Some(link) = self
            .links
            .get_mut(id)
            .filter(|link| link.generation == walk.generation)
        else {
            return;
        };
        let Some(page) = page else {
            if walk.whole && !first {
                self.begin_backfill(id);
            }
            return;
        };
        let before = walk.listed.len();
        for row in &page.sessions {
            walk.listed.insert(row.key.0.clone());
            link.sessions.replace(row.clone());
        }
        if first {
            link.sessions_loaded = true;
        }
        let fresh = walk.listed.len() > before;
        let more = page.has_more && fresh && walk.offset < MOST;
        let read = u32::try_from(page.sessions.len()).unwrap_or(PAGE);
        if !page.has_more && !walk.archive {
            let gone: Vec<String> = link
                .sessions
                .rows()
                .filter(|row| row.archived != Some(true))
                .map(|row| row.key.0.clone())
                .filter(|key| walk.known.contains(key) && !walk.listed.contains(key))
                .collect();
            for key in &gone {
                link.sessions.remove(key);
            }
        }
        let complete = (!page.has_more && !walk.archive).then(|| {
            link.sessions
                .rows()
                .map(|row| row.key.0.clone())
                .collect::<HashSet<_>>()
        });
        self.publisher.dirty.sessions = true;
        self.keep_session_rows(id, page.sessions);
        if let Some(there) = complete {
            self.keep_sessions_of(id, there);
        }
        if first {
            self.settle_targets(id);
            if walk.whole {
                self.look_for_missed(id);
            }
        }
        self.follow_pending_link();
        if walk.whole && more {
            walk.offset += read.saturating_sub(OVERLAP).max(1);
            self.walk_on(id, gateway, walk);
        } else if walk.whole && !walk.archive && gateway.capabilities().native {
            let archive = Walk {
                archive: true,
                offset: 0,
                ..walk
            };
            self.walk_on(id, gateway, archive);
        } else if walk.whole {
            self.begin_backfill(id);
        }
    }
}

/// A page, or nothing when the gateway does not give it.
async fn read_page(gateway: &dyn Gateway, walk: &Walk) -> Option<SessionsPage> {
    if walk.archive {
        let params =
            json!({ "archived": true, "limit": PAGE, "offset": walk.offset, "includeDerivedTitles": true });
        let answer = gateway.call_raw("sessions.list", params).await;
        return match answer {
            Ok(answer) => Some(archived(answer)),
            Err(error) => {
                // Gateways of early 2026 have no archive.
                tracing::debug!(%error, "the archive could not be read");
                None
            }
        };
    }
    let query = SessionsQuery {
        limit: Some(PAGE),
        offset: Some(walk.offset).filter(|offset| *offset > 0),
        ..SessionsQuery::default()
    };
    match gateway.sessions(query).await {
        Ok(page) => Some(page),
        Err(error) => {
            tracing::debug!(%error, "sessions could not be read");
            None
        }
    }
}

fn archived(mut answer: Value) -> SessionsPage {
    let rows = answer.get_mut("sessions").map(Value::take);
    let sessions: Vec<SessionRow> = rows
        .and_then(|rows| serde_json::from_value(rows).ok())
        .unwrap_or_default();
    SessionsPage {
        total: None,
        has_more: answer.get("hasMore").and_then(Value::as_bool) == Some(true),
        sessions: sessions
            .into_iter()
            .filter(|row| row.archived == Some(true))
            .collect(),
    }
}
