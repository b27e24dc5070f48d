use super::parse;

#[test]
fn keys_as_people_write_them() {
    let check = |text: &str, xdg: &str, keysym: u32| {
        let keys = parse(text).unwrap_or_else(|| panic!("{text} is not understood"));
        assert_eq!((keys.xdg().as_str(), keys.keysym), (xdg, keysym), "{text}");
    };
    check("Ctrl+Shift+Space", "CTRL+SHIFT+space", 0x20);
    check("control + shift + SPACE", "CTRL+SHIFT+space", 0x20);
    check("Super+K", "LOGO+k", 0x6b);
    check("Alt+KeyZ", "ALT+z", 0x7a);
    check("Ctrl+Digit0", "CTRL+0", 0x30);
    check("Ctrl+Alt+Slash", "CTRL+ALT+slash", 0x2f);
    check("Ctrl+PageDown", "CTRL+Page_Down", 0xff56);
    check("F9", "F9", 0xffc6);
    check("CmdOrCtrl+F24", "CTRL+F24", 0xffd5);
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
