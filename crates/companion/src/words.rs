//! The texts of the app outside of its windows: tray, notifications, connection states, missing
//! desktop parts.
//!
//! The windows have their own texts in `ui/src/strings`, in the same languages.

mod de;
mod en;
mod es;
mod ja;
#[cfg(test)]
mod tests;
mod zh;

use crate::request_error::RequestError;

/// A language that the app speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
    /// Spanish.
    Spanish,
    /// Simplified Chinese.
    Chinese,
    /// Japanese.
    Japanese,
}

impl Language {
    /// The language for a setting (`system` or a tag) on a system that speaks `system`, a tag like `de-AT` or `de_AT.UTF-8`.
    /// English where the app does not speak it.
    #[must_use]
    pub fn choose(setting: &str, system: Option<&str>) -> Self {
        let wanted = match setting {
            "" | "system" => system.unwrap_or_default(),
            tag => tag,
        };
        let tag = wanted.replace('_', "-").to_lowercase();
        let mut parts = tag.split(['-', '.', '@']);
        match (parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) {
            ("de", _) => Self::German,
            ("es", _) => Self::Spanish,
            ("ja", _) => Self::Japanese,
            // Traditional characters are another script.
            ("zh", "" | "cn" | "sg" | "hans") => Self::Chinese,
            _ => Self::English,
        }
    }

    /// Its tag, as the setting and the windows write it.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::Spanish => "es",
            Self::Chinese => "zh-CN",
            Self::Japanese => "ja",
        }
    }

    /// Its words.
    pub(crate) fn words(self) -> &'static Words {
        match self {
            Self::English => &en::WORDS,
            Self::German => &de::WORDS,
            Self::Spanish => &es::WORDS,
            Self::Chinese => &zh::WORDS,
            Self::Japanese => &ja::WORDS,
        }
    }
}

