//! `question.*`: questions that an agent asks a user.

use super::{NoParams, Scope, method};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

method!(
    /// Questions that wait.
    List = "question.list", Some(Scope::Questions), NoParams => ListResult
);
method!(
    /// One question.
    Get = "question.get", Some(Scope::Questions), IdParams => Value
);
method!(
    /// Answers a question, or declines to.
    Resolve = "question.resolve", Some(Scope::Questions), ResolveParams => Value
);

/// A question's id.
#[derive(Clone, Debug, Serialize)]
pub struct IdParams {
    /// The question.
    pub id: String,
}

/// Result of `question.list`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListResult {
    /// The questions.
    #[serde(deserialize_with = "crate::lenient::rows")]
    pub questions: Vec<Question>,
}

/// A set of questions asked at once, also the payload of `question.requested`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Question {
    /// Its id.
    pub id: String,
    /// The questions.
    pub questions: Vec<QuestionPart>,
    /// When it was asked, in milliseconds since the epoch.
    pub created_at_ms: i64,
    /// When it lapses, in milliseconds since the epoch.
    pub expires_at_ms: Option<i64>,
}

/// One question.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QuestionPart {
    /// Its id within the set.
    pub question_id: String,
    /// A short title.
    pub header: Option<String>,
    /// The question.
    pub question: String,
    /// The answers offered.
    pub options: Vec<QuestionOption>,
    /// More than one may be chosen.
    pub multi_select: Option<bool>,
}

/// An answer offered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct QuestionOption {
    /// The answer.
    pub label: String,
    /// What it means.
    pub description: Option<String>,
}

/// Parameters of `question.resolve`.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum ResolveParams {
    /// Answers.
    Answer {
        /// The question.
        id: String,
        /// The answers.
        answers: Answers,
    },
    /// No answer.
    Cancel {
        /// The question.
        id: String,
        /// Always true.
        cancel: True,
    },
}

/// The value `true`.
#[derive(Clone, Copy, Debug, Default)]
pub struct True;

impl Serialize for True {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bool(true)
    }
}

/// Answers by question id.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Answers {
    /// For each question what was chosen or typed.
    pub answers: BTreeMap<String, Vec<String>>,
}
