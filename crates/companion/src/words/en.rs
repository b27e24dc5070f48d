use super::{Language, Told, Words};
use crate::connection::keychain_sentence;
use crate::profiles::BadUrl;
use crate::request_error::RequestError;

pub(super) static WORDS: Words = Words {
    no_gateway: "No gateway is set up yet.",
    connected: |gateway, ms| match ms {
        Some(ms) => format!("{gateway}: connected, {ms} ms"),
        None => format!("{gateway}: connected"),
    },
    runs: |count| match count {
        1 => "1 run".to_owned(),
        _ => format!("{count} runs"),
    },
    things_need_you: |count| match count {
        1 => "1 request needs you".to_owned(),
        _ => format!("{count} requests need you"),
    },
    unread: |count| format!("{count} unread"),
    try_now: "Try now",
    approve: |what| format!("Approve: {what}"),
    approve_once: "Approve once",
    deny: "Deny",
    answer: |what| format!("Answer: {what}"),
    quick_chat: "Quick chat",
    sessions: "Open sessions",
    gateways: "Gateways",
    do_not_disturb: "Do not disturb",
    end_do_not_disturb: "Turn off do not disturb",
    for_one_hour: "For 1 hour",
    until_tomorrow: "Until tomorrow",
    settings: "Settings",
    quit: "Quit",

    open: "Open",
    reply: "Reply",
    new_reply: "New reply",
    something_new: "New activity",
    run_failed: "The run failed",
    run_failed_because: |why| format!("The run failed: {why}"),
    asks_for_approval: |session| format!("{session} asks for approval"),
    approval_waits: "Approval needed",
    asks: |session| format!("{session} has a question"),
    question_waits: "Answer needed",
    gateway_down: |gateway| format!("{gateway} is not reachable"),
    waits_until_back: "Your messages are kept and sent later.",
    gateway_back: |gateway| format!("{gateway} is back"),
    connected_again: "Clawtray is connected again.",
    pairing: |gateway| format!("{gateway}: pairing request"),
    replies_while_away: |count| format!("{count} replies while you were away"),
    some_device: "A device",
    asks_to_be_paired: |device, gateway| format!("{device} asks to pair with {gateway}."),

    review: "Review…",
    fact_runs: "Really runs",
    fact_program: "Program",
    fact_folder: "Folder",
    fact_host: "Host",
    fact_node: "Node",
    not_approved: |what| match what {
        "" => "Not approved".to_owned(),
        _ => format!("Not approved: {what}"),
    },
    not_denied: |what| match what {
        "" => "Not denied".to_owned(),
        _ => format!("Not denied: {what}"),
    },
    reply_not_sent: "Reply not sent",
    gateway_refused: "The gateway refused.",
    reply_is_draft: "Your text is kept as a draft.",
    reply_waits: "Your text waits in the session. Open it to try again.",
    open_to_decide: "Open Clawtray to decide.",

    connecting: |gateway| format!("Connecting to {gateway}."),
    starting: |gateway| format!("{gateway} is starting. Your messages are kept and sent later."),
    not_reachable: |gateway| format!("{gateway} is not reachable. Your messages are kept and sent later."),
    switched_off: |gateway| format!("The connection to {gateway} is turned off."),
    wants_token: |gateway| format!("{gateway} needs a token."),
    wants_password: |gateway| format!("{gateway} needs a password."),
    token_elsewhere: |place| format!("The gateway gets its token from {place}. This command shows it:"),
    token_placeholder: "The configuration has a placeholder in place of the token. This command shows it:",
    old_folder: "This folder is of an old version. This command moves it:",
    password_invalid: |gateway| format!("The password for {gateway} is not valid."),
    token_invalid: |gateway| format!("The token for {gateway} is no longer valid."),
    rights_missing: |gateway| {
        format!("{gateway} does not grant this device the permissions that Clawtray needs.")
    },
    pairing_wider: |gateway| format!("{gateway} must approve more permissions for this device."),
    pairing_again: |gateway| format!("{gateway} must approve this device again."),
    pairing_once: |gateway| format!("{gateway} must approve this device once."),
    lets_wait: |gateway| format!("Too many requests or failed attempts. {gateway} asks this device to wait."),
    speaks_protocol: |gateway, version| {
        format!("{gateway} uses protocol {version}. This version of Clawtray does not support it.")
    },
    no_common_protocol: |gateway| {
        format!("{gateway} and this version of Clawtray support no common protocol.")
    },
    device_removed: |gateway| format!("{gateway} removed this device or changed its authentication."),
    certificate_changed: |gateway| {
        format!(
            "{gateway} shows a certificate that is not trusted. Another server may answer in its place. Clawtray tries again. If you renewed the certificate, remove {gateway} here and add it again."
        )
    },
    client_failed: |gateway| {
        format!(
            "The connection to {gateway} failed twice because of an error in Clawtray. Clawtray starts it again."
        )
    },
    refused: |gateway, why| format!("{gateway} refused the connection: {why}"),
    keychain_locked: |gateway| {
        format!("The keychain is locked. Clawtray needs the keychain to sign in to {gateway}.")
    },
    keychain_absent: |gateway| {
        format!("This desktop has no keychain service. Clawtray needs one to store the token for {gateway}.")
    },
    keychain_silent: |gateway| {
        format!("The keychain does not respond. Clawtray needs the keychain to sign in to {gateway}.")
    },
    keychain_refused: |gateway| {
        format!("The keychain denied access. Clawtray needs the keychain to sign in to {gateway}.")
    },
    keychain_hint: "Unlock the keychain, or keep the token only until Clawtray quits.",

    no_tray: (
        "This desktop shows no tray icons.",
        "To open this window, start Clawtray again or press the hotkey.",
    ),
    no_notifications: (
        "This desktop shows no notifications.",
        "The tray and the session list show what is new.",
    ),
    no_keychain: (
        "This desktop has no keychain service.",
        "Clawtray keeps tokens until it quits and writes none to a file.",
    ),
    keychain_emptied: |gateway| format!("The keychain no longer has the token for {gateway}."),
    keychain_emptied_hint: "The token works until Clawtray quits. To store the token, enter it again in Settings.",
    disk_full: (
        "The disk is full. Clawtray cannot store sessions for offline use.",
        "Free some disk space. Clawtray then loads what is missing.",
    ),
    copy_rebuilt: (
        "The local copy of the sessions was damaged. Clawtray loads the sessions again from the gateway.",
        "You do not need to do anything.",
    ),
    no_windows: "Clawtray cannot open its windows",
    windows_broken: |why| format!("{why}. Install Clawtray again. Until then, use clawctl in a terminal."),
    windows_updated: "Clawtray was updated while it was running. Quit Clawtray in the tray and start it again.",
    autostart_off: |why| format!("Clawtray could not be set to start at login: {why}."),
    autostart_on: |why| format!("Clawtray still starts at login: {why}."),
    autostart_hint: "Change this in the desktop's settings.",
    hotkey_taken: |keys| format!("Another program uses {keys}."),
    hotkey_taken_hint: "Choose other keys in Settings.",
    hotkey_refused: |why| format!("The hotkey could not be registered: {why}."),
    hotkey_by_hand: "Assign a key to the command “clawctl toggle” in the desktop's keyboard settings.",
    hotkey_unset: (
        "Clawtray may have a hotkey, but the desktop has set no key for it.",
        "Choose one under keyboard shortcuts in the system settings.",
    ),
    hotkey_not_granted: "The desktop did not grant the hotkey.",
    hotkey_no_portal: "This desktop has no portal for global shortcuts.",

    this_computer: "This computer",
    built_in: "Built-in",
    usual_port: "the default port on this computer",
    local_network: "the local network",

    main_chat: "Main chat",
    main_chat_of: |agent| format!("Main chat of {agent}"),
    channel_chat: |channel| format!("{channel} chat"),
    channel_group: |channel| format!("{channel} group"),
    automation: "Automation",
    subtask: "Subtask",
    webhook: "Webhook",
    chat: "Chat",

    settings_set_aside: (
        "The settings file could not be read. Clawtray uses the default settings.",
        "The old file is kept beside the new one.",
    ),
    settings_unreadable: (
        "The settings file could not be read.",
        "Check that the file belongs to you. Until then, changes last only until Clawtray quits.",
    ),
    gateways_set_aside: (
        "The list of gateways could not be read. Clawtray started a new list.",
        "The old file is kept beside the new one.",
    ),
    no_data_folder: (
        "The data folder cannot be used. Messages and drafts last only until Clawtray quits.",
        "Free some disk space, or check that the folder belongs to you.",
    ),
    link_unknown: (
        "The link names a session that this gateway does not have.",
        "It may be deleted, or of another gateway.",
    ),
    settings_newer: (
        "A newer version of Clawtray wrote the settings file; it is left alone.",
        "Update Clawtray; until then changes last until the app ends.",
    ),
    settings_read_only: (
        "The settings file is read-only.",
        "Change it where it is managed; changes made here last until the app ends.",
    ),
    gateways_unreadable: (
        "The list of gateways could not be read now; it is left alone and tried again.",
        "Look whether the file is yours and the disk is well.",
    ),
    gateways_newer: (
        "A newer version of Clawtray wrote the list of gateways; it is left alone.",
        "Update Clawtray; until then changes last until the app ends.",
    ),
    gateways_not_written: (
        "The list of gateways could not be written.",
        "Free some disk space, or look whether the file is read-only; until then changes last until the app ends.",
    ),
    prompts_unsaved: |count| match count {
        1 => "A message could not be saved: it will be lost if you quit now.".to_owned(),
        _ => format!("{count} messages could not be saved: they will be lost if you quit now."),
    },
    prompts_unsaved_hint: "Free some disk space; it is tried again.",
    quit_again: "Quit again to quit anyway.",
    drafts_unsaved: (
        "What you are writing could not be saved.",
        "Free some disk space; until then drafts last until the app ends.",
    ),
    outbox_stuck: (
        "The outbox file cannot be used now: messages wait until it can.",
        "Look whether another program holds it, or whether the disk is full.",
    ),
    outbox_saved: |kept| {
        format!("The outbox file was damaged. Clawtray saved everything in it ({kept} waiting messages).")
    },
    outbox_salvaged: |kept| {
        format!(
            "The outbox file was damaged. Clawtray saved {kept} waiting messages and kept the damaged file beside the new one."
        )
    },

    answers: |gateway, version| match version {
        "" => format!("{gateway} answers."),
        _ => format!("{gateway} answers, version {version}."),
    },
    does_not_answer: |gateway| format!("{gateway} does not answer."),
    not_reachable_because: |gateway, why| format!("{gateway} is not reachable: {why}."),

    request_error,
};

