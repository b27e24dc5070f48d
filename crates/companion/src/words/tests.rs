use super::{Language, Words};
use crate::ports::SecretError;
use crate::profiles::BadUrl;
use crate::request_error::RequestError;

#[test]
fn the_setting_comes_before_the_system_and_what_is_not_spoken_is_english() {
    let check = |setting: &str, system: Option<&str>, expected: Language| {
        assert_eq!(
            Language::choose(setting, system),
            expected,
            "{setting} {system:?}"
        );
    };
    check("system", None, Language::English);
    check("system", Some("de-AT"), Language::German);
    check("system", Some("es_MX.UTF-8"), Language::Spanish);
    check("", Some("ja"), Language::Japanese);
    check("system", Some("zh-Hans-CN"), Language::Chinese);
    check("system", Some("zh_CN.UTF-8"), Language::Chinese);
    check("system", Some("zh-TW"), Language::English);
    check("system", Some("fr-FR"), Language::English);
    check("system", Some("C.UTF-8"), Language::English);
    check("en", Some("de-DE"), Language::English);
    check("zh-CN", Some("de-DE"), Language::Chinese);
}

/// Every sentence of a language with its arguments in place.
fn all(words: &Words) -> Vec<String> {
    let plain = [
        words.no_gateway,
        words.try_now,
        words.approve_once,
        words.deny,
        words.quick_chat,
        words.sessions,
        words.do_not_disturb,
        words.end_do_not_disturb,
        words.for_one_hour,
        words.until_tomorrow,
        words.settings,
        words.quit,
        words.open,
        words.reply,
        words.new_reply,
        words.something_new,
        words.run_failed,
        words.approval_waits,
        words.question_waits,
        words.waits_until_back,
        words.connected_again,
        words.review,
        words.fact_runs,
        words.fact_folder,
        words.reply_not_sent,
        words.gateway_refused,
        words.reply_is_draft,
        words.reply_waits,
        words.open_to_decide,
        words.no_tray.0,
        words.no_tray.1,
        words.no_notifications.0,
        words.no_notifications.1,
        words.no_keychain.0,
        words.no_keychain.1,
        words.some_device,
        words.disk_full.0,
        words.disk_full.1,
        words.copy_rebuilt.0,
        words.copy_rebuilt.1,
        words.keychain_hint,
        words.keychain_emptied_hint,
        words.no_windows,
        words.windows_updated,
        words.autostart_hint,
        words.hotkey_taken_hint,
        words.hotkey_by_hand,
        words.settings_set_aside.0,
        words.settings_set_aside.1,
        words.settings_unreadable.0,
        words.settings_unreadable.1,
        words.gateways_set_aside.0,
        words.gateways_set_aside.1,
        words.no_data_folder.0,
        words.no_data_folder.1,
        words.settings_newer.0,
        words.settings_newer.1,
        words.settings_read_only.0,
        words.settings_read_only.1,
        words.gateways_unreadable.0,
        words.gateways_unreadable.1,
        words.gateways_newer.0,
        words.gateways_newer.1,
        words.gateways_not_written.0,
        words.gateways_not_written.1,
        words.link_unknown.0,
        words.link_unknown.1,
        words.prompts_unsaved_hint,
        words.quit_again,
        words.drafts_unsaved.0,
        words.drafts_unsaved.1,
        words.outbox_stuck.0,
        words.outbox_stuck.1,
        words.this_computer,
        words.built_in,
        words.usual_port,
        words.local_network,
        words.main_chat,
        words.automation,
        words.subtask,
    ];
    plain
        .map(str::to_owned)
        .into_iter()
        .chain(with_arguments(words))
        .chain(errors().iter().flat_map(|error| {
            let (sentence, hint) = (words.request_error)(error);
            [sentence, hint.to_owned()]
                .into_iter()
                .filter(|text| !text.is_empty())
        }))
        .collect()
}

/// Why a request fails, but for the gateway's words and those of a request that no window makes.
fn errors() -> Vec<RequestError> {
    let mut all = vec![
        RequestError::NoGateway,
        RequestError::NoSuchGateway,
        RequestError::FoundGone,
        RequestError::Address(BadUrl::NotAUrl),
        RequestError::Address(BadUrl::Scheme),
        RequestError::NameMissing,
        RequestError::TokenPlaceholder,
        RequestError::WebhookSecretMissing,
        RequestError::NoFingerprint,
        RequestError::SecretsLeft,
        RequestError::CopyNotCleared,
        RequestError::NotConnected,
        RequestError::Disconnected,
        RequestError::Timeout,
        RequestError::BadAnswer,
        RequestError::MessageNotGiven,
        RequestError::NothingToSend,
        RequestError::NoFiles,
        RequestError::NoSuchPrompt,
        RequestError::PromptOnItsWay,
        RequestError::AnswerLost,
        RequestError::ApprovalGone,
        RequestError::NotOffered,
        RequestError::QuestionGone,
        RequestError::NoCopyNamed,
        RequestError::NoReport,
        RequestError::NoWebLink,
        RequestError::LinkNotOpened,
        RequestError::NoCapture,
        RequestError::CaptureTooLarge,
        RequestError::ClipboardSilent,
        RequestError::NoScreenshot,
        RequestError::SettingsNotWritten,
        RequestError::Stopping,
        RequestError::NotAllowed,
        RequestError::Internal,
    ];
    all.extend(errors_with("QX"));
    all
}

