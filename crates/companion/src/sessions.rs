//! The sessions of one gateway. Snapshots replace rows; changes merge into them.
//!
//! In a change, an absent field means no change, `null` clears, and a list replaces. In a snapshot,
//! an absent field clears.

#[cfg(test)]
mod tests;
mod title;

pub use title::{sender, title};

use crate::api::SessionView;
use crate::silence::{is_heartbeat_session, is_wake, says_nothing};
use crate::text::plain_line;
use crate::words::Language;
use clawtray_gateway_protocol::SessionRow;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The longest session key or run id that is taken, in bytes. The real ones have less than a hundred.
pub const LONGEST_KEY: usize = 512;

/// What the session rows do not say and this app knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlay {
    /// Sessions whose notifications are off.
    pub muted: BTreeSet<String>,
    /// Sessions with an approval or question that waits.
    pub needs_you: BTreeSet<String>,
    /// Names of agents by id.
    pub agents: BTreeMap<String, String>,
}

/// What a change asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// The row is up to date.
    Done,
    /// The session is gone.
    Removed,
    /// The list has to be read again.
    Refresh,
}

/// The rows that changed since they were last asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// Any of them.
    All,
    /// These.
    Keys(BTreeSet<String>),
}

impl Default for Touched {
    fn default() -> Self {
        Self::Keys(BTreeSet::new())
    }
}

/// The sessions of one gateway.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    rows: BTreeMap<String, SessionRow>,
    touched: Touched,
    /// The language of titles for sessions without a name.
    language: Language,
}

impl Sessions {
    /// None yet.
    #[must_use]
    pub fn speaking(language: Language) -> Self {
        Self {
            language,
            ..Self::default()
        }
    }

    /// Sets the language of titles for sessions without a name.
    pub fn speak(&mut self, language: Language) {
        if std::mem::replace(&mut self.language, language) != language {
            self.touched = Touched::All;
        }
    }

    /// Replaces everything.
    pub fn snapshot(&mut self, rows: Vec<SessionRow>) {
        self.touched = Touched::All;
        self.rows = rows
            .into_iter()
            .filter(|row| row.key.as_str().len() <= LONGEST_KEY)
            .map(|row| (row.key.0.clone(), row))
            .collect();
    }

    /// Replaces one row, as `chat.history` carries it.
    pub fn replace(&mut self, row: SessionRow) {
        if (1..=LONGEST_KEY).contains(&row.key.as_str().len()) {
            self.touch(row.key.as_str());
            self.rows.insert(row.key.0.clone(), row);
        }
    }

    /// Adds a row for a session that the gateway does not list yet.
    pub fn ensure(&mut self, key: &str) -> &mut SessionRow {
        self.touch(key);
        self.rows.entry(key.to_owned()).or_insert_with(|| SessionRow {
            key: key.into(),
            ..SessionRow::default()
        })
    }

    /// Forgets a row.
    pub fn remove(&mut self, key: &str) -> bool {
        self.touch(key);
        self.rows.remove(key).is_some()
    }

