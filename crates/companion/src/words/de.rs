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
        1 => "1 Ausführung".to_owned(),
        _ => format!("{count} Ausführungen"),
    },
    things_need_you: |count| match count {
        1 => "1 Anfrage wartet auf Sie".to_owned(),
        _ => format!("{count} Anfragen warten auf Sie"),
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
    end_do_not_disturb: "„Nicht stören“ ausschalten",
    for_one_hour: "Für 1 Stunde",
    until_tomorrow: "Bis morgen",
    settings: "Einstellungen",
    quit: "Beenden",

    open: "Öffnen",
    reply: "Antworten",
    new_reply: "Neue Antwort",
    something_new: "Neue Aktivität",
    run_failed: "Die Ausführung ist fehlgeschlagen",
    run_failed_because: |why| format!("Die Ausführung ist fehlgeschlagen: {why}"),
    asks_for_approval: |session| format!("{session} bittet um Freigabe"),
    approval_waits: "Freigabe nötig",
    asks: |session| format!("{session} hat eine Frage"),
    question_waits: "Antwort nötig",
    gateway_down: |gateway| format!("{gateway} ist nicht erreichbar"),
    waits_until_back: "Ihre Nachrichten werden aufbewahrt und später gesendet.",
    gateway_back: |gateway| format!("{gateway} ist wieder da"),
    connected_again: "Clawtray ist wieder verbunden.",
    pairing: |gateway| format!("{gateway}: Kopplungsanfrage"),
    replies_while_away: |count| format!("{count} Antworten während Ihrer Abwesenheit"),
    some_device: "Ein Gerät",
    asks_to_be_paired: |device, gateway| format!("{device} möchte mit {gateway} gekoppelt werden."),

    review: "Ansehen …",
    fact_runs: "Läuft wirklich",
    fact_program: "Programm",
    fact_folder: "Ordner",
    fact_host: "Rechner",
    fact_node: "Node",
    not_approved: |what| match what {
        "" => "Nicht erlaubt".to_owned(),
        _ => format!("Nicht erlaubt: {what}"),
    },
    not_denied: |what| match what {
        "" => "Nicht abgelehnt".to_owned(),
        _ => format!("Nicht abgelehnt: {what}"),
    },
    reply_not_sent: "Antwort nicht gesendet",
    gateway_refused: "Das Gateway hat abgelehnt.",
    reply_is_draft: "Ihr Text ist als Entwurf gespeichert.",
    reply_waits: "Ihr Text wartet in der Sitzung. Öffnen Sie die Sitzung, um es erneut zu versuchen.",
    open_to_decide: "Öffnen Sie Clawtray, um zu entscheiden.",

    connecting: |gateway| format!("Verbindung zu {gateway} wird aufgebaut."),
    starting: |gateway| {
        format!("{gateway} startet gerade. Ihre Nachrichten werden aufbewahrt und später gesendet.")
    },
    not_reachable: |gateway| {
        format!("{gateway} ist nicht erreichbar. Ihre Nachrichten werden aufbewahrt und später gesendet.")
    },
    switched_off: |gateway| format!("Die Verbindung zu {gateway} ist ausgeschaltet."),
    wants_token: |gateway| format!("{gateway} benötigt ein Token."),
    wants_password: |gateway| format!("{gateway} verlangt ein Passwort."),
    token_elsewhere: |place| format!("Das Gateway holt sein Token aus {place}. Dieser Befehl zeigt es:"),
    token_placeholder: "In der Konfiguration steht ein Platzhalter statt des Tokens. Dieser Befehl zeigt es:",
    old_folder: "Dieser Ordner stammt von einer alten Version. Dieser Befehl überträgt ihn:",
    password_invalid: |gateway| format!("Das Passwort für {gateway} ist ungültig."),
    token_invalid: |gateway| format!("Das Token für {gateway} ist nicht mehr gültig."),
    rights_missing: |gateway| {
        format!("{gateway} gibt diesem Gerät nicht die Berechtigungen, die Clawtray benötigt.")
    },
    pairing_wider: |gateway| format!("{gateway} muss weitere Berechtigungen für dieses Gerät freigeben."),
    pairing_again: |gateway| format!("{gateway} muss dieses Gerät erneut freigeben."),
    pairing_once: |gateway| format!("{gateway} muss dieses Gerät einmal freigeben."),
    lets_wait: |gateway| format!("Zu viele Anfragen oder Fehlversuche. {gateway} lässt dieses Gerät warten."),
    speaks_protocol: |gateway, version| {
        format!("{gateway} verwendet Protokoll {version}. Diese Version von Clawtray unterstützt es nicht.")
    },
    no_common_protocol: |gateway| {
        format!("{gateway} und diese Version von Clawtray unterstützen kein gemeinsames Protokoll.")
    },
    device_removed: |gateway| {
        format!("{gateway} hat dieses Gerät entfernt oder die Authentifizierung geändert.")
    },
    certificate_changed: |gateway| {
        format!(
            "{gateway} zeigt ein Zertifikat, dem nicht vertraut wird. Vielleicht antwortet ein anderer Server. Clawtray versucht es erneut. Wenn Sie das Zertifikat erneuert haben, entfernen Sie {gateway} hier und fügen Sie es neu hinzu."
        )
    },
    client_failed: |gateway| {
        format!(
            "Die Verbindung zu {gateway} ist wegen eines Fehlers in Clawtray zweimal abgebrochen. Clawtray startet sie neu."
        )
    },
    refused: |gateway, why| format!("{gateway} hat die Verbindung abgelehnt: {why}"),
    keychain_locked: |gateway| {
        format!("Der Schlüsselbund ist gesperrt. Clawtray benötigt ihn zur Anmeldung bei {gateway}.")
    },
    keychain_absent: |gateway| {
        format!(
            "Dieser Desktop hat keinen Schlüsselbunddienst. Clawtray benötigt ihn, um das Token für {gateway} zu speichern."
        )
    },
    keychain_silent: |gateway| {
        format!("Der Schlüsselbund antwortet nicht. Clawtray benötigt ihn zur Anmeldung bei {gateway}.")
    },
    keychain_refused: |gateway| {
        format!(
            "Der Schlüsselbund hat den Zugriff verweigert. Clawtray benötigt ihn zur Anmeldung bei {gateway}."
        )
    },
    keychain_hint: "Entsperren Sie den Schlüsselbund, oder behalten Sie das Token nur bis zum Beenden von Clawtray.",

    no_tray: (
        "Dieser Desktop zeigt keine Symbole im Infobereich.",
        "Um dieses Fenster zu öffnen, starten Sie Clawtray erneut oder drücken Sie das Tastenkürzel.",
    ),
    no_notifications: (
        "Dieser Desktop zeigt keine Benachrichtigungen.",
        "Infobereich und Sitzungsliste zeigen, was neu ist.",
    ),
    no_keychain: (
        "Dieser Desktop hat keinen Schlüsselbunddienst.",
        "Clawtray behält Tokens bis zum Beenden und schreibt keines in eine Datei.",
    ),
    keychain_emptied: |gateway| format!("Das Token für {gateway} ist nicht mehr im Schlüsselbund."),
    keychain_emptied_hint: "Das Token gilt, bis Clawtray beendet wird. Geben Sie es in den Einstellungen erneut ein, um es zu speichern.",
    disk_full: (
        "Der Datenträger ist voll. Clawtray kann Sitzungen nicht für die Offline-Nutzung speichern.",
        "Geben Sie Speicherplatz frei. Clawtray lädt dann, was fehlt.",
    ),
    copy_rebuilt: (
        "Die lokale Kopie der Sitzungen war beschädigt. Clawtray lädt die Sitzungen erneut vom Gateway.",
        "Sie müssen nichts tun.",
    ),
    no_windows: "Clawtray kann seine Fenster nicht öffnen",
    windows_broken: |why| {
        format!("{why}. Installieren Sie Clawtray neu. Verwenden Sie bis dahin clawctl in einem Terminal.")
    },
    windows_updated: "Clawtray wurde aktualisiert, während es lief. Beenden Sie Clawtray im Infobereich und starten Sie es erneut.",
    autostart_off: |why| {
        format!("Clawtray konnte nicht für den Start bei der Anmeldung eingerichtet werden: {why}.")
    },
    autostart_on: |why| format!("Clawtray startet weiterhin bei der Anmeldung: {why}."),
    autostart_hint: "Ändern Sie dies in den Einstellungen des Desktops.",
    hotkey_taken: |keys| format!("Ein anderes Programm verwendet {keys}."),
    hotkey_taken_hint: "Wählen Sie in den Einstellungen andere Tasten.",
    hotkey_refused: |why| format!("Das Tastenkürzel konnte nicht eingerichtet werden: {why}."),
    hotkey_by_hand: "Weisen Sie dem Befehl „clawctl toggle“ in den Tastatureinstellungen des Desktops eine Taste zu.",
    hotkey_unset: (
        "Clawtray darf ein Tastenkürzel haben, aber der Desktop hat keine Taste dafür festgelegt.",
        "Wählen Sie eines unter den Tastenkürzeln in den Systemeinstellungen.",
    ),
    hotkey_not_granted: "Der Desktop hat das Tastenkürzel nicht erlaubt.",
    hotkey_no_portal: "Dieser Desktop hat kein Portal für globale Tastenkürzel.",

    this_computer: "Dieser Computer",
    built_in: "Eingebaut",
    usual_port: "Standardport dieses Computers",
    local_network: "lokales Netzwerk",

    main_chat: "Hauptchat",
    main_chat_of: |agent| format!("Hauptchat von {agent}"),
    channel_chat: |channel| format!("{channel}-Chat"),
    channel_group: |channel| format!("{channel}-Gruppe"),
    automation: "Automatisierung",
    subtask: "Teilaufgabe",
    webhook: "Webhook",
    chat: "Chat",

    settings_set_aside: (
        "Die Einstellungsdatei konnte nicht gelesen werden. Clawtray verwendet die Standardeinstellungen.",
        "Die alte Datei liegt neben der neuen.",
    ),
    settings_unreadable: (
        "Die Einstellungsdatei konnte nicht gelesen werden.",
        "Prüfen Sie, ob die Datei Ihnen gehört. Bis dahin gelten Änderungen nur, bis Clawtray beendet wird.",
    ),
    gateways_set_aside: (
        "Die Liste der Gateways konnte nicht gelesen werden. Clawtray hat eine neue begonnen.",
        "Die alte Datei liegt neben der neuen.",
    ),
    no_data_folder: (
        "Der Datenordner kann nicht verwendet werden. Nachrichten und Entwürfe bleiben nur, bis Clawtray beendet wird.",
        "Geben Sie Speicherplatz frei, oder prüfen Sie, ob der Ordner Ihnen gehört.",
    ),
    link_unknown: (
        "Der Link nennt eine Sitzung, die dieses Gateway nicht hat.",
        "Vielleicht ist sie gelöscht oder gehört zu einem anderen Gateway.",
    ),
    settings_newer: (
        "Eine neuere Version von Clawtray hat die Einstellungsdatei geschrieben; sie bleibt, wie sie ist.",
        "Aktualisiere Clawtray; bis dahin gelten Änderungen, bis die App endet.",
    ),
    settings_read_only: (
        "Die Einstellungsdatei ist schreibgeschützt.",
        "Ändere sie dort, wo sie verwaltet wird; Änderungen hier gelten, bis die App endet.",
    ),
    gateways_unreadable: (
        "Die Liste der Gateways ließ sich gerade nicht lesen; sie bleibt, wie sie ist, und wird wieder versucht.",
        "Prüfen Sie, ob die Datei Ihnen gehört und der Datenträger in Ordnung ist.",
    ),
    gateways_newer: (
        "Eine neuere Version von Clawtray hat die Liste der Gateways geschrieben; sie bleibt, wie sie ist.",
        "Aktualisiere Clawtray; bis dahin gelten Änderungen, bis die App endet.",
    ),
    gateways_not_written: (
        "Die Liste der Gateways ließ sich nicht schreiben.",
        "Schaffe Platz auf der Festplatte oder sieh nach, ob die Datei schreibgeschützt ist; bis dahin gelten Änderungen, bis die App endet.",
    ),
    prompts_unsaved: |count| match count {
        1 => "Eine Nachricht ließ sich nicht speichern. Sie geht verloren, wenn Clawtray jetzt beendet wird."
            .to_owned(),
        _ => format!(
            "{count} Nachrichten ließen sich nicht speichern. Sie gehen verloren, wenn Clawtray jetzt beendet wird."
        ),
    },
    prompts_unsaved_hint: "Schaffe Platz auf der Festplatte; es wird wieder versucht.",
    quit_again: "Wählen Sie noch einmal „Beenden“, um trotzdem zu beenden.",
    drafts_unsaved: (
        "Ihr Entwurf ließ sich nicht speichern.",
        "Schaffe Platz auf der Festplatte; bis dahin halten Entwürfe nur, bis die App endet.",
    ),
    outbox_stuck: (
        "Die Ausgangsdatei ist gerade nicht benutzbar: Nachrichten warten so lange.",
        "Prüfen Sie, ob ein anderes Programm die Datei sperrt oder der Datenträger voll ist.",
    ),
    outbox_saved: |kept| {
        format!(
            "Die Datei des Postausgangs war beschädigt. Clawtray hat den ganzen Inhalt gerettet ({kept} wartende Nachrichten)."
        )
    },
    outbox_salvaged: |kept| {
        format!(
            "Die Datei des Postausgangs war beschädigt. Clawtray hat {kept} wartende Nachrichten gerettet. Die beschädigte Datei liegt neben der neuen."
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
            "Fügen Sie ein Gateway hinzu.",
        ),
        E::NoSuchGateway => (
            "Dieses Gateway existiert nicht.".into(),
            "Wählen Sie ein anderes Gateway.",
        ),
        E::FoundGone => (
            "Dieses Gateway ist nicht mehr verfügbar.".into(),
            "Suchen Sie erneut.",
        ),
        E::Address(BadUrl::NotAUrl) => (
            "Das ist keine gültige Adresse.".into(),
            "Geben Sie eine Adresse wie ws://127.0.0.1:18789 ein.",
        ),
        E::Address(BadUrl::Scheme) => (
            "Die Adresse muss mit ws, wss, http, https oder ssh beginnen.".into(),
            "Geben Sie eine Adresse wie ws://127.0.0.1:18789 ein.",
        ),
        E::TokenPlaceholder => (
            "Das ist ein Platzhalter, kein Token.".into(),
            "Führen Sie openclaw gateway auth-token --show auf dem Computer des Gateways aus. Der Befehl zeigt das Token.",
        ),
        E::NameMissing => (
            "Ein Gateway benötigt einen Namen.".into(),
            "Geben Sie einen Namen ein.",
        ),
        E::WebhookSecretMissing => (
            "Webhooks benötigen ein gemeinsames Geheimnis für ihre Signatur.".into(),
            "Geben Sie das Geheimnis ein.",
        ),
        E::NoFingerprint => (
            "Ein Fingerabdruck hat 64 hexadezimale Ziffern.".into(),
            "Kopieren Sie den ganzen Fingerabdruck.",
        ),
        E::Keychain { error, gateway } => (
            keychain_sentence(error, gateway, Language::German),
            WORDS.keychain_hint,
        ),
        E::SecretsLeft => (
            "Die Geheimnisse des Gateways konnten nicht aus dem Schlüsselbund entfernt werden.".into(),
            "Entfernen Sie die Einträge von Clawtray von Hand aus dem Schlüsselbund.",
        ),
        E::CopyNotCleared => (
            "Die lokale Kopie konnte nicht geleert werden.".into(),
            "Versuchen Sie es erneut. Der Grund steht im Log.",
        ),
        E::MessageNotGiven => (
            "Das Gateway gibt diese Nachricht nicht vollständig heraus.".into(),
            "Sie steht im Transkript der Sitzung auf dem Rechner des Gateways.",
        ),
        E::NotConnected => (
            "Das Gateway ist nicht verbunden.".into(),
            "Versuchen Sie es erneut, wenn das Gateway wieder da ist.",
        ),
        E::Disconnected => (
            "Die Verbindung wurde unterbrochen.".into(),
            "Versuchen Sie es erneut, wenn das Gateway wieder da ist.",
        ),
        E::Timeout => (
            "Das Gateway hat nicht rechtzeitig geantwortet.".into(),
            "Versuchen Sie es erneut.",
        ),
        E::Gateway {
            forbidden, message, ..
        } => {
            let hint = if *forbidden {
                "Erlauben Sie volle Kontrolle in den Einstellungen, oder fragen Sie den Besitzer des Gateways."
            } else {
                ""
            };
            (message.clone(), hint)
        }
        E::CallTooLarge(megabytes) => (
            format!("Die Nachricht ist größer als die {megabytes} MB, die das Gateway annimmt."),
            "Senden Sie weniger auf einmal.",
        ),
        E::Unsupported(what) => (format!("Dieses Gateway kann das nicht: {what}."), ""),
        E::BadAnswer => (
            "Die Antwort des Gateways konnte nicht gelesen werden.".into(),
            "Aktualisieren Sie das Gateway.",
        ),
        E::NothingToSend => (
            "Es gibt nichts zu senden.".into(),
            "Schreiben Sie eine Nachricht.",
        ),
        E::NoFiles => (
            "Dieses Gateway nimmt keine Dateien an.".into(),
            "Senden Sie nur den Text.",
        ),
        E::ImageTooLarge(megabytes) => (
            format!("Das Bild ist größer als {megabytes} MB."),
            "Wählen Sie eine andere Datei.",
        ),
        E::FileTooLarge(megabytes) => (
            format!("Die Datei ist größer als {megabytes} MB."),
            "Wählen Sie eine andere Datei.",
        ),
        E::FilesTooLarge(megabytes) => (
            format!("Die Dateien sind zusammen größer als {megabytes} MB."),
            "Senden Sie weniger auf einmal.",
        ),
        E::NoSuchPrompt => ("Diese Nachricht existiert nicht.".into(), ""),
        E::PromptOnItsWay => (
            "Die Nachricht wird bereits gesendet.".into(),
            "Stoppen Sie die Ausführung.",
        ),
        E::AnswerLost => (
            "Die Nachricht wurde vielleicht gesendet, aber die Antwort ging verloren.".into(),
            "Sehen Sie in der Sitzung nach, bevor Sie die Nachricht erneut senden.",
        ),
        E::ApprovalGone => ("Diese Freigabe wartet nicht mehr.".into(), ""),
        E::NotOffered => (
            "Diese Freigabe bietet diese Wahl nicht an.".into(),
            "Erlauben Sie es einmal.",
        ),
        E::QuestionGone => ("Diese Frage wartet nicht mehr.".into(), ""),
        E::NotCompacted(why) => (
            format!("Die Sitzung wurde nicht komprimiert: {why}"),
            "Versuchen Sie es später erneut.",
        ),
        E::NoCopyNamed => (
            "Das Gateway hat die neue Sitzung nicht genannt.".into(),
            "Aktualisieren Sie das Gateway.",
        ),
        E::NoReport => (
            "Es gibt keinen Bericht zum Speichern.".into(),
            "Zeigen Sie zuerst den Bericht an.",
        ),
        E::ReportNotWritten(why) => (
            format!("Der Bericht konnte nicht geschrieben werden: {why}."),
            "Kopieren Sie den Bericht stattdessen.",
        ),
        E::NoWebLink => (
            "Clawtray öffnet nur Web- und E-Mail-Adressen.".into(),
            "Kopieren Sie den Link.",
        ),
        E::LinkNotOpened => (
            "Der Link konnte nicht geöffnet werden.".into(),
            "Kopieren Sie den Link.",
        ),
        E::NoCapture => (
            "Dieser Desktop stellt diesen Inhalt nicht bereit.".into(),
            "Fügen Sie den Inhalt ein, oder hängen Sie eine Datei an.",
        ),
        E::CaptureTooLarge => (
            "Der Inhalt ist größer, als jedes Gateway annimmt.".into(),
            "Hängen Sie weniger an.",
        ),
        E::ClipboardSilent => (
            "Das Programm, aus dem kopiert wurde, antwortet nicht.".into(),
            "Kopieren Sie den Inhalt erneut.",
        ),
        E::NoScreenshot => (
            "Dieser Desktop hat kein Bildschirmfoto bereitgestellt.".into(),
            "Nehmen Sie eines mit den Tasten des Desktops auf und fügen Sie es ein.",
        ),
        E::SettingValue(name) => (format!("Die Einstellung {name} nimmt diesen Wert nicht an."), ""),
        E::SettingsNotWritten => (
            "Die Einstellungsdatei konnte nicht geschrieben werden.".into(),
            "Geben Sie Speicherplatz frei, oder prüfen Sie, ob die Datei Ihnen gehört. Bis dahin gilt die Änderung nur, bis Clawtray beendet wird.",
        ),
        E::Stopping => (
            "Clawtray wird gerade beendet.".into(),
            "Starten Sie Clawtray erneut.",
        ),
        E::NotAllowed => ("Dieses Fenster darf das nicht.".into(), ""),
        E::Internal => (
            "In Clawtray ist ein Fehler aufgetreten.".into(),
            "Versuchen Sie es noch einmal. Die Ursache steht im Protokoll.",
        ),
    }
}
