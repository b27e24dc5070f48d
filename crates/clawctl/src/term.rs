//! Standard output and standard error. Colours appear only on a terminal, and text of others cannot
//! control the terminal.

use crate::cli::{Global, When};
use crate::exit::Outcome;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

/// A colour or weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Blue,
    Cyan,
}

impl Paint {
    const fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Red => "31",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Blue => "34",
            Self::Cyan => "36",
        }
    }
}

/// Where a command writes.
#[derive(Debug)]
pub(crate) struct Term {
    /// Standard output is a terminal, or colours were asked for.
    pub rich: bool,
    /// Standard output is a terminal.
    terminal: bool,
    /// Standard error may have colours.
    rich_errors: bool,
    /// Standard error takes a line that is rewritten.
    live: bool,
    quiet: bool,
    progress_shown: bool,
}

impl Term {
    pub(crate) fn new(global: &Global) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let rich = |terminal: bool| match global.color {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && !no_color && !dumb,
        };
        let errors = io::stderr().is_terminal();
        let terminal = io::stdout().is_terminal();
        Self {
            rich: rich(terminal),
            terminal,
            rich_errors: rich(errors),
            live: errors && !dumb && !global.quiet,
            quiet: global.quiet,
            progress_shown: false,
        }
    }

    /// Text in a colour, on standard output.
    pub(crate) fn paint(&self, paint: Paint, text: &str) -> String {
        painted(self.rich, paint, text)
    }

    /// Writes text for people to standard output at once. What a terminal would obey is left out, except for colours where
    /// there are any: text of others has to go through [`one_line`] or [`harmless`] first, to lose those as well.
    pub(crate) fn out(&mut self, text: &str) -> Outcome {
        self.write(&obeyed_by_nobody(text, self.rich))
    }

    fn write(&mut self, text: &str) -> Outcome {
        self.end_progress();
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()?;
        Ok(())
    }

    /// Writes a line to standard output, as [`Self::out`] does.
    pub(crate) fn line(&mut self, text: &str) -> Outcome {
        self.out(&format!("{text}\n"))
    }

    /// Writes text of others: whole when piped, without control characters on a terminal.
    pub(crate) fn foreign(&mut self, text: &str) -> Outcome {
        if self.terminal {
            return self.write(&harmless(text));
        }
        self.write(text)
    }

    /// Pretty-printed JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Outcome {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
        self.json_text(&text)
    }

    /// JSON on one line.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> Outcome {
        let text = serde_json::to_string(value).map_err(io::Error::from)?;
        self.json_text(&text)
    }

    /// JSON as it is when piped. On a terminal it is the same JSON with escapes for what a terminal would obey.
    pub(crate) fn json_text(&mut self, text: &str) -> Outcome {
        let line = if self.terminal {
            escaped(text)
        } else {
            text.to_owned()
        };
        self.write(&(line + "\n"))
    }

    /// A line on standard error that stays.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.quiet {
            self.end_progress();
            let _ = writeln!(
                io::stderr(),
                "{}",
                painted(self.rich_errors, Paint::Dim, &harmless(text))
            );
        }
    }

    /// A line on standard error that is replaced by the next one; only on a terminal.
    pub(crate) fn progress(&mut self, text: &str) {
        if self.live {
            let line: String = harmless(text).chars().filter(|c| *c != '\n').take(78).collect();
            let _ = write!(
                io::stderr(),
                "\r\x1b[2K{}",
                painted(self.rich_errors, Paint::Dim, &line)
            );
            let _ = io::stderr().flush();
            self.progress_shown = true;
        }
    }

    /// Takes the progress line away.
    pub(crate) fn end_progress(&mut self) {
        if self.progress_shown {
            let _ = write!(io::stderr(), "\r\x1b[2K");
            let _ = io::stderr().flush();
            self.progress_shown = false;
        }
    }

    /// An error: the sentence and the next step.
    pub(crate) fn complain(&mut self, message: &str, next: Option<&str>) {
        self.end_progress();
        let name = painted(self.rich_errors, Paint::Red, "clawctl:");
        let mut stderr = io::stderr();
        let _ = writeln!(stderr, "{name} {}", harmless(message));
        if let Some(next) = next {
            let label = painted(self.rich_errors, Paint::Bold, "next:");
            let _ = writeln!(stderr, "  {label} {}", harmless(next));
        }
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        self.end_progress();
    }
}

