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
        1 => "1 thing needs you".to_owned(),
        _ => format!("{count} things need you"),
    },
    unread: |count| format!("{count} unread"),
    try_now: "Try now",
    approve: |what| format!("Approve: {what}"),
    approve_once: "Approve once",
    deny: "Deny",
    answer: |what| format!("Answer: {what}"),
    quick_chat: "Quick chat",
    sessions: "Open browser",
    gateways: "Gateways",
    do_not_disturb: "Do not disturb",
    end_do_not_disturb: "End do not disturb",
    for_one_hour: "For 1 hour",
    until_tomorrow: "Until tomorrow",
    settings: "Settings",
    quit: "Quit",

    open: "Open",
    reply: "Reply",
    new_reply: "New reply",
    something_new: "Something new",
    run_failed: "The run failed",
    run_failed_because: |why| format!("The run failed: {why}"),
    asks_for_approval: |session| format!("{session} asks for approval"),
    approval_waits: "An approval waits",
    asks: |session| format!("{session} asks"),
    question_waits: "A question waits",
    gateway_down: |gateway| format!("{gateway} is not reachable"),
    waits_until_back: "What you write waits until it is back.",
    gateway_back: |gateway| format!("{gateway} is back"),
    connected_again: "Connected again.",
    pairing: |gateway| format!("{gateway}: pairing"),
    replies_while_away: |count| format!("{count} replies while you were away"),
    some_device: "A device",
    asks_to_be_paired: |device, gateway| format!("{device} asks to be paired with {gateway}."),

    connecting: |gateway| format!("Connecting to {gateway}."),
    starting: |gateway| format!("{gateway} is starting. What you write waits here."),
    not_reachable: |gateway| format!("{gateway} is not reachable. What you write waits here."),
    switched_off: |gateway| format!("{gateway} is switched off here."),
    wants_token: |gateway| format!("{gateway} wants a token."),
    password_invalid: |gateway| format!("The password for {gateway} is not valid."),
    token_invalid: |gateway| format!("The token for {gateway} is no longer valid."),
    rights_missing: |gateway| format!("{gateway} does not give this device the rights it asks for."),
    pairing_wider: |gateway| format!("{gateway} has to approve wider rights for this device."),
    pairing_again: |gateway| format!("{gateway} has to approve this device again."),
    pairing_once: |gateway| format!("{gateway} has to approve this device once."),
    lets_wait: |gateway| format!("{gateway} lets this device wait: too many requests or failed attempts."),
    speaks_protocol: |gateway, version| {
        format!("{gateway} speaks protocol {version}, which this version does not know.")
    },
    no_common_protocol: |gateway| format!("{gateway} and this version have no protocol in common."),
    device_removed: |gateway| format!("{gateway} has removed this device or changed its authentication."),
    refused: |gateway, why| format!("{gateway} refused the connection: {why}"),
    keychain_locked: |gateway| format!("The keychain is locked. {gateway} needs it to sign in."),
    keychain_absent: |gateway| {
        format!("This desktop has no keychain service to keep the secrets of {gateway}.")
    },
    keychain_silent: |gateway| format!("The keychain does not answer. {gateway} needs it to sign in."),
    keychain_refused: |gateway| format!("The keychain refused. {gateway} needs it to sign in."),
    keychain_hint: "Unlock it, or keep the token for this session only.",

    no_tray: (
        "This desktop shows no tray icons.",
        "Starting Clawtray again opens this window; the hotkey does too.",
    ),
    no_notifications: (
        "This desktop shows no notifications.",
        "The tray and the session list tell what is new.",
    ),
    no_keychain: (
        "This desktop has no keychain service.",
        "Secrets can be kept for this session only; nothing is written to a file.",
    ),
    keychain_emptied: |gateway| format!("The keychain no longer has what {gateway} is signed in with."),
    keychain_emptied_hint: "It works until Clawtray quits. Enter the token again in settings to store it.",
    disk_full: (
        "The disk is full: conversations are not kept for offline use.",
        "Make room on the disk; what is missing is fetched again.",
    ),
    copy_rebuilt: (
        "The local copy of the conversations was damaged; it is filled again from the gateway.",
        "Nothing has to be done.",
    ),
    no_windows: "Clawtray cannot open its windows",
    windows_broken: |why| {
        format!("{why}. Install Clawtray again. Until then clawctl can do all that windows do.")
    },
    windows_updated: "It was updated while it ran. Quit it in the tray and start it again.",
    autostart_off: |why| format!("Clawtray could not be set to start with the system: {why}."),
    autostart_on: |why| format!("Clawtray still starts with the system: {why}."),
    autostart_hint: "Change it in the desktop's own settings.",
    hotkey_taken: |keys| format!("Another program has {keys}."),
    hotkey_taken_hint: "Choose other keys in settings.",
    hotkey_refused: |why| format!("The desktop did not give the keys: {why}"),
    hotkey_by_hand: "Bind `clawctl toggle` to keys in the desktop's own settings.",

    this_computer: "This computer",
    built_in: "Built-in",
    usual_port: "the usual port on this computer",
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
        "The settings file could not be read; it was set aside.",
        "It lies beside the new one.",
    ),
    settings_unreadable: (
        "The settings file could not be read.",
        "Look whether it is yours; until then settings last until the app ends.",
    ),
    gateways_set_aside: (
        "The list of gateways could not be read; it was set aside.",
        "It lies beside the new one.",
    ),
    no_data_folder: (
        "The data folder cannot be used: prompts and drafts last until the app ends.",
        "Free some disk space, or look whether the folder is yours.",
    ),
    outbox_saved: |kept| {
        format!("The outbox file was damaged; everything in it was saved ({kept} waiting prompts).")
    },
    outbox_salvaged: |kept| {
        format!(
            "The outbox file was damaged; {kept} waiting prompts were saved, and the damaged file was kept beside it."
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
        E::NoSuchGateway => ("There is no such gateway.".into(), ""),
        E::FoundGone => ("This gateway is no longer there.".into(), "Look again."),
        E::Address(BadUrl::NotAUrl) => ("This is not an address.".into(), ""),
        E::Address(BadUrl::Scheme) => (
            "A gateway's address begins with ws, wss, http, https or ssh.".into(),
            "",
        ),
        E::NameMissing => ("A gateway needs a name.".into(), ""),
        E::WebhookSecretMissing => ("Webhooks need a secret that they are signed with.".into(), ""),
        E::NoFingerprint => ("A fingerprint has 64 hexadecimal digits.".into(), ""),
        E::Keychain { error, gateway } => (
            keychain_sentence(error, gateway, Language::English),
            WORDS.keychain_hint,
        ),
        E::SecretsLeft => (
            "Its secrets could not be removed from the keychain.".into(),
            "Remove the entries of Clawtray there by hand.",
        ),
        E::CopyNotCleared => (
            "The local copy could not be cleared.".into(),
            "Try again; the log says what is wrong.",
        ),
        E::NotConnected => (
            "The gateway is not connected.".into(),
            "Try again when it is back.",
        ),
        E::Disconnected => ("The connection was lost.".into(), "Try again when it is back."),
        E::Timeout => ("The gateway did not answer in time.".into(), "Try again."),
        E::Gateway {
            forbidden, message, ..
        } => {
            let hint = if *forbidden {
                "Allow full control in the settings, or ask the gateway's owner."
            } else {
                ""
            };
            (message.clone(), hint)
        }
        E::CallTooLarge(megabytes) => (
            format!("This is larger than the {megabytes} MB that the gateway takes."),
            "Send less at a time.",
        ),
        E::Unsupported(what) => (format!("This gateway cannot do that: {what}."), ""),
        E::BadAnswer => (
            "The gateway's answer could not be read.".into(),
            "Update the gateway.",
        ),
        E::NothingToSend => ("There is nothing to send.".into(), ""),
        E::NoFiles => ("This gateway takes no files.".into(), "Send the text alone."),
        E::ImageTooLarge(megabytes) => (
            format!("The image is larger than {megabytes} MB."),
            "Choose another.",
        ),
        E::FileTooLarge(megabytes) => (
            format!("The file is larger than {megabytes} MB."),
            "Choose another.",
        ),
        E::FilesTooLarge(megabytes) => (
            format!("Together the files are larger than {megabytes} MB."),
            "Send fewer at a time.",
        ),
        E::NoSuchPrompt => ("There is no such prompt.".into(), ""),
        E::PromptOnItsWay => ("The prompt is already on its way.".into(), "Stop the run."),
        E::AnswerLost => ("It may have been sent; the answer was lost.".into(), ""),
        E::ApprovalGone => ("This approval no longer waits.".into(), ""),
        E::NotOffered => ("This approval does not offer that.".into(), "Approve once."),
        E::QuestionGone => ("This question no longer waits.".into(), ""),
        E::NotCompacted(why) => (
            format!("The session was not compacted: {why}"),
            "Try again later.",
        ),
        E::NoCopyNamed => ("The gateway did not name the copy.".into(), "Update the gateway."),
        E::NoReport => ("There is no report that was looked at.".into(), ""),
        E::ReportNotWritten(why) => (
            format!("The report could not be written: {why}."),
            "Copy it instead.",
        ),
        E::NoWebLink => ("Only web and mail addresses are opened.".into(), ""),
        E::LinkNotOpened => ("The link could not be opened.".into(), "Copy it."),
        E::NoCapture => (
            "This desktop cannot give that.".into(),
            "Paste it, or attach a file.",
        ),
        E::CaptureTooLarge => ("It is larger than any gateway takes.".into(), "Attach less."),
        E::ClipboardSilent => (
            "The program that copied it does not answer.".into(),
            "Copy it again.",
        ),
        E::NoScreenshot => (
            "This desktop gave no screenshot.".into(),
            "Take one with the desktop's own keys and paste it.",
        ),
        E::SettingValue(name) => (format!("The setting {name} cannot have that value."), ""),
        E::SettingsNotWritten => (
            "The settings file could not be written.".into(),
            "Free some disk space, or make it yours; until then the change is lost with the app.",
        ),
        E::Stopping => ("The app is stopping.".into(), ""),
    }
}
