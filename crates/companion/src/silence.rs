//! Runs that the gateway starts by itself, and replies that say nothing.
//!
//! A heartbeat asks the agent whether anything needs attention. The agent answers with a word of the
//! gateway (`NO_REPLY`, in older configurations `HEARTBEAT_OK`) when nothing does. Nobody wants to
//! be told of that.

use clawtray_gateway_protocol::{Message, Role};

/// The answer that nothing needs attention.
const SILENT: [&str; 2] = ["NO_REPLY", "HEARTBEAT_OK"];
/// The older one, which may have a few words beside it.
const OLDER: &str = "HEARTBEAT_OK";
/// Characters beside the older one that the gateway drops with it.
const BESIDE: usize = 300;
/// Prompts of the gateway itself, as it writes them into a transcript.
const WAKES: [&str; 5] = [
    "[OpenClaw heartbeat poll]",
    "[OpenClaw exec completion]",
    "[OpenClaw cron wake]",
    "[OpenClaw session event]",
    "Follow the heartbeat monitor scratch context",
];

/// Whether a session is there for heartbeats alone.
#[must_use]
pub fn is_heartbeat_session(key: &str) -> bool {
    key.ends_with(":heartbeat")
}

/// Whether a prompt is the gateway's own, and no person's.
#[must_use]
pub fn is_wake(text: &str) -> bool {
    let text = text.trim_start();
    WAKES.iter().any(|wake| text.starts_with(wake))
        || (text.starts_with("Read HEARTBEAT.md") && text.contains(OLDER))
}

/// Whether a message is a prompt of the gateway's own.
#[must_use]
pub fn is_wake_message(message: &Message) -> bool {
    message.role == Role::User && is_wake(&message.text())
}

/// Whether a reply says nothing. `woken`: to a prompt of the gateway's own.
#[must_use]
pub fn says_nothing(text: &str, woken: bool) -> bool {
    let text = text.trim();
    let bare =
        text.trim_matches(|c: char| matches!(c, '*' | '`' | '"' | '\'' | '.' | '!') || c.is_whitespace());
    if SILENT.contains(&bare) {
        return true;
    }
    let rest = bare.strip_prefix(OLDER).or_else(|| bare.strip_suffix(OLDER));
    woken && rest.is_some_and(|rest| rest.trim().chars().count() <= BESIDE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_nothing_is_silent() {
        for (text, woken, silent) in [
            ("NO_REPLY", false, true),
            (" HEARTBEAT_OK\n", false, true),
            ("**HEARTBEAT_OK**", false, true),
            ("HEARTBEAT_OK — all quiet", true, true),
            ("All quiet. HEARTBEAT_OK", true, true),
            // A person asked: whatever else is said is an answer.
            ("HEARTBEAT_OK is the word for it", false, false),
            ("The word is HEARTBEAT_OK", false, false),
            ("a HEARTBEAT_OK b", true, false),
            ("Your train is late.", true, false),
            ("NO_REPLY came from the server", true, false),
        ] {
            assert_eq!(says_nothing(text, woken), silent, "{text:?}");
        }
        let long = format!("HEARTBEAT_OK {}", "x".repeat(301));
        assert!(!says_nothing(&long, true));
    }

    #[test]
    fn a_persons_prompt_is_no_wake() {
        assert!(is_wake("[OpenClaw heartbeat poll]"));
        assert!(is_wake(
            "Read HEARTBEAT.md if it exists. Else reply HEARTBEAT_OK."
        ));
        assert!(!is_wake("What is an [OpenClaw heartbeat poll]?"));
        assert!(!is_wake("Read HEARTBEAT.md to me"));
    }
}
