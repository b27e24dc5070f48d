//! The live half of a transcript: how the steps of a run change it.

use super::{Entry, Transcript, fold};
use crate::api::{Change, MessageRole, MessageState, MessageView, RunView};
use crate::gateway::{InFlightRun, RunEvent, RunStep};
use clawtray_gateway_protocol::Message;

/// What is known of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    /// The message that shows it now.
    pub(super) bubble: Option<String>,
    started_at_ms: i64,
    phase: &'static str,
    tool: Option<String>,
    /// Highest sequence number per kind of step; chat and agent streams share one counter, so one kind may repeat a
    /// number that another kind used.
    text_seq: u64,
    thinking_seq: u64,
    /// Bytes of the run's whole text so far.
    text_len: usize,
    /// Bytes that belong to earlier messages of the same run (after a prompt was steered into it).
    base: usize,
    parts: u32,
    ended: bool,
    /// The whole text came with a stored message before any delta.
    told: bool,
}

impl Run {
    pub(super) fn told_by_message(bubble: String, text_len: usize) -> Self {
        Self {
            bubble: Some(bubble),
            text_len,
            told: true,
            parts: 1,
            phase: "replying",
            ..Self::default()
        }
    }
}

impl Transcript {
    /// Takes a step of a run of this session.
    pub fn on_run(&mut self, event: &RunEvent, now_ms: i64) -> Vec<Change> {
        let id = event.run.as_str();
        self.touched.insert(id.to_owned());
        let ended = self.runs.get(id).is_some_and(|run| run.ended);
        let mut changes = match &event.step {
            // A failed run says so twice, the second time with a lower number; a finished run says nothing more.
            _ if ended => return Vec::new(),
            RunStep::Status { .. } => {
                self.begin(id, now_ms);
                Vec::new()
            }
            RunStep::Delta {
                text,
                replace,
                total_bytes,
            } => self.delta(id, event.seq, text, *replace, *total_bytes, now_ms),
            RunStep::Thinking { text } => self.thinking(id, event.seq, text, now_ms),
            RunStep::Tool {
                call_id,
                name,
                phase,
                arguments,
                output,
                is_error,
            } => {
                self.begin(id, now_ms);
                let (bubble, mut changes) = self.bubble(id, now_ms);
                if let Some(run) = self.runs.get_mut(id) {
                    let running = phase != "result";
                    run.phase = if running { "tool" } else { "thinking" };
                    run.tool = running.then(|| name.clone());
                }
                let Some(entry) = self.entries.iter_mut().find(|entry| entry.view.id == bubble) else {
                    return changes;
                };
                let tools = &mut entry.view.tools;
                if !tools.iter().any(|tool| tool.id == *call_id) {
                    tools.push(fold::tool(call_id, name, &serde_json::Value::Null, now_ms));
                }
                if let Some(tool) = tools.iter_mut().find(|tool| tool.id == *call_id) {
                    if let Some(arguments) = arguments {
                        let started = tool.started_at_ms;
                        let output = std::mem::take(&mut tool.output);
                        *tool = fold::tool(call_id, name, arguments, started);
                        tool.output = output;
                    }
                    tool.running = phase != "result";
                    if let Some(output) = output {
                        tool.output.clone_from(output);
                    }
                    if phase == "result" {
                        tool.failed = *is_error;
                        tool.duration_ms = Some((now_ms - tool.started_at_ms).max(0));
                    }
                }
                changes.push(Change::Message {
                    message: entry.view.clone(),
                });
                changes
            }
            RunStep::Final { message, stop_reason } => match message {
                Some(message) => {
                    let state = match stop_reason.as_deref() {
                        Some("aborted" | "rpc") => MessageState::Stopped,
                        _ => MessageState::Done,
                    };
                    self.end(id, Some(message), state, None, now_ms)
                }
                None => self.end_without_message(id, now_ms),
            },
            RunStep::Aborted { message } => {
                self.end(id, message.as_deref(), MessageState::Stopped, None, now_ms)
            }
            RunStep::Error { message } => {
                self.end(id, None, MessageState::Failed, Some(message.clone()), now_ms)
            }
        };
        changes.extend(self.run_change());
        changes
    }

    /// Says that the active run waits for an approval, or no longer.
    pub fn set_waiting_approval(&mut self, waiting: bool) -> Vec<Change> {
        self.waiting_approval = waiting;
        self.run_change()
    }

    pub(super) fn run_view(&self) -> Option<RunView> {
        let id = self.active.first()?;
        let run = self.runs.get(id)?;
        Some(RunView {
            id: id.clone(),
            phase: if self.waiting_approval {
                "waiting-approval"
            } else {
                run.phase
            }
            .to_owned(),
            started_at_ms: run.started_at_ms,
            tool: run.tool.clone(),
        })
    }

