use super::{Language, Told, Words};
use crate::connection::keychain_sentence;
use crate::profiles::BadUrl;
use crate::request_error::RequestError;

pub(super) static WORDS: Words = Words {
    no_gateway: "Aún no hay ningún gateway configurado.",
    connected: |gateway, ms| match ms {
        Some(ms) => format!("{gateway}: conectado, {ms} ms"),
        None => format!("{gateway}: conectado"),
    },
    runs: |count| match count {
        1 => "1 ejecución".to_owned(),
        _ => format!("{count} ejecuciones"),
    },
    things_need_you: |count| match count {
        1 => "1 cosa te necesita".to_owned(),
        _ => format!("{count} cosas te necesitan"),
    },
    unread: |count| format!("{count} sin leer"),
    try_now: "Probar ahora",
    approve: |what| format!("Aprobar: {what}"),
    approve_once: "Aprobar una vez",
    deny: "Denegar",
    answer: |what| format!("Responder: {what}"),
    quick_chat: "Chat rápido",
    sessions: "Abrir las sesiones",
    gateways: "Gateways",
    do_not_disturb: "No molestar",
    end_do_not_disturb: "Terminar «No molestar»",
    for_one_hour: "Durante 1 hora",
    until_tomorrow: "Hasta mañana",
    settings: "Ajustes",
    quit: "Salir",

    open: "Abrir",
    reply: "Responder",
    new_reply: "Respuesta nueva",
    something_new: "Algo nuevo",
    run_failed: "La ejecución falló",
    run_failed_because: |why| format!("La ejecución falló: {why}"),
    asks_for_approval: |session| format!("{session} pide aprobación"),
    approval_waits: "Hay una aprobación pendiente",
    asks: |session| format!("{session} pregunta"),
    question_waits: "Hay una pregunta pendiente",
    gateway_down: |gateway| format!("No se puede acceder a {gateway}"),
    waits_until_back: "Lo que escribas espera hasta que vuelva.",
    gateway_back: |gateway| format!("{gateway} ha vuelto"),
    connected_again: "Conectado de nuevo.",
    pairing: |gateway| format!("{gateway}: emparejamiento"),
    replies_while_away: |count| format!("{count} respuestas mientras no estabas"),
    some_device: "Un dispositivo",
    asks_to_be_paired: |device, gateway| format!("{device} pide emparejarse con {gateway}."),

    connecting: |gateway| format!("Conectando con {gateway}."),
    starting: |gateway| format!("{gateway} está arrancando. Lo que escribas espera aquí."),
    not_reachable: |gateway| format!("No se puede acceder a {gateway}. Lo que escribas espera aquí."),
    switched_off: |gateway| format!("{gateway} está desactivado aquí."),
    wants_token: |gateway| format!("{gateway} pide un token."),
    password_invalid: |gateway| format!("La contraseña de {gateway} no es válida."),
    token_invalid: |gateway| format!("El token de {gateway} ya no es válido."),
    rights_missing: |gateway| format!("{gateway} no da a este dispositivo los permisos que pide."),
    pairing_wider: |gateway| format!("{gateway} debe aprobar más permisos para este dispositivo."),
    pairing_again: |gateway| format!("{gateway} debe aprobar este dispositivo de nuevo."),
    pairing_once: |gateway| format!("{gateway} debe aprobar este dispositivo una vez."),
    lets_wait: |gateway| {
        format!("{gateway} hace esperar a este dispositivo: demasiadas peticiones o intentos fallidos.")
    },
    speaks_protocol: |gateway, version| {
        format!("{gateway} habla el protocolo {version}, que esta versión no conoce.")
    },
    no_common_protocol: |gateway| format!("{gateway} y esta versión no tienen ningún protocolo en común."),
    device_removed: |gateway| {
        format!("{gateway} ha quitado este dispositivo o ha cambiado su autenticación.")
    },
    refused: |gateway, why| format!("{gateway} rechazó la conexión: {why}"),
    keychain_locked: |gateway| {
        format!("El llavero está bloqueado. {gateway} lo necesita para iniciar sesión.")
    },
    keychain_absent: |gateway| {
        format!("Este escritorio no tiene un servicio de llavero para los secretos de {gateway}.")
    },
    keychain_silent: |gateway| format!("El llavero no responde. {gateway} lo necesita para iniciar sesión."),
    keychain_refused: |gateway| {
        format!("El llavero se ha negado. {gateway} lo necesita para iniciar sesión.")
    },
    keychain_hint: "Desbloquéalo, o conserva el token solo durante esta sesión.",

    no_tray: (
        "Este escritorio no muestra iconos en la bandeja.",
        "Iniciar Clawtray otra vez abre esta ventana; el atajo de teclado también.",
    ),
    no_notifications: (
        "Este escritorio no muestra notificaciones.",
        "La bandeja y la lista de sesiones dicen qué hay de nuevo.",
    ),
    no_keychain: (
        "Este escritorio no tiene un servicio de llavero.",
        "Los secretos solo se pueden guardar durante esta sesión; no se escribe nada en un archivo.",
    ),
    keychain_emptied: |gateway| format!("El llavero ya no tiene con qué {gateway} inició sesión."),
    keychain_emptied_hint: "Sirve hasta salir de Clawtray. Introduce el token otra vez en los ajustes para guardarlo.",
    disk_full: (
        "El disco está lleno: las conversaciones no se guardan para usarlas sin conexión.",
        "Libera espacio en el disco; lo que falte se vuelve a descargar.",
    ),
    copy_rebuilt: (
        "La copia local de las conversaciones estaba dañada; se rellena de nuevo desde el gateway.",
        "No hay que hacer nada.",
    ),
    no_windows: "Clawtray no puede abrir sus ventanas",
    windows_broken: |why| {
        format!(
            "{why}. Instala Clawtray de nuevo. Hasta entonces clawctl puede hacer todo lo que hacen las ventanas."
        )
    },
    windows_updated: "Se actualizó mientras estaba en marcha. Sal desde la bandeja e inícialo de nuevo.",
    autostart_off: |why| format!("No se pudo configurar Clawtray para iniciarse con el sistema: {why}."),
    autostart_on: |why| format!("Clawtray se sigue iniciando con el sistema: {why}."),
    autostart_hint: "Cámbialo en los ajustes del escritorio.",
    hotkey_taken: |keys| format!("Otro programa tiene {keys}."),
    hotkey_taken_hint: "Elige otras teclas en los ajustes.",
    hotkey_refused: |why| format!("El escritorio no cedió las teclas: {why}"),
    hotkey_by_hand: "Asigna `clawctl toggle` a unas teclas en los ajustes del escritorio.",

    this_computer: "Este equipo",
    built_in: "Integrado",
    usual_port: "el puerto habitual de este equipo",
    local_network: "la red local",

    main_chat: "Chat principal",
    main_chat_of: |agent| format!("Chat principal de {agent}"),
    channel_chat: |channel| format!("Chat de {channel}"),
    channel_group: |channel| format!("Grupo de {channel}"),
    automation: "Automatización",
    subtask: "Subtarea",
    webhook: "Webhook",
    chat: "Chat",

    settings_set_aside: (
        "No se pudo leer el archivo de ajustes; se ha apartado.",
        "Está junto al nuevo.",
    ),
    settings_unreadable: (
        "No se pudo leer el archivo de ajustes.",
        "Mira si es tuyo; hasta entonces los ajustes duran lo que la aplicación.",
    ),
    gateways_set_aside: (
        "No se pudo leer la lista de gateways; se ha apartado.",
        "Está junto a la nueva.",
    ),
    no_data_folder: (
        "No se puede usar la carpeta de datos: los mensajes y borradores duran lo que la aplicación.",
        "Libera espacio o mira si la carpeta es tuya.",
    ),
    outbox_saved: |kept| {
        format!(
            "El archivo de salida estaba dañado; se salvó todo lo que contenía ({kept} mensajes en espera)."
        )
    },
    outbox_salvaged: |kept| {
        format!(
            "El archivo de salida estaba dañado; se salvaron {kept} mensajes en espera y el archivo dañado está al lado."
        )
    },

    answers: |gateway, version| match version {
        "" => format!("{gateway} responde."),
        _ => format!("{gateway} responde, versión {version}."),
    },
    does_not_answer: |gateway| format!("{gateway} no responde."),
    not_reachable_because: |gateway, why| format!("No se puede llegar a {gateway}: {why}."),

    request_error,
};

