//! Approvals and questions that wait for the user.

use super::handle::Reply;
use super::link::Waiting;
use super::{App, Then, Timer};
use crate::api::{QuestionItem, QuestionOption, QuestionView};
use crate::gateway::{Approval, Decision};
use crate::notify_policy::{OccasionKind, approval_tag, question_tag};
use crate::request_error::RequestError;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long after its end something is gone, for a gateway whose clock is behind, in milliseconds.
const LAPSE_GRACE_MS: i64 = 2000;
/// The longest time until the clock is looked at again while something may lapse.
const LAPSE_LOOK: Duration = Duration::from_secs(60);

/// Something that waits for the user, by its id.
enum Need {
    Approval(String),
    Question(String),
}

/// The decision of a word.
pub(super) fn decision(word: &str) -> Option<Decision> {
    match word {
        "allow-once" => Some(Decision::AllowOnce),
        "allow-always" => Some(Decision::AllowAlways),
        "deny" => Some(Decision::Deny),
        _ => None,
    }
}

fn question(value: &Value) -> Option<QuestionView> {
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
    Some(QuestionView {
        id: value.get("id")?.as_str()?.to_owned(),
        session: text(value, "sessionKey"),
        session_title: String::new(),
        agent: text(value, "agentId"),
        questions: items.collect(),
        expires_at_ms: value.get("expiresAtMs").and_then(Value::as_i64),
    })
}

impl App {
    /// Reads what waited before this connection. Events that raced the list win.
    pub(super) fn load_needs(&mut self, id: &str) {
        let Some(gateway) = self.links.get(id).and_then(super::link::Link::ready) else {
            return;
        };
        let id = id.to_owned();
        self.spawn(async move {
            let approvals = gateway.approvals().await;
            let questions = gateway.call_raw("question.list", json!({})).await;
            Box::new(move |app: &mut Self| {
                if let Ok(approvals) = approvals {
                    let gone: Vec<String> = app
                        .links
                        .get(&id)
                        .map(|link| {
                            let listed =
                                |key: &String| approvals.iter().any(|approval| approval.id.as_str() == key);
                            link.approvals
                                .keys()
                                .filter(|key| !listed(key))
                                .cloned()
                                .collect()
                        })
                        .unwrap_or_default();
                    for key in gone {
                        app.on_approval_gone(&id, &key);
                    }
                    for approval in approvals {
                        app.on_approval(&id, approval, true);
                    }
                }
                let listed = questions
                    .ok()
                    .and_then(|list| list.get("questions").and_then(Value::as_array).cloned());
                for question in listed.into_iter().flatten() {
                    app.on_question(&id, &question, true);
                }
            }) as Then
        });
    }

    pub(super) fn on_approval(&mut self, id: &str, approval: Approval, live: bool) {
        let key = approval.id.0.clone();
        let now_ms = self.now_ms();
        if approval.expires_at_ms.is_some_and(|expires| expires <= now_ms) {
            return;
        }
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let session = approval
            .session
            .as_ref()
            .map(|key| key.0.clone())
            .unwrap_or_default();
        let title = if session.is_empty() {
            self.gateway_name(id)
        } else {
            link.sessions.title(&session)
        };
        let kind = OccasionKind::Approval {
            id: key.clone(),
            session,
            title,
            command: approval.title.clone(),
            may_allow: approval.allowed.contains(&Decision::AllowOnce),
        };
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let news = link
            .approvals
            .insert(
                key,
                Waiting {
                    approval,
                    resolving: false,
                },
            )
            .is_none();
        self.wait_for_lapse();
        self.publisher.dirty.needs = true;
        self.show_waiting(id);
        // An approval that waits concerns the user even if another client asked for it before this connection.
        if news && live {
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
        }
        self.withdraw(&approval_tag(id, approval));
    }

    pub(super) fn on_question(&mut self, id: &str, value: &Value, live: bool) {
        let Some(view) = question(value) else { return };
        let now_ms = self.now_ms();
        if view.expires_at_ms.is_some_and(|expires| expires <= now_ms) {
            return;
        }
        let name = self.gateway_name(id);
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let title = if view.session.is_empty() {
            name
        } else {
            link.sessions.title(&view.session)
        };
        let kind = OccasionKind::Question {
            id: view.id.clone(),
            session: view.session.clone(),
            title,
            question: view
                .questions
                .first()
                .map(|item| item.question.clone())
                .unwrap_or_default(),
        };
        let news = link.questions.insert(view.id.clone(), view).is_none();
        self.wait_for_lapse();
        self.publisher.dirty.needs = true;
        if news && live {
            self.tell(id, kind);
        }
    }

