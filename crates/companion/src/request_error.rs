//! The reasons why a request failed. Each has a code, a sentence and a next step.

use crate::api::UiError;
use crate::gateway::CallError;
use crate::ports::SecretError;
use crate::profiles::BadUrl;
use crate::settings::InvalidSetting;
use crate::text::one_line;
use crate::words::Language;

/// Bytes in what a person is told as one MB.
pub(crate) const MB: u64 = 1_000_000;
/// Characters of a gateway's own words that are told.
const GATEWAYS_WORDS: usize = 300;

/// Why a request failed, or why a prompt was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// The request itself makes no sense, and no window makes one like it. With what is wrong, in English.
    Malformed(&'static str),
    /// There is no gateway to ask.
    NoGateway,
    /// No gateway has this id.
    NoSuchGateway,
    /// A gateway that was found is not there any more.
    FoundGone,
    /// The URL is not an address of a gateway.
    Address(BadUrl),
    /// A gateway cannot be without a name.
    NameMissing,
    /// What a program prints instead of a token.
    TokenPlaceholder,
    /// Webhooks are signed with a secret.
    WebhookSecretMissing,
    /// Not the SHA-256 of a certificate.
    NoFingerprint,
    /// The keychain could not keep a secret of this gateway.
    Keychain {
        /// What it answered.
        error: SecretError,
        /// The gateway's name.
        gateway: String,
    },
    /// A gateway was removed, and its secrets were not.
    SecretsLeft,
    /// The local copy could not be cleared.
    CopyNotCleared,

    /// The gateway is not connected.
    NotConnected,
    /// The connection was lost before the answer.
    Disconnected,
    /// The answer did not come in time.
    Timeout,
    /// The gateway refused, and says why.
    Gateway {
        /// This device may not do that.
        forbidden: bool,
        /// Its own words.
        message: String,
        /// When it may be asked again, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// More than the gateway takes at once, in MB (10^6 bytes).
    CallTooLarge(u64),
    /// The gateway's protocol has no such thing; with what, in the client's words.
    Unsupported(String),
    /// The answer could not be read.
    BadAnswer,
    /// The gateway does not give a message in full: it is too large, or gone.
    MessageNotGiven,

    /// A prompt without text and files.
    NothingToSend,
    /// The gateway takes no files.
    NoFiles,
    /// An image is larger than this many MB.
    ImageTooLarge(u64),
    /// A file is larger than this many MB.
    FileTooLarge(u64),
    /// All files together are larger than this many MB.
    FilesTooLarge(u64),
    /// No prompt with this id waits.
    NoSuchPrompt,
    /// A prompt cannot be taken back any more.
    PromptOnItsWay,
    /// A prompt may have been sent; its answer was lost, and this gateway cannot be asked.
    AnswerLost,

    /// An approval is decided, or has lapsed.
    ApprovalGone,
    /// An approval does not offer this decision.
    NotOffered,
    /// A question is answered, or has lapsed.
    QuestionGone,
    /// The gateway did not compact a session; with its own words.
    NotCompacted(String),
    /// The gateway did not name the session that it made.
    NoCopyNamed,

    /// There is no report that was shown.
    NoReport,
    /// The report could not be written; with the system's words.
    ReportNotWritten(String),
    /// Not a link to a page or a mail address.
    NoWebLink,
    /// The system did not open a link.
    LinkNotOpened,
    /// The desktop does not give what should go with a prompt.
    NoCapture,
    /// What should go with a prompt is larger than any gateway takes.
    CaptureTooLarge,
    /// The program that copied it does not hand it on.
    ClipboardSilent,
    /// The desktop gave no screenshot.
    NoScreenshot,
    /// A setting, by its name in the file, cannot have that value.
    SettingValue(String),
    /// The settings file could not be written.
    SettingsNotWritten,
    /// The app is stopping.
    Stopping,
    /// A window asks for something that it is not for.
    NotAllowed,
    /// The app made a mistake: it forgot to answer.
    Internal,
}

impl RequestError {
    /// The word that windows and scripts branch on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_)
            | Self::Address(_)
            | Self::NameMissing
            | Self::TokenPlaceholder
            | Self::WebhookSecretMissing
            | Self::NoFingerprint
            | Self::NothingToSend
            | Self::NoReport
            | Self::SettingValue(_) => "invalid",
            Self::NoGateway => "no-gateway",
            Self::NoSuchGateway
            | Self::FoundGone
            | Self::NoSuchPrompt
            | Self::PromptOnItsWay
            | Self::ApprovalGone
            | Self::QuestionGone => "not-found",
            Self::Keychain { error, .. } => match error {
                SecretError::Locked | SecretError::Timeout => "keychain-locked",
                SecretError::Absent => "keychain-absent",
                SecretError::Refused(_) => "keychain-refused",
            },
            Self::SecretsLeft => "keychain-locked",
            Self::CopyNotCleared => "store",
            Self::NotConnected => "not-connected",
            Self::Disconnected | Self::AnswerLost => "disconnected",
            Self::Timeout => "timeout",
            Self::Gateway { forbidden: true, .. } => "forbidden",
            Self::Gateway { forbidden: false, .. }
            | Self::NotOffered
            | Self::MessageNotGiven
            | Self::NotCompacted(_)
            | Self::NoWebLink
            | Self::LinkNotOpened
            | Self::NoCapture
            | Self::ClipboardSilent
            | Self::NoScreenshot => "refused",
            Self::CallTooLarge(_)
            | Self::ImageTooLarge(_)
            | Self::FileTooLarge(_)
            | Self::FilesTooLarge(_)
            | Self::CaptureTooLarge => "too-large",
            Self::Unsupported(_) | Self::NoFiles => "unsupported",
            Self::BadAnswer | Self::NoCopyNamed => "bad-answer",
            Self::ReportNotWritten(_) | Self::SettingsNotWritten => "not-saved",
            Self::Stopping => "stopping",
            Self::NotAllowed => "not-allowed",
            Self::Internal => "internal",
        }
    }

    /// One sentence for a person.
    #[must_use]
    pub fn sentence(&self, language: Language) -> String {
        (language.words().request_error)(self).0
    }

    /// As a window shows it.
    #[must_use]
    pub fn told(&self, language: Language) -> UiError {
        let (message, hint) = (language.words().request_error)(self);
        let mut told = UiError {
            code: self.code().to_owned(),
            message,
            hint: Some(hint).filter(|hint| !hint.is_empty()).map(str::to_owned),
            retry_after_ms: None,
        };
        if let Self::Gateway { retry_after_ms, .. } = self {
            told.retry_after_ms = *retry_after_ms;
        }
        told
    }
}

