//! Events of the gateway, in the house's words.

use super::runs::Runs;
use crate::delta::SessionDelta;
use crate::size::is_crowded;
use crate::{Approval, ApprovalKind, CommandFacts, Decision, GatewayEvent};
use clawtray_gateway_protocol::bounds::{CODE_MAX, SENTENCE_MAX, cut, is_id, shorten};
use clawtray_gateway_protocol::event::{
    AgentEvent, ApprovalRecord, ApprovalRequest, ApprovalResolved, ChatEvent, SessionMessage, Shutdown,
};
use clawtray_gateway_protocol::frame::BeforeRow;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// Bytes of a command or title, and of its detail, that are shown.
const ASKED_MAX: usize = 64 * 1024;

/// What an event is to a companion; nothing when it needs nobody's attention.
pub(crate) fn event(runs: &mut Runs, name: &str, raw: &str) -> Option<GatewayEvent> {
    if is_crowded(raw) || !is_id(name) {
        tracing::debug!(bytes = raw.len(), "an event that is too large");
        return None;
    }
    match name {
        "tick" => None,
        "chat" => runs
            .chat(parse::<ChatEvent<'_>>(name, raw)?)
            .map(GatewayEvent::Run),
        "agent" | "session.tool" => runs
            .agent(&parse::<AgentEvent<'_>>(name, raw)?)
            .map(GatewayEvent::Run),
        "session.message" => session_message(name, raw),
        "sessions.changed" => sessions_changed(name, raw),
        "exec.approval.requested" => approval_requested(name, raw, ApprovalKind::Exec),
        "plugin.approval.requested" => approval_requested(name, raw, ApprovalKind::Plugin),
        "exec.approval.resolved" | "plugin.approval.resolved" => {
            let event = parse::<ApprovalResolved>(name, raw).filter(|event| is_id(event.id.as_str()));
            event.map(|event| GatewayEvent::ApprovalResolved {
                id: event.id,
                decision: event.decision.as_deref().and_then(decision),
            })
        }
        "health" => Some(GatewayEvent::Health(value(raw))),
        "shutdown" => parse::<Shutdown>(name, raw).map(|event| GatewayEvent::Shutdown {
            reason: event.reason.map(|reason| cut(&reason, SENTENCE_MAX).to_owned()),
            restart_expected: event.restart_expected_ms.map(Duration::from_millis),
        }),
        _ => Some(GatewayEvent::Other {
            name: name.to_owned(),
            payload: value(raw),
        }),
    }
}

fn session_message(name: &str, raw: &str) -> Option<GatewayEvent> {
    let head = BeforeRow::cut(raw).and_then(|cut| serde_json::from_str::<SessionMessage>(&cut.head).ok());
    let mut event = head
        .or_else(|| parse(name, raw))
        .filter(|event| is_id(event.session_key.as_str()))?;
    event.message.remove_cut_marks();
    Some(GatewayEvent::Message {
        session: event.session_key,
        message: Box::new(event.message),
    })
}

fn sessions_changed(name: &str, raw: &str) -> Option<GatewayEvent> {
    let (head, delta) = SessionDelta::read(raw)
        .inspect_err(|error| unreadable(name, error))
        .ok()?;
    let reason = head.reason.map(|reason| cut(&reason, CODE_MAX).to_owned());
    Some(match head.session_key {
        Some(session) if !is_id(&session) => return None,
        Some(session) => GatewayEvent::SessionChanged {
            session: session.into(),
            reason,
            delta,
        },
        // Without a key it is about the list as a whole, and says nothing of any transcript.
        None => GatewayEvent::SessionsChanged { reason },
    })
}

/// An event that this version cannot read is dropped with a trace, never an error: the gateway may be newer.
fn parse<'a, T: Deserialize<'a>>(name: &str, raw: &'a str) -> Option<T> {
    serde_json::from_str(raw)
        .inspect_err(|error| unreadable(name, error))
        .ok()
}

fn unreadable(name: &str, error: &serde_json::Error) {
    tracing::debug!(
        name,
        line = error.line(),
        column = error.column(),
        "unreadable event"
    );
}

fn value(raw: &str) -> Value {
    serde_json::from_str(raw).unwrap_or(Value::Null)
}

fn approval_requested(name: &str, raw: &str, kind: ApprovalKind) -> Option<GatewayEvent> {
    let approval = bounded(approval(parse::<ApprovalRecord>(name, raw)?, kind))?;
    Some(GatewayEvent::ApprovalRequested(Box::new(approval)))
}

/// A decision by the gateway's name for it.
pub(crate) fn decision(name: &str) -> Option<Decision> {
    match name {
        "allow-once" => Some(Decision::AllowOnce),
        "allow-always" => Some(Decision::AllowAlways),
        "deny" => Some(Decision::Deny),
        _ => None,
    }
}

/// The gateway's name for a decision.
pub(crate) fn decision_name(decision: Decision) -> &'static str {
    match decision {
        Decision::AllowOnce => "allow-once",
        Decision::AllowAlways => "allow-always",
        Decision::Deny => "deny",
    }
}

/// An approval as a companion shows it.
pub(crate) fn approval(record: ApprovalRecord, kind: ApprovalKind) -> Approval {
    let ApprovalRecord {
        id,
        approval_kind,
        request,
        created_at_ms,
        expires_at_ms,
    } = record;
    let kind = match approval_kind.as_deref() {
        Some("plugin") => ApprovalKind::Plugin,
        Some("exec") => ApprovalKind::Exec,
        _ => kind,
    };
    let facts = match kind {
        ApprovalKind::Exec => command_facts(&request),
        ApprovalKind::Plugin => CommandFacts::default(),
    };
    let planned = request.system_run_plan.and_then(|plan| plan.command_text);
    let title = match kind {
        ApprovalKind::Exec => request.command.or(planned).or(request.title),
        ApprovalKind::Plugin => request.title.or(request.plugin_id),
    };
    let detail = match kind {
        ApprovalKind::Exec => request.warning_text,
        ApprovalKind::Plugin => request.description,
    };
    let allowed = match request.allowed_decisions {
        Some(names) => names.iter().filter_map(|name| decision(name)).collect(),
        None => vec![Decision::AllowOnce, Decision::AllowAlways, Decision::Deny],
    };
    Approval {
        id,
        kind,
        title: title.unwrap_or_default(),
        detail,
        command: facts,
        session: request.session_key,
        agent: request.agent_id,
        run: request.run_id,
        allowed,
        created_at_ms,
        expires_at_ms,
    }
}

/// An approval within bounds; nothing when an identifier is too long. A text that is too long is cut, and can only be denied:
/// nobody approves a command by its beginning.
pub(crate) fn bounded(mut approval: Approval) -> Option<Approval> {
    let ids = [
        Some(approval.id.as_str()),
        approval.session.as_ref().map(|id| id.as_str()),
        approval.agent.as_ref().map(|id| id.as_str()),
        approval.run.as_ref().map(|id| id.as_str()),
    ];
    if !ids.into_iter().flatten().all(is_id) {
        tracing::debug!("an approval with an identifier that is none");
        return None;
    }
    let facts = &mut approval.command;
    let texts = [
        Some(&mut approval.title),
        approval.detail.as_mut(),
        facts.cwd.as_mut(),
        facts.host.as_mut(),
        facts.node.as_mut(),
        facts.program.as_mut(),
        facts.runs.as_mut(),
    ];
    for text in texts.into_iter().flatten() {
        if text.len() > ASKED_MAX {
            shorten(text, ASKED_MAX);
            text.push('…');
            approval.allowed = vec![Decision::Deny];
        }
    }
    Some(approval)
}

/// Where and how a command would run. The plan is what a node carries out, so it comes before what was asked for.
fn command_facts(request: &ApprovalRequest) -> CommandFacts {
    let plan = request.system_run_plan.as_ref();
    let said = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
    let words = |argv: &Vec<String>| Some(argv.join(" ")).filter(|text| !text.is_empty());
    let runs = plan
        .and_then(|plan| said(plan.command_text.as_ref()).or_else(|| words(&plan.argv)))
        .or_else(|| request.command_argv.as_ref().and_then(words));
    CommandFacts {
        cwd: said(plan.and_then(|plan| plan.cwd.as_ref())).or_else(|| said(request.cwd.as_ref())),
        host: said(request.host.as_ref()),
        node: said(request.node_id.as_ref()),
        program: said(request.resolved_path.as_ref()),
        runs: runs.filter(|runs| request.command.as_ref().is_some_and(|command| command != runs)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn exec(request: Value) -> Approval {
        let record = serde_json::from_value(json!({ "id": "a", "request": request })).unwrap();
        approval(record, ApprovalKind::Exec)
    }

    #[test]
    fn a_warning_hides_none_of_the_facts_about_a_command() {
        // The fields of a record of the real gateway.
        let asked = exec(json!({
            "command": "echo x", "cwd": "/srv", "host": "node", "nodeId": "n-1", "warningText": "Unusual.",
            "resolvedPath": "/home/ann/evil/echo", "systemRunPlan": null, "commandArgv": ["echo", "x"],
        }));
        assert_eq!(asked.title, "echo x");
        assert_eq!(asked.detail.as_deref(), Some("Unusual."));
        let facts = CommandFacts {
            cwd: Some("/srv".into()),
            host: Some("node".into()),
            node: Some("n-1".into()),
            program: Some("/home/ann/evil/echo".into()),
            runs: None,
        };
        assert_eq!(asked.command, facts);
    }

    #[test]
    fn what_really_runs_is_said_where_it_is_not_the_command() {
        let plan = |text: &str| json!({ "argv": ["sh", "-c", "evil"], "commandText": text, "cwd": "/tmp" });
        for (request, runs, cwd) in [
            (
                json!({ "command": "echo x", "systemRunPlan": plan("evil") }),
                Some("evil"),
                Some("/tmp"),
            ),
            (
                json!({ "command": "evil", "cwd": "/srv", "systemRunPlan": plan("evil") }),
                None,
                Some("/tmp"),
            ),
            (
                json!({ "command": "echo x", "commandArgv": ["sh", "-c", "evil"] }),
                Some("sh -c evil"),
                None,
            ),
            // A shape of a newer gateway costs the fact, never the approval.
            (
                json!({ "command": "echo x", "systemRunPlan": 7, "commandArgv": {} }),
                None,
                None,
            ),
        ] {
            let facts = exec(request.clone()).command;
            assert_eq!(
                (facts.runs.as_deref(), facts.cwd.as_deref()),
                (runs, cwd),
                "{request}"
            );
        }
        let only_planned = exec(json!({ "systemRunPlan": plan("evil") }));
        assert_eq!(
            (only_planned.title.as_str(), only_planned.command.runs),
            ("evil", None)
        );
    }
}
