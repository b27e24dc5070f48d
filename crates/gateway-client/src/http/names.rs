//! The directory of sessions on an HTTP gateway: its names for them, and which messages are ours.
//!
//! Transcripts of these gateways carry no run ids. So the client remembers the texts of its own
//! exchanges and recognises them later.

use super::read;
use super::spec::{Place, Spec, Turns};
use super::{Dialect, d5};
use clawtray_gateway_protocol::{Message, Role, SessionRow};
use serde_json::Value;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Exchanges that are remembered to tell our own messages from those of others. Each has some 400 bytes.
const EXCHANGES: usize = 256;
/// How long after a reply was told its webhook may come, in milliseconds.
const PUSH_DELAY_MS: u64 = 30_000;
/// Sessions that are remembered before those that are no longer listed are forgotten.
const KNOWN_MAX: usize = 2_000;
/// Messages of a conversation that go along where the gateway keeps none.
const TURNS: usize = 60;

/// What is known of one session.
#[derive(Clone, Debug, Default)]
struct Known {
    id: String,
    agent: Option<String>,
    workspace: Option<String>,
    user: Option<String>,
    at_ms: Option<i64>,
}

/// A prompt and its reply that a consumer knows by a run.
///
/// Its messages are known again in the transcript by their id or time once they were seen there. Before that a text alone
/// names them, and only among what is newer than the session was when the exchange began: "Done." is often said twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exchange {
    session: String,
    run: String,
    prompt: Option<Print>,
    reply: Option<Print>,
    /// What the gateway called the reply where it gave or pushed it. Its transcript may call it otherwise.
    id: Option<String>,
    after_ms: Option<i64>,
    /// When the reply was whole here, by our clock.
    told_ms: Option<i64>,
    /// A webhook told it, or came for it.
    by_webhook: bool,
    prompt_seen: Option<Seen>,
    reply_seen: Option<Seen>,
}

/// A text, told from others without keeping it: its length and a hash.
type Print = (usize, u64);

/// A message of a transcript: its id, else its time.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Id(String),
    At(i64),
}

impl Seen {
    fn of(message: &Message) -> Option<Self> {
        let id = message.meta.id.as_ref().map(|id| Self::Id(id.0.clone()));
        id.or_else(|| message.timestamp.map(Self::At))
    }
}

impl Exchange {
    /// A prompt of ours, which went out when the session's newest message was of `after_ms`.
    pub(crate) fn ours(session: &str, run: &str, prompt: &str, after_ms: Option<i64>) -> Self {
        Self {
            session: session.to_owned(),
            run: run.to_owned(),
            prompt: Some(print(prompt)),
            after_ms,
            ..Self::default()
        }
    }

    /// A reply that a webhook told.
    pub(crate) fn pushed(session: &str, run: &str, reply: &str, after_ms: Option<i64>, now_ms: i64) -> Self {
        let exchange = Self {
            session: session.to_owned(),
            run: run.to_owned(),
            after_ms,
            by_webhook: true,
            ..Self::default()
        };
        exchange.with_reply(reply, now_ms)
    }

    /// A reply that was found in the transcript.
    pub(crate) fn found(session: &str, run: &str, reply: &str, message: &Message) -> Self {
        Self {
            session: session.to_owned(),
            run: run.to_owned(),
            reply: Some(print(reply)),
            told_ms: message.timestamp,
            reply_seen: Seen::of(message),
            ..Self::default()
        }
    }

    pub(crate) fn with_reply(mut self, reply: &str, now_ms: i64) -> Self {
        self.reply = Some(print(reply));
        self.told_ms = Some(now_ms);
        self
    }

    pub(crate) fn known_as(mut self, id: Option<&str>) -> Self {
        self.id = id.map(str::to_owned);
        self
    }
}

/// Which half of an exchange a message is.
#[derive(Clone, Copy, PartialEq)]
enum Half {
    Prompt,
    Reply,
}

impl Exchange {
    fn half(&self, half: Half) -> (Option<Print>, Option<&Seen>) {
        match half {
            Half::Prompt => (self.prompt, self.prompt_seen.as_ref()),
            Half::Reply => (self.reply, self.reply_seen.as_ref()),
        }
    }

    fn see(&mut self, half: Half, seen: Option<Seen>) {
        match half {
            Half::Prompt => self.prompt_seen = seen,
            Half::Reply => self.reply_seen = seen,
        }
    }
}

