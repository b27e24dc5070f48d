//! The command line of the app. It is short, because `clawctl` is the command line for everything
//! else.

#[cfg(test)]
mod tests;

use std::ffi::OsString;

pub(crate) const HELP: &str = "\
Clawtray, the OpenClaw gateway in your system tray

clawtray [options] [clawtray://session/<key>]

  --toggle              show or hide the popup; start the app if it is not running (assign a key to this command)
  --open <session>      open a session in the popup
  --hidden              start without a window
  --embedded            use the built-in gateway
  --accept-environment  connect to the gateway in OPENCLAW_GATEWAY_URL without asking
  --test-window         open a visible window at start, for tests with WebDriver
  --version             print the version
  --help                print this help
";

/// What the command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) toggle: bool,
    pub(crate) open: Option<String>,
    pub(crate) hidden: bool,
    pub(crate) embedded: bool,
    pub(crate) accept_environment: bool,
    pub(crate) test_window: bool,
    /// A `clawtray://` link.
    pub(crate) link: Option<String>,
}

/// What to do with the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    Run(Arguments),
    Version,
    Help,
    /// Not understood, in a sentence.
    Wrong(String),
}

/// Reads the arguments after the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Parsed {
    let mut parsed = Arguments::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let Some(argument) = argument.to_str() else {
            return Parsed::Wrong("arguments must be UTF-8; see --help".into());
        };
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            Some(_) | None => (argument, None),
        };
        match name {
            "--open" => match value.or_else(|| arguments.next().and_then(|next| next.into_string().ok())) {
                Some(session) if !session.is_empty() => parsed.open = Some(session),
                Some(_) | None => {
                    return Parsed::Wrong("--open needs a session, for example --open main".into());
                }
            },
            _ if value.is_some() && !name.starts_with("clawtray:") => {
                return Parsed::Wrong(format!("{name} takes no value; see --help"));
            }
            "--toggle" => parsed.toggle = true,
            "--hidden" => parsed.hidden = true,
            "--embedded" => parsed.embedded = true,
            "--accept-environment" => parsed.accept_environment = true,
            "--test-window" => parsed.test_window = true,
            "--version" | "-V" => return Parsed::Version,
            "--help" | "-h" => return Parsed::Help,
            link if link.starts_with("clawtray:") => parsed.link = Some(link.to_owned()),
            other => return Parsed::Wrong(format!("unknown option {other}; see --help")),
        }
    }
    Parsed::Run(parsed)
}
