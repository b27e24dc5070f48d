mod notes;
mod outbox;

use super::{Store, StoreOptions};
use crate::gateway::Prompt;
use clawtray_gateway_protocol::SessionKey;
use std::time::Duration;
use tempfile::TempDir;

const HOME: &str = "home";
const MAIN: &str = "agent:main:main";

fn open(dir: &TempDir) -> Store {
    Store::open(dir.path().join("data"), StoreOptions::default()).unwrap()
}

fn impatient(dir: &TempDir) -> Store {
    let options = StoreOptions {
        busy: Duration::from_millis(30),
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