fn request_error(error: &RequestError) -> Told {
    use RequestError as E;
    match error {
        E::Malformed(what) => (format!("{what}."), ""),
        E::NoGateway => (
            "Aún no hay ningún gateway configurado.".into(),
            "Añade un gateway.",
        ),
        E::NoSuchGateway => ("Ese gateway no existe.".into(), ""),
        E::FoundGone => ("Este gateway ya no está.".into(), "Vuelve a buscar."),
        E::Address(BadUrl::NotAUrl) => ("Esto no es una dirección.".into(), ""),
        E::Address(BadUrl::Scheme) => (
            "La dirección de un gateway empieza por ws, wss, http, https o ssh.".into(),
            "",
        ),
        E::NameMissing => ("Un gateway necesita un nombre.".into(), ""),
        E::WebhookSecretMissing => (
            "Los webhooks necesitan un secreto con el que se firman.".into(),
            "",
        ),
        E::NoFingerprint => ("Una huella tiene 64 dígitos hexadecimales.".into(), ""),
        E::Keychain { error, gateway } => (
            keychain_sentence(error, gateway, Language::Spanish),
            WORDS.keychain_hint,
        ),
        E::SecretsLeft => (
            "No se pudieron quitar sus secretos del llavero.".into(),
            "Quita allí a mano las entradas de Clawtray.",
        ),
        E::CopyNotCleared => (
            "No se pudo vaciar la copia local.".into(),
            "Inténtalo de nuevo; el registro dice qué falla.",
        ),
        E::NotConnected => ("El gateway no está conectado.".into(), "Inténtalo cuando vuelva."),
        E::Disconnected => ("Se perdió la conexión.".into(), "Inténtalo cuando vuelva."),
        E::Timeout => ("El gateway no respondió a tiempo.".into(), "Inténtalo de nuevo."),
        E::Gateway {
            forbidden, message, ..
        } => {
            let hint = if *forbidden {
                "Permite el control total en los ajustes, o pregunta al dueño del gateway."
            } else {
                ""
            };
            (message.clone(), hint)
        }
        E::CallTooLarge(megabytes) => (
            format!("Esto supera los {megabytes} MB que admite el gateway."),
            "Envía menos de una vez.",
        ),
        E::Unsupported(what) => (format!("Este gateway no puede hacer eso: {what}."), ""),
        E::BadAnswer => (
            "No se pudo leer la respuesta del gateway.".into(),
            "Actualiza el gateway.",
        ),
        E::NothingToSend => ("No hay nada que enviar.".into(), ""),
        E::NoFiles => ("Este gateway no admite archivos.".into(), "Envía solo el texto."),
        E::ImageTooLarge(megabytes) => (format!("La imagen supera los {megabytes} MB."), "Elige otra."),
        E::FileTooLarge(megabytes) => (format!("El archivo supera los {megabytes} MB."), "Elige otro."),
        E::FilesTooLarge(megabytes) => (
            format!("Juntos, los archivos superan los {megabytes} MB."),
            "Envía menos de una vez.",
        ),
        E::NoSuchPrompt => ("Ese mensaje no existe.".into(), ""),
        E::PromptOnItsWay => ("El mensaje ya está en camino.".into(), "Detén la ejecución."),
        E::AnswerLost => ("Quizá se envió; la respuesta se perdió.".into(), ""),
        E::ApprovalGone => ("Esta aprobación ya no espera.".into(), ""),
        E::NotOffered => ("Esta aprobación no ofrece eso.".into(), "Aprueba una vez."),
        E::QuestionGone => ("Esta pregunta ya no espera.".into(), ""),
        E::NotCompacted(why) => (format!("La sesión no se compactó: {why}"), "Inténtalo más tarde."),
        E::NoCopyNamed => (
            "El gateway no dio nombre a la copia.".into(),
            "Actualiza el gateway.",
        ),
        E::NoReport => ("No hay ningún informe que se haya visto.".into(), ""),
        E::ReportNotWritten(why) => (
            format!("No se pudo escribir el informe: {why}."),
            "Cópialo en su lugar.",
        ),
        E::NoWebLink => ("Solo se abren direcciones web y de correo.".into(), ""),
        E::LinkNotOpened => ("No se pudo abrir el enlace.".into(), "Cópialo."),
        E::NoCapture => (
            "Este escritorio no puede dar eso.".into(),
            "Pégalo o adjunta un archivo.",
        ),
        E::CaptureTooLarge => ("Supera lo que admite cualquier gateway.".into(), "Adjunta menos."),
        E::ClipboardSilent => (
            "El programa desde el que se copió no responde.".into(),
            "Cópialo de nuevo.",
        ),
        E::NoScreenshot => (
            "Este escritorio no dio ninguna captura.".into(),
            "Haz una con las teclas del escritorio y pégala.",
        ),
        E::SettingValue(name) => (format!("El ajuste {name} no admite ese valor."), ""),
        E::SettingsNotWritten => (
            "No se pudo escribir el archivo de ajustes.".into(),
            "Libera espacio o hazlo tuyo; hasta entonces el cambio dura lo que la aplicación.",
        ),
        E::Stopping => ("La aplicación se está cerrando.".into(), ""),
    }
}