/// The sessions of a gateway by name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: HashMap<String, Known>,
    /// Sessions that we named before the gateway did.
    aliases: HashMap<String, String>,
    exchanges: VecDeque<Exchange>,
    turns: HashMap<String, Turns>,
    pub(crate) agents: Vec<String>,
    pub(crate) default_agent: Option<String>,
    pub(crate) workspace: Option<String>,
    /// The main session was told to consumers as `main`, for want of a name.
    unnamed_main: bool,
    /// Sessions with a prompt of ours under way.
    pub(crate) busy: HashMap<String, u32>,
}

impl Names {
    /// A session by the name that a consumer uses.
    pub(crate) fn place(&self, key: &str) -> Place {
        let known = self.known.get(key);
        let mut parts = key.splitn(3, ':');
        let in_key = match (parts.next(), parts.next(), parts.next()) {
            (Some("agent"), Some(agent), Some(_)) => Some(agent),
            _ => None,
        };
        let agent = known.and_then(|known| known.agent.as_deref()).or(in_key);
        let workspace = known.and_then(|known| known.workspace.as_deref());
        let mut place = Place {
            key: key.to_owned(),
            id: known.map(|known| known.id.clone()),
            agent: agent
                .or(self.default_agent.as_deref())
                .unwrap_or("main")
                .to_owned(),
            workspace: workspace
                .or(self.workspace.as_deref())
                .unwrap_or(d5::WORKSPACE)
                .to_owned(),
            main: false,
        };
        place.main = place.short() == "main";
        place
    }

    /// The gateway has told what it calls a session.
    pub(crate) fn learn(&mut self, key: &str, id: &str) {
        if self.known.contains_key(key) || id.is_empty() {
            return;
        }
        self.aliases
            .entry(id.to_owned())
            .or_insert_with(|| key.to_owned());
        let known = Known {
            id: id.to_owned(),
            ..Known::default()
        };
        self.known.insert(key.to_owned(), known);
    }

    /// A row of the gateway's list, under the key that consumers use.
    pub(crate) fn row(&mut self, spec: &Spec, agent: &str, value: &Value) -> Option<SessionRow> {
        let (mut row, id) = read::session(value)?;
        let own_key = row.key.as_str() != id;
        if spec.dialect == Dialect::Chat {
            let agent = row
                .agent_id
                .get_or_insert_with(|| agent.into())
                .as_str()
                .to_owned();
            if !own_key {
                row.key = format!("agent:{agent}:{id}").into();
            }
        }
        if let Some(alias) = self
            .aliases
            .get(&id)
            .or_else(|| self.aliases.get(row.key.as_str()))
        {
            row.key = alias.as_str().into();
        } else if self.unnamed_main && row.is_main == Some(true) {
            // It was called by its short name before the gateway listed it.
            row.key = "main".into();
        }
        let name = match spec.dialect {
            // They are addressed by key where they have one, by id where they have none.
            Dialect::Sessions | Dialect::SessionsList | Dialect::Gateway => {
                read::text(value, &["key", "sessionKey"]).unwrap_or(&id)
            }
            Dialect::Chat | Dialect::Messages | Dialect::OpenAi => &id,
        };
        let known = Known {
            id: name.to_owned(),
            agent: row.agent_id.as_ref().map(|agent| agent.0.clone()),
            workspace: read::text(value, &["workspace"]).map(str::to_owned),
            user: read::text(value, &["userId"]).map(str::to_owned),
            at_ms: row.updated_at,
        };
        self.known.insert(row.key.0.clone(), known);
        Some(row)
    }

