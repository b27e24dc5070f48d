//! Keys as people write them: `Ctrl+Shift+Space`.

#[cfg(test)]
mod tests;

/// A key with modifiers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) ctrl: bool,
    pub(crate) shift: bool,
    pub(crate) alt: bool,
    pub(crate) logo: bool,
    /// The X keysym of the key without modifiers.
    pub(crate) keysym: u32,
    /// The keysym's name, as portals want it.
    pub(crate) name: &'static str,
}

impl Keys {
    /// The shortcut in the XDG shortcuts format.
    pub(crate) fn xdg(&self) -> String {
        let modifiers = [
            (self.ctrl, "CTRL"),
            (self.alt, "ALT"),
            (self.shift, "SHIFT"),
            (self.logo, "LOGO"),
        ];
        let mut words: Vec<&str> = modifiers
            .iter()
            .filter(|(held, _)| *held)
            .map(|(_, word)| *word)
            .collect();
        words.push(self.name);
        words.join("+")
    }
}

/// Reads keys. None when it is not one known key with modifiers, or a key that people type with.
pub(crate) fn parse(text: &str) -> Option<Keys> {
    let mut keys = Keys::default();
    for word in text.split('+').map(str::trim) {
        match word.to_ascii_lowercase().as_str() {
            "ctrl" | "control" | "cmdorctrl" | "commandorcontrol" => keys.ctrl = true,
            "shift" => keys.shift = true,
            "alt" | "option" => keys.alt = true,
            "super" | "meta" | "cmd" | "command" | "win" | "logo" => keys.logo = true,
            name if keys.keysym == 0 => (keys.keysym, keys.name) = key(name)?,
            _ => return None,
        }
    }
    let function_key = (0xffbe..=0xffd5).contains(&keys.keysym);
    let held = keys.ctrl || keys.alt || keys.logo;
    (keys.keysym != 0 && (held || function_key)).then_some(keys)
}

/// Names that are not the keysym's own: the key's other names, keysym, keysym's name.
const NAMED: [(&[&str], u32, &str); 25] = [
    (&["space", "spacebar"], 0x20, "space"),
    (&["enter", "return"], 0xff0d, "Return"),
    (&["tab"], 0xff09, "Tab"),
    (&["escape", "esc"], 0xff1b, "Escape"),
    (&["backspace"], 0xff08, "BackSpace"),
    (&["delete", "del"], 0xffff, "Delete"),
    (&["insert", "ins"], 0xff63, "Insert"),
    (&["home"], 0xff50, "Home"),
    (&["end"], 0xff57, "End"),
    (&["pageup", "page_up", "prior"], 0xff55, "Page_Up"),
    (&["pagedown", "page_down", "next"], 0xff56, "Page_Down"),
    (&["left", "arrowleft"], 0xff51, "Left"),
    (&["up", "arrowup"], 0xff52, "Up"),
    (&["right", "arrowright"], 0xff53, "Right"),
    (&["down", "arrowdown"], 0xff54, "Down"),
    (&["pause"], 0xff13, "Pause"),
    (&["comma", ","], 0x2c, "comma"),
    (&["period", "."], 0x2e, "period"),
    (&["slash", "/"], 0x2f, "slash"),
    (&["semicolon", ";"], 0x3b, "semicolon"),
    (&["minus", "-"], 0x2d, "minus"),
    (&["equal", "="], 0x3d, "equal"),
    (&["backquote", "grave", "`"], 0x60, "grave"),
    (&["bracketleft", "["], 0x5b, "bracketleft"),
    (&["bracketright", "]"], 0x5d, "bracketright"),
];

const LETTERS: [&str; 26] = [
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u",
    "v", "w", "x", "y", "z",
];
const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const FUNCTIONS: [&str; 24] = [
    "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "F11", "F12", "F13", "F14", "F15", "F16",
    "F17", "F18", "F19", "F20", "F21", "F22", "F23", "F24",
];

fn key(name: &str) -> Option<(u32, &'static str)> {
    if let Some((_, keysym, own)) = NAMED.iter().find(|(names, ..)| names.contains(&name)) {
        return Some((*keysym, own));
    }
    let bare = name
        .strip_prefix("key")
        .or_else(|| name.strip_prefix("digit"))
        .unwrap_or(name);
    let place = |table: &[&'static str], first: u32| {
        let place = table.iter().position(|known| known.eq_ignore_ascii_case(bare))?;
        Some((first + u32::try_from(place).ok()?, *table.get(place)?))
    };
    place(&LETTERS, 0x61)
        .or_else(|| place(&DIGITS, 0x30))
        .or_else(|| place(&FUNCTIONS, 0xffbe))
}
