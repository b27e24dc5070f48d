//! `sessions`, `history`, `search`, `export`.

use super::{ago, local_time, now_ms};
use crate::cli::{Export, Format, Global, History, Search, Sessions};
use crate::exit::{Exit, Failure, Outcome};
use crate::follow::{role_name, summary};
use crate::link::{self, Link, Wants};
use crate::markdown;
use crate::term::{Paint, Term, harmless, one_line, table};
use clawtray_gateway_client::protocol::{ContentPart, Message, Role, SessionKey, SessionRow};
use clawtray_gateway_client::{HistoryQuery, SessionsQuery, complete};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;

/// Messages of one page of an export.
const PAGE: u32 = 200;
/// Said of a message that the gateway does not give in full.
const CUT: &str = "\n[the gateway gave only a part of this message: it is too large]";
/// Pages of an export.
const MAX_PAGES: u32 = 500;

/// `sessions`
pub(crate) async fn sessions(global: &Global, args: Sessions, term: &mut Term) -> Outcome {
    let link = link::open(global, Wants::default(), term).await?;
    let query = SessionsQuery {
        limit: Some(args.limit),
        agent: args.agent.map(Into::into),
        search: args.search,
        archived: args.archived.then_some(true),
        ..SessionsQuery::default()
    };
    let page = link.gateway.sessions(query).await?;
    if args.json {
        return term.json(&page);
    }
    let now = now_ms();
    let rows: Vec<Vec<String>> = page
        .sessions
        .iter()
        .map(|row| {
            let changed = row.updated_at.filter(|at| *at > 0);
            let time = changed.map(|at| ago(at, now)).unwrap_or_default();
            vec![row.key.to_string(), title(row), state(row).to_owned(), time]
        })
        .collect();
    let text = table(term, &["SESSION", "TITLE", "STATE", "CHANGED"], &rows);
    term.out(&text)?;
    if page.sessions.is_empty() {
        term.note("no sessions");
    }
    Ok(())
}

fn title(row: &SessionRow) -> String {
    [
        &row.label,
        &row.display_name,
        &row.derived_title,
        &row.auto_label,
        &row.last_message_preview,
    ]
    .into_iter()
    .flatten()
    .find(|title| !title.trim().is_empty())
    .map_or_else(String::new, |title| clawtray_companion::text::one_line(title, 48))
}

fn state(row: &SessionRow) -> &'static str {
    if row.has_active_run == Some(true) {
        "running"
    } else if row.unread == Some(true) {
        "unread"
    } else if row.archived == Some(true) {
        "archived"
    } else {
        ""
    }
}

/// `history`
pub(crate) async fn history(global: &Global, args: History, term: &mut Term) -> Outcome {
    let link = link::open(global, Wants::default(), term).await?;
    let query = HistoryQuery {
        session: link.session_key(&args.key, None),
        limit: Some(args.limit),
        offset: None,
    };
    let mut history = link.gateway.history(query).await?;
    if args.json || args.tools {
        let session = history.session.clone();
        complete(&*link.gateway, &session, &mut history.messages, |_| true).await;
    }
    if args.json {
        return term.json(&history);
    }
    if history.messages.is_empty() {
        term.note("no messages");
    }
    let mut first = true;
    for message in &history.messages {
        let Some(body) = body(message, args.tools, term) else {
            continue;
        };
        let time = message.timestamp.map(local_time).unwrap_or_default();
        let head = format!(
            "{}  {}",
            role_name(term, &message.role),
            term.paint(Paint::Dim, &time)
        );
        let space = if first { "" } else { "\n" };
        first = false;
        term.line(&format!("{space}{}\n{}", head.trim_end(), body.trim_end()))?;
    }
    if let Some(run) = &history.in_flight {
        term.note(&format!("a run is in progress: {}", run.run_id));
    }
    Ok(())
}

/// What a message says, or nothing worth a line.
fn body(message: &Message, tools: bool, term: &Term) -> Option<String> {
    if message.role == Role::ToolResult && !tools {
        return None;
    }
    let mut text = message.text();
    if term.rich && message.role == Role::Assistant {
        text = markdown::render(&harmless(&text));
    } else {
        text = harmless(&text);
    }
    if tools {
        for part in &message.content {
            if let ContentPart::ToolCall { name, arguments, .. } = part {
                text.push_str(&format!("\n[{name} {}]", one_line(&summary(arguments))));
            }
        }
    }
    if message.cut().is_some() {
        text.push_str(CUT);
    }
    if let Some(error) = &message.error_message {
        text.push_str(&format!("\n[failed: {}]", one_line(error)));
    }
    (!text.trim().is_empty()).then(|| text.trim_start_matches('\n').to_owned())
}

