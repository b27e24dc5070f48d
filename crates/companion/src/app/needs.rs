//! Approvals and questions that wait for the user.

use super::link::Waiting;
use super::{App, Then, Timer};
use crate::api::{QuestionItem, QuestionOption, QuestionView};
use crate::approval::{ApprovalText, bounded};
use crate::gateway::{Approval, CallError};
use crate::ids::GatewayId;
use crate::notify_policy::{OccasionKind, approval_tag, question_tag};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long after its end something is gone, for a gateway whose clock is behind, in milliseconds.
const LAPSE_GRACE_MS: i64 = 2000;
/// The longest time until the clock is looked at again while something may lapse.
const LAPSE_LOOK: Duration = Duration::from_secs(60);
/// Approvals of one gateway that are held at a time, and questions as many. The others are listed when some are gone.
const MOST_WAITING: usize = 100;
/// The longest id of an approval or question that is taken, in bytes.
const LONGEST_ID: usize = 512;
/// The most text of a question, in bytes over all its parts.
const MOST_QUESTION: usize = 64 * 1024;
/// Arrivals and ends that are remembered while a list is on its way.
const MOST_TOUCHED: usize = 10_000;
/// How soon the list is read again for those that were too many.
const LIST_AGAIN: Duration = Duration::from_secs(1);

/// Something that waits for the user, by its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    Approval(String),
    Question(String),
}

/// A list of what waits that is on its way. What it says is older than the events that come meanwhile.
#[derive(Debug)]
pub(super) struct Listing {
    number: u64,
    /// The connection it was asked on.
    generation: u64,
    /// What waited when it was asked for.
    known: BTreeSet<Need>,
    /// What arrived or ended since.
    touched: BTreeSet<Need>,
    /// More than is remembered did.
    overrun: bool,
}

/// The lists of a gateway.
#[derive(Debug, Default)]
pub(super) struct Listings {
    under_way: Vec<Listing>,
    /// The last one that was asked for, and the last one that was read.
    asked: u64,
    read: u64,
    /// Something was not held, because too much waited.
    more: bool,
}

impl Listings {
    fn touch(&mut self, need: &Need) {
        for listing in &mut self.under_way {
            if listing.touched.len() < MOST_TOUCHED {
                listing.touched.insert(need.clone());
            } else {
                listing.overrun = true;
            }
        }
    }

    fn take(&mut self, number: u64) -> Option<Listing> {
        let at = self
            .under_way
            .iter()
            .position(|listing| listing.number == number)?;
        Some(self.under_way.swap_remove(at))
    }
}

/// A question that waits, unless it has more text than any person reads.
fn question(gateway: &str, value: &Value) -> Option<QuestionView> {
    let text = |value: &Value, name: &str| {
        value
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .unwrap_or_default()
    };
    let pending = value
        .get("status")
        .and_then(Value::as_str)
        .is_none_or(|status| status == "pending");
    if !pending {
        return None;
    }
    let items = value
        .get("questions")?
        .as_array()?
        .iter()
        .map(|item| QuestionItem {
            id: text(item, "questionId"),
            header: text(item, "header"),
            question: text(item, "question"),
            multiple: item.get("multiSelect").and_then(Value::as_bool).unwrap_or(false),
            options: item
                .get("options")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(|option| QuestionOption {
                    label: text(option, "label"),
                    description: text(option, "description"),
                })
                .collect(),
        });
    let view = QuestionView {
        gateway: GatewayId::from(gateway),
        id: value.get("id")?.as_str()?.to_owned(),
        session: text(value, "sessionKey"),
        session_title: String::new(),
        agent: text(value, "agentId"),
        questions: items.collect(),
        expires_at_ms: value.get("expiresAtMs").and_then(Value::as_i64),
    };
    (view.id.len() <= LONGEST_ID && size(&view) <= MOST_QUESTION).then_some(view)
}

fn size(view: &QuestionView) -> usize {
    let option = |option: &QuestionOption| option.label.len() + option.description.len() + 1;
    let item = |item: &QuestionItem| {
        let options: usize = item.options.iter().map(option).sum();
        item.id.len() + item.header.len() + item.question.len() + options + 1
    };
    view.session.len() + view.agent.len() + view.questions.iter().map(item).sum::<usize>()
}

