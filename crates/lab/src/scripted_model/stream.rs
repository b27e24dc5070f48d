//! Writes an answer.

use super::Shared;
use super::directives::{Directives, ToolCall};
use super::request::Prompt;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// So late a chunk may be for those after it to make up for it.
const LATE: Duration = Duration::from_millis(20);

/// How a completion ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The whole answer was written.
    Complete,
    /// An error was answered, as the prompt asked.
    Failed,
    /// The connection was dropped halfway, as the prompt asked.
    Cut,
    /// The client went away first.
    Abandoned,
}

pub(super) struct Answer<'a> {
    pub number: usize,
    pub prompt: &'a Prompt,
    pub directives: &'a Directives,
    pub stream: &'a TcpStream,
    pub shared: &'a Shared,
}

impl Answer<'_> {
    pub(super) fn give(&self) -> Ending {
        let directives = self.directives;
        if let Some(status) = directives.error {
            let message = format!("scripted failure {status}");
            plain(
                self.stream,
                status,
                &json!({ "error": { "message": message, "type": "server_error", "code": "scripted" } }),
            );
            return Ending::Failed;
        }
        if directives.hang {
            while !self.shared.stopped() && !is_gone(self.stream) {
                thread::sleep(Duration::from_millis(50));
            }
            return Ending::Abandoned;
        }
        if !self.prompt.stream {
            let message = json!({ "role": "assistant", "content": directives.reply });
            let choice = json!({ "index": 0, "finish_reason": "stop", "message": message });
            let object = self.object("chat.completion", &json!([choice]), Some(&self.usage()));
            return if plain(self.stream, 200, &object) {
                Ending::Complete
            } else {
                Ending::Abandoned
            };
        }
        match self.stream_answer() {
            Ok(ending) => ending,
            Err(_) => Ending::Abandoned,
        }
    }

    fn stream_answer(&self) -> io::Result<Ending> {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
                    connection: close\r\ntransfer-encoding: chunked\r\n\r\n";
        self.stream().write_all(head.as_bytes())?;
        self.delta(&json!({ "role": "assistant", "content": "" }), None)?;
        if self.directives.think && self.prompt.tool_results == 0 {
            for words in ["Let me ", "think ", "about ", "it."] {
                self.delta(&json!({ "reasoning_content": words }), None)?;
                self.pause(self.directives.delay)?;
            }
        }
        match self.directives.tools.get(self.prompt.tool_results) {
            Some(tool) => self.call(tool)?,
            None => {
                if let Some(early) = self.speak()? {
                    return Ok(early);
                }
            }
        }
        self.event(
            &self
                .object("chat.completion.chunk", &json!([]), Some(&self.usage()))
                .to_string(),
        )?;
        self.event("[DONE]")?;
        self.stream().write_all(b"0\r\n\r\n")?;
        Ok(Ending::Complete)
    }

    fn call(&self, tool: &ToolCall) -> io::Result<()> {
        let id = format!("call_{}", self.number);
        let function = json!({ "name": tool.name, "arguments": "" });
        self.delta(
            &json!({ "tool_calls": [{ "index": 0, "id": id, "type": "function", "function": function }] }),
            None,
        )?;
        let letters: Vec<char> = tool.arguments.chars().collect();
        for piece in letters.chunks(12) {
            let piece: String = piece.iter().collect();
            self.delta(
                &json!({ "tool_calls": [{ "index": 0, "function": { "arguments": piece } }] }),
                None,
            )?;
            self.pause(self.directives.delay)?;
        }
        self.delta(&json!({}), Some("tool_calls"))
    }

    /// Streams the reply; an ending when it stops before the end.
    fn speak(&self) -> io::Result<Option<Ending>> {
        let pieces = self.directives.pieces();
        let half = pieces.len() / 2;
        let mut due = Instant::now();
        for (index, piece) in pieces.iter().enumerate() {
            if index == half {
                if self.directives.cut {
                    self.stream.shutdown(Shutdown::Both)?;
                    return Ok(Some(Ending::Cut));
                }
                if let Some(name) = &self.directives.hold
                    && !self.shared.wait_for_release(name, self.stream)
                {
                    return Ok(Some(Ending::Abandoned));
                }
            }
            // By the clock: a sleep is always a little longer than asked, which at a thousand chunks a second adds up.
            due = (due + self.directives.delay).max(Instant::now() - LATE);
            self.pause(due.saturating_duration_since(Instant::now()))?;
            self.delta(&json!({ "content": piece }), None)?;
        }
        self.delta(&json!({}), Some("stop"))?;
        Ok(None)
    }

    fn delta(&self, delta: &Value, finish: Option<&str>) -> io::Result<()> {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        self.event(
            &self
                .object("chat.completion.chunk", &json!([choice]), None)
                .to_string(),
        )
    }

    fn event(&self, data: &str) -> io::Result<()> {
        let event = format!("data: {data}\n\n");
        self.stream()
            .write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())
    }

    /// The delay before a piece; an error when the peer went meanwhile.
    fn pause(&self, delay: Duration) -> io::Result<()> {
        thread::sleep(delay);
        if is_gone(self.stream) {
            Err(io::ErrorKind::ConnectionAborted.into())
        } else {
            Ok(())
        }
    }

    fn object(&self, kind: &str, choices: &Value, usage: Option<&Value>) -> Value {
        let created = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let id = format!("chatcmpl-{}", self.number);
        let mut object = json!({ "id": id, "object": kind, "created": created, "model": self.prompt.model, "choices": choices });
        if let (Some(usage), Some(fields)) = (usage, object.as_object_mut()) {
            fields.insert("usage".into(), usage.clone());
        }
        object
    }

    fn usage(&self) -> Value {
        let (asked, answered) = (
            self.prompt.bytes.div_ceil(4),
            self.directives.reply.len().div_ceil(4),
        );
        json!({ "prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered })
    }

    fn stream(&self) -> &TcpStream {
        self.stream
    }
}

/// Answers with `body` in one piece; whether it could be written.
pub(super) fn plain(mut stream: &TcpStream, status: u16, body: &Value) -> bool {
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).is_ok()
}

/// Whether the peer closed its side. Never waits noticeably.
pub(super) fn is_gone(stream: &TcpStream) -> bool {
    if stream.set_nonblocking(true).is_err() {
        return true;
    }
    let gone = match stream.peek(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
    };
    gone || stream.set_nonblocking(false).is_err()
}