fn painted(rich: bool, paint: Paint, text: &str) -> String {
    if rich && !text.is_empty() {
        format!("\x1b[{}m{text}\x1b[0m", paint.code())
    } else {
        text.to_owned()
    }
}

/// What a terminal obeys (the control characters C0, DEL and C1, but not the end of a line and the tabulator), and marks that
/// turn the writing direction around.
fn is_obeyed(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text of others, without what a terminal obeys.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().filter(|c| !is_obeyed(*c)).collect()
}

/// JSON, in whose strings alone there can be such characters, with escapes for them.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_obeyed(c) {
            // All of them are below U+10000.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Text with nothing that a terminal obeys but colours and weights, and with those only where they are wanted.
fn obeyed_by_nobody(text: &str, colours: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(is_obeyed) {
        let (plain, from) = rest.split_at(at);
        out.push_str(plain);
        let colour = if colours { colour(from) } else { 0 };
        let (kept, _) = from.split_at(colour);
        out.push_str(kept);
        let skipped = if colour > 0 {
            colour
        } else {
            from.chars().next().map_or(0, char::len_utf8)
        };
        rest = from.get(skipped..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The length of the colour sequence (SGR) that a text begins with; 0 when it begins with something else.
fn colour(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\x1b[") else {
        return 0;
    };
    let digits = parameters
        .bytes()
        .take_while(|byte| byte.is_ascii_digit() || *byte == b';');
    let length = digits.count();
    if parameters.as_bytes().get(length) == Some(&b'm') {
        length + 3
    } else {
        0
    }
}

/// A table: aligned columns on a terminal, fields between tabs when piped.
pub(crate) fn table(term: &Term, head: &[&str], rows: &[Vec<String>]) -> String {
    use unicode_width::UnicodeWidthStr;
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| one_line(cell)).collect())
        .collect();
    let mut out = String::new();
    if !term.rich {
        for row in rows {
            out.push_str(&row.join("\t"));
            out.push('\n');
        }
        return out;
    }
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.width()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let pad = |cells: &[&str]| {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + 2));
        }
        line.truncate(line.trim_end().len());
        line
    };
    out.push_str(&term.paint(Paint::Dim, &pad(head)));
    out.push('\n');
    for row in &rows {
        out.push_str(&pad(&row.iter().map(String::as_str).collect::<Vec<_>>()));
        out.push('\n');
    }
    out
}

/// Text on one line and without tabs, for a field.
pub(crate) fn one_line(text: &str) -> String {
    clawtray_companion::text::one_line(&harmless(text), 400)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(rich: bool) -> Term {
        Term {
            rich,
            terminal: rich,
            rich_errors: false,
            live: false,
            quiet: true,
            progress_shown: false,
        }
    }

    #[test]
    fn text_of_others_cannot_steer_the_terminal() {
        assert_eq!(harmless("a\x1b[31mb\x07\u{9b}c\n\td\u{202e}e"), "a[31mbc\n\tde");
        let mixed = "\x1b[1mname\x1b[0m \x1b]0;owned\x07 \u{9b}2J \x1b[2J\x7f\u{200f} \x1b[";
        assert_eq!(
            obeyed_by_nobody(mixed, true),
            "\x1b[1mname\x1b[0m ]0;owned 2J [2J ["
        );
        assert_eq!(obeyed_by_nobody(mixed, false), "[1mname[0m ]0;owned 2J [2J [");
    }

    #[test]
    fn json_on_a_terminal_is_the_same_json() {
        let value = serde_json::json!({ "text": "a\x1b]0;x\x07 \u{9b}31m \u{202e} ä\n" });
        let text = serde_json::to_string_pretty(&value).unwrap();
        let shown = escaped(&text);
        assert!(shown.chars().all(|c| !is_obeyed(c)), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn tables_are_aligned_on_a_terminal_and_tabbed_in_a_pipe() {
        let rows = vec![
            vec!["a".to_owned(), "one\ttwo\nthree".to_owned()],
            vec!["日本".to_owned(), String::new()],
        ];
        assert_eq!(
            table(&term(false), &["K", "V"], &rows),
            "a\tone two three\n日本\t\n"
        );
        assert_eq!(
            table(&term(true), &["K", "V"], &rows),
            "\x1b[2mK     V\x1b[0m\na     one two three\n日本\n"
        );
    }

    #[test]
    fn colours_are_left_out_when_not_rich() {
        assert_eq!(term(false).paint(Paint::Red, "x"), "x");
        assert_eq!(term(true).paint(Paint::Red, "x"), "\x1b[31mx\x1b[0m");
    }
}