    pub(super) fn on_question_gone(&mut self, id: &str, question: &str) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        if link.questions.remove(question).is_some() {
            self.publisher.dirty.needs = true;
        }
        self.withdraw(&question_tag(id, question));
    }

    /// Approvals and questions that lapsed are gone, whether the gateway says so or not.
    pub(super) fn drop_lapsed(&mut self) {
        let lapsed = self.now_ms() - LAPSE_GRACE_MS;
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
        let left = u64::try_from(end + LAPSE_GRACE_MS - self.now_ms()).unwrap_or_default();
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

    /// The profile that holds an approval, the active one first.
    pub(super) fn holder_of_approval(&self, approval: &str) -> Option<String> {
        let active = self.profiles.active().map(str::to_owned);
        active.into_iter().chain(self.links.keys().cloned()).find(|id| {
            self.links
                .get(id)
                .is_some_and(|link| link.approvals.contains_key(approval))
        })
    }

    pub(super) fn resolve_approval(&mut self, approval: &str, chosen: Decision, reply: Option<Reply>) {
        let answer = |reply: Option<Reply>, result: Result<Value, RequestError>| {
            if let Some(reply) = reply {
                let _ = reply.send(result);
            }
        };
        let holder = self.holder_of_approval(approval);
        let Some(id) = holder else {
            answer(reply, Err(RequestError::ApprovalGone));
            return;
        };
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let ready = link.ready();
        let Some(waiting) = link.approvals.get_mut(approval) else {
            return;
        };
        if !waiting.approval.allowed.is_empty() && !waiting.approval.allowed.contains(&chosen) {
            answer(reply, Err(RequestError::NotOffered));
            return;
        }
        let Some(gateway) = ready else {
            answer(reply, Err(RequestError::NotConnected));
            return;
        };
        waiting.resolving = true;
        let (key, kind) = (waiting.approval.id.clone(), waiting.approval.kind);
        self.publisher.dirty.needs = true;
        self.spawn(async move {
            let done = gateway.resolve_approval(&key, kind, chosen).await;
            Box::new(move |app: &mut Self| {
                let result = match done {
                    Ok(()) => {
                        app.on_approval_gone(&id, key.as_str());
                        Ok(Value::Null)
                    }
                    Err(error) => {
                        let late = matches!(&error, crate::gateway::CallError::Gateway(told)
                            if ["APPROVAL_ALREADY_RESOLVED", "APPROVAL_NOT_FOUND"].iter().any(|code| {
                                told.code == *code || told.detail_code() == Some(code) || told.detail("reason") == Some(code)
                            }));
                        if late {
                            app.on_approval_gone(&id, key.as_str());
                        } else if let Some(waiting) =
                            app.links.get_mut(&id).and_then(|link| link.approvals.get_mut(key.as_str()))
                        {
                            waiting.resolving = false;
                            app.publisher.dirty.needs = true;
                        }
                        Err(error.into())
                    }
                };
                answer(reply, result);
            }) as Then
        });
    }

    pub(super) fn answer_question(
        &mut self,
        question: &str,
        answers: BTreeMap<String, Vec<String>>,
        reply: Reply,
    ) {
        let holder = self
            .links
            .iter()
            .find(|(_, link)| link.questions.contains_key(question));
        let Some((id, gateway)) = holder.map(|(id, link)| (id.clone(), link.ready())) else {
            let _ = reply.send(Err(RequestError::QuestionGone));
            return;
        };
        let Some(gateway) = gateway else {
            let _ = reply.send(Err(RequestError::NotConnected));
            return;
        };
        let params = json!({ "id": question, "answers": { "answers": answers } });
        let question = question.to_owned();
        self.spawn(async move {
            let done = gateway.call_raw("question.resolve", params).await;
            Box::new(move |app: &mut Self| {
                if done.is_ok() {
                    app.on_question_gone(&id, &question);
                }
                let _ = reply.send(done.map(|_| Value::Null).map_err(RequestError::from));
            }) as Then
        });
    }
}
