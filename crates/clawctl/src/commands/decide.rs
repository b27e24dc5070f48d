//! `approvals` and `questions`.

use super::{ago, now_ms};
use crate::cli::{Approvals, ApprovalsAction, Global, Questions, QuestionsAction};
use crate::exit::{Failure, Outcome};
use crate::link::{self, Wants};
use crate::term::{Term, table};
use clawtray_gateway_client::protocol::method::questions::{ListResult, Question};
use clawtray_gateway_client::{Approval, Decision};
use serde_json::{Map, Value, json};

/// `approvals`
pub(crate) async fn approvals(global: &Global, args: Approvals, term: &mut Term) -> Outcome {
    let wants = Wants {
        decide: true,
        ..Wants::default()
    };
    let link = link::open(global, wants, term).await?;
    let waiting = link.gateway.approvals().await?;
    let (id, decision) = match args.action {
        None => return list(&waiting, args.json, term),
        Some(ApprovalsAction::List { json }) => return list(&waiting, json || args.json, term),
        Some(ApprovalsAction::Approve { id, always: false }) => (id, Decision::AllowOnce),
        Some(ApprovalsAction::Approve { id, always: true }) => (id, Decision::AllowAlways),
        Some(ApprovalsAction::Deny { id }) => (id, Decision::Deny),
    };
    let approval = one(
        &waiting,
        &id,
        |approval| approval.id.as_str(),
        "approval",
        "clawctl approvals",
    )?;
    if !approval.allowed.is_empty() && !approval.allowed.contains(&decision) {
        let allowed: Vec<&str> = approval.allowed.iter().map(|decision| word(*decision)).collect();
        return Err(Failure::usage(format!(
            "this approval accepts only {}",
            allowed.join(", ")
        )));
    }
    link.gateway
        .resolve_approval(&approval.id, approval.kind, decision)
        .await?;
    term.note(&format!(
        "{}: {}",
        word(decision),
        crate::term::one_line(&approval.title)
    ));
    Ok(())
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::AllowOnce => "allow-once",
        Decision::AllowAlways => "allow-always",
        Decision::Deny => "deny",
    }
}

fn list(waiting: &[Approval], json: bool, term: &mut Term) -> Outcome {
    if json {
        return term.json(&waiting);
    }
    let now = now_ms();
    let rows: Vec<Vec<String>> = waiting
        .iter()
        .map(|approval| {
            let session = approval.session.as_ref().map(ToString::to_string);
            vec![
                approval.id.to_string(),
                approval.title.clone(),
                session.unwrap_or_default(),
                ago(approval.created_at_ms, now),
            ]
        })
        .collect();
    let text = table(term, &["ID", "WHAT", "SESSION", "ASKED"], &rows);
    term.out(&text)?;
    if waiting.is_empty() {
        term.note("no waiting approvals");
    }
    Ok(())
}

/// The one whose id begins so.
fn one<'a, T>(all: &'a [T], id: &str, id_of: impl Fn(&T) -> &str, what: &str, list: &str) -> Outcome<&'a T> {
    if let Some(exact) = all.iter().find(|item| id_of(item) == id) {
        return Ok(exact);
    }
    let mut found = all
        .iter()
        .filter(|item| !id.is_empty() && id_of(item).starts_with(id));
    match (found.next(), found.next()) {
        (Some(item), None) => Ok(item),
        (Some(_), Some(_)) => {
            Err(Failure::usage(format!("more than one {what} begins with {id}")).next(list))
        }
        (None, _) => Err(Failure::new(
            crate::exit::Exit::Refused,
            format!("no waiting {what} has the id {id}"),
        )
        .next(list)),
    }
}

