//! Progress of runs: separates new steps from repetitions.
//!
//! Facts about the protocol that matter here:
//!
//! - A status may overtake a delta with a lower number. So each kind of step has its own counter.
//! - The last delta and the `final` carry the same number.
//! - A failed run ends twice. The second end has number 1 and another sentence. The first end
//!   counts.
//! - Every delta repeats the whole text. So the next delta repairs a lost one.

use crate::{RunEvent, RunStep};
use clawtray_gateway_protocol::bounds::{CODE_MAX, ID_MAX, SENTENCE_MAX, cut, is_id};
use clawtray_gateway_protocol::event::{
    AgentEvent, ChatEvent, DeltaParts, ThinkingData, ToolData, ToolOutput, WholeLen, WholeText,
};
use clawtray_gateway_protocol::{AgentId, RunId, SessionKey};
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

/// Runs remembered. Ended ones are kept to recognise repetitions, and go first.
const REMEMBERED: usize = 256;

/// The longest text of a run, in bytes: a run that goes on and on ends here as a failure. Consumers keep the text.
const TEXT_MAX: usize = 32 * 1024 * 1024;
/// The largest number of a step that is believed: what JavaScript counts to. Larger ones would leave no room for the numbers
/// that we give out, which rise.
const SEQ_MAX: u64 = 1 << 53;

#[derive(Debug, Default)]
struct Run {
    session: SessionKey,
    status_seq: u64,
    delta_seq: u64,
    agent_seq: u64,
    /// The last number given to a consumer.
    emitted: u64,
    /// Bytes of text that the consumer has.
    text_bytes: usize,
    /// Bytes of the same text as it came last, when it was read by its layout.
    raw_bytes: Option<usize>,
    ended: bool,
}

/// The runs of a gateway, over all connections of one of its lives.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    runs: HashMap<String, Run>,
    order: VecDeque<String>,
}

