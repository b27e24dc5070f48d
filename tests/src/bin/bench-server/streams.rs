//! Replies over SSE, each with its own text.

use crate::servers::Handle;
use anyhow::{Context, Result, bail, ensure};
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Pieces of a reply. The model stops after half of them until it is told to go on.
const PIECES: usize = 120;

/// Which stream is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dialect {
    Chat,
    Messages,
    OpenAi,
}

impl Dialect {
    pub(crate) const ALL: [Self; 3] = [Self::Chat, Self::Messages, Self::OpenAi];
}

/// One stream: what it asks, and what has to come back.
pub(crate) struct Stream {
    mark: String,
    dialect: Dialect,
    prompt: String,
    text: String,
}

/// How a stream that ended was wrong.
enum Wrong {
    Lost,
    Mixed,
    Disorder(String),
}

/// All streams, ended.
#[derive(Default)]
pub(crate) struct Flows {
    pub(crate) exact: usize,
    pub(crate) events: usize,
    pub(crate) lost: usize,
    pub(crate) mixed: usize,
    pub(crate) disorder: usize,
    pub(crate) failed: usize,
    pub(crate) reasons: Vec<String>,
}

/// Streams under way.
pub(crate) struct Streams {
    tasks: JoinSet<Result<Result<usize, Wrong>>>,
    count: usize,
    watch: Arc<Watch>,
}

#[derive(Default)]
struct Watch {
    begun: AtomicUsize,
    over: AtomicUsize,
    changed: Notify,
}

impl Stream {
    /// Every word of the text names the stream. Half of the text takes as long as the load.
    pub(crate) fn new(number: usize, dialect: Dialect, round: &str, load: Duration) -> Self {
        let mark = format!("{round}-{number:03}");
        let words: Vec<String> = (0..PIECES)
            .map(|word| format!("{mark}:{word:03}🦞é\\\""))
            .collect();
        let text = words.join(" ");
        let delay = load.as_millis() / (PIECES as u128 / 2);
        let prompt = format!("[[say:{text}]][[n:{PIECES}]][[d:{delay}]][[hold:{round}]]");
        Self {
            mark,
            dialect,
            prompt,
            text,
        }
    }

    fn request(&self, server: &Handle) -> reqwest::RequestBuilder {
        let (path, body) = match self.dialect {
            Dialect::Chat => (
                "/api/v1/chat/stream",
                json!({"agentId": "main", "sessionId": self.mark, "message": self.prompt}),
            ),
            Dialect::Messages => (
                "/api/v1/messages/stream",
                json!({"workspace": "default", "userId": self.mark, "message": self.prompt}),
            ),
            Dialect::OpenAi => (
                "/v1/chat/completions",
                json!({"model": "openclaw", "stream": true, "user": self.mark,
                    "messages": [{"role": "user", "content": self.prompt}]}),
            ),
        };
        let request = server.client.post(format!("{}{path}", server.base));
        request.bearer_auth(&server.token).json(&body)
    }

    /// Reads to the end; gives the number of events.
    async fn follow(&self, server: &Handle, watch: &Watch) -> Result<Result<usize, Wrong>> {
        let response = self.request(server).send().await?;
        ensure!(
            response.status() == 200,
            "the stream was answered {}",
            response.status()
        );
        let mut body = response.bytes_stream();
        let (mut buffer, mut reader) = (Vec::new(), Reader::new(self.dialect));
        while let Some(chunk) = body.next().await {
            buffer.extend_from_slice(&chunk?);
            while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = buffer.drain(..=end).collect();
                let line = String::from_utf8(line).context("a line that is no UTF-8")?;
                let Some(data) = line.trim_end().strip_prefix("data:") else {
                    continue;
                };
                if let Err(problem) = reader.take(data.trim_start()) {
                    return Ok(Err(Wrong::Disorder(format!("{problem:#}"))));
                }
                if reader.has_begun() && !reader.told {
                    reader.told = true;
                    watch.begun.fetch_add(1, Ordering::SeqCst);
                    watch.changed.notify_waiters();
                }
            }
        }
        ensure!(reader.state == State::Over, "the stream ended early");
        Ok(if reader.text == self.text {
            Ok(reader.events)
        } else if self.has_foreign(&reader.text) {
            Err(Wrong::Mixed)
        } else {
            Err(Wrong::Lost)
        })
    }

    fn has_foreign(&self, text: &str) -> bool {
        text.split(' ').any(|word| {
            word.split_once(':')
                .is_some_and(|(mark, _)| mark != self.mark && mark.contains('-'))
        })
    }
}

/// Where a stream is: its events come in this order only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opening,
    Speaking,
    Ended,
    Over,
}

struct Reader {
    dialect: Dialect,
    state: State,
    id: Option<String>,
    text: String,
    events: usize,
    told: bool,
}