    /// A row.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&SessionRow> {
        self.rows.get(key)
    }

    /// A row to change ahead of the gateway's own word.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut SessionRow> {
        self.touch(key);
        self.rows.get_mut(key)
    }

    fn touch(&mut self, key: &str) {
        if let Touched::Keys(keys) = &mut self.touched
            && !keys.contains(key)
        {
            keys.insert(key.to_owned());
        }
    }

    /// What changed since this was last asked.
    pub fn take_touched(&mut self) -> Touched {
        std::mem::take(&mut self.touched)
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = &SessionRow> {
        self.rows.values()
    }

    /// Merges `sessions.changed`: first the row inside it, then the fields beside it, which carry the tombstones.
    pub fn merge(&mut self, key: &str, reason: Option<&str>, change: &Value) -> Merged {
        if key.is_empty() {
            return Merged::Refresh;
        }
        self.touch(key);
        if matches!(reason, Some("delete" | "deleted")) {
            self.rows.remove(key);
            return Merged::Removed;
        }
        let nested = change.get("session").and_then(Value::as_object);
        let known = self.rows.get(key);
        if known.is_none() && nested.is_none() {
            return Merged::Refresh;
        }
        let mut row = match known.map(serde_json::to_value) {
            Some(Ok(Value::Object(row))) => row,
            _ => Map::new(),
        };
        for source in [nested, change.as_object()].into_iter().flatten() {
            overlay(&mut row, source);
        }
        row.insert("key".to_owned(), Value::String(key.to_owned()));
        match serde_json::from_value::<SessionRow>(Value::Object(row)) {
            Ok(row) => {
                self.rows.insert(key.to_owned(), row);
                Merged::Done
            }
            Err(_) => Merged::Refresh,
        }
    }

    /// A human title for a session, known or not. Never its key.
    #[must_use]
    pub fn title(&self, key: &str) -> String {
        match self.rows.get(key) {
            Some(row) => title(row, self.language),
            None => {
                let row = SessionRow {
                    key: key.into(),
                    ..SessionRow::default()
                };
                title(&row, self.language)
            }
        }
    }

    /// What may stand for a session where no word of the conversation may; see [`sender`].
    #[must_use]
    pub fn sender(&self, key: &str) -> Option<String> {
        match self.rows.get(key) {
            Some(row) => sender(row, self.language),
            None => sender(
                &SessionRow {
                    key: key.into(),
                    ..SessionRow::default()
                },
                self.language,
            ),
        }
    }

    /// A row ready to show.
    #[must_use]
    pub fn view(&self, key: &str, overlay: &Overlay) -> Option<SessionView> {
        self.rows.get(key).map(|row| view(row, overlay, self.language))
    }

    /// All rows ready to show, most recent first.
    #[must_use]
    pub fn views(&self, overlay: &Overlay) -> Vec<SessionView> {
        let mut views: Vec<SessionView> = self
            .rows
            .values()
            .map(|row| view(row, overlay, self.language))
            .collect();
        views.sort_by(|a, b| {
            b.updated_at_ms
                .cmp(&a.updated_at_ms)
                .then_with(|| a.key.cmp(&b.key))
        });
        views
    }

    /// The first rows that a list shows, ready to show, and the keys of the others; most recent first. A row that
    /// `needed` names is among the first wherever it stands, and so is one that is pinned.
    #[must_use]
    pub fn head(
        &self,
        count: usize,
        overlay: &Overlay,
        needed: Option<&str>,
    ) -> (Vec<SessionView>, VecDeque<String>) {
        let (mut first, mut rest) = (Vec::new(), VecDeque::new());
        for row in self.newest() {
            let key = row.key.as_str();
            if first.len() < count || row.pinned == Some(true) || needed == Some(key) {
                first.push(view(row, overlay, self.language));
            } else {
                rest.push_back(key.to_owned());
            }
        }
        (first, rest)
    }

    /// Keys of the sessions that were used last, without archived ones and those that run by themselves.
    pub fn recent(&self) -> impl Iterator<Item = &str> {
        let rows = self.newest().into_iter();
        rows.filter(|row| row.archived != Some(true) && !is_background(row))
            .map(|row| row.key.as_str())
    }

    /// All rows, most recent first.
    fn newest(&self) -> Vec<&SessionRow> {
        // They are in the order of their keys, and a stable sort leaves those of the same moment so.
        let mut rows: Vec<&SessionRow> = self.rows.values().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(last_used(row)));
        rows
    }

    /// Sessions that have something unread.
    #[must_use]
    pub fn unread(&self) -> u32 {
        let count = self
            .rows
            .values()
            .filter(|row| row.unread == Some(true) && row.archived != Some(true) && !is_background(row))
            .count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

fn overlay(row: &mut Map<String, Value>, source: &Map<String, Value>) {
    let fields = match serde_json::to_value(SessionRow::default()) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    for name in fields.keys().filter(|name| name.as_str() != "key") {
        match source.get(name) {
            None => {}
            Some(Value::Null) => {
                row.remove(name);
            }
            Some(value) => {
                row.insert(name.clone(), value.clone());
            }
        }
    }
}

/// The agent in a session's key (`agent:<id>:…`).
#[must_use]
pub fn agent_of(key: &str) -> Option<&str> {
    key.strip_prefix("agent:")?
        .split(':')
        .next()
        .filter(|agent| !agent.is_empty())
}

fn last_used(row: &SessionRow) -> i64 {
    row.last_interaction_at.max(row.updated_at).unwrap_or_default()
}

fn is_background(row: &SessionRow) -> bool {
    let key = row.key.as_str();
    row.is_background == Some(true) || key.contains(":cron:") || is_heartbeat_session(key)
}

fn view(row: &SessionRow, overlay: &Overlay, language: Language) -> SessionView {
    let key = row.key.as_str();
    let agent = row
        .agent_id
        .as_ref()
        .map_or_else(|| agent_of(key).unwrap_or_default(), |agent| agent.as_str());
    let model = match (&row.model_provider, &row.model) {
        (Some(provider), Some(model)) if !model.contains('/') => Some(format!("{provider}/{model}")),
        (_, model) => model.clone(),
    };
    SessionView {
        key: key.to_owned(),
        title: title(row, language),
        agent: overlay
            .agents
            .get(agent)
            .cloned()
            .unwrap_or_else(|| agent.to_owned()),
        channel: title::channel(row),
        preview: row
            .last_message_preview
            .as_deref()
            .filter(|text| !is_wake(text) && !says_nothing(text, false))
            .map(|text| plain_line(text, 160))
            .unwrap_or_default(),
        updated_at_ms: last_used(row),
        unread: row.unread.unwrap_or(false),
        running: row.has_active_run.unwrap_or(false)
            || row.active_run_ids.as_ref().is_some_and(|runs| !runs.is_empty()),
        needs_approval: overlay.needs_you.contains(key),
        failed: matches!(row.status.as_deref(), Some("failed" | "timeout")),
        pinned: row.pinned.unwrap_or(false),
        archived: row.archived.unwrap_or(false),
        muted: overlay.muted.contains(key),
        background: is_background(row),
        tokens: row.total_tokens.unwrap_or_default(),
        context_tokens: row.context_tokens.unwrap_or_default(),
        model,
        thinking: row.thinking_level.clone(),
        group: row.category.clone(),
        cost_usd: row.estimated_cost_usd,
    }
}