/// `search`
pub(crate) async fn search(global: &Global, args: &Search, term: &mut Term) -> Outcome {
    let link = link::open(global, Wants::default(), term).await?;
    let words = args.words.join(" ");
    let params = json!({ "query": words, "limit": args.limit });
    let mut hits = match link.raw("sessions.search", params, term).await {
        Ok(found) => match found.get("results") {
            Some(Value::Array(hits)) => hits.clone(),
            Some(_) | None => Vec::new(),
        },
        // A gateway without a search of its own: the newest sessions are read.
        Err(failure) if failure.exit == Exit::Refused => read_through(&link, &words, term).await?,
        Err(failure) => return Err(failure),
    };
    hits.truncate(usize::try_from(args.limit).unwrap_or(usize::MAX));
    if args.json {
        return term.json(&hits);
    }
    let text = |hit: &Value, name: &str| {
        hit.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let now = now_ms();
    let rows: Vec<Vec<String>> = hits
        .iter()
        .map(|hit| {
            let time = hit
                .get("timestamp")
                .and_then(Value::as_i64)
                .map(|at| ago(at, now));
            let snippet = clawtray_companion::text::one_line(&text(hit, "snippet"), 100);
            vec![
                text(hit, "sessionKey"),
                time.unwrap_or_default(),
                text(hit, "role"),
                snippet,
            ]
        })
        .collect();
    let text = table(term, &["SESSION", "WHEN", "WHO", "TEXT"], &rows);
    term.out(&text)?;
    if hits.is_empty() {
        term.note("nothing found");
    }
    Ok(())
}

/// Messages that have all the words, in the sessions that changed last.
async fn read_through(link: &Link, words: &str, term: &mut Term) -> Outcome<Vec<Value>> {
    let wanted: Vec<String> = words
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let query = SessionsQuery {
        limit: Some(50),
        ..SessionsQuery::default()
    };
    let mut hits = Vec::new();
    for row in link.gateway.sessions(query).await?.sessions {
        term.progress(&format!("reading {}…", row.key));
        let query = HistoryQuery {
            session: row.key.clone(),
            limit: Some(PAGE),
            offset: None,
        };
        for message in link.gateway.history(query).await?.messages.iter().rev() {
            let text = message.text();
            let lower = text.to_lowercase();
            if wanted.iter().all(|word| lower.contains(word.as_str())) {
                hits.push(json!({
                    "sessionKey": row.key, "messageId": message.meta.id, "role": message.role,
                    "timestamp": message.timestamp, "snippet": text,
                }));
            }
        }
    }
    Ok(hits)
}

/// `export`
pub(crate) async fn export(global: &Global, args: &Export, term: &mut Term) -> Outcome {
    let link = link::open(global, Wants::default(), term).await?;
    let session = link.session_key(&args.key, None);
    let (mut messages, row) = whole(&link, &session, term).await?;
    if args.format == Format::Json {
        // This format has the outputs of tools, which are cut on pages.
        complete(&*link.gateway, &session, &mut messages, |_| true).await;
    }
    if messages.is_empty() {
        term.note("the session has no messages");
    }
    let text = match args.format {
        Format::Markdown => as_markdown(&session, row.as_ref(), &messages),
        Format::Json => {
            let all = json!({ "session": session, "row": row, "messages": messages });
            let mut text = serde_json::to_string_pretty(&all).map_err(std::io::Error::from)?;
            text.push('\n');
            text
        }
    };
    match &args.output {
        Some(path) => {
            private_file(path, &text)
                .map_err(|error| Failure::local(format!("cannot write {}: {error}", path.display())))?;
            term.note(&format!("{} messages in {}", messages.len(), path.display()));
            Ok(())
        }
        None => term.foreign(&text),
    }
}

/// Writes a file that its owner alone may read: conversations are nobody else's. One that is there keeps its place and loses
/// the rights of others.
fn private_file(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    #[cfg(unix)]
    if file.metadata()?.is_file() {
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        file.set_permissions(private)?;
    }
    file.write_all(text.as_bytes())
}

/// All messages, page by page from the newest.
async fn whole(
    link: &Link,
    session: &SessionKey,
    term: &mut Term,
) -> Outcome<(Vec<Message>, Option<SessionRow>)> {
    let mut pages: Vec<Vec<Message>> = Vec::new();
    let mut row = None;
    let mut read = 0;
    for _ in 0..MAX_PAGES {
        let page = link
            .gateway
            .history(HistoryQuery {
                session: session.clone(),
                limit: Some(PAGE),
                offset: (read > 0).then_some(read),
            })
            .await?;
        row = row.or(page.row);
        let count = u32::try_from(page.messages.len()).unwrap_or(u32::MAX);
        read = read.saturating_add(count);
        pages.push(page.messages);
        if !page.has_more || count == 0 {
            break;
        }
        term.progress(&format!("{read} messages…"));
    }
    Ok((pages.into_iter().rev().flatten().collect(), row))
}

fn as_markdown(session: &SessionKey, row: Option<&SessionRow>, messages: &[Message]) -> String {
    let name = row.map(title).filter(|title| !title.is_empty());
    let mut out = format!("# {}\n", name.unwrap_or_else(|| session.to_string()));
    for message in messages {
        let who = match &message.role {
            Role::User => "You",
            Role::Assistant => "Agent",
            Role::System => "System",
            Role::ToolResult | Role::Other(_) => continue,
        };
        let text = message.text();
        if text.trim().is_empty() && message.cut().is_none() {
            continue;
        }
        let cut = message
            .cut()
            .map(|_| "> The gateway gave only a part of this message: it is too large.");
        let time = message
            .timestamp
            .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
            .map(|time| format!(" — {}", time.strftime("%Y-%m-%d %H:%M UTC")));
        out.push_str(&format!("\n## {who}{}\n", time.unwrap_or_default()));
        let said = Some(text.trim_end()).filter(|text| !text.is_empty());
        for part in said.into_iter().chain(cut) {
            out.push_str(&format!("\n{part}\n"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_the_gateway_left_out_is_told_as_a_note() {
        let mut omitted: Message = serde_json::from_value(json!({
            "role": "assistant", "content": "[chat.history omitted: message too large]",
            "__openclaw": {"id": "m", "truncated": true, "reason": "oversized"},
        }))
        .unwrap_or_else(|error| unreachable!("{error}"));
        omitted.remove_cut_marks();
        let text = as_markdown(&"s".into(), None, &[omitted]);
        assert!(
            text.ends_with("## Agent\n\n> The gateway gave only a part of this message: it is too large.\n"),
            "{text}"
        );
        assert!(!text.contains("chat.history"), "{text}");
    }
}