/// `questions`
pub(crate) async fn questions(global: &Global, args: Questions, term: &mut Term) -> Outcome {
    let link = link::open(global, Wants::default(), term).await?;
    let raw = link.raw("question.list", json!({}), term).await?;
    let waiting: ListResult = serde_json::from_value(raw.clone())
        .map_err(|error| Failure::local(format!("the gateway's questions could not be read: {error}")))?;
    let waiting = waiting.questions;
    let find = |id: &str| {
        one(
            &waiting,
            id,
            |question| question.id.as_str(),
            "question",
            "clawctl questions",
        )
    };
    let params = match args.action {
        None | Some(QuestionsAction::List { .. }) => {
            let json = args.json || matches!(args.action, Some(QuestionsAction::List { json: true }));
            return list_questions(&waiting, &raw, json, term);
        }
        Some(QuestionsAction::Answer { id, answers }) => {
            let question = find(&id)?;
            json!({ "id": question.id, "answers": { "answers": in_order(question, &answers)? } })
        }
        Some(QuestionsAction::Skip { id }) => json!({ "id": find(&id)?.id, "cancel": true }),
    };
    link.raw("question.resolve", params, term).await?;
    term.note("answered");
    Ok(())
}

fn list_questions(waiting: &[Question], raw: &Value, json: bool, term: &mut Term) -> Outcome {
    if json {
        return term.json(raw.get("questions").unwrap_or(raw));
    }
    let mut rows = Vec::new();
    for set in waiting {
        for part in &set.questions {
            let options: Vec<&str> = part.options.iter().map(|option| option.label.as_str()).collect();
            let name = part.question_id.clone();
            rows.push(vec![
                set.id.clone(),
                name,
                part.question.clone(),
                options.join(" | "),
            ]);
        }
    }
    let text = table(term, &["ID", "NAME", "QUESTION", "ANSWERS"], &rows);
    term.out(&text)?;
    if waiting.is_empty() {
        term.note("no waiting questions");
    }
    Ok(())
}

/// Answers by question: in the order they were asked, or by name.
fn in_order(question: &Question, answers: &[String]) -> Outcome<Map<String, Value>> {
    let mut by_name: Map<String, Value> = Map::new();
    let mut open: Vec<&str> = question
        .questions
        .iter()
        .map(|part| part.question_id.as_str())
        .collect();
    let mut unnamed = Vec::new();
    for answer in answers {
        match answer.split_once('=') {
            Some((name, answer)) if open.contains(&name) => {
                open.retain(|other| *other != name);
                by_name.insert(name.to_owned(), json!([answer]));
            }
            Some(_) | None => unnamed.push(answer),
        }
    }
    if unnamed.len() != open.len() {
        return Err(Failure::usage(format!(
            "the question needs {} answers; {} were given",
            question.questions.len(),
            answers.len()
        ))
        .next("clawctl questions"));
    }
    for (name, answer) in open.into_iter().zip(unnamed) {
        by_name.insert(name.to_owned(), json!([answer]));
    }
    Ok(by_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clawtray_gateway_client::protocol::method::questions::QuestionPart;

    #[test]
    fn answers_go_to_their_questions() {
        let part = |id: &str| QuestionPart {
            question_id: id.into(),
            ..QuestionPart::default()
        };
        let question = Question {
            questions: vec![part("colour"), part("size")],
            ..Question::default()
        };
        let given = |answers: &[&str]| {
            let answers: Vec<String> = answers.iter().map(ToString::to_string).collect();
            in_order(&question, &answers).map(Value::from).ok()
        };
        let both = json!({ "colour": ["red"], "size": ["XL"] });
        assert_eq!(given(&["red", "XL"]), Some(both.clone()));
        assert_eq!(given(&["size=XL", "red"]), Some(both));
        assert_eq!(given(&["red"]), None);
        assert_eq!(given(&["red", "XL", "more"]), None);
    }

    #[test]
    fn ids_may_be_shortened_when_that_is_clear() {
        let all = ["abc", "abd", "xyz"];
        let find = |id: &str| one(&all, id, |id| id, "thing", "list").ok().copied();
        assert_eq!(
            (find("x"), find("abc"), find("ab"), find("q"), find("")),
            (Some("xyz"), Some("abc"), None, None, None)
        );
    }
}