    /// The session for prompts that name none.
    pub(crate) fn main(&mut self, spec: &Spec, rows: &[(SessionRow, Option<String>)]) -> String {
        let main = rows.iter().find(|(row, _)| row.is_main == Some(true));
        let newest = rows
            .iter()
            .filter(|(row, user)| match spec.dialect {
                Dialect::Sessions => true,
                Dialect::Messages => {
                    let workspace = self
                        .known
                        .get(row.key.as_str())
                        .and_then(|known| known.workspace.as_deref());
                    user.as_deref() == Some(d5::USER)
                        && workspace
                            .is_none_or(|name| name == self.workspace.as_deref().unwrap_or(d5::WORKSPACE))
                }
                Dialect::SessionsList | Dialect::Gateway | Dialect::Chat | Dialect::OpenAi => false,
            })
            .max_by_key(|(row, _)| row.updated_at);
        let chosen = match spec.dialect {
            Dialect::Messages => newest,
            Dialect::Sessions
            | Dialect::SessionsList
            | Dialect::Gateway
            | Dialect::Chat
            | Dialect::OpenAi => main.or(newest),
        };
        match (chosen, spec.dialect) {
            (Some((row, _)), _) => row.key.0.clone(),
            (None, Dialect::Chat) => {
                format!("agent:{}:main", self.default_agent.as_deref().unwrap_or("main"))
            }
            (None, _) => {
                self.unnamed_main = true;
                "main".to_owned()
            }
        }
    }

    /// Remembers an exchange, so that it is known again in the transcript.
    pub(crate) fn exchanged(&mut self, exchange: Exchange) {
        if let Some(known) = self.exchanges.iter_mut().find(|known| known.run == exchange.run) {
            if known.reply.is_none() {
                known.reply = exchange.reply;
                known.told_ms = exchange.told_ms;
                known.reply_seen = exchange.reply_seen;
            }
            known.id = known.id.take().or(exchange.id);
            return;
        }
        if self.exchanges.len() >= EXCHANGES {
            self.exchanges.pop_front();
        }
        self.exchanges.push_back(exchange);
    }

    /// The newest message of a session as it was listed last, in milliseconds since the epoch by the gateway's clock.
    pub(crate) fn newest(&self, session: &str) -> Option<i64> {
        self.known.get(session).and_then(|known| known.at_ms)
    }

    /// Whether a pushed reply was told already: by its id, else by its text where that was told within the last seconds and
    /// no webhook came for it yet.
    pub(crate) fn was_told(
        &mut self,
        session: &str,
        text: &str,
        id: Option<&str>,
        at_ms: Option<i64>,
        now_ms: i64,
    ) -> bool {
        let by_id = |known: &Exchange| {
            let seen = matches!(&known.reply_seen, Some(Seen::Id(seen)) if Some(seen.as_str()) == id);
            id.is_some() && (known.id.as_deref() == id || seen)
        };
        if self.exchanges.iter().any(by_id) {
            return true;
        }
        let text = print(text);
        let recent = |known: &Exchange| {
            let near = |at: i64| {
                known
                    .told_ms
                    .is_some_and(|told| told.abs_diff(at) <= PUSH_DELAY_MS)
            };
            near(now_ms) || at_ms.is_some_and(near)
        };
        let told = self.exchanges.iter_mut().find(|known| {
            known.session == session
                && !known.by_webhook
                && known.reply == Some(text)
                && (id.is_none() || known.id.is_none())
                && recent(known)
        });
        let Some(told) = told else { return false };
        told.by_webhook = true;
        told.id = told.id.take().or_else(|| id.map(str::to_owned));
        true
    }

    /// Forgets sessions that the gateway no longer lists, where there are many.
    pub(crate) fn keep_listed(&mut self, rows: &[(SessionRow, Option<String>, Value)]) {
        if self.known.len() <= KNOWN_MAX {
            return;
        }
        let listed: HashSet<&str> = rows.iter().map(|(row, _, _)| row.key.as_str()).collect();
        let aliases: HashSet<&str> = self.aliases.values().map(String::as_str).collect();
        let busy = &self.busy;
        self.known.retain(|key, _| {
            listed.contains(key.as_str()) || aliases.contains(key.as_str()) || busy.contains_key(key)
        });
    }

    /// The session that an event's data is about: by its id, else the newest of its workspace and user.
    pub(crate) fn of_event(&self, data: &Value) -> Option<String> {
        let with_id = |id: &str| self.known.iter().find(|(_, known)| known.id == id);
        if let Some(id) = read::text(data, &["sessionId"]) {
            return with_id(id).map(|(key, _)| key.clone());
        }
        let (workspace, user) = (read::text(data, &["workspace"])?, read::text(data, &["userId"])?);
        self.known
            .iter()
            .filter(|(_, known)| {
                known.workspace.as_deref() == Some(workspace) && known.user.as_deref() == Some(user)
            })
            .max_by_key(|(_, known)| known.at_ms)
            .map(|(key, _)| key.clone())
    }

