//! What each request may do: which windows make it, and how far it reaches into the gateway.
//!
//! A page draws what gateways and agents say. Should one of them ever get a script into it, the script can ask for what
//! its window asks for, and for nothing else: there is no request that calls a gateway's method by name. The command
//! line speaks for the person and may make every request.

use super::Request;
use crate::gateway::protocol::Scope;
use crate::ports::WindowKind;

/// What a request may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The windows whose pages may make it.
    pub windows: &'static [WindowKind],
    /// The widest scope of the gateway's methods that it calls; `None` where it calls none.
    pub scope: Option<Scope>,
}

use WindowKind::{Browser, Popup, Settings};

const EVERYWHERE: &[WindowKind] = &[Popup, Browser, Settings];
const CHAT: &[WindowKind] = &[Popup, Browser];
const SET_UP: &[WindowKind] = &[Popup, Settings];
const POPUP: &[WindowKind] = &[Popup];
const BROWSER: &[WindowKind] = &[Browser];
const SETTINGS: &[WindowKind] = &[Settings];
const NOWHERE: &[WindowKind] = &[];

const fn may(windows: &'static [WindowKind], scope: Option<Scope>) -> Permission {
    Permission { windows, scope }
}

impl Request {
    /// What it may do.
    #[must_use]
    pub const fn permission(&self) -> Permission {
        use Scope::{Admin, Approvals, Questions, Read, Write};
        match self {
            Self::SaveDraft { .. } | Self::PromptHistory { .. } | Self::CancelQueued { .. } => {
                may(CHAT, None)
            }
            Self::LoadOlder { .. }
            | Self::WholeMessage { .. }
            | Self::ListCommands { .. }
            | Self::ListModels { .. }
            | Self::ListArtifacts { .. }
            | Self::DownloadArtifact { .. } => may(CHAT, Some(Read)),
            // A session that comes into view is marked read.
            Self::SendMessage { .. }
            | Self::RetryQueued { .. }
            | Self::Stop { .. }
            | Self::NewSession { .. }
            | Self::SetTarget { .. }
            | Self::RevealMessage { .. }
            | Self::MarkRead { .. }
            | Self::SetSessionModel { .. } => may(CHAT, Some(Write)),
            Self::SendInBackground { .. } => may(POPUP, Some(Write)),
            Self::ResolveApproval { .. } => may(CHAT, Some(Approvals)),
            Self::AnswerQuestion { .. } => may(CHAT, Some(Questions)),

            Self::MuteSession { .. } => may(BROWSER, None),
            Self::Search { .. }
            | Self::ExportSession { .. }
            | Self::ListJobs { .. }
            | Self::UsageReport { .. }
            | Self::SessionUsage { .. }
            | Self::ListChannels { .. }
            | Self::ListNodes { .. }
            | Self::ListPresence { .. }
            | Self::ListTools { .. }
            | Self::TailLog { .. } => may(BROWSER, Some(Read)),
            Self::RenameSession { .. }
            | Self::PinSession { .. }
            | Self::ArchiveSession { .. }
            | Self::ForkSession { .. } => may(BROWSER, Some(Write)),
            Self::ResetSession { .. }
            | Self::CompactSession { .. }
            | Self::DeleteSession { .. }
            | Self::AddJob { .. }
            | Self::UpdateJob { .. }
            | Self::RemoveJob { .. }
            | Self::RunJob { .. } => may(BROWSER, Some(Admin)),

            Self::UseGateway { .. } | Self::Reconnect { .. } => may(EVERYWHERE, None),
            Self::DiscoverGateways
            | Self::TestGateway { .. }
            | Self::AddGateway { .. }
            | Self::AcceptFoundGateway { .. }
            | Self::UseEmbeddedGateway
            | Self::SetGatewayToken { .. }
            | Self::TrustCertificate { .. }
            | Self::RetryKeychain { .. } => may(SET_UP, None),
            // The browser offers it where a panel needs it.
            Self::SetFullControl { .. } => may(&[Browser, Settings], None),
            Self::SetGatewayDialect { .. }
            | Self::SetGatewayWebhook { .. }
            | Self::RenameGateway { .. }
            | Self::RemoveGateway { .. }
            | Self::ClearCache { .. }
            | Self::Diagnostics
            | Self::SaveDiagnostics
            | Self::ChangeSettings { .. } => may(SETTINGS, None),

            Self::ShowWindow { .. } => may(EVERYWHERE, Some(Write)),
            Self::HideWindow
            | Self::OpenLink { .. }
            | Self::DoNotDisturb { .. }
            | Self::DismissNotice { .. } => may(EVERYWHERE, None),
            Self::PinPopup { .. } | Self::FitPopup { .. } => may(POPUP, None),
            Self::Quit => may(NOWHERE, None),
        }
    }
}
