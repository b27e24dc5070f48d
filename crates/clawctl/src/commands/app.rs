//! Commands for the running app: `toggle`, `open`, `dnd`, `quit`. None of them waits for a network.

use crate::cli::Global;
use crate::exit::{Failure, Outcome};
use crate::link;
use crate::term::Term;
use clawtray_companion::control::{Op, address, tell};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(5);

fn ask(op: Op) -> Outcome {
    tell(&address()?, op, LIMIT)?;
    Ok(())
}

/// The activation token of the program that started us. It lets a window take the focus.
fn activation() -> Option<String> {
    std::env::var("XDG_ACTIVATION_TOKEN")
        .ok()
        .filter(|token| !token.is_empty())
}

/// `toggle`
pub(crate) fn toggle() -> Outcome {
    let activation = activation();
    ask(Op::Toggle { activation })
}

/// `open`
pub(crate) fn open(global: &Global, session: Option<String>) -> Outcome {
    let gateway = global.gateway.as_deref().map(link::profile_id).transpose()?;
    // The app knows its gateway's default agent no better than this: short names are of the agent `main`.
    let session = session.map(|key| {
        if key.contains(':') {
            key
        } else {
            format!("agent:main:{key}")
        }
    });
    let activation = activation();
    ask(Op::Open {
        gateway,
        session,
        activation,
    })
}

/// `quit`
pub(crate) fn quit() -> Outcome {
    ask(Op::Quit)
}

/// `dnd`
pub(crate) fn dnd(time: Option<&str>, term: &mut Term) -> Outcome {
    let minutes = duration(time.unwrap_or("1h"))?;
    let until_ms = minutes.map(|minutes| super::now_ms() + minutes * 60_000);
    ask(Op::DoNotDisturb { until_ms })?;
    match until_ms {
        Some(until) => term.note(&format!(
            "notifications are off until {}",
            super::local_time(until)
        )),
        None => term.note("notifications are on"),
    }
    Ok(())
}

/// Minutes; none for `off`.
fn duration(text: &str) -> Outcome<Option<i64>> {
    if text == "off" {
        return Ok(None);
    }
    let bad = || Failure::usage(format!("{text} is not a valid time")).next("clawctl dnd 30m, 2h, 1d or off");
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "" | "m" | "min" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return Err(bad()),
    };
    let number: i64 = number.parse().map_err(|_| bad())?;
    match number.checked_mul(factor) {
        Some(minutes @ 1..=525_600) => Ok(Some(minutes)),
        Some(_) | None => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_do_not_disturb() {
        for (text, expected) in [
            ("30m", Some(Some(30))),
            ("2h", Some(Some(120))),
            ("1d", Some(Some(1440))),
            ("45", Some(Some(45))),
            ("off", Some(None)),
            ("0", None),
            ("h", None),
            ("5 weeks", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(duration(text).ok(), expected, "{text}");
        }
    }
}
