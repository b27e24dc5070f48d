//! What a person has to read before a command is approved, and where it can be read whole.

#[cfg(test)]
mod tests;

use crate::api::{ApprovalFact, FactKind};
use crate::gateway::{Approval, ApprovalKind, Decision};
use crate::text::{is_shown_unchanged, visible_line};
use crate::words::Words;

/// The longest line, in characters, that notifications and menus show whole.
const WHOLE_LINE: usize = 120;
/// Rows that a notification shows whole, and the characters that surely fit in one: GNOME Shell opens six rows.
const WHOLE_ROWS: usize = 6;
const ROW: usize = 48;
/// Characters of the longest name of a fact, in any language.
const FACT_NAME: usize = 20;
/// The most text of an approval that a window shows, in bytes over all its parts. Linux takes no longer argument.
const MOST_TEXT: usize = 128 * 1024;

/// The facts about a command, in the order that they are shown in.
#[must_use]
pub fn facts(approval: &Approval) -> Vec<ApprovalFact> {
    let about = &approval.command;
    let all = [
        (FactKind::Runs, &about.runs),
        (FactKind::Program, &about.program),
        (FactKind::Folder, &about.cwd),
        (FactKind::Host, &about.host),
        (FactKind::Node, &about.node),
    ];
    let said = all.into_iter().filter_map(|(kind, value)| {
        let value = value.clone()?;
        Some(ApprovalFact { kind, value })
    });
    said.collect()
}

/// An approval with no more text than a window shows. One that had more can only be denied: nobody could read it whole.
#[must_use]
pub fn bounded(mut approval: Approval) -> Approval {
    let about = &approval.command;
    let texts = [
        &approval.detail,
        &about.runs,
        &about.program,
        &about.cwd,
        &about.host,
        &about.node,
    ];
    let size = approval.title.len() + texts.into_iter().flatten().map(String::len).sum::<usize>();
    if size > MOST_TEXT {
        approval.title = visible_line(&approval.title, 4000);
        approval.detail = None;
        approval.command = crate::gateway::CommandFacts::default();
        approval.allowed = vec![Decision::Deny];
    }
    approval
}

/// What a notification or a menu shows of an approval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApprovalText {
    /// The command, or the plugin's title for its action.
    pub title: String,
    /// The gateway's warning about a command, or the plugin's description.
    pub detail: Option<String>,
    /// The facts about a command.
    pub facts: Vec<ApprovalFact>,
    /// A command; else a plugin's action.
    pub exec: bool,
    /// Approving once is on offer.
    pub may_allow: bool,
    /// Denying is on offer.
    pub may_deny: bool,
}

impl ApprovalText {
    /// The text of an approval.
    #[must_use]
    pub fn of(approval: &Approval) -> Self {
        let offers = |decision| approval.allowed.is_empty() || approval.allowed.contains(&decision);
        Self {
            title: approval.title.clone(),
            detail: approval.detail.clone().filter(|detail| !detail.trim().is_empty()),
            facts: facts(approval),
            exec: approval.kind == ApprovalKind::Exec,
            may_allow: offers(Decision::AllowOnce),
            may_deny: offers(Decision::Deny),
        }
    }

    /// Whether it can be approved from a notification or a menu: every line of it is shown there unchanged, and the
    /// gateway does not warn of it. All else is approved in a window, which shows the whole text.
    #[must_use]
    pub fn can_be_approved_here(&self) -> bool {
        let warned = self.exec && self.detail.is_some();
        let plain = std::iter::once(&self.title)
            .chain(&self.detail)
            .map(|line| (line, 0));
        let facts = self.facts.iter().map(|fact| (&fact.value, FACT_NAME));
        let lines: Vec<(&String, usize)> = plain.chain(facts).collect();
        let rows: usize = lines
            .iter()
            .map(|(line, more)| (line.chars().count() + more).div_ceil(ROW))
            .sum();
        self.may_allow
            && !warned
            && rows <= WHOLE_ROWS
            && lines.iter().all(|(line, _)| is_shown_unchanged(line, WHOLE_LINE))
    }

    /// Its lines: the command, then what else there is to know.
    pub(crate) fn lines(&self, words: &Words) -> Vec<String> {
        let limit = if self.can_be_approved_here() {
            WHOLE_LINE
        } else {
            300
        };
        let mut lines = vec![visible_line(&self.title, limit)];
        lines.extend(self.detail.iter().map(|detail| visible_line(detail, limit)));
        lines.extend(self.facts.iter().map(|fact| {
            let label = match fact.kind {
                FactKind::Runs => words.fact_runs,
                FactKind::Program => words.fact_program,
                FactKind::Folder => words.fact_folder,
                FactKind::Host => words.fact_host,
                FactKind::Node => words.fact_node,
            };
            format!("{label}: {}", visible_line(&fact.value, WHOLE_LINE))
        }));
        lines
    }
}
