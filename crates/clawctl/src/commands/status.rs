//! `status`.

use crate::cli::{Global, Status};
use crate::exit::{Exit, Failure, Outcome};
use crate::link::{self, Link, Wants};
use crate::term::{Paint, Term, one_line};
use clawtray_gateway_client::{GatewayEvent, SessionsQuery};
use serde::Serialize;
use serde_json::json;
use std::time::Duration;

/// Changes come in bursts; one line for each burst.
const BURST: Duration = Duration::from_millis(250);
/// Between attempts, while the gateway is away.
const RETRY: Duration = Duration::from_secs(5);

/// What `--json` prints.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    connected: bool,
    gateway: String,
    url: String,
    version: String,
    protocol: u32,
    agent: Option<String>,
    latency_ms: u64,
    sessions: u64,
    runs: u32,
    unread: u32,
    approvals: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `status`
pub(crate) async fn status(global: &Global, args: &Status, term: &mut Term) -> Outcome {
    if args.watch {
        return watch(global, args, term).await;
    }
    let wants = Wants {
        decide: true,
        ..Wants::default()
    };
    match link::open(global, wants, term).await {
        Ok(link) => {
            let facts = facts(&link).await?;
            print(&facts, args, term)
        }
        Err(failure) => {
            // A status bar wants an answer, whatever it is.
            if args.json || args.waybar {
                print(&offline(&failure), args, term)?;
            }
            if args.waybar {
                return Ok(());
            }
            if args.json {
                return Err(Failure::silent(failure.exit));
            }
            Err(failure)
        }
    }
}

async fn facts(link: &Link) -> Outcome<Facts> {
    let query = SessionsQuery {
        limit: Some(200),
        ..SessionsQuery::default()
    };
    let can = link.gateway.capabilities();
    let (ping, sessions, approvals) = tokio::join!(
        link.gateway.ping(),
        async {
            if can.sessions {
                link.gateway.sessions(query).await
            } else {
                Ok(Default::default())
            }
        },
        async {
            if can.approvals {
                link.gateway.approvals().await
            } else {
                Ok(Vec::new())
            }
        },
    );
    let sessions = sessions?;
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let rows = &sessions.sessions;
    let running = rows.iter().filter(|row| row.has_active_run == Some(true));
    let unread = rows
        .iter()
        .filter(|row| row.unread == Some(true) && row.is_background != Some(true));
    Ok(Facts {
        connected: true,
        gateway: link.name.clone(),
        url: link.url.clone(),
        version: link.server.version.clone(),
        protocol: link.server.protocol,
        agent: link.server.default_agent_id.as_ref().map(ToString::to_string),
        latency_ms: u64::try_from(ping?.as_millis()).unwrap_or(u64::MAX),
        sessions: sessions.total.unwrap_or_else(|| u64::from(count(rows.len()))),
        runs: count(running.count()),
        unread: count(unread.count()),
        // A device may lack the right to see approvals; that is no reason to say nothing.
        approvals: approvals.map_or(0, |approvals| count(approvals.len())),
        error: None,
        next: None,
    })
}

fn offline(failure: &Failure) -> Facts {
    Facts {
        error: Some(failure.message.clone()),
        next: failure.next.clone(),
        ..Facts::default()
    }
}

fn print(facts: &Facts, args: &Status, term: &mut Term) -> Outcome {
    if args.waybar {
        return term.json_line(&waybar(facts));
    }
    if args.json {
        return if args.watch {
            term.json_line(facts)
        } else {
            term.json(facts)
        };
    }
    let line = text(facts, term);
    term.line(&line)
}

fn text(facts: &Facts, term: &Term) -> String {
    if !facts.connected {
        let error = facts.error.as_deref().unwrap_or("not connected");
        return format!("{} {}", term.paint(Paint::Red, "○"), one_line(error));
    }
    let mut parts = vec![
        format!("{} {}", term.paint(Paint::Green, "●"), one_line(name(facts))),
        one_line(&facts.version),
        format!("{} ms", facts.latency_ms),
    ];
    let mut add = |number: u32, one: &str, many: &str| {
        if number > 0 {
            parts.push(format!("{number} {}", if number == 1 { one } else { many }));
        }
    };
    add(facts.runs, "run", "runs");
    add(facts.approvals, "waiting approval", "waiting approvals");
    add(facts.unread, "unread", "unread");
    parts.join(" · ")
}

fn name(facts: &Facts) -> &str {
    if facts.gateway.is_empty() {
        "connected"
    } else {
        &facts.gateway
    }
}