/// Those with a name or a number in them.
fn errors_with(name: &str) -> Vec<RequestError> {
    vec![
        RequestError::Keychain {
            error: SecretError::Absent,
            gateway: name.to_owned(),
        },
        RequestError::CallTooLarge(77),
        RequestError::Unsupported(name.to_owned()),
        RequestError::ImageTooLarge(77),
        RequestError::FileTooLarge(77),
        RequestError::FilesTooLarge(77),
        RequestError::NotCompacted(name.to_owned()),
        RequestError::ReportNotWritten(name.to_owned()),
        RequestError::SettingValue(name.to_owned()),
    ]
}

/// Those with a name or a number in them.
fn with_arguments(words: &Words) -> Vec<String> {
    let named = [
        words.approve,
        words.answer,
        words.run_failed_because,
        words.asks_for_approval,
        words.asks,
        words.not_approved,
        words.not_denied,
        words.gateway_down,
        words.gateway_back,
        words.pairing,
        words.connecting,
        words.starting,
        words.not_reachable,
        words.switched_off,
        words.wants_token,
        words.password_invalid,
        words.token_invalid,
        words.rights_missing,
        words.pairing_wider,
        words.pairing_again,
        words.pairing_once,
        words.lets_wait,
        words.no_common_protocol,
        words.device_removed,
        words.certificate_changed,
        words.client_failed,
        words.keychain_locked,
        words.keychain_absent,
        words.keychain_silent,
        words.keychain_refused,
        words.keychain_emptied,
        words.windows_broken,
        words.autostart_off,
        words.autostart_on,
        words.hotkey_taken,
        words.hotkey_refused,
        words.main_chat_of,
        words.channel_chat,
        words.channel_group,
        words.does_not_answer,
    ];
    let counted = [
        words.runs,
        words.things_need_you,
        words.unread,
        words.replies_while_away,
        words.outbox_saved,
        words.outbox_salvaged,
        words.prompts_unsaved,
    ];
    let mut all: Vec<String> = named.iter().map(|say| say("QX")).collect();
    all.push((words.connected)("QX", None));
    all.push((words.connected)("QX", Some(7)));
    all.push((words.speaks_protocol)("QX", 7));
    all.push((words.refused)("QX", "7"));
    all.push((words.answers)("QX", ""));
    all.push((words.answers)("QX", "7"));
    all.push((words.not_reachable_because)("QX", "7"));
    all.push((words.asks_to_be_paired)("QX", "7"));
    all.extend(counted.iter().map(|say| format!("{} QX", say(7))));
    all
}

#[test]
fn sentences_keep_the_manners_of_the_house() {
    for language in [
        Language::English,
        Language::German,
        Language::Spanish,
        Language::Chinese,
        Language::Japanese,
    ] {
        for said in all(language.words()) {
            assert!(!said.contains('`'), "a mark of code: {said}");
            assert!(
                !said.contains("..") && !said.contains("。。"),
                "two full stops: {said}"
            );
            let first = said.chars().next();
            assert!(
                !first.is_some_and(char::is_lowercase) || !said.ends_with('.'),
                "{said}"
            );
            if language == Language::German {
                let familiar = |word: &str| {
                    let word = word.trim_matches(|c: char| !c.is_alphabetic()).to_lowercase();
                    word == "du" || word == "dir" || word == "dich" || word.starts_with("dein")
                };
                assert!(!said.split_whitespace().any(familiar), "{said}");
            }
        }
    }
}

#[test]
fn every_language_says_everything_in_its_own_words_and_loses_no_name() {
    let english = all(Language::English.words());
    for language in [
        Language::German,
        Language::Spanish,
        Language::Chinese,
        Language::Japanese,
    ] {
        let words = language.words();
        assert_eq!(Language::choose(language.tag(), None), language);
        for (own, english) in all(words).iter().zip(&english) {
            assert!(!own.trim().is_empty(), "{english}");
            assert_ne!(own, english, "{language:?}");
        }
        for said in with_arguments(words) {
            assert!(said.contains("QX"), "{language:?}: {said}");
        }
        for error in errors_with("QX") {
            let said = error.sentence(language);
            assert!(said.contains("QX") || said.contains("77"), "{language:?}: {said}");
        }
        for said in [
            (words.connected)("QX", Some(7)),
            (words.speaks_protocol)("QX", 7),
            (words.refused)("QX", "7"),
            (words.answers)("QX", "7"),
            (words.not_reachable_because)("QX", "7"),
        ] {
            assert!(said.contains('7'), "{language:?}: {said}");
        }
        for say in [
            words.runs,
            words.things_need_you,
            words.unread,
            words.replies_while_away,
            words.outbox_saved,
            words.outbox_salvaged,
        ] {
            assert!(say(1).contains('1') && say(7).contains('7'), "{language:?}");
        }
    }
}
