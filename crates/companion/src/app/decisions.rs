//! What the user decides: approvals and answers to questions, from windows, notifications and the tray.

use super::handle::Reply;
use super::needs::Need;
use super::{App, Then};
use crate::gateway::{CallError, Decision, Gateway};
use crate::notify_policy::Undone;
use crate::ports::ApprovalRef;
use crate::request_error::RequestError;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The decision of a word.
pub(super) fn decision(word: &str) -> Option<Decision> {
    match word {
        "allow-once" => Some(Decision::AllowOnce),
        "allow-always" => Some(Decision::AllowAlways),
        "deny" => Some(Decision::Deny),
        _ => None,
    }
}

/// Whether the gateway says that there is nothing left to decide: one of these codes, or the end of one.
fn is_over(error: &CallError) -> bool {
    const ENDS: [&str; 2] = ["_ALREADY_RESOLVED", "_NOT_FOUND"];
    let CallError::Gateway(told) = error else {
        return false;
    };
    [
        Some(told.code.as_str()),
        told.detail_code(),
        told.detail("reason"),
    ]
    .into_iter()
    .flatten()
    .any(|code| ENDS.iter().any(|end| code.ends_with(end)))
}

impl App {
    /// Decides an approval. Where no window waits for the answer, a failure is told by a notification.
    pub(super) fn resolve_approval(&mut self, approval: ApprovalRef, chosen: Decision, reply: Option<Reply>) {
        let (gateway, kind) = match self.may_decide(&approval, chosen) {
            Ok(ready) => ready,
            Err(error) => return self.answer_decision(&approval, chosen, reply, Err(error)),
        };
        if let Some(waiting) = self.waiting_mut(&approval) {
            waiting.resolving = true;
        }
        self.publisher.dirty.needs = true;
        self.spawn(async move {
            let key = approval.id.as_str().into();
            let done = gateway.resolve_approval(&key, kind, chosen).await;
            Box::new(move |app: &mut Self| {
                let result = match done {
                    Ok(()) => {
                        app.on_approval_resolved(&approval.gateway, &approval.id);
                        Ok(())
                    }
                    Err(error) if is_over(&error) => Err(RequestError::ApprovalGone),
                    Err(error) => Err(error.into()),
                };
                app.answer_decision(&approval, chosen, reply, result);
            }) as Then
        });
    }

    fn waiting_mut(&mut self, approval: &ApprovalRef) -> Option<&mut super::link::Waiting> {
        self.links
            .get_mut(&approval.gateway)?
            .approvals
            .get_mut(&approval.id)
    }

    /// The connection to decide on, and the kind of the approval.
    fn may_decide(
        &self,
        approval: &ApprovalRef,
        chosen: Decision,
    ) -> Result<(Arc<dyn Gateway>, crate::gateway::ApprovalKind), RequestError> {
        let link = self
            .links
            .get(&approval.gateway)
            .ok_or(RequestError::ApprovalGone)?;
        let waiting = link
            .approvals
            .get(&approval.id)
            .ok_or(RequestError::ApprovalGone)?;
        let allowed = &waiting.approval.allowed;
        if !allowed.is_empty() && !allowed.contains(&chosen) {
            return Err(RequestError::NotOffered);
        }
        let gateway = link.ready().ok_or(RequestError::NotConnected)?;
        Ok((gateway, waiting.approval.kind))
    }

    fn answer_decision(
        &mut self,
        approval: &ApprovalRef,
        chosen: Decision,
        reply: Option<Reply>,
        result: Result<(), RequestError>,
    ) {
        if let Some(waiting) = self.waiting_mut(approval) {
            waiting.resolving = false;
            self.publisher.dirty.needs = true;
        }
        match (reply, result) {
            (Some(reply), result) => {
                if matches!(result, Err(RequestError::ApprovalGone)) {
                    self.on_approval_resolved(&approval.gateway, &approval.id);
                }
                reply.send(result.map(|()| Value::Null));
            }
            (None, Ok(())) => {}
            (None, Err(error)) => self.not_decided(approval, chosen, &error),
        }
    }

    /// Tells that a decision made in a notification or in the tray was not taken.
    pub(super) fn not_decided(&mut self, approval: &ApprovalRef, chosen: Decision, error: &RequestError) {
        let known = self.waiting_mut(approval).map(|waiting| waiting.approval.clone());
        let session = known.as_ref().and_then(|approval| approval.session.clone());
        let undone = Undone::Decision {
            approval: approval.clone(),
            session: session.map(|session| session.0).unwrap_or_default(),
            command: known.map(|approval| approval.title).unwrap_or_default(),
            deny: chosen == Decision::Deny,
        };
        if *error == RequestError::ApprovalGone {
            // First, because it withdraws what is shown under the same tag.
            self.on_approval_resolved(&approval.gateway, &approval.id);
        }
        self.tell_undone(&undone, error);
    }

    pub(super) fn answer_question(
        &mut self,
        id: String,
        question: String,
        answers: BTreeMap<String, Vec<String>>,
        reply: Reply,
    ) {
        let link = self
            .links
            .get(&id)
            .filter(|link| link.questions.contains_key(&question));
        let ready = link
            .ok_or(RequestError::QuestionGone)
            .and_then(|link| link.ready().ok_or(RequestError::NotConnected));
        let gateway = match ready {
            Ok(gateway) => gateway,
            Err(error) => {
                reply.send(Err(error));
                return;
            }
        };
        let params = json!({ "id": question, "answers": { "answers": answers } });
        self.spawn(async move {
            let done = gateway.call_raw("question.resolve", params).await;
            let result = match done {
                Ok(_) => Ok(Value::Null),
                Err(error) if is_over(&error) => Err(RequestError::QuestionGone),
                // What else a gateway answers about one that is over is not known: its list says whether it waits.
                Err(error @ CallError::Gateway(_)) => match still_waits(&*gateway, &question).await {
                    Some(false) => Err(RequestError::QuestionGone),
                    Some(true) | None => Err(error.into()),
                },
                Err(error) => Err(error.into()),
            };
            Box::new(move |app: &mut Self| {
                if matches!(result, Ok(_) | Err(RequestError::QuestionGone)) {
                    app.touch(&id, &Need::Question(question.clone()));
                    app.on_question_gone(&id, &question);
                }
                reply.send(result);
            }) as Then
        });
    }
}

/// Whether the gateway lists a question as one that waits; none where it gives no list.
async fn still_waits(gateway: &dyn Gateway, question: &str) -> Option<bool> {
    let list = gateway.call_raw("question.list", json!({})).await.ok()?;
    let rows = list.get("questions")?.as_array()?;
    Some(rows.iter().any(|row| {
        let pending = row
            .get("status")
            .and_then(Value::as_str)
            .is_none_or(|status| status == "pending");
        pending && row.get("id").and_then(Value::as_str) == Some(question)
    }))
}
