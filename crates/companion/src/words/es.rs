use super::Words;

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

    main_chat: "Chat principal",
    main_chat_of: |agent| format!("Chat principal de {agent}"),
    channel_chat: |channel| format!("Chat de {channel}"),
    channel_group: |channel| format!("Grupo de {channel}"),
    automation: "Automatización",
    subtask: "Subtarea",
    webhook: "Webhook",
    chat: "Chat",
};
