//! Reads keys as people write them: `Ctrl+Shift+Space`.

#[cfg(test)]
mod tests;

/// A key with modifiers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) ctrl: bool,
    pub(crate) shift: bool,
    pub(crate) alt: bool,
    pub(crate) logo: bool,
    /// The name of the key's X keysym without modifiers, as portals want it.
    pub(crate) name: &'static str,
}

impl Keys {
    /// The shortcut in the XDG shortcuts format.
    #[cfg(any(target_os = "linux", test))]
    pub(crate) fn xdg(&self) -> String {
        self.joined("LOGO", self.name)
    }

    /// The shortcut in the plugin's words, which are the web's codes of the keys.
    #[cfg(any(not(target_os = "linux"), test))]
    pub(crate) fn accelerator(&self) -> String {
        let code = match self.name {
            "Return" => "Enter",
            "Page_Up" => "PageUp",
            "Page_Down" => "PageDown",
            "grave" => "Backquote",
            same => same,
        };
        self.joined("SUPER", code)
    }

    fn joined(&self, logo: &str, key: &str) -> String {
        let modifiers = [
            (self.ctrl, "CTRL"),
            (self.alt, "ALT"),
            (self.shift, "SHIFT"),
            (self.logo, logo),
        ];
        let held = modifiers.iter().filter(|(held, _)| *held).map(|(_, word)| *word);
        held.chain([key]).collect::<Vec<_>>().join("+")
    }
}

/// Reads keys. None when it is not one known key with modifiers, or a key that people type with.
pub(crate) fn parse(text: &str) -> Option<Keys> {
    let mut keys = Keys::default();
    for word in text.split('+').map(str::trim) {
        match word.to_ascii_lowercase().as_str() {
            "cmdorctrl" | "commandorcontrol" if cfg!(target_os = "macos") => keys.logo = true,
            "ctrl" | "control" | "cmdorctrl" | "commandorcontrol" => keys.ctrl = true,
            "shift" => keys.shift = true,
            "alt" | "option" => keys.alt = true,
            "super" | "meta" | "cmd" | "command" | "win" | "logo" => keys.logo = true,
            name if keys.name.is_empty() => keys.name = key(name)?,
            _ => return None,
        }
    }
    let held = keys.ctrl || keys.alt || keys.logo;
    let alone = FUNCTIONS.contains(&keys.name);
    (!keys.name.is_empty() && (held || alone)).then_some(keys)
}

/// A portal's description of a trigger, for people. GNOME's has GTK's notation in a sentence of the user's language
/// (`Press <Shift><Control>space`); others name keys as people do, and are taken as they are.
#[cfg(any(target_os = "linux", test))]
pub(crate) fn readable(trigger: &str) -> String {
    let trigger = clawtray_companion::text::one_line(trigger, 80);
    let accelerators: Vec<String> = trigger.split_whitespace().filter_map(accelerator).collect();
    if accelerators.is_empty() {
        return trigger;
    }
    accelerators.join(", ")
}

/// `<Shift><Control>space` as `Ctrl+Shift+Space`.
#[cfg(any(target_os = "linux", test))]
fn accelerator(word: &str) -> Option<String> {
    const ORDER: [&str; 4] = ["Ctrl", "Alt", "Shift", "Super"];
    let mut held = Vec::new();
    let mut rest = word.strip_prefix('<')?;
    let key = loop {
        let (modifier, after) = rest.split_once('>')?;
        held.push(match modifier.to_ascii_lowercase().as_str() {
            "control" | "ctrl" | "primary" => "Ctrl",
            "alt" | "mod1" => "Alt",
            "shift" => "Shift",
            "super" | "meta" | "mod4" | "hyper" => "Super",
            _ => return None,
        });
        match after.strip_prefix('<') {
            Some(more) => rest = more,
            None => break after,
        }
    };
    let mut letters = key.chars();
    let first = letters.next()?;
    let key: String = first.to_uppercase().chain(letters).collect();
    let held = ORDER.into_iter().filter(|modifier| held.contains(modifier));
    Some(held.chain([key.as_str()]).collect::<Vec<_>>().join("+"))
}

/// Keys that people call by other names than their keysym's, and that name.
const NAMED: [(&[&str], &str); 25] = [
    (&["space", "spacebar"], "space"),
    (&["enter", "return"], "Return"),
    (&["tab"], "Tab"),
    (&["escape", "esc"], "Escape"),
    (&["backspace"], "BackSpace"),
    (&["delete", "del"], "Delete"),
    (&["insert", "ins"], "Insert"),
    (&["home"], "Home"),
    (&["end"], "End"),
    (&["pageup", "page_up", "prior"], "Page_Up"),
    (&["pagedown", "page_down", "next"], "Page_Down"),
    (&["left", "arrowleft"], "Left"),
    (&["up", "arrowup"], "Up"),
    (&["right", "arrowright"], "Right"),
    (&["down", "arrowdown"], "Down"),
    (&["pause"], "Pause"),
    (&["comma", ","], "comma"),
    (&["period", "."], "period"),
    (&["slash", "/"], "slash"),
    (&["semicolon", ";"], "semicolon"),
    (&["minus", "-"], "minus"),
    (&["equal", "="], "equal"),
    (&["backquote", "grave", "`"], "grave"),
    (&["bracketleft", "["], "bracketleft"),
    (&["bracketright", "]"], "bracketright"),
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

fn key(name: &str) -> Option<&'static str> {
    if let Some((_, own)) = NAMED.iter().find(|(names, _)| names.contains(&name)) {
        return Some(own);
    }
    let bare = name
        .strip_prefix("key")
        .or_else(|| name.strip_prefix("digit"))
        .unwrap_or(name);
    let mut known = LETTERS.iter().chain(&DIGITS).chain(&FUNCTIONS);
    known.find(|known| known.eq_ignore_ascii_case(bare)).copied()
}

/// All names that [`parse`] can give.
#[cfg(all(target_os = "linux", test))]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let named = NAMED.iter().map(|(_, own)| own);
    named.chain(&LETTERS).chain(&DIGITS).chain(&FUNCTIONS).copied()
}
