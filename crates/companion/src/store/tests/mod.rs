mod crash;
mod damage;
mod messages;
mod notes;
mod outbox;
mod processes;
mod search;
mod trim;

use super::{Store, StoreOptions};
use crate::gateway::{History, Prompt};
use clawtray_gateway_protocol::{ContentPart, Message, MessageMeta, Role, SessionKey, SessionRow};
use std::time::Duration;
use tempfile::TempDir;

const HOME: &str = "home";
const MAIN: &str = "agent:main:main";

fn open(dir: &TempDir) -> Store {
    Store::open(dir.path().join("data"), StoreOptions::default()).unwrap()
}

/// Does not wait for locks.
fn impatient(dir: &TempDir) -> Store {
    let options = StoreOptions {
        busy: Duration::ZERO,
        ..StoreOptions::default()
    };
    Store::open(dir.path().join("data"), options).unwrap()
}

fn prompt(id: &str, session: &str, text: &str) -> Prompt {
    Prompt {
        session: SessionKey::from(session),
        text: text.to_owned(),
        idempotency_key: id.to_owned(),
        thinking: None,
        attachments: Vec::new(),
        timeout_ms: None,
    }
}

fn message(id: &str, seq: u64, at_ms: i64, text: &str) -> Message {
    Message {
        role: if seq % 2 == 1 { Role::User } else { Role::Assistant },
        content: vec![ContentPart::Text {
            text: text.to_owned(),
        }],
        timestamp: Some(at_ms),
        idempotency_key: None,
        stop_reason: None,
        error_message: None,
        tool_call_id: None,
        tool_name: None,
        is_error: None,
        model: None,
        meta: MessageMeta {
            id: (!id.is_empty()).then(|| id.into()),
            run_id: None,
            seq: (seq > 0).then_some(seq),
            ..MessageMeta::default()
        },
    }
}

/// Messages `m<seq>` with a minute between them.
fn run_of(seqs: std::ops::RangeInclusive<u64>) -> Vec<Message> {
    seqs.map(|seq| {
        message(
            &format!("m{seq}"),
            seq,
            i64::try_from(seq).unwrap() * 60_000,
            &format!("text {seq}"),
        )
    })
    .collect()
}

fn page(session: &str, messages: Vec<Message>, has_more: bool) -> History {
    History {
        session: SessionKey::from(session),
        messages,
        has_more,
        ..History::default()
    }
}

fn row(key: &str, title: &str, updated: i64) -> SessionRow {
    SessionRow {
        key: SessionKey::from(key),
        label: Some(title.to_owned()),
        updated_at: Some(updated),
        ..SessionRow::default()
    }
}

fn title(row: &SessionRow) -> String {
    row.label.clone().unwrap_or_default()
}

fn texts(messages: &[Message]) -> Vec<String> {
    messages.iter().map(Message::text).collect()
}

/// All of a session, oldest first.
fn all(store: &Store, session: &str) -> Vec<Message> {
    store.newest_page(HOME, session, 1_000_000).unwrap().messages
}

/// The index agrees with itself and with the messages.
fn assert_index_is_sound(store: &Store) {
    store
        .write(|db| {
            db.execute(
                "INSERT INTO message_words (message_words) VALUES ('integrity-check')",
                [],
            )
        })
        .unwrap();
    let (messages, indexed): (i64, i64) = store
        .read(|db| {
            db.query_row(
                "SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM message_words_docsize)",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
        })
        .unwrap();
    assert_eq!(messages, indexed);
}
