use super::{Language, Told, Words};
use crate::connection::keychain_sentence;
use crate::profiles::BadUrl;
use crate::request_error::RequestError;

pub(super) static WORDS: Words = Words {
    no_gateway: "Es ist noch kein Gateway eingerichtet.",
    connected: |gateway, ms| match ms {
        Some(ms) => format!("{gateway}: verbunden, {ms} ms"),
        None => format!("{gateway}: verbunden"),
    },
    runs: |count| match count {
        1 => "1 Lauf".to_owned(),
        _ => format!("{count} Läufe"),
    },
    things_need_you: |count| match count {
        1 => "1 Sache braucht dich".to_owned(),
        _ => format!("{count} Sachen brauchen dich"),
    },
    unread: |count| format!("{count} ungelesen"),
    try_now: "Jetzt versuchen",
    approve: |what| format!("Erlauben: {what}"),
    approve_once: "Einmal erlauben",
    deny: "Ablehnen",
    answer: |what| format!("Antworten: {what}"),
    quick_chat: "Schnellchat",
    sessions: "Sitzungen öffnen",
    gateways: "Gateways",
    do_not_disturb: "Nicht stören",
    end_do_not_disturb: "Wieder stören",
    for_one_hour: "Für 1 Stunde",
    until_tomorrow: "Bis morgen",
    settings: "Einstellungen",
    quit: "Beenden",

    open: "Öffnen",
    reply: "Antworten",
    new_reply: "Neue Antwort",
    something_new: "Etwas Neues",
    run_failed: "Der Lauf ist fehlgeschlagen",
    run_failed_because: |why| format!("Der Lauf ist fehlgeschlagen: {why}"),
    asks_for_approval: |session| format!("{session} bittet um Freigabe"),
    approval_waits: "Eine Freigabe wartet",
    asks: |session| format!("{session} fragt"),
    question_waits: "Eine Frage wartet",
    gateway_down: |gateway| format!("{gateway} ist nicht erreichbar"),
    waits_until_back: "Was du schreibst, wartet, bis es wieder da ist.",
    gateway_back: |gateway| format!("{gateway} ist wieder da"),
    connected_again: "Wieder verbunden.",
    pairing: |gateway| format!("{gateway}: Kopplung"),
    replies_while_away: |count| format!("{count} Antworten, während du weg warst"),
    some_device: "Ein Gerät",
    asks_to_be_paired: |device, gateway| format!("{device} möchte mit {gateway} gekoppelt werden."),

    connecting: |gateway| format!("Verbindung zu {gateway} wird aufgebaut."),
    starting: |gateway| format!("{gateway} startet gerade. Was du schreibst, wartet hier."),
    not_reachable: |gateway| format!("{gateway} ist nicht erreichbar. Was du schreibst, wartet hier."),
    switched_off: |gateway| format!("{gateway} ist hier ausgeschaltet."),
    wants_token: |gateway| format!("{gateway} verlangt ein Token."),
    password_invalid: |gateway| format!("Das Passwort für {gateway} ist ungültig."),
    token_invalid: |gateway| format!("Das Token für {gateway} gilt nicht mehr."),
    rights_missing: |gateway| format!("{gateway} gibt diesem Gerät nicht die Rechte, um die es bittet."),
    pairing_wider: |gateway| format!("{gateway} muss diesem Gerät weitere Rechte freigeben."),
    pairing_again: |gateway| format!("{gateway} muss dieses Gerät erneut freigeben."),
    pairing_once: |gateway| format!("{gateway} muss dieses Gerät einmal freigeben."),
    lets_wait: |gateway| format!("{gateway} lässt dieses Gerät warten: zu viele Anfragen oder Fehlversuche."),
    speaks_protocol: |gateway, version| {
        format!("{gateway} spricht Protokoll {version}, das diese Version nicht kennt.")
    },
    no_common_protocol: |gateway| format!("{gateway} und diese Version haben kein gemeinsames Protokoll."),
    device_removed: |gateway| format!("{gateway} hat dieses Gerät entfernt oder seine Anmeldung geändert."),
    refused: |gateway, why| format!("{gateway} hat die Verbindung abgelehnt: {why}"),
    keychain_locked: |gateway| format!("Der Schlüsselbund ist gesperrt. {gateway} braucht ihn zum Anmelden."),
    keychain_absent: |gateway| {
        format!("Dieser Desktop hat keinen Schlüsselbund für die Geheimnisse von {gateway}.")
    },
    keychain_silent: |gateway| {
        format!("Der Schlüsselbund antwortet nicht. {gateway} braucht ihn zum Anmelden.")
    },
    keychain_refused: |gateway| {
        format!("Der Schlüsselbund hat abgelehnt. {gateway} braucht ihn zum Anmelden.")
    },
    keychain_hint: "Entsperre ihn, oder behalte das Token nur für diese Sitzung.",

    no_tray: (
        "Dieser Desktop zeigt keine Symbole in der Taskleiste.",
        "Ein erneuter Start von Clawtray öffnet dieses Fenster, das Tastenkürzel auch.",
    ),
    no_notifications: (
        "Dieser Desktop zeigt keine Benachrichtigungen.",
        "Taskleiste und Sitzungsliste sagen, was neu ist.",
    ),
    no_keychain: (
        "Dieser Desktop hat keinen Schlüsselbunddienst.",
        "Geheimnisse lassen sich nur für diese Sitzung behalten; nichts wird in eine Datei geschrieben.",
    ),
    keychain_emptied: |gateway| format!("Womit {gateway} angemeldet ist, steht nicht mehr im Schlüsselbund."),
    keychain_emptied_hint: "Es gilt, bis Clawtray beendet wird. Gib das Token in den Einstellungen erneut ein, um es zu speichern.",
    disk_full: (
        "Der Datenträger ist voll: Unterhaltungen werden nicht für die Offline-Nutzung behalten.",
        "Schaffe Platz; was fehlt, wird wieder geholt.",
    ),
    copy_rebuilt: (
        "Die lokale Kopie der Unterhaltungen war beschädigt; sie wird vom Gateway neu gefüllt.",
        "Es ist nichts zu tun.",
    ),
    no_windows: "Clawtray kann seine Fenster nicht öffnen",
    windows_broken: |why| {
        format!("{why}. Installiere Clawtray neu. Bis dahin kann clawctl alles, was die Fenster können.")
    },
    windows_updated: "Es wurde aktualisiert, während es lief. Beende es in der Taskleiste und starte es neu.",
    autostart_off: |why| format!("Clawtray ließ sich nicht für den Start mit dem System einrichten: {why}."),
    autostart_on: |why| format!("Clawtray startet weiterhin mit dem System: {why}."),
    autostart_hint: "Ändere es in den Einstellungen des Desktops.",
    hotkey_taken: |keys| format!("Ein anderes Programm hat {keys}."),
    hotkey_taken_hint: "Wähle in den Einstellungen andere Tasten.",
    hotkey_refused: |why| format!("Der Desktop hat die Tasten nicht hergegeben: {why}"),
    hotkey_by_hand: "Lege `clawctl toggle` in den Einstellungen des Desktops auf Tasten.",

    this_computer: "Dieser Computer",
    built_in: "Eingebaut",
    usual_port: "dem üblichen Port dieses Computers",
    local_network: "dem lokalen Netz",

    main_chat: "Hauptchat",
    main_chat_of: |agent| format!("Hauptchat von {agent}"),
    channel_chat: |channel| format!("{channel}-Chat"),
    channel_group: |channel| format!("{channel}-Gruppe"),
    automation: "Automatisierung",
    subtask: "Teilaufgabe",
    webhook: "Webhook",
    chat: "Chat",

    settings_set_aside: (
        "Die Einstellungsdatei ließ sich nicht lesen; sie wurde beiseitegelegt.",
        "Sie liegt neben der neuen.",
    ),
    settings_unreadable: (
        "Die Einstellungsdatei ließ sich nicht lesen.",
        "Sieh nach, ob sie dir gehört; bis dahin gelten Einstellungen nur, bis die App endet.",
    ),
    gateways_set_aside: (
        "Die Liste der Gateways ließ sich nicht lesen; sie wurde beiseitegelegt.",
        "Sie liegt neben der neuen.",
    ),
    no_data_folder: (
        "Der Datenordner ist nicht benutzbar: Nachrichten und Entwürfe bleiben nur, bis die App endet.",
        "Schaffe Platz, oder sieh nach, ob der Ordner dir gehört.",
    ),
    outbox_saved: |kept| {
        format!(
            "Die Datei des Ausgangs war beschädigt; alles darin wurde gerettet ({kept} wartende Nachrichten)."
        )
    },
    outbox_salvaged: |kept| {
        format!(
            "Die Datei des Ausgangs war beschädigt; {kept} wartende Nachrichten wurden gerettet, die beschädigte Datei liegt daneben."
        )
    },

    answers: |gateway, version| match version {
        "" => format!("{gateway} antwortet."),
        _ => format!("{gateway} antwortet, Version {version}."),
    },
    does_not_answer: |gateway| format!("{gateway} antwortet nicht."),
    not_reachable_because: |gateway, why| format!("{gateway} ist nicht erreichbar: {why}."),

    request_error,
};

