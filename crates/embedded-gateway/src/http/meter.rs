//! What a call uses: reserved when it starts, written down however it ends.

use super::Http;
use super::auth::Caller;
use super::error::Refused;
use crate::agent::{Step, estimate_tokens};
use crate::runs::Progress;
use crate::store::ledger::Entry;
use crate::time::{day, now_ms};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Tokens that an answer is taken to need until it has ended, where its caller names no number.
const ANSWER: u64 = 1_000;

/// Tokens of keys with a limit that calls under way are going to use, by the id of the key.
#[derive(Debug, Default)]
pub(crate) struct Reservations(Mutex<HashMap<String, u64>>);

impl Reservations {
    fn held(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one exchange. When it is dropped before the answer was whole, what was said until then is what counts.
pub(crate) struct Meter {
    http: Arc<Http>,
    session: String,
    entry: Entry,
    /// Tokens of the prompt, estimated.
    heard: u64,
    /// What came back so far, in characters.
    said: u64,
    reserved: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The backend has not taken it yet: nothing to write down.
    Asked,
    Running,
    /// Failed; counts if something was said.
    Failed,
    Written,
}

impl Meter {
    /// Reserves what the call is going to use. `heard` is the prompt's size, `answer` the most that the answer may have, in
    /// tokens.
    ///
    /// # Errors
    /// The key has used up its tokens for today, or calls under way are going to.
    pub(crate) fn open(
        http: &Arc<Http>,
        caller: &Caller,
        session: String,
        entry: Entry,
        heard: u64,
        answer: Option<u64>,
    ) -> Result<Self, Refused> {
        let limit = match caller {
            Caller::Key(key) => key.tokens_per_day,
            Caller::Owner | Caller::Nobody => None,
        };
        let mut reserved = 0;
        if let Some(limit) = limit {
            let now = now_ms();
            let mut held = http.reservations.held();
            let used = http.core.store.tokens_of_key(&entry.key, &day(now))?;
            if used >= limit {
                let until_midnight = 86_400 - (now / 1_000).rem_euclid(86_400);
                return Err(Refused::limited(
                    format!("this key has used its {limit} tokens for today"),
                    Duration::from_secs(until_midnight.unsigned_abs()),
                ));
            }
            let before = held.get(&entry.key).copied().unwrap_or(0);
            if used.saturating_add(before) >= limit {
                return Err(Refused::limited(
                    format!("calls under way may use up this key's {limit} tokens for today"),
                    Duration::from_secs(2),
                ));
            }
            reserved = heard.saturating_add(answer.unwrap_or(ANSWER)).max(1);
            held.insert(entry.key.clone(), before.saturating_add(reserved));
        }
        Ok(Self {
            http: http.clone(),
            session,
            entry,
            heard,
            said: 0,
            reserved,
            state: State::Asked,
        })
    }

    /// The backend has taken it: from here on it costs.
    pub(crate) fn start(&mut self) {
        self.state = State::Running;
    }

    /// Counts a step.
    pub(crate) fn take(&mut self, step: &Progress) {
        match step {
            Progress::Step(Step::Text(text) | Step::Thinking(text)) => {
                self.said = self.said.saturating_add(text.chars().count() as u64);
            }
            Progress::Step(Step::ToolStart { input, .. }) => {
                self.said = self.said.saturating_add(input.to_string().len() as u64);
            }
            Progress::Step(Step::ToolResult { output, .. }) => {
                self.heard = self.heard.saturating_add(estimate_tokens(output));
            }
            Progress::Done(reply) => self.write(reply.input_tokens, reply.output_tokens),
            Progress::Failed(_) => self.state = State::Failed,
            Progress::Aborted(_) => {}
        }
    }

    fn write(&mut self, tokens_in: u64, tokens_out: u64) {
        self.state = State::Written;
        let now = now_ms();
        let entry = Entry {
            ts: now,
            tokens_in,
            tokens_out,
            latency_ms: u64::try_from(now - self.entry.ts).unwrap_or(0),
            ..self.entry.clone()
        };
        if let Err(error) = self.http.core.store.record_exchange(&self.session, &entry) {
            tracing::error!(%error, "an exchange could not be written down");
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.state == State::Running || (self.state == State::Failed && self.said > 0) {
            self.write(self.heard, self.said.div_ceil(4));
        }
        // After the ledger has it: in between it counts twice rather than not at all.
        let mut held = self.http.reservations.held();
        if let Some(all) = held.get_mut(&self.entry.key) {
            *all = all.saturating_sub(self.reserved);
            if *all == 0 {
                held.remove(&self.entry.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::testing::core;
    use crate::keys::{NewKey, given};
    use crate::runs::Reply;

    fn meter(http: &Arc<Http>) -> Result<Meter, Refused> {
        let new = NewKey {
            tokens_per_day: Some(100),
            ..NewKey::labelled("limited")
        };
        let caller = Caller::Key(Box::new(given("k".into(), "secret".into(), new).key));
        let entry = Entry {
            ts: now_ms(),
            key: "k".into(),
            ..Entry::default()
        };
        Meter::open(http, &caller, String::new(), entry, 7, None)
    }

    fn used(http: &Http) -> u64 {
        http.core.store.tokens_of_key("k", &day(now_ms())).expect("sum")
    }

    fn text(text: &str) -> Progress {
        Progress::Step(Step::Text(text.into()))
    }

    #[tokio::test]
    async fn whatever_way_a_call_ends_it_counts() {
        let dir = tempfile::tempdir().expect("dir");
        let http = crate::http::testing::http(core(dir.path(), |_| {}));
        drop(meter(&http).expect("open"));
        assert_eq!(used(&http), 0, "nobody took it");
        let ways: [(&[Progress], u64); 5] = [
            (&[], 7),
            (&[text("12345678")], 9),
            (&[text("12345678"), Progress::Failed("broke off".into())], 9),
            (&[Progress::Failed("refused".into())], 0),
            (&[text("1234"), Progress::Aborted("1234".into())], 8),
        ];
        for (steps, expected) in ways {
            let before = used(&http);
            let mut meter = meter(&http).expect("open");
            meter.start();
            steps.iter().for_each(|step| meter.take(step));
            drop(meter);
            assert_eq!(used(&http) - before, expected, "{steps:?}");
        }
        let before = used(&http);
        let mut whole = meter(&http).expect("open");
        whole.start();
        whole.take(&text("12345678"));
        whole.take(&Progress::Done(Reply {
            input_tokens: 3,
            output_tokens: 2,
            ..Reply::default()
        }));
        drop(whole);
        assert_eq!(
            used(&http) - before,
            5,
            "what the agent counted goes before our estimate"
        );
    }

    #[tokio::test]
    async fn calls_under_way_do_not_pass_together() {
        let dir = tempfile::tempdir().expect("dir");
        let http = crate::http::testing::http(core(dir.path(), |_| {}));
        let first = meter(&http).expect("the first");
        let refused = meter(&http).err().expect("the second waits");
        assert_eq!(refused.status.as_u16(), 429);
        assert!(refused.retry_after.expect("soon") <= Duration::from_secs(10));
        drop(first);
        let mut next = meter(&http).expect("free again");
        next.start();
        next.take(&text(&"x".repeat(400)));
        drop(next);
        let spent = meter(&http).err().expect("nothing is left for today");
        assert!(spent.message.contains("has used"), "{}", spent.message);
        assert!(http.reservations.held().is_empty());
    }
}