impl Reader {
    fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            state: State::Opening,
            id: None,
            text: String::new(),
            events: 0,
            told: false,
        }
    }

    fn has_begun(&self) -> bool {
        !self.text.is_empty()
    }

    fn take(&mut self, data: &str) -> Result<()> {
        self.events += 1;
        if matches!(self.dialect, Dialect::OpenAi) && data == "[DONE]" {
            return self.step(&[State::Ended], State::Over);
        }
        let event: Value = serde_json::from_str(data).context("an event that is no JSON")?;
        if let Dialect::OpenAi = self.dialect {
            return self.chunk(&event);
        }
        let word = |name: &str| event.get(name).and_then(Value::as_str);
        match (self.dialect, word("type").unwrap_or_default()) {
            (Dialect::Chat, "start") => self.step(&[State::Opening], State::Speaking),
            (Dialect::Chat, "text") => {
                self.text
                    .push_str(word("content").context("a text without content")?);
                self.step(&[State::Speaking], State::Speaking)
            }
            (Dialect::Chat, "end") => self.step(&[State::Speaking], State::Over),
            (Dialect::Messages, "token") => {
                self.text
                    .push_str(word("content").context("a token without content")?);
                self.step(&[State::Opening, State::Speaking], State::Speaking)
            }
            (Dialect::Messages, "done") => self.step(&[State::Speaking], State::Over),
            (_, other) => bail!("an event {other:?}: {event}"),
        }
    }

    fn chunk(&mut self, event: &Value) -> Result<()> {
        ensure!(event.get("error").is_none(), "an error: {event}");
        let id = event
            .get("id")
            .and_then(Value::as_str)
            .context("a chunk without id")?;
        match &self.id {
            Some(known) => ensure!(known == id, "the chunk of another completion"),
            None => self.id = Some(id.to_owned()),
        }
        let choice = event.pointer("/choices/0");
        let content = choice.and_then(|choice| choice.pointer("/delta/content"));
        if let Some(content) = content
            .and_then(Value::as_str)
            .filter(|content| !content.is_empty())
        {
            self.text.push_str(content);
            self.step(&[State::Opening, State::Speaking], State::Speaking)?;
        }
        if choice.is_some_and(|choice| choice.get("finish_reason").is_some_and(Value::is_string)) {
            self.step(&[State::Speaking], State::Ended)?;
        }
        Ok(())
    }

    fn step(&mut self, from: &[State], to: State) -> Result<()> {
        ensure!(
            from.contains(&self.state),
            "an event for {to:?} in {:?}",
            self.state
        );
        self.state = to;
        Ok(())
    }
}

/// Opens them all at once.
pub(crate) fn open(server: &Handle, streams: impl Iterator<Item = Stream>) -> Streams {
    let (mut tasks, watch, mut count) = (JoinSet::new(), Arc::new(Watch::default()), 0);
    for stream in streams {
        let (server, watch) = (server.clone(), Arc::clone(&watch));
        count += 1;
        tasks.spawn(async move {
            let ended = stream.follow(&server, &watch).await;
            watch.over.fetch_add(1, Ordering::SeqCst);
            watch.changed.notify_waiters();
            ended
        });
    }
    Streams { tasks, count, watch }
}

impl Streams {
    /// Waits until every stream has its first words, or is over; gives how many have begun.
    pub(crate) async fn all_begun(&self, limit: Duration) -> usize {
        let waiting = async {
            loop {
                let changed = self.watch.changed.notified();
                let (begun, over) = self.counts();
                if begun >= self.count || over > 0 && begun + over >= self.count {
                    return;
                }
                // Between the look and the wait something may have changed: look again before long.
                let _ = tokio::time::timeout(Duration::from_millis(200), changed).await;
            }
        };
        let _ = tokio::time::timeout(limit, waiting).await;
        self.counts().0
    }

    /// Streams that have begun and are not over.
    pub(crate) fn open(&self) -> usize {
        let (begun, over) = self.counts();
        begun.saturating_sub(over)
    }

    fn counts(&self) -> (usize, usize) {
        (
            self.watch.begun.load(Ordering::SeqCst),
            self.watch.over.load(Ordering::SeqCst),
        )
    }

    /// Waits for the ends.
    pub(crate) async fn ended(mut self, limit: Duration) -> Flows {
        let (mut flows, end) = (Flows::default(), Instant::now() + limit);
        let mut left = self.count;
        while left > 0 {
            let Ok(Some(ended)) = tokio::time::timeout_at(end.into(), self.tasks.join_next()).await else {
                flows.failed += left;
                flows.tell(format!("{left} streams did not end in time"));
                break;
            };
            left -= 1;
            match ended.map_err(anyhow::Error::from).and_then(|ended| ended) {
                Ok(Ok(events)) => {
                    flows.exact += 1;
                    flows.events += events;
                }
                Ok(Err(Wrong::Lost)) => flows.lost += 1,
                Ok(Err(Wrong::Mixed)) => flows.mixed += 1,
                Ok(Err(Wrong::Disorder(problem))) => {
                    flows.disorder += 1;
                    flows.tell(problem);
                }
                Err(error) => {
                    flows.failed += 1;
                    flows.tell(format!("{error:#}"));
                }
            }
        }
        flows
    }
}

impl Flows {
    fn tell(&mut self, reason: String) {
        if self.reasons.len() < 5 && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }
}
