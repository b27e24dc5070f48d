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
        1 => "1 solicitud te espera".to_owned(),
        _ => format!("{count} solicitudes te esperan"),
    },
    unread: |count| format!("{count} sin leer"),
    try_now: "Reintentar ahora",
    approve: |what| format!("Aprobar: {what}"),
    approve_once: "Aprobar una vez",
    deny: "Denegar",
    answer: |what| format!("Responder: {what}"),
    quick_chat: "Chat rápido",
    sessions: "Abrir sesiones",
    gateways: "Gateways",
    do_not_disturb: "No molestar",
    end_do_not_disturb: "Desactivar «No molestar»",
    for_one_hour: "Durante 1 hora",
    until_tomorrow: "Hasta mañana",
    settings: "Ajustes",
    quit: "Salir",

    open: "Abrir",
    reply: "Responder",
    new_reply: "Respuesta nueva",
    something_new: "Nueva actividad",
    run_failed: "La ejecución falló",
    run_failed_because: |why| format!("La ejecución falló: {why}"),
    asks_for_approval: |session| format!("{session} pide aprobación"),
    approval_waits: "Aprobación necesaria",
    asks: |session| format!("{session} tiene una pregunta"),
    question_waits: "Respuesta necesaria",
    gateway_down: |gateway| format!("No se puede conectar con {gateway}"),
    waits_until_back: "Tus mensajes se guardan y se envían después.",
    gateway_back: |gateway| format!("{gateway} ha vuelto"),
    connected_again: "Clawtray está conectado de nuevo.",
    pairing: |gateway| format!("{gateway}: solicitud de emparejamiento"),
    replies_while_away: |count| format!("{count} respuestas mientras no estabas"),
    some_device: "Un dispositivo",
    asks_to_be_paired: |device, gateway| format!("{device} pide emparejarse con {gateway}."),

    review: "Revisar…",
    fact_runs: "Ejecuta en realidad",
    fact_program: "Programa",
    fact_folder: "Carpeta",
    fact_host: "Equipo",
    fact_node: "Nodo",
    not_approved: |what| match what {
        "" => "Sin aprobar".to_owned(),
        _ => format!("Sin aprobar: {what}"),
    },
    not_denied: |what| match what {
        "" => "Sin denegar".to_owned(),
        _ => format!("Sin denegar: {what}"),
    },
    reply_not_sent: "Respuesta no enviada",
    gateway_refused: "El gateway lo rechazó.",
    reply_is_draft: "Tu texto queda guardado como borrador.",
    reply_waits: "Tu texto espera en la sesión. Ábrela para volver a intentarlo.",
    open_to_decide: "Abre Clawtray para decidir.",

    connecting: |gateway| format!("Conectando con {gateway}."),
    starting: |gateway| format!("{gateway} se está iniciando. Tus mensajes se guardan y se envían después."),
    not_reachable: |gateway| {
        format!("No se puede conectar con {gateway}. Tus mensajes se guardan y se envían después.")
    },
    switched_off: |gateway| format!("La conexión con {gateway} está desactivada."),
    wants_token: |gateway| format!("{gateway} necesita un token."),
    wants_password: |gateway| format!("{gateway} pide una contraseña."),
    token_elsewhere: |place| format!("El gateway toma su token de {place}. Esta orden lo muestra:"),
    token_placeholder: "La configuración tiene un marcador en lugar del token. Esta orden lo muestra:",
    old_folder: "Esta carpeta es de una versión antigua. Esta orden la traslada:",
    password_invalid: |gateway| format!("La contraseña de {gateway} no es válida."),
    token_invalid: |gateway| format!("El token de {gateway} ya no es válido."),
    rights_missing: |gateway| {
        format!("{gateway} no concede a este dispositivo los permisos que Clawtray necesita.")
    },
    pairing_wider: |gateway| format!("{gateway} debe aprobar más permisos para este dispositivo."),
    pairing_again: |gateway| format!("{gateway} debe aprobar este dispositivo de nuevo."),
    pairing_once: |gateway| format!("{gateway} debe aprobar este dispositivo una vez."),
    lets_wait: |gateway| {
        format!("Demasiadas solicitudes o intentos fallidos. {gateway} pide a este dispositivo que espere.")
    },
    speaks_protocol: |gateway, version| {
        format!("{gateway} usa el protocolo {version}. Esta versión de Clawtray no lo admite.")
    },
    no_common_protocol: |gateway| {
        format!("{gateway} y esta versión de Clawtray no admiten ningún protocolo común.")
    },
    device_removed: |gateway| format!("{gateway} quitó este dispositivo o cambió la autenticación."),
    certificate_changed: |gateway| {
        format!(
            "{gateway} muestra un certificado que no es de confianza. Puede que responda otro servidor. Clawtray lo intenta de nuevo. Si renovaste el certificado, quita {gateway} aquí y añádelo otra vez."
        )
    },
    client_failed: |gateway| {
        format!(
            "La conexión con {gateway} falló dos veces por un error de Clawtray. Clawtray la inicia de nuevo."
        )
    },
    refused: |gateway, why| format!("{gateway} rechazó la conexión: {why}"),
    keychain_locked: |gateway| {
        format!("El llavero está bloqueado. Clawtray lo necesita para iniciar sesión en {gateway}.")
    },
    keychain_absent: |gateway| {
        format!(
            "Este escritorio no tiene un servicio de llavero. Clawtray lo necesita para guardar el token de {gateway}."
        )
    },
    keychain_silent: |gateway| {
        format!("El llavero no responde. Clawtray lo necesita para iniciar sesión en {gateway}.")
    },
    keychain_refused: |gateway| {
        format!("El llavero denegó el acceso. Clawtray lo necesita para iniciar sesión en {gateway}.")
    },
    keychain_hint: "Desbloquea el llavero o conserva el token solo hasta salir de Clawtray.",

    no_tray: (
        "Este escritorio no muestra iconos en la bandeja.",
        "Para abrir esta ventana, inicia Clawtray otra vez o pulsa el atajo.",
    ),
    no_notifications: (
        "Este escritorio no muestra notificaciones.",
        "La bandeja y la lista de sesiones muestran las novedades.",
    ),
    no_keychain: (
        "Este escritorio no tiene un servicio de llavero.",
        "Clawtray conserva los tokens hasta salir y no escribe ninguno en un archivo.",
    ),
    keychain_emptied: |gateway| format!("El llavero ya no tiene el token de {gateway}."),
    keychain_emptied_hint: "El token sirve hasta salir de Clawtray. Introdúcelo otra vez en los ajustes para guardarlo.",
    disk_full: (
        "El disco está lleno. Clawtray no puede guardar sesiones para usarlas sin conexión.",
        "Libera espacio en el disco. Clawtray carga después lo que falte.",
    ),
    copy_rebuilt: (
        "La copia local de las sesiones estaba dañada. Clawtray carga las sesiones de nuevo desde el gateway.",
        "No es necesario hacer nada.",
    ),
    no_windows: "Clawtray no puede abrir sus ventanas",
    windows_broken: |why| {
        format!("{why}. Instala Clawtray de nuevo. Hasta entonces, usa clawctl en un terminal.")
    },
    windows_updated: "Clawtray se actualizó mientras estaba en marcha. Sal de Clawtray desde la bandeja e inícialo de nuevo.",
    autostart_off: |why| format!("No se pudo configurar Clawtray para iniciarse al iniciar sesión: {why}."),
    autostart_on: |why| format!("Clawtray se sigue iniciando al iniciar sesión: {why}."),
    autostart_hint: "Cambia esto en los ajustes del escritorio.",
    hotkey_taken: |keys| format!("Otro programa usa {keys}."),
    hotkey_taken_hint: "Elige otras teclas en los ajustes.",
    hotkey_refused: |why| format!("No se pudo registrar el atajo: {why}."),
    hotkey_by_hand: "Asigna una tecla al comando «clawctl toggle» en los ajustes de teclado del escritorio.",
    hotkey_unset: (
        "Clawtray puede tener un atajo, pero el escritorio no le ha asignado ninguna tecla.",
        "Elige una en los atajos de teclado de los ajustes del sistema.",
    ),
    hotkey_not_granted: "El escritorio no permitió el atajo.",
    hotkey_no_portal: "Este escritorio no tiene portal para atajos globales.",

    this_computer: "Este equipo",
    built_in: "Integrado",
    usual_port: "el puerto predeterminado de este equipo",
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
        "No se pudo leer el archivo de ajustes. Clawtray usa los ajustes predeterminados.",
        "El archivo antiguo se conserva junto al nuevo.",
    ),
    settings_unreadable: (
        "No se pudo leer el archivo de ajustes.",
        "Comprueba que el archivo te pertenezca. Hasta entonces, los cambios duran solo hasta salir de Clawtray.",
    ),
    gateways_set_aside: (
        "No se pudo leer la lista de gateways. Clawtray empezó una lista nueva.",
        "El archivo antiguo se conserva junto al nuevo.",
    ),
    no_data_folder: (
        "No se puede usar la carpeta de datos. Los mensajes y borradores duran solo hasta salir de Clawtray.",
        "Libera espacio en el disco o comprueba que la carpeta te pertenezca.",
    ),
    link_unknown: (
        "El enlace nombra una sesión que este gateway no tiene.",
        "Puede que se haya eliminado o que sea de otro gateway.",
    ),
    settings_newer: (
        "Una versión más nueva de Clawtray escribió el archivo de ajustes; se deja como está.",
        "Actualiza Clawtray; hasta entonces los cambios duran hasta que se cierre la aplicación.",
    ),
    settings_read_only: (
        "El archivo de ajustes es de solo lectura.",
        "Cámbialo donde se administra; los cambios hechos aquí duran hasta que se cierre la aplicación.",
    ),
    gateways_unreadable: (
        "La lista de gateways no se pudo leer ahora; se deja como está y se vuelve a intentar.",
        "Mira si el archivo es tuyo y si el disco está bien.",
    ),
    gateways_newer: (
        "Una versión más nueva de Clawtray escribió la lista de gateways; se deja como está.",
        "Actualiza Clawtray; hasta entonces los cambios duran hasta que se cierre la aplicación.",
    ),
    gateways_not_written: (
        "No se pudo escribir la lista de gateways.",
        "Libera espacio en el disco o mira si el archivo es de solo lectura; hasta entonces los cambios duran hasta que se cierre la aplicación.",
    ),
    prompts_unsaved: |count| match count {
        1 => "No se pudo guardar un mensaje: se perderá si sales ahora.".to_owned(),
        _ => format!("No se pudieron guardar {count} mensajes: se perderán si sales ahora."),
    },
    prompts_unsaved_hint: "Libera espacio en el disco; se vuelve a intentar.",
    quit_again: "Vuelve a salir para salir de todos modos.",
    drafts_unsaved: (
        "No se pudo guardar lo que estás escribiendo.",
        "Libera espacio en el disco; hasta entonces los borradores duran hasta que se cierre la aplicación.",
    ),
    outbox_stuck: (
        "El archivo de salida no se puede usar ahora: los mensajes esperan.",
        "Mira si otro programa lo usa o si el disco está lleno.",
    ),
    outbox_saved: |kept| {
        format!(
            "El archivo de la bandeja de salida estaba dañado. Clawtray recuperó todo su contenido ({kept} mensajes en espera)."
        )
    },
    outbox_salvaged: |kept| {
        format!(
            "El archivo de la bandeja de salida estaba dañado. Clawtray recuperó {kept} mensajes en espera y conservó el archivo dañado junto al nuevo."
        )
    },

    answers: |gateway, version| match version {
        "" => format!("{gateway} responde."),
        _ => format!("{gateway} responde, versión {version}."),
    },
    does_not_answer: |gateway| format!("{gateway} no responde."),
    not_reachable_because: |gateway, why| format!("No se puede conectar con {gateway}: {why}."),

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
        E::NoSuchGateway => ("Este gateway no existe.".into(), "Elige otro gateway."),
        E::FoundGone => ("Este gateway ya no está disponible.".into(), "Busca de nuevo."),
        E::Address(BadUrl::NotAUrl) => (
            "Esta dirección no es válida.".into(),
            "Escribe una dirección como ws://127.0.0.1:18789.",
        ),
        E::Address(BadUrl::Scheme) => (
            "La dirección debe empezar por ws, wss, http, https o ssh.".into(),
            "Escribe una dirección como ws://127.0.0.1:18789.",
        ),
        E::TokenPlaceholder => (
            "Esto es un marcador de posición, no un token.".into(),
            "Ejecuta openclaw gateway auth-token --show en el equipo del gateway para ver el token.",
        ),
        E::MessageNotGiven => (
            "El gateway no entrega este mensaje completo.".into(),
            "El mensaje está en la transcripción de la sesión, en el equipo del gateway.",
        ),
        E::NameMissing => ("Un gateway necesita un nombre.".into(), "Escribe un nombre."),
        E::WebhookSecretMissing => (
            "Los webhooks necesitan un secreto compartido para su firma.".into(),
            "Escribe el secreto.",
        ),
        E::NoFingerprint => (
            "Una huella digital tiene 64 dígitos hexadecimales.".into(),
            "Copia la huella digital completa.",
        ),
        E::Keychain { error, gateway } => (
            keychain_sentence(error, gateway, Language::Spanish),
            WORDS.keychain_hint,
        ),
        E::SecretsLeft => (
            "No se pudieron quitar del llavero los secretos del gateway.".into(),
            "Quita a mano las entradas de Clawtray del llavero.",
        ),
        E::CopyNotCleared => (
            "No se pudo vaciar la copia local.".into(),
            "Inténtalo de nuevo. El registro contiene el motivo.",
        ),
        E::NotConnected => (
            "El gateway no está conectado.".into(),
            "Inténtalo de nuevo cuando vuelva el gateway.",
        ),
        E::Disconnected => (
            "Se perdió la conexión.".into(),
            "Inténtalo de nuevo cuando vuelva el gateway.",
        ),
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
            format!("El mensaje supera los {megabytes} MB que admite el gateway."),
            "Envía menos de una vez.",
        ),
        E::Unsupported(what) => (format!("Este gateway no puede hacer eso: {what}."), ""),
        E::BadAnswer => (
            "No se pudo leer la respuesta del gateway.".into(),
            "Actualiza el gateway.",
        ),
        E::NothingToSend => ("No hay nada que enviar.".into(), "Escribe un mensaje."),
        E::NoFiles => ("Este gateway no admite archivos.".into(), "Envía solo el texto."),
        E::ImageTooLarge(megabytes) => (
            format!("La imagen supera los {megabytes} MB."),
            "Elige otro archivo.",
        ),
        E::FileTooLarge(megabytes) => (
            format!("El archivo supera los {megabytes} MB."),
            "Elige otro archivo.",
        ),
        E::FilesTooLarge(megabytes) => (
            format!("Los archivos superan los {megabytes} MB en total."),
            "Envía menos de una vez.",
        ),
        E::NoSuchPrompt => ("Este mensaje no existe.".into(), ""),
        E::PromptOnItsWay => ("El mensaje ya se está enviando.".into(), "Detén la ejecución."),
        E::AnswerLost => (
            "Es posible que el mensaje se enviara, pero la respuesta se perdió.".into(),
            "Mira en la sesión antes de enviar el mensaje de nuevo.",
        ),
        E::ApprovalGone => ("Esta aprobación ya no está pendiente.".into(), ""),
        E::NotOffered => ("Esta aprobación no ofrece esa opción.".into(), "Aprueba una vez."),
        E::QuestionGone => ("Esta pregunta ya no está pendiente.".into(), ""),
        E::NotCompacted(why) => (format!("La sesión no se compactó: {why}"), "Inténtalo más tarde."),
        E::NoCopyNamed => (
            "El gateway no devolvió la sesión nueva.".into(),
            "Actualiza el gateway.",
        ),
        E::NoReport => (
            "No hay ningún informe que guardar.".into(),
            "Muestra primero el informe.",
        ),
        E::ReportNotWritten(why) => (
            format!("No se pudo escribir el informe: {why}."),
            "Copia el informe en su lugar.",
        ),
        E::NoWebLink => (
            "Clawtray abre solo direcciones web y de correo.".into(),
            "Copia el enlace.",
        ),
        E::LinkNotOpened => ("No se pudo abrir el enlace.".into(), "Copia el enlace."),
        E::NoCapture => (
            "Este escritorio no proporciona este contenido.".into(),
            "Pega el contenido o adjunta un archivo.",
        ),
        E::CaptureTooLarge => (
            "El contenido supera lo que admite cualquier gateway.".into(),
            "Adjunta menos.",
        ),
        E::ClipboardSilent => (
            "El programa desde el que se copió no responde.".into(),
            "Copia el contenido de nuevo.",
        ),
        E::NoScreenshot => (
            "Este escritorio no proporcionó ninguna captura.".into(),
            "Haz una con las teclas del escritorio y pégala.",
        ),
        E::SettingValue(name) => (format!("El ajuste {name} no admite este valor."), ""),
        E::SettingsNotWritten => (
            "No se pudo escribir el archivo de ajustes.".into(),
            "Libera espacio en el disco o comprueba que el archivo te pertenezca. Hasta entonces, el cambio dura solo hasta salir de Clawtray.",
        ),
        E::Stopping => ("Clawtray se está cerrando.".into(), "Inicia Clawtray de nuevo."),
        E::NotAllowed => ("Esta ventana no puede hacer eso.".into(), ""),
        E::Internal => (
            "Algo salió mal en Clawtray.".into(),
            "Inténtalo de nuevo. El registro dice qué pasó.",
        ),
    }
}