impl Runs {
    /// The gateway was started anew: its runs are gone.
    pub(crate) fn clear(&mut self) {
        self.runs.clear();
        self.order.clear();
    }

    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.runs.len().max(self.order.len())
    }

    fn run(&mut self, id: &str) -> &mut Run {
        if !self.runs.contains_key(id) {
            while self.order.len() >= REMEMBERED {
                let ended = self
                    .order
                    .iter()
                    .position(|id| self.runs.get(id).is_none_or(|run| run.ended));
                if let Some(old) = self.order.remove(ended.unwrap_or(0)) {
                    self.runs.remove(&old);
                }
            }
            self.order.push_back(id.to_owned());
        }
        self.runs.entry(id.to_owned()).or_default()
    }

    /// The whole text that a delta repeats: by what is known of it, or by a look at all of it. Nothing when it has to be
    /// parsed.
    pub(crate) fn whole<'a>(&self, event: &ChatEvent<'_>, parts: &DeltaParts<'a>) -> Option<WholeText<'a>> {
        let run = self.runs.get(&*event.run_id).filter(|_| !event.replace);
        let known = run.and_then(|run| {
            let (raw, decoded) = (run.raw_bytes?, run.text_bytes);
            let added = event.delta_text.as_deref().unwrap_or_default().len();
            parts.grown(WholeLen { raw, decoded }, added)
        });
        known.or_else(|| parts.measured())
    }

    /// Bytes of a run's text as it came last, escapes included, where they tell how long it will be with the next delta.
    pub(crate) fn raw_bytes(&self, run: &str) -> Option<usize> {
        self.runs.get(run).filter(|run| !run.ended)?.raw_bytes
    }

    /// How long a run's text is has to be seen from the next delta.
    pub(crate) fn forget_length(&mut self, run: &str) {
        if let Some(run) = self.runs.get_mut(run) {
            run.raw_bytes = None;
        }
    }

    /// Whether a delta came before.
    pub(crate) fn is_repetition(&self, delta: &ChatEvent<'_>) -> bool {
        let run = self.runs.get(&*delta.run_id);
        run.is_some_and(|run| run.ended || delta.seq <= run.delta_seq)
    }

    /// A `chat` event; nothing when it is a repetition.
    pub(crate) fn chat(&mut self, mut event: ChatEvent<'_>) -> Option<RunEvent> {
        if !are_ids([
            Some(&event.run_id),
            Some(&event.session_key),
            event.agent_id.as_ref(),
        ]) {
            return None;
        }
        event.seq = event.seq.min(SEQ_MAX);
        let run = self.run(&event.run_id);
        if run.session.as_str() != &*event.session_key {
            run.session = SessionKey::from(&*event.session_key);
        }
        if run.ended {
            return None;
        }
        let step = match &*event.state {
            "status" => {
                if event.seq <= run.status_seq {
                    return None;
                }
                run.status_seq = event.seq;
                RunStep::Status {
                    phase: cut(event.phase.as_deref().unwrap_or_default(), CODE_MAX).to_owned(),
                }
            }
            "delta" => {
                if event.seq <= run.delta_seq {
                    return None;
                }
                run.delta_seq = event.seq;
                let step = delta(run, &event);
                if run.text_bytes > TEXT_MAX {
                    run.ended = true;
                    RunStep::Error {
                        message: "the reply is longer than what can be kept".to_owned(),
                    }
                } else {
                    step
                }
            }
            "final" => {
                run.ended = true;
                RunStep::Final {
                    message: event.take_reply(),
                    stop_reason: event
                        .stop_reason
                        .as_deref()
                        .map(|why| cut(why, CODE_MAX).to_owned()),
                }
            }
            "aborted" => {
                run.ended = true;
                RunStep::Aborted {
                    message: event.take_reply(),
                }
            }
            "error" => {
                run.ended = true;
                let sentence = event
                    .error_message
                    .as_deref()
                    .filter(|message| !message.is_empty());
                RunStep::Error {
                    message: cut(sentence.unwrap_or("the run failed"), SENTENCE_MAX).to_owned(),
                }
            }
            _ => return None,
        };
        Some(emit(
            run,
            &event.run_id,
            event.agent_id.as_deref(),
            event.seq,
            step,
        ))
    }

    /// An `agent` or `session.tool` event; nothing when it is a repetition or of a stream that `chat` covers.
    pub(crate) fn agent(&mut self, event: &AgentEvent<'_>) -> Option<RunEvent> {
        let data = event.data?.get();
        let thinking = match &*event.stream {
            "thinking" => true,
            "tool" => false,
            _ => return None,
        };
        if !are_ids([
            Some(&event.run_id),
            event.session_key.as_ref(),
            event.agent_id.as_ref(),
        ]) {
            return None;
        }
        let seq = event.seq.min(SEQ_MAX);
        let run = self.run(&event.run_id);
        if let Some(session) = &event.session_key
            && run.session.as_str() != &**session
        {
            run.session = SessionKey::from(&**session);
        }
        // The same step may come as `agent` and as `session.tool`.
        if run.ended || seq <= run.agent_seq {
            return None;
        }
        run.agent_seq = seq;
        let step = if thinking {
            let data: ThinkingData<'_> = serde_json::from_str(data).ok()?;
            RunStep::Thinking {
                text: data.delta.or(data.text)?.into_owned(),
            }
        } else {
            let data: ToolData<'_> = serde_json::from_str(data).ok()?;
            RunStep::Tool {
                call_id: cut(&data.tool_call_id, ID_MAX).to_owned(),
                name: cut(&data.name, ID_MAX).to_owned(),
                phase: cut(&data.phase, CODE_MAX).to_owned(),
                arguments: data.args,
                output: data
                    .result
                    .or(data.partial_result)
                    .and_then(ToolOutput::into_text),
                is_error: data.is_error,
            }
        };
        Some(emit(run, &event.run_id, event.agent_id.as_deref(), seq, step))
    }
}

