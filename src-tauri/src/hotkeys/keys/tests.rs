use super::parse;

#[test]
fn keys_as_people_write_them() {
    let check = |text: &str, xdg: &str, accelerator: &str| {
        let keys = parse(text).unwrap_or_else(|| panic!("{text} is not understood"));
        assert_eq!(
            (keys.xdg(), keys.accelerator()),
            (xdg.into(), accelerator.into()),
            "{text}"
        );
    };
    check("Ctrl+Shift+Space", "CTRL+SHIFT+space", "CTRL+SHIFT+space");
    check("control + shift + SPACE", "CTRL+SHIFT+space", "CTRL+SHIFT+space");
    check("Super+K", "LOGO+k", "SUPER+k");
    check("Alt+KeyZ", "ALT+z", "ALT+z");
    check("Ctrl+Digit0", "CTRL+0", "CTRL+0");
    check("Ctrl+Alt+Slash", "CTRL+ALT+slash", "CTRL+ALT+slash");
    check("Ctrl+PageDown", "CTRL+Page_Down", "CTRL+PageDown");
    check("F9", "F9", "F9");
    check("Ctrl+grave", "CTRL+grave", "CTRL+Backquote");
    check("Ctrl+Return", "CTRL+Return", "CTRL+Enter");
    if !cfg!(target_os = "macos") {
        check("CmdOrCtrl+F24", "CTRL+F24", "CTRL+F24");
    }
}

#[test]
fn keys_that_would_take_typing_away_are_refused() {
    for text in [
        "",
        "a",
        "Shift+A",
        "Space",
        "Ctrl",
        "Ctrl+",
        "Ctrl+A+B",
        "Ctrl+Nonsense",
        "Enter",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn the_plugin_knows_every_key() {
    let names = super::NAMED.iter().map(|(_, own)| own);
    let names = names
        .chain(&super::LETTERS)
        .chain(&super::DIGITS)
        .chain(&super::FUNCTIONS);
    for name in names {
        let text = format!("Ctrl+{name}");
        let keys = parse(&text).unwrap_or_else(|| panic!("{text} is not understood"));
        let shortcut = keys
            .accelerator()
            .parse::<tauri_plugin_global_shortcut::Shortcut>();
        assert!(shortcut.is_ok(), "{text}: {shortcut:?}");
    }
}

#[test]
fn triggers_of_portals_are_readable() {
    for (trigger, expected) in [
        ("Press <Shift><Control>space", "Ctrl+Shift+Space"),
        ("<Super>k drücken", "Super+K"),
        (
            "Press <Primary><Alt>Page_Up or <Super>F5",
            "Ctrl+Alt+Page_Up, Super+F5",
        ),
        ("Ctrl+Shift+Space", "Ctrl+Shift+Space"),
        ("Meta+<", "Meta+<"),
        ("Press <Hallo>x", "Press <Hallo>x"),
        ("  ", ""),
        ("", ""),
        ("a\nb", "a b"),
    ] {
        assert_eq!(super::readable(trigger), expected, "{trigger}");
    }
}
