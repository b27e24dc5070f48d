//! Messages that are added to an open transcript: prompts, replies, results of tools.

use super::{Transcript, fold, live, message_id};
use crate::api::{Change, MessageRole, MessageState};
use crate::silence::is_wake_message;
use clawtray_gateway_protocol::{Message, Role};

impl Transcript {
    /// Puts a message in full where it was shown cut. None when its place in a longer reply cannot be told.
    pub fn fill_in(&mut self, row: &str, whole: &Message) -> Option<Vec<Change>> {
        let Some(entry) = self
            .entries
            .iter_mut()
            .find(|entry| entry.view.cut.as_ref().is_some_and(|cut| cut.message == row))
        else {
            // It is not shown, or was streamed whole.
            return Some(Vec::new());
        };
        let fresh = fold(std::slice::from_ref(whole)).pop()?.view;
        if !fresh.text.starts_with(&entry.view.text) {
            return None;
        }
        entry.view.text = fresh.text;
        entry.view.cut = None;
        Some(vec![Change::Message {
            message: entry.view.clone(),
        }])
    }

    /// A message that was added to the transcript, by anyone.
    pub fn on_message(&mut self, message: &Message, now_ms: i64) -> Vec<Change> {
        if let Some(id) = &message.meta.id
            && self
                .rows
                .insert(id.as_str().to_owned(), message_id(message))
                .is_some()
        {
            return Vec::new();
        }
        if let Some(seq) = message.meta.seq {
            self.newest_seq = self.newest_seq.max(seq);
        }
        if message.role == Role::User {
            self.woken = is_wake_message(message);
        }
        match &message.role {
            Role::User => self.on_user_message(message, now_ms),
            Role::Assistant => self.on_assistant_message(message, now_ms),
            Role::ToolResult => self.on_tool_result(message, now_ms),
            Role::System | Role::Other(_) => {
                let failed = message.meta.run_id.as_ref().is_some_and(|run| {
                    self.entries.iter().any(|entry| {
                        entry.view.run.as_deref() == Some(run.as_str())
                            && entry.view.state != MessageState::Streaming
                            && entry.view.error.is_some()
                    })
                });
                match fold(std::slice::from_ref(message)).pop() {
                    Some(entry) if !failed => self.push(entry),
                    _ => Vec::new(),
                }
            }
        }
    }

    fn on_user_message(&mut self, message: &Message, now_ms: i64) -> Vec<Change> {
        let Some(mut entry) = fold(std::slice::from_ref(message)).pop() else {
            return Vec::new();
        };
        if entry.view.at_ms == 0 {
            entry.view.at_ms = now_ms;
        }
        let echo = self.position(&entry.view.id).or_else(|| {
            if message.idempotency_key.is_some() {
                return None;
            }
            self.entries.iter().position(|known| {
                known.seq.is_none()
                    && known.view.role == MessageRole::User
                    && known.view.text.trim() == entry.view.text.trim()
            })
        });
        if let Some(known) = echo.and_then(|at| self.entries.get_mut(at)) {
            known.seq = entry.seq;
            let state = if known.view.state == MessageState::Steered {
                MessageState::Steered
            } else {
                MessageState::Done
            };
            if known.view.state == state {
                return Vec::new();
            }
            known.view.state = state;
            known.view.error = None;
            return vec![Change::Message {
                message: known.view.clone(),
            }];
        }
        let reply = format!("run:{}", entry.view.id);
        match self.position(&reply) {
            Some(at) => {
                self.entries.insert(at, entry);
                vec![Change::Transcript {
                    transcript: self.view(),
                }]
            }
            None => self.push(entry),
        }
    }

    fn on_assistant_message(&mut self, message: &Message, now_ms: i64) -> Vec<Change> {
        let Some(mut entry) = fold(std::slice::from_ref(message)).pop() else {
            return Vec::new();
        };
        if entry.view.at_ms == 0 {
            entry.view.at_ms = now_ms;
        }
        let Some(run) = message.meta.run_id.as_ref().map(|run| run.as_str().to_owned()) else {
            let same = self.entries.iter_mut().rev().take(4).find(|known| {
                known.view.role == MessageRole::Assistant && known.view.text.trim() == entry.view.text.trim()
            });
            return match same {
                Some(known) => {
                    known.seq = known.seq.or(entry.seq);
                    Vec::new()
                }
                None => self.push(entry),
            };
        };
        let bubble = self.runs.get(&run).and_then(|known| known.bubble.clone());
        let known = bubble
            .or_else(|| Some(format!("run:{run}")))
            .and_then(|id| self.entries.iter_mut().find(|known| known.view.id == id));
        if let Some(known) = known {
            known.seq = known.seq.or(entry.seq);
            let live = known.view.state == MessageState::Streaming;
            let mut changed = fold::merge_tools(&mut known.view, &entry.view);
            if known.view.model.is_none() && entry.view.model.is_some() {
                known.view.model.clone_from(&entry.view.model);
                changed = true;
            }
            if !live && known.view.text.is_empty() && known.view.cut.is_none() && entry.view.cut.is_some() {
                known.view.cut.clone_from(&entry.view.cut);
                changed = true;
            }
            if !live
                && known.view.error.is_none()
                && known.view.text.is_empty()
                && !entry.view.text.is_empty()
            {
                known.view.text.clone_from(&entry.view.text);
                changed = true;
            }
            return if changed {
                vec![Change::Message {
                    message: known.view.clone(),
                }]
            } else {
                Vec::new()
            };
        }
        if self.active.contains(&run) {
            // Its text comes as deltas; only tools are news.
            if entry.view.tools.is_empty() {
                return Vec::new();
            }
            let mut changes = self.bubble(&run, now_ms).1;
            if let Some(id) = self.runs.get(&run).and_then(|known| known.bubble.clone())
                && let Some(known) = self.entries.iter_mut().find(|known| known.view.id == id)
                && fold::merge_tools(&mut known.view, &entry.view)
            {
                changes.push(Change::Message {
                    message: known.view.clone(),
                });
            }
            return changes;
        }
        let text_len = entry.view.text.len();
        let id = entry.view.id.clone();
        self.runs.insert(run, live::Run::told_by_message(id, text_len));
        self.push(entry)
    }

    fn on_tool_result(&mut self, message: &Message, now_ms: i64) -> Vec<Change> {
        let Some(call) = message.tool_call_id.as_deref() else {
            return Vec::new();
        };
        let Some(entry) = self
            .entries
            .iter_mut()
            .rev()
            .find(|entry| entry.view.tools.iter().any(|tool| tool.id == call))
        else {
            return Vec::new();
        };
        if fold::finish_tool(&mut entry.view, message, now_ms) {
            vec![Change::Message {
                message: entry.view.clone(),
            }]
        } else {
            Vec::new()
        }
    }
}
