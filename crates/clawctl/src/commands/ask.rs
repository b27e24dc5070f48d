//! `ask`, `send`, `run`.

use crate::cli::{Ask, Global, Run, RunOutput, Send};
use crate::exit::{Exit, Failure, Outcome};
use crate::follow;
use crate::interrupt::Interrupt;
use crate::link::{self, Link, Wants};
use crate::term::Term;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clawtray_gateway_client::protocol::SessionKey;
use clawtray_gateway_client::{Attachment, Prompt};
use std::io::{IsTerminal, Read};
use std::path::Path;

const WANTS: Wants = Wants {
    sessions: false,
    tools: true,
    approvals: true,
    decide: false,
    bridge: false,
    full_control: false,
};

/// `ask`
pub(crate) async fn ask(global: &Global, args: Ask, term: &mut Term) -> Outcome {
    let text = text(&args.text)?;
    let attachments = args
        .attach
        .iter()
        .map(|path| attachment(path))
        .collect::<Outcome<Vec<_>>>()?;
    if text.trim().is_empty() && attachments.is_empty() {
        return Err(Failure::usage("there is nothing to ask").next("clawctl ask \"hello\""));
    }
    let link = open(global, term, &args.output).await?;
    let agent = args.agent.as_deref();
    let session = match &args.session {
        Some(name) => link.session_key(name, agent),
        None if args.new => fresh(&link, "clawctl", agent),
        None => {
            let chosen = link
                .profile
                .as_ref()
                .and_then(|profile| profile.session.as_deref());
            match chosen.filter(|_| agent.is_none()) {
                Some(chosen) => chosen.into(),
                None => link.main_session(agent),
            }
        }
    };
    check_size(&link, &attachments)?;
    let prompt = Prompt {
        thinking: args.thinking,
        attachments,
        ..prompt(session, text, &args.output)
    };
    follow::prompt(&link, prompt, &args.output, term).await
}

/// `send`
pub(crate) async fn send(global: &Global, args: Send, term: &mut Term) -> Outcome {
    let text = text(&args.text)?;
    let link = open(global, term, &args.output).await?;
    let session = link.session_key(&args.session, None);
    follow::prompt(&link, prompt(session, text, &args.output), &args.output, term).await
}

/// `run`
pub(crate) async fn run(global: &Global, args: Run, term: &mut Term) -> Outcome {
    let text = text(&args.text)?;
    let link = open(global, term, &args.output).await?;
    let session = fresh(&link, "run", args.agent.as_deref());
    follow::prompt(&link, prompt(session, text, &args.output), &args.output, term).await
}

async fn open(global: &Global, term: &mut Term, output: &RunOutput) -> Outcome<Link> {
    if !output.json && !output.jsonl {
        term.progress("connecting…");
    }
    let mut interrupt = Interrupt::new()?;
    tokio::select! {
        link = link::open(global, WANTS, term) => link,
        () = interrupt.pressed() => Err(Failure::new(Exit::Interrupted, "interrupted; nothing was sent")),
    }
}

fn prompt(session: SessionKey, text: String, output: &RunOutput) -> Prompt {
    Prompt {
        session,
        text,
        idempotency_key: uuid::Uuid::new_v4().to_string(),
        thinking: None,
        attachments: Vec::new(),
        timeout_ms: output.timeout.map(|seconds| u64::from(seconds) * 1000),
    }
}

/// A session that nobody has used.
fn fresh(link: &Link, word: &str, agent: Option<&str>) -> SessionKey {
    let id = uuid::Uuid::new_v4().simple().to_string();
    let id = id.get(..8).unwrap_or(&id);
    link.session_key(&format!("{word}-{id}"), agent)
}

/// The words, or what standard input has.
fn text(words: &[String]) -> Outcome<String> {
    let from_input = match words {
        [] => !std::io::stdin().is_terminal(),
        [only] => only == "-",
        [_, ..] => false,
    };
    if !from_input {
        return Ok(words.join(" "));
    }
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|error| Failure::usage(format!("cannot read standard input: {error}")))?;
    Ok(text.trim_end().to_owned())
}

fn attachment(path: &Path) -> Outcome<Attachment> {
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::usage(format!("cannot attach {}: {error}", path.display())))?;
    let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(Attachment {
        mime_type: mime_type(path, &bytes).to_owned(),
        file_name,
        content: STANDARD.encode(bytes),
    })
}

/// Before anything is sent: what the gateway said about its limits.
fn check_size(link: &Link, attachments: &[Attachment]) -> Outcome {
    for attachment in attachments {
        let bytes = u64::try_from(attachment.content.len() / 4 * 3).unwrap_or(u64::MAX);
        let image = attachment.mime_type.starts_with("image/");
        let limit = if image {
            link.server.max_image_bytes
        } else {
            link.server.max_attachment_bytes
        };
        if let Some(limit) = limit
            && bytes > limit
        {
            let name = attachment.file_name.as_deref().unwrap_or("the file");
            return Err(Failure::new(
                Exit::Usage,
                format!("{name} has {bytes} bytes; the gateway accepts {limit}"),
            ));
        }
    }
    Ok(())
}

/// By the first bytes, else by the name.
fn mime_type(path: &Path, bytes: &[u8]) -> &'static str {
    for (magic, mime) in [
        (&b"\x89PNG"[..], "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"%PDF", "application/pdf"),
    ] {
        if bytes.starts_with(magic) {
            return mime;
        }
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return "image/webp";
    }
    let extension = path
        .extension()
        .map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("md") => "text/markdown",
        Some("json") => "application/json",
        Some("csv") => "text/csv",
        Some("html" | "htm") => "text/html",
        Some("zip") => "application/zip",
        Some("mp3") => "audio/mpeg",
        Some("ogg") => "audio/ogg",
        Some("wav") => "audio/wav",
        Some("mp4") => "video/mp4",
        Some(_) | None if std::str::from_utf8(bytes).is_ok() => "text/plain",
        Some(_) | None => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart() {
        for (name, bytes, expected) in [
            ("a.txt", &b"\x89PNG...."[..], "image/png"),
            ("a.md", b"# x", "text/markdown"),
            ("a", b"words", "text/plain"),
            ("a.bin", b"\xff\x00", "application/octet-stream"),
            ("a.x", b"RIFF\0\0\0\0WEBPVP8", "image/webp"),
        ] {
            assert_eq!(mime_type(Path::new(name), bytes), expected, "{name}");
        }
    }
}