fn request_error(error: &RequestError) -> Told {
    use RequestError as E;
    match error {
        E::Malformed(what) => (format!("{what}."), ""),
        E::NoGateway => (
            "Es ist noch kein Gateway eingerichtet.".into(),
            "Füge ein Gateway hinzu.",
        ),
        E::NoSuchGateway => ("Dieses Gateway gibt es nicht.".into(), ""),
        E::FoundGone => ("Dieses Gateway ist nicht mehr da.".into(), "Suche noch einmal."),
        E::Address(BadUrl::NotAUrl) => ("Das ist keine Adresse.".into(), ""),
        E::Address(BadUrl::Scheme) => (
            "Die Adresse eines Gateways beginnt mit ws, wss, http, https oder ssh.".into(),
            "",
        ),
        E::NameMissing => ("Ein Gateway braucht einen Namen.".into(), ""),
        E::WebhookSecretMissing => (
            "Webhooks brauchen ein Geheimnis, mit dem sie unterschrieben sind.".into(),
            "",
        ),
        E::NoFingerprint => ("Ein Fingerabdruck hat 64 hexadezimale Ziffern.".into(), ""),
        E::Keychain { error, gateway } => (
            keychain_sentence(error, gateway, Language::German),
            WORDS.keychain_hint,
        ),
        E::SecretsLeft => (
            "Seine Geheimnisse ließen sich nicht aus dem Schlüsselbund entfernen.".into(),
            "Entferne die Einträge von Clawtray dort von Hand.",
        ),
        E::CopyNotCleared => (
            "Die lokale Kopie ließ sich nicht leeren.".into(),
            "Versuche es noch einmal; im Protokoll steht, woran es liegt.",
        ),
        E::NotConnected => (
            "Das Gateway ist nicht verbunden.".into(),
            "Versuche es, wenn es wieder da ist.",
        ),
        E::Disconnected => (
            "Die Verbindung ist abgerissen.".into(),
            "Versuche es, wenn sie wieder da ist.",
        ),
        E::Timeout => (
            "Das Gateway hat nicht rechtzeitig geantwortet.".into(),
            "Versuche es noch einmal.",
        ),
        E::Gateway {
            forbidden, message, ..
        } => {
            let hint = if *forbidden {
                "Erlaube volle Kontrolle in den Einstellungen, oder frage den Besitzer des Gateways."
            } else {
                ""
            };
            (message.clone(), hint)
        }
        E::CallTooLarge(megabytes) => (
            format!("Das ist größer als die {megabytes} MB, die das Gateway annimmt."),
            "Sende weniger auf einmal.",
        ),
        E::Unsupported(what) => (format!("Dieses Gateway kann das nicht: {what}."), ""),
        E::BadAnswer => (
            "Die Antwort des Gateways ließ sich nicht lesen.".into(),
            "Aktualisiere das Gateway.",
        ),
        E::NothingToSend => ("Es gibt nichts zu senden.".into(), ""),
        E::NoFiles => (
            "Dieses Gateway nimmt keine Dateien an.".into(),
            "Sende nur den Text.",
        ),
        E::ImageTooLarge(megabytes) => (
            format!("Das Bild ist größer als {megabytes} MB."),
            "Wähle ein anderes.",
        ),
        E::FileTooLarge(megabytes) => (
            format!("Die Datei ist größer als {megabytes} MB."),
            "Wähle eine andere.",
        ),
        E::FilesTooLarge(megabytes) => (
            format!("Zusammen sind die Dateien größer als {megabytes} MB."),
            "Sende weniger auf einmal.",
        ),
        E::NoSuchPrompt => ("Diese Nachricht gibt es nicht.".into(), ""),
        E::PromptOnItsWay => ("Die Nachricht ist schon unterwegs.".into(), "Halte den Lauf an."),
        E::AnswerLost => (
            "Vielleicht wurde sie gesendet; die Antwort ging verloren.".into(),
            "",
        ),
        E::ApprovalGone => ("Diese Freigabe wartet nicht mehr.".into(), ""),
        E::NotOffered => ("Diese Freigabe bietet das nicht an.".into(), "Erlaube es einmal."),
        E::QuestionGone => ("Diese Frage wartet nicht mehr.".into(), ""),
        E::NotCompacted(why) => (
            format!("Die Sitzung wurde nicht verdichtet: {why}"),
            "Versuche es später noch einmal.",
        ),
        E::NoCopyNamed => (
            "Das Gateway hat die Kopie nicht benannt.".into(),
            "Aktualisiere das Gateway.",
        ),
        E::NoReport => ("Es gibt keinen Bericht, der angesehen wurde.".into(), ""),
        E::ReportNotWritten(why) => (
            format!("Der Bericht ließ sich nicht schreiben: {why}."),
            "Kopiere ihn stattdessen.",
        ),
        E::NoWebLink => ("Nur Web- und Mailadressen werden geöffnet.".into(), ""),
        E::LinkNotOpened => ("Der Link ließ sich nicht öffnen.".into(), "Kopiere ihn."),
        E::NoCapture => (
            "Dieser Desktop gibt das nicht her.".into(),
            "Füge es ein, oder hänge eine Datei an.",
        ),
        E::CaptureTooLarge => (
            "Das ist größer, als irgendein Gateway annimmt.".into(),
            "Hänge weniger an.",
        ),
        E::ClipboardSilent => (
            "Das Programm, aus dem es kopiert wurde, antwortet nicht.".into(),
            "Kopiere es noch einmal.",
        ),
        E::NoScreenshot => (
            "Dieser Desktop hat kein Bildschirmfoto geliefert.".into(),
            "Nimm eines mit den Tasten des Desktops auf und füge es ein.",
        ),
        E::SettingValue(name) => (
            format!("Die Einstellung {name} kann diesen Wert nicht haben."),
            "",
        ),
        E::SettingsNotWritten => (
            "Die Einstellungsdatei ließ sich nicht schreiben.".into(),
            "Schaffe Platz, oder mache sie zu deiner; bis dahin gilt die Änderung nur, bis die App endet.",
        ),
        E::Stopping => ("Die App wird gerade beendet.".into(), ""),
    }
}
