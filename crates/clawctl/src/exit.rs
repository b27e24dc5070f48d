//! The end of a command: the message on standard error, and the exit code.

use clawtray_companion::api::{ConnectionView, ConnectionWord, NextStep};
use clawtray_companion::control::TellError;
use clawtray_companion::ports::SecretError;
use clawtray_gateway_client::CallError;
use std::fmt;
use std::io;

/// An exit code; `clawctl --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Done = 0,
    Local = 1,
    Usage = 2,
    NotConnected = 3,
    Refused = 4,
    RunFailed = 5,
    Interrupted = 130,
}

/// Why a command did not do what it was asked: one sentence, one next step.
#[derive(Debug)]
pub(crate) struct Failure {
    pub exit: Exit,
    pub message: String,
    pub next: Option<String>,
}

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            next: None,
        }
    }
    pub(crate) fn local(message: impl Into<String>) -> Self {
        Self::new(Exit::Local, message)
    }
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }
    pub(crate) fn next(mut self, step: impl Into<String>) -> Self {
        self.next = Some(step.into());
        self
    }
    /// Ends without a word: the reader has gone, or the command has already said what happened.
    pub(crate) fn silent(exit: Exit) -> Self {
        Self::new(exit, "")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // The reader of a pipe has seen enough: that is an end, not an error.
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::silent(Exit::Done);
        }
        Self::local(error.to_string())
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let message = error.to_string();
        match error {
            CallError::NotConnected | CallError::Disconnected { .. } | CallError::Timeout(_) => {
                Self::new(Exit::NotConnected, message).next("clawctl doctor")
            }
            CallError::Gateway(error) => {
                let mut failure = Self::new(Exit::Refused, format!("the gateway refused: {}", error.message));
                if error.detail_code() == Some("MISSING_SCOPE") {
                    let scope = error.detail("missingScope").unwrap_or("another scope");
                    failure = failure.next(format!("openclaw devices approve (this device needs {scope})"));
                }
                failure
            }
            CallError::TooLarge { .. } | CallError::Unsupported(_) | CallError::Decode { .. } => {
                Self::new(Exit::Refused, message)
            }
        }
    }
}

impl From<TellError> for Failure {
    fn from(error: TellError) -> Self {
        match error {
            TellError::NotRunning => {
                Self::new(Exit::NotConnected, "the app is not running").next("start clawtray")
            }
            TellError::Refused(refusal) => Self {
                exit: Exit::Refused,
                message: refusal.message,
                next: refusal.hint,
            },
            TellError::Io(_) => Self::local(error.to_string()),
        }
    }
}

/// The keychain's answer, with what to do about it.
pub(crate) fn keychain(error: &SecretError) -> Failure {
    let failure = Failure::local(error.to_string());
    match error {
        SecretError::Locked | SecretError::Timeout => failure.next("unlock the keychain and try again"),
        SecretError::Absent | SecretError::Refused(_) => {
            failure.next("set OPENCLAW_GATEWAY_URL and OPENCLAW_GATEWAY_TOKEN to continue without a keychain")
        }
    }
}

/// A connection that does not come about.
pub(crate) fn connection(view: &ConnectionView) -> Failure {
    let exit = match view.word {
        ConnectionWord::SignIn
        | ConnectionWord::Pairing
        | ConnectionWord::RateLimited
        | ConnectionWord::ProtocolMismatch
        | ConnectionWord::Refused => Exit::Refused,
        ConnectionWord::KeychainLocked | ConnectionWord::KeychainUnreadable => Exit::Local,
        ConnectionWord::None
        | ConnectionWord::Connecting
        | ConnectionWord::Ready
        | ConnectionWord::Offline
        | ConnectionWord::SoonBack
        | ConnectionWord::Insecure
        | ConnectionWord::UserOffline => Exit::NotConnected,
    };
    let sentence = view.sentence.trim_end_matches('.').to_owned();
    Failure {
        exit,
        message: sentence,
        next: next_step(view),
    }
}

/// The next step of a connection, as something to type or do.
pub(crate) fn next_step(view: &ConnectionView) -> Option<String> {
    if let Some(command) = &view.command {
        return Some(if view.word == ConnectionWord::Pairing {
            format!("on the gateway's computer: {command}")
        } else {
            command.clone()
        });
    }
    let step = match view.next_step {
        NextStep::None => return None,
        NextStep::TryNow if view.word == ConnectionWord::RateLimited => "wait, then try again",
        NextStep::TryNow => {
            "check that the gateway is running (openclaw gateway status), or run clawctl doctor"
        }
        NextStep::SignIn => {
            "get the token (openclaw gateway auth-token --show, on the gateway's computer), then set OPENCLAW_GATEWAY_TOKEN or run clawctl gateway add again"
        }
        NextStep::ApprovePairing => "on the gateway's computer: openclaw devices list",
        NextStep::UpdateGateway => "update the gateway, or clawctl",
        NextStep::TrustCertificate => "trust the certificate in Clawtray's settings",
        NextStep::UnlockKeychain => "unlock the keychain and try again",
        NextStep::AddGateway => "clawctl gateway add ws://127.0.0.1:18789",
        NextStep::GoOnline => "turn the connection on in Clawtray",
    };
    Some(step.to_owned())
}