fn request_error(error: &RequestError) -> Told {
    use RequestError as E;
    match error {
        E::Malformed(what) => (format!("{what}."), ""),
        E::NoGateway => ("No gateway is set up yet.".into(), "Add a gateway."),
        E::NoSuchGateway => ("This gateway does not exist.".into(), "Choose another gateway."),
        E::FoundGone => ("This gateway is no longer available.".into(), "Search again."),
        E::Address(BadUrl::NotAUrl) => (
            "This is not a valid address.".into(),
            "Enter an address such as ws://127.0.0.1:18789.",
        ),
        E::Address(BadUrl::Scheme) => (
            "The address must begin with ws, wss, http, https or ssh.".into(),
            "Enter an address such as ws://127.0.0.1:18789.",
        ),
        E::TokenPlaceholder => (
            "This is a placeholder, not a token.".into(),
            "To see the token, run openclaw gateway auth-token --show on the gateway’s computer.",
        ),
        E::NameMissing => ("A gateway needs a name.".into(), "Enter a name."),
        E::WebhookSecretMissing => (
            "Webhooks need a shared secret for their signature.".into(),
            "Enter the secret.",
        ),
        E::NoFingerprint => (
            "A fingerprint has 64 hexadecimal digits.".into(),
            "Copy the whole fingerprint.",
        ),
        E::Keychain { error, gateway } => (
            keychain_sentence(error, gateway, Language::English),
            WORDS.keychain_hint,
        ),
        E::SecretsLeft => (
            "The secrets of the gateway could not be removed from the keychain.".into(),
            "Remove Clawtray's entries from the keychain by hand.",
        ),
        E::CopyNotCleared => (
            "The local copy could not be cleared.".into(),
            "Try again. The log has the reason.",
        ),
        E::MessageNotGiven => (
            "The gateway does not give this message in full.".into(),
            "It is in the session's transcript on the gateway's computer.",
        ),
        E::NotConnected => (
            "The gateway is not connected.".into(),
            "Try again when the gateway is back.",
        ),
        E::Disconnected => (
            "The connection was lost.".into(),
            "Try again when the gateway is back.",
        ),
        E::Timeout => ("The gateway did not answer in time.".into(), "Try again."),
        E::Gateway {
            forbidden, message, ..
        } => {
            let hint = if *forbidden {
                "Allow full control in Settings, or ask the gateway's owner."
            } else {
                ""
            };
            (message.clone(), hint)
        }
        E::CallTooLarge(megabytes) => (
            format!("The message is larger than the {megabytes} MB that the gateway accepts."),
            "Send less at a time.",
        ),
        E::Unsupported(what) => (format!("This gateway cannot do that: {what}."), ""),
        E::BadAnswer => (
            "The gateway's answer could not be read.".into(),
            "Update the gateway.",
        ),
        E::NothingToSend => ("There is nothing to send.".into(), "Write a message."),
        E::NoFiles => (
            "This gateway does not accept files.".into(),
            "Send only the text.",
        ),
        E::ImageTooLarge(megabytes) => (
            format!("The image is larger than {megabytes} MB."),
            "Choose another file.",
        ),
        E::FileTooLarge(megabytes) => (
            format!("The file is larger than {megabytes} MB."),
            "Choose another file.",
        ),
        E::FilesTooLarge(megabytes) => (
            format!("The files are larger than {megabytes} MB in total."),
            "Send fewer files at a time.",
        ),
        E::NoSuchPrompt => ("This message does not exist.".into(), ""),
        E::PromptOnItsWay => ("The message is already being sent.".into(), "Stop the run."),
        E::AnswerLost => (
            "The message may have been sent, but the answer was lost.".into(),
            "Look in the session before you send the message again.",
        ),
        E::ApprovalGone => ("This approval is no longer waiting.".into(), ""),
        E::NotOffered => (
            "This approval does not offer that choice.".into(),
            "Approve once.",
        ),
        E::QuestionGone => ("This question is no longer waiting.".into(), ""),
        E::NotCompacted(why) => (
            format!("The session was not compacted: {why}"),
            "Try again later.",
        ),
        E::NoCopyNamed => (
            "The gateway did not return the new session.".into(),
            "Update the gateway.",
        ),
        E::NoReport => ("There is no report to save.".into(), "Show the report first."),
        E::ReportNotWritten(why) => (
            format!("The report could not be written: {why}."),
            "Copy the report instead.",
        ),
        E::NoWebLink => (
            "Clawtray opens only web and mail addresses.".into(),
            "Copy the link.",
        ),
        E::LinkNotOpened => ("The link could not be opened.".into(), "Copy the link."),
        E::NoCapture => (
            "This desktop does not provide this content.".into(),
            "Paste the content, or attach a file.",
        ),
        E::CaptureTooLarge => (
            "The content is larger than any gateway accepts.".into(),
            "Attach less.",
        ),
        E::ClipboardSilent => (
            "The program that holds the clipboard does not respond.".into(),
            "Copy the content again.",
        ),
        E::NoScreenshot => (
            "This desktop did not provide a screenshot.".into(),
            "Take a screenshot with the desktop's keys, then paste it.",
        ),
        E::SettingValue(name) => (format!("The setting {name} does not accept this value."), ""),
        E::SettingsNotWritten => (
            "The settings file could not be written.".into(),
            "Free some disk space, or check that the file belongs to you. Until then, the change lasts only until Clawtray quits.",
        ),
        E::Stopping => ("Clawtray is quitting.".into(), "Start Clawtray again."),
        E::NotAllowed => ("This window may not do that.".into(), ""),
        E::Internal => (
            "Something went wrong in Clawtray.".into(),
            "Try again. The log says what happened.",
        ),
    }
}