fn are_ids(ids: [Option<&Cow<'_, str>>; 3]) -> bool {
    ids.into_iter().flatten().all(|id| is_id(id))
}

fn delta(run: &mut Run, event: &ChatEvent<'_>) -> RunStep {
    let text = event.delta_text.as_deref().unwrap_or_default();
    let total = event.whole_len();
    run.raw_bytes = event.whole.map(|whole| whole.raw_len());
    if event.replace {
        run.text_bytes = total.unwrap_or(text.len());
        // The replacement is the whole text; `deltaText` is empty or the same.
        let whole = if total == Some(text.len()) {
            None
        } else {
            event.whole_text()
        };
        return RunStep::Delta {
            text: whole.unwrap_or_else(|| text.to_owned()),
            replace: true,
            total_bytes: total,
        };
    }
    run.text_bytes = run.text_bytes.saturating_add(text.len());
    match total {
        // We came in late, or an event was dropped on the way: the whole text is here, so say it whole.
        Some(total) if total != run.text_bytes => {
            run.text_bytes = total;
            match event.whole_text() {
                Some(whole) => RunStep::Delta {
                    text: whole,
                    replace: true,
                    total_bytes: Some(total),
                },
                None => {
                    run.raw_bytes = None;
                    RunStep::Delta {
                        text: text.to_owned(),
                        replace: false,
                        total_bytes: Some(total),
                    }
                }
            }
        }
        total => RunStep::Delta {
            text: text.to_owned(),
            replace: false,
            total_bytes: total,
        },
    }
}

fn emit(run: &mut Run, id: &str, agent: Option<&str>, seq: u64, step: RunStep) -> RunEvent {
    run.emitted = seq.max(run.emitted.saturating_add(1));
    RunEvent {
        run: RunId::from(id),
        session: run.session.clone(),
        agent: agent.map(AgentId::from),
        seq: run.emitted,
        step,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clawtray_gateway_protocol::event::delta_parts;
    use serde_json::{Value, json};

    /// A delta as the gateway lays it out, taken in as a session does; the length of its whole text, and what it says.
    fn take(runs: &mut Runs, seq: u64, added: &str, whole: &str) -> (Option<usize>, Option<RunStep>) {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let (added, whole) = (quoted(added), quoted(whole));
        let frame = format!(
            r#"{{"type":"event","event":"chat","payload":{{"runId":"r","sessionKey":"s","seq":{seq},"state":"delta","deltaText":{added},"message":{{"role":"assistant","content":[{{"type":"text","text":{whole}}}],"timestamp":1}}}},"seq":{seq},"x":1}}"#
        );
        let parts = delta_parts(&frame).expect("the usual layout");
        let mut event: ChatEvent<'_> = serde_json::from_str(&parts.head).expect("a payload");
        event.whole = runs.whole(&event, &parts);
        (event.whole_len(), runs.chat(event).map(|event| event.step))
    }

    fn delta(text: &str, replace: bool, total: usize) -> Option<RunStep> {
        Some(RunStep::Delta {
            text: text.to_owned(),
            replace,
            total_bytes: Some(total),
        })
    }

    #[test]
    fn a_text_that_grew_is_added_to_and_one_with_a_gap_is_said_whole() {
        let mut runs = Runs::default();
        let mut said = |seq, added: &str, whole: &str| take(&mut runs, seq, added, whole);
        assert_eq!(said(1, "é\n", "é\n"), (Some(3), delta("é\n", false, 3)));
        assert_eq!(said(2, "\"b\"", "é\n\"b\""), (Some(6), delta("\"b\"", false, 6)));
        // What came between, `\\\t`, was lost.
        let whole = "é\n\"b\"\\\t🐴";
        assert_eq!(said(4, "🐴", whole), (Some(12), delta(whole, true, 12)));
        assert_eq!(said(4, "🐴", whole), (Some(12), None), "a repetition");
        let longer = format!("{whole}\nd");
        assert_eq!(said(5, "\nd", &longer), (Some(14), delta("\nd", false, 14)));
    }

    /// A step of a run by its fields.
    fn chat(runs: &mut Runs, run: &str, seq: u64, rest: Value) -> Option<RunEvent> {
        let mut event = json!({"runId": run, "sessionKey": "s", "seq": seq});
        event
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        let text = event.to_string();
        runs.chat(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn numbers_rise_whatever_the_gateway_counts() {
        let mut runs = Runs::default();
        let status = json!({"state": "status", "phase": "p"});
        let delta = json!({"state": "delta", "deltaText": "x"});
        let mut last = 0;
        for (seq, step) in [(u64::MAX, &status), (1, &delta), (u64::MAX - 1, &delta)] {
            let event = chat(&mut runs, "r", seq, step.clone()).unwrap();
            assert!(event.seq > last, "{} after {last}", event.seq);
            last = event.seq;
        }
    }

    #[test]
    fn identifiers_of_megabytes_are_none() {
        let mut runs = Runs::default();
        let delta = json!({"state": "delta", "deltaText": "x"});
        assert!(chat(&mut runs, &"r".repeat(ID_MAX + 1), 1, delta.clone()).is_none());
        let mut long = delta.clone();
        long["sessionKey"] = json!("s".repeat(5_000_000));
        assert!(chat(&mut runs, "r", 1, long).is_none());
        assert_eq!(runs.remembered(), 0);
        assert!(chat(&mut runs, &"r".repeat(ID_MAX), 1, delta).is_some());
    }

    #[test]
    fn a_reply_without_end_ends() {
        let mut runs = Runs::default();
        let megabyte = "x".repeat(1 << 20);
        let (mut kept, mut ends) = (0, 0);
        for seq in 1..=100 {
            let step = json!({"state": "delta", "deltaText": megabyte});
            match chat(&mut runs, "r", seq, step).map(|event| event.step) {
                Some(RunStep::Delta { text, .. }) => kept += text.len(),
                Some(RunStep::Error { .. }) => ends += 1,
                Some(other) => panic!("{other:?}"),
                None => {}
            }
        }
        assert_eq!((kept, ends), (TEXT_MAX, 1));
    }
}