/// A sentence, and what to do about it.
pub(crate) type Said = (&'static str, &'static str);
/// A sentence with names in it, and what to do about it; empty where nothing helps.
pub(crate) type Told = (String, &'static str);
/// A sentence with one name in it.
type With = fn(&str) -> String;
/// A sentence with a number in it.
type Count = fn(u32) -> String;

/// Every word. A field that takes an argument is a sentence around it.
pub(crate) struct Words {
    // What the tray says and offers.
    pub(crate) no_gateway: &'static str,
    /// Of a gateway, with its round trip in milliseconds.
    pub(crate) connected: fn(&str, Option<u32>) -> String,
    pub(crate) runs: Count,
    pub(crate) things_need_you: Count,
    pub(crate) unread: Count,
    pub(crate) try_now: &'static str,
    pub(crate) approve: With,
    pub(crate) approve_once: &'static str,
    pub(crate) deny: &'static str,
    pub(crate) answer: With,
    pub(crate) quick_chat: &'static str,
    pub(crate) sessions: &'static str,
    pub(crate) gateways: &'static str,
    pub(crate) do_not_disturb: &'static str,
    pub(crate) end_do_not_disturb: &'static str,
    pub(crate) for_one_hour: &'static str,
    pub(crate) until_tomorrow: &'static str,
    pub(crate) settings: &'static str,
    pub(crate) quit: &'static str,

    // Notifications.
    pub(crate) open: &'static str,
    pub(crate) reply: &'static str,
    pub(crate) new_reply: &'static str,
    pub(crate) something_new: &'static str,
    pub(crate) run_failed: &'static str,
    /// With the gateway's own words.
    pub(crate) run_failed_because: With,
    /// A session asks for approval.
    pub(crate) asks_for_approval: With,
    pub(crate) approval_waits: &'static str,
    /// A session asks.
    pub(crate) asks: With,
    pub(crate) question_waits: &'static str,
    pub(crate) gateway_down: With,
    pub(crate) waits_until_back: &'static str,
    pub(crate) gateway_back: With,
    pub(crate) connected_again: &'static str,
    pub(crate) pairing: With,
    pub(crate) replies_while_away: Count,
    pub(crate) some_device: &'static str,
    /// A device, and the gateway that it wants to be paired with.
    pub(crate) asks_to_be_paired: fn(&str, &str) -> String,

    // Approvals, and what became of a decision or a reply that was made outside of the windows.
    /// Opens the popup, which shows the whole of it.
    pub(crate) review: &'static str,
    /// What would really run, where it is not the command's text.
    pub(crate) fact_runs: &'static str,
    pub(crate) fact_program: &'static str,
    pub(crate) fact_folder: &'static str,
    pub(crate) fact_host: &'static str,
    pub(crate) fact_node: &'static str,
    /// With the command; empty where it is not shown.
    pub(crate) not_approved: With,
    /// With the command; empty where it is not shown.
    pub(crate) not_denied: With,
    pub(crate) reply_not_sent: &'static str,
    /// In the place of the gateway's own words.
    pub(crate) gateway_refused: &'static str,
    pub(crate) reply_is_draft: &'static str,
    pub(crate) reply_waits: &'static str,
    pub(crate) open_to_decide: &'static str,

    // Where a connection stands; each with the gateway's name.
    pub(crate) connecting: With,
    pub(crate) starting: With,
    pub(crate) not_reachable: With,
    pub(crate) switched_off: With,
    pub(crate) wants_token: With,
    pub(crate) wants_password: With,
    /// The place where the gateway gets its token from.
    pub(crate) token_elsewhere: With,
    pub(crate) token_placeholder: &'static str,
    pub(crate) old_folder: &'static str,
    pub(crate) password_invalid: With,
    pub(crate) token_invalid: With,
    pub(crate) rights_missing: With,
    pub(crate) pairing_wider: With,
    pub(crate) pairing_again: With,
    pub(crate) pairing_once: With,
    pub(crate) lets_wait: With,
    /// With the version of its protocol.
    pub(crate) speaks_protocol: fn(&str, u32) -> String,
    pub(crate) no_common_protocol: With,
    pub(crate) device_removed: With,
    /// The gateway was connected before, and shows a certificate that is not trusted.
    pub(crate) certificate_changed: With,
    /// An error of the app itself, twice.
    pub(crate) client_failed: With,
    /// With its own words.
    pub(crate) refused: fn(&str, &str) -> String,
    pub(crate) keychain_locked: With,
    pub(crate) keychain_absent: With,
    pub(crate) keychain_silent: With,
    pub(crate) keychain_refused: With,
    pub(crate) keychain_hint: &'static str,

    // What is missing, and what helps.
    pub(crate) no_tray: Said,
    pub(crate) no_notifications: Said,
    pub(crate) no_keychain: Said,
    /// Of a gateway; what helps is beside it.
    pub(crate) keychain_emptied: With,
    pub(crate) keychain_emptied_hint: &'static str,
    pub(crate) disk_full: Said,
    pub(crate) copy_rebuilt: Said,
    pub(crate) settings_set_aside: Said,
    pub(crate) settings_unreadable: Said,
    pub(crate) settings_newer: Said,
    pub(crate) settings_read_only: Said,
    pub(crate) gateways_set_aside: Said,
    pub(crate) gateways_unreadable: Said,
    pub(crate) gateways_newer: Said,
    pub(crate) gateways_not_written: Said,
    pub(crate) no_data_folder: Said,
    pub(crate) link_unknown: Said,
    /// With the prompts that would be lost.
    pub(crate) prompts_unsaved: Count,
    pub(crate) prompts_unsaved_hint: &'static str,
    pub(crate) quit_again: &'static str,
    pub(crate) drafts_unsaved: Said,
    pub(crate) outbox_stuck: Said,
    /// With the prompts that wait.
    pub(crate) outbox_saved: Count,
    pub(crate) outbox_salvaged: Count,
    pub(crate) no_windows: &'static str,
    /// With the reason.
    pub(crate) windows_broken: With,
    pub(crate) windows_updated: &'static str,
    /// With the reason.
    pub(crate) autostart_off: With,
    /// With the reason.
    pub(crate) autostart_on: With,
    pub(crate) autostart_hint: &'static str,
    /// With the keys.
    pub(crate) hotkey_taken: With,
    pub(crate) hotkey_taken_hint: &'static str,
    /// With the reason.
    pub(crate) hotkey_refused: With,
    pub(crate) hotkey_by_hand: &'static str,
    /// Granted, but the desktop has no key for it.
    pub(crate) hotkey_unset: Said,
    pub(crate) hotkey_not_granted: &'static str,
    pub(crate) hotkey_no_portal: &'static str,

    // What became of a connection that was tried.
    /// A gateway, and its version; empty when it does not say.
    pub(crate) answers: fn(&str, &str) -> String,
    pub(crate) does_not_answer: With,
    /// With the reason.
    pub(crate) not_reachable_because: fn(&str, &str) -> String,

    // Gateways that nobody has named, and where they were found.
    pub(crate) this_computer: &'static str,
    pub(crate) built_in: &'static str,
    pub(crate) usual_port: &'static str,
    pub(crate) local_network: &'static str,

    // Sessions that nobody has named.
    pub(crate) main_chat: &'static str,
    /// Of an agent.
    pub(crate) main_chat_of: With,
    /// On a channel, like Telegram.
    pub(crate) channel_chat: With,
    pub(crate) channel_group: With,
    pub(crate) automation: &'static str,
    pub(crate) subtask: &'static str,
    pub(crate) webhook: &'static str,
    pub(crate) chat: &'static str,

    /// Why a request failed.
    pub(crate) request_error: fn(&RequestError) -> Told,
}