fn waybar(facts: &Facts) -> serde_json::Value {
    let class = if !facts.connected {
        "offline"
    } else if facts.approvals > 0 {
        "needs-you"
    } else if facts.runs > 0 {
        "working"
    } else {
        "well"
    };
    let text = match class {
        "needs-you" => format!("! {}", facts.approvals),
        "working" => format!("… {}", facts.runs),
        "offline" => "○".to_owned(),
        _ if facts.unread > 0 => format!("● {}", facts.unread),
        _ => "●".to_owned(),
    };
    let tooltip = if facts.connected {
        format!(
            "{} {}\n{} runs, {} approvals, {} unread",
            name(facts),
            facts.version,
            facts.runs,
            facts.approvals,
            facts.unread
        )
    } else {
        facts.error.clone().unwrap_or_default()
    };
    json!({ "text": text, "alt": class, "class": class, "tooltip": pango(&tooltip) })
}

/// As Waybar takes a tooltip: Pango markup, after GLib's `g_markup_escape_text`.
fn pango(text: &str) -> String {
    let mut out = String::new();
    for c in crate::term::harmless(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

async fn watch(global: &Global, args: &Status, term: &mut Term) -> Outcome {
    let wants = Wants {
        sessions: true,
        approvals: true,
        tools: false,
        decide: true,
        bridge: false,
        full_control: false,
    };
    let mut last: Option<Facts> = None;
    loop {
        let away = match link::open(global, wants, term).await {
            Ok(link) => follow(&link, args, term, &mut last).await?,
            Err(failure) if failure.exit == Exit::Usage => return Err(failure),
            Err(failure) => failure,
        };
        show(&offline(&away), args, term, &mut last)?;
        if away.exit == Exit::Refused {
            // Trying again would not mend it, and costs the gateway a failed attempt each time.
            return Err(away);
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Lines while the connection lasts; answers why it ended.
async fn follow(link: &Link, args: &Status, term: &mut Term, last: &mut Option<Facts>) -> Outcome<Failure> {
    let mut events = link.gateway.events();
    loop {
        match facts(link).await {
            Ok(facts) => show(&facts, args, term, last)?,
            Err(failure) => return Ok(failure),
        }
        loop {
            let Some(event) = events.recv().await else {
                return Ok(Failure::new(Exit::NotConnected, "the connection was lost"));
            };
            match event {
                // Text alone changes nothing here.
                GatewayEvent::Run(_) | GatewayEvent::Health(_) | GatewayEvent::Other { .. } => {}
                GatewayEvent::Connected { .. }
                | GatewayEvent::Resync
                | GatewayEvent::Message { .. }
                | GatewayEvent::SessionChanged { .. }
                | GatewayEvent::SessionsChanged { .. }
                | GatewayEvent::ApprovalRequested(_)
                | GatewayEvent::ApprovalResolved { .. } => break,
                GatewayEvent::Shutdown { .. } => {
                    return Ok(Failure::new(Exit::NotConnected, "the gateway is restarting"));
                }
            }
        }
        tokio::time::sleep(BURST).await;
        while events.try_recv().is_ok() {}
    }
}

/// Prints what is new; latency alone is not.
fn show(facts: &Facts, args: &Status, term: &mut Term, last: &mut Option<Facts>) -> Outcome {
    let same = last.as_ref().is_some_and(|last| {
        let latency_ms = last.latency_ms;
        *last
            == Facts {
                latency_ms,
                ..facts.clone()
            }
    });
    if !same {
        print(facts, args, term)?;
        *last = Some(facts.clone());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_errors_are_no_markup_to_a_status_bar() {
        let facts = Facts {
            connected: true,
            gateway: "Home & <b>Work</b>".into(),
            version: "1\x1b[2J".into(),
            ..Facts::default()
        };
        let tooltip = waybar(&facts)["tooltip"].as_str().unwrap_or_default().to_owned();
        assert!(
            tooltip.starts_with("Home &amp; &lt;b&gt;Work&lt;/b&gt; 1[2J\n"),
            "{tooltip}"
        );
        let error = Facts {
            error: Some("<span>&".into()),
            ..Facts::default()
        };
        assert_eq!(waybar(&error)["tooltip"], "&lt;span&gt;&amp;");
    }

    #[test]
    fn a_status_bar_gets_the_most_urgent_sign() {
        let facts = |connected, approvals, runs, unread| Facts {
            connected,
            approvals,
            runs,
            unread,
            ..Facts::default()
        };
        for (facts, class, text) in [
            (facts(false, 1, 1, 1), "offline", "○"),
            (facts(true, 2, 1, 1), "needs-you", "! 2"),
            (facts(true, 0, 3, 1), "working", "… 3"),
            (facts(true, 0, 0, 4), "well", "● 4"),
            (facts(true, 0, 0, 0), "well", "●"),
        ] {
            let bar = waybar(&facts);
            assert_eq!(
                (bar["class"].as_str(), bar["text"].as_str()),
                (Some(class), Some(text))
            );
        }
    }
}