impl App {
    /// Reads what waited before this connection.
    pub(super) fn load_needs(&mut self, id: &str) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let Some(gateway) = link.ready() else { return };
        let approvals = link.approvals.keys().cloned().map(Need::Approval);
        let questions = link.questions.keys().cloned().map(Need::Question);
        let known = approvals.chain(questions).collect();
        link.listings.asked += 1;
        let number = link.listings.asked;
        link.listings.under_way.push(Listing {
            number,
            generation: link.generation,
            known,
            touched: BTreeSet::new(),
            overrun: false,
        });
        let id = id.to_owned();
        self.spawn(async move {
            let approvals = gateway.approvals();
            let questions = gateway.call_raw("question.list", json!({}));
            let (approvals, questions) = futures_util::future::join(approvals, questions).await;
            Box::new(move |app: &mut Self| app.on_needs_listed(&id, number, approvals, questions)) as Then
        });
    }

    /// Takes over a list: only what was known when it was asked for can be gone, and what arrived or ended since is known
    /// better than the list knows it.
    fn on_needs_listed(
        &mut self,
        id: &str,
        number: u64,
        approvals: Result<Vec<Approval>, CallError>,
        questions: Result<Value, CallError>,
    ) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let Some(listing) = link.listings.take(number) else {
            return;
        };
        if listing.generation != link.generation || number < link.listings.read {
            return;
        }
        if listing.overrun {
            self.after_once(Timer::ListNeeds(id.to_owned()), LIST_AGAIN);
            return;
        }
        let questions =
            questions
                .ok()
                .and_then(|mut list| match list.get_mut("questions").map(Value::take) {
                    Some(Value::Array(rows)) => Some(rows),
                    _ => None,
                });
        if approvals.is_ok() || questions.is_some() {
            link.listings.read = number;
            link.listings.more = false;
        }
        let listed_approvals = approvals.ok();
        let listed_questions: Option<Vec<QuestionView>> =
            questions.map(|rows| rows.iter().filter_map(|row| question(id, row)).collect());
        let waits = |need: &Need| match need {
            Need::Approval(key) => listed_approvals
                .as_ref()
                .is_none_or(|listed| listed.iter().any(|approval| approval.id.as_str() == key)),
            Need::Question(key) => listed_questions
                .as_ref()
                .is_none_or(|listed| listed.iter().any(|question| question.id == *key)),
        };
        let gone: Vec<Need> = listing
            .known
            .iter()
            .filter(|need| !listing.touched.contains(*need) && !waits(need))
            .cloned()
            .collect();
        for need in gone {
            match need {
                Need::Approval(key) => self.on_approval_gone(id, &key),
                Need::Question(key) => self.on_question_gone(id, &key),
            }
        }
        for approval in listed_approvals.into_iter().flatten() {
            if !listing.touched.contains(&Need::Approval(approval.id.0.clone())) {
                self.on_approval(id, approval);
            }
        }
        for question in listed_questions.into_iter().flatten() {
            if !listing.touched.contains(&Need::Question(question.id.clone())) {
                self.on_question(id, question);
            }
        }
    }

    /// Notes that an event, or an answer of the gateway's, is newer than the lists that are on their way.
    pub(super) fn touch(&mut self, id: &str, need: &Need) {
        if let Some(link) = self.links.get_mut(id) {
            link.listings.touch(need);
        }
    }

    pub(super) fn on_approval_requested(&mut self, id: &str, approval: Approval) {
        self.touch(id, &Need::Approval(approval.id.0.clone()));
        self.on_approval(id, approval);
    }

    pub(super) fn on_approval_resolved(&mut self, id: &str, approval: &str) {
        self.touch(id, &Need::Approval(approval.to_owned()));
        self.on_approval_gone(id, approval);
    }

    pub(super) fn on_question_requested(&mut self, id: &str, payload: &Value) {
        if let Some(view) = question(id, payload) {
            self.touch(id, &Need::Question(view.id.clone()));
            self.on_question(id, view);
        }
    }

    pub(super) fn on_question_resolved(&mut self, id: &str, question: &str) {
        self.touch(id, &Need::Question(question.to_owned()));
        self.on_question_gone(id, question);
    }

    fn on_approval(&mut self, id: &str, approval: Approval) {
        let key = approval.id.0.clone();
        let now_ms = self.now_ms();
        let lapsed = approval.expires_at_ms.is_some_and(|expires| expires <= now_ms);
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        if lapsed || key.len() > LONGEST_ID {
            return;
        }
        if link.approvals.len() >= MOST_WAITING && !link.approvals.contains_key(&key) {
            link.listings.more = true;
            return;
        }
        let approval = bounded(approval);
        let session = approval
            .session
            .as_ref()
            .map(|key| key.0.clone())
            .unwrap_or_default();
        let text = ApprovalText::of(&approval);
        let before = link.approvals.get(&key).map(|waiting| &waiting.approval);
        // Another text under the same id: what was shown of it before is not what would be approved.
        let news = before != Some(&approval);
        if news {
            let waiting = Waiting {
                approval,
                resolving: false,
            };
            link.approvals.insert(key.clone(), waiting);
        }
        self.wait_for_lapse();
        self.publisher.dirty.needs = true;
        self.show_waiting(id);
        // An approval that waits concerns the user even if another client asked for it before this connection.
        if news {
            let kind = OccasionKind::Approval {
                id: key,
                name: self.session_name(id, &session),
                session,
                text,
            };
            self.tell(id, kind);
        }
    }

    pub(super) fn on_approval_gone(&mut self, id: &str, approval: &str) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        if link.approvals.remove(approval).is_some() {
            self.publisher.dirty.needs = true;
            self.show_waiting(id);
            self.on_need_gone(id);
        }
        self.withdraw(&approval_tag(id, approval));
    }

    fn on_question(&mut self, id: &str, view: QuestionView) {
        let now_ms = self.now_ms();
        let lapsed = view.expires_at_ms.is_some_and(|expires| expires <= now_ms);
        let Some(link) = self.links.get_mut(id).filter(|_| !lapsed) else {
            return;
        };
        if link.questions.len() >= MOST_WAITING && !link.questions.contains_key(&view.id) {
            link.listings.more = true;
            return;
        }
        let (question, session) = (view.id.clone(), view.session.clone());
        let first = view.questions.first().map(|item| item.question.clone());
        let news = link.questions.insert(view.id.clone(), view).is_none();
        self.wait_for_lapse();
        self.publisher.dirty.needs = true;
        if news {
            let kind = OccasionKind::Question {
                id: question,
                name: self.session_name(id, &session),
                session,
                question: first.unwrap_or_default(),
            };
            self.tell(id, kind);
        }
    }

    pub(super) fn on_question_gone(&mut self, id: &str, question: &str) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        if link.questions.remove(question).is_some() {
            self.publisher.dirty.needs = true;
            self.on_need_gone(id);
        }
        self.withdraw(&question_tag(id, question));
    }

    fn on_need_gone(&mut self, id: &str) {
        self.withdraw_needs(id);
        if self.links.get(id).is_some_and(|link| link.listings.more) {
            self.after_once(Timer::ListNeeds(id.to_owned()), LIST_AGAIN);
        }
    }

    /// Approvals and questions that lapsed are gone, whether the gateway says so or not.
    pub(super) fn drop_lapsed(&mut self) {
        let lapsed = self.now_ms().saturating_sub(LAPSE_GRACE_MS);
        let ends = self.ends().filter(|(_, _, end)| *end <= lapsed);
        let gone: Vec<_> = ends.map(|(id, need, _)| (id.to_owned(), need)).collect();
        for (id, need) in gone {
            match need {
                Need::Approval(key) => self.on_approval_gone(&id, &key),
                Need::Question(key) => self.on_question_gone(&id, &key),
            }
        }
        self.wait_for_lapse();
    }

    /// Sets the timer to the next end. The clock may be set, and a sleep need not be announced: hence the limit.
    fn wait_for_lapse(&mut self) {
        let Some(end) = self.ends().map(|(_, _, end)| end).min() else {
            return;
        };
        // The end is the gateway's number, and may be any.
        let left = end.saturating_add(LAPSE_GRACE_MS).saturating_sub(self.now_ms());
        let left = u64::try_from(left).unwrap_or_default();
        self.after(Timer::Lapse, Duration::from_millis(left).min(LAPSE_LOOK));
    }

    /// When what waits lapses, by profile; what never does is not among it.
    fn ends(&self) -> impl Iterator<Item = (&str, Need, i64)> {
        self.links.iter().flat_map(|(id, link)| {
            let approvals = link.approvals.iter().filter_map(|(key, waiting)| {
                let end = waiting.approval.expires_at_ms?;
                Some((id.as_str(), Need::Approval(key.clone()), end))
            });
            let questions = link.questions.iter().filter_map(|(key, question)| {
                let end = question.expires_at_ms?;
                Some((id.as_str(), Need::Question(key.clone()), end))
            });
            approvals.chain(questions)
        })
    }
}