    /// Names the runs of the messages that are known; two of the same text are two.
    pub(crate) fn mark(&mut self, session: &str, messages: &mut [Message]) {
        let mut used = HashSet::new();
        // First what was seen before, whatever it says.
        for message in messages.iter_mut() {
            let (Some(half), Some(seen)) = (half(message), Seen::of(message)) else {
                continue;
            };
            let known_by_id = |known: &Exchange| {
                half == Half::Reply && matches!(&seen, Seen::Id(id) if known.id.as_ref() == Some(id))
            };
            let text = print(&message.text());
            let found = self.of(session).find(|(at, known)| {
                let (said, at_first) = known.half(half);
                let same = at_first == Some(&seen) && (said == Some(text) || matches!(seen, Seen::Id(_)));
                (same || known_by_id(known)) && !used.contains(&(*at, half as u8))
            });
            if let Some((at, _)) = found {
                self.name(at, half, message, &mut used);
            }
        }
        // Then by text: oldest first what is newer than the session was, and newest first where its age is not known.
        let count = messages.len();
        for at in 0..count {
            if let Some(message) = messages.get_mut(at) {
                self.mark_by_text(session, message, true, &mut used);
            }
        }
        for at in (0..count).rev() {
            if let Some(message) = messages.get_mut(at) {
                self.mark_by_text(session, message, false, &mut used);
            }
        }
    }

    fn mark_by_text(&mut self, session: &str, message: &mut Message, aged: bool, used: &mut Used) {
        let Some(half) = half(message) else { return };
        if message.meta.run_id.is_some() || message.idempotency_key.is_some() {
            return;
        }
        let text = print(&message.text());
        let fits = |known: &Exchange| match (known.after_ms, message.timestamp) {
            (Some(after), Some(at)) => aged && at > after,
            (None, _) | (_, None) => !aged,
        };
        let found = {
            let mut candidates = self.of(session).filter(|(at, known)| {
                let (said, seen) = known.half(half);
                said == Some(text) && seen.is_none() && fits(known) && !used.contains(&(*at, half as u8))
            });
            let found = if aged {
                candidates.next()
            } else {
                candidates.last()
            };
            found.map(|(at, _)| at)
        };
        if let Some(at) = found {
            self.name(at, half, message, used);
            let seen = Seen::of(message).filter(|_| aged);
            if let Some(known) = self.exchanges.get_mut(at) {
                known.see(half, seen);
            }
        }
    }

    /// The exchanges of a session, oldest first.
    fn of<'a>(&'a self, session: &'a str) -> impl Iterator<Item = (usize, &'a Exchange)> {
        self.exchanges
            .iter()
            .enumerate()
            .filter(move |(_, known)| known.session == session)
    }

    fn name(&self, at: usize, half: Half, message: &mut Message, used: &mut Used) {
        let Some(known) = self.exchanges.get(at) else {
            return;
        };
        used.insert((at, half as u8));
        match half {
            Half::Prompt => message.idempotency_key = Some(format!("{}:user", known.run)),
            Half::Reply => message.meta.run_id = Some(known.run.as_str().into()),
        }
    }

    /// The conversation so far, where the gateway keeps none.
    pub(crate) fn turns(&self, session: &str) -> Turns {
        self.turns.get(session).cloned().unwrap_or_default()
    }

    /// Adds an exchange to the conversation.
    pub(crate) fn turn(&mut self, session: &str, prompt: &str, reply: &str) {
        let turns = self.turns.entry(session.to_owned()).or_default();
        turns.push(("user", prompt.to_owned()));
        turns.push(("assistant", reply.to_owned()));
        let over = turns.len().saturating_sub(TURNS);
        turns.drain(..over);
    }

    pub(crate) fn begin(&mut self, session: &str) {
        *self.busy.entry(session.to_owned()).or_default() += 1;
    }

    pub(crate) fn end(&mut self, session: &str) {
        if let Some(count) = self.busy.get_mut(session) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.busy.remove(session);
            }
        }
    }
}

/// Halves of exchanges that messages were named after.
type Used = HashSet<(usize, u8)>;

fn half(message: &Message) -> Option<Half> {
    match message.role {
        Role::User => Some(Half::Prompt),
        Role::Assistant => Some(Half::Reply),
        Role::ToolResult | Role::System | Role::Other(_) => None,
    }
}