    fn run_change(&mut self) -> Vec<Change> {
        let now = self.run_view();
        if now == self.shown_run {
            return Vec::new();
        }
        self.shown_run.clone_from(&now);
        vec![Change::Run { run: now }]
    }

    pub(super) fn adopt(&mut self, flight: &InFlightRun, live: Option<&MessageView>, now_ms: i64) {
        let id = flight.run_id.as_str();
        let started = flight.started_at.unwrap_or(now_ms);
        self.begin(id, started);
        if flight.text.is_empty() && live.is_none() {
            return;
        }
        let (bubble, _) = self.bubble(id, started);
        let Some(run) = self.runs.get_mut(id) else { return };
        run.text_len = run.base.max(flight.text.len());
        run.phase = if flight.text.is_empty() {
            "preparing"
        } else {
            "replying"
        };
        let own = flight
            .text
            .get(run.base..)
            .unwrap_or_default()
            .trim_start_matches('\n');
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.view.id == bubble) else {
            return;
        };
        entry.view.state = MessageState::Streaming;
        if !own.is_empty() {
            own.clone_into(&mut entry.view.text);
        }
        if let Some(live) = live {
            // Words that came after the gateway made its answer.
            if live.text.len() > entry.view.text.len() && live.text.starts_with(entry.view.text.as_str()) {
                run.text_len += live.text.len() - entry.view.text.len();
                entry.view.text.clone_from(&live.text);
            }
            fold::merge_tools(&mut entry.view, live);
        }
    }

    fn begin(&mut self, id: &str, now_ms: i64) {
        if !self.runs.contains_key(id) {
            let mut run = Run {
                started_at_ms: now_ms,
                phase: "preparing",
                ..Run::default()
            };
            // History may hold the beginning of this run, or all of it.
            for entry in self
                .entries
                .iter()
                .filter(|entry| entry.view.run.as_deref() == Some(id))
            {
                run.parts += 1;
                run.base = run.text_len + if run.text_len > 0 { 2 } else { 0 };
                run.text_len = run.base + entry.view.text.len();
                run.bubble = Some(entry.view.id.clone());
            }
            self.runs.insert(id.to_owned(), run);
        }
        let Some(run) = self.runs.get_mut(id) else { return };
        if run.started_at_ms == 0 {
            run.started_at_ms = now_ms;
        }
        if !run.ended && !self.active.iter().any(|active| active == id) {
            self.active.push(id.to_owned());
        }
    }

    /// The message that shows a run now, made when there is none, and a new one after a prompt was steered in.
    pub(super) fn bubble(&mut self, id: &str, now_ms: i64) -> (String, Vec<Change>) {
        self.begin(id, now_ms);
        let base_id = format!("run:{id}");
        let current = self.runs.get(id).and_then(|run| run.bubble.clone());
        if let Some(current) = current
            && let Some(at) = self.position(&current)
        {
            let steered_after = self.entries.iter().skip(at + 1).any(|entry| {
                entry.view.role == MessageRole::User && entry.view.state == MessageState::Steered
            });
            if !steered_after {
                return (current, Vec::new());
            }
            let mut changes = Vec::new();
            if let Some(entry) = self.entries.get_mut(at) {
                entry.view.state = MessageState::Done;
                changes.push(Change::Message {
                    message: entry.view.clone(),
                });
            }
            let new = self.runs.get_mut(id).map_or_else(String::new, |run| {
                run.parts += 1;
                run.base = run.text_len;
                let new = format!("{base_id}:{}", run.parts);
                run.bubble = Some(new.clone());
                new
            });
            changes.extend(self.push(blank(&new, id, now_ms)));
            return (new, changes);
        }
        let mut new = base_id.clone();
        if let Some(run) = self.runs.get_mut(id) {
            run.parts += 1;
            if run.parts > 1 || self.entries.iter().any(|entry| entry.view.id == new) {
                run.parts = run.parts.max(2);
                new = format!("{base_id}:{}", run.parts);
            }
            run.bubble = Some(new.clone());
        }
        let changes = self.push(blank(&new, id, now_ms));
        (new, changes)
    }

    fn delta(
        &mut self,
        id: &str,
        seq: u64,
        text: &str,
        replace: bool,
        total: Option<usize>,
        now_ms: i64,
    ) -> Vec<Change> {
        self.begin(id, now_ms);
        let Some(run) = self.runs.get_mut(id) else {
            return Vec::new();
        };
        run.phase = "replying";
        run.tool = None;
        let mut text = text;
        if replace {
            run.text_seq = run.text_seq.max(seq);
            run.told = false;
        } else {
            match total {
                // The gateway says how long the text is: what we have already is a repetition.
                Some(total) if total <= run.text_len => return Vec::new(),
                Some(total) => {
                    let expected = run.text_len + text.len();
                    if total > expected {
                        self.reload = true;
                        return Vec::new();
                    }
                    let overlap = expected - total;
                    text = text.get(overlap..).unwrap_or_default();
                    run.text_seq = run.text_seq.max(seq);
                }
                None if run.told || (seq != 0 && seq <= run.text_seq) => return Vec::new(),
                None => run.text_seq = run.text_seq.max(seq),
            }
        }
        let (bubble, mut changes) = self.bubble(id, now_ms);
        let Some(run) = self.runs.get_mut(id) else {
            return changes;
        };
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.view.id == bubble) else {
            return changes;
        };
        if replace {
            run.text_len = total.unwrap_or(run.base + text.len());
            let whole_run = total.is_some_and(|total| total == text.len());
            let own = if whole_run && run.base > 0 {
                text.get(run.base..).unwrap_or(text)
            } else {
                text
            };
            own.trim_start_matches('\n').clone_into(&mut entry.view.text);
            changes.push(Change::Message {
                message: entry.view.clone(),
            });
            return changes;
        }
        run.text_len += text.len();
        let shown = if run.base > 0 && entry.view.text.is_empty() {
            text.trim_start_matches('\n')
        } else {
            text
        };
        if !shown.is_empty() {
            entry.view.text.push_str(shown);
            changes.push(Change::AppendText {
                id: bubble,
                text: shown.to_owned(),
            });
        }
        changes
    }

    fn thinking(&mut self, id: &str, seq: u64, text: &str, now_ms: i64) -> Vec<Change> {
        self.begin(id, now_ms);
        let Some(run) = self.runs.get_mut(id) else {
            return Vec::new();
        };
        if seq != 0 && seq <= run.thinking_seq {
            return Vec::new();
        }
        run.thinking_seq = seq;
        run.phase = "thinking";
        let (bubble, mut changes) = self.bubble(id, now_ms);
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.view.id == bubble) {
            entry.view.thinking.push_str(text);
            changes.push(Change::AppendThinking {
                id: bubble,
                text: text.to_owned(),
            });
        }
        changes
    }

    fn end_without_message(&mut self, id: &str, now_ms: i64) -> Vec<Change> {
        let bubble = self.runs.get(id).and_then(|run| run.bubble.clone());
        if bubble.is_some() {
            return self.end(id, None, MessageState::Done, None, now_ms);
        }
        self.close(id);
        let into_other = !self.active.is_empty();
        let state = if into_other {
            MessageState::Steered
        } else {
            MessageState::Done
        };
        self.set_state(id, state, None)
    }

    fn end(
        &mut self,
        id: &str,
        message: Option<&Message>,
        state: MessageState,
        error: Option<String>,
        now_ms: i64,
    ) -> Vec<Change> {
        let (bubble, mut changes) = self.bubble(id, now_ms);
        self.close(id);
        let run = self.runs.get(id).cloned().unwrap_or_default();
        let woken = self.woken;
        let asked = self
            .entries
            .iter()
            .find(|entry| entry.view.id == id)
            .map(|entry| entry.view.at_ms);
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.view.id == bubble) else {
            return changes;
        };
        let view = &mut entry.view;
        if let Some(message) = message {
            let mut whole = MessageView::default();
            fold::fill(&mut whole, &message.content, now_ms);
            let own = whole
                .text
                .get(run.base..)
                .unwrap_or_default()
                .trim_start_matches('\n');
            let keeps_more = state == MessageState::Stopped && own.len() < view.text.len();
            if !own.is_empty() && !keeps_more {
                own.clone_into(&mut view.text);
            }
            fold::merge_tools(view, &whole);
            if view.model.is_none() {
                view.model.clone_from(&message.model);
            }
        }
        for tool in &mut view.tools {
            tool.running = false;
        }
        fold::silence(view, woken);
        view.state = state;
        view.error = error;
        if fold::is_empty(view) && state == MessageState::Done {
            changes.extend(self.remove(&bubble));
            return changes;
        }
        view.duration_ms = Some((now_ms - asked.unwrap_or(run.started_at_ms)).max(0));
        changes.push(Change::Message {
            message: view.clone(),
        });
        changes
    }

    fn close(&mut self, id: &str) {
        let run = self.runs.entry(id.to_owned()).or_default();
        run.ended = true;
        run.tool = None;
        self.active.retain(|active| active != id);
        if self.runs.len() > 256 {
            let active = &self.active;
            self.runs.retain(|known, _| known == id || active.contains(known));
        }
    }
}

fn blank(id: &str, run: &str, now_ms: i64) -> Entry {
    Entry {
        view: MessageView {
            id: id.to_owned(),
            role: MessageRole::Assistant,
            state: MessageState::Streaming,
            at_ms: now_ms,
            run: Some(run.to_owned()),
            ..MessageView::default()
        },
        seq: None,
    }
}
