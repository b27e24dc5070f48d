//! Titles of sessions without a name, and the channel of a session.

use super::agent_of;
use crate::text::{capitalised, one_line};
use crate::words::{Language, Words};
use clawtray_gateway_protocol::SessionRow;

/// Words in a session's key that name a channel.
const CHANNELS: &[(&str, &str)] = &[
    ("telegram", "Telegram"),
    ("discord", "Discord"),
    ("slack", "Slack"),
    ("whatsapp", "WhatsApp"),
    ("signal", "Signal"),
    ("imessage", "iMessage"),
    ("matrix", "Matrix"),
    ("teams", "Teams"),
    ("email", "Email"),
];

/// A human title: a name that was given, a title that was derived, else words made from the key's parts.
#[must_use]
pub fn title(row: &SessionRow, language: Language) -> String {
    let key = row.key.as_str();
    [&row.label, &row.display_name, &row.derived_title, &row.auto_label]
        .into_iter()
        .flatten()
        .map(|text| one_line(text, 80))
        .find(|text| !text.is_empty() && text != key && !text.starts_with("agent:"))
        .unwrap_or_else(|| from_key(row, language.words()))
}

/// What may stand for a session where no word of the conversation may: the name that the user gave it, else its channel.
///
/// Derived titles are words of the user, a key may hold some, and subtasks and automations are named by agents.
#[must_use]
pub fn sender(row: &SessionRow, language: Language) -> Option<String> {
    let key = row.key.as_str();
    let own = !key
        .split(':')
        .any(|part| matches!(part, "subagent" | "cron" | "hook"));
    let label = row.label.as_deref().map(|label| one_line(label, 80));
    if let Some(label) = label.filter(|label| own && !label.is_empty()) {
        return Some(label);
    }
    let channel = channel(row);
    if channel.is_empty() {
        return None;
    }
    let known = CHANNELS.iter().find(|(word, _)| *word == channel);
    let name = known.map_or_else(
        || one_line(&capitalised(&channel), 40),
        |(_, name)| (*name).to_owned(),
    );
    let words = language.words();
    let group = key.split(':').any(|part| part == "group" || part == "channel");
    let say = if group {
        words.channel_group
    } else {
        words.channel_chat
    };
    Some(say(&name))
}

fn from_key(row: &SessionRow, words: &Words) -> String {
    let key = row.key.as_str();
    let agent = agent_of(key);
    let rest = agent.map_or(key, |agent| {
        key.get("agent:".len() + agent.len() + 1..).unwrap_or_default()
    });
    if rest == "main" || row.is_main == Some(true) || rest.is_empty() {
        return match agent {
            Some(agent) if agent != "main" => (words.main_chat_of)(&capitalised(agent)),
            _ => words.main_chat.to_owned(),
        };
    }
    let mut parts = rest.split(':');
    let first = parts.next().unwrap_or_default();
    if let Some((_, name)) = CHANNELS.iter().find(|(word, _)| *word == first) {
        let group = parts
            .next()
            .is_some_and(|kind| kind == "group" || kind == "channel");
        return if group {
            (words.channel_group)(name)
        } else {
            (words.channel_chat)(name)
        };
    }
    match first {
        "cron" => words.automation.to_owned(),
        "subagent" => words.subtask.to_owned(),
        "hook" => words.webhook.to_owned(),
        _ if speaks(first) && parts.next().is_none() => capitalised(&first.replace(['-', '_'], " ")),
        _ => words.chat.to_owned(),
    }
}

/// Whether a part of a key reads as a word and not as an identifier.
fn speaks(part: &str) -> bool {
    let digits = part.chars().filter(char::is_ascii_digit).count();
    (2..=24).contains(&part.len())
        && digits <= 2
        && part.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

/// The channel that a session came by, in a word; empty where it came by none.
pub(super) fn channel(row: &SessionRow) -> String {
    let named = row.channel.as_deref().unwrap_or_default();
    if matches!(named, "webchat" | "internal" | "none" | "unknown") {
        return String::new();
    }
    if !named.is_empty() {
        return named.to_owned();
    }
    let key = row.key.as_str();
    CHANNELS
        .iter()
        .find(|(word, _)| key.split(':').any(|part| part == *word))
        .map_or_else(String::new, |(word, _)| (*word).to_owned())
}