impl From<CallError> for RequestError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::NotConnected => Self::NotConnected,
            CallError::Disconnected { .. } => Self::Disconnected,
            CallError::Timeout(_) => Self::Timeout,
            CallError::Gateway(error) => Self::Gateway {
                forbidden: error.code == "FORBIDDEN",
                message: one_line(&error.message, GATEWAYS_WORDS),
                retry_after_ms: error.retry_after_ms,
            },
            CallError::TooLarge { limit, .. } => Self::CallTooLarge(limit / MB),
            CallError::Unsupported(what) => Self::Unsupported(what.to_owned()),
            CallError::Decode { .. } => Self::BadAnswer,
        }
    }
}

impl From<BadUrl> for RequestError {
    fn from(bad: BadUrl) -> Self {
        Self::Address(bad)
    }
}

impl From<InvalidSetting> for RequestError {
    fn from(setting: InvalidSetting) -> Self {
        match setting {
            InvalidSetting::NotAnObject => Self::Malformed("Settings must be an object"),
            InvalidSetting::Value(name) => Self::SettingValue(name),
            InvalidSetting::NotWritten | InvalidSetting::ReadOnly | InvalidSetting::LeftAlone => {
                Self::SettingsNotWritten
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clawtray_gateway_protocol::GatewayError;

    #[test]
    fn a_gateway_s_own_words_are_told_in_any_language_with_what_helps_and_when() {
        let error = CallError::Gateway(GatewayError {
            code: "FORBIDDEN".into(),
            message: format!("missing\nscope: {}", "x".repeat(400)),
            details: None,
            retryable: None,
            retry_after_ms: Some(1500),
        });
        let told = RequestError::from(error).told(Language::German);
        assert_eq!(told.code, "forbidden");
        assert!(told.message.starts_with("missing scope: xxx"), "{}", told.message);
        assert!(told.message.chars().count() <= GATEWAYS_WORDS);
        assert!(
            told.hint
                .is_some_and(|hint| hint.starts_with("Erlauben Sie volle Kontrolle"))
        );
        assert_eq!(told.retry_after_ms, Some(1500));

        let told = RequestError::from(CallError::NotConnected).told(Language::English);
        assert_eq!(
            (told.code.as_str(), told.message.as_str(), told.hint.as_deref()),
            (
                "not-connected",
                "The gateway is not connected.",
                Some("Try again when the gateway is back.")
            )
        );
        let told = RequestError::ApprovalGone.told(Language::English);
        assert_eq!((told.hint, told.retry_after_ms), (None, None));
    }
}
