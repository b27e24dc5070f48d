//! The directory of sessions on an HTTP gateway: its names for them, and which messages are ours.
//!
//! Transcripts of these gateways carry no run ids. So the client remembers the texts of its own
//! exchanges and recognises them later.

use super::read;
use super::spec::{Place, Spec, Turns};
use super::{Dialect, d5};
use clawtray_gateway_protocol::{Message, Role, SessionRow};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};

/// Exchanges that are remembered to tell our own messages from those of others.
const EXCHANGES: usize = 64;
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
#[derive(Clone, Debug)]
struct Exchange {
    session: String,
    run: String,
    prompt: Option<String>,
    reply: Option<String>,
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
    pub(crate) fn exchanged(&mut self, session: &str, run: &str, prompt: Option<&str>, reply: Option<&str>) {
        if let Some(known) = self.exchanges.iter_mut().find(|known| known.run == run) {
            known.reply = known.reply.take().or_else(|| reply.map(plain));
            return;
        }
        if self.exchanges.len() >= EXCHANGES {
            self.exchanges.pop_front();
        }
        self.exchanges.push_back(Exchange {
            session: session.to_owned(),
            run: run.to_owned(),
            prompt: prompt.map(plain),
            reply: reply.map(plain),
        });
    }

    /// Whether a reply of this text was told already.
    pub(crate) fn has_reply(&self, session: &str, text: &str) -> bool {
        let text = plain(text);
        self.exchanges
            .iter()
            .any(|known| known.session == session && known.reply.as_deref() == Some(text.as_str()))
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

    /// Names the runs of the messages that are known, newest first; two of the same text are two.
    pub(crate) fn mark(&self, session: &str, messages: &mut [Message]) {
        let mut prompts: Vec<&Exchange> = self
            .exchanges
            .iter()
            .rev()
            .filter(|known| known.session == session)
            .collect();
        let mut replies = prompts.clone();
        for message in messages.iter_mut().rev() {
            let text = plain(&message.text());
            match message.role {
                Role::User => {
                    let at = prompts
                        .iter()
                        .position(|known| known.prompt.as_deref() == Some(text.as_str()));
                    if let Some(at) = at {
                        message.idempotency_key = Some(format!("{}:user", prompts.remove(at).run));
                    }
                }
                Role::Assistant => {
                    let at = replies
                        .iter()
                        .position(|known| known.reply.as_deref() == Some(text.as_str()));
                    if let Some(at) = at {
                        message.meta.run_id = Some(replies.remove(at).run.as_str().into());
                    }
                }
                Role::ToolResult | Role::System | Role::Other(_) => {}
            }
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

/// Texts that differ in white space alone are one.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn messages_of_ours_are_known_again_and_equal_ones_counted() {
        let mut names = Names::default();
        names.exchanged("s", "r1", Some("hi"), Some("Hello."));
        names.exchanged("s", "r2", Some("hi"), None);
        names.exchanged("s", "r2", None, Some(" Hello. "));
        names.exchanged("other", "r3", Some("hi"), Some("Hello."));
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
}