/// Texts that differ in white space alone are one.
fn print(text: &str) -> Print {
    let (mut hash, mut len) = (DefaultHasher::new(), 0_usize);
    for word in text.split_whitespace() {
        word.hash(&mut hash);
        len = len.saturating_add(word.len()).saturating_add(1);
    }
    (len, hash.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn messages_of_ours_are_known_again_and_equal_ones_counted() {
        let mut names = Names::default();
        let ours = |session: &str, run: &str| Exchange::ours(session, run, "hi", None);
        names.exchanged(ours("s", "r1").with_reply("Hello.", 0));
        names.exchanged(ours("s", "r2"));
        names.exchanged(ours("s", "r2").with_reply(" Hello. ", 0));
        names.exchanged(ours("other", "r3").with_reply("Hello.", 0));
        let rows = json!([
            {"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hello."},
            {"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hello."},
            {"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hello.\n"},
        ]);
        let mut messages: Vec<Message> = rows
            .as_array()
            .unwrap()
            .iter()
            .filter_map(read::message)
            .collect();
        names.mark("s", &mut messages);
        let marks: Vec<String> = messages
            .iter()
            .map(|message| {
                let run = message.meta.run_id.as_ref().map(|run| run.0.clone());
                message.idempotency_key.clone().or(run).unwrap_or_default()
            })
            .collect();
        assert_eq!(marks, ["", "", "r1:user", "r1", "r2:user", "r2"]);
    }

    /// Assistant messages of these times and texts, and the runs that they are named after.
    fn marked(names: &mut Names, rows: &[(i64, &str)]) -> Vec<Option<String>> {
        let rows = rows
            .iter()
            .map(|(at, text)| json!({"role": "assistant", "content": text, "timestamp": at}));
        let mut messages: Vec<Message> = rows.filter_map(|row| read::message(&row)).collect();
        names.mark("s", &mut messages);
        let runs = messages.into_iter().map(|message| message.meta.run_id);
        runs.map(|run| run.map(|run| run.0)).collect()
    }

    #[test]
    fn of_two_replies_with_one_text_ours_is_the_first_after_our_prompt() {
        let mut names = Names::default();
        let ours = Exchange::ours("s", "ours", "go", Some(10)).with_reply("Done.", 0);
        names.exchanged(ours);
        let ours = Some("ours".to_owned());
        // Before our prompt, ours, and what somebody else asked for.
        let rows = [(10, "Done."), (20, "Done."), (30, "Done.")];
        assert_eq!(marked(&mut names, &rows), [None, ours.clone(), None]);
        // Seen once it stays the same message, whatever else the page has.
        assert_eq!(marked(&mut names, &rows[2..]), [None]);
        assert_eq!(marked(&mut names, &rows[1..2]), [ours]);
    }

    #[test]
    fn a_reply_that_was_told_is_not_another_one_of_the_same_text() {
        let mut names = Names::default();
        let row = json!({"role": "assistant", "content": "Done.", "timestamp": 10});
        let message = read::message(&row).unwrap();
        names.exchanged(Exchange::found("s", "seen-10", "Done.", &message));
        let told = Some("seen-10".to_owned());
        assert_eq!(marked(&mut names, &[(10, "Done."), (20, "Done.")]), [told, None]);
    }

    #[test]
    fn a_webhook_comes_once_for_a_reply() {
        let mut names = Names::default();
        let ours = |run: &str| Exchange::ours("s", run, "go", None).with_reply("Done.", 1_000);
        names.exchanged(ours("r1").known_as(Some("m1")));
        names.exchanged(ours("r2"));
        let mut told = |id: Option<&str>, at: i64| names.was_told("s", "Done.", id, Some(at), at);
        assert!(told(Some("m1"), 900_000), "by its id, at any time");
        assert!(told(Some("m2"), 1_500), "the id of the second was not known");
        assert!(!told(Some("m3"), 1_500), "both had theirs");
        assert!(told(Some("m2"), 900_000), "and now it is");
        names.exchanged(ours("r3"));
        let late = 32_000;
        assert!(
            !names.was_told("s", "Done.", None, Some(late), late),
            "too late to be its webhook"
        );
        assert!(!names.was_told("s", "Else.", None, Some(1_000), 1_000));
    }
}
